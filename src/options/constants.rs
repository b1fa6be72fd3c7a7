//! Every constant of the C interface that is not an option, each once: the library uses the Rust constants, the header
//! is made from [`GROUPS`].
#![forbid(unsafe_code)]

use super::row::Stage;

/// Constants that belong together.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    /// The module that holds them.
    pub name: &'static str,
    /// What they are.
    pub title: &'static str,
    /// The constants.
    pub constants: &'static [Constant],
}

/// One constant of the header.
#[derive(Clone, Copy, Debug)]
pub struct Constant {
    /// Its name, less `ZMQ_`.
    pub name: &'static str,
    /// Its value as it is written in the header; names in it lack `ZMQ_`.
    pub text: &'static str,
    /// Its value.
    pub value: i32,
    /// How firmly it belongs to the interface.
    pub stage: Stage,
    /// What it means, in a line.
    pub doc: &'static str,
}

macro_rules! constants {
    ($(
        #[doc = $title:literal]
        mod $group:ident { $(
            #[doc = $doc:literal]
            $stage:ident $name:ident = $value:expr;
        )* }
    )*) => {
        $(
            #[doc = $title]
            pub mod $group {
                $(
                    #[doc = $doc]
                    pub const $name: i32 = $value;
                )*
            }
        )*

        /// All of them, in the order of the header.
        pub const GROUPS: &[Group] = &[$(Group {
            name: stringify!($group),
            title: $title,
            constants: &[$(Constant {
                name: stringify!($name),
                text: stringify!($value),
                value: $group::$name,
                stage: Stage::$stage,
                doc: $doc,
            }),*],
        }),*];
    };
}

