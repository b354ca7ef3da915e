//! Keys, both ways.

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rtp_types::RtpPacket;

use super::*;

/// Runs the session's timers up to a time and gives back the packets of keys, with when they were sent.
fn run(rig: &mut Rig, until: u64) -> Vec<(u64, Vec<u8>)> {
    let mut sent = Vec::new();
    let end = rig.at(until);
    let mut now = rig.start;
    loop {
        let after = now.duration_since(rig.start).as_millis() as u64;
        sent.extend(rig.sent().into_iter().filter(|sent| sent.channel == Channel::Rtp).map(|sent| (after, sent.bytes)));
        match rig.session.poll_timeout() {
            Some((due, _)) if due <= end => now = now.max(due),
            _ => return sent,
        }
        rig.session.handle_timeout(now);
    }
}

fn payload_type(bytes: &[u8]) -> u8 {
    RtpPacket::parse(bytes).expect("RTP").payload_type()
}

fn payload(bytes: &[u8]) -> [u8; 4] {
    RtpPacket::parse(bytes).expect("RTP").payload().try_into().expect("four bytes")
}

#[test]
fn a_key_grows_and_ends_three_times() {
    let mut rig = Rig::new();
    assert!(rig.session.send_dtmf(rig.start, '#', ms(150)));
    let sent = run(&mut rig, 2_000);
    let expected =
        [(0, 0x0a, 400), (50, 0x0a, 800), (100, 0x0a, 1200), (150, 0x8a, 1200), (200, 0x8a, 1200), (250, 0x8a, 1200)];
    assert_eq!(sent.len(), expected.len());
    let first = RtpPacket::parse(&sent[0].1).expect("RTP").timestamp();
    for (index, ((at, bytes), (due, flags, duration))) in sent.iter().zip(expected).enumerate() {
        let packet = RtpPacket::parse(bytes).expect("RTP");
        let [code, volume, high, low] = payload(bytes);
        assert_eq!((*at, code, volume, u16::from_be_bytes([high, low])), (due, 11, flags, duration));
        assert_eq!(packet.timestamp(), first, "one key has one timestamp");
        assert_eq!(packet.marker_bit(), index == 0);
        assert_eq!(packet.payload_type(), KEYS);
    }
    assert!(!rig.session.dtmf_active());
}

#[test]
fn keys_wait_for_each_other_with_a_pause() {
    let mut rig = Rig::new();
    for digit in "11".chars() {
        assert!(rig.session.send_dtmf(rig.start, digit, ms(100)));
    }
    assert!(rig.session.dtmf_active());
    let sent = run(&mut rig, 2_000);
    let starts: Vec<(u64, u32)> = sent
        .iter()
        .map(|(at, bytes)| (*at, RtpPacket::parse(bytes).expect("RTP")))
        .filter(|(_, packet)| packet.marker_bit())
        .map(|(at, packet)| (at, packet.timestamp()))
        .collect();
    // 100 ms and three ends 50 ms apart, then 50 ms of silence.
    assert_eq!(starts.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [0, 250]);
    assert_eq!(starts[1].1.wrapping_sub(starts[0].1), 250 * 8);
}

#[test]
fn sound_is_silent_under_a_key_and_time_goes_on() {
    let mut rig = Rig::new();
    rig.session.send(rig.start, AUDIO, 160, false, b"sound");
    let before = RtpPacket::parse(&rig.sent()[0].bytes).expect("RTP").timestamp();
    rig.session.send_dtmf(rig.at(20), '5', ms(100));
    assert!(!rig.session.send(rig.at(20), AUDIO, 160, false, b"sound"));
    assert_eq!(rig.sent().len(), 1, "the key alone");
    for turn in 2..30 {
        rig.session.handle_timeout(rig.at(turn * 20));
        rig.session.send(rig.at(turn * 20), AUDIO, 160, false, b"sound");
    }
    let sent = rig.sent();
    let sound = sent
        .iter()
        .map(|sent| RtpPacket::parse(&sent.bytes).expect("RTP"))
        .rfind(|packet| packet.payload_type() == AUDIO);
    assert_eq!(sound.expect("it came back").timestamp().wrapping_sub(before), 29 * 160);
}

