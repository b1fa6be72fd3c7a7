//! What a socket can do now, and how others wait for it.
#![forbid(unsafe_code)]

use super::wait::entry;
use super::{Socket, of, working};
use crate::errno::Result;
use crate::options::constants::poll::{POLLIN, POLLOUT};
use crate::queue::{Sleep, Turn};
use crate::sync::{EventFd, heavy_fence};
use crate::sys::wait::PollFd;
use std::os::fd::RawFd;
use std::sync::Arc;

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
    if !missing {
        return Ok(events);
    }
    // Armed before the look: what comes after the look raises the descriptor.
    if socket.fd_asked {
        socket.arm();
    } else if socket.mailbox.signal().is_watched() {
        socket.with(true, |pattern, cx| pattern.park(cx));
    } else {
        return Ok(events);
    }
    socket.hear()?;
    Ok(socket.look(true))
}

/// As [`events`], as far as is known without a look at the connections.
///
/// # Errors
/// ENOTSOCK, ETERM.
pub fn known_events(turn: &mut Turn<Socket>) -> Result<i32> {
    let socket = working(turn)?;
    if socket.mailbox.signal().is_watched() {
        return events(turn);
    }
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

/// How a poll that sleeps learns of one socket.
#[derive(Debug)]
#[must_use]
pub enum Part {
    /// By the socket's own signal.
    Leads,
    /// By a descriptor of its own, since another thread sleeps on that.
    Watches(Arc<EventFd>),
}

/// Adds the descriptors of which one becomes ready when [`events`] should be asked again. Adds none if one of `events` is there
/// already. When it added some, the caller passes a [`heavy_fence`](crate::sync::heavy_fence), once for all sockets, and
/// asks [`missed`] before it sleeps. To be followed by [`end_poll`] unless it failed.
///
/// # Errors
/// ENOTSOCK, ETERM, EMFILE.
pub fn poll_fds(turn: &mut Turn<Socket>, events: i32, out: &mut Vec<PollFd>) -> Result<Part> {
    let socket = working(turn)?;
    socket.pipes.flush();
    let (part, signal) = socket.take_part()?;
    let wants_in = events & POLLIN != 0;
    socket.pipes.park_unfenced(true);
    let cause = socket.has_cause(wants_in);
    socket.pipes.park_unfenced(false);
    // An error is for the next look to find.
    if cause && (socket.hear().is_err() || socket.must_drive()) {
        return Ok(part);
    }
    if socket.look(false) & events != 0 || socket.mailbox.has_news() {
        return Ok(part);
    }
    out.push(entry(signal, libc::POLLIN));
    if !socket.fd_asked
        && let Some(fd) = socket.common.set.descriptor()
    {
        out.push(entry(fd, libc::POLLIN));
    }
    Ok(part)
}

/// True when something came while [`poll_fds`] looked.
///
/// # Errors
/// ENOTSOCK
pub fn missed(turn: &mut Turn<Socket>) -> Result<bool> {
    let socket = of(turn)?;
    if socket.mailbox.signal().is_watched() && socket.pipes.has_unfenced() {
        // Some may have been parked by another poll that has yet to pass its fence.
        heavy_fence();
    }
    let missed = socket.pipes.missed();
    for &id in &missed {
        socket.with(true, |pattern, cx| pattern.readable(cx, id));
    }
    if !missed.is_empty() {
        socket.stir();
    }
    Ok(!missed.is_empty() || socket.mailbox.has_news())
}

/// Ends what [`poll_fds`] began.
pub fn end_poll(turn: &mut Turn<Socket>, part: Part) {
    if of(turn).is_ok_and(|socket| socket.pipes.has_unfenced()) {
        // Another socket had something before the fence came.
        heavy_fence();
        let _ = missed(turn);
    }
    let Ok(socket) = of(turn) else { return };
    match part {
        Part::Watches(event) => socket.mailbox.signal().unwatch(&event),
        Part::Leads => {
            socket.crowd.step_down();
            if socket.fd_asked {
                socket.arm();
            } else {
                socket.mailbox.signal().cancel();
            }
        }
    }
    socket.crowd.pass_on();
}

/// True when any thread may call any time.
///
/// # Errors
/// ENOTSOCK
pub fn is_thread_safe(turn: &mut Turn<Socket>) -> Result<bool> {
    Ok(of(turn)?.row.thread_safe)
}

/// Has `event` raised whenever [`events`] may have changed, until [`unwatch`]. Whoever lowers it asks for them behind that.
///
/// # Errors
/// ENOTSOCK
pub fn watch(turn: &mut Turn<Socket>, event: &Arc<EventFd>) -> Result<()> {
    of(turn)?.mailbox.signal().watch(Arc::clone(event));
    if events(turn).is_err() || of(turn)?.look(false) & POLLIN != 0 {
        event.raise();
    }
    Ok(())
}

/// Ends what [`watch`] began.
///
/// # Errors
/// ENOTSOCK
pub fn unwatch(turn: &mut Turn<Socket>, event: &Arc<EventFd>) -> Result<()> {
    of(turn)?.mailbox.signal().unwatch(event);
    Ok(())
}

impl Socket {
    fn take_part(&mut self) -> Result<(Part, RawFd)> {
        let signal = self.mailbox.signal();
        if self.crowd.is_led() {
            let event = Arc::new(EventFd::new()?);
            let fd = event.fd();
            signal.watch(Arc::clone(&event));
            return Ok((Part::Watches(event), fd));
        }
        let fd = signal.descriptor()?;
        signal.prepare(Sleep::Descriptor);
        self.crowd.lead();
        Ok((Part::Leads, fd))
    }

    pub(super) fn look(&mut self, drive: bool) -> i32 {
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
