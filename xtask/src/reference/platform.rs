//! The configuration header that the reference's sources expect, for Linux.

use crate::toolchain::Optional;

/// Which of the two builds of the reference.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// The stable API at full optimisation: what performance is compared with.
    Release,
    /// With drafts, WebSocket and radix tree, as its default configuration couples them: what tests run on.
    Draft,
}

/// Every switch that a configure run finds on a present-day Linux.
const LINUX: &[&str] = &[
    "HAVE_ACCEPT4",
    "HAVE_CLOCK_GETTIME",
    "HAVE_FORK",
    "HAVE_IF_NAMETOINDEX",
    "HAVE_MKDTEMP",
    "HAVE_STRNLEN",
    "ZMQ_HAVE_BUSY_POLL",
    "ZMQ_HAVE_EVENTFD",
    "ZMQ_HAVE_EVENTFD_CLOEXEC",
    "ZMQ_HAVE_IFADDRS",
    "ZMQ_HAVE_IPC",
    "ZMQ_HAVE_LINUX",
    "ZMQ_HAVE_NOEXCEPT",
    "ZMQ_HAVE_O_CLOEXEC",
    "ZMQ_HAVE_PPOLL",
    "ZMQ_HAVE_PTHREAD_SETNAME_2",
    "ZMQ_HAVE_PTHREAD_SET_AFFINITY",
    "ZMQ_HAVE_SOCK_CLOEXEC",
    "ZMQ_HAVE_SO_BINDTODEVICE",
    "ZMQ_HAVE_SO_KEEPALIVE",
    "ZMQ_HAVE_SO_PEERCRED",
    "ZMQ_HAVE_SO_PRIORITY",
    "ZMQ_HAVE_STRUCT_SOCKADDR_UN",
    "ZMQ_HAVE_TCP_KEEPALIVE",
    "ZMQ_HAVE_TCP_KEEPCNT",
    "ZMQ_HAVE_TCP_KEEPIDLE",
    "ZMQ_HAVE_TCP_KEEPINTVL",
    "ZMQ_HAVE_UIO",
    "ZMQ_IOTHREAD_POLLER_USE_EPOLL",
    "ZMQ_IOTHREAD_POLLER_USE_EPOLL_CLOEXEC",
    "ZMQ_POLL_BASED_ON_POLL",
    "ZMQ_USE_CV_IMPL_STL11",
];

/// The text of `platform.hpp`.
pub fn header(flavour: Flavour, optional: &Optional) -> String {
    let mut names: Vec<&str> = LINUX.to_vec();
    if optional.sodium {
        names.extend(["ZMQ_HAVE_CURVE", "ZMQ_USE_LIBSODIUM"]);
    }
    if flavour == Flavour::Draft {
        names.extend(["ZMQ_HAVE_WS", "ZMQ_USE_RADIX_TREE"]);
    }
    if flavour == Flavour::Draft && optional.kerberos {
        names.push("HAVE_LIBGSSAPI_KRB5");
    }
    if flavour == Flavour::Draft && optional.gnutls {
        names.extend(["ZMQ_HAVE_WSS", "ZMQ_USE_GNUTLS"]);
    } else {
        names.push("ZMQ_USE_BUILTIN_SHA1");
    }
    let mut text = String::from("#pragma once\n#include <features.h>\n");
    for name in names {
        text.push_str(&format!("#define {name}\n"));
    }
    text.push_str("#define HAVE_POSIX_MEMALIGN 1\n#define ZMQ_CACHELINE_SIZE 64\n");
    text.push_str("#if __has_include(<linux/tipc.h>)\n#define ZMQ_HAVE_TIPC\n#endif\n");
    // The C library brought strlcpy in 2.38; a second definition would clash with it.
    text.push_str(
        "#if defined __GLIBC__ && __GLIBC_PREREQ (2, 38)\n#define ZMQ_HAVE_STRLCPY\n#endif\n",
    );
    text
}
