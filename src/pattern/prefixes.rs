//! Prefixes with a value each, and the question a publish/subscribe socket lives on: which of them does this string start
//! with?
//!
//! The prefixes lie in a hash table, and beside it a list of the lengths that occur. A lookup walks the string once and
//! asks the table at each of these lengths: topics of one application have few. Nothing recurses, and a lookup costs no more
//! than a constant per byte of the string, whatever a peer subscribed to.
#![forbid(unsafe_code)]

use super::hash::Seed;
use hashbrown::HashTable;

const SHORT_MAX: usize = 22;

/// A prefix; most lie in the table itself.
#[derive(Debug)]
enum Topic {
    Short(u8, [u8; SHORT_MAX]),
    Long(Box<[u8]>),
}

impl Topic {
    fn new(bytes: &[u8]) -> Topic {
        let mut short = [0; SHORT_MAX];
        match short.get_mut(..bytes.len()) {
            Some(room) => {
                room.copy_from_slice(bytes);
                Topic::Short(bytes.len() as u8, short)
            }
            None => Topic::Long(bytes.into()),
        }
    }

    #[inline(always)]
    fn bytes(&self) -> &[u8] {
        match self {
            Topic::Short(len, bytes) => bytes.get(..usize::from(*len)).unwrap_or_default(),
            Topic::Long(bytes) => bytes,
        }
    }
}

#[derive(Debug)]
enum Slot<V> {
    /// Not in use, and the next that is not.
    Free(u32),
    Used(Topic, V),
}

const _: () = assert!(size_of::<Slot<u32>>() <= 32);

const NONE: u32 = u32::MAX;

/// The number of a prefix in its map, its own until it is removed.
pub type PrefixId = u32;

/// Prefixes and their values.
#[derive(Debug)]
pub struct PrefixMap<V> {
    seed: Seed,
    slots: Vec<Slot<V>>,
    free: u32,
    table: HashTable<PrefixId>,
    /// The empty prefix, which every string starts with.
    root: Option<PrefixId>,
    /// The lengths of all others, shortest first, and how many there are of each.
    lengths: Vec<(usize, usize)>,
    len: usize,
}

impl<V> Default for PrefixMap<V> {
    fn default() -> PrefixMap<V> {
        PrefixMap {
            seed: Seed::default(),
            slots: Vec::new(),
            free: NONE,
            table: HashTable::new(),
            root: None,
            lengths: Vec::new(),
            len: 0,
        }
    }
}

impl<V> PrefixMap<V> {
    /// How many prefixes there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    #[inline(always)]
    fn is_at(slots: &[Slot<V>], id: PrefixId, prefix: &[u8]) -> bool {
        matches!(slots.get(id as usize), Some(Slot::Used(topic, _)) if topic.bytes() == prefix)
    }

    /// The number of a prefix.
    pub fn find(&self, prefix: &[u8]) -> Option<PrefixId> {
        if prefix.is_empty() {
            return self.root;
        }
        self.table
            .find(self.seed.hash(prefix), |&id| {
                Self::is_at(&self.slots, id, prefix)
            })
            .copied()
    }

    /// The prefix of a number.
    pub fn prefix(&self, id: PrefixId) -> Option<&[u8]> {
        match self.slots.get(id as usize)? {
            Slot::Used(topic, _) => Some(topic.bytes()),
            Slot::Free(_) => None,
        }
    }

    /// The value of a number.
    #[inline(always)]
    pub fn get(&self, id: PrefixId) -> Option<&V> {
        match self.slots.get(id as usize)? {
            Slot::Used(_, value) => Some(value),
            Slot::Free(_) => None,
        }
    }

    /// The value of a number.
    pub fn get_mut(&mut self, id: PrefixId) -> Option<&mut V> {
        match self.slots.get_mut(id as usize)? {
            Slot::Used(_, value) => Some(value),
            Slot::Free(_) => None,
        }
    }

    /// Adds a prefix that [`find`](PrefixMap::find) did not find.
    pub fn insert(&mut self, prefix: &[u8], value: V) -> PrefixId {
        let slot = Slot::Used(Topic::new(prefix), value);
        let id = self.free;
        let id = match self.slots.get_mut(id as usize) {
            Some(free) => {
                if let Slot::Free(next) = *free {
                    self.free = next;
                }
                *free = slot;
                id
            }
            None => {
                self.slots.push(slot);
                (self.slots.len() - 1) as PrefixId
            }
        };
        self.len += 1;
        if prefix.is_empty() {
            self.root = Some(id);
            return id;
        }
        let (seed, slots) = (&self.seed, &self.slots);
        let rehash = |&id: &PrefixId| match slots.get(id as usize) {
            Some(Slot::Used(topic, _)) => seed.hash(topic.bytes()),
            _ => 0,
        };
        self.table.insert_unique(seed.hash(prefix), id, rehash);
        match self
            .lengths
            .binary_search_by_key(&prefix.len(), |&(len, _)| len)
        {
            Ok(at) => self.lengths[at].1 += 1,
            Err(at) => self.lengths.insert(at, (prefix.len(), 1)),
        }
        id
    }

    /// Takes a prefix out.
    pub fn remove(&mut self, id: PrefixId) -> Option<V> {
        let slot = self
            .slots
            .get_mut(id as usize)
            .filter(|slot| matches!(slot, Slot::Used(..)))?;
        let Slot::Used(topic, value) = std::mem::replace(slot, Slot::Free(self.free)) else {
            return None;
        };
        self.free = id;
        self.len -= 1;
        let prefix = topic.bytes();
        if prefix.is_empty() {
            self.root = None;
        } else {
            if let Ok(entry) = self
                .table
                .find_entry(self.seed.hash(prefix), |&other| other == id)
            {
                entry.remove();
            }
            if let Ok(at) = self
                .lengths
                .binary_search_by_key(&prefix.len(), |&(len, _)| len)
            {
                self.lengths[at].1 -= 1;
                if self.lengths[at].1 == 0 {
                    self.lengths.remove(at);
                }
            }
        }
        if self.len == 0 {
            // Gives the memory of a burst back.
            *self = PrefixMap {
                seed: self.seed,
                ..PrefixMap::default()
            };
        }
        Some(value)
    }

    /// Calls `visit` with the value of each prefix that `key` starts with, the shortest first.
    #[inline(always)]
    pub fn for_each_prefix_of(&self, key: &[u8], mut visit: impl FnMut(&V)) {
        self.any_prefix_of(key, |value| {
            visit(value);
            false
        });
    }

    /// True when `key` starts with a prefix whose value pleases `accept`.
    #[inline(always)]
    pub fn any_prefix_of(&self, key: &[u8], mut accept: impl FnMut(&V) -> bool) -> bool {
        if let Some(value) = self.root.and_then(|id| self.get(id))
            && accept(value)
        {
            return true;
        }
        let mut walk = self.seed.walk();
        for &(len, _) in &self.lengths {
            let Some(prefix) = key.get(..len) else { break };
            let hash = self.seed.hash_to(&mut walk, key, len);
            let found = self
                .table
                .find(hash, |&id| Self::is_at(&self.slots, id, prefix));
            if let Some(value) = found.and_then(|&id| self.get(id))
                && accept(value)
            {
                return true;
            }
        }
        false
    }

    /// All prefixes.
    pub fn prefixes(&self) -> impl Iterator<Item = &[u8]> {
        self.slots.iter().filter_map(|slot| match slot {
            Slot::Used(topic, _) => Some(topic.bytes()),
            Slot::Free(_) => None,
        })
    }
}
