//! The loop of the door station: a bell, a phone that calls the panel, and a door.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::DoorOptions;
use super::call::{Call, Surroundings, negotiation};
use super::camera::{self, Camera};
use super::lock::{Lock, Turned, keys_of_info};
use super::sockets::{Line, OpenSockets};
use super::stream::{self, CameraPayload};
use crate::channel::{DoorCommand, DoorFault, DoorView};
use crate::frame::FrameSlot;
use crate::sdp::SdpError;
use crate::sip::message::{Host, NameAddr, Uri};
use crate::sip::{
    Body, End, EndCause, Endpoint, EndpointConfig, GIVE_UP, IncomingCall, Invite, Path, Rejection, SessionEvent,
    SessionHandle, Transport, Warning,
};

/// The status of whoever is in a call already.
const BUSY: u16 = 486;
/// How late a door station with that fault reads what it is told.
const LATE: Duration = Duration::from_secs(2);
/// Counts of what was heard are reported this often.
const REPORT: Duration = Duration::from_millis(200);
/// How long leaving waits for the panel to take note.
const FAREWELL: Duration = Duration::from_millis(500);
/// Larger than any datagram.
const DATAGRAM: usize = 65_536;

/// The door station.
pub(super) struct Station {
    options: DoorOptions,
    sockets: OpenSockets,
    views: UnboundedSender<DoorView>,
    endpoint: Endpoint,
    random: StdRng,
    camera: Camera,
    payloads: UnboundedSender<CameraPayload>,
    from_camera: Option<UnboundedReceiver<CameraPayload>>,
    call: Option<Call>,
    lock: Lock,
    /// The fault of the next call.
    fault: DoorFault,
    note: String,
    heard: (u64, Option<f32>),
    /// What came and is read later, with that fault.
    late: VecDeque<(Instant, SocketAddr, Vec<u8>)>,
    next_picture: Instant,
    told: Option<(Instant, DoorView)>,
}

impl Station {
    pub(super) fn new(
        options: DoorOptions,
        sockets: OpenSockets,
        views: UnboundedSender<DoorView>,
        frames: FrameSlot,
    ) -> Self {
        let now = Instant::now();
        let mut random = StdRng::from_seed(options.seed);
        let config = EndpointConfig { user_agent: concat!("Vestibule door/", env!("CARGO_PKG_VERSION")).to_owned() };
        let endpoint = Endpoint::new(config, stream::seed(&mut random));
        let (payloads, from_camera) = unbounded_channel();
        Self {
            camera: Camera::new(now, options.preview.then_some(frames)),
            lock: Lock::new(&options.code),
            options,
            sockets,
            views,
            endpoint,
            random,
            payloads,
            from_camera: Some(from_camera),
            call: None,
            fault: DoorFault::None,
            note: String::new(),
            heard: (0, None),
            late: VecDeque::new(),
            next_picture: now,
            told: None,
        }
    }

    /// Lives until told to leave.
    pub(super) async fn run(mut self, mut orders: UnboundedReceiver<DoorCommand>) {
        let mut from_camera = self.from_camera.take().expect("it runs once");
        let mut buffer = vec![0; DATAGRAM];
        loop {
            self.drain(Instant::now());
            self.tell(Instant::now());
            let due = self.poll_timeout();
            tokio::select! {
                order = orders.recv() => match order {
                    None | Some(DoorCommand::Quit) => break,
                    Some(order) => self.handle_order(Instant::now(), order),
                },
                (line, count, from) = self.sockets.receive(&mut buffer) => {
                    self.handle_datagram(Instant::now(), line, from, &buffer[..count]);
                }
                Some(payload) = from_camera.recv() => {
                    if let Some(call) = &mut self.call {
                        call.handle_payload(Instant::now(), payload);
                    }
                }
                () = sleep_until(due) => self.handle_timeout(Instant::now()),
            }
        }
        self.leave(&mut buffer).await;
    }

