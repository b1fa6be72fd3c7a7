//! A bound endpoint: takes connections in.
#![forbid(unsafe_code)]

use super::Link;
use super::life::event;
use super::setup::Setup;
use crate::endpoint::{EndpointText, Ends};
use crate::errno::Result;
use crate::io::{Io, Source, SourceKey};
use crate::sys::epoll::Interest;
use crate::transport::{Incoming, Listener, Retry, Transport};
use parking_lot::Mutex;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// How long to wait for descriptors to become free.
const BACK_OFF: Duration = Duration::from_millis(100);
/// Connections taken in one turn.
const TURN: usize = 64;

/// A bound endpoint of a socket.
pub struct Acceptor {
    source: SourceKey,
    setup: Arc<Setup>,
    endpoint: EndpointText,
    fd: RawFd,
    listener: Mutex<Option<Listener>>,
    /// Connections that came by it; those the socket was not told of yet end with it.
    accepted: Mutex<Vec<Weak<Link>>>,
    /// It no longer counts as working for the context.
    left: AtomicBool,
}

impl Acceptor {
    /// Binds, listens, and lets the I/O thread accept.
    ///
    /// # Errors
    /// Those of `zmq_bind`.
    pub fn start(
        setup: Arc<Setup>,
        transport: &'static dyn Transport,
        address: &[u8],
    ) -> Result<Arc<Acceptor>> {
        let listener = transport
            .bind(address, &setup.tuning)
            .inspect_err(|error| {
                setup
                    .common
                    .monitor
                    .emit(event::CLOSED, -1, &Ends::default());
                setup.common.monitor.emit(
                    event::BIND_FAILED,
                    error.0,
                    &Ends::listening(EndpointText::from(address)),
                );
            })?;
        let fd = listener.as_fd().as_raw_fd();
        let endpoint = listener.endpoint().clone();
        let acceptor = Arc::new(Acceptor {
            source: SourceKey::fresh(),
            setup,
            endpoint,
            fd,
            listener: Mutex::new(Some(listener)),
            accepted: Mutex::new(Vec::new()),
            left: AtomicBool::new(false),
        });
        acceptor.setup.live.enter();
        acceptor
            .setup
            .common
            .monitor
            .emit(event::LISTENING, fd, &acceptor.ends());
        acceptor.setup.io.run(acceptor.clone());
        Ok(acceptor)
    }

    /// The endpoint as bound.
    pub fn endpoint(&self) -> &EndpointText {
        &self.endpoint
    }

    fn ends(&self) -> Ends {
        Ends::listening(self.endpoint.clone())
    }

    /// Closes the descriptor before it returns. Connections accepted so far stay.
    pub fn close(self: &Arc<Self>) {
        let Some(listener) = self.listener.lock().take() else {
            return;
        };
        self.setup.io.remove(self.fd);
        for link in self.accepted.lock().drain(..) {
            if let Some(link) = link.upgrade() {
                link.abandon();
            }
        }
        let _ = listener.close();
        self.setup
            .common
            .monitor
            .emit(event::CLOSED, self.fd, &self.ends());
        self.setup.io.run(self.clone());
    }

    fn accept_some(&self, io: &mut Io) {
        for _ in 0..TURN {
            let incoming = match &*self.listener.lock() {
                Some(listener) => listener.accept(),
                None => return,
            };
            match incoming {
                Incoming::Peer(accepted) => {
                    self.setup.common.monitor.emit(
                        event::ACCEPTED,
                        accepted.fd.as_raw_fd(),
                        &Ends::accepted(accepted.local.clone(), accepted.peer.clone()),
                    );
                    let link = Link::accept(self.setup.clone(), accepted, io);
                    let mut list = self.accepted.lock();
                    list.retain(|link| link.upgrade().is_some_and(|link| !link.is_introduced()));
                    list.push(Arc::downgrade(&link));
                    drop(list);
                    // Closed meanwhile: nobody will look at the list again.
                    if self.listener.lock().is_none() {
                        link.abandon();
                    }
                }
                Incoming::Nothing => return,
                Incoming::Rejected(errno) => self.failed(errno.0),
                Incoming::Failed(errno, retry) => {
                    self.failed(errno.0);
                    if retry == Retry::Later {
                        io.handle().remove(self.fd);
                        io.set_timer(self.source, 0, BACK_OFF);
                        return;
                    }
                }
            }
        }
    }

    fn failed(&self, errno: i32) {
        self.setup
            .common
            .monitor
            .emit(event::ACCEPT_FAILED, errno, &self.ends());
    }

    fn watch_listener(&self, io: &mut Io) {
        if self.listener.lock().is_some() && io.add(self.fd, self.source, Interest::IN).is_err() {
            io.set_timer(self.source, 0, BACK_OFF);
        }
    }
}

impl Source for Acceptor {
    fn key(&self) -> SourceKey {
        self.source
    }
    fn ready(self: Arc<Self>, io: &mut Io, _events: Interest) {
        self.accept_some(io);
    }
    fn timer(self: Arc<Self>, io: &mut Io, _timer: u8) {
        self.watch_listener(io);
    }
    fn run(self: Arc<Self>, io: &mut Io) {
        if self.listener.lock().is_some() {
            io.adopt(self.clone());
            self.watch_listener(io);
        } else if !self.left.swap(true, Ordering::AcqRel) {
            // Closed before the thread ever saw it, it is asked twice.
            io.release(self.source);
            self.setup.live.leave();
        }
    }
}
