//! DISH: receives the messages of the groups that it joined.
#![forbid(unsafe_code)]

use super::hash::Seed;
use super::radio::group_name;
use super::upstream::{Upstream, tell};
use super::{Cx, Pattern};
use crate::errno::{Errno, Result};
use crate::msg::{GROUP_MAX, Groups, JOIN, LEAVE, Msg};
use crate::pipe::PipeId;
use std::collections::HashSet;

/// The receiver.
#[derive(Debug, Default)]
pub struct Dish {
    upstream: Upstream,
    joined: HashSet<Box<[u8]>, Seed>,
    /// Puts groups on what is received.
    groups: Groups,
    /// A message that is let through.
    held: Option<Msg>,
}

impl Dish {
    /// Tells a peer all groups, whether there is room or not.
    fn join_all(&self, cx: &mut Cx, pipe: PipeId) {
        let groups = self.joined.iter().map(|group| &**group);
        tell(cx.pipes, pipe, JOIN, groups);
    }

    /// The next message of a group that was joined.
    fn find_message(&mut self, cx: &mut Cx) -> Option<Msg> {
        loop {
            let (pipe, first) = self.upstream.fq.recv(cx.pipes)?;
            let message = if first.more() {
                let (_, body) = self.upstream.fq.recv(cx.pipes)?;
                (!body.more() && first.len() <= GROUP_MAX).then_some((first, body))
            } else {
                // Over inproc anybody may send here, and who has no group sends to the group without a name.
                (!cx.is_link(pipe)).then(|| (Msg::new(), first))
            };
            let Some((group, mut body)) = message else {
                self.upstream.fq.skip_message(cx.pipes);
                if cx.is_link(pipe) {
                    cx.pipes.drop_peer(pipe);
                }
                continue;
            };
            let group = group_name(group.data());
            if self.joined.contains(group) {
                self.groups.mark(&mut body, group);
                return Some(body);
            }
        }
    }
}

impl Pattern for Dish {
    fn attach(&mut self, cx: &mut Cx, pipe: PipeId, _dialed: bool) {
        self.upstream.attach(pipe);
        self.join_all(cx, pipe);
    }

    fn established(&mut self, cx: &mut Cx, pipe: PipeId) {
        if self.upstream.came_back(pipe) {
            self.join_all(cx, pipe);
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
    }

    fn readable(&mut self, _cx: &mut Cx, pipe: PipeId) {
        self.upstream.fq.readable(pipe);
    }

    fn writable(&mut self, _cx: &mut Cx, pipe: PipeId) {
        self.upstream.dist.writable(pipe);
    }

    fn recv(&mut self, cx: &mut Cx) -> Result<Msg> {
        match self.held.take() {
            Some(msg) => Ok(msg),
            None => self.find_message(cx).ok_or(Errno::EAGAIN),
        }
    }

    /// What libzmq says of a socket that cannot send at all.
    fn can_send(&mut self, _cx: &mut Cx) -> bool {
        true
    }

    fn can_recv(&mut self, cx: &mut Cx) -> bool {
        if self.held.is_none() {
            self.held = self.find_message(cx);
        }
        self.held.is_some()
    }

    fn park(&mut self, cx: &mut Cx) -> bool {
        self.upstream.fq.park(cx.pipes) || self.held.is_some()
    }

    fn set_group(&mut self, cx: &mut Cx, group: &[u8], join: bool) -> Result<()> {
        if group.len() > GROUP_MAX || self.joined.contains(group) == join {
            return Err(Errno::EINVAL);
        }
        let mut msg = Msg::copied(group)?;
        if join {
            msg.set_flags(JOIN);
            self.joined.insert(group.into());
        } else {
            msg.set_flags(LEAVE);
            self.joined.remove(group);
        }
        self.upstream.dist.choose_all();
        self.upstream.dist.send(cx.pipes, &mut msg, true)
    }
}
