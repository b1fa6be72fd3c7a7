//! From messages to bytes: small bodies are copied behind each other, large ones are sent from where they lie.
#![forbid(unsafe_code)]

use super::inbound::Wire;
use super::sealed::Sealer;
use crate::errno::{Errno, Result};
use crate::msg::{CANCEL, CONTROL, INLINE_MAX, JOIN, LEAVE, Msg, SUBSCRIBE};
use crate::sys::stream;
use crate::zmtp::command;
use crate::zmtp::frame::{self, COMMAND, MAX_HEADER_V1, MAX_HEADER_V2, MORE};
use crate::zmtp::greeting::{Framing, Version};
use crate::zmtp::mechanism::cipher::Seal;
use std::collections::VecDeque;
use std::io::IoSlice;
use std::os::fd::RawFd;

/// Bodies from this size on are not copied.
pub(super) const GATHER_FROM: usize = 16 << 10;
/// A write never takes more: on loopback a write of 65,536 bytes becomes a full segment and a runt, at a third of the
/// speed.
const WRITE_MAX: usize = 61_440;
/// With so much at hand a runt among many full segments does not matter, and fewer calls do.
const LONG_FROM: usize = 400 << 10;
const LONG_MAX: usize = 1 << 20;
/// Written bytes that stay in the buffer before the rest is moved to its front.
const COMPACT_FROM: usize = 256 << 10;
/// The smallest buffer.
const BUFFER_MIN: usize = 512;
/// The largest that is kept while nothing is sent for a moment.
pub(super) const REST_MAX: usize = 1024;
/// Parts of one write.
const PARTS_MAX: usize = 64;
/// From this many bytes on the buffer is written, unless OUT_BATCH_SIZE says otherwise.
pub(super) const FULL: usize = 61_440;

/// Encoded bytes, from `sent` to `end`.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    /// Initialised to its end, so that a small body can be copied whole.
    bytes: Vec<u8>,
    end: usize,
    /// Bytes already written.
    pub(super) sent: usize,
    /// Bytes at the front that are no frames: what was left of the handshake.
    pub(super) lead: usize,
    /// Where a message begins, all before it having been written; 0 where that is not known.
    pub(super) known: usize,
    /// The next such place, which writing has not come to yet.
    ahead: usize,
}

impl Buffer {
    fn len(&self) -> usize {
        self.end - self.sent
    }

    /// Room for `count` bytes.
    #[inline(always)]
    fn room(&mut self, count: usize) -> &mut [u8] {
        if self.bytes.len() - self.end < count {
            self.grow(count);
        }
        &mut self.bytes[self.end..][..count]
    }

    #[cold]
    fn grow(&mut self, count: usize) {
        let size = (self.end + count).max(self.bytes.len() * 2).max(BUFFER_MIN);
        self.bytes.resize(size, 0);
    }

    #[inline(always)]
    pub(super) fn append(&mut self, bytes: &[u8]) {
        self.room(bytes.len()).copy_from_slice(bytes);
        self.end += bytes.len();
    }

    /// Says that a message may begin where the bytes end.
    fn note_boundary(&mut self) {
        if self.ahead <= self.sent {
            (self.known, self.ahead) = (self.ahead, self.end);
        }
    }

    /// Drops the first `count` bytes, which were written.
    fn drop_front(&mut self, count: usize) {
        self.bytes.copy_within(count..self.end, 0);
        self.end -= count;
        self.sent -= count;
        self.lead = 0;
        self.known = self.known.saturating_sub(count);
        self.ahead = self.ahead.saturating_sub(count);
    }

    /// Begins anew: all was written.
    fn clear(&mut self) {
        (self.sent, self.end, self.lead) = (0, 0, 0);
        (self.known, self.ahead) = (0, 0);
    }

    /// All of it, what was written included.
    pub(super) fn all(&self) -> &[u8] {
        self.part(0, self.end)
    }

    /// Where what is appended next will lie.
    pub(super) fn end(&self) -> usize {
        self.end
    }

    /// Appends `count` bytes, for the caller to fill in.
    #[inline(always)]
    pub(super) fn take(&mut self, count: usize) -> &mut [u8] {
        self.room(count);
        self.end += count;
        &mut self.bytes[self.end - count..self.end]
    }

