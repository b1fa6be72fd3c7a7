//! Endpoints as text: `scheme://address`, split and checked without touching the system.
//!
//! Nothing here opens a descriptor, asks a name server or reads a clock. An endpoint is bytes, not UTF-8: an ipc path may
//! hold any byte but NUL.
#![forbid(unsafe_code)]

pub mod cidr;
mod ends;
pub mod ipc;
pub mod literal;
pub mod tcp;

use std::borrow::Borrow;
use std::fmt::{self, Write};
use std::ops::Deref;
use std::sync::Arc;

use crate::errno::{Errno, Result};

pub use ends::Ends;

/// `scheme://address`, split. Both parts are non-empty; whether the scheme exists is for the transport table to say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Endpoint<'a> {
    /// What stands before `://`, case-sensitive.
    pub scheme: &'a [u8],
    /// What stands behind it.
    pub address: &'a [u8],
}

impl<'a> Endpoint<'a> {
    /// Splits at the first `://`; EINVAL when there is none or a part is empty.
    pub fn split<T: AsRef<[u8]> + ?Sized>(text: &'a T) -> Result<Endpoint<'a>> {
        let text = text.as_ref();
        let at = text
            .windows(3)
            .position(|window| window == b"://")
            .ok_or(Errno::EINVAL)?;
        let (scheme, rest) = text.split_at(at);
        let address = rest.get(3..).unwrap_or_default();
        if scheme.is_empty() || address.is_empty() {
            return Err(Errno::EINVAL);
        }
        Ok(Endpoint { scheme, address })
    }
}

/// An endpoint as the library reports it: `ZMQ_LAST_ENDPOINT`, monitor events, the key that unbind and disconnect look up.
/// Its copies share their bytes.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct EndpointText(Arc<[u8]>);

impl EndpointText {
    /// Joins a scheme and an address.
    pub fn join(scheme: &[u8], address: &[u8]) -> EndpointText {
        EndpointText([scheme, b"://", address].concat().into())
    }

    /// Formats one; if that says the same as `known`, it is that.
    pub fn of(text: fmt::Arguments<'_>, known: Option<&EndpointText>) -> EndpointText {
        let mut line = Line {
            bytes: [0; LINE],
            len: 0,
        };
        if line.write_fmt(text).is_err() {
            return EndpointText::from(text.to_string());
        }
        let text = line.bytes.get(..line.len).unwrap_or_default();
        match known {
            Some(known) if **known == *text => known.clone(),
            _ => EndpointText::from(text),
        }
    }

    /// The text without a terminating NUL.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// What is longer than most endpoints.
const LINE: usize = 96;

/// A text being written that fits in a line, so that it is allocated once it is whole.
struct Line {
    bytes: [u8; LINE],
    len: usize,
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let place = self.bytes.get_mut(self.len..).unwrap_or_default();
        let place = place.get_mut(..text.len()).ok_or(fmt::Error)?;
        place.copy_from_slice(text.as_bytes());
        self.len += text.len();
        Ok(())
    }
}

impl Deref for EndpointText {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for EndpointText {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

// `Hash` and `Eq` are those of the bytes, so a map keyed by endpoint text can be asked with a plain slice.
impl Borrow<[u8]> for EndpointText {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl From<String> for EndpointText {
    fn from(text: String) -> EndpointText {
        EndpointText(text.into_bytes().into())
    }
}

impl From<&str> for EndpointText {
    fn from(text: &str) -> EndpointText {
        EndpointText(text.as_bytes().into())
    }
}

impl From<&[u8]> for EndpointText {
    fn from(text: &[u8]) -> EndpointText {
        EndpointText(text.into())
    }
}

impl PartialEq<str> for EndpointText {
    fn eq(&self, other: &str) -> bool {
        &*self.0 == other.as_bytes()
    }
}

impl PartialEq<&str> for EndpointText {
    fn eq(&self, other: &&str) -> bool {
        &*self.0 == other.as_bytes()
    }
}

impl fmt::Display for EndpointText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

impl fmt::Debug for EndpointText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_at_the_first_separator() {
        let endpoint = Endpoint::split("ipc:///tmp/a://b").unwrap();
        assert_eq!(endpoint.scheme, b"ipc");
        assert_eq!(endpoint.address, b"/tmp/a://b");
    }

    #[test]
    fn malformed_text_is_einval() {
        for text in [
            "", "tcp", "tcp:", "tcp:/", "tcp://", "://x", "tcp:/x", "://",
        ] {
            assert_eq!(Endpoint::split(text), Err(Errno::EINVAL), "{text}");
        }
    }

    #[test]
    fn formatted_text_is_what_is_known_or_new() {
        let known = EndpointText::from("tcp://a:1");
        for (port, same) in [(1, true), (2, false)] {
            let text = EndpointText::of(format_args!("tcp://a:{port}"), Some(&known));
            assert_eq!(text, EndpointText::from(format!("tcp://a:{port}")));
            assert_eq!(Arc::ptr_eq(&text.0, &known.0), same);
        }
        let long = "x".repeat(LINE);
        let text = EndpointText::of(format_args!("tcp://{long}:1"), None);
        assert_eq!(text.len(), LINE + 8);
    }

    #[test]
    fn text_compares_as_bytes() {
        let text = EndpointText::join(b"ipc", b"@\xff\xfe");
        assert_eq!(text.as_bytes(), b"ipc://@\xff\xfe");
        assert_eq!(EndpointText::from("tcp://a:1"), "tcp://a:1");
    }
}
