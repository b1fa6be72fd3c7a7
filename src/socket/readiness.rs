//! What a socket can do now, and how others wait for it.
#![forbid(unsafe_code)]

use super::wait::entry;
use super::{Socket, of, working};
use crate::errno::Result;
use crate::options::constants::poll::{POLLIN, POLLOUT};
use crate::queue::{Sleep, Turn};
use crate::sync::heavy_fence;
use crate::sys::wait::PollFd;

/// `ZMQ_EVENTS`. Never waits.
///
/// # Errors
/// ENOTSOCK, ETERM.
pub fn events(turn: &mut Turn<Socket>) -> Result<i32> {
    let socket = working(turn)?;
    socket.pipes.flush();
    let events = socket.look(true);
    let missing =
        socket.row.may_recv && events & POLLIN == 0 || socket.row.may_send && events & POLLOUT == 0;
    if !socket.fd_asked || !missing {
        return Ok(events);
    }
    // Armed before the look: what comes after the look raises the descriptor.
    socket.arm();
    socket.hear()?;
    Ok(socket.look(true))
}

/// As [`events`], as far as is known without a look at the connections.
///
/// # Errors
/// ENOTSOCK, ETERM.
pub fn known_events(turn: &mut Turn<Socket>) -> Result<i32> {
    let socket = working(turn)?;
    socket.pipes.flush();
    let drive = socket.must_drive();
    Ok(socket.look(drive))
}

/// Reads from the connections that are ready, once the descriptor of their set was.
///
/// # Errors
/// ENOTSOCK
pub fn drive(turn: &mut Turn<Socket>) -> Result<()> {
    of(turn)?.drive();
    Ok(())
}

/// Adds the descriptors of which one becomes ready when [`events`] should be asked again. Adds none if one of `events` is there
/// already. When it added some, the caller passes a [`heavy_fence`](crate::sync::heavy_fence), once for all sockets, and
/// asks [`missed`] before it sleeps. To be followed by [`end_poll`] in any case.
///
/// # Errors
/// ENOTSOCK, ETERM, EMFILE.
pub fn poll_fds(turn: &mut Turn<Socket>, events: i32, out: &mut Vec<PollFd>) -> Result<()> {
    let socket = working(turn)?;
    socket.pipes.flush();
    let signal = socket.mailbox.signal().descriptor()?;
    socket.mailbox.signal().prepare(Sleep::Descriptor);
    let wants_in = events & POLLIN != 0;
    socket.pipes.park_unfenced(true);
    let cause = socket.has_cause(wants_in);
    socket.pipes.park_unfenced(false);
    if cause {
        socket.hear()?;
        if socket.must_drive() {
            return Ok(());
        }
    }
    if socket.look(false) & events != 0 || socket.mailbox.has_news() {
        return Ok(());
    }
    out.push(entry(signal, libc::POLLIN));
    if !socket.fd_asked
        && let Some(fd) = socket.set.descriptor()
    {
        out.push(entry(fd, libc::POLLIN));
    }
    Ok(())
}

/// True when something came while [`poll_fds`] looked.
///
/// # Errors
/// ENOTSOCK
pub fn missed(turn: &mut Turn<Socket>) -> Result<bool> {
    let socket = of(turn)?;
    let missed = socket.pipes.missed();
    for &id in &missed {
        socket.with(true, |pattern, cx| pattern.readable(cx, id));
    }
    Ok(!missed.is_empty() || socket.mailbox.has_news())
}

/// Ends what [`poll_fds`] began.
pub fn end_poll(turn: &mut Turn<Socket>) {
    if of(turn).is_ok_and(|socket| socket.pipes.has_unfenced()) {
        // Another socket had something before the fence came.
        heavy_fence();
        let _ = missed(turn);
    }
    let Ok(socket) = of(turn) else { return };
    if socket.fd_asked {
        socket.arm();
    } else {
        socket.mailbox.signal().cancel();
    }
}

impl Socket {
    fn look(&mut self, drive: bool) -> i32 {
        let mut events = 0;
        if self.row.may_recv {
            let mut readable = self.with(true, |pattern, cx| pattern.can_recv(cx));
            if !readable && drive && self.drive() {
                readable = self.with(true, |pattern, cx| pattern.can_recv(cx));
            }
            if readable {
                events |= POLLIN;
            }
        }
        if self.row.may_send && self.with(true, |pattern, cx| pattern.can_send(cx)) {
            events |= POLLOUT;
        }
        events
    }

    /// Lowers the descriptor that `ZMQ_FD` gave away and has it raised by what comes next. Done when the application was
    /// told that there is nothing, by EAGAIN or by the events; until then it is to go on, as with libzmq.
    pub(super) fn arm(&mut self) {
        self.mailbox.signal().cancel();
        self.mailbox.signal().prepare(Sleep::Descriptor);
        self.with(true, |pattern, cx| pattern.park(cx));
        if self.mailbox.has_news() {
            self.mailbox.signal().notify();
        }
    }
}
