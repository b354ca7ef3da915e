//! The whole contract between the screen and the worker: [`Command`] goes down, [`Event`] comes up.
//!
//! Everything here is plain data: no socket, no Slint type, no callback. The worker sends whole small views, never
//! differences, and the screen shows what the worker reported, never what was tapped.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

pub use crate::config::{AccountChoice, DndMode};
use crate::config::{Config, SettingError};
use crate::dial::DialError;

/// Names one call on this panel for as long as it runs; counted from 1, never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallHandle(pub u32);

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
    /// Do not disturb.
    Dnd(DndMode),
    /// Change one setting: its key and the new value as text. Checked like the pages, in force at once, then saved.
    Set {
        /// For example `phone.direct_ip.port`.
        key: String,
        /// For example `5062`.
        value: String,
    },
    /// The call log was opened: nothing in it counts as missed any longer.
    LogSeen,
    /// Forget the whole call log.
    ClearLog,
    /// A notice was read and taken away.
    DismissNotice(u32),
    /// The screen now shows this page.
    Shown(Screen),
    /// The answer to [`Event::Ask`].
    Answered {
        /// The number that came with the question.
        ask: u64,
        /// What was done, or why it was not.
        outcome: Result<(), String>,
    },
    /// Take all calls down and leave.
    Quit,
}

/// What came of a command.
#[derive(Clone, Debug, PartialEq)]
pub enum Done {
    /// Nothing more to say.
    Ok,
    /// A call began.
    Call(CallHandle),
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
    /// All lines are in use.
    #[error("all lines are in use")]
    NoLine,
    /// No route leads to that address.
    #[error("there is no route to {0}")]
    NoRoute(String),
    /// Direct IP calls cannot be made because the port is not ours.
    #[error("IP calls are not possible: Direct IP Port {port}: {reason}")]
    NotListening {
        /// Direct IP Port.
        port: u16,
        /// What the system says.
        reason: String,
    },
    /// There is no camera to send.
    #[error("no camera is set (Phone > Video > Camera)")]
    NoCamera,
    /// This version does not know the way in which the door is opened.
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

/// What the worker reports. A channel that closed means that the other side has left.
#[derive(Clone, Debug)]
pub enum Event {
    /// The settings in force, at the start and after each change.
    Settings(Arc<Config>),
    /// A call as it is now; one with [`CallState::Ended`] comes once and is then forgotten.
    Call(Box<CallView>),
    /// Where direct calls are listened for.
    DirectIp(DirectIpView),
    /// One account.
    Registration(RegistrationView),
    /// The call log, newest first, at the start and after each change.
    Log(Arc<[LogEntry]>),
    /// What the resident or the installer should know now; the whole list.
    Notices(Arc<[Notice]>),
    /// A command that came from the screen was refused.
    Refused(Refusal),
    /// Do something that only the screen can do, then send [`Command::Answered`].
    Ask {
        /// Comes back with the answer.
        ask: u64,
        /// What to do.
        request: ScreenRequest,
    },
    /// The worker has left; close the window.
    Bye,
}

/// What the control socket asks of the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScreenRequest {
    /// Press what bears this accessible label, as a finger would.
    Press(String),
    /// Type this text where a keyboard would.
    Type(String),
    /// Go one page back.
    Back,
    /// Write the screen as it is now to this PNG file.
    Screenshot(PathBuf),
}

/// Who began the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallDirection {
    /// They call us.
    In,
    /// We call them.
    Out,
}

/// Where a call stands; the names of `status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallState {
    /// Our INVITE is out, nothing came back yet.
    Calling,
    /// It rings, here or there.
    Ringing,
    /// It rings, and sound or picture already flows.
    Early,
    /// Answered.
    Confirmed,
    /// Answered, and put on hold by us.
    Held,
    /// Over.
    Ended,
}

impl CallState {
    /// The name in `status`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Calling => "calling",
            Self::Ringing => "ringing",
            Self::Early => "early",
            Self::Confirmed => "confirmed",
            Self::Held => "held",
            Self::Ended => "ended",
        }
    }
}

