//! ozmq: `libzmq.so.5` in Rust. The C surface is in [`ffi`]; the floors below it are listed in the README.

pub mod errno;
pub mod ffi;
pub mod options;
pub mod poll;
pub mod zmtp;
