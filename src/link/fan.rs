//! Fan-out: what one socket streams to many connections is encoded once, into one buffer, and each connection is written
//! its part of that.
//!
//! A *member* takes part while its own lane is empty and the kernel takes what it is given; whatever else is to be sent by
//! its connection goes out behind its part of the buffer, so it leaves first. A *round* hands each member its part: when
//! the buffer is full, when the first bytes in it waited as long as a round takes, when the application does something
//! else, and when the I/O thread finds that it sends no more.
//!
//! The buffer has a token of its own, taken before that of any connection and never behind one.
#![forbid(unsafe_code)]

use super::outbound::{FULL, GATHER_FROM};
use super::pace::{self, Pace};
use super::ticks::Tick;
use super::unsent::frames_of;
use super::{AGE_MAX, Core, Link, is_young};
use crate::io::{Care, Handle, Io, Source, SourceKey};
use crate::msg::{CONTROL, Msg};
use crate::queue::{Dirty, Guard, Token};
use crate::sync::{now, yield_now};
use crate::sys::epoll::Interest;
use crate::sys::process::generation;
use crate::sys::stream;
use crate::zmtp::frame::{self, MAX_HEADER_V2};
use std::io::IoSlice;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// So much may be left behind by a member that stays.
const BEHIND_MAX: usize = FULL / 2;
/// However long a round takes, nothing waits longer for the next one.
const PATIENCE_MAX: Duration = Duration::from_millis(2);

/// The buffer that one socket shares among its connections.
pub struct Fan {
    me: Weak<Fan>,
    source: SourceKey,
    generation: u32,
    io: Handle,
    token: Token<Body>,
    dirty: Dirty,
    /// Moves with each message.
    pushes: AtomicU32,
    /// What `pushes` was at the last round.
    written: AtomicU32,
    /// How long bytes may wait, in microseconds.
    patience: AtomicU32,
    /// The I/O thread's.
    tick: parking_lot::Mutex<Tick>,
}

impl std::fmt::Debug for Fan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Fan({:?})", self.source)
    }
}

/// What the token guards.
struct Body {
    /// Frames, whole ones.
    bytes: Vec<u8>,
    /// By member: its part of `bytes`.
    parts: Vec<Part>,
    members: Vec<Option<Member>>,
    /// Members that are behind: they are to leave.
    slow: Vec<usize>,
    /// Messages and bytes since the last look at the clock.
    unlooked: (u32, usize),
    /// No stream: each message is looked at, and goes out at once unless it begins one.
    fresh: bool,
    pace: Pace,
    /// Since when there have been bytes.
    since: Option<Instant>,
}

/// The newest run of frames for a member.
#[derive(Clone, Copy, Default)]
struct Part {
    joined: bool,
    start: usize,
    end: usize,
}

struct Member {
    link: Arc<Link>,
    /// Runs before the newest one.
    runs: Vec<(usize, usize)>,
}

/// What became of a member's part.
enum Passed {
    /// Another thread drives the connection.
    Busy,
    /// The kernel has it, or will have before long.
    Sent,
    /// The connection keeps too much of it.
    Behind,
}

impl Body {
    fn encode(&mut self, msg: &Msg) -> (usize, usize) {
        let start = self.bytes.len();
        let body = msg.data();
        let mut header = [0; MAX_HEADER_V2];
        let used = frame::write_v2(&mut header, 0, body.len() as u64);
        self.bytes
            .extend_from_slice(header.get(..used).unwrap_or(&[]));
        self.bytes.extend_from_slice(body);
        (start, self.bytes.len())
    }

    /// Adds a frame to a member's part. False when there is no such member.
    #[inline(always)]
    fn extend(&mut self, id: usize, start: usize, end: usize) -> bool {
        let Some(part) = self.parts.get_mut(id).filter(|part| part.joined) else {
            return false;
        };
        if part.end != start {
            Body::cut(&mut self.members, id, part);
            part.start = start;
        }
        part.end = end;
        true
    }

    /// Keeps the newest run: the next one begins elsewhere.
    #[inline(never)]
    fn cut(members: &mut [Option<Member>], id: usize, part: &Part) {
        if part.start != part.end
            && let Some(Some(member)) = members.get_mut(id)
        {
            member.runs.push((part.start, part.end));
        }
    }

    /// Hands a member its part. False when its connection is busy.
    fn pass(&mut self, id: usize) -> bool {
        let (Some(part), Some(Some(member))) = (self.parts.get_mut(id), self.members.get_mut(id))
        else {
            return true;
        };
        if part.start != part.end {
            member.runs.push((part.start, part.end));
            (part.start, part.end) = (0, 0);
        }
        if member.runs.is_empty() {
            return true;
        }
        match member.link.pass(&self.bytes, &member.runs) {
            Passed::Busy => return false,
            Passed::Sent => {}
            Passed::Behind => self.slow.push(id),
        }
        member.runs.clear();
        true
    }

