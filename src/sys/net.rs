//! Network calls behind safe functions: names, interfaces, peer credentials, descriptors handed over by the application.

use std::ffi::{CStr, CString};
use std::net::{IpAddr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::num::NonZeroU32;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;

use crate::errno::{Errno, Result};

/// Who connected to a Unix socket, as the kernel saw it at connect time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Credentials {
    /// Process.
    pub pid: i32,
    /// Effective user.
    pub uid: u32,
    /// Effective group.
    pub gid: u32,
}

/// The number of a network interface.
pub fn interface_index(name: &[u8]) -> Option<NonZeroU32> {
    let name = CString::new(name).ok()?;
    // SAFETY: `name` is NUL-terminated and outlives the call.
    NonZeroU32::new(unsafe { libc::if_nametoindex(name.as_ptr()) })
}

/// The name of a network interface.
pub fn interface_name(index: NonZeroU32) -> Option<String> {
    let mut name = [0_u8; libc::IF_NAMESIZE];
    // SAFETY: the buffer has the IF_NAMESIZE bytes that the call may write.
    let written = unsafe { libc::if_indextoname(index.get(), name.as_mut_ptr().cast()) };
    if written.is_null() {
        return None;
    }
    let name = CStr::from_bytes_until_nul(&name).ok()?;
    Some(name.to_string_lossy().into_owned())
}

/// The first address of the wanted family that interface `name` has; the port is 0.
pub fn interface_address(name: &[u8], ipv6: bool) -> Option<SocketAddr> {
    let mut list = ptr::null_mut();
    // SAFETY: `list` is a valid place for the result.
    if unsafe { libc::getifaddrs(&mut list) } != 0 {
        return None;
    }
    let mut found = None;
    let mut next: *const libc::ifaddrs = list;
    // SAFETY: `next` walks the list that getifaddrs made, whose last link is null, and the list is freed only below.
    while let Some(entry) = unsafe { next.as_ref() } {
        next = entry.ifa_next;
        if entry.ifa_name.is_null() {
            continue;
        }
        // SAFETY: a non-null ifa_name is a NUL-terminated string owned by the list.
        if unsafe { CStr::from_ptr(entry.ifa_name) }.to_bytes() != name {
            continue;
        }
        // SAFETY: ifa_addr is null or an address whose family says how large it is.
        let address = unsafe { socket_address(entry.ifa_addr) };
        found = address.filter(|address| address.is_ipv6() == ipv6);
        if found.is_some() {
            break;
        }
    }
    // SAFETY: `list` came from getifaddrs and nothing borrowed from it is left.
    unsafe { libc::freeifaddrs(list) };
    found
}

/// The addresses of a host name, in the system's order of preference; ports are 0. With `ipv6` only IPv6 addresses, v4-mapped
/// ones where there are no others; without it only IPv4. May block on name servers.
///
/// ENOENT when the name has no such address, ENOMEM when memory ran out.
pub fn host_addresses(name: &[u8], ipv6: bool) -> Result<Vec<IpAddr>> {
    let name = CString::new(name).map_err(|_| Errno::ENOENT)?;
    // SAFETY: addrinfo is plain data for which all zeroes is the documented "no wishes".
    let mut hints: libc::addrinfo = unsafe { std::mem::zeroed() };
    hints.ai_socktype = libc::SOCK_STREAM;
    hints.ai_family = if ipv6 { libc::AF_INET6 } else { libc::AF_INET };
    hints.ai_flags = if ipv6 { libc::AI_V4MAPPED } else { 0 };
    let mut list = ptr::null_mut();
    // SAFETY: the name is NUL-terminated, the hints are initialised, and `list` is a valid place for the result.
    let code = unsafe { libc::getaddrinfo(name.as_ptr(), ptr::null(), &hints, &mut list) };
    match code {
        0 => {}
        libc::EAI_MEMORY => return Err(Errno::ENOMEM),
        _ => return Err(Errno::ENOENT),
    }
    let mut addresses = Vec::new();
    let mut next: *const libc::addrinfo = list;
    // SAFETY: `next` walks the list that getaddrinfo made, whose last link is null, and the list is freed only below.
    while let Some(entry) = unsafe { next.as_ref() } {
        next = entry.ai_next;
        // SAFETY: ai_addr is null or an address whose family says how large it is.
        let address = unsafe { socket_address(entry.ai_addr) };
        addresses.extend(address.map(|address| address.ip()));
    }
    // SAFETY: `list` came from getaddrinfo and nothing borrowed from it is left.
    unsafe { libc::freeaddrinfo(list) };
    if addresses.is_empty() {
        return Err(Errno::ENOENT);
    }
    Ok(addresses)
}

/// Converts a kernel address; `None` for null and for families other than IPv4 and IPv6.
///
/// # Safety
/// `address` is null or points to an address as large as its family says.
unsafe fn socket_address(address: *const libc::sockaddr) -> Option<SocketAddr> {
    // SAFETY: promised by the caller.
    match i32::from(unsafe { address.as_ref() }?.sa_family) {
        libc::AF_INET => {
            // SAFETY: the family says that this is a sockaddr_in; the C library need not have aligned it for us.
            let v4 = unsafe { address.cast::<libc::sockaddr_in>().read_unaligned() };
            let ip = u32::from_be(v4.sin_addr.s_addr).into();
            Some(SocketAddrV4::new(ip, u16::from_be(v4.sin_port)).into())
        }
        libc::AF_INET6 => {
            // SAFETY: the family says that this is a sockaddr_in6; the C library need not have aligned it for us.
            let v6 = unsafe { address.cast::<libc::sockaddr_in6>().read_unaligned() };
            let port = u16::from_be(v6.sin6_port);
            let ip = v6.sin6_addr.s6_addr.into();
            Some(SocketAddrV6::new(ip, port, v6.sin6_flowinfo, v6.sin6_scope_id).into())
        }
        _ => None,
    }
}

