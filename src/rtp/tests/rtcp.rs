//! Reports, requests for key frames, leave.

use rtcp_types::{Compound, Fir, Packet, Pli};

use super::*;

/// The RTCP packets that are to be sent.
fn reports(rig: &mut Rig) -> Vec<Vec<u8>> {
    rig.sent().into_iter().filter(|sent| sent.channel == Channel::Rtcp).map(|sent| sent.bytes).collect()
}

fn packets(bytes: &[u8]) -> Vec<Packet<'_>> {
    let packets: Result<Vec<_>, _> = Compound::parse(bytes).expect("a compound").collect();
    packets.expect("each can be read")
}

#[test]
fn reports_come_at_their_intervals() {
    let mut rig = Rig::new();
    let mut last = rig.start;
    for round in 0..200 {
        let (due, reason) = rig.session.poll_timeout().expect("a report is always due");
        assert_eq!(reason, TimerReason::Report);
        let pause = due.duration_since(last);
        let range = if round == 0 { ms(1_250)..=ms(3_750) } else { ms(2_500)..=ms(7_500) };
        assert!(range.contains(&pause), "{pause:?}");
        rig.session.handle_timeout(due);
        assert_eq!(reports(&mut rig).len(), 1);
        last = due;
    }
    let mean = last.duration_since(rig.start) / 200;
    assert!((ms(4_500)..ms(5_500)).contains(&mean), "{mean:?}");
}

#[test]
fn one_who_sends_reports_what_was_sent() {
    let mut rig = Rig::new();
    rig.session.send(rig.at(0), AUDIO, 160, false, b"sound");
    rig.session.send(rig.at(20), AUDIO, 160, false, b"sound");
    let sent = rig.sent();
    let last = rtp_types::RtpPacket::parse(&sent[1].bytes).expect("RTP").timestamp();
    let now = rig.at(4_020);
    rig.session.handle_timeout(now);
    let bytes = reports(&mut rig).remove(0);
    let packets = packets(&bytes);
    let [Packet::Sr(report), Packet::Sdes(names)] = &packets[..] else { panic!("{packets:?}") };
    assert_eq!((report.ssrc(), report.packet_count(), report.octet_count()), (rig.session.ssrc(), 2, 10));
    // 2027-01-15 08:00:00 and 4.02 s; the media clock has gone on by 4 s since the last packet.
    assert_eq!(report.ntp_timestamp() >> 32, 1_800_000_000 + 2_208_988_800 + 4);
    assert_eq!(((report.ntp_timestamp() & 0xffff_ffff) * 100) >> 32, 1, "hundredths, rounded down");
    assert_eq!(report.rtp_timestamp(), last.wrapping_add(32_000));
    assert_eq!(report.n_reports(), 0);
    let chunk = names.chunks().next().expect("a name");
    assert_eq!(chunk.ssrc(), rig.session.ssrc());
    let name = chunk.items().next().expect("an item").get_value_string();
    assert_eq!(name.expect("text"), "panel");
    // Nothing more was sent, so next time it is a receiver report.
    rig.session.handle_timeout(rig.at(20_000));
    let bytes = reports(&mut rig).remove(0);
    assert!(matches!(super::rtcp::packets(&bytes)[0], Packet::Rr(_)));
}

#[test]
fn one_who_hears_reports_what_was_heard() {
    let mut rig = Rig::new();
    for sequence in 65_530..65_534u16 {
        rig.hear(0, 7, sequence);
    }
    for sequence in 2..6u16 {
        rig.hear(0, 7, sequence);
    }
    // Its sender report came 1.5 s before ours.
    let theirs = reports::write(
        7,
        "door",
        Some(reports::Sent { ntp: 0x1234_5678_9abc_def0, rtp_timestamp: 0, packets: 8, bytes: 40 }),
        None,
        reports::Extra::None,
    );
    assert!(rig.session.handle_rtcp(rig.at(4_000), remote_rtcp(), &theirs).is_empty());
    rig.session.handle_timeout(rig.at(5_500));
    let bytes = reports(&mut rig).remove(0);
    let packets = packets(&bytes);
    let Packet::Rr(report) = &packets[0] else { panic!("{packets:?}") };
    let block = report.report_blocks().next().expect("a block");
    assert_eq!((block.ssrc(), block.cumulative_lost(), block.fraction_lost()), (7, 4, (4 * 256 / 12) as u8));
    assert_eq!(block.extended_sequence_number() & 0xffff, 5);
    assert_eq!((block.extended_sequence_number() >> 16) - (0x1_0000 >> 16), 1, "one rollover more than at first");
    assert_eq!(block.last_sender_report_timestamp(), 0x5678_9abc);
    assert_eq!(block.delay_since_last_sender_report_timestamp(), 3 * 65_536 / 2);
}

