//! The drive token: a try-lock around a connection's state, whose holder finishes what others wanted meanwhile.
//!
//! Whoever wants something done tries to [`enter`](Token::enter), saying what it wants. If the token is taken, the wish
//! is left in the same word, atomically with the discovery, so the holder finds it when it [`leave`](Guard::leave)s:
//! no wish is lost, and nobody waits.
//!
//! *The lease.* One side, the tenant (a socket, whose calls follow each other), may [`keep`](Guard::keep) the token from
//! one call to the next instead of leaving it, and [`reenter`](Token::reenter) without a read-modify-write: it says that it
//! is `busy`, runs [`light_fence`], and looks whether the lease is still whole. Whoever else enters marks the lease as
//! wanted, runs [`heavy_fence`], and takes the token if the tenant is not busy; if it is, it finds the mark when it is
//! done, and fulfils the wish. One of the two sees the other; should both, the word decides who has the token.
//! A lease knows two threads: its tenant and, with a connection, the I/O thread that serves it.

use crate::sync::{Asymmetric, AtomicU32, Ordering, UnsafeCell, heavy_fence, light_fence};
use std::ops::{Deref, DerefMut};

const HELD: u32 = 1 << 31;
/// Held by the tenant, who may be away.
const LEASED: u32 = 1 << 30;
/// Somebody wants the lease to end.
const WANTED: u32 = 1 << 29;
/// The rest of the word: wishes.
const WISHES: u32 = WANTED - 1;

/// State of which one thread at a time has the use.
pub struct Token<T> {
    word: AtomicU32,
    /// The tenant uses the state, or looks whether it may.
    busy: AtomicU32,
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
    /// It is the tenant's, by its lease.
    leased: bool,
    left: bool,
}

impl<T> Token<T> {
    /// A free token.
    pub fn new(state: T) -> Token<T> {
        Token {
            word: AtomicU32::new(0),
            busy: AtomicU32::new(0),
            state: UnsafeCell::new(state),
        }
    }

    /// Takes the token, or leaves `wish` (bits below 2^29) with its holder.
    #[inline(always)]
    pub fn enter(&self, wish: u32) -> Option<Guard<'_, T>> {
        if self
            .word
            .compare_exchange(0, HELD, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
        {
            return Some(self.guard(false));
        }
        self.enter_or_wish(wish)
    }

    #[inline(always)]
    fn guard(&self, leased: bool) -> Guard<'_, T> {
        Guard {
            token: self,
            leased,
            left: false,
        }
    }

    #[cold]
    fn enter_or_wish(&self, wish: u32) -> Option<Guard<'_, T>> {
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            let free = word & HELD == 0;
            let leased = word & LEASED != 0;
            let next = match (free, leased) {
                (true, _) => word | HELD,
                (false, false) => word | wish,
                (false, true) => word | wish | WANTED,
            };
            match self
                .word
                .compare_exchange_weak(word, next, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(_) if free => return Some(self.guard(false)),
                Ok(_) if leased => {
                    heavy_fence();
                    let absent = self.busy.load(Ordering::Acquire) == 0;
                    // A mark that is gone was seen by the tenant; a lease without one is another.
                    return (absent && self.end_lease(LEASED | WANTED)).then(|| self.guard(false));
                }
                Ok(_) => return None,
                Err(now) => word = now,
            }
        }
    }

    /// True while the tenant has a lease, as far as can be told.
    pub fn is_leased(&self) -> bool {
        self.word.load(Ordering::Relaxed) & LEASED != 0
    }

    /// Enters by the lease that [`keep`](Guard::keep) left, to be called by the tenant only. `None` without one.
    #[inline(always)]
    pub fn reenter(&self) -> Option<Guard<'_, T>> {
        if self.word.load(Ordering::Relaxed) & LEASED == 0 {
            return None;
        }
        self.come_back(light_fence)
    }

    /// As [`reenter`](Token::reenter), for a tenant who is nearly sure of its lease.
    #[inline(always)]
    pub fn reenter_now(&self, fence: Asymmetric) -> Option<Guard<'_, T>> {
        self.come_back(|| fence.light())
    }

    #[inline(always)]
    fn come_back(&self, fence: impl FnOnce()) -> Option<Guard<'_, T>> {
        self.busy.store(1, Ordering::Relaxed);
        fence();
        if self.word.load(Ordering::Acquire) == HELD | LEASED {
            return Some(self.guard(true));
        }
        self.retreat()
    }

    /// Whoever wants the lease to end may have left that to us.
    #[cold]
    fn retreat(&self) -> Option<Guard<'_, T>> {
        self.busy.store(0, Ordering::Release);
        self.end_lease(LEASED).then(|| self.guard(false))
    }

    /// Makes a lease whose word has all of `bits` an ordinary hold, wishes kept. False when somebody else has done so:
    /// then it is theirs.
    #[cold]
    fn end_lease(&self, bits: u32) -> bool {
        let mut word = self.word.load(Ordering::Relaxed);
        while word & bits == bits {
            match self.word.compare_exchange_weak(
                word,
                word & !(LEASED | WANTED),
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
        false
    }
}

impl<T> Guard<'_, T> {
    /// Gives the token back if nobody left a wish; else keeps it and returns the wishes, which are now the caller's to
    /// fulfil or to pass on before it leaves again.
    #[inline(always)]
    pub fn leave(self) -> Result<(), (Self, u32)> {
        self.put_down(0)
    }

    /// As [`leave`](Guard::leave), but the token stays with the tenant, who enters again by
    /// [`reenter`](Token::reenter) for as long as nobody else wants it. To be called by the tenant only.
    #[inline(always)]
    pub fn keep(self) -> Result<(), (Self, u32)> {
        if !self.leased {
            return self.put_down(HELD | LEASED);
        }
        self.go_away(light_fence)
    }

    /// As [`keep`](Guard::keep), behind [`reenter_now`](Token::reenter_now).
    #[inline(always)]
    pub fn keep_now(self, fence: Asymmetric) -> Result<(), (Self, u32)> {
        if !self.leased {
            return self.take_wishes();
        }
        self.go_away(|| fence.light())
    }

    #[inline(always)]
    fn go_away(mut self, fence: impl FnOnce()) -> Result<(), (Self, u32)> {
        self.token.busy.store(0, Ordering::Release);
        fence();
        if self.token.word.load(Ordering::Relaxed) == HELD | LEASED {
            self.left = true;
            return Ok(());
        }
        self.take_wishes()
    }

    #[inline(always)]
    fn put_down(mut self, next: u32) -> Result<(), (Self, u32)> {
        let held = if self.leased {
            self.token.busy.store(0, Ordering::Release);
            HELD | LEASED
        } else {
            HELD
        };
        match self
            .token
            .word
            .compare_exchange(held, next, Ordering::AcqRel, Ordering::Relaxed)
        {
            Ok(_) => {
                self.left = true;
                Ok(())
            }
            Err(_) => self.take_wishes(),
        }
    }

    #[cold]
    fn take_wishes(mut self) -> Result<(), (Self, u32)> {
        if self.leased && !self.token.end_lease(LEASED) {
            self.left = true;
            return Ok(());
        }
        self.leased = false;
        let wishes = self.token.word.swap(HELD, Ordering::AcqRel) & WISHES;
        Err((self, wishes))
    }
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;
    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: the guard is the one holder.
        self.token.state.with(|state| unsafe { &*state })
    }
}

