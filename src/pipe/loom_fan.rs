//! Models of the fan: what a publisher's thread encodes once is written to all its subscribers, by that thread or by the
//! I/O thread. Pipes, fan, connections and that thread's rounds are the real ones, and so are the descriptors.
//!
//! Caught, by nearly all of them: a `push` that does not mark the fan as dirty; a busy connection taken for one that was
//! written to. (Not caught: a fan that is not looked at a second time, since the flag is cleared under the token; nor one
//! whose flag is cleared behind it, since it is looked at a second time.)
#![forbid(unsafe_code)]

use super::{Far, PipeId, Pipes};
use crate::io::{Handle, Io};
use crate::link::Link;
use crate::link::loom_link::setup;
use crate::msg::Msg;
use crate::queue::model_within;
use crate::sync::{Asymmetric, pass};
use loom::thread;
use std::io::Read;
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// So many messages in a row, and the publisher streams.
const STREAM: u8 = 6;

/// A publisher, as far as its pipes go.
struct Publisher {
    io: Handle,
    pipes: Pipes,
    subscribers: Vec<PipeId>,
    next: u8,
}

/// The far ends of its connections.
struct Peers {
    streams: Vec<UnixStream>,
    /// Who drops a connection last is `Arc`'s business, whose order between threads a model does not see.
    _links: Vec<Far>,
}

/// What a publisher does.
#[derive(Clone, Copy, PartialEq)]
enum Step {
    Publish,
    /// It sends nothing for a while: what waits in the fan leaves first.
    Rest,
    /// Subscriber 0 gets a message of two frames.
    Pair,
    /// Subscriber 1 is let go.
    Leave,
}

impl Publisher {
    /// One with two subscribers, by both of which a stream goes already, and what the I/O thread looked after in `turns`.
    fn streaming(turns: usize) -> (Publisher, Peers, Io) {
        // What came before is no stream.
        pass(Duration::from_secs(1));
        let mut io = Io::in_model();
        let setup = setup(io.handle());
        let (newcomers, streams): (Vec<_>, Vec<_>) = (0..2).map(|_| Link::in_model(&setup)).unzip();
        let _links = newcomers.iter().map(|new| new.far.clone()).collect();
        let mut pipes = Pipes::default();
        let subscribers = newcomers
            .into_iter()
            .map(|newcomer| pipes.insert(newcomer))
            .collect();
        let mut publisher = Publisher {
            io: io.handle().clone(),
            pipes,
            subscribers,
            next: 0,
        };
        for _ in 0..STREAM {
            publisher.publish();
        }
        for &id in &publisher.subscribers {
            assert!(publisher.pipes.has_joined(id), "no stream goes by {id}");
        }
        // One turn sees that the stream moves, the next one that it stands still, and that it is over.
        for _ in 0..turns {
            io.turn();
        }
        (publisher, Peers { streams, _links }, io)
    }

    /// Sends a message of two frames to one subscriber: it does not go by the fan.
    fn send_pair(&mut self, who: usize) {
        let id = self.subscribers[who];
        let mut first = Msg::inline(&[self.next]);
        first.set_more(true);
        self.pipes.write(id, first);
        self.pipes.write(id, Msg::inline(&[self.next + 1]));
        self.next += 2;
    }

    /// Lets a subscriber go, as a socket does that is not to wait for it.
    fn leave(&mut self, who: usize) {
        let id = self.subscribers.remove(who);
        self.pipes.close(id, None);
        drop(self.pipes.remove(id));
    }

    /// Sends the next message to all, as a pattern does.
    fn publish(&mut self) {
        let mut msg = Msg::inline(&[self.next]);
        self.next += 1;
        let mut ids = self.subscribers.clone();
        ids.retain(|&id| self.pipes.has_joined(id) || self.pipes.can_write(id));
        let fence = Asymmetric::known().unwrap();
        self.pipes.write_shared(&mut ids, &msg);
        ids.retain(|&id| !self.pipes.write_now(id, &msg, fence));
        for id in ids {
            self.pipes.write(id, msg.share().unwrap());
        }
    }
}

/// Has a publisher take these steps while the I/O thread looks after it, for each number of turns that it did so before.
/// `lost`: subscriber 1 goes away unheard.
fn check(steps: &'static [Step], lost: bool) {
    for turns in 0..3 {
        // A connection that ends has much to do.
        let preemptions = if lost { 2 } else { 3 };
        model_within(preemptions, move || {
            let (mut publisher, mut peers, mut io) = Publisher::streaming(turns);
            if lost {
                peers.streams.pop();
            }
            let publishing = thread::spawn(move || {
                let sent: Vec<u8> = (0..publisher.next).collect();
                let mut expected = [sent.clone(), sent];
                for step in steps {
                    let next = publisher.next;
                    match step {
                        Step::Publish => publisher.publish(),
                        Step::Rest => {
                            publisher.pipes.flush();
                            pass(Duration::from_secs(1));
                        }
                        Step::Pair => publisher.send_pair(0),
                        Step::Leave => publisher.leave(1),
                    }
                    let sent = next..publisher.next;
                    if *step == Step::Publish && publisher.subscribers.len() > 1 {
                        expected[1].extend(sent.clone());
                    }
                    expected[0].extend(sent);
                }
                publisher.io.stop();
                (publisher, expected)
            });
            io.serve_model();
            let (_publisher, expected) = publishing.join().unwrap();
            for who in 0..peers.streams.len() {
                assert_eq!(peers.received(who), expected[who], "by subscriber {who}");
            }
        });
    }
}

impl Peers {
    /// What came to subscriber `who`: the numbers of messages.
    fn received(&mut self, who: usize) -> Vec<u8> {
        let mut bytes = [0; 256];
        let count = self.streams[who].read(&mut bytes).unwrap_or(0);
        let frames = bytes[..count].chunks(3);
        frames
            .map(|frame| match *frame {
                [0 | 1, 1, number] => number,
                _ => panic!("no frame: {frame:?}"),
            })
            .collect()
    }
}

/// What a publisher leaves behind as it goes away from its socket comes to all, and in order: a message is encoded while the
/// I/O thread writes the one before, or frees the buffer.
#[test]
fn what_is_left_in_the_fan_is_written() {
    check(&[Step::Publish, Step::Publish], false);
}

/// The publisher's own rounds meet those of the I/O thread.
#[test]
fn two_rounds_of_the_fan_do_not_meet() {
    check(&[Step::Publish, Step::Rest, Step::Publish], false);
}

/// What goes by a lane comes behind what is in the fan, and before what goes there next.
#[test]
fn the_fan_and_a_lane_keep_order() {
    check(&[Step::Publish, Step::Pair, Step::Publish], false);
}

/// A subscriber that is let go gets what was sent before; the others get all.
#[test]
fn a_subscriber_leaves_the_fan() {
    check(&[Step::Publish, Step::Leave, Step::Publish], false);
}

/// A subscriber that is gone holds nobody up.
#[test]
fn a_lost_subscriber_leaves_the_fan() {
    check(&[Step::Publish, Step::Rest, Step::Publish], true);
}
