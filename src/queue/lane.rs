//! A lane carries messages one way between two owners: a ring, the credit that the high water mark is made of, and the
//! flags by which each end learns that the other fell asleep.
//!
//! *Credit.* The writer has room while `written - taken < hwm` (0: no limit), counted in whole messages. The reader
//! reports what it took each time a multiple of its low water mark, half of the high one, is reached, so that a
//! writer that ran full resumes once about half of the queue is drained.
//!
//! *Sleep.* A reader that found the lane empty may *park*: it sets `reader_parked`, runs [`heavy_fence`], and looks
//! again. The writer publishes, runs [`light_fence`], and looks at the flag: one of the two sees the other. Parking is
//! dear and rare, publishing cheap and frequent, hence the asymmetry. A writer without room parks the same way with
//! full fences on both sides, since the reader reports rarely.

use super::ring::{Consumer, Producer, ring};
use crate::sync::{AtomicBool, AtomicU64, Mutex, Ordering, fence, heavy_fence, light_fence};

/// What stands in the line that the writer writes with each message.
#[derive(Debug)]
struct BesideTail<T> {
    /// Written rarely, and looked at by the writer with each message.
    reader_parked: AtomicBool,
    writer_closed: AtomicBool,
    /// Of a conflating lane: the newest message, all there is.
    newest: Option<Box<Mutex<Option<T>>>>,
}

/// What stands in the line that the reader writes.
#[derive(Debug, Default)]
struct BesideHead {
    taken: AtomicU64,
    writer_parked: AtomicBool,
    reader_closed: AtomicBool,
}

/// The writing end of a lane.
pub struct LaneTx<T> {
    ring: Producer<T, BesideTail<T>, BesideHead>,
    conflate: bool,
    written: u64,
    taken: u64,
    hwm: u64,
}

/// The reading end of a lane.
pub struct LaneRx<T> {
    ring: Consumer<T, BesideTail<T>, BesideHead>,
    /// Of a conflating lane: room for a message that was looked at.
    held: Option<Box<Option<T>>>,
    read: u64,
    lwm: u64,
    next_report: u64,
}

impl<T> std::fmt::Debug for LaneTx<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LaneTx(written {}, hwm {})", self.written, self.hwm)
    }
}

impl<T> std::fmt::Debug for LaneRx<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LaneRx(read {})", self.read)
    }
}

/// Makes a lane with room for `hwm` messages, 0 for no limit.
pub fn lane<T>(hwm: u64) -> (LaneTx<T>, LaneRx<T>) {
    build(hwm, false)
}

/// Makes a lane that holds the newest message only and is never full.
pub fn conflating_lane<T>() -> (LaneTx<T>, LaneRx<T>) {
    build(0, true)
}

fn build<T>(hwm: u64, conflate: bool) -> (LaneTx<T>, LaneRx<T>) {
    let beside_tail = BesideTail {
        reader_parked: AtomicBool::new(false),
        writer_closed: AtomicBool::new(false),
        newest: conflate.then(Box::default),
    };
    let (producer, consumer) = ring(beside_tail, BesideHead::default());
    let tx = LaneTx {
        ring: producer,
        conflate,
        written: 0,
        taken: 0,
        hwm,
    };
    let mut rx = LaneRx {
        ring: consumer,
        held: conflate.then(Box::default),
        read: 0,
        lwm: 1,
        next_report: 1,
    };
    rx.set_hwm(hwm);
    (tx, rx)
}

impl<T> LaneTx<T> {
    /// True when another message fits.
    #[inline(always)]
    pub fn has_room(&mut self) -> bool {
        self.hwm == 0 || self.written - self.taken < self.hwm || self.has_room_now()
    }

    #[inline]
    fn has_room_now(&mut self) -> bool {
        self.taken = self.ring.beside_head().taken.load(Ordering::Acquire);
        self.written - self.taken < self.hwm
    }

    /// How many messages may follow now.
    pub fn room(&mut self) -> u64 {
        if self.hwm == 0 {
            return u64::MAX;
        }
        self.taken = self.ring.beside_head().taken.load(Ordering::Acquire);
        self.hwm.saturating_sub(self.written - self.taken)
    }

    /// Messages written in all; a replaced one of a conflating lane counts as well.
    #[inline(always)]
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Messages written and not reported as taken.
    pub fn queued(&self) -> u64 {
        self.written - self.ring.beside_head().taken.load(Ordering::Acquire)
    }

    /// The high water mark; 0 for none.
    #[inline(always)]
    pub fn hwm(&self) -> u64 {
        self.hwm
    }

