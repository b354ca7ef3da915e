//! A call comes in: asked for admission, answered 183 with its picture or 180, taken, declined, or missed.

use std::time::Duration;

use super::admission::{Admission, decide};
use super::blocked::Refused;
use super::call::{Call, Incoming, Media, Remote, Stage, Talking, TheirOffer};
use super::keys::Keys;
use super::remote::{Caller, Sender};
use super::unlock::Unlock;
use super::visitors::Visitor;
use super::whitelist::Listed;
use super::{Now, Phone, reason};
use crate::channel::{CallDirection, CallHandle, CallQuality, CallResult, Done, EndReason, LogEntry, Refusal};
use crate::config::{Account, PhonebookEntry};
use crate::sdp::{Direction, Wish};
use crate::sip::{Body, IncomingCall, Path, Rejection, SessionHandle, Source};

/// A caller, as far as the settings know it.
pub(super) struct Screened {
    pub caller: Caller,
    pub contact: Option<PhonebookEntry>,
    /// It is nobody whom Prevent SIP Hacking lets in.
    pub is_kept_out: bool,
}

impl Phone {
    /// Who this is.
    pub(super) fn screen_caller(&self, account: Option<Account>, path: Path, request: &IncomingCall) -> Screened {
        let sender = match account {
            _ if self.accounts.is_from_server(path) => Sender::Server,
            Some(_) => Sender::Stray,
            None => Sender::Device,
        };
        let caller = Caller::new(path, request, sender);
        // Where number and source are matched, nobody else is taken for the contact.
        let listed = self.listed(account, path, request);
        let contact = match listed {
            Some(listed) => listed.contact().cloned(),
            None => caller.contact(&self.config),
        };
        Screened { caller, contact, is_kept_out: listed == Some(Listed::Not) }
    }

    /// Whether a line is free for one more call.
    pub(super) fn has_line(&self) -> bool {
        self.free_ports().is_some() && self.calls.len() < super::LINES && !self.is_leaving()
    }

    /// An INVITE that begins a call.
    pub(super) fn on_incoming(&mut self, now: Now, session: SessionHandle, path: Path, request: IncomingCall) {
        let account = self.accounts.owner(path);
        if let Some(account) = account {
            self.assign(session, account);
        }
        let Screened { caller, contact, is_kept_out } = self.screen_caller(account, path, &request);
        let remote = caller.remote(contact, request.from.display.as_deref());
        let allow = is_kept_out.then(|| self.to_allow(account, path, &request)).flatten();
        let origin = (path, account, request.call_id.clone(), allow);
        let refuse = |phone: &mut Self, rejection: Rejection, why: EndReason, remote: Remote| {
            phone.endpoint.reject(now.instant, session, rejection);
            if reason::in_log(why, CallDirection::In, false) == CallResult::Blocked {
                phone.log_kept_out(now, remote, why, origin);
            } else if phone.is_worth_a_line(now, path) {
                phone.log_refused(now, remote, account, why);
            }
        };
        let claim = || self.claim(now, account, path, &remote);
        let gives_way = if self.has_line() { None } else { self.giving_way(now, &claim()) };
        let has_line = gives_way.is_some() || self.has_line();
        let (silent, answer_after) =
            match decide(&self.config, account, remote.contact.as_ref(), is_kept_out, &caller.parties(), has_line) {
                Admission::Ring { silent, answer_after } => (silent, answer_after),
                Admission::Refuse { status, reason } => return refuse(self, status.into(), reason, remote),
            };
        let ports_of = |phone: &Self, other| phone.calls.get(&other).map(|call| call.media.ports);
        let Some(ports) = self.free_ports().or_else(|| ports_of(self, gives_way?)) else {
            return refuse(self, Rejection::from(486), EndReason::Missed, remote);
        };
        let negotiation = self.negotiation(path.local.ip(), path.remote.ip(), ports);
        let handle = self.next_handle();
        let mut call = Call {
            handle,
            session,
            direction: CallDirection::In,
            account,
            path: Some(path),
            remote,
            began: now,
            stage: Stage::Incoming(Incoming {
                offer: request.offer.map_or(TheirOffer::Missing, |offer| TheirOffer::Kept(offer.bytes)),
                until: now.instant + Duration::from_secs(self.config.max_dial_in_time_s.into()),
                answer_at: answer_after.map(|after| now.instant + after),
            }),
            group: None,
            media: Media::new(ports, negotiation),
            silent,
            muted: false,
            camera: false,
            unlock: Unlock::default(),
            keys: Keys::default(),
            visitor: Visitor::default(),
        };
        // Whether the offer can be used at all is known now, and the caller should know it now.
        let mut tried = call.media.negotiation.clone();
        let wish = call.wish(&self.config);
        let early = match offered(&call) {
            None => None,
            Some(offer) => match tried.handle_offer(offer, wish) {
                Ok((answer, streams)) => {
                    let seen = streams.video.as_ref().is_some_and(|video| video.direction.receives());
                    seen.then_some((answer, streams))
                }
                Err(error) => return refuse(self, reason::rejection(&error), EndReason::NoCommonCodec, call.remote),
            },
        };
        if let Some(other) = gives_way {
            self.give_way(now, other);
        }
        let at_once = answer_after == Some(Duration::ZERO);
        match early {
            _ if at_once => {}
            None if offered(&call).is_none() && request.offer_wanted => {
                let offer = tried.create_offer(wish);
                call.media.negotiation = tried;
                if let Stage::Incoming(incoming) = &mut call.stage {
                    incoming.offer = TheirOffer::Asked(offer.clone());
                }
                self.endpoint.ring(now.instant, session, Some(Body::sdp(offer)));
            }
            // The visitor is seen before the answer.
            Some((answer, streams)) => {
                self.endpoint.ring(now.instant, session, Some(Body::sdp(answer.clone())));
                call.media.negotiation = tried;
                call.media.streams = Some(streams);
                if let Stage::Incoming(incoming) = &mut call.stage {
                    incoming.offer = TheirOffer::Answered(answer);
                }
            }
            _ => self.endpoint.ring(now.instant, session, None),
        }
        self.admit(now, call, at_once);
    }

