//! DISH: receives the messages of the groups that it joined.
#![forbid(unsafe_code)]

use super::dist::Dist;
use super::fq::FairQueue;
use super::hash::Seed;
use super::radio::group_name;
use super::{Cx, Pattern};
use crate::errno::{Errno, Result};
use crate::msg::{GROUP_MAX, Groups, JOIN, LEAVE, Msg};
use crate::pipe::PipeId;
use std::collections::HashSet;

/// The receiver.
#[derive(Debug, Default)]
pub struct Dish {
    fq: FairQueue,
    dist: Dist,
    joined: HashSet<Box<[u8]>, Seed>,
    /// Puts groups on what is received.
    groups: Groups,
    /// A message that is let through.
    held: Option<Msg>,
    /// By pipe: its connection was lost, and the next one knows nothing of our groups.
    lost: Vec<bool>,
}

impl Dish {
    /// Tells a peer all groups, whether there is room or not.
    fn join_all(&self, cx: &mut Cx, pipe: PipeId) {
        for group in &self.joined {
            if let Ok(mut msg) = Msg::copied(group) {
                msg.set_flags(JOIN);
                cx.pipes.write(pipe, msg);
            }
        }
    }

    /// The next message of a group that was joined.
    fn find_message(&mut self, cx: &mut Cx) -> Option<Msg> {
        loop {
            let (pipe, first) = self.fq.recv(cx.pipes)?;
            let message = if first.more() {
                let (_, body) = self.fq.recv(cx.pipes)?;
                (!body.more() && first.len() <= GROUP_MAX).then_some((first, body))
            } else {
                // Over inproc anybody may send here, and who has no group sends to the group without a name.
                (!cx.is_link(pipe)).then(|| (Msg::new(), first))
            };
            let Some((group, mut body)) = message else {
                self.fq.skip_message(cx.pipes);
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
        if self.lost.len() <= pipe {
            self.lost.resize(pipe + 1, false);
        }
        self.lost[pipe] = false;
        self.fq.attach(pipe);
        self.dist.attach(pipe);
        self.join_all(cx, pipe);
    }

    fn established(&mut self, cx: &mut Cx, pipe: PipeId) {
        if self.lost.get_mut(pipe).is_some_and(std::mem::take) {
            self.join_all(cx, pipe);
        }
    }

    fn lost(&mut self, _cx: &mut Cx, pipe: PipeId) {
        if let Some(lost) = self.lost.get_mut(pipe) {
            *lost = true;
        }
    }

    fn severed(&mut self, _cx: &mut Cx, pipe: PipeId) {
        self.dist.detach(pipe);
        self.fq.readable(pipe);
    }

    fn detach(&mut self, _cx: &mut Cx, pipe: PipeId) {
        self.dist.detach(pipe);
        self.fq.detach(pipe);
    }

    fn readable(&mut self, _cx: &mut Cx, pipe: PipeId) {
        self.fq.readable(pipe);
    }

    fn writable(&mut self, _cx: &mut Cx, pipe: PipeId) {
        self.dist.writable(pipe);
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
        self.fq.park(cx.pipes) || self.held.is_some()
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
        self.dist.choose_all();
        self.dist.send(cx.pipes, &mut msg, true)
    }
}
