//! The codes that tell the servers of the accounts (`*78`, say): each is a call of its own, `sip:78@SERVER` through the
//! account, beside the calls of the resident: on no screen, on no line, in no log.
//!
//! ```text
//!                     ┌ not registered ─▶ failed ─ once more when it is ─┐
//!  switched ─SETTLE─▶ INVITE ─ refused, nothing by then ─▶ failed        │
//!     ▲               │ └ answered ─▶ done ─MOMENT─▶ BYE               │
//!     └ last state ───┘◀──────────────────────────────────────────────────┘
//! ```
//!
//! * Whoever switches back and forth within [`SETTLE`] has the last state called alone. A call that is out is brought to its
//!   end; then the state is called that is wanted by then, if it is another one.
//! * The call offers to hear and not to speak. After the answer it lasts [`MOMENT`], for servers that act while their
//!   announcement plays, then it is hung up; without an answer it is given up after [`UNANSWERED`].
//! * What no server has heard is called once more, when the account is registered (again). A restart forgets that: what was
//!   switched before it was called then, or failed in sight.
//! * Silent to reject, and back, is on all the while: nothing is called.

use std::time::{Duration, Instant};

use rand::RngExt;

use super::is_on;
use crate::channel::{CallDirection, CodeFault, DndServerState, DndServerView, EndReason, Event};
use crate::config::{Account, Config};
use crate::phone::account::fault_of_way;
use crate::phone::outgoing::invite_through;
use crate::phone::{MediaPorts, Now, Phone, reason};
use crate::sdp::{Capabilities, Direction, Local, Negotiation, Wish};
use crate::sip::{Body, End, EndCause, Path, Rejection, SessionEvent, SessionHandle};

/// As many such calls there can be at once: one for each account.
pub const CALLS: usize = 2;

/// So long a switch must have rested before it is told.
const SETTLE: Duration = Duration::from_millis(500);
/// How long an answered call lasts.
const MOMENT: Duration = Duration::from_secs(3);
/// How long an answer is waited for.
const UNANSWERED: Duration = Duration::from_secs(20);

/// What is being told to the servers of both accounts.
#[derive(Debug, Default)]
pub struct Codes {
    servers: [Server; CALLS],
    told: [DndServerView; CALLS],
}

#[derive(Debug, Default)]
struct Server {
    /// To be called then, or when the call that is out is over.
    wanted: Option<(Instant, Saying)>,
    /// The call that is out.
    call: Option<CodeCall>,
    /// To be called once the account is registered.
    repeat: Option<Saying>,
    /// What was called last.
    last: Option<(Saying, DndServerState)>,
}

/// What is called.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Saying {
    on: bool,
    code: String,
    /// It was called before.
    repeated: bool,
}

#[derive(Debug)]
struct CodeCall {
    session: SessionHandle,
    saying: Saying,
    way: Path,
    answered: bool,
    /// When it is hung up or given up.
    until: Instant,
}

impl Codes {
    /// How both stand.
    pub fn views(&self) -> [DndServerView; CALLS] {
        Account::ALL.map(|account| {
            let server = &self.servers[account.index()];
            let wanted = server.wanted.as_ref().map(|(_, saying)| (saying, DndServerState::Calling));
            let last = server.last.as_ref().map(|(saying, state)| (saying, *state));
            let view = wanted.or(last).map(|(Saying { on, code, .. }, state)| (*on, code.clone(), state));
            let (on, code, state) = view.unwrap_or_default();
            DndServerView { account: account.number(), on, code, state }
        })
    }

    /// When something is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let due = |server: &Server| match (&server.call, &server.wanted) {
            (Some(call), _) => Some(call.until),
            (None, wanted) => wanted.as_ref().map(|(at, _)| *at),
        };
        self.servers.iter().filter_map(due).min()
    }

    fn at(&mut self, account: Account) -> &mut Server {
        &mut self.servers[account.index()]
    }

    fn of_session(&self, session: SessionHandle) -> Option<Account> {
        let is_it =
            |account: &Account| self.servers[account.index()].call.as_ref().is_some_and(|call| call.session == session);
        Account::ALL.into_iter().find(is_it)
    }
}

impl Phone {
    /// The settings have changed: has do not disturb been switched for an account?
    pub(super) fn order_codes(&mut self, now: Now, before: &Config) {
        let config = self.config.clone();
        for account in Account::ALL {
            let server = self.dnd.codes.at(account);
            if !config.account(account).active {
                let call = std::mem::take(server).call;
                self.hang_up_code(now, call);
                continue;
            }
            let (was, on) = (is_on(before, Some(account)), is_on(&config, Some(account)));
            if was == on {
                continue;
            }
            (server.wanted, server.repeat) = (None, None);
            if server.call.as_ref().is_some_and(|call| call.saying.on == on) {
                continue;
            }
            let code = if on { &config.dnd_on_code } else { &config.dnd_off_code };
            if code.is_empty() {
                server.last = None;
            } else {
                server.wanted = Some((now.instant + SETTLE, Saying { on, code: code.clone(), repeated: false }));
            }
        }
    }

