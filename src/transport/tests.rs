//! Real sockets on loopback. Everything waits for readiness with a deadline; nothing sleeps.
#![forbid(unsafe_code)]

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd};
use std::os::unix::fs::symlink;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;

use proptest::prelude::*;
use socket2::{Domain, SockRef, Type};

use super::*;
use crate::endpoint::cidr::Cidr;
use crate::sys::net::wait_for;

const DEADLINE: i32 = 10_000;

fn wire(text: &[u8]) -> (&'static dyn Transport, &[u8]) {
    match route(text).unwrap() {
        Route::Wire(transport, address) => (transport, address),
        Route::Inproc(_) => panic!("inproc has no transport"),
    }
}

fn bind(text: &str, tuning: &Tuning) -> Result<Listener> {
    let (transport, address) = wire(text.as_bytes());
    transport.bind(address, tuning)
}

fn connect(text: &[u8], tuning: &Tuning) -> Result<Connected> {
    let (transport, address) = wire(text);
    transport.check_connect(address)?;
    let targets = match transport.resolve_literal(address, tuning) {
        Some(targets) => targets?,
        None => transport.resolve(address, tuning)?,
    };
    let dialing = transport.dial(&targets[0], tuning)?;
    match dialing.progress {
        Progress::Done => {}
        Progress::UnderWay => assert!(wait_for(dialing.fd.as_fd(), libc::POLLOUT, DEADLINE)),
        Progress::Failed(errno) => return Err(errno),
    }
    transport.finish(dialing.fd, tuning)
}

fn accept(listener: &Listener) -> Incoming {
    assert!(wait_for(listener.as_fd(), libc::POLLIN, DEADLINE));
    listener.accept()
}

fn accept_peer(listener: &Listener) -> Accepted {
    match accept(listener) {
        Incoming::Peer(accepted) => accepted,
        other => panic!("no connection: {other:?}"),
    }
}

/// Connects, checks what both sides say of each other, and passes a byte each way.
fn bounce(listener: &Listener, text: &[u8], tuning: &Tuning) -> (Accepted, Connected) {
    let connected = connect(text, tuning).unwrap();
    let accepted = accept_peer(listener);
    assert!(matches!(listener.accept(), Incoming::Nothing));
    assert_eq!(accepted.peer, connected.local);
    for (from, to) in [(&connected.fd, &accepted.fd), (&accepted.fd, &connected.fd)] {
        let (from, to) = (SockRef::from(from), SockRef::from(to));
        for socket in [&from, &to] {
            assert!(socket.nonblocking().unwrap() && is_close_on_exec(socket.as_fd()));
        }
        (&*from).write_all(b"x").unwrap();
        assert!(wait_for(to.as_fd(), libc::POLLIN, DEADLINE));
        assert_eq!((&*to).read(&mut [0; 8]).unwrap(), 1);
    }
    (accepted, connected)
}

fn is_close_on_exec(fd: BorrowedFd<'_>) -> bool {
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", fd.as_raw_fd())).unwrap();
    let flags = info
        .lines()
        .find_map(|line| line.strip_prefix("flags:"))
        .unwrap();
    i32::from_str_radix(flags.trim(), 8).unwrap() & libc::O_CLOEXEC != 0
}

fn ipv6() -> Tuning {
    Tuning {
        ipv6: true,
        ..Tuning::default()
    }
}

/// A port that nobody listens on and no other test gets.
fn reserve_port() -> (Socket, SocketAddr) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_reuse_address(true).unwrap();
    socket
        .bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())
        .unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    (socket, address)
}

/// A directory that goes with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        let path = std::env::temp_dir().join(format!("ozmq-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Scratch(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn endpoint(&self, name: &str) -> String {
        format!("ipc://{}", self.path(name).display())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn schemes() {
    assert!(matches!(route("inproc://a"), Ok(Route::Inproc(b"a"))));
    assert!(matches!(route("tcp://*:1"), Ok(Route::Wire(_, b"*:1"))));
    assert!(matches!(route("ipc://x"), Ok(Route::Wire(_, b"x"))));
    for text in [
        "invalid://x",
        "TCP://x",
        "hvsocket://x",
        "tc://x",
        "tcpx://x",
    ] {
        assert_eq!(route(text).err(), Some(Errno::EPROTONOSUPPORT), "{text}");
    }
    for text in ["tcp://", "tcp", "://x", ""] {
        assert_eq!(route(text).err(), Some(Errno::EINVAL), "{text}");
    }
}

