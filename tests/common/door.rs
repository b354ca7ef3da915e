//! A door station, made of the SIP core and offers and answers alone: it does what a test tells it.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use vestibule::phone::Now;
use vestibule::sdp::{AudioCodec, Capabilities, Direction, Local, Negotiated, Negotiation, VideoCodec, Wish};
use vestibule::sip::{
    Body, End, EndCause, Endpoint, EndpointConfig, GIVE_UP, Invite, NameAddr, Path, Rejection, SessionEvent,
    SessionHandle, Transmit, Transport, Uri,
};

use super::house::Node;

/// The port of the panel under test.
const PANEL_PORT: u16 = 5060;

/// The door station, at 10.0.0.3:5060.
pub struct Door {
    pub endpoint: Endpoint,
    pub negotiation: Negotiation,
    /// The session it talks in: the last one it began or was called in.
    pub session: Option<SessionHandle>,
    /// What was agreed last.
    pub streams: Option<Negotiated>,
    /// Statuses and ends as they came: `183`, `200`, `bye`, `rejected 486` …
    pub heard: Vec<String>,
    /// Bodies of the INFOs it got.
    pub infos: Vec<String>,
    /// Its answer to offers of the panel; `None` takes them as they are.
    pub refuses_offers: Option<u16>,
    /// What it wishes itself.
    pub wish: Wish,
    /// Further header lines of its calls.
    pub headers: Vec<(String, String)>,
    /// It listens for TCP alone.
    pub refuses_udp: bool,
    /// The port of the panel that it rings.
    pub rings_at: u16,
    address: SocketAddr,
}

impl Door {
    pub fn new(address: IpAddr, seed: [u8; 32]) -> Self {
        let config = EndpointConfig { user_agent: "Door/1".to_owned() };
        let capabilities = Capabilities { audio: vec![AudioCodec::Pcmu], video: vec![VideoCodec::H264] };
        let local = Local { address, audio_port: 30_000, video_port: 30_002 };
        Self {
            endpoint: Endpoint::new(config, seed),
            negotiation: Negotiation::new(7, capabilities, local),
            session: None,
            streams: None,
            heard: Vec::new(),
            infos: Vec::new(),
            refuses_offers: None,
            wish: Wish { audio: Direction::SendRecv, video: Direction::SendOnly },
            headers: Vec::new(),
            refuses_udp: false,
            rings_at: PANEL_PORT,
            address: SocketAddr::new(address, 5060),
        }
    }

    /// The bell: calls the panel under test with sound and picture.
    pub fn ring(&mut self, now: Now) {
        let offer = self.negotiation.create_offer(self.wish);
        self.ring_with(now, Transport::Udp, Some(offer), "sip:door@10.0.0.3");
    }

    /// The bell of a door without a camera.
    pub fn ring_without_picture(&mut self, now: Now) {
        let capabilities = Capabilities { audio: vec![AudioCodec::Pcmu], video: Vec::new() };
        let local = Local { address: self.address.ip(), audio_port: 30_000, video_port: 30_002 };
        self.negotiation = Negotiation::new(8, capabilities, local);
        self.ring(now);
    }

    /// The bell with everything chosen.
    pub fn ring_with(&mut self, now: Now, transport: Transport, offer: Option<Vec<u8>>, from: &str) {
        let remote = SocketAddr::from(([10, 0, 0, 1], self.rings_at));
        let path = Path { transport, local: self.address, remote, flow: None };
        let uri = |text: &str| Uri::parse(text).expect("a URI");
        let invite = Invite {
            path,
            to: uri("sip:10.0.0.1"),
            from: NameAddr::new(uri(from)),
            contact: uri("sip:door@10.0.0.3:5060"),
            offer: offer.map(Body::sdp),
            headers: self.headers.clone(),
            follow: 0,
            account: None,
            patience: GIVE_UP,
        };
        self.session = Some(self.endpoint.invite(now.instant, invite));
    }

    /// Rings for the panel that calls, perhaps with early sound and picture.
    pub fn alert(&mut self, now: Now, early: bool) {
        let body = early.then(|| self.answer());
        self.endpoint.ring(now.instant, self.talk(), body);
    }

    /// Answers the panel that calls.
    pub fn accept(&mut self, now: Now) {
        let body = self.answer();
        self.endpoint.accept(now.instant, self.talk(), body);
    }

    /// Refuses, cancels or hangs up.
    pub fn end(&mut self, now: Now, code: u16) {
        self.endpoint.end(now.instant, self.talk(), End { code });
    }

