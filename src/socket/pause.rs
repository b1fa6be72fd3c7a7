//! The moment that a sender waits which is far ahead of its only peer.
#![forbid(unsafe_code)]

use super::wait::{self, Want};
use super::{Socket, of};
use crate::errno::{Errno, Result};
use crate::link::pace;
use crate::pipe::PipeId;
use crate::queue::Turn;
use std::time::{Duration, Instant};

/// How long a sender waits at most. The high water mark is not reached: nothing may take long.
const MOMENT: Duration = Duration::from_millis(1);

/// Waits a moment if the only peer is far behind. Who talks to several does not: others may need what comes next. Nor does
/// a publisher, nor who asked for `ZMQ_FD` and has other things to do.
///
/// # Errors
/// ENOTSOCK, ETERM
#[inline]
pub(super) fn if_far_ahead(turn: &mut Turn<Socket>) -> Result<()> {
    let socket = of(turn)?;
    let pipe = socket.sole_out;
    if socket.pipes.is_ahead(pipe, usize::MAX) {
        return pause(turn, pipe);
    }
    Ok(())
}

#[cold]
fn pause(turn: &mut Turn<Socket>, pipe: PipeId) -> Result<()> {
    let socket = of(turn)?;
    let waits = !socket.fd_asked && !matches!(socket.row.name, "PUB" | "XPUB");
    if !waits || !socket.pipes.begin_pause(pipe) {
        return Ok(());
    }
    let ended = sleep_while_pausing(turn, pipe);
    let socket = of(turn)?;
    socket.pipes.end_pause(pipe, ended == Ok(false));
    socket.crowd.pass_on();
    pace::resume();
    ended.map(drop)
}

/// False when the moment passed before enough has left.
fn sleep_while_pausing(turn: &mut Turn<Socket>, pipe: PipeId) -> Result<bool> {
    let begin = Instant::now();
    while let Some(left) = MOMENT.checked_sub(begin.elapsed()) {
        match wait::sleep(turn, Want::Send, Some(left)) {
            // A signal handler ran: the message is sent all the same.
            Err(Errno::EINTR) => return Ok(true),
            slept => slept?,
        }
        let socket = of(turn)?;
        socket.hear()?;
        if !socket.pipes.is_pausing(pipe) {
            return Ok(true);
        }
    }
    Ok(false)
}
