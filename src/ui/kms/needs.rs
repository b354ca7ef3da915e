//! What stands in the way of a screen, found out before Slint stumbles over it.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::found::names;
use super::{Display, Framebuffer, Machine, Places, Surface, fonts};
use crate::config::{FileError, FileFault};

/// Opens a device to see whether that is allowed, and closes it again.
pub type Opener<'a> = &'a dyn Fn(&Path) -> io::Result<()>;

/// Opens a device as Slint and libinput do, for reading and writing.
///
/// # Errors
/// Why it cannot be opened.
pub fn open(device: &Path) -> io::Result<()> {
    OpenOptions::new().read(true).write(true).open(device).map(drop)
}

/// One thing that is missing or in the way. Its words, and what to do about it, are found by whoever says them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// fontconfig has no settings; where they should be.
    NoFontSettings(PathBuf),
    /// There is no font in the folders that these settings of fontconfig name.
    NoFont(PathBuf),
    /// xkb-data is not in this folder: the first key that is pressed would end the program.
    NoKeyboards(PathBuf),
    /// There is neither a graphics card nor a framebuffer.
    NoScreen,
    /// There is no framebuffer, and it was asked for.
    NoFramebuffer,
    /// A graphics card without a screen.
    NothingConnected(PathBuf),
    /// No screen is connected where the settings say; another one is taken.
    OtherOutput {
        /// The connector of the settings.
        wanted: String,
        /// The one that is taken.
        taken: String,
    },
    /// A framebuffer with so many bits a pixel cannot be drawn on: 16 and 32 can.
    Depth {
        /// `/dev/fb0`.
        device: PathBuf,
        /// Bits of a pixel.
        bits: u32,
    },
    /// A card or a framebuffer that cannot be opened.
    ScreenClosed(FileError),
    /// There is no touchscreen, mouse or keyboard in this folder.
    NoInput(PathBuf),
    /// udev does not say in this folder which devices are touchscreens: nothing that is touched would be felt.
    NoUdev(PathBuf),
    /// A touchscreen, mouse or keyboard that cannot be opened.
    InputClosed(FileError),
}

impl Fault {
    /// Whether the program would break off over it, now or later, although there is a screen.
    pub fn is_fatal(&self) -> bool {
        matches!(self, Self::NoFontSettings(_) | Self::NoFont(_) | Self::NoKeyboards(_))
    }

    /// Whether the screen would be shown all the same, and could not be touched.
    pub fn is_of_touch(&self) -> bool {
        matches!(self, Self::NoInput(_) | Self::NoUdev(_) | Self::InputClosed(_))
    }
}

/// What was found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The screen that can be opened, if there is one.
    pub surface: Option<Surface>,
    /// What is in the way, or would better be otherwise.
    pub faults: Vec<Fault>,
}

impl Report {
    /// Whether a window was asked for.
    pub fn is_window(&self) -> bool {
        self.surface == Some(Surface::Window)
    }

    /// The screen that nothing stands in the way of.
    pub fn usable(&self) -> Option<&Surface> {
        self.surface.as_ref().filter(|_| !self.faults.iter().any(Fault::is_fatal))
    }
}

/// Looks for the screen that is asked for, at connector `output` (empty for any), and for all that it needs.
pub fn check(places: &Places, display: Display, output: &str, open: Opener<'_>) -> Report {
    let mut faults: Vec<Fault> = font(places).into_iter().collect();
    let surface = match display {
        Display::Window => Some(Surface::Window),
        Display::Offscreen => Some(Surface::Memory),
        Display::Kms | Display::Framebuffer => {
            let machine = Machine::look(places);
            let surface = if display == Display::Kms {
                drm(&machine, output, open, &mut faults).or_else(|| framebuffer(&machine, open, &mut faults))
            } else {
                framebuffer(&machine, open, &mut faults)
            };
            if surface.is_none() && machine.framebuffers.is_empty() {
                match (display, machine.cards.is_empty()) {
                    (Display::Framebuffer, _) => faults.push(Fault::NoFramebuffer),
                    (_, true) => faults.push(Fault::NoScreen),
                    (_, false) => {}
                }
            }
            faults.extend(keyboards(places));
            faults.extend(input(places, open));
            surface
        }
    };
    Report { surface, faults }
}

