//! C in, C out: check, convert, call, report. One file for each family of functions.
//!
//! [`error`] is the one place that turns results into C returns and `errno`, [`tagged`] the one that turns handles of
//! the small families into references.

/// Calls C functions in tests, which keep to what their `# Safety` sections ask for.
#[cfg(test)]
macro_rules! call {
    ($($code:tt)*) => {{
        // SAFETY: the test passes NULL where that is allowed, and otherwise memory of its own.
        unsafe { $($code)* }
    }};
}

pub mod atomic_counter;
pub mod clock;
pub(crate) mod error;
pub mod library;
pub(crate) mod tagged;
pub mod thread;
pub mod timers;
pub mod z85;
