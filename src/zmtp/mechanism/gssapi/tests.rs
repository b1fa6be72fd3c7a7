//! The whole of it with a negotiation that needs no Kerberos: every command in every state, every verdict, every frame.
#![forbid(unsafe_code)]

use proptest::collection::vec;
use proptest::prelude::*;

use super::toy::{Toy, initiate_of, message};
use super::*;
use crate::zmtp::failure::Event;
use crate::zmtp::frame;
use crate::zmtp::interop::config;
use crate::zmtp::mechanism::Kind;
use crate::zmtp::mechanism::tests::{Tell, accepted, metadata_of};

mod frames;
mod wire;

const BAD_MESSAGE: Failure = Failure::Protocol(code::ZMTP_MALFORMED_COMMAND_MESSAGE);
const NAMELESS: Failure = Failure::Protocol(code::ZMTP_MALFORMED_COMMAND_UNSPECIFIED);

fn gssapi_config(as_server: bool) -> Config {
    Config {
        mechanism: Kind::Gssapi,
        as_server,
        zap_required: true,
        ..config("DEALER")
    }
}

fn ready_of(socket_type: &[u8]) -> Vec<u8> {
    metadata_of(READY, socket_type)
}

/// The first token of a channel.
fn sealed_ready(socket_type: &[u8]) -> Vec<u8> {
    message(0, &[&b"\0"[..], &ready_of(socket_type)].concat())
}

fn side_of(config: Config) -> Gssapi {
    Gssapi::with(&Arc::new(config), Box::new(Toy))
}

fn side(as_server: bool) -> Gssapi {
    side_of(gssapi_config(as_server))
}

/// Takes the step that is to be taken.
fn run(side: &mut Gssapi) -> Result<(), Failure> {
    assert_eq!(side.status(), Status::Working);
    let errand = side.take_errand().unwrap();
    assert!(side.take_errand().is_none());
    assert_eq!(side.status(), Status::Working);
    assert_eq!(side.next_command(), None);
    side.report(errand.run())
}

/// A client that waits for a token, or for READY.
fn client(established: bool) -> Gssapi {
    let mut client = side(false);
    assert_eq!(client.next_command(), None);
    assert_eq!(run(&mut client), Ok(()));
    assert_eq!(client.next_command().unwrap(), initiate_of(b"hello"));
    assert_eq!(client.next_command(), None);
    assert_eq!(client.status(), Status::Handshaking);
    if established {
        assert_eq!(client.tell(&initiate_of(b"reply")), Ok(()));
        assert_eq!(run(&mut client), Ok(()));
        // What the server goes on by.
        assert_eq!(client.next_command().unwrap(), b"");
        assert_eq!(client.next_command(), None);
        assert_eq!(client.status(), Status::Handshaking);
    }
    client
}

/// A server that has said what it had to say to the client's token.
fn server_of(config: Config) -> Gssapi {
    let mut server = side_of(config);
    assert_eq!(server.next_command(), None);
    assert!(server.take_errand().is_none());
    assert_eq!(server.status(), Status::Handshaking);
    assert_eq!(server.tell(&initiate_of(b"hello")), Ok(()));
    assert!(server.zap_request().is_none());
    assert_eq!(run(&mut server), Ok(()));
    assert_eq!(server.next_command().unwrap(), initiate_of(b"reply"));
    assert_eq!(server.next_command(), None);
    assert_eq!(server.status(), Status::Handshaking);
    server
}

/// A server that has asked the ZAP handler.
fn asking(config: Config) -> Gssapi {
    let mut server = server_of(config);
    assert!(server.zap_request().is_none());
    assert_eq!(server.tell(b""), Ok(()));
    assert_eq!(server.status(), Status::WaitingForZap);
    let request = server.zap_request().unwrap();
    let seen: Vec<&[u8]> = request.credentials.iter().map(Secret::expose).collect();
    assert_eq!(
        (request.mechanism, seen),
        ("GSSAPI", vec![&b"joe@REALM"[..]])
    );
    assert!(server.zap_request().is_none());
    assert_eq!(server.next_command(), None);
    server
}

/// A server that has sent READY.
fn welcoming() -> Gssapi {
    let mut server = asking(gssapi_config(true));
    assert_eq!(server.zap_reply(accepted(b"joe")), Ok(()));
    let ready = server.next_command().unwrap();
    assert_eq!(ready, sealed_ready_of_ours());
    assert_eq!(server.next_command(), None);
    assert_eq!(server.status(), Status::Handshaking);
    server
}

