//! The installer's PIN, as the screen shows it.

use std::time::Instant;

/// The PIN before the accounts and the security of this panel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PinView {
    /// Whether there is one; without one everything is open.
    pub set: bool,
    /// Whether it was entered and the pages behind it are open.
    pub open: bool,
    /// Wrong tries that are left before nothing is accepted for a while.
    pub tries_left: u8,
    /// Until when nothing is accepted.
    pub locked_until: Option<Instant>,
    /// What came of what was entered last.
    pub answer: PinAnswer,
}

/// What came of an entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PinAnswer {
    /// Nothing was entered since the pages were closed.
    #[default]
    None,
    /// It is being checked.
    Checking,
    /// It was right.
    Right,
    /// It was wrong, or nothing is accepted now.
    Wrong,
    /// There is another PIN now, or none.
    Changed,
    /// The system failed; the log says how.
    Failed,
}

impl PinAnswer {
    /// The name in the stream of events.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Checking => "checking",
            Self::Right => "right",
            Self::Wrong => "wrong",
            Self::Changed => "changed",
            Self::Failed => "failed",
        }
    }
}
