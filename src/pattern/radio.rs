//! RADIO: sends each message to the peers that joined its group. A message travels as two frames: the group, the body.
#![forbid(unsafe_code)]

use super::dist::Dist;
use super::hash::Seed;
use super::unread::{Turn, Unread};
use super::{Cx, Pattern, setting};
use crate::errno::{Errno, Result};
use crate::msg::{JOIN, LEAVE, Meta, Msg};
use crate::pipe::PipeId;
use std::collections::HashMap;

/// The sender.
#[derive(Debug, Default)]
pub struct Radio {
    dist: Dist,
    /// Who is in which group.
    groups: HashMap<Box<[u8]>, Vec<PipeId>, Seed>,
    unread: Unread,
    nodrop: bool,
}

/// A group as C sees it: up to the first NUL.
pub(super) fn group_name(bytes: &[u8]) -> &[u8] {
    bytes.split(|&byte| byte == 0).next().unwrap_or_default()
}

impl Radio {
    /// Reads what a peer sent, up to a bound, and asks to be told of more.
    fn read(&mut self, cx: &mut Cx, pipe: PipeId) {
        let mut turn = Turn::default();
        while let Some(msg) = self.unread.read(cx.pipes, pipe, &mut turn) {
            let group = group_name(msg.data());
            if msg.flags() & JOIN != 0 {
                self.join(group, pipe);
            } else if msg.flags() & LEAVE != 0 {
                self.leave(group, pipe);
            }
        }
    }

    #[cold]
    fn read_unread(&mut self, cx: &mut Cx) {
        for pipe in self.unread.take() {
            self.read(cx, pipe);
        }
    }

    fn join(&mut self, group: &[u8], pipe: PipeId) {
        match self.groups.get_mut(group) {
            Some(pipes) if pipes.contains(&pipe) => {}
            Some(pipes) => pipes.push(pipe),
            None => drop(self.groups.insert(group.into(), vec![pipe])),
        }
    }

    fn leave(&mut self, group: &[u8], pipe: PipeId) {
        let Some(pipes) = self.groups.get_mut(group) else {
            return;
        };
        pipes.retain(|&other| other != pipe);
        if pipes.is_empty() {
            self.groups.remove(group);
        }
    }
}

impl Pattern for Radio {
    fn attach(&mut self, cx: &mut Cx, pipe: PipeId, _dialed: bool) {
        self.dist.attach(pipe);
        self.read(cx, pipe);
    }

    fn severed(&mut self, cx: &mut Cx, pipe: PipeId) {
        // What it still had to say makes no difference any more.
        cx.pipes.drop_peer(pipe);
    }

    fn detach(&mut self, _cx: &mut Cx, pipe: PipeId) {
        self.dist.detach(pipe);
        self.unread.detach(pipe);
        self.groups.retain(|_, pipes| {
            pipes.retain(|&other| other != pipe);
            !pipes.is_empty()
        });
    }

    fn lost(&mut self, cx: &mut Cx, pipe: PipeId) {
        // What its last connection said comes before what the next one says.
        self.read(cx, pipe);
    }

    fn readable(&mut self, cx: &mut Cx, pipe: PipeId) {
        self.read(cx, pipe);
    }

    fn writable(&mut self, _cx: &mut Cx, pipe: PipeId) {
        self.dist.writable(pipe);
    }

    fn send(&mut self, cx: &mut Cx, msg: &mut Msg) -> Result<()> {
        if !self.unread.is_empty() {
            self.read_unread(cx);
        }
        let group = msg.meta().and_then(Meta::group).unwrap_or_default();
        self.dist.clear();
        for &pipe in self.groups.get(group.to_bytes()).into_iter().flatten() {
            self.dist.choose(pipe);
        }
        if self.nodrop && !self.dist.all_have_room(cx) {
            return Err(Errno::EAGAIN);
        }
        let mut head = Msg::copied(group.to_bytes())?;
        head.set_more(true);
        msg.forget_meta();
        self.dist.send_pair(cx.pipes, &mut head, msg)
    }

    fn can_send(&mut self, _cx: &mut Cx) -> bool {
        true
    }

    fn park(&mut self, cx: &mut Cx) -> bool {
        // Pipes are parked as they run empty.
        while !self.unread.is_empty() {
            self.read_unread(cx);
        }
        false
    }

    fn set_option(&mut self, _: &mut Cx, option: i32, value: Option<&[u8]>) -> Option<Result<()>> {
        match option {
            setting::XPUB_NODROP => setting::set_flag(&mut self.nodrop, value),
            _ => None,
        }
    }
}
