//! CURVE, from the other side: a peer that has the right keys and puts whatever it likes into the boxes.

use dryoc::classic::crypto_box::{
    crypto_box_beforenm, crypto_box_easy, crypto_box_easy_afternm, crypto_box_open_easy,
    crypto_box_seed_keypair,
};
use zmq::link::bench::Decoder;
use zmq::zmtp::frame;
use zmq::zmtp::mechanism::Kind;
use zmq::zmtp::mechanism::cipher::Cipher;
use zmq::zmtp::mechanism::curve::Keys;
use zmq::zmtp::mechanism::curve::key::{PublicKey, SecretKey};

use crate::data::{Reader, compare};
use crate::handshake::{Choices, METADATA, Side, greeting_of};

const MAC: usize = 16;

type Pair = ([u8; 32], [u8; 32]);

/// Public and secret: of the server, of the client, and of the peer's connection.
fn pair(seed: u8) -> Pair {
    crypto_box_seed_keypair(&[seed; 32])
}

fn server() -> Pair {
    pair(1)
}

fn client() -> Pair {
    pair(2)
}

/// The keys of the side under test.
pub fn own_keys(as_server: bool) -> Keys {
    let (public, secret) = if as_server { server() } else { client() };
    Keys {
        secret: SecretKey::from_slice(&secret).expect("32 bytes"),
        public: PublicKey(public),
        server: PublicKey(server().0),
    }
}

/// Who a client is that a server asks its ZAP handler about: nobody else has a key here.
pub fn peer_key() -> [u8; 32] {
    client().0
}

fn short_nonce(prefix: &[u8; 16], counter: u64) -> [u8; 24] {
    let mut nonce = [0; 24];
    nonce[..16].copy_from_slice(prefix);
    nonce[16..].copy_from_slice(&counter.to_be_bytes());
    nonce
}

fn long_nonce(prefix: &[u8; 8], rest: [u8; 16]) -> [u8; 24] {
    let mut nonce = [0; 24];
    nonce[..8].copy_from_slice(prefix);
    nonce[8..].copy_from_slice(&rest);
    nonce
}

fn sealed(plain: &[u8], nonce: &[u8; 24], public: &[u8; 32], secret: &[u8; 32]) -> Vec<u8> {
    let mut boxed = vec![0; plain.len() + MAC];
    crypto_box_easy(&mut boxed, plain, nonce, public, secret).expect("it fits");
    boxed
}

fn opened(boxed: &[u8], nonce: &[u8; 24], public: &[u8; 32], secret: &[u8; 32]) -> Vec<u8> {
    let mut plain = vec![0; boxed.len() - MAC];
    crypto_box_open_easy(&mut plain, boxed, nonce, public, secret).expect("it was sealed for us");
    plain
}

/// The body of the last frame in `bytes`, whose body is so long.
fn last(bytes: &[u8], length: usize) -> &[u8] {
    &bytes[bytes.len() - length..]
}

