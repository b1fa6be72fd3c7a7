//! The one front door to atomics, so that `loom` can stand in for the standard library when a protocol between threads
//! is model-checked (`RUSTFLAGS="--cfg loom" cargo test --release --lib loom`).
#![forbid(unsafe_code)]

#[cfg(loom)]
pub use loom::sync::atomic::{
    AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
};
#[cfg(not(loom))]
pub use std::sync::atomic::{
    AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
};

pub use std::sync::Arc;

/// The cheap half of an asymmetric fence: orders this thread's earlier store before its later load, provided the other
/// thread runs [`heavy_fence`] between its own store and load.
///
/// Where the kernel has no `membarrier` both halves are full fences.
#[inline(always)]
pub fn light_fence() {
    #[cfg(not(loom))]
    if crate::sys::membarrier::available() {
        std::sync::atomic::compiler_fence(Ordering::SeqCst);
        return;
    }
    fence(Ordering::SeqCst);
}

/// The dear half: paid by the side that is about to sleep, a system call that makes every running thread of the process
/// pass a full fence.
pub fn heavy_fence() {
    fence(Ordering::SeqCst);
    #[cfg(not(loom))]
    crate::sys::membarrier::run();
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
