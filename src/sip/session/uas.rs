//! The called side until the final response (RFC 3261 13.3).

use std::time::{Duration, Instant};

use super::acceptance::{Acceptance, Patience};
use super::context::{Context, contact};
use super::established::{Established, Means, Wanted};
use super::exchange::{Exchange, Offerer};
use super::reinvite::tell_result;
use super::reliable::Reliable;
use super::timer::{Refreshing, Running};
use super::{
    Body, EndCause, IncomingCall, Rejection, SessionEvent, State, body_of_request, cancel, early_offer, info, update,
};
use crate::sip::dialog::Dialog;
use crate::sip::message::{Method, Request, Response};
use crate::sip::path::Path;
use crate::sip::timing::{Deadline, REPEAT_PROVISIONAL, REPEAT_RELIABLE, TimerReason, earlier};
use crate::sip::transaction::{ClientKey, Failure, ServerKey, Transactions};
use crate::sip::wire::scan;

/// Longest time that an INVITE is good which says how long it is.
const LONGEST_LIFETIME: Duration = Duration::from_secs(3600);

/// An INVITE of theirs without final response.
#[derive(Debug)]
pub struct Ringing {
    key: ServerKey,
    invite: Request,
    dialog: Dialog,
    local_tag: String,
    exchange: Exchange,
    /// The provisional responses, when the caller demands that they arrive.
    reliable: Option<Reliable>,
    /// Our user has accepted, and the 200 waits for a PRACK.
    accepting: Option<Body>,
    /// An offer of ours that waits until it may be made, or for the answer to the call.
    wanted: Option<Wanted>,
    /// The caller takes UPDATE.
    takes_update: bool,
    /// When the last provisional response is repeated; none before there is one.
    repeat: Option<Instant>,
    /// Until when the INVITE is good, if it says so.
    expires: Option<Instant>,
}

impl Ringing {
    /// An INVITE came, in a new transaction: answers 100 and tells the user.
    pub fn start(cx: &mut Context<'_>, key: ServerKey, invite: Request, path: Path) -> Self {
        cx.answer(&key, &invite, 100);
        let local_tag = cx.token();
        if let Some(server) = cx.transactions().invite_server_mut(&key) {
            server.set_local_tag(&local_tag);
        }
        let ours = contact(invite.uri().user_text().as_deref(), path);
        let dialog = Dialog::from_request(&invite, &local_tag, ours, path);
        let reliable = Reliable::demanded_by(cx, &invite);
        let request = Box::new(IncomingCall::of(&invite, reliable.is_some()));
        let exchange = Exchange::of_invite(request.offer.is_some(), Offerer::They);
        let takes_update = early_offer::allow_update(invite.headers("Allow"));
        let expires = lifetime(&invite).map(|lifetime| cx.now() + lifetime);
        let session = cx.handle();
        cx.tell(SessionEvent::Incoming { session, path, request });
        let (accepting, wanted, repeat) = (None, None, None);
        Ringing { key, invite, dialog, local_tag, exchange, reliable, accepting, wanted, takes_update, repeat, expires }
    }

    /// The dialog our responses make.
    pub fn dialog(&self) -> &Dialog {
        &self.dialog
    }

    /// The dialog our responses make.
    pub fn dialog_mut(&mut self) -> &mut Dialog {
        &mut self.dialog
    }

    /// Sends 180, or 183 with early media.
    pub fn ring(&mut self, cx: &mut Context<'_>, body: Option<Body>) {
        if self.accepting.is_some() {
            return;
        }
        if let Some(reliable) = &mut self.reliable {
            reliable.queue(body);
            return self.send_waiting(cx);
        }
        // An offer must be sure to arrive, an answer may be shown before (13.2.1).
        let body = body.filter(|_| matches!(self.exchange, Exchange::Open(Offerer::They)));
        let response = self.provisional(cx, body);
        cx.respond(&self.key, &response);
        self.repeat = Some(cx.now() + REPEAT_PROVISIONAL);
    }

