//! One continuous stream for the pipeline, whatever the far end does: early media and answer from two encoders, a restart with new
//! numbers, a new SSRC after a re-INVITE (RFC 3550 5.1, 8.2, A.1).
//!
//! Without this the jitter buffer counts thousands of packets as lost at each such change and holds the picture back.

use std::time::{Duration, Instant};

/// The payload type that the pipeline's caps name; what arrives is rewritten to it.
pub const PAYLOAD_TYPE: u8 = 96;

const SSRC: u32 = 0x5645_5354;
/// A gap that is still taken for loss (RFC 3550 A.1, MAX_DROPOUT).
const MAX_DROPOUT: i16 = 3000;
/// A step back that is still taken for reordering (RFC 3550 A.1, MAX_MISORDER).
const MAX_MISORDER: i16 = 100;
/// A step of the timestamp that cannot be time passing: 10 s at 90 kHz.
const MAX_TIMESTAMP_STEP: u32 = 900_000;
/// Packets of the stream that was just left are stragglers for so long.
const STRAGGLERS: Duration = Duration::from_millis(500);

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on, rewritten in place.
    Pass,
    /// It goes on, and it begins another stream: a key frame is needed.
    NewStream,
    /// It is not for the pipeline.
    Drop,
}

/// The mapping from the stream that arrives to the one that the pipeline sees.
#[derive(Debug, Default)]
pub struct Continuity {
    current: Option<Current>,
    left: Option<(u32, Instant)>,
    suspect: Option<(u32, u16)>,
}

#[derive(Debug)]
struct Current {
    ssrc: u32,
    highest: u16,
    timestamp: u32,
    arrived: Instant,
    sequence_offset: u16,
    timestamp_offset: u32,
}

impl Continuity {
    /// Rewrites a packet in place: payload type, sequence number, timestamp and SSRC. `packet` is a whole RTP packet.
    pub fn rewrite(&mut self, now: Instant, packet: &mut [u8]) -> Verdict {
        if packet.len() <= 12 || packet[0] >> 6 != 2 {
            return Verdict::Drop;
        }
        let sequence = u16::from_be_bytes([packet[2], packet[3]]);
        let timestamp = u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]]);
        let ssrc = u32::from_be_bytes([packet[8], packet[9], packet[10], packet[11]]);
        let verdict = self.judge(now, ssrc, sequence, timestamp);
        if let (Verdict::Pass | Verdict::NewStream, Some(current)) = (verdict, &self.current) {
            packet[1] = packet[1] & 0x80 | PAYLOAD_TYPE;
            packet[2..4].copy_from_slice(&sequence.wrapping_add(current.sequence_offset).to_be_bytes());
            packet[4..8].copy_from_slice(&timestamp.wrapping_add(current.timestamp_offset).to_be_bytes());
            packet[8..12].copy_from_slice(&SSRC.to_be_bytes());
        }
        verdict
    }

    fn judge(&mut self, now: Instant, ssrc: u32, sequence: u16, timestamp: u32) -> Verdict {
        let Some(current) = &mut self.current else {
            self.begin(now, ssrc, sequence, timestamp);
            return Verdict::NewStream;
        };
        if ssrc != current.ssrc {
            if self.left.is_some_and(|(old, at)| old == ssrc && now.duration_since(at) < STRAGGLERS) {
                return Verdict::Drop;
            }
            self.left = Some((current.ssrc, now));
            self.begin(now, ssrc, sequence, timestamp);
            return Verdict::NewStream;
        }
        let step = sequence.wrapping_sub(current.highest) as i16;
        let leap = timestamp.wrapping_sub(current.timestamp).min(current.timestamp.wrapping_sub(timestamp));
        if (-MAX_MISORDER..=MAX_DROPOUT).contains(&step) && leap <= MAX_TIMESTAMP_STEP + elapsed(now, current.arrived) {
            if step > 0 {
                current.highest = sequence;
                current.timestamp = timestamp;
                current.arrived = now;
            }
            self.suspect = None;
            return Verdict::Pass;
        }
        // One stray packet is not a restart, two in sequence are (RFC 3550 A.1).
        if self.suspect == Some((ssrc, sequence)) {
            self.begin(now, ssrc, sequence, timestamp);
            return Verdict::NewStream;
        }
        self.suspect = Some((ssrc, sequence.wrapping_add(1)));
        Verdict::Drop
    }

    fn begin(&mut self, now: Instant, ssrc: u32, sequence: u16, timestamp: u32) {
        let (next_sequence, next_timestamp) = match &self.current {
            Some(old) => (
                old.highest.wrapping_add(old.sequence_offset).wrapping_add(1),
                old.timestamp.wrapping_add(old.timestamp_offset).wrapping_add(elapsed(now, old.arrived).max(1)),
            ),
            None => (sequence, timestamp),
        };
        self.suspect = None;
        self.current = Some(Current {
            ssrc,
            highest: sequence,
            timestamp,
            arrived: now,
            sequence_offset: next_sequence.wrapping_sub(sequence),
            timestamp_offset: next_timestamp.wrapping_sub(timestamp),
        });
    }
}

