//! Handshakes from the first byte on, and commands of the mechanisms that encrypt nothing.

use zmq::zmtp::failure::Failure;
use zmq::zmtp::frame;
use zmq::zmtp::handshake::{Config, Credentials, Handshake, Outcome};
use zmq::zmtp::mechanism::gssapi::Settings;
use zmq::zmtp::mechanism::{Kind, Verdict};
use zmq::zmtp::metadata::Properties;
use zmq::zmtp::secret::Secret;

use crate::gssapi::Negotiation;

/// The first byte of an input: which side we are, and what the ZAP handler says.
#[derive(Clone, Copy, Debug)]
pub struct Choices(pub u8);

impl Choices {
    pub fn as_server(self) -> bool {
        self.0 & 1 != 0
    }

    pub fn enforced(self) -> bool {
        self.0 & 2 != 0
    }

    /// NULL asks the ZAP handler.
    pub fn domain(self) -> bool {
        self.0 & 4 != 0
    }

    /// GSSAPI seals nothing behind its negotiation.
    pub fn plaintext(self) -> bool {
        self.domain()
    }

    pub fn verdict(self) -> Verdict {
        match self.0 >> 3 & 7 {
            0..=2 => {
                let mut metadata = Properties::new();
                metadata.push(b"Hello", b"World");
                let user_id = b"joe".to_vec();
                Verdict::Accepted { user_id, metadata }
            }
            3 => Verdict::Denied(300),
            4 => Verdict::Denied(400),
            5 => Verdict::Malformed(0x2000_0001),
            6 => Verdict::NoHandler,
            _ => Verdict::DeafHandler,
        }
    }

    /// How many bytes come at once.
    pub fn piece(self) -> usize {
        [1, 7, 64, usize::MAX][usize::from(self.0 >> 6)]
    }
}

/// A DEALER with this mechanism.
pub fn config(mechanism: Kind, choices: Choices) -> Config {
    let domain = mechanism != Kind::Null || choices.domain();
    Config {
        socket_type: "DEALER",
        type_number: 5,
        legal_peers: &["REP", "DEALER", "ROUTER"],
        routing_id: b"self".to_vec(),
        send_identity: true,
        expects_identity: true,
        metadata: vec![(b"X-colour".to_vec(), b"blue".to_vec())],
        max_frame: None,
        mechanism,
        as_server: choices.as_server(),
        plain: Credentials {
            username: Secret::from(&b"admin"[..]),
            password: Secret::from(&b"password"[..]),
        },
        curve: crate::curve::own_keys(choices.as_server()),
        gssapi: Settings {
            plaintext: choices.plaintext(),
            ..Settings::default()
        },
        zap_domain: if domain {
            b"global".to_vec()
        } else {
            Vec::new()
        },
        zap_required: domain,
        zap_enforced: choices.enforced(),
    }
}

/// What a peer says of itself.
pub const METADATA: &[u8] = b"\x0BSocket-Type\0\0\0\x06DEALER\x08Identity\0\0\0\x04peer";

/// The greeting of a peer.
pub fn greeting_of(mechanism: Kind) -> Vec<u8> {
    let mut bytes = b"\xFF\0\0\0\0\0\0\0\x05\x7F\x03\x01".to_vec();
    bytes.extend(mechanism.padded_name());
    bytes.resize(64, 0);
    bytes
}

/// What came of a handshake.
#[derive(Debug)]
pub struct Played {
    pub side: Handshake,
    pub sent: Vec<u8>,
    pub outcome: Option<Outcome>,
    pub failure: Option<Failure>,
    pub left: Vec<u8>,
}

/// One side, with a ZAP handler who is always of the same opinion.
#[derive(Debug)]
pub struct Side {
    config: Config,
    choices: Choices,
    /// The handler was asked, and what it said opens the door.
    let_in: bool,
    asked: bool,
    negotiation: Negotiation,
    pub played: Played,
}

impl Side {
    pub fn new(mechanism: Kind, choices: Choices) -> Side {
        let config = config(mechanism, choices);
        let mut side = Handshake::new(config.clone());
        let mut sent = Vec::new();
        side.transmit(&mut sent);
        Side {
            config,
            choices,
            let_in: false,
            asked: false,
            negotiation: Negotiation::default(),
            played: Played {
                side,
                sent,
                outcome: None,
                failure: None,
                left: Vec::new(),
            },
        }
    }

    /// Hears bytes in the chosen pieces, as a connection would.
    pub fn hear(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(self.choices.piece()) {
            self.played.left.extend_from_slice(piece);
            self.step();
        }
    }

