//! We call: a plan becomes an INVITE; what comes back becomes ringing, early sound and picture, an answer, or a reason in
//! words. Of a call to several at once (`group`), all of this is about the leg in front, which is the one that something is
//! about.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use super::account::{self, Passage};
use super::call::{Call, Media, Outgoing, Progress, Remote, Stage, Talking, first_wish};
use super::dialled::Plan;
use super::finish::UNAVAILABLE;
use super::flood::Claim;
use super::keys::Keys;
use super::named::Named;
use super::output::MediaPorts;
use super::remote::{called, sip_uri};
use super::unlock::Unlock;
use super::visitors::Visitor;
use super::{Now, Phone, reason};
use crate::channel::{CallDirection, CallHandle, CallState, EndReason, Refusal};
use crate::config::{Account, Config};
use crate::dial::DialTransport;
use crate::sip::{Body, End, EndCause, GIVE_UP, Invite, NameAddr, Path, Transport, Uri};

/// The user part of our own address in direct calls.
const OUR_NAME: &str = "vestibule";

/// The address of a call before there is a way for it.
pub(super) const NOWHERE: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// To how many other addresses a called device may send a call on ("moved", "not here but there"), if that is followed.
const FOLLOWED: u8 = 5;

/// A place that may be tried is given so long at least, whatever the time that is left: an INVITE goes twice by then.
const LEAST_PATIENCE: Duration = Duration::from_millis(600);

/// A device to call.
#[derive(Clone, Debug)]
pub(super) struct Callee {
    pub user: Option<String>,
    pub address: IpAddr,
    pub port: u16,
    pub transport: DialTransport,
    /// The Request-URI.
    pub uri: String,
}

/// By which way a call is placed.
#[derive(Debug)]
pub(super) enum Placing {
    /// Straight to a device; with a callee, by TCP as well when UDP is refused.
    Direct(Option<Box<Callee>>),
    /// To a device that is known by its name.
    Named(Box<Named>),
    /// Through an account.
    Through {
        /// Which.
        account: Account,
        /// Somebody named it, or the other one was tried before: no other one is taken.
        named: bool,
        /// What stands before the `@`.
        number: String,
        /// A whole URI, dialled as it is, instead of a number of the account.
        uri: Option<Uri>,
        /// No way is known now, and one is being looked for; if none is found, the call ends for this reason.
        waits: Option<EndReason>,
        /// When the last place must be tried of those that are silent; none while nobody has said anything.
        silent_until: Option<Instant>,
    },
}

impl Placing {
    /// The account, if it is through one.
    pub fn account(&self) -> Option<Account> {
        match self {
            Self::Direct(_) | Self::Named(_) => None,
            Self::Through { account, .. } => Some(*account),
        }
    }

    /// Why the call ends if no way is found, while one is being looked for.
    fn waits(&self) -> Option<EndReason> {
        match self {
            Self::Through { waits, .. } => *waits,
            Self::Direct(_) | Self::Named(_) => None,
        }
    }
}

/// A call that could be placed.
#[derive(Debug)]
pub(super) struct Placed {
    /// None while there is no way.
    pub invite: Option<Invite>,
    pub remote: Remote,
    pub placing: Placing,
}

impl Phone {
    /// Works out how one way is gone; nothing has happened yet.
    pub(super) fn place(&mut self, plan: Plan) -> Result<Placed, Refusal> {
        match plan {
            Plan::Direct(callee) => self.place_directly(callee),
            Plan::Named(uri) => self.place_by_name(&uri),
            Plan::Through { account, named, number, uri } => Ok(self.place_through(account, named, number, uri)),
        }
    }

