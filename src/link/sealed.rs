//! Frames that a mechanism seals and opens, in the buffers where they lie.
#![forbid(unsafe_code)]

use super::inbound::{Inbound, Wire};
use super::outbound::{GATHER_FROM, Outbound};
use super::unsent::Unsent;
use crate::errno::{Errno, Result};
use crate::msg::{CONTROL, Filling, Msg};
use crate::queue::LaneTx;
use crate::zmtp::failure::Failure;
use crate::zmtp::frame::{self, Header, MAX_HEADER_V2, MORE};
use crate::zmtp::mechanism::cipher::{Open, Opened, Seal};
use std::collections::VecDeque;

/// What became of a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Taken {
    /// It was handed out.
    Here,
    /// It went the usual way.
    Elsewhere,
}

/// The sealing half of a connection.
#[derive(Debug)]
pub(super) struct Sealer {
    seal: Box<dyn Seal>,
    /// What was sealed for this connection is of no use to the next one. We can open it again, or keep it as it was.
    reopens: bool,
    /// Messages in the buffer, and where their frames end.
    kept: VecDeque<(usize, Msg)>,
    /// Of what we can open: where frames end behind which their message goes on.
    mids: VecDeque<usize>,
    /// Where the first of them starts, commands before it included.
    start: usize,
    /// Why nothing more can be sealed.
    failed: Option<Errno>,
}

impl Sealer {
    pub(super) fn new(seal: Box<dyn Seal>) -> Sealer {
        Sealer {
            reopens: seal.reopener().is_some(),
            seal,
            kept: VecDeque::new(),
            mids: VecDeque::new(),
            start: 0,
            failed: None,
        }
    }

    /// True when what was sealed can be opened again.
    pub(super) fn reopens(&self) -> bool {
        self.reopens
    }

    /// What opens it.
    pub(super) fn reopener(&self) -> Option<Box<dyn Open>> {
        self.seal.reopener()
    }

    /// True when the message goes on behind the frame that ends there.
    pub(super) fn goes_on(&self, end: usize) -> bool {
        self.mids.binary_search(&end).is_ok()
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
        self.mids.clear();
        self.start = 0;
    }

    /// The first `count` bytes of the buffer are gone.
    pub(super) fn moved(&mut self, count: usize) {
        self.start = self.start.saturating_sub(count);
        for (end, _) in &mut self.kept {
            *end = end.saturating_sub(count);
        }
        self.mids.retain(|&end| end > count);
        for end in &mut self.mids {
            *end -= count;
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
        self.mids = VecDeque::new();
    }
}

impl Outbound {
    /// Appends a message's frame, sealed, and keeps the message until that was written, if it must.
    pub(super) fn encode_sealed(&mut self, msg: &mut Msg) {
        self.mid = msg.more();
        self.seal(msg.flags() & MORE, msg.data());
        let end = self.buffer.end();
        if let Some(sealer) = &mut self.sealer
            && !sealer.reopens
        {
            sealer.kept.push_back((end, msg.take()));
        }
    }

    /// True when [`seal_now`](Outbound::seal_now) may be called.
    pub(super) fn may_seal(&self) -> bool {
        !self.mid && self.sealer.as_ref().is_some_and(|sealer| sealer.reopens)
    }

    /// Seals a copy of `msg` as a message of one frame. False when the buffer is full, and for what is large or none of the
    /// application's data: then nothing happens.
    #[inline(never)]
    pub fn seal_now(&mut self, msg: &Msg) -> bool {
        let body = msg.data();
        if self.pending() >= self.full || msg.flags() & CONTROL != 0 || body.len() >= GATHER_FROM {
            return false;
        }
        self.seal(0, body);
        true
    }

    /// Appends a sealed frame.
    #[inline]
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
        if self.mid && sealer.reopens {
            sealer.mids.push_back(self.buffer.end());
        }
    }

    /// Takes out what was not sent, as it was kept.
    pub(super) fn into_kept(self) -> Unsent {
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
        let (msg, flags) = self.unseal(header)?;
        self.deliver(msg, flags, inbox)
    }

