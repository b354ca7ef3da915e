//! Changes of the media of an answered call: hold and resume, the camera, and what the other side wants to change.
//!
//! What is wished follows from the state ([`super::call::Call::wish`]); when the last agreement wished for something
//! else, one re-INVITE goes out. While it is out, further changes wait; a collision (491) is tried again after a pause
//! (RFC 3261 14.1). Microphone and loudspeaker do not wait for any of it.

use std::time::Duration;

use rand::RngExt;

use super::call::{Change, Incoming, Stage, Talking, TheirOffer};
use super::{Now, Phone, reason};
use crate::channel::{CallDirection, CallHandle, Done, EndReason, Refusal};
use crate::sdp::Negotiated;
use crate::sip::{Body, Rejection};

/// The status of a re-INVITE that met one of theirs.
const REQUEST_PENDING: u16 = 491;

/// The status of a call that cannot be had with these descriptions.
const NOT_ACCEPTABLE_HERE: u16 = 488;

impl Phone {
    /// Puts on hold whatever is spoken in but this call.
    pub(super) fn hold_others(&mut self, now: Now, but: CallHandle) {
        let others: Vec<CallHandle> =
            self.calls.values().filter(|call| call.is_active() && call.handle != but).map(|call| call.handle).collect();
        for other in others {
            self.set_held(now, other, true);
        }
    }

    /// Puts a call on hold, or takes it from hold; then the one that is spoken in goes on hold.
    pub(super) fn hold(&mut self, now: Now, handle: CallHandle, held: bool) -> Result<Done, Refusal> {
        let call = self.calls.get(&handle).ok_or(Refusal::NoCall)?;
        if call.talking().is_none() {
            return Err(Refusal::WrongState(call.state()));
        }
        if !held {
            self.hold_others(now, handle);
            self.current = Some(handle);
        }
        self.set_held(now, handle, held);
        Ok(Done::Ok)
    }

    pub(super) fn set_held(&mut self, now: Now, handle: CallHandle, held: bool) {
        let Some(talking) = self.calls.get_mut(&handle).and_then(|call| call.talking_mut()) else { return };
        if talking.held == held {
            return;
        }
        talking.held = held;
        self.touch(handle);
        self.sync_media(handle);
        self.renegotiate(now, handle);
    }

    /// Starts or stops sending our camera in the call on the screen.
    pub(super) fn send_camera(&mut self, now: Now, handle: CallHandle, on: bool) -> Result<Done, Refusal> {
        let camera = self.has_camera();
        let call = self.calls.get_mut(&handle).ok_or(Refusal::NoCall)?;
        if on && !camera {
            return Err(Refusal::NoCamera);
        }
        if call.talking().is_none() {
            return Err(Refusal::WrongState(call.state()));
        }
        call.camera = on;
        self.touch(handle);
        self.sync_media(handle);
        self.renegotiate(now, handle);
        Ok(Done::Ok)
    }

    /// Offers what is wished now, if that is not what was agreed and nothing is in the way.
    pub(super) fn renegotiate(&mut self, now: Now, handle: CallHandle) {
        let config = self.config.clone();
        let Some(call) = self.calls.get_mut(&handle) else { return };
        let wish = call.wish(&config);
        let Some(Talking { change, .. }) = call.talking() else { return };
        if !matches!(change, Change::Settled(agreed) if *agreed != wish) {
            return;
        }
        self.offer_change(now, handle);
    }

    /// Sends the re-INVITE, settled or not.
    pub(super) fn offer_change(&mut self, now: Now, handle: CallHandle) {
        let Some(call) = self.calls.get_mut(&handle) else { return };
        let wish = call.wish(&self.config);
        let Stage::Talking(talking) = &mut call.stage else { return };
        talking.change = Change::Asked(wish);
        let offer = call.media.negotiation.create_offer(wish);
        self.endpoint.reinvite(now.instant, call.session, Body::sdp(offer));
    }

