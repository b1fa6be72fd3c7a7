//! What a mechanism does to frames once it is ready.
#![forbid(unsafe_code)]

use std::fmt;
use std::ops::Range;

use crate::zmtp::failure::Failure;

/// Seals every frame that is sent.
pub trait Seal: Send + fmt::Debug {
    /// How many bytes the sealed form of a frame's `body` takes. [`Seal::seal`] of the same frame follows.
    fn prepare(&mut self, flags: u8, body: &[u8]) -> Result<usize, Failure>;

    /// Writes the sealed form into `into`, which is as long as [`Seal::prepare`] said. `flags` are those of
    /// [`crate::zmtp::frame`].
    fn seal(&mut self, flags: u8, body: &[u8], into: &mut [u8]) -> Result<(), Failure>;

    /// What opens frames that were sealed here, each of them behind those sealed before it. `None` when only the peer can:
    /// then whoever may have to send a frame again must keep it.
    fn reopener(&self) -> Option<Box<dyn Open>> {
        None
    }
}

/// Opens every frame that comes.
pub trait Open: Send + fmt::Debug {
    /// Opens what a frame holds, in place. After an error nothing of it may be used, and nothing else is opened.
    fn open(&mut self, sealed: &mut [u8]) -> Result<Opened, Failure>;
}

/// A frame that was opened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Opened {
    /// `MORE` and `COMMAND` of [`crate::zmtp::frame`].
    pub flags: u8,
    /// Where the body lies, in what was opened.
    pub body: Range<usize>,
}

/// Both directions of one connection.
#[derive(Debug)]
pub struct Cipher {
    /// For what is sent.
    pub seal: Box<dyn Seal>,
    /// For what comes.
    pub open: Box<dyn Open>,
}
