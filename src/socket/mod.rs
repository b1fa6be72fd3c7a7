//! A socket: its pattern, its pipes, its endpoints, and the waiting that patterns do not do.
//!
//! One thread at a time has the use of a socket, by its [`Turn`]; while it sleeps inside a call others may have theirs. All
//! that lower floors have to say arrives in the mailbox, and is heard at the next call.
#![forbid(unsafe_code)]

mod close;
mod crowd;
mod endpoints;
mod exchange;
mod hearing;
mod inproc;
pub mod monitor;
mod option;
mod pause;
mod peers;
mod readiness;
mod stats;
mod stream;
#[cfg(test)]
mod tests;
mod wait;

pub use close::close;
pub use endpoints::{bind, connect, disconnect, unbind};
pub use exchange::{recv, recv_now, send, send_now};
pub use option::{get_option, set_option};
pub use peers::{connect_peer, disconnect_peer, peer_state, set_group};
pub use readiness::{
    Part, drive, end_poll, events, is_thread_safe, known_events, missed, poll_fds, unwatch, watch,
};
pub use stats::report_pipes;
pub use stream::{Passed, pass_now};

use crate::ctx::{Marks, Rendezvous, Shared};
use crate::endpoint::EndpointText;
use crate::errno::{Errno, Result};
use crate::link::setup::Common;
use crate::options::Options;
use crate::pattern::{self, Cx, Pattern, Row};
use crate::pipe::{News, PipeId, PipeKey, Pipes};
use crate::queue::{Arena, Mailbox, QuickTurn, Turn};
use std::collections::HashMap;
use std::ffi::c_void;
use std::sync::Arc;
use std::time::Duration;

/// The number of no pipe.
const NO_PIPE: PipeId = PipeId::MAX;

/// All sockets of the process.
pub static SOCKETS: Arena<Socket> = Arena::new(0x50_C4_E7_01);

/// What a socket's handle holds.
pub struct Socket {
    shared: Arc<Shared>,
    number: u64,
    row: &'static Row,
    pattern: Box<dyn Pattern>,
    pipes: Pipes,
    options: Options,
    mailbox: Arc<Mailbox<News>>,
    common: Arc<Common>,
    endpoints: Vec<endpoints::Entry>,
    next_endpoint: u64,
    last_endpoint: EndpointText,
    /// Our own marks, as sockets that connect to us read them, once one can.
    marks: Option<Arc<Marks>>,
    /// The marks (receive, send) of the sockets at the far ends of inproc pipes.
    far_marks: HashMap<PipeKey, (u64, u64)>,
    /// inproc connects that wait for a bind.
    pending: HashMap<PipeKey, Rendezvous>,
    /// What the far ends of inproc pipes want to be told when we leave them.
    farewells: HashMap<PipeKey, Vec<u8>>,
    /// Where messages go and come from while nothing is out of the ordinary, see [`Pattern::sole_out`].
    sole_out: PipeId,
    sole_in: PipeId,
    /// ZERO_COPY_RECV of the context when this socket was made.
    zero_copy: bool,
    rcvmore: bool,
    /// The last call sent a message, and the peer has to act before there is one to receive.
    asked: bool,
    fd_asked: bool,
    stopped: bool,
    crowd: crowd::Crowd,
    spin: wait::Score,
    /// Bytes came since this was last looked at.
    progress: bool,
}

/// Makes a socket in the context behind `context`.
///
/// # Errors
/// EFAULT, ETERM, EMFILE, EINVAL, in this order.
pub fn open(context: *const c_void, type_: i32) -> Result<*mut c_void> {
    open_in(&crate::ctx::find(context)?, type_)
}

/// Makes a socket.
///
/// # Errors
/// ETERM, EMFILE, EINVAL, in this order.
pub fn open_in(shared: &Arc<Shared>, type_: i32) -> Result<*mut c_void> {
    let mailbox = Arc::default();
    let number = shared.admit(&mailbox)?;
    let Some(row) = pattern::row(type_) else {
        shared.dismiss(number);
        return Err(Errno::EINVAL);
    };
    let mut options = Options::new(u8::try_from(row.number).unwrap_or_default());
    let context = shared.options();
    options.ipv6 = context.ipv6;
    if !context.blocky {
        options.linger = 0;
    }
    let socket = Socket {
        shared: Arc::clone(shared),
        number,
        row,
        pattern: (row.create)(),
        pipes: Pipes::default(),
        options,
        mailbox,
        common: Arc::default(),
        endpoints: Vec::new(),
        next_endpoint: 0,
        last_endpoint: EndpointText::default(),
        marks: None,
        far_marks: HashMap::new(),
        pending: HashMap::new(),
        farewells: HashMap::new(),
        sole_out: NO_PIPE,
        sole_in: NO_PIPE,
        zero_copy: context.zero_copy_recv,
        rcvmore: false,
        asked: false,
        fd_asked: false,
        stopped: false,
        crowd: crowd::Crowd::default(),
        spin: wait::Score::default(),
        progress: false,
    };
    Ok(SOCKETS.insert(socket))
}

