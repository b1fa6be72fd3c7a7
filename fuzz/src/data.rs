//! What has no state: frames, commands, properties, ZAP replies.

use zmq::link::bench::Decoder;
use zmq::msg::Msg;
use zmq::queue::lane;
use zmq::zmtp::command::{self, Command};
use zmq::zmtp::mechanism::Verdict;
use zmq::zmtp::metadata::{self, Properties};
use zmq::zmtp::{frame, zap};

/// A frame of a message: its body, and whether more follow.
pub type Part = (Vec<u8>, bool);

/// Everything that a decoder makes of its bytes, and whether it gave up.
fn decoded(mut decoder: Decoder) -> (Vec<Part>, bool) {
    let (mut tx, mut rx) = lane::<Msg>(0);
    let failed = decoder.decode(&mut tx).is_err();
    let _ = tx.publish();
    let mut parts = Vec::new();
    while let Some(msg) = rx.pop() {
        parts.push((msg.data().to_vec(), msg.more()));
    }
    (parts, failed)
}

/// What comes out of a decoder has to be `expected`, up to where it gives up; it may give up anywhere, and where somebody is
/// not `sure` of the bytes, it must.
pub fn compare(decoder: Decoder, expected: &[Part], sure: bool) {
    let (parts, failed) = decoded(decoder);
    assert!(parts.len() <= expected.len(), "a message that nobody sent");
    assert_eq!(parts[..], expected[..parts.len()]);
    assert!(failed || (sure && parts.len() == expected.len()));
}

/// Another reader of frames: what has to come out of them.
#[derive(Default)]
pub struct Reader {
    /// Of whole messages.
    pub parts: Vec<Part>,
    unfinished: Vec<Part>,
}

impl Reader {
    /// Takes a frame with the flags of `frame`; `false` when it ends the connection.
    pub fn take(&mut self, flags: u8, body: &[u8]) -> bool {
        if flags & frame::COMMAND != 0 {
            match command::parse(body) {
                // Whoever publishes tells them from messages by a mark.
                Ok(Command::Subscribe(topic) | Command::Cancel(topic)) => {
                    self.parts.push((topic.to_vec(), false));
                }
                Ok(Command::Error(_)) | Err(_) => return false,
                Ok(_) => {}
            }
            return true;
        }
        let more = flags & frame::MORE != 0;
        self.unfinished.push((body.to_vec(), more));
        if !more {
            self.parts.append(&mut self.unfinished);
        }
        true
    }
}

/// Frames of ZMTP 2 and 3, up to the first that ends the connection.
pub fn expected(mut rest: &[u8]) -> Vec<Part> {
    let mut reader = Reader::default();
    loop {
        let (Some(&flags), Some(&short)) = (rest.first(), rest.get(1)) else {
            return reader.parts;
        };
        let (size, head) = match flags & 2 {
            0 => (u64::from(short), 2),
            _ => match rest.get(1..9).and_then(|long| long.try_into().ok()) {
                Some(long) => (u64::from_be_bytes(long), 9),
                None => return reader.parts,
            },
        };
        let whole = usize::try_from(size)
            .ok()
            .and_then(|size| size.checked_add(head));
        let Some(body) = whole.and_then(|whole| rest.get(head..whole)) else {
            return reader.parts;
        };
        if !reader.take(flags, body) {
            return reader.parts;
        }
        rest = &rest[head + body.len()..];
    }
}

/// Any bytes behind a handshake.
pub fn frames(data: &[u8]) {
    let decoder = Decoder::holding(data).expect("there is memory");
    compare(decoder, &expected(data), true);
    for start in 0..data.len().min(16) {
        let bytes = &data[start..];
        if let Some(header) = frame::parse_v2(bytes) {
            assert!(header.header_len <= bytes.len());
        }
        if let Ok(Some(header)) = frame::parse_v1(bytes) {
            assert!(header.header_len <= bytes.len());
        }
    }
}

/// The body of a command in the data phase.
pub fn commands(data: &[u8]) {
    let Ok(command) = command::parse(data) else {
        return;
    };
    // What has one form is written as it was read.
    let mut again = Vec::new();
    match command {
        Command::Ping { ttl, context } => {
            command::ping(&mut again, ttl, context);
            assert!(data.starts_with(&again));
            again.clear();
            command::pong(&mut again, context);
            assert!(again.len() <= 5 + command::MAX_CONTEXT);
        }
        Command::Subscribe(topic) => command::subscribe(&mut again, topic),
        Command::Cancel(topic) => command::cancel(&mut again, topic),
        Command::Join(group) => command::join(&mut again, group),
        Command::Leave(group) => command::leave(&mut again, group),
        Command::Error(reason) => {
            command::error(&mut again, reason);
            assert!(data.starts_with(&again));
        }
        Command::Pong { .. } | Command::Unknown => {}
    }
    if let Command::Subscribe(_) | Command::Cancel(_) | Command::Join(_) | Command::Leave(_) =
        command
    {
        assert_eq!(again, data);
    }
}

/// The properties of a READY or INITIATE.
pub fn metadata(data: &[u8]) {
    let Ok(properties) = Properties::parse(data) else {
        return;
    };
    let mut again = Vec::new();
    for (name, value) in properties.iter() {
        assert!(metadata::encode(&mut again, name, value));
        // Of two with one name the first counts, and what has a zero in it is no C string.
        assert!(properties.get(name).is_some());
        if let Some(text) = properties.get_c(name) {
            assert_eq!(
                Some(text.to_bytes()),
                properties.get(name).map(|seen| &seen[..text.count_bytes()])
            );
        }
    }
    assert_eq!(again, data);
}

/// The frames of a ZAP reply: a byte of length, and so many of content.
pub fn zap_replies(data: &[u8]) {
    let mut frames = Vec::new();
    let mut rest = data;
    while let Some((&length, behind)) = rest.split_first() {
        let (frame, behind) = behind.split_at(usize::from(length).min(behind.len()));
        frames.push(frame);
        rest = behind;
    }
    match zap::verdict(&frames) {
        Verdict::Accepted { user_id, .. } => {
            assert_eq!(frames[..4], [&b""[..], b"1.0", b"1", b"200"]);
            assert_eq!((frames.len(), frames[5]), (7, &user_id[..]));
        }
        Verdict::Denied(status) => assert_eq!(frames[3], status.to_string().as_bytes()),
        Verdict::Malformed(code) => assert!((0x2000_0000..=0x2000_0005).contains(&code)),
        other => panic!("a reply says {other:?}"),
    }
}
