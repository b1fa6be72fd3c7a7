//! How a connection comes up, on its I/O thread: dial, shake hands, tell the socket.
#![forbid(unsafe_code)]

use super::heartbeat::Pulse;
use super::inbound::{Inbound, Limits, Wire};
use super::life::{
    CONNECT, Closing, Dialer, HANDSHAKE, PING, RETRY, Shaking, State, event, millis,
};
use super::news::{Far, Newcomer, News, Peer};
use super::outbound::Outbound;
use super::{Conn, Core, Link, spare};
use crate::endpoint::EndpointText;
use crate::errno::{Errno, Result};
use crate::io::Io;
use crate::msg::{Meta, MetaSource, RecvBlock};
use crate::options::constants::reconnect_stop::{
    RECONNECT_STOP_AFTER_DISCONNECT, RECONNECT_STOP_CONN_REFUSED, RECONNECT_STOP_HANDSHAKE_FAILED,
};
use crate::queue::Guard;
use crate::sys::epoll::Interest;
use crate::sys::stream;
use crate::sys::thread::{STACK, Thread};
use crate::transport::{Progress, Target};
use crate::zmtp::failure::{Event, Failure};
use crate::zmtp::greeting::Version;
use crate::zmtp::handshake::{Handshake, Outcome};
use crate::zmtp::mechanism::cipher::Cipher;
use std::io::IoSlice;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Reads from a peer that was refused, so that it can hear so.
const DRAIN_READS: usize = 16;
/// What IN_BATCH_SIZE and OUT_BATCH_SIZE are unless set.
const DEFAULT_BATCH: usize = 8192;

impl Link {
    pub(super) fn start_dialing(self: &Arc<Self>, core: &mut Guard<'_, Core>, io: &mut Io) {
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
        let asked = Thread::spawn(format_args!("ZMQbg/DNS"), Some(STACK), move || {
            *slot.lock() = Some(transport.resolve(&address, &me.setup.tuning));
            me.setup.io.clone().run(me);
        });
        if asked.is_err() {
            self.try_again(core, io);
        }
    }

    /// Something of the side that dials; `None` on the other.
    fn of_dialer<T>(&self, of: impl FnOnce(&Dialer) -> T) -> Option<T> {
        self.life.lock().dialer.as_ref().map(of)
    }

    pub(super) fn try_resolved(self: &Arc<Self>, core: &mut Guard<'_, Core>, io: &mut Io) {
        let targets = self.of_dialer(|dialer| dialer.resolved.lock().take());
        if let Some(targets) = targets.flatten() {
            self.dial_target(core, io, targets);
        }
    }

