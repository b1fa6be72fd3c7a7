//! ozmq: `libzmq.so.5` in Rust. The C surface is in [`ffi`]; the floors below it are listed in the README.

pub mod errno;
pub mod io;
pub mod link;
pub mod msg;
pub mod options;
pub mod pipe;
pub mod queue;
pub mod sync;
pub mod sys;
