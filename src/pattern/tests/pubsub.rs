//! PUB, XPUB, SUB, XSUB: who gets what, and what publishers hear of it.
#![forbid(unsafe_code)]

use super::*;

/// Connects a subscriber with its subscriptions on their way.
fn join(subscriber: &mut Socket, publisher: &mut Socket) {
    subscriber.connect(publisher, 0);
    publisher.pump();
}

#[test]
fn a_prefix_is_what_counts() {
    let mut publisher = Socket::new(PUB);
    let mut sub = Socket::new(SUB);
    sub.subscribe("ab");
    join(&mut sub, &mut publisher);
    for body in ["a", "ab", "abc", "b", ""] {
        publisher.send(&[body, "ab"]);
    }
    sub.expect(&["ab", "ab"]);
    sub.expect(&["abc", "ab"]);
    sub.expect_nothing();
    sub.subscribe("");
    publisher.send(&["", "second"]);
    publisher.send(&["abc"]);
    sub.expect(&["", "second"]);
    sub.expect(&["abc"]);
    sub.expect_nothing();
}

#[test]
fn subscriptions_are_counted_by_the_subscriber() {
    let mut publisher = Socket::new(PUB);
    let mut sub = Socket::new(SUB);
    join(&mut sub, &mut publisher);
    sub.subscribe("A");
    sub.subscribe("A");
    sub.unsubscribe("A");
    sub.unsubscribe("unknown");
    publisher.send(&["A"]);
    sub.expect(&["A"]);
    sub.unsubscribe("A");
    publisher.send(&["A"]);
    sub.expect_nothing();
    assert_eq!(publisher.get(setting::TOPICS_COUNT), Some(Ok(0)));
}

#[test]
fn a_subscriber_filters_what_comes_unasked() {
    let mut dealer = Socket::new(DEALER);
    let mut sub = Socket::new(SUB);
    sub.connect(&mut dealer, 0);
    sub.subscribe("A");
    dealer.send(&["B", "A"]);
    dealer.send(&["A", "B"]);
    assert!(sub.can_recv());
    sub.expect(&["A", "B"]);
    dealer.send(&["B"]);
    assert!(!sub.can_recv());
    sub.expect_nothing();
}

#[test]
fn a_peer_that_cannot_subscribe_gets_everything() {
    let mut publisher = Socket::new(PUB);
    let mut pull = Socket::new(PULL);
    let (_, pipe) = pull.connect(&mut publisher, 0);
    publisher.send(&["x"]);
    pull.expect_nothing();
    publisher.pipes.set_peer(
        pipe,
        Peer {
            subscribes_to_all: true,
            ..Peer::default()
        },
    );
    with!(&mut publisher, pattern, cx => pattern.established(cx, pipe));
    publisher.send(&["y", "z"]);
    pull.expect(&["y", "z"]);
}

#[test]
fn a_full_subscriber_misses_whole_messages() {
    let mut publisher = Socket::new(PUB);
    let (mut slow, mut fast) = (Socket::new(SUB), Socket::new(SUB));
    for sub in [&mut slow, &mut fast] {
        sub.subscribe("");
    }
    slow.connect(&mut publisher, 2);
    fast.connect(&mut publisher, 0);
    publisher.pump();
    for body in ["1", "2", "3"] {
        publisher.send(&[body, &"x".repeat(1000), body]);
    }
    slow.expect(&["1", &"x".repeat(1000), "1"]);
    slow.expect(&["2", &"x".repeat(1000), "2"]);
    slow.expect_nothing();
    publisher.send(&["4"]);
    slow.expect(&["4"]);
    for body in ["1", "2", "3"] {
        assert_eq!(fast.recv()[2], body);
    }
    fast.expect(&["4"]);
}

#[test]
fn nodrop_refuses_instead() {
    let mut publisher = Socket::new(XPUB);
    publisher.set(setting::XPUB_NODROP, 1);
    let mut sub = Socket::new(SUB);
    sub.subscribe("");
    sub.connect(&mut publisher, 4);
    publisher.pump();
    for _ in 0..10 {
        let mut sent = 0;
        while publisher.try_send(&["x"]).is_ok() {
            sent += 1;
        }
        assert!((1..=4).contains(&sent));
        for _ in 0..sent {
            sub.expect(&["x"]);
        }
        sub.expect_nothing();
    }
}

#[test]
fn a_subscription_finds_its_way_through_a_full_lane() {
    let mut xpub = Socket::new(XPUB);
    let mut sub = Socket::new(SUB);
    sub.connect(&mut xpub, 1);
    for topic in ["a", "b", "c"] {
        sub.subscribe(topic);
    }
    for topic in ["\x01a", "\x01b", "\x01c"] {
        xpub.expect(&[topic]);
    }
}

