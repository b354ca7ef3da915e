//! The hardware of a panel beside sound, camera and screen: back-light, light sensor, relay and door contact.
//!
//! ```text
//!  how bright     ─▶ ┌───────┐ ─▶ backlight     /sys/class/backlight, or FBIOBLANK
//!  open the door  ─▶ │ Board │ ─▶ lines         a GPIO line for the relay, off again when its time is over
//!  settings       ─▶ │       │ ◀─ light_sensor  /sys/bus/iio, looked at by a thread
//!  Report         ◀─ └───────┘ ◀─ lines         a GPIO line for the door contact, waited for by a thread
//! ```
//! Each is a small trait, with a fake beside it. What is missing is told in words that name the setting and the file, and stops
//! nothing else.

mod backlight;
mod light_sensor;
mod lines;
#[cfg(test)]
mod testing;
mod watch;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;

use self::backlight::Backlight;
use self::lines::{Lines, Output, Place};
use self::watch::{Wanted, Watch};
use crate::channel::{BoardDevice, BoardTrouble};
use crate::config::Config;

/// Where the kernel shows its devices.
const SYS: &str = "/sys";
const FRAMEBUFFER: &str = "/dev/fb0";

/// How often the light sensor is asked.
const MEASURED: Duration = Duration::from_secs(2);
/// How soon a thread that waits for the door contact sees that it is no longer wanted.
const GLANCE: Duration = Duration::from_millis(500);
/// What does not work is tried again after this long.
const AGAIN: Duration = Duration::from_secs(5);

/// What the hardware reports.
#[derive(Clone, Debug, PartialEq)]
pub enum Report {
    /// So much light falls on the panel, in lux; `None` when that is not known any longer.
    Ambient(Option<f32>),
    /// The door contact says that the door is open, or not; `None` when there is none that works.
    Door(Option<bool>),
    /// What is wrong with a device, or that nothing is any longer.
    Trouble(BoardDevice, Option<BoardTrouble>),
}

/// What of the settings the board was set up by.
#[derive(Clone, Debug, Default, PartialEq)]
struct Wishes {
    ambient: bool,
    relay: Option<Place>,
    contact: Option<Place>,
}

impl Wishes {
    fn of(config: &Config, own_screen: bool) -> Self {
        let place = |chip: &String, line, active_low| {
            (!chip.is_empty()).then(|| Place { chip: chip.clone(), line, active_low })
        };
        Self {
            ambient: config.auto_brightness && own_screen,
            relay: place(&config.relay_chip, config.relay_line, config.relay_active_low),
            contact: place(&config.door_contact_chip, config.door_contact_line, config.door_contact_active_low),
        }
    }
}

/// What is seen of a device without using it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// The device.
    pub device: BoardDevice,
    /// What there is of it.
    pub seen: Result<Seen, BoardTrouble>,
}

/// What there is of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It can be used: which one it is, or what it says.
    Works(String),
    /// A panel has it already: which one it is.
    Ours(String),
    /// There is none, and a panel does without: in what way.
    Absent(String),
}

/// Looks at what a panel with these settings would use of this machine, and changes nothing.
pub fn look(config: &Config, own_screen: bool) -> Vec<Look> {
    look_in(Path::new(SYS), &Wishes::of(config, own_screen), own_screen)
}

fn look_in(sys: &Path, wishes: &Wishes, own_screen: bool) -> Vec<Look> {
    let mut looks = Vec::new();
    if own_screen {
        let seen = match backlight::look(sys) {
            None => Ok(Seen::Absent("there is none: the screen is not dimmed".to_owned())),
            Some(Ok(folder)) => Ok(Seen::Works(folder.display().to_string())),
            Some(Err(error)) => Err(error.into()),
        };
        looks.push(Look { device: BoardDevice::Backlight, seen });
    }
    if wishes.ambient {
        let lux = light_sensor::find(sys).and_then(|mut sensor| sensor.lux());
        let seen = lux.map(|lux| Seen::Works(format!("{lux:.0} lux"))).map_err(BoardTrouble::from);
        looks.push(Look { device: BoardDevice::LightSensor, seen });
    }
    for (device, place) in [(BoardDevice::Relay, &wishes.relay), (BoardDevice::DoorContact, &wishes.contact)] {
        let Some(place) = place else { continue };
        let name = format!("{}, line {}", place.chip, place.line);
        let seen = lines::look(place).map(|is_ours| if is_ours { Seen::Ours(name) } else { Seen::Works(name) });
        looks.push(Look { device, seen });
    }
    looks
}

