//! ROUTER: the first frame says whom a message goes to, or whom it came from.
#![forbid(unsafe_code)]

use super::fq::FairQueue;
use super::routes::{Routes, id_frame};
use super::{Cx, Pattern, setting};
use crate::errno::{Errno, Result};
use crate::msg::Msg;
use crate::pipe::PipeId;
use std::collections::VecDeque;

/// What a router knows of a pipe beside its routing id.
#[derive(Clone, Copy, Debug, Default)]
struct Presence {
    /// Its peer is there, as far as we were told.
    up: bool,
    /// We ended it ourselves.
    closing: bool,
}

/// A peer came or went. To be delivered once everything that came by its pipe before was read.
#[derive(Debug)]
struct Notice {
    pipe: Option<PipeId>,
    id: Box<[u8]>,
    frame: Msg,
}

/// Sends by routing id, fair queues what it receives. STREAM stands on it too.
#[derive(Debug, Default)]
pub struct Router {
    fq: FairQueue,
    routes: Routes,
    presences: Vec<Presence>,
    notices: VecDeque<Notice>,
    /// The frame behind the id frame that was just received.
    held: Option<Msg>,
    reading: Option<PipeId>,
    /// The pipe being read from is to be ended after this message.
    end_after: bool,
    /// The id frame of a message was sent, more frames follow.
    addressed: bool,
    writing: Option<PipeId>,
    connect_id: Option<Vec<u8>>,
    newest: Option<PipeId>,
    mandatory: bool,
    handover: bool,
    raw: bool,
    probe: bool,
    /// What ROUTER_NOTIFY asks for.
    pub(super) notify: i32,
    /// Connections without protocol are told of whatever that says, unless STREAM was told not to.
    pub(super) silent_streams: bool,
}

impl Router {
    /// A router for connections without protocol, whose peers are always told by numbers and whose sends always say when they fail.
    pub(super) fn of_streams() -> Router {
        Router {
            raw: true,
            mandatory: true,
            ..Router::default()
        }
    }

    fn presence(&mut self, pipe: PipeId) -> &mut Presence {
        if self.presences.len() <= pipe {
            self.presences.resize(pipe + 1, Presence::default());
        }
        &mut self.presences[pipe]
    }

    /// The peer that connected last.
    pub(super) fn newest_id(&self) -> Option<&[u8]> {
        self.routes.id(self.newest?)
    }

    /// Gives a pipe its name and lets it be read; it must have none yet.
    fn admit(&mut self, id: Vec<u8>, pipe: PipeId) {
        self.routes.insert(id, pipe);
        self.fq.attach(pipe);
        self.newest = Some(pipe);
    }

    /// Names a pipe as its peer wants to be named.
    fn identify(&mut self, cx: &mut Cx, pipe: PipeId) {
        if self.routes.id(pipe).is_some() {
            return;
        }
        let wanted = cx
            .pipes
            .peer(pipe)
            .map(|peer| peer.routing_id.clone())
            .unwrap_or_default();
        let id = if wanted.is_empty() || self.raw {
            self.routes.fresh_id()
        } else {
            wanted
        };
        if let Some(other) = self.routes.find(&id) {
            if !self.handover {
                // The reference keeps such a peer, mute, for ever. Ended, it comes back by itself when the name is free.
                self.presence(pipe).closing = true;
                return cx.pipes.drop_peer(pipe);
            }
            self.hand_over(cx, other);
        }
        self.admit(id, pipe);
    }

    /// Takes a pipe's name away and ends it, after the message that is being read from it.
    fn hand_over(&mut self, cx: &mut Cx, pipe: PipeId) {
        self.presence(pipe).closing = true;
        let id = self.routes.fresh_id();
        self.routes.insert(id, pipe);
        if self.writing == Some(pipe) {
            cx.pipes.abort_write(pipe);
            self.writing = None;
        }
        if self.reading == Some(pipe) {
            self.end_after = true;
        } else {
            cx.pipes.drop_peer(pipe);
        }
    }

    fn came_up(&mut self, cx: &Cx, pipe: PipeId) {
        let presence = self.presence(pipe);
        if std::mem::replace(&mut presence.up, true) || presence.closing {
            return;
        }
        self.notice(cx, pipe, setting::NOTIFY_CONNECT, None);
    }

    fn went_down(&mut self, cx: &Cx, pipe: PipeId, wait_for: Option<PipeId>) {
        let presence = self.presence(pipe);
        if !std::mem::replace(&mut presence.up, false) || presence.closing {
            return;
        }
        self.notice(cx, pipe, setting::NOTIFY_DISCONNECT, wait_for);
    }

