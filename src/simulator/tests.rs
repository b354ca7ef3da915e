//! The door station against a second endpoint on loopback, with real packets in real time.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::*;
use crate::channel::{DoorFault, DoorPhase};
use crate::media::audio::{Ear, Voice};
use crate::rtp::{Channel, MediaPacket, Received, RtpSession, SessionConfig, StreamConfig};
use crate::sdp::{AudioCodec, Capabilities, Direction, Local, Negotiated, Negotiation, Wish};
use crate::sip::message::{Host, NameAddr, Uri};
use crate::sip::{
    Body, End, EndCause, Endpoint, EndpointConfig, GIVE_UP, IncomingCall, Invite, Path, SessionEvent, SessionHandle,
    Transport,
};

/// A slow machine may take so long for anything.
const PATIENCE: Duration = Duration::from_secs(30);
const SEE_AND_TALK: Wish = Wish { audio: Direction::SendRecv, video: Direction::RecvOnly };

/// A panel made of an endpoint and three sockets.
struct Panel {
    door: DoorStation,
    views: UnboundedReceiver<DoorView>,
    view: DoorView,
    endpoint: Endpoint,
    sip: UdpSocket,
    media: [UdpSocket; 2],
    negotiation: Negotiation,
    agreed: Negotiated,
    rtp: Option<RtpSession>,
    events: VecDeque<SessionEvent>,
    /// What came by RTP: sound, decoded by nobody yet.
    sound: Vec<MediaPacket>,
    /// How many packets of the picture came.
    pictures: usize,
}

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    socket.set_nonblocking(true).expect("it can");
    socket
}

fn port(socket: &UdpSocket) -> u16 {
    socket.local_addr().expect("bound").port()
}

impl Panel {
    fn new(code: &str) -> Self {
        let (sip, media) = (socket(), [socket(), socket()]);
        let (views, events) = unbounded_channel();
        let options = DoorOptions {
            panel: sip.local_addr().expect("bound"),
            port: 0,
            name: "Front door".to_owned(),
            code: code.to_owned(),
            video: VideoCodec::ALL.to_vec(),
            early_sound: false,
            preview: false,
            seed: [7; 32],
        };
        let door = DoorStation::start(options, views, FrameSlot::new()).expect("it starts");
        let capabilities = Capabilities { audio: vec![AudioCodec::Pcmu], video: VideoCodec::ALL.to_vec() };
        let local =
            Local { address: Ipv4Addr::LOCALHOST.into(), audio_port: port(&media[0]), video_port: port(&media[1]) };
        Self {
            door,
            views: events,
            view: DoorView::default(),
            endpoint: Endpoint::new(EndpointConfig { user_agent: "test".to_owned() }, [9; 32]),
            sip,
            media,
            negotiation: Negotiation::new(1, capabilities, local),
            agreed: Negotiated::default(),
            rtp: None,
            events: VecDeque::new(),
            sound: Vec::new(),
            pictures: 0,
        }
    }

    fn order(&self, command: DoorCommand) {
        self.door.commands().send(command).expect("the door lives");
    }

    fn path(&self) -> Path {
        let local = self.sip.local_addr().expect("bound");
        Path { transport: Transport::Udp, local, remote: self.door.address(), flow: None }
    }

    /// Lets everything happen that is due, then waits a little.
    fn turn(&mut self) {
        let now = Instant::now();
        let mut buffer = [0; 65_536];
        while let Ok((count, _)) = self.sip.recv_from(&mut buffer) {
            let path = self.path();
            self.endpoint.handle_datagram(now, path, &buffer[..count]);
        }
        while let Ok((count, from)) = self.media[0].recv_from(&mut buffer) {
            let received = self.rtp.as_mut().and_then(|rtp| rtp.handle_rtp(now, from, &buffer[..count]));
            if let Some(Received::Media(packet)) = received {
                self.sound.push(packet);
            }
        }
        while self.media[1].recv_from(&mut buffer).is_ok() {
            self.pictures += 1;
        }
        self.endpoint.handle_timeout(now);
        while let Some(out) = self.endpoint.poll_transmit() {
            self.sip.send_to(&out.bytes, out.path.remote).expect("loopback");
        }
        self.events.extend(std::iter::from_fn(|| self.endpoint.poll_event()));
        if let Some(rtp) = &mut self.rtp {
            rtp.handle_timeout(now);
            while let Some(out) = rtp.poll_transmit() {
                if out.channel == Channel::Rtp {
                    self.media[0].send_to(&out.bytes, out.to).expect("loopback");
                }
            }
        }
        while let Ok(view) = self.views.try_recv() {
            self.view = view;
        }
        std::thread::sleep(Duration::from_millis(2));
    }

