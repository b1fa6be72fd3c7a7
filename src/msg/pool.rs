//! Memory of bodies, kept for the next one: a stream of them costs no page faults, and none of the work that an
//! allocator has with memory that one thread takes and another gives back.
//!
//! Sizes are rounded up to one of four steps between powers of two, so at most a quarter is wasted. What is kept is
//! bounded for the whole process, to some 25 MiB if every size was in use; memory beyond goes back to the allocator.
//! Of small sizes each thread has a few by itself, at most some 60 KiB: what it gives back it mostly takes again.

use super::block::shape;
use parking_lot::Mutex;
use std::alloc::dealloc;
use std::cell::Cell;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Capacities that are pooled.
const SMALLEST: usize = 64;
const LARGEST: usize = 4 << 20;
const STEPS: usize = 4;
const CLASSES: usize = STEPS * (LARGEST.ilog2() - SMALLEST.ilog2()) as usize + 1;
/// Below this size each class keeps so many bytes; from it on all classes together do.
const LARGE_FROM: usize = 32 << 10;
const CLASS_KEPT_MAX: usize = 512 << 10;
const LARGE_KEPT_MAX: usize = 8 << 20;

/// Memory of one class, each piece with the address of the next at its start.
struct Kept {
    first: *mut u8,
    count: usize,
}

// SAFETY: memory that nobody refers to.
unsafe impl Send for Kept {}

impl Kept {
    const EMPTY: Kept = Kept {
        first: ptr::null_mut(),
        count: 0,
    };

    /// # Safety
    /// Nobody refers to the memory, it is of the smallest pooled capacity at least, and aligned as any block is.
    unsafe fn push(&mut self, memory: NonNull<u8>) {
        // SAFETY: the caller's promise.
        unsafe { memory.cast::<*mut u8>().write(self.first) };
        self.first = memory.as_ptr();
        self.count += 1;
    }

    fn pop(&mut self) -> Option<NonNull<u8>> {
        let memory = NonNull::new(self.first)?;
        // SAFETY: `push` wrote it, and nobody else has the memory since.
        self.first = unsafe { memory.cast::<*mut u8>().read() };
        self.count -= 1;
        Some(memory)
    }
}

static CLASS: [Mutex<Kept>; CLASSES] = [const { Mutex::new(Kept::EMPTY) }; CLASSES];
/// Bytes kept of large bodies.
static LARGE_KEPT: AtomicUsize = AtomicUsize::new(0);

/// The class of a capacity, and the capacity of that class; `None` for what is not pooled.
fn class(capacity: usize) -> Option<(usize, usize)> {
    if !(SMALLEST..=LARGEST).contains(&capacity) {
        return None;
    }
    let octave = (capacity.ilog2() - SMALLEST.ilog2()) as usize;
    let step = (SMALLEST << octave) / STEPS;
    let above = (capacity - (SMALLEST << octave)).div_ceil(step);
    Some((octave * STEPS + above, (SMALLEST << octave) + above * step))
}

/// Sizes of which threads have some by themselves: the classes up to this capacity.
const SMALL: usize = 1024;
const SMALL_CLASSES: usize = STEPS * (SMALL.ilog2() - SMALLEST.ilog2()) as usize + 1;
/// How many of each.
const SHELF: usize = 8;

/// What one thread has of one class.
struct Shelf {
    count: Cell<usize>,
    places: [Cell<*mut u8>; SHELF],
}

impl Shelf {
    fn put(&self, memory: NonNull<u8>) -> bool {
        let count = self.count.get();
        let Some(place) = self.places.get(count) else {
            return false;
        };
        place.set(memory.as_ptr());
        self.count.set(count + 1);
        true
    }

    fn take(&self) -> Option<NonNull<u8>> {
        let count = self.count.get().checked_sub(1)?;
        self.count.set(count);
        self.places
            .get(count)
            .and_then(|place| NonNull::new(place.get()))
    }

    /// Takes half a shelf from what the process has. True when there was some.
    #[cold]
    fn fill(&self, class: usize) -> bool {
        let mut kept = CLASS[class].lock();
        for _ in 0..SHELF / 2 {
            let Some(memory) = kept.pop() else { break };
            self.put(memory);
        }
        self.count.get() > 0
    }

    /// Gives all but `rest` to the process, or to the allocator where that has enough.
    #[cold]
    fn empty(&self, class: usize, rest: usize) {
        let capacity = capacity_of(class);
        let mut kept = CLASS[class].lock();
        while self.count.get() > rest
            && let Some(memory) = self.take()
        {
            if kept.count < CLASS_KEPT_MAX / capacity {
                // SAFETY: `keep` was promised that nobody refers to it.
                unsafe { kept.push(memory) };
            } else if let Ok((layout, _)) = shape(capacity) {
                // SAFETY: `keep` was promised that nobody refers to it, and it was allocated with this layout.
                unsafe { dealloc(memory.as_ptr(), layout) };
            }
        }
    }
}

/// What one thread has.
struct Stash([Shelf; SMALL_CLASSES]);

impl Drop for Stash {
    fn drop(&mut self) {
        for (class, shelf) in self.0.iter().enumerate() {
            shelf.empty(class, 0);
        }
    }
}