fn sealed_ready_of_ours() -> Vec<u8> {
    message(
        0,
        b"\0\x05READY\x0BSocket-Type\0\0\0\x06DEALER\x08Identity\0\0\0\0",
    )
}

#[test]
fn both_ways_to_the_end() {
    let mut server = welcoming();
    let mut client = client(true);
    assert_eq!(client.tell(&sealed_ready_of_ours()), Ok(()));
    let ready = client.next_command().unwrap();
    assert_eq!(ready, sealed_ready_of_ours());
    assert_eq!(client.status(), Status::Ready);
    assert_eq!(server.tell(&ready), Ok(()));
    assert_eq!(server.status(), Status::Ready);
    assert_eq!(server.next_command(), None);
    let properties = server.take_properties();
    assert_eq!(properties.get(b"User-Id"), Some(&b"joe"[..]));
    assert_eq!(properties.get(b"Hello"), Some(&b"World"[..]));
    assert_eq!(properties.get(b"Socket-Type"), Some(&b"forged"[..]));
    let properties = client.take_properties();
    assert_eq!(properties.get(b"Socket-Type"), Some(&b"DEALER"[..]));

    // The same channels seal what follows.
    let (mut ours, mut theirs) = (client.take_cipher().unwrap(), server.take_cipher().unwrap());
    assert!(client.take_cipher().is_none());
    for (flags, body) in [
        (0, &b"one"[..]),
        (frame::MORE, b""),
        (frame::COMMAND, b"\x04PING"),
    ] {
        let size = ours.seal.prepare(flags, body).unwrap();
        let mut sealed = vec![0; size];
        ours.seal.seal(flags, body, &mut sealed).unwrap();
        let opened = theirs.open.open(&mut sealed).unwrap();
        assert_eq!((opened.flags, &sealed[opened.body]), (flags, body));
    }
}

#[test]
fn in_plaintext_only_the_negotiation_is_special() {
    let mut plain = gssapi_config(true);
    plain.gssapi.plaintext = true;
    let mut server = asking(plain.clone());
    assert_eq!(server.zap_reply(Verdict::NoHandler), Ok(()));
    let ready = server.next_command().unwrap();
    assert!(ready.starts_with(b"\x05READY\x0BSocket-Type\0\0\0\x06DEALER"));
    // A peer that seals has other settings.
    assert_eq!(server.tell(&sealed_ready(b"DEALER")), Err(UNEXPECTED));
    let mut server = asking(plain);
    assert_eq!(server.zap_reply(Verdict::NoHandler), Ok(()));
    assert_eq!(server.next_command().unwrap(), ready);
    assert_eq!(server.tell(&ready_of(b"DEALER")), Ok(()));
    assert_eq!(server.status(), Status::Ready);
    assert!(server.take_cipher().is_none());
    // And so has one that does not.
    assert_eq!(client(true).tell(&ready_of(b"DEALER")), Err(UNEXPECTED));
}

#[test]
fn every_command_in_every_state() {
    let commands: [(&str, Vec<u8>); 9] = [
        ("INITIATE", initiate_of(b"hello")),
        ("assent", Vec::new()),
        ("MESSAGE", sealed_ready(b"DEALER")),
        ("READY", ready_of(b"DEALER")),
        ("HELLO", b"\x05HELLO\x05admin\x06secret".to_vec()),
        ("WELCOME", b"\x07WELCOME".to_vec()),
        ("ERROR", b"\x05ERROR\x03400".to_vec()),
        ("unknown", b"\x04PING\0\0".to_vec()),
        ("nameless", b"\x09READY".to_vec()),
    ];
    type Reach = fn() -> Gssapi;
    let states: [(&str, &str, Reach); 5] = [
        ("a client", "INITIATE", || client(false)),
        ("an established client", "MESSAGE", || client(true)),
        ("a server", "INITIATE", || side(true)),
        ("an established server", "assent", || {
            server_of(gssapi_config(true))
        }),
        ("a welcoming server", "MESSAGE", welcoming),
    ];
    for (state, right, reach) in states {
        for (name, command) in &commands {
            let mut side = reach();
            let result = side.tell(command);
            if *name == right {
                assert_eq!(result, Ok(()), "{state}: {name}");
                continue;
            }
            let failure = match *name {
                "ERROR" if state.contains("client") => Failure::PeerError(b"400".to_vec()),
                "assent" | "nameless" if right != "assent" => NAMELESS,
                _ => UNEXPECTED,
            };
            assert_eq!(result, Err(failure), "{state}: {name}");
            assert_eq!(side.next_command(), None);
            assert_eq!(side.status(), Status::Handshaking);
            for (_, command) in &commands {
                assert_eq!(side.tell(command), Err(UNEXPECTED));
            }
        }
    }
}

