//! The Unlock key: opens the door of a call by the door's own method, while it rings and in the call, and says whether
//! it worked.
//!
//! ```text
//! Idle ─tap─▶ Sending ─INFO answered 2xx, keys sent while the door's media lives, relay switched─▶ Opened ─open time─▶ Idle
//!                └────refused, no answer within 4 s, the door's media is dead, no relay──────────▶ Failed ─a while──▶ Idle
//! ```

use std::time::{Duration, Instant};

use super::call::{Call, Outgoing, Progress, Stage};
use super::keys::Purpose;
use super::{Now, Phone};
use crate::channel::{CallHandle, Done, Refusal, UnlockState};
use crate::config::UnlockMethod;

/// A door that has not answered by then has not opened.
const ANSWER_TIME: Duration = Duration::from_secs(4);

/// How long a failure is shown.
const SHOW_FAILURE: Duration = Duration::from_secs(8);

/// A door that was heard within this time is alive.
const ALIVE: Duration = Duration::from_secs(5);

/// How a door is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Opening {
    /// These keys are sent to it.
    Keys(UnlockMethod, String),
    /// The relay of this panel is switched.
    Relay,
}

/// The Unlock key of one call.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Unlock {
    state: State,
    /// It opened at least once.
    pub worked: bool,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Idle,
    Sending {
        until: Instant,
    },
    Opened {
        until: Instant,
    },
    Failed {
        until: Instant,
    },
}

impl Unlock {
    /// As the screen shows it.
    pub fn state(&self) -> UnlockState {
        match self.state {
            State::Idle => UnlockState::Idle,
            State::Sending { .. } => UnlockState::Sending,
            State::Opened { until } => UnlockState::Opened { until },
            State::Failed { .. } => UnlockState::Failed,
        }
    }

    /// When the state changes by itself.
    pub fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Idle => None,
            State::Sending { until } | State::Opened { until } | State::Failed { until } => Some(until),
        }
    }

    /// The door is asked to open; false if that is on its way already.
    pub fn begin(&mut self, now: Instant) -> bool {
        let begins = !matches!(self.state, State::Sending { .. });
        if begins {
            self.state = State::Sending { until: now + ANSWER_TIME };
        }
        begins
    }

    /// It has opened, or not. What comes after the time-out was already shown as a failure; better late than wrong.
    pub fn settle(&mut self, now: Instant, opened: bool, open_time: Duration) {
        if opened {
            self.state = State::Opened { until: now + open_time };
            self.worked = true;
        } else {
            self.fail(now);
        }
    }

    fn fail(&mut self, now: Instant) {
        self.state = State::Failed { until: now + SHOW_FAILURE };
    }

    /// The deadline has passed.
    pub fn expire(&mut self, now: Instant) {
        match self.state {
            State::Sending { .. } => self.fail(now),
            State::Idle | State::Opened { .. } | State::Failed { .. } => self.state = State::Idle,
        }
    }
}

impl Phone {
    /// Opens the door of a call. A second tap while the first is on its way changes nothing.
    pub(super) fn unlock(&mut self, now: Now, handle: CallHandle) -> Result<Done, Refusal> {
        let call = self.calls.get_mut(&handle).ok_or(Refusal::NoCall)?;
        if let Stage::Outgoing(Outgoing { progress: Progress::Calling, .. }) = call.stage {
            return Err(Refusal::WrongState(call.state()));
        }
        if matches!(call.unlock.state, State::Sending { .. }) {
            return Ok(Done::Ok);
        }
        let opening = call.door(&self.config).ok_or_else(|| Refusal::CannotUnlock(call.remote.name.clone()))?;
        call.unlock.begin(now.instant);
        self.touch(handle);
        match opening {
            Opening::Keys(UnlockMethod::Dtmf, code) => self.send_keys(now, handle, &code, Purpose::Unlock),
            Opening::Keys(UnlockMethod::Info, code) => self.send_keys_by_info(now, handle, &code, Purpose::Unlock),
            Opening::Relay => self.pulse_relay(Some(handle)),
        }
        Ok(Done::Ok)
    }

    /// Opens the door of a contact: through its call, or by the relay where there is none.
    pub(super) fn unlock_door(&mut self, now: Now, name: &str) -> Result<Done, Refusal> {
        let Some(door) = self.config.doors().find(|door| door.name == name).cloned() else {
            return Err(Refusal::NoDoor(name.to_owned()));
        };
        let is_it = |contact: &crate::config::PhonebookEntry| contact.name == name;
        let is_door = |call: &&Call| !call.is_undecided() && call.remote.contact.as_ref().is_some_and(is_it);
        let handle = self.calls.values().find(is_door).map(|call| call.handle);
        match handle {
            Some(handle) => self.unlock(now, handle),
            None => self.unlock_wired(now, &door),
        }
    }

    /// The keys are out. Nobody confirms keys: the door counts as opened if it is alive at all.
    pub(super) fn on_unlock_sent(&mut self, now: Now, handle: CallHandle) {
        let Some(call) = self.calls.get(&handle) else { return };
        let streams = call.media.streams.as_ref();
        let expects = streams.is_some_and(|streams| {
            streams.audio.as_ref().is_some_and(|audio| audio.direction.receives())
                || streams.video.as_ref().is_some_and(|video| video.direction.receives())
        });
        let alive = call.media.traffic.heard.is_none_or(|heard| now.instant.duration_since(heard) <= ALIVE);
        self.settle_unlock(now, handle, alive || !expects);
    }

    /// The last INFO of the code has its answer.
    pub(super) fn on_unlock_answered(&mut self, now: Now, handle: CallHandle, result: Result<(), u16>) {
        self.settle_unlock(now, handle, result.is_ok());
    }

    pub(super) fn settle_unlock(&mut self, now: Now, handle: CallHandle, opened: bool) {
        let open_time = self.open_time();
        let Some(call) = self.calls.get_mut(&handle) else { return };
        call.unlock.settle(now.instant, opened, open_time);
        self.touch(handle);
    }

    /// How long a door is shown as open that cannot say so itself.
    pub(super) fn open_time(&self) -> Duration {
        Duration::from_secs(self.config.unlock_open_time_s.into())
    }
}
