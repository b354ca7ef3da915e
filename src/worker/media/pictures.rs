//! Pictures of the calls: one receiver, for the call on the screen, and one camera, for the call that it is sent to.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::Report;
use crate::channel::CallHandle;
use crate::config::Config;
use crate::frame::FrameSlot;
use crate::media::video::{
    CameraSource, Payload, Portrait, Receiver, ReceiverParams, Sender, SenderParams, Still, VideoEvent, VideoStats,
};
use crate::sdp::{VideoCodec, VideoStream};

/// The largest picture that is put on the screen, in pixels; larger ones are made smaller while they are decoded.
const LARGEST: (u32, u32) = (1280, 800);
/// What our camera sends unless the other side allows less, in kbit/s.
const CAMERA_KBPS: u32 = 1000;
/// Pictures a second of our camera.
const CAMERA_FPS: u32 = 15;
/// How long RTCP alone asks for a key frame before INFO does, too; and how far apart INFOs are.
const INFO_AFTER: Duration = Duration::from_secs(1);

/// What receiver and camera report from their threads.
#[derive(Debug)]
pub enum PictureReport {
    /// A payload of our camera.
    Payload {
        /// For which call.
        call: CallHandle,
        /// As agreed.
        payload_type: u8,
        /// What to send.
        payload: Payload,
    },
    /// The other side is to be asked for a key frame.
    KeyframeWanted {
        /// Of which call.
        call: CallHandle,
        /// For how long it has been wanted.
        waited: Duration,
    },
    /// A picture of the visitor was taken.
    Taken {
        /// In which call.
        call: CallHandle,
        /// What it looks like.
        still: Still,
    },
    /// Something for the log.
    Said {
        /// Of which call.
        call: CallHandle,
        /// In words.
        words: String,
    },
    /// Something cannot be shown or sent.
    Failed {
        /// Of which call.
        call: CallHandle,
        /// In words.
        words: String,
    },
}

/// What was agreed for a call.
#[derive(Debug)]
struct Agreed {
    call: CallHandle,
    stream: VideoStream,
    send: bool,
}

/// A receiver at work, and what it was started for.
struct Shown {
    call: CallHandle,
    params: ReceiverParams,
    receiver: Receiver,
}

/// A camera at work, and what it was started for.
struct Sent {
    call: CallHandle,
    coding: Coding,
    sender: Sender,
}

/// What of an agreement the camera must be started anew for; where its packets go is not among it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Coding {
    codec: VideoCodec,
    payload_type: u8,
    kbps: u32,
    whole_units: bool,
}

impl Coding {
    fn of(stream: &VideoStream) -> Self {
        Self {
            codec: stream.codec,
            payload_type: stream.send_pt,
            kbps: stream.bandwidth_kbps.map_or(CAMERA_KBPS, |most| most.clamp(64, CAMERA_KBPS)),
            whole_units: stream.packetization_mode == 0,
        }
    }
}

/// Receiver and camera.
pub struct Pictures {
    frames: FrameSlot,
    reports: mpsc::Sender<Report>,
    /// By its name in the settings.
    camera: String,
    agreed: Vec<Agreed>,
    on_screen: Option<CallHandle>,
    shown: Option<Shown>,
    sent: Option<Sent>,
    /// Of which visitors a picture is taken.
    portraits: HashMap<CallHandle, Arc<Portrait>>,
    asked_by_info: Option<Instant>,
}

impl Pictures {
    /// Nothing shown, nothing sent.
    pub fn new(config: &Config, frames: FrameSlot, reports: mpsc::Sender<Report>) -> Self {
        Self {
            frames,
            reports,
            camera: config.video_camera.clone(),
            agreed: Vec::new(),
            on_screen: None,
            shown: None,
            sent: None,
            portraits: HashMap::new(),
            asked_by_info: None,
        }
    }

    /// The pictures of a call are agreed anew, or there are none any longer.
    pub fn agree(&mut self, call: CallHandle, stream: Option<VideoStream>, send: bool) {
        self.agreed.retain(|agreed| agreed.call != call);
        if let Some(stream) = stream {
            self.agreed.push(Agreed { call, stream, send });
        }
        self.bring_in_line();
        let is_over = self.agreed.iter().all(|agreed| agreed.call != call);
        if let Some(portrait) = is_over.then(|| self.portraits.remove(&call)).flatten() {
            portrait.finish();
        }
    }

    /// A picture of this call's visitor is wanted, from the pictures that are agreed upon next.
    pub fn take_picture(&mut self, call: CallHandle) {
        let reports = self.reports.clone();
        let taken = move |still| {
            // A full channel means that the loop stands still; a visit without a picture is a visit all the same.
            if reports.try_send(Report::Picture(PictureReport::Taken { call, still })).is_err() {
                tracing::warn!("call {}: the picture of the visitor is lost", call.0);
            }
        };
        self.portraits.insert(call, Arc::new(Portrait::new(taken)));
    }

    /// None is wanted any longer.
    pub fn leave_picture(&mut self, call: CallHandle) {
        self.portraits.remove(&call);
    }

    /// This call is on the screen from now on.
    pub fn show(&mut self, call: Option<CallHandle>) {
        self.on_screen = call;
        self.bring_in_line();
    }

    /// Another camera may have been chosen.
    pub fn configure(&mut self, config: &Config) {
        if config.video_camera != self.camera {
            self.camera.clone_from(&config.video_camera);
            self.sent = None;
            self.bring_in_line();
        }
    }