    /// Ends the call and waits a moment for the panel to take note of it.
    async fn leave(&mut self, buffer: &mut [u8]) {
        self.hang_up(Instant::now());
        let until = Instant::now() + FAREWELL;
        loop {
            self.drain(Instant::now());
            if self.endpoint.busy_sessions() == 0 || Instant::now() >= until {
                return;
            }
            let due = self.endpoint.poll_timeout().map_or(until, |(due, _)| due.min(until));
            tokio::select! {
                (line, count, from) = self.sockets.receive(buffer) => {
                    if line == Line::Sip {
                        let path = self.path(from);
                        self.endpoint.handle_datagram(Instant::now(), path, &buffer[..count]);
                    }
                }
                () = sleep_until(Some(due)) => self.endpoint.handle_timeout(Instant::now()),
            }
        }
    }

    fn handle_order(&mut self, now: Instant, order: DoorCommand) {
        match order {
            DoorCommand::Bell if self.call.is_none() => self.ring(now),
            // A visitor who presses again while it rings changes nothing.
            DoorCommand::Bell | DoorCommand::Quit => {}
            DoorCommand::HangUp => self.hang_up(now),
            DoorCommand::Fault(fault) => self.fault = fault,
        }
    }

    /// Calls the panel.
    fn ring(&mut self, now: Instant) {
        let mut negotiation = negotiation(&self.sockets, &self.options.video, self.fault, self.random.random());
        let offer = negotiation.create_offer(super::call::WISH);
        let order = Invite {
            path: self.path(self.options.panel),
            to: uri("panel", self.options.panel),
            from: NameAddr { display: Some(self.options.name.clone()), ..NameAddr::new(self.contact()) },
            contact: self.contact(),
            offer: Some(Body::sdp(offer)),
            headers: Vec::new(),
            follow: 0,
            account: None,
            patience: GIVE_UP,
        };
        let session = self.endpoint.invite(now, order);
        self.begin(Call::new(session, negotiation, self.fault, self.options.early_sound));
    }

    fn begin(&mut self, call: Call) {
        self.note.clear();
        self.heard = (0, None);
        self.call = Some(call);
    }

    /// Gives up, or ends the call.
    fn hang_up(&mut self, now: Instant) {
        if let Some(call) = &self.call {
            self.endpoint.end(now, call.session, End { code: 603 });
        }
    }

    fn handle_datagram(&mut self, now: Instant, line: Line, from: SocketAddr, bytes: &[u8]) {
        match line {
            Line::Sip if self.reads_late() => self.late.push_back((now + LATE, from, bytes.to_vec())),
            Line::Sip => {
                let path = self.path(from);
                self.endpoint.handle_datagram(now, path, bytes);
            }
            Line::Media(kind, channel) => {
                let key = self.call.as_mut().and_then(|call| call.handle_packet(now, (kind, channel), from, bytes));
                if let Some(key) = key {
                    self.handle_key(now, key);
                }
            }
        }
    }

    /// Whether what comes now waits; what came before is never overtaken.
    fn reads_late(&self) -> bool {
        let fault = self.call.as_ref().map_or(self.fault, |call| call.fault);
        fault == DoorFault::AnswersLate || !self.late.is_empty()
    }

