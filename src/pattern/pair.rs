//! PAIR and CHANNEL: one peer, both ways.
#![forbid(unsafe_code)]

use super::fq::FairQueue;
use super::lb::LoadBalance;
use super::{Cx, Pattern};
use crate::errno::{Errno, Result};
use crate::msg::Msg;
use crate::pipe::PipeId;

/// Keeps its first pipe and turns all others away until that one is gone.
#[derive(Debug, Default)]
pub struct Pair {
    pipe: Option<PipeId>,
    fq: FairQueue,
    lb: LoadBalance,
}

impl Pair {
    /// CHANNEL: messages of one frame only.
    pub(super) fn channel() -> Pair {
        Pair {
            fq: FairQueue::of_single_frames(),
            ..Pair::default()
        }
    }

    /// True when there is a peer.
    pub(super) fn has_pipe(&self) -> bool {
        self.pipe.is_some()
    }
}

impl Pattern for Pair {
    fn attach(&mut self, cx: &mut Cx, pipe: PipeId, _dialed: bool) {
        if self.pipe.is_some() {
            return cx.pipes.drop_peer(pipe);
        }
        self.pipe = Some(pipe);
        self.fq.attach(pipe);
        self.lb.attach(pipe);
    }

    fn severed(&mut self, _cx: &mut Cx, pipe: PipeId) {
        if self.pipe == Some(pipe) {
            self.lb.detach(pipe);
            self.fq.readable(pipe);
        }
    }

    fn detach(&mut self, _cx: &mut Cx, pipe: PipeId) {
        if self.pipe == Some(pipe) {
            self.pipe = None;
            self.fq.detach(pipe);
            self.lb.detach(pipe);
        }
    }

    fn readable(&mut self, _cx: &mut Cx, pipe: PipeId) {
        if self.pipe == Some(pipe) {
            self.fq.readable(pipe);
        }
    }

    fn writable(&mut self, _cx: &mut Cx, pipe: PipeId) {
        if self.pipe == Some(pipe) {
            self.lb.writable(pipe);
        }
    }

    fn send(&mut self, cx: &mut Cx, msg: &mut Msg) -> Result<()> {
        self.lb.send(cx, msg).map(drop)
    }

    fn recv(&mut self, cx: &mut Cx) -> Result<Msg> {
        self.fq
            .recv(cx.pipes)
            .map(|(_, msg)| msg)
            .ok_or(Errno::EAGAIN)
    }

    fn sole_out(&self) -> Option<PipeId> {
        self.lb.sole()
    }

    fn sole_in(&self) -> Option<PipeId> {
        self.fq.sole()
    }

    fn can_send(&mut self, cx: &mut Cx) -> bool {
        self.lb.can_send(cx.pipes)
    }

    fn can_recv(&mut self, cx: &mut Cx) -> bool {
        self.fq.can_recv(cx.pipes)
    }

    fn park(&mut self, cx: &mut Cx) -> bool {
        self.fq.park(cx.pipes)
    }
}
