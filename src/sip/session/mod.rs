//! Sessions: INVITE usages of dialogs, from the first INVITE to the answered BYE (RFC 3261 13 to 15).
//!
//! A session is one state that owns what it needs; a transition takes the old state and gives the new one:
//!
//! ```text
//!   Calling (uac) --2xx--> Established --BYE--> gone
//!   Ringing (uas) --accept--^   |
//!      |      |                 | end
//!      '------+---- end ----> Leaving (cancel, bye: nothing is told upwards any more) --> gone
//! ```
//! `uac` (with `early`, one branch of a fork, and `redirect`) and `uas` (with `reliable`, provisional responses that must
//! arrive) hold the two ways in, `established` the confirmed session, `leaving` the ways out. Each verb in a dialog has
//! its file: `reinvite`, `update`, `prack`, `info`, `bye`, `cancel`; `timer` says when a session has to be refreshed, `refresh` does it; `exchange` is how far offer and answer have come before
//! the answer to the call, and `early_offer` what we offer meanwhile; `rejection` says why we refuse.

pub mod acceptance;
pub mod bye;
pub mod cancel;
pub mod context;
pub mod early;
pub mod early_offer;
pub mod established;
pub mod event;
pub mod exchange;
pub mod info;
pub mod leaving;
pub mod prack;
pub mod redirect;
pub mod refresh;
pub mod reinvite;
pub mod rejection;
pub mod reliable;
pub mod timer;
pub mod uac;
pub mod uas;
pub mod update;

use std::net::IpAddr;

pub use context::{Context, Core};
pub use event::{Body, End, EndCause, IncomingCall, InfoHandle, SessionEvent, SessionHandle};
pub use rejection::{Rejection, Warning};

use self::cancel::GivenUp;
use self::established::{Established, Means};
use self::leaving::Leaving;
use self::timer::{Running, RunningTimer};
use self::uac::Calling;
use self::uas::Ringing;
use crate::sip::dialog::Dialog;
use crate::sip::digest::AccountKey;
use crate::sip::message::{Request, Response};
use crate::sip::path::{FlowId, Path};
use crate::sip::timing::Deadline;
use crate::sip::transaction::{ClientKey, Failure, ServerKey, Transactions};

/// One session.
#[derive(Debug)]
pub struct Session {
    state: State,
    /// The account that its requests go through.
    account: Option<AccountKey>,
    infos: info::Unanswered,
}

/// What a session is doing.
#[derive(Debug)]
pub enum State {
    /// Our INVITE has no final response.
    Calling(Box<Calling>),
    /// Their INVITE has no final response.
    Ringing(Box<Ringing>),
    /// A 2xx was sent or has come.
    Established(Box<Established>),
    /// The end was told; the network has yet to agree.
    Leaving(Box<Leaving>),
    /// Nothing is left to do.
    Gone,
}

impl Session {
    /// A session that begins in `state`, through this account.
    pub fn new(state: State, account: Option<AccountKey>) -> Self {
        Session { state, account, infos: info::Unanswered::default() }
    }

    /// The account that its requests go through.
    pub fn account(&self) -> Option<AccountKey> {
        self.account
    }

    /// From here on its requests go through this account.
    pub fn assign(&mut self, account: AccountKey) {
        self.account = Some(account);
    }

    /// True when it can be forgotten.
    pub fn is_gone(&self) -> bool {
        matches!(self.state, State::Gone)
    }

    /// True when its end has been told.
    pub fn is_over(&self) -> bool {
        matches!(self.state, State::Gone | State::Leaving(_))
    }

    /// The session timer, where one was agreed upon.
    pub fn timer(&self) -> Option<RunningTimer> {
        match &self.state {
            State::Established(established) => established.timer.as_ref().map(Running::agreed),
            State::Calling(_) | State::Ringing(_) | State::Leaving(_) | State::Gone => None,
        }
    }

