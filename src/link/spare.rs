//! One receive block for all connections that a thread reads for now and then: who has read all there was, and keeps no
//! message in its block, leaves it for the next. So a connection that rests holds none, and the one in use is warm.
#![forbid(unsafe_code)]

use crate::errno::Result;
use crate::msg::RecvBlock;
use std::cell::Cell;

/// Its size: the smallest that a connection reads into, but for those whose options ask for less.
pub(super) const SIZE: usize = 8 << 10;

thread_local! {
    static SPARE: Cell<Option<RecvBlock>> = const { Cell::new(None) };
}

/// A block of [`SIZE`].
#[inline]
pub(super) fn take() -> Result<RecvBlock> {
    // A thread that ends has none any more.
    match SPARE.try_with(Cell::take) {
        Ok(Some(block)) => Ok(block),
        _ => RecvBlock::with_capacity(SIZE),
    }
}

/// Leaves a block with nothing unread in it, if it is one of [`SIZE`] and no message lies in it. False when it stays where it
/// is.
#[inline]
pub(super) fn leave(place: &mut Option<RecvBlock>) -> bool {
    let Some(block) = place else {
        return true;
    };
    // The threads of a model are one, and so would be their spare block.
    !cfg!(loom)
        && block.unread().is_empty()
        && block.capacity() == SIZE
        && block.reuse()
        && SPARE.try_with(|spare| spare.set(place.take())).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holding(bytes: &[u8]) -> Option<RecvBlock> {
        let mut block = take().unwrap();
        block.carry(bytes);
        Some(block)
    }

    #[test]
    fn a_block_without_messages_goes_from_one_to_the_next() {
        let mut block = holding(b"body");
        let first = block.as_ref().map(|block| block.unread().as_ptr());
        assert!(!leave(&mut block));
        let msg = block.as_mut().unwrap().slice(4).unwrap();
        assert!(!leave(&mut block));
        assert_eq!(msg.data(), b"body");
        drop(msg);
        assert!(leave(&mut block));
        assert!(block.is_none());
        let again = holding(b"other");
        assert_eq!(again.as_ref().map(|block| block.unread().as_ptr()), first);
    }

    #[test]
    fn blocks_of_other_sizes_stay() {
        let mut block = Some(RecvBlock::with_capacity(2 * SIZE).unwrap());
        assert!(!leave(&mut block));
        assert!(block.is_some());
    }
}
