//! Models of the protocols between threads, run through every interleaving (up to three preemptions) and every outcome
//! of weak memory: `RUSTFLAGS="--cfg loom" cargo test --release --lib loom`.
//!
//! A wake-up that is lost leaves a thread asleep for ever: `loom` reports a deadlock. State that two threads use at once,
//! or that one uses before it saw what the other did, is a `loom` cell: it reports a causality violation. Each model
//! says which changes to the code it was seen to catch.

use super::lock::Lock;
use super::ring::ring;
use super::{Backlog, Mailbox, Signal, Sleep, Token, conflating_lane, lane};
use crate::sync::{Arc, AtomicU32, AtomicU64, Ordering, UnsafeCell, Word};
use loom::thread;

pub(super) fn model(body: impl Fn() + Send + Sync + 'static) {
    model_within(3, body);
}

/// The same up to so many preemptions.
pub(crate) fn model_within(preemptions: usize, body: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(preemptions));
    builder.check(body);
}

/// Tells one thread that there is something for it.
#[derive(Default)]
struct Bell(Word);

impl Bell {
    fn ring(&self) {
        self.0.store(1, Ordering::Release);
        self.0.wake(1);
    }

    fn wait(&self) {
        while self.0.swap(0, Ordering::Acquire) == 0 {
            let _ = self.0.wait(0, None);
        }
    }
}

/// A value whose content is only right for who saw it being written.
pub(super) fn value(content: u64) -> UnsafeCell<u64> {
    UnsafeCell::new(content)
}

pub(super) fn content(value: &UnsafeCell<u64>) -> u64 {
    // SAFETY: the model reports it if the access is not alone.
    value.with(|content| unsafe { *content })
}

/// Two threads ask for work and each serves what it found or was left. Caught: a `leave` that stores 0 and does not look
/// for wishes; a wish set without release, or taken without acquire; `enter` without acquire; `leave` without release; an
/// `enter` that takes the token with HELD set.
#[test]
fn a_wish_is_served_by_one_holder_at_a_time() {
    model(|| {
        struct Shared {
            token: Token<UnsafeCell<[u32; 2]>>,
            asked: [AtomicU32; 2],
        }
        fn serve(shared: &Shared, served: &UnsafeCell<[u32; 2]>, wishes: u32) {
            // SAFETY: the model reports it if the access is not alone.
            served.with_mut(|served| unsafe {
                for i in 0..2 {
                    if wishes & (1 << i) != 0 {
                        // What was asked before the wish was left must be seen by who serves it.
                        (*served)[i] = shared.asked[i].load(Ordering::Relaxed);
                    }
                }
            });
        }
        fn ask(shared: &Shared, who: usize) {
            shared.asked[who].store(1, Ordering::Relaxed);
            let Some(mut guard) = shared.token.enter(1 << who) else {
                return;
            };
            serve(shared, &guard, 1 << who);
            while let Err((held, wishes)) = guard.leave() {
                serve(shared, &held, wishes);
                guard = held;
            }
        }
        let shared = Arc::new(Shared {
            token: Token::new(UnsafeCell::new([0; 2])),
            asked: Default::default(),
        });
        let other = shared.clone();
        let thread = thread::spawn(move || ask(&other, 0));
        ask(&shared, 1);
        thread.join().unwrap();
        let guard = shared.token.enter(4).expect("everybody left");
        // SAFETY: the model reports it if the access is not alone.
        assert_eq!(guard.with(|served| unsafe { *served }), [1, 1]);
        assert!(guard.leave().is_ok(), "a wish was left unserved");
    });
}

