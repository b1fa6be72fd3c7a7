//! A negotiation that needs no Kerberos, and what it puts on the wire: for tests and for the fuzz targets.
#![forbid(unsafe_code)]

use std::ops::Range;

use super::REFUSED;
use super::party::{Channel, Established, Party, Step};
use crate::zmtp::failure::Failure;

/// Negotiates in as many steps as Kerberos: "hello", "reply", and the client is content.
#[derive(Debug)]
pub struct Toy;

impl Party for Toy {
    fn step(&mut self, token: &[u8]) -> Result<Step, Failure> {
        let (token, established) = match token {
            b"" => (b"hello".to_vec(), false),
            b"hello" => (b"reply".to_vec(), true),
            b"reply" => (Vec::new(), true),
            b"more" => (b"more".to_vec(), false),
            b"mute" => (Vec::new(), false),
            b"short" => (Vec::new(), true),
            _ => return Err(REFUSED),
        };
        Ok(Step {
            token,
            established: established.then(|| Established {
                channel: Box::new(ToyChannel::default()),
                peer: b"joe@REALM".to_vec(),
            }),
        })
    }
}

/// Numbers what it seals, hides it badly, and adds it up.
#[derive(Default, Debug)]
pub struct ToyChannel {
    /// How many tokens it sealed.
    pub sealed: u8,
    /// How many it opened.
    pub opened: u8,
}

const MASK: u8 = 0x5A;

impl Channel for ToyChannel {
    fn wrap(&mut self, plain: &[u8], out: &mut Vec<u8>) -> Result<(), Failure> {
        out.push(self.sealed);
        out.extend(plain.iter().map(|byte| byte ^ MASK));
        out.push(
            plain
                .iter()
                .fold(self.sealed, |sum, byte| sum.wrapping_add(*byte)),
        );
        self.sealed = self.sealed.wrapping_add(1);
        Ok(())
    }

    fn unwrap(&mut self, bytes: &mut [u8], token: Range<usize>) -> Result<usize, Failure> {
        let [number, hidden @ .., sum] = bytes.get(token).unwrap_or_default() else {
            return Err(REFUSED);
        };
        let plain: Vec<u8> = hidden.iter().map(|byte| byte ^ MASK).collect();
        let adds_up = plain
            .iter()
            .fold(*number, |sum, byte| sum.wrapping_add(*byte))
            == *sum;
        if *number != self.opened || !adds_up {
            return Err(REFUSED);
        }
        self.opened = self.opened.wrapping_add(1);
        bytes[..plain.len()].copy_from_slice(&plain);
        Ok(plain.len())
    }
}

/// The command that carries `token`.
pub fn initiate_of(token: &[u8]) -> Vec<u8> {
    let mut body = b"\x08INITIATE".to_vec();
    body.extend_from_slice(&(token.len() as u32).to_be_bytes());
    body.extend_from_slice(token);
    body
}

/// A MESSAGE with the `number`th token of a channel, which holds `plain`.
pub fn message(number: u8, plain: &[u8]) -> Vec<u8> {
    let mut channel = ToyChannel {
        sealed: number,
        opened: 0,
    };
    let mut token = Vec::new();
    channel.wrap(plain, &mut token).unwrap();
    let mut body = b"\x07MESSAGE".to_vec();
    body.extend_from_slice(&(token.len() as u32).to_be_bytes());
    body.extend_from_slice(&token);
    body
}
