//! Models of what an application's thread leaves to the I/O thread, of [`Dirty`], [`DirtyList`], [`Doorbell`] and
//! [`Quiet`] with token, lane and lease. As for the other models, each says which changes to the code it was seen to catch.

use super::loom_models::{content, model, value};
use super::{Dirty, DirtyList, Doorbell, Guard, LaneRx, LaneTx, Quiet, Round, Token, lane};
use crate::sync::{Arc, AtomicBool, Ordering, UnsafeCell};
use loom::thread;

/// A connection reduced to its flags, and the I/O thread it leaves things to.
struct Link {
    token: Token<Core>,
    dirty: Dirty,
    blocked: Quiet,
    up: AtomicBool,
    list: DirtyList<()>,
    bell: Doorbell,
}

/// What the token guards.
struct Core {
    lane: LaneRx<UnsafeCell<u64>>,
    /// Messages encoded and not written, and those written.
    buffered: u64,
    written: u64,
}

impl Link {
    fn new() -> (Arc<Link>, LaneTx<UnsafeCell<u64>>) {
        let (tx, lane) = lane(0);
        let core = Core {
            lane,
            buffered: 0,
            written: 0,
        };
        let link = Link {
            token: Token::new(core),
            dirty: Dirty::default(),
            blocked: Quiet::default(),
            up: AtomicBool::new(false),
            list: DirtyList::default(),
            bell: Doorbell::new().unwrap(),
        };
        (Arc::new(link), tx)
    }

    fn leave_to_io(&self) {
        self.dirty.mark(|| self.list.push((), &self.bell));
    }

    /// Encodes what is in the lane; the I/O thread, and whoever fulfils a wish, writes as well.
    fn send(core: &mut Core, write: bool) {
        while let Some(message) = core.lane.pop() {
            assert_eq!(content(&message), core.written + core.buffered);
            core.buffered += 1;
        }
        if write {
            core.written += std::mem::take(&mut core.buffered);
        }
    }

    /// Returns how many messages were written by then.
    fn finish(&self, mut guard: Guard<'_, Core>) -> u64 {
        loop {
            let written = guard.written;
            match guard.leave() {
                Ok(()) => return written,
                Err((mut held, wishes)) => {
                    if wishes != 0 {
                        Link::send(&mut held, true);
                    }
                    guard = held;
                }
            }
        }
    }

    /// The application's thread drives: what it encodes waits in the buffer.
    fn drive_out(&self, keep: bool) {
        let Some(mut guard) = self.token.reenter().or_else(|| self.token.enter(1)) else {
            return;
        };
        Link::send(&mut guard, false);
        let left = guard.buffered > 0;
        match if keep { guard.keep() } else { guard.leave() } {
            Ok(()) => {}
            Err((held, wishes)) => self.fulfil(held, wishes),
        }
        if left {
            self.leave_to_io();
        }
    }

    /// It encodes one message by its lease, without a detour over the lane. False when it has none.
    fn encode_now(&self) -> bool {
        let Some(mut guard) = self.token.reenter() else {
            return false;
        };
        guard.buffered += 1;
        if let Err((held, wishes)) = guard.keep() {
            self.fulfil(held, wishes);
        }
        self.leave_to_io();
        true
    }

    fn fulfil(&self, mut guard: Guard<'_, Core>, wishes: u32) {
        if wishes != 0 {
            Link::send(&mut guard, true);
        }
        self.finish(guard);
    }

    /// True to be looked at again.
    fn flush(&self) -> bool {
        let Some(mut guard) = self.token.enter(0) else {
            return true;
        };
        Link::send(&mut guard, true);
        self.dirty.clear();
        self.finish(guard);
        false
    }

    fn flushed(&self) -> bool {
        let missed = match self.token.enter(0) {
            None => true,
            Some(mut guard) => {
                let missed = guard.lane.is_readable() || guard.buffered > 0;
                self.finish(guard);
                missed
            }
        };
        missed && self.dirty.was_missed()
    }

    /// The I/O thread, until it has seen `count` messages written; each tick comes at once. That it sleeps where it must not
    /// is a deadlock.
    fn serve(&self, count: u64) {
        let mut round = Round::default();
        loop {
            if self.list.is_armed() {
                let mut looks = 0;
                let flush = |(): &()| {
                    looks += 1;
                    self.flush()
                };
                round.look(&self.list, flush, |()| self.flushed());
                assert!(looks < 2, "it is on the list twice");
                // Whoever has the token gets time to be done.
                thread::yield_now();
                continue;
            }
            match self.token.enter(0).map(|guard| self.finish(guard)) {
                Some(written) if written == count => return,
                Some(_) => {
                    self.bell.sleep();
                    self.bell.answer();
                }
                None => thread::yield_now(),
            }
        }
    }
}