/// A tenant comes and goes by its lease, a guest enters once. Caught: a `reenter` or a `keep` that does not look; a guest
/// that does not look whether the tenant is busy, or looks without acquire; a retreat that leaves the lease standing; the
/// mark of a former lease taken for the present one's.
#[test]
fn a_lease_ends_when_it_is_wanted() {
    model(|| {
        struct Shared {
            token: Token<UnsafeCell<[u32; 2]>>,
            asked: AtomicU32,
        }
        fn count(state: &UnsafeCell<[u32; 2]>, who: usize) {
            // SAFETY: the model reports it if the access is not alone.
            state.with_mut(|state| unsafe { (*state)[who] += 1 });
        }
        let shared = Arc::new(Shared {
            token: Token::new(UnsafeCell::new([0; 2])),
            asked: AtomicU32::new(0),
        });
        let other = shared.clone();
        assert!(shared.token.enter(0).expect("free").keep().is_ok());
        let guest = thread::spawn(move || {
            other.asked.store(1, Ordering::Relaxed);
            let Some(mut guard) = other.token.enter(1) else {
                return;
            };
            loop {
                count(&guard, 1);
                match guard.leave() {
                    Ok(()) => return,
                    Err((held, _)) => guard = held,
                }
            }
        });
        for _ in 0..2 {
            let Some(mut guard) = shared.token.reenter() else {
                break;
            };
            count(&guard, 0);
            while let Err((held, wishes)) = guard.keep() {
                if wishes & 1 != 0 {
                    assert_eq!(shared.asked.load(Ordering::Relaxed), 1);
                    count(&held, 1);
                }
                guard = held;
            }
        }
        guest.join().unwrap();
        let guard = shared
            .token
            .reenter()
            .or_else(|| shared.token.enter(0))
            .expect("everybody left");
        // SAFETY: the model reports it if the access is not alone.
        assert!(
            guard.with(|state| unsafe { (*state)[1] }) > 0,
            "a wish was left unserved"
        );
        assert!(guard.leave().is_ok(), "a wish was left unserved");
    });
}

/// A connection as it is sent to: the lane's reading end behind the token. Whoever publishes tries to drive; every
/// message is taken by whoever holds the token last. Caught: as for the token, and a ring that publishes without release.
#[test]
fn what_is_published_before_a_wish_is_taken() {
    model(|| {
        let (mut tx, rx) = lane::<UnsafeCell<u64>>(0);
        let token = Arc::new(Token::new((rx, 0)));
        let other = token.clone();
        fn drive(token: &Token<(super::LaneRx<UnsafeCell<u64>>, u64)>) {
            let Some(mut guard) = token.enter(1) else {
                return;
            };
            loop {
                let (rx, next) = &mut *guard;
                while let Some(message) = rx.pop() {
                    assert_eq!(content(&message), *next);
                    *next += 1;
                }
                match guard.leave() {
                    Ok(()) => return,
                    Err((held, _)) => guard = held,
                }
            }
        }
        let thread = thread::spawn(move || drive(&other));
        for i in 0..2 {
            tx.push(value(i), true);
            let _ = tx.publish();
            drive(&token);
        }
        thread.join().unwrap();
        let guard = token.enter(2).expect("everybody left");
        assert_eq!(guard.1, 2);
        assert!(guard.leave().is_ok());
    });
}

/// Reader and writer fall asleep whenever the lane lets them; the mark of 1 makes both do. Caught: `publish` without its
/// fence or without its look at the flag; `park` of either end without its fence or without its second look; `report`
/// without its fence; a mark that is off by one; `taken` stored or read relaxed; `tail` stored relaxed.
#[test]
fn nobody_sleeps_through_a_message_or_room() {
    model(|| {
        let (mut tx, mut rx) = lane::<UnsafeCell<u64>>(1);
        let bells = Arc::new((Bell::default(), Bell::default(), AtomicU64::new(0)));
        let other = bells.clone();
        let writer = thread::spawn(move || {
            let (to_reader, to_writer, popped) = &*other;
            for i in 0..2 {
                while !tx.has_room() {
                    if tx.park() {
                        to_writer.wait();
                    }
                }
                // Room was given back after the message was taken, so at most one is in flight.
                assert_eq!(popped.load(Ordering::Relaxed), i);
                tx.push(value(i), true);
                if tx.publish() {
                    to_reader.ring();
                }
            }
        });
        let (to_reader, to_writer, popped) = &*bells;
        for i in 0..2 {
            let message = loop {
                match rx.pop() {
                    Some(message) => break message,
                    None if rx.park_now() => to_reader.wait(),
                    None => {}
                }
            };
            assert_eq!(content(&message), i);
            popped.store(i + 1, Ordering::Relaxed);
            if rx.took_message() {
                to_writer.ring();
            }
        }
        writer.join().unwrap();
        assert!(rx.pop().is_none());
    });
}

