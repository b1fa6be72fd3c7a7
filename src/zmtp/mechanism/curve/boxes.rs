//! NaCl boxes, sealed and opened where they lie: X25519, XSalsa20 and Poly1305. The ciphers themselves are the crates'
//! `dryoc` and, for the shortest of many boxes with one prefix, `salsa20`.
#![forbid(unsafe_code)]

use dryoc::classic::crypto_box::{
    crypto_box_beforenm, crypto_box_detached_afternm_inplace,
    crypto_box_open_detached_afternm_inplace,
};
use dryoc::classic::crypto_core::crypto_core_hsalsa20;
use dryoc::classic::crypto_onetimeauth::{crypto_onetimeauth, crypto_onetimeauth_verify};
use salsa20::Salsa20;
use salsa20::cipher::{KeyIvInit, StreamCipher};
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

#[cfg(test)]
impl BoxKey {
    pub fn from_bytes(bytes: [u8; KEY_SIZE]) -> BoxKey {
        BoxKey(Zeroizing::new(bytes))
    }

    pub fn as_bytes(&self) -> &[u8; KEY_SIZE] {
        &self.0
    }
}

impl std::fmt::Debug for BoxKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BoxKey(..)")
    }
}

/// A key for many boxes whose nonces begin with the same sixteen bytes: what depends on these alone is done once.
pub struct StreamKey {
    key: BoxKey,
    prefix: &'static [u8; 24 - SHORT],
    /// The Salsa20 key that XSalsa20 makes of the key and the prefix.
    derived: Zeroizing<[u8; KEY_SIZE]>,
    /// The front of the last box's key stream. As secret as the keys beside it, and wiped with them.
    stream: Zeroizing<[[u8; MAC_KEY]; HALVES]>,
}

/// Bytes at the front of the key stream that the tag is made with: half a block of Salsa20.
const MAC_KEY: usize = 32;
/// Up to so many half blocks a box is sealed, and up to so many it is opened, faster block by block with the derived key
/// than by `dryoc`, which is fast where there are many.
const SEAL_HALVES: usize = 4;
const OPEN_HALVES: usize = 6;
const HALVES: usize = OPEN_HALVES;

impl StreamKey {
    /// For nonces of `prefix` and a counter.
    pub fn new(key: BoxKey, prefix: &'static [u8; 24 - SHORT]) -> StreamKey {
        let mut derived = Zeroizing::new([0; KEY_SIZE]);
        crypto_core_hsalsa20(&mut derived, prefix, &key.0, None);
        StreamKey {
            key,
            prefix,
            derived,
            stream: Zeroizing::new([[0; MAC_KEY]; HALVES]),
        }
    }

    /// The same key.
    pub fn again(&self) -> StreamKey {
        StreamKey::new(self.key.clone(), self.prefix)
    }

    /// As [`BoxKey::seal`], under the nonce of `counter`.
    #[inline]
    pub fn seal(&mut self, counter: u64, boxed: &mut [u8]) {
        if boxed.len() > MAC + (SEAL_HALVES - 1) * MAC_KEY {
            return self.key.seal(&short_nonce(self.prefix, counter), boxed);
        }
        if let Some((tag, data)) = boxed.split_first_chunk_mut::<MAC>() {
            let (mac_key, stream) = self.stream(counter, data.len());
            apply(stream, data);
            crypto_onetimeauth(tag, data, mac_key);
        }
    }

    /// As [`BoxKey::open`], under the nonce of `counter`.
    #[inline]
    pub fn open<'a>(&mut self, counter: u64, boxed: &'a mut [u8]) -> Result<&'a mut [u8], Failure> {
        if boxed.len() > MAC + (OPEN_HALVES - 1) * MAC_KEY {
            return self.key.open(&short_nonce(self.prefix, counter), boxed);
        }
        let (tag, data) = boxed.split_first_chunk_mut::<MAC>().ok_or(CRYPTOGRAPHIC)?;
        let (mac_key, stream) = self.stream(counter, data.len());
        crypto_onetimeauth_verify(tag, data, mac_key).map_err(|_| CRYPTOGRAPHIC)?;
        apply(stream, data);
        Ok(data)
    }

    /// What the tag of a box is made with, and the key stream of the `len` bytes in it.
    #[inline]
    fn stream(&mut self, counter: u64, len: usize) -> (&[u8; MAC_KEY], &[u8]) {
        let used = (MAC_KEY + len).next_multiple_of(2 * MAC_KEY);
        let all = self.stream.as_flattened_mut();
        let stream = all.get_mut(..used).unwrap_or_default();
        stream.fill(0);
        Salsa20::new((&*self.derived).into(), (&counter.to_be_bytes()).into())
            .apply_keystream(stream);
        let [mac_key, rest @ ..] = &*self.stream;
        (mac_key, rest.as_flattened())
    }
}

/// Seals and opens: it is its own reverse.
#[inline]
fn apply(stream: &[u8], data: &mut [u8]) {
    for (byte, key) in data.iter_mut().zip(stream) {
        *byte ^= key;
    }
}

impl std::fmt::Debug for StreamKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StreamKey(..)")
    }
}
