//! The loop of one I/O thread.
#![forbid(unsafe_code)]

use super::{Care, Handle, Job, Jobs, Source, SourceKey};
use crate::errno::Result;
use crate::queue::Round;
use crate::sys::epoll::{Event, Interest, NO_EVENT};
use crate::sys::process::{Placement, generation};
use crate::sys::thread::{STACK, Thread};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, VecDeque};
use std::fmt;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How long bytes left behind may stand still before this thread sends them.
const FLUSH_TICK: Duration = Duration::from_micros(100);
/// How long the application may be silent before this thread reads for it.
const WATCH_TICK: Duration = Duration::from_millis(1);
/// Most descriptor reports taken at once.
const BATCH: usize = 128;
/// What reports of the bell carry.
const BELL: SourceKey = SourceKey(0);

/// A running I/O thread.
#[derive(Debug)]
pub struct Reactor {
    handle: Handle,
    thread: Option<Thread>,
    generation: u32,
}

impl Reactor {
    /// Starts a thread.
    ///
    /// # Errors
    /// EMFILE, ENFILE, ENOMEM, EAGAIN.
    pub fn start(name: fmt::Arguments<'_>, placement: Placement) -> Result<Reactor> {
        let handle = Handle::new()?;
        handle.add(handle.0.bell.fd(), BELL, Interest::IN)?;
        let mut io = Io::new(handle.clone());
        let thread = Thread::spawn(name, Some(STACK), move || {
            placement.apply();
            io.serve();
        })?;
        Ok(Reactor {
            handle,
            thread: Some(thread),
            generation: generation(),
        })
    }

    /// How to reach it.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Reactor {
    /// Stops the thread and waits for it. In the child of a fork there is no thread, and nothing happens.
    fn drop(&mut self) {
        let Some(thread) = self.thread.take() else {
            return;
        };
        if self.generation == generation() {
            self.handle.post(Job::Stop);
            thread.join();
        } else {
            std::mem::forget(thread);
        }
    }
}

/// What a source's callbacks may do on their thread.
pub struct Io {
    handle: Handle,
    sources: HashMap<u64, Arc<dyn Source>>,
    timers: BinaryHeap<Reverse<(Instant, u64, SourceKey, u8)>>,
    /// The sequence number under which each timer is due; others in the heap were cancelled.
    due: BTreeMap<(SourceKey, u8), u64>,
    sequence: u64,
    dirty: Round<Arc<dyn Source>>,
    watched: Vec<Arc<dyn Source>>,
    now: Instant,
    stopping: bool,
}

impl Io {
    fn new(handle: Handle) -> Io {
        Io {
            handle,
            sources: HashMap::new(),
            timers: BinaryHeap::new(),
            due: BTreeMap::new(),
            sequence: 0,
            dirty: Round::default(),
            watched: Vec::new(),
            now: Instant::now(),
            stopping: false,
        }
    }