    /// The re-INVITE has its result; or the ACK brought the answer to an offer that they had asked for.
    pub(super) fn on_offer_answered(&mut self, now: Now, handle: CallHandle, result: Result<Option<Body>, u16>) {
        let pause = self.pause_after_collision(handle);
        let Some(call) = self.calls.get_mut(&handle) else { return };
        let wish = call.wish(&self.config);
        let Stage::Talking(talking) = &mut call.stage else { return self.on_early_answer(now, handle, result) };
        let asked = match talking.change {
            Change::Asked(asked) => asked,
            Change::Settled(_) | Change::Again(_) => wish,
        };
        match result {
            Err(REQUEST_PENDING) => {
                talking.change = Change::Again(now.instant + pause);
                return;
            }
            // Refused: the agreement stands. One made on hold keeps the call there, until Resume is pressed once more.
            Err(_) | Ok(None) if talking.held_as_agreed && !talking.held => {
                talking.held = true;
                let wish = call.wish(&self.config);
                if let Some(talking) = call.talking_mut() {
                    talking.change = Change::Settled(wish);
                }
            }
            // Asking for the same again would be refused again.
            Err(_) | Ok(None) => talking.change = Change::Settled(asked),
            Ok(Some(body)) => {
                talking.change = Change::Settled(asked);
                if let Ok(streams) = call.media.negotiation.handle_answer(&body.bytes) {
                    talking.held_as_agreed = !asked.audio.receives();
                    talking.held_by_remote = is_held(&streams);
                    call.media.streams = Some(streams);
                }
            }
        }
        self.touch(handle);
        self.sync_media(handle);
        self.renegotiate(now, handle);
    }

    /// The answer to the offer that a caller wanted with the ringing. With one that cannot be used nothing would ever be heard.
    fn on_early_answer(&mut self, now: Now, handle: CallHandle, result: Result<Option<Body>, u16>) {
        let Some(call) = self.calls.get_mut(&handle) else { return };
        let Ok(Some(body)) = result else { return };
        match call.media.negotiation.handle_answer(&body.bytes) {
            Ok(streams) => call.media.streams = Some(streams),
            Err(error) => {
                // Not the INVITE is malformed, whatever became of the answer.
                let rejection = Rejection { status: NOT_ACCEPTABLE_HERE, ..reason::rejection(&error) };
                self.endpoint.reject(now.instant, call.session, rejection);
                return self.forget(now, handle, EndReason::NoCommonCodec);
            }
        }
        self.touch(handle);
        self.sync_media(handle);
    }

    /// They want to change the media, or want to hear what we wish.
    pub(super) fn on_offer(&mut self, now: Now, handle: CallHandle, body: Option<Body>) {
        let Some(call) = self.calls.get_mut(&handle) else { return };
        let wish = call.wish(&self.config);
        let Some(body) = body else {
            let offer = call.media.negotiation.create_offer(wish);
            self.endpoint.answer_offer(now.instant, call.session, Ok(Body::sdp(offer)));
            return;
        };
        match call.media.negotiation.handle_offer(&body.bytes, wish) {
            Ok((answer, streams)) => {
                if let Stage::Incoming(Incoming { offer: offer @ TheirOffer::Answered(_), .. }) = &mut call.stage {
                    // Changed before it was answered (RFC 3311): the 200 repeats the last that was said.
                    *offer = TheirOffer::Answered(answer.clone());
                }
                let held = is_held(&streams);
                call.media.streams = Some(streams);
                self.endpoint.answer_offer(now.instant, call.session, Ok(Body::sdp(answer)));
                if let Some(talking) = call.talking_mut() {
                    talking.held_as_agreed = talking.held;
                    talking.held_by_remote = held;
                    if let Change::Settled(agreed) = &mut talking.change {
                        *agreed = wish;
                    }
                }
                self.touch(handle);
                self.sync_media(handle);
            }
            Err(error) => self.endpoint.answer_offer(now.instant, call.session, Err(reason::rejection(&error))),
        }
    }

    /// RFC 3261 14.1: whoever made the Call-ID waits 2.1 to 4 s, the other side up to 2 s, in steps of 10 ms.
    fn pause_after_collision(&mut self, handle: CallHandle) -> Duration {
        let ours = self.calls.get(&handle).is_some_and(|call| call.direction == CallDirection::Out);
        let steps: u64 = if ours { self.random.random_range(210..=400) } else { self.random.random_range(0..=200) };
        Duration::from_millis(steps * 10)
    }

    /// The other side was silent for too long.
    pub(super) fn lose(&mut self, now: Now, handle: CallHandle) {
        self.end_call(now, handle, EndReason::Lost, 0);
    }
}

/// Whether the other side holds us: we always wish to send sound, on hold even our silence, so that nothing but their
/// word keeps us from it. With no sound and no picture left they have switched off all there was.
fn is_held(streams: &Negotiated) -> bool {
    match &streams.audio {
        Some(audio) => !audio.direction.sends() || audio.remote.ip().is_unspecified(),
        None => streams.video.is_none(),
    }
}
