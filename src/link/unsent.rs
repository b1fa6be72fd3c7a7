//! What a connection took from its lane and had not sent when it broke.
//!
//! Whole messages go out first once there is a connection again. One of which a part was sent goes out again from its
//! first frame if all of it is still at hand, else the rest of it is dropped: the peer never gets half a message, and
//! threw away the half it got with the connection.
#![forbid(unsafe_code)]

use super::Core;
use super::inbound::Wire;
use super::outbound::{GATHER_FROM, Outbound};
use crate::msg::Msg;
use crate::queue::Backlog;
use crate::zmtp::frame::{self, Header};
use crate::zmtp::greeting::Framing;
use crate::zmtp::mechanism::cipher::{Open, Opened};

/// What is left of a broken connection's output.
#[derive(Debug, Default)]
pub struct Unsent {
    /// Frames to be sent before what waits in the lane.
    pub frames: Vec<Msg>,
    /// The lane begins with frames of a message that was begun and cannot be sent again.
    pub torn: bool,
}

/// Reads headers where they were written: one behind the other, bodies in between unless they are large.
struct Frames<'a> {
    buffer: &'a [u8],
    framing: Framing,
    /// Large bodies lie elsewhere.
    gathers: bool,
    at: usize,
}

impl Iterator for Frames<'_> {
    /// The header, and where it starts.
    type Item = (Header, usize);

    fn next(&mut self) -> Option<(Header, usize)> {
        let start = self.at;
        let bytes = self.buffer.get(start..)?;
        let header = match self.framing {
            Framing::V2 => frame::parse_v2(bytes),
            Framing::V1 => frame::parse_v1(bytes).ok().flatten(),
        }?;
        let inside = if self.gathers && is_gathered(header) {
            0
        } else {
            usize::try_from(header.size).ok()?
        };
        self.at = start.checked_add(header.header_len)?.checked_add(inside)?;
        Some((header, start))
    }
}

/// The messages that `bytes` are, each of one frame with its body behind the header.
pub(super) fn frames_of(bytes: &[u8]) -> Vec<Msg> {
    let frames = Frames {
        buffer: bytes,
        framing: Framing::V2,
        gathers: true,
        at: 0,
    };
    let body = |(header, start): (Header, usize)| {
        let from = start + header.header_len;
        let body = bytes
            .get(from..)?
            .get(..usize::try_from(header.size).ok()?)?;
        Msg::copied(body).ok()
    };
    frames.filter_map(body).collect()
}

/// True when the body does not lie in the buffer.
fn is_gathered(header: Header) -> bool {
    !header.command() && header.size >= GATHER_FROM as u64
}

