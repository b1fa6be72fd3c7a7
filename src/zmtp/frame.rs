//! Frame headers. 23/ZMTP 3.0 and 37/ZMTP 3.1 "Framing" (15/ZMTP 2.0 is the same without commands); 13/ZMTP 1.0 "Framing".
#![forbid(unsafe_code)]

use super::failure::Violation;

/// More frames of the same message follow.
pub const MORE: u8 = 1;
/// The length takes eight bytes. Never set in a parsed [`Header`]: its form is of no interest to anyone after that.
pub const LONG: u8 = 2;
/// The frame is a command.
pub const COMMAND: u8 = 4;

/// The longest header of version 2 and 3 framing.
pub const MAX_HEADER_V2: usize = 9;
/// The longest header of version 1 framing, which counts the flags byte in.
pub const MAX_HEADER_V1: usize = 10;

/// What a frame's first bytes say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// [`MORE`] and [`COMMAND`]; every other bit is clear.
    pub flags: u8,
    /// Bytes of payload, as the peer claims it.
    pub size: u64,
    /// Bytes that the header itself takes.
    pub header_len: usize,
}

impl Header {
    /// More frames of this message follow.
    #[inline]
    pub fn more(&self) -> bool {
        self.flags & MORE != 0
    }

    /// This is a command, not a part of a message.
    #[inline]
    pub fn command(&self) -> bool {
        self.flags & COMMAND != 0
    }

    /// Bytes of header and payload together; `None` when no memory could ever hold that many.
    #[inline]
    pub fn frame_len(&self) -> Option<usize> {
        usize::try_from(self.size)
            .ok()?
            .checked_add(self.header_len)
    }
}

/// Reads a version 2 or 3 header; `None` asks for more bytes.
///
/// Unknown flag bits are ignored and the long form is taken for short sizes, as libzmq does; the RFCs ask senders not to.
#[inline]
pub fn parse_v2(bytes: &[u8]) -> Option<Header> {
    let &[flags, short, ..] = bytes else {
        return None;
    };
    if flags & LONG == 0 {
        return Some(Header {
            flags: flags & (MORE | COMMAND),
            size: u64::from(short),
            header_len: 2,
        });
    }
    let &[_, a, b, c, d, e, f, g, h] = bytes.first_chunk::<MAX_HEADER_V2>()?;
    Some(Header {
        flags: flags & (MORE | COMMAND),
        size: u64::from_be_bytes([a, b, c, d, e, f, g, h]),
        header_len: MAX_HEADER_V2,
    })
}

/// Reads a version 1 header; `Ok(None)` asks for more bytes. The wire length counts the flags byte, [`Header::size`] does not.
#[inline]
pub fn parse_v1(bytes: &[u8]) -> Result<Option<Header>, Violation> {
    let Some(&short) = bytes.first() else {
        return Ok(None);
    };
    let (length, flags_at) = if short == u8::MAX {
        let Some(&[_, a, b, c, d, e, f, g, h]) = bytes.first_chunk::<9>() else {
            return Ok(None);
        };
        (u64::from_be_bytes([a, b, c, d, e, f, g, h]), 9)
    } else {
        (u64::from(short), 1)
    };
    let size = length.checked_sub(1).ok_or(Violation::EmptyFrame)?;
    Ok(bytes.get(flags_at).map(|flags| Header {
        flags: flags & MORE,
        size,
        header_len: flags_at + 1,
    }))
}

/// Writes a version 2 or 3 header and returns its length, 2 or 9. The length decides about [`LONG`], not `flags`.
#[inline]
pub fn write_v2(out: &mut [u8; MAX_HEADER_V2], flags: u8, size: u64) -> usize {
    let [first, length @ ..] = out;
    if let Ok(short) = u8::try_from(size) {
        *first = flags & !LONG;
        length[0] = short;
        2
    } else {
        *first = flags | LONG;
        *length = size.to_be_bytes();
        MAX_HEADER_V2
    }
}

/// Writes a version 1 header and returns its length, 2 or 10. A payload of 2^64-1 bytes has no version 1 form; nothing that
/// fits an address space comes near.
#[inline]
pub fn write_v1(out: &mut [u8; MAX_HEADER_V1], more: bool, size: u64) -> usize {
    let counted = size.saturating_add(1);
    let [first, length @ .., flags] = out;
    match u8::try_from(counted) {
        Ok(short) if short < u8::MAX => {
            *first = short;
            length[0] = u8::from(more);
            2
        }
        _ => {
            *first = u8::MAX;
            *length = counted.to_be_bytes();
            *flags = u8::from(more);
            MAX_HEADER_V1
        }
    }
}