    fn until(&mut self, what: &str, mut done: impl FnMut(&mut Self) -> bool) {
        let from = Instant::now();
        while !done(self) {
            assert!(from.elapsed() < PATIENCE, "not in time: {what}; the door: {:?}", self.view);
            self.turn();
        }
    }

    /// The next event that is wanted; others before it are dropped.
    fn event<T>(&mut self, what: &str, wanted: impl Fn(&SessionEvent) -> Option<T>) -> T {
        let mut found = None;
        self.until(what, |panel| {
            found = std::iter::from_fn(|| panel.events.pop_front()).find_map(|event| wanted(&event));
            found.is_some()
        });
        found.expect("waited for")
    }

    fn rings(&mut self) -> (SessionHandle, IncomingCall) {
        self.order(DoorCommand::Bell);
        self.event("the bell rings here", |event| match event {
            SessionEvent::Incoming { session, request, .. } => Some((*session, (**request).clone())),
            _ => None,
        })
    }

    fn ended(&mut self) -> EndCause {
        self.event("the call ends", |event| match event {
            SessionEvent::Ended { why, .. } => Some(why.clone()),
            _ => None,
        })
    }

    /// The answer to an offer, and a stream for the sound.
    fn agree(&mut self, offer: &Body) -> Body {
        let (answer, agreed) = self.negotiation.handle_offer(&offer.bytes, SEE_AND_TALK).expect("a good offer");
        self.stream(agreed);
        Body::sdp(answer)
    }

    fn stream(&mut self, agreed: Negotiated) {
        let sound = agreed.audio.clone().expect("sound is agreed upon");
        let stream = StreamConfig {
            clock_rate: 8_000,
            remote: sound.remote,
            remote_rtcp: sound.remote_rtcp,
            rtcp_mux: false,
            recv_pts: vec![sound.send_pt],
            dtmf_recv_pts: Vec::new(),
            dtmf_send_pt: sound.dtmf_send_pt,
            dtmf_clock: sound.dtmf_clock,
            pli: false,
            fir: false,
        };
        let (instant, wall, cname) = (Instant::now(), SystemTime::now(), "panel".to_owned());
        self.rtp = Some(RtpSession::new(SessionConfig { instant, wall, seed: [3; 32], cname, stream }));
        self.agreed = agreed;
    }

    /// Rings, answers, and waits until both know.
    fn talks(&mut self) -> SessionHandle {
        let (session, request) = self.rings();
        let answer = self.agree(&request.offer.expect("it offers"));
        self.endpoint.accept(Instant::now(), session, answer);
        self.until("both talk", |panel| panel.view.phase == DoorPhase::Talking);
        session
    }

    fn press(&mut self, key: char) {
        let rtp = self.rtp.as_mut().expect("a stream");
        assert!(rtp.send_dtmf(Instant::now(), key, Duration::from_millis(100)), "keys were agreed upon");
    }
}

fn text(body: &Body) -> String {
    String::from_utf8_lossy(&body.bytes).into_owned()
}

