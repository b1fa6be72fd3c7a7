//! The message: what `zmq_msg_t` is, 64 bytes moved by memcpy, and the blocks of memory its body may lie in.
//!
//! A body is inline (up to [`INLINE_MAX`] bytes), a part of a reference-counted [`Block`](block) (one allocation of its own,
//! or a slice of a receive block), foreign (the application's memory, given by `zmq_msg_init_data`, whose release
//! function lies in the message itself until the first copy), or constant.

mod block;
mod filling;
mod group;
mod meta;
mod pool;
mod receive;
mod run;

pub use filling::Filling;
pub use group::{GROUP_MAX, Groups};
pub use meta::{Meta, MetaSource};
pub use receive::RecvBlock;
pub use run::{RunReader, RunWriter};

use crate::errno::{Errno, Result};
use block::Block;
use meta::Tie;
use std::cell::Cell;
use std::ffi::c_void;
use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};
use std::sync::Arc;

/// The largest body that lies in the message itself.
pub const INLINE_MAX: usize = 48;

/// More frames of the same message follow.
pub const MORE: u8 = 1;
/// The body is a topic to subscribe to (a command on the wire where the peer knows commands).
pub const SUBSCRIBE: u8 = 2;
/// The body is a topic to unsubscribe from.
pub const CANCEL: u8 = 4;
/// The body is the sender's routing id, sent ahead of its first message over inproc.
pub const ROUTING_ID: u8 = 8;
/// The body is a group to join.
pub const JOIN: u8 = 16;
/// The body is a group to leave.
pub const LEAVE: u8 = 32;
/// No message at all, but news of a run: see [`RunReader::of`].
pub const RUN: u8 = 64;
/// The body is shared with a copy of this message.
pub const SHARED: u8 = 128;
/// Any of the flags that make the message something other than the application's data.
pub const CONTROL: u8 = SUBSCRIBE | CANCEL | ROUTING_ID | JOIN | LEAVE;

/// The release function of `zmq_msg_init_data`.
pub type FreeFn = unsafe extern "C" fn(data: *mut c_void, hint: *mut c_void);

/// First byte of a live message: no zeroed or random memory is taken for one.
const LIVE: u8 = 0xa7;
/// First byte of a closed message.
const CLOSED: u8 = 0x5d;

const INLINE: u8 = 0x31;
const BLOCK: u8 = 0x62;
const FOREIGN: u8 = 0x94;
const CONSTANT: u8 = 0xc8;

#[derive(Clone, Copy)]
#[repr(C)]
struct InBlock {
    data: *mut u8,
    len: usize,
    block: NonNull<Block>,
}

#[derive(Clone, Copy)]
#[repr(C)]
struct Foreign {
    data: *mut u8,
    len: usize,
    free: Option<FreeFn>,
    hint: *mut c_void,
}

#[repr(C)]
union Body {
    /// Initialised to its end, whatever the length.
    inline: [u8; INLINE_MAX],
    block: InBlock,
    foreign: Foreign,
}

/// One frame of a message. Not `Sync`: a message belongs to one thread at a time, its body may be shared.
#[repr(C)]
pub struct Msg {
    head: Head,
    meta: Cell<Tie>,
    body: Body,
}

/// Mark, kind, flags, length of an inline body and routing id in one word, always written whole: a load that follows a
/// narrower store to the same place has to wait for that to reach the cache.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
struct Head(u64);

impl Head {
    const FLAGS: u32 = 16;
    const LEN: u32 = 24;
    const ROUTING_ID: u32 = 32;

    #[inline(always)]
    const fn new(kind: u8) -> Head {
        Head(LIVE as u64 | (kind as u64) << 8)
    }

    #[inline(always)]
    const fn with_len(self, len: u8) -> Head {
        Head(self.0 & !(0xff << Head::LEN) | (len as u64) << Head::LEN)
    }

    #[inline(always)]
    const fn with_flags(self, flags: u8) -> Head {
        Head(self.0 & !(0xff << Head::FLAGS) | (flags as u64) << Head::FLAGS)
    }

    #[inline(always)]
    const fn mark(self) -> u8 {
        self.0 as u8
    }

    #[inline(always)]
    const fn kind(self) -> u8 {
        (self.0 >> 8) as u8
    }

    #[inline(always)]
    const fn flags(self) -> u8 {
        (self.0 >> Head::FLAGS) as u8
    }

    #[inline(always)]
    const fn len(self) -> u8 {
        (self.0 >> Head::LEN) as u8
    }
}

