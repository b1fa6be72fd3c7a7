//! Transports turn endpoint text into file descriptors. They never own a loop, a thread or a timer.
//!
//! Every descriptor handed out is non-blocking and close-on-exec. The caller waits: it calls [`Listener::accept`] when the
//! listener is readable, until it says [`Incoming::Nothing`], and [`Transport::finish`] when a dialled descriptor is
//! writable. Only [`Transport::bind`], [`Transport::resolve`] and [`Transport::aliases`] may block, on a name server.
//!
//! Whatever a peer or the network does ends in an [`Errno`]; none of it is worth more than that one connection.
//!
//! inproc has no descriptors and so no transport: [`route`] tells it apart.
#![forbid(unsafe_code)]

mod ipc;
mod listener;
mod resolve;
mod tcp;
mod tuning;

use std::os::fd::OwnedFd;

use socket2::{SockAddr, Socket};

use crate::endpoint::{Endpoint, EndpointText};
use crate::errno::{Errno, Result};

pub use listener::{Accepted, Incoming, Listener, Retry};
pub use tuning::Tuning;

macro_rules! transports {
    ($($scheme:literal => $file:ident :: $transport:ident;)*) => {
        /// Every transport, by the scheme of its endpoints.
        pub static TRANSPORTS: &[(&str, &dyn Transport)] = &[$(($scheme, &$file::$transport)),*];
    };
}

transports! {
    "tcp" => tcp::Tcp;
    "ipc" => ipc::Ipc;
}

/// What a transport does. One row in `transports!` and one file each.
pub trait Transport: Sync {
    /// Binds, listens, and finds the endpoint to report. May block on a name server.
    fn bind(&'static self, address: &[u8], tuning: &Tuning) -> Result<Listener>;

    /// Refuses what connect has to refuse at once. Everything else fails later, in the background, and is retried.
    fn check_connect(&self, address: &[u8]) -> Result<()>;

    /// Where to dial, if that can be told without blocking; `None` asks for [`Transport::resolve`] on another thread.
    fn resolve_literal(&self, address: &[u8], tuning: &Tuning) -> Option<Result<Vec<Target>>>;

    /// Where to dial, best first, never empty. May block on a name server.
    fn resolve(&self, address: &[u8], tuning: &Tuning) -> Result<Vec<Target>>;

    /// Starts to connect. An error means that there was not even a descriptor.
    fn dial(&self, target: &Target, tuning: &Tuning) -> Result<Dialing>;

    /// Ends what [`Transport::dial`] started, once the descriptor is writable. On failure the descriptor is closed.
    fn finish(&self, fd: OwnedFd, tuning: &Tuning) -> Result<Connected>;

    /// Filters and tunes a connection that `listener` accepted from `peer`. On failure the connection is closed.
    fn admit(&self, connection: Socket, peer: &SockAddr, listener: &Listener) -> Result<Accepted>;

    /// Other texts under which unbind and disconnect look for this address when the given one is not there, in order.
    /// May block on a name server.
    fn aliases(&self, _address: &[u8], _tuning: &Tuning) -> Vec<EndpointText> {
        Vec::new()
    }
}

/// Where an endpoint leads.
#[derive(Clone, Copy)]
pub enum Route<'a> {
    /// To a name inside the context.
    Inproc(&'a [u8]),
    /// To a transport, with the address as that transport reads it.
    Wire(&'static dyn Transport, &'a [u8]),
}

/// Splits an endpoint and looks its scheme up: EINVAL when malformed, EPROTONOSUPPORT when no transport has that scheme.
pub fn route<T: AsRef<[u8]> + ?Sized>(text: &T) -> Result<Route<'_>> {
    let Endpoint { scheme, address } = Endpoint::split(text)?;
    if scheme == b"inproc" {
        return Ok(Route::Inproc(address));
    }
    TRANSPORTS
        .iter()
        .find(|(name, _)| name.as_bytes() == scheme)
        .map(|(_, transport)| Route::Wire(*transport, address))
        .ok_or(Errno::EPROTONOSUPPORT)
}

/// One address to dial.
#[derive(Clone, Debug)]
pub struct Target {
    /// The peer.
    pub address: SockAddr,
    /// The local address to bind first.
    pub source: Option<SockAddr>,
}

/// A connection attempt.
#[derive(Debug)]
pub struct Dialing {
    /// The descriptor.
    pub fd: OwnedFd,
    /// How far it came.
    pub progress: Progress,
}

/// How far a connection attempt came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Progress {
    /// [`Transport::finish`] can be called.
    Done,
    /// The same once the descriptor is writable (`ZMQ_EVENT_CONNECT_DELAYED`).
    UnderWay,
    /// It failed at once (`ZMQ_EVENT_CLOSED`).
    Failed(Errno),
}

impl Progress {
    /// What the system answered to connect.
    fn of(answer: std::io::Result<()>) -> Progress {
        match answer.map_err(Errno::from) {
            Ok(()) => Progress::Done,
            Err(Errno::EINPROGRESS | Errno::EINTR) => Progress::UnderWay,
            Err(errno) => Progress::Failed(errno),
        }
    }
}

/// An established outgoing connection.
#[derive(Debug)]
pub struct Connected {
    /// The connection.
    pub fd: OwnedFd,
    /// The endpoint of our side.
    pub local: EndpointText,
    /// The endpoint of the peer, resolved.
    pub peer: EndpointText,
    /// The `Peer-Address` property.
    pub peer_address: String,
}

#[cfg(test)]
mod tests;
