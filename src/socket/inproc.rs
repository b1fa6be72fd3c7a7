//! Bind and connect inside the context.
#![forbid(unsafe_code)]

use super::Socket;
use super::endpoints::Kind;
use crate::ctx::{Bound, Pending, greet, limit};
use crate::errno::Result;
use crate::msg::Msg;
use crate::pipe::{Far, Newcomer, News, Peer, PipeKey};
use crate::queue::{LaneRx, LaneTx, Mailbox, conflating_lane, lane};
use std::sync::Arc;

impl Socket {
    pub(super) fn bind_inproc(&mut self, name: &[u8]) -> Result<Kind> {
        let bound = Bound {
            mailbox: Arc::clone(&self.mailbox),
            marks: self.published_marks(),
            routing_id: self.options.routing_id.clone(),
            hello: self.hello(true),
            farewell: self.farewell(),
            endpoint: self.next_endpoint,
            answers: matches!(self.row.name, "REP" | "ROUTER"),
        };
        self.shared.inproc().lock().bind(name, bound)?;
        Ok(Kind::Name(name.to_vec()))
    }

    pub(super) fn connect_inproc(&mut self, name: &[u8]) -> Kind {
        let (key, far_key) = (PipeKey::fresh(), PipeKey::fresh());
        let shared = Arc::clone(&self.shared);
        // Held until the far end is on its way: a bound socket that goes away meanwhile still finds it in its mailbox.
        let mut registry = shared.inproc().lock();
        let new = match registry.find(name).cloned() {
            Some(bound) => self.join(key, far_key, &bound),
            None => {
                let ((mut tx, far_rx), (far_tx, rx)) = self.lanes(None);
                greet(&mut tx, &self.hello(true));
                let pending = Pending {
                    mailbox: Arc::clone(&self.mailbox),
                    key,
                    marks: self.published_marks(),
                    routing_id: self.options.routing_id.clone(),
                    far_key,
                    tx: far_tx,
                    rx: far_rx,
                    conflates: self.conflates(),
                    rendezvous: Arc::default(),
                    abandoned: false,
                };
                self.pending.insert(key, Arc::clone(&pending.rendezvous));
                registry.wait(name, pending);
                Newcomer {
                    key,
                    tx,
                    rx,
                    // Nobody yet: this mailbox has no reader.
                    far: Far::Inproc {
                        mailbox: Arc::new(Mailbox::default()),
                        key: far_key,
                    },
                    peer: None,
                    endpoint: self.next_endpoint,
                }
            }
        };
        drop(registry);
        self.attach(new, true);
        Kind::Inproc(key)
    }

    fn join(&mut self, key: PipeKey, far_key: PipeKey, bound: &Bound) -> Newcomer {
        let marks = (bound.marks.receive(), bound.marks.send());
        let ((mut tx, far_rx), (mut far_tx, rx)) = self.lanes(Some(marks));
        // Nobody reads yet, so nobody has to be told.
        greet(&mut tx, &self.hello(true));
        greet(&mut far_tx, &bound.hello);
        self.await_farewell(key, &bound.farewell);
        self.far_marks.insert(key, marks);
        let (send, receive) = self.high_water();
        bound.mailbox.send(News::Attach(Box::new(Newcomer {
            key: far_key,
            tx: far_tx,
            rx: far_rx,
            far: Far::Inproc {
                mailbox: Arc::clone(&self.mailbox),
                key,
            },
            peer: Some(Peer {
                routing_id: self.options.routing_id.clone(),
                ..Peer::default()
            }),
            endpoint: bound.endpoint,
        })));
        bound.mailbox.send(News::Marks(far_key, receive, send));
        Newcomer {
            key,
            tx,
            rx,
            far: Far::Inproc {
                mailbox: Arc::clone(&bound.mailbox),
                key: far_key,
            },
            peer: Some(Peer {
                routing_id: bound.routing_id.clone(),
                ..Peer::default()
            }),
            endpoint: self.next_endpoint,
        }
    }

    /// Notes what the far end of a pipe wants to be told when we leave.
    pub(super) fn await_farewell(&mut self, key: PipeKey, farewell: &[u8]) {
        if !farewell.is_empty() {
            self.farewells.insert(key, farewell.to_vec());
        }
    }

    /// The lanes out and in. `far`: the marks of the other socket, receive and send.
    #[allow(clippy::type_complexity)]
    fn lanes(
        &self,
        far: Option<(u64, u64)>,
    ) -> ((LaneTx<Msg>, LaneRx<Msg>), (LaneTx<Msg>, LaneRx<Msg>)) {
        if self.conflates() {
            return (conflating_lane(), conflating_lane());
        }
        let (send, receive) = self.high_water();
        match far {
            Some((far_receive, far_send)) => (
                lane(limit(send, far_receive)),
                lane(limit(far_send, receive)),
            ),
            None => (lane(send), lane(receive)),
        }
    }

    /// Tells the far ends of all inproc pipes about our marks, and uses them ourselves.
    pub(super) fn spread_marks(&mut self) {
        self.publish_marks();
        let (send, receive) = self.high_water();
        let keys: Vec<PipeKey> = self.far_marks.keys().copied().collect();
        for key in keys {
            self.apply_far_marks(key);
            let far = self
                .pipes
                .find(key)
                .and_then(|id| self.pipes.get(id))
                .map(|pipe| pipe.far().clone());
            if let Some(Far::Inproc { mailbox, key }) = far {
                mailbox.send(News::Marks(key, receive, send));
            }
        }
        let waiting: Vec<PipeKey> = self.pending.keys().copied().collect();
        for key in waiting {
            if let Some(id) = self.pipes.find(key) {
                self.pipes.set_marks(id, send, receive);
                self.with(true, |pattern, cx| pattern.writable(cx, id));
            }
        }
    }
}
