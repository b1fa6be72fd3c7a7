//! From the text of a tcp address to socket addresses.
#![forbid(unsafe_code)]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::OnceLock;

use socket2::{Domain, Socket, Type};

use super::Target;
use crate::endpoint::literal;
use crate::endpoint::tcp::{Host, HostPort, Role, TcpAddress, Zone};
use crate::errno::{Errno, Result};
use crate::sys::net;

/// The targets of `text`, or `None` if a name server would have to be asked.
pub fn targets_at_once(text: &[u8], ipv6: bool) -> Option<Result<Vec<Target>>> {
    let ipv6 = ipv6 && kernel_has_ipv6();
    let found = || {
        let TcpAddress { target, source } = TcpAddress::parse(text, Role::Connect)?;
        let source = source.map(|source| at_once(&source, Role::Bind, ipv6));
        let target = at_once(&target, Role::Connect, ipv6)?;
        Ok(match (target, source.transpose()?) {
            (None, _) | (_, Some(None)) => None,
            (Some(target), source) => Some(vec![pair(target, source.flatten())]),
        })
    };
    found().transpose()
}

/// The targets of `text`. May block.
pub fn targets(text: &[u8], ipv6: bool) -> Result<Vec<Target>> {
    let ipv6 = ipv6 && kernel_has_ipv6();
    let TcpAddress { target, source } = TcpAddress::parse(text, Role::Connect)?;
    let source = source
        .map(|source| first(&source, Role::Bind, ipv6))
        .transpose()?;
    let found = all(&target, Role::Connect, ipv6)?;
    Ok(found
        .into_iter()
        .map(|target| pair(target, source))
        .collect())
}

/// The one address that `text` stands for in that role, its source left aside. May block.
pub fn address(text: &[u8], role: Role, ipv6: bool) -> Result<SocketAddr> {
    let ipv6 = ipv6 && kernel_has_ipv6();
    let TcpAddress { target, source } = TcpAddress::parse(text, role)?;
    if let Some(source) = source {
        first(&source, Role::Bind, ipv6)?;
    }
    first(&target, role, ipv6)
}

fn pair(target: SocketAddr, source: Option<SocketAddr>) -> Target {
    Target {
        address: target.into(),
        source: source.map(SocketAddr::into),
    }
}

fn first(place: &HostPort, role: Role, ipv6: bool) -> Result<SocketAddr> {
    match at_once(place, role, ipv6)? {
        Some(address) => Ok(address),
        None => all(place, role, ipv6)?
            .into_iter()
            .next()
            .ok_or(unknown(role)),
    }
}

fn all(place: &HostPort, role: Role, ipv6: bool) -> Result<Vec<SocketAddr>> {
    if let Some(address) = at_once(place, role, ipv6)? {
        return Ok(vec![address]);
    }
    let Host::Name(name) = &place.host else {
        return Err(unknown(role));
    };
    let scope = scope(place)?;
    match net::host_addresses(name, ipv6) {
        Ok(found) => Ok(found
            .into_iter()
            .map(|ip| zoned(ip, place.port, scope))
            .collect()),
        Err(Errno::ENOMEM) => Err(Errno::ENOMEM),
        Err(_) => Err(unknown(role)),
    }
}

/// Interface names come before host names, and before what may be taken for a number, but only for what is bound.
fn at_once(place: &HostPort, role: Role, ipv6: bool) -> Result<Option<SocketAddr>> {
    let scope = scope(place)?;
    let name = match &place.host {
        Host::Any if ipv6 => {
            return Ok(Some(zoned(Ipv6Addr::UNSPECIFIED.into(), place.port, scope)));
        }
        Host::Any => return Ok(Some(zoned(Ipv4Addr::UNSPECIFIED.into(), place.port, scope))),
        Host::Name(name) => name,
    };
    // To list the interfaces is dear, and none is called like an address.
    if name.iter().any(|byte| b".:".contains(byte))
        && let Some(ip) = literal::ip(name, ipv6)
    {
        return Ok(Some(zoned(ip, place.port, scope)));
    }
    if role == Role::Bind
        && let Some(mut address) = net::interface_address(name, ipv6)
    {
        address.set_port(place.port);
        // Without a zone in the text the interface's own stays: a link-local address is useless without.
        if let (SocketAddr::V6(v6), Some(scope)) = (&mut address, scope) {
            v6.set_scope_id(scope);
        }
        return Ok(Some(address));
    }
    match literal::ip(name, ipv6) {
        Some(ip) => Ok(Some(zoned(ip, place.port, scope))),
        None if may_be_a_name(name) => Ok(None),
        None => Err(unknown(role)),
    }
}

/// No name server knows these, so none is asked.
fn may_be_a_name(name: &[u8]) -> bool {
    let outlandish = |byte: &u8| byte.is_ascii_whitespace() || b"[]:/*\0".contains(byte);
    !name.is_empty() && !name.iter().any(outlandish)
}

