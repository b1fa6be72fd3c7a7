//! GSSAPI (RFC 2744) with Kerberos 5, from `libgssapi_krb5.so.2`, which is loaded when it is first asked for: a program that
//! does not use it needs not have it.
//!
//! Everything that negotiates may read files and ask name servers and key distribution centers, and so may block for long;
//! wrapping and unwrapping only compute.

use std::ffi::{c_int, c_void};
use std::fmt;
use std::ops::Deref;
use std::ptr;
use std::sync::OnceLock;

/// A name, credentials or a context, as the library hands them out.
type Handle = *mut c_void;

#[repr(C)]
struct RawBuffer {
    length: usize,
    value: *mut c_void,
}

#[repr(C)]
struct RawOid {
    length: u32,
    elements: *const c_void,
}

#[repr(C)]
struct RawOids {
    count: usize,
    elements: *const RawOid,
}

const COMPLETE: u32 = 0;
const CONTINUE_NEEDED: u32 = 1;
/// Where a status says error: all but its supplementary bits.
const ERROR: u32 = 0xFFFF_0000;

const MUTUAL: u32 = 2;
const REPLAY: u32 = 4;
const SEQUENCE: u32 = 8;
const CONF: u32 = 16;
const INTEG: u32 = 32;

const INITIATE: c_int = 1;
const ACCEPT: c_int = 2;

/// Kerberos 5, and nothing else: what another mechanism does with a stranger's token is not known here.
const KRB5: &[u8] = b"\x2A\x86\x48\x86\xF7\x12\x01\x02\x02";

macro_rules! functions {
    ($($field:ident = $symbol:literal ($($argument:ty),*);)*) => {
        /// The functions of `gssapi.h` that are used here. All return a major status.
        struct Library {
            $($field: unsafe extern "C" fn($($argument),*) -> u32,)*
        }

        impl Library {
            fn load() -> Option<Library> {
                if cfg!(miri) {
                    return None;
                }
                // SAFETY: the name is a C string. The library is never unloaded, so its functions stay where they are.
                let library = unsafe {
                    libc::dlopen(c"libgssapi_krb5.so.2".as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL)
                };
                if library.is_null() {
                    return None;
                }
                Some(Library {
                    $($field: {
                        // SAFETY: the library is loaded, and the name is a C string.
                        let symbol = unsafe { libc::dlsym(library, $symbol.as_ptr()) };
                        if symbol.is_null() {
                            return None;
                        }
                        // SAFETY: the function of this name has this type by RFC 2744, in every library of this SONAME.
                        unsafe {
                            std::mem::transmute::<*mut c_void, unsafe extern "C" fn($($argument),*) -> u32>(symbol)
                        }
                    },)*
                })
            }
        }
    };
}

functions! {
    import_name = c"gss_import_name" (*mut u32, *mut RawBuffer, *const RawOid, *mut Handle);
    release_name = c"gss_release_name" (*mut u32, *mut Handle);
    display_name = c"gss_display_name" (*mut u32, Handle, *mut RawBuffer, *mut *const RawOid);
    acquire_cred = c"gss_acquire_cred" (*mut u32, Handle, u32, *const RawOids, c_int, *mut Handle, *mut *mut RawOids, *mut u32);
    release_cred = c"gss_release_cred" (*mut u32, *mut Handle);
    init_sec_context = c"gss_init_sec_context" (*mut u32, Handle, *mut Handle, Handle, *const RawOid, u32, u32, *const c_void, *mut RawBuffer, *mut *const RawOid, *mut RawBuffer, *mut u32, *mut u32);
    accept_sec_context = c"gss_accept_sec_context" (*mut u32, *mut Handle, Handle, *mut RawBuffer, *const c_void, *mut Handle, *mut *const RawOid, *mut RawBuffer, *mut u32, *mut u32, *mut Handle);
    delete_sec_context = c"gss_delete_sec_context" (*mut u32, *mut Handle, *mut RawBuffer);
    wrap = c"gss_wrap" (*mut u32, Handle, c_int, u32, *mut RawBuffer, *mut c_int, *mut RawBuffer);
    unwrap = c"gss_unwrap" (*mut u32, Handle, *mut RawBuffer, *mut RawBuffer, *mut c_int, *mut u32);
    release_buffer = c"gss_release_buffer" (*mut u32, *mut RawBuffer);
}

fn library() -> Option<&'static Library> {
    static LIBRARY: OnceLock<Option<Library>> = OnceLock::new();
    LIBRARY.get_or_init(Library::load).as_ref()
}