const _: () = assert!(size_of::<Msg>() == 64 && align_of::<Msg>() == align_of::<*const u8>());

// SAFETY: the metadata of a message is looked at by its owner only; blocks and metadata are counted atomically, and a foreign body's release function may run on any thread by
// the contract of zmq_msg_init_data.
unsafe impl Send for Msg {}

impl Default for Msg {
    fn default() -> Msg {
        Msg::new()
    }
}

impl std::fmt::Debug for Msg {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Msg({} bytes, flags {:#x})",
            self.len(),
            self.head.flags()
        )
    }
}

impl Msg {
    #[inline(always)]
    const fn with_body(kind: u8, body: Body) -> Msg {
        Msg {
            head: Head::new(kind),
            meta: Cell::new(Tie::NONE),
            body,
        }
    }

    /// An empty message.
    #[inline(always)]
    pub const fn new() -> Msg {
        Msg::with_body(
            INLINE,
            Body {
                inline: [0; INLINE_MAX],
            },
        )
    }

    /// A message of `size` bytes of unspecified content.
    ///
    /// # Errors
    /// ENOMEM.
    #[inline]
    pub fn with_size(size: usize) -> Result<Msg> {
        if size <= INLINE_MAX {
            return Ok(Msg::of_len(size as u8));
        }
        let block = Block::allocate(size)?;
        Ok(Msg::in_block(block, Block::data(block), size))
    }

    /// A message of `len` zeros, which lie in itself: at most [`INLINE_MAX`].
    #[inline(always)]
    pub fn of_len(len: u8) -> Msg {
        let mut msg = Msg::new();
        msg.head = msg.head.with_len(len.min(INLINE_MAX as u8));
        msg
    }

    /// A message that holds a copy of `bytes`.
    ///
    /// # Errors
    /// ENOMEM.
    #[inline]
    pub fn copied(bytes: &[u8]) -> Result<Msg> {
        if bytes.len() <= INLINE_MAX {
            return Ok(Msg::inline(bytes));
        }
        let mut msg = Msg::with_size(bytes.len())?;
        msg.data_mut().copy_from_slice(bytes);
        Ok(msg)
    }

    /// A message whose body, at most [`INLINE_MAX`] bytes (more are cut), lies in itself.
    #[inline(always)]
    pub fn inline(bytes: &[u8]) -> Msg {
        let len = bytes.len().min(INLINE_MAX);
        let mut msg = Msg::new();
        msg.head = msg.head.with_len(len as u8);
        // SAFETY: `inline` is live and has room for `len` bytes.
        unsafe {
            ptr::copy_nonoverlapping(bytes.as_ptr(), (&raw mut msg.body.inline).cast::<u8>(), len)
        };
        msg
    }

    /// A message whose body is the first `len` (at most [`INLINE_MAX`]) of `bytes`, the rest of which is of no meaning.
    #[inline(always)]
    pub fn inline_of(bytes: &[u8; INLINE_MAX], len: u8) -> Msg {
        let mut msg = Msg::with_body(INLINE, Body { inline: *bytes });
        msg.head = msg.head.with_len(len.min(INLINE_MAX as u8));
        msg
    }

    /// A message around memory of the application's, released by `free(data, hint)` from any thread. Without a release
    /// function the memory is constant: it is never written or freed.
    ///
    /// # Safety
    /// `data` points at `len` readable bytes (or is null with `len` 0) that stay valid until `free` is called.
    #[inline]
    pub unsafe fn foreign(
        data: *mut u8,
        len: usize,
        free: Option<FreeFn>,
        hint: *mut c_void,
    ) -> Msg {
        let kind = if free.is_some() { FOREIGN } else { CONSTANT };
        Msg::with_body(
            kind,
            Body {
                foreign: Foreign {
                    data,
                    len,
                    free,
                    hint,
                },
            },
        )
    }

    /// A message that owns one reference to `block`.
    #[inline(always)]
    fn in_block(block: NonNull<Block>, data: *mut u8, len: usize) -> Msg {
        Msg::with_body(
            BLOCK,
            Body {
                block: InBlock { data, len, block },
            },
        )
    }

    /// True when the memory at `self` looks like a live message. What the C layer asks before it believes a pointer.
    #[inline(always)]
    pub fn is_live(&self) -> bool {
        self.is_live_inline()
            || self.head.mark() == LIVE && matches!(self.head.kind(), BLOCK | FOREIGN | CONSTANT)
    }

