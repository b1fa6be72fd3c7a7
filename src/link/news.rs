//! What the lower floors tell a socket: the items of its mailbox.
#![forbid(unsafe_code)]

use super::Link;
use crate::msg::{Meta, Msg};
use crate::queue::{LaneRx, LaneTx, Mailbox};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Names one pipe of the process for ever: news about a pipe that is gone find nobody.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct PipeKey(u64);

impl PipeKey {
    /// A key never used before.
    pub fn fresh() -> PipeKey {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        PipeKey(NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// The key that has this number.
    pub fn of(number: u64) -> PipeKey {
        PipeKey(number)
    }

    /// The key as a plain number.
    pub fn number(self) -> u64 {
        self.0
    }
}

/// Who is at the far end, as the handshake (or, over inproc, the other socket) told.
#[derive(Clone, Debug, Default)]
pub struct Peer {
    /// Its routing id; empty for none.
    pub routing_id: Vec<u8>,
    /// It speaks ZMTP 1.0 without version, hence cannot subscribe: it gets everything.
    pub subscribes_to_all: bool,
    /// What messages tell of the connection.
    pub meta: Option<Meta>,
}

/// What stands at the far end of a pipe.
#[derive(Clone, Debug)]
pub enum Far {
    /// A connection.
    Link(Arc<Link>),
    /// A pipe of another socket of this process.
    Inproc {
        /// That socket's mailbox.
        mailbox: Arc<Mailbox<News>>,
        /// That socket's name for its end.
        key: PipeKey,
    },
}

/// A pipe on its way to its socket.
#[derive(Debug)]
pub struct Newcomer {
    /// Its name.
    pub key: PipeKey,
    /// Messages to the peer.
    pub tx: LaneTx<Msg>,
    /// Messages from the peer.
    pub rx: LaneRx<Msg>,
    /// The far end.
    pub far: Far,
    /// Who is there, once known.
    pub peer: Option<Peer>,
    /// The number of the endpoint (listener or connect) it came by.
    pub endpoint: u64,
}

/// One item of a socket's mailbox.
#[derive(Debug)]
pub enum News {
    /// A peer was accepted.
    Attach(Box<Newcomer>),
    /// The handshake of this pipe's connection is done (again, after a reconnect).
    Established(PipeKey, Peer),
    /// This pipe's connection was lost and will be tried again.
    Lost(PipeKey),
    /// Messages came for a parked reader.
    Readable(PipeKey),
    /// There is room again for a parked writer.
    Writable(PipeKey),
    /// The far end is gone for good; what it sent before can still be read.
    Gone(PipeKey),
    /// The peer's high water marks changed (inproc): receive, then send.
    Marks(PipeKey, u64, u64),
    /// The far end of this pipe (inproc) asks how many messages wait for it here.
    Asked(PipeKey),
    /// So many messages wait for us at the far end of this pipe.
    Counted(PipeKey, u64),
    /// The context is being terminated.
    Stop,
}
