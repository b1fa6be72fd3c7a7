//! Security mechanisms: state machines over command bodies. 23/ZMTP 3.0 "Security Mechanisms".
//!
//! A new one is a file with a type that implements [`Mechanism`], a `pub mod` line and a row in `mechanisms!`.
#![forbid(unsafe_code)]

use std::fmt;
use std::sync::Arc;

use self::cipher::Cipher;
use self::gssapi::party::{Errand, Report};
use super::command;
use super::failure::{Failure, Violation};
use super::greeting::MECHANISM_LEN;
use super::handshake::{Config, MAX_ROUTING_ID};
use super::metadata::{self, Properties};
use super::secret::Secret;

pub mod cipher;
pub mod curve;
pub mod gssapi;
pub mod null;
pub mod plain;

/// How far a mechanism is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// Commands go back and forth.
    Handshaking,
    /// Nothing goes on before [`Mechanism::zap_reply`]: not a byte of the peer is read.
    WaitingForZap,
    /// Nothing goes on before [`Mechanism::report`] either.
    Working,
    /// Both sides may send messages.
    Ready,
}

/// A question to the ZAP handler; the address, the domain and our routing id are the asker's to add. 27/ZAP.
#[derive(Debug)]
pub struct ZapRequest {
    /// The mechanism's name.
    pub mechanism: &'static str,
    /// What the mechanism learnt of its peer, one frame each.
    pub credentials: Vec<Secret>,
}

/// What came of a [`ZapRequest`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Status 200.
    Accepted {
        /// Who the peer is; may be empty.
        user_id: Vec<u8>,
        /// What else the handler says of the peer.
        metadata: Properties,
    },
    /// Another status: 300, 400 or 500.
    Denied(u16),
    /// A reply that is none: one of the ZAP codes of [`super::failure::code`].
    Malformed(u32),
    /// No handler is there.
    NoHandler,
    /// The handler's name is bound by a socket that cannot answer: a refusal, whatever the options say.
    DeafHandler,
}

/// One side of a mechanism.
///
/// After every call that may have changed something, [`super::handshake::Handshake`] takes all of `next_command`, which
/// therefore counts as sent. After an error only `next_command` is called, for a last ERROR.
pub trait Mechanism: Send + fmt::Debug {
    /// Takes a command of the peer, and may open boxes where they lie. Never called unless
    /// [`Status::Handshaking`].
    fn process(&mut self, body: &mut [u8]) -> Result<(), Failure>;

    /// The body of a command to send.
    fn next_command(&mut self) -> Option<Vec<u8>>;

    /// How far it is.
    fn status(&self) -> Status;

    /// The question that [`Status::WaitingForZap`] waits for, once.
    fn zap_request(&mut self) -> Option<ZapRequest> {
        None
    }

    /// The answer to [`Mechanism::zap_request`].
    fn zap_reply(&mut self, verdict: Verdict) -> Result<(), Failure>;

    /// The work that [`Status::Working`] waits for, once: it may block, so it is for a thread that may.
    fn take_errand(&mut self) -> Option<Errand> {
        None
    }

    /// What the work brought.
    fn report(&mut self, _: Report) -> Result<(), Failure> {
        Ok(())
    }

    /// What is known of the peer once [`Status::Ready`]: the ZAP handler's word first, for it outranks the peer's own. Called
    /// once.
    fn take_properties(&mut self) -> Properties;

    /// What seals and opens the frames that follow; `None` for a mechanism that leaves them as they are. Called once.
    fn take_cipher(&mut self) -> Option<Cipher> {
        None
    }

    /// Memory that the peer's bytes take.
    #[cfg(test)]
    fn held(&self) -> usize {
        0
    }
}

macro_rules! mechanisms {
    ($($kind:ident = $number:literal, $name:literal, $start:path, $doc:literal;)*) => {
        /// A mechanism by name.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum Kind { $(#[doc = $doc] $kind,)* }

        impl Kind {
            /// Every mechanism of this build.
            pub const ALL: &[Kind] = &[$(Kind::$kind),*];

            /// The value of the option `ZMQ_MECHANISM`.
            pub const fn number(self) -> i32 {
                match self { $(Kind::$kind => $number,)* }
            }

            /// The name in the greeting.
            pub const fn name(self) -> &'static str {
                match self { $(Kind::$kind => $name,)* }
            }

            /// Begins a handshake, once both greetings agree on this mechanism.
            pub(super) fn start(self, config: &Arc<Config>) -> Box<dyn Mechanism> {
                match self { $(Kind::$kind => Box::new($start(config)),)* }
            }
        }

        $(const _: () = assert!($name.len() <= MECHANISM_LEN);)*
    };
}

mechanisms! {
    Null = 0, "NULL", null::Null::start, "No security. 23/ZMTP 3.0 \"The NULL Security Mechanism\".";
    Plain = 1, "PLAIN", plain::Plain::start, "User name and password in clear text. 24/ZMTP-PLAIN.";
    Curve = 2, "CURVE", curve::Curve::start, "Elliptic curves: keys prove who is who, and all is sealed. 26/CURVEZMQ.";
    Gssapi = 3, "GSSAPI", gssapi::Gssapi::start, "Kerberos. 38/ZMTP-GSSAPI.";
}

