//! Keys: X25519 pairs. 26/CURVEZMQ.
#![forbid(unsafe_code)]

use dryoc::classic::crypto_core::crypto_scalarmult_base;
use zeroize::Zeroizing;

use crate::errno::{Errno, Result};

/// Bytes of a key; its Z85 text has a quarter more.
pub const KEY_SIZE: usize = 32;

/// A public key.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Debug)]
pub struct PublicKey(pub [u8; KEY_SIZE]);

impl PublicKey {
    /// The key at the front of these bytes, and the rest.
    pub fn split(bytes: &[u8]) -> Option<(PublicKey, &[u8])> {
        let (key, rest) = bytes.split_first_chunk()?;
        Some((PublicKey(*key), rest))
    }
}

/// A secret key, wiped when dropped and never shown.
///
/// Any 32 bytes are one: they are clamped when used and kept as given, as NaCl does.
#[derive(Clone, Default)]
pub struct SecretKey(Zeroizing<[u8; KEY_SIZE]>);

impl SecretKey {
    /// A new key from the system's random generator.
    pub fn generate() -> Result<SecretKey> {
        let mut key = SecretKey(Zeroizing::new([0; KEY_SIZE]));
        getrandom::fill(&mut key.0[..])
            .map_err(|error| Errno(error.raw_os_error().unwrap_or(libc::EIO)))?;
        Ok(key)
    }

    /// The key in these bytes. EINVAL unless there are 32.
    pub fn from_slice(bytes: &[u8]) -> Result<SecretKey> {
        let mut key = SecretKey(Zeroizing::new([0; KEY_SIZE]));
        if bytes.len() != KEY_SIZE {
            return Err(Errno::EINVAL);
        }
        key.0.copy_from_slice(bytes);
        Ok(key)
    }

    /// The public key that belongs to this one.
    pub fn public(&self) -> PublicKey {
        let mut public = PublicKey([0; KEY_SIZE]);
        crypto_scalarmult_base(&mut public.0, &self.0);
        public
    }

    /// The bytes of the key, for the cipher and for printing it on demand.
    pub fn as_bytes(&self) -> &[u8; KEY_SIZE] {
        &self.0
    }
}

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect()
    }

    #[test]
    fn the_key_pair_of_rfc_7748_section_6_1() {
        let secret = bytes("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
        let public = bytes("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
        assert_eq!(
            SecretKey::from_slice(&secret).unwrap().public().0[..],
            public[..]
        );
    }

    #[test]
    fn a_secret_key_has_32_bytes() {
        for size in [0, 31, 33] {
            assert_eq!(
                SecretKey::from_slice(&vec![1; size]).map(drop),
                Err(Errno::EINVAL)
            );
        }
    }

    #[test]
    fn generated_keys_differ() {
        let [one, other] = [
            SecretKey::generate().unwrap(),
            SecretKey::generate().unwrap(),
        ];
        assert_ne!(one.as_bytes(), other.as_bytes());
        assert_ne!(one.public(), other.public());
    }

    #[test]
    fn a_secret_key_is_not_shown() {
        assert_eq!(
            format!("{:?}", SecretKey(Zeroizing::new([7; KEY_SIZE]))),
            "SecretKey(..)"
        );
    }
}
