//! Load balancing: each message goes to the next pipe that has room, all its frames to the same one.
#![forbid(unsafe_code)]

use super::Cx;
use super::rotation::Rotation;
use crate::errno::{Errno, Result};
use crate::msg::Msg;
use crate::pipe::{PipeId, Pipes};

/// The sending side of PUSH, DEALER, REQ and PAIR.
#[derive(Debug, Default)]
pub struct LoadBalance {
    /// Pipes that had room when last looked at.
    ready: Rotation,
    /// A message was begun, on the pipe whose turn it is.
    more: bool,
    /// The pipe died in the middle of a message: what is left of it has nowhere to go.
    dropping: bool,
    /// The caller who would not wait was told so.
    told: bool,
}

impl LoadBalance {
    /// Sends to this pipe too.
    pub fn attach(&mut self, pipe: PipeId) {
        self.ready.insert(pipe);
    }

    /// There is room again.
    pub fn writable(&mut self, pipe: PipeId) {
        self.ready.insert(pipe);
    }

    /// Sends no more to this pipe.
    pub fn detach(&mut self, pipe: PipeId) {
        if self.more && self.ready.current() == Some(pipe) {
            self.more = false;
            self.dropping = true;
            self.told = false;
        }
        self.ready.remove(pipe);
    }

    /// The only pipe, between two messages.
    pub fn sole(&self) -> Option<PipeId> {
        (self.ready.len() == 1 && !self.is_mid_message())
            .then(|| self.ready.current())
            .flatten()
    }

    /// True when the next frame belongs to a message begun before.
    pub fn is_mid_message(&self) -> bool {
        self.more || self.dropping
    }

    /// Sends a frame. Returns the pipe it went to; `None` when it was dropped with the rest of its message.
    #[inline(always)]
    pub fn send(&mut self, cx: &mut Cx, msg: &mut Msg) -> Result<Option<PipeId>> {
        if self.dropping {
            return self.drop_frame(cx.dontwait, msg);
        }
        let pipe = loop {
            let pipe = self.ready.current().ok_or(Errno::EAGAIN)?;
            if self.more || cx.pipes.can_write(pipe) {
                break pipe;
            }
            self.ready.remove(pipe);
        };
        self.more = msg.more();
        cx.pipes.write(pipe, msg.take());
        if !self.more {
            self.ready.advance();
        }
        Ok(Some(pipe))
    }

    /// Whoever waits for room is served by silence; whoever does not is told once, and the frame counts as gone either way.
    #[cold]
    fn drop_frame(&mut self, dontwait: bool, msg: &mut Msg) -> Result<Option<PipeId>> {
        self.dropping = msg.more();
        if dontwait && !std::mem::replace(&mut self.told, true) {
            return Err(Errno::EAGAIN);
        }
        drop(msg.take());
        Ok(None)
    }

    /// True when a frame would be taken.
    pub fn can_send(&mut self, pipes: &mut Pipes) -> bool {
        if self.more || self.dropping {
            return true;
        }
        while let Some(pipe) = self.ready.current() {
            if pipes.promise_room(pipe) {
                return true;
            }
            self.ready.remove(pipe);
        }
        false
    }
}
