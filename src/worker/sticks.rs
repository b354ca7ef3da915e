//! Files that somebody brings on a USB stick, or takes away on one: looked for, read up to a limit, never followed elsewhere.
//!
//! Everything here may wait for a slow or broken stick.

use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::config::FileFault;

/// Where Debian mounts sticks.
const ROOTS: [&str; 3] = ["/media", "/run/media", "/mnt"];
/// The most files that are told.
const MOST_FOUND: usize = 64;
/// The most entries that are looked at.
const MOST_SEEN: usize = 4096;
/// How deep it goes: `/media/USER/LABEL/FOLDER`.
const DEEPEST: usize = 3;

/// The folders below which sticks lie.
pub(super) fn roots() -> Vec<PathBuf> {
    ROOTS.map(PathBuf::from).into()
}

/// Which files are looked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    /// What their names end with, in small letters.
    pub endings: &'static [&'static str],
    /// The largest, in bytes.
    pub largest: u64,
}

/// The files below these folders that could be wanted, by path. Links are not followed, hidden files are left out; a folder
/// that is not there, or may not be read, holds none.
pub(super) fn candidates(roots: &[PathBuf], wanted: Wanted) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut seen = 0;
    for root in roots {
        look(root, wanted, DEEPEST, &mut seen, &mut found);
    }
    found.sort();
    found.dedup();
    found
}

fn look(folder: &Path, wanted: Wanted, deeper: usize, seen: &mut usize, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut folders = Vec::new();
    for entry in entries.flatten() {
        if *seen >= MOST_SEEN || found.len() >= MOST_FOUND {
            return;
        }
        *seen += 1;
        let path = entry.path();
        let Ok(kind) = entry.file_type() else { continue };
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        if kind.is_dir() {
            folders.push(path);
        } else if kind.is_file() && wanted.has_ending(&path) && wanted.has_size(&entry) {
            found.push(path);
        }
    }
    if deeper > 0 {
        folders.sort();
        for folder in folders {
            look(&folder, wanted, deeper - 1, seen, found);
        }
    }
}

impl Wanted {
    fn has_ending(self, path: &Path) -> bool {
        let ending = path.extension().and_then(|ending| ending.to_str());
        ending.is_some_and(|ending| self.endings.iter().any(|known| ending.eq_ignore_ascii_case(known)))
    }

    fn has_size(self, entry: &fs::DirEntry) -> bool {
        entry.metadata().is_ok_and(|described| (1..=self.largest).contains(&described.len()))
    }
}

/// Where sticks are mounted that can be written to, by path; `mounts` is what the system says of them (`/proc/mounts`).
pub(super) fn writable(roots: &[PathBuf], mounts: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = mounts
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ').skip(1);
            let (place, options) = (unescaped(words.next()?), words.nth(1)?);
            let is_below = roots.iter().any(|root| place.starts_with(root) && place != *root);
            (is_below && options.split(',').any(|option| option == "rw")).then_some(place)
        })
        .take(MOST_FOUND)
        .collect();
    found.sort();
    found.dedup();
    found
}

/// A path of `/proc/mounts`, where blanks and the like are three octal digits behind a backslash.
fn unescaped(text: &str) -> PathBuf {
    let escapes = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")];
    PathBuf::from(escapes.iter().fold(text.to_owned(), |text, (escape, plain)| text.replace(escape, plain)))
}

/// What an opened path does with a symbolic link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Links {
    /// Goes where it leads: the installer set it up.
    Followed,
    /// Refuses it: whoever wrote the stick must not choose what is read.
    Refused,
}

/// All bytes of a file of no more than `largest`; what is larger is not read.
///
/// # Errors
/// Why it cannot be read.
pub(super) fn bytes(path: &Path, links: Links, largest: u64) -> Result<Vec<u8>, FileFault> {
    let file = open(path, links)?;
    let described = file.metadata()?;
    if !described.is_file() {
        return Err(FileFault::NoFile);
    }
    if described.len() > largest {
        return Err(FileFault::TooLarge(largest));
    }
    let mut bytes = Vec::new();
    // It may grow while it is read.
    file.take(largest + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > largest { Err(FileFault::TooLarge(largest)) } else { Ok(bytes) }
}

/// Opens without waiting: a pipe that nobody writes to would keep us for ever.
fn open(path: &Path, links: Links) -> Result<File, FileFault> {
    let refused = if links == Links::Refused { libc::O_NOFOLLOW } else { 0 };
    let opened = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | refused).open(path);
    opened.map_err(|error| match error.raw_os_error() {
        Some(libc::ELOOP) if links == Links::Refused => FileFault::Link,
        _ => error.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sticks_that_can_be_written_to_are_where_they_are_mounted() {
        let mounts = "/dev/sda1 / ext4 rw,relatime 0 0\n/dev/sdb1 /media/anna/MY\\040STICK vfat rw,nosuid 0 0\n\
                      /dev/sdc1 /media/usb0 iso9660 ro,nosuid 0 0\ntmpfs /mnt tmpfs rw 0 0\n\
                      /dev/sdd1 /mediathek/a vfat rw 0 0\n/dev/sde1 /run/media/usb1 exfat rw 0 0\nbroken\n";
        let found = writable(&roots(), mounts);
        assert_eq!(found, [PathBuf::from("/media/anna/MY STICK"), PathBuf::from("/run/media/usb1")]);
    }
}
