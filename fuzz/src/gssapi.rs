//! GSSAPI, from the other side: a peer that knows how to seal what the toy in the place of Kerberos opens, and seals
//! whatever it likes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use zmq::link::bench::Decoder;
use zmq::zmtp::failure::Failure;
use zmq::zmtp::frame;
use zmq::zmtp::mechanism::Kind;
use zmq::zmtp::mechanism::cipher::Cipher;
use zmq::zmtp::mechanism::gssapi::party::{Channel, Party, Step};
use zmq::zmtp::mechanism::gssapi::toy::{Toy, ToyChannel, initiate_of, message};

use crate::data::{Reader, compare, expected};
use crate::handshake::{Choices, METADATA, Side, greeting_of};

/// Who a client is that the toy knows.
pub const PEER: &[u8] = b"joe@REALM";

const STEPS: u8 = 8;
const OVER: u8 = 0x80;

/// The toy, and how far it came: the steps it took, and that it was the last.
#[derive(Clone, Default, Debug)]
pub struct Negotiation(Arc<AtomicU8>);

impl Negotiation {
    pub fn is_over(&self) -> bool {
        self.0.load(Ordering::Relaxed) & OVER != 0
    }
}

impl Party for Negotiation {
    fn step(&mut self, token: &[u8]) -> Result<Step, Failure> {
        let steps = self.0.fetch_add(1, Ordering::Relaxed);
        assert!(steps < STEPS, "a negotiation without end");
        let step = Toy.step(token)?;
        if step.established.is_some() {
            self.0.fetch_or(OVER, Ordering::Relaxed);
        }
        Ok(step)
    }
}

/// What a peer says that does everything right.
pub fn right(choices: Choices) -> Vec<Vec<u8>> {
    let mut commands = match choices.as_server() {
        true => vec![initiate_of(b"hello"), Vec::new()],
        false => vec![initiate_of(b"reply")],
    };
    let ready = [b"\x05READY", METADATA].concat();
    commands.push(match choices.plaintext() {
        true => ready,
        false => message(0, &[b"\0", &ready[..]].concat()),
    });
    commands
}

/// Another reader of MESSAGE: the flags of the frame that is in it, and its body.
fn opened(channel: &mut ToyChannel, body: &[u8]) -> Option<(u8, Vec<u8>)> {
    let token = body.strip_prefix(b"\x07MESSAGE")?;
    let (length, token) = token.split_first_chunk::<4>()?;
    if usize::try_from(u32::from_be_bytes(*length)) != Ok(token.len()) {
        return None;
    }
    let mut plain = token.to_vec();
    let size = channel.unwrap(&mut plain, 0..token.len()).ok()?;
    plain.truncate(size);
    let (&flags, body) = plain.split_first()?;
    // Inside, the flag of a command is another bit than outside, and two say what a topic is for.
    Some(match flags {
        _ if flags & 2 != 0 => (frame::COMMAND | flags & 1, body.to_vec()),
        _ if flags & 4 != 0 => (frame::COMMAND, [b"\x09SUBSCRIBE", body].concat()),
        _ if flags & 8 != 0 => (frame::COMMAND, [b"\x06CANCEL", body].concat()),
        _ => (flags & 1, body.to_vec()),
    })
}

/// What the peer says, from an input: what it is and what is wrong with it, two bytes of length, and so many of body.
#[derive(Debug)]
struct Says<'a> {
    rest: &'a [u8],
    /// The number of the next token that is sealed.
    number: u8,
}

impl Iterator for Says<'_> {
    /// The flags of a frame, and its body.
    type Item = (u8, Vec<u8>);

    fn next(&mut self) -> Option<(u8, Vec<u8>)> {
        let (&[what, low, high], behind) = self.rest.split_first_chunk()?;
        let length = usize::from(u16::from_le_bytes([low, high])).min(behind.len());
        let (body, rest) = behind.split_at(length);
        self.rest = rest;
        let mut said = match (what & 3, body) {
            (1, token) => initiate_of(token),
            (2, plain) => {
                let sealed = message(self.number, plain);
                self.number = self.number.wrapping_add(1);
                sealed
            }
            // A token out of its turn.
            (3, [number, plain @ ..]) => message(*number, plain),
            (_, raw) => raw.to_vec(),
        };
        // The last byte of its argument's length is wrong by so much.
        let length = if what & 3 == 1 { 12 } else { 11 };
        if let Some(length) = said.get_mut(length) {
            *length = length.wrapping_sub(what >> 5);
        }
        Some((what >> 2 & (frame::COMMAND | frame::MORE), said))
    }
}

/// Input: the choices, then what [`Says`] takes; the handshake first, and the frames behind it.
pub fn gssapi(data: &[u8]) {
    let Some((&choices, rest)) = data.split_first() else {
        return;
    };
    let choices = Choices(choices);
    let right = right(choices);
    let mut says = Says { rest, number: 0 };
    let mut side = Side::new(Kind::Gssapi, choices);
    side.hear(&greeting_of(Kind::Gssapi));
    let mut said = Vec::new();
    while side.played.outcome.is_none() && side.played.failure.is_none() {
        let Some((flags, body)) = says.next() else {
            return;
        };
        let mut wire = Vec::new();
        frame::append_v2(&mut wire, flags, &body);
        side.hear(&wire);
        said.push(body);
        assert!(
            said != right || !side.is_welcome() || side.played.outcome.is_some(),
            "{:?}",
            side.played.failure
        );
    }
    if side.played.outcome.is_none() {
        return;
    }
    assert!(side.played.left.is_empty());
    // The last word is sealed, or the peer never had to know how to.
    let last = said.last().expect("nobody gets in without a word");
    let sealed = last.starts_with(b"\x07MESSAGE");
    assert!(sealed != choices.plaintext(), "a stranger got in");

    let frames: Vec<(u8, Vec<u8>)> = says.collect();
    let mut wire = Vec::new();
    for (flags, body) in &frames {
        frame::append_v2(&mut wire, *flags, body);
    }
    let Some(Cipher { open, .. }) = side.played.side.take_cipher() else {
        assert!(choices.plaintext(), "nothing opens what was sealed");
        let decoder = Decoder::holding(&wire).expect("there is memory");
        compare(decoder, &expected(&wire), true);
        return;
    };
    // READY was the first token.
    let mut channel = ToyChannel {
        sealed: 0,
        opened: 1,
    };
    let mut reader = Reader::default();
    let sure = frames.iter().all(|(_, body)| {
        opened(&mut channel, body).is_some_and(|(flags, body)| reader.take(flags, &body))
    });
    let decoder = Decoder::sealed(&wire, open).expect("there is memory");
    compare(decoder, &reader.parts, sure);
}
