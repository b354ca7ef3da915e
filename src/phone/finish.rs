//! How calls end, and how the phone leaves.

use std::time::{Duration, Instant};

use super::call::Call;
use super::output::{MediaOrder, Output};
use super::ring::BUSY_TIME;
use super::{Now, Phone, reason};
use crate::channel::{CallDirection, CallHandle, CallResult, EndReason, Event, LogEntry};
use crate::sip::End;

/// What a caller is told whose call is ended without a better reason.
pub(super) const UNAVAILABLE: u16 = 480;

/// After Quit: time for one BYE to be lost and repeated.
const LAST_WORDS: Duration = Duration::from_millis(700);

/// After Quit: nothing is waited for any longer than this.
const PATIENCE: Duration = Duration::from_millis(1500);

/// Whether the phone is leaving.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Leaving {
    /// It stays.
    #[default]
    No,
    /// Calls were taken down; the last messages are on their way.
    Since {
        /// When enough was said, whatever was heard.
        said: Instant,
        at_latest: Instant,
        /// Nothing but BYEs, CANCELs and REGISTERs went out: their answers are heard, and then enough was said.
        answers: bool,
    },
    /// It has left.
    Done,
}

impl Phone {
    /// Ends a call, whatever it is doing: CANCEL, BYE or `status`. On the screen it is over at once.
    pub(super) fn end_call(&mut self, now: Now, handle: CallHandle, why: EndReason, status: u16) {
        let Some(call) = self.calls.get(&handle) else { return };
        let code = if status == 0 { UNAVAILABLE } else { status };
        for session in call.sessions() {
            self.endpoint.end(now.instant, session, End { code });
        }
        self.forget(now, handle, why);
    }

    /// A call is over: media down, last view, call log.
    pub(super) fn forget(&mut self, now: Now, handle: CallHandle, why: EndReason) {
        let Some(call) = self.calls.remove(&handle) else { return };
        for session in call.sessions() {
            self.sessions.remove(&session);
        }
        self.changed.remove(&handle);
        self.give_back_ports(call.media.ports);
        if call.media.ordered.is_some() {
            self.order(MediaOrder::Stop { call: handle });
        }
        let view = call.view(&self.config, Some(why));
        self.tell(Event::Call(Box::new(view)));
        self.append_log(entry(&call, now, why));
        self.visitor_left(now, &call);
        if call.direction == CallDirection::Out && call.talking().is_none() && why != EndReason::Local {
            self.sounding.busy_until = Some(now.instant + BUSY_TIME);
        }
        if self.current == Some(handle) {
            self.current = None;
        }
        if self.calls.is_empty() {
            self.mute_microphone(false);
        }
        for port in call.direct_ports() {
            self.release_port(now, port);
        }
    }

    /// Takes everything down.
    pub(super) fn quit(&mut self, now: Now) {
        if !matches!(self.leaving, Leaving::No) {
            return;
        }
        let calls: Vec<_> = self.calls.values().map(|call| (call.handle, call.rings_here())).collect();
        let codes = self.quit_codes(now);
        let nothing_to_say = calls.is_empty() && !codes && !self.has_registrations();
        let last_words = if nothing_to_say { Duration::ZERO } else { LAST_WORDS };
        let answers = calls.iter().all(|(_, rings)| !rings);
        for (handle, rings) in calls {
            self.end_call(now, handle, if rings { EndReason::Missed } else { EndReason::Local }, UNAVAILABLE);
        }
        self.stop_accounts(now);
        self.write_blocked();
        self.sounding.busy_until = None;
        self.leaving = Leaving::Since { said: now.instant + last_words, at_latest: now.instant + PATIENCE, answers };
    }

    pub(super) fn is_leaving(&self) -> bool {
        !matches!(self.leaving, Leaving::No)
    }

    /// When leaving goes on by itself.
    pub(super) fn leaving_deadline(&self, now_waiting: bool) -> Option<Instant> {
        match self.leaving {
            Leaving::Since { at_latest, .. } if now_waiting => Some(at_latest),
            Leaving::Since { said, .. } => Some(said),
            Leaving::No | Leaving::Done => None,
        }
    }

    /// Whether something is still on its way to the disk.
    pub(super) fn waits_for_disk(&self) -> bool {
        self.log.is_waiting() || self.saving.is_waiting()
    }

    /// Leaves when everything is said and saved, or when patience ends.
    pub(super) fn finish_leaving(&mut self, now: Now) {
        let Leaving::Since { said, at_latest, answers } = self.leaving else { return };
        let all_said = said <= now.instant
            || (answers && self.endpoint.busy_sessions() == 0 && self.endpoint.registrations() == 0);
        if (all_said && !self.waits_for_disk()) || at_latest <= now.instant {
            self.leaving = Leaving::Done;
            self.tell(Event::Bye);
            self.outputs.push_back(Output::Finished);
        }
    }

    /// A line for the call log: to the disk first.
    pub(super) fn append_log(&mut self, entry: LogEntry) {
        let change = self.log.append(entry);
        self.outputs.push_back(Output::SaveLog(change));
    }
}

/// The line of a call in the log, if it ends now.
pub(super) fn entry(call: &Call, now: Now, why: EndReason) -> LogEntry {
    let answered = call.talking();
    let result = reason::in_log(why, call.direction, answered.is_some());
    let told = match result {
        CallResult::Failed => true,
        CallResult::Missed => why != EndReason::Missed,
        // Nobody of the two has ended it.
        CallResult::Answered => matches!(why, EndReason::Lost | EndReason::TimeLimit),
        _ => false,
    };
    // Of a call to several: who answered, or what calls them all again.
    let (account, remote, name) = match (&call.group, call.shown_as_group()) {
        (_, Some(group)) => (group.account, group.number.clone(), group.name.clone()),
        (Some(group), None) => {
            let name = format!("{} · {}", group.called.name, call.remote.name);
            (call.account, call.remote.uri.clone(), name)
        }
        (None, None) => (call.account, call.remote.uri.clone(), call.remote.name.clone()),
    };
    LogEntry {
        at: call.began.wall,
        outgoing: call.direction == CallDirection::Out,
        remote,
        name,
        account: account.map_or(0, crate::config::Account::number),
        result,
        why: told.then_some(why),
        duration: answered.map_or(Duration::ZERO, |talking| now.instant.duration_since(talking.since.instant)),
        unlocked: call.unlock.worked,
        unseen: result == CallResult::Missed,
        attempts: 1,
        allow: None,
        picture: call.visitor.kept().cloned(),
        quality: call.media.quality(),
    }
}
