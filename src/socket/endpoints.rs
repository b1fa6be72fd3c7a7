//! Bind, connect, and their opposites.
#![forbid(unsafe_code)]

use super::{Socket, working};
use crate::endpoint::EndpointText;
use crate::endpoint::cidr::Cidr;
use crate::errno::{Errno, Result};
use crate::link::Link;
use crate::link::acceptor::Acceptor;
use crate::link::setup::Setup;
use crate::options::Mechanism;
use crate::options::constants::gssapi_name_type::{GSSAPI_NT_KRB5_PRINCIPAL, GSSAPI_NT_USER_NAME};
use crate::options::constants::reconnect_stop::RECONNECT_STOP_AFTER_DISCONNECT;
use crate::pipe::PipeKey;
use crate::queue::Turn;
use crate::sys::gssapi::NameType;
use crate::transport::{Route, Transport, Tuning, route};
use crate::zmtp::handshake::{Config, Credentials};
use crate::zmtp::mechanism::Kind as ZmtpMechanism;
use crate::zmtp::mechanism::curve::Keys;
use crate::zmtp::mechanism::curve::key::{PublicKey, SecretKey};
use crate::zmtp::mechanism::gssapi::Settings as GssapiSettings;
use crate::zmtp::secret::Secret;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

/// One line of a socket's table of endpoints.
pub(super) struct Entry {
    /// What unbind and disconnect look for.
    pub text: EndpointText,
    /// What its pipes carry.
    pub number: u64,
    /// What it is.
    pub kind: Kind,
}

/// What an endpoint is.
pub(super) enum Kind {
    /// A listener.
    Listener(Arc<Acceptor>),
    /// A connection that we make.
    Dialed {
        /// The connection.
        link: Arc<Link>,
        /// Its pipes come and go with its success.
        immediate: bool,
    },
    /// A bound inproc name.
    Name(Vec<u8>),
    /// A connect to one.
    Inproc(PipeKey),
}

/// `zmq_bind`
///
/// # Errors
/// ENOTSOCK, ETERM, EINVAL, EPROTONOSUPPORT, EMTHREAD, EADDRINUSE, and what the transport says.
pub fn bind(turn: &mut Turn<Socket>, endpoint: &[u8]) -> Result<()> {
    let socket = working(turn)?;
    let route = route(endpoint)?;
    socket.next_endpoint += 1;
    match route {
        Route::Inproc(name) => {
            let kind = socket.bind_inproc(name)?;
            socket.enter(endpoint.into(), kind);
            socket.hear()
        }
        Route::Wire(transport, address) => {
            let setup = socket.setup(EndpointText::default())?;
            let acceptor = Acceptor::start(setup, transport, address)?;
            socket.enter(acceptor.endpoint().clone(), Kind::Listener(acceptor));
            Ok(())
        }
    }
}

/// `zmq_connect`
///
/// # Errors
/// ENOTSOCK, ETERM, EINVAL, EPROTONOSUPPORT, EMTHREAD, and what the transport refuses at once.
pub fn connect(turn: &mut Turn<Socket>, endpoint: &[u8]) -> Result<()> {
    let socket = working(turn)?;
    let route = route(endpoint)?;
    if let Route::Wire(..) = route
        && socket.row.dedups_connect
        && socket.is_dialed(endpoint)
    {
        return Ok(());
    }
    socket.next_endpoint += 1;
    match route {
        Route::Inproc(name) => {
            socket.pattern.before_connect()?;
            let kind = socket.connect_inproc(name);
            socket.enter(endpoint.into(), kind);
        }
        Route::Wire(transport, address) => {
            let setup = socket.setup(endpoint.into())?;
            transport.check_connect(address)?;
            socket.pattern.before_connect()?;
            let (link, new) = Link::dial(setup, transport, address);
            let immediate = socket.options.immediate;
            socket.enter(endpoint.into(), Kind::Dialed { link, immediate });
            if let Some(new) = new {
                socket.attach(new, true);
            }
        }
    }
    if socket.fd_asked {
        socket.arm();
    }
    Ok(())
}