    /// Queues a notice, if such are wanted. Peers over inproc come and go without.
    fn notice(&mut self, cx: &Cx, pipe: PipeId, kind: i32, wait_for: Option<PipeId>) {
        let wanted = if self.raw {
            !self.silent_streams
        } else {
            self.notify & kind != 0
        };
        if wanted && cx.is_link(pipe) {
            self.push_notice(cx, pipe, wait_for);
        }
    }

    pub(super) fn push_notice(&mut self, cx: &Cx, pipe: PipeId, wait_for: Option<PipeId>) {
        let Some(id) = self.routes.id(pipe).map(Box::from) else {
            return;
        };
        let mut frame = Msg::new();
        frame.set_meta(cx.pipes.peer(pipe).and_then(|peer| peer.meta.clone()));
        // Behind other notices of this pipe that wait.
        let wait_for = wait_for.or_else(|| {
            self.notices
                .iter()
                .rev()
                .find_map(|n| n.pipe.filter(|&p| p == pipe))
        });
        self.notices.push_back(Notice {
            pipe: wait_for,
            id,
            frame,
        });
    }

    #[cold]
    fn recv_notice(&mut self, cx: &mut Cx) -> Option<Msg> {
        if let Some(pipe) = self.notices.front()?.pipe
            && cx.pipes.can_read(pipe)
        {
            return None;
        }
        let Notice { id, frame, .. } = self.notices.pop_front()?;
        let first = id_frame(&id, &frame);
        self.held = Some(frame);
        Some(first)
    }

    /// Whatever frame was received last: was that the end of the message?
    #[inline(always)]
    fn finish_reading(&mut self, cx: &mut Cx, msg: &Msg) {
        if !msg.more()
            && let Some(pipe) = self.reading.take()
            && std::mem::take(&mut self.end_after)
        {
            cx.pipes.drop_peer(pipe);
        }
    }

    /// A message that would be dropped is given every chance.
    #[inline(always)]
    fn has_room(&self, cx: &mut Cx, pipe: PipeId) -> bool {
        if self.mandatory {
            cx.can_begin(pipe)
        } else {
            cx.pipes.can_write(pipe)
        }
    }

    /// Finds the pipe for a message whose first frame is `id`.
    #[inline(always)]
    fn address(&mut self, cx: &mut Cx, id: &[u8]) -> Result<Option<PipeId>> {
        match self.routes.find(id) {
            Some(pipe) if self.has_room(cx, pipe) => Ok(Some(pipe)),
            _ if !self.mandatory => Ok(None),
            Some(pipe) if !cx.is_severed(pipe) => Err(Errno::EAGAIN),
            _ => Err(Errno::EHOSTUNREACH),
        }
    }
}

impl Pattern for Router {
    fn attach(&mut self, cx: &mut Cx, pipe: PipeId, dialed: bool) {
        *self.presence(pipe) = Presence::default();
        if self.probe {
            cx.probe(pipe);
        }
        let given = if dialed { self.connect_id.take() } else { None };
        match given.filter(|id| self.routes.find(id).is_none()) {
            Some(id) => self.admit(id, pipe),
            None if self.raw => {
                let id = self.routes.fresh_id();
                self.admit(id, pipe);
            }
            None => {}
        }
        if cx.pipes.peer(pipe).is_some() {
            self.established(cx, pipe);
        }
    }

    fn established(&mut self, cx: &mut Cx, pipe: PipeId) {
        self.identify(cx, pipe);
        self.came_up(cx, pipe);
    }

    fn lost(&mut self, cx: &mut Cx, pipe: PipeId) {
        self.went_down(cx, pipe, Some(pipe));
        self.readable(cx, pipe);
    }

    fn severed(&mut self, cx: &mut Cx, pipe: PipeId) {
        if self.writing == Some(pipe) {
            self.writing = None;
        }
        if self.routes.id(pipe).is_some() {
            self.went_down(cx, pipe, Some(pipe));
            self.fq.readable(pipe);
        } else {
            cx.pipes.drop_peer(pipe);
        }
    }

    fn detach(&mut self, _cx: &mut Cx, pipe: PipeId) {
        if self.reading == Some(pipe) {
            self.reading = None;
            self.end_after = false;
            if self.fq.is_mid_message()
                && let Some(held) = self.held.as_mut()
            {
                // What should have followed went with the pipe.
                held.set_more(false);
            }
        }
        self.fq.detach(pipe);
        self.routes.remove(pipe);
        for notice in &mut self.notices {
            // Its number may be another's soon.
            notice.pipe = notice.pipe.filter(|&waited| waited != pipe);
        }
        if self.writing == Some(pipe) {
            self.writing = None;
        }
        if self.newest == Some(pipe) {
            self.newest = None;
        }
    }

