//! `zmq_timers_*`: repeating timers that the application runs by hand.
//!
//! All calls answer EFAULT to a NULL, misaligned, foreign or destroyed set (see [`super::tagged`] for the limits of that).
//! A set is meant for one thread; calls from two do not corrupt it, save destroying a set while another thread uses it.

use std::ffi::{c_int, c_long, c_void};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::error::{report, report_long, report_ptr};
use super::tagged::{self, Family};
use crate::errno::{Errno, Result};
use crate::poll::timers::Timers;

/// `zmq_timer_fn`: called with the timer's id and the argument given to `zmq_timers_add`.
pub type TimerFn = unsafe extern "C" fn(timer_id: c_int, arg: *mut c_void);

/// A timer set as the application holds it. A pass under way shares it, so a handler may destroy the handle.
struct TimerSet(Arc<Mutex<Timers<Call>>>);

impl Family for TimerSet {
    const TAG: u32 = 0xCAFE_DADA;
}

#[derive(Clone, Copy)]
struct Call {
    handler: TimerFn,
    arg: *mut c_void,
}

// SAFETY: the argument is the application's. It is never dereferenced here, only handed back on the thread that runs
// the set, which is the application's choice.
unsafe impl Send for Call {}

impl TimerSet {
    fn new() -> TimerSet {
        TimerSet(Arc::new(Mutex::new(Timers::new())))
    }
}

impl Drop for TimerSet {
    fn drop(&mut self) {
        self.0.lock().clear();
    }
}

/// Fires what is due. The set is not locked while a handler runs.
///
/// # Safety
/// The handlers in the set can be called with their arguments.
unsafe fn run_due(set: &Mutex<Timers<Call>>) {
    let mut round = set.lock().begin(now());
    loop {
        let due = set.lock().next_due(&mut round);
        let Some((id, call)) = due else { return };
        // SAFETY: as promised by the caller.
        unsafe { (call.handler)(id, call.arg) };
    }
}

fn now() -> Duration {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    ORIGIN.get_or_init(Instant::now).elapsed()
}

fn interval(milliseconds: usize) -> Duration {
    Duration::from_millis(u64::try_from(milliseconds).unwrap_or(u64::MAX))
}

/// Whole milliseconds, rounded up: who sleeps that long finds the timer due.
fn milliseconds(duration: Duration) -> c_long {
    c_long::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(c_long::MAX)
}

/// # Safety
/// As for [`tagged::get`].
unsafe fn set<'a>(timers: *mut c_void) -> Result<&'a Mutex<Timers<Call>>> {
    // SAFETY: as promised by the caller.
    unsafe { tagged::get::<TimerSet>(timers) }.map(|set| &*set.0)
}

/// Makes an empty timer set, to be destroyed with [`zmq_timers_destroy`]. NULL and ENOMEM if there is no memory.
///
/// # Safety
/// Nothing to observe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_timers_new() -> *mut c_void {
    report_ptr(tagged::create(TimerSet::new()))
}

/// Destroys a timer set and sets the variable to NULL. A handler may do this to the set that runs it: no other timer
/// fires then.
///
/// # Safety
/// `timers_p` is NULL or points to a variable; the pointer in it is NULL or points to readable memory. No other thread
/// is using the set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_timers_destroy(timers_p: *mut *mut c_void) -> c_int {
    // SAFETY: as promised by the caller.
    report(unsafe { tagged::destroy_in::<TimerSet>(timers_p) }.map(|_| 0))
}

/// Adds a timer that fires every `interval` milliseconds and returns its id. EFAULT without a handler.
///
/// # Safety
/// `timers` is NULL or points to readable memory. `handler` is NULL or can be called with `arg` from
/// [`zmq_timers_execute`] until the timer is cancelled.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_timers_add(
    timers: *mut c_void,
    interval_ms: usize,
    handler: Option<TimerFn>,
    arg: *mut c_void,
) -> c_int {
    // SAFETY: as promised by the caller.
    report(unsafe { set(timers) }.and_then(|set| {
        let handler = handler.ok_or(Errno::EFAULT)?;
        Ok(set
            .lock()
            .add(interval(interval_ms), Call { handler, arg }, now()))
    }))
}

/// Removes a timer. EINVAL if there is none of this id.
///
/// # Safety
/// `timers` is NULL or points to readable memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_timers_cancel(timers: *mut c_void, timer_id: c_int) -> c_int {
    // SAFETY: as promised by the caller.
    report(
        unsafe { set(timers) }
            .and_then(|set| set.lock().cancel(timer_id))
            .map(|()| 0),
    )
}

/// Gives a timer another interval, counted from now. EINVAL if there is none of this id.
///
/// # Safety
/// `timers` is NULL or points to readable memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_timers_set_interval(
    timers: *mut c_void,
    timer_id: c_int,
    interval_ms: usize,
) -> c_int {
    // SAFETY: as promised by the caller.
    let set = unsafe { set(timers) };
    report(
        set.and_then(|set| {
            set.lock()
                .set_interval(timer_id, interval(interval_ms), now())
        })
        .map(|()| 0),
    )
}

