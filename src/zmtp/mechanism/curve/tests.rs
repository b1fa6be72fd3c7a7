//! Both sides against each other and against libsodium; every command changed, cut and repeated.
#![forbid(unsafe_code)]

use super::boxes::StreamKey;
use super::*;
use crate::zmtp::failure::Event;
use crate::zmtp::frame::{COMMAND, MORE};
use crate::zmtp::handshake::Handshake;
use crate::zmtp::interop::config;
use crate::zmtp::mechanism::Kind;
use crate::zmtp::mechanism::tests::Tell;
use sodiumoxide::crypto::box_;
use sodiumoxide::crypto::secretbox::xsalsa20poly1305 as secretbox;

const CRYPTOGRAPHIC: Failure = Failure::Protocol(code::ZMTP_CRYPTOGRAPHIC);
const PREFIX: &[u8; 16] = b"CurveZMQMESSAGEC";

fn pair() -> (PublicKey, SecretKey) {
    let secret = SecretKey::generate().unwrap();
    (secret.public(), secret)
}

/// A client and a server that know each other.
fn configs() -> (Config, Config) {
    let (server_public, server_secret) = pair();
    let (public, secret) = pair();
    let base = |as_server, curve| Config {
        mechanism: Kind::Curve,
        as_server,
        zap_required: true,
        curve,
        ..config("DEALER")
    };
    let client = Keys {
        secret,
        public,
        server: server_public,
    };
    (
        base(false, client),
        base(true, Keys::of_server(server_secret)),
    )
}

fn start((client, server): (Config, Config)) -> (Curve, Curve) {
    (
        Curve::start(&Arc::new(client)),
        Curve::start(&Arc::new(server)),
    )
}

fn said(side: &mut Curve) -> Vec<u8> {
    let body = side.next_command().expect("something to say");
    assert_eq!(side.next_command(), None);
    body
}

fn nobody_there(server: &mut Curve) -> Result<(), Failure> {
    assert_eq!(server.status(), Status::WaitingForZap);
    assert_eq!(server.zap_request().unwrap().mechanism, "CURVE");
    server.zap_reply(Verdict::NoHandler)
}

/// The command that comes at this place of the way (HELLO, WELCOME, INITIATE, READY), and who hears it.
fn at(place: usize) -> (Vec<u8>, Curve) {
    let (mut client, mut server) = start(configs());
    let hello = said(&mut client);
    if place == 0 {
        return (hello, server);
    }
    server.tell(&hello).unwrap();
    let welcome = said(&mut server);
    if place == 1 {
        return (welcome, client);
    }
    client.tell(&welcome).unwrap();
    let initiate = said(&mut client);
    if place == 2 {
        return (initiate, server);
    }
    server.tell(&initiate).unwrap();
    nobody_there(&mut server).unwrap();
    (said(&mut server), client)
}

/// Both directions of both sides.
fn ciphers() -> (Cipher, Cipher) {
    let (mut client, mut server) = start(configs());
    server.tell(&said(&mut client)).unwrap();
    client.tell(&said(&mut server)).unwrap();
    server.tell(&said(&mut client)).unwrap();
    nobody_there(&mut server).unwrap();
    client.tell(&said(&mut server)).unwrap();
    assert_eq!(
        (client.status(), server.status()),
        (Status::Ready, Status::Ready)
    );
    let ciphers = (client.take_cipher().unwrap(), server.take_cipher().unwrap());
    assert!(client.take_cipher().is_none());
    ciphers
}

fn sealed(cipher: &mut Cipher, flags: u8, body: &[u8]) -> Vec<u8> {
    let mut into = vec![0; cipher.seal.prepare(flags, body).unwrap()];
    cipher.seal.seal(flags, body, &mut into).unwrap();
    into
}

fn opened(cipher: &mut Cipher, sealed: &[u8]) -> Result<(u8, Vec<u8>), Failure> {
    let mut frame = sealed.to_vec();
    let opened = cipher.open.open(&mut frame)?;
    Ok((opened.flags, frame[opened.body].to_vec()))
}

