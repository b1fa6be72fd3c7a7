//! From bytes to messages: the block being read into is the storage of the messages cut from it.
#![forbid(unsafe_code)]

use super::spare;
use crate::errno::{Errno, Result};
use crate::msg::{
    CANCEL, Filling, INLINE_MAX, JOIN, LEAVE, MORE, MetaSource, Msg, RecvBlock, SUBSCRIBE,
};
use crate::queue::LaneTx;
use crate::zmtp::command::{self, Command};
use crate::zmtp::failure::Failure;
use crate::zmtp::frame::{self, Header};
use crate::zmtp::greeting::Framing;
use crate::zmtp::mechanism::cipher::Open;
use std::os::fd::RawFd;

/// What a block may grow to in a stream; at first it is of [`spare::SIZE`].
const LARGEST: usize = 256 << 10;
/// Frames up to this length begin anew in the next block, if they are cut by the end of one.
const CARRY_MAX: usize = 1024;
/// So little at a time is copied.
const SPARSE_MAX: usize = 1024;
/// However little IN_BATCH_SIZE allows, the longest header fits in, and moves on from one block to the next.
const BLOCK_MIN: usize = 64;
/// Bytes of retired blocks that messages may pin before small bodies are copied instead: with the 16 below, the bound on
/// pinned memory.
const PINNED_MAX: usize = 4 * LARGEST;
/// A slice may pin at most so many times its size once the allowance is used up.
const AMPLIFICATION: usize = 16;
/// No address space holds a longer body: whoever announces one is lying.
const LARGEST_FRAME: u64 = 1 << 47;

/// What the bytes are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wire {
    /// ZMTP frames.
    Frames(Framing),
    /// Frames of version 2 framing, each of them sealed.
    Sealed,
    /// Whatever comes, as it comes.
    Raw,
}

/// What the options say about receiving.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// MAXMSGSIZE; `None` for no limit.
    pub max_frame: Option<u64>,
    /// IN_BATCH_SIZE, if it was set: how much is read at once.
    pub batch: Option<usize>,
    /// The same for bytes without protocol: how long a message is at most.
    pub raw_chunk: usize,
    /// ZERO_COPY_RECV: messages may lie in the block they were read into.
    pub share: bool,
    /// The socket hears which groups its peers join and leave.
    pub groups: bool,
}

/// What a command asks of the connection itself.
#[derive(Debug, PartialEq, Eq)]
pub enum Request {
    /// Answer with PONG and this context; the TTL in tenths of a second.
    Ping(u16, Vec<u8>),
}

/// How a decoding turn ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decoded {
    /// Every whole frame was taken.
    NeedMore,
    /// The inbox is full, or got as much as was asked for.
    Full,
}

/// The receiving half of a connection.
#[derive(Debug)]
pub struct Inbound {
    pub(super) wire: Wire,
    pub(super) block: Option<RecvBlock>,
    retired: Vec<RecvBlock>,
    retired_bytes: usize,
    size: usize,
    /// What `size` may grow to.
    largest: usize,
    share: bool,
    /// Bodies are copied: they may not be shared, or what was read is so little that a block would be held for it.
    copies: bool,
    pub(super) body: Option<(Filling, u8)>,
    /// Frames of a message whose last one has not come.
    pub(super) staged: Vec<Msg>,
    max_frame: u64,
    raw_chunk: usize,
    meta: MetaSource,
    /// The socket hears JOIN and LEAVE.
    groups: bool,
    /// Commands for the connection, to be handled by the caller.
    pub requests: Vec<Request>,
    /// For frames that are sealed.
    pub(super) open: Option<Box<dyn Open>>,
    /// Why a frame could not be opened.
    pub failure: Option<Failure>,
}

fn is_sparse(block: &RecvBlock) -> bool {
    block.capacity() == spare::SIZE && block.unread().len() <= SPARSE_MAX
}

