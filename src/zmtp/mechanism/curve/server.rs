//! A server's way: HELLO, WELCOME, INITIATE, the ZAP handler, READY. 26/CURVEZMQ.
#![forbid(unsafe_code)]

use subtle::ConstantTimeEq;

use super::boxes::{BoxKey, LONG, MAC, SHORT, long_nonce, random, short_nonce};
use super::key::{KEY_SIZE, PublicKey, SecretKey};
use super::{
    COOKIE, COOKIE_NONCE, Curve, HELLO, HELLO_NONCE, HELLO_SIZE, INITIATE, INITIATE_NONCE,
    INITIATE_SIZE, READY, READY_NONCE, Session, State, UNEXPECTED, VOUCH, VOUCH_NONCE, WELCOME,
    WELCOME_NONCE, WELCOME_SIZE, counter,
};
use crate::zmtp::failure::{Failure, code};
use crate::zmtp::mechanism::{append_own_metadata, peer_properties};

const VERSION_AT: usize = HELLO.len();
const CLIENT_AT: usize = 80;
const NONCE_AT: usize = CLIENT_AT + KEY_SIZE;

/// What a server that said WELCOME remembers.
#[derive(Debug)]
pub struct Welcomed {
    /// The client's key for this connection.
    client: PublicKey,
    /// Ours.
    short: SecretKey,
    cookie_key: BoxKey,
    /// Of the last nonce seen.
    heard: u64,
}

impl Curve {
    /// Answers a HELLO with a WELCOME.
    pub(super) fn hear_hello(&mut self, body: &mut [u8]) -> Result<State, Failure> {
        named(body, HELLO)?;
        let malformed = Failure::Protocol(code::ZMTP_MALFORMED_COMMAND_HELLO);
        if body.len() != HELLO_SIZE || body.get(VERSION_AT..VERSION_AT + 2) != Some(&[1, 0]) {
            return Err(malformed);
        }
        let (head, boxed) = body.split_at_mut(NONCE_AT + SHORT);
        let (client, nonce) = head
            .get(CLIENT_AT..)
            .and_then(PublicKey::split)
            .ok_or(malformed)?;
        let key = BoxKey::agree(&client, &self.config.curve.secret)?;
        let heard = counter(nonce);
        key.open(&short_nonce(HELLO_NONCE, heard), boxed)?;

        let welcomed = Welcomed {
            client,
            short: SecretKey::generate().map_err(|_| Failure::OutOfMemory)?,
            cookie_key: BoxKey::generate()?,
            heard,
        };
        self.outgoing = Some(welcome(&welcomed, &key)?);
        Ok(State::AwaitInitiate(Box::new(welcomed)))
    }

    pub(super) fn hear_initiate(
        &mut self,
        welcomed: Welcomed,
        body: &mut [u8],
    ) -> Result<State, Failure> {
        named(body, INITIATE)?;
        let malformed = Failure::Protocol(code::ZMTP_MALFORMED_COMMAND_INITIATE);
        if body.len() < INITIATE_SIZE {
            return Err(malformed);
        }
        let (cookie, rest) = body
            .split_at_mut(INITIATE.len())
            .1
            .split_at_mut_checked(COOKIE)
            .ok_or(malformed.clone())?;
        welcomed.check(cookie)?;
        let mut session = Session {
            key: BoxKey::agree(&welcomed.client, &welcomed.short)?,
            sent: 0,
            heard: welcomed.heard,
        };
        let (nonce, boxed) = rest.split_at_mut_checked(SHORT).ok_or(malformed.clone())?;
        session.hear(counter(nonce))?;
        let nonce = short_nonce(INITIATE_NONCE, session.heard);
        let opened = session.key.open(&nonce, boxed)?;
        let (client, rest) = PublicKey::split(opened).ok_or(malformed.clone())?;
        let (vouch, metadata) = rest.split_at_checked(LONG + VOUCH).ok_or(malformed)?;
        self.check_vouch(&welcomed, &client, vouch)?;
        self.peer = peer_properties(metadata, &self.config)?;
        // Somebody to ask is a must, and without a domain there is nothing to ask.
        if self.config.zap_enforced && self.config.zap_domain.is_empty() {
            return Ok(self.say_ready(session));
        }
        Ok(State::AskZap(client, session))
    }

