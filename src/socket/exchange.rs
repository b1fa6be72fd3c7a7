//! Send and receive.
#![forbid(unsafe_code)]

use super::wait::Want;
use super::{Socket, of, pause};
use crate::errno::{Errno, Result};
use crate::msg::Msg;
use crate::queue::{QuickTurn, Turn};

const DONTWAIT: i32 = 1;
const SNDMORE: i32 = 2;

/// Sends a message of one frame by the only pipe, and says how long it was. `None` when it takes more: then nothing
/// happened.
#[inline(always)]
pub fn send_now(turn: &mut QuickTurn<Socket>, msg: &mut Msg, flags: i32) -> Option<usize> {
    let (socket, fence) = turn.object()?;
    if flags & SNDMORE != 0 || socket.mailbox.has_news() {
        return None;
    }
    let size = msg.len();
    if socket.pipes.write_now(socket.sole_out, msg, fence) {
        msg.clear();
        return Some(size);
    }
    if flags & DONTWAIT == 0 && socket.pipes.is_ahead(socket.sole_out, size) {
        return None;
    }
    socket
        .pipes
        .write_sole(socket.sole_out, msg)
        .then_some(size)
}

/// Receives a message of one frame by the only pipe in place of `into`, and says how long it is. `None` when it takes more:
/// then nothing happened.
#[inline(always)]
pub fn recv_now(turn: &mut QuickTurn<Socket>, into: &mut Msg) -> Option<usize> {
    let (socket, fence) = turn.object()?;
    let pipe = socket.sole_in;
    if socket.mailbox.has_news()
        || !socket.pipes.read_now(pipe, into, fence) && !socket.pipes.read_sole(pipe, into)
    {
        return None;
    }
    socket.rcvmore = false;
    Some(into.len())
}

/// Sends one frame and says how long it was. On success `msg` is empty, on failure untouched.
///
/// # Errors
/// ENOTSOCK, ETERM, ENOTSUP, EINVAL, EAGAIN, EINTR, and the pattern's own.
pub fn send(turn: &mut Turn<Socket>, msg: &mut Msg, flags: i32) -> Result<usize> {
    let socket = of(turn)?;
    socket.hear()?;
    let more = flags & SNDMORE != 0;
    if !socket.row.may_send {
        return Err(Errno::ENOTSUP);
    }
    if more && !socket.row.accepts_multipart {
        return Err(Errno::EINVAL);
    }
    let size = msg.len();
    msg.set_more(more);
    if !socket.row.groups {
        msg.forget_meta();
    }
    let patience = if flags & DONTWAIT != 0 {
        0
    } else {
        socket.options.sndtimeo
    };
    if patience != 0 {
        pause::if_far_ahead(turn)?;
    }
    let result = match of(turn)?.try_send(msg, patience == 0) {
        Err(Errno::EAGAIN) if patience != 0 => send_later(turn, msg, patience),
        other => other,
    };
    if let Ok(socket) = of(turn) {
        socket.asked = result.is_ok() && !more && socket.row.alternates;
        socket.after_call(matches!(result, Err(Errno::EAGAIN)));
    }
    result.map(|()| size)
}

#[cold]
fn send_later(turn: &mut Turn<Socket>, msg: &mut Msg, patience: i32) -> Result<()> {
    let mut attempt = |socket: &mut Socket| {
        socket.hear()?;
        socket.try_send(msg, false)
    };
    match attempt(of(turn)?) {
        Err(Errno::EAGAIN) => super::wait::until(turn, Want::Send, patience, attempt),
        other => other,
    }
}

/// Receives one frame.
///
/// # Errors
/// ENOTSOCK, ETERM, ENOTSUP, EAGAIN, EINTR, and the pattern's own.
#[inline]
pub fn recv(turn: &mut Turn<Socket>, flags: i32) -> Result<Msg> {
    let socket = of(turn)?;
    socket.hear()?;
    if !socket.row.may_recv {
        return Err(Errno::ENOTSUP);
    }
    let patience = if flags & DONTWAIT != 0 {
        0
    } else {
        socket.options.rcvtimeo
    };
    // Looking is a system call; the other side's turn comes sooner without.
    let asked = socket.has_asked(patience);
    let first = if asked {
        Err(Errno::EAGAIN)
    } else {
        socket.try_recv()
    };
    let result = match first {
        Err(Errno::EAGAIN) => receive_later(turn, patience, asked),
        other => other,
    };
    if let Ok(socket) = of(turn) {
        if let Ok(msg) = &result {
            socket.rcvmore = msg.more();
        }
        socket.after_call(matches!(result, Err(Errno::EAGAIN)));
    }
    result
}

#[cold]
fn receive_later(turn: &mut Turn<Socket>, patience: i32, asked: bool) -> Result<Msg> {
    let attempt = |socket: &mut Socket| {
        socket.hear()?;
        socket.receive_once()
    };
    if !asked || patience == 0 {
        let first = attempt(of(turn)?);
        if !matches!(first, Err(Errno::EAGAIN)) || patience == 0 {
            return first;
        }
    }
    super::wait::until(turn, Want::Receive, patience, attempt)
}

impl Socket {
    #[inline(always)]
    fn try_send(&mut self, msg: &mut Msg, dontwait: bool) -> Result<()> {
        self.with(dontwait, |pattern, cx| pattern.send(cx, msg))
    }

    #[inline(always)]
    fn try_recv(&mut self) -> Result<Msg> {
        self.with(true, |pattern, cx| pattern.recv(cx))
    }

    /// Takes what there is, or else what reading from the connections brings.
    fn receive_once(&mut self) -> Result<Msg> {
        // Where all that can be received lies in the one pipe, to look at that is enough.
        let first = if self.row.alternates && self.pipes.sole_is_empty() {
            Err(Errno::EAGAIN)
        } else {
            self.try_recv()
        };
        match first {
            Err(Errno::EAGAIN) if self.drive() => self.try_recv(),
            other => other,
        }
    }

    /// What has to follow a call: an application that was told to try again later may wait for `ZMQ_FD` now.
    #[inline(always)]
    fn after_call(&mut self, again: bool) {
        // A bind that came while we wrote asked for a wake-up that we could not yet address.
        if !self.pending.is_empty() {
            let _ = self.hear();
        }
        if again && self.fd_asked {
            self.arm();
        }
        self.note_sole();
    }
}
