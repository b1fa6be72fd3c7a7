//! What PUSH, ROUTER, SUB and the others mean.
//!
//! A socket hands every pipe and every message to its [`Pattern`], which knows nothing of threads, descriptors or
//! waiting: what cannot be done now is EAGAIN, and the socket tries again after the next news. Patterns are put together from
//! strategies: load balancing ([`lb`]), fair queueing ([`fq`]), fan-out ([`dist`]), [`subscriptions`] and [`routes`].
#![forbid(unsafe_code)]

pub mod dist;
pub mod fq;
pub mod hash;
pub mod lb;
pub mod prefixes;
pub mod rotation;
pub mod routes;
pub mod setting;
pub mod subscriptions;

mod dealer;
mod dgram;
mod dish;
mod pair;
mod pub_;
mod pull;
mod push;
mod radio;
mod rep;
mod req;
mod router;
mod server;
mod stream;
mod sub;
mod unread;
mod upstream;
mod xpub;
mod xsub;

#[cfg(test)]
mod tests;

use self::fq::FairQueue;
use crate::errno::{Errno, Result};
use crate::msg::Msg;
use crate::pipe::{Far, PipeId, Pipes};

/// What a pattern works on during one call.
#[derive(Debug)]
pub struct Cx<'a> {
    /// The socket's pipes.
    pub pipes: &'a mut Pipes,
    /// INVERT_MATCHING
    pub invert_matching: bool,
    /// CONFLATE
    pub conflate: bool,
    /// The caller of this send will not wait (DONTWAIT, or SNDTIMEO 0).
    pub dontwait: bool,
}

impl Cx<'_> {
    /// Writes a frame of no bytes, as PROBE_ROUTER asks for.
    fn probe(&mut self, pipe: PipeId) {
        if self.pipes.can_write(pipe) {
            self.pipes.write(pipe, Msg::new());
        }
    }

    /// True when the first frame of a message may be written, as far as this caller is concerned.
    #[inline(always)]
    fn can_begin(&mut self, pipe: PipeId) -> bool {
        if self.dontwait {
            self.pipes.can_write_at_once(pipe)
        } else {
            self.pipes.can_write(pipe)
        }
    }

    fn is_link(&self, pipe: PipeId) -> bool {
        self.pipes
            .get(pipe)
            .is_some_and(|pipe| matches!(pipe.far(), Far::Link(_)))
    }

    fn is_severed(&self, pipe: PipeId) -> bool {
        self.pipes
            .get(pipe)
            .is_none_or(crate::pipe::Pipe::is_severed)
    }
}

/// The behaviour of one socket type.
pub trait Pattern: Send {
    /// A pipe joins. `dialed`: by a connect of ours; else it was accepted.
    fn attach(&mut self, cx: &mut Cx, pipe: PipeId, dialed: bool);

    /// The handshake of its connection is done, maybe again: its peer is known. Over inproc, right after `attach`.
    fn established(&mut self, _cx: &mut Cx, _pipe: PipeId) {}

    /// Its connection was lost and will be tried again; the pipe stays.
    fn lost(&mut self, _cx: &mut Cx, _pipe: PipeId) {}

    /// Its peer is gone: nothing can be written any more, messages may still wait to be read.
    fn severed(&mut self, cx: &mut Cx, pipe: PipeId);

    /// It is about to be removed.
    fn detach(&mut self, cx: &mut Cx, pipe: PipeId);

    /// Something came by it while it was parked.
    fn readable(&mut self, cx: &mut Cx, pipe: PipeId);

    /// It may have room again: news said so, or its high water mark changed.
    fn writable(&mut self, _cx: &mut Cx, _pipe: PipeId) {}

    /// Sends one frame. It is taken (and left empty) on success and untouched on failure.
    ///
    /// # Errors
    /// EAGAIN: would block. Others as the type has it.
    fn send(&mut self, _cx: &mut Cx, _msg: &mut Msg) -> Result<()> {
        Err(Errno::ENOTSUP)
    }

    /// Receives one frame.
    ///
    /// # Errors
    /// EAGAIN: would block. Others as the type has it.
    fn recv(&mut self, _cx: &mut Cx) -> Result<Msg> {
        Err(Errno::ENOTSUP)
    }

