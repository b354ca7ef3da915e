//! Whatever two people do with hold, resume and camera, and whatever the network does: in the end both panels mean the
//! same.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use vestibule::channel::{CallState, Command};
use vestibule::phone::MediaOrder;
use vestibule::sdp::Negotiated;

use crate::common::{House, OTHER, PANEL, ms, s};

fn agreed(house: &House, node: usize) -> Negotiated {
    let last = house.panels[node].orders.iter().rev().find_map(|order| match order {
        MediaOrder::Start { streams, .. } => Some(streams.as_ref().clone()),
        _ => None,
    });
    last.expect("a call")
}

/// Runs these seeds and lets the network settle for `rest` after the last touch.
fn any_sequence_ends_in_an_agreement(seeds: std::ops::Range<u64>, loss: f64, rest: Duration) {
    for seed in seeds {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut house = House::seeded(seed, &[("video.camera", "test")], "");
        house.connect_panels();
        house.loss = loss;
        let mut held = [false; 2];
        for _ in 0..rng.random_range(1..9) {
            let node = rng.random_range(0..2);
            let command = match rng.random_range(0..3) {
                0 => Command::SendCamera(rng.random()),
                _ => {
                    held[node] = !held[node];
                    if held[node] { Command::Hold(None) } else { Command::Resume(None) }
                }
            };
            // The call stands, so each can be done.
            house.must(node, command);
            house.run(ms(if rng.random() { rng.random_range(0..30) } else { rng.random_range(0..3_000) }));
        }
        house.run(rest);
        let (near, far) = (agreed(&house, PANEL), agreed(&house, OTHER));
        for node in [PANEL, OTHER] {
            let state = if held[node] { CallState::Held } else { CallState::Confirmed };
            assert_eq!(house.call(node).state, state, "seed {seed}, node {node}");
            assert_eq!(house.call(node).held_by_remote, held[1 - node], "seed {seed}, node {node}: {near:#?}{far:#?}");
        }
        for (near, far, held_here, held_there) in
            [(&near, &far, held[PANEL], held[OTHER]), (&far, &near, held[OTHER], held[PANEL])]
        {
            let (near_audio, far_audio) = (near.audio.as_ref().expect("sound"), far.audio.as_ref().expect("sound"));
            assert_eq!(near_audio.direction, far_audio.direction.reversed(), "seed {seed}");
            assert_eq!(
                (near_audio.direction.receives(), near_audio.direction.sends()),
                (!held_here, !held_there),
                "seed {seed}"
            );
            assert_eq!(near_audio.codec, far_audio.codec, "seed {seed}");
            assert!(far_audio.recv_pts.contains(&(near_audio.send_pt, near_audio.codec)), "seed {seed}");
            assert_eq!(near_audio.rtcp_mux, far_audio.rtcp_mux, "seed {seed}");
            assert_eq!(near_audio.remote.port(), 20_000, "seed {seed}");
            let (near_video, far_video) =
                (near.video.as_ref().expect("pictures"), far.video.as_ref().expect("pictures"));
            assert_eq!(near_video.direction, far_video.direction.reversed(), "seed {seed}");
            assert_eq!(near_video.remote.port(), 20_002, "seed {seed}");
        }
    }
}

#[test]
fn on_a_good_network() {
    any_sequence_ends_in_an_agreement(0..1_000, 0.0, s(10));
}

#[test]
fn on_a_network_that_loses_one_in_five() {
    any_sequence_ends_in_an_agreement(1_000..2_000, 0.2, s(60));
}
