//! How much of what a sender gave its connection has taken, and how the sender hears of it.
#![forbid(unsafe_code)]

use super::Link;

impl Link {
    /// Bytes of messages taken out of the lane so far.
    #[inline]
    pub fn taken(&self) -> u64 {
        self.backlog.taken()
    }

    /// Asks to be told, as by [`tell_writable`](Link::tell_writable), once so many bytes were taken in all. False when that is so
    /// already: then nothing was asked.
    #[must_use]
    pub fn await_taken(&self, bytes: u64) -> bool {
        self.backlog.ask(bytes)
    }

    /// Nobody waits for that any more.
    pub fn await_nothing(&self) {
        self.backlog.cancel();
    }
}
