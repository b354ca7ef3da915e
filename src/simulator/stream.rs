//! The RTP streams of the call: what was agreed upon becomes a session with a speaker or a camera behind it.

use std::net::SocketAddr;
use std::time::{Instant, SystemTime};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::mpsc::UnboundedSender;

use super::camera::{self, Camera};
use super::sockets::{Kind, Line};
use super::speech::Speech;
use crate::media::agreed;
use crate::media::audio::Ear;
use crate::media::video::{CameraSource, Payload, Sender, SenderParams};
use crate::rtp::{Channel, Received, RtcpEvent, RtpSession, SessionConfig, StreamConfig};
use crate::sdp::{AudioStream, VideoStream};

/// Kilobits a second of the picture, unless the panel allows less.
const BITRATE_KBPS: u32 = 800;
/// Name of this side in RTCP, the same for sound and picture.
const CNAME: &str = "door@127.0.0.1";

/// A payload of the camera, with the number of the sender that made it.
pub(super) type CameraPayload = (u64, Payload);

/// The sound of the call.
pub(super) struct Sound {
    agreed: AudioStream,
    rtp: RtpSession,
    speech: Option<Speech>,
    ear: Ear,
    /// RTP packets of speech that came.
    pub(super) heard: u64,
    /// The loudest of them, in dBFS.
    pub(super) loudness: Option<f32>,
}

/// The picture of the call.
pub(super) struct Picture {
    agreed: VideoStream,
    rtp: RtpSession,
    sender: Option<(u64, Sender)>,
}

impl Sound {
    pub(super) fn new(now: Instant, agreed: AudioStream, random: &mut StdRng) -> Self {
        let rtp = RtpSession::new(config(now, agreed::audio(&agreed), random));
        Self { agreed, rtp, speech: None, ear: Ear::default(), heard: 0, loudness: None }
    }

    /// Takes another agreement over.
    pub(super) fn update(&mut self, now: Instant, agreed: AudioStream) {
        self.rtp.update(now, agreed::audio(&agreed));
        self.agreed = agreed;
    }

    /// Lets the visitor speak, if the agreement and `wanted` allow it, or be silent.
    pub(super) fn speak(&mut self, now: Instant, wanted: bool) {
        let (codec, ptime_ms) = (self.agreed.codec, self.agreed.ptime_ms);
        if !(wanted && self.agreed.direction.sends()) {
            self.speech = None;
        } else if !self.speech.as_ref().is_some_and(|speech| speech.serves(codec, ptime_ms)) {
            match Speech::new(now, codec, ptime_ms) {
                Ok(speech) => self.speech = Some(speech),
                Err(words) => tracing::warn!("the visitor has no voice: {words}"),
            }
        }
    }

    /// Whether the visitor says something just now.
    pub(super) fn is_speaking(&self) -> bool {
        self.speech.as_ref().is_some_and(Speech::is_speaking)
    }

