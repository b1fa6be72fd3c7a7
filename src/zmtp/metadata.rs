//! Properties of a connection. 23/ZMTP 3.0 "The READY command": name length, name, four bytes of value length, value.
#![forbid(unsafe_code)]

use std::ffi::CStr;

use super::failure::{Failure, Violation};

/// The property that names the sender's socket type.
pub const SOCKET_TYPE: &[u8] = b"Socket-Type";
/// The property that carries the sender's routing id.
pub const IDENTITY: &[u8] = b"Identity";
/// The property that a ZAP handler gives a peer.
pub const USER_ID: &[u8] = b"User-Id";

/// The most bytes of metadata that a peer may send.
pub const MAX_METADATA: usize = 12 * 1024;

/// An ordered list of names and values.
///
/// It lies in one piece of memory, a sixth larger at worst than what came over the wire: a peer that sends thousands of tiny
/// properties gets no leverage. Of properties with one name the first counts.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Properties {
    /// The wire's form, with a NUL behind each value so that it can be handed out as a C string.
    bytes: Vec<u8>,
}

impl Properties {
    /// An empty list.
    pub const fn new() -> Properties {
        Properties { bytes: Vec::new() }
    }

    /// Reads what a READY, an INITIATE or a ZAP reply carries.
    pub fn parse(wire: &[u8]) -> Result<Properties, Failure> {
        if wire.len() > MAX_METADATA {
            return Err(Violation::MalformedMetadata.into());
        }
        let mut count = 0;
        let mut rest = wire;
        while !rest.is_empty() {
            (_, _, rest) = split_property(rest).ok_or(Violation::MalformedMetadata)?;
            count += 1;
        }
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(wire.len() + count)?;
        let mut properties = Properties { bytes };
        let mut rest = wire;
        while let Some((name, value, tail)) = split_property(rest) {
            properties.push(name, value);
            rest = tail;
        }
        Ok(properties)
    }

    /// Adds a property behind all others. One that the wire cannot express (a name over 255 bytes, a value over 4 GiB) is
    /// left out.
    pub fn push(&mut self, name: &[u8], value: &[u8]) {
        if encode(&mut self.bytes, name, value) {
            self.bytes.push(0);
        }
    }

    /// Adds all of another list behind this one.
    pub fn append(&mut self, other: &Properties) {
        self.bytes.extend_from_slice(&other.bytes);
    }

    /// The value of a property. Names are compared exactly.
    pub fn get(&self, name: &[u8]) -> Option<&[u8]> {
        let terminated = self.find(name)?;
        terminated.get(..terminated.len().checked_sub(1)?)
    }

    /// The value of a property as C sees it: up to its first NUL.
    pub fn get_c(&self, name: &[u8]) -> Option<&CStr> {
        CStr::from_bytes_until_nul(self.find(name)?).ok()
    }

    /// All properties in their order, later ones of a name that was there before included.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> + Clone {
        let mut rest = self.bytes.as_slice();
        std::iter::from_fn(move || {
            let (name, value, tail) = split_property(rest)?;
            rest = tail.get(1..)?;
            Some((name, value))
        })
    }

    /// Nothing in it.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The value with the NUL behind it.
    fn find(&self, name: &[u8]) -> Option<&[u8]> {
        let mut rest = self.bytes.as_slice();
        loop {
            let (found, value, tail) = split_property(rest)?;
            if found == name {
                let start = rest.len() - tail.len() - value.len();
                return rest.get(start..=start + value.len());
            }
            rest = tail.get(1..)?;
        }
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }
}

impl std::fmt::Debug for Properties {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map()
            .entries(
                self.iter()
                    .map(|(name, value)| (name.escape_ascii().to_string(), value)),
            )
            .finish()
    }
}

/// Appends one property in the wire's form; `false`, and nothing appended, if it has none.
#[must_use]
pub fn encode(out: &mut Vec<u8>, name: &[u8], value: &[u8]) -> bool {
    let (Ok(name_length), Ok(value_length)) =
        (u8::try_from(name.len()), u32::try_from(value.len()))
    else {
        return false;
    };
    out.push(name_length);
    out.extend_from_slice(name);
    out.extend_from_slice(&value_length.to_be_bytes());
    out.extend_from_slice(value);
    true
}

/// The first property's name and value, and what follows.
fn split_property(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (&length, rest) = bytes.split_first()?;
    let (name, rest) = rest.split_at_checked(usize::from(length))?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (value, rest) =
        rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    Some((name, value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    const MALFORMED: Failure = Failure::Violation(Violation::MalformedMetadata);

    #[test]
    fn first_of_duplicates_counts_and_names_are_exact() {
        let mut properties = Properties::new();
        properties.push(b"a", b"1");
        properties.push(b"a", b"2");
        properties.push(b"bin", b"x\0y");
        assert_eq!(properties.get(b"a"), Some(&b"1"[..]));
        assert_eq!(properties.get(b"A"), None);
        assert_eq!(properties.get(b"bin"), Some(&b"x\0y"[..]));
        assert_eq!(properties.get_c(b"bin"), Some(c"x"));
        let mut more = properties.clone();
        more.append(&properties);
        assert_eq!(more.iter().count(), 6);
        assert_eq!(
            format!("{properties:?}"),
            r#"{"a": [49], "a": [50], "bin": [120, 0, 121]}"#
        );
    }

    #[test]
    fn every_truncation_is_malformed() {
        let mut wire = Vec::new();
        assert!(encode(&mut wire, b"Identity", b"me"));
        assert!(Properties::parse(&wire).is_ok());
        for end in 1..wire.len() {
            assert_eq!(Properties::parse(&wire[..end]), Err(MALFORMED));
        }
        wire.push(0);
        assert_eq!(Properties::parse(&wire), Err(MALFORMED));
        assert_eq!(Properties::parse(b"\x01a\xFF\xFF\xFF\xFFb"), Err(MALFORMED));
    }

    #[test]
    fn limits() {
        let mut properties = Properties::new();
        properties.push(&[b'n'; 256], b"");
        assert!(properties.is_empty());
        let tiny = [0; MAX_METADATA / 5 * 5];
        let parsed = Properties::parse(&tiny).unwrap();
        assert!(parsed.capacity() <= MAX_METADATA * 6 / 5);
        let mut wire = Vec::new();
        assert!(encode(&mut wire, b"a", &[0; MAX_METADATA - 6]));
        assert!(Properties::parse(&wire).is_ok());
        wire.clear();
        assert!(encode(&mut wire, b"a", &[0; MAX_METADATA - 5]));
        assert_eq!(Properties::parse(&wire), Err(MALFORMED));
    }

    proptest! {
        #[test]
        fn round_trip(list in vec((vec(any::<u8>(), 0..20), vec(any::<u8>(), 0..40)), 0..20)) {
            let mut wire = Vec::new();
            for (name, value) in &list {
                prop_assert!(encode(&mut wire, name, value));
            }
            let properties = Properties::parse(&wire).unwrap();
            let found: Vec<_> = properties.iter().map(|(n, v)| (n.to_vec(), v.to_vec())).collect();
            prop_assert_eq!(&found, &list);
            for (name, _) in &list {
                let first = list.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_slice());
                prop_assert_eq!(properties.get(name), first);
            }
        }

        #[test]
        fn any_bytes_parse_or_are_malformed(wire in vec(any::<u8>(), 0..200)) {
            let _ = Properties::parse(&wire);
        }
    }
}
