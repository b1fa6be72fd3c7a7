//! Error numbers: the one error type of the core. `ffi` writes it to the C library's `errno` last, and only on failure.
#![forbid(unsafe_code)]

/// An error number as a C caller sees it: a system `errno` or one of the four native codes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Errno(pub i32);

/// The result of every fallible core operation.
pub type Result<T> = std::result::Result<T, Errno>;

/// Base of the native error numbers, clear of every system's own.
pub const HAUSNUMERO: i32 = 156_384_712;

macro_rules! errnos {
    ($($name:ident = $value:expr, $doc:literal;)*) => {
        impl Errno { $(#[doc = $doc] pub const $name: Errno = Errno($value);)* }
    };
}

errnos! {
    EFSM = HAUSNUMERO + 51, "Operation cannot be accomplished in the socket's current state.";
    ENOCOMPATPROTO = HAUSNUMERO + 52, "The transport does not fit the socket type.";
    ETERM = HAUSNUMERO + 53, "The context was terminated.";
    EMTHREAD = HAUSNUMERO + 54, "No I/O thread fits.";
    EAGAIN = libc::EAGAIN, "Would block.";
    EINTR = libc::EINTR, "A signal handler ran.";
    EINVAL = libc::EINVAL, "An argument has no meaning here.";
    EFAULT = libc::EFAULT, "Not a message, context, poller or timer set of ours.";
    ENOTSOCK = libc::ENOTSOCK, "Not a live socket of ours.";
    ENOTSUP = libc::EOPNOTSUPP, "This socket type does not do that.";
    ENOMEM = libc::ENOMEM, "Out of memory.";
    EMFILE = libc::EMFILE, "Out of sockets or file descriptors.";
    ENOENT = libc::ENOENT, "No such endpoint.";
    ENODEV = libc::ENODEV, "No such interface or host.";
    EBADF = libc::EBADF, "Not an open file descriptor.";
    EPROTO = libc::EPROTO, "The peer broke the protocol.";
    EPROTONOSUPPORT = libc::EPROTONOSUPPORT, "Unknown transport.";
    EADDRINUSE = libc::EADDRINUSE, "The endpoint is taken.";
    EADDRNOTAVAIL = libc::EADDRNOTAVAIL, "The address is not a local one.";
    EAFNOSUPPORT = libc::EAFNOSUPPORT, "The kernel lacks this address family.";
    ENAMETOOLONG = libc::ENAMETOOLONG, "The path does not fit a socket address.";
    EMSGSIZE = libc::EMSGSIZE, "A frame is larger than allowed.";
    EHOSTUNREACH = libc::EHOSTUNREACH, "No peer with this routing id.";
    ECONNREFUSED = libc::ECONNREFUSED, "Nobody listens there.";
    ECONNRESET = libc::ECONNRESET, "The peer reset the connection.";
    ECONNABORTED = libc::ECONNABORTED, "The connection was given up.";
    EINPROGRESS = libc::EINPROGRESS, "The connection attempt goes on.";
    ETIMEDOUT = libc::ETIMEDOUT, "Time ran out.";
    EPIPE = libc::EPIPE, "The connection is closed.";
    EPERM = libc::EPERM, "Not permitted.";
    EACCES = libc::EACCES, "Not permitted.";
}

impl Errno {
    /// The error number of the last failed system call of this thread.
    pub fn last() -> Errno {
        Errno::from(std::io::Error::last_os_error())
    }
}

impl From<std::io::Error> for Errno {
    fn from(error: std::io::Error) -> Errno {
        Errno(error.raw_os_error().unwrap_or(libc::EIO))
    }
}
