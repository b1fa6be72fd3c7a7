//! Whether the bytes that the application passed are a value of an option.
#![forbid(unsafe_code)]

use super::row::{Empty, Kind, Row};
use super::z85;
use crate::errno::{Errno, Result};

/// A CURVE key as Z85 text, without NUL.
pub(super) const KEY_TEXT: usize = 40;

/// Every check takes the bytes behind the application's pointer, or `None` for NULL, and fails with EINVAL.
impl Row {
    /// An `int` in the range of this option.
    pub fn check_int(&self, value: Option<&[u8]>) -> Result<i32> {
        let value = i32::from_ne_bytes(fixed(value)?);
        let (least, most) = match self.kind {
            Kind::Int(least, most) => (least, most),
            Kind::Flag => (i32::MIN, i32::MAX),
            _ => return Err(Errno::EINVAL),
        };
        if (least..=most).contains(&value) {
            Ok(value)
        } else {
            Err(Errno::EINVAL)
        }
    }

    /// The same, as a yes or no.
    pub fn check_flag(&self, value: Option<&[u8]>) -> Result<bool> {
        Ok(self.check_int(value)? != 0)
    }

    /// As many bytes as this option takes; none where it is to be cleared.
    pub fn check_bytes<'a>(&self, value: Option<&'a [u8]>) -> Result<&'a [u8]> {
        let (Kind::Bytes(least, most, empty) | Kind::Text(least, most, empty)) = self.kind else {
            return Err(Errno::EINVAL);
        };
        match (value.unwrap_or_default(), empty) {
            ([], Empty::Clears | Empty::Allowed) => Ok(&[]),
            ([], Empty::NullClears) if value.is_none() => Ok(&[]),
            ([], _) => Err(Errno::EINVAL),
            (bytes, _) if (least..=most).contains(&bytes.len()) => Ok(bytes),
            _ => Err(Errno::EINVAL),
        }
    }

    /// A key, from its bytes or its text.
    pub fn check_key(&self, value: Option<&[u8]>) -> Result<[u8; 32]> {
        let value = value.ok_or(Errno::EINVAL)?;
        let text = match value {
            key if key.len() == 32 => return fixed(Some(key)),
            [text @ .., 0] if text.len() == KEY_TEXT => text,
            text if text.len() == KEY_TEXT => text,
            _ => return Err(Errno::EINVAL),
        };
        fixed(z85::decode(text).as_deref())
    }
}

/// Bytes of exactly this number.
pub(super) fn fixed<const N: usize>(value: Option<&[u8]>) -> Result<[u8; N]> {
    value
        .and_then(|value| value.try_into().ok())
        .ok_or(Errno::EINVAL)
}

#[cfg(test)]
mod tests {
    use super::super::table::{self, row};
    use super::*;

    #[test]
    fn patterns_check_their_options_by_the_table() {
        let mandatory = row(table::ROUTER_MANDATORY).expect("an option");
        assert_eq!(mandatory.check_int(Some(&7i32.to_ne_bytes())), Ok(7));
        assert_eq!(mandatory.check_flag(Some(&7i32.to_ne_bytes())), Ok(true));
        assert_eq!(
            mandatory.check_int(Some(&(-1i32).to_ne_bytes())),
            Err(Errno::EINVAL)
        );
        assert_eq!(mandatory.check_int(Some(&[1])), Err(Errno::EINVAL));
        assert_eq!(mandatory.check_int(None), Err(Errno::EINVAL));
        let verbose = row(table::XSUB_VERBOSE_UNSUBSCRIBE).expect("an option");
        assert_eq!(verbose.check_int(None), Err(Errno::EINVAL));
        assert_eq!(verbose.check_int(Some(&[1, 0])), Err(Errno::EINVAL));

        let subscribe = row(table::SUBSCRIBE).expect("an option");
        assert_eq!(subscribe.check_bytes(None), Ok(&[][..]));
        assert_eq!(subscribe.check_bytes(Some(b"")), Ok(&[][..]));
        assert_eq!(subscribe.check_bytes(Some(b"topic")), Ok(&b"topic"[..]));
        let connect = row(table::CONNECT_ROUTING_ID).expect("an option");
        assert_eq!(connect.check_bytes(None), Err(Errno::EINVAL));
        assert_eq!(connect.check_bytes(Some(b"")), Err(Errno::EINVAL));
        assert_eq!(connect.check_bytes(Some(&[7; 300])), Ok(&[7; 300][..]));
    }

    #[test]
    fn a_key_comes_as_bytes_or_text() {
        let row = row(table::CURVE_PUBLICKEY).expect("an option");
        let key = [0x86; 32];
        let mut text = z85::encode(&key).expect("a multiple of four").into_bytes();
        assert_eq!(row.check_key(Some(&key)), Ok(key));
        assert_eq!(row.check_key(Some(&text)), Ok(key));
        text.push(0);
        assert_eq!(row.check_key(Some(&text)), Ok(key));
        text[40] = b'0';
        assert_eq!(row.check_key(Some(&text)), Err(Errno::EINVAL));
        assert_eq!(row.check_key(Some(&[b'#'; 40])), Err(Errno::EINVAL));
        assert_eq!(row.check_key(Some(&[0; 31])), Err(Errno::EINVAL));
        assert_eq!(row.check_key(None), Err(Errno::EINVAL));
    }
}
