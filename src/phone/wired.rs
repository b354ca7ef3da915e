//! The door that is wired to this panel: its relay opens it, with a call or without one, and its contact says whether it is
//! open.

use std::time::{Duration, Instant};

use super::call::Call;
use super::output::Output;
use super::unlock::Unlock;
use super::{Now, Phone};
use crate::channel::{CallHandle, Done, Event, Refusal, WiredDoorView};
use crate::config::{DoorUnlock, PhonebookEntry};

/// The door.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct WiredDoor {
    /// What its contact says.
    open: Option<bool>,
    /// How opening it without a call goes.
    unlock: Unlock,
    told: WiredDoorView,
}

impl WiredDoor {
    fn view(&self) -> WiredDoorView {
        WiredDoorView { open: self.open, unlock: self.unlock.state() }
    }

    /// When what is shown of it is over.
    pub fn deadline(&self) -> Option<Instant> {
        self.unlock.deadline()
    }
}

impl Phone {
    /// The door that is wired to this panel.
    pub fn wired_door(&self) -> WiredDoorView {
        self.wired.view()
    }

    /// Its contact says that it is open, or not; `None` when no contact that works says anything.
    pub fn handle_door(&mut self, now: Now, open: Option<bool>) {
        if self.wired.open != open {
            self.wired.open = open;
            let handles: Vec<_> = self.calls.keys().copied().collect();
            handles.into_iter().for_each(|handle| self.touch(handle));
        }
        self.settle(now);
    }

    /// The relay of an [`Output::PulseRelay`] was switched, or could not be.
    pub fn handle_relay(&mut self, now: Now, call: Option<CallHandle>, switched: bool) {
        match call {
            Some(handle) => self.settle_unlock(now, handle, switched),
            None => self.wired.unlock.settle(now.instant, switched, self.open_time()),
        }
        self.settle(now);
    }

    /// Has the relay switched, for a call or for none.
    pub(super) fn pulse_relay(&mut self, call: Option<CallHandle>) {
        let time = Duration::from_millis(self.config.relay_pulse_ms.into());
        self.outputs.push_back(Output::PulseRelay { call, time });
    }

    /// Opens the door of this contact with no call, if that is by the relay.
    pub(super) fn unlock_wired(&mut self, now: Now, door: &PhonebookEntry) -> Result<Done, Refusal> {
        let by_relay = door.door.as_ref().is_some_and(|door| door.unlock == Some(DoorUnlock::Relay));
        if !by_relay {
            return Err(Refusal::NeedsCall(door.name.clone()));
        }
        if self.config.relay_chip.is_empty() {
            return Err(Refusal::CannotUnlock(door.name.clone()));
        }
        if self.wired.unlock.begin(now.instant) {
            self.pulse_relay(None);
        }
        Ok(Done::Ok)
    }

    /// What the contact of the door of this call says.
    pub(super) fn says_open(&self, call: &Call) -> Option<bool> {
        let contact = call.remote.contact.as_ref().filter(|_| !call.is_undecided())?;
        self.wired.open.filter(|_| self.config.is_wired(contact))
    }

    /// What is shown of it may be over; tells it when it has changed.
    pub(super) fn tend_wired(&mut self, now: Now) {
        if self.wired.deadline().is_some_and(|at| at <= now.instant) {
            self.wired.unlock.expire(now.instant);
        }
        let view = self.wired.view();
        if self.wired.told != view {
            self.wired.told = view;
            self.tell(Event::WiredDoor(view));
        }
    }
}
