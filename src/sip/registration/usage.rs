//! The life of one binding: asked for, refreshed in time, looked after, taken away (RFC 3261 10.2).

use std::time::{Duration, Instant};

use super::bindings::{Bindings, Likeness, Ours, Own, seconds};
use super::{Register, RegistrationEvent};
use crate::sip::digest::{AccountKey, is_stale, realm_of};
use crate::sip::message::{Method, NameAddr, Request, Response, Uri};
use crate::sip::path::{FlowId, Path};
use crate::sip::session::context::{ALLOW, Context};
use crate::sip::timing::{Deadline, GIVE_UP, TimerReason, earlier};
use crate::sip::transaction::{ClientKey, Failure};

/// The longest time that a 423 can make us ask for.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);
/// A binding is refreshed so long before its end, where it lasts long enough: time for one that fails, and for another.
const MARGIN: Duration = Duration::from_secs(32);
/// The shortest time between a success and its refresh, whatever a registrar grants.
const SHORTEST: Duration = Duration::from_secs(1);

/// One binding at one registrar.
#[derive(Debug)]
pub struct Registration {
    order: Register,
    /// From, with the tag that all requests share.
    from: NameAddr,
    call_id: String,
    cseq: u32,
    /// The REGISTER without final response: there is never a second one (10.2).
    flight: Option<Flight>,
    /// How long the next binding is asked for: what was ordered, or more after a 423.
    asked: Duration,
    refresh_at: Option<Instant>,
    /// The contact that was bound, as the registrar spells it.
    bound: Option<Bound>,
    /// A contact of ours that is bound and no longer good: taken away with the next REGISTER.
    former: Option<Uri>,
    /// How often the registrar wants to hear from the connection (RFC 5626 4.4, Flow-Timer).
    outbound: Option<Outbound>,
    /// A proxy in front of the registrar cannot keep connections for it: they are not offered any more (RFC 5626 6).
    is_plain: bool,
}

/// What is bound now.
#[derive(Debug)]
struct Bound {
    contact: Uri,
    flow: Option<FlowId>,
}

/// The registrar finds us by the connection that the REGISTER came by (RFC 5626).
#[derive(Debug, Clone, Copy)]
struct Outbound {
    /// How long that may be quiet, if it says.
    flow_timer: Option<Duration>,
}

/// A REGISTER on its way.
#[derive(Debug)]
struct Flight {
    key: ClientKey,
    purpose: Purpose,
    /// Until when something must be heard of it.
    until: Option<Instant>,
    /// A 423 has made it ask for more.
    raised: bool,
}

/// What a REGISTER is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Bind,
    Unbind,
    Ask,
}

impl Registration {
    /// Sends the first REGISTER.
    pub fn start(cx: &mut Context<'_>, order: Register) -> Self {
        let mut registration = Self::new(cx, order);
        registration.send(cx, Purpose::Bind, false);
        registration
    }

    /// Asks what is bound, and binds nothing.
    pub fn ask(cx: &mut Context<'_>, order: Register) -> Self {
        let mut registration = Self::new(cx, order);
        registration.send(cx, Purpose::Ask, false);
        registration
    }

    fn new(cx: &mut Context<'_>, order: Register) -> Self {
        let mut from = order.aor.clone();
        from.set_tag(&cx.token());
        let call_id = format!("{}{}", cx.token(), cx.token());
        let (cseq, asked) = (cx.choose(1, 0xffff), order.expires);
        Registration {
            order,
            from,
            call_id,
            cseq,
            flight: None,
            asked,
            refresh_at: None,
            bound: None,
            former: None,
            outbound: None,
            is_plain: false,
        }
    }

    /// Whose password it goes with.
    pub fn account(&self) -> AccountKey {
        self.order.account
    }

    /// The way of its requests.
    pub fn way(&self) -> Path {
        self.order.way
    }

    /// The connection by which the registrar reaches us, when it says that it does so, and how long that may be quiet.
    pub fn outbound_flow(&self) -> Option<(FlowId, Option<Duration>)> {
        Some((self.bound.as_ref()?.flow?, self.outbound?.flow_timer))
    }

    /// Goes on by another way. A contact that changes is taken away where it was bound, with the same request.
    pub fn reroute(&mut self, cx: &mut Context<'_>, way: Path, contact: Uri, route: Vec<String>) {
        if self.bound.is_some() && !self.order.contact.equivalent(&contact) {
            self.former = Some(std::mem::replace(&mut self.order.contact, contact));
        } else {
            self.order.contact = contact;
        }
        (self.order.way, self.order.route) = (way, route);
        self.bound = None;
        self.send(cx, Purpose::Bind, false);
    }