/// Who is at the other end of a Unix socket.
pub fn peer_credentials(socket: BorrowedFd<'_>) -> Result<Credentials> {
    let mut credentials = libc::ucred {
        pid: 0,
        uid: u32::MAX,
        gid: u32::MAX,
    };
    let mut size = size_of::<libc::ucred>() as libc::socklen_t;
    // SAFETY: the buffer is a ucred and `size` is its size.
    let code = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut credentials).cast(),
            &mut size,
        )
    };
    if code != 0 {
        return Err(Errno::last());
    }
    Ok(Credentials {
        pid: credentials.pid,
        uid: credentials.uid,
        gid: credentials.gid,
    })
}

/// The groups that the user database puts user `uid` into. May block on a directory service; empty for an unknown user.
pub fn groups_of_user(uid: u32) -> Vec<u32> {
    const LARGEST: usize = 1 << 20;
    let mut buffer = vec![0_u8; 1024];
    // SAFETY: passwd is plain data; getpwuid_r fills it before it is read.
    let mut user: libc::passwd = unsafe { std::mem::zeroed() };
    let mut found = ptr::null_mut();
    loop {
        // SAFETY: all pointers are valid for the call and the length is that of the buffer.
        let code = unsafe {
            let text = buffer.as_mut_ptr().cast();
            libc::getpwuid_r(uid, &mut user, text, buffer.len(), &mut found)
        };
        match code {
            0 if !found.is_null() => break,
            libc::EINTR => {}
            libc::ERANGE if buffer.len() < LARGEST => buffer.resize(buffer.len() * 2, 0),
            _ => return Vec::new(),
        }
    }
    let mut groups: Vec<libc::gid_t> = vec![0; 64];
    loop {
        let mut count = libc::c_int::try_from(groups.len()).unwrap_or(libc::c_int::MAX);
        // SAFETY: pw_name points into `buffer`, which is alive and untouched since; `count` is the room in `groups`.
        let code = unsafe {
            libc::getgrouplist(user.pw_name, user.pw_gid, groups.as_mut_ptr(), &mut count)
        };
        let wanted = usize::try_from(count).unwrap_or(0);
        if code >= 0 {
            groups.truncate(wanted);
            return groups;
        }
        if groups.len() >= LARGEST {
            return Vec::new();
        }
        groups.resize(wanted.max(groups.len() * 2).min(LARGEST), 0);
    }
}

/// Takes over a descriptor that the application handed in (`ZMQ_USE_FD`); EBADF when it is not open.
///
/// The option makes the library its owner: the application must not close it, nor hand the same one in twice.
pub fn adopt(fd: RawFd) -> Result<OwnedFd> {
    // SAFETY: F_GETFD on any number is harmless and says whether it is open.
    if fd < 0 || unsafe { libc::fcntl(fd, libc::F_GETFD) } < 0 {
        return Err(Errno::EBADF);
    }
    // SAFETY: it is open, and by the option's contract nobody else will close it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Waits until `fd` is ready for `events` (`POLLIN`, `POLLOUT`); false when `timeout` milliseconds pass first.
#[cfg(test)]
pub fn wait_for(fd: BorrowedFd<'_>, events: i16, timeout: i32) -> bool {
    let mut entry = libc::pollfd {
        fd: fd.as_raw_fd(),
        events,
        revents: 0,
    };
    // SAFETY: one valid entry, and the count says one.
    unsafe { libc::poll(&mut entry, 1, timeout) == 1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    #[test]
    fn loopback_interface() {
        let index = interface_index(b"lo").unwrap();
        assert_eq!(interface_name(index).as_deref(), Some("lo"));
        assert_eq!(interface_index(b"bad0"), None);
        assert_eq!(interface_index(b"a\0b"), None);
        let address = interface_address(b"lo", false).unwrap();
        assert!(address.ip().is_loopback());
        assert_eq!(interface_address(b"bad0", false), None);
    }

    #[test]
    fn names() {
        let v4 = host_addresses(b"localhost", false).unwrap();
        assert!(v4.iter().all(|ip| ip.is_ipv4() && ip.is_loopback()));
        let v6 = host_addresses(b"localhost", true).unwrap();
        assert!(v6.iter().all(IpAddr::is_ipv6));
        assert_eq!(host_addresses(b"", false), Err(Errno::ENOENT));
        assert_eq!(host_addresses(b"a\0b", false), Err(Errno::ENOENT));
    }

    #[test]
    fn own_credentials() {
        let (one, _other) = UnixStream::pair().unwrap();
        let credentials = peer_credentials(one.as_fd()).unwrap();
        assert_eq!(credentials.pid, std::process::id() as i32);
        assert!(
            peer_credentials(std::net::TcpListener::bind("127.0.0.1:0").unwrap().as_fd())
                .is_ok_and(|c| c.uid == u32::MAX || c.pid == 0)
        );
        assert!(groups_of_user(credentials.uid).len() < 1 << 20);
        assert!(groups_of_user(0xdead_beef).is_empty());
    }

    #[test]
    fn only_open_descriptors_are_adopted() {
        assert_eq!(adopt(-1).err(), Some(Errno::EBADF));
        assert_eq!(adopt(1 << 30).err(), Some(Errno::EBADF));
    }
}