impl Kind {
    /// The name as the greeting has it: NUL-padded.
    pub fn padded_name(self) -> [u8; MECHANISM_LEN] {
        let mut padded = [0; MECHANISM_LEN];
        for (to, from) in padded.iter_mut().zip(self.name().bytes()) {
            *to = from;
        }
        padded
    }
}

/// Appends what a READY or INITIATE says of us: the socket type, for some types the routing id, even an empty one, and the
/// application's own properties in the order of their names.
pub fn append_own_metadata(out: &mut Vec<u8>, config: &Config) {
    // A name over 255 bytes cannot be said. The option refuses it, so this loses nothing.
    let mut say = |name: &[u8], value: &[u8]| {
        let _ = metadata::encode(out, name, value);
    };
    say(metadata::SOCKET_TYPE, config.socket_type.as_bytes());
    if config.send_identity {
        say(metadata::IDENTITY, &config.routing_id);
    }
    let mut own: Vec<_> = config.metadata.iter().collect();
    own.sort_by_key(|(name, _)| name);
    for (name, value) in own {
        say(name, value);
    }
}

/// Reads what a READY or INITIATE says of the peer, and whether we may talk to it. A peer that keeps its socket type to
/// itself is let in, as libzmq does.
pub fn peer_properties(wire: &[u8], config: &Config) -> Result<Properties, Failure> {
    let properties = Properties::parse(wire)?;
    if let Some(socket_type) = properties.get(metadata::SOCKET_TYPE)
        && !config
            .legal_peers
            .iter()
            .any(|legal| legal.as_bytes() == socket_type)
    {
        return Err(Failure::IncompatiblePeer);
    }
    if config.expects_identity
        && properties
            .get(metadata::IDENTITY)
            .is_some_and(|id| id.len() > MAX_ROUTING_ID)
    {
        return Err(Violation::LongRoutingId.into());
    }
    Ok(properties)
}

/// What follows from the ZAP handler's word: what it says of the peer, or why the peer is not let in. Where none is there,
/// one may be a must.
fn admit(verdict: Verdict, handler_is_a_must: bool) -> Result<Properties, Failure> {
    match verdict {
        Verdict::Accepted { user_id, metadata } => Ok(zap_properties(&user_id, &metadata)),
        Verdict::NoHandler if !handler_is_a_must => Ok(Properties::new()),
        Verdict::NoHandler | Verdict::DeafHandler => Err(Failure::NoZapHandler),
        Verdict::Malformed(code) => Err(Failure::Protocol(code)),
        Verdict::Denied(status) => Err(Failure::Denied(status)),
    }
}

/// What an ERROR says to a peer that was refused. 300 is for now only: it hears nothing and tries again.
fn status_to_tell(failure: &Failure) -> Option<Vec<u8>> {
    match failure {
        Failure::Denied(300) => None,
        Failure::Denied(status) => Some(status.to_string().into_bytes()),
        _ => None,
    }
}

/// The ERROR that says so.
fn error_to_tell(failure: &Failure) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    command::error(&mut body, &status_to_tell(failure)?);
    Some(body)
}

/// What an accepting ZAP handler says of the peer, as properties.
fn zap_properties(user_id: &[u8], metadata: &Properties) -> Properties {
    let mut properties = Properties::new();
    if !user_id.is_empty() {
        properties.push(metadata::USER_ID, user_id);
    }
    properties.append(metadata);
    properties
}

/// The handler's word, and the peer's own behind it.
fn behind(mut zap: Properties, peer: Properties) -> Properties {
    // The usual case costs no copy: there was no ZAP handler.
    if zap.is_empty() {
        return peer;
    }
    zap.append(&peer);
    zap
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{Failure, Mechanism, Properties, Verdict, metadata};

    /// What a ZAP handler says of this user, a property of which is the peer's to say.
    pub(crate) fn accepted(user: &[u8]) -> Verdict {
        let mut metadata = Properties::new();
        metadata.push(b"Hello", b"World");
        metadata.push(b"Socket-Type", b"forged");
        Verdict::Accepted {
            user_id: user.to_vec(),
            metadata,
        }
    }

    /// A command of metadata that name the peer's socket type.
    pub(crate) fn metadata_of(command: &[u8], socket_type: &[u8]) -> Vec<u8> {
        let mut body = command.to_vec();
        assert!(metadata::encode(
            &mut body,
            metadata::SOCKET_TYPE,
            socket_type
        ));
        body
    }

    /// A command from bytes that cannot be opened in place.
    pub(crate) trait Tell {
        fn tell(&mut self, body: &[u8]) -> Result<(), Failure>;
    }

    impl<M: Mechanism> Tell for M {
        fn tell(&mut self, body: &[u8]) -> Result<(), Failure> {
            self.process(&mut body.to_vec())
        }
    }
}
