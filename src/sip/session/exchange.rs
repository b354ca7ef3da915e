//! Offers and answers before a session is confirmed (RFC 3261 13.2.1, RFC 3262 5, RFC 3311 5.2, RFC 6337 2).

use std::time::Instant;

use super::context::Context;
use super::established::Wanted;
use super::prack::Rack;
use super::{Body, Rejection, update};
use crate::sip::dialog::Dialog;
use crate::sip::message::Request;
use crate::sip::transaction::{ClientKey, ServerKey};

/// How far offer and answer have come in an early dialog.
#[derive(Debug)]
pub enum Exchange {
    /// The first offer has no answer that is sure to arrive, or has yet to be made.
    Open(Offerer),
    /// The first offer is answered for certain; a new one may come.
    Settled,
    /// Their offer in an UPDATE or a PRACK waits for our user's answer.
    Theirs {
        /// The request's transaction.
        key: ServerKey,
        /// The request.
        request: Box<Request>,
    },
    /// Their offer in a reliable provisional response waits for our user: the PRACK will carry the answer.
    DueInPrack {
        /// What the PRACK acknowledges.
        rack: Rack,
    },
    /// Our UPDATE has no final response.
    Ours {
        /// Its transaction.
        key: ClientKey,
        /// Its CSeq number.
        cseq: u32,
        /// What it offers, to be offered again after glare.
        wanted: Wanted,
    },
    /// Our offer met theirs and is sent again later.
    Retrying {
        /// When.
        at: Instant,
        /// What it offers.
        wanted: Wanted,
    },
}

/// Who made the first offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offerer {
    /// We: in the INVITE, or in a reliable provisional response.
    We,
    /// They: in the INVITE.
    They,
    /// Nobody yet: the INVITE had none.
    Nobody,
}

impl Exchange {
    /// The exchange of an INVITE that carries an offer or not.
    pub fn of_invite(offered: bool, by: Offerer) -> Self {
        Exchange::Open(if offered { by } else { Offerer::Nobody })
    }

    /// Gives our user's answer to an UPDATE or PRACK of theirs; false when none waits.
    pub fn answer(&mut self, cx: &mut Context<'_>, dialog: &mut Dialog, answer: &Result<Body, Rejection>) -> bool {
        match std::mem::replace(self, Exchange::Settled) {
            Exchange::Theirs { key, request } => {
                update::answer_offer(cx, dialog, &key, &request, answer);
                true
            }
            other => {
                *self = other;
                false
            }
        }
    }

    /// The early dialog is over: a request that waits for our user gets 487.
    pub fn abandon(&mut self, cx: &mut Context<'_>) {
        if let Exchange::Theirs { key, request } = std::mem::replace(self, Exchange::Settled) {
            cx.answer(&key, &request, 487);
        }
    }
}
