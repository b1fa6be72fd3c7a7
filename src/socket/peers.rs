//! Calls that name a peer or a group.
#![forbid(unsafe_code)]

use super::endpoints::Kind;
use super::{Socket, connect, working};
use crate::errno::{Errno, Result};
use crate::options::constants::socket_type::PEER;
use crate::queue::Turn;

/// `zmq_socket_get_peer_state`
///
/// # Errors
/// ENOTSOCK, ETERM, ENOTSUP, EHOSTUNREACH.
pub fn peer_state(turn: &mut Turn<Socket>, id: &[u8]) -> Result<i32> {
    working(turn)?.with(true, |pattern, cx| pattern.peer_state(cx, id))
}

/// `zmq_connect_peer`: the number of the new peer.
///
/// # Errors
/// ENOTSOCK, ETERM; ENOTSUP on types other than PEER; EFAULT under IMMEDIATE, since the peer has no number before it is
/// there; as [`connect`].
pub fn connect_peer(turn: &mut Turn<Socket>, endpoint: &[u8]) -> Result<u32> {
    let socket = working(turn)?;
    if socket.row.number != PEER {
        return Err(Errno::ENOTSUP);
    }
    if socket.options.immediate {
        return Err(Errno::EFAULT);
    }
    connect(turn, endpoint)?;
    super::of(turn)?
        .pattern
        .newest_number()
        .ok_or(Errno::ENOTSUP)
}

/// `zmq_disconnect_peer`: a connection that was accepted ends, an endpoint that was connected is disconnected.
///
/// # Errors
/// ENOTSOCK, ETERM; ENOTSUP on types other than SERVER and PEER; EHOSTUNREACH.
pub fn disconnect_peer(turn: &mut Turn<Socket>, number: u32) -> Result<()> {
    let socket = working(turn)?;
    let id = socket.pattern.numbered(number)?;
    let endpoint = socket.pipes.get(id).map(crate::pipe::Pipe::endpoint);
    let dialed = socket.endpoints.iter().position(|entry| {
        Some(entry.number) == endpoint
            && matches!(entry.kind, Kind::Dialed { .. } | Kind::Inproc(_))
    });
    match dialed {
        Some(place) => {
            let entry = socket.endpoints.swap_remove(place);
            socket.end_entry(entry);
        }
        None => socket.discard(id, socket.linger()),
    }
    Ok(())
}

/// `zmq_join` and `zmq_leave`.
///
/// # Errors
/// ENOTSOCK, ETERM; ENOTSUP on types other than DISH; EINVAL.
pub fn set_group(turn: &mut Turn<Socket>, group: &[u8], join: bool) -> Result<()> {
    let socket = working(turn)?;
    let result = socket.with(true, |pattern, cx| pattern.set_group(cx, group, join));
    socket.pipes.flush();
    result
}
