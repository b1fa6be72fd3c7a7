//! The two halves of a connection without one, for `benches/codec.rs` and the fuzz targets.
#![forbid(unsafe_code)]

use super::inbound::{Inbound, Limits, Wire};
use super::outbound::Outbound;
use crate::errno::Result;
use crate::msg::{Meta, MetaSource, Msg};
use crate::queue::LaneTx;
use crate::zmtp::greeting::{Framing, Version};
use crate::zmtp::mechanism::cipher::Open;

const WIRE: Wire = Wire::Frames(Framing::V2);

/// From messages to bytes.
#[derive(Debug)]
pub struct Encoder(Outbound);

impl Default for Encoder {
    fn default() -> Self {
        Encoder(Outbound::new(WIRE, Version::V3_1))
    }
}

impl Encoder {
    /// Appends a frame.
    #[inline(always)]
    pub fn encode(&mut self, msg: &mut Msg) {
        self.0.encode(msg);
    }

    /// The bytes of all frames whose bodies were copied.
    pub fn bytes(&self) -> &[u8] {
        self.0.buffer.all()
    }

    /// As if all had been written.
    pub fn clear(&mut self) {
        self.0.advance(self.0.pending());
    }
}

/// From bytes to messages.
#[derive(Debug)]
pub struct Decoder(Inbound);

impl Decoder {
    /// Has received `bytes`.
    ///
    /// # Errors
    /// ENOMEM.
    pub fn holding(bytes: &[u8]) -> Result<Decoder> {
        let meta = MetaSource::new(Meta::new(Vec::<(&str, &str)>::new(), -1));
        let limits = Limits {
            max_frame: None,
            batch: None,
            raw_chunk: 1,
            share: true,
            groups: false,
        };
        Ok(Decoder(Inbound::new(WIRE, meta, limits, bytes)?))
    }

    /// The same of sealed frames.
    ///
    /// # Errors
    /// ENOMEM.
    pub fn sealed(bytes: &[u8], open: Box<dyn Open>) -> Result<Decoder> {
        let mut decoder = Decoder::holding(bytes)?;
        decoder.0.open_by(open);
        Ok(decoder)
    }

    /// Takes all whole frames into the inbox; the caller publishes.
    ///
    /// # Errors
    /// EPROTO, EMSGSIZE, ENOMEM.
    #[inline(always)]
    pub fn decode(&mut self, inbox: &mut LaneTx<Msg>) -> Result<()> {
        self.0.decode(inbox, u64::MAX).map(drop)
    }
}