    /// The same for a registrar that did not answer the last time: the REGISTER is not repeated, so that a thousand panels
    /// whose registrar comes back do not meet it with all that they repeat.
    pub fn knock(&mut self, cx: &mut Context<'_>, way: Path, contact: Uri, route: Vec<String>) {
        self.reroute(cx, way, contact, route);
        if let Some(flight) = &self.flight {
            cx.transactions().send_once(&flight.key);
        }
    }

    /// Binds anew, now.
    pub fn refresh(&mut self, cx: &mut Context<'_>) {
        if !self.is_sending(Purpose::Bind) {
            self.send(cx, Purpose::Bind, false);
        }
    }

    /// Takes the binding away.
    pub fn unregister(&mut self, cx: &mut Context<'_>) {
        self.refresh_at = None;
        if !self.is_sending(Purpose::Unbind) {
            self.send(cx, Purpose::Unbind, false);
        }
    }

    /// Asks what is bound. A REGISTER on its way will tell as much.
    pub fn query(&mut self, cx: &mut Context<'_>) {
        if self.flight.is_none() {
            self.send(cx, Purpose::Ask, false);
        }
    }

    /// Ends without a word.
    pub fn abandon(&mut self, cx: &mut Context<'_>) {
        if let Some(flight) = self.flight.take() {
            cx.give_up(&flight.key);
        }
    }

    /// The number with which a challenged request goes again; none for one that was given up.
    pub fn next_number(&self, key: &ClientKey) -> Option<u32> {
        self.flight.as_ref().filter(|flight| flight.key == *key)?;
        Some(self.cseq + 1)
    }

    /// The request under way was challenged, and has gone again.
    pub fn handle_resent(&mut self, cx: &mut Context<'_>, request: &Request) {
        self.cseq = request.cseq().0;
        let until = self.unheard_until(cx);
        if let Some(flight) = &mut self.flight {
            (flight.key, flight.until) = (ClientKey::of_request(request), until);
        }
    }

    /// A response to a request of this registration. `tried_password` says whether the request had carried an answer.
    pub fn handle_response(
        &mut self,
        cx: &mut Context<'_>,
        key: &ClientKey,
        response: &Response,
        path: Path,
        tried_password: bool,
    ) {
        if response.status() < 200 {
            if let Some(flight) = self.flight.as_mut().filter(|flight| flight.key == *key) {
                flight.until = None;
            }
            return;
        }
        let Some(flight) = self.flight.take_if(|flight| flight.key == *key) else {
            return;
        };
        match (flight.purpose, response.status()) {
            (Purpose::Bind, 200..=299) => self.take_binding(cx, response, path),
            (Purpose::Unbind, 200..=299) => {
                (self.bound, self.former) = (None, None);
                cx.tell_registration(RegistrationEvent::Unregistered);
            }
            (Purpose::Ask, 200..=299) => {
                let found = self.bindings(response, Likeness::Place).own.is_some();
                cx.tell_registration(if found { RegistrationEvent::Present } else { RegistrationEvent::Missing });
            }
            // RFC 5626 6, and 4.2.1 for a registrar that does not know it.
            (Purpose::Bind, 420 | 439)
                if self.order.instance.is_some() && !self.is_plain && lacks_outbound(response) =>
            {
                self.is_plain = true;
                self.send(cx, Purpose::Bind, flight.raised);
            }
            (Purpose::Bind, 423) if !flight.raised && self.raise(response) => self.send(cx, Purpose::Bind, true),
            (purpose, _) => {
                if purpose == Purpose::Bind {
                    self.refresh_at = None;
                }
                cx.tell_registration(refusal(response, tried_password));
            }
        }
    }

    /// A request of this registration will have no response.
    pub fn handle_failure(&mut self, cx: &mut Context<'_>, key: &ClientKey, failure: Failure) {
        let Some(flight) = self.flight.take_if(|flight| flight.key == *key) else {
            return;
        };
        if flight.purpose == Purpose::Bind {
            self.refresh_at = None;
        }
        cx.tell_registration(match failure {
            Failure::TimedOut => RegistrationEvent::TimedOut,
            Failure::Transport => RegistrationEvent::TransportError,
        });
    }

