//! Address literals and numbers as the C library reads them.
//!
//! Programs write `127.1` or `0x7f.1` and ports like `5555/`, because the reference hands them to `inet_aton` and `atoi`.
#![forbid(unsafe_code)]

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Reads an IP literal. With `ipv6` an IPv4 literal becomes v4-mapped; without it an IPv6 literal is none.
pub fn ip(text: &[u8], ipv6: bool) -> Option<IpAddr> {
    let v4 = ipv4(text);
    if !ipv6 {
        return v4.map(IpAddr::V4);
    }
    v4.map(|v4| v4.to_ipv6_mapped())
        .or_else(|| std::str::from_utf8(text).ok()?.parse::<Ipv6Addr>().ok())
        .map(IpAddr::V6)
}

/// `inet_aton`: one to four parts, each decimal, octal (`0…`) or hexadecimal (`0x…`); the last part fills what is left.
pub fn ipv4(text: &[u8]) -> Option<Ipv4Addr> {
    let mut parts = text.split(|&byte| byte == b'.');
    let mut address: u32 = 0;
    for used in 0..4_u32 {
        let part = number(parts.next()?)?;
        let room = 32_u32.checked_sub(used.checked_mul(8)?)?;
        if parts.clone().next().is_none() {
            let fits = u64::from(part) < 1_u64 << room;
            return fits.then(|| Ipv4Addr::from(address | part));
        }
        if part > 0xff {
            return None;
        }
        address |= part << (room - 8);
    }
    None
}

fn number(text: &[u8]) -> Option<u32> {
    // `from_str_radix` takes a leading `+`, `inet_aton` does not.
    let digits = |text: &[u8], radix| {
        let text = std::str::from_utf8(text).ok()?;
        text.chars()
            .all(|c| c.is_digit(radix))
            .then(|| u32::from_str_radix(text, radix).ok())?
    };
    match text {
        [b'0', b'x' | b'X', hexadecimal @ ..] => digits(hexadecimal, 16),
        [b'0', octal @ ..] if !octal.is_empty() => digits(octal, 8),
        decimal => digits(decimal, 10),
    }
}

/// `atoi` on a 64-bit system: blanks, a sign, digits, and whatever follows is ignored; saturates as `strtol`, then wraps.
pub fn atoi(text: &[u8]) -> i32 {
    strtol(text) as i32
}

/// `strtol` to base ten, saturating.
pub fn strtol(text: &[u8]) -> i64 {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    let start = text
        .iter()
        .position(|byte| !blank(byte))
        .unwrap_or(text.len());
    let text = text.get(start..).unwrap_or_default();
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    digits
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .fold(0_i64, |sum, byte| {
            let digit = i64::from(byte - b'0');
            let sum = sum.saturating_mul(10);
            if negative {
                sum.saturating_sub(digit)
            } else {
                sum.saturating_add(digit)
            }
        })
}

/// An IP address as `getnameinfo` prints it: like Rust, but for v4-compatible addresses, which end in dotted decimals.
pub struct Rendered(pub IpAddr);

impl fmt::Display for Rendered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let IpAddr::V6(v6) = self.0 {
            let [.., high, low] = v6.segments();
            let compatible = v6.to_bits() >> 32 == 0 && high != 0;
            if compatible {
                let v4 = Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
                return write!(f, "::{v4}");
            }
        }
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_as_the_c_library_reads_them() {
        for (text, expected) in [
            ("1.2.128.129", Some("1.2.128.129")),
            ("0.0.0.0", Some("0.0.0.0")),
            ("255.255.255.255", Some("255.255.255.255")),
            ("127.1", Some("127.0.0.1")),
            ("127.0.1", Some("127.0.0.1")),
            ("1.65535", Some("1.0.255.255")),
            ("0x7f.1", Some("127.0.0.1")),
            ("010.0.0.1", Some("8.0.0.1")),
            ("1", Some("0.0.0.1")),
            ("4294967295", Some("255.255.255.255")),
            ("4294967296", None),
            ("1.16777216", None),
            ("256.0.0.1", None),
            ("1.2.3.256", None),
            ("1.2.3.4.5", None),
            ("1.2.3.", None),
            (".1", None),
            ("", None),
            ("0x", None),
            ("08", None),
            ("+1", None),
            ("1.2.128.129 ", None),
            ("1.2.128.129:123", None),
            ("::1", None),
            ("localhost", None),
        ] {
            let expected = expected.map(|text| text.parse().unwrap());
            assert_eq!(ip(text.as_bytes(), false), expected, "{text}");
        }
    }

    #[test]
    fn ipv6_literals() {
        for (text, expected) in [
            ("::1", Some("::1")),
            ("abcd:1234::1:0:234", Some("abcd:1234::1:0:234")),
            ("::", Some("::")),
            (
                "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
                Some("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            ),
            ("11.22.33.44", Some("::ffff:11.22.33.44")),
            ("::1]", None),
            ("[::1", None),
            ("[abcd:1234::1:]0:234", None),
            ("localhost", None),
        ] {
            let expected = expected.map(|text| text.parse().unwrap());
            assert_eq!(ip(text.as_bytes(), true), expected, "{text}");
        }
    }

    #[test]
    fn numbers_as_atoi_reads_them() {
        for (text, expected) in [
            ("5xyz", 5),
            ("70000", 70000),
            ("-5", -5),
            (" \t+12", 12),
            ("abc", 0),
            ("", 0),
            ("99999999999999999999", -1),
            ("-99999999999999999999", 0),
        ] {
            assert_eq!(atoi(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn rendering_follows_the_c_library() {
        for (address, text) in [
            ("::ffff:127.0.0.1", "::ffff:127.0.0.1"),
            ("::1.2.3.4", "::1.2.3.4"),
            ("::1", "::1"),
            ("::", "::"),
            ("1:0:2:0:0:3:0:4", "1:0:2::3:0:4"),
            ("10.0.0.1", "10.0.0.1"),
        ] {
            assert_eq!(Rendered(address.parse().unwrap()).to_string(), text);
        }
    }
}
