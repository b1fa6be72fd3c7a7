//! REQ: a request, its reply, the next request.
//!
//! On the wire: the request's number if REQ_CORRELATE is set, an empty frame, the body. A reply begins with the same.
#![forbid(unsafe_code)]

use super::dealer::Dealer;
use super::hash::random;
use super::{Cx, Pattern, setting};
use crate::errno::{Errno, Result};
use crate::msg::Msg;
use crate::pipe::PipeId;

/// A dealer that keeps step.
#[derive(Debug)]
pub struct Req {
    dealer: Dealer,
    /// A request was sent in full; its reply was not yet received in full.
    awaiting: bool,
    /// The envelope of the request being sent, or of the reply being received, is still to come.
    begins: bool,
    /// The pipe the request went by; unknown when that pipe is gone.
    reply_pipe: Option<PipeId>,
    number: u32,
    correlate: bool,
    relaxed: bool,
}

impl Default for Req {
    fn default() -> Req {
        Req {
            dealer: Dealer::default(),
            awaiting: false,
            begins: true,
            reply_pipe: None,
            number: random() as u32,
            correlate: false,
            relaxed: false,
        }
    }
}

/// What a message's first frames make it.
enum Envelope {
    /// The reply that is awaited.
    Right,
    /// Some other reply.
    Other,
    /// Nothing that a peer of REQ may send.
    Broken,
}

impl Req {
    fn send_envelope(&mut self, cx: &mut Cx) -> Result<()> {
        self.reply_pipe = None;
        if !self.dealer.lb.can_send(cx.pipes) {
            return Err(Errno::EAGAIN);
        }
        if self.correlate {
            self.number = self.number.wrapping_add(1);
            let mut frame = Msg::inline(&self.number.to_ne_bytes());
            frame.set_more(true);
            self.dealer.lb.send(cx, &mut frame)?;
        }
        let mut bottom = Msg::new();
        bottom.set_more(true);
        self.reply_pipe = self.dealer.lb.send(cx, &mut bottom)?;
        self.begins = false;
        // An answer to an earlier request that is here by now must never be taken for the answer to this one.
        while self.dealer.fq.recv(cx.pipes).is_some() {}
        Ok(())
    }

    /// Receives up to the body of the reply awaited, and drops what is not that.
    fn find_reply(&mut self, cx: &mut Cx) -> Result<()> {
        while self.begins {
            let (pipe, first) = self.dealer.fq.recv(cx.pipes).ok_or(Errno::EAGAIN)?;
            match self.open_envelope(cx, pipe, first) {
                Envelope::Right => self.begins = false,
                Envelope::Other => self.dealer.fq.skip_message(cx.pipes),
                Envelope::Broken => {
                    self.dealer.fq.skip_message(cx.pipes);
                    if cx.is_link(pipe) {
                        cx.pipes.drop_peer(pipe);
                    }
                }
            }
        }
        Ok(())
    }

    fn open_envelope(&mut self, cx: &mut Cx, pipe: PipeId, first: Msg) -> Envelope {
        if !first.more() {
            // An empty message is what PROBE_ROUTER sends.
            return if first.is_empty() {
                Envelope::Other
            } else {
                Envelope::Broken
            };
        }
        let number = match first.data() {
            [] => None,
            data => match <[u8; 4]>::try_from(data) {
                Ok(number) => Some(u32::from_ne_bytes(number)),
                Err(_) => return Envelope::Broken,
            },
        };
        if number.is_some() {
            match self.dealer.fq.recv(cx.pipes) {
                Some((_, bottom)) if bottom.is_empty() && bottom.more() => {}
                _ => return Envelope::Broken,
            }
        }
        let expected = self.correlate.then_some(self.number);
        let right = number == expected && self.reply_pipe.is_none_or(|asked| asked == pipe);
        if right {
            Envelope::Right
        } else {
            Envelope::Other
        }
    }
}

impl Pattern for Req {
    fn attach(&mut self, cx: &mut Cx, pipe: PipeId, dialed: bool) {
        self.dealer.attach(cx, pipe, dialed);
    }

    fn severed(&mut self, cx: &mut Cx, pipe: PipeId) {
        self.dealer.severed(cx, pipe);
    }

    fn detach(&mut self, cx: &mut Cx, pipe: PipeId) {
        if self.reply_pipe == Some(pipe) {
            self.reply_pipe = None;
            if self.awaiting {
                self.begins = true;
            }
        }
        self.dealer.detach(cx, pipe);
    }

    fn readable(&mut self, cx: &mut Cx, pipe: PipeId) {
        self.dealer.readable(cx, pipe);
    }

    fn writable(&mut self, cx: &mut Cx, pipe: PipeId) {
        self.dealer.writable(cx, pipe);
    }

    fn send(&mut self, cx: &mut Cx, msg: &mut Msg) -> Result<()> {
        if self.awaiting {
            if !self.relaxed {
                return Err(Errno::EFSM);
            }
            self.awaiting = false;
            self.begins = true;
        }
        if self.begins {
            self.send_envelope(cx)?;
        }
        let more = msg.more();
        if let Err(error) = self.dealer.lb.send(cx, msg) {
            // The pipe died under the request, and this was its last frame: the next one begins another.
            self.begins = !self.dealer.lb.is_mid_message();
            return Err(error);
        }
        if !more {
            self.awaiting = true;
            self.begins = true;
        }
        Ok(())
    }

    fn recv(&mut self, cx: &mut Cx) -> Result<Msg> {
        if !self.awaiting {
            return Err(Errno::EFSM);
        }
        self.find_reply(cx)?;
        let (_, msg) = self.dealer.fq.recv(cx.pipes).ok_or(Errno::EAGAIN)?;
        if !msg.more() {
            self.awaiting = false;
            self.begins = true;
        }
        Ok(msg)
    }

    fn can_send(&mut self, cx: &mut Cx) -> bool {
        (!self.awaiting || self.relaxed) && self.dealer.can_send(cx)
    }

    fn can_recv(&mut self, cx: &mut Cx) -> bool {
        self.awaiting && self.find_reply(cx).is_ok()
    }

    fn park(&mut self, cx: &mut Cx) -> bool {
        self.dealer.park(cx) && self.awaiting
    }

    fn set_option(&mut self, cx: &mut Cx, option: i32, value: Option<&[u8]>) -> Option<Result<()>> {
        match option {
            setting::REQ_CORRELATE => setting::set_flag(&mut self.correlate, value),
            setting::REQ_RELAXED => setting::set_flag(&mut self.relaxed, value),
            _ => self.dealer.set_option(cx, option, value),
        }
    }
}
