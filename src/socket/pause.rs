//! The moment that a sender waits which is far ahead of its only peer.
#![forbid(unsafe_code)]

use super::wait::{self, Want};
use super::{Socket, of};
use crate::errno::{Errno, Result};
use crate::link::pace;
use crate::pipe::PipeId;
use crate::queue::Turn;
use std::time::{Duration, Instant};

/// How long a sender waits at most. The high water mark is not reached: nothing it does may take long.
const MOMENT: Duration = Duration::from_millis(1);

/// Waits, unless the peer follows closely. Only who talks to one peer waits: others may need what it would send next. Nor
/// does a publisher, or who asked for `ZMQ_FD` and does other things as well.
///
/// # Errors
/// ENOTSOCK, ETERM
#[inline]
pub(super) fn unless_close(turn: &mut Turn<Socket>) -> Result<()> {
    let socket = of(turn)?;
    let pipe = socket.sole_out;
    if !socket.pipes.is_ahead(pipe, usize::MAX) {
        return Ok(());
    }
    wait_for(turn, pipe)
}

#[cold]
fn wait_for(turn: &mut Turn<Socket>, pipe: PipeId) -> Result<()> {
    let socket = of(turn)?;
    if socket.fd_asked || matches!(socket.row.name, "PUB" | "XPUB") {
        return Ok(());
    }
    if !socket.pipes.begin_pause(pipe) {
        return Ok(());
    }
    let begin = Instant::now();
    let in_vain = loop {
        let Some(left) = MOMENT.checked_sub(begin.elapsed()) else {
            break true;
        };
        match wait::sleep(turn, Want::Send, Some(left)) {
            // A signal handler ran: the message is sent all the same.
            Err(Errno::EINTR) => break false,
            other => other?,
        }
        let socket = of(turn)?;
        socket.hear()?;
        if !socket.pipes.is_pausing(pipe) {
            break false;
        }
    };
    let socket = of(turn)?;
    socket.pipes.end_pause(pipe, in_vain);
    socket.crowd.pass_on();
    pace::resume();
    Ok(())
}
