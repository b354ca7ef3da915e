//! The address book: the contacts in the order of the file, found by number, by name and by what somebody types.
//!
//! ```text
//! file, pages, ctl ─▶ Field::set, check ─▶ Book::with_… ─▶ Config.contacts ─▶ Index: who calls, who is meant, who matches
//! CSV, vCard ─▶ Incoming, bad lines ─▶ Book::merged ┘
//! ```
//! A book is shared by all copies of the settings, and what is looked up in it is prepared once, however many contacts it
//! holds.

mod changes;
mod csv;
mod field;
mod fold;
mod index;
mod reading;
#[cfg(test)]
mod tests;
mod vcard;

use std::ops::Deref;
use std::sync::{Arc, OnceLock};

pub use self::changes::{BookError, MOST_BYTES, MOST_CONTACTS, Tally, Which};
pub use self::csv::{read as read_csv, write as write_csv};
pub use self::field::{ContactError, ContactFault, Field, LONGEST_NAME, LONGEST_URL, MOST_NUMBERS};
pub use self::fold::{fold, initial};
use self::index::Index;
pub use self::reading::{BadLine, Incoming, LARGEST_FILE, LineFault, MOST_BAD_LINES, Read, Unusable};
pub use self::vcard::{read as read_vcard, write as write_vcard};
use super::contacts::{Party, PhonebookEntry};
use crate::dial::DialTarget;

/// The contacts. Copies share them.
#[derive(Clone, Debug, Default)]
pub struct Book {
    entries: Arc<Vec<PhonebookEntry>>,
    index: Arc<OnceLock<Index>>,
}

impl Deref for Book {
    type Target = [PhonebookEntry];

    fn deref(&self) -> &[PhonebookEntry] {
        &self.entries
    }
}

impl PartialEq for Book {
    fn eq(&self, other: &Self) -> bool {
        self.is_same(other) || self.entries == other.entries
    }
}

impl From<Vec<PhonebookEntry>> for Book {
    fn from(entries: Vec<PhonebookEntry>) -> Self {
        Self { entries: Arc::new(entries), index: Arc::default() }
    }
}

impl<'a> IntoIterator for &'a Book {
    type Item = &'a PhonebookEntry;
    type IntoIter = std::slice::Iter<'a, PhonebookEntry>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.iter()
    }
}

impl Book {
    /// Puts one more contact at the end, unchecked: as it stands in the file.
    pub fn push(&mut self, entry: PhonebookEntry) {
        Arc::make_mut(&mut self.entries).push(entry);
        self.index = Arc::default();
    }

    /// Whether both are copies of one: then nothing has to be compared.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.entries, &other.entries)
    }

    /// The contact that `party` is: the best fit, the first in the book among equals.
    pub fn find(&self, party: Party<'_>) -> Option<&PhonebookEntry> {
        self.index().find(party).map(|place| &self.entries[place])
    }

    /// The first contact with a number that calls `target`.
    pub fn dialled(&self, target: &DialTarget) -> Option<&PhonebookEntry> {
        self.index().dialled(&self.entries, target).map(|place| &self.entries[place])
    }

    /// The first contact of this name, whatever its capitals.
    pub fn named(&self, name: &str) -> Option<&PhonebookEntry> {
        self.index().named(name).map(|place| &self.entries[place])
    }

    /// The places of all contacts, sorted by name.
    pub fn by_name(&self) -> &[usize] {
        self.index().by_name()
    }

    /// The places of the contacts that match what somebody types, sorted by name: each word of it stands in the name, whatever
    /// its marks and capitals, or in a number.
    pub fn matching(&self, typed: &str) -> Vec<usize> {
        self.index().matching(typed)
    }

    /// The numbers that hold what is typed on the dial pad, with the places of their contacts, in the order of the book, those
    /// that begin with it first; at most `most`.
    pub fn numbers_like(&self, typed: &str, most: usize) -> Vec<(&PhonebookEntry, &str)> {
        let found = self.index().numbers_like(typed, most).into_iter();
        found.map(|(place, number)| (&self.entries[place], self.entries[place].numbers[number].as_str())).collect()
    }

    fn index(&self) -> &Index {
        self.index.get_or_init(|| Index::new(&self.entries))
    }
}
