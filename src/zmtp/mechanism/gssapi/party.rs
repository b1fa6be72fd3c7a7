//! Who negotiates: Kerberos through the system's library, or in tests something that needs neither.
#![forbid(unsafe_code)]

use std::fmt;
use std::ops::Range;

use super::Settings;
use crate::sys::gssapi::{Acceptor, Context, Initiator, NameType};
use crate::zmtp::failure::{Failure, code};

/// One side of a negotiation. A step may block for long.
pub trait Party: Send + fmt::Debug {
    /// Goes a step further with the peer's token; the first step of the side that begins has none. Not called again after
    /// an error, nor once established.
    fn step(&mut self, token: &[u8]) -> Result<Step, Failure>;
}

/// What came of a step.
#[derive(Debug)]
pub struct Step {
    /// For the peer; empty for none.
    pub token: Vec<u8>,
    /// What was agreed on, once it is.
    pub established: Option<Established>,
}

/// The end of a negotiation.
#[derive(Debug)]
pub struct Established {
    /// For all that follows.
    pub channel: Box<dyn Channel>,
    /// Who the peer is, where it is the one that began.
    pub peer: Vec<u8>,
}

/// What both sides seal and open with. Never blocks.
pub trait Channel: Send + fmt::Debug {
    /// Seals, and appends the token to `out`.
    fn wrap(&mut self, plain: &[u8], out: &mut Vec<u8>) -> Result<(), Failure>;

    /// Opens the token that lies at `token` in `bytes`. What was in it lies at their beginning then; so many bytes.
    fn unwrap(&mut self, bytes: &mut [u8], token: Range<usize>) -> Result<usize, Failure>;
}

/// A step that is to be taken where blocking does no harm.
#[derive(Debug)]
pub struct Errand {
    pub(super) party: Box<dyn Party>,
    pub(super) token: Vec<u8>,
}

/// What an errand brought.
#[derive(Debug)]
pub struct Report {
    pub(super) party: Box<dyn Party>,
    pub(super) step: Result<Step, Failure>,
}

impl Errand {
    /// A step of `party` with the token of its peer.
    pub fn new(party: Box<dyn Party>, token: Vec<u8>) -> Errand {
        Errand { party, token }
    }

    /// Runs it; this may take as long as a key distribution center does not answer.
    pub fn run(mut self) -> Report {
        let step = self.party.step(&self.token);
        Report {
            party: self.party,
            step,
        }
    }

    /// Runs it with `party` in the place of its own.
    #[cfg(any(test, feature = "bench"))]
    pub fn run_by(mut self, party: Box<dyn Party>) -> Report {
        self.party = party;
        self.run()
    }

    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.token.capacity()
    }
}

/// What is no good of the peer's.
const REFUSED: Failure = Failure::Protocol(code::ZMTP_CRYPTOGRAPHIC);

/// One side of Kerberos.
#[derive(Debug)]
pub enum Kerberos {
    /// A client that has not begun.
    Client(Settings),
    /// A server that has not heard anything.
    Server(Settings),
    /// A client on its way.
    Initiator(Initiator),
    /// A server on its way.
    Acceptor(Acceptor),
    /// There is nothing left to do.
    Over,
}

impl Kerberos {
    /// Finds the credentials: those of the one named in the settings, or whatever there are.
    fn begin(self) -> Result<Kerberos, Failure> {
        let own = |settings: &Settings| -> Option<(Vec<u8>, NameType)> {
            let named = !settings.principal.is_empty();
            named.then(|| (settings.principal.clone(), settings.principal_type))
        };
        let begun = match self {
            Kerberos::Client(settings) => {
                let own = own(&settings);
                let service = (settings.service.as_slice(), settings.service_type);
                let own = own.as_ref().map(|(text, kind)| (text.as_slice(), *kind));
                Initiator::new(own, service).map(Kerberos::Initiator)
            }
            Kerberos::Server(settings) => {
                let own = own(&settings);
                let own = own.as_ref().map(|(text, kind)| (text.as_slice(), *kind));
                Acceptor::new(own).map(Kerberos::Acceptor)
            }
            other => return Ok(other),
        };
        begun.map_err(|_| Failure::NoCredentials)
    }
}

impl Party for Kerberos {
    fn step(&mut self, token: &[u8]) -> Result<Step, Failure> {
        match std::mem::replace(self, Kerberos::Over).begin()? {
            Kerberos::Initiator(mut initiator) => {
                let step = initiator.step(token).map_err(|_| match token {
                    // Before a word of the peer it cannot be the peer's fault.
                    [] => Failure::NoCredentials,
                    _ => REFUSED,
                })?;
                let established = if step.established {
                    Some(Established {
                        channel: Box::new(initiator.into_context()),
                        peer: Vec::new(),
                    })
                } else {
                    *self = Kerberos::Initiator(initiator);
                    None
                };
                Ok(Step {
                    token: step.token.to_vec(),
                    established,
                })
            }
            Kerberos::Acceptor(mut acceptor) => {
                let step = acceptor.step(token).map_err(|_| REFUSED)?;
                let established = if step.established {
                    let peer = acceptor.peer().map_err(|_| REFUSED)?;
                    Some(Established {
                        channel: Box::new(acceptor.into_context()),
                        peer,
                    })
                } else {
                    *self = Kerberos::Acceptor(acceptor);
                    None
                };
                Ok(Step {
                    token: step.token.to_vec(),
                    established,
                })
            }
            _ => Err(REFUSED),
        }
    }
}

impl Channel for Context {
    fn wrap(&mut self, plain: &[u8], out: &mut Vec<u8>) -> Result<(), Failure> {
        // The ticket has run out, more likely than not: another handshake gets another.
        let token = Context::wrap(self, plain).map_err(|_| Failure::NoCredentials)?;
        out.try_reserve(token.len())?;
        out.extend_from_slice(&token);
        Ok(())
    }

    fn unwrap(&mut self, bytes: &mut [u8], token: Range<usize>) -> Result<usize, Failure> {
        let plain =
            Context::unwrap(self, bytes.get(token).unwrap_or_default()).map_err(|_| REFUSED)?;
        bytes
            .get_mut(..plain.len())
            .ok_or(REFUSED)?
            .copy_from_slice(&plain);
        Ok(plain.len())
    }
}
