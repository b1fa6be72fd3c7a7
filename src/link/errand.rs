//! Steps of a handshake that may block: threads of their own take them, and the I/O thread goes on. The outcome has the
//! connection run again.
#![forbid(unsafe_code)]

use super::Link;
use super::life::Shaking;
use crate::errno::Result;
use crate::queue::Wake;
use crate::sys::process;
use crate::zmtp::failure::Failure;
use crate::zmtp::mechanism::gssapi::party::{Errand, Report};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::{Arc, Weak};

/// Threads of one endpoint: strangers that come in crowds wait for each other. A connecting endpoint never needs more than
/// one.
const THREADS: usize = 4;
/// So many jobs may wait before those are looked for whose connection is gone.
const SWEEP_FROM: usize = 64;

/// The errands of one endpoint's connections. Threads are there only while there is something to do.
#[derive(Debug, Default)]
pub struct Errands(Mutex<Queue>);

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Job>,
    threads: usize,
    sweep_at: usize,
}

/// An errand on its way. The connection holds it: with the connection it is gone, unless it is being run.
#[derive(Debug)]
pub(super) enum Way {
    Out(Errand),
    Running,
    Back(Report),
}

struct Job {
    way: Weak<Mutex<Way>>,
    wake: Wake,
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Job")
    }
}

impl Errands {
    /// Has `errand` run; `wake` is called when it is done.
    fn send(self: &Arc<Self>, errand: Errand, wake: Wake) -> Result<Arc<Mutex<Way>>> {
        let way = Arc::new(Mutex::new(Way::Out(errand)));
        let mut queue = self.0.lock();
        if queue.waiting.len() >= queue.sweep_at.max(SWEEP_FROM) {
            queue.waiting.retain(|job| job.way.strong_count() > 0);
            queue.sweep_at = queue.waiting.len() * 2;
        }
        queue.waiting.push_back(Job {
            way: Arc::downgrade(&way),
            wake,
        });
        if queue.threads < THREADS {
            let me = Arc::clone(self);
            let started = process::spawn("ZMQbg/GSSAPI", Default::default(), move || me.work());
            match started {
                Ok(_) => queue.threads += 1,
                // Those that are there will come to it.
                Err(_) if queue.threads > 0 => {}
                Err(error) => {
                    queue.waiting.pop_back();
                    return Err(error);
                }
            }
        }
        Ok(way)
    }

    fn next(&self) -> Option<Job> {
        let mut queue = self.0.lock();
        let next = queue.waiting.pop_front();
        if next.is_none() {
            queue.threads -= 1;
        }
        next
    }

    fn work(&self) {
        while let Some(Job { way, wake }) = self.next() {
            let Some(way) = way.upgrade() else { continue };
            let Way::Out(errand) = std::mem::replace(&mut *way.lock(), Way::Running) else {
                continue;
            };
            let report = errand.run();
            *way.lock() = Way::Back(report);
            drop(way);
            wake();
        }
    }
}

impl Link {
    /// What an errand brought, once; sends it out first. `None` while it is under way.
    pub(super) fn hear_errand(
        self: &Arc<Self>,
        shaking: &mut Shaking,
    ) -> Option<std::result::Result<Report, Failure>> {
        if let Some(errand) = shaking.handshake.take_errand() {
            let me = Arc::downgrade(self);
            let wake = move || {
                if let Some(link) = me.upgrade() {
                    link.setup.io.clone().run(link);
                }
            };
            match self.setup.errands.send(errand, Box::new(wake)) {
                Ok(way) => shaking.errand = Some(way),
                Err(_) => return Some(Err(Failure::OutOfMemory)),
            }
        }
        let way = shaking.errand.as_ref()?;
        let mut way = way.lock();
        match std::mem::replace(&mut *way, Way::Running) {
            Way::Back(report) => {
                drop(way);
                shaking.errand = None;
                Some(Ok(report))
            }
            other => {
                *way = other;
                None
            }
        }
    }
}
