//! A context: its options, its I/O threads, and the sockets that live in it.
//!
//! Threads start with the first socket. Nothing here waits but [`terminate`], which holds no turn on the context while it
//! does, so that other threads can close their sockets meanwhile.
#![forbid(unsafe_code)]

mod inproc;
mod zap;

pub use inproc::{Bound, Marks, Partner, Pending, Registry, Rendezvous, greet, limit};

use crate::errno::{Errno, Result};
use crate::io::{Handle, Reactor};
use crate::link::news::News;
use crate::link::setup::Live;
use crate::link::zap::Authenticator;
use crate::options::ContextOptions;
use crate::queue::{Arena, Mailbox, Signal, Sleep};
use crate::sys::membarrier;
use crate::sys::process::{Placement, generation};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::ffi::c_void;
use std::sync::Arc;

/// All contexts of the process.
pub static CONTEXTS: Arena<Context> = Arena::new(0xC0_7E_57_01);

/// What a context's handle holds.
pub struct Context {
    shared: Arc<Shared>,
}

/// What a context's sockets share.
pub struct Shared {
    options: Mutex<ContextOptions>,
    state: Mutex<State>,
    /// Tells [`terminate`] that a socket was closed.
    closed: Signal,
    live: Arc<Live>,
    inproc: Arc<Mutex<Registry>>,
    generation: u32,
}

#[derive(Debug, Default)]
struct State {
    stopped: bool,
    started: bool,
    max_sockets: usize,
    reactors: Vec<Reactor>,
    sockets: HashMap<u64, Arc<Mailbox<News>>>,
    next_socket: u64,
}

impl Context {
    /// A context without threads or descriptors.
    ///
    /// # Errors
    /// None today; the C interface allows EMFILE.
    pub fn new() -> Result<Context> {
        membarrier::register();
        Ok(Context {
            shared: Arc::new(Shared {
                options: Mutex::default(),
                state: Mutex::default(),
                closed: Signal::default(),
                live: Arc::new(Live::new()),
                inproc: Arc::default(),
                generation: generation(),
            }),
        })
    }

    /// What its sockets share.
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

impl Shared {
    /// A copy of the options as they are now.
    pub fn options(&self) -> ContextOptions {
        self.options.lock().clone()
    }

    /// Counts the connections and listeners that still work for this context.
    pub fn live(&self) -> &Arc<Live> {
        &self.live
    }

    /// Names and pending connects of the inproc transport.
    pub fn inproc(&self) -> &Mutex<Registry> {
        &self.inproc
    }

    /// The way to the ZAP handler.
    pub fn zap(&self) -> Arc<dyn Authenticator> {
        self.inproc.clone()
    }

    /// Enters a socket's mailbox, starting the I/O threads for the first one.
    ///
    /// # Errors
    /// ETERM after termination began; EMFILE when the context is full; what the system says when a thread does not start.
    pub fn admit(&self, mailbox: &Arc<Mailbox<News>>) -> Result<u64> {
        let mut state = self.state.lock();
        if state.stopped {
            return Err(Errno::ETERM);
        }
        if !state.started {
            let options = self.options();
            state.reactors = start(&options)?;
            state.max_sockets = usize::try_from(options.max_sockets).unwrap_or(0);
            state.started = true;
        }
        if state.sockets.len() >= state.max_sockets {
            return Err(Errno::EMFILE);
        }
        state.next_socket += 1;
        let number = state.next_socket;
        state.sockets.insert(number, Arc::clone(mailbox));
        Ok(number)
    }

    /// Forgets a socket that was closed.
    pub fn dismiss(&self, number: u64) {
        self.state.lock().sockets.remove(&number);
        self.closed.notify();
    }

    /// The least loaded of the I/O threads whose bit is set in `affinity` (0: of all).
    ///
    /// # Errors
    /// EMTHREAD when there is none.
    pub fn io_thread(&self, affinity: u64) -> Result<Handle> {
        let state = self.state.lock();
        let allowed = |place: usize| {
            affinity == 0
                || (place < 64 && affinity.checked_shr(place as u32).unwrap_or(0) & 1 != 0)
        };
        state
            .reactors
            .iter()
            .enumerate()
            .filter(|(place, _)| allowed(*place))
            .map(|(_, reactor)| reactor.handle())
            .min_by_key(|handle| handle.load())
            .cloned()
            .ok_or(Errno::EMTHREAD)
    }

    /// Refuses new sockets, and every call on those there are.
    pub fn stop(&self) {
        let mut state = self.state.lock();
        if std::mem::replace(&mut state.stopped, true) {
            return;
        }
        for mailbox in state.sockets.values() {
            mailbox.send(News::Stop);
        }
        drop(state);
        self.inproc.lock().forget_abandoned();
    }

    /// True in the child of a fork that inherited this context.
    pub fn is_inherited(&self) -> bool {
        self.generation != generation()
    }

