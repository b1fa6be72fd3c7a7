//! NULL: both sides say READY, in any order. 23/ZMTP 3.0 "The NULL Security Mechanism"; ERROR and ZAP as libzmq has them.
#![forbid(unsafe_code)]

use std::sync::Arc;

use super::{
    Mechanism, Status, Verdict, ZapRequest, admit, append_own_metadata, behind, error_to_tell,
    peer_properties,
};
use crate::zmtp::command;
use crate::zmtp::failure::{Failure, code};
use crate::zmtp::handshake::Config;
use crate::zmtp::metadata::Properties;

const READY: &[u8] = b"\x05READY";
const ERROR: &[u8] = b"\x05ERROR";
/// Room for what most sockets say.
const COMMAND: usize = 64;

/// One side of NULL.
#[derive(Debug)]
pub struct Null {
    config: Arc<Config>,
    own: Own,
    /// The peer's metadata, once its READY was here.
    peer: Option<Properties>,
    /// What the ZAP handler says of the peer.
    zap: Properties,
}

/// What of our side is still to be done.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Own {
    AskZap,
    AwaitZap,
    SendReady,
    SendError(Vec<u8>),
    Done,
}

impl Null {
    /// Begins. With `zap_required` (for NULL: a ZAP domain is set) the handler is asked before READY goes out.
    pub fn start(config: &Arc<Config>) -> Null {
        Null {
            config: Arc::clone(config),
            own: if config.zap_required {
                Own::AskZap
            } else {
                Own::SendReady
            },
            peer: None,
            zap: Properties::new(),
        }
    }
}

impl Mechanism for Null {
    fn process(&mut self, body: &mut [u8]) -> Result<(), Failure> {
        let body = &*body;
        if self.peer.is_some() {
            return Err(Failure::Protocol(code::ZMTP_UNEXPECTED_COMMAND));
        }
        if let Some(wire) = body.strip_prefix(READY) {
            self.peer = Some(peer_properties(wire, &self.config)?);
            return Ok(());
        }
        if let Some(argument) = body.strip_prefix(ERROR) {
            let reason = command::error_reason(argument)
                .ok_or(Failure::Protocol(code::ZMTP_MALFORMED_COMMAND_ERROR))?;
            return Err(Failure::PeerError(reason.to_vec()));
        }
        Err(Failure::Protocol(code::ZMTP_UNEXPECTED_COMMAND))
    }

    fn next_command(&mut self) -> Option<Vec<u8>> {
        if !matches!(self.own, Own::SendReady | Own::SendError(_)) {
            return None;
        }
        if let Own::SendError(body) = std::mem::replace(&mut self.own, Own::Done) {
            return Some(body);
        }
        let mut body = Vec::with_capacity(COMMAND);
        body.extend_from_slice(READY);
        append_own_metadata(&mut body, &self.config);
        Some(body)
    }

    fn status(&self) -> Status {
        match self.own {
            Own::AskZap | Own::AwaitZap => Status::WaitingForZap,
            Own::Done if self.peer.is_some() => Status::Ready,
            Own::Done | Own::SendReady | Own::SendError(_) => Status::Handshaking,
        }
    }

    fn zap_request(&mut self) -> Option<ZapRequest> {
        if self.own != Own::AskZap {
            return None;
        }
        self.own = Own::AwaitZap;
        Some(ZapRequest {
            mechanism: "NULL",
            credentials: Vec::new(),
        })
    }

    fn zap_reply(&mut self, verdict: Verdict) -> Result<(), Failure> {
        self.own = Own::Done;
        match admit(verdict, self.config.zap_enforced) {
            Ok(zap) => {
                self.zap = zap;
                self.own = Own::SendReady;
                Ok(())
            }
            Err(failure) => {
                if let Some(body) = error_to_tell(&failure) {
                    self.own = Own::SendError(body);
                }
                Err(failure)
            }
        }
    }