/// When RTP was sent, with payload type and timestamp after the first.
fn told(sent: &[(u64, Vec<u8>)]) -> Vec<(u64, u8, u32)> {
    let packets = sent.iter().map(|(at, bytes)| (*at, RtpPacket::parse(bytes).expect("RTP")));
    let packets: Vec<_> = packets.map(|(at, packet)| (at, packet.payload_type(), packet.timestamp())).collect();
    packets.iter().map(|(at, pt, timestamp)| (*at, *pt, timestamp.wrapping_sub(packets[0].2))).collect()
}

#[test]
fn sound_that_begins_after_a_key_has_the_time_of_the_clock() {
    let mut rig = Rig::new();
    rig.session.send_dtmf(rig.start, '#', ms(150));
    let mut sent = run(&mut rig, 7_800);
    for (at, samples) in [(7_800, 160), (7_820, 160), (7_900, 160)] {
        assert!(rig.session.send(rig.at(at), AUDIO, samples, false, b"sound"));
        sent.extend(run(&mut rig, at).into_iter().map(|(_, bytes)| (at, bytes)));
    }
    // A packet that is late by the pace of a machine is the next one all the same.
    let expected = [(7_800, AUDIO, 62_400), (7_820, AUDIO, 62_560), (7_900, AUDIO, 62_720)];
    assert_eq!(told(&sent)[6..], expected);
    // After a pause with nothing at all, and after one with a key in it.
    assert!(rig.session.send(rig.at(20_000), AUDIO, 160, false, b"sound"));
    sent.extend(rig.sent().into_iter().filter(|sent| sent.channel == Channel::Rtp).map(|sent| (20_000, sent.bytes)));
    rig.session.send_dtmf(rig.at(30_000), '#', ms(150));
    sent.extend(rig.sent().into_iter().filter(|sent| sent.channel == Channel::Rtp).map(|sent| (30_000, sent.bytes)));
    let late: Vec<u32> = told(&sent)[9..].iter().map(|(_, _, timestamp)| *timestamp).collect();
    // 12.1 s after the packet before, of which the clock and not the sound tells.
    assert_eq!(late, [62_720 + 12_100 * 8, 62_720 + 22_100 * 8]);
}

#[test]
fn silence_follows_the_last_key_until_there_is_sound() {
    let silence = || vec![b"hush".to_vec(); 4];
    let mut rig = Rig::new();
    for digit in "1#".chars() {
        assert!(rig.session.send_dtmf(rig.start, digit, ms(50)));
    }
    rig.session.silence_after_keys(AUDIO, silence());
    let sent = told(&run(&mut rig, 2_000));
    // Four packets a key 50 ms from each other, a pause, and once nothing follows, silence by the clock.
    assert_eq!(sent.iter().filter(|(_, pt, _)| *pt == KEYS).count(), 8);
    assert_eq!(sent[8..], [(400, AUDIO, 3_200), (420, AUDIO, 3_360), (440, AUDIO, 3_520), (460, AUDIO, 3_680)]);
    assert!(!rig.session.dtmf_active());

    rig.session.send_dtmf(rig.at(5_000), '1', ms(50));
    rig.session.silence_after_keys(AUDIO, silence());
    let before = run(&mut rig, 5_210);
    assert_eq!(before.len(), 5, "the key and one packet of silence");
    let mut after = Vec::new();
    for at in [5_220, 5_240, 5_260, 5_280] {
        assert!(rig.session.send(rig.at(at), AUDIO, 160, false, b"sound"));
        after.extend(run(&mut rig, at));
    }
    after.extend(run(&mut rig, 7_000));
    let types: Vec<u8> = told(&after).iter().map(|(_, payload_type, _)| *payload_type).collect();
    let why = "sound has taken its place, and whoever has emptied its buffer for it gets the end once more";
    assert_eq!(types, [AUDIO, KEYS, AUDIO, KEYS, AUDIO, KEYS, AUDIO], "{why}");
    let end = before.iter().rev().find(|(_, bytes)| payload_type(bytes) == KEYS).expect("there is one");
    for (_, bytes) in after.iter().filter(|(_, bytes)| payload_type(bytes) == KEYS) {
        let timestamp = |bytes: &[u8]| RtpPacket::parse(bytes).expect("RTP").timestamp();
        assert_eq!((payload(bytes), timestamp(bytes)), (payload(&end.1), timestamp(&end.1)));
    }

    rig.session.silence_after_keys(AUDIO, silence());
    assert!(run(&mut rig, 9_000).is_empty(), "no key, no silence");
    for end in [
        |rig: &mut Rig| rig.session.bye(rig.at(9_010)),
        |rig: &mut Rig| {
            rig.session.update(rig.at(9_010), StreamConfig { recv_pts: vec![9], ..stream() });
        },
    ] {
        let mut rig = Rig::new();
        rig.session.send_dtmf(rig.at(9_000), '1', ms(50));
        rig.session.silence_after_keys(AUDIO, silence());
        end(&mut rig);
        let silent =
            run(&mut rig, 11_000).iter().all(|(_, bytes)| RtpPacket::parse(bytes).expect("RTP").payload_type() == KEYS);
        assert!(silent, "what was encoded for another agreement is not sent");
    }
}

