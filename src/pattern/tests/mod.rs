//! Patterns against each other, joined by lanes in memory: no thread, no descriptor, no clock.
#![forbid(unsafe_code)]

/// Runs an expression with the socket's pattern and a context for it.
macro_rules! with {
    ($socket:expr, $pattern:ident, $cx:ident => $what:expr) => {{
        let socket: &mut Socket = $socket;
        let $cx = &mut Cx {
            pipes: &mut socket.pipes,
            invert_matching: socket.invert,
            conflate: false,
            dontwait: socket.dontwait,
        };
        let $pattern = &mut socket.pattern;
        $what
    }};
}

mod exchange;
mod groups;
mod matching;
mod numbers;
mod pubsub;
mod reqrep;
mod routing;

use super::{Cx, Pattern, create, setting};
use crate::errno::{Errno, Result};
use crate::link::news::{Far, Newcomer, News, Peer, PipeKey};
use crate::msg::Msg;
use crate::pipe::{PipeId, Pipes};
use crate::queue::{Mailbox, lane};
use std::sync::Arc;

const PAIR: i32 = 0;
const PUB: i32 = 1;
const SUB: i32 = 2;
const REQ: i32 = 3;
const REP: i32 = 4;
const DEALER: i32 = 5;
const ROUTER: i32 = 6;
const PULL: i32 = 7;
const PUSH: i32 = 8;
const XPUB: i32 = 9;
const XSUB: i32 = 10;
const STREAM: i32 = 11;
const SERVER: i32 = 12;
const CLIENT: i32 = 13;
const RADIO: i32 = 14;
const DISH: i32 = 15;
const GATHER: i32 = 16;
const SCATTER: i32 = 17;
const DGRAM: i32 = 18;
const PEER: i32 = 19;
const CHANNEL: i32 = 20;

/// A pattern, its pipes and its mailbox: as much of a socket as these tests need.
struct Socket {
    pattern: Box<dyn Pattern>,
    pipes: Pipes,
    mailbox: Arc<Mailbox<News>>,
    routing_id: Vec<u8>,
    invert: bool,
    dontwait: bool,
}

impl Socket {
    fn new(kind: i32) -> Socket {
        Socket {
            pattern: create(kind).unwrap(),
            pipes: Pipes::default(),
            mailbox: Arc::default(),
            routing_id: Vec::new(),
            invert: false,
            dontwait: true,
        }
    }

    fn named(kind: i32, id: &str) -> Socket {
        Socket {
            routing_id: id.into(),
            ..Socket::new(kind)
        }
    }

    fn attach(&mut self, new: Newcomer, dialed: bool) -> PipeId {
        let pipe = self.pipes.insert(new);
        with!(self, pattern, cx => {
            pattern.attach(cx, pipe, dialed);
            pattern.established(cx, pipe);
        });
        self.pump();
        pipe
    }

    /// Connects to `other`, with room for `hwm` messages each way.
    fn connect(&mut self, other: &mut Socket, hwm: u64) -> (PipeId, PipeId) {
        let (near, far) = (PipeKey::fresh(), PipeKey::fresh());
        let (tx, far_rx) = lane(hwm);
        let (far_tx, rx) = lane(hwm);
        let peer = |socket: &Socket| {
            Some(Peer {
                routing_id: socket.routing_id.clone(),
                ..Peer::default()
            })
        };
        let there = Newcomer {
            key: far,
            tx: far_tx,
            rx: far_rx,
            far: Far::Inproc {
                mailbox: self.mailbox.clone(),
                key: near,
            },
            peer: peer(self),
            endpoint: 0,
        };
        let here = Newcomer {
            key: near,
            tx,
            rx,
            far: Far::Inproc {
                mailbox: other.mailbox.clone(),
                key: far,
            },
            peer: peer(other),
            endpoint: 0,
        };
        (self.attach(here, true), other.attach(there, false))
    }

    /// Reads its news.
    fn pump(&mut self) {
        loop {
            let mailbox = Arc::clone(&self.mailbox);
            mailbox.take(|news| self.hear(news));
            for pipe in self.pipes.take_ended() {
                self.remove(pipe);
            }
            if !self.mailbox.has_news() {
                return;
            }
        }
    }

