//! A run: small messages of one writer, packed behind each other in a block that one reader cuts them from while it still
//! grows. Between two threads it is cache lines that cost, and a message of its own is at least one.
//!
//! The block's first bytes are a counter: how far the reader may look, and whether the writer is done. Records lie behind
//! it, each a length and a body, padded so that bodies are aligned as a C program expects of a struct.

use super::block::Block;
use super::{INLINE_MAX, Msg, RUN};
use crate::errno::Result;
use crate::sync::{AtomicU64, Ordering, Traces};
use std::ops::Range;
use std::ptr::{self, NonNull};

/// Bytes of a run. From this size on a block is aligned to a cache line. (A model gets by with few, to come to its end soon.)
const CAPACITY: usize = if cfg!(loom) { FIRST + 80 } else { 64 << 10 };
/// Where the counter is, and the first record: on lines of their own.
const COUNTER: usize = 64;
const FIRST: usize = 192;
/// In front of each body; and what the two together are rounded up to.
const HEADER: usize = 8;
const UNIT: usize = 16;
/// Longer bodies are handed over, not copied.
pub const RUN_BODY_MAX: usize = if cfg!(loom) { 56 } else { 1024 };
/// What a model looks after.
const UNITS: usize = if cfg!(loom) {
    (CAPACITY - FIRST) / UNIT
} else {
    0
};

const SEALED: u64 = 1 << 63;

const _: () = assert!(FIRST.is_multiple_of(UNIT) && HEADER + INLINE_MAX <= RUN_BODY_MAX);
const _: () = assert!(COUNTER + size_of::<Front>() <= FIRST);

fn record(len: usize) -> usize {
    (HEADER + len).next_multiple_of(UNIT)
}

/// What both ends use.
struct Front {
    counter: AtomicU64,
    traces: Traces<UNITS>,
}

/// The units of `len` bytes from `at` on.
fn units(at: usize, len: usize) -> Range<usize> {
    (at - FIRST) / UNIT..(at - FIRST + len).div_ceil(UNIT)
}

/// # Safety
/// `base` is where the bytes of a run's block start, and a reference to the block is held for `'a`.
#[inline(always)]
unsafe fn front<'a>(base: *mut u8) -> &'a Front {
    // SAFETY: `start` put it there, aligned, before anybody else knew of the block.
    unsafe { &*base.add(COUNTER).cast::<Front>() }
}

/// The writer's end. Dropped, it says that nothing more follows.
#[derive(Debug)]
pub struct RunWriter {
    block: NonNull<Block>,
    base: *mut u8,
    end: usize,
}

// SAFETY: the block is counted atomically, and its part behind the counter is the writer's alone.
unsafe impl Send for RunWriter {}

impl RunWriter {
    /// A run, and the message that tells the reader of it.
    ///
    /// # Errors
    /// ENOMEM.
    pub fn start() -> Result<(RunWriter, Msg)> {
        let block = Block::allocate(CAPACITY)?;
        let base = Block::data(block);
        // SAFETY: fresh, large enough and aligned to a cache line.
        unsafe {
            base.add(COUNTER).cast::<Front>().write(Front {
                counter: AtomicU64::new(FIRST as u64),
                traces: Traces::default(),
            });
            Block::retain(block, 1);
        }
        let mut news = Msg::in_block(block, base, 0);
        news.set_flags(RUN);
        let writer = RunWriter {
            block,
            base,
            end: FIRST,
        };
        Ok((writer, news))
    }