impl std::fmt::Display for CallState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a call is over. `Display` is the English text of `end_reason`; the screen says it in its own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// We ended it.
    #[error("ended here")]
    Local,
    /// The other side ended it.
    #[error("ended by the other side")]
    Remote,
    /// The caller gave up before we answered.
    #[error("missed")]
    Missed,
    /// We declined.
    #[error("declined here")]
    Declined,
    /// Do not disturb turned it away.
    #[error("do not disturb")]
    Dnd,
    /// Not accepted (Direct IP off, no such account here).
    #[error("not accepted")]
    NotAccepted,
    /// Another phone took the call.
    #[error("answered elsewhere")]
    AnsweredElsewhere,
    /// 486, 600.
    #[error("busy")]
    Busy,
    /// 603.
    #[error("declined by the other side")]
    Refused,
    /// 404, 410, 484, 485, 604.
    #[error("not found there")]
    NotFound,
    /// 480 and the like.
    #[error("not available")]
    Unavailable,
    /// Nobody answered within the dial time.
    #[error("no answer")]
    NoAnswer,
    /// Nothing came back at all (408, or our own time-out).
    #[error("the device does not respond")]
    NoResponse,
    /// The address cannot be reached.
    #[error("the address cannot be reached")]
    Unreachable,
    /// 415, 488, 606: no sound format in common.
    #[error("no common sound format")]
    NoCommonCodec,
    /// 401, 403, 407.
    #[error("not allowed there ({0})")]
    Forbidden(u16),
    /// Any other 3xx–6xx.
    #[error("failed ({0})")]
    Failed(u16),
    /// The longest call time was reached.
    #[error("longest call time reached")]
    TimeLimit,
    /// The other side sent no sound for too long, or did not acknowledge.
    #[error("connection lost")]
    Lost,
}

/// The state of the Unlock key of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnlockState {
    /// Not asked for.
    #[default]
    Idle,
    /// Asked for, no answer yet.
    Sending,
    /// The door took it; shown until then.
    Opened {
        /// When the key goes back to [`UnlockState::Idle`].
        until: Instant,
    },
    /// The door did not take it.
    Failed,
}

/// The sound of a call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AudioView {
    /// `opus`, `g722`, `pcmu`, `pcma`.
    pub codec: &'static str,
    /// As negotiated, seen from here: `sendrecv`, `sendonly`, `recvonly`, `inactive`.
    pub direction: &'static str,
    /// RTP packets received and used or concealed for.
    pub packets_in: u64,
    /// RTP packets that never came.
    pub lost: u64,
    /// Sound that was made up for lost packets, in ms.
    pub concealed_ms: u64,
    /// Interarrival jitter, RFC 3550 6.4.1, in ms.
    pub jitter_ms: f32,
    /// What the jitter buffer holds now, in ms.
    pub buffer_ms: u32,
    /// RTP packets sent.
    pub packets_out: u64,
    /// Round trip from RTCP, in ms, if known.
    pub round_trip_ms: Option<f32>,
    /// Whether it is encrypted.
    pub srtp: bool,
}

/// The picture of a call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VideoView {
    /// `H264`, `VP8`.
    pub codec: &'static str,
    /// As negotiated, seen from here: `sendrecv`, `sendonly`, `recvonly`, `inactive`.
    pub direction: &'static str,
    /// Pixels, 0 before the first frame.
    pub width: u32,
    /// Pixels, 0 before the first frame.
    pub height: u32,
    /// Decoded frames.
    pub frames: u64,
    /// Frames a second over the last two seconds.
    pub fps: f32,
    /// From the first video packet to the first frame, in ms.
    pub first_frame_ms: Option<u32>,
    /// Key frames that we asked for.
    pub keyframe_requests: u32,
    /// RTP arrives, but no frame for two seconds.
    pub stalled: bool,
}

/// One call, whole.
#[derive(Clone, Debug, PartialEq)]
pub struct CallView {
    /// Its name here.
    pub call: CallHandle,
    /// Who began it.
    pub direction: CallDirection,
    /// Where it stands.
    pub state: CallState,
    /// 0 for a direct IP call, else the account.
    pub account: u8,
    /// The other side's URI, `sip:door@192.168.1.20`.
    pub remote: String,
    /// How the other side is called: the contact's name, its display name, or the short URI.
    pub name: String,
    /// When it began.
    pub began: Instant,
    /// When it was answered.
    pub answered: Option<Instant>,
    /// Why it is over.
    pub end_reason: Option<EndReason>,
    /// Whether the other side has put us on hold.
    pub held_by_remote: bool,
    /// Whether Silence was pressed, or DND keeps the ring tone quiet.
    pub silent: bool,
    /// Whether the microphone is muted.
    pub muted: bool,
    /// Whether our camera is being sent.
    pub camera: bool,
    /// Whether there is a door to open.
    pub can_unlock: bool,
    /// The Unlock key.
    pub unlock: UnlockState,
    /// The sound, once negotiated.
    pub audio: Option<AudioView>,
    /// The picture, once negotiated.
    pub video: Option<VideoView>,
}

/// Direct IP calls.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DirectIpView {
    /// `phone.direct_ip.enabled`.
    pub enabled: bool,
    /// `phone.direct_ip.port`.
    pub port: u16,
    /// `udp:0.0.0.0:5060`, `tcp:0.0.0.0:5060` …
    pub listening: Vec<String>,
    /// The address under which others reach this panel, as the routing table has it.
    pub address: Option<std::net::IpAddr>,
    /// What is wrong, for example that the port is taken.
    pub error: Option<String>,
}

