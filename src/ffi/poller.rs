//! `zmq_poller_*`. All calls answer EFAULT to what is no poller.

use std::ffi::{c_int, c_long, c_short, c_void};
use std::{ptr, slice};

use parking_lot::Mutex;

use super::args;
use super::error::{report, report_ptr};
use super::tagged::{self, Family};
use crate::errno::{Errno, Result};
use crate::poll::Target;
use crate::poll::poller::{Poller, Registered};

/// What is ready.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(non_camel_case_types, reason = "the name in C")]
pub struct zmq_poller_event_t {
    /// The socket, NULL for a descriptor.
    pub socket: *mut c_void,
    /// The descriptor, -1 for a socket.
    pub fd: c_int,
    /// What was registered with it.
    pub user_data: *mut c_void,
    /// The events that happened.
    pub events: c_short,
}

const _: () = assert!(size_of::<zmq_poller_event_t>() == 32);

impl zmq_poller_event_t {
    const NOTHING: zmq_poller_event_t = zmq_poller_event_t {
        socket: ptr::null_mut(),
        fd: -1,
        user_data: ptr::null_mut(),
        events: 0,
    };

    fn of(item: &Registered<*mut c_void>) -> zmq_poller_event_t {
        let (socket, fd) = match item.target {
            Target::Socket(socket) => (socket, -1),
            Target::Fd(fd) => (ptr::null_mut(), fd),
        };
        zmq_poller_event_t {
            socket,
            fd,
            user_data: item.user,
            events: item.ready,
        }
    }
}

struct Held(Mutex<Poller<*mut c_void>>);

impl Family for Held {
    const TAG: u32 = 0xCAFE_BABE;
}

/// # Safety
/// `poller` is NULL or points to readable memory.
unsafe fn change(
    poller: *mut c_void,
    change: impl FnOnce(&mut Poller<*mut c_void>) -> Result<()>,
) -> c_int {
    // SAFETY: as promised by the caller.
    let held = unsafe { tagged::get::<Held>(poller) };
    report(held.and_then(|held| change(&mut held.0.lock())).map(|()| 0))
}

/// Makes an empty poller, to be destroyed with [`zmq_poller_destroy`]. ENOMEM.
///
/// # Safety
/// Nothing to observe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_poller_new() -> *mut c_void {
    report_ptr(tagged::create(Held(Mutex::default())))
}

/// Destroys a poller and sets the variable to NULL.
///
/// # Safety
/// `poller_p` is NULL or points to a variable; the pointer in it is NULL or points to readable memory. No other thread
/// is using the poller.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_poller_destroy(poller_p: *mut *mut c_void) -> c_int {
    // SAFETY: as promised by the caller.
    report(unsafe { tagged::destroy_in::<Held>(poller_p) }.map(|_| 0))
}

/// How many sockets and descriptors are registered.
///
/// # Safety
/// `poller` is NULL or points to readable memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_poller_size(poller: *mut c_void) -> c_int {
    // SAFETY: as promised by the caller.
    report(unsafe { tagged::get::<Held>(poller) }.map(|held| args::size(held.0.lock().len())))
}

/// Registers a socket. ENOTSOCK; EINVAL for unknown events, or if it is registered.
///
/// # Safety
/// `poller` and `socket` are NULL or point to readable memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_poller_add(
    poller: *mut c_void,
    socket: *mut c_void,
    user_data: *mut c_void,
    events: c_short,
) -> c_int {
    // SAFETY: as promised by the caller.
    unsafe { change(poller, |p| p.add(Target::Socket(socket), user_data, events)) }
}

/// Asks for other events of a socket. ENOTSOCK; EINVAL for unknown events, or if it is not registered.
///
/// # Safety
/// `poller` and `socket` are NULL or point to readable memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_poller_modify(
    poller: *mut c_void,
    socket: *mut c_void,
    events: c_short,
) -> c_int {
    // SAFETY: as promised by the caller.
    unsafe { change(poller, |p| p.modify(Target::Socket(socket), events)) }
}

/// Forgets a socket. ENOTSOCK; EINVAL if it is not registered.
///
/// # Safety
/// `poller` and `socket` are NULL or point to readable memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_poller_remove(poller: *mut c_void, socket: *mut c_void) -> c_int {
    // SAFETY: as promised by the caller.
    unsafe { change(poller, |p| p.remove(Target::Socket(socket))) }
}

