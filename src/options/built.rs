//! What this build has: the one table behind `zmq_has`, the options that go with a feature, and the header. It speaks of
//! mechanisms and transports: keys can be made whether or not there is a mechanism to use them.
#![forbid(unsafe_code)]

use super::row::Need;
use crate::sys::gssapi;
use std::ffi::CStr;

/// A feature: its name as `zmq_has` knows it, if it does; the need of options that it fulfils, if there are
/// any; whether it is here.
type Feature = (&'static CStr, Need, Presence);

/// Whether a feature is here.
#[derive(Clone, Copy, Debug)]
pub enum Presence {
    /// It is.
    Built,
    /// It is not.
    Absent,
    /// Where the system has the library it takes; which, and whether it is there.
    Installed(&'static str, fn() -> bool),
}

impl Presence {
    /// Whether it is here and now.
    pub fn holds(self) -> bool {
        match self {
            Presence::Built => true,
            Presence::Absent => false,
            Presence::Installed(_, is_installed) => is_installed(),
        }
    }
}

use Presence::{Absent, Built, Installed};

/// All of them. Names that are not here are not had.
pub const FEATURES: [Feature; 10] = [
    (c"ipc", Need::Nothing, Built),
    (c"curve", Need::Curve, Built),
    (
        c"gssapi",
        Need::Gssapi,
        Installed("libgssapi_krb5.so.2", gssapi::is_available),
    ),
    (c"pgm", Need::Nothing, Absent),
    (c"tipc", Need::Nothing, Absent),
    (c"norm", Need::Norm, Absent),
    (c"vmci", Need::Vmci, Absent),
    (c"vsock", Need::Nothing, Absent),
    (c"WS", Need::Nothing, Absent),
    (c"WSS", Need::Wss, Absent),
];

/// Whether what an option is for is here.
pub fn presence(need: Need) -> Presence {
    if need == Need::Nothing {
        return Built;
    }
    FEATURES
        .iter()
        .find(|&&(_, fulfilled, _)| fulfilled == need)
        .map_or(Absent, |&(_, _, presence)| presence)
}

/// Whether this build, on this system, has what an option is for. Without, the option is as good as unknown.
pub fn is_built(need: Need) -> bool {
    presence(need).holds()
}

/// Whether this build, on this system, has the feature of this name.
pub fn has(name: &CStr) -> bool {
    FEATURES
        .iter()
        .any(|&(feature, _, presence)| feature == name && presence.holds())
}
