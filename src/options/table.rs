//! The options of sockets and contexts, each once: what the header, the reference page, [`Options`](super::Options)
//! and the tests say about an option is made from its row here.
//!
//! A row reads: what it does; number, name, [older names], who keeps it, access, stage, what it is for, type and range,
//! default, [the socket types that know it, none listed for all], and the field of `Options` that holds it.
#![forbid(unsafe_code)]

use super::constants::socket_type::*;
use super::row::{Access, Empty::*, Initial, Kind, Need, Owner, Row, Stage};

/// Calls the named macro with all rows.
macro_rules! socket_options { ($expand:ident) => {
    $expand! {
        /// The I/O threads that may serve new endpoints: bit n stands for thread n, 0 for all.
        4 AFFINITY [] Options GetSet Stable Nothing, U64, Number(0), [] => affinity: u64;
        /// The name under which this socket is known to the ROUTER at the other end.
        5 ROUTING_ID [IDENTITY] Options GetSet Stable Nothing, Bytes(1, 255, Refused), Empty, [] => routing_id: Vec<u8>;
        /// Receive messages that begin with these bytes; on XPUB in manual mode, answer the last request so.
        6 SUBSCRIBE [] Pattern Set Stable Nothing, Bytes(0, usize::MAX, Allowed), Nothing, [SUB, XPUB];
        /// Take one such subscription back.
        7 UNSUBSCRIBE [] Pattern Set Stable Nothing, Bytes(0, usize::MAX, Allowed), Nothing, [SUB, XPUB];
        /// Sending rate of multicast transports, in kilobits per second.
        8 RATE [] Options GetSet Stable Nothing, Int(1, i32::MAX), Number(100), [] => rate: i32;
        /// How long multicast data can be asked for again, in milliseconds.
        9 RECOVERY_IVL [] Options GetSet Stable Nothing, Int(0, i32::MAX), Number(10000), [] => recovery_ivl: i32;
        /// Size of the kernel's transmit buffer, in bytes; -1 leaves it to the system.
        11 SNDBUF [] Options GetSet Stable Nothing, Int(-1, i32::MAX), Number(-1), [] => sndbuf: i32;
        /// Size of the kernel's receive buffer, in bytes; -1 leaves it to the system.
        12 RCVBUF [] Options GetSet Stable Nothing, Int(-1, i32::MAX), Number(-1), [] => rcvbuf: i32;
        /// 1 when more frames of the message last received follow.
        13 RCVMORE [] Socket Get Stable Nothing, Status, Number(0), [];
        /// A descriptor that becomes readable when EVENTS may have changed. Thread-safe sockets have none.
        14 FD [] Socket Get Stable Nothing, Status, Nothing, [];
        /// What the socket can do now: POLLIN, POLLOUT or both.
        15 EVENTS [] Socket Get Stable Nothing, Status, Nothing, [];
        /// The socket type.
        16 TYPE [] Socket Get Stable Nothing, Int(0, 20), Nothing, [];
        /// How long unsent messages outlive a close, in milliseconds; -1 for ever. SUB, XSUB and DISH start with 0.
        17 LINGER [] Options GetSet Stable Nothing, Int(-1, i32::MAX), Number(-1), [] => linger: i32;
        /// Wait before a lost connection is tried again, in milliseconds; -1 and 0 mean never.
        18 RECONNECT_IVL [] Options GetSet Stable Nothing, Int(-1, i32::MAX), Number(100), [] => reconnect_ivl: i32;
        /// How many connections may wait to be accepted.
        19 BACKLOG [] Options GetSet Stable Nothing, Int(0, i32::MAX), Number(100), [] => backlog: i32;
        /// Where the doubling of RECONNECT_IVL ends, in milliseconds; 0 does not double.
        21 RECONNECT_IVL_MAX [] Options GetSet Stable Nothing, Int(0, i32::MAX), Number(0), [] => reconnect_ivl_max: i32;
        /// The largest frame a peer may send, in bytes; a peer that exceeds it is dropped. Negative for no limit.
        22 MAXMSGSIZE [] Options GetSet Stable Nothing, I64, Number(-1), [] => maxmsgsize: i64;
        /// How many messages may wait for one peer; 0 for no limit.
        23 SNDHWM [] Options GetSet Stable Nothing, Int(0, i32::MAX), Number(1000), [] => sndhwm: i32;
        /// How many messages of one peer may wait for the application; 0 for no limit.
        24 RCVHWM [] Options GetSet Stable Nothing, Int(0, i32::MAX), Number(1000), [] => rcvhwm: i32;
        /// How many routers a multicast packet may pass.
        25 MULTICAST_HOPS [] Options GetSet Stable Nothing, Int(1, i32::MAX), Number(1), [] => multicast_hops: i32;
        /// How long a receive waits, in milliseconds; -1 for ever, 0 not at all.
        27 RCVTIMEO [] Options GetSet Stable Nothing, Int(-1, i32::MAX), Number(-1), [] => rcvtimeo: i32;
        /// How long a send waits, in milliseconds; -1 for ever, 0 not at all.
        28 SNDTIMEO [] Options GetSet Stable Nothing, Int(-1, i32::MAX), Number(-1), [] => sndtimeo: i32;
        /// The opposite of IPV6.
        31 IPV4ONLY [] Options GetSet Deprecated Nothing, Int(0, 1), Number(1), [];
        /// The endpoint last bound or connected, wildcards resolved.
        32 LAST_ENDPOINT [] Socket Get Stable Nothing, Text(0, usize::MAX, Allowed), Empty, [];
        /// Report messages to unknown peers (EHOSTUNREACH) or full ones (EAGAIN) instead of dropping them.
        33 ROUTER_MANDATORY [FAIL_UNROUTABLE ROUTER_BEHAVIOR] Pattern Set Stable Nothing, Int(0, i32::MAX), Number(0), [ROUTER, REP];
        /// TCP keep-alive: on, off, or -1 for the system's choice.
        34 TCP_KEEPALIVE [] Options GetSet Stable Nothing, Int(-1, 1), Number(-1), [] => tcp_keepalive: i32;
        /// Probes lost before a TCP connection counts as dead; -1 for the system's choice.
        35 TCP_KEEPALIVE_CNT [] Options GetSet Stable Nothing, Int(-1, i32::MAX), Number(-1), [] => tcp_keepalive_cnt: i32;
        /// Seconds of silence before the first TCP probe; -1 for the system's choice.
        36 TCP_KEEPALIVE_IDLE [] Options GetSet Stable Nothing, Int(-1, i32::MAX), Number(-1), [] => tcp_keepalive_idle: i32;
        /// Seconds between TCP probes; -1 for the system's choice.
        37 TCP_KEEPALIVE_INTVL [] Options GetSet Stable Nothing, Int(-1, i32::MAX), Number(-1), [] => tcp_keepalive_intvl: i32;
        /// Only accept TCP connections from this network; several add up.
        38 TCP_ACCEPT_FILTER [] Options Set Deprecated Nothing, Network, Empty, [] => tcp_accept_filters: Vec<Network>;
        /// Queue messages only for peers whose connection stands.
        39 IMMEDIATE [DELAY_ATTACH_ON_CONNECT] Options GetSet Stable Nothing, Int(0, 1), Number(0), [] => immediate: bool;
        /// Hand every subscription up, repeated ones too.
        40 XPUB_VERBOSE [] Pattern Set Stable Nothing, Int(0, i32::MAX), Number(0), [PUB, XPUB];
        /// Speak plain TCP instead of ZMTP.
        41 ROUTER_RAW [] Pattern Set Deprecated Nothing, Int(0, i32::MAX), Number(0), [ROUTER, REP];
        /// Use IPv6 as well as IPv4. The context's IPV6 is its default.
        42 IPV6 [] Options GetSet Stable Nothing, Int(0, 1), Number(0), [] => ipv6: bool;
        /// The security mechanism that the other options add up to.
        43 MECHANISM [] Options Get Stable Nothing, Int(0, 3), Number(0), [];
        /// Be the server of the PLAIN mechanism; 0 returns to NULL.
        44 PLAIN_SERVER [] Options GetSet Stable Nothing, Int(0, 1), Number(0), [];
        /// User name for the PLAIN mechanism; selects it. NULL returns to the NULL mechanism.
        45 PLAIN_USERNAME [] Options GetSet Stable Nothing, Text(1, 255, NullClears), Empty, [] => plain_username: Vec<u8>;
        /// Password for the PLAIN mechanism; selects it. NULL returns to the NULL mechanism.
        46 PLAIN_PASSWORD [] Options GetSet Stable Nothing, Text(1, 255, NullClears), Empty, [] => plain_password: Vec<u8>;
        /// Be the server of the CURVE mechanism; 0 returns to NULL.
        47 CURVE_SERVER [] Options GetSet Stable Curve, Int(0, 1), Number(0), [];
        /// Own long-term public key; selects the CURVE mechanism.
        48 CURVE_PUBLICKEY [] Options GetSet Stable Curve, Key, ZeroKey, [] => curve_publickey: [u8; 32];
        /// Own long-term secret key; selects the CURVE mechanism.
        49 CURVE_SECRETKEY [] Options GetSet Stable Curve, Key, ZeroKey, [] => curve_secretkey: [u8; 32];
        /// The server's public key; makes this socket a CURVE client.
        50 CURVE_SERVERKEY [] Options GetSet Stable Curve, Key, ZeroKey, [] => curve_serverkey: [u8; 32];
        /// Greet every new peer with an empty message.
        51 PROBE_ROUTER [] Pattern Set Stable Nothing, Int(0, i32::MAX), Number(0), [REQ, DEALER, ROUTER, REP];
        /// Number the requests, and take only the matching reply.
        52 REQ_CORRELATE [] Pattern Set Stable Nothing, Int(0, i32::MAX), Number(0), [REQ];
        /// Allow a new request before the reply to the last.
        53 REQ_RELAXED [] Pattern Set Stable Nothing, Int(0, i32::MAX), Number(0), [REQ];
        /// Keep only the newest message of each pipe.
        54 CONFLATE [] Options GetSet Stable Nothing, Int(0, 1), Number(0), [] => conflate: bool;
        /// The domain named in authentication requests; turns authentication on for the NULL mechanism.
        55 ZAP_DOMAIN [] Options GetSet Stable Nothing, Text(1, 255, Refused), Empty, [] => zap_domain: Vec<u8>;
        /// Let a new peer take over a routing id in use.
        56 ROUTER_HANDOVER [] Pattern Set Stable Nothing, Int(0, i32::MAX), Number(0), [ROUTER, REP];
        /// The type-of-service byte of IP packets.
        57 TOS [] Options GetSet Stable Nothing, Int(0, i32::MAX), Number(0), [] => tos: i32;
        /// Accept ipc connections of this process; the three filters add up.
        58 IPC_FILTER_PID [] Options Set Deprecated Nothing, Id, Empty, [] => ipc_filter_pid: BTreeSet<u32>;
        /// Accept ipc connections of this user.
        59 IPC_FILTER_UID [] Options Set Deprecated Nothing, Id, Empty, [] => ipc_filter_uid: BTreeSet<u32>;
        /// Accept ipc connections of this group.
        60 IPC_FILTER_GID [] Options Set Deprecated Nothing, Id, Empty, [] => ipc_filter_gid: BTreeSet<u32>;
        /// The routing id to give to the peer of the next connect.
        61 CONNECT_ROUTING_ID [CONNECT_RID] Pattern Set Stable Nothing, Bytes(1, usize::MAX, Refused), Nothing, [ROUTER, STREAM, REP];
        /// Be the server of the GSSAPI mechanism; selects it, even when 0.
        62 GSSAPI_SERVER [] Options GetSet Stable Gssapi, Int(0, 1), Number(0), [];
        /// Own principal; selects the GSSAPI mechanism.
        63 GSSAPI_PRINCIPAL [] Options GetSet Stable Gssapi, Text(1, 255, Refused), Empty, [] => gssapi_principal: Vec<u8>;
        /// The server's principal; makes this socket a GSSAPI client.
        64 GSSAPI_SERVICE_PRINCIPAL [] Options GetSet Stable Gssapi, Text(1, 255, Refused), Empty, [] => gssapi_service_principal: Vec<u8>;
        /// Authenticate only, do not encrypt.
        65 GSSAPI_PLAINTEXT [] Options GetSet Stable Gssapi, Int(0, 1), Number(0), [] => gssapi_plaintext: bool;
        /// How long a handshake may take, in milliseconds; 0 for no limit.
        66 HANDSHAKE_IVL [] Options GetSet Stable Nothing, Int(0, i32::MAX), Number(30000), [] => handshake_ivl: i32;
        /// The SOCKS5 proxy, host:port, through which TCP connections are made.
        68 SOCKS_PROXY [] Options GetSet Stable Nothing, Text(1, usize::MAX, NullClears), Empty, [] => socks_proxy: Vec<u8>;
        /// Wait for (or report) a full subscriber instead of dropping the message.
        69 XPUB_NODROP [] Pattern Set Stable Nothing, Int(0, i32::MAX), Number(0), [PUB, XPUB, RADIO];
        /// Subscribe only what the application answers to a request.
        71 XPUB_MANUAL [] Pattern Set Stable Nothing, Int(0, i32::MAX), Number(0), [PUB, XPUB];
        /// A message that every new subscriber gets first.
        72 XPUB_WELCOME_MSG [] Pattern Set Stable Nothing, Bytes(0, usize::MAX, Clears), Empty, [PUB, XPUB];
        /// Report each peer that comes or goes by an empty message.
        73 STREAM_NOTIFY [] Options Set Stable Nothing, Int(0, 1), Number(1), [STREAM] => stream_notify: bool;
        /// Deliver what no subscription matches. Publisher and subscriber must agree.
        74 INVERT_MATCHING [] Options GetSet Stable Nothing, Flag, Number(0), [] => invert_matching: bool;
        /// Time between heartbeats, in milliseconds; 0 for none.
        75 HEARTBEAT_IVL [] Options GetSet Stable Nothing, Int(0, i32::MAX), Number(0), [] => heartbeat_ivl: i32;
        /// How long the peer may wait for our next byte, in milliseconds, cut to tenths of a second; 0 for no limit.
        76 HEARTBEAT_TTL [] Options GetSet Stable Nothing, Int(-99, 6553599), Number(0), [] => heartbeat_ttl: i32;
        /// How long we wait for an answer to a heartbeat, in milliseconds; -1, the default, stands for HEARTBEAT_IVL.
        77 HEARTBEAT_TIMEOUT [] Options GetSet Stable Nothing, Int(0, i32::MAX), Number(-1), [] => heartbeat_timeout: i32;
        /// Hand every subscription and unsubscription up, repeated ones too.
        78 XPUB_VERBOSER [] Pattern Set Stable Nothing, Int(0, i32::MAX), Number(0), [PUB, XPUB];
        /// How long one attempt to connect may take, in milliseconds; 0 leaves it to the system.
        79 CONNECT_TIMEOUT [] Options GetSet Stable Nothing, Int(0, i32::MAX), Number(0), [] => connect_timeout: i32;
        /// How long sent TCP data may stay unacknowledged, in milliseconds; 0 leaves it to the system.
        80 TCP_MAXRT [] Options GetSet Stable Nothing, Int(0, i32::MAX), Number(0), [] => tcp_maxrt: i32;
        /// 1 for the socket types that several threads may use at once.
        81 THREAD_SAFE [] Socket Get Stable Nothing, Status, Nothing, [];
        /// Largest multicast packet, in bytes.
        84 MULTICAST_MAXTPDU [] Options GetSet Stable Nothing, Int(1, i32::MAX), Number(1500), [] => multicast_maxtpdu: i32;
        /// Buffer size of vmci connections, in bytes; 0 leaves it to the system.
        85 VMCI_BUFFER_SIZE [] Options GetSet Stable Vmci, U64, Number(0), [] => vmci_buffer_size: u64;
        /// Smallest buffer size a vmci peer may ask for; 0 leaves it to the system.
        86 VMCI_BUFFER_MIN_SIZE [] Options GetSet Stable Vmci, U64, Number(0), [] => vmci_buffer_min_size: u64;
        /// Largest buffer size a vmci peer may ask for; 0 leaves it to the system.
        87 VMCI_BUFFER_MAX_SIZE [] Options GetSet Stable Vmci, U64, Number(0), [] => vmci_buffer_max_size: u64;
        /// How long a vmci connection attempt may take, in milliseconds; -1 leaves it to the system.
        88 VMCI_CONNECT_TIMEOUT [] Options GetSet Stable Vmci, Int(i32::MIN, i32::MAX), Number(-1), [] => vmci_connect_timeout: i32;
        /// A listening descriptor for the next bind to adopt; -1 for none.
        89 USE_FD [] Options GetSet Stable Nothing, Int(-1, i32::MAX), Number(-1), [] => use_fd: i32;
        /// How GSSAPI_PRINCIPAL is to be read.
        90 GSSAPI_PRINCIPAL_NAMETYPE [] Options GetSet Stable Gssapi, Int(0, 2), Number(0), [] => gssapi_principal_nametype: i32;
        /// How GSSAPI_SERVICE_PRINCIPAL is to be read.
        91 GSSAPI_SERVICE_PRINCIPAL_NAMETYPE [] Options GetSet Stable Gssapi, Int(0, 2), Number(0), [] => gssapi_service_principal_nametype: i32;
        /// The network interface, by name, that all traffic must use.
        92 BINDTODEVICE [] Options GetSet Stable Nothing, Text(1, 16, NullClears), Empty, [] => bindtodevice: Vec<u8>;
        /// Follow the authentication protocol to the letter: ask for no domain, and refuse peers while nobody answers.
        93 ZAP_ENFORCE_DOMAIN [] Options GetSet Draft Nothing, Flag, Number(0), [] => zap_enforce_domain: bool;
        /// A short cut of Windows for connections within a machine; Linux has it always, so it is only kept and read back.
        94 LOOPBACK_FASTPATH [] Options GetSet Draft Nothing, Flag, Number(0), [] => loopback_fastpath: bool;
        /// A property `X-name:value` to tell every peer.
        95 METADATA [] Options Set Draft Nothing, Property, Empty, [] => metadata: BTreeMap<Vec<u8>, Vec<u8>>;
        /// Multicast packets come back to receivers on the same host.
        96 MULTICAST_LOOP [] Options GetSet Draft Nothing, Flag, Number(1), [] => multicast_loop: bool;
        /// Report peers by an empty message: 1 when they come, 2 when they go. Every type can read it.
        97 ROUTER_NOTIFY [] Options GetSet Draft Nothing, Int(0, 3), Number(0), [ROUTER, REP] => router_notify: i32;
        /// Like XPUB_MANUAL; the message sent after a subscription goes to that subscriber alone.
        98 XPUB_MANUAL_LAST_VALUE [] Pattern Set Draft Nothing, Int(0, i32::MAX), Number(0), [PUB, XPUB];
        /// User name for the SOCKS5 proxy; empty for none.
        99 SOCKS_USERNAME [] Options GetSet Draft Nothing, Text(0, 255, Clears), Empty, [] => socks_username: Vec<u8>;
        /// Password for the SOCKS5 proxy.
        100 SOCKS_PASSWORD [] Options GetSet Draft Nothing, Text(0, 255, Clears), Empty, [] => socks_password: Vec<u8>;
        /// How much is read from a connection at once, in bytes, but for a larger body; the default adapts itself.
        101 IN_BATCH_SIZE [] Options GetSet Draft Nothing, Int(1, i32::MAX), Number(8192), [] => in_batch_size: i32;
        /// How many bytes of messages are gathered before they are written to a connection; the default adapts itself.
        102 OUT_BATCH_SIZE [] Options GetSet Draft Nothing, Int(1, i32::MAX), Number(8192), [] => out_batch_size: i32;
        /// The TLS server's private key.
        103 WSS_KEY_PEM [] Options Set Draft Wss, Text(0, usize::MAX, Clears), Empty, [] => wss_key_pem: Vec<u8>;
        /// The TLS server's certificate chain.
        104 WSS_CERT_PEM [] Options Set Draft Wss, Text(0, usize::MAX, Clears), Empty, [] => wss_cert_pem: Vec<u8>;
        /// The certificates that a TLS client trusts.
        105 WSS_TRUST_PEM [] Options Set Draft Wss, Text(0, usize::MAX, Clears), Empty, [] => wss_trust_pem: Vec<u8>;
        /// The name that a TLS client asks for and checks.
        106 WSS_HOSTNAME [] Options Set Draft Wss, Text(0, usize::MAX, Clears), Empty, [] => wss_hostname: Vec<u8>;
        /// A TLS client also trusts the system's certificates.
        107 WSS_TRUST_SYSTEM [] Options GetSet Draft Wss, Int(0, 1), Number(0), [] => wss_trust_system: bool;
        /// Read only the first frame of a message as a subscription.
        108 ONLY_FIRST_SUBSCRIBE [] Pattern Set Draft Nothing, Int(0, i32::MAX), Number(0), [PUB, XPUB, XSUB];
        /// When to give a connection up: 1 if refused (tcp), 2 if the handshake failed, 4 if refused (ipc) after anything was disconnected.
        109 RECONNECT_STOP [] Options GetSet Draft Nothing, Int(i32::MIN, i32::MAX), Number(0), [] => reconnect_stop: i32;
        /// A message that every new peer gets first, from ROUTER, DEALER, REP, CLIENT, SERVER and PEER (over inproc from REQ too).
        110 HELLO_MSG [] Options Set Draft Nothing, Bytes(0, usize::MAX, Clears), Empty, [] => hello_msg: Vec<u8>;
        /// A message to receive when a peer that connected to us is lost, on ROUTER, SERVER and PEER.
        111 DISCONNECT_MSG [] Options Set Draft Nothing, Bytes(0, usize::MAX, Clears), Empty, [] => disconnect_msg: Vec<u8>;
        /// The kernel's priority of packets.
        112 PRIORITY [] Options GetSet Draft Nothing, Int(0, i32::MAX), Number(0), [] => priority: i32;
        /// How long the kernel polls the device for a packet, in microseconds.
        113 BUSY_POLL [] Options GetSet Draft Nothing, Int(i32::MIN, i32::MAX), Number(0), [] => busy_poll: i32;
        /// A message to receive when a connection that we made is lost, on DEALER, CLIENT and PEER.
        114 HICCUP_MSG [] Options Set Draft Nothing, Bytes(0, usize::MAX, Clears), Empty, [] => hiccup_msg: Vec<u8>;
        /// Send every unsubscription on, repeated ones too.
        115 XSUB_VERBOSE_UNSUBSCRIBE [] Pattern Set Draft Nothing, Int(i32::MIN, i32::MAX), Number(0), [XSUB];
        /// How many topics or subscriptions the socket holds.
        116 TOPICS_COUNT [] Pattern Get Draft Nothing, Status, Number(0), [PUB, XPUB, SUB, XSUB];
        /// How norm chooses its rate: fixed, or one of four forms of congestion control.
        117 NORM_MODE [] Options GetSet Draft Norm, Int(0, 4), Number(1), [] => norm_mode: i32;
        /// norm receivers ask the sender alone for lost packets.
        118 NORM_UNICAST_NACK [] Options GetSet Draft Norm, Int(0, 1), Number(0), [] => norm_unicast_nack: bool;
        /// Buffer of a norm stream, in KiB.
        119 NORM_BUFFER_SIZE [] Options GetSet Draft Norm, Int(1, i32::MAX), Number(2048), [] => norm_buffer_size: i32;
        /// Payload of a norm packet, in bytes.
        120 NORM_SEGMENT_SIZE [] Options GetSet Draft Norm, Int(1, i32::MAX), Number(1400), [] => norm_segment_size: i32;
        /// Packets in a block of norm's error correction.
        121 NORM_BLOCK_SIZE [] Options GetSet Draft Norm, Int(1, 255), Number(16), [] => norm_block_size: i32;
        /// Parity packets that norm computes for a block.
        122 NORM_NUM_PARITY [] Options GetSet Draft Norm, Int(0, 254), Number(4), [] => norm_num_parity: i32;
        /// Parity packets that norm sends unasked.
        123 NORM_NUM_AUTOPARITY [] Options GetSet Draft Norm, Int(0, 254), Number(0), [] => norm_num_autoparity: i32;
        /// A norm sender drops old data rather than wait for slow receivers.
        124 NORM_PUSH [] Options GetSet Draft Norm, Int(0, 1), Number(0), [] => norm_push: bool;
    }
} }
pub(crate) use socket_options;

