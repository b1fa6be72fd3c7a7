//! All pipes of a socket.
#![forbid(unsafe_code)]

use super::shared::Shared;
use super::{Far, Newcomer, News, Peer, Pipe, PipeKey};
use crate::link::{Driven, Link};
use crate::msg::Msg;
use crate::sync::{Asymmetric, heavy_fence};
use std::collections::HashMap;
use std::ops::Range;
use std::time::Duration;

/// The number of a pipe in its socket. Used again after the pipe was removed.
pub type PipeId = usize;

/// The pipes of one socket, by number.
#[derive(Debug, Default)]
pub struct Pipes {
    pub(super) slots: Vec<Option<Pipe>>,
    free: Vec<PipeId>,
    by_key: HashMap<PipeKey, PipeId>,
    ended: Vec<PipeId>,
    /// Pipes that left bytes behind.
    unflushed: Vec<PipeId>,
    /// Pipes whose connection holds more than was read.
    unfinished: Vec<PipeId>,
    /// The fence of [`park_all`](Pipes::park_all) is left to the caller, who then asks [`missed`](Pipes::missed).
    unfenced: bool,
    /// Pipes parked without a fence.
    parked: Vec<PipeId>,
    pub(super) shared: Shared,
}

fn up(slot: &Option<Pipe>) -> Option<&Link> {
    match slot {
        Some(Pipe {
            far: Far::Link(link),
            severed: false,
            ..
        }) if link.is_up() => Some(link),
        _ => None,
    }
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
        self.leave_shared(id);
        let pipe = self.slots.get_mut(id)?.take()?;
        if self.find(pipe.key) == Some(id) {
            self.by_key.remove(&pipe.key);
        }
        self.unflushed.retain(|&other| other != id);
        self.unfinished.retain(|&other| other != id);
        if id + 1 == self.slots.len() {
            self.slots.pop();
        } else {
            self.free.push(id);
        }
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

    /// All numbers that pipes have now, and maybe some that none has.
    pub fn numbers(&self) -> Range<PipeId> {
        0..self.slots.len()
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

    /// The same for a caller who will not wait. A no may be the last for the moment: the news may be there already.
    #[inline(always)]
    pub fn can_write_at_once(&mut self, id: PipeId) -> bool {
        self.get_mut(id).is_some_and(Pipe::can_write_at_once)
    }

    /// The same for a caller who may or may not write then: if so, it will not be refused.
    pub fn promise_room(&mut self, id: PipeId) -> bool {
        self.get_mut(id).is_some_and(Pipe::promise_room)
    }

    /// Writes one frame to `id`, after [`can_write`](Pipes::can_write) said yes at the first frame. The peer sees the message once its
    /// last frame (the one without MORE) was written. A frame for a pipe that is severed is dropped.
    #[inline(always)]
    pub fn write(&mut self, id: PipeId, msg: Msg) {
        self.leave_shared(id);
        let Some(pipe) = self.get_mut(id) else { return };
        if !pipe.severed && pipe.write(msg) {
            self.unflushed.push(id);
        }
    }

    /// As [`write_sole`](Pipes::write_sole) of a copy, while a stream of such messages goes by `id`.
    #[inline(always)]
    pub fn write_now(&mut self, id: PipeId, msg: &Msg, fence: Asymmetric) -> bool {
        let Some(Some(pipe)) = self.slots.get_mut(id) else {
            return false;
        };
        let written = pipe.write_now(msg, fence);
        self.note_left(id, written)
    }

    /// Writes a message of one frame to `id`, which is not severed, if there is room. Else nothing happens.
    #[inline(always)]
    pub fn write_sole(&mut self, id: PipeId, msg: &mut Msg) -> bool {
        self.leave_shared(id);
        let Some(Some(pipe)) = self.slots.get_mut(id) else {
            return false;
        };
        let written = pipe.write_sole(msg);
        self.note_left(id, written)
    }

    /// True when a sender of a message of this `size` had better wait a moment, if it may.
    #[inline(always)]
    pub fn is_ahead(&self, id: PipeId, size: usize) -> bool {
        matches!(self.slots.get(id), Some(Some(pipe)) if pipe.is_ahead(size))
    }

    /// A sender is about to wait until enough has left: true when it is to. [`is_pausing`](Pipes::is_pausing) says for how
    /// long, [`end_pause`](Pipes::end_pause) follows.
    pub fn begin_pause(&mut self, id: PipeId) -> bool {
        self.get_mut(id).is_some_and(Pipe::begin_pause)
    }

    /// True as long as not enough has left: the sender is told when that may be so.
    pub fn is_pausing(&self, id: PipeId) -> bool {
        self.get(id).is_some_and(Pipe::is_pausing)
    }

    /// The sender goes on, `late` if not enough left in time.
    pub fn end_pause(&mut self, id: PipeId, late: bool) {
        if let Some(pipe) = self.get_mut(id) {
            pipe.end_pause(late);
        }
    }

    #[inline(always)]
    fn note_left(&mut self, id: PipeId, written: Option<bool>) -> bool {
        if written == Some(true) {
            self.unflushed.push(id);
        }
        written.is_some()
    }

    /// As [`read_sole`](Pipes::read_sole), while a stream of such messages comes by `id`.
    #[inline(always)]
    pub fn read_now(&mut self, id: PipeId, into: &mut Msg, fence: Asymmetric) -> bool {
        let Some(Some(pipe)) = self.slots.get_mut(id) else {
            return false;
        };
        pipe.take_now(into, fence)
    }

    /// Takes the next message that came by `id` in place of `into`, if it is there and of one frame. Else nothing happens.
    #[inline(always)]
    pub fn read_sole(&mut self, id: PipeId, into: &mut Msg) -> bool {
        let Some(Some(pipe)) = self.slots.get_mut(id) else {
            return false;
        };
        if !pipe.rx.pop_into(into, |msg| !msg.more()) {
            return false;
        }
        if pipe.rx.took_message() && pipe.made_room() {
            self.note_unfinished(id, true);
        }
        true
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
        let pipe = self.get_mut(id)?;
        let Some(msg) = pipe.rx.pop() else {
            if pipe.severed {
                self.note_end(id);
            }
            return None;
        };
        if !msg.more() && pipe.rx.took_message() && pipe.made_room() {
            self.note_unfinished(id, true);
        }
        Some(msg)
    }

    /// True when a frame waits at `id`.
    #[inline(always)]
    pub fn can_read(&mut self, id: PipeId) -> bool {
        let Some(pipe) = self.get_mut(id) else {
            return false;
        };
        let readable = pipe.rx.is_readable();
        if !readable && pipe.severed {
            self.note_end(id);
        }
        readable
    }

    /// True when there is one pipe only, and nothing waits at it.
    pub fn sole_is_empty(&mut self) -> bool {
        let mut pipes = self.slots.iter_mut().flatten();
        let empty = pipes
            .next()
            .is_some_and(|pipe| !pipe.severed && !pipe.rx.is_readable());
        empty && pipes.next().is_none()
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
        if !self.unfenced {
            heavy_fence();
        }
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
                if self.unfenced {
                    self.parked.push(id);
                }
            }
        }
        readable
    }

    /// While on, parks without a fence, so that one does for many sockets. Before anybody relies on it the caller passes
    /// [`heavy_fence`] and asks [`missed`](Pipes::missed).
    pub fn park_unfenced(&mut self, on: bool) {
        self.unfenced = on;
    }

    /// True when pipes were parked without a fence and not looked at since.
    pub fn has_unfenced(&self) -> bool {
        !self.parked.is_empty()
    }

    /// The pipes among those parked without a fence that have something after all; they are not parked any more.
    pub fn missed(&mut self) -> Vec<PipeId> {
        let mut missed = std::mem::take(&mut self.parked);
        missed.retain(|&id| {
            self.get_mut(id).is_some_and(|pipe| {
                let readable = pipe.rx.is_readable() || pipe.rx.is_closed();
                if readable {
                    pipe.rx.unpark();
                }
                readable
            })
        });
        missed
    }

    /// The far end is gone: nothing more is written; once everything that came was read, the pipe has ended.
    pub fn sever(&mut self, id: PipeId) {
        self.leave_shared(id);
        let Some(pipe) = self.get_mut(id) else { return };
        pipe.severed = true;
        pipe.staged.clear();
        if !pipe.rx.is_readable() {
            self.note_end(id);
        }
    }

    /// The far end told that it knows this pipe no more: it is not to be told when the pipe is left.
    pub fn forget(&mut self, id: PipeId) {
        if let Some(pipe) = self.get_mut(id) {
            pipe.forgotten = true;
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
        self.leave_shared(id);
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

    /// Changes the high water marks of a pipe to a connection. Those of an inproc pipe are the sums that its two
    /// sockets work out: [`set_marks`](Pipes::set_marks).
    pub fn apply_marks(&mut self, sndhwm: u64, rcvhwm: u64) {
        self.leave_all_shared();
        for pipe in self.slots.iter_mut().flatten() {
            if matches!(pipe.far, Far::Link(_)) {
                pipe.tx.set_hwm(sndhwm);
                pipe.rx.set_hwm(rcvhwm);
            }
        }
    }

    /// Sends what was left in lanes and buffers. To be called before any wait.
    #[inline(always)]
    pub fn flush(&mut self) {
        self.flush_shared();
        self.flush_own();
    }

    /// As [`flush`](Pipes::flush), before a wait for room: what is shared is a part of a stream, and the I/O thread sends it
    /// soon.
    #[inline(always)]
    pub fn flush_own(&mut self) {
        if !self.unflushed.is_empty() {
            self.flush_some();
        }
    }

    #[cold]
    fn flush_some(&mut self) {
        while let Some(id) = self.unflushed.pop() {
            if let Some(pipe) = self.get_mut(id) {
                pipe.flush();
            }
        }
    }

    /// Reads once from the connection that the wait set reports as `key`. Says whether messages or bytes came.
    pub fn drive(&mut self, key: u64) -> Option<(PipeId, Driven)> {
        let id = self.find(PipeKey::of(key))?;
        self.drive_pipe(id)
    }

    fn drive_pipe(&mut self, id: PipeId) -> Option<(PipeId, Driven)> {
        let Far::Link(link) = &self.get(id)?.far else {
            return None;
        };
        let driven = link.drive_in();
        self.note_unfinished(id, driven.unfinished);
        Some((id, driven))
    }

    fn note_unfinished(&mut self, id: PipeId, unfinished: bool) {
        let noted = self.unfinished.iter().position(|&other| other == id);
        match (unfinished, noted) {
            (true, None) => self.unfinished.push(id),
            (false, Some(at)) => drop(self.unfinished.swap_remove(at)),
            _ => {}
        }
    }

    /// Reads from the one connection that is up. Says whether messages or bytes came.
    pub fn drive_single(&mut self) -> Option<(PipeId, Driven)> {
        let id = self.slots.iter().position(|slot| up(slot).is_some())?;
        self.drive_pipe(id)
    }

    /// The application is about to read from the one connection that is up. False when none is.
    pub fn attend_single(&self) -> bool {
        let link = self.slots.iter().find_map(up);
        link.inspect(|link| link.attend()).is_some()
    }

    /// How many connections held more than was read when they were last driven.
    pub fn unfinished(&self) -> usize {
        self.unfinished.len()
    }

    /// Reads once from one of them.
    pub fn drive_unfinished(&mut self, place: usize) -> Option<(PipeId, Driven)> {
        let id = *self.unfinished.get(place)?;
        self.drive_pipe(id)
    }

    /// Leaves a pipe: what was written is sent within `linger` (`None`: however long it takes). The caller detaches and
    /// removes it.
    pub fn close(&mut self, id: PipeId, linger: Option<Duration>) {
        self.leave_shared(id);
        let Some(pipe) = self.get_mut(id) else { return };
        pipe.severed = true;
        pipe.staged.clear();
        let told = pipe.tx.close();
        let freed = pipe.rx.close();
        let _ = (told, freed);
        match &pipe.far {
            Far::Link(_) if pipe.forgotten => {}
            Far::Link(link) => link.close(linger),
            Far::Inproc { mailbox, key } => mailbox.send(News::Gone(*key)),
        }
    }
}