/// Whether the library is installed here.
pub fn is_available() -> bool {
    library().is_some()
}

/// What the library refused, in its own numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Error {
    /// What kind of failure: the status of RFC 2744.
    pub major: u32,
    /// The mechanism's own number for it.
    pub minor: u32,
}

impl Error {
    /// The library is not there, or gave less than was asked for.
    const UNAVAILABLE: Error = Error {
        major: 16 << 16,
        minor: 0,
    };
}

/// The outcome of a call here.
pub type Result<T> = std::result::Result<T, Error>;

fn check(major: u32, minor: u32) -> Result<()> {
    match major & ERROR {
        0 => Ok(()),
        _ => Err(Error { major, minor }),
    }
}

/// How the text of a name is to be read.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum NameType {
    /// `service@host`, or a service of this host.
    #[default]
    HostBased,
    /// A user of this system.
    User,
    /// A principal of Kerberos, with or without its realm.
    Principal,
}

impl NameType {
    fn oid(self) -> &'static [u8] {
        match self {
            NameType::HostBased => b"\x2A\x86\x48\x86\xF7\x12\x01\x02\x01\x04",
            NameType::User => b"\x2A\x86\x48\x86\xF7\x12\x01\x02\x01\x01",
            NameType::Principal => b"\x2A\x86\x48\x86\xF7\x12\x01\x02\x02\x01",
        }
    }
}

fn oid(bytes: &'static [u8]) -> RawOid {
    RawOid {
        length: bytes.len() as u32,
        elements: bytes.as_ptr().cast(),
    }
}

/// Bytes for the library to read.
fn input(bytes: &[u8]) -> RawBuffer {
    RawBuffer {
        length: bytes.len(),
        value: bytes.as_ptr().cast_mut().cast(),
    }
}

/// Bytes that the library allocated.
pub struct Buffer {
    library: &'static Library,
    raw: RawBuffer,
}

// SAFETY: nothing else knows of the memory, and any thread may free it.
unsafe impl Send for Buffer {}

impl Buffer {
    fn new(library: &'static Library) -> Buffer {
        let raw = RawBuffer {
            length: 0,
            value: ptr::null_mut(),
        };
        Buffer { library, raw }
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        if self.raw.value.is_null() {
            return &[];
        }
        // SAFETY: the library filled so many bytes there, and nobody writes to them until they are released.
        unsafe { std::slice::from_raw_parts(self.raw.value.cast(), self.raw.length) }
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buffer({})", self.len())
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: the buffer is the library's own or empty, and not used again.
        unsafe { (self.library.release_buffer)(&mut 0, &mut self.raw) };
    }
}

