//! NaCl boxes, sealed and opened where they lie: X25519, XSalsa20 and Poly1305. The cipher itself is the crate `dryoc`'s.
#![forbid(unsafe_code)]

use dryoc::classic::crypto_box::{
    crypto_box_beforenm, crypto_box_detached_afternm_inplace,
    crypto_box_open_detached_afternm_inplace,
};
use zeroize::Zeroizing;

use super::key::{KEY_SIZE, PublicKey, SecretKey};
use crate::zmtp::failure::{Failure, code};

/// Bytes that a box is longer than what is in it; they come first.
pub const MAC: usize = 16;
/// Bytes of a long nonce that go over the wire.
pub const LONG: usize = 16;
/// Bytes of a short nonce, a counter, that go over the wire.
pub const SHORT: usize = 8;

const CRYPTOGRAPHIC: Failure = Failure::Protocol(code::ZMTP_CRYPTOGRAPHIC);

/// What makes each box of a key another one.
pub type Nonce = [u8; 24];

/// A nonce of eight known and sixteen random bytes.
pub fn long_nonce(prefix: &[u8; 24 - LONG], random: &[u8; LONG]) -> Nonce {
    let mut nonce = [0; 24];
    let (head, tail) = nonce.split_at_mut(24 - LONG);
    head.copy_from_slice(prefix);
    tail.copy_from_slice(random);
    nonce
}

/// A nonce of sixteen known bytes and a counter.
pub fn short_nonce(prefix: &[u8; 24 - SHORT], counter: u64) -> Nonce {
    let mut nonce = [0; 24];
    let (head, tail) = nonce.split_at_mut(24 - SHORT);
    head.copy_from_slice(prefix);
    tail.copy_from_slice(&counter.to_be_bytes());
    nonce
}

/// Bytes that nobody can guess. A machine that has none left is out of resources.
pub fn random<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| Failure::OutOfMemory)?;
    Ok(bytes)
}

/// What two sides seal with; wiped when dropped and never shown.
#[derive(Clone)]
pub struct BoxKey(Zeroizing<[u8; KEY_SIZE]>);

impl BoxKey {
    /// The key that we share with the owner of `theirs`.
    ///
    /// # Errors
    /// A public key that is none: the secret would be known to everybody.
    pub fn agree(theirs: &PublicKey, ours: &SecretKey) -> Result<BoxKey, Failure> {
        match crypto_box_beforenm(&theirs.0, ours.as_bytes()) {
            Ok(key) => Ok(BoxKey(Zeroizing::new(key))),
            Err(_) => Err(CRYPTOGRAPHIC),
        }
    }

    /// A key that nobody else has.
    pub fn generate() -> Result<BoxKey, Failure> {
        Ok(BoxKey(Zeroizing::new(random()?)))
    }

    /// Seals what lies behind the first [`MAC`] bytes, which are for the tag.
    #[inline]
    pub fn seal(&self, nonce: &Nonce, boxed: &mut [u8]) {
        if let Some((tag, data)) = boxed.split_first_chunk_mut::<MAC>() {
            crypto_box_detached_afternm_inplace(data, tag, nonce, &self.0);
        }
    }

    /// Opens a box and gives what is in it.
    ///
    /// # Errors
    /// It was not sealed with this key and nonce, or was changed since.
    #[inline]
    pub fn open<'a>(&self, nonce: &Nonce, boxed: &'a mut [u8]) -> Result<&'a mut [u8], Failure> {
        let (tag, data) = boxed.split_first_chunk_mut::<MAC>().ok_or(CRYPTOGRAPHIC)?;
        crypto_box_open_detached_afternm_inplace(data, tag, nonce, &self.0)
            .map_err(|_| CRYPTOGRAPHIC)?;
        Ok(data)
    }
}

impl std::fmt::Debug for BoxKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BoxKey(..)")
    }
}