/// `zmq_unbind`: stops listening and closes what was accepted. What came before can still be received.
///
/// # Errors
/// ENOTSOCK, ETERM, EINVAL, EPROTONOSUPPORT, ENOENT.
pub fn unbind(turn: &mut Turn<Socket>, endpoint: &[u8]) -> Result<()> {
    working(turn)?.leave(endpoint)
}

/// `zmq_disconnect`: both calls end either kind of endpoint.
///
/// # Errors
/// ENOTSOCK, ETERM, EINVAL, EPROTONOSUPPORT, ENOENT.
pub fn disconnect(turn: &mut Turn<Socket>, endpoint: &[u8]) -> Result<()> {
    working(turn)?.leave(endpoint)
}

impl Socket {
    fn enter(&mut self, text: EndpointText, kind: Kind) {
        self.last_endpoint = text.clone();
        self.endpoints.push(Entry {
            text,
            number: self.next_endpoint,
            kind,
        });
    }

    fn is_dialed(&self, endpoint: &[u8]) -> bool {
        self.endpoints
            .iter()
            .any(|entry| &*entry.text == endpoint && matches!(entry.kind, Kind::Dialed { .. }))
    }

    fn holds(&self, text: &[u8]) -> bool {
        self.endpoints.iter().any(|entry| &*entry.text == text)
    }

    fn leave(&mut self, endpoint: &[u8]) -> Result<()> {
        let text = match route(endpoint)? {
            _ if self.holds(endpoint) => EndpointText::from(endpoint),
            Route::Wire(transport, address) => self.alias(transport, address)?,
            Route::Inproc(_) => return Err(Errno::ENOENT),
        };
        while let Some(place) = self.endpoints.iter().position(|entry| entry.text == text) {
            let entry = self.endpoints.swap_remove(place);
            self.end_entry(entry);
        }
        if self.options.reconnect_stop & RECONNECT_STOP_AFTER_DISCONNECT != 0 {
            self.common.disconnected.store(true, Ordering::Relaxed);
        }
        if self.fd_asked {
            self.arm();
        }
        Ok(())
    }

    fn alias(&self, transport: &'static dyn Transport, address: &[u8]) -> Result<EndpointText> {
        transport
            .aliases(address, &self.tuning()?)
            .into_iter()
            .find(|text| self.holds(text))
            .ok_or(Errno::ENOENT)
    }

    pub(super) fn end_entry(&mut self, entry: Entry) {
        let linger = self.linger();
        let ids: Vec<_> = self
            .pipes
            .ids()
            .filter(|&id| {
                self.pipes
                    .get(id)
                    .is_some_and(|pipe| pipe.endpoint() == entry.number)
            })
            .collect();
        match entry.kind {
            Kind::Listener(acceptor) => {
                acceptor.close();
                for id in ids {
                    self.pipes.close(id, linger);
                    self.sever(id);
                }
                // No message may take the short way into one of these any more.
                self.with(true, |_, _| ());
            }
            Kind::Dialed { link, .. } => {
                for id in ids {
                    self.discard(id, linger);
                }
                link.close(linger);
            }
            // Pipes outlive the name they were made by.
            Kind::Name(name) => self.shared.inproc().lock().unbind(&name, &self.mailbox),
            Kind::Inproc(key) => {
                if let Some(id) = self.pipes.find(key) {
                    self.discard(id, linger);
                }
            }
        }
        let ended = self.pipes.take_ended();
        self.let_go(ended);
    }

    /// What the connections of an endpoint made now need to know.
    fn setup(&self, uri: EndpointText) -> Result<Arc<Setup>> {
        let conflates = self.conflates();
        let mut options = self.options.clone();
        options.hello_msg = self.hello(false);
        options.disconnect_msg = self.farewell();
        options.hiccup_msg = self.hiccup();
        Ok(Arc::new(Setup {
            io: self.shared.io_thread(self.options.affinity)?,
            mailbox: Arc::clone(&self.mailbox),
            common: Arc::clone(&self.common),
            live: Arc::clone(self.shared.live()),
            handshake: Arc::new(self.handshake()?),
            zap: self.shared.zap(),
            errands: OnceLock::new(),
            tuning: self.tuning()?,
            options,
            zero_copy: self.zero_copy,
            raw: self.row.raw || self.pattern.is_raw(),
            groups: self.row.groups,
            conflate_out: conflates,
            conflate_in: conflates,
            endpoint: self.next_endpoint,
            uri,
        }))
    }

