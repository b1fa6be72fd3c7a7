//! ipc: Unix stream sockets.
#![forbid(unsafe_code)]

use std::ffi::OsStr;
use std::fs::{self, DirBuilder};
use std::hash::{BuildHasher, RandomState};
use std::io::ErrorKind;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt};
use std::path::{Path, PathBuf};

use socket2::{Domain, SockAddr, Socket, Type};

use super::listener::adopt;
use super::tcp::set_buffers;
use super::{Accepted, Connected, Dialing, Listener, Progress, Target, Transport, Tuning};
use crate::endpoint::EndpointText;
use crate::endpoint::ipc::IpcAddress;
use crate::errno::{Errno, Result};
use crate::sys::net::{self, Credentials};

/// The transport.
pub struct Ipc;

impl Transport for Ipc {
    fn bind(&'static self, address: &[u8], tuning: &Tuning) -> Result<Listener> {
        if tuning.use_fd >= 0 {
            IpcAddress::parse(address)?;
            let endpoint = EndpointText::join(b"ipc", address);
            let (socket, endpoint) = adopt(tuning.use_fd, |_| Ok(endpoint))?;
            return Ok(Listener::new(self, socket, endpoint, None, tuning));
        }
        let temporary = IpcAddress::is_wildcard(address)
            .then(TemporarySocket::create)
            .transpose()?;
        let text = temporary
            .as_ref()
            .map_or(address, |made| made.file.as_os_str().as_bytes());
        let address = IpcAddress::parse(text)?;
        if let IpcAddress::Path(path) = &address {
            clear(Path::new(OsStr::from_bytes(path)));
        }
        let socket = open(tuning)?;
        socket.bind(&socket_address(&address)?)?;
        socket.listen(tuning.backlog)?;
        let endpoint = EndpointText::join(b"ipc", text);
        Ok(Listener::new(self, socket, endpoint, temporary, tuning))
    }

    fn check_connect(&self, address: &[u8]) -> Result<()> {
        IpcAddress::parse(address).map(drop)
    }

    fn resolve_literal(&self, address: &[u8], tuning: &Tuning) -> Option<Result<Vec<Target>>> {
        Some(self.resolve(address, tuning))
    }

    fn resolve(&self, address: &[u8], _tuning: &Tuning) -> Result<Vec<Target>> {
        let address = socket_address(&IpcAddress::parse(address)?)?;
        Ok(vec![Target {
            address,
            source: None,
        }])
    }

    fn dial(&self, target: &Target, tuning: &Tuning) -> Result<Dialing> {
        let socket = open(tuning)?;
        // EAGAIN means that the listener's queue is full: nothing is under way, the attempt failed.
        let progress = Progress::of(socket.connect(&target.address));
        Ok(Dialing {
            fd: socket.into(),
            progress,
        })
    }

    fn finish(&self, fd: OwnedFd, _tuning: &Tuning) -> Result<Connected> {
        let socket = Socket::from(fd);
        if let Some(error) = socket.take_error()? {
            return Err(error.into());
        }
        let credentials = net::peer_credentials(socket.as_fd()).ok();
        Ok(Connected {
            local: endpoint(&socket.local_addr()?),
            peer: endpoint(&socket.peer_addr()?),
            peer_address: peer_address(credentials),
            fd: socket.into(),
        })
    }

    fn admit(&self, connection: Socket, peer: &SockAddr, listener: &Listener) -> Result<Accepted> {
        let tuning = listener.tuning();
        let credentials = net::peer_credentials(connection.as_fd());
        if is_filtered(tuning) && !is_welcome(credentials?, tuning) {
            return Err(Errno::EACCES);
        }
        // The peer made this end when it connected, so it has inherited nothing.
        set_buffers(&connection, tuning)?;
        Ok(Accepted {
            fd: connection.into(),
            local: listener.endpoint().clone(),
            peer: endpoint(peer),
            peer_address: peer_address(credentials.ok()),
        })
    }
}

fn open(tuning: &Tuning) -> Result<Socket> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM.nonblocking(), None)?;
    set_buffers(&socket, tuning)?;
    Ok(socket)
}

fn socket_address(address: &IpcAddress) -> Result<SockAddr> {
    let address = match address {
        IpcAddress::Path(path) => SockAddr::unix(OsStr::from_bytes(path)),
        IpcAddress::Abstract(name) => SockAddr::unix(OsStr::from_bytes(&[b"\0", &**name].concat())),
    };
    address.map_err(|_| Errno::ENAMETOOLONG)
}

