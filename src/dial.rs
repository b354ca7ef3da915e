//! Keypad text to what it calls.

/// Why an entry means nothing that can be called.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DialError {
    /// Nothing was typed.
    #[error("nothing was typed")]
    Empty,
}
