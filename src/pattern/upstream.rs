//! The publishers of a subscriber: all of them are told what it wants, and messages come from them in turn.
#![forbid(unsafe_code)]

use super::dist::Dist;
use super::fq::FairQueue;
use crate::msg::Msg;
use crate::pipe::{PipeId, Pipes};

/// Fair queues what comes, and fans out what is wanted.
#[derive(Debug, Default)]
pub struct Upstream {
    /// What comes.
    pub fq: FairQueue,
    /// What is told.
    pub dist: Dist,
    /// By pipe: its connection was lost, and the next one knows nothing of what is wanted.
    lost: Vec<bool>,
}

impl Upstream {
    /// One more, which is to be told all.
    pub fn attach(&mut self, pipe: PipeId) {
        if self.lost.len() <= pipe {
            self.lost.resize(pipe + 1, false);
        }
        self.lost[pipe] = false;
        self.fq.attach(pipe);
        self.dist.attach(pipe);
    }

    /// Its connection was lost.
    pub fn lost(&mut self, pipe: PipeId) {
        if let Some(lost) = self.lost.get_mut(pipe) {
            *lost = true;
        }
    }

    /// Its handshake is done. True, once, when it came back, and is to be told all again.
    pub fn came_back(&mut self, pipe: PipeId) -> bool {
        self.lost.get_mut(pipe).is_some_and(std::mem::take)
    }

    /// It is gone; what it sent may wait to be read.
    pub fn severed(&mut self, pipe: PipeId) {
        self.dist.detach(pipe);
        self.fq.readable(pipe);
    }

    /// It is about to be removed.
    pub fn detach(&mut self, pipe: PipeId) {
        self.dist.detach(pipe);
        self.fq.detach(pipe);
    }
}

/// Tells a peer each of these, whether there is room or not.
pub fn tell<'a>(pipes: &mut Pipes, pipe: PipeId, flag: u8, wanted: impl Iterator<Item = &'a [u8]>) {
    for name in wanted {
        if let Ok(mut msg) = Msg::copied(name) {
            msg.set_flags(flag);
            pipes.write(pipe, msg);
        }
    }
}
