//! Values on their way between a field and the application's memory.
#![forbid(unsafe_code)]

use super::check::{KEY_TEXT, fixed};
use super::network::Network;
use super::row::{Initial, Kind, Row};
use super::z85;
use crate::errno::{Errno, Result};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use zeroize::Zeroize;

/// What reading an option gives. The variants differ in how much memory they need.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Value {
    /// An `int`: exactly four bytes.
    Int(i32),
    /// An `int`: four bytes or more.
    Status(i32),
    /// An `int64_t`: exactly eight bytes.
    I64(i64),
    /// A `uint64_t`: exactly eight bytes.
    U64(u64),
    /// Bytes: room for all of them.
    Bytes(Vec<u8>),
    /// A C string: room for all of it and a NUL.
    Text(Vec<u8>),
    /// A CURVE key: 32 bytes, or 41 for its text.
    Key([u8; 32]),
}

impl Value {
    /// Writes the value into the application's memory, zeroes the rest, and says how long the value is.
    ///
    /// # Errors
    /// EINVAL if the memory has not the size that this type needs; nothing is written then.
    pub fn write_to(&self, buffer: &mut [u8]) -> Result<usize> {
        match self {
            Value::Int(value) => exact(buffer, &value.to_ne_bytes()),
            Value::Status(value) => padded(buffer, &value.to_ne_bytes(), &[]),
            Value::I64(value) => exact(buffer, &value.to_ne_bytes()),
            Value::U64(value) => exact(buffer, &value.to_ne_bytes()),
            Value::Bytes(value) => padded(buffer, value, &[]),
            Value::Text(value) => padded(buffer, value, &[0]),
            Value::Key(key) if buffer.len() == key.len() => exact(buffer, key),
            Value::Key(key) if buffer.len() == KEY_TEXT + 1 => padded(
                buffer,
                z85::encode(key).ok_or(Errno::EINVAL)?.as_bytes(),
                &[0],
            ),
            Value::Key(_) => Err(Errno::EINVAL),
        }
    }
}

fn exact(buffer: &mut [u8], value: &[u8]) -> Result<usize> {
    if buffer.len() != value.len() {
        return Err(Errno::EINVAL);
    }
    buffer.copy_from_slice(value);
    Ok(value.len())
}

fn padded(buffer: &mut [u8], value: &[u8], end: &[u8]) -> Result<usize> {
    let (head, tail) = buffer
        .split_at_mut_checked(value.len())
        .ok_or(Errno::EINVAL)?;
    if tail.len() < end.len() {
        return Err(Errno::EINVAL);
    }
    head.copy_from_slice(value);
    tail.fill(0);
    Ok(value.len() + end.len())
}

/// A field that a row of the table describes.
pub(super) trait Field {
    /// Its value in a new socket or context.
    fn initial(row: &Row) -> Self;
    /// Takes a value from the application, `None` being NULL.
    fn load(&mut self, row: &Row, value: Option<&[u8]>) -> Result<()>;
    /// Its value for the application.
    fn value(&self, row: &Row) -> Result<Value>;
}

fn number(row: &Row) -> i32 {
    match row.initial {
        Initial::Number(number) => number,
        Initial::Nothing | Initial::Empty | Initial::ZeroKey => 0,
    }
}

impl Field for i32 {
    fn initial(row: &Row) -> i32 {
        number(row)
    }

    fn load(&mut self, row: &Row, value: Option<&[u8]>) -> Result<()> {
        *self = row.check_int(value)?;
        Ok(())
    }

    fn value(&self, _: &Row) -> Result<Value> {
        Ok(Value::Int(*self))
    }
}

impl Field for bool {
    fn initial(row: &Row) -> bool {
        number(row) != 0
    }

    fn load(&mut self, row: &Row, value: Option<&[u8]>) -> Result<()> {
        *self = row.check_flag(value)?;
        Ok(())
    }

    fn value(&self, _: &Row) -> Result<Value> {
        Ok(Value::Int(i32::from(*self)))
    }
}

impl Field for i64 {
    fn initial(row: &Row) -> i64 {
        i64::from(number(row))
    }

    fn load(&mut self, _: &Row, value: Option<&[u8]>) -> Result<()> {
        *self = i64::from_ne_bytes(fixed(value)?);
        Ok(())
    }

    fn value(&self, _: &Row) -> Result<Value> {
        Ok(Value::I64(*self))
    }
}

impl Field for u64 {
    fn initial(row: &Row) -> u64 {
        u64::from(number(row).unsigned_abs())
    }

    fn load(&mut self, _: &Row, value: Option<&[u8]>) -> Result<()> {
        *self = u64::from_ne_bytes(fixed(value)?);
        Ok(())
    }

    fn value(&self, _: &Row) -> Result<Value> {
        Ok(Value::U64(*self))
    }
}

impl Field for Vec<u8> {
    fn initial(_: &Row) -> Vec<u8> {
        Vec::new()
    }

    fn load(&mut self, row: &Row, value: Option<&[u8]>) -> Result<()> {
        let new = row.check_bytes(value)?.to_vec();
        // It may have been a password.
        self.zeroize();
        *self = new;
        Ok(())
    }

    fn value(&self, row: &Row) -> Result<Value> {
        Ok(match row.kind {
            Kind::Text(..) => Value::Text(self.clone()),
            _ => Value::Bytes(self.clone()),
        })
    }
}

