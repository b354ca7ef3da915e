//! A dialog: what two ends remember of each other between requests (RFC 3261 12).
//!
//! It makes the requests inside the dialog (route set with loose and strict routing, remote target, CSeq), judges the
//! ones that come, and says which way the next one goes. It knows nothing of calls.

use std::net::SocketAddr;

use crate::sip::message::{Host, Method, NameAddr, Request, Response, Uri, Via};
use crate::sip::path::{Path, Transport};

/// The port of a SIP URI that names none, by UDP and TCP.
const DEFAULT_PORT: u16 = 5060;
/// Longest route set that is kept; what lies beyond is a peer's mistake or malice.
const MAX_ROUTES: usize = 32;
/// How far ahead of the dialog's numbers the BYE is that is written down for another run of the program: what goes between is
/// not written down, and numbers may leave gaps (12.2.1.1).
const AHEAD: u32 = 1000;

/// One dialog, early or confirmed.
#[derive(Debug, Clone)]
pub struct Dialog {
    call_id: String,
    local: NameAddr,
    remote: NameAddr,
    local_cseq: u32,
    remote_cseq: Option<u32>,
    remote_target: Uri,
    routes: Vec<NameAddr>,
    contact: Uri,
    path: Path,
}

/// A request in the dialog is older than one that came before: answered 500 (RFC 3261 12.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutOfOrder;

impl Dialog {
    /// The dialog that a response to our INVITE makes (12.1.2). `contact` is what we put into the INVITE.
    pub fn from_response(invite: &Request, response: &Response, contact: Uri, path: Path) -> Self {
        let mut routes: Vec<NameAddr> = response.record_routes();
        routes.reverse();
        routes.truncate(MAX_ROUTES);
        Dialog {
            call_id: invite.call_id().to_owned(),
            local: invite.from().clone(),
            remote: response.to().clone(),
            local_cseq: invite.cseq().0,
            remote_cseq: None,
            // A peer that forgets its Contact is reached where it was reached first.
            remote_target: response.contact().map_or_else(|| invite.uri().clone(), |contact| contact.uri.clone()),
            routes,
            contact,
            path,
        }
    }

    /// The dialog that our response to their INVITE makes (12.1.1), with `local_tag` in it.
    pub fn from_request(invite: &Request, local_tag: &str, contact: Uri, path: Path) -> Self {
        let mut local = invite.to().clone();
        local.set_tag(local_tag);
        let mut routes: Vec<NameAddr> = invite.record_routes();
        routes.truncate(MAX_ROUTES);
        let remote = invite.from().clone();
        Dialog {
            call_id: invite.call_id().to_owned(),
            local,
            local_cseq: 0,
            remote_cseq: Some(invite.cseq().0),
            remote_target: invite.contact().map_or_else(|| remote.uri.clone(), |contact| contact.uri.clone()),
            remote,
            routes,
            contact,
            path,
        }
    }

    /// What is left of a dialog in the BYE that another run of the program has written down.
    pub fn of_the_dead(bye: &Request, path: Path) -> Self {
        Dialog {
            call_id: bye.call_id().to_owned(),
            local: bye.from().clone(),
            remote: bye.to().clone(),
            local_cseq: bye.cseq().0,
            remote_cseq: None,
            remote_target: bye.uri().clone(),
            routes: bye.routes(),
            contact: bye.from().uri.clone(),
            path,
        }
    }

    /// The BYE to be written down for another run of the program, and its way.
    pub fn farewell(&self) -> (Path, Vec<u8>) {
        let path = self.next_hop();
        let mut bye = self.build(Method::Bye, self.local_cseq.saturating_add(AHEAD));
        // Whoever sends it puts a branch of its own in this place.
        bye.push_via(Via::new(
            path.transport.via_name(),
            Host::from(path.local.ip()),
            Some(path.local.port()),
            "z9hG4bK",
        ));
        (path, bye.to_bytes())
    }

    /// Goes on with the numbers of the early dialog that this one confirms.
    pub fn continue_numbers(&mut self, early: &Dialog) {
        self.local_cseq = early.local_cseq;
        self.remote_cseq = early.remote_cseq;
    }

    /// Leaves out the numbers up to this one, which an early dialog may have used.
    pub fn continue_from(&mut self, number: u32) {
        self.local_cseq = self.local_cseq.max(number);
    }

