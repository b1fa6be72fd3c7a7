//! What carries messages and news between threads: the lane (one producer, one consumer, with credit), the mailbox
//! (many producers), the token that says who drives a connection, the flag that says that something was left to the I/O
//! thread, and the lock of a C handle.
//!
//! The protocols between threads live here, each with its model (`loom`) or stress test; the models of what is made of
//! them, the fan and the runs of inproc, are in `pipe`. Nothing in this module waits but [`Signal`] and [`Handle`].

mod backlog;
mod dirty;
mod handle;
mod lane;
mod lock;
#[cfg(all(test, loom))]
mod loom_links;
#[cfg(all(test, loom))]
mod loom_models;
mod mailbox;
mod ring;
mod signal;
mod token;

pub use backlog::Backlog;
pub use dirty::{Dirty, DirtyList, Doorbell, Quiet, Round};
pub use handle::{Arena, Handle, QuickTurn, Turn};
pub use lane::{LaneRx, LaneTx, conflating_lane, lane};
#[cfg(all(test, loom))]
pub(crate) use loom_models::model_within;
pub use mailbox::{Mailbox, Wake};
pub use signal::{Signal, Sleep};
pub use token::{Guard, Token};
