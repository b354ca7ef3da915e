//! The folder of the kept pictures of visitors: written, read and emptied beside the loop.
//!
//! Which picture is kept and for how long is the phone's; here it is only done. The folder holds nothing but files with the
//! names of pictures, whole, for the owner only; what a power cut has left over goes at the next start.

use std::collections::{BTreeSet, VecDeque};
use std::fmt::Display;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use tokio::sync::mpsc::UnboundedSender;

use super::errands::Errands;
use super::sticks::{self, Links};
use crate::channel::{CallHandle, LogEntry, Picture, PictureName, PictureSize};
use crate::config::{FileError, FileFault, write_atomically};
use crate::media::video::Still;
use crate::media::video::still::{self, Fit};

/// The folder in the data directory.
const FOLDER: &str = "pictures";
/// The largest picture that is kept, in pixels; larger ones are made smaller.
const LARGEST: (u32, u32) = (640, 480);
/// The largest file that is read, in bytes; ours are far smaller.
const LARGEST_FILE: u64 = 4 << 20;
/// The most pictures that are written at a time, and the most folders' worth of them that are removed.
const MOST_WRITTEN: usize = 8;
/// The most pictures that are read at a time.
const MOST_READ: usize = 2;
/// The most pictures that wait to be read: more than a screen shows.
const MOST_WAITING: usize = 24;

/// What a thread has done.
#[derive(Debug)]
pub enum Done {
    /// Of [`Desk::keep`].
    Kept {
        /// Whose visitor it is.
        call: CallHandle,
        /// The picture.
        name: PictureName,
        /// How many bytes it has, or why it is not kept.
        result: Result<u32, FileError>,
    },
    /// Of [`Desk::show`].
    Read {
        /// The picture.
        file: PictureName,
        /// How large it was wanted.
        size: PictureSize,
        /// What it looks like; none where it has gone or cannot be read.
        picture: Option<Picture>,
    },
    /// Of [`Desk::remove`].
    Removed,
}

/// Gives work out.
#[derive(Debug)]
pub struct Desk {
    folder: PathBuf,
    writing: Errands<Done>,
    reading: Errands<Done>,
    /// Pictures to be read, the newest wish last.
    waiting: VecDeque<(PictureName, PictureSize)>,
}

impl Desk {
    /// Nothing to do yet; what is done is told on `done`, and each of it to [`Desk::settle`].
    pub fn new(data: &Path, done: UnboundedSender<Done>) -> Self {
        Self {
            folder: data.join(FOLDER),
            writing: Errands::new("picture-out", MOST_WRITTEN, done.clone()),
            reading: Errands::new("picture-in", MOST_READ, done),
            waiting: VecDeque::new(),
        }
    }

    /// Keeps a picture under this name.
    ///
    /// # Errors
    /// Why nothing is done.
    pub fn keep(&mut self, call: CallHandle, name: PictureName, still: Still) -> Result<(), FileError> {
        let file = self.folder.join(name.as_str());
        let begun = self.writing.begin(None, {
            let file = file.clone();
            move |_| Done::Kept { call, name, result: write(&file, &still) }
        });
        begun.map_err(|(fault, _)| fault.of(file))
    }

    /// Removes these pictures. One that cannot be removed is tried again at the next start, when no line has it.
    pub fn remove(&mut self, names: Vec<PictureName>) {
        let folder = self.folder.clone();
        let begun = self.writing.begin(None, move |_| {
            names.iter().for_each(|name| remove(&folder.join(name.as_str())));
            Done::Removed
        });
        if let Err((why, _)) = begun {
            tracing::warn!("pictures of visitors are not removed before the next start: {why}");
        }
    }

    /// Reads a picture; of many the newest wishes come first, and the oldest are forgotten.
    pub fn show(&mut self, file: PictureName, size: PictureSize) {
        let wish = (file, size);
        self.waiting.retain(|other| *other != wish);
        self.waiting.push_back(wish);
        if self.waiting.len() > MOST_WAITING {
            self.waiting.pop_front();
        }
        self.read_next();
    }

    /// One piece of work is done.
    pub fn settle(&mut self, done: &Done) {
        match done {
            Done::Kept { .. } | Done::Removed => self.writing.settle(),
            Done::Read { .. } => {
                self.reading.settle();
                self.read_next();
            }
        }
    }

