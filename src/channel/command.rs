//! What a person wants done, and what comes of asking.

use std::path::PathBuf;
use std::time::SystemTime;

use super::{CallHandle, CallState, CertificateProblem, DndTerm, PictureName, PictureSize, PortFault, Screen};
use crate::config::book::{BookError, Unusable, Which};
use crate::config::{
    Account, AccountChoice, DialRule, DndMode, FileError, PhonebookEntry, RuleError, RuleImport, Secret, SettingError,
};
use crate::dial::DialError;

/// What a person, or a script in a person's place, wants done. `None` as a call means the one on the screen.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Type this text and press Call.
    Dial {
        /// As typed: `192✳168✳35✳123`, a number, a `sip:` URI.
        text: String,
        /// The account chosen on the dial pad.
        account: AccountChoice,
    },
    /// Answer a ringing call.
    Answer(Option<CallHandle>),
    /// Refuse a ringing call.
    Decline(Option<CallHandle>),
    /// End a call in whatever state it is; always works.
    End(Option<CallHandle>),
    /// Put the call on hold.
    Hold(Option<CallHandle>),
    /// Take the call from hold.
    Resume(Option<CallHandle>),
    /// Open the door of this call by the door's own method.
    Unlock(Option<CallHandle>),
    /// Open the door of this contact (by name) with no call in progress, where its method allows it.
    UnlockDoor(String),
    /// Look at this ringing call, while another one that rings goes on without the screen. Into a conversation it stays a banner.
    Look(CallHandle),
    /// Stop the ring tone; the call keeps ringing for the visitor.
    Silence(Option<CallHandle>),
    /// Send these keys (`0`–`9`, `*`, `#`, `A`–`D`) to the other side of the call on the screen.
    Dtmf(String),
    /// Stop (true) or start sending what the microphone hears.
    Mute(bool),
    /// Start or stop sending our own camera.
    SendCamera(bool),
    /// Loudspeaker volume, 0–100.
    Volume(u8),
    /// A key was pressed on the dial pad: sound its tone.
    KeyTone(char),
    /// Do not disturb, and for how long.
    Dnd(DndMode, DndTerm),
    /// Change one setting: its key and the new value as text. Checked like the pages, in force at once, then saved.
    Set {
        /// For example `phone.direct_ip.port`.
        key: String,
        /// For example `5062`.
        value: String,
    },
    /// Try this account as it is set, whether it is active or not; [`Event::AccountTest`](super::Event::AccountTest) tells
    /// how it goes. Nothing is registered by it.
    TestAccount(Account),
    /// The installer's PIN, to open the pages behind it; [`Event::Pin`](super::Event::Pin) tells what came of it.
    EnterPin(Secret),
    /// Another PIN.
    SetPin {
        /// The one in force; none where there is none.
        old: Option<Secret>,
        /// The new one, 4–12 digits; empty for none.
        new: Secret,
    },
    /// Close the pages behind the PIN again.
    LockPin,
    /// Copy this file into the panel's own folder and use it for this account; then [`Event::Settings`](super::Event::Settings)
    /// comes, or [`Event::Refused`](super::Event::Refused) if it cannot be used.
    ImportCertificate {
        /// Whose.
        account: Account,
        /// What it is to be used as.
        role: CertificateRole,
        /// The file as it lies now, for example on a USB stick.
        file: PathBuf,
    },
    /// Look for files that could be imported where USB sticks are;
    /// [`Event::CertificateFiles`](super::Event::CertificateFiles) tells them.
    ListCertificateFiles,
    /// Change the dial plan. Checked, in force at once, then saved.
    Rules(RuleChange),
    /// Put one more contact into the address book; checked, in force at once, then saved.
    AddContact(Box<PhonebookEntry>),
    /// Put another contact in the place of one.
    ChangeContact {
        /// Which.
        which: Which,
        /// What it becomes.
        entry: Box<PhonebookEntry>,
    },
    /// Forget one contact.
    RemoveContact(Which),
    /// Take the contacts of this file (CSV or vCard) into the address book;
    /// [`Event::ContactsImported`](super::Event::ContactsImported) tells what came in, or
    /// [`Event::Refused`](super::Event::Refused) why nothing did.
    ImportContacts(PathBuf),
    /// Write all contacts to this file, as CSV where its name ends so, else as vCards;
    /// [`Event::ContactsExported`](super::Event::ContactsExported) follows.
    ExportContacts(PathBuf),
    /// Look for files of contacts, and for folders where some could be put, where USB sticks are;
    /// [`Event::ContactFiles`](super::Event::ContactFiles) tells them.
    ListContactFiles,
    /// The call log was opened: nothing in it counts as missed any longer.
    LogSeen,
    /// Forget the whole call log.
    ClearLog,
    /// Show this kept picture of a visitor; [`Event::Picture`](super::Event::Picture) brings it. Of many that are asked for
    /// at the same time the newest come first, and the oldest may never come.
    ShowPicture {
        /// Which.
        file: PictureName,
        /// How large it is wanted.
        size: PictureSize,
    },
    /// Delete this kept picture of a visitor; its line in the call log stays.
    DropPicture(PictureName),
    /// Delete all kept pictures of visitors.
    DropPictures,
    /// Whoever was turned away in this line of the call log may call from here on: it becomes a contact that may call.
    AllowCaller {
        /// When the call began.
        at: SystemTime,
        /// The other side's URI.
        remote: String,
    },
    /// A notice was read and taken away.
    DismissNotice(u32),
    /// Somebody is at the screen: it wakes, or goes on being awake.
    Wake,
    /// Let the screen sleep now, until somebody touches it or something happens.
    Sleep,
    /// The screen now shows this page.
    Shown(Screen),
    /// The answer to [`Event::AreYouThere`](super::Event::AreYouThere).
    Here,
    /// The answer to [`Event::Ask`](super::Event::Ask).
    Answered {
        /// The number that came with the question.
        ask: u64,
        /// What was done or found, or why it was not.
        outcome: Result<Option<Spot>, String>,
    },
    /// Take all calls down and leave.
    Quit,
}