    /// Bytes in `from..to`.
    #[inline(always)]
    fn part(&self, from: usize, to: usize) -> &[u8] {
        self.bytes.get(from..to).unwrap_or(&[])
    }
}

/// The sending half of a connection.
#[derive(Debug)]
pub struct Outbound {
    pub(super) wire: Wire,
    version: Version,
    pub(super) buffer: Buffer,
    /// Bodies that go out where `buffer` has reached the given length.
    pub(super) bodies: VecDeque<(usize, Msg)>,
    /// Bytes of the first body already written.
    body_sent: usize,
    body_bytes: usize,
    /// The last frame encoded was not the last one of its message.
    pub(super) mid: bool,
    /// The first frame in `buffer` is not the first one of its message.
    pub(super) begins_mid: bool,
    /// The kernel took no more at the last try.
    pub blocked: bool,
    /// From this many bytes on the buffer is written instead of filled further.
    pub full: usize,
    /// For frames that are sealed.
    pub(super) sealer: Option<Box<Sealer>>,
}

impl Outbound {
    /// Nothing to send yet.
    pub fn new(wire: Wire, version: Version) -> Outbound {
        Outbound {
            wire,
            version,
            buffer: Buffer::default(),
            bodies: VecDeque::new(),
            body_sent: 0,
            body_bytes: 0,
            mid: false,
            begins_mid: false,
            blocked: false,
            full: FULL,
            sealer: None,
        }
    }

    /// From here on frames are sealed.
    pub fn seal_by(&mut self, seal: Box<dyn Seal>) {
        self.wire = Wire::Sealed;
        self.sealer = Some(Box::new(Sealer::new(seal)));
    }

    /// Bytes not written yet.
    #[inline(always)]
    pub fn pending(&self) -> usize {
        self.buffer.len() + self.body_bytes
    }

    /// Appends a message's frame. A body that is not copied is taken out of the message.
    #[inline(always)]
    pub fn encode(&mut self, msg: &mut Msg) {
        if self.wire == Wire::Frames(Framing::V2)
            && msg.flags() & CONTROL == 0
            && let Some(body) = msg.inline_body()
        {
            let place = self.buffer.room(2 + INLINE_MAX);
            place[0] = msg.flags() & MORE;
            place[1] = msg.len() as u8;
            // Copied whole: a fixed length is a few instructions.
            place[2..].copy_from_slice(body);
            self.buffer.end += 2 + msg.len();
            self.mid = msg.more();
            return;
        }
        self.encode_any(msg);
    }

    /// True when [`encode_now`](Outbound::encode_now) may be called.
    pub fn is_plain(&self) -> bool {
        self.wire == Wire::Frames(Framing::V2) && !self.mid
    }

    /// Encodes a copy of `msg`, whose body lies in itself, as a message of one frame. False when the buffer is full, and for
    /// anything else: then nothing happens.
    #[inline(always)]
    pub fn encode_now(&mut self, msg: &Msg) -> bool {
        let Some((body, len)) = msg.plain_body() else {
            return false;
        };
        let end = self.buffer.end;
        let Some([flags, size, place @ ..]) = self
            .buffer
            .bytes
            .get_mut(end..)
            .and_then(<[u8]>::first_chunk_mut::<{ 2 + INLINE_MAX }>)
        else {
            return false;
        };
        if end - self.buffer.sent + self.body_bytes >= self.full {
            return false;
        }
        (*flags, *size) = (0, len);
        // Copied whole: a fixed length is a few instructions.
        *place = *body;
        self.buffer.end = end + 2 + usize::from(len);
        true
    }

    /// As [`encode_now`](Outbound::encode_now), of any body. False when the buffer is full, and for what is not to be copied
    /// or none of the application's data.
    #[inline(always)]
    pub fn copy_now(&mut self, msg: &Msg) -> bool {
        let body = msg.data();
        if self.pending() >= self.full || msg.flags() & CONTROL != 0 || body.len() >= GATHER_FROM {
            return false;
        }
        self.append_frame(0, body);
        true
    }