thread_local! {
    static STASH: Stash = const {
        Stash(
            [const {
                Shelf {
                    count: Cell::new(0),
                    places: [const { Cell::new(ptr::null_mut()) }; SHELF],
                }
            }; SMALL_CLASSES],
        )
    };
}

fn take_small(class: usize) -> Option<NonNull<u8>> {
    // A thread that ends has none any more.
    STASH
        .try_with(|stash| {
            let shelf = stash.0.get(class)?;
            shelf
                .take()
                .or_else(|| shelf.fill(class).then(|| shelf.take())?)
        })
        .ok()?
}

/// False when the thread has no shelves any more.
fn keep_small(memory: NonNull<u8>, class: usize) -> bool {
    STASH
        .try_with(|stash| {
            let Some(shelf) = stash.0.get(class) else {
                return false;
            };
            shelf.put(memory) || {
                shelf.empty(class, SHELF / 2);
                shelf.put(memory)
            }
        })
        .unwrap_or(false)
}

/// The capacity of a class.
fn capacity_of(class: usize) -> usize {
    let base = SMALLEST << (class / STEPS);
    base + class % STEPS * (base / STEPS)
}

/// What a capacity is rounded up to.
#[inline]
pub(super) fn round_up(capacity: usize) -> usize {
    class(capacity).map_or(capacity, |(_, rounded)| rounded)
}

/// Memory that was kept for this (rounded) capacity.
#[inline]
pub(super) fn take(capacity: usize) -> Option<NonNull<u8>> {
    let (class, rounded) = class(capacity)?;
    if class < SMALL_CLASSES {
        return take_small(class);
    }
    let free = CLASS[class].lock().pop()?;
    if rounded >= LARGE_FROM {
        LARGE_KEPT.fetch_sub(rounded, Ordering::Relaxed);
    }
    Some(free)
}

/// Keeps memory of this (rounded) capacity. False when it is to be given back to the allocator instead.
///
/// # Safety
/// Nobody refers to the memory, and all memory of this capacity has the same layout.
#[inline]
pub(super) unsafe fn keep(memory: NonNull<u8>, capacity: usize) -> bool {
    let Some((class, rounded)) = class(capacity).filter(|&(_, rounded)| rounded == capacity) else {
        return false;
    };
    if class < SMALL_CLASSES {
        return keep_small(memory, class);
    }
    if rounded >= LARGE_FROM {
        if LARGE_KEPT.fetch_add(rounded, Ordering::Relaxed) + rounded > LARGE_KEPT_MAX {
            LARGE_KEPT.fetch_sub(rounded, Ordering::Relaxed);
            return false;
        }
        // SAFETY: the caller's promise.
        unsafe { CLASS[class].lock().push(memory) };
        return true;
    }
    let mut kept = CLASS[class].lock();
    let room = kept.count < CLASS_KEPT_MAX / rounded;
    if room {
        // SAFETY: the caller's promise.
        unsafe { kept.push(memory) };
    }
    room
}

#[cfg(test)]
mod tests {
    use super::super::block::Block;
    use super::*;

    #[test]
    fn no_more_is_kept_than_allowed() {
        const SIZE: usize = 28 << 10;
        let blocks: Vec<_> = (0..64).map(|_| Block::allocate(SIZE).unwrap()).collect();
        for block in blocks {
            // SAFETY: the one reference is ours.
            unsafe { Block::release(block, 1) };
        }
        let (number, _) = class(SIZE).unwrap();
        let kept = CLASS[number].lock().count;
        assert!(kept <= CLASS_KEPT_MAX / SIZE && kept > 0);
    }

    #[test]
    fn what_a_thread_has_outlives_it() {
        const SIZE: usize = 900;
        let (number, rounded) = class(SIZE).unwrap();
        let kept = || CLASS[number].lock().count;
        let before = kept();
        std::thread::spawn(|| {
            let blocks: Vec<_> = (0..100).map(|_| Block::allocate(SIZE).unwrap()).collect();
            for block in blocks {
                // SAFETY: the one reference is ours.
                unsafe { Block::release(block, 1) };
            }
        })
        .join()
        .unwrap();
        assert!(kept() > before && kept() <= CLASS_KEPT_MAX / rounded);
        let again: Vec<_> = (0..20).map(|_| Block::allocate(SIZE).unwrap()).collect();
        assert!(kept() < before + 100);
        for block in again {
            // SAFETY: as above.
            unsafe { Block::release(block, 1) };
        }
    }

    #[test]
    fn classes_are_exact_and_waste_a_quarter_at_most() {
        let mut last = 0;
        for capacity in (SMALLEST..=LARGEST).step_by(1021).chain([LARGEST]) {
            let (number, rounded) = class(capacity).unwrap();
            assert!(number < CLASSES && number >= last);
            assert!(rounded >= capacity && rounded <= capacity + capacity / STEPS);
            assert_eq!(class(rounded), Some((number, rounded)));
            assert_eq!(capacity_of(number), rounded);
            last = number;
        }
        assert_eq!((class(SMALLEST - 1), class(LARGEST + 1)), (None, None));
    }
}
