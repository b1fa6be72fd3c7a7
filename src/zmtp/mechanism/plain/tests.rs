//! Every command in every state, and every verdict.
#![forbid(unsafe_code)]

use super::*;
use crate::zmtp::failure::{Event, Violation};
use crate::zmtp::greeting::Version;
use crate::zmtp::handshake::Handshake;
use crate::zmtp::interop::config;
use crate::zmtp::mechanism::Kind;
use crate::zmtp::mechanism::tests::{Tell, accepted, metadata_of};

const BAD_HELLO: Failure = Failure::Protocol(code::ZMTP_MALFORMED_COMMAND_HELLO);
const BAD_WELCOME: Failure = Failure::Protocol(code::ZMTP_MALFORMED_COMMAND_WELCOME);
const BAD_ERROR: Failure = Failure::Protocol(code::ZMTP_MALFORMED_COMMAND_ERROR);
const BAD_METADATA: Failure = Failure::Protocol(code::ZMTP_INVALID_METADATA);

fn plain_config(as_server: bool) -> Config {
    Config {
        mechanism: Kind::Plain,
        as_server,
        zap_required: true,
        plain: Credentials {
            username: Secret::from(&b"admin"[..]),
            password: Secret::from(&b"secret"[..]),
        },
        ..config("DEALER")
    }
}

fn side(as_server: bool) -> Plain {
    Plain::start(&Arc::new(plain_config(as_server)))
}

/// A client that has sent HELLO, and INITIATE if `welcomed`.
fn client(welcomed: bool) -> Plain {
    let mut client = side(false);
    assert_eq!(client.tell(b"").err(), Some(UNEXPECTED));
    client = side(false);
    let hello = client.next_command().unwrap();
    assert_eq!(hello, b"\x05HELLO\x05admin\x06secret");
    assert_eq!(client.next_command(), None);
    if welcomed {
        assert_eq!(client.tell(WELCOME), Ok(()));
        let initiate = client.next_command().unwrap();
        assert!(initiate.starts_with(b"\x08INITIATE\x0BSocket-Type\0\0\0\x06DEALER"));
    }
    assert_eq!(client.status(), Status::Handshaking);
    client
}

/// A server that waits for ZAP, having asked.
fn asking() -> Plain {
    let mut server = side(true);
    assert_eq!(server.next_command(), None);
    assert!(server.zap_request().is_none());
    assert_eq!(server.tell(b"\x05HELLO\x03bob\x00"), Ok(()));
    assert_eq!(server.status(), Status::WaitingForZap);
    let request = server.zap_request().unwrap();
    let seen: Vec<&[u8]> = request.credentials.iter().map(Secret::expose).collect();
    assert_eq!((request.mechanism, seen), ("PLAIN", vec![&b"bob"[..], b""]));
    assert!(server.zap_request().is_none());
    assert_eq!(server.next_command(), None);
    server
}

/// A server that has sent WELCOME.
fn welcoming() -> Plain {
    let mut server = asking();
    assert_eq!(server.zap_reply(accepted(b"bob")), Ok(()));
    assert_eq!(server.next_command().unwrap(), WELCOME);
    assert_eq!(server.next_command(), None);
    assert_eq!(server.status(), Status::Handshaking);
    server
}

/// No command gets a state any further but the one it waits for, and after a failure none does.
#[test]
fn every_command_in_every_state() {
    let commands: [(&str, Vec<u8>); 9] = [
        ("HELLO", b"\x05HELLO\x01u\x01p".to_vec()),
        ("WELCOME", WELCOME.to_vec()),
        ("INITIATE", metadata_of(INITIATE, b"ROUTER")),
        ("READY", metadata_of(READY, b"ROUTER")),
        ("ERROR", b"\x05ERROR\x03400".to_vec()),
        ("libzmq's ERROR", b"^RROR\x03400".to_vec()),
        ("MESSAGE", b"\x07MESSAGEx".to_vec()),
        ("empty", Vec::new()),
        ("cut", b"\x05HELL".to_vec()),
    ];
    let reach = |state| match state {
        "WELCOME" => client(false),
        "READY" => client(true),
        "HELLO" => side(true),
        _ => welcoming(),
    };
    // A state is called by what it waits for.
    for right in ["WELCOME", "READY", "HELLO", "INITIATE"] {
        let is_client = right == "WELCOME" || right == "READY";
        for (name, command) in &commands {
            let mut plain = reach(right);
            let result = plain.tell(command);
            if *name == right {
                assert_eq!(result, Ok(()), "{right}: {name}");
                continue;
            }
            let expected = match *name {
                "ERROR" | "libzmq's ERROR" if is_client => Failure::PeerError(b"400".to_vec()),
                _ => UNEXPECTED,
            };
            assert_eq!(result, Err(expected), "{right}: {name}");
            assert_eq!(plain.next_command(), None);
            assert_eq!(plain.status(), Status::Handshaking);
            for (_, command) in &commands {
                assert_eq!(plain.tell(command), Err(UNEXPECTED));
            }
        }
    }
}

