//! Waits for several sockets and descriptors at once.
#![forbid(unsafe_code)]

use crate::errno::{Errno, Result};
use crate::options::constants::poll::{POLLERR, POLLIN, POLLOUT, POLLPRI};
use crate::socket::{self, Part};
use crate::sync::heavy_fence;
use crate::sys::wait::{self, PollFd};
use std::ffi::c_void;
use std::ops::Range;
use std::os::fd::RawFd;
use std::thread;
use std::time::{Duration, Instant};

/// With more sockets than this the kernel is asked about all at once.
const FEW: usize = 4;
/// How often to give way to other threads before going to sleep: a peer that answers at once does so meanwhile.
const SPINS: u32 = 32;
/// How long to give way at most.
const SPIN_TIME: Duration = Duration::from_micros(50);

/// What to wait for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    /// A socket, as C sees it.
    Socket(*mut c_void),
    /// A descriptor.
    Fd(RawFd),
}

/// One thing to wait for, wherever the application keeps it.
pub trait Item {
    /// The thing.
    fn target(&self) -> Target;
    /// The events that are wanted of it.
    fn events(&self) -> i16;
    /// Takes those that happened.
    fn set_ready(&mut self, events: i16);
}

/// Waits until one of `items` is ready or `timeout` (`None`: for ever) has passed; returns how many are ready.
///
/// # Errors
/// ENOTSOCK, ETERM, EINTR.
pub fn poll<I: Item>(items: &mut [I], timeout: Option<Duration>) -> Result<usize> {
    ppoll(items, timeout, None)
}

/// As [`poll`], with these signals blocked while asleep.
///
/// # Errors
/// As for [`poll`].
pub fn ppoll<I: Item>(
    items: &mut [I],
    timeout: Option<Duration>,
    mask: Option<&libc::sigset_t>,
) -> Result<usize> {
    let mut set = Vec::new();
    let few = items.iter().filter(|item| waits_for_socket(*item)).count() <= FEW;
    let ready = look(items, &mut set, few)?;
    if ready > 0 || timeout == Some(Duration::ZERO) {
        return signals_first(mask, ready);
    }
    let start = Instant::now();
    let deadline = timeout.and_then(|timeout| start.checked_add(timeout));
    // Signals are let through only while asleep.
    if mask.is_none() && few {
        let ready = spin(items, &mut set, start, deadline)?;
        if ready > 0 {
            return Ok(ready);
        }
    }
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        sleep(items, &mut set, left, mask)?;
        let ready = look(items, &mut set, few)?;
        if ready > 0 || deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return signals_first(mask, ready);
        }
    }
}

/// A signal that the mask lets through is told of before anything that came after it, even if we never came to sleep.
fn signals_first(mask: Option<&libc::sigset_t>, ready: usize) -> Result<usize> {
    if mask.is_some() {
        wait::poll(&mut [], Some(Duration::ZERO), mask)?;
    }
    Ok(ready)
}

/// Looks at sockets again for a short while. Descriptors alone are the kernel's to wait for.
fn spin<I: Item>(
    items: &mut [I],
    set: &mut Vec<PollFd>,
    start: Instant,
    deadline: Option<Instant>,
) -> Result<usize> {
    if !items.iter().any(waits_for_socket) {
        return Ok(0);
    }
    for _ in 0..SPINS {
        thread::yield_now();
        let ready = look(items, set, true)?;
        let now = Instant::now();
        if ready > 0 || now.duration_since(start) > SPIN_TIME || deadline.is_some_and(|d| now >= d)
        {
            return Ok(ready);
        }
    }
    Ok(0)
}

fn waits_for_socket(item: &impl Item) -> bool {
    item.events() != 0 && matches!(item.target(), Target::Socket(_))
}

/// Takes down what is ready now. With `drive`, a look at the connections is included, at a system call for each socket that
/// has nothing.
fn look<I: Item>(items: &mut [I], set: &mut Vec<PollFd>, drive: bool) -> Result<usize> {
    let mut ready = 0;
    set.clear();
    for item in items.iter_mut() {
        match item.target() {
            Target::Socket(handle) => {
                let mut turn = socket::enter(handle)?;
                let events = if drive {
                    socket::events(&mut turn)?
                } else {
                    socket::known_events(&mut turn)?
                };
                drop(turn);
                let events = item.events() & i16::try_from(events).unwrap_or(0);
                item.set_ready(events);
                ready += usize::from(events != 0);
            }
            Target::Fd(fd) => set.push(to_system(fd, item.events())),
        }
    }
    if set.is_empty() {
        return Ok(ready);
    }
    wait::poll(set, Some(Duration::ZERO), None)?;
    let fds = items
        .iter_mut()
        .filter(|item| matches!(item.target(), Target::Fd(_)));
    for (item, entry) in fds.zip(set.iter()) {
        let events = from_system(entry.revents);
        item.set_ready(events);
        ready += usize::from(events != 0);
    }
    Ok(ready)
}

/// A socket that this poll sleeps for, and its descriptors.
struct Asleep {
    handle: *mut c_void,
    part: Part,
    entries: Range<usize>,
}