    /// True when it is live and its body lies in itself.
    #[inline(always)]
    pub fn is_live_inline(&self) -> bool {
        self.head.0 as u16 == Head::new(INLINE).0 as u16
    }

    /// Marks the memory of a message that was moved out or released, so that a second close is noticed.
    ///
    /// # Safety
    /// `msg` is valid for writes, and what it held was taken out of it.
    #[inline(always)]
    pub unsafe fn mark_closed(msg: *mut Msg) {
        // SAFETY: the caller's promise.
        unsafe { (&raw mut (*msg).head).write(Head(CLOSED as u64)) };
    }

    /// Number of bytes in the body.
    #[inline(always)]
    pub fn len(&self) -> usize {
        // SAFETY: the kind says which member is live; `data` and `len` lie at the same place in the other two.
        if self.head.kind() == INLINE {
            usize::from(self.head.len())
        } else {
            // SAFETY: as above.
            unsafe { self.body.block.len }
        }
    }

    /// True when the body has no bytes.
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where the body starts. Null for constant data of no bytes, if that is what was given.
    #[inline(always)]
    pub fn data_ptr(&mut self) -> *mut u8 {
        if self.head.kind() == INLINE {
            (&raw mut self.body.inline).cast()
        } else {
            // SAFETY: `data` lies at the same place in both other members.
            unsafe { self.body.block.data }
        }
    }

    /// The body.
    #[inline(always)]
    pub fn data(&self) -> &[u8] {
        let (data, len) = if self.head.kind() == INLINE {
            (
                (&raw const self.body.inline).cast::<u8>(),
                usize::from(self.head.len()),
            )
        } else {
            // SAFETY: `data` and `len` lie at the same place in both other members.
            unsafe { (self.body.block.data.cast_const(), self.body.block.len) }
        };
        if len == 0 {
            return &[];
        }
        // SAFETY: the constructors put `len` bytes at `data`, which live as long as the message. Bodies made by
        // with_size were zeroed when inline, or are plain allocated memory whose bytes the owner writes.
        unsafe { std::slice::from_raw_parts(data, len) }
    }

    /// The body, to write to. A shared body is written for all its sharers, as in C.
    #[inline(always)]
    pub fn data_mut(&mut self) -> &mut [u8] {
        let len = self.len();
        if len == 0 {
            return &mut [];
        }
        // SAFETY: as in `data`; slices of one receive block never overlap, and a constant body is never written by
        // this library (only `copied` and `with_size` bodies are passed here).
        unsafe { std::slice::from_raw_parts_mut(self.data_ptr(), len) }
    }

    /// All flags.
    #[inline(always)]
    pub fn flags(&self) -> u8 {
        self.head.flags()
    }

    /// Replaces the flags, but for [`SHARED`], which stays what it is.
    #[inline(always)]
    pub fn set_flags(&mut self, flags: u8) {
        self.head = self.head.with_flags(self.head.flags() & SHARED | flags);
    }

    /// True when more frames of the same message follow.
    #[inline(always)]
    pub fn more(&self) -> bool {
        self.head.flags() & MORE != 0
    }

    /// Says whether more frames of the same message follow.
    #[inline(always)]
    pub fn set_more(&mut self, more: bool) {
        self.head = self
            .head
            .with_flags(self.head.flags() & !MORE | u8::from(more));
    }

    /// True when the body is shared with a copy, or constant.
    pub fn is_shared(&self) -> bool {
        self.head.flags() & SHARED != 0 || self.head.kind() == CONSTANT
    }

    /// The memory of a body that lies in the message: [`len`](Msg::len) bytes and what is behind them.
    #[inline(always)]
    pub fn inline_body(&self) -> Option<&[u8; INLINE_MAX]> {
        if self.head.kind() != INLINE {
            return None;
        }
        // SAFETY: the kind says that `inline` is live.
        Some(unsafe { &self.body.inline })
    }

    /// As [`inline_body`](Msg::inline_body), with the length, of a message that is nothing but the application's data.
    #[inline(always)]
    pub fn plain_body(&self) -> Option<(&[u8; INLINE_MAX], u8)> {
        const MASK: u64 =
            0xff00 | (CONTROL as u64) << Head::FLAGS | (u32::MAX as u64) << Head::ROUTING_ID;
        let head = self.head;
        if head.0 & MASK != Head::new(INLINE).0 & MASK {
            return None;
        }
        // SAFETY: the kind says that `inline` is live.
        Some((unsafe { &self.body.inline }, head.len()))
    }

