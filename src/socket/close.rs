//! The end of a socket.
#![forbid(unsafe_code)]

use super::endpoints::Kind;
use super::{SOCKETS, Socket, enter};
use crate::errno::{Errno, Result};
use crate::pipe::{Far, News};
use std::ffi::c_void;

/// `zmq_close`: the handle is dead at once; what was sent leaves within LINGER.
///
/// # Errors
/// ENOTSOCK
pub fn close(handle: *const c_void) -> Result<()> {
    let turn = enter(handle)?;
    SOCKETS.remove(turn).ok_or(Errno::ENOTSOCK)?.end();
    Ok(())
}

impl Socket {
    fn end(mut self) {
        if self.shared.is_inherited() {
            // The child of a fork shares the descriptors with its parent, and has none of its threads: what it closed
            // or removed from a set would be gone for the parent as well.
            self.shared.dismiss(self.number);
            std::mem::forget(self);
            return;
        }
        let linger = self.linger();
        for entry in std::mem::take(&mut self.endpoints) {
            match entry.kind {
                Kind::Listener(acceptor) => acceptor.close(),
                Kind::Name(name) => self.shared.inproc().lock().unbind(&name, &self.mailbox),
                Kind::Dialed { link, .. } => link.close(linger),
                Kind::Inproc(_) => {}
            }
        }
        for id in self.pipes.numbers() {
            self.release(id, linger);
        }
        // Nobody finds us any more, so these are the last news there will be.
        self.mailbox.take(|news| {
            if let News::Attach(new) = news {
                match new.far {
                    Far::Link(link) => link.close(linger),
                    Far::Inproc { mailbox, key } => mailbox.send(News::Gone(key)),
                }
            }
        });
        // Other threads may be asleep in calls; they find a dead handle.
        self.wake_others();
        let _ = super::monitor::start(&self.shared, &self.common.monitor, None, 0, 1, 0);
        self.shared.dismiss(self.number);
    }
}