fn scope(place: &HostPort) -> Result<Option<u32>> {
    match &place.zone {
        None => Ok(None),
        Some(Zone::Index(index)) => Ok(Some(*index)),
        Some(Zone::Interface(name)) => match net::interface_index(name) {
            Some(index) => Ok(Some(index.get())),
            None => Err(Errno::EINVAL),
        },
    }
}

fn zoned(ip: IpAddr, port: u16, scope: Option<u32>) -> SocketAddr {
    let mut address = SocketAddr::new(ip, port);
    if let (SocketAddr::V6(v6), Some(scope)) = (&mut address, scope) {
        v6.set_scope_id(scope);
    }
    address
}

fn unknown(role: Role) -> Errno {
    match role {
        Role::Bind => Errno::ENODEV,
        Role::Connect => Errno::EINVAL,
    }
}

/// Whether the kernel has IPv6 sockets at all; `ZMQ_IPV6` falls back to IPv4 where it has not.
fn kernel_has_ipv6() -> bool {
    static KNOWN: OnceLock<bool> = OnceLock::new();
    *KNOWN.get_or_init(|| match Socket::new(Domain::IPV6, Type::STREAM, None) {
        Ok(_) => true,
        // Any other failure, such as too many descriptors, says nothing about IPv6.
        Err(error) => error.raw_os_error() != Some(libc::EAFNOSUPPORT),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_to_bind() {
        for (text, ipv6, expected) in [
            ("*:*", false, Ok("0.0.0.0:0")),
            ("*:0", false, Ok("0.0.0.0:0")),
            ("*:*", true, Ok("[::]:0")),
            ("lo:80", false, Ok("127.0.0.1:80")),
            ("lo:80", true, Ok("[::1]:80")),
            ("localhost:80", false, Ok("127.0.0.1:80")),
            ("[192.168.1.1]:5555", false, Ok("192.168.1.1:5555")),
            ("[1234::1]:*", true, Ok("[1234::1]:0")),
            ("127.0.0.1%lo:80", false, Ok("127.0.0.1:80")),
            ("127.0.0.1:1;127.0.0.1:2", false, Ok("127.0.0.1:2")),
            ("junk;127.0.0.1:2", false, Err(Errno::EINVAL)),
            ("127.0.0.1%zz:80", false, Err(Errno::EINVAL)),
            ("127.0.0.1%:80", false, Err(Errno::EINVAL)),
            ("[::1]:80", false, Err(Errno::ENODEV)),
            ("[127.0.0.1:80", false, Err(Errno::ENODEV)),
            ("[192.168.1.1:5555]", false, Err(Errno::ENODEV)),
            ("[ip.zeromq].org:80", false, Err(Errno::ENODEV)),
            (":80", false, Err(Errno::ENODEV)),
            ("[]:80", true, Err(Errno::ENODEV)),
            ("127.0.0.1", false, Err(Errno::EINVAL)),
        ] {
            let found = address(text.as_bytes(), Role::Bind, ipv6);
            assert_eq!(
                found.map(|a| a.to_string()),
                expected.map(str::to_owned),
                "{text}"
            );
        }
    }

    #[test]
    fn addresses_to_connect() {
        for (text, ipv6, expected) in [
            ("127.0.0.1:0", false, Ok("127.0.0.1:0")),
            ("127.0.0.1:0", true, Ok("[::ffff:127.0.0.1]:0")),
            ("1.2.128.129:123", false, Ok("1.2.128.129:123")),
            (
                "abcd:1234::1:0:234:123",
                true,
                Ok("[abcd:1234::1:0:234]:123"),
            ),
            (
                "3000:4:5::1:234%2:1111",
                true,
                Ok("[3000:4:5::1:234%2]:1111"),
            ),
            (
                "[3000:4:5::1:234%lo]:8080",
                true,
                Ok("[3000:4:5::1:234%1]:8080"),
            ),
            ("[3000:4:5::1:234%bad0]:8080", true, Err(Errno::EINVAL)),
            ("*:1234", false, Err(Errno::EINVAL)),
            ("127.0.0.1:*", false, Err(Errno::EINVAL)),
            ("[::1]:1234", false, Err(Errno::EINVAL)),
            (":5999", false, Err(Errno::EINVAL)),
        ] {
            let found = address(text.as_bytes(), Role::Connect, ipv6);
            assert_eq!(
                found.map(|a| a.to_string()),
                expected.map(str::to_owned),
                "{text}"
            );
            // None of these may need a name server.
            let at_once = targets_at_once(text.as_bytes(), ipv6).expect(text);
            assert_eq!(at_once.is_ok(), expected.is_ok(), "{text}");
        }
    }

    #[test]
    fn names_wait_for_the_resolver() {
        assert!(targets_at_once(b"localhost:80", false).is_none());
        assert!(targets_at_once(b"localhost:0;127.0.0.1:80", false).is_none());
        let found = targets(b"lo:0;localhost:80", false).unwrap();
        let source = found[0]
            .source
            .as_ref()
            .and_then(|source| source.as_socket());
        assert_eq!(source, "127.0.0.1:0".parse().ok());
        assert!(targets(b"no.such.host.invalid:80", false).is_err());
    }
}
