//! ozmq: `libzmq.so.5` in Rust. The C surface is in [`ffi`]; the floors below it are listed in the README.

pub mod ctx;
pub mod endpoint;
pub mod errno;
pub mod ffi;
pub mod io;
pub mod link;
pub mod msg;
pub mod options;
pub mod pattern;
pub mod pipe;
pub mod poll;
pub mod queue;
pub mod socket;
pub mod sync;
pub mod sys;
pub mod transport;
pub mod zmtp;
