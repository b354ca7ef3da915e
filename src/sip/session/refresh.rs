//! Refreshing a confirmed session whose timer is ours to keep (RFC 4028 7.4, 10): UPDATE without a description, or a re-INVITE
//! of the user where the other end takes no UPDATE. Every change of the media refreshes as well.

use std::time::Duration;

use super::context::Context;
use super::established::{Established, Offers};
use super::reinvite::retry_wait;
use super::uac::add_capabilities;
use super::{EndCause, SessionEvent, State};
use crate::sip::message::{Method, Response};

/// The user's re-INVITE is asked for again after this long, if it came to nothing.
const REINVITED: Duration = Duration::from_secs(10);

impl Established {
    /// Refreshes when that is due. What is under way refreshes by itself, or is waited for.
    pub(super) fn refresh(&mut self, cx: &mut Context<'_>) {
        let Some(timer) = self.timer.as_mut().filter(|timer| timer.is_due(cx.now())) else { return };
        if !matches!(self.offers, Offers::Settled) || self.acceptance.is_some() {
            return timer.put_off(cx.now(), None);
        }
        if !self.takes_update {
            timer.put_off(cx.now(), Some(REINVITED));
            let session = cx.handle();
            return cx.tell(SessionEvent::RefreshDue { session });
        }
        let mut request = self.dialog.request(Method::Update);
        add_capabilities(&mut request, self.dialog.contact());
        timer.write(&mut request);
        timer.ask(cx.send_in(&self.dialog, request));
    }

    /// A response to the UPDATE that refreshes.
    pub(super) fn handle_refresh_response(mut self: Box<Self>, cx: &mut Context<'_>, response: &Response) -> State {
        let now = cx.now();
        let made_call_id = self.invite.is_some();
        let Some(timer) = &mut self.timer else { return State::Established(self) };
        match response.status() {
            100..=199 => {}
            200..=299 => {
                timer.refreshed(now, response);
                self.dialog.refresh_target(response.contact().as_ref());
            }
            // The other end knows no such session any more.
            status @ (408 | 481) => return self.lose(cx, EndCause::Rejected(status, response.reason().to_owned())),
            405 | 501 => {
                timer.put_off(now, Some(Duration::ZERO));
                self.takes_update = false;
                self.refresh(cx);
            }
            422 if timer.raise(response) => {
                timer.put_off(now, Some(Duration::ZERO));
                self.refresh(cx);
            }
            _ => timer.put_off(now, retry_wait(cx, response, made_call_id)),
        }
        State::Established(self)
    }
}
