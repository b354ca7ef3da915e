//! OPTIONS outside a dialog: the user is asked what a call would get now, and that is the answer (RFC 3261 11.2). Nothing of
//! it is remembered here, so a repetition is asked again.

use super::Endpoint;
use crate::sip::message::Request;
use crate::sip::path::Path;
use crate::sip::session::IncomingCall;

/// Somebody asks whether a call would be taken, and what we can do.
#[derive(Debug, Clone)]
pub struct Question {
    /// How it came.
    pub path: Path,
    /// What a call would say of itself.
    pub call: Box<IncomingCall>,
    /// Somebody on the way has passed it on; else whoever sent it here asks for itself.
    pub is_passed_on: bool,
    request: Box<Request>,
}

impl Endpoint {
    /// The next OPTIONS that waits for its answer.
    pub fn poll_question(&mut self) -> Option<Question> {
        self.questions.pop_front()
    }

    /// Answers it with the status that a call would get: 200 when it would ring.
    pub fn answer_question(&mut self, question: &Question, status: u16) {
        self.answer_options(question.path, &question.request, status);
    }

    pub(super) fn ask(&mut self, path: Path, request: Request) {
        let call = Box::new(IncomingCall::of(&request, false));
        let is_passed_on = request.lower_vias().next().is_some();
        self.questions.push_back(Question { path, call, is_passed_on, request: Box::new(request) });
    }
}
