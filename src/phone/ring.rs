//! What is heard besides a call, and which call is on the screen.

use std::time::{Duration, Instant};

use super::call::{Call, Outgoing, Progress, Stage};
use super::output::{MediaOrder, Tone};
use super::{Now, Phone};
use crate::channel::{CallHandle, Event};

/// How long the busy tone sounds after a call that failed.
pub(super) const BUSY_TIME: Duration = Duration::from_secs(3);

/// What was ordered last.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sounding {
    tone: Option<Tone>,
    shown: Option<CallHandle>,
    /// The microphone is off.
    muted: bool,
    /// When the busy tone ends.
    pub busy_until: Option<Instant>,
}

impl Phone {
    /// Brings tone and shown call in line with the calls.
    pub(super) fn sound(&mut self, now: Now) {
        if self.sounding.busy_until.is_some_and(|until| until <= now.instant) {
            self.sounding.busy_until = None;
        }
        if self.current.is_none_or(|handle| !self.calls.contains_key(&handle)) {
            self.current = self.next_on_screen();
        }
        let tone = self.tone();
        if tone != self.sounding.tone {
            self.sounding.tone = tone;
            self.order(MediaOrder::Tone(tone));
        }
        if self.current != self.sounding.shown {
            self.sounding.shown = self.current;
            self.order(MediaOrder::Show(self.current));
            // Later than the order: whatever comes into sight after this is the camera of that call.
            self.tell(Event::OnScreen(self.current));
        }
    }

    /// Switches the microphone off or on.
    pub(super) fn mute_microphone(&mut self, muted: bool) {
        if self.sounding.muted != muted {
            self.sounding.muted = muted;
            self.order(MediaOrder::Mute(muted));
        }
    }

    /// A call has come in: it takes the screen, unless that belongs to a conversation or to somebody who rings already; then it
    /// is a banner.
    pub(super) fn bring_up(&mut self, handle: CallHandle) {
        if !self.on_screen().is_some_and(|call| call.is_active() || call.rings_here()) {
            self.current = Some(handle);
        }
    }

    /// The call on the screen.
    pub(super) fn on_screen(&self) -> Option<&Call> {
        self.current.and_then(|handle| self.calls.get(&handle))
    }

    /// The bell never sounds into a conversation; the banner is on the screen.
    fn tone(&self) -> Option<Tone> {
        let engaged = self.calls.values().any(|call| call.is_active() || matches!(call.stage, Stage::Outgoing(_)));
        let bell = self.calls.values().find(|call| call.rings_here() && !call.silent);
        if let Some(call) = bell.filter(|_| !engaged) {
            let own = call.remote.contact.as_ref().and_then(|contact| contact.ringtone);
            return Some(Tone::Ring(own.unwrap_or(self.config.audio_ringtone)));
        }
        let ringback = |call: &Call| match call.stage {
            Stage::Outgoing(Outgoing { progress, sounds, .. }) => {
                call.progress(progress) != Progress::Calling && !sounds
            }
            Stage::Incoming(_) | Stage::Talking(_) => false,
        };
        if self.calls.values().any(ringback) {
            return Some(Tone::Ringback);
        }
        let quiet = self.calls.values().all(|call| !call.is_active() && !matches!(call.stage, Stage::Outgoing(_)));
        (self.sounding.busy_until.is_some() && quiet).then_some(Tone::Busy)
    }

    /// When the call on the screen has gone: one that is spoken in, else one that rings here, or there, else the newest.
    fn next_on_screen(&self) -> Option<CallHandle> {
        let calls = || self.calls.values();
        calls()
            .find(|call| call.is_active())
            .or_else(|| calls().find(|call| call.rings_here()))
            .or_else(|| calls().find(|call| matches!(call.stage, Stage::Outgoing(_))))
            .or_else(|| calls().next_back())
            .map(|call| call.handle)
    }
}
