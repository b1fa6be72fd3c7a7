//! What only pipes between two sockets of one process need.
#![forbid(unsafe_code)]

use super::{Far, News, Pipe, PipeId, Pipes};
use crate::msg::{Msg, RunWriter};

/// So many messages behind, a reader is sent the next ones in runs, once so many have come that may be packed. (A model has
/// no time to wait.)
const BEHIND: u64 = if cfg!(loom) { 1 } else { 16 };
const ALIKE: u32 = if cfg!(loom) { 1 } else { 64 };

impl Pipe {
    /// Appends a copy of `msg` to the run that the reader is cutting from. False when there is none, or it is full, or `msg`
    /// has no place in one.
    #[inline(always)]
    pub(super) fn pack(&mut self, msg: &Msg) -> bool {
        let Some(run) = &mut self.run else {
            return false;
        };
        // A reader that sleeps has caught up: the run's memory is not to be kept for it.
        if !self.tx.has_room() || self.tx.is_reader_parked() {
            return false;
        }
        if !run.append(msg) {
            if !run.is_full() {
                return false;
            }
            self.next_run();
            return self.run.as_mut().is_some_and(|run| run.append(msg)) && self.packed();
        }
        self.packed()
    }

    #[inline(always)]
    fn packed(&mut self) -> bool {
        if self.tx.wrote_elsewhere() {
            self.tell(News::Readable);
        }
        true
    }

    /// Starts a run if the reader is behind, and there were many messages of one frame in a row.
    #[inline(always)]
    pub(super) fn consider_run(&mut self) {
        if matches!(self.far, Far::Link(_)) {
            return;
        }
        self.alike = self.alike.saturating_add(1);
        if self.alike >= ALIKE && self.tx.behind() >= BEHIND {
            self.alike = 0;
            self.next_run();
        }
    }

    #[cold]
    fn next_run(&mut self) {
        self.run = None;
        if let Ok((run, news)) = RunWriter::start() {
            self.run = Some(run);
            self.tx.push(news, false);
            if self.tx.publish() {
                self.tell(News::Readable);
            }
        }
    }
}

impl Pipes {
    /// The far end of a pipe is known now: a connect that came before the bind was joined to it.
    pub fn set_far(&mut self, id: PipeId, far: Far) {
        if let Some(pipe) = self.get_mut(id) {
            pipe.far = far;
        }
    }

    /// Changes the limits of one pipe's lanes: ours, then the peer's.
    pub fn set_marks(&mut self, id: PipeId, send: u64, receive: u64) {
        if let Some(pipe) = self.get_mut(id) {
            pipe.tx.set_hwm(send);
            pipe.rx.set_hwm(receive);
        }
    }
}
