//! The machine itself: who asks, the screen and what it needs, the clock.

use std::os::unix::fs::MetadataExt;
use std::time::SystemTime;

use super::super::args::ScreenKind;
use super::super::screen::{self, Trouble, trouble};
use super::{Finding, Verdict};
use crate::config::{Config, moment_text};
use crate::ui::kms::{Fault, Report};

/// The number of the user whose rights this program has.
pub(super) fn own_user() -> Option<u32> {
    std::fs::metadata("/proc/self").ok().map(|process| process.uid())
}

/// Whoever may do everything does not see what the panel's user may not.
pub(super) fn user(number: Option<u32>) -> Finding {
    match number {
        Some(0) => Finding::warning(
            "user",
            "root asks, who may open every device",
            "ask as the panel's user, whose rights count: runuser -u USER vestibule doctor",
        ),
        Some(number) => Finding::ok("user", format!("number {number} asks, whose rights count")),
        None => Finding::warning("user", "the system does not say who asks", "mount /proc"),
    }
}

/// The screen on which the panel is shown, or would be if it were started: its own, or a window.
pub(super) fn screen(config: &Config, is_own: bool) -> Vec<Finding> {
    let kind = if is_own { ScreenKind::Kms } else { ScreenKind::Window };
    screen::look(kind, config).map(|report| findings(&report)).unwrap_or_default()
}

/// What was found about each part of a screen.
fn findings(report: &Report) -> Vec<Finding> {
    let mut findings: Vec<Finding> = report.faults.iter().map(|fault| finding(report, fault)).collect();
    let has = |findings: &[Finding], check| findings.iter().any(|finding| finding.check == check);
    if let Some(surface) = &report.surface
        && !findings.iter().any(|finding| finding.check == "screen" && finding.verdict == Verdict::Problem)
    {
        findings.push(Finding::ok("screen", surface));
    }
    for (check, what) in
        [("fonts", "there are some"), ("keyboard", "its layouts are there"), ("touch", "udev knows its devices")]
    {
        // In a window keyboard and touch are the desktop's.
        let matters = check == "fonts" || !report.is_window();
        if matters && !has(&findings, check) {
            findings.push(Finding::ok(check, what));
        }
    }
    findings
}

fn finding(report: &Report, fault: &Fault) -> Finding {
    let check = match fault {
        Fault::NoFontSettings(_) | Fault::NoFont(_) | Fault::FontClosed(_) | Fault::FontDamaged(_) => "fonts",
        Fault::NoKeyboards(_) => "keyboard",
        Fault::NoInput(_) | Fault::NoUdev(_) | Fault::InputClosed(_) => "touch",
        Fault::NoDesktop
        | Fault::DesktopGone(_)
        | Fault::NoScreen
        | Fault::NoFramebuffer
        | Fault::NothingConnected(_)
        | Fault::OtherOutput { .. }
        | Fault::Depth { .. }
        | Fault::ScreenClosed(_) => "screen",
    };
    let Trouble { what, remedy } = trouble(fault);
    // A panel that nobody can touch answers no door; a screen that was passed over for another one matters less.
    if fault.is_fatal() || fault.is_of_touch() || report.surface.is_none() {
        Finding::problem(check, what, remedy)
    } else {
        Finding::warning(check, what, remedy)
    }
}

