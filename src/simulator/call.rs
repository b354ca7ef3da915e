//! The one call of the door station: what was agreed upon, what flows, and the fault that it plays.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use rand::RngExt;
use rand::rngs::StdRng;
use tokio::sync::mpsc::UnboundedSender;

use super::camera::Camera;
use super::sockets::{Kind, Line, OpenSockets};
use super::stream::{CameraPayload, Picture, Sound, Stream};
use crate::channel::{DoorFault, DoorPhase};
use crate::rtp::Channel;
use crate::sdp::{AudioCodec, Capabilities, Direction, Local, Negotiated, Negotiation, SdpError, VideoCodec, Wish};
use crate::sip::SessionHandle;

/// How long after the answer a door station with that fault hangs up.
const HANGS_UP_AFTER: Duration = Duration::from_secs(3);
/// Of so many packets one is lost, with that fault.
const LOSES_ONE_OF: u32 = 10;
/// What the door station wants: to speak and hear, and to show.
pub(super) const WISH: Wish = Wish { audio: Direction::SendRecv, video: Direction::SendOnly };

/// What a call needs from its surroundings when an agreement is reached.
pub(super) struct Surroundings<'a> {
    pub(super) camera: &'a Camera,
    pub(super) payloads: &'a UnboundedSender<CameraPayload>,
    pub(super) random: &'a mut StdRng,
}

/// The offers and answers of a call that is about to begin.
pub(super) fn negotiation(sockets: &OpenSockets, video: &[VideoCodec], fault: DoorFault, id: u64) -> Negotiation {
    let video = if fault == DoorFault::NoVideo { Vec::new() } else { video.to_vec() };
    let local = Local {
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        audio_port: sockets.port(Line::Media(Kind::Sound, Channel::Rtp)),
        video_port: sockets.port(Line::Media(Kind::Picture, Channel::Rtp)),
    };
    Negotiation::new(id, Capabilities { audio: AudioCodec::ALL.to_vec(), video }, local)
}

/// The call.
pub(super) struct Call {
    pub(super) session: SessionHandle,
    pub(super) fault: DoorFault,
    negotiation: Negotiation,
    early_sound: bool,
    answered: Option<Instant>,
    hung_up: bool,
    sound: Option<Sound>,
    picture: Option<Picture>,
    /// Numbers the senders of the camera.
    senders: u64,
}

impl Call {
    pub(super) fn new(session: SessionHandle, negotiation: Negotiation, fault: DoorFault, early_sound: bool) -> Self {
        Self {
            session,
            fault,
            negotiation,
            early_sound,
            answered: None,
            hung_up: false,
            sound: None,
            picture: None,
            senders: 0,
        }
    }

    pub(super) fn phase(&self) -> DoorPhase {
        if self.answered.is_some() { DoorPhase::Talking } else { DoorPhase::Ringing }
    }

    /// RTP packets of speech that came, and the loudest in dBFS.
    pub(super) fn heard(&self) -> (u64, Option<f32>) {
        self.sound.as_ref().map_or((0, None), |sound| (sound.heard, sound.loudness))
    }

    pub(super) fn is_speaking(&self) -> bool {
        self.sound.as_ref().is_some_and(Sound::is_speaking)
    }

    pub(super) fn is_filming(&self) -> bool {
        self.picture.as_ref().is_some_and(Picture::is_filming)
    }

    /// The first offer, or one for an INVITE that came without.
    pub(super) fn create_offer(&mut self) -> Vec<u8> {
        self.negotiation.create_offer(WISH)
    }

    /// The panel has answered our offer, or offers with its answer still due (`None` is the caller's affair).
    pub(super) fn handle_answer(
        &mut self,
        now: Instant,
        sdp: &[u8],
        around: &mut Surroundings<'_>,
    ) -> Result<(), SdpError> {
        let agreed = self.negotiation.handle_answer(sdp)?;
        self.flow(now, agreed, around);
        Ok(())
    }

    /// The panel offers; our answer.
    pub(super) fn handle_offer(
        &mut self,
        now: Instant,
        sdp: &[u8],
        around: &mut Surroundings<'_>,
    ) -> Result<Vec<u8>, SdpError> {
        let (answer, agreed) = self.negotiation.handle_offer(sdp, WISH)?;
        self.flow(now, agreed, around);
        Ok(answer)
    }