/// Messages pushed before the end are all there once the end is seen, and a parked reader is told of it. Caught: `close`
/// without its publish, without release or without telling; `park_now` that does not look for the end.
#[test]
fn the_end_is_seen_behind_the_last_message() {
    model(|| {
        let (mut tx, mut rx) = lane::<UnsafeCell<u64>>(0);
        let bell = Arc::new(Bell::default());
        let other = bell.clone();
        let writer = thread::spawn(move || {
            tx.push(value(0), true);
            if tx.publish() {
                other.ring();
            }
            tx.push(value(1), true);
            if tx.close() {
                other.ring();
            }
        });
        let mut next = 0;
        loop {
            let closed = rx.is_closed();
            match rx.pop() {
                Some(message) => {
                    assert_eq!(content(&message), next);
                    next += 1;
                }
                None if closed => break,
                None => {
                    if rx.park_now() {
                        bell.wait();
                    }
                }
            }
        }
        assert_eq!(next, 2);
        writer.join().unwrap();
    });
}

/// A writer that waits for room learns that nobody will make any. Caught: `LaneRx::close` that does not tell; `park`
/// without its fence or that does not look for it.
#[test]
fn a_writer_learns_that_it_was_left() {
    model(|| {
        let (mut tx, mut rx) = lane::<UnsafeCell<u64>>(1);
        let bell = Arc::new(Bell::default());
        let other = bell.clone();
        let reader = thread::spawn(move || {
            if rx.close() {
                other.ring();
            }
        });
        tx.push(value(0), true);
        let _ = tx.publish();
        while !tx.has_room() && !tx.is_abandoned() {
            if tx.park() {
                bell.wait();
            }
        }
        assert!(tx.is_abandoned());
        reader.join().unwrap();
    });
}

/// Of a conflating lane the reader gets the newest message, and is told of it. Caught: `publish` without its fence.
#[test]
fn the_newest_message_is_not_slept_through() {
    model(|| {
        let (mut tx, mut rx) = conflating_lane::<UnsafeCell<u64>>();
        let bell = Arc::new(Bell::default());
        let other = bell.clone();
        let writer = thread::spawn(move || {
            for i in 0..2 {
                tx.push(value(i), true);
                if tx.publish() {
                    other.ring();
                }
            }
        });
        let mut newest = None;
        while newest != Some(1) {
            match rx.pop() {
                Some(message) => {
                    let content = content(&message);
                    assert!(newest.is_none_or(|before| before < content));
                    newest = Some(content);
                }
                None if rx.park_now() => bell.wait(),
                None => {}
            }
        }
        writer.join().unwrap();
    });
}

/// A queue that comes round in its first ring (of two slots in a model). Caught: `release` or the read of `head` relaxed;
/// `tail` stored or read relaxed; `make_room` that gives two slots too many.
#[test]
fn slots_are_used_again_after_they_were_left() {
    model(|| {
        let (mut tx, mut rx) = ring::<UnsafeCell<u64>, (), ()>((), ());
        let bell = Arc::new(Bell::default());
        let other = bell.clone();
        let writer = thread::spawn(move || {
            for i in 0..4 {
                tx.push(value(i));
                tx.publish();
            }
            other.ring();
        });
        let mut next = 0;
        while next < 2 {
            match rx.pop() {
                Some(message) => {
                    assert_eq!(content(&message), next);
                    next += 1;
                }
                None => thread::yield_now(),
            }
            assert!(rx.peek().is_none_or(|message| content(message) == next));
        }
        bell.wait();
        for next in 2..4 {
            assert_eq!(content(&rx.pop().unwrap()), next);
        }
        assert!(rx.pop().is_none());
        writer.join().unwrap();
    });
}

/// A queue that outgrows its ring, and is given up by both ends at any moment: every value is dropped once. Caught: a
/// producer dropped without publishing; a consumer dropped without saying how far it came, or in which ring it is. (That
/// `end` is stored behind `next` is one guard, that `tail` is published behind both another; either alone is enough.)
#[test]
fn rings_are_chained_and_freed() {
    model(|| {
        let counter = std::sync::Arc::new(());
        let (mut tx, mut rx) = ring((), ());
        let one = counter.clone();
        let writer = thread::spawn(move || {
            for i in 0..3 {
                tx.push((value(i), one.clone()));
            }
            tx.publish();
            tx.push((value(3), one));
        });
        let mut next = 0;
        for _ in 0..3 {
            if let Some((message, _)) = rx.pop() {
                assert_eq!(content(&message), next);
                next += 1;
            }
        }
        drop(rx);
        writer.join().unwrap();
        assert_eq!(std::sync::Arc::strong_count(&counter), 1);
    });
}

