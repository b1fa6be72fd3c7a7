//! REQ and REP: step by step, and who is believed.
#![forbid(unsafe_code)]

use super::*;

fn linked(reps: usize) -> (Socket, Vec<Socket>) {
    let mut req = Socket::new(REQ);
    let mut reps: Vec<Socket> = (0..reps).map(|_| Socket::new(REP)).collect();
    for rep in &mut reps {
        rep.connect(&mut req, 0);
    }
    (req, reps)
}

#[test]
fn requests_go_round() {
    let (mut req, mut reps) = linked(5);
    for rep in &mut reps {
        req.send(&["ABC"]);
        assert_eq!(req.try_send(&["again"]), Err(Errno::EFSM));
        rep.expect(&["ABC"]);
        rep.send(&["DEF"]);
        assert_eq!(rep.try_send(&["again"]), Err(Errno::EFSM));
        req.expect(&["DEF"]);
        assert_eq!(req.try_recv(), Err(Errno::EFSM));
    }
}

#[test]
fn a_reply_in_frames_is_read_to_its_end() {
    let (mut req, mut reps) = linked(1);
    req.send(&["q1", "q2"]);
    reps[0].expect(&["q1", "q2"]);
    reps[0].send(&["a1", "a2"]);
    assert!(req.can_recv() && !req.can_send());
    assert_eq!(req.recv_frame().unwrap().data(), b"a1");
    assert!(req.can_recv());
    assert_eq!(req.try_send(&["early"]), Err(Errno::EFSM));
    assert_eq!(req.recv_frame().unwrap().data(), b"a2");
    assert!(req.can_send() && !req.can_recv());
}

#[test]
fn the_envelope_has_its_form() {
    let mut req = Socket::new(REQ);
    let mut router = Socket::new(ROUTER);
    req.connect(&mut router, 0);
    req.send(&["ABC", "DEF"]);
    let got = router.try_recv().unwrap();
    assert!(!got[0].is_empty());
    assert_eq!(got[1..], [b"".to_vec(), b"ABC".to_vec(), b"DEF".to_vec()]);
    router.send_frame(&got[0], true).unwrap();
    router.send(&["", "GHI"]);
    req.expect(&["GHI"]);
}

#[test]
fn a_reply_must_carry_its_number() {
    let mut req = Socket::new(REQ);
    req.set(setting::REQ_CORRELATE, 1);
    let mut router = Socket::new(ROUTER);
    req.connect(&mut router, 0);
    let mut last = None;
    for _ in 0..2 {
        req.send(&["ABC", "DEF"]);
        let got = router.try_recv().unwrap();
        let number = u32::from_ne_bytes(got[1].as_slice().try_into().unwrap());
        assert_eq!(got[2..], [b"".to_vec(), b"ABC".to_vec(), b"DEF".to_vec()]);
        assert!(last.is_none_or(|last: u32| number == last.wrapping_add(1)));
        last = Some(number);
        let other = number.wrapping_add(1).to_ne_bytes();
        let wrong = [
            vec![&b"\0\0\0\0x"[..], b"", b"no"],
            vec![&b""[..], b"no"],
            vec![&b"no"[..]],
            vec![&other[..], b"", b"no"],
        ];
        for message in wrong {
            router.send_frame(&got[0], true).unwrap();
            for (nth, frame) in message.iter().enumerate() {
                router.send_frame(frame, nth + 1 < message.len()).unwrap();
            }
        }
        req.expect_nothing();
        assert!(!req.can_recv());
        router.send_frame(&got[0], true).unwrap();
        router.send_frame(&number.to_ne_bytes(), true).unwrap();
        router.send(&["", "GHI"]);
        req.expect(&["GHI"]);
    }
}

#[test]
fn only_the_peer_that_was_asked_is_heard() {
    let mut req = Socket::new(REQ);
    let mut routers: Vec<Socket> = (0..2).map(|_| Socket::named(ROUTER, "r")).collect();
    req.routing_id = b"q".to_vec();
    for router in &mut routers {
        router.connect(&mut req, 0);
    }
    req.send(&["ask"]);
    routers[0].expect(&["q", "", "ask"]);
    routers[1].send(&["q", "", "WRONG"]);
    req.expect_nothing();
    routers[0].send(&["q", "", "RIGHT"]);
    req.expect(&["RIGHT"]);
}

