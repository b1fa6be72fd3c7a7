//! The lock of a handle: nearly always taken and released by one thread, so both are cheap for that one and waiting is
//! dear.
//!
//! *Unbiased.* Releasing is a store, a [`light_fence`] and a look at the number of waiters; a waiter counts itself, runs
//! [`heavy_fence`] and looks at the lock: one of the two sees the other.
//!
//! *Biased.* Once one thread took the lock [`STREAK`] times in a row, it becomes the owner: from then on it says that it
//! is `busy`, runs a [`light_fence`] and looks whether it still is the owner, without any read-modify-write. Whoever else
//! takes the word revokes that for good, runs [`heavy_fence`], and waits until the owner is not busy. A lock is biased
//! once in its life, so that nobody ever mistakes another owner's `busy` for its own.
//!
//! *Crowded.* Once threads found it taken [`CROWD`] times, it is the ordinary kind: the word says whether somebody waits, and
//! releasing is a read-modify-write that finds out. Waiting costs no fence then, and one wake-up is paid once. Who
//! began to wait before is still counted.

use crate::sync::{Asymmetric, AtomicU32, AtomicUsize, Ordering, Word, heavy_fence, light_fence};

const FREE: u32 = 0;
const TAKEN: u32 = 1;
/// Taken, and somebody may wait for it. In a crowd only.
const WAITED: u32 = 2;

/// No owner yet; no owner ever again, the same in a crowd. Else a thread's number.
const NOBODY: usize = 0;
const REVOKED: usize = 1;
const CROWDED: usize = 2;

/// How often in a row a thread takes the lock before it becomes the owner. (A model has no time to wait.)
const STREAK: usize = if cfg!(loom) { 1 } else { 64 };
/// How often the lock is found taken before it is one for a crowd.
const CROWD: u32 = if cfg!(loom) { 1 } else { 64 };
/// How often to look at it again before sleeping. What it guards takes less than a sleep, mostly.
const SPINS: u32 = if cfg!(loom) { 0 } else { 100 };

/// A lock without an object.
#[derive(Debug, Default)]
pub(super) struct Lock {
    owner: AtomicUsize,
    /// The owner has the lock, or looks whether it does.
    busy: Word,
    word: Word,
    waiters: AtomicU32,
    /// Who took the word last, and how often in a row. Touched by its holder only.
    last: AtomicUsize,
    streak: AtomicUsize,
    /// How often it was found taken. Touched by its holder only.
    queued: AtomicU32,
}

/// How a lock was taken, for [`Lock::release`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub(super) enum Hold {
    Owner,
    Word,
}

impl Lock {
    /// Waits until nobody else has it. `me` is the thread's number: 0 where there are none, else larger than 2.
    #[inline(always)]
    pub(super) fn take(&self, me: usize) -> Hold {
        if self.take_as_owner(me, light_fence) {
            return Hold::Owner;
        }
        if !self.try_take() {
            self.queue_up();
        }
        if !matches!(self.owner.load(Ordering::Relaxed), REVOKED | CROWDED) {
            self.consider(me);
        }
        Hold::Word
    }

    /// Takes it if this thread is the owner. False when that has to be found out by [`take`](Lock::take).
    #[inline(always)]
    pub(super) fn take_now(&self, me: usize, fence: Asymmetric) -> bool {
        self.take_as_owner(me, || fence.light())
    }

    #[inline(always)]
    fn take_as_owner(&self, me: usize, fence: impl FnOnce()) -> bool {
        if self.owner.load(Ordering::Relaxed) != me
            || self.busy.load(Ordering::Relaxed) != FREE
            || me == NOBODY
        {
            return false;
        }
        self.busy.store(TAKEN, Ordering::Relaxed);
        fence();
        if self.owner.load(Ordering::Acquire) == me {
            return true;
        }
        self.retreat();
        false
    }

    /// The owner learned that it is none any more; whoever revoked that may wait.
    #[cold]
    fn retreat(&self) {
        self.busy.store(FREE, Ordering::Release);
        self.busy.wake(1);
    }

