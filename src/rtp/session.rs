//! One stream of RTP with its RTCP.

mod reporting;
mod sending;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rtp_types::RtpPacket;

use super::events::{KeyReceiver, KeySender};
use super::latch::Latch;
use super::reports::{self, Extra, Said};
use super::silence::Silence;
use super::source::{Dropped, Sources};
use super::{MediaPacket, Received, RtcpEvent, SessionConfig, Stats, StreamConfig, TimerReason, Transmit, is_rtcp};

/// Mean time between reports (RFC 3550 6.2, without its scaling: there are two of us).
const REPORT_INTERVAL: Duration = Duration::from_secs(5);
/// Where our numbers begin: below half, so that an early loss does not look like a rollover to SRTP (RFC 3711 3.3.1).
const FIRST_SEQUENCES: std::ops::Range<u16> = 0..0x8000;

/// One stream: sound or picture, both ways.
///
/// After each `handle_*` and each command, [`poll_transmit`](Self::poll_transmit) until it is empty, then wait until
/// [`poll_timeout`](Self::poll_timeout) or the next packet.
#[derive(Debug)]
pub struct RtpSession {
    began: Instant,
    wall: SystemTime,
    cname: String,
    stream: StreamConfig,
    rng: StdRng,
    latch: Latch,
    outbox: VecDeque<Transmit>,
    // What we send.
    ssrc: u32,
    /// Whether our SSRC was changed because the other side has the same one; it is not done twice.
    ssrc_changed: bool,
    /// Packets and bytes that were sent under an SSRC before.
    counted_from: (u64, u64),
    sequence: u16,
    timestamp: u32,
    /// The last packet's timestamp, and when the first packet with it was sent.
    last_sent: Option<(u32, Instant)>,
    /// When sound or picture was offered last, sent or not.
    offered: Option<Instant>,
    keys: KeySender,
    /// The timestamp of the last key.
    key_began: Option<u32>,
    /// What follows the keys.
    silence: Silence,
    /// The last packet of the last key, and how often it is to follow the sound once more.
    end: Option<[u8; 4]>,
    ends_to_come: u32,
    // What we hear.
    sources: Sources,
    pressed: KeyReceiver,
    // Reports.
    next_report: Option<Instant>,
    sent_at_report: u64,
    fir_sequence: u8,
    /// A key frame is wanted of a source that has not yet shown itself.
    keyframe_pending: bool,
    stats: Stats,
}

impl RtpSession {
    /// Begins a stream. Nothing is sent before the first [`send`](Self::send) or report.
    pub fn new(config: SessionConfig) -> Self {
        let SessionConfig { instant, wall, seed, mut cname, stream } = config;
        let mut end = cname.len().min(255);
        while !cname.is_char_boundary(end) {
            end -= 1;
        }
        cname.truncate(end);
        let mut rng = StdRng::from_seed(seed);
        let latch = Latch::new(instant, stream.remote, stream.remote_rtcp, stream.rtcp_mux);
        let timestamp = rng.random();
        // The first report comes after half the time (RFC 3550 6.2).
        let first_report = instant + REPORT_INTERVAL.mul_f64(rng.random_range(0.25..0.75));
        Self {
            began: instant,
            wall,
            cname,
            latch,
            stream,
            outbox: VecDeque::new(),
            ssrc: rng.random(),
            ssrc_changed: false,
            counted_from: (0, 0),
            sequence: rng.random_range(FIRST_SEQUENCES),
            timestamp,
            rng,
            last_sent: None,
            offered: None,
            keys: KeySender::default(),
            key_began: None,
            silence: Silence::default(),
            end: None,
            ends_to_come: 0,
            sources: Sources::default(),
            pressed: KeyReceiver::default(),
            next_report: Some(first_report),
            sent_at_report: 0,
            fir_sequence: 0,
            keyframe_pending: false,
            stats: Stats::default(),
        }
    }

