//! Accounts: registrations, probes, passwords, and connections that are kept for them.

use std::time::{Duration, Instant};

use super::Endpoint;
use crate::sip::digest::{AccountKey, Credentials};
use crate::sip::message::Uri;
use crate::sip::path::{FlowId, Path, Transmit, Transport};
use crate::sip::registration::probe::Probe;
use crate::sip::registration::{
    ProbeEvent, ProbeHandle, Register, Registration, RegistrationEvent, RegistrationHandle,
};
use crate::sip::session::timer::{RunningTimer, SessionTimer};
use crate::sip::session::{Context, SessionHandle};

impl Endpoint {
    /// Sets the name and password with which requests of this account answer challenges, or takes them away. The same again
    /// change nothing.
    pub fn set_credentials(&mut self, account: AccountKey, credentials: Option<Credentials>) {
        self.core.keyrings.set(account, credentials);
    }

    /// Sets the session timer that calls of this account wish for (RFC 4028), or none; that of the other end is kept in any
    /// case. Calls that are answered already keep theirs.
    pub fn set_session_timer(&mut self, account: AccountKey, timer: Option<SessionTimer>) {
        match timer {
            Some(timer) => self.core.timers.insert(account, timer),
            None => self.core.timers.remove(&account),
        };
    }

    /// The session timer of a session, where the two ends have agreed upon one.
    pub fn running_timer(&self, session: SessionHandle) -> Option<RunningTimer> {
        self.sessions.get(&session)?.timer()
    }

    /// True when the account's password was refused last: what a call's 401, 407 or 403 means.
    pub fn is_password_refused(&self, account: AccountKey) -> bool {
        self.core.keyrings.is_refused(account)
    }

    /// From here on the requests of this session go through the account: for a call that came in by it.
    pub fn assign(&mut self, session: SessionHandle, account: AccountKey) {
        if let Some(session) = self.sessions.get_mut(&session) {
            session.assign(account);
        }
    }

    /// Binds a contact at a registrar, and keeps it bound. The result comes by
    /// [`poll_registration`](Self::poll_registration).
    pub fn register(&mut self, now: Instant, order: Register) -> RegistrationHandle {
        let handle = RegistrationHandle(self.next_owner());
        let account = Some(order.account);
        let registration = Registration::start(&mut self.core.at(now, handle.0, account), order);
        self.registrations.insert(handle, registration);
        handle
    }

    /// Binds anew by another way, with another contact and other Route values; Call-ID and numbers go on. A request that was
    /// under way is given up.
    pub fn reroute(
        &mut self,
        now: Instant,
        registration: RegistrationHandle,
        way: Path,
        contact: Uri,
        route: Vec<String>,
    ) {
        self.with_registration(now, registration, |registration, cx| registration.reroute(cx, way, contact, route));
    }

    /// The same with a request that is sent once and not repeated, for a registrar that did not answer the last time.
    pub fn knock(
        &mut self,
        now: Instant,
        registration: RegistrationHandle,
        way: Path,
        contact: Uri,
        route: Vec<String>,
    ) {
        self.with_registration(now, registration, |registration, cx| registration.knock(cx, way, contact, route));
    }

    /// Binds anew, now: after a failure, or because the network has changed.
    pub fn refresh_now(&mut self, now: Instant, registration: RegistrationHandle) {
        self.with_registration(now, registration, Registration::refresh);
    }

    /// Takes the binding away. `Unregistered` comes when the registrar agrees, and a failure when it does not.
    pub fn unregister(&mut self, now: Instant, registration: RegistrationHandle) {
        self.with_registration(now, registration, Registration::unregister);
    }

    /// Asks the registrar whether we are bound, without binding anything: `Present` or `Missing`. While a request is under
    /// way nothing is asked, since that will tell as much.
    pub fn query(&mut self, now: Instant, registration: RegistrationHandle) {
        self.with_registration(now, registration, Registration::query);
    }

    /// Forgets a registration without a word to the registrar.
    pub fn forget(&mut self, now: Instant, registration: RegistrationHandle) {
        self.with_registration(now, registration, Registration::abandon);
        self.registrations.remove(&registration);
        self.core.registration_events.retain(|(handle, _)| *handle != registration);
    }

    /// Asks a registrar once whether it would have us, and binds nothing: `Present`, `Missing`, or what is wrong.
    pub fn ask_registrar(&mut self, now: Instant, order: Register) -> RegistrationHandle {
        let handle = RegistrationHandle(self.next_owner());
        let account = Some(order.account);
        let registration = Registration::ask(&mut self.core.at(now, handle.0, account), order);
        self.registrations.insert(handle, registration);
        handle
    }

    /// How many registrations there are, those included that are being taken away.
    pub fn registrations(&self) -> usize {
        self.registrations.len()
    }

    /// The next thing to tell of a registration.
    pub fn poll_registration(&mut self) -> Option<(RegistrationHandle, RegistrationEvent)> {
        self.core.registration_events.pop_front()
    }

    /// Asks by an OPTIONS outside a dialog whether anybody is there; any response is a yes, a challenge too, which is not
    /// answered. Through an account it carries the answers to challenges that are known. The result comes by
    /// [`poll_probe`](Self::poll_probe).
    pub fn probe(
        &mut self,
        now: Instant,
        way: Path,
        uri: Uri,
        account: Option<AccountKey>,
        patience: Duration,
    ) -> ProbeHandle {
        let handle = ProbeHandle(self.next_owner());
        let probe = Probe::start(&mut self.core.at(now, handle.0, account), way, uri, patience);
        self.probes.insert(handle, probe);
        handle
    }

    /// The next thing to tell of a probe; after it the probe is forgotten.
    pub fn poll_probe(&mut self) -> Option<(ProbeHandle, ProbeEvent)> {
        self.core.probe_events.pop_front()
    }

    /// Pings a connection like those of calls, so that a dead one is found (RFC 5626 4.4.1), or stops that. It ends with the
    /// connection.
    pub fn keep_flow(&mut self, flow: FlowId, keep: bool) {
        if keep {
            self.kept.insert(flow);
        } else {
            self.kept.remove(&flow);
        }
    }

    /// Sends a double CRLF in a datagram, so that whatever translates addresses on the way keeps the way open. Nothing by a
    /// stream: see [`keep_flow`](Self::keep_flow).
    pub fn ping(&mut self, way: Path) {
        if way.transport == Transport::Udp {
            self.core.out.push_back(Transmit { path: way, bytes: b"\r\n\r\n".to_vec() });
        }
    }

    /// How many requests are remembered because they may be challenged: none, when no transaction is left.
    #[cfg(test)]
    pub(in crate::sip) fn remembered(&self) -> usize {
        self.core.keyrings.remembered()
    }

    pub(super) fn with_registration(
        &mut self,
        now: Instant,
        handle: RegistrationHandle,
        act: impl FnOnce(&mut Registration, &mut Context<'_>),
    ) {
        if let Some(registration) = self.registrations.get_mut(&handle) {
            let account = Some(registration.account());
            act(registration, &mut self.core.at(now, handle.0, account));
        }
    }

    /// Lets a probe act, and forgets it when that says that it is over.
    pub(super) fn with_probe(
        &mut self,
        now: Instant,
        handle: ProbeHandle,
        act: impl FnOnce(&mut Probe, &mut Context<'_>) -> bool,
    ) {
        if let Some(probe) = self.probes.get_mut(&handle)
            && act(probe, &mut self.core.at(now, handle.0, None))
        {
            self.probes.remove(&handle);
        }
    }
}