impl Inbound {
    /// Starts with `first`, bytes that came behind the handshake.
    pub fn new(wire: Wire, meta: MetaSource, limits: Limits, first: &[u8]) -> Result<Inbound> {
        let largest = limits.batch.map_or(LARGEST, |size| size.max(BLOCK_MIN));
        let mut inbound = Inbound {
            wire,
            block: None,
            retired: Vec::new(),
            retired_bytes: 0,
            size: spare::SIZE.min(largest),
            largest,
            share: limits.share,
            copies: !limits.share,
            body: None,
            staged: Vec::new(),
            max_frame: limits
                .max_frame
                .map_or(LARGEST_FRAME, |max| max.min(LARGEST_FRAME)),
            raw_chunk: limits.raw_chunk.max(1),
            meta,
            groups: limits.groups,
            requests: Vec::new(),
            open: None,
            failure: None,
        };
        if !first.is_empty() {
            let mut block = if first.len() <= inbound.size {
                inbound.fresh_block()?
            } else {
                RecvBlock::with_capacity(first.len())?
            };
            block.carry(first);
            inbound.copies |= is_sparse(&block);
            inbound.block = Some(block);
        }
        Ok(inbound)
    }

    /// From here on frames are sealed.
    pub fn open_by(&mut self, open: Box<dyn Open>) {
        self.wire = Wire::Sealed;
        self.open = Some(open);
    }

    /// Reads once. Returns the bytes read (0: the end) and whether more may be waiting.
    pub fn read(&mut self, fd: RawFd) -> Result<(usize, bool)> {
        self.make_room()?;
        let Some(block) = &mut self.block else {
            return Err(Errno::ENOMEM);
        };
        if let Some((body, _)) = &mut self.body {
            return body.read_from(fd, block);
        }
        let asked = block.room();
        let got = block.read_from(fd)?;
        self.copies = !self.share || is_sparse(block);
        if got == asked && self.size < self.largest {
            self.size = (self.size * 4).min(self.largest);
        }
        Ok((got, got == asked))
    }

    /// Sees to it that there is a block with room, moving the first bytes of a header over to a new one.
    fn make_room(&mut self) -> Result<()> {
        if let Some(block) = &mut self.block {
            let used_up =
                block.unread().is_empty() && block.capacity() >= self.size && block.reuse();
            if used_up || block.room() > 0 {
                return Ok(());
            }
        }
        let mut next = self.fresh_block()?;
        if let Some(old) = self.block.take() {
            next.carry(old.unread());
            self.retire(old);
        }
        self.block = Some(next);
        Ok(())
    }

    fn fresh_block(&mut self) -> Result<RecvBlock> {
        let size = self.size;
        if let Some(at) = self
            .retired
            .iter_mut()
            .position(|b| b.capacity() >= size && b.reuse())
        {
            let block = self.retired.swap_remove(at);
            self.count_retired();
            return Ok(block);
        }
        if size == spare::SIZE {
            return spare::take();
        }
        RecvBlock::with_capacity(size)
    }

    fn retire(&mut self, old: RecvBlock) {
        if self.retired_bytes >= PINNED_MAX {
            self.retired
                .retain(|block| !block.is_free() || block.capacity() >= self.size);
            self.count_retired();
        }
        if self.retired_bytes < PINNED_MAX {
            self.retired.push(old);
            self.count_retired();
        }
    }

    fn count_retired(&mut self) {
        self.retired_bytes = self.retired.iter().map(RecvBlock::capacity).sum();
    }

    /// Small bodies are copied once messages pin all the blocks they may.
    fn must_copy(&self, size: usize, capacity: usize) -> bool {
        self.copies
            || size < capacity / AMPLIFICATION
                && self.retired_bytes >= PINNED_MAX
                && self.retired.iter().all(|block| !block.is_free())
    }

    /// Everything that came was decoded, for the moment. True when no memory is held.
    #[inline]
    pub fn settle(&mut self) -> bool {
        self.body.is_none() && self.retired.is_empty() && spare::leave(&mut self.block)
    }

