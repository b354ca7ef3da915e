//! One early dialog of an INVITE of ours: a branch that has spoken and not yet answered (RFC 3261 13.2.2.1, RFC 3262 4).

use std::time::Instant;

use super::context::Context;
use super::established::Wanted;
use super::exchange::{Exchange, Offerer};
use super::prack::Rack;
use super::{Body, Rejection, description_of, early_offer, info, prack, update};
use crate::sip::dialog::Dialog;
use crate::sip::message::{Method, Request, Response};
use crate::sip::path::Path;
use crate::sip::transaction::{ClientKey, ServerKey};

/// Most PRACKs without an answer: a peer that counts on and on fills no memory of ours.
const MAX_PRACKS: usize = 4;

/// An early dialog, with its own tag, remote target, route set, numbers, and offer and answer.
#[derive(Debug)]
pub struct EarlyDialog {
    dialog: Dialog,
    exchange: Exchange,
    /// The number of the latest reliable provisional response; none before the first.
    latest: Option<u32>,
    /// The PRACKs that have no answer.
    pracks: Vec<Prack>,
    /// A PRACK that failed: it goes again when its response comes again.
    failed: Option<(Rack, Option<Body>)>,
    /// What this branch describes: its answer, or the preview of it.
    answer: Option<Body>,
    /// It takes UPDATE, as its latest response with an Allow says.
    takes_update: bool,
}

/// A PRACK of ours on its way.
#[derive(Debug)]
struct Prack {
    key: ClientKey,
    rack: Rack,
    answer: Option<Body>,
}

/// What a provisional response means to our user.
#[derive(Debug, PartialEq, Eq)]
pub enum News {
    /// Nothing: it came before, or before its time.
    Nothing,
    /// It rings or sounds there.
    Progress(Option<Body>),
    /// They offer, and the PRACK has to carry our answer.
    Offer(Body),
}

impl EarlyDialog {
    /// The dialog of the first provisional response of a branch.
    pub fn new(dialog: Dialog, offered: bool) -> Self {
        let exchange = Exchange::of_invite(offered, Offerer::We);
        let (latest, pracks, failed, answer) = (None, Vec::new(), None, None);
        EarlyDialog { dialog, exchange, latest, pracks, failed, answer, takes_update: false }
    }

    /// The dialog.
    pub fn dialog(&self) -> &Dialog {
        &self.dialog
    }

    /// The dialog.
    pub fn dialog_mut(&mut self) -> &mut Dialog {
        &mut self.dialog
    }

    /// True when it has described its media.
    pub fn has_answer(&self) -> bool {
        self.answer.is_some()
    }

    /// Its parts, for the dialog that it becomes: the dialog, the exchange and what it described.
    pub fn into_parts(self) -> (Dialog, Exchange, Option<Body>) {
        (self.dialog, self.exchange, self.answer)
    }

    /// A provisional response of this branch; a reliable one is acknowledged here, once and in order (RFC 3262 4).
    pub fn handle_provisional(&mut self, cx: &mut Context<'_>, response: &Response) -> News {
        if response.header("Allow").is_some() {
            self.takes_update = early_offer::allow_update(response.headers("Allow"));
        }
        let body = description_of(response);
        let Some(rseq) = prack::number(response) else {
            self.dialog.refresh_target(response.contact().as_ref());
            return match (&self.exchange, body) {
                (Exchange::Open(Offerer::We), Some(body)) => {
                    self.answer = Some(body.clone());
                    News::Progress(Some(body))
                }
                _ => News::Progress(None),
            };
        };
        if let Some((rack, answer)) = self.failed.take_if(|(rack, _)| rack.rseq == rseq) {
            self.acknowledge(cx, rack, answer.as_ref());
            return News::Nothing;
        }
        let in_order = self.latest.is_none_or(|latest| latest.checked_add(1) == Some(rseq));
        let is_busy = self.pracks.len() >= MAX_PRACKS || matches!(self.exchange, Exchange::DueInPrack { .. });
        if !in_order || is_busy {
            // A repetition has its PRACK; what comes too early, or too much at once, comes again.
            return News::Nothing;
        }
        self.latest = Some(rseq);
        self.dialog.refresh_target(response.contact().as_ref());
        let rack = Rack { rseq, cseq: response.cseq().0 };
        match (&self.exchange, body) {
            (Exchange::Open(Offerer::Nobody), Some(offer)) => {
                self.exchange = Exchange::DueInPrack { rack };
                News::Offer(offer)
            }
            (Exchange::Open(_), Some(answer)) => {
                self.exchange = Exchange::Settled;
                self.answer = Some(answer.clone());
                self.acknowledge(cx, rack, None);
                News::Progress(Some(answer))
            }
            _ => {
                self.acknowledge(cx, rack, None);
                News::Progress(None)
            }
        }
    }

