//! Writing a small file so that a power cut at any moment leaves either the old or the new one, whole.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

/// Writes `bytes` beside `path`, makes them durable, and puts them in its place. Owner only (0600); where root writes, the
/// owner is who had the file before, else who has the folder.
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
    give_to_owner_of(&path, &file)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    fs::rename(&beside, &path)?;
    sync_folder_of(&path)
}

/// A panel cannot read what root has changed for it and kept for itself. Whoever is not root can give nothing away, and what
/// is made is his own.
fn give_to_owner_of(path: &Path, file: &File) -> io::Result<()> {
    let had = fs::metadata(path).or_else(|_| fs::metadata(folder_of(path)))?;
    let made = file.metadata()?;
    if made.uid() == 0 && (had.uid(), had.gid()) != (made.uid(), made.gid()) {
        fchown(file, Some(had.uid()), Some(had.gid()))?;
    }
    Ok(())
}

/// Makes the folder in which `path` lies, for the owner only.
pub(super) fn make_folder_of(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder_of(path))
}

/// Makes a new or renamed entry of a folder durable.
pub(super) fn sync_folder_of(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// `path` with something after its name.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::chown;

    use super::*;

    /// Only root can give something away: for anybody else there is nothing to be seen here.
    #[test]
    fn what_root_writes_belongs_to_whom_the_file_or_its_folder_did() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let path = folder.path().join("config.toml");
        if folder.path().metadata().expect("there").uid() != 0 {
            return;
        }
        let owner = || path.metadata().map(|file| (file.uid(), file.gid())).expect("there");
        chown(folder.path(), Some(7), Some(8)).expect("root may");
        write(&path, b"a").expect("written");
        assert_eq!(owner(), (7, 8), "its folder's");
        chown(&path, Some(9), Some(10)).expect("root may");
        write(&path, b"b").expect("written");
        assert_eq!((owner(), fs::read(&path).expect("there")), ((9, 10), b"b".to_vec()), "its own");
    }
}
