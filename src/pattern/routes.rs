//! Routing ids and the pipes they name.
#![forbid(unsafe_code)]

use super::hash::{Seed, random};
use crate::msg::Msg;
use crate::pipe::PipeId;
use std::collections::HashMap;

/// Which pipe a routing id means, and which id a pipe goes by.
#[derive(Debug)]
pub struct Routes {
    by_id: HashMap<Box<[u8]>, PipeId, Seed>,
    /// By pipe.
    ids: Vec<Option<Box<[u8]>>>,
    /// Found last: the next message often goes there too.
    last: PipeId,
    next: u32,
}

impl Default for Routes {
    fn default() -> Routes {
        Routes {
            by_id: HashMap::default(),
            ids: Vec::new(),
            last: 0,
            next: random() as u32,
        }
    }
}

impl Routes {
    /// A routing id nobody has: a zero byte and a number.
    pub fn fresh_id(&mut self) -> Vec<u8> {
        loop {
            let mut id = vec![0];
            id.extend_from_slice(&self.next.to_be_bytes());
            self.next = self.next.wrapping_add(1);
            if !self.by_id.contains_key(&id[..]) {
                return id;
            }
        }
    }

    /// Names a pipe. The id must be nobody else's; a name the pipe had before is forgotten.
    pub fn insert(&mut self, id: Vec<u8>, pipe: PipeId) {
        self.remove(pipe);
        if self.ids.len() <= pipe {
            self.ids.resize_with(pipe + 1, || None);
        }
        let id = id.into_boxed_slice();
        self.ids[pipe] = Some(id.clone());
        self.by_id.insert(id, pipe);
    }

    /// Forgets a pipe, and returns its id.
    pub fn remove(&mut self, pipe: PipeId) -> Option<Box<[u8]>> {
        let id = self.ids.get_mut(pipe)?.take()?;
        self.by_id.remove(&id);
        Some(id)
    }

    /// The pipe an id names.
    #[inline(always)]
    pub fn find(&mut self, id: &[u8]) -> Option<PipeId> {
        match self.ids.get(self.last) {
            Some(Some(last)) if **last == *id => Some(self.last),
            _ => self.look_up(id),
        }
    }

    fn look_up(&mut self, id: &[u8]) -> Option<PipeId> {
        let pipe = *self.by_id.get(id)?;
        self.last = pipe;
        Some(pipe)
    }

    /// The id of a pipe.
    #[inline(always)]
    pub fn id(&self, pipe: PipeId) -> Option<&[u8]> {
        self.ids.get(pipe)?.as_deref()
    }

    /// A first frame that says where `body` came from.
    #[inline(always)]
    pub fn id_frame(&self, pipe: PipeId, body: &Msg) -> Msg {
        id_frame(self.id(pipe).unwrap_or_default(), body)
    }

    /// All pipes that have a name.
    pub fn pipes(&self) -> impl Iterator<Item = PipeId> {
        self.by_id.values().copied()
    }
}

/// A first frame that holds `id`, with the metadata of the frame that follows. Empty when memory for an id
/// longer than a message holds ran out.
#[inline(always)]
pub fn id_frame(id: &[u8], body: &Msg) -> Msg {
    let mut frame = Msg::copied(id).unwrap_or_default();
    frame.set_more(true);
    frame.share_meta(body);
    frame
}

/// Which pipe a number means, and which number a pipe goes by. 0 is nobody's.
#[derive(Debug)]
pub struct Numbers {
    by_number: HashMap<u32, PipeId, Seed>,
    /// By pipe; 0 for none.
    numbers: Vec<u32>,
    newest: u32,
}

impl Default for Numbers {
    fn default() -> Numbers {
        Numbers {
            by_number: HashMap::default(),
            numbers: Vec::new(),
            newest: random() as u32,
        }
    }
}

impl Numbers {
    /// Gives a pipe a number that nobody has.
    pub fn insert(&mut self, pipe: PipeId) {
        self.remove(pipe);
        if self.numbers.len() <= pipe {
            self.numbers.resize(pipe + 1, 0);
        }
        loop {
            self.newest = self.newest.wrapping_add(1);
            if self.newest != 0 && !self.by_number.contains_key(&self.newest) {
                break;
            }
        }
        self.numbers[pipe] = self.newest;
        self.by_number.insert(self.newest, pipe);
    }

    /// Forgets a pipe.
    pub fn remove(&mut self, pipe: PipeId) {
        let number = self.numbers.get_mut(pipe).map_or(0, std::mem::take);
        self.by_number.remove(&number);
    }

    /// The pipe a number means.
    pub fn find(&self, number: u32) -> Option<PipeId> {
        self.by_number.get(&number).copied()
    }

    /// The number of a pipe; 0 if it has none.
    pub fn number(&self, pipe: PipeId) -> u32 {
        self.numbers.get(pipe).copied().unwrap_or(0)
    }

    /// The number given last.
    pub fn newest(&self) -> u32 {
        self.newest
    }
}
