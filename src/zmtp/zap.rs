//! The frames of a question to the ZAP handler, and what an answer must look like. 27/ZAP 1.0.
//!
//! Who carries them is of no interest here. One question travels over a pipe of its own, so that the request id is always
//! the same.
#![forbid(unsafe_code)]

use super::failure::code;
use super::handshake::Config;
use super::mechanism::{Verdict, ZapRequest};
use super::metadata::Properties;
use super::secret::Secret;

/// The name of the handler's inproc endpoint.
pub const HANDLER: &[u8] = b"zeromq.zap.01";

const VERSION: &[u8] = b"1.0";
const REQUEST_ID: &[u8] = b"1";
const REPLY_FRAMES: usize = 7;

/// The frames of a question about the peer at `address`: delimiter, version, request id, domain, address, our routing id,
/// mechanism, credentials.
pub fn question(request: ZapRequest, config: &Config, address: &[u8]) -> Vec<Secret> {
    let head = [
        b"",
        VERSION,
        REQUEST_ID,
        &config.zap_domain,
        address,
        &config.routing_id,
        request.mechanism.as_bytes(),
    ];
    let mut frames: Vec<Secret> = head.into_iter().map(Secret::from).collect();
    frames.extend(request.credentials);
    frames
}

/// What an answer says: delimiter, version, request id, status, text, user id, metadata. Anything else is malformed, under
/// the name that libzmq gives it.
pub fn verdict(frames: &[&[u8]]) -> Verdict {
    let &[delimiter, version, id, status, _text, user_id, metadata] = frames else {
        return Verdict::Malformed(code::ZAP_MALFORMED_REPLY);
    };
    if !delimiter.is_empty() {
        return Verdict::Malformed(code::ZAP_UNSPECIFIED);
    }
    if version != VERSION {
        return Verdict::Malformed(code::ZAP_BAD_VERSION);
    }
    if id != REQUEST_ID {
        return Verdict::Malformed(code::ZAP_BAD_REQUEST_ID);
    }
    let denied = match status {
        b"200" => None,
        b"300" => Some(300),
        b"400" => Some(400),
        b"500" => Some(500),
        _ => return Verdict::Malformed(code::ZAP_INVALID_STATUS_CODE),
    };
    let Ok(metadata) = Properties::parse(metadata) else {
        return Verdict::Malformed(code::ZAP_INVALID_METADATA);
    };
    match denied {
        Some(status) => Verdict::Denied(status),
        None => Verdict::Accepted {
            user_id: user_id.to_vec(),
            metadata,
        },
    }
}

/// An answer of more frames than any right one need not be kept whole to be judged.
pub const ENOUGH_FRAMES: usize = REPLY_FRAMES + 1;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zmtp::interop::config;

    const GOOD: [&[u8]; REPLY_FRAMES] = [b"", b"1.0", b"1", b"200", b"OK", b"joe", b""];

    fn with(place: usize, frame: &[u8]) -> Verdict {
        let mut frames = GOOD;
        frames[place] = frame;
        verdict(&frames)
    }

    #[test]
    fn the_frames_of_a_question() {
        let config = Config {
            zap_domain: b"global".to_vec(),
            routing_id: b"me".to_vec(),
            ..config("ROUTER")
        };
        let request = ZapRequest {
            mechanism: "PLAIN",
            credentials: vec![Secret::from(&b"admin"[..]), Secret::from(&b"secret"[..])],
        };
        let frames = question(request, &config, b"127.0.0.1");
        let seen: Vec<&[u8]> = frames.iter().map(Secret::expose).collect();
        let wanted: [&[u8]; 9] = [
            b"",
            b"1.0",
            b"1",
            b"global",
            b"127.0.0.1",
            b"me",
            b"PLAIN",
            b"admin",
            b"secret",
        ];
        assert_eq!(seen, wanted);
    }

    #[test]
    fn an_acceptance() {
        let mut metadata = Properties::new();
        metadata.push(b"Hello", b"World");
        let wire = b"\x05Hello\0\0\0\x05World";
        let user_id = b"joe".to_vec();
        assert_eq!(with(6, wire), Verdict::Accepted { user_id, metadata });
    }

    #[test]
    fn refusals() {
        for (status, number) in [(b"300", 300), (b"400", 400), (b"500", 500)] {
            assert_eq!(with(3, status), Verdict::Denied(number));
        }
    }

    #[test]
    fn malformed_answers() {
        let cases: [(usize, &[u8], u32); 13] = [
            (0, b"x", code::ZAP_UNSPECIFIED),
            (1, b"", code::ZAP_BAD_VERSION),
            (1, b"1.1", code::ZAP_BAD_VERSION),
            (1, b"1.0\0", code::ZAP_BAD_VERSION),
            (2, b"", code::ZAP_BAD_REQUEST_ID),
            (2, b"2", code::ZAP_BAD_REQUEST_ID),
            (2, b"11", code::ZAP_BAD_REQUEST_ID),
            (3, b"", code::ZAP_INVALID_STATUS_CODE),
            (3, b"100", code::ZAP_INVALID_STATUS_CODE),
            (3, b"201", code::ZAP_INVALID_STATUS_CODE),
            (3, b"2000", code::ZAP_INVALID_STATUS_CODE),
            (3, b"600", code::ZAP_INVALID_STATUS_CODE),
            (6, b"\x05Hello\0\0\0\x06World", code::ZAP_INVALID_METADATA),
        ];
        for (place, frame, code) in cases {
            assert_eq!(with(place, frame), Verdict::Malformed(code), "{frame:?}");
        }
        let mut denied = GOOD;
        (denied[3], denied[6]) = (b"400", b"x");
        let invalid = Verdict::Malformed(code::ZAP_INVALID_METADATA);
        assert_eq!(verdict(&denied), invalid);
    }

    #[test]
    fn seven_frames_and_no_other_number() {
        let malformed = Verdict::Malformed(code::ZAP_MALFORMED_REPLY);
        let long = [&GOOD[..], &[b"more"]].concat();
        for frames in (0..REPLY_FRAMES)
            .map(|count| &GOOD[..count])
            .chain([&long[..]])
        {
            assert_eq!(verdict(frames), malformed);
        }
        assert!(matches!(verdict(&GOOD), Verdict::Accepted { .. }));
    }
}