#[test]
fn malformed_initiates() {
    let whole = initiate_of(b"hello");
    for as_server in [true, false] {
        let reach = || match as_server {
            true => side(true),
            false => client(false),
        };
        for end in 0..whole.len() {
            let failure = match end {
                ..9 => NAMELESS,
                _ => MALFORMED,
            };
            assert_eq!(reach().tell(&whole[..end]), Err(failure), "{end}");
        }
        for (at, byte) in whole.iter().enumerate().take(13) {
            let mut bad = whole.clone();
            bad[at] = byte.wrapping_add(1);
            let failure = match at {
                ..9 => UNEXPECTED,
                _ => MALFORMED,
            };
            assert_eq!(reach().tell(&bad), Err(failure), "{at}");
        }
        assert_eq!(reach().tell(&initiate_of(b"")), Err(MALFORMED));
        assert_eq!(reach().tell(&[&whole[..], b"x"].concat()), Err(MALFORMED));
        assert_eq!(
            reach().tell(b"\x08INITIATE\xFF\xFF\xFF\xFFx"),
            Err(MALFORMED)
        );
        assert_eq!(reach().tell(&whole), Ok(()));
    }
}

#[test]
fn malformed_readys() {
    let whole = sealed_ready(b"DEALER");
    for reach in [welcoming as fn() -> Gssapi, || client(true)] {
        for end in 0..whole.len() {
            let failure = match end {
                ..8 => NAMELESS,
                _ => BAD_MESSAGE,
            };
            assert_eq!(reach().tell(&whole[..end]), Err(failure), "{end}");
        }
        for (at, byte) in whole.iter().enumerate() {
            let mut bad = whole.clone();
            bad[at] = byte.wrapping_add(1);
            let failure = match at {
                ..8 => UNEXPECTED,
                8..12 => BAD_MESSAGE,
                _ => REFUSED,
            };
            assert_eq!(reach().tell(&bad), Err(failure), "{at}");
        }
        assert_eq!(reach().tell(&[&whole[..], b"x"].concat()), Err(BAD_MESSAGE));
        // A token that came before, or comes too early.
        let late = message(1, &[&b"\0"[..], &ready_of(b"DEALER")].concat());
        assert_eq!(reach().tell(&late), Err(REFUSED));
        assert_eq!(reach().tell(b"\x07MESSAGE\0\0\0\0"), Err(REFUSED));

        let inner: [(&[u8], Failure); 6] = [
            (b"", BAD_MESSAGE),
            (b"\0", NAMELESS),
            (b"\0\x05READ", NAMELESS),
            (b"\0\x05HELLO", UNEXPECTED),
            (b"\x04\x05READY", UNEXPECTED),
            (
                b"\0\x05READY\x01",
                Failure::Protocol(code::ZMTP_INVALID_METADATA),
            ),
        ];
        for (plain, failure) in inner {
            assert_eq!(reach().tell(&message(0, plain)), Err(failure), "{plain:?}");
        }
        assert_eq!(
            reach().tell(&sealed_ready(b"PUB")),
            Err(Failure::Protocol(code::ZMTP_INVALID_METADATA))
        );
        assert_eq!(reach().tell(&whole), Ok(()));
    }
}

#[test]
fn every_verdict() {
    let domain = |enforced: bool, domain: &[u8]| Config {
        zap_enforced: enforced,
        zap_domain: domain.to_vec(),
        ..gssapi_config(true)
    };
    let error = |text: &[u8]| Some([&b"\x05ERROR\x03"[..], text].concat());
    let malformed = code::ZAP_BAD_VERSION;
    let refusals = [
        (Verdict::Denied(300), Failure::Denied(300), None),
        (Verdict::Denied(400), Failure::Denied(400), error(b"400")),
        (Verdict::Denied(500), Failure::Denied(500), error(b"500")),
        (
            Verdict::Malformed(malformed),
            Failure::Protocol(malformed),
            None,
        ),
        (Verdict::DeafHandler, Failure::NoZapHandler, None),
    ];
    for (verdict, failure, last) in refusals {
        let mut server = asking(gssapi_config(true));
        assert_eq!(server.zap_reply(verdict), Err(failure));
        assert_eq!(server.next_command(), last);
        assert_eq!(server.next_command(), None);
        assert_eq!(server.tell(&sealed_ready(b"DEALER")), Err(UNEXPECTED));
        assert_eq!(server.status(), Status::Handshaking);
    }
    for (enforced, name, lets_in) in [
        (false, &b""[..], true),
        (false, b"global", true),
        (true, b"", true),
        (true, b"global", false),
    ] {
        let mut server = asking(domain(enforced, name));
        let result = server.zap_reply(Verdict::NoHandler);
        assert_eq!(result.is_ok(), lets_in, "{enforced} {name:?}");
        assert_eq!(server.next_command().is_some(), lets_in);
    }
}

