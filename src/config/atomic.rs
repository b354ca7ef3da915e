//! Writing a small file so that a power cut at any moment leaves either the old or the new one, whole.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Writes `bytes` beside `path`, makes them durable, and puts them in its place. Owner only (0600).
///
/// # Errors
/// What the system says; the old file is whole then.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // A settings file that is a link stays one.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    make_folder_of(&path)?;
    let beside = beside(&path, ".new");
    // A file left over from a power cut may have other rights: it is made anew.
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    fs::rename(&beside, &path)?;
    sync_folder_of(&path)
}

/// Makes the folder in which `path` lies, for the owner only.
pub(super) fn make_folder_of(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => DirBuilder::new().recursive(true).mode(0o700).create(folder),
        _ => Ok(()),
    }
}

/// Makes a new or renamed entry of a folder durable.
pub(super) fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    File::open(folder)?.sync_all()
}

/// `path` with something after its name.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
