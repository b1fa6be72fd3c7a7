//! A single-producer, single-consumer queue of values stored by value in rings that are chained when one is too small.
//!
//! Positions count values from the start of the queue for ever. A ring serves the positions from the one it was opened
//! at up to its `end`, which stays unknown (`u64::MAX`) until the producer moves on to the next ring. The producer
//! writes a slot, then publishes `tail`; the consumer reads a slot, then publishes `head`, in batches. Both ends begin in
//! a ring without slots, so that a queue that carries nothing has none.
//!
//! Whoever builds on the queue keeps what the two ends tell each other in the same cache lines: `W` in the one that the
//! producer writes, beside `tail`, `R` in the one that the consumer writes, beside `head`.

use crate::sync::{AtomicBool, AtomicPtr, AtomicU64, Ordering, Padded, UnsafeCell};
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};

/// Slots of a ring, from the first, which a connection holds that is used now and then, to the largest: a longer queue is a
/// chain that is freed as it is drained. (A model gets by with few, to come round soon.)
const SIZES: &[usize] = if cfg!(loom) {
    &[2, 8]
} else {
    &[4, 32, 128, 512, 2048]
};
const FIRST: usize = SIZES[0];
const LAST: usize = SIZES[SIZES.len() - 1];
/// A ring that was given back too early is missed: the waits for the next look are doubled, up to so often.
const REGROWN_MAX: u32 = 10;
/// The consumer gives room back at the latest after so many values.
const BATCH: u64 = 64;

type Slot<T> = UnsafeCell<MaybeUninit<T>>;

/// What stands before the slots of a ring, in one piece of memory with them.
struct Ring<T> {
    capacity: usize,
    /// First position that lies in the next ring.
    end: AtomicU64,
    next: AtomicPtr<Ring<T>>,
    slots: [Slot<T>; 0],
}

impl<T> Ring<T> {
    /// Where both ends begin: it ends before the first position.
    fn origin() -> Ring<T> {
        Ring::ending(0, 0)
    }

    fn ending(end: u64, capacity: usize) -> Ring<T> {
        Ring {
            capacity,
            end: AtomicU64::new(end),
            next: AtomicPtr::new(ptr::null_mut()),
            slots: [],
        }
    }

    fn layout(capacity: usize) -> Layout {
        let head = Layout::new::<Ring<T>>();
        let whole = Layout::array::<Slot<T>>(capacity).and_then(|slots| head.extend(slots));
        whole.expect("SIZES are small").0.pad_to_align()
    }

    fn open(capacity: usize) -> *mut Ring<T> {
        let layout = Ring::<T>::layout(capacity);
        // SAFETY: the layout is that of a head, which is not empty, and of as many slots, which begin where the field
        // `slots` lies: behind all others, and aligned for them.
        unsafe {
            let ring = alloc(layout).cast::<Ring<T>>();
            if ring.is_null() {
                handle_alloc_error(layout);
            }
            ring.write(Ring::ending(u64::MAX, capacity));
            let slots = Ring::slots(ring).cast_mut();
            for place in 0..capacity {
                slots.add(place).write(Slot::new(MaybeUninit::uninit()));
            }
            ring
        }
    }

    /// # Safety
    /// `open` made it, it holds no value, and nobody uses it any more.
    unsafe fn close(ring: *mut Ring<T>) {
        // SAFETY: the caller's promise; all was initialised by `open`, and allocated with this layout.
        unsafe {
            let capacity = (*ring).capacity;
            let slots = Ring::slots(ring).cast_mut();
            ptr::slice_from_raw_parts_mut(slots, capacity).drop_in_place();
            ring.drop_in_place();
            dealloc(ring.cast(), Ring::<T>::layout(capacity));
        }
    }

    /// Its slots. Capacities are powers of two, so positions map onto them without a base.
    ///
    /// # Safety
    /// The ring is there.
    unsafe fn slots(ring: *const Ring<T>) -> *const Slot<T> {
        // SAFETY: the caller's promise. No reference is made, which would be to the head alone.
        unsafe { (&raw const (*ring).slots).cast() }
    }
}

/// The line that the producer writes.
struct Tail<T, W> {
    position: AtomicU64,
    beside: W,
    origin: Ring<T>,
}

/// The line that the consumer writes.
struct Head<T, R> {
    position: AtomicU64,
    beside: R,
    /// The ring the consumer is in, for the last owner to free; null while that is the origin.
    first: AtomicPtr<Ring<T>>,
    /// One of the two ends is gone.
    halved: AtomicBool,
}

struct Shared<T, W, R> {
    tail: Padded<Tail<T, W>>,
    head: Padded<Head<T, R>>,
}

