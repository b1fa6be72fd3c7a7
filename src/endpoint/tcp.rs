//! The text of a tcp address: `host:port` or `source:port;host:port`.
#![forbid(unsafe_code)]

use super::literal;
use crate::errno::{Errno, Result};

/// A tcp address taken apart. What its names stand for is for the transport to find out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TcpAddress<'a> {
    /// Where to bind or connect to.
    pub target: HostPort<'a>,
    /// Where a connection comes from: what stood before the last `;`.
    pub source: Option<HostPort<'a>>,
}

/// One `host:port`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HostPort<'a> {
    /// The host, without brackets and zone.
    pub host: Host<'a>,
    /// What stood behind `%`.
    pub zone: Option<Zone<'a>>,
    /// The port; 0 leaves the choice to the system.
    pub port: u16,
}

/// A host as written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Host<'a> {
    /// `*`: every local address.
    Any,
    /// A literal, an interface name or a host name.
    Name(&'a [u8]),
}

/// The zone of a link-local IPv6 address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Zone<'a> {
    /// An interface number, never 0.
    Index(u32),
    /// An interface name.
    Interface(&'a [u8]),
}

/// Who reads the text: `*` means something only to the side that binds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// The address, or the source of a connection, is bound.
    Bind,
    /// The address is connected to.
    Connect,
}

impl<'a> TcpAddress<'a> {
    /// Parses for `role`. A source is always read as something to bind.
    pub fn parse(text: &'a [u8], role: Role) -> Result<TcpAddress<'a>> {
        let (source, target) = match text.iter().rposition(|&byte| byte == b';') {
            Some(at) => {
                let source = text.get(..at).unwrap_or_default();
                let source = HostPort::parse(source, Role::Bind)?;
                (Some(source), text.get(at + 1..).unwrap_or_default())
            }
            None => (None, text),
        };
        Ok(TcpAddress {
            target: HostPort::parse(target, role)?,
            source,
        })
    }

    /// What connect refuses at once. Text that passes may still turn out to mean nothing, and is then retried for ever.
    pub fn check_connect(text: &[u8]) -> Result<()> {
        let first = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'[' | b':');
        let later = |byte: &u8| byte.is_ascii_alphanumeric() || b".-:%;[]_*".contains(byte);
        let port = text.iter().rposition(|&byte| byte == b':').map(|at| at + 1);
        let digit = port
            .and_then(|at| text.get(at))
            .is_some_and(u8::is_ascii_digit);
        match text.split_first() {
            Some((head, tail)) if first(head) && tail.iter().all(later) && digit => Ok(()),
            _ => Err(Errno::EINVAL),
        }
    }
}

