//! Passes messages between two sockets until told to stop.
#![forbid(unsafe_code)]

use super::items::{Item, Target, poll};
use crate::errno::{Errno, Result};
use crate::msg::Msg;
use crate::options::Value;
use crate::options::constants::flag::{DONTWAIT, SNDMORE};
use crate::options::constants::poll::{POLLIN, POLLOUT};
use crate::options::constants::socket_type::REP;
use crate::options::table::TYPE;
use crate::socket;
use std::collections::VecDeque;
use std::ffi::c_void;
use std::time::Duration;

/// Messages passed one way before the other way has its turn.
const BURST: usize = 1000;

/// Of these, so many at most while nobody else has a turn at the two sockets.
const AT_ONCE: usize = 128;

const IN: i16 = POLLIN as i16;
const OUT: i16 = POLLOUT as i16;

type Socket = *mut c_void;

/// Passes messages between `front` and `back`, or back to where they came from if they are the same, copies each frame
/// to `capture`, and obeys `control`. Returns when told TERMINATE.
///
/// # Errors
/// What a socket answered, usually ETERM.
pub fn proxy(
    front: Socket,
    back: Socket,
    capture: Option<Socket>,
    control: Option<Socket>,
) -> Result<()> {
    if let Some(capture) = capture {
        // Else this would show with the first message only.
        socket::enter(capture)?;
    }
    let mut proxy = Proxy {
        there: Way::new(front, back),
        back: (front != back).then(|| Way::new(back, front)),
        capture,
        control: control.map(Control::new).transpose()?,
        state: State::Active,
    };
    while proxy.state != State::Terminated {
        proxy.turn()?;
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Active,
    Paused,
    Terminated,
}

struct Proxy {
    there: Way,
    back: Option<Way>,
    capture: Option<Socket>,
    control: Option<Control>,
    state: State,
}

impl Proxy {
    /// Waits, then does what there is to do.
    fn turn(&mut self) -> Result<()> {
        let mut waits: [Wait; 3] = [Wait::NOTHING; 3];
        let mut count = 0;
        let active = self.state == State::Active;
        // The control socket comes first; a way waits for what it lacks, lest a stuck one keep us from sleeping.
        let control = self
            .control
            .as_ref()
            .map(|control| Wait::new(control.socket, IN));
        let ways = [Some(&self.there), self.back.as_ref()];
        let ways = ways.into_iter().flatten().filter(|_| active);
        for wait in control.into_iter().chain(ways.map(Way::wait)) {
            waits[count] = wait;
            count += 1;
        }
        poll(&mut waits[..count], None)?;
        if self.control.is_some() && waits[0].ready != 0 {
            self.obey()?;
        }
        if self.state == State::Active {
            self.there.pass(self.capture)?;
            if let Some(back) = &mut self.back {
                back.pass(self.capture)?;
            }
        }
        Ok(())
    }

    fn obey(&mut self) -> Result<()> {
        let Some(control) = &self.control else {
            return Ok(());
        };
        let Some(command) = control.command()? else {
            return Ok(());
        };
        match command.data() {
            b"STATISTICS" => {
                let back = self.back.as_ref().map(|way| way.counts).unwrap_or_default();
                return control.answer(&statistics(self.there.counts, back));
            }
            b"PAUSE" => self.state = State::Paused,
            b"RESUME" => self.state = State::Active,
            b"TERMINATE" => self.state = State::Terminated,
            _ => {}
        }
        if control.replies {
            control.answer(&[&[]])?;
        }
        Ok(())
    }
}

/// Received and sent by the frontend, received and sent by the backend: frames, then bytes.
fn statistics(there: Counts, back: Counts) -> [[u8; 8]; 8] {
    [there.received, back.sent, back.received, there.sent]
        .map(|count| [count.frames.to_ne_bytes(), count.bytes.to_ne_bytes()])
        .as_flattened()
        .try_into()
        .unwrap_or_default()
}

struct Control {
    socket: Socket,
    replies: bool,
}

impl Control {
    fn new(socket: Socket) -> Result<Control> {
        let type_ = socket::get_option(&mut socket::enter(socket)?, TYPE)?;
        let replies = matches!(type_, Value::Int(REP) | Value::Status(REP));
        Ok(Control { socket, replies })
    }

    /// The first frame of a message; a command has no more.
    fn command(&self) -> Result<Option<Msg>> {
        let Some(command) = recv(self.socket)? else {
            return Ok(None);
        };
        let mut more = command.more();
        while more {
            more = recv(self.socket)?.is_some_and(|frame| frame.more());
        }
        Ok(Some(command))
    }

    fn answer<F: AsRef<[u8]>>(&self, frames: &[F]) -> Result<()> {
        for (place, frame) in frames.iter().enumerate() {
            let more = if place + 1 < frames.len() { SNDMORE } else { 0 };
            let mut frame = Msg::copied(frame.as_ref())?;
            socket::send(&mut socket::enter(self.socket)?, &mut frame, more)?;
        }
        Ok(())
    }
}

#[derive(Clone, Copy, Default)]
struct Count {
    frames: u64,
    bytes: u64,
}

impl Count {
    fn add(&mut self, bytes: usize) {
        self.frames += 1;
        self.bytes += bytes as u64;
    }
}

#[derive(Clone, Copy, Default)]
struct Counts {
    received: Count,
    sent: Count,
}

/// One direction.
struct Way {
    from: Socket,
    to: Socket,
    /// A first frame that was received but found no room.
    held: Option<Msg>,
    /// The frames behind it, where a whole message had to be received before any of it could be sent.
    rest: VecDeque<Msg>,
    /// There is something to receive, so room is what we wait for.
    stuck: bool,
    counts: Counts,
}

impl Way {
    fn new(from: Socket, to: Socket) -> Way {
        Way {
            from,
            to,
            held: None,
            rest: VecDeque::new(),
            stuck: false,
            counts: Counts::default(),
        }
    }

    /// A way waits for room only while it knows of something to send.
    fn wait(&self) -> Wait {
        if self.held.is_some() || self.stuck {
            Wait::new(self.to, OUT)
        } else {
            Wait::new(self.from, IN)
        }
    }

    /// Passes on up to a burst of messages.
    fn pass(&mut self, capture: Option<Socket>) -> Result<()> {
        if self.held.is_none() && !self.may_begin()? {
            return Ok(());
        }
        let mut count = 0;
        while count < BURST {
            let passed = if capture.is_none() { self.stream() } else { 0 };
            count += passed;
            if passed < AT_ONCE {
                if !self.message(capture)? {
                    break;
                }
                count += 1;
            }
        }
        Ok(())
    }

    /// Passes on messages of one frame while nothing is out of the ordinary, and says how many.
    fn stream(&mut self) -> usize {
        if self.held.is_some() || !self.rest.is_empty() {
            return 0;
        }
        let Some(mut from) = socket::enter_now(self.from) else {
            return 0;
        };
        // One socket has one turn: there is none for a socket that answers itself.
        let Some(mut to) = socket::enter_now(self.to) else {
            return 0;
        };
        let Some(passed) = socket::pass_now(&mut from, &mut to, AT_ONCE) else {
            return 0;
        };
        let Counts { received, sent } = &mut self.counts;
        for count in [received, sent] {
            count.frames += passed.messages as u64;
            count.bytes += passed.bytes as u64;
        }
        if let Some(msg) = passed.left {
            self.counts.received.add(msg.len());
            self.held = Some(msg);
        }
        passed.messages
    }

    /// Nothing is received that could not be sent. A socket that answers itself may have to receive before it can.
    fn may_begin(&mut self) -> Result<bool> {
        let readable = is_ready(self.from, IN)?;
        let writable = self.from == self.to || !readable || is_ready(self.to, OUT)?;
        self.stuck = readable && !writable;
        Ok(readable && writable)
    }

    /// Passes on one message; false if there is none, or no room.
    fn message(&mut self, capture: Option<Socket>) -> Result<bool> {
        let (mut frame, captured) = match self.held.take() {
            Some(frame) => (frame, true),
            None => match self.receive()? {
                Some(frame) => (frame, false),
                None => return Ok(false),
            },
        };
        if !captured {
            copy(&mut frame, capture)?;
            if self.from == self.to && frame.more() {
                self.gather(capture)?;
            }
        }
        let mut flags = DONTWAIT;
        loop {
            let (more, size) = (frame.more(), frame.len());
            flags |= if more { SNDMORE } else { 0 };
            let sent = send(self.to, &mut frame, flags);
            // Later frames follow the first: they wait, if that can be.
            if sent == Err(Errno::EAGAIN) && flags & DONTWAIT != 0 {
                self.held = Some(frame);
                return Ok(false);
            }
            sent?;
            self.counts.sent.add(size);
            if !more {
                return Ok(true);
            }
            flags = 0;
            if let Some(next) = self.rest.pop_front() {
                frame = next;
                continue;
            }
            frame = match self.receive()? {
                Some(frame) => frame,
                None => return Ok(false),
            };
            copy(&mut frame, capture)?;
        }
    }

    /// A socket that answers itself may have to hear a request out before it can begin the reply.
    fn gather(&mut self, capture: Option<Socket>) -> Result<()> {
        let mut more = true;
        while more && let Some(mut frame) = self.receive()? {
            copy(&mut frame, capture)?;
            more = frame.more();
            self.rest.push_back(frame);
        }
        Ok(())
    }

    fn receive(&mut self) -> Result<Option<Msg>> {
        let frame = recv(self.from)?;
        if let Some(frame) = &frame {
            self.counts.received.add(frame.len());
        }
        Ok(frame)
    }
}

fn copy(frame: &mut Msg, capture: Option<Socket>) -> Result<()> {
    let Some(capture) = capture else {
        return Ok(());
    };
    let flags = if frame.more() { SNDMORE } else { 0 };
    let mut copy = frame.share()?;
    socket::send(&mut socket::enter(capture)?, &mut copy, flags).map(drop)
}

fn send(socket: Socket, frame: &mut Msg, flags: i32) -> Result<usize> {
    if let Some(mut turn) = socket::enter_now(socket)
        && let Some(size) = socket::send_now(&mut turn, frame, flags)
    {
        return Ok(size);
    }
    socket::send(&mut socket::enter(socket)?, frame, flags)
}

/// A frame, if there is one.
fn recv(socket: Socket) -> Result<Option<Msg>> {
    let mut frame = Msg::new();
    if let Some(mut turn) = socket::enter_now(socket)
        && socket::recv_now(&mut turn, &mut frame).is_some()
    {
        return Ok(Some(frame));
    }
    match socket::recv(&mut socket::enter(socket)?, DONTWAIT) {
        Ok(frame) => Ok(Some(frame)),
        Err(Errno::EAGAIN) => Ok(None),
        Err(errno) => Err(errno),
    }
}

fn is_ready(socket: Socket, event: i16) -> Result<bool> {
    poll(&mut [Wait::new(socket, event)], Some(Duration::ZERO)).map(|ready| ready != 0)
}

/// What the proxy waits for of one socket.
#[derive(Clone, Copy)]
struct Wait {
    socket: Socket,
    events: i16,
    ready: i16,
}

impl Wait {
    const NOTHING: Wait = Wait::new(std::ptr::null_mut(), 0);

    const fn new(socket: Socket, events: i16) -> Wait {
        Wait {
            socket,
            events,
            ready: 0,
        }
    }
}

impl Item for Wait {
    fn target(&self) -> Target {
        Target::Socket(self.socket)
    }

    fn events(&self) -> i16 {
        self.events
    }

    fn set_ready(&mut self, events: i16) {
        self.ready = events;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_come_in_their_order() {
        let count = |frames, bytes| Count { frames, bytes };
        let there = Counts {
            received: count(1, 2),
            sent: count(7, 8),
        };
        let back = Counts {
            received: count(5, 6),
            sent: count(3, 4),
        };
        let numbers = statistics(there, back).map(u64::from_ne_bytes);
        assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn what_is_no_socket_ends_it() {
        let null = std::ptr::null_mut();
        assert_eq!(proxy(null, null, None, None), Err(Errno::ENOTSOCK));
    }
}