    #[inline(always)]
    fn unseal(&mut self, header: Header) -> Result<(Msg, u8)> {
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
        Ok((msg, flags))
    }

    /// True when [`open_now`](Inbound::open_now) may be called: between two messages.
    pub(super) fn may_open(&self) -> bool {
        self.wire == Wire::Sealed && self.body.is_none() && self.staged.is_empty()
    }

    /// Opens the next frame, if it is all there, and takes it in place of `into` when it is a message. What else it is goes
    /// into the inbox, or waits for the rest of its message. Says what became of it; `None` when nothing happened.
    ///
    /// # Errors
    /// What ends the connection.
    #[inline]
    pub(super) fn open_now(
        &mut self,
        into: &mut Msg,
        inbox: &mut LaneTx<Msg>,
    ) -> Result<Option<Taken>> {
        let Some(header) = self.next_header()?.filter(|&header| self.is_whole(header)) else {
            return Ok(None);
        };
        let (mut msg, flags) = self.unseal(header)?;
        if flags != 0 {
            self.deliver(msg, flags, inbox)?;
            return Ok(Some(Taken::Elsewhere));
        }
        self.stamp(&mut msg);
        *into = msg;
        Ok(Some(Taken::Here))
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
    use crate::link::inbound::Limits;
    use crate::msg::{Meta, MetaSource};
    use crate::queue::lane;
    use crate::zmtp::greeting::{Framing, Version};

    /// A byte of flags in front, and nothing hidden. A body that begins with 0xFF cannot be sealed or opened.
    #[derive(Debug)]
    struct Clear {
        reopens: bool,
    }

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

        fn reopener(&self) -> Option<Box<dyn Open>> {
            self.reopens.then(|| Box::new(Clear { reopens: true }) as _)
        }
    }

    impl Open for Clear {
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

    fn outbound(reopens: bool) -> Outbound {
        let mut out = Outbound::new(Wire::Frames(Framing::V2), Version::V3_1);
        out.seal_by(Box::new(Clear { reopens }));
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
        inbound.open_by(Box::new(Clear { reopens: true }));
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
        for reopens in [false, true] {
            let mut out = outbound(reopens);
            encode_all(&mut out);
            let mut inbound = inbound(out.buffer.all());
            let (mut tx, mut rx) = lane(0);
            inbound.decode(&mut tx, 100).unwrap();
            let _ = tx.publish();
            let got: Vec<_> = std::iter::from_fn(|| rx.pop()).collect();
            assert_eq!(got.iter().map(shape).collect::<Vec<_>>(), SENT);
        }
    }

    #[test]
    fn what_was_not_written_comes_back_unsealed() {
        for reopens in [false, true] {
            // Where the frames end: a header of two or nine bytes, and one byte for the flags.
            let ends = [3 + 3, 6 + 3 + 4, 13 + 10 + 70_000];
            for (written, first) in [(0, 0), (5, 0), (6, 1), (10, 1), (ends[1], 1), (ends[2], 1)] {
                let mut out = outbound(reopens);
                encode_all(&mut out);
                out.advance(written);
                assert_eq!(left(out), (SENT[first..].to_vec(), false), "{written}");
            }
            let mut out = outbound(reopens);
            encode_all(&mut out);
            out.advance(out.pending() - 1);
            assert_eq!(left(out), (SENT[4..].to_vec(), false));
            let mut out = outbound(reopens);
            encode_all(&mut out);
            out.advance(out.pending());
            assert_eq!(left(out), (vec![], false));
        }
    }

