//! Kept pictures of visitors on the screen: asked of the worker when a row comes into sight, and the last one of each door.

use std::collections::{HashSet, VecDeque};
use std::rc::Rc;
use std::time::SystemTime;

use screens as ui;
use slint::{Image, Rgb8Pixel, SharedPixelBuffer};

use super::panel::{Panel, State};
use super::{convert, home, log};
use crate::channel::{CallDirection, CallView, Command, LogEntry, Picture, PictureName, PictureSize};
use crate::config::{Book, Config};

/// How many pictures of rows are remembered: some screens full.
const MOST_ROWS: usize = 64;

/// Whose picture one is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Whose {
    /// Of the contact of this name.
    Contact(String),
    /// Of a device that is called directly and is no contact: host and port. Who stands before it may have many names.
    Device(String),
    /// Of somebody else whom the server of an account names.
    Caller(String),
}

impl Whose {
    /// The other side of a call, by its URI and the account (0 for a direct IP call).
    pub(super) fn of(config: &Config, account: u8, remote: &str) -> Self {
        if let Some(contact) = config.contact_of(remote) {
            return Self::Contact(contact.name.clone());
        }
        let short = convert::short(remote);
        match account {
            0 => Self::Device(short.rsplit('@').next().unwrap_or_default().to_owned()),
            _ => Self::Caller(short),
        }
    }

    pub(super) fn of_call(config: &Config, call: &CallView) -> Self {
        Self::of(config, call.account, &call.remote)
    }

    pub(super) fn of_line(config: &Config, line: &LogEntry) -> Self {
        Self::of(config, line.account, &line.remote)
    }
}

/// The last picture of somebody.
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
    /// Pictures asked for to be the last one of somebody.
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

/// The contacts have changed: one that has gone, or has other numbers, is somebody else.
pub(super) fn handle_change(state: &mut State, before: &Book) {
    let State { pictures, config, .. } = state;
    let numbers = |contacts: &Book, name: &str| contacts.named(name).map(|contact| contact.numbers.clone());
    pictures.retain(|whose, _| match whose {
        Whose::Contact(name) => numbers(before, name) == numbers(&config.contacts, name),
        Whose::Device(_) | Whose::Caller(_) => true,
    });
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
        let doors = config.doors().map(|door| Whose::Contact(door.name.clone()));
        let callers = calls.values().filter(|call| call.direction == CallDirection::In);
        let all = doors.chain(callers.map(|call| Whose::of_call(config, call)));
        let unseen = all.filter(|whose| !pictures.contains_key(whose));
        let wanted: Vec<_> = unseen.filter_map(|whose| last(config, log, &whose)).collect();
        wanted.into_iter().filter(|file| gallery.asked.insert(file.clone())).collect::<Vec<_>>()
    };
    for file in wanted {
        panel.send(Command::ShowPicture { file, size: PictureSize::Whole });
    }
}