    /// A connection has gone: whoever is bound by it is not reached any more, and what was asked by it is not answered.
    pub fn handle_flow_closed(&mut self, cx: &mut Context<'_>, flow: FlowId) {
        if self.order.way.flow == Some(flow) {
            self.order.way.flow = None;
        }
        if self.bound.take_if(|bound| bound.flow == Some(flow)).is_some() {
            self.abandon(cx);
            self.refresh_at = None;
            cx.tell_registration(RegistrationEvent::TransportError);
        }
    }

    /// Fires what is due.
    pub fn handle_timeout(&mut self, cx: &mut Context<'_>) {
        let now = cx.now();
        if let Some(key) = self.flight.as_ref().filter(|flight| flight.until.is_some_and(|until| now >= until)) {
            let key = key.key.clone();
            cx.give_up(&key);
            self.handle_failure(cx, &key, Failure::TimedOut);
        }
        if self.refresh_at.is_some_and(|at| now >= at) {
            self.refresh_at = None;
            self.refresh(cx);
        }
    }

    /// The next deadline and why.
    pub fn poll_timeout(&self) -> Option<Deadline> {
        let unheard = self.flight.as_ref().and_then(|flight| Some((flight.until?, TimerReason::RequestUnheard)));
        earlier(unheard, self.refresh_at.map(|at| (at, TimerReason::RefreshBinding)))
    }

    fn is_sending(&self, purpose: Purpose) -> bool {
        self.flight.as_ref().is_some_and(|flight| flight.purpose == purpose)
    }

    /// Sends a REGISTER; one that is under way is given up.
    fn send(&mut self, cx: &mut Context<'_>, purpose: Purpose, raised: bool) {
        self.abandon(cx);
        self.cseq += 1;
        let request = self.request(purpose);
        let key = cx.send(request, self.order.way);
        self.flight = Some(Flight { key, purpose, until: self.unheard_until(cx), raised });
    }

    fn unheard_until(&self, cx: &Context<'_>) -> Option<Instant> {
        (self.order.patience < GIVE_UP).then(|| cx.now() + self.order.patience)
    }

    fn request(&self, purpose: Purpose) -> Request {
        let order = &self.order;
        let (uri, to) = (order.registrar.clone(), &order.aor);
        let mut request = Request::new(Method::Register, uri, &self.from, to, &self.call_id, self.cseq);
        for route in &order.route {
            request.push_header("Route", route);
        }
        if purpose != Purpose::Ask {
            request.push_header("Contact", &self.contact().to_string());
            if let Some(former) = &self.former {
                let mut former = NameAddr::new(former.clone());
                former.params.set("expires", Some("0"));
                request.push_header("Contact", &former.to_string());
            }
            let expires = if purpose == Purpose::Unbind { 0 } else { self.asked.as_secs() };
            request.push_header("Expires", &expires.to_string());
        }
        request.push_header("Allow", ALLOW);
        // Outbound and GRUU are about a device that has a name (RFC 5626 4.2.1, RFC 5627 4.1).
        let supported = match order.instance {
            Some(_) if self.is_plain => "path, gruu",
            Some(_) => "path, outbound, gruu",
            None => "path",
        };
        request.push_header("Supported", supported);
        request
    }

    fn contact(&self) -> NameAddr {
        let mut contact = NameAddr::new(self.order.contact.clone());
        if let Some(instance) = &self.order.instance {
            contact.params.set("+sip.instance", Some(&format!("\"<{instance}>\"")));
            if !self.is_plain {
                contact.params.set("reg-id", Some("1"));
            }
        }
        contact
    }

    fn bindings(&self, response: &Response, at_least: Likeness) -> Bindings {
        let known_as = self.bound.as_ref().map(|bound| &bound.contact);
        let ours = Ours { contact: &self.order.contact, known_as, instance: self.order.instance.as_deref() };
        Bindings::read(response, ours, at_least)
    }