#[test]
fn tcp_bounces() {
    for (text, tuning, start, peer) in [
        (
            "tcp://127.0.0.1:*",
            Tuning::default(),
            "tcp://127.0.0.1:",
            "127.0.0.1",
        ),
        (
            "tcp://*:*",
            Tuning::default(),
            "tcp://0.0.0.0:",
            "127.0.0.1",
        ),
        (
            "tcp://localhost:0",
            Tuning::default(),
            "tcp://127.0.0.1:",
            "127.0.0.1",
        ),
        (
            "tcp://lo:*",
            Tuning::default(),
            "tcp://127.0.0.1:",
            "127.0.0.1",
        ),
        ("tcp://[::1]:*", ipv6(), "tcp://[::1]:", "::1"),
        ("tcp://*:*", ipv6(), "tcp://[::]:", "::1"),
        (
            "tcp://127.0.0.1:*",
            ipv6(),
            "tcp://[::ffff:127.0.0.1]:",
            "::ffff:127.0.0.1",
        ),
        ("tcp://[::1%lo]:*", ipv6(), "tcp://[::1]:", "::1"),
    ] {
        let listener = bind(text, &tuning).unwrap();
        let endpoint = listener.endpoint().clone();
        assert!(
            endpoint.starts_with(start.as_bytes()),
            "{text} gave {endpoint}"
        );
        let (accepted, connected) = bounce(&listener, &endpoint, &tuning);
        assert_eq!(accepted.peer_address, peer, "{text}");
        assert_eq!(connected.peer_address, peer, "{text}");
        assert_eq!(accepted.local, connected.peer, "{text}");
        listener.close().unwrap();
    }
}

#[test]
fn a_dual_stack_listener_takes_ipv4() {
    let listener = bind("tcp://*:*", &ipv6()).unwrap();
    let port = String::from_utf8(
        listener
            .endpoint()
            .rsplit(|&b| b == b':')
            .next()
            .unwrap()
            .to_vec(),
    )
    .unwrap();
    let _stream = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
    assert_eq!(accept_peer(&listener).peer_address, "::ffff:127.0.0.1");
}

#[test]
fn tcp_bind_errors() {
    let own = bind("tcp://127.0.0.1:*", &Tuning::default()).unwrap();
    let device = Tuning {
        bind_to_device: b"bad0".as_slice().into(),
        ..Tuning::default()
    };
    for (text, tuning, errno) in [
        ("tcp://[::1]:*", Tuning::default(), Errno::ENODEV),
        (
            "tcp://no.such.host.invalid:80",
            Tuning::default(),
            Errno::ENODEV,
        ),
        ("tcp://bad0:80", Tuning::default(), Errno::ENODEV),
        (
            "tcp://192.0.2.77:*",
            Tuning::default(),
            Errno::EADDRNOTAVAIL,
        ),
        ("tcp://127.0.0.1", Tuning::default(), Errno::EINVAL),
        ("tcp://127.0.0.1:abc", Tuning::default(), Errno::EINVAL),
        ("tcp://127.0.0.1%zz:80", Tuning::default(), Errno::EINVAL),
        ("tcp://127.0.0.1:*", device, Errno::ENODEV),
    ] {
        assert_eq!(bind(text, &tuning).err(), Some(errno), "{text}");
    }
    let again = own.endpoint().to_string();
    assert_eq!(
        bind(&again, &Tuning::default()).err(),
        Some(Errno::EADDRINUSE)
    );
    // The descriptor is closed synchronously, so the port is free at once.
    own.close().unwrap();
    bind(&again, &Tuning::default()).unwrap();
}

#[test]
fn tcp_options_reach_both_sides() {
    let tuning = Tuning {
        tos: 0x28,
        priority: 3,
        tcp_keepalive: 1,
        tcp_keepalive_cnt: 5,
        tcp_keepalive_idle: 60,
        tcp_keepalive_intvl: 7,
        tcp_maxrt: 4000,
        sndbuf: 40_000,
        rcvbuf: 40_000,
        ..Tuning::default()
    };
    let listener = bind("tcp://127.0.0.1:*", &tuning).unwrap();
    let (accepted, connected) = bounce(&listener, listener.endpoint(), &tuning);
    for fd in [&accepted.fd, &connected.fd] {
        let socket = SockRef::from(fd);
        assert!(socket.tcp_nodelay().unwrap() && socket.keepalive().unwrap());
        assert_eq!(socket.tos_v4().unwrap(), 0x28);
        assert_eq!(socket.priority().unwrap(), 3);
        assert_eq!(socket.tcp_keepalive_retries().unwrap(), 5);
        assert_eq!(socket.tcp_keepalive_time().unwrap().as_secs(), 60);
        assert_eq!(socket.tcp_keepalive_interval().unwrap().as_secs(), 7);
        assert_eq!(
            socket.tcp_user_timeout().unwrap().unwrap().as_millis(),
            4000
        );
        assert_eq!(socket.send_buffer_size().unwrap(), 80_000);
        assert_eq!(socket.recv_buffer_size().unwrap(), 80_000);
    }
}

