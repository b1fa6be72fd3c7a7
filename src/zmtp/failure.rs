//! What ends a handshake or a connection, and which monitor event tells of it.
#![forbid(unsafe_code)]

use crate::errno::Errno;

/// Detail codes of the monitor event `HANDSHAKE_FAILED_PROTOCOL` (`ZMQ_PROTOCOL_ERROR_*`).
pub mod code {
    macro_rules! codes {
        ($($name:ident = $value:expr, $doc:literal;)*) => {
            $(#[doc = $doc] pub const $name: u32 = $value;)*
        };
    }

    codes! {
        ZMTP_UNSPECIFIED = 0x1000_0000, "A violation of ZMTP without a closer name.";
        ZMTP_UNEXPECTED_COMMAND = 0x1000_0001, "A command that has no place here.";
        ZMTP_INVALID_SEQUENCE = 0x1000_0002, "A nonce that does not increase.";
        ZMTP_KEY_EXCHANGE = 0x1000_0003, "A vouch for another key.";
        ZMTP_MALFORMED_COMMAND_UNSPECIFIED = 0x1000_0011, "A command that is shorter than its name.";
        ZMTP_MALFORMED_COMMAND_MESSAGE = 0x1000_0012, "A malformed MESSAGE.";
        ZMTP_MALFORMED_COMMAND_HELLO = 0x1000_0013, "A malformed HELLO.";
        ZMTP_MALFORMED_COMMAND_INITIATE = 0x1000_0014, "A malformed INITIATE.";
        ZMTP_MALFORMED_COMMAND_ERROR = 0x1000_0015, "A malformed ERROR.";
        ZMTP_MALFORMED_COMMAND_READY = 0x1000_0016, "A malformed READY.";
        ZMTP_MALFORMED_COMMAND_WELCOME = 0x1000_0017, "A malformed WELCOME.";
        ZMTP_INVALID_METADATA = 0x1000_0018, "Properties that do not parse or do not fit.";
        ZMTP_CRYPTOGRAPHIC = 0x1100_0001, "A box that does not open.";
        ZMTP_MECHANISM_MISMATCH = 0x1100_0002, "The peer speaks another security mechanism.";
        ZAP_UNSPECIFIED = 0x2000_0000, "A violation of ZAP without a closer name.";
        ZAP_MALFORMED_REPLY = 0x2000_0001, "A ZAP reply with a wrong number of frames.";
        ZAP_BAD_REQUEST_ID = 0x2000_0002, "A ZAP reply to another request.";
        ZAP_BAD_VERSION = 0x2000_0003, "A ZAP reply of another version.";
        ZAP_INVALID_STATUS_CODE = 0x2000_0004, "A ZAP status that is none.";
        ZAP_INVALID_METADATA = 0x2000_0005, "ZAP metadata that does not parse.";
        WS_UNSPECIFIED = 0x3000_0000, "A violation of WebSocket.";
    }
}

/// How a peer broke the protocol, where no code of [`code`] says it. The connection ends; a connecting side does not retry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Violation {
    /// A ZMTP 1.0 frame whose length leaves no room for its flags byte.
    EmptyFrame,
    /// A command that is shorter than its name.
    TruncatedCommand,
    /// A PING without a whole time to live.
    ShortPing,
    /// An ERROR whose reason runs past its end.
    MalformedError,
    /// A group name longer than [`super::command::MAX_GROUP`].
    LongGroup,
    /// Properties with missing or trailing bytes, or more of them than a handshake may carry.
    MalformedMetadata,
    /// A routing id longer than [`super::handshake::MAX_ROUTING_ID`].
    LongRoutingId,
    /// A peer that can do no security, where security is asked for (CVE-2014-9721).
    InsecureVersion,
}

/// Why a handshake failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Failure {
    /// A violation with a detail code, one of [`code`].
    Protocol(u32),
    /// A violation that the reference reports by nothing but the disconnect.
    Violation(Violation),
    /// A frame above `MAXMSGSIZE`, or above what a handshake may hold.
    TooLarge,
    /// The peer's socket type is none of ours' legal peers.
    IncompatiblePeer,
    /// The peer sent ERROR, with this reason.
    PeerError(Vec<u8>),
    /// The ZAP handler said no, with this status: 300, 400 or 500.
    Denied(u16),
    /// A ZAP handler is a must and there is none.
    NoZapHandler,
    /// We cannot prove who we are: no key, no ticket, or one that ran out, or nobody who gives us one.
    NoCredentials,
    /// Memory ran out while this peer's bytes were gathered.
    OutOfMemory,
}

/// The monitor event that precedes DISCONNECTED.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// `HANDSHAKE_FAILED_NO_DETAIL` with an errno.
    NoDetail(Errno),
    /// `HANDSHAKE_FAILED_PROTOCOL` with one of [`code`].
    Protocol(u32),
    /// `HANDSHAKE_FAILED_AUTH` with a ZAP status.
    Auth(u16),
    /// None: DISCONNECTED alone.
    DisconnectOnly,
}

impl Failure {
    /// The event that a monitor is told.
    pub fn event(&self) -> Event {
        match self {
            Failure::Protocol(code) => Event::Protocol(*code),
            Failure::Denied(status) => Event::Auth(*status),
            Failure::PeerError(reason) => match reason.as_slice() {
                b"300" => Event::Auth(300),
                b"400" => Event::Auth(400),
                b"500" => Event::Auth(500),
                _ => Event::DisconnectOnly,
            },
            Failure::NoZapHandler => Event::NoDetail(Errno::EFAULT),
            Failure::NoCredentials => Event::NoDetail(Errno::EACCES),
            Failure::OutOfMemory => Event::NoDetail(Errno::ENOMEM),
            Failure::Violation(_) | Failure::TooLarge | Failure::IncompatiblePeer => {
                Event::DisconnectOnly
            }
        }
    }

    /// A connecting side gives the endpoint up instead of trying again. What may pass by itself is not terminal: a lack of
    /// memory, and of credentials, and a temporary ZAP failure.
    pub fn is_terminal(&self) -> bool {
        !matches!(
            self,
            Failure::OutOfMemory | Failure::NoCredentials | Failure::Denied(300)
        )
    }

    /// The errno of the failure, for logs and return values.
    pub fn errno(&self) -> Errno {
        match self {
            Failure::TooLarge => Errno::EMSGSIZE,
            Failure::OutOfMemory => Errno::ENOMEM,
            Failure::NoZapHandler => Errno::EFAULT,
            Failure::IncompatiblePeer => Errno::EINVAL,
            Failure::Denied(_) | Failure::NoCredentials => Errno::EACCES,
            Failure::Protocol(_) | Failure::Violation(_) | Failure::PeerError(_) => Errno::EPROTO,
        }
    }
}

impl From<Violation> for Failure {
    fn from(violation: Violation) -> Failure {
        Failure::Violation(violation)
    }
}

impl From<std::collections::TryReserveError> for Failure {
    fn from(_: std::collections::TryReserveError) -> Failure {
        Failure::OutOfMemory
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_three_zap_statuses_make_an_authentication_event() {
        let event = |reason: &[u8]| Failure::PeerError(reason.to_vec()).event();
        assert_eq!(event(b"400"), Event::Auth(400));
        assert_eq!(event(b"300"), Event::Auth(300));
        for other in [&b"200"[..], b"401", b"4000", b"", b"no"] {
            assert_eq!(event(other), Event::DisconnectOnly);
        }
    }
}
