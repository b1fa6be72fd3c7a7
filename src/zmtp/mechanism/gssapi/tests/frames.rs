//! Frames of the data phase.
#![forbid(unsafe_code)]

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::party::Channel;
use super::super::toy::{ToyChannel, message};
use super::*;
use crate::zmtp::mechanism::cipher::{Opened, Seal};

/// What an opener makes of a frame that holds `plain`.
fn open(plain: &[u8]) -> Result<(u8, Vec<u8>), Failure> {
    let channel: Box<dyn Channel> = Box::new(ToyChannel::default());
    let mut opener = Opener::new(Arc::new(Mutex::new(channel)));
    let mut frame = message(0, plain);
    let Opened { flags, body } = opener.open(&mut frame)?;
    Ok((flags, frame[body].to_vec()))
}

#[test]
fn what_a_frame_says_inside() {
    assert_eq!(open(b"\0"), Ok((0, Vec::new())));
    assert_eq!(open(b"\0body"), Ok((0, b"body".to_vec())));
    assert_eq!(open(b"\x01body"), Ok((frame::MORE, b"body".to_vec())));
    assert_eq!(
        open(b"\x02\x04PONG"),
        Ok((frame::COMMAND, b"\x04PONG".to_vec()))
    );
    assert_eq!(open(b"\xF1body"), Ok((frame::MORE, b"body".to_vec())));
    // How libzmq after 4.3.5 subscribes.
    let subscribe = |topic: &[u8]| Ok((frame::COMMAND, [b"\x09SUBSCRIBE", topic].concat()));
    let cancel = |topic: &[u8]| Ok((frame::COMMAND, [b"\x06CANCEL", topic].concat()));
    for topic in [&b""[..], b"t", &[7; 300]] {
        let with = |flags: u8| open(&[&[flags][..], topic].concat());
        assert_eq!(with(4), subscribe(topic));
        assert_eq!(with(12), subscribe(topic));
        assert_eq!(with(8), cancel(topic));
        // A command says by itself what it is.
        assert_eq!(with(6), Ok((frame::COMMAND, topic.to_vec())));
    }
    assert_eq!(open(b""), Err(BAD_MESSAGE));
}

#[test]
fn a_sealer_fills_what_it_said_it_would() {
    let channel: Box<dyn Channel> = Box::new(ToyChannel::default());
    let mut sealer = Sealer::new(Arc::new(Mutex::new(channel)));
    let size = sealer.prepare(frame::MORE, b"body").unwrap();
    for wrong in [0, 11, size - 1, size + 1] {
        assert!(
            sealer
                .seal(frame::MORE, b"body", &mut vec![0; wrong])
                .is_err()
        );
    }
    let mut sealed = vec![0; size];
    assert_eq!(sealer.seal(frame::MORE, b"body", &mut sealed), Ok(()));
    assert_eq!(sealed, message(0, b"\x01body"));
}

proptest! {
    /// Frames of the data phase: never a panic, and never a body outside of the frame.
    #[test]
    fn arbitrary_frames(flags in any::<u8>(), body in vec(any::<u8>(), 0..300), noise in vec(any::<u8>(), 0..60)) {
        let channel: Box<dyn Channel> = Box::new(ToyChannel::default());
        let mut opener = Opener::new(Arc::new(Mutex::new(channel)));
        for mut frame in [message(0, &[&[flags][..], &body].concat()), noise.clone(), [&b"\x07MESSAGE\0\0\0"[..], &noise].concat()] {
            if let Ok(opened) = opener.open(&mut frame) {
                prop_assert!(frame.get(opened.body).is_some());
                prop_assert_eq!(opened.flags & !(frame::MORE | frame::COMMAND), 0);
            }
        }
    }
}
