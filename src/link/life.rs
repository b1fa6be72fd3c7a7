//! A connection's life on its I/O thread: dial, shake hands, serve, tear down, dial again.
#![forbid(unsafe_code)]

use super::inbound::{Inbound, Request, Wire};
use super::news::{Far, Newcomer, News, Peer, PipeKey};
use super::outbound::Outbound;
use super::setup::Setup;
use super::{Conn, Core, Link};
use crate::endpoint::EndpointText;
use crate::errno::{Errno, Result};
use crate::io::{Care, Io, SourceKey};
use crate::msg::{Meta, MetaSource, Msg, RecvBlock};
use crate::queue::{Guard, LaneRx, LaneTx, Token, conflating_lane, lane};
use crate::sync::heavy_fence;
use crate::sys::epoll::Interest;
use crate::transport::{Accepted, Target, Transport};
use crate::zmtp::command;
use crate::zmtp::failure::{Event, Failure};
use crate::zmtp::greeting::Version;
use crate::zmtp::handshake::{Handshake, Outcome};
use parking_lot::Mutex;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};
use std::time::Duration;

const RUN: u32 = 4;

const RETRY: u8 = 1;
const HANDSHAKE: u8 = 2;
const LINGER: u8 = 3;
const CONNECT: u8 = 4;
const PING: u8 = 5;
const SILENCE: u8 = 6;
const TTL: u8 = 7;

/// Monitor events (`ZMQ_EVENT_*`).
pub(super) mod event {
    pub const CONNECTED: u16 = 1;
    pub const CONNECT_DELAYED: u16 = 2;
    pub const CONNECT_RETRIED: u16 = 4;
    pub const LISTENING: u16 = 8;
    pub const BIND_FAILED: u16 = 0x10;
    pub const ACCEPTED: u16 = 0x20;
    pub const ACCEPT_FAILED: u16 = 0x40;
    pub const CLOSED: u16 = 0x80;
    pub const DISCONNECTED: u16 = 0x200;
    pub const FAILED_NO_DETAIL: u16 = 0x800;
    pub const SUCCEEDED: u16 = 0x1000;
    pub const FAILED_PROTOCOL: u16 = 0x2000;
    pub const FAILED_AUTH: u16 = 0x4000;
}

/// Reads of one turn of the I/O thread.
const TURN_READS: usize = 16;
/// Bytes that a handshake may leave unread.
const SHAKE_BLOCK: usize = 4096;

/// Where to dial, and what has become of it.
pub(super) struct Dialer {
    transport: &'static dyn Transport,
    address: Vec<u8>,
    /// Where the name led, from the thread that asked.
    resolved: Arc<Mutex<Option<Result<Vec<Target>>>>>,
    attempts: u32,
}

pub(super) enum State {
    /// Nothing happened yet.
    Fresh,
    /// A name server is being asked, or the next attempt is due.
    Waiting,
    Dialing(OwnedFd),
    Shaking(Box<Shaking>),
    Up,
    Closed,
}

pub(super) struct Shaking {
    fd: OwnedFd,
    handshake: Handshake,
    block: RecvBlock,
    out: Outbound,
    peer_address: String,
}

/// What the application asked of a connection it leaves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Closing {
    No,
    Asked(Option<Duration>),
    Lingering,
}

/// What belongs to the I/O thread's part.
pub(super) struct Life {
    dialer: Option<Dialer>,
    closing: Closing,
    /// The endpoint that events carry.
    endpoint: EndpointText,
}

/// What the application left for the I/O thread, and what only that thread uses.
pub(super) type LifeCell = Mutex<Life>;

