//! Arguments: C strings, memory with a length, and messages.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::slice;
use std::time::Duration;

use crate::errno::{Errno, Result};
use crate::msg::{Msg, NOT_A_MESSAGE};

/// A C string without its NUL; `None` for NULL.
///
/// # Safety
/// `text` is NULL or points to a C string that outlives the result.
pub(crate) unsafe fn text<'a>(text: *const c_char) -> Option<&'a CStr> {
    // SAFETY: not NULL, hence a C string as promised by the caller.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) })
}

/// An endpoint. EINVAL for NULL.
///
/// # Safety
/// As for [`text`].
pub(crate) unsafe fn endpoint<'a>(endpoint: *const c_char) -> Result<&'a [u8]> {
    // SAFETY: as promised by the caller.
    unsafe { text(endpoint) }
        .map(CStr::to_bytes)
        .ok_or(Errno::EINVAL)
}

/// Memory to read. NULL is good for no bytes only, else the error is `null`.
///
/// # Safety
/// `data` is NULL or points to `size` bytes that can be read for as long as the result is used.
pub(crate) unsafe fn bytes<'a>(data: *const c_void, size: usize, null: Errno) -> Result<&'a [u8]> {
    if size == 0 {
        return Ok(&[]);
    }
    if data.is_null() || isize::try_from(size).is_err() {
        return Err(null);
    }
    // SAFETY: not NULL, and readable as promised by the caller.
    Ok(unsafe { slice::from_raw_parts(data.cast(), size) })
}

/// Memory to write. NULL is good for no bytes only, else the error is `null`.
///
/// # Safety
/// `data` is NULL or points to `size` bytes that nobody else uses for as long as the result is used.
pub(crate) unsafe fn bytes_mut<'a>(
    data: *mut c_void,
    size: usize,
    null: Errno,
) -> Result<&'a mut [u8]> {
    if size == 0 {
        return Ok(&mut []);
    }
    if data.is_null() || isize::try_from(size).is_err() {
        return Err(null);
    }
    // SAFETY: not NULL, and ours to write as promised by the caller.
    Ok(unsafe { slice::from_raw_parts_mut(data.cast(), size) })
}

/// The value of an option: NULL of no length is told from an empty value. EINVAL for NULL of some length.
///
/// # Safety
/// As for [`bytes`].
pub(crate) unsafe fn option_value<'a>(
    data: *const c_void,
    size: usize,
) -> Result<Option<&'a [u8]>> {
    if data.is_null() && size == 0 {
        return Ok(None);
    }
    // SAFETY: as promised by the caller.
    unsafe { bytes(data, size, Errno::EINVAL) }.map(Some)
}

/// A live message. EFAULT for NULL, misaligned pointers and memory that holds none.
///
/// # Safety
/// A pointer that is neither NULL nor misaligned points to 64 bytes that nobody else uses for as long as the result is
/// used.
pub(crate) unsafe fn message<'a>(msg: *mut Msg) -> Result<&'a mut Msg> {
    let place = message_place(msg)?;
    // SAFETY: as promised by the caller; any bytes may be looked at as a Msg, which has no invalid field.
    let msg = unsafe { &mut *place };
    if msg.is_live() {
        Ok(msg)
    } else {
        Err(NOT_A_MESSAGE)
    }
}

/// As [`message`], to look at only.
///
/// # Safety
/// A pointer that is neither NULL nor misaligned points to 64 bytes that nobody writes for as long as the result is used.
pub(crate) unsafe fn message_ref<'a>(msg: *const Msg) -> Result<&'a Msg> {
    let place = message_place(msg.cast_mut())?;
    // SAFETY: as in `message`.
    let msg = unsafe { &*place };
    if msg.is_live() {
        Ok(msg)
    } else {
        Err(NOT_A_MESSAGE)
    }
}

/// Room for a message, whatever is in it. EFAULT for NULL and misaligned pointers.
pub(crate) fn message_place(msg: *mut Msg) -> Result<*mut Msg> {
    if msg.is_null() || !msg.is_aligned() {
        Err(NOT_A_MESSAGE)
    } else {
        Ok(msg)
    }
}

/// A size as functions return it that return -1 on failure.
pub(crate) fn size(bytes: usize) -> c_int {
    c_int::try_from(bytes).unwrap_or(c_int::MAX)
}

/// Milliseconds; for ever when negative.
pub(crate) fn timeout(milliseconds: i64) -> Option<Duration> {
    u64::try_from(milliseconds).ok().map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ptr;

    #[test]
    fn null_is_good_for_no_bytes() {
        assert_eq!(call!(bytes(ptr::null(), 0, Errno::EFAULT)), Ok(&[][..]));
        assert_eq!(
            call!(bytes(ptr::null(), 1, Errno::EFAULT)),
            Err(Errno::EFAULT)
        );
        assert_eq!(call!(option_value(ptr::null(), 0)), Ok(None));
        assert_eq!(call!(option_value(ptr::null(), 1)), Err(Errno::EINVAL));
        let byte = 0u8;
        assert_eq!(
            call!(option_value((&raw const byte).cast(), 0)),
            Ok(Some(&[][..]))
        );
    }

    #[test]
    fn only_live_messages_are_believed() {
        let mut memory = [0u64; 9];
        let place: *mut Msg = (&raw mut memory).cast();
        assert!(call!(message(ptr::null_mut())).is_err());
        assert!(call!(message(place)).is_err());
        assert!(call!(message(place.wrapping_byte_add(1))).is_err());
        let mut msg = Msg::new();
        assert!(call!(message(&raw mut msg)).is_ok());
    }

    #[test]
    fn sizes_are_capped() {
        assert_eq!(size(7), 7);
        assert_eq!(size(usize::MAX), c_int::MAX);
    }

    #[test]
    fn negative_timeouts_are_for_ever() {
        assert_eq!(timeout(-1), None);
        assert_eq!(timeout(0), Some(Duration::ZERO));
    }
}
