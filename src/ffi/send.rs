//! `zmq_send` and its sisters. All calls answer ENOTSOCK to what is no socket, before they look at the message.

use std::ffi::{c_int, c_void};

use super::args;
use super::error::report;
use crate::errno::{Errno, Result};
use crate::msg::{INLINE_MAX, Msg};
use crate::socket;

/// Sends a copy of `size` bytes and returns their number.
///
/// # Safety
/// `socket` is NULL or points to readable memory, `data` is NULL or points to `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_send(
    socket: *mut c_void,
    data: *const c_void,
    size: usize,
    flags: c_int,
) -> c_int {
    // SAFETY: as promised by the caller.
    if let Ok(bytes) = unsafe { args::bytes(data, size, Errno::EFAULT) }
        && size <= INLINE_MAX
        && let Some(mut turn) = socket::enter_now(socket)
        && socket::send_now(&mut turn, &mut Msg::inline(bytes), flags).is_some()
    {
        return args::size(size);
    }
    report(socket::enter(socket).and_then(|mut turn| {
        // SAFETY: as promised by the caller.
        let mut msg = Msg::copied(unsafe { args::bytes(data, size, Errno::EFAULT) }?)?;
        socket::send(&mut turn, &mut msg, flags).map(|_| args::size(size))
    }))
}

/// As [`zmq_send`], without a copy.
///
/// # Safety
/// `socket` is NULL or points to readable memory, `data` is NULL or points to `size` bytes that never change or go away.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_send_const(
    socket: *mut c_void,
    data: *const c_void,
    size: usize,
    flags: c_int,
) -> c_int {
    report(socket::enter(socket).and_then(|mut turn| {
        // SAFETY: as promised by the caller; constant memory is never written.
        let mut msg = unsafe {
            args::bytes(data, size, Errno::EFAULT)?;
            Msg::foreign(data.cast_mut().cast(), size, None, std::ptr::null_mut())
        };
        socket::send(&mut turn, &mut msg, flags).map(|_| args::size(size))
    }))
}

/// Sends a message, which is empty then, and returns its size. On failure the message stays what it was.
///
/// # Safety
/// `msg` is NULL or points to 64 readable bytes that nobody else uses, `socket` is NULL or points to readable memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_send(msg: *mut Msg, socket: *mut c_void, flags: c_int) -> c_int {
    if let Some(mut turn) = socket::enter_now(socket)
        // SAFETY: as promised by the caller.
        && let Ok(msg) = unsafe { args::message(msg) }
        && let Some(size) = socket::send_now(&mut turn, msg, flags)
    {
        return args::size(size);
    }
    // SAFETY: as promised by the caller.
    unsafe { send_message(msg, socket, flags) }
}

/// # Safety
/// As for [`zmq_msg_send`].
#[inline(never)]
unsafe fn send_message(msg: *mut Msg, socket: *mut c_void, flags: c_int) -> c_int {
    report(socket::enter(socket).and_then(|mut turn| {
        // SAFETY: as promised by the caller.
        let msg = unsafe { args::message(msg) }?;
        socket::send(&mut turn, msg, flags).map(args::size)
    }))
}

/// [`zmq_msg_send`].
///
/// # Safety
/// As there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_sendmsg(socket: *mut c_void, msg: *mut Msg, flags: c_int) -> c_int {
    // SAFETY: as promised by the caller.
    unsafe { zmq_msg_send(msg, socket, flags) }
}

/// What [`super::iov`] sends of each part.
pub(super) fn send_bytes(socket: *mut c_void, bytes: &[u8], flags: c_int) -> Result<c_int> {
    let mut turn = socket::enter(socket)?;
    let mut msg = Msg::copied(bytes)?;
    socket::send(&mut turn, &mut msg, flags).map(args::size)
}
