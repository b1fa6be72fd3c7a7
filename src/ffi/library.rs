//! What the library says of itself and of its errors: `zmq_version`, `zmq_has`, `zmq_errno`, `zmq_strerror`.

use std::env;
use std::ffi::{CStr, OsStr, c_char, c_int};

use crate::errno::Errno;
use crate::options::built;

/// The release of libzmq whose API and behaviour this library has: major, minor, patch.
pub const VERSION: [c_int; 3] = [4, 3, 5];

fn has(capability: &CStr) -> bool {
    if capability == c"draft" {
        let variable = env::var_os("OZMQ_DRAFT");
        return has_draft(variable.as_deref(), variable.is_some() && runs_privileged());
    }
    built::has(capability)
}

/// The draft functions are always there. Bindings compiled without them would switch them on by this answer and fail,
/// so it takes the cargo feature, or the variable in an environment that can be trusted.
fn has_draft(variable: Option<&OsStr>, privileged: bool) -> bool {
    cfg!(feature = "draft") || (variable == Some(OsStr::new("1")) && !privileged)
}

/// Whether the kernel started this program with more rights than its caller has (setuid and the like).
fn runs_privileged() -> bool {
    // SAFETY: reads a word that the kernel gave the process at its start.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

/// The texts that are ours. The C library has the others, and words EHOSTUNREACH otherwise.
fn own_text(errno: Errno) -> Option<&'static CStr> {
    Some(match errno {
        Errno::EFSM => c"Operation cannot be accomplished in current state",
        Errno::ENOCOMPATPROTO => c"The protocol is not compatible with the socket type",
        Errno::ETERM => c"Context was terminated",
        Errno::EMTHREAD => c"No thread available",
        Errno::EHOSTUNREACH => c"Host unreachable",
        _ => return None,
    })
}

/// `errno` of the calling thread.
///
/// # Safety
/// Nothing to observe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_errno() -> c_int {
    Errno::last().0
}

/// The text for an error number: never NULL, never to be freed. That of a number nobody knows may change with this
/// thread's next call.
///
/// # Safety
/// The text is not written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_strerror(errnum: c_int) -> *const c_char {
    match own_text(Errno(errnum)) {
        Some(text) => text.as_ptr(),
        // SAFETY: known numbers have constant texts; the others are written to a buffer of the calling thread (glibc
        // since 2.32) or are constant too (musl).
        None => unsafe { libc::strerror(errnum) },
    }
}

/// Writes the version's three numbers. A NULL pointer is passed over.
///
/// # Safety
/// Each pointer is NULL or can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_version(major: *mut c_int, minor: *mut c_int, patch: *mut c_int) {
    for (number, out) in VERSION.into_iter().zip([major, minor, patch]) {
        if !out.is_null() {
            // SAFETY: not NULL, and writable as promised by the caller.
            unsafe { out.write(number) };
        }
    }
}

/// 1 if the library has this capability, otherwise 0. Upper and lower case differ.
///
/// # Safety
/// `capability` is NULL or ends in NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_has(capability: *const c_char) -> c_int {
    if capability.is_null() {
        return 0;
    }
    // SAFETY: not NULL, and ends in NUL as promised by the caller.
    c_int::from(has(unsafe { CStr::from_ptr(capability) }))
}

#[cfg(test)]
mod tests {
    use super::super::error::set_errno;
    use super::*;
    use std::ptr;

    fn text(errnum: c_int) -> String {
        let text = call!(zmq_strerror(errnum));
        assert!(!text.is_null());
        call!(CStr::from_ptr(text)).to_str().unwrap().to_owned()
    }

    #[test]
    fn the_version_is_4_3_5() {
        let mut version = [0; 3];
        let [major, minor, patch] = &mut version;
        call!(zmq_version(major, minor, patch));
        assert_eq!(version, [4, 3, 5]);
    }

    #[test]
    fn null_version_pointers_are_passed_over() {
        let mut minor = 0;
        call!(zmq_version(ptr::null_mut(), &mut minor, ptr::null_mut()));
        assert_eq!(minor, 3);
    }

    #[test]
    fn capabilities_are_those_of_the_table() {
        for (name, _, presence) in built::FEATURES {
            let had = c_int::from(presence.holds());
            assert_eq!(call!(zmq_has(name.as_ptr())), had, "{name:?}");
        }
        assert_eq!(call!(zmq_has(c"ipc".as_ptr())), 1);
    }

    #[test]
    fn other_names_are_not_had() {
        for name in [
            c"", c"tcp", c"inproc", c"udp", c"epgm", c"ws", c"wss", c"IPC", c"ipc ", c"Draft",
            c"\xFF",
        ] {
            assert_eq!(call!(zmq_has(name.as_ptr())), 0, "{name:?}");
        }
        assert_eq!(call!(zmq_has(ptr::null())), 0);
    }

    #[test]
    fn draft_takes_the_feature_or_a_trusted_variable() {
        let feature = cfg!(feature = "draft");
        assert_eq!(has_draft(None, false), feature);
        assert_eq!(has_draft(Some(OsStr::new("0")), false), feature);
        assert_eq!(has_draft(Some(OsStr::new("1")), true), feature);
        assert!(has_draft(Some(OsStr::new("1")), false));
        let variable = env::var_os("OZMQ_DRAFT");
        let expected = has_draft(variable.as_deref(), runs_privileged());
        assert_eq!(call!(zmq_has(c"draft".as_ptr())), c_int::from(expected));
    }

    #[test]
    fn errno_is_the_threads() {
        set_errno(Errno::EFSM);
        assert_eq!(call!(zmq_errno()), 156_384_763);
    }

    #[test]
    fn native_errors_have_texts() {
        assert_eq!(
            text(156_384_763),
            "Operation cannot be accomplished in current state"
        );
        assert_eq!(
            text(156_384_764),
            "The protocol is not compatible with the socket type"
        );
        assert_eq!(text(156_384_765), "Context was terminated");
        assert_eq!(text(156_384_766), "No thread available");
        assert_eq!(text(libc::EHOSTUNREACH), "Host unreachable");
    }

    #[test]
    fn system_errors_have_the_c_librarys_texts() {
        assert_eq!(text(libc::EINVAL), "Invalid argument");
        assert_eq!(text(libc::EAGAIN), "Resource temporarily unavailable");
    }

    #[test]
    fn every_number_has_a_text_and_errno_stays() {
        set_errno(Errno::ETERM);
        for errnum in [c_int::MIN, -1, 0, 132, 4_000, 156_384_713, c_int::MAX] {
            assert!(!text(errnum).is_empty());
        }
        assert_eq!(Errno::last(), Errno::ETERM);
    }
}
