//! Many producers, one consumer: the rare news (attached, readable, gone …) that reach a socket or an I/O thread.

use super::Signal;
use crate::sync::{AtomicBool, Mutex, Ordering};
use std::collections::VecDeque;

/// Room for so many news is kept: a thousand peers come at once, but not again.
const KEPT: usize = 64;

/// What a mailbox does, on the sender's thread, once there are news.
pub type Wake = Box<dyn Fn() + Send + Sync>;

/// A list of news and the signal of the one who reads it.
pub struct Mailbox<T> {
    news: Mutex<VecDeque<T>>,
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
            news: Mutex::new(VecDeque::new()),
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
            news.push_back(item);
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

    /// Hands all news to `hear`, in the order they came. What comes meanwhile is left for the next call.
    pub fn take(&self, mut hear: impl FnMut(T)) {
        let mut left = self.news.lock().len();
        while left > 0
            && let Some(item) = self.next()
        {
            hear(item);
            left -= 1;
        }
    }

    fn next(&self) -> Option<T> {
        let mut news = self.news.lock();
        let item = news.pop_front();
        if news.is_empty() {
            self.some.store(false, Ordering::Release);
            news.shrink_to(KEPT);
        }
        item
    }

    /// The reader's signal.
    pub fn signal(&self) -> &Signal {
        &self.signal
    }
}