    fn handle_timeout(&mut self, now: Instant) {
        while let Some((due, ..)) = self.late.front()
            && *due <= now
            && let Some((_, from, bytes)) = self.late.pop_front()
        {
            let path = self.path(from);
            self.endpoint.handle_datagram(now, path, &bytes);
        }
        self.endpoint.handle_timeout(now);
        if self.call.as_mut().is_some_and(|call| call.handle_timeout(now)) {
            self.hang_up(now);
        }
        self.lock.handle_timeout(now);
        if self.paints() && self.next_picture <= now {
            self.camera.show(now);
            self.next_picture = now + Duration::from_secs(1) / camera::FPS;
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let due = [
            self.late.front().map(|(due, ..)| *due),
            self.endpoint.poll_timeout().map(|(due, _)| due),
            self.call.as_ref().and_then(Call::poll_timeout),
            self.lock.open_until(),
            self.paints().then_some(self.next_picture),
        ];
        due.into_iter().flatten().min()
    }

    /// Whether the loop itself paints for the window: nobody else does.
    fn paints(&self) -> bool {
        self.camera.is_watched() && !self.call.as_ref().is_some_and(Call::is_filming)
    }

    /// Sends and tells whatever there is.
    fn drain(&mut self, now: Instant) {
        loop {
            while let Some(out) = self.endpoint.poll_transmit() {
                match out.path.transport {
                    Transport::Udp => self.sockets.send(Line::Sip, out.path.remote, &out.bytes),
                    // It has no connections.
                    Transport::Tcp | Transport::Tls => self.endpoint.handle_transport_error(now, out.path),
                }
            }
            if let Some(question) = self.endpoint.poll_question() {
                self.endpoint.answer_question(&question, if self.call.is_some() { BUSY } else { 200 });
                continue;
            }
            let Some(event) = self.endpoint.poll_event() else { break };
            self.handle_event(now, event);
        }
        if let Some(call) = &mut self.call {
            while let Some((line, to, bytes)) = call.poll_transmit(&mut self.random) {
                self.sockets.send(line, to, &bytes);
            }
            self.heard = call.heard();
        }
        self.camera.set_speaking(self.call.as_ref().is_some_and(Call::is_speaking));
    }

    fn handle_event(&mut self, now: Instant, event: SessionEvent) {
        let session = event.session();
        if let SessionEvent::Incoming { request, .. } = event {
            return self.handle_call(now, session, &request);
        }
        if self.call.as_ref().is_none_or(|call| call.session != session) {
            // The rest of a call that was refused.
            return;
        }
        match event {
            SessionEvent::Incoming { .. } => {}
            SessionEvent::Progress { body, .. } => {
                if let Some(body) = body {
                    self.handle_answer(now, session, &body);
                }
            }
            SessionEvent::Answered { body, .. } | SessionEvent::Confirmed { body, .. } => {
                if let Some(body) = body {
                    self.handle_answer(now, session, &body);
                }
                if let Some(call) = &mut self.call {
                    call.handle_answered(now);
                }
            }
            SessionEvent::Offer { body, .. } => {
                let (call, mut around) = self.with_call();
                let Some(call) = call else { return };
                let answer = match body {
                    Some(body) => call.handle_offer(now, &body.bytes, &mut around).map_err(|error| rejection(&error)),
                    None => Ok(call.create_offer()),
                };
                self.endpoint.answer_offer(now, session, answer.map(Body::sdp));
            }
            SessionEvent::RefreshDue { .. } => {
                if let Some(call) = &mut self.call {
                    let offer = call.create_offer();
                    self.endpoint.reinvite(now, session, Body::sdp(offer));
                }
            }
            SessionEvent::OfferAnswered { result, .. } => {
                if let Ok(Some(body)) = result {
                    self.handle_answer(now, session, &body);
                }
            }
            SessionEvent::Info { body, .. } => {
                if let Some(body) = body {
                    self.handle_info(now, &body);
                }
            }
            SessionEvent::InfoAnswered { .. } => {}
            SessionEvent::Ended { why, .. } => self.handle_end(now, &why),
        }
    }

    /// Somebody calls the door: it answers by itself and shows what it sees.
    fn handle_call(&mut self, now: Instant, session: SessionHandle, request: &IncomingCall) {
        if self.call.is_some() {
            return self.endpoint.end(now, session, End { code: BUSY });
        }
        let negotiation = negotiation(&self.sockets, &self.options.video, self.fault, self.random.random());
        self.begin(Call::new(session, negotiation, self.fault, self.options.early_sound));
        let (call, mut around) = self.with_call();
        let Some(call) = call else { return };
        let answer = match &request.offer {
            Some(offer) => call.handle_offer(now, &offer.bytes, &mut around),
            None => Ok(call.create_offer()),
        };
        match answer {
            Ok(answer) => {
                self.endpoint.ring(now, session, None);
                self.endpoint.accept(now, session, Body::sdp(answer));
            }
            Err(error) => {
                self.endpoint.reject(now, session, rejection(&error));
                self.note = format!("The panel called, but {error}");
                self.call = None;
            }
        }
    }

    /// The panel's answer to our offer. One that cannot be used ends the call.
    fn handle_answer(&mut self, now: Instant, session: SessionHandle, body: &Body) {
        let (call, mut around) = self.with_call();
        let Some(call) = call else { return };
        if let Err(error) = call.handle_answer(now, &body.bytes, &mut around) {
            self.endpoint.end(now, session, End { code: error.status() });
            self.note = error.to_string();
        }
    }

    fn handle_info(&mut self, now: Instant, body: &Body) {
        if body.content_type.to_ascii_lowercase().starts_with("application/media_control+xml") {
            if let Some(call) = &self.call {
                call.force_keyframe();
            }
            return;
        }
        for key in keys_of_info(&body.content_type, &body.bytes) {
            self.handle_key(now, key);
        }
    }

    fn handle_key(&mut self, now: Instant, key: char) {
        match self.lock.handle_key(now, key) {
            Turned::NotYet => {}
            Turned::Opened => self.note.clear(),
            Turned::Wrong(keys) => self.note = format!("Wrong code: {keys}"),
        }
    }

    fn handle_end(&mut self, now: Instant, why: &EndCause) {
        if let Some(mut call) = self.call.take() {
            call.bye(now);
            while let Some((line, to, bytes)) = call.poll_transmit(&mut self.random) {
                self.sockets.send(line, to, &bytes);
            }
            self.heard = call.heard();
        }
        if let Some(words) = words(why) {
            self.note = words;
        }
    }

    fn with_call(&mut self) -> (Option<&mut Call>, Surroundings<'_>) {
        let around = Surroundings { camera: &self.camera, payloads: &self.payloads, random: &mut self.random };
        (self.call.as_mut(), around)
    }

    /// Reports what has changed; counts alone not more often than every [`REPORT`].
    fn tell(&mut self, now: Instant) {
        let (heard, loudness) = self.heard;
        let view = DoorView {
            phase: self.call.as_ref().map(Call::phase).unwrap_or_default(),
            open_until: self.lock.open_until(),
            fault: self.fault,
            note: self.note.clone(),
            heard,
            loudness,
        };
        let fresh = self.told.as_ref().is_none_or(|(at, told)| {
            let counts_only = DoorView { heard, loudness, ..told.clone() } == view;
            *told != view && (!counts_only || now.saturating_duration_since(*at) >= REPORT)
        });
        if fresh {
            // Nobody may be looking any longer.
            let _ = self.views.send(view.clone());
            self.told = Some((now, view));
        }
    }

    fn path(&self, remote: SocketAddr) -> Path {
        let local = SocketAddr::new(self.options.panel.ip(), self.sockets.port(Line::Sip));
        Path { transport: Transport::Udp, local, remote, flow: None }
    }

    fn contact(&self) -> Uri {
        uri("door", SocketAddr::new(self.options.panel.ip(), self.sockets.port(Line::Sip)))
    }
}

/// How an offer is refused that cannot be used.
fn rejection(error: &SdpError) -> Rejection {
    let (code, text) = error.warning();
    Rejection { status: error.status(), warning: Some(Warning { code, text }) }
}

/// `sip:user@address:port`.
fn uri(user: &str, at: SocketAddr) -> Uri {
    let host = Host::parse(&at.ip().to_string()).expect("an address is a host");
    Uri::sip(Some(user), host, Some(at.port()))
}

/// Why the call is over, for whoever stands at the door; `None` when he knows.
fn words(why: &EndCause) -> Option<String> {
    match why {
        EndCause::Local => None,
        EndCause::Remote => Some("The panel has hung up".to_owned()),
        EndCause::Cancelled { .. } => Some("The panel has given up".to_owned()),
        EndCause::Rejected(486 | 600 | 603, _) => Some("The panel declined, or is busy".to_owned()),
        EndCause::Rejected(404 | 480, _) => Some("Nobody can be called there".to_owned()),
        EndCause::Rejected(status, phrase) => Some(format!("The panel refused: {status} {phrase}")),
        EndCause::OfferUnanswered => Some("The panel has not answered the offer".to_owned()),
        EndCause::TimedOut | EndCause::NotRefreshed | EndCause::NoAck => Some("The panel does not respond".to_owned()),
        EndCause::TransportError => Some("The panel cannot be reached".to_owned()),
    }
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}
