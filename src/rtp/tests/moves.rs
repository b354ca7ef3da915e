//! The other side moves, begins anew, or has our SSRC: who is heard, at once and not.

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rtcp_types::{Compound, Packet};

use super::*;

const MOVED: &str = "10.0.0.3:7000";

fn moved() -> StreamConfig {
    StreamConfig { remote: address(MOVED), remote_rtcp: address("10.0.0.3:7001"), ..stream() }
}

#[test]
fn after_a_move_the_place_before_is_not_taken() {
    let mut rig = Rig::new();
    assert!(rig.hear(0, 7, 1).is_some());
    rig.session.update(rig.at(5_000), moved());
    // What was still on its way from there, and what goes on coming from there.
    assert!(rig.hear(5_010, 7, 2).is_none());
    assert!(rig.hear_from(5_020, address(MOVED), 7, 3).is_some());
    assert!(rig.hear(5_030, 7, 4).is_none());
    // Nor when nothing comes from the new one.
    let mut rig = Rig::new();
    assert!(rig.hear(0, 7, 1).is_some());
    rig.session.update(rig.at(5_000), moved());
    for after in [5_010, 5_990, 6_010, 20_000] {
        assert!(rig.hear(after, 7, 2).is_none(), "{after}");
    }
    assert_eq!(rig.session.stats().strangers, 4);
}

#[test]
fn a_device_that_moves_its_port_and_still_sends_from_the_old_one_is_heard_after_a_second() {
    let mut rig = Rig::new();
    assert!(rig.hear(0, 7, 1).is_some());
    rig.session.update(rig.at(5_000), StreamConfig { remote: address("10.0.0.2:7000"), ..stream() });
    assert!(rig.hear(5_500, 7, 2).is_none());
    assert!(rig.hear(6_100, 7, 3).is_some());
    assert!(rig.hear_from(6_200, address("10.0.0.2:7000"), 7, 4).is_some(), "the negotiated one has the last word");
    assert!(rig.hear(6_300, 7, 5).is_none());
}

#[test]
fn after_a_move_another_translator_may_show_itself() {
    let (before, behind) = (address("192.0.2.1:40000"), address("192.0.2.1:41000"));
    let mut rig = Rig::new();
    assert!(rig.hear_from(0, before, 7, 1).is_some());
    rig.session.update(rig.at(5_000), moved());
    assert!(rig.hear_from(5_100, before, 7, 2).is_none());
    assert!(rig.hear_from(5_200, behind, 7, 3).is_some());
    rig.session.send(rig.at(5_200), AUDIO, 160, false, b"sound");
    assert_eq!(rig.sent()[0].to, behind);
}

#[test]
fn whoever_speaks_at_the_agreed_address_takes_the_place_of_a_stranger_who_was_first() {
    let (stranger, door) = (address("192.0.2.9:40000"), address("10.0.0.2:6010"));
    let mut rig = Rig::new();
    assert!(rig.hear_from(0, stranger, 7, 1).is_some());
    let heard = (1..=5).filter(|n| rig.hear_from(2_000 + 20 * u64::from(*n), door, 8, *n).is_some()).count();
    assert!(heard >= 3, "{heard}");
    assert!(rig.hear_from(2_200, stranger, 7, 2).is_none());
    rig.session.send(rig.at(2_200), AUDIO, 160, false, b"sound");
    assert_eq!(rig.sent()[0].to, door);
}

#[test]
fn after_a_move_the_first_packet_of_another_device_is_heard() {
    let mut rig = Rig::new();
    for sequence in 1..10 {
        rig.hear(0, 7, sequence);
    }
    rig.session.update(rig.at(5_000), moved());
    let packet = rig.hear_from(5_010, address(MOVED), 8, 40_000).expect("no probation");
    assert!(packet.new_source);
    assert!(rig.hear_from(5_030, address(MOVED), 9, 1).is_none(), "but for the next there is");
    assert_eq!(rig.session.stats().lost, 0);
}

