//! The Unlock key: opens the door of a call by the door's own method, while it rings and in the call, and says whether
//! it worked. A door that is opened by HTTP or by the relay of this panel has such a key without any call, too.
//!
//! ```text
//! Idle ─tap─▶ Sending ─INFO or HTTP answered 2xx, keys sent while the door's media lives, or relay switched─▶ Opened ─open time─▶ Idle
//!                └────refused, no answer within 4 s of a key, the door's media is dead, or no relay──────────▶ Failed ─a while──▶ Idle
//! ```
//! A failed code is given up: what went by INFO is not repeated, the rest is not sent, and the next tap begins anew. Only if
//! its last key is answered after all, before another tap, the door has opened: better late than wrong.
//!
//! One request by HTTP is on its way to a door at a time, wherever its key was pressed: all its keys wait for the same answer.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rand::RngExt;

use super::call::{Call, DoorWay, Outgoing, Progress, Stage};
use super::keys::Purpose;
use super::output::{DoorRequest, Output};
use super::{Now, Phone};
use crate::channel::{CallHandle, Done, DoorKeyView, Event, Refusal, UnlockFault, UnlockState};
use crate::config::{DoorUnlock, PhonebookEntry, WebAddress};

/// A door that has not answered by then has not opened.
pub(super) const ANSWER_TIME: Duration = Duration::from_secs(4);

/// How long a failure is shown.
const SHOW_FAILURE: Duration = Duration::from_secs(8);

/// A door that was heard within this time is alive.
const ALIVE: Duration = Duration::from_secs(5);

/// The SIP status of a request that nobody answered.
const TIMED_OUT: u16 = 408;

/// One Unlock key.
#[derive(Clone, Debug, Default)]
pub(super) struct Unlock {
    state: State,
    /// The request by HTTP whose answer it waits for.
    asked: Option<u32>,
    /// It opened at least once.
    pub worked: bool,
}

#[derive(Clone, Debug, Default)]
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
        fault: UnlockFault,
    },
}

impl Unlock {
    /// As the screen shows it.
    pub fn state(&self) -> UnlockState {
        match &self.state {
            State::Idle => UnlockState::Idle,
            State::Sending { .. } => UnlockState::Sending,
            State::Opened { until } => UnlockState::Opened { until: *until },
            State::Failed { fault, .. } => UnlockState::Failed(fault.clone()),
        }
    }

    /// When the state changes by itself.
    pub fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Idle => None,
            State::Sending { until } | State::Opened { until } | State::Failed { until, .. } => Some(until),
        }
    }

    fn is_sending(&self) -> bool {
        matches!(self.state, State::Sending { .. })
    }

    fn send(&mut self, until: Instant, asked: Option<u32>) {
        self.state = State::Sending { until };
        self.asked = asked;
    }

    /// One more key of the code is out, or waits still.
    pub fn renew(&mut self, until: Instant) {
        if self.is_sending() {
            self.state = State::Sending { until };
        }
    }

    /// The door has answered, or counts as having done so.
    fn settle(&mut self, now: Instant, result: Result<(), UnlockFault>, open_time: Duration) {
        self.asked = None;
        match result {
            Ok(()) => {
                self.state = State::Opened { until: now + open_time };
                self.worked = true;
            }
            Err(fault) => self.state = State::Failed { until: now + SHOW_FAILURE, fault },
        }
    }

    /// The deadline has passed.
    pub fn expire(&mut self, now: Instant) {
        self.state = match self.state {
            // What is answered later is still heard: better late than wrong.
            State::Sending { .. } => State::Failed { until: now + SHOW_FAILURE, fault: UnlockFault::NoAnswer },
            State::Idle | State::Opened { .. } | State::Failed { .. } => State::Idle,
        };
    }
}

/// Doors that are opened by HTTP or by the relay.
#[derive(Debug, Default)]
pub(super) struct Doors {
    /// The keys that were pressed outside a call and show something, by the name of the contact.
    keys: BTreeMap<String, Unlock>,
    /// What is on its way.
    asking: Vec<Asking>,
    last_asked: u32,
}

/// A request that is on its way.
#[derive(Debug)]
struct Asking {
    asked: u32,
    url: WebAddress,
    until: Instant,
}

impl Doors {
    /// When a key changes by itself.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.keys.values().filter_map(Unlock::deadline).min()
    }
}