impl Outbound {
    /// The frames in the buffer from the first on, sealed ones included. `None` when there are none to be told apart.
    fn frames(&self) -> Option<Frames<'_>> {
        self.frames_from(self.buffer.lead)
    }

    fn frames_from(&self, at: usize) -> Option<Frames<'_>> {
        let framing = match self.wire {
            Wire::Frames(framing) => framing,
            Wire::Sealed => Framing::V2,
            Wire::Raw => return None,
        };
        Some(Frames {
            buffer: self.buffer.all(),
            framing,
            gathers: self.wire != Wire::Sealed,
            at,
        })
    }

    /// Takes out what was not sent.
    pub fn into_unsent(mut self) -> Unsent {
        let mut reopener = None;
        if let Some(sealer) = &self.sealer {
            reopener = sealer.reopener();
            if reopener.is_none() {
                return self.into_kept();
            }
        }
        let mut bodies = std::mem::take(&mut self.bodies);
        let mut frames = Vec::new();
        // The frames of the message in hand, unless one of them is gone.
        let mut message = (!self.begins_mid).then(Vec::new);
        for (mut header, start) in self.frames().into_iter().flatten() {
            let mut opened = None;
            if let Some(open) = &mut reopener {
                opened = self.reopen(&mut **open, &mut header, start);
            }
            if header.command() {
                // The socket repeats its subscriptions, and the rest was between the two ends of this connection.
                continue;
            }
            let body_at = start + header.header_len;
            let (msg, sent) = if reopener.is_some() {
                let end = body_at + header.size as usize;
                (opened, end <= self.buffer.sent)
            } else if is_gathered(header) {
                let kept = match bodies.front() {
                    Some((position, _)) if *position == body_at => bodies.pop_front(),
                    _ => None,
                };
                let sent = kept.is_none();
                (kept.map(|(_, msg)| msg), sent)
            } else {
                let end = body_at + header.size as usize;
                let body = self.buffer.all().get(body_at..end);
                (
                    body.and_then(|body| Msg::copied(body).ok()),
                    end <= self.buffer.sent,
                )
            };
            match (&mut message, msg) {
                (Some(message), Some(mut msg)) => {
                    msg.set_more(header.more());
                    message.push(msg);
                }
                _ => message = None,
            }
            if !header.more() {
                frames.extend(message.take().filter(|_| !sent).into_iter().flatten());
                message = Some(Vec::new());
            }
        }
        let torn = self.mid && message.is_none();
        frames.extend(message.into_iter().flatten());
        Unsent { frames, torn }
    }

    /// How much of the buffer is done with: all before the message that the first unsent byte belongs to.
    pub(super) fn done(&self) -> usize {
        if let Some(sealer) = &self.sealer
            && !sealer.reopens()
        {
            return sealer.done(self.buffer.sent);
        }
        let known = self.buffer.known > self.buffer.lead;
        let at = self.buffer.lead.max(self.buffer.known);
        let Some(frames) = self.frames_from(at) else {
            return self.buffer.sent;
        };
        let mut done = at.min(self.buffer.sent);
        let mut more = self.begins_mid && !known;
        for (header, start) in frames {
            if start > self.buffer.sent {
                break;
            }
            if !header.command() {
                if !more {
                    done = start;
                }
                more = match &self.sealer {
                    Some(sealer) => {
                        sealer.goes_on(start + header.header_len + header.size as usize)
                    }
                    None => header.more(),
                };
            }
        }
        done
    }

    /// Opens a copy of the frame behind `header`, which then has the flags of what is in it. A frame that could not be sealed
    /// cannot be opened.
    fn reopen(&self, open: &mut dyn Open, header: &mut Header, start: usize) -> Option<Msg> {
        let body = self.buffer.all().get(start + header.header_len..)?;
        let mut sealed = body.get(..usize::try_from(header.size).ok()?)?.to_vec();
        let Opened { flags, body } = open.open(&mut sealed).ok()?;
        header.flags = flags;
        Msg::copied(sealed.get(body)?).ok()
    }
}

