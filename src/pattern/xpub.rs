//! XPUB: sends each message to the peers that subscribed to it, and receives their subscriptions.
#![forbid(unsafe_code)]

use super::dist::Dist;
use super::subscriptions::{Removed, Subscriptions};
use super::unread::{READ_AT_ONCE, Turn, Unread};
use super::{Cx, Pattern, setting};
use crate::errno::{Errno, Result};
use crate::msg::{CANCEL, Msg, SUBSCRIBE};
use crate::pipe::{PipeId, PipeKey};
use std::collections::VecDeque;

/// What waits to be received.
#[derive(Debug)]
enum Pending {
    /// A peer's (un)subscription, and who asked if that matters. Nobody asks for what a peer leaves behind.
    Subscription(Msg, Option<PipeKey>),
    /// A frame of some other message.
    Other(Msg),
}

/// The publisher. PUB stands on it too.
#[derive(Debug, Default)]
pub struct Xpub {
    dist: Dist,
    subscriptions: Subscriptions,
    /// In manual mode, what peers asked for; what they got is in `subscriptions`.
    requests: Subscriptions,
    pending: VecDeque<Pending>,
    unread: Unread,
    /// Pipes to sockets of this process.
    local: Vec<PipeId>,
    /// Who asked for what was received last.
    asked_last: Option<PipeKey>,
    /// The one peer that gets the next message, under XPUB_MANUAL_LAST_VALUE.
    next_only: Option<PipeKey>,
    welcome: Vec<u8>,
    verbose: bool,
    verbose_unsubscribe: bool,
    nodrop: bool,
    manual: bool,
    last_value: bool,
    only_first: bool,
    /// A PUB: there is nobody to tell of subscriptions.
    mute: bool,
}

/// The (un)subscription that a frame is, and its topic.
pub(super) fn parse_subscription(msg: &Msg) -> Option<(bool, &[u8])> {
    match (msg.flags() & (SUBSCRIBE | CANCEL), msg.data()) {
        (0, [1, topic @ ..]) => Some((true, topic)),
        (0, [0, topic @ ..]) => Some((false, topic)),
        (0, _) => None,
        (flags, topic) => Some((flags & SUBSCRIBE != 0, topic)),
    }
}

/// A subscription as XPUB receives it; `None` when memory ran out.
fn as_message(subscribe: bool, topic: &[u8]) -> Option<Msg> {
    let mut msg = Msg::with_size(topic.len().checked_add(1)?).ok()?;
    let (first, rest) = msg.data_mut().split_first_mut()?;
    *first = u8::from(subscribe);
    rest.copy_from_slice(topic);
    Some(msg)
}

impl Xpub {
    /// The publisher that PUB is.
    pub(super) fn mute() -> Xpub {
        Xpub {
            mute: true,
            ..Xpub::default()
        }
    }

    /// Reads what a peer sent, up to a bound, and asks to be told of more.
    fn read(&mut self, cx: &mut Cx, pipe: PipeId) {
        let mut turn = Turn::default();
        let mut first = true;
        let mut parse = true;
        while let Some(msg) = self.unread.read(cx.pipes, pipe, &mut turn) {
            let subscription = if first || parse {
                parse_subscription(&msg)
            } else {
                None
            };
            if first {
                parse = !self.only_first || subscription.is_some();
            }
            first = !msg.more();
            match subscription {
                Some((subscribe, topic)) => {
                    self.take_subscription(cx, pipe, subscribe, topic, &msg)
                }
                None if !self.mute => self.pending.push_back(Pending::Other(msg)),
                None => {}
            }
        }
    }

    #[cold]
    fn read_unread(&mut self, cx: &mut Cx) {
        for pipe in self.unread.take() {
            self.read(cx, pipe);
        }
    }

