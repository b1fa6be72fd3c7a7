//! Networks in CIDR form, by which TCP listeners choose whom to accept.
#![forbid(unsafe_code)]

use crate::errno::{Errno, Result};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address and how many of its leading bits count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Network {
    address: IpAddr,
    bits: u32,
}

impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

impl Network {
    /// Reads `address` or `address/bits`. A name is not an address, and nothing may stand before or behind.
    ///
    /// # Errors
    /// EINVAL for anything else.
    pub fn parse(text: &[u8]) -> Result<Network> {
        let text = std::str::from_utf8(text).map_err(|_| Errno::EINVAL)?;
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let inner = address
            .strip_prefix('[')
            .and_then(|address| address.strip_suffix(']'));
        let address: IpAddr = inner
            .unwrap_or(address)
            .parse()
            .map_err(|_| Errno::EINVAL)?;
        let width = if address.is_ipv4() {
            Ipv4Addr::BITS
        } else {
            Ipv6Addr::BITS
        };
        let bits = match bits {
            None => width,
            Some(digits) if digits.bytes().all(|digit| digit.is_ascii_digit()) => digits
                .parse()
                .ok()
                .filter(|&bits| bits <= width)
                .ok_or(Errno::EINVAL)?,
            Some(_) => return Err(Errno::EINVAL),
        };
        Ok(Network { address, bits })
    }

    /// Whether it is one of IPv6.
    pub fn is_ipv6(&self) -> bool {
        self.address.is_ipv6()
    }

    /// Whether this address lies in the network. An IPv4 address may come in its IPv6 form.
    pub fn matches(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => {
                (ours.to_bits() ^ theirs.to_bits()).leading_zeros() >= self.bits
            }
            (IpAddr::V6(ours), _) => {
                let theirs = match address {
                    IpAddr::V4(address) => address.to_ipv6_mapped(),
                    IpAddr::V6(address) => address,
                };
                (ours.to_bits() ^ theirs.to_bits()).leading_zeros() >= self.bits
            }
            (IpAddr::V4(_), IpAddr::V6(_)) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(network: &str, address: &str) -> bool {
        let network = Network::parse(network.as_bytes()).expect("a network");
        network.matches(address.parse().expect("an address"))
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in [
            "foo",
            "0.0.0.0foo",
            "0.0.0.0/foo",
            "0.0.0.0/",
            "0.0.0.0/-1",
            "0.0.0.0/33",
            "0.0.0.0/+1",
            "",
            "/8",
        ] {
            assert_eq!(
                Network::parse(text.as_bytes()),
                Err(Errno::EINVAL),
                "{text}"
            );
        }
        for text in [
            "::/129",
            "0.0.0.0/99999999999",
            "1.2.3.4/8/8",
            "[::1/128",
            "\u{661}.0.0.0",
        ] {
            assert_eq!(
                Network::parse(text.as_bytes()),
                Err(Errno::EINVAL),
                "{text}"
            );
        }
        assert_eq!(Network::parse(&[0xff, 0xfe]), Err(Errno::EINVAL));
    }

    #[test]
    fn leading_bits_decide() {
        assert!(matches("127.0.0.1", "127.0.0.1"));
        assert!(matches("127.0.0.1/32", "127.0.0.1"));
        assert!(!matches("127.0.0.255/32", "127.0.0.1"));
        assert!(matches("0.0.0.0/0", "203.0.113.9"));
        assert!(matches("10.1.2.3/9", "10.127.0.1"));
        assert!(!matches("10.1.2.3/9", "10.128.0.1"));
        assert!(matches("2001:db8::/33", "2001:db8:7fff::1"));
        assert!(!matches("2001:db8::/33", "2001:db8:8000::1"));
        assert!(matches("[::1]/128", "::1"));
    }

    #[test]
    fn an_ipv4_peer_of_an_ipv6_listener_matches_too() {
        assert!(matches("127.0.0.1/32", "::ffff:127.0.0.1"));
        assert!(!matches("127.0.0.1/32", "::127.0.0.1"));
        assert!(!matches("127.0.0.1/32", "::ffff:127.0.0.2"));
        assert!(matches("::ffff:127.0.0.1/128", "127.0.0.1"));
        assert!(matches("::/0", "127.0.0.1"));
        assert!(!matches("0.0.0.0/0", "2001:db8::1"));
    }
}