    #[inline(always)]
    fn try_take(&self) -> bool {
        self.word
            .compare_exchange(FREE, TAKEN, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    }

    #[cold]
    fn queue_up(&self) {
        if self.owner.load(Ordering::Relaxed) == CROWDED {
            return self.queue_up_in_crowd();
        }
        self.waiters.fetch_add(1, Ordering::SeqCst);
        heavy_fence();
        while self.word.swap(TAKEN, Ordering::Acquire) != FREE {
            let _ = self.word.wait(TAKEN, None);
        }
        self.waiters.fetch_sub(1, Ordering::SeqCst);
        let queued = self.queued.load(Ordering::Relaxed).saturating_add(1);
        self.queued.store(queued, Ordering::Relaxed);
        match self.owner.load(Ordering::Relaxed) {
            // Our mark may have replaced that of somebody who waits.
            CROWDED => self.word.store(WAITED, Ordering::Relaxed),
            NOBODY | REVOKED if queued >= CROWD => self.owner.store(CROWDED, Ordering::Relaxed),
            _ => {}
        }
    }

    fn queue_up_in_crowd(&self) {
        for _ in 0..SPINS {
            std::hint::spin_loop();
            if self.word.load(Ordering::Relaxed) == FREE && self.try_take() {
                return;
            }
        }
        while self.word.swap(WAITED, Ordering::Acquire) != FREE {
            let _ = self.word.wait(WAITED, None);
        }
    }

    /// The word's new holder revokes another's ownership, or counts towards its own.
    #[cold]
    fn consider(&self, me: usize) {
        if self.owner.load(Ordering::Relaxed) != NOBODY {
            self.owner.store(REVOKED, Ordering::Relaxed);
            heavy_fence();
            while self.busy.load(Ordering::Acquire) != FREE {
                let _ = self.busy.wait(TAKEN, None);
            }
        } else if self.last.swap(me, Ordering::Relaxed) == me {
            self.streak.fetch_add(1, Ordering::Relaxed);
        } else {
            self.streak.store(0, Ordering::Relaxed);
        }
    }

    /// True when another thread waits for it.
    pub(super) fn is_wanted(&self, hold: Hold) -> bool {
        self.waiters.load(Ordering::Relaxed) != 0
            || self.word.load(Ordering::Relaxed) == WAITED
            || (hold == Hold::Owner && self.owner.load(Ordering::Relaxed) == REVOKED)
    }

    /// Gives it back.
    #[inline(always)]
    pub(super) fn release(&self, hold: Hold) {
        if hold == Hold::Owner {
            return self.release_as_owner(light_fence);
        }
        match self.owner.load(Ordering::Relaxed) {
            CROWDED => return self.release_to_crowd(),
            NOBODY => self.become_owner(),
            _ => {}
        }
        self.word.store(FREE, Ordering::Release);
        light_fence();
        if self.waiters.load(Ordering::Relaxed) != 0 {
            self.word.wake(1);
        }
    }

    #[inline(never)]
    fn release_to_crowd(&self) {
        if self.word.swap(FREE, Ordering::SeqCst) == WAITED
            || self.waiters.load(Ordering::SeqCst) != 0
        {
            self.word.wake(1);
        }
    }

    /// Gives back what [`take_now`](Lock::take_now) took.
    #[inline(always)]
    pub(super) fn release_now(&self, fence: Asymmetric) {
        self.release_as_owner(|| fence.light());
    }

    #[inline(always)]
    fn release_as_owner(&self, fence: impl FnOnce()) {
        self.busy.store(FREE, Ordering::Release);
        fence();
        if self.owner.load(Ordering::Relaxed) == REVOKED {
            self.wake_heir();
        }
    }

    #[cold]
    fn wake_heir(&self) {
        self.busy.wake(1);
    }

    #[cold]
    fn become_owner(&self) {
        if self.streak.load(Ordering::Relaxed) >= STREAK {
            self.owner
                .store(self.last.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    }
}
