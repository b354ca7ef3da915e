//! Devices that are called by name and not through an account: the name is looked up (RFC 3263), and what it leads to is called
//! in its order, until something is heard.

use std::collections::VecDeque;
use std::net::SocketAddr;

use super::account::PATIENCE;
use super::call::{Call, Outgoing, Progress, Stage};
use super::outgoing::{Placed, Placing, invite_to};
use super::remote::called_through;
use super::{Now, Output, Phone};
use crate::channel::{CallHandle, EndReason, Refusal};
use crate::dial::{DialTransport, SipUri};
use crate::sip::locate::{Answer, Destination, DnsFault, Families, LocateFault, Locator, Question, Target, Wish};
use crate::sip::{EndCause, GIVE_UP, Transport, Uri};

/// A name that is called.
#[derive(Debug)]
pub(super) struct Named {
    /// As it was dialled.
    uri: Uri,
    search: Search,
}

#[derive(Debug)]
enum Search {
    /// Name servers are asked.
    Finding(Box<Locator>),
    /// These have not been tried yet.
    Found(VecDeque<Target>),
}

impl Phone {
    /// A name; it is looked up once the call has begun.
    pub(super) fn place_by_name(&mut self, dialled: &SipUri) -> Result<Placed, Refusal> {
        self.may_call_directly()?;
        let uri = Uri::parse(&dialled.text).map_err(|_| Refusal::NoRoute(dialled.host.clone()))?;
        let number =
            dialled.user.as_ref().map_or_else(|| dialled.host.clone(), |user| format!("{user}@{}", dialled.host));
        let remote = called_through(&self.config, &uri, &number);
        // An address to which no route leads is passed over when it is tried.
        let locator = Locator::new(destination(dialled), Families { v4: true, v6: true });
        let named = Named { uri, search: Search::Finding(Box::new(locator)) };
        Ok(Placed { invite: None, remote, placing: Placing::Named(Box::new(named)) })
    }

    /// What has to be asked for the names that are called.
    pub(super) fn ask_for_named(&mut self) {
        for placing in self.calls.values_mut().flat_map(Call::placings_mut) {
            let Placing::Named(named) = placing else { continue };
            let Search::Finding(locator) = &mut named.search else { continue };
            while let Some(question) = locator.poll_question() {
                if self.accounts.ask(&question) {
                    self.outputs.push_back(Output::Resolve(question));
                }
            }
        }
    }

    /// What a name server says.
    pub(super) fn named_hear(&mut self, now: Now, question: &Question, answer: &Result<Answer, DnsFault>) {
        for placing in self.calls.values_mut().flat_map(Call::placings_mut) {
            if let Placing::Named(named) = placing
                && let Search::Finding(locator) = &mut named.search
            {
                locator.handle_answer(question, answer.clone(), &mut self.random);
            }
        }
        self.go_on_with_named(now);
    }

    /// Calls what has been found, or says that nothing was.
    pub(super) fn go_on_with_named(&mut self, now: Now) {
        let legs = |call: &Call| call.legs().map(|(session, _)| (call.handle, session)).collect::<Vec<_>>();
        for (handle, session) in self.calls.values().flat_map(legs).collect::<Vec<_>>() {
            self.bring_forward(handle, session);
            let Some(named) = self.named_mut(handle) else { continue };
            let Search::Finding(locator) = &named.search else { continue };
            match locator.outcome() {
                None => {}
                Some(Ok(located)) => {
                    // TLS needs the certificates of an account.
                    let targets = located.targets.into_iter().filter(|target| target.transport != Transport::Tls);
                    named.search = Search::Found(targets.collect());
                    if !self.call_next_target(now, handle) {
                        self.leg_failed(now, handle, EndReason::Unreachable);
                    }
                }
                Some(Err(fault)) => {
                    let why = reason(fault);
                    self.leg_failed(now, handle, why);
                }
            }
        }
    }

    /// A target was not there, and nothing was heard of it: the next one. False when there is none.
    pub(super) fn call_other_target(&mut self, now: Now, handle: CallHandle, why: &EndCause) -> bool {
        let is_unheard = self.calls.get(&handle).is_some_and(|call| {
            matches!(
                &call.stage,
                Stage::Outgoing(Outgoing { progress: Progress::Calling, placing: Placing::Named(_), .. })
            )
        });
        let goes_on = matches!(why, EndCause::TransportError | EndCause::TimedOut | EndCause::Rejected(503, _));
        is_unheard && goes_on && self.call_next_target(now, handle)
    }

    fn call_next_target(&mut self, now: Now, handle: CallHandle) -> bool {
        let port = self.direct_port();
        loop {
            let Some(Named { uri, search: Search::Found(targets) }) = self.named_mut(handle) else { return false };
            let Some(target) = targets.pop_front() else { return false };
            let (uri, patience) = (uri.clone(), if targets.is_empty() { GIVE_UP } else { PATIENCE });
            let Some(local) = self.routes.local_for(target.address.ip()) else { continue };
            let local = SocketAddr::new(local, port);
            if let Some(invite) = invite_to(uri, local, target.address, target.transport, patience) {
                self.send_invite(now, handle, invite);
                self.touch(handle);
                return true;
            }
        }
    }

    fn named_mut(&mut self, handle: CallHandle) -> Option<&mut Named> {
        match &mut self.calls.get_mut(&handle)?.stage {
            Stage::Outgoing(Outgoing { placing: Placing::Named(named), .. }) => Some(named),
            _ => None,
        }
    }
}

/// Whom to look for (RFC 3263 4.1: a transport or a port that is dialled is the one that is taken).
fn destination(dialled: &SipUri) -> Destination {
    let wish = match (dialled.transport, dialled.port) {
        (DialTransport::Either | DialTransport::Other, None) => Wish::Auto,
        (DialTransport::Udp, None) => Wish::Srv(Transport::Udp),
        (DialTransport::Tcp, None) => Wish::Srv(Transport::Tcp),
        (DialTransport::Either | DialTransport::Udp | DialTransport::Other, Some(_)) => Wish::Udp,
        (DialTransport::Tcp, Some(_)) => Wish::Tcp,
    };
    Destination { host: dialled.host.trim_end_matches('.').to_owned(), port: dialled.port, wish }
}

fn reason(fault: LocateFault) -> EndReason {
    match fault {
        LocateFault::NotFound | LocateFault::NotOffered => EndReason::HostNotFound,
        LocateFault::NoAnswer => EndReason::NoNameServer,
        LocateFault::NoRoute => EndReason::Unreachable,
    }
}