    /// The thread's handle.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// The time at which this turn began.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Takes a source in: its descriptor reports and timers now reach it.
    pub fn adopt(&mut self, source: Arc<dyn Source>) {
        if self.sources.insert(source.key().0, source).is_none() {
            self.handle.0.load.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Lets a source go, with its timers.
    pub fn release(&mut self, key: SourceKey) {
        if self.sources.remove(&key.0).is_some() {
            self.handle.0.load.fetch_sub(1, Ordering::Relaxed);
        }
        let all = (key, u8::MIN)..=(key, u8::MAX);
        while let Some((&timer, _)) = self.due.range(all.clone()).next() {
            self.due.remove(&timer);
        }
    }

    /// Sets a timer of a source's, or sets it anew.
    pub fn set_timer(&mut self, key: SourceKey, timer: u8, after: Duration) {
        self.sequence += 1;
        let at = Instant::now() + after.min(Duration::from_secs(1 << 31));
        self.due.insert((key, timer), self.sequence);
        self.timers.push(Reverse((at, self.sequence, key, timer)));
    }

    /// Cancels a timer.
    pub fn cancel_timer(&mut self, key: SourceKey, timer: u8) {
        self.due.remove(&(key, timer));
    }

    /// True when a timer is set.
    pub fn has_timer(&self, key: SourceKey, timer: u8) -> bool {
        self.due.contains_key(&(key, timer))
    }

    /// Adds a descriptor of an adopted source.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn add(&self, fd: RawFd, key: SourceKey, interest: Interest) -> Result<()> {
        self.handle.add(fd, key, interest)
    }

    fn serve(&mut self) {
        let mut events: [Event; BATCH] = [NO_EVENT; BATCH];
        let mut next_flush: Option<Instant> = None;
        let mut next_watch: Option<Instant> = None;
        while !self.stopping {
            let timeout = self.timeout(next_flush, next_watch);
            let count = self
                .handle
                .0
                .epoll
                .wait(&mut events, timeout)
                .map_or(0, <[Event]>::len);
            self.now = Instant::now();
            for event in &events[..count] {
                let (key, bits) = (event.u64, event.events);
                if key == BELL.0 {
                    self.handle.0.bell.answer();
                } else if let Some(source) = self.sources.get(&key).cloned() {
                    source.ready(self, Interest(bits));
                }
            }
            self.do_jobs();
            self.fire_timers();
            if !self.watched.is_empty() && next_watch.is_none_or(|at| at <= self.now) {
                if next_watch.is_some() {
                    self.look_after_watched();
                }
                next_watch = Some(self.now + WATCH_TICK);
            }
            if self.watched.is_empty() {
                next_watch = None;
            }
            if self.handle.0.dirty.is_armed() {
                if next_flush.is_some_and(|at| at <= self.now) {
                    self.flush_dirty();
                    next_flush = None;
                }
                if self.handle.0.dirty.is_armed() {
                    next_flush = next_flush.or(Some(self.now + FLUSH_TICK));
                }
            }
        }
        // Sources hold the handle: those that still wait here would keep it, and it them.
        self.handle.0.dirty.forget();
        let closed = Jobs {
            waiting: VecDeque::new(),
            closed: true,
        };
        let jobs = std::mem::replace(&mut *self.handle.0.jobs.lock(), closed);
        drop(jobs);
    }

    fn timeout(
        &mut self,
        next_flush: Option<Instant>,
        next_watch: Option<Instant>,
    ) -> Option<Duration> {
        let mut at = next_flush.into_iter().chain(next_watch).min();
        while let Some(&Reverse((due, sequence, key, timer))) = self.timers.peek() {
            if self.due.get(&(key, timer)) == Some(&sequence) {
                at = Some(at.map_or(due, |other| other.min(due)));
                break;
            }
            self.timers.pop();
        }
        at.map(|at| at.saturating_duration_since(Instant::now()))
    }

    fn do_jobs(&mut self) {
        // One that comes meanwhile has its turn after all else that waits.
        let mut left = self.handle.0.jobs.lock().waiting.len();
        while left > 0
            && let Some(job) = self.handle.next_job()
        {
            left -= 1;
            match job {
                Job::Run(source) => source.run(self),
                Job::Watch(source) => {
                    if self.watched.iter().any(|other| other.key() == source.key()) {
                        self.handle.0.watched.fetch_sub(1, Ordering::Relaxed);
                    } else {
                        self.watched.push(source);
                    }
                }
                Job::Stop => self.stopping = true,
            }
        }
    }

    fn fire_timers(&mut self) {
        while let Some(&Reverse((at, sequence, key, timer))) = self.timers.peek() {
            if at > self.now {
                break;
            }
            self.timers.pop();
            if self.due.get(&(key, timer)) != Some(&sequence) {
                continue;
            }
            self.due.remove(&(key, timer));
            if let Some(source) = self.sources.get(&key.0).cloned() {
                source.timer(self, timer);
            }
        }
    }

    fn look_after_watched(&mut self) {
        let mut watched = std::mem::take(&mut self.watched);
        watched.retain(|source| {
            let keep = source.clone().watch(self) == Care::Keep;
            if !keep {
                self.handle.0.watched.fetch_sub(1, Ordering::Relaxed);
            }
            keep
        });
        watched.append(&mut self.watched);
        self.watched = watched;
    }

    fn flush_dirty(&mut self) {
        let handle = self.handle.clone();
        let mut round = std::mem::take(&mut self.dirty);
        round.look(
            &handle.0.dirty,
            |source| source.clone().flush(self) == Care::Keep,
            |source| source.clone().flushed() == Care::Keep,
        );
        self.dirty = round;
    }
}

#[cfg(all(test, loom))]
impl Io {
    /// The thread's part in a model, which runs it in a thread of its own.
    pub fn in_model() -> Io {
        Io::new(Handle::new().unwrap())
    }

    /// One turn: each tick comes at once.
    pub fn turn(&mut self) {
        self.do_jobs();
        if self.handle.0.dirty.is_armed() {
            self.flush_dirty();
        }
    }

    /// Turns until [`stop`](Handle::stop), and as long as it has to look at each tick.
    pub fn serve_model(&mut self) {
        loop {
            self.turn();
            if self.handle.0.dirty.is_armed() {
                // Whoever has a token gets time to be done.
                crate::sync::yield_now();
            } else if self.stopping {
                return;
            } else {
                self.handle.0.bell.sleep();
                self.handle.0.bell.answer();
            }
        }
    }
}

#[cfg(all(test, loom))]
impl Handle {
    /// The model's other threads are done.
    pub fn stop(&self) {
        self.post(Job::Stop);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    struct Idle(SourceKey);

    impl Source for Idle {
        fn key(&self) -> SourceKey {
            self.0
        }

        fn ready(self: Arc<Self>, _io: &mut Io, _events: Interest) {}

        fn timer(self: Arc<Self>, _io: &mut Io, _timer: u8) {}

        fn run(self: Arc<Self>, _io: &mut Io) {}
    }

    #[test]
    fn a_stopped_thread_keeps_no_source() {
        let reactor = Reactor::start(format_args!("test"), Placement::default()).unwrap();
        let handle = reactor.handle().clone();
        drop(reactor);
        let source = Arc::new(Idle(SourceKey::fresh()));
        handle.run(source.clone());
        handle.watch(source.clone());
        assert_eq!(Arc::strong_count(&source), 1);
    }
}