    fn place_directly(&mut self, callee: Callee) -> Result<Placed, Refusal> {
        self.may_call_directly()?;
        let no_route = || Refusal::NoRoute(callee.address.to_string());
        let local = self.routes.local_for(callee.address).ok_or_else(no_route)?;
        let local = SocketAddr::new(local, self.direct_port());
        if local == SocketAddr::new(callee.address, callee.port) {
            return Err(Refusal::Oneself(callee.address.to_string()));
        }
        let first = if callee.transport == DialTransport::Tcp { Transport::Tcp } else { Transport::Udp };
        let invite = invite(&callee, local, first).ok_or_else(no_route)?;
        let remote = called(&self.config, callee.user.as_deref(), callee.address, callee.port);
        let again = (callee.transport == DialTransport::Either).then(|| Box::new(callee));
        Ok(Placed { invite: Some(invite), remote, placing: Placing::Direct(again) })
    }

    /// Whether devices can be called without an account.
    pub(super) fn may_call_directly(&self) -> Result<(), Refusal> {
        if !self.config.direct_ip_enabled {
            return Err(Refusal::DirectIpOff);
        }
        match self.listening.closed() {
            Some(reason) => Err(Refusal::NotListening { port: self.config.direct_ip_port, reason: reason.clone() }),
            None => Ok(()),
        }
    }

    /// A number, or a URI, through an account.
    fn place_through(&mut self, account: Account, named: bool, number: String, uri: Option<Uri>) -> Placed {
        let to = uri.clone().unwrap_or_else(|| self.uri_through(account, &number));
        let remote = super::remote::called_through(&self.config, &to, &number);
        let invite = self.passage(account, &to).map(|passage| invite_through(passage, to));
        let waits = invite.is_none().then_some(EndReason::Unreachable);
        let placing = Placing::Through { account, named, number, uri, waits, silent_until: None };
        Placed { invite, remote, placing }
    }

    /// RTP ports for one call more; a stranger's bell falls silent for it.
    pub(super) fn line_for_call(&mut self, now: Now) -> Result<MediaPorts, Refusal> {
        if !self.has_line() {
            let gives_way = self.giving_way(now, &Claim::HERE).ok_or(Refusal::NoLine)?;
            self.give_way(now, gives_way);
        }
        self.free_ports().ok_or(Refusal::NoLine)
    }

    /// Begins a call; without an INVITE it waits for a way.
    pub(super) fn begin_call(&mut self, now: Now, placed: Placed, ports: MediaPorts) -> CallHandle {
        // One conversation at a time: the one that is spoken in goes on hold.
        let active: Vec<_> = self.calls.values().filter(|call| call.is_active()).map(|call| call.handle).collect();
        for other in active {
            self.set_held(now, other, true);
        }
        let Placed { invite, remote, placing } = placed;
        let (session, handle) = (self.endpoint.reserve(), self.next_handle());
        let negotiation = self.negotiation(NOWHERE, NOWHERE, ports);
        let call = Call {
            handle,
            session,
            direction: CallDirection::Out,
            account: placing.account(),
            path: None,
            remote,
            began: now,
            stage: Stage::Outgoing(Outgoing {
                progress: Progress::Calling,
                sounds: false,
                until: now.instant + Duration::from_secs(self.config.max_dial_out_time_s.into()),
                placing,
            }),
            group: None,
            media: Media::new(ports, negotiation),
            silent: false,
            muted: false,
            camera: false,
            unlock: Unlock::default(),
            keys: Keys::default(),
            visitor: Visitor::default(),
        };
        self.calls.insert(handle, call);
        if let Some(invite) = invite {
            self.send_invite(now, handle, invite);
        }
        // A visitor who rings keeps the screen.
        if !self.on_screen().is_some_and(Call::rings_here) {
            self.current = Some(handle);
        }
        self.touch(handle);
        handle
    }

    /// It rings there, perhaps with sound or picture already.
    pub(super) fn on_progress(&mut self, _now: Now, handle: CallHandle, status: u16, body: Option<Body>) {
        let Some(call) = self.calls.get_mut(&handle) else { return };
        let Stage::Outgoing(outgoing) = &mut call.stage else { return };
        // Who answers by UDP needs no other way.
        if let Placing::Direct(again) = &mut outgoing.placing {
            *again = None;
        }
        // A description that makes no sense this early is none; the answer will have to.
        let early = body.and_then(|body| call.media.negotiation.handle_answer(&body.bytes).ok());
        match early {
            Some(streams) => {
                outgoing.progress = Progress::Early;
                call.media.streams = Some(streams);
            }
            None if status >= 180 && outgoing.progress == Progress::Calling => outgoing.progress = Progress::Ringing,
            None => {}
        }
        self.touch(handle);
        self.sync_media(handle);
    }