    /// A packet came; the key that it brought, if it did.
    pub(super) fn handle_packet(
        &mut self,
        now: Instant,
        channel: Channel,
        from: SocketAddr,
        bytes: &[u8],
    ) -> Option<char> {
        if channel == Channel::Rtcp || crate::rtp::is_rtcp(bytes) {
            self.rtp.handle_rtcp(now, from, bytes);
            return None;
        }
        match self.rtp.handle_rtp(now, from, bytes)? {
            Received::Dtmf(event) => Some(event.digit),
            Received::Media(packet) => {
                self.heard += 1;
                let codec = self.agreed.recv_pts.iter().find(|(pt, _)| *pt == packet.payload_type);
                if let Some((_, codec)) = codec
                    && let Some(loudness) = self.ear.hear(*codec, &packet.payload)
                {
                    self.loudness = Some(self.loudness.map_or(loudness, |loudest| loudest.max(loudness)));
                }
                None
            }
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        self.rtp.handle_timeout(now);
        while let Some(spoken) = self.speech.as_mut().and_then(|speech| speech.handle_timeout(now)) {
            match &spoken.payload {
                Some(bytes) => {
                    self.rtp.send(now, self.agreed.send_pt, spoken.samples, spoken.marker, bytes);
                }
                None => self.rtp.skip(spoken.samples),
            }
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let report = self.rtp.poll_timeout().map(|(due, _)| due);
        report.into_iter().chain(self.speech.as_ref().map(Speech::poll_timeout)).min()
    }
}

impl Picture {
    pub(super) fn new(now: Instant, agreed: VideoStream, random: &mut StdRng) -> Self {
        let rtp = RtpSession::new(config(now, agreed::video(&agreed), random));
        Self { agreed, rtp, sender: None }
    }

    /// Takes another agreement over.
    pub(super) fn update(&mut self, now: Instant, agreed: VideoStream) {
        self.rtp.update(now, agreed::video(&agreed));
        if agreed.codec != self.agreed.codec {
            self.sender = None;
        }
        self.agreed = agreed;
    }

    /// Starts or stops the camera, as the agreement has it. `number` names the sender if one is started.
    pub(super) fn film(&mut self, camera: &Camera, payloads: &UnboundedSender<CameraPayload>, number: u64) {
        if !self.agreed.direction.sends() {
            self.sender = None;
        } else if self.sender.is_none() {
            let params = SenderParams {
                source: CameraSource::Frames(camera.painter()),
                codec: self.agreed.codec,
                bitrate_kbps: self.agreed.bandwidth_kbps.unwrap_or(BITRATE_KBPS).clamp(64, BITRATE_KBPS),
                fps: camera::FPS,
                whole_units: self.agreed.packetization_mode == 0,
            };
            let to = payloads.clone();
            let on_payload = move |payload| {
                // The loop has left; the sender is about to be stopped.
                let _ = to.send((number, payload));
            };
            let on_error = |error| tracing::warn!("the door station's camera: {error}");
            match Sender::start(params, on_payload, on_error) {
                Ok(sender) => self.sender = Some((number, sender)),
                Err(error) => on_error(error),
            }
        }
    }

    /// Whether the camera is at work.
    pub(super) fn is_filming(&self) -> bool {
        self.sender.is_some()
    }

    /// A payload of the camera; one of a sender that has been stopped is dropped.
    pub(super) fn handle_payload(&mut self, now: Instant, (number, payload): CameraPayload) {
        if self.sender.as_ref().is_some_and(|(of, _)| *of == number) {
            self.rtp.send(now, self.agreed.send_pt, payload.samples, payload.marker, &payload.bytes);
        }
    }

    pub(super) fn handle_packet(&mut self, now: Instant, channel: Channel, from: SocketAddr, bytes: &[u8]) {
        if channel == Channel::Rtcp || crate::rtp::is_rtcp(bytes) {
            for event in self.rtp.handle_rtcp(now, from, bytes) {
                match (event, &self.sender) {
                    (RtcpEvent::KeyframeWanted, _) => self.force_keyframe(),
                    (RtcpEvent::Lost(lost), Some((_, sender))) => sender.handle_report(lost),
                    (RtcpEvent::Lost(_) | RtcpEvent::Bye, _) => {}
                }
            }
        } else {
            self.rtp.handle_rtp(now, from, bytes);
        }
    }

    /// The panel cannot show the picture without a key frame.
    pub(super) fn force_keyframe(&self) {
        if let Some((_, sender)) = &self.sender {
            sender.force_keyframe();
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        self.rtp.handle_timeout(now);
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.rtp.poll_timeout().map(|(due, _)| due)
    }
}

/// What sound and picture have in common.
pub(super) trait Stream {
    /// The next packet to send, and by which line.
    fn poll_transmit(&mut self) -> Option<(Line, SocketAddr, Vec<u8>)>;
    /// Says farewell by RTCP.
    fn bye(&mut self, now: Instant);
}

impl Stream for Sound {
    fn poll_transmit(&mut self) -> Option<(Line, SocketAddr, Vec<u8>)> {
        self.rtp.poll_transmit().map(|out| (Line::Media(Kind::Sound, out.channel), out.to, out.bytes))
    }

    fn bye(&mut self, now: Instant) {
        self.rtp.bye(now);
    }
}

impl Stream for Picture {
    fn poll_transmit(&mut self) -> Option<(Line, SocketAddr, Vec<u8>)> {
        self.rtp.poll_transmit().map(|out| (Line::Media(Kind::Picture, out.channel), out.to, out.bytes))
    }

    fn bye(&mut self, now: Instant) {
        self.rtp.bye(now);
    }
}

fn config(now: Instant, stream: StreamConfig, random: &mut StdRng) -> SessionConfig {
    SessionConfig { instant: now, wall: SystemTime::now(), seed: seed(random), cname: CNAME.to_owned(), stream }
}

/// A seed for something that is fed by this one.
pub(super) fn seed(random: &mut StdRng) -> [u8; 32] {
    let mut seed = [0; 32];
    StdRng::seed_from_u64(random.random()).fill(&mut seed);
    seed
}