    /// Sends the next reliable provisional response, when none is outstanding (RFC 3262 3).
    fn send_waiting(&mut self, cx: &mut Context<'_>) {
        let Some(mut reliable) = self.reliable.take() else {
            return;
        };
        if let Some(body) = reliable.take_next() {
            let body = match self.exchange {
                Exchange::Open(Offerer::They) => {
                    if body.is_some() {
                        self.exchange = Exchange::Settled;
                    }
                    body
                }
                Exchange::Open(Offerer::Nobody) if body.is_some() => {
                    self.exchange = Exchange::Open(Offerer::We);
                    body
                }
                // The first reliable response has to offer (RFC 3261 13.2.1): without an offer it rings unheard.
                Exchange::Open(Offerer::Nobody) => {
                    self.reliable = Some(reliable);
                    return;
                }
                _ => None,
            };
            let response = self.provisional(cx, body);
            reliable.send(cx, &self.key, response);
            self.repeat = Some(cx.now() + REPEAT_RELIABLE);
        }
        self.reliable = Some(reliable);
    }

    /// Sends 200, or lets it wait for the PRACK of a provisional response that describes media (RFC 3262 3).
    pub fn accept(mut self: Box<Self>, cx: &mut Context<'_>, body: Body) -> State {
        if self.reliable.as_ref().is_some_and(Reliable::holds_back_acceptance) {
            self.accepting.get_or_insert(body);
            return State::Ringing(self);
        }
        let mut response = self.response(cx, 200);
        let late = matches!(self.exchange, Exchange::Open(Offerer::Nobody));
        // What was answered for certain is not answered again (RFC 6337 2.2).
        if late || matches!(self.exchange, Exchange::Open(Offerer::They)) {
            response.set_body(&body.content_type, body.bytes);
        }
        let timer = Running::answer(cx.now(), &self.invite, &mut response, cx.session_timer());
        let refreshing = Refreshing { timer, takes_update: self.takes_update };
        let acceptance = Acceptance::start(cx, self.key, response, late, true);
        let offers = self.exchange.into_offers(cx.now());
        let unacknowledged = self.reliable.as_ref().and_then(Reliable::unacknowledged);
        let mut established = Established::answered(self.dialog, acceptance, offers, unacknowledged, refreshing);
        established.inherit(cx, self.wanted);
        State::Established(Box::new(established))
    }

    /// Sends a refusal.
    pub fn refuse(&mut self, cx: &mut Context<'_>, rejection: Rejection) {
        cx.refuse(&self.key, &self.invite, rejection.or(603), &self.dialog);
        self.exchange.abandon(cx);
    }

    /// A 480, and the way that it takes when there is no connection.
    pub fn farewell(&self, transactions: &Transactions) -> Option<(Path, Vec<u8>)> {
        let reply = transactions.invite_server(&self.key)?.reply();
        let mut response = Response::answer(&self.invite, 480);
        response.set_to_tag(&self.local_tag);
        Some((reply.without_flow(), response.to_bytes()))
    }

    /// Meets the INVITE with silence. Whoever asked something in the early dialog knows of us and gets an answer.
    pub fn ignore(&mut self, cx: &mut Context<'_>) {
        cx.ignore(&self.key);
        self.exchange.abandon(cx);
    }

    /// A CANCEL came; its own 200 is on its way.
    pub fn handle_cancel(mut self: Box<Self>, cx: &mut Context<'_>, cancel: &Request) -> State {
        self.refuse(cx, Rejection::from(487));
        cx.tell_end(EndCause::Cancelled { completed_elsewhere: cancel::is_completed_elsewhere(cancel) });
        State::Gone
    }

