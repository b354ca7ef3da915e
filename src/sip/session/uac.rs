//! The calling side until the final response (RFC 3261 13.2): early dialogs, forks, redirections, the answer.

use std::time::{Duration, Instant};

use super::cancel::GivenUp;
use super::context::{Context, contact};
use super::early::{EarlyDialog, News};
use super::established::{Established, Means, Offers, Wanted};
use super::exchange::{Exchange, Offerer};
use super::leaving::Leaving;
use super::redirect::Redirects;
use super::reinvite::tell_result;
use super::timer::{Asked, Refreshing, Running};
use super::{
    Body, EndCause, Rejection, SessionEvent, State, cancel, description_of, early_offer, is_final, is_success,
};
use crate::sip::dialog::Dialog;
use crate::sip::digest::AccountKey;
use crate::sip::message::{Method, NameAddr, Request, Response, Uri};
use crate::sip::path::{FlowId, Path};
use crate::sip::timing::{Deadline, GIVE_UP, TimerReason, earlier};
use crate::sip::transaction::{ClientKey, Failure, ServerKey};

/// Most early dialogs of one INVITE; what forks further is heard only when it accepts.
const MAX_EARLY_DIALOGS: usize = 8;
/// Longest time that an INVITE may ring, whatever the user's patience: a peer that never decides binds nothing for ever.
pub const MAX_RINGING: Duration = Duration::from_secs(600);

/// How to call.
#[derive(Debug, Clone)]
pub struct Invite {
    /// The way the INVITE goes; `local` stands in its Via.
    pub path: Path,
    /// The request URI, and To.
    pub to: Uri,
    /// Who calls; a tag is added.
    pub from: NameAddr,
    /// Where we want requests in the dialog.
    pub contact: Uri,
    /// Our offer; without one the other end offers in its 2xx, or in a reliable provisional response.
    pub offer: Option<Body>,
    /// Further header lines, name and value: a Route, an Alert-Info.
    pub headers: Vec<(String, String)>,
    /// To how many other contacts, all in all, a 300, 301 or 302 may send the call on; with 0 it ends the call.
    pub follow: u8,
    /// Whose password answers a challenge, to this INVITE and to all that follows in its session.
    pub account: Option<AccountKey>,
    /// How long to wait until anything at all is heard, be it a 100; 64*T1 at most. Then the call ends with `TimedOut`, to be
    /// tried elsewhere, and whoever hears of the INVITE later is told that it is given up.
    pub patience: Duration,
}

/// An INVITE of ours without final response.
#[derive(Debug)]
pub struct Calling {
    key: ClientKey,
    invite: Request,
    order: Invite,
    path: Path,
    heard: bool,
    /// The user's patience, as long as nothing is heard.
    unheard: Option<Unheard>,
    early: Vec<EarlyDialog>,
    /// An offer of ours that waits for an early dialog that may carry it, or for the answer to the call.
    wanted: Option<Wanted>,
    redirects: Redirects,
    /// The session timer that the INVITE asks for.
    asked: Asked,
    until: Instant,
    /// What the CANCEL will say, if it comes to that.
    given_up: GivenUp,
}

/// How long to wait for any sign of life.
#[derive(Debug, Clone, Copy)]
struct Unheard {
    /// When half of the patience is over; none when it is.
    half: Option<Instant>,
    /// When all of it is.
    end: Instant,
}

impl Unheard {
    /// None when the transaction gives up before the user does.
    fn of(cx: &Context<'_>, patience: Duration) -> Option<Self> {
        let now = cx.now();
        (patience < GIVE_UP).then(|| Unheard { half: Some(now + patience / 2), end: now + patience })
    }

    fn next(&self) -> Instant {
        self.half.unwrap_or(self.end)
    }
}

