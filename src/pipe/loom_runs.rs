//! Models of the pipe between two sockets of one process, and of the runs that small messages are packed in: the reader
//! cuts from a run that still grows. As for the other models, each says which changes to the code it was seen to catch.
#![forbid(unsafe_code)]

use super::{Far, Newcomer, News, PipeId, PipeKey, Pipes};
use crate::msg::Msg;
use crate::queue::{LaneRx, LaneTx, Mailbox, Sleep, lane, model_within};
use crate::sync::Asymmetric;
use loom::thread;
use std::sync::Arc;

/// One of the two sockets, as far as this one pipe goes.
struct End {
    pipes: Pipes,
    id: PipeId,
    mailbox: Arc<Mailbox<News>>,
    /// The far end is gone.
    left: bool,
}

/// What there is time for: a message passes by lane, run and mailbox.
const PREEMPTIONS: usize = 2;

/// What a packed message is at most. A body so long is not copied out of its run, but shares it.
const LONG: usize = 56;

/// A message that tells its number.
fn message(number: u8, len: usize) -> Msg {
    Msg::copied(&vec![number; len]).unwrap()
}

/// Two sockets with a pipe that holds `hwm` messages.
fn pair(hwm: u64) -> (End, End) {
    let ((to_reader, from_writer), (to_writer, from_reader)) = (lane(hwm), lane(0));
    let mailboxes = [(); 2].map(|()| Arc::new(Mailbox::default()));
    let keys = [(); 2].map(|()| PipeKey::fresh());
    let end = |mine: usize, far: usize, tx: LaneTx<Msg>, rx: LaneRx<Msg>| {
        let mut pipes = Pipes::default();
        let id = pipes.insert(Newcomer {
            key: keys[mine],
            tx,
            rx,
            far: Far::Inproc {
                mailbox: mailboxes[far].clone(),
                key: keys[far],
            },
            peer: None,
            endpoint: 0,
        });
        End {
            pipes,
            id,
            mailbox: mailboxes[mine].clone(),
            left: false,
        }
    };
    (
        end(0, 1, to_reader, from_reader),
        end(1, 0, to_writer, from_writer),
    )
}

impl End {
    fn hear(&mut self) {
        let mailbox = Arc::clone(&self.mailbox);
        mailbox.take(|news| {
            if let News::Gone(_) = news {
                self.left = true;
                self.pipes.sever(self.id);
            }
        });
    }

    /// Sleeps until there are news. That nobody sends any is a deadlock.
    fn sleep(&mut self) {
        self.mailbox.signal().prepare(Sleep::Futex);
        if !self.mailbox.has_news() {
            self.mailbox.signal().wait(None).unwrap();
        }
        self.mailbox.signal().cancel();
        self.hear();
    }

    /// Sends, and waits for room; nothing once the far end is gone.
    fn send(&mut self, mut msg: Msg) {
        let fence = Asymmetric::known().unwrap();
        while !self.left
            && !self.pipes.write_now(self.id, &msg, fence)
            && !self.pipes.write_sole(self.id, &mut msg)
        {
            if !self.pipes.can_write(self.id) {
                self.sleep();
            }
        }
    }

    /// The next message; `None` at the end.
    fn receive(&mut self) -> Option<Msg> {
        let mut msg = Msg::new();
        loop {
            if self.pipes.read_sole(self.id, &mut msg) {
                return Some(msg);
            }
            if let Some(msg) = self.pipes.read(self.id) {
                return Some(msg);
            }
            if !self.pipes.take_ended().is_empty() {
                return None;
            }
            if self.pipes.park(self.id) {
                self.sleep();
            } else if self.mailbox.has_news() {
                self.hear();
            } else {
                // The news of the end are on their way.
                thread::yield_now();
            }
        }
    }

    fn close(mut self) {
        self.pipes.close(self.id, None);
        drop(self.pipes.remove(self.id));
    }
}

/// Small messages, which are copied out of their runs, of which each holds two: the reader takes while the writer appends and
/// begins the next one, and sleeps whenever it may. Caught: a run that publishes without release, or looks without acquire; one
/// that is not sealed; a body copied whole where the bytes behind it are the writer's; `wrote_elsewhere` without its fence;
/// `park_now` without its fence, or that looks into the lane only; a next run that nobody is told of.
#[test]
fn nobody_sleeps_through_a_packed_message() {
    model_within(PREEMPTIONS, || {
        let (mut writer, mut reader) = pair(0);
        for number in 0..2 {
            writer.send(message(number, 8));
        }
        let writing = thread::spawn(move || {
            for number in 2..4 {
                writer.send(message(number, 8));
            }
            writer
        });
        for number in 0..4 {
            assert_eq!(reader.receive().unwrap().data(), [number; 8]);
        }
        let _writer = writing.join().unwrap();
        assert!(!reader.pipes.can_read(reader.id));
    });
}

/// The writer waits for room while its run is not full. Caught: as above, and `pack` that tells nobody; a run that is let go
/// before it is over.
#[test]
fn room_for_packed_messages_is_not_slept_through() {
    model_within(PREEMPTIONS, || {
        let (mut writer, mut reader) = pair(2);
        writer.send(message(0, 8));
        let writing = thread::spawn(move || {
            for number in 1..4 {
                writer.send(message(number, 8));
            }
            writer
        });
        for number in 0..4 {
            assert_eq!(reader.receive().unwrap().data(), [number; 8]);
        }
        let _writer = writing.join().unwrap();
    });
}

/// Messages that share their run outlive it, at either end: whoever is last frees it. The pipe ends behind them. Caught:
/// a `release` without release, or without acquire in either of its two ways; a reader that keeps its stock of references.
#[test]
fn packed_messages_outlive_their_pipe() {
    model_within(PREEMPTIONS, || {
        let (mut writer, mut reader) = pair(0);
        writer.send(message(0, 8));
        let mut kept = vec![reader.receive().unwrap()];
        let writing = thread::spawn(move || {
            writer.send(message(1, LONG));
            writer.close();
        });
        while let Some(msg) = reader.receive() {
            kept.push(msg);
        }
        reader.close();
        assert_eq!(kept.len(), 2);
        for (number, msg) in (0..).zip(&kept) {
            assert!(msg.data().iter().all(|&byte| byte == number));
        }
        drop(kept);
        writing.join().unwrap();
    });
}

/// The reader leaves while the writer appends. Caught: as for those that outlive their pipe.
#[test]
fn a_run_without_a_reader_is_freed() {
    model_within(PREEMPTIONS, || {
        let (mut writer, mut reader) = pair(0);
        writer.send(message(0, 8));
        writer.send(message(1, LONG));
        let reading = thread::spawn(move || {
            reader.receive();
            let msg = reader.receive().unwrap();
            reader.close();
            assert_eq!(msg.data(), [1; LONG]);
        });
        for number in 2..4 {
            writer.send(message(number, 8));
        }
        writer.close();
        reading.join().unwrap();
    });
}
