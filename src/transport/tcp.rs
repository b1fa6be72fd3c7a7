//! tcp: IPv4 and IPv6 streams.
#![forbid(unsafe_code)]

use std::fmt::{self, Write};
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::os::fd::OwnedFd;
use std::time::Duration;

use socket2::{Domain, Protocol, SockAddr, Socket, TcpKeepalive, Type};

use super::listener::adopt;
use super::{Accepted, Connected, Dialing, Listener, Progress, Target, Transport, Tuning, resolve};
use crate::endpoint::EndpointText;
use crate::endpoint::literal;
use crate::endpoint::tcp::{Role, TcpAddress};
use crate::errno::{Errno, Result};
use crate::sys::net;

/// Room for an address.
const HOST: usize = 46;

/// The transport.
pub struct Tcp;

impl Transport for Tcp {
    fn bind(&'static self, address: &[u8], tuning: &Tuning) -> Result<Listener> {
        let (socket, endpoint) = if tuning.use_fd >= 0 {
            adopt(tuning.use_fd, local_endpoint)?
        } else {
            let address = resolve::address(address, Role::Bind, tuning.ipv6)?;
            let socket = open(address, tuning)?;
            socket.set_reuse_address(true)?;
            socket.bind(&address.into())?;
            socket.listen(tuning.backlog)?;
            let endpoint = local_endpoint(&socket)?;
            (socket, endpoint)
        };
        Ok(Listener::new(self, socket, endpoint, None, tuning))
    }

    fn check_connect(&self, address: &[u8]) -> Result<()> {
        TcpAddress::check_connect(address)
    }

    fn resolve_literal(&self, address: &[u8], tuning: &Tuning) -> Option<Result<Vec<Target>>> {
        resolve::targets_at_once(address, tuning.ipv6)
    }

    fn resolve(&self, address: &[u8], tuning: &Tuning) -> Result<Vec<Target>> {
        resolve::targets(address, tuning.ipv6)
    }

    fn dial(&self, target: &Target, tuning: &Tuning) -> Result<Dialing> {
        let socket = open(inet(&target.address)?, tuning)?;
        let bound = target.source.as_ref().map_or(Ok(()), |source| {
            // One source port may serve several peers.
            socket.set_reuse_address(true)?;
            socket.bind(source)
        });
        let progress = Progress::of(bound.and_then(|()| socket.connect(&target.address)));
        Ok(Dialing {
            fd: socket.into(),
            progress,
        })
    }

    fn finish(&self, fd: OwnedFd, tuning: &Tuning) -> Result<Connected> {
        let socket = Socket::from(fd);
        if let Some(error) = socket.take_error()? {
            return Err(error.into());
        }
        let local = inet(&socket.local_addr()?)?;
        let peer = inet(&socket.peer_addr()?)?;
        // Dialling an ephemeral port of this host that nobody listens on can meet itself.
        if local == peer {
            return Err(Errno::ECONNREFUSED);
        }
        tune_connection(&socket, tuning)?;
        Ok(Connected {
            fd: socket.into(),
            local: endpoint(local),
            peer: endpoint(peer),
            peer_address: host(peer),
        })
    }

    fn admit(&self, connection: Socket, peer: &SockAddr, listener: &Listener) -> Result<Accepted> {
        let tuning = listener.tuning();
        let peer = inet(peer)?;
        let filters = &tuning.tcp_accept_filters;
        if !filters.is_empty() && !filters.iter().any(|filter| filter.contains(peer.ip())) {
            return Err(Errno::EACCES);
        }
        mark(&connection, tuning, peer.is_ipv6())?;
        tune_connection(&connection, tuning)?;
        Ok(Accepted {
            local: endpoint_like(inet(&connection.local_addr()?)?, Some(listener.endpoint())),
            fd: connection.into(),
            peer: endpoint(peer),
            peer_address: host(peer),
        })
    }

    fn aliases(&self, address: &[u8], tuning: &Tuning) -> Vec<EndpointText> {
        // What cannot be connected to, such as a wildcard, has no aliases at all.
        let Ok(connected) = resolve::address(address, Role::Connect, tuning.ipv6) else {
            return Vec::new();
        };
        let bound = resolve::address(address, Role::Bind, tuning.ipv6).ok();
        let bound = bound.filter(|bound| *bound != connected);
        [Some(connected), bound]
            .into_iter()
            .flatten()
            .map(endpoint)
            .collect()
    }
}