impl<'a> HostPort<'a> {
    /// Parses `host:port`, split at the last colon.
    pub fn parse(text: &'a [u8], role: Role) -> Result<HostPort<'a>> {
        let colon = text.iter().rposition(|&byte| byte == b':');
        let (host, port) = text.split_at(colon.ok_or(Errno::EINVAL)?);
        let port = match port.get(1..).unwrap_or_default() {
            b"*" if role == Role::Bind => 0,
            b"0" => 0,
            digits => match literal::atoi(digits) as u16 {
                0 => return Err(Errno::EINVAL),
                port => port,
            },
        };
        let parsed = HostPort::host_only(host, role)?;
        Ok(HostPort { port, ..parsed })
    }

    /// Parses a host that stands alone; the port is 0.
    pub fn host_only(text: &'a [u8], role: Role) -> Result<HostPort<'a>> {
        let text = match text {
            [b'[', inner @ .., b']'] => inner,
            bare => bare,
        };
        let (host, zone) = match text.iter().rposition(|&byte| byte == b'%') {
            Some(at) => (
                text.get(..at).unwrap_or_default(),
                Some(Zone::parse(text.get(at + 1..).unwrap_or_default())?),
            ),
            None => (text, None),
        };
        let host = match host {
            b"*" if role == Role::Bind => Host::Any,
            name => Host::Name(name),
        };
        Ok(HostPort {
            host,
            zone,
            port: 0,
        })
    }
}

impl<'a> Zone<'a> {
    fn parse(text: &'a [u8]) -> Result<Zone<'a>> {
        match text.first() {
            None => Err(Errno::EINVAL),
            Some(first) if first.is_ascii_alphabetic() => Ok(Zone::Interface(text)),
            Some(_) => match literal::atoi(text) as u32 {
                0 => Err(Errno::EINVAL),
                index => Ok(Zone::Index(index)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn name(host: &str, port: u16) -> HostPort<'_> {
        HostPort {
            host: Host::Name(host.as_bytes()),
            zone: None,
            port,
        }
    }

    #[test]
    fn ports() {
        for (text, port) in [
            ("h:5xyz", Some(5)),
            ("h:70000", Some(4464)),
            ("h:-5", Some(65531)),
            ("h:99999999", Some(57599)),
            ("h:99999999999999999999", Some(65535)),
            ("1.2.3.4:567bad", Some(567)),
            ("h:0", Some(0)),
            ("h:*", Some(0)),
            ("h:abc", None),
            ("h:", None),
            ("h:00", None),
            ("h: 0", None),
            ("h:65536", None),
            ("h", None),
            ("1.2.3.4", None),
            ("1.2.3.4:bad", None),
            ("[192.168.1.1:]5555", None),
            ("[192.168.1.1:*]", None),
        ] {
            let parsed = HostPort::parse(text.as_bytes(), Role::Bind);
            match port {
                Some(port) => assert_eq!(parsed.unwrap().port, port, "{text}"),
                None => assert_eq!(parsed, Err(Errno::EINVAL), "{text}"),
            }
        }
        assert!(HostPort::parse(b"127.0.0.1:*", Role::Connect).is_err());
        assert!(HostPort::parse(b"*:*", Role::Connect).is_err());
    }

    #[test]
    fn hosts_and_zones() {
        let zoned = |host, zone, port| HostPort {
            zone: Some(zone),
            ..name(host, port)
        };
        let eth0 = || Zone::Interface(b"eth0");
        for (text, expected) in [
            (
                "*:*",
                HostPort {
                    host: Host::Any,
                    zone: None,
                    port: 0,
                },
            ),
            ("[192.168.1.1]:5555", name("192.168.1.1", 5555)),
            ("[1234::1]:80", name("1234::1", 80)),
            ("[1234::1]:*", name("1234::1", 0)),
            ("abcd:1234::1:0:234:123", name("abcd:1234::1:0:234", 123)),
            (
                "3000:4:5::1:234%2:1111",
                zoned("3000:4:5::1:234", Zone::Index(2), 1111),
            ),
            (
                "3000:4:5::1:234%eth0:8080",
                zoned("3000:4:5::1:234", eth0(), 8080),
            ),
            (
                "[3000:4:5::1:234%eth0]:8080",
                zoned("3000:4:5::1:234", eth0(), 8080),
            ),
            ("[ip.zeromq.org]:22", name("ip.zeromq.org", 22)),
            ("[ip.zeromq].org:22", name("[ip.zeromq].org", 22)),
            ("[192.168.1.1:5555]", name("[192.168.1.1", 5555)),
            ("[]:80", name("", 80)),
        ] {
            assert_eq!(
                HostPort::parse(text.as_bytes(), Role::Bind),
                Ok(expected),
                "{text}"
            );
        }
        for text in ["::1%0:80", "::1%:80", "[::1%]:80", "::1%-0:80"] {
            assert!(
                HostPort::parse(text.as_bytes(), Role::Bind).is_err(),
                "{text}"
            );
        }
    }

    #[test]
    fn sources() {
        let address = TcpAddress::parse(b"lo:5555;localhost:1235", Role::Connect).unwrap();
        assert_eq!(address.source, Some(name("lo", 5555)));
        assert_eq!(address.target, name("localhost", 1235));
        let any = TcpAddress::parse(b"*:*;h:1", Role::Connect)
            .unwrap()
            .source
            .unwrap();
        assert_eq!((any.host, any.port), (Host::Any, 0));
        assert!(TcpAddress::parse(b"junk;h:1", Role::Bind).is_err());
    }

    #[test]
    fn what_connect_refuses_at_once() {
        for text in [
            "localhost:1234",
            "[::1]:1234",
            "127.0.0.1:0",
            ":5999",
            "::1:80",
            "a_b-c.d:5x",
            "127.0.0.1:0;localhost:1234",
            "lo:5555;localhost:1235",
            "fe80::1%eth0:80",
            "a:*;b:1",
        ] {
            assert_eq!(TcpAddress::check_connect(text.as_bytes()), Ok(()), "{text}");
        }
        for text in [
            "localhost:invalid",
            "in val id:1234",
            "",
            "192.168.0.200:*",
            "host",
            "host:",
            "*:5999",
            "-x:1",
            "_x:1",
            "x/y:1",
            "h:1 ",
        ] {
            assert_eq!(
                TcpAddress::check_connect(text.as_bytes()),
                Err(Errno::EINVAL),
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = TcpAddress::parse(&text, Role::Bind);
            let _ = TcpAddress::parse(&text, Role::Connect);
            let _ = TcpAddress::check_connect(&text);
            let _ = literal::ip(&text, true);
        }

        #[test]
        fn likely_text_is_answered(text in "[0-9a-fx.:;*%\\[\\]-]{0,40}") {
            let _ = TcpAddress::parse(text.as_bytes(), Role::Bind);
            let _ = TcpAddress::parse(text.as_bytes(), Role::Connect);
            let _ = literal::ip(text.as_bytes(), true);
            if let Some(std::net::IpAddr::V4(v4)) = literal::ip(text.as_bytes(), false)
                && let Ok(strict) = text.parse::<std::net::Ipv4Addr>()
            {
                prop_assert_eq!(v4, strict);
            }
        }

        #[test]
        fn written_addresses_come_back(v4 in any::<[u8; 4]>(), port in 1_u16..) {
            let v4 = std::net::Ipv4Addr::from(v4);
            let (text, host) = (format!("{v4}:{port}"), v4.to_string());
            let parsed = HostPort::parse(text.as_bytes(), Role::Connect).unwrap();
            prop_assert_eq!(parsed, name(&host, port));
        }
    }
}
