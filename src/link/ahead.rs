//! How a sender hears of room, and how much of what it gave its connection has taken.
#![forbid(unsafe_code)]

use super::Link;
use super::news::News;

impl Link {
    /// Tells the socket that its pipe is writable, which it was told it was not.
    pub fn tell_writable(&self) {
        self.setup.mailbox.send(News::Writable(self.pipe));
    }

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