macro_rules! handles {
    ($($(#[doc = $doc:literal])* $name:ident ($owner:ident, $handle:ident) $release:expr;)*) => {
        $(
            $(#[doc = $doc])*
            struct $name {
                library: &'static Library,
                raw: Handle,
            }

            // SAFETY: what is behind a handle belongs to no thread; RFC 2744 and MIT Kerberos let any thread use it, one at
            // a time, which `&mut` and moves see to.
            unsafe impl Send for $name {}

            impl $name {
                fn none(library: &'static Library) -> $name {
                    $name { library, raw: ptr::null_mut() }
                }
            }

            impl Drop for $name {
                fn drop(&mut self) {
                    if self.raw.is_null() {
                        return;
                    }
                    let ($owner, $handle) = (self.library, &mut self.raw);
                    // SAFETY: the handle came from the library and is not used again.
                    unsafe { $release };
                }
            }
        )*
    };
}

handles! {
    /// Whom a text names.
    Name(library, handle) (library.release_name)(&mut 0, handle);
    /// What proves who we are.
    Credentials(library, handle) (library.release_cred)(&mut 0, handle);
    /// What both sides agreed on.
    RawContext(library, handle) (library.delete_sec_context)(&mut 0, handle, ptr::null_mut());
}

impl Name {
    /// Reads a name, up to its first NUL. A service without host gets that of this machine, by its name server.
    fn import(library: &'static Library, text: &[u8], name_type: NameType) -> Result<Name> {
        let text = text.split(|&byte| byte == 0).next().unwrap_or_default();
        let mut name = Name::none(library);
        let mut minor = 0;
        // SAFETY: text and type are read during the call only; the name is written.
        let major = unsafe {
            (library.import_name)(
                &mut minor,
                &mut input(text),
                &oid(name_type.oid()),
                &mut name.raw,
            )
        };
        check(major, minor).map(|()| name)
    }

    fn display(&self) -> Result<Vec<u8>> {
        let mut text = Buffer::new(self.library);
        let mut minor = 0;
        // SAFETY: the name is the library's; the buffer is written, and the type is not asked for.
        let major = unsafe {
            (self.library.display_name)(&mut minor, self.raw, &mut text.raw, ptr::null_mut())
        };
        check(major, minor).map(|()| text.to_vec())
    }
}

impl Credentials {
    fn acquire(library: &'static Library, name: &Name, usage: c_int) -> Result<Credentials> {
        let mechanism = oid(KRB5);
        let mechanisms = RawOids {
            count: 1,
            elements: &mechanism,
        };
        let mut credentials = Credentials::none(library);
        let mut minor = 0;
        // SAFETY: the name, which may be none, is the library's; the mechanisms are read during the call only; the
        // credentials are written, and nothing else is asked for.
        let major = unsafe {
            (library.acquire_cred)(
                &mut minor,
                name.raw,
                0,
                &mechanisms,
                usage,
                &mut credentials.raw,
                ptr::null_mut(),
                ptr::null_mut(),
            )
        };
        check(major, minor).map(|()| credentials)
    }
}

/// What one step of a negotiation gave.
#[derive(Debug)]
pub struct Step {
    /// For the other side; empty for none.
    pub token: Buffer,
    /// The context stands. Otherwise the other side's next token is needed.
    pub established: bool,
}

/// The side that begins.
pub struct Initiator {
    target: Name,
    credentials: Credentials,
    context: RawContext,
}

impl Initiator {
    /// Begins to talk to `service`, as `principal` or else as whoever has credentials here.
    ///
    /// # Errors
    /// There are no such names or no credentials.
    pub fn new(principal: Option<(&[u8], NameType)>, service: (&[u8], NameType)) -> Result<Self> {
        let library = library().ok_or(Error::UNAVAILABLE)?;
        let credentials = match principal {
            Some((text, name_type)) => {
                let name = Name::import(library, text, name_type)?;
                Credentials::acquire(library, &name, INITIATE)?
            }
            None => Credentials::none(library),
        };
        Ok(Initiator {
            target: Name::import(library, service.0, service.1)?,
            credentials,
            context: RawContext::none(library),
        })
    }

    /// Goes a step further, with the other side's token, or with none at the beginning.
    ///
    /// # Errors
    /// The other side's token is no good, it did not prove who it is, or nobody gives us a ticket for it.
    pub fn step(&mut self, token: &[u8]) -> Result<Step> {
        let library = self.context.library;
        let mut output = Buffer::new(library);
        let mut token = input(token);
        let token = match token.length {
            0 => ptr::null_mut(),
            _ => &mut token,
        };
        let (mut minor, mut granted) = (0, 0);
        // SAFETY: credentials (which may be none), context (which the first call makes) and target are the library's; token
        // and mechanism are read during the call only; the output and what was granted are written.
        let major = unsafe {
            (library.init_sec_context)(
                &mut minor,
                self.credentials.raw,
                &mut self.context.raw,
                self.target.raw,
                &oid(KRB5),
                MUTUAL | REPLAY | SEQUENCE | CONF | INTEG,
                0,
                ptr::null(),
                token,
                ptr::null_mut(),
                &mut output.raw,
                &mut granted,
                ptr::null_mut(),
            )
        };
        check(major, minor)?;
        let established = major & CONTINUE_NEEDED == 0;
        if established && granted & MUTUAL == 0 {
            return Err(Error::UNAVAILABLE);
        }
        Ok(Step {
            token: output,
            established,
        })
    }

    /// What was negotiated, once it is established.
    pub fn into_context(self) -> Context {
        Context(self.context)
    }
}

/// The side that is talked to.
pub struct Acceptor {
    credentials: Credentials,
    context: RawContext,
    peer: Name,
}

impl Acceptor {
    /// Waits to be talked to as `principal`, or else as anybody whose key is here.
    ///
    /// # Errors
    /// There is no such name or no key.
    pub fn new(principal: Option<(&[u8], NameType)>) -> Result<Self> {
        let library = library().ok_or(Error::UNAVAILABLE)?;
        let name = match principal {
            Some((text, name_type)) => Name::import(library, text, name_type)?,
            None => Name::none(library),
        };
        Ok(Acceptor {
            credentials: Credentials::acquire(library, &name, ACCEPT)?,
            context: RawContext::none(library),
            peer: Name::none(library),
        })
    }

    /// Goes a step further with the other side's token.
    ///
    /// # Errors
    /// The token is no good, or not for us.
    pub fn step(&mut self, token: &[u8]) -> Result<Step> {
        let library = self.context.library;
        let mut output = Buffer::new(library);
        // A name that an earlier step left.
        self.peer = Name::none(library);
        let mut minor = 0;
        // SAFETY: credentials and context (which the first call makes) are the library's; the token is read during the call
        // only; peer and output are written; nothing else is asked for.
        let major = unsafe {
            (library.accept_sec_context)(
                &mut minor,
                &mut self.context.raw,
                self.credentials.raw,
                &mut input(token),
                ptr::null(),
                &mut self.peer.raw,
                ptr::null_mut(),
                &mut output.raw,
                ptr::null_mut(),
                ptr::null_mut(),
                ptr::null_mut(),
            )
        };
        check(major, minor)?;
        Ok(Step {
            token: output,
            established: major & CONTINUE_NEEDED == 0,
        })
    }

    /// Who the other side is, once that is established: a principal with its realm.
    ///
    /// # Errors
    /// It has no name.
    pub fn peer(&self) -> Result<Vec<u8>> {
        if self.peer.raw.is_null() {
            return Err(Error::UNAVAILABLE);
        }
        self.peer.display()
    }

    /// What was negotiated, once it is established.
    pub fn into_context(self) -> Context {
        Context(self.context)
    }
}

/// Seals what goes to the other side, opens what comes from it.
pub struct Context(RawContext);

impl Context {
    /// Seals and encrypts.
    ///
    /// # Errors
    /// The context has expired, there is no memory, or it cannot encrypt.
    pub fn wrap(&mut self, plain: &[u8]) -> Result<Buffer> {
        let library = self.0.library;
        let mut output = Buffer::new(library);
        let (mut minor, mut encrypted) = (0, 0);
        // SAFETY: the context is the library's; the input is read during the call only; state and output are written.
        let major = unsafe {
            (library.wrap)(
                &mut minor,
                self.0.raw,
                1,
                0,
                &mut input(plain),
                &mut encrypted,
                &mut output.raw,
            )
        };
        complete(major, minor, encrypted).map(|()| output)
    }

    /// Opens the other side's next token.
    ///
    /// # Errors
    /// It is not the next one, was changed, or was not encrypted.
    pub fn unwrap(&mut self, token: &[u8]) -> Result<Buffer> {
        let library = self.0.library;
        let mut output = Buffer::new(library);
        let (mut minor, mut encrypted) = (0, 0);
        // SAFETY: as for wrapping; the quality of protection is not asked for.
        let major = unsafe {
            (library.unwrap)(
                &mut minor,
                self.0.raw,
                &mut input(token),
                &mut output.raw,
                &mut encrypted,
                ptr::null_mut(),
            )
        };
        complete(major, minor, encrypted).map(|()| output)
    }
}

/// Nothing less than complete and encrypted will do: not a token that comes twice, late or out of turn either.
fn complete(major: u32, minor: u32, encrypted: c_int) -> Result<()> {
    match (major, encrypted) {
        (COMPLETE, 0) => Err(Error::UNAVAILABLE),
        (COMPLETE, _) => Ok(()),
        _ => Err(Error { major, minor }),
    }
}

macro_rules! hidden {
    ($($name:ident)*) => {
        $(impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($name))
            }
        })*
    };
}

