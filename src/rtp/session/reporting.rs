//! What a session reports, and what it learns from the reports of the other side (RFC 3550 6.4).

use std::time::Instant;

use super::super::reports::{self, Extra, Heard, Sent};
use super::super::{Channel, Transmit};
use super::RtpSession;

impl RtpSession {
    /// Sends a report with what is added to it.
    pub(super) fn report(&mut self, now: Instant, extra: Extra) {
        let Some(to) = self.latch.rtcp_to() else { return };
        let ntp = self.ntp(now);
        let active = self.stats.packets_out > self.sent_at_report;
        let sent = self.last_sent.filter(|_| active).map(|(timestamp, at)| Sent {
            ntp,
            rtp_timestamp: timestamp.wrapping_add(self.units(now.saturating_duration_since(at))),
            // Both wrap, as the fields do (RFC 3550 6.4.1).
            packets: self.stats.packets_out.wrapping_sub(self.counted_from.0) as u32,
            bytes: self.stats.bytes_out.wrapping_sub(self.counted_from.1) as u32,
        });
        let regular = matches!(extra, Extra::None);
        let heard = self.sources.present_mut().map(|source| Heard {
            ssrc: source.ssrc,
            // The share is of the time between regular reports; what goes out early repeats it.
            fraction_lost: source.fraction_lost(regular),
            lost: source.lost(),
            highest: source.highest() as u32,
            jitter: source.jitter(),
            last_report: source.last_report.map_or(0, |(middle, _)| middle),
            since_last_report: source
                .last_report
                .map_or(0, |(_, at)| reports::delay(now.saturating_duration_since(at))),
        });
        let bytes = reports::write(self.ssrc, &self.cname, sent, heard, extra);
        let channel = if self.stream.rtcp_mux { Channel::Rtp } else { Channel::Rtcp };
        self.outbox.push_back(Transmit { channel, to, bytes });
    }

    fn ntp(&self, now: Instant) -> u64 {
        reports::ntp(self.wall + now.saturating_duration_since(self.began))
    }

    /// There and back: now, less when our report left, less how long the other side sat on it (RFC 3550 6.4.1).
    pub(super) fn measure_round_trip(&mut self, now: Instant, last_report: u32, since_last_report: u32) {
        if last_report == 0 {
            return;
        }
        let now = reports::ntp_middle(self.ntp(now));
        let round_trip = now.wrapping_sub(last_report).wrapping_sub(since_last_report) as i32;
        // Less than nothing is rounding; more than a minute is nonsense.
        if (-655..=60 * 65_536).contains(&round_trip) {
            self.stats.round_trip_ms = Some(round_trip.max(0) as f32 * 1000.0 / 65_536.0);
        }
    }
}