    /// Takes a packet from the RTP socket that is not RTCP ([`is_rtcp`]).
    pub fn handle_rtp(&mut self, now: Instant, from: SocketAddr, bytes: &[u8]) -> Option<Received> {
        let packet = match RtpPacket::parse(bytes) {
            Ok(packet) if !is_rtcp(bytes) => packet,
            _ => {
                self.stats.malformed += 1;
                return None;
            }
        };
        let payload_type = packet.payload_type();
        let is_key = self.stream.dtmf_recv_pts.contains(&payload_type);
        if !is_key && !self.stream.recv_pts.contains(&payload_type) {
            self.stats.wrong_type += 1;
            // It has used up a number of its source all the same: comfort noise is not loss.
            if let Some(source) = self.sources.present_mut().filter(|source| source.ssrc == packet.ssrc())
                && self.latch.is_at(from)
            {
                source.order(packet.sequence_number());
            }
            return None;
        }
        if !self.latch.takes(now, from) {
            self.stats.strangers += 1;
            return None;
        }
        if self.ssrc == packet.ssrc() && self.ssrc_changed {
            // Who takes our second SSRC too sends us our own packets back (RFC 3550 8.2).
            self.stats.looped += 1;
            return None;
        }
        let extended_sequence = match self.sources.place(packet.ssrc(), packet.sequence_number()) {
            Ok(place) => place,
            Err(why) => {
                match why {
                    Dropped::Duplicate => self.stats.duplicates += 1,
                    Dropped::Stray => self.stats.malformed += 1,
                    Dropped::Probation | Dropped::Straggler => {}
                }
                return None;
            }
        };
        self.stats.packets_in += 1;
        self.stats.bytes_in += packet.payload_len() as u64;
        self.give_up_ssrc(now, packet.ssrc());
        if self.keyframe_pending {
            self.request_keyframe(now);
        }
        if is_key {
            let (timestamp, marker) = (packet.timestamp(), packet.marker_bit());
            let event = self.pressed.take(packet.ssrc(), timestamp, marker, packet.payload());
            return event.map(Received::Dtmf);
        }
        // It keeps a translator's door open (RFC 6263 4.1) and carries nothing.
        if packet.payload().is_empty() {
            return None;
        }
        if let Some(source) = self.sources.present_mut() {
            source.arrived(now.saturating_duration_since(self.began), packet.timestamp(), self.stream.clock_rate);
        }
        Some(Received::Media(MediaPacket {
            payload_type,
            sequence: packet.sequence_number(),
            extended_sequence,
            timestamp: packet.timestamp(),
            marker: packet.marker_bit(),
            ssrc: packet.ssrc(),
            new_source: self.sources.announce(),
            payload: packet.payload().to_vec(),
        }))
    }

    /// Takes a packet from the RTCP socket, or one from the RTP socket that is RTCP.
    pub fn handle_rtcp(&mut self, now: Instant, from: SocketAddr, bytes: &[u8]) -> Vec<RtcpEvent> {
        if !self.latch.takes_rtcp(from) {
            self.stats.strangers += 1;
            return Vec::new();
        }
        let Some(said) = reports::read(bytes) else {
            self.stats.malformed += 1;
            return Vec::new();
        };
        self.stats.reports_in += 1;
        let mut events = Vec::new();
        for said in said {
            match said {
                Said::Report { ssrc, ntp_middle } => {
                    self.give_up_ssrc(now, ssrc);
                    if let Some(source) = self.sources.present_mut().filter(|source| source.ssrc == ssrc) {
                        source.last_report = Some((ntp_middle, now));
                    }
                }
                Said::Block { ssrc, fraction_lost, last_report, since_last_report } if ssrc == self.ssrc => {
                    self.stats.remote_loss = Some(f32::from(fraction_lost) / 256.0);
                    events.push(RtcpEvent::Lost(fraction_lost));
                    self.measure_round_trip(now, last_report, since_last_report);
                }
                Said::Block { .. } => {}
                Said::Keyframe => events.push(RtcpEvent::KeyframeWanted),
                Said::Bye { ssrc } if self.sources.present().is_some_and(|source| source.ssrc == ssrc) => {
                    self.sources.forget();
                    events.push(RtcpEvent::Bye);
                }
                Said::Bye { .. } => {}
            }
        }
        events.dedup();
        events
    }

