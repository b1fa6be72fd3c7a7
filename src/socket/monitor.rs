//! Tells an application what happens to a socket's connections, over an inproc socket of the library's own.
//!
//! Events come from I/O threads, which never wait: an event that finds no reader, or no room, is dropped.
#![forbid(unsafe_code)]

use crate::ctx;
use crate::endpoint::{Endpoint, EndpointText};
use crate::errno::{Errno, Result};
use crate::link::setup::{Monitor, MonitorSlot};
use crate::msg::Msg;
use crate::options::constants::event::{
    EVENT_ACCEPT_FAILED, EVENT_ACCEPTED, EVENT_ALL_V1, EVENT_BIND_FAILED, EVENT_CLOSE_FAILED,
    EVENT_CLOSED, EVENT_LISTENING, EVENT_MONITOR_STOPPED,
};
use crate::options::constants::flag::{DONTWAIT, SNDMORE};
use crate::options::constants::socket_type::{PAIR, PUB, PUSH};
use crate::options::table::LINGER;
use parking_lot::Mutex;
use std::ffi::c_void;
use std::sync::Arc;
use std::thread;

const INPROC: &[u8] = b"inproc";

/// The events whose endpoint is the local one.
const LOCAL: i32 = EVENT_LISTENING
    | EVENT_BIND_FAILED
    | EVENT_ACCEPTED
    | EVENT_ACCEPT_FAILED
    | EVENT_CLOSED
    | EVENT_CLOSE_FAILED;

/// Begins to report `events` at `endpoint`, in place of the monitor before; without an endpoint only ends that one.
///
/// # Errors
/// EINVAL for events that the version lacks, a malformed endpoint or another socket type than PAIR, PUB and PUSH;
/// EPROTONOSUPPORT for endpoints other than inproc; what opening and binding the monitor's socket answers.
pub fn start(
    ctx: &Arc<ctx::Shared>,
    slot: &Arc<MonitorSlot>,
    endpoint: Option<&[u8]>,
    events: u64,
    version: i32,
    type_: i32,
) -> Result<()> {
    if version == 1 && events & !(EVENT_ALL_V1 as u64) != 0 {
        return Err(Errno::EINVAL);
    }
    let Some(endpoint) = endpoint else {
        stop(slot);
        return Ok(());
    };
    if Endpoint::split(endpoint)?.scheme != INPROC {
        return Err(Errno::EPROTONOSUPPORT);
    }
    stop(slot);
    if !matches!(type_, PAIR | PUB | PUSH) {
        return Err(Errno::EINVAL);
    }
    let reporter = Reporter {
        socket: Mutex::new(Outlet::open(ctx, type_, endpoint)?),
        events,
        version,
    };
    slot.set(Some(Arc::new(reporter)));
    Ok(())
}

/// Ends the monitor, which says so as its last event. To be called when the monitored socket is closed.
pub fn stop(slot: &MonitorSlot) {
    if let Some(monitor) = slot.set(None) {
        // An I/O thread may be in the middle of an event; the endpoint is free once this returns.
        while Arc::strong_count(&monitor) > 1 {
            thread::yield_now();
        }
    }
}

/// Sends events.
struct Reporter {
    /// The frames of one event stay together.
    socket: Mutex<Outlet>,
    events: u64,
    version: i32,
}

impl Reporter {
    fn report(&self, event: u16, value: u32, endpoint: &[u8]) {
        if self.events & u64::from(event) == 0 {
            return;
        }
        let outlet = self.socket.lock();
        match self.version {
            1 => outlet.send(&[&head(event, value), endpoint]),
            2 => {
                let is_local = i32::from(event) & LOCAL != 0;
                let (local, remote) = if is_local {
                    (endpoint, &[][..])
                } else {
                    (&[][..], endpoint)
                };
                let event = u64::from(event).to_ne_bytes();
                let value = u64::from(value).to_ne_bytes();
                outlet.send(&[&event, &1u64.to_ne_bytes(), &value, local, remote]);
            }
            _ => {}
        }
    }
}

impl Monitor for Reporter {
    fn emit(&self, event: u16, value: u32, endpoint: &EndpointText) {
        self.report(event, value, endpoint);
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        self.report(EVENT_MONITOR_STOPPED as u16, 0, &[]);
    }
}

/// The first frame of version 1: event and value without a gap.
fn head(event: u16, value: u32) -> [u8; 6] {
    let mut head = [0; 6];
    head[..2].copy_from_slice(&event.to_ne_bytes());
    head[2..].copy_from_slice(&value.to_ne_bytes());
    head
}

/// The monitor's own socket, closed when dropped. The number is its handle, which no one else knows.
struct Outlet(usize);

impl Outlet {
    fn open(ctx: &Arc<ctx::Shared>, type_: i32, endpoint: &[u8]) -> Result<Outlet> {
        let outlet = Outlet(super::open_in(ctx, type_)? as usize);
        let mut turn = super::enter(outlet.handle())?;
        super::set_option(&mut turn, LINGER, Some(&0i32.to_ne_bytes()))?;
        super::bind(&mut turn, endpoint)?;
        drop(turn);
        Ok(outlet)
    }

    fn handle(&self) -> *mut c_void {
        self.0 as *mut c_void
    }

    /// Sends all frames, or none: when the first finds room, so do the others.
    fn send(&self, frames: &[&[u8]]) {
        let Ok(mut turn) = super::enter(self.handle()) else {
            return;
        };
        for (place, frame) in frames.iter().enumerate() {
            let more = if place + 1 < frames.len() { SNDMORE } else { 0 };
            let sent = Msg::copied(frame)
                .and_then(|mut frame| super::send(&mut turn, &mut frame, more | DONTWAIT));
            if sent.is_err() {
                return;
            }
        }
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        // Closed by nobody else, and there is no one to tell of a failure.
        let _ = super::close(self.handle());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_has_no_gap() {
        let head = head(0x0102, 0x0304_0506);
        assert_eq!(head[..2], 0x0102u16.to_ne_bytes());
        assert_eq!(head[2..], 0x0304_0506u32.to_ne_bytes());
    }
}
