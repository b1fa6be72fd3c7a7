//! Handles of the C surface: pointers that are checked before they are believed, to objects that one thread at a time
//! has the use of.
//!
//! The memory behind a handle is never given back to the system, only recycled, oldest first; so looking at a handle
//! that was closed is always a look at memory of ours, and a closed handle says so.

use super::lock::{Hold, Lock};
use crate::errno::{Errno, Result};
use crate::sync::Asymmetric;
use crate::sys::process::thread_number;
use parking_lot::Mutex;
use std::cell::{Cell, UnsafeCell};
use std::ffi::c_void;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU32, Ordering};

/// Slots kept in reserve before one is used again: how long a closed handle is known for dead.
const RESERVE: usize = 256;

/// What a C handle points at.
#[repr(C, align(64))]
pub struct Handle<T: 'static> {
    tag: AtomicU32,
    turn: Lock,
    object: UnsafeCell<Option<T>>,
    /// Of a handle in reserve, the one that was closed after it. Touched under the lock of the arena's reserve only.
    next: Cell<Option<&'static Handle<T>>>,
}

// SAFETY: `object` is reached only by whoever took `turn`, `next` by whoever locked the reserve.
unsafe impl<T: Send> Sync for Handle<T> {}

/// All handles of one type. A `static`.
pub struct Arena<T: 'static> {
    tag: u32,
    spare: Mutex<Reserve<T>>,
}

/// Handles that were closed, each with the next, oldest first.
struct Reserve<T: 'static> {
    ends: Option<(&'static Handle<T>, &'static Handle<T>)>,
    count: usize,
}

impl<T> Reserve<T> {
    fn put(&mut self, handle: &'static Handle<T>) {
        handle.next.set(None);
        let first = match self.ends {
            Some((first, last)) => {
                last.next.set(Some(handle));
                first
            }
            None => handle,
        };
        self.ends = Some((first, handle));
        self.count += 1;
    }

    /// The oldest, if there are more than have to stay.
    fn take(&mut self) -> Option<&'static Handle<T>> {
        let (first, last) = self.ends.filter(|_| self.count > RESERVE)?;
        self.ends = first.next.take().map(|next| (next, last));
        self.count -= 1;
        Some(first)
    }
}

/// The use of a handle's object until dropped.
pub struct Turn<T: 'static> {
    handle: &'static Handle<T>,
    hold: Hold,
}

/// As a [`Turn`], of a thread that uses the object all the time.
pub struct QuickTurn<T: 'static> {
    handle: &'static Handle<T>,
    fence: Asymmetric,
}

impl<T: Send + 'static> Arena<T> {
    /// An arena whose live handles carry `tag`.
    pub const fn new(tag: u32) -> Arena<T> {
        Arena {
            tag,
            spare: Mutex::new(Reserve {
                ends: None,
                count: 0,
            }),
        }
    }

    /// Gives `object` a handle.
    pub fn insert(&self, object: T) -> *mut c_void {
        let recycled = self.spare.lock().take();
        let handle = recycled.unwrap_or_else(|| {
            Box::leak(Box::new(Handle {
                tag: AtomicU32::new(!self.tag),
                turn: Lock::default(),
                object: UnsafeCell::new(None),
                next: Cell::new(None),
            }))
        });
        let mut turn = Turn::wait(handle);
        // SAFETY: we have the turn.
        unsafe { *turn.handle.object.get() = Some(object) };
        turn.handle.tag.store(self.tag, Ordering::Release);
        let _ = &mut turn;
        (handle as *const Handle<T>).cast_mut().cast()
    }

    #[inline(always)]
    fn find(&self, pointer: *const c_void) -> Option<&'static Handle<T>> {
        let handle = pointer.cast::<Handle<T>>();
        if handle.is_null() || !handle.is_aligned() {
            return None;
        }
        // SAFETY: a handle of ours is never unmapped. A foreign pointer is the caller's word that it points at
        // something; only its first four bytes are read.
        let tag = unsafe { (*handle).tag.load(Ordering::Acquire) };
        // SAFETY: the tag is ours, so the memory is a Handle<T>, which lives for ever.
        (tag == self.tag).then(|| unsafe { &*handle })
    }

    /// True when `pointer` is a live handle of this arena.
    pub fn holds(&self, pointer: *const c_void) -> bool {
        self.find(pointer).is_some()
    }

    /// Waits for its turn at the object behind `pointer`; `None` when that is no live handle.
    #[inline(always)]
    pub fn enter(&self, pointer: *const c_void) -> Option<Turn<T>> {
        let turn = Turn::wait(self.find(pointer)?);
        // Closed while we waited?
        if turn.handle.tag.load(Ordering::Acquire) != self.tag {
            return None;
        }
        Some(turn)
    }

    /// The turn at the object behind `pointer` of the thread that uses it all the time, if this is that thread. `None` when
    /// [`enter`](Arena::enter) has to find that out.
    #[inline(always)]
    pub fn enter_now(&self, pointer: *const c_void) -> Option<QuickTurn<T>> {
        let fence = Asymmetric::known()?;
        let handle = self.find(pointer)?;
        // Whoever closed it has first ended the ownership, or is this thread.
        handle
            .turn
            .take_now(thread_number(), fence)
            .then(|| QuickTurn { handle, fence })
    }

    /// Takes the object out; the handle is dead from now on.
    pub fn remove(&self, turn: Turn<T>) -> Option<T> {
        let handle = turn.handle;
        handle.tag.store(!self.tag, Ordering::Release);
        // SAFETY: we have the turn.
        let object = unsafe { (*handle.object.get()).take() };
        drop(turn);
        self.spare.lock().put(handle);
        object
    }
}

