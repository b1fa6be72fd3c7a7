//! Heartbeats: PING and PONG, and what silence means.
//!
//! Whatever the peer sends is a sign of life. A peer that we do not listen to, because the inbox is full, is not silent;
//! and while we do not listen we still tell a peer that asked before that we are there, since its PINGs wait unread
//! behind messages.
#![forbid(unsafe_code)]

use super::inbound::Request;
use super::life::{PING, SILENCE, STALLED, TTL, millis};
use super::{Conn, Core, Link};
use crate::errno::Errno;
use crate::io::Io;
use crate::queue::Guard;
use crate::sys::stream;
use crate::zmtp::command;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A peer whose PINGs follow each other more closely is not told more often.
const GAP_MIN: Duration = Duration::from_millis(10);

/// What a connection knows of its peer's life. `heard` counts reads that brought something.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    pub(super) heard: u64,
    /// What `heard` was when we began to wait for an answer, and when the peer last said how long it may be silent.
    at_silence: u64,
    at_ttl: u64,
    /// When the peer's last PING came, and how long after the one before.
    last_ping: Option<Instant>,
    gap: Option<Duration>,
    /// How long the two waits are.
    patience: Duration,
    ttl: Duration,
}

impl Pulse {
    /// The peer asked whether we live.
    fn asked(&mut self, now: Instant, ttl: Duration) {
        let since = self.last_ping.replace(now);
        let gap = since.map(|since| now.saturating_duration_since(since));
        // Before there are two, the time it grants us is all it told.
        let gap = gap.or(self.gap).or((ttl > Duration::ZERO).then_some(ttl));
        self.gap = gap.map(|gap| gap.max(GAP_MIN));
    }

    /// How often to tell it that we live while we do not read: twice as often as it asked.
    fn reminder(&self) -> Option<Duration> {
        self.gap.map(|gap| gap / 2)
    }
}

impl Link {
    /// Time for the next PING.
    pub(super) fn heartbeat(self: &Arc<Self>, core: &mut Guard<'_, Core>, io: &mut Io) {
        let options = &self.setup.options;
        let Some(conn) = &mut core.conn else { return };
        let mut body = Vec::new();
        let ttl = u16::try_from(options.heartbeat_ttl / 100).unwrap_or(0);
        command::ping(&mut body, ttl, b"");
        conn.outbound.command(&body);
        io.set_timer(self.source, PING, millis(options.heartbeat_ivl));
        let patience = if options.heartbeat_timeout >= 0 {
            options.heartbeat_timeout
        } else {
            options.heartbeat_ivl
        };
        // Whatever was heard since the last PING ended the wait for its answer; now we wait for the answer to this one.
        let answered = conn.pulse.heard != conn.pulse.at_silence;
        if patience > 0 && (answered || !io.has_timer(self.source, SILENCE)) {
            conn.pulse.at_silence = conn.pulse.heard;
            conn.pulse.patience = millis(patience);
            io.set_timer(self.source, SILENCE, millis(patience));
        }
        self.serve(core, io);
    }

    /// Nothing may have been heard for too long.
    pub(super) fn silent(self: &Arc<Self>, core: &mut Guard<'_, Core>, io: &mut Io, timer: u8) {
        self.serve(core, io);
        let Core {
            lanes: Some((_, inbox)),
            conn: Some(conn),
            ..
        } = &mut **core
        else {
            return;
        };
        let (since, waited) = if timer == TTL {
            (conn.pulse.at_ttl, conn.pulse.ttl)
        } else {
            (conn.pulse.at_silence, conn.pulse.patience)
        };
        if conn.pulse.heard != since {
            // The next PING, theirs or ours, begins anew.
            return;
        }
        // What we wrote may still wait to be read, and our PING behind it.
        let unheard = conn.outbound.blocked && stream::peer_answers(conn.raw_fd);
        if !inbox.has_room() || unheard {
            io.set_timer(self.source, timer, waited);
            return;
        }
        self.tear_down(core, io, Errno::ETIMEDOUT);
    }

    /// Answers what came as commands for the connection itself.
    pub(super) fn serve_requests(&self, core: &mut Core, io: &mut Io) {
        let Some(conn) = &mut core.conn else { return };
        for request in std::mem::take(&mut conn.inbound.requests) {
            let Request::Ping(ttl, context) = request;
            let mut body = Vec::new();
            command::pong(&mut body, &context);
            conn.outbound.command(&body);
            let ttl = Duration::from_millis(u64::from(ttl) * 100);
            conn.pulse.asked(Instant::now(), ttl);
            if ttl > Duration::ZERO {
                conn.pulse.at_ttl = conn.pulse.heard;
                conn.pulse.ttl = ttl;
                io.set_timer(self.source, TTL, ttl);
            }
        }
        if conn.outbound.pending() > 0 {
            self.send(core, true);
        }
    }

    /// The inbox is full, and the peer's questions are not read.
    pub(super) fn stall(&self, conn: &Conn, io: &mut Io) {
        if let Some(time) = conn.pulse.reminder()
            && !io.has_timer(self.source, STALLED)
        {
            io.set_timer(self.source, STALLED, time);
        }
    }

    /// Still full: tells the peer unasked.
    pub(super) fn stalled(self: &Arc<Self>, core: &mut Guard<'_, Core>, io: &mut Io) {
        let Core {
            lanes: Some((_, inbox)),
            conn: Some(conn),
            ..
        } = &mut **core
        else {
            return;
        };
        if !inbox.has_room() && !conn.outbound.blocked {
            let mut body = Vec::new();
            command::pong(&mut body, b"");
            conn.outbound.command(&body);
        }
        self.serve(core, io);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_told_twice_as_often_as_it_asked() {
        let mut pulse = Pulse::default();
        let start = Instant::now();
        assert_eq!(pulse.reminder(), None);
        pulse.asked(start, Duration::ZERO);
        assert_eq!(pulse.reminder(), None);
        pulse.asked(start + Duration::from_millis(50), Duration::ZERO);
        assert_eq!(pulse.reminder(), Some(Duration::from_millis(25)));
        pulse.asked(start + Duration::from_millis(51), Duration::ZERO);
        assert_eq!(pulse.reminder(), Some(GAP_MIN / 2));
    }

    #[test]
    fn one_question_with_a_time_to_live_is_enough() {
        let mut pulse = Pulse::default();
        pulse.asked(Instant::now(), Duration::from_millis(300));
        assert_eq!(pulse.reminder(), Some(Duration::from_millis(150)));
    }
}