/// The use of the socket behind `handle`.
///
/// # Errors
/// ENOTSOCK
#[inline]
pub fn enter(handle: *const c_void) -> Result<Turn<Socket>> {
    SOCKETS.enter(handle).ok_or(Errno::ENOTSOCK)
}

/// The use of the socket behind `handle` by the thread that uses it all the time. `None` when [`enter`] has to find that
/// out.
#[inline(always)]
pub fn enter_now(handle: *const c_void) -> Option<QuickTurn<Socket>> {
    SOCKETS.enter_now(handle)
}

/// The socket itself.
#[inline(always)]
fn of(turn: &mut Turn<Socket>) -> Result<&mut Socket> {
    turn.as_mut().ok_or(Errno::ENOTSOCK)
}

/// The socket, its news heard, unless its context was terminated.
fn working(turn: &mut Turn<Socket>) -> Result<&mut Socket> {
    let socket = of(turn)?;
    socket.hear()?;
    Ok(socket)
}

/// `zmq_socket_monitor_versioned`
///
/// # Errors
/// ENOTSOCK, ETERM, and as [`monitor::start`].
pub fn monitor(
    turn: &mut Turn<Socket>,
    endpoint: Option<&[u8]>,
    events: u64,
    version: i32,
    type_: i32,
) -> Result<()> {
    let socket = working(turn)?;
    monitor::start(
        &socket.shared,
        &socket.common.monitor,
        endpoint,
        events,
        version,
        type_,
    )
}

impl Socket {
    /// Calls the pattern, then lets pipes go that ended in it.
    #[inline(always)]
    fn with<R>(&mut self, dontwait: bool, call: impl FnOnce(&mut dyn Pattern, &mut Cx) -> R) -> R {
        (self.sole_out, self.sole_in) = (NO_PIPE, NO_PIPE);
        let mut cx = Cx {
            pipes: &mut self.pipes,
            invert_matching: self.options.invert_matching,
            conflate: self.options.conflate,
            dontwait,
        };
        let result = call(&mut *self.pattern, &mut cx);
        let ended = self.pipes.take_ended();
        if !ended.is_empty() {
            self.let_go(ended);
        }
        result
    }

    /// Notes the only pipes there are, after a call that moved a message.
    #[inline]
    fn note_sole(&mut self) {
        if !self.stopped && self.pending.is_empty() {
            self.sole_out = self.pattern.sole_out().unwrap_or(NO_PIPE);
            if !self.options.invert_matching {
                self.sole_in = self.pattern.sole_in().unwrap_or(NO_PIPE);
            }
        }
    }

    fn linger(&self) -> Option<Duration> {
        u64::try_from(self.options.linger)
            .ok()
            .map(Duration::from_millis)
    }

    /// High water marks, send and receive.
    fn high_water(&self) -> (u64, u64) {
        (
            u64::try_from(self.options.sndhwm).unwrap_or(0),
            u64::try_from(self.options.rcvhwm).unwrap_or(0),
        )
    }

    fn publish_marks(&self) {
        let (send, receive) = self.high_water();
        if let Some(marks) = &self.marks {
            marks.set(send, receive);
        }
    }

    fn published_marks(&mut self) -> Arc<Marks> {
        let marks = Arc::clone(self.marks.get_or_insert_default());
        self.publish_marks();
        marks
    }

    /// HELLO_MSG, where the type says it. REQ says it only inside the context: there it is a ROUTER or DEALER that hears it.
    fn hello(&self, inproc: bool) -> Vec<u8> {
        match self.row.name {
            "ROUTER" | "DEALER" | "REP" | "CLIENT" | "SERVER" | "PEER" => {
                self.options.hello_msg.clone()
            }
            "REQ" if inproc => self.options.hello_msg.clone(),
            _ => Vec::new(),
        }
    }

    /// DISCONNECT_MSG, where the type can tell whom it is about.
    fn farewell(&self) -> Vec<u8> {
        match self.row.name {
            "ROUTER" | "SERVER" | "PEER" => self.options.disconnect_msg.clone(),
            _ => Vec::new(),
        }
    }

    /// HICCUP_MSG, where the type goes on over the next connection.
    fn hiccup(&self) -> Vec<u8> {
        match self.row.name {
            "DEALER" | "CLIENT" | "PEER" => self.options.hiccup_msg.clone(),
            _ => Vec::new(),
        }
    }

    /// True when lanes keep the newest message only. Other types ignore the option: it would cut their messages apart.
    fn conflates(&self) -> bool {
        self.options.conflate && matches!(self.row.name, "DEALER" | "PULL" | "PUSH" | "PUB" | "SUB")
    }
}