    fn hear(&mut self, news: News) {
        let key = match news {
            News::Readable(key) | News::Writable(key) | News::Gone(key) => key,
            _ => return,
        };
        let Some(pipe) = self.pipes.find(key) else {
            return;
        };
        match news {
            News::Readable(_) => with!(self, pattern, cx => pattern.readable(cx, pipe)),
            News::Writable(_) => with!(self, pattern, cx => pattern.writable(cx, pipe)),
            _ => {
                self.pipes.sever(pipe);
                with!(self, pattern, cx => pattern.severed(cx, pipe));
            }
        }
    }

    /// Takes a pipe out, as zmq_disconnect does.
    fn remove(&mut self, pipe: PipeId) {
        with!(self, pattern, cx => pattern.detach(cx, pipe));
        let pipe = self.pipes.remove(pipe).unwrap();
        if let Far::Inproc { mailbox, key } = pipe.far() {
            mailbox.send(News::Gone(*key));
        }
    }

    fn close(mut self) {
        let pipes: Vec<PipeId> = self.pipes.ids().collect();
        for pipe in pipes {
            self.remove(pipe);
        }
    }

    fn send_frame(&mut self, body: &[u8], more: bool) -> Result<()> {
        self.pump();
        let mut msg = Msg::copied(body).unwrap();
        msg.set_more(more);
        let sent = with!(self, pattern, cx => pattern.send(cx, &mut msg));
        assert_eq!(
            msg.is_empty() && !msg.more(),
            sent.is_ok() || (body.is_empty() && !more)
        );
        self.pump();
        sent
    }

    fn try_send(&mut self, frames: &[&str]) -> Result<()> {
        for (nth, frame) in frames.iter().enumerate() {
            self.send_frame(frame.as_bytes(), nth + 1 < frames.len())?;
        }
        Ok(())
    }

    fn send(&mut self, frames: &[&str]) {
        self.try_send(frames).unwrap();
    }

    /// One frame, waiting for it as a socket does: park, read the news, try again.
    fn recv_frame(&mut self) -> Result<Msg> {
        loop {
            self.pump();
            let can = with!(self, pattern, cx => pattern.can_recv(cx));
            match with!(self, pattern, cx => pattern.recv(cx)) {
                Err(Errno::EAGAIN) => assert!(!can, "POLLIN, and nothing there"),
                result => {
                    assert!(can || result.is_err(), "something there, and no POLLIN");
                    self.pump();
                    return result;
                }
            }
            let readable = with!(self, pattern, cx => pattern.park(cx));
            if !readable && !self.mailbox.has_news() {
                self.pump();
                return Err(Errno::EAGAIN);
            }
        }
    }

    fn try_recv(&mut self) -> Result<Vec<Vec<u8>>> {
        let mut frames = Vec::new();
        loop {
            let msg = self.recv_frame()?;
            frames.push(msg.data().to_vec());
            if !msg.more() {
                return Ok(frames);
            }
        }
    }

    fn recv(&mut self) -> Vec<String> {
        let frames = self.try_recv().unwrap();
        frames
            .into_iter()
            .map(|frame| String::from_utf8(frame).unwrap())
            .collect()
    }

    #[track_caller]
    fn expect(&mut self, frames: &[&str]) {
        assert_eq!(self.recv(), frames);
    }

    #[track_caller]
    fn expect_nothing(&mut self) {
        assert_eq!(self.try_recv(), Err(Errno::EAGAIN));
    }

    fn can_send(&mut self) -> bool {
        self.pump();
        with!(self, pattern, cx => pattern.can_send(cx))
    }

    fn can_recv(&mut self) -> bool {
        self.pump();
        with!(self, pattern, cx => pattern.can_recv(cx))
    }

    fn set_bytes(&mut self, option: i32, value: &[u8]) -> Option<Result<()>> {
        with!(self, pattern, cx => pattern.set_option(cx, option, Some(value)))
    }

    fn set(&mut self, option: i32, value: i32) {
        assert_eq!(self.set_bytes(option, &value.to_ne_bytes()), Some(Ok(())));
    }

    fn get(&mut self, option: i32) -> Option<Result<i32>> {
        with!(self, pattern, cx => pattern.get_option(cx, option))
    }

    fn subscribe(&mut self, topic: &str) {
        assert_eq!(
            self.set_bytes(setting::SUBSCRIBE, topic.as_bytes()),
            Some(Ok(()))
        );
    }

    fn unsubscribe(&mut self, topic: &str) {
        assert_eq!(
            self.set_bytes(setting::UNSUBSCRIBE, topic.as_bytes()),
            Some(Ok(()))
        );
    }
}

