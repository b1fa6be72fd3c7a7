//! One connection: bytes to messages and back, and who drives it.
//!
//! A [`Link`] outlives its descriptors: on the connecting side it is the same through every reconnect. Its state is
//! guarded by a drive token. The application's thread, inside a call on the socket, takes the token to write what it
//! just queued or to read what it waits for; the I/O thread takes it otherwise. Whoever finds it taken leaves a wish
//! with the holder and goes on; the holder fulfils wishes before it lets go.
//!
//! Only the I/O thread opens, shakes hands, tears down and reconnects; an application's thread that meets the end of a
//! connection asks the I/O thread to see to it.
#![forbid(unsafe_code)]

pub mod acceptor;
mod ahead;
#[cfg(feature = "bench")]
#[doc(hidden)]
pub mod bench;
mod census;
pub mod errand;
mod establish;
pub mod fan;
mod heartbeat;
mod inbound;
mod life;
#[cfg(all(test, loom))]
pub mod loom_link;
pub mod news;
mod outbound;
pub mod pace;
mod sealed;
pub mod setup;
mod spare;
mod ticks;
mod unsent;
pub mod zap;

use crate::errno::Errno;
use crate::io::{Io, Source, SourceKey};
use crate::msg::Msg;
use crate::queue::{Backlog, Dirty, Guard, LaneRx, LaneTx, Quiet, Token};
use crate::sync::{Asymmetric, now};
use heartbeat::Pulse;
use inbound::{Decoded, Inbound};
use life::State;
use news::{News, PipeKey};
use outbound::Outbound;
use pace::Pace;
use sealed::Taken;
use setup::Setup;
use std::os::fd::{OwnedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};
use std::time::{Duration, Instant};
use unsent::Unsent;

const READ: u32 = 1;
const WRITE: u32 = 2;

/// Messages and bytes of a stream between two looks at the clock. A few less messages than a ring of 128 slots holds.
const ENCODE_MESSAGES: u32 = 120;
const ENCODE_BYTES: usize = 32 << 10;
/// How long the bytes of a stream may wait for more.
const AGE_MAX: Duration = Duration::from_micros(100);
/// Messages decoded at once by an application that reads for itself: they stay in its cache.
const DECODE_MESSAGES: u64 = 120;
/// Connections of an I/O thread that it only looks at now and then. It hears of all others: to look at many would cost
/// more.
const AWAY_MAX: usize = 8;
/// An application that takes messages faster than this reads for itself.
const FAST_READER: Duration = Duration::from_micros(1);

/// True before so many messages of a stream are worth a look at the clock.
#[inline(always)]
pub fn is_young(frames: u32, bytes: usize) -> bool {
    frames < ENCODE_MESSAGES && bytes < ENCODE_BYTES
}

/// What became of a message that was queued.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pushed {
    /// It waits in the lane.
    Queued,
    /// It waits in the buffer.
    Buffered,
    /// The kernel has it.
    Sent,
}

/// What reading brought.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Driven {
    /// Messages came.
    pub came: bool,
    /// Bytes came, be it of a message that is not whole yet.
    pub progress: bool,
    /// More may be waiting, received or in the kernel.
    pub unfinished: bool,
}

/// What reading brought, to whoever holds the token.
#[derive(Clone, Copy, Default)]
struct Received {
    /// Messages came.
    came: bool,
    /// Bytes came.
    progress: bool,
    /// The reader sleeps and has to be told.
    wake: bool,
}

/// One connection.
pub struct Link {
    me: std::sync::Weak<Link>,
    source: SourceKey,
    pipe: PipeKey,
    setup: Arc<Setup>,
    token: Token<Core>,
    life: life::LifeCell,
    /// The data phase: an application's thread may drive.
    up: AtomicBool,
    /// The I/O thread was told that bytes may be left behind.
    dirty: Dirty,
    /// Sends follow each other closely: queue them.
    streaming: AtomicBool,
    /// Moves with each message that the application sends.
    pushes: AtomicU32,
    /// What `pushes` was when something was last written.
    written: AtomicU32,
    /// The I/O thread's.
    tick: parking_lot::Mutex<ticks::Tick>,
    /// Moves whenever an application's thread reads.
    touched: AtomicU32,
    /// The application reads back to back: the I/O thread has the descriptor out of its set and looks each millisecond.
    away: AtomicBool,
    fd: AtomicI32,
    /// The kernel takes no more: it tells the I/O thread when it does.
    blocked: Quiet,
    /// How much was taken out of the lane.
    backlog: Backlog,
    /// The I/O thread looks now and then whether the connection rests.
    resting: AtomicBool,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Link({:?})", self.pipe)
    }
}