    /// More can be shown than when these calls came in: visitors who still ring unseen are seen from now on.
    pub(super) fn show_visitors(&mut self, now: Now) {
        let unseen = self.calls.values().filter(|call| offered(call).is_some());
        for handle in unseen.map(|call| call.handle).collect::<Vec<_>>() {
            let Some(call) = self.calls.get(&handle) else { continue };
            let (Some(path), ports) = (call.path, call.media.ports) else { continue };
            let mut negotiation = self.negotiation(path.local.ip(), path.remote.ip(), ports);
            let Some(call) = self.calls.get_mut(&handle) else { continue };
            let wish = call.wish(&self.config);
            call.media.negotiation = negotiation.clone();
            let Some(Ok((answer, streams))) = offered(call).map(|offer| negotiation.handle_offer(offer, wish)) else {
                continue;
            };
            let seen = streams.video.as_ref().is_some_and(|video| video.direction.receives());
            if !seen {
                continue;
            }
            self.endpoint.ring(now.instant, call.session, Some(Body::sdp(answer.clone())));
            call.media.negotiation = negotiation;
            call.media.streams = Some(streams);
            if let Stage::Incoming(incoming) = &mut call.stage {
                incoming.offer = TheirOffer::Answered(answer);
            }
            self.touch(handle);
            self.sync_media(handle);
        }
    }

    fn admit(&mut self, now: Now, call: Call, at_once: bool) {
        let handle = call.handle;
        self.sessions.insert(call.session, handle);
        self.calls.insert(handle, call);
        self.bring_up(handle);
        self.touch(handle);
        if at_once {
            self.answer_by_itself(now, handle);
        } else {
            self.sync_media(handle);
        }
    }

    /// Takes a ringing call; another call that is spoken in goes on hold.
    pub(super) fn answer(&mut self, now: Now, handle: CallHandle) -> Result<Done, Refusal> {
        let call = self.calls.get(&handle).ok_or(Refusal::NoCall)?;
        if !call.rings_here() {
            return Err(Refusal::WrongState(call.state()));
        }
        self.hold_others(now, handle);
        // What is still being dialled would be heard over the visitor.
        let dialled: Vec<CallHandle> = self
            .calls
            .values()
            .filter(|call| matches!(call.stage, Stage::Outgoing(_)))
            .map(|call| call.handle)
            .collect();
        for other in dialled {
            self.end_call(now, other, EndReason::Local, 0);
        }
        self.take(now, handle);
        Ok(Done::Ok)
    }

    /// Auto answer: not into the middle of another conversation.
    pub(super) fn answer_by_itself(&mut self, now: Now, handle: CallHandle) {
        let engaged = self.calls.values().any(|call| call.handle != handle && !call.rings_here());
        let camera = self.config.auto_answer_video && self.has_camera();
        let Some(call) = self.calls.get_mut(&handle) else { return };
        if let Stage::Incoming(incoming) = &mut call.stage {
            incoming.answer_at = None;
            if engaged {
                if call.media.streams.is_none() {
                    self.endpoint.ring(now.instant, call.session, None);
                }
                return;
            }
            call.camera = camera;
            self.take(now, handle);
        }
    }

