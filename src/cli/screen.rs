//! Which screen the panel is shown on: chosen, looked at for whatever would stop it, and handed to Slint through the
//! environment.

use std::ffi::OsString;

use super::Failure;
use super::args::ScreenKind;
use crate::config::{Config, FileFault};
use crate::ui::UiError;
use crate::ui::kms::{self, Display, Fault, Machine, Places, Report, Screen};

/// A window where there is a display, the panel's own screen where there is one without a display, else memory.
pub(super) fn default_kind() -> ScreenKind {
    choose(has_desktop(), Machine::look(&places()).has_screen())
}

/// Whether a desktop is named to open windows on.
pub(super) fn has_desktop() -> bool {
    places().desktop.is_some()
}

fn choose(desktop: bool, own: bool) -> ScreenKind {
    match (desktop, own) {
        (true, _) => ScreenKind::Window,
        (false, true) => ScreenKind::Kms,
        (false, false) => ScreenKind::Offscreen,
    }
}

/// Where this system keeps what a screen needs.
pub(super) fn places() -> Places {
    Places::of_system(|name| std::env::var_os(name))
}

/// What is asked for, in the words of the screens; `None` for no screen. `forced` is the variable of Slint that asks for
/// the framebuffer, too.
fn display(kind: ScreenKind, forced: Option<OsString>) -> Option<Display> {
    match kind {
        ScreenKind::Window => Some(Display::Window),
        ScreenKind::Kms if forced.is_some() => Some(Display::Framebuffer),
        ScreenKind::Kms => Some(Display::Kms),
        ScreenKind::Fb => Some(Display::Framebuffer),
        ScreenKind::Offscreen => Some(Display::Offscreen),
        ScreenKind::None => None,
    }
}

/// Looks for the screen that is asked for.
pub(super) fn look(kind: ScreenKind, config: &Config) -> Option<Report> {
    let display = display(kind, std::env::var_os(kms::FRAMEBUFFER))?;
    Some(kms::check(&places(), display, &config.display_output, &kms::System))
}

/// The screen, ready to be opened; `None` for `--screen none`. To be called while there is one thread.
///
/// # Errors
/// What is missing, and what to do about it.
pub(super) fn prepare(kind: ScreenKind, config: &Config) -> Result<Option<Screen>, Failure> {
    let Some(report) = look(kind, config) else { return Ok(None) };
    let Some(surface) = report.usable() else { return Err(failure(&report)) };
    for fault in &report.faults {
        let Trouble { what, remedy } = trouble(fault);
        tracing::warn!("{what}: {remedy}");
    }
    let screen = Screen::new(surface.clone(), config);
    set_environment(&screen.environment())?;
    Ok(Some(screen))
}

/// Sets the variables, and takes away those without a value.
///
/// # Errors
/// When another thread runs already: it could be reading them.
#[allow(unsafe_code)]
fn set_environment(variables: &[(&str, Option<String>)]) -> Result<(), Failure> {
    let differs = |(name, value): &&(&str, Option<String>)| {
        std::env::var_os(name).as_deref() != value.as_ref().map(|value| value.as_ref())
    };
    let changes: Vec<_> = variables.iter().filter(differs).collect();
    if changes.is_empty() {
        return Ok(());
    }
    let threads = std::fs::read_dir("/proc/self/task").map(Iterator::count);
    if !matches!(threads, Ok(1)) {
        return Err(Failure::at_run_time("the screen cannot be chosen any more: other threads run already"));
    }
    for (name, value) in changes {
        // SAFETY: this is the only thread of the process, as just counted, so nothing reads the environment meanwhile.
        unsafe {
            match value {
                Some(value) => std::env::set_var(name, value),
                None => std::env::remove_var(name),
            }
        }
    }
    Ok(())
}

/// Everything that stops the screen, a line each.
fn failure(report: &Report) -> Failure {
    let lines = report.faults.iter().filter(|fault| !fault.is_of_touch()).map(|fault| {
        let Trouble { what, remedy } = trouble(fault);
        format!("{what}: {remedy}")
    });
    Failure::at_run_time(lines.collect::<Vec<_>>().join("\nvestibule: "))
}

/// The screen did not open after all, or was lost. On the panel's `own` there is one program at a time.
pub(super) fn lost(error: &UiError, own: bool) -> Failure {
    let hint = if own { ": does a desktop, or another panel, have it?" } else { "" };
    Failure::at_run_time(format!("{}{hint}", without_source(&error.to_string())))
}

