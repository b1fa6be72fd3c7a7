//! Reading and writing connected stream sockets without waiting.

use crate::errno::{Errno, Result};
use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::RawFd;

/// Memory that a read may fill.
pub type Spare<'a> = &'a mut [MaybeUninit<u8>];

/// Reads once into `first` and then `second`; returns the number of bytes, 0 at the end of the stream.
///
/// # Errors
/// EAGAIN when nothing is there, EINTR never, else what the connection died of.
#[inline]
pub fn read(fd: RawFd, first: Spare<'_>, second: Spare<'_>) -> Result<usize> {
    loop {
        let got = if second.is_empty() {
            // SAFETY: `first` is writable for its length, and the kernel writes initialised bytes only.
            unsafe {
                libc::recv(
                    fd,
                    first.as_mut_ptr().cast(),
                    first.len(),
                    libc::MSG_DONTWAIT,
                )
            }
        } else {
            let mut parts = [
                libc::iovec {
                    iov_base: first.as_mut_ptr().cast(),
                    iov_len: first.len(),
                },
                libc::iovec {
                    iov_base: second.as_mut_ptr().cast(),
                    iov_len: second.len(),
                },
            ];
            // SAFETY: a zeroed msghdr is the empty one.
            let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
            header.msg_iov = parts.as_mut_ptr();
            header.msg_iovlen = 2;
            // SAFETY: both parts are writable for their lengths and outlive the call.
            unsafe { libc::recvmsg(fd, &mut header, libc::MSG_DONTWAIT) }
        };
        if got >= 0 {
            return Ok(got as usize);
        }
        match Errno::last() {
            Errno::EINTR => continue,
            error => return Err(error),
        }
    }
}

/// Writes `parts` once; returns the number of bytes taken. Raises no SIGPIPE.
///
/// # Errors
/// EAGAIN when the kernel's buffer is full, EINTR never, else what the connection died of.
#[inline]
pub fn write(fd: RawFd, parts: &[IoSlice<'_>]) -> Result<usize> {
    loop {
        let sent = if let [only] = parts {
            // SAFETY: `only` is readable for its length.
            unsafe {
                libc::send(
                    fd,
                    only.as_ptr().cast(),
                    only.len(),
                    libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL,
                )
            }
        } else {
            // SAFETY: a zeroed msghdr is the empty one.
            let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
            header.msg_iov = parts.as_ptr().cast_mut().cast();
            header.msg_iovlen = parts.len();
            // SAFETY: IoSlice is an iovec by contract, and every part outlives the call.
            unsafe { libc::sendmsg(fd, &header, libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL) }
        };
        if sent >= 0 {
            return Ok(sent as usize);
        }
        match Errno::last() {
            Errno::EINTR => continue,
            error => return Err(error),
        }
    }
}

/// Bytes that the peer of a unix domain socket has not read yet; 0 for all other sockets. (Over tcp closing loses nothing
/// that was sent.)
pub fn unread_by_peer(fd: RawFd) -> usize {
    let mut domain: libc::c_int = 0;
    let mut size = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: `domain` has room for `size` bytes, and both outlive the call.
    let code = unsafe {
        libc::getsockopt(
            fd,
            libc::SOL_SOCKET,
            libc::SO_DOMAIN,
            (&raw mut domain).cast(),
            &mut size,
        )
    };
    if code != 0 || domain != libc::AF_UNIX {
        return 0;
    }
    let mut queued: libc::c_int = 0;
    // SAFETY: the request writes one int.
    let code = unsafe { libc::ioctl(fd, libc::TIOCOUTQ, &raw mut queued) };
    if code == 0 {
        usize::try_from(queued).unwrap_or(0)
    } else {
        0
    }
}

/// False when the kernel at the far end leaves tcp without an answer: what was sent goes out again, or probes of a closed
/// window are not acknowledged. True for other sockets, whose far end is on this machine.
pub fn peer_answers(fd: RawFd) -> bool {
    // SAFETY: a zeroed tcp_info is a valid one.
    let mut info: libc::tcp_info = unsafe { std::mem::zeroed() };
    let mut size = size_of::<libc::tcp_info>() as libc::socklen_t;
    // SAFETY: `info` has room for `size` bytes, and both outlive the call.
    let code = unsafe {
        libc::getsockopt(
            fd,
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            (&raw mut info).cast(),
            &mut size,
        )
    };
    code != 0 || info.tcpi_retransmits == 0 && info.tcpi_probes <= 1
}
