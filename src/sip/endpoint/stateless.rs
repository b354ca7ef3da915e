//! Answers to strangers: nothing is remembered, so nobody can fill our memory (RFC 3261 8.2.7).
//!
//! A repeated request gets the same answer, because the To tag is computed from the request.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::Endpoint;
use crate::sip::message::{Method, Reject, Request, Via};
use crate::sip::path::{Path, Transmit};
use crate::sip::session::context::describe_abilities;
use crate::sip::transaction::ReplyPath;

impl Endpoint {
    /// Refuses a request.
    pub(super) fn refuse(&mut self, path: Path, request: &Request, status: u16, headers: &[(&str, &str)]) {
        self.answer(path, request, status, None, |response| {
            for (name, value) in headers {
                response.push_header(name, value);
            }
        });
    }

    /// Answers an OPTIONS outside a dialog (11.2): what we can do is said whether a call would be taken now or not.
    pub(super) fn answer_options(&mut self, path: Path, request: &Request, status: u16) {
        self.answer(path, request, status, None, describe_abilities);
    }

    /// Answers a CANCEL, with the To tag that the response to its INVITE has (9.2).
    pub(super) fn accept_cancel(&mut self, path: Path, cancel: &Request, tag: Option<&str>) {
        self.answer(path, cancel, 200, tag, |_| {});
    }

    /// Answers what the parser refused, if that can be answered.
    pub(super) fn answer_reject(&mut self, path: Path, reject: &Reject) {
        let mut hasher = DefaultHasher::new();
        self.secret.hash(&mut hasher);
        reject.repeated().hash(&mut hasher);
        reject.top_via().and_then(Via::branch).hash(&mut hasher);
        let tag = format!("{:016x}", hasher.finish());
        if let Some(bytes) = reject.response(path.remote, &tag) {
            let transmit = match reject.top_via() {
                Some(via) => ReplyPath::of_via(path, via).transmit(bytes),
                None => Transmit { path, bytes },
            };
            self.core.out.push_back(transmit);
        }
    }

    fn answer(
        &mut self,
        path: Path,
        request: &Request,
        status: u16,
        tag: Option<&str>,
        add: impl FnOnce(&mut crate::sip::message::Response),
    ) {
        // An ACK is never answered.
        if *request.method() == Method::Ack {
            return;
        }
        let mut response = crate::sip::message::Response::answer(request, status);
        if request.to().tag().is_none() {
            match tag {
                Some(tag) => response.set_to_tag(tag),
                None => response.set_to_tag(&self.stateless_tag(request)),
            }
        }
        response.push_header("Server", &self.core.user_agent);
        add(&mut response);
        self.core.out.push_back(ReplyPath::of(path, request).transmit(response.to_bytes()));
    }

    fn stateless_tag(&self, request: &Request) -> String {
        let mut hasher = DefaultHasher::new();
        self.secret.hash(&mut hasher);
        request.call_id().hash(&mut hasher);
        request.from().tag().hash(&mut hasher);
        request.cseq().0.hash(&mut hasher);
        request.top_via().branch().hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }
}
