//! We call: what was dialled becomes an INVITE; what comes back becomes ringing, early sound and picture, an answer, or
//! a reason in words.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::call::{Call, Media, Outgoing, Progress, Stage, Talking, first_wish};
use super::keys::Keys;
use super::remote::{called, sip_uri};
use super::unlock::Unlock;
use super::{Now, Phone, reason};
use crate::channel::{CallDirection, CallHandle, Done, EndReason, Refusal};
use crate::config::PhonebookEntry;
use crate::dial::{self, DialTarget, DialTransport};
use crate::sip::{Body, EndCause, GIVE_UP, Invite, NameAddr, Path, Transport, Uri};

/// The user part of our own address in direct calls.
const OUR_NAME: &str = "vestibule";

/// To how many other addresses a called device may send us on ("moved", "not here but there").
const FOLLOWED: u8 = 5;

/// A device to call.
#[derive(Clone, Debug)]
pub(super) struct Callee {
    user: Option<String>,
    address: IpAddr,
    port: u16,
    transport: DialTransport,
    /// The Request-URI.
    uri: String,
}

impl Phone {
    /// What typing `text` and pressing Call does.
    pub(super) fn dial(&mut self, now: Now, text: &str) -> Result<Done, Refusal> {
        let callee = match dial::parse(text) {
            Ok(target) => self.callee(target)?,
            // A contact's name need not be something that can be dialled.
            Err(error) => match self.named(text) {
                Some(number) => self.callee(dial::parse(&number)?)?,
                None => return Err(error.into()),
            },
        };
        self.call(now, callee)
    }

    fn callee(&self, target: DialTarget) -> Result<Callee, Refusal> {
        let default_port = self.config.direct_ip_port;
        match target {
            DialTarget::Ip { address, port } => {
                let port = port.unwrap_or(default_port);
                let uri = sip_uri(None, &address.to_string(), Some(port));
                Ok(Callee { user: None, address, port, transport: DialTransport::Either, uri })
            }
            DialTarget::Uri(uri) => {
                let address = uri.address().ok_or_else(|| Refusal::NoRoute(uri.host.clone()))?;
                // The port that is dialled is the one that the URI shows, so the default is written into it.
                let port = uri.port.unwrap_or(default_port);
                let text = match uri.port {
                    None if port != 5060 => with_port(&uri.text, &uri.host, port),
                    _ => uri.text.clone(),
                };
                Ok(Callee { user: uri.user, address, port, transport: uri.transport, uri: text })
            }
            DialTarget::Number(number) => match self.named(&number) {
                Some(other) if other != number => match dial::parse(&other)? {
                    DialTarget::Number(_) => Err(Refusal::NoAccount),
                    target => self.callee(target),
                },
                _ => Err(Refusal::NoAccount),
            },
        }
    }

    /// The first number of the contact with this name.
    fn named(&self, name: &str) -> Option<String> {
        let is_it = |contact: &&PhonebookEntry| contact.name.to_lowercase() == name.trim().to_lowercase();
        self.config.contacts.iter().find(is_it).and_then(|contact| contact.numbers.first().cloned())
    }

    fn call(&mut self, now: Now, callee: Callee) -> Result<Done, Refusal> {
        if !self.config.direct_ip_enabled {
            return Err(Refusal::DirectIpOff);
        }
        if let Some(reason) = self.listening.error() {
            return Err(Refusal::NotListening { port: self.config.direct_ip_port, reason: reason.to_owned() });
        }
        let no_route = || Refusal::NoRoute(callee.address.to_string());
        let ports = self.free_ports().filter(|_| self.calls.len() < super::LINES && !self.is_leaving());
        let ports = ports.ok_or(Refusal::NoLine)?;
        let local = self.routes.local_for(callee.address).ok_or_else(no_route)?;
        let local = SocketAddr::new(local, self.config.direct_ip_port);
        let first = if callee.transport == DialTransport::Tcp { Transport::Tcp } else { Transport::Udp };
        let mut invite = invite(&callee, local, first).ok_or_else(no_route)?;
        let path = invite.path;
        // One conversation at a time: the one that is spoken in goes on hold.
        let active: Vec<_> = self.calls.values().filter(|call| call.is_active()).map(|call| call.handle).collect();
        for other in active {
            self.set_held(now, other, true);
        }
        let mut negotiation = self.negotiation(local.ip(), callee.address, ports);
        invite.offer = Some(Body::sdp(negotiation.create_offer(first_wish(&self.config))));
        let session = self.endpoint.invite(now.instant, invite);
        let handle = self.next_handle();
        let call = Call {
            handle,
            session,
            direction: CallDirection::Out,
            path,
            remote: called(&self.config, callee.user.as_deref(), callee.address, callee.port),
            began: now,
            stage: Stage::Outgoing(Outgoing {
                progress: Progress::Calling,
                sounds: false,
                until: now.instant + Duration::from_secs(self.config.max_dial_out_time_s.into()),
                by_tcp_instead: (callee.transport == DialTransport::Either).then(|| Box::new(callee)),
            }),
            media: Media::new(ports, negotiation),
            silent: false,
            camera: false,
            unlock: Unlock::default(),
            keys: Keys::default(),
        };
        self.sessions.insert(session, handle);
        self.calls.insert(handle, call);
        self.current = Some(handle);
        self.touch(handle);
        Ok(Done::Call(handle))
    }

