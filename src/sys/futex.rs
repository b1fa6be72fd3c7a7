//! Sleeping on a word of memory.

use crate::errno::{Errno, Result};
use std::sync::atomic::AtomicU32;
use std::time::Duration;

/// Longer than any sleep: a wait is always given a timeout, because a futex wait without one is restarted after a
/// signal handler installed with `SA_RESTART`, and callers of this library are promised EINTR.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// Sleeps while `word` holds `expected`, until woken, or for `timeout`.
///
/// # Errors
/// EINTR when a signal handler ran. A timeout, a wake-up and a changed word are all `Ok`: the caller looks for itself.
pub fn wait(word: &AtomicU32, expected: u32, timeout: Option<Duration>) -> Result<()> {
    let timeout = timeout.unwrap_or(FOREVER).min(FOREVER);
    let spec = libc::timespec {
        tv_sec: timeout.as_secs() as libc::time_t,
        tv_nsec: timeout.subsec_nanos().into(),
    };
    // SAFETY: `word` and `spec` outlive the call; FUTEX_WAIT only reads them.
    let code = unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG,
            expected,
            &spec as *const libc::timespec,
        )
    };
    if code == 0 {
        return Ok(());
    }
    match Errno::last() {
        Errno::EINTR => Err(Errno::EINTR),
        _ => Ok(()),
    }
}

/// Wakes up to `count` threads asleep on `word`.
pub fn wake(word: &AtomicU32, count: i32) {
    // SAFETY: FUTEX_WAKE uses the address as a key only.
    unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG,
            count,
        );
    }
}