    fn read_next(&mut self) {
        while let Some((file, size)) = self.waiting.pop_back() {
            let path = self.folder.join(file.as_str());
            let begun = self.reading.begin(None, {
                let file = file.clone();
                move |_| Done::Read { picture: read(&path, size), file, size }
            });
            if begun.is_err() {
                self.waiting.push_back((file, size));
                return;
            }
        }
    }
}

/// Writes a picture, whole or not at all; how many bytes it has.
fn write(file: &Path, picture: &Still) -> Result<u32, FileError> {
    let bytes = still::to_jpeg(picture, LARGEST).map_err(|error| FileFault::System(error.to_string()).of(file))?;
    write_atomically(file, &bytes).map_err(|error| {
        // What is half written must not take the room of the next one.
        remove(&file.with_extension("jpg.new"));
        FileFault::from(error).of(file)
    })?;
    u32::try_from(bytes.len()).map_err(|_| FileFault::TooLarge(LARGEST_FILE).of(file))
}

fn read(file: &Path, size: PictureSize) -> Option<Picture> {
    let said = |problem: &dyn Display| tracing::debug!("{}: {problem}", file.display());
    let bytes = sticks::bytes(file, Links::Refused, LARGEST_FILE).map_err(|fault| said(&fault)).ok()?;
    let wanted = match size {
        PictureSize::Width(width) => Fit::Width(width),
        PictureSize::Within(width, height) => Fit::Within(width, height),
        PictureSize::Whole => Fit::Whole,
    };
    let (width, height, rgb) = still::from_jpeg(bytes, wanted).map_err(|error| said(&error)).ok()?;
    Some(Picture { width, height, rgb: rgb.into() })
}

fn remove(file: &Path) {
    match fs::remove_file(file) {
        Err(error) if error.kind() != ErrorKind::NotFound => tracing::warn!("{}: {error}", file.display()),
        _ => {}
    }
}