impl Field for [u8; 32] {
    fn initial(_: &Row) -> [u8; 32] {
        [0; 32]
    }

    fn load(&mut self, row: &Row, value: Option<&[u8]>) -> Result<()> {
        *self = row.check_key(value)?;
        Ok(())
    }

    fn value(&self, _: &Row) -> Result<Value> {
        Ok(Value::Key(*self))
    }
}

impl Field for BTreeSet<u32> {
    fn initial(_: &Row) -> BTreeSet<u32> {
        BTreeSet::new()
    }

    fn load(&mut self, _: &Row, value: Option<&[u8]>) -> Result<()> {
        if value.is_none() {
            self.clear();
        } else {
            self.insert(u32::from_ne_bytes(fixed(value)?));
        }
        Ok(())
    }

    fn value(&self, _: &Row) -> Result<Value> {
        Err(Errno::EINVAL)
    }
}

impl Field for Vec<Network> {
    fn initial(_: &Row) -> Vec<Network> {
        Vec::new()
    }

    fn load(&mut self, _: &Row, value: Option<&[u8]>) -> Result<()> {
        match value {
            None => self.clear(),
            Some(text) if text.len() > usize::from(u8::MAX) => return Err(Errno::EINVAL),
            // Callers count the NUL of a C string or do not.
            Some(text) => self.push(Network::parse(
                text.split(|&byte| byte == 0).next().unwrap_or_default(),
            )?),
        }
        Ok(())
    }

    fn value(&self, _: &Row) -> Result<Value> {
        Err(Errno::EINVAL)
    }
}

/// Properties are sent in the order of their names, and the first of a name stays.
impl Field for BTreeMap<Vec<u8>, Vec<u8>> {
    fn initial(_: &Row) -> BTreeMap<Vec<u8>, Vec<u8>> {
        BTreeMap::new()
    }

    fn load(&mut self, _: &Row, value: Option<&[u8]>) -> Result<()> {
        let text = value.ok_or(Errno::EINVAL)?;
        let colon = text
            .iter()
            .position(|&byte| byte == b':')
            .ok_or(Errno::EINVAL)?;
        let (name, value) = (&text[..colon], &text[colon + 1..]);
        if !name.starts_with(b"X-") || name.len() > usize::from(u8::MAX) || value.is_empty() {
            return Err(Errno::EINVAL);
        }
        if let Entry::Vacant(vacant) = self.entry(name.to_vec()) {
            vacant.insert(value.to_vec());
        }
        Ok(())
    }

    fn value(&self, _: &Row) -> Result<Value> {
        Err(Errno::EINVAL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: &Value, capacity: usize) -> Result<(usize, Vec<u8>)> {
        let mut buffer = vec![0xEE; capacity];
        let length = value.write_to(&mut buffer)?;
        Ok((length, buffer))
    }

    #[test]
    fn numbers_need_their_exact_size() {
        for (value, size) in [(Value::Int(1), 4), (Value::I64(1), 8), (Value::U64(1), 8)] {
            assert_eq!(written(&value, size).map(|(length, _)| length), Ok(size));
            assert_eq!(written(&value, size - 1), Err(Errno::EINVAL));
            assert_eq!(written(&value, size + 1), Err(Errno::EINVAL));
            assert_eq!(written(&value, 0), Err(Errno::EINVAL));
        }
    }

    #[test]
    fn a_status_may_have_more_room() {
        let (length, buffer) = written(&Value::Status(-2), 7).expect("room");
        assert_eq!(length, 4);
        assert_eq!(buffer[..4], (-2i32).to_ne_bytes());
        assert_eq!(buffer[4..], [0, 0, 0]);
        assert_eq!(written(&Value::Status(1), 3), Err(Errno::EINVAL));
    }

    #[test]
    fn text_ends_with_nul_and_bytes_do_not() {
        let text = Value::Text(b"abc".to_vec());
        assert_eq!(written(&text, 3), Err(Errno::EINVAL));
        assert_eq!(written(&text, 4), Ok((4, b"abc\0".to_vec())));
        assert_eq!(written(&text, 6), Ok((4, b"abc\0\0\0".to_vec())));
        assert_eq!(written(&Value::Text(Vec::new()), 1), Ok((1, vec![0])));
        assert_eq!(written(&Value::Text(Vec::new()), 0), Err(Errno::EINVAL));
        let bytes = Value::Bytes(b"abc".to_vec());
        assert_eq!(written(&bytes, 2), Err(Errno::EINVAL));
        assert_eq!(written(&bytes, 3), Ok((3, b"abc".to_vec())));
        assert_eq!(written(&bytes, 5), Ok((3, b"abc\0\0".to_vec())));
        assert_eq!(written(&Value::Bytes(Vec::new()), 0), Ok((0, Vec::new())));
    }

    #[test]
    fn a_key_is_read_as_bytes_or_text() {
        let key = Value::Key([0; 32]);
        assert_eq!(written(&key, 32), Ok((32, vec![0; 32])));
        let mut text = vec![b'0'; 41];
        text[40] = 0;
        assert_eq!(written(&key, 41), Ok((41, text)));
        for capacity in [0, 31, 33, 40, 42] {
            assert_eq!(written(&key, capacity), Err(Errno::EINVAL));
        }
    }
}
