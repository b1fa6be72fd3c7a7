//! GSSAPI: tokens of a GSSAPI negotiation go back and forth as INITIATE until both sides know each other, then both say
//! READY, sealed unless the settings say plaintext. 38/ZMTP-GSSAPI leaves the form open; this is libzmq's.
//!
//! What the negotiation asks of files, name servers and key distribution centers may take long, so each of its steps is an
//! [`Errand`] for another thread. The server's answer to a negotiation that is over is an empty command of the client; only
//! then does it ask the ZAP handler.
#![forbid(unsafe_code)]

use std::ops::Range;
use std::sync::Arc;

use parking_lot::Mutex;

use self::message::{Opener, Sealer, Shared};
use self::party::{Errand, Established, Kerberos, Party, Report, Step};
use super::cipher::{Cipher, Open};
use super::{
    Mechanism, Status, Verdict, ZapRequest, admit, append_own_metadata, behind, error_to_tell,
    peer_properties,
};
use crate::sys::gssapi::NameType;
use crate::zmtp::command;
use crate::zmtp::failure::{Failure, code};
use crate::zmtp::handshake::Config;
use crate::zmtp::metadata::Properties;
use crate::zmtp::secret::Secret;

mod message;
pub mod party;
#[cfg(any(test, feature = "bench"))]
pub mod toy;

const INITIATE: &[u8] = b"\x08INITIATE";
const READY: &[u8] = b"\x05READY";
const ERROR: &[u8] = b"\x05ERROR";

/// Kerberos takes one step on the server's side and two on the client's. What takes many more is no negotiation.
const MAX_STEPS: u8 = 8;

const UNEXPECTED: Failure = Failure::Protocol(code::ZMTP_UNEXPECTED_COMMAND);
const MALFORMED: Failure = Failure::Protocol(code::ZMTP_MALFORMED_COMMAND_INITIATE);
const REFUSED: Failure = Failure::Protocol(code::ZMTP_CRYPTOGRAPHIC);

/// Who we are, and whom we talk to.
#[derive(Clone, Default, Debug)]
pub struct Settings {
    /// `GSSAPI_PRINCIPAL`; empty for whoever has credentials here.
    pub principal: Vec<u8>,
    /// `GSSAPI_PRINCIPAL_NAMETYPE`
    pub principal_type: NameType,
    /// `GSSAPI_SERVICE_PRINCIPAL`: a client's server.
    pub service: Vec<u8>,
    /// `GSSAPI_SERVICE_PRINCIPAL_NAMETYPE`
    pub service_type: NameType,
    /// `GSSAPI_PLAINTEXT`: what follows the negotiation is not sealed.
    pub plaintext: bool,
}

/// One side of GSSAPI.
#[derive(Debug)]
pub struct Gssapi {
    config: Arc<Config>,
    state: State,
    /// Steps of the negotiation.
    steps: u8,
    /// What it left.
    channel: Option<Shared>,
    /// The client, for the ZAP handler.
    principal: Secret,
    /// The peer's metadata, once it came.
    peer: Properties,
    /// What the ZAP handler says of the peer.
    zap: Properties,
}

#[derive(Debug)]
enum State {
    /// A step of the negotiation is to be taken.
    Step(Errand),
    /// It is being taken.
    Away,
    /// A command is to be sent; what follows.
    Send(Vec<u8>, Box<State>),
    AwaitToken(Box<dyn Party>),
    // A server's way.
    AwaitAssent,
    AskZap,
    AwaitZap,
    // Both end here.
    AwaitReady,
    Ready,
    Over,
}

impl Gssapi {
    /// Begins, on the side that the configuration names.
    pub fn start(config: &Arc<Config>) -> Gssapi {
        let settings = config.gssapi.clone();
        let party = if config.as_server {
            Kerberos::Server(settings)
        } else {
            Kerberos::Client(settings)
        };
        Gssapi::with(config, Box::new(party))
    }

