//! Changes of the address book. Each gives another book, or says why not; the old one stays as it is.

use std::collections::HashMap;

use super::super::setting::echo;
use super::field::{ContactError, ContactFault, Field};
use super::index::key_of_name;
use super::reading::{BadLine, Incoming, LineFault};
use super::{Book, PhonebookEntry};
use crate::dial;

/// The most contacts.
pub const MOST_CONTACTS: usize = 10_000;
/// The most that all of them may take in the settings file, in bytes; roughly, and well below what is read of one.
pub const MOST_BYTES: usize = 6 << 20;

/// Which contact is meant.
#[derive(Clone, Debug, PartialEq)]
pub enum Which {
    /// The first of this name, whatever its capitals.
    Named(String),
    /// The one that is exactly this: nobody else has changed it meanwhile.
    Exactly(Box<PhonebookEntry>),
}

/// Why the address book is not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BookError {
    /// A field of a contact.
    #[error("contact '{name}': {error}")]
    Contact {
        /// The contact, shortened.
        name: String,
        /// What is wrong.
        error: ContactError,
    },
    /// Too many contacts.
    #[error("{count} contacts are too many, the limit is {MOST_CONTACTS}")]
    TooMany {
        /// How many there would be.
        count: usize,
    },
    /// They would fill the settings file.
    #[error("the contacts would take {bytes} bytes, the limit is {MOST_BYTES}")]
    TooLarge {
        /// How much they would take.
        bytes: usize,
    },
    /// There is none of that name.
    #[error("there is no contact '{0}'")]
    Unknown(String),
    /// It is no longer what it was when somebody began to change it.
    #[error("contact '{0}' was changed or removed by somebody else meanwhile")]
    Changed(String),
}

/// What came of an import.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// New contacts.
    pub added: usize,
    /// Contacts of a name that was there, and something in them is new.
    pub changed: usize,
    /// Contacts that were there just so.
    pub unchanged: usize,
}

impl Book {
    /// With one contact more, at the end.
    ///
    /// # Errors
    /// What is wrong with it, or that the book is full.
    pub fn with_added(&self, entry: PhonebookEntry) -> Result<Self, BookError> {
        check(&entry)?;
        if self.named(&entry.name).is_some() {
            return Err(taken(&entry));
        }
        let mut entries = self.to_vec();
        entries.push(entry);
        checked(entries)
    }

    /// With `entry` in the place of another, whose passwords it keeps where it came without them.
    ///
    /// # Errors
    /// What is wrong with it, or with the one that is meant.
    pub fn with_changed(&self, which: &Which, entry: PhonebookEntry) -> Result<Self, BookError> {
        let place = self.place(which)?;
        let entry = entry.with_passwords_of(&self[place]);
        check(&entry)?;
        // It may keep its own name, also where the file has that name twice.
        let renamed = key_of_name(&entry.name) != key_of_name(&self[place].name);
        if renamed && self.named(&entry.name).is_some() {
            return Err(taken(&entry));
        }
        let mut entries = self.to_vec();
        entries[place] = entry;
        checked(entries)
    }

    /// Without one of the contacts.
    ///
    /// # Errors
    /// When there is no such contact.
    pub fn without(&self, which: &Which) -> Result<Self, BookError> {
        let place = self.place(which)?;
        let mut entries = self.to_vec();
        entries.remove(place);
        Ok(entries.into())
    }

    /// With what a file holds: whoever has a name that is there already is that contact. Its new numbers are put behind those
    /// that it has, and what else the file says of it takes the place of what it had. What does not go together with what is
    /// there is told, and left out.
    ///
    /// # Errors
    /// When there would be too many contacts.
    pub fn merged(&self, incoming: &[Incoming]) -> Result<(Self, Tally, Vec<BadLine>), BookError> {
        let mut entries = self.to_vec();
        let mut places: HashMap<String, usize> = HashMap::new();
        for (place, entry) in entries.iter().enumerate() {
            places.entry(key_of_name(&entry.name)).or_insert(place);
        }
        let mut tally = Tally::default();
        let mut bad = Vec::new();
        for incoming in incoming {
            let name = key_of_name(&incoming.entry.name);
            let place = places.get(&name).copied();
            let merged = match place {
                None => incoming.entry.clone(),
                Some(place) => merge(&entries[place], incoming),
            };
            if let Err(error) = merged.check() {
                bad.push(BadLine {
                    line: incoming.line,
                    name: echo(&incoming.entry.name),
                    fault: LineFault::Contact(error),
                });
                continue;
            }
            match place {
                None => {
                    places.insert(name, entries.len());
                    entries.push(merged);
                    tally.added += 1;
                }
                Some(place) if merged == entries[place] => tally.unchanged += 1,
                Some(place) => {
                    entries[place] = merged;
                    tally.changed += 1;
                }
            }
        }
        let book = if tally.added + tally.changed == 0 { self.clone() } else { checked(entries)? };
        Ok((book, tally, bad))
    }

    /// The place of the one that is meant.
    pub(crate) fn place(&self, which: &Which) -> Result<usize, BookError> {
        match which {
            Which::Named(name) => self.index().named(name).ok_or_else(|| BookError::Unknown(echo(name))),
            Which::Exactly(entry) => {
                self.iter().position(|own| own == entry.as_ref()).ok_or_else(|| BookError::Changed(echo(&entry.name)))
            }
        }
    }
}

/// What a contact becomes by what a file says of it.
fn merge(known: &PhonebookEntry, incoming: &Incoming) -> PhonebookEntry {
    let mut merged = known.clone();
    let new = &incoming.entry;
    for number in &new.numbers {
        let is_it = |own: &String| own == number || dial::parse(own).ok() == dial::parse(number).ok();
        if !merged.numbers.iter().any(is_it) {
            merged.numbers.push(number.clone());
        }
    }
    for field in &incoming.given {
        match field {
            Field::Name | Field::Numbers => {}
            // What this version does not know of a door is kept with it.
            Field::Door if new.door.is_some() && merged.door.is_some() => {}
            field => {
                // It was read by the same check that it goes through here.
                let _ = field.set(&mut merged, &field.text(new));
            }
        }
    }
    merged
}

fn check(entry: &PhonebookEntry) -> Result<(), BookError> {
    entry.check().map_err(|error| BookError::Contact { name: echo(&entry.name), error })
}

fn taken(entry: &PhonebookEntry) -> BookError {
    let fault = ContactFault::Taken(echo(&entry.name));
    BookError::Contact { name: echo(&entry.name), error: ContactError { field: Field::Name, fault } }
}

fn checked(entries: Vec<PhonebookEntry>) -> Result<Book, BookError> {
    if entries.len() > MOST_CONTACTS {
        return Err(BookError::TooMany { count: entries.len() });
    }
    let bytes: usize = entries.iter().map(PhonebookEntry::bytes).sum();
    if bytes > MOST_BYTES {
        return Err(BookError::TooLarge { bytes });
    }
    Ok(entries.into())
}