    fn take_subscription(
        &mut self,
        cx: &Cx,
        pipe: PipeId,
        subscribe: bool,
        topic: &[u8],
        msg: &Msg,
    ) {
        let mut asked = None;
        let tell = if self.is_manual() {
            if subscribe {
                self.requests.add(topic, pipe);
            } else {
                self.requests.remove(topic, pipe);
            }
            asked = cx.pipes.get(pipe).map(crate::pipe::Pipe::key);
            true
        } else if subscribe {
            self.subscriptions.add(topic, pipe) || self.verbose
        } else {
            self.subscriptions.remove(topic, pipe) != Removed::Remaining || self.verbose_unsubscribe
        };
        if tell
            && !self.mute
            && let Some(mut notice) = as_message(subscribe, topic)
        {
            notice.share_meta(msg);
            self.pending.push_back(Pending::Subscription(notice, asked));
        }
    }

    fn is_manual(&self) -> bool {
        self.manual && !self.mute
    }

    fn welcome(&mut self, cx: &mut Cx, pipe: PipeId) {
        if !self.welcome.is_empty()
            && let Ok(msg) = Msg::copied(&self.welcome)
        {
            cx.pipes.write(pipe, msg);
        }
    }

    /// A peer that cannot subscribe gets everything, as if it had asked for it.
    fn grant_all(&mut self, cx: &Cx, pipe: PipeId) {
        let Some(peer) = cx.pipes.peer(pipe).filter(|peer| peer.subscribes_to_all) else {
            return;
        };
        let mut asked = Msg::new();
        asked.set_meta(peer.meta.clone());
        self.take_subscription(cx, pipe, true, &[], &asked);
    }

    #[inline(always)]
    fn choose(&mut self, cx: &Cx, topic: &[u8]) {
        self.dist.clear();
        if self.next_only.is_some() {
            self.choose_next_only(cx, topic);
        } else {
            self.subscriptions
                .for_each_match(topic, |pipe| self.dist.choose(pipe));
        }
        if cx.invert_matching {
            self.dist.invert();
        }
    }

    #[cold]
    fn choose_next_only(&mut self, cx: &Cx, topic: &[u8]) {
        if let Some(pipe) = self.next_only.and_then(|key| cx.pipes.find(key))
            && self.subscriptions.matches(topic, pipe)
        {
            self.dist.choose(pipe);
        }
    }

    /// (Un)subscribes the peer whose request was received last, as the application decided.
    fn decide(&mut self, cx: &Cx, subscribe: bool, topic: &[u8]) {
        let Some(pipe) = self.asked_last.and_then(|key| cx.pipes.find(key)) else {
            return;
        };
        if subscribe {
            self.subscriptions.add(topic, pipe);
            if self.last_value {
                self.next_only = self.asked_last;
            }
        } else {
            self.subscriptions.remove(topic, pipe);
        }
    }
}

impl Pattern for Xpub {
    fn attach(&mut self, cx: &mut Cx, pipe: PipeId, _dialed: bool) {
        self.dist.attach(pipe);
        if !cx.is_link(pipe) {
            self.local.push(pipe);
        }
        self.welcome(cx, pipe);
        self.read(cx, pipe);
    }

    fn established(&mut self, cx: &mut Cx, pipe: PipeId) {
        self.grant_all(cx, pipe);
    }

    fn severed(&mut self, cx: &mut Cx, pipe: PipeId) {
        self.dist.detach(pipe);
        self.read(cx, pipe);
    }

    fn detach(&mut self, _cx: &mut Cx, pipe: PipeId) {
        self.dist.detach(pipe);
        self.unread.detach(pipe);
        self.local.retain(|&other| other != pipe);
        let (mute, all) = (self.mute, self.manual || self.verbose_unsubscribe);
        let pending = &mut self.pending;
        let tell = |topic: &[u8], last: bool| {
            if !mute
                && (last || all)
                && let Some(msg) = as_message(false, topic)
            {
                pending.push_back(Pending::Subscription(msg, None));
            }
        };
        if self.manual && !mute {
            self.requests.remove_pipe(pipe, tell);
            self.subscriptions.remove_pipe(pipe, |_, _| {});
        } else {
            self.subscriptions.remove_pipe(pipe, tell);
            self.requests.remove_pipe(pipe, |_, _| {});
        }
    }

