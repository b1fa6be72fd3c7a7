//! Processes and where their threads run: the news that a `fork` happened, thread numbers, and placement.

use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

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

impl Placement {
    /// Applies it to the calling thread. What the system refuses stays as it was: the process may lack the right.
    pub fn apply(&self) {
        // SAFETY: all arguments are local values of the types the calls expect.
        unsafe {
            libc::prctl(libc::PR_SET_TIMERSLACK, 1000 as libc::c_ulong, 0, 0, 0);
            if self.policy.is_some() || self.priority.is_some() {
                let mut policy = 0;
                let mut param: libc::sched_param = std::mem::zeroed();
                libc::pthread_getschedparam(libc::pthread_self(), &mut policy, &mut param);
                let policy = self.policy.unwrap_or(policy);
                if let Some(priority) = self.priority {
                    if policy == libc::SCHED_FIFO || policy == libc::SCHED_RR {
                        param.sched_priority = priority;
                    } else {
                        param.sched_priority = 0;
                        libc::setpriority(libc::PRIO_PROCESS, 0, -priority);
                    }
                }
                libc::pthread_setschedparam(libc::pthread_self(), policy, &param);
            }
            if !self.cpus.is_empty() {
                let mut set: libc::cpu_set_t = std::mem::zeroed();
                for &cpu in &self.cpus {
                    if cpu < libc::CPU_SETSIZE as usize {
                        libc::CPU_SET(cpu, &mut set);
                    }
                }
                libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set);
            }
        }
    }
}
