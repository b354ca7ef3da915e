//! `vestibule simulate` on a desk: its two windows, worked with a mouse and looked at as a person would, pixel by pixel.
//! Needs the packages xvfb and xdotool.

#[path = "../panel/mod.rs"]
mod real_panel;

mod desktop;
mod picture;

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use desktop::Desktop;
use picture::{Colour, Picture, Place};
use real_panel::{Connection, PATIENCE, free_port, poll, vestibule};
use serde_json::{Value, json};

/// A click that did nothing is repeated after this: for the first moment a ringing screen is deaf.
const AGAIN: Duration = Duration::from_millis(900);
/// How often the screen is looked at.
const LOOK: Duration = Duration::from_millis(30);
/// Packets of 20 ms: one second.
const TALK: u64 = 50;

/// The keys of the dark theme.
const ANSWER: Colour = [0x13, 0x80, 0x3F];
const END: Colour = [0xC9, 0x30, 0x3A];
const UNLOCK: Colour = [0x1F, 0x6F, 0xEB];
/// The door station: its bell, its lamp, a fault that is chosen, and one that is not.
const BELL: Colour = [0x1B, 0x1F, 0x25];
const LAMP_OFF: Colour = [0x5A, 0x60, 0x68];
const LAMP_BUSY: Colour = [0xF5, 0xA5, 0x24];
const LAMP_OPEN: Colour = [0x27, 0xD1, 0x67];
const CHOSEN: Colour = UNLOCK;
const OTHER: Colour = [0x34, 0x3A, 0x42];

/// A key has at least so many pixels of its own colour, the lamp so many.
const KEY: usize = 2000;
const LAMP: usize = 80;
/// A picture of the visitor has at least so many colours, the screens around it have far fewer.
const SEEN: usize = 2000;

/// Both windows.
struct Simulation {
    child: Child,
    folder: tempfile::TempDir,
    panel: Place,
    door: Place,
    // The last to go.
    desktop: Desktop,
}

impl Simulation {
    fn start() -> Self {
        let desktop = Desktop::start();
        let folder = tempfile::tempdir().expect("a temporary directory");
        let at = |name: &str| folder.path().join(name);
        let settings = format!(
            "[phone.direct_ip]\nport = {}\n[audio]\ninput = \"tone\"\noutput = \"wav:{}\"\n\
             [display]\ntheme = \"dark\"\nlanguage = \"en\"\nidle_after = 0\n",
            free_port(),
            at("loudspeaker.wav").display()
        );
        std::fs::write(at("config.toml"), settings).expect("the settings are written");
        let child = vestibule()
            .args(["simulate", "--screen", "window", "--size", "1024x600"])
            .args(["--config".as_ref(), at("config.toml").as_os_str()])
            .args(["--data".as_ref(), at("data").as_os_str()])
            .args(["--socket".as_ref(), at("control.sock").as_os_str()])
            .env("GST_REGISTRY", concat!(env!("CARGO_TARGET_TMPDIR"), "/gstreamer-registry.bin"))
            .env("TMPDIR", folder.path())
            .env("XDG_RUNTIME_DIR", folder.path())
            .env("DISPLAY", desktop.display())
            // Pixels are pixels, and the door's window is found by its English name.
            .env("WINIT_X11_SCALE_FACTOR", "1")
            .env("LC_ALL", "C.UTF-8")
            .env_remove("WAYLAND_DISPLAY")
            .stdin(Stdio::null())
            .spawn()
            .expect("the program starts");
        // Held from here on, so that a panic ends it too.
        let nowhere = Place { x: 0, y: 0, width: 0, height: 0 };
        let mut simulation = Self { child, folder, panel: nowhere, door: nowhere, desktop };
        simulation.panel = simulation.desktop.find("Vestibule");
        simulation.door = simulation.desktop.find("Door station");
        let Simulation { panel, door, .. } = &simulation;
        assert_eq!((panel.x, panel.y, panel.width, panel.height), (0, 0, 1024, 600));
        assert!(
            door.x >= panel.width && door.y == 0 && door.x + door.width <= 1600,
            "beside it, and seen whole: {door:?}"
        );
        simulation.wait("both windows are drawn and it is known which pictures can be", |status, picture| {
            let home = status["screen"] == "home" && status["shows"].is_array();
            home && picture.areas(simulation.panel, ANSWER, KEY).len() == 1 && simulation.bell(picture).is_some()
        });
        simulation
    }

