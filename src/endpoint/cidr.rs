//! `ZMQ_TCP_ACCEPT_FILTER`: an address and the number of leading bits a peer must share with it.
#![forbid(unsafe_code)]

use std::net::{IpAddr, Ipv6Addr};

use super::literal;
use super::tcp::{Host, HostPort, Role};
use crate::errno::{Errno, Result};

/// One filter. Both families are compared as IPv6 numbers, IPv4 as v4-mapped, so that a filter means the same whether the
/// listener is an IPv4 or a dual-stack one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cidr {
    network: u128,
    bits: u32,
}

impl Cidr {
    /// Parses `address` or `address/bits`; EINVAL for anything else. IPv6 addresses need `ipv6`.
    pub fn parse(text: &[u8], ipv6: bool) -> Result<Cidr> {
        let (address, bits) = match text.iter().rposition(|&byte| byte == b'/') {
            Some(at) => (text.get(..at).unwrap_or_default(), text.get(at + 1..)),
            None => (text, None),
        };
        let HostPort {
            host: Host::Name(name),
            ..
        } = HostPort::host_only(address, Role::Connect)?
        else {
            return Err(Errno::EINVAL);
        };
        let address = literal::ip(name, ipv6).ok_or(Errno::EINVAL)?;
        let written_as_v4 = literal::ipv4(name).is_some();
        let width = if address.is_ipv6() { 128 } else { 32 };
        let bits = match bits {
            None => 128,
            Some(b"0") => 0,
            Some(digits) => match u32::try_from(literal::strtol(digits)) {
                Ok(bits) if !(1..=width).contains(&bits) => return Err(Errno::EINVAL),
                // Counted from the front of the IPv4 address; larger numbers, legal under IPV6, count as IPv6 ones do.
                Ok(bits) if written_as_v4 && bits <= 32 => bits + 96,
                Ok(bits) => bits,
                Err(_) => return Err(Errno::EINVAL),
            },
        };
        Ok(Cidr {
            network: number(address),
            bits,
        })
    }

    /// Whether `peer` lies in this network.
    pub fn contains(&self, peer: IpAddr) -> bool {
        let differing = self.network ^ number(peer);
        differing.leading_zeros() >= self.bits
    }
}

fn number(address: IpAddr) -> u128 {
    let v6: Ipv6Addr = match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    };
    v6.to_bits()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_text() {
        for text in [
            "foo",
            "0.0.0.0foo",
            "0.0.0.0/foo",
            "0.0.0.0/",
            "0.0.0.0/-1",
            "0.0.0.0/33",
            "127.0.0.1/00",
            "localhost/8",
            "lo",
            "*",
            "::1/128",
            "",
        ] {
            assert_eq!(
                Cidr::parse(text.as_bytes(), false),
                Err(Errno::EINVAL),
                "{text}"
            );
        }
        assert_eq!(Cidr::parse(b"::1/129", true), Err(Errno::EINVAL));
    }

    #[test]
    fn matching() {
        for (filter, ipv6, peer, expected) in [
            ("127.0.0.1/32", false, "127.0.0.1", true),
            ("127.0.0.1", false, "127.0.0.1", true),
            ("127.0.0.1", false, "127.0.0.2", false),
            ("0.0.0.0/0", false, "10.1.2.3", true),
            ("127.0.0.255/32", false, "127.0.0.1", false),
            ("10.0.0.0/9", false, "10.127.255.255", true),
            ("10.0.0.0/9", false, "10.128.0.0", false),
            ("127.0.0.1/8x", false, "127.9.9.9", true),
            ("[127.0.0.1]/ 8", false, "127.9.9.9", true),
            ("127.1/8", false, "127.9.9.9", true),
            ("127.0.0.0/8", true, "::ffff:127.9.9.9", true),
            ("127.0.0.0/8", true, "::ffff:128.0.0.1", false),
            ("127.0.0.0/8", true, "::1", false),
            ("127.0.0.1/128", true, "::ffff:127.0.0.1", true),
            ("0.0.0.0/0", true, "fd00::2", true),
            ("fd00::/8", true, "fd12::1", true),
            ("fd00::/8", true, "fe80::1", false),
            ("::1", true, "::1", true),
        ] {
            let cidr = Cidr::parse(filter.as_bytes(), ipv6).unwrap();
            assert_eq!(
                cidr.contains(peer.parse().unwrap()),
                expected,
                "{filter} {peer}"
            );
        }
    }
}