/// A mailbox and its signal, as a socket sleeps on them. Caught: `notify` or `prepare` without its fence; a sleeper that
/// does not look again; `send` that wakes before it puts the news in.
#[test]
fn news_wake_the_sleeper() {
    for sleep in [Sleep::Futex, Sleep::Descriptor] {
        model(move || {
            let mailbox = Arc::new(Mailbox::<u64>::default());
            mailbox.signal().event();
            let other = mailbox.clone();
            let sender = thread::spawn(move || {
                other.send(0);
                other.send(1);
            });
            let mut next = 0;
            while next < 2 {
                mailbox.take(|news| {
                    assert_eq!(news, next);
                    next += 1;
                });
                mailbox.signal().prepare(sleep);
                if next < 2 && !mailbox.has_news() {
                    match sleep {
                        Sleep::Futex => mailbox.signal().wait(None).unwrap(),
                        Sleep::Descriptor => mailbox.signal().event().sleep(),
                    }
                }
                mailbox.signal().cancel();
                // A raise that is not noted yet cannot be lowered: the next sleep ends at once.
                thread::yield_now();
            }
            sender.join().unwrap();
        });
    }
}

/// A descriptor raised at the wrong moment does not stay so: else every later sleep on it would end at once. Caught: a
/// `cancel` that looks only at the state.
#[test]
fn a_late_wake_up_is_cleared() {
    model(|| {
        let signal = Arc::new(Signal::default());
        signal.event();
        let other = signal.clone();
        let waker = thread::spawn(move || other.notify());
        for _ in 0..2 {
            signal.prepare(Sleep::Descriptor);
            signal.cancel();
        }
        waker.join().unwrap();
        signal.prepare(Sleep::Descriptor);
        signal.cancel();
        assert!(!signal.event().is_high());
    });
}

/// A writer that waits until its backlog is shorter is told. Caught: either side without its fence, an `ask` that does not
/// look again, a `took` that looks before it counts.
#[test]
fn a_writer_hears_of_a_shorter_backlog() {
    model(|| {
        let shared = Arc::new((Backlog::default(), Bell::default()));
        let other = shared.clone();
        let reader = thread::spawn(move || {
            for _ in 0..3 {
                if other.0.took(1) {
                    other.1.ring();
                }
            }
        });
        while shared.0.ask(3) {
            shared.1.wait();
        }
        reader.join().unwrap();
        assert_eq!(shared.0.taken(), 3);
    });
}

/// The lock of a handle, whose first thread becomes its owner. Caught: `release` without its fence, without release, or
/// without its look at the waiters; a waiter that does not count itself, or sleeps without a fence; a `take` without
/// acquire; an owner that does not look again behind its fence, or does not wake who revoked; one that revokes and does
/// not wait until the owner is not busy.
#[test]
fn a_waiter_gets_the_lock() {
    model(|| {
        let shared = Arc::new((Lock::default(), value(0)));
        let use_it = |shared: &(Lock, UnsafeCell<u64>), me: usize| {
            let hold = shared.0.take(me);
            // SAFETY: the model reports it if the access is not alone.
            shared.1.with_mut(|state| unsafe { *state += 1 });
            shared.0.release(hold);
        };
        use_it(&shared, 8);
        use_it(&shared, 8);
        let other = {
            let shared = shared.clone();
            thread::spawn(move || use_it(&shared, 16))
        };
        use_it(&shared, 8);
        use_it(&shared, 8);
        other.join().unwrap();
        assert_eq!(content(&shared.1), 5);
    });
}

/// The same in a crowd, which one thread that finds the lock taken makes of it. Caught: a release that does not look at who
/// waited before; a waiter of before that does not say that others may wait; a wait without a mark.
#[test]
fn a_crowd_gets_the_lock() {
    model(|| {
        let shared = Arc::new((Lock::default(), value(0)));
        let use_it = |shared: &(Lock, UnsafeCell<u64>), me: usize| {
            let hold = shared.0.take(me);
            // SAFETY: the model reports it if the access is not alone.
            shared.1.with_mut(|state| unsafe { *state += 1 });
            shared.0.release(hold);
        };
        let others: Vec<_> = [16, 24]
            .into_iter()
            .map(|me| {
                let shared = shared.clone();
                thread::spawn(move || use_it(&shared, me))
            })
            .collect();
        use_it(&shared, 8);
        use_it(&shared, 8);
        for other in others {
            other.join().unwrap();
        }
        assert_eq!(content(&shared.1), 4);
    });
}