impl<T, W, R> Shared<T, W, R> {
    /// # Safety
    /// Called once by each end, which does not use it any more.
    unsafe fn let_go(shared: NonNull<Self>) {
        // SAFETY: the caller's promise: as long as `halved` is not set, the other end has not let go, and will not free it.
        unsafe {
            if shared.as_ref().head.halved.swap(true, Ordering::AcqRel) {
                drop(Box::from_raw(shared.as_ptr()));
            }
        }
    }
}

impl<T, W, R> Drop for Shared<T, W, R> {
    fn drop(&mut self) {
        let mut ring = self.head.first.load(Ordering::Acquire);
        if ring.is_null() {
            ring = self.tail.origin.next.load(Ordering::Acquire);
        }
        let mut head = self.head.position.load(Ordering::Acquire);
        let tail = self.tail.position.load(Ordering::Acquire);
        while !ring.is_null() {
            // SAFETY: both ends are gone; the chain from `first` on is ours, each ring was made by `open`, and the
            // positions head..tail hold values nobody took.
            unsafe {
                let end = (*ring).end.load(Ordering::Relaxed).min(tail);
                let (slots, mask) = (Ring::slots(ring), (*ring).capacity - 1);
                while head < end {
                    (*slots.add(head as usize & mask))
                        .with_mut(|value| (*value).assume_init_drop());
                    head += 1;
                }
                let next = (*ring).next.load(Ordering::Relaxed);
                Ring::close(ring);
                ring = next;
            }
        }
    }
}

/// The size above `capacity`, if there is one.
fn larger(capacity: u64) -> usize {
    let above = SIZES.iter().find(|&&size| size as u64 > capacity);
    above.copied().unwrap_or(LAST)
}

/// The size below `capacity`, if there is one.
fn smaller(capacity: u64) -> usize {
    let below = SIZES.iter().rfind(|&&size| (size as u64) < capacity);
    below.copied().unwrap_or(FIRST)
}

/// Asks for the cache line of a slot some positions ahead, to write to it: by then it has come over from the other
/// thread's cache.
#[inline(always)]
fn expect_write<T>(slot: *const Slot<T>) {
    #[cfg(all(target_arch = "x86_64", not(miri), not(loom)))]
    // SAFETY: a prefetch touches no memory and never faults; without the instruction it is a no-op.
    unsafe {
        std::arch::asm!("prefetchw [{}]", in(reg) slot, options(nostack, preserves_flags, readonly));
    }
    let _ = slot;
}

/// As [`expect_write`], to read.
#[inline(always)]
fn expect_read<T>(slot: *const Slot<T>) {
    #[cfg(all(target_arch = "x86_64", not(miri), not(loom)))]
    // SAFETY: a prefetch touches no memory and never faults.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(slot.cast());
    }
    let _ = slot;
}

/// How many positions ahead.
const AHEAD: u64 = 8;

/// The writing end.
pub(super) struct Producer<T, W = (), R = ()> {
    shared: NonNull<Shared<T, W, R>>,
    ring: *const Ring<T>,
    /// The slots of `ring`; null while that is the origin.
    slots: *const Slot<T>,
    mask: u64,
    tail: u64,
    published: u64,
    /// Where `tail` would run into slots that the consumer may not have left.
    limit: u64,
    /// The most values seen waiting since the last look, and when the next look is due.
    peak: u64,
    next_look: u64,
    /// The last ring was given back for a smaller one; how often that was too early.
    gave_back: bool,
    regrown: u32,
}

/// The reading end.
pub(super) struct Consumer<T, W = (), R = ()> {
    shared: NonNull<Shared<T, W, R>>,
    ring: *const Ring<T>,
    /// The slots of `ring`; null while that is the origin.
    slots: *const Slot<T>,
    mask: u64,
    head: u64,
    released: u64,
    /// Values up to here are known to be readable in this ring.
    limit: u64,
}

// SAFETY: the two ends share atomics and slots; a slot is touched by the producer before it publishes `tail` past it and
// by the consumer after it read that `tail`, so values only need to be Send. What stands beside is used by both at a time.
unsafe impl<T: Send, W: Send + Sync, R: Send + Sync> Send for Producer<T, W, R> {}
// SAFETY: as above.
unsafe impl<T: Send, W: Send + Sync, R: Send + Sync> Send for Consumer<T, W, R> {}