    /// They answered.
    pub(super) fn on_answered(&mut self, now: Now, handle: CallHandle, body: Option<Body>) {
        let Some(call) = self.calls.get_mut(&handle) else { return };
        match body.map(|body| call.media.negotiation.handle_answer(&body.bytes)) {
            Some(Ok(streams)) => call.media.streams = Some(streams),
            // An answer in the 183 needs no repetition in the 200.
            None | Some(Err(_)) if call.media.streams.is_some() => {}
            // An answer with which nobody can speak is none.
            None | Some(Err(_)) => {
                self.endpoint.end(now.instant, call.session, End { code: UNAVAILABLE });
                return self.leg_failed(now, handle, EndReason::NoCommonCodec);
            }
        }
        let wish = call.wish(&self.config);
        call.stage = Stage::Talking(Talking::new(&self.config, now, wish));
        self.others_yield(now, handle);
        self.touch(handle);
        self.sync_media(handle);
    }

    /// Nobody answered for too long.
    pub(super) fn give_up(&mut self, now: Now, handle: CallHandle) {
        let Some(call) = self.calls.get(&handle) else { return };
        let why = match call.state() {
            CallState::Calling => call.best_failure(EndReason::NoResponse),
            _ => EndReason::NoAnswer,
        };
        self.end_call(now, handle, why, 0);
    }

    /// UDP is refused where nothing was said about the transport: a device may listen for TCP alone. The call goes on in
    /// another session; false when there is nothing more to try.
    fn call_by_tcp(&mut self, now: Now, handle: CallHandle) -> bool {
        let Some(call) = self.calls.get_mut(&handle) else { return false };
        let Stage::Outgoing(Outgoing { placing: Placing::Direct(again), .. }) = &mut call.stage else { return false };
        let again = again.take();
        let (Some(callee), Some(path)) = (again, call.path) else { return false };
        let Some(invite) = invite(&callee, path.local, Transport::Tcp) else { return false };
        self.send_invite(now, handle, invite);
        true
    }

    /// The call goes on in a new session by this way, with a description that fits it: nobody has answered another.
    pub(super) fn send_invite(&mut self, now: Now, handle: CallHandle, mut invite: Invite) {
        let Some(ports) = self.calls.get(&handle).map(|call| call.media.ports) else { return };
        let mut negotiation = self.negotiation(invite.path.local.ip(), invite.path.remote.ip(), ports);
        invite.offer = Some(Body::sdp(negotiation.create_offer(first_wish(&self.config))));
        invite.follow = followed(&self.config);
        invite.patience = self.patience(now, handle, &invite);
        let Some(call) = self.calls.get_mut(&handle) else { return };
        call.media.negotiation = negotiation;
        call.path = Some(invite.path);
        self.sessions.remove(&call.session);
        call.session = self.endpoint.invite(now.instant, invite);
        self.sessions.insert(call.session, handle);
    }

    /// How much time a call through an account has left for places that are silent.
    fn silence_left(&self, now: Now, handle: CallHandle) -> Duration {
        let Some(call) = self.calls.get(&handle) else { return Duration::ZERO };
        let until = match &call.stage {
            Stage::Outgoing(Outgoing { placing: Placing::Through { silent_until, .. }, .. }) => *silent_until,
            _ => None,
        };
        until.unwrap_or(call.began.instant + account::PATIENCE).saturating_duration_since(now.instant)
    }

