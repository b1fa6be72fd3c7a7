//! The set of descriptors that an application thread waits on inside one socket's call: the socket's connections, and
//! its signal. Made when the first connection needs it.
#![forbid(unsafe_code)]

use crate::errno::Result;
use crate::sys::epoll::{Epoll, Event, Interest, NO_EVENT};
use std::os::fd::RawFd;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// Reported for the socket's signal.
const SIGNAL: u64 = u64::MAX;

/// Most reports taken at once.
const BATCH: usize = 64;

/// A socket's own epoll set.
#[derive(Debug, Default)]
pub struct WaitSet {
    epoll: OnceLock<Epoll>,
    connections: AtomicUsize,
    has_signal: AtomicBool,
}

/// What a wait reported.
pub struct Ready {
    events: [Event; BATCH],
    count: usize,
}

impl Default for Ready {
    fn default() -> Ready {
        Ready {
            events: [NO_EVENT; BATCH],
            count: 0,
        }
    }
}

impl Ready {
    /// The keys of the connections that are ready.
    pub fn keys(&self) -> impl Iterator<Item = u64> {
        let events = self.events.iter().take(self.count);
        events.map(|event| event.u64).filter(|&key| key != SIGNAL)
    }
}

impl WaitSet {
    fn epoll(&self) -> Result<&Epoll> {
        if let Some(epoll) = self.epoll.get() {
            return Ok(epoll);
        }
        let epoll = Epoll::new()?;
        Ok(self.epoll.get_or_init(|| epoll))
    }

    /// Adds a connection. It must be added here before it is added to its I/O thread's set: of several exclusive sets
    /// the kernel wakes the one that was added first and has a waiter.
    ///
    /// # Errors
    /// EMFILE, ENOMEM, ENOSPC.
    pub fn add(&self, fd: RawFd, key: u64) -> Result<()> {
        self.epoll()?.add(
            fd,
            key,
            Interest::IN.and(Interest::EDGE).and(Interest::EXCLUSIVE),
        )?;
        self.connections.fetch_add(1, Ordering::Release);
        Ok(())
    }

    /// Removes a connection, if it was added.
    pub fn remove(&self, fd: RawFd) {
        if self.epoll.get().is_some_and(|epoll| epoll.remove(fd)) {
            self.connections.fetch_sub(1, Ordering::Release);
        }
    }

    /// How many connections are in the set.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Acquire)
    }

    /// Adds the signal's event descriptor, the first time.
    ///
    /// # Errors
    /// EMFILE, ENOMEM.
    pub fn add_signal(&self, fd: RawFd) -> Result<()> {
        if !self.has_signal.load(Ordering::Acquire) {
            self.epoll()?.add(fd, SIGNAL, Interest::IN)?;
            self.has_signal.store(true, Ordering::Release);
        }
        Ok(())
    }

    /// The set's own descriptor, once there is one: readable while something waits in it.
    pub fn descriptor(&self) -> Option<RawFd> {
        self.epoll.get().map(Epoll::fd)
    }

    /// Waits until connections are ready.
    ///
    /// # Errors
    /// EINTR.
    pub fn wait(&self, timeout: Option<Duration>, ready: &mut Ready) -> Result<()> {
        ready.count = 0;
        if let Some(epoll) = self.epoll.get() {
            ready.count = epoll.wait(&mut ready.events, timeout)?.len();
        }
        Ok(())
    }
}
