//! Why a device cannot be used, from what cpal and hound say.

use std::path::Path;

use cpal::ErrorKind;

use crate::config::{DeviceFault, FileFault};

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