/// Starts a timer's interval anew. EINVAL if there is none of this id.
///
/// # Safety
/// `timers` is NULL or points to readable memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_timers_reset(timers: *mut c_void, timer_id: c_int) -> c_int {
    // SAFETY: as promised by the caller.
    report(
        unsafe { set(timers) }
            .and_then(|set| set.lock().reset(timer_id, now()))
            .map(|()| 0),
    )
}

/// Milliseconds until the next timer is due, 0 if one is. Without timers -1, and `errno` stays as it was.
///
/// # Safety
/// `timers` is NULL or points to readable memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_timers_timeout(timers: *mut c_void) -> c_long {
    // SAFETY: as promised by the caller.
    report_long(
        unsafe { set(timers) }.map(|set| set.lock().timeout(now()).map_or(-1, milliseconds)),
    )
}

/// Calls the handlers of all timers that are due, each once, and arms them again. Handlers may use the set, run it and
/// destroy it.
///
/// # Safety
/// `timers` is NULL or points to readable memory. The handlers in the set can be called with their arguments.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_timers_execute(timers: *mut c_void) -> c_int {
    // SAFETY: as promised by the caller.
    let set = unsafe { tagged::get::<TimerSet>(timers) }.map(|set| Arc::clone(&set.0));
    // SAFETY: as promised by the caller.
    report(set.map(|set| unsafe { run_due(&set) }).map(|()| 0))
}

#[cfg(test)]
mod tests {
    use super::super::error::set_errno;
    use super::*;
    use std::cell::Cell;
    use std::ptr;
    use std::thread::sleep;

    /// What the handlers of a test see: the set, and how often they ran.
    struct Seen {
        timers: Cell<*mut c_void>,
        fired: Cell<u32>,
    }

    impl Seen {
        fn new() -> Seen {
            Seen {
                timers: Cell::new(call!(zmq_timers_new())),
                fired: Cell::new(0),
            }
        }

        fn timers(&self) -> *mut c_void {
            self.timers.get()
        }

        fn add(&self, interval: usize, handler: TimerFn) -> c_int {
            call!(zmq_timers_add(
                self.timers(),
                interval,
                Some(handler),
                ptr::from_ref(self).cast_mut().cast(),
            ))
        }

        /// How many handlers one pass called.
        fn execute(&self) -> u32 {
            let before = self.fired.get();
            assert_eq!(call!(zmq_timers_execute(self.timers())), 0);
            self.fired.get() - before
        }

        fn timeout(&self) -> c_long {
            call!(zmq_timers_timeout(self.timers()))
        }

        fn sleep_out(&self) {
            sleep(Duration::from_millis(self.timeout().try_into().unwrap()));
        }
    }

    impl Drop for Seen {
        fn drop(&mut self) {
            call!(zmq_timers_destroy(self.timers.as_ptr()));
        }
    }

    unsafe fn seen<'a>(arg: *mut c_void) -> &'a Seen {
        let seen = call!(&*arg.cast::<Seen>());
        seen.fired.set(seen.fired.get() + 1);
        seen
    }

    unsafe extern "C" fn count(_: c_int, arg: *mut c_void) {
        call!(seen(arg));
    }

    unsafe extern "C" fn cancel_itself(id: c_int, arg: *mut c_void) {
        assert_eq!(call!(zmq_timers_cancel(seen(arg).timers(), id)), 0);
    }

    unsafe extern "C" fn change_itself(id: c_int, arg: *mut c_void) {
        let timers = call!(seen(arg).timers());
        assert_eq!(call!(zmq_timers_set_interval(timers, id, 60_000)), 0);
        assert_eq!(call!(zmq_timers_reset(timers, id)), 0);
    }

    unsafe extern "C" fn add_another(_: c_int, arg: *mut c_void) {
        assert!(call!(seen(arg)).add(0, count) > 0);
    }

    unsafe extern "C" fn run_the_set(_: c_int, arg: *mut c_void) {
        assert_eq!(call!(zmq_timers_execute(seen(arg).timers())), 0);
    }

    unsafe extern "C" fn destroy_the_set(_: c_int, arg: *mut c_void) {
        assert_eq!(call!(zmq_timers_destroy(seen(arg).timers.as_ptr())), 0);
    }

    fn fails(result: impl Into<i64>, errno: Errno) {
        assert_eq!((result.into(), Errno::last()), (-1, errno));
    }

