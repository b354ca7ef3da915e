//! A call to several at once: a rule of the dial plan names up to five, all are called, the first to answer has it.
//!
//! ```text
//! leg:    waits for a way ─▶ calling ─▶ ringing ─┬▶ answered: has the call
//!               └───────────────┴──────────┴─────┴▶ failed: forgotten, its reason is kept if it says most
//!
//! group:  several legs ──a leg answers──▶ Talking with it; the others are told so (CANCEL with Reason, RFC 3326)
//!            │    └────all but one fail──▶ one leg: a call like any other, with its early sound
//!            └─End, or out of time──▶ all legs end        the last leg fails──▶ over, for the reason that says most
//! ```
//!
//! A leg owns its session, its way and what is agreed with it. The group, which is one call with one line and one set of RTP
//! ports, owns the choice. One leg at a time stands in front: its parts are those of the call, so that all that can happen to
//! a call of ours happens to it in the same words ([`super::outgoing`], [`super::named`]). Whichever leg something is about
//! is brought forward first; which one that is shows nowhere, because as long as there are several the call bears the name of
//! the group, and instead of the early sound of one of them there is a ringback tone.

use super::call::{Call, Outgoing, Progress, Remote, Stage};
use super::dialled::Plan;
use super::outgoing::{Placed, Placing};
use super::{Now, Phone, reason};
use crate::channel::{CallHandle, EndReason, Refusal};
use crate::config::Account;
use crate::sdp::{Negotiated, Negotiation};
use crate::sip::{Path, SessionHandle};

/// What a call to several is called.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct GroupName {
    /// On the screen and in the call log.
    pub name: String,
    /// What was dialled, and calls them all again.
    pub number: String,
    /// The account that the rule names.
    pub account: Option<Account>,
}

/// A call to several.
#[derive(Debug)]
pub(super) struct Group {
    pub called: GroupName,
    /// The legs behind the one in front; none once it is decided.
    behind: Vec<Leg>,
    /// Of the legs that came to nothing, the reason that says most.
    failure: Option<EndReason>,
}

/// What belongs to one leg, while another stands in front.
#[derive(Debug)]
struct Leg {
    session: SessionHandle,
    account: Option<Account>,
    path: Option<Path>,
    remote: Remote,
    progress: Progress,
    placing: Placing,
    negotiation: Negotiation,
    streams: Option<Negotiated>,
}

impl Leg {
    /// Changes places with the leg in front of a call that nobody has answered.
    fn swap(&mut self, call: &mut Call) {
        let Stage::Outgoing(Outgoing { progress, placing, .. }) = &mut call.stage else { return };
        std::mem::swap(&mut self.session, &mut call.session);
        std::mem::swap(&mut self.account, &mut call.account);
        std::mem::swap(&mut self.path, &mut call.path);
        std::mem::swap(&mut self.remote, &mut call.remote);
        std::mem::swap(&mut self.progress, progress);
        std::mem::swap(&mut self.placing, placing);
        std::mem::swap(&mut self.negotiation, &mut call.media.negotiation);
        std::mem::swap(&mut self.streams, &mut call.media.streams);
    }

    /// The port of ours that it goes by.
    fn port(&self) -> Option<u16> {
        self.path.map(|path| path.local.port())
    }
}

impl Call {
    fn behind(&self) -> &[Leg] {
        match self.group.as_deref() {
            Some(group) => &group.behind,
            None => &[],
        }
    }

    /// Whether several are being called, so that nothing is agreed with anybody yet.
    pub fn is_undecided(&self) -> bool {
        !self.behind().is_empty()
    }

    /// How many are being called, or spoken with.
    pub fn legs_left(&self) -> usize {
        1 + self.behind().len()
    }

    /// What a call to several is called, as long as nobody has answered.
    pub fn shown_as_group(&self) -> Option<&GroupName> {
        self.group.as_deref().map(|group| &group.called).filter(|_| matches!(self.stage, Stage::Outgoing(_)))
    }

    /// How far a call of ours has come: as far as the leg that has come farthest. Early sound is that of one alone.
    pub fn progress(&self, in_front: Progress) -> Progress {
        let behind = self.behind();
        if behind.is_empty() {
            return in_front;
        }
        let nothing_came = behind.iter().map(|leg| leg.progress).chain([in_front]).all(|it| it == Progress::Calling);
        if nothing_came { Progress::Calling } else { Progress::Ringing }
    }

    /// The sessions of all legs.
    pub fn sessions(&self) -> Vec<SessionHandle> {
        self.behind().iter().map(|leg| leg.session).chain([self.session]).collect()
    }

    /// The ports of ours that its legs go by.
    pub fn ports(&self) -> impl Iterator<Item = u16> {
        self.behind().iter().filter_map(Leg::port).chain(self.port())
    }

    /// The ports of ours that its legs go by which are direct calls.
    pub fn direct_ports(&self) -> impl Iterator<Item = u16> {
        let behind = self.behind().iter().filter(|leg| leg.account.is_none()).filter_map(Leg::port);
        behind.chain(self.port().filter(|_| self.account.is_none()))
    }

    /// Each leg of a call of ours that nobody has answered, and how it is placed.
    pub fn legs(&self) -> impl Iterator<Item = (SessionHandle, &Placing)> {
        let front = match &self.stage {
            Stage::Outgoing(outgoing) => Some((self.session, &outgoing.placing)),
            Stage::Incoming(_) | Stage::Talking(_) => None,
        };
        front.into_iter().chain(self.behind().iter().map(|leg| (leg.session, &leg.placing)))
    }

