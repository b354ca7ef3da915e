//! The Unlock key as the screen has it: of a call, and of a door on the home screen.

use std::time::Instant;

use crate::channel::{TlsFault, UnlockFault, UnlockState};
use screens as ui;

/// What an Unlock key shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Shown {
    pub(super) state: ui::UnlockState,
    /// Until it goes back.
    pub(super) seconds: i32,
    pub(super) fault: ui::UnlockFault,
    /// The status behind the fault, 0 if there is none.
    pub(super) code: i32,
}

/// What the key shows now.
pub(super) fn shown(state: &UnlockState, now: Instant) -> Shown {
    let shown = |state| Shown { state, seconds: 0, fault: ui::UnlockFault::None, code: 0 };
    match state {
        UnlockState::Idle => shown(ui::UnlockState::Idle),
        UnlockState::Sending => shown(ui::UnlockState::Sending),
        UnlockState::Failed(fault) => {
            let (fault, code) = fault_of(fault);
            Shown { fault, code, ..shown(ui::UnlockState::Failed) }
        }
        UnlockState::Opened { until } => {
            let left = until.saturating_duration_since(now).as_millis().div_ceil(1000);
            Shown { seconds: i32::try_from(left).unwrap_or(i32::MAX), ..shown(ui::UnlockState::Opened) }
        }
    }
}

impl Shown {
    /// The same where the contact of the door says whether it is open: that counts, and not the time.
    pub(super) fn as_contact_says(self, open: Option<bool>) -> Self {
        use ui::UnlockState as S;
        match (self.state, open) {
            (S::Sending | S::Failed, _) | (_, None) | (S::Idle, Some(false)) => self,
            (_, Some(true)) => Self { state: S::Opened, seconds: 0, ..self },
            (_, Some(false)) => Self { state: S::Released, seconds: 0, ..self },
        }
    }
}

fn fault_of(fault: &UnlockFault) -> (ui::UnlockFault, i32) {
    use UnlockFault as F;
    use ui::UnlockFault as U;
    let (kind, code) = match fault {
        F::Relay => (U::Relay, 0),
        F::NoAnswer => (U::NoAnswer, 0),
        F::WrongPassword(code) => (U::WrongPassword, *code),
        F::UnknownAddress(code) => (U::UnknownAddress, *code),
        F::Trouble(code) => (U::Trouble, *code),
        F::Refused(code) => (U::Refused, *code),
        F::Moved(code) => (U::Moved, *code),
        F::NotHttp => (U::NotHttp, 0),
        F::NobodyThere => (U::NobodyThere, 0),
        F::HostNotFound => (U::HostNotFound, 0),
        F::NoNameServer => (U::NoNameServer, 0),
        F::TooMany => (U::TooMany, 0),
        F::Tls(TlsFault::UnknownAuthority | TlsFault::SelfSigned | TlsFault::Fingerprint) => (U::NotTrusted, 0),
        F::Tls(TlsFault::WrongName { .. }) => (U::WrongName, 0),
        F::Tls(TlsFault::Expired) => (U::Expired, 0),
        F::Tls(TlsFault::NotYetValid) => (U::NotYetValid, 0),
        F::Tls(TlsFault::ClientCertificate | TlsFault::OurFile(_) | TlsFault::Handshake(_)) => (U::NoTls, 0),
    };
    (kind, i32::from(code))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_countdown_of_an_open_door_ends_at_one() {
        let now = Instant::now();
        let opened = |ms| shown(&UnlockState::Opened { until: now + Duration::from_millis(ms) }, now).seconds;
        assert_eq!(opened(4_900), 5);
        assert_eq!(opened(10), 1);
    }

    #[test]
    fn a_door_with_a_contact_is_shown_as_that_says() {
        let now = Instant::now();
        let opened = UnlockState::Opened { until: now + Duration::from_secs(4) };
        let failed = UnlockState::Failed(UnlockFault::Relay);
        for (state, open, expected) in [
            (&UnlockState::Idle, Some(false), ui::UnlockState::Idle),
            (&UnlockState::Idle, Some(true), ui::UnlockState::Opened),
            (&UnlockState::Sending, Some(true), ui::UnlockState::Sending),
            (&opened, Some(false), ui::UnlockState::Released),
            (&opened, Some(true), ui::UnlockState::Opened),
            (&failed, Some(false), ui::UnlockState::Failed),
        ] {
            let key = shown(state, now).as_contact_says(open);
            assert_eq!((key.state, key.seconds), (expected, 0), "{state:?}, {open:?}");
        }
        assert_eq!(shown(&opened, now).as_contact_says(None).seconds, 4);
    }

    #[test]
    fn a_failure_bears_its_reason_and_its_status() {
        let failed = shown(&UnlockState::Failed(UnlockFault::Trouble(503)), Instant::now());
        assert_eq!((failed.state, failed.fault, failed.code), (ui::UnlockState::Failed, ui::UnlockFault::Trouble, 503));
    }
}
