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
mod establish;
mod inbound;
mod life;
pub mod news;
mod outbound;
pub mod setup;

use crate::errno::Errno;
use crate::io::{Io, Source, SourceKey};
use crate::msg::Msg;
use crate::queue::{Guard, LaneRx, LaneTx, Token};
use inbound::{Decoded, Inbound};
use life::State;
use news::{News, PipeKey};
use outbound::Outbound;
use setup::Setup;
use std::os::fd::{OwnedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};
use std::time::Instant;

const READ: u32 = 1;
const WRITE: u32 = 2;

/// Sends that follow each other faster than this are a stream, to be sent in batches.
const BURST_GAP_NANOS: u64 = 2_000;
/// So many of them in a row.
const BURST: u32 = 3;
/// Messages queued in a stream before they are encoded, and bytes.
const ENCODE_MESSAGES: u32 = 128;
const ENCODE_BYTES: usize = 32 << 10;

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
    /// More may be waiting, received or in the kernel.
    pub unfinished: bool,
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
    dirty: AtomicBool,
    /// Sends follow each other closely: queue them.
    streaming: AtomicBool,
    /// Moves whenever an application's thread reads.
    touched: AtomicU32,
    /// The application reads back to back: the I/O thread has the descriptor out of its set and looks each millisecond.
    away: AtomicBool,
    fd: AtomicI32,
    blocked: AtomicBool,
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
    touched_seen: u32,
    moved: u64,
    moved_seen: u64,
    last_write_end: Option<Instant>,
    burst: u32,
}

/// An established connection.
struct Conn {
    fd: OwnedFd,
    raw_fd: RawFd,
    inbound: Inbound,
    outbound: Outbound,
    wants_out: bool,
    /// What ended it; the I/O thread will tear it down.
    dead: Option<Errno>,
    /// What ended sending; reading goes on to the end of what the peer sent.
    send_dead: Option<Errno>,
    /// The kernel may hold more than was read.
    leftover: bool,
    /// Counts reads that brought something, for the heartbeat's sake.
    heard: u64,
    heard_at_ping: u64,
    ttl: std::time::Duration,
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
    #[inline]
    pub fn pushed(&self, frames: u32, bytes: usize) -> Pushed {
        if self.streaming.load(Ordering::Relaxed)
            && frames < ENCODE_MESSAGES
            && bytes < ENCODE_BYTES
        {
            self.leave_to_io();
            return Pushed::Queued;
        }
        self.drive_out(false)
    }

    fn leave_to_io(&self) {
        crate::sync::light_fence();
        if !self.dirty.load(Ordering::Relaxed) {
            self.mark_dirty();
        }
    }

    #[cold]
    fn mark_dirty(&self) {
        if !self.dirty.swap(true, Ordering::AcqRel)
            && let Some(me) = self.arc()
        {
            self.setup.io.mark_dirty(me);
        }
    }

    /// Encodes what is queued; writes it when the stream is not a fast one, when there is a buffer full, or when
    /// `flush`.
    pub fn drive_out(&self, flush: bool) -> Pushed {
        if !self.up.load(Ordering::Acquire) {
            return Pushed::Queued;
        }
        let Some(mut core) = self.token.enter(WRITE) else {
            return Pushed::Queued;
        };
        let start = Instant::now();
        if let Some(last) = core.last_write_end {
            let gap = start.saturating_duration_since(last).as_nanos() as u64;
            core.burst = if gap < BURST_GAP_NANOS {
                core.burst.saturating_add(1)
            } else {
                0
            };
        }
        let streaming = core.burst >= BURST && !flush;
        self.streaming.store(streaming, Ordering::Relaxed);
        self.send(&mut core, !streaming);
        core.moved += 1;
        core.last_write_end = Some(if streaming { start } else { Instant::now() });
        let left = core
            .conn
            .as_ref()
            .is_some_and(|conn| conn.outbound.pending() > 0);
        self.finish(core);
        if left {
            self.leave_to_io();
            return Pushed::Buffered;
        }
        Pushed::Sent
    }

