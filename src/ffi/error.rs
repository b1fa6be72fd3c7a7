//! Results as C sees them: the value, or the family's failure value with `errno` set.
//!
//! `errno` is written here and nowhere else, last of all, and only on failure.

use std::ffi::{c_int, c_long};
use std::ptr;

use crate::errno::{Errno, Result};

/// Sets this thread's `errno`.
pub(crate) fn set_errno(errno: Errno) {
    // SAFETY: the C library gives each thread an errno that lives as long as the thread.
    unsafe { *libc::__errno_location() = errno.0 }
}

/// The value, or -1.
pub(crate) fn report(result: Result<i32>) -> c_int {
    report_or(result, -1)
}

/// The value, or -1.
pub(crate) fn report_long(result: Result<c_long>) -> c_long {
    report_or(result, -1)
}

/// The pointer, or NULL.
pub(crate) fn report_ptr<T>(result: Result<*mut T>) -> *mut T {
    report_or(result, ptr::null_mut())
}

/// The value, or the one that says so of a failure.
pub(crate) fn report_or<T>(result: Result<T>, failed: T) -> T {
    result.unwrap_or_else(|errno| {
        set_errno(errno);
        failed
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failure_sets_errno() {
        assert_eq!(report(Err(Errno::EFSM)), -1);
        assert_eq!(Errno::last(), Errno::EFSM);
        assert_eq!(report_long(Err(Errno::EINVAL)), -1);
        assert_eq!(Errno::last(), Errno::EINVAL);
        assert!(report_ptr::<u8>(Err(Errno::EFAULT)).is_null());
        assert_eq!(Errno::last(), Errno::EFAULT);
    }

    #[test]
    fn success_leaves_errno_alone() {
        set_errno(Errno::ETERM);
        assert_eq!(report(Ok(7)), 7);
        assert_eq!(report_long(Ok(-1)), -1);
        let mut value = 1u8;
        assert_eq!(report_ptr(Ok(&raw mut value)), &raw mut value);
        assert_eq!(Errno::last(), Errno::ETERM);
    }
}