    /// What the panel says; null while it says nothing.
    fn status(&self) -> Value {
        let connection = Connection::to(&self.folder.path().join("control.sock"));
        connection.map_or(Value::Null, |mut it| it.ask(&json!({"do": "status"}))["result"].take())
    }

    /// Waits until what the panel says and what the screen shows are as they should be.
    fn wait(&self, what: &str, is_so: impl Fn(&Value, &Picture) -> bool) -> Value {
        self.click_until(what, |_| None, is_so)
    }

    /// Clicks in the middle of what `key` finds until something comes of it.
    fn click_until(
        &self,
        what: &str,
        key: impl Fn(&Picture) -> Option<Place>,
        done: impl Fn(&Value, &Picture) -> bool,
    ) -> Value {
        let begun = Instant::now();
        let mut clicked: Option<Instant> = None;
        loop {
            let (status, picture) = (self.status(), self.desktop.picture());
            if done(&status, &picture) {
                return status;
            }
            assert!(begun.elapsed() < PATIENCE, "it never came true that {what}; the status is {status:#}");
            if clicked.is_none_or(|at| at.elapsed() > AGAIN)
                && let Some(place) = key(&picture)
            {
                self.desktop.click(place.middle());
                clicked = Some(Instant::now());
            }
            std::thread::sleep(LOOK);
        }
    }

    /// The panel's one key of this colour.
    fn key(&self, picture: &Picture, colour: Colour) -> Option<Place> {
        let keys = picture.areas(self.panel, colour, KEY);
        if let [key] = keys[..] { Some(key) } else { None }
    }

    /// The button of the bell: the one dark thing on the door station that is as wide as high.
    fn bell(&self, picture: &Picture) -> Option<Place> {
        let dark = picture.areas(self.door, BELL, KEY);
        dark.into_iter().find(|area| area.width.abs_diff(area.height) < 4 && area.width > 80)
    }

    /// The lamp of the door station has this colour: a small round spot of it.
    fn lamp(&self, picture: &Picture, colour: Colour) -> bool {
        let spots = picture.areas(self.door, colour, LAMP);
        spots.iter().any(|spot| spot.width.abs_diff(spot.height) < 3 && spot.width < 24)
    }

    /// Chooses a fault: the keys stand in two rows, counted from the top left. Nothing but that key changes its colour.
    fn choose(&self, fault: usize) {
        let keys = |picture: &Picture| {
            let mut keys = picture.areas(self.door, OTHER, KEY);
            // In a call the key that hangs up has another colour, and the bell keeps its own.
            keys.extend(picture.areas(self.door, CHOSEN, KEY));
            keys.sort_by_key(|key| (key.y, key.x));
            (keys.len() == FAULTS).then(|| keys[fault])
        };
        let chosen = |picture: &Picture| {
            let (all, place) = (picture.areas(self.door, CHOSEN, KEY), keys(picture));
            all.len() == 1 && all.first().copied() == place
        };
        self.click_until(&format!("fault {fault} is chosen"), keys, |_, picture| chosen(picture));
    }

    /// Rings the bell with the mouse; the door's lamp and the panel's keys show it.
    fn ring(&self) -> Value {
        self.click_until(
            "the bell rings",
            |picture| self.bell(picture).filter(|_| self.lamp(picture, LAMP_OFF)),
            |status, picture| {
                let keys = [END, UNLOCK, ANSWER].map(|colour| self.key(picture, colour));
                let in_a_row = keys.iter().flatten().is_sorted_by_key(|key| key.x) && !keys.contains(&None);
                status["screen"] == "ringing" && in_a_row && self.lamp(picture, LAMP_BUSY)
            },
        )
    }

