//! The contact of the door that is wired to this panel: it says whether that door is open.

use super::call::Call;
use super::{Now, Phone};
use crate::channel::{Event, WiredDoorView};

impl Phone {
    /// The door that is wired to this panel.
    pub fn wired_door(&self) -> WiredDoorView {
        self.wired
    }

    /// Its contact says that it is open, or not; `None` when no contact that works says anything.
    pub fn handle_door(&mut self, now: Now, open: Option<bool>) {
        if self.wired.open != open {
            self.wired = WiredDoorView { open };
            let handles: Vec<_> = self.calls.keys().copied().collect();
            handles.into_iter().for_each(|handle| self.touch(handle));
            self.tell(Event::WiredDoor(self.wired));
        }
        self.settle(now);
    }

    /// What the contact of the door of this call says.
    pub(super) fn says_open(&self, call: &Call) -> Option<bool> {
        let contact = call.remote.contact.as_ref().filter(|_| !call.is_undecided())?;
        self.wired.open.filter(|_| self.config.is_wired(contact))
    }
}
