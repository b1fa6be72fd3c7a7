//! Handshakes against each other and against hand-written peers of every version, in every segmentation.
#![forbid(unsafe_code)]

use proptest::collection::vec;
use proptest::prelude::*;

use super::failure::{Failure, Violation, code};
use super::frame;
use super::greeting::Version;
use super::handshake::{Config, Credentials, Handshake, MAX_BUFFERED, MAX_COMMAND, Outcome};
use super::mechanism::curve::Keys;
use super::mechanism::gssapi::Settings;
use super::mechanism::{Kind, Verdict};
use super::metadata::{self, Properties};

/// A socket of the given type with defaults.
pub(super) fn config(socket_type: &'static str) -> Config {
    let (type_number, legal_peers): (u8, &'static [&'static str]) = match socket_type {
        "PUB" => (1, &["SUB", "XSUB"]),
        "SUB" => (2, &["PUB", "XPUB"]),
        "REQ" => (3, &["REP", "ROUTER"]),
        "REP" => (4, &["REQ", "DEALER"]),
        "DEALER" => (5, &["REP", "DEALER", "ROUTER"]),
        "ROUTER" => (6, &["REQ", "DEALER", "ROUTER"]),
        "PULL" => (7, &["PUSH"]),
        "PUSH" => (8, &["PULL"]),
        other => unreachable!("no test socket {other}"),
    };
    Config {
        socket_type,
        type_number,
        legal_peers,
        routing_id: Vec::new(),
        send_identity: matches!(socket_type, "REQ" | "DEALER" | "ROUTER"),
        expects_identity: matches!(socket_type, "REP" | "ROUTER"),
        metadata: Vec::new(),
        max_frame: None,
        mechanism: Kind::Null,
        as_server: false,
        plain: Credentials::default(),
        curve: Keys::default(),
        gssapi: Settings::default(),
        zap_domain: Vec::new(),
        zap_required: false,
        zap_enforced: false,
    }
}

fn router() -> Config {
    Config {
        routing_id: b"self".to_vec(),
        ..config("ROUTER")
    }
}

/// A greeting of version 3, as libzmq sends it.
fn greeting(minor: u8, mechanism: &str, routing_id_len: u8) -> Vec<u8> {
    let mut bytes = vec![
        0xFF,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        routing_id_len + 1,
        0x7F,
        3,
        minor,
    ];
    bytes.extend_from_slice(mechanism.as_bytes());
    bytes.resize(64, 0);
    bytes
}

fn ready(socket_type: &str, identity: Option<&[u8]>) -> Vec<u8> {
    let mut body = b"\x05READY".to_vec();
    assert!(metadata::encode(
        &mut body,
        metadata::SOCKET_TYPE,
        socket_type.as_bytes()
    ));
    if let Some(identity) = identity {
        assert!(metadata::encode(&mut body, metadata::IDENTITY, identity));
    }
    let mut out = Vec::new();
    frame::append_v2(&mut out, frame::COMMAND, &body);
    out
}

/// Feeds `script` in pieces of the given lengths, over and over, as a caller would: what is not taken is offered again with
/// the next piece. Gives what was taken, what was sent and the result.
fn play(config: Config, script: &[u8], pieces: &[usize]) -> Played {
    let mut side = Handshake::new(config);
    let mut played = Played::default();
    side.transmit(&mut played.sent);
    let mut held = Vec::new();
    let mut pieces = pieces.iter().cycle();
    let mut rest = script;
    while !rest.is_empty() {
        let piece = pieces.next().copied().unwrap_or(1).clamp(1, rest.len());
        let (now, later) = rest.split_at(piece);
        rest = later;
        held.extend_from_slice(now);
        match side.receive(&held) {
            Ok(taken) => {
                assert!(taken <= held.len());
                held.drain(..taken);
                played.taken += taken;
            }
            Err(failure) => {
                side.transmit(&mut played.sent);
                assert_eq!(side.outcome(), None);
                assert_eq!(side.receive(b"x"), Err(failure.clone()));
                played.failure = Some(failure);
                return played;
            }
        }
        assert!(side.buffered() <= MAX_BUFFERED);
        side.transmit(&mut played.sent);
        assert!(!side.wants_transmit());
        if played.outcome.is_none() {
            played.outcome = side.outcome();
        }
    }
    played
}

#[derive(Default, PartialEq, Debug)]
struct Played {
    taken: usize,
    sent: Vec<u8>,
    outcome: Option<Outcome>,
    failure: Option<Failure>,
}

