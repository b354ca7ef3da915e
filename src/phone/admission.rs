//! Who may ring: the order of the questions that every incoming call is asked.
//!
//! ```text
//! Direct IP on? ─▶ blocked contact? ─▶ may call? ─▶ DND reject?      ─▶ a free line? ─▶ rings, silently under DND silent
//!    404             refused as if        403         DND return code      486
//!                    declined                         (emergency passes, and an account that is not chosen)
//! ```
//! Whoever comes from a source from which nothing is let in is not asked at all: see `protection`.

use std::time::Duration;

use super::dnd;
use crate::channel::EndReason;
use crate::config::{Account, Config, DndMode, Party, PhonebookEntry, is_party};

/// What becomes of an incoming call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// It does not ring.
    Refuse {
        /// The answer.
        status: u16,
        /// For the call log.
        reason: EndReason,
    },
    /// It rings.
    Ring {
        /// Without a sound.
        silent: bool,
        /// It is taken without a touch after this long.
        answer_after: Option<Duration>,
    },
}

/// Decides about a call through `account`, or a direct one, from `parties` (the same caller as its address and as it calls
/// itself). `is_kept_out`: it is nobody whom Prevent SIP Hacking lets in.
pub(super) fn decide(
    config: &Config,
    account: Option<Account>,
    contact: Option<&PhonebookEntry>,
    is_kept_out: bool,
    parties: &[Party<'_>],
    free_line: bool,
) -> Admission {
    if account.is_none() && !config.direct_ip_enabled {
        return Admission::Refuse { status: 404, reason: EndReason::NotAccepted };
    }
    if contact.is_some_and(|contact| contact.blocked) {
        return Admission::Refuse {
            status: config.return_code_when_refused.status(),
            reason: EndReason::BlockedContact,
        };
    }
    if is_kept_out {
        return Admission::Refuse { status: 403, reason: EndReason::MayNotCall };
    }
    let passes = contact.is_some_and(|contact| contact.emergency) || !dnd::is_on(config, account);
    let dnd = if passes { DndMode::Off } else { config.dnd_mode };
    if dnd == DndMode::Reject {
        return Admission::Refuse { status: config.dnd_return_code.status(), reason: EndReason::Dnd };
    }
    if !free_line {
        return Admission::Refuse { status: 486, reason: EndReason::Missed };
    }
    let chosen = || {
        let only = &config.auto_answer_only;
        only.is_empty() || only.iter().any(|number| parties.iter().any(|party| is_party(number, *party)))
    };
    let answer_after = (config.auto_answer_enabled && dnd == DndMode::Off && chosen())
        .then(|| Duration::from_secs(config.auto_answer_delay_s.into()));
    Admission::Ring { silent: dnd == DndMode::Silent, answer_after }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOOR: Party<'_> = Party { user: Some("door"), host: "10.0.0.2", port: None };

    fn with(changes: &[(&str, &str)]) -> Config {
        changes.iter().fold(Config::default(), |config, (key, value)| config.set(key, value).expect(key))
    }

    fn decided(changes: &[(&str, &str)], contact: Option<&PhonebookEntry>, free_line: bool) -> Admission {
        decide(&with(changes), None, contact, false, &[DOOR], free_line)
    }

    #[test]
    fn the_questions_in_their_order() {
        let ring = Admission::Ring { silent: false, answer_after: None };
        assert_eq!(decided(&[], None, true), ring);
        let refuse = |status, reason| Admission::Refuse { status, reason };
        let reject = [("phone.dnd.mode", "reject"), ("phone.dnd.return_code", "480")];
        assert_eq!(decided(&reject, None, true), refuse(480, EndReason::Dnd));
        let off = [("phone.direct_ip.enabled", "off"), ("phone.dnd.mode", "reject")];
        assert_eq!(decided(&off, None, true), refuse(404, EndReason::NotAccepted));
        assert_eq!(decided(&[], None, false), refuse(486, EndReason::Missed));
        assert_eq!(
            decided(&[("phone.dnd.mode", "silent")], None, true),
            Admission::Ring { silent: true, answer_after: None }
        );
        assert_eq!(decide(&with(&off[..1]), Some(Account::One), None, false, &[DOOR], true), ring, "accounts go on");
        let blocked = PhonebookEntry { blocked: true, ..PhonebookEntry::default() };
        let code = [("phone.call.return_code_when_refused", "603")];
        assert_eq!(decided(&code, Some(&blocked), true), refuse(603, EndReason::BlockedContact));
        let kept_out = |changes: &[(&str, &str)], contact| decide(&with(changes), None, contact, true, &[DOOR], false);
        assert_eq!(kept_out(&reject, None), refuse(403, EndReason::MayNotCall), "the whitelist is asked before DND");
        assert_eq!(kept_out(&code, Some(&blocked)), refuse(603, EndReason::BlockedContact));
        assert_eq!(kept_out(&off, None), refuse(404, EndReason::NotAccepted));
        let emergency = PhonebookEntry { emergency: true, ..PhonebookEntry::default() };
        assert_eq!(decided(&reject, Some(&emergency), true), ring);
    }

    #[test]
    fn auto_answer_takes_only_whom_it_names() {
        let after = |changes: &[(&str, &str)]| match decided(changes, None, true) {
            Admission::Ring { answer_after, .. } => answer_after,
            refused => panic!("{refused:?}"),
        };
        let on = ("phone.auto_answer.enabled", "on");
        assert_eq!(after(&[("phone.auto_answer.delay", "3")]), None);
        assert_eq!(after(&[on, ("phone.auto_answer.delay", "3")]), Some(Duration::from_secs(3)));
        assert_eq!(after(&[on, ("phone.auto_answer.only", "101, 10✳0✳0✳2")]), Some(Duration::ZERO));
        assert_eq!(after(&[on, ("phone.auto_answer.only", "101, 10.0.0.3")]), None);
        assert_eq!(after(&[on, ("phone.auto_answer.only", "door")]), Some(Duration::ZERO));
        assert_eq!(after(&[on, ("phone.dnd.mode", "silent")]), None, "a resident who wants quiet is not listened to");
    }
}
