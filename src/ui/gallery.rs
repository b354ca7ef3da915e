//! Kept pictures of visitors on the screen: asked of the worker when a row comes into sight, and the last one of each door.

use std::collections::{HashSet, VecDeque};
use std::rc::Rc;
use std::time::SystemTime;

use slint::{Image, Rgb8Pixel, SharedPixelBuffer};

use super::panel::{Panel, State};
use super::{convert, generated as ui, home, log};
use crate::channel::{CallDirection, Command, LogEntry, Picture, PictureName, PictureSize};

/// How many pictures of rows are remembered: some screens full.
const MOST_ROWS: usize = 64;

/// The last picture of whoever calls from some host.
#[derive(Clone)]
pub(super) struct Seen {
    pub(super) picture: Image,
    /// When it was taken.
    pub(super) at: SystemTime,
    /// The kept picture that it is; none for one that was seen live.
    pub(super) file: Option<PictureName>,
}

/// What was read and asked for.
#[derive(Default)]
pub(super) struct Gallery {
    /// Pictures of rows, the newest last; none for one that cannot be shown.
    rows: VecDeque<(PictureName, Option<Image>)>,
    /// Pictures asked for to be the last one of a host.
    asked: HashSet<PictureName>,
}

impl Gallery {
    /// The picture of a row: none where it was not read yet, nothing in it where it cannot be.
    pub(super) fn row(&self, file: &PictureName) -> Option<Option<&Image>> {
        self.rows.iter().find(|(name, _)| name == file).map(|(_, picture)| picture.as_ref())
    }

    /// A picture of a row was read.
    pub(super) fn insert(&mut self, file: PictureName, picture: Option<Image>) {
        self.rows.retain(|(name, _)| *name != file);
        self.rows.push_back((file, picture));
        if self.rows.len() > MOST_ROWS {
            self.rows.pop_front();
        }
    }

    /// Pictures that no line has any longer are forgotten.
    fn retain(&mut self, log: &[LogEntry]) {
        let there: HashSet<_> = log.iter().filter_map(|entry| Some(&entry.picture.as_ref()?.file)).collect();
        self.rows.retain(|(name, _)| there.contains(name));
        self.asked.retain(|name| there.contains(name));
    }
}

/// The picture as the renderer takes it; none where the bytes are not those of such a picture.
pub(super) fn image(picture: &Picture) -> Option<Image> {
    let Picture { width, height, rgb } = picture;
    let whole = u64::from(*width) * u64::from(*height) * 3 == rgb.len() as u64;
    whole.then(|| Image::from_rgb8(SharedPixelBuffer::<Rgb8Pixel>::clone_from_slice(rgb, *width, *height)))
}

/// After a change of log, settings or call: forgets what has gone, and asks for the last picture of each door, and of whoever
/// calls, that nobody has seen live since the start.
pub(super) fn settle(panel: &Rc<Panel>) {
    let wanted = {
        let mut state = panel.state.borrow_mut();
        let State { gallery, pictures, log, config, calls, .. } = &mut *state;
        gallery.retain(log);
        let is_kept = |file: &PictureName| log.iter().any(|e| e.picture.as_ref().is_some_and(|it| it.file == *file));
        pictures.retain(|_, seen| seen.file.as_ref().is_none_or(is_kept));
        if log.iter().all(|entry| entry.picture.is_none()) {
            return;
        }
        let doors = config.doors().flat_map(|door| &door.numbers).map(|number| convert::host(number));
        let callers = calls.values().filter(|call| call.direction == CallDirection::In);
        let hosts = doors.chain(callers.map(|call| convert::host(&call.remote)));
        let wanted: Vec<_> =
            hosts.filter(|host| !pictures.contains_key(host)).filter_map(|host| Some(last(log, &host)?.0)).collect();
        wanted.into_iter().filter(|file| gallery.asked.insert(file.clone())).collect::<Vec<_>>()
    };
    for file in wanted {
        panel.send(Command::ShowPicture { file, size: PictureSize::Whole });
    }
}

/// The newest kept picture of whoever called from this host.
fn last(log: &[LogEntry], host: &str) -> Option<(PictureName, SystemTime)> {
    let from_there = log.iter().filter(|entry| convert::host(&entry.remote) == host);
    from_there.filter_map(|entry| Some((entry.picture.as_ref()?.file.clone(), entry.at))).next()
}

/// The worker has read a picture, or cannot.
pub(super) fn handle(
    panel: &Rc<Panel>,
    window: &ui::AppWindow,
    file: PictureName,
    size: PictureSize,
    picture: Option<Picture>,
) {
    let picture = picture.as_ref().and_then(image);
    match size {
        PictureSize::Width(_) => {
            panel.state.borrow_mut().gallery.insert(file.clone(), picture);
            log::apply_row(window, &panel.state.borrow(), &file);
        }
        PictureSize::Within(..) => {
            log::handle_large(&mut panel.state.borrow_mut(), &file, picture);
            log::apply_detail(window, &panel.state.borrow());
        }
        PictureSize::Whole => {
            {
                let mut state = panel.state.borrow_mut();
                let entry = state.log.iter().find(|entry| entry.picture.as_ref().is_some_and(|it| it.file == file));
                let Some((host, at)) = entry.map(|entry| (convert::host(&entry.remote), entry.at)) else { return };
                let Some(picture) = picture else { return };
                state.pictures.entry(host).or_insert(Seen { picture, at, file: Some(file) });
            }
            home::apply(window, &panel.state.borrow());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::CallHandle;

    fn name(n: usize) -> PictureName {
        PictureName::of(SystemTime::UNIX_EPOCH, CallHandle(u32::try_from(n).expect("few")))
    }

    #[test]
    fn pictures_of_rows_are_bounded_and_one_that_cannot_be_read_is_not_asked_for_again() {
        let mut gallery = Gallery::default();
        for n in 0..MOST_ROWS + 1 {
            gallery.insert(name(n), None);
        }
        assert!(gallery.row(&name(0)).is_none());
        assert_eq!(gallery.row(&name(MOST_ROWS)), Some(None));
        gallery.insert(name(MOST_ROWS), Some(Image::default()));
        assert_eq!(gallery.rows.len(), MOST_ROWS);
        assert!(gallery.row(&name(MOST_ROWS)).is_some_and(|picture| picture.is_some()));
        gallery.retain(&[]);
        assert!(gallery.rows.is_empty());
    }

    #[test]
    fn bytes_of_another_size_are_no_picture() {
        let picture = |width, bytes: usize| Picture { width, height: 2, rgb: vec![7; bytes].into() };
        assert_eq!(image(&picture(3, 18)).map(|image| (image.size().width, image.size().height)), Some((3, 2)));
        assert!(image(&picture(3, 17)).is_none());
        assert!(image(&picture(u32::MAX, 18)).is_none());
    }
}