#[test]
fn the_sizes_of_the_commands() {
    let sizes = [HELLO_SIZE, WELCOME_SIZE];
    for (place, size) in sizes.into_iter().enumerate() {
        assert_eq!(at(place).0.len(), size);
    }
    // Socket-Type and an empty Identity.
    let metadata = 1 + 11 + 4 + 6 + 1 + 8 + 4;
    assert_eq!(at(2).0.len(), 257 + metadata);
    assert_eq!(at(3).0.len(), 30 + metadata);
    assert_eq!(INITIATE_SIZE, 257);
}

#[test]
fn messages_go_both_ways_with_their_flags() {
    let (mut client, mut server) = ciphers();
    for len in (0..300).chain([1_000, 65_536]) {
        let body: Vec<u8> = (0..len).map(|at| at as u8).collect();
        for flags in [0, MORE, COMMAND] {
            let there = sealed(&mut client, flags, &body);
            assert_eq!(there.len(), len + 33);
            assert_eq!(opened(&mut server, &there), Ok((flags, body.clone())));
            let back = sealed(&mut server, flags, &body);
            assert_eq!(opened(&mut client, &back), Ok((flags, body.clone())));
        }
    }
}

#[test]
fn who_sealed_can_open_again() {
    let (mut client, mut server) = ciphers();
    let flags = [MORE, COMMAND, 0];
    let frames = flags.map(|flags| sealed(&mut client, flags, &[flags; 300]));
    for skipped in 0..frames.len() {
        let mut open = client.seal.reopener().unwrap();
        for (frame, flags) in frames.iter().zip(flags).skip(skipped) {
            let mut frame = frame.clone();
            let opened = open.open(&mut frame).unwrap();
            assert_eq!(
                (opened.flags, &frame[opened.body]),
                (flags, &[flags; 300][..])
            );
        }
    }
    // What the peer sealed is nothing that went out here.
    let mut theirs = sealed(&mut server, 0, b"answer");
    assert!(client.seal.reopener().unwrap().open(&mut theirs).is_err());
}

#[test]
fn a_message_that_comes_again_or_late_is_refused() {
    let (mut client, mut server) = ciphers();
    let [one, two] = [
        sealed(&mut client, 0, b"one"),
        sealed(&mut client, 0, b"two"),
    ];
    let sequence = Err(Failure::Protocol(code::ZMTP_INVALID_SEQUENCE));
    assert_eq!(opened(&mut server, &two), Ok((0, b"two".to_vec())));
    assert_eq!(opened(&mut server, &two), sequence);
    assert_eq!(opened(&mut server, &one), sequence);
    // Nor does one that was meant for the other side pass for one of its own.
    assert_eq!(opened(&mut client, &one), Err(CRYPTOGRAPHIC));
}

#[test]
fn a_message_that_was_changed_or_cut_is_refused() {
    for len in [0, 1, 100, 200] {
        let (mut client, mut server) = ciphers();
        let whole = sealed(&mut client, MORE, &vec![7; len]);
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 0x40;
            let refused = opened(&mut server, &changed);
            assert!(matches!(refused, Err(Failure::Protocol(_))), "{at}");
            let cut = opened(&mut server, &whole[..at]);
            assert!(matches!(cut, Err(Failure::Protocol(_))), "{at}");
        }
        assert!(opened(&mut server, &whole).is_ok());
    }
}

#[test]
fn a_command_that_was_changed_or_cut_ends_the_handshake() {
    for place in 0..4 {
        let len = at(place).0.len();
        for spot in 0..len {
            let (mut command, mut hearer) = at(place);
            command[spot] ^= 1;
            // The padding of a HELLO means nothing, as with libzmq.
            let padding = place == 0 && (8..80).contains(&spot);
            assert_eq!(hearer.tell(&command).is_ok(), padding, "{place} {spot}");
            if padding {
                continue;
            }
            assert_eq!(hearer.next_command(), None);
            assert_eq!(hearer.status(), Status::Handshaking);
            assert!(hearer.tell(&command).is_err());
            let (command, mut hearer) = at(place);
            assert!(hearer.tell(&command[..spot]).is_err());
        }
        let (mut command, mut hearer) = at(place);
        command.push(0);
        assert!(hearer.tell(&command).is_err());
    }
}