/// Registers a descriptor. EBADF for -1; EINVAL for unknown events, or if it is registered.
///
/// # Safety
/// `poller` is NULL or points to readable memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_poller_add_fd(
    poller: *mut c_void,
    fd: c_int,
    user_data: *mut c_void,
    events: c_short,
) -> c_int {
    // SAFETY: as promised by the caller.
    unsafe { change(poller, |p| p.add(Target::Fd(fd), user_data, events)) }
}

/// Asks for other events of a descriptor. EBADF for -1; EINVAL for unknown events, or if it is not registered.
///
/// # Safety
/// `poller` is NULL or points to readable memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_poller_modify_fd(
    poller: *mut c_void,
    fd: c_int,
    events: c_short,
) -> c_int {
    // SAFETY: as promised by the caller.
    unsafe { change(poller, |p| p.modify(Target::Fd(fd), events)) }
}

/// Forgets a descriptor. EBADF for -1; EINVAL if it is not registered.
///
/// # Safety
/// `poller` is NULL or points to readable memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_poller_remove_fd(poller: *mut c_void, fd: c_int) -> c_int {
    // SAFETY: as promised by the caller.
    unsafe { change(poller, |p| p.remove(Target::Fd(fd))) }
}

/// Waits until something is ready and says what. EAGAIN when the time is over.
///
/// # Safety
/// `poller` is NULL or points to readable memory, `event` is NULL or points to room for an event.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_poller_wait(
    poller: *mut c_void,
    event: *mut zmq_poller_event_t,
    timeout: c_long,
) -> c_int {
    // SAFETY: as promised by the caller.
    report(unsafe { wait(poller, event, 1, timeout) }.map(|_| 0))
}

/// Waits until something is ready, says what, and returns how many events were written. EAGAIN when the time is over.
///
/// # Safety
/// `poller` is NULL or points to readable memory, `events` is NULL or points to room for `count` events.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_poller_wait_all(
    poller: *mut c_void,
    events: *mut zmq_poller_event_t,
    count: c_int,
    timeout: c_long,
) -> c_int {
    // SAFETY: as promised by the caller.
    report(unsafe { wait(poller, events, count, timeout) })
}

/// # Safety
/// As for [`zmq_poller_wait_all`].
unsafe fn wait(
    poller: *mut c_void,
    events: *mut zmq_poller_event_t,
    count: c_int,
    timeout: c_long,
) -> Result<c_int> {
    // SAFETY: as promised by the caller.
    let held = unsafe { tagged::get::<Held>(poller) }?;
    if events.is_null() {
        return Err(Errno::EFAULT);
    }
    let count = usize::try_from(count).map_err(|_| Errno::EINVAL)?;
    for place in 0..count {
        // SAFETY: room for as many events, as promised by the caller; what is in it is not looked at.
        unsafe { events.add(place).write(zmq_poller_event_t::NOTHING) };
    }
    // SAFETY: written just now.
    let room = unsafe { slice::from_raw_parts_mut(events, count) };
    // Others may register while this thread sleeps.
    let mut round = held.0.lock().round();
    let mut filled = 0;
    let ready = round.wait(args::timeout(timeout))?;
    for (place, item) in room.iter_mut().zip(ready) {
        *place = zmq_poller_event_t::of(item);
        filled += 1;
    }
    if filled == 0 {
        return Err(Errno::EAGAIN);
    }
    Ok(args::size(filled))
}

/// Gives out a descriptor that becomes readable when a thread-safe socket may have become ready, until the next wait.
/// EINVAL if no such socket was registered.
///
/// # Safety
/// `poller` is NULL or points to readable memory, `fd` is NULL or points to a variable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_poller_fd(poller: *mut c_void, fd: *mut c_int) -> c_int {
    // SAFETY: as promised by the caller.
    let held = unsafe { tagged::get::<Held>(poller) };
    report(held.and_then(|held| {
        if fd.is_null() {
            return Err(Errno::EFAULT);
        }
        let descriptor = held.0.lock().descriptor()?;
        // SAFETY: not NULL, hence a variable as promised by the caller.
        unsafe { fd.write(descriptor) };
        Ok(0)
    }))
}