/// Time passed, in units of the 90 kHz clock.
fn elapsed(now: Instant, since: Instant) -> u32 {
    (now.saturating_duration_since(since).as_millis() as u32).wrapping_mul(90)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(ssrc: u32, sequence: u16, timestamp: u32) -> Vec<u8> {
        let mut packet = vec![0x80, 0x80 | 104];
        packet.extend(sequence.to_be_bytes());
        packet.extend(timestamp.to_be_bytes());
        packet.extend(ssrc.to_be_bytes());
        packet.push(0x65);
        packet
    }

    fn sequence_of(packet: &[u8]) -> u16 {
        u16::from_be_bytes([packet[2], packet[3]])
    }

    fn timestamp_of(packet: &[u8]) -> u32 {
        u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]])
    }

    fn pass(c: &mut Continuity, now: Instant, ssrc: u32, sequence: u16, timestamp: u32) -> (Verdict, u16, u32) {
        let mut p = packet(ssrc, sequence, timestamp);
        let verdict = c.rewrite(now, &mut p);
        (verdict, sequence_of(&p), timestamp_of(&p))
    }

    #[test]
    fn a_new_ssrc_continues_where_the_old_one_stood() {
        let (mut c, now) = (Continuity::default(), Instant::now());
        assert_eq!(pass(&mut c, now, 1, 65535, 1000), (Verdict::NewStream, 65535, 1000));
        assert_eq!(pass(&mut c, now, 1, 0, 4600), (Verdict::Pass, 0, 4600));
        let later = now + Duration::from_millis(40);
        assert_eq!(pass(&mut c, later, 2, 30000, 77), (Verdict::NewStream, 1, 8200));
        assert_eq!(pass(&mut c, later, 2, 30001, 77), (Verdict::Pass, 2, 8200));
        assert_eq!(pass(&mut c, later, 1, 1, 8200).0, Verdict::Drop, "a straggler of the stream that was left");
    }

    #[test]
    fn the_marker_stays_and_payload_type_and_ssrc_are_ours() {
        let (mut c, now) = (Continuity::default(), Instant::now());
        let mut p = packet(9, 5, 5);
        c.rewrite(now, &mut p);
        assert_eq!(p[1], 0x80 | PAYLOAD_TYPE);
        assert_eq!(p[8..12], SSRC.to_be_bytes());
        assert_eq!(p[12], 0x65);
    }

    #[test]
    fn loss_and_reordering_pass_but_a_restart_needs_two_packets() {
        let (mut c, now) = (Continuity::default(), Instant::now());
        pass(&mut c, now, 1, 100, 0);
        assert_eq!(pass(&mut c, now, 1, 150, 3600), (Verdict::Pass, 150, 3600));
        assert_eq!(pass(&mut c, now, 1, 149, 3600), (Verdict::Pass, 149, 3600));
        assert_eq!(pass(&mut c, now, 1, 40000, 9).0, Verdict::Drop);
        let (verdict, sequence, timestamp) = pass(&mut c, now, 1, 40001, 9);
        assert_eq!((verdict, sequence), (Verdict::NewStream, 151));
        assert!(timestamp > 3600);
    }

    #[test]
    fn a_leap_of_the_timestamp_alone_is_a_restart_too() {
        let (mut c, now) = (Continuity::default(), Instant::now());
        pass(&mut c, now, 1, 1, 0);
        assert_eq!(pass(&mut c, now, 1, 2, 1 << 31).0, Verdict::Drop);
        assert_eq!(pass(&mut c, now, 1, 3, 1 << 31).0, Verdict::NewStream);
    }

    #[test]
    fn what_is_no_rtp_is_dropped() {
        let mut c = Continuity::default();
        assert_eq!(c.rewrite(Instant::now(), &mut [0x80; 12]), Verdict::Drop, "no payload");
        assert_eq!(c.rewrite(Instant::now(), &mut [0x00; 40]), Verdict::Drop, "version 0");
        assert_eq!(c.rewrite(Instant::now(), &mut []), Verdict::Drop);
    }
}
