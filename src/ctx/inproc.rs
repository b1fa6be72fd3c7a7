//! The names of the inproc transport: who is bound, and who connected before there was someone.
//!
//! A connect finds its bound socket, or leaves the far end of its pipe here for the bind to come. Either way both ends
//! share one pair of lanes from the first moment, so what was sent before the bind is there after it.
#![forbid(unsafe_code)]

use crate::errno::{Errno, Result};
use crate::link::news::{Far, Newcomer, News, Peer, PipeKey};
use crate::msg::Msg;
use crate::queue::{LaneRx, LaneTx, Mailbox};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// A socket's high water marks, as others may read them any time.
#[derive(Debug, Default)]
pub struct Marks {
    send: AtomicU64,
    receive: AtomicU64,
}

impl Marks {
    /// Changes both.
    pub fn set(&self, send: u64, receive: u64) {
        self.send.store(send, Ordering::Relaxed);
        self.receive.store(receive, Ordering::Relaxed);
    }

    /// SNDHWM
    pub fn send(&self) -> u64 {
        self.send.load(Ordering::Relaxed)
    }

    /// RCVHWM
    pub fn receive(&self) -> u64 {
        self.receive.load(Ordering::Relaxed)
    }
}

/// The limit of a lane between two sockets: what the sender may queue and the receiver may hold, none if either has none.
pub fn limit(sender: u64, receiver: u64) -> u64 {
    if sender == 0 || receiver == 0 {
        0
    } else {
        sender.saturating_add(receiver)
    }
}

/// Writes HELLO_MSG, unless it is empty, as the first message of a lane. True when the reader has to be told.
pub fn greet(tx: &mut LaneTx<Msg>, hello: &[u8]) -> bool {
    if hello.is_empty() {
        return false;
    }
    let Ok(msg) = Msg::copied(hello) else {
        return false;
    };
    tx.push(msg, true);
    tx.publish()
}

/// A bound name.
#[derive(Clone, Debug)]
pub struct Bound {
    /// The mailbox of the socket that is bound.
    pub mailbox: Arc<Mailbox<News>>,
    /// Its marks.
    pub marks: Arc<Marks>,
    /// Its routing id when it was bound.
    pub routing_id: Vec<u8>,
    /// What it says first to whoever connects; empty for nothing.
    pub hello: Vec<u8>,
    /// What it wants to receive when a socket that connected leaves; empty for nothing.
    pub farewell: Vec<u8>,
    /// Its number for this endpoint.
    pub endpoint: u64,
    /// It answers each peer that asks it: what a ZAP handler must be able to.
    pub answers: bool,
}

/// Whom a pending connect was joined to.
#[derive(Debug)]
pub struct Partner {
    /// The bound socket's mailbox.
    pub mailbox: Arc<Mailbox<News>>,
    /// Its name for its end.
    pub key: PipeKey,
    /// Its routing id.
    pub peer: Peer,
    /// What it wants to receive when we leave; empty for nothing.
    pub farewell: Vec<u8>,
}

/// Where a pending connect finds its partner, once `Marks` news came for its pipe.
pub type Rendezvous = Arc<OnceLock<Partner>>;

/// A connect that waits for a bind.
#[derive(Debug)]
pub struct Pending {
    /// The connecting socket's mailbox.
    pub mailbox: Arc<Mailbox<News>>,
    /// Its name for its end.
    pub key: PipeKey,
    /// Its marks.
    pub marks: Arc<Marks>,
    /// Its routing id.
    pub routing_id: Vec<u8>,
    /// The bound end: its name and its lanes.
    pub far_key: PipeKey,
    /// Messages to the connecting socket.
    pub tx: LaneTx<Msg>,
    /// Messages from the connecting socket.
    pub rx: LaneRx<Msg>,
    /// The lanes keep one message each and have no marks.
    pub conflates: bool,
    /// Where the connecting socket looks.
    pub rendezvous: Rendezvous,
    /// The connecting end is gone; what it sent may still find a reader.
    pub abandoned: bool,
}

impl Pending {
    /// Joins the connect to the socket that is bound now.
    fn join(mut self, bound: &Bound) {
        if !self.conflates {
            self.tx
                .set_hwm(limit(bound.marks.send(), self.marks.receive()));
            self.rx
                .set_hwm(limit(self.marks.send(), bound.marks.receive()));
        }
        // The partner must be there before the news of it: the connecting end learns of both from the news alone.
        let _ = self.rendezvous.set(Partner {
            mailbox: Arc::clone(&bound.mailbox),
            key: self.far_key,
            peer: Peer {
                routing_id: bound.routing_id.clone(),
                ..Peer::default()
            },
            farewell: bound.farewell.clone(),
        });
        if greet(&mut self.tx, &bound.hello) {
            self.mailbox.send(News::Readable(self.key));
        }
        self.mailbox.send(News::Marks(
            self.key,
            bound.marks.receive(),
            bound.marks.send(),
        ));
        bound.mailbox.send(News::Attach(Box::new(Newcomer {
            key: self.far_key,
            tx: self.tx,
            rx: self.rx,
            far: Far::Inproc {
                mailbox: self.mailbox,
                key: self.key,
            },
            peer: Some(Peer {
                routing_id: self.routing_id,
                ..Peer::default()
            }),
            endpoint: bound.endpoint,
        })));
        bound.mailbox.send(News::Marks(
            self.far_key,
            self.marks.receive(),
            self.marks.send(),
        ));
        if self.abandoned {
            bound.mailbox.send(News::Gone(self.far_key));
        }
    }
}

/// All names of one context.
#[derive(Debug, Default)]
pub struct Registry {
    bound: HashMap<Vec<u8>, Bound>,
    pending: HashMap<Vec<u8>, Vec<Pending>>,
}

impl Registry {
    /// Binds a name and joins the connects that wait for it.
    ///
    /// # Errors
    /// EADDRINUSE
    pub fn bind(&mut self, name: &[u8], bound: Bound) -> Result<()> {
        if self.bound.contains_key(name) {
            return Err(Errno::EADDRINUSE);
        }
        for pending in self.pending.remove(name).unwrap_or_default() {
            pending.join(&bound);
        }
        self.bound.insert(name.to_vec(), bound);
        Ok(())
    }

    /// Frees a name, if `mailbox` is the one that has it.
    pub fn unbind(&mut self, name: &[u8], mailbox: &Arc<Mailbox<News>>) {
        if self
            .bound
            .get(name)
            .is_some_and(|bound| Arc::ptr_eq(&bound.mailbox, mailbox))
        {
            self.bound.remove(name);
        }
    }

    /// Who is bound to a name.
    pub fn find(&self, name: &[u8]) -> Option<&Bound> {
        self.bound.get(name)
    }

    /// Lets a connect wait for a bind.
    pub fn wait(&mut self, name: &[u8], pending: Pending) {
        self.pending.entry(name.to_vec()).or_default().push(pending);
    }

    /// The connecting end of a pending connect is gone. What it sent waits on if `keep`. False when it was joined before.
    pub fn abandon(&mut self, key: PipeKey, keep: bool) -> bool {
        let mut found = false;
        self.pending.retain(|_, list| {
            list.retain_mut(|pending| {
                let this = pending.key == key;
                found |= this;
                pending.abandoned |= this;
                !this || keep
            });
            !list.is_empty()
        });
        found
    }

    /// Drops what was sent to names that nobody will bind any more.
    pub fn forget_abandoned(&mut self) {
        self.pending.retain(|_, list| {
            list.retain(|pending| !pending.abandoned);
            !list.is_empty()
        });
    }
}
