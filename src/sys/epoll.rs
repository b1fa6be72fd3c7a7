//! `epoll(7)`: a set of descriptors that one thread waits on.

use crate::errno::{Errno, Result};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What a descriptor is watched for, and what happened to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Interest(pub u32);

impl Interest {
    /// Readable, or at its end.
    pub const IN: Interest = Interest(libc::EPOLLIN as u32);
    /// Writable.
    pub const OUT: Interest = Interest(libc::EPOLLOUT as u32);
    /// Report changes only, not states.
    pub const EDGE: Interest = Interest(libc::EPOLLET as u32);
    /// Of several sets that hold this descriptor, wake the first that someone waits on.
    pub const EXCLUSIVE: Interest = Interest(libc::EPOLLEXCLUSIVE as u32);

    /// Both together.
    pub const fn and(self, other: Interest) -> Interest {
        Interest(self.0 | other.0)
    }
    /// True when any bit of `other` is set.
    pub const fn has(self, other: Interest) -> bool {
        self.0 & other.0 != 0
    }
    /// An error or a hang-up was reported.
    pub const fn broken(self) -> bool {
        self.0 & (libc::EPOLLERR | libc::EPOLLHUP) as u32 != 0
    }
}

/// One report of [`Epoll::wait`].
pub type Event = libc::epoll_event;

/// An empty report, to fill arrays with.
pub const NO_EVENT: Event = Event { events: 0, u64: 0 };

/// An epoll instance.
#[derive(Debug)]
pub struct Epoll(OwnedFd);

static PWAIT2_MISSING: AtomicBool = AtomicBool::new(false);

impl Epoll {
    /// Makes an empty set.
    ///
    /// # Errors
    /// EMFILE, ENFILE, ENOMEM.
    pub fn new() -> Result<Epoll> {
        // SAFETY: no pointers involved.
        let fd = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if fd < 0 {
            return Err(Errno::last());
        }
        // SAFETY: the kernel just gave us this descriptor and nobody else owns it.
        Ok(Epoll(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// The set's own descriptor: readable while an event waits in it.
    pub fn fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    /// Adds `fd`; its reports carry `key`.
    ///
    /// # Errors
    /// Whatever the kernel says: EEXIST, EBADF, ENOMEM, ENOSPC …
    pub fn add(&self, fd: RawFd, key: u64, interest: Interest) -> Result<()> {
        let mut event = Event {
            events: interest.0,
            u64: key,
        };
        // SAFETY: `event` outlives the call.
        let code = unsafe { libc::epoll_ctl(self.fd(), libc::EPOLL_CTL_ADD, fd, &mut event) };
        if code < 0 { Err(Errno::last()) } else { Ok(()) }
    }

    /// Removes `fd`. False when it was not in the set.
    pub fn remove(&self, fd: RawFd) -> bool {
        let mut event = NO_EVENT;
        // SAFETY: `event` outlives the call; the kernel ignores it.
        unsafe { libc::epoll_ctl(self.fd(), libc::EPOLL_CTL_DEL, fd, &mut event) == 0 }
    }

    /// Waits for reports, at most `timeout` (`None`: for ever), to the microsecond where the kernel can.
    ///
    /// # Errors
    /// EINTR when a signal handler ran.
    pub fn wait<'a>(
        &self,
        events: &'a mut [Event],
        timeout: Option<Duration>,
    ) -> Result<&'a [Event]> {
        let room = events.len().min(i32::MAX as usize) as i32;
        let mut count = -1;
        if !PWAIT2_MISSING.load(Ordering::Relaxed) {
            let spec = timeout.map(|t| libc::timespec {
                tv_sec: t.as_secs().min(1 << 40) as libc::time_t,
                tv_nsec: t.subsec_nanos().into(),
            });
            let spec_ptr = spec
                .as_ref()
                .map_or(std::ptr::null(), |s| s as *const libc::timespec);
            // SAFETY: `events` has `room` writable entries and `spec`, where given, outlives the call.
            count = unsafe {
                libc::syscall(
                    libc::SYS_epoll_pwait2,
                    self.fd(),
                    events.as_mut_ptr(),
                    room,
                    spec_ptr,
                    std::ptr::null::<libc::sigset_t>(),
                    8usize,
                )
            };
            if count < 0 && matches!(Errno::last().0, libc::ENOSYS | libc::EPERM) {
                PWAIT2_MISSING.store(true, Ordering::Relaxed);
            } else if count < 0 {
                return Err(Errno::last());
            }
        }
        if count < 0 {
            let millis = timeout.map_or(-1, |t| {
                t.as_nanos().div_ceil(1_000_000).min(i32::MAX as u128) as i32
            });
            // SAFETY: `events` has `room` writable entries.
            count =
                unsafe { libc::epoll_wait(self.fd(), events.as_mut_ptr(), room, millis) }.into();
            if count < 0 {
                return Err(Errno::last());
            }
        }
        Ok(&events[..count as usize])
    }
}