impl Link {
    fn build(
        setup: Arc<Setup>,
        state: State,
        lanes: Option<(LaneRx<Msg>, LaneTx<Msg>)>,
        life: Life,
    ) -> Arc<Link> {
        setup.live.enter();
        Arc::new_cyclic(|me| Link {
            me: me.clone(),
            source: SourceKey::fresh(),
            pipe: PipeKey::fresh(),
            setup,
            token: Token::new(Core {
                state,
                lanes,
                conn: None,
                touched_seen: 0,
                moved: 0,
                moved_seen: 0,
                last_write_end: None,
                burst: 0,
            }),
            life: Mutex::new(life),
            up: AtomicBool::new(false),
            dirty: AtomicBool::new(false),
            streaming: AtomicBool::new(false),
            touched: AtomicU32::new(0),
            away: AtomicBool::new(false),
            fd: AtomicI32::new(-1),
            blocked: AtomicBool::new(false),
        })
    }

    fn lanes(setup: &Setup) -> ((LaneTx<Msg>, LaneRx<Msg>), (LaneTx<Msg>, LaneRx<Msg>)) {
        let out = if setup.conflate_out {
            conflating_lane()
        } else {
            lane(setup.options.sndhwm.max(0) as u64)
        };
        let inbox = if setup.conflate_in {
            conflating_lane()
        } else {
            lane(setup.options.rcvhwm.max(0) as u64)
        };
        (out, inbox)
    }

    /// Starts to connect to `address`. The pipe is to be attached at once, unless IMMEDIATE asks for one only while
    /// connected: then it comes as news.
    pub fn dial(
        setup: Arc<Setup>,
        transport: &'static dyn Transport,
        address: &[u8],
    ) -> (Arc<Link>, Option<Newcomer>) {
        let dialer = Dialer {
            transport,
            address: address.to_vec(),
            resolved: Arc::default(),
            attempts: 0,
        };
        let life = Life {
            dialer: Some(dialer),
            closing: Closing::No,
            endpoint: setup.uri.clone(),
        };
        let immediate = setup.options.immediate;
        let ((out_tx, out_rx), (in_tx, in_rx)) = Link::lanes(&setup);
        let lanes = (!immediate).then_some((out_rx, in_tx));
        let link = Link::build(setup.clone(), State::Fresh, lanes, life);
        setup.io.run(link.clone());
        let newcomer = (!immediate).then(|| Newcomer {
            key: link.pipe,
            tx: out_tx,
            rx: in_rx,
            far: Far::Link(link.clone()),
            peer: None,
            endpoint: setup.endpoint,
        });
        (link, newcomer)
    }

    /// Takes over an accepted connection; on the I/O thread.
    pub(super) fn accept(
        setup: Arc<Setup>,
        accepted: Accepted,
        endpoint: EndpointText,
        io: &mut Io,
    ) {
        let life = Life {
            dialer: None,
            closing: Closing::No,
            endpoint,
        };
        let link = Link::build(setup, State::Fresh, None, life);
        io.adopt(link.clone());
        let Some(mut core) = link.token.enter(RUN) else {
            return;
        };
        link.shake(&mut core, io, accepted.fd, accepted.peer_address);
        link.finish(core);
    }

    /// Leaves the connection: what is queued is sent within `linger` (`None`: however long it takes).
    pub fn close(self: &Arc<Self>, linger: Option<Duration>) {
        self.life.lock().closing = Closing::Asked(linger);
        self.setup.io.run(self.clone());
    }

    pub(super) fn on_run(self: Arc<Self>, io: &mut Io) {
        let Some(mut core) = self.token.enter(RUN) else {
            return;
        };
        let asked = self.life.lock().closing;
        if let Closing::Asked(linger) = asked {
            self.start_closing(&mut core, io, linger);
        }
        match core.state {
            State::Fresh => {
                io.adopt(self.clone());
                self.start_dialing(&mut core, io);
            }
            State::Waiting => self.try_resolved(&mut core, io),
            State::Up => {
                self.serve_requests(&mut core, io);
                self.serve(&mut core, io);
            }
            _ => {}
        }
        self.finish(core);
    }

