//! We call: what was dialled becomes an INVITE; what comes back becomes ringing, early sound and picture, an answer, or
//! a reason in words.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::account::{self, Passage};
use super::call::{Call, Media, Outgoing, Progress, Remote, Stage, Talking, first_wish};
use super::keys::Keys;
use super::named::Named;
use super::output::MediaPorts;
use super::remote::{called, sip_uri};
use super::unlock::Unlock;
use super::{Now, Phone, reason};
use crate::channel::{CallDirection, CallHandle, Done, EndReason, Refusal};
use crate::config::{Account, AccountChoice, Config, PhonebookEntry};
use crate::dial::{self, DialTarget, DialTransport, SipUri};
use crate::sip::{Body, EndCause, GIVE_UP, Invite, NameAddr, Path, Transport, Uri};

/// The user part of our own address in direct calls.
const OUR_NAME: &str = "vestibule";

/// The address of a call before there is a way for it.
const NOWHERE: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// To how many other addresses a called device may send a call on ("moved", "not here but there"), if that is followed.
const FOLLOWED: u8 = 5;

/// A device to call.
#[derive(Clone, Debug)]
pub(super) struct Callee {
    user: Option<String>,
    address: IpAddr,
    port: u16,
    transport: DialTransport,
    /// The Request-URI.
    uri: String,
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
        /// Somebody named it: no other one is taken.
        named: bool,
        /// What stands before the `@`.
        number: String,
        /// A whole URI, dialled as it is, instead of a number of the account.
        uri: Option<Uri>,
        /// No way is known now, and one is being looked for; if none is found, the call ends for this reason.
        waits: Option<EndReason>,
    },
}

/// What an entry of the dial pad comes to.
enum Plan {
    Direct(Callee),
    Named(SipUri),
    Through { account: Account, named: bool, number: String, uri: Option<Uri> },
}

impl Phone {
    /// What typing `text` and pressing Call does.
    pub(super) fn dial(&mut self, now: Now, text: &str, choice: AccountChoice) -> Result<Done, Refusal> {
        let plan = match dial::parse(text) {
            Ok(target) => self.plan(target, choice)?,
            // A contact's name need not be something that can be dialled.
            Err(error) => match self.contact_named(text) {
                Some((number, account)) => self.plan(dial::parse(&number)?, first_named(choice, account))?,
                None => return Err(error.into()),
            },
        };
        match plan {
            Plan::Direct(callee) => self.call(now, callee),
            Plan::Named(uri) => self.call_by_name(now, &uri),
            Plan::Through { account, named, number, uri } => self.call_through(now, account, named, number, uri),
        }
    }

    fn plan(&self, target: DialTarget, choice: AccountChoice) -> Result<Plan, Refusal> {
        let default_port = self.config.direct_ip_port;
        match target {
            DialTarget::Ip { address, port } => {
                let port = port.unwrap_or(default_port);
                let uri = sip_uri(None, &address.to_string(), Some(port));
                Ok(Plan::Direct(Callee { user: None, address, port, transport: DialTransport::Either, uri }))
            }
            DialTarget::Uri(uri) => {
                // The domain of an account is called through that account, and so is whatever is no address, where there is
                // an account.
                let at_home = self.account_at(&uri.host);
                if choice == AccountChoice::Auto && uri.address().is_none() && !self.has_account() {
                    uri.check_direct()?;
                    return Ok(Plan::Named(uri));
                }
                if choice != AccountChoice::Auto || at_home.is_some() || uri.address().is_none() {
                    let (account, named) = match (choice, at_home) {
                        (AccountChoice::Auto, Some(account)) => (account, true),
                        (choice, _) => self.choose_account(choice)?,
                    };
                    let number = uri.user.clone().unwrap_or_else(|| uri.host.clone());
                    let uri = Uri::parse(&uri.text).map_err(|_| Refusal::NoRoute(uri.host.clone()))?;
                    return Ok(Plan::Through { account, named, number, uri: Some(uri) });
                }
                uri.check_direct()?;
                let address = uri.address().ok_or_else(|| Refusal::NoRoute(uri.host.clone()))?;
                // The port that is dialled is the one that the URI shows, so the default is written into it.
                let port = uri.port.unwrap_or(default_port);
                let text = match uri.port {
                    None if port != 5060 => with_port(&uri.text, &uri.host, port),
                    _ => uri.text.clone(),
                };
                Ok(Plan::Direct(Callee { user: uri.user, address, port, transport: uri.transport, uri: text }))
            }
            DialTarget::Number(number) => match self.contact_named(&number) {
                Some((other, account)) if other != number => {
                    let choice = first_named(choice, account);
                    match dial::parse(&other)? {
                        DialTarget::Number(number) => self.plan_number(number, choice),
                        target => self.plan(target, choice),
                    }
                }
                _ => self.plan_number(number.clone(), first_named(choice, self.account_of_number(&number))),
            },
        }
    }