    fn take_properties(&mut self) -> Properties {
        let peer = self.peer.replace(Properties::new()).unwrap_or_default();
        behind(std::mem::take(&mut self.zap), peer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zmtp::failure::Violation;
    use crate::zmtp::interop::config;
    use crate::zmtp::mechanism::tests::{Tell, metadata_of};
    use crate::zmtp::metadata;

    fn null(change: impl FnOnce(&mut Config)) -> Null {
        let mut config = config("DEALER");
        change(&mut config);
        Null::start(&Arc::new(config))
    }

    fn ready_of(socket_type: &[u8]) -> Vec<u8> {
        metadata_of(READY, socket_type)
    }

    #[test]
    fn the_own_ready() {
        let mut null = null(|c| {
            c.metadata = vec![
                (b"X-b".to_vec(), b"2".to_vec()),
                (b"X-a".to_vec(), b"1".to_vec()),
            ]
        });
        assert_eq!(
            null.next_command().unwrap(),
            b"\x05READY\x0BSocket-Type\0\0\0\x06DEALER\x08Identity\0\0\0\0\x03X-a\0\0\0\x011\x03X-b\0\0\0\x012"
        );
        assert_eq!(null.next_command(), None);
        assert_eq!(null.status(), Status::Handshaking);
        assert_eq!(null.tell(&ready_of(b"ROUTER")), Ok(()));
        assert_eq!(null.status(), Status::Ready);
    }

    #[test]
    fn refused_commands() {
        let cases: [(&[u8], Failure); 8] = [
            (b"", Failure::Protocol(code::ZMTP_UNEXPECTED_COMMAND)),
            (
                b"\x05READ",
                Failure::Protocol(code::ZMTP_UNEXPECTED_COMMAND),
            ),
            (
                b"\x05HELLO",
                Failure::Protocol(code::ZMTP_UNEXPECTED_COMMAND),
            ),
            (
                b"\x05ERROR",
                Failure::Protocol(code::ZMTP_MALFORMED_COMMAND_ERROR),
            ),
            (
                b"\x05ERROR\x04400",
                Failure::Protocol(code::ZMTP_MALFORMED_COMMAND_ERROR),
            ),
            (b"\x05ERROR\x03400", Failure::PeerError(b"400".to_vec())),
            (
                b"\x05READY\x01",
                Failure::Violation(Violation::MalformedMetadata),
            ),
            (
                b"\x05READY\x0BSocket-Type\0\0\0\x03PUB",
                Failure::IncompatiblePeer,
            ),
        ];
        for (body, failure) in cases {
            assert_eq!(null(|_| ()).tell(body), Err(failure));
        }
    }

    #[test]
    fn a_second_command_is_unexpected() {
        for second in [&b"\x05READY"[..], b"\x05ERROR\x00"] {
            let mut null = null(|_| ());
            assert_eq!(null.tell(b"\x05READY"), Ok(()));
            let unexpected = Failure::Protocol(code::ZMTP_UNEXPECTED_COMMAND);
            assert_eq!(null.tell(second), Err(unexpected));
        }
    }

    #[test]
    fn routing_ids_are_measured_where_they_are_used() {
        let mut body = READY.to_vec();
        assert!(metadata::encode(&mut body, metadata::IDENTITY, &[1; 256]));
        assert_eq!(null(|_| ()).tell(&body), Ok(()));
        let long = Failure::Violation(Violation::LongRoutingId);
        assert_eq!(null(|c| c.expects_identity = true).tell(&body), Err(long));
    }

    /// A side that waits for ZAP, has asked, and got `verdict`.
    fn judged(enforced: bool, verdict: Verdict) -> (Null, Result<(), Failure>) {
        let mut null = null(|c| {
            c.zap_required = true;
            c.zap_enforced = enforced;
        });
        assert_eq!(null.status(), Status::WaitingForZap);
        assert_eq!(null.next_command(), None);
        let request = null.zap_request().unwrap();
        assert_eq!((request.mechanism, request.credentials.len()), ("NULL", 0));
        assert!(null.zap_request().is_none());
        let result = null.zap_reply(verdict);
        (null, result)
    }

    #[test]
    fn zap_accepts() {
        let mut metadata = Properties::new();
        metadata.push(b"Hello", b"World");
        let user_id = b"anonymous".to_vec();
        let (mut null, result) = judged(true, Verdict::Accepted { user_id, metadata });
        assert_eq!(result, Ok(()));
        assert!(null.next_command().unwrap().starts_with(READY));
        assert_eq!(null.tell(&ready_of(b"DEALER")), Ok(()));
        let properties = null.take_properties();
        assert_eq!(properties.get(b"User-Id"), Some(&b"anonymous"[..]));
        assert_eq!(properties.get(b"Hello"), Some(&b"World"[..]));
        assert_eq!(properties.get(b"Socket-Type"), Some(&b"DEALER"[..]));
    }

    #[test]
    fn zap_denies() {
        for (status, error) in [
            (300, None),
            (400, Some(b"\x05ERROR\x03400".to_vec())),
            (500, Some(b"\x05ERROR\x03500".to_vec())),
        ] {
            let (mut null, result) = judged(false, Verdict::Denied(status));
            assert_eq!(result, Err(Failure::Denied(status)));
            assert_eq!(null.next_command(), error);
            assert_eq!(null.next_command(), None);
        }
        let (mut null, result) = judged(false, Verdict::Malformed(code::ZAP_BAD_VERSION));
        assert_eq!(result, Err(Failure::Protocol(code::ZAP_BAD_VERSION)));
        assert_eq!(null.next_command(), None);
    }

    #[test]
    fn no_zap_handler() {
        let (mut null, result) = judged(true, Verdict::NoHandler);
        assert_eq!(result, Err(Failure::NoZapHandler));
        assert_eq!(null.next_command(), None);
        let (mut null, result) = judged(false, Verdict::NoHandler);
        assert_eq!(result, Ok(()));
        assert!(null.next_command().is_some());
        let (mut null, result) = judged(false, Verdict::DeafHandler);
        assert_eq!(result, Err(Failure::NoZapHandler));
        assert_eq!(null.next_command(), None);
    }
}
