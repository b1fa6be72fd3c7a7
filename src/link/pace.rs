//! When sends are a stream, to be written in batches, and when each is written at once.
//!
//! A stream is what a *thread* sends without doing much else in between, be it by one connection or by many, and what a
//! *connection* is given often: the messages of a publisher that wakes now and then do not wait for each other. A thread
//! that has done nothing but send for a while is a stream by whatever connection: with a thousand of them, each gets a
//! message rarely, and the last one would wait for a thousand writes.
#![forbid(unsafe_code)]

use crate::sync::now;
use std::cell::Cell;
use std::time::{Duration, Instant};

/// A thread that sends again after less than this does nothing else.
const THREAD_GAP: Duration = Duration::from_micros(2);
/// A connection that gets the next message after less than this may let it wait for more.
const CONNECTION_GAP: Duration = Duration::from_micros(500);
/// So many sends in a row make a stream.
const BURST: u32 = 3;
/// A thread that sends for longer than this without doing anything else is a stream by itself.
const STREAK: Duration = Duration::from_micros(100);

thread_local! {
    /// Since when this thread does nothing but send, and when it last ended sending, by any connection.
    static LAST: Cell<Option<(Instant, Instant)>> = const { Cell::new(None) };
}

/// This thread waited for room: that is a part of sending.
pub fn resume() {
    if let Some((since, _)) = LAST.get() {
        LAST.set(Some((since, now())));
    }
}

/// The pace of one connection.
#[derive(Debug, Default)]
pub struct Pace {
    last: Option<Instant>,
    burst: u32,
}

impl Pace {
    /// A send begins, `frames` after the last one. True in a stream.
    pub fn begin(&mut self, now: Instant, frames: u32) -> bool {
        let within = |last: Instant, gap: Duration| {
            now.saturating_duration_since(last) / frames.max(1) < gap
        };
        let Some((since, _)) = LAST.get().filter(|&(_, last)| within(last, THREAD_GAP)) else {
            LAST.set(Some((now, now)));
            self.burst = 0;
            return false;
        };
        self.burst = if self.last.is_some_and(|last| within(last, CONNECTION_GAP)) {
            self.burst.saturating_add(1)
        } else {
            0
        };
        self.burst >= BURST || now.saturating_duration_since(since) >= STREAK
    }

    /// A send ended.
    pub fn end(&mut self, now: Instant) {
        self.last = Some(now);
        let since = LAST.get().map_or(now, |(since, _)| since);
        LAST.set(Some((since, now)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs sends at the given microseconds, each on one of two connections, and tells which were in a stream.
    fn run(sends: &[(u64, usize)]) -> Vec<bool> {
        LAST.set(None);
        let start = Instant::now();
        let mut paces = [Pace::default(), Pace::default()];
        let mut streams = Vec::new();
        for &(at, which) in sends {
            let now = start + Duration::from_micros(at);
            streams.push(paces[which].begin(now, 1));
            paces[which].end(now);
        }
        streams
    }

    #[test]
    fn sends_close_together_are_a_stream() {
        let sends: Vec<_> = (0..6).map(|i| (i, 0)).collect();
        assert_eq!(run(&sends), [false, false, false, true, true, true]);
    }

    #[test]
    fn two_connections_make_one_stream() {
        let sends: Vec<_> = (0..12).map(|i| (i, i as usize % 2)).collect();
        assert!(run(&sends)[8..].iter().all(|&stream| stream));
    }

    #[test]
    fn a_thread_that_only_sends_is_one_by_any_connection() {
        LAST.set(None);
        let start = Instant::now();
        let streams: Vec<_> = (0..200)
            .map(|at| {
                let now = start + Duration::from_micros(at);
                let mut pace = Pace::default();
                let stream = pace.begin(now, 1);
                pace.end(now);
                stream
            })
            .collect();
        assert!(streams[..100].iter().all(|&stream| !stream));
        assert!(streams[100..].iter().all(|&stream| stream));
    }

    #[test]
    fn rounds_far_apart_are_none() {
        let sends: Vec<_> = (0..40)
            .map(|i| (i / 2 * 1000 + i % 2, i as usize % 2))
            .collect();
        assert!(run(&sends).iter().all(|&stream| !stream));
    }
}
