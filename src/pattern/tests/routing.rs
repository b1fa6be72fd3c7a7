//! ROUTER and STREAM: names, and what is said of peers that have none.
#![forbid(unsafe_code)]

use super::*;

fn mandatory() -> Socket {
    let mut router = Socket::new(ROUTER);
    router.set(setting::ROUTER_MANDATORY, 1);
    router
}

#[test]
fn all_peers_are_heard_in_turn() {
    let mut router = Socket::new(ROUTER);
    let mut dealers: Vec<Socket> = ["A", "B", "C", "D", "E"]
        .map(|id| Socket::named(DEALER, id))
        .into();
    for dealer in &mut dealers {
        dealer.connect(&mut router, 0);
    }
    dealers[0].send(&["M"]);
    dealers[0].send(&["M"]);
    for dealer in &mut dealers[1..] {
        dealer.send(&["M", "N"]);
    }
    let mut ids: Vec<String> = (0..5).map(|_| router.recv().remove(0)).collect();
    ids.sort();
    assert_eq!(ids, ["A", "B", "C", "D", "E"]);
    router.expect(&["A", "M"]);
    router.expect_nothing();
}

#[test]
fn unknown_peers_are_unreachable_or_ignored() {
    let mut router = Socket::new(ROUTER);
    router.send(&["UNKNOWN", "DATA"]);
    router.send(&["an id alone"]);
    router.set(setting::ROUTER_MANDATORY, 1);
    assert_eq!(
        router.try_send(&["UNKNOWN", "DATA"]),
        Err(Errno::EHOSTUNREACH)
    );
    assert!(!router.can_send());
    let mut dealer = Socket::named(DEALER, "X");
    dealer.connect(&mut router, 0);
    router.send(&["X", "Hello", "you"]);
    dealer.expect(&["Hello", "you"]);
    let long = "x".repeat(255);
    let mut other = Socket::named(DEALER, &long);
    other.connect(&mut router, 0);
    other.send(&["hi"]);
    router.expect(&[&long, "hi"]);
    for _ in 0..2 {
        router.send(&["X", "1"]);
        router.send(&[&long, "2"]);
        dealer.expect(&["1"]);
        other.expect(&["2"]);
    }
}

#[test]
fn a_full_peer_blocks_or_misses_out() {
    let mut router = mandatory();
    let mut dealer = Socket::named(DEALER, "X");
    let mut other = Socket::named(DEALER, "Y");
    dealer.connect(&mut router, 2);
    other.connect(&mut router, 2);
    router.send(&["X", "1"]);
    router.send(&["X", "2"]);
    assert_eq!(router.try_send(&["X", "3"]), Err(Errno::EAGAIN));
    assert!(router.can_send(), "the other one has room");
    with!(&mut router, pattern, cx => {
        assert_eq!(pattern.peer_state(cx, b"X"), Ok(0));
        assert_eq!(pattern.peer_state(cx, b"Y"), Ok(2));
        assert_eq!(pattern.peer_state(cx, b"Z"), Err(Errno::EHOSTUNREACH));
    });
    with!(&mut dealer, pattern, cx => assert_eq!(pattern.peer_state(cx, b"X"), Err(Errno::ENOTSUP)));
    router.set(setting::ROUTER_MANDATORY, 0);
    router.send(&["X", "dropped", "dropped"]);
    dealer.expect(&["1"]);
    dealer.expect(&["2"]);
    router.send(&["X", "4"]);
    dealer.expect(&["4"]);
}

#[test]
fn a_message_to_a_peer_that_dies_under_it_is_dropped() {
    let mut router = mandatory();
    let mut dealer = Socket::named(DEALER, "X");
    dealer.connect(&mut router, 0);
    router.send_frame(b"X", true).unwrap();
    router.send_frame(b"1", true).unwrap();
    dealer.close();
    router.send_frame(b"2", true).unwrap();
    router.send_frame(b"3", false).unwrap();
    assert_eq!(router.try_send(&["X", "4"]), Err(Errno::EHOSTUNREACH));
    let mut again = Socket::named(DEALER, "X");
    again.connect(&mut router, 0);
    router.send(&["X", "5"]);
    again.expect(&["5"]);
    again.expect_nothing();
}

#[test]
fn the_last_message_of_a_peer_is_read_whole() {
    let mut router = Socket::new(ROUTER);
    let mut dealer = Socket::named(DEALER, "X");
    dealer.connect(&mut router, 0);
    dealer.send(&["a", "b"]);
    dealer.send(&["c"]);
    dealer.close();
    router.expect(&["X", "a", "b"]);
    router.expect(&["X", "c"]);
    router.expect_nothing();
    assert!(router.pipes.is_empty());
}