/// All of it.
pub struct Board {
    sys: PathBuf,
    /// Without a screen of its own the panel dims nobody's desk.
    own_screen: bool,
    backlight: Option<Box<dyn Backlight>>,
    /// What was wrong with it the last time.
    backlight_trouble: Option<BoardTrouble>,
    /// How bright it was made last, and before it went dark.
    level: Option<u8>,
    lit: u8,
    lines: Lines,
    wishes: Wishes,
    relay: Option<Box<dyn Output>>,
    /// When the relay goes off again.
    relay_until: Option<Instant>,
    sensor: Option<Watch>,
    contact: Option<Watch>,
    reports: UnboundedSender<Report>,
}

impl Board {
    /// The hardware of this machine; nothing is touched but the back-light of the panel's own screen.
    pub fn new(own_screen: bool, reports: UnboundedSender<Report>) -> Self {
        Self::in_tree(Path::new(SYS), Path::new(FRAMEBUFFER), own_screen, reports)
    }

    fn in_tree(sys: &Path, framebuffer: &Path, own_screen: bool, reports: UnboundedSender<Report>) -> Self {
        let backlight = if own_screen { backlight::find(sys, framebuffer) } else { None };
        Self {
            sys: sys.to_owned(),
            own_screen,
            backlight,
            backlight_trouble: None,
            level: None,
            lit: 100,
            lines: Lines::default(),
            wishes: Wishes::default(),
            relay: None,
            relay_until: None,
            sensor: None,
            contact: None,
            reports,
        }
    }

    /// Sets it up as these settings wish, as far as that has changed.
    pub fn configure(&mut self, config: &Config) {
        let wishes = Wishes::of(config, self.own_screen);
        let before = std::mem::replace(&mut self.wishes, wishes.clone());
        if before.relay != wishes.relay {
            self.release_relay();
            let trouble = self.take_relay().err();
            self.report(Report::Trouble(BoardDevice::Relay, trouble));
        }
        if before.ambient != wishes.ambient {
            let (sys, reports) = (self.sys.clone(), self.reports.clone());
            let last = self.sensor.take();
            let on = wishes.ambient;
            self.sensor = Watch::start("light sensor", last, move |wanted| measure(&sys, on, wanted, &reports));
        }
        if before.contact != wishes.contact {
            let (lines, reports) = (self.lines.clone(), self.reports.clone());
            let (last, place) = (self.contact.take(), wishes.contact);
            let work = move |wanted: &Wanted| see_door(place.as_ref(), &lines, wanted, &reports);
            self.contact = Watch::start("door contact", last, work);
        }
    }

    /// So bright from now on, in percent; 0 is dark.
    pub fn light(&mut self, percent: u8) {
        if self.level.replace(percent) == Some(percent) {
            return;
        }
        if percent > 0 {
            self.lit = percent;
        }
        if let Some(backlight) = &mut self.backlight {
            let trouble = backlight.set(percent).err().map(BoardTrouble::File);
            if self.backlight_trouble != trouble {
                self.backlight_trouble.clone_from(&trouble);
                self.report(Report::Trouble(BoardDevice::Backlight, trouble));
            }
        }
    }

    /// Switches the relay on for so long; false where there is none or it does not work, which is reported.
    pub fn pulse(&mut self, now: Instant, time: Duration) -> bool {
        let switched = self.take_relay().and_then(|()| match &mut self.relay {
            Some(relay) => relay.set(true).map(|()| true),
            None => Ok(false),
        });
        match &switched {
            Ok(true) => self.relay_until = Some(now + time),
            // Taken anew at the next try: a chip that was pulled comes back as another.
            Ok(false) | Err(_) => self.relay = None,
        }
        self.report(Report::Trouble(BoardDevice::Relay, switched.as_ref().err().cloned()));
        switched == Ok(true)
    }

    /// When the relay goes off.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.relay_until
    }

    /// Switches the relay off, if that is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.relay_until.is_some_and(|until| until <= now) {
            self.switch_relay_off();
        }
    }

    fn switch_relay_off(&mut self) {
        self.relay_until = None;
        if let Some(Err(trouble)) = self.relay.as_mut().map(|relay| relay.set(false)) {
            tracing::error!("the relay cannot be switched off: {trouble}");
            // The kernel takes the line back.
            self.relay = None;
            self.report(Report::Trouble(BoardDevice::Relay, Some(trouble)));
        }
    }

    fn release_relay(&mut self) {
        if self.relay_until.is_some() {
            self.switch_relay_off();
        }
        self.relay = None;
    }

    /// Has the line of the relay, if one is set.
    fn take_relay(&mut self) -> Result<(), BoardTrouble> {
        if self.relay.is_none()
            && let Some(place) = &self.wishes.relay
        {
            self.relay = Some(self.lines.output(place)?);
        }
        Ok(())
    }

    fn report(&self, report: Report) {
        // The loop may have left already.
        let _ = self.reports.send(report);
    }
}

