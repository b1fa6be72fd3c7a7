//! What waits for a connection, in bytes, and a writer that would rather wait a moment than let it grow.
//!
//! The writer counts what it gives, the reader what it takes, both from the beginning. A writer that waits says from which
//! count on it wants to be told, runs a fence, and looks again; the reader counts, runs a fence, and looks what was asked:
//! one of the two sees the other.

use crate::sync::{AtomicU64, Ordering, fence};

/// Nobody waits.
const NONE: u64 = u64::MAX;

/// The reader's count, and the writer's wish.
#[derive(Debug)]
pub struct Backlog {
    taken: AtomicU64,
    awaited: AtomicU64,
}

impl Default for Backlog {
    fn default() -> Backlog {
        Backlog {
            taken: AtomicU64::new(0),
            awaited: AtomicU64::new(NONE),
        }
    }
}

impl Backlog {
    /// Bytes taken so far.
    #[inline]
    pub fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// The reader took `bytes` more. True when the writer waited for that and has to be told; it no longer waits. There is one
    /// reader at a time.
    #[inline]
    #[must_use]
    pub fn took(&self, bytes: u64) -> bool {
        if bytes == 0 {
            return false;
        }
        let taken = self.taken().wrapping_add(bytes);
        self.taken.store(taken, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        taken >= self.awaited.load(Ordering::Relaxed)
            && self.awaited.swap(NONE, Ordering::AcqRel) != NONE
    }

    /// The writer asks to be told once so much was taken in all. False when that is so already: then nothing was asked.
    #[must_use]
    pub fn ask(&self, taken: u64) -> bool {
        self.awaited.store(taken, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        if self.taken() >= taken {
            self.cancel();
            return false;
        }
        true
    }

    /// The writer goes on.
    pub fn cancel(&self) {
        self.awaited.store(NONE, Ordering::Relaxed);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn who_asks_is_told_once() {
        let backlog = Backlog::default();
        assert!(!backlog.took(10));
        assert!(!backlog.ask(10) && !backlog.took(10));
        assert!(backlog.ask(22));
        assert!(!backlog.took(0) && !backlog.took(1));
        assert!(backlog.took(1) && !backlog.took(1));
        assert_eq!(backlog.taken(), 23);
        assert!(backlog.ask(24));
        backlog.cancel();
        assert!(!backlog.took(5));
    }
}
