//! The address book is changed: checked, in force at once for who calls and who is called, and saved like the settings.

use std::sync::Arc;

use super::{Now, Phone};
use crate::channel::{Done, Refusal};
use crate::config::book::{BadLine, Incoming, Tally, Which};
use crate::config::{Book, Config, PhonebookEntry};

impl Phone {
    pub(super) fn add_contact(&mut self, now: Now, entry: PhonebookEntry) -> Result<Done, Refusal> {
        let book = self.config.contacts.with_added(entry)?;
        self.put_book(now, book);
        Ok(Done::Ok)
    }

    pub(super) fn change_contact(&mut self, now: Now, which: &Which, entry: PhonebookEntry) -> Result<Done, Refusal> {
        let place = self.config.contacts.place(which)?;
        let before = self.config.contacts[place].clone();
        let book = self.config.contacts.with_changed(which, entry)?;
        let entry = &book[place];
        // A call that is going on is with the contact as it is now: its door may have another code.
        for call in self.calls.values_mut().filter(|call| call.remote.contact.as_ref() == Some(&before)) {
            call.remote.name.clone_from(&entry.name);
            call.remote.contact = Some(entry.clone());
        }
        self.put_book(now, book);
        Ok(Done::Ok)
    }

    pub(super) fn remove_contact(&mut self, now: Now, which: &Which) -> Result<Done, Refusal> {
        let book = self.config.contacts.without(which)?;
        self.put_book(now, book);
        Ok(Done::Ok)
    }

    /// Takes in what a file holds. Gives what came of it, and what does not go together with the contacts that are there.
    ///
    /// # Errors
    /// When there would be too many contacts; nothing has changed then.
    pub fn merge_contacts(&mut self, now: Now, incoming: &[Incoming]) -> Result<(Tally, Vec<BadLine>), Refusal> {
        let (book, tally, bad) = self.config.contacts.merged(incoming)?;
        self.put_book(now, book);
        self.settle(now);
        Ok((tally, bad))
    }

    pub(super) fn put_book(&mut self, now: Now, contacts: Book) {
        if contacts != self.config.contacts {
            self.apply(now, Arc::new(Config { contacts, ..Config::clone(&self.config) }));
        }
    }
}
