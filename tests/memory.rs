//! What connections at rest hold, and what a stream of messages allocates: budgets, counted by an allocator of our own.
//! The peers are bare sockets, so that all that is counted is the library's.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ffi::{CString, c_int, c_void};
use std::io::Write;
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use zmq::ffi::{context, message, options, recv, socket};
use zmq::msg::Msg;
use zmq::options::{constants, table};

/// Bytes that one connection may hold while it rests. The budget is 4 KiB of the process's memory; the rest is for what the
/// C library's allocator needs beside what it is asked for.
const AT_REST: usize = 3584;
/// No connection holds less: what is counted is there.
const LEAST: usize = 1024;
const PEERS: usize = 300;
/// Messages of the stream, and the allocations that all of it may take, from the context on: some 60, most of them for
/// context, socket, endpoint and handshake, the others for queue and blocks as they grow. The budget is 100 of a whole
/// process (`cargo xtask bench`).
const MESSAGES: usize = 100_000;
const ALLOCATIONS: usize = 80;
const DEADLINE: Duration = Duration::from_secs(20);

struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static CALLS: AtomicUsize = AtomicUsize::new(0);
/// The counts are the process's.
static ALONE: Mutex<()> = Mutex::new(());

// SAFETY: all is the system's allocator's.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size(), Ordering::Relaxed);
        CALLS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// A bound socket in a context of its own.
struct Bound {
    context: *mut c_void,
    socket: *mut c_void,
    port: u16,
}

impl Bound {
    fn pull() -> Bound {
        let endpoint = CString::new("tcp://127.0.0.1:*").unwrap();
        let mut last = [0u8; 64];
        let mut length = last.len();
        // SAFETY: live handles, and buffers as long as they are said to be.
        unsafe {
            let context = context::zmq_ctx_new();
            let socket = socket::zmq_socket(context, constants::socket_type::PULL);
            // All peers may come before one is accepted.
            let backlog: c_int = 1024;
            let (place, size) = ((&raw const backlog).cast(), size_of::<c_int>());
            let done = options::zmq_setsockopt(socket, table::BACKLOG, place, size);
            assert_eq!(done, 0);
            assert_eq!(socket::zmq_bind(socket, endpoint.as_ptr()), 0);
            let option = table::LAST_ENDPOINT;
            let place = last.as_mut_ptr().cast();
            let done = options::zmq_getsockopt(socket, option, place, &mut length);
            assert_eq!(done, 0);
            let text = std::str::from_utf8(&last[..length - 1]).unwrap();
            let port = text.rsplit(':').next().unwrap().parse().unwrap();
            Bound {
                context,
                socket,
                port,
            }
        }
    }

    /// Takes so many messages and checks their size.
    fn receive(&self, count: usize, size: usize) {
        let mut msg = Msg::new();
        for _ in 0..count {
            // SAFETY: a live socket and message.
            let got = unsafe { recv::zmq_msg_recv(&mut msg, self.socket, 0) };
            assert_eq!(usize::try_from(got), Ok(size));
        }
        // SAFETY: a live message.
        assert_eq!(unsafe { message::zmq_msg_close(&mut msg) }, 0);
    }

    /// Has the socket take notice of what happened.
    fn look(&self) {
        let mut events: c_int = 0;
        let mut length = size_of::<c_int>();
        // SAFETY: a live socket, and an int.
        let done = unsafe {
            let place = (&raw mut events).cast();
            let option = table::EVENTS;
            options::zmq_getsockopt(self.socket, option, place, &mut length)
        };
        assert_eq!(done, 0);
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        // SAFETY: live handles, used by nobody afterwards.
        unsafe {
            assert_eq!(socket::zmq_close(self.socket), 0);
            assert_eq!(context::zmq_ctx_term(self.context), 0);
        }
    }
}