#[test]
fn a_device_forwards_subscriptions_and_messages() {
    let (mut publisher, mut xsub) = (Socket::new(PUB), Socket::new(XSUB));
    let (mut xpub, mut sub) = (Socket::new(XPUB), Socket::new(SUB));
    xsub.connect(&mut publisher, 0);
    sub.connect(&mut xpub, 0);
    sub.subscribe("");
    let request = xpub.recv();
    assert_eq!(request, ["\x01"]);
    xsub.send(&["\x01"]);
    publisher.send(&[""]);
    xsub.expect(&[""]);
    xpub.send(&[""]);
    sub.expect(&[""]);
}

#[test]
fn topics_of_any_length_are_reported() {
    let mut xpub = Socket::new(XPUB);
    let mut sub = Socket::new(SUB);
    sub.connect(&mut xpub, 0);
    for len in [0, 1, 22, 23, 47, 48, 245, 246, 255, 256, 100_000] {
        let topic = "t".repeat(len);
        sub.subscribe(&topic);
        xpub.expect(&[&format!("\x01{topic}")]);
        xpub.send(&[&format!("{topic}!")]);
        sub.expect(&[&format!("{topic}!")]);
        sub.unsubscribe(&topic);
        xpub.expect(&[&format!("\0{topic}")]);
        xpub.send(&[&topic]);
        sub.expect_nothing();
    }
}

#[test]
fn verbose_reports_duplicates() {
    let mut xpub = Socket::new(XPUB);
    let (mut a, mut b) = (Socket::new(SUB), Socket::new(SUB));
    a.subscribe("A");
    join(&mut a, &mut xpub);
    xpub.expect(&["\x01A"]);
    b.subscribe("A");
    b.subscribe("B");
    join(&mut b, &mut xpub);
    xpub.expect(&["\x01B"]);
    xpub.expect_nothing();
    xpub.set(setting::XPUB_VERBOSE, 1);
    b.subscribe("A");
    xpub.expect(&["\x01A"]);
    xpub.send(&["A"]);
    a.expect(&["A"]);
    b.expect(&["A"]);
    xpub.send(&["B"]);
    b.expect(&["B"]);
    a.expect_nothing();
    b.expect_nothing();
}

#[test]
fn verboser_reports_every_unsubscription() {
    let mut xpub = Socket::new(XPUB);
    let (mut a, mut b) = (Socket::new(SUB), Socket::new(SUB));
    join(&mut a, &mut xpub);
    join(&mut b, &mut xpub);
    for sub in [&mut a, &mut b] {
        sub.subscribe("A");
    }
    xpub.expect(&["\x01A"]);
    a.unsubscribe("A");
    xpub.expect_nothing();
    b.unsubscribe("A");
    xpub.expect(&["\0A"]);
    xpub.set(setting::XPUB_VERBOSER, 1);
    for sub in [&mut a, &mut b] {
        sub.subscribe("A");
        xpub.expect(&["\x01A"]);
    }
    a.unsubscribe("A");
    xpub.expect(&["\0A"]);
    b.close();
    xpub.expect(&["\0A"]);
    a.unsubscribe("A");
    xpub.expect_nothing();
    xpub.set(setting::XPUB_VERBOSE, 1);
    let mut c = Socket::new(SUB);
    c.subscribe("A");
    a.subscribe("A");
    join(&mut c, &mut xpub);
    a.unsubscribe("A");
    for report in ["\x01A", "\x01A"] {
        xpub.expect(&[report]);
    }
    xpub.expect_nothing();
}

#[test]
fn xsub_forwards_the_last_unsubscription_or_all() {
    let mut xpub = Socket::new(XPUB);
    xpub.set(setting::XPUB_VERBOSER, 1);
    let mut xsub = Socket::new(XSUB);
    join(&mut xsub, &mut xpub);
    xsub.send(&["\0X"]);
    xpub.expect_nothing();
    xsub.send(&["\x01A"]);
    xsub.send(&["\x01A"]);
    xpub.expect(&["\x01A"]);
    xpub.expect(&["\x01A"]);
    xsub.send(&["\0A"]);
    xpub.expect_nothing();
    xsub.send(&["\0A"]);
    xpub.expect(&["\0A"]);
    xsub.set(setting::XSUB_VERBOSE_UNSUBSCRIBE, 1);
    xsub.send(&["\0X"]);
    xpub.expect(&["\0X"]);
    assert_eq!(
        xsub.set_bytes(setting::XSUB_VERBOSE_UNSUBSCRIBE, &[]),
        Some(Err(Errno::EINVAL))
    );
    xpub.set(setting::XPUB_VERBOSER, 0);
    xsub.send(&["\0Y"]);
    xpub.expect(&["\0Y"]);
}

