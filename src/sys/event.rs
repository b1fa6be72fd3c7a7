//! `eventfd(2)`: a signal that `poll` can see.

use crate::errno::{Errno, Result};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// A non-blocking, close-on-exec event counter.
#[derive(Debug)]
pub struct EventFd(OwnedFd);

impl EventFd {
    /// Makes one.
    ///
    /// # Errors
    /// EMFILE, ENFILE, ENOMEM.
    pub fn new() -> Result<EventFd> {
        // SAFETY: no pointers involved.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if fd < 0 {
            return Err(Errno::last());
        }
        // SAFETY: the kernel just gave us this descriptor and nobody else owns it.
        Ok(EventFd(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Makes the descriptor readable. Cannot block; a saturated counter is readable already.
    pub fn raise(&self) {
        let one: u64 = 1;
        // SAFETY: `one` is eight readable bytes.
        unsafe { libc::write(self.fd(), (&raw const one).cast(), 8) };
    }

    /// Makes the descriptor unreadable again.
    pub fn lower(&self) {
        let mut count: u64 = 0;
        // SAFETY: `count` is eight writable bytes.
        unsafe { libc::read(self.fd(), (&raw mut count).cast(), 8) };
    }

    /// The descriptor, for a poll set.
    pub fn fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}