    fn with(config: &Arc<Config>, party: Box<dyn Party>) -> Gssapi {
        let mut gssapi = Gssapi {
            config: Arc::clone(config),
            state: State::Over,
            steps: 0,
            channel: None,
            principal: Secret::default(),
            peer: Properties::new(),
            zap: Properties::new(),
        };
        gssapi.state = if config.as_server {
            State::AwaitToken(party)
        } else {
            gssapi.step(party, Vec::new())
        };
        gssapi
    }

    fn step(&mut self, party: Box<dyn Party>, token: Vec<u8>) -> State {
        self.steps += 1;
        State::Step(Errand::new(party, token))
    }

    /// The peer's next token.
    fn hear_token(&mut self, party: Box<dyn Party>, body: &[u8]) -> Result<State, Failure> {
        if let Some(failure) = self.refusal(body) {
            return Err(failure);
        }
        check_structure(body)?;
        let token = argument(body, INITIATE, MALFORMED)?;
        let token = body.get(token).unwrap_or_default();
        if token.is_empty() {
            return Err(MALFORMED);
        }
        if self.steps == MAX_STEPS {
            return Err(REFUSED);
        }
        let mut copy = Vec::new();
        copy.try_reserve_exact(token.len())?;
        copy.extend_from_slice(token);
        Ok(self.step(party, copy))
    }

    /// What follows a step.
    fn proceed(&mut self, party: Box<dyn Party>, step: Step) -> Result<State, Failure> {
        let Step { token, established } = step;
        let Some(Established { channel, peer }) = established else {
            // Whoever has nothing to say and is not done yet never will be.
            return match token.is_empty() {
                true => Err(REFUSED),
                false => Ok(State::Send(
                    initiate(&token),
                    Box::new(State::AwaitToken(party)),
                )),
            };
        };
        self.channel = Some(Arc::new(Mutex::new(channel)));
        if !self.config.as_server {
            return Ok(State::Send(initiate(&token), Box::new(State::AwaitReady)));
        }
        self.principal = Secret::from(peer.as_slice());
        Ok(match token.is_empty() {
            true => State::AskZap,
            false => State::Send(initiate(&token), Box::new(State::AwaitAssent)),
        })
    }

    fn hear_ready(&mut self, body: &mut [u8]) -> Result<State, Failure> {
        if let Some(failure) = self.refusal(body) {
            return Err(failure);
        }
        let mut opened = 0..body.len();
        if !self.config.gssapi.plaintext {
            let channel = self.channel.as_ref().ok_or(UNEXPECTED)?;
            opened = Opener::new(Arc::clone(channel)).open(body)?.body;
        }
        let ready = body.get(opened).unwrap_or_default();
        check_structure(ready)?;
        let wire = ready.strip_prefix(READY).ok_or(UNEXPECTED)?;
        self.peer = match peer_properties(wire, &self.config) {
            Err(Failure::Violation(_) | Failure::IncompatiblePeer) => {
                return Err(Failure::Protocol(code::ZMTP_INVALID_METADATA));
            }
            other => other?,
        };
        match self.config.as_server {
            true => Ok(State::Ready),
            false => self.say_ready(State::Ready),
        }
    }

    fn say_ready(&self, next: State) -> Result<State, Failure> {
        let mut body = READY.to_vec();
        append_own_metadata(&mut body, &self.config);
        if !self.config.gssapi.plaintext {
            let channel = self.channel.as_ref().ok_or(UNEXPECTED)?;
            body = message::sealed(channel, &body)?;
        }
        Ok(State::Send(body, Box::new(next)))
    }

    /// Why a client goes no further: the server says no.
    fn refusal(&self, body: &[u8]) -> Option<Failure> {
        if self.config.as_server {
            return None;
        }
        let argument = body.strip_prefix(ERROR)?;
        Some(match command::error_reason(argument) {
            Some(reason) => Failure::PeerError(reason.to_vec()),
            None => Failure::Protocol(code::ZMTP_MALFORMED_COMMAND_ERROR),
        })
    }
}

