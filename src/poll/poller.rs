//! A set of sockets and descriptors that is registered once and waited for often.
#![forbid(unsafe_code)]

use super::items::{self, Item, Target, check_fd};
use crate::errno::{Errno, Result};
use crate::options::constants::poll::{POLLERR, POLLIN, POLLOUT, POLLPRI};
use crate::socket::SOCKETS;
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
#[derive(Clone, Debug)]
pub struct Poller<U>(Vec<Registered<U>>);

impl<U> Default for Poller<U> {
    fn default() -> Poller<U> {
        Poller(Vec::new())
    }
}

impl<U> Poller<U> {
    /// How many are registered.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True when nothing is registered.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
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
        self.0.push(Registered {
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
        if let Some(item) = self.0.get_mut(place) {
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
        self.0.remove(place);
        Ok(())
    }

    /// Waits until something is ready and returns what is, in the order of registration.
    ///
    /// # Errors
    /// EAGAIN when the time is over; EFAULT when it would never be; ENOTSOCK, ETERM, EINTR.
    pub fn wait(
        &mut self,
        timeout: Option<Duration>,
    ) -> Result<impl Iterator<Item = &Registered<U>>> {
        if self.0.iter().all(|item| item.events == 0) {
            items::rest(timeout.ok_or(Errno::EFAULT)?)?;
            return Err(Errno::EAGAIN);
        }
        if items::poll(&mut self.0, timeout)? == 0 {
            return Err(Errno::EAGAIN);
        }
        Ok(self.0.iter().filter(|item| item.ready != 0))
    }

    fn place(&self, target: Target) -> Result<usize> {
        self.0
            .iter()
            .position(|item| item.target == target)
            .ok_or(Errno::EINVAL)
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
        let mut poller = Poller::<()>::default();
        assert_eq!(poller.wait(None).err(), Some(Errno::EFAULT));
        let now = Some(Duration::ZERO);
        assert_eq!(poller.wait(now).err(), Some(Errno::EAGAIN));
    }
}
