//! The greeting, and finding out which version the peer speaks. 23/ZMTP 3.0 and 37/ZMTP 3.1 "Greeting", "Version Negotiation";
//! 15/ZMTP 2.0 "Backwards Interoperability".
#![forbid(unsafe_code)]

/// Bytes of a whole version 3 greeting.
pub const GREETING_LEN: usize = 64;
/// Bytes of the signature, which every version since 2.0 sends first and a 1.0 peer takes for the header of a routing id.
pub const SIGNATURE_LEN: usize = 10;
/// Bytes of a version 2.0 greeting.
const GREETING_LEN_V2: usize = 12;
/// Bytes of the mechanism's name, NUL-padded.
pub const MECHANISM_LEN: usize = 20;

const MAJOR: u8 = 3;
const MINOR: u8 = 1;

/// The protocol that both sides agreed on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Version {
    /// ZMTP 1.0 from a peer without a greeting (ZeroMQ 2.x).
    V1_0Unversioned,
    /// ZMTP 1.0 from a peer that has a greeting and says revision 0.
    V1_0,
    /// ZMTP 2.0 (ZeroMQ 3.x).
    V2_0,
    /// ZMTP 3.0.
    V3_0,
    /// ZMTP 3.1.
    V3_1,
}

/// How frames look on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Framing {
    /// ZMTP 1.0.
    V1,
    /// ZMTP 2.0 and later.
    V2,
}

impl Version {
    /// The peer is so old that it may not forward subscriptions: a PUB or XPUB then takes it as subscribed to everything.
    pub fn is_unversioned(self) -> bool {
        self == Version::V1_0Unversioned
    }

    /// The frames of this version.
    pub fn framing(self) -> Framing {
        if self <= Version::V1_0 {
            Framing::V1
        } else {
            Framing::V2
        }
    }

    /// There is a mechanism, and there are commands: PING and PONG, JOIN and LEAVE.
    pub fn has_commands(self) -> bool {
        self >= Version::V3_0
    }

    /// Subscriptions travel as SUBSCRIBE and CANCEL, not as messages that start with 1 or 0.
    pub fn has_subscribe_commands(self) -> bool {
        self >= Version::V3_1
    }
}

/// What the own greeting says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Local {
    pub(super) routing_id_len: usize,
    pub(super) type_number: u8,
    pub(super) mechanism: [u8; MECHANISM_LEN],
}

/// The greeting as far as it came.
#[derive(Debug)]
pub(super) struct Greeting {
    received: [u8; GREETING_LEN],
    filled: usize,
    version: Option<Version>,
}

impl Greeting {
    pub(super) fn new() -> Greeting {
        Greeting {
            received: [0; GREETING_LEN],
            filled: 0,
            version: None,
        }
    }

    /// What is sent before anything is known of the peer. A 1.0 peer reads it as the header of our routing id, in long form:
    /// hence the length. Its last byte then counts as flags, whose bit 0 such peers ignore and newer ones look at.
    pub(super) fn signature(local: &Local) -> [u8; SIGNATURE_LEN] {
        let mut signature = [0xFF; SIGNATURE_LEN];
        let length = (local.routing_id_len as u64).saturating_add(1);
        signature[1..9].copy_from_slice(&length.to_be_bytes());
        signature[9] = 0x7F;
        signature
    }

    /// Takes bytes up to the next point where something is decided, again and again, and appends our answers to `out`. The
    /// version is known when the greeting is complete; not a byte behind it is taken.
    pub(super) fn receive(
        &mut self,
        input: &[u8],
        local: &Local,
        out: &mut Vec<u8>,
    ) -> (usize, Option<Version>) {
        let mut rest = input;
        while self.version.is_none() && !rest.is_empty() {
            let wanted = self.milestone();
            let (taken, tail) = rest.split_at(rest.len().min(wanted - self.filled));
            self.received[self.filled..self.filled + taken.len()].copy_from_slice(taken);
            self.filled += taken.len();
            rest = tail;
            if self.filled == wanted {
                self.pass(wanted, local, out);
            }
        }
        (input.len() - rest.len(), self.version)
    }

    /// The bytes taken so far. Of a peer without a greeting they are the start of its first frame.
    pub(super) fn received(&self) -> &[u8] {
        &self.received[..self.filled]
    }

