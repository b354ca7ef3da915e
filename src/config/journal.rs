//! A file of JSON lines that grows at its end and is never half written where it matters: the call log.
//!
//! Each line is made durable before [`Journal::append`] returns. A power cut can tear only the last line; the next
//! opening passes over it and the next line begins on a new one.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::marker::PhantomData;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{FileError, FileFault, atomic};

/// An append-only list of `T` on disk, of which the last `keep` count.
#[derive(Debug)]
pub struct Journal<T> {
    path: PathBuf,
    keep: usize,
    lines: usize,
    /// The file does not end with the end of a line.
    torn: bool,
    holds: PhantomData<fn(T) -> T>,
}

/// What a journal held when it was opened.
#[derive(Clone, Debug, PartialEq)]
pub struct Entries<T> {
    /// The last entries, oldest first.
    pub entries: Vec<T>,
    /// What is wrong with the file, if anything.
    pub problem: Option<String>,
}

impl<T: Serialize + DeserializeOwned> Journal<T> {
    /// Reads what is there; a missing file is an empty journal. Nothing is written.
    pub fn open(path: &Path, keep: usize) -> (Self, Entries<T>) {
        let mut journal = Self { path: path.to_owned(), keep: keep.max(1), lines: 0, torn: false, holds: PhantomData };
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => {
                let problem = Some(format!("{}: {error}", path.display()));
                return (journal, Entries { entries: Vec::new(), problem });
            }
        };
        journal.torn = bytes.last().is_some_and(|byte| *byte != b'\n');
        let (mut entries, unreadable) = parse(&bytes);
        journal.lines = entries.len() + unreadable;
        entries.drain(..entries.len().saturating_sub(journal.keep));
        let problem = (unreadable > 0).then(|| format!("{}: {unreadable} lines cannot be read", path.display()));
        (journal, Entries { entries, problem })
    }

    /// Whether entries can be added. Makes the file, empty, where there is none.
    ///
    /// # Errors
    /// Why not, with the file.
    pub fn check(&self) -> Result<(), FileError> {
        let made = atomic::make_folder_of(&self.path);
        let opened = made.and_then(|()| OpenOptions::new().append(true).create(true).mode(0o600).open(&self.path));
        opened.map(drop).map_err(|error| self.named(error))
    }

    /// Adds one entry; it has outlived a power cut once this returns.
    ///
    /// # Errors
    /// Why not, with the file.
    pub fn append(&mut self, entry: &T) -> Result<(), FileError> {
        self.try_append(entry).map_err(|error| self.named(error))
    }

    /// Puts these entries, oldest first, in the place of all others, atomically.
    ///
    /// # Errors
    /// Why not, with the file; the old entries are whole then.
    pub fn replace(&mut self, entries: &[T]) -> Result<(), FileError> {
        self.try_replace(entries).map_err(|error| self.named(error))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn named(&self, error: io::Error) -> FileError {
        FileFault::from(error).of(&self.path)
    }

    fn try_append(&mut self, entry: &T) -> io::Result<()> {
        let mut line = Vec::new();
        if self.torn {
            line.push(b'\n');
        }
        serde_json::to_writer(&mut line, entry)?;
        line.push(b'\n');
        atomic::make_folder_of(&self.path)?;
        let fresh = !self.path.exists();
        let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(&self.path)?;
        // Until the line is known to be whole, the next one does not rely on its end.
        self.torn = true;
        file.write_all(&line)?;
        file.sync_data()?;
        self.torn = false;
        if fresh {
            atomic::sync_folder_of(&self.path)?;
        }
        self.lines += 1;
        if self.lines >= self.keep * 2 {
            let (mut entries, _) = parse::<T>(&fs::read(&self.path)?);
            entries.drain(..entries.len().saturating_sub(self.keep));
            self.try_replace(&entries)?;
        }
        Ok(())
    }

    fn try_replace(&mut self, entries: &[T]) -> io::Result<()> {
        let mut bytes = Vec::new();
        for entry in entries {
            serde_json::to_writer(&mut bytes, entry)?;
            bytes.push(b'\n');
        }
        atomic::write(&self.path, &bytes)?;
        self.lines = entries.len();
        self.torn = false;
        Ok(())
    }
}

/// The entries of a file and the number of lines that are none.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> (Vec<T>, usize) {
    let mut unreadable = 0;
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    let entries = lines
        .filter_map(|line| {
            let entry = serde_json::from_slice(line).ok();
            unreadable += usize::from(entry.is_none());
            entry
        })
        .collect();
    (entries, unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("data/calls.jsonl");
        (folder, path)
    }

    fn entries(path: &Path, keep: usize) -> Vec<u32> {
        Journal::<u32>::open(path, keep).1.entries
    }

    #[test]
    fn entries_come_back_in_order_and_are_bounded() {
        let (_folder, path) = place();
        let (mut journal, opened) = Journal::<u32>::open(&path, 3);
        assert_eq!(opened, Entries { entries: vec![], problem: None });
        for entry in 1..=5 {
            journal.append(&entry).expect("written");
        }
        assert_eq!(fs::read_to_string(&path).expect("there"), "1\n2\n3\n4\n5\n");
        assert_eq!(entries(&path, 3), [3, 4, 5]);
        journal.append(&6).expect("written");
        assert_eq!(fs::read_to_string(&path).expect("there"), "4\n5\n6\n", "compacted at twice the bound");
        journal.replace(&[]).expect("written");
        assert_eq!(entries(&path, 3), Vec::<u32>::new());
    }

    #[test]
    fn a_torn_last_line_costs_only_itself() {
        let (_folder, path) = place();
        let (mut journal, _) = Journal::<String>::open(&path, 10);
        journal.append(&"one".to_owned()).expect("written");
        journal.append(&"two".to_owned()).expect("written");
        let whole = fs::read(&path).expect("there");
        for cut in 0..whole.len() {
            fs::write(&path, &whole[..cut]).expect("cut");
            let (mut journal, before) = Journal::<String>::open(&path, 10);
            journal.append(&"three".to_owned()).expect("written");
            let after = Journal::<String>::open(&path, 10).1.entries;
            assert_eq!(after.last().map(String::as_str), Some("three"), "cut at {cut}");
            assert_eq!(after[..after.len() - 1], before.entries, "cut at {cut}");
        }
    }

    #[test]
    fn an_unwritable_place_is_said() {
        let (folder, _) = place();
        fs::write(folder.path().join("file"), "x").expect("written");
        let (mut journal, opened) = Journal::<u32>::open(&folder.path().join("file/calls.jsonl"), 10);
        assert!(opened.problem.is_some());
        let error = journal.append(&1).expect_err("a file is no folder");
        assert!(error.to_string().contains("calls.jsonl: "), "{error}");
    }
}
