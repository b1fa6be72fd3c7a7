//! CLIENT: messages of one frame to the next SERVER with room, and from all of them in turn.
#![forbid(unsafe_code)]

use super::fq::FairQueue;
use super::lb::LoadBalance;
use super::{Cx, Pattern};
use crate::errno::{Errno, Result};
use crate::msg::Msg;
use crate::pipe::PipeId;

/// Load balances and fair queues.
#[derive(Debug)]
pub struct Client {
    fq: FairQueue,
    lb: LoadBalance,
}

impl Default for Client {
    fn default() -> Client {
        Client {
            fq: FairQueue::of_single_frames(),
            lb: LoadBalance::default(),
        }
    }
}

impl Pattern for Client {
    fn attach(&mut self, _cx: &mut Cx, pipe: PipeId, _dialed: bool) {
        self.fq.attach(pipe);
        self.lb.attach(pipe);
    }

    fn severed(&mut self, _cx: &mut Cx, pipe: PipeId) {
        self.lb.detach(pipe);
        self.fq.readable(pipe);
    }

    fn detach(&mut self, _cx: &mut Cx, pipe: PipeId) {
        self.lb.detach(pipe);
        self.fq.detach(pipe);
    }

    fn readable(&mut self, _cx: &mut Cx, pipe: PipeId) {
        self.fq.readable(pipe);
    }

    fn writable(&mut self, _cx: &mut Cx, pipe: PipeId) {
        self.lb.writable(pipe);
    }

    #[inline]
    fn send(&mut self, cx: &mut Cx, msg: &mut Msg) -> Result<()> {
        self.lb.send(cx, msg).map(drop)
    }

    #[inline]
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
