//! Sound and picture of the calls: the phone's orders on one side, sockets and engines on the other.
//!
//! ```text
//!  RTP, RTCP sockets ─▶ RtpSession ─┬▶ AudioEngine ─▶ loudspeaker
//!                                   └▶ video Receiver ─▶ FrameSlot
//!  RTP, RTCP sockets ◀─ RtpSession ◀─ reports of the engines' threads (bounded channel) ◀─ microphone, camera
//! ```
//! Only the call on the screen has a video receiver. Nothing here runs while there is no call.

pub mod pictures;
pub mod ports;
pub mod stream;

use std::collections::{HashMap, VecDeque};
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant, SystemTime};

use rand::RngExt;
use rand::rngs::StdRng;
use tokio::io::ReadBuf;
use tokio::sync::mpsc;

use self::pictures::{PictureReport, Pictures};
use self::ports::Pair;
use self::stream::{Brought, Kind, Stream};
use crate::channel::{AudioView, CallHandle, SoundFault, VideoView};
use crate::config::{Config, DeviceFault};
use crate::frame::FrameSlot;
use crate::media::CallKey;
use crate::media::agreed;
use crate::media::audio::{self, AudioEngine, AudioEvent, AudioPacket, AudioPlan, AudioSettings, DeviceState};
use crate::media::video::Still;
use crate::phone::{MediaEvent, MediaOrder, MediaPorts, Now, Tone};
use crate::rtp::{Channel, MediaPacket, Received, RtcpEvent, RtpSession, SessionConfig, StreamConfig};
use crate::sdp::{AudioStream, Negotiated};

/// How often the figures of a call are told.
const FIGURES: Duration = Duration::from_secs(1);
/// Reports of the engines that may wait for the loop; more are thrown away, as a network would.
const REPORTS: usize = 512;

/// What the engines report from their threads.
#[derive(Debug)]
pub enum Report {
    /// Of the sound engine.
    Sound(AudioEvent),
    /// Of a receiver or a camera.
    Picture(PictureReport),
}

/// A packet that came; its bytes are in the caller's buffer.
#[derive(Clone, Copy, Debug)]
pub struct Packet {
    /// Which stream, as long as nothing else is done with the desk.
    stream: usize,
    channel: Channel,
    from: SocketAddr,
    count: usize,
}

/// All media of all calls.
pub struct Media {
    pairs: HashMap<u16, Pair>,
    streams: Vec<Stream>,
    /// Which stream is asked first, so that a flood on one does not silence the others.
    turn: usize,
    sound: Option<AudioEngine>,
    settings: AudioSettings,
    pictures: Pictures,
    events: VecDeque<MediaEvent>,
    stills: VecDeque<(CallHandle, Still)>,
    next_figures: Option<Instant>,
    random: StdRng,
    cname: String,
}

impl Media {
    /// Binds ports for so many calls and starts the sound engine, which sleeps. What is missing is told by
    /// [`poll_event`](Self::poll_event); the panel works without. What the engines report comes on the channel and is to be
    /// handed to [`handle_report`](Self::handle_report).
    pub fn start(
        config: &Config,
        lines: usize,
        frames: FrameSlot,
        mut random: StdRng,
    ) -> (Self, Vec<MediaPorts>, mpsc::Receiver<Report>) {
        let (sender, reports) = mpsc::channel(REPORTS);
        let mut events = VecDeque::new();
        let mut pairs = HashMap::new();
        let mut ports = Vec::new();
        for _ in 0..lines {
            match (Pair::bind(&mut random), Pair::bind(&mut random)) {
                (Ok(audio), Ok(video)) => {
                    ports.push(MediaPorts { audio: audio.port(), video: video.port() });
                    pairs.extend([(audio.port(), audio), (video.port(), video)]);
                }
                (Err(error), _) | (_, Err(error)) => tracing::error!("no RTP port for a line: {error}"),
            }
        }
        let settings = sound_settings(config);
        let to_loop = sender.clone();
        // A full channel means that the loop stands still: newer sound is no better off than older.
        let sound = AudioEngine::start(settings.clone(), move |event| drop(to_loop.try_send(Report::Sound(event))))
            .inspect_err(|error| {
                let fault = Some(DeviceFault::System(error.to_string()));
                events.push_back(MediaEvent::Sound(Some(SoundFault { microphone: fault.clone(), loudspeaker: fault })));
            })
            .ok();
        let cname = format!("{:016x}@vestibule", random.random::<u64>());
        let media = Self {
            pairs,
            streams: Vec::new(),
            turn: 0,
            sound,
            settings,
            pictures: Pictures::new(config, frames, sender),
            events,
            stills: VecDeque::new(),
            next_figures: None,
            random,
            cname,
        };
        (media, ports, reports)
    }