hidden! { Initiator Acceptor Context }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_told_from_news() {
        assert_eq!(check(COMPLETE, 0), Ok(()));
        assert_eq!(check(CONTINUE_NEEDED, 0), Ok(()));
        let major = 13 << 16;
        assert_eq!(check(major, 7), Err(Error { major, minor: 7 }));
        // A token that came before.
        let major = 2;
        assert_eq!(complete(major, 0, 1), Err(Error { major, minor: 0 }));
        assert_eq!(complete(COMPLETE, 0, 1), Ok(()));
        assert_eq!(complete(COMPLETE, 0, 0), Err(Error::UNAVAILABLE));
    }

    #[test]
    fn nobody_is_talked_to_without_credentials() {
        // The name of a principal without realm takes no name server. Whether there is a library or not: an error.
        let nobody = (&b"nobody-of-the-tests"[..], NameType::Principal);
        assert!(Acceptor::new(Some(nobody)).is_err());
        assert!(Initiator::new(Some(nobody), nobody).is_err());
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let service = (&b"nobody@localhost.invalid"[..], NameType::HostBased);
        let Ok(mut initiator) = Initiator::new(None, service) else {
            return assert!(!is_available());
        };
        assert!(initiator.step(b"").is_err());
        assert!(initiator.step(b"no token").is_err());
    }
}