    /// True when it holds the newest message only.
    pub fn is_conflating(&self) -> bool {
        self.conflate
    }

    /// Changes the high water mark.
    pub fn set_hwm(&mut self, hwm: u64) {
        if !self.conflate {
            self.hwm = hwm;
        }
    }

    /// Writes a frame, the last one of its message if `last`. Nobody sees it before [`publish`](LaneTx::publish).
    #[inline(always)]
    pub fn push(&mut self, value: T, last: bool) {
        self.written += u64::from(last);
        if self.conflate {
            return self.replace(value);
        }
        self.ring.push(value);
    }

    #[cold]
    fn replace(&mut self, value: T) {
        if let Some(newest) = &self.ring.beside_tail().newest {
            let old = newest.lock().replace(value);
            drop(old);
        }
    }

    /// Lets the reader see what was pushed. True when the reader was parked and has to be told; it no longer is.
    #[inline(always)]
    #[must_use]
    pub fn publish(&mut self) -> bool {
        self.ring.publish();
        light_fence();
        self.ring
            .beside_tail()
            .reader_parked
            .load(Ordering::Relaxed)
            && self.unpark_reader()
    }

    /// Counts a message that the reader gets by other means, where it sees it already. True when the reader was parked and
    /// has to be told; it no longer is.
    #[inline(always)]
    #[must_use]
    pub fn wrote_elsewhere(&mut self) -> bool {
        self.written += 1;
        light_fence();
        self.ring
            .beside_tail()
            .reader_parked
            .load(Ordering::Relaxed)
            && self.unpark_reader()
    }

    /// True when the reader asked to be told.
    #[inline(always)]
    pub fn is_reader_parked(&self) -> bool {
        self.ring
            .beside_tail()
            .reader_parked
            .load(Ordering::Relaxed)
    }

    /// How many frames the reader has not taken, as far as it has told. 0 of a conflating lane.
    #[inline(always)]
    pub fn behind(&self) -> u64 {
        if self.conflate {
            return 0;
        }
        self.ring.behind()
    }

    #[cold]
    fn unpark_reader(&self) -> bool {
        self.ring
            .beside_tail()
            .reader_parked
            .swap(false, Ordering::AcqRel)
    }

    /// Asks to be told when there is room again. False when there is room now: then nothing was asked.
    pub fn park(&mut self) -> bool {
        self.ring
            .beside_head()
            .writer_parked
            .store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        if self.has_room_now() || self.is_abandoned() {
            self.ring
                .beside_head()
                .writer_parked
                .store(false, Ordering::Relaxed);
            return false;
        }
        true
    }

    /// True when everything published was taken, as far as the reader has told. Never true of a conflating lane.
    #[inline(always)]
    pub fn is_drained(&self) -> bool {
        !self.conflate && self.ring.is_drained()
    }

    /// Frames published so far.
    pub fn published(&self) -> u64 {
        self.ring.published()
    }

    /// Says that nothing more will come. True when the reader was parked and has to be told.
    #[must_use]
    pub fn close(&mut self) -> bool {
        self.ring.publish();
        self.ring
            .beside_tail()
            .writer_closed
            .store(true, Ordering::Release);
        fence(Ordering::SeqCst);
        self.unpark_reader()
    }

    /// True when the reader said that it will take nothing more.
    pub fn is_abandoned(&self) -> bool {
        self.ring
            .beside_head()
            .reader_closed
            .load(Ordering::Acquire)
    }
}

impl<T> LaneRx<T> {
    #[inline(always)]
    fn is_conflating(&self) -> bool {
        self.held.is_some()
    }

    /// Takes the next frame.
    #[inline(always)]
    pub fn pop(&mut self) -> Option<T> {
        if self.is_conflating() {
            return self.pop_newest();
        }
        self.ring.pop()
    }

    /// Frames taken so far; `None` while more are known to wait, and of a conflating lane.
    #[inline(always)]
    pub fn emptied(&self) -> Option<u64> {
        if self.is_conflating() {
            return None;
        }
        self.ring.emptied()
    }

    /// Takes the next frame in place of `into`, if there is one that `fits`. Else nothing happens.
    #[inline(always)]
    pub fn pop_into(&mut self, into: &mut T, fits: impl FnOnce(&T) -> bool) -> bool {
        if self.is_conflating() {
            return self.pop_newest_into(into, fits);
        }
        self.ring.pop_into(into, fits)
    }

