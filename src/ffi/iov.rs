//! `zmq_sendiov` and `zmq_recviov`: several frames at once.

use std::ffi::{c_int, c_void};
use std::slice;

use libc::iovec;

use super::args;
use super::error::report;
use super::send::send_bytes;
use crate::errno::{Errno, Result};
use crate::msg::Msg;
use crate::options::constants::flag::SNDMORE;
use crate::socket::{self, SOCKETS};

/// Sends a copy of each part and returns the size of the last. With ZMQ_SNDMORE the parts are the frames of one message,
/// without each is a message of its own. EINVAL without parts.
///
/// # Safety
/// `socket` is NULL or points to readable memory. `parts` is NULL or points to `count` parts, each of which points to
/// memory of its length.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_sendiov(
    socket: *mut c_void,
    parts: *mut iovec,
    count: usize,
    flags: c_int,
) -> c_int {
    // SAFETY: as promised by the caller.
    report(unsafe { send_parts(socket, parts, count, flags) })
}

/// # Safety
/// As for [`zmq_sendiov`].
unsafe fn send_parts(
    socket: *mut c_void,
    parts: *mut iovec,
    count: usize,
    flags: c_int,
) -> Result<c_int> {
    // SAFETY: as promised by the caller.
    let parts = unsafe { list(socket, parts, count) }?;
    let mut sent = 0;
    for (place, part) in parts.iter().enumerate() {
        let flags = if place + 1 == count {
            flags & !SNDMORE
        } else {
            flags
        };
        // SAFETY: as promised by the caller.
        let bytes = unsafe { args::bytes(part.iov_base, part.iov_len, Errno::EFAULT) }?;
        sent = send_bytes(socket, bytes, flags)?;
    }
    Ok(sent)
}

/// Receives up to `*count` frames of one message, each into memory that the caller is to `free`, sets `*count` to their
/// number and returns it. EINVAL without room for parts.
///
/// # Safety
/// `socket` is NULL or points to readable memory. `count` is NULL or points to a number, `parts` is NULL or points to as
/// many parts.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_recviov(
    socket: *mut c_void,
    parts: *mut iovec,
    count: *mut usize,
    flags: c_int,
) -> c_int {
    // SAFETY: as promised by the caller.
    report(unsafe { recv_parts(socket, parts, count, flags) })
}

/// # Safety
/// As for [`zmq_recviov`].
unsafe fn recv_parts(
    socket: *mut c_void,
    parts: *mut iovec,
    count: *mut usize,
    flags: c_int,
) -> Result<c_int> {
    // SAFETY: as promised by the caller.
    let room = unsafe { count.as_ref() }.copied().unwrap_or(0);
    // SAFETY: as promised by the caller.
    let parts = unsafe { list(socket, parts, room) }?;
    // SAFETY: there is room, hence the pointer is not NULL.
    let received = unsafe { &mut *count };
    *received = 0;
    for part in parts {
        let msg = socket::recv(&mut socket::enter(socket)?, flags)?;
        *part = allocated(&msg)?;
        *received += 1;
        if !msg.more() {
            break;
        }
    }
    Ok(args::size(*received))
}

/// # Safety
/// `parts` is NULL or points to `count` parts that nobody else uses for as long as the result is used.
unsafe fn list<'a>(
    socket: *mut c_void,
    parts: *mut iovec,
    count: usize,
) -> Result<&'a mut [iovec]> {
    if !SOCKETS.holds(socket) {
        return Err(Errno::ENOTSOCK);
    }
    if parts.is_null() || count == 0 {
        return Err(Errno::EINVAL);
    }
    // SAFETY: as promised by the caller.
    Ok(unsafe { slice::from_raw_parts_mut(parts, count) })
}

/// A copy of a message in memory that C can free.
fn allocated(msg: &Msg) -> Result<iovec> {
    // SAFETY: malloc may be asked for any size.
    let memory = unsafe { libc::malloc(msg.len().max(1)) };
    if memory.is_null() {
        return Err(Errno::ENOMEM);
    }
    // SAFETY: fresh memory of at least this size.
    unsafe {
        memory
            .cast::<u8>()
            .copy_from_nonoverlapping(msg.data().as_ptr(), msg.len())
    };
    Ok(iovec {
        iov_base: memory,
        iov_len: msg.len(),
    })
}
