//! A set of sockets and descriptors that is registered once and waited for often.
#![forbid(unsafe_code)]

use super::items::{self, Item, Target, check_fd};
use crate::errno::{Errno, Result};
use crate::options::constants::poll::{POLLERR, POLLIN, POLLOUT, POLLPRI};
use crate::socket::{self, SOCKETS};
use crate::sync::EventFd;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::Duration;

/// What may be asked for.
const KNOWN: i16 = (POLLIN | POLLOUT | POLLERR | POLLPRI) as i16;

/// What is registered with a poller.
#[derive(Clone, Debug)]
pub struct Registered<U> {
    /// The socket or descriptor.
    pub target: Target,
    /// What the application keeps with it.
    pub user: U,
    /// The events that happened, after a wait.
    pub ready: i16,
    events: i16,
}

impl<U> Item for Registered<U> {
    fn target(&self) -> Target {
        self.target
    }

    fn events(&self) -> i16 {
        self.events
    }

    fn set_ready(&mut self, events: i16) {
        self.ready = events;
    }
}

/// The set, in the order of registration.
#[derive(Debug)]
pub struct Poller<U> {
    items: Vec<Registered<U>>,
    /// A thread-safe socket was registered.
    thread_safe: bool,
    /// Raised whenever one of those may have changed, once somebody asked for it.
    event: Option<Arc<EventFd>>,
}

impl<U> Default for Poller<U> {
    fn default() -> Poller<U> {
        Poller {
            items: Vec::new(),
            thread_safe: false,
            event: None,
        }
    }
}

impl<U> Poller<U> {
    /// How many are registered.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// True when nothing is registered.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Registers a socket or descriptor.
    ///
    /// # Errors
    /// ENOTSOCK, EBADF; EINVAL for unknown events or what is registered.
    pub fn add(&mut self, target: Target, user: U, events: i16) -> Result<()> {
        check(target)?;
        check_events(events)?;
        if self.place(target).is_ok() {
            return Err(Errno::EINVAL);
        }
        if let Target::Socket(handle) = target {
            let mut turn = socket::enter(handle)?;
            if socket::is_thread_safe(&mut turn)? {
                self.thread_safe = true;
                if let Some(event) = &self.event {
                    socket::watch(&mut turn, event)?;
                }
            }
        }
        self.items.push(Registered {
            target,
            user,
            ready: 0,
            events,
        });
        Ok(())
    }

    /// Asks for other events.
    ///
    /// # Errors
    /// ENOTSOCK, EBADF; EINVAL for unknown events or what is not registered.
    pub fn modify(&mut self, target: Target, events: i16) -> Result<()> {
        check(target)?;
        check_events(events)?;
        let place = self.place(target)?;
        if let Some(item) = self.items.get_mut(place) {
            item.events = events;
        }
        Ok(())
    }

    /// Forgets a socket or descriptor.
    ///
    /// # Errors
    /// ENOTSOCK, EBADF; EINVAL for what is not registered.
    pub fn remove(&mut self, target: Target) -> Result<()> {
        check(target)?;
        let place = self.place(target)?;
        self.items.remove(place);
        self.leave(target);
        Ok(())
    }

    /// A descriptor that becomes readable when a thread-safe socket of the set may have become ready; a wait makes it
    /// unreadable.
    ///
    /// # Errors
    /// EINVAL when no thread-safe socket was ever registered; EMFILE.
    pub fn descriptor(&mut self) -> Result<RawFd> {
        if !self.thread_safe {
            return Err(Errno::EINVAL);
        }
        if let Some(event) = &self.event {
            return Ok(event.fd());
        }
        let event = Arc::new(EventFd::new()?);
        for item in &self.items {
            if let Target::Socket(handle) = item.target
                && let Ok(mut turn) = socket::enter(handle)
                && socket::is_thread_safe(&mut turn)?
            {
                socket::watch(&mut turn, &event)?;
            }
        }
        let fd = event.fd();
        self.event = Some(event);
        Ok(fd)
    }

    fn leave(&self, target: Target) {
        if let Some(event) = &self.event
            && let Target::Socket(handle) = target
            && let Ok(mut turn) = socket::enter(handle)
        {
            let _ = socket::unwatch(&mut turn, event);
        }
    }

    fn place(&self, target: Target) -> Result<usize> {
        self.items
            .iter()
            .position(|item| item.target == target)
            .ok_or(Errno::EINVAL)
    }
}

impl<U: Clone> Poller<U> {
    /// What is registered now, to wait for while others register more.
    pub fn round(&self) -> Round<U> {
        Round {
            items: self.items.clone(),
            event: self.event.clone(),
        }
    }
}

impl<U> Drop for Poller<U> {
    fn drop(&mut self) {
        for item in &self.items {
            self.leave(item.target);
        }
    }
}

/// One wait of a [`Poller`].
#[derive(Debug)]
pub struct Round<U> {
    items: Vec<Registered<U>>,
    event: Option<Arc<EventFd>>,
}

impl<U> Round<U> {
    /// Waits until something is ready and returns what is, in the order of registration.
    ///
    /// # Errors
    /// EAGAIN when the time is over; EFAULT when it would never be; ENOTSOCK, ETERM, EINTR.
    pub fn wait(
        &mut self,
        timeout: Option<Duration>,
    ) -> Result<impl Iterator<Item = &Registered<U>>> {
        if self.items.iter().all(|item| item.events == 0) {
            items::rest(timeout.ok_or(Errno::EFAULT)?)?;
            return Err(Errno::EAGAIN);
        }
        if let Some(event) = &self.event {
            event.lower();
        }
        if items::poll(&mut self.items, timeout)? == 0 {
            return Err(Errno::EAGAIN);
        }
        Ok(self.items.iter().filter(|item| item.ready != 0))
    }
}

fn check(target: Target) -> Result<()> {
    match target {
        Target::Socket(handle) if !SOCKETS.holds(handle) => Err(Errno::ENOTSOCK),
        Target::Socket(_) => Ok(()),
        Target::Fd(fd) => check_fd(fd),
    }
}

fn check_events(events: i16) -> Result<()> {
    if events & !KNOWN == 0 {
        Ok(())
    } else {
        Err(Errno::EINVAL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ptr;

    const IN: i16 = POLLIN as i16;

    #[test]
    fn each_is_registered_once() {
        let mut poller = Poller::default();
        assert_eq!(poller.add(Target::Fd(0), (), 16), Err(Errno::EINVAL));
        assert_eq!(poller.add(Target::Fd(0), (), IN), Ok(()));
        assert_eq!(poller.add(Target::Fd(0), (), IN), Err(Errno::EINVAL));
        assert_eq!(poller.len(), 1);
        assert_eq!(poller.modify(Target::Fd(1), IN), Err(Errno::EINVAL));
        assert_eq!(poller.remove(Target::Fd(0)), Ok(()));
        assert_eq!(poller.remove(Target::Fd(0)), Err(Errno::EINVAL));
    }

    #[test]
    fn bad_targets_are_refused() {
        let mut poller = Poller::default();
        assert_eq!(poller.add(Target::Fd(-1), (), IN), Err(Errno::EBADF));
        let null = Target::Socket(ptr::null_mut());
        assert_eq!(poller.add(null, (), IN), Err(Errno::ENOTSOCK));
    }

    #[test]
    fn waiting_for_nothing() {
        let mut poller = Poller::<()>::default().round();
        assert_eq!(poller.wait(None).err(), Some(Errno::EFAULT));
        let now = Some(Duration::ZERO);
        assert_eq!(poller.wait(now).err(), Some(Errno::EAGAIN));
    }
}