    /// The next packet of any call. Never comes without calls. May be dropped while it waits without losing anything.
    pub async fn receive(&mut self, buffer: &mut [u8]) -> Packet {
        let count = self.streams.len();
        self.turn = self.turn.wrapping_add(1);
        poll_fn(|context| {
            for step in 0..count {
                let stream = (self.turn + step) % count;
                let mut into = ReadBuf::new(buffer);
                if let Poll::Ready((channel, from)) = self.streams[stream].poll_receive(context, &mut into) {
                    return Poll::Ready(Packet { stream, channel, from, count: into.filled().len() });
                }
            }
            Poll::Pending
        })
        .await
    }

    /// What the phone is to be told.
    pub fn poll_event(&mut self) -> Option<MediaEvent> {
        self.events.pop_front()
    }

    /// The picture of a visitor that was ordered.
    pub fn poll_still(&mut self) -> Option<(CallHandle, Still)> {
        self.stills.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let sessions = self.streams.iter().filter_map(|stream| Some(stream.session.poll_timeout()?.0));
        sessions.chain(self.next_figures).min()
    }

    /// Does what is due: RTCP, keys, figures.
    pub fn handle_timeout(&mut self, now: Instant) {
        for stream in &mut self.streams {
            if stream.session.poll_timeout().is_some_and(|(at, _)| at <= now) {
                stream.session.handle_timeout(now);
                stream.flush();
            }
            if stream.keys > 0 && !stream.session.dtmf_active() {
                let sent = std::mem::take(&mut stream.keys);
                self.events.extend((0..sent).map(|_| MediaEvent::DtmfSent { call: stream.call }));
            }
        }
        if self.next_figures.is_some_and(|at| at <= now) {
            self.next_figures = Some(now + FIGURES);
            self.tell_figures();
        }
    }

    /// Takes a packet in that [`receive`](Self::receive) has just given.
    pub fn handle_packet(&mut self, now: Instant, packet: Packet, buffer: &[u8]) {
        let Some(stream) = self.streams.get_mut(packet.stream) else { return };
        let bytes = &buffer[..packet.count];
        let (call, kind) = (stream.call, stream.kind);
        let brought = stream.receive(now, packet.channel, packet.from, bytes);
        stream.flush();
        match brought {
            Brought::Rtp(Some(Received::Media(media))) if kind == Kind::Audio => self.hear(now, call, media),
            Brought::Rtp(Some(Received::Media(_))) => self.pictures.push(call, bytes),
            Brought::Rtp(Some(Received::Dtmf(key))) => {
                self.events.push_back(MediaEvent::DtmfReceived { call, digit: key.digit });
            }
            Brought::Rtp(None) => {}
            Brought::Rtcp(events) => {
                for event in events.into_iter().filter(|_| kind == Kind::Video) {
                    match event {
                        RtcpEvent::KeyframeWanted => self.pictures.force_keyframe(call),
                        RtcpEvent::Lost(lost) => self.pictures.handle_report(call, lost),
                        RtcpEvent::Bye => {}
                    }
                }
            }
        }
    }

    fn hear(&mut self, now: Instant, call: CallHandle, packet: MediaPacket) {
        if packet.new_source {
            self.events.push_back(MediaEvent::AudioArrives { call });
        }
        if let Some(sound) = &self.sound {
            let packet = AudioPacket {
                payload_type: packet.payload_type,
                sequence: packet.sequence,
                timestamp: packet.timestamp,
                marker: packet.marker,
                ssrc: packet.ssrc,
                payload: packet.payload,
                arrived: now,
            };
            sound.push(CallKey(call.0), packet);
        }
    }

    /// Takes in what an engine reported.
    pub fn handle_report(&mut self, now: Instant, report: Report) {
        match report {
            Report::Sound(AudioEvent::Packet { call, payload_type, samples, marker, payload }) => {
                self.send(CallHandle(call.0), Kind::Audio, |session| {
                    session.send(now, payload_type, samples, marker, &payload);
                });
            }
            Report::Sound(AudioEvent::Device { input, output }) => {
                self.events.push_back(MediaEvent::Sound(what_is_wrong(input, output)));
            }
            Report::Sound(AudioEvent::RemoteSilent { call }) => tracing::debug!("call {}: no sound arrives", call.0),
            Report::Picture(PictureReport::Payload { call, payload_type, payload }) => {
                self.send(call, Kind::Video, |session| {
                    session.send(now, payload_type, payload.samples, payload.marker, &payload.bytes);
                });
            }
            Report::Picture(PictureReport::KeyframeWanted { call, waited }) => {
                self.send(call, Kind::Video, |session| session.request_keyframe(now));
                if self.pictures.asks_by_info(now, waited) {
                    self.events.push_back(MediaEvent::AskKeyframeByInfo { call });
                }
            }
            Report::Picture(PictureReport::Taken { call, still }) => self.stills.push_back((call, still)),
            Report::Picture(PictureReport::Said { call, words }) => tracing::debug!("call {}: {words}", call.0),
            Report::Picture(PictureReport::Failed { call, words }) => tracing::warn!("call {}: {words}", call.0),
        }
    }