/// What a PUSH peer says before its messages.
fn hello() -> Vec<u8> {
    let mut bytes = vec![0; 64];
    (bytes[0], bytes[8], bytes[9], bytes[10]) = (0xFF, 1, 0x7F, 3);
    bytes[12..16].copy_from_slice(b"NULL");
    bytes.extend_from_slice(b"\x04\x1A\x05READY\x0BSocket-Type\0\0\0\x04PUSH");
    bytes
}

/// A frame with a body of up to 255 bytes or more.
fn frame(size: usize) -> Vec<u8> {
    let mut bytes = match u8::try_from(size) {
        Ok(size) => vec![0, size],
        Err(_) => [&[2][..], &(size as u64).to_be_bytes()].concat(),
    };
    bytes.resize(bytes.len() + size, 7);
    bytes
}

fn join(port: u16) -> TcpStream {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap()
}

/// Bytes that each of many connections holds once `count` messages of `size` bytes came by it and it rests, or at last.
fn held(count: usize, size: usize, budget: usize) -> usize {
    let bound = Bound::pull();
    let first = [hello(), frame(1)].concat();
    let all = [hello(), frame(size).repeat(count)].concat();
    let mut streams = Vec::with_capacity(PEERS + 2);
    let one = || {
        let mut stream = join(bound.port);
        stream.write_all(&first).unwrap();
        bound.receive(1, 1);
        stream
    };
    // What the first connection brings along belongs to no connection.
    streams.push(one());
    let before = LIVE.load(Ordering::Relaxed);
    for _ in 0..PEERS {
        let mut stream = join(bound.port);
        stream.write_all(&all).unwrap();
        streams.push(stream);
    }
    bound.receive(PEERS * count, size);
    // Who came before is there when the last one is.
    streams.push(one());
    let start = Instant::now();
    loop {
        bound.look();
        let each = LIVE.load(Ordering::Relaxed).saturating_sub(before) / (PEERS + 1);
        assert!(each >= LEAST, "{each} bytes are no connection");
        if each <= budget || start.elapsed() > DEADLINE {
            return each;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn connections_at_rest_hold_little() {
    let _alone = ALONE.lock().unwrap();
    for (count, size) in [(0, 0), (1, 1), (3, 100)] {
        let each = held(count, size, AT_REST);
        println!("{each} bytes after {count} messages of {size} bytes");
        assert!(each <= AT_REST, "{each} bytes after {count} of {size}");
    }
}

#[test]
fn what_messages_lay_in_is_given_back() {
    let _alone = ALONE.lock().unwrap();
    // Each connection has read into blocks of several times that. What the process keeps of them for others is bounded: 8 MiB
    // of large ones, and half a MiB of each smaller size.
    let kept = ((8 << 20) + 2 * (512 << 10)) / PEERS;
    let each = held(20, 3000, AT_REST + kept);
    assert!(each <= AT_REST + kept, "{each} bytes");
}

#[test]
fn a_stream_takes_few_allocations() {
    let _alone = ALONE.lock().unwrap();
    let port = AtomicU16::new(0);
    let (hello, frames) = (hello(), frame(100).repeat(1000));
    std::thread::scope(|scope| {
        let sender = scope.spawn(|| {
            let port = loop {
                match port.load(Ordering::Acquire) {
                    0 => std::thread::yield_now(),
                    port => break port,
                }
            };
            let mut stream = join(port);
            stream.write_all(&hello).unwrap();
            for _ in 0..MESSAGES / 1000 {
                stream.write_all(&frames).unwrap();
            }
            stream
        });
        let before = CALLS.load(Ordering::Relaxed);
        let bound = Bound::pull();
        port.store(bound.port, Ordering::Release);
        bound.receive(MESSAGES, 100);
        let calls = CALLS.load(Ordering::Relaxed) - before;
        // Closed over what we said and it did not read, it would take the messages along that are on their way.
        drop(sender.join());
        println!("{calls} allocations");
        assert!(calls <= ALLOCATIONS, "{calls} allocations");
    });
}
