//! What others answer: to its transaction, past whoever demands a password, to its session, registration or probe
//! (RFC 3261 18.1.2, 22).

use std::time::Instant;

use super::Endpoint;
use crate::sip::digest::Verdict;
use crate::sip::message::{Method, Request, Response};
use crate::sip::path::Path;
use crate::sip::registration::{ProbeHandle, RegistrationHandle};
use crate::sip::session::{SessionHandle, bye};
use crate::sip::transaction::table::Failed;
use crate::sip::transaction::{ClientKey, Owner};

impl Endpoint {
    pub(super) fn handle_response(&mut self, now: Instant, path: Path, response: &Response) {
        // More than one Via: it went astray (8.1.3.3).
        if response.lower_vias().next().is_some() {
            return;
        }
        let Some(key) = ClientKey::of_response(response) else {
            return;
        };
        let core = &mut self.core;
        let Some(owner) = core.transactions.handle_response(now, &key, response, path.flow, &mut core.out) else {
            return;
        };
        let tried_password = match self.answer_challenge(now, owner, &key, response) {
            Challenged::Answered => return,
            Challenged::NotAnswered { tried_password } => tried_password,
        };
        let (session, registration) = (SessionHandle(owner), RegistrationHandle(owner));
        if self.sessions.contains_key(&session) {
            self.with(now, session, |session, cx| session.handle_response(cx, &key, response, path));
        } else if self.registrations.contains_key(&registration) {
            self.with_registration(now, registration, |registration, cx| {
                registration.handle_response(cx, &key, response, path, tried_password);
            });
        } else if key.is(&Method::Invite) && (200..300).contains(&response.status()) {
            // The session is over, and yet another branch accepts (13.2.2.4).
            let account = self.core.keyrings.account_of(&key);
            bye::refuse_acceptance(&mut self.core.at(now, owner, account), &key, response, path);
        } else {
            self.with_probe(now, ProbeHandle(owner), |probe, cx| probe.handle_response(cx, &key, response));
        }
    }

    /// Requests of ours will have no response.
    pub(super) fn tell_failures(&mut self, now: Instant, failed: Vec<Failed>) {
        for Failed { owner, key, failure } in failed {
            self.core.keyrings.forget(&key);
            self.with(now, SessionHandle(owner), |session, cx| session.handle_failure(cx, &key, failure));
            self.with_registration(now, RegistrationHandle(owner), |registration, cx| {
                registration.handle_failure(cx, &key, failure);
            });
            self.with_probe(now, ProbeHandle(owner), |probe, cx| probe.handle_failure(cx, &key, failure));
        }
    }

    /// Sends a challenged request again with what was demanded, if its user still wants it.
    fn answer_challenge(&mut self, now: Instant, owner: Owner, key: &ClientKey, response: &Response) -> Challenged {
        if response.status() < 200 {
            return Challenged::NotAnswered { tried_password: false };
        }
        let sent = match self.core.keyrings.take_note(key, response) {
            Verdict::Final { tried_password } => return Challenged::NotAnswered { tried_password },
            Verdict::Again(sent) => sent,
        };
        let Some(number) = self.next_number(owner, key, sent.request()) else {
            return Challenged::NotAnswered { tried_password: false };
        };
        let request = self.core.resend(now, owner, *sent, number);
        self.with(now, SessionHandle(owner), |session, cx| session.handle_resent(cx, key, &request));
        self.with_registration(now, RegistrationHandle(owner), |registration, cx| {
            registration.handle_resent(cx, &request);
        });
        Challenged::Answered
    }

    /// The number with which a challenged request goes again; none when nobody wants that any more.
    fn next_number(&mut self, owner: Owner, key: &ClientKey, request: &Request) -> Option<u32> {
        if let Some(session) = self.sessions.get_mut(&SessionHandle(owner)) {
            return session.next_number(key, request);
        }
        match self.registrations.get(&RegistrationHandle(owner)) {
            Some(registration) => registration.next_number(key),
            // The BYE of a branch that accepted when the session was over.
            None => (*request.method() == Method::Bye).then(|| request.cseq().0 + 1),
        }
    }
}

/// What became of a response.
enum Challenged {
    /// It was a challenge, and the request goes again.
    Answered,
    /// It is the user's.
    NotAnswered {
        /// The request had carried an answer made from our password.
        tried_password: bool,
    },
}
