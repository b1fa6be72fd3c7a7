//! What waits on behalf of the application: polling, proxies and timers. No socket's turn is held while asleep.
#![forbid(unsafe_code)]

#[path = "poll.rs"]
mod items;
pub mod poller;
pub mod proxy;
pub mod timers;

pub use items::{Item, Target, poll, ppoll};
