//! What the I/O thread looks at by the clock: output that an application left behind, and connections that it reads for
//! itself.
#![forbid(unsafe_code)]

use super::life::{REST, State};
use super::outbound::REST_MAX;
use super::{Conn, Core, Link};
use crate::io::{Care, Io};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Looks of the I/O thread, one a tick, until it sends what is left behind by an application that goes on: at least so
/// many if there is enough for a write, at most so many. (A model has no time to wait.)
const LOOKS_MIN: u32 = 3;
const LOOKS_MAX: u32 = if cfg!(loom) { 1 } else { 10 };
/// Messages that are worth a write.
const WORTH_A_WRITE: u32 = 48;
/// Looks until a stream that stands still is none any more.
const STILL_MAX: u32 = if cfg!(loom) { 1 } else { 10 };
/// A connection that came to hold memory gives it back if it carries nothing for so long. One that is in use then is
/// looked at ever less often, the wait doubled each time.
const REST_AFTER: Duration = Duration::from_millis(50);
/// Up to every 0.8 seconds while it is in use; a connection that does not rest as long as that goes on where it was.
const IN_USE_MAX: u32 = 4;
/// Up to every 27 minutes while the application keeps the messages that lie in the memory.
const KEPT_MAX: u32 = 15;

/// What the I/O thread remembers from one look at a stream to the next.
#[derive(Default)]
pub(super) struct Tick {
    /// The application's pushes at the last look, and when something was last written.
    last: u32,
    sent: u32,
    /// Looks at which it had pushed, since something was written; looks in a row at which it had not.
    looks: u32,
    still: u32,
    /// The application's reads at the last look, when it sent, and when it read for itself.
    touched: u32,
    watched: u32,
    /// The same when it was last told of room that nobody waits for.
    roomy: u32,
    rest: Rest,
}

/// When it is looked whether a connection rests.
#[derive(Default)]
struct Rest {
    /// Sends and reads of the application at the last look, and reads at all if it looked at those.
    moves: u32,
    heard: Option<u64>,
    /// How often the wait was doubled.
    doubled: u32,
    /// When it held nothing any more.
    since: Option<Instant>,
}

/// What a look at a connection that holds memory finds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Found {
    /// It was used since the last look.
    InUse,
    /// It was not, and holds memory all the same: the application keeps messages.
    Kept,
    /// It was not, and holds none any more.
    AtRest,
}

impl Rest {
    /// The connection holds memory from now on. How long to wait before the first look.
    fn begin(&mut self, now: Instant) -> Duration {
        let short = REST_AFTER * (1 << IN_USE_MAX);
        match self.since {
            // That memory was given back too early.
            Some(since) if now.saturating_duration_since(since) < short => {
                self.doubled = (self.doubled + 1).min(IN_USE_MAX);
            }
            _ => self.doubled = 0,
        }
        self.wait()
    }

    /// How long to wait before the next look, if there is to be one.
    fn next(&mut self, found: Found, now: Instant) -> Option<Duration> {
        self.since = None;
        match found {
            Found::InUse => self.doubled = (self.doubled + 1).min(IN_USE_MAX),
            Found::Kept => self.doubled = (self.doubled + 1).min(KEPT_MAX),
            Found::AtRest => {
                self.since = Some(now);
                return None;
            }
        }
        Some(self.wait())
    }

    fn wait(&self) -> Duration {
        REST_AFTER * (1 << self.doubled)
    }
}

impl Tick {
    /// Notes the application's reads when it is told of room, and hands out what they were the last time.
    pub(super) fn told_of_room(&mut self, touched: u32) -> u32 {
        std::mem::replace(&mut self.roomy, touched)
    }

    /// A look at what many connections share: does the application send on, and does the I/O thread send all the same, after
    /// `patience` more looks than it would have for one connection?
    pub(super) fn look(&mut self, pushes: u32, written: u32, patience: u32) -> (bool, bool) {
        if written != self.sent {
            self.sent(written);
        }
        let moves = pushes != self.last;
        if moves {
            self.last = pushes;
            self.still = 0;
            self.looks += 1;
        }
        (moves, self.looks >= LOOKS_MAX.saturating_add(patience))
    }