    /// The mechanism that the peer names.
    pub(super) fn mechanism(&self) -> &[u8] {
        &self.received[12..12 + MECHANISM_LEN]
    }

    fn milestone(&self) -> usize {
        match self.filled {
            0 => 1,
            1..SIGNATURE_LEN => SIGNATURE_LEN,
            SIGNATURE_LEN => 11,
            _ if self.received[10] <= 1 => GREETING_LEN_V2,
            _ => GREETING_LEN,
        }
    }

    fn pass(&mut self, milestone: usize, local: &Local, out: &mut Vec<u8>) {
        match milestone {
            1 if self.received[0] != 0xFF => self.version = Some(Version::V1_0Unversioned),
            1 => {}
            SIGNATURE_LEN if self.received[9] & 1 == 0 => {
                self.version = Some(Version::V1_0Unversioned);
            }
            SIGNATURE_LEN => out.push(MAJOR),
            11 if self.received[10] <= 1 => out.push(local.type_number),
            11 => {
                out.push(MINOR);
                out.extend_from_slice(&local.mechanism);
                // The as-server byte is 0 for servers too: no peer looks at it, and libzmq never sets it.
                out.resize(out.len() + GREETING_LEN - 12 - MECHANISM_LEN, 0);
            }
            _ => {
                self.version = Some(match (self.received[10], self.received[11]) {
                    (0, _) => Version::V1_0,
                    (1, _) => Version::V2_0,
                    (3, 0) => Version::V3_0,
                    // What is newer than we are, and the 2 that nobody ever used, understand 3.1.
                    _ => Version::V3_1,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn greet(bytes: &[u8]) -> (usize, Option<Version>, Vec<u8>) {
        let mut mechanism = [0; MECHANISM_LEN];
        mechanism[..4].copy_from_slice(b"NULL");
        let local = Local {
            routing_id_len: 0,
            type_number: 7,
            mechanism,
        };
        let mut out = Vec::new();
        let (used, version) = Greeting::new().receive(bytes, &local, &mut out);
        (used, version, out)
    }

    fn greeting(major: u8, minor: u8) -> [u8; 70] {
        let mut bytes = [0; 70];
        bytes[0] = 0xFF;
        bytes[9] = 0x7F;
        bytes[10] = major;
        bytes[11] = minor;
        bytes
    }

    #[test]
    fn every_revision_and_minor() {
        for major in 0..=255 {
            for minor in 0..=255 {
                let (used, version, out) = greet(&greeting(major, minor));
                let (length, expected) = match (major, minor) {
                    (0, _) => (12, Version::V1_0),
                    (1, _) => (12, Version::V2_0),
                    (3, 0) => (64, Version::V3_0),
                    _ => (64, Version::V3_1),
                };
                assert_eq!((used, version), (length, Some(expected)));
                assert_eq!(out.len(), length - SIGNATURE_LEN);
                assert_eq!(out[..2], if length == 12 { [3, 7] } else { [3, 1] });
            }
        }
    }

    #[test]
    fn answers_come_byte_by_byte() {
        let whole = greeting(3, 0);
        for (length, sent) in [(0, 0), (9, 0), (10, 1), (11, 54), (63, 54), (64, 54)] {
            assert_eq!(
                greet(&whole[..length]).2.len(),
                sent,
                "after {length} bytes"
            );
        }
    }

    #[test]
    fn peers_without_a_greeting() {
        assert_eq!(
            greet(b"\x01\x00"),
            (1, Some(Version::V1_0Unversioned), vec![])
        );
        let mut long = greeting(3, 0);
        long[9] = 0x7E;
        assert_eq!(greet(&long), (10, Some(Version::V1_0Unversioned), vec![]));
    }

    #[test]
    fn versions_know_their_features() {
        use Version::*;
        let all = [V1_0Unversioned, V1_0, V2_0, V3_0, V3_1];
        assert_eq!(
            all.map(Version::is_unversioned),
            [true, false, false, false, false]
        );
        assert_eq!(
            all.map(Version::has_commands),
            [false, false, false, true, true]
        );
        assert_eq!(
            all.map(Version::has_subscribe_commands),
            [false, false, false, false, true]
        );
        assert_eq!(
            all.map(|v| v.framing() == Framing::V1),
            [true, true, false, false, false]
        );
    }
}