    /// A request of the called side before its answer.
    pub fn handle_request(&mut self, cx: &mut Context<'_>, key: &ServerKey, request: Request, path: Path) {
        if self.dialog.handle_request(&request).is_err() {
            cx.answer(key, &request, 500);
            return;
        }
        self.dialog.learn_path(path);
        match request.method() {
            Method::Info => info::handle(cx, key, &request),
            Method::Update => update::handle_early(cx, key, request, &mut self.dialog, &mut self.exchange),
            Method::Options => cx.answer_options(key, &request),
            // Ours has no final response yet (14.2).
            Method::Invite => cx.answer(key, &request, 491),
            // The called side may not end an early dialog by BYE (15), and has nothing of ours to acknowledge.
            _ => cx.answer(key, &request, 481),
        }
    }

    /// Our user's answer to an offer of this branch; false when none waits.
    pub fn answer_offer(&mut self, cx: &mut Context<'_>, answer: &Result<Body, Rejection>) -> bool {
        if let Exchange::DueInPrack { rack } = self.exchange {
            self.exchange = Exchange::Settled;
            // An offer in a response cannot be refused: the PRACK goes, and the user ends the call (RFC 6337 5.1).
            self.acknowledge(cx, rack, answer.as_ref().ok());
            return true;
        }
        self.exchange.answer(cx, &mut self.dialog, answer)
    }

    /// A request of ours, perhaps a PRACK of this branch, has its answer, or will have none. One that was overtaken
    /// by a later request is refused (500), and the response that it is for comes again.
    pub fn finish_prack(&mut self, key: &ClientKey, accepted: bool) {
        let Some(at) = self.pracks.iter().position(|prack| prack.key == *key) else {
            return;
        };
        let Prack { rack, answer, .. } = self.pracks.swap_remove(at);
        if !accepted {
            self.failed = Some((rack, answer));
        }
    }

    /// A challenged request, perhaps a PRACK or an UPDATE of this branch, has gone again.
    pub fn handle_resent(&mut self, old: &ClientKey, request: &Request) {
        if let Some(prack) = self.pracks.iter_mut().find(|prack| prack.key == *old) {
            prack.key = ClientKey::of_request(request);
        }
        self.exchange.handle_resent(old, request);
    }

    /// How far offer and answer have come.
    pub fn exchange_mut(&mut self) -> &mut Exchange {
        &mut self.exchange
    }

    /// True for the request that carries an offer of ours in this branch.
    pub fn has_offered(&self, request: &ClientKey) -> bool {
        self.exchange.is_ours(request)
    }

    /// True while an offer of ours is under way.
    pub fn is_offering(&self) -> bool {
        self.exchange.is_offering()
    }

    /// True when a new offer of ours may go: the first is answered for certain, its PRACK has arrived, and they take UPDATE
    /// (RFC 3311 5.1).
    pub fn may_offer(&self) -> bool {
        let all_acknowledged = self.pracks.is_empty() && self.failed.is_none();
        self.takes_update && all_acknowledged && matches!(self.exchange, Exchange::Settled)
    }

    /// Offers by UPDATE; only if [`may_offer`](Self::may_offer).
    pub fn offer(&mut self, cx: &mut Context<'_>, wanted: Wanted) {
        self.exchange.offer(cx, &mut self.dialog, wanted);
    }

    /// A response to our UPDATE; gives the offer back when they know no UPDATE after all.
    pub fn handle_offer_response(&mut self, cx: &mut Context<'_>, response: &Response) -> Option<Wanted> {
        let refused = self.exchange.handle_offer_response(cx, &mut self.dialog, response, true);
        self.takes_update &= refused.is_none();
        refused
    }

    /// When an offer is sent again.
    pub fn retry_at(&self) -> Option<Instant> {
        self.exchange.retry_at()
    }

    /// Sends an offer again whose wait is over.
    pub fn retry_offer(&mut self, cx: &mut Context<'_>) {
        self.exchange.retry_offer(cx, &mut self.dialog);
    }

    fn acknowledge(&mut self, cx: &mut Context<'_>, rack: Rack, answer: Option<&Body>) {
        let key = prack::send(cx, &mut self.dialog, rack, answer);
        self.pracks.push(Prack { key, rack, answer: answer.cloned() });
    }

    /// The branch is over.
    pub fn abandon(&mut self, cx: &mut Context<'_>) {
        self.exchange.abandon(cx);
    }
}
