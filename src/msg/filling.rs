//! A large body while it arrives: its own allocation, read straight into, taken as bytes come and not as announced.

use super::block::Block;
use super::{Msg, RecvBlock};
use crate::errno::{Errno, Result};
use crate::sys::stream;
use std::mem::MaybeUninit;
use std::ops::Range;
use std::os::fd::RawFd;
use std::ptr::NonNull;

/// The most memory taken on a peer's word alone.
const TRUST: usize = 4 << 20;

/// Bytes read of what follows a body larger than the block.
const NEXT_HEAD: usize = 2048;

/// A body of known length of which some bytes are there.
#[derive(Debug)]
pub struct Filling {
    block: NonNull<Block>,
    len: usize,
    have: usize,
}

// SAFETY: the block has one reference, ours, until `finish`.
unsafe impl Send for Filling {}

impl Filling {
    /// Starts a body of `len` bytes, `head` being those that came already (no more than `len` are taken).
    ///
    /// # Errors
    /// ENOMEM.
    pub fn start(len: u64, head: &[u8]) -> Result<Filling> {
        let len = usize::try_from(len).map_err(|_| Errno::ENOMEM)?;
        let block = Block::allocate(len.min(TRUST.max(head.len())))?;
        let mut filling = Filling {
            block,
            len,
            have: 0,
        };
        let head = &head[..head.len().min(len)];
        for (place, &byte) in filling.spare().iter_mut().zip(head) {
            place.write(byte);
        }
        filling.have = head.len();
        Ok(filling)
    }

    fn spare(&mut self) -> &mut [MaybeUninit<u8>] {
        let end = Block::capacity(self.block).min(self.len);
        // SAFETY: have <= end <= capacity, and the block is ours alone.
        unsafe {
            std::slice::from_raw_parts_mut(
                Block::data(self.block).add(self.have).cast(),
                end - self.have,
            )
        }
    }

    /// Bytes that have not come yet.
    pub fn missing(&self) -> usize {
        self.len - self.have
    }

    /// Bytes that memory was taken for.
    pub fn held(&self) -> usize {
        Block::capacity(self.block)
    }

    /// Reads once: first the rest of the body, then into `next`. Returns the number of bytes, 0 at the end of the stream,
    /// and whether all that was asked for came: then more may be waiting.
    ///
    /// # Errors
    /// EAGAIN, ENOMEM, or what the connection died of.
    pub fn read_from(&mut self, fd: RawFd, next: &mut RecvBlock) -> Result<(usize, bool)> {
        if self.spare().is_empty() && self.missing() > 0 {
            let more = Block::capacity(self.block).saturating_mul(2).min(self.len);
            self.block = Block::grow(self.block, more)?;
        }
        let last = Block::capacity(self.block) >= self.len;
        let large = self.len >= next.capacity();
        let body = self.spare();
        let room = body.len();
        let next_part = if !last {
            &mut []
        } else if large {
            // The next body is likely to be as large: what came of it would only be copied out again.
            let spare = next.spare();
            let few = spare.len().min(NEXT_HEAD);
            &mut spare[..few]
        } else {
            next.spare()
        };
        let asked = room + next_part.len();
        let got = stream::read(fd, body, next_part)?;
        self.have += got.min(room);
        next.filled(got.saturating_sub(room));
        Ok((got, got == asked))
    }

    /// What has come, to be changed where it lies.
    pub fn filled(&mut self) -> &mut [u8] {
        // SAFETY: the kernel initialised the first `have` bytes, and the block is ours alone.
        unsafe { std::slice::from_raw_parts_mut(Block::data(self.block), self.have) }
    }

    /// The message, once nothing is missing.
    pub fn finish(self) -> Option<Msg> {
        let len = self.len;
        self.finish_part(0..len)
    }

    /// The message in a part of the body, once nothing is missing.
    pub fn finish_part(self, part: Range<usize>) -> Option<Msg> {
        if self.missing() > 0 || part.start > part.end || part.end > self.len {
            return None;
        }
        let this = std::mem::ManuallyDrop::new(self);
        // SAFETY: the part lies in the block.
        let data = unsafe { Block::data(this.block).add(part.start) };
        Some(Msg::in_block(this.block, data, part.len()))
    }
}

impl Drop for Filling {
    fn drop(&mut self) {
        // SAFETY: the one reference is ours.
        unsafe { Block::release(self.block, 1) };
    }
}