    /// All of so many was sent.
    pub(super) fn sent(&mut self, pushes: u32) {
        (self.sent, self.looks) = (pushes, 0);
    }

    /// Another look at which the application had not sent. True when that is no stream any more.
    pub(super) fn is_over(&mut self) -> bool {
        self.still += 1;
        self.still >= STILL_MAX
    }
}

impl Link {
    pub(super) fn on_flush(self: Arc<Self>, io: &mut Io) -> Care {
        let pushes = self.pushes.load(Ordering::Relaxed);
        let mut tick = self.tick.lock();
        let written = self.written.load(Ordering::Relaxed);
        if written != tick.sent {
            (tick.sent, tick.looks) = (written, 0);
        }
        if pushes != tick.last {
            // The application sends on. What it left behind goes out when it fills a write, or has waited long enough.
            let waiting = pushes.wrapping_sub(tick.sent);
            tick.last = pushes;
            tick.still = 0;
            tick.looks += 1;
            // To end a lease is dear, and its tenant looks at the clock before long.
            let worth = waiting >= WORTH_A_WRITE && !self.token.is_leased();
            if (tick.looks >= LOOKS_MAX || tick.looks >= LOOKS_MIN && worth)
                && let Some(mut core) = self.token.enter(0)
            {
                (tick.sent, tick.looks) = (pushes, 0);
                self.written.store(pushes, Ordering::Relaxed);
                self.send(&mut core, true);
                self.finish(core, false);
            }
            return Care::Keep;
        }
        // Whoever has the token is moving: there will be another look.
        let Some(mut core) = self.token.enter(0) else {
            return Care::Keep;
        };
        tick.still += 1;
        let still = tick.still;
        let touched = self.touched.load(Ordering::Relaxed);
        let reads = std::mem::replace(&mut tick.touched, touched) != touched;
        drop(tick);
        if !matches!(core.state, State::Up) {
            self.dirty.clear();
            self.finish(core, false);
            return Care::Done;
        }
        self.send(&mut core, true);
        let needed = core.conn.as_ref().is_some_and(Conn::needs_service) || self.is_lingering();
        if needed && reads {
            // The application reads what is left for itself.
            self.finish(core, false);
            return Care::Keep;
        }
        if needed {
            self.serve(&mut core, io);
        }
        let care = if still < STILL_MAX && self.streaming.load(Ordering::Relaxed) {
            Care::Keep
        } else {
            self.streaming.store(false, Ordering::Relaxed);
            self.dirty.clear();
            Care::Done
        };
        self.finish(core, false);
        care
    }

    /// The thread passed a heavy fence since [`on_flush`](Link::on_flush) said that nothing is left: is that so?
    pub(super) fn on_flushed(&self) -> Care {
        let more = match self.token.enter(0) {
            // Who has the token may be done with the lane.
            None => true,
            Some(mut core) => {
                let core_ref = &mut *core;
                let more = match (&mut core_ref.lanes, &mut core_ref.conn) {
                    (Some((out, _)), Some(conn)) if !conn.outbound.blocked => {
                        out.is_readable() || conn.outbound.pending() > 0
                    }
                    _ => false,
                };
                if let Some(conn) = &mut core.conn
                    && !more
                {
                    conn.outbound.rest(REST_MAX);
                }
                self.finish(core, false);
                more
            }
        };
        if more && self.dirty.was_missed() {
            return Care::Keep;
        }
        Care::Done
    }

    /// Gives away the block that was read into, for the socket's other connections. True when the connection holds memory
    /// that it will not need while it rests, and nobody is about to look whether it does.
    #[inline(always)]
    pub(super) fn holds_memory(&self, core: &mut Core) -> bool {
        let alone = self.setup.common.set.connections() <= 1;
        !(alone && self.resting.load(Ordering::Relaxed)) && self.settle(core)
    }

    fn settle(&self, core: &mut Core) -> bool {
        let held = core
            .conn
            .as_mut()
            .is_some_and(|conn| !conn.inbound.settle() || conn.outbound.holds_memory());
        held && !self.resting.swap(true, Ordering::Relaxed)
    }

    /// Has the I/O thread look whether the connection rests.
    #[cold]
    pub(super) fn rest_later(&self) {
        if !self.resting.swap(true, Ordering::Relaxed) {
            self.ask_io();
        }
    }

