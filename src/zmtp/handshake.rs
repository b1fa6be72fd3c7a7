//! From the first byte to the first message: greeting, mechanism, and for peers before ZMTP 3.0 the routing ids.
#![forbid(unsafe_code)]

use std::sync::Arc;

use super::failure::{Failure, Violation, code};
use super::frame;
use super::greeting::{Framing, GREETING_LEN, Greeting, Local, Version};
use super::mechanism::cipher::Cipher;
use super::mechanism::curve::Keys;
use super::mechanism::gssapi::Settings;
use super::mechanism::gssapi::party::{Errand, Report};
use super::mechanism::{Kind, Mechanism, Status, Verdict, ZapRequest};
use super::metadata::{self, MAX_METADATA, Properties};
use super::reassembly::Reassembly;
use super::secret::Secret;
use zeroize::Zeroize;

/// The most memory that a peer can make a handshake hold.
pub const MAX_BUFFERED: usize = 64 * 1024;
/// The longest command of a handshake: room for the largest GSSAPI tokens.
pub const MAX_COMMAND: u64 = 48 * 1024;
/// The longest routing id.
pub const MAX_ROUTING_ID: usize = 255;

/// Room for a greeting and a READY.
const OUTGOING: usize = 128;

// A command, the properties made of it, the routing id and the greeting.
const _: () = assert!(
    MAX_COMMAND as usize
        + frame::MAX_HEADER_V2
        + MAX_METADATA * 6 / 5
        + 2 * MAX_ROUTING_ID
        + GREETING_LEN
        <= MAX_BUFFERED
);

/// What a connection needs to know of its socket.
#[derive(Clone, Debug)]
pub struct Config {
    /// Our type's name, as READY says it.
    pub socket_type: &'static str,
    /// Our type's number, as a ZMTP 2.0 greeting says it.
    pub type_number: u8,
    /// Names of the types that we talk to. Peers before ZMTP 3.0 are not checked: 1.0 does not say, and libzmq does not look.
    pub legal_peers: &'static [&'static str],
    /// Our routing id; may be empty.
    pub routing_id: Vec<u8>,
    /// Our READY carries the routing id: REQ, DEALER and ROUTER.
    pub send_identity: bool,
    /// The peer's routing id is of interest: ROUTER and REP. Otherwise [`Outcome::peer_routing_id`] is empty.
    pub expects_identity: bool,
    /// The application's own properties.
    pub metadata: Vec<(Vec<u8>, Vec<u8>)>,
    /// `MAXMSGSIZE`; it holds for the handshake's frames too.
    pub max_frame: Option<u64>,
    /// The mechanism; the peer must name the same.
    pub mechanism: Kind,
    /// We are the server of that mechanism.
    pub as_server: bool,
    /// What a client of PLAIN says of itself.
    pub plain: Credentials,
    /// The keys of CURVE, where that is the mechanism.
    pub curve: Keys,
    /// Who GSSAPI is for.
    pub gssapi: Settings,
    /// The domain that the ZAP handler is told; may be empty.
    pub zap_domain: Vec<u8>,
    /// A ZAP domain is set, or the mechanism is not NULL: peers before ZMTP 3.0 are refused, and NULL asks the ZAP handler.
    pub zap_required: bool,
    /// A missing ZAP handler is a refusal (`ZAP_ENFORCE_DOMAIN`).
    pub zap_enforced: bool,
}

/// User name and password, at most 255 bytes each.
#[derive(Clone, Default, Debug)]
pub struct Credentials {
    /// `PLAIN_USERNAME`
    pub username: Secret,
    /// `PLAIN_PASSWORD`
    pub password: Secret,
}

/// What a successful handshake leaves.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// The protocol from here on.
    pub version: Version,
    /// Empty if the peer has none.
    pub peer_routing_id: Vec<u8>,
    /// The ZAP handler's `User-Id` and metadata, then the peer's own properties.
    pub properties: Properties,
}

impl Outcome {
    /// What a ZMTP 3 peer calls itself.
    pub fn peer_socket_type(&self) -> Option<&[u8]> {
        self.properties.get(metadata::SOCKET_TYPE)
    }
}

/// A handshake in progress.
///
/// The caller writes what [`Handshake::transmit`] gives, at once and after every other call, and hands what it reads to
/// [`Handshake::receive`] until [`Handshake::outcome`] has an answer. After a [`Failure`] there may be a last ERROR to
/// transmit; the caller should let the peer read it (shut down its own direction, wait for the peer to close or for the
/// handshake timer) rather than reset the connection over unread bytes.
#[derive(Debug)]
pub struct Handshake {
    config: Arc<Config>,
    local: Local,
    outgoing: Vec<u8>,
    phase: Phase,
    cipher: Option<Cipher>,
}

#[derive(Debug)]
enum Phase {
    Greeting(Greeting),
    /// ZMTP 1.0 and 2.0: the peer's first frame is its routing id.
    RoutingId(Version, Reassembly),
    /// ZMTP 3: commands.
    Mechanism(Version, Reassembly, Box<dyn Mechanism>),
    Complete(Option<Outcome>),
    Failed(Failure),
}