    /// The client's long-term key says that the connection's key is its own, and that it speaks to us.
    fn check_vouch(
        &self,
        welcomed: &Welcomed,
        client: &PublicKey,
        vouch: &[u8],
    ) -> Result<(), Failure> {
        let mut vouch = vouch.to_vec();
        let exchange = Failure::Protocol(code::ZMTP_KEY_EXCHANGE);
        let (random, boxed) = vouch
            .split_first_chunk_mut::<LONG>()
            .ok_or(exchange.clone())?;
        let said = BoxKey::agree(client, &welcomed.short)?
            .open(&long_nonce(VOUCH_NONCE, random), boxed)?;
        let meant = [welcomed.client.0, self.config.curve.public.0].concat();
        match bool::from(said.ct_eq(&meant)) {
            true => Ok(()),
            false => Err(exchange),
        }
    }

    /// Says READY.
    pub(super) fn say_ready(&mut self, mut session: Session) -> State {
        session.sent += 1;
        let mut body = READY.to_vec();
        body.extend_from_slice(&session.sent.to_be_bytes());
        let at = body.len();
        body.resize(at + MAC, 0);
        append_own_metadata(&mut body, &self.config);
        let nonce = short_nonce(READY_NONCE, session.sent);
        session
            .key
            .seal(&nonce, body.get_mut(at..).unwrap_or_default());
        self.outgoing = Some(body);
        State::Ready(Some(session))
    }
}

impl Welcomed {
    /// The cookie is the one that we gave away.
    fn check(&self, cookie: &mut [u8]) -> Result<(), Failure> {
        let wrong = Failure::Protocol(code::ZMTP_CRYPTOGRAPHIC);
        let (random, boxed) = cookie
            .split_first_chunk_mut::<LONG>()
            .ok_or(wrong.clone())?;
        let said = self
            .cookie_key
            .open(&long_nonce(COOKIE_NONCE, random), boxed)?;
        let meant = zeroize::Zeroizing::new([self.client.0, *self.short.as_bytes()].concat());
        match bool::from(said.ct_eq(&meant)) {
            true => Ok(()),
            false => Err(wrong),
        }
    }
}

/// The body of a WELCOME, sealed with `key`: our key for this connection, and the cookie, a box that only we can open.
fn welcome(welcomed: &Welcomed, key: &BoxKey) -> Result<Vec<u8>, Failure> {
    let [welcome_random, cookie_random]: [[u8; LONG]; 2] = [random()?, random()?];
    let mut body = Vec::with_capacity(WELCOME_SIZE);
    body.extend_from_slice(WELCOME);
    body.extend_from_slice(&welcome_random);
    let at = body.len();
    body.resize(at + MAC, 0);
    body.extend_from_slice(&welcomed.short.public().0);
    body.extend_from_slice(&cookie_random);
    let cookie_at = body.len();
    body.resize(cookie_at + MAC, 0);
    body.extend_from_slice(&welcomed.client.0);
    body.extend_from_slice(welcomed.short.as_bytes());
    welcomed.cookie_key.seal(
        &long_nonce(COOKIE_NONCE, &cookie_random),
        body.get_mut(cookie_at..).unwrap_or_default(),
    );
    key.seal(
        &long_nonce(WELCOME_NONCE, &welcome_random),
        body.get_mut(at..).unwrap_or_default(),
    );
    Ok(body)
}

/// The command has this name.
fn named(body: &[u8], name: &[u8]) -> Result<(), Failure> {
    if body.starts_with(name) {
        return Ok(());
    }
    let whole = body
        .split_first()
        .is_some_and(|(&length, rest)| length > 0 && rest.len() >= usize::from(length));
    Err(match whole {
        true => UNEXPECTED,
        false => Failure::Protocol(code::ZMTP_MALFORMED_COMMAND_UNSPECIFIED),
    })
}
