//! What the control socket asks, and the answers that take a while: those of the screen and those of the disk.

use std::collections::HashMap;
use std::path::PathBuf;

use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::Loop;
use crate::channel::{CallHandle, Command, Done, Event, RuleChange, ScreenRequest, Spot};
use crate::config::{self, FileError};
use crate::worker::control::protocol::Do;
use crate::worker::control::serve::{Call, Outcome};
use crate::worker::control::status::{self, State};
use crate::worker::media::now;

pub(super) type Reply = oneshot::Sender<Outcome>;

/// Answers that take a while.
pub(super) struct Asked {
    has_screen: bool,
    next: u64,
    of_screen: HashMap<u64, Reply>,
    /// Wait until a setting is durable, each with what is answered then.
    of_disk: Vec<(Reply, Value)>,
}

impl Asked {
    pub(super) fn new(has_screen: bool) -> Self {
        Self { has_screen, next: 1, of_screen: HashMap::new(), of_disk: Vec::new() }
    }

    /// Whether there is a screen that can be asked.
    pub(super) fn has_screen(&self) -> bool {
        self.has_screen
    }

    /// The screen has answered.
    pub(super) fn answered(&mut self, ask: u64, outcome: Result<Option<Spot>, String>) {
        if let Some(reply) = self.of_screen.remove(&ask) {
            // Who asked may have gone.
            let _ =
                reply.send(outcome.map(|spot| spot.map_or_else(|| json!({}), |Spot { x, y }| json!({"x": x, "y": y}))));
        }
    }

    /// All settings are durable, or cannot be saved.
    pub(super) fn saved(&mut self, result: &Result<(), FileError>) {
        for (reply, value) in self.of_disk.drain(..) {
            let _ = reply.send(match result {
                Ok(()) => Ok(value),
                Err(problem) => Err(format!("it is in force, but cannot be saved: {problem}")),
            });
        }
    }

    /// The question for the screen; `None` if it was answered at once, because there is none.
    fn ask_screen(&mut self, request: ScreenRequest, reply: Reply) -> Option<Event> {
        if !self.has_screen {
            let _ = reply.send(Err("this panel runs without a screen (--screen none)".into()));
            return None;
        }
        // Those who gave up waiting are forgotten.
        self.of_screen.retain(|_, reply| !reply.is_closed());
        let ask = self.next;
        self.next += 1;
        self.of_screen.insert(ask, reply);
        Some(Event::Ask { ask, request })
    }
}

impl Loop {
    /// Does what the control socket asks and answers, now or later.
    pub(super) fn answer(&mut self, call: Call) {
        let Call { what, reply } = call;
        match what {
            Do::Status => drop(reply.send(Ok(self.status()))),
            Do::Get(key) => drop(reply.send(self.get(&key))),
            Do::Screen(request) => {
                if let Some(event) = self.asked.ask_screen(absolute(request), reply) {
                    let _ = self.events.send(event);
                }
            }
            Do::Command(Command::Quit) => {
                let _ = reply.send(Ok(json!({})));
                self.leave("ctl quit");
            }
            Do::Certificates => self.list_certificates(reply),
            Do::Rules => {
                let rules: Vec<Value> = self.phone.config().dial_plan.rules().map(status::rule).collect();
                let _ = reply.send(Ok(json!({"rules": rules})));
            }
            Do::Command(Command::Rules(RuleChange::ImportFile(file))) => self.import_rules(file, Some(reply)),
            Do::Command(command @ (Command::ImportCertificate { .. } | Command::ListCertificateFiles)) => {
                self.certificate_command(command, Some(reply));
            }
            Do::Contacts => drop(reply.send(Ok(self.list_contacts()))),
            Do::Log => {
                let entries: Vec<Value> = self.phone.log().iter().map(status::log_entry).collect();
                let _ = reply.send(Ok(json!({"entries": entries})));
            }
            Do::Command(
                command @ (Command::ImportContacts(_) | Command::ExportContacts(_) | Command::ListContactFiles),
            ) => {
                self.contact_command(command, Some(reply));
            }
            Do::Command(command) => {
                if let Some((command, Some(reply))) = self.without_plain_pin(command, Some(reply)) {
                    self.carry_out(command, reply);
                }
            }
            Do::Events => drop(reply.send(Err("a stream is no question".into()))),
        }
    }

    pub(super) fn carry_out(&mut self, command: Command, reply: Reply) {
        match self.phone.handle_command(now(), command) {
            Err(refusal) => drop(reply.send(Err(refusal.to_string()))),
            Ok(done) => {
                let value = match done {
                    Done::Call(CallHandle(call)) => json!({"call": call}),
                    Done::Rules(import) => status::rule_import(&import),
                    Done::Ok => json!({}),
                };
                self.answer_saved(reply, value);
            }
        }
    }

    /// What is to be saved goes to the disk before anybody is told that it is done.
    pub(super) fn answer_saved(&mut self, reply: Reply, value: Value) {
        self.drain();
        if self.saving > 0 {
            self.asked.of_disk.push((reply, value));
        } else {
            // Who asked may have gone.
            let _ = reply.send(Ok(value));
        }
    }

    fn status(&self) -> Value {
        let config = self.phone.config();
        let state = State {
            screen: self.phone.screen(),
            light: self.phone.light(),
            door: self.phone.wired_door(),
            dnd: config,
            dnd_servers: &self.phone.dnd_servers(),
            direct_ip: &self.phone.direct_ip(),
            accounts: &self.phone.registrations(),
            calls: &self.phone.calls(),
            doors: &self.phone.door_keys(),
            missed: self.phone.missed(),
            notices: &self.phone.notices(),
            pin: &self.pin.view(now()),
            shows: self.shows.as_deref(),
        };
        status::status(now().instant, &state)
    }

    fn get(&self, key: &str) -> Outcome {
        let value = self.phone.config().get(key).map_err(|error| error.to_string())?;
        let secret = config::setting(key).is_some_and(|setting| setting.is_secret());
        if secret {
            return Err(format!("{key} is a secret and never shown"));
        }
        Ok(json!({"key": key, "value": value}))
    }
}

/// A screenshot's file is meant from the panel's working directory.
fn absolute(request: ScreenRequest) -> ScreenRequest {
    match request {
        ScreenRequest::Screenshot(file) => {
            let file: PathBuf = std::path::absolute(&file).unwrap_or(file);
            ScreenRequest::Screenshot(file)
        }
        other => other,
    }
}