impl Calling {
    /// Sends the INVITE.
    pub fn start(cx: &mut Context<'_>, mut order: Invite) -> Self {
        let call_id = format!("{}{}", cx.token(), cx.token());
        order.from.set_tag(&cx.token());
        let first_cseq = cx.choose(1, 0xffff);
        let asked = Asked::new(cx.session_timer());
        let mut invite = invitation(&order, order.to.clone(), &order.contact, &call_id, first_cseq, &asked);
        let path = order.path;
        cx.finish(&mut invite, path);
        let key = cx.send_finished(invite.clone(), path);
        let redirects = Redirects::new(order.follow, &order.to);
        let until = cx.now() + MAX_RINGING;
        let unheard = Unheard::of(cx, order.patience);
        let (heard, early, wanted) = (false, Vec::new(), None);
        let given_up = GivenUp::Plainly;
        Calling { key, invite, order, path, heard, unheard, early, wanted, redirects, asked, until, given_up }
    }

    /// True when the request is in one of the early dialogs.
    pub fn owns(&self, request: &Request) -> bool {
        self.early.iter().any(|early| early.dialog().owns(request))
    }

    /// The early dialog that spoke last.
    pub fn latest_dialog_mut(&mut self) -> Option<&mut Dialog> {
        self.early.last_mut().map(EarlyDialog::dialog_mut)
    }

    /// The early dialog that a request of ours is in.
    pub fn dialog_of(&mut self, request: &Request) -> Option<&mut Dialog> {
        let tag = request.to().tag();
        self.early.iter_mut().map(EarlyDialog::dialog_mut).find(|dialog| dialog.remote_tag() == tag)
    }

    /// The number for the INVITE that goes again: behind those of all branches.
    pub fn next_number(&self) -> u32 {
        let of_branches = self.early.iter().map(|early| early.dialog().local_cseq());
        of_branches.fold(self.invite.cseq().0, u32::max) + 1
    }

    /// A challenged request has gone again: the INVITE, whose branches are over then, or a PRACK.
    pub fn handle_resent(&mut self, cx: &mut Context<'_>, old: &ClientKey, request: &Request) {
        if *old != self.key {
            for early in &mut self.early {
                early.handle_resent(old, request);
            }
            return;
        }
        self.leave_early(cx);
        (self.key, self.invite, self.heard) = (ClientKey::of_request(request), request.clone(), false);
        self.unheard = Unheard::of(cx, self.order.patience);
    }

    /// The INVITE's transaction.
    pub fn key(&self) -> &ClientKey {
        &self.key
    }

    /// The way of the INVITE.
    pub fn path(&self) -> Path {
        self.path
    }

    /// True when a provisional response has come, so that a CANCEL may go (9.1).
    pub fn heard(&self) -> bool {
        self.heard
    }

    /// Takes note that a provisional response has come.
    pub fn note_heard(&mut self, path: Path) {
        (self.heard, self.unheard) = (true, None);
        self.path.flow = self.flow_of(path);
    }

    /// A response to the INVITE, or to another request in an early dialog.
    pub fn handle_response(
        mut self: Box<Self>,
        cx: &mut Context<'_>,
        key: &ClientKey,
        response: &Response,
        path: Path,
    ) -> State {
        if *key != self.key {
            self.handle_early_response(cx, key, response);
            return State::Calling(self);
        }
        match response.status() {
            100..=199 => {
                self.handle_provisional(cx, response, path);
                State::Calling(self)
            }
            200..=299 => self.confirm(cx, response, path),
            // The interval is too short for somebody on the way (RFC 4028 7.3).
            422 if self.asked.raise(response) => {
                self.leave_early(cx);
                let target = self.invite.uri().clone();
                self.send_to(cx, target);
                State::Calling(self)
            }
            status => match self.redirects.after(response, self.order.path) {
                Some((target, way)) => {
                    self.leave_early(cx);
                    self.send_on(cx, target, way);
                    State::Calling(self)
                }
                None => {
                    self.abandon_early(cx);
                    cx.tell_end(EndCause::Rejected(status, response.reason().to_owned()));
                    State::Gone
                }
            },
        }
    }

    /// A response to a request in an early dialog.
    fn handle_early_response(&mut self, cx: &mut Context<'_>, key: &ClientKey, response: &Response) {
        let accepted = is_success(response);
        if let Some(early) = self.early.iter_mut().find(|early| early.has_offered(key)) {
            let refused = early.handle_offer_response(cx, response);
            self.want_again(cx, refused);
        } else if is_final(response) {
            self.finish_prack(key, accepted);
        }
        self.send_wanted(cx);
    }