constants! {
    /// The version of the interface.
    mod version {
        /// Major.
        Stable VERSION_MAJOR = 4;
        /// Minor.
        Stable VERSION_MINOR = 3;
        /// Patch.
        Stable VERSION_PATCH = 5;
    }

    /// Base of the error numbers that the system has not.
    mod errno_base {
        /// Clear of every system's own.
        Stable HAUSNUMERO = 156384712;
    }

    /// Defaults of a new context.
    mod context_default {
        /// I/O threads.
        Stable IO_THREADS_DFLT = 1;
        /// Sockets.
        Stable MAX_SOCKETS_DFLT = 1023;
        /// The priority of background threads is left alone.
        Stable THREAD_PRIORITY_DFLT = -1;
        /// The scheduling policy of background threads is left alone.
        Stable THREAD_SCHED_POLICY_DFLT = -1;
    }

    /// Socket types.
    mod socket_type {
        /// One peer, both ways.
        Stable PAIR = 0;
        /// Publishes to many.
        Stable PUB = 1;
        /// Receives what it subscribed to.
        Stable SUB = 2;
        /// Asks, then waits for the answer.
        Stable REQ = 3;
        /// Answers.
        Stable REP = 4;
        /// Asks many without waiting.
        Stable DEALER = 5;
        /// Answers whom it names.
        Stable ROUTER = 6;
        /// Takes work.
        Stable PULL = 7;
        /// Hands out work.
        Stable PUSH = 8;
        /// PUB that sees subscriptions.
        Stable XPUB = 9;
        /// SUB that sends subscriptions as messages.
        Stable XSUB = 10;
        /// Speaks plain TCP.
        Stable STREAM = 11;
        /// Thread-safe ROUTER of single frames.
        Draft SERVER = 12;
        /// Thread-safe DEALER of single frames.
        Draft CLIENT = 13;
        /// Publishes to groups.
        Draft RADIO = 14;
        /// Receives from groups it joined.
        Draft DISH = 15;
        /// Thread-safe PULL of single frames.
        Draft GATHER = 16;
        /// Thread-safe PUSH of single frames.
        Draft SCATTER = 17;
        /// UDP datagrams.
        Draft DGRAM = 18;
        /// SERVER that also connects.
        Draft PEER = 19;
        /// Thread-safe PAIR of single frames.
        Draft CHANNEL = 20;
        /// DEALER.
        Deprecated XREQ = DEALER;
        /// ROUTER.
        Deprecated XREP = ROUTER;
    }

    /// Message properties.
    mod message_property {
        /// More frames of this message follow.
        Stable MORE = 1;
        /// The descriptor a message came by.
        Deprecated SRCFD = 2;
        /// Its bytes are shared with another message.
        Stable SHARED = 3;
    }

    /// Flags of send and receive.
    mod flag {
        /// Fail rather than wait.
        Stable DONTWAIT = 1;
        /// More frames of this message follow.
        Stable SNDMORE = 2;
        /// DONTWAIT.
        Deprecated NOBLOCK = DONTWAIT;
    }

    /// Security mechanisms.
    mod mechanism {
        /// None.
        Stable NULL = 0;
        /// User name and password.
        Stable PLAIN = 1;
        /// Elliptic curves.
        Stable CURVE = 2;
        /// Kerberos.
        Stable GSSAPI = 3;
    }

    /// RADIO and DISH.
    mod group {
        /// The longest name of a group.
        Stable GROUP_MAX_LENGTH = 255;
    }

    /// How GSSAPI principals are to be read.
    mod gssapi_name_type {
        /// service@host.
        Stable GSSAPI_NT_HOSTBASED = 0;
        /// A user of this system.
        Stable GSSAPI_NT_USER_NAME = 1;
        /// A Kerberos principal.
        Stable GSSAPI_NT_KRB5_PRINCIPAL = 2;
    }

    /// What a socket monitor reports.
    mod event {
        /// A connection was made.
        Stable EVENT_CONNECTED = 0x0001;
        /// A connection is being made.
        Stable EVENT_CONNECT_DELAYED = 0x0002;
        /// A connection will be tried again.
        Stable EVENT_CONNECT_RETRIED = 0x0004;
        /// An endpoint is bound.
        Stable EVENT_LISTENING = 0x0008;
        /// An endpoint could not be bound.
        Stable EVENT_BIND_FAILED = 0x0010;
        /// A connection was accepted.
        Stable EVENT_ACCEPTED = 0x0020;
        /// A connection could not be accepted.
        Stable EVENT_ACCEPT_FAILED = 0x0040;
        /// A descriptor was closed.
        Stable EVENT_CLOSED = 0x0080;
        /// A descriptor could not be closed.
        Stable EVENT_CLOSE_FAILED = 0x0100;
        /// A connection was lost.
        Stable EVENT_DISCONNECTED = 0x0200;
        /// This is the last event.
        Stable EVENT_MONITOR_STOPPED = 0x0400;
        /// All stable events.
        Stable EVENT_ALL = 0xFFFF;
        /// A handshake failed; the value is an error number.
        Stable EVENT_HANDSHAKE_FAILED_NO_DETAIL = 0x0800;
        /// A handshake is complete.
        Stable EVENT_HANDSHAKE_SUCCEEDED = 0x1000;
        /// A handshake broke the protocol; the value is one of the codes below.
        Stable EVENT_HANDSHAKE_FAILED_PROTOCOL = 0x2000;
        /// Authentication failed; the value is the status 300, 400 or 500.
        Stable EVENT_HANDSHAKE_FAILED_AUTH = 0x4000;
        /// How full a pipe is.
        Draft EVENT_PIPES_STATS = 0x10000;
        /// The version of stable events.
        Draft CURRENT_EVENT_VERSION = 1;
        /// The version of draft events.
        Draft CURRENT_EVENT_VERSION_DRAFT = 2;
        /// All events of version 1.
        Draft EVENT_ALL_V1 = EVENT_ALL;
        /// All events of version 2.
        Draft EVENT_ALL_V2 = EVENT_ALL_V1 | EVENT_PIPES_STATS;
    }

    /// How a handshake broke the protocol.
    mod protocol_error {
        /// ZMTP: anything else.
        Stable PROTOCOL_ERROR_ZMTP_UNSPECIFIED = 0x10000000;
        /// ZMTP: a command out of turn.
        Stable PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND = 0x10000001;
        /// ZMTP: a nonce that does not increase.
        Stable PROTOCOL_ERROR_ZMTP_INVALID_SEQUENCE = 0x10000002;
        /// ZMTP: keys that do not belong together.
        Stable PROTOCOL_ERROR_ZMTP_KEY_EXCHANGE = 0x10000003;
        /// ZMTP: a malformed command.
        Stable PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_UNSPECIFIED = 0x10000011;
        /// ZMTP: a malformed MESSAGE.
        Stable PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_MESSAGE = 0x10000012;
        /// ZMTP: a malformed HELLO.
        Stable PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_HELLO = 0x10000013;
        /// ZMTP: a malformed INITIATE.
        Stable PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_INITIATE = 0x10000014;
        /// ZMTP: a malformed ERROR.
        Stable PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_ERROR = 0x10000015;
        /// ZMTP: a malformed READY.
        Stable PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_READY = 0x10000016;
        /// ZMTP: a malformed WELCOME.
        Stable PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_WELCOME = 0x10000017;
        /// ZMTP: properties that cannot be read or do not fit.
        Stable PROTOCOL_ERROR_ZMTP_INVALID_METADATA = 0x10000018;
        /// ZMTP: a box that does not open.
        Stable PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC = 0x11000001;
        /// ZMTP: another mechanism than ours.
        Stable PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH = 0x11000002;
        /// ZAP: anything else.
        Stable PROTOCOL_ERROR_ZAP_UNSPECIFIED = 0x20000000;
        /// ZAP: a malformed reply.
        Stable PROTOCOL_ERROR_ZAP_MALFORMED_REPLY = 0x20000001;
        /// ZAP: a reply to another request.
        Stable PROTOCOL_ERROR_ZAP_BAD_REQUEST_ID = 0x20000002;
        /// ZAP: a reply of another version.
        Stable PROTOCOL_ERROR_ZAP_BAD_VERSION = 0x20000003;
        /// ZAP: a status other than 200, 300, 400 and 500.
        Stable PROTOCOL_ERROR_ZAP_INVALID_STATUS_CODE = 0x20000004;
        /// ZAP: properties that cannot be read.
        Stable PROTOCOL_ERROR_ZAP_INVALID_METADATA = 0x20000005;
        /// WebSocket: anything.
        Stable PROTOCOL_ERROR_WS_UNSPECIFIED = 0x30000000;
    }

    /// What to poll for.
    mod poll {
        /// Something can be received.
        Stable POLLIN = 1;
        /// Something can be sent.
        Stable POLLOUT = 2;
        /// The descriptor is in error.
        Stable POLLERR = 4;
        /// Urgent data can be read.
        Stable POLLPRI = 8;
        /// How many items a poll handles without asking for memory.
        Stable POLLITEMS_DFLT = 16;
    }

    /// Devices, all of which are proxies.
    mod device {
        /// PULL to PUSH.
        Deprecated STREAMER = 1;
        /// XSUB to XPUB.
        Deprecated FORWARDER = 2;
        /// ROUTER to DEALER.
        Deprecated QUEUE = 3;
    }

    /// What the library has.
    mod capability {
        /// The function zmq_has exists.
        Stable HAS_CAPABILITIES = 1;
    }

    /// Forms of NORM_MODE.
    mod norm_mode {
        /// Fixed rate.
        Draft NORM_FIXED = 0;
        /// Congestion control.
        Draft NORM_CC = 1;
        /// Congestion control that tells loss from load.
        Draft NORM_CCL = 2;
        /// Congestion control by explicit notification.
        Draft NORM_CCE = 3;
        /// Congestion control by explicit notification alone.
        Draft NORM_CCE_ECNONLY = 4;
    }

    /// Bits of RECONNECT_STOP.
    mod reconnect_stop {
        /// When refused.
        Draft RECONNECT_STOP_CONN_REFUSED = 0x1;
        /// When the handshake failed.
        Draft RECONNECT_STOP_HANDSHAKE_FAILED = 0x2;
        /// After a disconnect.
        Draft RECONNECT_STOP_AFTER_DISCONNECT = 0x4;
    }

    /// Bits of ROUTER_NOTIFY.
    mod router_notify {
        /// Peers that come.
        Draft NOTIFY_CONNECT = 1;
        /// Peers that go.
        Draft NOTIFY_DISCONNECT = 2;
    }
}

