//! Threads of the library: the C library's own, which take no signals, so that handlers run on the application's threads.

use crate::errno::{Errno, Result};
use std::ffi::{CStr, c_void};
use std::fmt::{self, Write};
use std::mem::MaybeUninit;
use std::ptr;

/// Bytes that the library's own threads need of a stack, and more.
pub const STACK: usize = 512 << 10;

/// The system keeps no more of a thread's name.
const NAME_MAX: usize = 15;

/// The name of a thread: as many whole characters as the system keeps, up to a NUL.
#[derive(Clone, Copy, Default)]
struct Name {
    bytes: [u8; NAME_MAX + 1],
    length: usize,
    full: bool,
}

impl Name {
    fn of(text: fmt::Arguments<'_>) -> Name {
        let mut name = Name::default();
        // It takes whatever it is given.
        let _ = name.write_fmt(text);
        name
    }

    fn as_c(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.bytes).unwrap_or_default()
    }
}

impl Write for Name {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            let end = self.length + character.len_utf8();
            self.full |= character == '\0' || end > NAME_MAX;
            if self.full {
                break;
            }
            character.encode_utf8(&mut self.bytes[self.length..]);
            self.length = end;
        }
        Ok(())
    }
}

/// A running thread. Dropped, it goes on by itself.
#[derive(Debug)]
pub struct Thread(libc::pthread_t);

/// What a new thread is handed.
struct Start<F> {
    name: Name,
    body: F,
}

extern "C" fn run<F: FnOnce()>(start: *mut c_void) -> *mut c_void {
    // SAFETY: `spawn` leaked this box to this thread alone.
    let Start { name, body } = *unsafe { Box::from_raw(start.cast::<Start<F>>()) };
    // SAFETY: names the calling thread; the name ends in NUL.
    unsafe { libc::pthread_setname_np(libc::pthread_self(), name.as_c().as_ptr()) };
    body();
    ptr::null_mut()
}

impl Thread {
    /// Starts a thread with a stack of so many bytes, or as large as the C library makes it.
    ///
    /// # Errors
    /// EAGAIN when the system has no room for a thread, ENOMEM.
    pub fn spawn<F>(name: fmt::Arguments<'_>, stack: Option<usize>, body: F) -> Result<Thread>
    where
        F: FnOnce() + Send + 'static,
    {
        let name = Name::of(name);
        let start = Box::into_raw(Box::new(Start { name, body }));
        let mut thread = MaybeUninit::uninit();
        let mut attributes = MaybeUninit::uninit();
        // SAFETY: attributes are initialised before they are used and destroyed once; `run` takes over the box if there is a
        // thread, which inherits the full signal mask.
        unsafe {
            let mut failed = libc::pthread_attr_init(attributes.as_mut_ptr());
            if failed == 0 {
                if let Some(size) = stack {
                    failed = libc::pthread_attr_setstacksize(attributes.as_mut_ptr(), size);
                }
                if failed == 0 {
                    let attributes = attributes.as_ptr();
                    failed = with_signals_blocked(|| {
                        libc::pthread_create(
                            thread.as_mut_ptr(),
                            attributes,
                            run::<F>,
                            start.cast(),
                        )
                    });
                }
                libc::pthread_attr_destroy(attributes.as_mut_ptr());
            }
            if failed != 0 {
                drop(Box::from_raw(start));
                return Err(Errno(failed));
            }
            Ok(Thread(thread.assume_init()))
        }
    }

    /// Waits for the thread to end. A thread that waits for itself is let go instead.
    pub fn join(self) {
        // SAFETY: the thread was made by `spawn` and is joined or detached once, as `self` is consumed.
        let failed = unsafe { libc::pthread_join(self.0, ptr::null_mut()) };
        if failed != libc::EDEADLK {
            std::mem::forget(self);
        }
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        // SAFETY: as for `join`, which leaves a thread to this only if it was not joined.
        unsafe { libc::pthread_detach(self.0) };
    }
}

/// Runs `body` with every signal blocked: a thread that it starts inherits the full mask.
fn with_signals_blocked<T>(body: impl FnOnce() -> T) -> T {
    // SAFETY: both sets are plain memory that the calls fill.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        let mut before: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut before);
        let result = body();
        libc::pthread_sigmask(libc::SIG_SETMASK, &before, ptr::null_mut());
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn a_name_is_cut_at_whole_characters_and_at_a_nul() {
        for (text, kept) in [
            ("ZMQbg/IO/0", c"ZMQbg/IO/0"),
            ("0123456789abcdef", c"0123456789abcde"),
            ("0123456789abcd\u{e9}z", c"0123456789abcd"),
            ("a\0b", c"a"),
            ("", c""),
        ] {
            assert_eq!(Name::of(format_args!("{text}")).as_c(), kept, "{text}");
        }
    }

    #[test]
    fn a_thread_runs_and_is_waited_for() {
        let (tell, told) = channel();
        let thread = Thread::spawn(format_args!("a{}", 1), None, move || {
            tell.send(std::thread::current().id()).unwrap();
        });
        thread.unwrap().join();
        assert_ne!(told.try_recv(), Ok(std::thread::current().id()));
    }

    #[test]
    fn a_thread_that_is_dropped_goes_on() {
        let ((wake, woken), (tell, told)) = (channel::<()>(), channel());
        let body = move || {
            woken.recv().unwrap();
            tell.send(()).unwrap();
        };
        drop(Thread::spawn(format_args!("b"), Some(STACK), body).unwrap());
        wake.send(()).unwrap();
        told.recv().unwrap();
    }
}
