//! MESSAGE: every frame of the data phase. 26/CURVEZMQ "MESSAGE".
#![forbid(unsafe_code)]

use super::Session;
use super::boxes::{MAC, SHORT, StreamKey};
use crate::zmtp::failure::{Failure, code};
use crate::zmtp::frame::{COMMAND, MORE};
use crate::zmtp::mechanism::cipher::{Cipher, Open, Opened, Seal};

const NAME: &[u8; 8] = b"\x07MESSAGE";
const FROM_CLIENT: &[u8; 16] = b"CurveZMQMESSAGEC";
const FROM_SERVER: &[u8; 16] = b"CurveZMQMESSAGES";

/// Where the box starts, behind name and nonce.
const BOX: usize = NAME.len() + SHORT;
/// Where the flags lie, once the box is open; the body follows.
const FLAGS: usize = BOX + MAC;
const BODY: usize = FLAGS + 1;

/// How the flags are said inside the box.
const INNER_MORE: u8 = 1;
const INNER_COMMAND: u8 = 2;

/// Both directions, once the two sides agreed on a session.
pub(super) fn cipher(session: Session, as_server: bool) -> Cipher {
    let (to, from) = match as_server {
        true => (FROM_SERVER, FROM_CLIENT),
        false => (FROM_CLIENT, FROM_SERVER),
    };
    Cipher {
        seal: Box::new(Sealing {
            key: StreamKey::new(session.key.clone(), to),
            counter: session.sent,
        }),
        open: Box::new(Opening {
            key: StreamKey::new(session.key, from),
            counter: session.heard,
        }),
    }
}

#[derive(Debug)]
struct Sealing {
    key: StreamKey,
    /// Of the last nonce used.
    counter: u64,
}

impl Seal for Sealing {
    fn prepare(&mut self, _flags: u8, body: &[u8]) -> Result<usize, Failure> {
        body.len().checked_add(BODY).ok_or(Failure::TooLarge)
    }

    fn seal(&mut self, flags: u8, body: &[u8], into: &mut [u8]) -> Result<(), Failure> {
        let (head, boxed) = into.split_at_mut_checked(BOX).ok_or(Failure::TooLarge)?;
        // A counter that began again would give a nonce away twice. At a message a nanosecond it lasts for 580 years.
        self.counter = self.counter.checked_add(1).ok_or(Failure::TooLarge)?;
        let (name, counter) = head.split_at_mut(NAME.len());
        name.copy_from_slice(NAME);
        counter.copy_from_slice(&self.counter.to_be_bytes());
        let [_, inner, place @ ..] = boxed.get_mut(MAC - 1..).unwrap_or_default() else {
            return Err(Failure::TooLarge);
        };
        *inner = if flags & MORE != 0 { INNER_MORE } else { 0 };
        if flags & COMMAND != 0 {
            *inner |= INNER_COMMAND;
        }
        place.copy_from_slice(body);
        self.key.seal(self.counter, boxed);
        Ok(())
    }

    fn reopener(&self) -> Option<Box<dyn Open>> {
        Some(Box::new(Opening {
            key: self.key.again(),
            counter: 0,
        }))
    }
}

#[derive(Debug)]
struct Opening {
    key: StreamKey,
    /// Of the last nonce seen: the next one must be higher, or a message came twice (CVE-2014-7203).
    counter: u64,
}

impl Open for Opening {
    fn open(&mut self, sealed: &mut [u8]) -> Result<Opened, Failure> {
        if sealed.len() < BODY {
            return Err(Failure::Protocol(code::ZMTP_MALFORMED_COMMAND_MESSAGE));
        }
        let len = sealed.len();
        let (head, boxed) = sealed.split_at_mut(BOX);
        let (name, counter) = head.split_at(NAME.len());
        if name != NAME {
            return Err(Failure::Protocol(code::ZMTP_UNEXPECTED_COMMAND));
        }
        let counter = super::counter(counter);
        if counter <= self.counter {
            return Err(Failure::Protocol(code::ZMTP_INVALID_SEQUENCE));
        }
        let opened = self.key.open(counter, boxed)?;
        self.counter = counter;
        let inner = opened.first().copied().unwrap_or_default();
        let mut flags = if inner & INNER_MORE != 0 { MORE } else { 0 };
        if inner & INNER_COMMAND != 0 {
            flags |= COMMAND;
        }
        Ok(Opened {
            flags,
            body: BODY..len,
        })
    }
}