#[test]
fn messages_go_upstream_to_xpub_and_never_to_pub() {
    let mut xpub = Socket::new(XPUB);
    let mut publisher = Socket::new(PUB);
    let mut xsub = Socket::new(XSUB);
    join(&mut xsub, &mut xpub);
    join(&mut xsub, &mut publisher);
    xsub.send(&["\x02hello", "there"]);
    xpub.expect(&["\x02hello", "there"]);
    assert!(!publisher.can_recv());
    // Each frame may subscribe …
    xsub.send(&["hello", "\x01B"]);
    assert_eq!(xpub.recv_frame().unwrap().data(), b"hello");
    xpub.expect(&["\x01B"]);
    xpub.send(&["B"]);
    xsub.expect(&["B"]);
    // … unless only the first one is asked.
    xpub.set(setting::ONLY_FIRST_SUBSCRIBE, 1);
    xsub.set(setting::ONLY_FIRST_SUBSCRIBE, 1);
    for message in [["ABC", "\0BC"], ["ABC", "\x01BC"]] {
        xsub.send(&message);
        xpub.expect(&message);
    }
    xsub.send(&["\x01BC", "\x01CD"]);
    xpub.expect(&["\x01BC"]);
    xpub.expect(&["\x01CD"]);
    xsub.send(&["\0BC", "\0CD"]);
    xpub.expect(&["\0BC"]);
    xpub.expect(&["\0CD"]);
}

#[test]
fn in_manual_mode_the_application_decides() {
    let mut xpub = Socket::new(XPUB);
    xpub.set(setting::XPUB_MANUAL, 1);
    xpub.subscribe("nobody asked");
    let mut sub = Socket::new(SUB);
    sub.subscribe("A");
    join(&mut sub, &mut xpub);
    xpub.expect(&["\x01A"]);
    xpub.subscribe("XA");
    sub.subscribe("B");
    xpub.expect(&["\x01B"]);
    xpub.subscribe("XB");
    sub.subscribe("XA");
    xpub.expect(&["\x01XA"]);
    sub.subscribe("XB");
    xpub.expect(&["\x01XB"]);
    xpub.send(&["A"]);
    xpub.send(&["XA"]);
    xpub.send(&["XB"]);
    sub.expect(&["XA"]);
    sub.expect(&["XB"]);
    sub.expect_nothing();
    sub.unsubscribe("A");
    xpub.expect(&["\0A"]);
    xpub.unsubscribe("XA");
    xpub.send(&["XA"]);
    xpub.send(&["XB"]);
    sub.expect(&["XB"]);
    sub.expect_nothing();
    sub.close();
    for topic in ["\0B", "\0XA", "\0XB"] {
        xpub.expect(&[topic]);
        xpub.unsubscribe("XB");
    }
    xpub.expect_nothing();
    assert_eq!(xpub.get(setting::TOPICS_COUNT), Some(Ok(0)));
}

#[test]
fn in_manual_mode_every_request_is_reported() {
    let mut xpub = Socket::new(XPUB);
    xpub.set(setting::XPUB_MANUAL, 1);
    let mut subs = [Socket::new(SUB), Socket::new(SUB)];
    for sub in &mut subs {
        sub.subscribe("1");
        join(sub, &mut xpub);
        xpub.expect(&["\x011"]);
        xpub.subscribe("1");
    }
    xpub.send(&["1"]);
    for sub in subs {
        let mut sub = sub;
        sub.expect(&["1"]);
        sub.close();
    }
    xpub.expect(&["\x001"]);
    xpub.expect(&["\x001"]);
    xpub.expect_nothing();
}

#[test]
fn the_last_value_goes_to_the_newest_subscriber_only() {
    let mut xpub = Socket::new(XPUB);
    xpub.set(setting::XPUB_MANUAL_LAST_VALUE, 1);
    let mut subs = [Socket::new(SUB), Socket::new(SUB)];
    for (nth, sub) in subs.iter_mut().enumerate() {
        sub.subscribe("A");
        join(sub, &mut xpub);
        xpub.expect(&["\x01A"]);
        xpub.subscribe("A");
        xpub.send(&[&format!("A{nth}"), "more"]);
    }
    xpub.send(&["A for all"]);
    subs[0].expect(&["A0", "more"]);
    subs[0].expect(&["A for all"]);
    subs[1].expect(&["A1", "more"]);
    subs[1].expect(&["A for all"]);
}