    /// Appends a copy of `msg`, a message of one frame, for the reader to see. False when it is too large for what is left,
    /// or is more than its bytes: then nothing happens.
    #[inline(always)]
    pub fn append(&mut self, msg: &Msg) -> bool {
        let room = CAPACITY - self.end;
        if let Some((body, len)) = msg.plain_body() {
            if room < HEADER + INLINE_MAX {
                return false;
            }
            // SAFETY: so many bytes are left, nobody else looks at them before they are published, and `end` is a
            // multiple of UNIT. The body is copied whole: a fixed length is a few instructions.
            unsafe {
                let written = units(self.end, HEADER + INLINE_MAX);
                front(self.base).traces.write(written);
                let place = self.base.add(self.end);
                place.cast::<u64>().write(u64::from(len));
                place
                    .add(HEADER)
                    .cast::<[u8; INLINE_MAX]>()
                    .write_unaligned(*body);
            }
            self.publish(usize::from(len));
            return true;
        }
        let Some(body) = msg.own_block_body() else {
            return false;
        };
        if body.len() > RUN_BODY_MAX || room < HEADER + RUN_BODY_MAX {
            return false;
        }
        // SAFETY: as above.
        unsafe {
            let written = units(self.end, HEADER + body.len());
            front(self.base).traces.write(written);
            let place = self.base.add(self.end);
            place.cast::<u64>().write(body.len() as u64);
            ptr::copy_nonoverlapping(body.as_ptr(), place.add(HEADER), body.len());
        }
        self.publish(body.len());
        true
    }

    /// True when not every message that may be packed finds room any more.
    pub fn is_full(&self) -> bool {
        CAPACITY - self.end < HEADER + RUN_BODY_MAX
    }

    #[inline(always)]
    fn publish(&mut self, len: usize) {
        self.end += record(len);
        // SAFETY: we hold a reference.
        unsafe { front(self.base) }
            .counter
            .store(self.end as u64, Ordering::Release);
    }
}

impl Drop for RunWriter {
    fn drop(&mut self) {
        // SAFETY: we hold a reference, given back last.
        unsafe {
            let counter = &front(self.base).counter;
            counter.store(self.end as u64 | SEALED, Ordering::Release);
            Block::release(self.block, 1);
        }
    }
}

/// References taken in one atomic operation and handed out one by one.
const STOCK: usize = 4096;

/// The reader's end.
#[derive(Debug)]
pub struct RunReader {
    block: NonNull<Block>,
    base: *mut u8,
    read: usize,
    /// Records up to here are known to be there.
    seen: usize,
    sealed: bool,
    /// References added to the block's counter and not handed out yet, beside our own one.
    stock: usize,
}

// SAFETY: the block is counted atomically; what was published is the reader's alone.
unsafe impl Send for RunReader {}

impl RunReader {
    /// The run that `news` tells of; `None` when it is a message like others.
    pub fn of(news: Msg) -> Option<RunReader> {
        if news.flags() & RUN == 0 {
            return None;
        }
        let block = news.into_block()?;
        Some(RunReader {
            block,
            base: Block::data(block),
            read: FIRST,
            seen: FIRST,
            sealed: false,
            stock: 0,
        })
    }

    /// True when a message waits.
    #[inline(always)]
    pub fn is_readable(&mut self) -> bool {
        self.read < self.seen || self.look()
    }

    #[inline]
    fn look(&mut self) -> bool {
        // SAFETY: we hold a reference.
        let word = unsafe { front(self.base) }.counter.load(Ordering::Acquire);
        self.sealed = word & SEALED != 0;
        self.seen = (word & !SEALED) as usize;
        self.read < self.seen
    }

    /// True when nothing waits and nothing will come, as far as [`is_readable`](RunReader::is_readable) saw.
    pub fn is_over(&self) -> bool {
        self.sealed && self.read == self.seen
    }

    /// The next message, which is there; a `copy` of it keeps nothing else of the run in memory.
    ///
    /// # Errors
    /// ENOMEM; then it is still there.
    #[inline(always)]
    pub fn cut(&mut self, copy: bool) -> Result<Msg> {
        debug_assert!(self.read < self.seen);
        // SAFETY: a record was published here: a length, and so many bytes behind it.
        let (body, len) = unsafe {
            let place = self.base.add(self.read);
            front(self.base).traces.read(units(self.read, HEADER));
            (place.add(HEADER), place.cast::<u64>().read() as usize)
        };
        let whole = len <= INLINE_MAX && self.seen - self.read >= HEADER + INLINE_MAX;
        let used = HEADER + if whole { INLINE_MAX } else { len };
        // SAFETY: we hold a reference.
        unsafe { front(self.base) }
            .traces
            .read(units(self.read, used));
        let msg = if whole {
            // SAFETY: so many bytes were published. Copied whole: a fixed length is a few instructions.
            Msg::inline_of(unsafe { &*body.cast::<[u8; INLINE_MAX]>() }, len as u8)
        } else if len <= INLINE_MAX || copy {
            // SAFETY: the record's body.
            Msg::copied(unsafe { std::slice::from_raw_parts(body, len) })?
        } else {
            self.share();
            Msg::in_block(self.block, body, len)
        };
        self.read += record(len);
        Ok(msg)
    }

