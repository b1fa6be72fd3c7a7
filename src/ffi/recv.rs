//! `zmq_recv` and its sisters. All calls answer ENOTSOCK to what is no socket, before they look at the message.

use std::ffi::{c_int, c_void};

use super::args;
use super::error::report;
use crate::errno::{Errno, Result};
use crate::msg::Msg;
use crate::socket;

/// Receives a message into `size` bytes, of which as many are written as fit, and returns its full size.
///
/// # Safety
/// `socket` is NULL or points to readable memory, `data` is NULL or points to `size` bytes that nobody else uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_recv(
    socket: *mut c_void,
    data: *mut c_void,
    size: usize,
    flags: c_int,
) -> c_int {
    // SAFETY: as promised by the caller.
    let buffer = unsafe { args::bytes_mut(data, size, Errno::EFAULT) };
    let mut msg = Msg::new();
    if let Ok(buffer) = buffer
        && let Some(mut turn) = socket::enter_now(socket)
        && socket::recv_now(&mut turn, &mut msg).is_some()
    {
        return copy_out(&msg, buffer);
    }
    report(socket::enter(socket).and_then(|mut turn| {
        // SAFETY: as promised by the caller.
        let buffer = unsafe { args::bytes_mut(data, size, Errno::EFAULT) }?;
        let msg = socket::recv(&mut turn, flags)?;
        Ok(copy_out(&msg, buffer))
    }))
}

/// As much as fits; returns the full size.
#[inline(always)]
fn copy_out(msg: &Msg, buffer: &mut [u8]) -> c_int {
    let fitting = msg.len().min(buffer.len());
    buffer[..fitting].copy_from_slice(&msg.data()[..fitting]);
    args::size(msg.len())
}

/// Receives a message in place of `msg`, whose content is released, and returns its size. On failure the message stays
/// what it was.
///
/// # Safety
/// `msg` is NULL or points to 64 readable bytes that nobody else uses, `socket` is NULL or points to readable memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_recv(msg: *mut Msg, socket: *mut c_void, flags: c_int) -> c_int {
    if let Some(mut turn) = socket::enter_now(socket)
        // SAFETY: as promised by the caller.
        && let Ok(msg) = unsafe { args::message(msg) }
        && !msg.calls_back()
        && let Some(size) = socket::recv_now(&mut turn, msg)
    {
        return args::size(size);
    }
    // SAFETY: as promised by the caller.
    report(unsafe { recv_into(msg, socket, flags) })
}

/// # Safety
/// As for [`zmq_msg_recv`].
#[inline(never)]
unsafe fn recv_into(msg: *mut Msg, socket: *mut c_void, flags: c_int) -> Result<c_int> {
    let mut turn = socket::enter(socket)?;
    // SAFETY: as promised by the caller.
    let msg = unsafe { args::message(msg) }?;
    let old = std::mem::replace(msg, socket::recv(&mut turn, flags)?);
    // The release function of the old content may use the socket.
    drop(turn);
    drop(old);
    Ok(args::size(msg.len()))
}

/// [`zmq_msg_recv`].
///
/// # Safety
/// As there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_recvmsg(socket: *mut c_void, msg: *mut Msg, flags: c_int) -> c_int {
    // SAFETY: as promised by the caller.
    unsafe { zmq_msg_recv(msg, socket, flags) }
}