#[test]
fn the_visitor_is_seen_before_the_answer_and_the_door_opens_by_a_key() {
    let mut panel = Panel::new("#");
    let (session, request) = panel.rings();
    assert_eq!(request.from.display.as_deref(), Some("Front door"));
    let offer = request.offer.expect("it offers");
    for codec in ["opus/48000", "G722/8000", "PCMU/8000", "PCMA/8000", "H264/90000", "VP8/90000", "telephone-event"] {
        assert!(text(&offer).contains(codec), "{codec} is not in {}", text(&offer));
    }
    let early = panel.agree(&offer);
    panel.endpoint.ring(Instant::now(), session, Some(early));
    panel.until("the visitor is seen", |panel| panel.pictures > 20);
    assert_eq!(panel.view.phase, DoorPhase::Ringing);
    assert!(panel.sound.is_empty(), "nobody asked for early sound");
    panel.press('7');
    panel.until("a wrong key is noted", |panel| panel.view.note == "Wrong code: 7");
    assert_eq!(panel.view.open_until, None);
    panel.press('#');
    panel.until("the door opens", |panel| panel.view.open_until.is_some());
    panel.order(DoorCommand::HangUp);
    assert_eq!(panel.ended(), EndCause::Cancelled { completed_elsewhere: false });
    panel.until("the door is idle", |panel| panel.view.phase == DoorPhase::Idle);
    panel.until("the door closes", |panel| panel.view.open_until.is_none());
}

#[test]
fn both_hear_each_other() {
    let mut panel = Panel::new("#");
    let session = panel.talks();
    panel.until("the visitor speaks", |panel| panel.sound.len() > 60);
    let mut ear = Ear::default();
    let loudness = panel.sound.iter().filter_map(|packet| ear.hear(AudioCodec::Pcmu, &packet.payload));
    assert!(loudness.fold(f32::MIN, f32::max) > -25.0, "the recording is loud enough");

    let hum: Vec<i16> = (0..8_000).map(|i| ((f64::from(i) * 0.4).sin() * 16_384.0) as i16).collect();
    let mut voice = Voice::new(AudioCodec::Pcmu, 20, &hum, 8_000).expect("built in");
    for index in 0..voice.packets() {
        let packet = voice.packet(index).expect("whole packets").to_vec();
        panel.rtp.as_mut().expect("a stream").send(Instant::now(), 0, 160, index == 0, &packet);
        panel.turn();
    }
    panel.until("the door has heard all of it", |panel| panel.view.heard == 50);
    let loudness = panel.view.loudness.expect("it was heard");
    assert!((-12.0..-6.0).contains(&loudness), "{loudness} dBFS");
    panel.endpoint.end(Instant::now(), session, End { code: 603 });
    panel.until("the door knows", |panel| panel.view.phase == DoorPhase::Idle);
    assert_eq!(panel.view.note, "The panel has hung up");
}

#[test]
fn an_info_opens_the_door_too() {
    let mut panel = Panel::new("12");
    let session = panel.talks();
    for (key, opens) in [('1', false), ('2', true)] {
        let bytes = format!("Signal={key}\r\nDuration=160\r\n").into_bytes();
        let body = Body { content_type: "application/dtmf-relay".to_owned(), bytes };
        panel.endpoint.info(Instant::now(), session, &body);
        let answered = panel.event("the INFO is answered", |event| match event {
            SessionEvent::InfoAnswered { result, .. } => Some(*result),
            _ => None,
        });
        assert_eq!(answered, Ok(()));
        if opens {
            panel.until("the door opens", |panel| panel.view.open_until.is_some());
        }
    }
}

#[test]
fn hold_silences_the_visitor_until_it_is_taken_back() {
    let mut panel = Panel::new("#");
    let session = panel.talks();
    panel.until("the visitor speaks", |panel| panel.sound.len() > 5);
    for (wish, speaks) in
        [(Wish { audio: Direction::Inactive, video: Direction::Inactive }, false), (SEE_AND_TALK, true)]
    {
        let offer = panel.negotiation.create_offer(wish);
        panel.endpoint.reinvite(Instant::now(), session, Body::sdp(offer));
        let answer = panel.event("the change is answered", |event| match event {
            SessionEvent::OfferAnswered { result, .. } => Some(result.clone().expect("accepted").expect("with SDP")),
            _ => None,
        });
        let agreed = panel.negotiation.handle_answer(&answer.bytes).expect("a good answer");
        assert_eq!(agreed.audio.expect("kept").direction.receives(), speaks);
        // What was on its way when the answer left.
        (0..20).for_each(|_| panel.turn());
        let (before, from) = ((panel.sound.len(), panel.pictures), Instant::now());
        if speaks {
            panel.until("the visitor is back", |panel| panel.sound.len() > before.0 && panel.pictures > before.1);
        } else {
            panel.until("time passes", |_| from.elapsed() > Duration::from_millis(300));
            assert_eq!((panel.sound.len(), panel.pictures), before);
        }
    }
}