#[test]
fn an_agreement_that_says_the_same_changes_nothing() {
    let elsewhere = address("192.0.2.1:40000");
    let mut rig = Rig::new();
    assert!(rig.hear_from(0, elsewhere, 7, 1).is_some());
    rig.session.update(rig.at(5_000), stream());
    assert!(rig.hear_from(5_010, elsewhere, 7, 2).is_some());
    assert!(rig.hear_from(5_020, address("192.0.2.9:1"), 7, 3).is_none(), "no second search");
}

#[test]
fn without_an_address_we_are_silent_and_listen_to_whom_we_listened() {
    let held = StreamConfig { remote: address("0.0.0.0:5004"), remote_rtcp: address("0.0.0.0:5005"), ..stream() };
    let mut rig = Rig::new();
    assert!(rig.hear(0, 7, 1).is_some());
    rig.session.update(rig.at(5_000), held);
    assert!(!rig.session.send(rig.at(5_010), AUDIO, 160, false, b"sound"));
    rig.session.handle_timeout(rig.at(15_000));
    assert!(rig.sent().is_empty());
    assert!(rig.hear_from(15_010, address("10.0.0.66:5004"), 8, 1).is_none(), "a stranger's music");
    assert!(rig.hear(15_020, 7, 2).is_some(), "their music");
    rig.session.update(rig.at(20_000), stream());
    assert!(rig.hear(20_010, 7, 3).is_some(), "back as if nothing had been");
    assert!(rig.session.send(rig.at(20_010), AUDIO, 160, false, b"sound"));
    assert_eq!(rig.sent()[0].to, remote());
}

#[test]
fn reports_of_the_place_before_are_not_taken_after_a_move() {
    let mut rig = Rig::new();
    rig.hear(0, 7, 1);
    rig.session.update(rig.at(5_000), moved());
    let wants = reports::write(7, "door", None, None, reports::Extra::Pli { media: 1 });
    assert!(rig.session.handle_rtcp(rig.at(5_010), remote_rtcp(), &wants).is_empty());
    assert_eq!(rig.session.handle_rtcp(rig.at(5_010), address("10.0.0.3:7001"), &wants), [RtcpEvent::KeyframeWanted]);
}

#[test]
fn stragglers_of_a_source_do_not_bring_it_back() {
    let mut rig = Rig::new();
    for sequence in 100..120 {
        rig.hear(0, 7, sequence);
    }
    rig.hear(0, 8, 1);
    assert!(rig.hear(0, 8, 2).expect("taken over").new_source);
    for late in 110..120 {
        assert!(rig.hear(0, 7, late).is_none());
    }
    assert!(!rig.hear(0, 8, 3).expect("goes on").new_source);
    // Neither do those of a count before, and they do not bring back that either.
    rig.hear(0, 8, 30_000);
    assert!(rig.hear(0, 8, 30_002).expect("begun anew").new_source);
    for late in 1..=3 {
        assert!(rig.hear(0, 8, late).is_none());
    }
    assert!(!rig.hear(0, 8, 30_001).expect("out of order").new_source);
    // Its return is another thing.
    assert!(rig.hear(0, 7, 121).is_none());
    assert!(rig.hear(0, 7, 122).expect("it proved itself").new_source);
}

