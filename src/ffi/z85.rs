//! `zmq_z85_*` and `zmq_curve_*`: keys as text, and keys.
//!
//! A NULL pointer is EFAULT. Nothing is written on failure.

use std::ffi::{CStr, c_char, c_int};
use std::ptr;
use std::slice;

use zeroize::Zeroizing;

use super::error::{report, report_ptr};
use crate::errno::{Errno, Result};
use crate::options::z85;
use crate::zmtp::mechanism::curve::key::SecretKey;

fn not_null<T>(pointer: *const T) -> Result<()> {
    if pointer.is_null() {
        Err(Errno::EFAULT)
    } else {
        Ok(())
    }
}

/// The Z85 text of these bytes, wiped when dropped: it may be a secret key.
fn encode(data: &[u8]) -> Result<Zeroizing<String>> {
    z85::encode(data).map(Zeroizing::new).ok_or(Errno::EINVAL)
}

fn decode(text: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
    z85::decode(text).map(Zeroizing::new).ok_or(Errno::EINVAL)
}

/// The bytes to encode. A size that cannot be encoded is EINVAL whatever the pointer is, as in the reference.
///
/// # Safety
/// `size` bytes can be read, unless the pointer is NULL.
unsafe fn input<'a>(data: *const u8, size: usize) -> Result<&'a [u8]> {
    if !size.is_multiple_of(4) || size > isize::MAX as usize {
        return Err(Errno::EINVAL);
    }
    if size == 0 {
        return Ok(&[]);
    }
    not_null(data)?;
    // SAFETY: not NULL, not too large, and readable as promised by the caller.
    Ok(unsafe { slice::from_raw_parts(data, size) })
}

/// # Safety
/// The text ends in NUL, unless the pointer is NULL.
unsafe fn input_text<'a>(text: *const c_char) -> Result<&'a [u8]> {
    not_null(text)?;
    // SAFETY: not NULL, and ends in NUL as promised by the caller.
    Ok(unsafe { CStr::from_ptr(text) }.to_bytes())
}

/// # Safety
/// The bytes can be written.
unsafe fn output(dest: *mut u8, data: &[u8]) {
    // SAFETY: writable as promised by the caller; the data is ours, so they do not overlap.
    unsafe { ptr::copy_nonoverlapping(data.as_ptr(), dest, data.len()) };
}

/// # Safety
/// The text and a NUL behind it can be written.
unsafe fn output_text(dest: *mut c_char, text: &str) {
    // SAFETY: as promised by the caller.
    unsafe {
        output(dest.cast(), text.as_bytes());
        dest.add(text.len()).write(0);
    }
}

/// Writes the Z85 text of `size` bytes and a NUL to `dest` and returns `dest`. NULL and EINVAL unless `size` is a
/// multiple of 4.
///
/// # Safety
/// `data` is NULL or `size` bytes can be read there; `dest` is NULL or has room for `size * 5 / 4 + 1` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_z85_encode(
    dest: *mut c_char,
    data: *const u8,
    size: usize,
) -> *mut c_char {
    // SAFETY: as promised by the caller.
    let text = unsafe { input(data, size) }.and_then(encode);
    report_ptr(text.and_then(|text| {
        not_null(dest)?;
        // SAFETY: as promised by the caller.
        unsafe { output_text(dest, &text) };
        Ok(dest)
    }))
}

/// Writes the bytes of a Z85 text to `dest` and returns `dest`. NULL and EINVAL if it is no Z85 text.
///
/// # Safety
/// `string` is NULL or ends in NUL; `dest` is NULL or has room for four bytes per five characters.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_z85_decode(dest: *mut u8, string: *const c_char) -> *mut u8 {
    // SAFETY: as promised by the caller.
    let data = unsafe { input_text(string) }.and_then(decode);
    report_ptr(data.and_then(|data| {
        not_null(dest)?;
        // SAFETY: as promised by the caller.
        unsafe { output(dest, &data) };
        Ok(dest)
    }))
}

