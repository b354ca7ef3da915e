//! OPTIONS: whoever asks is told what a call from there would get now, 200 for one that would ring (RFC 3261 11.2).
//!
//! Servers ask whether a panel is still there, with a name that nobody has (Kamailio's dispatcher and nathelper, the qualify of
//! Asterisk, the pings of FreeSWITCH), and some take all but 200 for no: then they put nobody through any more, not even whom
//! do not disturb lets pass. So the server of an account that asks for itself is told that the panel is there, and only what
//! it passes on, for a caller of its own, gets the answer of a call.

use super::admission::{Admission, decide};
use super::{Now, Phone};
use crate::sip::Question;

impl Phone {
    /// Somebody asks.
    pub(super) fn on_question(&mut self, now: Now, question: &Question) {
        let status = self.would_get(now, question);
        self.endpoint.answer_question(question, status);
    }

    fn would_get(&self, now: Now, question: &Question) -> u16 {
        let (path, account) = (question.path, self.accounts.owner(question.path));
        if account.is_some() && !question.is_passed_on {
            return 200;
        }
        let screened = self.screen_caller(account, path, &question.call);
        let contact = screened.contact.as_ref();
        let claim = || self.claim(now, account, path, &screened.caller.remote(contact.cloned(), None));
        let has_line = self.has_line() || self.giving_way(now, &claim()).is_some();
        match decide(&self.config, account, contact, screened.is_kept_out, &screened.caller.parties(), has_line) {
            Admission::Refuse { status, .. } => status,
            Admission::Ring { .. } => 200,
        }
    }
}