fn font(places: &Places) -> Option<Fault> {
    match fonts::first(places) {
        Some(_) => None,
        None if places.fonts.is_file() => Some(Fault::NoFont(places.fonts.clone())),
        None => Some(Fault::NoFontSettings(places.fonts.clone())),
    }
}

/// The connector to take: the one of the settings, else the first with a screen.
fn drm(machine: &Machine, output: &str, open: Opener<'_>, faults: &mut Vec<Fault>) -> Option<Surface> {
    let wanted = machine.connected().find(|(_, connector)| connector.name == output);
    let Some((card, connector)) = wanted.or_else(|| machine.connected().next()) else {
        faults.extend(machine.cards.first().map(|card| Fault::NothingConnected(card.device.clone())));
        return None;
    };
    if let Err(error) = open(&card.device) {
        faults.push(Fault::ScreenClosed(FileFault::from(error).of(&card.device)));
        return None;
    }
    if !output.is_empty() && connector.name != output {
        faults.push(Fault::OtherOutput { wanted: output.to_owned(), taken: connector.name.clone() });
    }
    Some(Surface::Drm { card: card.device.clone(), connector: connector.name.clone() })
}

/// The first framebuffer that can be drawn on: Slint takes the same one.
fn framebuffer(machine: &Machine, open: Opener<'_>, faults: &mut Vec<Fault>) -> Option<Surface> {
    for Framebuffer { device, bits } in &machine.framebuffers {
        match (open(device), bits) {
            (Err(error), _) => faults.push(Fault::ScreenClosed(FileFault::from(error).of(device))),
            (Ok(()), Some(bits)) if !matches!(bits, 16 | 32) => {
                faults.push(Fault::Depth { device: device.clone(), bits: *bits });
            }
            (Ok(()), _) => return Some(Surface::Framebuffer { device: device.clone() }),
        }
    }
    None
}

fn keyboards(places: &Places) -> Option<Fault> {
    // What xkbcommon reads first of all, where nobody names other rules.
    (!places.xkb.join("rules/evdev").is_file()).then(|| Fault::NoKeyboards(places.xkb.clone()))
}

