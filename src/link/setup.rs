//! What a connection is given at birth.
#![forbid(unsafe_code)]

use super::errand::Errands;
use super::news::News;
use super::zap::Authenticator;
use crate::endpoint::{EndpointText, Ends};
use crate::errno::Result;
use crate::io::{Handle, WaitSet};
use crate::options::Options;
use crate::queue::{Mailbox, Signal, Sleep};
use crate::transport::Tuning;
use crate::zmtp::handshake::Config;
use parking_lot::RwLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Who is told what happens to connections. Called on any thread; must not block.
pub trait Monitor: Send + Sync {
    /// Whether this event is reported.
    fn wants(&self, event: u64) -> bool;

    /// Something happened.
    fn emit(&self, event: u64, values: &[u64], ends: &Ends);
}

/// Where a socket's monitor stands, if it has one.
#[derive(Default)]
pub struct MonitorSlot(RwLock<Option<Arc<dyn Monitor>>>);

impl std::fmt::Debug for MonitorSlot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MonitorSlot")
    }
}

impl MonitorSlot {
    /// Replaces the monitor; returns the one before.
    pub fn set(&self, monitor: Option<Arc<dyn Monitor>>) -> Option<Arc<dyn Monitor>> {
        std::mem::replace(&mut *self.0.write(), monitor)
    }

    /// Tells the monitor, if there is one.
    pub fn emit(&self, event: u64, value: i32, ends: &Ends) {
        // Version 2 has room for 64 bits, and shows a missing descriptor as all ones.
        self.emit_values(event, &[i64::from(value) as u64], ends);
    }

    /// The same for an event of several values.
    pub fn emit_values(&self, event: u64, values: &[u64], ends: &Ends) {
        let monitor = self.0.read().clone();
        if let Some(monitor) = monitor {
            monitor.emit(event, values, ends);
        }
    }

    /// Whether there is a monitor, and it reports this event.
    pub fn wants(&self, event: u64) -> bool {
        let monitor = self.0.read();
        monitor.as_ref().is_some_and(|monitor| monitor.wants(event))
    }
}

/// Counts what still works for a context: connections with bytes to send, listeners.
#[derive(Debug, Default)]
pub struct Live {
    count: AtomicUsize,
    signal: Signal,
}

impl Live {
    /// Nothing works yet.
    pub fn new() -> Live {
        Live::default()
    }

    /// How many work.
    pub fn count(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    pub(super) fn enter(&self) {
        self.count.fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn leave(&self) {
        self.count.fetch_sub(1, Ordering::AcqRel);
        self.signal.notify();
    }

    /// Sleeps until the count changed or `timeout` passed; true when it is zero.
    ///
    /// # Errors
    /// EINTR.
    pub fn wait(&self, timeout: Option<Duration>) -> Result<bool> {
        self.signal.prepare(Sleep::Futex);
        if self.count() != 0 {
            self.signal.wait(timeout)?;
        }
        self.signal.cancel();
        Ok(self.count() == 0)
    }
}

/// What a socket and all its connections share, beside its mailbox.
#[derive(Debug, Default)]
pub struct Common {
    /// The set the socket's caller waits on.
    pub set: WaitSet,
    /// The socket's monitor.
    pub monitor: MonitorSlot,
    /// The application disconnected or unbound something, if RECONNECT_STOP cares.
    pub disconnected: AtomicBool,
}

/// What all connections of one endpoint of a socket share.
#[derive(Debug)]
pub struct Setup {
    /// The I/O thread.
    pub io: Handle,
    /// The socket's mailbox.
    pub mailbox: Arc<Mailbox<News>>,
    /// What the socket shares with all its connections.
    pub common: Arc<Common>,
    /// The context's count of working connections.
    pub live: Arc<Live>,
    /// How to shake hands.
    pub handshake: Arc<Config>,
    /// Whom to ask about peers.
    pub zap: Arc<dyn Authenticator>,
    /// Who does what would block.
    pub errands: OnceLock<Arc<Errands>>,
    /// How to tune descriptors.
    pub tuning: Tuning,
    /// The socket's options when the endpoint was made.
    pub options: Options,
    /// ZERO_COPY_RECV of the context when the socket was made.
    pub zero_copy: bool,
    /// No ZMTP: bytes are messages.
    pub raw: bool,
    /// The socket hears which groups its peers join and leave.
    pub groups: bool,
    /// The lane to the peer holds the newest message only.
    pub conflate_out: bool,
    /// The lane from the peer holds the newest message only.
    pub conflate_in: bool,
    /// The socket's number for this endpoint.
    pub endpoint: u64,
    /// The endpoint as events of the connecting side carry it; empty on the other.
    pub uri: EndpointText,
}
