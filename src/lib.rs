//! ozmq: `libzmq.so.5` in Rust. The C surface is in [`ffi`]; the floors below it are listed in the README.

pub mod errno;
pub mod link;
pub mod msg;
pub mod pattern;
pub mod pipe;
pub mod queue;
pub mod sync;
pub mod sys;