    fn plan_number(&self, number: String, choice: AccountChoice) -> Result<Plan, Refusal> {
        let (account, named) = self.choose_account(choice)?;
        Ok(Plan::Through { account, named, number, uri: None })
    }

    /// The first number of the contact with this name, and the account that it is called through.
    fn contact_named(&self, name: &str) -> Option<(String, AccountChoice)> {
        let is_it = |contact: &&PhonebookEntry| contact.name.to_lowercase() == name.trim().to_lowercase();
        let contact = self.config.contacts.iter().find(is_it)?;
        Some((contact.numbers.first()?.clone(), contact.account))
    }

    /// The account that the contact with this number is called through.
    fn account_of_number(&self, number: &str) -> AccountChoice {
        let has_it = |contact: &&PhonebookEntry| {
            contact.numbers.iter().any(|own| dial::parse(own) == Ok(DialTarget::Number(number.to_owned())))
        };
        self.config.contacts.iter().find(has_it).map(|contact| contact.account).unwrap_or_default()
    }

    fn call(&mut self, now: Now, callee: Callee) -> Result<Done, Refusal> {
        self.may_call_directly()?;
        let no_route = || Refusal::NoRoute(callee.address.to_string());
        let ports = self.line_for_call()?;
        let local = self.routes.local_for(callee.address).ok_or_else(no_route)?;
        let local = SocketAddr::new(local, self.config.direct_ip_port);
        let first = if callee.transport == DialTransport::Tcp { Transport::Tcp } else { Transport::Udp };
        let invite = invite(&callee, local, first).ok_or_else(no_route)?;
        let remote = called(&self.config, callee.user.as_deref(), callee.address, callee.port);
        let again = (callee.transport == DialTransport::Either).then(|| Box::new(callee));
        Ok(self.begin_call(now, Some(invite), remote, ports, Placing::Direct(again)))
    }

    /// Whether devices can be called without an account.
    pub(super) fn may_call_directly(&self) -> Result<(), Refusal> {
        if !self.config.direct_ip_enabled {
            return Err(Refusal::DirectIpOff);
        }
        match self.listening.error() {
            Some(reason) => Err(Refusal::NotListening { port: self.config.direct_ip_port, reason: reason.clone() }),
            None => Ok(()),
        }
    }

    /// Calls a number, or a URI, through an account.
    fn call_through(
        &mut self,
        now: Now,
        account: Account,
        named: bool,
        number: String,
        uri: Option<Uri>,
    ) -> Result<Done, Refusal> {
        let ports = self.line_for_call()?;
        let to = uri.clone().unwrap_or_else(|| self.uri_through(account, &number));
        let remote = super::remote::called_through(&self.config, &to, &number);
        let invite = self.passage(account).map(|passage| invite_through(passage, to));
        let waits = invite.is_none().then_some(EndReason::Unreachable);
        let placing = Placing::Through { account, named, number, uri, waits };
        Ok(self.begin_call(now, invite, remote, ports, placing))
    }

    /// RTP ports for one call more.
    pub(super) fn line_for_call(&self) -> Result<MediaPorts, Refusal> {
        let ports = self.free_ports().filter(|_| self.calls.len() < super::LINES && !self.is_leaving());
        ports.ok_or(Refusal::NoLine)
    }