    pub(super) fn dial_target(
        self: &Arc<Self>,
        core: &mut Guard<'_, Core>,
        io: &mut Io,
        targets: Result<Vec<Target>>,
    ) {
        let Some(transport) = self.of_dialer(|dialer| dialer.transport) else {
            return;
        };
        let dialing = targets
            .and_then(|list| list.first().cloned().ok_or(Errno::EINVAL))
            .and_then(|target| transport.dial(&target, &self.setup.tuning));
        let dialing = match dialing {
            Ok(dialing) => dialing,
            Err(_) => return self.try_again(core, io),
        };
        let fd = dialing.fd.as_raw_fd();
        match dialing.progress {
            Progress::UnderWay => {
                self.emit(event::CONNECT_DELAYED, libc::EINPROGRESS);
                if let Err(error) = io.add(fd, self.source, Interest::OUT) {
                    drop(dialing.fd);
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
            Progress::Done => {
                core.state = State::Dialing(dialing.fd);
                self.dialed(core, io);
            }
            Progress::Failed(error) => {
                drop(dialing.fd);
                self.attempt_failed(core, io, fd, error);
            }
        }
    }

    pub(super) fn dialed(self: &Arc<Self>, core: &mut Guard<'_, Core>, io: &mut Io) {
        let State::Dialing(fd) = std::mem::replace(&mut core.state, State::Waiting) else {
            return;
        };
        let Some(transport) = self.of_dialer(|dialer| dialer.transport) else {
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
                self.life.lock().ends.local = connected.local;
                self.emit(event::CONNECTED, connected.fd.as_raw_fd());
                self.shake(core, io, connected.fd, connected.peer_address);
            }
            Err(error) => self.attempt_failed(core, io, number, error),
        }
    }

    pub(super) fn attempt_failed(
        self: &Arc<Self>,
        core: &mut Guard<'_, Core>,
        io: &mut Io,
        fd: i32,
        error: Errno,
    ) {
        self.emit(event::CLOSED, fd);
        if error == Errno::ECONNREFUSED {
            let stops = self.setup.options.reconnect_stop;
            if self.setup.uri.starts_with(b"ipc:") {
                if stops & RECONNECT_STOP_AFTER_DISCONNECT != 0
                    && self.setup.common.disconnected.load(Ordering::Relaxed)
                {
                    return self.rest_idle(core, io);
                }
            } else if stops & RECONNECT_STOP_CONN_REFUSED != 0 {
                return self.give_up(core, io);
            }
        }
        self.try_again(core, io);
    }

    /// An attempt came to nothing.
    fn try_again(self: &Arc<Self>, core: &mut Guard<'_, Core>, io: &mut Io) {
        if self.setup.options.reconnect_ivl > 0 {
            self.schedule_retry(core, io);
        } else {
            self.rest_idle(core, io);
        }
    }

    /// No attempt follows, and there was no connection yet: the pipe takes messages all the same, until it is left.
    fn rest_idle(self: &Arc<Self>, core: &mut Guard<'_, Core>, io: &mut Io) {
        core.state = State::Idle;
        if self.is_lingering() {
            self.give_up(core, io);
        }
    }

    pub(super) fn schedule_retry(self: &Arc<Self>, core: &mut Guard<'_, Core>, io: &mut Io) {
        let options = &self.setup.options;
        let base = options.reconnect_ivl;
        if base <= 0 {
            return self.give_up(core, io);
        }
        core.state = State::Waiting;
        let mut life = self.life.lock();
        life.ends.local = EndpointText::default();
        let attempts = life.dialer.as_mut().map_or(0, |dialer| {
            dialer.attempts = dialer.attempts.saturating_add(1);
            dialer.attempts - 1
        });
        drop(life);
        let wait = if options.reconnect_ivl_max > 0 {
            base.checked_shl(attempts.min(30))
                .filter(|&v| v > 0)
                .unwrap_or(i32::MAX)
                .min(options.reconnect_ivl_max)
        } else {
            base.saturating_add(random_below(base))
        };
        self.emit(event::CONNECT_RETRIED, wait);
        io.set_timer(self.source, RETRY, millis(wait));
    }

    pub(super) fn shake(
        self: &Arc<Self>,
        core: &mut Guard<'_, Core>,
        io: &mut Io,
        fd: OwnedFd,
        peer_address: String,
    ) {
        let raw_fd = fd.as_raw_fd();
        let shaking = Shaking {
            fd,
            handshake: Handshake::new(self.setup.handshake.clone()),
            block: None,
            peer_address,
            inquiry: None,
            errand: None,
        };
        core.state = State::Shaking(Box::new(shaking));
        if self.setup.raw {
            return self.come_up(core, io, None);
        }
        // By edges, because not all is read while a ZAP handler thinks.
        let interest = Interest::IN.and(Interest::EDGE);
        if io.add(raw_fd, self.source, interest).is_err() {
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

    pub(super) fn shaking(self: &Arc<Self>, core: &mut Guard<'_, Core>, io: &mut Io) {
        loop {
            let State::Shaking(shaking) = &mut core.state else {
                return;
            };
            let fd = shaking.fd.as_raw_fd();
            match shaking.write() {
                Ok(true) => {}
                Ok(false) => {
                    io.handle().remove(fd);
                    let interest = Interest::IN.and(Interest::OUT).and(Interest::EDGE);
                    let _ = io.add(fd, self.source, interest);
                }
                Err(error) => {
                    return self.shake_failed(core, io, Event::NoDetail(error), false);
                }
            }
            if let Some(outcome) = shaking.handshake.outcome() {
                return self.come_up(core, io, Some(outcome));
            }
            let zap = shaking.handshake.waits_for_zap();
            let away = shaking.handshake.waits_for_report();
            let waits = zap || away;
            let verdict = if zap { self.hear_zap(shaking) } else { None };
            let report = if away {
                self.hear_errand(shaking)
            } else {
                None
            };
            let step = if let Some(verdict) = verdict {
                shaking.handshake.zap_reply(verdict)
            } else if let Some(report) = report {
                report.and_then(|report| shaking.handshake.report(report))
            } else {
                if waits || shaking.block.is_none() {
                    match shaking.read() {
                        Ok(0) => {
                            let cause = Event::NoDetail(Errno::EPIPE);
                            return self.shake_failed(core, io, cause, false);
                        }
                        Ok(_) => {}
                        Err(Errno::EAGAIN) => return,
                        Err(error) => {
                            return self.shake_failed(core, io, Event::NoDetail(error), false);
                        }
                    }
                }
                shaking.receive()
            };
            if let Err(failure) = step {
                let _ = shaking.write();
                shaking.drain();
                return self.shake_refused(core, io, &failure);
            }
        }
    }

    pub(super) fn shake_refused(
        self: &Arc<Self>,
        core: &mut Guard<'_, Core>,
        io: &mut Io,
        failure: &Failure,
    ) {
        self.shake_failed(core, io, failure.event(), failure.is_terminal());
    }

    pub(super) fn shake_failed(
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
        self.emit_cause(cause);
        self.emit(event::DISCONNECTED, shaking.fd.as_raw_fd());
        let stop = self.stops_after_handshake() && matches!(cause, Event::NoDetail(_));
        if self.life.lock().dialer.is_none() || terminal || stop {
            self.give_up(core, io);
        } else {
            self.schedule_retry(core, io);
        }
    }

    pub(super) fn emit_cause(&self, cause: Event) {
        match cause {
            Event::NoDetail(errno) => self.emit(event::FAILED_NO_DETAIL, errno.0),
            Event::Protocol(code) => self.emit(event::FAILED_PROTOCOL, code.cast_signed()),
            Event::Auth(status) => self.emit(event::FAILED_AUTH, i32::from(status)),
            Event::DisconnectOnly => {}
        }
    }

    /// A handshake that comes to no end is not tried again.
    pub(super) fn stops_after_handshake(&self) -> bool {
        self.setup.options.reconnect_stop & RECONNECT_STOP_HANDSHAKE_FAILED != 0
    }

    /// The connection is ready for messages.
    pub(super) fn come_up(
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
        let address = (&b"Peer-Address"[..], shaking.peer_address.as_bytes());
        let told = outcome.iter().flat_map(|outcome| outcome.properties.iter());
        let meta = Meta::new(std::iter::once(address).chain(told), raw_fd);
        let peer = Peer {
            routing_id: outcome
                .as_ref()
                .map_or_else(Vec::new, |outcome| outcome.peer_routing_id.clone()),
            subscribes_to_all: version.is_unversioned(),
            meta: Some(meta.clone()),
        };
        let limits = Limits {
            max_frame: u64::try_from(options.maxmsgsize).ok(),
            batch: batch(options.in_batch_size),
            raw_chunk: options.in_batch_size.max(1) as usize,
            share: self.setup.zero_copy,
            groups: self.setup.groups,
        };
        let first = shaking.block.as_ref().map_or(&[][..], RecvBlock::unread);
        let inbound = Inbound::new(wire, MetaSource::new(meta), limits, first);
        let Ok(mut inbound) = inbound else {
            return self.give_up(core, io);
        };
        let mut outbound = Outbound::new(wire, version);
        if let Some(size) = batch(options.out_batch_size) {
            outbound.full = size;
        }
        if outcome.is_some() {
            let bytes = |rest: &[u8]| outbound.bytes(rest);
            shaking.handshake.transmit_to(bytes);
        }
        if let Some(Cipher { seal, open }) = shaking.handshake.take_cipher() {
            outbound.seal_by(seal);
            inbound.open_by(open);
        }
        if !options.hello_msg.is_empty() {
            outbound.greet(&options.hello_msg);
        }
        if core.resume(&mut outbound, &self.backlog) {
            self.tell_writable();
        }
        core.conn = Some(Conn {
            fd: shaking.fd,
            raw_fd,
            inbound,
            outbound,
            dead: None,
            send_dead: None,
            leftover: true,
            patience: None,
            pulse: Pulse::default(),
        });
        self.fd.store(raw_fd, Ordering::Release);
        if outcome.is_some() {
            self.emit(event::SUCCEEDED, 0);
        }
        self.introduce(core, peer);
        let _ = self.setup.common.set.add(raw_fd, self.pipe.number());
        if let Some(conn) = &core.conn {
            self.register(conn, io);
        }
        if options.heartbeat_ivl > 0 && version.has_commands() && outcome.is_some() {
            io.set_timer(self.source, PING, millis(options.heartbeat_ivl));
        }
        self.up.store(true, Ordering::Release);
        // Whoever queued a message just now and did not see that told nobody: look again behind a fence.
        self.leave_to_io();
        self.serve(core, io);
    }

    /// Tells the socket that the peer is there, unless it is leaving.
    pub(super) fn introduce(self: &Arc<Self>, core: &mut Core, peer: Peer) {
        let mut life = self.life.lock();
        if life.closing != Closing::No {
            return;
        }
        life.introduced = true;
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
}

impl Shaking {
    /// Writes what the handshake has to say. False when the kernel takes no more for now.
    fn write(&mut self) -> Result<bool> {
        while self.handshake.wants_transmit() {
            let rest = IoSlice::new(self.handshake.outgoing());
            match stream::write(self.fd.as_raw_fd(), &[rest]) {
                Ok(count) => self.handshake.transmitted(count),
                Err(Errno::EAGAIN) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Reads once; 0 is the end. A peer that talks on without being heard costs us no more than the block.
    fn read(&mut self) -> Result<usize> {
        let block = match &mut self.block {
            Some(block) => block,
            none => none.insert(spare::take()?),
        };
        if block.room() == 0 {
            return Err(Errno::EAGAIN);
        }
        let got = block.read_from(self.fd.as_raw_fd());
        if block.unread().is_empty() {
            self.let_go();
        }
        got
    }

    /// Hands the handshake what was read.
    fn receive(&mut self) -> std::result::Result<(), Failure> {
        if let Some(block) = &mut self.block {
            let consumed = self.handshake.receive(block.unread())?;
            block.consume(consumed);
            if block.unread().is_empty() {
                self.wipe();
            }
        }
        Ok(())
    }

    /// Forgets what was read: it may have been a password.
    fn wipe(&mut self) {
        if let Some(block) = &mut self.block {
            block.wipe();
            let _ = block.reuse();
        }
        self.let_go();
    }

    /// Leaves the block, with nothing unread in it, for the next connection.
    fn let_go(&mut self) {
        if !spare::leave(&mut self.block) {
            self.block = None;
        }
    }

    /// Takes what the peer sent and nobody will read: closed over unread bytes, the connection would be reset, and with it
    /// the ERROR that tells the peer why.
    fn drain(&mut self) {
        for _ in 0..DRAIN_READS {
            self.wipe();
            if !matches!(self.read(), Ok(count) if count > 0) {
                break;
            }
        }
        self.wipe();
    }
}

/// A batch size that the application chose. The default leaves the choice to us.
fn batch(size: i32) -> Option<usize> {
    usize::try_from(size)
        .ok()
        .filter(|&size| size != DEFAULT_BATCH)
}

fn random_below(limit: i32) -> i32 {
    let mut bytes = [0; 4];
    if getrandom::fill(&mut bytes).is_err() {
        return 0;
    }
    (u32::from_ne_bytes(bytes) % limit.max(1) as u32) as i32
}