impl Mechanism for Gssapi {
    fn process(&mut self, body: &mut [u8]) -> Result<(), Failure> {
        let next = match std::mem::replace(&mut self.state, State::Over) {
            State::AwaitToken(party) => self.hear_token(party, body),
            State::AwaitAssent if body.is_empty() => Ok(State::AskZap),
            State::AwaitReady => self.hear_ready(body),
            _ => Err(UNEXPECTED),
        };
        self.state = next?;
        Ok(())
    }

    fn next_command(&mut self) -> Option<Vec<u8>> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Send(body, next) => {
                self.state = *next;
                Some(body)
            }
            other => {
                self.state = other;
                None
            }
        }
    }

    fn status(&self) -> Status {
        match self.state {
            State::Step(_) | State::Away => Status::Working,
            State::AskZap | State::AwaitZap => Status::WaitingForZap,
            State::Ready => Status::Ready,
            _ => Status::Handshaking,
        }
    }

    fn take_errand(&mut self) -> Option<Errand> {
        match std::mem::replace(&mut self.state, State::Away) {
            State::Step(errand) => Some(errand),
            other => {
                self.state = other;
                None
            }
        }
    }

    fn report(&mut self, report: Report) -> Result<(), Failure> {
        self.state = State::Over;
        self.state = self.proceed(report.party, report.step?)?;
        Ok(())
    }

    fn zap_request(&mut self) -> Option<ZapRequest> {
        if !matches!(self.state, State::AskZap) {
            return None;
        }
        self.state = State::AwaitZap;
        Some(ZapRequest {
            mechanism: "GSSAPI",
            credentials: vec![std::mem::take(&mut self.principal)],
        })
    }

    fn zap_reply(&mut self, verdict: Verdict) -> Result<(), Failure> {
        self.state = State::Over;
        // Where a domain is a must, so is a handler; libzmq lets everybody in that Kerberos knows.
        let must = self.config.zap_enforced && !self.config.zap_domain.is_empty();
        match admit(verdict, must) {
            Ok(zap) => {
                self.zap = zap;
                self.state = self.say_ready(State::AwaitReady)?;
                Ok(())
            }
            Err(failure) => {
                if let Some(body) = error_to_tell(&failure) {
                    self.state = State::Send(body, Box::new(State::Over));
                }
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
        let channel = self.channel.take()?;
        if self.config.gssapi.plaintext {
            return None;
        }
        Some(Cipher {
            seal: Box::new(Sealer::new(Arc::clone(&channel))),
            open: Box::new(Opener::new(channel)),
        })
    }

    #[cfg(test)]
    fn held(&self) -> usize {
        match &self.state {
            State::Step(errand) => errand.held(),
            _ => 0,
        }
    }
}

/// The command that carries a token; where there is none, an empty command says that the negotiation is over.
fn initiate(token: &[u8]) -> Vec<u8> {
    if token.is_empty() {
        return Vec::new();
    }
    let length = u32::try_from(token.len()).unwrap_or(u32::MAX);
    [INITIATE, &length.to_be_bytes(), token].concat()
}

/// A command has a name.
fn check_structure(body: &[u8]) -> Result<(), Failure> {
    match body.split_first() {
        Some((&length, rest)) if !rest.is_empty() && rest.len() >= usize::from(length) => Ok(()),
        _ => Err(Failure::Protocol(code::ZMTP_MALFORMED_COMMAND_UNSPECIFIED)),
    }
}

/// Where in a command of this name its argument lies, which is all behind four bytes of length.
fn argument(body: &[u8], name: &[u8], malformed: Failure) -> Result<Range<usize>, Failure> {
    let rest = body.strip_prefix(name).ok_or(UNEXPECTED)?;
    let (length, token) = rest.split_first_chunk::<4>().ok_or(malformed.clone())?;
    if usize::try_from(u32::from_be_bytes(*length)) != Ok(token.len()) {
        return Err(malformed);
    }
    Ok(body.len() - token.len()..body.len())
}

#[cfg(test)]
mod tests;
