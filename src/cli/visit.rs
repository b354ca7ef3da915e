//! One visit, played without a display: the bell, the picture, the answer, the talk, the door, the end, and then a look at
//! every page.
//!
//! The panel is used through its control socket only, as a script of anybody else would; the bell is pressed at the door.

use std::io::{self, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

use super::{Failure, ctl};
use crate::channel::{DoorCommand, DoorPhase, DoorView};

/// Longest time for the panel to be there.
const START_TIME: Duration = Duration::from_secs(30);
/// Longest time for one step of the visit.
const STEP_TIME: Duration = Duration::from_secs(20);
/// How often the panel is looked at.
const LOOK: Duration = Duration::from_millis(15);
/// A screen that has just come is deaf to fingers for 400 ms.
const DEAF: Duration = Duration::from_millis(450);
/// A press that did nothing is repeated after this.
const AGAIN: Duration = Duration::from_millis(1500);
/// Packets of sound that must have come each way: half a second.
const SPEECH: u64 = 25;
/// What is quieter is no speech, in dBFS.
const AUDIBLE: f32 = -60.0;

/// What a visit needs.
pub(super) struct Visit {
    /// Where the panel is spoken to.
    pub(super) socket: PathBuf,
    /// What is done at the door.
    pub(super) commands: UnboundedSender<DoorCommand>,
    /// What happens there.
    pub(super) views: UnboundedReceiver<DoorView>,
    /// Where the pictures go.
    pub(super) folder: PathBuf,
    /// Why the visitor cannot be seen on this machine, if he cannot.
    pub(super) pictures: Result<(), String>,
}

/// A visit that is being played.
pub(super) struct Playing {
    thread: JoinHandle<Result<(), Failure>>,
    panel_left: Arc<AtomicBool>,
}

impl Playing {
    /// The panel has left: what came of the visit.
    pub(super) fn finish(self) -> Result<(), Failure> {
        self.panel_left.store(true, Ordering::Release);
        // A panic has already been printed by its hook.
        self.thread.join().unwrap_or_else(|_| Err(Failure::at_run_time("the visit broke off")))
    }
}

/// Begins in a thread of its own; the panel is told to leave when it is over.
pub(super) fn start(visit: Visit) -> io::Result<Playing> {
    let panel_left = Arc::new(AtomicBool::new(false));
    let gone = panel_left.clone();
    let thread = std::thread::Builder::new().name("visit".to_owned()).spawn(move || {
        let socket = visit.socket.clone();
        let folder = visit.folder.clone();
        let outcome = Player::meet(visit, gone).and_then(|mut player| {
            let outcome = player.play();
            if outcome.is_err() {
                // The failure itself says more than that there is no picture of it.
                let _ = player.shoot("failed");
            }
            // A panel that has left need not be told to.
            let _ = player.panel.ask(&json!({"do": "quit"}));
            outcome
        });
        if outcome.is_err() {
            // The panel may be there although it was not met.
            let _ = Panel::connect(&socket).and_then(|mut panel| panel.ask(&json!({"do": "quit"})));
        }
        say(&format!("Pictures of every screen: {}", folder.display()));
        outcome
    })?;
    Ok(Playing { thread, panel_left })
}

/// The panel, as the control socket shows it.
struct Panel {
    stream: UnixStream,
    reader: BufReader<UnixStream>,
}

impl Panel {
    fn connect(socket: &Path) -> Result<Self, Failure> {
        let stream = ctl::connect(socket)?;
        let reader = BufReader::new(stream.try_clone().map_err(Failure::at_run_time)?);
        Ok(Self { stream, reader })
    }

    fn ask(&mut self, request: &Value) -> Result<Value, Failure> {
        ctl::ask(&self.stream, &mut self.reader, request)
    }
}

/// Plays the visit.
struct Player {
    panel: Panel,
    commands: UnboundedSender<DoorCommand>,
    views: UnboundedReceiver<DoorView>,
    door: DoorView,
    folder: PathBuf,
    pictures: Result<(), String>,
    panel_left: Arc<AtomicBool>,
    began: Instant,
    shots: u32,
}

impl Player {
    /// Waits for the panel to come up.
    fn meet(visit: Visit, panel_left: Arc<AtomicBool>) -> Result<Self, Failure> {
        let Visit { socket, commands, views, folder, pictures } = visit;
        let began = Instant::now();
        let panel = loop {
            match Panel::connect(&socket) {
                Ok(panel) => break panel,
                Err(_) if panel_left.load(Ordering::Acquire) => {
                    return Err(Failure::at_run_time("the panel did not start"));
                }
                Err(_) if began.elapsed() < START_TIME => std::thread::sleep(LOOK),
                Err(failure) => return Err(failure),
            }
        };
        let door = DoorView::default();
        let mut player = Self { panel, commands, views, door, folder, pictures, panel_left, began, shots: 0 };
        player.wait("the panel listens for calls and shows its home screen", START_TIME, |player| {
            let status = player.status()?;
            let error = status["direct_ip"]["error"].as_str();
            if let Some(error) = error {
                return Err(Failure::at_run_time(error));
            }
            let listens = status["direct_ip"]["listening"].as_array().is_some_and(|list| !list.is_empty());
            Ok(listens && status["screen"] == "home")
        })?;
        Ok(player)
    }

    fn play(&mut self) -> Result<(), Failure> {
        self.shoot("home")?;
        self.began = Instant::now();
        self.ring_and_look()?;
        self.answer_and_talk()?;
        self.unlock_and_end()?;
        self.pages()?;
        self.report("The visit is over");
        Ok(())
    }

    fn ring_and_look(&mut self) -> Result<(), Failure> {
        self.report("The bell is pressed");
        self.at_door(DoorCommand::Bell)?;
        self.wait("the panel rings", STEP_TIME, |player| {
            let status = player.status()?;
            if player.door.phase == DoorPhase::Idle && !player.door.note.is_empty() {
                return Err(player.lost(&status));
            }
            Ok(status["screen"] == "ringing")
        })?;
        self.report("The panel rings");
        let rang = Instant::now();
        match self.pictures.clone() {
            Ok(()) => {
                self.wait("the visitor is seen on the ringing screen", STEP_TIME, |player| {
                    let status = player.status()?;
                    if status["screen"] != "ringing" {
                        return Err(player.lost(&status));
                    }
                    Ok(status["calls"][0]["video"]["frames"].as_u64().unwrap_or(0) > 0)
                })?;
                let status = self.status()?;
                let video = &status["calls"][0]["video"];
                let after = video["first_frame_ms"].as_u64().unwrap_or(0);
                let codec = video["codec"].as_str().unwrap_or_default();
                self.report(&format!("The visitor is seen, {after} ms after the first packet of {codec}"));
            }
            Err(why) => self.report(&format!("The visitor is not seen: {why}")),
        }
        std::thread::sleep(DEAF.saturating_sub(rang.elapsed()));
        self.shoot("ringing")
    }

    fn answer_and_talk(&mut self) -> Result<(), Failure> {
        self.press_until("Answer", "the call is answered", |player| {
            let status = player.status()?;
            Ok(status["screen"] == "in_call" && status["calls"][0]["state"] == "confirmed")
        })?;
        self.report("Answer was pressed: both can talk");
        let before = self.status()?["calls"][0]["audio"]["packets_in"].as_u64().unwrap_or(0);
        self.wait("speech is heard both ways", STEP_TIME, |player| {
            let status = player.status()?;
            let came = status["calls"][0]["audio"]["packets_in"].as_u64().unwrap_or(0);
            let loud = player.door.loudness.is_some_and(|loudness| loudness > AUDIBLE);
            Ok(came >= before + SPEECH && player.door.heard >= SPEECH && loud)
        })?;
        let audio = self.status()?["calls"][0]["audio"].clone();
        let (codec, came) = (audio["codec"].as_str().unwrap_or_default(), audio["packets_in"].as_u64().unwrap_or(0));
        let (heard, loudness) = (self.door.heard, self.door.loudness.unwrap_or(f32::NEG_INFINITY));
        self.report(&format!(
            "They talk by {codec}: {came} packets came to the panel, {heard} to the door, at {loudness:.0} dBFS there"
        ));
        self.shoot("in_call")
    }

    fn unlock_and_end(&mut self) -> Result<(), Failure> {
        self.press_until("Unlock", "the door opens", |player| {
            player.look_at_door();
            Ok(player.door.open_until.is_some())
        })?;
        self.report("Unlock was pressed: the door is open");
        self.wait("the panel says that the door is open", STEP_TIME, |player| {
            Ok(player.status()?["calls"][0]["unlock"] == "opened")
        })?;
        self.shoot("door_open")?;
        self.press_until("End", "the call ends on both sides", |player| {
            player.look_at_door();
            let status = player.status()?;
            let over = status["calls"].as_array().is_none_or(|calls| calls.iter().all(|call| call["state"] == "ended"));
            Ok(over && player.door.phase == DoorPhase::Idle)
        })?;
        self.report("End was pressed: the call is over on both sides");
        Ok(())
    }

    /// Looks at the pages that no visit leads to.
    fn pages(&mut self) -> Result<(), Failure> {
        self.reach("home")?;
        self.shoot("home_after")?;
        self.open("Dial", "dial")?;
        for key in ["1", "2", "7", "✳", "0", "✳", "0", "✳", "1"] {
            self.press(key)?;
            // One finger at a time.
            std::thread::sleep(Duration::from_millis(80));
        }
        self.shoot("dial")?;
        self.report("127✳0✳0✳1 is typed on the dial pad");
        for (label, screen) in [("Contacts", "contacts"), ("Call log", "log"), ("Settings", "settings")] {
            self.panel.ask(&json!({"do": "back"}))?;
            self.reach("home")?;
            self.open(label, screen)?;
            self.shoot(screen)?;
        }
        self.report("The contacts, the call log and the settings were opened");
        self.panel.ask(&json!({"do": "back"}))?;
        self.reach("home")?;
        self.panel.ask(&json!({"do": "set", "key": "display.idle_after", "value": "1"}))?;
        self.reach("idle")?;
        self.shoot("idle")?;
        self.report("Nobody is there: the clock");
        Ok(())
    }

    fn open(&mut self, label: &str, screen: &str) -> Result<(), Failure> {
        let wanted = screen.to_owned();
        self.press_until(label, &format!("the page {screen} opens"), move |player| {
            Ok(player.status()?["screen"] == wanted.as_str())
        })
    }

    /// Waits for a screen.
    fn reach(&mut self, screen: &str) -> Result<(), Failure> {
        let wanted = screen.to_owned();
        self.wait(&format!("the screen is {screen}"), STEP_TIME, move |player| {
            Ok(player.status()?["screen"] == wanted.as_str())
        })
    }

    /// Presses as a person does: again when nothing came of it.
    fn press_until(
        &mut self,
        label: &str,
        step: &str,
        mut done: impl FnMut(&mut Self) -> Result<bool, Failure>,
    ) -> Result<(), Failure> {
        self.press(label)?;
        let mut pressed = Instant::now();
        self.wait(&format!("{label} is pressed and {step}"), STEP_TIME, |player| {
            if done(player)? {
                return Ok(true);
            }
            if pressed.elapsed() > AGAIN {
                pressed = Instant::now();
                // It may be gone, because the press is just being carried out.
                if let Err(failure) = player.press(label) {
                    tracing::debug!("{}", failure.words);
                }
            }
            Ok(false)
        })
    }

    fn press(&mut self, label: &str) -> Result<(), Failure> {
        self.panel.ask(&json!({"do": "press", "label": label})).map(drop)
    }

    fn at_door(&self, command: DoorCommand) -> Result<(), Failure> {
        self.commands.send(command).map_err(|_| Failure::at_run_time("the door station has left"))
    }

    fn status(&mut self) -> Result<Value, Failure> {
        self.look_at_door();
        self.panel.ask(&json!({"do": "status"}))
    }

    fn look_at_door(&mut self) {
        while let Ok(view) = self.views.try_recv() {
            self.door = view;
        }
    }

    fn lost(&self, status: &Value) -> Failure {
        let (screen, note) = (status["screen"].as_str().unwrap_or_default(), &self.door.note);
        Failure::at_run_time(format!("the panel shows {screen}, and the door station says '{note}'"))
    }

    /// Looks again and again until `done`.
    ///
    /// # Errors
    /// The step's name when the time is over.
    fn wait(
        &mut self,
        step: &str,
        longest: Duration,
        mut done: impl FnMut(&mut Self) -> Result<bool, Failure>,
    ) -> Result<(), Failure> {
        let from = Instant::now();
        let named =
            |failure: Failure| Failure { words: format!("while waiting until {step}: {}", failure.words), ..failure };
        while !done(self).map_err(named)? {
            if self.panel_left.load(Ordering::Acquire) {
                return Err(Failure::at_run_time(format!("the panel left before this: {step}")));
            }
            if from.elapsed() > longest {
                let seconds = longest.as_secs();
                return Err(Failure::at_run_time(format!("not within {seconds} s: {step}")));
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    /// Photographs the screen.
    fn shoot(&mut self, name: &str) -> Result<(), Failure> {
        self.shots += 1;
        let file = self.folder.join(format!("{:02}_{name}.png", self.shots));
        let named = |failure: Failure| Failure { words: format!("picture of {name}: {}", failure.words), ..failure };
        self.panel.ask(&json!({"do": "screenshot", "file": file})).map(drop).map_err(named)
    }

    fn report(&self, words: &str) {
        say(&format!("{:>8.3} s  {words}", self.began.elapsed().as_secs_f64()));
    }
}

/// Whoever reads our output may have enough of it.
fn say(line: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
