//! The settings file on disk: where it lies, how it is loaded whatever state it is in, how it is saved.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::{Config, FileError, FileFault, Problem, Rest, atomic, file};

/// A settings file larger than this is not read: 10,000 contacts need less.
const LARGEST: u64 = 8 << 20;

/// The most files of one kind that are kept aside.
const MOST_KEPT: usize = 99;

/// The folders of the user whose panel it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// The settings file.
    pub config: PathBuf,
    /// The folder of the call log and the like.
    pub data: PathBuf,
}

impl Places {
    /// As the system has them; `None` for a user without a home.
    pub fn of_user() -> Option<Self> {
        let folders = directories::ProjectDirs::from("", "", "vestibule")?;
        Some(Self { config: folders.config_dir().join("config.toml"), data: folders.data_dir().to_owned() })
    }
}

/// What came of opening the settings file.
#[derive(Clone, Debug, Default)]
pub struct Opened {
    /// The settings in force.
    pub config: Config,
    /// What is wrong in the file.
    pub problems: Vec<Problem>,
    /// Where a damaged file was kept.
    pub kept_as: Option<PathBuf>,
}

/// The settings file. Remembers what the file holds beyond this version's settings and writes it back.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    rest: Rest,
    /// The file is there but cannot be read: it is moved aside before another takes its place.
    unreadable: bool,
    /// The file as it was last read or written here; none while there was none.
    known: Option<State>,
}

/// Tells a file from what somebody else makes of it, by an editor or by another program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    inode: u64,
    changed: (i64, i64),
    length: u64,
}

impl State {
    fn of(path: &Path) -> Option<Self> {
        let file = fs::metadata(path).ok()?;
        Some(Self { inode: file.ino(), changed: (file.mtime(), file.mtime_nsec()), length: file.len() })
    }
}

impl Store {
    /// Loads the settings as far as they can be loaded. A missing file means the defaults; nothing is written, except
    /// the copy of a damaged file. A file that others may read, because an editor wrote it, is closed to them.
    pub fn open(path: &Path) -> (Self, Opened) {
        let mut store =
            Self { path: path.to_owned(), rest: Rest::default(), unreadable: false, known: State::of(path) };
        let mut opened = Opened::default();
        let bytes = match read_limited(path) {
            Ok(Some(bytes)) => {
                make_private(path);
                bytes
            }
            Ok(None) => return (store, opened),
            Err(fault) => {
                opened.problems.push(Problem::Unreadable(fault.of(path)));
                store.unreadable = true;
                return (store, opened);
            }
        };
        let text = String::from_utf8_lossy(&bytes);
        let mut loaded = file::read(&text);
        if let std::borrow::Cow::Owned(_) = text {
            loaded.problems.push(Problem::NotUtf8);
            loaded.damaged = true;
        }
        if loaded.damaged {
            match keep_aside(path, "damaged", &bytes) {
                Ok(kept) => opened.kept_as = Some(kept),
                Err(fault) => loaded.problems.push(Problem::NotKept(fault)),
            }
        }
        opened.config = loaded.config;
        opened.problems.extend(loaded.problems);
        store.rest = loaded.rest;
        (store, opened)
    }

    /// Writes the settings atomically; they have outlived a power cut once this returns. What somebody else has written into
    /// the file meanwhile is kept aside.
    ///
    /// # Errors
    /// Why not, with the file; the old file is whole then.
    pub fn save(&mut self, config: &Config) -> Result<(), FileError> {
        self.try_save(config).map_err(|fault| fault.of(&self.path))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn try_save(&mut self, config: &Config) -> Result<(), FileFault> {
        self.make_way()?;
        atomic::write(&self.path, file::write(config, &self.rest).as_bytes())?;
        self.known = State::of(&self.path);
        Ok(())
    }

    fn make_way(&mut self) -> Result<(), FileFault> {
        if self.unreadable && self.path.exists() {
            fs::rename(&self.path, free_name(&self.path)?)?;
        } else if State::of(&self.path) != self.known {
            self.keep_changed();
        }
        self.unreadable = false;
        Ok(())
    }

    /// Settings that cannot be kept because of a stranger's copy that cannot be would be the greater loss.
    fn keep_changed(&self) {
        let kept = read_limited(&self.path)
            .and_then(|there| there.map(|it| keep_aside(&self.path, "changed", &it)).transpose());
        let path = self.path.display();
        match kept {
            Ok(Some(kept)) => {
                let kept = kept.display();
                tracing::warn!("{path} was changed by somebody else while the panel ran; that is kept as {kept}");
            }
            Ok(None) => {}
            Err(fault) => {
                tracing::error!(
                    "{path} was changed by somebody else while the panel ran, and that cannot be kept: {fault}"
                );
            }
        }
    }
}

/// Passwords may stand in the file. Where that cannot be changed, the next save makes a file of our own.
fn make_private(path: &Path) {
    if fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o077 != 0) {
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap_or_default();
    }
}

/// What stands in the file; `None` where there is none.
fn read_limited(path: &Path) -> Result<Option<Vec<u8>>, FileFault> {
    let file = match fs::File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let mut bytes = Vec::new();
    let read = file.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if read as u64 > LARGEST {
        return Err(FileFault::TooLarge(LARGEST));
    }
    Ok(Some(bytes))
}

