//! Who wants what: the publisher's index of topics and subscribers, and the subscriber's own list.
#![forbid(unsafe_code)]

use super::prefixes::{PrefixId, PrefixMap};
use crate::pipe::PipeId;

/// The subscriber's side: topics, each as often as it was subscribed to.
#[derive(Debug, Default)]
pub struct Filter {
    topics: PrefixMap<u32>,
}

impl Filter {
    /// Subscribes once more.
    pub fn add(&mut self, topic: &[u8]) {
        match self
            .topics
            .find(topic)
            .and_then(|id| self.topics.get_mut(id))
        {
            Some(count) => *count = count.saturating_add(1),
            None => {
                self.topics.insert(topic, 1);
            }
        }
    }

    /// Unsubscribes once. True when that was the last subscription to the topic.
    pub fn remove(&mut self, topic: &[u8]) -> bool {
        let Some(id) = self.topics.find(topic) else {
            return false;
        };
        match self.topics.get_mut(id) {
            Some(count) if *count > 1 => {
                *count -= 1;
                false
            }
            _ => self.topics.remove(id).is_some(),
        }
    }

    /// True when `key` starts with one of the topics.
    #[inline(always)]
    pub fn matches(&self, key: &[u8]) -> bool {
        self.topics.any_prefix_of(key, |_| true)
    }

    /// How many different topics there are.
    pub fn len(&self) -> usize {
        self.topics.len()
    }

    /// True when nothing is subscribed to.
    pub fn is_empty(&self) -> bool {
        self.topics.is_empty()
    }

    /// Each topic once.
    pub fn topics(&self) -> impl Iterator<Item = &[u8]> {
        self.topics.prefixes()
    }
}

/// What became of an unsubscription.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Removed {
    /// The peer had no such subscription.
    NotFound,
    /// Others still have it.
    Remaining,
    /// The topic is gone.
    Last,
}

/// The subscribers of a topic: one, or (with the top bit set) the number of a crowd.
#[derive(Clone, Copy, Debug)]
struct Members(u32);

const CROWD: u32 = 1 << 31;

/// Two subscribers or more. A crowd never shrinks back.
#[derive(Debug)]
enum Crowd {
    /// In order.
    Few(Vec<u32>),
    /// One bit each.
    Many(Vec<u64>, usize),
}

/// Where a crowd becomes bits.
const FEW: usize = 64;

impl Crowd {
    fn contains(&self, pipe: u32) -> bool {
        match self {
            Crowd::Few(pipes) => pipes.binary_search(&pipe).is_ok(),
            Crowd::Many(words, _) => words
                .get(pipe as usize / 64)
                .is_some_and(|word| word >> (pipe % 64) & 1 != 0),
        }
    }

    fn len(&self) -> usize {
        match self {
            Crowd::Few(pipes) => pipes.len(),
            Crowd::Many(_, count) => *count,
        }
    }

    fn insert(&mut self, pipe: u32) -> bool {
        match self {
            Crowd::Few(pipes) => {
                let Err(at) = pipes.binary_search(&pipe) else {
                    return false;
                };
                pipes.insert(at, pipe);
                if pipes.len() > FEW {
                    let pipes = std::mem::take(pipes);
                    *self = Crowd::Many(Vec::new(), 0);
                    for pipe in pipes {
                        self.insert(pipe);
                    }
                }
            }
            Crowd::Many(words, count) => {
                let (at, bit) = (pipe as usize / 64, 1 << (pipe % 64));
                if words.len() <= at {
                    words.resize(at + 1, 0);
                }
                if words[at] & bit != 0 {
                    return false;
                }
                words[at] |= bit;
                *count += 1;
            }
        }
        true
    }

    fn remove(&mut self, pipe: u32) -> bool {
        match self {
            Crowd::Few(pipes) => match pipes.binary_search(&pipe) {
                Ok(at) => {
                    pipes.remove(at);
                    true
                }
                Err(_) => false,
            },
            Crowd::Many(words, count) => {
                let bit = 1 << (pipe % 64);
                match words.get_mut(pipe as usize / 64) {
                    Some(word) if *word & bit != 0 => {
                        *word &= !bit;
                        *count -= 1;
                        true
                    }
                    _ => false,
                }
            }
        }
    }

    #[inline(always)]
    fn for_each(&self, mut visit: impl FnMut(PipeId)) {
        match self {
            Crowd::Few(pipes) => pipes.iter().for_each(|&pipe| visit(pipe as PipeId)),
            Crowd::Many(words, _) => {
                for (at, &word) in words.iter().enumerate() {
                    let mut word = word;
                    while word != 0 {
                        visit(at * 64 + word.trailing_zeros() as usize);
                        word &= word - 1;
                    }
                }
            }
        }
    }
}

/// The publisher's side: which pipe subscribed to which topic. A pipe has a topic or has it not; a second subscription
/// changes nothing.
#[derive(Debug, Default)]
pub struct Subscriptions {
    topics: PrefixMap<Members>,
    crowds: Vec<Crowd>,
    spare: Vec<u32>,
    /// By pipe, what it subscribed to, so that its end costs no walk through everything.
    by_pipe: Vec<Own>,
}

/// The topics of one pipe.
#[derive(Debug, Default)]
struct Own {
    /// Holds all of them, and some that were unsubscribed from since.
    topics: Vec<PrefixId>,
    count: usize,
}

impl Subscriptions {
    /// How many different topics there are.
    pub fn len(&self) -> usize {
        self.topics.len()
    }

    /// True when nobody subscribed to anything.
    pub fn is_empty(&self) -> bool {
        self.topics.is_empty()
    }

