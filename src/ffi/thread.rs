//! `zmq_threadstart` and `zmq_threadclose`: a portable thread for programs that have none of their own.
//!
//! The thread is the C library's, with its default stack size, which is larger than that of a Rust thread. It starts
//! with every signal blocked, so that handlers run on the threads the application made itself.

use std::ffi::c_void;

use super::error::report_ptr;
use super::tagged::{self, Family};
use crate::errno::Errno;
use crate::sys::thread::Thread;

/// `zmq_thread_fn`: what the thread runs, called with the argument given to `zmq_threadstart`.
pub type ThreadFn = unsafe extern "C" fn(arg: *mut c_void);

/// What the thread calls.
struct Call {
    function: ThreadFn,
    arg: *mut c_void,
}

// SAFETY: the caller of `zmq_threadstart` promised that the function can be called with its argument in another thread.
unsafe impl Send for Call {}

impl Call {
    fn run(self) {
        // SAFETY: as promised by the caller of `zmq_threadstart`.
        unsafe { (self.function)(self.arg) };
    }
}

impl Family for Thread {
    const TAG: u32 = 0xCAFE_74EA;
}

/// Runs a function in a new thread, to be ended with [`zmq_threadclose`]. NULL and EFAULT without a function, NULL and
/// EAGAIN or ENOMEM if there can be no more threads.
///
/// # Safety
/// `func` is NULL or can be called with `arg` in another thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_threadstart(func: Option<ThreadFn>, arg: *mut c_void) -> *mut c_void {
    let thread = func.ok_or(Errno::EFAULT).and_then(|function| {
        let call = Call { function, arg };
        Thread::spawn(format_args!("ZMQapp"), None, move || call.run())
    });
    report_ptr(thread.and_then(tagged::create))
}

/// Waits until the thread's function has returned and frees the handle. Does nothing to anything but such a handle.
///
/// # Safety
/// `thread` is NULL or points to readable memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_threadclose(thread: *mut c_void) {
    // SAFETY: as promised by the caller.
    if let Ok(thread) = unsafe { tagged::destroy::<Thread>(thread) } {
        thread.join();
    }
}

#[cfg(test)]
mod tests {
    use super::super::atomic_counter::*;
    use super::*;
    use std::ffi::{CStr, c_char};
    use std::mem::MaybeUninit;
    use std::ptr;
    use std::sync::OnceLock;

    unsafe extern "C" fn count(counter: *mut c_void) {
        call!(zmq_atomic_counter_inc(counter));
    }

    unsafe extern "C" fn write_name(name: *mut c_void) {
        call!(libc::pthread_getname_np(
            libc::pthread_self(),
            name.cast::<c_char>(),
            16
        ));
    }

    unsafe extern "C" fn write_stack_size(size: *mut c_void) {
        let mut attributes = MaybeUninit::uninit();
        call! {
            assert_eq!(libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()), 0);
            libc::pthread_attr_getstacksize(attributes.as_ptr(), size.cast());
            libc::pthread_attr_destroy(attributes.as_mut_ptr());
        }
    }

    fn default_stack_size() -> usize {
        let (mut attributes, mut size) = (MaybeUninit::uninit(), 0);
        call! {
            assert_eq!(libc::pthread_attr_init(attributes.as_mut_ptr()), 0);
            libc::pthread_attr_getstacksize(attributes.as_ptr(), &mut size);
            libc::pthread_attr_destroy(attributes.as_mut_ptr());
        }
        size
    }

    /// A thread's own handle, and whether it has closed it.
    #[derive(Default)]
    struct Own {
        handle: OnceLock<usize>,
        closed: OnceLock<()>,
    }

    unsafe extern "C" fn close_itself(own: *mut c_void) {
        let own = call!(&*own.cast::<Own>());
        let handle = ptr::with_exposed_provenance_mut(*own.handle.wait());
        call!(zmq_threadclose(handle));
        own.closed.set(()).unwrap();
    }

    #[test]
    fn closing_waits_for_the_function() {
        let mut counter = call!(zmq_atomic_counter_new());
        let threads = [(); 3].map(|()| call!(zmq_threadstart(Some(count), counter)));
        for thread in threads {
            assert!(!thread.is_null());
            call!(zmq_threadclose(thread));
        }
        assert_eq!(call!(zmq_atomic_counter_value(counter)), 3);
        call!(zmq_atomic_counter_destroy(&mut counter));
    }

    #[test]
    fn the_thread_has_a_name() {
        let mut name = [0 as c_char; 16];
        call!(zmq_threadclose(zmq_threadstart(
            Some(write_name),
            name.as_mut_ptr().cast()
        )));
        assert_eq!(call!(CStr::from_ptr(name.as_ptr())), c"ZMQapp");
    }

    #[test]
    fn the_thread_has_the_stack_of_a_c_thread() {
        let mut size = 0usize;
        call!(zmq_threadclose(zmq_threadstart(
            Some(write_stack_size),
            (&raw mut size).cast(),
        )));
        assert!(size >= default_stack_size(), "{size}");
    }

    #[test]
    fn a_thread_may_close_itself() {
        let own: &Own = Box::leak(Box::default());
        let handle = call!(zmq_threadstart(
            Some(close_itself),
            ptr::from_ref(own).cast_mut().cast()
        ));
        own.handle.set(handle.expose_provenance()).unwrap();
        own.closed.wait();
    }

    #[test]
    fn a_missing_function_is_a_fault() {
        assert!(call!(zmq_threadstart(None, ptr::null_mut())).is_null());
        assert_eq!(Errno::last(), Errno::EFAULT);
    }

    #[test]
    fn closing_null_or_a_foreign_pointer_does_nothing() {
        let mut memory = [0u64; 4];
        call!(zmq_threadclose(ptr::null_mut()));
        call!(zmq_threadclose((&raw mut memory).cast()));
    }
}