    /// Encodes and writes; what the token's holder does for sending.
    fn send(&self, core: &mut Core, flush: bool) {
        let Core {
            lanes: Some((out, _)),
            conn: Some(conn),
            ..
        } = core
        else {
            return;
        };
        if conn.dead.is_some() || conn.send_dead.is_some() {
            return;
        }
        let mut tell = false;
        loop {
            if !(conn.outbound.blocked && conn.outbound.pending() > 0) {
                while conn.outbound.pending() < outbound::FULL
                    && let Some(msg) = out.pop()
                {
                    let last = !msg.more();
                    conn.outbound.encode(msg);
                    tell |= last && out.took_message();
                }
            }
            if conn.outbound.pending() == 0 || !(flush || conn.outbound.pending() >= outbound::FULL)
            {
                break;
            }
            if let Err(error) = conn.outbound.write(conn.raw_fd) {
                conn.send_dead = Some(error);
                conn.leftover = true;
                self.ask_io();
                break;
            }
            if conn.outbound.blocked {
                break;
            }
        }
        self.blocked.store(conn.outbound.blocked, Ordering::Relaxed);
        if tell {
            self.setup.mailbox.send(News::Writable(self.pipe));
        }
    }

    fn died(&self, conn: &mut Conn, error: Errno) {
        if conn.dead.is_none() {
            conn.dead = Some(error);
            self.up.store(false, Ordering::Release);
            self.ask_io();
        }
    }

    /// Reads and decodes once, on the application's thread.
    pub fn drive_in(&self) -> Driven {
        if !self.up.load(Ordering::Acquire) {
            return Driven::default();
        }
        let Some(mut core) = self.token.enter(READ) else {
            return Driven::default();
        };
        self.touched.fetch_add(1, Ordering::Relaxed);
        // The reader is this very thread: nobody has to be woken.
        let (came, _) = self.receive(&mut core, 1);
        let full = core
            .lanes
            .as_mut()
            .is_some_and(|(_, inbox)| !inbox.has_room());
        let unfinished = core
            .conn
            .as_ref()
            .is_some_and(|c| c.leftover || c.inbound.has_unread());
        self.finish(core);
        if unfinished && !self.away.swap(true, Ordering::AcqRel) {
            self.setup.io.remove(self.fd.load(Ordering::Relaxed));
            if let Some(me) = self.arc() {
                self.setup.io.watch(me);
            }
        }
        Driven {
            came,
            unfinished: unfinished && !full,
        }
    }

    /// Reads up to `reads` times and decodes into the inbox. Tells whether messages came and whether a parked reader has
    /// to be told.
    fn receive(&self, core: &mut Core, reads: usize) -> (bool, bool) {
        let Core {
            lanes: Some((_, inbox)),
            conn: Some(conn),
            ..
        } = core
        else {
            return (false, false);
        };
        let before = inbox.written();
        let mut reads = reads;
        let mut end = None;
        loop {
            match conn.inbound.decode(inbox) {
                Ok(Decoded::NeedMore) => {}
                Ok(Decoded::Full) => break,
                Err(error) => {
                    end = Some(error);
                    break;
                }
            }
            if reads == 0 || conn.dead.is_some() {
                break;
            }
            reads -= 1;
            match conn.inbound.read(conn.raw_fd) {
                Ok((0, _)) => {
                    end = Some(Errno::EPIPE);
                    break;
                }
                Ok((_, more)) => {
                    conn.heard += 1;
                    conn.leftover = more;
                    if !more {
                        reads = 0;
                    }
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
        (came, wake)
    }

    /// Lets go of the token, after doing what others wanted meanwhile.
    fn finish(&self, mut core: Guard<'_, Core>) {
        loop {
            match core.leave() {
                Ok(()) => return,
                Err((mut held, wishes)) => {
                    if wishes & WRITE != 0 {
                        self.send(&mut held, true);
                    }
                    if wishes & READ != 0 {
                        let (_, wake) = self.receive(&mut held, 1);
                        if wake {
                            self.setup.mailbox.send(News::Readable(self.pipe));
                        }
                    }
                    let left = held.conn.as_ref().is_some_and(|conn| {
                        conn.outbound.pending() > 0 || (wishes & READ != 0 && conn.leftover)
                    });
                    if left {
                        self.leave_to_io();
                    }
                    if wishes & !(READ | WRITE) != 0 {
                        self.ask_io();
                    }
                    core = held;
                }
            }
        }
    }

    /// The reader made room in the inbox after it was full.
    pub fn resume(&self) {
        self.ask_io();
    }

    /// The descriptor, while the kernel takes no more of what is queued.
    pub fn blocked_fd(&self) -> Option<RawFd> {
        (self.up.load(Ordering::Acquire) && self.blocked.load(Ordering::Relaxed))
            .then(|| self.fd.load(Ordering::Relaxed))
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
    fn watch(self: Arc<Self>, io: &mut Io) -> crate::io::Care {
        self.on_watch(io)
    }
}
