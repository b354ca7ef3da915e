//! What a session sends beside its reports, and what time it is in it.

use std::time::{Duration, Instant};

use rtp_types::RtpPacketBuilder;

use super::super::{Channel, Transmit};
use super::RtpSession;

/// Sound or picture that is not offered for this long has paused. Less is the pace of a busy machine.
const PAUSE: Duration = Duration::from_secs(1);
/// How often the end of a key comes again.
const ENDS_AGAIN: u32 = 3;

impl RtpSession {
    pub(super) fn send_due_key(&mut self, now: Instant) {
        let Some(payload_type) = self.stream.dtmf_send_pt else { return };
        let clock = self.stream.dtmf_clock;
        let Some(packet) = self.keys.next(now, clock) else { return };
        if packet.first {
            // With no sound in between, time goes on by the clock: two keys never share a timestamp.
            if self.has_paused(now) || self.key_began == Some(self.timestamp) {
                self.go_on_by_clock(now);
            }
            self.key_began = Some(self.timestamp);
        }
        let timestamp = self.key_began.unwrap_or(self.timestamp);
        self.end = Some(packet.payload);
        self.ends_to_come = 0;
        self.send_rtp(now, payload_type, timestamp, packet.first, &packet.payload);
        self.silence.wait(now);
    }

    /// Sound takes the place of the silence behind a key, perhaps because we have just answered. Whoever empties its buffer then
    /// has lost the end that was in there: it comes again.
    pub(super) fn cut_silence(&mut self) {
        if self.silence.timeout().is_some() && self.keys.is_over() {
            self.ends_to_come = ENDS_AGAIN;
        }
        self.silence.clear();
    }

    /// The end of the last key, as often as it is to come again. Whoever has seen it knows it by its timestamp
    /// (RFC 4733 2.5.2.3).
    pub(super) fn send_end_again(&mut self, now: Instant) {
        let (Some(payload_type), Some(timestamp), Some(end)) = (self.stream.dtmf_send_pt, self.key_began, self.end)
        else {
            return;
        };
        if self.ends_to_come > 0 {
            self.ends_to_come -= 1;
            self.send_rtp(now, payload_type, timestamp, false, &end);
        }
    }

    pub(super) fn send_due_silence(&mut self, now: Instant) {
        if self.keys.is_active() {
            return;
        }
        if let Some((payload_type, packet)) = self.silence.next(now) {
            self.go_on_by_clock(now);
            self.send_rtp(now, payload_type, self.timestamp, false, &packet);
        }
    }

    /// Whether neither sound nor picture is on its way.
    pub(super) fn has_paused(&self, now: Instant) -> bool {
        self.offered.is_none_or(|at| now.saturating_duration_since(at) > PAUSE)
    }

    /// Moves the timestamp on to where the clock is by now (RFC 3550 5.1), never back.
    pub(super) fn go_on_by_clock(&mut self, now: Instant) {
        let Some((timestamp, at)) = self.last_sent else { return };
        let by_clock = timestamp.wrapping_add(self.units(now.saturating_duration_since(at)));
        if by_clock.wrapping_sub(self.timestamp) as i32 > 0 {
            self.timestamp = by_clock;
        }
    }

    /// A time in units of the stream's clock, wrapping as timestamps do.
    pub(super) fn units(&self, time: Duration) -> u32 {
        (time.as_micros() * u128::from(self.stream.clock_rate) / 1_000_000) as u32
    }

    pub(super) fn send_rtp(
        &mut self,
        now: Instant,
        payload_type: u8,
        timestamp: u32,
        marker: bool,
        payload: &[u8],
    ) -> bool {
        let Some(to) = self.latch.rtp_to() else { return false };
        let packet = RtpPacketBuilder::<&[u8], &[u8]>::new()
            .payload_type(payload_type)
            .sequence_number(self.sequence)
            .timestamp(timestamp)
            .ssrc(self.ssrc)
            .marker_bit(marker)
            .payload(payload);
        // The one way to fail is a payload type beyond 127.
        let Ok(bytes) = packet.write_vec() else { return false };
        self.sequence = self.sequence.wrapping_add(1);
        if self.last_sent.is_none_or(|(before, _)| before != timestamp) {
            self.last_sent = Some((timestamp, now));
        }
        self.stats.packets_out += 1;
        self.stats.bytes_out += payload.len() as u64;
        self.outbox.push_back(Transmit { channel: Channel::Rtp, to, bytes });
        true
    }
}
