//! Many producers, one consumer: the rare news (attached, readable, gone …) that reach a socket or an I/O thread.

use super::Signal;
use crate::sync::{AtomicBool, Mutex, Ordering};

/// What a mailbox does, on the sender's thread, once there are news.
pub type Wake = Box<dyn Fn() + Send + Sync>;

/// A list of news and the signal of the one who reads it.
pub struct Mailbox<T> {
    news: Mutex<Vec<T>>,
    some: AtomicBool,
    signal: Signal,
    /// For a reader that does not sleep.
    wake: Option<Wake>,
}

impl<T> std::fmt::Debug for Mailbox<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Mailbox(news {})", self.has_news())
    }
}

impl<T> Default for Mailbox<T> {
    fn default() -> Self {
        Mailbox {
            news: Mutex::new(Vec::new()),
            some: AtomicBool::new(false),
            signal: Signal::default(),
            wake: None,
        }
    }
}

impl<T> Mailbox<T> {
    /// A mailbox whose reader is not a thread that sleeps: `wake` is called behind each item.
    pub fn waking(wake: Wake) -> Mailbox<T> {
        Mailbox {
            wake: Some(wake),
            ..Mailbox::default()
        }
    }

    /// Adds news and wakes the reader.
    pub fn send(&self, item: T) {
        {
            let mut news = self.news.lock();
            news.push(item);
            self.some.store(true, Ordering::Release);
        }
        self.signal.notify();
        if let Some(wake) = &self.wake {
            wake();
        }
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
