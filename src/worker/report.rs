//! The short log: one line an event of a call, and nothing that repeats.

use std::collections::HashMap;

use crate::channel::{
    CallDirection, CallHandle, CallState, CallView, DirectIpView, DoorKeyView, RegistrationState, RegistrationView,
    UnlockState,
};

/// What was said last, so that the figures of a call make no lines.
#[derive(Debug, Default)]
pub struct Reporter {
    calls: HashMap<CallHandle, Said>,
    listening: Option<DirectIpView>,
    accounts: HashMap<u8, String>,
}

impl Reporter {
    /// Says what has changed about a call, if anything.
    pub fn call(&mut self, view: &CallView) {
        let said = Said { state: view.state, held: view.held_by_remote, unlock: unlock_line(&view.unlock) };
        let before = self.calls.insert(view.call, said.clone());
        if view.state == CallState::Ended {
            self.calls.remove(&view.call);
        }
        for line in lines(view, before.as_ref(), &said) {
            tracing::info!("call {} {line}", view.call.0);
        }
    }

    /// Says what has changed about a door outside any call.
    pub fn door(&self, view: &DoorKeyView) {
        if let Some(line) = unlock_line(&view.unlock) {
            tracing::info!("door {}: {line}", view.name);
        }
    }

    /// Says where direct calls are listened for, if that has changed.
    pub fn direct_ip(&mut self, view: &DirectIpView) {
        if self.listening.as_ref() == Some(view) {
            return;
        }
        self.listening = Some(view.clone());
        match &view.error {
            Some(error) => tracing::warn!("Direct IP Port {}: {error}", view.port),
            None if !view.listening.is_empty() => tracing::info!("listening on {}", view.listening.join(", ")),
            None => {}
        }
    }

    /// Says how an account stands, if that has changed.
    pub fn account(&mut self, view: &RegistrationView) {
        let line = account_line(view);
        let before = self.accounts.insert(view.account, line.clone());
        if before.as_ref() == Some(&line) || (before.is_none() && view.state == RegistrationState::Disabled) {
            return;
        }
        match view.state {
            RegistrationState::Failed => tracing::warn!("account {}: {line}", view.account),
            _ => tracing::info!("account {}: {line}", view.account),
        }
    }
}

/// How an account stands, in one line.
fn account_line(view: &RegistrationView) -> String {
    let state = view.state.name();
    match (&view.fault, &view.via) {
        (Some(fault), _) => format!("{state}: {fault}"),
        (None, Some(via)) => format!("{state} at {via}"),
        (None, None) => state.to_owned(),
    }
}

/// What was said of a call.
#[derive(Clone, Debug, PartialEq)]
struct Said {
    state: CallState,
    held: bool,
    unlock: Option<String>,
}

fn unlock_line(unlock: &UnlockState) -> Option<String> {
    match unlock {
        UnlockState::Idle => None,
        UnlockState::Sending => Some("asking the door to open".to_owned()),
        UnlockState::Opened { .. } => Some("the door opened".to_owned()),
        UnlockState::Failed(fault) => Some(format!("the door did not open: {fault}")),
    }
}

fn lines(view: &CallView, before: Option<&Said>, now: &Said) -> Vec<String> {
    let mut lines = Vec::new();
    if before.map(|before| before.state) != Some(view.state) {
        lines.push(match (before, view.end_reason) {
            (_, Some(reason)) => format!("ended: {reason}"),
            (None, None) => {
                let way = match view.direction {
                    CallDirection::In => "from",
                    CallDirection::Out => "to",
                };
                format!("{way} {} ({}): {}", view.remote, view.name, view.state)
            }
            (Some(_), None) => {
                let sound = view.audio.as_ref().map_or("no sound", |audio| audio.codec);
                let picture = view.video.as_ref().map_or("no picture", |video| video.codec);
                format!("{} ({sound}, {picture})", view.state)
            }
        });
    }
    if before.is_some_and(|before| before.held != now.held) {
        lines.push(if now.held { "held by the other side".into() } else { "no longer held by the other side".into() });
    }
    if before.and_then(|before| before.unlock.as_ref()) != now.unlock.as_ref() {
        lines.extend(now.unlock.clone());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::{AudioView, EndReason, UnlockFault};

    fn view(state: CallState) -> CallView {
        CallView { state, ..CallView::of_visitor("Front door") }
    }

    fn said(state: CallState) -> Said {
        Said { state, held: false, unlock: None }
    }

    #[test]
    fn a_call_makes_one_line_an_event_and_none_for_its_figures() {
        let ringing = said(CallState::Ringing);
        let first = lines(&view(CallState::Ringing), None, &ringing);
        assert_eq!(first, ["from sip:door@127.0.0.1 (Front door): ringing"]);
        assert!(lines(&view(CallState::Ringing), Some(&ringing), &ringing).is_empty());

        let mut answered = view(CallState::Confirmed);
        answered.audio = Some(AudioView { codec: "opus", ..AudioView::default() });
        let confirmed = said(CallState::Confirmed);
        assert_eq!(lines(&answered, Some(&ringing), &confirmed), ["confirmed (opus, no picture)"]);
        let unlock = unlock_line(&UnlockState::Opened { until: std::time::Instant::now() });
        let opened = Said { held: true, unlock, ..confirmed.clone() };
        assert_eq!(lines(&answered, Some(&confirmed), &opened), ["held by the other side", "the door opened"]);
        let unlock = unlock_line(&UnlockState::Failed(UnlockFault::WrongPassword(401)));
        let failed = Said { unlock, ..confirmed.clone() };
        let line = "the door did not open: wrong name or password (401)";
        assert_eq!(lines(&answered, Some(&confirmed), &failed), [line]);

        let mut ended = view(CallState::Ended);
        ended.end_reason = Some(EndReason::Remote);
        assert_eq!(lines(&ended, Some(&confirmed), &said(CallState::Ended)), ["ended: ended by the other side"]);
    }
}