/// What an input does to a command.
#[derive(Clone, Copy)]
enum Deed<'a> {
    Nothing,
    /// Another command altogether.
    Replace(&'a [u8]),
    /// Something else in its box.
    Refill(&'a [u8]),
    /// Bits changed: pairs of place and mask.
    Flip(&'a [u8]),
    /// Cut off, or longer.
    Resize(&'a [u8]),
}

impl Deed<'_> {
    fn fill<'a>(&'a self, right: &'a [u8]) -> &'a [u8] {
        match self {
            Deed::Refill(other) => other,
            _ => right,
        }
    }

    fn apply(&self, mut command: Vec<u8>) -> Vec<u8> {
        match self {
            Deed::Nothing | Deed::Refill(_) => {}
            Deed::Replace(other) => return other.to_vec(),
            Deed::Flip(places) => {
                for place in places.chunks_exact(3) {
                    let at = usize::from(u16::from_le_bytes([place[0], place[1]])) % command.len();
                    command[at] ^= place[2];
                }
            }
            Deed::Resize(to) => {
                let to = to
                    .first_chunk::<2>()
                    .map_or(0, |&to| u16::from_le_bytes(to));
                command.resize(usize::from(to), 0);
            }
        }
        command
    }
}

/// The side under test and its peer.
struct Talk {
    side: Side,
    brief: Pair,
    key: [u8; 32],
}

impl Talk {
    fn new(choices: Choices) -> Talk {
        let mut side = Side::new(Kind::Curve, choices);
        side.hear(&greeting_of(Kind::Curve));
        Talk {
            side,
            brief: pair(3),
            key: [0; 32],
        }
    }

    fn say(&mut self, command: &[u8]) {
        let mut wire = Vec::new();
        frame::append_v2(&mut wire, frame::COMMAND, command);
        self.side.hear(&wire);
    }

    // The peer is a client.

    fn hello(&self, deed: Deed<'_>) -> Vec<u8> {
        let mut command = b"\x05HELLO\x01\0".to_vec();
        command.resize(80, 0);
        command.extend(self.brief.0);
        command.extend(1_u64.to_be_bytes());
        let nonce = short_nonce(b"CurveZMQHELLO---", 1);
        command.extend(sealed(
            deed.fill(&[0; 64]),
            &nonce,
            &server().0,
            &self.brief.1,
        ));
        deed.apply(command)
    }

    fn initiate(&mut self, deed: Deed<'_>) -> Vec<u8> {
        let welcome = last(&self.side.played.sent, 168);
        assert!(welcome.starts_with(b"\x07WELCOME"));
        let nonce = long_nonce(b"WELCOME-", welcome[8..24].try_into().expect("16 bytes"));
        let plain = opened(&welcome[24..], &nonce, &server().0, &self.brief.1);
        let (theirs, cookie) = plain.split_first_chunk::<32>().expect("128 bytes");
        self.key = crypto_box_beforenm(theirs, &self.brief.1).expect("a good key");
        let vouch_nonce = long_nonce(b"VOUCH---", [7; 16]);
        let vouch = [self.brief.0, server().0].concat();
        let vouch = sealed(&vouch, &vouch_nonce, theirs, &client().1);
        let plain = [&client().0[..], &vouch_nonce[8..], &vouch, METADATA].concat();
        // The metadata alone, or everything in the box.
        let plain = match deed {
            Deed::Refill([0, metadata @ ..]) => [&plain[..128], metadata].concat(),
            Deed::Refill([_, rest @ ..]) => rest.to_vec(),
            _ => plain,
        };
        let nonce = short_nonce(b"CurveZMQINITIATE", 2);
        let mut command = [&b"\x08INITIATE"[..], cookie, &2_u64.to_be_bytes()].concat();
        command.extend(sealed(&plain, &nonce, theirs, &self.brief.1));
        deed.apply(command)
    }

    // The peer is a server.

    fn welcome(&mut self, deed: Deed<'_>) -> Vec<u8> {
        let hello = last(&self.side.played.sent, 200);
        assert!(hello.starts_with(b"\x05HELLO\x01\0"));
        let theirs: [u8; 32] = hello[80..112].try_into().expect("32 bytes");
        let nonce = short_nonce(b"CurveZMQHELLO---", 1);
        assert_eq!(opened(&hello[120..], &nonce, &theirs, &server().1), [0; 64]);
        self.key = crypto_box_beforenm(&theirs, &self.brief.1).expect("a good key");
        let plain = [&self.brief.0[..], &[9; 96]].concat();
        let nonce = long_nonce(b"WELCOME-", [5; 16]);
        let mut command = [&b"\x07WELCOME"[..], &nonce[8..]].concat();
        command.extend(sealed(deed.fill(&plain), &nonce, &theirs, &server().1));
        deed.apply(command)
    }

    fn ready(&self, deed: Deed<'_>) -> Vec<u8> {
        let mut command = [&b"\x05READY"[..], &1_u64.to_be_bytes()].concat();
        command.extend(self.afternm(b"CurveZMQREADY---", 1, deed.fill(METADATA)));
        deed.apply(command)
    }

    fn afternm(&self, prefix: &[u8; 16], counter: u64, plain: &[u8]) -> Vec<u8> {
        let mut boxed = vec![0; plain.len() + MAC];
        crypto_box_easy_afternm(&mut boxed, plain, &short_nonce(prefix, counter), &self.key)
            .expect("it fits");
        boxed
    }

    fn goes_on(&self) -> bool {
        self.side.played.failure.is_none()
    }

    /// Both commands of the peer, with a deed to one of them.
    fn shake(&mut self, as_server: bool, deed: Deed<'_>, second: bool) {
        let (first, then) = if second {
            (Deed::Nothing, deed)
        } else {
            (deed, Deed::Nothing)
        };
        let command = if as_server {
            self.hello(first)
        } else {
            self.welcome(first)
        };
        self.say(&command);
        let answered = if as_server { 168 } else { 257 };
        if !self.goes_on() || self.side.played.sent.len() < 64 + answered {
            return;
        }
        let command = if as_server {
            self.initiate(then)
        } else {
            self.ready(then)
        };
        self.say(&command);
    }
}

/// Input: the choices, which command, what is done to it, and with what.
pub fn curve_commands(data: &[u8]) {
    let [choices, which, what, rest @ ..] = data else {
        return;
    };
    let choices = Choices(*choices);
    let deed = match what % 5 {
        0 => Deed::Nothing,
        1 => Deed::Replace(rest),
        2 => Deed::Refill(rest),
        3 => Deed::Flip(rest),
        _ => Deed::Resize(rest),
    };
    let mut talk = Talk::new(choices);
    talk.shake(choices.as_server(), deed, which & 1 != 0);
    let in_order = matches!(deed, Deed::Nothing);
    if in_order && talk.side.is_welcome() {
        assert!(
            talk.side.played.outcome.is_some(),
            "{:?}",
            talk.side.played.failure
        );
    }
    // A first command that was replaced can only be right by being what it was.
    if matches!(deed, Deed::Replace(_)) && which & 1 == 1 && choices.as_server() {
        assert!(talk.side.played.outcome.is_none(), "a stranger got in");
    }
}

/// Input: the choices, then messages: what is done to it, its flags, how far the nonce goes, a length, and so many bytes.
pub fn curve_messages(data: &[u8]) {
    let Some((&choices, mut rest)) = data.split_first() else {
        return;
    };
    // Accepted, in one piece.
    let choices = Choices(choices & 1 | 0xC0);
    let mut talk = Talk::new(choices);
    talk.shake(choices.as_server(), Deed::Nothing, false);
    let Some(Cipher { open, .. }) = talk.side.played.side.take_cipher() else {
        panic!("no cipher: {:?}", talk.side.played.failure);
    };
    let prefix = if choices.as_server() {
        b"CurveZMQMESSAGEC"
    } else {
        b"CurveZMQMESSAGES"
    };
    let mut counter: u64 = if choices.as_server() { 2 } else { 1 };
    let mut wire = Vec::new();
    // What has to come out, until something is wrong or beyond knowing here.
    let (mut reader, mut sure) = (Reader::default(), true);
    while let [what, flags, step, length, behind @ ..] = rest {
        let (body, behind) = behind.split_at((usize::from(*length) * 3).min(behind.len()));
        rest = behind;
        let next = counter.wrapping_add_signed(i64::from(*step as i8));
        let plain = [&[*flags], body].concat();
        let mut message = [&b"\x07MESSAGE"[..], &next.to_be_bytes()].concat();
        message.extend(talk.afternm(prefix, next, &plain));
        let right = message.clone();
        match what % 4 {
            0 => {}
            1 => message = body.to_vec(),
            2 => message.truncate(usize::from(*length)),
            _ => {
                let place = usize::from(*length) % message.len();
                message[place] ^= 1 << (flags & 7);
            }
        }
        frame::append_v2(&mut wire, what >> 2 & 5, &message);
        sure = sure && message == right && next > counter;
        if !sure {
            continue;
        }
        counter = next;
        // Inside, the flag of a command is another bit than outside.
        sure = reader.take(flags & 1 | (flags & 2) << 1, body);
    }
    let decoder = Decoder::sealed(&wire, open).expect("there is memory");
    compare(decoder, &reader.parts, sure);
}
