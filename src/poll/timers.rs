//! A set of repeating timers that its owner runs by hand: the core of `zmq_timers_*`.
//!
//! It holds no clock and calls nobody. Time is an argument, measured from an origin of the caller's choosing that never
//! runs backwards. Due timers are handed out one at a time, so nothing is borrowed while a handler runs and the handler
//! may change the set it was fired from.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::time::Duration;

use crate::errno::{Errno, Result};

/// When a timer is due, and the order of arming among timers due at the same moment.
type Due = (Duration, u64);

/// A set of timers. `C` is what the owner needs to call a handler.
#[derive(Debug)]
pub struct Timers<C> {
    timers: BTreeMap<i32, Timer<C>>,
    queue: BTreeMap<Due, i32>,
    last_id: i32,
    armed: u64,
}

#[derive(Debug)]
struct Timer<C> {
    interval: Duration,
    callback: C,
    due: Due,
    /// Its handler has been handed out and has not come back: a nested round passes it over, or a timer of
    /// interval 0 whose handler runs the set would never end.
    running: bool,
}

/// One pass over the timers that are due.
///
/// Timers armed after it began (added, reset, or fired once already) wait for the next one, so a pass always ends.
#[derive(Debug)]
pub struct Round {
    now: Duration,
    armed: u64,
    running: Option<i32>,
}

impl<C> Default for Timers<C> {
    fn default() -> Self {
        Timers {
            timers: BTreeMap::new(),
            queue: BTreeMap::new(),
            last_id: 0,
            armed: 0,
        }
    }
}

impl<C: Clone> Timers<C> {
    /// An empty set.
    pub fn new() -> Self {
        Timers::default()
    }

    /// Adds a timer that is first due one interval from now. Ids count up from 1.
    pub fn add(&mut self, interval: Duration, callback: C, now: Duration) -> i32 {
        let id = self.free_id();
        let due = self.due(interval, now);
        self.queue.insert(due, id);
        self.timers.insert(
            id,
            Timer {
                interval,
                callback,
                due,
                running: false,
            },
        );
        id
    }

    /// Removes a timer. EINVAL if there is none of this id.
    pub fn cancel(&mut self, id: i32) -> Result<()> {
        let timer = self.timers.remove(&id).ok_or(Errno::EINVAL)?;
        self.queue.remove(&timer.due);
        Ok(())
    }

    /// Gives a timer another interval, counted from now. EINVAL if there is none of this id.
    pub fn set_interval(&mut self, id: i32, interval: Duration, now: Duration) -> Result<()> {
        self.timers.get_mut(&id).ok_or(Errno::EINVAL)?.interval = interval;
        self.arm(id, now)
    }

    /// Starts a timer's interval anew. EINVAL if there is none of this id.
    pub fn reset(&mut self, id: i32, now: Duration) -> Result<()> {
        self.arm(id, now)
    }

    /// How long until the next timer is due: zero if one is, `None` if there are no timers.
    pub fn timeout(&self, now: Duration) -> Option<Duration> {
        let (&(at, _), _) = self.queue.first_key_value()?;
        Some(at.saturating_sub(now))
    }

    /// Begins a pass over the timers due now.
    pub fn begin(&self, now: Duration) -> Round {
        Round {
            now,
            armed: self.armed,
            running: None,
        }
    }

    /// The next timer of this pass, oldest first, armed again before it is handed out: what its handler does to it
    /// then holds. Ask until `None`; each call says that the handler handed out before has returned.
    pub fn next_due(&mut self, round: &mut Round) -> Option<(i32, C)> {
        self.returned(round);
        let timers = &self.timers;
        let (_, &id) = self
            .queue
            .range(..=(round.now, u64::MAX))
            .find(|((_, armed), id)| {
                *armed < round.armed && timers.get(id).is_some_and(|timer| !timer.running)
            })?;
        self.arm(id, round.now).ok()?;
        let timer = self.timers.get_mut(&id)?;
        timer.running = true;
        round.running = Some(id);
        Some((id, timer.callback.clone()))
    }

    /// Removes all timers; a pass under way ends.
    pub fn clear(&mut self) {
        self.timers.clear();
        self.queue.clear();
    }

    fn returned(&mut self, round: &mut Round) {
        if let Some(timer) = round.running.take().and_then(|id| self.timers.get_mut(&id)) {
            timer.running = false;
        }
    }

