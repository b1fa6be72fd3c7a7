//! PAIR, PUSH and PULL, DEALER: who gets which message, and what happens when there is no room.
#![forbid(unsafe_code)]

use super::*;

fn many(kind: i32, count: usize) -> Vec<Socket> {
    (0..count).map(|_| Socket::new(kind)).collect()
}

#[test]
fn push_goes_round() {
    let mut push = Socket::new(PUSH);
    let mut pulls = many(PULL, 5);
    for pull in &mut pulls {
        pull.connect(&mut push, 0);
    }
    for body in ["ABC", "DEF"] {
        for _ in 0..5 {
            push.send(&[body]);
        }
    }
    for pull in &mut pulls {
        pull.expect(&["ABC"]);
        pull.expect(&["DEF"]);
        pull.expect_nothing();
    }
}

#[test]
fn pull_takes_turns() {
    let mut pull = Socket::new(PULL);
    // More than are looked at unasked, so that some are parked.
    let mut pushes = many(PUSH, 20);
    for push in &mut pushes {
        push.connect(&mut pull, 0);
    }
    for _ in 0..3 {
        pull.expect_nothing();
        for push in &mut pushes {
            push.send(&["first", "f"]);
            push.send(&["second"]);
        }
        let got: Vec<_> = (0..40).map(|_| pull.recv()).collect();
        assert!(
            got[..20].iter().all(|message| message == &["first", "f"]),
            "{got:?}"
        );
        assert!(got[20..].iter().all(|message| message == &["second"]));
    }
}

#[test]
fn a_full_peer_is_passed_over_and_comes_back() {
    let mut push = Socket::new(PUSH);
    let mut pulls = many(PULL, 2);
    push.connect(&mut pulls[0], 2);
    push.connect(&mut pulls[1], 4);
    let mut sent = 0;
    while push.try_send(&["x"]).is_ok() {
        sent += 1;
    }
    assert_eq!(sent, 6);
    assert!(!push.can_send());
    pulls[0].expect(&["x"]);
    assert!(push.can_send());
    push.send(&["y"]);
    assert_eq!(push.try_send(&["z"]), Err(Errno::EAGAIN));
    pulls[0].expect(&["x"]);
    pulls[0].expect(&["y"]);
    for _ in 0..4 {
        pulls[1].expect(&["x"]);
    }
    pulls[1].expect_nothing();
}

#[test]
fn once_begun_a_message_is_never_refused() {
    let mut push = Socket::new(PUSH);
    let mut pull = Socket::new(PULL);
    push.connect(&mut pull, 1);
    push.send(&["1", "2", "3", "4"]);
    assert_eq!(push.try_send(&["5"]), Err(Errno::EAGAIN));
    pull.expect(&["1", "2", "3", "4"]);
    push.send(&["5"]);
    pull.expect(&["5"]);
}

#[test]
fn half_a_message_is_seen_by_nobody() {
    for dontwait in [false, true] {
        let mut push = Socket::new(PUSH);
        push.dontwait = dontwait;
        let mut first = Socket::new(PULL);
        let mut second = Socket::new(PULL);
        push.connect(&mut first, 0);
        push.send_frame(b"3", true).unwrap();
        first.expect_nothing();
        first.close();
        push.connect(&mut second, 0);
        // The rest is dropped; who does not wait hears of it once.
        let told = if dontwait { Err(Errno::EAGAIN) } else { Ok(()) };
        assert!(push.can_send());
        assert_eq!(push.send_frame(b"3", true), told);
        assert_eq!(push.send_frame(b"3b", false), Ok(()));
        push.send(&["5", "6"]);
        second.expect(&["5", "6"]);
        second.expect_nothing();
    }
}

#[test]
fn what_came_before_the_end_is_read() {
    let mut pull = Socket::new(PULL);
    let mut push = Socket::new(PUSH);
    push.connect(&mut pull, 0);
    pull.expect_nothing();
    for _ in 0..5 {
        push.send(&["a", "b"]);
    }
    push.close();
    for _ in 0..5 {
        pull.expect(&["a", "b"]);
    }
    pull.expect_nothing();
    assert!(pull.pipes.is_empty());
}

#[test]
fn a_talkative_peer_of_push_leaves_nothing_behind() {
    let mut push = Socket::new(PUSH);
    let mut dealer = Socket::new(DEALER);
    dealer.connect(&mut push, 0);
    dealer.send(&["hello"]);
    dealer.close();
    push.pump();
    assert!(push.pipes.is_empty());
    assert_eq!(push.try_send(&["x"]), Err(Errno::EAGAIN));
}

#[test]
fn pair_keeps_its_first_peer() {
    let mut a = Socket::new(PAIR);
    let mut b = Socket::new(PAIR);
    let mut c = Socket::new(PAIR);
    b.connect(&mut a, 0);
    c.connect(&mut a, 0);
    c.pump();
    assert!(c.pipes.is_empty());
    a.send(&["to", "b"]);
    b.expect(&["to", "b"]);
    b.send(&["to a"]);
    a.expect(&["to a"]);
    b.close();
    a.expect_nothing();
    assert_eq!(a.try_send(&["x"]), Err(Errno::EAGAIN));
    c.connect(&mut a, 0);
    a.send(&["to c"]);
    c.expect(&["to c"]);
}

#[test]
fn dealer_goes_round_and_takes_turns() {
    let mut dealer = Socket::new(DEALER);
    let mut reps = many(REP, 5);
    for rep in &mut reps {
        rep.connect(&mut dealer, 0);
    }
    for _ in 0..5 {
        dealer.send(&["", "ABC"]);
    }
    for rep in &mut reps {
        rep.expect(&["ABC"]);
        rep.expect_nothing_more();
        rep.send(&["ABC"]);
    }
    for _ in 0..5 {
        dealer.expect(&["", "ABC"]);
    }
    dealer.expect_nothing();
}

impl Socket {
    /// REP will not receive while its reply is due.
    fn expect_nothing_more(&mut self) {
        assert!(!self.can_recv());
        assert_eq!(self.try_recv(), Err(Errno::EFSM));
    }
}

#[test]
fn a_probe_reaches_the_router() {
    let mut router = Socket::new(ROUTER);
    for kind in [DEALER, ROUTER] {
        let mut client = Socket::named(kind, &format!("X{kind}"));
        client.set(setting::PROBE_ROUTER, 1);
        client.connect(&mut router, 0);
        let id = format!("X{kind}");
        router.expect(&[&id, ""]);
        router.send(&[&id, "Hello"]);
        let got = client.try_recv().unwrap();
        assert_eq!(got.last().unwrap(), b"Hello");
        assert_eq!(got.len(), if kind == ROUTER { 2 } else { 1 });
        if kind == ROUTER {
            assert_eq!((got[0].len(), got[0][0]), (5, 0));
        }
    }
}
