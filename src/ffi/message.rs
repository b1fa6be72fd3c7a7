//! `zmq_msg_*`: messages in memory of the application's. All calls answer EFAULT to what is no live message.
//!
//! The functions that begin a message never look at the memory they are given; the others believe only a live message.

use std::cell::RefCell;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;

use super::args;
use super::error::{report, report_or, report_ptr};
use crate::errno::{Errno, Result};
use crate::msg::{self, GROUP_MAX, Groups, INLINE_MAX, Meta, Msg};
use crate::options::constants::message_property::{MORE, SHARED, SRCFD};

/// `zmq_free_fn`: called with the data and the hint given to [`zmq_msg_init_data`].
pub type FreeFn = unsafe extern "C" fn(data: *mut c_void, hint: *mut c_void);

/// # Safety
/// As for [`msg::emplace`], but `place` may be NULL or misaligned.
unsafe fn begin(place: *mut Msg, make: impl FnOnce() -> Result<Msg>) -> c_int {
    report(args::message_place(place).and_then(|place| {
        let msg = make()?;
        // SAFETY: aligned, and room for a message as promised by the caller.
        unsafe { msg::emplace(place, msg) };
        Ok(0)
    }))
}

/// Begins an empty message.
///
/// # Safety
/// `msg` is NULL or points to room for a message, which holds none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_init(msg: *mut Msg) -> c_int {
    // SAFETY: as promised by the caller.
    unsafe { begin(msg, || Ok(Msg::new())) }
}

/// Begins a message of `size` bytes of unspecified content. ENOMEM.
///
/// # Safety
/// `msg` is NULL or points to room for a message, which holds none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_init_size(msg: *mut Msg, size: usize) -> c_int {
    if size <= INLINE_MAX
        && let Ok(place) = args::message_place(msg)
    {
        // SAFETY: aligned, and room for a message as promised by the caller.
        unsafe { msg::emplace_of_len(place, size as u8) };
        return 0;
    }
    // SAFETY: as promised by the caller.
    unsafe { begin(msg, || Msg::with_size(size)) }
}

/// Begins a message with a copy of `size` bytes. ENOMEM.
///
/// # Safety
/// `msg` is NULL or points to room for a message, which holds none; `data` is NULL or points to `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_init_buffer(
    msg: *mut Msg,
    data: *const c_void,
    size: usize,
) -> c_int {
    // SAFETY: as promised by the caller.
    unsafe { begin(msg, || Msg::copied(args::bytes(data, size, Errno::EFAULT)?)) }
}

/// Begins a message around memory of the application's, which `free_fn(data, hint)` releases once, from any thread. The
/// memory is constant without `free_fn`.
///
/// # Safety
/// `msg` is NULL or points to room for a message, which holds none. `data` is NULL or points to `size` bytes that stay
/// until `free_fn` is called, which may happen from any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_init_data(
    msg: *mut Msg,
    data: *mut c_void,
    size: usize,
    free_fn: Option<FreeFn>,
    hint: *mut c_void,
) -> c_int {
    // SAFETY: as promised by the caller.
    unsafe {
        begin(msg, || {
            args::bytes(data, size, Errno::EFAULT)?;
            Ok(Msg::foreign(data.cast(), size, free_fn, hint))
        })
    }
}

/// Releases a message.
///
/// # Safety
/// `msg` is NULL or points to 64 readable bytes that nobody else uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_close(msg: *mut Msg) -> c_int {
    // SAFETY: as promised by the caller. Marked first: the release function may look at the message.
    report(unsafe { args::message(msg) }.map(|live| {
        if live.is_plain() {
            // SAFETY: live, hence writable; there is nothing to release.
            unsafe { Msg::mark_closed(msg) };
            return 0;
        }
        let content = live.take();
        // SAFETY: live, hence writable; an empty message that is forgotten leaks nothing.
        unsafe { Msg::mark_closed(msg) };
        drop(content);
        0
    }))
}

/// Moves the content of `src`, which becomes empty, to `dest`, whose content is released. Onto itself nothing happens.
///
/// # Safety
/// Both are NULL or point to 64 readable bytes that nobody else uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_move(dest: *mut Msg, src: *mut Msg) -> c_int {
    // SAFETY: as promised by the caller.
    report(unsafe { replace(dest, src, |src| Ok(src.take())) })
}

/// Shares the content of `src` with `dest`, whose content is released. Onto itself nothing happens. ENOMEM.
///
/// # Safety
/// Both are NULL or point to 64 readable bytes that nobody else uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_copy(dest: *mut Msg, src: *mut Msg) -> c_int {
    // SAFETY: as promised by the caller.
    report(unsafe { replace(dest, src, Msg::share) })
}

/// # Safety
/// Both are NULL or point to 64 readable bytes that nobody else uses.
unsafe fn replace(
    dest: *mut Msg,
    src: *mut Msg,
    content: impl FnOnce(&mut Msg) -> Result<Msg>,
) -> Result<c_int> {
    // The reference is gone before the next is made, for both may be the same.
    let content = {
        // SAFETY: as promised by the caller.
        let src_msg = unsafe { args::message(src) }?;
        if dest == src {
            return Ok(0);
        }
        // SAFETY: not the same message.
        unsafe { args::message(dest) }?;
        content(src_msg)?
    };
    // SAFETY: live a moment ago.
    let old = std::mem::replace(unsafe { args::message(dest) }?, content);
    drop(old);
    Ok(0)
}

