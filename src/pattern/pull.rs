//! PULL and GATHER: messages of all peers, in turn.
#![forbid(unsafe_code)]

use super::fq::FairQueue;
use super::{Cx, Pattern};
use crate::errno::{Errno, Result};
use crate::msg::Msg;
use crate::pipe::PipeId;

/// Fair queues.
#[derive(Debug, Default)]
pub struct Pull {
    fq: FairQueue,
}

impl Pull {
    /// GATHER: messages of one frame only.
    pub(super) fn gathering() -> Pull {
        Pull {
            fq: FairQueue::of_single_frames(),
        }
    }
}

impl Pattern for Pull {
    fn attach(&mut self, _cx: &mut Cx, pipe: PipeId, _dialed: bool) {
        self.fq.attach(pipe);
    }

    fn severed(&mut self, _cx: &mut Cx, pipe: PipeId) {
        self.fq.readable(pipe);
    }

    fn detach(&mut self, _cx: &mut Cx, pipe: PipeId) {
        self.fq.detach(pipe);
    }

    fn readable(&mut self, _cx: &mut Cx, pipe: PipeId) {
        self.fq.readable(pipe);
    }

    #[inline]
    fn recv(&mut self, cx: &mut Cx) -> Result<Msg> {
        self.fq
            .recv(cx.pipes)
            .map(|(_, msg)| msg)
            .ok_or(Errno::EAGAIN)
    }

    fn sole_in(&self) -> Option<PipeId> {
        self.fq.sole()
    }

    fn fair_in(&mut self) -> Option<&mut FairQueue> {
        Some(&mut self.fq)
    }

    fn can_recv(&mut self, cx: &mut Cx) -> bool {
        self.fq.can_recv(cx.pipes)
    }

    fn park(&mut self, cx: &mut Cx) -> bool {
        self.fq.park(cx.pipes)
    }
}