    #[test]
    fn a_message_of_which_a_frame_is_gone_is_dropped() {
        for reopens in [false, true] {
            let mut out = outbound(reopens);
            out.encode(&mut frame(1, 3, true));
            out.advance(out.pending());
            assert_eq!(left(out), (vec![], true));
            let mut out = outbound(reopens);
            out.encode(&mut frame(1, 3, true));
            out.advance(out.pending());
            out.encode(&mut frame(2, 3, false));
            out.encode(&mut frame(3, 3, false));
            out.advance(1);
            assert_eq!(left(out), (vec![(3, 3, false)], false));
            let mut out = outbound(reopens);
            out.encode(&mut frame(1, 3, true));
            out.advance(out.pending());
            out.encode(&mut frame(2, 3, false));
            out.encode(&mut frame(3, 3, false));
            out.advance(7);
            assert_eq!(left(out), (vec![(3, 3, false)], false));
        }
    }

    #[test]
    fn compaction_keeps_the_message_that_is_being_sent() {
        for reopens in [false, true] {
            let mut out = outbound(reopens);
            for fill in 0..100 {
                out.encode(&mut frame(fill, 10_000, fill % 2 == 0));
            }
            out.advance(43 * 10_010 + 17);
            assert!(out.buffer.all().len() < 60 * 10_010);
            let (frames, torn) = left(out);
            assert_eq!((frames.len(), torn), (58, false));
            assert_eq!(frames[0], (42, 10_000, true));
        }
    }

    #[test]
    fn commands_and_greetings_are_sealed_and_not_kept() {
        for reopens in [false, true] {
            let mut out = outbound(reopens);
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
    }

    #[test]
    fn what_cannot_be_sealed_ends_the_connection() {
        for reopens in [false, true] {
            let mut out = outbound(reopens);
            out.encode(&mut frame(0xFF, 3, false));
            assert!(out.pending() > 0);
            assert_eq!(out.write(-1, false), Err(Errno::EPROTO));
        }
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

    #[test]
    fn a_command_in_the_middle_does_not_end_a_message() {
        for reopens in [false, true] {
            let mut out = outbound(reopens);
            out.encode(&mut frame(1, 3, true));
            let first = out.pending();
            out.command(b"\x04PING\x00\x00");
            let both = out.pending();
            out.encode(&mut frame(2, 3, false));
            for written in [first, both] {
                let mut out = outbound(reopens);
                out.encode(&mut frame(1, 3, true));
                out.command(b"\x04PING\x00\x00");
                out.encode(&mut frame(2, 3, false));
                out.advance(written);
                assert_eq!(out.done(), 0, "{reopens} {written}");
                assert_eq!(left(out), (vec![(1, 3, true), (2, 3, false)], false));
            }
        }
    }

    #[test]
    fn a_stream_is_sealed_and_opened_without_a_detour() {
        let mut out = outbound(true);
        assert!(out.may_seal() && !outbound(false).may_seal());
        assert!(out.seal_now(&frame(1, 3, false)));
        assert!(out.seal_now(&frame(2, 5_000, false)));
        assert!(!out.seal_now(&frame(3, GATHER_FROM, false)));
        let whole = out.pending();
        out.command(b"\x04PING\x00\x00");
        out.encode(&mut frame(4, 3, true));
        assert!(!out.may_seal());
        out.encode(&mut frame(5, 3, false));
        let cut = out.pending() - 1;
        let mut inbound = inbound(&out.buffer.all()[..cut]);
        let (mut tx, _rx) = lane(0);
        let mut into = Msg::new();
        for expected in [(1, 3, false), (2, 5_000, false)] {
            assert!(inbound.may_open());
            assert_eq!(inbound.open_now(&mut into, &mut tx), Ok(Some(Taken::Here)));
            assert_eq!(shape(&into), expected);
        }
        assert_eq!(
            inbound.open_now(&mut into, &mut tx),
            Ok(Some(Taken::Elsewhere))
        );
        assert_eq!(inbound.requests.len(), 1);
        assert_eq!(
            inbound.open_now(&mut into, &mut tx),
            Ok(Some(Taken::Elsewhere))
        );
        assert!(!inbound.may_open());
        assert_eq!(inbound.open_now(&mut into, &mut tx), Ok(None));
        assert_eq!(shape(&into), (2, 5_000, false));
        out.advance(whole + 1);
        assert_eq!(left(out), (vec![(4, 3, true), (5, 3, false)], false));
    }
}
