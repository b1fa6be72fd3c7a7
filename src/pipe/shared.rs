//! What goes by many pipes at once.
#![forbid(unsafe_code)]

use super::{Far, PipeId, Pipes};
use crate::link::fan::Fan;
use crate::msg::Msg;
use std::sync::Arc;

/// To fewer pipes a message is written one by one. (In a model two are many.)
const SHARED_MIN: usize = if cfg!(loom) { 2 } else { 4 };

/// The pipes to connections that take part in the socket's [`Fan`].
#[derive(Debug, Default)]
pub(super) struct Shared {
    fan: Option<Arc<Fan>>,
    /// By pipe.
    joined: Vec<bool>,
    count: usize,
    /// Room for those that leave.
    leaving: Vec<PipeId>,
    /// Something may wait in the fan.
    unflushed: bool,
}

impl Shared {
    #[inline(always)]
    fn has(&self, id: PipeId) -> bool {
        self.joined.get(id).is_some_and(|&joined| joined)
    }

    fn leave(&mut self, id: PipeId) {
        if let (Some(fan), Some(joined)) = (&self.fan, self.joined.get_mut(id))
            && std::mem::take(joined)
        {
            self.count -= 1;
            fan.part(id);
        }
    }
}

impl Pipes {
    /// True when what is written to `id` goes out with what is written to others, and there is room for it.
    #[inline(always)]
    pub fn has_joined(&self, id: PipeId) -> bool {
        self.shared.has(id)
    }

    /// Writes a copy of `msg` as a message of one frame to those of `ids` by which a stream goes, encoded once for all of them.
    /// The others are left in `ids`.
    #[inline(always)]
    pub fn write_shared(&mut self, ids: &mut Vec<PipeId>, msg: &Msg) {
        if ids.len() < SHARED_MIN || !Fan::takes(msg) {
            return;
        }
        if self.shared.count < self.len() {
            self.let_join(ids);
        }
        let Shared {
            fan: Some(fan),
            count: 1..,
            leaving,
            ..
        } = &mut self.shared
        else {
            return;
        };
        fan.push(msg, ids, leaving);
        self.shared.unflushed = true;
        if !self.shared.leaving.is_empty() {
            self.let_leave();
        }
    }

    /// Takes in those of `ids` that a stream goes by.
    #[inline(never)]
    fn let_join(&mut self, ids: &[PipeId]) {
        for &id in ids {
            let Some(Some(pipe)) = self.slots.get_mut(id) else {
                continue;
            };
            let Far::Link(link) = &pipe.far else {
                continue;
            };
            let shared = &mut self.shared;
            // Where others stream, one whose lane ran empty need not find that out for itself.
            if shared.has(id) || !(pipe.streams || shared.count > 0 && pipe.may_join()) {
                continue;
            }
            let fan = shared.fan.get_or_insert_with(|| Fan::new(link));
            if !fan.join(id, link) {
                continue;
            }
            pipe.streams = false;
            pipe.queued = (0, 0);
            if shared.joined.len() <= id {
                shared.joined.resize(id + 1, false);
            }
            shared.joined[id] = true;
            shared.count += 1;
        }
    }

    #[cold]
    fn let_leave(&mut self) {
        while let Some(id) = self.shared.leaving.pop() {
            self.shared.leave(id);
        }
    }

    /// Has a pipe written to by itself from now on.
    #[inline(always)]
    pub(super) fn leave_shared(&mut self, id: PipeId) {
        if self.shared.has(id) {
            self.shared.leave(id);
        }
    }

    /// Has all pipes written to by themselves from now on.
    pub fn leave_all_shared(&mut self) {
        if self.shared.count > 0 {
            for id in 0..self.shared.joined.len() {
                self.leave_shared(id);
            }
        }
    }

    /// Sends what waits in the fan.
    #[inline(always)]
    pub(super) fn flush_shared(&mut self) {
        if std::mem::take(&mut self.shared.unflushed)
            && let Some(fan) = &self.shared.fan
        {
            fan.flush();
        }
    }
}