    fn step(&mut self) {
        loop {
            if self.played.failure.is_some() || self.played.outcome.is_some() {
                return;
            }
            let heard = self.played.side.receive(&self.played.left);
            let taken = self.settle(heard).unwrap_or(0);
            assert!(taken <= self.played.left.len());
            self.played.left.drain(..taken);
            if self.played.side.waits_for_zap() {
                self.ask();
            } else if self.played.side.waits_for_report() {
                self.negotiate();
            } else {
                return;
            }
        }
    }

    fn ask(&mut self) {
        assert!(!self.asked, "one question a connection");
        let request = self.played.side.zap_request().expect("somebody waits");
        assert!(self.played.side.zap_request().is_none());
        assert_eq!(request.mechanism, self.config.mechanism.name());
        if self.config.mechanism == Kind::Curve {
            assert_eq!(request.credentials[0].expose(), crate::curve::peer_key());
        }
        if self.config.mechanism == Kind::Gssapi {
            assert_eq!(request.credentials[0].expose(), crate::gssapi::PEER);
            assert!(self.negotiation.is_over(), "a stranger has a name");
        }
        self.asked = true;
        self.let_in = match self.choices.verdict() {
            Verdict::Accepted { .. } => true,
            Verdict::NoHandler => self.config.mechanism != Kind::Plain && !self.choices.enforced(),
            _ => false,
        };
        let answered = self.played.side.zap_reply(self.choices.verdict());
        self.settle(answered);
    }

    /// Runs an errand of GSSAPI, as another thread would.
    fn negotiate(&mut self) {
        let side = &mut self.played.side;
        let errand = side.take_errand().expect("a step is to be taken");
        assert!(side.take_errand().is_none() && side.waits_for_report());
        assert_eq!(side.receive(b"x"), Ok(0), "nothing is read meanwhile");
        let report = errand.run_by(Box::new(self.negotiation.clone()));
        let heard = side.report(report);
        self.settle(heard);
    }

    fn settle<T>(&mut self, result: Result<T, Failure>) -> Option<T> {
        self.played.side.transmit(&mut self.played.sent);
        assert!(!self.played.side.wants_transmit());
        match result {
            Ok(value) => {
                self.played.outcome = self.played.side.outcome();
                if self.played.outcome.is_some() {
                    self.check_let_in();
                }
                Some(value)
            }
            Err(failure) => {
                assert!(self.played.side.outcome().is_none());
                assert_eq!(self.played.side.receive(b"x"), Err(failure.clone()));
                self.played.failure = Some(failure);
                None
            }
        }
    }

    /// The ZAP handler, or that there is none, opens the door.
    pub fn is_welcome(&self) -> bool {
        self.let_in || !self.config.as_server
    }

    /// Nobody gets in whom the ZAP handler did not let in.
    fn check_let_in(&self) {
        let asks = self.config.zap_required
            && (self.config.mechanism == Kind::Null || self.config.as_server);
        assert!(!asks || (self.asked && self.let_in), "a stranger got in");
        let negotiates = self.config.mechanism == Kind::Gssapi;
        assert!(
            !negotiates || self.negotiation.is_over(),
            "a stranger got in"
        );
    }
}

/// Any bytes, to any mechanism: versions, greetings, old peers, and whatever comes behind.
pub fn greeting(data: &[u8]) {
    let [choices, kind, rest @ ..] = data else {
        return;
    };
    let kinds = Kind::ALL;
    let kind = kinds[usize::from(*kind) % kinds.len()];
    let choices = Choices(*choices);
    let mut side = Side::new(kind, choices);
    side.hear(rest);
    if let Some(outcome) = &side.played.outcome {
        let secure = kind != Kind::Null || choices.domain();
        assert!(
            !secure || outcome.version.has_commands(),
            "an old peer got in"
        );
        // Who knows no key has no way in.
        assert!(kind != Kind::Curve, "a stranger has a key");
    }
}

/// A NULL peer that greeted rightly: commands with lengths of their own.
pub fn null_commands(data: &[u8]) {
    play_commands(Kind::Null, data);
}

/// The same for PLAIN, either side.
pub fn plain_commands(data: &[u8]) {
    play_commands(Kind::Plain, data);
}

/// Input: the choices, then commands: two bytes of length, and so many of body.
fn play_commands(kind: Kind, data: &[u8]) {
    let Some((&choices, mut rest)) = data.split_first() else {
        return;
    };
    let mut side = Side::new(kind, Choices(choices));
    side.hear(&greeting_of(kind));
    while let Some((&length, behind)) = rest.split_first_chunk::<2>() {
        let length = usize::from(u16::from_le_bytes(length)).min(behind.len());
        let (body, behind) = behind.split_at(length);
        let mut wire = Vec::new();
        frame::append_v2(&mut wire, frame::COMMAND, body);
        side.hear(&wire);
        rest = behind;
    }
}