    /// A request in the early dialog.
    pub fn handle_request(
        mut self: Box<Self>,
        cx: &mut Context<'_>,
        key: &ServerKey,
        request: Request,
        path: Path,
    ) -> State {
        if self.dialog.handle_request(&request).is_err() {
            cx.answer(key, &request, 500);
            return State::Ringing(self);
        }
        self.dialog.learn_path(path);
        match request.method() {
            Method::Prack => return self.handle_prack(cx, key, request),
            Method::Info => info::handle(cx, key, &request),
            Method::Update => update::handle_early(cx, key, request, &mut self.dialog, &mut self.exchange),
            Method::Options => cx.answer_options(key, &request),
            // The caller may end an early dialog by BYE instead of CANCEL (15).
            Method::Bye => {
                cx.answer(key, &request, 200);
                self.refuse(cx, Rejection::from(487));
                cx.tell_end(EndCause::Cancelled { completed_elsewhere: false });
                return State::Gone;
            }
            // A second INVITE before the first has its answer (14.2).
            _ => cx.answer_later(key, &request),
        }
        State::Ringing(self)
    }

    /// The PRACK of a provisional response, perhaps with the answer to its offer or with an offer (RFC 3262 3, 5).
    fn handle_prack(mut self: Box<Self>, cx: &mut Context<'_>, key: &ServerKey, prack: Request) -> State {
        if !self.reliable.as_mut().is_some_and(|reliable| reliable.acknowledge(&prack)) {
            cx.answer(key, &prack, 481);
            return State::Ringing(self);
        }
        let (session, body) = (cx.handle(), body_of_request(&prack));
        if body.is_some() {
            self.exchange.give_up_retry(cx);
        }
        match (&self.exchange, body) {
            // What it acknowledges has arrived (RFC 3262 3). But nothing can be heard in a call without an answer, and no other
            // place for one is left (5): the call cannot be had like that.
            (Exchange::Open(Offerer::We), None) => {
                cx.answer(key, &prack, 200);
                self.refuse(cx, Rejection::UNANSWERED);
                cx.tell_end(EndCause::OfferUnanswered);
                return State::Gone;
            }
            (Exchange::Open(Offerer::We), body) => {
                self.exchange = Exchange::Settled;
                cx.answer(key, &prack, 200);
                cx.tell(SessionEvent::OfferAnswered { session, result: Ok(body) });
            }
            (Exchange::Settled, Some(offer)) => {
                self.exchange = Exchange::Theirs { key: key.clone(), request: Box::new(prack) };
                cx.tell(SessionEvent::Offer { session, body: Some(offer) });
            }
            // An offer while another one waits breaks RFC 3264 4.
            (_, Some(_)) => cx.answer_later(key, &prack),
            (_, None) => cx.answer(key, &prack, 200),
        }
        match self.accepting.take() {
            Some(body) => self.accept(cx, body),
            None => {
                self.send_waiting(cx);
                self.send_wanted(cx);
                State::Ringing(self)
            }
        }
    }

    /// Our user's answer to an offer in the early dialog.
    pub fn answer_offer(&mut self, cx: &mut Context<'_>, answer: &Result<Body, Rejection>) {
        self.exchange.answer(cx, &mut self.dialog, answer);
        self.send_wanted(cx);
    }

    /// Offers a change before the call is answered: now, when that may be, or else after the answer.
    pub fn offer(&mut self, cx: &mut Context<'_>, body: Body) {
        self.exchange.give_up_retry(cx);
        if self.wanted.replace(Wanted { body, by: Means::Update, attempt: 0 }).is_some() {
            tell_result(cx, Err(491));
        }
        self.send_wanted(cx);
    }

    /// Sends the offer that waits, when the first is answered for certain and its PRACK has come (RFC 3311 5.1).
    fn send_wanted(&mut self, cx: &mut Context<'_>) {
        let is_certain = self.reliable.as_ref().is_some_and(|reliable| reliable.unacknowledged().is_none());
        if self.takes_update
            && is_certain
            && matches!(self.exchange, Exchange::Settled)
            && let Some(wanted) = self.wanted.take_if(|wanted| wanted.by == Means::Update)
        {
            self.exchange.offer(cx, &mut self.dialog, wanted);
        }
    }