    /// How long this INVITE waits for a sign of life. All places that a call may try through accounts share one time, so that
    /// the last begins in it however many there are: each takes half of what is left, the last but one all of it.
    fn patience(&self, now: Now, handle: CallHandle, invite: &Invite) -> Duration {
        let Some(call) = self.calls.get(&handle) else { return invite.patience };
        let Stage::Outgoing(Outgoing { placing: Placing::Through { account, named, .. }, .. }) = &call.stage else {
            return invite.patience;
        };
        let other = usize::from(!named && self.is_in_force(account.other()));
        let left = self.silence_left(now, handle);
        match self.places_behind(now, *account, invite.path) + other {
            0 => account::PATIENCE,
            1 => invite.patience.min(left.max(LEAST_PATIENCE)),
            _ => invite.patience.min((left / 2).max(LEAST_PATIENCE)),
        }
    }

    /// The way of a call through an account is dead, and nobody has heard of the call: it waits for another way of the same
    /// account, or takes the other account where none was named. False when there is nothing more to try.
    fn call_by_other_way(&mut self, now: Now, handle: CallHandle, why: &EndCause) -> bool {
        let Some(call) = self.calls.get(&handle) else { return false };
        let Stage::Outgoing(Outgoing { progress: Progress::Calling, placing, .. }) = &call.stage else { return false };
        let Placing::Through { account, .. } = placing else { return false };
        let (account, Some(way)) = (*account, call.path) else { return false };
        let Some(fault) = account::fault_of_way(why, way) else { return false };
        // A server that is busy is left only where there is another one: the registration is as good as it was.
        let is_busy = matches!(why, EndCause::Rejected(..));
        if !is_busy || self.has_other_way(account) {
            self.passage_failed(now, account, way, fault);
        }
        if let Some(call) = self.calls.get_mut(&handle)
            && let Stage::Outgoing(Outgoing { placing: Placing::Through { waits, silent_until, .. }, .. }) =
                &mut call.stage
        {
            self.sessions.remove(&call.session);
            if is_busy {
                *silent_until = Some(now.instant + account::PATIENCE);
            }
            *waits = Some(reason::of_end(why, CallDirection::Out, false));
        }
        self.place_waiting_call(now, handle)
    }

    /// Goes on with the calls for which another way has been found, or none is left.
    pub(super) fn place_waiting_calls(&mut self, now: Now) {
        let waiting = |call: &Call| {
            let handle = call.handle;
            let legs = call.legs().filter_map(|(session, placing)| Some((session, placing.waits()?)));
            legs.map(|(session, failure)| (handle, session, failure)).collect::<Vec<_>>()
        };
        for (handle, session, failure) in self.calls.values().flat_map(waiting).collect::<Vec<_>>() {
            self.bring_forward(handle, session);
            if !self.place_waiting_call(now, handle) {
                self.leg_failed(now, handle, failure);
            }
        }
    }

    /// False when no way is left.
    fn place_waiting_call(&mut self, now: Now, handle: CallHandle) -> bool {
        let Some(call) = self.calls.get(&handle) else { return false };
        let Stage::Outgoing(Outgoing { placing, .. }) = &call.stage else { return false };
        let Placing::Through { account, named, number, uri, .. } = placing else { return false };
        let (account, named, number, uri) = (*account, *named, number.clone(), uri.clone());
        let to = |through| uri.clone().unwrap_or_else(|| self.uri_through(through, &number));
        // The way that is dead is not tried again.
        let tried = call.path;
        let (other, left) = (account.other(), self.silence_left(now, handle));
        let has_other = !named && self.is_in_force(other);
        let passage = self.passage(account, &to(account)).filter(|passage| Some(passage.way) != tried);
        if let Some(passage) = passage.filter(|_| !has_other || !left.is_zero()) {
            self.go_on_through(now, handle, passage, number, uri);
            return true;
        }
        // Who has waited in vain for half of the time does not wait for a connection while the other account is there.
        let is_late = has_other && left <= account::PATIENCE / 2;
        if self.seeks_service(account) || !is_late && self.seeks_passage(account, named) {
            return true;
        }
        if named || !self.is_registered(other) {
            return false;
        }
        let Some(passage) = self.passage(other, &to(other)) else { return self.seeks_passage(other, true) };
        self.go_on_through(now, handle, passage, number, uri);
        true
    }