/// Writes the two keys of a new CURVE key pair as Z85 text: 40 characters and a NUL each.
///
/// # Safety
/// Each pointer is NULL or has room for 41 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_curve_keypair(
    z85_public_key: *mut c_char,
    z85_secret_key: *mut c_char,
) -> c_int {
    report(new_key_pair().and_then(|(public, secret)| {
        not_null(z85_public_key)?;
        not_null(z85_secret_key)?;
        // SAFETY: as promised by the caller; a key has 40 characters.
        unsafe { output_text(z85_public_key, &public) };
        // SAFETY: as above.
        unsafe { output_text(z85_secret_key, &secret) };
        Ok(0)
    }))
}

/// Writes the public key that belongs to a secret key: 40 characters and a NUL. EINVAL unless the secret key is 40
/// characters of Z85.
///
/// # Safety
/// `z85_public_key` is NULL or has room for 41 bytes; `z85_secret_key` is NULL or ends in NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_curve_public(
    z85_public_key: *mut c_char,
    z85_secret_key: *const c_char,
) -> c_int {
    // SAFETY: as promised by the caller.
    let public = unsafe { input_text(z85_secret_key) }.and_then(public_key);
    report(public.and_then(|public| {
        not_null(z85_public_key)?;
        // SAFETY: as promised by the caller; a key has 40 characters.
        unsafe { output_text(z85_public_key, &public) };
        Ok(0)
    }))
}

fn new_key_pair() -> Result<(Zeroizing<String>, Zeroizing<String>)> {
    let secret = SecretKey::generate()?;
    Ok((encode(&secret.public().0)?, encode(secret.as_bytes())?))
}

fn public_key(secret: &[u8]) -> Result<Zeroizing<String>> {
    encode(&SecretKey::from_slice(&decode(secret)?)?.public().0)
}

#[cfg(test)]
mod tests {
    use super::super::error::set_errno;
    use super::*;

    const HELLO: [u8; 8] = [0x86, 0x4F, 0xD2, 0x6F, 0xB5, 0x59, 0xF7, 0x5B];
    const SECRET: &CStr = c"D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs";
    const PUBLIC: &CStr = c"Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID";

    fn text(buffer: &[c_char]) -> &CStr {
        call!(CStr::from_ptr(buffer.as_ptr()))
    }

    fn fails<T>(result: *mut T, errno: Errno) {
        assert!(result.is_null());
        assert_eq!(Errno::last(), errno);
    }

    #[test]
    fn encodes_into_the_buffer_and_returns_it() {
        let mut dest = [1; 12];
        set_errno(Errno(0));
        assert_eq!(
            call!(zmq_z85_encode(dest.as_mut_ptr(), HELLO.as_ptr(), 8)),
            dest.as_mut_ptr()
        );
        assert_eq!((text(&dest), dest[11]), (c"HelloWorld", 1));
        assert_eq!(Errno::last(), Errno(0));
    }

    #[test]
    fn decodes_into_the_buffer_and_returns_it() {
        let mut dest = [1; 9];
        set_errno(Errno(0));
        assert_eq!(
            call!(zmq_z85_decode(dest.as_mut_ptr(), c"HelloWorld".as_ptr())),
            dest.as_mut_ptr()
        );
        assert_eq!((&dest[..8], dest[8]), (&HELLO[..], 1));
        assert_eq!(Errno::last(), Errno(0));
    }

    #[test]
    fn decodes_in_place() {
        let mut buffer = *b"HelloWorld\0";
        let start = buffer.as_mut_ptr();
        assert_eq!(call!(zmq_z85_decode(start, start.cast())), start);
        assert_eq!(buffer[..8], HELLO);
    }

    #[test]
    fn nothing_encodes_to_nothing() {
        let mut dest = [1; 2];
        assert!(!call!(zmq_z85_encode(dest.as_mut_ptr(), ptr::null(), 0)).is_null());
        assert_eq!(dest, [0, 1]);
    }