/// Plays a script whole, in pieces of every length, and cut in two at every place: always with the same result.
fn play_all(config: &Config, script: &[u8]) -> Played {
    let whole = play(config.clone(), script, &[script.len()]);
    for cut in 1..=script.len() {
        let pieces = play(config.clone(), script, &[cut]);
        assert_eq!(
            (&pieces.outcome, &pieces.failure),
            (&whole.outcome, &whole.failure)
        );
        assert_eq!(pieces.sent, whole.sent);
        let halves = play(config.clone(), script, &[cut, script.len()]);
        assert_eq!(halves.sent, whole.sent);
        if whole.failure.is_none() {
            assert_eq!([halves.taken, pieces.taken], [whole.taken; 2]);
        }
    }
    whole
}

const SIGNATURE: &[u8] = b"\xFF\0\0\0\0\0\0\0\x05\x7F";

#[test]
fn peers_of_every_version() {
    let long_header = b"\xFF\0\0\0\0\0\0\0\x05\x00".to_vec();
    let own_greeting = greeting(1, "NULL", 4);
    let own_ready = ready("ROUTER", Some(b"self"));
    let own_v3 = [own_greeting, own_ready].concat();
    let own_v2 = [SIGNATURE, b"\x03\x06\x00\x04self"].concat();
    let own_v1 = [SIGNATURE, b"\x03\x06\x05\x00self"].concat();
    let own_bare = [SIGNATURE, b"self"].concat();
    let peer_ready = ready("DEALER", Some(b"peer"));
    let v3 = |major: u8, minor: u8| {
        let mut script = greeting(minor, "NULL", 4);
        script[10] = major;
        [script, peer_ready.clone()].concat()
    };
    let cases = [
        (
            b"\x05\x00peer".to_vec(),
            &own_bare,
            Version::V1_0Unversioned,
        ),
        (
            b"\x05\x01peer".to_vec(),
            &own_bare,
            Version::V1_0Unversioned,
        ),
        (
            [long_header, b"peer".to_vec()].concat(),
            &own_bare,
            Version::V1_0Unversioned,
        ),
        (
            [SIGNATURE, b"\x00\x05\x05\x00peer"].concat(),
            &own_v1,
            Version::V1_0,
        ),
        (
            [SIGNATURE, b"\x01\x05\x00\x04peer"].concat(),
            &own_v2,
            Version::V2_0,
        ),
        (
            [SIGNATURE, b"\x01\x05\x02\0\0\0\0\0\0\0\x04peer"].concat(),
            &own_v2,
            Version::V2_0,
        ),
        (v3(3, 0), &own_v3, Version::V3_0),
        (v3(3, 1), &own_v3, Version::V3_1),
        (v3(3, 9), &own_v3, Version::V3_1),
        (v3(2, 0), &own_v3, Version::V3_1),
        (v3(4, 0), &own_v3, Version::V3_1),
        (v3(255, 255), &own_v3, Version::V3_1),
    ];
    for (script, own, version) in cases {
        let data = [script.as_slice(), b"\x00\x01x"].concat();
        let played = play_all(&router(), &data);
        let outcome = played.outcome.unwrap();
        assert_eq!(played.taken, script.len(), "{version:?}");
        assert_eq!(&played.sent, own, "{version:?}");
        assert_eq!(outcome.version, version);
        assert_eq!(outcome.peer_routing_id, b"peer");
        let socket_type = version.has_commands().then(|| b"DEALER".to_vec());
        assert_eq!(outcome.peer_socket_type(), socket_type.as_deref());
        assert_eq!(
            outcome.properties.get(b"Identity").is_some(),
            version.has_commands()
        );

        for end in 0..script.len() {
            let played = play(router(), &script[..end], &[1]);
            assert_eq!(
                (played.outcome, played.failure, played.taken),
                (None, None, end)
            );
        }
    }
}

