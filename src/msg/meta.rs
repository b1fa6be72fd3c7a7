//! What a received message tells of its connection: properties, descriptor, group. One object a connection, counted in
//! batches so that a message costs no atomic operation of its own on the way up.

use std::ffi::{CStr, CString};
use std::sync::Arc;

/// Metadata shared by all messages of a connection.
#[derive(Clone, Debug)]
pub struct Meta {
    properties: Arc<Vec<(CString, CString)>>,
    fd: i32,
    group: Option<CString>,
}

impl Meta {
    /// The properties of a connection, and its descriptor (−1: none). Keys and values that hold a NUL are cut there.
    pub fn new<K: AsRef<[u8]>, V: AsRef<[u8]>>(
        properties: impl IntoIterator<Item = (K, V)>,
        fd: i32,
    ) -> Meta {
        let text = |bytes: &[u8]| {
            let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
            CString::new(&bytes[..end]).unwrap_or_default()
        };
        let list = properties
            .into_iter()
            .map(|(k, v)| (text(k.as_ref()), text(v.as_ref())))
            .collect();
        Meta {
            properties: Arc::new(list),
            fd,
            group: None,
        }
    }

    /// Metadata of a message that came from no connection but has a group.
    pub fn of_group(group: CString) -> Meta {
        Meta {
            properties: Arc::new(Vec::new()),
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
        self.properties
            .iter()
            .find(|(key, _)| key.as_c_str() == name)
            .map(|(_, value)| value.as_c_str())
    }

    /// The connection's descriptor, −1 for none.
    pub fn fd(&self) -> i32 {
        self.fd
    }

    /// The message's group.
    pub fn group(&self) -> Option<&CStr> {
        self.group.as_deref()
    }

    pub(super) fn into_raw(self) -> *const Meta {
        Arc::into_raw(Arc::new(self))
    }

    /// # Safety
    /// `meta` came from `into_raw` and a reference to it is held.
    #[inline(always)]
    pub(super) unsafe fn retain(meta: *const Meta, count: usize) {
        for _ in 0..count {
            // SAFETY: the caller's promise.
            unsafe { Arc::increment_strong_count(meta) };
        }
    }

    /// # Safety
    /// `meta` came from `into_raw`, and the caller gives up a reference it holds.
    #[inline(always)]
    pub(super) unsafe fn release(meta: *const Meta) {
        // SAFETY: the caller's promise.
        unsafe { Arc::decrement_strong_count(meta) };
    }
}

/// A connection's stock of references to its metadata.
#[derive(Debug)]
pub struct MetaSource(Arc<Meta>);

impl MetaSource {
    /// Starts a stock.
    pub fn new(meta: Meta) -> MetaSource {
        MetaSource(Arc::new(meta))
    }

    /// The metadata itself.
    pub fn meta(&self) -> &Meta {
        &self.0
    }

    /// One reference, for a message to own.
    #[inline(always)]
    pub(super) fn hand_out(&self) -> *const Meta {
        Arc::into_raw(Arc::clone(&self.0))
    }
}