/// The same for the options of a context.
macro_rules! context_options { ($expand:ident) => {
    $expand! {
        /// How many I/O threads there are; with 0 only inproc works. Counts until the first socket.
        1 IO_THREADS [] Options GetSet Stable Nothing, Int(0, i32::MAX), Number(1), [] => io_threads: i32;
        /// How many sockets may be open at once. Counts until the first socket.
        2 MAX_SOCKETS [] Options GetSet Stable Nothing, Int(1, i32::MAX), Number(1023), [] => max_sockets: i32;
        /// The largest value of MAX_SOCKETS that makes sense.
        3 SOCKET_LIMIT [] Options Get Stable Nothing, Int(0, 65535), Number(65535), [];
        /// The priority of background threads started later.
        3 THREAD_PRIORITY [] Options Set Stable Nothing, Int(0, i32::MAX), Number(-1), [] => thread_priority: i32;
        /// The scheduling policy of background threads started later, as the system numbers them.
        4 THREAD_SCHED_POLICY [] Options GetSet Stable Nothing, Int(0, i32::MAX), Number(-1), [] => thread_sched_policy: i32;
        /// The largest message, in bytes; kept and read back, and nothing more.
        5 MAX_MSGSZ [] Options GetSet Stable Nothing, Int(0, i32::MAX), Number(i32::MAX), [] => max_msgsz: i32;
        /// The size of zmq_msg_t.
        6 MSG_T_SIZE [] Options Get Stable Nothing, Int(0, i32::MAX), Number(64), [];
        /// Let background threads started later run on this CPU; several add up.
        7 THREAD_AFFINITY_CPU_ADD [] Options Set Stable Nothing, Int(0, i32::MAX), Nothing, [];
        /// Take a CPU out of that set again.
        8 THREAD_AFFINITY_CPU_REMOVE [] Options Set Stable Nothing, Int(0, i32::MAX), Nothing, [];
        /// Prefix of the names of background threads. Four bytes are taken for a number.
        9 THREAD_NAME_PREFIX [] Options GetSet Stable Nothing, Bytes(1, 16, Refused), Empty, [] => thread_name_prefix: Vec<u8>;
        /// Hand received messages out without copying them.
        10 ZERO_COPY_RECV [] Options GetSet Draft Nothing, Int(0, i32::MAX), Number(1), [] => zero_copy_recv: bool;
        /// What IPV6 is on new sockets.
        42 IPV6 [] Options GetSet Stable Nothing, Int(0, i32::MAX), Number(0), [] => ipv6: bool;
        /// Whether new sockets linger for ever (1) or not at all (0).
        70 BLOCKY [] Options GetSet Stable Nothing, Int(0, i32::MAX), Number(1), [] => blocky: bool;
    }
} }
pub(crate) use context_options;

