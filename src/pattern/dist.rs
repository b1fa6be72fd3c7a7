//! Fan-out: a message goes to each of the pipes chosen for it. One that is full at the first frame misses the whole message.
#![forbid(unsafe_code)]

use super::Cx;
use crate::errno::Result;
use crate::msg::Msg;
use crate::pipe::{PipeId, Pipes};
use crate::sync::Asymmetric;

/// Larger bodies are shared among the pipes, not copied for each.
const COPY_MAX: usize = 4 << 10;

#[derive(Clone, Debug, Default)]
struct Place {
    attached: bool,
    /// Had no room when last looked at, and was not heard of since.
    full: bool,
    /// The round it was chosen in.
    round: u64,
}

/// The sending side of PUB, XPUB, XSUB, RADIO and DISH.
#[derive(Debug, Default)]
pub struct Dist {
    pipes: Vec<PipeId>,
    /// By pipe.
    places: Vec<Place>,
    round: u64,
    /// Who gets the message that is being sent.
    chosen: Vec<PipeId>,
    more: bool,
    /// The caller will not wait for room: what each pipe gets is counted.
    counts: bool,
}

impl Dist {
    /// Sends to this pipe too, from the next message on.
    pub fn attach(&mut self, pipe: PipeId) {
        if self.places.len() <= pipe {
            self.places.resize(pipe + 1, Place::default());
        }
        if !self.places[pipe].attached {
            self.pipes.push(pipe);
        }
        self.places[pipe] = Place {
            attached: true,
            full: false,
            round: 0,
        };
    }

    /// Sends no more to this pipe.
    pub fn detach(&mut self, pipe: PipeId) {
        let Some(place) = self.places.get_mut(pipe) else {
            return;
        };
        if std::mem::take(place).attached {
            self.pipes.retain(|&other| other != pipe);
            self.chosen.retain(|&other| other != pipe);
        }
    }

    /// There is room again.
    pub fn writable(&mut self, pipe: PipeId) {
        if let Some(place) = self.places.get_mut(pipe) {
            place.full = false;
        }
    }

    /// The pipes that take part.
    pub fn pipes(&self) -> &[PipeId] {
        &self.pipes
    }

    /// True in the middle of a message.
    #[inline(always)]
    pub fn is_mid_message(&self) -> bool {
        self.more
    }

    /// Begins to choose the pipes for a message.
    #[inline(always)]
    pub fn clear(&mut self) {
        self.round += 1;
        self.chosen.clear();
    }

    /// Chooses a pipe; twice is once.
    #[inline(always)]
    pub fn choose(&mut self, pipe: PipeId) {
        if let Some(place) = self.places.get_mut(pipe)
            && place.attached
            && place.round != self.round
        {
            place.round = self.round;
            self.chosen.push(pipe);
        }
    }

    /// Chooses all.
    pub fn choose_all(&mut self) {
        self.clear();
        self.chosen.extend_from_slice(&self.pipes);
    }

    /// Chooses those that were not chosen.
    pub fn invert(&mut self) {
        self.chosen.clear();
        for &pipe in &self.pipes {
            if self
                .places
                .get(pipe)
                .is_some_and(|place| place.round != self.round)
            {
                self.chosen.push(pipe);
            }
        }
    }

    #[inline(always)]
    fn has_room(places: &mut [Place], pipes: &mut Pipes, pipe: PipeId) -> bool {
        let Some(place) = places.get_mut(pipe) else {
            return false;
        };
        if place.full {
            return false;
        }
        if pipes.has_joined(pipe) {
            return true;
        }
        let room = pipes.can_write(pipe);
        place.full = !room;
        room
    }

    /// True when each chosen pipe has room, as far as this caller is concerned.
    pub fn all_have_room(&mut self, cx: &mut Cx) -> bool {
        let mut all = true;
        self.counts = cx.dontwait;
        if self.counts {
            cx.pipes.leave_all_shared();
        }
        for &pipe in &self.chosen {
            let Some(place) = self.places.get_mut(pipe) else {
                continue;
            };
            if !place.full && !cx.pipes.has_joined(pipe) {
                place.full = !cx.can_begin(pipe);
            }
            all &= !place.full;
        }
        all
    }

    /// Sends a frame to the pipes chosen; unless `forced`, a first frame only to those with room.
    ///
    /// # Errors
    /// ENOMEM, with nothing sent.
    #[inline(always)]
    pub fn send(&mut self, pipes: &mut Pipes, msg: &mut Msg, forced: bool) -> Result<()> {
        if !self.more && !forced {
            let places = &mut self.places;
            self.chosen
                .retain(|&pipe| Self::has_room(places, pipes, pipe));
        }
        if self.chosen.is_empty() {
            self.more = msg.more();
            drop(msg.take());
            return Ok(());
        }
        if let Some(fence) = Asymmetric::known()
            && !self.more
            && !msg.more()
        {
            // Where a stream goes by a pipe, the bytes are copied once, to where they are sent from.
            if !self.counts {
                pipes.write_shared(&mut self.chosen, msg);
            }
            if msg.len() <= COPY_MAX {
                self.chosen
                    .retain(|&pipe| !pipes.write_now(pipe, msg, fence));
            }
        }
        let Some((&last, others)) = self.chosen.split_last() else {
            drop(msg.take());
            return Ok(());
        };
        for &pipe in others {
            // Only the first copy, of foreign memory, can fail: nobody got anything yet.
            pipes.write(pipe, msg.share()?);
        }
        self.more = msg.more();
        pipes.write(last, msg.take());
        if !self.more {
            self.chosen.clear();
        }
        Ok(())
    }

    /// Sends a message of two frames to those of the pipes chosen that have room.
    ///
    /// # Errors
    /// ENOMEM, with nothing sent.
    pub fn send_pair(&mut self, pipes: &mut Pipes, head: &mut Msg, body: &mut Msg) -> Result<()> {
        let places = &mut self.places;
        self.chosen
            .retain(|&pipe| Self::has_room(places, pipes, pipe));
        if let Some((&last, others)) = self.chosen.split_last() {
            for &pipe in others {
                // Only the first copy, of foreign memory, can fail: nobody got anything yet.
                let (head, body) = (head.share()?, body.share()?);
                pipes.write(pipe, head);
                pipes.write(pipe, body);
            }
            pipes.write(last, head.take());
            pipes.write(last, body.take());
        }
        drop(body.take());
        self.chosen.clear();
        Ok(())
    }
}
