//! `zmq_poll` and `zmq_ppoll`.

use std::ffi::{c_int, c_long, c_short, c_void};
use std::slice;

use super::args;
use super::error::report;
use crate::errno::{Errno, Result};
use crate::poll::{self, Item, Target};

/// What to wait for: a socket, or a descriptor if that is NULL.
#[repr(C)]
#[derive(Debug)]
#[allow(non_camel_case_types, reason = "the name in C")]
pub struct zmq_pollitem_t {
    /// The socket.
    pub socket: *mut c_void,
    /// The descriptor.
    pub fd: c_int,
    /// The events that are wanted.
    pub events: c_short,
    /// Those that happened.
    pub revents: c_short,
}

const _: () = assert!(size_of::<zmq_pollitem_t>() == 16);

impl Item for zmq_pollitem_t {
    fn target(&self) -> Target {
        if self.socket.is_null() {
            Target::Fd(self.fd)
        } else {
            Target::Socket(self.socket)
        }
    }

    fn events(&self) -> i16 {
        self.events
    }

    fn set_ready(&mut self, events: i16) {
        self.revents = events;
    }
}

/// Waits until an item is ready or the time is over, for ever if `timeout` is negative; returns how many are ready.
/// EINVAL for a negative count, EFAULT without items, ENOTSOCK, ETERM, EINTR.
///
/// # Safety
/// `items` is NULL or points to `count` items that nobody else uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_poll(
    items: *mut zmq_pollitem_t,
    count: c_int,
    timeout: c_long,
) -> c_int {
    // SAFETY: as promised by the caller.
    report(
        unsafe { list(items, count) }
            .and_then(|items| poll::poll(items, args::timeout(timeout)))
            .map(args::size),
    )
}

/// As [`zmq_poll`], with these signals blocked while asleep.
///
/// # Safety
/// `items` is NULL or points to `count` items that nobody else uses, `sigmask` is NULL or points to a set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_ppoll(
    items: *mut zmq_pollitem_t,
    count: c_int,
    timeout: c_long,
    sigmask: *const libc::sigset_t,
) -> c_int {
    // SAFETY: as promised by the caller.
    let (items, mask) = unsafe { (list(items, count), sigmask.as_ref()) };
    report(
        items
            .and_then(|items| poll::ppoll(items, args::timeout(timeout), mask))
            .map(args::size),
    )
}

/// # Safety
/// As for [`zmq_poll`].
unsafe fn list<'a>(items: *mut zmq_pollitem_t, count: c_int) -> Result<&'a mut [zmq_pollitem_t]> {
    let count = usize::try_from(count).map_err(|_| Errno::EINVAL)?;
    if count == 0 {
        return Ok(&mut []);
    }
    if items.is_null() {
        return Err(Errno::EFAULT);
    }
    // SAFETY: as promised by the caller.
    Ok(unsafe { slice::from_raw_parts_mut(items, count) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ptr;

    #[test]
    fn bad_arguments() {
        assert_eq!(call!(zmq_poll(ptr::null_mut(), -1, 0)), -1);
        assert_eq!(Errno::last(), Errno::EINVAL);
        assert_eq!(call!(zmq_poll(ptr::null_mut(), 1, 0)), -1);
        assert_eq!(Errno::last(), Errno::EFAULT);
        assert_eq!(call!(zmq_poll(ptr::null_mut(), 0, 0)), 0);
        assert_eq!(call!(zmq_ppoll(ptr::null_mut(), 1, 0, ptr::null())), -1);
        assert_eq!(Errno::last(), Errno::EFAULT);
    }
}
