//! The lock of a handle: nearly always taken and released by one thread, so both are cheap and waiting is dear.
//!
//! Releasing is a store, a [`light_fence`] and a look at the number of waiters; a waiter counts itself, runs
//! [`heavy_fence`] and looks at the lock: one of the two sees the other.

use crate::sync::{AtomicU32, Ordering, Word, heavy_fence, light_fence};

const FREE: u32 = 0;
const TAKEN: u32 = 1;

/// A lock without an object.
#[derive(Debug, Default)]
pub(super) struct Lock {
    word: Word,
    waiters: AtomicU32,
}

impl Lock {
    /// Waits until nobody else has it.
    #[inline(always)]
    pub(super) fn take(&self) {
        if self.word.swap(TAKEN, Ordering::Acquire) != FREE {
            self.queue_up();
        }
    }

    #[cold]
    fn queue_up(&self) {
        self.waiters.fetch_add(1, Ordering::SeqCst);
        heavy_fence();
        while self.word.swap(TAKEN, Ordering::Acquire) != FREE {
            let _ = self.word.wait(TAKEN, None);
        }
        self.waiters.fetch_sub(1, Ordering::SeqCst);
    }

    /// Gives it back.
    #[inline(always)]
    pub(super) fn release(&self) {
        self.word.store(FREE, Ordering::Release);
        light_fence();
        if self.waiters.load(Ordering::Relaxed) != 0 {
            self.word.wake(1);
        }
    }
}