    pub(super) fn on_ready(self: Arc<Self>, io: &mut Io, events: Interest) {
        let Some(mut core) = self.token.enter(super::READ | super::WRITE) else {
            return;
        };
        match core.state {
            State::Dialing(_) => self.dialed(&mut core, io),
            State::Shaking(_) => self.shaking(&mut core, io),
            State::Up => {
                let touched = self.touched.load(Ordering::Relaxed);
                let active = touched.wrapping_sub(core.touched_seen) > 2;
                core.touched_seen = touched;
                if active && !events.broken() && !self.away.swap(true, Ordering::AcqRel) {
                    io.handle().remove(self.fd.load(Ordering::Relaxed));
                    io.watch(self.clone());
                }
                self.serve(&mut core, io);
            }
            _ => {}
        }
        self.finish(core);
    }

    /// Reads, writes, and sees what became of it.
    fn serve(self: &Arc<Self>, core: &mut Guard<'_, Core>, io: &mut Io) {
        let (_, wake) = self.receive(core, TURN_READS);
        if wake {
            self.setup.mailbox.send(News::Readable(self.pipe));
        }
        self.send(core, true);
        self.serve_requests(core, io);
        let closing = self.life.lock().closing == Closing::Lingering;
        let Core {
            lanes: Some((out, inbox)),
            conn: Some(conn),
            ..
        } = &mut **core
        else {
            return;
        };
        let dead = conn.dead.or(if closing { conn.send_dead } else { None });
        if let Some(error) = dead {
            self.tear_down(core, io, error);
            return;
        }
        if closing && conn.outbound.pending() == 0 && !out.is_readable() {
            self.shut(core, io);
            return;
        }
        if !inbox.has_room() && !inbox.park()
            || inbox.has_room() && (conn.leftover || conn.inbound.has_unread_frames())
        {
            self.setup.io.run(self.clone());
        }
        self.watch_output(conn, io);
    }

    /// Sees to it that the thread is told when the kernel takes more.
    fn watch_output(&self, conn: &mut Conn, io: &Io) {
        if conn.outbound.blocked == conn.wants_out {
            return;
        }
        conn.wants_out = conn.outbound.blocked;
        if !self.away.load(Ordering::Acquire) || conn.wants_out {
            self.register(conn, io);
        }
    }

    /// (Re-)adds the descriptor to the thread's set: behind the socket's own, which it is in already.
    fn register(&self, conn: &Conn, io: &Io) {
        io.handle().remove(conn.raw_fd);
        let mut interest = Interest::IN.and(Interest::EDGE).and(Interest::EXCLUSIVE);
        if conn.wants_out {
            interest = interest.and(Interest::OUT);
        }
        if io.add(conn.raw_fd, self.source, interest).is_err() {
            // Without a place in the set nobody would hear of the connection again: look each millisecond.
            self.away.store(true, Ordering::Release);
            if let Some(me) = self.arc() {
                self.setup.io.watch(me);
            }
        }
    }

    pub(super) fn on_flush(self: Arc<Self>, io: &mut Io) -> Care {
        let Some(mut core) = self.token.enter(super::WRITE) else {
            return Care::Keep;
        };
        if !matches!(core.state, State::Up) {
            self.dirty.store(false, Ordering::Release);
            self.finish(core);
            return Care::Done;
        }
        let moving = core.moved != core.moved_seen;
        core.moved_seen = core.moved;
        if moving {
            self.finish(core);
            return Care::Keep;
        }
        core.burst = 0;
        self.streaming.store(false, Ordering::Relaxed);
        self.serve(&mut core, io);
        self.dirty.store(false, Ordering::Relaxed);
        heavy_fence();
        let core_ref = &mut *core;
        let more = match (&mut core_ref.lanes, &core_ref.conn) {
            (Some((out, _)), Some(conn)) if !conn.outbound.blocked => {
                out.is_readable() || conn.outbound.pending() > 0
            }
            _ => false,
        };
        if more {
            self.dirty.store(true, Ordering::Release);
        } else if let Some(conn) = &mut core.conn {
            conn.outbound.rest();
        }
        self.finish(core);
        if more { Care::Keep } else { Care::Done }
    }

