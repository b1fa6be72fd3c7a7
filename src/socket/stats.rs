//! Statistics of a socket's pipes, for its monitor.
#![forbid(unsafe_code)]

use super::{Socket, of};
use crate::endpoint::Ends;
use crate::errno::{Errno, Result};
use crate::options::constants::event::EVENT_PIPES_STATS;
use crate::pipe::{Far, News, PipeId, PipeKey};
use crate::queue::Turn;

const STATS: u64 = EVENT_PIPES_STATS as u64;

/// `zmq_socket_monitor_pipes_stats`: reports each pipe to the monitor. The far end of a pipe to another socket of the
/// context has to be asked first; it is reported once both sockets were called again.
///
/// # Errors
/// ENOTSOCK; EINVAL when no monitor wants such events; EAGAIN when there is no pipe.
pub fn report_pipes(turn: &mut Turn<Socket>) -> Result<()> {
    let socket = of(turn)?;
    // A context that ended took the monitor with it.
    let _ = socket.hear();
    if !socket.common.monitor.wants(STATS) {
        return Err(Errno::EINVAL);
    }
    if socket.pipes.is_empty() {
        return Err(Errno::EAGAIN);
    }
    let ids: Vec<_> = socket.pipes.ids().collect();
    for id in ids {
        match socket.pipes.get(id).map(|pipe| pipe.far().clone()) {
            Some(Far::Link(link)) => {
                socket.report_pipe(id, link.waiting(), &link.pipe_ends());
            }
            // A connect that waits for its bind has nobody to ask.
            Some(Far::Inproc { .. }) if socket.awaits_bind(id) => {
                socket.report_pipe(id, 0, &Ends::default());
            }
            Some(Far::Inproc { mailbox, key }) => mailbox.send(News::Asked(key)),
            None => {}
        }
    }
    Ok(())
}

impl Socket {
    fn report_pipe(&self, id: PipeId, waiting: u64, ends: &Ends) {
        if let Some(pipe) = self.pipes.get(id) {
            let values = [pipe.queued(), waiting];
            self.common.monitor.emit_values(STATS, &values, ends);
        }
    }

    fn awaits_bind(&self, id: PipeId) -> bool {
        let key = self.pipes.get(id).map(crate::pipe::Pipe::key);
        key.is_some_and(|key| self.pending.contains_key(&key))
    }

    /// The far end of one of our pipes wants to know what waits for it.
    pub(super) fn count_for(&self, key: PipeKey) {
        if let Some(pipe) = self.pipes.find(key).and_then(|id| self.pipes.get(id))
            && let Far::Inproc { mailbox, key } = pipe.far()
        {
            mailbox.send(News::Counted(*key, pipe.queued()));
        }
    }

    /// The far end answered.
    pub(super) fn counted(&self, key: PipeKey, waiting: u64) {
        if let Some(id) = self.pipes.find(key) {
            self.report_pipe(id, waiting, &Ends::default());
        }
    }
}