    /// A request in an early dialog, perhaps a PRACK, has its answer, or will have none.
    fn finish_prack(&mut self, key: &ClientKey, accepted: bool) {
        for early in &mut self.early {
            early.finish_prack(key, accepted);
        }
    }

    /// Offers a change before the call is answered: now, when an early dialog may carry it, or else after the answer.
    pub fn offer(&mut self, cx: &mut Context<'_>, body: Body) {
        for early in &mut self.early {
            early.exchange_mut().give_up_retry(cx);
        }
        if self.wanted.replace(Wanted { body, by: Means::Update, attempt: 0 }).is_some() {
            tell_result(cx, Err(491));
        }
        self.send_wanted(cx);
    }

    /// An offer has to be made elsewhere, unless there is a newer one.
    fn want_again(&mut self, cx: &mut Context<'_>, offer: Option<Wanted>) {
        match (&self.wanted, offer) {
            (Some(_), Some(_)) => tell_result(cx, Err(491)),
            (None, offer) => self.wanted = offer,
            (Some(_), None) => {}
        }
    }

    /// Sends the offer that waits in the early dialog that spoke last, if it may carry one.
    fn send_wanted(&mut self, cx: &mut Context<'_>) {
        let is_busy = self.early.iter().any(EarlyDialog::is_offering);
        let latest = self.early.last_mut().filter(|early| !is_busy && early.may_offer());
        if let Some(early) = latest
            && let Some(wanted) = self.wanted.take_if(|wanted| wanted.by == Means::Update)
        {
            early.offer(cx, wanted);
        }
    }

    fn handle_provisional(&mut self, cx: &mut Context<'_>, response: &Response, path: Path) {
        self.note_heard(path);
        let (session, status) = (cx.handle(), response.status());
        let tag = response.to().tag();
        let at = self.early.iter().position(|early| tag.is_some() && early.dialog().remote_tag() == tag);
        match status {
            100 => return,
            // That branch has failed, the others go on (RFC 6228 4).
            199 => {
                if let Some(at) = at {
                    let mut early = self.early.remove(at);
                    let offer = early.exchange_mut().take_offer();
                    early.abandon(cx);
                    self.want_again(cx, offer);
                    self.send_wanted(cx);
                }
                return;
            }
            _ => {}
        }
        let offered = self.order.offer.is_some();
        let news = if tag.is_none() || (at.is_none() && self.early.len() >= MAX_EARLY_DIALOGS) {
            News::Progress(description_of(response).filter(|_| tag.is_none() && offered))
        } else {
            let mut early = at.map(|at| self.early.remove(at)).unwrap_or_else(|| {
                let contact = self.contact();
                EarlyDialog::new(Dialog::from_response(&self.invite, response, contact, self.path), offered)
            });
            let news = early.handle_provisional(cx, response);
            self.early.push(early);
            news
        };
        match news {
            News::Nothing => {}
            News::Progress(body) => cx.tell(SessionEvent::Progress { session, status, body }),
            News::Offer(offer) => {
                cx.tell(SessionEvent::Progress { session, status, body: None });
                cx.tell(SessionEvent::Offer { session, body: Some(offer) });
            }
        }
    }

