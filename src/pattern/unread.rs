//! What subscribers say to a publisher, read as it comes.
#![forbid(unsafe_code)]

use crate::msg::Msg;
use crate::pipe::{PipeId, Pipes};

/// Frames read from one peer before the others have their turn.
pub const READ_AT_ONCE: usize = 4096;

/// Peers that were not read to the end.
#[derive(Debug, Default)]
pub struct Unread(Vec<PipeId>);

/// The turn of one of them.
#[derive(Debug, Default)]
pub struct Turn {
    frames: usize,
    mid_message: bool,
}

impl Unread {
    /// The next frame of a peer whose turn it is. It ends at the bound, between two messages, or once the peer has no more
    /// and is parked.
    #[inline(always)]
    pub fn read(&mut self, pipes: &mut Pipes, pipe: PipeId, turn: &mut Turn) -> Option<Msg> {
        if turn.frames >= READ_AT_ONCE && !turn.mid_message {
            if !self.0.contains(&pipe) {
                self.0.push(pipe);
            }
            return None;
        }
        loop {
            if let Some(msg) = pipes.read(pipe) {
                turn.frames += 1;
                turn.mid_message = msg.more();
                return Some(msg);
            }
            if pipes.park(pipe) || !pipes.can_read(pipe) {
                return None;
            }
        }
    }

    /// True when all were read to the end.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, whose turn it is now.
    pub fn take(&mut self) -> Vec<PipeId> {
        std::mem::take(&mut self.0)
    }

    /// Is read no more.
    pub fn detach(&mut self, pipe: PipeId) {
        self.0.retain(|&other| other != pipe);
    }
}