/// A socket with everything that has to be set before it is bound or connected.
fn open(address: SocketAddr, tuning: &Tuning) -> Result<Socket> {
    let ipv6 = address.is_ipv6();
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
    if ipv6 {
        socket.set_only_v6(false)?;
    }
    mark(&socket, tuning, ipv6)?;
    if !tuning.bind_to_device.is_empty() {
        socket.bind_device(Some(&tuning.bind_to_device))?;
    }
    set_buffers(&socket, tuning)?;
    if let Ok(microseconds @ 1..) = u32::try_from(tuning.busy_poll) {
        socket.set_busy_poll(microseconds)?;
    }
    Ok(socket)
}

/// The buffer sizes, where the options ask for any.
pub(super) fn set_buffers(socket: &Socket, tuning: &Tuning) -> Result<()> {
    if let Ok(size) = usize::try_from(tuning.sndbuf) {
        socket.set_send_buffer_size(size)?;
    }
    if let Ok(size) = usize::try_from(tuning.rcvbuf) {
        socket.set_recv_buffer_size(size)?;
    }
    Ok(())
}

/// What marks the packets. An accepted connection does not inherit all of it.
fn mark(socket: &Socket, tuning: &Tuning, ipv6: bool) -> Result<()> {
    if let Ok(tos @ 1..) = u32::try_from(tuning.tos) {
        socket.set_tos_v4(tos)?;
        if ipv6 {
            socket.set_tclass_v6(tos)?;
        }
    }
    if let Ok(priority @ 1..) = u32::try_from(tuning.priority) {
        socket.set_priority(priority)?;
    }
    Ok(())
}

/// What concerns an established connection only. The user timeout would otherwise also cut the connection attempt short.
fn tune_connection(socket: &Socket, tuning: &Tuning) -> Result<()> {
    socket.set_tcp_nodelay(true)?;
    if tuning.tcp_keepalive >= 0 {
        socket.set_keepalive(tuning.tcp_keepalive != 0)?;
    }
    if tuning.tcp_keepalive > 0 {
        let mut keepalive = TcpKeepalive::new();
        if let Ok(retries) = u32::try_from(tuning.tcp_keepalive_cnt) {
            keepalive = keepalive.with_retries(retries);
        }
        if let Ok(seconds) = u64::try_from(tuning.tcp_keepalive_idle) {
            keepalive = keepalive.with_time(Duration::from_secs(seconds));
        }
        if let Ok(seconds) = u64::try_from(tuning.tcp_keepalive_intvl) {
            keepalive = keepalive.with_interval(Duration::from_secs(seconds));
        }
        socket.set_tcp_keepalive(&keepalive)?;
    }
    if let Ok(milliseconds @ 1..) = u64::try_from(tuning.tcp_maxrt) {
        socket.set_tcp_user_timeout(Some(Duration::from_millis(milliseconds)))?;
    }
    Ok(())
}

fn inet(address: &SockAddr) -> Result<SocketAddr> {
    address.as_socket().ok_or(Errno::EAFNOSUPPORT)
}

fn local_endpoint(socket: &Socket) -> Result<EndpointText> {
    Ok(endpoint(inet(&socket.local_addr()?)?))
}

/// `tcp://address:port`, IPv6 in brackets.
fn endpoint(address: SocketAddr) -> EndpointText {
    endpoint_like(address, None)
}

/// The same; one that is `known` is not made anew.
fn endpoint_like(address: SocketAddr, known: Option<&EndpointText>) -> EndpointText {
    let (host, port) = (Host(address), address.port());
    match address {
        SocketAddr::V4(_) => EndpointText::of(format_args!("tcp://{host}:{port}"), known),
        SocketAddr::V6(_) => EndpointText::of(format_args!("tcp://[{host}]:{port}"), known),
    }
}

fn host(address: SocketAddr) -> String {
    let mut text = String::with_capacity(HOST);
    // Nothing that a String refuses.
    let _ = write!(text, "{}", Host(address));
    text
}

/// The numeric address without port. Link-local ones carry their zone, by name where it has one.
struct Host(SocketAddr);

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", literal::Rendered(self.0.ip()))?;
        let SocketAddr::V6(v6) = self.0 else {
            return Ok(());
        };
        let Some(index) = NonZeroU32::new(v6.scope_id()) else {
            return Ok(());
        };
        let local = v6.ip().is_unicast_link_local();
        match local.then(|| net::interface_name(index)).flatten() {
            Some(name) => write!(f, "%{name}"),
            None => write!(f, "%{index}"),
        }
    }
}