    /// The body of a message that is nothing but the application's data, in a block of this library's that no other
    /// message shares.
    #[inline(always)]
    pub fn own_block_body(&self) -> Option<&[u8]> {
        const PLAIN: u64 = Head::new(BLOCK).0;
        const MASK: u64 = !((MORE as u64) << Head::FLAGS);
        if self.head.0 & MASK != PLAIN || self.calls_back() {
            return None;
        }
        Some(self.data())
    }

    /// The block of a body that lies in one, with this message's reference to it.
    fn into_block(self) -> Option<NonNull<Block>> {
        if self.head.kind() != BLOCK {
            return None;
        }
        let mut msg = ManuallyDrop::new(self);
        msg.forget_meta();
        // SAFETY: the kind says that `block` is live.
        Some(unsafe { msg.body.block.block })
    }

    /// True when dropping it does nothing.
    #[inline(always)]
    pub fn is_plain(&self) -> bool {
        self.head.kind() == INLINE && !self.meta.get().is_counted()
    }

    /// True when dropping it may run a function of the application's.
    #[inline(always)]
    pub fn calls_back(&self) -> bool {
        match self.head.kind() {
            INLINE => false,
            // SAFETY: the kind says that `block` is live.
            BLOCK => unsafe { self.body.block.block.as_ref().calls_back() },
            _ => true,
        }
    }

    /// The peer's number on SERVER and PEER sockets; 0 for none.
    pub fn routing_id(&self) -> u32 {
        (self.head.0 >> Head::ROUTING_ID) as u32
    }

    /// Sets the peer's number.
    pub fn set_routing_id(&mut self, id: u32) {
        self.head = Head(self.head.0 as u32 as u64 | u64::from(id) << Head::ROUTING_ID);
    }

    /// What is known of the connection the message came by, and its group. Good until the metadata is replaced.
    pub fn meta(&self) -> Option<&Meta> {
        if !self.meta.get().is_counted() {
            let meta = self.meta.get().resolve()?;
            self.meta.set(Tie::counted(meta));
        }
        // SAFETY: the message owns one reference, which only `adopt` gives up, by a mutable borrow.
        Some(unsafe { self.meta.get().referent() })
    }

    /// Replaces the metadata.
    pub fn set_meta(&mut self, meta: Option<Meta>) {
        self.adopt(meta.map_or(Tie::NONE, |meta| Tie::counted(Arc::new(meta))));
    }

    /// Forgets the metadata, as a message does that is sent on.
    #[inline(always)]
    pub fn forget_meta(&mut self) {
        if !self.meta.get().is_none() {
            self.adopt(Tie::NONE);
        }
    }

    #[inline(always)]
    fn adopt(&mut self, tie: Tie) {
        let old = self.meta.replace(tie);
        if old.is_counted() {
            // SAFETY: the message owned it.
            unsafe { old.release() };
        }
    }

    /// Stamps a message, just made, with the connection it came by.
    #[inline(always)]
    pub fn stamp(&mut self, source: &MetaSource) {
        debug_assert!(self.meta.get().is_none());
        self.meta.set(source.tie());
    }

    /// Takes on the metadata of `other`, without a copy of it.
    pub fn share_meta(&mut self, other: &Msg) {
        let tie = other.meta.get();
        if tie.is_counted() {
            // SAFETY: `other` owns one reference to it; the second one is this message's.
            unsafe { tie.retain() };
        }
        self.adopt(tie);
    }

    /// A second message with the same body: shared when it is large, copied when it lies inline. Both then say so when
    /// asked for ZMQ_SHARED.
    ///
    /// # Errors
    /// ENOMEM, when foreign memory needs a counter for the first time.
    pub fn share(&mut self) -> Result<Msg> {
        if self.head.kind() == FOREIGN {
            // SAFETY: the kind says that `foreign` is live.
            let foreign = unsafe { self.body.foreign };
            let block = Block::around(foreign.free, foreign.data, foreign.hint)?;
            self.body.block = InBlock {
                data: foreign.data,
                len: foreign.len,
                block,
            };
            self.head = Head(self.head.0 & !0xff00 | u64::from(BLOCK) << 8);
        }
        let mut twin = Msg::new();
        if self.head.kind() == BLOCK {
            // SAFETY: the kind says that `block` is live, and we hold a reference to it.
            unsafe { Block::retain(self.body.block.block, 1) };
            self.head = self.head.with_flags(self.head.flags() | SHARED);
        }
        twin.head = self.head;
        // SAFETY: Body is plain memory; the reference that a BLOCK body stands for was just taken.
        twin.body = unsafe { ptr::read(&self.body) };
        twin.share_meta(self);
        Ok(twin)
    }

