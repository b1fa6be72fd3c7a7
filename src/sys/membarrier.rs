//! `membarrier(2)`: a fence run on all threads of the process, so that the hot side of a protocol needs none.

use std::sync::atomic::{AtomicU8, Ordering};

const QUERY: i32 = 0;
const PRIVATE_EXPEDITED: i32 = 1 << 3;
const REGISTER_PRIVATE_EXPEDITED: i32 = 1 << 4;

const UNKNOWN: u8 = 0;
const ABSENT: u8 = 1;
const PRESENT: u8 = 2;

static STATE: AtomicU8 = AtomicU8::new(UNKNOWN);

fn call(command: i32) -> libc::c_long {
    // SAFETY: membarrier takes two integers and touches no memory of ours.
    unsafe { libc::syscall(libc::SYS_membarrier, command, 0) }
}

/// True when [`run`] is a fence for every thread, so that the other side may do without.
///
/// Decided once for the process, by [`register`]: it must have run before two threads share anything.
#[inline(always)]
pub fn available() -> bool {
    STATE.load(Ordering::Relaxed) == PRESENT
}

/// Registers the process. Called whenever a context is made; a child of `fork` inherits the registration.
pub fn register() {
    if STATE.load(Ordering::Relaxed) != UNKNOWN {
        return;
    }
    let supported = call(QUERY);
    let state = if supported >= 0
        && supported & libc::c_long::from(PRIVATE_EXPEDITED) != 0
        && call(REGISTER_PRIVATE_EXPEDITED) == 0
    {
        PRESENT
    } else {
        ABSENT
    };
    let _ = STATE.compare_exchange(UNKNOWN, state, Ordering::SeqCst, Ordering::SeqCst);
}

/// Makes every running thread of this process pass a full fence.
pub fn run() {
    if available() {
        call(PRIVATE_EXPEDITED);
    }
}