    /// The one pipe that every message of a single frame goes to as it is, until the pattern is called again.
    fn sole_out(&self) -> Option<PipeId> {
        None
    }

    /// The one pipe that every message comes by as it is, until the pattern is called again.
    fn sole_in(&self) -> Option<PipeId> {
        None
    }

    /// The queue that every message comes by as it is.
    fn fair_in(&mut self) -> Option<&mut FairQueue> {
        None
    }

    /// ZMQ_POLLOUT
    fn can_send(&mut self, _cx: &mut Cx) -> bool {
        false
    }

    /// ZMQ_POLLIN
    fn can_recv(&mut self, _cx: &mut Cx) -> bool {
        false
    }

    /// Parks every pipe that is not, before the socket sleeps. True when something is there to be read instead; who waits
    /// for room only sleeps all the same.
    fn park(&mut self, _cx: &mut Cx) -> bool {
        false
    }

    /// Sets an option of the pattern's own (`None`: a null pointer). Answers `None` when it is not its own.
    fn set_option(
        &mut self,
        _cx: &mut Cx,
        _option: i32,
        _value: Option<&[u8]>,
    ) -> Option<Result<()>> {
        None
    }

    /// Gets an option of the pattern's own. Answers `None` when it is not its own.
    fn get_option(&mut self, _cx: &mut Cx, _option: i32) -> Option<Result<i32>> {
        None
    }

    /// Asked before each connect.
    ///
    /// # Errors
    /// EINVAL: CONNECT_ROUTING_ID names a peer that another pipe is by now. The name is forgotten.
    fn before_connect(&mut self) -> Result<()> {
        Ok(())
    }

    /// True when connections made from now on carry bytes without any protocol.
    fn is_raw(&self) -> bool {
        false
    }

    /// What the option ROUTING_ID answers instead of what was set: on STREAM, the id of the newest peer.
    fn routing_id(&self) -> Option<&[u8]> {
        None
    }

    /// ZMQ_POLLOUT if a message to this routing id would be taken (`zmq_socket_get_peer_state`).
    ///
    /// # Errors
    /// ENOTSUP on types without routing ids; EHOSTUNREACH for an unknown one.
    fn peer_state(&mut self, _cx: &mut Cx, _routing_id: &[u8]) -> Result<i32> {
        Err(Errno::ENOTSUP)
    }

    /// Enters (`join`) or leaves a group (`zmq_join`, `zmq_leave`).
    ///
    /// # Errors
    /// ENOTSUP on types without groups; EINVAL: the name is too long, or it is in the group already, or not in it.
    fn set_group(&mut self, _cx: &mut Cx, _group: &[u8], _join: bool) -> Result<()> {
        Err(Errno::ENOTSUP)
    }

    /// The pipe of the peer that messages name by this number (`zmq_disconnect_peer`).
    ///
    /// # Errors
    /// ENOTSUP on types without such numbers; EHOSTUNREACH for an unknown one.
    fn numbered(&self, _number: u32) -> Result<PipeId> {
        Err(Errno::ENOTSUP)
    }

    /// The number of the pipe that joined last (`zmq_connect_peer`); `None` on types other than PEER.
    fn newest_number(&self) -> Option<u32> {
        None
    }
}

/// What there is to know of a socket type from outside.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// `ZMQ_PAIR` …
    pub number: i32,
    /// Socket-Type in the handshake.
    pub name: &'static str,
    /// Socket-Types it talks to.
    pub peers: &'static [&'static str],
    /// Makes one.
    pub create: fn() -> Box<dyn Pattern>,
    /// Tells peers its ROUTING_ID.
    pub sends_routing_id: bool,
    /// LINGER is 0 unless set.
    pub zero_linger: bool,
    /// Any thread may call any time.
    pub thread_safe: bool,
    /// A second connect to the same endpoint (not inproc) does nothing.
    pub dedups_connect: bool,
    /// Else send is ENOTSUP.
    pub may_send: bool,
    /// Else receive is ENOTSUP.
    pub may_recv: bool,
    /// Connections carry bytes without any protocol.
    pub raw: bool,
    /// Else SNDMORE is EINVAL.
    pub accepts_multipart: bool,
    /// What it sends has a group, and its peers say which groups they are in.
    pub groups: bool,
    /// Sends and receives by turns, and hands out nothing but what its pipes hold.
    pub alternates: bool,
}