/// A change of the dial plan. A rule is named by its prefix.
#[derive(Clone, Debug, PartialEq)]
pub enum RuleChange {
    /// One rule more.
    Add(DialRule),
    /// This one in the place of the one with `prefix`.
    Change {
        /// The prefix that it has now.
        prefix: String,
        /// What it is to be.
        rule: DialRule,
    },
    /// The one with this prefix goes.
    Remove(String),
    /// The rules of this table (CSV) come in.
    Import(String),
    /// The same with the table in a file, which the worker reads.
    ImportFile(PathBuf),
}

/// What a file of certificates is used as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CertificateRole {
    /// Authorities that are trusted: `tls.ca`.
    Authority,
    /// Our own certificate: `tls.certificate`.
    Client,
    /// Its private key: `tls.key`.
    Key,
}

impl CertificateRole {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Authority, Self::Client, Self::Key];

    /// The word of `ctl`: `authority`, `client`, `key`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Authority => "authority",
            Self::Client => "client",
            Self::Key => "key",
        }
    }

    /// What the screen calls it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Authority => "Trusted CA",
            Self::Client => "Client Certificate",
            Self::Key => "Client Key",
        }
    }

    /// The setting that names the file, without the account: `tls.ca` …
    pub fn key(self) -> &'static str {
        match self {
            Self::Authority => "tls.ca",
            Self::Client => "tls.certificate",
            Self::Key => "tls.key",
        }
    }
}

/// What came of a command.
#[derive(Clone, Debug, PartialEq)]
pub enum Done {
    /// Nothing more to say.
    Ok,
    /// A call began.
    Call(CallHandle),
    /// A table of dial rules was taken over, as far as it is good.
    Rules(RuleImport),
}