impl Handshake {
    /// Begins: there is a signature to transmit.
    pub fn new(config: impl Into<Arc<Config>>) -> Handshake {
        let config = config.into();
        let local = Local {
            routing_id_len: config.routing_id.len(),
            type_number: config.type_number,
            mechanism: config.mechanism.padded_name(),
        };
        let mut outgoing = Vec::with_capacity(OUTGOING);
        outgoing.extend_from_slice(&Greeting::signature(&local));
        Handshake {
            outgoing,
            phase: Phase::Greeting(Greeting::new()),
            cipher: None,
            config,
            local,
        }
    }

    /// Takes bytes of the peer and says how many. It takes none behind the handshake's last, and none while a ZAP handler is
    /// being asked or an errand is under way: the caller keeps what is left and, after [`Handshake::zap_reply`] or
    /// [`Handshake::report`], offers it again.
    pub fn receive(&mut self, input: &[u8]) -> Result<usize, Failure> {
        let mut consumed = 0;
        while let Some(rest) = input.get(consumed..)
            && !rest.is_empty()
        {
            match self.step(rest) {
                Ok(0) => break,
                Ok(taken) => consumed += taken,
                Err(failure) => return Err(self.fail(failure)),
            }
        }
        Ok(consumed)
    }

    /// Moves what must be sent now to the end of `out`.
    ///
    /// There may be secrets among it: what is left behind is wiped, and the caller should do the same.
    pub fn transmit(&mut self, out: &mut Vec<u8>) {
        self.transmit_to(|bytes| out.extend_from_slice(bytes));
    }

    /// The same: hands it to `take`.
    pub fn transmit_to(&mut self, take: impl FnOnce(&[u8])) {
        take(&self.outgoing);
        self.transmitted(self.outgoing.len());
    }

    /// What must be sent now. The caller says how much of it went out: [`Handshake::transmitted`].
    pub fn outgoing(&self) -> &[u8] {
        &self.outgoing
    }

    /// So many bytes of [`Handshake::outgoing`] were sent.
    pub fn transmitted(&mut self, count: usize) {
        let count = count.min(self.outgoing.len());
        let left = self.outgoing.len() - count;
        self.outgoing.copy_within(count.., 0);
        if let Some(gone) = self.outgoing.get_mut(left..) {
            gone.zeroize();
        }
        self.outgoing.truncate(left);
        if left == 0 && matches!(self.phase, Phase::Complete(_) | Phase::Failed(_)) {
            self.outgoing = Vec::new();
        }
    }

    /// Something waits to be transmitted.
    pub fn wants_transmit(&self) -> bool {
        !self.outgoing.is_empty()
    }

    /// The result, once. What [`Handshake::transmit`] then still holds goes out before the first message.
    pub fn outcome(&mut self) -> Option<Outcome> {
        match &mut self.phase {
            Phase::Complete(outcome) => outcome.take(),
            _ => None,
        }
    }

    /// What seals and opens the frames that follow the handshake, once it has its outcome; `None` where they go as they are.
    pub fn take_cipher(&mut self) -> Option<Cipher> {
        self.cipher.take()
    }

    /// Work that may block, once. Whoever has a thread for it runs it there and hands the outcome to [`Handshake::report`].
    pub fn take_errand(&mut self) -> Option<Errand> {
        match &mut self.phase {
            Phase::Mechanism(_, _, mechanism) => mechanism.take_errand(),
            _ => None,
        }
    }

    /// The handshake stands still until [`Handshake::report`].
    pub fn waits_for_report(&self) -> bool {
        self.status() == Some(Status::Working)
    }

    /// What an errand brought. Of one that nobody waits for, because the handshake is over, nothing is taken.
    pub fn report(&mut self, report: Report) -> Result<(), Failure> {
        if !self.waits_for_report() {
            return Ok(());
        }
        let Phase::Mechanism(_, _, mechanism) = &mut self.phase else {
            return Ok(());
        };
        let result = mechanism.report(report);
        self.pump();
        result.map_err(|failure| self.fail(failure))
    }

    fn status(&self) -> Option<Status> {
        match &self.phase {
            Phase::Mechanism(_, _, mechanism) => Some(mechanism.status()),
            _ => None,
        }
    }

    /// A question to the ZAP handler, once.
    pub fn zap_request(&mut self) -> Option<ZapRequest> {
        match &mut self.phase {
            Phase::Mechanism(_, _, mechanism) => mechanism.zap_request(),
            _ => None,
        }
    }

    /// The handshake stands still until [`Handshake::zap_reply`].
    pub fn waits_for_zap(&self) -> bool {
        self.status() == Some(Status::WaitingForZap)
    }

    /// The ZAP handler's answer. One that nobody waits for, because the handshake is over, is ignored.
    pub fn zap_reply(&mut self, verdict: Verdict) -> Result<(), Failure> {
        if !self.waits_for_zap() {
            return Ok(());
        }
        let Phase::Mechanism(_, _, mechanism) = &mut self.phase else {
            return Ok(());
        };
        let result = mechanism.zap_reply(verdict);
        self.pump();
        result.map_err(|failure| self.fail(failure))
    }