#[test]
fn a_refusal_reaches_the_client() {
    for established in [false, true] {
        let mut refused = client(established);
        let failure = refused.tell(b"\x05ERROR\x03400").unwrap_err();
        assert_eq!(failure.event(), Event::Auth(400));
        assert!(failure.is_terminal());
        for bad in [&b"\x05ERROR"[..], b"\x05ERROR\x04400"] {
            assert_eq!(
                client(established).tell(bad),
                Err(Failure::Protocol(code::ZMTP_MALFORMED_COMMAND_ERROR))
            );
        }
    }
}

#[test]
fn negotiations_that_lead_nowhere() {
    // A token that the library refuses.
    for as_server in [true, false] {
        let mut side = match as_server {
            true => side(true),
            false => client(false),
        };
        assert_eq!(side.tell(&initiate_of(b"forged")), Ok(()));
        assert_eq!(run(&mut side), Err(REFUSED));
        assert_eq!(side.next_command(), None);
        assert_eq!(side.status(), Status::Handshaking);
    }
    // One that is not done and has nothing to say.
    let mut mute = side(true);
    assert_eq!(mute.tell(&initiate_of(b"mute")), Ok(()));
    assert_eq!(run(&mut mute), Err(REFUSED));
    // One that never ends.
    let mut endless = side(true);
    let mut steps = 0;
    while endless.tell(&initiate_of(b"more")) == Ok(()) {
        assert_eq!(run(&mut endless), Ok(()));
        assert_eq!(endless.next_command().unwrap(), initiate_of(b"more"));
        steps += 1;
        assert!(steps < 100);
    }
    assert_eq!(steps, MAX_STEPS);
    // One in which the server has the last word, and says nothing: it waits for nothing either.
    let mut short = side(true);
    assert_eq!(short.tell(&initiate_of(b"short")), Ok(()));
    assert_eq!(run(&mut short), Ok(()));
    assert_eq!(short.status(), Status::WaitingForZap);
}

#[test]
fn without_credentials_another_attempt_is_made() {
    let mut client = side(false);
    let Errand { party, .. } = client.take_errand().unwrap();
    let step = Err(Failure::NoCredentials);
    let failure = client.report(Report { party, step }).unwrap_err();
    assert_eq!(
        failure.event(),
        Event::NoDetail(crate::errno::Errno::EACCES)
    );
    assert!(!failure.is_terminal());
    assert_eq!(client.next_command(), None);
}

#[test]
fn tokens_and_names_stay_out_of_logs() {
    let server = asking(gssapi_config(true));
    assert!(!format!("{server:?}").contains("joe"));
    let server = server_of(gssapi_config(true));
    let text = format!("{server:?}");
    assert!(
        text.contains("Secret(..)") && !text.contains("106, 111"),
        "{text}"
    );
}

proptest! {
    /// Whatever comes in whatever state: an answer, and no more memory than the token takes.
    #[test]
    fn arbitrary_commands(name in 0usize..6, length in any::<Option<u32>>(), bytes in vec(any::<u8>(), 0..600)) {
        let names: [&[u8]; 6] = [b"", INITIATE, b"\x07MESSAGE", READY, ERROR, b"\x09SUBSCRIBE"];
        let length = length.unwrap_or(bytes.len() as u32).to_be_bytes();
        let commands = [
            [names[name], &bytes].concat(),
            [names[name], &length, &bytes].concat(),
            message(0, &bytes),
            message(0, &[&b"\0\x05READY"[..], &bytes].concat()),
        ];
        let states: [fn() -> Gssapi; 5] = [
            || side(true),
            || side(false),
            || client(true),
            || server_of(gssapi_config(true)),
            welcoming,
        ];
        for reach in states {
            for command in &commands {
                let mut side = reach();
                if side.status() == Status::Working {
                    run(&mut side).unwrap();
                }
                let mut result = side.tell(command);
                prop_assert!(side.held() <= command.len());
                if side.status() == Status::Working {
                    result = run(&mut side);
                }
                while side.next_command().is_some() {}
                if result.is_err() {
                    prop_assert_ne!(side.status(), Status::Ready);
                    prop_assert!(side.tell(command).is_err());
                }
            }
        }
    }


}