#[test]
fn events_without_a_peer_are_as_documented() {
    let out = [PUB, ROUTER, XPUB, XSUB, STREAM, SERVER, RADIO, DISH, PEER];
    for kind in PAIR..=CHANNEL {
        let mut socket = Socket::new(kind);
        assert_eq!(socket.can_send(), out.contains(&kind), "{kind}");
        assert!(!socket.can_recv(), "{kind}");
        let recv = match kind {
            PUB | PUSH | RADIO | SCATTER => Errno::ENOTSUP,
            REQ => Errno::EFSM,
            _ => Errno::EAGAIN,
        };
        assert_eq!(socket.recv_frame().err(), Some(recv), "{kind}");
        let send = match kind {
            SUB | PULL | DISH | GATHER => Err(Errno::ENOTSUP),
            REP => Err(Errno::EFSM),
            PUB | XPUB | XSUB | ROUTER | STREAM | RADIO => Ok(()),
            SERVER | PEER => Err(Errno::EHOSTUNREACH),
            _ => Err(Errno::EAGAIN),
        };
        assert_eq!(socket.send_frame(b"x", false), send, "{kind}");
    }
}

#[test]
fn rows_agree_with_each_other() {
    for (number, row) in super::PATTERNS.iter().enumerate() {
        assert_eq!(row.number as usize, number);
        for peer in row.peers {
            let peer = super::PATTERNS
                .iter()
                .find(|other| other.name == *peer)
                .unwrap();
            assert!(
                peer.peers.contains(&row.name),
                "{} and {}",
                row.name,
                peer.name
            );
        }
    }
    assert!(super::row(-1).is_none());
    assert!(super::row(3).unwrap().sends_routing_id);
    assert!(!super::row(7).unwrap().may_send && super::row(7).unwrap().may_recv);
    let single = [SERVER, CLIENT, RADIO, SCATTER, PEER, CHANNEL];
    let safe = [SERVER, CLIENT, RADIO, DISH, GATHER, SCATTER, PEER, CHANNEL];
    for row in super::PATTERNS {
        assert_eq!(!row.accepts_multipart, single.contains(&row.number));
        assert_eq!(row.thread_safe, safe.contains(&row.number));
        assert_eq!(row.groups, row.number == RADIO);
    }
}

#[test]
fn values_of_a_wrong_size_or_range_are_refused() {
    let flags = [
        (ROUTER, setting::ROUTER_MANDATORY),
        (ROUTER, setting::ROUTER_HANDOVER),
        (ROUTER, setting::ROUTER_RAW),
        (DEALER, setting::PROBE_ROUTER),
        (REQ, setting::PROBE_ROUTER),
        (REQ, setting::REQ_CORRELATE),
        (REQ, setting::REQ_RELAXED),
        (REP, setting::ROUTER_MANDATORY),
        (XPUB, setting::XPUB_VERBOSE),
        (PUB, setting::XPUB_NODROP),
        (XPUB, setting::XPUB_MANUAL_LAST_VALUE),
        (XSUB, setting::ONLY_FIRST_SUBSCRIBE),
    ];
    for (kind, option) in flags {
        let mut socket = Socket::new(kind);
        socket.set(option, 0);
        socket.set(option, 7);
        assert_eq!(
            socket.set_bytes(option, &(-1i32).to_ne_bytes()),
            Some(Err(Errno::EINVAL))
        );
        assert_eq!(socket.set_bytes(option, &[1]), Some(Err(Errno::EINVAL)));
        assert_eq!(socket.set_bytes(option, &[0; 8]), Some(Err(Errno::EINVAL)));
        with!(&mut socket, pattern, cx => {
            assert_eq!(pattern.set_option(cx, option, None), Some(Err(Errno::EINVAL)));
        });
        assert_eq!(socket.set_bytes(99_999, &[0; 4]), None);
    }
    let on = 1i32.to_ne_bytes();
    assert_eq!(
        Socket::new(CLIENT).set_bytes(setting::PROBE_ROUTER, &on),
        None
    );
    assert_eq!(Socket::new(XPUB).set_bytes(setting::SUBSCRIBE, b"A"), None);
    assert_eq!(Socket::new(PUSH).set_bytes(setting::SUBSCRIBE, b"A"), None);
    let mut stream = Socket::new(STREAM);
    stream.set(setting::STREAM_NOTIFY, 0);
    assert_eq!(
        stream.set_bytes(setting::STREAM_NOTIFY, &2i32.to_ne_bytes()),
        Some(Err(Errno::EINVAL))
    );
}
