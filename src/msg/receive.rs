//! The receive block: what the network is read into, and the storage of the messages cut from it.

use super::block::Block;
use super::{INLINE_MAX, Msg};
use crate::errno::{Errno, Result};
use crate::sys::stream;
use std::mem::MaybeUninit;
use std::os::fd::RawFd;
use std::ptr::NonNull;
use zeroize::Zeroize;

/// References taken in one atomic operation and handed out one by one.
const STOCK: usize = 4096;

/// A connection's own hold on a block it reads into.
///
/// Bytes `0..read` were consumed: they may belong to messages and are not looked at again. Bytes `read..fill` are
/// received and unread. Bytes from `fill` on are free.
#[derive(Debug)]
pub struct RecvBlock {
    block: NonNull<Block>,
    base: *mut u8,
    capacity: usize,
    read: usize,
    fill: usize,
    /// References added to the block's counter and not handed out yet, beside our own one.
    stock: usize,
}

// SAFETY: the block is counted atomically and the free part is ours alone.
unsafe impl Send for RecvBlock {}

impl RecvBlock {
    /// A block of `capacity` bytes.
    ///
    /// # Errors
    /// ENOMEM.
    pub fn with_capacity(capacity: usize) -> Result<RecvBlock> {
        let block = Block::allocate(capacity)?;
        let capacity = Block::capacity(block);
        Ok(RecvBlock {
            block,
            base: Block::data(block),
            capacity,
            read: 0,
            fill: 0,
            stock: 0,
        })
    }

    /// Its size in bytes.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Received bytes that were not consumed yet.
    #[inline(always)]
    pub fn unread(&self) -> &[u8] {
        // SAFETY: read <= fill <= capacity, the kernel initialised these bytes, and no message owns them yet.
        unsafe { std::slice::from_raw_parts(self.base.add(self.read), self.fill - self.read) }
    }

    /// The first `count` of them, or as many as there are, to be changed where they lie.
    pub fn unread_mut(&mut self, count: usize) -> &mut [u8] {
        let count = count.min(self.fill - self.read);
        // SAFETY: as for `unread`; messages hold bytes before `read` only, so that nobody else looks at these.
        unsafe { std::slice::from_raw_parts_mut(self.base.add(self.read), count) }
    }

    /// Number of bytes still free.
    #[inline(always)]
    pub fn room(&self) -> usize {
        self.capacity - self.fill
    }

    /// The free bytes.
    pub(super) fn spare(&mut self) -> &mut [MaybeUninit<u8>] {
        // SAFETY: bytes from `fill` on belong to nobody else.
        unsafe {
            std::slice::from_raw_parts_mut(
                self.base.add(self.fill).cast(),
                self.capacity - self.fill,
            )
        }
    }

    /// Says that the kernel filled `count` more bytes.
    pub(super) fn filled(&mut self, count: usize) {
        self.fill = (self.fill + count).min(self.capacity);
    }

    /// Reads once from the connection into the free part; 0 is the end of the stream.
    ///
    /// # Errors
    /// EAGAIN when nothing is there, else what the connection died of.
    #[inline]
    pub fn read_from(&mut self, fd: RawFd) -> Result<usize> {
        let got = stream::read(fd, self.spare(), &mut [])?;
        self.filled(got);
        Ok(got)
    }

    /// Skips `count` unread bytes.
    #[inline(always)]
    pub fn consume(&mut self, count: usize) {
        self.read = (self.read + count).min(self.fill);
    }

    /// Cuts the next `len` unread bytes off as a message that shares this block.
    ///
    /// # Errors
    /// EFAULT when there are not so many.
    #[inline(always)]
    pub fn slice(&mut self, len: usize) -> Result<Msg> {
        if len > self.fill - self.read {
            return Err(Errno::EFAULT);
        }
        if self.stock == 0 {
            // SAFETY: we hold a reference.
            unsafe { Block::retain(self.block, STOCK) };
            self.stock = STOCK;
        }
        self.stock -= 1;
        // SAFETY: read + len <= fill <= capacity.
        let data = unsafe { self.base.add(self.read) };
        self.read += len;
        Ok(Msg::in_block(self.block, data, len))
    }

    /// Cuts off a frame of version 2 framing whose body is small enough to lie in its message, and returns its flags, of
    /// which it may have those in `allowed`, with it. `None` for all other frames, and near the end of what was received.
    #[inline(always)]
    pub fn small_frame(&mut self, allowed: u8) -> Option<(u8, Msg)> {
        let [flags, size, body @ ..] = self.unread().first_chunk::<{ 2 + INLINE_MAX }>()?;
        if *flags & !allowed != 0 || usize::from(*size) > INLINE_MAX {
            return None;
        }
        // Copied whole: a fixed length is a few instructions.
        let taken = (*flags, Msg::inline_of(body, *size));
        self.read += 2 + usize::from(*size);
        Some(taken)
    }

    /// True when no message shares the block any more.
    pub fn is_free(&self) -> bool {
        // SAFETY: we hold a reference.
        unsafe { Block::references(self.block) == self.stock + 1 }
    }

    /// Forgets everything received, when no message shares the block any more; tells whether it did.
    pub fn reuse(&mut self) -> bool {
        let free = self.is_free();
        if free {
            (self.read, self.fill) = (0, 0);
        }
        free
    }

    /// Overwrites everything received, when no message shares the block any more: it may hold a password, and the memory
    /// goes back to a pool.
    pub fn wipe(&mut self) {
        if self.is_free() {
            // SAFETY: the kernel initialised these bytes, and nobody else has the block.
            unsafe { std::slice::from_raw_parts_mut(self.base, self.fill) }.zeroize();
        }
    }

    /// Copies unread bytes of another block in; used for the few that are too few to be a header.
    pub fn carry(&mut self, bytes: &[u8]) {
        let count = bytes.len().min(self.room());
        for (place, &byte) in self.spare().iter_mut().zip(bytes) {
            place.write(byte);
        }
        self.filled(count);
    }
}

impl Drop for RecvBlock {
    fn drop(&mut self) {
        // SAFETY: our own reference and the unused stock are ours to give back.
        unsafe { Block::release(self.block, self.stock + 1) };
    }
}
