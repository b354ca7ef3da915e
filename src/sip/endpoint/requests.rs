//! What others ask: from the top Via to the session, in the order of RFC 3261 8.2.
//!
//! ```text
//!  repetition? -> its transaction      ACK -> its session      CANCEL -> its INVITE
//!  method (405, 501) -> in a dialog? (481) -> Require (420), body (415, 493), Accept (406) -> session
//!                            outside: URI scheme (416), merged (482), the same, room and not too many (503) -> new session
//! ```
//! What a panel cannot do it says once, before looking at dialogs, so that the dialog goes on: REFER and MESSAGE get 405,
//! not 603 and not 200. No person has declined anything, and 200 would say that a text was delivered which no screen
//! shows. SUBSCRIBE gets 405 as well: 489 is said of an event that is not among those that there are, and there are none at
//! all (RFC 6665 8.3.2). NOTIFY gets 481, since nobody has subscribed (4.1.3).
//!
//! Max-Forwards is a matter for proxies: a request with 0 has arrived (RFC 3261 16.3, RFC 4475 3.3.11), so 483 is never
//! ours to give. Nor is 494: we demand no security agreement, and who demands one of us gets 420.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Instant;

use super::{Endpoint, MAX_SESSIONS, content};
use crate::sip::guard::{FEW, has_place};
use crate::sip::message::{Message, Method, Request, Unreadable};
use crate::sip::path::Path;
use crate::sip::session::context::{ALLOW, SDP, SUPPORTED};
use crate::sip::session::timer;
use crate::sip::session::uas::Ringing;
use crate::sip::session::{Session, SessionHandle, State};
use crate::sip::transaction::table::{Arrival, MAX_INVITE_SERVERS, Transactions};
use crate::sip::transaction::{ClientKey, ReplyPath, ServerKey};
use crate::sip::wire::parse_datagram;

/// How long a caller is asked to wait when there is no room, in seconds.
const RETRY_AFTER_FULL: &str = "10";

impl Endpoint {
    pub(super) fn handle_request(&mut self, now: Instant, path: Path, mut request: Request) {
        let key = ServerKey::of(&request);
        self.note_alias(path, &request);
        request.top_via_mut().stamp_source(path.remote);
        match self.core.transactions.handle_request(now, &key, &request, &mut self.core.out) {
            Arrival::Absorbed => return,
            Arrival::AckOfAcceptance | Arrival::New => {}
        }
        match request.method() {
            Method::Ack => self.handle_ack(now, &request),
            Method::Cancel => self.handle_cancel(now, path, &key.of_cancelled(), &request),
            Method::Invite | Method::Bye | Method::Options | Method::Info | Method::Update | Method::Prack => {
                if request.to().tag().is_some() {
                    self.handle_inside(now, path, key, request);
                } else {
                    self.handle_outside(now, path, key, request);
                }
            }
            Method::Notify => self.refuse(path, &request, 481, &[]),
            Method::Other(_) => self.refuse(path, &request, 501, &[("Allow", ALLOW)]),
            _ => self.refuse(path, &request, 405, &[("Allow", ALLOW)]),
        }
    }

    fn handle_ack(&mut self, now: Instant, ack: &Request) {
        if let Some(handle) = self.session_of(ack) {
            self.with(now, handle, |session, cx| session.handle_ack(cx, ack));
        }
    }

    /// CANCEL is answered by itself, whatever becomes of the INVITE (9.2).
    fn handle_cancel(&mut self, now: Instant, path: Path, invite: &ServerKey, cancel: &Request) {
        let tag = match self.core.transactions.invite_server_mut(invite) {
            None => return self.refuse(path, cancel, 481, &[]),
            Some(server) if server.is_ignored() => return,
            Some(server) => server.local_tag().map(str::to_owned),
        };
        self.accept_cancel(path, cancel, tag.as_deref());
        if let Some(owner) = self.core.transactions.pending_invite(invite) {
            self.with(now, SessionHandle(owner), |session, cx| session.handle_cancel(cx, invite, cancel));
        }
    }

    /// A request with a To tag: it names a dialog.
    fn handle_inside(&mut self, now: Instant, path: Path, key: ServerKey, mut request: Request) {
        let Some(handle) = self.session_of(&request) else {
            return self.refuse(path, &request, 481, &[]);
        };
        if self.refuse_unknown(path, &mut request) {
            return;
        }
        if !self.core.transactions.accept(now, key.clone(), handle.0, &request, ReplyPath::of(path, &request)) {
            return self.refuse(path, &request, 503, &[("Retry-After", RETRY_AFTER_FULL)]);
        }
        self.with(now, handle, |session, cx| session.handle_request(cx, &key, request, path));
    }

    /// A request without a To tag: a new call, a question, or something that needs a dialog and has none.
    fn handle_outside(&mut self, now: Instant, path: Path, key: ServerKey, mut request: Request) {
        if !request.uri().is_sip() {
            return self.refuse(path, &request, 416, &[]);
        }
        if *request.method() == Method::Invite
            && let Some(first) = self.core.transactions.merged(&request)
        {
            // A second way must not tell what the first was not to tell.
            if !first.is_ignored() {
                self.refuse(path, &request, 482, &[]);
            }
            return;
        }
        if matches!(request.method(), Method::Invite | Method::Options) && self.refuse_unknown(path, &mut request) {
            return;
        }
        match request.method() {
            Method::Invite => self.handle_call(now, path, key, request),
            Method::Options => self.handle_question(path, request),
            _ => self.refuse(path, &request, 481, &[]),
        }
    }