/// How an account stands with its registrar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RegistrationState {
    /// Switched off or not set up.
    #[default]
    Disabled,
    /// Asked, no answer yet.
    Registering,
    /// In force.
    Registered,
    /// Refused or not reached.
    Failed,
    /// Taken back.
    Unregistered,
}

impl RegistrationState {
    /// The name in `status`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Registering => "registering",
            Self::Registered => "registered",
            Self::Failed => "failed",
            Self::Unregistered => "unregistered",
        }
    }
}

/// One account.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RegistrationView {
    /// 1 or 2.
    pub account: u8,
    /// Where it stands.
    pub state: RegistrationState,
    /// Code and reason of a failure.
    pub reason: Option<String>,
}

/// How a call in the log went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallResult {
    /// Somebody spoke.
    Answered,
    /// Nobody here answered.
    Missed,
    /// Declined here.
    Declined,
    /// Turned away by do not disturb.
    Dnd,
    /// Not let in.
    Blocked,
    /// Another phone took it.
    AnsweredElsewhere,
    /// We called and it did not come about.
    Failed,
}

/// One line of the call log, as kept on disk.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct LogEntry {
    /// When the call began.
    pub at: SystemTime,
    /// Whether we called.
    pub outgoing: bool,
    /// The other side's URI.
    pub remote: String,
    /// Its name then.
    pub name: String,
    /// 0 for a direct IP call, else the account.
    pub account: u8,
    /// How it went.
    pub result: CallResult,
    /// Why, where the result alone does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<EndReason>,
    /// How long it was answered.
    pub duration: Duration,
    /// Whether the door was opened.
    #[serde(default)]
    pub unlocked: bool,
    /// Whether it was missed and the log has not been opened since.
    #[serde(default)]
    pub unseen: bool,
}

/// What somebody should know, until it is dismissed or no longer true.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// For [`Command::DismissNotice`].
    pub id: u32,
    /// What it is about.
    pub kind: NoticeKind,
}

/// What a notice says. `Display` is the English sentence; the screen has its own words around the same facts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoticeKind {
    /// The Direct IP Port cannot be bound.
    #[error("Direct IP Port {port}: {reason}")]
    PortTaken {
        /// The port.
        port: u16,
        /// What the system says.
        reason: String,
    },
    /// A line of the settings file is not valid; the default is in force.
    #[error("settings file: {0}")]
    SettingsLine(String),
    /// The settings file as a whole cannot be read; it was kept aside.
    #[error("settings file damaged, kept as {0}")]
    SettingsDamaged(String),
    /// The settings cannot be saved.
    #[error("settings cannot be saved: {0}")]
    SettingsNotSaved(String),
    /// The call log cannot be saved.
    #[error("call log cannot be saved: {0}")]
    LogNotSaved(String),
    /// There is no microphone or loudspeaker, or it vanished.
    #[error("sound: {0}")]
    Sound(String),
    /// A GStreamer plugin is missing.
    #[error("no {what}: install the package {package}")]
    MissingPlugin {
        /// What cannot be done without it.
        what: String,
        /// The Debian package that has it.
        package: String,
    },
}

/// What a person does at the simulated door station.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DoorCommand {
    /// Press the bell button.
    Bell,
    /// Give up, or end the call.
    HangUp,
    /// Play this fault from the next call on.
    Fault(DoorFault),
    /// Leave.
    Quit,
}

/// A fault that the simulated door station plays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DoorFault {
    /// Everything works.
    #[default]
    None,
    /// It takes two seconds to answer anything.
    AnswersLate,
    /// It has no camera.
    NoVideo,
    /// Every tenth packet that it sends is lost.
    PacketLoss,
    /// It hangs up three seconds after the panel has answered.
    HangsUp,
}

/// What the simulated door station is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DoorPhase {
    /// Nothing.
    #[default]
    Idle,
    /// Its bell was pressed, the panel has not answered yet.
    Ringing,
    /// In a call.
    Talking,
}

/// The simulated door station, whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DoorView {
    /// What it is doing.
    pub phase: DoorPhase,
    /// Until when the door stands open, if it does.
    pub open_until: Option<Instant>,
    /// The fault it plays.
    pub fault: DoorFault,
    /// Why the last call ended or did not come about; empty when there is nothing to say.
    pub note: String,
    /// RTP packets of speech that came from the panel in this call.
    pub heard: u64,
    /// How loud the loudest of them was, in decibels of full scale; `None` before the first.
    pub loudness: Option<f32>,
}
