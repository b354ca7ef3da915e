//! The door begins its sound anew, has our SSRC, or is a mirror: what is heard goes on.

use vestibule::channel::Command;

use crate::common::{FRAME, House, OTHER, PANEL, Talk, ms, s};

const DOOR_SOUND: &str = "10.0.0.3:30000";
const DOOR: u8 = 10;

fn connected(seed: u64) -> Talk {
    let mut talk = Talk::seeded(seed, House::new(&[]));
    talk.house.connect_door();
    talk.run(FRAME);
    talk
}

#[test]
fn a_door_that_restarts_its_sender_is_heard_on_without_a_burst_of_loss() {
    for seed in 0..1_000u64 {
        let mut talk = connected(seed);
        let door = talk.voice(DOOR, DOOR_SOUND);
        (talk.loss, talk.twice, talk.late) = (0.05, 0.1, 0.1);
        talk.run(ms(400));
        let voice = &mut talk.voices[door];
        (voice.sequence, voice.timestamp) = (40_000 + seed as u16, voice.timestamp.wrapping_mul(77));
        if seed % 2 == 0 {
            voice.ssrc += 1;
        }
        let since = talk.house.now.instant;
        talk.run(ms(600));
        assert!(talk.gap(since) <= ms(200), "seed {seed}: {:?}", talk.gap(since));
        let stats = talk.stats(PANEL);
        assert!(stats.lost <= 20, "seed {seed}: {stats:?}");
    }
}

#[test]
fn sequence_and_time_that_roll_over_are_one_stream() {
    let mut talk = connected(1);
    let door = talk.voice(DOOR, DOOR_SOUND);
    (talk.voices[door].sequence, talk.voices[door].timestamp) = (u16::MAX - 20, u32::MAX - 160 * 20);
    let since = talk.house.now.instant;
    talk.run(s(2));
    let stats = talk.stats(PANEL);
    assert_eq!((stats.lost, stats.malformed, stats.jitter_ms < 5.0), (0, 0, true), "{stats:?}");
    assert!(talk.gap(since) <= 2 * FRAME);
}

#[test]
fn a_door_with_our_ssrc_is_heard_and_we_take_another() {
    let mut talk = connected(1);
    let ours = talk.session(PANEL).ssrc();
    let door = talk.voice(DOOR, DOOR_SOUND);
    talk.voices[door].ssrc = ours;
    let since = talk.house.now.instant;
    talk.run(s(5));
    let now_ours = talk.session(PANEL).ssrc();
    assert_ne!(now_ours, ours);
    assert_eq!(talk.heard_since(since), [DOOR]);
    assert!(talk.gap(since) <= 2 * FRAME);
    assert_eq!(talk.stats(PANEL).lost, 0);
}

#[test]
fn two_panels_hear_each_other_and_their_keys_on_a_bad_network() {
    for seed in 0..20u64 {
        let mut talk = Talk::seeded(seed, House::new(&[]));
        talk.house.connect_panels();
        (talk.loss, talk.twice, talk.late) = (0.1, 0.1, 0.2);
        talk.run(s(2));
        talk.house.must(PANEL, Command::Dtmf("1#".to_owned()));
        talk.run(s(3));
        assert_eq!(talk.keys[OTHER], "1#", "seed {seed}");
        for node in [PANEL, OTHER] {
            let stats = talk.stats(node);
            let share = stats.lost as f64 / (stats.lost + stats.packets_in) as f64;
            assert!((0.01..0.25).contains(&share), "seed {seed}: {stats:?}");
            assert!(stats.round_trip_ms.is_none_or(|ms| ms < 120.0), "seed {seed}: {stats:?}");
            assert_eq!((stats.strangers, stats.malformed, stats.looped), (0, 0, 0), "seed {seed}");
        }
    }
}
