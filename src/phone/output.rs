//! What the phone wants done, and what is reported back to it: the words between the phone and the worker.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::Unfinished;
use crate::channel::{AudioView, CallHandle, Event, LogEntry, PictureName, SoundFault, TlsFault, VideoView};
use crate::config::{Account, Config, Ringtone, WebAddress};
use crate::sdp;
use crate::sip::locate::{Question, Target};
use crate::sip::{Flood, FlowId, Transmit};

/// One thing to do, in the order in which they come.
#[derive(Debug)]
pub enum Output {
    /// Put these bytes on the network, from the socket bound to the port of `path.local`.
    Transmit(Transmit),
    /// Close this TCP connection: what comes through it makes no sense any more.
    CloseFlow(FlowId),
    /// Listen for direct calls, UDP and TCP; answer with [`super::Phone::handle_listening`].
    Listen {
        /// Direct IP Port.
        port: u16,
        /// Former ports that calls in progress still use: these sockets stay, all others but `port` are closed.
        keep: Vec<u16>,
    },
    /// Open a socket for an account, UDP and TCP, on a port that the system chooses; answer with
    /// [`super::Phone::handle_port`].
    OpenPort {
        /// Whose.
        account: Account,
        /// Whether it is only tried.
        trial: bool,
    },
    /// Close the socket of an account.
    ClosePort(u16),
    /// Ask the name server; answer with [`super::Phone::handle_resolved`].
    Resolve(Question),
    /// Open a connection; answer with [`super::Phone::handle_connected`] or [`super::Phone::handle_flow_gone`].
    Connect(Box<Connect>),
    /// Ask a door to open; answer with [`super::Phone::handle_door_answer`].
    AskDoor(Box<DoorRequest>),
    /// Something for the sound and picture engines.
    Media(MediaOrder),
    /// Switch the relay of the panel on for so long; answer with [`super::Phone::handle_door_answer`].
    PulseRelay {
        /// The name of the request.
        asked: u32,
        /// How long it is on.
        time: Duration,
    },
    /// Something for the screen and the control socket.
    Event(Event),
    /// Make the settings durable, then call [`super::Phone::handle_settings_saved`]. The next one comes only after that.
    SaveSettings(Arc<Config>),
    /// Change the call log on disk, then call [`super::Phone::handle_log_saved`], once for each and in order.
    SaveLog(LogChange),
    /// Keep this where another run of the program finds it if this one dies, in the place of what was kept before; nothing when
    /// there is no call.
    NoteUnfinished(Vec<Unfinished>),
    /// Delete these kept pictures of visitors: no line of the call log has them any longer.
    DropPictures(Vec<PictureName>),
    /// For the technical log: a flood has begun or is over.
    Flood(Flood),
    /// After `Quit`: all calls are down, nothing more follows.
    Finished,
}

/// A door that is asked by HTTP to open.
#[derive(Clone, Debug, PartialEq)]
pub struct DoorRequest {
    /// Comes back with the answer.
    pub asked: u32,
    /// What is asked for, by GET.
    pub url: WebAddress,
    /// Our own nonce, where the door wants a digest.
    pub cnonce: String,
    /// After this the door has not answered.
    pub within: Duration,
}

/// A connection of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connect {
    /// Its name.
    pub flow: FlowId,
    /// Whose certificates and trust TLS uses.
    pub account: Account,
    /// Our address on the way there; the port is the account's, where it can also be reached.
    pub local: SocketAddr,
    /// Where to, by what, and whom TLS must find there.
    pub target: Target,
}

/// Why a connection is not there, or no longer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FlowFault {
    /// Nobody listens there.
    #[error("nobody listens there")]
    Refused,
    /// It was not made in time.
    #[error("no answer to the connection")]
    TimedOut,
    /// The network leads nowhere.
    #[error("no route leads there")]
    NoRoute,
    /// A check of TLS failed.
    #[error("{0}")]
    Tls(TlsFault),
    /// It stood, and has ended: why, in words.
    #[error("{0}")]
    Ended(String),
}

/// A change of the call log on disk.
#[derive(Clone, Debug, PartialEq)]
pub enum LogChange {
    /// One entry more.
    Append(Box<LogEntry>),
    /// These entries, oldest first, instead of all.
    Replace(Vec<LogEntry>),
}

/// RTP port numbers bound at the start for one call. RTCP is the next one up of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaPorts {
    /// Of the sound.
    pub audio: u16,
    /// Of the picture.
    pub video: u16,
}

/// What the speaker plays besides a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// The bell.
    Ring(Ringtone),
    /// It rings at the other side.
    Ringback,
    /// The call failed.
    Busy,
}

/// What the media engines do.
#[derive(Clone, Debug, PartialEq)]
pub enum MediaOrder {
    /// Start the media of a call, or change them without a gap.
    Start {
        /// The call.
        call: CallHandle,
        /// Where it listens; the same as long as the call lives.
        ports: MediaPorts,
        /// What was agreed.
        streams: Box<sdp::Negotiated>,
        /// Whether the microphone is sent. False before the answer and on hold, whatever was agreed.
        audio_send: bool,
        /// Whether what arrives is played.
        audio_play: bool,
        /// Whether our camera is sent.
        video_send: bool,
    },
    /// End the media of a call.
    Stop {
        /// The call.
        call: CallHandle,
    },
    /// Send these keys as RFC 4733 events, after those of the orders before; then [`MediaEvent::DtmfSent`].
    Dtmf {
        /// The call.
        call: CallHandle,
        /// `0`–`9`, `*`, `#`, `A`–`D`.
        digits: String,
    },
    /// The other side asks for a key frame of our camera.
    ForceKeyframe {
        /// The call.
        call: CallHandle,
    },
    /// Play this until another order; `None` ends it.
    Tone(Option<Tone>),
    /// The tone of a key of the dial pad, once.
    KeyTone(char),
    /// Send silence instead of the microphone.
    Mute(bool),
    /// The call whose picture and sound are the ones of the screen.
    Show(Option<CallHandle>),
    /// Take a picture of this call's visitor once there is a good one, at the latest when the media of the call end; then ask
    /// [`super::Phone::begin_picture`] for its name.
    TakePicture {
        /// The call.
        call: CallHandle,
    },
    /// No picture of this call's visitor is wanted any longer.
    LeavePicture {
        /// The call.
        call: CallHandle,
    },
    /// Sound or camera settings changed.
    Configure(Arc<Config>),
}

/// What the media engines report.
#[derive(Clone, Debug, PartialEq)]
pub enum MediaEvent {
    /// All keys of the oldest unreported [`MediaOrder::Dtmf`] of this call are out.
    DtmfSent {
        /// The call.
        call: CallHandle,
    },
    /// The other side pressed a key.
    DtmfReceived {
        /// The call.
        call: CallHandle,
        /// The key.
        digit: char,
    },
    /// The first sound packet arrived.
    AudioArrives {
        /// The call.
        call: CallHandle,
    },
    /// How sound and picture are doing; about once a second. `codec` and `direction` need not be filled in.
    Statistics {
        /// The call.
        call: CallHandle,
        /// The sound, if there is any.
        audio: Option<AudioView>,
        /// The picture, if there is any.
        video: Option<VideoView>,
    },
    /// A key frame is needed and RTCP brought none: ask by INFO (RFC 5168).
    AskKeyframeByInfo {
        /// The call.
        call: CallHandle,
    },
    /// What is wrong with the sound devices, or that nothing is any longer.
    Sound(Option<SoundFault>),
    /// No packet came for half a minute although some should.
    MediaSilent {
        /// The call.
        call: CallHandle,
    },
}
