//! One call of the panel: what it is, where it stands, and how the screen sees it.
//!
//! ```text
//! Outgoing: calling ─▶ ringing ─▶ early ─┐
//!                                        ├─▶ Talking (held or not) ─▶ over: the call is forgotten
//! Incoming: ringing or early ────────────┘
//! ```

use std::time::{Duration, Instant};

use super::Now;
use super::group::Group;
use super::keys::Keys;
use super::outgoing::Placing;
use super::output::{MediaOrder, MediaPorts};
use super::unlock::Unlock;
use super::visitors::Visitor;
use crate::channel::{
    AudioView, CallDirection, CallHandle, CallQuality, CallState, CallView, EndReason, StreamQuality, VideoView,
};
use crate::config::{Account, Config, Door, DoorUnlock, PhonebookEntry, UnlockMethod, WebAddress};
use crate::sdp::{Direction, Negotiated, Negotiation, Wish};
use crate::sip::{Path, SessionHandle};

/// One call.
#[derive(Debug)]
pub(super) struct Call {
    pub handle: CallHandle,
    /// While a way is looked for, one that is over or has not begun: what it is told is not heard.
    pub session: SessionHandle,
    pub direction: CallDirection,
    /// Through which account; none for a direct call.
    pub account: Option<Account>,
    /// None until there is a way.
    pub path: Option<Path>,
    pub remote: Remote,
    pub began: Now,
    pub stage: Stage,
    /// Several were called.
    pub group: Option<Box<Group>>,
    pub media: Media,
    /// No bell for this one.
    pub silent: bool,
    /// It hears silence instead of the microphone.
    pub muted: bool,
    /// Our camera is wanted.
    pub camera: bool,
    pub unlock: Unlock,
    pub keys: Keys,
    /// What becomes of the visitor's picture.
    pub visitor: Visitor,
}

/// How a door is opened.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum DoorWay {
    /// These keys as telephone events.
    Dtmf(String),
    /// These keys by INFO.
    Info(String),
    /// A request by HTTP, which needs no call.
    Http(WebAddress),
    /// The relay of this panel, which needs no call either.
    Relay,
}

impl DoorWay {
    /// The way that needs no call, if the door has one and it is set up.
    pub fn without_call(door: &Door, config: &Config) -> Option<Self> {
        match door.unlock? {
            DoorUnlock::Relay => (!config.relay_chip.is_empty()).then_some(Self::Relay),
            DoorUnlock::Http => door.web_address().map(Self::Http),
            DoorUnlock::Dtmf | DoorUnlock::Info => None,
        }
    }
}

/// The other side.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Remote {
    /// `sip:door@192.168.1.20`.
    pub uri: String,
    /// What the screen calls it.
    pub name: String,
    /// Its entry in the address book.
    pub contact: Option<PhonebookEntry>,
}

/// Where a call stands.
#[derive(Debug)]
pub(super) enum Stage {
    /// Ours, not answered yet.
    Outgoing(Outgoing),
    /// Theirs, not answered yet.
    Incoming(Incoming),
    /// Answered.
    Talking(Talking),
}

/// A call of ours that nobody has answered.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub progress: Progress,
    /// Their sound arrives, so that no ringback tone is needed.
    pub sounds: bool,
    /// When it is given up.
    pub until: Instant,
    /// By which way it was placed, and what else there is.
    pub placing: Placing,
}

/// How far a call of ours has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Calling,
    Ringing,
    Early,
}

/// A call of theirs that nobody has answered.
#[derive(Debug)]
pub(super) struct Incoming {
    pub offer: TheirOffer,
    /// When it counts as missed.
    pub until: Instant,
    /// When it is taken without a touch.
    pub answer_at: Option<Instant>,
}

/// The offer of an incoming call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TheirOffer {
    /// Answered in the 183 with these bytes. The 200 repeats them: a caller need not look at another answer
    /// (RFC 3261 13.2.1).
    Answered(Vec<u8>),
    /// Kept for the 200.
    Kept(Vec<u8>),
    /// They want ours in the 200.
    Missing,
    /// They want ours, and got it in the 183.
    Asked(Vec<u8>),
}

/// An answered call.
#[derive(Debug)]
pub(super) struct Talking {
    pub since: Now,
    /// The longest call time.
    pub until: Option<Instant>,
    pub held: bool,
    /// Whether the last agreement was made on hold.
    pub held_as_agreed: bool,
    pub held_by_remote: bool,
    pub change: Change,
}

