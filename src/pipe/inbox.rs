//! What comes by a pipe: the lane, and the runs of small messages that another socket of this process sends by it.
#![forbid(unsafe_code)]

use crate::errno::Result;
use crate::msg::{Msg, RUN, RunReader};
use crate::queue::LaneRx;
use crate::sync::heavy_fence;
use std::ops::{Deref, DerefMut};

/// Runs that messages may keep in memory before their bodies are copied instead: the bound on pinned memory, 1 MiB.
const RETIRED_MAX: usize = if cfg!(loom) { 1 } else { 16 };

/// The reading end of a pipe. What it has not of its own is the lane's.
#[derive(Debug)]
pub struct Inbox {
    lane: LaneRx<Msg>,
    /// Of a pipe to another socket of this process.
    runs: Option<Box<Runs>>,
}

/// What came in runs.
#[derive(Debug, Default)]
struct Runs {
    /// Comes before what is in the lane.
    run: Option<RunReader>,
    /// Cut from the run to be looked at; comes first.
    held: Option<Msg>,
    /// Runs that ended and may have messages in use.
    retired: Vec<RunReader>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    InRun,
    InLane,
    Nowhere,
}

impl Inbox {
    /// Reads from `lane`, by which runs may come.
    pub fn new(lane: LaneRx<Msg>, runs: bool) -> Inbox {
        Inbox {
            lane,
            runs: runs.then(Box::default),
        }
    }
}

impl Deref for Inbox {
    type Target = LaneRx<Msg>;
    #[inline(always)]
    fn deref(&self) -> &LaneRx<Msg> {
        &self.lane
    }
}

impl DerefMut for Inbox {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut LaneRx<Msg> {
        &mut self.lane
    }
}

impl Inbox {
    /// Takes the next frame.
    #[inline(always)]
    pub fn pop(&mut self) -> Option<Msg> {
        let Some(runs) = &mut self.runs else {
            return self.lane.pop();
        };
        match runs.next(&mut self.lane) {
            Next::InRun => runs.cut(),
            Next::InLane => self.lane.pop(),
            Next::Nowhere => None,
        }
    }

    /// Takes the next frame in place of `into`, if there is one that `fits`. Else nothing happens.
    #[inline(always)]
    pub fn pop_into(&mut self, into: &mut Msg, fits: impl FnOnce(&Msg) -> bool) -> bool {
        let Some(runs) = &mut self.runs else {
            return self.lane.pop_into(into, fits);
        };
        if let Some(run) = &mut runs.run
            && runs.held.is_none()
            && runs.retired.len() < RETIRED_MAX
            && run.is_readable()
            && let Ok(msg) = run.cut(false)
        {
            // The messages of a run are all of one frame and plain: the same fits them all.
            *into = msg;
            return true;
        }
        match runs.next(&mut self.lane) {
            Next::InRun => runs.cut().map(|msg| *into = msg).is_some(),
            Next::InLane => self.lane.pop_into(into, fits),
            Next::Nowhere => false,
        }
    }

    /// Looks at the next frame.
    #[inline(always)]
    pub fn peek(&mut self) -> Option<&Msg> {
        let Some(runs) = &mut self.runs else {
            return self.lane.peek();
        };
        match runs.next(&mut self.lane) {
            Next::InRun => {
                runs.held = runs.cut();
                runs.held.as_ref()
            }
            Next::InLane => self.lane.peek(),
            Next::Nowhere => None,
        }
    }

    /// True when a frame waits.
    #[inline(always)]
    pub fn is_readable(&mut self) -> bool {
        match &mut self.runs {
            None => self.lane.is_readable(),
            Some(runs) => runs.next(&mut self.lane) != Next::Nowhere,
        }
    }

    /// Parks and looks again at once. False when something is there or the writer is gone: then it is not parked.
    pub fn park_now(&mut self) -> bool {
        self.lane.park();
        heavy_fence();
        if self.is_readable() || self.lane.is_closed() {
            self.lane.unpark();
            return false;
        }
        true
    }
}

impl Runs {
    /// Where the next frame is. Behind a run that may grow nothing is looked for: what is there now comes after what may
    /// be in the run by then.
    fn next(&mut self, lane: &mut LaneRx<Msg>) -> Next {
        if self.held.is_some() {
            return Next::InRun;
        }
        loop {
            if let Some(run) = &mut self.run {
                if run.is_readable() {
                    return Next::InRun;
                }
                if !run.is_over() {
                    return Next::Nowhere;
                }
                self.retire();
            }
            match lane.peek() {
                None => return Next::Nowhere,
                Some(msg) if msg.flags() & RUN == 0 => return Next::InLane,
                Some(_) => self.run = lane.pop().and_then(RunReader::of),
            }
        }
    }

    /// Lets a run go that is over, once no message is left of it.
    #[cold]
    fn retire(&mut self) {
        self.retired.retain(|run| !run.is_free());
        let over = self.run.take().filter(|run| !run.is_free());
        self.retired.extend(over);
    }

    fn cut(&mut self) -> Option<Msg> {
        if let Some(msg) = self.held.take() {
            return Some(msg);
        }
        let copy = self.retired.len() >= RETIRED_MAX;
        self.run
            .as_mut()
            .map(|run| run.cut(copy))
            .and_then(Result::ok)
    }
}
