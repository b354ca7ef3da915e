//! What the worker tells, and what somebody should know.

use std::path::PathBuf;
use std::sync::Arc;

use super::{
    AccountTestView, BoardDevice, BoardTrouble, CallHandle, CallView, DirectIpView, DndServerView, DoorKeyView,
    LightView, LogEntry, Picture, PictureName, PictureSize, PinView, PortFault, Refusal, RegistrationView,
    ScreenRequest, SoundFault, WiredDoorView,
};
use crate::config::book::{BadLine, Tally};
use crate::config::{Account, Config, FileError, Problem};

/// What the worker reports. A channel that closed means that the other side has left.
#[derive(Clone, Debug)]
pub enum Event {
    /// The settings in force, at the start and after each change.
    Settings(Arc<Config>),
    /// A call as it is now; one with [`CallState::Ended`](super::CallState::Ended) comes once and is then forgotten.
    Call(Box<CallView>),
    /// This call has the screen from now on: the pictures that follow are those of its camera. Of several that ring, it is the
    /// one that is looked at.
    OnScreen(Option<CallHandle>),
    /// The Unlock key of a door outside any call has changed.
    DoorKey(DoorKeyView),
    /// Where direct calls are listened for.
    DirectIp(DirectIpView),
    /// One account.
    Registration(RegistrationView),
    /// The light of the screen, at the start and after each change.
    Light(LightView),
    /// The door that is wired to this panel, after each change.
    WiredDoor(WiredDoorView),
    /// What the servers of the accounts say to do not disturb.
    DndServers([DndServerView; 2]),
    /// How a trial of an account goes.
    AccountTest(AccountTestView),
    /// The installer's PIN, at the start and after each change.
    Pin(PinView),
    /// The files that [`Command::ListCertificateFiles`](super::Command::ListCertificateFiles) found.
    CertificateFiles(Vec<PathBuf>),
    /// What [`Command::ListContactFiles`](super::Command::ListContactFiles) found.
    ContactFiles {
        /// Files that could be imported.
        files: Vec<PathBuf>,
        /// Folders of sticks that a file could be written to.
        folders: Vec<PathBuf>,
    },
    /// What came of [`Command::ImportContacts`](super::Command::ImportContacts).
    ContactsImported(ContactsImported),
    /// What came of [`Command::ExportContacts`](super::Command::ExportContacts).
    ContactsExported {
        /// The file.
        file: PathBuf,
        /// How many contacts are in it.
        count: usize,
    },
    /// The call log, newest first, at the start and after each change.
    Log(Arc<[LogEntry]>),
    /// A kept picture that [`Command::ShowPicture`](super::Command::ShowPicture) asked for.
    Picture {
        /// Which.
        file: PictureName,
        /// As large as it was asked for.
        size: PictureSize,
        /// What it looks like; none where it has gone or cannot be read.
        picture: Option<Picture>,
    },
    /// What the resident or the installer should know now; the whole list.
    Notices(Arc<[Notice]>),
    /// A command that came from the screen was refused.
    Refused(Refusal),
    /// Do something that only the screen can do, then send [`Command::Answered`](super::Command::Answered).
    Ask {
        /// Comes back with the answer.
        ask: u64,
        /// What to do.
        request: ScreenRequest,
    },
    /// Answer with [`Command::Here`](super::Command::Here): the loop of the screen is to show that it runs.
    AreYouThere,
    /// The worker has left; close the window.
    Bye,
}

/// What came of an import of contacts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContactsImported {
    /// The file.
    pub file: PathBuf,
    /// How many came in.
    pub tally: Tally,
    /// The lines that do not count, the first of many.
    pub bad: Vec<BadLine>,
    /// How many others do not count either.
    pub more_bad: usize,
}

/// Which page is on the screen; the names of `status`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Screen {
    /// The clock.
    Idle,
    /// The doors and the tiles.
    #[default]
    Home,
    /// The dial pad.
    Dial,
    /// A visitor rings.
    Ringing,
    /// We call and wait.
    Calling,
    /// In a call.
    InCall,
    /// The contacts.
    Contacts,
    /// The call log.
    Log,
    /// The settings.
    Settings,
}

impl Screen {
    /// The name in `status`: `home`, `in_call` …
    pub fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Home => "home",
            Self::Dial => "dial",
            Self::Ringing => "ringing",
            Self::Calling => "calling",
            Self::InCall => "in_call",
            Self::Contacts => "contacts",
            Self::Log => "log",
            Self::Settings => "settings",
        }
    }
}

/// What somebody should know, until it is dismissed or no longer true.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// For [`Command::DismissNotice`](super::Command::DismissNotice).
    pub id: u32,
    /// What it is about.
    pub kind: NoticeKind,
}

/// What a notice says. `Display` is the English sentence; the screen has its own words around the same facts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoticeKind {
    /// The Direct IP Port cannot be bound, or a part of it cannot.
    #[error("Direct IP Port {port}: {reason}{}", if *.in_part { "; the rest of it works" } else { "" })]
    PortTaken {
        /// The port.
        port: u16,
        /// Why.
        reason: PortFault,
        /// By the other transport calls do come in.
        in_part: bool,
    },
    /// Something in the settings file is not valid.
    #[error("settings file: {0}")]
    SettingsLine(Problem),
    /// The settings file is damaged; a copy of it was kept aside.
    #[error("settings file damaged, kept as {0}")]
    SettingsDamaged(String),
    /// The settings cannot be saved.
    #[error("settings cannot be saved: {0}")]
    SettingsNotSaved(FileError),
    /// The call log cannot be saved.
    #[error("call log cannot be saved: {0}")]
    LogNotSaved(FileError),
    /// Pictures of visitors cannot be kept.
    #[error("pictures of visitors cannot be kept: {0}")]
    PicturesNotKept(FileError),
    /// There is no microphone or loudspeaker, or it vanished.
    #[error("sound: {0}")]
    Sound(SoundFault),
    /// GStreamer plug-ins are missing: one notice for all of them.
    #[error("{}: install {}", without_plugins(.show, .send), .packages.join(", "))]
    MissingPlugins {
        /// The formats of pictures that cannot be shown.
        show: Vec<&'static str>,
        /// The formats in which our own camera cannot be sent.
        send: Vec<&'static str>,
        /// The Debian packages that are missing.
        packages: Vec<&'static str>,
    },
    /// Back-light, light sensor, relay or door contact does not work.
    #[error("{}: {trouble}", .device.setting())]
    Board {
        /// Which.
        device: BoardDevice,
        /// Why.
        trouble: BoardTrouble,
    },
    /// Our own certificate runs out soon, or has.
    #[error("the client certificate of {account} {}", runs_out(*.days))]
    CertificateExpires {
        /// Whose.
        account: Account,
        /// For so many more days, the last one counted; 0 once it is over.
        days: u32,
    },
}

fn runs_out(days: u32) -> String {
    match days {
        0 => "has expired".to_owned(),
        1 => "expires within a day".to_owned(),
        days => format!("expires in {days} days"),
    }
}

fn without_plugins(show: &[&str], send: &[&str]) -> String {
    let says = |formats: &[&str], what: &str| {
        (!formats.is_empty()).then(|| format!("{} pictures cannot be {what}", formats.join(" and ")))
    };
    [says(show, "shown"), says(send, "sent")].into_iter().flatten().collect::<Vec<_>>().join(", ")
}