pub(super) fn ring<T, W, R>(
    beside_tail: W,
    beside_head: R,
) -> (Producer<T, W, R>, Consumer<T, W, R>) {
    let shared = Box::new(Shared {
        tail: Padded(Tail {
            position: AtomicU64::new(0),
            beside: beside_tail,
            origin: Ring::origin(),
        }),
        head: Padded(Head {
            position: AtomicU64::new(0),
            beside: beside_head,
            first: AtomicPtr::new(ptr::null_mut()),
            halved: AtomicBool::new(false),
        }),
    });
    let shared = NonNull::from(Box::leak(shared));
    // SAFETY: both ends keep it.
    let origin: *const Ring<T> = unsafe { &shared.as_ref().tail.origin };
    let producer = Producer {
        shared,
        ring: origin,
        slots: ptr::null(),
        mask: 0,
        tail: 0,
        published: 0,
        limit: 0,
        peak: 0,
        next_look: LAST as u64,
        gave_back: false,
        regrown: 0,
    };
    let consumer = Consumer {
        shared,
        ring: origin,
        slots: ptr::null(),
        mask: 0,
        head: 0,
        released: 0,
        limit: 0,
    };
    (producer, consumer)
}

impl<T, W, R> Producer<T, W, R> {
    #[inline(always)]
    fn shared(&self) -> &Shared<T, W, R> {
        // SAFETY: it stays until both ends have let go.
        unsafe { self.shared.as_ref() }
    }

    /// What stands beside `tail`, where this end writes.
    #[inline(always)]
    pub(super) fn beside_tail(&self) -> &W {
        &self.shared().tail.beside
    }

    /// What stands beside `head`, where the other end writes.
    #[inline(always)]
    pub(super) fn beside_head(&self) -> &R {
        &self.shared().head.beside
    }

    /// Writes a value; the consumer sees it after the next [`publish`](Producer::publish).
    #[inline(always)]
    pub(super) fn push(&mut self, value: T) {
        if self.tail == self.limit {
            self.make_room();
        }
        // SAFETY: tail < limit, so the consumer has left this slot, or never was in this ring; the slots are those of the
        // producer's current ring, which the consumer frees only after it passed `end`, still unset. A slot further on
        // is only named.
        unsafe {
            expect_write(self.slots.add(((self.tail + AHEAD) & self.mask) as usize));
            let slot = &*self.slots.add((self.tail & self.mask) as usize);
            slot.with_mut(|place| (*place).write(value));
        }
        self.tail += 1;
    }

    /// Lets the consumer see everything pushed so far.
    #[inline(always)]
    pub(super) fn publish(&mut self) {
        self.shared()
            .tail
            .position
            .store(self.tail, Ordering::Release);
        self.published = self.tail;
    }

    /// How many values were published so far.
    pub(super) fn published(&self) -> u64 {
        self.published
    }

    /// True when nothing published is waiting for the consumer, as far as it has told.
    #[inline(always)]
    pub(super) fn is_drained(&self) -> bool {
        self.behind() == 0
    }

    /// How many published values are waiting for the consumer, as far as it has told.
    #[inline(always)]
    pub(super) fn behind(&self) -> u64 {
        self.published - self.shared().head.position.load(Ordering::Acquire)
    }

    #[cold]
    fn make_room(&mut self) {
        if self.slots.is_null() {
            return self.open(FIRST);
        }
        let head = self.shared().head.position.load(Ordering::Acquire);
        let capacity = self.mask + 1;
        let waiting = self.tail - head;
        self.peak = self.peak.max(waiting);
        if waiting >= capacity {
            if std::mem::take(&mut self.gave_back) {
                self.regrown = (self.regrown + 1).min(REGROWN_MAX);
            }
            self.open(larger(capacity));
        } else if self.tail >= self.next_look {
            // A ring much larger than what ever waited in it is given back.
            if self.peak * 8 < capacity && capacity > FIRST as u64 {
                self.gave_back = true;
                self.open(smaller(capacity));
            } else {
                self.limit = head + capacity;
            }
            self.peak = 0;
            self.next_look = self.tail + ((4 * LAST as u64) << self.regrown);
        } else {
            self.limit = head + capacity;
        }
    }

    fn open(&mut self, capacity: usize) {
        let next = Ring::open(capacity);
        // SAFETY: the consumer cannot free the current ring before it sees `end`, which it reads after a `tail`
        // published later than this.
        unsafe {
            (*self.ring).next.store(next, Ordering::Relaxed);
            (*self.ring).end.store(self.tail, Ordering::Release);
        }
        self.ring = next;
        // SAFETY: just opened.
        self.slots = unsafe { Ring::slots(next) };
        self.mask = capacity as u64 - 1;
        self.limit = self.tail + capacity as u64;
    }
}

