//! Lines that a relay is switched by and a door contact is seen by: GPIO lines, through the character device of the kernel.
//!
//! `test` in the place of a chip is a door in memory, to try everything without a wire: its contact is open for as long as its
//! relay is on.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use gpiocdev::line::{Bias, EdgeDetection, Value};
use gpiocdev::request::Builder;
use gpiocdev::{Chip, Request};

use crate::channel::BoardTrouble;
use crate::config::FileFault;

/// What is written beside the line in the lists of the kernel.
const CONSUMER: &str = "vestibule";

/// A contact that bounces has come to rest after this long.
const DEBOUNCE: Duration = Duration::from_millis(30);

/// Where a line is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// `/dev/gpiochip0`, or `test`.
    pub chip: String,
    /// Which of its lines, from 0.
    pub line: u32,
    /// It means the opposite: low is on, or open.
    pub active_low: bool,
}

/// A line that is switched.
pub trait Output: Send {
    /// On or off from now on.
    ///
    /// # Errors
    /// What is wrong with the line.
    fn set(&mut self, on: bool) -> Result<(), BoardTrouble>;
}

/// A line that is looked at.
pub trait Input: Send {
    /// Whether it is active.
    ///
    /// # Errors
    /// What is wrong with the line.
    fn is_active(&self) -> Result<bool, BoardTrouble>;

    /// Waits until that may have changed, at most for `longest`.
    ///
    /// # Errors
    /// What is wrong with the line.
    fn wait(&self, longest: Duration) -> Result<(), BoardTrouble>;
}

/// The lines of this machine.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    test: TestDoor,
}

impl Lines {
    /// Takes a line to switch it; it is off.
    ///
    /// # Errors
    /// What is wrong with chip or line.
    pub fn output(&self, place: &Place) -> Result<Box<dyn Output>, BoardTrouble> {
        if place.chip == TEST {
            return Ok(Box::new(self.test.clone()));
        }
        let request = || wanted_output(place).request();
        Ok(Box::new(Line { place: place.clone(), request: open(place, request)? }))
    }

    /// Takes a line to look at it.
    ///
    /// # Errors
    /// What is wrong with chip or line.
    pub fn input(&self, place: &Place) -> Result<Box<dyn Input>, BoardTrouble> {
        if place.chip == TEST {
            return Ok(Box::new(self.test.clone()));
        }
        let request = || {
            // A contact without a resistor of its own is held by that of the chip, where it has one.
            wanted_input(place, true).request().or_else(|_| wanted_input(place, false).request())
        };
        Ok(Box::new(Line { place: place.clone(), request: open(place, request)? }))
    }
}

/// In the place of a chip: a door in memory.
pub const TEST: &str = "test";

fn builder(place: &Place) -> Builder {
    let mut builder = Request::builder();
    builder.on_chip(&place.chip).with_consumer(CONSUMER).with_line(place.line);
    if place.active_low {
        builder.as_active_low();
    }
    builder
}

/// What is asked of the kernel for a relay, which is off at first.
fn wanted_output(place: &Place) -> Builder {
    let mut builder = builder(place);
    builder.as_output(Value::Inactive);
    builder
}

/// What is asked of the kernel for a contact; `held` by the resistor of the chip to what means closed.
fn wanted_input(place: &Place, held: bool) -> Builder {
    let mut builder = builder(place);
    builder.as_input().with_edge_detection(EdgeDetection::BothEdges).with_debounce_period(DEBOUNCE);
    if held {
        builder.with_bias(if place.active_low { Bias::PullUp } else { Bias::PullDown });
    }
    builder
}

/// Takes a line of a chip.
fn open(place: &Place, request: impl FnOnce() -> gpiocdev::Result<Request>) -> Result<Request, BoardTrouble> {
    let fault = |fault: FileFault| BoardTrouble::File(fault.of(&place.chip));
    match holder(place)? {
        Some(_) => Err(fault(FileFault::Busy)),
        None => request().map_err(|error| fault(FileFault::System(error.to_string()))),
    }
}

/// Who holds a line of a chip, in the words of that program; `None` if it is free. What can be wrong is found one after the
/// other, so that it can be said in words.
fn holder(place: &Place) -> Result<Option<String>, BoardTrouble> {
    let fault = |fault: FileFault| BoardTrouble::File(fault.of(&place.chip));
    let system = |error: gpiocdev::Error| fault(FileFault::System(error.to_string()));
    OpenOptions::new().read(true).write(true).open(&place.chip).map_err(|error| fault(error.into()))?;
    let chip = Chip::from_path(&place.chip).map_err(|_| BoardTrouble::NoChip(PathBuf::from(&place.chip)))?;
    let lines = chip.info().map_err(system)?.num_lines;
    if place.line >= lines {
        return Err(BoardTrouble::NoLine { chip: PathBuf::from(&place.chip), line: place.line, lines });
    }
    let info = chip.line_info(place.line).map_err(system)?;
    Ok(info.used.then_some(info.consumer))
}

/// Whether a line could be taken, without taking it; true where it is held already, by a panel.
///
/// # Errors
/// What is wrong with chip or line.
pub fn look(place: &Place) -> Result<bool, BoardTrouble> {
    if place.chip == TEST {
        return Ok(false);
    }
    match holder(place)? {
        None => Ok(false),
        Some(consumer) if consumer == CONSUMER => Ok(true),
        Some(_) => Err(BoardTrouble::File(FileFault::Busy.of(&place.chip))),
    }
}