    /// We are bound, if the answer says so; see [`Granted::read`].
    fn take_binding(&mut self, cx: &mut Context<'_>, response: &Response, path: Path) {
        self.former = None;
        let listed = self.bindings(response, Likeness::Name);
        let Some(Granted { own: Own { contact, expires, gruu }, others }) =
            Granted::read(response, listed, &self.order.contact)
        else {
            (self.bound, self.refresh_at) = (None, None);
            return cx.tell_registration(RegistrationEvent::Unlisted);
        };
        let expires = expires.or_else(|| duration(response, "Expires")).unwrap_or(self.asked).min(LONGEST);
        if expires.is_zero() {
            (self.bound, self.refresh_at) = (None, None);
            return cx.tell_registration(RegistrationEvent::Unlisted);
        }
        self.bound = Some(Bound { contact, flow: path.flow });
        let requires_outbound = response.headers("Require").any(|tag| tag.eq_ignore_ascii_case("outbound"));
        self.outbound = requires_outbound.then(|| Outbound { flow_timer: duration(response, "Flow-Timer") });
        let share = f64::from(cx.choose(900, 1000)) / 1000.0;
        self.refresh_at = Some(cx.now() + refresh_after(expires, share));
        let service_route = response.headers("Service-Route").map(str::to_owned).collect();
        cx.tell_registration(RegistrationEvent::Registered { expires, service_route, gruu, others });
    }

    /// Asks for as long as a 423 wants; false when it wants nothing sensible.
    fn raise(&mut self, response: &Response) -> bool {
        match duration(response, "Min-Expires") {
            Some(least) if least > self.asked && least <= LONGEST => {
                self.asked = least;
                true
            }
            _ => false,
        }
    }
}

/// What a 2xx to a REGISTER that binds gives us.
#[derive(Debug)]
struct Granted {
    own: Own,
    /// How many other devices are bound.
    others: usize,
}

impl Granted {
    /// Ours is what is known as ours. A registrar that lists nothing at all is believed, since it has not refused (RFC 3261
    /// 10.3 has it list all, and some list none). Where something on the way writes contacts anew, ours is known by nothing
    /// (10.2.4 would have it compared): then it is the only one that does not say that it is another device's, or, among
    /// several, whichever the Expires of the answer is about. None where nothing says that we are bound.
    fn read(response: &Response, listed: Bindings, sent: &Uri) -> Option<Self> {
        let Bindings { own, mut unknown, others } = listed;
        let as_sent = || Own { contact: sent.clone(), expires: None, gruu: None };
        if let Some(own) = own {
            return Some(Granted { own, others });
        }
        if response.header("Contact").is_none() {
            return Some(Granted { own: as_sent(), others });
        }
        let own = match unknown.len() {
            0 => return None,
            1 => unknown.remove(0),
            _ => response.header("Expires").map(|_| as_sent())?,
        };
        Some(Granted { own, others: others.saturating_sub(1) })
    }
}

/// Whether this refusal is about connections that are kept.
fn lacks_outbound(response: &Response) -> bool {
    let named = || response.headers("Unsupported").any(|tag| tag.eq_ignore_ascii_case("outbound"));
    response.status() == 439 || named()
}

/// The value of a header that is a number of seconds.
fn duration(response: &Response, name: &str) -> Option<Duration> {
    seconds(response.header(name)).map(|seconds| Duration::from_secs(seconds.into()))
}

/// When a binding that lasts so long is refreshed; `share` of the time that may pass passes.
fn refresh_after(expires: Duration, share: f64) -> Duration {
    let margin = (expires / 10).max(MARGIN).min(expires / 2);
    (expires - margin).mul_f64(share).max(SHORTEST)
}

fn refusal(response: &Response, tried_password: bool) -> RegistrationEvent {
    let status = response.status();
    if matches!(status, 300..=302 | 305) {
        let mut contacts: Vec<NameAddr> =
            response.headers("Contact").filter_map(|value| NameAddr::parse(value).ok()).collect();
        contacts.sort_by_key(|contact| std::cmp::Reverse(contact.q()));
        if !contacts.is_empty() {
            let contacts = contacts.into_iter().map(|contact| contact.uri).collect();
            return RegistrationEvent::Moved { status, contacts };
        }
    }
    RegistrationEvent::Refused {
        status,
        phrase: response.reason().to_owned(),
        retry_after: duration(response, "Retry-After"),
        tried_password,
        stale: is_stale(response),
        realm: realm_of(response),
        min_expires: duration(response, "Min-Expires"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binding_is_refreshed_in_time() {
        let secs = Duration::from_secs;
        for (expires, latest) in [(3600, 3240), (1800, 1620), (320, 288), (100, 68), (60, 30), (10, 5), (1, 1), (0, 1)]
        {
            assert_eq!(refresh_after(secs(expires), 1.0), secs(latest), "{expires}");
            let earliest = refresh_after(secs(expires), 0.9);
            assert!(earliest <= secs(latest) && earliest.as_secs_f64() >= latest as f64 * 0.9 - 0.001, "{expires}");
        }
    }
}
