//! REP: receive a request, send its reply, and so on. What stands before the first empty frame of a request is
//! the way back: kept, and put before the reply.
#![forbid(unsafe_code)]

use super::fq::FairQueue;
use super::{Cx, Pattern, setting};
use crate::errno::{Errno, Result};
use crate::msg::Msg;
use crate::pipe::PipeId;

/// Where the step between request and reply stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Step {
    /// Between requests.
    #[default]
    Idle,
    /// Part of a request's body was received.
    Receiving,
    /// A reply is due.
    Replying,
    /// Part of a reply was sent.
    Sending,
}

/// Serves one request at a time.
#[derive(Debug, Default)]
pub struct Rep {
    fq: FairQueue,
    step: Step,
    /// The way back.
    envelope: Vec<Msg>,
    /// Where the request came from; nowhere when that pipe is gone, or has no room for the reply.
    reply_pipe: Option<PipeId>,
    probe: bool,
    ignored: bool,
}

impl Rep {
    /// Receives up to the body of the next request.
    fn begin(&mut self, cx: &mut Cx) -> Result<()> {
        self.envelope.clear();
        while let Some((pipe, frame)) = self.fq.recv(cx.pipes) {
            if !frame.more() {
                // No empty frame, or nothing behind it: not a request.
                self.envelope.clear();
                continue;
            }
            let bottom = frame.is_empty();
            self.envelope.push(frame);
            if bottom {
                self.reply_pipe = Some(pipe);
                self.step = Step::Receiving;
                return Ok(());
            }
        }
        Err(Errno::EAGAIN)
    }

    fn send_envelope(&mut self, cx: &mut Cx) {
        self.reply_pipe = self.reply_pipe.filter(|&pipe| cx.pipes.can_write(pipe));
        for frame in self.envelope.drain(..) {
            if let Some(pipe) = self.reply_pipe {
                cx.pipes.write(pipe, frame);
            }
        }
    }
}

impl Pattern for Rep {
    fn attach(&mut self, cx: &mut Cx, pipe: PipeId, _dialed: bool) {
        if self.probe {
            cx.probe(pipe);
        }
        self.fq.attach(pipe);
    }

    fn severed(&mut self, _cx: &mut Cx, pipe: PipeId) {
        self.fq.readable(pipe);
    }

    fn detach(&mut self, _cx: &mut Cx, pipe: PipeId) {
        if self.reply_pipe == Some(pipe) {
            self.reply_pipe = None;
            if self.step == Step::Receiving {
                self.step = Step::Idle;
            }
        }
        self.fq.detach(pipe);
    }

    fn readable(&mut self, _cx: &mut Cx, pipe: PipeId) {
        self.fq.readable(pipe);
    }

    fn send(&mut self, cx: &mut Cx, msg: &mut Msg) -> Result<()> {
        match self.step {
            Step::Idle | Step::Receiving => return Err(Errno::EFSM),
            Step::Replying => self.send_envelope(cx),
            Step::Sending => {}
        }
        self.step = if msg.more() {
            Step::Sending
        } else {
            Step::Idle
        };
        let frame = msg.take();
        if let Some(pipe) = self.reply_pipe {
            cx.pipes.write(pipe, frame);
        }
        if self.step == Step::Idle {
            self.reply_pipe = None;
        }
        Ok(())
    }

    fn recv(&mut self, cx: &mut Cx) -> Result<Msg> {
        match self.step {
            Step::Replying | Step::Sending => return Err(Errno::EFSM),
            Step::Idle => self.begin(cx)?,
            Step::Receiving => {}
        }
        let (_, msg) = self.fq.recv(cx.pipes).ok_or(Errno::EAGAIN)?;
        if !msg.more() {
            self.step = Step::Replying;
        }
        Ok(msg)
    }

    fn can_send(&mut self, _cx: &mut Cx) -> bool {
        matches!(self.step, Step::Replying | Step::Sending)
    }

    fn can_recv(&mut self, cx: &mut Cx) -> bool {
        match self.step {
            Step::Replying | Step::Sending => false,
            Step::Receiving => true,
            Step::Idle => self.begin(cx).is_ok(),
        }
    }

    fn park(&mut self, cx: &mut Cx) -> bool {
        self.fq.park(cx.pipes) && !self.can_send(cx)
    }

    fn set_option(&mut self, _: &mut Cx, option: i32, value: Option<&[u8]>) -> Option<Result<()>> {
        match option {
            setting::PROBE_ROUTER => setting::set_flag(&mut self.probe, value),
            // Taken because ROUTER takes them; the way back needs no routing ids here, so they change nothing.
            setting::ROUTER_MANDATORY | setting::ROUTER_HANDOVER | setting::ROUTER_RAW => {
                setting::set_flag(&mut self.ignored, value)
            }
            setting::CONNECT_ROUTING_ID => Some(
                value
                    .filter(|id| !id.is_empty())
                    .map(drop)
                    .ok_or(Errno::EINVAL),
            ),
            _ => None,
        }
    }
}
