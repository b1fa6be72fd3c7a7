//! `zmq_proxy`, `zmq_proxy_steerable` and `zmq_device`.

use std::ffi::{c_int, c_void};
use std::ptr;

use super::error::report;
use crate::errno::Errno;
use crate::poll::proxy::proxy;

/// Passes messages between two sockets until their context is terminated: ETERM. EFAULT without a socket.
///
/// # Safety
/// All are NULL or point to readable memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_proxy(
    frontend: *mut c_void,
    backend: *mut c_void,
    capture: *mut c_void,
) -> c_int {
    // SAFETY: as promised by the caller.
    unsafe { zmq_proxy_steerable(frontend, backend, capture, ptr::null_mut()) }
}

/// As [`zmq_proxy`], but obeys PAUSE, RESUME, TERMINATE and STATISTICS from a control socket; 0 after TERMINATE.
///
/// # Safety
/// All are NULL or point to readable memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_proxy_steerable(
    frontend: *mut c_void,
    backend: *mut c_void,
    capture: *mut c_void,
    control: *mut c_void,
) -> c_int {
    if frontend.is_null() || backend.is_null() {
        return report(Err(Errno::EFAULT));
    }
    let given = |socket: *mut c_void| (!socket.is_null()).then_some(socket);
    report(proxy(frontend, backend, given(capture), given(control)).map(|()| 0))
}

/// [`zmq_proxy`] without capture, whatever the type.
///
/// # Safety
/// Both are NULL or point to readable memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_device(
    _type_: c_int,
    frontend: *mut c_void,
    backend: *mut c_void,
) -> c_int {
    // SAFETY: as promised by the caller.
    unsafe { zmq_proxy(frontend, backend, ptr::null_mut()) }
}
