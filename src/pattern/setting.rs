//! Options that belong to patterns: their numbers, and how their values are read.
#![forbid(unsafe_code)]

use crate::errno::{Errno, Result};

macro_rules! numbers {
    ($($name:ident = $number:literal;)*) => {
        $(#[doc = concat!("`ZMQ_", stringify!($name), "`")] pub const $name: i32 = $number;)*
    };
}

numbers! {
    SUBSCRIBE = 6;
    UNSUBSCRIBE = 7;
    ROUTER_MANDATORY = 33;
    XPUB_VERBOSE = 40;
    ROUTER_RAW = 41;
    PROBE_ROUTER = 51;
    REQ_CORRELATE = 52;
    REQ_RELAXED = 53;
    ROUTER_HANDOVER = 56;
    CONNECT_ROUTING_ID = 61;
    XPUB_NODROP = 69;
    XPUB_MANUAL = 71;
    XPUB_WELCOME_MSG = 72;
    STREAM_NOTIFY = 73;
    XPUB_VERBOSER = 78;
    ROUTER_NOTIFY = 97;
    XPUB_MANUAL_LAST_VALUE = 98;
    ONLY_FIRST_SUBSCRIBE = 108;
    XSUB_VERBOSE_UNSUBSCRIBE = 115;
    TOPICS_COUNT = 116;
}

/// `ZMQ_NOTIFY_CONNECT`
pub const NOTIFY_CONNECT: i32 = 1;
/// `ZMQ_NOTIFY_DISCONNECT`
pub const NOTIFY_DISCONNECT: i32 = 2;

/// A value that must be an `int`.
///
/// # Errors
/// EINVAL
pub fn int(value: Option<&[u8]>) -> Result<i32> {
    let bytes = value
        .and_then(|value| value.try_into().ok())
        .ok_or(Errno::EINVAL)?;
    Ok(i32::from_ne_bytes(bytes))
}

/// An `int` where anything above 0 means yes and anything below is refused.
///
/// # Errors
/// EINVAL
pub fn flag(value: Option<&[u8]>) -> Result<bool> {
    match int(value)? {
        number if number < 0 => Err(Errno::EINVAL),
        number => Ok(number != 0),
    }
}

/// An `int` that must be 0 or 1.
///
/// # Errors
/// EINVAL
pub fn strict_flag(value: Option<&[u8]>) -> Result<bool> {
    match int(value)? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Errno::EINVAL),
    }
}

/// Sets a flag from a value.
pub fn set_flag(place: &mut bool, value: Option<&[u8]>) -> Option<Result<()>> {
    Some(flag(value).map(|on| *place = on))
}
