//! The short log: one line an event of a call, and nothing that repeats.

use std::collections::HashMap;

use crate::channel::{
    CallDirection, CallHandle, CallState, CallView, DirectIpView, RegistrationState, RegistrationView, UnlockState,
};

/// What was said last, so that the figures of a call make no lines.
#[derive(Debug, Default)]
pub struct Reporter {
    calls: HashMap<CallHandle, (CallState, bool, Option<&'static str>)>,
    listening: Option<DirectIpView>,
    accounts: HashMap<u8, String>,
}

impl Reporter {
    /// Says what has changed about a call, if anything.
    pub fn call(&mut self, view: &CallView) {
        let unlock = match view.unlock {
            UnlockState::Idle => None,
            UnlockState::Sending => Some("asking the door to open"),
            UnlockState::Opened { .. } => Some("the door opened"),
            UnlockState::Failed => Some("the door did not open"),
        };
        let said = (view.state, view.held_by_remote, unlock);
        let before = self.calls.insert(view.call, said);
        if view.state == CallState::Ended {
            self.calls.remove(&view.call);
        }
        for line in lines(view, before, said) {
            tracing::info!("call {} {line}", view.call.0);
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

type Said = (CallState, bool, Option<&'static str>);

fn lines(view: &CallView, before: Option<Said>, now: Said) -> Vec<String> {
    let mut lines = Vec::new();
    if before.map(|(state, ..)| state) != Some(view.state) {
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
    if before.is_some_and(|(_, held, _)| held != now.1) {
        lines.push(if now.1 { "held by the other side".into() } else { "no longer held by the other side".into() });
    }
    if before.and_then(|(.., unlock)| unlock) != now.2 {
        lines.extend(now.2.map(str::to_owned));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::{AudioView, EndReason};
    use crate::worker::testing::visitor;

    fn view(state: CallState) -> CallView {
        CallView { state, ..visitor() }
    }

    #[test]
    fn a_call_makes_one_line_an_event_and_none_for_its_figures() {
        let ringing = (CallState::Ringing, false, None);
        let first = lines(&view(CallState::Ringing), None, ringing);
        assert_eq!(first, ["from sip:door@127.0.0.1 (Front door): ringing"]);
        assert!(lines(&view(CallState::Ringing), Some(ringing), ringing).is_empty());

        let mut answered = view(CallState::Confirmed);
        answered.audio = Some(AudioView { codec: "opus", ..AudioView::default() });
        let confirmed = (CallState::Confirmed, false, None);
        assert_eq!(lines(&answered, Some(ringing), confirmed), ["confirmed (opus, no picture)"]);
        let opened = (CallState::Confirmed, true, Some("the door opened"));
        assert_eq!(lines(&answered, Some(confirmed), opened), ["held by the other side", "the door opened"]);

        let mut ended = view(CallState::Ended);
        ended.end_reason = Some(EndReason::Remote);
        assert_eq!(lines(&ended, Some(confirmed), (CallState::Ended, false, None)), ["ended: ended by the other side"]);
    }
}
