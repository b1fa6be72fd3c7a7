//! A client's way: HELLO, WELCOME, INITIATE, READY. 26/CURVEZMQ.
#![forbid(unsafe_code)]

use super::boxes::{BoxKey, LONG, MAC, SHORT, long_nonce, random, short_nonce};
use super::key::{KEY_SIZE, PublicKey, SecretKey};
use super::{
    COOKIE, Curve, HELLO, HELLO_NONCE, HELLO_SIZE, INITIATE, INITIATE_NONCE, READY, READY_NONCE,
    Session, State, UNEXPECTED, VOUCH, VOUCH_NONCE, WELCOME, WELCOME_NONCE, WELCOME_SIZE, counter,
};
use crate::zmtp::command;
use crate::zmtp::failure::{Failure, code};
use crate::zmtp::handshake::Config;
use crate::zmtp::mechanism::{append_own_metadata, peer_properties};

const ERROR: &[u8] = b"\x05ERROR";
const VERSION: [u8; 2] = [1, 0];
/// Zeroes against amplification: a server's answer is never longer than what it answers.
const PADDING: usize = 72;
const SIGNATURE: usize = 64;

/// What a client that said HELLO remembers.
#[derive(Debug)]
pub struct Greeted {
    /// Its key for this connection.
    short: SecretKey,
    /// Shared with the server's long-term key.
    key: BoxKey,
}

impl Curve {
    /// Says HELLO.
    pub(super) fn hello(&mut self) -> Result<State, Failure> {
        let short = SecretKey::generate().map_err(|_| Failure::OutOfMemory)?;
        let key = match BoxKey::agree(&self.config.curve.server, &short) {
            Ok(key) => key,
            // A server key that is none. The server has another one, and says so.
            Err(_) => BoxKey::generate()?,
        };
        let mut body = Vec::with_capacity(HELLO_SIZE);
        body.extend_from_slice(HELLO);
        body.extend_from_slice(&VERSION);
        body.resize(body.len() + PADDING, 0);
        body.extend_from_slice(&short.public().0);
        body.extend_from_slice(&1u64.to_be_bytes());
        let at = body.len();
        body.resize(at + MAC + SIGNATURE, 0);
        key.seal(
            &short_nonce(HELLO_NONCE, 1),
            body.get_mut(at..).unwrap_or_default(),
        );
        self.outgoing = Some(body);
        Ok(State::AwaitWelcome(Box::new(Greeted { short, key })))
    }

    pub(super) fn hear_welcome(
        &mut self,
        greeted: Greeted,
        body: &mut [u8],
    ) -> Result<State, Failure> {
        if !body.starts_with(WELCOME) {
            return Err(refusal(body));
        }
        if body.len() != WELCOME_SIZE {
            return Err(Failure::Protocol(code::ZMTP_MALFORMED_COMMAND_WELCOME));
        }
        let (_, rest) = body.split_at_mut(WELCOME.len());
        let (nonce, boxed) = rest
            .split_first_chunk_mut::<LONG>()
            .ok_or(Failure::Protocol(code::ZMTP_MALFORMED_COMMAND_WELCOME))?;
        let opened = greeted.key.open(&long_nonce(WELCOME_NONCE, nonce), boxed)?;
        let (server, cookie) = PublicKey::split(opened)
            .ok_or(Failure::Protocol(code::ZMTP_MALFORMED_COMMAND_WELCOME))?;
        let session = Session {
            key: BoxKey::agree(&server, &greeted.short)?,
            sent: 2,
            heard: 0,
        };
        self.outgoing = Some(initiate(
            &self.config,
            &greeted.short,
            &server,
            &session,
            cookie,
        )?);
        Ok(State::AwaitReady(session))
    }

    pub(super) fn hear_ready(
        &mut self,
        mut session: Session,
        body: &mut [u8],
    ) -> Result<State, Failure> {
        if !body.starts_with(READY) {
            return Err(refusal(body));
        }
        let malformed = Failure::Protocol(code::ZMTP_MALFORMED_COMMAND_READY);
        let (_, rest) = body.split_at_mut(READY.len());
        let (nonce, boxed) = rest.split_at_mut_checked(SHORT).ok_or(malformed.clone())?;
        if boxed.len() < MAC {
            return Err(malformed);
        }
        session.heard = counter(nonce);
        let nonce = short_nonce(READY_NONCE, session.heard);
        let metadata = session.key.open(&nonce, boxed)?;
        self.peer = match peer_properties(metadata, &self.config) {
            Err(Failure::Violation(_) | Failure::IncompatiblePeer) => {
                return Err(Failure::Protocol(code::ZMTP_INVALID_METADATA));
            }
            other => other?,
        };
        Ok(State::Ready(Some(session)))
    }
}

/// The body of an INITIATE: the cookie goes back, and a box with our long-term key, the vouch that this connection's key is
/// ours, and the metadata.
fn initiate(
    config: &Config,
    short: &SecretKey,
    server: &PublicKey,
    session: &Session,
    cookie: &[u8],
) -> Result<Vec<u8>, Failure> {
    let vouch_random: [u8; LONG] = random()?;
    let mut vouch = [0; VOUCH];
    let (_, said) = vouch.split_at_mut(MAC);
    let (first, second) = said.split_at_mut(KEY_SIZE);
    first.copy_from_slice(&short.public().0);
    second.copy_from_slice(&config.curve.server.0);
    BoxKey::agree(server, &config.curve.secret)?
        .seal(&long_nonce(VOUCH_NONCE, &vouch_random), &mut vouch);

    let mut body = Vec::new();
    body.extend_from_slice(INITIATE);
    body.extend_from_slice(cookie.get(..COOKIE).unwrap_or(cookie));
    body.extend_from_slice(&session.sent.to_be_bytes());
    let at = body.len();
    body.resize(at + MAC, 0);
    body.extend_from_slice(&config.curve.public.0);
    body.extend_from_slice(&vouch_random);
    body.extend_from_slice(&vouch);
    append_own_metadata(&mut body, config);
    let nonce = short_nonce(INITIATE_NONCE, session.sent);
    session
        .key
        .seal(&nonce, body.get_mut(at..).unwrap_or_default());
    Ok(body)
}

/// Why a client goes no further on what is not the command it waits for.
fn refusal(body: &[u8]) -> Failure {
    match body.strip_prefix(ERROR) {
        Some(argument) => match command::error_reason(argument) {
            Some(reason) => Failure::PeerError(reason.to_vec()),
            None => Failure::Protocol(code::ZMTP_MALFORMED_COMMAND_ERROR),
        },
        None => UNEXPECTED,
    }
}
