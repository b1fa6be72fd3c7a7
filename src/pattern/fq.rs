//! Fair queueing: one message from each pipe that has some, in turn.
//!
//! Asking to be told when an empty pipe gets something ("parking") is dear, so pipes that ran empty are looked at
//! again on each receive while they are few, and parked all at once before the socket sleeps.
#![forbid(unsafe_code)]

use super::rotation::Rotation;
use crate::msg::Msg;
use crate::pipe::{PipeId, Pipes};
use crate::sync::Asymmetric;

/// How many pipes may be looked at in vain on each receive.
const LOOK_AT: usize = 8;

/// The receiving side of PULL, DEALER, ROUTER, SUB and most others.
#[derive(Debug, Default)]
pub struct FairQueue {
    /// Pipes that are not parked.
    awake: Rotation,
    /// A message was begun, on the pipe whose turn it is.
    more: bool,
    parked: Vec<PipeId>,
    /// Messages of more than one frame are thrown away.
    single: bool,
}

impl FairQueue {
    /// One that throws messages of more than one frame away.
    pub fn of_single_frames() -> FairQueue {
        FairQueue {
            single: true,
            ..FairQueue::default()
        }
    }

    /// Reads from this pipe too.
    pub fn attach(&mut self, pipe: PipeId) {
        self.awake.insert(pipe);
    }

    /// Something came by a parked pipe, or it is about to end.
    pub fn readable(&mut self, pipe: PipeId) {
        self.awake.insert(pipe);
    }

    /// Reads no more from this pipe.
    pub fn detach(&mut self, pipe: PipeId) {
        if self.awake.current() == Some(pipe) {
            self.more = false;
        }
        self.awake.remove(pipe);
    }

    /// The only pipe that is not parked, between two messages.
    pub fn sole(&self) -> Option<PipeId> {
        (self.awake.len() == 1 && !self.more)
            .then(|| self.awake.current())
            .flatten()
    }

    /// True in the middle of a message.
    pub fn is_mid_message(&self) -> bool {
        self.more
    }

    /// The next frame, and where it came from.
    #[inline(always)]
    pub fn recv(&mut self, pipes: &mut Pipes) -> Option<(PipeId, Msg)> {
        let pipe = self.awake.current()?;
        match pipes.read(pipe) {
            Some(msg) if msg.more() && self.single => {
                self.throw_away(pipes, pipe);
                self.recv_from_another(pipes)
            }
            Some(msg) => Some(self.took(pipe, msg)),
            None if self.awake.len() == 1 => None,
            None => self.recv_from_another(pipes),
        }
    }

    /// Takes the next message, of one frame, in place of `into`. False when it is not, or none is there, or it takes more to
    /// find that out.
    #[inline(always)]
    pub fn recv_now(&mut self, pipes: &mut Pipes, into: &mut Msg, fence: Asymmetric) -> bool {
        if self.more {
            return false;
        }
        let count = self.awake.len();
        for _ in 0..count.min(LOOK_AT) {
            let Some(pipe) = self.awake.current() else {
                break;
            };
            if count == 1 && pipes.read_now(pipe, into, fence) || pipes.read_sole(pipe, into) {
                self.awake.advance();
                return true;
            }
            // Another's turn comes only after a message of more frames.
            if pipes.can_read(pipe) {
                break;
            }
            self.awake.advance();
        }
        false
    }

    #[inline(always)]
    fn took(&mut self, pipe: PipeId, msg: Msg) -> (PipeId, Msg) {
        self.more = msg.more();
        if !self.more {
            self.awake.advance();
        }
        (pipe, msg)
    }

    fn recv_from_another(&mut self, pipes: &mut Pipes) -> Option<(PipeId, Msg)> {
        if !self.find(pipes) {
            return None;
        }
        let pipe = self.awake.current()?;
        let msg = pipes.read(pipe)?;
        Some(self.took(pipe, msg))
    }

    /// Gives the turn to a pipe whose next message is to be received.
    #[inline(always)]
    fn find(&mut self, pipes: &mut Pipes) -> bool {
        self.find_readable(pipes) && (!self.single || self.find_single(pipes))
    }

    /// The same, once a pipe that has something has the turn.
    fn find_single(&mut self, pipes: &mut Pipes) -> bool {
        while let Some(pipe) = self.awake.current() {
            if pipes.peek(pipe).is_some_and(|msg| !msg.more()) {
                return true;
            }
            self.throw_away(pipes, pipe);
            if !self.find_readable(pipes) {
                break;
            }
        }
        false
    }

    /// Takes what is left of a message, for nobody.
    #[cold]
    fn throw_away(&mut self, pipes: &mut Pipes, pipe: PipeId) {
        while pipes.read(pipe).is_some_and(|frame| frame.more()) {}
        self.awake.advance();
    }

    /// Gives the turn to a pipe that has something.
    fn find_readable(&mut self, pipes: &mut Pipes) -> bool {
        for empty in 0..self.awake.len() {
            let Some(pipe) = self.awake.current() else {
                break;
            };
            if pipes.can_read(pipe) {
                if empty > LOOK_AT {
                    self.park_empty(pipes);
                    // It has something still, and its turn may have moved with its place.
                    self.awake.give_turn(pipe);
                }
                return true;
            }
            self.awake.advance();
        }
        false
    }

    /// Parks every pipe that is empty, at the price of one. True when there is one that is not.
    fn park_empty(&mut self, pipes: &mut Pipes) -> bool {
        let readable = pipes.park_all(self.awake.pipes(), &mut self.parked);
        for pipe in self.parked.drain(..) {
            self.awake.remove(pipe);
        }
        readable
    }

    /// True when a frame waits.
    #[inline(always)]
    pub fn can_recv(&mut self, pipes: &mut Pipes) -> bool {
        self.more || self.find(pipes)
    }

    /// Takes the rest of a message begun, for nobody.
    pub fn skip_message(&mut self, pipes: &mut Pipes) {
        while self.more && self.recv(pipes).is_some() {}
    }

    /// Parks all pipes. True when there is something to read instead.
    pub fn park(&mut self, pipes: &mut Pipes) -> bool {
        if self.more {
            return true;
        }
        self.park_empty(pipes)
    }
}
