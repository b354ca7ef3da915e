//! What others answer: to its transaction, then to its session (RFC 3261 18.1.2).

use std::time::Instant;

use super::Endpoint;
use crate::sip::message::{Method, Response};
use crate::sip::path::Path;
use crate::sip::session::{SessionHandle, bye};
use crate::sip::transaction::ClientKey;

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
        let handle = SessionHandle(owner);
        if self.sessions.contains_key(&handle) {
            self.with(now, handle, |session, cx| session.handle_response(cx, &key, response, path));
        } else if key.is(&Method::Invite) && (200..300).contains(&response.status()) {
            // The session is over, and yet another branch accepts (13.2.2.4).
            bye::refuse_acceptance(&mut self.core.at(now, handle), &key, response, path);
        }
    }
}
