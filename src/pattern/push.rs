//! PUSH and SCATTER: each message to the next peer with room.
#![forbid(unsafe_code)]

use super::lb::LoadBalance;
use super::{Cx, Pattern};
use crate::errno::Result;
use crate::msg::Msg;
use crate::pipe::PipeId;

/// Load balances.
#[derive(Debug, Default)]
pub struct Push {
    lb: LoadBalance,
}

impl Pattern for Push {
    fn attach(&mut self, _cx: &mut Cx, pipe: PipeId, _dialed: bool) {
        self.lb.attach(pipe);
    }

    fn severed(&mut self, cx: &mut Cx, pipe: PipeId) {
        self.lb.detach(pipe);
        // Nobody will ever read what a peer that should have been silent sent.
        cx.pipes.drop_peer(pipe);
    }

    fn detach(&mut self, _cx: &mut Cx, pipe: PipeId) {
        self.lb.detach(pipe);
    }

    fn readable(&mut self, _cx: &mut Cx, _pipe: PipeId) {}

    fn writable(&mut self, _cx: &mut Cx, pipe: PipeId) {
        self.lb.writable(pipe);
    }

    #[inline]
    fn send(&mut self, cx: &mut Cx, msg: &mut Msg) -> Result<()> {
        self.lb.send(cx, msg).map(drop)
    }

    fn sole_out(&self) -> Option<PipeId> {
        self.lb.sole()
    }

    fn can_send(&mut self, cx: &mut Cx) -> bool {
        self.lb.can_send(cx.pipes)
    }
}
