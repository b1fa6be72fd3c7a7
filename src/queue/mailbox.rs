//! Many producers, one consumer: the rare news (attached, readable, gone …) that reach a socket or an I/O thread.

use super::Signal;
use crate::sync::{AtomicBool, Mutex, Ordering};

/// A list of news and the signal of the one who reads it.
#[derive(Debug)]
pub struct Mailbox<T> {
    news: Mutex<Vec<T>>,
    some: AtomicBool,
    signal: Signal,
}

impl<T> Default for Mailbox<T> {
    fn default() -> Self {
        Mailbox {
            news: Mutex::new(Vec::new()),
            some: AtomicBool::new(false),
            signal: Signal::default(),
        }
    }
}

impl<T> Mailbox<T> {
    /// Adds news and wakes the reader.
    pub fn send(&self, item: T) {
        {
            let mut news = self.news.lock();
            news.push(item);
            self.some.store(true, Ordering::Release);
        }
        self.signal.notify();
    }

    /// True when there are news. One load.
    #[inline(always)]
    pub fn has_news(&self) -> bool {
        self.some.load(Ordering::Acquire)
    }

    /// Takes all news, in the order they came, in exchange for an empty list.
    pub fn take(&self, list: &mut Vec<T>) {
        debug_assert!(list.is_empty());
        let mut news = self.news.lock();
        self.some.store(false, Ordering::Release);
        std::mem::swap(&mut *news, list);
    }

    /// The reader's signal.
    pub fn signal(&self) -> &Signal {
        &self.signal
    }
}