    /// Lets a session send and puts on the network what it made.
    fn send(&mut self, call: CallHandle, kind: Kind, act: impl FnOnce(&mut RtpSession)) {
        if let Some(stream) = self.stream(call, kind) {
            act(&mut stream.session);
            stream.flush();
        }
    }

    /// Carries out an order of the phone.
    pub fn order(&mut self, now: Now, order: MediaOrder) {
        match order {
            MediaOrder::Start { call, ports, streams, audio_send, audio_play, video_send } => {
                let plan = streams.audio.as_ref().map(|agreed| audio_plan(agreed, audio_send, audio_play));
                let sound = streams.audio.as_ref().map(agreed::audio).zip(plan);
                self.start_sound(now, call, ports.audio, sound);
                let silent = streams.audio.as_ref().filter(|agreed| !audio_send && agreed.direction.sends());
                if let Some(stream) = self.stream(call, Kind::Audio) {
                    stream.silence = silent.map(|agreed| (agreed.codec, agreed.send_pt));
                }
                self.start_pictures(now, call, ports, &streams, video_send);
                self.next_figures.get_or_insert(now.instant + FIGURES);
            }
            MediaOrder::Stop { call } => self.stop(now.instant, call),
            MediaOrder::Dtmf { call, digits } => self.send_keys(now.instant, call, &digits),
            MediaOrder::ForceKeyframe { call } => self.pictures.force_keyframe(call),
            MediaOrder::Tone(tone) => self.sound_tone(tone),
            MediaOrder::KeyTone(key) => self.with_sound(|sound| sound.key_tone(key)),
            MediaOrder::Mute(on) => self.with_sound(|sound| sound.mute(on)),
            MediaOrder::Show(call) => self.pictures.show(call),
            MediaOrder::TakePicture { call } => self.pictures.take_picture(call),
            MediaOrder::LeavePicture { call } => self.pictures.leave_picture(call),
            MediaOrder::Configure(config) => self.configure(&config),
        }
    }

    fn start_sound(&mut self, now: Now, call: CallHandle, port: u16, agreed: Option<(StreamConfig, AudioPlan)>) {
        let Some((config, plan)) = agreed else {
            self.close(now.instant, call, Kind::Audio);
            self.with_sound(|sound| sound.stop_call(CallKey(call.0)));
            return;
        };
        if self.open(now, call, Kind::Audio, port, config) {
            self.with_sound(|sound| sound.start_call(CallKey(call.0), plan));
        }
    }

    fn start_pictures(&mut self, now: Now, call: CallHandle, ports: MediaPorts, streams: &Negotiated, send: bool) {
        let open = match &streams.video {
            Some(agreed) => self.open(now, call, Kind::Video, ports.video, agreed::video(agreed)),
            None => false,
        };
        if open {
            self.pictures.agree(call, streams.video.clone(), send);
        } else {
            self.close(now.instant, call, Kind::Video);
            self.pictures.agree(call, None, false);
        }
    }

    /// Opens a stream, or brings the one that is open in line with a new agreement.
    fn open(&mut self, now: Now, call: CallHandle, kind: Kind, port: u16, config: StreamConfig) -> bool {
        if let Some(stream) = self.stream(call, kind) {
            stream.session.update(now.instant, config);
            stream.flush();
            return true;
        }
        let Some(pair) = self.pairs.get(&port) else {
            tracing::error!("call {}: RTP port {port} was never bound", call.0);
            return false;
        };
        let sockets = match pair.open() {
            Ok(sockets) => sockets,
            Err(error) => {
                tracing::error!("call {}: RTP port {port}: {error}", call.0);
                return false;
            }
        };
        let session = RtpSession::new(SessionConfig {
            instant: now.instant,
            wall: now.wall,
            seed: self.random.random(),
            cname: self.cname.clone(),
            stream: config,
        });
        self.streams.push(Stream::new(call, kind, session, sockets));
        true
    }

    fn close(&mut self, now: Instant, call: CallHandle, kind: Kind) {
        if let Some(at) = self.streams.iter().position(|stream| stream.call == call && stream.kind == kind) {
            let mut stream = self.streams.swap_remove(at);
            // Keys that will never go out must not be waited for.
            self.events.extend((0..stream.keys).map(|_| MediaEvent::DtmfSent { call }));
            stream.session.bye(now);
            stream.flush();
        }
    }