/// Appends a whole version 2 or 3 frame to `out`.
pub fn append_v2(out: &mut Vec<u8>, flags: u8, payload: &[u8]) {
    let mut header = [0; MAX_HEADER_V2];
    let length = write_v2(&mut header, flags, payload.len() as u64);
    out.extend_from_slice(&header[..length]);
    out.extend_from_slice(payload);
}

/// Appends a whole version 1 frame to `out`.
pub fn append_v1(out: &mut Vec<u8>, more: bool, payload: &[u8]) {
    let mut header = [0; MAX_HEADER_V1];
    let length = write_v1(&mut header, more, payload.len() as u64);
    out.extend_from_slice(&header[..length]);
    out.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Sizes around every boundary of both forms, and any other.
    fn sizes() -> impl Strategy<Value = u64> {
        prop_oneof![
            0..600u64,
            any::<u64>(),
            (0..130u64).prop_map(|below| u64::MAX - below),
            (0..4u64).prop_map(|around| (1 << 32) - 2 + around),
            (0..4u64).prop_map(|around| (1 << 63) - 2 + around),
        ]
    }

    proptest! {
        #[test]
        fn v2_round_trip(flags in any::<u8>(), size in sizes(), tail in any::<[u8; 4]>()) {
            let mut out = [0; MAX_HEADER_V2];
            let length = write_v2(&mut out, flags & (MORE | COMMAND), size);
            prop_assert_eq!(length, if size < 256 { 2 } else { 9 });
            for short in 0..length {
                prop_assert_eq!(parse_v2(&out[..short]), None);
            }
            let mut bytes = out[..length].to_vec();
            bytes.extend(tail);
            prop_assert_eq!(parse_v2(&bytes), Some(Header { flags: flags & (MORE | COMMAND), size, header_len: length }));
        }

        #[test]
        fn v1_round_trip(more in any::<bool>(), size in sizes(), tail in any::<[u8; 4]>()) {
            prop_assume!(size < u64::MAX);
            let mut out = [0; MAX_HEADER_V1];
            let length = write_v1(&mut out, more, size);
            prop_assert_eq!(length, if size < 254 { 2 } else { 10 });
            for short in 0..length {
                prop_assert_eq!(parse_v1(&out[..short]), Ok(None));
            }
            let mut bytes = out[..length].to_vec();
            bytes.extend(tail);
            prop_assert_eq!(parse_v1(&bytes), Ok(Some(Header { flags: u8::from(more), size, header_len: length })));
        }

        #[test]
        fn any_bytes_parse_to_a_header_within_them(bytes in proptest::collection::vec(any::<u8>(), 0..12)) {
            if let Some(header) = parse_v2(&bytes) {
                prop_assert!(header.header_len <= bytes.len());
            }
            if let Ok(Some(header)) = parse_v1(&bytes) {
                prop_assert!(header.header_len <= bytes.len());
                prop_assert!(header.size < u64::MAX);
            }
        }
    }

    #[test]
    fn lengths_that_no_memory_holds_have_no_frame_length() {
        for below in 0..9 {
            let mut bytes = [0; MAX_HEADER_V2];
            write_v2(&mut bytes, 0, u64::MAX - below);
            assert_eq!(parse_v2(&bytes).and_then(|h| h.frame_len()), None);
        }
        let mut bytes = [0; MAX_HEADER_V2];
        write_v2(&mut bytes, 0, 300);
        assert_eq!(parse_v2(&bytes).and_then(|h| h.frame_len()), Some(309));
    }

    #[test]
    fn v1_frames_count_their_flags_byte() {
        assert_eq!(parse_v1(&[0]), Err(Violation::EmptyFrame));
        assert_eq!(
            parse_v1(&[0xFF, 0, 0, 0, 0, 0, 0, 0, 0]),
            Err(Violation::EmptyFrame)
        );
        let empty = Header {
            flags: 0,
            size: 0,
            header_len: 2,
        };
        assert_eq!(parse_v1(&[1, 0xFE]), Ok(Some(empty)));
    }

    #[test]
    fn the_long_form_is_taken_for_a_short_size_and_unknown_flags_are_ignored() {
        let header = Header {
            flags: MORE,
            size: 3,
            header_len: 9,
        };
        assert_eq!(
            parse_v2(&[0xFB, 0, 0, 0, 0, 0, 0, 0, 3]),
            Some(Header {
                flags: MORE,
                ..header
            })
        );
        assert_eq!(
            parse_v2(&[0xFC, 3]),
            Some(Header {
                flags: COMMAND,
                size: 3,
                header_len: 2
            })
        );
    }

    #[test]
    fn whole_frames() {
        let mut out = Vec::new();
        append_v2(&mut out, COMMAND, b"ab");
        append_v1(&mut out, true, b"ab");
        assert_eq!(out, b"\x04\x02ab\x03\x01ab");
    }
}
