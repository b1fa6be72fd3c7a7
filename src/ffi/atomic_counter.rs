//! `zmq_atomic_counter_*`: a counter that threads share, mostly as a reference count.
//!
//! Calls on anything but a counter do nothing and return 0.

use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicI32, Ordering};

use super::error::report_ptr;
use super::tagged::{self, Family};

struct Counter(AtomicI32);

impl Family for Counter {
    const TAG: u32 = 0xCAFE_C073;
}

/// Makes a counter that stands at 0. NULL and ENOMEM if there is no memory.
///
/// # Safety
/// Nothing to observe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_atomic_counter_new() -> *mut c_void {
    report_ptr(tagged::create(Counter(AtomicI32::new(0))))
}

/// Sets a counter.
///
/// # Safety
/// `counter` is NULL or points to readable memory, and nobody destroys it meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_atomic_counter_set(counter: *mut c_void, value: c_int) {
    // SAFETY: as promised by the caller.
    if let Ok(Counter(counter)) = unsafe { tagged::get(counter) } {
        counter.store(value, Ordering::Release);
    }
}

/// Adds one and returns what the counter stood at before.
///
/// # Safety
/// `counter` is NULL or points to readable memory, and nobody destroys it meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_atomic_counter_inc(counter: *mut c_void) -> c_int {
    // SAFETY: as promised by the caller.
    unsafe { tagged::get(counter) }
        .map_or(0, |Counter(counter)| counter.fetch_add(1, Ordering::AcqRel))
}

/// Takes one away and returns 0 if that made it 0, otherwise 1.
///
/// # Safety
/// `counter` is NULL or points to readable memory, and nobody destroys it meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_atomic_counter_dec(counter: *mut c_void) -> c_int {
    // SAFETY: as promised by the caller.
    unsafe { tagged::get(counter) }.map_or(0, |Counter(counter)| {
        c_int::from(counter.fetch_sub(1, Ordering::AcqRel) != 1)
    })
}

/// What the counter stands at.
///
/// # Safety
/// `counter` is NULL or points to readable memory, and nobody destroys it meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_atomic_counter_value(counter: *mut c_void) -> c_int {
    // SAFETY: as promised by the caller.
    unsafe { tagged::get(counter) }.map_or(0, |Counter(counter)| counter.load(Ordering::Acquire))
}

/// Destroys a counter and sets the variable to NULL.
///
/// # Safety
/// `counter_p` is NULL or points to a variable; the pointer in it is NULL or points to readable memory. No other thread
/// is using the counter.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_atomic_counter_destroy(counter_p: *mut *mut c_void) {
    // SAFETY: as promised by the caller. There is no way to tell C that it was no counter.
    let _ = unsafe { tagged::destroy_in::<Counter>(counter_p) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ptr;

    fn with_counter(test: impl FnOnce(*mut c_void)) {
        let mut counter = call!(zmq_atomic_counter_new());
        test(counter);
        call!(zmq_atomic_counter_destroy(&mut counter));
        assert!(counter.is_null());
    }

    #[test]
    fn starts_at_zero() {
        with_counter(|counter| assert_eq!(call!(zmq_atomic_counter_value(counter)), 0));
    }

    #[test]
    fn inc_returns_the_old_value() {
        with_counter(|counter| {
            call! {
                assert_eq!([(); 3].map(|()| zmq_atomic_counter_inc(counter)), [0, 1, 2]);
                assert_eq!(zmq_atomic_counter_value(counter), 3);
            }
        });
    }

    #[test]
    fn dec_returns_zero_once_it_reaches_zero() {
        with_counter(|counter| {
            call! {
                zmq_atomic_counter_set(counter, 3);
                assert_eq!([(); 3].map(|()| zmq_atomic_counter_dec(counter)), [1, 1, 0]);
                assert_eq!(zmq_atomic_counter_dec(counter), 1);
                assert_eq!(zmq_atomic_counter_value(counter), -1);
            }
        });
    }

    #[test]
    fn wraps_at_the_ends() {
        with_counter(|counter| {
            call! {
                zmq_atomic_counter_set(counter, c_int::MAX);
                assert_eq!(zmq_atomic_counter_inc(counter), c_int::MAX);
                assert_eq!(zmq_atomic_counter_value(counter), c_int::MIN);
                assert_eq!(zmq_atomic_counter_dec(counter), 1);
            }
        });
    }

    #[test]
    fn null_and_foreign_pointers_do_nothing() {
        let mut memory = [0u64; 2];
        for pointer in [ptr::null_mut(), (&raw mut memory).cast()] {
            let mut variable = pointer;
            call! {
                zmq_atomic_counter_set(pointer, 5);
                assert_eq!(zmq_atomic_counter_inc(pointer), 0);
                assert_eq!(zmq_atomic_counter_dec(pointer), 0);
                assert_eq!(zmq_atomic_counter_value(pointer), 0);
                zmq_atomic_counter_destroy(&mut variable);
            }
            assert_eq!(variable, pointer);
        }
        call!(zmq_atomic_counter_destroy(ptr::null_mut()));
        assert_eq!(memory, [0; 2]);
    }

    #[test]
    fn threads_count_together() {
        with_counter(|counter| {
            let counter = counter.expose_provenance();
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(move || {
                        for _ in 0..1_000 {
                            call!(zmq_atomic_counter_inc(ptr::with_exposed_provenance_mut(
                                counter
                            )));
                        }
                    });
                }
            });
            assert_eq!(
                call!(zmq_atomic_counter_value(ptr::with_exposed_provenance_mut(
                    counter
                ))),
                4_000
            );
        });
    }
}