    /// A round. True when everybody has its part.
    fn pass_all(&mut self) -> bool {
        if self.bytes.is_empty() {
            return true;
        }
        let mut all = true;
        for id in 0..self.parts.len() {
            all &= self.pass(id);
        }
        if all {
            self.bytes.clear();
            self.since = None;
        }
        all
    }
}

impl Fan {
    /// A buffer that the thread of `link` looks after.
    pub fn new(link: &Link) -> Arc<Fan> {
        Arc::new_cyclic(|me| Fan {
            me: me.clone(),
            source: SourceKey::fresh(),
            generation: generation(),
            io: link.setup.io.clone(),
            token: Token::new(Body {
                bytes: Vec::new(),
                parts: Vec::new(),
                members: Vec::new(),
                slow: Vec::new(),
                unlooked: (0, 0),
                fresh: true,
                pace: Pace::default(),
                since: None,
            }),
            dirty: Dirty::default(),
            pushes: AtomicU32::new(0),
            written: AtomicU32::new(0),
            patience: AtomicU32::new(0),
            tick: parking_lot::Mutex::default(),
        })
    }

    /// True for what can be shared.
    #[inline(always)]
    pub fn takes(msg: &Msg) -> bool {
        !msg.more() && msg.flags() & CONTROL == 0 && msg.len() < GATHER_FROM
    }

    /// Enters for the application's thread. The I/O thread stays no longer than a round.
    #[inline(always)]
    fn enter(&self) -> Guard<'_, Body> {
        match self.token.reenter() {
            Some(body) => body,
            None => self.wait(),
        }
    }

    #[cold]
    fn wait(&self) -> Guard<'_, Body> {
        loop {
            if let Some(body) = self.token.enter(0) {
                pace::resume();
                return body;
            }
            yield_now();
        }
    }

    /// Gives the token back. Nobody leaves wishes: whoever finds it taken comes again.
    #[inline(always)]
    fn leave(body: Guard<'_, Body>, keep: bool) {
        let mut left = if keep { body.keep() } else { body.leave() };
        while let Err((body, _)) = left {
            left = body.leave();
        }
    }

    /// Takes in a connection, as member `id`. False when it has to be sent to by itself.
    pub fn join(&self, id: usize, link: &Arc<Link>) -> bool {
        if !link.may_share() {
            return false;
        }
        let mut body = self.enter();
        if body.parts.len() <= id {
            body.parts.resize(id + 1, Part::default());
            body.members.resize_with(id + 1, || None);
        }
        body.parts[id] = Part {
            joined: true,
            ..Part::default()
        };
        body.members[id] = Some(Member {
            link: link.clone(),
            runs: Vec::new(),
        });
        Fan::leave(body, true);
        true
    }

    /// Lets a member go, who gets its part before. In the child of a fork the connections are the parent's, and so may be the
    /// tokens.
    pub fn part(&self, id: usize) {
        if self.generation != generation() {
            return;
        }
        let mut body = self.enter();
        while !body.pass(id) {
            yield_now();
        }
        body.slow.retain(|&other| other != id);
        if let Some(part) = body.parts.get_mut(id) {
            *part = Part::default();
        }
        if let Some(member) = body.members.get_mut(id) {
            *member = None;
        }
        Fan::leave(body, true);
    }

    /// Encodes a copy of a message that it [`takes`](Fan::takes) for those of `ids` that are members, and leaves the others.
    /// Members that are to leave are put into `leaving`.
    #[inline(always)]
    pub fn push(&self, msg: &Msg, ids: &mut Vec<usize>, leaving: &mut Vec<usize>) {
        let mut body = self.enter();
        let body_ref = &mut *body;
        if body_ref.bytes.len() + msg.len() + MAX_HEADER_V2 > FULL {
            self.round(body_ref, now());
        }
        let (start, end) = body_ref.encode(msg);
        ids.retain(|&id| !body_ref.extend(id, start, end));
        let unlooked = &mut body_ref.unlooked;
        *unlooked = (unlooked.0 + 1, unlooked.1 + (end - start));
        if body_ref.fresh || !is_young(unlooked.0, unlooked.1) {
            self.look(body_ref, leaving);
        }
        let pushes = self.pushes.load(Ordering::Relaxed);
        self.pushes.store(pushes.wrapping_add(1), Ordering::Relaxed);
        let left = !body.bytes.is_empty();
        Fan::leave(body, true);
        if left {
            self.dirty.mark(|| {
                if let Some(me) = self.me.upgrade() {
                    self.io.mark_dirty(me);
                }
            });
        }
    }

    /// Looks at the clock.
    #[inline(never)]
    fn look(&self, body: &mut Body, leaving: &mut Vec<usize>) {
        let now = crate::sync::now();
        let (frames, _) = std::mem::take(&mut body.unlooked);
        let stream = body.pace.begin(now, frames);
        body.fresh = !stream;
        let patience = self.patience().max(AGE_MAX);
        let aged = body
            .since
            .is_some_and(|since| now.saturating_duration_since(since) >= patience);
        let mut end = now;
        if aged || !stream {
            end = self.round(body, now);
        }
        body.pace.end(end);
        if !body.bytes.is_empty() {
            body.since = body.since.or(Some(now));
        }
        leaving.append(&mut body.slow);
    }

    /// A round of the application's thread. Returns when it ended.
    fn round(&self, body: &mut Body, start: Instant) -> Instant {
        while !body.pass_all() {
            yield_now();
        }
        let pushes = self.pushes.load(Ordering::Relaxed);
        self.written.store(pushes, Ordering::Relaxed);
        let end = now();
        let patience = (end - start).min(PATIENCE_MAX);
        self.patience
            .store(patience.as_micros() as u32, Ordering::Relaxed);
        pace::resume();
        end
    }

    /// How long bytes may wait.
    fn patience(&self) -> Duration {
        Duration::from_micros(self.patience.load(Ordering::Relaxed).into())
    }

    /// Sends what was left behind, before the application does something else.
    pub fn flush(&self) {
        let mut body = self.enter();
        let now = crate::sync::now();
        self.round(&mut body, now);
        body.fresh = true;
        Fan::leave(body, false);
    }
}