    #[cold]
    fn pop_newest_into(&mut self, into: &mut T, fits: impl FnOnce(&T) -> bool) -> bool {
        self.hold_newest();
        let taken = self
            .held
            .as_mut()
            .and_then(|held| held.take_if(|value| fits(value)));
        match taken {
            Some(value) => {
                *into = value;
                true
            }
            None => false,
        }
    }

    /// Lets `look` at one frame after the other where it lies, and drops those it says yes to, until it says no or none is
    /// left.
    #[inline(always)]
    pub fn take_while(&mut self, mut look: impl FnMut(&mut T) -> bool) {
        if self.is_conflating() {
            return self.take_newest(&mut look);
        }
        self.ring.take_while(&mut look);
    }

    #[cold]
    fn take_newest(&mut self, look: &mut dyn FnMut(&mut T) -> bool) {
        self.hold_newest();
        if let Some(held) = &mut self.held {
            let _ = held.take_if(|value| look(value));
        }
    }

    #[cold]
    fn pop_newest(&mut self) -> Option<T> {
        self.hold_newest();
        self.held.as_mut()?.take()
    }

    /// Takes the newest message to be looked at, unless one is held already.
    fn hold_newest(&mut self) {
        if let Some(held) = &mut self.held
            && held.is_none()
            && let Some(newest) = &self.ring.beside_tail().newest
        {
            **held = newest.lock().take();
        }
    }

    /// Looks at the next frame. A conflating lane keeps what was looked at, newer messages or not; ask
    /// [`is_readable`](LaneRx::is_readable) where the content does not matter.
    #[inline(always)]
    pub fn peek(&mut self) -> Option<&T> {
        if self.is_conflating() {
            self.hold_newest();
            return self.held.as_deref()?.as_ref();
        }
        self.ring.peek()
    }

    /// True when a frame waits.
    #[inline(always)]
    pub fn is_readable(&mut self) -> bool {
        if self.is_conflating() {
            return self.has_newest();
        }
        self.ring.peek().is_some()
    }

    #[cold]
    fn has_newest(&self) -> bool {
        let newest = &self.ring.beside_tail().newest;
        self.held.as_ref().is_some_and(|held| held.is_some())
            || newest
                .as_ref()
                .is_some_and(|newest| newest.lock().is_some())
    }

    /// Messages taken in all.
    pub fn taken(&self) -> u64 {
        self.read
    }

    /// Frames published so far.
    pub fn published(&self) -> u64 {
        self.ring.published()
    }

    /// Counts a message as taken (to be called with its last frame). True when the writer was waiting for room and has
    /// to be told.
    #[inline(always)]
    #[must_use]
    pub fn took_message(&mut self) -> bool {
        self.took_messages(1)
    }

    /// As [`took_message`](LaneRx::took_message), for so many at once.
    #[inline(always)]
    #[must_use]
    pub fn took_messages(&mut self, count: u64) -> bool {
        self.read += count;
        self.read >= self.next_report && self.report(self.read - self.read % self.lwm)
    }

    /// Whole multiples only: however many are taken at once, both ends together hold what the high water marks promise.
    #[inline]
    fn report(&mut self, taken: u64) -> bool {
        self.next_report = taken + self.lwm;
        self.ring
            .beside_head()
            .taken
            .store(taken, Ordering::Release);
        fence(Ordering::SeqCst);
        self.ring
            .beside_head()
            .writer_parked
            .load(Ordering::Relaxed)
            && self
                .ring
                .beside_head()
                .writer_parked
                .swap(false, Ordering::AcqRel)
    }

    /// Reports everything taken so far, whatever the low water mark. True when the writer has to be told.
    #[must_use]
    pub fn report_all(&mut self) -> bool {
        self.report(self.read)
    }

    /// Changes the high water mark that the low one is half of.
    pub fn set_hwm(&mut self, hwm: u64) {
        // Without a limit nobody waits for reports; one now and then keeps the count of queued messages meaningful.
        self.lwm = if hwm == 0 {
            256
        } else {
            hwm.div_ceil(2).min(1 << 20)
        };
        self.next_report = (self.read / self.lwm + 1) * self.lwm;
    }

    /// First half of parking: asks the writer to tell when something comes. The caller must run [`heavy_fence`] and
    /// then look at the lane again (`is_readable`, `is_closed`); if there is something, it calls [`unpark`](LaneRx::unpark).
    pub fn park(&self) {
        self.ring
            .beside_tail()
            .reader_parked
            .store(true, Ordering::Relaxed);
    }