    #[inline(always)]
    fn share(&mut self) {
        if self.stock == 0 {
            // SAFETY: we hold a reference.
            unsafe { Block::retain(self.block, STOCK) };
            self.stock = STOCK;
        }
        self.stock -= 1;
    }

    /// True when no message cut from it is left, and the writer is gone.
    pub fn is_free(&self) -> bool {
        // SAFETY: we hold a reference.
        unsafe { Block::references(self.block) == self.stock + 1 }
    }
}

impl Drop for RunReader {
    fn drop(&mut self) {
        // SAFETY: our own reference and the unused stock are ours to give back.
        unsafe { Block::release(self.block, self.stock + 1) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn start() -> (RunWriter, RunReader) {
        let (writer, news) = RunWriter::start().unwrap();
        (writer, RunReader::of(news).unwrap())
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out(sizes in proptest::collection::vec(0..RUN_BODY_MAX + 2, 1..200), copy in any::<bool>()) {
            let (mut writer, mut reader) = start();
            let mut kept = Vec::new();
            for (at, &size) in sizes.iter().enumerate() {
                let body = vec![at as u8; size];
                let msg = Msg::copied(&body).unwrap();
                if writer.append(&msg) {
                    prop_assert!(size <= RUN_BODY_MAX);
                    kept.push(body);
                }
            }
            drop(writer);
            let mut messages = Vec::new();
            for body in &kept {
                prop_assert!(reader.is_readable());
                let msg = reader.cut(copy).unwrap();
                prop_assert_eq!(msg.data(), &body[..]);
                messages.push(msg);
            }
            prop_assert!(!reader.is_readable() && reader.is_over());
            // They outlive the run.
            drop(reader);
            for (msg, body) in messages.iter().zip(&kept) {
                prop_assert_eq!(msg.data(), &body[..]);
            }
        }
    }

    #[test]
    fn a_reader_on_the_heels_of_its_writer() {
        const COUNT: u32 = 200_000;
        let (first, news) = RunWriter::start().unwrap();
        let (sender, receiver) = std::sync::mpsc::channel();
        sender.send(news).unwrap();
        let writer = std::thread::spawn(move || {
            let mut writer = first;
            for i in 0..COUNT {
                let body = [i.to_ne_bytes(); 30].concat();
                let msg = Msg::copied(&body[..4 + i as usize % 116]).unwrap();
                if !writer.append(&msg) {
                    let (next, news) = RunWriter::start().unwrap();
                    sender.send(news).unwrap();
                    writer = next;
                    assert!(writer.append(&msg));
                }
            }
        });
        let mut reader: Option<RunReader> = None;
        let mut next = 0;
        while next < COUNT {
            let Some(run) = &mut reader else {
                reader = RunReader::of(receiver.recv().unwrap());
                continue;
            };
            if run.is_readable() {
                let msg = run.cut(false).unwrap();
                assert_eq!(msg.len(), 4 + next as usize % 116);
                assert_eq!(msg.data()[..4], next.to_ne_bytes());
                next += 1;
            } else if run.is_over() {
                reader = None;
            } else {
                std::thread::yield_now();
            }
        }
        writer.join().unwrap();
    }

    #[test]
    fn only_bytes_are_packed() {
        let (mut writer, _reader) = start();
        static BYTES: [u8; 4] = *b"data";
        // SAFETY: constant memory, which lives for ever.
        let constant = unsafe { Msg::foreign(BYTES.as_ptr().cast_mut(), 4, None, ptr::null_mut()) };
        assert!(!writer.append(&constant));
        let mut large = Msg::with_size(100).unwrap();
        large.data_mut().fill(1);
        assert!(writer.append(&large));
        let _shared = large.share().unwrap();
        assert!(!writer.append(&large));
        assert!(!writer.is_full(), "there would be room");
        let mut addressed = Msg::inline(b"x");
        addressed.set_routing_id(7);
        assert!(!writer.append(&addressed));
    }
}
