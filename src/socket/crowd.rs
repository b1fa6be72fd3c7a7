//! Several threads asleep in calls on one socket.
//!
//! Lower floors wake one of them, the *leader*: it sleeps on the socket's signal, and in its set. Whoever comes to sleep
//! while there is a leader *follows*: in a blocking call it sleeps on a word of the crowd's, in a poll it has the signal
//! raise a descriptor of its own. A thread that changes what others may wait for wakes all of them, and one that
//! leaves sees to it that somebody leads: a follower that wakes and finds nothing leads when it goes to sleep again.
#![forbid(unsafe_code)]

use super::wait::Want;
use super::{Socket, of};
use crate::errno::{Errno, Result};
use crate::queue::Turn;
use crate::sync::{Ordering, Word};
use std::sync::Arc;
use std::time::Duration;

/// Who sleeps. Everything but the word is touched in the socket's turn only.
#[derive(Debug, Default)]
pub(super) struct Crowd {
    led: bool,
    followers: u32,
    /// Moves when followers are to look again. There is none before somebody follows.
    word: Option<Arc<Word>>,
}

impl Crowd {
    /// True when the caller leads from now on; false when somebody else does.
    pub(super) fn lead(&mut self) -> bool {
        !std::mem::replace(&mut self.led, true)
    }

    /// True when somebody leads.
    pub(super) fn is_led(&self) -> bool {
        self.led
    }

    /// The leader woke.
    pub(super) fn step_down(&mut self) {
        self.led = false;
    }

    /// Somebody leaves: whoever follows must not be left without a leader.
    pub(super) fn pass_on(&self) {
        if !self.led && self.followers > 0 {
            self.wake(1);
        }
    }

    /// True when nobody sleeps.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        !self.led && self.followers == 0
    }

    /// Has up to `count` followers look again.
    #[cold]
    pub(super) fn wake(&self, count: i32) {
        if self.followers > 0
            && let Some(word) = &self.word
        {
            let next = word.load(Ordering::Relaxed).wrapping_add(1);
            word.store(next, Ordering::Release);
            word.wake(count);
        }
    }
}

/// Sleeps while somebody else leads.
pub(super) fn follow(turn: &mut Turn<Socket>, want: Want, timeout: Option<Duration>) -> Result<()> {
    let socket = of(turn)?;
    let word = Arc::clone(socket.crowd.word.get_or_insert_default());
    let seen = word.load(Ordering::Relaxed);
    if socket.has_cause(want == Want::Receive) {
        return Ok(());
    }
    socket.crowd.followers += 1;
    let slept = turn.yield_while(|| word.wait(seen, timeout));
    if slept != Err(Errno::ENOTSOCK) {
        let crowd = &mut of(turn)?.crowd;
        crowd.followers = crowd.followers.saturating_sub(1);
    }
    slept
}

impl Socket {
    /// Something changed that others may wait for.
    #[inline]
    pub(super) fn stir(&self) {
        if !self.crowd.is_empty() || self.mailbox.signal().is_watched() {
            self.wake_others();
        }
    }

    /// Wakes everybody who sleeps in a call on this socket.
    #[cold]
    pub(super) fn wake_others(&self) {
        self.crowd.wake(i32::MAX);
        self.mailbox.signal().notify();
    }
}