    fn every_call_faults(timers: *mut c_void) {
        let mut variable = timers;
        call! {
            fails(zmq_timers_destroy(&mut variable), Errno::EFAULT);
            fails(
                zmq_timers_add(timers, 1, Some(count), ptr::null_mut()),
                Errno::EFAULT,
            );
            fails(zmq_timers_cancel(timers, 1), Errno::EFAULT);
            fails(zmq_timers_set_interval(timers, 1, 1), Errno::EFAULT);
            fails(zmq_timers_reset(timers, 1), Errno::EFAULT);
            fails(zmq_timers_timeout(timers), Errno::EFAULT);
            fails(zmq_timers_execute(timers), Errno::EFAULT);
        }
        assert_eq!(variable, timers);
    }

    #[test]
    fn null_is_a_fault() {
        every_call_faults(ptr::null_mut());
        fails(call!(zmq_timers_destroy(ptr::null_mut())), Errno::EFAULT);
    }

    #[test]
    fn a_foreign_pointer_is_a_fault() {
        let mut memory = [0u64; 8];
        every_call_faults((&raw mut memory).cast());
        every_call_faults((&raw mut memory).wrapping_byte_add(1).cast());
    }

    #[test]
    fn destroying_clears_the_variable() {
        let mut timers = call!(zmq_timers_new());
        assert!(!timers.is_null());
        assert_eq!(call!(zmq_timers_destroy(&mut timers)), 0);
        assert!(timers.is_null());
    }

    #[test]
    fn a_missing_handler_is_a_fault() {
        let seen = Seen::new();
        fails(
            call!(zmq_timers_add(seen.timers(), 1, None, ptr::null_mut())),
            Errno::EFAULT,
        );
    }

    #[test]
    fn unknown_ids_are_invalid() {
        let seen = Seen::new();
        call! {
            fails(zmq_timers_cancel(seen.timers(), 1), Errno::EINVAL);
            fails(zmq_timers_set_interval(seen.timers(), 1, 1), Errno::EINVAL);
            fails(zmq_timers_reset(seen.timers(), 1), Errno::EINVAL);
        }
    }

    #[test]
    fn cancelling_twice_is_invalid() {
        let seen = Seen::new();
        let id = seen.add(1, count);
        assert_eq!(call!(zmq_timers_cancel(seen.timers(), id)), 0);
        fails(call!(zmq_timers_cancel(seen.timers(), id)), Errno::EINVAL);
    }

    #[test]
    fn without_timers_the_timeout_is_minus_one_and_errno_stays() {
        let seen = Seen::new();
        set_errno(Errno::EINVAL);
        assert_eq!((seen.timeout(), Errno::last()), (-1, Errno::EINVAL));
    }

    #[test]
    fn the_longest_interval_is_accepted() {
        let seen = Seen::new();
        assert_eq!(seen.add(usize::MAX, count), 1);
        assert_eq!(seen.execute(), 0);
        assert!(seen.timeout() > c_long::from(c_int::MAX));
    }

    #[test]
    fn a_timer_does_not_fire_before_its_time() {
        let seen = Seen::new();
        seen.add(60_000, count);
        assert_eq!(seen.execute(), 0);
        assert!((1..=60_000).contains(&seen.timeout()));
    }

    #[test]
    fn the_timeout_is_long_enough() {
        let seen = Seen::new();
        seen.add(5, count);
        seen.sleep_out();
        assert_eq!(seen.timeout(), 0);
        assert_eq!(seen.execute(), 1);
    }

    #[test]
    fn fires_again_after_its_interval() {
        let seen = Seen::new();
        seen.add(5, count);
        for _ in 0..3 {
            seen.sleep_out();
            assert_eq!(seen.execute(), 1);
        }
    }

    #[test]
    fn the_interval_can_change_at_once() {
        let seen = Seen::new();
        let id = seen.add(60_000, count);
        assert_eq!(call!(zmq_timers_set_interval(seen.timers(), id, 1)), 0);
        seen.sleep_out();
        assert_eq!(seen.execute(), 1);
    }

    #[test]
    fn a_handler_may_cancel_itself() {
        let seen = Seen::new();
        seen.add(0, cancel_itself);
        assert_eq!(seen.execute(), 1);
        assert_eq!((seen.execute(), seen.timeout()), (0, -1));
    }

    #[test]
    fn a_handler_may_change_itself() {
        let seen = Seen::new();
        seen.add(0, change_itself);
        assert_eq!(seen.execute(), 1);
        assert!(seen.timeout() > 1_000);
    }

    #[test]
    fn what_a_handler_adds_waits_for_the_next_pass() {
        let seen = Seen::new();
        seen.add(0, add_another);
        assert_eq!(seen.execute(), 1);
        assert_eq!(seen.execute(), 2);
    }

    #[test]
    fn a_handler_may_run_the_set() {
        let seen = Seen::new();
        seen.add(0, run_the_set);
        seen.add(0, count);
        assert_eq!(seen.execute(), 2);
    }

    #[test]
    fn a_handler_may_destroy_the_set() {
        let seen = Seen::new();
        seen.add(0, destroy_the_set);
        seen.add(0, count);
        assert_eq!(seen.execute(), 1);
        assert!(seen.timers().is_null());
    }
}
