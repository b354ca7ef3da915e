//! The calling side until the final response (RFC 3261 13.2): early dialogs, forks, the answer.

use super::context::Context;
use super::established::Established;
use super::leaving::Leaving;
use super::{Body, End, EndCause, SessionEvent, State, body_of_response, cancel, info, update};
use crate::sip::dialog::Dialog;
use crate::sip::message::{Method, NameAddr, Request, Response, Uri};
use crate::sip::path::{FlowId, Path};
use crate::sip::transaction::{ClientKey, Failure, ServerKey};

/// Most early dialogs of one INVITE; what forks further is heard only when it accepts.
const MAX_EARLY_DIALOGS: usize = 8;

/// How to call.
#[derive(Debug, Clone)]
pub struct Invite {
    /// The way the INVITE goes; `local` stands in its Via.
    pub path: Path,
    /// The request URI, and To.
    pub to: Uri,
    /// Who calls; a tag is added.
    pub from: NameAddr,
    /// Where we want requests in the dialog.
    pub contact: Uri,
    /// Our offer; without one the other end offers in its 2xx.
    pub offer: Option<Body>,
    /// Further header lines, name and value: a Route, an Alert-Info.
    pub headers: Vec<(String, String)>,
}

/// An INVITE of ours without final response.
#[derive(Debug)]
pub struct Calling {
    key: ClientKey,
    invite: Request,
    contact: Uri,
    path: Path,
    offered: bool,
    heard: bool,
    early: Vec<Dialog>,
}

impl Calling {
    /// Sends the INVITE.
    pub fn start(cx: &mut Context<'_>, order: Invite) -> Self {
        let call_id = format!("{}{}", cx.token(), cx.token());
        let mut from = order.from;
        from.set_tag(&cx.token());
        let to = NameAddr::new(order.to.clone());
        let first_cseq = cx.choose(1, 0xffff);
        let mut request = Request::new(Method::Invite, order.to, &from, &to, &call_id, first_cseq);
        for (name, value) in &order.headers {
            request.push_header(name, value);
        }
        add_capabilities(&mut request, &order.contact);
        if let Some(offer) = &order.offer {
            request.set_body(&offer.content_type, offer.bytes.clone());
        }
        cx.finish(&mut request, order.path);
        let key = cx.send_finished(request.clone(), order.path);
        Calling {
            key,
            invite: request,
            contact: order.contact,
            path: order.path,
            offered: order.offer.is_some(),
            heard: false,
            early: Vec::new(),
        }
    }

    /// True when the request is in one of the early dialogs.
    pub fn owns(&self, request: &Request) -> bool {
        self.early.iter().any(|dialog| dialog.owns(request))
    }

    /// The early dialog that spoke last.
    pub fn latest_dialog_mut(&mut self) -> Option<&mut Dialog> {
        self.early.last_mut()
    }

    /// The INVITE's transaction.
    pub fn key(&self) -> &ClientKey {
        &self.key
    }

    /// The INVITE as sent.
    pub fn invite(&self) -> &Request {
        &self.invite
    }

    /// The way of the INVITE.
    pub fn path(&self) -> Path {
        self.path
    }

    /// True when a provisional response has come, so that a CANCEL may go (9.1).
    pub fn heard(&self) -> bool {
        self.heard
    }

    /// Takes note of a provisional response.
    pub fn handle_provisional(&mut self, response: &Response, path: Path) {
        self.heard = true;
        self.path.flow = path.flow;
        if response.status() == 100 || response.to().tag().is_none() {
            return;
        }
        let tag = response.to().tag();
        if let Some(at) = self.early.iter().position(|dialog| dialog.remote_tag() == tag) {
            let mut dialog = self.early.remove(at);
            dialog.refresh_target(response.contact().as_ref());
            self.early.push(dialog);
        } else if self.early.len() < MAX_EARLY_DIALOGS {
            self.early.push(Dialog::from_response(&self.invite, response, self.contact.clone(), self.path));
        }
    }