/// Copies a file to `config.toml.damaged-1` or the next free number, once: starting again and again with the same damaged
/// file makes no more copies.
fn keep_aside(path: &Path, kind: &str, bytes: &[u8]) -> Result<PathBuf, FileFault> {
    for number in 1..=MOST_KEPT {
        let name = atomic::beside(path, &format!(".{kind}-{number}"));
        match fs::read(&name) {
            Ok(there) if there == bytes => return Ok(name),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                atomic::write(&name, bytes)?;
                return Ok(name);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(FileFault::TooManyKept(MOST_KEPT))
}

fn free_name(path: &Path) -> Result<PathBuf, FileFault> {
    (1..=MOST_KEPT)
        .map(|number| atomic::beside(path, &format!(".damaged-{number}")))
        .find(|name| fs::symlink_metadata(name).is_err())
        .ok_or(FileFault::TooManyKept(MOST_KEPT))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("deep/config.toml");
        (folder, path)
    }

    fn put(path: &Path, text: impl AsRef<[u8]>) {
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, text).expect("written");
    }

    #[test]
    fn a_file_that_an_editor_left_open_to_all_is_closed() {
        let (_folder, path) = folder();
        put(&path, "[account1.basic]\npassword = \"secret\"\n");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("our own file");
        let (_, opened) = Store::open(&path);
        assert_eq!(opened.problems.len(), 0);
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_missing_file_is_the_defaults_and_is_made_by_saving() {
        let (_folder, path) = folder();
        let (mut store, opened) = Store::open(&path);
        assert_eq!(opened.config, Config::default());
        assert_eq!((opened.problems.len(), opened.kept_as), (0, None));
        assert!(!path.exists());
        let config = opened.config.set("audio.volume", "11").expect("in range");
        store.save(&config).expect("saved");
        assert_eq!(Store::open(&path).1.config, config);
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        let names: Vec<_> = fs::read_dir(path.parent().expect("a folder"))
            .expect("read")
            .flatten()
            .map(|entry| entry.file_name())
            .collect();
        assert_eq!(names, ["config.toml"], "nothing is left lying about");
    }

    #[test]
    fn what_somebody_else_writes_into_the_file_meanwhile_is_kept_aside() {
        let (_folder, path) = folder();
        let (mut store, Opened { config, .. }) = Store::open(&path);
        store.save(&config).expect("saved");
        store.save(&config).expect("saved again");
        let kept = |number: u32| atomic::beside(&path, &format!(".changed-{number}"));
        assert!(!kept(1).exists(), "nobody else has written");
        let mut by_hand = fs::read_to_string(&path).expect("a file");
        by_hand.push_str("[account1.basic]\nserver = \"10.0.0.9\"\n");
        fs::write(&path, &by_hand).expect("written by hand");
        store.save(&config).expect("saved");
        assert_eq!(fs::read_to_string(kept(1)).expect("it is kept"), by_hand);
        store.save(&config).expect("saved");
        assert!(!kept(2).exists(), "once");
        fs::remove_file(&path).expect("removed by hand");
        store.save(&config).expect("saved");
        assert!(path.is_file() && !kept(2).exists(), "nothing is there to be kept");
    }

    #[test]
    fn a_damaged_file_is_kept_aside_once() {
        let (_folder, path) = folder();
        put(&path, "[audio]\nvolume = 20\nring_volume = = 3\n");
        let (_, opened) = Store::open(&path);
        let kept = atomic::beside(&path, ".damaged-1");
        assert_eq!(opened.kept_as.as_ref(), Some(&kept));
        assert_eq!(opened.config.audio_volume, 20);
        let (mut store, again) = Store::open(&path);
        assert_eq!(again.kept_as.as_ref(), Some(&kept));
        store.save(&again.config).expect("saved");
        assert_eq!(Store::open(&path).1.problems, Vec::<Problem>::new());
        assert!(fs::read_to_string(&kept).expect("kept").contains("= = 3"));
        put(&path, b"[audio]\nvolume = 21\nx = \"\xff\"\n");
        assert_eq!(Store::open(&path).1.kept_as, Some(atomic::beside(&path, ".damaged-2")));
    }

    #[test]
    fn unknown_keys_and_contacts_outlive_a_save() {
        let (_folder, path) = folder();
        put(
            &path,
            "[mqtt]\nbroker = \"10.0.0.9\"\n[[contact]]\nname = \"Anna\"\nnumbers = [\"12\"]\n[[contact]]\nnumbers = [\"13\"]\n",
        );
        let (mut store, opened) = Store::open(&path);
        assert_eq!(opened.kept_as, None);
        store.save(&opened.config.set("phone.dnd.mode", "silent").expect("a mode")).expect("saved");
        let text = fs::read_to_string(&path).expect("there");
        for kept in ["broker = \"10.0.0.9\"", "name = \"Anna\"", "\"13\"", "mode = \"silent\""] {
            assert!(text.contains(kept), "{kept} in\n{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_or_written_is_said() {
        let (_folder, path) = folder();
        fs::create_dir_all(&path).expect("a folder in the place of the file");
        let (mut store, opened) = Store::open(&path);
        assert!(
            matches!(&opened.problems[..], [Problem::Unreadable(error)] if error.file == path),
            "{:?}",
            opened.problems
        );
        store.save(&opened.config).expect("the folder is moved aside");
        assert!(path.is_file() && atomic::beside(&path, ".damaged-1").is_dir());

        let (folder, _) = self::folder();
        put(&folder.path().join("file"), "x");
        let below = folder.path().join("file/config.toml");
        let (mut store, opened) = Store::open(&below);
        let error = store.save(&opened.config).expect_err("a file is no folder");
        assert_eq!(error.file, below);
        assert!(error.to_string().contains("config.toml: "), "{error}");
    }
}
