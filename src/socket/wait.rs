//! Waiting: a while of trying again, then sleep.
#![forbid(unsafe_code)]

use super::{Socket, crowd, of};
use crate::errno::{Errno, Result};
use crate::io::Ready;
use crate::link::{Driven, pace};
use crate::pipe::PipeId;
use crate::queue::{Sleep, Turn};
use crate::sys::wait::{PollFd, poll};
use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a thread tries again before it sleeps: about what waking an idle CPU costs.
const SPIN: Duration = Duration::from_micros(50);

/// What a call waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Want {
    /// Room.
    Send,
    /// A message.
    Receive,
}

/// Whether trying again before sleeping has paid off lately.
#[derive(Debug)]
pub(super) struct Score {
    points: u8,
    skipped: u8,
}

impl Default for Score {
    fn default() -> Score {
        Score {
            points: 8,
            skipped: 0,
        }
    }
}

impl Score {
    const MAX: u8 = 16;
    /// When it does not pay, it is still tried once in so many waits.
    const PROBE: u8 = 64;

    fn is_open(&mut self) -> bool {
        if self.points > 0 {
            return true;
        }
        self.skipped = (self.skipped + 1) % Score::PROBE;
        self.skipped == 0
    }

    fn hit(&mut self) {
        self.points = (self.points + 2).min(Score::MAX);
    }

    fn miss(&mut self) {
        self.points = self.points.saturating_sub(1);
    }
}

/// Repeats `attempt`, the other side's turn first, until it answers something else than EAGAIN, for `patience` milliseconds
/// (negative: for ever).
pub(super) fn until<T>(
    turn: &mut Turn<Socket>,
    want: Want,
    patience: i32,
    mut attempt: impl FnMut(&mut Socket) -> Result<T>,
) -> Result<T> {
    let result = keep_trying(turn, want, patience, |socket| {
        if want == Want::Send {
            pace::resume();
        }
        attempt(socket)
    });
    if let Ok(socket) = of(turn) {
        socket.crowd.pass_on();
    }
    result
}

fn keep_trying<T>(
    turn: &mut Turn<Socket>,
    want: Want,
    patience: i32,
    mut attempt: impl FnMut(&mut Socket) -> Result<T>,
) -> Result<T> {
    // Beyond what the clock can count is for ever.
    let deadline = u64::try_from(patience)
        .ok()
        .and_then(|patience| Instant::now().checked_add(Duration::from_millis(patience)));
    loop {
        match want {
            Want::Send => of(turn)?.pipes.flush_own(),
            Want::Receive => of(turn)?.pipes.flush(),
        }
        if let Some(result) = spin(turn, &mut attempt) {
            return result;
        }
        let timeout = deadline.map(|at| at.saturating_duration_since(Instant::now()));
        if timeout.is_some_and(|left| left.is_zero()) {
            // However late it is by now: it is looked once at least.
            return attempt(of(turn)?);
        }
        sleep(turn, want, timeout)?;
        match attempt(of(turn)?) {
            Err(Errno::EAGAIN) => {}
            other => return other,
        }
    }
}

fn spin<T>(
    turn: &mut Turn<Socket>,
    attempt: &mut impl FnMut(&mut Socket) -> Result<T>,
) -> Option<Result<T>> {
    let socket = of(turn).ok()?;
    if socket.fd_asked || !socket.spin.is_open() {
        return None;
    }
    // The clock is not looked at before it is known that there is a while to wait.
    let mut begin = None;
    loop {
        std::thread::yield_now();
        if turn.is_wanted() {
            // What is waited for here may be for that other thread to do.
            return None;
        }
        let socket = of(turn).ok()?;
        match attempt(socket) {
            Err(Errno::EAGAIN) => {
                let now = Instant::now();
                // A large message is on its way.
                if std::mem::take(&mut socket.progress) {
                    begin = Some(now);
                }
                if now.duration_since(*begin.get_or_insert(now)) >= SPIN {
                    break;
                }
            }
            other => {
                socket.spin.hit();
                return Some(other);
            }
        }
    }
    of(turn).ok()?.spin.miss();
    None
}

/// Sleeps until there may be a reason to try again.
pub(super) fn sleep(turn: &mut Turn<Socket>, want: Want, timeout: Option<Duration>) -> Result<()> {
    if !of(turn)?.crowd.lead() {
        return crowd::follow(turn, want, timeout);
    }
    let slept = match want {
        Want::Receive => sleep_to_receive(turn, timeout),
        Want::Send => sleep_to_send(turn, timeout),
    };
    if slept != Err(Errno::ENOTSOCK) {
        of(turn)?.crowd.step_down();
    }
    slept
}

