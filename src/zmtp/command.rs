//! Commands of the data phase: bodies of frames that carry the COMMAND flag. 37/ZMTP 3.1 "Commands"; JOIN and LEAVE as libzmq
//! has them.
#![forbid(unsafe_code)]

use super::failure::Violation;

/// A PING's context beyond this many bytes is not echoed.
pub const MAX_CONTEXT: usize = 16;
/// The longest group name.
pub const MAX_GROUP: usize = 255;

/// A command and its argument.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Command<'a> {
    /// Asks for a [`Command::Pong`].
    Ping {
        /// Tenths of a second after which the peer takes silence for death; 0 says nothing.
        ttl: u16,
        /// To be echoed, up to [`MAX_CONTEXT`] bytes of it.
        context: &'a [u8],
    },
    /// Answers a [`Command::Ping`].
    Pong {
        /// What the PING carried.
        context: &'a [u8],
    },
    /// Adds a topic.
    Subscribe(&'a [u8]),
    /// Takes a topic away.
    Cancel(&'a [u8]),
    /// Enters a group.
    Join(&'a [u8]),
    /// Leaves a group.
    Leave(&'a [u8]),
    /// The peer gives up, with this reason.
    Error(&'a [u8]),
    /// Anything else. libzmq ignores it, and so must we, for the sake of versions to come.
    Unknown,
}

/// Takes a command apart.
pub fn parse(body: &[u8]) -> Result<Command<'_>, Violation> {
    let (&length, rest) = body.split_first().ok_or(Violation::TruncatedCommand)?;
    let (name, argument) = rest
        .split_at_checked(usize::from(length))
        .ok_or(Violation::TruncatedCommand)?;
    Ok(match name {
        b"PING" => {
            let (ttl, context) = argument
                .split_first_chunk::<2>()
                .ok_or(Violation::ShortPing)?;
            Command::Ping {
                ttl: u16::from_be_bytes(*ttl),
                context,
            }
        }
        b"PONG" => Command::Pong { context: argument },
        b"SUBSCRIBE" => Command::Subscribe(argument),
        b"CANCEL" => Command::Cancel(argument),
        b"JOIN" => Command::Join(group(argument)?),
        b"LEAVE" => Command::Leave(group(argument)?),
        b"ERROR" => Command::Error(error_reason(argument).ok_or(Violation::MalformedError)?),
        _ => Command::Unknown,
    })
}

/// The reason in an ERROR's argument; bytes behind it are ignored, as libzmq does.
pub(super) fn error_reason(argument: &[u8]) -> Option<&[u8]> {
    let (&length, rest) = argument.split_first()?;
    rest.get(..usize::from(length))
}

fn group(argument: &[u8]) -> Result<&[u8], Violation> {
    if argument.len() > MAX_GROUP {
        return Err(Violation::LongGroup);
    }
    Ok(argument)
}

macro_rules! encoders {
    ($($function:ident($argument:ident) = $prefix:literal, $doc:literal;)*) => {
        $(#[doc = $doc]
        pub fn $function(out: &mut Vec<u8>, $argument: &[u8]) {
            out.extend_from_slice($prefix);
            out.extend_from_slice($argument);
        })*
    };
}

encoders! {
    subscribe(topic) = b"\x09SUBSCRIBE", "Appends the body of a SUBSCRIBE. Peers of ZMTP 3.0 and below get a message instead.";
    cancel(topic) = b"\x06CANCEL", "Appends the body of a CANCEL. Peers of ZMTP 3.0 and below get a message instead.";
    join(group) = b"\x04JOIN", "Appends the body of a JOIN.";
    leave(group) = b"\x05LEAVE", "Appends the body of a LEAVE.";
}

/// Appends the body of a PING; `ttl` is in tenths of a second.
pub fn ping(out: &mut Vec<u8>, ttl: u16, context: &[u8]) {
    out.extend_from_slice(b"\x04PING");
    out.extend_from_slice(&ttl.to_be_bytes());
    out.extend_from_slice(&context[..context.len().min(MAX_CONTEXT)]);
}

/// Appends the body of a PONG with as much of the PING's context as may be echoed.
pub fn pong(out: &mut Vec<u8>, context: &[u8]) {
    out.extend_from_slice(b"\x04PONG");
    out.extend_from_slice(&context[..context.len().min(MAX_CONTEXT)]);
}

/// Appends the body of an ERROR; a reason is at most 255 bytes long, and cut there.
pub fn error(out: &mut Vec<u8>, reason: &[u8]) {
    let length = u8::try_from(reason.len()).unwrap_or(u8::MAX);
    out.extend_from_slice(b"\x05ERROR");
    out.push(length);
    out.extend_from_slice(&reason[..usize::from(length)]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn body(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut out = Vec::new();
        write(&mut out);
        out
    }

    #[test]
    fn wire_forms() {
        assert_eq!(body(|o| ping(o, 0x0102, b"LOL")), b"\x04PING\x01\x02LOL");
        assert_eq!(body(|o| subscribe(o, b"A")), b"\x09SUBSCRIBEA");
        assert_eq!(body(|o| cancel(o, b"A")), b"\x06CANCELA");
        assert_eq!(body(|o| join(o, b"A")), b"\x04JOINA");
        assert_eq!(body(|o| leave(o, b"A")), b"\x05LEAVEA");
        assert_eq!(body(|o| error(o, b"400")), b"\x05ERROR\x03400");
    }

    #[test]
    fn a_long_context_is_cut_when_echoed() {
        let mut context = b"LOL".to_vec();
        context.extend([b'z'; 55]);
        assert_eq!(body(|o| pong(o, &context)), b"\x04PONGLOLzzzzzzzzzzzzz");
        assert_eq!(body(|o| ping(o, 0, &context)).len(), 7 + MAX_CONTEXT);
    }

    #[test]
    fn a_long_reason_is_cut() {
        let out = body(|o| error(o, &[b'x'; 300]));
        assert_eq!(parse(&out), Ok(Command::Error(&[b'x'; 255])));
    }

    #[test]
    fn violations() {
        assert_eq!(parse(b""), Err(Violation::TruncatedCommand));
        assert_eq!(parse(b"\x05PING"), Err(Violation::TruncatedCommand));
        assert_eq!(parse(b"\xFFPING"), Err(Violation::TruncatedCommand));
        assert_eq!(parse(b"\x04PING"), Err(Violation::ShortPing));
        assert_eq!(parse(b"\x04PING\x00"), Err(Violation::ShortPing));
        assert_eq!(parse(b"\x05ERROR"), Err(Violation::MalformedError));
        assert_eq!(parse(b"\x05ERROR\x02a"), Err(Violation::MalformedError));
        let long = body(|o| join(o, &[b'g'; 256]));
        assert_eq!(parse(&long), Err(Violation::LongGroup));
    }

    #[test]
    fn other_commands_are_unknown() {
        for other in [&b"\x00"[..], b"\x04ping", b"\x05READY", b"\x07MESSAGEx"] {
            assert_eq!(parse(other), Ok(Command::Unknown));
        }
    }

    proptest! {
        #[test]
        fn round_trip(ttl in any::<u16>(), argument in proptest::collection::vec(any::<u8>(), 0..=16)) {
            let a = argument.as_slice();
            let wire = [subscribe, cancel, join, leave, pong, error].map(|write| body(|o| write(o, a)));
            let read = wire.each_ref().map(|body| parse(body));
            let context = a;
            let expected = [
                Command::Subscribe(a),
                Command::Cancel(a),
                Command::Join(a),
                Command::Leave(a),
                Command::Pong { context },
                Command::Error(a),
            ];
            prop_assert_eq!(read, expected.map(Ok));
            let wire = body(|o| ping(o, ttl, a));
            prop_assert_eq!(parse(&wire), Ok(Command::Ping { ttl, context }));
        }

        #[test]
        fn any_body_parses_or_is_a_violation(body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&body);
        }
    }
}
