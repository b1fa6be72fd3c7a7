//! What this build has: the one table behind `zmq_has`, the options that go with a feature, and the header. It speaks of
//! mechanisms and transports: keys can be made whether or not there is a mechanism to use them.
#![forbid(unsafe_code)]

use super::row::Need;
use std::ffi::CStr;

/// A feature: its name as `zmq_has` knows it, if it does; the need of options that it fulfils, if there are
/// any; whether it is here.
type Feature = (&'static CStr, Need, bool);

/// All of them. Names that are not here are not had.
pub const FEATURES: [Feature; 10] = [
    (c"ipc", Need::Nothing, true),
    (c"curve", Need::Curve, true),
    (c"gssapi", Need::Gssapi, false),
    (c"pgm", Need::Nothing, false),
    (c"tipc", Need::Nothing, false),
    (c"norm", Need::Norm, false),
    (c"vmci", Need::Vmci, false),
    (c"vsock", Need::Nothing, false),
    (c"WS", Need::Nothing, false),
    (c"WSS", Need::Wss, false),
];

/// Whether this build has what an option is for. Without, the option is as good as unknown.
pub const fn is_built(need: Need) -> bool {
    if matches!(need, Need::Nothing) {
        return true;
    }
    let mut place = 0;
    while place < FEATURES.len() {
        let (_, fulfilled, built) = FEATURES[place];
        if fulfilled as u8 == need as u8 {
            return built;
        }
        place += 1;
    }
    false
}

/// Whether this build has the feature of this name.
pub fn has(name: &CStr) -> bool {
    FEATURES
        .iter()
        .any(|&(feature, _, built)| built && feature == name)
}
