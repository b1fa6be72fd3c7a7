//! `zmq_socket_monitor` and its draft sisters.

use std::ffi::{CStr, c_char, c_int, c_void};

use super::args;
use super::error::report;
use crate::options::constants::socket_type::PAIR;
use crate::socket;

/// Reports what happens to a socket's connections at an inproc endpoint, or stops doing so if that is NULL.
///
/// # Safety
/// `socket` is NULL or points to readable memory, `endpoint` is NULL or points to a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_socket_monitor(
    socket: *mut c_void,
    endpoint: *const c_char,
    events: c_int,
) -> c_int {
    // A negative mask has bits that version 1 lacks, and is refused for them.
    // SAFETY: as promised by the caller.
    unsafe { zmq_socket_monitor_versioned(socket, endpoint, i64::from(events) as u64, 1, PAIR) }
}

/// As [`zmq_socket_monitor`], with the layout of the events and the type of the monitor's socket.
///
/// # Safety
/// `socket` is NULL or points to readable memory, `endpoint` is NULL or points to a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_socket_monitor_versioned(
    socket: *mut c_void,
    endpoint: *const c_char,
    events: u64,
    version: c_int,
    type_: c_int,
) -> c_int {
    report(socket::enter(socket).and_then(|mut turn| {
        // SAFETY: as promised by the caller.
        let endpoint = unsafe { args::text(endpoint) }.map(CStr::to_bytes);
        socket::monitor(&mut turn, endpoint, events, version, type_).map(|()| 0)
    }))
}

/// Has the monitor report how many messages wait in each of the socket's pipes, to be sent and to be received.
///
/// # Safety
/// `socket` is NULL or points to readable memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_socket_monitor_pipes_stats(socket: *mut c_void) -> c_int {
    report(socket::enter(socket).and_then(|mut turn| socket::report_pipes(&mut turn).map(|()| 0)))
}
