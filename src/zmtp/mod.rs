//! ZMTP without I/O: bytes in, bytes out; no descriptor, no clock, no thread. What GSSAPI asks of Kerberos is an errand that
//! is handed out, for whoever has a thread for it.
//!
//! [`handshake::Handshake`] carries a connection from its first byte to the point where both sides may send messages; it
//! takes exactly the handshake's bytes and leaves the rest to the caller. From there on the caller frames messages itself
//! with [`frame`] and reads commands with [`command`]. Everything that a peer sends before it is authenticated costs at
//! most [`handshake::MAX_BUFFERED`] bytes of memory, whatever lengths it announces.
//!
//! The RFCs: 13/ZMTP 1.0, 15/ZMTP 2.0, 23/ZMTP 3.0, 37/ZMTP 3.1, 24/ZMTP-PLAIN, 27/ZAP, 38/ZMTP-GSSAPI.
#![forbid(unsafe_code)]

pub mod command;
pub mod failure;
pub mod frame;
pub mod greeting;
pub mod handshake;
pub mod mechanism;
pub mod metadata;
mod reassembly;
pub mod secret;
pub mod zap;

#[cfg(test)]
mod interop;

pub use failure::{Event, Failure, Violation};
pub use greeting::Version;
