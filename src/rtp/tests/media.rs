//! Sound and pictures: order, loss, jitter, whose packets are taken.

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rtp_types::RtpPacket;

use super::*;

#[test]
fn what_is_sent_is_a_stream() {
    let mut rig = Rig::new();
    for turn in 0..3u64 {
        assert!(rig.session.send(rig.at(turn * 20), AUDIO, 160, turn == 0, b"sound"));
    }
    let sent = rig.sent();
    let packets: Vec<RtpPacket<'_>> = sent.iter().map(|sent| RtpPacket::parse(&sent.bytes).expect("RTP")).collect();
    assert!(sent.iter().all(|sent| sent.to == remote() && sent.channel == Channel::Rtp));
    for pair in packets.windows(2) {
        assert_eq!(pair[1].sequence_number(), pair[0].sequence_number().wrapping_add(1));
        assert_eq!(pair[1].timestamp(), pair[0].timestamp().wrapping_add(160));
        assert_eq!(pair[1].ssrc(), rig.session.ssrc());
    }
    assert!(packets[0].marker_bit() && !packets[1].marker_bit());
    assert_eq!(packets[0].payload(), b"sound");
    assert_eq!((rig.session.stats().packets_out, rig.session.stats().bytes_out), (3, 15));
    assert!(!rig.session.send(rig.at(60), 128, 160, false, b"sound"), "there is no payload type 128");
}

#[test]
fn sequence_and_timestamp_roll_over_on_the_way_out() {
    let mut rig = Rig::new();
    let mut last: Option<(u16, u32)> = None;
    for turn in 0..70_000u64 {
        rig.session.send(rig.at(turn), AUDIO, 100_000, false, b"");
        let sent = rig.session.poll_transmit().expect("it was sent");
        let packet = RtpPacket::parse(&sent.bytes).expect("RTP");
        let now = (packet.sequence_number(), packet.timestamp());
        if let Some((sequence, timestamp)) = last.replace(now) {
            assert_eq!(now, (sequence.wrapping_add(1), timestamp.wrapping_add(100_000)));
        }
    }
}

#[test]
fn two_streams_of_one_seed_are_one_and_of_two_are_two() {
    assert_eq!(Rig::with(1, stream()).session.ssrc(), Rig::with(1, stream()).session.ssrc());
    assert_ne!(Rig::with(1, stream()).session.ssrc(), Rig::with(2, stream()).session.ssrc());
}

#[test]
fn loss_is_counted_and_a_late_packet_takes_it_back() {
    let mut rig = Rig::new();
    for sequence in [10, 11, 14, 15] {
        assert!(rig.hear(0, 7, sequence).is_some());
    }
    assert_eq!((rig.session.stats().packets_in, rig.session.stats().lost), (4, 2));
    assert!(rig.hear(0, 7, 13).is_some(), "late is not lost");
    assert_eq!(rig.session.stats().lost, 1);
    assert!(rig.hear(0, 7, 13).is_none() && rig.hear(0, 7, 15).is_none(), "but it comes only once");
    assert_eq!((rig.session.stats().duplicates, rig.session.stats().lost), (2, 1));
    // One from before the first.
    assert!(rig.hear(0, 7, 9).is_some());
    assert_eq!(rig.session.stats().lost, 1);
}

#[test]
fn rollovers_are_counted_in_order_and_out_of_order() {
    let mut rig = Rig::new();
    let places: Vec<u64> = [65_534u16, 65_535, 1, 0, 2]
        .into_iter()
        .map(|sequence| rig.hear(0, 7, sequence).expect("taken").extended_sequence)
        .collect();
    assert_eq!(places.iter().map(|place| place - places[0]).collect::<Vec<_>>(), [0, 1, 3, 2, 4]);
    assert_eq!(rig.session.stats().lost, 0);
    // An old one from before the rollover still has its place.
    let mut rig = Rig::new();
    let first = rig.hear(0, 7, 0).expect("taken").extended_sequence;
    assert_eq!(rig.hear(0, 7, 65_535).expect("taken").extended_sequence, first - 1);
}

#[test]
fn a_bad_network_is_counted_exactly() {
    let mut rng = StdRng::seed_from_u64(30);
    let mut rig = Rig::new();
    let mut arriving = Vec::new();
    let (mut kept, mut twice) = (0u64, 0u64);
    // The first and the last arrive, so that what should have come is known.
    for count in 0..200_000u32 {
        let ends = count == 0 || count == 199_999;
        if !ends && rng.random_bool(0.1) {
            continue;
        }
        kept += 1;
        arriving.push(count as u16);
        if !ends && rng.random_bool(0.05) {
            twice += 1;
            arriving.push(count as u16);
        }
    }
    let last = arriving.len() - 1;
    for window in arriving[1..last].chunks_mut(20) {
        window.shuffle(&mut rng);
    }
    let mut seen = std::collections::HashSet::new();
    for sequence in arriving {
        if let Some(packet) = rig.hear(0, 7, sequence) {
            assert!(seen.insert(packet.extended_sequence), "each comes once");
        }
    }
    let stats = rig.session.stats();
    assert_eq!((stats.packets_in, stats.duplicates, stats.lost), (kept, twice, 200_000 - kept));
    assert_eq!(seen.len() as u64, kept);
}