fn sleep_to_receive(turn: &mut Turn<Socket>, timeout: Option<Duration>) -> Result<()> {
    let socket = of(turn)?;
    if socket.fd_asked {
        return sleep_on_descriptor(turn, true, timeout);
    }
    if socket.common.set.connections() == 0 {
        return sleep_on_word(turn, true, timeout);
    }
    let mailbox = Arc::clone(&socket.mailbox);
    let common = Arc::clone(&socket.common);
    let signal = mailbox.signal();
    common.set.add_signal(signal.descriptor()?)?;
    signal.prepare(Sleep::Descriptor);
    if socket.has_cause(true) {
        signal.cancel();
        return Ok(());
    }
    let mut ready = Ready::default();
    let slept = turn.yield_while(|| common.set.wait(timeout, &mut ready));
    // Edges are told once: what was reported must be read even if a handler ran as well.
    signal.cancel();
    let socket = of(turn)?;
    socket.crowd.step_down();
    socket.drive_ready(&ready);
    slept
}

/// Room comes from the other side of a lane: no descriptor of a connection tells of it.
fn sleep_to_send(turn: &mut Turn<Socket>, timeout: Option<Duration>) -> Result<()> {
    if of(turn)?.fd_asked {
        return sleep_on_descriptor(turn, false, timeout);
    }
    sleep_on_word(turn, false, timeout)
}

fn sleep_on_word(turn: &mut Turn<Socket>, park: bool, timeout: Option<Duration>) -> Result<()> {
    let socket = of(turn)?;
    let mailbox = Arc::clone(&socket.mailbox);
    mailbox.signal().prepare(Sleep::Futex);
    if socket.has_cause(park) {
        mailbox.signal().cancel();
        return Ok(());
    }
    let slept = turn.yield_while(|| mailbox.signal().wait(timeout));
    mailbox.signal().cancel();
    slept
}

/// Sleeps until the signal's descriptor is raised, as once `ZMQ_FD` was asked for.
fn sleep_on_descriptor(
    turn: &mut Turn<Socket>,
    park: bool,
    timeout: Option<Duration>,
) -> Result<()> {
    let socket = of(turn)?;
    let mailbox = Arc::clone(&socket.mailbox);
    let signal = mailbox.signal();
    let mut fds = [entry(signal.descriptor()?, libc::POLLIN)];
    signal.prepare(Sleep::Descriptor);
    if socket.has_cause(park) {
        signal.cancel();
        return Ok(());
    }
    let slept = turn.yield_while(|| poll(&mut fds, timeout, None).map(drop));
    signal.cancel();
    slept
}

pub(super) fn entry(fd: RawFd, events: i16) -> PollFd {
    PollFd {
        fd,
        events,
        revents: 0,
    }
}

impl Socket {
    /// True, once, when the only peer was just sent its part, and has to act before there is anything to receive: to look at
    /// once would be in vain. Not for who has no `patience`, or waits for `ZMQ_FD`: for them the I/O thread reads.
    pub(super) fn has_asked(&mut self, patience: i32) -> bool {
        std::mem::take(&mut self.asked)
            && patience != 0
            && !self.fd_asked
            && self.common.set.connections() == 1
            && self.pipes.attend_single()
    }

    /// Parks the pipes. True when there is a reason not to sleep.
    pub(super) fn has_cause(&mut self, park: bool) -> bool {
        let readable = park && self.with(true, |pattern, cx| pattern.park(cx));
        readable || self.mailbox.has_news() || (park && self.must_drive())
    }

    /// A connection holds more than was read, which raises no further edge. Once `ZMQ_FD` was asked for that is the I/O
    /// thread's to read.
    pub(super) fn must_drive(&self) -> bool {
        !self.fd_asked && self.pipes.unfinished() > 0
    }

    /// Reads from the connections that are ready. True when something may have become readable.
    pub(super) fn drive(&mut self) -> bool {
        if self.fd_asked {
            return false;
        }
        match self.common.set.connections() {
            0 => false,
            1 => {
                let driven = self.pipes.drive_single();
                self.note_driven(driven)
            }
            _ => {
                let mut readable = false;
                // The last first: one that is finished leaves the list to those behind it.
                for place in (0..self.pipes.unfinished()).rev() {
                    let driven = self.pipes.drive_unfinished(place);
                    readable |= self.note_driven(driven);
                }
                let mut ready = Ready::default();
                let _ = self.common.set.wait(Some(Duration::ZERO), &mut ready);
                self.drive_ready(&ready) || readable
            }
        }
    }

    /// Reads from the connections that were reported.
    fn drive_ready(&mut self, ready: &Ready) -> bool {
        let mut readable = false;
        for key in ready.keys() {
            let driven = self.pipes.drive(key);
            readable |= self.note_driven(driven);
        }
        readable
    }

    fn note_driven(&mut self, driven: Option<(PipeId, Driven)>) -> bool {
        let Some((id, driven)) = driven else {
            return false;
        };
        self.progress |= driven.progress;
        if driven.came {
            self.with(true, |pattern, cx| pattern.readable(cx, id));
            self.stir();
        }
        driven.came
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_pay_is_tried_now_and_then() {
        let mut score = Score::default();
        for _ in 0..8 {
            assert!(score.is_open());
            score.miss();
        }
        let tries = (0..640).filter(|_| score.is_open()).count();
        assert_eq!(tries, 10);
        score.hit();
        assert!(score.is_open());
    }
}
