//! STREAM: connections without any protocol. A message is the peer's number and a piece of its bytes; a piece of no bytes
//! tells that the peer came or went, and sends it away.
#![forbid(unsafe_code)]

use super::router::Router;
use super::{Cx, Pattern, setting};
use crate::errno::Result;
use crate::msg::Msg;
use crate::pipe::PipeId;

/// A raw router that always tells what becomes of a message.
#[derive(Debug)]
pub struct Stream {
    router: Router,
}

impl Default for Stream {
    fn default() -> Stream {
        Stream {
            router: Router::of_streams(),
        }
    }
}

impl Pattern for Stream {
    fn attach(&mut self, cx: &mut Cx, pipe: PipeId, dialed: bool) {
        self.router.attach(cx, pipe, dialed);
    }

    fn established(&mut self, cx: &mut Cx, pipe: PipeId) {
        self.router.established(cx, pipe);
    }

    fn lost(&mut self, cx: &mut Cx, pipe: PipeId) {
        self.router.lost(cx, pipe);
    }

    fn severed(&mut self, cx: &mut Cx, pipe: PipeId) {
        self.router.severed(cx, pipe);
    }

    fn detach(&mut self, cx: &mut Cx, pipe: PipeId) {
        self.router.detach(cx, pipe);
    }

    fn readable(&mut self, cx: &mut Cx, pipe: PipeId) {
        self.router.readable(cx, pipe);
    }

    fn send(&mut self, cx: &mut Cx, msg: &mut Msg) -> Result<()> {
        self.router.send(cx, msg)
    }

    fn recv(&mut self, cx: &mut Cx) -> Result<Msg> {
        self.router.recv(cx)
    }

    fn can_send(&mut self, _cx: &mut Cx) -> bool {
        true
    }

    fn can_recv(&mut self, cx: &mut Cx) -> bool {
        self.router.can_recv(cx)
    }

    fn park(&mut self, cx: &mut Cx) -> bool {
        self.router.park(cx)
    }

    fn set_option(&mut self, cx: &mut Cx, option: i32, value: Option<&[u8]>) -> Option<Result<()>> {
        match option {
            setting::STREAM_NOTIFY => Some(setting::strict_flag(value).map(|on| {
                self.router.silent_streams = !on;
            })),
            setting::CONNECT_ROUTING_ID => self.router.set_option(cx, option, value),
            _ => None,
        }
    }

    fn before_connect(&mut self) -> Result<()> {
        self.router.before_connect()
    }

    fn is_raw(&self) -> bool {
        true
    }

    fn routing_id(&self) -> Option<&[u8]> {
        self.router.newest_id()
    }
}