impl Link {
    /// True when nothing waits before what is shared.
    fn may_share(&self) -> bool {
        let Some(core) = self.enter(0) else {
            return false;
        };
        let may = core.conn.as_ref().is_some_and(|conn| {
            let out = &conn.outbound;
            conn.dead.is_none()
                && conn.send_dead.is_none()
                && out.is_plain()
                && out.pending() <= BEHIND_MAX
                && out.full >= FULL
        });
        self.finish(core, false);
        may
    }

    /// Sends these runs of frames behind what is in the buffer.
    fn pass(&self, bytes: &[u8], runs: &[(usize, usize)]) -> Passed {
        let Some(mut core) = self.token.enter(0) else {
            return Passed::Busy;
        };
        let runs = runs
            .iter()
            .map(|&(start, end)| bytes.get(start..end).unwrap_or(&[]));
        core.take_in(runs);
        self.send(&mut core, true);
        let behind = core
            .conn
            .as_ref()
            .is_none_or(|conn| conn.send_dead.is_some() || conn.outbound.pending() > BEHIND_MAX);
        self.finish(core, false);
        if behind { Passed::Behind } else { Passed::Sent }
    }
}

impl Core {
    /// Takes frames over; writes them at once where that is as good.
    fn take_in<'a>(&mut self, mut runs: impl Iterator<Item = &'a [u8]>) {
        let Some(conn) = &mut self.conn else {
            // Between two connections.
            for run in runs {
                self.unsent.frames.extend(frames_of(run));
            }
            return;
        };
        let out = &mut conn.outbound;
        if !out.is_plain() {
            // Another connection by now, to a peer that wants it otherwise.
            for mut msg in runs.flat_map(frames_of) {
                out.encode(&mut msg);
            }
            return;
        }
        let live = conn.dead.is_none() && conn.send_dead.is_none();
        let mut sent = 0;
        let first = runs.next().unwrap_or(&[]);
        let mut rest = runs.peekable();
        if live && out.pending() == 0 && rest.peek().is_none() {
            // What it fails of, the next write finds out.
            sent = stream::write(conn.raw_fd, &[IoSlice::new(first)]).unwrap_or(0);
            if sent == first.len() {
                return;
            }
        }
        out.buffer.append(first);
        out.advance(sent);
        for run in rest {
            out.buffer.append(run);
        }
    }
}

impl Source for Fan {
    fn key(&self) -> SourceKey {
        self.source
    }

    fn ready(self: Arc<Self>, _io: &mut Io, _events: Interest) {}

    fn timer(self: Arc<Self>, _io: &mut Io, _timer: u8) {}

    fn run(self: Arc<Self>, _io: &mut Io) {}

    fn flush(self: Arc<Self>, _io: &mut Io) -> Care {
        let mut tick = self.tick.lock();
        let pushes = self.pushes.load(Ordering::Relaxed);
        let patience = self.patience().as_micros() / AGE_MAX.as_micros();
        let written = self.written.load(Ordering::Relaxed);
        let (moves, late) = tick.look(pushes, written, patience as u32);
        if moves && !late {
            return Care::Keep;
        }
        let Some(mut body) = self.token.enter(0) else {
            return Care::Keep;
        };
        let all = body.pass_all();
        tick.sent(pushes);
        let over = all && !moves && tick.is_over();
        if over {
            body.fresh = true;
            body.bytes = Vec::new();
            self.dirty.clear();
        }
        Fan::leave(body, false);
        if over { Care::Done } else { Care::Keep }
    }

    fn flushed(self: Arc<Self>) -> Care {
        let more = match self.token.enter(0) {
            None => true,
            Some(body) => {
                let more = !body.bytes.is_empty();
                Fan::leave(body, false);
                more
            }
        };
        if more && self.dirty.was_missed() {
            return Care::Keep;
        }
        Care::Done
    }
}