    /// How each leg of a call of ours that nobody has answered is placed.
    pub fn placings_mut(&mut self) -> impl Iterator<Item = &mut Placing> {
        let front = match &mut self.stage {
            Stage::Outgoing(outgoing) => Some(&mut outgoing.placing),
            Stage::Incoming(_) | Stage::Talking(_) => None,
        };
        let behind = self.group.as_deref_mut().map(|group| group.behind.iter_mut()).into_iter().flatten();
        front.into_iter().chain(behind.map(|leg| &mut leg.placing))
    }

    /// Of this reason, and those for which other legs came to nothing, the one that says most.
    pub fn best_failure(&self, why: EndReason) -> EndReason {
        let before = self.group.as_deref().and_then(|group| group.failure);
        before.map_or(why, |before| reason::that_says_more(before, why))
    }

    /// The leg in front came to nothing: another one takes its place. None when there is no other.
    fn replace_front(&mut self, why: EndReason) -> Option<Leg> {
        let best = self.best_failure(why);
        let group = self.group.as_deref_mut()?;
        let mut leg = group.behind.pop()?;
        group.failure = Some(best);
        leg.swap(self);
        Some(leg)
    }
}

impl Phone {
    /// Calls all of them. Those that cannot be called at all are left out.
    ///
    /// # Errors
    /// When none of them can be called: why the first cannot.
    pub(super) fn begin_group(
        &mut self,
        now: Now,
        called: GroupName,
        plans: Vec<Result<Plan, Refusal>>,
    ) -> Result<CallHandle, Refusal> {
        let tried: Vec<_> = plans.into_iter().map(|plan| plan.and_then(|plan| self.place(plan))).collect();
        let (placed, refused): (Vec<_>, Vec<_>) = tried.into_iter().partition(Result::is_ok);
        let mut placed = placed.into_iter().flatten();
        let Some(first) = placed.next() else {
            return Err(refused.into_iter().find_map(Result::err).unwrap_or(Refusal::NoCall));
        };
        let ports = self.line_for_call(now)?;
        let handle = self.begin_call(now, first, ports);
        if let Some(call) = self.calls.get_mut(&handle) {
            call.group = Some(Box::new(Group { called, behind: Vec::new(), failure: None }));
        }
        for placed in placed {
            self.add_leg(now, handle, placed);
        }
        Ok(handle)
    }

    fn add_leg(&mut self, now: Now, handle: CallHandle, placed: Placed) {
        let Placed { invite, remote, placing } = placed;
        let Some(ports) = self.calls.get(&handle).map(|call| call.media.ports) else { return };
        let session = self.endpoint.reserve();
        let negotiation = self.negotiation(super::outgoing::NOWHERE, super::outgoing::NOWHERE, ports);
        let (account, progress) = (placing.account(), Progress::Calling);
        let leg = Leg { session, account, path: None, remote, progress, placing, negotiation, streams: None };
        if let Some(group) = self.calls.get_mut(&handle).and_then(|call| call.group.as_deref_mut()) {
            group.behind.push(leg);
        }
        self.bring_forward(handle, session);
        if let Some(invite) = invite {
            self.send_invite(now, handle, invite);
        }
    }

    /// What follows is about the leg with this session: it takes the place in front.
    pub(super) fn bring_forward(&mut self, handle: CallHandle, session: SessionHandle) {
        let Some(call) = self.calls.get_mut(&handle) else { return };
        let Some(group) = call.group.as_deref_mut() else { return };
        let Some(at) = group.behind.iter().position(|leg| leg.session == session) else { return };
        let mut leg = group.behind.swap_remove(at);
        leg.swap(call);
        if let Some(group) = call.group.as_deref_mut() {
            group.behind.push(leg);
        }
    }

    /// Somebody has answered: the others are told so, and fall silent.
    pub(super) fn others_yield(&mut self, now: Now, handle: CallHandle) {
        let group = self.calls.get_mut(&handle).and_then(|call| call.group.as_deref_mut());
        for leg in group.map(|group| std::mem::take(&mut group.behind)).unwrap_or_default() {
            self.sessions.remove(&leg.session);
            self.endpoint.yield_to_another(now.instant, leg.session);
            self.release_leg(now, &leg);
        }
    }

    /// The leg in front came to nothing. The call is over, unless it has others.
    pub(super) fn leg_failed(&mut self, now: Now, handle: CallHandle, why: EndReason) {
        let Some(call) = self.calls.get_mut(&handle) else { return };
        if !matches!(call.stage, Stage::Outgoing(_)) {
            return self.forget(now, handle, why);
        }
        match call.replace_front(why) {
            Some(leg) => {
                self.sessions.remove(&leg.session);
                self.release_leg(now, &leg);
                self.touch(handle);
                // Once only one is left, it is heard.
                self.sync_media(handle);
            }
            None => {
                let why = call.best_failure(why);
                self.forget(now, handle, why);
            }
        }
    }

    fn release_leg(&mut self, now: Now, leg: &Leg) {
        if let (None, Some(port)) = (leg.account, leg.port()) {
            self.release_port(now, port);
        }
    }
}
