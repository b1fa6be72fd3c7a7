//! A listening descriptor and what comes out of it.
#![forbid(unsafe_code)]

use std::os::fd::{AsFd, BorrowedFd, IntoRawFd, OwnedFd};

use socket2::Socket;

use super::ipc::TemporarySocket;
use super::{Transport, Tuning};
use crate::endpoint::EndpointText;
use crate::errno::{Errno, Result};
use crate::sys::net;

/// A bound endpoint. Dropping it closes the descriptor at once, so that the address is free again.
pub struct Listener {
    // Fields drop in order: the descriptor is closed before its file goes.
    socket: Socket,
    temporary: Option<TemporarySocket>,
    endpoint: EndpointText,
    transport: &'static dyn Transport,
    tuning: Tuning,
}

/// What [`Listener::accept`] found.
#[derive(Debug)]
pub enum Incoming {
    /// A connection.
    Peer(Accepted),
    /// Nobody is waiting.
    Nothing,
    /// A connection came and was closed again: a filter or an option it could not be given (`ZMQ_EVENT_ACCEPT_FAILED`).
    Rejected(Errno),
    /// No connection could be had (`ZMQ_EVENT_ACCEPT_FAILED`). The listener goes on.
    Failed(Errno, Retry),
}

/// When to accept again after a failure.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Retry {
    /// At once: that one connection was lost.
    Now,
    /// After a while: the condition lasts, and a listener that stays readable would be asked in a loop.
    Later,
}

/// An incoming connection.
#[derive(Debug)]
pub struct Accepted {
    /// The connection.
    pub fd: OwnedFd,
    /// The endpoint of our side.
    pub local: EndpointText,
    /// The endpoint of the peer.
    pub peer: EndpointText,
    /// The `Peer-Address` property.
    pub peer_address: String,
}

impl Listener {
    pub(super) fn new(
        transport: &'static dyn Transport,
        socket: Socket,
        endpoint: EndpointText,
        temporary: Option<TemporarySocket>,
        tuning: &Tuning,
    ) -> Listener {
        Listener {
            socket,
            temporary,
            endpoint,
            transport,
            tuning: tuning.clone(),
        }
    }

    /// The endpoint as bound, numeric: `ZMQ_LAST_ENDPOINT` and the key for unbind.
    pub fn endpoint(&self) -> &EndpointText {
        &self.endpoint
    }

    /// The options at the time of bind.
    pub fn tuning(&self) -> &Tuning {
        &self.tuning
    }

    /// Takes one waiting connection.
    pub fn accept(&self) -> Incoming {
        let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
        let (connection, peer) = match self.socket.accept4(flags) {
            Ok(accepted) => accepted,
            Err(error) => return Incoming::failed(Errno::from(error)),
        };
        match self.transport.admit(connection, &peer, self) {
            Ok(accepted) => Incoming::Peer(accepted),
            Err(errno) => Incoming::Rejected(errno),
        }
    }

    /// Closes now and removes the file of a wildcard ipc endpoint. An error concerns that file
    /// (`ZMQ_EVENT_CLOSE_FAILED`); the descriptor is closed in any case.
    pub fn close(self) -> Result<()> {
        let Listener {
            socket, temporary, ..
        } = self;
        drop(socket);
        temporary.map_or(Ok(()), TemporarySocket::remove)
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Incoming {
    fn failed(errno: Errno) -> Incoming {
        match errno.0 {
            libc::EAGAIN => Incoming::Nothing,
            // The list of accept(2): errors of the connection that was to be accepted.
            libc::EINTR
            | libc::ECONNABORTED
            | libc::EPROTO
            | libc::EPERM
            | libc::ENETDOWN
            | libc::ENOPROTOOPT
            | libc::EHOSTDOWN
            | libc::ENONET
            | libc::EHOSTUNREACH
            | libc::ENETUNREACH => Incoming::Failed(errno, Retry::Now),
            _ => Incoming::Failed(errno, Retry::Later),
        }
    }
}

/// Takes over the application's listening descriptor, ready to be waited on; `endpoint` names it. On failure the descriptor
/// stays open and the application's.
pub(super) fn adopt(
    fd: i32,
    endpoint: impl FnOnce(&Socket) -> Result<EndpointText>,
) -> Result<(Socket, EndpointText)> {
    let socket = Socket::from(net::adopt(fd)?);
    let prepared = socket
        .set_nonblocking(true)
        .and_then(|()| socket.set_cloexec(true))
        .map_err(Errno::from)
        .and_then(|()| endpoint(&socket));
    match prepared {
        Ok(endpoint) => Ok((socket, endpoint)),
        Err(errno) => {
            let _ = socket.into_raw_fd();
            Err(errno)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_errors_never_end_the_listener() {
        assert!(matches!(Incoming::failed(Errno::EAGAIN), Incoming::Nothing));
        for errno in [
            libc::ECONNABORTED,
            libc::EINTR,
            libc::EPROTO,
            libc::ENETDOWN,
        ] {
            let failed = Incoming::failed(Errno(errno));
            assert!(matches!(failed, Incoming::Failed(_, Retry::Now)), "{errno}");
        }
        for errno in [
            libc::EMFILE,
            libc::ENFILE,
            libc::ENOMEM,
            libc::ENOBUFS,
            libc::EBADF,
            0,
            -1,
            4242,
        ] {
            let failed = Incoming::failed(Errno(errno));
            assert!(
                matches!(failed, Incoming::Failed(_, Retry::Later)),
                "{errno}"
            );
        }
    }
}