#[test]
fn two_sessions_find_their_round_trip() {
    // 40 ms there and 60 ms back.
    let (mut near, mut far) = (Rig::new(), Rig::with(2, stream()));
    far.start = near.start;
    near.session.send(near.at(0), AUDIO, 160, false, b"sound");
    let sound = near.sent().remove(0).bytes;
    far.session.handle_rtp(far.at(40), remote(), &sound);
    near.session.handle_timeout(near.at(4_000));
    let report = reports(&mut near).remove(0);
    far.session.handle_rtcp(far.at(4_040), remote_rtcp(), &report);
    far.session.handle_timeout(far.at(7_777));
    let answer = reports(&mut far).remove(0);
    assert_eq!(near.session.handle_rtcp(near.at(7_837), remote_rtcp(), &answer), [RtcpEvent::Lost(0)]);
    let stats = near.session.stats();
    let round_trip = stats.round_trip_ms.expect("measured");
    assert!((99.5..100.5).contains(&round_trip), "{round_trip}");
    assert_eq!(stats.remote_loss, Some(0.0));
    assert_eq!(far.session.stats().round_trip_ms, None, "it never reported anything that could come back");
}

#[test]
fn a_key_frame_is_asked_for_as_agreed() {
    let ask = |pli, fir| {
        let mut rig = Rig::with(1, StreamConfig { pli, fir, ..stream() });
        rig.hear(0, 7, 1);
        rig.session.request_keyframe(rig.at(0));
        rig.session.request_keyframe(rig.at(400));
        assert_eq!(rig.session.stats().keyframe_requests, 2);
        reports(&mut rig)
    };
    for (pli, fir) in [(true, true), (true, false), (false, false)] {
        for bytes in ask(pli, fir) {
            let packets = packets(&bytes);
            let [Packet::Rr(_), Packet::Sdes(_), Packet::PayloadFeedback(feedback)] = &packets[..] else {
                panic!("{packets:?}")
            };
            assert!(feedback.parse_fci::<Pli<'_>>().is_ok());
            assert_eq!(feedback.media_ssrc(), 7);
        }
    }
    let sequences: Vec<u8> = ask(false, true)
        .iter()
        .map(|bytes| match packets(bytes).last() {
            Some(Packet::PayloadFeedback(feedback)) => {
                let fir = feedback.parse_fci::<Fir<'_>>().expect("a full intra request");
                let entry = fir.entries().next().expect("an entry");
                assert_eq!((entry.ssrc(), feedback.media_ssrc()), (7, 0));
                entry.sequence()
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(sequences, [0, 1], "each request is a new one");
}

#[test]
fn a_key_frame_wanted_too_early_is_asked_for_with_the_first_packet() {
    let mut rig = Rig::new();
    rig.session.request_keyframe(rig.at(0));
    assert!(rig.sent().is_empty());
    rig.hear(500, 7, 1);
    assert_eq!(reports(&mut rig).len(), 1);
    rig.hear(520, 7, 2);
    assert!(rig.sent().is_empty(), "once");
}

#[test]
fn their_request_is_passed_on_whatever_else_is_in_the_packet() {
    let mut rig = Rig::new();
    let hear = |rig: &mut Rig, bytes: &[u8]| rig.session.handle_rtcp(rig.at(0), remote_rtcp(), bytes);
    for extra in [reports::Extra::Pli { media: 1 }, reports::Extra::Fir { media: 1, sequence: 9 }] {
        let bytes = reports::write(7, "door", None, None, extra);
        assert_eq!(hear(&mut rig, &bytes), [RtcpEvent::KeyframeWanted]);
        // A name item that is cut short, as some devices write it, and a packet of a kind unknown to us.
        let mut odd = vec![0x81, 202, 0, 1, 0, 0, 0, 7, 0x80, 222, 0, 0];
        odd.extend(&bytes);
        assert_eq!(hear(&mut rig, &odd), [RtcpEvent::KeyframeWanted]);
    }
    // On its own, without a report before it (RFC 5506).
    assert_eq!(hear(&mut rig, &[0x81, 206, 0, 2, 0, 0, 0, 7, 0, 0, 0, 1]), [RtcpEvent::KeyframeWanted]);
    assert_eq!(rig.session.stats().malformed, 0);
    assert!(hear(&mut rig, b"\x80\xc9\x00\x09").is_empty());
    assert_eq!(rig.session.stats().malformed, 1);
}

#[test]
fn a_stranger_asks_for_nothing() {
    let mut rig = Rig::new();
    let bytes = reports::write(7, "door", None, None, reports::Extra::Pli { media: 1 });
    assert!(rig.session.handle_rtcp(rig.at(0), address("10.0.0.66:5005"), &bytes).is_empty());
    assert_eq!(rig.session.stats().strangers, 1);
    // Its port may be another one.
    assert_eq!(rig.session.handle_rtcp(rig.at(0), address("10.0.0.2:9"), &bytes).len(), 1);
}

#[test]
fn leave_is_taken_and_noticed() {
    let (mut near, mut far) = (Rig::new(), Rig::with(2, stream()));
    near.session.send(near.at(0), AUDIO, 160, false, b"sound");
    let sound = near.sent().remove(0).bytes;
    assert!(far.session.handle_rtp(far.at(0), remote(), &sound).is_some());
    near.session.bye(near.at(100));
    near.session.bye(near.at(100));
    let leave = reports(&mut near);
    assert_eq!(leave.len(), 1);
    assert_eq!(far.session.handle_rtcp(far.at(100), remote_rtcp(), &leave[0]), [RtcpEvent::Bye]);
    assert!(far.session.handle_rtcp(far.at(100), remote_rtcp(), &leave[0]).is_empty(), "gone is gone");
    // A new source needs no probation after that.
    assert!(far.hear(200, 99, 1).is_some());

    assert_eq!(near.session.poll_timeout(), None);
    assert!(!near.session.send(near.at(200), AUDIO, 160, false, b"sound"));
    assert!(!near.session.send_dtmf(near.at(200), '1', ms(100)));
    near.session.handle_timeout(near.at(60_000));
    assert!(near.sent().is_empty());
}

#[test]
fn on_a_shared_port_reports_go_where_sound_goes() {
    let mut rig = Rig::with(1, StreamConfig { rtcp_mux: true, remote_rtcp: remote(), ..stream() });
    rig.session.handle_timeout(rig.at(4_000));
    let sent = rig.sent();
    assert_eq!((sent.len(), sent[0].channel, sent[0].to), (1, Channel::Rtp, remote()));
    assert!(is_rtcp(&sent[0].bytes));
}

#[test]
fn behind_a_translator_reports_go_next_to_the_sound_until_theirs_come() {
    let mut rig = Rig::new();
    rig.hear_from(0, address("192.0.2.1:40000"), 7, 1);
    rig.session.handle_timeout(rig.at(4_000));
    assert_eq!(rig.sent()[0].to, address("192.0.2.1:40001"));
    let bytes = reports::write(7, "door", None, None, reports::Extra::None);
    rig.session.handle_rtcp(rig.at(5_000), address("192.0.2.1:51111"), &bytes);
    rig.session.handle_timeout(rig.at(12_000));
    assert_eq!(rig.sent()[0].to, address("192.0.2.1:51111"));
}

#[test]
fn a_long_name_is_cut_at_a_letter() {
    let mut rig = Rig::new();
    let config = SessionConfig {
        instant: rig.start,
        wall: SystemTime::UNIX_EPOCH,
        seed: [1; 32],
        cname: "ä".repeat(200),
        stream: stream(),
    };
    rig.session = RtpSession::new(config);
    rig.session.handle_timeout(rig.at(4_000));
    let bytes = reports(&mut rig).remove(0);
    let packets = packets(&bytes);
    let [_, Packet::Sdes(names)] = &packets[..] else { panic!("{packets:?}") };
    let name = names.chunks().next().and_then(|chunk| chunk.items().next()?.get_value_string().ok());
    assert_eq!(name, Some("ä".repeat(127)));
}

#[test]
fn a_report_of_long_ago_and_counts_beyond_their_fields_are_cut_to_them() {
    let mut rig = Rig::new();
    rig.hear(0, 7, 1);
    let sent = reports::Sent { ntp: u64::MAX, rtp_timestamp: u32::MAX, packets: u32::MAX, bytes: u32::MAX };
    let theirs = reports::write(7, "door", Some(sent), None, reports::Extra::None);
    rig.session.handle_rtcp(rig.at(0), remote_rtcp(), &theirs);
    rig.session.handle_timeout(rig.at(30 * 3_600_000));
    let bytes = reports(&mut rig).remove(0);
    let packets = packets(&bytes);
    let Packet::Rr(report) = &packets[0] else { panic!("{packets:?}") };
    let block = report.report_blocks().next().expect("a block");
    assert_eq!(block.delay_since_last_sender_report_timestamp(), u32::MAX);
    // Lost without end in either direction stays within 24 bits (RFC 3550 6.4.1).
    for (lost, field) in [(i64::MAX, 0x7f_ffff), (-1, 0xff_ffff), (i64::MIN, 0x80_0000)] {
        let heard = reports::Heard {
            ssrc: 7,
            fraction_lost: 255,
            lost,
            highest: u32::MAX,
            jitter: u32::MAX,
            last_report: u32::MAX,
            since_last_report: u32::MAX,
        };
        let bytes = reports::write(1, "panel", None, Some(heard), reports::Extra::None);
        let packets = super::rtcp::packets(&bytes);
        let Packet::Rr(report) = &packets[0] else { panic!("{packets:?}") };
        assert_eq!(report.report_blocks().next().expect("a block").cumulative_lost(), field);
    }
}

#[test]
fn times_from_nowhere_make_no_round_trip_and_no_panic() {
    let mut rig = Rig::new();
    let ours = rig.session.ssrc();
    for (last_report, since_last_report) in [(0, 0), (1, u32::MAX), (u32::MAX, 1), (0x8000_0000, 0), (7, 0x7fff_ffff)] {
        let heard = reports::Heard {
            ssrc: ours,
            fraction_lost: 9,
            lost: 0,
            highest: 0,
            jitter: 0,
            last_report,
            since_last_report,
        };
        let theirs = reports::write(7, "door", None, Some(heard), reports::Extra::None);
        rig.session.handle_rtcp(rig.at(5), remote_rtcp(), &theirs);
        assert!(rig.session.stats().round_trip_ms.is_none_or(|ms| (0.0..=60_000.0).contains(&ms)));
    }
}

#[test]
fn a_compound_of_ten_thousand_packets_is_read_as_far_as_anybody_means_it() {
    let mut rig = Rig::new();
    rig.hear(0, 7, 1);
    let leave = [0x81, 203, 0, 1, 0, 0, 0, 7];
    let empty = [0x80, 201, 0, 1, 0, 0, 0, 7];
    let flood: Vec<u8> = empty.iter().copied().cycle().take(8 * 10_000).chain(leave).collect();
    assert!(rig.session.handle_rtcp(rig.at(0), remote_rtcp(), &flood).is_empty());
    let many: Vec<u8> = empty.iter().copied().cycle().take(8 * 20).chain(leave).collect();
    assert_eq!(rig.session.handle_rtcp(rig.at(0), remote_rtcp(), &many), [RtcpEvent::Bye]);
}

#[test]
fn the_leave_of_another_source_is_nothing_to_us() {
    let mut rig = Rig::new();
    rig.hear(0, 7, 1);
    for source in [8, rig.session.ssrc()] {
        let leave = reports::write(source, "door", None, None, reports::Extra::Bye);
        assert!(rig.session.handle_rtcp(rig.at(0), remote_rtcp(), &leave).is_empty());
    }
    assert!(!rig.hear(20, 7, 2).expect("it goes on").new_source);
}

#[test]
fn what_is_cut_short_is_read_up_to_there_and_no_further() {
    let mut rig = Rig::new();
    let whole = reports::write(7, "door", None, None, reports::Extra::Pli { media: 1 });
    for length in 0..whole.len() {
        assert!(rig.session.handle_rtcp(rig.at(0), remote_rtcp(), &whole[..length]).is_empty(), "{length}");
    }
    // A report that claims more blocks than it has is none; the request behind it is still one.
    let mut claims = vec![0x9f, 201, 0, 1, 0, 0, 0, 7];
    claims.extend([0x81, 206, 0, 2, 0, 0, 0, 7, 0, 0, 0, 1]);
    assert_eq!(rig.session.handle_rtcp(rig.at(0), remote_rtcp(), &claims), [RtcpEvent::KeyframeWanted]);
}