impl Core {
    /// Sends first what the last connection left. True when the writer has to be told that there is room.
    #[must_use]
    pub(super) fn resume(&mut self, outbound: &mut Outbound, backlog: &Backlog) -> bool {
        let Unsent { frames, torn } = std::mem::take(&mut self.unsent);
        for mut frame in frames {
            outbound.encode(&mut frame);
        }
        let Some((out, _)) = self.lanes.as_mut().filter(|_| torn) else {
            return false;
        };
        let (mut more, mut bytes) = (true, 0);
        while more && let Some(frame) = out.pop() {
            more = frame.more();
            bytes += frame.len() as u64;
        }
        let awaited = backlog.took(bytes);
        out.took_message() || awaited
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zmtp::greeting::Version;
    use std::io::Read;
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;

    const LARGE: usize = GATHER_FROM + 5;

    fn outbound() -> Outbound {
        Outbound::new(Wire::Frames(Framing::V2), Version::V3_1)
    }

    fn frame(fill: u8, len: usize, more: bool) -> Msg {
        let mut msg = Msg::copied(&vec![fill; len]).unwrap();
        msg.set_more(more);
        msg
    }

    fn three(out: &mut Outbound) {
        out.encode(&mut frame(1, 3, false));
        out.encode(&mut frame(2, 4, true));
        out.encode(&mut frame(3, LARGE, true));
        out.encode(&mut frame(4, 300, false));
        out.command(b"\x04PING\x00\x00");
        out.encode(&mut frame(5, 0, false));
    }

    fn left(out: Outbound) -> (Vec<(u8, usize, bool)>, bool) {
        let Unsent { frames, torn } = out.into_unsent();
        let frames = frames.iter().map(|msg| {
            let first = msg.data().first().copied().unwrap_or(0);
            (first, msg.len(), msg.more())
        });
        (frames.collect(), torn)
    }

    const WHOLE: [(u8, usize, bool); 3] = [(2, 4, true), (3, LARGE, true), (4, 300, false)];

    #[test]
    fn what_was_not_sent_comes_back() {
        let all = [&[(1, 3, false)], &WHOLE[..], &[(0, 0, false)]].concat();
        for sent in 0..5 {
            let mut out = outbound();
            three(&mut out);
            out.advance(sent);
            assert_eq!(left(out), (all.clone(), false));
        }
        for sent in [5, 6, 11, 12, 20, 11 + LARGE + 8] {
            let mut out = outbound();
            three(&mut out);
            out.advance(sent);
            assert_eq!(left(out), (all[1..].to_vec(), false), "{sent}");
        }
    }

    #[test]
    fn a_message_that_is_not_at_hand_any_more_is_dropped() {
        let mut out = outbound();
        three(&mut out);
        out.advance(20 + LARGE + 1);
        assert_eq!(left(out), (vec![(0, 0, false)], false));
        let mut out = outbound();
        three(&mut out);
        out.advance(out.pending());
        assert_eq!(left(out), (vec![], false));
    }

    #[test]
    fn a_message_half_in_the_lane_goes_on_or_is_torn() {
        let mut out = outbound();
        out.encode(&mut frame(1, 3, true));
        out.encode(&mut frame(2, LARGE, true));
        out.advance(7);
        assert_eq!(left(out), (vec![(1, 3, true), (2, LARGE, true)], false));
        let mut out = outbound();
        out.encode(&mut frame(1, 3, true));
        out.advance(5);
        assert_eq!(left(out), (vec![], true));
        let mut out = outbound();
        out.encode(&mut frame(1, 3, true));
        out.advance(5);
        out.encode(&mut frame(2, 3, true));
        assert_eq!(left(out), (vec![], true));
        let mut out = outbound();
        out.encode(&mut frame(1, 3, true));
        out.advance(5);
        out.encode(&mut frame(2, 3, false));
        out.encode(&mut frame(3, 3, false));
        assert_eq!(left(out), (vec![(3, 3, false)], false));
    }

    #[test]
    fn compaction_keeps_the_message_that_is_being_sent() {
        let mut out = outbound();
        out.bytes(b"greeting");
        for fill in 0..100 {
            out.encode(&mut frame(fill, 10_000, fill % 2 == 0));
        }
        // 42 whole frames of 10,009 bytes: message 21 begins where 42 ends.
        out.advance(8 + 43 * 10_009 + 17);
        assert!(out.pending() < 60 * 10_009);
        let (frames, torn) = left(out);
        assert_eq!((frames.len(), torn), (58, false));
        assert_eq!(frames[0], (42, 10_000, true));
        assert_eq!(frames[57], (99, 10_000, false));
    }

    #[test]
    fn what_is_done_with_is_the_same_from_a_known_place_on() {
        let (near, mut far) = UnixStream::pair().unwrap();
        near.set_nonblocking(true).unwrap();
        let (mut out, mut taken, mut known) = (outbound(), [0; 1_500], 0);
        for at in 0..4_000 {
            out.encode(&mut frame(0, at * 37 % 700, at % 3 == 1));
            out.write(near.as_raw_fd(), false).unwrap();
            if out.blocked && at % 5 == 0 {
                far.read_exact(&mut taken).unwrap();
            }
            let (done, place) = (out.done(), std::mem::take(&mut out.buffer.known));
            assert_eq!(out.done(), done);
            out.buffer.known = place;
            known += usize::from(place > 0);
        }
        assert!(known > 500, "{known}");
    }

    #[test]
    fn connections_without_protocol_leave_nothing() {
        let mut out = Outbound::new(Wire::Raw, Version::V3_1);
        out.encode(&mut frame(1, 3, false));
        assert_eq!(left(out), (vec![], false));
    }
}