/// What the application leaves in a lane or in the output buffer is written by the I/O thread, though no other call follows.
/// Caught: a round without its fence, or with it before the flag is cleared; a second look that does not look into the lane;
/// `was_missed` that does not raise the flag, or does not see that it was raised; a `mark` that always tells; `disarm`
/// without its second look; `push` that rings before the item is on the list; `publish` without its fence; a buffer that
/// is left without a mark. (Of the buffer, the token tells: a second look into that is not needed.)
#[test]
fn what_is_left_behind_is_written() {
    #[derive(Clone, Copy, PartialEq)]
    enum Way {
        Leave,
        Drive,
        Lease,
    }
    for (first, second) in [
        (Way::Leave, Way::Leave),
        (Way::Leave, Way::Drive),
        (Way::Drive, Way::Leave),
        (Way::Drive, Way::Drive),
        (Way::Lease, Way::Leave),
        (Way::Lease, Way::Drive),
        (Way::Lease, Way::Lease),
    ] {
        model(move || {
            let (link, mut tx) = Link::new();
            let io = link.clone();
            let thread = thread::spawn(move || io.serve(2));
            for (i, way) in (0..).zip([first, second]) {
                if way == Way::Lease && tx.is_drained() && link.encode_now() {
                    continue;
                }
                tx.push(value(i), true);
                let _ = tx.publish();
                match way {
                    Way::Leave => link.leave_to_io(),
                    Way::Drive => link.drive_out(false),
                    Way::Lease => link.drive_out(true),
                }
            }
            thread.join().unwrap();
        });
    }
}

/// While the kernel takes no more, the application tells nobody: the I/O thread hears when it does, and looks.
/// Caught: `end` without its fence, or with it before the flag is cleared; no look after it.
#[test]
fn what_is_left_quietly_is_written() {
    model(|| {
        let (link, mut tx) = Link::new();
        link.blocked.set();
        let io = link.clone();
        let thread = thread::spawn(move || {
            let mut guard = io.token.enter(1).expect("nobody else drives");
            Link::send(&mut guard, true);
            io.blocked.end();
            if guard.lane.is_readable() {
                io.leave_to_io();
            }
            io.finish(guard);
            io.serve(2);
        });
        for i in 0..2 {
            tx.push(value(i), true);
            let _ = tx.publish();
            if !link.blocked.is_set() {
                link.leave_to_io();
            }
        }
        thread.join().unwrap();
    });
}

/// Before a connection is up, the application tells nobody: the I/O thread sends what is queued once it is.
/// Caught: a connection that comes up and is not marked as dirty.
#[test]
fn what_is_queued_before_a_connection_is_up_is_written() {
    model(|| {
        let (link, mut tx) = Link::new();
        let io = link.clone();
        let thread = thread::spawn(move || {
            let mut guard = io.token.enter(1).expect("nobody else drives");
            io.up.store(true, Ordering::Release);
            io.leave_to_io();
            Link::send(&mut guard, true);
            io.finish(guard);
            io.serve(2);
        });
        for i in 0..2 {
            tx.push(value(i), true);
            let _ = tx.publish();
            if link.up.load(Ordering::Acquire) {
                link.drive_out(false);
            }
        }
        thread.join().unwrap();
    });
}

/// Every item that is put on the list is looked at, though the bell may be rung already for another. Caught: an `answer`
/// that clears the flag before the descriptor, or does not acquire; a `ring` that does not release.
#[test]
fn nobody_rings_in_vain() {
    model(|| {
        let shared = Arc::new((DirtyList::default(), Doorbell::new().unwrap()));
        let ringers = [&[0, 1][..], &[2]].map(|items| {
            let shared = shared.clone();
            thread::spawn(move || {
                for &item in items {
                    shared.0.push(item, &shared.1);
                }
            })
        });
        let (list, bell) = &*shared;
        let mut round = Round::default();
        let mut seen = [false; 3];
        while seen != [true; 3] {
            if list.is_armed() {
                let look = |&item: &usize| {
                    assert!(!std::mem::replace(&mut seen[item], true));
                    false
                };
                round.look(list, look, |_| false);
            } else {
                bell.sleep();
                bell.answer();
            }
        }
        for ringer in ringers {
            ringer.join().unwrap();
        }
    });
}
