//! The indexes of subscriptions against the plainest thing that could do their work.
#![forbid(unsafe_code)]

use crate::pattern::subscriptions::{Filter, Removed, Subscriptions};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// Short topics over few letters, so that many are prefixes of each other, and lengths around word boundaries.
fn topic() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(0u8..3, 0..6),
        proptest::collection::vec(0u8..2, 0..3).prop_flat_map(|head| {
            (Just(head), 0usize..40).prop_map(|(mut head, more)| {
                head.extend(std::iter::repeat_n(7, more));
                head
            })
        }),
    ]
}

#[derive(Clone, Debug)]
enum Step {
    Add(Vec<u8>, usize),
    Remove(Vec<u8>, usize),
    RemovePipe(usize),
    Match(Vec<u8>),
}

fn step() -> impl Strategy<Value = Step> {
    let pipe = prop_oneof![0usize..4, 0usize..200];
    prop_oneof![
        8 => (topic(), pipe.clone()).prop_map(|(topic, pipe)| Step::Add(topic, pipe)),
        4 => (topic(), pipe.clone()).prop_map(|(topic, pipe)| Step::Remove(topic, pipe)),
        1 => pipe.prop_map(Step::RemovePipe),
        4 => topic().prop_map(Step::Match),
    ]
}

fn matches(index: &Subscriptions, key: &[u8]) -> Vec<usize> {
    let mut pipes = Vec::new();
    index.for_each_match(key, |pipe| pipes.push(pipe));
    pipes.sort_unstable();
    pipes
}

fn run_publisher(steps: Vec<Step>) {
    let mut index = Subscriptions::default();
    let mut model: Vec<(Vec<u8>, usize)> = Vec::new();
    for step in steps {
        match step {
            Step::Add(topic, pipe) => {
                let first = !model.iter().any(|(other, _)| *other == topic);
                assert_eq!(index.add(&topic, pipe), first);
                if !model.contains(&(topic.clone(), pipe)) {
                    model.push((topic, pipe));
                }
            }
            Step::Remove(topic, pipe) => {
                let before = model.len();
                model.retain(|(other, owner)| *other != topic || *owner != pipe);
                let expected = match model.iter().any(|(other, _)| *other == topic) {
                    _ if model.len() == before => Removed::NotFound,
                    true => Removed::Remaining,
                    false => Removed::Last,
                };
                assert_eq!(index.remove(&topic, pipe), expected);
            }
            Step::RemovePipe(pipe) => {
                let (gone, kept): (Vec<_>, Vec<_>) =
                    model.into_iter().partition(|(_, owner)| *owner == pipe);
                model = kept;
                let expected: BTreeSet<(Vec<u8>, bool)> = gone
                    .into_iter()
                    .map(|(topic, _)| {
                        let last = !model.iter().any(|(other, _)| *other == topic);
                        (topic, last)
                    })
                    .collect();
                let mut told = Vec::new();
                index.remove_pipe(pipe, |topic, last| told.push((topic.to_vec(), last)));
                assert_eq!(told.len(), expected.len());
                assert_eq!(told.into_iter().collect::<BTreeSet<_>>(), expected);
            }
            Step::Match(key) => {
                let mut expected: Vec<usize> = model
                    .iter()
                    .filter(|(topic, _)| key.starts_with(topic))
                    .map(|&(_, pipe)| pipe)
                    .collect();
                expected.sort_unstable();
                assert_eq!(matches(&index, &key), expected);
                for pipe in [0, 1, 100] {
                    assert_eq!(index.matches(&key, pipe), expected.contains(&pipe));
                }
            }
        }
        let topics: BTreeSet<&[u8]> = model.iter().map(|(topic, _)| &topic[..]).collect();
        assert_eq!(index.len(), topics.len());
    }
}

