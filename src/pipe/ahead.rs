//! A sender that may wait does not run far ahead of its peer.
//!
//! Large messages that nobody has sent yet are memory that is not in use again soon: each comes fresh from the
//! system, page by page, and is cold by the time it is sent. So who sends large ones faster than the peer takes them waits a moment
//! from time to time, far below the high water mark, and finds the memory of those that left. It is no limit:
//! where the peer takes nothing within that moment, the sender goes on, and tries that less and less often.
#![forbid(unsafe_code)]

use super::{Far, Pipe};

/// From so many waiting bytes on a sender waits, until half of them are left.
const FAR: usize = 1 << 20;
/// Messages from this length on are large.
const LARGE: usize = 4 << 10;
/// So many messages at most are sent without another try after one in vain.
const SKIPS_MAX: u32 = 256;

/// How far a sender runs ahead.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    /// Bytes handed to the lane.
    pub(super) given: u64,
    /// How many of these are to be taken until the sender goes on.
    target: u64,
    /// Messages to send without waiting, and how many that were at the last time.
    skips: u32,
    skipped: u32,
}

impl Pipe {
    /// True when a sender of this message had better wait a moment, if it may.
    #[inline(always)]
    pub(super) fn is_ahead(&self, size: usize) -> bool {
        size >= LARGE && self.queued.1 >= FAR && self.is_far_ahead()
    }

    fn is_far_ahead(&self) -> bool {
        matches!(&self.far, Far::Link(link) if link.backlog(self.ahead.given) >= FAR as u64)
            && !self.tx.is_conflating()
    }

    /// Asks to be told when enough has left. False when there is nothing to wait for.
    pub(super) fn begin_pause(&mut self) -> bool {
        if self.queued.1 < FAR || !self.is_far_ahead() {
            return false;
        }
        if self.ahead.skips > 0 {
            self.ahead.skips -= 1;
            return false;
        }
        if let Far::Link(link) = &self.far
            && !link.is_blocked()
        {
            // Nobody else may be about to take it.
            let _ = link.drive_out(self.queued.0, true);
        }
        let Far::Link(link) = &self.far else {
            return false;
        };
        let (given, far) = (self.ahead.given, FAR as u64);
        let taken = given - link.backlog(given);
        self.ahead.target = (given.saturating_sub(far / 2)).min(taken + far);
        self.is_pausing()
    }

    /// True while it has not.
    pub(super) fn is_pausing(&self) -> bool {
        matches!(&self.far, Far::Link(link) if link.await_backlog(self.ahead.target))
    }

    /// The pause is over: did enough leave?
    pub(super) fn end_pause(&mut self, in_vain: bool) {
        if let Far::Link(link) = &self.far {
            link.forget_backlog();
        }
        self.ahead.skipped = if in_vain {
            (self.ahead.skipped * 2).clamp(1, SKIPS_MAX)
        } else {
            0
        };
        self.ahead.skips = self.ahead.skipped;
    }
}
