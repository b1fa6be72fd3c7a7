//! Threads and processes: background threads that take no signals, and the news that a `fork` happened.

use crate::errno::{Errno, Result};
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;

static GENERATION: AtomicU32 = AtomicU32::new(0);
static HOOK: Once = Once::new();

extern "C" fn in_child() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
}

/// A number that changes in the child of every `fork`. What was made under another number belongs to a parent process,
/// whose threads do not exist here.
pub fn generation() -> u32 {
    HOOK.call_once(|| {
        // SAFETY: `in_child` only adds to an atomic, which is allowed between fork and exec.
        unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    });
    GENERATION.load(Ordering::Relaxed)
}

/// A number that no other running thread has, larger than 1; 0 where there is no cheap one.
#[inline(always)]
pub fn thread_number() -> usize {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        let number: usize;
        // SAFETY: on x86-64 the word at fs:0 is the thread pointer itself, by the ABI of thread-local storage.
        unsafe {
            std::arch::asm!("mov {}, fs:0", out(reg) number, options(nostack, preserves_flags, readonly, pure));
        }
        number
    }
    #[cfg(all(target_arch = "aarch64", not(miri)))]
    {
        let number: usize;
        // SAFETY: reading the thread pointer has no effect.
        unsafe {
            std::arch::asm!("mrs {}, tpidr_el0", out(reg) number, options(nostack, preserves_flags, nomem, pure));
        }
        number
    }
    #[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
    0
}

/// How a background thread is to run: what the context options of that name ask for.
#[derive(Clone, Debug, Default)]
pub struct Placement {
    /// The scheduling policy, where one was set.
    pub policy: Option<i32>,
    /// The priority (or, under SCHED_OTHER, how much nicer to be), where one was set.
    pub priority: Option<i32>,
    /// The CPUs it may run on; empty for all.
    pub cpus: Vec<usize>,
}

/// The system keeps no more of a thread's name.
const NAME_MAX: usize = 15;

/// Starts a background thread that blocks every signal, so that handlers run on the application's threads.
///
/// # Errors
/// EAGAIN when the system has no room for a thread.
pub fn spawn<F>(name: &str, placement: Placement, body: F) -> Result<JoinHandle<()>>
where
    F: FnOnce() + Send + 'static,
{
    // The prefix is the application's: a NUL would end the name, and only whole characters make one.
    let name = name.split('\0').next().unwrap_or_default();
    let whole = (0..=NAME_MAX.min(name.len())).rfind(|&end| name.is_char_boundary(end));
    let name = &name[..whole.unwrap_or(0)];
    // With room for the NUL that will be put behind it.
    let mut owned = String::with_capacity(name.len() + 1);
    owned.push_str(name);
    let started = with_signals_blocked(|| {
        std::thread::Builder::new()
            .name(owned)
            .stack_size(512 * 1024)
            .spawn(move || {
                place(&placement);
                body();
            })
    });
    started.map_err(Errno::from)
}

/// Runs `body` with every signal blocked: a thread that it starts inherits the full mask.
pub fn with_signals_blocked<T>(body: impl FnOnce() -> T) -> T {
    // SAFETY: both sets are plain memory that the calls fill.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        let mut before: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut before);
        let result = body();
        libc::pthread_sigmask(libc::SIG_SETMASK, &before, std::ptr::null_mut());
        result
    }
}

/// Applies `placement` to the calling thread. What the system refuses stays as it was: the process may lack the right.
fn place(placement: &Placement) {
    // SAFETY: all arguments are local values of the types the calls expect.
    unsafe {
        libc::prctl(libc::PR_SET_TIMERSLACK, 1000 as libc::c_ulong, 0, 0, 0);
        if placement.policy.is_some() || placement.priority.is_some() {
            let mut policy = 0;
            let mut param: libc::sched_param = std::mem::zeroed();
            libc::pthread_getschedparam(libc::pthread_self(), &mut policy, &mut param);
            let policy = placement.policy.unwrap_or(policy);
            if let Some(priority) = placement.priority {
                if policy == libc::SCHED_FIFO || policy == libc::SCHED_RR {
                    param.sched_priority = priority;
                } else {
                    param.sched_priority = 0;
                    libc::setpriority(libc::PRIO_PROCESS, 0, -priority);
                }
            }
            libc::pthread_setschedparam(libc::pthread_self(), policy, &param);
        }
        if !placement.cpus.is_empty() {
            let mut set: libc::cpu_set_t = std::mem::zeroed();
            for &cpu in &placement.cpus {
                if cpu < libc::CPU_SETSIZE as usize {
                    libc::CPU_SET(cpu, &mut set);
                }
            }
            libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set);
        }
    }
}