    /// A response to the INVITE, or to an INFO in an early dialog.
    pub fn handle_response(
        mut self: Box<Self>,
        cx: &mut Context<'_>,
        key: &ClientKey,
        response: &Response,
        path: Path,
    ) -> State {
        let session = cx.handle();
        if *key != self.key {
            info::handle_response(cx, key, response);
            return State::Calling(self);
        }
        match response.status() {
            100 => {
                self.handle_provisional(response, path);
                State::Calling(self)
            }
            status @ 101..=199 => {
                self.handle_provisional(response, path);
                cx.tell(SessionEvent::Progress { session, status, body: body_of_response(response) });
                State::Calling(self)
            }
            200..=299 => {
                let dialog = self.confirm(response, path);
                let body = body_of_response(response);
                let cseq = self.invite.cseq().0;
                let owed = !self.offered && body.is_some();
                if !owed {
                    cx.acknowledge(&self.key, &dialog, cseq, None);
                }
                cx.tell(SessionEvent::Answered { session, body });
                State::Established(Box::new(Established::called(dialog, self.key, cseq, owed)))
            }
            status => {
                cx.tell_end(EndCause::Rejected(status, response.reason().to_owned()));
                State::Gone
            }
        }
    }

    /// The dialog of a 2xx: the early one with the route set computed anew (13.2.2.4), or a new one.
    pub fn confirm(&self, response: &Response, path: Path) -> Dialog {
        let way = Path { flow: path.flow, ..self.path };
        let mut dialog = Dialog::from_response(&self.invite, response, self.contact.clone(), way);
        if let Some(early) = self.early.iter().find(|early| early.remote_tag() == response.to().tag()) {
            dialog.continue_numbers(early);
        }
        dialog
    }

    /// The INVITE, or an INFO, will have no response.
    pub fn handle_failure(self: Box<Self>, cx: &mut Context<'_>, key: &ClientKey, failure: Failure) -> State {
        if *key != self.key {
            info::handle_failure(cx, key, failure);
            return State::Calling(self);
        }
        cx.tell_end(EndCause::of(failure));
        State::Gone
    }

    /// A request in an early dialog.
    pub fn handle_request(
        mut self: Box<Self>,
        cx: &mut Context<'_>,
        key: &ServerKey,
        request: &Request,
        path: Path,
    ) -> State {
        let Some(dialog) = self.early.iter_mut().find(|dialog| dialog.owns(request)) else {
            cx.answer(key, request, 481);
            return State::Calling(self);
        };
        if dialog.handle_request(request).is_err() {
            cx.answer(key, request, 500);
            return State::Calling(self);
        }
        dialog.learn_path(path);
        match request.method() {
            Method::Info => info::handle(cx, key, request),
            // Our offer has no answer yet (RFC 3311 5.2).
            Method::Update => update::handle_early(cx, key, request, dialog, 491),
            Method::Options => cx.answer_options(key, request),
            // The called side may not end an early dialog by BYE (15).
            _ => cx.answer(key, request, 481),
        }
        State::Calling(self)
    }

    /// A connection has gone.
    pub fn handle_flow_closed(&mut self, flow: FlowId) {
        if self.path.flow == Some(flow) {
            self.path.flow = None;
        }
        for dialog in &mut self.early {
            dialog.handle_flow_closed(flow);
        }
    }

    /// Gives up: CANCEL now, or as soon as anything has been heard (9.1).
    pub fn cancel(self: Box<Self>, cx: &mut Context<'_>, _end: End) -> State {
        State::Leaving(Box::new(Leaving::cancelling(cx, self)))
    }

    /// Sends the CANCEL.
    pub fn send_cancel(&self, cx: &mut Context<'_>) {
        cancel::send(cx, &self.invite, self.path);
    }
}

/// Adds what an INVITE of ours says about us.
pub fn add_capabilities(request: &mut Request, contact: &Uri) {
    request.push_header("Contact", &NameAddr::new(contact.clone()).to_string());
    request.push_header("Allow", super::context::ALLOW);
    if !super::context::SUPPORTED.is_empty() {
        request.push_header("Supported", &super::context::SUPPORTED.join(", "));
    }
}
