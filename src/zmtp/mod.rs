//! The wire protocol, without descriptors, clocks or threads.
#![forbid(unsafe_code)]

pub mod mechanism;
