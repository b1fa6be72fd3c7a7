//! C in, C out: check, convert, call, report. One file for each family of functions.
//!
//! [`error`] is the one place that turns results into C returns and `errno`, [`tagged`] the one that turns handles of
//! the small families into references, [`args`] the one that turns the other pointers into slices.

/// Calls C functions in tests, which keep to what their `# Safety` sections ask for.
#[cfg(test)]
macro_rules! call {
    ($($code:tt)*) => {{
        // SAFETY: the test passes NULL where that is allowed, and otherwise memory of its own.
        unsafe { $($code)* }
    }};
}

pub(crate) mod args;
pub mod atomic_counter;
pub mod clock;
pub mod context;
pub(crate) mod error;
pub mod iov;
pub mod library;
pub mod message;
pub mod monitor;
pub mod options;
pub mod peer;
pub mod poll;
pub mod poller;
pub mod proxy;
pub mod recv;
pub mod send;
pub mod socket;
pub(crate) mod tagged;
pub mod thread;
pub mod timers;
pub mod z85;