    /// Gives memory back while nothing comes. True when none is held any more.
    pub fn rest(&mut self) -> bool {
        self.retired.retain(|block| !block.is_free());
        self.count_retired();
        if self.body.is_none()
            && self
                .block
                .as_ref()
                .is_some_and(|b| b.unread().is_empty() && b.is_free())
        {
            self.block = None;
            self.size = spare::SIZE.min(self.largest);
        }
        if self.staged.is_empty() {
            self.staged = Vec::new();
        }
        self.block.is_none() && self.retired.is_empty() && self.staged.is_empty()
    }

    /// True when there is something to decode: a whole frame, or one that ends the connection. The beginning of a frame is
    /// nothing before the rest of it comes.
    pub fn has_unread(&self) -> bool {
        let unread = self.block.as_ref().map_or(0, |block| block.unread().len());
        if self.wire == Wire::Raw {
            return unread > 0;
        }
        self.body.is_none()
            && match self.next_header() {
                Ok(None) => false,
                Ok(Some(header)) => header.frame_len().is_none_or(|len| unread >= len),
                Err(_) => true,
            }
    }

    /// Takes whole frames into the inbox, as long as that has room, up to `most` messages. The caller publishes.
    ///
    /// # Errors
    /// What ends the connection: EPROTO, EMSGSIZE, ENOMEM.
    pub fn decode(&mut self, inbox: &mut LaneTx<Msg>, most: u64) -> Result<Decoded> {
        if self.wire == Wire::Raw {
            return self.decode_raw(inbox);
        }
        let end = inbox.written().saturating_add(most);
        let small = self.wire == Wire::Frames(Framing::V2) && self.max_frame >= INLINE_MAX as u64;
        loop {
            if small && self.body.is_none() && self.staged.is_empty() {
                self.decode_small(inbox, end);
            }
            if let Some((body, _)) = &self.body {
                if body.missing() > 0 {
                    return Ok(Decoded::NeedMore);
                }
                if let Some((body, flags)) = self.body.take() {
                    if self.wire == Wire::Sealed {
                        self.finish_sealed(body, inbox)?;
                    } else if let Some(msg) = body.finish() {
                        self.deliver(msg, flags, inbox)?;
                    }
                }
            }
            if inbox.written() >= end || !inbox.has_room() {
                return Ok(Decoded::Full);
            }
            let Some(header) = self.next_header()? else {
                return Ok(Decoded::NeedMore);
            };
            if !self.take_frame(header, inbox)? {
                return Ok(Decoded::NeedMore);
            }
        }
    }

    /// Takes what lies at hand in a stream of small messages.
    #[inline(always)]
    fn decode_small(&mut self, inbox: &mut LaneTx<Msg>, end: u64) {
        let Some(block) = &mut self.block else { return };
        let most = inbox.room().min(end - inbox.written());
        for _ in 0..most {
            let Some((flags, mut msg)) = block.small_frame(frame::MORE) else {
                return;
            };
            msg.stamp(&self.meta);
            if flags & frame::MORE != 0 {
                msg.set_flags(MORE);
                self.staged.push(msg);
                return;
            }
            inbox.push(msg, true);
        }
    }

    /// True when [`take_now`](Inbound::take_now) may be called: between two messages of the framing that it knows.
    pub fn is_plain(&self) -> bool {
        self.wire == Wire::Frames(Framing::V2)
            && self.max_frame >= INLINE_MAX as u64
            && self.body.is_none()
            && self.staged.is_empty()
    }

    /// Takes the next message in place of `into`, if it is of one frame and all there. Else nothing happens.
    #[inline(always)]
    pub fn take_now(&mut self, into: &mut Msg) -> bool {
        if let Some(block) = &mut self.block
            && let Some((_, mut msg)) = block.small_frame(0)
        {
            msg.stamp(&self.meta);
            *into = msg;
            return true;
        }
        self.cut_now(into)
    }