impl<T> DerefMut for Guard<'_, T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the guard is the one holder.
        self.token.state.with_mut(|state| unsafe { &mut *state })
    }
}

impl<T> Drop for Guard<'_, T> {
    fn drop(&mut self) {
        if self.left {
            return;
        }
        if self.leased {
            self.token.busy.store(0, Ordering::Release);
            if !self.token.end_lease(LEASED) {
                return;
            }
        }
        self.token.word.fetch_and(!HELD, Ordering::Release);
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
    fn a_lease_lasts_until_somebody_enters() {
        crate::sys::membarrier::register();
        let token = Token::new(0);
        assert!(token.reenter().is_none());
        assert!(token.enter(1).unwrap().keep().is_ok());
        for _ in 0..3 {
            let mut guard = token.reenter().unwrap();
            *guard += 1;
            assert!(guard.keep().is_ok());
        }
        // Away: the lease ends at once.
        let guard = token.enter(0).unwrap();
        assert_eq!(*guard, 3);
        assert!(token.reenter().is_none());
        assert!(guard.leave().is_ok());
        // Busy: the wish is left with the tenant.
        assert!(token.enter(1).unwrap().keep().is_ok());
        let guard = token.reenter().unwrap();
        assert!(token.enter(4).is_none());
        let (guard, wishes) = guard.keep().err().unwrap();
        assert_eq!(wishes, 4);
        assert!(guard.leave().is_ok());
        assert!(token.reenter().is_none());
    }

    #[test]
    fn tenant_and_guest_share() {
        use std::sync::atomic::{AtomicBool, AtomicU64};
        crate::sys::membarrier::register();
        let token = Token::new(0u64);
        let (asked, done) = (AtomicU64::new(0), AtomicBool::new(false));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..20_000 {
                    asked.fetch_add(1, Ordering::SeqCst);
                    let Some(mut guard) = token.enter(1) else {
                        continue;
                    };
                    loop {
                        *guard += asked.swap(0, Ordering::SeqCst);
                        match guard.leave() {
                            Ok(()) => break,
                            Err((held, _)) => guard = held,
                        }
                    }
                }
                done.store(true, Ordering::SeqCst);
            });
            let mut mine = 0u64;
            while !done.load(Ordering::SeqCst) {
                let Some(mut guard) = token.reenter().or_else(|| token.enter(1)) else {
                    continue;
                };
                mine += 1;
                loop {
                    *guard += asked.swap(0, Ordering::SeqCst);
                    match guard.keep() {
                        Ok(()) => break,
                        Err((held, _)) => guard = held,
                    }
                }
            }
            assert!(mine > 0);
        });
        assert_eq!(*token.enter(1).unwrap(), 20_000);
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