    /// The way to the other end, as its last message showed it; where we called, before there was one.
    pub fn path(&self) -> Option<Path> {
        match &self.state {
            State::Calling(calling) => Some(calling.path()),
            State::Ringing(ringing) => Some(ringing.dialog().path()),
            State::Established(established) => Some(established.dialog().path()),
            State::Leaving(leaving) => Some(leaving.path()),
            State::Gone => None,
        }
    }

    /// The address of the other end.
    pub fn remote(&self) -> Option<IpAddr> {
        self.path().map(|path| path.remote.ip())
    }

    /// True for a call that we made or answered.
    pub fn is_ours(&self) -> bool {
        !matches!(self.state, State::Ringing(_) | State::Gone)
    }

    /// What ends it for the other end, and the way there: to be said by another run of the program if this one dies.
    pub fn farewell(&self, transactions: &Transactions) -> Option<(Path, Vec<u8>)> {
        match &self.state {
            State::Calling(calling) => calling.farewell(),
            State::Ringing(ringing) => ringing.farewell(transactions),
            State::Established(established) => Some(established.dialog().farewell()),
            State::Leaving(_) | State::Gone => None,
        }
    }

    /// True when the request is in a dialog of this session.
    pub fn owns(&self, request: &Request) -> bool {
        match &self.state {
            State::Calling(calling) => calling.owns(request),
            State::Ringing(ringing) => ringing.dialog().owns(request),
            State::Established(established) => established.dialog().owns(request),
            State::Leaving(leaving) => leaving.owns(request),
            State::Gone => false,
        }
    }

    /// A response to a request of this session.
    pub fn handle_response(&mut self, cx: &mut Context<'_>, key: &ClientKey, response: &Response, path: Path) {
        // Nothing is told after the end.
        if !self.is_over() {
            self.infos.handle_response(cx, key, response);
        }
        self.step(|state| match state {
            State::Calling(calling) => calling.handle_response(cx, key, response, path),
            State::Ringing(mut ringing) => {
                ringing.handle_response(cx, key, response);
                State::Ringing(ringing)
            }
            State::Established(established) => established.handle_response(cx, key, response, path),
            State::Leaving(leaving) => leaving.handle_response(cx, key, response, path),
            state => state,
        });
    }

    /// A request of this session will have no response.
    pub fn handle_failure(&mut self, cx: &mut Context<'_>, key: &ClientKey, failure: Failure) {
        if !self.is_over() {
            self.infos.handle_failure(cx, key, failure);
        }
        self.step(|state| match state {
            State::Calling(calling) => calling.handle_failure(cx, key, failure),
            State::Ringing(mut ringing) => {
                ringing.handle_failure(cx, key, failure);
                State::Ringing(ringing)
            }
            State::Established(established) => established.handle_failure(cx, key, failure),
            State::Leaving(leaving) => leaving.handle_failure(key),
            state => state,
        });
    }

    /// The number with which a request of this session goes again that was challenged (RFC 3261 22.1); none when that was
    /// given up meanwhile.
    pub fn next_number(&mut self, key: &ClientKey, request: &Request) -> Option<u32> {
        if self.infos.has_given_up(key) {
            return None;
        }
        let dialog = match &mut self.state {
            State::Calling(calling) if key == calling.key() => return Some(calling.next_number()),
            State::Calling(calling) => calling.dialog_of(request),
            State::Ringing(ringing) => Some(ringing.dialog_mut()),
            State::Established(established) if established.has_cancelled(key) => return None,
            State::Established(established) => Some(established.dialog_mut()),
            State::Leaving(leaving) if leaving.has_given_up(key) => return None,
            State::Leaving(leaving) => leaving.dialog_mut(),
            State::Gone => return None,
        };
        // A branch that nobody remembers has no other request of ours.
        let dialog = dialog.filter(|dialog| dialog.remote_tag() == request.to().tag());
        Some(dialog.map_or(request.cseq().0 + 1, Dialog::next_number))
    }