#[test]
fn a_stray_number_is_not_believed_but_a_restart_is() {
    let mut rig = Rig::new();
    rig.hear(0, 7, 100);
    assert!(rig.hear(0, 7, 40_000).is_none());
    assert!(rig.hear(0, 7, 101).is_some(), "the stream goes on");
    assert_eq!((rig.session.stats().malformed, rig.session.stats().lost), (1, 0));
    assert!(rig.hear(0, 7, 50_000).is_none());
    let packet = rig.hear(0, 7, 50_001).expect("the second of a new count");
    assert!(packet.new_source);
    assert!(!rig.hear(0, 7, 50_002).expect("taken").new_source);
    assert_eq!(rig.session.stats().lost, 0);
}

#[test]
fn another_source_is_taken_after_probation() {
    let mut rig = Rig::new();
    assert!(rig.hear(0, 7, 1).expect("the first is taken at once").new_source);
    rig.hear(0, 7, 3);
    // One packet of someone else, twice the same, two far apart, or one between two of ours: nothing.
    assert!(rig.hear(0, 8, 400).is_none());
    assert!(rig.hear(0, 8, 400).is_none());
    assert!(rig.hear(0, 8, 502).is_none());
    assert!(rig.hear(0, 7, 4).is_some());
    assert!(rig.hear(0, 8, 503).is_none());
    // Two near each other: it is the stream now.
    let packet = rig.hear(0, 8, 504).expect("taken");
    assert!(packet.new_source && packet.ssrc == 8);
    assert!(rig.hear(0, 7, 5).is_none(), "the old one has to prove itself again");
    assert!(!rig.hear(0, 8, 505).expect("taken").new_source);
    // What the old one lost stays counted.
    assert_eq!((rig.session.stats().packets_in, rig.session.stats().lost), (5, 1));
}

#[test]
fn jitter_is_that_of_the_rfc() {
    let mut rig = Rig::new();
    for turn in 0..500u64 {
        rig.hear(turn * 20, 7, turn as u16);
    }
    assert_eq!(rig.session.stats().jitter_ms, 0.0);
    // Every other one 10 ms late: transit changes by 80 units each time, and J tends to 80.
    for turn in 500..1500u64 {
        rig.hear(turn * 20 + turn % 2 * 10, 7, turn as u16);
    }
    let jitter = rig.session.stats().jitter_ms;
    assert!((9.0..10.5).contains(&jitter), "{jitter}");
    // A new timeline is not jitter.
    let jump = packet(AUDIO, true, 1500, 3_000_000_000, 7, b"sound");
    rig.session.handle_rtp(rig.at(30_000), remote(), &jump);
    assert!(rig.session.stats().jitter_ms <= jitter);
}

#[test]
fn another_payload_type_is_dropped_and_is_not_loss() {
    let mut rig = Rig::new();
    let noise = |sequence| packet(13, false, sequence, 0, 7, b"\x40");
    assert!(rig.session.handle_rtp(rig.at(0), remote(), &noise(1)).is_none());
    rig.hear(0, 7, 2);
    assert!(rig.session.handle_rtp(rig.at(0), remote(), &noise(3)).is_none());
    rig.hear(0, 7, 4);
    let stats = rig.session.stats();
    assert_eq!((stats.wrong_type, stats.packets_in, stats.lost), (2, 2, 0));
}

#[test]
fn what_is_not_rtp_is_counted_and_dropped() {
    let mut rig = Rig::new();
    let short = [0x80u8; 11];
    let version_1 = packet(AUDIO, false, 1, 0, 7, b"").iter().map(|b| b & 0x7f).collect::<Vec<u8>>();
    let padded_beyond = {
        let mut bytes = packet(AUDIO, false, 1, 0, 7, b"\xff");
        bytes[0] |= 0x20;
        bytes
    };
    let rtcp = [0x81u8, 201, 0, 1, 0, 0, 0, 7, 0, 0, 0, 0];
    for bytes in [&short[..], &version_1, &padded_beyond, &rtcp, b""] {
        assert!(rig.session.handle_rtp(rig.at(0), remote(), bytes).is_none());
    }
    assert_eq!(rig.session.stats().malformed, 5);
    assert!(is_rtcp(&rtcp) && !is_rtcp(&packet(127, true, 1, 0, 7, b"")) && !is_rtcp(b""));
}