    #[inline(never)]
    fn cut_now(&mut self, into: &mut Msg) -> bool {
        let Ok(Some(header)) = self.next_header() else {
            return false;
        };
        if header.flags != 0 || !self.is_whole(header) {
            return false;
        }
        let Ok(Some(mut msg)) = self.cut(header) else {
            return false;
        };
        msg.stamp(&self.meta);
        *into = msg;
        true
    }

    pub(super) fn is_whole(&self, header: Header) -> bool {
        let unread = self.block.as_ref().map_or(0, |block| block.unread().len());
        header.frame_len().is_some_and(|total| unread >= total)
    }

    #[inline(always)]
    pub(super) fn next_header(&self) -> Result<Option<Header>> {
        let Some(block) = &self.block else {
            return Ok(None);
        };
        let header = if self.wire == Wire::Frames(Framing::V1) {
            frame::parse_v1(block.unread()).map_err(|_| Errno::EPROTO)?
        } else {
            frame::parse_v2(block.unread())
        };
        match header {
            Some(header) if header.size > self.max_frame => Err(Errno::EMSGSIZE),
            header => Ok(header),
        }
    }

    /// Takes one frame, or starts on its body. False when the rest has to be read first, into this same block.
    #[inline(always)]
    fn take_frame(&mut self, header: Header, inbox: &mut LaneTx<Msg>) -> Result<bool> {
        let Some(total) = header.frame_len() else {
            return Err(Errno::EMSGSIZE);
        };
        let Some(block) = &mut self.block else {
            return Ok(false);
        };
        let unread = block.unread();
        if unread.len() < total {
            // What is short and does not fit moves on to the next block.
            if total <= CARRY_MAX.min(self.size / 2) || total - unread.len() <= block.room() {
                return Ok(false);
            }
            let body = Filling::start(header.size, unread.get(header.header_len..).unwrap_or(&[]))?;
            let all = unread.len();
            block.consume(all);
            self.body = Some((body, header.flags));
            return Ok(true);
        }
        if self.wire == Wire::Sealed {
            self.take_sealed(header, inbox)?;
        } else if let Some(msg) = self.cut(header)? {
            self.deliver(msg, header.flags, inbox)?;
        }
        Ok(true)
    }

    /// Cuts off the frame behind `header`, which is all there.
    #[inline(always)]
    fn cut(&mut self, header: Header) -> Result<Option<Msg>> {
        if let Some(block) = &mut self.block {
            block.consume(header.header_len);
        }
        self.cut_body(header.size as usize)
    }

    /// Says whose message it is.
    #[inline(always)]
    pub(super) fn stamp(&self, msg: &mut Msg) {
        msg.stamp(&self.meta);
    }

    /// Cuts off a body that is all there.
    #[inline(always)]
    pub(super) fn cut_body(&mut self, size: usize) -> Result<Option<Msg>> {
        let capacity = self.block.as_ref().map_or(0, RecvBlock::capacity);
        let copies = size <= INLINE_MAX || self.must_copy(size, capacity);
        let Some(block) = &mut self.block else {
            return Ok(None);
        };
        if !copies {
            return block.slice(size).map(Some);
        }
        let msg = Msg::copied(block.unread().get(..size).unwrap_or(&[]))?;
        block.consume(size);
        Ok(Some(msg))
    }

    #[inline(always)]
    pub(super) fn deliver(
        &mut self,
        mut msg: Msg,
        flags: u8,
        inbox: &mut LaneTx<Msg>,
    ) -> Result<()> {
        if flags & frame::COMMAND != 0 {
            return self.obey(&msg, inbox);
        }
        msg.stamp(&self.meta);
        if flags & frame::MORE != 0 {
            msg.set_flags(MORE);
            self.staged.push(msg);
            return Ok(());
        }
        if !self.staged.is_empty() {
            for frame in self.staged.drain(..) {
                inbox.push(frame, false);
            }
        }
        inbox.push(msg, true);
        Ok(())
    }

