//! Tells an application what happens to a socket's connections, over an inproc socket of the library's own.
//!
//! Events come from I/O threads, which never wait: an event that finds no reader, or no room, is dropped.
#![forbid(unsafe_code)]

use crate::ctx;
use crate::endpoint::{Endpoint, Ends};
use crate::errno::{Errno, Result};
use crate::link::setup::{Monitor, MonitorSlot};
use crate::msg::Msg;
use crate::options::constants::event::{EVENT_ALL_V1, EVENT_MONITOR_STOPPED};
use crate::options::constants::flag::{DONTWAIT, SNDMORE};
use crate::options::constants::socket_type::{PAIR, PUB, PUSH};
use crate::options::table::LINGER;
use parking_lot::Mutex;
use std::ffi::c_void;
use std::sync::Arc;
use std::thread;

const INPROC: &[u8] = b"inproc";

/// Begins to report `events` at `endpoint`, in place of the monitor before; without an endpoint only ends that one.
///
/// # Errors
/// EINVAL for events that the version lacks, a malformed endpoint or another socket type than PAIR, PUB and PUSH;
/// EPROTONOSUPPORT for endpoints other than inproc; what opening and binding the monitor's socket answers.
pub fn start(
    ctx: &Arc<ctx::Shared>,
    slot: &MonitorSlot,
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

impl Monitor for Reporter {
    fn wants(&self, event: u64) -> bool {
        self.events & event != 0
    }

    fn emit(&self, event: u64, values: &[u64], ends: &Ends) {
        if !self.wants(event) {
            return;
        }
        let outlet = self.socket.lock();
        match self.version {
            1 => outlet.send(&[&head(event, values), ends.known()]),
            2 => {
                let event = event.to_ne_bytes();
                let count = (values.len() as u64).to_ne_bytes();
                let values: Vec<_> = values.iter().map(|value| value.to_ne_bytes()).collect();
                let mut frames: Vec<&[u8]> = vec![&event, &count];
                frames.extend(values.iter().map(|value| &value[..]));
                frames.extend([&*ends.local, &*ends.remote]);
                outlet.send(&frames);
            }
            _ => {}
        }
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        self.emit(EVENT_MONITOR_STOPPED as u64, &[0], &Ends::default());
    }
}

/// The first frame of version 1: event and value without a gap, cut to what it has room for.
fn head(event: u64, values: &[u64]) -> [u8; 6] {
    let value = values.first().map_or(0, |&value| value as u32);
    let mut head = [0; 6];
    head[..2].copy_from_slice(&(event as u16).to_ne_bytes());
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
        let head = head(0x0102, &[0xFFFF_FFFF_0304_0506]);
        assert_eq!(head[..2], 0x0102u16.to_ne_bytes());
        assert_eq!(head[2..], 0x0304_0506u32.to_ne_bytes());
    }
}
