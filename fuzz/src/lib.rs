//! What the fuzz targets do with their input: one function each, which panics when something is wrong.
//!
//! Beyond "it does not panic", each compares with what it can know by itself: who may be let in, what a frame holds, what
//! was put into a box.
#![forbid(unsafe_code)]

mod curve;
mod data;
mod gssapi;
mod handshake;
pub mod seeds;

pub use curve::{curve_commands, curve_messages};
pub use data::{commands, frames, metadata, zap_replies};
pub use gssapi::gssapi;
pub use handshake::{greeting, null_commands, plain_commands};
