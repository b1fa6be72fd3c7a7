//! A hash of byte strings, seeded per table so that no peer can aim at a bucket, that goes on from one prefix of a string to the
//! next longer one without starting again.
#![forbid(unsafe_code)]

use std::hash::{BuildHasher, Hasher, RandomState};

const WORD: usize = 8;
const STIR: u64 = 0x9e37_79b9_7f4a_7c15;

/// Multiplies to twice the width and folds the halves together.
#[inline(always)]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ ((product >> 64) as u64)
}

/// What makes one table's hashes differ from another's.
#[derive(Clone, Copy, Debug)]
pub struct Seed {
    start: u64,
    factor: u64,
}

/// How far a string was hashed: whole words only, so that a prefix has one hash however it was come by.
#[derive(Clone, Copy, Debug)]
pub struct Walk {
    state: u64,
    done: usize,
}

/// A number nobody can foresee.
pub fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

impl Default for Seed {
    fn default() -> Seed {
        Seed {
            start: random(),
            factor: random() | 1,
        }
    }
}

impl Seed {
    /// Starts at the front of a string.
    #[inline(always)]
    pub fn walk(&self) -> Walk {
        Walk {
            state: self.start,
            done: 0,
        }
    }

    /// The hash of the first `len` bytes of `key`. `walk` must have started on the same bytes and not gone beyond `len`.
    #[inline(always)]
    pub fn hash_to(&self, walk: &mut Walk, key: &[u8], len: usize) -> u64 {
        let prefix = key.get(..len).unwrap_or(key);
        let mut rest = prefix.get(walk.done..).unwrap_or_default();
        while let Some((word, behind)) = rest.split_first_chunk::<WORD>() {
            walk.state = fold(walk.state ^ u64::from_le_bytes(*word), self.factor);
            walk.done += WORD;
            rest = behind;
        }
        let mut tail = 0;
        for &byte in rest.iter().rev() {
            tail = tail << 8 | u64::from(byte);
        }
        fold(
            walk.state ^ tail,
            self.factor.rotate_left(32) ^ (prefix.len() as u64).wrapping_mul(STIR),
        )
    }

    /// The hash of a whole string.
    pub fn hash(&self, key: &[u8]) -> u64 {
        self.hash_to(&mut self.walk(), key, key.len())
    }
}

impl BuildHasher for Seed {
    type Hasher = Hashing;

    fn build_hasher(&self) -> Hashing {
        Hashing {
            seed: *self,
            state: 0,
        }
    }
}

/// A [`Seed`] at work for the standard library's maps.
#[derive(Debug)]
pub struct Hashing {
    seed: Seed,
    state: u64,
}

impl Hasher for Hashing {
    fn write(&mut self, bytes: &[u8]) {
        self.state = fold(self.state ^ self.seed.hash(bytes), STIR);
    }

    fn write_usize(&mut self, number: usize) {
        self.state ^= number as u64;
    }

    fn finish(&self) -> u64 {
        self.state
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_hashes_as_the_string_it_is() {
        let seed = Seed::default();
        let key: Vec<u8> = (0..100).collect();
        let mut walk = seed.walk();
        for len in [0, 1, 7, 8, 9, 15, 16, 17, 40, 63, 64, 100] {
            assert_eq!(
                seed.hash_to(&mut walk, &key, len),
                seed.hash(&key[..len]),
                "{len}"
            );
        }
    }
}
