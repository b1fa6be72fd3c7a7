//! Memory of bodies, kept for the next one: a stream of them costs no page faults, and none of the work that an
//! allocator has with memory that one thread takes and another gives back.
//!
//! Small sizes are rounded up to a multiple of 32 bytes, others to one of four steps between powers of two, which wastes a
//! quarter at most. What is kept is bounded for the whole process, to some 25 MiB if every size was in use; memory beyond
//! goes back to the allocator. Of small sizes each thread has a few by itself, at most some 130 KiB: what it gives back it
//! mostly takes again.

use super::block::shape;
use parking_lot::Mutex;
use std::alloc::dealloc;
use std::cell::Cell;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Small capacities: multiples of the grain, of which threads have some by themselves.
const GRAIN: usize = 32;
const SMALL: usize = 1024;
const SMALL_CLASSES: usize = SMALL / GRAIN;
/// How many of each.
const SHELF: usize = 8;
/// The largest capacity that is pooled.
const LARGEST: usize = 4 << 20;
const STEPS: usize = 4;
const CLASSES: usize = SMALL_CLASSES + STEPS * (LARGEST.ilog2() - SMALL.ilog2()) as usize;
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

/// The class of a small capacity, which is not 0.
#[inline(always)]
fn small_class(capacity: usize) -> usize {
    (capacity - 1) / GRAIN
}

/// The class of a capacity, and the capacity of that class; `None` for what is not pooled.
fn class(capacity: usize) -> Option<(usize, usize)> {
    match capacity {
        1..=SMALL => Some((small_class(capacity), capacity.next_multiple_of(GRAIN))),
        ..=LARGEST if capacity > SMALL => {
            let octave = ((capacity - 1).ilog2() - SMALL.ilog2()) as usize;
            let (base, step) = (SMALL << octave, (SMALL << octave) / STEPS);
            let above = (capacity - base).div_ceil(step);
            Some((
                SMALL_CLASSES + octave * STEPS + above - 1,
                base + above * step,
            ))
        }
        _ => None,
    }
}

/// The capacity of a class.
fn capacity_of(class: usize) -> usize {
    let Some(large) = class.checked_sub(SMALL_CLASSES) else {
        return (class + 1) * GRAIN;
    };
    let base = SMALL << (large / STEPS);
    base + (large % STEPS + 1) * (base / STEPS)
}

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

/// Memory of a small capacity, which is not 0.
#[inline(always)]
fn take_small(capacity: usize) -> Option<NonNull<u8>> {
    let class = small_class(capacity);
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
#[inline(always)]
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

/// What a capacity is rounded up to.
#[inline(always)]
pub(super) fn round_up(capacity: usize) -> usize {
    if (1..=SMALL).contains(&capacity) {
        return capacity.next_multiple_of(GRAIN);
    }
    class(capacity).map_or(capacity, |(_, rounded)| rounded)
}

/// Memory that was kept for this (rounded) capacity.
#[inline(always)]
pub(super) fn take(capacity: usize) -> Option<NonNull<u8>> {
    if (1..=SMALL).contains(&capacity) {
        return take_small(capacity);
    }
    take_large(capacity)
}

#[inline(never)]
fn take_large(capacity: usize) -> Option<NonNull<u8>> {
    let (class, rounded) = class(capacity)?;
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
#[inline(always)]
pub(super) unsafe fn keep(memory: NonNull<u8>, capacity: usize) -> bool {
    if (1..=SMALL).contains(&capacity) {
        return keep_small(memory, small_class(capacity));
    }
    // SAFETY: the caller's promise.
    unsafe { keep_large(memory, capacity) }
}

/// # Safety
/// As for [`keep`].
#[inline(never)]
unsafe fn keep_large(memory: NonNull<u8>, capacity: usize) -> bool {
    let Some((class, rounded)) = class(capacity).filter(|&(_, rounded)| rounded == capacity) else {
        return false;
    };
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
        let large = (SMALL..=LARGEST).step_by(1021).chain([LARGEST]);
        for capacity in (1..=2 * SMALL).chain(large) {
            let (number, rounded) = class(capacity).unwrap();
            assert!(number < CLASSES && (number >= last || capacity == SMALL));
            assert!(rounded >= capacity && rounded <= capacity + GRAIN.max(capacity / STEPS));
            assert_eq!(class(rounded), Some((number, rounded)));
            assert_eq!(capacity_of(number), rounded);
            last = number;
        }
        assert_eq!((class(0), class(LARGEST + 1)), (None, None));
    }
}