    /// Appends a frame of version 2 framing.
    #[inline(always)]
    fn append_frame(&mut self, flags: u8, body: &[u8]) {
        let size = body.len();
        if let Ok(short) = u8::try_from(size) {
            let [first, length, place @ ..] = self.buffer.take(2 + size) else {
                return;
            };
            (*first, *length) = (flags, short);
            return place.copy_from_slice(body);
        }
        let mut header = [0; MAX_HEADER_V2];
        frame::write_v2(&mut header, flags, size as u64);
        let place = self.buffer.take(MAX_HEADER_V2 + size);
        if let Some((head, place)) = place.split_first_chunk_mut() {
            *head = header;
            place.copy_from_slice(body);
        }
    }

    #[inline(never)]
    fn encode_any(&mut self, msg: &mut Msg) {
        if msg.flags() & (SUBSCRIBE | CANCEL | JOIN | LEAVE) != 0 {
            return self.encode_control(msg);
        }
        if self.wire == Wire::Sealed {
            return self.encode_sealed(msg);
        }
        let size = msg.len();
        self.mid = msg.more();
        if self.wire == Wire::Frames(Framing::V2) && size < GATHER_FROM {
            return self.append_frame(msg.flags() & MORE, msg.data());
        }
        self.header(msg.flags() & MORE, size);
        if size < GATHER_FROM {
            self.buffer.append(msg.data());
        } else {
            self.body_bytes += size;
            self.bodies.push_back((self.buffer.end, msg.take()));
        }
    }

    #[inline(always)]
    fn header(&mut self, more: u8, size: usize) {
        match self.wire {
            Wire::Frames(Framing::V2) => {
                let mut header = [0; MAX_HEADER_V2];
                let used = frame::write_v2(&mut header, more, size as u64);
                self.buffer.append(header.get(..used).unwrap_or(&[]));
            }
            Wire::Frames(Framing::V1) => {
                let mut header = [0; MAX_HEADER_V1];
                let used = frame::write_v1(&mut header, more != 0, size as u64);
                self.buffer.append(header.get(..used).unwrap_or(&[]));
            }
            Wire::Sealed | Wire::Raw => {}
        }
    }

    /// Appends a message of one frame that belongs to this connection alone: it does not go out again by the next one.
    pub fn greet(&mut self, body: &[u8]) {
        if self.wire == Wire::Sealed {
            self.seal(0, body);
            self.buffer.lead = self.buffer.end;
            return;
        }
        self.header(0, body.len());
        self.bytes(body);
    }

    #[cold]
    fn encode_control(&mut self, msg: &Msg) {
        let topic = msg.data();
        let mut body = Vec::with_capacity(topic.len() + 12);
        let flags = msg.flags();
        if flags & JOIN != 0 {
            command::join(&mut body, topic);
        } else if flags & LEAVE != 0 {
            command::leave(&mut body, topic);
        } else if self.version.has_subscribe_commands() {
            if flags & SUBSCRIBE != 0 {
                command::subscribe(&mut body, topic);
            } else {
                command::cancel(&mut body, topic);
            }
        } else {
            body.push(u8::from(flags & SUBSCRIBE != 0));
            body.extend_from_slice(topic);
            if let Ok(mut msg) = Msg::copied(&body) {
                self.encode(&mut msg);
            }
            return;
        }
        self.command(&body);
    }

    /// Appends a command's body as a frame. Before ZMTP 2.0 no flag tells it from a message.
    pub fn command(&mut self, body: &[u8]) {
        if self.wire == Wire::Sealed {
            return self.seal(COMMAND, body);
        }
        let mut frame = Vec::with_capacity(body.len() + MAX_HEADER_V1);
        match self.wire {
            Wire::Frames(Framing::V1) => frame::append_v1(&mut frame, false, body),
            _ => frame::append_v2(&mut frame, COMMAND, body),
        }
        self.buffer.append(&frame);
    }