    fn handle_call(&mut self, now: Instant, path: Path, key: ServerKey, request: Request) {
        let handle = self.next_handle();
        let reply = ReplyPath::of(path, &request);
        if !self.admits_call(now, path) || !self.core.transactions.accept(now, key.clone(), handle.0, &request, reply) {
            return self.refuse(path, &request, 503, &[("Retry-After", RETRY_AFTER_FULL)]);
        }
        let ringing = Ringing::start(&mut self.core.at(now, handle.0, None), key, request, path);
        self.sessions.insert(handle, Session::new(State::Ringing(Box::new(ringing)), None));
    }

    /// OPTIONS outside a dialog: answered by the user, as a call would be, unless there was no room for one (11.2).
    fn handle_question(&mut self, path: Path, request: Request) {
        if self.has_place_for(path.remote.ip()) {
            self.ask(path, request);
        } else {
            self.refuse(path, &request, 503, &[("Retry-After", RETRY_AFTER_FULL)]);
        }
    }

    fn has_place_for(&self, address: IpAddr) -> bool {
        let sessions = self.sessions.values().filter(|session| session.remote() == Some(address)).count();
        has_place(self.standing(address), sessions, self.sessions.len(), MAX_SESSIONS)
    }

    /// Whether there is room for a new call, for somebody from there.
    fn admits_call(&mut self, now: Instant, path: Path) -> bool {
        let address = path.remote.ip();
        let standing = self.standing(address);
        // Asked always, so that it counts.
        if !self.guard.admit_call(now, address, standing) || !self.has_place_for(address) {
            return false;
        }
        let (invites, of_all) = self.core.transactions.invites_from(address);
        // Who has few is worth more than somebody's ACK for a refusal that may never come.
        has_place(standing, invites, of_all, MAX_INVITE_SERVERS)
            || (invites <= FEW && self.core.transactions.forget_refusal())
    }

    /// Refuses what the request demands and we cannot do: an extension (8.2.2.3), a kind of body (8.2.3), an answer of
    /// another kind (21.4.7), a session timer that is too short (RFC 4028 9).
    fn refuse_unknown(&mut self, path: Path, request: &mut Request) -> bool {
        let unknown: Vec<String> = request
            .headers("Require")
            .map(|tag| tag.to_string())
            .filter(|tag| !SUPPORTED.iter().any(|known| known.eq_ignore_ascii_case(tag)))
            .collect();
        if !unknown.is_empty() {
            self.refuse(path, request, 420, &[("Unsupported", &unknown.join(", "))]);
            return true;
        }
        if matches!(request.method(), Method::Invite | Method::Update) && timer::is_too_short(request) {
            self.refuse(path, request, 422, &[("Min-SE", &timer::SHORTEST.to_string())]);
            return true;
        }
        let Some(kinds) = content::understood(request) else {
            return false;
        };
        match request.find_body(kinds).map(|_| content::reads_no_answer(request)) {
            Err(Unreadable::Encrypted) => self.refuse(path, request, 493, &[]),
            Err(Unreadable::Type) => {
                let accept = [("Accept", kinds.join(", ")), ("Accept-Encoding", "identity".to_owned())];
                self.refuse(path, request, 415, &accept.each_ref().map(|(name, value)| (*name, value.as_str())));
            }
            Ok(true) => self.refuse(path, request, 406, &[("Accept", SDP)]),
            Ok(false) => return false,
        }
        true
    }

    fn session_of(&self, request: &Request) -> Option<SessionHandle> {
        self.sessions.iter().find(|(_, session)| session.owns(request)).map(|(handle, _)| *handle)
    }
}

/// Whether a request belongs to something that exists: a dialog, the repetition of a request, the ACK or CANCEL of an INVITE.
pub(super) fn continues(
    sessions: &BTreeMap<SessionHandle, Session>,
    transactions: &Transactions,
    request: &Request,
) -> bool {
    let key = ServerKey::of(request);
    transactions.has_request(&key)
        || (*request.method() == Method::Cancel && transactions.has_request(&key.of_cancelled()))
        || sessions.values().any(|session| session.owns(request))
}

/// Whether a message belongs to something that exists: a dialog, the repetition of a request, the ACK or CANCEL of an INVITE,
/// the response to a request of ours.
pub(super) fn is_inside(
    sessions: &BTreeMap<SessionHandle, Session>,
    transactions: &Transactions,
    bytes: &[u8],
) -> bool {
    match parse_datagram(bytes) {
        Ok(Message::Request(request)) => continues(sessions, transactions, &request),
        Ok(Message::Response(response)) => {
            ClientKey::of_response(&response).is_some_and(|key| transactions.awaits_response(&key))
        }
        Err(_) => false,
    }
}
