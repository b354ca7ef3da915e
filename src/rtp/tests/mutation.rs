//! Packets that nobody meant to send.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;

#[test]
fn no_bytes_break_a_session() {
    let mut rng = StdRng::seed_from_u64(3550);
    let mut rig = Rig::new();
    let heard = || reports::Heard {
        ssrc: 1,
        fraction_lost: 3,
        lost: -5,
        highest: 9,
        jitter: 2,
        last_report: 77,
        since_last_report: 5,
    };
    let sent = || reports::Sent { ntp: 99 << 32, rtp_timestamp: 5, packets: 1, bytes: 1 };
    let originals = [
        packet(AUDIO, false, 1, 160, 7, b"sound"),
        packet(KEYS, true, 2, 320, 7, b"\x05\x0a\x01\x40"),
        vec![0xb1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 9, 0xbe, 0xde, 0, 1, 1, 2, 3, 4, 9, 9, 0, 2],
        reports::write(7, "door", Some(sent()), Some(heard()), reports::Extra::Pli { media: 1 }),
        reports::write(7, "door", None, Some(heard()), reports::Extra::Fir { media: 1, sequence: 1 }),
        reports::write(7, "door", None, None, reports::Extra::Bye),
    ];
    for round in 0..60_000u64 {
        let which = rng.random_range(0..originals.len());
        let mut bytes = originals[which].clone();
        if which < 3 {
            bytes[2..4].copy_from_slice(&(round as u16).to_be_bytes());
        }
        for _ in 0..rng.random_range(0..5) {
            let at = rng.random_range(0..bytes.len());
            match rng.random_range(0..4) {
                0 => bytes[at] = rng.random(),
                1 => bytes[at] ^= 1 << rng.random_range(0..8),
                2 => bytes.truncate(at.max(1)),
                _ => bytes.insert(at, rng.random()),
            }
        }
        let now = rig.at(round);
        rig.session.handle_rtp(now, remote(), &bytes);
        rig.session.handle_rtcp(now, remote_rtcp(), &bytes);
        rig.session.handle_timeout(now);
        rig.sent();
    }
    let stats = rig.session.stats();
    assert!(stats.packets_in > 100 && stats.malformed > 100 && stats.wrong_type > 100, "{stats:?}");
}

#[test]
fn any_size_and_any_shape_is_taken_or_dropped() {
    let mut rng = StdRng::seed_from_u64(768);
    let mut rig = Rig::new();
    for length in (0..64).chain([1_500, 9_000, 65_507]) {
        for first in [0x80u8, 0x90, 0xa0, 0xb0, 0x8f, 0xbf, 0x00, 0xff] {
            for second in [AUDIO, KEYS, 0x80 | KEYS, 200, 201, 203, 206] {
                let mut bytes: Vec<u8> = (0..length).map(|_| rng.random()).collect();
                bytes.iter_mut().zip([first, second]).for_each(|(byte, value)| *byte = value);
                // The padding and the length of the extension say the most that they can.
                if let Some(last) = bytes.last_mut().filter(|_| length > 2) {
                    *last = 0xff;
                }
                rig.session.handle_rtp(rig.start, remote(), &bytes);
                rig.session.handle_rtcp(rig.start, remote_rtcp(), &bytes);
            }
        }
    }
    assert!(rig.sent().len() < 10, "nothing that comes makes us send much");
}
