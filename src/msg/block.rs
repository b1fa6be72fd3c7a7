//! Reference-counted memory: one allocation with its counter in line, or a counter around foreign memory.

use super::{FreeFn, pool};
use crate::errno::{Errno, Result};
use crate::sync::{AtomicUsize, Life, Ordering, fence};
use std::alloc::{Layout, alloc, dealloc, realloc};
use std::ffi::c_void;
use std::ptr::{self, NonNull};

/// Where the bytes start behind the head of a block. A cache line, so that large bodies are aligned to 64 bytes.
const HEAD: usize = 64;
/// Bodies from this size on are worth a cache line of alignment; below, the head is packed.
const ALIGNED_FROM: usize = 32 << 10;
const SMALL_HEAD: usize = size_of::<Block>();

/// The head of a block.
#[repr(C)]
pub(super) struct Block {
    refs: AtomicUsize,
    /// Bytes behind the head; 0 for foreign memory.
    capacity: usize,
    /// What releases foreign memory, with its two arguments.
    free: Option<FreeFn>,
    data: *mut u8,
    hint: *mut c_void,
    life: Life,
}

/// Where the bytes of a block of this capacity start, and how it is aligned.
#[inline(always)]
fn head(capacity: usize) -> (usize, usize) {
    if capacity >= ALIGNED_FROM {
        (HEAD, HEAD)
    } else {
        (SMALL_HEAD, 16)
    }
}

pub(super) fn shape(capacity: usize) -> Result<(Layout, usize)> {
    let (head, align) = head(capacity);
    let size = capacity.checked_add(head).ok_or(Errno::ENOMEM)?;
    let layout = Layout::from_size_align(size, align).map_err(|_| Errno::ENOMEM)?;
    Ok((layout, head))
}

impl Block {
    /// A block of at least `capacity` bytes (and one) with one reference.
    #[inline]
    pub(super) fn allocate(capacity: usize) -> Result<NonNull<Block>> {
        let capacity = pool::round_up(capacity.max(1));
        let memory = match pool::take(capacity) {
            Some(memory) => memory,
            None => Block::fresh(capacity)?,
        };
        let block = memory.cast::<Block>();
        // SAFETY: the memory is large and aligned enough for the head, and as many bytes are part of it.
        unsafe {
            let data = memory.as_ptr().add(head(capacity).0);
            block.write(Block {
                refs: AtomicUsize::new(1),
                capacity,
                free: None,
                data,
                hint: ptr::null_mut(),
                life: Life::default(),
            });
        }
        Ok(block)
    }

    #[cold]
    fn fresh(capacity: usize) -> Result<NonNull<u8>> {
        let (layout, _) = shape(capacity)?;
        // SAFETY: the layout is never empty.
        NonNull::new(unsafe { alloc(layout) }).ok_or(Errno::ENOMEM)
    }

    /// A counter around foreign memory.
    pub(super) fn around(
        free: Option<FreeFn>,
        data: *mut u8,
        hint: *mut c_void,
    ) -> Result<NonNull<Block>> {
        // SAFETY: the layout is not empty.
        let memory = unsafe { alloc(Layout::new::<Block>()) };
        let block = NonNull::new(memory.cast::<Block>()).ok_or(Errno::ENOMEM)?;
        // SAFETY: just allocated with this layout.
        unsafe {
            block.write(Block {
                refs: AtomicUsize::new(1),
                capacity: 0,
                free,
                data,
                hint,
                life: Life::default(),
            })
        };
        Ok(block)
    }

    /// Enlarges a block that nobody else refers to; the first `keep` bytes stay.
    pub(super) fn grow(block: NonNull<Block>, capacity: usize) -> Result<NonNull<Block>> {
        // SAFETY: the caller holds a reference.
        let old = unsafe { block.as_ref() };
        debug_assert!(old.refs.load(Ordering::Relaxed) == 1 && old.capacity >= ALIGNED_FROM);
        let (before, _) = shape(old.capacity)?;
        let (after, head) = shape(capacity)?;
        // SAFETY: allocated by `allocate` with `before`; both layouts have the same alignment, since both capacities
        // are at least ALIGNED_FROM; the new size is not zero.
        let memory = unsafe { realloc(block.as_ptr().cast(), before, after.size()) };
        let mut block = NonNull::new(memory.cast::<Block>()).ok_or(Errno::ENOMEM)?;
        // SAFETY: realloc kept the head.
        unsafe {
            block.as_mut().capacity = capacity;
            block.as_mut().data = memory.add(head);
        }
        Ok(block)
    }

    /// Where the bytes start.
    #[inline(always)]
    pub(super) fn data(block: NonNull<Block>) -> *mut u8 {
        // SAFETY: every NonNull<Block> of this module stands for a reference.
        unsafe {
            block.as_ref().life.used();
            block.as_ref().data
        }
    }

    #[inline(always)]
    pub(super) fn capacity(block: NonNull<Block>) -> usize {
        // SAFETY: as above.
        unsafe { block.as_ref().capacity }
    }

    /// True when the application releases the memory.
    #[inline(always)]
    pub(super) fn calls_back(&self) -> bool {
        self.free.is_some()
    }

    /// Adds `count` references.
    ///
    /// # Safety
    /// The caller holds one.
    #[inline(always)]
    pub(super) unsafe fn retain(block: NonNull<Block>, count: usize) {
        // SAFETY: the caller's promise.
        unsafe {
            block.as_ref().life.used();
            block.as_ref().refs.fetch_add(count, Ordering::Relaxed);
        }
    }

    /// References held by anyone, the caller's included. Acquires what the others did before they let go.
    ///
    /// # Safety
    /// The caller holds one.
    #[inline(always)]
    pub(super) unsafe fn references(block: NonNull<Block>) -> usize {
        // SAFETY: the caller's promise.
        unsafe { block.as_ref().refs.load(Ordering::Acquire) }
    }

    /// Gives `count` references back; the last one frees the block.
    ///
    /// # Safety
    /// The caller holds that many and uses none of them again.
    #[inline(always)]
    pub(super) unsafe fn release(block: NonNull<Block>, count: usize) {
        // SAFETY: the caller's promise.
        unsafe {
            let refs = &block.as_ref().refs;
            block.as_ref().life.used();
            // Alone: no read-modify-write is needed, nobody else can touch the counter.
            if refs.load(Ordering::Acquire) == count {
                Block::free(block);
            } else if refs.fetch_sub(count, Ordering::Release) == count {
                fence(Ordering::Acquire);
                Block::free(block);
            }
        }
    }

    /// # Safety
    /// No reference is left.
    unsafe fn free(block: NonNull<Block>) {
        // SAFETY: the caller's promise; the layout is the one it was allocated with.
        unsafe {
            ptr::drop_in_place(&raw mut (*block.as_ptr()).life);
            let head = block.as_ref();
            if head.capacity == 0 || !pool::keep(block.cast(), head.capacity) {
                Block::give_back(block);
            }
        }
    }

    /// # Safety
    /// No reference is left.
    #[cold]
    unsafe fn give_back(block: NonNull<Block>) {
        // SAFETY: the caller's promise; the layout is the one it was allocated with.
        unsafe {
            let Block {
                capacity,
                free,
                data,
                hint,
                ..
            } = *block.as_ref();
            if capacity == 0 {
                dealloc(block.as_ptr().cast(), Layout::new::<Block>());
                if let Some(free) = free {
                    free(data.cast(), hint);
                }
            } else if let Ok((layout, _)) = shape(capacity) {
                dealloc(block.as_ptr().cast(), layout);
            }
        }
    }
}