/// The newest kept picture of somebody.
fn last(config: &Config, log: &[LogEntry], whose: &Whose) -> Option<PictureName> {
    let with_picture = log.iter().filter_map(|line| Some((line, &line.picture.as_ref()?.file)));
    with_picture.filter(|(line, _)| Whose::of_line(config, line) == *whose).map(|(_, file)| file.clone()).next()
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
                let found = entry.map(|entry| (Whose::of_line(&state.config, entry), entry.at));
                let (Some((whose, at)), Some(picture)) = (found, picture) else { return };
                state.pictures.entry(whose).or_insert(Seen { picture, at, file: Some(file) });
            }
            home::apply(window, &panel.state.borrow());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use slint::{ComponentHandle, Model};
    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

    use super::*;
    use crate::channel::{CallHandle, Event, VisitorPicture};
    use crate::config::PhonebookEntry;
    use crate::ui::shots;

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

    fn line(n: usize, host: &str) -> LogEntry {
        LogEntry {
            at: SystemTime::now() - Duration::from_secs(60 * n as u64),
            remote: format!("sip:door@{host}:5060"),
            unseen: false,
            picture: Some(VisitorPicture { file: name(n), bytes: 1 }),
            ..LogEntry::of_visitor(&format!("Visitor {n}"))
        }
    }

    fn panel(window: &ui::AppWindow) -> (Rc<Panel>, UnboundedReceiver<Command>) {
        let (commands, sent) = unbounded_channel();
        let panel = Panel::new(window, commands, false);
        panel.connect();
        (panel, sent)
    }

    fn asked(sent: &mut UnboundedReceiver<Command>) -> Vec<(PictureName, PictureSize)> {
        let commands = std::iter::from_fn(|| sent.try_recv().ok());
        let wish = |command| match command {
            Command::ShowPicture { file, size } => Some((file, size)),
            _ => None,
        };
        commands.filter_map(wish).collect()
    }

    fn picture(width: u32) -> Option<Picture> {
        Some(Picture { width, height: 2, rgb: vec![200; width as usize * 6].into() })
    }

    #[test]
    fn a_door_shows_its_last_kept_picture_until_that_is_deleted() {
        let window = shots::window(1024, 600);
        let (panel, mut sent) = panel(&window);
        let door = PhonebookEntry {
            name: "Front door".into(),
            numbers: vec!["192.168.1.20".into()],
            door: Some(Default::default()),
            ..PhonebookEntry::default()
        };
        panel.handle_event(Event::Settings(Arc::new(Config { contacts: vec![door].into(), ..Config::default() })));
        let log: Arc<[LogEntry]> = [line(0, "192.168.1.9"), line(1, "192.168.1.20"), line(2, "192.168.1.20")].into();
        panel.handle_event(Event::Log(log.clone()));
        assert_eq!(asked(&mut sent), [(name(1), PictureSize::Whole)], "the newest of the door, and of nobody else");
        panel.handle_event(Event::Log(log.clone()));
        assert!(asked(&mut sent).is_empty(), "once");

        let shown = || window.global::<ui::HomeAdapter>().get_doors().row_data(0).expect("the door");
        assert!(!shown().has_picture);
        panel.handle_event(Event::Picture { file: name(1), size: PictureSize::Whole, picture: picture(4) });
        assert!(shown().has_picture && shown().picture_at.day > 0);
        assert_eq!(shown().picture.size().width, 4);
        panel.handle_event(Event::Log([LogEntry { picture: None, ..log[1].clone() }].into()));
        assert!(!shown().has_picture);
    }

    #[test]
    fn nobody_is_shown_with_the_picture_of_somebody_else() {
        let door =
            PhonebookEntry { name: "Front door".into(), numbers: vec!["101".into()], ..PhonebookEntry::default() };
        let config = Config { contacts: vec![door].into(), ..Config::default() };
        let whose = |account, remote: &str| Whose::of(&config, account, remote);
        let is_door = |account, remote: &str| whose(account, remote) == Whose::Contact("Front door".into());
        assert!(is_door(1, "sip:101@pbx.test") && is_door(0, "sip:101@192.168.1.20:5062"));
        // One server speaks for all its callers.
        assert_ne!(whose(1, "sip:front@pbx.test"), whose(1, "sip:garage@pbx.test"));
        // One device has a name for each of its keys, and one address may have several devices.
        assert_eq!(whose(0, "sip:flat2@192.168.1.9"), whose(0, "sip:192.168.1.9"));
        assert_ne!(whose(0, "sip:door@192.168.1.9"), whose(0, "sip:door@192.168.1.9:5062"));
        assert_ne!(whose(0, "sip:door@[2001:db8::9]"), whose(0, "sip:door@[2001:db8::8]"));
    }

    #[test]
    fn a_contact_with_other_numbers_is_somebody_else() {
        let window = shots::window(1024, 600);
        let (panel, _sent) = panel(&window);
        let house = |number: &str| {
            let numbers = vec![number.to_owned()];
            let door =
                PhonebookEntry { name: "Garden".into(), numbers, door: Some(Default::default()), ..Default::default() };
            Event::Settings(Arc::new(Config { contacts: vec![door].into(), ..Config::default() }))
        };
        let shown = || window.global::<ui::HomeAdapter>().get_doors().row_data(0).expect("the door").has_picture;
        panel.handle_event(house("192.168.1.81"));
        let seen = Seen { picture: Image::default(), at: SystemTime::now(), file: None };
        panel.state.borrow_mut().pictures.insert(Whose::Contact("Garden".into()), seen);
        panel.handle_event(house("192.168.1.81"));
        assert!(shown());
        panel.handle_event(house("192.168.1.82"));
        assert!(!shown());
    }

    #[test]
    fn of_a_thousand_visitors_only_those_in_sight_are_read() {
        let window = shots::window(1024, 600);
        let (panel, mut sent) = panel(&window);
        let log: Vec<_> = (0..1000).map(|n| line(n, "192.168.1.20")).collect();
        panel.handle_event(Event::Log(log.into()));
        super::super::pages::open(&panel, ui::Page::Log);
        window.window().take_snapshot().expect("it is drawn");
        let wishes = asked(&mut sent);
        assert!((4..16).contains(&wishes.len()), "{} are read", wishes.len());
        let (file, size) = wishes[0].clone();
        assert_eq!(file, name(0));
        let PictureSize::Width(width) = size else { panic!("{size:?}") };
        panel.handle_event(Event::Picture { file: file.clone(), size, picture: picture(width) });
        let row = |at| window.global::<ui::LogAdapter>().get_rows().row_data(at).expect("there are so many");
        assert!(row(0).loaded && row(0).picture.size().width == width);
        assert!(row(1).has_picture && !row(1).loaded);
        // A picture that has gone is none.
        panel.handle_event(Event::Picture { file: name(1), size, picture: None });
        assert!(!row(1).has_picture);
        window.window().take_snapshot().expect("it is drawn");
        assert!(asked(&mut sent).is_empty(), "nothing is read again");
    }

    #[test]
    fn a_line_that_is_open_shows_its_picture_large_and_closes_with_its_line() {
        let window = shots::window(1024, 600);
        let (panel, mut sent) = panel(&window);
        panel.handle_event(Event::Log([line(0, "192.168.1.20"), line(1, "192.168.1.20")].into()));
        super::super::pages::open(&panel, ui::Page::Log);
        let adapter = window.global::<ui::LogAdapter>();
        adapter.invoke_look(1);
        window.window().take_snapshot().expect("it is drawn");
        let large = |(_, size): &(PictureName, PictureSize)| matches!(size, PictureSize::Within(..));
        let wishes: Vec<_> = asked(&mut sent).into_iter().filter(large).collect();
        assert_eq!(wishes.len(), 1);
        panel.handle_event(Event::Picture { file: name(1), size: wishes[0].1, picture: picture(300) });
        let detail = adapter.get_detail();
        assert!(adapter.get_open() && detail.loaded && detail.picture.size().width == 300);
        assert_eq!(detail.row.name, "Visitor 1");

        adapter.invoke_delete_picture();
        let commands: Vec<_> = std::iter::from_fn(|| sent.try_recv().ok()).collect();
        assert_eq!(commands, [Command::DropPicture(name(1))]);
        // Lines move when somebody rings; the one that is open stays.
        panel.handle_event(Event::Log([line(2, "192.168.1.7"), line(0, "192.168.1.20")].into()));
        assert!(!adapter.get_open(), "its line has gone");
        adapter.invoke_look(1);
        assert!(adapter.get_open());
        assert_eq!(super::super::pages::back(&panel), Ok(()));
        assert!(!adapter.get_open() && panel.state.borrow().base == ui::Page::Log);
    }

    #[test]
    fn bytes_of_another_size_are_no_picture() {
        let picture = |width, bytes: usize| Picture { width, height: 2, rgb: vec![7; bytes].into() };
        assert_eq!(image(&picture(3, 18)).map(|image| (image.size().width, image.size().height)), Some((3, 2)));
        assert!(image(&picture(3, 17)).is_none());
        assert!(image(&picture(u32::MAX, 18)).is_none());
    }
}