    fn readable(&mut self, _cx: &mut Cx, pipe: PipeId) {
        if self.routes.id(pipe).is_some() {
            self.fq.readable(pipe);
        }
    }

    #[inline]
    fn send(&mut self, cx: &mut Cx, msg: &mut Msg) -> Result<()> {
        if !self.addressed {
            // An id with nothing behind it is swallowed.
            if msg.more() {
                self.writing = self.address(cx, msg.data())?;
                self.addressed = true;
            }
            drop(msg.take());
            return Ok(());
        }
        let mut frame = msg.take();
        if self.raw {
            frame.set_more(false);
        }
        self.addressed = frame.more();
        let Some(pipe) = self.writing else {
            return Ok(());
        };
        if self.raw && frame.is_empty() {
            self.presence(pipe).closing = true;
            cx.pipes.drop_peer(pipe);
        } else {
            cx.pipes.write(pipe, frame);
        }
        if !self.addressed {
            self.writing = None;
        }
        Ok(())
    }

    #[inline]
    fn recv(&mut self, cx: &mut Cx) -> Result<Msg> {
        if let Some(msg) = self.held.take() {
            self.finish_reading(cx, &msg);
            return Ok(msg);
        }
        if self.reading.is_none()
            && !self.notices.is_empty()
            && let Some(first) = self.recv_notice(cx)
        {
            return Ok(first);
        }
        let (pipe, msg) = self.fq.recv(cx.pipes).ok_or(Errno::EAGAIN)?;
        if self.reading.is_some() {
            self.finish_reading(cx, &msg);
            return Ok(msg);
        }
        let first = self.routes.id_frame(pipe, &msg);
        self.reading = Some(pipe);
        self.held = Some(msg);
        Ok(first)
    }

    fn can_send(&mut self, cx: &mut Cx) -> bool {
        !self.mandatory
            || self.addressed
            || self.routes.pipes().any(|pipe| cx.pipes.promise_room(pipe))
    }

    fn can_recv(&mut self, cx: &mut Cx) -> bool {
        self.held.is_some() || !self.notices.is_empty() || self.fq.can_recv(cx.pipes)
    }

    fn park(&mut self, cx: &mut Cx) -> bool {
        self.fq.park(cx.pipes) || self.held.is_some() || !self.notices.is_empty()
    }

    fn set_option(&mut self, _: &mut Cx, option: i32, value: Option<&[u8]>) -> Option<Result<()>> {
        match option {
            setting::ROUTER_MANDATORY => setting::set_flag(&mut self.mandatory, value),
            setting::ROUTER_HANDOVER => setting::set_flag(&mut self.handover, value),
            setting::ROUTER_RAW => setting::set_flag(&mut self.raw, value),
            setting::PROBE_ROUTER => setting::set_flag(&mut self.probe, value),
            setting::ROUTER_NOTIFY => Some(match setting::int(value) {
                Ok(notify @ 0..=3) => {
                    self.notify = notify;
                    Ok(())
                }
                _ => Err(Errno::EINVAL),
            }),
            setting::CONNECT_ROUTING_ID => Some(match value {
                Some(id) if !id.is_empty() && self.routes.find(id).is_none() => {
                    self.connect_id = Some(id.to_vec());
                    Ok(())
                }
                _ => Err(Errno::EINVAL),
            }),
            _ => None,
        }
    }

    fn get_option(&mut self, _cx: &mut Cx, option: i32) -> Option<Result<i32>> {
        (option == setting::ROUTER_NOTIFY).then_some(Ok(self.notify))
    }

    fn before_connect(&mut self) -> Result<()> {
        if let Some(id) = self.connect_id.as_ref()
            && self.routes.find(id).is_some()
        {
            self.connect_id = None;
            return Err(Errno::EINVAL);
        }
        Ok(())
    }

    fn is_raw(&self) -> bool {
        self.raw
    }

    fn peer_state(&mut self, cx: &mut Cx, routing_id: &[u8]) -> Result<i32> {
        const POLLOUT: i32 = 2;
        let pipe = self.routes.find(routing_id).ok_or(Errno::EHOSTUNREACH)?;
        Ok(if cx.pipes.promise_room(pipe) {
            POLLOUT
        } else {
            0
        })
    }
}
