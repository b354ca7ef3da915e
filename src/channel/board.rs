//! The hardware of a panel beside sound, camera and screen, and the door that is wired to it.

use std::path::PathBuf;

use crate::config::FileError;

/// One device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BoardDevice {
    /// What makes the screen bright.
    Backlight,
    /// What measures the light that falls on the panel.
    LightSensor,
    /// What opens the door.
    Relay,
    /// What sees whether the door is open.
    DoorContact,
}

impl BoardDevice {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Backlight, Self::LightSensor, Self::Relay, Self::DoorContact];

    /// The setting that it is there for.
    pub fn setting(self) -> &'static str {
        match self {
            Self::Backlight => "display.brightness",
            Self::LightSensor => "display.auto_brightness",
            Self::Relay => "board.relay.chip",
            Self::DoorContact => "board.door_contact.chip",
        }
    }
}

/// Why a device does not work. `Display` is the English sentence for logs and `ctl`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BoardTrouble {
    /// Its file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// This is no chip of GPIO lines.
    #[error("{}: it is no GPIO chip", .0.display())]
    NoChip(PathBuf),
    /// The chip has fewer lines; they are counted from 0.
    #[error("{}: there is no line {line}, it has {lines}", .chip.display())]
    NoLine {
        /// The chip.
        chip: PathBuf,
        /// The line that is set.
        line: u32,
        /// How many it has.
        lines: u32,
    },
}

/// The door that is wired to this panel: the one that its relay opens, or the only one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WiredDoorView {
    /// What the door contact says; `None` where there is none that works.
    pub open: Option<bool>,
}
