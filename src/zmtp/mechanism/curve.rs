//! CURVE: both sides prove that they have the keys they claim, and everything after is sealed. 26/CURVEZMQ; ERROR and ZAP
//! as libzmq has them.
#![forbid(unsafe_code)]

mod boxes;
mod client;
pub mod key;
mod message;
mod server;

use std::sync::Arc;

use self::boxes::{BoxKey, LONG, MAC};
use self::client::Greeted;
use self::key::{KEY_SIZE, PublicKey, SecretKey};
use self::server::Welcomed;
use super::cipher::Cipher;
use super::{Mechanism, Status, Verdict, ZapRequest, admit, behind, error_to_tell};
use crate::zmtp::failure::{Failure, code};
use crate::zmtp::handshake::Config;
use crate::zmtp::metadata::Properties;
use crate::zmtp::secret::Secret;

const HELLO: &[u8] = b"\x05HELLO";
const WELCOME: &[u8] = b"\x07WELCOME";
const INITIATE: &[u8] = b"\x08INITIATE";
const READY: &[u8] = b"\x05READY";

const HELLO_NONCE: &[u8; 16] = b"CurveZMQHELLO---";
const WELCOME_NONCE: &[u8; 8] = b"WELCOME-";
const COOKIE_NONCE: &[u8; 8] = b"COOKIE--";
const VOUCH_NONCE: &[u8; 8] = b"VOUCH---";
const INITIATE_NONCE: &[u8; 16] = b"CurveZMQINITIATE";
const READY_NONCE: &[u8; 16] = b"CurveZMQREADY---";

/// Bytes of the commands, and of what is in them.
const HELLO_SIZE: usize = 200;
const WELCOME_SIZE: usize = 168;
const COOKIE: usize = LONG + MAC + 2 * KEY_SIZE;
const VOUCH: usize = MAC + 2 * KEY_SIZE;
/// The least of an INITIATE: without metadata.
const INITIATE_SIZE: usize = INITIATE.len() + COOKIE + 8 + MAC + KEY_SIZE + LONG + VOUCH;

const UNEXPECTED: Failure = Failure::Protocol(code::ZMTP_UNEXPECTED_COMMAND);

/// The long-term keys of a socket.
#[derive(Clone, Default, Debug)]
pub struct Keys {
    /// `CURVE_SECRETKEY`
    pub secret: SecretKey,
    /// A client's `CURVE_PUBLICKEY`; of a server, what belongs to its secret key.
    pub public: PublicKey,
    /// `CURVE_SERVERKEY`
    pub server: PublicKey,
}

impl Keys {
    /// A server's keys: its public one is that of its secret.
    pub fn of_server(secret: SecretKey) -> Keys {
        Keys {
            public: secret.public(),
            secret,
            server: PublicKey::default(),
        }
    }
}

/// What both sides know when they are through.
#[derive(Debug)]
struct Session {
    key: BoxKey,
    /// Of the last nonce that we used.
    sent: u64,
    /// Of the last nonce that the peer used.
    heard: u64,
}

impl Session {
    /// The peer's next nonce: they only go up.
    fn hear(&mut self, counter: u64) -> Result<(), Failure> {
        if counter <= self.heard {
            return Err(Failure::Protocol(code::ZMTP_INVALID_SEQUENCE));
        }
        self.heard = counter;
        Ok(())
    }
}

/// One side of CURVE.
#[derive(Debug)]
pub struct Curve {
    config: Arc<Config>,
    state: State,
    outgoing: Option<Vec<u8>>,
    /// The peer's metadata, once it came.
    peer: Properties,
    /// What the ZAP handler says of the peer.
    zap: Properties,
}

#[derive(Debug)]
enum State {
    // A client's way.
    AwaitWelcome(Box<Greeted>),
    AwaitReady(Session),
    // A server's way.
    AwaitHello,
    AwaitInitiate(Box<Welcomed>),
    AskZap(PublicKey, Session),
    AwaitZap(Session),
    // Both end here.
    Ready(Option<Session>),
    Over(Failure),
}

impl Curve {
    /// Begins, on the side that the configuration names.
    pub fn start(config: &Arc<Config>) -> Curve {
        let mut curve = Curve {
            config: Arc::clone(config),
            state: State::AwaitHello,
            outgoing: None,
            peer: Properties::new(),
            zap: Properties::new(),
        };
        if !config.as_server {
            curve.state = curve.hello().unwrap_or_else(State::Over);
        }
        curve
    }

    fn leave(&mut self) -> State {
        std::mem::replace(&mut self.state, State::Over(UNEXPECTED))
    }
}

impl Mechanism for Curve {
    fn process(&mut self, body: &mut [u8]) -> Result<(), Failure> {
        self.state = match self.leave() {
            State::AwaitWelcome(greeted) => self.hear_welcome(*greeted, body),
            State::AwaitReady(session) => self.hear_ready(session, body),
            State::AwaitHello => self.hear_hello(body),
            State::AwaitInitiate(welcomed) => self.hear_initiate(*welcomed, body),
            State::Over(failure) => Err(failure),
            State::AskZap(..) | State::AwaitZap(_) | State::Ready(_) => Err(UNEXPECTED),
        }?;
        Ok(())
    }

    fn next_command(&mut self) -> Option<Vec<u8>> {
        self.outgoing.take()
    }

    fn status(&self) -> Status {
        match self.state {
            State::AskZap(..) | State::AwaitZap(_) => Status::WaitingForZap,
            State::Ready(_) => Status::Ready,
            _ => Status::Handshaking,
        }
    }

    fn zap_request(&mut self) -> Option<ZapRequest> {
        let (client, session) = match self.leave() {
            State::AskZap(client, session) => (client, session),
            other => {
                self.state = other;
                return None;
            }
        };
        self.state = State::AwaitZap(session);
        Some(ZapRequest {
            mechanism: "CURVE",
            credentials: vec![Secret::from(&client.0[..])],
        })
    }

    fn zap_reply(&mut self, verdict: Verdict) -> Result<(), Failure> {
        let State::AwaitZap(session) = self.leave() else {
            return Err(UNEXPECTED);
        };
        match admit(verdict, self.config.zap_enforced) {
            Ok(zap) => {
                self.zap = zap;
                self.state = self.say_ready(session);
                Ok(())
            }
            Err(failure) => {
                self.outgoing = error_to_tell(&failure);
                Err(failure)
            }
        }
    }

    fn take_properties(&mut self) -> Properties {
        behind(
            std::mem::take(&mut self.zap),
            std::mem::take(&mut self.peer),
        )
    }

    fn take_cipher(&mut self) -> Option<Cipher> {
        let State::Ready(session) = &mut self.state else {
            return None;
        };
        Some(message::cipher(session.take()?, self.config.as_server))
    }
}

/// A short nonce as it goes over the wire.
fn counter(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0, |sum, &byte| sum << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests;