impl<T, W, R> Drop for Producer<T, W, R> {
    fn drop(&mut self) {
        // Values pushed and not published would be lost to Shared::drop.
        self.publish();
        // SAFETY: the last that this end does with it.
        unsafe { Shared::let_go(self.shared) };
    }
}

impl<T, W, R> Consumer<T, W, R> {
    #[inline(always)]
    fn shared(&self) -> &Shared<T, W, R> {
        // SAFETY: it stays until both ends have let go.
        unsafe { self.shared.as_ref() }
    }

    /// What stands beside `tail`, where the other end writes.
    #[inline(always)]
    pub(super) fn beside_tail(&self) -> &W {
        &self.shared().tail.beside
    }

    /// What stands beside `head`, where this end writes.
    #[inline(always)]
    pub(super) fn beside_head(&self) -> &R {
        &self.shared().head.beside
    }

    /// Takes the next value.
    #[inline(always)]
    pub(super) fn pop(&mut self) -> Option<T> {
        // SAFETY: see `next`; the slot is read once, since head moves.
        let value = unsafe { self.next()?.with(|place| (*place).assume_init_read()) };
        self.passed();
        Some(value)
    }

    /// Takes the next value in place of `into`, if there is one that `fits`. Else `into` stays what it is.
    #[inline(always)]
    pub(super) fn pop_into(&mut self, into: &mut T, fits: impl FnOnce(&T) -> bool) -> bool {
        let Some(slot) = self.next() else {
            return false;
        };
        // SAFETY: see `next`; the slot is read once, since head moves. The old value is dropped once, and what stands in
        // its place is never seen before the new one does (a panic in between aborts).
        unsafe {
            if !slot.with(|place| fits((*place).assume_init_ref())) {
                return false;
            }
            ptr::drop_in_place(into);
            slot.with(|place| ptr::copy_nonoverlapping((*place).as_ptr(), into, 1));
        }
        self.passed();
        true
    }

    /// Lets `look` at one value after the other where it lies, and drops those it says yes to, until it says no or none is
    /// left. Returns how many it said yes to.
    #[inline(always)]
    pub(super) fn take_while(&mut self, mut look: impl FnMut(&mut T) -> bool) -> u64 {
        let start = self.head;
        while self.head < self.limit || self.refill() {
            // SAFETY: see `next`; the slot is ours alone until head moves, and its value is dropped once.
            let taken = unsafe {
                let slot = &*self.slots.add((self.head & self.mask) as usize);
                slot.with_mut(|place| {
                    let taken = look((*place).assume_init_mut());
                    if taken {
                        (*place).assume_init_drop();
                    }
                    taken
                })
            };
            if !taken {
                break;
            }
            self.head += 1;
        }
        if self.head - self.released >= BATCH {
            self.release();
        }
        self.head - start
    }

    /// Looks at the next value.
    #[inline(always)]
    pub(super) fn peek(&mut self) -> Option<&T> {
        // SAFETY: see `next`; the borrow ends before the next pop.
        Some(unsafe { self.next()?.with(|place| (*place).assume_init_ref()) })
    }

    /// The slot of the next value.
    #[inline(always)]
    fn next<'a>(&mut self) -> Option<&'a Slot<T>> {
        if self.head == self.limit && !self.refill() {
            return None;
        }
        // SAFETY: head < limit <= tail as published, and position head lies in this ring, which stays until head has
        // passed its end, and that is not before the caller is done with the slot. A slot further on is only named.
        unsafe {
            if self.head + AHEAD < self.limit {
                expect_read(self.slots.add(((self.head + AHEAD) & self.mask) as usize));
            }
            Some(&*self.slots.add((self.head & self.mask) as usize))
        }
    }

    #[inline(always)]
    fn passed(&mut self) {
        self.head += 1;
        if self.head - self.released >= BATCH {
            self.release();
        }
    }

    /// How many values were taken so far; `None` while more are known to be readable.
    #[inline(always)]
    pub(super) fn emptied(&self) -> Option<u64> {
        (self.head == self.limit).then_some(self.head)
    }

    /// How many values were published so far.
    pub(super) fn published(&self) -> u64 {
        self.shared().tail.position.load(Ordering::Relaxed)
    }

    fn release(&mut self) {
        self.shared()
            .head
            .position
            .store(self.head, Ordering::Release);
        self.released = self.head;
    }