    /// Parks and looks again at once. False when something is there or the writer is gone: then it is not parked.
    pub fn park_now(&mut self) -> bool {
        self.park();
        heavy_fence();
        if self.is_readable() || self.is_closed() {
            self.unpark();
            return false;
        }
        true
    }

    /// Withdraws [`park`](LaneRx::park).
    pub fn unpark(&self) {
        self.ring
            .beside_tail()
            .reader_parked
            .store(false, Ordering::Relaxed);
    }

    /// True when the writer is asked to tell.
    pub fn is_parked(&self) -> bool {
        self.ring
            .beside_tail()
            .reader_parked
            .load(Ordering::Relaxed)
    }

    /// True when the writer said that nothing more will come; frames may still wait.
    pub fn is_closed(&self) -> bool {
        self.ring
            .beside_tail()
            .writer_closed
            .load(Ordering::Acquire)
    }

    /// Says that nothing more will be taken. True when the writer was parked and has to be told.
    #[must_use]
    pub fn close(&mut self) -> bool {
        self.ring
            .beside_head()
            .reader_closed
            .store(true, Ordering::Release);
        fence(Ordering::SeqCst);
        self.ring
            .beside_head()
            .writer_parked
            .swap(false, Ordering::AcqRel)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn room_returns_at_the_low_water_mark() {
        let (mut tx, mut rx) = lane::<u32>(10);
        for i in 0..10 {
            assert!(tx.has_room());
            tx.push(i, true);
        }
        assert!(!tx.has_room());
        assert!(!tx.publish());
        assert!(tx.park());
        for _ in 0..4 {
            rx.pop();
            assert!(!rx.took_message());
        }
        assert!(!tx.has_room());
        rx.pop();
        assert!(rx.took_message());
        assert_eq!(tx.room(), 5);
    }

    #[test]
    fn both_ends_together_hold_what_the_marks_promise() {
        // The reader takes by sevens, as a connection does that fills its buffer, and stops at 500.
        let (mut tx, mut rx) = lane::<u32>(500);
        while tx.written() < 500 {
            tx.push(0, true);
            let _ = tx.publish();
        }
        let mut taken = 0;
        while taken < 500 {
            for _ in 0..7 {
                rx.pop();
            }
            let _ = rx.took_messages(7);
            taken += 7;
            while tx.has_room() {
                tx.push(0, true);
                let _ = tx.publish();
            }
        }
        assert_eq!(tx.written(), 1000);
        assert_eq!(tx.queued(), 500);
    }

    #[test]
    fn a_parked_reader_is_reported_once() {
        let (mut tx, mut rx) = lane::<u32>(0);
        assert!(rx.park_now());
        tx.push(1, true);
        assert!(tx.publish());
        tx.push(2, true);
        assert!(!tx.publish());
        assert!(!rx.park_now());
        assert_eq!((rx.pop(), rx.pop(), rx.pop()), (Some(1), Some(2), None));
        assert!(rx.park_now());
        assert!(tx.close());
        assert!(rx.is_closed());
    }

    #[test]
    fn a_conflating_lane_holds_the_newest() {
        let (mut tx, mut rx) = conflating_lane::<u32>();
        for i in 0..20 {
            assert!(tx.has_room());
            tx.push(i, true);
            let _ = tx.publish();
        }
        assert!(rx.is_readable());
        assert_eq!((rx.pop(), rx.pop()), (Some(19), None));
    }

    #[test]
    fn nobody_sleeps_through() {
        // Two threads with a mark of 3: each parks whenever it can and waits for the other's report.
        use std::sync::mpsc::channel;
        const COUNT: u64 = 60_000;
        crate::sys::membarrier::register();
        let (mut tx, mut rx) = lane::<u64>(3);
        let (to_writer, writer_inbox) = channel();
        let (to_reader, reader_inbox) = channel();
        let limit = std::time::Duration::from_secs(20);
        let writer = std::thread::spawn(move || {
            for i in 0..COUNT {
                while !tx.has_room() {
                    if tx.park() {
                        writer_inbox
                            .recv_timeout(limit)
                            .expect("the reader forgot the writer");
                    }
                }
                tx.push(i, true);
                if tx.publish() {
                    to_reader.send(()).unwrap();
                }
            }
        });
        for i in 0..COUNT {
            let value = loop {
                match rx.pop() {
                    Some(value) => break value,
                    None if rx.park_now() => reader_inbox
                        .recv_timeout(limit)
                        .expect("the writer forgot the reader"),
                    None => {}
                }
            };
            assert_eq!(value, i);
            if rx.took_message() {
                to_writer.send(()).unwrap();
            }
        }
        writer.join().unwrap();
    }
}
