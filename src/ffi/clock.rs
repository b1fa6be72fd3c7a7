//! `zmq_stopwatch_*` and `zmq_sleep`.
//!
//! A stopwatch call on anything but a stopwatch returns 0.

use std::ffi::{c_int, c_uint, c_ulong, c_void};
use std::time::Instant;

use super::error::report_ptr;
use super::tagged::{self, Family};

struct Stopwatch(Instant);

impl Family for Stopwatch {
    const TAG: u32 = 0xCAFE_570B;
}

impl Stopwatch {
    fn microseconds(&self) -> c_ulong {
        c_ulong::try_from(self.0.elapsed().as_micros()).unwrap_or(c_ulong::MAX)
    }
}

/// Starts a stopwatch, to be freed with [`zmq_stopwatch_stop`]. NULL and ENOMEM if there is no memory.
///
/// # Safety
/// Nothing to observe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_stopwatch_start() -> *mut c_void {
    report_ptr(tagged::create(Stopwatch(Instant::now())))
}

/// Microseconds since the stopwatch was started. It goes on.
///
/// # Safety
/// `watch` is NULL or points to readable memory, and nobody stops it meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_stopwatch_intermediate(watch: *mut c_void) -> c_ulong {
    // SAFETY: as promised by the caller.
    unsafe { tagged::get(watch) }.map_or(0, Stopwatch::microseconds)
}

/// Microseconds since the stopwatch was started. Frees it.
///
/// # Safety
/// `watch` is NULL or points to readable memory. No other thread is using it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_stopwatch_stop(watch: *mut c_void) -> c_ulong {
    // SAFETY: as promised by the caller.
    unsafe { tagged::destroy(watch) }.map_or(0, |watch: Stopwatch| watch.microseconds())
}

/// Sleeps for this many seconds, or until a signal handler ran. A negative number is none.
///
/// # Safety
/// Nothing to observe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_sleep(seconds: c_int) {
    // SAFETY: touches no memory.
    unsafe { libc::sleep(c_uint::try_from(seconds).unwrap_or(0)) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ptr;
    use std::time::Duration;

    #[test]
    fn a_stopwatch_measures_microseconds() {
        let watch = call!(zmq_stopwatch_start());
        std::thread::sleep(Duration::from_millis(2));
        let elapsed = call!(zmq_stopwatch_stop(watch));
        assert!((2_000..60_000_000).contains(&elapsed), "{elapsed}");
    }

    #[test]
    fn an_intermediate_reading_does_not_stop_it() {
        let watch = call!(zmq_stopwatch_start());
        let first = call!(zmq_stopwatch_intermediate(watch));
        let second = call!(zmq_stopwatch_intermediate(watch));
        assert!(first <= second);
        assert!(second <= call!(zmq_stopwatch_stop(watch)));
    }

    #[test]
    fn null_and_foreign_pointers_read_zero() {
        let mut memory = [0u64; 4];
        for pointer in [ptr::null_mut(), (&raw mut memory).cast()] {
            assert_eq!(call!(zmq_stopwatch_intermediate(pointer)), 0);
            assert_eq!(call!(zmq_stopwatch_stop(pointer)), 0);
        }
    }

    #[test]
    fn sleeps_for_seconds() {
        let start = Instant::now();
        call!(zmq_sleep(1));
        assert!(start.elapsed() >= Duration::from_secs(1));
    }

    #[test]
    fn zero_and_negative_seconds_return_at_once() {
        call!(zmq_sleep(0));
        call!(zmq_sleep(-1));
    }
}
