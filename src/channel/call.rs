//! One call, as the screen shows it.

use std::time::Instant;

use super::UnlockState;

/// Names one call on this panel for as long as it runs; counted from 1, never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallHandle(pub u32);

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
    /// The other side's URI, `sip:door@192.168.1.20`; of several that are called at the same time, what was dialled.
    pub remote: String,
    /// How the other side is called: the contact's name, its display name, or the short URI. Of several that are called at the
    /// same time, the name of the rule.
    pub name: String,
    /// How many are being called at the same time, 1 to 5; 1 once somebody has answered.
    pub legs: usize,
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
    /// What the contact of this door says; `None` where it has none that works.
    pub open: Option<bool>,
    /// The session timer, where the two ends have agreed upon one.
    pub session_timer: Option<SessionTimerView>,
    /// The sound, once negotiated.
    pub audio: Option<AudioView>,
    /// The picture, once negotiated.
    pub video: Option<VideoView>,
}

#[cfg(test)]
impl CallView {
    /// Somebody at a door who has just rung.
    pub(crate) fn of_visitor(name: &str) -> Self {
        Self {
            call: CallHandle(1),
            direction: CallDirection::In,
            state: CallState::Ringing,
            account: 0,
            remote: "sip:door@127.0.0.1".into(),
            name: name.to_owned(),
            legs: 1,
            began: Instant::now(),
            answered: None,
            end_reason: None,
            held_by_remote: false,
            silent: false,
            muted: false,
            camera: false,
            can_unlock: true,
            unlock: UnlockState::Idle,
            open: None,
            session_timer: None,
            audio: None,
            video: None,
        }
    }
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
    /// Prevent SIP Hacking: not from the server of the account, or not from the address of any contact.
    #[error("from an unknown address")]
    UnknownSource,
    /// Prevent SIP Hacking: through the server of the account, or from the address of a contact, but nobody who may call.
    #[error("not among those who may call")]
    MayNotCall,
    /// A contact whose calls are turned away.
    #[error("a blocked contact")]
    BlockedContact,
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
    /// There is no such name.
    #[error("host not found")]
    HostNotFound,
    /// No name server says where it is.
    #[error("no name server answers")]
    NoNameServer,
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

/// The session timer of a call (RFC 4028).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionTimerView {
    /// How long the call lasts when nobody refreshes it, in seconds.
    pub expires_s: u32,
    /// Whether we refresh it, and not the other side.
    pub by_us: bool,
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
    /// RTCP packets received.
    pub reports_in: u64,
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
    /// RTP packets received.
    pub packets_in: u64,
    /// RTP packets that never came.
    pub lost: u64,
    /// Interarrival jitter, RFC 3550 6.4.1, in ms.
    pub jitter_ms: f32,
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