#[test]
fn subscribers_are_welcomed() {
    let mut xpub = Socket::new(XPUB);
    assert_eq!(
        xpub.set_bytes(setting::XPUB_WELCOME_MSG, b"W"),
        Some(Ok(()))
    );
    let mut sub = Socket::new(SUB);
    sub.subscribe("W");
    join(&mut sub, &mut xpub);
    sub.expect(&["W"]);
    xpub.expect(&["\x01W"]);
    with!(&mut xpub, pattern, cx => {
        assert_eq!(pattern.set_option(cx, setting::XPUB_WELCOME_MSG, None), Some(Ok(())));
    });
    let mut other = Socket::new(SUB);
    other.subscribe("");
    join(&mut other, &mut xpub);
    other.expect_nothing();
}

#[test]
fn matching_can_be_inverted() {
    let mut publisher = Socket::new(PUB);
    let mut subs = [Socket::new(SUB), Socket::new(SUB)];
    publisher.invert = true;
    for (sub, topic) in subs.iter_mut().zip(["p1", "p2"]) {
        sub.invert = true;
        sub.subscribe(topic);
        join(sub, &mut publisher);
    }
    publisher.send(&["p1x"]);
    publisher.send(&["p2x"]);
    subs[0].expect(&["p2x"]);
    subs[0].expect_nothing();
    subs[1].expect(&["p1x"]);
    subs[1].expect_nothing();
}

#[test]
fn topics_are_counted() {
    let mut publisher = Socket::new(PUB);
    let mut sub = Socket::new(SUB);
    join(&mut sub, &mut publisher);
    let check = |publisher: &mut Socket, sub: &mut Socket, count| {
        publisher.pump();
        assert_eq!(publisher.get(setting::TOPICS_COUNT), Some(Ok(count)));
        assert_eq!(sub.get(setting::TOPICS_COUNT), Some(Ok(count)));
    };
    for topic in ["a", "ab", "abc", "xyz", "xy", "x"] {
        sub.subscribe(topic);
    }
    check(&mut publisher, &mut sub, 6);
    sub.unsubscribe("ab");
    check(&mut publisher, &mut sub, 5);
    for topic in ["a", "abc", "xyz", "xy", "x"] {
        sub.unsubscribe(topic);
    }
    check(&mut publisher, &mut sub, 0);
    assert_eq!(Socket::new(PUSH).get(setting::TOPICS_COUNT), None);
}

#[test]
fn after_a_loss_all_subscriptions_are_sent_again() {
    let mut xpub = Socket::new(XPUB);
    xpub.set(setting::XPUB_VERBOSE, 1);
    let mut sub = Socket::new(SUB);
    sub.subscribe("A");
    sub.subscribe("A");
    let (pipe, _) = sub.connect(&mut xpub, 0);
    xpub.expect(&["\x01A"]);
    with!(&mut sub, pattern, cx => pattern.established(cx, pipe));
    xpub.expect_nothing();
    with!(&mut sub, pattern, cx => {
        pattern.lost(cx, pipe);
        pattern.established(cx, pipe);
    });
    xpub.expect(&["\x01A"]);
    xpub.expect_nothing();
}

#[test]
fn a_loss_under_a_message_of_xsub_waits_for_its_end() {
    let mut xpub = Socket::new(XPUB);
    xpub.set(setting::XPUB_VERBOSE, 1);
    let mut xsub = Socket::new(XSUB);
    let (pipe, _) = xsub.connect(&mut xpub, 0);
    xsub.send(&["\x01A"]);
    xpub.expect(&["\x01A"]);
    xsub.send_frame(b"one", true).unwrap();
    with!(&mut xsub, pattern, cx => {
        pattern.lost(cx, pipe);
        pattern.established(cx, pipe);
    });
    xsub.send_frame(b"two", false).unwrap();
    xpub.expect(&["one", "two"]);
    xpub.expect(&["\x01A"]);
}

#[test]
fn a_flood_of_subscriptions_is_read_in_parts() {
    let mut xpub = Socket::new(XPUB);
    let mut sub = Socket::new(SUB);
    join(&mut sub, &mut xpub);
    for topic in 0..10_000 {
        sub.subscribe(&topic.to_string());
    }
    for topic in 0..10_000 {
        xpub.expect(&[&format!("\x01{topic}")]);
    }
    sub.close();
    for topic in 0..10_000 {
        xpub.expect(&[&format!("\0{topic}")]);
    }
    xpub.expect_nothing();
}