    /// Appends bytes as they are. They come before all frames.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.buffer.append(bytes);
        self.buffer.lead = self.buffer.end;
    }

    /// Writes until nothing is left or the kernel takes no more. Where `more` is to follow at once, the rest that makes no
    /// full write stays for that.
    ///
    /// # Errors
    /// What the connection died of.
    pub fn write(&mut self, fd: RawFd, more: bool) -> Result<()> {
        self.blocked = false;
        if let Some(sealer) = &self.sealer {
            sealer.check()?;
        }
        let least = if more {
            self.full.clamp(1, WRITE_MAX)
        } else {
            1
        };
        if !self.mid {
            self.buffer.note_boundary();
        }
        while self.pending() >= least {
            match self.write_once(fd) {
                Ok(count) => self.advance(count),
                Err(Errno::EAGAIN) => {
                    self.blocked = true;
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// How much to hand to the kernel at once.
    fn write_max(&self) -> usize {
        if self.pending() >= LONG_FROM {
            LONG_MAX
        } else {
            WRITE_MAX
        }
    }

    fn write_once(&self, fd: RawFd) -> Result<usize> {
        if self.bodies.is_empty() {
            let sent = self.buffer.sent;
            let end = self.buffer.end.min(sent + self.write_max());
            return stream::write(fd, &[IoSlice::new(self.buffer.part(sent, end))]);
        }
        let mut parts = [IoSlice::new(&[]); PARTS_MAX];
        let mut used = 0;
        let mut room = self.write_max();
        let mut at = self.buffer.sent;
        let mut skip = self.body_sent;
        for (position, body) in &self.bodies {
            let head = self.buffer.part(at, *position);
            let take = head.len().min(room);
            if take > 0 {
                parts[used] = IoSlice::new(&head[..take]);
                used += 1;
                room -= take;
            }
            at = *position;
            let rest = body.data().get(skip..).unwrap_or(&[]);
            skip = 0;
            let take = rest.len().min(room);
            if take > 0 {
                parts[used] = IoSlice::new(&rest[..take]);
                used += 1;
                room -= take;
            }
            if room == 0 || used + 2 > PARTS_MAX {
                break;
            }
        }
        if room > 0 && used < PARTS_MAX && self.bodies.len() * 2 + 1 < PARTS_MAX {
            let tail = self.buffer.part(at, self.buffer.end);
            let take = tail.len().min(room);
            if take > 0 {
                parts[used] = IoSlice::new(&tail[..take]);
                used += 1;
            }
        }
        stream::write(fd, &parts[..used])
    }

    pub(super) fn advance(&mut self, mut count: usize) {
        while let Some((position, body)) = self.bodies.front() {
            let head = (position - self.buffer.sent).min(count);
            self.buffer.sent += head;
            count -= head;
            if self.buffer.sent < *position {
                return;
            }
            let rest = body.len() - self.body_sent;
            let part = rest.min(count);
            self.body_sent += part;
            self.body_bytes -= part;
            count -= part;
            if part < rest {
                return;
            }
            self.body_sent = 0;
            self.bodies.pop_front();
        }
        let buffer = &mut self.buffer;
        buffer.sent += count;
        if buffer.sent >= buffer.end {
            buffer.clear();
            self.begins_mid = self.mid;
            if let Some(sealer) = &mut self.sealer {
                sealer.cleared();
            }
            return;
        }
        if let Some(sealer) = &mut self.sealer
            && sealer.written(buffer.sent)
        {
            self.begins_mid = false;
        }
        if buffer.sent >= COMPACT_FROM {
            self.compact();
        }
    }

    /// Drops written bytes, but for those of a message that may have to be sent again.
    #[cold]
    fn compact(&mut self) {
        let done = self.done();
        if done == 0 {
            return;
        }
        self.begins_mid &= done <= self.buffer.lead;
        self.buffer.drop_front(done);
        for (position, _) in &mut self.bodies {
            *position -= done;
        }
        if let Some(sealer) = &mut self.sealer {
            sealer.moved(done);
        }
    }

    /// True when there is a buffer.
    #[inline]
    pub fn holds_memory(&self) -> bool {
        !self.buffer.bytes.is_empty()
    }

    /// Gives a buffer back that is larger than `most`, while nothing is sent. True when there is none.
    pub fn rest(&mut self, most: usize) -> bool {
        if self.pending() == 0 && self.buffer.bytes.len() > most {
            self.buffer = Buffer::default();
            self.bodies = VecDeque::new();
            if let Some(sealer) = &mut self.sealer {
                sealer.rest();
            }
        }
        self.buffer.bytes.len() <= most
    }
}