impl Drop for Board {
    /// Nobody is left who would wake the screen or switch the relay off.
    fn drop(&mut self) {
        self.release_relay();
        if self.level == Some(0) {
            self.light(self.lit);
        }
    }
}

/// Asks the light sensor again and again.
fn measure(sys: &Path, on: bool, wanted: &Wanted, reports: &UnboundedSender<Report>) {
    let mut told = None;
    let mut tell = |measured: Result<f32, BoardTrouble>| {
        let _ = reports.send(Report::Ambient(measured.as_ref().ok().copied()));
        let trouble = measured.err();
        if told.as_ref() != Some(&trouble) {
            let _ = reports.send(Report::Trouble(BoardDevice::LightSensor, trouble.clone()));
            told = Some(trouble);
        }
    };
    if !on {
        let _ = reports.send(Report::Ambient(None));
        let _ = reports.send(Report::Trouble(BoardDevice::LightSensor, None));
        return;
    }
    loop {
        let measured = light_sensor::find(sys).and_then(|mut sensor| {
            // As long as it works.
            loop {
                tell(Ok(sensor.lux()?));
                if !wanted.after(MEASURED) {
                    return Ok(());
                }
            }
        });
        match measured {
            Ok(()) => return,
            Err(error) => tell(Err(BoardTrouble::File(error))),
        }
        if !wanted.after(AGAIN) {
            return;
        }
    }
}

