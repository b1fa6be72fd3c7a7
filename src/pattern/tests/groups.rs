//! RADIO and DISH: who is in which group.
#![forbid(unsafe_code)]

use super::*;
use crate::msg::{Groups, Meta};

impl Socket {
    fn group(&mut self, group: &str, join: bool) -> Result<()> {
        let result = with!(self, pattern, cx => pattern.set_group(cx, group.as_bytes(), join));
        self.pump();
        result
    }

    fn cast(&mut self, group: &str, body: &str) -> Result<()> {
        self.pump();
        let mut msg = Msg::copied(body.as_bytes()).unwrap();
        Groups::default().mark(&mut msg, group.as_bytes());
        let sent = with!(self, pattern, cx => pattern.send(cx, &mut msg));
        let has_group = msg.meta().and_then(Meta::group).is_some();
        assert_eq!(sent.is_err(), has_group);
        self.pump();
        sent
    }

    #[track_caller]
    fn tune_in(&mut self, group: &str, body: &str) {
        let msg = self.recv_frame().unwrap();
        let heard = msg.meta().and_then(Meta::group).unwrap();
        assert_eq!(
            (heard.to_bytes(), msg.data()),
            (group.as_bytes(), body.as_bytes())
        );
        assert!(!msg.more());
    }
}

fn joined(radio: &mut Socket, groups: &[&str]) -> (Socket, PipeId) {
    let mut dish = Socket::new(DISH);
    for group in groups {
        dish.group(group, true).unwrap();
    }
    let (pipe, _) = dish.connect(radio, 0);
    (dish, pipe)
}

#[test]
fn a_group_is_exact() {
    let mut radio = Socket::new(RADIO);
    let (mut dish, _) = joined(&mut radio, &["TV", ""]);
    for group in ["T", "TV", "TV2", "tv", ""] {
        radio.cast(group, group).unwrap();
    }
    dish.tune_in("TV", "TV");
    dish.tune_in("", "");
    dish.expect_nothing();
    // No group is the one without a name.
    radio.send(&["plain"]);
    dish.tune_in("", "plain");
}

#[test]
fn groups_are_entered_and_left_once() {
    let mut radio = Socket::new(RADIO);
    let (mut dish, _) = joined(&mut radio, &["A"]);
    assert_eq!(dish.group("A", true), Err(Errno::EINVAL));
    assert_eq!(dish.group("B", false), Err(Errno::EINVAL));
    let longest = "g".repeat(255);
    assert_eq!(dish.group(&longest, true), Ok(()));
    assert_eq!(dish.group(&"g".repeat(256), true), Err(Errno::EINVAL));
    radio.cast(&longest, "long").unwrap();
    dish.tune_in(&longest, "long");
    dish.group("A", false).unwrap();
    radio.cast("A", "a").unwrap();
    dish.expect_nothing();
    dish.group("A", true).unwrap();
    radio.cast("A", "a").unwrap();
    dish.tune_in("A", "a");
    for kind in [RADIO, SUB, PULL] {
        assert_eq!(Socket::new(kind).group("A", true), Err(Errno::ENOTSUP));
    }
}

#[test]
fn what_was_sent_before_leaving_is_not_heard_after() {
    let mut radio = Socket::new(RADIO);
    let (mut dish, _) = joined(&mut radio, &["A", "B"]);
    radio.cast("A", "1").unwrap();
    radio.cast("B", "2").unwrap();
    dish.group("A", false).unwrap();
    dish.tune_in("B", "2");
    dish.expect_nothing();
}

#[test]
fn each_dish_has_its_groups() {
    let mut radio = Socket::new(RADIO);
    let (mut one, _) = joined(&mut radio, &["A", "B"]);
    let (mut two, _) = joined(&mut radio, &["B", "C"]);
    for group in ["A", "B", "C", "D"] {
        radio.cast(group, group).unwrap();
    }
    one.tune_in("A", "A");
    one.tune_in("B", "B");
    one.expect_nothing();
    two.tune_in("B", "B");
    two.tune_in("C", "C");
    two.expect_nothing();
    one.close();
    radio.cast("A", "A").unwrap();
    radio.cast("B", "again").unwrap();
    two.tune_in("B", "again");
}

#[test]
fn a_full_dish_misses_messages_unless_none_may() {
    let mut radio = Socket::new(RADIO);
    let mut dish = Socket::new(DISH);
    dish.group("A", true).unwrap();
    dish.connect(&mut radio, 2);
    for body in ["1", "2", "3"] {
        radio.cast("A", body).unwrap();
    }
    radio.set(setting::XPUB_NODROP, 1);
    assert_eq!(radio.cast("A", "4"), Err(Errno::EAGAIN));
    // Nobody is in this one.
    radio.cast("B", "5").unwrap();
    dish.tune_in("A", "1");
    dish.tune_in("A", "2");
    dish.expect_nothing();
    radio.cast("A", "6").unwrap();
    dish.tune_in("A", "6");
    assert_eq!(
        radio.set_bytes(setting::XPUB_NODROP, &(-1i32).to_ne_bytes()),
        Some(Err(Errno::EINVAL))
    );
}

#[test]
fn a_new_connection_is_told_all_groups() {
    let mut radio = Socket::new(RADIO);
    let (mut dish, pipe) = joined(&mut radio, &["A", "B"]);
    with!(&mut dish, pattern, cx => {
        pattern.lost(cx, pipe);
        pattern.established(cx, pipe);
    });
    dish.pump();
    // To be told twice is to be told once.
    radio.cast("A", "1").unwrap();
    dish.tune_in("A", "1");
    dish.group("A", false).unwrap();
    radio.cast("A", "2").unwrap();
    radio.cast("B", "3").unwrap();
    dish.tune_in("B", "3");
    dish.expect_nothing();
}

#[test]
fn strangers_over_inproc_do_no_harm() {
    let mut dish = Socket::new(DISH);
    dish.group("", true).unwrap();
    dish.group("A", true).unwrap();
    let mut push = Socket::new(PUSH);
    dish.connect(&mut push, 0);
    push.send(&["alone"]);
    push.send(&["A", "two"]);
    push.send(&["A", "three", "frames"]);
    push.send(&["A", "four", "whole", "frames"]);
    push.send(&["B", "two"]);
    push.send(&[&"g".repeat(256), "two"]);
    push.send(&["A", "last"]);
    dish.tune_in("", "alone");
    dish.tune_in("A", "two");
    dish.tune_in("A", "last");
    dish.expect_nothing();
    let mut radio = Socket::new(RADIO);
    let mut pair = Socket::new(PAIR);
    radio.connect(&mut pair, 0);
    pair.send(&["A", "message"]);
    radio.cast("A", "x").unwrap();
    pair.expect_nothing();
}
