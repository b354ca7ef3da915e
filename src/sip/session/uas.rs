//! The called side until the final response (RFC 3261 13.3).

use std::time::Instant;

use super::acceptance::Acceptance;
use super::context::{Context, contact};
use super::established::Established;
use super::{Body, EndCause, IncomingCall, SessionEvent, State, body_of_request, cancel, info, update};
use crate::sip::dialog::Dialog;
use crate::sip::message::{Method, Request, Response};
use crate::sip::path::Path;
use crate::sip::timing::{Deadline, REPEAT_PROVISIONAL, TimerReason};
use crate::sip::transaction::ServerKey;

/// An INVITE of theirs without final response.
#[derive(Debug)]
pub struct Ringing {
    key: ServerKey,
    invite: Request,
    dialog: Dialog,
    local_tag: String,
    offered: bool,
    /// When the last provisional response is repeated; none before there is one.
    repeat: Option<Instant>,
}

impl Ringing {
    /// An INVITE came, in a new transaction: answers 100 and tells the user.
    pub fn start(cx: &mut Context<'_>, key: ServerKey, invite: Request, path: Path) -> Self {
        cx.answer(&key, &invite, 100);
        let local_tag = cx.token();
        let ours = contact(invite.uri().user_text().as_deref(), path);
        let dialog = Dialog::from_request(&invite, &local_tag, ours, path);
        let offer = body_of_request(&invite);
        let offered = offer.is_some();
        let request = Box::new(IncomingCall {
            request_uri: invite.uri().clone(),
            from: invite.from().clone(),
            to: invite.to().clone(),
            call_id: invite.call_id().to_owned(),
            contact: invite.contact().map(|contact| contact.uri.clone()),
            user_agent: invite.header("User-Agent").map(str::to_owned),
            offer,
        });
        let session = cx.handle();
        cx.tell(SessionEvent::Incoming { session, path, request });
        Ringing { key, invite, dialog, local_tag, offered, repeat: None }
    }

    /// The dialog our responses make.
    pub fn dialog(&self) -> &Dialog {
        &self.dialog
    }

    /// The dialog our responses make.
    pub fn dialog_mut(&mut self) -> &mut Dialog {
        &mut self.dialog
    }

    /// Sends 180, or 183 with early media.
    pub fn ring(&mut self, cx: &mut Context<'_>, body: Option<Body>) {
        let mut response = self.response(cx, if body.is_some() { 183 } else { 180 });
        if let Some(body) = body {
            response.set_body(&body.content_type, body.bytes);
        }
        cx.respond(&self.key, &response);
        self.repeat = Some(cx.now() + REPEAT_PROVISIONAL);
    }

    /// Sends 200.
    pub fn accept(self, cx: &mut Context<'_>, body: Body) -> Established {
        let mut response = self.response(cx, 200);
        response.set_body(&body.content_type, body.bytes);
        let acceptance = Acceptance::start(cx, self.key, response, !self.offered, true);
        Established::answered(self.dialog, acceptance)
    }

    /// Sends a refusal.
    pub fn refuse(&self, cx: &mut Context<'_>, code: u16) {
        let code = if (300..700).contains(&code) { code } else { 603 };
        let mut response = cx.response(&self.invite, code);
        response.set_to_tag(&self.local_tag);
        cx.respond(&self.key, &response);
    }

    /// Meets the INVITE with silence.
    pub fn ignore(&self, cx: &mut Context<'_>) {
        cx.ignore(&self.key);
    }

    /// A CANCEL came; its own 200 is on its way.
    pub fn handle_cancel(self: Box<Self>, cx: &mut Context<'_>, cancel: &Request) -> State {
        self.refuse(cx, 487);
        cx.tell_end(EndCause::Cancelled { completed_elsewhere: cancel::is_completed_elsewhere(cancel) });
        State::Gone
    }

    /// A request in the early dialog.
    pub fn handle_request(
        mut self: Box<Self>,
        cx: &mut Context<'_>,
        key: &ServerKey,
        request: &Request,
        path: Path,
    ) -> State {
        if self.dialog.handle_request(request).is_err() {
            cx.answer(key, request, 500);
            return State::Ringing(self);
        }
        self.dialog.learn_path(path);
        match request.method() {
            Method::Info => info::handle(cx, key, request),
            Method::Update => update::handle_early(cx, key, request, &mut self.dialog, 500),
            Method::Options => cx.answer_options(key, request),
            // The caller may end an early dialog by BYE instead of CANCEL (15).
            Method::Bye => {
                cx.answer(key, request, 200);
                self.refuse(cx, 487);
                cx.tell_end(EndCause::Cancelled { completed_elsewhere: false });
                return State::Gone;
            }
            // A second INVITE before the first has its answer (14.2).
            _ => cx.answer_later(key, request),
        }
        State::Ringing(self)
    }

    /// Repeats the provisional response when that is due.
    pub fn handle_timeout(&mut self, cx: &mut Context<'_>) {
        if self.repeat.is_some_and(|at| cx.now() >= at) {
            cx.repeat_provisional(&self.key);
            self.repeat = Some(cx.now() + REPEAT_PROVISIONAL);
        }
    }

    /// The next deadline and why.
    pub fn poll_timeout(&self) -> Option<Deadline> {
        self.repeat.map(|at| (at, TimerReason::RepeatProvisional))
    }

    /// A response that makes or confirms the dialog (12.1.1).
    fn response(&self, cx: &Context<'_>, status: u16) -> Response {
        let mut response = cx.response(&self.invite, status);
        response.set_to_tag(&self.local_tag);
        for route in self.invite.headers("Record-Route") {
            response.push_header("Record-Route", route);
        }
        cx.describe(&mut response, self.dialog.contact());
        response
    }
}