    fn readable(&mut self, cx: &mut Cx, pipe: PipeId) {
        self.read(cx, pipe);
    }

    fn writable(&mut self, _cx: &mut Cx, pipe: PipeId) {
        self.dist.writable(pipe);
    }

    fn sole_out(&self) -> Option<PipeId> {
        let &[pipe] = self.dist.pipes() else {
            return None;
        };
        let all = self.subscriptions.matches(&[], pipe);
        // A connection may refuse who will not wait, see `Cx::can_begin`.
        let refuses = self.nodrop && !self.local.contains(&pipe);
        (all && !refuses && self.next_only.is_none() && !self.dist.is_mid_message()).then_some(pipe)
    }

    #[inline]
    fn send(&mut self, cx: &mut Cx, msg: &mut Msg) -> Result<()> {
        if !self.unread.is_empty() {
            self.read_unread(cx);
        }
        if !self.dist.is_mid_message() {
            self.choose(cx, msg.data());
            if self.nodrop && !self.dist.all_have_room(cx) {
                return Err(Errno::EAGAIN);
            }
            self.dist.send(cx.pipes, msg, false)?;
            self.next_only = None;
            return Ok(());
        }
        self.dist.send(cx.pipes, msg, false)
    }

    fn recv(&mut self, cx: &mut Cx) -> Result<Msg> {
        if self.pending.is_empty() && !self.unread.is_empty() {
            self.read_unread(cx);
        }
        let msg = match self.pending.pop_front().ok_or(Errno::EAGAIN)? {
            Pending::Other(msg) => msg,
            Pending::Subscription(msg, asked) => {
                self.asked_last = asked;
                msg
            }
        };
        if self.pending.is_empty() && self.pending.capacity() > READ_AT_ONCE {
            self.pending = VecDeque::new();
        }
        Ok(msg)
    }

    fn can_send(&mut self, _cx: &mut Cx) -> bool {
        true
    }

    fn can_recv(&mut self, cx: &mut Cx) -> bool {
        if self.pending.is_empty() && !self.unread.is_empty() {
            self.read_unread(cx);
        }
        !self.pending.is_empty()
    }

    fn park(&mut self, cx: &mut Cx) -> bool {
        // Pipes are parked as they run empty.
        while !self.unread.is_empty() && self.pending.is_empty() {
            self.read_unread(cx);
        }
        !self.pending.is_empty()
    }

    fn set_option(&mut self, cx: &mut Cx, option: i32, value: Option<&[u8]>) -> Option<Result<()>> {
        match option {
            setting::XPUB_VERBOSE | setting::XPUB_VERBOSER => {
                Some(setting::flag(value).map(|on| {
                    self.verbose = on;
                    self.verbose_unsubscribe = on && option == setting::XPUB_VERBOSER;
                }))
            }
            setting::XPUB_NODROP => setting::set_flag(&mut self.nodrop, value),
            setting::XPUB_MANUAL => setting::set_flag(&mut self.manual, value),
            setting::XPUB_MANUAL_LAST_VALUE => Some(setting::flag(value).map(|on| {
                self.manual = on;
                self.last_value = on;
            })),
            setting::ONLY_FIRST_SUBSCRIBE => setting::set_flag(&mut self.only_first, value),
            setting::XPUB_WELCOME_MSG => {
                self.welcome = value.unwrap_or_default().to_vec();
                Some(Ok(()))
            }
            setting::SUBSCRIBE | setting::UNSUBSCRIBE if self.manual => {
                self.decide(cx, option == setting::SUBSCRIBE, value.unwrap_or_default());
                Some(Ok(()))
            }
            _ => None,
        }
    }

    fn get_option(&mut self, _cx: &mut Cx, option: i32) -> Option<Result<i32>> {
        match option {
            setting::TOPICS_COUNT => Some(Ok(
                i32::try_from(self.subscriptions.len()).unwrap_or(i32::MAX)
            )),
            _ => None,
        }
    }
}
