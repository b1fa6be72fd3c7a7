use super::*;
use std::sync::atomic::{AtomicUsize, Ordering};

static FREED: AtomicUsize = AtomicUsize::new(0);

unsafe extern "C" fn count(_data: *mut c_void, hint: *mut c_void) {
    FREED.fetch_add(hint as usize, Ordering::SeqCst);
}

#[test]
fn bodies_keep_their_bytes() {
    for size in [0, 1, INLINE_MAX, INLINE_MAX + 1, 4095, 4096, 100_000] {
        let bytes: Vec<u8> = (0..size).map(|i| i as u8).collect();
        let mut msg = Msg::copied(&bytes).unwrap();
        assert_eq!(msg.data(), &bytes[..]);
        assert_eq!(msg.inline_body().is_some(), size <= INLINE_MAX);
        let twin = msg.share().unwrap();
        assert_eq!(msg.is_shared(), size > INLINE_MAX);
        assert_eq!(twin.is_shared(), size > INLINE_MAX);
        drop(msg);
        assert_eq!(twin.data(), &bytes[..]);
    }
}

#[test]
fn large_bodies_are_aligned() {
    let mut msg = Msg::with_size(70_000).unwrap();
    assert_eq!(msg.data_ptr() as usize % 64, 0);
}

#[test]
fn an_absurd_size_is_an_error() {
    assert_eq!(Msg::with_size(usize::MAX).err(), Some(Errno::ENOMEM));
    assert_eq!(Msg::with_size(usize::MAX - 64).err(), Some(Errno::ENOMEM));
}

#[test]
fn foreign_memory_is_released_once() {
    let mut bytes = vec![7u8; 100];
    // SAFETY: `bytes` outlives the messages.
    let mut msg = unsafe {
        Msg::foreign(
            bytes.as_mut_ptr(),
            100,
            Some(count),
            std::ptr::without_provenance_mut(1),
        )
    };
    let before = FREED.load(Ordering::SeqCst);
    let twin = msg.share().unwrap();
    drop(msg);
    assert_eq!(FREED.load(Ordering::SeqCst), before);
    assert_eq!(twin.data(), &[7; 100]);
    drop(twin);
    assert_eq!(FREED.load(Ordering::SeqCst), before + 1);
}

#[test]
fn slices_outlive_their_block() {
    let mut block = RecvBlock::with_capacity(8192).unwrap();
    block.carry(&[1; 300]);
    let first = block.slice(100).unwrap();
    let second = block.slice(200).unwrap();
    assert!(!block.reuse());
    assert!(block.slice(1).is_err());
    drop(first);
    drop(block);
    assert_eq!(second.data(), &[1; 200]);
}

#[test]
fn a_block_is_reused_once_free() {
    let mut block = RecvBlock::with_capacity(64).unwrap();
    block.carry(&[1; 64]);
    assert_eq!(block.room(), 0);
    drop(block.slice(64).unwrap());
    assert!(block.reuse());
    assert_eq!(block.room(), 64);
}