    /// Calls, hangs up and gives up what is due.
    pub(super) fn tend_codes(&mut self, now: Now) {
        for account in Account::ALL {
            let server = self.dnd.codes.at(account);
            if let Some(call) = server.call.take_if(|call| call.until <= now.instant) {
                let (saying, answered) = (call.saying.clone(), call.answered);
                self.hang_up_code(now, Some(call));
                if !answered {
                    let fault = CodeFault::Call { status: 0, why: EndReason::NoAnswer };
                    self.code_failed(account, saying, fault, false);
                }
            }
            let server = self.dnd.codes.at(account);
            let is_due = server.call.is_none();
            if let Some((_, saying)) = server.wanted.take_if(|(at, _)| is_due && *at <= now.instant) {
                self.call_code(now, account, saying);
            }
        }
    }

    /// Calls once more what no server has heard, when its account is registered; then tells what has changed.
    pub(in crate::phone) fn settle_codes(&mut self, now: Now) {
        for account in Account::ALL {
            let in_force = self.is_in_force(account);
            let server = self.dnd.codes.at(account);
            let is_free = in_force && server.call.is_none() && server.wanted.is_none();
            if let Some(saying) = server.repeat.take_if(|_| is_free) {
                self.call_code(now, account, Saying { repeated: true, ..saying });
            }
        }
        let views = self.dnd.codes.views();
        if views != self.dnd.codes.told {
            self.dnd.codes.told = views.clone();
            self.tell(Event::DndServers(views));
        }
    }

    /// Something happened in a session; true when it is one of these.
    pub(in crate::phone) fn on_code_event(&mut self, now: Now, event: &SessionEvent) -> bool {
        let Some(account) = self.dnd.codes.of_session(event.session()) else { return false };
        match event {
            SessionEvent::Answered { .. } => {
                let server = self.dnd.codes.at(account);
                if let Some(call) = &mut server.call {
                    (call.answered, call.until) = (true, now.instant + MOMENT);
                    let saying = call.saying.clone();
                    self.code_came_to(account, saying, DndServerState::Done);
                }
            }
            // There is nothing to talk about.
            SessionEvent::Offer { session, .. } => {
                self.endpoint.answer_offer(now.instant, *session, Err(Rejection::from(488)))
            }
            SessionEvent::Ended { why, .. } => {
                if let Some(call) = self.dnd.codes.at(account).call.take()
                    && !call.answered
                {
                    self.code_refused(now, account, call, why);
                }
            }
            _ => {}
        }
        true
    }

    /// Ends what is out; true when there was something.
    pub(in crate::phone) fn quit_codes(&mut self, now: Now) -> bool {
        let mut any = false;
        for account in Account::ALL {
            let call = std::mem::take(self.dnd.codes.at(account)).call;
            any |= call.is_some();
            self.hang_up_code(now, call);
        }
        any
    }

    fn call_code(&mut self, now: Now, account: Account, saying: Saying) {
        let to = self.uri_through(account, &saying.code);
        let passage = if self.is_in_force(account) { self.passage(account, &to) } else { None };
        let Some(passage) = passage else {
            return self.code_failed(account, saying, CodeFault::NotRegistered, true);
        };
        let Some(ports) = self.code_ports.get(account.index()).copied() else {
            return self.code_failed(account, saying, CodeFault::NoPort, false);
        };
        let way = passage.way;
        let mut invite = invite_through(passage, to);
        invite.offer = Some(self.offer_to_hear(way, ports));
        let session = self.endpoint.invite(now.instant, invite);
        let until = now.instant + UNANSWERED;
        self.dnd.codes.at(account).call =
            Some(CodeCall { session, saying: saying.clone(), way, answered: false, until });
        self.code_came_to(account, saying, DndServerState::Calling);
    }

    /// Sound alone, and only towards us.
    fn offer_to_hear(&mut self, way: Path, ports: MediaPorts) -> Body {
        let local = Local { address: way.local.ip(), audio_port: ports.audio, video_port: ports.video };
        let capabilities = Capabilities { audio: self.audio_codecs(), video: Vec::new() };
        let mut negotiation = Negotiation::new(self.random.random(), capabilities, local);
        Body::sdp(negotiation.create_offer(Wish { audio: Direction::RecvOnly, video: Direction::Inactive }))
    }

    /// The server did not take the call.
    fn code_refused(&mut self, now: Now, account: Account, call: CodeCall, why: &EndCause) {
        let status = if let EndCause::Rejected(status, _) = why { *status } else { 0 };
        let fault = CodeFault::Call { status, why: reason::of_end(why, CallDirection::Out, false) };
        let dead = fault_of_way(why, call.way).filter(|_| status == 0 || self.has_other_way(account));
        let again = dead.is_some();
        if let Some(fault) = dead {
            self.passage_failed(now, account, call.way, fault);
        }
        self.code_failed(account, call.saying, fault, again);
    }

    fn code_failed(&mut self, account: Account, saying: Saying, fault: CodeFault, unheard: bool) {
        let again = unheard && !saying.repeated;
        if again && saying.on == is_on(&self.config, Some(account)) {
            self.dnd.codes.at(account).repeat = Some(saying.clone());
        }
        self.code_came_to(account, saying, DndServerState::Failed { fault, again });
    }

    /// What came of a call, if it is about the state that is in force.
    fn code_came_to(&mut self, account: Account, saying: Saying, state: DndServerState) {
        if saying.on == is_on(&self.config, Some(account)) {
            self.dnd.codes.at(account).last = Some((saying, state));
        }
    }

    fn hang_up_code(&mut self, now: Now, call: Option<CodeCall>) {
        if let Some(call) = call {
            // Only for an INVITE of theirs is there a code.
            self.endpoint.end(now.instant, call.session, End { code: 480 });
        }
    }
}
