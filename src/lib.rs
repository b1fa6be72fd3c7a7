//! ozmq: `libzmq.so.5` in Rust. The C surface is in [`ffi`]; the floors below it are listed in the README.

pub mod endpoint;
pub mod errno;
pub mod sys;
pub mod transport;
