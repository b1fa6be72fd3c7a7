//! Calls that name a peer or a group.

use std::ffi::{c_char, c_int, c_void};

use super::args;
use super::error::{report, report_or};
use crate::errno::{Errno, Result};
use crate::socket;

/// The socket types that these calls are for do not exist here: ENOTSOCK for what is no socket, ENOTSUP for sockets.
fn unsupported<T>(socket: *mut c_void) -> Result<T> {
    socket::enter(socket).and(Err(Errno::ENOTSUP))
}

/// Connects a PEER socket; no other can: ENOTSUP.
///
/// # Safety
/// `socket` is NULL or points to readable memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_connect_peer(socket: *mut c_void, _endpoint: *const c_char) -> u32 {
    report_or(unsupported(socket), 0)
}

/// Disconnects a peer of a SERVER or PEER socket; no other can: ENOTSUP.
///
/// # Safety
/// `socket` is NULL or points to readable memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_disconnect_peer(socket: *mut c_void, _routing_id: u32) -> c_int {
    report(unsupported(socket))
}

/// Joins a group with a DISH socket; no other can: ENOTSUP.
///
/// # Safety
/// `socket` is NULL or points to readable memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_join(socket: *mut c_void, _group: *const c_char) -> c_int {
    report(unsupported(socket))
}

/// Leaves a group with a DISH socket; no other can: ENOTSUP.
///
/// # Safety
/// `socket` is NULL or points to readable memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_leave(socket: *mut c_void, _group: *const c_char) -> c_int {
    report(unsupported(socket))
}

/// Whether a peer of a ROUTER socket can be sent to: ZMQ_POLLOUT if so. EHOSTUNREACH if there is none of this routing
/// id, ENOTSUP for other types.
///
/// # Safety
/// `socket` is NULL or points to readable memory, `routing_id` is NULL or points to `routing_id_size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_socket_get_peer_state(
    socket: *mut c_void,
    routing_id: *const c_void,
    routing_id_size: usize,
) -> c_int {
    report(socket::enter(socket).and_then(|mut turn| {
        // SAFETY: as promised by the caller.
        let id = unsafe { args::bytes(routing_id, routing_id_size, Errno::EFAULT) }?;
        socket::peer_state(&mut turn, id)
    }))
}
