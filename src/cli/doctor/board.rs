//! Back-light, light sensor, relay and door contact.

use super::super::screen::opening;
use super::Finding;
use crate::channel::{BoardDevice, BoardTrouble};
use crate::config::FileFault;
use crate::worker::board::{Look, Seen};

/// What was seen of a device.
pub(super) fn device(Look { device, seen }: &Look, panel_runs: bool) -> Finding {
    let setting = device.setting();
    let check = match device {
        BoardDevice::Backlight => "back-light",
        BoardDevice::LightSensor => "light sensor",
        BoardDevice::Relay => "relay",
        BoardDevice::DoorContact => "door contact",
    };
    let trouble = match seen {
        Ok(Seen::Works(what)) => return Finding::ok(check, what),
        Ok(Seen::Ours(what)) if panel_runs => {
            return Finding::ok(check, format!("{what}, which the panel that runs has"));
        }
        Ok(Seen::Ours(what)) => {
            let what = format!("{what}, which another panel has");
            return Finding::problem(check, what, format!("end it, or change the setting {setting}"));
        }
        Ok(Seen::Absent(what)) => return Finding::ok(check, what),
        Err(trouble) => trouble,
    };
    let remedy = match (device, trouble) {
        (BoardDevice::Backlight, BoardTrouble::File(error)) if error.fault == FileFault::NotAllowed => {
            "let the panel's user write it: the rule for udev in the Debian package gives it to the group video"
                .to_owned()
        }
        (BoardDevice::Relay | BoardDevice::DoorContact, BoardTrouble::File(error))
            if error.fault == FileFault::NotAllowed =>
        {
            "let the panel's user open it: the rule for udev in the Debian package gives it to the group vestibule"
                .to_owned()
        }
        (_, BoardTrouble::File(error)) if error.fault != FileFault::Missing => opening(&error.fault, "video"),
        _ => format!("load its driver, or change the setting {setting}"),
    };
    Finding::problem(check, trouble, remedy)
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    fn of(device: BoardDevice, seen: Result<Seen, BoardTrouble>) -> Finding {
        super::device(&Look { device, seen }, false)
    }

    #[test]
    fn what_works_or_is_not_wanted_is_fine() {
        let relay = of(BoardDevice::Relay, Ok(Seen::Works("/dev/gpiochip0, line 4".into())));
        assert_eq!(relay, Finding::ok("relay", "/dev/gpiochip0, line 4"));
        assert_eq!(of(BoardDevice::Backlight, Ok(Seen::Absent("none".into()))).verdict, Verdict::Ok);
    }

    #[test]
    fn a_line_that_a_panel_has_is_fine_where_that_panel_runs() {
        let look = Look { device: BoardDevice::DoorContact, seen: Ok(Seen::Ours("/dev/gpiochip0, line 4".into())) };
        assert_eq!(device(&look, true).verdict, Verdict::Ok);
        assert_eq!(device(&look, false).verdict, Verdict::Problem);
    }

    #[test]
    fn what_does_not_work_says_what_to_change() {
        let file = |fault: FileFault| BoardTrouble::File(fault.of("/dev/gpiochip9"));
        for (device, trouble, remedy) in [
            (BoardDevice::Relay, file(FileFault::Missing), "change the setting board.relay.chip"),
            (BoardDevice::DoorContact, file(FileFault::NotAllowed), "group vestibule"),
            (BoardDevice::Relay, file(FileFault::Busy), "end the program"),
            (BoardDevice::Relay, BoardTrouble::NoChip("/dev/null".into()), "board.relay.chip"),
            (
                BoardDevice::DoorContact,
                BoardTrouble::NoLine { chip: "/dev/gpiochip0".into(), line: 90, lines: 8 },
                "board.door_contact.chip",
            ),
            (BoardDevice::Backlight, file(FileFault::NotAllowed), "group video"),
            (BoardDevice::LightSensor, file(FileFault::Missing), "display.auto_brightness"),
        ] {
            let finding = of(device, Err(trouble.clone()));
            assert_eq!(finding.verdict, Verdict::Problem);
            assert!(finding.what == trouble.to_string() && finding.remedy.contains(remedy), "{finding:?}");
        }
    }
}
