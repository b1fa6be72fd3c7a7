//! The text of an ipc address: a path, or `@name` in the abstract namespace.
#![forbid(unsafe_code)]

use crate::errno::{Errno, Result};

/// The room for a path in a Unix socket address, its terminating NUL included.
pub const SUN_PATH: usize = 108;

/// An ipc address that fits a socket address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum IpcAddress {
    /// A file.
    Path(Box<[u8]>),
    /// A name in Linux's abstract namespace, without the `@`.
    Abstract(Box<[u8]>),
}

impl IpcAddress {
    /// Parses; ENAMETOOLONG past 107 bytes, EINVAL for a bare `@` or a NUL inside.
    pub fn parse(text: &[u8]) -> Result<IpcAddress> {
        if text.len() >= SUN_PATH {
            return Err(Errno::ENAMETOOLONG);
        }
        if text.contains(&0) {
            return Err(Errno::EINVAL);
        }
        match text {
            b"" | b"@" => Err(Errno::EINVAL),
            [b'@', name @ ..] => Ok(IpcAddress::Abstract(name.into())),
            path => Ok(IpcAddress::Path(path.into())),
        }
    }

    /// Whether bind has to invent a path: the text starts with `*`. To connect it is an ordinary path.
    pub fn is_wildcard(text: &[u8]) -> bool {
        text.first() == Some(&b'*')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_names() {
        assert_eq!(
            IpcAddress::parse(b"/tmp/x"),
            Ok(IpcAddress::Path(b"/tmp/x".as_slice().into()))
        );
        assert_eq!(
            IpcAddress::parse(b"*"),
            Ok(IpcAddress::Path(b"*".as_slice().into()))
        );
        assert_eq!(
            IpcAddress::parse(b"@\xff"),
            Ok(IpcAddress::Abstract(b"\xff".as_slice().into()))
        );
        assert_eq!(IpcAddress::parse(b"@"), Err(Errno::EINVAL));
        assert_eq!(IpcAddress::parse(b"a\0b"), Err(Errno::EINVAL));
        assert!(IpcAddress::parse(&[b'a'; 107]).is_ok());
        assert_eq!(IpcAddress::parse(&[b'a'; 108]), Err(Errno::ENAMETOOLONG));
        assert_eq!(IpcAddress::parse(&[b'@'; 108]), Err(Errno::ENAMETOOLONG));
        assert!(IpcAddress::is_wildcard(b"*") && IpcAddress::is_wildcard(b"*foo"));
        assert!(!IpcAddress::is_wildcard(b"/tmp/*"));
    }
}