/// Without the place in its own source that a library names.
fn without_source(words: &str) -> String {
    let found = words.split_once("os error at ").and_then(|(before, rest)| {
        let (_, behind) = rest.split_once(".rs:")?;
        let what = behind.trim_start_matches(|c: char| c.is_ascii_digit() || c == ':').trim_start();
        Some(format!("{before}{what}"))
    });
    found.unwrap_or_else(|| words.to_owned())
}

/// What is wrong, and what to do about it.
#[derive(Debug, PartialEq)]
pub(super) struct Trouble {
    pub(super) what: String,
    pub(super) remedy: String,
}

/// Installs the files of a Debian package anew; its name follows.
const AGAIN: &str = "apt-get install --reinstall";

/// The words for what is in the way of a screen.
pub(super) fn trouble(fault: &Fault) -> Trouble {
    let (what, remedy) = match fault {
        Fault::NoFontSettings(file) => (
            format!("no font: {} is not there", file.display()),
            "install fontconfig-config and fonts-inter".to_owned(),
        ),
        Fault::NoFont(file) => {
            (format!("no font in the folders of {}", file.display()), "install fonts-inter".to_owned())
        }
        Fault::FontClosed(error) => (
            format!("no font can be read: {error}"),
            format!("let everybody read it (chmod a+r), or install fonts-inter: {AGAIN} fonts-inter"),
        ),
        Fault::FontDamaged(file) => (
            format!("no font can be drawn: {} is damaged", file.display()),
            format!("install fonts-inter, or its files anew: {AGAIN} fonts-inter"),
        ),
        Fault::NoKeyboards(error) => {
            (format!("no keyboard layouts: {error}"), format!("install xkb-data, or its files anew: {AGAIN} xkb-data"))
        }
        Fault::NoDesktop => (
            "no desktop: neither WAYLAND_DISPLAY nor DISPLAY is set".to_owned(),
            "start it on a desktop, or choose --screen kms or offscreen".to_owned(),
        ),
        Fault::DesktopGone(name) => (
            format!("no desktop answers at {name}"),
            "start it on a desktop that is there, or choose --screen kms or offscreen".to_owned(),
        ),
        Fault::NoScreen => (
            "no screen: there is neither /dev/dri/card* nor /dev/fb*".to_owned(),
            "load the driver of the screen (dmesg names it), or choose --screen window or offscreen".to_owned(),
        ),
        Fault::NoFramebuffer => (
            "no framebuffer: there is no /dev/fb*".to_owned(),
            "load a driver that has one, or choose --screen kms".to_owned(),
        ),
        Fault::NothingConnected(card) => {
            (format!("no screen is connected to {}", card.display()), "connect it, and switch it on".to_owned())
        }
        Fault::OtherOutput { wanted, taken } => (
            format!("no screen is connected to {wanted}, {taken} is taken"),
            "change the setting display.output, or connect the screen there".to_owned(),
        ),
        Fault::Depth { device, bits } => (
            format!("{} has {bits} bits a pixel, and only 16 and 32 can be drawn on", device.display()),
            "choose another mode, such as vga=0x344 on the kernel's command line".to_owned(),
        ),
        Fault::ScreenClosed(error) => (error.to_string(), opening(&error.fault, "video")),
        Fault::NoInput(folder) => (
            format!("nothing to touch: there is no event* in {}", folder.display()),
            "connect the touchscreen, or load its driver (evdev among them)".to_owned(),
        ),
        Fault::NoUdev(folder) => (
            format!("no touch: udev knows no input device in {}", folder.display()),
            "install udev, and run udevadm trigger --subsystem-match=input".to_owned(),
        ),
        Fault::InputClosed(error) => (error.to_string(), opening(&error.fault, "input")),
    };
    Trouble { what, remedy }
}