/// Whether anything that is touched would be felt. A panel that cannot be touched still shows who rings.
fn input(places: &Places, open: Opener<'_>) -> Option<Fault> {
    let folder = places.dev.join("input");
    let mut devices = names(&folder).into_iter().filter(|name| name.starts_with("event")).peekable();
    if devices.peek().is_none() {
        return Some(Fault::NoInput(folder));
    }
    // Character devices of the input subsystem have major number 13.
    let is_input = |entry: &String| {
        let text = fs::read_to_string(places.udev.join(entry)).unwrap_or_default();
        entry.starts_with("c13:") && text.lines().any(|line| line == "E:ID_INPUT=1")
    };
    if !names(&places.udev).iter().any(is_input) {
        return Some(Fault::NoUdev(places.udev.clone()));
    }
    devices.find_map(|name| {
        let device = folder.join(name);
        open(&device).err().map(|error| Fault::InputClosed(FileFault::from(error).of(device)))
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{put, put_card, put_framebuffer};
    use super::*;

    /// A machine with fonts, keyboard layouts and one touchscreen that udev knows; no screen yet.
    fn sound() -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a temporary directory");
        let fonts = root.path().join("fonts");
        put(root.path(), "etc/fonts/fonts.conf", &format!("<dir>{}</dir>", fonts.display()));
        put(root.path(), "fonts/Inter.ttf", "");
        put(root.path(), "usr/share/X11/xkb/rules/evdev", "");
        put(root.path(), "dev/input/event0", "");
        put(root.path(), "run/udev/data/c13:64", "I:1\nE:ID_INPUT=1\nE:ID_INPUT_TOUCHSCREEN=1\n");
        root
    }

    fn allowed(_: &Path) -> io::Result<()> {
        Ok(())
    }

    /// Refuses whatever has this in its path.
    fn refusing(part: &'static str) -> impl Fn(&Path) -> io::Result<()> {
        move |path| {
            let refused = path.to_string_lossy().contains(part);
            if refused { Err(io::Error::from(io::ErrorKind::PermissionDenied)) } else { Ok(()) }
        }
    }

    fn on(root: &tempfile::TempDir, display: Display) -> Report {
        check(&Places::below(root.path()), display, "", &allowed)
    }

    #[test]
    fn drm_is_taken_before_the_framebuffer_and_the_framebuffer_when_it_is_asked_for() {
        let root = sound();
        put_card(root.path(), 0, "Virtual-1", "connected");
        put_framebuffer(root.path(), 0, 32);
        let card = root.path().join("dev/dri/card0");
        let device = root.path().join("dev/fb0");
        let kms = on(&root, Display::Kms);
        assert_eq!(kms.usable(), Some(&Surface::Drm { card, connector: "Virtual-1".into() }));
        assert!(kms.faults.is_empty());
        assert_eq!(on(&root, Display::Framebuffer).usable(), Some(&Surface::Framebuffer { device }));
    }

    #[test]
    fn without_a_connected_screen_the_framebuffer_is_taken_and_it_is_said_why() {
        let root = sound();
        put_card(root.path(), 0, "HDMI-A-1", "disconnected");
        let card = root.path().join("dev/dri/card0");
        let none = on(&root, Display::Kms);
        assert_eq!((none.surface, none.faults), (None, vec![Fault::NothingConnected(card.clone())]));
        put_framebuffer(root.path(), 1, 16);
        let report = on(&root, Display::Kms);
        assert_eq!(report.usable(), Some(&Surface::Framebuffer { device: root.path().join("dev/fb1") }));
        assert_eq!(report.faults, [Fault::NothingConnected(card)]);
    }

    #[test]
    fn the_output_of_the_settings_is_taken_on_whichever_card_it_is() {
        let root = sound();
        put_card(root.path(), 0, "DSI-1", "connected");
        put_card(root.path(), 1, "HDMI-A-1", "connected");
        let report = |output| check(&Places::below(root.path()), Display::Kms, output, &allowed);
        let card = |number| root.path().join(format!("dev/dri/card{number}"));
        let drm = |number, name: &str| Some(Surface::Drm { card: card(number), connector: name.into() });
        assert_eq!(report("").surface, drm(0, "DSI-1"));
        assert_eq!(report("HDMI-A-1").surface, drm(1, "HDMI-A-1"));
        // A wrong name must not leave a panel dark on the wall.
        let wrong = report("DP-7");
        assert_eq!(wrong.usable().cloned(), drm(0, "DSI-1"));
        assert_eq!(wrong.faults, [Fault::OtherOutput { wanted: "DP-7".into(), taken: "DSI-1".into() }]);
    }

    #[test]
    fn a_machine_without_a_screen_says_what_was_looked_for() {
        let root = sound();
        assert_eq!(on(&root, Display::Kms).faults, [Fault::NoScreen]);
        assert_eq!(on(&root, Display::Framebuffer).faults, [Fault::NoFramebuffer]);
        assert_eq!(on(&root, Display::Window).usable(), Some(&Surface::Window));
        assert_eq!(on(&root, Display::Offscreen).usable(), Some(&Surface::Memory));
    }

    #[test]
    fn a_framebuffer_of_24_bits_is_passed_over_and_named() {
        let root = sound();
        put_framebuffer(root.path(), 0, 24);
        let depth = Fault::Depth { device: root.path().join("dev/fb0"), bits: 24 };
        let report = on(&root, Display::Framebuffer);
        assert_eq!((report.surface, report.faults), (None, vec![depth.clone()]));
        put_framebuffer(root.path(), 1, 32);
        let report = on(&root, Display::Kms);
        assert_eq!(report.surface, Some(Surface::Framebuffer { device: root.path().join("dev/fb1") }));
        assert_eq!(report.faults, [depth]);
    }

    #[test]
    fn a_screen_that_may_not_be_opened_is_named() {
        let root = sound();
        put_card(root.path(), 0, "HDMI-A-1", "connected");
        put_framebuffer(root.path(), 0, 32);
        let places = Places::below(root.path());
        let closed = |file: &str| Fault::ScreenClosed(FileFault::NotAllowed.of(root.path().join(file)));
        let report = check(&places, Display::Kms, "", &refusing("/dev/dri"));
        assert_eq!(report.surface, Some(Surface::Framebuffer { device: root.path().join("dev/fb0") }));
        assert_eq!(report.faults, [closed("dev/dri/card0")]);
        let report = check(&places, Display::Kms, "", &refusing("/dev/"));
        assert_eq!(report.surface, None);
        assert_eq!(report.faults[..2], [closed("dev/dri/card0"), closed("dev/fb0")]);
    }

    #[test]
    fn without_fonts_no_screen_is_usable_and_without_keyboard_layouts_not_the_own_one() {
        let root = sound();
        put_card(root.path(), 0, "HDMI-A-1", "connected");
        fs::remove_dir_all(root.path().join("usr/share/X11")).expect("there");
        let xkb = root.path().join("usr/share/X11/xkb");
        assert_eq!(on(&root, Display::Kms).faults, [Fault::NoKeyboards(xkb)]);
        assert_eq!(on(&root, Display::Kms).usable(), None);
        assert!(on(&root, Display::Offscreen).usable().is_some());
        fs::remove_file(root.path().join("fonts/Inter.ttf")).expect("there");
        let settings = root.path().join("etc/fonts/fonts.conf");
        for display in [Display::Kms, Display::Framebuffer, Display::Window, Display::Offscreen] {
            let report = on(&root, display);
            assert_eq!((report.usable(), report.faults.first()), (None, Some(&Fault::NoFont(settings.clone()))));
        }
        fs::remove_file(&settings).expect("there");
        assert_eq!(on(&root, Display::Offscreen).faults, [Fault::NoFontSettings(settings)]);
    }

    #[test]
    fn a_screen_that_cannot_be_touched_is_shown_all_the_same() {
        let root = sound();
        put_card(root.path(), 0, "HDMI-A-1", "connected");
        let places = Places::below(root.path());
        let report = check(&places, Display::Kms, "", &refusing("/dev/input/"));
        let event = root.path().join("dev/input/event0");
        assert_eq!(report.faults, [Fault::InputClosed(FileFault::NotAllowed.of(event.clone()))]);
        assert!(report.usable().is_some());
        put(root.path(), "run/udev/data/c13:64", "I:1\n");
        put(root.path(), "run/udev/data/b8:0", "E:ID_INPUT=1\n");
        assert_eq!(on(&root, Display::Kms).faults, [Fault::NoUdev(root.path().join("run/udev/data"))]);
        fs::remove_file(event).expect("there");
        assert_eq!(on(&root, Display::Kms).faults, [Fault::NoInput(root.path().join("dev/input"))]);
        assert!(on(&root, Display::Kms).usable().is_some());
    }

    #[test]
    fn what_the_system_refuses_is_seen_by_opening_it() {
        let root = tempfile::tempdir().expect("a temporary directory");
        put(root.path(), "card0", "");
        assert!(open(&root.path().join("card0")).is_ok());
        assert_eq!(open(&root.path().join("card1")).map_err(|error| error.kind()), Err(io::ErrorKind::NotFound));
    }
}
