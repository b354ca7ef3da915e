//! Keys of a telephone on their way to the other side: as RFC 4733 events in the sound, or by SIP INFO when there is no
//! sound to send them in.

use std::collections::VecDeque;

use super::Phone;
use super::output::MediaOrder;
use crate::channel::{CallHandle, Refusal};
use crate::sdp::AudioStream;
use crate::sip::Body;

/// What keys or an INFO are for, so that the right one hears how it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The keypad of the call.
    Keypad,
    /// The door.
    Unlock,
    /// A key frame.
    Keyframe,
}

/// The keys and INFOs of one call that are on their way.
#[derive(Debug, Default)]
pub(super) struct Keys {
    /// Orders to the media engine that have not been reported as sent, oldest first.
    in_sound: VecDeque<Purpose>,
    /// INFOs to send; the first is out and waits for its answer. One after the other: the order of keys counts.
    infos: VecDeque<(Purpose, Body)>,
}

/// Checks keys as somebody typed them: `✳` is a star, small letters are capitals.
pub(super) fn checked(digits: &str) -> Result<String, Refusal> {
    digits
        .chars()
        .map(|c| match c {
            '✳' => Ok('*'),
            '0'..='9' | '*' | '#' | 'A'..='D' => Ok(c),
            'a'..='d' => Ok(c.to_ascii_uppercase()),
            bad => Err(Refusal::NotAKey(bad)),
        })
        .collect()
}

/// One key by INFO, as nearly all door stations take it.
fn relay(key: char) -> Body {
    let bytes = format!("Signal={key}\r\nDuration=160\r\n").into_bytes();
    Body { content_type: "application/dtmf-relay".to_owned(), bytes }
}

/// The wish for a key frame, RFC 5168.
fn picture_fast_update() -> Body {
    let bytes = b"<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n<media_control><vc_primitive><to_encoder>\
        <picture_fast_update/></to_encoder></vc_primitive></media_control>\r\n";
    Body { content_type: "application/media_control+xml".to_owned(), bytes: bytes.to_vec() }
}

impl Phone {
    /// Sends keys in the sound where the other side takes them there and we may send it some, else by INFO.
    pub(super) fn send_keys(&mut self, now: super::Now, handle: CallHandle, digits: &str, purpose: Purpose) {
        let Some(call) = self.calls.get_mut(&handle) else { return };
        let in_sound = call.media.streams.as_ref().and_then(|streams| streams.audio.as_ref());
        let takes_keys = |audio: &AudioStream| {
            audio.dtmf_send_pt.is_some() && audio.direction.sends() && !audio.remote.ip().is_unspecified()
        };
        if in_sound.is_some_and(takes_keys) {
            call.keys.in_sound.push_back(purpose);
            self.order(MediaOrder::Dtmf { call: handle, digits: digits.to_owned() });
        } else {
            self.send_infos(now, handle, digits.chars().map(relay), purpose);
        }
    }

    /// Sends keys by INFO, whatever the sound would take.
    pub(super) fn send_keys_by_info(&mut self, now: super::Now, handle: CallHandle, digits: &str, purpose: Purpose) {
        self.send_infos(now, handle, digits.chars().map(relay), purpose);
    }

    /// Asks for a key frame; not again while one such question waits.
    pub(super) fn ask_keyframe(&mut self, now: super::Now, handle: CallHandle) {
        let waits = self
            .calls
            .get(&handle)
            .is_some_and(|call| call.keys.infos.iter().any(|(purpose, _)| *purpose == Purpose::Keyframe));
        if !waits {
            self.send_infos(now, handle, [picture_fast_update()].into_iter(), Purpose::Keyframe);
        }
    }

    fn send_infos(
        &mut self,
        now: super::Now,
        handle: CallHandle,
        bodies: impl Iterator<Item = Body>,
        purpose: Purpose,
    ) {
        let Some(call) = self.calls.get_mut(&handle) else { return };
        let idle = call.keys.infos.is_empty();
        call.keys.infos.extend(bodies.map(|body| (purpose, body)));
        if idle {
            self.next_info(now, handle);
        }
    }

    fn next_info(&mut self, now: super::Now, handle: CallHandle) {
        let Some(call) = self.calls.get(&handle) else { return };
        if let Some((_, body)) = call.keys.infos.front() {
            self.endpoint.info(now.instant, call.session, body);
        }
    }

    /// The keys of the oldest order are out.
    pub(super) fn on_dtmf_sent(&mut self, now: super::Now, handle: CallHandle) {
        let purpose = self.calls.get_mut(&handle).and_then(|call| call.keys.in_sound.pop_front());
        if purpose == Some(Purpose::Unlock) {
            self.on_unlock_sent(now, handle);
        }
    }

    /// The INFO that is out has its answer.
    pub(super) fn on_info_answered(&mut self, now: super::Now, handle: CallHandle, result: Result<(), u16>) {
        let Some(call) = self.calls.get_mut(&handle) else { return };
        let Some((purpose, _)) = call.keys.infos.pop_front() else { return };
        if result.is_err() {
            // The rest of a code makes no sense without the key that was refused.
            call.keys.infos.retain(|(other, _)| *other != purpose);
        }
        let more = call.keys.infos.iter().any(|(other, _)| *other == purpose);
        if purpose == Purpose::Unlock && !more {
            self.on_unlock_answered(now, handle, result);
        }
        self.next_info(now, handle);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_checked_and_written_as_the_wire_has_them() {
        assert_eq!(checked("12✳#a").as_deref(), Ok("12*#A"));
        assert_eq!(checked("1x"), Err(Refusal::NotAKey('x')));
        assert_eq!(relay('#').bytes, b"Signal=#\r\nDuration=160\r\n");
    }
}