    /// A 2xx: the early dialog of its tag with the route set computed anew (13.2.2.4), or a new one.
    fn confirm(mut self: Box<Self>, cx: &mut Context<'_>, response: &Response, path: Path) -> State {
        let way = Path { flow: self.flow_of(path), ..self.path };
        let mut dialog = Dialog::from_response(&self.invite, response, self.contact(), way);
        let tag = response.to().tag();
        let early = self.early.iter().position(|early| early.dialog().remote_tag() == tag);
        let (exchange, early_answer) = match early.map(|at| self.early.remove(at).into_parts()) {
            Some((early, exchange, answer)) => {
                dialog.continue_numbers(&early);
                (exchange, answer)
            }
            None => (Exchange::of_invite(self.order.offer.is_some(), Offerer::We), None),
        };
        let session = cx.handle();
        let cseq = self.invite.cseq().0;
        let settled = !matches!(exchange, Exchange::Open(_));
        // What was agreed early needs no repetition, unless another branch has described its media since.
        let agreed = early_answer.filter(|_| !settled || self.early.iter().any(EarlyDialog::has_answer));
        let (body, offers) = match exchange {
            Exchange::Open(Offerer::Nobody) => {
                let offer = description_of(response);
                let offers = if offer.is_some() { Offers::DueInAck { cseq } } else { Offers::Settled };
                (offer, offers)
            }
            Exchange::Open(_) => (description_of(response).or(agreed), Offers::Settled),
            exchange => (agreed, exchange.into_offers(cx.now())),
        };
        if !matches!(offers, Offers::DueInAck { .. }) {
            cx.acknowledge(&self.key, &dialog, cseq, None);
        }
        cx.tell(SessionEvent::Answered { session, body });
        self.leave_early(cx);
        let timer = Running::called(cx.now(), response, &self.asked);
        let refreshing = Refreshing { timer, takes_update: early_offer::allow_update(response.headers("Allow")) };
        let mut established = Established::called(dialog, self.key, offers, refreshing);
        established.inherit(cx, self.wanted);
        State::Established(Box::new(established))
    }

    /// The INVITE, an INFO or a PRACK will have no response.
    pub fn handle_failure(mut self: Box<Self>, cx: &mut Context<'_>, key: &ClientKey, failure: Failure) -> State {
        if *key != self.key {
            if let Some(early) = self.early.iter_mut().find(|early| early.has_offered(key)) {
                early.exchange_mut().fail_offer(cx, failure.status());
            } else {
                self.finish_prack(key, false);
            }
            self.send_wanted(cx);
            return State::Calling(self);
        }
        if let Some((target, way)) = self.redirects.next(self.order.path) {
            self.leave_early(cx);
            self.send_on(cx, target, way);
            return State::Calling(self);
        }
        self.abandon_early(cx);
        cx.tell_end(EndCause::of(failure));
        State::Gone
    }

    /// A request in an early dialog.
    pub fn handle_request(&mut self, cx: &mut Context<'_>, key: &ServerKey, request: Request, path: Path) {
        match self.early.iter_mut().find(|early| early.dialog().owns(&request)) {
            Some(early) => early.handle_request(cx, key, request, path),
            None => cx.answer(key, &request, 481),
        }
    }

    /// Our user's answer to an offer in an early dialog; the one that spoke last comes first.
    pub fn answer_offer(&mut self, cx: &mut Context<'_>, answer: &Result<Body, Rejection>) {
        for early in self.early.iter_mut().rev() {
            if early.answer_offer(cx, answer) {
                break;
            }
        }
        self.send_wanted(cx);
    }

    /// A connection has gone.
    pub fn handle_flow_closed(&mut self, flow: FlowId) {
        if self.path.flow == Some(flow) {
            self.path.flow = None;
        }
        for early in &mut self.early {
            early.dialog_mut().handle_flow_closed(flow);
        }
    }

    /// Gives up what has rung for too long, or of which nothing is heard.
    pub fn handle_timeout(mut self: Box<Self>, cx: &mut Context<'_>) -> State {
        for early in &mut self.early {
            early.retry_offer(cx);
        }
        if let Some(unheard) = &mut self.unheard
            && unheard.half.take_if(|at| cx.now() >= *at).is_some()
        {
            cx.try_datagram(&self.key);
        }
        if self.unheard.is_some_and(|unheard| cx.now() >= unheard.end) {
            cx.give_up(&self.key);
        } else if cx.now() < self.until {
            return State::Calling(self);
        }
        cx.tell_end(EndCause::TimedOut);
        self.cancel(cx, GivenUp::Plainly)
    }

