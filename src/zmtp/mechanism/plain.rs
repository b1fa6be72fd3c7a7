//! PLAIN: HELLO with user name and password, WELCOME, INITIATE, READY; the server asks the ZAP handler in between, and
//! without one lets nobody in. 24/ZMTP-PLAIN; ERROR and ZAP as libzmq has them.
#![forbid(unsafe_code)]

use std::sync::Arc;

use super::{
    Mechanism, Status, Verdict, ZapRequest, admit, append_own_metadata, behind, peer_properties,
    status_to_tell,
};
use crate::zmtp::command;
use crate::zmtp::failure::{Failure, code};
use crate::zmtp::handshake::{Config, Credentials};
use crate::zmtp::metadata::Properties;
use crate::zmtp::secret::Secret;

const HELLO: &[u8] = b"\x05HELLO";
const WELCOME: &[u8] = b"\x07WELCOME";
const INITIATE: &[u8] = b"\x08INITIATE";
const READY: &[u8] = b"\x05READY";
const ERROR: &[u8] = b"\x05ERROR";
/// How libzmq spells it in PLAIN, and only there: its C compiler takes the E for a digit of the escape before it. Its
/// clients understand nothing else, so our servers say this; our clients understand both.
const LIBZMQ_ERROR: &[u8] = b"^RROR";

const UNEXPECTED: Failure = Failure::Protocol(code::ZMTP_UNEXPECTED_COMMAND);

/// One side of PLAIN.
#[derive(Debug)]
pub struct Plain {
    config: Arc<Config>,
    state: State,
    /// The peer's metadata, once it came.
    peer: Properties,
    /// What the ZAP handler says of the peer.
    zap: Properties,
}

#[derive(Debug)]
enum State {
    // A client's way.
    SendHello,
    AwaitWelcome,
    SendInitiate,
    AwaitReady,
    // A server's way.
    AwaitHello,
    AskZap(Credentials),
    AwaitZap,
    SendWelcome,
    AwaitInitiate,
    SendReady,
    SendError(Vec<u8>),
    // Both end here.
    Ready,
    Over,
}

impl Plain {
    /// Begins, on the side that the configuration names.
    pub fn start(config: &Arc<Config>) -> Plain {
        Plain {
            config: Arc::clone(config),
            state: if config.as_server {
                State::AwaitHello
            } else {
                State::SendHello
            },
            peer: Properties::new(),
            zap: Properties::new(),
        }
    }

    fn hear_welcome(&mut self, body: &[u8]) -> Result<State, Failure> {
        if let Some(rest) = body.strip_prefix(WELCOME) {
            return match rest {
                [] => Ok(State::SendInitiate),
                _ => Err(Failure::Protocol(code::ZMTP_MALFORMED_COMMAND_WELCOME)),
            };
        }
        Err(refusal(body))
    }

    fn hear_ready(&mut self, body: &[u8]) -> Result<State, Failure> {
        let Some(wire) = body.strip_prefix(READY) else {
            return Err(refusal(body));
        };
        self.peer = match peer_properties(wire, &self.config) {
            Err(Failure::Violation(_) | Failure::IncompatiblePeer) => {
                return Err(Failure::Protocol(code::ZMTP_INVALID_METADATA));
            }
            other => other?,
        };
        Ok(State::Ready)
    }

    fn hear_hello(&mut self, body: &[u8]) -> Result<State, Failure> {
        let argument = body.strip_prefix(HELLO).ok_or(UNEXPECTED)?;
        let malformed = Failure::Protocol(code::ZMTP_MALFORMED_COMMAND_HELLO);
        let (username, rest) = short_text(argument).ok_or(malformed.clone())?;
        let (password, rest) = short_text(rest).ok_or(malformed.clone())?;
        if !rest.is_empty() {
            return Err(malformed);
        }
        // A domain is a must and there is none, so there is no one to ask. libzmq aborts here.
        if self.config.zap_enforced && self.config.zap_domain.is_empty() {
            return Err(Failure::NoZapHandler);
        }
        Ok(State::AskZap(Credentials {
            username: Secret::from(username),
            password: Secret::from(password),
        }))
    }