#[test]
fn what_is_wrong_with_a_command_has_a_name() {
    let named = |place: usize, change: &dyn Fn(&mut Vec<u8>)| {
        let (mut command, mut hearer) = at(place);
        change(&mut command);
        match hearer.tell(&command) {
            Err(Failure::Protocol(code)) => code,
            other => panic!("{other:?}"),
        }
    };
    let flip = |spot: usize| move |command: &mut Vec<u8>| command[spot] ^= 1;
    let cut = |left: usize| move |command: &mut Vec<u8>| command.truncate(left);
    for place in 0..4 {
        assert_eq!(named(place, &flip(2)), code::ZMTP_UNEXPECTED_COMMAND);
    }
    let malformed = [
        code::ZMTP_MALFORMED_COMMAND_HELLO,
        code::ZMTP_MALFORMED_COMMAND_WELCOME,
        code::ZMTP_MALFORMED_COMMAND_INITIATE,
        code::ZMTP_MALFORMED_COMMAND_READY,
    ];
    for (place, (code, name)) in malformed.into_iter().zip([6, 8, 9, 6]).enumerate() {
        assert_eq!(named(place, &cut(name)), code);
    }
    for version in [6, 7] {
        assert_eq!(named(0, &flip(version)), code::ZMTP_MALFORMED_COMMAND_HELLO);
    }
    for (place, spot) in [
        (0, 90),
        (0, 119),
        (0, 150),
        (1, 10),
        (1, 100),
        (2, 30),
        (2, 150),
        (3, 20),
    ] {
        assert_eq!(named(place, &flip(spot)), code::ZMTP_CRYPTOGRAPHIC);
    }
    // The first of the bytes that count: INITIATE's nonce is 2, HELLO's was 1.
    assert_eq!(
        named(2, &|command| command[112] = 1),
        code::ZMTP_INVALID_SEQUENCE
    );
    assert_eq!(named(0, &cut(1)), code::ZMTP_MALFORMED_COMMAND_UNSPECIFIED);
}

#[test]
fn wrong_keys() {
    let (stranger_public, stranger_secret) = pair();
    // The client believes in another server, or in none: its HELLO says nothing to this one.
    for believed in [stranger_public, PublicKey::default()] {
        let (mut client, server) = configs();
        client.curve.server = believed;
        let (mut client, mut server) = start((client, server));
        assert_eq!(server.tell(&said(&mut client)), Err(CRYPTOGRAPHIC));
    }
    // The client's two keys do not belong together: the vouch does not open.
    for change in [
        |keys: &mut Keys, other: &(PublicKey, SecretKey)| keys.public = other.0,
        |keys: &mut Keys, other: &(PublicKey, SecretKey)| keys.secret = other.1.clone(),
    ] {
        let (mut client, server) = configs();
        change(
            &mut client.curve,
            &(stranger_public, stranger_secret.clone()),
        );
        let (mut client, mut server) = start((client, server));
        server.tell(&said(&mut client)).unwrap();
        client.tell(&said(&mut server)).unwrap();
        assert_eq!(server.tell(&said(&mut client)), Err(CRYPTOGRAPHIC));
        assert_eq!(server.next_command(), None);
    }
}

#[test]
fn a_vouch_for_another_server_is_refused() {
    // A server in the middle passes a client's word on as its own cannot: the vouch names the server it was given to.
    let (client, server) = configs();
    let (mut client, mut server) = start((client, server));
    server.tell(&said(&mut client)).unwrap();
    client.tell(&said(&mut server)).unwrap();
    server.config = Arc::new(Config {
        curve: Keys {
            public: pair().0,
            ..server.config.curve.clone()
        },
        ..(*server.config).clone()
    });
    let exchange = Failure::Protocol(code::ZMTP_KEY_EXCHANGE);
    assert_eq!(server.tell(&said(&mut client)), Err(exchange));
}

