//! DGRAM: messages of two frames, where to or where from, and what, by one pipe.
#![forbid(unsafe_code)]

use super::pair::Pair;
use super::{Cx, Pattern};
use crate::errno::{Errno, Result};
use crate::msg::Msg;
use crate::pipe::PipeId;

/// A PAIR that sees to the number of frames.
#[derive(Debug, Default)]
pub struct Dgram {
    pair: Pair,
    /// The address was sent, its body comes next.
    addressed: bool,
}

impl Pattern for Dgram {
    fn attach(&mut self, cx: &mut Cx, pipe: PipeId, dialed: bool) {
        self.pair.attach(cx, pipe, dialed);
    }

    fn severed(&mut self, cx: &mut Cx, pipe: PipeId) {
        self.pair.severed(cx, pipe);
    }

    fn detach(&mut self, cx: &mut Cx, pipe: PipeId) {
        self.pair.detach(cx, pipe);
    }

    fn readable(&mut self, cx: &mut Cx, pipe: PipeId) {
        self.pair.readable(cx, pipe);
    }

    fn writable(&mut self, cx: &mut Cx, pipe: PipeId) {
        self.pair.writable(cx, pipe);
    }

    fn send(&mut self, cx: &mut Cx, msg: &mut Msg) -> Result<()> {
        if !self.pair.has_pipe() {
            return Err(Errno::EAGAIN);
        }
        if msg.more() == self.addressed {
            return Err(Errno::EINVAL);
        }
        self.pair.send(cx, msg)?;
        self.addressed = !self.addressed;
        Ok(())
    }

    fn recv(&mut self, cx: &mut Cx) -> Result<Msg> {
        self.pair.recv(cx)
    }

    fn can_send(&mut self, cx: &mut Cx) -> bool {
        self.pair.can_send(cx)
    }

    fn can_recv(&mut self, cx: &mut Cx) -> bool {
        self.pair.can_recv(cx)
    }

    fn park(&mut self, cx: &mut Cx) -> bool {
        self.pair.park(cx)
    }
}