    pub(super) fn on_watch(self: Arc<Self>, io: &mut Io) -> Care {
        let touched = self.touched.load(Ordering::Relaxed);
        let Some(mut core) = self.token.enter(super::READ) else {
            return Care::Keep;
        };
        if touched != core.touched_seen && matches!(core.state, State::Up) {
            core.touched_seen = touched;
            self.finish(core);
            return Care::Keep;
        }
        self.away.store(false, Ordering::Release);
        if let Some(conn) = &core.conn {
            self.register(conn, io);
        }
        self.serve(&mut core, io);
        if let Some(conn) = &mut core.conn {
            conn.inbound.rest();
        }
        self.finish(core);
        Care::Done
    }

    pub(super) fn on_timer(self: Arc<Self>, io: &mut Io, timer: u8) {
        let Some(mut core) = self.token.enter(RUN) else {
            io.set_timer(self.source, timer, Duration::from_millis(1));
            return;
        };
        match timer {
            RETRY => self.start_dialing(&mut core, io),
            HANDSHAKE => self.shake_failed(&mut core, io, Event::NoDetail(Errno::ETIMEDOUT), false),
            CONNECT => {
                if let State::Dialing(fd) = std::mem::replace(&mut core.state, State::Waiting) {
                    io.handle().remove(fd.as_raw_fd());
                    self.attempt_failed(&mut core, io, fd.as_raw_fd(), Errno::ETIMEDOUT);
                }
            }
            LINGER => self.shut(&mut core, io),
            PING => self.heartbeat(&mut core, io),
            SILENCE | TTL => self.silent(&mut core, io, timer),
            _ => {}
        }
        self.finish(core);
    }

    fn heartbeat(self: &Arc<Self>, core: &mut Guard<'_, Core>, io: &mut Io) {
        let options = &self.setup.options;
        let Some(conn) = &mut core.conn else { return };
        let mut body = Vec::new();
        command::ping(
            &mut body,
            (options.heartbeat_ttl / 100).clamp(0, 65535) as u16,
            b"",
        );
        conn.outbound.command(&body);
        conn.heard_at_ping = conn.heard;
        io.set_timer(self.source, PING, millis(options.heartbeat_ivl));
        let patience = if options.heartbeat_timeout >= 0 {
            options.heartbeat_timeout
        } else {
            options.heartbeat_ivl
        };
        if patience > 0 && !io.has_timer(self.source, SILENCE) {
            io.set_timer(self.source, SILENCE, millis(patience));
        }
        self.serve(core, io);
    }

    /// Nothing was heard for too long; but a peer that we do not listen to, because the inbox is full, is not silent.
    fn silent(self: &Arc<Self>, core: &mut Guard<'_, Core>, io: &mut Io, timer: u8) {
        self.serve(core, io);
        let Core {
            lanes: Some((_, inbox)),
            conn: Some(conn),
            ..
        } = &mut **core
        else {
            return;
        };
        if !inbox.has_room() || conn.heard != conn.heard_at_ping {
            conn.heard_at_ping = conn.heard;
            if timer == TTL {
                io.set_timer(self.source, TTL, conn.ttl);
            }
            return;
        }
        self.tear_down(core, io, Errno::ETIMEDOUT);
    }

    /// Answers what came as commands for the connection itself.
    fn serve_requests(&self, core: &mut Core, io: &mut Io) {
        let Some(conn) = &mut core.conn else { return };
        for request in std::mem::take(&mut conn.inbound.requests) {
            let Request::Ping(ttl, context) = request;
            let mut body = Vec::new();
            command::pong(&mut body, &context);
            conn.outbound.command(&body);
            if ttl > 0 {
                conn.ttl = Duration::from_millis(u64::from(ttl) * 100);
                conn.heard_at_ping = conn.heard;
                io.set_timer(self.source, TTL, conn.ttl);
            }
        }
        if conn.outbound.pending() > 0 {
            self.send(core, true);
        }
    }

    // --- dialing ---