#[test]
fn a_message_that_the_application_cuts_has_an_end() {
    let mut router = Socket::new(ROUTER);
    let mut dealer = Socket::named(DEALER, "X");
    let (_, pipe) = dealer.connect(&mut router, 0);
    dealer.send(&["a", "b"]);
    assert_eq!(router.recv_frame().unwrap().data(), b"X");
    router.remove(pipe);
    let last = router.recv_frame().unwrap();
    assert_eq!((last.data(), last.more()), (&b"a"[..], false));
    router.expect_nothing();
}

#[test]
fn a_name_is_handed_over() {
    let mut router = Socket::new(ROUTER);
    router.set(setting::ROUTER_HANDOVER, 1);
    let mut one = Socket::named(DEALER, "X");
    one.connect(&mut router, 0);
    one.send(&["Hello", "there"]);
    one.send(&["lost"]);
    assert_eq!(router.recv_frame().unwrap().data(), b"X");
    let mut two = Socket::named(DEALER, "X");
    two.connect(&mut router, 0);
    // The message in progress is read to its end, the name is the second one's already.
    router.expect(&["Hello", "there"]);
    router.expect_nothing();
    router.send(&["X", "Hi"]);
    two.expect(&["Hi"]);
    one.expect_nothing();
    assert!(one.pipes.is_empty());
    let mut three = Socket::named(DEALER, "X");
    three.connect(&mut router, 0);
    router.send(&["X", "Ho"]);
    three.expect(&["Ho"]);
}

#[test]
fn a_name_is_kept() {
    let mut router = Socket::new(ROUTER);
    let mut one = Socket::named(DEALER, "X");
    one.connect(&mut router, 0);
    let mut two = Socket::named(DEALER, "X");
    two.connect(&mut router, 0);
    let _ = two.try_send(&["Hello"]);
    router.expect_nothing();
    router.send(&["X", "Hi"]);
    one.expect(&["Hi"]);
    two.expect_nothing();
}

#[test]
fn connect_names_the_peer() {
    for kind in [ROUTER, STREAM] {
        let mut client = Socket::new(kind);
        let mut server = Socket::new(kind);
        assert_eq!(
            client.set_bytes(setting::CONNECT_ROUTING_ID, b""),
            Some(Err(Errno::EINVAL))
        );
        assert_eq!(
            client.set_bytes(setting::CONNECT_ROUTING_ID, b"conn1"),
            Some(Ok(()))
        );
        assert_eq!(client.pattern.before_connect(), Ok(()));
        client.connect(&mut server, 0);
        client.send(&["conn1", "hi 1"]);
        let got = server.try_recv().unwrap();
        assert_eq!((got[0].len(), got[0][0], &got[1][..]), (5, 0, &b"hi 1"[..]));
        server.send_frame(&got[0], true).unwrap();
        server.send(&["ok"]);
        client.expect(&["conn1", "ok"]);
        // A name in use is refused, when set and when it became so since.
        assert_eq!(
            client.set_bytes(setting::CONNECT_ROUTING_ID, b"conn1"),
            Some(Err(Errno::EINVAL))
        );
        assert_eq!(client.pattern.before_connect(), Ok(()));
    }
    let mut client = Socket::new(ROUTER);
    assert_eq!(
        client.set_bytes(setting::CONNECT_ROUTING_ID, b"X"),
        Some(Ok(()))
    );
    let mut dealer = Socket::named(DEALER, "X");
    dealer.connect(&mut client, 0);
    assert_eq!(client.pattern.before_connect(), Err(Errno::EINVAL));
    assert_eq!(client.pattern.before_connect(), Ok(()));
}