    /// Moves with all that the application does.
    fn moves(&self) -> u32 {
        let pushes = self.pushes.load(Ordering::Relaxed);
        pushes.wrapping_add(self.touched.load(Ordering::Relaxed))
    }

    /// Looks, after a while, whether the connection rests.
    pub(super) fn expect_rest(&self, core: &Core, io: &mut Io) {
        if self.resting.load(Ordering::Relaxed) && !io.has_timer(self.source, REST) {
            let rest = &mut self.tick.lock().rest;
            rest.moves = self.moves();
            rest.heard = core.conn.as_ref().map(|conn| conn.pulse.heard);
            io.set_timer(self.source, REST, rest.begin(io.now()));
        }
    }

    pub(super) fn on_rest(self: Arc<Self>, io: &mut Io) {
        let moves = self.moves();
        let rest = &mut self.tick.lock().rest;
        let mut found = Found::InUse;
        if std::mem::replace(&mut rest.moves, moves) != moves {
            // To end a lease for a closer look would be dear.
            rest.heard = None;
        } else if let Some(mut core) = self.token.enter(0) {
            found = core
                .conn
                .as_mut()
                .map_or(Found::AtRest, |conn| conn.look_for_rest(&mut rest.heard));
            // Who uses the connection from here on finds it so.
            let resting = found != Found::AtRest;
            self.resting.store(resting, Ordering::Relaxed);
            self.finish(core, false);
        }
        if let Some(wait) = rest.next(found, io.now()) {
            io.set_timer(self.source, REST, wait);
        }
    }

    pub(super) fn on_watch(self: Arc<Self>, io: &mut Io) -> Care {
        let touched = self.touched.load(Ordering::Relaxed);
        let reads = std::mem::replace(&mut self.tick.lock().watched, touched) != touched;
        if !self.away.load(Ordering::Relaxed) {
            return Care::Done;
        }
        if reads && self.up.load(Ordering::Relaxed) {
            return Care::Keep;
        }
        let Some(mut core) = self.token.enter(0) else {
            return Care::Keep;
        };
        self.away.store(false, Ordering::Release);
        core.self_driven = false;
        if let Some(conn) = &core.conn {
            self.register(conn, io);
        }
        self.serve(&mut core, io);
        if let Some(conn) = &mut core.conn {
            conn.inbound.rest();
        }
        self.finish(core, false);
        Care::Done
    }
}

impl Conn {
    /// Gives back what memory it can, if nothing was read since `heard` was.
    fn look_for_rest(&mut self, heard: &mut Option<u64>) -> Found {
        let now = self.pulse.heard;
        if heard.replace(now).is_some_and(|before| before != now) {
            return Found::InUse;
        }
        let read = self.inbound.rest();
        if self.outbound.rest(0) && read {
            Found::AtRest
        } else {
            Found::Kept
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn looks_become_rare_while_a_connection_is_in_use() {
        let (mut rest, now) = (Rest::default(), Instant::now());
        assert_eq!(rest.begin(now), REST_AFTER);
        let waits: Vec<_> = (0..6).map(|_| rest.next(Found::InUse, now)).collect();
        assert_eq!(waits[0], Some(2 * REST_AFTER));
        assert_eq!(waits[4..], [Some(REST_AFTER * (1 << IN_USE_MAX)); 2]);
        let kept: Vec<_> = (0..20).map(|_| rest.next(Found::Kept, now)).collect();
        assert_eq!(kept[19], Some(REST_AFTER * (1 << KEPT_MAX)));
        assert_eq!(rest.next(Found::AtRest, now), None);
    }

    #[test]
    fn who_rests_for_short_is_not_asked_as_early_again() {
        let (mut rest, mut now) = (Rest::default(), Instant::now());
        let mut wait = rest.begin(now);
        for _ in 0..8 {
            now += wait;
            assert_eq!(rest.next(Found::AtRest, now), None);
            now += REST_AFTER;
            let longer = rest.begin(now);
            assert!(longer > wait || longer == REST_AFTER * (1 << IN_USE_MAX));
            wait = longer;
        }
        now += wait;
        assert_eq!(rest.next(Found::AtRest, now), None);
        assert_eq!(rest.begin(now + 60 * wait), REST_AFTER);
    }
}
