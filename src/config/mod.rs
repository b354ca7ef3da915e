//! The settings: declared once, checked, stored.

/// The settings in force.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {}

/// Why a value was not accepted.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{key}: {problem}")]
pub struct SettingError {
    /// The setting.
    pub key: String,
    /// What is wrong, with value and limit.
    pub problem: String,
}
