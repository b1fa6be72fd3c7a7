//! One peer as its socket sees it: a lane each way, the messages half written, and who the peer is.
//!
//! Patterns reach pipes through [`Pipes`], by number. A pipe that ended is reported in [`Pipes::take_ended`] once the
//! last message that came by it was read; the socket then detaches it from its pattern.
#![forbid(unsafe_code)]

mod ahead;
mod inbox;
mod inproc;
#[cfg(all(test, loom))]
mod loom_fan;
#[cfg(all(test, loom))]
mod loom_runs;
mod pipes;
mod shared;

pub use crate::link::news::{Far, Newcomer, News, Peer, PipeKey};
pub use pipes::{PipeId, Pipes};

use crate::link::{Pushed, is_young};
use crate::msg::{Msg, RunWriter};
use crate::queue::LaneTx;
use crate::sync::Asymmetric;
use ahead::Ahead;
use inbox::Inbox;
use std::time::{Duration, Instant};

/// A caller who will not wait may hand over as many messages as the high water mark allows in so much time. The
/// connection may well have taken them all meanwhile, but only a caller who is refused now and then learns to pace itself.
const HASTE: Duration = Duration::from_millis(1);

/// From this high water mark on a stream is encoded as it comes.
const ROOMY: u64 = 128;

/// One peer.
#[derive(Debug)]
pub struct Pipe {
    key: PipeKey,
    tx: LaneTx<Msg>,
    rx: Inbox,
    /// Where small messages to another socket of this process are packed.
    run: Option<RunWriter>,
    /// Messages of one frame in a row that were not packed.
    alike: u32,
    far: Far,
    peer: Option<Peer>,
    endpoint: u64,
    /// Frames of a message whose last one was not written yet: the peer gets all of a message or nothing.
    staged: Vec<Msg>,
    /// Nothing more can be written: the far end is gone or we are leaving.
    severed: bool,
    /// The far end forgot it; under IMMEDIATE the same link may have another pipe by now.
    forgotten: bool,
    /// Frames and bytes in the lane that the link was not driven for yet.
    queued: (u32, usize),
    /// All that was written is in the link's buffer, where more may follow at once.
    streams: bool,
    /// Messages that went there without a detour over the lane.
    encoded: u64,
    /// Something may wait in the lane or the link's buffer.
    unflushed: bool,
    haste: Haste,
    ahead: Ahead,
}

/// Where the messages of a hasty caller are counted from.
#[derive(Debug)]
struct Haste {
    written: u64,
    read: u64,
    since: Instant,
}

impl From<Newcomer> for Pipe {
    fn from(new: Newcomer) -> Pipe {
        let Newcomer {
            key,
            tx,
            rx,
            far,
            peer,
            endpoint,
        } = new;
        Pipe {
            key,
            tx,
            rx: Inbox::new(rx, !matches!(far, Far::Link(_))),
            run: None,
            alike: 0,
            far,
            peer,
            endpoint,
            staged: Vec::new(),
            severed: false,
            forgotten: false,
            queued: (0, 0),
            streams: false,
            encoded: 0,
            unflushed: false,
            haste: Haste {
                written: 0,
                read: 0,
                since: Instant::now(),
            },
            ahead: Ahead::default(),
        }
    }
}

impl Pipe {
    /// Its name in news.
    pub fn key(&self) -> PipeKey {
        self.key
    }

    /// Who is there; `None` until the handshake is done.
    pub fn peer(&self) -> Option<&Peer> {
        self.peer.as_ref()
    }

    /// The number of the endpoint it came by.
    pub fn endpoint(&self) -> u64 {
        self.endpoint
    }

    /// What stands at the far end.
    pub fn far(&self) -> &Far {
        &self.far
    }

    /// How many messages wait for the peer, as the high water mark counts them.
    pub fn queued(&self) -> u64 {
        self.tx.queued()
    }

    /// True when nothing more can be written to it.
    pub fn is_severed(&self) -> bool {
        self.severed
    }

    /// True when a message was begun and not ended.
    pub fn is_mid_message(&self) -> bool {
        !self.staged.is_empty()
    }

    /// True when the first frame of another message, or the next one of a message begun, may be written.
    #[inline(always)]
    fn can_write(&mut self) -> bool {
        !self.severed && (!self.staged.is_empty() || self.tx.has_room() || self.wait_for_room())
    }

    /// The same for a caller who will not wait: no more than the high water mark at a time.
    #[inline(always)]
    fn can_write_at_once(&mut self) -> bool {
        self.can_write() && (!self.is_rash() || !self.staged.is_empty() || self.may_go_on())
    }

    /// Messages written so far, by whatever way.
    fn written(&self) -> u64 {
        self.tx.written() + self.encoded
    }

    /// As many messages were written as the high water mark allows, since last looked at.
    #[inline(always)]
    fn is_rash(&self) -> bool {
        self.tx.hwm() != 0 && self.written() - self.haste.written >= self.tx.hwm()
    }

    /// The same for a caller who wants to know before: what is promised here is kept.
    fn promise_room(&mut self) -> bool {
        let room = self.can_write();
        if room && self.is_rash() {
            self.haste.written = self.written();
        }
        room
    }

    /// The caller was not too hasty, or had an answer meanwhile. If it was, it is refused once, and told to go on.
    #[cold]
    fn may_go_on(&mut self) -> bool {
        let Far::Link(link) = &self.far else {
            return true;
        };
        let now = Instant::now();
        let next = Haste {
            written: self.written(),
            read: self.rx.taken(),
            since: now,
        };
        let before = std::mem::replace(&mut self.haste, next);
        if before.read != self.rx.taken() || now.duration_since(before.since) >= HASTE {
            return true;
        }
        link.tell_writable();
        false
    }

