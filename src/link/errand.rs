//! Steps of a handshake that may block: threads of their own take them, and the I/O thread goes on. The outcome has the
//! connection run again.
#![forbid(unsafe_code)]

use super::Link;
use super::life::Shaking;
use crate::errno::Result;
use crate::queue::Wake;
use crate::sys::thread::{STACK, Thread};
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
            let started =
                Thread::spawn(format_args!("ZMQbg/GSSAPI"), Some(STACK), move || me.work());
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
            let errands = self.setup.errands.get_or_init(Arc::default);
            match errands.send(errand, Box::new(wake)) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zmtp::mechanism::gssapi::party::{Party, Step};
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
    use std::time::Duration;

    const PATIENCE: Duration = Duration::from_secs(20);
    const QUIET: Duration = Duration::from_millis(50);

    /// Says when its step begins, and takes it when told.
    #[derive(Debug)]
    struct Patient {
        begun: SyncSender<u8>,
        go: Receiver<()>,
    }

    impl Party for Patient {
        fn step(&mut self, token: &[u8]) -> std::result::Result<Step, Failure> {
            self.begun.send(token[0]).unwrap();
            self.go.recv_timeout(PATIENCE).unwrap();
            Err(Failure::NoCredentials)
        }
    }

    /// Errands that wait in `go` of theirs, one after the other.
    struct Crowd {
        errands: Arc<Errands>,
        begun: Receiver<u8>,
        woken: Receiver<u8>,
        ways: Vec<Option<Arc<Mutex<Way>>>>,
        go: Vec<SyncSender<()>>,
    }

    fn crowd(count: u8) -> Crowd {
        let errands = Arc::<Errands>::default();
        let (begin, begun) = sync_channel(1000);
        let (awake, woken) = sync_channel(1000);
        let (mut ways, mut go) = (Vec::new(), Vec::new());
        for number in 0..count {
            let (tell, told) = sync_channel(1);
            let party = Patient {
                begun: begin.clone(),
                go: told,
            };
            let awake = awake.clone();
            // Nobody listens any more once the test is over.
            let wake = Box::new(move || {
                let _ = awake.send(number);
            });
            let errand = Errand::new(Box::new(party), vec![number]);
            ways.push(Some(errands.send(errand, wake).unwrap()));
            go.push(tell);
        }
        Crowd {
            errands,
            begun,
            woken,
            ways,
            go,
        }
    }

    #[test]
    fn so_many_at_once_and_the_others_in_turn() {
        let crowd = crowd(10);
        let mut begun: Vec<u8> = (0..THREADS)
            .map(|_| crowd.begun.recv_timeout(PATIENCE).unwrap())
            .collect();
        begun.sort_unstable();
        assert_eq!(begun, [0, 1, 2, 3]);
        assert!(crowd.begun.recv_timeout(QUIET).is_err());
        for place in 0..10 {
            crowd.go[place].send(()).unwrap();
            assert_eq!(crowd.woken.recv_timeout(PATIENCE), Ok(place as u8));
            let way = crowd.ways[place].as_ref().unwrap();
            assert!(matches!(&*way.lock(), Way::Back(_)));
            if place + THREADS < 10 {
                let next = crowd.begun.recv_timeout(PATIENCE).unwrap();
                assert_eq!(usize::from(next), place + THREADS);
            }
        }
        // Nothing is left to do: the threads are gone, and come again.
        while crowd.errands.0.lock().threads > 0 {
            std::thread::yield_now();
        }
        assert!(crowd.errands.0.lock().waiting.is_empty());
    }

    #[test]
    fn what_nobody_waits_for_is_not_done() {
        let mut crowd = crowd(7);
        for _ in 0..THREADS {
            crowd.begun.recv_timeout(PATIENCE).unwrap();
        }
        // One of them is on its way already, one is not.
        (crowd.ways[0], crowd.ways[5]) = (None, None);
        for go in &crowd.go {
            let _ = go.send(());
        }
        let mut woken: Vec<u8> = (0..6)
            .map(|_| crowd.woken.recv_timeout(PATIENCE).unwrap())
            .collect();
        woken.sort_unstable();
        assert_eq!(woken, [0, 1, 2, 3, 4, 6]);
        assert!(crowd.woken.recv_timeout(QUIET).is_err());
    }

    #[test]
    fn those_that_left_are_swept_out() {
        let mut crowd = crowd(THREADS as u8);
        for _ in 0..THREADS {
            crowd.begun.recv_timeout(PATIENCE).unwrap();
        }
        for _ in 0..10 * SWEEP_FROM {
            let (begun, _) = sync_channel(1);
            let (_, go) = sync_channel(1);
            let errand = Errand::new(Box::new(Patient { begun, go }), vec![0]);
            // The connection is gone at once.
            crowd.errands.send(errand, Box::new(|| ())).unwrap();
            assert!(crowd.errands.0.lock().waiting.len() <= SWEEP_FROM);
        }
        for go in crowd.go.drain(..) {
            go.send(()).unwrap();
        }
    }
}