#[test]
fn malformed_hellos() {
    let long = [
        b"\x05HELLO\xFF".as_slice(),
        &[b'u'; 255],
        b"\xFF",
        &[b'p'; 255],
    ]
    .concat();
    assert_eq!(side(true).tell(&long), Ok(()));
    let whole = b"\x05HELLO\x02me\x03you";
    for end in HELLO.len()..whole.len() {
        assert_eq!(side(true).tell(&whole[..end]), Err(BAD_HELLO), "{end}");
    }
    assert_eq!(side(true).tell(whole), Ok(()));
    for bad in [
        &b"\x05HELLO\x02me\x03you\0"[..],
        b"\x05HELLO\xFFme\x03you",
        b"\x05HELLO\x00\x01",
        &[&long[..], b"x"].concat(),
    ] {
        assert_eq!(side(true).tell(bad), Err(BAD_HELLO));
    }
    assert_eq!(side(true).tell(b"\x05HELLO\0\0"), Ok(()));
    assert_eq!(side(true).tell(b"\x06HELLO\0\0"), Err(UNEXPECTED));
}

#[test]
fn what_else_a_client_refuses() {
    assert_eq!(client(false).tell(b"\x07WELCOME\0"), Err(BAD_WELCOME));
    for error in [
        &b"\x05ERROR"[..],
        b"\x05ERROR\x04400",
        b"^RROR",
        b"^RROR\x04400",
    ] {
        for welcomed in [false, true] {
            assert_eq!(client(welcomed).tell(error), Err(BAD_ERROR));
        }
    }
    for ready in [&b"\x05READY\x01"[..], &metadata_of(READY, b"PUB")] {
        assert_eq!(client(true).tell(ready), Err(BAD_METADATA));
    }
}

#[test]
fn what_else_a_server_refuses() {
    let malformed = Failure::Violation(Violation::MalformedMetadata);
    assert_eq!(welcoming().tell(b"\x08INITIATE\x01"), Err(malformed));
    assert_eq!(
        welcoming().tell(&metadata_of(INITIATE, b"PUB")),
        Err(Failure::IncompatiblePeer)
    );
}

#[test]
fn the_handlers_word_comes_first() {
    let mut server = welcoming();
    assert_eq!(server.tell(&metadata_of(INITIATE, b"ROUTER")), Ok(()));
    assert_eq!(server.status(), Status::Handshaking);
    assert!(server.next_command().unwrap().starts_with(READY));
    assert_eq!(server.status(), Status::Ready);
    let properties = server.take_properties();
    assert_eq!(properties.get(b"User-Id"), Some(&b"bob"[..]));
    assert_eq!(properties.get(b"Hello"), Some(&b"World"[..]));
    assert_eq!(properties.get(b"Socket-Type"), Some(&b"forged"[..]));
}

#[test]
fn every_verdict_but_acceptance_ends_it() {
    let bad_id = code::ZAP_BAD_REQUEST_ID;
    let error = |status: &[u8]| Some([b"^RROR\x03", status].concat());
    let cases = [
        (Verdict::Denied(300), Failure::Denied(300), None),
        (Verdict::Denied(400), Failure::Denied(400), error(b"400")),
        (Verdict::Denied(500), Failure::Denied(500), error(b"500")),
        (Verdict::NoHandler, Failure::NoZapHandler, None),
        (Verdict::DeafHandler, Failure::NoZapHandler, None),
        (Verdict::Malformed(bad_id), Failure::Protocol(bad_id), None),
    ];
    for (verdict, failure, last) in cases {
        let mut server = asking();
        assert_eq!(server.zap_reply(verdict), Err(failure));
        assert_eq!(server.next_command(), last);
        assert_eq!(server.next_command(), None);
        assert_eq!(server.tell(INITIATE), Err(UNEXPECTED));
        assert_eq!(server.status(), Status::Handshaking);
    }
}