#[test]
fn anonymous_peers_of_old_versions() {
    let own = b"\xFF\0\0\0\0\0\0\0\x01\x7F";
    let cases = [
        (b"\x01\x00".to_vec(), own.to_vec(), Version::V1_0Unversioned),
        (
            b"\xFF\0\0\0\0\0\0\0\x01\x7E".to_vec(),
            own.to_vec(),
            Version::V1_0Unversioned,
        ),
        (
            [own, &b"\x00\x05\x01\x00"[..]].concat(),
            [own, &b"\x03\x07\x01\x00"[..]].concat(),
            Version::V1_0,
        ),
        (
            [own, &b"\x01\x05\x00\x00"[..]].concat(),
            [own, &b"\x03\x07\x00\x00"[..]].concat(),
            Version::V2_0,
        ),
    ];
    for (script, sent, version) in cases {
        let played = play_all(&config("PULL"), &script);
        assert_eq!(played.sent, sent);
        let outcome = played.outcome.unwrap();
        assert_eq!(
            (outcome.version, outcome.peer_routing_id),
            (version, vec![])
        );
    }
}

#[test]
fn a_routing_id_that_nobody_asked_for_is_dropped() {
    let played = play_all(&config("PULL"), b"\x05\x00peer");
    assert_eq!(played.outcome.unwrap().peer_routing_id, b"");
    let script = [greeting(1, "NULL", 0), ready("PUSH", Some(b"peer"))].concat();
    let outcome = play_all(&config("PULL"), &script).outcome.unwrap();
    assert_eq!(outcome.peer_routing_id, b"");
    assert_eq!(outcome.properties.get(b"Identity"), Some(&b"peer"[..]));
}

/// The longest routing id makes the signature say 256, and takes the long form from ZMTP 1.0 peers.
#[test]
fn the_longest_routing_id() {
    let id = [b'i'; 255];
    let long = Config {
        routing_id: id.to_vec(),
        ..config("ROUTER")
    };
    let signature = b"\xFF\0\0\0\0\0\0\x01\x00\x7F";
    let cases = [
        (b"\x01\x00".to_vec(), [&signature[..], &id].concat()),
        (
            [SIGNATURE, b"\x00\x05\x01\x00"].concat(),
            [&signature[..], b"\x03\x06\xFF\0\0\0\0\0\0\x01\x00\x00", &id].concat(),
        ),
        (
            [SIGNATURE, b"\x01\x05\x00\x00"].concat(),
            [&signature[..], b"\x03\x06\x00\xFF", &id].concat(),
        ),
    ];
    for (script, sent) in cases {
        assert_eq!(play_all(&long, &script).sent, sent);
    }
    for peer in ["\u{1}\u{5}\u{0}", "\u{0}\u{5}"] {
        let mut script = [SIGNATURE, peer.as_bytes()].concat();
        match peer.len() {
            3 => script.push(255),
            _ => script.extend(b"\xFF\0\0\0\0\0\0\x01\x00\x00"),
        }
        script.extend(id);
        assert_eq!(
            play_all(&router(), &script)
                .outcome
                .unwrap()
                .peer_routing_id,
            id
        );
    }
}

#[test]
fn two_sides_in_every_segmentation() {
    let pairs = [
        ("REQ", "REP"),
        ("REQ", "ROUTER"),
        ("DEALER", "ROUTER"),
        ("DEALER", "DEALER"),
        ("ROUTER", "ROUTER"),
        ("PUSH", "PULL"),
        ("PUB", "SUB"),
    ];
    for (left_type, right_type) in pairs {
        for left_piece in 1..=160 {
            for right_piece in [1, 2, 9, 10, 11, 63, 64, 65, 200] {
                let left = Config {
                    routing_id: b"left".to_vec(),
                    ..config(left_type)
                };
                let right = Config {
                    routing_id: b"right".to_vec(),
                    ..config(right_type)
                };
                let (l, r) = wire(left.clone(), right, left_piece, right_piece);
                assert_eq!((l.version, r.version), (Version::V3_1, Version::V3_1));
                assert_eq!(l.peer_socket_type(), Some(right_type.as_bytes()));
                let expected = if left.send_identity && config(right_type).expects_identity {
                    &b"left"[..]
                } else {
                    b""
                };
                assert_eq!(r.peer_routing_id, expected);
            }
        }
    }
}