    fn start_dialing(self: &Arc<Self>, core: &mut Guard<'_, Core>, io: &mut Io) {
        core.state = State::Waiting;
        let mut life = self.life.lock();
        let Some(dialer) = &mut life.dialer else {
            return;
        };
        let (transport, address) = (dialer.transport, dialer.address.clone());
        if let Some(targets) = transport.resolve_literal(&address, &self.setup.tuning) {
            drop(life);
            return self.dial_target(core, io, targets);
        }
        let slot = dialer.resolved.clone();
        drop(life);
        let me = self.clone();
        let asked = crate::sys::process::spawn("ZMQbg/DNS", Default::default(), move || {
            *slot.lock() = Some(transport.resolve(&address, &me.setup.tuning));
            me.setup.io.clone().run(me);
        });
        if asked.is_err() {
            self.schedule_retry(core, io);
        }
    }

    fn try_resolved(self: &Arc<Self>, core: &mut Guard<'_, Core>, io: &mut Io) {
        let targets = self
            .life
            .lock()
            .dialer
            .as_ref()
            .and_then(|dialer| dialer.resolved.lock().take());
        if let Some(targets) = targets {
            self.dial_target(core, io, targets);
        }
    }

    fn dial_target(
        self: &Arc<Self>,
        core: &mut Guard<'_, Core>,
        io: &mut Io,
        targets: Result<Vec<Target>>,
    ) {
        let Some(transport) = self
            .life
            .lock()
            .dialer
            .as_ref()
            .map(|dialer| dialer.transport)
        else {
            return;
        };
        let dialing = targets
            .and_then(|list| list.first().cloned().ok_or(Errno::EINVAL))
            .and_then(|target| transport.dial(&target, &self.setup.tuning));
        match dialing {
            Ok(dialing) if dialing.in_progress => {
                self.emit(event::CONNECT_DELAYED, libc::EINPROGRESS as u32);
                let fd = dialing.fd.as_raw_fd();
                if let Err(error) = io.add(fd, self.source, Interest::OUT) {
                    return self.attempt_failed(core, io, fd, error);
                }
                core.state = State::Dialing(dialing.fd);
                if self.setup.options.connect_timeout > 0 {
                    io.set_timer(
                        self.source,
                        CONNECT,
                        millis(self.setup.options.connect_timeout),
                    );
                }
            }
            Ok(dialing) => {
                core.state = State::Dialing(dialing.fd);
                self.dialed(core, io);
            }
            Err(error) => self.attempt_failed(core, io, -1, error),
        }
    }

    fn dialed(self: &Arc<Self>, core: &mut Guard<'_, Core>, io: &mut Io) {
        let State::Dialing(fd) = std::mem::replace(&mut core.state, State::Waiting) else {
            return;
        };
        let Some(transport) = self
            .life
            .lock()
            .dialer
            .as_ref()
            .map(|dialer| dialer.transport)
        else {
            return;
        };
        let number = fd.as_raw_fd();
        io.handle().remove(number);
        io.cancel_timer(self.source, CONNECT);
        match transport.finish(fd, &self.setup.tuning) {
            Ok(connected) => {
                if let Some(dialer) = &mut self.life.lock().dialer {
                    dialer.attempts = 0;
                }
                self.emit(event::CONNECTED, connected.fd.as_raw_fd() as u32);
                self.shake(core, io, connected.fd, connected.peer_address);
            }
            Err(error) => self.attempt_failed(core, io, number, error),
        }
    }

    fn attempt_failed(
        self: &Arc<Self>,
        core: &mut Guard<'_, Core>,
        io: &mut Io,
        fd: i32,
        error: Errno,
    ) {
        self.emit(event::CLOSED, fd as u32);
        if error == Errno::ECONNREFUSED && self.setup.options.reconnect_stop & 1 != 0 {
            return self.give_up(core, io);
        }
        self.schedule_retry(core, io);
    }