#[test]
fn a_domain_that_is_a_must_and_missing_lets_nobody_in() {
    let mut enforced = plain_config(true);
    enforced.zap_enforced = true;
    let mut server = Plain::start(&Arc::new(enforced.clone()));
    let hello = b"\x05HELLO\x03bob\x00";
    assert_eq!(server.tell(hello), Err(Failure::NoZapHandler));
    assert!(server.zap_request().is_none());
    enforced.zap_domain = b"global".to_vec();
    assert_eq!(Plain::start(&Arc::new(enforced)).tell(hello), Ok(()));
}

/// Moves what one side has to say to the other.
fn carry(from: &mut Handshake, to: &mut Handshake) -> Result<usize, Failure> {
    let mut bytes = Vec::new();
    from.transmit(&mut bytes);
    let taken = to.receive(&bytes)?;
    assert_eq!(taken, bytes.len());
    Ok(taken)
}

/// Runs a server and a client until neither has anything to say, with this verdict.
fn meet(verdict: Verdict) -> (Handshake, Handshake, Result<usize, Failure>) {
    let mut server = Handshake::new(plain_config(true));
    let mut client = Handshake::new(plain_config(false));
    loop {
        let there = carry(&mut client, &mut server);
        if server.zap_request().is_some() {
            let _ = server.zap_reply(verdict.clone());
        }
        let back = carry(&mut server, &mut client);
        if back.is_err() || matches!((&there, &back), (Ok(0), Ok(0))) {
            return (server, client, there.and(back));
        }
    }
}

#[test]
fn two_sides_meet() {
    let (mut server, mut client, end) = meet(accepted(b"bob"));
    assert_eq!(end, Ok(0));
    let outcome = server.outcome().unwrap();
    assert_eq!(outcome.version, Version::V3_1);
    assert_eq!(outcome.properties.get(b"User-Id"), Some(&b"bob"[..]));
    let outcome = client.outcome().unwrap();
    assert_eq!(outcome.properties.get(b"User-Id"), None);
    assert_eq!(outcome.peer_socket_type(), Some(&b"DEALER"[..]));
}

#[test]
fn a_refused_client_hears_why() {
    let (mut server, mut client, end) = meet(Verdict::Denied(400));
    let failure = end.unwrap_err();
    assert_eq!(failure.event(), Event::Auth(400));
    assert_eq!((server.outcome(), client.outcome()), (None, None));
}

/// CVE-2014-7202 and CVE-2014-9721: the peer does not choose how safe a connection is.
#[test]
fn no_downgrade() {
    for as_server in [false, true] {
        for mechanism in ["NULL", "CURVE", "GSSAPI", "", "PLAI", "PLAINX", "plain"] {
            let mut greeting = b"\xFF\0\0\0\0\0\0\0\x01\x7F\x03\x01".to_vec();
            greeting.extend_from_slice(mechanism.as_bytes());
            greeting.resize(64, 0);
            let mismatch = Failure::Protocol(code::ZMTP_MECHANISM_MISMATCH);
            let mut side = Handshake::new(plain_config(as_server));
            assert_eq!(side.receive(&greeting), Err(mismatch), "{mechanism}");
        }
        for old in [
            &b"\x01\x00\x08\x00sneaky\0"[..],
            b"\xFF\0\0\0\0\0\0\0\x01\x7F\x00\x05\x01\x00",
            b"\xFF\0\0\0\0\0\0\0\x01\x7F\x01\x05\x00\x00",
        ] {
            let mut side = Handshake::new(plain_config(as_server));
            let insecure = Failure::Violation(Violation::InsecureVersion);
            assert_eq!(side.receive(old), Err(insecure));
            assert_eq!(side.outcome(), None);
        }
    }
}

#[test]
fn oversized_commands_are_refused_unread() {
    let mut side = Handshake::new(plain_config(true));
    let mut script = b"\xFF\0\0\0\0\0\0\0\x01\x7F\x03\x01PLAIN".to_vec();
    script.resize(64, 0);
    script.extend_from_slice(b"\x06\0\0\0\0\0\x01\0\0");
    assert_eq!(side.receive(&script), Err(Failure::TooLarge));
}

#[test]
fn credentials_are_not_shown() {
    let mut server = side(true);
    assert_eq!(server.tell(b"\x05HELLO\x03bob\x05xyzzy"), Ok(()));
    let shown = format!("{server:?} {:?} {:?}", side(false), server.zap_request());
    for secret in ["xyzzy", "bob", "admin", "120, 121", "115, 101, 99"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