    /// Does what is due: a report, the next packet of a key or of the silence after it.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.send_due_key(now);
        self.send_due_silence(now);
        if self.next_report.is_some_and(|due| due <= now) {
            self.report(now, Extra::None);
            self.sent_at_report = self.stats.packets_out;
            let factor = self.rng.random_range(0.5..1.5);
            self.next_report = Some(now + REPORT_INTERVAL.mul_f64(factor));
        }
    }

    /// The next packet to be sent.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.outbox.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called next, and why. A time in the past means now.
    pub fn poll_timeout(&self) -> Option<(Instant, TimerReason)> {
        let report = self.next_report.map(|due| (due, TimerReason::Report));
        let key = self.keys.timeout(self.began);
        let silence = self.silence.timeout().filter(|_| !self.keys.is_active());
        let key = key.or(silence).map(|due| (due, TimerReason::Dtmf));
        report.into_iter().chain(key).min_by_key(|(due, _)| *due)
    }

    /// Sends a packet of sound or picture and moves the timestamp on by `samples` clock units after it: the length of
    /// the sound in it, or 0 for all but the last packet of a picture. After a pause the timestamp has gone on by the clock.
    ///
    /// False if it was not sent: a key sounds in its place, the other side's address is not known, or [`bye`](Self::bye)
    /// was said. Time goes on all the same.
    pub fn send(&mut self, now: Instant, payload_type: u8, samples: u32, marker: bool, payload: &[u8]) -> bool {
        if self.has_paused(now) {
            self.go_on_by_clock(now);
        }
        self.offered = Some(now);
        self.cut_silence();
        let timestamp = self.timestamp;
        self.timestamp = timestamp.wrapping_add(samples);
        if self.keys.is_sounding() || self.next_report.is_none() {
            return false;
        }
        let is_sent = self.send_rtp(now, payload_type, timestamp, marker, payload);
        self.send_end_again(now);
        is_sent
    }

    /// Moves the timestamp on without sending: silence, a frozen camera.
    pub fn skip(&mut self, samples: u32) {
        self.timestamp = self.timestamp.wrapping_add(samples);
    }

    /// Sends a key (`0`–`9`, `*`, `#`, `A`–`D`) after those that wait; `duration` is taken in steps of 50 ms up to 1 s.
    /// While one sounds, [`send`](Self::send) is silent.
    ///
    /// False if the other side takes no keys this way, it is not a key, or too many wait.
    pub fn send_dtmf(&mut self, now: Instant, digit: char, duration: Duration) -> bool {
        if self.stream.dtmf_send_pt.is_none() || self.next_report.is_none() || !self.keys.push(digit, duration) {
            return false;
        }
        self.send_due_key(now);
        true
    }

    /// Has silence follow the keys that are on their way, packet by packet, each 20 ms long. A buffer against jitter gives out what
    /// came last only when more comes, and with no sound behind it the end of a key would stay there. Sound takes the place of
    /// what is left of the silence.
    pub fn silence_after_keys(&mut self, payload_type: u8, packets: Vec<Vec<u8>>) {
        if self.keys.is_active() {
            self.silence.follow(payload_type, packets);
        }
    }

    /// Whether keys are still on their way.
    pub fn dtmf_active(&self) -> bool {
        self.keys.is_active()
    }

    /// Asks the other side for a key frame: by PLI unless it understands only FIR. At once, or, if nothing has come
    /// from it yet, with its first packet. How often is the caller's to say.
    pub fn request_keyframe(&mut self, now: Instant) {
        let Some(media) = self.sources.present().map(|source| source.ssrc) else {
            self.keyframe_pending = true;
            return;
        };
        self.keyframe_pending = false;
        if self.next_report.is_none() {
            return;
        }
        self.stats.keyframe_requests += 1;
        if self.stream.fir && !self.stream.pli {
            let sequence = self.fir_sequence;
            self.fir_sequence = sequence.wrapping_add(1);
            self.report(now, Extra::Fir { media, sequence });
        } else {
            self.report(now, Extra::Pli { media });
        }
    }

    /// Takes leave. What comes still is taken, but nothing is sent any more.
    pub fn bye(&mut self, now: Instant) {
        if self.next_report.is_some() {
            self.report(now, Extra::Bye);
        }
        self.next_report = None;
        self.keys.clear();
        self.silence.clear();
    }

    /// Takes a new agreement over, with no break in what is sent and heard.
    pub fn update(&mut self, now: Instant, stream: StreamConfig) {
        if self.latch.update(now, stream.remote, stream.remote_rtcp, stream.rtcp_mux) {
            self.sources.expect_move();
        }
        if stream.clock_rate != self.stream.clock_rate {
            // Times of the old clock cannot be counted on in units of the new one.
            self.last_sent = None;
            if let Some(source) = self.sources.present_mut() {
                source.new_clock();
            }
        }
        if stream.dtmf_send_pt.is_none() {
            self.keys.clear();
        }
        if stream != self.stream {
            // It was encoded for the agreement before.
            self.cut_silence();
        }
        self.stream = stream;
    }

    /// What was counted and measured.
    pub fn stats(&self) -> Stats {
        let mut stats = self.stats.clone();
        stats.lost = self.sources.lost();
        if let Some(source) = self.sources.present() {
            stats.jitter_ms = source.jitter() as f32 * 1000.0 / self.stream.clock_rate.max(1) as f32;
        }
        stats
    }

    /// Who we are.
    pub fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// If the other side has chosen our SSRC: take leave of it and take another, with counts of its own (RFC 3550 8.2,
    /// 6.4.1). Once only: a mirror shall not drive us from one to the next.
    fn give_up_ssrc(&mut self, now: Instant, theirs: u32) {
        if self.ssrc != theirs || self.ssrc_changed {
            return;
        }
        self.ssrc_changed = true;
        if self.last_sent.is_some() && self.next_report.is_some() {
            self.report(now, Extra::Bye);
        }
        while self.ssrc == theirs {
            self.ssrc = self.rng.random();
        }
        self.sequence = self.rng.random_range(FIRST_SEQUENCES);
        self.counted_from = (self.stats.packets_out, self.stats.bytes_out);
        self.last_sent = None;
    }
}
