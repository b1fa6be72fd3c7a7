//! One connection: bytes to messages and back, and who drives it.
#![forbid(unsafe_code)]

pub mod news;

/// One connection.
#[derive(Debug)]
pub struct Link {}