    fn wait_for_sockets(&self) -> Result<()> {
        loop {
            self.closed.prepare(Sleep::Futex);
            if self.state.lock().sockets.is_empty() {
                self.closed.cancel();
                return Ok(());
            }
            let slept = self.closed.wait(None);
            self.closed.cancel();
            slept?;
        }
    }

    fn wait_for_connections(&self) -> Result<()> {
        while !self.live.wait(None)? {}
        Ok(())
    }
}

fn start(options: &ContextOptions) -> Result<Vec<Reactor>> {
    let prefix = String::from_utf8_lossy(&options.thread_name_prefix);
    let prefix = prefix.split('\0').next().unwrap_or_default();
    let slash = if prefix.is_empty() { "" } else { "/" };
    let placement = Placement {
        policy: (options.thread_sched_policy >= 0).then_some(options.thread_sched_policy),
        priority: (options.thread_priority >= 0).then_some(options.thread_priority),
        cpus: options.cpus.iter().map(|&cpu| cpu as usize).collect(),
    };
    (0..options.io_threads)
        .map(|number| {
            Reactor::start(
                format_args!("{prefix}{slash}ZMQbg/IO/{number}"),
                placement.clone(),
            )
        })
        .collect()
}

/// `zmq_ctx_set`
///
/// # Errors
/// EINVAL
pub fn set(context: &Context, option: i32, value: i32) -> Result<()> {
    context.shared.options.lock().set(option, value)
}

/// `zmq_ctx_get`
///
/// # Errors
/// EINVAL
pub fn get(context: &Context, option: i32) -> Result<i32> {
    context.shared.options.lock().get(option)
}

/// `zmq_ctx_set_ext`
///
/// # Errors
/// EINVAL
pub fn set_ext(context: &Context, option: i32, value: Option<&[u8]>) -> Result<()> {
    context.shared.options.lock().set_ext(option, value)
}

/// `zmq_ctx_get_ext`
///
/// # Errors
/// EINVAL
pub fn get_ext(context: &Context, option: i32, buffer: &mut [u8]) -> Result<()> {
    context.shared.options.lock().get_ext(option, buffer)
}

/// What the sockets of the context behind `handle` share.
///
/// # Errors
/// EFAULT when that is no live context.
pub fn find(handle: *const c_void) -> Result<Arc<Shared>> {
    let turn = CONTEXTS.enter(handle).ok_or(Errno::EFAULT)?;
    turn.as_ref()
        .map(|context| Arc::clone(&context.shared))
        .ok_or(Errno::EFAULT)
}

/// `zmq_ctx_shutdown`
///
/// # Errors
/// EFAULT
pub fn shutdown(handle: *const c_void) -> Result<()> {
    find(handle)?.stop();
    Ok(())
}

/// `zmq_ctx_term`: waits until all sockets are closed and what they left is sent.
///
/// # Errors
/// EFAULT; EINTR, after which it can be called again.
pub fn terminate(handle: *mut c_void) -> Result<()> {
    let shared = find(handle)?;
    if shared.is_inherited() {
        // Its threads live in the parent. Nothing to wait for; the memory stays for what may still point at it.
        if let Some(turn) = CONTEXTS.enter(handle) {
            std::mem::forget(CONTEXTS.remove(turn));
        }
        return Ok(());
    }
    shared.stop();
    shared.wait_for_sockets()?;
    shared.wait_for_connections()?;
    // Another thread that waited as well may have been first.
    if let Some(turn) = CONTEXTS.enter(handle) {
        drop(CONTEXTS.remove(turn));
    }
    // Threads are joined without the lock: they may be asking for it.
    let reactors = std::mem::take(&mut shared.state.lock().reactors);
    drop(reactors);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unused_context_terminates_at_once() {
        let handle = CONTEXTS.insert(Context::new().unwrap());
        assert_eq!(shutdown(handle), Ok(()));
        assert_eq!(terminate(handle), Ok(()));
        assert_eq!(terminate(handle), Err(Errno::EFAULT));
    }

    #[test]
    fn sockets_are_counted_and_refused_after_shutdown() {
        let context = Context::new().unwrap();
        set(&context, 2, 1).unwrap();
        let mailbox = Arc::new(Mailbox::default());
        let number = context.shared().admit(&mailbox).unwrap();
        assert_eq!(context.shared().admit(&mailbox), Err(Errno::EMFILE));
        context.shared().dismiss(number);
        context.shared().stop();
        assert_eq!(context.shared().admit(&mailbox), Err(Errno::ETERM));
    }

    #[test]
    fn affinity_chooses_among_the_threads() {
        let context = Context::new().unwrap();
        set(&context, 1, 2).unwrap();
        context
            .shared()
            .admit(&Arc::new(Mailbox::default()))
            .unwrap();
        assert!(context.shared().io_thread(0).is_ok());
        assert!(context.shared().io_thread(2).is_ok());
        assert_eq!(context.shared().io_thread(4).err(), Some(Errno::EMTHREAD));
    }
}
