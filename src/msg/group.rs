//! Groups: the names that RADIO sends to and DISH joins.

use super::meta::Tie;
use super::{Meta, Msg};
use std::ffi::CString;

/// The longest name.
pub const GROUP_MAX: usize = 255;
/// How many groups are remembered.
const SLOTS: usize = 16;

/// Puts groups on messages. Messages of one connection and one group share what says so, as long as it is remembered.
#[derive(Debug, Default)]
pub struct Groups {
    slots: [Option<Slot>; SLOTS],
}

#[derive(Debug)]
struct Slot {
    /// What the message knew before.
    of: Tie,
    name: Box<[u8]>,
    /// Has the group.
    marked: Msg,
}

impl Groups {
    /// Gives a message a group, by its name without any NUL.
    pub fn mark(&mut self, msg: &mut Msg, name: &[u8]) {
        let of = msg.meta.get();
        let slot = &mut self.slots[place(of, name)];
        if let Some(slot) = slot
            && slot.of == of
            && *slot.name == *name
        {
            msg.share_meta(&slot.marked);
            return;
        }
        let group = CString::new(name).unwrap_or_default();
        let meta = match msg.meta() {
            Some(meta) => meta.with_group(group),
            None => Meta::of_group(group),
        };
        msg.set_meta(Some(meta));
        // A counted tie is the name of nothing: what it points to may be another's soon.
        if !of.is_counted() {
            let mut marked = Msg::new();
            marked.share_meta(msg);
            *slot = Some(Slot {
                of,
                name: name.into(),
                marked,
            });
        }
    }
}

fn place(of: Tie, name: &[u8]) -> usize {
    let hash = name.iter().fold(of.number(), |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (hash >> 32) as usize % SLOTS
}

#[cfg(test)]
mod tests {
    use super::super::MetaSource;
    use super::*;

    fn group(msg: &Msg) -> &[u8] {
        msg.meta()
            .and_then(Meta::group)
            .map_or(b"none", |group| group.to_bytes())
    }

    #[test]
    fn each_message_has_its_own_group() {
        let mut groups = Groups::default();
        let mut msg = Msg::new();
        assert_eq!(group(&msg), b"none");
        for round in 0..3 {
            for name in (0..100).map(|n| format!("group {n}")) {
                groups.mark(&mut msg, name.as_bytes());
                assert_eq!(group(&msg), name.as_bytes(), "{round}");
                let mut other = Msg::new();
                groups.mark(&mut other, name.as_bytes());
                assert_eq!(group(&other), name.as_bytes(), "{round}");
            }
        }
        groups.mark(&mut msg, b"");
        assert_eq!(group(&msg), b"");
    }

    #[test]
    fn a_group_leaves_the_connection_known() {
        let sources = [3, 4].map(|fd| MetaSource::new(Meta::new([("k", "v")], fd)));
        let mut groups = Groups::default();
        for (source, fd) in sources.iter().zip([3, 4]) {
            for _ in 0..2 {
                let mut msg = Msg::new();
                msg.stamp(source);
                groups.mark(&mut msg, b"A");
                assert_eq!(group(&msg), b"A");
                assert_eq!(msg.meta().map(Meta::fd), Some(fd));
                assert!(msg.meta().unwrap().property(c"k").is_some());
            }
        }
    }
}
