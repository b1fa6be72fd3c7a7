//! Options and their text forms.
#![forbid(unsafe_code)]

pub mod z85;
