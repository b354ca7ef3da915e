//! Certificates and keys on disk: the panel's own folder of them, and what is brought to it on a stick.
//!
//! ```text
//! /media/…/door.crt ─▶ import: understood, checked, PEM ─▶ certificates/door.pem ◀─ net::tls reads what the settings name
//! ```
//! The folder is the owner's alone (0700, files 0600). A setting holds the name of a file in it, or a whole path to one
//! elsewhere. Everything here waits for disks, and sticks can be slow or broken: the loop calls it from a thread of its own.

mod contents;
mod desk;
mod facts;
mod import;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::sticks::{self, Wanted};
use crate::channel::CertificateFault;

#[cfg(test)]
pub(super) use self::contents::pem_of_key;
pub use self::contents::{Contents, fits};
pub use self::desk::{Desk, Done};
pub use self::facts::{Facts, Identity};
pub use self::import::{Imported, import};

/// The most files that the folder holds.
const MOST_FILES: usize = 64;

/// Where certificates lie, and where new ones come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// The panel's own folder.
    pub folder: PathBuf,
    /// Below these lie USB sticks.
    pub sticks: Vec<PathBuf>,
}

impl Places {
    /// `certificates` in the data folder, and the places where Debian mounts sticks.
    pub fn of(data: &Path) -> Self {
        Self { folder: data.join("certificates"), sticks: sticks::roots() }
    }
}

/// The files below these folders that could be imported, by path. May wait for a slow stick.
pub fn candidates(roots: &[PathBuf]) -> Vec<PathBuf> {
    let endings = &["pem", "crt", "cer", "key", "der"];
    sticks::candidates(roots, Wanted { endings, largest: contents::LARGEST })
}

/// A file of the panel's own folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its name, as a setting holds it.
    pub name: String,
    /// The first certificate in it.
    pub certificate: Option<Facts>,
    /// Whether there is a key in it.
    pub has_key: bool,
    /// What is wrong with it.
    pub problem: Option<String>,
}

/// The files of the panel's own folder, by name. No folder means none.
pub fn list(folder: &Path) -> Vec<Listed> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let files = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
    let mut names: Vec<String> = files.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names.truncate(MOST_FILES);
    names.into_iter().map(|name| describe(folder, name)).collect()
}

fn describe(folder: &Path, name: String) -> Listed {
    let read = Contents::read(&folder.join(&name)).and_then(|contents| {
        let first = contents.certificates.first().map(|first| Facts::of(first)).transpose();
        let certificate = first.map_err(|_| CertificateFault::Damaged(1))?;
        Ok((certificate, !contents.keys.is_empty()))
    });
    match read {
        Ok((certificate, has_key)) => Listed { name, certificate, has_key, problem: None },
        Err(problem) => Listed { name, certificate: None, has_key: false, problem: Some(problem.to_string()) },
    }
}

/// When the first certificate of a file runs out.
///
/// # Errors
/// Why that cannot be told.
pub fn expiry(file: &Path) -> Result<SystemTime, CertificateFault> {
    let contents = Contents::read(file)?;
    let first = contents.whole_certificates()?.first().ok_or(CertificateFault::NoCertificate)?;
    Facts::of(first).map(|facts| facts.expires()).map_err(|_| CertificateFault::Damaged(1))
}