/// A change of the media by us (re-INVITE).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// The last agreement is what `0` wished for.
    Settled(Wish),
    /// An offer with this wish is out.
    Asked(Wish),
    /// It collided with one of theirs (491) and is tried again then.
    Again(Instant),
}

/// The media of a call.
#[derive(Debug)]
pub(super) struct Media {
    pub ports: MediaPorts,
    pub negotiation: Negotiation,
    pub streams: Option<Negotiated>,
    /// The order in force.
    pub ordered: Option<MediaOrder>,
    pub audio: Option<AudioView>,
    pub video: Option<VideoView>,
    pub traffic: Traffic,
}

impl Media {
    /// Before anything is agreed.
    pub fn new(ports: MediaPorts, negotiation: Negotiation) -> Self {
        Self { ports, negotiation, streams: None, ordered: None, audio: None, video: None, traffic: Traffic::default() }
    }

    /// How well sound and picture came through, as far as they came.
    pub fn quality(&self) -> CallQuality {
        let Some(streams) = &self.streams else { return CallQuality::default() };
        let of = |codec: &str, packets, lost, jitter_ms: f32| {
            // A tenth is all that anybody wants to know.
            let jitter_ms = (jitter_ms * 10.0).round() / 10.0;
            (packets > 0).then(|| StreamQuality { codec: codec.to_owned(), packets, lost, jitter_ms })
        };
        let audio = streams.audio.as_ref().zip(self.audio.as_ref());
        let video = streams.video.as_ref().zip(self.video.as_ref());
        CallQuality {
            audio: audio.and_then(|(it, seen)| of(it.codec.name(), seen.packets_in, seen.lost, seen.jitter_ms)),
            video: video.and_then(|(it, seen)| of(it.codec.name(), seen.packets_in, seen.lost, seen.jitter_ms)),
        }
    }
}

/// The wish of a call that begins: the camera is off.
pub(super) fn first_wish(config: &Config) -> Wish {
    Wish { audio: Direction::SendRecv, video: Direction::of(false, config.video_receive) }
}

/// Whether something arrives.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Traffic {
    /// Packets and frames at the last report.
    pub received: u64,
    /// When that number last grew, or began to be expected to.
    pub heard: Option<Instant>,
}

impl Talking {
    /// An answered call that began to be one `now`.
    pub fn new(config: &Config, now: Now, agreed: Wish) -> Self {
        let limit = u64::from(config.max_call_time_min) * 60;
        Self {
            since: now,
            until: (limit > 0).then(|| now.instant + Duration::from_secs(limit)),
            held: false,
            held_as_agreed: false,
            held_by_remote: false,
            change: Change::Settled(agreed),
        }
    }
}

impl Call {
    pub fn state(&self) -> CallState {
        match &self.stage {
            Stage::Outgoing(outgoing) => match self.progress(outgoing.progress) {
                Progress::Calling => CallState::Calling,
                Progress::Ringing => CallState::Ringing,
                Progress::Early => CallState::Early,
            },
            Stage::Incoming(Incoming { offer: TheirOffer::Answered(_), .. }) => CallState::Early,
            Stage::Incoming(_) if self.media.streams.is_some() => CallState::Early,
            Stage::Incoming(_) => CallState::Ringing,
            Stage::Talking(Talking { held: true, .. }) => CallState::Held,
            Stage::Talking(_) => CallState::Confirmed,
        }
    }

    /// The port of ours that it goes by.
    pub fn port(&self) -> Option<u16> {
        self.path.map(|path| path.local.port())
    }

    /// Whether it rings here.
    pub fn rings_here(&self) -> bool {
        matches!(self.stage, Stage::Incoming(_))
    }

    /// Answered, and not on hold by us.
    pub fn is_active(&self) -> bool {
        matches!(self.stage, Stage::Talking(Talking { held: false, .. }))
    }

    pub fn talking(&self) -> Option<&Talking> {
        match &self.stage {
            Stage::Talking(talking) => Some(talking),
            _ => None,
        }
    }

    pub fn talking_mut(&mut self) -> Option<&mut Talking> {
        match &mut self.stage {
            Stage::Talking(talking) => Some(talking),
            _ => None,
        }
    }

