//! The ways out: the user has been told the end, the network has yet to agree.

use std::time::Instant;

use super::acceptance::{Acceptance, Patience};
use super::context::Context;
use super::uac::Calling;
use super::{State, bye, is_final, is_success};
use crate::sip::dialog::Dialog;
use crate::sip::message::{Method, Request, Response};
use crate::sip::path::{FlowId, Path};
use crate::sip::timing::{Deadline, GIVE_UP, TimerReason};
use crate::sip::transaction::{ClientKey, ServerKey};

/// How a session is being ended.
#[derive(Debug)]
pub enum Leaving {
    /// Our INVITE is given up, but nothing has been heard: the CANCEL waits for a provisional response (9.1).
    BeforeCancel {
        /// The INVITE.
        calling: Box<Calling>,
    },
    /// The CANCEL is out; a final response to the INVITE is due.
    Cancelling {
        /// The INVITE.
        calling: Box<Calling>,
        /// When we stop waiting for one (9.1).
        unanswered: Instant,
    },
    /// Our 2xx has no ACK yet, and no BYE may go before (15).
    BeforeBye {
        /// The dialog.
        dialog: Dialog,
        /// The 2xx.
        acceptance: Box<Acceptance>,
    },
    /// The BYE is out.
    Bye {
        /// The dialog.
        dialog: Dialog,
        /// The BYE's transaction.
        key: ClientKey,
    },
}

impl Leaving {
    /// Gives up an INVITE of ours.
    pub fn cancelling(cx: &mut Context<'_>, calling: Box<Calling>) -> Self {
        if !calling.heard() {
            return Leaving::BeforeCancel { calling };
        }
        calling.send_cancel(cx);
        Leaving::Cancelling { calling, unanswered: cx.now() + GIVE_UP }
    }

    /// Ends a dialog by BYE.
    pub fn bye(cx: &mut Context<'_>, mut dialog: Dialog) -> Self {
        let key = bye::send(cx, &mut dialog);
        Leaving::Bye { dialog, key }
    }

    /// Ends a dialog that another run of the program left behind, by the BYE that it has written down.
    pub fn of_the_dead(cx: &mut Context<'_>, bye: &Request, path: Path) -> Self {
        let dialog = Dialog::of_the_dead(bye, path);
        let key = cx.send(bye.with_number(bye.cseq().0), path);
        Leaving::Bye { dialog, key }
    }

    /// The way to the other end.
    pub fn path(&self) -> Path {
        match self {
            Leaving::BeforeCancel { calling } | Leaving::Cancelling { calling, .. } => calling.path(),
            Leaving::BeforeBye { dialog, .. } | Leaving::Bye { dialog, .. } => dialog.path(),
        }
    }

    /// True when the request is in a dialog of the session.
    pub fn owns(&self, request: &Request) -> bool {
        match self {
            Leaving::BeforeCancel { calling } | Leaving::Cancelling { calling, .. } => calling.owns(request),
            Leaving::BeforeBye { dialog, .. } | Leaving::Bye { dialog, .. } => dialog.owns(request),
        }
    }

    /// The dialog that is ending; none while there is none.
    pub fn dialog_mut(&mut self) -> Option<&mut Dialog> {
        match self {
            Leaving::BeforeCancel { .. } | Leaving::Cancelling { .. } => None,
            Leaving::BeforeBye { dialog, .. } | Leaving::Bye { dialog, .. } => Some(dialog),
        }
    }

    /// True when the request is one that nobody wants any more: whatever is not the BYE itself, or that of another branch.
    pub fn has_given_up(&self, request: &ClientKey) -> bool {
        !request.is(&Method::Bye)
    }

    /// The challenged BYE has gone again.
    pub fn handle_resent(&mut self, old: &ClientKey, request: &Request) {
        if let Leaving::Bye { key, .. } = self
            && key == old
        {
            *key = ClientKey::of_request(request);
        }
    }

