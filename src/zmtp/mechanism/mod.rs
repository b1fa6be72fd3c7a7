//! Security mechanisms.
#![forbid(unsafe_code)]

pub mod curve_key;