/// Whether the clock can be right: never before the program was `built`, and kept by NTP.
pub(super) fn clock(now: SystemTime, built: Option<SystemTime>, is_kept: Option<bool>) -> Finding {
    let says = format!("{} (UTC)", moment_text(now));
    let install = "install systemd-timesyncd, and run timedatectl set-ntp true";
    if let Some(built) = built.filter(|built| now < *built) {
        let what = format!("{says}, and this program is of {}", moment_text(built));
        return Finding::problem("clock", what, format!("set the clock: {install}"));
    }
    match is_kept {
        Some(true) => Finding::ok("clock", format!("{says}, kept by NTP")),
        Some(false) => Finding::warning("clock", format!("{says}, and nobody keeps it right"), install),
        None => Finding::warning("clock", format!("{says}, and the system does not say who keeps it right"), install),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::FileFault;
    use crate::ui::kms::Surface;

    fn verdicts(surface: Option<Surface>, faults: Vec<Fault>) -> Vec<(&'static str, Verdict)> {
        findings(&Report { surface, faults }).iter().map(|finding| (finding.check, finding.verdict)).collect()
    }

    fn framebuffer() -> Option<Surface> {
        Some(Surface::Framebuffer { device: "/dev/fb0".into() })
    }

    #[test]
    fn a_good_machine_is_said_to_be_one_part_by_part() {
        let (ok, parts) = (Verdict::Ok, verdicts(framebuffer(), Vec::new()));
        assert_eq!(parts, [("screen", ok), ("fonts", ok), ("keyboard", ok), ("touch", ok)]);
        assert_eq!(verdicts(Some(Surface::Window), Vec::new()), [("screen", ok), ("fonts", ok)]);
    }

    #[test]
    fn what_stops_a_panel_is_a_problem_and_what_is_passed_over_a_warning() {
        let closed = |path: &str| FileFault::NotAllowed.of(path);
        for (surface, fault, check, verdict) in [
            (None, Fault::NoScreen, "screen", Verdict::Problem),
            (None, Fault::NoFramebuffer, "screen", Verdict::Problem),
            (None, Fault::NothingConnected("/dev/dri/card0".into()), "screen", Verdict::Problem),
            (framebuffer(), Fault::NothingConnected("/dev/dri/card0".into()), "screen", Verdict::Warning),
            (None, Fault::Depth { device: "/dev/fb0".into(), bits: 24 }, "screen", Verdict::Problem),
            (framebuffer(), Fault::Depth { device: "/dev/fb1".into(), bits: 24 }, "screen", Verdict::Warning),
            (None, Fault::ScreenClosed(closed("/dev/fb0")), "screen", Verdict::Problem),
            (
                framebuffer(),
                Fault::OtherOutput { wanted: "DP-1".into(), taken: "DP-2".into() },
                "screen",
                Verdict::Warning,
            ),
            (framebuffer(), Fault::NoFont("/f".into()), "fonts", Verdict::Problem),
            (framebuffer(), Fault::NoFontSettings("/f".into()), "fonts", Verdict::Problem),
            (framebuffer(), Fault::FontClosed(closed("/f/a.ttf")), "fonts", Verdict::Problem),
            (framebuffer(), Fault::FontDamaged("/f/a.ttf".into()), "fonts", Verdict::Problem),
            (framebuffer(), Fault::NoKeyboards(closed("/x")), "keyboard", Verdict::Problem),
            (Some(Surface::Window), Fault::NoDesktop, "screen", Verdict::Problem),
            (Some(Surface::Window), Fault::DesktopGone("DISPLAY=:9".into()), "screen", Verdict::Problem),
            (framebuffer(), Fault::NoUdev("/u".into()), "touch", Verdict::Problem),
            (framebuffer(), Fault::NoInput("/i".into()), "touch", Verdict::Problem),
            (framebuffer(), Fault::InputClosed(closed("/dev/input/event0")), "touch", Verdict::Problem),
        ] {
            let said = format!("{fault:?}");
            let all = verdicts(surface, vec![fault]);
            assert_eq!(all[0], (check, verdict), "{said}");
            let again = all.iter().filter(|(of, verdict)| *of == check && *verdict == Verdict::Ok).count();
            assert_eq!(again, usize::from(check == "screen" && verdict == Verdict::Warning), "{said}");
        }
    }

    #[test]
    fn root_is_told_that_its_rights_are_not_those_of_the_panel() {
        assert_eq!(user(Some(0)).verdict, Verdict::Warning);
        assert_eq!(user(Some(999)).verdict, Verdict::Ok);
        assert_eq!(user(None).verdict, Verdict::Warning);
        assert!(own_user().is_some());
    }

    #[test]
    fn a_clock_before_the_program_was_built_is_wrong_and_one_that_nobody_keeps_may_be() {
        let day = Duration::from_secs(86_400);
        let now = SystemTime::UNIX_EPOCH + 20_000 * day;
        let wrong = clock(now, Some(now + day), Some(true));
        assert_eq!(wrong.verdict, Verdict::Problem);
        assert!(wrong.what.contains("2024-10-04T00:00:00Z") && wrong.what.contains("2024-10-05"), "{}", wrong.what);
        assert_eq!(clock(now, Some(now - day), Some(true)).verdict, Verdict::Ok);
        assert_eq!(clock(now, None, Some(true)).verdict, Verdict::Ok);
        let adrift = clock(now, Some(now - day), Some(false));
        assert_eq!(adrift.verdict, Verdict::Warning);
        assert!(adrift.remedy.contains("systemd-timesyncd"), "{}", adrift.remedy);
        assert_eq!(clock(now, None, None).verdict, Verdict::Warning);
    }
}
