//! PUB: an XPUB nobody receives from.
#![forbid(unsafe_code)]

use super::xpub::Xpub;
use super::{Cx, Pattern};
use crate::errno::Result;
use crate::msg::Msg;
use crate::pipe::PipeId;

/// The publisher.
#[derive(Debug)]
pub struct Pub {
    xpub: Xpub,
}

impl Default for Pub {
    fn default() -> Pub {
        Pub { xpub: Xpub::mute() }
    }
}

impl Pattern for Pub {
    fn attach(&mut self, cx: &mut Cx, pipe: PipeId, dialed: bool) {
        self.xpub.attach(cx, pipe, dialed);
    }

    fn established(&mut self, cx: &mut Cx, pipe: PipeId) {
        self.xpub.established(cx, pipe);
    }

    fn severed(&mut self, cx: &mut Cx, pipe: PipeId) {
        // Nobody is told of its last wishes.
        cx.pipes.drop_peer(pipe);
    }

    fn detach(&mut self, cx: &mut Cx, pipe: PipeId) {
        self.xpub.detach(cx, pipe);
    }

    fn readable(&mut self, cx: &mut Cx, pipe: PipeId) {
        self.xpub.readable(cx, pipe);
    }

    fn writable(&mut self, cx: &mut Cx, pipe: PipeId) {
        self.xpub.writable(cx, pipe);
    }

    #[inline]
    fn send(&mut self, cx: &mut Cx, msg: &mut Msg) -> Result<()> {
        self.xpub.send(cx, msg)
    }

    fn sole_out(&self) -> Option<PipeId> {
        self.xpub.sole_out()
    }

    fn can_send(&mut self, _cx: &mut Cx) -> bool {
        true
    }

    fn park(&mut self, cx: &mut Cx) -> bool {
        self.xpub.park(cx)
    }

    fn set_option(&mut self, cx: &mut Cx, option: i32, value: Option<&[u8]>) -> Option<Result<()>> {
        self.xpub.set_option(cx, option, value)
    }

    fn get_option(&mut self, cx: &mut Cx, option: i32) -> Option<Result<i32>> {
        self.xpub.get_option(cx, option)
    }
}