    /// A response to the INVITE, the CANCEL or the BYE.
    pub fn handle_response(
        self: Box<Self>,
        cx: &mut Context<'_>,
        key: &ClientKey,
        response: &Response,
        path: Path,
    ) -> State {
        match *self {
            Leaving::BeforeCancel { mut calling } if key == calling.key() => {
                if !is_final(response) {
                    calling.note_heard(path);
                    return State::Leaving(Box::new(Leaving::cancelling(cx, calling)));
                }
                after_final(cx, key, response, path)
            }
            Leaving::Cancelling { calling, .. } if key == calling.key() && is_final(response) => {
                after_final(cx, key, response, path)
            }
            Leaving::Bye { key: bye, .. } if *key == bye && is_final(response) => State::Gone,
            Leaving::Bye { dialog, key: bye } if is_acceptance_in(&dialog, key, response) => {
                // Our re-INVITE was accepted while the BYE was on its way, which is all that is left to say.
                cx.acknowledge(key, &dialog, response.cseq().0, None);
                State::Leaving(Box::new(Leaving::Bye { dialog, key: bye }))
            }
            other => {
                if key.is(&Method::Invite) && is_success(response) {
                    // A 2xx of another branch, or one that crossed our BYE.
                    bye::refuse_acceptance(cx, key, response, path);
                }
                State::Leaving(Box::new(other))
            }
        }
    }

    /// A request of ours will have no response.
    pub fn handle_failure(self: Box<Self>, key: &ClientKey) -> State {
        let over = match &*self {
            Leaving::BeforeCancel { calling } | Leaving::Cancelling { calling, .. } => key == calling.key(),
            Leaving::BeforeBye { .. } => false,
            Leaving::Bye { key: bye, .. } => key == bye,
        };
        if over { State::Gone } else { State::Leaving(self) }
    }

    /// A request in the dialog that is ending.
    pub fn handle_request(self: Box<Self>, cx: &mut Context<'_>, key: &ServerKey, request: &Request) -> State {
        if *request.method() != Method::Bye {
            cx.answer(key, request, 481);
            return State::Leaving(self);
        }
        cx.answer(key, request, 200);
        match *self {
            // They were quicker, and have our 2xx.
            Leaving::BeforeBye { .. } => State::Gone,
            other => State::Leaving(Box::new(other)),
        }
    }

    /// The ACK of a 2xx.
    pub fn handle_ack(self: Box<Self>, cx: &mut Context<'_>, ack: &Request) -> State {
        match *self {
            Leaving::BeforeBye { dialog, acceptance } if acceptance.cseq == ack.cseq().0 => {
                State::Leaving(Box::new(Leaving::bye(cx, dialog)))
            }
            other => State::Leaving(Box::new(other)),
        }
    }

    /// A connection has gone.
    pub fn handle_flow_closed(&mut self, flow: FlowId) {
        match self {
            Leaving::BeforeCancel { calling } | Leaving::Cancelling { calling, .. } => {
                calling.handle_flow_closed(flow);
            }
            Leaving::BeforeBye { dialog, .. } | Leaving::Bye { dialog, .. } => dialog.handle_flow_closed(flow),
        }
    }

    /// Fires what is due.
    pub fn handle_timeout(self: Box<Self>, cx: &mut Context<'_>) -> State {
        match *self {
            Leaving::Cancelling { calling, unanswered } if cx.now() >= unanswered => {
                cx.transactions().abandon_invite(calling.key());
                State::Gone
            }
            Leaving::BeforeBye { dialog, mut acceptance } => match acceptance.handle_timeout(cx) {
                Patience::Waiting => State::Leaving(Box::new(Leaving::BeforeBye { dialog, acceptance })),
                Patience::Exhausted => State::Leaving(Box::new(Leaving::bye(cx, dialog))),
            },
            other => State::Leaving(Box::new(other)),
        }
    }

    /// The next deadline and why.
    pub fn poll_timeout(&self) -> Option<Deadline> {
        match self {
            Leaving::Cancelling { unanswered, .. } => Some((*unanswered, TimerReason::CancelUnanswered)),
            Leaving::BeforeBye { acceptance, .. } => acceptance.poll_timeout(),
            Leaving::BeforeCancel { .. } | Leaving::Bye { .. } => None,
        }
    }
}

/// True for a 2xx to an INVITE of ours in this very dialog.
fn is_acceptance_in(dialog: &Dialog, key: &ClientKey, response: &Response) -> bool {
    key.is(&Method::Invite) && is_success(response) && response.to().tag() == dialog.remote_tag()
}

/// The INVITE we gave up has its final response: a 2xx crossed our CANCEL and is ended by BYE (9.1, 15).
fn after_final(cx: &mut Context<'_>, invite: &ClientKey, response: &Response, path: Path) -> State {
    if !is_success(response) {
        return State::Gone;
    }
    match bye::refuse_acceptance(cx, invite, response, path) {
        Some((dialog, key)) => State::Leaving(Box::new(Leaving::Bye { dialog, key })),
        None => State::Gone,
    }
}