#[test]
fn a_call_to_the_door_is_answered_by_itself_and_shows_its_camera() {
    let mut panel = Panel::new("#");
    let uri = |user: &str, at: SocketAddr| {
        Uri::sip(Some(user), Host::parse(&at.ip().to_string()).expect("an address"), Some(at.port()))
    };
    let path = panel.path();
    let offer = panel.negotiation.create_offer(SEE_AND_TALK);
    let order = Invite {
        path,
        to: uri("door", path.remote),
        from: NameAddr::new(uri("panel", path.local)),
        contact: uri("panel", path.local),
        offer: Some(Body::sdp(offer)),
        headers: Vec::new(),
        follow: 0,
        account: None,
        patience: GIVE_UP,
    };
    panel.endpoint.invite(Instant::now(), order);
    let answer = panel.event("the door answers", |event| match event {
        SessionEvent::Answered { body, .. } => Some(body.clone().expect("with SDP")),
        _ => None,
    });
    let agreed = panel.negotiation.handle_answer(&answer.bytes).expect("a good answer");
    panel.stream(agreed);
    panel.until("seen and heard", |panel| panel.pictures > 5 && panel.sound.len() > 5);
    assert_eq!(panel.view.phase, DoorPhase::Talking);
    // A second caller finds it busy, and so does nobody at the bell.
    panel.order(DoorCommand::Bell);
    panel.order(DoorCommand::HangUp);
    assert_eq!(panel.ended(), EndCause::Remote);
}

#[test]
fn a_door_without_a_camera_offers_none() {
    let mut panel = Panel::new("#");
    panel.order(DoorCommand::Fault(DoorFault::NoVideo));
    let (session, request) = panel.rings();
    assert!(!text(&request.offer.expect("it offers")).contains("m=video"));
    panel.endpoint.end(Instant::now(), session, End { code: 486 });
    panel.until("the refusal is noted", |panel| panel.view.note == "The panel declined, or is busy");
    assert_eq!(panel.view.fault, DoorFault::NoVideo);
}

#[test]
fn about_every_tenth_packet_is_lost_on_request() {
    let mut panel = Panel::new("#");
    panel.order(DoorCommand::Fault(DoorFault::PacketLoss));
    panel.talks();
    panel.until("some speech", |panel| panel.sound.len() > 150);
    let first = panel.sound[0].extended_sequence;
    let last = panel.sound.iter().map(|packet| packet.extended_sequence).max().expect("there are some");
    let lost = last - first + 1 - panel.sound.len() as u64;
    assert!((4..40).contains(&lost), "{lost} of {}", last - first + 1);
}

#[test]
fn a_door_that_hangs_up_does_so_three_seconds_after_the_answer() {
    let mut panel = Panel::new("#");
    panel.order(DoorCommand::Fault(DoorFault::HangsUp));
    let before = Instant::now();
    panel.talks();
    assert_eq!(panel.ended(), EndCause::Remote);
    assert!(before.elapsed() >= Duration::from_secs(3));
}

#[test]
fn a_late_door_takes_two_seconds_for_each_answer() {
    let mut panel = Panel::new("#");
    panel.order(DoorCommand::Fault(DoorFault::AnswersLate));
    let (session, request) = panel.rings();
    let answer = panel.agree(&request.offer.expect("it offers"));
    let before = Instant::now();
    panel.endpoint.accept(before, session, answer);
    panel.event("the ACK comes", |event| matches!(event, SessionEvent::Confirmed { .. }).then_some(()));
    assert!(before.elapsed() >= Duration::from_secs(2));
    let before = Instant::now();
    let body = Body { content_type: "application/dtmf-relay".to_owned(), bytes: b"Signal=#".to_vec() };
    panel.endpoint.info(before, session, &body);
    panel.until("the door opens", |panel| panel.view.open_until.is_some());
    assert!(before.elapsed() >= Duration::from_secs(2));
}

#[test]
fn a_door_that_leaves_ends_its_call() {
    let mut panel = Panel::new("#");
    panel.talks();
    panel.order(DoorCommand::Quit);
    assert_eq!(panel.ended(), EndCause::Remote);
}