#[test]
fn a_refused_connection_is_an_error() {
    let (_held, nobody) = reserve_port();
    let text = format!("tcp://{nobody}");
    let refused = connect(text.as_bytes(), &Tuning::default());
    assert_eq!(refused.err(), Some(Errno::ECONNREFUSED));
}

#[test]
fn a_connection_to_itself_is_dropped() {
    let (_held, itself) = reserve_port();
    let text = format!("tcp://{itself};{itself}");
    let dropped = connect(text.as_bytes(), &Tuning::default());
    assert_eq!(dropped.err(), Some(Errno::ECONNREFUSED));
}

#[test]
fn one_source_port_serves_two_peers() {
    let tuning = Tuning::default();
    let first = bind("tcp://127.0.0.1:*", &tuning).unwrap();
    let second = bind("tcp://127.0.0.1:*", &tuning).unwrap();
    let (_held, source) = reserve_port();
    let mut open = Vec::new();
    for listener in [&first, &second] {
        let target = listener.endpoint().strip_prefix(b"tcp://").unwrap();
        let text = [format!("tcp://{source};").as_bytes(), target].concat();
        let (accepted, connected) = bounce(listener, &text, &tuning);
        assert_eq!(accepted.peer, *format!("tcp://{source}"));
        open.push((accepted, connected));
    }
}

#[test]
fn tcp_filters() {
    for (filter, welcome) in [
        ("127.0.0.1/32", true),
        ("0.0.0.0/0", true),
        ("127.0.0.255/32", false),
    ] {
        for ipv6 in [false, true] {
            let filters = vec![Cidr::parse(filter.as_bytes(), ipv6).unwrap()];
            let tuning = Tuning {
                ipv6,
                tcp_accept_filters: filters,
                ..Tuning::default()
            };
            let listener = bind("tcp://127.0.0.1:*", &tuning).unwrap();
            let _connected = connect(listener.endpoint(), &tuning).unwrap();
            match accept(&listener) {
                Incoming::Peer(_) => assert!(welcome, "{filter}"),
                Incoming::Rejected(_) => assert!(!welcome, "{filter}"),
                other => panic!("{filter}: {other:?}"),
            }
        }
    }
}

#[test]
fn a_peer_that_resets_at_once_is_survived() {
    let listener = bind("tcp://127.0.0.1:*", &Tuning::default()).unwrap();
    let connected = connect(listener.endpoint(), &Tuning::default()).unwrap();
    SockRef::from(&connected.fd)
        .set_linger(Some(std::time::Duration::ZERO))
        .unwrap();
    drop(connected);
    assert!(!matches!(
        accept(&listener),
        Incoming::Failed(_, Retry::Later)
    ));
}

#[test]
fn aliases_for_unbind() {
    let (tcp, _) = wire(b"tcp://x");
    for (text, ipv6, expected) in [
        ("localhost:5555", false, &["tcp://127.0.0.1:5555"][..]),
        ("127.0.0.1:5555", true, &["tcp://[::ffff:127.0.0.1]:5555"]),
        (
            "[::ffff:127.0.0.1]:5555",
            true,
            &["tcp://[::ffff:127.0.0.1]:5555"],
        ),
        ("*:5555", false, &[]),
        ("127.0.0.1:*", false, &[]),
        ("lo:5555", false, &[]),
    ] {
        let tuning = Tuning {
            ipv6,
            ..Tuning::default()
        };
        assert_eq!(tcp.aliases(text.as_bytes(), &tuning), expected, "{text}");
    }
    let (ipc, address) = wire(b"ipc:///tmp/x");
    assert!(ipc.aliases(address, &Tuning::default()).is_empty());
}