    fn take(&mut self, now: Now, handle: CallHandle) {
        let config = self.config.clone();
        let Some(call) = self.calls.get_mut(&handle) else { return };
        let Stage::Incoming(incoming) = &call.stage else { return };
        let wish = call.wish(&config);
        let offer = incoming.offer.clone();
        let answer = match offer {
            TheirOffer::Answered(sent) | TheirOffer::Asked(sent) => sent,
            TheirOffer::Missing => call.media.negotiation.create_offer(wish),
            TheirOffer::Kept(offer) => match call.media.negotiation.handle_offer(&offer, wish) {
                Ok((answer, streams)) => {
                    call.media.streams = Some(streams);
                    answer
                }
                // It was usable when it came, with the same wish but for the camera.
                Err(error) => return self.end_call(now, handle, EndReason::NoCommonCodec, error.status()),
            },
        };
        self.endpoint.accept(now.instant, call.session, Body::sdp(answer));
        call.stage = Stage::Talking(Talking::new(&config, now, wish_of(call, wish)));
        call.silent = false;
        self.current = Some(handle);
        self.visitor_answered(handle);
        self.touch(handle);
        self.sync_media(handle);
        self.renegotiate(now, handle);
    }

    /// The ACK came; with it, the answer to a late offer of ours.
    pub(super) fn on_confirmed(&mut self, now: Now, handle: CallHandle, body: Option<Body>) {
        let Some(call) = self.calls.get_mut(&handle) else { return };
        let Some(body) = body.filter(|_| call.media.streams.is_none()) else {
            if call.media.streams.is_none() {
                self.end_call(now, handle, EndReason::NoCommonCodec, 0);
            }
            return;
        };
        match call.media.negotiation.handle_answer(&body.bytes) {
            Ok(streams) => {
                call.media.streams = Some(streams);
                self.touch(handle);
                self.sync_media(handle);
            }
            Err(_) => self.end_call(now, handle, EndReason::NoCommonCodec, 0),
        }
    }

    /// Refuses a ringing call.
    pub(super) fn decline(&mut self, now: Now, handle: CallHandle) -> Result<Done, Refusal> {
        let call = self.calls.get(&handle).ok_or(Refusal::NoCall)?;
        if !call.rings_here() {
            return Err(Refusal::WrongState(call.state()));
        }
        let status = self.config.return_code_when_refused.status();
        self.end_call(now, handle, EndReason::Declined, status);
        Ok(Done::Ok)
    }

    /// A call that was answered and not let in, in the call log.
    fn log_kept_out(
        &mut self,
        now: Now,
        remote: Remote,
        why: EndReason,
        (path, account, call_id, allow): (Path, Option<Account>, String, Option<String>),
    ) {
        let refused = Refused {
            source: Source::of(path.remote.ip()),
            number: account.map(|_| remote.uri.clone()),
            account,
            uri: remote.uri,
            name: remote.name,
            why,
            allow: allow.filter(|_| why == EndReason::MayNotCall),
            call_id: Some(call_id),
        };
        self.log_blocked(now, refused);
    }

    /// A call that never rang, in the call log.
    fn log_refused(&mut self, now: Now, remote: Remote, account: Option<Account>, why: EndReason) {
        let result = reason::in_log(why, CallDirection::In, false);
        let said = matches!(why, EndReason::NoCommonCodec).then_some(why);
        self.append_log(LogEntry {
            at: now.wall,
            outgoing: false,
            remote: remote.uri,
            name: remote.name,
            account: account.map_or(0, Account::number),
            result,
            why: said,
            duration: Duration::ZERO,
            unlocked: false,
            unseen: result == CallResult::Missed,
            attempts: 1,
            allow: None,
            picture: None,
            quality: CallQuality::default(),
        });
    }
}

fn offered(call: &Call) -> Option<&[u8]> {
    match &call.stage {
        Stage::Incoming(Incoming { offer: TheirOffer::Kept(offer), .. }) => Some(offer),
        _ => None,
    }
}

/// What the first answer really wished: an answer given in the 183 was given without the camera.
fn wish_of(call: &Call, now_wanted: Wish) -> Wish {
    match &call.stage {
        Stage::Incoming(Incoming { offer: TheirOffer::Answered(_) | TheirOffer::Asked(_), .. }) => {
            Wish { video: Direction::of(false, now_wanted.video.receives()), ..now_wanted }
        }
        _ => now_wanted,
    }
}
