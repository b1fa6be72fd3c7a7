//! What `loom` has no stand-in for, made of what it has: a futex, an event descriptor, a lock without poison.
#![forbid(unsafe_code)]

use crate::errno::Result;
use loom::alloc::Track;
use loom::sync::atomic::{AtomicU32, Ordering};
use loom::sync::{Condvar, MutexGuard};
use std::cell::Cell;
use std::ops::Range;
use std::os::fd::RawFd;
use std::sync::{OnceLock, PoisonError};
use std::time::{Duration, Instant};

pub use loom::cell::UnsafeCell;

/// A flag. Here `store` is a swap: `loom` lets a read-modify-write take a value that a plain store has replaced already and
/// write behind that store, which no machine does; among swaps alone it keeps the order.
#[derive(Debug, Default)]
pub struct AtomicBool(loom::sync::atomic::AtomicBool);

impl AtomicBool {
    /// A flag that is `value`.
    pub fn new(value: bool) -> AtomicBool {
        AtomicBool(loom::sync::atomic::AtomicBool::new(value))
    }

    /// Reads it.
    pub fn load(&self, order: Ordering) -> bool {
        self.0.load(order)
    }

    /// Writes it.
    pub fn store(&self, value: bool, order: Ordering) {
        self.0.swap(value, order);
    }

    /// Writes it and returns what it was.
    pub fn swap(&self, value: bool, order: Ordering) -> bool {
        self.0.swap(value, order)
    }
}

/// A lock.
#[derive(Debug, Default)]
pub struct Mutex<T>(loom::sync::Mutex<T>);

impl<T> Mutex<T> {
    /// A free lock around `value`.
    pub fn new(value: T) -> Mutex<T> {
        Mutex(loom::sync::Mutex::new(value))
    }

    /// Waits for the lock.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A word of memory that threads sleep on. As in the kernel, the look at the word and falling asleep are one step for
/// whoever wakes. Nobody is woken by a timeout or a signal handler: in a model every wake-up must be one of the protocol's.
/// A store is a swap, as in [`AtomicBool`].
#[derive(Debug)]
pub struct Word {
    value: AtomicU32,
    bucket: Mutex<()>,
    asleep: Condvar,
}

impl Default for Word {
    fn default() -> Word {
        Word::new(0)
    }
}

impl Word {
    /// A word that holds `value`.
    pub fn new(value: u32) -> Word {
        Word {
            value: AtomicU32::new(value),
            bucket: Mutex::new(()),
            asleep: Condvar::new(),
        }
    }

    /// Reads it.
    pub fn load(&self, order: Ordering) -> u32 {
        self.value.load(order)
    }

    /// Writes it.
    pub fn store(&self, value: u32, order: Ordering) {
        self.value.swap(value, order);
    }

    /// Writes it and returns what it was.
    pub fn swap(&self, value: u32, order: Ordering) -> u32 {
        self.value.swap(value, order)
    }

    /// Writes `new` if it holds `current`.
    ///
    /// # Errors
    /// What it holds instead.
    pub fn compare_exchange(
        &self,
        current: u32,
        new: u32,
        success: Ordering,
        failure: Ordering,
    ) -> std::result::Result<u32, u32> {
        self.value.compare_exchange(current, new, success, failure)
    }

    /// Sleeps while the word holds `expected`, until woken.
    ///
    /// # Errors
    /// None in a model.
    pub fn wait(&self, expected: u32, _timeout: Option<Duration>) -> Result<()> {
        let bucket = self.bucket.lock();
        if self.value.load(Ordering::Relaxed) == expected {
            drop(
                self.asleep
                    .wait(bucket)
                    .unwrap_or_else(PoisonError::into_inner),
            );
        }
        Ok(())
    }

    /// Wakes up to `count` threads asleep on the word.
    pub fn wake(&self, count: i32) {
        let bucket = self.bucket.lock();
        if count == 1 {
            self.asleep.notify_one();
        } else {
            self.asleep.notify_all();
        }
        drop(bucket);
    }
}

/// Units of memory, by who touched them.
#[derive(Debug)]
pub struct Traces<const N: usize>([UnsafeCell<()>; N]);

impl<const N: usize> Default for Traces<N> {
    fn default() -> Self {
        Traces(std::array::from_fn(|_| UnsafeCell::new(())))
    }
}

impl<const N: usize> Traces<N> {
    /// These units are read.
    pub fn read(&self, units: Range<usize>) {
        for unit in &self.0[units] {
            unit.with(|_| ());
        }
    }

    /// These units are written.
    pub fn write(&self, units: Range<usize>) {
        for unit in &self.0[units] {
            unit.with_mut(|_| ());
        }
    }
}

/// Counted memory: what was not freed when a model ends is reported.
#[derive(Debug)]
pub struct Life {
    trace: UnsafeCell<()>,
    over: std::sync::atomic::AtomicBool,
    _allocation: Track<()>,
}

impl Default for Life {
    fn default() -> Life {
        Life {
            trace: UnsafeCell::new(()),
            over: std::sync::atomic::AtomicBool::new(false),
            _allocation: Track::new(()),
        }
    }
}

impl Life {
    /// The memory is used.
    pub fn used(&self) {
        self.trace.with(|_| ());
        assert!(
            !self.over.load(Ordering::Relaxed),
            "used after it was freed"
        );
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        self.trace.with_mut(|_| ());
        assert!(!self.over.swap(true, Ordering::Relaxed), "freed twice");
    }
}

thread_local! {
    /// What passed in the models of this test, one after the other. All threads of a model are one of the system's.
    static PASSED: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// The time: it stands still but for [`pass`].
pub fn now() -> Instant {
    static START: OnceLock<Instant> = OnceLock::new();
    *START.get_or_init(Instant::now) + PASSED.get()
}

/// Time passes. A model begins with that: what it does must not depend on what was before.
pub fn pass(time: Duration) {
    PASSED.set(PASSED.get() + time);
}

/// An event counter that one thread sleeps on.
#[derive(Debug)]
pub struct EventFd {
    high: Mutex<bool>,
    asleep: Condvar,
}

impl EventFd {
    /// Makes one.
    ///
    /// # Errors
    /// None in a model.
    pub fn new() -> Result<EventFd> {
        Ok(EventFd {
            high: Mutex::new(false),
            asleep: Condvar::new(),
        })
    }

    /// Makes the descriptor readable.
    pub fn raise(&self) {
        *self.high.lock() = true;
        self.asleep.notify_all();
    }

    /// Makes the descriptor unreadable again.
    pub fn lower(&self) {
        *self.high.lock() = false;
    }

    /// True while it is readable.
    pub fn is_high(&self) -> bool {
        *self.high.lock()
    }

    /// Stands for a poll of the descriptor.
    pub fn sleep(&self) {
        let mut high = self.high.lock();
        while !*high {
            high = self
                .asleep
                .wait(high)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// No descriptor of the kernel's.
    pub fn fd(&self) -> RawFd {
        -1
    }
}