    /// Offers a change.
    pub fn offer(&mut self, now: Now, wish: Wish) {
        self.wish = wish;
        let offer = self.negotiation.create_offer(wish);
        self.endpoint.reinvite(now.instant, self.talk(), Body::sdp(offer));
    }

    fn talk(&self) -> SessionHandle {
        self.session.expect("a session")
    }

    fn answer(&mut self) -> Body {
        let offer =
            self.heard.iter().rev().find_map(|heard| heard.strip_prefix("offer\n")).expect("an offer").to_owned();
        let (answer, streams) = self.negotiation.handle_offer(offer.as_bytes(), self.wish).expect("an answer");
        self.streams = Some(streams);
        Body::sdp(answer)
    }

    fn take_answer(&mut self, body: Option<Body>) {
        if let Some(body) = body {
            self.streams = self.negotiation.handle_answer(&body.bytes).ok();
        }
    }

    fn on_event(&mut self, now: Now, event: SessionEvent) {
        let session = event.session();
        match event {
            SessionEvent::Incoming { request, .. } => {
                self.session = Some(session);
                let offer = request.offer.map(|body| String::from_utf8_lossy(&body.bytes).into_owned());
                self.heard.push(format!("offer\n{}", offer.unwrap_or_default()));
            }
            SessionEvent::Progress { status, body, .. } => {
                self.heard.push(status.to_string());
                self.take_answer(body);
            }
            SessionEvent::Answered { body, .. } => {
                self.heard.push("200".to_owned());
                self.take_answer(body);
            }
            SessionEvent::Confirmed { .. } => self.heard.push("ack".to_owned()),
            SessionEvent::Offer { body, .. } => {
                let answer = match (self.refuses_offers, body) {
                    (Some(status), _) => Err(Rejection::from(status)),
                    (None, None) => Ok(Body::sdp(self.negotiation.create_offer(self.wish))),
                    (None, Some(body)) => {
                        let (answer, streams) =
                            self.negotiation.handle_offer(&body.bytes, self.wish).expect("an answer");
                        self.streams = Some(streams);
                        Ok(Body::sdp(answer))
                    }
                };
                self.endpoint.answer_offer(now.instant, session, answer);
            }
            SessionEvent::OfferAnswered { result, .. } => match result {
                Ok(body) => self.take_answer(body),
                Err(status) => self.heard.push(format!("offer refused {status}")),
            },
            SessionEvent::RefreshDue { .. } => {
                let offer = self.negotiation.create_offer(self.wish);
                self.endpoint.reinvite(now.instant, session, Body::sdp(offer));
            }
            SessionEvent::Info { body, .. } => {
                let text = body.map(|body| String::from_utf8_lossy(&body.bytes).into_owned());
                self.infos.push(text.unwrap_or_default());
            }
            SessionEvent::InfoAnswered { .. } => {}
            SessionEvent::Ended { why, .. } => self.heard.push(match why {
                EndCause::Remote => "bye".to_owned(),
                EndCause::Rejected(status, _) => format!("rejected {status}"),
                EndCause::Cancelled { .. } => "cancelled".to_owned(),
                other => format!("{other:?}"),
            }),
        }
    }
}

impl Node for Door {
    fn hears(&self, transport: Transport, port: u16) -> bool {
        port == self.address.port() && !(self.refuses_udp && transport == Transport::Udp)
    }

    fn handle_datagram(&mut self, now: Now, path: Path, bytes: &[u8]) {
        self.endpoint.handle_datagram(now.instant, path, bytes);
    }

    fn handle_stream(&mut self, now: Now, path: Path, bytes: &[u8]) {
        self.endpoint.handle_stream(now.instant, path, bytes);
    }

    fn handle_transport_error(&mut self, now: Now, path: Path) {
        self.endpoint.handle_transport_error(now.instant, path);
    }

    fn handle_timeout(&mut self, now: Now) {
        self.endpoint.handle_timeout(now.instant);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.endpoint.poll_timeout().map(|(at, _)| at)
    }

    fn drain(&mut self, now: Now) -> Vec<Transmit> {
        while let Some(question) = self.endpoint.poll_question() {
            self.endpoint.answer_question(&question, 200);
        }
        while let Some(event) = self.endpoint.poll_event() {
            self.on_event(now, event);
        }
        std::iter::from_fn(|| self.endpoint.poll_transmit()).collect()
    }
}