    #[inline]
    fn refill(&mut self) -> bool {
        loop {
            let tail = self.shared().tail.position.load(Ordering::Acquire);
            // SAFETY: the consumer's current ring is freed by nobody else.
            let end = unsafe { (*self.ring).end.load(Ordering::Acquire) };
            self.limit = tail.min(end);
            if self.head < self.limit {
                // All at once: one after the other each would be waited for.
                for position in self.head..self.limit.min(self.head + AHEAD) {
                    // SAFETY: a slot of this ring, which is only named.
                    expect_read(unsafe { self.slots.add((position & self.mask) as usize) });
                }
                return true;
            }
            if self.head != end || self.head == tail {
                if self.released != self.head {
                    self.release();
                }
                return false;
            }
            // SAFETY: `end` was stored after `next`, and the producer left this ring when it stored them. Whoever has slots
            // is in a ring that `open` made.
            unsafe {
                let next = (*self.ring).next.load(Ordering::Acquire);
                if !self.slots.is_null() {
                    Ring::close(self.ring.cast_mut());
                }
                self.ring = next;
                self.slots = Ring::slots(next);
                self.mask = (*next).capacity as u64 - 1;
            }
            self.shared()
                .head
                .first
                .store(self.ring.cast_mut(), Ordering::Release);
        }
    }
}

impl<T, W, R> Drop for Consumer<T, W, R> {
    fn drop(&mut self) {
        // `first` says already in which ring it is.
        self.release();
        // SAFETY: the last that this end does with it.
        unsafe { Shared::let_go(self.shared) };
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;
    use std::sync::Arc;

    #[test]
    fn sizes_grow_and_shrink_by_steps() {
        assert!(SIZES.iter().all(|size| size.is_power_of_two()));
        for pair in SIZES.windows(2) {
            assert_eq!(larger(pair[0] as u64), pair[1]);
            assert_eq!(smaller(pair[1] as u64), pair[0]);
            // What is given back for a peak of an eighth is large enough for it.
            assert!(pair[1] <= 8 * pair[0]);
        }
        assert_eq!((larger(LAST as u64), smaller(FIRST as u64)), (LAST, FIRST));
    }

    proptest! {
        /// The queue against a plain VecDeque, under random bursts.
        #[test]
        fn behaves_like_a_deque(bursts in proptest::collection::vec((0usize..3000, 0usize..3000), 1..40)) {
            let (mut tx, mut rx) = ring::<Box<u64>, (), ()>((), ());
            let mut model = VecDeque::new();
            let mut next = 0u64;
            for (pushes, pops) in bursts {
                for _ in 0..pushes {
                    tx.push(Box::new(next));
                    model.push_back(next);
                    next += 1;
                }
                tx.publish();
                for _ in 0..pops {
                    prop_assert_eq!(rx.peek().map(|v| **v), model.front().copied());
                    prop_assert_eq!(rx.pop().map(|v| *v), model.pop_front());
                }
            }
        }
    }

    #[test]
    fn a_ring_that_is_needed_again_is_kept_longer() {
        let (mut tx, mut rx) = ring::<u32, (), ()>((), ());
        let mut rings = 0;
        let mut send = |count| {
            let before = tx.ring;
            for value in 0..count {
                tx.push(value);
            }
            rings += usize::from(tx.ring != before);
            tx.publish();
            while rx.pop().is_some() {}
        };
        for _ in 0..200 {
            send(LAST as u32 / 2);
            for _ in 0..4 * LAST {
                send(1);
            }
        }
        assert!((2..40).contains(&rings), "{rings}");
    }

    #[test]
    fn nothing_is_seen_before_it_is_published() {
        let (mut tx, mut rx) = ring::<u32, (), ()>((), ());
        tx.push(1);
        assert_eq!(rx.pop(), None);
        tx.publish();
        assert_eq!(rx.pop(), Some(1));
    }

    #[test]
    fn values_left_behind_are_dropped_once() {
        let value = Arc::new(());
        let (mut tx, mut rx) = ring((), ());
        for _ in 0..5000 {
            tx.push(value.clone());
        }
        tx.publish();
        for _ in 0..100 {
            rx.pop();
        }
        drop(tx);
        drop(rx);
        assert_eq!(Arc::strong_count(&value), 1);
    }

    #[test]
    fn two_threads_keep_order() {
        let (mut tx, mut rx) = ring::<u64, (), ()>((), ());
        const COUNT: u64 = 400_000;
        let writer = std::thread::spawn(move || {
            for i in 0..COUNT {
                tx.push(i);
                if i % 7 == 0 {
                    tx.publish();
                }
            }
        });
        let mut expected = 0;
        while expected < COUNT {
            if let Some(value) = rx.pop() {
                assert_eq!(value, expected);
                expected += 1;
            } else {
                std::thread::yield_now();
            }
        }
        writer.join().unwrap();
    }
}
