//! XSUB: receives what it subscribed to by messages that it sends.
#![forbid(unsafe_code)]

use super::fq::FairQueue;
use super::subscriptions::Filter;
use super::upstream::{Upstream, tell};
use super::xpub::parse_subscription;
use super::{Cx, Pattern, setting};
use crate::errno::{Errno, Result};
use crate::msg::{Msg, SUBSCRIBE};
use crate::pipe::PipeId;

/// The subscriber. SUB stands on it too.
#[derive(Debug, Default)]
pub struct Xsub {
    upstream: Upstream,
    topics: Filter,
    /// A SUB: lets only through what it subscribed to.
    filters: bool,
    /// A message that is let through.
    held: Option<Msg>,
    /// Frames of the message being sent are looked at for subscriptions.
    parse: bool,
    only_first: bool,
    verbose_unsubscribe: bool,
    /// Pipes that are to get all subscriptions once the message being sent is complete.
    due: Vec<PipeId>,
}

impl Xsub {
    /// The subscriber that SUB is.
    pub(super) fn filtering() -> Xsub {
        Xsub {
            filters: true,
            ..Xsub::default()
        }
    }

    /// Tells a peer all subscriptions, whether there is room or not.
    fn subscribe_all(&self, cx: &mut Cx, pipe: PipeId) {
        tell(cx.pipes, pipe, SUBSCRIBE, self.topics.topics());
    }

    /// Sends a frame to all. A subscription goes out whether there is room or not; other messages miss peers that are full.
    fn send_to_all(&mut self, cx: &mut Cx, msg: &mut Msg, forced: bool) -> Result<()> {
        if !self.upstream.dist.is_mid_message() {
            self.upstream.dist.choose_all();
        }
        self.upstream.dist.send(cx.pipes, msg, forced)?;
        if !self.upstream.dist.is_mid_message() {
            for pipe in std::mem::take(&mut self.due) {
                self.subscribe_all(cx, pipe);
            }
        }
        Ok(())
    }

    /// True when the next messages are those that come.
    fn passes_all(&self) -> bool {
        self.held.is_none() && (!self.filters || self.topics.matches(&[]))
    }

    #[inline(always)]
    fn lets_through(&self, cx: &Cx, msg: &Msg) -> bool {
        !self.filters || self.topics.matches(msg.data()) != cx.invert_matching
    }
}

impl Pattern for Xsub {
    fn attach(&mut self, cx: &mut Cx, pipe: PipeId, _dialed: bool) {
        self.upstream.attach(pipe);
        self.subscribe_all(cx, pipe);
    }

    fn established(&mut self, cx: &mut Cx, pipe: PipeId) {
        if !self.upstream.came_back(pipe) {
            return;
        }
        if cx
            .pipes
            .get(pipe)
            .is_some_and(crate::pipe::Pipe::is_mid_message)
        {
            self.due.push(pipe);
        } else {
            self.subscribe_all(cx, pipe);
        }
    }

    fn lost(&mut self, _cx: &mut Cx, pipe: PipeId) {
        self.upstream.lost(pipe);
    }

    fn severed(&mut self, _cx: &mut Cx, pipe: PipeId) {
        self.upstream.severed(pipe);
    }

    fn detach(&mut self, _cx: &mut Cx, pipe: PipeId) {
        self.upstream.detach(pipe);
        self.due.retain(|&other| other != pipe);
    }

    fn readable(&mut self, _cx: &mut Cx, pipe: PipeId) {
        self.upstream.fq.readable(pipe);
    }

    fn writable(&mut self, _cx: &mut Cx, pipe: PipeId) {
        self.upstream.dist.writable(pipe);
    }

    fn send(&mut self, cx: &mut Cx, msg: &mut Msg) -> Result<()> {
        let first = !self.upstream.dist.is_mid_message();
        self.parse |= first;
        let subscription = if self.parse {
            parse_subscription(msg)
        } else {
            None
        };
        if first && self.only_first {
            self.parse = subscription.is_some();
        }
        match subscription {
            Some((true, topic)) => self.topics.add(topic),
            Some((false, topic)) => {
                // A frame of a longer message has to go in any case.
                let whole = first && !msg.more();
                if !self.topics.remove(topic) && !self.verbose_unsubscribe && whole {
                    drop(msg.take());
                    return Ok(());
                }
            }
            None => return self.send_to_all(cx, msg, false),
        }
        self.send_to_all(cx, msg, true)
    }

    #[inline]
    fn recv(&mut self, cx: &mut Cx) -> Result<Msg> {
        if let Some(msg) = self.held.take() {
            return Ok(msg);
        }
        loop {
            let first = !self.upstream.fq.is_mid_message();
            let (_, msg) = self.upstream.fq.recv(cx.pipes).ok_or(Errno::EAGAIN)?;
            if !first || self.lets_through(cx, &msg) {
                return Ok(msg);
            }
            self.upstream.fq.skip_message(cx.pipes);
        }
    }

    fn sole_in(&self) -> Option<PipeId> {
        self.passes_all().then(|| self.upstream.fq.sole()).flatten()
    }

    fn fair_in(&mut self) -> Option<&mut FairQueue> {
        self.passes_all().then_some(&mut self.upstream.fq)
    }

    fn can_send(&mut self, _cx: &mut Cx) -> bool {
        true
    }

    fn can_recv(&mut self, cx: &mut Cx) -> bool {
        if self.held.is_some() || self.upstream.fq.is_mid_message() {
            return true;
        }
        if !self.filters {
            return self.upstream.fq.can_recv(cx.pipes);
        }
        self.held = self.recv(cx).ok();
        self.held.is_some()
    }

    fn park(&mut self, cx: &mut Cx) -> bool {
        self.upstream.fq.park(cx.pipes) || self.held.is_some()
    }

    fn set_option(&mut self, _: &mut Cx, option: i32, value: Option<&[u8]>) -> Option<Result<()>> {
        match option {
            setting::ONLY_FIRST_SUBSCRIBE => setting::set_flag(&mut self.only_first, value),
            setting::XSUB_VERBOSE_UNSUBSCRIBE => {
                Some(setting::int(value).map(|number| self.verbose_unsubscribe = number != 0))
            }
            _ => None,
        }
    }

    fn get_option(&mut self, _cx: &mut Cx, option: i32) -> Option<Result<i32>> {
        match option {
            setting::TOPICS_COUNT => Some(Ok(i32::try_from(self.topics.len()).unwrap_or(i32::MAX))),
            _ => None,
        }
    }
}