#[test]
fn a_sender_that_restarts_on_a_bad_network_costs_few_packets_and_no_burst_of_loss() {
    for seed in 0..1_000u64 {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut rig = Rig::with(seed as u8, stream());
        let (first, second) = (rng.random_range(0..6_000u16), rng.random_range(10_000..60_000u16));
        let other = if rng.random_bool(0.5) { 7 } else { 8 };
        let mut packets: Vec<(u32, u16)> = (0..100).map(|count| (7, first.wrapping_add(count))).collect();
        packets.extend((0..100).map(|count| (other, second.wrapping_add(count))));
        let mut arriving: Vec<(u32, u16)> = Vec::new();
        for packet in packets {
            let copies = if rng.random_bool(0.1) { 0 } else { 1 + usize::from(rng.random_bool(0.1)) };
            arriving.extend(std::iter::repeat_n(packet, copies));
        }
        for window in arriving.chunks_mut(3) {
            window.shuffle(&mut rng);
        }
        let mut heard = 0;
        for (ssrc, sequence) in &arriving {
            heard += usize::from(rig.hear(0, *ssrc, *sequence).is_some_and(|packet| {
                // The second half of the second stream: the change is over by then.
                packet.ssrc == other && packet.sequence >= second + 50
            }));
        }
        let mut late: Vec<u16> = arriving.iter().filter(|(ssrc, _)| *ssrc == other).map(|(_, at)| *at).collect();
        late.retain(|at| *at >= second + 50);
        late.sort_unstable();
        late.dedup();
        assert_eq!(heard, late.len(), "seed {seed}: {heard} of {}", late.len());
        assert!(rig.session.stats().lost <= 60, "seed {seed}: {:?}", rig.session.stats());
    }
}

#[test]
fn our_ssrc_in_another_mouth_is_given_up_with_a_leave_and_counts_begin_anew() {
    let mut rig = Rig::new();
    let ours = rig.session.ssrc();
    rig.session.send(rig.at(0), AUDIO, 160, false, b"sound");
    rig.sent();
    assert!(rig.hear(0, ours, 1).is_some());
    let new = rig.session.ssrc();
    assert_ne!(new, ours);
    let leave = rig.sent().remove(0).bytes;
    let packets: Vec<Packet<'_>> = Compound::parse(&leave).expect("RTCP").map(|packet| packet.expect("read")).collect();
    assert!(matches!(&packets[..], [_, _, Packet::Bye(bye)] if bye.ssrcs().collect::<Vec<_>>() == [ours]));
    rig.session.send(rig.at(20), AUDIO, 160, false, b"sound");
    rig.sent();
    rig.session.handle_timeout(rig.at(4_000));
    let report = rig.sent().remove(0).bytes;
    let first = Compound::parse(&report).expect("RTCP").next().expect("a report").expect("read");
    assert!(matches!(&first, Packet::Sr(report) if report.ssrc() == new && report.packet_count() == 1), "{first:?}");
}

#[test]
fn our_ssrc_in_another_mouth_is_noticed_in_a_report_too() {
    let mut rig = Rig::new();
    let ours = rig.session.ssrc();
    let sent = reports::Sent { ntp: 1 << 32, rtp_timestamp: 0, packets: 1, bytes: 1 };
    let theirs = reports::write(ours, "door", Some(sent), None, reports::Extra::None);
    rig.session.handle_rtcp(rig.at(0), remote_rtcp(), &theirs);
    assert_ne!(rig.session.ssrc(), ours);
}

#[test]
fn a_mirror_is_not_listened_to() {
    let mut rig = Rig::new();
    for turn in 0..50u64 {
        rig.session.send(rig.at(turn * 20), AUDIO, 160, false, b"sound");
        let ours: Vec<Vec<u8>> = rig.sent().into_iter().map(|sent| sent.bytes).collect();
        for bytes in ours {
            let now = rig.at(turn * 20 + 1);
            if is_rtcp(&bytes) {
                rig.session.handle_rtcp(now, remote_rtcp(), &bytes);
            } else {
                rig.session.handle_rtp(now, remote(), &bytes);
            }
        }
    }
    let stats = rig.session.stats();
    assert_eq!((stats.packets_in, stats.looped), (1, 49), "the first could have been a collision");
    // The other side itself is heard beside its mirror.
    assert!(rig.hear(2_000, 7, 1).is_some());
}

#[test]
fn an_empty_packet_keeps_a_door_open_and_is_no_sound() {
    let mut rig = Rig::new();
    let empty = packet(AUDIO, false, 1, 160, 7, b"");
    assert_eq!(rig.session.handle_rtp(rig.at(0), remote(), &empty), None);
    assert!(rig.hear(20, 7, 2).expect("the first with something in it").new_source);
    assert_eq!((rig.session.stats().packets_in, rig.session.stats().lost), (2, 0));
}
