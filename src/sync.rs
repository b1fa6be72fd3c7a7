//! The one front door to what threads share, so that `loom` can stand in for the standard library when a protocol between
//! threads is model-checked (`cargo xtask test loom`, or `RUSTFLAGS="--cfg loom" cargo test --release --lib loom`).
//!
//! A compiler fence and `membarrier` are nothing that `loom` knows: in a model both halves of the asymmetric fence are
//! full fences. What a model proves is that the protocol is right with full fences on both sides; that the pair
//! [`light_fence`] and [`heavy_fence`] is as good as two full fences is the kernel's promise.
#![forbid(unsafe_code)]

#[cfg(loom)]
mod model;

#[cfg(loom)]
pub use loom::sync::{
    Arc,
    atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence},
};
#[cfg(loom)]
pub use loom::thread::yield_now;
#[cfg(loom)]
pub use model::{AtomicBool, EventFd, Life, Mutex, Traces, UnsafeCell, Word, now, pass};

#[cfg(not(loom))]
pub use crate::sys::event::EventFd;
#[cfg(not(loom))]
pub use parking_lot::Mutex;
#[cfg(not(loom))]
pub use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence},
};
#[cfg(not(loom))]
pub use std::thread::yield_now;

/// The cheap half of an asymmetric fence: orders this thread's earlier store before its later load, provided the other
/// thread runs [`heavy_fence`] between its own store and load.
///
/// Where the kernel has no `membarrier` both halves are full fences.
#[inline(always)]
pub fn light_fence() {
    match Asymmetric::known() {
        Some(fence) => fence.light(),
        None => fence(Ordering::SeqCst),
    }
}

/// Evidence that [`heavy_fence`] is a fence for every thread, so that its cheap half costs nothing: for who would have to
/// ask several times.
#[derive(Clone, Copy, Debug)]
pub struct Asymmetric(());

impl Asymmetric {
    /// The evidence, where the kernel has `membarrier`.
    #[inline(always)]
    pub fn known() -> Option<Asymmetric> {
        #[cfg(not(loom))]
        return crate::sys::membarrier::available().then_some(Asymmetric(()));
        #[cfg(loom)]
        Some(Asymmetric(()))
    }

    /// As [`light_fence`].
    #[inline(always)]
    pub fn light(self) {
        #[cfg(not(loom))]
        std::sync::atomic::compiler_fence(Ordering::SeqCst);
        #[cfg(loom)]
        fence(Ordering::SeqCst);
    }
}

/// The dear half: paid by the side that is about to sleep, a system call that makes every running thread of the process
/// pass a full fence.
pub fn heavy_fence() {
    fence(Ordering::SeqCst);
    #[cfg(not(loom))]
    crate::sys::membarrier::run();
}

/// A word of memory that threads sleep on.
#[cfg(not(loom))]
#[derive(Debug, Default)]
#[repr(transparent)]
pub struct Word(AtomicU32);

#[cfg(not(loom))]
impl Word {
    /// A word that holds `value`.
    pub const fn new(value: u32) -> Word {
        Word(AtomicU32::new(value))
    }

    /// Sleeps while the word holds `expected`, until woken, or for `timeout`.
    ///
    /// # Errors
    /// EINTR when a signal handler ran. A timeout, a wake-up and a changed word are all `Ok`: the caller looks for itself.
    pub fn wait(
        &self,
        expected: u32,
        timeout: Option<std::time::Duration>,
    ) -> crate::errno::Result<()> {
        crate::sys::futex::wait(&self.0, expected, timeout)
    }

    /// Wakes up to `count` threads asleep on the word.
    pub fn wake(&self, count: i32) {
        crate::sys::futex::wake(&self.0, count);
    }
}

#[cfg(not(loom))]
impl std::ops::Deref for Word {
    type Target = AtomicU32;
    #[inline(always)]
    fn deref(&self) -> &AtomicU32 {
        &self.0
    }
}

/// Memory whose accesses a model checks: a place to write through a shared reference.
#[cfg(not(loom))]
#[derive(Debug)]
#[repr(transparent)]
pub struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

#[cfg(not(loom))]
impl<T> UnsafeCell<T> {
    /// A cell that holds `value`.
    #[inline(always)]
    pub const fn new(value: T) -> UnsafeCell<T> {
        UnsafeCell(std::cell::UnsafeCell::new(value))
    }

    /// The place, to read from.
    #[inline(always)]
    pub fn with<R>(&self, read: impl FnOnce(*const T) -> R) -> R {
        read(self.0.get())
    }

    /// The place, to write to.
    #[inline(always)]
    pub fn with_mut<R>(&self, write: impl FnOnce(*mut T) -> R) -> R {
        write(self.0.get())
    }
}

/// Where a model notes who touches which of `N` units of memory that is no [`UnsafeCell`].
#[cfg(not(loom))]
#[derive(Debug, Default)]
pub struct Traces<const N: usize>(());

#[cfg(not(loom))]
impl<const N: usize> Traces<N> {
    /// These units are read.
    #[inline(always)]
    pub fn read(&self, _units: std::ops::Range<usize>) {}

    /// These units are written.
    #[inline(always)]
    pub fn write(&self, _units: std::ops::Range<usize>) {}
}

/// Where a model notes that counted memory is used, and that it is freed once: in place, behind all use of it.
#[cfg(not(loom))]
#[derive(Debug, Default)]
pub struct Life(());

#[cfg(not(loom))]
impl Life {
    /// The memory is used.
    #[inline(always)]
    pub fn used(&self) {}
}

/// The time. In a model it passes when that says so.
#[cfg(not(loom))]
#[inline(always)]
pub fn now() -> std::time::Instant {
    std::time::Instant::now()
}

/// Keeps what one thread writes off the cache line that another writes.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Padded<T>(pub T);

impl<T> std::ops::Deref for Padded<T> {
    type Target = T;
    #[inline(always)]
    fn deref(&self) -> &T {
        &self.0
    }
}