    /// Asks to be told when there is room. True when there is room already.
    #[cold]
    fn wait_for_room(&mut self) -> bool {
        if let Far::Link(link) = &self.far
            && !link.is_blocked()
        {
            let _ = link.drive_out(self.queued.0, true);
            self.queued = (0, 0);
            if self.tx.has_room() {
                return true;
            }
        }
        !self.tx.park()
    }

    /// Writes one frame. The message leaves with its last one. True when bytes were left behind for the first time since
    /// the last [`flush`](Pipe::flush).
    #[inline(always)]
    fn write(&mut self, msg: Msg) -> bool {
        if msg.more() {
            self.streams = false;
            self.staged.push(msg);
            return false;
        }
        if !self.staged.is_empty() {
            self.write_staged();
        }
        self.queued.0 += 1;
        self.queued.1 += msg.len();
        self.push(msg, true);
        self.alike = 0;
        self.hand_over()
    }

    /// Writes a copy of `msg` as a message of one frame into the link's buffer, while a stream of such goes by this pipe. True
    /// when bytes were left behind, as for [`write`](Pipe::write); `None` when nothing happened.
    #[inline(always)]
    fn write_now(&mut self, msg: &Msg, fence: Asymmetric) -> Option<bool> {
        let Far::Link(link) = &self.far else {
            return self.pack(msg).then_some(false);
        };
        let len = msg.len();
        if !self.streams || !link.encode_now(msg, fence) {
            return None;
        }
        self.encoded += 1;
        self.queued.0 += 1;
        self.queued.1 += len;
        if is_young(self.queued.0, self.queued.1) {
            return Some(self.left_behind());
        }
        let pushed = link.drive_out(self.queued.0, false);
        Some(self.handed_over(pushed))
    }

    /// Writes `msg` as a message of one frame, if there is room and none was begun. True when bytes were left behind, as for
    /// [`write`](Pipe::write); `None` when nothing happened.
    #[inline]
    fn write_sole(&mut self, msg: &mut Msg) -> Option<bool> {
        if !self.tx.has_room() || !self.staged.is_empty() {
            return None;
        }
        self.queued.0 += 1;
        self.queued.1 += msg.len();
        self.push(msg.take_single(), true);
        let left = self.hand_over();
        self.consider_run();
        Some(left)
    }

    /// Hands a frame to the lane. What was packed before stays before it.
    #[inline(always)]
    fn push(&mut self, msg: Msg, last: bool) {
        self.run = None;
        self.ahead.given += msg.len() as u64;
        self.tx.push(msg, last);
    }

    /// The high water mark is no limit to what a stream has in its buffer.
    fn is_roomy(&self) -> bool {
        self.tx.hwm() == 0 || self.tx.hwm() >= ROOMY
    }

    /// Nothing that was written before waits in the lane.
    fn may_join(&self) -> bool {
        self.tx.is_drained() && self.staged.is_empty() && self.is_roomy() && !self.severed
    }

    /// Takes the next message that came, of one frame, in place of `into`, from where it was received. False when nothing
    /// happened.
    #[inline(always)]
    fn take_now(&mut self, into: &mut Msg, fence: Asymmetric) -> bool {
        match (&self.far, self.rx.emptied()) {
            (Far::Link(link), Some(read)) => link.take_now(into, read, fence),
            _ => false,
        }
    }

    /// Publishes, and has the link send or the reader told.
    #[inline(always)]
    fn hand_over(&mut self) -> bool {
        let wake = self.tx.publish();
        let Far::Link(link) = &self.far else {
            if wake {
                self.tell(News::Readable);
            }
            return false;
        };
        let pushed = link.pushed(self.queued.0, self.queued.1);
        self.handed_over(pushed)
    }

    #[inline(always)]
    fn handed_over(&mut self, pushed: Pushed) -> bool {
        match pushed {
            Pushed::Sent => {
                self.queued = (0, 0);
                self.streams = false;
                return false;
            }
            Pushed::Buffered => {
                self.queued = (0, 0);
                self.streams = self.tx.is_drained() && self.is_roomy();
            }
            Pushed::Queued => self.streams = false,
        }
        self.left_behind()
    }

    #[inline(always)]
    fn left_behind(&mut self) -> bool {
        !std::mem::replace(&mut self.unflushed, true)
    }

    /// Sends what was left behind.
    fn flush(&mut self) {
        self.unflushed = false;
        self.streams = false;
        if let Far::Link(link) = &self.far {
            let _ = link.drive_out(self.queued.0, true);
        }
        self.queued = (0, 0);
    }

    #[cold]
    fn write_staged(&mut self) {
        self.run = None;
        for frame in self.staged.drain(..) {
            self.queued.1 += frame.len();
            self.ahead.given += frame.len() as u64;
            self.tx.push(frame, false);
        }
    }

    /// Forgets the frames of a message not ended.
    fn abort_write(&mut self) {
        self.staged.clear();
    }

    #[cold]
    fn tell(&self, news: impl FnOnce(PipeKey) -> News) {
        if let Far::Inproc { mailbox, key } = &self.far {
            mailbox.send(news(*key));
        }
    }

    /// The far end asked to be told when there is room again. True when its connection is ours to read from now.
    #[cold]
    fn made_room(&self) -> bool {
        match &self.far {
            Far::Inproc { mailbox, key } => {
                mailbox.send(News::Writable(*key));
                false
            }
            Far::Link(link) => link.resume(),
        }
    }
}
