//! A connection's life on its I/O thread: dial, shake hands, serve, tear down, dial again.
#![forbid(unsafe_code)]

use super::errand::Way;
use super::news::{Far, Newcomer, News, PipeKey};
use super::pace::Pace;
use super::setup::Setup;
use super::unsent::Unsent;
use super::zap::Inquiry;
use super::{Conn, Core, Lease, Link};
use crate::endpoint::Ends;
use crate::errno::{Errno, Result};
use crate::io::{Io, SourceKey};
use crate::msg::{Msg, RecvBlock};
use crate::queue::{Backlog, Dirty, Guard, LaneRx, LaneTx, Quiet, Token, conflating_lane, lane};
use crate::sys::epoll::Interest;
use crate::sys::stream;
use crate::transport::{Accepted, Target, Transport};
use crate::zmtp::failure::Event;
use crate::zmtp::handshake::Handshake;
use parking_lot::Mutex;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};
use std::time::{Duration, Instant};

const RUN: u32 = 4;

pub(super) const RETRY: u8 = 1;
pub(super) const HANDSHAKE: u8 = 2;
const LINGER: u8 = 3;
pub(super) const CONNECT: u8 = 4;
pub(super) const PING: u8 = 5;
pub(super) const SILENCE: u8 = 6;
pub(super) const TTL: u8 = 7;
const READER: u8 = 8;
pub(super) const STALLED: u8 = 9;
pub(super) const REST: u8 = 10;

/// How often to look whether the peer has read all, and for how long.
const READER_TICK: Duration = Duration::from_millis(1);
const READER_PATIENCE: Duration = Duration::from_secs(2);

/// Monitor events (`ZMQ_EVENT_*`).
pub(super) mod event {
    pub const CONNECTED: u64 = 1;
    pub const CONNECT_DELAYED: u64 = 2;
    pub const CONNECT_RETRIED: u64 = 4;
    pub const LISTENING: u64 = 8;
    pub const BIND_FAILED: u64 = 0x10;
    pub const ACCEPTED: u64 = 0x20;
    pub const ACCEPT_FAILED: u64 = 0x40;
    pub const CLOSED: u64 = 0x80;
    pub const DISCONNECTED: u64 = 0x200;
    pub const FAILED_NO_DETAIL: u64 = 0x800;
    pub const SUCCEEDED: u64 = 0x1000;
    pub const FAILED_PROTOCOL: u64 = 0x2000;
    pub const FAILED_AUTH: u64 = 0x4000;
}

/// How often a leaving thread looks whether the I/O thread is done with its turn.
pub(super) const PATIENCE: usize = 1000;
/// An application that read more often than this since the I/O thread last heard of the connection, or at all between so
/// many times in a row, reads for itself.
const READS_BETWEEN: u32 = 2;
const BUSY_EVENTS: u32 = 4;
/// Reads of one turn of the I/O thread.
const TURN_READS: usize = 16;

/// Where to dial, and what has become of it.
pub(super) struct Dialer {
    pub(super) transport: &'static dyn Transport,
    pub(super) address: Vec<u8>,
    /// Where the name led, from the thread that asked.
    pub(super) resolved: Arc<Mutex<Option<Result<Vec<Target>>>>>,
    pub(super) attempts: u32,
}

pub(super) enum State {
    /// Nothing happened yet.
    Fresh,
    /// A name server is being asked, or the next attempt is due.
    Waiting,
    Dialing(OwnedFd),
    /// The first attempt failed, and there will be no other.
    Idle,
    Shaking(Box<Shaking>),
    Up,
    Closed,
}

pub(super) struct Shaking {
    pub(super) fd: OwnedFd,
    pub(super) handshake: Handshake,
    /// While there is something unread in it.
    pub(super) block: Option<RecvBlock>,
    pub(super) peer_address: String,
    /// A question to the ZAP handler.
    pub(super) inquiry: Option<Box<dyn Inquiry>>,
    /// A step of the handshake that another thread takes.
    pub(super) errand: Option<Arc<Mutex<Way>>>,
}

/// What the application asked of a connection it leaves.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Closing {
    No,
    Asked(Option<Duration>),
    Lingering,
}

/// What belongs to the I/O thread's part.
pub(super) struct Life {
    pub(super) dialer: Option<Dialer>,
    pub(super) closing: Closing,
    /// The socket was told of the connection, under this lock.
    pub(super) introduced: bool,
    /// The ends that events carry.
    pub(super) ends: Ends,
}

