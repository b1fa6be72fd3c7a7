//! `poll(2)`, for a few descriptors at once.

use crate::errno::{Errno, Result};
use std::time::Duration;

/// One descriptor to wait for, as the C library has it.
pub type PollFd = libc::pollfd;

/// Waits until a descriptor of `set` is ready or `timeout` (`None`: for ever) has passed; returns how many are ready.
///
/// # Errors
/// EINTR when a signal handler ran; EINVAL for more entries than the process may open.
pub fn poll(
    set: &mut [PollFd],
    timeout: Option<Duration>,
    mask: Option<&libc::sigset_t>,
) -> Result<usize> {
    let spec = timeout.map(|t| libc::timespec {
        tv_sec: t.as_secs().min(1 << 40) as libc::time_t,
        tv_nsec: t.subsec_nanos().into(),
    });
    // SAFETY: the pointers are null or point at values that outlive the call; `set` has as many entries as stated.
    let count = unsafe {
        libc::ppoll(
            set.as_mut_ptr(),
            set.len() as libc::nfds_t,
            spec.as_ref()
                .map_or(std::ptr::null(), |s| s as *const libc::timespec),
            mask.map_or(std::ptr::null(), |m| m as *const libc::sigset_t),
        )
    };
    if count < 0 {
        Err(Errno::last())
    } else {
        Ok(count as usize)
    }
}
