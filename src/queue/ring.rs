//! A single-producer, single-consumer queue of values stored by value in rings that are chained when one is too small.
//!
//! Positions count values from the start of the queue for ever. A ring serves the positions from the one it was opened
//! at up to its `end`, which stays unknown (`u64::MAX`) until the producer moves on to the next ring. The producer
//! writes a slot, then publishes `tail`; the consumer reads a slot, then publishes `head`, in batches.

use crate::sync::{Arc, AtomicPtr, AtomicU64, Ordering, Padded, UnsafeCell};
use std::mem::MaybeUninit;
use std::ptr;

/// Slots of the first ring: an idle connection holds two of these. (A model gets by with few, to come round soon.)
const FIRST: usize = if cfg!(loom) { 2 } else { 8 };
/// Slots of the largest ring; a longer queue is a chain that is freed as it is drained.
const LAST: usize = if cfg!(loom) { 8 } else { 1024 };
/// The consumer gives room back at the latest after so many values.
const BATCH: u64 = 64;

struct Ring<T> {
    slots: Box<[UnsafeCell<MaybeUninit<T>>]>,
    /// First position that lies in the next ring.
    end: AtomicU64,
    next: AtomicPtr<Ring<T>>,
}

impl<T> Ring<T> {
    fn open(capacity: usize) -> *mut Ring<T> {
        let slots = (0..capacity)
            .map(|_| UnsafeCell::new(MaybeUninit::uninit()))
            .collect();
        Box::into_raw(Box::new(Ring {
            slots,
            end: AtomicU64::new(u64::MAX),
            next: AtomicPtr::new(ptr::null_mut()),
        }))
    }

    #[inline(always)]
    fn slot(&self, position: u64) -> &UnsafeCell<MaybeUninit<T>> {
        // Capacities are powers of two, so positions map onto slots without a base.
        &self.slots[position as usize & (self.slots.len() - 1)]
    }
}

struct Shared<T> {
    tail: Padded<AtomicU64>,
    head: Padded<AtomicU64>,
    /// The ring the consumer is in, for the last owner to free; written by the consumer's drop only.
    first: AtomicPtr<Ring<T>>,
}

impl<T> Drop for Shared<T> {
    fn drop(&mut self) {
        let mut ring = self.first.load(Ordering::Acquire);
        let mut head = self.head.load(Ordering::Acquire);
        let tail = self.tail.load(Ordering::Acquire);
        while !ring.is_null() {
            // SAFETY: both ends are gone; the chain from `first` on is ours, each ring was made by `open`, and the
            // positions head..tail hold values nobody took.
            unsafe {
                let open = Box::from_raw(ring);
                let end = open.end.load(Ordering::Relaxed).min(tail);
                while head < end {
                    open.slot(head)
                        .with_mut(|value| (*value).assume_init_drop());
                    head += 1;
                }
                ring = open.next.load(Ordering::Relaxed);
            }
        }
    }
}

/// The writing end.
pub(super) struct Producer<T> {
    shared: Arc<Shared<T>>,
    ring: *mut Ring<T>,
    mask: u64,
    tail: u64,
    published: u64,
    /// Where `tail` would run into slots that the consumer may not have left.
    limit: u64,
    /// The most values seen waiting since the last look, and when the next look is due.
    peak: u64,
    next_look: u64,
}

/// The reading end.
pub(super) struct Consumer<T> {
    shared: Arc<Shared<T>>,
    ring: *mut Ring<T>,
    head: u64,
    released: u64,
    /// Values up to here are known to be readable in this ring.
    limit: u64,
}

// SAFETY: the two ends share atomics and slots; a slot is touched by the producer before it publishes `tail` past it and
// by the consumer after it read that `tail`, so values only need to be Send.
unsafe impl<T: Send> Send for Producer<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Send for Consumer<T> {}

pub(super) fn ring<T>() -> (Producer<T>, Consumer<T>) {
    let ring = Ring::open(FIRST);
    let shared = Arc::new(Shared {
        tail: Padded(AtomicU64::new(0)),
        head: Padded(AtomicU64::new(0)),
        first: AtomicPtr::new(ring),
    });
    let limit = FIRST as u64;
    let producer = Producer {
        shared: shared.clone(),
        ring,
        mask: limit - 1,
        tail: 0,
        published: 0,
        limit,
        peak: 0,
        next_look: LAST as u64,
    };
    (
        producer,
        Consumer {
            shared,
            ring,
            head: 0,
            released: 0,
            limit: 0,
        },
    )
}