    /// A request of this session, `old` before, has gone again.
    pub fn handle_resent(&mut self, cx: &mut Context<'_>, old: &ClientKey, request: &Request) {
        self.infos.handle_resent(old, request);
        match &mut self.state {
            State::Calling(calling) => calling.handle_resent(cx, old, request),
            State::Established(established) => established.handle_resent(old, request),
            State::Ringing(ringing) => ringing.handle_resent(old, request),
            State::Leaving(leaving) => leaving.handle_resent(old, request),
            State::Gone => {}
        }
    }

    /// A request in a dialog of this session, in a new transaction; neither ACK nor CANCEL.
    pub fn handle_request(&mut self, cx: &mut Context<'_>, key: &ServerKey, request: Request, path: Path) {
        self.step(|state| match state {
            State::Calling(mut calling) => {
                calling.handle_request(cx, key, request, path);
                State::Calling(calling)
            }
            State::Ringing(ringing) => ringing.handle_request(cx, key, request, path),
            State::Established(established) => established.handle_request(cx, key, request, path),
            State::Leaving(leaving) => leaving.handle_request(cx, key, &request),
            State::Gone => State::Gone,
        });
    }

    /// The ACK of a 2xx.
    pub fn handle_ack(&mut self, cx: &mut Context<'_>, ack: &Request) {
        self.step(|state| match state {
            State::Established(mut established) => {
                established.handle_ack(cx, ack);
                State::Established(established)
            }
            State::Leaving(leaving) => leaving.handle_ack(cx, ack),
            state => state,
        });
    }

    /// A CANCEL for the INVITE under `invite`, which has no final response.
    pub fn handle_cancel(&mut self, cx: &mut Context<'_>, invite: &ServerKey, cancel: &Request) {
        self.step(|state| match state {
            State::Ringing(ringing) => ringing.handle_cancel(cx, cancel),
            State::Established(mut established) => {
                established.handle_cancel(cx, invite);
                State::Established(established)
            }
            state => state,
        });
    }

    /// A connection has gone.
    pub fn handle_flow_closed(&mut self, flow: FlowId) {
        match &mut self.state {
            State::Calling(calling) => calling.handle_flow_closed(flow),
            State::Ringing(ringing) => ringing.dialog_mut().handle_flow_closed(flow),
            State::Established(established) => established.dialog_mut().handle_flow_closed(flow),
            State::Leaving(leaving) => leaving.handle_flow_closed(flow),
            State::Gone => {}
        }
    }

    /// Fires what is due.
    pub fn handle_timeout(&mut self, cx: &mut Context<'_>) {
        self.step(|state| match state {
            State::Calling(calling) => calling.handle_timeout(cx),
            State::Ringing(ringing) => ringing.handle_timeout(cx),
            State::Established(established) => established.handle_timeout(cx),
            State::Leaving(leaving) => leaving.handle_timeout(cx),
            state => state,
        });
    }

    /// The next deadline and why.
    pub fn poll_timeout(&self) -> Option<Deadline> {
        match &self.state {
            State::Ringing(ringing) => ringing.poll_timeout(),
            State::Established(established) => established.poll_timeout(),
            State::Leaving(leaving) => leaving.poll_timeout(),
            State::Calling(calling) => calling.poll_timeout(),
            State::Gone => None,
        }
    }

    /// Rings: 180, or 183 with early media.
    pub fn ring(&mut self, cx: &mut Context<'_>, body: Option<Body>) {
        if let State::Ringing(ringing) = &mut self.state {
            ringing.ring(cx, body);
        }
    }

    /// Accepts their INVITE.
    pub fn accept(&mut self, cx: &mut Context<'_>, body: Body) {
        self.step(|state| match state {
            State::Ringing(ringing) => ringing.accept(cx, body),
            state => state,
        });
    }

    /// Ends the session in the way its state asks for; its end is told at once.
    pub fn end(&mut self, cx: &mut Context<'_>, end: End) {
        self.reject(cx, Rejection::from(end.code));
    }

    /// The same, with what is said to their INVITE.
    pub fn reject(&mut self, cx: &mut Context<'_>, rejection: Rejection) {
        self.end_with(cx, rejection, GivenUp::Plainly);
    }