impl<T> Turn<T> {
    #[inline(always)]
    fn wait(handle: &'static Handle<T>) -> Turn<T> {
        let hold = handle.turn.take(thread_number());
        Turn { handle, hold }
    }

    /// Lets other threads have their turn while `sleep` runs, which must not touch the object.
    ///
    /// # Errors
    /// ENOTSOCK when the handle was closed meanwhile, else what `sleep` returned.
    pub fn yield_while<R>(&mut self, sleep: impl FnOnce() -> Result<R>) -> Result<R> {
        let tag = self.handle.tag.load(Ordering::Relaxed);
        self.handle.turn.release(self.hold);
        let result = sleep();
        self.hold = self.handle.turn.take(thread_number());
        if self.handle.tag.load(Ordering::Acquire) != tag {
            return Err(Errno::ENOTSOCK);
        }
        result
    }

    /// True when another thread waits for its turn.
    pub fn is_wanted(&self) -> bool {
        self.handle.turn.is_wanted(self.hold)
    }

    /// The handle as C sees it.
    pub fn pointer(&self) -> *mut c_void {
        (self.handle as *const Handle<T>).cast_mut().cast()
    }
}

impl<T> QuickTurn<T> {
    /// The object, and the evidence that its use was got by.
    #[inline(always)]
    pub fn object(&mut self) -> Option<(&mut T, Asymmetric)> {
        // SAFETY: we have the turn.
        let object = unsafe { &mut *self.handle.object.get() };
        object.as_mut().map(|object| (object, self.fence))
    }
}

impl<T> Drop for QuickTurn<T> {
    #[inline(always)]
    fn drop(&mut self) {
        self.handle.turn.release_now(self.fence);
    }
}

impl<T> Deref for Turn<T> {
    type Target = Option<T>;
    #[inline(always)]
    fn deref(&self) -> &Option<T> {
        // SAFETY: we have the turn.
        unsafe { &*self.handle.object.get() }
    }
}

impl<T> DerefMut for Turn<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut Option<T> {
        // SAFETY: we have the turn.
        unsafe { &mut *self.handle.object.get() }
    }
}

impl<T> Drop for Turn<T> {
    #[inline(always)]
    fn drop(&mut self) {
        self.handle.turn.release(self.hold);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    static ARENA: Arena<u64> = Arena::new(0x1234_5678);

    #[test]
    fn only_live_handles_are_believed() {
        assert!(ARENA.enter(std::ptr::null()).is_none());
        let foreign = [0u64; 32];
        assert!(ARENA.enter(foreign.as_ptr().cast()).is_none());
        assert!(
            ARENA
                .enter(foreign.as_ptr().cast::<u8>().wrapping_add(1).cast())
                .is_none()
        );
        let handle = ARENA.insert(7);
        let turn = ARENA.enter(handle).unwrap();
        assert_eq!(*turn, Some(7));
        assert_eq!(ARENA.remove(turn), Some(7));
        assert!(ARENA.enter(handle).is_none());
    }

    #[test]
    fn closed_handles_are_used_again_oldest_first() {
        static ARENA: Arena<usize> = Arena::new(0x1234_5679);
        let close = |handle| ARENA.remove(ARENA.enter(handle).unwrap());
        let handles: Vec<_> = (0..RESERVE + 3).map(|i| ARENA.insert(i)).collect();
        for (i, &handle) in handles.iter().enumerate() {
            assert_eq!(close(handle), Some(i));
        }
        for &closed in &handles[..3] {
            assert_eq!(ARENA.insert(0), closed);
        }
        assert!(!handles.contains(&ARENA.insert(0)));
    }

    #[test]
    fn threads_take_turns() {
        crate::sys::membarrier::register();
        let handle = ARENA.insert(0) as usize;
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..20_000 {
                        let mut turn = ARENA.enter(handle as *const c_void).unwrap();
                        if let Some(count) = turn.as_mut() {
                            *count += 1;
                        }
                    }
                });
            }
        });
        assert_eq!(*ARENA.enter(handle as *const c_void).unwrap(), Some(80_000));
    }
}
