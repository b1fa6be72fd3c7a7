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
    /// Why nothing more can be sealed.
    failed: Option<Errno>,
}

impl Sealer {
    pub(super) fn new(seal: Box<dyn Seal>) -> Sealer {
        Sealer {
            seal,
            kept: VecDeque::new(),
            start: 0,
            failed: None,
        }
    }

    /// Fails once nothing more can be sealed.
    pub(super) fn check(&self) -> Result<()> {
        self.failed.map_or(Ok(()), Err)
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
        if let Err(failure) = sealed.and_then(|_| sealer.seal.seal(flags, body, place)) {
            let error = match failure.is_terminal() {
                true => Errno::EPROTO,
                false => failure.errno(),
            };
            sealer.failed.get_or_insert(error);
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::inbound::{Limits, Wire};
    use crate::msg::{Meta, MetaSource};
    use crate::queue::lane;
    use crate::zmtp::greeting::{Framing, Version};

    /// A byte of flags in front, and nothing hidden. A body that begins with 0xFF cannot be sealed or opened.
    #[derive(Debug)]
    struct Clear;

    impl Seal for Clear {
        fn prepare(&mut self, _: u8, body: &[u8]) -> std::result::Result<usize, Failure> {
            match body.first() {
                Some(0xFF) => Err(Failure::TooLarge),
                _ => Ok(body.len() + 1),
            }
        }

        fn seal(
            &mut self,
            flags: u8,
            body: &[u8],
            into: &mut [u8],
        ) -> std::result::Result<(), Failure> {
            into[0] = flags;
            into[1..].copy_from_slice(body);
            Ok(())
        }
    }

    impl crate::zmtp::mechanism::cipher::Open for Clear {
        fn open(&mut self, sealed: &mut [u8]) -> std::result::Result<Opened, Failure> {
            match sealed {
                [_, 0xFF, ..] | [] => Err(Failure::Protocol(7)),
                [flags, ..] => Ok(Opened {
                    flags: *flags,
                    body: 1..sealed.len(),
                }),
            }
        }
    }

    fn outbound() -> Outbound {
        let mut out = Outbound::new(Wire::Frames(Framing::V2), Version::V3_1);
        out.seal_by(Box::new(Clear));
        out
    }

    fn inbound(bytes: &[u8]) -> Inbound {
        let limits = Limits {
            max_frame: None,
            batch: None,
            raw_chunk: 1,
            share: true,
            groups: false,
        };
        let meta = MetaSource::new(Meta::new(Vec::<(Vec<u8>, Vec<u8>)>::new(), -1));
        let mut inbound = Inbound::new(Wire::Frames(Framing::V2), meta, limits, bytes).unwrap();
        inbound.open_by(Box::new(Clear));
        inbound
    }

    fn frame(fill: u8, len: usize, more: bool) -> Msg {
        let mut msg = Msg::copied(&vec![fill; len]).unwrap();
        msg.set_more(more);
        msg
    }

    fn shape(msg: &Msg) -> (u8, usize, bool) {
        let first = msg.data().first().copied().unwrap_or(0);
        (first, msg.len(), msg.more())
    }

    fn left(out: Outbound) -> (Vec<(u8, usize, bool)>, bool) {
        let Unsent { frames, torn } = out.into_unsent();
        (frames.iter().map(shape).collect(), torn)
    }

    const SENT: [(u8, usize, bool); 5] = [
        (1, 3, false),
        (2, 4, true),
        (3, 70_000, true),
        (4, 300, false),
        (5, 60, false),
    ];

    fn encode_all(out: &mut Outbound) {
        for (fill, len, more) in SENT {
            out.encode(&mut frame(fill, len, more));
        }
    }

    #[test]
    fn what_is_sealed_here_is_opened_there() {
        let mut out = outbound();
        encode_all(&mut out);
        let mut inbound = inbound(out.buffer.all());
        let (mut tx, mut rx) = lane(0);
        inbound.decode(&mut tx, 100).unwrap();
        let _ = tx.publish();
        let got: Vec<_> = std::iter::from_fn(|| rx.pop()).collect();
        assert_eq!(got.iter().map(shape).collect::<Vec<_>>(), SENT);
    }

    #[test]
    fn what_was_not_written_comes_back_unsealed() {
        // Where the frames end: a header of two or nine bytes, and one byte for the flags.
        let ends = [3 + 3, 6 + 3 + 4, 13 + 10 + 70_000];
        for (written, first) in [(0, 0), (5, 0), (6, 1), (10, 1), (ends[1], 1), (ends[2], 1)] {
            let mut out = outbound();
            encode_all(&mut out);
            out.advance(written);
            assert_eq!(left(out), (SENT[first..].to_vec(), false), "{written}");
        }
        let mut out = outbound();
        encode_all(&mut out);
        out.advance(out.pending() - 1);
        assert_eq!(left(out), (SENT[4..].to_vec(), false));
        let mut out = outbound();
        encode_all(&mut out);
        out.advance(out.pending());
        assert_eq!(left(out), (vec![], false));
    }

    #[test]
    fn a_message_of_which_a_frame_is_gone_is_dropped() {
        let mut out = outbound();
        out.encode(&mut frame(1, 3, true));
        out.advance(out.pending());
        assert_eq!(left(out), (vec![], true));
        let mut out = outbound();
        out.encode(&mut frame(1, 3, true));
        out.advance(out.pending());
        out.encode(&mut frame(2, 3, false));
        out.encode(&mut frame(3, 3, false));
        out.advance(1);
        assert_eq!(left(out), (vec![(3, 3, false)], false));
        let mut out = outbound();
        out.encode(&mut frame(1, 3, true));
        out.advance(out.pending());
        out.encode(&mut frame(2, 3, false));
        out.encode(&mut frame(3, 3, false));
        out.advance(7);
        assert_eq!(left(out), (vec![(3, 3, false)], false));
    }

    #[test]
    fn compaction_keeps_the_message_that_is_being_sent() {
        let mut out = outbound();
        for fill in 0..100 {
            out.encode(&mut frame(fill, 10_000, fill % 2 == 0));
        }
        out.advance(43 * 10_010 + 17);
        assert!(out.buffer.all().len() < 60 * 10_010);
        let (frames, torn) = left(out);
        assert_eq!((frames.len(), torn), (58, false));
        assert_eq!(frames[0], (42, 10_000, true));
    }

    #[test]
    fn commands_and_greetings_are_sealed_and_not_kept() {
        let mut out = outbound();
        out.greet(b"hello");
        out.command(b"\x04PING\x00\x00");
        let mut inbound = inbound(out.buffer.all());
        assert_eq!(left(out), (vec![], false));
        let (mut tx, mut rx) = lane(0);
        inbound.decode(&mut tx, 100).unwrap();
        let _ = tx.publish();
        assert_eq!(
            rx.pop().map(|msg| msg.data().to_vec()),
            Some(b"hello".to_vec())
        );
        assert_eq!(inbound.requests.len(), 1);
    }

    #[test]
    fn what_cannot_be_sealed_ends_the_connection() {
        let mut out = outbound();
        out.encode(&mut frame(0xFF, 3, false));
        assert!(out.pending() > 0);
        assert_eq!(out.write(-1, false), Err(Errno::EPROTO));
    }

    #[test]
    fn what_cannot_be_opened_ends_the_connection_and_says_why() {
        for len in [2, 70_000] {
            let mut wire = Vec::new();
            frame::append_v2(&mut wire, 0, &vec![0xFF; len]);
            let mut inbound = inbound(&wire);
            let (mut tx, _rx) = lane(0);
            assert_eq!(inbound.decode(&mut tx, 100), Err(Errno::EPROTO));
            assert_eq!(inbound.failure, Some(Failure::Protocol(7)));
        }
    }
}
