//! What a received message tells of its connection: properties, descriptor, group.
//!
//! A message *names* its connection's metadata: an entry of a table of the process, and which use of that entry. Names
//! cost nothing to hand out, to copy and to drop, so a stream of messages counts no references. Only a message that is
//! asked for its metadata takes a reference to it. The entry of a connection that ended is used again no sooner than
//! [`RESERVE`] others ended after it; a message that was kept that long and never asked before knows nothing any more.

use parking_lot::Mutex;
use std::ffi::{CStr, CString};
use std::sync::Arc;
use std::sync::OnceLock;

/// Entries of ended connections that keep their metadata.
const RESERVE: usize = 1024;
/// Entries of the first chunk of the table; each further chunk doubles it.
const FIRST: u32 = 64;
const CHUNKS: usize = 24;

/// Metadata shared by all messages of a connection.
#[derive(Clone, Debug)]
pub struct Meta {
    /// Names and values by turns, a NUL behind each.
    properties: Arc<[u8]>,
    fd: i32,
    group: Option<CString>,
}

impl Meta {
    /// The properties of a connection, and its descriptor (−1: none). Names and values that hold a NUL are cut there.
    pub fn new<K: AsRef<[u8]>, V: AsRef<[u8]>>(
        properties: impl IntoIterator<Item = (K, V), IntoIter: Clone>,
        fd: i32,
    ) -> Meta {
        fn cut(text: &[u8]) -> &[u8] {
            text.split(|&byte| byte == 0).next().unwrap_or_default()
        }
        let properties = properties.into_iter();
        let lengths = properties
            .clone()
            .map(|(name, value)| cut(name.as_ref()).len() + cut(value.as_ref()).len() + 2);
        let mut list: Arc<[u8]> = std::iter::repeat_n(0, lengths.sum()).collect();
        let mut rest = Arc::get_mut(&mut list).unwrap_or_default().iter_mut();
        let mut add = |text: &[u8]| {
            // The NUL behind it is there already.
            let text = cut(text);
            for (&byte, place) in text.iter().zip(rest.by_ref()) {
                *place = byte;
            }
            rest.next();
        };
        for (name, value) in properties {
            add(name.as_ref());
            add(value.as_ref());
        }
        Meta {
            properties: list,
            fd,
            group: None,
        }
    }

    /// Metadata of a message that came from no connection but has a group.
    pub fn of_group(group: CString) -> Meta {
        Meta {
            properties: Arc::default(),
            fd: -1,
            group: Some(group),
        }
    }

    /// The same connection, with a group.
    pub fn with_group(&self, group: CString) -> Meta {
        Meta {
            group: Some(group),
            ..self.clone()
        }
    }

    /// The value of a property, by its exact name.
    pub fn property(&self, name: &CStr) -> Option<&CStr> {
        let mut rest = &*self.properties;
        let mut next = || {
            let text = CStr::from_bytes_until_nul(rest).ok()?;
            rest = rest.get(text.count_bytes() + 1..)?;
            Some(text)
        };
        while let (Some(key), Some(value)) = (next(), next()) {
            if key == name {
                return Some(value);
            }
        }
        None
    }

    /// The connection's descriptor, −1 for none.
    pub fn fd(&self) -> i32 {
        self.fd
    }

    /// The message's group.
    pub fn group(&self) -> Option<&CStr> {
        self.group.as_deref()
    }
}

/// What a message holds of its metadata: nothing, a name (odd), or one reference (an `Arc`'s pointer, even).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(transparent)]
pub(super) struct Tie(u64);

impl Tie {
    pub(super) const NONE: Tie = Tie(0);

    /// One reference to `meta`.
    pub(super) fn counted(meta: Arc<Meta>) -> Tie {
        Tie(Arc::into_raw(meta) as u64)
    }

    fn name(index: u32, use_: u32) -> Tie {
        Tie(u64::from(use_) << 32 | u64::from(index) << 1 | 1)
    }

    #[inline(always)]
    pub(super) fn is_none(self) -> bool {
        self.0 == 0
    }

    /// True when it stands for a reference, which is to be released.
    #[inline(always)]
    pub(super) fn is_counted(self) -> bool {
        self.0 & 1 == 0 && !self.is_none()
    }

    /// A number that differs from tie to tie.
    pub(super) fn number(self) -> u64 {
        self.0
    }

    /// The metadata.
    ///
    /// # Safety
    /// The tie stands for a reference, held for `'a`.
    pub(super) unsafe fn referent<'a>(self) -> &'a Meta {
        // SAFETY: the caller's promise; the pointer came from `counted`.
        unsafe { &*(self.0 as *const Meta) }
    }

    /// A reference to the metadata, if the name still means something.
    pub(super) fn resolve(self) -> Option<Arc<Meta>> {
        let entry = entry((self.0 as u32) >> 1)?.lock();
        (entry.use_ == (self.0 >> 32) as u32)
            .then(|| entry.meta.clone())
            .flatten()
    }

    /// # Safety
    /// The tie stands for a reference, held by the caller.
    pub(super) unsafe fn retain(self) {
        // SAFETY: the caller's promise.
        unsafe { Arc::increment_strong_count(self.0 as *const Meta) };
    }

    /// # Safety
    /// The tie stands for a reference, which the caller gives up.
    #[cold]
    pub(super) unsafe fn release(self) {
        // SAFETY: the caller's promise.
        unsafe { Arc::decrement_strong_count(self.0 as *const Meta) };
    }
}