#[test]
fn padding_extension_and_contributors_are_taken_off() {
    let mut rig = Rig::new();
    let mut bytes = vec![0xb1, AUDIO, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7];
    bytes.extend([0, 0, 0, 9]);
    bytes.extend([0xbe, 0xde, 0, 1, 1, 2, 3, 4]);
    bytes.extend(b"sound\0\0\x03");
    let received = rig.session.handle_rtp(rig.at(0), remote(), &bytes);
    assert!(matches!(received, Some(Received::Media(packet)) if packet.payload == b"sound"));
}

#[test]
fn strangers_are_dropped_once_the_other_side_has_spoken() {
    let mut rig = Rig::new();
    assert!(rig.hear(0, 7, 1).is_some());
    assert!(rig.hear_from(1, address("10.0.0.66:5004"), 7, 2).is_none());
    assert!(rig.hear_from(1, address("10.0.0.2:6000"), 7, 2).is_none());
    assert_eq!((rig.session.stats().strangers, rig.session.stats().packets_in), (2, 1));
}

#[test]
fn one_that_shows_itself_elsewhere_in_the_first_second_is_answered_there() {
    let translated = address("192.0.2.1:40000");
    let mut rig = Rig::new();
    assert!(rig.hear_from(900, translated, 7, 1).is_some());
    assert!(rig.hear_from(5_000, translated, 7, 2).is_some());
    assert!(rig.hear_from(5_000, address("192.0.2.9:40000"), 7, 3).is_none(), "no second one");
    rig.session.send(rig.at(5_000), AUDIO, 160, false, b"sound");
    assert_eq!(rig.sent()[0].to, translated);
    // The negotiated address has the last word.
    assert!(rig.hear(6_000, 7, 3).is_some());
    assert!(rig.hear_from(6_000, translated, 7, 4).is_none());
    rig.session.send(rig.at(6_000), AUDIO, 160, false, b"sound");
    assert_eq!(rig.sent()[0].to, remote());
}

#[test]
fn after_the_first_second_only_the_other_port_of_the_same_device_is_taken() {
    let mut rig = Rig::new();
    assert!(rig.hear_from(1_001, address("192.0.2.1:40000"), 7, 1).is_none());
    assert!(rig.hear_from(9_000, address("10.0.0.2:6000"), 7, 1).is_some());
    assert_eq!(rig.session.stats().strangers, 1);
}

#[test]
fn a_wrong_payload_type_latches_nobody() {
    let mut rig = Rig::new();
    let wrong = packet(77, false, 1, 0, 7, b"");
    assert!(rig.session.handle_rtp(rig.at(10), address("192.0.2.1:40000"), &wrong).is_none());
    assert!(rig.hear(20, 7, 2).is_some());
}

#[test]
fn with_no_address_nothing_is_sent_until_the_other_side_speaks() {
    let unknown = StreamConfig { remote: address("0.0.0.0:5004"), remote_rtcp: address("0.0.0.0:5005"), ..stream() };
    let mut rig = Rig::with(1, unknown.clone());
    assert!(!rig.session.send(rig.at(0), AUDIO, 160, false, b"sound"));
    assert!(rig.hear(900, 7, 1).is_some());
    assert!(rig.session.send(rig.at(900), AUDIO, 160, false, b"sound"));
    assert_eq!(rig.sent()[0].to, remote());
    // Who comes later than that is nobody in particular.
    let mut rig = Rig::with(1, unknown);
    rig.session.handle_timeout(rig.at(10_000));
    assert!(rig.sent().is_empty());
    assert!(rig.hear(20_000, 7, 1).is_none());
    assert_eq!(rig.session.stats().strangers, 1);
}

#[test]
fn a_new_agreement_keeps_the_stream_going() {
    let mut rig = Rig::new();
    rig.session.send(rig.at(0), AUDIO, 160, false, b"sound");
    rig.hear(0, 7, 1);
    let before = rig.sent().remove(0).bytes;
    let moved = address("10.0.0.3:7000");
    let stream = StreamConfig { remote: moved, recv_pts: vec![9], ..stream() };
    let now = rig.at(20);
    rig.session.update(now, stream);
    rig.session.send(now, 9, 160, false, b"sound");
    let after = rig.sent().remove(0);
    assert_eq!(after.to, moved);
    let (before, after) = (RtpPacket::parse(&before).expect("RTP"), RtpPacket::parse(&after.bytes).expect("RTP"));
    assert_eq!((after.ssrc(), after.sequence_number()), (before.ssrc(), before.sequence_number().wrapping_add(1)));
    assert_eq!(after.timestamp(), before.timestamp().wrapping_add(160));
    // The old format is no longer taken, the new one is, from the new place.
    assert!(rig.hear_from(20, moved, 7, 2).is_none());
    assert!(rig.session.handle_rtp(now, moved, &packet(9, false, 3, 0, 7, b"sound")).is_some());
    assert_eq!(rig.session.stats().lost, 1);
}
