//! The call log, as the screen shows it and as it is kept on disk.

use std::time::{Duration, SystemTime};

use super::EndReason;

/// One line of the call log, as kept on disk.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct LogEntry {
    /// When the call began.
    pub at: SystemTime,
    /// Whether we called.
    pub outgoing: bool,
    /// The other side's URI.
    pub remote: String,
    /// Its name then.
    pub name: String,
    /// 0 for a direct IP call, else the account.
    pub account: u8,
    /// How it went.
    pub result: CallResult,
    /// Why, where the result alone does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<EndReason>,
    /// How long it was answered.
    pub duration: Duration,
    /// Whether the door was opened.
    #[serde(default)]
    pub unlocked: bool,
    /// Whether it was missed and the log has not been opened since.
    #[serde(default)]
    pub unseen: bool,
}

impl LogEntry {
    /// How many calls of this log were missed and not looked at since.
    pub fn missed(log: &[Self]) -> usize {
        log.iter().filter(|entry| entry.unseen).count()
    }
}

/// How a call in the log went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallResult {
    /// Somebody spoke.
    Answered,
    /// Nobody here answered.
    Missed,
    /// Declined here.
    Declined,
    /// Turned away by do not disturb.
    Dnd,
    /// Not let in.
    Blocked,
    /// Another phone took it.
    AnsweredElsewhere,
    /// We called and it did not come about.
    Failed,
}