    fn arm(&mut self, id: i32, now: Duration) -> Result<()> {
        let interval = self.timers.get(&id).ok_or(Errno::EINVAL)?.interval;
        let due = self.due(interval, now);
        let timer = self.timers.get_mut(&id).ok_or(Errno::EINVAL)?;
        self.queue.remove(&timer.due);
        self.queue.insert(due, id);
        timer.due = due;
        Ok(())
    }

    fn due(&mut self, interval: Duration, now: Duration) -> Due {
        let order = self.armed;
        self.armed += 1;
        (now.saturating_add(interval), order)
    }

    /// The next id no living timer has: ids start over after two thousand million adds.
    fn free_id(&mut self) -> i32 {
        loop {
            self.last_id = if self.last_id == i32::MAX {
                1
            } else {
                self.last_id + 1
            };
            if !self.timers.contains_key(&self.last_id) {
                return self.last_id;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::rc::Rc;

    type Set = Rc<RefCell<Timers<Handler>>>;

    type Function = dyn Fn(&Set, i32);

    #[derive(Clone)]
    struct Handler(Rc<Function>);

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    fn set() -> Set {
        Rc::new(RefCell::new(Timers::new()))
    }

    fn handler(handler: impl Fn(&Set, i32) + 'static) -> Handler {
        Handler(Rc::new(handler))
    }

    fn idle() -> Handler {
        handler(|_, _| ())
    }

    fn add(set: &Set, interval: u64, handler: Handler) -> i32 {
        set.borrow_mut().add(ms(interval), handler, ms(0))
    }

    /// Runs one pass and returns the ids fired, in order.
    fn execute(set: &Set, now: Duration) -> Vec<i32> {
        let mut fired = Vec::new();
        let mut round = set.borrow().begin(now);
        loop {
            let due = set.borrow_mut().next_due(&mut round);
            let Some((id, Handler(handler))) = due else {
                return fired;
            };
            fired.push(id);
            handler(set, id);
        }
    }

    #[test]
    fn ids_count_up_from_one() {
        let set = set();
        assert_eq!(
            [
                add(&set, 1, idle()),
                add(&set, 1, idle()),
                add(&set, 1, idle())
            ],
            [1, 2, 3]
        );
    }

    #[test]
    fn ids_start_over_past_living_timers() {
        let set = set();
        add(&set, 1, idle());
        set.borrow_mut().last_id = i32::MAX;
        assert_eq!(add(&set, 1, idle()), 2);
    }

    #[test]
    fn unknown_ids_are_refused() {
        let mut timers: Timers<()> = Timers::new();
        assert_eq!(timers.cancel(1), Err(Errno::EINVAL));
        assert_eq!(timers.set_interval(1, ms(1), ms(0)), Err(Errno::EINVAL));
        assert_eq!(timers.reset(1, ms(0)), Err(Errno::EINVAL));
    }

    #[test]
    fn a_cancelled_timer_is_unknown() {
        let mut timers = Timers::new();
        let id = timers.add(ms(1), (), ms(0));
        assert_eq!(timers.cancel(id), Ok(()));
        assert_eq!(timers.cancel(id), Err(Errno::EINVAL));
        assert_eq!(timers.reset(id, ms(0)), Err(Errno::EINVAL));
        assert_eq!(timers.timeout(ms(0)), None);
    }

    #[test]
    fn timeout_is_the_time_to_the_next_timer() {
        let mut timers = Timers::new();
        assert_eq!(timers.timeout(ms(0)), None);
        timers.add(ms(100), (), ms(0));
        timers.add(ms(40), (), ms(10));
        assert_eq!(timers.timeout(ms(20)), Some(ms(30)));
        assert_eq!(timers.timeout(ms(70)), Some(ms(0)));
    }

    #[test]
    fn the_longest_interval_never_comes() {
        let mut timers = Timers::new();
        timers.add(Duration::MAX, (), ms(5));
        assert_eq!(timers.timeout(ms(5)), Some(Duration::MAX - ms(5)));
        let mut round = timers.begin(ms(u64::MAX));
        assert!(timers.next_due(&mut round).is_none());
    }

    #[test]
    fn fires_when_due_and_again_one_interval_after_the_pass() {
        let set = set();
        let id = add(&set, 100, idle());
        assert!(execute(&set, ms(0)).is_empty());
        assert!(execute(&set, ms(99)).is_empty());
        assert_eq!(execute(&set, ms(120)), [id]);
        assert!(execute(&set, ms(219)).is_empty());
        assert_eq!(execute(&set, ms(220)), [id]);
    }

    #[test]
    fn fires_in_order_of_time_then_of_arming() {
        let set = set();
        let [late, first, second] = [3, 2, 2].map(|interval| add(&set, interval, idle()));
        assert_eq!(execute(&set, ms(3)), [first, second, late]);
    }

    #[test]
    fn reset_starts_the_interval_anew() {
        let set = set();
        let id = add(&set, 100, idle());
        set.borrow_mut().reset(id, ms(50)).unwrap();
        assert!(execute(&set, ms(149)).is_empty());
        assert_eq!(execute(&set, ms(150)), [id]);
    }

    #[test]
    fn set_interval_counts_from_now() {
        let set = set();
        let id = add(&set, 100, idle());
        set.borrow_mut().set_interval(id, ms(50), ms(10)).unwrap();
        assert_eq!(set.borrow().timeout(ms(10)), Some(ms(50)));
        assert_eq!(execute(&set, ms(60)), [id]);
        assert_eq!(set.borrow().timeout(ms(60)), Some(ms(50)));
    }

    #[test]
    fn interval_zero_fires_once_a_pass() {
        let set = set();
        let id = add(&set, 0, idle());
        assert_eq!(execute(&set, ms(0)), [id]);
        assert_eq!(execute(&set, ms(0)), [id]);
        assert_eq!(set.borrow().timeout(ms(0)), Some(ms(0)));
    }

    #[test]
    fn a_handler_may_cancel_itself_and_others() {
        let set = set();
        let own = add(
            &set,
            1,
            handler(|set, id| set.borrow_mut().cancel(id).unwrap()),
        );
        let doomed = 3;
        let other = add(
            &set,
            1,
            handler(move |set, _| set.borrow_mut().cancel(doomed).unwrap()),
        );
        assert_eq!(add(&set, 1, idle()), doomed);
        assert_eq!(execute(&set, ms(1)), [own, other]);
        set.borrow_mut().cancel(other).unwrap();
        assert_eq!(set.borrow().timeout(ms(1)), None);
    }

    #[test]
    fn a_handler_that_adds_is_not_followed_in_the_same_pass() {
        let set = set();
        let id = add(
            &set,
            0,
            handler(|set, _| {
                set.borrow_mut().add(ms(0), idle(), ms(0));
            }),
        );
        assert_eq!(execute(&set, ms(0)), [id]);
        assert_eq!(execute(&set, ms(0)).len(), 2);
    }

    #[test]
    fn a_handler_may_rearm_itself() {
        let set = set();
        let id = add(
            &set,
            10,
            handler(|set, id| set.borrow_mut().set_interval(id, ms(50), ms(12)).unwrap()),
        );
        assert_eq!(execute(&set, ms(10)), [id]);
        assert_eq!(set.borrow().timeout(ms(12)), Some(ms(50)));
    }

    #[test]
    fn a_handler_may_put_off_another() {
        let set = set();
        let first = add(
            &set,
            1,
            handler(|set, _| set.borrow_mut().reset(2, ms(1)).unwrap()),
        );
        let second = add(&set, 1, idle());
        assert_eq!(execute(&set, ms(1)), [first]);
        set.borrow_mut().cancel(first).unwrap();
        assert_eq!(execute(&set, ms(2)), [second]);
    }

    #[test]
    fn a_nested_pass_runs_the_others_and_ends() {
        let set = set();
        let inner = Rc::new(RefCell::new(Vec::new()));
        let seen = inner.clone();
        let outer = add(
            &set,
            0,
            handler(move |set, _| seen.borrow_mut().extend(execute(set, ms(5)))),
        );
        let other = add(&set, 1, idle());
        assert_eq!(execute(&set, ms(5)), [outer]);
        assert_eq!(*inner.borrow(), [other]);
    }

    #[test]
    fn clearing_ends_a_pass() {
        let set = set();
        let first = add(&set, 1, handler(|set, _| set.borrow_mut().clear()));
        add(&set, 1, idle());
        assert_eq!(execute(&set, ms(1)), [first]);
    }
}
