//! Orders to the sound and picture engines, and what they report.

use std::time::Duration;

use super::call::Stage;
use super::output::{MediaEvent, MediaOrder};
use super::visitors::{self, Visitor};
use super::{Now, Phone};
use crate::channel::{AudioView, CallHandle, NoticeKind, VideoView};
use crate::sip::Body;

/// An answered call in which nothing arrives for this long is lost.
const SILENCE: Duration = Duration::from_secs(30);

impl Phone {
    /// The media engines report something.
    pub fn handle_media(&mut self, now: Now, event: MediaEvent) {
        match event {
            MediaEvent::DtmfSent { call } => self.on_dtmf_sent(now, call),
            // A door that sends keys means nothing by them here.
            MediaEvent::DtmfReceived { .. } => {}
            MediaEvent::AudioArrives { call } => self.on_audio(now, call),
            MediaEvent::Statistics { call, audio, video } => self.on_statistics(now, call, audio, video),
            MediaEvent::AskKeyframeByInfo { call } => self.ask_keyframe(now, call),
            MediaEvent::Sound(problem) => {
                self.clear_notices(|kind| matches!(kind, NoticeKind::Sound(_)));
                if let Some(problem) = problem {
                    self.notice(NoticeKind::Sound(problem));
                }
            }
            MediaEvent::MediaSilent { call } => {
                if self.expects_media(call) {
                    self.lose(now, call);
                }
            }
        }
        self.settle(now);
    }

    /// Orders what fits the state of the call, if that is not in force already. The microphone is the only one: it is as the
    /// call wants it before it is heard there.
    pub(super) fn sync_media(&mut self, handle: CallHandle) {
        let Some(call) = self.calls.get(&handle) else { return };
        if call.is_active() {
            self.mute_microphone(call.muted);
        }
        let Some(call) = self.calls.get_mut(&handle) else { return };
        let order = call.media_order();
        if order.is_some() && order != call.media.ordered {
            call.media.ordered.clone_from(&order);
            if visitors::is_wanted(&self.config, call) {
                call.visitor = Visitor::Awaited;
                self.outputs.push_back(super::Output::Media(MediaOrder::TakePicture { call: handle }));
            }
            self.outputs.extend(order.map(super::Output::Media));
        }
    }

    fn on_audio(&mut self, now: Now, handle: CallHandle) {
        let Some(call) = self.calls.get_mut(&handle) else { return };
        call.media.traffic.heard = Some(now.instant);
        if let Stage::Outgoing(outgoing) = &mut call.stage {
            outgoing.sounds = true;
        }
    }

    fn on_statistics(&mut self, now: Now, handle: CallHandle, audio: Option<AudioView>, video: Option<VideoView>) {
        let expected = self.expects_media(handle);
        let Some(call) = self.calls.get_mut(&handle) else { return };
        let heard = audio.as_ref().map_or(0, |audio| audio.packets_in);
        // Who sends no sound while muted, or none of silence, still reports (RFC 3550 6.2).
        let reported = audio.as_ref().map_or(0, |audio| audio.reports_in);
        let received = heard + reported + video.as_ref().map_or(0, |video| video.frames);
        let traffic = &mut call.media.traffic;
        if received != traffic.received || !expected || traffic.heard.is_none() {
            traffic.received = received;
            traffic.heard = Some(now.instant);
        }
        let silent_for = traffic.heard.map_or(Duration::ZERO, |since| now.instant.duration_since(since));
        if let Stage::Outgoing(outgoing) = &mut call.stage {
            outgoing.sounds |= heard > 0;
        }
        call.media.audio = audio;
        call.media.video = video;
        self.touch(handle);
        if expected && silent_for >= SILENCE {
            self.lose(now, handle);
        }
    }

    /// Whether something should arrive: answered, held by nobody, and agreed that they send.
    fn expects_media(&self, handle: CallHandle) -> bool {
        let Some(call) = self.calls.get(&handle) else { return false };
        let flows = call.talking().is_some_and(|talking| !talking.held && !talking.held_by_remote);
        let receives = call
            .media
            .streams
            .as_ref()
            .is_some_and(|streams| streams.audio.as_ref().is_some_and(|audio| audio.direction.receives()));
        flows && receives
    }

    /// An INFO came; it is answered already. Only the wish for a key frame means something to a panel.
    pub(super) fn on_info(&mut self, handle: CallHandle, body: Option<Body>) {
        let wants_keyframe = body.is_some_and(|body| {
            let kind = body.content_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
            kind == "application/media_control+xml" && contains(&body.bytes, b"picture_fast_update")
        });
        let sends = self.calls.get(&handle).is_some_and(|call| call.camera && call.is_active());
        if wants_keyframe && sends {
            self.order(MediaOrder::ForceKeyframe { call: handle });
        }
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