    /// The next deadline and why. Until something is heard the transaction has its own, beside the user's patience.
    pub fn poll_timeout(&self) -> Option<Deadline> {
        let decision = match self.unheard {
            Some(unheard) => Some((unheard.next(), TimerReason::InviteUnheard)),
            None => self.heard.then_some((self.until, TimerReason::InviteUndecided)),
        };
        let retries = self.early.iter().map(|early| early.retry_at().map(|at| (at, TimerReason::RetryOffer)));
        retries.fold(decision, earlier)
    }

    /// Gives up: CANCEL now, or as soon as anything has been heard (9.1).
    pub fn cancel(mut self: Box<Self>, cx: &mut Context<'_>, why: GivenUp) -> State {
        self.given_up = why;
        self.abandon_early(cx);
        State::Leaving(Box::new(Leaving::cancelling(cx, self)))
    }

    /// The CANCEL and its way; none while nothing is heard, for then none may go (9.1).
    pub fn farewell(&self) -> Option<(Path, Vec<u8>)> {
        self.heard.then(|| (self.path, cancel::of(&self.invite, self.given_up).to_bytes()))
    }

    /// Sends the CANCEL.
    pub fn send_cancel(&self, cx: &mut Context<'_>) {
        cancel::send(cx, &self.invite, self.path, self.given_up);
    }

    /// Calls `target` instead, as the next request of the same call (8.1.3.4).
    fn send_on(&mut self, cx: &mut Context<'_>, target: Uri, way: Path) {
        // Through a proxy, the way stays the proxy's.
        let has_route = self.order.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("Route"));
        self.path = if has_route { self.order.path } else { way };
        self.send_to(cx, target);
    }

    /// Sends the INVITE once more, to this target.
    fn send_to(&mut self, cx: &mut Context<'_>, target: Uri) {
        let ours = self.contact();
        let cseq = self.invite.cseq().0 + 1;
        let mut invite = invitation(&self.order, target, &ours, self.invite.call_id(), cseq, &self.asked);
        cx.finish(&mut invite, self.path);
        self.key = cx.send_finished(invite.clone(), self.path);
        self.invite = invite;
        // The one who sent us on is there; whether the next is, timer B says.
        (self.heard, self.unheard) = (false, None);
    }

    /// The connection by which a response came, if ours is a dialog by connections: a large INVITE may have gone by one for
    /// its size alone.
    fn flow_of(&self, path: Path) -> Option<FlowId> {
        path.flow.filter(|_| path.transport == self.path.transport)
    }

    /// Our Contact for the way that is tried.
    fn contact(&self) -> Uri {
        if self.path.transport == self.order.path.transport {
            return self.order.contact.clone();
        }
        contact(self.order.contact.user_text().as_deref(), self.path)
    }

    /// All branches are over, and the call goes on: what was offered in them is offered elsewhere.
    fn leave_early(&mut self, cx: &mut Context<'_>) {
        let offer = self.early.iter_mut().find_map(|early| early.exchange_mut().take_offer());
        self.abandon_early(cx);
        self.want_again(cx, offer);
    }

    fn abandon_early(&mut self, cx: &mut Context<'_>) {
        for mut early in self.early.drain(..) {
            if let Some(client) = cx.transactions().invite_client_mut(&self.key) {
                client.note_number(early.dialog().local_cseq());
            }
            early.abandon(cx);
        }
    }
}

/// The INVITE to `target`, without Via.
fn invitation(order: &Invite, target: Uri, ours: &Uri, call_id: &str, cseq: u32, timer: &Asked) -> Request {
    let to = NameAddr::new(order.to.clone());
    let mut request = Request::new(Method::Invite, target, &order.from, &to, call_id, cseq);
    for (name, value) in &order.headers {
        request.push_header(name, value);
    }
    add_capabilities(&mut request, ours);
    timer.write(&mut request);
    if let Some(offer) = &order.offer {
        request.set_body(&offer.content_type, offer.bytes.clone());
    }
    request
}

/// Adds what an INVITE or UPDATE of ours says about us.
pub fn add_capabilities(request: &mut Request, contact: &Uri) {
    request.push_header("Contact", &NameAddr::new(contact.clone()).to_string());
    request.push_header("Allow", super::context::ALLOW);
    request.push_header("Supported", &super::context::SUPPORTED.join(", "));
}
