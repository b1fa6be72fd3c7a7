//! What only pipes between two sockets of one process need.
#![forbid(unsafe_code)]

use super::{Far, PipeId, Pipes};

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