    /// One decision's worth of bytes.
    fn step(&mut self, input: &[u8]) -> Result<usize, Failure> {
        match &mut self.phase {
            Phase::Greeting(greeting) => {
                let (taken, version) = greeting.receive(input, &self.local, &mut self.outgoing);
                if let Some(version) = version {
                    self.greeted(version)?;
                }
                Ok(taken)
            }
            Phase::RoutingId(_, frame) => {
                let (taken, whole) = frame.receive(input)?;
                if whole {
                    self.identified();
                }
                Ok(taken)
            }
            Phase::Mechanism(_, frame, mechanism) => {
                if matches!(mechanism.status(), Status::WaitingForZap | Status::Working) {
                    return Ok(0);
                }
                let (taken, whole) = frame.receive(input)?;
                if whole {
                    // Frames without the COMMAND flag pass for commands here, as libzmq lets them.
                    let result = mechanism.process(frame.payload_mut());
                    frame.clear();
                    self.pump();
                    result?;
                }
                Ok(taken)
            }
            Phase::Complete(_) => Ok(0),
            Phase::Failed(failure) => Err(failure.clone()),
        }
    }

    /// The greeting is complete: say what this version says next.
    fn greeted(&mut self, version: Version) -> Result<(), Failure> {
        let Phase::Greeting(greeting) = &self.phase else {
            return Ok(());
        };
        if version.has_commands() {
            if greeting.mechanism() != self.local.mechanism {
                return Err(Failure::Protocol(code::ZMTP_MECHANISM_MISMATCH));
            }
            let frame = Reassembly::new(Framing::V2, self.limit(MAX_COMMAND));
            let mechanism = self.config.mechanism.start(&self.config);
            self.phase = Phase::Mechanism(version, frame, mechanism);
            self.pump();
            return Ok(());
        }
        if self.config.zap_required || self.config.mechanism != Kind::Null {
            return Err(Violation::InsecureVersion.into());
        }
        let mut frame = Reassembly::new(version.framing(), self.limit(MAX_ROUTING_ID as u64));
        let routing_id = &self.config.routing_id;
        let mut whole = false;
        match version {
            Version::V1_0Unversioned => {
                // The signature was the header of our routing id, and what came is the start of the peer's.
                self.outgoing.extend_from_slice(routing_id);
                (_, whole) = frame.receive(greeting.received())?;
            }
            Version::V1_0 => frame::append_v1(&mut self.outgoing, false, routing_id),
            _ => frame::append_v2(&mut self.outgoing, 0, routing_id),
        }
        self.phase = Phase::RoutingId(version, frame);
        if whole {
            self.identified();
        }
        Ok(())
    }

    /// 13/ZMTP 1.0, 15/ZMTP 2.0: the peer's routing id is here, and messages follow. Flags say nothing in this frame; the
    /// signature of a newer peer sets all of them.
    fn identified(&mut self) {
        if let Phase::RoutingId(version, frame) = &self.phase {
            let peer_routing_id = match self.config.expects_identity {
                true => frame.payload().to_vec(),
                false => Vec::new(),
            };
            self.phase = Phase::Complete(Some(Outcome {
                version: *version,
                peer_routing_id,
                properties: Properties::new(),
            }));
        }
    }

    /// Takes what the mechanism wants to send, and its result if it has one.
    fn pump(&mut self) {
        let Phase::Mechanism(version, _, mechanism) = &mut self.phase else {
            return;
        };
        while let Some(mut body) = mechanism.next_command() {
            frame::append_v2(&mut self.outgoing, frame::COMMAND, &body);
            body.zeroize();
        }
        if mechanism.status() != Status::Ready {
            return;
        }
        self.cipher = mechanism.take_cipher();
        let properties = mechanism.take_properties();
        let peer_routing_id = match self.config.expects_identity {
            true => properties
                .get(metadata::IDENTITY)
                .unwrap_or_default()
                .to_vec(),
            false => Vec::new(),
        };
        self.phase = Phase::Complete(Some(Outcome {
            version: *version,
            peer_routing_id,
            properties,
        }));
    }

    fn fail(&mut self, failure: Failure) -> Failure {
        self.phase = Phase::Failed(failure.clone());
        failure
    }

    fn limit(&self, at_most: u64) -> u64 {
        self.config
            .max_frame
            .map_or(at_most, |max| max.min(at_most))
    }

    /// Memory that the peer's bytes take.
    #[cfg(test)]
    pub(super) fn buffered(&self) -> usize {
        match &self.phase {
            Phase::Greeting(_) => GREETING_LEN,
            Phase::RoutingId(_, frame) => frame.capacity(),
            Phase::Mechanism(_, frame, mechanism) => frame.capacity() + mechanism.held(),
            Phase::Complete(Some(o)) => o.peer_routing_id.capacity() + o.properties.capacity(),
            Phase::Complete(None) | Phase::Failed(_) => 0,
        }
    }
}