/// What helps where a device cannot be opened; `group` may open it.
pub(super) fn opening(fault: &FileFault, group: &str) -> String {
    match fault {
        FileFault::NotAllowed => format!("add the panel's user to the group {group}: usermod -aG {group} USER"),
        FileFault::Busy => "end the program that has it".to_owned(),
        _ => "see what dmesg says about it".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_screen_is_where_there_is_one() {
        assert_eq!(choose(true, true), ScreenKind::Window);
        assert_eq!(choose(false, true), ScreenKind::Kms);
        assert_eq!(choose(false, false), ScreenKind::Offscreen);
    }

    #[test]
    fn the_framebuffer_can_be_asked_for_by_the_option_and_by_the_variable_of_slint() {
        assert_eq!(display(ScreenKind::Kms, None), Some(Display::Kms));
        assert_eq!(display(ScreenKind::Fb, None), Some(Display::Framebuffer));
        assert_eq!(display(ScreenKind::Kms, Some("1".into())), Some(Display::Framebuffer));
        assert_eq!(display(ScreenKind::None, Some("1".into())), None);
    }

    #[test]
    fn each_fault_says_what_to_install_or_to_change() {
        let at = |path: &str| path.into();
        for (fault, what, remedy) in [
            (Fault::NoFontSettings(at("/etc/fonts/fonts.conf")), "/etc/fonts/fonts.conf", "fontconfig-config"),
            (Fault::NoFont(at("/etc/fonts/fonts.conf")), "/etc/fonts/fonts.conf", "install fonts-inter"),
            (Fault::FontClosed(FileFault::NotAllowed.of("/f/a.ttf")), "/f/a.ttf", "chmod a+r"),
            (Fault::FontDamaged(at("/f/a.ttf")), "/f/a.ttf", "--reinstall fonts-inter"),
            (
                Fault::NoKeyboards(FileFault::Missing.of("/usr/share/X11/xkb/symbols/us")),
                "/usr/share/X11/xkb/symbols/us",
                "install xkb-data",
            ),
            (Fault::NoDesktop, "DISPLAY", "--screen kms"),
            (Fault::DesktopGone("DISPLAY=:9".into()), "DISPLAY=:9", "--screen kms"),
            (Fault::NoScreen, "/dev/dri/card*", "driver"),
            (Fault::NoFramebuffer, "/dev/fb*", "--screen kms"),
            (Fault::NothingConnected(at("/dev/dri/card0")), "/dev/dri/card0", "connect"),
            (
                Fault::OtherOutput { wanted: "DP-1".into(), taken: "HDMI-A-1".into() },
                "DP-1, HDMI-A-1",
                "display.output",
            ),
            (Fault::Depth { device: at("/dev/fb0"), bits: 24 }, "/dev/fb0 has 24 bits", "vga=0x344"),
            (Fault::ScreenClosed(FileFault::NotAllowed.of("/dev/dri/card0")), "/dev/dri/card0", "group video"),
            (Fault::ScreenClosed(FileFault::Busy.of("/dev/fb0")), "/dev/fb0", "end the program"),
            (Fault::NoInput(at("/dev/input")), "/dev/input", "touchscreen"),
            (Fault::NoUdev(at("/run/udev/data")), "/run/udev/data", "install udev"),
            (Fault::InputClosed(FileFault::NotAllowed.of("/dev/input/event3")), "/dev/input/event3", "group input"),
        ] {
            let said = trouble(&fault);
            assert!(said.what.contains(what) && said.remedy.contains(remedy), "{fault:?}: {said:?}");
        }
    }

    #[test]
    fn all_that_stops_the_screen_is_said_at_once_and_the_program_ends_with_1() {
        let faults = vec![Fault::NoFont("/f".into()), Fault::NoScreen, Fault::NoInput("/dev/input".into())];
        let failure = failure(&Report { surface: None, faults });
        assert_eq!(failure.code, 1);
        assert_eq!(failure.words.lines().count(), 2);
        assert!(failure.words.contains("\nvestibule: no screen"), "{}", failure.words);
    }

    #[test]
    fn where_a_library_found_an_error_is_nobodys_business() {
        let words = "the screen cannot be opened: os error at /home/x/winit-0.30.13/src/event_loop.rs:786: no X server";
        assert_eq!(without_source(words), "the screen cannot be opened: no X server");
        assert_eq!(without_source("no such display"), "no such display");
    }

    #[test]
    fn the_environment_is_not_changed_under_running_threads() {
        // The test's own thread is never the only one.
        let refused = set_environment(&[("VESTIBULE_NO_SUCH_VARIABLE", Some("1".to_owned()))]);
        assert!(refused.is_err() && std::env::var_os("VESTIBULE_NO_SUCH_VARIABLE").is_none());
        assert_eq!(set_environment(&[("VESTIBULE_NO_SUCH_VARIABLE", None)]), Ok(()), "nothing is to be changed");
    }
}
