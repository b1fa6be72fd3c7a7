//! The drive token: a try-lock around a connection's state, whose holder finishes what others wanted meanwhile.
//!
//! Whoever wants something done tries to [`enter`](Token::enter), saying what it wants. If the token is taken, the wish
//! is left in the same word, atomically with the discovery, so the holder finds it when it [`leave`](Guard::leave)s:
//! no wish is lost, and nobody waits.

use crate::sync::{AtomicU32, Ordering};
use std::cell::UnsafeCell;
use std::ops::{Deref, DerefMut};

const HELD: u32 = 1 << 31;

/// State of which one thread at a time has the use.
pub struct Token<T> {
    word: AtomicU32,
    state: UnsafeCell<T>,
}

// SAFETY: `state` is reached only through a Guard, of which there is one at a time (HELD), handed over with
// acquire/release on `word`.
unsafe impl<T: Send> Sync for Token<T> {}
// SAFETY: owning the token is owning the state.
unsafe impl<T: Send> Send for Token<T> {}

/// The use of the state, until it is left.
pub struct Guard<'a, T> {
    token: &'a Token<T>,
    left: bool,
}

impl<T> Token<T> {
    /// A free token.
    pub fn new(state: T) -> Token<T> {
        Token {
            word: AtomicU32::new(0),
            state: UnsafeCell::new(state),
        }
    }

    /// Takes the token, or leaves `wish` (bits below 2^31) with its holder.
    #[inline(always)]
    pub fn enter(&self, wish: u32) -> Option<Guard<'_, T>> {
        if self
            .word
            .compare_exchange(0, HELD, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
        {
            return Some(Guard {
                token: self,
                left: false,
            });
        }
        self.enter_or_wish(wish)
    }

    #[cold]
    fn enter_or_wish(&self, wish: u32) -> Option<Guard<'_, T>> {
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            let (next, free) = if word & HELD == 0 {
                (word | HELD, true)
            } else {
                (word | wish, false)
            };
            match self
                .word
                .compare_exchange_weak(word, next, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(_) if free => {
                    return Some(Guard {
                        token: self,
                        left: false,
                    });
                }
                Ok(_) => return None,
                Err(now) => word = now,
            }
        }
    }
}

impl<T> Guard<'_, T> {
    /// Gives the token back if nobody left a wish; else keeps it and returns the wishes, which are now the caller's to
    /// fulfil or to pass on before it leaves again.
    #[inline(always)]
    pub fn leave(mut self) -> Result<(), (Self, u32)> {
        match self
            .token
            .word
            .compare_exchange(HELD, 0, Ordering::Release, Ordering::Relaxed)
        {
            Ok(_) => {
                self.left = true;
                Ok(())
            }
            Err(_) => {
                let wishes = self.token.word.swap(HELD, Ordering::AcqRel) & !HELD;
                Err((self, wishes))
            }
        }
    }

    /// Gives the token back and returns the wishes others left, for the caller to pass on.
    #[inline(always)]
    pub fn quit(mut self) -> u32 {
        self.left = true;
        self.token.word.swap(0, Ordering::AcqRel) & !HELD
    }
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;
    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: the guard is the one holder.
        unsafe { &*self.token.state.get() }
    }
}

impl<T> DerefMut for Guard<'_, T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the guard is the one holder.
        unsafe { &mut *self.token.state.get() }
    }
}

impl<T> Drop for Guard<'_, T> {
    fn drop(&mut self) {
        if !self.left {
            self.token.word.fetch_and(!HELD, Ordering::Release);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_wish_reaches_the_holder() {
        let token = Token::new(0);
        let guard = token.enter(1).unwrap();
        assert!(token.enter(2).is_none());
        assert!(token.enter(4).is_none());
        let (guard, wishes) = guard.leave().err().unwrap();
        assert_eq!(wishes, 6);
        assert!(guard.leave().is_ok());
        assert!(token.enter(1).is_some());
    }

    #[test]
    fn every_wish_is_fulfilled_once_or_merged() {
        use std::sync::atomic::AtomicU64;
        let token = Token::new(0u64);
        let asked = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50_000 {
                        asked.fetch_add(1, Ordering::SeqCst);
                        let Some(mut guard) = token.enter(1) else {
                            continue;
                        };
                        loop {
                            // The state remembers how much was asked when it was last served.
                            *guard = asked.load(Ordering::SeqCst);
                            match guard.leave() {
                                Ok(()) => break,
                                Err((held, _)) => guard = held,
                            }
                        }
                    }
                });
            }
        });
        assert_eq!(*token.enter(1).unwrap(), 200_000);
    }
}
