//! Keys of a telephone on their way to the other side: as RFC 4733 events in the sound, or by SIP INFO when there is no
//! sound to send them in.

use std::collections::VecDeque;
use std::time::Instant;

use super::output::MediaOrder;
use super::unlock::ANSWER_TIME;
use super::{Now, Phone};
use crate::channel::{CallHandle, Refusal};
use crate::sip::{Body, InfoHandle};

/// What keys are for, so that the right one hears how it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The keypad of the call.
    Keypad,
    /// The door.
    Unlock,
}

/// The keys and INFOs of one call that are on their way.
///
/// Keys by INFO go one after the other, for their order counts. The wish for a key frame never stands before them: it goes
/// when no key is out, and keys do not wait for its answer. Behind a key it might be the reason why a repeated key is refused,
/// for its number is higher.
#[derive(Debug, Default)]
pub(super) struct Keys {
    /// Orders to the media engine that have not been reported as sent, oldest first.
    in_sound: VecDeque<Purpose>,
    /// Keys by INFO that wait for those before them.
    waiting: VecDeque<Code>,
    /// The one that is out.
    sending: Option<Sending>,
    /// The last key of a code for the door that was not answered in time.
    late: Option<InfoHandle>,
    keyframe: Keyframe,
}

/// Keys that were pressed at once and have not been sent.
#[derive(Debug)]
struct Code {
    purpose: Purpose,
    keys: VecDeque<char>,
}

/// A key that waits for its answer.
#[derive(Debug)]
struct Sending {
    info: InfoHandle,
    until: Instant,
    /// What comes behind it.
    rest: Code,
}

/// The wish for a key frame.
#[derive(Debug, Default, PartialEq)]
enum Keyframe {
    #[default]
    NotWanted,
    /// When no key is out.
    Wanted,
    /// It waits for its answer.
    Asked(InfoHandle),
}

impl Keys {
    /// When the key that is out counts as unanswered.
    pub fn deadline(&self) -> Option<Instant> {
        self.sending.as_ref().map(|sending| sending.until)
    }

    /// Whether keys for the door are on their way by INFO.
    pub fn unlocks_by_info(&self) -> bool {
        let sending = self.sending.iter().map(|sending| &sending.rest);
        sending.chain(&self.waiting).any(|code| code.purpose == Purpose::Unlock)
    }

    /// Whether keys for the door are to go by INFO, and none of them has gone.
    pub fn unlock_waits(&self) -> bool {
        let is_for_door = |code: &Code| code.purpose == Purpose::Unlock;
        self.waiting.iter().any(is_for_door) && !self.sending.as_ref().is_some_and(|out| is_for_door(&out.rest))
    }

    /// The door gets its keys once more: an answer to those before means nothing now.
    pub fn forget_late(&mut self) {
        self.late = None;
    }
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
    pub(super) fn send_keys(&mut self, now: Now, handle: CallHandle, digits: &str, purpose: Purpose) {
        let Some(call) = self.calls.get_mut(&handle) else { return };
        if call.takes_keys_in_sound() {
            call.keys.in_sound.push_back(purpose);
            self.order(MediaOrder::Dtmf { call: handle, digits: digits.to_owned() });
        } else {
            self.send_keys_by_info(now, handle, digits, purpose);
        }
    }

    /// Sends keys by INFO, whatever the sound would take.
    pub(super) fn send_keys_by_info(&mut self, now: Now, handle: CallHandle, digits: &str, purpose: Purpose) {
        let Some(call) = self.calls.get_mut(&handle) else { return };
        call.keys.waiting.push_back(Code { purpose, keys: digits.chars().collect() });
        self.send_next(now, handle);
    }

    /// Asks for a key frame; not again while one such question waits.
    pub(super) fn ask_keyframe(&mut self, now: Now, handle: CallHandle) {
        let Some(call) = self.calls.get_mut(&handle) else { return };
        if call.keys.keyframe == Keyframe::NotWanted {
            call.keys.keyframe = Keyframe::Wanted;
            self.send_next(now, handle);
        }
    }

    /// Sends the next key, or asks for a key frame, unless a key is out.
    fn send_next(&mut self, now: Now, handle: CallHandle) {
        let Some(call) = self.calls.get_mut(&handle) else { return };
        let keys = &mut call.keys;
        if keys.sending.is_some() {
            return;
        }
        while let Some(mut rest) = keys.waiting.pop_front() {
            if let Some(key) = rest.keys.pop_front() {
                let info = self.endpoint.info(now.instant, call.session, &relay(key));
                let until = now.instant + ANSWER_TIME;
                if rest.purpose == Purpose::Unlock {
                    call.unlock.renew(until);
                }
                keys.sending = Some(Sending { info, until, rest });
                return;
            }
        }
        if keys.keyframe == Keyframe::Wanted {
            keys.keyframe = Keyframe::Asked(self.endpoint.info(now.instant, call.session, &picture_fast_update()));
        }
    }

    /// The keys of the oldest order are out.
    pub(super) fn on_dtmf_sent(&mut self, now: Now, handle: CallHandle) {
        let purpose = self.calls.get_mut(&handle).and_then(|call| call.keys.in_sound.pop_front());
        if purpose == Some(Purpose::Unlock) {
            self.on_unlock_sent(now, handle);
        }
    }

    /// An INFO has its answer.
    pub(super) fn on_info_answered(&mut self, now: Now, handle: CallHandle, info: InfoHandle, result: Result<(), u16>) {
        let Some(call) = self.calls.get_mut(&handle) else { return };
        let keys = &mut call.keys;
        if keys.keyframe == Keyframe::Asked(info) {
            keys.keyframe = Keyframe::NotWanted;
        } else if keys.late.take_if(|late| *late == info).is_some() {
            // That it was not answered was said already.
            if result.is_ok() {
                self.on_unlock_answered(now, handle, result);
            }
        } else if let Some(Sending { rest, .. }) = keys.sending.take_if(|sending| sending.info == info) {
            // The rest of a code makes no sense without the key that was refused.
            if result.is_ok() && !rest.keys.is_empty() {
                keys.waiting.push_front(rest);
            } else if rest.purpose == Purpose::Unlock {
                self.on_unlock_answered(now, handle, result);
            }
            self.send_next(now, handle);
        }
    }

    /// The key that is out is waited for no longer, and the rest of its code not sent; those behind have their turn.
    pub(super) fn give_up_key(&mut self, now: Now, handle: CallHandle) {
        let Some(call) = self.calls.get_mut(&handle) else { return };
        let Some(Sending { info, rest, .. }) = call.keys.sending.take() else { return };
        self.endpoint.give_up_info(now.instant, call.session, info);
        if rest.purpose == Purpose::Unlock && rest.keys.is_empty() {
            call.keys.late = Some(info);
        }
        self.send_next(now, handle);
    }

    /// The keys for the door that go by INFO are given up, and those before them, which are older still.
    pub(super) fn give_up_unlock(&mut self, now: Now, handle: CallHandle) {
        let Some(call) = self.calls.get_mut(&handle) else { return };
        if call.keys.unlocks_by_info() {
            let last = call.keys.waiting.iter().position(|code| code.purpose == Purpose::Unlock);
            call.keys.waiting.drain(..last.map_or(0, |at| at + 1));
            self.give_up_key(now, handle);
        }
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