    /// Ends the session of an INVITE of ours, because somebody answered another one.
    pub fn yield_to_another(&mut self, cx: &mut Context<'_>) {
        self.end_with(cx, Rejection::from(480), GivenUp::AnsweredElsewhere);
    }

    fn end_with(&mut self, cx: &mut Context<'_>, rejection: Rejection, why: GivenUp) {
        self.step(|state| match state {
            State::Calling(calling) => {
                cx.tell_end(EndCause::Local);
                calling.cancel(cx, why)
            }
            State::Ringing(mut ringing) => {
                cx.tell_end(EndCause::Local);
                ringing.refuse(cx, rejection);
                State::Gone
            }
            State::Established(established) => {
                cx.tell_end(EndCause::Local);
                established.leave(cx)
            }
            state => state,
        });
    }

    /// Meets their INVITE with silence.
    pub fn drop_silently(&mut self, cx: &mut Context<'_>) {
        self.step(|state| match state {
            State::Ringing(mut ringing) => {
                ringing.ignore(cx);
                State::Gone
            }
            state => state,
        });
    }

    /// Offers new media.
    pub fn offer(&mut self, cx: &mut Context<'_>, offer: Body, by: Means) {
        match &mut self.state {
            State::Established(established) => established.offer(cx, offer, by),
            State::Calling(calling) if by == Means::Update => calling.offer(cx, offer),
            State::Ringing(ringing) if by == Means::Update => ringing.offer(cx, offer),
            // The end was told, and nothing is told after it.
            State::Leaving(_) | State::Gone => {}
            State::Calling(_) | State::Ringing(_) => {
                cx.tell(SessionEvent::OfferAnswered { session: cx.handle(), result: Err(491) })
            }
        }
    }

    /// Answers their offer.
    pub fn answer_offer(&mut self, cx: &mut Context<'_>, answer: Result<Body, Rejection>) {
        self.step(|state| match state {
            State::Calling(mut calling) => {
                calling.answer_offer(cx, &answer);
                State::Calling(calling)
            }
            State::Ringing(mut ringing) => {
                ringing.answer_offer(cx, &answer);
                State::Ringing(ringing)
            }
            State::Established(established) => established.answer_offer(cx, answer),
            state => state,
        });
    }

    /// Sends an INFO.
    pub fn info(&mut self, cx: &mut Context<'_>, info: InfoHandle, body: &Body) {
        let dialog = match &mut self.state {
            State::Calling(calling) => calling.latest_dialog_mut(),
            State::Ringing(ringing) => Some(ringing.dialog_mut()),
            State::Established(established) => Some(established.dialog_mut()),
            // The end was told, and nothing is told after it.
            State::Leaving(_) | State::Gone => return,
        };
        match dialog {
            Some(dialog) => self.infos.send(cx, dialog, info, body),
            // 481: there is no dialog to send it in.
            None => cx.tell(SessionEvent::InfoAnswered { session: cx.handle(), info, result: Err(481) }),
        }
    }

    /// Gives up an INFO.
    pub fn give_up_info(&mut self, cx: &mut Context<'_>, info: InfoHandle) {
        self.infos.give_up(cx, info);
    }

    fn step(&mut self, transition: impl FnOnce(State) -> State) {
        let state = std::mem::replace(&mut self.state, State::Gone);
        self.state = transition(state);
    }
}

/// The final response of a response class: 200 to 699.
fn is_final(response: &Response) -> bool {
    response.status() >= 200
}

fn is_success(response: &Response) -> bool {
    (200..300).contains(&response.status())
}

/// The session description in a response, alone or among other parts; a body of another kind is no answer.
fn description_of(response: &Response) -> Option<Body> {
    response.session_description().ok().flatten().map(|bytes| Body::sdp(bytes.to_vec()))
}

/// The session description in a request, alone or among other parts.
fn body_of_request(request: &Request) -> Option<Body> {
    request.session_description().ok().flatten().map(|bytes| Body::sdp(bytes.to_vec()))
}