#[test]
fn ipc_bounces_and_leaves_its_file() {
    let scratch = Scratch::new("bounce");
    let text = scratch.endpoint("socket");
    let listener = bind(&text, &Tuning::default()).unwrap();
    assert_eq!(*listener.endpoint(), *text);
    let (accepted, connected) = bounce(&listener, text.as_bytes(), &Tuning::default());
    assert_eq!(accepted.local, *text);
    assert_eq!(connected.peer, *text);
    assert_eq!(accepted.peer, "ipc://");
    let end = format!(":{}", std::process::id());
    for address in [&accepted.peer_address, &connected.peer_address] {
        assert!(
            address.starts_with("localhost:") && address.ends_with(&end),
            "{address}"
        );
        assert_eq!(address.split(':').count(), 4);
    }
    listener.close().unwrap();
    assert!(scratch.path("socket").exists());
    assert_eq!(
        connect(text.as_bytes(), &Tuning::default()).err(),
        Some(Errno::ECONNREFUSED)
    );
    // Over the stale file, and once more over the live one, which it takes the path from.
    let stale = bind(&text, &Tuning::default()).unwrap();
    let live = bind(&text, &Tuning::default()).unwrap();
    bounce(&live, text.as_bytes(), &Tuning::default());
    assert!(matches!(stale.accept(), Incoming::Nothing));
}

#[test]
fn ipc_never_destroys_data() {
    let scratch = Scratch::new("data");
    let tuning = Tuning::default();
    fs::create_dir(scratch.path("directory")).unwrap();
    fs::write(scratch.path("data"), b"precious").unwrap();
    symlink(scratch.path("data"), scratch.path("link")).unwrap();
    for name in ["directory", "data", "link"] {
        assert_eq!(
            bind(&scratch.endpoint(name), &tuning).err(),
            Some(Errno::EADDRINUSE),
            "{name}"
        );
    }
    assert_eq!(fs::read(scratch.path("link")).unwrap(), b"precious");
    fs::write(scratch.path("empty"), b"").unwrap();
    symlink(scratch.path("nowhere"), scratch.path("dangling")).unwrap();
    for name in ["empty", "dangling"] {
        bind(&scratch.endpoint(name), &tuning).unwrap();
    }
}

#[test]
fn ipc_errors() {
    let tuning = Tuning::default();
    let scratch = Scratch::new("errors");
    assert_eq!(
        bind(&scratch.endpoint("missing/socket"), &tuning).err(),
        Some(Errno::ENOENT)
    );
    assert_eq!(bind("ipc://@", &tuning).err(), Some(Errno::EINVAL));
    let start = scratch.path("").display().to_string();
    let just = format!("ipc://{start}{}", "x".repeat(107 - start.len()));
    bind(&just, &tuning).unwrap();
    connect(just.as_bytes(), &tuning).unwrap_err();
    for text in [format!("{just}x"), format!("ipc://@{}", "x".repeat(107))] {
        assert_eq!(bind(&text, &tuning).err(), Some(Errno::ENAMETOOLONG));
        assert_eq!(
            connect(text.as_bytes(), &tuning).err(),
            Some(Errno::ENAMETOOLONG)
        );
    }
    let nowhere = scratch.endpoint("nowhere");
    assert_eq!(
        connect(nowhere.as_bytes(), &tuning).err(),
        Some(Errno::ENOENT)
    );
}

#[test]
fn ipc_abstract_names_may_hold_any_byte() {
    let name = format!("ipc://@ozmq-test-{}", std::process::id());
    let text = [name.as_bytes(), b"\xff\xfe/"].concat();
    let (ipc, address) = wire(&text);
    let listener = ipc.bind(address, &Tuning::default()).unwrap();
    assert_eq!(listener.endpoint().as_bytes(), text);
    let (_accepted, connected) = bounce(&listener, &text, &Tuning::default());
    assert_eq!(connected.peer.as_bytes(), text);
    assert_eq!(
        ipc.bind(address, &Tuning::default()).err(),
        Some(Errno::EADDRINUSE)
    );
}

#[test]
fn ipc_wildcards_clean_up() {
    for (text, by_close) in [("ipc://*", true), ("ipc://*", false), ("ipc://*name", true)] {
        let listener = bind(text, &Tuning::default()).unwrap();
        let endpoint = listener.endpoint().clone();
        let file = PathBuf::from(endpoint.to_string().strip_prefix("ipc://").unwrap());
        assert!(file.ends_with("socket") && file.exists(), "{endpoint}");
        bounce(&listener, &endpoint, &Tuning::default());
        if by_close {
            listener.close().unwrap();
        } else {
            drop(listener);
        }
        assert!(!file.parent().unwrap().exists(), "{endpoint}");
    }
    let listener = bind("ipc://*", &Tuning::default()).unwrap();
    let file = PathBuf::from(
        listener
            .endpoint()
            .to_string()
            .strip_prefix("ipc://")
            .unwrap(),
    );
    fs::write(file.with_file_name("other"), b"").unwrap();
    assert_eq!(listener.close(), Err(Errno(libc::ENOTEMPTY)));
    fs::remove_dir_all(file.parent().unwrap()).unwrap();
}