    fn go_on_through(&mut self, now: Now, handle: CallHandle, passage: Passage, number: String, uri: Option<Uri>) {
        let through = passage.account;
        let to = uri.unwrap_or_else(|| self.uri_through(through, &number));
        let remote = super::remote::called_through(&self.config, &to, &number);
        if let Some(call) = self.calls.get_mut(&handle) {
            (call.account, call.remote) = (Some(through), remote);
            if let Stage::Outgoing(Outgoing { placing: Placing::Through { account, named, waits, .. }, .. }) =
                &mut call.stage
            {
                // Nobody goes to and fro between two that are busy.
                *named |= *account != through;
                (*account, *waits) = (through, None);
            }
        }
        self.send_invite(now, handle, invite_through(passage, to));
        self.touch(handle);
    }

    /// The session of a call has ended by itself.
    pub(super) fn on_ended(&mut self, now: Now, handle: CallHandle, why: &EndCause) {
        if *why == EndCause::TransportError && self.call_by_tcp(now, handle) {
            return;
        }
        if self.call_by_other_way(now, handle, why) || self.call_other_target(now, handle, why) {
            return;
        }
        let Some(call) = self.calls.get(&handle) else { return };
        let why = reason::of_end(why, call.direction, call.talking().is_some());
        self.leg_failed(now, handle, why);
    }
}

/// To how many other addresses a called device may send a call on.
fn followed(config: &Config) -> u8 {
    if config.follow_redirects { FOLLOWED } else { 0 }
}

/// The INVITE for a call through an account, still without an offer and followed nowhere.
pub(super) fn invite_through(passage: Passage, to: Uri) -> Invite {
    Invite {
        path: passage.way,
        to,
        from: passage.from,
        contact: passage.contact,
        offer: None,
        headers: passage.routes.into_iter().map(|route| ("Route".to_owned(), route)).collect(),
        follow: 0,
        account: Some(account::key(passage.account)),
        patience: passage.patience,
    }
}

/// The INVITE for `callee` by this transport, still without an offer and followed nowhere. `local` is where we are reached.
/// None when the address makes no URI.
fn invite(callee: &Callee, local: SocketAddr, transport: Transport) -> Option<Invite> {
    let remote = SocketAddr::new(callee.address, callee.port);
    invite_to(Uri::parse(&callee.uri).ok()?, local, remote, transport, GIVE_UP)
}

/// The INVITE for `to`, sent to this address by this transport, still without an offer and followed nowhere.
pub(super) fn invite_to(
    to: Uri,
    local: SocketAddr,
    remote: SocketAddr,
    transport: Transport,
    patience: Duration,
) -> Option<Invite> {
    let path = Path { transport, local, remote, flow: None };
    let us = sip_uri(Some(OUR_NAME), &local.ip().to_string(), Some(local.port()));
    let by = if transport == Transport::Tcp { ";transport=tcp" } else { "" };
    Some(Invite {
        path,
        to,
        from: NameAddr::new(Uri::parse(&us).ok()?),
        contact: Uri::parse(&format!("{us}{by}")).ok()?,
        offer: None,
        headers: Vec::new(),
        follow: 0,
        account: None,
        patience,
    })
}

/// The URI with a port behind its host.
pub(super) fn with_port(uri: &str, host: &str, port: u16) -> String {
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let from = uri.rfind('@').map_or("sip:".len(), |at| at + 1);
    let (before, rest) = uri.split_at(from.min(uri.len()));
    match rest.strip_prefix(host.as_str()) {
        Some(after) => format!("{before}{host}:{port}{after}"),
        None => uri.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_port_goes_behind_the_host() {
        assert_eq!(
            with_port("sip:door@10.0.0.2;transport=tcp", "10.0.0.2", 5070),
            "sip:door@10.0.0.2:5070;transport=tcp"
        );
        assert_eq!(with_port("sip:[::1]", "::1", 5070), "sip:[::1]:5070");
        assert_eq!(with_port("sip:10.0.0.2?x=@", "10.0.0.2", 5070), "sip:10.0.0.2?x=@", "an odd URI stays as it is");
    }
}