#[test]
fn a_dialed_peer_is_unknown_before_the_handshake() {
    let mut router = mandatory();
    let mut dealer = Socket::named(DEALER, "X");
    let (near, _) = router.connect(&mut dealer, 0);
    router.remove(near);
    dealer.pump();
    // The same again, with the steps apart.
    let (key, far) = (PipeKey::fresh(), PipeKey::fresh());
    let (tx, far_rx) = lane(0);
    let (far_tx, rx) = lane(0);
    let inproc = |socket: &Socket, key| Far::Inproc {
        mailbox: socket.mailbox.clone(),
        key,
    };
    let here = Newcomer {
        key,
        tx,
        rx,
        far: inproc(&dealer, far),
        peer: None,
        endpoint: 0,
    };
    let there = Newcomer {
        key: far,
        tx: far_tx,
        rx: far_rx,
        far: inproc(&router, key),
        peer: None,
        endpoint: 0,
    };
    dealer.attach(there, false);
    let pipe = router.pipes.insert(here);
    with!(&mut router, pattern, cx => pattern.attach(cx, pipe, true));
    dealer.send(&["early"]);
    router.expect_nothing();
    assert_eq!(router.try_send(&["X", "Hi"]), Err(Errno::EHOSTUNREACH));
    router.pipes.set_peer(
        pipe,
        Peer {
            routing_id: b"X".to_vec(),
            ..Peer::default()
        },
    );
    with!(&mut router, pattern, cx => pattern.established(cx, pipe));
    router.expect(&["X", "early"]);
    router.send(&["X", "Hi"]);
    dealer.expect(&["Hi"]);
}

#[test]
fn notify_takes_what_it_knows() {
    let mut router = Socket::new(ROUTER);
    assert_eq!(router.get(setting::ROUTER_NOTIFY), Some(Ok(0)));
    for value in 0..4 {
        router.set(setting::ROUTER_NOTIFY, value);
        assert_eq!(router.get(setting::ROUTER_NOTIFY), Some(Ok(value)));
    }
    for value in [-1i32, 4] {
        assert_eq!(
            router.set_bytes(setting::ROUTER_NOTIFY, &value.to_ne_bytes()),
            Some(Err(Errno::EINVAL))
        );
    }
    assert_eq!(router.get(setting::ROUTER_NOTIFY), Some(Ok(3)));
    let mut dealer = Socket::new(DEALER);
    assert_eq!(
        dealer.set_bytes(setting::ROUTER_NOTIFY, &1i32.to_ne_bytes()),
        None
    );
    // Left to the settings, which all types can read.
    assert_eq!(dealer.get(setting::ROUTER_NOTIFY), None);
}

#[test]
fn notices_stand_where_they_belong() {
    let mut router = super::super::router::Router::default();
    let mut socket = Socket::new(ROUTER);
    let mut dealer = Socket::named(DEALER, "X");
    router.notify = 3;
    let cx = |socket: &mut Socket, router: &mut super::super::router::Router, what: &str| {
        let pipe = 0;
        let cx = &mut Cx {
            pipes: &mut socket.pipes,
            invert_matching: false,
            conflate: false,
            dontwait: true,
        };
        match what {
            "attach" => {
                router.attach(cx, pipe, false);
                router.push_notice(cx, pipe, None);
            }
            "lost" => router.push_notice(cx, pipe, Some(pipe)),
            "again" => router.push_notice(cx, pipe, None),
            _ => {
                let first = router.recv(cx).unwrap();
                let second = router.recv(cx).unwrap();
                assert!(first.more() && !second.more());
                assert_eq!(
                    (first.data(), second.data()),
                    (&b"X"[..], what.trim().as_bytes())
                );
            }
        }
    };
    dealer.connect(&mut socket, 0);
    cx(&mut socket, &mut router, "attach");
    dealer.send(&["one"]);
    dealer.send(&["two"]);
    cx(&mut socket, &mut router, "lost");
    cx(&mut socket, &mut router, "again");
    for expected in [" ", "one", "two", " ", " "] {
        cx(&mut socket, &mut router, expected);
    }
}

#[test]
fn stream_takes_single_pieces() {
    let mut server = Socket::new(STREAM);
    let mut client = Socket::new(STREAM);
    client.connect(&mut server, 1);
    let id = client.pattern.routing_id().unwrap().to_vec();
    assert_eq!((id.len(), id[0]), (5, 0));
    // MORE on the piece changes nothing.
    client.send_frame(&id, true).unwrap();
    client.send_frame(b"data", true).unwrap();
    assert_eq!(client.send_frame(&id, true), Err(Errno::EAGAIN));
    assert_eq!(client.send_frame(b"nobody", true), Err(Errno::EHOSTUNREACH));
    assert!(client.can_send());
    let got = server.try_recv().unwrap();
    assert_eq!(got[1], b"data");
    assert_eq!(server.pattern.routing_id(), Some(&got[0][..]));
    // A piece of no bytes ends the connection.
    server.send_frame(&got[0], true).unwrap();
    server.send_frame(b"", false).unwrap();
    assert!(server.pipes.is_empty());
    client.pump();
    assert!(client.pipes.is_empty());
    assert_eq!(client.send_frame(&id, true), Err(Errno::EHOSTUNREACH));
}