    /// From now on both speak.
    pub(super) fn handle_answered(&mut self, now: Instant) {
        self.answered.get_or_insert(now);
        if let Some(sound) = &mut self.sound {
            sound.speak(now, true);
        }
    }

    /// A packet came; the key that it brought, if it did.
    pub(super) fn handle_packet(
        &mut self,
        now: Instant,
        (kind, channel): (Kind, Channel),
        from: SocketAddr,
        bytes: &[u8],
    ) -> Option<char> {
        match kind {
            Kind::Sound => self.sound.as_mut()?.handle_packet(now, channel, from, bytes),
            Kind::Picture => {
                self.picture.as_mut()?.handle_packet(now, channel, from, bytes);
                None
            }
        }
    }

    /// A payload of the camera.
    pub(super) fn handle_payload(&mut self, now: Instant, payload: CameraPayload) {
        if let Some(picture) = &mut self.picture {
            picture.handle_payload(now, payload);
        }
    }

    /// The panel asks for a key frame by INFO.
    pub(super) fn force_keyframe(&self) {
        if let Some(picture) = &self.picture {
            picture.force_keyframe();
        }
    }

    /// Does what is due; true when the fault of this call is to hang up now.
    pub(super) fn handle_timeout(&mut self, now: Instant) -> bool {
        if let Some(sound) = &mut self.sound {
            sound.handle_timeout(now);
        }
        if let Some(picture) = &mut self.picture {
            picture.handle_timeout(now);
        }
        let due = self.hangs_up_at().is_some_and(|at| at <= now);
        self.hung_up |= due;
        due
    }

    /// When [`Self::handle_timeout`] has something to do.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let sound = self.sound.as_ref().and_then(Sound::poll_timeout);
        let picture = self.picture.as_ref().and_then(Picture::poll_timeout);
        [sound, picture, self.hangs_up_at()].into_iter().flatten().min()
    }

    /// The next packet that is not lost.
    pub(super) fn poll_transmit(&mut self, random: &mut StdRng) -> Option<(Line, SocketAddr, Vec<u8>)> {
        loop {
            let sound = self.sound.as_mut().and_then(Stream::poll_transmit);
            let (line, to, bytes) = sound.or_else(|| self.picture.as_mut().and_then(Stream::poll_transmit))?;
            let loses = self.fault == DoorFault::PacketLoss && matches!(line, Line::Media(_, Channel::Rtp));
            if !(loses && random.random_ratio(1, LOSES_ONE_OF)) {
                return Some((line, to, bytes));
            }
        }
    }

    /// Says farewell on both streams.
    pub(super) fn bye(&mut self, now: Instant) {
        if let Some(sound) = &mut self.sound {
            sound.bye(now);
        }
        if let Some(picture) = &mut self.picture {
            picture.bye(now);
        }
    }

    fn hangs_up_at(&self) -> Option<Instant> {
        let plays = self.fault == DoorFault::HangsUp && !self.hung_up;
        self.answered.filter(|_| plays).map(|answered| answered + HANGS_UP_AFTER)
    }

    /// Lets flow what was agreed upon.
    fn flow(&mut self, now: Instant, agreed: Negotiated, around: &mut Surroundings<'_>) {
        match (agreed.audio, &mut self.sound) {
            (Some(agreed), Some(sound)) => sound.update(now, agreed),
            (Some(agreed), none) => *none = Some(Sound::new(now, agreed, around.random)),
            (None, sound) => *sound = None,
        }
        if let Some(sound) = &mut self.sound {
            sound.speak(now, self.answered.is_some() || self.early_sound);
        }
        match (agreed.video, &mut self.picture) {
            (Some(agreed), Some(picture)) => picture.update(now, agreed),
            (Some(agreed), none) => *none = Some(Picture::new(now, agreed, around.random)),
            (None, picture) => *picture = None,
        }
        if let Some(picture) = &mut self.picture {
            self.senders += 1;
            picture.film(around.camera, around.payloads, self.senders);
        }
    }
}
