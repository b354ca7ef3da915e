//! Files of contacts, read and written beside the loop: a stick can be slow or broken.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use tokio::sync::mpsc::UnboundedSender;

use super::errands::{Errands, Waits};
use super::sticks::{self, Links, Wanted};
use crate::config::book::{self, Book, LARGEST_FILE, Read, Unusable};
use crate::config::{FileFault, write_atomically};

/// The most pieces of work at a time.
const MOST_AT_WORK: usize = 4;
/// What the names of such files end with.
const ENDINGS: &[&str] = &["csv", "vcf", "vcard"];
/// Where the system says what is mounted.
const MOUNTS: &str = "/proc/mounts";

/// What a thread has done.
#[derive(Debug)]
pub enum Done {
    /// Of [`Desk::read`].
    Read {
        /// The file.
        file: PathBuf,
        /// What is in it, or what is wrong with it.
        result: Result<Read, Unusable>,
        /// Who waits for it.
        waits: Waits,
    },
    /// Of [`Desk::write`].
    Written {
        /// The file.
        file: PathBuf,
        /// How many contacts are in it, or why it cannot be written.
        result: Result<usize, Unusable>,
        /// Who waits for it.
        waits: Waits,
    },
    /// Of [`Desk::look`].
    Found {
        /// Files that could be read.
        files: Vec<PathBuf>,
        /// Folders that could be written to.
        folders: Vec<PathBuf>,
    },
}

/// Gives work out.
#[derive(Debug)]
pub struct Desk {
    errands: Errands<Done>,
}

impl Desk {
    /// Nothing to do yet; what is done is told on `done`, and each of it to [`Desk::settle`].
    pub fn new(done: UnboundedSender<Done>) -> Self {
        Self { errands: Errands::new("contacts", MOST_AT_WORK, done) }
    }

    /// Reads a file of contacts.
    ///
    /// # Errors
    /// Why nothing is done, with whoever waits.
    pub fn read(&mut self, file: PathBuf, waits: Waits) -> Result<(), (FileFault, Waits)> {
        self.errands.begin(waits, move |waits| Done::Read { result: read(&file), file, waits })
    }

    /// Writes the contacts to a file.
    ///
    /// # Errors
    /// Why nothing is done, with whoever waits.
    pub fn write(&mut self, file: PathBuf, book: Book, waits: Waits) -> Result<(), (FileFault, Waits)> {
        self.errands.begin(waits, move |waits| Done::Written {
            result: write(&file, &book).map(|()| book.len()),
            file,
            waits,
        })
    }

    /// Looks what is on sticks.
    ///
    /// # Errors
    /// Why nothing is done.
    pub fn look(&mut self) -> Result<(), FileFault> {
        let looked = self.errands.begin(None, |_| {
            let (roots, mounts) = (sticks::roots(), fs::read_to_string(MOUNTS).unwrap_or_default());
            let files = sticks::candidates(&roots, Wanted { endings: ENDINGS, largest: LARGEST_FILE });
            Done::Found { files, folders: sticks::writable(&roots, &mounts) }
        });
        looked.map_err(|(problem, _)| problem)
    }

    /// One piece of work is done.
    pub fn settle(&mut self) {
        self.errands.settle();
    }
}

/// What is in a file of contacts.
///
/// # Errors
/// Why nothing of it is read.
pub fn read(file: &Path) -> Result<Read, Unusable> {
    Read::parse(&sticks::bytes(file, Links::Refused, LARGEST_FILE)?)
}

/// Writes contacts to a file, in the place of what is there: as CSV where its name ends so, else as vCards.
///
/// # Errors
/// Why it is not written.
pub fn write(file: &Path, book: &Book) -> Result<(), Unusable> {
    let is_csv = file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv"));
    match fs::symlink_metadata(file) {
        Ok(there) if there.is_symlink() => return Err(FileFault::Link.into()),
        Ok(there) if !there.is_file() => return Err(FileFault::NoFile.into()),
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(FileFault::from(error).into()),
        _ => {}
    }
    if !file.parent().is_some_and(|folder| folder.as_os_str().is_empty() || folder.is_dir()) {
        return Err(FileFault::Missing.into());
    }
    // Spreadsheets know by the mark at the beginning that it is UTF-8.
    let text = if is_csv { format!("\u{feff}{}", book::write_csv(book)) } else { book::write_vcard(book) };
    Ok(write_atomically(file, text.as_bytes()).map_err(FileFault::from)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::PhonebookEntry;

    fn book() -> Book {
        let entry = PhonebookEntry { name: "Anna".into(), numbers: vec!["12".into()], ..PhonebookEntry::default() };
        vec![entry].into()
    }

    #[test]
    fn what_is_written_is_read_again() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        for name in ["a.csv", "A.CSV", "a.vcf", "a"] {
            let file = folder.path().join(name);
            write(&file, &book()).expect(name);
            let read = read(&file).expect(name);
            assert_eq!(read.contacts[0].entry, book()[0], "{name}");
        }
        let text = fs::read_to_string(folder.path().join("a.csv")).expect("it is there");
        assert!(text.starts_with("\u{feff}name,number 1"), "{text}");
    }

    #[test]
    fn why_a_file_cannot_be_read_or_written_is_told() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let at = |name: &str| folder.path().join(name);
        let huge = fs::File::create(at("huge.vcf")).expect("created");
        huge.set_len(50 << 20).expect("a file full of holes");
        std::os::unix::fs::symlink("/etc/passwd", at("link.csv")).expect("linked");
        fs::write(at("empty.csv"), "").expect("written");
        let refused = |name: &str| read(&at(name)).map(drop).expect_err(name);
        assert_eq!(refused("huge.vcf"), FileFault::TooLarge(16 << 20).into());
        assert_eq!(refused("none.csv"), FileFault::Missing.into());
        assert_eq!(refused(""), FileFault::NoFile.into());
        assert_eq!(refused("link.csv"), FileFault::Link.into());
        assert_eq!(refused("empty.csv"), Unusable::Empty);
        assert_eq!(write(&at("link.csv"), &book()), Err(FileFault::Link.into()));
        assert_eq!(write(folder.path(), &book()), Err(FileFault::NoFile.into()));
        assert_eq!(write(&at("none/a.csv"), &book()), Err(FileFault::Missing.into()));
    }
}
