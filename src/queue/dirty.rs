//! How an application's thread leaves something to the I/O thread at the price of one load, and how that thread stops
//! looking without leaving anything behind.
//!
//! *The flag.* Whoever leaves something makes it visible, runs a light fence (a lane's `publish` does both; what a token
//! guards needs none), and [`mark`](Dirty::mark)s: while the flag is up, the I/O thread looks at each tick, and nothing
//! more is to be done. The I/O thread takes all there is, [`clear`](Dirty::clear)s the flag, runs a heavy fence, and looks
//! once more: either that look finds what was left, or who left it finds the flag down and tells. The fence is
//! dear, so a [`Round`] runs one for all that it is done with.
//!
//! *The list.* Who raised a flag puts its owner on the [`DirtyList`] and rings, once for each time that the list fills.
//!
//! *Silence.* While the I/O thread is to look anyway, because the kernel will tell it, nobody needs to mark: see [`Quiet`].

use crate::errno::Result;
use crate::sync::{AtomicBool, EventFd, Mutex, Ordering, heavy_fence};
use std::os::fd::RawFd;

/// The flag of one connection: the I/O thread looks after what is left behind.
#[derive(Debug, Default)]
pub struct Dirty(AtomicBool);

impl Dirty {
    /// Something was left behind, and a light fence passed since. Runs `tell` if the I/O thread does not know that it has to look.
    #[inline(always)]
    pub fn mark(&self, tell: impl FnOnce()) {
        if !self.0.load(Ordering::Relaxed) {
            self.raise(tell);
        }
    }

    #[cold]
    fn raise(&self, tell: impl FnOnce()) {
        if !self.0.swap(true, Ordering::AcqRel) {
            tell();
        }
    }

    /// The I/O thread took all there was. To be followed by a heavy fence and another look, as in [`Round::look`].
    pub fn clear(&self) {
        self.0.store(false, Ordering::Release);
    }

    /// That other look found something. True when this thread has to keep looking; else who left it told already.
    #[must_use]
    pub fn was_missed(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }
}

/// While this is set, whoever leaves something behind tells nobody: the I/O thread will look when it ends it.
///
/// Who leaves something makes it visible and runs a light fence (a lane's `publish` does both) before it asks.
#[derive(Debug, Default)]
pub struct Quiet(AtomicBool);

impl Quiet {
    /// True when nobody has to be told.
    #[inline(always)]
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Whoever sets it will [`end`](Quiet::end) it.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Ends it. The caller must look again: what was left while it was set, nobody else was told of.
    pub fn end(&self) {
        self.0.store(false, Ordering::Relaxed);
        heavy_fence();
    }
}

/// Wakes one thread that polls a descriptor, once until it answers.
#[derive(Debug)]
pub struct Doorbell {
    event: EventFd,
    rung: AtomicBool,
}

impl Doorbell {
    /// A bell that is silent.
    ///
    /// # Errors
    /// EMFILE, ENFILE, ENOMEM.
    pub fn new() -> Result<Doorbell> {
        Ok(Doorbell {
            event: EventFd::new()?,
            rung: AtomicBool::new(false),
        })
    }

    /// Has the thread look.
    pub fn ring(&self) {
        if !self.rung.swap(true, Ordering::AcqRel) {
            self.event.raise();
        }
    }

    /// The thread is awake. It must look at everything that bells are rung for after this. (A swap: who rang in vain,
    /// since it was rung already, did so after it left something, and that has to be seen now.)
    pub fn answer(&self) {
        self.event.lower();
        self.rung.swap(false, Ordering::AcqRel);
    }

    /// The descriptor that is readable once it was rung.
    pub fn fd(&self) -> RawFd {
        self.event.fd()
    }
}

#[cfg(all(test, loom))]
impl Doorbell {
    /// Stands for the poll of the descriptor.
    pub(crate) fn sleep(&self) {
        self.event.sleep();
    }
}

/// What one I/O thread was told to look after.
#[derive(Debug)]
pub struct DirtyList<T> {
    told: Mutex<Vec<T>>,
    /// The thread looks at each tick.
    armed: AtomicBool,
}

impl<T> Default for DirtyList<T> {
    fn default() -> Self {
        DirtyList {
            told: Mutex::new(Vec::new()),
            armed: AtomicBool::new(false),
        }
    }
}

impl<T> DirtyList<T> {
    /// Has the thread look after `item`; rings if it does not look at each tick yet.
    pub fn push(&self, item: T, bell: &Doorbell) {
        self.told.lock().push(item);
        if !self.armed.swap(true, Ordering::AcqRel) {
            bell.ring();
        }
    }

    /// True while the thread has to look at each tick.
    pub fn is_armed(&self) -> bool {
        self.armed.load(Ordering::Acquire)
    }

    /// Lets go of what is on the list: the thread ends.
    pub fn forget(&self) {
        let told = std::mem::take(&mut *self.told.lock());
        drop(told);
    }

    /// Nothing is looked after any more, but for what was put here meanwhile.
    fn disarm(&self) {
        self.armed.store(false, Ordering::SeqCst);
        if !self.told.lock().is_empty() {
            self.armed.store(true, Ordering::SeqCst);
        }
    }
}

/// The I/O thread's own part: what it looks after from tick to tick.
#[derive(Debug)]
pub struct Round<T>(Vec<T>);

impl<T> Default for Round<T> {
    fn default() -> Self {
        Round(Vec::new())
    }
}

impl<T> Round<T> {
    /// One tick. `keep` takes what was left, and says whether to look again at the next tick; else it cleared the flag, and
    /// `missed` says, behind a fence, whether there is something after all.
    pub fn look(
        &mut self,
        list: &DirtyList<T>,
        mut keep: impl FnMut(&T) -> bool,
        mut missed: impl FnMut(&T) -> bool,
    ) {
        self.0.append(&mut list.told.lock());
        // Those that are kept come to stand before those that this look was the last one for.
        let mut kept = 0;
        for place in 0..self.0.len() {
            if keep(&self.0[place]) {
                self.0.swap(kept, place);
                kept += 1;
            }
        }
        if kept < self.0.len() {
            // One for all: it is dear.
            heavy_fence();
            let mut place = 0;
            self.0.retain(|item| {
                place += 1;
                place <= kept || missed(item)
            });
        }
        if self.0.is_empty() {
            list.disarm();
        }
    }
}
