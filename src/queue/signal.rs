//! How a thread that waits for a socket sleeps and is woken: on a futex, or on an event descriptor once something must
//! poll for it.

use crate::errno::Result;
use crate::sync::{AtomicBool, EventFd, Mutex, Ordering, Word, fence};
use std::os::fd::RawFd;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

const AWAKE: u32 = 0;
const ON_FUTEX: u32 = 1;
const ON_DESCRIPTOR: u32 = 2;

/// What a sleeper watches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sleep {
    /// The word itself, by [`Signal::wait`].
    Futex,
    /// The event descriptor, by a poll of the caller's.
    Descriptor,
}

/// Wakes whoever looks after one socket.
///
/// The protocol: the sleeper calls [`prepare`](Signal::prepare), looks once more for work, and only then sleeps; the
/// waker makes work visible, then calls [`notify`](Signal::notify).
#[derive(Debug, Default)]
pub struct Signal {
    state: Word,
    event: OnceLock<EventFd>,
    /// The descriptor was raised and not lowered since. Set behind the raise, which may come long after the state said
    /// AWAKE and the sleeper went on.
    raised: AtomicBool,
    /// There are watchers.
    watched: AtomicBool,
    /// Descriptors that are raised by every notice, whether somebody sleeps or not.
    watchers: Mutex<Vec<Arc<EventFd>>>,
}

impl Signal {
    /// Wakes the sleeper, if there is one.
    #[inline]
    pub fn notify(&self) {
        fence(Ordering::SeqCst);
        if self.state.load(Ordering::Relaxed) != AWAKE {
            self.wake();
        }
        if self.watched.load(Ordering::Relaxed) {
            self.raise_watchers();
        }
    }

    #[cold]
    fn raise_watchers(&self) {
        for event in self.watchers.lock().iter() {
            event.raise();
        }
    }

    /// Has `event` raised by every notice from now on. The caller must look for work once more.
    pub fn watch(&self, event: Arc<EventFd>) {
        self.watchers.lock().push(event);
        self.watched.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    /// Ends what [`watch`](Signal::watch) began.
    pub fn unwatch(&self, event: &Arc<EventFd>) {
        let mut watchers = self.watchers.lock();
        watchers.retain(|other| !Arc::ptr_eq(other, event));
        self.watched.store(!watchers.is_empty(), Ordering::Relaxed);
    }

    /// True when there are watchers.
    pub fn is_watched(&self) -> bool {
        self.watched.load(Ordering::Relaxed)
    }

    #[cold]
    fn wake(&self) {
        match self.state.swap(AWAKE, Ordering::AcqRel) {
            ON_FUTEX => self.state.wake(i32::MAX),
            ON_DESCRIPTOR => {
                if let Some(event) = self.event.get() {
                    event.raise();
                    self.raised.store(true, Ordering::Release);
                }
            }
            _ => {}
        }
    }

    /// Announces sleep. After this the caller must look for work once more.
    pub fn prepare(&self, sleep: Sleep) {
        let state = if sleep == Sleep::Futex {
            ON_FUTEX
        } else {
            ON_DESCRIPTOR
        };
        self.state.store(state, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    /// Ends sleep, however it ended, and clears the event descriptor.
    pub fn cancel(&self) {
        self.state.swap(AWAKE, Ordering::AcqRel);
        if self.raised.load(Ordering::Relaxed)
            && self.raised.swap(false, Ordering::Acquire)
            && let Some(event) = self.event.get()
        {
            event.lower();
        }
    }

    /// Sleeps on the word, if still announced.
    ///
    /// # Errors
    /// EINTR.
    pub fn wait(&self, timeout: Option<Duration>) -> Result<()> {
        self.state.wait(ON_FUTEX, timeout)
    }

    /// The event descriptor, made on first use.
    ///
    /// # Errors
    /// EMFILE, ENFILE, ENOMEM.
    pub fn descriptor(&self) -> Result<RawFd> {
        if let Some(event) = self.event.get() {
            return Ok(event.fd());
        }
        let event = EventFd::new()?;
        Ok(self.event.get_or_init(|| event).fd())
    }

    /// The event descriptor, if there is one.
    pub fn existing_descriptor(&self) -> Option<RawFd> {
        self.event.get().map(EventFd::fd)
    }
}

#[cfg(all(test, loom))]
impl Signal {
    /// The descriptor that stands for the kernel's in a model, made on first use.
    pub(super) fn event(&self) -> &EventFd {
        let _ = self.descriptor();
        self.event.get().expect("just made")
    }
}
