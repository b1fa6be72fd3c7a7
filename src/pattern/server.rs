//! SERVER and PEER: the routing id that a message carries says whom it goes to, or whom it came from.
#![forbid(unsafe_code)]

use super::fq::FairQueue;
use super::routes::Numbers;
use super::{Cx, Pattern};
use crate::errno::{Errno, Result};
use crate::msg::Msg;
use crate::pipe::PipeId;

/// Sends by number, fair queues what it receives.
#[derive(Debug)]
pub struct Server {
    fq: FairQueue,
    numbers: Numbers,
    /// A PEER, which tells the number of each connect.
    tells: bool,
}

impl Default for Server {
    fn default() -> Server {
        Server {
            fq: FairQueue::of_single_frames(),
            numbers: Numbers::default(),
            tells: false,
        }
    }
}

impl Server {
    /// The server that PEER is.
    pub(super) fn of_peers() -> Server {
        Server {
            tells: true,
            ..Server::default()
        }
    }
}

impl Pattern for Server {
    fn attach(&mut self, _cx: &mut Cx, pipe: PipeId, _dialed: bool) {
        self.numbers.insert(pipe);
        self.fq.attach(pipe);
    }

    fn severed(&mut self, _cx: &mut Cx, pipe: PipeId) {
        self.fq.readable(pipe);
    }

    fn detach(&mut self, _cx: &mut Cx, pipe: PipeId) {
        self.fq.detach(pipe);
        self.numbers.remove(pipe);
    }

    fn readable(&mut self, _cx: &mut Cx, pipe: PipeId) {
        self.fq.readable(pipe);
    }

    fn send(&mut self, cx: &mut Cx, msg: &mut Msg) -> Result<()> {
        let pipe = self.numbered(msg.routing_id())?;
        if !cx.pipes.can_write(pipe) {
            return Err(if cx.is_severed(pipe) {
                Errno::EHOSTUNREACH
            } else {
                Errno::EAGAIN
            });
        }
        let mut body = msg.take();
        body.set_routing_id(0);
        cx.pipes.write(pipe, body);
        Ok(())
    }

    fn recv(&mut self, cx: &mut Cx) -> Result<Msg> {
        let (pipe, mut msg) = self.fq.recv(cx.pipes).ok_or(Errno::EAGAIN)?;
        msg.set_routing_id(self.numbers.number(pipe));
        Ok(msg)
    }

    fn can_send(&mut self, _cx: &mut Cx) -> bool {
        true
    }

    fn can_recv(&mut self, cx: &mut Cx) -> bool {
        self.fq.can_recv(cx.pipes)
    }

    fn park(&mut self, cx: &mut Cx) -> bool {
        self.fq.park(cx.pipes)
    }

    fn numbered(&self, number: u32) -> Result<PipeId> {
        self.numbers.find(number).ok_or(Errno::EHOSTUNREACH)
    }

    fn newest_number(&self) -> Option<u32> {
        self.tells.then(|| self.numbers.newest())
    }
}
