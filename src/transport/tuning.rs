//! What the options of a socket mean to its transports.
#![forbid(unsafe_code)]

use std::os::fd::RawFd;

use crate::endpoint::cidr::Cidr;

/// A snapshot of the options that transports read, taken at bind and connect. Numbers are as the options hold them.
#[derive(Clone, Debug)]
pub struct Tuning {
    /// `ZMQ_IPV6`.
    pub ipv6: bool,
    /// `ZMQ_BACKLOG`.
    pub backlog: i32,
    /// `ZMQ_SNDBUF`; negative leaves the system's default.
    pub sndbuf: i32,
    /// `ZMQ_RCVBUF`; negative leaves the system's default.
    pub rcvbuf: i32,
    /// `ZMQ_TOS`; 0 leaves the system's default.
    pub tos: i32,
    /// `ZMQ_PRIORITY`; 0 leaves the system's default.
    pub priority: i32,
    /// `ZMQ_BUSY_POLL`, in microseconds; 0 or less is off.
    pub busy_poll: i32,
    /// `ZMQ_TCP_KEEPALIVE`: 0, 1, or −1 for the system's default.
    pub tcp_keepalive: i32,
    /// `ZMQ_TCP_KEEPALIVE_CNT`; negative leaves the system's default.
    pub tcp_keepalive_cnt: i32,
    /// `ZMQ_TCP_KEEPALIVE_IDLE`, in seconds; negative leaves the system's default.
    pub tcp_keepalive_idle: i32,
    /// `ZMQ_TCP_KEEPALIVE_INTVL`, in seconds; negative leaves the system's default.
    pub tcp_keepalive_intvl: i32,
    /// `ZMQ_TCP_MAXRT`, in milliseconds; 0 leaves the system's default.
    pub tcp_maxrt: i32,
    /// `ZMQ_BINDTODEVICE`; empty for none.
    pub bind_to_device: Box<[u8]>,
    /// `ZMQ_USE_FD`: a listening descriptor to take over instead of making one; negative for none.
    pub use_fd: RawFd,
    /// `ZMQ_TCP_ACCEPT_FILTER`: a peer must lie in one of them; empty accepts all.
    pub tcp_accept_filters: Vec<Cidr>,
    /// `ZMQ_IPC_FILTER_UID`. The three ipc filters are alternatives; all empty accepts all.
    pub ipc_filter_uid: Vec<u32>,
    /// `ZMQ_IPC_FILTER_GID`.
    pub ipc_filter_gid: Vec<u32>,
    /// `ZMQ_IPC_FILTER_PID`.
    pub ipc_filter_pid: Vec<i32>,
}

impl Default for Tuning {
    fn default() -> Tuning {
        Tuning {
            ipv6: false,
            backlog: 100,
            sndbuf: -1,
            rcvbuf: -1,
            tos: 0,
            priority: 0,
            busy_poll: 0,
            tcp_keepalive: -1,
            tcp_keepalive_cnt: -1,
            tcp_keepalive_idle: -1,
            tcp_keepalive_intvl: -1,
            tcp_maxrt: 0,
            bind_to_device: Box::default(),
            use_fd: -1,
            tcp_accept_filters: Vec::new(),
            ipc_filter_uid: Vec::new(),
            ipc_filter_gid: Vec::new(),
            ipc_filter_pid: Vec::new(),
        }
    }
}
