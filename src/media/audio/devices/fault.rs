//! Why a device cannot be used.

use std::path::{Path, PathBuf};

use cpal::ErrorKind;

use crate::config::{FileError, FileFault};

/// Why a microphone or a loudspeaker is not there. `Display` is the English phrase for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeviceFault {
    /// The system has no such device at all.
    #[error("there is none")]
    None,
    /// It has others, and none of this name.
    #[error("there is none named {0}")]
    NotNamed(String),
    /// It is there and cannot do what is needed of it.
    #[error("{0} cannot be used")]
    Unusable(String),
    /// It vanished.
    #[error("it has gone")]
    Gone,
    /// Access is not allowed.
    #[error("access to it was denied")]
    Denied,
    /// Another program has it for itself.
    #[error("another program uses it")]
    Busy,
    /// It is open and does not run.
    #[error("it does not run")]
    Stalled,
    /// The sound system gives no answer.
    #[error("the sound system does not answer")]
    NoAnswer,
    /// A file in its place cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file in its place is no WAV file, or one without sound.
    #[error("{} is no WAV file that can be used", .0.display())]
    NotWav(PathBuf),
    /// Anything else, in the words of the system.
    #[error("{0}")]
    System(String),
}

impl DeviceFault {
    /// Why a stream that ran has ended, if this kind of error ends one.
    pub(super) fn of_ending(kind: ErrorKind) -> Option<Self> {
        match kind {
            ErrorKind::DeviceNotAvailable => Some(Self::Gone),
            ErrorKind::StreamInvalidated => Some(Self::Stalled),
            ErrorKind::HostUnavailable => Some(Self::NoAnswer),
            ErrorKind::PermissionDenied => Some(Self::Denied),
            _ => None,
        }
    }

    /// What is wrong with this WAV file.
    pub(super) fn of_wav(file: &Path, error: hound::Error) -> Self {
        match error {
            hound::Error::IoError(error) => FileFault::from(error).of(file).into(),
            _ => Self::NotWav(file.to_owned()),
        }
    }
}

impl From<cpal::Error> for DeviceFault {
    fn from(error: cpal::Error) -> Self {
        match error.kind() {
            ErrorKind::DeviceBusy => Self::Busy,
            kind => Self::of_ending(kind).unwrap_or_else(|| Self::System(error.to_string())),
        }
    }
}
