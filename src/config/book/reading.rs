//! What is read of a file with contacts: those that are good, and what is wrong with the others, line by line.

use super::field::{ContactError, Field};
use super::{PhonebookEntry, csv, vcard};
use crate::config::FileFault;

/// A file that is larger is not read, in bytes: ten thousand contacts need a tenth of it.
pub const LARGEST_FILE: u64 = 16 << 20;
/// The most bad lines that are told one by one.
pub const MOST_BAD_LINES: usize = 100;

/// One contact of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Incoming {
    /// The line in which it begins, counted from 1.
    pub line: usize,
    /// The contact, checked field by field.
    pub entry: PhonebookEntry,
    /// What the file says of it; all else is as it is where nothing is said.
    pub given: Vec<Field>,
}

/// A line that does not count, or one of which a part does not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}{}: {fault}", of(.name))]
pub struct BadLine {
    /// Counted from 1.
    pub line: usize,
    /// Of whom it is, where that is known; shortened.
    pub name: String,
    /// What is wrong with it.
    pub fault: LineFault,
}

fn of(name: &str) -> String {
    if name.is_empty() { String::new() } else { format!(" ({name})") }
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineFault {
    /// A value that a contact cannot have.
    #[error("{0}")]
    Contact(#[from] ContactError),
    /// A quotation mark that begins a value and is not closed.
    #[error("a quotation mark is not closed")]
    OpenQuote,
    /// Something between the closing quotation mark and the next separator.
    #[error("something stands behind a closing quotation mark")]
    AfterQuote,
    /// A vCard of another version.
    #[error("version {0} is not read: 3.0 and 4.0")]
    Version(String),
    /// A vCard that another one begins in, or the file ends in.
    #[error("END:VCARD is missing")]
    NoEnd,
    /// A line of a vCard without a colon.
    #[error("a line without a colon")]
    NoColon,
}

/// What a file holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Read {
    /// The good ones, in the order of the file.
    pub contacts: Vec<Incoming>,
    /// What does not count; no more than [`MOST_BAD_LINES`] of it.
    pub bad: Vec<BadLine>,
    /// How many bad lines there are besides.
    pub more_bad: usize,
}

/// Why a file of contacts is not read, or not written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// The file itself.
    #[error(transparent)]
    File(#[from] FileFault),
    /// There is nothing in it.
    #[error("it is empty")]
    Empty,
    /// The first line names no columns that are known.
    #[error("it is neither a vCard nor a CSV file whose first line names the columns, name and number among them")]
    NoColumns,
}

impl Read {
    /// Understands the bytes of a file: vCards, or else CSV.
    ///
    /// # Errors
    /// Why nothing of it is read.
    pub fn parse(bytes: &[u8]) -> Result<Self, Unusable> {
        let text = String::from_utf8_lossy(bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes));
        let begin = text.trim_start();
        if begin.is_empty() {
            return Err(Unusable::Empty);
        }
        let is_card = begin.get(..vcard::BEGIN.len()).is_some_and(|start| start.eq_ignore_ascii_case(vcard::BEGIN));
        if is_card { Ok(vcard::read(&text)) } else { csv::read(&text) }
    }

    /// One more line that does not count.
    pub(super) fn blame(&mut self, line: usize, name: &str, fault: impl Into<LineFault>) {
        self.blame_all([BadLine { line, name: super::super::setting::echo(name.trim()), fault: fault.into() }]);
    }

    /// More lines that do not count.
    pub fn blame_all(&mut self, bad: impl IntoIterator<Item = BadLine>) {
        for bad in bad {
            if self.bad.len() < MOST_BAD_LINES {
                self.bad.push(bad);
            } else {
                self.more_bad += 1;
            }
        }
    }
}
