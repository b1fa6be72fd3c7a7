//! Frames of the handshake, gathered from whatever pieces they come in.
#![forbid(unsafe_code)]

use super::failure::Failure;
use super::frame::{self, Header};
use super::greeting::Framing;
use zeroize::Zeroizing;

/// The smallest allocation for a frame that has not arrived whole.
const FIRST_ALLOCATION: usize = 128;

/// One frame at a time, with a limit. Memory is taken as bytes arrive, never as they are announced, and wiped when given
/// back: a frame may carry a password.
#[derive(Debug)]
pub(super) struct Reassembly {
    framing: Framing,
    limit: u64,
    bytes: Zeroizing<Vec<u8>>,
    /// Of the frame in `bytes`, with its whole length.
    header: Option<(Header, usize)>,
}

impl Reassembly {
    pub(super) fn new(framing: Framing, limit: u64) -> Reassembly {
        Reassembly {
            framing,
            limit,
            bytes: Zeroizing::default(),
            header: None,
        }
    }

    /// Takes bytes up to the end of the frame. `true` as soon as it is whole: then [`Reassembly::payload`] has it, until
    /// [`Reassembly::clear`].
    pub(super) fn receive(&mut self, input: &[u8]) -> Result<(usize, bool), Failure> {
        let mut rest = input;
        loop {
            if self.header.is_none() {
                self.header = self.parse_header()?;
            }
            let end = match self.header {
                Some((_, end)) => end,
                None => self.bytes.len() + 1,
            };
            let (taken, tail) = rest.split_at(rest.len().min(end - self.bytes.len()));
            self.extend(taken, end)?;
            rest = tail;
            let whole = self.header.is_some() && self.bytes.len() == end;
            if whole || taken.is_empty() {
                return Ok((input.len() - rest.len(), whole));
            }
        }
    }

    pub(super) fn payload(&self) -> &[u8] {
        self.bytes.get(self.payload_start()..).unwrap_or_default()
    }

    pub(super) fn payload_mut(&mut self) -> &mut [u8] {
        let start = self.payload_start();
        self.bytes.get_mut(start..).unwrap_or_default()
    }

    fn payload_start(&self) -> usize {
        self.header.map_or(0, |(header, _)| header.header_len)
    }

    pub(super) fn clear(&mut self) {
        // The memory goes as well: the mechanism may keep as much.
        self.bytes = Zeroizing::default();
        self.header = None;
    }

    fn parse_header(&self) -> Result<Option<(Header, usize)>, Failure> {
        let header = match self.framing {
            Framing::V1 => frame::parse_v1(&self.bytes)?,
            Framing::V2 => frame::parse_v2(&self.bytes),
        };
        let Some(header) = header else {
            return Ok(None);
        };
        if header.size > self.limit {
            return Err(Failure::TooLarge);
        }
        let end = header.frame_len().ok_or(Failure::TooLarge)?;
        Ok(Some((header, end)))
    }

    fn extend(&mut self, taken: &[u8], end: usize) -> Result<(), Failure> {
        let needed = self.bytes.len() + taken.len();
        if needed > self.bytes.capacity() {
            // Doubling, but beyond the first never beyond the frame's end, which the limit has checked.
            let doubled = (self.bytes.capacity() * 2).min(end).max(FIRST_ALLOCATION);
            let capacity = doubled.max(needed);
            let mut larger = Zeroizing::new(Vec::new());
            larger.try_reserve_exact(capacity)?;
            larger.extend_from_slice(&self.bytes);
            self.bytes = larger;
        }
        self.bytes.extend_from_slice(taken);
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn announced_lengths_take_no_memory() {
        let mut frame = Reassembly::new(Framing::V2, 1 << 20);
        let announced = [2, 0, 0, 0, 0, 0, 8, 0, 0, b'x'];
        assert_eq!(frame.receive(&announced), Ok((10, false)));
        assert!(frame.capacity() <= FIRST_ALLOCATION);
    }

    #[test]
    fn lengths_above_the_limit() {
        for size in [11, 1 << 32, 1 << 63, u64::MAX - 64, u64::MAX - 1, u64::MAX] {
            let mut v2 = [0; frame::MAX_HEADER_V2];
            let length = frame::write_v2(&mut v2, 0, size);
            let mut frame = Reassembly::new(Framing::V2, 10);
            assert_eq!(frame.receive(&v2[..length]), Err(Failure::TooLarge));
            let mut v1 = [0; frame::MAX_HEADER_V1];
            let length = frame::write_v1(&mut v1, false, size);
            let mut frame = Reassembly::new(Framing::V1, 10);
            assert_eq!(frame.receive(&v1[..length]), Err(Failure::TooLarge));
            assert!(frame.capacity() <= FIRST_ALLOCATION);
        }
    }

    #[test]
    fn nothing_behind_the_frame_is_taken() {
        for input in [&b"\x00\x00tail"[..], b"\x00\x02abtail"] {
            let mut frame = Reassembly::new(Framing::V2, 10);
            assert_eq!(frame.receive(input), Ok((input.len() - 4, true)));
            assert_eq!(frame.payload(), &input[2..input.len() - 4]);
            frame.clear();
            assert_eq!(frame.receive(b""), Ok((0, false)));
        }
    }
}
