//! Pipes that take turns.
#![forbid(unsafe_code)]

use crate::pipe::PipeId;

const ABSENT: u32 = u32::MAX;

/// A set of pipes in a circle, and whose turn it is.
#[derive(Debug, Default)]
pub struct Rotation {
    pipes: Vec<PipeId>,
    /// By pipe, its place in `pipes`.
    places: Vec<u32>,
    turn: usize,
}

impl Rotation {
    /// Whose turn it is.
    #[inline(always)]
    pub fn current(&self) -> Option<PipeId> {
        self.pipes.get(self.turn).copied()
    }

    /// Passes the turn on.
    #[inline(always)]
    pub fn advance(&mut self) {
        self.turn += 1;
        if self.turn >= self.pipes.len() {
            self.turn = 0;
        }
    }

    /// Gives the turn to a pipe that takes part.
    pub fn give_turn(&mut self, pipe: PipeId) {
        if let Some(&place) = self.places.get(pipe)
            && (place as usize) < self.pipes.len()
        {
            self.turn = place as usize;
        }
    }

    /// The pipes, in no order that matters.
    #[inline(always)]
    pub fn pipes(&self) -> &[PipeId] {
        &self.pipes
    }

    /// How many there are.
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.pipes.len()
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.pipes.is_empty()
    }

    /// True when `pipe` takes part.
    pub fn contains(&self, pipe: PipeId) -> bool {
        self.places.get(pipe).is_some_and(|&place| place != ABSENT)
    }

    /// Lets a pipe take part, last in line. Nothing changes when it does already.
    pub fn insert(&mut self, pipe: PipeId) {
        if self.places.len() <= pipe {
            self.places.resize(pipe + 1, ABSENT);
        }
        if self.places[pipe] == ABSENT {
            self.places[pipe] = self.pipes.len() as u32;
            self.pipes.push(pipe);
        }
    }

    /// Takes a pipe out. If it was its turn, it is another's now.
    pub fn remove(&mut self, pipe: PipeId) {
        let Some(place) = self.places.get_mut(pipe) else {
            return;
        };
        let at = std::mem::replace(place, ABSENT) as usize;
        if at >= self.pipes.len() {
            return;
        }
        self.pipes.swap_remove(at);
        if let Some(&moved) = self.pipes.get(at) {
            self.places[moved] = at as u32;
        }
        if self.turn == self.pipes.len() {
            // It was the last one's turn: that one moved to `at`, or it was the one taken out.
            self.turn = if at == self.turn { 0 } else { at };
        }
    }
}
