//! What stands in the way of a screen, found out before Slint stumbles over it.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use super::fonts::{self, Lack};
use super::found::names;
use super::{Display, Framebuffer, Machine, Places, Surface};
use crate::config::{FileError, FileFault};

/// What this program may do with the devices of the machine.
pub trait Rights {
    /// Whether a graphics card or a framebuffer can be opened as Slint does it.
    ///
    /// # Errors
    /// Why it cannot be.
    fn open(&self, device: &Path) -> io::Result<()>;

    /// Whether a touchscreen could be opened as libinput does it. It is left closed: closing it again can take the kernel a
    /// tenth of a second, and nobody sees the door meanwhile.
    ///
    /// # Errors
    /// Why it could not be.
    fn touch(&self, device: &Path) -> io::Result<()>;
}

/// What the system says.
#[derive(Clone, Copy, Debug)]
pub struct System;

impl Rights for System {
    fn open(&self, device: &Path) -> io::Result<()> {
        let opened = OpenOptions::new().read(true).write(true).open(device)?;
        let is_device = opened.metadata()?.file_type().is_char_device();
        if is_device { Ok(()) } else { Err(io::Error::other("it is no device")) }
    }

    fn touch(&self, device: &Path) -> io::Result<()> {
        Ok(access(device, Access::READ_OK | Access::WRITE_OK)?)
    }
}

/// What xkbcommon reads for the keyboard that is taken where nobody names another one.
const KEYBOARD: [&str; 7] =
    ["rules/evdev", "keycodes/evdev", "types/complete", "compat/complete", "symbols/pc", "symbols/us", "symbols/inet"];

/// One thing that is missing or in the way. Its words, and what to do about it, are found by whoever says them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// fontconfig has no settings; where they should be.
    NoFontSettings(PathBuf),
    /// There is no font in the folders that these settings of fontconfig name.
    NoFont(PathBuf),
    /// There are fonts, and none can be opened: this one, for one.
    FontClosed(FileError),
    /// There are fonts, and none is whole: this one, for one.
    FontDamaged(PathBuf),
    /// A part of xkb-data cannot be read: the first key that is pressed would end the program.
    NoKeyboards(FileError),
    /// Nothing names a desktop to open a window on.
    NoDesktop,
    /// The desktop that is named is not there.
    DesktopGone(String),
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
        match self {
            Self::NoFontSettings(_)
            | Self::NoFont(_)
            | Self::FontClosed(_)
            | Self::FontDamaged(_)
            | Self::NoKeyboards(_)
            | Self::NoDesktop
            | Self::DesktopGone(_) => true,
            Self::NoScreen
            | Self::NoFramebuffer
            | Self::NothingConnected(_)
            | Self::OtherOutput { .. }
            | Self::Depth { .. }
            | Self::ScreenClosed(_)
            | Self::NoInput(_)
            | Self::NoUdev(_)
            | Self::InputClosed(_) => false,
        }
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
pub fn check(places: &Places, display: Display, output: &str, rights: &dyn Rights) -> Report {
    let mut faults: Vec<Fault> = font(places).into_iter().collect();
    let surface = match display {
        Display::Window => {
            faults.extend(desktop(places));
            Some(Surface::Window)
        }
        Display::Offscreen => Some(Surface::Memory),
        Display::Kms | Display::Framebuffer => {
            let machine = Machine::look(places);
            let surface = if display == Display::Kms {
                drm(&machine, output, rights, &mut faults).or_else(|| framebuffer(&machine, rights, &mut faults))
            } else {
                framebuffer(&machine, rights, &mut faults)
            };
            if surface.is_none() && machine.framebuffers.is_empty() {
                match (display, machine.cards.is_empty()) {
                    (Display::Framebuffer, _) => faults.push(Fault::NoFramebuffer),
                    (_, true) => faults.push(Fault::NoScreen),
                    (_, false) => {}
                }
            }
            faults.extend(keyboards(places));
            faults.extend(input(places, rights));
            surface
        }
    };
    Report { surface, faults }
}

fn font(places: &Places) -> Option<Fault> {
    let lack = fonts::first(places).err()?;
    Some(match lack {
        Lack::Settings => Fault::NoFontSettings(places.fonts.clone()),
        Lack::Font => Fault::NoFont(places.fonts.clone()),
        Lack::Closed(error) => Fault::FontClosed(error),
        Lack::Damaged(file) => Fault::FontDamaged(file),
    })
}

fn desktop(places: &Places) -> Option<Fault> {
    match &places.desktop {
        None => Some(Fault::NoDesktop),
        Some(desktop) => (!desktop.answers()).then(|| Fault::DesktopGone(desktop.name.clone())),
    }
}

/// The connector to take: the one of the settings, else the first with a screen.
fn drm(machine: &Machine, output: &str, rights: &dyn Rights, faults: &mut Vec<Fault>) -> Option<Surface> {
    let wanted = machine.connected().find(|(_, connector)| connector.name == output);
    let Some((card, connector)) = wanted.or_else(|| machine.connected().next()) else {
        faults.extend(machine.cards.first().map(|card| Fault::NothingConnected(card.device.clone())));
        return None;
    };
    if let Err(error) = rights.open(&card.device) {
        faults.push(Fault::ScreenClosed(FileFault::from(error).of(&card.device)));
        return None;
    }
    if !output.is_empty() && connector.name != output {
        faults.push(Fault::OtherOutput { wanted: output.to_owned(), taken: connector.name.clone() });
    }
    Some(Surface::Drm { card: card.device.clone(), connector: connector.name.clone() })
}