#[test]
fn verdicts() {
    let asking = |enforced: bool| {
        let (client, mut server) = configs();
        server.zap_enforced = enforced;
        server.zap_domain = b"domain".to_vec();
        let key = client.curve.public;
        let (mut client, mut server) = start((client, server));
        server.tell(&said(&mut client)).unwrap();
        client.tell(&said(&mut server)).unwrap();
        server.tell(&said(&mut client)).unwrap();
        let request = server.zap_request().unwrap();
        assert_eq!(request.credentials[0].expose(), key.0);
        assert_eq!(request.credentials.len(), 1);
        (client, server)
    };
    for status in [300, 400, 500] {
        let (mut client, mut server) = asking(false);
        let denied = server.zap_reply(Verdict::Denied(status));
        assert_eq!(denied, Err(Failure::Denied(status)));
        assert_eq!(server.status(), Status::Handshaking);
        assert!(server.take_cipher().is_none());
        match server.next_command() {
            Some(error) => {
                let heard = client.tell(&error).unwrap_err();
                assert_eq!(heard.event(), Event::Auth(status));
            }
            None => assert_eq!(status, 300),
        }
    }
    let accepted = Verdict::Accepted {
        user_id: b"joe".to_vec(),
        metadata: Properties::new(),
    };
    let (mut client, mut server) = asking(true);
    assert_eq!(server.zap_reply(accepted), Ok(()));
    assert_eq!(server.take_properties().get(b"User-Id"), Some(&b"joe"[..]));
    client.tell(&said(&mut server)).unwrap();
    assert_eq!(
        client.take_properties().get(b"Socket-Type"),
        Some(&b"DEALER"[..])
    );
    for (enforced, verdict, let_in) in [
        (false, Verdict::NoHandler, true),
        (true, Verdict::NoHandler, false),
        (false, Verdict::DeafHandler, false),
        (false, Verdict::Malformed(code::ZAP_BAD_VERSION), false),
    ] {
        assert_eq!(asking(enforced).1.zap_reply(verdict).is_ok(), let_in);
    }
}

#[test]
fn without_a_domain_to_enforce_nobody_is_asked() {
    let (client, mut server) = configs();
    server.zap_enforced = true;
    let (mut client, mut server) = start((client, server));
    server.tell(&said(&mut client)).unwrap();
    client.tell(&said(&mut server)).unwrap();
    server.tell(&said(&mut client)).unwrap();
    assert!(server.zap_request().is_none());
    assert_eq!(client.tell(&said(&mut server)), Ok(()));
}

#[test]
fn a_handshake_of_bytes() {
    let (client, server) = configs();
    let mut sides = [Handshake::new(client), Handshake::new(server)];
    let mut ends = [None, None];
    while ends.contains(&None) {
        for from in [0, 1] {
            let mut bytes = Vec::new();
            sides[from].transmit(&mut bytes);
            assert_eq!(sides[1 - from].receive(&bytes), Ok(bytes.len()));
            if sides[1 - from].waits_for_zap() {
                assert!(sides[1 - from].zap_request().is_some());
                sides[1 - from].zap_reply(Verdict::NoHandler).unwrap();
            }
        }
        for (end, side) in ends.iter_mut().zip(&mut sides) {
            *end = end.take().or_else(|| side.outcome());
        }
    }
    let [mut client, mut server] = sides.map(|mut side| side.take_cipher().unwrap());
    let message = sealed(&mut server, 0, b"hi");
    assert_eq!(opened(&mut client, &message), Ok((0, b"hi".to_vec())));
}

