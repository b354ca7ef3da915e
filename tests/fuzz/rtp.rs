//! A stream of RTP and RTCP: packets in any order and shape, from the other side and from elsewhere, while we send, press
//! keys, ask for pictures, change the agreement and take leave.
//!
//! An input is a script of steps: what is done, after how much time, with how many bytes, then those bytes.

use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use vestibule::rtp::{Received, RtpSession, SessionConfig, StreamConfig, is_rtcp};

use crate::mutator::Mutator;
use crate::{fuzz, seeds};

const WORDS: &[&[u8]] = &[
    b"\0",
    b"\xFF",
    b"\xFF\xFF",
    b"\x80",
    b"\x80\0",
    b"\x80\x80",
    b"\x80\x65",
    b"\x90\0",
    b"\xA0\0",
    b"\xB0\xE5",
    b"\x80\xC8\0\x06",
    b"\x81\xC9\0\x07",
    b"\x81\xCA\0\x03",
    b"\x81\xCB\0\x01",
    b"\x81\xCE\0\x02",
    b"\x84\xCE\0\x04",
    b"\0\0\0\x07",
    b"\xBE\xDE\0\x01",
    b"\0\0\x0C\x80\0\0\x01\0\0\0\xA0\0\0\0\x07",
    b"\x03\x05\x04\0\0\0\0",
    b"\x04\xFF\x01\0\0",
    b"\x05\xFF\x01\0\0",
    b"\x06\0\0\0",
];

fn stream(flags: u8) -> StreamConfig {
    let ip = if flags & 1 == 0 { [10, 0, 0, 2] } else { [0, 0, 0, 0] };
    let clock_rate = if flags & 2 == 0 { 8_000 } else { 90_000 };
    StreamConfig {
        clock_rate,
        remote: (ip, 5004 + u16::from(flags & 0xf0)).into(),
        remote_rtcp: (ip, 5005).into(),
        rtcp_mux: flags & 4 != 0,
        recv_pts: vec![0, 8, 96],
        dtmf_recv_pts: vec![101],
        dtmf_send_pt: (flags & 8 == 0).then_some(101),
        dtmf_clock: 8_000,
        pli: flags & 8 == 0,
        fir: true,
    }
}

/// True if it brings media or keys.
fn check(input: &[u8]) -> bool {
    let began = Instant::now();
    let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    let config = SessionConfig { instant: began, wall, seed: [3; 32], cname: "panel".into(), stream: stream(0) };
    let mut session = RtpSession::new(config);
    let (mut now, mut rest, mut given, mut heard) = (began, input, 0, 0);
    while let [what, after, high, low, more @ ..] = rest {
        let len = usize::from(u16::from_be_bytes([*high, *low])).min(more.len());
        let (bytes, next) = more.split_at(len);
        rest = next;
        // Milliseconds, and now and then minutes.
        now += Duration::from_millis(u64::from(*after) * if *what & 0x80 == 0 { 1 } else { 1_000 });
        let from = |port: u16| SocketAddr::from(([10, 0, 0, if what & 0x40 == 0 { 2 } else { 66 }], port));
        let before = session.stats();
        match what & 0x0f {
            8 => drop(session.handle_rtcp(now, from(5005), bytes)),
            9 => {
                session.send(now, low & 0x7f, u32::from(*after) << 8, high & 1 == 0, bytes);
            }
            10 => {
                session.send_dtmf(now, char::from(low & 0x7f), Duration::from_millis(u64::from(*after) * 10));
            }
            11 => session.request_keyframe(now),
            12 => session.update(now, stream(*low)),
            13 => session.skip(u32::from(*after) << 24),
            14 => session.handle_timeout(now),
            15 if *low == 255 => session.bye(now),
            _ if is_rtcp(bytes) => {
                given += 1;
                let events = session.handle_rtcp(now, from(5004), bytes);
                assert!(events.len() <= bytes.len(), "no more is said than was heard");
            }
            _ => {
                given += 1;
                match session.handle_rtp(now, from(5004), bytes) {
                    Some(Received::Media(packet)) => {
                        heard += 1;
                        assert!(packet.payload.len() < bytes.len() && packet.payload_type < 128);
                        assert_eq!(packet.extended_sequence as u16, packet.sequence);
                    }
                    Some(Received::Dtmf(event)) => {
                        heard += 1;
                        assert!("0123456789*#ABCD".contains(event.digit), "{event:?}");
                    }
                    None => {}
                }
            }
        }
        drain(&mut session, now, bytes.len());
        let stats = session.stats();
        assert!(stats.packets_in >= before.packets_in && stats.malformed >= before.malformed, "counts only grow");
        assert!(stats.packets_in + stats.duplicates + stats.wrong_type + stats.looped <= given, "{stats:?}");
        assert!(stats.jitter_ms.is_finite() && stats.jitter_ms >= 0.0, "{stats:?}");
        assert!(stats.round_trip_ms.is_none_or(|ms| ms.is_finite() && ms >= 0.0), "{stats:?}");
        assert!(stats.remote_loss.is_none_or(|share| (0.0..=1.0).contains(&share)), "{stats:?}");
        assert!(stats.lost <= 0x1_0000 * (given + 1), "{stats:?}");
    }
    heard > 0
}

/// Sends what is due: a few packets at a time, whatever came.
fn drain(session: &mut RtpSession, now: Instant, largest: usize) {
    session.handle_timeout(now);
    let mut packets = 0;
    while let Some(packet) = session.poll_transmit() {
        packets += 1;
        assert!(packet.bytes.len() <= 512 + largest && !packet.to.ip().is_unspecified(), "{packet:?}");
    }
    assert!(packets <= 8, "{packets} packets at one time");
    if let Some((next, reason)) = session.poll_timeout() {
        assert!(next < now + Duration::from_secs(3_600), "{reason:?}");
    }
}

#[test]
fn rtp() {
    fuzz("rtp", 20_000, 1 << 20, Mutator::new(seeds("corpus/rtp"), WORDS, |_| ()), check);
}