    /// True when the request, from the other end, is in this dialog (12.2.2).
    pub fn owns(&self, request: &Request) -> bool {
        request.call_id() == self.call_id
            && request.to().tag() == self.local.tag()
            && request.from().tag() == self.remote.tag()
    }

    /// The tag of the other end; none for a peer of RFC 2543.
    pub fn remote_tag(&self) -> Option<&str> {
        self.remote.tag()
    }

    /// Our tag.
    pub fn local_tag(&self) -> Option<&str> {
        self.local.tag()
    }

    /// Our Contact.
    pub fn contact(&self) -> &Uri {
        &self.contact
    }

    /// Where the other end wants requests.
    pub fn remote_target(&self) -> &Uri {
        &self.remote_target
    }

    /// The number of the latest request of ours.
    pub fn local_cseq(&self) -> u32 {
        self.local_cseq
    }

    /// The number for a request of ours that goes again.
    pub fn next_number(&mut self) -> u32 {
        self.local_cseq += 1;
        self.local_cseq
    }

    /// Takes note of a request of theirs (not ACK, not CANCEL).
    pub fn handle_request(&mut self, request: &Request) -> Result<(), OutOfOrder> {
        let (cseq, _) = request.cseq();
        if self.remote_cseq.is_some_and(|latest| cseq <= latest) {
            return Err(OutOfOrder);
        }
        self.remote_cseq = Some(cseq);
        Ok(())
    }

    /// A message in the dialog came along this path: a new connection replaces one that has gone.
    pub fn learn_path(&mut self, path: Path) {
        if path.transport == self.path.transport && path.transport.is_reliable() && path.flow.is_some() {
            self.path = Path { local: self.path.local, ..path };
        }
    }

    /// The way that the dialog was made by.
    pub fn path(&self) -> Path {
        self.path
    }

    /// The connection has gone.
    pub fn handle_flow_closed(&mut self, flow: crate::sip::path::FlowId) {
        if self.path.flow == Some(flow) {
            self.path.flow = None;
        }
    }

    /// Target refresh: an INVITE or UPDATE, or its 2xx, came with this Contact (12.2.1.2, 12.2.2).
    pub fn refresh_target(&mut self, contact: Option<&NameAddr>) {
        if let Some(contact) = contact {
            self.remote_target = contact.uri.clone();
        }
    }

    /// A new request in the dialog (12.2.1.1), without Via: whoever sends it adds one. Not for ACK and CANCEL.
    pub fn request(&mut self, method: Method) -> Request {
        let number = self.next_number();
        self.build(method, number)
    }

    /// The ACK for a 2xx to the INVITE with this number (13.2.2.4), without Via.
    pub fn ack(&self, cseq: u32) -> Request {
        self.build(Method::Ack, cseq)
    }

    fn build(&self, method: Method, cseq: u32) -> Request {
        let mut routes = self.routes.clone();
        let mut target = self.remote_target.clone();
        if let Some(first) = routes.first()
            && !first.uri.is_loose_router()
        {
            // A strict router wants to be the request URI, and the target behind all others (12.2.1.1).
            let strict = routes.remove(0).uri;
            routes.push(NameAddr::new(std::mem::replace(&mut target, strict)));
        }
        let mut request = Request::new(method, target, &self.local, &self.remote, &self.call_id, cseq);
        for route in &routes {
            request.push_header("Route", &route.to_string());
        }
        request
    }

    /// The way of the next request: the first route or else the target, when it is an address; names are not
    /// resolved here, so for those the way that the dialog was made by.
    pub fn next_hop(&self) -> Path {
        let uri = self.routes.first().map_or(&self.remote_target, |route| &route.uri);
        let transport = uri.transport().and_then(Transport::from_name).unwrap_or(self.path.transport);
        let Some(ip) = uri.ip() else {
            return self.path;
        };
        // What began on a connection stays on it; by TLS there is no other way that is trusted.
        if self.path.transport == Transport::Tls
            || (transport == Transport::Tcp && self.path.flow.is_some() && self.path.remote.ip() == ip)
        {
            return self.path;
        }
        if ip.is_unspecified() || ip.is_ipv4() != self.path.local.is_ipv4() {
            return self.path;
        }
        let remote = SocketAddr::new(ip, uri.port().unwrap_or(DEFAULT_PORT));
        Path { transport, local: self.path.local, remote, flow: None }
    }
}
