//! Our own offers before a call is answered: by UPDATE in an early dialog (RFC 3311 5.1), with glare as for a re-INVITE.
//!
//! ```text
//!   wanted ── first offer answered for certain, UPDATE allowed ──▶ Ours ──2xx──▶ Settled
//!     ▲                                                            │ 491, Retry-After
//!     │ 405, 501: by re-INVITE, once the call is answered          ▼
//!     └──────────────────────────────────────────────────────── Retrying ──▶ Ours …
//! ```
//! What has not been offered when the call is answered is offered in the confirmed dialog.

use std::time::Instant;

use super::context::Context;
use super::description_of;
use super::established::{Means, Offers, Wanted};
use super::exchange::Exchange;
use super::reinvite::{MAX_ATTEMPTS, retry_wait, tell_result};
use super::uac::add_capabilities;
use crate::sip::dialog::Dialog;
use crate::sip::message::{Method, Request, Response};
use crate::sip::transaction::ClientKey;

/// Whether these values of Allow let us send UPDATE.
pub fn allow_update<'a>(mut allow: impl Iterator<Item = &'a str>) -> bool {
    allow.any(|method| method == Method::Update.as_str())
}

impl Exchange {
    /// True while an offer of ours is under way.
    pub fn is_offering(&self) -> bool {
        matches!(self, Exchange::Ours { .. } | Exchange::Retrying { .. })
    }

    /// True for the request that carries an offer of ours.
    pub fn is_ours(&self, request: &ClientKey) -> bool {
        matches!(self, Exchange::Ours { key, .. } if key == request)
    }

    /// Sends an offer of ours, when all others are answered.
    pub fn offer(&mut self, cx: &mut Context<'_>, dialog: &mut Dialog, mut wanted: Wanted) {
        let mut request = dialog.request(Method::Update);
        add_capabilities(&mut request, dialog.contact());
        request.set_body(&wanted.body.content_type, wanted.body.bytes.clone());
        let key = cx.send_in(dialog, request);
        wanted.attempt += 1;
        *self = Exchange::Ours { key, cseq: dialog.local_cseq(), wanted };
    }

    /// A response to our UPDATE. Gives the offer back when they know no UPDATE after all.
    pub fn handle_offer_response(
        &mut self,
        cx: &mut Context<'_>,
        dialog: &mut Dialog,
        response: &Response,
        made_call_id: bool,
    ) -> Option<Wanted> {
        if response.status() < 200 {
            return None;
        }
        let Exchange::Ours { wanted, .. } = std::mem::replace(self, Exchange::Settled) else {
            return None;
        };
        match response.status() {
            200..=299 => {
                dialog.refresh_target(response.contact().as_ref());
                tell_result(cx, Ok(description_of(response)));
            }
            405 | 501 => return Some(Wanted { by: Means::Reinvite, ..wanted }),
            status => match retry_wait(cx, response, made_call_id) {
                Some(wait) if wanted.attempt < MAX_ATTEMPTS => {
                    *self = Exchange::Retrying { at: cx.now() + wait, wanted };
                }
                _ => tell_result(cx, Err(status)),
            },
        }
        None
    }

    /// Our UPDATE will have no response: what it offered is not so.
    pub fn fail_offer(&mut self, cx: &mut Context<'_>, status: u16) {
        *self = Exchange::Settled;
        tell_result(cx, Err(status));
    }

    /// A challenged request, perhaps our UPDATE, has gone again.
    pub fn handle_resent(&mut self, old: &ClientKey, request: &Request) {
        if let Exchange::Ours { key, cseq, .. } = self
            && key == old
        {
            (*key, *cseq) = (ClientKey::of_request(request), request.cseq().0);
        }
    }

    /// Sends an offer again whose wait is over.
    pub fn retry_offer(&mut self, cx: &mut Context<'_>, dialog: &mut Dialog) {
        match std::mem::replace(self, Exchange::Settled) {
            Exchange::Retrying { at, wanted } if cx.now() >= at => self.offer(cx, dialog, wanted),
            other => *self = other,
        }
    }

    /// When an offer is sent again.
    pub fn retry_at(&self) -> Option<Instant> {
        match self {
            Exchange::Retrying { at, .. } => Some(*at),
            _ => None,
        }
    }

    /// Their offer, or a newer one of ours, comes first: one that waits describes what is no longer so.
    pub fn give_up_retry(&mut self, cx: &mut Context<'_>) {
        if let Exchange::Retrying { .. } = self {
            self.fail_offer(cx, 491);
        }
    }

    /// What we have offered and nobody has answered, to be offered elsewhere.
    pub fn take_offer(&mut self) -> Option<Wanted> {
        match std::mem::replace(self, Exchange::Settled) {
            Exchange::Ours { wanted, .. } | Exchange::Retrying { wanted, .. } => Some(Wanted { attempt: 0, ..wanted }),
            other => {
                *self = other;
                None
            }
        }
    }

    /// What it is in the confirmed dialog, when the answer to the call does not carry a description.
    pub fn into_offers(self, now: Instant) -> Offers {
        match self {
            Exchange::Theirs { key, request } => Offers::Theirs { key, request },
            Exchange::Ours { key, cseq, wanted } => Offers::ours(now, key, cseq, wanted),
            Exchange::Retrying { at, wanted } => Offers::Retrying { at, wanted },
            Exchange::Open(_) | Exchange::Settled | Exchange::DueInPrack { .. } => Offers::Settled,
        }
    }
}