    fn has(&self, members: Members, pipe: PipeId) -> bool {
        if members.0 & CROWD == 0 {
            return members.0 as PipeId == pipe;
        }
        self.crowds
            .get((members.0 & !CROWD) as usize)
            .is_some_and(|crowd| crowd.contains(pipe as u32))
    }

    /// Subscribes a pipe. True when nobody had the topic before.
    pub fn add(&mut self, topic: &[u8], pipe: PipeId) -> bool {
        let (id, first) = match self.topics.find(topic) {
            None => (self.topics.insert(topic, Members(pipe as u32)), true),
            Some(id) => {
                if !self.join(id, pipe) {
                    return false;
                }
                (id, false)
            }
        };
        self.note(id, pipe);
        first
    }

    /// Adds a pipe to the subscribers of a topic. False when it is one.
    fn join(&mut self, id: PrefixId, pipe: PipeId) -> bool {
        let Some(members) = self.topics.get_mut(id) else {
            return false;
        };
        if members.0 & CROWD != 0 {
            let crowd = self.crowds.get_mut((members.0 & !CROWD) as usize);
            return crowd.is_some_and(|crowd| crowd.insert(pipe as u32));
        }
        if members.0 as PipeId == pipe {
            return false;
        }
        let crowd = Crowd::Few(vec![members.0.min(pipe as u32), members.0.max(pipe as u32)]);
        let at = match self.spare.pop() {
            Some(at) => {
                self.crowds[at as usize] = crowd;
                at
            }
            None => {
                self.crowds.push(crowd);
                (self.crowds.len() - 1) as u32
            }
        };
        *members = Members(CROWD | at);
        true
    }

    fn note(&mut self, id: PrefixId, pipe: PipeId) {
        if self.by_pipe.len() <= pipe {
            self.by_pipe.resize_with(pipe + 1, Own::default);
        }
        self.by_pipe[pipe].count += 1;
        let own = &self.by_pipe[pipe];
        if own.topics.len() > 2 * own.count + 16 {
            let mut topics = std::mem::take(&mut self.by_pipe[pipe].topics);
            topics.sort_unstable();
            topics.dedup();
            topics.retain(|&id| {
                self.topics
                    .get(id)
                    .is_some_and(|&members| self.has(members, pipe))
            });
            self.by_pipe[pipe].topics = topics;
        }
        self.by_pipe[pipe].topics.push(id);
    }

    /// Unsubscribes a pipe.
    pub fn remove(&mut self, topic: &[u8], pipe: PipeId) -> Removed {
        let Some(id) = self.topics.find(topic) else {
            return Removed::NotFound;
        };
        let removed = self.leave(id, pipe);
        match removed {
            Removed::NotFound => return removed,
            Removed::Last => self.forget(id),
            Removed::Remaining => {}
        }
        if let Some(own) = self.by_pipe.get_mut(pipe) {
            own.count -= 1;
            if own.count == 0 {
                own.topics = Vec::new();
            }
        }
        removed
    }

    /// Takes a pipe from the subscribers of a topic; the topic itself stays.
    fn leave(&mut self, id: PrefixId, pipe: PipeId) -> Removed {
        let Some(&members) = self.topics.get(id) else {
            return Removed::NotFound;
        };
        if members.0 & CROWD == 0 {
            return if members.0 as PipeId == pipe {
                Removed::Last
            } else {
                Removed::NotFound
            };
        }
        let Some(crowd) = self.crowds.get_mut((members.0 & !CROWD) as usize) else {
            return Removed::NotFound;
        };
        match (crowd.remove(pipe as u32), crowd.len()) {
            (false, _) => Removed::NotFound,
            (true, 0) => Removed::Last,
            (true, _) => Removed::Remaining,
        }
    }

    /// Removes a topic that has no subscriber left.
    fn forget(&mut self, id: PrefixId) {
        if let Some(Members(members)) = self.topics.remove(id)
            && members & CROWD != 0
        {
            let at = members & !CROWD;
            self.crowds[at as usize] = Crowd::Few(Vec::new());
            self.spare.push(at);
        }
        if self.topics.is_empty() {
            (self.crowds, self.spare) = (Vec::new(), Vec::new());
        }
    }

    /// Unsubscribes a pipe from everything, and calls `gone` with each topic it had and whether nobody has it now.
    pub fn remove_pipe(&mut self, pipe: PipeId, mut gone: impl FnMut(&[u8], bool)) {
        let Some(own) = self.by_pipe.get_mut(pipe).map(std::mem::take) else {
            return;
        };
        for id in own.topics {
            let removed = self.leave(id, pipe);
            if removed == Removed::NotFound {
                continue;
            }
            if let Some(topic) = self.topics.prefix(id) {
                gone(topic, removed == Removed::Last);
            }
            if removed == Removed::Last {
                self.forget(id);
            }
        }
    }

    /// Calls `visit` with each pipe that wants `key`, once for every topic by which it does.
    #[inline(always)]
    pub fn for_each_match(&self, key: &[u8], mut visit: impl FnMut(PipeId)) {
        self.topics.for_each_prefix_of(key, |&members| {
            if members.0 & CROWD == 0 {
                visit(members.0 as PipeId);
            } else if let Some(crowd) = self.crowds.get((members.0 & !CROWD) as usize) {
                crowd.for_each(&mut visit);
            }
        });
    }

    /// True when `pipe` wants `key`.
    pub fn matches(&self, key: &[u8], pipe: PipeId) -> bool {
        self.topics
            .any_prefix_of(key, |&members| self.has(members, pipe))
    }
}

#[cfg(test)]
impl Subscriptions {
    /// Entries kept for pipes, live or not.
    pub(super) fn footprint(&self) -> usize {
        self.by_pipe.iter().map(|own| own.topics.len()).sum()
    }
}
