//! Do not disturb: for how long, and what the servers of the accounts say to it.

use std::time::Duration;

use super::EndReason;

/// For how long do not disturb is switched on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DndTerm {
    /// Until it is switched off.
    #[default]
    Open,
    /// So long.
    For(Duration),
    /// Until `phone.dnd.morning` comes.
    Morning,
}

/// The last call of a code on the server of an account, as the screen shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DndServerView {
    /// 1 or 2.
    pub account: u8,
    /// Whether it was about switching on, or off.
    pub on: bool,
    /// What was called; empty when nothing was.
    pub code: String,
    /// How far it has come.
    pub state: DndServerState,
}

/// How far the call of a code has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DndServerState {
    /// Nothing was to be called.
    #[default]
    None,
    /// It is being called.
    Calling,
    /// The server took the call.
    Done,
    /// It did not; here do not disturb stands all the same.
    Failed {
        /// Why.
        fault: CodeFault,
        /// It is called once more, as soon as the account is registered again.
        again: bool,
    },
}

impl DndServerState {
    /// The name in `status`.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Calling => "calling",
            Self::Done => "done",
            Self::Failed { .. } => "failed",
        }
    }
}

/// Why a code could not be called. `Display` is the English text of `status`; the screen says it in its own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeFault {
    /// The account is not registered.
    NotRegistered,
    /// The system gives no port for the sound of the call.
    NoPort,
    /// The call came to nothing.
    Call {
        /// The status of the server; 0 when there was none.
        status: u16,
        /// Its meaning.
        why: EndReason,
    },
}

impl std::fmt::Display for CodeFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotRegistered => f.write_str("not registered"),
            Self::NoPort => f.write_str("no port for the call"),
            // These have the status in their words.
            Self::Call { why: why @ (EndReason::Forbidden(_) | EndReason::Failed(_)), .. }
            | Self::Call { status: 0, why } => why.fmt(f),
            Self::Call { status, why } => write!(f, "{status} {why}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_has_the_status_of_the_server_once() {
        let words = |status, why| CodeFault::Call { status, why }.to_string();
        assert_eq!(words(404, EndReason::NotFound), "404 not found there");
        assert_eq!(words(403, EndReason::Forbidden(403)), "not allowed there (403)");
        assert_eq!(words(0, EndReason::NoAnswer), "no answer");
        assert_eq!(CodeFault::NotRegistered.to_string(), "not registered");
    }
}
