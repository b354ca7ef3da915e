//! Pictures of visitors for the call log: of whom one is taken, how long it is kept, and when it goes.
//!
//! ```text
//!  a call comes in with a picture ─▶ TakePicture ─▶ begin_picture: its name ─▶ handle_picture: it is on the disk
//!                                                                                │ into the call, or into its line
//!  answered, old, too many, its line gone, deleted by a person ─▶ line without it, saved ─▶ DropPictures
//! ```
//! A line bears a picture only once the file is whole on the disk, and a file goes only once no line on the disk bears it: a power
//! cut leaves files that no line has, never lines with half a picture. Such files are swept at the next start.

use std::time::{Duration, Instant, SystemTime};

use super::call::Call;
use super::output::{MediaOrder, Output};
use super::{Now, Phone};
use crate::channel::{CallDirection, CallHandle, NoticeKind, PictureName, VisitorPicture};
use crate::config::{Config, FileError};

/// How many pictures are kept in all.
pub const MOST: usize = 1000;
/// How many bytes they fill in all.
pub const MOST_BYTES: u64 = 100 << 20;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// How often it is looked whether a picture is old; only while there are any.
const LOOK: Duration = Duration::from_secs(60 * 60);
/// Calls that have ended before their picture was on the disk; of more, the oldest go without.
const LATE: usize = 8;

/// What becomes of the picture of the visitor in one call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Visitor {
    /// None is taken, or none any longer.
    #[default]
    Unseen,
    /// The media engines are to take one.
    Awaited,
    /// It is on its way to the disk.
    Written(PictureName),
    /// It is on the disk.
    Kept(VisitorPicture),
    /// It is on its way to the disk and is not wanted any longer.
    Unwanted,
}

impl Visitor {
    /// The picture, once it is on the disk.
    pub fn kept(&self) -> Option<&VisitorPicture> {
        match self {
            Self::Kept(picture) => Some(picture),
            _ => None,
        }
    }
}

/// A call that is over and whose picture is not on the disk yet.
#[derive(Debug)]
struct Late {
    call: CallHandle,
    began: SystemTime,
    /// Its name, once that was asked for.
    name: Option<PictureName>,
}

/// What is remembered of pictures besides the calls and the log.
#[derive(Debug, Default)]
pub(super) struct Visitors {
    late: Vec<Late>,
    /// When it is looked whether a picture is old.
    look_at: Option<Instant>,
}

impl Visitors {
    /// When [`Phone::tend_pictures`] is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.look_at
    }
}

/// Whether a picture of this call's visitor is to be taken and none has been asked for yet.
pub(super) fn is_wanted(config: &Config, call: &Call) -> bool {
    let video = call.media.streams.as_ref().and_then(|streams| streams.video.as_ref());
    config.call_log_pictures
        && call.visitor == Visitor::Unseen
        && call.direction == CallDirection::In
        && video.is_some_and(|video| video.direction.receives())
        && !(config.call_log_delete_if_answered && call.talking().is_some())
}

/// The pictures that have to go: those that are too old, then the oldest of too many. `pictures` are the oldest first.
fn outdated(pictures: &[(SystemTime, VisitorPicture)], now: SystemTime, days: u32) -> Vec<PictureName> {
    let is_old = |began: SystemTime| now.duration_since(began).is_ok_and(|age| age >= DAY * days);
    let mut fitting = MOST;
    let mut room = MOST_BYTES;
    let mut gone = Vec::new();
    for (began, picture) in pictures.iter().rev() {
        let bytes = u64::from(picture.bytes);
        if is_old(*began) || fitting == 0 || room < bytes {
            // What is older than one that does not fit goes, too: of those that stay, none is older than one that went.
            fitting = if is_old(*began) { fitting } else { 0 };
            gone.push(picture.file.clone());
        } else {
            fitting -= 1;
            room -= bytes;
        }
    }
    gone
}

impl Phone {
    /// The media engines have the picture of this call's visitor: the name of its file, if it is still wanted. Once it is
    /// written, or cannot be, [`Phone::handle_picture`] follows.
    pub fn begin_picture(&mut self, handle: CallHandle) -> Option<PictureName> {
        if !self.config.call_log_pictures {
            return None;
        }
        if let Some(call) = self.calls.get_mut(&handle) {
            let name = PictureName::of(call.began.wall, handle);
            let awaited = call.visitor == Visitor::Awaited;
            return awaited.then(|| {
                call.visitor = Visitor::Written(name.clone());
                name
            });
        }
        let late = self.visitors.late.iter_mut().find(|late| late.call == handle && late.name.is_none())?;
        Some(late.name.insert(PictureName::of(late.began, handle)).clone())
    }

    /// The picture of this call's visitor is whole on the disk, with so many bytes, or cannot be written.
    pub fn handle_picture(&mut self, now: Now, handle: CallHandle, name: PictureName, result: Result<u32, FileError>) {
        self.clear_notices(|kind| matches!(kind, NoticeKind::PicturesNotKept(_)));
        let wanted = self.take_written(handle, &name);
        match result {
            Ok(bytes) => {
                let picture = VisitorPicture { file: name, bytes };
                match wanted {
                    Wanted::ByCall => {
                        if let Some(call) = self.calls.get_mut(&handle) {
                            call.visitor = Visitor::Kept(picture);
                        }
                    }
                    Wanted::ByLine(began) => match self.log.attach(began, &picture) {
                        Some(change) => self.outputs.push_back(Output::SaveLog(change)),
                        None => self.drop_pictures(vec![picture.file]),
                    },
                    Wanted::No => self.drop_pictures(vec![picture.file]),
                }
                self.keep_pictures(now);
            }
            Err(problem) => self.notice(NoticeKind::PicturesNotKept(problem)),
        }
        self.settle(now);
    }