    /// Which way sound and picture should flow now. The camera and the microphone are kept back by not sending; the
    /// wish before the answer is already that of the call, because the caller need not look at a second answer.
    pub fn wish(&self, config: &Config) -> Wish {
        let held = self.talking().is_some_and(|talking| talking.held);
        let video = Direction::of(self.camera && !held, config.video_receive && !held);
        Wish { audio: Direction::of(true, !held), video }
    }

    /// The order that fits the state, once something is agreed.
    pub fn media_order(&self) -> Option<MediaOrder> {
        let streams = self.media.streams.as_ref().filter(|_| !self.is_undecided())?;
        let audio = streams.audio.as_ref().map(|audio| audio.direction);
        let video = streams.video.as_ref().map(|video| video.direction);
        let active = self.is_active();
        // Their early sound (an announcement, the ringing) is heard; a visitor is only seen until somebody answers.
        let hears = active || matches!(self.stage, Stage::Outgoing(_));
        Some(MediaOrder::Start {
            call: self.handle,
            ports: self.media.ports,
            streams: Box::new(streams.clone()),
            audio_send: active && audio.is_some_and(Direction::sends),
            audio_play: hears && audio.is_some_and(Direction::receives),
            video_send: active && self.camera && video.is_some_and(Direction::sends),
        })
    }

    /// Whether the other side takes keys in the sound, and we may send it some.
    pub fn takes_keys_in_sound(&self) -> bool {
        self.media.streams.as_ref().and_then(|streams| streams.audio.as_ref()).is_some_and(|audio| {
            audio.dtmf_send_pt.is_some() && audio.direction.sends() && !audio.remote.ip().is_unspecified()
        })
    }

    /// How this door is opened; `None` where nothing can open it.
    pub fn door(&self, config: &Config) -> Option<DoorWay> {
        // Of several that ring nobody knows yet which one it will be.
        if self.is_undecided() {
            return None;
        }
        let door = self.remote.contact.as_ref().and_then(|contact| contact.door.as_ref());
        let method = match door.and_then(|door| door.unlock) {
            None => config.unlock_method,
            Some(DoorUnlock::Dtmf) => UnlockMethod::Dtmf,
            Some(DoorUnlock::Info) => UnlockMethod::Info,
            Some(DoorUnlock::Relay | DoorUnlock::Http) => {
                return door.and_then(|door| DoorWay::without_call(door, config));
            }
        };
        let code = door.and_then(|door| door.code.clone()).unwrap_or_else(|| config.unlock_code.clone());
        Some(match method {
            UnlockMethod::Dtmf => DoorWay::Dtmf(code),
            UnlockMethod::Info => DoorWay::Info(code),
        })
    }

    /// The call as the screen sees it.
    pub fn view(&self, config: &Config, over: Option<EndReason>) -> CallView {
        let streams = self.media.streams.as_ref().filter(|_| !self.is_undecided());
        let (account, remote, name) = match self.shown_as_group() {
            Some(group) => (group.account, &group.number, &group.name),
            None => (self.account, &self.remote.uri, &self.remote.name),
        };
        let audio = streams.and_then(|streams| streams.audio.as_ref()).map(|agreed| AudioView {
            codec: agreed.codec.name(),
            direction: agreed.direction.name(),
            ..self.media.audio.clone().unwrap_or_default()
        });
        let video = streams.and_then(|streams| streams.video.as_ref()).map(|agreed| VideoView {
            codec: agreed.codec.name(),
            direction: agreed.direction.name(),
            ..self.media.video.clone().unwrap_or_default()
        });
        CallView {
            call: self.handle,
            direction: self.direction,
            state: if over.is_some() { CallState::Ended } else { self.state() },
            account: account.map_or(0, Account::number),
            remote: remote.clone(),
            name: name.clone(),
            legs: self.legs_left(),
            began: self.began.instant,
            answered: self.talking().map(|talking| talking.since.instant),
            end_reason: over,
            held_by_remote: self.talking().is_some_and(|talking| talking.held_by_remote),
            silent: self.silent,
            muted: self.muted,
            camera: self.camera,
            can_unlock: self.door(config).is_some(),
            unlock: self.unlock.state(),
            open: None,
            session_timer: None,
            audio,
            video,
        }
    }
}
