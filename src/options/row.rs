//! What a row of the option table says.
//!
//! This file and the tables name nothing of the rest of the library, so that tools can include them.
#![forbid(unsafe_code)]

/// One option.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Row {
    /// Its number in the C interface.
    pub number: i32,
    /// Its name, less `ZMQ_`.
    pub name: &'static str,
    /// Older names of the same number.
    pub aliases: &'static [&'static str],
    /// Who keeps its value.
    pub owner: Owner,
    /// Which way it goes.
    pub access: Access,
    /// How firmly it belongs to the interface.
    pub stage: Stage,
    /// What has to be built in, else the option is unknown.
    pub need: Need,
    /// Its type and range.
    pub kind: Kind,
    /// Its value in a new socket or context.
    pub initial: Initial,
    /// The socket types that know the option; empty for all.
    pub types: &'static [u8],
    /// What it does, in a line.
    pub doc: &'static str,
}

/// Who keeps the value of an option.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Owner {
    /// The socket's or the context's `Options`.
    Options,
    /// The pattern of the socket type, which is asked first.
    Pattern,
    /// The socket itself: it is a state rather than a setting.
    Socket,
}

/// Which way an option goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Read only.
    Get,
    /// Write only.
    Set,
    /// Both.
    GetSet,
}

impl Access {
    /// Whether the option can be read.
    pub const fn gets(self) -> bool {
        matches!(self, Access::Get | Access::GetSet)
    }

    /// Whether the option can be written.
    pub const fn sets(self) -> bool {
        matches!(self, Access::Set | Access::GetSet)
    }
}

/// How firmly a name belongs to the interface.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// In every header.
    Stable,
    /// In every header, and better avoided.
    Deprecated,
    /// Only declared under `ZMQ_BUILD_DRAFT_API`.
    Draft,
}

/// What an option is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Need {
    /// Always there.
    Nothing,
    /// The CURVE mechanism.
    Curve,
    /// The GSSAPI mechanism.
    Gssapi,
    /// The vmci transport.
    Vmci,
    /// The wss transport.
    Wss,
    /// The norm transport.
    Norm,
}

/// Type and range of a value. Ranges include both ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// An `int` in this range.
    Int(i32, i32),
    /// An `int`; anything but 0 means yes.
    Flag,
    /// An `int` that can only be read, into four bytes or more.
    Status,
    /// An `int64_t`.
    I64,
    /// A `uint64_t`.
    U64,
    /// So many bytes, and what a value of no bytes does.
    Bytes(usize, usize, Empty),
    /// The same, read back with a closing NUL.
    Text(usize, usize, Empty),
    /// A CURVE key: 32 bytes, or 40 characters of Z85 with or without NUL.
    Key,
    /// Four bytes that join a set, which NULL empties.
    Id,
    /// A network in CIDR form that joins a list, which NULL empties.
    Network,
    /// A `name:value` that joins a list.
    Property,
}

/// What a value of no bytes does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Empty {
    /// It is refused.
    Refused,
    /// NULL clears the option, a pointer to nothing is refused.
    NullClears,
    /// It clears the option.
    Clears,
    /// It is a value like any other.
    Allowed,
}

/// A value to start from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Initial {
    /// There is none.
    Nothing,
    /// This number.
    Number(i32),
    /// No bytes, or an empty set.
    Empty,
    /// 32 bytes of zero.
    ZeroKey,
}