    /// It rings there, perhaps with sound or picture already.
    pub(super) fn on_progress(&mut self, _now: Now, handle: CallHandle, status: u16, body: Option<Body>) {
        let Some(call) = self.calls.get_mut(&handle) else { return };
        let Stage::Outgoing(outgoing) = &mut call.stage else { return };
        // Who answers by UDP needs no other way.
        outgoing.by_tcp_instead = None;
        // A description that makes no sense this early is none; the answer will have to.
        let early = body.and_then(|body| call.media.negotiation.handle_answer(&body.bytes).ok());
        match early {
            Some(streams) => {
                outgoing.progress = Progress::Early;
                call.media.streams = Some(streams);
            }
            None if status >= 180 && outgoing.progress == Progress::Calling => outgoing.progress = Progress::Ringing,
            None => {}
        }
        self.touch(handle);
        self.sync_media(handle);
    }

    /// They answered.
    pub(super) fn on_answered(&mut self, now: Now, handle: CallHandle, body: Option<Body>) {
        let Some(call) = self.calls.get_mut(&handle) else { return };
        match body.map(|body| call.media.negotiation.handle_answer(&body.bytes)) {
            Some(Ok(streams)) => call.media.streams = Some(streams),
            // An answer in the 183 needs no repetition in the 200.
            None | Some(Err(_)) if call.media.streams.is_some() => {}
            None | Some(Err(_)) => return self.end_call(now, handle, EndReason::NoCommonCodec, 0),
        }
        let wish = call.wish(&self.config);
        call.stage = Stage::Talking(Talking::new(&self.config, now, wish));
        self.touch(handle);
        self.sync_media(handle);
    }

    /// Nobody answered for too long.
    pub(super) fn give_up(&mut self, now: Now, handle: CallHandle) {
        let nothing_came = self
            .calls
            .get(&handle)
            .is_some_and(|call| matches!(call.stage, Stage::Outgoing(Outgoing { progress: Progress::Calling, .. })));
        let why = if nothing_came { EndReason::NoResponse } else { EndReason::NoAnswer };
        self.end_call(now, handle, why, 0);
    }

    /// UDP is refused where nothing was said about the transport: a device may listen for TCP alone. The call goes on in
    /// another session; false when there is nothing more to try.
    fn call_by_tcp(&mut self, now: Now, handle: CallHandle) -> bool {
        let Some(call) = self.calls.get_mut(&handle) else { return false };
        let Stage::Outgoing(outgoing) = &mut call.stage else { return false };
        let instead = outgoing.by_tcp_instead.take();
        let Some(mut invite) = instead.and_then(|callee| invite(&callee, call.path.local, Transport::Tcp)) else {
            return false;
        };
        invite.offer = Some(Body::sdp(call.media.negotiation.create_offer(first_wish(&self.config))));
        call.path = invite.path;
        self.sessions.remove(&call.session);
        call.session = self.endpoint.invite(now.instant, invite);
        self.sessions.insert(call.session, handle);
        true
    }

    /// The session of a call has ended by itself.
    pub(super) fn on_ended(&mut self, now: Now, handle: CallHandle, why: &EndCause) {
        if *why == EndCause::TransportError && self.call_by_tcp(now, handle) {
            return;
        }
        let Some(call) = self.calls.get(&handle) else { return };
        let why = reason::of_end(why, call.direction, call.talking().is_some());
        self.forget(now, handle, why);
    }
}

/// The INVITE for `callee` by this transport, still without an offer. `local` is where we are reached. None when the
/// address makes no URI.
fn invite(callee: &Callee, local: SocketAddr, transport: Transport) -> Option<Invite> {
    let remote = SocketAddr::new(callee.address, callee.port);
    let path = Path { transport, local, remote, flow: None };
    let us = sip_uri(Some(OUR_NAME), &local.ip().to_string(), Some(local.port()));
    let by = if transport == Transport::Tcp { ";transport=tcp" } else { "" };
    Some(Invite {
        path,
        to: Uri::parse(&callee.uri).ok()?,
        from: NameAddr::new(Uri::parse(&us).ok()?),
        contact: Uri::parse(&format!("{us}{by}")).ok()?,
        offer: None,
        headers: Vec::new(),
        follow: FOLLOWED,
        account: None,
        patience: GIVE_UP,
    })
}

/// The URI with a port behind its host.
fn with_port(uri: &str, host: &str, port: u16) -> String {
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let from = uri.rfind('@').map_or("sip:".len(), |at| at + 1);
    let (before, rest) = uri.split_at(from.min(uri.len()));
    match rest.strip_prefix(host.as_str()) {
        Some(after) => format!("{before}{host}:{port}{after}"),
        None => uri.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_port_goes_behind_the_host() {
        assert_eq!(
            with_port("sip:door@10.0.0.2;transport=tcp", "10.0.0.2", 5070),
            "sip:door@10.0.0.2:5070;transport=tcp"
        );
        assert_eq!(with_port("sip:[::1]", "::1", 5070), "sip:[::1]:5070");
        assert_eq!(with_port("sip:10.0.0.2?x=@", "10.0.0.2", 5070), "sip:10.0.0.2?x=@", "an odd URI stays as it is");
    }
}
