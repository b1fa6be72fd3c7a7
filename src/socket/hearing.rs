//! News, and what follows from them.
#![forbid(unsafe_code)]

use super::endpoints::Kind;
use super::{NO_PIPE, Socket};
use crate::ctx::limit;
use crate::errno::{Errno, Result};
use crate::msg::Msg;
use crate::pipe::{Far, Newcomer, News, PipeId, PipeKey};
use crate::queue::Sleep;
use std::sync::Arc;
use std::time::Duration;

impl Socket {
    /// Hears the news, if any.
    ///
    /// # Errors
    /// ETERM once the context was terminated.
    #[inline(always)]
    pub(super) fn hear(&mut self) -> Result<()> {
        if self.mailbox.has_news() {
            self.hear_all();
        }
        if self.stopped {
            Err(Errno::ETERM)
        } else {
            Ok(())
        }
    }

    #[cold]
    fn hear_all(&mut self) {
        (self.sole_out, self.sole_in) = (NO_PIPE, NO_PIPE);
        if self.fd_asked {
            // Lowered before the look, so that what comes after it raises the descriptor again.
            self.mailbox.signal().cancel();
            self.mailbox.signal().prepare(Sleep::Descriptor);
        }
        let mailbox = Arc::clone(&self.mailbox);
        mailbox.take(|news| self.hear_one(news));
        self.stir();
    }

    fn hear_one(&mut self, news: News) {
        match news {
            News::Attach(new) => self.accept(*new),
            News::Established(key, peer) => {
                if let Some(id) = self.pipes.find(key) {
                    self.pipes.set_peer(id, peer);
                    self.with(true, |pattern, cx| pattern.established(cx, id));
                }
            }
            News::Lost(key) => self.about(key, |pattern, cx, id| pattern.lost(cx, id)),
            News::Readable(key) => self.about(key, |pattern, cx, id| pattern.readable(cx, id)),
            News::Writable(key) => self.about(key, |pattern, cx, id| pattern.writable(cx, id)),
            News::Gone(key) => self.gone(key),
            News::Marks(key, receive, send) => self.hear_marks(key, receive, send),
            News::Asked(key) => self.count_for(key),
            News::Counted(key, waiting) => self.counted(key, waiting),
            News::Stop => self.stop(),
        }
    }

    fn about(
        &mut self,
        key: PipeKey,
        call: impl FnOnce(&mut dyn crate::pattern::Pattern, &mut crate::pattern::Cx, PipeId),
    ) {
        if let Some(id) = self.pipes.find(key) {
            self.with(true, |pattern, cx| call(pattern, cx, id));
        }
    }

    /// Takes a pipe in.
    pub(super) fn attach(&mut self, new: Newcomer, dialed: bool) -> PipeId {
        let known = new.peer.is_some();
        let key = new.key;
        let id = self.pipes.insert(new);
        self.with(true, |pattern, cx| pattern.attach(cx, id, dialed));
        // The pattern may have turned it away.
        if known && self.pipes.find(key) == Some(id) {
            self.with(true, |pattern, cx| pattern.established(cx, id));
        }
        self.stir();
        id
    }

    fn accept(&mut self, new: Newcomer) {
        let entry = self
            .endpoints
            .iter()
            .find(|entry| entry.number == new.endpoint);
        let dialed = entry.is_some_and(|entry| matches!(entry.kind, Kind::Dialed { .. }));
        match &new.far {
            // Its endpoint was unbound or disconnected before we heard of it.
            Far::Link(link) if entry.is_none() => link.close(self.linger()),
            _ => {
                self.attach(new, dialed);
            }
        }
    }

    fn gone(&mut self, key: PipeKey) {
        self.far_marks.remove(&key);
        let Some(id) = self.pipes.find(key) else {
            return;
        };
        if let Some(endpoint) = self.pipes.get(id).map(crate::pipe::Pipe::endpoint) {
            // A connect that was given up can be made again. Under IMMEDIATE the pipe goes and the attempts go on.
            self.endpoints.retain(|entry| {
                entry.number != endpoint
                    || !matches!(
                        entry.kind,
                        Kind::Dialed {
                            immediate: false,
                            ..
                        }
                    )
            });
        }
        self.pipes.forget(id);
        self.sever(id);
    }

    /// Nothing more is written to a pipe; what came by it stays readable.
    pub(super) fn sever(&mut self, id: PipeId) {
        if self.pipes.get(id).is_none_or(crate::pipe::Pipe::is_severed) {
            return;
        }
        self.pipes.sever(id);
        self.with(true, |pattern, cx| pattern.severed(cx, id));
    }