const PLAIN: Row = Row {
    number: -1,
    name: "",
    peers: &[],
    create: || Box::new(pair::Pair::default()),
    sends_routing_id: false,
    zero_linger: false,
    thread_safe: false,
    dedups_connect: false,
    may_send: true,
    may_recv: true,
    raw: false,
    accepts_multipart: true,
    groups: false,
    alternates: false,
};

macro_rules! patterns {
    ($($number:literal $name:literal [$($peer:literal)*] $make:path { $($flag:ident),* } )*) => {
        /// Every socket type, by number.
        pub static PATTERNS: &[Row] = &[$(Row {
            number: $number,
            name: $name,
            peers: &[$($peer),*],
            create: || Box::new($make()),
            ..patterns!(@flags PLAIN $($flag)*)
        }),*];
    };
    (@flags $row:ident) => { $row };
    (@flags $row:ident receive_only $($rest:ident)*) => { Row { may_send: false, ..patterns!(@flags $row $($rest)*) } };
    (@flags $row:ident send_only $($rest:ident)*) => { Row { may_recv: false, ..patterns!(@flags $row $($rest)*) } };
    (@flags $row:ident single_frame $($rest:ident)*) => { Row { accepts_multipart: false, ..patterns!(@flags $row $($rest)*) } };
    (@flags $row:ident $flag:ident $($rest:ident)*) => { Row { $flag: true, ..patterns!(@flags $row $($rest)*) } };
}

patterns! {
    0  "PAIR"    ["PAIR"]                   pair::Pair::default     {}
    1  "PUB"     ["SUB" "XSUB"]             pub_::Pub::default      { send_only, dedups_connect }
    2  "SUB"     ["PUB" "XPUB"]             sub::Sub::default       { receive_only, dedups_connect, zero_linger }
    3  "REQ"     ["REP" "ROUTER"]           req::Req::default       { alternates, sends_routing_id, dedups_connect }
    4  "REP"     ["REQ" "DEALER"]           rep::Rep::default       { alternates }
    5  "DEALER"  ["REP" "DEALER" "ROUTER"]  dealer::Dealer::default { sends_routing_id, dedups_connect }
    6  "ROUTER"  ["REQ" "DEALER" "ROUTER"]  router::Router::default { sends_routing_id }
    7  "PULL"    ["PUSH"]                   pull::Pull::default     { receive_only }
    8  "PUSH"    ["PULL"]                   push::Push::default     { send_only }
    9  "XPUB"    ["SUB" "XSUB"]             xpub::Xpub::default     {}
    10 "XSUB"    ["PUB" "XPUB"]             xsub::Xsub::default     { zero_linger }
    11 "STREAM"  []                         stream::Stream::default { raw }
    12 "SERVER"  ["CLIENT"]                 server::Server::default { thread_safe, single_frame }
    13 "CLIENT"  ["SERVER"]                 dealer::Dealer::client  { thread_safe, single_frame }
    14 "RADIO"   ["DISH"]                   radio::Radio::default   { thread_safe, single_frame, send_only, groups }
    15 "DISH"    ["RADIO"]                  dish::Dish::default     { thread_safe, zero_linger }
    16 "GATHER"  ["SCATTER"]                pull::Pull::gathering   { thread_safe, receive_only }
    17 "SCATTER" ["GATHER"]                 push::Push::default     { thread_safe, single_frame, send_only }
    18 "DGRAM"   ["DGRAM"]                  dgram::Dgram::default   { raw }
    19 "PEER"    ["PEER"]                   server::Server::of_peers { thread_safe, single_frame }
    20 "CHANNEL" ["CHANNEL"]                pair::Pair::channel     { thread_safe, single_frame }
}

/// The row of a socket type.
pub fn row(number: i32) -> Option<&'static Row> {
    PATTERNS.iter().find(|row| row.number == number)
}

/// Makes the pattern of a socket type.
pub fn create(number: i32) -> Option<Box<dyn Pattern>> {
    row(number).map(|row| (row.create)())
}