#[test]
fn what_is_no_key_or_not_agreed_upon_is_refused() {
    let mut rig = Rig::new();
    assert!(!rig.session.send_dtmf(rig.start, 'x', ms(100)));
    assert!(rig.session.send_dtmf(rig.start, 'd', ms(100)), "small letters are letters");
    let mut rig = Rig::with(1, StreamConfig { dtmf_send_pt: None, ..stream() });
    assert!(!rig.session.send_dtmf(rig.start, '1', ms(100)));
    let mut rig = Rig::new();
    let accepted = (0..1_000).filter(|_| rig.session.send_dtmf(rig.start, '1', ms(100))).count();
    assert!(accepted < 100, "the queue has an end: {accepted}");
}

#[test]
fn durations_follow_the_clock_of_the_keys() {
    let mut rig = Rig::with(1, StreamConfig { clock_rate: 48_000, dtmf_clock: 48_000, ..stream() });
    rig.session.send_dtmf(rig.start, '1', ms(10_000));
    let sent = run(&mut rig, 5_000);
    let [_, flags, high, low] = payload(&sent.last().expect("packets").1);
    // A key is at most one second.
    assert_eq!((flags, u16::from_be_bytes([high, low])), (0x8a, 48_000));
}

/// Sends the keys from one session to another over a network that loses, doubles and reorders, and says what arrives.
fn over(seed: u64, loss: f64, keys: &str, talking: bool) -> String {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut rig = Rig::with(seed as u8, stream());
    for digit in keys.chars() {
        assert!(rig.session.send_dtmf(rig.start, digit, ms(150)));
    }
    let mut sent = run(&mut rig, 60_000);
    if talking {
        // Sound of another time between the keys does not disturb them.
        sent.insert(3, (0, packet(AUDIO, false, 1, 5, 9, b"sound")));
    }
    let mut arriving: Vec<Vec<u8>> = Vec::new();
    for (_, bytes) in sent {
        let copies = if rng.random_bool(loss) { 0 } else { 1 + usize::from(rng.random_bool(0.2)) };
        arriving.extend(std::iter::repeat_n(bytes, copies));
    }
    for window in arriving.chunks_mut(3) {
        window.shuffle(&mut rng);
    }
    let mut other = Rig::new();
    let mut heard = String::new();
    for bytes in arriving {
        if let Some(Received::Dtmf(event)) = other.session.handle_rtp(other.start, remote(), &bytes) {
            heard.push(event.digit);
        }
    }
    heard
}

#[test]
fn each_press_arrives_once_whatever_the_network_does() {
    assert_eq!(over(1, 0.0, "0123456789*#ABCD", false), "0123456789*#ABCD");
    assert_eq!(over(2, 0.0, "1111", true), "1111");
}

#[test]
fn keys_survive_the_loss_of_thirty_percent() {
    // Six packets a key: a key is lost with 0.3^6, less than one in a thousand.
    let mut wrong = Vec::new();
    for seed in 0..200 {
        let heard = over(seed, 0.3, "1133#", false);
        let mut sorted: Vec<char> = heard.chars().collect();
        // Reordering across the end of a key may swap two keys whose packets were mostly lost.
        sorted.sort_unstable();
        if sorted != ['#', '1', '1', '3', '3'] {
            wrong.push(heard);
        }
    }
    assert!(wrong.len() <= 4, "{wrong:?}");
    assert!(wrong.iter().all(|heard| heard.len() < 5), "none is ever doubled: {wrong:?}");
}