    /// Moves the content out as a single frame that knows of no connection, leaving an empty message.
    ///
    /// Put together from its parts: a load as wide as head and metadata together would have to wait for the narrower
    /// stores that made them.
    #[inline(always)]
    pub fn take_single(&mut self) -> Msg {
        self.forget_meta();
        let kind = self.head.kind();
        let content = Msg {
            head: self.head.with_flags(self.head.flags() & !MORE),
            meta: Cell::new(Tie::NONE),
            // SAFETY: what is read here is moved, as an empty message is left below.
            body: unsafe { ptr::read(&self.body) },
        };
        if kind == INLINE {
            // The body need not be anything but initialised.
            self.head = Head::new(INLINE);
        } else {
            // SAFETY: what was there is in `content` now.
            unsafe { ptr::write(self, Msg::new()) };
        }
        content
    }

    /// Releases the content, leaving an empty message.
    #[inline(always)]
    pub fn clear(&mut self) {
        if self.is_plain() {
            // The body need not be anything but initialised.
            self.meta.set(Tie::NONE);
            self.head = Head::new(INLINE);
        } else {
            self.release_content();
        }
    }

    #[inline(never)]
    fn release_content(&mut self) {
        // SAFETY: what is dropped in place is overwritten before anybody can look at it.
        unsafe {
            ptr::drop_in_place(self);
            ptr::write(self, Msg::new());
        }
    }

    /// Moves the content out, leaving an empty message.
    #[inline(always)]
    pub fn take(&mut self) -> Msg {
        if self.head.kind() != INLINE {
            return std::mem::take(self);
        }
        // SAFETY: what is read here is moved: an empty inline message is left, whose body need not be anything but
        // initialised.
        let content = unsafe { ptr::read(self) };
        self.head = Head::new(INLINE);
        self.meta.set(Tie::NONE);
        content
    }

    /// Hands a foreign body's release function out instead of running it here; used by no one but `drop`.
    #[cold]
    fn release_body(&mut self) {
        // SAFETY: the kind says which member is live, and the message owns what it points to.
        unsafe {
            match self.head.kind() {
                BLOCK => Block::release(self.body.block.block, 1),
                FOREIGN => {
                    let foreign = self.body.foreign;
                    if let Some(free) = foreign.free {
                        free(foreign.data.cast(), foreign.hint);
                    }
                }
                _ => {}
            }
        }
    }
}

impl Drop for Msg {
    #[inline(always)]
    fn drop(&mut self) {
        if self.head.kind() == BLOCK {
            // SAFETY: the message owns one reference to its block.
            unsafe { Block::release(self.body.block.block, 1) };
        } else if self.head.kind() != INLINE {
            self.release_body();
        }
        if self.meta.get().is_counted() {
            // SAFETY: the message owns one reference to it.
            unsafe { self.meta.get().release() };
        }
    }
}

/// Makes a [`Msg::of_len`] in raw memory.
///
/// # Safety
/// As for [`emplace`].
#[inline(always)]
pub unsafe fn emplace_of_len(place: *mut Msg, len: u8) {
    let head = Head::new(INLINE).with_len(len.min(INLINE_MAX as u8));
    // The body is soon copied by 16 bytes at a time, and must not have been written across their borders: a load from
    // what two stores wrote waits until those, and all before them, have reached the cache. Nothing else keeps the zeros of
    // `meta` and of the body apart.
    // SAFETY: the caller's promise; each part lies in the memory, aligned as its type wants.
    unsafe {
        (&raw mut (*place).head).write(head);
        (&raw mut (*place).meta).write_volatile(Cell::new(Tie::NONE));
        (&raw mut (*place).body).write(Body {
            inline: [0; INLINE_MAX],
        });
    }
}

/// Moves `msg` into raw memory without looking at what that held.
///
/// # Safety
/// `place` is valid for a write of 64 bytes, aligned as a pointer.
#[inline(always)]
pub unsafe fn emplace(place: *mut Msg, msg: Msg) {
    let msg = ManuallyDrop::new(msg);
    // SAFETY: the caller's promise; `msg` is not dropped here, so it is moved, not doubled.
    unsafe { ptr::copy_nonoverlapping(&raw const *msg, place, 1) };
}

/// The error for a pointer that is no live message.
pub const NOT_A_MESSAGE: Errno = Errno::EFAULT;

#[cfg(test)]
mod tests;
