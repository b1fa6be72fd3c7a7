//! What a fuzzer starts from: real handshakes and commands, in the form of each target's input.

use zmq::zmtp::frame;
use zmq::zmtp::mechanism::Kind;

use crate::gssapi;
use crate::handshake::{Choices, METADATA, greeting_of};

fn command(body: &[u8]) -> Vec<u8> {
    let mut wire = Vec::new();
    frame::append_v2(&mut wire, frame::COMMAND, body);
    wire
}

/// A command as `null_commands` and `plain_commands` read it.
fn counted(body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap_or(u16::MAX);
    [&length.to_le_bytes()[..], body].concat()
}

fn with(name: &[u8], argument: &[u8]) -> Vec<u8> {
    [name, argument].concat()
}

/// Target, name and input of every seed.
pub fn all() -> Vec<(&'static str, String, Vec<u8>)> {
    let mut seeds = Vec::new();
    let mut seed = |target, name: &str, data: Vec<u8>| seeds.push((target, name.to_owned(), data));
    let ready = with(b"\x05READY", METADATA);
    let hello = b"\x05HELLO\x05admin\x08password".to_vec();
    let initiate = with(b"\x08INITIATE", METADATA);
    let welcome = b"\x07WELCOME".to_vec();
    let error = b"\x05ERROR\x03400".to_vec();

    for (number, kind) in Kind::ALL.iter().enumerate() {
        let number = number as u8;
        for choices in [0xC0, 0xC1, 0x05] {
            let talk = match kind {
                Kind::Null => command(&ready),
                Kind::Plain if choices & 1 == 0 => [command(&welcome), command(&ready)].concat(),
                Kind::Plain => [command(&hello), command(&initiate)].concat(),
                Kind::Gssapi => {
                    let right = gssapi::right(Choices(choices));
                    right.iter().flat_map(|body| command(body)).collect()
                }
                Kind::Curve => Vec::new(),
            };
            let data = [&[choices, number][..], &greeting_of(*kind), &talk].concat();
            seed("greeting", &format!("{}-{choices:02x}", kind.name()), data);
        }
    }
    let old: [(&str, &[u8]); 4] = [
        ("1.0", b"\x05\x00peer"),
        (
            "1.0-signed",
            b"\xFF\0\0\0\0\0\0\0\x05\x7F\x00\x05\x05\x00peer",
        ),
        ("2.0", b"\xFF\0\0\0\0\0\0\0\x05\x7F\x01\x05\x00\x04peer"),
        (
            "2.0-long",
            b"\xFF\0\0\0\0\0\0\0\x05\x7F\x01\x05\x02\0\0\0\0\0\0\0\x04peer",
        ),
    ];
    for (name, bytes) in old {
        seed("greeting", name, with(&[0xC0, 0], bytes));
    }

    for choices in [0xC0, 0xC4, 0xDC, 0xE4, 0xF4] {
        seed(
            "null_commands",
            &format!("ready-{choices:02x}"),
            with(&[choices], &counted(&ready)),
        );
    }
    seed("null_commands", "error", with(&[0xC0], &counted(&error)));
    for choices in [0xC1, 0xDD, 0xE1, 0xF1] {
        let data = [vec![choices], counted(&hello), counted(&initiate)].concat();
        seed("plain_commands", &format!("server-{choices:02x}"), data);
    }
    let data = [vec![0xC0], counted(&welcome), counted(&ready)].concat();
    seed("plain_commands", "client", data);
    seed(
        "plain_commands",
        "error",
        with(&[0xC0], &counted(b"^RROR\x03400")),
    );

    for (name, what, with) in [
        ("right", 0, &b""[..]),
        ("replaced", 1, b"\x05ERROR\x03400"),
        ("refilled", 2, METADATA),
        ("flipped", 3, b"\x50\0\x01"),
        ("resized", 4, b"\x01\x01"),
    ] {
        for choices in [0xC0, 0xC1, 0xDD, 0xF1, 0xF3, 0x01] {
            for which in [0, 1] {
                let data = [&[choices, which, what][..], with].concat();
                seed(
                    "curve_commands",
                    &format!("{name}-{choices:02x}-{which}"),
                    data,
                );
            }
        }
    }
    let metadata = [&[0xC1, 1, 2, 0][..], METADATA].concat();
    seed("curve_commands", "metadata", metadata);

    let message = |what: u8, flags: u8, step: u8, body: &[u8]| {
        [&[what, flags, step, (body.len() / 3) as u8][..], body].concat()
    };
    for choices in [0, 1] {
        let right = [
            vec![choices],
            message(0, 1, 1, b"first!"),
            message(0, 0, 1, b""),
            message(0, 2, 1, b"\x04PING\0\0context!"),
            message(0, 2, 9, b"\x09SUBSCRIBEto"),
        ];
        seed(
            "curve_messages",
            &format!("right-{choices}"),
            right.concat(),
        );
        for (name, what, step) in [
            ("replayed", 0, 0),
            ("back", 0, 0xFF),
            ("raw", 1, 1),
            ("cut", 2, 1),
            ("changed", 3, 1),
        ] {
            let data = [
                vec![choices],
                message(0, 0, 1, b"first!"),
                message(what, 0, step, b"second"),
            ];
            seed(
                "curve_messages",
                &format!("{name}-{choices}"),
                data.concat(),
            );
        }
    }

    // What is said: as it is, a token of the negotiation, sealed, or sealed out of its turn; the flags of its frame beside.
    let says = |what: u8, body: &[u8]| with(&[what], &counted(body));
    let ready = with(b"\x05READY", METADATA);
    for choices in [0xC0, 0xC4, 0xC1, 0xC5, 0x05, 0xE1, 0xF1] {
        let (server, plaintext) = (choices & 1 != 0, choices & 4 != 0);
        let (token, assent): (_, &[&[u8]]) = match server {
            true => (b"hello", &[b""]),
            false => (b"reply", &[]),
        };
        let mut shake = vec![vec![choices], says(0x11, token)];
        shake.extend(assent.iter().map(|body| says(0x10, body)));
        let last = match plaintext {
            true => says(0x10, &ready),
            false => says(0x12, &with(b"\0", &ready)),
        };
        let shaken = [shake.concat(), last].concat();
        let how = format!("{choices:02x}");
        let behind: [(&str, Vec<Vec<u8>>); 8] = [
            ("alone", Vec::new()),
            (
                "sealed",
                vec![
                    says(2, b"\x01first"),
                    says(2, b"\0second"),
                    says(2, b"\x02\x04PING\0\0context"),
                    says(2, b"\x02\x09SUBSCRIBEtopic"),
                    says(2, b"\x04topic"),
                    says(2, b"\x08topic"),
                    says(2, b"\0"),
                ],
            ),
            (
                "bare",
                vec![
                    says(4, b"first"),
                    says(0, b"second"),
                    says(0x10, b"\x04PING\0\0context"),
                    says(0x10, b"\x09SUBSCRIBEtopic"),
                ],
            ),
            (
                "replayed",
                vec![says(2, b"\0first"), says(3, b"\x01\0first")],
            ),
            ("wrong", vec![says(0x22, b"\0first")]),
            ("empty", vec![says(2, b""), says(2, b"\0late")]),
            ("token", vec![says(1, b"hello")]),
            ("cut", vec![says(0, b"\x07MESSAGE\0\0\0\x09short")]),
        ];
        for (name, frames) in behind {
            let data = [&shaken[..], &frames.concat()].concat();
            seed("gssapi", &format!("{name}-{how}"), data);
        }
        for (name, said) in [
            ("error", says(0x10, &error)),
            ("endless", says(0x11, b"more").repeat(9)),
            ("mute", says(0x11, b"mute")),
            ("short", says(0x11, b"short")),
            ("forged", says(0x11, b"forged")),
            ("long", says(0x10, b"\x08INITIATE\xFF\xFF\xFF\xFFtoken")),
        ] {
            seed("gssapi", &format!("{name}-{how}"), with(&[choices], &said));
        }
    }

    let mut wire = Vec::new();
    frame::append_v2(&mut wire, frame::MORE, b"first");
    frame::append_v2(&mut wire, 0, &[b'x'; 300]);
    frame::append_v2(&mut wire, frame::COMMAND, b"\x04PING\0\x0Actx");
    frame::append_v2(&mut wire, 0, b"");
    frame::append_v2(&mut wire, frame::COMMAND, b"\x09SUBSCRIBEtopic");
    frame::append_v2(&mut wire, frame::COMMAND, b"\x06CANCELtopic");
    frame::append_v2(&mut wire, frame::COMMAND, b"\x05ERROR\x03400");
    seed("frames", "v2", wire);
    let mut wire = Vec::new();
    frame::append_v1(&mut wire, true, b"first");
    frame::append_v1(&mut wire, false, &[b'x'; 300]);
    seed("frames", "v1", wire);
    seed(
        "frames",
        "huge",
        b"\x02\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFFbody".to_vec(),
    );

    let commands: [&[u8]; 8] = [
        b"\x04PING\0\x0Acontext",
        b"\x04PONGcontext",
        b"\x09SUBSCRIBEtopic",
        b"\x06CANCELtopic",
        b"\x04JOINgroup",
        b"\x05LEAVEgroup",
        b"\x05ERROR\x03400",
        b"\x07UNKNOWN",
    ];
    for (number, body) in commands.into_iter().enumerate() {
        seed("commands", &number.to_string(), body.to_vec());
    }
    seed("metadata", "usual", METADATA.to_vec());
    seed("metadata", "twice", with(METADATA, METADATA));

    for status in ["200", "300", "400", "500"] {
        let frames = [
            b"",
            &b"1.0"[..],
            b"1",
            status.as_bytes(),
            b"text",
            b"joe",
            b"\x05Hello\0\0\0\x05World",
        ];
        let data: Vec<u8> = frames
            .iter()
            .flat_map(|frame| with(&[frame.len() as u8], frame))
            .collect();
        seed("zap_replies", status, data);
    }
    seeds
}