impl Phone {
    /// Opens the door of a call. A second tap while the first is on its way changes nothing, unless that went by INFO for want
    /// of sound and there is sound now.
    pub(super) fn unlock(&mut self, now: Now, handle: CallHandle) -> Result<Done, Refusal> {
        let call = self.calls.get(&handle).ok_or(Refusal::NoCall)?;
        let way = call.door(&self.config);
        let rings_nowhere = matches!(call.stage, Stage::Outgoing(Outgoing { progress: Progress::Calling, .. }));
        if rings_nowhere && !matches!(way, Some(DoorWay::Http(_) | DoorWay::Relay)) {
            return Err(Refusal::WrongState(call.state()));
        }
        let way = way.ok_or_else(|| Refusal::CannotUnlock(call.remote.name.clone()))?;
        if call.unlock.is_sending() {
            let has_better_way = matches!(way, DoorWay::Dtmf(_)) && call.takes_keys_in_sound();
            if !(has_better_way && call.keys.unlocks_by_info()) {
                return Ok(Done::Ok);
            }
            self.give_up_unlock(now, handle);
        }
        let (until, asked) = self.ask(now, &way);
        if let Some(call) = self.calls.get_mut(&handle) {
            call.unlock.send(until, asked);
            call.keys.forget_late();
        }
        self.touch(handle);
        match way {
            DoorWay::Dtmf(code) => self.send_keys(now, handle, &code, Purpose::Unlock),
            DoorWay::Info(code) => self.send_keys_by_info(now, handle, &code, Purpose::Unlock),
            DoorWay::Http(_) | DoorWay::Relay => {}
        }
        Ok(Done::Ok)
    }

    /// Opens the door of a contact: through its call, or without one where it is opened by HTTP or by the relay.
    pub(super) fn unlock_door(&mut self, now: Now, name: &str) -> Result<Done, Refusal> {
        let contact = self.config.doors().find(|door| door.name == name);
        let contact = contact.ok_or_else(|| Refusal::NoDoor(name.to_owned()))?;
        let way = contact.door.as_ref().and_then(|door| DoorWay::without_call(door, &self.config));
        let by_relay = contact.door.as_ref().is_some_and(|door| door.unlock == Some(DoorUnlock::Relay));
        let is_it = |contact: &PhonebookEntry| contact.name == name;
        let is_door = |call: &&Call| !call.is_undecided() && call.remote.contact.as_ref().is_some_and(is_it);
        if let Some(handle) = self.calls.values().find(is_door).map(|call| call.handle) {
            return self.unlock(now, handle);
        }
        let refused = if by_relay { Refusal::CannotUnlock } else { Refusal::NeedsCall };
        let way = way.ok_or_else(|| refused(name.to_owned()))?;
        if !self.doors.keys.get(name).is_some_and(Unlock::is_sending) {
            let (until, asked) = self.ask(now, &way);
            self.doors.keys.entry(name.to_owned()).or_default().send(until, asked);
            self.tell_door(name);
        }
        Ok(Done::Ok)
    }

    /// Asks what can be asked outside the dialog of a call. Gives until when the door may answer, and the name of the request.
    fn ask(&mut self, now: Now, way: &DoorWay) -> (Instant, Option<u32>) {
        match way {
            DoorWay::Dtmf(_) | DoorWay::Info(_) => (now.instant + ANSWER_TIME, None),
            DoorWay::Http(url) => self.ask_door(now, url),
            DoorWay::Relay => self.ask_relay(now),
        }
    }

    /// Has a door asked by HTTP, unless that is being done. Gives until when it may answer, and the name of the request.
    fn ask_door(&mut self, now: Now, url: &WebAddress) -> (Instant, Option<u32>) {
        self.doors.asking.retain(|asking| asking.until > now.instant);
        if let Some(asking) = self.doors.asking.iter().find(|asking| asking.url == *url) {
            return (asking.until, Some(asking.asked));
        }
        self.doors.last_asked = self.doors.last_asked.wrapping_add(1);
        let (asked, until) = (self.doors.last_asked, now.instant + ANSWER_TIME);
        self.doors.asking.push(Asking { asked, url: url.clone(), until });
        let cnonce = format!("{:032x}", self.random.random::<u128>());
        let request = DoorRequest { asked, url: url.clone(), cnonce, within: ANSWER_TIME };
        self.outputs.push_back(Output::AskDoor(Box::new(request)));
        (until, Some(asked))
    }