/// Runs two sides against each other to their outcomes; each direction delivers so many bytes a turn.
fn wire(left: Config, right: Config, left_piece: usize, right_piece: usize) -> (Outcome, Outcome) {
    let mut sides = [Handshake::new(left), Handshake::new(right)];
    let mut wires = [Vec::new(), Vec::new()];
    let mut outcomes = [None, None];
    for _ in 0..1000 {
        for (from, piece) in [(0, left_piece), (1, right_piece)] {
            sides[from].transmit(&mut wires[from]);
            let piece = piece.min(wires[from].len());
            let taken = sides[1 - from].receive(&wires[from][..piece]).unwrap();
            assert_eq!(taken, piece);
            wires[from].drain(..taken);
        }
        for (side, outcome) in sides.iter_mut().zip(&mut outcomes) {
            *outcome = outcome.take().or_else(|| side.outcome());
        }
        let idle = wires.iter().all(Vec::is_empty) && sides.iter().all(|s| !s.wants_transmit());
        if idle && let [Some(left), Some(right)] = &outcomes {
            return (left.clone(), right.clone());
        }
    }
    panic!("no outcome");
}

#[test]
fn incompatible_types_and_other_mechanisms() {
    let script = [greeting(1, "NULL", 0), ready("PUB", None)].concat();
    assert_eq!(
        play_all(&router(), &script).failure,
        Some(Failure::IncompatiblePeer)
    );
    let mismatch = Failure::Protocol(code::ZMTP_MECHANISM_MISMATCH);
    for other in [
        "PLAIN",
        "CURVE",
        "GSSAPI",
        "",
        "null",
        "NULLx",
        "NULL\0x",
        "NULL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0x",
    ] {
        let played = play_all(&router(), &greeting(1, other, 0));
        assert_eq!(played.failure, Some(mismatch.clone()));
        assert_eq!(played.sent.len(), 64);
    }
    let mut server = greeting(1, "NULL", 0);
    server[32] = 1;
    let script = [server, ready("DEALER", None)].concat();
    assert!(play_all(&router(), &script).outcome.is_some());
}

#[test]
fn old_peers_are_refused_where_security_is_asked_for() {
    let secure = Config {
        zap_required: true,
        ..router()
    };
    let old = [
        b"\x01\x00\x08\x00sneaky\0".to_vec(),
        [SIGNATURE, b"\x00\x05"].concat(),
        [SIGNATURE, b"\x01\x05"].concat(),
    ];
    for script in old {
        let played = play_all(&secure, &script);
        assert_eq!(
            played.failure,
            Some(Failure::Violation(Violation::InsecureVersion))
        );
    }
}

#[test]
fn frames_that_no_handshake_has() {
    let sizes = [
        MAX_COMMAND + 1,
        1 << 32,
        (1 << 32) - 1,
        1 << 63,
        u64::MAX - 64,
        u64::MAX,
    ];
    for size in sizes {
        let mut long = vec![frame::COMMAND | frame::LONG];
        long.extend(size.to_be_bytes());
        let mut v1 = vec![0xFF];
        v1.extend(size.to_be_bytes());
        v1.push(0);
        let scripts = [
            [greeting(1, "NULL", 0), long.clone()].concat(),
            [SIGNATURE.to_vec(), b"\x01\x05".to_vec(), long].concat(),
            [SIGNATURE.to_vec(), b"\x00\x05".to_vec(), v1.clone()].concat(),
            v1,
        ];
        for script in scripts {
            assert_eq!(
                play_all(&router(), &script).failure,
                Some(Failure::TooLarge)
            );
        }
    }
    let empty = Some(Failure::Violation(Violation::EmptyFrame));
    assert_eq!(play_all(&router(), b"\x00").failure, empty);
    assert_eq!(
        play_all(&router(), b"\xFF\0\0\0\0\0\0\0\0\0").failure,
        empty
    );
}

#[test]
fn the_message_limit_holds_for_the_handshake() {
    let limited = |max| Config {
        max_frame: Some(max),
        ..router()
    };
    let peer_ready = ready("DEALER", None);
    let script = [greeting(1, "NULL", 0), peer_ready.clone()].concat();
    let body = peer_ready.len() as u64 - 2;
    assert!(play_all(&limited(body), &script).outcome.is_some());
    assert_eq!(
        play_all(&limited(body - 1), &script).failure,
        Some(Failure::TooLarge)
    );
    assert!(play_all(&limited(4), b"\x05\x00peer").outcome.is_some());
    assert_eq!(
        play_all(&limited(3), b"\x05\x00peer").failure,
        Some(Failure::TooLarge)
    );
}