/// Sleeps, unless a socket has become ready, and reads from the connections that woke us.
fn sleep<I: Item>(
    items: &[I],
    set: &mut Vec<PollFd>,
    timeout: Option<Duration>,
    mask: Option<&libc::sigset_t>,
) -> Result<()> {
    set.clear();
    let mut asleep = Vec::new();
    let slept = match lie_down(items, set, &mut asleep) {
        Ok(true) => wait::poll(set, timeout, mask).map(drop),
        Ok(false) => Ok(()),
        Err(error) => Err(error),
    };
    for Asleep {
        handle,
        part,
        entries,
    } in asleep
    {
        // One that was closed meanwhile is found by the next look.
        let Ok(mut turn) = socket::enter(handle) else {
            continue;
        };
        socket::end_poll(&mut turn, part);
        if set[entries].iter().any(|entry| entry.revents != 0) {
            let _ = socket::drive(&mut turn);
        }
    }
    slept
}

/// Prepares all sockets for sleep. False when there is a reason not to.
fn lie_down<I: Item>(items: &[I], set: &mut Vec<PollFd>, asleep: &mut Vec<Asleep>) -> Result<bool> {
    for item in items {
        match item.target() {
            Target::Fd(fd) => set.push(to_system(fd, item.events())),
            Target::Socket(_) if item.events() == 0 => {}
            Target::Socket(handle) => {
                let before = set.len();
                let mut turn = socket::enter(handle)?;
                let part = socket::poll_fds(&mut turn, item.events().into(), set)?;
                asleep.push(Asleep {
                    handle,
                    part,
                    entries: before..set.len(),
                });
                if set.len() == before {
                    return Ok(false);
                }
            }
        }
    }
    heavy_fence();
    for socket in asleep.iter() {
        if socket::missed(&mut socket::enter(socket.handle)?)? {
            return Ok(false);
        }
    }
    Ok(true)
}

const EVENTS: [(i16, i16); 3] = [
    (POLLIN as i16, libc::POLLIN),
    (POLLOUT as i16, libc::POLLOUT),
    (POLLPRI as i16, libc::POLLPRI),
];

fn to_system(fd: RawFd, events: i16) -> PollFd {
    let system = EVENTS
        .iter()
        .filter(|(ours, _)| events & ours != 0)
        .fold(0, |sum, (_, theirs)| sum | theirs);
    PollFd {
        fd,
        events: system,
        revents: 0,
    }
}

/// Everything that the kernel reports unasked is an error.
fn from_system(events: i16) -> i16 {
    let known = EVENTS
        .iter()
        .filter(|(_, theirs)| events & theirs != 0)
        .fold(0, |sum, (ours, _)| sum | ours);
    let other = events & !(libc::POLLIN | libc::POLLOUT | libc::POLLPRI);
    known | if other == 0 { 0 } else { POLLERR as i16 }
}

/// Sleeps until a signal handler ran or the time is over.
///
/// # Errors
/// EINTR.
pub(super) fn rest(timeout: Duration) -> Result<()> {
    wait::poll(&mut [], Some(timeout), None).map(drop)
}

/// A negative descriptor would be skipped in silence.
pub(super) fn check_fd(fd: RawFd) -> Result<()> {
    if fd < 0 { Err(Errno::EBADF) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;
    use std::ptr;

    struct Entry(Target, i16, i16);

    impl Item for Entry {
        fn target(&self) -> Target {
            self.0
        }
        fn events(&self) -> i16 {
            self.1
        }
        fn set_ready(&mut self, events: i16) {
            self.2 = events;
        }
    }

    const IN: i16 = POLLIN as i16;
    const OUT: i16 = POLLOUT as i16;
    const SHORT: Option<Duration> = Some(Duration::from_millis(5));

    #[test]
    fn nothing_to_wait_for_takes_its_time() {
        let start = Instant::now();
        assert_eq!(poll::<Entry>(&mut [], SHORT), Ok(0));
        assert!(start.elapsed() >= Duration::from_millis(5));
    }

    #[test]
    fn descriptors_become_ready() {
        let (mut near, far) = UnixStream::pair().unwrap();
        let mut items = [Entry(Target::Fd(far.as_raw_fd()), IN, 0)];
        assert_eq!(poll(&mut items, SHORT), Ok(0));
        near.write_all(b"x").unwrap();
        assert_eq!(poll(&mut items, None), Ok(1));
        assert_eq!(items[0].2, IN);
        items[0].1 = IN | OUT;
        assert_eq!(poll(&mut items, None), Ok(1));
        assert_eq!(items[0].2, IN | OUT);
    }

    #[test]
    fn a_hangup_is_an_error() {
        let (near, far) = UnixStream::pair().unwrap();
        drop(near);
        let mut items = [Entry(Target::Fd(far.as_raw_fd()), OUT, 0)];
        assert_eq!(poll(&mut items, None), Ok(1));
        assert_ne!(items[0].2 & POLLERR as i16, 0);
    }

    #[test]
    fn what_is_no_socket_is_refused() {
        let mut items = [Entry(Target::Socket(ptr::null_mut()), 0, 0)];
        assert_eq!(poll(&mut items, None), Err(Errno::ENOTSOCK));
    }
}
