//! Everything in the phone that waits, and why.

use std::time::Instant;

use super::call::{Call, Change, Stage};
use super::{Now, Phone};
use crate::channel::{CallHandle, EndReason};

/// Why a call is looked at when a deadline has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Timer {
    /// Nobody answered our call.
    GiveUp,
    /// Nobody took the visitor's call.
    Missed,
    /// It is taken without a touch.
    AutoAnswer,
    /// The longest call time is over.
    TimeLimit,
    /// A collided re-INVITE is tried again.
    OfferAgain,
    /// What the Unlock key shows is over.
    Unlock,
    /// Nobody answered the INFO with a key.
    Key,
}

impl Phone {
    /// When [`Phone::handle_timeout`] is due at the latest.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if matches!(self.leaving, super::finish::Leaving::Done) {
            return None;
        }
        let calls = self.calls.values().flat_map(timers).map(|(at, _)| at);
        let sip = self.endpoint.poll_timeout().map(|(at, _)| at);
        let leaving = self.leaving_deadline(self.waits_for_disk());
        let accounts = self.accounts.poll_timeout();
        let own = [
            self.listening.retry_at(),
            self.former_ports_until(),
            self.dnd_timeout(),
            self.blocked.poll_timeout(),
            self.visitors.poll_timeout(),
            self.doors.poll_timeout(),
            self.sounding.busy_until,
            self.light_timeout(),
        ];
        calls.chain(sip).chain(accounts).chain(own.into_iter().flatten()).chain(leaving).min()
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Now) {
        self.endpoint.handle_timeout(now.instant);
        self.settle(now);
        self.tend_accounts(now);
        self.retry_port(now);
        self.leave_former_ports(now);
        self.tend_dnd(now);
        self.tend_blocked(now);
        self.tend_pictures(now);
        self.tend_doors(now);
        // Each firing moves or removes its own deadline, so this ends.
        while let Some((handle, timer)) = self.due(now) {
            self.fire(now, handle, timer);
        }
        self.settle(now);
    }

    fn due(&self, now: Now) -> Option<(CallHandle, Timer)> {
        let all = self.calls.values().flat_map(|call| timers(call).map(|(at, timer)| (at, call.handle, timer)));
        let (at, handle, timer) = all.min_by_key(|(at, _, _)| *at)?;
        (at <= now.instant).then_some((handle, timer))
    }

    fn fire(&mut self, now: Now, handle: CallHandle, timer: Timer) {
        match timer {
            Timer::GiveUp => self.give_up(now, handle),
            Timer::Missed => self.end_call(now, handle, EndReason::Missed, 480),
            Timer::AutoAnswer => self.answer_by_itself(now, handle),
            Timer::TimeLimit => self.end_call(now, handle, EndReason::TimeLimit, 0),
            Timer::OfferAgain => self.offer_change(now, handle),
            Timer::Unlock => self.on_unlock_due(now, handle),
            Timer::Key => self.give_up_key(now, handle),
        }
    }
}

/// What a call waits for.
fn timers(call: &Call) -> impl Iterator<Item = (Instant, Timer)> {
    let stage = match &call.stage {
        Stage::Outgoing(outgoing) => [Some((outgoing.until, Timer::GiveUp)), None],
        Stage::Incoming(incoming) => {
            [Some((incoming.until, Timer::Missed)), incoming.answer_at.map(|at| (at, Timer::AutoAnswer))]
        }
        Stage::Talking(talking) => {
            let again = match talking.change {
                Change::Again(at) => Some((at, Timer::OfferAgain)),
                Change::Settled(_) | Change::Asked(_) => None,
            };
            [talking.until.map(|at| (at, Timer::TimeLimit)), again]
        }
    };
    let unlock = call.unlock.deadline().map(|at| (at, Timer::Unlock));
    let key = call.keys.deadline().map(|at| (at, Timer::Key));
    stage.into_iter().flatten().chain(unlock).chain(key)
}
