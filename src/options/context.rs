//! The options of a context.
#![forbid(unsafe_code)]

use super::row::Row;
use super::table::{self, context};
use super::value::{Field, Value};
use crate::errno::{Errno, Result};
use std::collections::BTreeSet;

macro_rules! fields {
    ($(
        #[doc = $doc:literal]
        $number:literal $name:ident [$($alias:ident)*] $owner:ident $access:ident $stage:ident $need:ident,
        $kind:expr, $initial:expr, [$($type:ident),*] $(=> $field:ident: $ty:ty)?;
    )*) => {
        /// The settings of one context.
        #[derive(Clone, Debug)]
        pub struct ContextOptions {
            /// The CPUs that background threads started later may run on; empty for all.
            pub cpus: BTreeSet<u32>,
            $($(
                #[doc = $doc]
                pub $field: $ty,
            )?)*
        }

        impl Default for ContextOptions {
            fn default() -> ContextOptions {
                ContextOptions {
                    cpus: BTreeSet::new(),
                    $($($field: Field::initial(named(stringify!($name))),)?)*
                }
            }
        }

        impl ContextOptions {
            fn load(&mut self, row: &Row, value: Option<&[u8]>) -> Result<()> {
                match row.name {
                    $($(stringify!($name) => self.$field.load(row, value),)?)*
                    _ => Err(Errno::EINVAL),
                }
            }

            fn value(&self, row: &Row) -> Result<Value> {
                match row.name {
                    $($(stringify!($name) => self.$field.value(row),)?)*
                    _ => i32::initial(row).value(row),
                }
            }
        }
    };
}
table::context_options!(fields);

fn named(name: &str) -> &'static Row {
    let found = context::ROWS.iter().find(|row| row.name == name);
    found.expect("the table has a row for each of its own names")
}

impl ContextOptions {
    /// Sets an option from an `int`.
    ///
    /// # Errors
    /// EINVAL if the option is unknown or read-only, the value is out of range, or a CPU to remove is not in the set.
    pub fn set(&mut self, option: i32, value: i32) -> Result<()> {
        self.set_ext(option, Some(&value.to_ne_bytes()))
    }

    /// Sets an option from the bytes behind the application's pointer, `None` being NULL. Four bytes are an `int` even
    /// for a name, as they always were.
    ///
    /// # Errors
    /// As [`set`](Self::set), and EINVAL for a wrong size.
    pub fn set_ext(&mut self, option: i32, value: Option<&[u8]>) -> Result<()> {
        let row = find(option, |row| row.access.sets())?;
        match option {
            context::THREAD_AFFINITY_CPU_ADD => {
                self.cpus.insert(row.check_int(value)?.unsigned_abs());
                Ok(())
            }
            context::THREAD_AFFINITY_CPU_REMOVE => {
                let present = self.cpus.remove(&row.check_int(value)?.unsigned_abs());
                if present { Ok(()) } else { Err(Errno::EINVAL) }
            }
            context::THREAD_NAME_PREFIX => match value.unwrap_or_default().try_into() {
                Ok(number) => {
                    self.load(row, Some(i32::from_ne_bytes(number).to_string().as_bytes()))
                }
                Err(_) => self.load(row, value),
            },
            _ => self.load(row, value),
        }
    }

    /// Reads an option as an `int`.
    ///
    /// # Errors
    /// EINVAL if the option is unknown or write-only.
    pub fn get(&self, option: i32) -> Result<i32> {
        if option == context::THREAD_NAME_PREFIX {
            return Ok(leading_number(&self.thread_name_prefix));
        }
        match self.value(find(option, |row| row.access.gets())?)? {
            Value::Int(value) => Ok(value),
            _ => Err(Errno::EINVAL),
        }
    }

    /// Reads an option into the application's memory. The length that the application passed stays as it is, so the
    /// name is followed by whatever was there.
    ///
    /// # Errors
    /// As [`get`](Self::get), and EINVAL for a wrong size.
    pub fn get_ext(&self, option: i32, buffer: &mut [u8]) -> Result<()> {
        if let Ok(number) = <&mut [u8; 4]>::try_from(&mut *buffer) {
            *number = self.get(option)?.to_ne_bytes();
            return Ok(());
        }
        if option != context::THREAD_NAME_PREFIX {
            return Err(Errno::EINVAL);
        }
        let name = &self.thread_name_prefix;
        buffer
            .get_mut(..name.len())
            .ok_or(Errno::EINVAL)?
            .copy_from_slice(name);
        Ok(())
    }
}

/// Number 3 has a row for each way, so the number alone does not say which is meant.
fn find(option: i32, goes: impl Fn(&Row) -> bool) -> Result<&'static Row> {
    context::ROWS
        .iter()
        .find(|row| row.number == option && goes(row))
        .ok_or(Errno::EINVAL)
}

