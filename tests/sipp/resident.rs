//! The panel without a screen, and what a person does there, through the control socket.

use std::cell::RefCell;

use serde_json::{Value, json};

use crate::real_panel::{Connection, Panel};

/// Somebody at home.
pub struct Resident {
    /// The panel.
    pub panel: Panel,
    events: RefCell<Connection>,
}

impl Resident {
    /// With these lines in the settings besides the port.
    pub fn with(settings: &str) -> Self {
        let panel = Panel::start(settings);
        let mut events = panel.connect();
        events.write(b"{\"do\":\"events\"}\n");
        Self { panel, events: RefCell::new(events) }
    }

    /// With the settings that everybody has.
    pub fn new() -> Self {
        Self::with("")
    }

    /// Has it ring, and picks up.
    pub fn answers(&self) {
        self.waits_for_bell();
        self.does("answer");
    }

    /// Has it ring.
    pub fn waits_for_bell(&self) {
        self.panel.wait("it rings", |status| {
            let state = &status["calls"][0]["state"];
            state == "ringing" || state == "early"
        });
    }

    /// One of the verbs without parameters.
    pub fn does(&self, verb: &str) {
        self.asks(&json!({"do": verb}));
    }

    /// Calls that port of this machine.
    pub fn dials(&self, port: u16) {
        self.asks(&json!({"do": "dial", "text": format!("127*0*0*1*{port}")}));
    }

    fn asks(&self, request: &Value) {
        let answer = self.panel.ask(request);
        assert_eq!(answer["ok"], true, "{request} is not done: {answer}");
    }

    /// What was told of calls until one of them ended, the end last.
    pub fn story(&self) -> Vec<Value> {
        let mut events = self.events.borrow_mut();
        let mut story = Vec::new();
        loop {
            let mut event = events.line();
            assert!(!event.is_null(), "the panel has left");
            if event["event"] == "call" {
                story.push(event["call"].take());
            }
            if story.last().is_some_and(|call| call["state"] == "ended") {
                return story;
            }
        }
    }

    /// Waits for the end of a call and gives the reason.
    pub fn end_of_call(&self) -> String {
        let story = self.story();
        let reason = story.last().and_then(|call| call["end_reason"].as_str());
        reason.expect("an end has a reason").to_owned()
    }
}
