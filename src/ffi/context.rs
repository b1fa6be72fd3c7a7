//! `zmq_ctx_*` and its deprecated names. All but the makers answer EFAULT to what is no context.

use std::ffi::{c_int, c_void};

use super::args;
use super::error::{report, report_ptr};
use crate::ctx::{self, CONTEXTS, Context};
use crate::errno::{Errno, Result};
use crate::options::table::context::IO_THREADS;

fn with<R>(context: *mut c_void, run: impl FnOnce(&Context) -> Result<R>) -> Result<R> {
    let turn = CONTEXTS.enter(context).ok_or(Errno::EFAULT)?;
    run(turn.as_ref().ok_or(Errno::EFAULT)?)
}

fn with_io_threads(count: c_int) -> Result<*mut c_void> {
    if count < 0 {
        return Err(Errno::EINVAL);
    }
    let context = Context::new()?;
    ctx::set(&context, IO_THREADS, count)?;
    Ok(CONTEXTS.insert(context))
}

/// Makes a context, to be destroyed with [`zmq_ctx_term`].
///
/// # Safety
/// Nothing to observe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_ctx_new() -> *mut c_void {
    report_ptr(Context::new().map(|context| CONTEXTS.insert(context)))
}

/// Ends all waiting calls with ETERM, waits until all sockets are closed and what they sent has left or its linger
/// period is over, and destroys the context. After EINTR the context stays, to be terminated again.
///
/// # Safety
/// `context` is NULL or points to readable memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_ctx_term(context: *mut c_void) -> c_int {
    report(ctx::terminate(context).map(|()| 0))
}

/// Ends all waiting calls with ETERM and lets no new ones begin.
///
/// # Safety
/// `context` is NULL or points to readable memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_ctx_shutdown(context: *mut c_void) -> c_int {
    report(ctx::shutdown(context).map(|()| 0))
}

/// Sets an option. EINVAL if it is unknown or the value is out of its range.
///
/// # Safety
/// `context` is NULL or points to readable memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_ctx_set(context: *mut c_void, option: c_int, value: c_int) -> c_int {
    report(with(context, |context| ctx::set(context, option, value)).map(|()| 0))
}

/// Reads an option. EINVAL if it is unknown.
///
/// # Safety
/// `context` is NULL or points to readable memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_ctx_get(context: *mut c_void, option: c_int) -> c_int {
    report(with(context, |context| ctx::get(context, option)))
}

/// Sets an option whose value may be text. EINVAL if it is unknown or the value does not fit it.
///
/// # Safety
/// `context` is NULL or points to readable memory, `value` is NULL or points to `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_ctx_set_ext(
    context: *mut c_void,
    option: c_int,
    value: *const c_void,
    size: usize,
) -> c_int {
    report(with(context, |context| {
        // SAFETY: as promised by the caller.
        let value = unsafe { args::option_value(value, size) }?;
        ctx::set_ext(context, option, value).map(|()| 0)
    }))
}

/// Reads an option whose value may be text. EINVAL if it is unknown, or has no room.
///
/// # Safety
/// `context` is NULL or points to readable memory, `size` is NULL or points to a size, and `value` is NULL or points to
/// as many bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_ctx_get_ext(
    context: *mut c_void,
    option: c_int,
    value: *mut c_void,
    size: *mut usize,
) -> c_int {
    report(with(context, |context| {
        if size.is_null() {
            return Err(Errno::EINVAL);
        }
        // SAFETY: as promised by the caller.
        let buffer = unsafe { args::bytes_mut(value, *size, Errno::EINVAL) }?;
        ctx::get_ext(context, option, buffer).map(|()| 0)
    }))
}

/// [`zmq_ctx_new`] with a number of I/O threads. EINVAL if it is negative.
///
/// # Safety
/// Nothing to observe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_init(io_threads: c_int) -> *mut c_void {
    report_ptr(with_io_threads(io_threads))
}

/// [`zmq_ctx_term`].
///
/// # Safety
/// As there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_term(context: *mut c_void) -> c_int {
    // SAFETY: as promised by the caller.
    unsafe { zmq_ctx_term(context) }
}

/// [`zmq_ctx_term`].
///
/// # Safety
/// As there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_ctx_destroy(context: *mut c_void) -> c_int {
    // SAFETY: as promised by the caller.
    unsafe { zmq_ctx_term(context) }
}