/// What the token guards.
struct Core {
    state: State,
    /// Messages to the peer, messages from it; none before an accepted peer has shaken hands.
    lanes: Option<(LaneRx<Msg>, LaneTx<Msg>)>,
    conn: Option<Conn>,
    /// What the last connection left; goes out first.
    unsent: Unsent,
    touched_seen: u32,
    /// Events in a row before which the application read.
    busy_events: u32,
    pace: Pace,
    /// Since when encoded bytes wait.
    waiting_since: Option<Instant>,
    /// When the inbox ran full and the I/O thread stopped reading.
    full_since: Option<Instant>,
    /// The application reads for itself when it finds nothing.
    self_driven: bool,
    lease: Lease,
}

/// What the application's thread may do by the lease of the token. Right for as long as that lasts.
#[derive(Clone, Copy, Default)]
struct Lease {
    /// Encode a message at once, if the lane is empty.
    encode: bool,
    /// The same, sealed.
    seal: bool,
    /// Take a message from the receive block at once, if so many frames were taken from the inbox: that is all of them.
    take: Option<u64>,
    /// The same, and open it.
    open: Option<u64>,
}

impl Lease {
    /// Encodes a copy of what does not lie in the message itself.
    #[inline(never)]
    fn encode_any(&self, conn: &mut Conn, msg: &Msg) -> bool {
        self.encode && conn.outbound.copy_now(msg) || self.seal && conn.outbound.seal_now(msg)
    }
}

/// An established connection.
struct Conn {
    fd: OwnedFd,
    raw_fd: RawFd,
    inbound: Inbound,
    outbound: Outbound,
    /// What ended it; the I/O thread will tear it down.
    dead: Option<Errno>,
    /// What ended sending; reading goes on to the end of what the peer sent.
    send_dead: Option<Errno>,
    /// The kernel may hold more than was read.
    leftover: bool,
    /// How long to wait at the end until the peer has read all.
    patience: Option<Instant>,
    pulse: Pulse,
}

impl Link {
    /// The name of its pipe.
    pub fn pipe(&self) -> PipeKey {
        self.pipe
    }

    /// True in the data phase.
    pub fn is_up(&self) -> bool {
        self.up.load(Ordering::Acquire)
    }

    fn arc(&self) -> Option<Arc<Link>> {
        self.me.upgrade()
    }

    fn ask_io(&self) {
        if let Some(me) = self.arc() {
            self.setup.io.run(me);
        }
    }

    /// The application queued another message; `frames` and `bytes` wait in the lane.
    #[inline(always)]
    pub fn pushed(&self, frames: u32, bytes: usize) -> Pushed {
        let pushes = self.pushes.load(Ordering::Relaxed).wrapping_add(1);
        self.pushes.store(pushes, Ordering::Relaxed);
        if self.blocked.is_set() {
            // The I/O thread sends it when the kernel takes more.
            return Pushed::Queued;
        }
        if self.streaming.load(Ordering::Relaxed) && is_young(frames, bytes) {
            self.leave_to_io();
            return Pushed::Queued;
        }
        self.drive_out(frames, false)
    }

    /// Encodes a copy of a message that the application sends in a stream, as one frame and without a detour over the lane,
    /// which is empty. False when that cannot be done now: then nothing happened.
    #[inline(always)]
    pub fn encode_now(&self, msg: &Msg, fence: Asymmetric) -> bool {
        let Some(mut core) = self.token.reenter_now(fence) else {
            return false;
        };
        let Core { lease, conn, .. } = &mut *core;
        let encoded = match conn {
            Some(conn) => {
                lease.encode && conn.outbound.encode_now(msg) || lease.encode_any(conn, msg)
            }
            None => false,
        };
        let pushes = self.pushes.load(Ordering::Relaxed);
        self.pushes
            .store(pushes.wrapping_add(u32::from(encoded)), Ordering::Relaxed);
        self.finish_now(core, fence);
        if encoded {
            self.leave_to_io();
        }
        encoded
    }