    /// A response to a request of ours, perhaps an UPDATE.
    pub fn handle_response(&mut self, cx: &mut Context<'_>, key: &ClientKey, response: &Response) {
        if !self.exchange.is_ours(key) {
            return;
        }
        if let Some(refused) = self.exchange.handle_offer_response(cx, &mut self.dialog, response, false) {
            self.takes_update = false;
            match self.wanted {
                // There is a newer one.
                Some(_) => tell_result(cx, Err(491)),
                None => self.wanted = Some(refused),
            }
        }
        self.send_wanted(cx);
    }

    /// A request of ours, perhaps an UPDATE, will have no response.
    pub fn handle_failure(&mut self, cx: &mut Context<'_>, key: &ClientKey, failure: Failure) {
        if self.exchange.is_ours(key) {
            self.exchange.fail_offer(cx, failure.status());
            self.send_wanted(cx);
        }
    }

    /// A challenged request, perhaps our UPDATE, has gone again.
    pub fn handle_resent(&mut self, old: &ClientKey, request: &Request) {
        self.exchange.handle_resent(old, request);
    }

    /// Repeats the provisional response when that is due; gives up when a reliable one gets no PRACK, or the INVITE is good
    /// for no longer.
    pub fn handle_timeout(mut self: Box<Self>, cx: &mut Context<'_>) -> State {
        if let Some(reliable) = &mut self.reliable
            && reliable.handle_timeout(cx, &self.key) == Patience::Exhausted
        {
            self.refuse(cx, Rejection::from(504));
            cx.tell_end(EndCause::TimedOut);
            return State::Gone;
        }
        if self.expiry().is_some_and(|at| cx.now() >= at) {
            // Whoever called waits no longer: as if a CANCEL had come (RFC 3261 13.3.1).
            self.refuse(cx, Rejection::from(487));
            cx.tell_end(EndCause::Cancelled { completed_elsewhere: false });
            return State::Gone;
        }
        self.exchange.retry_offer(cx, &mut self.dialog);
        if self.repeat.is_some_and(|at| cx.now() >= at) {
            self.repeat = Some(cx.now() + self.repetition());
            match &mut self.reliable {
                None => cx.repeat_provisional(&self.key),
                Some(reliable) => {
                    reliable.queue(None);
                    self.send_waiting(cx);
                }
            }
        }
        State::Ringing(self)
    }

    /// The next deadline and why.
    pub fn poll_timeout(&self) -> Option<Deadline> {
        let repeat = self.repeat.map(|at| (at, TimerReason::RepeatProvisional));
        let retry = self.exchange.retry_at().map(|at| (at, TimerReason::RetryOffer));
        let expiry = self.expiry().map(|at| (at, TimerReason::InviteExpired));
        earlier(earlier(repeat, retry), earlier(expiry, self.reliable.as_ref().and_then(Reliable::poll_timeout)))
    }

    /// Until when the INVITE is good; none once our user has accepted, for then the call is answered.
    fn expiry(&self) -> Option<Instant> {
        self.expires.filter(|_| self.accepting.is_none())
    }

    fn repetition(&self) -> Duration {
        if self.reliable.is_some() { REPEAT_RELIABLE } else { REPEAT_PROVISIONAL }
    }

    fn provisional(&self, cx: &Context<'_>, body: Option<Body>) -> Response {
        let mut response = self.response(cx, if body.is_some() { 183 } else { 180 });
        if let Some(body) = body {
            response.set_body(&body.content_type, body.bytes);
        }
        response
    }

    /// A response that makes or confirms the dialog (12.1.1).
    fn response(&self, cx: &Context<'_>, status: u16) -> Response {
        let mut response = cx.response(&self.invite, status);
        response.set_to_tag(&self.local_tag);
        for route in self.invite.headers("Record-Route") {
            response.push_header("Record-Route", route);
        }
        cx.describe(&mut response, self.dialog.contact());
        response
    }
}

/// How long an INVITE is good by its own word (RFC 3261 13.3.1, 20.19), if that can be read.
fn lifetime(invite: &Request) -> Option<Duration> {
    let seconds = scan::digits(scan::trim(invite.header("Expires")?))?;
    Some(Duration::from_secs(seconds).min(LONGEST_LIFETIME))
}
