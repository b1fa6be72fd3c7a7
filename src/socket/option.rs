//! Options of a socket: the pattern's, the settings, and what the socket itself knows.
#![forbid(unsafe_code)]

use super::{Socket, events, of, working};
use crate::errno::{Errno, Result};
use crate::options::constants::poll::POLLIN;
use crate::options::{Value, table};
use crate::queue::Turn;

/// `zmq_setsockopt`; `None` is a null pointer with length 0.
///
/// # Errors
/// ENOTSOCK, ETERM, EINVAL.
pub fn set_option(turn: &mut Turn<Socket>, option: i32, value: Option<&[u8]>) -> Result<()> {
    let socket = working(turn)?;
    if let Some(result) = socket.with(true, |pattern, cx| pattern.set_option(cx, option, value)) {
        return result;
    }
    socket.options.set(option, value)?;
    if let table::SNDHWM | table::RCVHWM = option {
        socket.apply_marks();
    }
    Ok(())
}

/// `zmq_getsockopt`
///
/// # Errors
/// ENOTSOCK, ETERM, EINVAL, and EMFILE for FD.
pub fn get_option(turn: &mut Turn<Socket>, option: i32) -> Result<Value> {
    if option == table::FD {
        return of(turn)?.descriptor().map(Value::Status);
    }
    let socket = working(turn)?;
    match option {
        table::RCVMORE => Ok(Value::Status(socket.rcvmore.into())),
        table::EVENTS => events(turn).map(Value::Status),
        table::TYPE => Ok(Value::Int(socket.row.number)),
        table::THREAD_SAFE => Ok(Value::Status(socket.row.thread_safe.into())),
        table::LAST_ENDPOINT => Ok(Value::Text(socket.last_endpoint.as_bytes().to_vec())),
        _ => socket.stored(option),
    }
}

impl Socket {
    fn stored(&mut self, option: i32) -> Result<Value> {
        if option == table::ROUTING_ID
            && let Some(id) = self.pattern.routing_id()
        {
            return Ok(Value::Bytes(id.to_vec()));
        }
        match self.with(true, |pattern, cx| pattern.get_option(cx, option)) {
            Some(answer) if option == table::TOPICS_COUNT => answer.map(Value::Status),
            Some(answer) => answer.map(Value::Int),
            None => self.options.get(option),
        }
    }

    /// From now on the application waits elsewhere, and the I/O threads read for it. It was told nothing yet: what came
    /// before it asked, and what comes before it asks again, leaves the descriptor raised.
    fn descriptor(&mut self) -> Result<i32> {
        if self.stopped {
            return Err(Errno::ETERM);
        }
        if self.row.thread_safe {
            return Err(Errno::EINVAL);
        }
        let fd = self.mailbox.signal().descriptor()?;
        if !std::mem::replace(&mut self.fd_asked, true) {
            self.arm();
            if self.has_peers() || self.look(false) & POLLIN != 0 {
                self.mailbox.signal().notify();
            }
        }
        Ok(fd)
    }

    /// True once a handshake was done by a connection that is still known.
    fn has_peers(&self) -> bool {
        let mut ids = self.pipes.ids();
        ids.any(|id| self.pipes.get(id).is_some_and(|pipe| pipe.peer().is_some()))
    }

    fn apply_marks(&mut self) {
        let (send, receive) = self.high_water();
        if !self.conflates() {
            self.pipes.apply_marks(send, receive);
        }
        self.spread_marks();
        let ids: Vec<_> = self.pipes.ids().collect();
        for id in ids {
            self.with(true, |pattern, cx| pattern.writable(cx, id));
        }
        self.stir();
    }
}
