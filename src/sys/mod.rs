//! The operating system's calls that neither the standard library nor a crate offers safely.

pub mod net;