macro_rules! rows {
    ($(
        #[doc = $doc:literal]
        $number:literal $name:ident [$($alias:ident)*] $owner:ident $access:ident $stage:ident $need:ident,
        $kind:expr, $initial:expr, [$($type:ident),*] $(=> $field:ident: $ty:ty)?;
    )*) => {
        /// Every one of them, by number.
        pub const ROWS: &[Row] = &[$(Row {
            number: $number,
            name: stringify!($name),
            aliases: &[$(stringify!($alias)),*],
            owner: Owner::$owner,
            access: Access::$access,
            stage: Stage::$stage,
            need: Need::$need,
            kind: { use Kind::*; $kind },
            initial: { use Initial::*; $initial },
            types: &[$($type as u8),*],
            doc: $doc,
        }),*];

        $(
            #[doc = $doc]
            pub const $name: i32 = $number;
            $(
                /// An older name.
                pub const $alias: i32 = $number;
            )*
        )*
    };
}

socket_options!(rows);

/// The options of a context.
pub mod context {
    use super::super::row::{Access, Empty::*, Initial, Kind, Need, Owner, Row, Stage};

    context_options!(rows);
}

/// The row of a socket option.
pub fn row(number: i32) -> Option<&'static Row> {
    let place = ROWS.binary_search_by_key(&number, |row| row.number).ok()?;
    ROWS.get(place)
}
