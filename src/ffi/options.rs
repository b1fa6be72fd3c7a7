//! `zmq_setsockopt` and `zmq_getsockopt`.

use std::ffi::{c_int, c_void};

use super::args;
use super::error::report;
use crate::errno::Errno;
use crate::socket;

/// Sets an option. EINVAL if it is unknown, is not this socket type's, or the value does not fit it.
///
/// # Safety
/// `socket` is NULL or points to readable memory, `value` is NULL or points to `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_setsockopt(
    socket: *mut c_void,
    option: c_int,
    value: *const c_void,
    size: usize,
) -> c_int {
    report(socket::enter(socket).and_then(|mut turn| {
        // SAFETY: as promised by the caller.
        let value = unsafe { args::option_value(value, size) }?;
        socket::set_option(&mut turn, option, value).map(|()| 0)
    }))
}

/// Reads an option. EINVAL if it is unknown, cannot be read, or `*size` is not what it needs.
///
/// # Safety
/// `socket` is NULL or points to readable memory, `size` is NULL or points to a size, and `value` is NULL or points to
/// as many bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_getsockopt(
    socket: *mut c_void,
    option: c_int,
    value: *mut c_void,
    size: *mut usize,
) -> c_int {
    report(socket::enter(socket).and_then(|mut turn| {
        if size.is_null() {
            return Err(Errno::EINVAL);
        }
        let known = socket::get_option(&mut turn, option)?;
        // SAFETY: as promised by the caller.
        unsafe {
            let buffer = args::bytes_mut(value, *size, Errno::EINVAL)?;
            *size = known.write_to(buffer)?;
        }
        Ok(0)
    }))
}