    fn stop(&mut self, now: Instant, call: CallHandle) {
        self.with_sound(|sound| sound.stop_call(CallKey(call.0)));
        self.close(now, call, Kind::Audio);
        self.close(now, call, Kind::Video);
        self.pictures.agree(call, None, false);
        if self.streams.is_empty() {
            self.next_figures = None;
        }
    }

    fn send_keys(&mut self, now: Instant, call: CallHandle, digits: &str) {
        let Some(stream) = self.stream(call, Kind::Audio) else {
            // Nothing can be sent any more; what waits for it must not wait for ever.
            self.events.push_back(MediaEvent::DtmfSent { call });
            return;
        };
        stream.send_keys(now, digits);
    }

    fn sound_tone(&mut self, tone: Option<Tone>) {
        if let Some(Tone::Ring(ringtone)) = tone {
            let wanted = audio::Ringtone::from_name(ringtone.word()).unwrap_or_default();
            if self.settings.ringtone != wanted {
                self.settings.ringtone = wanted;
                let settings = self.settings.clone();
                self.with_sound(|sound| sound.configure(settings));
            }
        }
        let tone = tone.map(|tone| match tone {
            Tone::Ring(_) => audio::Tone::Ring,
            Tone::Ringback => audio::Tone::Ringback,
            Tone::Busy => audio::Tone::Busy,
        });
        self.with_sound(|sound| sound.play(tone));
    }

    fn configure(&mut self, config: &Arc<Config>) {
        let settings = sound_settings(config);
        if settings != self.settings {
            self.settings = settings.clone();
            self.with_sound(|sound| sound.configure(settings));
        }
        self.pictures.configure(config);
    }

    /// Tells how sound and picture of each call are doing.
    fn tell_figures(&mut self) {
        let mut calls: Vec<CallHandle> = self.streams.iter().map(|stream| stream.call).collect();
        calls.sort();
        calls.dedup();
        for call in calls {
            let audio = self.stream(call, Kind::Audio).map(|stream| stream.session.stats());
            let video = self.stream(call, Kind::Video).map(|stream| stream.session.stats());
            let engine = self.sound.as_ref().and_then(|sound| sound.stats(CallKey(call.0))).unwrap_or_default();
            let seen = self.pictures.stats(call);
            let audio = audio.map(|rtp| AudioView {
                packets_in: rtp.packets_in,
                reports_in: rtp.reports_in,
                lost: rtp.lost,
                concealed_ms: u64::from(engine.concealed_ms),
                jitter_ms: rtp.jitter_ms,
                buffer_ms: engine.buffer_ms,
                packets_out: rtp.packets_out,
                round_trip_ms: rtp.round_trip_ms,
                ..AudioView::default()
            });
            let video = video.map(|rtp| VideoView {
                width: seen.width,
                height: seen.height,
                packets_in: rtp.packets_in,
                lost: rtp.lost + seen.broken,
                jitter_ms: rtp.jitter_ms,
                frames: seen.frames,
                fps: seen.fps,
                first_frame_ms: seen.first_frame_ms,
                keyframe_requests: rtp.keyframe_requests,
                stalled: seen.stalled,
                ..VideoView::default()
            });
            self.events.push_back(MediaEvent::Statistics { call, audio, video });
        }
    }

    fn stream(&mut self, call: CallHandle, kind: Kind) -> Option<&mut Stream> {
        self.streams.iter_mut().find(|stream| stream.call == call && stream.kind == kind)
    }

    fn with_sound(&self, act: impl FnOnce(&AudioEngine)) {
        if let Some(sound) = &self.sound {
            act(sound);
        }
    }
}

fn sound_settings(config: &Config) -> AudioSettings {
    AudioSettings {
        input: config.audio_input.clone(),
        output: config.audio_output.clone(),
        volume: config.audio_volume,
        ring_volume: config.audio_ring_volume,
        ringtone: audio::Ringtone::from_name(config.audio_ringtone.word()).unwrap_or_default(),
        key_tones: config.audio_key_tones,
    }
}

fn audio_plan(agreed: &AudioStream, send: bool, play: bool) -> AudioPlan {
    AudioPlan {
        codec: agreed.codec,
        send_pt: agreed.send_pt,
        recv_pts: agreed.recv_pts.clone(),
        ptime_ms: agreed.ptime_ms,
        send,
        play,
    }
}

/// What is wrong with the devices; `None` when nothing is.
fn what_is_wrong(input: DeviceState, output: DeviceState) -> Option<SoundFault> {
    let fault = |state| match state {
        DeviceState::Missing(why) => Some(why),
        DeviceState::Ok | DeviceState::Closed => None,
    };
    let found = SoundFault { microphone: fault(input), loudspeaker: fault(output) };
    (found != SoundFault::default()).then_some(found)
}

/// The two clocks, read together.
pub fn now() -> Now {
    Now { instant: Instant::now(), wall: SystemTime::now() }
}