fn run_subscriber(steps: Vec<Step>) {
    let mut filter = Filter::default();
    let mut model: Vec<Vec<u8>> = Vec::new();
    for step in steps {
        match step {
            Step::Add(topic, _) => {
                filter.add(&topic);
                model.push(topic);
            }
            Step::Remove(topic, _) => {
                let at = model.iter().position(|other| *other == topic);
                if let Some(at) = at {
                    model.swap_remove(at);
                }
                assert_eq!(
                    filter.remove(&topic),
                    at.is_some() && !model.contains(&topic)
                );
            }
            Step::RemovePipe(_) => {}
            Step::Match(key) => {
                assert_eq!(
                    filter.matches(&key),
                    model.iter().any(|topic| key.starts_with(topic))
                );
            }
        }
        let topics: BTreeSet<&[u8]> = model.iter().map(|topic| &topic[..]).collect();
        assert_eq!(filter.topics().collect::<BTreeSet<_>>(), topics);
        assert_eq!(filter.len(), topics.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(150) })]

    #[test]
    fn a_publisher_knows_who_wants_what(steps in proptest::collection::vec(step(), 0..300)) {
        run_publisher(steps);
    }

    #[test]
    fn a_subscriber_knows_what_it_wants(steps in proptest::collection::vec(step(), 0..300)) {
        run_subscriber(steps);
    }
}

#[test]
fn a_topic_of_a_megabyte_is_one_like_others() {
    let long = vec![b'x'; 1 << 20];
    let longer = vec![b'x'; (1 << 20) + 1];
    let mut steps = Vec::new();
    for topic in [&longer, &long] {
        steps.push(Step::Add(topic.clone(), 0));
        steps.push(Step::Add(topic.clone(), 1));
        steps.push(Step::Match(long.clone()));
        steps.push(Step::Match(longer.clone()));
        steps.push(Step::Match(b"xxx".to_vec()));
    }
    steps.push(Step::Remove(long.clone(), 0));
    steps.push(Step::Match(longer.clone()));
    steps.push(Step::RemovePipe(1));
    steps.push(Step::Match(longer));
    run_publisher(steps.clone());
    run_subscriber(steps);
}

#[test]
fn as_many_lengths_as_a_peer_likes_do_no_harm() {
    let key = vec![b'y'; 4_000];
    let mut index = Subscriptions::default();
    for len in 0..4_000 {
        index.add(&key[..len], len % 3);
    }
    assert_eq!(matches(&index, &key).len(), 4_000);
    assert_eq!(matches(&index, &key[..9]).len(), 10);
    let mut gone = 0;
    for pipe in 0..3 {
        index.remove_pipe(pipe, |_, last| gone += usize::from(last));
    }
    assert_eq!(gone, 4_000);
    assert!(index.is_empty());
}

#[test]
fn a_crowd_comes_and_goes() {
    let mut index = Subscriptions::default();
    for round in 0..3 {
        for pipe in 0..1000 {
            assert_eq!(index.add(b"news", pipe), pipe == 0);
            index.add(b"", pipe);
        }
        assert_eq!(matches(&index, b"newspaper").len(), 2000);
        for pipe in 0..1000 {
            if round == 1 {
                index.remove_pipe(pipe, |_, last| assert_eq!(last, pipe == 999));
            } else {
                let expected = if pipe == 999 {
                    Removed::Last
                } else {
                    Removed::Remaining
                };
                assert_eq!(index.remove(b"news", pipe), expected);
                assert_eq!(index.remove(b"news", pipe), Removed::NotFound);
                assert_eq!(index.remove(b"", pipe), expected);
            }
        }
        assert!(index.is_empty());
    }
}

#[test]
fn subscribing_and_unsubscribing_for_ever_keeps_nothing() {
    let mut index = Subscriptions::default();
    index.add(b"steady", 0);
    for turn in 0..100_000u32 {
        index.add(&turn.to_be_bytes(), 0);
        index.remove(&turn.to_be_bytes(), 0);
    }
    assert_eq!(index.len(), 1);
    assert!(index.footprint() < 100, "{}", index.footprint());
}