    /// Removes pipes that ended.
    #[cold]
    pub(super) fn let_go(&mut self, mut ended: Vec<PipeId>) {
        while let Some(id) = ended.pop() {
            self.discard(id, Some(Duration::ZERO));
            ended.append(&mut self.pipes.take_ended());
        }
    }

    /// Removes a pipe with what came by it; what was sent by it has `linger` to leave.
    pub(super) fn discard(&mut self, id: PipeId, linger: Option<Duration>) {
        let mut cx = crate::pattern::Cx {
            pipes: &mut self.pipes,
            invert_matching: self.options.invert_matching,
            conflate: self.options.conflate,
            dontwait: true,
        };
        if cx.pipes.get(id).is_none() {
            return;
        }
        self.pattern.detach(&mut cx, id);
        self.release(id, linger);
        self.stir();
    }

    /// Lets the far end of a pipe go, and the pipe with it.
    pub(super) fn release(&mut self, id: PipeId, linger: Option<Duration>) {
        if let Some(Far::Link(_)) = self.pipes.get(id).map(crate::pipe::Pipe::far) {
            self.pipes.close(id, linger);
        }
        let Some(key) = self.pipes.get(id).map(crate::pipe::Pipe::key) else {
            return;
        };
        if self.pending.contains_key(&key) {
            let keep = linger != Some(Duration::ZERO);
            if self.shared.inproc().lock().abandon(key, keep) {
                self.pending.remove(&key);
                self.pipes.remove(id);
                return;
            }
            // A bind came, and we did not hear of it yet.
            self.join_partner(key, id);
        }
        self.bid_farewell(key, id);
        self.far_marks.remove(&key);
        let Some(pipe) = self.pipes.remove(id) else {
            return;
        };
        if let Far::Inproc { mailbox, key } = pipe.far().clone() {
            // Our end of the lanes is gone before the other socket hears of it.
            drop(pipe);
            mailbox.send(News::Gone(key));
        }
    }

    /// Says the last word to the far end of an inproc pipe, if that wants one.
    fn bid_farewell(&mut self, key: PipeKey, id: PipeId) {
        if let Some(word) = self.farewells.remove(&key)
            && let Ok(msg) = Msg::copied(&word)
        {
            self.pipes.abort_write(id);
            self.pipes.write(id, msg);
        }
    }

    fn hear_marks(&mut self, key: PipeKey, receive: u64, send: u64) {
        let Some(id) = self.pipes.find(key) else {
            return;
        };
        self.meet(key, id);
        self.far_marks.insert(key, (receive, send));
        self.apply_far_marks(key);
    }

    /// If this was a pending connect, the bind has come.
    fn meet(&mut self, key: PipeKey, id: PipeId) {
        if self.join_partner(key, id) {
            self.with(true, |pattern, cx| pattern.established(cx, id));
        }
    }

    fn join_partner(&mut self, key: PipeKey, id: PipeId) -> bool {
        let Some(rendezvous) = self.pending.get(&key).cloned() else {
            return false;
        };
        let Some(partner) = rendezvous.get() else {
            return false;
        };
        self.pending.remove(&key);
        self.pipes.set_far(
            id,
            Far::Inproc {
                mailbox: partner.mailbox.clone(),
                key: partner.key,
            },
        );
        self.pipes.set_peer(id, partner.peer.clone());
        self.await_farewell(key, &partner.farewell);
        // Until now our calls for its attention went nowhere.
        partner.mailbox.send(News::Readable(partner.key));
        partner.mailbox.send(News::Writable(partner.key));
        true
    }

    /// Sets the limits of an inproc pipe anew: each lane's is the sum of its two ends'.
    pub(super) fn apply_far_marks(&mut self, key: PipeKey) {
        let (Some(id), Some(&(far_receive, far_send))) =
            (self.pipes.find(key), self.far_marks.get(&key))
        else {
            return;
        };
        if self.conflates() {
            return;
        }
        let (send, receive) = self.high_water();
        self.pipes
            .set_marks(id, limit(send, far_receive), limit(far_send, receive));
        self.with(true, |pattern, cx| pattern.writable(cx, id));
    }

    fn stop(&mut self) {
        if !std::mem::replace(&mut self.stopped, true) {
            // The monitor's own socket would keep the context waiting.
            let _ = super::monitor::start(&self.shared, &self.common.monitor, None, 0, 1, 0);
        }
    }
}
