//! A sender that may wait does not run far ahead of its peer.
//!
//! Large messages that nobody takes for a while are memory that is not in use again soon: each comes fresh from the
//! system, page by page, and is cold by the time it is sent. So who sends them faster than the peer takes them waits a
//! moment now and then, far below the high water mark, and finds the memory of those that left. It is no limit:
//! where too little leaves within that moment, the sender goes on, and tries again less and less often.
#![forbid(unsafe_code)]

use super::{Far, Pipe};
use crate::link::Link;

/// From so many waiting bytes on a sender waits, until so many were taken: often enough for few to be in use, rarely enough
/// for what it costs to be woken.
const FAR: u64 = 4 << 20;
const STEP: u64 = FAR / 2;
/// What a wait is worth in any case.
const ENOUGH: u64 = 1 << 20;
/// Messages from this length on are large.
const LARGE: usize = 4 << 10;
/// So many messages are sent at most without another try after one in vain.
const SKIPS_MAX: u32 = 256;

/// How far a sender runs ahead.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    /// Bytes handed to the lane.
    pub(super) given: u64,
    /// How many of these were taken when the sender began to wait.
    begun: u64,
    /// Messages to be sent without waiting, of those that were set at the last time.
    skips: u32,
    skipped: u32,
}

impl Ahead {
    /// What of all that was given the connection has not taken.
    fn backlog(&self, link: &Link) -> u64 {
        self.given.saturating_sub(link.taken())
    }

    /// True when the next message may wait.
    fn is_due(&mut self) -> bool {
        let due = self.skips == 0;
        self.skips = self.skips.saturating_sub(1);
        due
    }

    /// A wait was over, or in vain.
    fn learn(&mut self, in_vain: bool) {
        self.skipped = if in_vain {
            (self.skipped * 2).clamp(1, SKIPS_MAX)
        } else {
            0
        };
        self.skips = self.skipped;
    }
}

impl Pipe {
    /// True when a sender of a message of this `size` had better wait a moment, if it may.
    #[inline(always)]
    pub(super) fn is_ahead(&self, size: usize) -> bool {
        size >= LARGE && self.queued.1 as u64 >= FAR && self.is_far_ahead()
    }

    fn is_far_ahead(&self) -> bool {
        matches!(&self.far, Far::Link(link) if self.ahead.backlog(link) >= FAR)
            && !self.tx.is_conflating()
    }

    /// Asks to be told when enough has left. False when there is nothing to wait for.
    pub(super) fn begin_pause(&mut self) -> bool {
        if !self.is_ahead(usize::MAX) || !self.ahead.is_due() {
            return false;
        }
        let Far::Link(link) = &self.far else {
            return false;
        };
        if !link.is_blocked() {
            // Nobody else may be about to take it.
            let _ = link.drive_out(self.queued.0, true);
            if !self.is_far_ahead() {
                return false;
            }
        }
        self.ahead.begun = link.taken();
        self.is_pausing()
    }

    /// True while not enough has.
    pub(super) fn is_pausing(&self) -> bool {
        matches!(&self.far, Far::Link(link) if link.await_taken(self.ahead.begun + STEP))
    }

    /// The sender goes on, `late` if it was not told to.
    pub(super) fn end_pause(&mut self, late: bool) {
        let Far::Link(link) = &self.far else { return };
        link.await_nothing();
        let taken = link.taken() - self.ahead.begun;
        self.ahead.learn(late && taken < ENOUGH);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_vain_is_tried_less_and_less_often() {
        let mut ahead = Ahead::default();
        let tries = (0..100_000)
            .filter(|_| {
                let due = ahead.is_due();
                if due {
                    ahead.learn(true);
                }
                due
            })
            .count();
        assert!((300..500).contains(&tries), "{tries}");
        while !ahead.is_due() {}
        ahead.learn(false);
        assert!(ahead.is_due() && ahead.is_due());
    }
}