impl<T> Producer<T> {
    /// Writes a value; the consumer sees it after the next [`publish`](Producer::publish).
    #[inline(always)]
    pub(super) fn push(&mut self, value: T) {
        if self.tail == self.limit {
            self.make_room();
        }
        // SAFETY: tail < limit, so the consumer has left this slot, or never was in this ring; `ring` is the producer's
        // current one, which the consumer frees only after it passed `end`, still unset.
        unsafe {
            let ring = &*self.ring;
            let slot = ring.slots.get_unchecked((self.tail & self.mask) as usize);
            slot.with_mut(|place| (*place).write(value));
        }
        self.tail += 1;
    }

    /// Lets the consumer see everything pushed so far.
    #[inline(always)]
    pub(super) fn publish(&mut self) {
        self.shared.tail.store(self.tail, Ordering::Release);
        self.published = self.tail;
    }

    /// True when nothing published is waiting for the consumer, as far as it has told.
    pub(super) fn is_drained(&self) -> bool {
        self.shared.head.load(Ordering::Acquire) == self.published
    }

    #[cold]
    fn make_room(&mut self) {
        let head = self.shared.head.load(Ordering::Acquire);
        let capacity = self.mask + 1;
        let waiting = self.tail - head;
        self.peak = self.peak.max(waiting);
        if waiting >= capacity {
            self.open((capacity as usize * 4).min(LAST));
        } else if self.tail >= self.next_look {
            // A ring much larger than what ever waited in it is given back.
            if self.peak * 8 < capacity && capacity > FIRST as u64 {
                self.open((capacity / 4) as usize);
            } else {
                self.limit = head + capacity;
            }
            self.peak = 0;
            self.next_look = self.tail + 4 * LAST as u64;
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
        self.mask = capacity as u64 - 1;
        self.limit = self.tail + capacity as u64;
    }
}

impl<T> Drop for Producer<T> {
    fn drop(&mut self) {
        // Values pushed and not published would be lost to Shared::drop.
        self.publish();
    }
}

impl<T> Consumer<T> {
    /// Takes the next value.
    #[inline(always)]
    pub(super) fn pop(&mut self) -> Option<T> {
        if self.head == self.limit && !self.refill() {
            return None;
        }
        // SAFETY: head < limit <= tail as published, and the slot lies in this ring; it is read once, since head moves.
        let value = unsafe {
            (*self.ring)
                .slot(self.head)
                .with(|place| (*place).assume_init_read())
        };
        self.head += 1;
        if self.head - self.released >= BATCH {
            self.release();
        }
        Some(value)
    }

    /// Looks at the next value.
    #[inline(always)]
    pub(super) fn peek(&mut self) -> Option<&T> {
        if self.head == self.limit && !self.refill() {
            return None;
        }
        // SAFETY: as in `pop`; the borrow ends before the next pop.
        Some(unsafe {
            (*self.ring)
                .slot(self.head)
                .with(|place| (*place).assume_init_ref())
        })
    }

    fn release(&mut self) {
        self.shared.head.store(self.head, Ordering::Release);
        self.released = self.head;
    }

    #[inline]
    fn refill(&mut self) -> bool {
        loop {
            let tail = self.shared.tail.load(Ordering::Acquire);
            // SAFETY: the consumer's current ring is freed by nobody else.
            let end = unsafe { (*self.ring).end.load(Ordering::Acquire) };
            self.limit = tail.min(end);
            if self.head < self.limit {
                return true;
            }
            if self.head != end || self.head == tail {
                if self.released != self.head {
                    self.release();
                }
                return false;
            }
            // SAFETY: `end` was stored after `next`, and the producer left this ring when it stored them.
            unsafe {
                let next = (*self.ring).next.load(Ordering::Acquire);
                drop(Box::from_raw(self.ring));
                self.ring = next;
            }
            self.shared.first.store(self.ring, Ordering::Release);
        }
    }
}

impl<T> Drop for Consumer<T> {
    fn drop(&mut self) {
        self.shared.head.store(self.head, Ordering::Release);
        self.shared.first.store(self.ring, Ordering::Release);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    proptest! {
        /// The queue against a plain VecDeque, under random bursts.
        #[test]
        fn behaves_like_a_deque(bursts in proptest::collection::vec((0usize..3000, 0usize..3000), 1..40)) {
            let (mut tx, mut rx) = ring::<Box<u64>>();
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
    fn nothing_is_seen_before_it_is_published() {
        let (mut tx, mut rx) = ring::<u32>();
        tx.push(1);
        assert_eq!(rx.pop(), None);
        tx.publish();
        assert_eq!(rx.pop(), Some(1));
    }

    #[test]
    fn values_left_behind_are_dropped_once() {
        let value = Arc::new(());
        let (mut tx, mut rx) = ring();
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
        let (mut tx, mut rx) = ring::<u64>();
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