    /// Places a call; without an INVITE it waits for a way.
    pub(super) fn begin_call(
        &mut self,
        now: Now,
        invite: Option<Invite>,
        remote: Remote,
        ports: MediaPorts,
        placing: Placing,
    ) -> Done {
        // One conversation at a time: the one that is spoken in goes on hold.
        let active: Vec<_> = self.calls.values().filter(|call| call.is_active()).map(|call| call.handle).collect();
        for other in active {
            self.set_held(now, other, true);
        }
        let (session, handle) = (self.endpoint.reserve(), self.next_handle());
        let negotiation = self.negotiation(NOWHERE, NOWHERE, ports);
        let account = match &placing {
            Placing::Direct(_) | Placing::Named(_) => None,
            Placing::Through { account, .. } => Some(*account),
        };
        let call = Call {
            handle,
            session,
            direction: CallDirection::Out,
            account,
            path: None,
            remote,
            began: now,
            stage: Stage::Outgoing(Outgoing {
                progress: Progress::Calling,
                sounds: false,
                until: now.instant + Duration::from_secs(self.config.max_dial_out_time_s.into()),
                placing,
            }),
            media: Media::new(ports, negotiation),
            silent: false,
            camera: false,
            unlock: Unlock::default(),
            keys: Keys::default(),
        };
        self.calls.insert(handle, call);
        if let Some(invite) = invite {
            self.send_invite(now, handle, invite);
        }
        self.current = Some(handle);
        self.touch(handle);
        Done::Call(handle)
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
            None | Some(Err(_)) => return self.end_call(now, handle, EndReason::NoCommonCodec, 0),
        }
        let wish = call.wish(&self.config);
        call.stage = Stage::Talking(Talking::new(&self.config, now, wish));
        self.touch(handle);
        self.sync_media(handle);
    }

    /// Nobody answered for too long.
    pub(super) fn give_up(&mut self, now: Now, handle: CallHandle) {
        let nothing_came = self
            .calls
            .get(&handle)
            .is_some_and(|call| matches!(call.stage, Stage::Outgoing(Outgoing { progress: Progress::Calling, .. })));
        let why = if nothing_came { EndReason::NoResponse } else { EndReason::NoAnswer };
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
        let Some(call) = self.calls.get_mut(&handle) else { return };
        call.media.negotiation = negotiation;
        call.path = Some(invite.path);
        self.sessions.remove(&call.session);
        call.session = self.endpoint.invite(now.instant, invite);
        self.sessions.insert(call.session, handle);
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
            && let Stage::Outgoing(Outgoing { placing: Placing::Through { waits, .. }, .. }) = &mut call.stage
        {
            self.sessions.remove(&call.session);
            *waits = Some(reason::of_end(why, CallDirection::Out, false));
        }
        self.place_waiting_call(now, handle)
    }

    /// Goes on with the calls for which another way has been found, or none is left.
    pub(super) fn place_waiting_calls(&mut self, now: Now) {
        let waiting = |call: &Call| match &call.stage {
            Stage::Outgoing(Outgoing { placing: Placing::Through { waits, .. }, .. }) => Some((call.handle, (*waits)?)),
            _ => None,
        };
        for (handle, failure) in self.calls.values().filter_map(waiting).collect::<Vec<_>>() {
            if !self.place_waiting_call(now, handle) {
                self.forget(now, handle, failure);
            }
        }
    }

    /// False when no way is left.
    fn place_waiting_call(&mut self, now: Now, handle: CallHandle) -> bool {
        let Some(call) = self.calls.get(&handle) else { return false };
        let Stage::Outgoing(Outgoing { placing, .. }) = &call.stage else { return false };
        let Placing::Through { account, named, number, uri, .. } = placing else { return false };
        let (account, named, number, uri) = (*account, *named, number.clone(), uri.clone());
        // The way that is dead is not tried again.
        let tried = call.path;
        if let Some(passage) = self.passage(account).filter(|passage| Some(passage.way) != tried) {
            self.go_on_through(now, handle, passage, number, uri);
            return true;
        }
        if self.seeks_passage(account, named) {
            return true;
        }
        let other = account.other();
        if named || !self.is_registered(other) {
            return false;
        }
        let Some(passage) = self.passage(other) else { return self.seeks_passage(other, true) };
        self.go_on_through(now, handle, passage, number, uri);
        true
    }

    fn go_on_through(&mut self, now: Now, handle: CallHandle, passage: Passage, number: String, uri: Option<Uri>) {
        let through = passage.account;
        let to = uri.unwrap_or_else(|| self.uri_through(through, &number));
        let remote = super::remote::called_through(&self.config, &to, &number);
        if let Some(call) = self.calls.get_mut(&handle) {
            (call.account, call.remote) = (Some(through), remote);
            if let Stage::Outgoing(Outgoing { placing: Placing::Through { account, waits, .. }, .. }) = &mut call.stage
            {
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
        self.forget(now, handle, why);
    }
}

/// The choice made for this call, else the one that stands in the address book.
fn first_named(choice: AccountChoice, contact: AccountChoice) -> AccountChoice {
    if choice == AccountChoice::Auto { contact } else { choice }
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
        patience: account::PATIENCE,
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
fn with_port(uri: &str, host: &str, port: u16) -> String {
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