/// Names of message properties, in the draft header: macro and text.
pub const PROPERTY_NAMES: &[(&str, &str)] = &[
    ("MSG_PROPERTY_ROUTING_ID", "Routing-Id"),
    ("MSG_PROPERTY_SOCKET_TYPE", "Socket-Type"),
    ("MSG_PROPERTY_USER_ID", "User-Id"),
    ("MSG_PROPERTY_PEER_ADDRESS", "Peer-Address"),
];

/// Error numbers that some systems lack, and how far above the base ours stand there.
pub const MISSING_ERRNOS: &[(&str, i32)] = &[
    ("ENOTSUP", 1),
    ("EPROTONOSUPPORT", 2),
    ("ENOBUFS", 3),
    ("ENETDOWN", 4),
    ("EADDRINUSE", 5),
    ("EADDRNOTAVAIL", 6),
    ("ECONNREFUSED", 7),
    ("EINPROGRESS", 8),
    ("ENOTSOCK", 9),
    ("EMSGSIZE", 10),
    ("EAFNOSUPPORT", 11),
    ("ENETUNREACH", 12),
    ("ECONNABORTED", 13),
    ("ECONNRESET", 14),
    ("ENOTCONN", 15),
    ("ETIMEDOUT", 16),
    ("EHOSTUNREACH", 17),
    ("ENETRESET", 18),
];

/// The error numbers of our own, and how far above the base they stand.
pub const NATIVE_ERRNOS: &[(&str, i32)] = &[
    ("EFSM", 51),
    ("ENOCOMPATPROTO", 52),
    ("ETERM", 53),
    ("EMTHREAD", 54),
];