    fn handshake(&self) -> Result<Config> {
        let options = &self.options;
        let mechanism = ZmtpMechanism::ALL
            .iter()
            .find(|kind| kind.number() == options.mechanism as i32)
            .ok_or(Errno::EPROTONOSUPPORT)?;
        Ok(Config {
            socket_type: self.row.name,
            type_number: u8::try_from(self.row.number).unwrap_or_default(),
            legal_peers: self.row.peers,
            routing_id: options.routing_id.clone(),
            send_identity: self.row.sends_routing_id,
            expects_identity: matches!(self.row.name, "ROUTER" | "REP"),
            metadata: options
                .metadata
                .iter()
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            max_frame: u64::try_from(options.maxmsgsize).ok(),
            mechanism: *mechanism,
            as_server: options.as_server,
            plain: Credentials {
                username: Secret::from(options.plain_username.as_slice()),
                password: Secret::from(options.plain_password.as_slice()),
            },
            curve: self.curve_keys()?,
            gssapi: GssapiSettings {
                principal: options.gssapi_principal.clone(),
                principal_type: name_type(options.gssapi_principal_nametype),
                service: options.gssapi_service_principal.clone(),
                service_type: name_type(options.gssapi_service_principal_nametype),
                plaintext: options.gssapi_plaintext,
            },
            zap_domain: options.zap_domain.clone(),
            zap_required: !options.zap_domain.is_empty() || options.mechanism != Mechanism::Null,
            zap_enforced: options.zap_enforce_domain,
        })
    }

    fn curve_keys(&self) -> Result<Keys> {
        let options = &self.options;
        if options.mechanism != Mechanism::Curve {
            return Ok(Keys::default());
        }
        let secret = SecretKey::from_slice(&options.curve_secretkey)?;
        if options.as_server {
            return Ok(Keys::of_server(secret));
        }
        Ok(Keys {
            secret,
            public: PublicKey(options.curve_publickey),
            server: PublicKey(options.curve_serverkey),
        })
    }

    fn tuning(&self) -> Result<Tuning> {
        let options = &self.options;
        Ok(Tuning {
            ipv6: options.ipv6,
            backlog: options.backlog,
            sndbuf: options.sndbuf,
            rcvbuf: options.rcvbuf,
            tos: options.tos,
            priority: options.priority,
            busy_poll: options.busy_poll,
            tcp_keepalive: options.tcp_keepalive,
            tcp_keepalive_cnt: options.tcp_keepalive_cnt,
            tcp_keepalive_idle: options.tcp_keepalive_idle,
            tcp_keepalive_intvl: options.tcp_keepalive_intvl,
            tcp_maxrt: options.tcp_maxrt,
            bind_to_device: options.bindtodevice.clone().into_boxed_slice(),
            use_fd: options.use_fd,
            tcp_accept_filters: options
                .tcp_accept_filters
                .iter()
                .map(|network| Cidr::parse(network.to_string().as_bytes(), true))
                .collect::<Result<_>>()?,
            ipc_filter_uid: options.ipc_filter_uid.iter().copied().collect(),
            ipc_filter_gid: options.ipc_filter_gid.iter().copied().collect(),
            ipc_filter_pid: options
                .ipc_filter_pid
                .iter()
                .map(|&pid| pid.cast_signed())
                .collect(),
        })
    }
}

fn name_type(number: i32) -> NameType {
    match number {
        GSSAPI_NT_USER_NAME => NameType::User,
        GSSAPI_NT_KRB5_PRINCIPAL => NameType::Principal,
        _ => NameType::HostBased,
    }
}
