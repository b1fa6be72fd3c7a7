//! How far a sender is ahead of its connection, and how it hears that it is no longer.
#![forbid(unsafe_code)]

use super::Link;

impl Link {
    /// What of `given` bytes the connection has not taken.
    #[inline]
    pub fn backlog(&self, given: u64) -> u64 {
        given.saturating_sub(self.backlog.taken())
    }

    /// Asks to be told, as by [`tell_writable`](Link::tell_writable), once so many bytes were taken in all. False when that is so
    /// already: then nothing was asked.
    #[must_use]
    pub fn await_backlog(&self, taken: u64) -> bool {
        self.backlog.ask(taken)
    }

    /// Nobody waits for that any more.
    pub fn forget_backlog(&self) {
        self.backlog.cancel();
    }
}
