//! All pipes of a socket.
#![forbid(unsafe_code)]

use super::{Newcomer, Peer, Pipe, PipeKey};
use crate::msg::Msg;
use crate::sync::heavy_fence;
use std::collections::HashMap;

/// The number of a pipe in its socket. Used again after the pipe was removed.
pub type PipeId = usize;

/// The pipes of one socket, by number.
#[derive(Debug, Default)]
pub struct Pipes {
    slots: Vec<Option<Pipe>>,
    free: Vec<PipeId>,
    by_key: HashMap<PipeKey, PipeId>,
    ended: Vec<PipeId>,
}

impl Pipes {
    /// Takes a pipe in.
    pub fn insert(&mut self, new: Newcomer) -> PipeId {
        let key = new.key;
        let pipe = Some(Pipe::from(new));
        let id = match self.free.pop() {
            Some(id) => {
                self.slots[id] = pipe;
                id
            }
            None => {
                self.slots.push(pipe);
                self.slots.len() - 1
            }
        };
        self.by_key.insert(key, id);
        id
    }

    /// Takes a pipe out.
    pub fn remove(&mut self, id: PipeId) -> Option<Pipe> {
        let pipe = self.slots.get_mut(id)?.take()?;
        self.by_key.remove(&pipe.key);
        self.free.push(id);
        self.ended.retain(|&ended| ended != id);
        Some(pipe)
    }

    /// The number of the pipe that news are about.
    pub fn find(&self, key: PipeKey) -> Option<PipeId> {
        self.by_key.get(&key).copied()
    }

    /// A pipe by number.
    #[inline(always)]
    pub fn get(&self, id: PipeId) -> Option<&Pipe> {
        self.slots.get(id)?.as_ref()
    }

    /// A pipe by number.
    #[inline(always)]
    pub fn get_mut(&mut self, id: PipeId) -> Option<&mut Pipe> {
        self.slots.get_mut(id)?.as_mut()
    }

    /// Numbers of all pipes.
    pub fn ids(&self) -> impl Iterator<Item = PipeId> + '_ {
        self.slots
            .iter()
            .enumerate()
            .filter(|(_, pipe)| pipe.is_some())
            .map(|(id, _)| id)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// Who is at the far end of a pipe, once known.
    pub fn peer(&self, id: PipeId) -> Option<&Peer> {
        self.get(id)?.peer()
    }

    /// True when the first frame of another message, or the next one of a message begun, may be written to `id`.
    /// When it answers no, `Writable` news come as soon as there is room; a severed pipe is never writable again.
    #[inline(always)]
    pub fn can_write(&mut self, id: PipeId) -> bool {
        self.get_mut(id).is_some_and(Pipe::can_write)
    }

    /// Writes one frame to `id`, after [`can_write`](Pipes::can_write) said yes at the first frame. The peer sees the message once its
    /// last frame (the one without MORE) was written. A frame for a pipe that is severed is dropped.
    #[inline(always)]
    pub fn write(&mut self, id: PipeId, msg: Msg) {
        if let Some(pipe) = self.get_mut(id) {
            pipe.write(msg);
        }
    }

    /// Forgets the frames of a message begun and not ended.
    pub fn abort_write(&mut self, id: PipeId) {
        if let Some(pipe) = self.get_mut(id) {
            pipe.abort_write();
        }
    }

    /// Takes the next frame that came by `id`. Only whole messages are ever seen: after a frame with MORE the next one
    /// is there.
    #[inline(always)]
    pub fn read(&mut self, id: PipeId) -> Option<Msg> {
        let msg = self.get_mut(id)?.read();
        if msg.is_none() {
            self.note_end(id);
        }
        msg
    }

    /// True when a frame waits at `id`.
    #[inline(always)]
    pub fn can_read(&mut self, id: PipeId) -> bool {
        let Some(pipe) = self.get_mut(id) else {
            return false;
        };
        let readable = pipe.rx.is_readable();
        if !readable {
            self.note_end(id);
        }
        readable
    }

    /// Looks at the next frame that came by `id`.
    pub fn peek(&mut self, id: PipeId) -> Option<&Msg> {
        self.get_mut(id)?.rx.peek()
    }

    /// Asks to be told (`Readable` news) when something comes by `id`. False when something is there already.
    /// After true, the pattern need not look at the pipe before it is told.
    pub fn park(&mut self, id: PipeId) -> bool {
        self.get_mut(id)
            .is_none_or(|pipe| pipe.severed || pipe.rx.park_now())
    }

    /// Parks all of `ids` at the price of one, and adds to `parked` those the pattern need not look at before it is told.
    /// True when something is there at one of the others.
    pub fn park_all(&mut self, ids: &[PipeId], parked: &mut Vec<PipeId>) -> bool {
        if ids.is_empty() {
            return false;
        }
        for pipe in ids.iter().filter_map(|&id| self.get(id)) {
            pipe.rx.park();
        }
        heavy_fence();
        let mut readable = false;
        for &id in ids {
            let Some(pipe) = self.get_mut(id) else {
                parked.push(id);
                continue;
            };
            if pipe.rx.is_readable() {
                pipe.rx.unpark();
                readable = true;
            } else if pipe.severed {
                self.note_end(id);
                parked.push(id);
            } else if pipe.rx.is_closed() {
                // The news of it are on their way.
                pipe.rx.unpark();
            } else {
                parked.push(id);
            }
        }
        readable
    }

    /// The far end is gone: nothing more is written; once everything that came was read, the pipe has ended.
    pub fn sever(&mut self, id: PipeId) {
        let Some(pipe) = self.get_mut(id) else { return };
        pipe.severed = true;
        pipe.staged.clear();
        if !pipe.rx.is_readable() {
            self.note_end(id);
        }
    }

    #[cold]
    fn note_end(&mut self, id: PipeId) {
        let Some(pipe) = self.slots.get_mut(id).and_then(Option::as_mut) else {
            return;
        };
        if pipe.severed && !pipe.rx.is_readable() && !self.ended.contains(&id) {
            self.ended.push(id);
        }
    }

    /// Pipes that ended since the last call: to be detached and removed.
    #[inline(always)]
    pub fn take_ended(&mut self) -> Vec<PipeId> {
        if self.ended.is_empty() {
            Vec::new()
        } else {
            std::mem::take(&mut self.ended)
        }
    }

    /// Ends a pipe at once, with what it holds: the pattern found that its peer breaks the rules.
    pub fn drop_peer(&mut self, id: PipeId) {
        if let Some(pipe) = self.get_mut(id) {
            pipe.severed = true;
            pipe.staged.clear();
            while pipe.rx.pop().is_some() {}
            self.note_end(id);
        }
    }

    /// Notes who is at the far end of a pipe.
    pub fn set_peer(&mut self, id: PipeId, peer: Peer) {
        if let Some(pipe) = self.get_mut(id) {
            pipe.peer = Some(peer);
        }
    }
}
