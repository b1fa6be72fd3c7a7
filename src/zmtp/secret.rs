//! Bytes that nobody but the mechanism may see.
#![forbid(unsafe_code)]

use zeroize::Zeroizing;

/// Wiped when dropped, and never shown.
///
/// There is no comparison on purpose: one that stops at the first difference tells how much was right. Who the peer is, is
/// the ZAP handler's to decide.
#[derive(Clone, Default)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// The bytes, for the wire and for the ZAP handler.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl From<&[u8]> for Secret {
    fn from(bytes: &[u8]) -> Secret {
        Secret(Zeroizing::new(bytes.to_vec()))
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown() {
        let secret = Secret::from(&b"swordfish"[..]);
        assert_eq!(format!("{secret:?}"), "Secret(..)");
        assert_eq!(secret.expose(), b"swordfish");
    }
}