    /// Takes the next message that the application reads in a stream in place of `into`, without a detour over the inbox,
    /// of which `read` frames were taken. False when that cannot be done now: then nothing happened.
    #[inline(always)]
    pub fn take_now(&self, into: &mut Msg, read: u64, fence: Asymmetric) -> bool {
        let Some(mut core) = self.token.reenter_now(fence) else {
            return false;
        };
        let Core { lease, conn, .. } = &mut *core;
        let taken = match conn {
            Some(conn) if lease.take == Some(read) => conn.inbound.take_now(into),
            Some(_) if lease.open == Some(read) => self.open_now(&mut core, into),
            _ => false,
        };
        self.finish_now(core, fence);
        taken
    }

    #[inline(never)]
    fn open_now(&self, core: &mut Core, into: &mut Msg) -> bool {
        let (Some(conn), Some((_, inbox))) = (&mut core.conn, &mut core.lanes) else {
            return false;
        };
        match conn.inbound.open_now(into, inbox) {
            Ok(Some(Taken::Here)) => return true,
            Ok(None) => return false,
            Ok(Some(Taken::Elsewhere)) => {}
            Err(error) => self.died(conn, error),
        }
        // The reader is this very thread: nobody has to be woken.
        let _ = inbox.publish();
        core.lease.open = None;
        if !conn.inbound.requests.is_empty() {
            self.ask_io();
        }
        false
    }

    #[inline(always)]
    fn finish_now(&self, core: Guard<'_, Core>, fence: Asymmetric) {
        if let Err((held, wishes)) = core.keep_now(fence) {
            self.fulfil(held, wishes);
        }
    }

