//! Options: the table of all of them, their values in a socket or a context, and the text forms of keys and networks.
//!
//! A socket asks its pattern first, then [`Options`], and answers what [`row::Owner::Socket`] owns itself. Nothing here
//! waits, locks or touches a descriptor.
#![forbid(unsafe_code)]

pub mod built;
mod check;
pub mod constants;
mod context;
mod network;
pub mod row;
pub mod table;
mod value;
pub mod z85;

pub use built::is_built;
pub use context::ContextOptions;
pub use network::Network;
pub use table::row;
pub use value::Value;

use crate::errno::{Errno, Result};
use constants::{mechanism, socket_type};
use row::{Owner, Row};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use value::Field;
use zeroize::Zeroize;

/// The security mechanism of a socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(i32)]
pub enum Mechanism {
    /// None.
    Null = mechanism::NULL,
    /// User name and password.
    Plain = mechanism::PLAIN,
    /// Elliptic curves.
    Curve = mechanism::CURVE,
    /// Kerberos.
    Gssapi = mechanism::GSSAPI,
}

macro_rules! fields {
    ($(
        #[doc = $doc:literal]
        $number:literal $name:ident [$($alias:ident)*] $owner:ident $access:ident $stage:ident $need:ident,
        $kind:expr, $initial:expr, [$($type:ident),*] $(=> $field:ident: $ty:ty)?;
    )*) => {
        /// The settings of one socket. Listeners and sessions take a copy when they are made.
        #[derive(Clone)]
        pub struct Options {
            /// The socket type these are for.
            pub socket_type: u8,
            /// The security mechanism that the options set so far add up to.
            pub mechanism: Mechanism,
            /// Whether this socket is the server of that mechanism.
            pub as_server: bool,
            $($(
                #[doc = $doc]
                pub $field: $ty,
            )?)*
        }

        impl Options {
            fn initial(socket_type: u8) -> Options {
                Options {
                    socket_type,
                    mechanism: Mechanism::Null,
                    as_server: false,
                    $($($field: Field::initial(known(table::$name)),)?)*
                }
            }

            fn load(&mut self, row: &Row, value: Option<&[u8]>) -> Result<()> {
                match row.number {
                    $($(table::$name => self.$field.load(row, value),)?)*
                    _ => Err(Errno::EINVAL),
                }
            }

            fn value(&self, row: &Row) -> Result<Value> {
                match row.number {
                    $($(table::$name => self.$field.value(row),)?)*
                    _ => Err(Errno::EINVAL),
                }
            }
        }
    };
}
table::socket_options!(fields);

const fn known(number: i32) -> &'static Row {
    let mut place = 0;
    while table::ROWS[place].number != number {
        place += 1;
    }
    &table::ROWS[place]
}

impl Options {
    /// The defaults of this socket type. What depends on the context, IPV6 and BLOCKY, is left to the caller.
    pub fn new(socket_type: u8) -> Options {
        let mut options = Options::initial(socket_type);
        if let socket_type::SUB | socket_type::XSUB | socket_type::DISH = i32::from(socket_type) {
            options.linger = 0;
        }
        options
    }

    /// Sets an option from the bytes behind the application's pointer, `None` being NULL with length 0.
    ///
    /// # Errors
    /// EINVAL if the option is unknown, read-only, not of this socket type or the pattern's own, or the value has a
    /// wrong size or lies out of range.
    pub fn set(&mut self, option: i32, value: Option<&[u8]>) -> Result<()> {
        let row = self.own(option)?;
        if !row.access.sets() || !(row.types.is_empty() || row.types.contains(&self.socket_type)) {
            return Err(Errno::EINVAL);
        }
        match option {
            table::IPV4ONLY => self.ipv6 = !row.check_flag(value)?,
            table::HEARTBEAT_TTL => {
                self.heartbeat_ttl = row.check_int(value)? / TTL_UNIT * TTL_UNIT
            }
            table::PLAIN_SERVER => self.serve(row.check_flag(value)?, Mechanism::Plain),
            table::CURVE_SERVER => self.serve(row.check_flag(value)?, Mechanism::Curve),
            table::GSSAPI_SERVER => {
                self.as_server = row.check_flag(value)?;
                self.mechanism = Mechanism::Gssapi;
            }
            table::TCP_ACCEPT_FILTER if value.is_some_and(|text| !self.ipv6 && is_ipv6(text)) => {
                return Err(Errno::EINVAL);
            }
            table::PLAIN_USERNAME | table::PLAIN_PASSWORD if value.is_none() => {
                self.mechanism = Mechanism::Null
            }
            _ => {
                self.load(row, value)?;
                self.select(option);
            }
        }
        Ok(())
    }

    /// Reads an option.
    ///
    /// # Errors
    /// EINVAL if the option is unknown, write-only, the pattern's own or the socket's own.
    pub fn get(&self, option: i32) -> Result<Value> {
        let row = self.own(option)?;
        if !row.access.gets() {
            return Err(Errno::EINVAL);
        }
        match option {
            table::IPV4ONLY => Ok(Value::Int(i32::from(!self.ipv6))),
            table::MECHANISM => Ok(Value::Int(self.mechanism as i32)),
            table::PLAIN_SERVER => Ok(self.serves(Mechanism::Plain)),
            table::CURVE_SERVER => Ok(self.serves(Mechanism::Curve)),
            table::GSSAPI_SERVER => Ok(self.serves(Mechanism::Gssapi)),
            _ => self.value(row),
        }
    }

    fn own(&self, option: i32) -> Result<&'static Row> {
        row(option)
            .filter(|row| row.owner == Owner::Options && is_built(row.need))
            .ok_or(Errno::EINVAL)
    }

    fn serve(&mut self, yes: bool, mechanism: Mechanism) {
        self.as_server = yes;
        self.mechanism = if yes { mechanism } else { Mechanism::Null };
    }

    fn serves(&self, mechanism: Mechanism) -> Value {
        Value::Int(i32::from(self.as_server && self.mechanism == mechanism))
    }

    /// Credentials select the mechanism they are for, and some of them the client's role.
    fn select(&mut self, option: i32) {
        let (mechanism, client) = match option {
            table::PLAIN_USERNAME | table::PLAIN_PASSWORD => (Mechanism::Plain, true),
            table::CURVE_PUBLICKEY | table::CURVE_SECRETKEY => (Mechanism::Curve, false),
            table::CURVE_SERVERKEY => (Mechanism::Curve, true),
            table::GSSAPI_PRINCIPAL => (Mechanism::Gssapi, false),
            table::GSSAPI_SERVICE_PRINCIPAL => (Mechanism::Gssapi, true),
            _ => return,
        };
        self.mechanism = mechanism;
        self.as_server &= !client;
    }
}

/// Whether a network can only be named while IPV6 is on.
fn is_ipv6(text: &[u8]) -> bool {
    let text = text.split(|&byte| byte == 0).next().unwrap_or_default();
    Network::parse(text).is_ok_and(|network| network.is_ipv6())
}

/// The peer is told its time to live in tenths of a second.
const TTL_UNIT: i32 = 100;

/// Secrets do not outlive their use.
impl Drop for Options {
    fn drop(&mut self) {
        self.plain_password.zeroize();
        self.curve_secretkey.zeroize();
    }
}

/// Secrets stay out of logs.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("socket_type", &self.socket_type)
            .field("mechanism", &self.mechanism)
            .field("as_server", &self.as_server)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
