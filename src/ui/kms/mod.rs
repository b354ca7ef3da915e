//! The panel's own screen: which one there is, whether it can be opened, how its picture and its touch are turned; and whether
//! there is a desktop in its place.
//!
//! Slint's linuxkms backend reads the environment once, takes whatever opens first, and panics or crashes where a font or
//! the keyboard layouts are missing. So everything is looked at beforehand, and the backend is told exactly what to open:
//!
//! ```text
//!  /dev/dri, /dev/fb*, /sys/class ─▶ found ─┐
//!  rights to open them            ─▶ needs ─┼▶ Report ─▶ Screen ─▶ environment ─▶ linuxkms ─▶ picture, turned
//!  fonts, xkb-data, udev          ─▶ needs ─┘              └▶ turn ◀─ libinput ─▶ touch, turned
//! ```

mod desktop;
mod fonts;
mod found;
mod needs;
mod places;
#[cfg(test)]
mod testing;
mod turn;

use std::fmt;
use std::path::{Path, PathBuf};

pub use desktop::Desktop;
pub use found::{Card, Connector, Framebuffer, Machine};
pub use needs::{Fault, Report, Rights, System, check};
pub use places::Places;
pub(super) use turn::Turned;

use crate::config::{Config, Rotation};

/// Where the screens are drawn, as it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Display {
    /// A window on a desk.
    Window,
    /// The panel's own screen, through DRM where it can be had, else through the legacy framebuffer.
    Kms,
    /// The panel's own screen, through the legacy framebuffer.
    Framebuffer,
    /// Memory.
    Offscreen,
}

/// What is drawn on, as it was found. `Display` is its name in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Surface {
    /// A window on a desk.
    Window,
    /// A connector of a graphics card, through DRM.
    Drm {
        /// `/dev/dri/card0`.
        card: PathBuf,
        /// `HDMI-A-1`.
        connector: String,
    },
    /// The legacy framebuffer.
    Framebuffer {
        /// `/dev/fb0`.
        device: PathBuf,
    },
    /// Memory.
    Memory,
}

impl Surface {
    /// Whether it is the panel's own screen, whose size is its own.
    pub fn is_own(&self) -> bool {
        matches!(self, Self::Drm { .. } | Self::Framebuffer { .. })
    }
}

impl fmt::Display for Surface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Window => f.write_str("window"),
            Self::Drm { card, connector } => write!(f, "DRM {} {connector}", card.display()),
            Self::Framebuffer { device } => write!(f, "framebuffer {}", device.display()),
            Self::Memory => f.write_str("memory"),
        }
    }
}

/// A screen that was found and can be opened.
#[derive(Clone, Debug, PartialEq)]
pub struct Screen {
    pub(super) surface: Surface,
    pub(super) rotation: Rotation,
}

impl Screen {
    /// What was found, turned as the settings say. Only the panel's own screen is ever turned.
    pub fn new(surface: Surface, config: &Config) -> Self {
        let rotation = if surface.is_own() { config.display_rotation } else { Rotation::None };
        Self { surface, rotation }
    }

    /// What is drawn on.
    pub fn surface(&self) -> &Surface {
        &self.surface
    }

    /// What the environment has to hold before the first thread starts, so that Slint opens this screen and no other;
    /// `None` stands for a variable that must not be there.
    pub fn environment(&self) -> Vec<(&'static str, Option<String>)> {
        let (framebuffer, output) = match &self.surface {
            Surface::Drm { connector, .. } => (None, Some(connector.clone())),
            Surface::Framebuffer { .. } => (Some("1".to_owned()), None),
            Surface::Window | Surface::Memory => return Vec::new(),
        };
        vec![
            (FRAMEBUFFER, framebuffer),
            ("SLINT_DRM_OUTPUT", output),
            ("SLINT_KMS_ROTATION", Some(self.rotation.word().to_owned())),
        ]
    }

    /// Says in the log what is drawn on: `width` and `height` are those of the picture, in pixels.
    pub(super) fn log(&self, (width, height): (u32, u32), scale: f32) {
        let Self { surface, rotation } = self;
        // What the screen itself counts is its own width and height.
        let (width, height) = if rotation.is_on_its_side() { (height, width) } else { (width, height) };
        let percent = (scale * 100.0).round();
        let zoom = if percent == 100.0 { String::new() } else { format!(", scale {percent} %") };
        match rotation {
            Rotation::None => tracing::info!("screen: {surface} {width}×{height}{zoom}"),
            turned => tracing::info!("screen: {surface} {width}×{height}, rotated by {turned}°{zoom}"),
        }
        if let Surface::Drm { card, .. } = surface
            && !is_open(card, Path::new("/proc/self/fd"))
        {
            tracing::warn!("{} was not taken after all: another card is, or the legacy framebuffer", card.display());
        }
    }
}

/// Makes Slint use the legacy framebuffer whenever it is set at all.
pub const FRAMEBUFFER: &str = "SLINT_BACKEND_LINUXFB";

/// Whether this process has `device` open; `handles` is where its open files are listed.
fn is_open(device: &Path, handles: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(handles) else { return false };
    entries.flatten().any(|entry| std::fs::read_link(entry.path()).is_ok_and(|target| target == device))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drm() -> Surface {
        Surface::Drm { card: "/dev/dri/card1".into(), connector: "HDMI-A-1".into() }
    }

    fn turned(rotation: &str) -> Config {
        Config::default().set("display.rotation", rotation).expect("a rotation")
    }

    #[test]
    fn slint_is_told_which_connector_to_open_and_how_to_turn_the_picture() {
        for word in Rotation::WORDS {
            let variables = Screen::new(drm(), &turned(word)).environment();
            assert_eq!(
                variables,
                [
                    (FRAMEBUFFER, None),
                    ("SLINT_DRM_OUTPUT", Some("HDMI-A-1".to_owned())),
                    ("SLINT_KMS_ROTATION", Some((*word).to_owned()))
                ]
            );
        }
    }

    #[test]
    fn the_legacy_framebuffer_is_forced_and_knows_no_connector() {
        let screen = Screen::new(Surface::Framebuffer { device: "/dev/fb0".into() }, &turned("90"));
        let variables = screen.environment();
        assert_eq!(variables[..2], [(FRAMEBUFFER, Some("1".to_owned())), ("SLINT_DRM_OUTPUT", None)]);
        assert_eq!(variables[2].1.as_deref(), Some("90"));
    }

    #[test]
    fn a_window_and_memory_are_not_turned_and_want_nothing_of_the_environment() {
        for surface in [Surface::Window, Surface::Memory] {
            let screen = Screen::new(surface, &turned("90"));
            assert_eq!(screen.rotation, Rotation::None);
            assert!(screen.environment().is_empty());
        }
    }

    #[test]
    fn the_names_in_the_log_say_where_the_picture_is() {
        assert_eq!(drm().to_string(), "DRM /dev/dri/card1 HDMI-A-1");
        assert_eq!(Surface::Framebuffer { device: "/dev/fb0".into() }.to_string(), "framebuffer /dev/fb0");
        assert_eq!(Surface::Memory.to_string(), "memory");
    }

    #[test]
    fn a_card_that_was_not_opened_is_told_from_one_that_was() {
        let handles = tempfile::tempdir().expect("a temporary directory");
        std::os::unix::fs::symlink("/dev/dri/card1", handles.path().join("7")).expect("a link");
        assert!(is_open(Path::new("/dev/dri/card1"), handles.path()));
        assert!(!is_open(Path::new("/dev/dri/card0"), handles.path()));
    }
}
