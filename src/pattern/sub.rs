//! SUB: an XSUB that subscribes by options and never sends.
#![forbid(unsafe_code)]

use super::fq::FairQueue;
use super::xsub::Xsub;
use super::{Cx, Pattern, setting};
use crate::errno::Result;
use crate::msg::{CANCEL, Msg, SUBSCRIBE};
use crate::pipe::PipeId;

/// The subscriber.
#[derive(Debug)]
pub struct Sub {
    xsub: Xsub,
}

impl Default for Sub {
    fn default() -> Sub {
        Sub {
            xsub: Xsub::filtering(),
        }
    }
}

impl Pattern for Sub {
    fn attach(&mut self, cx: &mut Cx, pipe: PipeId, dialed: bool) {
        self.xsub.attach(cx, pipe, dialed);
    }

    fn established(&mut self, cx: &mut Cx, pipe: PipeId) {
        self.xsub.established(cx, pipe);
    }

    fn lost(&mut self, cx: &mut Cx, pipe: PipeId) {
        self.xsub.lost(cx, pipe);
    }

    fn severed(&mut self, cx: &mut Cx, pipe: PipeId) {
        self.xsub.severed(cx, pipe);
    }

    fn detach(&mut self, cx: &mut Cx, pipe: PipeId) {
        self.xsub.detach(cx, pipe);
    }

    fn readable(&mut self, cx: &mut Cx, pipe: PipeId) {
        self.xsub.readable(cx, pipe);
    }

    fn writable(&mut self, cx: &mut Cx, pipe: PipeId) {
        self.xsub.writable(cx, pipe);
    }

    #[inline]
    fn recv(&mut self, cx: &mut Cx) -> Result<Msg> {
        self.xsub.recv(cx)
    }

    fn sole_in(&self) -> Option<PipeId> {
        self.xsub.sole_in()
    }

    fn fair_in(&mut self) -> Option<&mut FairQueue> {
        self.xsub.fair_in()
    }

    fn can_recv(&mut self, cx: &mut Cx) -> bool {
        self.xsub.can_recv(cx)
    }

    fn park(&mut self, cx: &mut Cx) -> bool {
        self.xsub.park(cx)
    }

    fn set_option(&mut self, cx: &mut Cx, option: i32, value: Option<&[u8]>) -> Option<Result<()>> {
        let flag = match option {
            setting::SUBSCRIBE => SUBSCRIBE,
            setting::UNSUBSCRIBE => CANCEL,
            _ => return None,
        };
        Some(Msg::copied(value.unwrap_or_default()).and_then(|mut msg| {
            msg.set_flags(flag);
            self.xsub.send(cx, &mut msg)
        }))
    }

    fn get_option(&mut self, cx: &mut Cx, option: i32) -> Option<Result<i32>> {
        self.xsub.get_option(cx, option)
    }
}