/// The number a text begins with, as C's `atoi` reads it; 0 if there is none or it does not fit.
fn leading_number(text: &[u8]) -> i32 {
    let text = text.trim_ascii_start();
    let digits = text
        .iter()
        .skip(usize::from(matches!(text.first(), Some(b'-' | b'+'))));
    let length = digits
        .clone()
        .take_while(|digit| digit.is_ascii_digit())
        .count()
        + text.len()
        - digits.len();
    std::str::from_utf8(&text[..length])
        .ok()
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults() {
        let options = ContextOptions::default();
        let defaults = [
            (context::IO_THREADS, 1),
            (context::MAX_SOCKETS, 1023),
            (context::SOCKET_LIMIT, 65535),
            (context::THREAD_SCHED_POLICY, -1),
            (context::MAX_MSGSZ, i32::MAX),
            (context::MSG_T_SIZE, 64),
            (context::THREAD_NAME_PREFIX, 0),
            (context::ZERO_COPY_RECV, 1),
            (context::IPV6, 0),
            (context::BLOCKY, 1),
        ];
        for (option, value) in defaults {
            assert_eq!(options.get(option), Ok(value), "{option}");
        }
        for option in [
            context::THREAD_AFFINITY_CPU_ADD,
            context::THREAD_AFFINITY_CPU_REMOVE,
            0,
            11,
            41,
            69,
            71,
            -1,
        ] {
            assert_eq!(options.get(option), Err(Errno::EINVAL), "{option}");
        }
        assert_eq!(options.thread_priority, -1);
    }

    #[test]
    fn every_row_minds_its_range() {
        for row in context::ROWS {
            let mut options = ContextOptions::default();
            let expect = |good: bool| if good { Ok(()) } else { Err(Errno::EINVAL) };
            assert_eq!(
                options.set(row.number, -1),
                expect(row.name == "THREAD_NAME_PREFIX"),
                "{}",
                row.name
            );
            let sets = row.access.sets() || row.name == "SOCKET_LIMIT";
            let cpu = row.name == "THREAD_AFFINITY_CPU_REMOVE";
            assert_eq!(
                options.set(row.number, 1),
                expect(sets && !cpu),
                "{}",
                row.name
            );
            assert_eq!(
                options.set(row.number, 0),
                expect(sets && !cpu && row.name != "MAX_SOCKETS"),
                "{}",
                row.name
            );
            assert_eq!(
                options.set_ext(row.number, None),
                Err(Errno::EINVAL),
                "{}",
                row.name
            );
            assert_eq!(
                options.set_ext(row.number, Some(&[])),
                Err(Errno::EINVAL),
                "{}",
                row.name
            );
            assert_eq!(
                options.set_ext(row.number, Some(&[1; 17])),
                Err(Errno::EINVAL),
                "{}",
                row.name
            );
            let mut buffer = [0; 3];
            assert_eq!(
                options.get_ext(row.number, &mut buffer),
                expect(row.name == "THREAD_NAME_PREFIX")
            );
        }
    }

    #[test]
    fn number_three_is_two_options() {
        let mut options = ContextOptions::default();
        options.set(3, 7).expect("a priority");
        assert_eq!(options.thread_priority, 7);
        assert_eq!(options.get(3), Ok(65535));
    }

    #[test]
    fn flags_read_back_as_one() {
        let mut options = ContextOptions::default();
        options.set(context::IPV6, 9).expect("a flag");
        assert_eq!(options.get(context::IPV6), Ok(1));
        options.set(context::BLOCKY, 0).expect("a flag");
        assert!(!options.blocky);
    }

    #[test]
    fn cpus_add_up() {
        let mut options = ContextOptions::default();
        options
            .set(context::THREAD_AFFINITY_CPU_ADD, 2)
            .expect("a cpu");
        options
            .set(context::THREAD_AFFINITY_CPU_ADD, 0)
            .expect("a cpu");
        options
            .set(context::THREAD_AFFINITY_CPU_REMOVE, 2)
            .expect("in the set");
        assert_eq!(
            options.set(context::THREAD_AFFINITY_CPU_REMOVE, 2),
            Err(Errno::EINVAL)
        );
        assert!(options.cpus.iter().eq(&[0]));
    }

    #[test]
    fn a_name_of_four_bytes_is_a_number() {
        let mut options = ContextOptions::default();
        options
            .set(context::THREAD_NAME_PREFIX, 1234)
            .expect("a number");
        assert_eq!(options.thread_name_prefix, b"1234");
        assert_eq!(options.get(context::THREAD_NAME_PREFIX), Ok(1234));
        options
            .set_ext(context::THREAD_NAME_PREFIX, Some(b"worker"))
            .expect("a name");
        assert_eq!(options.get(context::THREAD_NAME_PREFIX), Ok(0));
        let mut buffer = [0xEE; 8];
        options
            .get_ext(context::THREAD_NAME_PREFIX, &mut buffer)
            .expect("room");
        assert_eq!(&buffer, b"worker\xEE\xEE");
        assert_eq!(
            options.get_ext(context::THREAD_NAME_PREFIX, &mut buffer[..5]),
            Err(Errno::EINVAL)
        );
        let mut buffer = [0; 4];
        options
            .get_ext(context::THREAD_NAME_PREFIX, &mut buffer)
            .expect("an int");
        assert_eq!(buffer, [0; 4]);
    }

    #[test]
    fn numbers_are_read_like_atoi() {
        for (text, number) in [
            (&b""[..], 0),
            (b"12ab", 12),
            (b" -7", -7),
            (b"+", 0),
            (b"x1", 0),
            (b"99999999999", 0),
        ] {
            assert_eq!(leading_number(text), number);
        }
    }
}
