//! Sound on the simulated network: beside each panel what a worker would be, without devices, and voices from anywhere.
//!
//! The panels' packets carry their own number; what a voice says is told by its name. Packets are lost, doubled and
//! overtaken as wanted.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use vestibule::channel::CallHandle;
use vestibule::media::agreed;
use vestibule::phone::MediaOrder;
use vestibule::rtp::{Channel, Received, RtpSession, SessionConfig, Stats, is_rtcp};
use vestibule::sdp::AudioStream;

use super::house::{House, NodeName, OTHER, PANEL, address};
use super::ms;

/// Time between two packets of sound.
pub const FRAME: Duration = Duration::from_millis(20);
/// How long a packet of sound is on its way, and how long one that is overtaken.
const WAY: Duration = Duration::from_millis(2);
const LONG_WAY: Duration = Duration::from_millis(45);

/// Somebody at an address who speaks in a sound format.
#[derive(Clone, Debug)]
pub struct Voice {
    /// Told by this.
    pub name: u8,
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub ssrc: u32,
    pub sequence: u16,
    pub timestamp: u32,
    pub payload_type: u8,
    pub speaks: bool,
}

/// What a panel's session took, or what came to an address where there is no panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    pub at: Instant,
    pub name: u8,
    pub payload_type: u8,
    pub to: SocketAddr,
}

/// The stream of sound of one call of one panel.
pub struct Stream {
    node: NodeName,
    call: CallHandle,
    port: u16,
    agreed: AudioStream,
    sends: bool,
    session: RtpSession,
}

struct Flight {
    at: Instant,
    from: SocketAddr,
    to: SocketAddr,
    bytes: Vec<u8>,
}

/// A house in which sound flows.
pub struct Talk {
    pub house: House,
    pub voices: Vec<Voice>,
    /// What each panel took, in order.
    pub heard: [Vec<Heard>; 2],
    /// The keys that each panel heard.
    pub keys: [String; 2],
    /// What came to addresses where no panel is.
    pub outside: Vec<Heard>,
    /// Shares of packets lost, doubled and overtaken, 0 to 1.
    pub loss: f64,
    pub twice: f64,
    pub late: f64,
    random: StdRng,
    streams: Vec<Stream>,
    orders: [usize; 2],
    flights: Vec<Flight>,
}

impl Talk {
    pub fn new(house: House) -> Self {
        Self::seeded(1, house)
    }

    pub fn seeded(seed: u64, house: House) -> Self {
        let mut talk = Self {
            house,
            voices: Vec::new(),
            heard: [Vec::new(), Vec::new()],
            keys: [String::new(), String::new()],
            outside: Vec::new(),
            loss: 0.0,
            twice: 0.0,
            late: 0.0,
            random: StdRng::seed_from_u64(seed),
            streams: Vec::new(),
            orders: [0, 0],
            flights: Vec::new(),
        };
        talk.obey();
        talk
    }

    /// A voice from there to the sound of the panel's only call.
    pub fn voice(&mut self, name: u8, from: &str) -> usize {
        let to = self.panel_port();
        let from = from.parse().expect("an address");
        let ssrc = 1_000 + u32::from(name);
        self.voices.push(Voice { name, from, to, ssrc, sequence: 7, timestamp: 99, payload_type: 0, speaks: true });
        self.voices.len() - 1
    }

    /// Where the panel under test hears the sound of its only call.
    pub fn panel_port(&self) -> SocketAddr {
        let stream = self.streams.iter().find(|stream| stream.node == PANEL).expect("sound is agreed upon");
        SocketAddr::new(address(PANEL), stream.port)
    }

    /// Lets time pass, a frame at a time.
    pub fn run(&mut self, span: Duration) {
        let until = self.house.now.instant + span;
        while self.house.now.instant < until {
            let now = self.house.now.instant;
            self.speak(now);
            let step = FRAME.min(until - now);
            for _ in 0..4 {
                self.house.run(step / 4);
                self.obey();
                self.deliver();
                self.wake();
            }
        }
    }

