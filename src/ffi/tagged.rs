//! Handles of the small families (timers, counters, stopwatches, threads): a heap block that opens with the family's tag.
//!
//! NULL, misaligned pointers and handles of other families are refused. So is a handle that was destroyed, for as long
//! as its memory can be read and has not become another handle of the same family: the tag is cleared before the memory
//! goes back. A pointer into memory that cannot be read faults, as it does in any C library.

use std::alloc::{Layout, alloc};
use std::ffi::c_void;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::errno::{Errno, Result};

/// What a family of handles puts behind its pointers.
pub(crate) trait Family: Sized {
    /// The first word of a living handle, another for each family.
    const TAG: u32;
}

/// A heap block as the handle points to it.
#[repr(C)]
struct Tagged<T> {
    tag: AtomicU32,
    value: T,
}

const DEAD: u32 = 0;

/// Moves a value behind a new handle. ENOMEM if there is no memory.
pub(crate) fn create<T: Family>(value: T) -> Result<*mut c_void> {
    // SAFETY: the layout holds a tag, so its size is not zero.
    let block = unsafe { alloc(Layout::new::<Tagged<T>>()) }.cast::<Tagged<T>>();
    if block.is_null() {
        return Err(Errno::ENOMEM);
    }
    // SAFETY: the block is fresh, and sized and aligned for this type.
    unsafe {
        block.write(Tagged {
            tag: AtomicU32::new(T::TAG),
            value,
        })
    };
    Ok(block.cast())
}

/// The value behind a handle. EFAULT if it is none of this family.
///
/// # Safety
/// A pointer that is neither NULL nor misaligned must point to memory that can be read. The reference is good until
/// somebody calls [`destroy`].
pub(crate) unsafe fn get<'a, T: Family>(handle: *mut c_void) -> Result<&'a T> {
    // SAFETY: as promised by the caller.
    let block = unsafe { living::<T>(handle)? };
    // SAFETY: the tag says that `create` wrote this block and that it has not been destroyed.
    Ok(unsafe { &(*block).value })
}

/// Takes the value from behind a handle and frees the block. EFAULT if it is none of this family.
///
/// # Safety
/// As for [`get`], and no reference into the block is in use.
pub(crate) unsafe fn destroy<T: Family>(handle: *mut c_void) -> Result<T> {
    // SAFETY: as promised by the caller.
    let block = unsafe { living::<T>(handle)? };
    // SAFETY: the block was living a moment ago; of two threads that destroy it, one gets past the exchange.
    let tag = unsafe { &(*block).tag };
    if tag
        .compare_exchange(T::TAG, DEAD, Ordering::AcqRel, Ordering::Relaxed)
        .is_err()
    {
        return Err(Errno::EFAULT);
    }
    // SAFETY: `create` allocated the block with the global allocator and this type's layout, and we alone hold it.
    Ok(unsafe { Box::from_raw(block) }.value)
}

/// Takes the value from behind the handle in a variable, which becomes NULL. EFAULT if there is no variable, or no
/// handle of this family in it.
///
/// # Safety
/// As for [`destroy`]; the variable can be read and written.
pub(crate) unsafe fn destroy_in<T: Family>(variable: *mut *mut c_void) -> Result<T> {
    if variable.is_null() {
        return Err(Errno::EFAULT);
    }
    // SAFETY: as promised by the caller.
    let value = unsafe { destroy(*variable)? };
    // SAFETY: as promised by the caller.
    unsafe { *variable = std::ptr::null_mut() };
    Ok(value)
}

/// # Safety
/// As for [`get`].
unsafe fn living<T: Family>(handle: *mut c_void) -> Result<*mut Tagged<T>> {
    let block = handle.cast::<Tagged<T>>();
    if block.is_null() || !block.is_aligned() {
        return Err(Errno::EFAULT);
    }
    // SAFETY: aligned, and readable as promised by the caller; any bytes are a valid tag.
    let tag = unsafe { &(*block).tag };
    if tag.load(Ordering::Acquire) == T::TAG {
        Ok(block)
    } else {
        Err(Errno::EFAULT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ptr;

    #[derive(PartialEq, Debug)]
    struct Apple(u64);

    #[derive(PartialEq, Debug)]
    struct Pear(u64);

    impl Family for Apple {
        const TAG: u32 = 0xA991E;
    }

    impl Family for Pear {
        const TAG: u32 = 0x9EA2;
    }

    #[test]
    fn a_handle_leads_to_its_value() {
        let handle = create(Apple(5)).unwrap();
        assert_eq!(call!(get::<Apple>(handle)), Ok(&Apple(5)));
        assert_eq!(call!(destroy::<Apple>(handle)), Ok(Apple(5)));
    }

    #[test]
    fn the_variable_becomes_null() {
        let mut handle = create(Apple(5)).unwrap();
        assert_eq!(call!(destroy_in::<Apple>(&mut handle)), Ok(Apple(5)));
        assert!(handle.is_null());
        assert_eq!(call!(destroy_in::<Apple>(&mut handle)), Err(Errno::EFAULT));
    }

    #[test]
    fn null_is_refused() {
        assert_eq!(call!(get::<Apple>(ptr::null_mut())), Err(Errno::EFAULT));
        assert_eq!(call!(destroy::<Apple>(ptr::null_mut())), Err(Errno::EFAULT));
        assert_eq!(
            call!(destroy_in::<Apple>(ptr::null_mut())),
            Err(Errno::EFAULT)
        );
    }

    #[test]
    fn misaligned_pointers_are_refused() {
        let mut memory = [Apple::TAG; 8];
        let pointer = (&raw mut memory).cast::<u8>().wrapping_add(1).cast();
        assert_eq!(call!(get::<Apple>(pointer)), Err(Errno::EFAULT));
    }

    #[test]
    fn foreign_memory_is_refused_and_left_alone() {
        let mut memory = [0x5Au64; 8];
        let mut pointer = (&raw mut memory).cast();
        assert_eq!(call!(get::<Apple>(pointer)), Err(Errno::EFAULT));
        assert_eq!(call!(destroy_in::<Apple>(&mut pointer)), Err(Errno::EFAULT));
        assert!(!pointer.is_null());
        assert_eq!(memory, [0x5A; 8]);
    }

    #[test]
    fn handles_of_another_family_are_refused() {
        let handle = create(Pear(5)).unwrap();
        assert_eq!(call!(get::<Apple>(handle)), Err(Errno::EFAULT));
        assert_eq!(call!(destroy::<Apple>(handle)), Err(Errno::EFAULT));
        assert_eq!(call!(destroy::<Pear>(handle)), Ok(Pear(5)));
    }

    #[test]
    fn a_cleared_tag_is_refused() {
        let handle = create(Apple(5)).unwrap();
        let tag = call!(&*handle.cast::<AtomicU32>());
        tag.store(DEAD, Ordering::Release);
        assert_eq!(call!(destroy::<Apple>(handle)), Err(Errno::EFAULT));
        tag.store(Apple::TAG, Ordering::Release);
        assert_eq!(call!(destroy::<Apple>(handle)), Ok(Apple(5)));
    }
}