    fn schedule_retry(self: &Arc<Self>, core: &mut Guard<'_, Core>, io: &mut Io) {
        let options = &self.setup.options;
        let base = options.reconnect_ivl;
        if base <= 0 {
            return self.give_up(core, io);
        }
        core.state = State::Waiting;
        let attempts = self.life.lock().dialer.as_mut().map_or(0, |dialer| {
            dialer.attempts = dialer.attempts.saturating_add(1);
            dialer.attempts - 1
        });
        let wait = if options.reconnect_ivl_max > 0 {
            base.checked_shl(attempts.min(30))
                .filter(|&v| v > 0)
                .unwrap_or(i32::MAX)
                .min(options.reconnect_ivl_max)
        } else {
            base.saturating_add(random_below(base))
        };
        self.emit(event::CONNECT_RETRIED, wait as u32);
        io.set_timer(self.source, RETRY, millis(wait));
    }

    // --- handshake ---

    fn shake(
        self: &Arc<Self>,
        core: &mut Guard<'_, Core>,
        io: &mut Io,
        fd: OwnedFd,
        peer_address: String,
    ) {
        let (Ok(block), raw_fd) = (RecvBlock::with_capacity(SHAKE_BLOCK), fd.as_raw_fd()) else {
            return;
        };
        let shaking = Shaking {
            fd,
            handshake: Handshake::new(self.setup.handshake.clone()),
            block,
            out: Outbound::new(Wire::Raw, Version::V3_1),
            peer_address,
        };
        core.state = State::Shaking(Box::new(shaking));
        if self.setup.raw {
            return self.come_up(core, io, None);
        }
        if io.add(raw_fd, self.source, Interest::IN).is_err() {
            return self.shake_failed(core, io, Event::NoDetail(Errno::ENOMEM), false);
        }
        if self.setup.options.handshake_ivl > 0 {
            io.set_timer(
                self.source,
                HANDSHAKE,
                millis(self.setup.options.handshake_ivl),
            );
        }
        self.shaking(core, io);
    }

    fn shaking(self: &Arc<Self>, core: &mut Guard<'_, Core>, io: &mut Io) {
        loop {
            let State::Shaking(shaking) = &mut core.state else {
                return;
            };
            let fd = shaking.fd.as_raw_fd();
            let mut bytes = Vec::new();
            shaking.handshake.transmit(&mut bytes);
            shaking.out.bytes(&bytes);
            if let Err(error) = shaking.out.write(fd) {
                return self.shake_failed(core, io, Event::NoDetail(error), false);
            }
            if shaking.out.blocked {
                io.handle().remove(fd);
                let _ = io.add(fd, self.source, Interest::IN.and(Interest::OUT));
            }
            if let Some(outcome) = shaking.handshake.outcome() {
                return self.come_up(core, io, Some(outcome));
            }
            if shaking.block.unread().is_empty() {
                shaking.block.reuse();
            }
            match shaking.block.read_from(fd) {
                Ok(0) => return self.shake_failed(core, io, Event::NoDetail(Errno::EPIPE), false),
                Ok(_) => {}
                Err(Errno::EAGAIN) => return,
                Err(error) => return self.shake_failed(core, io, Event::NoDetail(error), false),
            }
            match shaking.handshake.receive(shaking.block.unread()) {
                Ok(consumed) => shaking.block.consume(consumed),
                Err(failure) => {
                    let mut last = Vec::new();
                    shaking.handshake.transmit(&mut last);
                    shaking.out.bytes(&last);
                    let _ = shaking.out.write(fd);
                    return self.shake_refused(core, io, &failure);
                }
            }
        }
    }

    fn shake_refused(self: &Arc<Self>, core: &mut Guard<'_, Core>, io: &mut Io, failure: &Failure) {
        self.shake_failed(core, io, failure.event(), failure.is_terminal());
    }

    fn shake_failed(
        self: &Arc<Self>,
        core: &mut Guard<'_, Core>,
        io: &mut Io,
        cause: Event,
        terminal: bool,
    ) {
        let State::Shaking(shaking) = std::mem::replace(&mut core.state, State::Waiting) else {
            return;
        };
        io.cancel_timer(self.source, HANDSHAKE);
        io.handle().remove(shaking.fd.as_raw_fd());
        match cause {
            Event::NoDetail(errno) => self.emit(event::FAILED_NO_DETAIL, errno.0 as u32),
            Event::Protocol(code) => self.emit(event::FAILED_PROTOCOL, code),
            Event::Auth(status) => self.emit(event::FAILED_AUTH, u32::from(status)),
            Event::DisconnectOnly => {}
        }
        self.emit(event::DISCONNECTED, shaking.fd.as_raw_fd() as u32);
        let stop =
            self.setup.options.reconnect_stop & 2 != 0 && matches!(cause, Event::NoDetail(_));
        if self.life.lock().dialer.is_none() || terminal || stop {
            self.give_up(core, io);
        } else {
            self.schedule_retry(core, io);
        }
    }