/// Brings folder and log together before anything else is done with them: files that no line has go, and so does what is
/// left over of half-written ones; a line whose file has gone has no picture. Other files are left alone.
pub fn sweep(data: &Path, log: &mut [LogEntry]) {
    let folder = data.join(FOLDER);
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) => {
            if error.kind() != ErrorKind::NotFound {
                tracing::warn!("{}: {error}", folder.display());
            }
            log.iter_mut().for_each(|entry| entry.picture = None);
            return;
        }
    };
    let known: BTreeSet<PictureName> =
        log.iter().filter_map(|entry| Some(entry.picture.as_ref()?.file.clone())).collect();
    let mut there = BTreeSet::new();
    for entry in entries.flatten() {
        let Ok(text) = entry.file_name().into_string() else { continue };
        match PictureName::parse(&text) {
            Some(name) if known.contains(&name) => {
                there.insert(name);
            }
            Some(_) => remove(&entry.path()),
            None if text.strip_suffix(".new").is_some_and(|text| PictureName::parse(text).is_some()) => {
                remove(&entry.path());
            }
            None => {}
        }
    }
    for entry in log {
        entry.picture.take_if(|picture| !there.contains(&picture.file));
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::time::SystemTime;

    use super::*;
    use crate::channel::VisitorPicture;
    use crate::media::video::still::testing::still;
    use crate::worker::testing::on_runtime;

    fn name(n: u32) -> PictureName {
        PictureName::of(SystemTime::UNIX_EPOCH, CallHandle(n))
    }

    fn entry(picture: Option<PictureName>) -> LogEntry {
        let picture = picture.map(|file| VisitorPicture { file, bytes: 1 });
        LogEntry { picture, ..LogEntry::of_visitor("Front door") }
    }

    #[test]
    fn a_kept_picture_is_the_owners_alone_and_is_shown_until_it_is_removed() {
        let data = tempfile::tempdir().expect("a temporary directory");
        let (done_in, mut done) = tokio::sync::mpsc::unbounded_channel();
        let mut desk = Desk::new(data.path(), done_in);
        desk.keep(CallHandle(1), name(1), still(320, 240)).expect("a thread");
        on_runtime(async {
            let Some(Done::Kept { call: CallHandle(1), name: kept, result: Ok(bytes) }) = done.recv().await else {
                panic!("it is kept");
            };
            assert_eq!(kept, name(1));
            let file = data.path().join(FOLDER).join(kept.as_str());
            let described = fs::metadata(&file).expect("it is there");
            assert_eq!((described.len(), described.permissions().mode() & 0o777), (u64::from(bytes), 0o600));
            let folder = fs::metadata(data.path().join(FOLDER)).expect("it is there");
            assert_eq!(folder.permissions().mode() & 0o777, 0o700);

            for (size, width, height) in [(PictureSize::Whole, 320, 240), (PictureSize::Width(80), 80, 60)] {
                desk.show(kept.clone(), size);
                let read = done.recv().await.expect("it is read");
                desk.settle(&read);
                let Done::Read { picture: Some(picture), .. } = read else { panic!("{read:?}") };
                assert_eq!((picture.width, picture.height), (width, height));
            }
            desk.remove(vec![kept.clone(), name(2)]);
            assert!(matches!(done.recv().await, Some(Done::Removed)));
            assert!(!file.exists());
            desk.show(kept, PictureSize::Whole);
            assert!(matches!(done.recv().await, Some(Done::Read { picture: None, .. })));
        });
    }

    #[test]
    fn a_folder_that_takes_nothing_is_named_with_the_reason() {
        let data = tempfile::tempdir().expect("a temporary directory");
        // A plain file stands where the folder should be.
        fs::write(data.path().join(FOLDER), "").expect("written");
        let file = data.path().join(FOLDER).join("1-1.jpg");
        let error = write(&file, &still(320, 240)).expect_err("there is no folder");
        assert_eq!(error.file, file);
    }

    #[test]
    fn a_full_disk_leaves_nothing_half_written() {
        let data = tempfile::tempdir().expect("a temporary directory");
        let file = data.path().join(FOLDER).join("1-1.jpg");
        fs::create_dir_all(&file).expect("a folder stands in the way of the last step");
        fs::write(file.join("x"), "").expect("and it is not empty");
        write(&file, &still(320, 240)).expect_err("nothing can be put there");
        let left: Vec<_> = fs::read_dir(data.path().join(FOLDER)).expect("it is there").flatten().collect();
        assert_eq!(left.len(), 1, "{left:?}");
    }

    #[test]
    fn of_many_wishes_the_newest_come_first_and_the_oldest_are_forgotten() {
        let data = tempfile::tempdir().expect("a temporary directory");
        let (done_in, mut done) = tokio::sync::mpsc::unbounded_channel();
        let mut desk = Desk::new(data.path(), done_in);
        let wishes = MOST_READ + MOST_WAITING + 10;
        for n in 0..wishes {
            desk.show(name(u32::try_from(n).expect("few")), PictureSize::Width(80));
        }
        desk.show(name(50), PictureSize::Whole);
        desk.show(name(50), PictureSize::Whole);
        assert_eq!(desk.waiting.back(), Some(&(name(50), PictureSize::Whole)), "it is the next to be read");
        on_runtime(async {
            let mut came = Vec::new();
            for _ in 0..MOST_READ + MOST_WAITING {
                let read = done.recv().await.expect("it is read");
                desk.settle(&read);
                let Done::Read { file, .. } = read else { panic!("{read:?}") };
                came.push(file);
            }
            assert!(done.try_recv().is_err(), "no more were begun");
            assert_eq!(came.iter().filter(|file| **file == name(50)).count(), 1, "the newest, once");
            assert!(!came.contains(&name(5)), "it was forgotten");
        });
    }

    #[test]
    fn a_start_brings_folder_and_log_together() {
        let data = tempfile::tempdir().expect("a temporary directory");
        let mut log = vec![entry(Some(name(1))), entry(None), entry(Some(name(2)))];
        let folder = data.path().join(FOLDER);
        fs::create_dir(&folder).expect("made");
        for file in ["0-1.jpg", "0-3.jpg", "0-4.jpg.new", "notes.txt", "0-1.png"] {
            fs::write(folder.join(file), "x").expect("written");
        }
        sweep(data.path(), &mut log);
        let pictures: Vec<_> = log.iter().map(|entry| entry.picture.as_ref().map(|it| it.file.clone())).collect();
        assert_eq!(pictures, [Some(name(1)), None, None]);
        let mut left: Vec<_> = fs::read_dir(&folder).expect("it is there").flatten().map(|e| e.file_name()).collect();
        left.sort();
        assert_eq!(left, ["0-1.jpg", "0-1.png", "notes.txt"]);
        fs::remove_dir_all(&folder).expect("removed");
        sweep(data.path(), &mut log);
        assert!(log.iter().all(|entry| entry.picture.is_none()));
        assert!(!folder.exists(), "nothing is made for nothing");
    }
}