    /// A packet of this call came.
    pub fn push(&self, call: CallHandle, packet: &[u8]) {
        if let Some(shown) = self.shown.as_ref().filter(|shown| shown.call == call) {
            shown.receiver.push(packet.to_vec());
        }
    }

    /// The other side cannot show our camera without a key frame.
    pub fn force_keyframe(&self, call: CallHandle) {
        if let Some(sender) = self.sender(call) {
            sender.force_keyframe();
        }
    }

    /// The other side says what it lost of our camera's stream, in 1/256.
    pub fn handle_report(&self, call: CallHandle, lost: u8) {
        if let Some(sender) = self.sender(call) {
            sender.handle_report(lost);
        }
    }

    /// What sends our camera in this call.
    fn sender(&self, call: CallHandle) -> Option<&Sender> {
        self.sent.as_ref().filter(|sent| sent.call == call).map(|sent| &sent.sender)
    }

    /// What the receiver of this call has counted; nothing for a call that is not on the screen.
    pub fn stats(&self, call: CallHandle) -> VideoStats {
        let shown = self.shown.as_ref().filter(|shown| shown.call == call);
        shown.map(|shown| shown.receiver.stats()).unwrap_or_default()
    }

    /// Whether a key frame that was wanted for so long is to be asked for by INFO, too; at most once in a while.
    pub fn asks_by_info(&mut self, now: Instant, waited: Duration) -> bool {
        let again = self.asked_by_info.is_none_or(|last| now.saturating_duration_since(last) >= 2 * INFO_AFTER);
        let asks = waited >= INFO_AFTER && again;
        if asks {
            self.asked_by_info = Some(now);
        }
        asks
    }

    fn bring_in_line(&mut self) {
        self.bring_receiver_in_line();
        self.bring_camera_in_line();
    }

    fn bring_receiver_in_line(&mut self) {
        let wanted = self
            .agreed
            .iter()
            .find(|agreed| Some(agreed.call) == self.on_screen && agreed.stream.direction.receives())
            .map(|agreed| (agreed.call, params(&agreed.stream)));
        let is = self.shown.as_ref().map(|shown| (shown.call, shown.params.clone()));
        if wanted == is {
            return;
        }
        if let Some(shown) = self.shown.take() {
            // It is taken down on its own thread.
            drop(shown.receiver.stop());
            self.frames.clear();
        }
        self.asked_by_info = None;
        let Some((call, params)) = wanted else { return };
        let portrait = self.portraits.get(&call).cloned();
        let reports = self.reports.clone();
        let events = move |event| {
            if let Some(report) = of_receiver(call, event) {
                // A full channel means that the loop stands still; a wish for a key frame comes again.
                drop(reports.try_send(Report::Picture(report)));
            }
        };
        match Receiver::start(params.clone(), self.frames.clone(), portrait, events) {
            Ok(receiver) => self.shown = Some(Shown { call, params, receiver }),
            Err(error) => tracing::error!("call {}: {error}", call.0),
        }
    }

    fn bring_camera_in_line(&mut self) {
        let wanted = self.agreed.iter().find(|agreed| agreed.send && agreed.stream.direction.sends());
        let wanted = wanted.map(|agreed| (agreed.call, Coding::of(&agreed.stream)));
        let is = self.sent.as_ref().map(|sent| (sent.call, sent.coding));
        if wanted == is {
            return;
        }
        self.sent = None;
        let Some((call, coding)) = wanted else { return };
        let Coding { codec, payload_type, kbps, whole_units } = coding;
        let params =
            SenderParams { source: camera(&self.camera), codec, bitrate_kbps: kbps, fps: CAMERA_FPS, whole_units };
        let (payloads, errors) = (self.reports.clone(), self.reports.clone());
        let on_payload = move |payload| {
            drop(payloads.try_send(Report::Picture(PictureReport::Payload { call, payload_type, payload })));
        };
        let on_error = move |error: crate::media::video::VideoError| {
            drop(errors.try_send(Report::Picture(PictureReport::Failed { call, words: error.to_string() })));
        };
        match Sender::start(params, on_payload, on_error) {
            Ok(sender) => self.sent = Some(Sent { call, coding, sender }),
            Err(error) => tracing::error!("call {}: {error}", call.0),
        }
    }
}

fn params(stream: &VideoStream) -> ReceiverParams {
    ReceiverParams {
        formats: stream.recv_pts.clone(),
        sprop: stream.sprop.clone(),
        max_size: Some(LARGEST),
        decoder: None,
    }
}

fn of_receiver(call: CallHandle, event: VideoEvent) -> Option<PictureReport> {
    let said = |words: String| Some(PictureReport::Said { call, words });
    match event {
        VideoEvent::KeyframeWanted { waited } => Some(PictureReport::KeyframeWanted { call, waited }),
        VideoEvent::Failed(words) => Some(PictureReport::Failed { call, words }),
        VideoEvent::FirstFrame { after } => said(format!("first picture after {} ms", after.as_millis())),
        VideoEvent::Resolution(width, height) => said(format!("picture of {width}×{height}")),
        VideoEvent::Stalled { rtp_alive: true } => said("packets arrive, but no picture".into()),
        VideoEvent::Stalled { rtp_alive: false } => said("no picture arrives".into()),
        VideoEvent::Recovered => said("the picture is back".into()),
    }
}

fn camera(name: &str) -> CameraSource {
    CameraSource::parse(name).unwrap_or_else(|error| {
        tracing::warn!("{error}");
        CameraSource::None
    })
}
