//! Frames that a mechanism seals and opens, in the buffers where they lie.
#![forbid(unsafe_code)]

use super::inbound::Inbound;
use super::outbound::Outbound;
use super::unsent::Unsent;
use crate::errno::{Errno, Result};
use crate::msg::{Filling, Msg};
use crate::queue::LaneTx;
use crate::zmtp::failure::Failure;
use crate::zmtp::frame::{self, Header, MAX_HEADER_V2, MORE};
use crate::zmtp::mechanism::cipher::{Opened, Seal};
use std::collections::VecDeque;

/// The sealing half of a connection.
#[derive(Debug)]
pub(super) struct Sealer {
    seal: Box<dyn Seal>,
    /// Messages in the buffer, and where their frames end: what was sealed for this connection is of no use to the next one.
    kept: VecDeque<(usize, Msg)>,
    /// Where the first of them starts, commands before it included.
    start: usize,
    /// Nothing more can be sealed.
    failed: bool,
}

impl Sealer {
    pub(super) fn new(seal: Box<dyn Seal>) -> Sealer {
        Sealer {
            seal,
            kept: VecDeque::new(),
            start: 0,
            failed: false,
        }
    }

    /// EPROTO once nothing more can be sealed.
    pub(super) fn check(&self) -> Result<()> {
        match self.failed {
            true => Err(Errno::EPROTO),
            false => Ok(()),
        }
    }

    /// The buffer up to `sent` was written. True when whole messages are done with by that.
    pub(super) fn written(&mut self, sent: usize) -> bool {
        let mut done = 0;
        for (place, (end, msg)) in self.kept.iter().enumerate() {
            if *end > sent {
                break;
            }
            if !msg.more() {
                (done, self.start) = (place + 1, *end);
            }
        }
        self.kept.drain(..done);
        done > 0
    }

    /// All of the buffer was written.
    pub(super) fn cleared(&mut self) {
        self.kept.clear();
        self.start = 0;
    }

    /// The first `count` bytes of the buffer are gone.
    pub(super) fn moved(&mut self, count: usize) {
        self.start = self.start.saturating_sub(count);
        for (end, _) in &mut self.kept {
            *end = end.saturating_sub(count);
        }
    }

    /// How much of the buffer is done with, of which `sent` was written.
    pub(super) fn done(&self, sent: usize) -> usize {
        match self.kept.is_empty() {
            true => sent,
            false => self.start.min(sent),
        }
    }

    /// Gives memory back.
    pub(super) fn rest(&mut self) {
        self.kept = VecDeque::new();
    }
}

impl Outbound {
    /// Appends a message's frame, sealed, and keeps the message until that was written.
    pub(super) fn encode_sealed(&mut self, msg: &mut Msg) {
        self.mid = msg.more();
        self.seal(msg.flags() & MORE, msg.data());
        let end = self.buffer.end();
        if let Some(sealer) = &mut self.sealer {
            sealer.kept.push_back((end, msg.take()));
        }
    }

    /// Appends a sealed frame.
    pub(super) fn seal(&mut self, flags: u8, body: &[u8]) {
        let Some(sealer) = &mut self.sealer else {
            return;
        };
        let sealed = sealer.seal.prepare(flags, body);
        let size = sealed.as_ref().map_or(0, |size| *size);
        let mut header = [0; MAX_HEADER_V2];
        let used = frame::write_v2(&mut header, 0, size as u64);
        let (head, place) = self.buffer.take(used + size).split_at_mut(used);
        head.copy_from_slice(header.get(..used).unwrap_or(&[]));
        // The header of a frame that cannot be made stays, so that somebody comes to write it and learns of that.
        sealer.failed |= sealed
            .and_then(|_| sealer.seal.seal(flags, body, place))
            .is_err();
    }

    /// Takes out what was not sent, as it was before it was sealed.
    pub(super) fn into_unsealed(self) -> Unsent {
        let sent = self.buffer.sent;
        let mut frames: Vec<Msg> = Vec::new();
        // The frames of the message in hand, unless one of them is gone.
        let mut message = (!self.begins_mid).then(Vec::new);
        for (end, msg) in self.sealer.into_iter().flat_map(|sealer| sealer.kept) {
            let more = msg.more();
            if let Some(message) = &mut message {
                message.push(msg);
            }
            if !more {
                frames.extend(message.take().filter(|_| end > sent).into_iter().flatten());
                message = Some(Vec::new());
            }
        }
        let torn = self.mid && message.is_none();
        frames.extend(message.into_iter().flatten());
        Unsent { frames, torn }
    }
}

impl Inbound {
    /// Opens the frame at the front of the block, which is all there, and takes what is in it.
    pub(super) fn take_sealed(&mut self, header: Header, inbox: &mut LaneTx<Msg>) -> Result<()> {
        let size = header.size as usize;
        let (Some(block), Some(open)) = (&mut self.block, &mut self.open) else {
            return Err(Errno::EPROTO);
        };
        block.consume(header.header_len);
        let opened = open.open(block.unread_mut(size));
        let Opened { flags, body } = self.judge(opened)?;
        self.skip(body.start);
        let msg = self.cut_body(body.len())?.ok_or(Errno::EPROTO)?;
        self.skip(size.saturating_sub(body.end));
        self.deliver(msg, flags, inbox)
    }

    /// Opens a body that came by itself.
    pub(super) fn finish_sealed(
        &mut self,
        mut filling: Filling,
        inbox: &mut LaneTx<Msg>,
    ) -> Result<()> {
        let Some(open) = &mut self.open else {
            return Err(Errno::EPROTO);
        };
        let opened = open.open(filling.filled());
        let Opened { flags, body } = self.judge(opened)?;
        match filling.finish_part(body) {
            Some(msg) => self.deliver(msg, flags, inbox),
            None => Err(Errno::EPROTO),
        }
    }

    fn skip(&mut self, count: usize) {
        if let Some(block) = &mut self.block {
            block.consume(count);
        }
    }

    fn judge(&mut self, opened: std::result::Result<Opened, Failure>) -> Result<Opened> {
        opened.map_err(|failure| {
            let errno = failure.errno();
            self.failure = Some(failure);
            errno
        })
    }
}
