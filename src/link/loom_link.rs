//! Connections for models: real ones, to a peer in the same thread, that nobody shook hands for.
#![forbid(unsafe_code)]

use super::heartbeat::Pulse;
use super::inbound::{Inbound, Limits, Wire};
use super::life::{Closing, Life, State};
use super::news::{Far, Newcomer, News};
use super::outbound::Outbound;
use super::setup::Setup;
use super::zap::{Authenticator, Inquiry};
use super::{Conn, Link};
use crate::endpoint::Ends;
use crate::io::Handle;
use crate::msg::{Meta, MetaSource};
use crate::options::Options;
use crate::queue::{Mailbox, Wake};
use crate::zmtp::greeting::{Framing, Version};
use crate::zmtp::handshake::{Config, Credentials};
use crate::zmtp::mechanism::{Kind, Verdict};
use crate::zmtp::secret::Secret;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::Ordering;

const PUB: u8 = 1;
const WIRE: Wire = Wire::Frames(Framing::V2);

#[derive(Debug)]
struct Nobody;

impl Authenticator for Nobody {
    fn ask(&self, _question: &[Secret], _wake: Wake) -> Result<Box<dyn Inquiry>, Verdict> {
        unreachable!("nobody shakes hands")
    }
}

/// What the connections of one publisher share.
pub fn setup(io: &Handle) -> Arc<Setup> {
    let handshake = Config {
        socket_type: "PUB",
        type_number: PUB,
        legal_peers: &["SUB"],
        routing_id: Vec::new(),
        send_identity: false,
        expects_identity: false,
        metadata: Vec::new(),
        max_frame: None,
        mechanism: Kind::Null,
        as_server: false,
        plain: Credentials::default(),
        curve: Default::default(),
        gssapi: Default::default(),
        zap_domain: Vec::new(),
        zap_required: false,
        zap_enforced: false,
    };
    Arc::new(Setup {
        io: io.clone(),
        mailbox: Arc::new(Mailbox::<News>::default()),
        common: Arc::default(),
        live: Arc::default(),
        handshake: Arc::new(handshake),
        zap: Arc::new(Nobody),
        errands: Default::default(),
        tuning: Default::default(),
        options: Options::new(PUB),
        zero_copy: true,
        raw: false,
        groups: false,
        conflate_out: false,
        conflate_in: false,
        endpoint: 0,
        uri: Default::default(),
    })
}

impl Link {
    /// A connection in its data phase, and the peer's end.
    pub fn in_model(setup: &Arc<Setup>) -> (Newcomer, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        theirs.set_nonblocking(true).unwrap();
        let life = Life {
            dialer: None,
            closing: Closing::No,
            introduced: true,
            ends: Ends::dialing(Default::default()),
        };
        let ((tx, out), (inbox, rx)) = Link::lanes(setup);
        let link = Link::build(setup.clone(), State::Up, Some((out, inbox)), life);
        let limits = Limits {
            max_frame: None,
            batch: None,
            raw_chunk: 1,
            share: true,
            groups: false,
        };
        let meta = MetaSource::new(Meta::new(Vec::<(&str, &str)>::new(), -1));
        let fd = OwnedFd::from(ours);
        let mut core = link.token.enter(0).expect("nobody else knows it");
        core.conn = Some(Conn {
            raw_fd: fd.as_raw_fd(),
            fd,
            inbound: Inbound::new(WIRE, meta, limits, &[]).unwrap(),
            outbound: Outbound::new(WIRE, Version::V3_1),
            dead: None,
            send_dead: None,
            leftover: false,
            patience: None,
            pulse: Pulse::default(),
        });
        link.up.store(true, Ordering::Release);
        link.finish(core, false);
        let newcomer = Newcomer {
            key: link.pipe,
            tx,
            rx,
            far: Far::Link(link),
            peer: None,
            endpoint: 0,
        };
        (newcomer, theirs)
    }
}