    #[test]
    fn odd_sizes_are_not_encoded() {
        let (mut dest, data) = ([1; 64], [0; 42]);
        for size in [1, 42] {
            fails(
                call!(zmq_z85_encode(dest.as_mut_ptr(), data.as_ptr(), size)),
                Errno::EINVAL,
            );
        }
        fails(
            call!(zmq_z85_encode(ptr::null_mut(), ptr::null(), 42)),
            Errno::EINVAL,
        );
        assert_eq!(dest, [1; 64]);
    }

    #[test]
    fn a_size_beyond_memory_is_invalid() {
        let mut dest = [1; 2];
        fails(
            call!(zmq_z85_encode(
                dest.as_mut_ptr(),
                HELLO.as_ptr(),
                usize::MAX - 3
            )),
            Errno::EINVAL,
        );
    }

    #[test]
    fn bad_text_is_not_decoded() {
        let mut dest = [1; 16];
        for bad in [
            c"",
            c"0",
            c"01234567",
            c"#####",
            c"%nSc1",
            c"####\x047",
            c"####\x10\x30",
            c"####\x037",
            c"HelloWorl\xFF",
        ] {
            fails(
                call!(zmq_z85_decode(dest.as_mut_ptr(), bad.as_ptr())),
                Errno::EINVAL,
            );
        }
        assert_eq!(dest, [1; 16]);
    }

    #[test]
    fn null_is_a_fault() {
        let mut buffer = [1; 41];
        call! {
            fails(
                zmq_z85_encode(ptr::null_mut(), HELLO.as_ptr(), 8),
                Errno::EFAULT,
            );
            fails(
                zmq_z85_encode(buffer.as_mut_ptr(), ptr::null(), 8),
                Errno::EFAULT,
            );
            fails(
                zmq_z85_decode(ptr::null_mut(), c"HelloWorld".as_ptr()),
                Errno::EFAULT,
            );
            fails(
                zmq_z85_decode(buffer.as_mut_ptr().cast(), ptr::null()),
                Errno::EFAULT,
            );
            for result in [
                zmq_curve_keypair(ptr::null_mut(), buffer.as_mut_ptr()),
                zmq_curve_keypair(buffer.as_mut_ptr(), ptr::null_mut()),
                zmq_curve_public(ptr::null_mut(), SECRET.as_ptr()),
                zmq_curve_public(buffer.as_mut_ptr(), ptr::null()),
            ] {
                assert_eq!((result, Errno::last()), (-1, Errno::EFAULT));
            }
        }
        assert_eq!(buffer, [1; 41]);
    }

    #[test]
    fn a_known_secret_key_has_its_public_key() {
        let mut public = [1; 41];
        assert_eq!(
            call!(zmq_curve_public(public.as_mut_ptr(), SECRET.as_ptr())),
            0
        );
        assert_eq!(text(&public), PUBLIC);
    }

    #[test]
    fn the_keys_of_a_new_pair_belong_together() {
        let (mut public, mut secret, mut derived) = ([1; 41], [1; 41], [1; 41]);
        call! {
            assert_eq!(
                zmq_curve_keypair(public.as_mut_ptr(), secret.as_mut_ptr()),
                0
            );
            assert_eq!(zmq_curve_public(derived.as_mut_ptr(), secret.as_ptr()), 0);
        }
        assert_eq!(text(&derived), text(&public));
        assert_ne!(text(&secret), text(&public));
    }

    #[test]
    fn secret_keys_of_another_length_are_invalid() {
        let mut public = [0; 41];
        for bad in [
            c"42",
            c"0000000000000000000000000000000000000000.",
            c"00000",
            c"000000000000000000000000000000000000000000000",
        ] {
            assert_eq!(
                call!(zmq_curve_public(public.as_mut_ptr(), bad.as_ptr())),
                -1
            );
            assert_eq!(Errno::last(), Errno::EINVAL);
        }
        assert_eq!(public, [0; 41]);
    }
}
