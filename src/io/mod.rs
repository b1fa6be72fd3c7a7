//! The I/O threads: what they wait on, their timers, and how others reach them.
//!
//! A [`Source`] is anything that lives on an I/O thread: a connection, a listener. Its callbacks run on that thread
//! only, one at a time, and must not block. Other threads reach it through the thread's [`Handle`]: [`Handle::run`] asks
//! for a call of [`Source::run`] soon; [`Handle::mark_dirty`] asks that bytes left behind be looked after once they
//! stop moving.
#![forbid(unsafe_code)]

mod reactor;
mod waitset;

pub use reactor::{Io, Reactor};
pub use waitset::{Ready, WaitSet};

use crate::errno::Result;
use crate::queue::{DirtyList, Doorbell};
use crate::sys::epoll::{Epoll, Interest};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Names a source for ever.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct SourceKey(u64);

impl SourceKey {
    /// A key never used before.
    pub fn fresh() -> SourceKey {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        SourceKey(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// What a source answers when its thread looks after it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Care {
    /// Look again at the next tick.
    Keep,
    /// Nothing left to look after.
    Done,
}

/// Anything that lives on an I/O thread.
pub trait Source: Send + Sync {
    /// Its name on the thread.
    fn key(&self) -> SourceKey;
    /// Its descriptor is ready.
    fn ready(self: Arc<Self>, io: &mut Io, events: Interest);
    /// A timer it set has run out.
    fn timer(self: Arc<Self>, io: &mut Io, timer: u8);
    /// Someone asked for it.
    fn run(self: Arc<Self>, io: &mut Io);
    /// Some 100 µs after bytes were left behind: have they moved, or must this thread send them?
    fn flush(self: Arc<Self>, _io: &mut Io) -> Care {
        Care::Done
    }
    /// [`flush`](Source::flush) was done, and all threads passed a fence since: was it?
    fn flushed(self: Arc<Self>) -> Care {
        Care::Done
    }
    /// A millisecond after the application took over reading: is it still there, or must this thread read?
    fn watch(self: Arc<Self>, _io: &mut Io) -> Care {
        Care::Done
    }
}

enum Job {
    Run(Arc<dyn Source>),
    Watch(Arc<dyn Source>),
    Stop,
}

/// What others ask of the thread.
#[derive(Default)]
struct Jobs {
    waiting: VecDeque<Job>,
    /// The thread is gone. A source holds the handle: left waiting here, it would keep it, and it the source, for ever.
    closed: bool,
}

struct Shared {
    epoll: Epoll,
    bell: Doorbell,
    jobs: Mutex<Jobs>,
    dirty: DirtyList<Arc<dyn Source>>,
    load: AtomicUsize,
    /// Sources that are watched, or about to be.
    watched: AtomicUsize,
}

/// How other threads reach an I/O thread.
#[derive(Clone)]
pub struct Handle(Arc<Shared>);

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "io::Handle(load {})", self.load())
    }
}

impl Handle {
    fn new() -> Result<Handle> {
        let shared = Shared {
            epoll: Epoll::new()?,
            bell: Doorbell::new()?,
            jobs: Mutex::default(),
            dirty: DirtyList::default(),
            load: AtomicUsize::new(0),
            watched: AtomicUsize::new(0),
        };
        Ok(Handle(Arc::new(shared)))
    }

    fn post(&self, job: Job) {
        let mut jobs = self.0.jobs.lock();
        if jobs.closed {
            return;
        }
        jobs.waiting.push_back(job);
        drop(jobs);
        self.0.bell.ring();
    }

    fn next_job(&self) -> Option<Job> {
        self.0.jobs.lock().waiting.pop_front()
    }

    /// Asks for a call of [`Source::run`] soon. Nothing comes of it once the thread has stopped.
    pub fn run(&self, source: Arc<dyn Source>) {
        self.post(Job::Run(source));
    }

    /// Asks for calls of [`Source::watch`], one a millisecond, until it is done.
    pub fn watch(&self, source: Arc<dyn Source>) {
        self.0.watched.fetch_add(1, Ordering::Relaxed);
        self.post(Job::Watch(source));
    }

    /// How many sources are watched.
    pub fn watched(&self) -> usize {
        self.0.watched.load(Ordering::Relaxed)
    }

    /// Asks for calls of [`Source::flush`], one a tick, until it is done. The thread is woken once per busy period.
    pub fn mark_dirty(&self, source: Arc<dyn Source>) {
        self.0.dirty.push(source, &self.0.bell);
    }

    /// How many descriptors this thread looks after.
    pub fn load(&self) -> usize {
        self.0.load.load(Ordering::Relaxed)
    }

    /// Adds a descriptor to the thread's set. Any thread may.
    ///
    /// # Errors
    /// ENOMEM, ENOSPC, EMFILE-like refusals of the kernel.
    pub fn add(&self, fd: RawFd, key: SourceKey, interest: Interest) -> Result<()> {
        self.0.epoll.add(fd, key.0, interest)
    }

    /// Removes a descriptor from the thread's set. Any thread may.
    pub fn remove(&self, fd: RawFd) {
        self.0.epoll.remove(fd);
    }
}