/// A line of a chip.
struct Line {
    place: Place,
    request: Request,
}

impl Line {
    fn trouble(&self, error: &gpiocdev::Error) -> BoardTrouble {
        // A chip on a plug may have been pulled.
        let fault = if Path::new(&self.place.chip).exists() {
            FileFault::System(error.to_string())
        } else {
            FileFault::Missing
        };
        BoardTrouble::File(fault.of(&self.place.chip))
    }
}

impl Output for Line {
    fn set(&mut self, on: bool) -> Result<(), BoardTrouble> {
        self.request.set_value(self.place.line, on.into()).map_err(|error| self.trouble(&error))
    }
}

impl Input for Line {
    fn is_active(&self) -> Result<bool, BoardTrouble> {
        let value = self.request.value(self.place.line).map_err(|error| self.trouble(&error))?;
        Ok(value == Value::Active)
    }

    fn wait(&self, longest: Duration) -> Result<(), BoardTrouble> {
        let changed = self
            .request
            .wait_edge_event(longest)
            .and_then(|changed| if changed { self.request.read_edge_event().map(drop) } else { Ok(()) });
        changed.map_err(|error| self.trouble(&error))
    }
}

/// A door in memory: its contact is open for as long as its relay is on.
#[derive(Clone, Debug, Default)]
struct TestDoor(Arc<(Mutex<bool>, Condvar)>);

impl Output for TestDoor {
    fn set(&mut self, on: bool) -> Result<(), BoardTrouble> {
        let (open, changed) = &*self.0;
        *open.lock().unwrap_or_else(PoisonError::into_inner) = on;
        changed.notify_all();
        Ok(())
    }
}

impl Input for TestDoor {
    fn is_active(&self) -> Result<bool, BoardTrouble> {
        Ok(*self.0.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn wait(&self, longest: Duration) -> Result<(), BoardTrouble> {
        let (open, changed) = &*self.0;
        let open = open.lock().unwrap_or_else(PoisonError::into_inner);
        // Woken for nothing is as good as woken in time: whoever waits looks at it again.
        drop(changed.wait_timeout(open, longest));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use gpiocdev::line::Direction;

    use super::*;

    fn place(chip: impl Into<String>) -> Place {
        Place { chip: chip.into(), line: 3, active_low: false }
    }

    fn trouble(chip: &str) -> BoardTrouble {
        let lines = Lines::default();
        let (output, input) = (lines.output(&place(chip)).err(), lines.input(&place(chip)).err());
        assert_eq!(output, input, "the same of a relay and of a contact");
        assert_eq!(output, look(&place(chip)).err(), "and of a look");
        output.expect("it cannot be used")
    }

    #[test]
    fn a_chip_that_is_not_there_or_is_no_chip_is_named() {
        let missing = "/dev/gpiochip-of-nobody";
        assert_eq!(trouble(missing), BoardTrouble::File(FileFault::Missing.of(missing)));
        let file = tempfile::NamedTempFile::new().expect("a file");
        let path = file.path().to_str().expect("UTF-8");
        assert_eq!(trouble(path), BoardTrouble::NoChip(file.path().to_owned()));
        // A device of another kind is asked by the same call of the kernel, and refuses it.
        assert_eq!(trouble("/dev/null"), BoardTrouble::NoChip("/dev/null".into()));
    }

    /// The simulator of the kernel (gpio-sim) is not there everywhere: what is asked of the kernel can be seen everywhere.
    #[test]
    fn a_line_is_asked_for_as_it_is_set() {
        for active_low in [false, true] {
            let place = Place { chip: "/dev/gpiochip2".to_owned(), line: 17, active_low };
            let asked = |builder: Builder| {
                let config = builder.config();
                assert_eq!((config.chip(), config.lines().as_slice()), (Path::new("/dev/gpiochip2"), &[17][..]));
                config.line_config(17).cloned().expect("it is asked for")
            };
            let relay = asked(wanted_output(&place));
            assert_eq!((relay.direction, relay.value), (Some(Direction::Output), Some(Value::Inactive)));
            let contact = asked(wanted_input(&place, true));
            assert_eq!(contact.direction, Some(Direction::Input));
            assert_eq!(contact.edge_detection, Some(EdgeDetection::BothEdges));
            assert_eq!(contact.bias, Some(if active_low { Bias::PullUp } else { Bias::PullDown }));
            assert_eq!([relay.active_low, contact.active_low], [active_low; 2]);
            assert_eq!(asked(wanted_input(&place, false)).bias, None);
        }
    }

    #[test]
    fn the_door_in_memory_is_open_while_its_relay_is_on() {
        let lines = Lines::default();
        let (mut relay, contact) = match (lines.output(&place(TEST)), lines.input(&place(TEST))) {
            (Ok(relay), Ok(contact)) => (relay, contact),
            _ => panic!("both are there"),
        };
        assert_eq!(look(&place(TEST)), Ok(false));
        assert_eq!(contact.is_active(), Ok(false));
        let waits = std::thread::spawn(move || {
            while contact.is_active() == Ok(false) {
                contact.wait(Duration::from_secs(30)).expect("it works");
            }
            contact
        });
        assert_eq!(relay.set(true), Ok(()));
        let contact = waits.join().expect("it was woken");
        assert_eq!(relay.set(false), Ok(()));
        assert_eq!(contact.is_active(), Ok(false));
    }
}