    /// Answers with the mouse.
    fn answer(&self) -> Value {
        self.click_until(
            "the call is answered",
            |picture| self.key(picture, ANSWER),
            |status, picture| {
                let confirmed = status["screen"] == "in_call" && status["calls"][0]["state"] == "confirmed";
                confirmed && self.key(picture, ANSWER).is_none() && self.key(picture, END).is_some()
            },
        )
    }

    /// Waits until both windows are as they were before the bell.
    fn wait_for_home(&self) {
        self.wait("the call is over on both sides", |status, picture| {
            let over = status["screen"] == "home" && !picture.areas(self.panel, ANSWER, KEY).is_empty();
            over && self.key(picture, END).is_none() && self.lamp(picture, LAMP_OFF)
        });
    }
}

impl Drop for Simulation {
    fn drop(&mut self) {
        desktop::leave(&mut self.child);
    }
}

/// Kinds of faults, none among them; how they stand in the window.
const FAULTS: usize = 5;
const NO_VIDEO: usize = 2;
const HANGS_UP: usize = 4;

/// Whether a recording has a sample that can be heard.
fn can_be_heard(file: &std::path::Path) -> bool {
    let Ok(reader) = hound::WavReader::open(file) else { return false };
    match reader.spec().sample_format {
        hound::SampleFormat::Float => reader.into_samples::<f32>().flatten().any(|sample| sample.abs() > 0.05),
        hound::SampleFormat::Int => reader.into_samples::<i16>().flatten().any(|sample| sample.unsigned_abs() > 1600),
    }
}

#[test]
fn a_whole_visit_is_worked_by_mouse_in_both_windows() {
    let simulation = Simulation::start();
    simulation.ring();
    simulation.wait("the visitor is seen while it rings", |status, picture| {
        let frames = status["calls"][0]["video"]["frames"].as_u64();
        status["screen"] == "ringing" && frames > Some(0) && picture.colours(simulation.panel) > SEEN
    });

    let before = simulation.answer();
    simulation.wait("they talk", |status, _| {
        ["packets_in", "packets_out"].iter().all(|which| {
            let count = |status: &Value| status["calls"][0]["audio"][which].as_u64().unwrap_or(0);
            count(status) >= count(&before) + TALK
        })
    });

    assert!(!simulation.lamp(&simulation.desktop.picture(), LAMP_OPEN), "the door is still closed");
    simulation.click_until(
        "the door stands open",
        |picture| simulation.key(picture, UNLOCK),
        |status, picture| status["calls"][0]["unlock"] == "opened" && simulation.lamp(picture, LAMP_OPEN),
    );

    simulation.click_until(
        "the panel has ended the call",
        |picture| simulation.key(picture, END),
        |status, _| status["screen"] == "home",
    );
    simulation.wait_for_home();
    let heard = poll(|| can_be_heard(&simulation.folder.path().join("loudspeaker.wav")).then_some(()));
    assert!(heard.is_some(), "the visitor was not heard");
}

#[test]
fn faults_are_chosen_by_mouse_and_played() {
    let simulation = Simulation::start();
    simulation.choose(NO_VIDEO);
    let status = simulation.ring();
    assert!(status["calls"][0]["video"].is_null(), "a door without a picture: {status:#}");
    // Its own key gives up, while it still rings.
    simulation.click_until(
        "the visitor has given up",
        |picture| picture.areas(simulation.door, END, KEY).first().copied(),
        |status, _| status["screen"] == "home",
    );
    simulation.wait_for_home();

    simulation.choose(HANGS_UP);
    simulation.ring();
    simulation.answer();
    // Nobody touches anything: the fault itself ends the call.
    simulation.wait_for_home();
}