/// Where the content starts, NULL for what is no message.
///
/// # Safety
/// `msg` is NULL or points to 64 readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_data(msg: *mut Msg) -> *mut c_void {
    // SAFETY: as promised by the caller.
    report_ptr(unsafe { args::message(msg) }.map(|msg| msg.data_ptr().cast()))
}

/// How many bytes there are, 0 for what is no message.
///
/// # Safety
/// `msg` is NULL or points to 64 readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_size(msg: *const Msg) -> usize {
    // SAFETY: as promised by the caller.
    report_or(unsafe { args::message_ref(msg) }.map(Msg::len), 0)
}

/// Whether more frames of the same message follow, 0 for what is no message.
///
/// # Safety
/// `msg` is NULL or points to 64 readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_more(msg: *const Msg) -> c_int {
    // SAFETY: as promised by the caller.
    report_or(
        unsafe { args::message_ref(msg) }.map(|msg| c_int::from(msg.more())),
        0,
    )
}

/// Reads a property: ZMQ_MORE, ZMQ_SRCFD, ZMQ_SHARED. EINVAL for others.
///
/// # Safety
/// `msg` is NULL or points to 64 readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_get(msg: *const Msg, property: c_int) -> c_int {
    // SAFETY: as promised by the caller.
    report(
        unsafe { args::message_ref(msg) }.and_then(|msg| match property {
            MORE => Ok(c_int::from(msg.more())),
            SRCFD => Ok(msg.meta().map_or(-1, Meta::fd)),
            SHARED => Ok(c_int::from(msg.is_shared())),
            _ => Err(Errno::EINVAL),
        }),
    )
}

/// There is no property to set: EINVAL.
///
/// # Safety
/// `msg` is NULL or points to 64 readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_set(msg: *mut Msg, _property: c_int, _value: c_int) -> c_int {
    // SAFETY: as promised by the caller.
    report(unsafe { args::message_ref(msg) }.and(Err(Errno::EINVAL)))
}

/// What is known of the connection a message came by. EINVAL if that is not known. The text is good until the message is
/// closed, sent or received into.
///
/// # Safety
/// `msg` is NULL or points to 64 readable bytes, `property` is NULL or points to a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_gets(msg: *const Msg, property: *const c_char) -> *const c_char {
    // SAFETY: as promised by the caller.
    let value = unsafe { args::message_ref(msg) }.and_then(|msg| {
        // SAFETY: as promised by the caller.
        let name = unsafe { args::text(property) }.ok_or(Errno::EINVAL)?;
        msg.meta()
            .and_then(|meta| meta.property(name))
            .ok_or(Errno::EINVAL)
    });
    report_or(value.map(CStr::as_ptr), ptr::null())
}

/// Says which peer a message is for. EINVAL for 0.
///
/// # Safety
/// `msg` is NULL or points to 64 readable bytes that nobody else uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_set_routing_id(msg: *mut Msg, routing_id: u32) -> c_int {
    // SAFETY: as promised by the caller.
    report(unsafe { args::message(msg) }.and_then(|msg| {
        if routing_id == 0 {
            return Err(Errno::EINVAL);
        }
        msg.set_routing_id(routing_id);
        Ok(0)
    }))
}

/// Which peer a message came from, 0 if that is not known.
///
/// # Safety
/// `msg` is NULL or points to 64 readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_routing_id(msg: *mut Msg) -> u32 {
    // SAFETY: as promised by the caller.
    report_or(unsafe { args::message_ref(msg) }.map(Msg::routing_id), 0)
}

thread_local! {
    static GROUPS: RefCell<Groups> = RefCell::default();
}

/// Gives a message a group, of whose name 255 bytes count. EINVAL if it is NULL.
///
/// # Safety
/// `msg` is NULL or points to 64 readable bytes that nobody else uses, `group` is NULL or points to a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_set_group(msg: *mut Msg, group: *const c_char) -> c_int {
    // SAFETY: as promised by the caller.
    report(unsafe { args::message(msg) }.and_then(|msg| {
        // SAFETY: as promised by the caller.
        let group = unsafe { args::text(group) }
            .ok_or(Errno::EINVAL)?
            .to_bytes();
        let group = group.get(..GROUP_MAX).unwrap_or(group);
        // The thread may be about to end.
        if GROUPS
            .try_with(|groups| groups.borrow_mut().mark(msg, group))
            .is_err()
        {
            Groups::default().mark(msg, group);
        }
        Ok(0)
    }))
}

/// The group of a message, empty without one. The text is good until the message is closed, sent, received into or given
/// another group.
///
/// # Safety
/// `msg` is NULL or points to 64 readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_group(msg: *mut Msg) -> *const c_char {
    // SAFETY: as promised by the caller.
    let group = unsafe { args::message_ref(msg) }.map(|msg| {
        msg.meta()
            .and_then(Meta::group)
            .unwrap_or_default()
            .as_ptr()
    });
    report_or(group, ptr::null())
}
