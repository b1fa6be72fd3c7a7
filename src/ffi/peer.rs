//! Calls that name a peer or a group.

use std::ffi::{CStr, c_char, c_int, c_void};

use super::args;
use super::error::{report, report_or};
use crate::errno::{Errno, Result};
use crate::socket;

/// Connects a PEER socket, and returns the number by which messages name that peer from now on. 0 on failure: ENOTSUP
/// for other types, EFAULT under ZMQ_IMMEDIATE, else what [`super::socket::zmq_connect`] says.
///
/// # Safety
/// `socket` is NULL or points to readable memory, `endpoint` is NULL or points to a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_connect_peer(socket: *mut c_void, endpoint: *const c_char) -> u32 {
    let connected = socket::enter(socket).and_then(|mut turn| {
        // SAFETY: as promised by the caller.
        let endpoint = unsafe { args::text(endpoint) }.map_or(&[][..], CStr::to_bytes);
        socket::connect_peer(&mut turn, endpoint)
    });
    report_or(connected, 0)
}

/// Ends the connection to a peer of a SERVER or PEER socket. EHOSTUNREACH if there is none of this number, ENOTSUP for
/// other types.
///
/// # Safety
/// `socket` is NULL or points to readable memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_disconnect_peer(socket: *mut c_void, routing_id: u32) -> c_int {
    report(
        socket::enter(socket)
            .and_then(|mut turn| socket::disconnect_peer(&mut turn, routing_id))
            .map(|()| 0),
    )
}

/// Joins a group with a DISH socket. EINVAL if it is in it, or the name is longer than 255 bytes; ENOTSUP for other types.
///
/// # Safety
/// `socket` is NULL or points to readable memory, `group` is NULL or points to a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_join(socket: *mut c_void, group: *const c_char) -> c_int {
    // SAFETY: as promised by the caller.
    report(unsafe { set_group(socket, group, true) })
}

/// Leaves a group with a DISH socket. EINVAL if it is not in it; ENOTSUP for other types.
///
/// # Safety
/// `socket` is NULL or points to readable memory, `group` is NULL or points to a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_leave(socket: *mut c_void, group: *const c_char) -> c_int {
    // SAFETY: as promised by the caller.
    report(unsafe { set_group(socket, group, false) })
}

/// # Safety
/// `group` is NULL or points to a C string.
unsafe fn set_group(socket: *mut c_void, group: *const c_char, join: bool) -> Result<c_int> {
    let mut turn = socket::enter(socket)?;
    // SAFETY: as promised by the caller.
    let group = unsafe { args::text(group) }.ok_or(Errno::EINVAL)?;
    socket::set_group(&mut turn, group.to_bytes(), join).map(|()| 0)
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