    /// The connection is ready for messages.
    fn come_up(
        self: &Arc<Self>,
        core: &mut Guard<'_, Core>,
        io: &mut Io,
        outcome: Option<Outcome>,
    ) {
        let State::Shaking(mut shaking) = std::mem::replace(&mut core.state, State::Up) else {
            return;
        };
        io.cancel_timer(self.source, HANDSHAKE);
        let raw_fd = shaking.fd.as_raw_fd();
        io.handle().remove(raw_fd);
        let options = &self.setup.options;
        let version = outcome
            .as_ref()
            .map_or(Version::V3_1, |outcome| outcome.version);
        let wire = if outcome.is_some() {
            Wire::Frames(version.framing())
        } else {
            Wire::Raw
        };
        let mut properties = vec![(b"Peer-Address".to_vec(), shaking.peer_address.into_bytes())];
        if let Some(outcome) = &outcome {
            properties.extend(
                outcome
                    .properties
                    .iter()
                    .map(|(name, value)| (name.to_vec(), value.to_vec())),
            );
        }
        let meta = Meta::new(properties, raw_fd);
        let peer = Peer {
            routing_id: outcome
                .as_ref()
                .map_or_else(Vec::new, |outcome| outcome.peer_routing_id.clone()),
            subscribes_to_all: version.is_unversioned(),
            meta: Some(meta.clone()),
        };
        let max_frame = u64::try_from(options.maxmsgsize).ok();
        let first = shaking.block.unread().to_vec();
        let inbound = Inbound::new(
            wire,
            MetaSource::new(meta),
            max_frame,
            options.in_batch_size.max(1) as usize,
            &first,
        );
        let Ok(inbound) = inbound else {
            return self.give_up(core, io);
        };
        let mut outbound = Outbound::new(wire, version);
        let mut rest = Vec::new();
        shaking.handshake.transmit(&mut rest);
        if outcome.is_some() {
            outbound.bytes(&rest);
        }
        core.conn = Some(Conn {
            fd: shaking.fd,
            raw_fd,
            inbound,
            outbound,
            wants_out: false,
            dead: None,
            send_dead: None,
            leftover: true,
            heard: 0,
            heard_at_ping: 0,
            ttl: Duration::ZERO,
        });
        self.fd.store(raw_fd, Ordering::Release);
        if outcome.is_some() {
            self.emit(event::SUCCEEDED, 0);
        }
        if self.life.lock().closing == Closing::No {
            self.introduce(core, peer);
        }
        let _ = self.setup.set.add(raw_fd, self.pipe.number());
        if let Some(conn) = &core.conn {
            self.register(conn, io);
        }
        if options.heartbeat_ivl > 0 && version.has_commands() && outcome.is_some() {
            io.set_timer(self.source, PING, millis(options.heartbeat_ivl));
        }
        self.up.store(true, Ordering::Release);
        self.serve(core, io);
    }

    /// Tells the socket that the peer is there.
    fn introduce(self: &Arc<Self>, core: &mut Core, peer: Peer) {
        if core.lanes.is_some() {
            self.setup.mailbox.send(News::Established(self.pipe, peer));
            return;
        }
        let ((tx, out_rx), (in_tx, rx)) = Link::lanes(&self.setup);
        core.lanes = Some((out_rx, in_tx));
        let newcomer = Newcomer {
            key: self.pipe,
            tx,
            rx,
            far: Far::Link(self.clone()),
            peer: Some(peer),
            endpoint: self.setup.endpoint,
        };
        self.setup.mailbox.send(News::Attach(Box::new(newcomer)));
    }