#[test]
fn ipc_filters() {
    let (one, _other) = UnixStream::pair().unwrap();
    let own = crate::sys::net::peer_credentials(one.as_fd()).unwrap();
    let none = Tuning::default();
    let filters = [
        (none.clone(), true),
        (
            Tuning {
                ipc_filter_uid: vec![own.uid],
                ..none.clone()
            },
            true,
        ),
        (
            Tuning {
                ipc_filter_uid: vec![own.uid + 1],
                ..none.clone()
            },
            false,
        ),
        (
            Tuning {
                ipc_filter_gid: vec![own.gid],
                ..none.clone()
            },
            true,
        ),
        (
            Tuning {
                ipc_filter_gid: vec![0x7fff_fff0],
                ..none.clone()
            },
            false,
        ),
        (
            Tuning {
                ipc_filter_pid: vec![own.pid],
                ..none.clone()
            },
            true,
        ),
        (
            Tuning {
                ipc_filter_pid: vec![own.pid + 1],
                ..none.clone()
            },
            false,
        ),
        (
            Tuning {
                ipc_filter_pid: vec![own.pid + 1],
                ipc_filter_uid: vec![own.uid],
                ..none
            },
            true,
        ),
    ];
    let scratch = Scratch::new("filters");
    for (number, (tuning, welcome)) in filters.into_iter().enumerate() {
        let text = scratch.endpoint(&number.to_string());
        let listener = bind(&text, &tuning).unwrap();
        let _connected = connect(text.as_bytes(), &tuning).unwrap();
        match accept(&listener) {
            Incoming::Peer(_) => assert!(welcome, "{number}"),
            Incoming::Rejected(_) => assert!(!welcome, "{number}"),
            other => panic!("{number}: {other:?}"),
        }
    }
}

#[test]
fn listeners_of_the_application() {
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let text = format!("tcp://{}", tcp.local_addr().unwrap());
    let tuning = Tuning {
        use_fd: tcp.into_raw_fd(),
        ..Tuning::default()
    };
    let listener = bind(&text, &tuning).unwrap();
    assert_eq!(*listener.endpoint(), *text);
    bounce(&listener, text.as_bytes(), &tuning);

    let scratch = Scratch::new("adopt");
    let text = scratch.endpoint("socket");
    let unix = UnixListener::bind(scratch.path("socket")).unwrap();
    let tuning = Tuning {
        use_fd: unix.into_raw_fd(),
        ..Tuning::default()
    };
    let listener = bind(&text, &tuning).unwrap();
    assert_eq!(*listener.endpoint(), *text);
    bounce(&listener, text.as_bytes(), &tuning);
    listener.close().unwrap();
    assert!(scratch.path("socket").exists());

    let closed = Tuning {
        use_fd: 1 << 30,
        ..Tuning::default()
    };
    assert_eq!(bind("tcp://127.0.0.1:*", &closed).err(), Some(Errno::EBADF));
    // Not a socket: refused, and still the application's.
    let file = fs::File::open("/dev/null").unwrap();
    let fd = file.into_raw_fd();
    let wrong = Tuning {
        use_fd: fd,
        ..Tuning::default()
    };
    assert_eq!(
        bind("tcp://127.0.0.1:*", &wrong).err(),
        Some(Errno::ENOTSOCK)
    );
    drop(crate::sys::net::adopt(fd).unwrap());
}

proptest! {
    #[test]
    fn any_endpoint_is_answered(
        scheme in "tcp|ipc|inproc|[a-z]{0,4}",
        separator in "://|:/|",
        address in proptest::collection::vec(any::<u8>(), 0..120),
        ipv6 in any::<bool>(),
    ) {
        let text = [scheme.as_bytes(), separator.as_bytes(), &address].concat();
        if let Ok(Route::Wire(transport, address)) = route(&text) {
            let tuning = Tuning { ipv6, ..Tuning::default() };
            let _ = transport.check_connect(address);
            let _ = transport.resolve_literal(address, &tuning);
        }
    }

    #[test]
    fn likely_tcp_endpoints_are_answered(address in "[0-9a-f.:;*%\\[\\]lo-]{1,30}", ipv6 in any::<bool>()) {
        let text = format!("tcp://{address}");
        let (tcp, address) = wire(text.as_bytes());
        let tuning = Tuning { ipv6, ..Tuning::default() };
        let _ = tcp.check_connect(address);
        if let Some(Ok(targets)) = tcp.resolve_literal(address, &tuning) {
            prop_assert!(!targets.is_empty());
        }
    }
}