    fn hear_initiate(&mut self, body: &[u8]) -> Result<State, Failure> {
        let wire = body.strip_prefix(INITIATE).ok_or(UNEXPECTED)?;
        self.peer = peer_properties(wire, &self.config)?;
        Ok(State::SendReady)
    }
}

impl Mechanism for Plain {
    fn process(&mut self, body: &mut [u8]) -> Result<(), Failure> {
        let body = &*body;
        let next = match std::mem::replace(&mut self.state, State::Over) {
            State::AwaitWelcome => self.hear_welcome(body),
            State::AwaitReady => self.hear_ready(body),
            State::AwaitHello => self.hear_hello(body),
            State::AwaitInitiate => self.hear_initiate(body),
            _ => Err(UNEXPECTED),
        };
        self.state = next?;
        Ok(())
    }

    fn next_command(&mut self) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        self.state = match &self.state {
            State::SendHello => {
                hello(&mut body, &self.config.plain);
                State::AwaitWelcome
            }
            State::SendInitiate => {
                body.extend_from_slice(INITIATE);
                append_own_metadata(&mut body, &self.config);
                State::AwaitReady
            }
            State::SendWelcome => {
                body.extend_from_slice(WELCOME);
                State::AwaitInitiate
            }
            State::SendReady => {
                body.extend_from_slice(READY);
                append_own_metadata(&mut body, &self.config);
                State::Ready
            }
            State::SendError(status) => {
                body.extend_from_slice(LIBZMQ_ERROR);
                body.push(status.len() as u8);
                body.extend_from_slice(status);
                State::Over
            }
            _ => return None,
        };
        Some(body)
    }

    fn status(&self) -> Status {
        match self.state {
            State::AskZap(_) | State::AwaitZap => Status::WaitingForZap,
            State::Ready => Status::Ready,
            _ => Status::Handshaking,
        }
    }

    fn zap_request(&mut self) -> Option<ZapRequest> {
        let State::AskZap(asked) = &mut self.state else {
            return None;
        };
        let Credentials { username, password } = std::mem::take(asked);
        self.state = State::AwaitZap;
        Some(ZapRequest {
            mechanism: "PLAIN",
            credentials: vec![username, password],
        })
    }

    fn zap_reply(&mut self, verdict: Verdict) -> Result<(), Failure> {
        match admit(verdict, true) {
            Ok(zap) => {
                self.zap = zap;
                self.state = State::SendWelcome;
                Ok(())
            }
            Err(failure) => {
                self.state = status_to_tell(&failure).map_or(State::Over, State::SendError);
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
}

/// The body of a HELLO. What is longer than 255 bytes, which the options refuse, is cut.
fn hello(body: &mut Vec<u8>, credentials: &Credentials) {
    let texts = [&credentials.username, &credentials.password].map(|text| {
        let bytes = text.expose();
        &bytes[..bytes.len().min(usize::from(u8::MAX))]
    });
    // At once: a vector that grows leaves copies of what it held.
    body.reserve_exact(HELLO.len() + texts.iter().map(|text| 1 + text.len()).sum::<usize>());
    body.extend_from_slice(HELLO);
    for text in texts {
        body.push(text.len() as u8);
        body.extend_from_slice(text);
    }
}

/// A length, so many bytes, and the rest.
fn short_text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&length, rest) = bytes.split_first()?;
    rest.split_at_checked(usize::from(length))
}

/// Why a client goes no further on what is not the command it waits for.
fn refusal(body: &[u8]) -> Failure {
    let spelled = [ERROR, LIBZMQ_ERROR];
    match spelled.iter().find_map(|name| body.strip_prefix(*name)) {
        Some(argument) => match command::error_reason(argument) {
            Some(reason) => Failure::PeerError(reason.to_vec()),
            None => Failure::Protocol(code::ZMTP_MALFORMED_COMMAND_ERROR),
        },
        None => UNEXPECTED,
    }
}

#[cfg(test)]
mod tests;