#[test]
fn a_large_ready_stays_within_bounds() {
    for (size, fits) in [
        (metadata::MAX_METADATA, true),
        (metadata::MAX_METADATA + 1, false),
        (MAX_COMMAND as usize - 6, false),
    ] {
        let mut body = b"\x05READY".to_vec();
        assert!(metadata::encode(&mut body, b"X", &vec![b'v'; size - 6]));
        let mut script = greeting(1, "NULL", 0);
        frame::append_v2(&mut script, frame::COMMAND, &body);
        for piece in [1, 7, 4096, script.len()] {
            let played = play(router(), &script, &[piece]);
            assert_eq!(played.outcome.is_some(), fits);
        }
    }
}

#[test]
fn nothing_is_read_while_zap_thinks() {
    let guarded = Config {
        zap_required: true,
        ..router()
    };
    let mut side = Handshake::new(guarded);
    let script = [
        greeting(1, "NULL", 0),
        ready("DEALER", None),
        b"\x00\x01x".to_vec(),
    ]
    .concat();
    assert_eq!(side.receive(&script), Ok(64));
    assert!(side.waits_for_zap());
    assert_eq!(side.zap_request().unwrap().mechanism, "NULL");
    assert!(side.zap_request().is_none());
    assert_eq!(side.receive(&script[64..]), Ok(0));
    let mut sent = Vec::new();
    side.transmit(&mut sent);
    assert_eq!(sent.len(), 64);
    let accepted = Verdict::Accepted {
        user_id: b"bob".to_vec(),
        metadata: Properties::new(),
    };
    assert_eq!(side.zap_reply(accepted), Ok(()));
    assert_eq!(side.receive(&script[64..]), Ok(script.len() - 64 - 3));
    let outcome = side.outcome().unwrap();
    assert_eq!(outcome.properties.get(b"User-Id"), Some(&b"bob"[..]));
    assert_eq!(side.zap_reply(Verdict::NoHandler), Ok(()));
}

#[test]
fn a_denied_peer_hears_why() {
    let guarded = Config {
        zap_required: true,
        ..router()
    };
    for (status, error) in [(400, &b"\x04\x0A\x05ERROR\x03400"[..]), (300, b"")] {
        let mut side = Handshake::new(guarded.clone());
        assert_eq!(side.receive(&greeting(1, "NULL", 0)), Ok(64));
        let mut sent = Vec::new();
        side.transmit(&mut sent);
        let denied = Failure::Denied(status);
        assert_eq!(side.zap_reply(Verdict::Denied(status)), Err(denied.clone()));
        side.transmit(&mut sent);
        assert_eq!(&sent[64..], error);
        assert_eq!(side.receive(b"x"), Err(denied));
        if status == 400 {
            let script = [greeting(1, "NULL", 0), error.to_vec()].concat();
            let heard = play_all(&config("DEALER"), &script).failure;
            assert_eq!(heard, Some(Failure::PeerError(b"400".to_vec())));
        }
    }
}

/// Bytes that get past the first checks often enough.
fn garbage() -> impl Strategy<Value = Vec<u8>> {
    let head = prop_oneof![
        Just(Vec::new()),
        Just(vec![0xFF]),
        Just(SIGNATURE.to_vec()),
        Just([SIGNATURE, b"\x00\x05"].concat()),
        Just([SIGNATURE, b"\x01\x05"].concat()),
        Just(greeting(0, "NULL", 0)),
        Just([greeting(1, "NULL", 0), b"\x04\x20\x05READY".to_vec()].concat()),
        Just([greeting(1, "NULL", 0), b"\x06\0\0\0\0\0\0".to_vec()].concat()),
    ];
    (head, vec(any::<u8>(), 0..300)).prop_map(|(head, tail)| [head, tail].concat())
}

proptest! {
    #[test]
    fn garbage_never_hurts(script in garbage(), pieces in vec(1..40usize, 1..8), secure in any::<bool>()) {
        let config = Config { zap_required: secure, ..router() };
        let whole = play(config.clone(), &script, &[script.len()]);
        let pieced = play(config, &script, &pieces);
        prop_assert!(whole.taken <= script.len());
        prop_assert_eq!(whole.outcome, pieced.outcome);
        prop_assert_eq!(whole.failure, pieced.failure);
        prop_assert_eq!(whole.sent, pieced.sent);
    }

    #[test]
    fn any_segmentation_of_two_sides(left_piece in 1..200usize, right_piece in 1..200usize, id in vec(any::<u8>(), 0..256)) {
        let left = Config { routing_id: id.clone(), ..config("DEALER") };
        let (_, right) = wire(left, router(), left_piece, right_piece);
        prop_assert_eq!(right.peer_routing_id, id);
    }
}