/// What the application left for the I/O thread, and what only that thread uses.
pub(super) type LifeCell = Mutex<Life>;

/// Both ends of a lane.
pub(super) type Lane = (LaneTx<Msg>, LaneRx<Msg>);

impl Link {
    pub(super) fn build(
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
                unsent: Unsent::default(),
                touched_seen: 0,
                busy_events: 0,
                pace: Pace::default(),
                waiting_since: None,
                full_since: None,
                self_driven: false,
                lease: Lease::default(),
            }),
            life: Mutex::new(life),
            up: AtomicBool::new(false),
            dirty: Dirty::default(),
            streaming: AtomicBool::new(false),
            pushes: AtomicU32::new(0),
            written: AtomicU32::new(0),
            tick: Mutex::default(),
            touched: AtomicU32::new(0),
            away: AtomicBool::new(false),
            fd: AtomicI32::new(-1),
            blocked: Quiet::default(),
            backlog: Backlog::default(),
            resting: AtomicBool::new(false),
        })
    }

    pub(super) fn lanes(setup: &Setup) -> (Lane, Lane) {
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
            introduced: false,
            ends: Ends::dialing(setup.uri.clone()),
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
    pub(super) fn accept(setup: Arc<Setup>, accepted: Accepted, io: &mut Io) -> Arc<Link> {
        let life = Life {
            dialer: None,
            closing: Closing::No,
            introduced: false,
            ends: Ends::accepted(accepted.local, accepted.peer),
        };
        let link = Link::build(setup, State::Fresh, None, life);
        io.adopt(link.clone());
        if let Some(mut core) = link.token.enter(RUN) {
            link.shake(&mut core, io, accepted.fd, accepted.peer_address);
            link.finish(core, false);
        }
        link
    }

    /// True once the socket was told of it.
    pub(super) fn is_introduced(&self) -> bool {
        self.life.lock().introduced
    }

    /// Ends a connection that the socket was not told of; once it was, the socket looks after it.
    pub(super) fn abandon(self: &Arc<Self>) {
        let mut life = self.life.lock();
        if !life.introduced {
            life.closing = Closing::Asked(Some(Duration::ZERO));
            drop(life);
            self.leave_at_once(Some(Duration::ZERO));
            self.setup.io.run(self.clone());
        }
    }

    /// Leaves the connection: what is queued is sent within `linger` (`None`: however long it takes).
    pub fn close(self: &Arc<Self>, linger: Option<Duration>) {
        self.life.lock().closing = Closing::Asked(linger);
        self.leave_at_once(linger);
        self.setup.io.run(self.clone());
    }

    /// Closes the descriptor before the call returns, if nothing is left to send by it: the peer is to learn of it now,
    /// and not to send to a connection that nobody reads any more.
    fn leave_at_once(&self, linger: Option<Duration>) {
        for _ in 0..PATIENCE {
            let Some(mut core) = self.token.enter(RUN) else {
                // A turn of the I/O thread is short.
                crate::sync::yield_now();
                continue;
            };
            match core.state {
                State::Up => {
                    self.send(&mut core, true);
                    if linger == Some(Duration::ZERO) || !Link::has_unsent(&mut core) {
                        self.hang_up(&mut core);
                    }
                }
                State::Shaking(ref shaking) if linger == Some(Duration::ZERO) => {
                    self.setup.io.remove(shaking.fd.as_raw_fd());
                    core.state = State::Waiting;
                }
                _ => {}
            }
            return self.finish(core, false);
        }
    }

    pub(super) fn on_run(self: Arc<Self>, io: &mut Io) {
        let Some(mut core) = self.token.enter(RUN) else {
            return;
        };
        let asked = self.life.lock().closing;
        match asked {
            Closing::No => {}
            Closing::Asked(linger) => self.start_closing(&mut core, io, linger),
            // The last of it may have been sent by the application's thread, as it left.
            Closing::Lingering if !Link::has_unsent(&mut core) => self.shut(&mut core, io),
            Closing::Lingering => {}
        }
        match core.state {
            State::Fresh => {
                io.adopt(self.clone());
                self.start_dialing(&mut core, io);
            }
            State::Waiting => self.try_resolved(&mut core, io),
            // The ZAP handler has answered.
            State::Shaking(_) => self.shaking(&mut core, io),
            State::Up => {
                self.serve_requests(&mut core, io);
                self.serve(&mut core, io);
                self.expect_rest(&core, io);
            }
            _ => {}
        }
        self.finish(core, false);
    }

    pub(super) fn on_ready(self: Arc<Self>, io: &mut Io, events: Interest) {
        let room = !events.has(Interest::IN) && !events.broken();
        if room && !self.blocked.is_set() && self.up.load(Ordering::Acquire) {
            // Each read of an ipc connection tells its writer of room. Who finds none just now tries again after that is said.
            // An application that reads by itself is better off if nobody hears of it.
            let touched = self.touched.load(Ordering::Relaxed);
            let before = self.tick.lock().told_of_room(touched);
            if touched == before {
                return;
            }
        }
        let Some(mut core) = self.token.enter(super::READ | super::WRITE) else {
            return;
        };
        match core.state {
            State::Dialing(_) => self.dialed(&mut core, io),
            State::Shaking(_) => self.shaking(&mut core, io),
            State::Up => {
                let touched = self.touched.load(Ordering::Relaxed);
                let reads = touched.wrapping_sub(core.touched_seen);
                core.touched_seen = touched;
                core.busy_events = if reads > 0 {
                    core.busy_events.saturating_add(1)
                } else {
                    0
                };
                let active = reads > READS_BETWEEN || core.busy_events >= BUSY_EVENTS;
                if active && !events.broken() {
                    self.go_away(&core);
                }
                self.serve(&mut core, io);
            }
            _ => {}
        }
        self.finish(core, false);
    }

    /// Reads, writes, and sees what became of it.
    pub(super) fn serve(self: &Arc<Self>, core: &mut Guard<'_, Core>, io: &mut Io) {
        if self.receive(core, TURN_READS, u64::MAX).wake {
            self.setup.mailbox.send(News::Readable(self.pipe));
        }
        self.send(core, true);
        self.serve_requests(core, io);
        if self.holds_memory(core) {
            self.expect_rest(core, io);
        }
        let closing = self.is_lingering();
        let Core {
            lanes: Some((out, inbox)),
            conn: Some(conn),
            full_since,
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
            if conn.awaits_reader() {
                io.set_timer(self.source, READER, READER_TICK);
            } else {
                self.shut(core, io);
            }
            return;
        }
        if inbox.has_room() {
            if conn.leftover || conn.inbound.has_unread() {
                self.setup.io.run(self.clone());
            }
        } else {
            *full_since = Some(Instant::now());
            self.stall(conn, io);
            if !inbox.park() {
                self.setup.io.run(self.clone());
            }
        }
        // Only a descriptor in the thread's set tells when the kernel takes more.
        if conn.outbound.blocked && self.away.swap(false, Ordering::AcqRel) {
            self.register(conn, io);
        }
    }

    /// (Re-)adds the descriptor to the thread's set: behind the socket's own, which it is in already.
    pub(super) fn register(&self, conn: &Conn, io: &Io) {
        io.handle().remove(conn.raw_fd);
        let interest = Interest::IN
            .and(Interest::OUT)
            .and(Interest::EDGE)
            .and(Interest::EXCLUSIVE);
        if io.add(conn.raw_fd, self.source, interest).is_err() {
            // Without a place in the set nobody would hear of the connection again: look each millisecond.
            if !self.away.swap(true, Ordering::AcqRel)
                && let Some(me) = self.arc()
            {
                self.setup.io.watch(me);
            }
        }
    }

    pub(super) fn on_timer(self: Arc<Self>, io: &mut Io, timer: u8) {
        if timer == REST {
            return self.on_rest(io);
        }
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
            READER => self.serve(&mut core, io),
            STALLED => self.stalled(&mut core, io),
            SILENCE | TTL => self.silent(&mut core, io, timer),
            _ => {}
        }
        self.finish(core, false);
    }

    /// Closes the descriptor. What was not sent goes out by the next one, if there will be one.
    fn hang_up(&self, core: &mut Core) -> Option<i32> {
        self.up.store(false, Ordering::Release);
        let conn = core.conn.take()?;
        core.unsent = conn.outbound.into_unsent();
        self.setup.common.set.remove(conn.raw_fd);
        self.setup.io.remove(conn.raw_fd);
        self.fd.store(-1, Ordering::Release);
        if self.blocked.is_set() {
            self.blocked.end();
        }
        drop(conn.fd);
        Some(conn.raw_fd)
    }

    fn disconnect(&self, core: &mut Core, io: &mut Io) -> Option<i32> {
        for timer in [
            PING, SILENCE, TTL, STALLED, HANDSHAKE, CONNECT, RETRY, READER, REST,
        ] {
            io.cancel_timer(self.source, timer);
        }
        self.resting.store(false, Ordering::Relaxed);
        self.hang_up(core)
    }

    /// The application left, and what it left behind is being sent.
    pub(super) fn is_lingering(&self) -> bool {
        self.life.lock().closing == Closing::Lingering
    }

    /// True when something waits to be sent.
    fn has_unsent(core: &mut Core) -> bool {
        let in_lane = core
            .lanes
            .as_mut()
            .is_some_and(|(out, _)| out.is_readable());
        let encoded = core
            .conn
            .as_ref()
            .is_some_and(|conn| conn.outbound.pending() > 0);
        let unread = core.conn.as_mut().is_some_and(Conn::awaits_reader);
        in_lane || encoded || unread || !core.unsent.frames.is_empty()
    }

    pub(super) fn tear_down(
        self: &Arc<Self>,
        core: &mut Guard<'_, Core>,
        io: &mut Io,
        error: Errno,
    ) {
        let failure = core.conn.as_mut().and_then(|c| c.inbound.failure.take());
        let Some(fd) = self.disconnect(core, io) else {
            return;
        };
        if let Some(failure) = failure {
            self.emit_cause(failure.event());
        }
        if self.setup.raw {
            self.emit(event::FAILED_NO_DETAIL, error.0);
        }
        self.emit(event::DISCONNECTED, fd);
        self.leave_word(core);
        let violation = matches!(error, Errno::EPROTO | Errno::EMSGSIZE | Errno::ENOMEM);
        let lingering = self.is_lingering();
        let done = lingering && !Link::has_unsent(core);
        let stop = self.setup.raw && self.stops_after_handshake();
        if done || violation || stop || self.life.lock().dialer.is_none() {
            return self.give_up(core, io);
        }
        if self.setup.options.immediate && !lingering {
            self.forget_pipe(core);
        } else if !lingering {
            self.setup.mailbox.send(News::Lost(self.pipe));
        }
        self.schedule_retry(core, io);
    }

    /// HICCUP_MSG and DISCONNECT_MSG: what the application wants to receive when a connection is lost.
    fn leave_word(&self, core: &mut Core) {
        let options = &self.setup.options;
        let word = if self.life.lock().dialer.is_some() {
            &options.hiccup_msg
        } else {
            &options.disconnect_msg
        };
        if !word.is_empty()
            && let Some((_, inbox)) = &mut core.lanes
            && let Ok(msg) = Msg::copied(word)
        {
            inbox.push(msg, true);
            if inbox.publish() {
                self.setup.mailbox.send(News::Readable(self.pipe));
            }
        }
    }

    fn forget_pipe(&self, core: &mut Core) {
        if let Some((mut out, mut inbox)) = core.lanes.take() {
            let _ = out.close();
            let _ = inbox.close();
            self.setup.mailbox.send(News::Gone(self.pipe));
        }
        core.unsent = Unsent::default();
    }

    /// There will be no further attempt.
    pub(super) fn give_up(self: &Arc<Self>, core: &mut Guard<'_, Core>, io: &mut Io) {
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
        let hopeless = matches!(core.state, State::Idle);
        if hopeless || !Link::has_unsent(core) || linger == Some(Duration::ZERO) {
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

    pub(super) fn emit(&self, event: u64, value: i32) {
        if self.setup.common.monitor.wants(event) {
            let ends = self.life.lock().ends.clone();
            self.setup.common.monitor.emit(event, value, &ends);
        }
    }
}

impl Conn {
    /// True while the peer of an ipc connection has not read all: libzmq drops what it finds behind a hang-up while its
    /// own queue is full. For a while only, since nobody knows whether it ever will.
    pub(super) fn awaits_reader(&mut self) -> bool {
        if self.dead.is_some() || stream::unread_by_peer(self.raw_fd) == 0 {
            return false;
        }
        let now = Instant::now();
        *self.patience.get_or_insert(now + READER_PATIENCE) > now
    }
}

pub(super) fn millis(value: i32) -> Duration {
    Duration::from_millis(value.max(0) as u64)
}
