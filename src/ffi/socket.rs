//! `zmq_socket` and what is done to sockets besides sending and receiving. All calls answer ENOTSOCK to what is no
//! socket.

use std::ffi::{c_char, c_int, c_void};

use super::args;
use super::error::{report, report_ptr};
use crate::errno::Result;
use crate::queue::Turn;
use crate::socket::{self, Socket};

/// Opens a socket. EFAULT for what is no context, ETERM, EMFILE when there are too many, EINVAL for an unknown type.
///
/// # Safety
/// `context` is NULL or points to readable memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_socket(context: *mut c_void, type_: c_int) -> *mut c_void {
    report_ptr(socket::open(context, type_))
}

/// Closes a socket. What was sent still leaves, for as long as the linger period says.
///
/// # Safety
/// `socket` is NULL or points to readable memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_close(socket: *mut c_void) -> c_int {
    report(socket::close(socket).map(|()| 0))
}

/// # Safety
/// `endpoint` is NULL or points to a C string.
unsafe fn with_endpoint(
    socket: *mut c_void,
    endpoint: *const c_char,
    run: impl FnOnce(&mut Turn<Socket>, &[u8]) -> Result<()>,
) -> c_int {
    report(socket::enter(socket).and_then(|mut turn| {
        // SAFETY: as promised by the caller.
        let endpoint = unsafe { args::endpoint(endpoint) }?;
        run(&mut turn, endpoint).map(|()| 0)
    }))
}

/// Listens at an endpoint.
///
/// # Safety
/// `socket` is NULL or points to readable memory, `endpoint` is NULL or points to a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_bind(socket: *mut c_void, endpoint: *const c_char) -> c_int {
    // SAFETY: as promised by the caller.
    unsafe { with_endpoint(socket, endpoint, socket::bind) }
}

/// Connects to an endpoint, in the background.
///
/// # Safety
/// `socket` is NULL or points to readable memory, `endpoint` is NULL or points to a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_connect(socket: *mut c_void, endpoint: *const c_char) -> c_int {
    // SAFETY: as promised by the caller.
    unsafe { with_endpoint(socket, endpoint, socket::connect) }
}

/// Undoes a bind. ENOENT if there was none.
///
/// # Safety
/// `socket` is NULL or points to readable memory, `endpoint` is NULL or points to a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_unbind(socket: *mut c_void, endpoint: *const c_char) -> c_int {
    // SAFETY: as promised by the caller.
    unsafe { with_endpoint(socket, endpoint, socket::unbind) }
}

/// Undoes a connect. ENOENT if there was none.
///
/// # Safety
/// `socket` is NULL or points to readable memory, `endpoint` is NULL or points to a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_disconnect(socket: *mut c_void, endpoint: *const c_char) -> c_int {
    // SAFETY: as promised by the caller.
    unsafe { with_endpoint(socket, endpoint, socket::disconnect) }
}
