//! What the I/O thread looks at by the clock: output that an application left behind, and connections that it reads for
//! itself.
#![forbid(unsafe_code)]

use super::life::{REST, State};
use super::outbound::REST_MAX;
use super::{Conn, Core, Link};
use crate::io::{Care, Io};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Looks of the I/O thread, one a tick, until it sends what is left behind by an application that goes on: at least so
/// many if there is enough for a write, at most so many. (A model has no time to wait.)
const LOOKS_MIN: u32 = 3;
const LOOKS_MAX: u32 = if cfg!(loom) { 1 } else { 10 };
/// Messages that are worth a write.
const WORTH_A_WRITE: u32 = 48;
/// Looks until a stream that stands still is none any more.
const STILL_MAX: u32 = if cfg!(loom) { 1 } else { 10 };
/// Connections that carry nothing for so long, or at most twice that, give back what memory they hold.
const REST_AFTER: Duration = Duration::from_millis(500);
/// An application that keeps messages is asked less and less often for the memory they lie in: up to every 34 minutes.
const RESTS_MAX: u32 = 12;

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
    /// Sends, reads of the application and reads at all when it was last looked whether the connection rests, and how
    /// often it was found to rest and to hold memory all the same.
    moves: u32,
    heard: u64,
    rests: u32,
}

impl Tick {
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
        let alone = self.setup.set.connections() <= 1;
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

    /// Looks, after a while, whether the connection rests.
    pub(super) fn expect_rest(&self, io: &mut Io) {
        if self.resting.load(Ordering::Relaxed) && !io.has_timer(self.source, REST) {
            io.set_timer(self.source, REST, REST_AFTER);
        }
    }

    pub(super) fn on_rest(self: Arc<Self>, io: &mut Io) {
        let pushes = self.pushes.load(Ordering::Relaxed);
        let moves = pushes.wrapping_add(self.touched.load(Ordering::Relaxed));
        let mut tick = self.tick.lock();
        let mut again = std::mem::replace(&mut tick.moves, moves) != moves;
        if !again && let Some(mut core) = self.token.enter(0) {
            let conn = core.conn.as_mut();
            again = conn.is_some_and(|conn| {
                let heard = conn.pulse.heard;
                if std::mem::replace(&mut tick.heard, heard) != heard {
                    tick.rests = 0;
                    return true;
                }
                tick.rests += 1;
                let read = conn.inbound.rest();
                !conn.outbound.rest(0) || !read
            });
            // Who uses the connection from here on finds it so.
            self.resting.store(again, Ordering::Relaxed);
            self.finish(core, false);
        } else {
            (again, tick.rests) = (true, 0);
        }
        if again {
            let after = REST_AFTER * (1 << tick.rests.min(RESTS_MAX));
            io.set_timer(self.source, REST, after);
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