    #[cold]
    fn obey(&mut self, body: &Msg, inbox: &mut LaneTx<Msg>) -> Result<()> {
        let (topic, flag) = match command::parse(body.data()).map_err(|_| Errno::EPROTO)? {
            Command::Ping { ttl, context } => {
                self.requests.push(Request::Ping(ttl, context.to_vec()));
                return Ok(());
            }
            Command::Subscribe(topic) => (topic, SUBSCRIBE),
            Command::Cancel(topic) => (topic, CANCEL),
            Command::Join(group) if self.groups => (group, JOIN),
            Command::Leave(group) if self.groups => (group, LEAVE),
            Command::Error(_) => return Err(Errno::EPROTO),
            Command::Pong { .. } | Command::Join(_) | Command::Leave(_) | Command::Unknown => {
                return Ok(());
            }
        };
        let mut msg = Msg::copied(topic)?;
        msg.set_flags(flag);
        msg.stamp(&self.meta);
        inbox.push(msg, true);
        Ok(())
    }

    fn decode_raw(&mut self, inbox: &mut LaneTx<Msg>) -> Result<Decoded> {
        loop {
            let Some(block) = &mut self.block else {
                return Ok(Decoded::NeedMore);
            };
            let size = block.unread().len().min(self.raw_chunk);
            if size == 0 {
                return Ok(Decoded::NeedMore);
            }
            if !inbox.has_room() {
                return Ok(Decoded::Full);
            }
            let mut msg = if !self.copies {
                block.slice(size)?
            } else {
                let msg = Msg::copied(block.unread().get(..size).unwrap_or(&[]))?;
                block.consume(size);
                msg
            };
            msg.stamp(&self.meta);
            inbox.push(msg, true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::msg::Meta;
    use crate::queue::lane;

    fn limits(share: bool, batch: Option<usize>) -> Limits {
        Limits {
            max_frame: None,
            batch,
            raw_chunk: 100,
            share,
            groups: false,
        }
    }

    fn inbound(wire: Wire, limits: Limits, first: &[u8]) -> Inbound {
        let meta = MetaSource::new(Meta::new(Vec::<(Vec<u8>, Vec<u8>)>::new(), -1));
        Inbound::new(wire, meta, limits, first).unwrap()
    }

    #[test]
    fn only_shared_messages_keep_the_block() {
        let mut frame = vec![0, 200];
        frame.extend_from_slice(&[7; 200]);
        for wire in [Wire::Frames(Framing::V2), Wire::Raw] {
            // What comes by few is not shared.
            for (share, count) in [(true, 10), (false, 10), (true, 2)] {
                let mut inbound = inbound(wire, limits(share, None), &frame.repeat(count));
                let (mut tx, mut rx) = lane(0);
                assert_eq!(inbound.decode(&mut tx, 100), Ok(Decoded::NeedMore));
                let _ = tx.publish();
                let kept: Vec<Msg> = std::iter::from_fn(|| rx.pop()).collect();
                let total: usize = kept.iter().map(Msg::len).sum();
                assert_eq!(total, count * if wire == Wire::Raw { 202 } else { 200 });
                assert_eq!(kept.last().unwrap().data().last(), Some(&7));
                let free = inbound.block.as_ref().is_some_and(RecvBlock::is_free);
                assert_eq!(free, !share || count == 2, "{wire:?}");
                assert_eq!(inbound.settle(), free);
                drop(kept);
                assert!(inbound.settle() && inbound.block.is_none());
            }
        }
    }

    #[test]
    fn a_batch_is_what_a_block_holds() {
        for (batch, smallest, largest) in [
            (None, spare::SIZE, LARGEST),
            (Some(1), BLOCK_MIN, BLOCK_MIN),
            (Some(5000), 5000, 5000),
            (Some(1 << 20), spare::SIZE, 1 << 20),
        ] {
            let inbound = inbound(Wire::Frames(Framing::V2), limits(true, batch), b"");
            assert_eq!((inbound.size, inbound.largest), (smallest, largest));
        }
    }
}