    /// Has the relay of this panel switched. Gives until when that must be done, and the name of the request.
    fn ask_relay(&mut self, now: Now) -> (Instant, Option<u32>) {
        self.doors.last_asked = self.doors.last_asked.wrapping_add(1);
        let asked = self.doors.last_asked;
        let time = Duration::from_millis(self.config.relay_pulse_ms.into());
        self.outputs.push_back(Output::PulseRelay { asked, time });
        (now.instant + ANSWER_TIME, Some(asked))
    }

    /// A door that was asked by HTTP or by the relay has opened, or why not.
    pub fn handle_door_answer(&mut self, now: Now, asked: u32, result: Result<(), UnlockFault>) {
        self.doors.asking.retain(|asking| asking.asked != asked);
        let waits = |unlock: &Unlock| unlock.asked == Some(asked);
        let calls: Vec<CallHandle> =
            self.calls.values().filter(|call| waits(&call.unlock)).map(|call| call.handle).collect();
        for handle in calls {
            self.settle_unlock(now, handle, result.clone());
        }
        let open_time = self.open_time();
        let mut told = Vec::new();
        for (name, key) in self.doors.keys.iter_mut().filter(|(_, key)| waits(key)) {
            key.settle(now.instant, result.clone(), open_time);
            told.push(name.clone());
        }
        told.iter().for_each(|name| self.tell_door(name));
        self.settle(now);
    }

    /// The keys of the doors outside any call.
    pub fn door_keys(&self) -> Vec<DoorKeyView> {
        self.config.doors().map(|contact| self.door_key(contact)).collect()
    }

    fn door_key(&self, contact: &PhonebookEntry) -> DoorKeyView {
        DoorKeyView {
            name: contact.name.clone(),
            can_unlock: self.config.opens_by_itself(contact),
            unlock: self.doors.keys.get(&contact.name).map(Unlock::state).unwrap_or_default(),
        }
    }

    /// The key of a door has changed.
    fn tell_door(&mut self, name: &str) {
        // It may have been removed from the address book meanwhile.
        let contact = self.config.doors().find(|door| door.name == name);
        if let Some(view) = contact.map(|contact| self.door_key(contact)) {
            self.tell(Event::DoorKey(view));
        }
    }

    /// What the keys of doors show is over.
    pub(super) fn tend_doors(&mut self, now: Now) {
        let is_due = |key: &Unlock| key.deadline().is_some_and(|at| at <= now.instant);
        let due: Vec<String> =
            self.doors.keys.iter().filter(|(_, key)| is_due(key)).map(|(name, _)| name.clone()).collect();
        for name in due {
            if let Some(key) = self.doors.keys.get_mut(&name) {
                key.expire(now.instant);
                if matches!(key.state, State::Idle) {
                    self.doors.keys.remove(&name);
                }
            }
            self.tell_door(&name);
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
        self.settle_unlock(now, handle, if alive || !expects { Ok(()) } else { Err(UnlockFault::NoAnswer) });
    }

    /// What the key of a call shows is over; a code that the door has not answered is given up. One that waits behind other keys
    /// has asked the door nothing yet.
    pub(super) fn on_unlock_due(&mut self, now: Now, handle: CallHandle) {
        let Some(call) = self.calls.get_mut(&handle) else { return };
        let is_unanswered = call.unlock.is_sending();
        if is_unanswered && call.keys.unlock_waits() {
            return call.unlock.renew(now.instant + ANSWER_TIME);
        }
        call.unlock.expire(now.instant);
        self.touch(handle);
        if is_unanswered {
            self.give_up_unlock(now, handle);
        }
    }

    /// The last INFO of the code has its answer.
    pub(super) fn on_unlock_answered(&mut self, now: Now, handle: CallHandle, result: Result<(), u16>) {
        let fault = |status| match status {
            TIMED_OUT => UnlockFault::NoAnswer,
            status => UnlockFault::Refused(status),
        };
        self.settle_unlock(now, handle, result.map_err(fault));
    }

    /// What comes after the time-out was already shown as a failure; better late than wrong.
    fn settle_unlock(&mut self, now: Now, handle: CallHandle, result: Result<(), UnlockFault>) {
        let open_time = self.open_time();
        let Some(call) = self.calls.get_mut(&handle) else { return };
        call.unlock.settle(now.instant, result, open_time);
        self.touch(handle);
    }

    fn open_time(&self) -> Duration {
        Duration::from_secs(self.config.unlock_open_time_s.into())
    }
}