    /// Who was heard by the panel under test since then.
    pub fn heard_since(&self, since: Instant) -> Vec<u8> {
        let mut names: Vec<u8> =
            self.heard[PANEL].iter().filter(|heard| heard.at >= since).map(|heard| heard.name).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The longest time since then in which the panel under test took nothing of a voice.
    pub fn gap(&self, since: Instant) -> Duration {
        let times = self.heard[PANEL].iter().map(|heard| heard.at).filter(|at| *at >= since);
        let mut gap = Duration::ZERO;
        let mut last = since;
        for at in times.chain([self.house.now.instant]) {
            gap = gap.max(at.duration_since(last));
            last = at;
        }
        gap
    }

    /// Where the packets of the panel under test went since then, and what they were.
    pub fn sent_since(&self, since: Instant) -> Vec<(SocketAddr, u8)> {
        let mut sent: Vec<(SocketAddr, u8)> = self
            .outside
            .iter()
            .filter(|heard| heard.at >= since && heard.name == PANEL as u8)
            .map(|heard| (heard.to, heard.payload_type))
            .collect();
        sent.sort_unstable();
        sent.dedup();
        sent
    }

    /// The payload types of all that went to addresses where no panel is since then.
    pub fn numbers_since(&self, since: Instant) -> Vec<u8> {
        let since = self.outside.iter().filter(|heard| heard.at >= since);
        let mut numbers: Vec<u8> = since.map(|heard| heard.payload_type).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }

    /// The figures of a panel's only stream of sound.
    pub fn stats(&self, node: NodeName) -> Stats {
        self.stream(node).session.stats()
    }

    /// The session of a panel's only stream of sound.
    pub fn session(&mut self, node: NodeName) -> &mut RtpSession {
        let stream = self.streams.iter_mut().find(|stream| stream.node == node).expect("sound is agreed upon");
        &mut stream.session
    }

    /// Something from there to there.
    pub fn throw(&mut self, from: SocketAddr, to: SocketAddr, bytes: Vec<u8>) {
        let now = self.house.now.instant;
        if self.loss > 0.0 && self.random.random_bool(self.loss) {
            return;
        }
        let copies = 1 + usize::from(self.twice > 0.0 && self.random.random_bool(self.twice));
        for _ in 0..copies {
            let way = if self.late > 0.0 && self.random.random_bool(self.late) { LONG_WAY } else { WAY };
            self.flights.push(Flight { at: now + way, from, to, bytes: bytes.clone() });
        }
    }

    fn stream(&self, node: NodeName) -> &Stream {
        self.streams.iter().find(|stream| stream.node == node).expect("sound is agreed upon")
    }

    /// Does what the phones ordered.
    fn obey(&mut self) {
        for node in [PANEL, OTHER] {
            let orders = self.house.panels[node].orders[self.orders[node]..].to_vec();
            self.orders[node] += orders.len();
            for order in orders {
                match order {
                    MediaOrder::Start { call, ports, streams, audio_send, .. } => {
                        self.start(node, call, ports.audio, streams.audio, audio_send);
                    }
                    MediaOrder::Stop { call } => self.start(node, call, 0, None, false),
                    MediaOrder::Dtmf { call, digits } => {
                        let now = self.house.now.instant;
                        let stream = self.streams.iter_mut().find(|stream| (stream.node, stream.call) == (node, call));
                        if let Some(stream) = stream {
                            for digit in digits.chars() {
                                stream.session.send_dtmf(now, digit, ms(100));
                            }
                        }
                    }
                    _ => {}
                }
            }
        }
        self.flush();
    }

    fn start(&mut self, node: NodeName, call: CallHandle, port: u16, agreed: Option<AudioStream>, sends: bool) {
        let now = self.house.now;
        let there = self.streams.iter().position(|stream| (stream.node, stream.call) == (node, call));
        match (agreed, there) {
            (Some(agreed), Some(there)) => {
                let stream = &mut self.streams[there];
                stream.session.update(now.instant, agreed::audio(&agreed));
                (stream.agreed, stream.sends) = (agreed, sends);
            }
            (Some(agreed), None) => {
                let session = RtpSession::new(SessionConfig {
                    instant: now.instant,
                    wall: now.wall,
                    seed: self.random.random(),
                    cname: format!("panel {node}"),
                    stream: agreed::audio(&agreed),
                });
                self.streams.push(Stream { node, call, port, agreed, sends, session });
            }
            (None, Some(there)) => drop(self.streams.remove(there)),
            (None, None) => {}
        }
    }

    fn speak(&mut self, now: Instant) {
        for stream in &mut self.streams {
            let samples = stream.agreed.codec.rtp_clock() / 50;
            if stream.sends {
                stream.session.send(now, stream.agreed.send_pt, samples, false, &[stream.node as u8]);
            } else {
                stream.session.skip(samples);
            }
        }
        self.flush();
        let mut said = Vec::new();
        for voice in self.voices.iter_mut().filter(|voice| voice.speaks) {
            let mut bytes = vec![0x80, voice.payload_type];
            bytes.extend(voice.sequence.to_be_bytes());
            bytes.extend(voice.timestamp.to_be_bytes());
            bytes.extend(voice.ssrc.to_be_bytes());
            bytes.push(voice.name);
            voice.sequence = voice.sequence.wrapping_add(1);
            voice.timestamp = voice.timestamp.wrapping_add(160);
            said.push((voice.from, voice.to, bytes));
        }
        for (from, to, bytes) in said {
            self.throw(from, to, bytes);
        }
    }

    fn wake(&mut self) {
        let now = self.house.now.instant;
        for stream in &mut self.streams {
            if stream.session.poll_timeout().is_some_and(|(at, _)| at <= now) {
                stream.session.handle_timeout(now);
            }
        }
        self.flush();
    }

    fn flush(&mut self) {
        let mut out = Vec::new();
        for stream in &mut self.streams {
            while let Some(packet) = stream.session.poll_transmit() {
                let port = stream.port + u16::from(packet.channel == Channel::Rtcp);
                out.push((SocketAddr::new(address(stream.node), port), packet.to, packet.bytes));
            }
        }
        for (from, to, bytes) in out {
            self.throw(from, to, bytes);
        }
    }

    fn deliver(&mut self) {
        let now = self.house.now.instant;
        self.flights.sort_by_key(|flight| flight.at);
        let due = self.flights.partition_point(|flight| flight.at <= now);
        let due: Vec<Flight> = self.flights.drain(..due).collect();
        for Flight { at, from, to, bytes } in due {
            let at_port = |stream: &&mut Stream| {
                address(stream.node) == to.ip() && (stream.port == to.port() || stream.port + 1 == to.port())
            };
            let Some(stream) = self.streams.iter_mut().find(at_port) else {
                if !is_rtcp(&bytes) && bytes.len() > 12 {
                    self.outside.push(Heard { at, name: bytes[12], payload_type: bytes[1] & 0x7f, to });
                }
                continue;
            };
            if is_rtcp(&bytes) {
                stream.session.handle_rtcp(now, from, &bytes);
                continue;
            }
            match stream.session.handle_rtp(now, from, &bytes) {
                Some(Received::Media(packet)) => {
                    let name = packet.payload.first().copied().unwrap_or(u8::MAX);
                    self.heard[stream.node].push(Heard { at, name, payload_type: packet.payload_type, to });
                }
                Some(Received::Dtmf(key)) => self.keys[stream.node].push(key.digit),
                None => {}
            }
        }
        self.flush();
    }
}
