//! The operating system, one file per facility. Everything above this floor is safe code: each function here checks what
//! the kernel answers and returns it as a `Result`, and no function keeps a pointer it was handed.

pub mod epoll;
pub mod event;
pub mod futex;
pub mod gssapi;
pub mod membarrier;
pub mod net;
pub mod process;
pub mod stream;
pub mod thread;
pub mod wait;