#[derive(Debug, Default)]
struct Entry {
    use_: u32,
    /// Of an entry whose connection ended, the one whose connection ended next.
    next: u32,
    meta: Option<Arc<Meta>>,
}

type Chunk = Box<[Mutex<Entry>]>;

/// The first chunk of the table is there from the start.
static FIRST_CHUNK: [Mutex<Entry>; FIRST as usize] = [const { Mutex::new(Entry::NONE) }; _];
static TABLE: [OnceLock<Chunk>; CHUNKS] = [const { OnceLock::new() }; CHUNKS];
static REGISTER: Mutex<Register> = Mutex::new(Register {
    entries: 0,
    ended: 0,
    first: 0,
    last: 0,
});

impl Entry {
    const NONE: Entry = Entry {
        use_: 0,
        next: 0,
        meta: None,
    };
}

/// How many entries there are, and those whose connection ended: how many, the first and the last of them.
struct Register {
    entries: u32,
    ended: usize,
    first: u32,
    last: u32,
}

impl Register {
    /// An entry for a connection, if the table is not full.
    fn take(&mut self) -> Option<u32> {
        if self.ended > RESERVE {
            let index = self.first;
            self.first = entry(index)?.lock().next;
            self.ended -= 1;
            return Some(index);
        }
        let index = self.entries;
        if let (chunk @ 1.., _) = place(index) {
            TABLE
                .get(chunk)?
                .get_or_init(|| (0..FIRST << chunk).map(|_| Mutex::default()).collect());
        }
        self.entries += 1;
        Some(index)
    }

    /// The entry's connection ended.
    fn put(&mut self, index: u32) {
        if self.ended == 0 {
            self.first = index;
        } else if let Some(last) = entry(self.last) {
            last.lock().next = index;
        }
        self.last = index;
        self.ended += 1;
    }
}

/// Chunk `n` holds `FIRST << n` entries, from index `FIRST * (2^n − 1)` on.
fn place(index: u32) -> (usize, usize) {
    let number = (index / FIRST + 1).ilog2();
    let start = FIRST * ((1 << number) - 1);
    (number as usize, (index - start) as usize)
}

fn entry(index: u32) -> Option<&'static Mutex<Entry>> {
    match place(index) {
        (0, at) => FIRST_CHUNK.get(at),
        (chunk, at) => TABLE.get(chunk)?.get()?.get(at),
    }
}

/// A connection's metadata, and the name that its messages carry.
#[derive(Debug)]
pub struct MetaSource {
    meta: Arc<Meta>,
    /// `None` when the table is full: then each message holds a reference.
    index: Option<u32>,
    name: Tie,
}

impl MetaSource {
    /// Gives metadata a name.
    pub fn new(meta: Meta) -> MetaSource {
        let meta = Arc::new(meta);
        let index = REGISTER.lock().take();
        let mut name = Tie::NONE;
        if let Some(index) = index
            && let Some(entry) = entry(index)
        {
            let mut entry = entry.lock();
            entry.use_ = entry.use_.wrapping_add(1);
            entry.meta = Some(Arc::clone(&meta));
            name = Tie::name(index, entry.use_);
        }
        MetaSource { meta, index, name }
    }

    /// The metadata itself.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// What a message of this connection holds.
    #[inline(always)]
    pub(super) fn tie(&self) -> Tie {
        if self.name.is_none() {
            return Tie::counted(Arc::clone(&self.meta));
        }
        self.name
    }
}

impl Drop for MetaSource {
    fn drop(&mut self) {
        if let Some(index) = self.index {
            REGISTER.lock().put(index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meta(value: &str) -> Meta {
        Meta::new([("k", value)], 3)
    }

    fn value(tie: Tie) -> Option<String> {
        let meta = tie.resolve()?;
        Some(meta.property(c"k")?.to_str().ok()?.to_owned())
    }

    #[test]
    fn names_outlive_their_connection_until_the_reserve_is_used_up() {
        let first = MetaSource::new(meta("first"));
        let tie = first.tie();
        assert!(!tie.is_counted() && !tie.is_none());
        assert_eq!(value(tie).as_deref(), Some("first"));
        drop(first);
        for _ in 0..RESERVE / 2 {
            drop(MetaSource::new(meta("other")));
        }
        assert_eq!(value(tie).as_deref(), Some("first"));
        for _ in 0..2 * RESERVE {
            drop(MetaSource::new(meta("other")));
        }
        assert_eq!(value(tie), None);
    }

    #[test]
    fn properties_are_found_by_their_exact_name() {
        let meta = Meta::new(
            [
                ("a", "1"),
                ("", "x"),
                ("ab", ""),
                ("a", "2"),
                ("c\0d", "3\0y"),
            ],
            -1,
        );
        let value = |name| meta.property(name).and_then(|value| value.to_str().ok());
        assert_eq!(value(c"a"), Some("1"));
        assert_eq!(value(c"ab"), Some(""));
        assert_eq!(value(c""), Some("x"));
        assert_eq!(value(c"c"), Some("3"));
        assert_eq!((value(c"1"), value(c"d"), value(c"A")), (None, None, None));
    }

    #[test]
    fn places_are_dense() {
        let mut expected = (0, 0);
        for index in 0..10_000 {
            assert_eq!(place(index), expected);
            expected.1 += 1;
            if expected.1 == (FIRST as usize) << expected.0 {
                expected = (expected.0 + 1, 0);
            }
        }
    }
}
