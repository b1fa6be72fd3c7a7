//! Z85, the text form of keys (RFC 32): four bytes are five digits of base 85, most significant first.
#![forbid(unsafe_code)]

const DIGITS: [u8; 85] =
    *b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
const NO_DIGIT: u8 = u8::MAX;
const VALUES: [u8; 256] = values();

const fn values() -> [u8; 256] {
    let mut values = [NO_DIGIT; 256];
    let mut value = 0;
    while value < DIGITS.len() {
        values[DIGITS[value] as usize] = value as u8;
        value += 1;
    }
    values
}

/// The text for these bytes. `None` unless their number is a multiple of four.
pub fn encode(data: &[u8]) -> Option<String> {
    let (words, rest) = data.as_chunks::<4>();
    if !rest.is_empty() {
        return None;
    }
    let mut text = String::with_capacity(words.len() * 5);
    for word in words {
        text.extend(digits(u32::from_be_bytes(*word)).map(char::from));
    }
    Some(text)
}

/// The bytes of this text. `None` if it is empty, its length is no multiple of five, a character is not a digit, or
/// five digits stand for more than 32 bits.
pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let (groups, rest) = text.as_chunks::<5>();
    if groups.is_empty() || !rest.is_empty() {
        return None;
    }
    let mut data = Vec::with_capacity(groups.len() * 4);
    for group in groups {
        data.extend_from_slice(&word(group)?.to_be_bytes());
    }
    Some(data)
}

fn digits(mut word: u32) -> [u8; 5] {
    let mut digits = [0; 5];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(word % 85) as usize];
        word /= 85;
    }
    digits
}

fn word(group: &[u8; 5]) -> Option<u32> {
    group
        .iter()
        .try_fold(0u32, |word, &digit| match VALUES[usize::from(digit)] {
            NO_DIGIT => None,
            value => word.checked_mul(85)?.checked_add(u32::from(value)),
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_example_of_the_rfc() {
        let bytes = [0x86, 0x4F, 0xD2, 0x6F, 0xB5, 0x59, 0xF7, 0x5B];
        assert_eq!(encode(&bytes).as_deref(), Some("HelloWorld"));
        assert_eq!(decode(b"HelloWorld").as_deref(), Some(&bytes[..]));
    }

    #[test]
    fn the_ends_of_the_range() {
        assert_eq!(encode(&[0; 4]).as_deref(), Some("00000"));
        assert_eq!(encode(&[0xFF; 4]).as_deref(), Some("%nSc0"));
        assert_eq!(decode(b"%nSc0").as_deref(), Some(&[0xFF; 4][..]));
    }

    #[test]
    fn a_key_comes_back() {
        let key = "r^/rM9M=rMToK)63O8dCvd9D<PY<7iGlC+{BiSnG";
        assert_eq!(
            encode(&decode(key.as_bytes()).unwrap()).as_deref(),
            Some(key)
        );
    }

    #[test]
    fn odd_lengths_are_refused() {
        assert_eq!(encode(&[0; 1]), None);
        assert_eq!(encode(&[0; 42]), None);
        for text in ["", "0", "01234567"] {
            assert_eq!(decode(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_group_beyond_32_bits_is_refused() {
        assert_eq!(decode(b"%nSc1"), None);
        assert_eq!(decode(b"#####"), None);
    }

    #[test]
    fn a_character_outside_the_alphabet_is_refused() {
        for byte in (0..=u8::MAX).filter(|byte| !DIGITS.contains(byte)) {
            assert_eq!(decode(&[b'0', b'0', byte, b'0', b'0']), None, "{byte:#x}");
        }
    }

    proptest! {
        #[test]
        fn bytes_come_back(words in proptest::collection::vec(any::<[u8; 4]>(), 1..32)) {
            let bytes = words.concat();
            prop_assert_eq!(decode(encode(&bytes).unwrap().as_bytes()), Some(bytes));
        }

        #[test]
        fn any_text_is_decoded_exactly_or_refused(text in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Some(bytes) = decode(&text) {
                prop_assert_eq!(encode(&bytes).unwrap().into_bytes(), text);
            }
        }
    }
}
