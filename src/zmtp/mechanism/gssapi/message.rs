//! MESSAGE: a frame in a token. Its first byte says what the frame's header would say.
#![forbid(unsafe_code)]

use std::sync::Arc;

use parking_lot::Mutex;

use super::party::Channel;
use super::{argument, check_structure};
use crate::zmtp::failure::{Failure, code};
use crate::zmtp::frame;
use crate::zmtp::mechanism::cipher::{Open, Opened, Seal};

const MESSAGE: &[u8] = b"\x07MESSAGE";
/// The command's name and the token's length.
const HEADER: usize = MESSAGE.len() + 4;

const MORE: u8 = 1;
const COMMAND: u8 = 2;
/// The body is a topic without more. libzmq after 4.3.5; SUBSCRIBE and CANCEL as commands are understood by all since ZMTP
/// 3.1, and are what we send.
const SUBSCRIBE: u8 = 4;
const CANCEL: u8 = 8;
const SUBSCRIBE_NAME: &[u8] = b"\x09SUBSCRIBE";
const CANCEL_NAME: &[u8] = b"\x06CANCEL";

/// What the library can count, and the peer's.
const LARGEST: usize = i32::MAX as usize / 2;
/// Memory that is kept from one frame to the next.
const KEPT: usize = 64 << 10;

const MALFORMED: Failure = Failure::Protocol(code::ZMTP_MALFORMED_COMMAND_MESSAGE);

/// Both directions of a connection seal and open by the same.
pub(super) type Shared = Arc<Mutex<Box<dyn Channel>>>;

/// Seals frames.
#[derive(Debug)]
pub(super) struct Sealer {
    channel: Shared,
    token: Vec<u8>,
}

impl Sealer {
    pub(super) fn new(channel: Shared) -> Sealer {
        Sealer {
            channel,
            token: Vec::new(),
        }
    }
}

impl Seal for Sealer {
    fn prepare(&mut self, flags: u8, body: &[u8]) -> Result<usize, Failure> {
        if body.len() > LARGEST {
            return Err(Failure::TooLarge);
        }
        let mut plain = Vec::new();
        plain.try_reserve_exact(1 + body.len())?;
        plain.push(inner(flags));
        plain.extend_from_slice(body);
        self.token.clear();
        self.channel.lock().wrap(&plain, &mut self.token)?;
        Ok(HEADER + self.token.len())
    }

    fn seal(&mut self, _: u8, _: &[u8], into: &mut [u8]) -> Result<(), Failure> {
        let length = u32::try_from(self.token.len()).map_err(|_| Failure::TooLarge)?;
        let (header, token) = into.split_at_mut_checked(HEADER).ok_or(MALFORMED)?;
        if token.len() != self.token.len() {
            return Err(MALFORMED);
        }
        let (name, size) = header.split_at_mut(MESSAGE.len());
        name.copy_from_slice(MESSAGE);
        size.copy_from_slice(&length.to_be_bytes());
        token.copy_from_slice(&self.token);
        if self.token.capacity() > KEPT {
            self.token = Vec::new();
        }
        Ok(())
    }
}

/// A whole command of a frame, for the handshake.
pub(super) fn sealed(channel: &Shared, body: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut sealer = Sealer::new(Arc::clone(channel));
    let mut command = vec![0; sealer.prepare(0, body)?];
    sealer.seal(0, body, &mut command)?;
    Ok(command)
}

/// Opens frames.
#[derive(Debug)]
pub(super) struct Opener {
    channel: Shared,
}

impl Opener {
    pub(super) fn new(channel: Shared) -> Opener {
        Opener { channel }
    }
}

impl Open for Opener {
    fn open(&mut self, sealed: &mut [u8]) -> Result<Opened, Failure> {
        check_structure(sealed)?;
        let token = argument(sealed, MESSAGE, MALFORMED)?;
        let end = self.channel.lock().unwrap(sealed, token)?;
        let &mut [flags, ..] = sealed.get_mut(..end).unwrap_or_default() else {
            return Err(MALFORMED);
        };
        let name = if flags & COMMAND != 0 {
            None
        } else if flags & SUBSCRIBE != 0 {
            Some(SUBSCRIBE_NAME)
        } else {
            (flags & CANCEL != 0).then_some(CANCEL_NAME)
        };
        let Some(name) = name else {
            return Ok(Opened {
                flags: outer(flags),
                body: 1..end,
            });
        };
        // A topic becomes the command that it stands for. The token and its header took more room than that.
        let size = name.len() + end - 1;
        let whole = sealed.get_mut(..size).ok_or(MALFORMED)?;
        whole.copy_within(1..end, name.len());
        whole
            .get_mut(..name.len())
            .ok_or(MALFORMED)?
            .copy_from_slice(name);
        Ok(Opened {
            flags: frame::COMMAND,
            body: 0..size,
        })
    }
}

fn inner(flags: u8) -> u8 {
    let more = if flags & frame::MORE != 0 { MORE } else { 0 };
    let command = if flags & frame::COMMAND != 0 {
        COMMAND
    } else {
        0
    };
    more | command
}

fn outer(flags: u8) -> u8 {
    let more = if flags & MORE != 0 { frame::MORE } else { 0 };
    let command = if flags & COMMAND != 0 {
        frame::COMMAND
    } else {
        0
    };
    more | command
}