    /// Who waits for a picture that was written; it is on its way no longer.
    fn take_written(&mut self, handle: CallHandle, name: &PictureName) -> Wanted {
        if let Some(call) = self.calls.get_mut(&handle) {
            return match std::mem::take(&mut call.visitor) {
                Visitor::Written(written) if written == *name => Wanted::ByCall,
                _ => Wanted::No,
            };
        }
        let late = &mut self.visitors.late;
        match late.iter().position(|late| late.name.as_ref() == Some(name)) {
            Some(at) => Wanted::ByLine(late.remove(at).began),
            None => Wanted::No,
        }
    }

    /// The call was answered here: the picture goes, where that is set so.
    pub(super) fn visitor_answered(&mut self, handle: CallHandle) {
        if !self.config.call_log_delete_if_answered {
            return;
        }
        let Some(call) = self.calls.get_mut(&handle) else { return };
        match std::mem::take(&mut call.visitor) {
            Visitor::Unseen => {}
            Visitor::Awaited => self.order(MediaOrder::LeavePicture { call: handle }),
            Visitor::Written(_) | Visitor::Unwanted => call.visitor = Visitor::Unwanted,
            Visitor::Kept(picture) => self.drop_pictures(vec![picture.file]),
        }
    }

    /// The call is over and in the log: a picture that is still on its way comes later.
    pub(super) fn visitor_left(&mut self, now: Now, call: &Call) {
        let name = match &call.visitor {
            Visitor::Awaited => None,
            Visitor::Written(name) => Some(name.clone()),
            // Now it counts with those of the log.
            Visitor::Kept(_) => return self.keep_pictures(now),
            Visitor::Unseen | Visitor::Unwanted => return,
        };
        let late = &mut self.visitors.late;
        late.push(Late { call: call.handle, began: call.began.wall, name });
        late.drain(..late.len().saturating_sub(LATE));
    }

    /// Takes the pictures that are too old or too many out of the log, and notes when to look again.
    pub(super) fn keep_pictures(&mut self, now: Now) {
        let pictures = self.log.pictures();
        let gone = outdated(&pictures, now.wall, self.config.call_log_picture_days);
        self.visitors.look_at = (pictures.len() > gone.len()).then(|| now.instant + LOOK);
        if !gone.is_empty() {
            self.strip_pictures(|name| gone.contains(name));
        }
    }

    /// Looks whether a picture is old, when that is due.
    pub(super) fn tend_pictures(&mut self, now: Now) {
        if self.visitors.look_at.is_some_and(|at| at <= now.instant) {
            self.keep_pictures(now);
        }
    }

    /// Takes pictures out of the lines of the log; the files go once the log is saved.
    pub(super) fn strip_pictures(&mut self, gone: impl Fn(&PictureName) -> bool) {
        let change = self.log.strip(gone);
        self.outputs.extend(change.map(Output::SaveLog));
    }

    /// No line has these files any longer.
    pub(super) fn drop_pictures(&mut self, names: Vec<PictureName>) {
        if !names.is_empty() {
            self.outputs.push_back(Output::DropPictures(names));
        }
    }
}

/// Who waits for a picture.
enum Wanted {
    /// A call that goes on.
    ByCall,
    /// The line in the log of the call that began then.
    ByLine(SystemTime),
    /// Nobody any longer.
    No,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pictures(ages_in_days: &[u64], bytes: u32) -> Vec<(SystemTime, VisitorPicture)> {
        let now = now();
        let picture = |(n, days): (usize, &u64)| {
            let file = PictureName::of(SystemTime::UNIX_EPOCH, CallHandle(u32::try_from(n).expect("few")));
            (now - DAY * u32::try_from(*days).expect("few"), VisitorPicture { file, bytes })
        };
        ages_in_days.iter().enumerate().map(picture).collect()
    }

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + DAY * 20_000
    }

    fn gone(pictures: &[(SystemTime, VisitorPicture)], days: u32) -> Vec<String> {
        outdated(pictures, now(), days).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_picture_goes_at_its_age_and_not_before() {
        let pictures = pictures(&[40, 31, 30, 29, 0], 1000);
        assert_eq!(gone(&pictures, 30), ["0-2.jpg", "0-1.jpg", "0-0.jpg"]);
        assert!(gone(&pictures, 365).is_empty());
        assert!(outdated(&pictures, SystemTime::UNIX_EPOCH, 1).is_empty(), "a clock that was set back deletes nothing");
    }

    #[test]
    fn of_too_many_the_oldest_go() {
        let many = pictures(&vec![1; MOST + 2], 1000);
        assert_eq!(gone(&many, 30), ["0-1.jpg", "0-0.jpg"]);
    }

    #[test]
    fn of_too_many_bytes_the_oldest_go() {
        let large = u32::try_from(MOST_BYTES / 4).expect("fits");
        assert_eq!(gone(&pictures(&[5, 4, 3, 2, 1, 0], large), 30), ["0-1.jpg", "0-0.jpg"]);
        let third = u32::try_from(MOST_BYTES / 3 + 1).expect("fits");
        let mut mixed = pictures(&[3, 2, 1, 0], third);
        mixed[0].1.bytes = 1;
        assert_eq!(
            gone(&mixed, 30),
            ["0-1.jpg", "0-0.jpg"],
            "a small one that is older than one that does not fit, too"
        );
    }
}