#[test]
fn a_timestamp_that_runs_on_is_still_one_press() {
    let mut rig = Rig::new();
    let mut heard = 0;
    for step in 0..8u32 {
        let [high, low] = (160 * (step as u16 + 1)).to_be_bytes();
        let bytes = packet(KEYS, step == 0, step as u16, 1_000 + 160 * step, 7, &[5, 10, high, low]);
        heard += usize::from(rig.session.handle_rtp(rig.start, remote(), &bytes).is_some());
    }
    assert_eq!(heard, 1);
    // A press that says it is a new one is one, however close.
    let bytes = packet(KEYS, true, 10, 1_000 + 160 * 8, 7, &[5, 10, 6, 64]);
    assert!(rig.session.handle_rtp(rig.start, remote(), &bytes).is_some());
    // The same key again, its first packet lost.
    let bytes = packet(KEYS, false, 20, 1_000 + 160 * 30, 7, &[5, 10, 1, 64]);
    assert!(rig.session.handle_rtp(rig.start, remote(), &bytes).is_some());
}

/// A packet of the key 5.
fn five(marker: bool, sequence: u16, timestamp: u32, end: bool, duration: u16) -> Vec<u8> {
    let [high, low] = duration.to_be_bytes();
    packet(KEYS, marker, sequence, timestamp, 7, &[5, u8::from(end) << 7 | 10, high, low])
}

fn presses(packets: &[Vec<u8>]) -> usize {
    let mut rig = Rig::new();
    packets.iter().filter(|bytes| rig.session.handle_rtp(rig.start, remote(), bytes).is_some()).count()
}

#[test]
fn a_key_that_is_held_longer_than_its_field_can_say_is_one_press() {
    // 20 s at 8 kHz in steps of 50 ms: three segments (RFC 4733 2.5.1.3), begun anywhere around the wrap of time.
    for start in [0, u32::MAX - 70_000] {
        let (mut packets, mut segment, mut duration) = (Vec::new(), start, 0u32);
        for step in 0..400u16 {
            if duration + 400 > 0xffff {
                segment = u32::wrapping_add(segment, duration);
                duration = 0;
            }
            duration += 400;
            packets.push(five(step == 0, step, segment, step >= 397, duration as u16));
        }
        assert_eq!(presses(&packets), 1);
        // With the first of each segment lost, and with most of the rest lost.
        let thinned: Vec<_> = packets.iter().skip(1).step_by(3).cloned().collect();
        assert_eq!(presses(&thinned), 1);
    }
}

#[test]
fn a_press_whose_ends_were_lost_does_not_swallow_the_next() {
    let first: Vec<_> = (0..3u16).map(|step| five(step == 0, step, 1_000, false, 400 * (step + 1))).collect();
    let next: Vec<_> = (0..3u16).map(|step| five(false, step + 10, 4_000, false, 400 * (step + 1))).collect();
    assert_eq!(presses(&[first.clone(), next].concat()), 2);
    // And one that ended long ago is not gone on with, however well the time fits.
    let ended: Vec<_> =
        [(0xf000, false), (0xf000, true)].map(|(duration, end)| five(false, 3, 1_000, end, duration)).into();
    let fits: Vec<_> = vec![five(false, 20, 1_000 + 0xffff, false, 400)];
    let mut numbered = [first, ended].concat();
    numbered[4][3] = 4;
    assert_eq!(presses(&[numbered, fits].concat()), 2);
}

#[test]
fn another_sender_has_its_own_times() {
    let mut rig = Rig::new();
    assert!(rig.session.handle_rtp(rig.start, remote(), &five(true, 1, 1_000, false, 400)).is_some());
    let mut other: Vec<Vec<u8>> = (1..4).map(|sequence| five(true, sequence, 1_000, false, 400)).collect();
    other.iter_mut().for_each(|bytes| bytes[11] = 9);
    let heard = other.iter().filter(|bytes| rig.session.handle_rtp(rig.start, remote(), bytes).is_some()).count();
    assert_eq!(heard, 1);
}

#[test]
fn what_is_no_key_is_no_press() {
    let mut rig = Rig::new();
    for (sequence, payload) in
        [&b""[..], b"\x05\x0a\x01", b"\x10\x0a\x01\x40", b"\xff\x8a\xff\xff"].into_iter().enumerate()
    {
        let bytes = packet(KEYS, true, sequence as u16, 50 * sequence as u32, 7, payload);
        assert!(rig.session.handle_rtp(rig.start, remote(), &bytes).is_none());
    }
}
