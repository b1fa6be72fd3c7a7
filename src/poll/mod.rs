//! What waits on behalf of the application: polling and timers.
#![forbid(unsafe_code)]

pub mod timers;