#[test]
fn relaxed_requests_forget_the_one_before() {
    let (mut req, mut reps) = linked(5);
    req.set(setting::REQ_RELAXED, 1);
    req.set(setting::REQ_CORRELATE, 1);
    assert!(req.can_send());
    req.send(&["A", "B"]);
    reps[0].expect(&["A", "B"]);
    assert!(req.can_send() && !req.can_recv());
    req.send(&["C", "D"]);
    reps[0].send(&["WRONG"]);
    reps[1].expect(&["C", "D"]);
    reps[1].send(&["OK"]);
    req.expect(&["OK"]);
    req.send(&["E"]);
    reps[2].expect(&["E"]);
    reps[2].send(&["F", "G"]);
    req.expect(&["F", "G"]);
    req.send(&["H"]);
    reps[3].expect(&["H"]);
    reps[3].send(&["BAD"]);
    req.send(&["I"]);
    reps[4].expect(&["I"]);
    reps[4].send(&["GOOD"]);
    req.expect(&["GOOD"]);
    req.send(&["J"]);
    reps[0].expect(&["J"]);
}

#[test]
fn two_requests_by_one_pipe_get_the_answer_to_the_second() {
    let mut req = Socket::new(REQ);
    req.set(setting::REQ_RELAXED, 1);
    req.set(setting::REQ_CORRELATE, 1);
    let mut router = Socket::new(ROUTER);
    req.connect(&mut router, 0);
    req.send(&["TO_BE_DISCARDED"]);
    req.send(&["TO_BE_ANSWERED"]);
    for _ in 0..2 {
        let got = router.try_recv().unwrap();
        for (nth, frame) in got.iter().enumerate() {
            router.send_frame(frame, nth + 1 < got.len()).unwrap();
        }
    }
    req.expect(&["TO_BE_ANSWERED"]);
}

#[test]
fn without_room_nothing_is_consumed() {
    let mut req = Socket::new(REQ);
    assert_eq!(req.try_send(&["x"]), Err(Errno::EAGAIN));
    assert_eq!(req.try_recv(), Err(Errno::EFSM));
    let mut rep = Socket::new(REP);
    rep.connect(&mut req, 0);
    req.send(&["x"]);
    rep.expect(&["x"]);
}

#[test]
fn a_request_cut_by_its_peers_end_is_begun_anew() {
    let (mut req, mut reps) = linked(2);
    req.send_frame(b"a", true).unwrap();
    reps.remove(0).close();
    assert_eq!(req.send_frame(b"b", false), Err(Errno::EAGAIN));
    req.send(&["c"]);
    reps[0].expect(&["c"]);
}

#[test]
fn when_the_asked_peer_is_gone_any_may_answer() {
    let mut req = Socket::new(REQ);
    req.routing_id = b"q".to_vec();
    let mut rep = Socket::new(REP);
    let mut router = Socket::named(ROUTER, "r");
    rep.connect(&mut req, 0);
    router.connect(&mut req, 0);
    req.send(&["ask"]);
    rep.close();
    req.pump();
    router.send(&["q", "", "answer"]);
    req.expect(&["answer"]);
}

#[test]
fn rep_keeps_the_way_back() {
    let mut rep = Socket::new(REP);
    let mut dealer = Socket::new(DEALER);
    dealer.connect(&mut rep, 0);
    dealer.send(&["", "A"]);
    rep.expect(&["A"]);
    rep.send(&["A"]);
    dealer.expect(&["", "A"]);
    // No way back, or nothing behind it: no request.
    dealer.send(&["A"]);
    dealer.send(&["A", "B"]);
    dealer.send(&[""]);
    dealer.send(&["A", ""]);
    dealer.send(&["X", "Y", "", "A", "B"]);
    assert_eq!(rep.try_send(&["early"]), Err(Errno::EFSM));
    rep.expect(&["A", "B"]);
    rep.send(&["C", "D"]);
    dealer.expect(&["X", "Y", "", "C", "D"]);
    rep.expect_nothing();
}

#[test]
fn a_reply_to_nobody_is_dropped() {
    let mut rep = Socket::new(REP);
    let (mut first, mut second) = (Socket::new(REQ), Socket::new(REQ));
    first.connect(&mut rep, 0);
    first.send(&["x"]);
    rep.expect(&["x"]);
    first.close();
    rep.pump();
    second.connect(&mut rep, 0);
    second.send(&["y"]);
    rep.send(&["to nobody", "at all"]);
    rep.expect(&["y"]);
    rep.send(&["z"]);
    second.expect(&["z"]);
}

#[test]
fn a_reply_without_room_is_dropped() {
    let mut rep = Socket::new(REP);
    let mut dealer = Socket::new(DEALER);
    dealer.connect(&mut rep, 1);
    for _ in 0..2 {
        dealer.send(&["", "q"]);
        rep.expect(&["q"]);
        rep.send(&["a", "b"]);
    }
    dealer.expect(&["", "a", "b"]);
    dealer.expect_nothing();
}
