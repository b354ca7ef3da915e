//! The Unlock key, of a call and of a door that opens without one.

use std::time::Instant;

use super::TlsFault;

/// The state of an Unlock key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum UnlockState {
    /// Not asked for.
    #[default]
    Idle,
    /// Asked for, no answer yet.
    Sending,
    /// The door took it; shown until then.
    Opened {
        /// When the key goes back to [`UnlockState::Idle`].
        until: Instant,
    },
    /// The door did not take it.
    Failed(UnlockFault),
}

impl UnlockState {
    /// The name in `status`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Sending => "sending",
            Self::Opened { .. } => "opened",
            Self::Failed(_) => "failed",
        }
    }

    /// Why the door did not open, if it did not.
    pub fn fault(&self) -> Option<&UnlockFault> {
        match self {
            Self::Failed(fault) => Some(fault),
            _ => None,
        }
    }
}

/// Why a door did not open. `Display` is the English sentence of `status`; the screen has its own words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnlockFault {
    /// The relay of this panel is not there or does not work; a notice says why.
    #[error("the relay does not work")]
    Relay,
    /// Nothing came back in time.
    #[error("the door did not answer")]
    NoAnswer,
    /// 401 or 403 of HTTP.
    #[error("wrong name or password ({0})")]
    WrongPassword(u16),
    /// 404 or 410 of HTTP: the door does not know the path of the web address.
    #[error("the door does not know this web address ({0})")]
    UnknownAddress(u16),
    /// 5xx of HTTP.
    #[error("the door has a fault of its own ({0})")]
    Trouble(u16),
    /// Any other answer than yes, of HTTP or of SIP.
    #[error("the door refuses ({0})")]
    Refused(u16),
    /// It sends to another host, or round in circles.
    #[error("the door sends to another place ({0})")]
    Moved(u16),
    /// What comes is no HTTP.
    #[error("the answer of the door cannot be understood")]
    NotHttp,
    /// Nobody takes the connection.
    #[error("nobody is there")]
    NobodyThere,
    /// No name server knows the name of the door.
    #[error("host not found")]
    HostNotFound,
    /// No name server says where the door is.
    #[error("no name server answers")]
    NoNameServer,
    /// A check of TLS failed.
    #[error("{0}")]
    Tls(TlsFault),
    /// Too many doors are being asked already.
    #[error("too many doors are being asked at the same time")]
    TooMany,
}

/// The Unlock key of a door outside any call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DoorKeyView {
    /// The contact.
    pub name: String,
    /// Whether the door opens without a call.
    pub can_unlock: bool,
    /// Its state.
    pub unlock: UnlockState,
}