/// Why a command was not carried out. `Display` is the English sentence for `ctl`; the screen has its own words.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// The entry means nothing that can be called.
    #[error("{0}")]
    Dial(#[from] DialError),
    /// A setting was refused.
    #[error("{0}")]
    Setting(#[from] SettingError),
    /// A dial rule was refused.
    #[error("{0}")]
    Rule(#[from] RuleError),
    /// A file with dial rules cannot be read.
    #[error("{0}")]
    RuleFile(FileError),
    /// A file cannot be used as a certificate or key.
    #[error("{0}")]
    Certificate(CertificateProblem),
    /// The address book cannot be changed so.
    #[error("{0}")]
    Book(#[from] BookError),
    /// A file of contacts cannot be read or written.
    #[error("{}: {fault}", .file.display())]
    ContactFile {
        /// Which file; nothing where it came to no file.
        file: PathBuf,
        /// What is wrong with it.
        fault: Unusable,
    },
    /// There is no such call, or none at all.
    #[error("there is no call to do that with")]
    NoCall,
    /// The call is in a state in which this cannot be done.
    #[error("the call is {0}, that cannot be done now")]
    WrongState(CallState),
    /// Direct IP calls are switched off.
    #[error("IP calls are switched off (Phone > Call Feature > Direct IP)")]
    DirectIpOff,
    /// A number needs an account and none is registered.
    #[error("no account is registered")]
    NoAccount,
    /// A `sips:` URI, and neither the account that was named nor, where none was, any is registered by TLS.
    #[error("a sips: address is called through an account that is registered by TLS, which {}", by_tls(*.0))]
    NotByTls(Option<Account>),
    /// The account that was named is not registered; the other one may be.
    #[error("{account} is not registered{}", if *.other_is { "; the other account is" } else { "" })]
    NotRegistered {
        /// The one that was named.
        account: Account,
        /// Whether the other one could be taken instead, by a person who says so.
        other_is: bool,
    },
    /// All lines are in use.
    #[error("all lines are in use")]
    NoLine,
    /// No route leads to that address.
    #[error("there is no route to {0}")]
    NoRoute(String),
    /// That is where this panel listens itself.
    #[error("{0} is this panel itself")]
    Oneself(String),
    /// Direct IP calls cannot be made because the port is not ours.
    #[error("IP calls are not possible: Direct IP Port {port}: {reason}")]
    NotListening {
        /// Direct IP Port.
        port: u16,
        /// Why not.
        reason: PortFault,
    },
    /// There is no camera to send.
    #[error("no camera is set (Phone > Video > Camera)")]
    NoCamera,
    /// Nothing is known that would open the door: several are called at the same time, or it has no web address.
    #[error("{0} cannot be opened from here")]
    CannotUnlock(String),
    /// These keys cannot be sent.
    #[error("'{0}' is not a key: 0–9, *, #, A–D")]
    NotAKey(char),
    /// The door cannot be opened without a call.
    #[error("{0} can only be opened during a call")]
    NeedsCall(String),
    /// There is no door of that name.
    #[error("there is no door named {0}")]
    NoDoor(String),
    /// There is no such line in the call log, or its caller cannot become a contact that may call.
    #[error("no caller in the call log that could be let in by this")]
    NoCaller,
}

/// Which account is not registered by TLS.
fn by_tls(named: Option<Account>) -> String {
    named.map_or_else(|| "none is".to_owned(), |account| format!("{account} is not"))
}

/// What the control socket asks of the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScreenRequest {
    /// Press what bears this accessible label, as a finger would.
    Press(String),
    /// Type this text where a keyboard would.
    Type(String),
    /// Say where a finger would press what bears this accessible label.
    Find(String),
    /// Go one page back.
    Back,
    /// Write the screen as it is now to this PNG file.
    Screenshot(PathBuf),
}

/// A point of the screen as it is drawn, in pixels from its upper left corner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot {
    /// To the right.
    pub x: u32,
    /// Down.
    pub y: u32,
}