/// Waits for the door to open and close, again and again.
fn see_door(place: Option<&Place>, lines: &Lines, wanted: &Wanted, reports: &UnboundedSender<Report>) {
    let mut told: Option<Result<bool, BoardTrouble>> = None;
    let mut tell = |seen: Result<bool, BoardTrouble>| {
        if told.as_ref() != Some(&seen) {
            let _ = reports.send(Report::Door(seen.as_ref().ok().copied()));
            let _ = reports.send(Report::Trouble(BoardDevice::DoorContact, seen.as_ref().err().cloned()));
            told = Some(seen);
        }
    };
    while let Some(place) = place {
        let seen = lines.input(place).and_then(|contact| {
            while wanted.is_so() {
                tell(Ok(contact.is_active()?));
                contact.wait(GLANCE)?;
            }
            Ok(())
        });
        match seen {
            Ok(()) => return,
            Err(trouble) => tell(Err(trouble)),
        }
        if !wanted.after(AGAIN) {
            return;
        }
    }
    let _ = reports.send(Report::Door(None));
    let _ = reports.send(Report::Trouble(BoardDevice::DoorContact, None));
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

    use super::testing::Tree;
    use super::*;
    use crate::config::FileFault;

    fn board(tree: &Tree, own_screen: bool) -> (Board, UnboundedReceiver<Report>) {
        let (reports, heard) = unbounded_channel();
        (Board::in_tree(tree.root(), Path::new("/nonexistent"), own_screen, reports), heard)
    }

    fn with(changes: &[(&str, &str)]) -> Config {
        changes.iter().fold(Config::default(), |config, (key, value)| config.set(key, value).expect(key))
    }

    fn lit(tree: &Tree) -> String {
        tree.get("class/backlight/panel/brightness")
    }

    fn with_backlight() -> Tree {
        let tree = Tree::new();
        tree.put("class/backlight/panel/max_brightness", "200");
        tree.put("class/backlight/panel/brightness", "120");
        tree
    }

    /// Waits until something is reported that fits.
    fn wait(heard: &mut UnboundedReceiver<Report>, fits: impl Fn(&Report) -> bool) -> Report {
        loop {
            let report = heard.blocking_recv().expect("the board is there");
            if fits(&report) {
                return report;
            }
        }
    }

    #[test]
    fn a_screen_that_sleeps_is_lit_again_when_the_program_leaves() {
        let tree = with_backlight();
        let (mut board, _heard) = board(&tree, true);
        board.light(40);
        assert_eq!(lit(&tree), "80");
        board.light(0);
        assert_eq!(lit(&tree), "0");
        drop(board);
        assert_eq!(lit(&tree), "80");
    }

    #[test]
    fn nobodys_desk_is_dimmed() {
        let tree = with_backlight();
        let (mut board, _heard) = board(&tree, false);
        board.light(40);
        board.light(0);
        drop(board);
        assert_eq!(lit(&tree), "120");
    }

    #[test]
    fn a_back_light_that_cannot_be_written_is_reported_and_again_when_it_works() {
        let tree = with_backlight();
        let (mut board, mut heard) = board(&tree, true);
        let file = tree.root().join("class/backlight/panel/brightness");
        std::fs::remove_file(&file).expect("it was there");
        board.light(40);
        let trouble = BoardTrouble::File(FileFault::Missing.of(&file));
        assert_eq!(heard.try_recv(), Ok(Report::Trouble(BoardDevice::Backlight, Some(trouble))));
        board.light(45);
        assert!(heard.try_recv().is_err(), "said once");
        tree.put("class/backlight/panel/brightness", "1");
        board.light(50);
        assert_eq!(heard.try_recv(), Ok(Report::Trouble(BoardDevice::Backlight, None)));
        assert_eq!(lit(&tree), "100");
    }

    #[test]
    fn the_light_sensor_is_asked_while_that_is_wanted() {
        let tree = Tree::new();
        tree.put("bus/iio/devices/iio:device0/in_illuminance_input", "250");
        let (mut board, mut heard) = board(&tree, true);
        board.configure(&with(&[("display.auto_brightness", "on")]));
        assert_eq!(wait(&mut heard, |_| true), Report::Ambient(Some(250.0)));
        assert_eq!(wait(&mut heard, |_| true), Report::Trouble(BoardDevice::LightSensor, None));
        board.configure(&Config::default());
        wait(&mut heard, |report| *report == Report::Ambient(None));
        let missing = Tree::new();
        let (mut board, mut heard) = self::board(&missing, true);
        board.configure(&with(&[("display.auto_brightness", "on")]));
        let trouble = BoardTrouble::File(FileFault::Missing.of(missing.root().join("bus/iio/devices")));
        assert_eq!(wait(&mut heard, |report| matches!(report, Report::Trouble(..))), {
            Report::Trouble(BoardDevice::LightSensor, Some(trouble))
        });
    }

    #[test]
    fn the_relay_opens_for_its_time_and_the_contact_tells() {
        let tree = Tree::new();
        let (mut board, mut heard) = board(&tree, true);
        let now = Instant::now();
        let time = Duration::from_secs(3);
        assert!(!board.pulse(now, time), "none is set");
        board.configure(&with(&[("board.relay.chip", "test"), ("board.door_contact.chip", "test")]));
        wait(&mut heard, |report| *report == Report::Door(Some(false)));
        assert!(board.pulse(now, time));
        wait(&mut heard, |report| *report == Report::Door(Some(true)));
        board.handle_timeout(now + time / 2);
        assert_eq!(board.poll_timeout(), Some(now + time), "not yet");
        assert!(board.pulse(now + time / 2, time), "and longer");
        board.handle_timeout(now + time);
        board.handle_timeout(now + time / 2 + time);
        wait(&mut heard, |report| *report == Report::Door(Some(false)));
        assert_eq!(board.poll_timeout(), None);
        assert!(board.pulse(now, time));
        wait(&mut heard, |report| *report == Report::Door(Some(true)));
        board.configure(&with(&[("board.door_contact.chip", "test")]));
        wait(&mut heard, |report| *report == Report::Door(Some(false)));
        board.configure(&Config::default());
        wait(&mut heard, |report| *report == Report::Door(None));
    }

    #[test]
    fn a_chip_that_is_missing_is_reported_and_stops_nothing() {
        let (mut board, mut heard) = board(&Tree::new(), true);
        let chip = "/dev/gpiochip-of-nobody";
        board.configure(&with(&[("board.relay.chip", chip), ("board.door_contact.chip", chip)]));
        let trouble = Some(BoardTrouble::File(FileFault::Missing.of(chip)));
        for device in [BoardDevice::Relay, BoardDevice::DoorContact] {
            let is_it = |report: &Report| matches!(report, Report::Trouble(of, _) if *of == device);
            assert_eq!(wait(&mut heard, is_it), Report::Trouble(device, trouble.clone()));
        }
        assert!(!board.pulse(Instant::now(), Duration::from_secs(1)));
        assert_eq!(board.poll_timeout(), None);
    }
}
