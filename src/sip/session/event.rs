//! What a session tells its user, and the words it uses for it.

use super::body_of_request;
use crate::sip::message::{NameAddr, Request, Uri};
use crate::sip::path::Path;
use crate::sip::transaction::Failure;

/// Names a session of one endpoint; never used again for another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionHandle(pub(crate) u32);

/// Names an INFO of one endpoint; never used again for another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InfoHandle(pub(crate) u32);

/// A message body and its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// The media type, `application/sdp`.
    pub content_type: String,
    /// The bytes as they travel.
    pub bytes: Vec<u8>,
}

impl Body {
    /// A session description.
    pub fn sdp(bytes: Vec<u8>) -> Self {
        Body { content_type: "application/sdp".to_owned(), bytes }
    }
}

/// How to end a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// The final response when their INVITE has none yet, 300 to 699; anything else counts as 603. Not used when the
    /// session ends by CANCEL or BYE.
    pub code: u16,
}

/// Why a session has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndCause {
    /// The other end sent BYE.
    Remote,
    /// The caller gave up before the answer, or its INVITE was good for no longer (Expires).
    Cancelled {
        /// Another phone took the call (Reason header, RFC 3326).
        completed_elsewhere: bool,
    },
    /// The other end refused with this status and phrase, or no longer knows the dialog (481).
    Rejected(u16, String),
    /// The other end did not answer a request within 64*T1, did not acknowledge a reliable provisional response for as
    /// long, or let an INVITE ring beyond all measure.
    TimedOut,
    /// The network could not deliver our INVITE.
    TransportError,
    /// Nobody has refreshed the session in its time (RFC 4028); a BYE is on its way.
    NotRefreshed,
    /// The caller wanted our offer with the ringing and has not answered it where it had to, in the PRACK (RFC 3262 5).
    OfferUnanswered,
    /// Our 2xx was not acknowledged within 64*T1; a BYE is on its way.
    NoAck,
    /// `end` was called.
    Local,
}

impl EndCause {
    /// What the failure of an INVITE of ours means for its session.
    pub(crate) fn of(failure: Failure) -> Self {
        match failure {
            Failure::TimedOut => EndCause::TimedOut,
            Failure::Transport => EndCause::TransportError,
        }
    }
}

/// An INVITE that begins a session.
#[derive(Debug, Clone)]
pub struct IncomingCall {
    /// What was dialled.
    pub request_uri: Uri,
    /// Who calls.
    pub from: NameAddr,
    /// Whom they meant to call.
    pub to: NameAddr,
    /// The Call-ID header.
    pub call_id: String,
    /// Where the caller wants requests; none when it forgot to say.
    pub contact: Option<Uri>,
    /// What the caller's device calls itself.
    pub user_agent: Option<String>,
    /// The offer; none when ours is wanted in the 200 (late offer).
    pub offer: Option<Body>,
    /// True when ours is wanted as early as the ringing: without an offer in it the caller hears no ringing (RFC 3262 5).
    pub offer_wanted: bool,
}

impl IncomingCall {
    /// What a request says that begins a call, or asks about one. `is_reliable`: it demands that provisional responses arrive.
    pub(crate) fn of(request: &Request, is_reliable: bool) -> Self {
        let offer = body_of_request(request);
        IncomingCall {
            request_uri: request.uri().clone(),
            from: request.from().clone(),
            to: request.to().clone(),
            call_id: request.call_id().to_owned(),
            contact: request.contact().map(|contact| contact.uri.clone()),
            user_agent: request.header("User-Agent").map(str::to_owned),
            offer_wanted: offer.is_none() && is_reliable,
            offer,
        }
    }
}

/// Something happened to a session.
#[derive(Debug, Clone)]
pub enum SessionEvent {
    /// An INVITE came; 100 is on its way.
    Incoming {
        /// The new session.
        session: SessionHandle,
        /// How it came.
        path: Path,
        /// What it says.
        request: Box<IncomingCall>,
    },
    /// A provisional response other than 100 came to our INVITE.
    Progress {
        /// The session.
        session: SessionHandle,
        /// 101 to 199.
        status: u16,
        /// Early media.
        body: Option<Body>,
    },
    /// Our INVITE was accepted. The ACK is sent, unless our INVITE had no offer: then `body` is theirs and
    /// `answer_offer` sends the ACK.
    Answered {
        /// The session.
        session: SessionHandle,
        /// The answer, or the offer when ours was absent; none when what was agreed early stands.
        body: Option<Body>,
    },
    /// The ACK of our 2xx came (first INVITE only).
    Confirmed {
        /// The session.
        session: SessionHandle,
        /// The answer to a late offer of ours.
        body: Option<Body>,
    },
    /// They want to change the media, early or confirmed; or their reliable provisional response offers, because our
    /// INVITE did not. `answer_offer` is due.
    Offer {
        /// The session.
        session: SessionHandle,
        /// Their offer; none when they ask for ours.
        body: Option<Body>,
    },
    /// `reinvite` or `update` has its result. Also the ACK's body after an `Offer` without a body, and the PRACK's body
    /// after ringing with an offer of ours.
    OfferAnswered {
        /// The session.
        session: SessionHandle,
        /// The answer, or the status that refused; the session stays as it was.
        result: Result<Option<Body>, u16>,
    },
    /// The session has to be refreshed, and the other end takes no UPDATE: `reinvite` is due, with what is agreed.
    RefreshDue {
        /// The session.
        session: SessionHandle,
    },
    /// An INFO came; it is answered 200 already.
    Info {
        /// The session.
        session: SessionHandle,
        /// What it carries.
        body: Option<Body>,
    },
    /// `info` has its result.
    InfoAnswered {
        /// The session.
        session: SessionHandle,
        /// Which one.
        info: InfoHandle,
        /// The status that refused: 408 when nothing came, 503 when the network failed, 481 without a dialog.
        result: Result<(), u16>,
    },
    /// The session has ended; nothing more is told of it.
    Ended {
        /// The session.
        session: SessionHandle,
        /// Why.
        why: EndCause,
    },
}

impl SessionEvent {
    /// Which session it is about.
    pub fn session(&self) -> SessionHandle {
        match self {
            SessionEvent::Incoming { session, .. }
            | SessionEvent::Progress { session, .. }
            | SessionEvent::Answered { session, .. }
            | SessionEvent::Confirmed { session, .. }
            | SessionEvent::Offer { session, .. }
            | SessionEvent::OfferAnswered { session, .. }
            | SessionEvent::RefreshDue { session }
            | SessionEvent::Info { session, .. }
            | SessionEvent::InfoAnswered { session, .. }
            | SessionEvent::Ended { session, .. } => *session,
        }
    }
}
