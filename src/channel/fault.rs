//! Why the port or the sound cannot be used: facts, for the screen to say in its own words. `Display` is the
//! English phrase for logs and `ctl`.

use std::fmt;

use crate::config::DeviceFault;

/// Why the Direct IP Port cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{transport} port {port} {trouble}")]
pub struct PortFault {
    /// `UDP` or `TCP`.
    pub transport: &'static str,
    /// The port.
    pub port: u16,
    /// What is wrong with it.
    pub trouble: PortTrouble,
}

/// What is wrong with a port.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PortTrouble {
    /// It is not free.
    #[error("is taken by another program")]
    Taken,
    /// Low ports are for programs with more rights.
    #[error("is not allowed for this program")]
    NotAllowed,
    /// Anything else, in the words of the system.
    #[error("cannot be opened: {0}")]
    System(String),
}

/// What is wrong with the sound devices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SoundFault {
    /// With the microphone, if anything.
    pub microphone: Option<DeviceFault>,
    /// With the loudspeaker, if anything.
    pub loudspeaker: Option<DeviceFault>,
}

impl fmt::Display for SoundFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.microphone, &self.loudspeaker) {
            (Some(one), Some(other)) if one == other => write!(f, "microphone and loudspeaker: {one}"),
            (Some(one), Some(other)) => write!(f, "microphone: {one}; loudspeaker: {other}"),
            (Some(microphone), None) => write!(f, "microphone: {microphone}"),
            (None, Some(loudspeaker)) => write!(f, "loudspeaker: {loudspeaker}"),
            (None, None) => f.write_str("works"),
        }
    }
}