    /// Enters for the application's thread.
    #[inline(always)]
    fn enter(&self, wish: u32) -> Option<Guard<'_, Core>> {
        self.token.reenter().or_else(|| self.token.enter(wish))
    }

    /// What the application's thread may do until its next turn of driving.
    fn grant(&self, core: &mut Core) {
        let plain = core
            .conn
            .as_ref()
            .filter(|conn| conn.dead.is_none() && conn.send_dead.is_none());
        let read = core.lanes.as_ref().map(|(_, inbox)| inbox.published());
        let takes =
            |may: fn(&Inbound) -> bool| read.filter(|_| plain.is_some_and(|c| may(&c.inbound)));
        let sends = |may: fn(&Outbound) -> bool| {
            plain.is_some_and(|c| !c.outbound.blocked && may(&c.outbound))
        };
        core.lease = Lease {
            encode: sends(Outbound::is_plain),
            seal: sends(Outbound::may_seal),
            take: takes(Inbound::is_plain),
            open: takes(Inbound::may_open),
        };
    }

    #[inline(always)]
    fn leave_to_io(&self) {
        self.dirty.mark(|| {
            if let Some(me) = self.arc() {
                self.setup.io.mark_dirty(me);
            }
        });
    }

    /// True while the kernel takes no more: the I/O thread sends what is queued when it does.
    pub fn is_blocked(&self) -> bool {
        self.blocked.is_set()
    }

    /// Encodes what is queued, `frames` of which are new; writes it when the stream is not a fast one, when there is a
    /// buffer full, when it waited long enough, or when `flush`.
    #[inline(never)]
    pub fn drive_out(&self, frames: u32, flush: bool) -> Pushed {
        if !self.up.load(Ordering::Acquire) {
            return Pushed::Queued;
        }
        let Some(mut core) = self.enter(WRITE) else {
            return Pushed::Queued;
        };
        let start = now();
        let streaming = !flush && core.pace.begin(start, frames);
        self.streaming.store(streaming, Ordering::Relaxed);
        let aged = core
            .waiting_since
            .is_some_and(|since| start.saturating_duration_since(since) >= AGE_MAX);
        let wrote = self.send(&mut core, !streaming || aged);
        if wrote {
            let pushes = self.pushes.load(Ordering::Relaxed);
            self.written.store(pushes, Ordering::Relaxed);
        }
        core.pace.end(if wrote { now() } else { start });
        let left = core
            .conn
            .as_ref()
            .is_some_and(|conn| conn.outbound.pending() > 0);
        core.waiting_since = match core.waiting_since {
            Some(since) if left && !wrote => Some(since),
            _ => left.then_some(start),
        };
        self.grant(&mut core);
        self.finish(core, streaming);
        if !self.resting.load(Ordering::Relaxed) {
            self.rest_later();
        }
        if left {
            self.leave_to_io();
            return Pushed::Buffered;
        }
        Pushed::Sent
    }

    /// Encodes and writes; what the token's holder does for sending. True when something was written.
    // Its instructions are counted by its name: xtask/src/test/instructions.rs.
    #[inline(never)]
    fn send(&self, core: &mut Core, flush: bool) -> bool {
        let Core {
            lanes: Some((out, _)),
            conn: Some(conn),
            ..
        } = core
        else {
            return false;
        };
        if conn.dead.is_some() || conn.send_dead.is_some() {
            return false;
        }
        let mut tell = false;
        let mut wrote = false;
        loop {
            if !(conn.outbound.blocked && conn.outbound.pending() > 0) {
                let outbound = &mut conn.outbound;
                let (mut messages, mut bytes) = (0, 0);
                out.take_while(|msg| {
                    if outbound.pending() >= outbound.full {
                        return false;
                    }
                    messages += u64::from(!msg.more());
                    bytes += msg.len() as u64;
                    outbound.encode(msg);
                    true
                });
                tell |= out.took_messages(messages);
                tell |= self.backlog.took(bytes);
            }
            if conn.outbound.pending() == 0
                || !(flush || conn.outbound.pending() >= conn.outbound.full)
            {
                break;
            }
            wrote = true;
            let more = out.is_readable();
            if let Err(error) = conn.outbound.write(conn.raw_fd, more) {
                conn.send_dead = Some(error);
                conn.leftover = true;
                self.ask_io();
                break;
            }
            if conn.outbound.blocked || (!more && conn.outbound.pending() == 0) {
                break;
            }
        }
        if conn.outbound.blocked && !self.blocked.is_set() {
            self.blocked.set();
            // Room that came before that was said was taken for none that anybody waits for.
            self.leave_to_io();
            if self.away.load(Ordering::Relaxed) {
                self.ask_io();
            }
        } else if !conn.outbound.blocked && self.blocked.is_set() {
            self.blocked.end();
            if out.is_readable() {
                self.leave_to_io();
            }
        }
        if tell {
            self.tell_writable();
        }
        wrote
    }

    fn died(&self, conn: &mut Conn, error: Errno) {
        if conn.dead.is_none() {
            conn.dead = Some(error);
            self.up.store(false, Ordering::Release);
            self.ask_io();
        }
    }

    /// The application's thread waits and is about to read.
    pub fn attend(&self) {
        self.touched.fetch_add(1, Ordering::Relaxed);
    }

    /// Reads and decodes once, on the application's thread.
    pub fn drive_in(&self) -> Driven {
        if !self.up.load(Ordering::Acquire) {
            return Driven::default();
        }
        let Some(mut core) = self.enter(READ) else {
            return Driven::default();
        };
        self.touched.fetch_add(1, Ordering::Relaxed);
        core.self_driven = true;
        // What comes now the reader takes from where it lies. What lies there still is nothing that it can take so.
        let whole = |conn: &Conn| conn.inbound.has_unread();
        let most = if self.away.load(Ordering::Relaxed) && !core.conn.as_ref().is_some_and(whole) {
            1
        } else {
            DECODE_MESSAGES
        };
        // The reader is this very thread: nobody has to be woken.
        let got = self.receive(&mut core, 1, most);
        let unfinished = core
            .conn
            .as_ref()
            .is_some_and(|c| c.leftover || c.inbound.has_unread());
        let away = unfinished && self.go_away(&core);
        self.grant(&mut core);
        let held = !unfinished && self.holds_memory(&mut core);
        self.finish(core, away);
        if unfinished && !away {
            // What is left raises no further edge, and this may be the application's last call for long.
            self.leave_to_io();
        }
        if held {
            self.ask_io();
        }
        Driven {
            came: got.came,
            progress: got.progress,
            unfinished,
        }
    }

    fn may_go_away(&self) -> bool {
        self.away.load(Ordering::Relaxed) || self.setup.io.watched() < AWAY_MAX
    }

    /// The application reads back to back: the I/O thread only looks now and then whether it still does. False when it
    /// looks after too many already, or is to hear when the kernel takes more.
    fn go_away(&self, core: &Core) -> bool {
        if core.conn.as_ref().is_some_and(|c| c.outbound.blocked) || !self.may_go_away() {
            return false;
        }
        if !self.away.swap(true, Ordering::AcqRel) {
            self.setup.io.remove(self.fd.load(Ordering::Relaxed));
            if let Some(me) = self.arc() {
                self.setup.io.watch(me);
            }
        }
        true
    }

    /// Reads up to `reads` times and decodes into the inbox, `most` messages at a time.
    // Its instructions are counted by its name: xtask/src/test/instructions.rs.
    #[inline(never)]
    fn receive(&self, core: &mut Core, reads: usize, most: u64) -> Received {
        let Core {
            lanes: Some((_, inbox)),
            conn: Some(conn),
            ..
        } = core
        else {
            return Received::default();
        };
        let before = inbox.written();
        let heard = conn.pulse.heard;
        // Whoever is not sure to come again reads until nothing is left: an end that came together with the last bytes
        // raises no edge of its own.
        let to_the_end = reads > 1;
        let mut reads = reads;
        let mut end = None;
        let mut looked = false;
        loop {
            match conn.inbound.decode(inbox, most) {
                Ok(Decoded::NeedMore) => {}
                Ok(Decoded::Full) => {
                    // Whatever made us come here is not told again, and the reader may make room any moment.
                    conn.leftover |= !looked;
                    break;
                }
                Err(error) => {
                    end = Some(error);
                    break;
                }
            }
            if reads == 0 || conn.dead.is_some() {
                break;
            }
            reads -= 1;
            looked = true;
            match conn.inbound.read(conn.raw_fd) {
                Ok((0, _)) => {
                    end = Some(Errno::EPIPE);
                    break;
                }
                Ok((_, more)) => {
                    conn.pulse.heard += 1;
                    conn.leftover = more || to_the_end;
                }
                Err(Errno::EAGAIN) => {
                    conn.leftover = false;
                    break;
                }
                Err(error) => {
                    end = Some(error);
                    break;
                }
            }
        }
        let came = inbox.written() != before;
        let wake = came && inbox.publish();
        if !conn.inbound.requests.is_empty() {
            self.ask_io();
        }
        if let Some(error) = end {
            self.died(conn, error);
        }
        Received {
            came,
            progress: conn.pulse.heard != heard,
            wake,
        }
    }

    /// Lets go of the token, after doing what others wanted meanwhile. The application's thread may `keep` its lease.
    #[inline(always)]
    fn finish(&self, core: Guard<'_, Core>, keep: bool) {
        let left = if keep { core.keep() } else { core.leave() };
        if let Err((held, wishes)) = left {
            self.fulfil(held, wishes);
        }
    }

    #[cold]
    fn fulfil(&self, mut core: Guard<'_, Core>, mut wishes: u32) {
        loop {
            if wishes & WRITE != 0 {
                self.send(&mut core, true);
            }
            if wishes & READ != 0 && self.receive(&mut core, 2, u64::MAX).wake {
                self.setup.mailbox.send(News::Readable(self.pipe));
            }
            let left = core.conn.as_ref().is_some_and(|conn| {
                conn.outbound.pending() > 0 || (wishes & READ != 0 && conn.leftover)
            });
            if left {
                self.leave_to_io();
            }
            if wishes & !(READ | WRITE) != 0 {
                self.ask_io();
            }
            match core.leave() {
                Ok(()) => return,
                Err((held, more)) => (core, wishes) = (held, more),
            }
        }
    }

    /// The reader made room in the inbox after it was full. True when it is to read for itself from now on, since it is
    /// fast; else the I/O thread does.
    #[must_use]
    pub fn resume(&self) -> bool {
        let Some(mut core) = self.enter(READ) else {
            self.ask_io();
            return false;
        };
        let taken = (self.setup.options.rcvhwm.max(1) as u32).div_ceil(2);
        let fast = core.conn.is_some()
            && core.self_driven
            && core
                .full_since
                .take()
                .is_some_and(|since| since.elapsed() / taken < FAST_READER)
            && self.go_away(&core);
        self.finish(core, false);
        if !fast {
            self.ask_io();
        }
        fast
    }
}

impl Conn {
    /// There is something for the I/O thread to do besides sending.
    fn needs_service(&self) -> bool {
        self.dead.is_some()
            || self.send_dead.is_some()
            || self.leftover
            || self.inbound.has_unread()
    }
}

impl Source for Link {
    fn key(&self) -> SourceKey {
        self.source
    }
    fn ready(self: Arc<Self>, io: &mut Io, events: crate::sys::epoll::Interest) {
        self.on_ready(io, events);
    }
    fn timer(self: Arc<Self>, io: &mut Io, timer: u8) {
        self.on_timer(io, timer);
    }
    fn run(self: Arc<Self>, io: &mut Io) {
        self.on_run(io);
    }
    fn flush(self: Arc<Self>, io: &mut Io) -> crate::io::Care {
        self.on_flush(io)
    }
    fn flushed(self: Arc<Self>) -> crate::io::Care {
        self.on_flushed()
    }
    fn watch(self: Arc<Self>, io: &mut Io) -> crate::io::Care {
        self.on_watch(io)
    }
}
