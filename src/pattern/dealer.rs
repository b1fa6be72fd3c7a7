//! DEALER and CLIENT: each message to the next peer with room, and messages of all peers in turn.
#![forbid(unsafe_code)]

use super::fq::FairQueue;
use super::lb::LoadBalance;
use super::{Cx, Pattern, setting};
use crate::errno::{Errno, Result};
use crate::msg::Msg;
use crate::pipe::PipeId;

/// Load balances and fair queues. Also the ground that REQ stands on.
#[derive(Debug, Default)]
pub struct Dealer {
    pub(super) fq: FairQueue,
    pub(super) lb: LoadBalance,
    probe: bool,
    /// A CLIENT, which does not probe.
    client: bool,
}

impl Dealer {
    /// CLIENT: messages of one frame only.
    pub(super) fn client() -> Dealer {
        Dealer {
            fq: FairQueue::of_single_frames(),
            client: true,
            ..Dealer::default()
        }
    }
}

impl Pattern for Dealer {
    fn attach(&mut self, cx: &mut Cx, pipe: PipeId, _dialed: bool) {
        if self.probe {
            cx.probe(pipe);
        }
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

    fn fair_in(&mut self) -> Option<&mut FairQueue> {
        Some(&mut self.fq)
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

    fn set_option(&mut self, _: &mut Cx, option: i32, value: Option<&[u8]>) -> Option<Result<()>> {
        match option {
            setting::PROBE_ROUTER if !self.client => setting::set_flag(&mut self.probe, value),
            _ => None,
        }
    }
}