    // --- the end ---

    fn disconnect(&self, core: &mut Core, io: &mut Io) -> Option<i32> {
        self.up.store(false, Ordering::Release);
        for timer in [PING, SILENCE, TTL, HANDSHAKE, CONNECT, RETRY] {
            io.cancel_timer(self.source, timer);
        }
        let conn = core.conn.take()?;
        self.setup.set.remove(conn.raw_fd);
        io.handle().remove(conn.raw_fd);
        self.fd.store(-1, Ordering::Release);
        self.blocked.store(false, Ordering::Relaxed);
        drop(conn.fd);
        Some(conn.raw_fd)
    }

    fn tear_down(self: &Arc<Self>, core: &mut Guard<'_, Core>, io: &mut Io, error: Errno) {
        let Some(fd) = self.disconnect(core, io) else {
            return;
        };
        if self.setup.raw {
            self.emit(event::FAILED_NO_DETAIL, error.0 as u32);
        }
        self.emit(event::DISCONNECTED, fd as u32);
        let violation = matches!(error, Errno::EPROTO | Errno::EMSGSIZE | Errno::ENOMEM);
        let lingering = self.life.lock().closing == Closing::Lingering;
        if self.life.lock().dialer.is_none() || violation {
            return self.give_up(core, io);
        }
        if self.setup.options.immediate && !lingering {
            self.forget_pipe(core);
        } else if !lingering {
            self.setup.mailbox.send(News::Lost(self.pipe));
        }
        self.schedule_retry(core, io);
    }

    fn forget_pipe(&self, core: &mut Core) {
        if let Some((mut out, mut inbox)) = core.lanes.take() {
            let _ = out.close();
            let _ = inbox.close();
            self.setup.mailbox.send(News::Gone(self.pipe));
        }
    }

    /// There will be no further attempt.
    fn give_up(self: &Arc<Self>, core: &mut Guard<'_, Core>, io: &mut Io) {
        self.forget_pipe(core);
        self.shut(core, io);
    }

    fn start_closing(
        self: &Arc<Self>,
        core: &mut Guard<'_, Core>,
        io: &mut Io,
        linger: Option<Duration>,
    ) {
        self.life.lock().closing = Closing::Lingering;
        if matches!(core.state, State::Closed) {
            return;
        }
        if matches!(core.state, State::Up) {
            self.send(core, true);
        }
        let core_ref = &mut **core;
        let queued = core_ref
            .lanes
            .as_mut()
            .is_some_and(|(out, _)| out.is_readable())
            || core_ref
                .conn
                .as_ref()
                .is_some_and(|conn| conn.outbound.pending() > 0);
        if !queued || linger == Some(Duration::ZERO) {
            return self.shut(core, io);
        }
        if let Some(linger) = linger {
            io.set_timer(self.source, LINGER, linger);
        }
    }

    /// Closes what is open and leaves the thread.
    fn shut(self: &Arc<Self>, core: &mut Guard<'_, Core>, io: &mut Io) {
        if matches!(core.state, State::Closed) {
            return;
        }
        self.disconnect(core, io);
        match std::mem::replace(&mut core.state, State::Closed) {
            State::Dialing(fd) => io.handle().remove(fd.as_raw_fd()),
            State::Shaking(shaking) => io.handle().remove(shaking.fd.as_raw_fd()),
            _ => {}
        }
        core.lanes = None;
        io.release(self.source);
        self.setup.live.leave();
    }

    fn emit(&self, event: u16, value: u32) {
        let endpoint = self.life.lock().endpoint.clone();
        self.setup.monitor.emit(event, value, &endpoint);
    }
}

fn millis(value: i32) -> Duration {
    Duration::from_millis(value.max(0) as u64)
}

fn random_below(limit: i32) -> i32 {
    let mut bytes = [0; 4];
    if getrandom::fill(&mut bytes).is_err() {
        return 0;
    }
    (u32::from_ne_bytes(bytes) % limit.max(1) as u32) as i32
}