/// `ipc://path` or `ipc://@name`; a bare `ipc://` for a socket without a name, as connecting ones are.
fn endpoint(address: &SockAddr) -> EndpointText {
    if let Some(path) = address.as_pathname() {
        EndpointText::join(b"ipc", path.as_os_str().as_bytes())
    } else if let Some(name) = address.as_abstract_namespace() {
        EndpointText::join(b"ipc", &[b"@", name].concat())
    } else {
        EndpointText::join(b"ipc", b"")
    }
}

fn peer_address(credentials: Option<Credentials>) -> String {
    match credentials {
        Some(Credentials { pid, uid, gid }) => format!("localhost:{uid}:{gid}:{pid}"),
        None => String::from("localhost"),
    }
}

fn is_filtered(tuning: &Tuning) -> bool {
    !(tuning.ipc_filter_uid.is_empty()
        && tuning.ipc_filter_gid.is_empty()
        && tuning.ipc_filter_pid.is_empty())
}

fn is_welcome(peer: Credentials, tuning: &Tuning) -> bool {
    let groups = &tuning.ipc_filter_gid;
    tuning.ipc_filter_uid.contains(&peer.uid)
        || tuning.ipc_filter_pid.contains(&peer.pid)
        || groups.contains(&peer.gid)
        // Asking the user database is the slow part, so it comes last.
        || !groups.is_empty() && net::groups_of_user(peer.uid).iter().any(|group| groups.contains(group))
}

/// Makes room for a socket file. Programs count on binding over what an earlier run left behind, and on taking a path over
/// from a live one. A file that may hold somebody's data stays, and bind says EADDRINUSE.
fn clear(path: &Path) {
    let replaceable = match fs::metadata(path) {
        Ok(file) => file.file_type().is_socket() || file.is_file() && file.len() == 0,
        // Nothing there, or a symbolic link to nothing.
        Err(error) => error.kind() == ErrorKind::NotFound,
    };
    if replaceable {
        // If it cannot be removed, bind finds the address in use.
        let _ = fs::remove_file(path);
    }
}

/// The file of a wildcard endpoint, in a directory of its own. Both go when the listener does.
#[derive(Debug)]
pub struct TemporarySocket {
    directory: PathBuf,
    file: PathBuf,
    // A forked child drops a copy of this, and must leave the parent's file alone.
    owner: u32,
    removed: bool,
}

impl TemporarySocket {
    fn create() -> Result<TemporarySocket> {
        let named = ["TMPDIR", "TEMPDIR", "TMP"]
            .iter()
            .filter_map(std::env::var_os);
        let mut directories = named.map(PathBuf::from).filter(|path| path.is_dir());
        let parent = directories.next().unwrap_or_default();
        const ATTEMPTS: usize = 1000;
        for _ in 0..ATTEMPTS {
            let directory = parent.join(random_name());
            match DirBuilder::new().mode(0o700).create(&directory) {
                Ok(()) => {
                    return Ok(TemporarySocket {
                        file: directory.join("socket"),
                        directory,
                        owner: std::process::id(),
                        removed: false,
                    });
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Errno::EADDRINUSE)
    }

    /// Removes file and directory, saying what went wrong.
    pub fn remove(mut self) -> Result<()> {
        self.erase()
    }

    fn erase(&mut self) -> Result<()> {
        if self.removed || self.owner != std::process::id() {
            return Ok(());
        }
        self.removed = true;
        let file = match fs::remove_file(&self.file) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        };
        let directory = fs::remove_dir(&self.directory);
        file.and(directory.map_err(Errno::from))
    }
}

impl Drop for TemporarySocket {
    fn drop(&mut self) {
        let _ = self.erase();
    }
}

/// `tmp` and six characters. A clash costs another attempt, so the quality of the randomness is no matter of safety.
fn random_name() -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut random = RandomState::new().hash_one(std::process::id());
    let mut name = String::from("tmp");
    for _ in 0..6 {
        let letter = ALPHABET
            .get((random % 32) as usize)
            .copied()
            .unwrap_or(b'x');
        name.push(char::from(letter));
        random /= 32;
    }
    name
}