#[test]
fn boxes_are_those_of_libsodium() {
    let (theirs, their_secret) = pair();
    let (ours, our_secret) = pair();
    let sodium = box_::precompute(
        &box_::PublicKey(theirs.0),
        &box_::SecretKey(*our_secret.as_bytes()),
    );
    let key = BoxKey::agree(&ours, &their_secret).unwrap();
    let mut stream = StreamKey::new(key.clone(), PREFIX);
    for len in (0..400).chain([1_000, 4_096, 65_537]) {
        let counter = 0x0102_0304_0506_0700 + len as u64;
        let body: Vec<u8> = (0..len).map(|at| (at * 7) as u8).collect();
        let nonce = boxes::short_nonce(PREFIX, counter);
        let wanted = box_::seal_precomputed(&body, &box_::Nonce(nonce), &sodium);
        let mut once = [&[0; MAC][..], &body].concat();
        key.seal(&nonce, &mut once);
        assert!(once == wanted, "{len}");
        let mut again = [&[0; MAC][..], &body].concat();
        stream.seal(counter, &mut again);
        assert!(again == wanted, "{len}");
        assert_eq!(stream.open(counter, &mut again).as_deref(), Ok(&body[..]));
        assert_eq!(key.open(&nonce, &mut once).as_deref(), Ok(&body[..]));
        let mut other = wanted;
        assert!(stream.open(counter + 1, &mut other).is_err());
    }
}

#[test]
fn the_public_key_is_that_of_libsodium() {
    for _ in 0..20 {
        let (public, secret) = pair();
        let sodium = box_::SecretKey(*secret.as_bytes()).public_key();
        assert_eq!(sodium.0, public.0);
    }
}

#[test]
fn public_keys_that_give_the_secret_away_are_refused() {
    let (_, secret) = pair();
    let mut one = [0; KEY_SIZE];
    one[0] = 1;
    for weak in [[0; KEY_SIZE], one] {
        assert!(BoxKey::agree(&PublicKey(weak), &secret).is_err());
    }
}

/// The box of NaCl's own tests ("Cryptography in NaCl", section 10).
#[test]
fn the_box_of_nacl() {
    let hex = |text: &str| -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
            .collect()
    };
    let key = hex("1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389");
    let nonce = hex("69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37");
    let message = hex(concat!(
        "be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffc",
        "e5ecbaaf33bd751a1ac728d45e6c61296cdc3c01233561f41db66cce314adb31",
        "0e3be8250c46f06dceea3a7fa1348057e2f6556ad6b1318a024a838f21af1fde",
        "048977eb48f59ffd4924ca1c60902e52f0a089bc76897040e082f93776384864",
        "5e0705"
    ));
    let wanted = hex(concat!(
        "f3ffc7703f9400e52a7dfb4b3d3305d98e993b9f48681273c29650ba32fc76ce",
        "48332ea7164d96a4476fb8c531a1186ac0dfc17c98dce87b4da7f011ec48c972",
        "71d2c20f9b928fe2270d6fb863d51738b48eeee314a7cc8ab932164548e526ae",
        "90224368517acfeabd6bb3732bc0e9da99832b61ca01b6de56244a9e88d5f9b3",
        "7973f622a43d14a6599b1f654cb45a74e355a5"
    ));
    let nonce: boxes::Nonce = nonce.try_into().unwrap();
    let key = BoxKey::from_bytes(key.try_into().unwrap());
    let mut boxed = [&[0; MAC][..], &message].concat();
    key.seal(&nonce, &mut boxed);
    assert_eq!(boxed, wanted);
    assert_eq!(key.open(&nonce, &mut boxed).as_deref(), Ok(&message[..]));
    let sodium = secretbox::seal(
        &message,
        &secretbox::Nonce(nonce),
        &secretbox::Key(*key.as_bytes()),
    );
    assert_eq!(sodium, wanted);
}

#[test]
fn nothing_secret_is_shown() {
    let (client, _) = configs();
    let (public, secret) = (client.curve.public, *client.curve.secret.as_bytes());
    let (client, server) = start((client.clone(), configs().1));
    let shown = format!("{client:?} {server:?} {:?}", ciphers());
    assert!(shown.contains(&format!("{:?}", public.0)));
    assert!(!shown.contains(&format!("{secret:?}")));
    assert!(shown.contains("SecretKey(..)") && shown.contains("BoxKey(..)"));
    assert!(shown.contains("StreamKey(..)"));
}