/// The first framebuffer that can be drawn on: Slint takes the same one.
fn framebuffer(machine: &Machine, rights: &dyn Rights, faults: &mut Vec<Fault>) -> Option<Surface> {
    for Framebuffer { device, bits } in &machine.framebuffers {
        match (rights.open(device), bits) {
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
    KEYBOARD.iter().find_map(|part| {
        let file = places.xkb.join(part);
        let error = File::open(&file).err()?;
        Some(Fault::NoKeyboards(FileFault::from(error).of(file)))
    })
}

/// Whether anything that is touched would be felt. A panel that cannot be touched still shows who rings.
fn input(places: &Places, rights: &dyn Rights) -> Option<Fault> {
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
        rights.touch(&device).err().map(|error| Fault::InputClosed(FileFault::from(error).of(device)))
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::super::Desktop;
    use super::super::testing::{put, put_card, put_font, put_framebuffer};
    use super::*;

    /// A machine with fonts, keyboard layouts and one touchscreen that udev knows; no screen yet.
    fn sound() -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a temporary directory");
        let fonts = root.path().join("fonts");
        put(root.path(), "etc/fonts/fonts.conf", &format!("<dir>{}</dir>", fonts.display()));
        put_font(root.path(), "fonts/Inter.ttf");
        for part in KEYBOARD {
            put(root.path(), &format!("usr/share/X11/xkb/{part}"), "");
        }
        put(root.path(), "dev/input/event0", "");
        put(root.path(), "run/udev/data/c13:64", "I:1\nE:ID_INPUT=1\nE:ID_INPUT_TOUCHSCREEN=1\n");
        root
    }

    /// Refuses whatever has this in its path.
    struct Refusing(&'static str);

    impl Rights for Refusing {
        fn open(&self, device: &Path) -> io::Result<()> {
            let refused = device.to_string_lossy().contains(self.0);
            if refused { Err(io::Error::from(io::ErrorKind::PermissionDenied)) } else { Ok(()) }
        }

        fn touch(&self, device: &Path) -> io::Result<()> {
            self.open(device)
        }
    }

    const ALLOWED: Refusing = Refusing("nothing of all this");

    fn on(root: &tempfile::TempDir, display: Display) -> Report {
        check(&Places::below(root.path()), display, "", &ALLOWED)
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
        let report = |output| check(&Places::below(root.path()), Display::Kms, output, &ALLOWED);
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
        let report = check(&places, Display::Kms, "", &Refusing("/dev/dri"));
        assert_eq!(report.surface, Some(Surface::Framebuffer { device: root.path().join("dev/fb0") }));
        assert_eq!(report.faults, [closed("dev/dri/card0")]);
        let report = check(&places, Display::Kms, "", &Refusing("/dev/"));
        assert_eq!(report.surface, None);
        assert_eq!(report.faults[..2], [closed("dev/dri/card0"), closed("dev/fb0")]);
    }

    #[test]
    fn without_fonts_no_screen_is_usable_and_without_keyboard_layouts_not_the_own_one() {
        let root = sound();
        put_card(root.path(), 0, "HDMI-A-1", "connected");
        for part in KEYBOARD {
            let file = root.path().join("usr/share/X11/xkb").join(part);
            fs::remove_file(&file).expect("there");
            assert_eq!(on(&root, Display::Kms).faults, [Fault::NoKeyboards(FileFault::Missing.of(&file))]);
            put(root.path(), &format!("usr/share/X11/xkb/{part}"), "");
        }
        fs::remove_dir_all(root.path().join("usr/share/X11")).expect("there");
        assert_eq!(on(&root, Display::Kms).usable(), None);
        assert!(on(&root, Display::Offscreen).usable().is_some());
        let font = root.path().join("fonts/Inter.ttf");
        fs::write(&font, "no font").expect("written");
        let report = on(&root, Display::Offscreen);
        assert_eq!((report.usable(), &report.faults[..]), (None, &[Fault::FontDamaged(font.clone())][..]));
        fs::remove_file(font).expect("there");
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
        let report = check(&places, Display::Kms, "", &Refusing("/dev/input/"));
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
    fn a_window_wants_a_desktop_that_is_there() {
        let root = sound();
        let of = |desktop| {
            let places = Places { desktop, ..Places::below(root.path()) };
            check(&places, Display::Window, "", &ALLOWED)
        };
        let none = of(None);
        assert_eq!((none.usable(), &none.faults[..]), (None, &[Fault::NoDesktop][..]));
        let socket = root.path().join("wayland-0").into_os_string();
        let desktop =
            Desktop::named(|name| (name == "WAYLAND_DISPLAY" || name == "XDG_RUNTIME_DIR").then(|| socket.clone()));
        let name = desktop.as_ref().expect("it is named").name.clone();
        let gone = of(desktop.clone());
        assert_eq!((gone.usable(), &gone.faults[..]), (None, &[Fault::DesktopGone(name)][..]));
        let _listener = UnixListener::bind(&socket).expect("free");
        assert_eq!(of(desktop).usable(), Some(&Surface::Window));
    }

    #[test]
    fn what_the_system_refuses_is_seen_by_opening_it() {
        let root = tempfile::tempdir().expect("a temporary directory");
        put(root.path(), "card0", "");
        let kind = |outcome: io::Result<()>| outcome.map_err(|error| error.kind());
        assert!(System.open(Path::new("/dev/null")).is_ok());
        assert_eq!(kind(System.open(&root.path().join("card0"))), Err(io::ErrorKind::Other), "a file is no device");
        assert_eq!(kind(System.open(&root.path().join("card1"))), Err(io::ErrorKind::NotFound));
        assert!(System.touch(Path::new("/dev/null")).is_ok());
        assert_eq!(kind(System.touch(&root.path().join("event1"))), Err(io::ErrorKind::NotFound));
    }
}
