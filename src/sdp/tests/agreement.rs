//! Two sides that change their minds as they like: after each exchange both mean the same.

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use super::changes::{text, version};
use super::*;

/// A side with something of each kind that it can, in an order of its own.
fn side(rng: &mut StdRng, last: u8) -> (Negotiation, Local) {
    let mut audio = AudioCodec::ALL.to_vec();
    audio.shuffle(rng);
    audio.truncate(rng.random_range(1..=4));
    if !audio.contains(&AudioCodec::Pcmu) {
        audio.push(AudioCodec::Pcmu);
    }
    let mut video = VideoCodec::ALL.to_vec();
    video.shuffle(rng);
    video.truncate(rng.random_range(0..=2));
    let port = rng.random_range(1_000..5_000) * 4;
    let address = Ipv4Addr::new(10, 0, 0, last).into();
    let local = Local { address, audio_port: port, video_port: port + 2 };
    (Negotiation::new(rng.random(), Capabilities { audio, video }, local), local)
}

fn wish(rng: &mut StdRng) -> Wish {
    let mut direction = || Direction::of(rng.random(), rng.random());
    Wish { audio: direction(), video: direction() }
}

/// What the media lines are for, in order.
fn kinds(text: &str) -> Vec<String> {
    text.lines().filter_map(|line| line.strip_prefix("m=")?.split(' ').next()).map(str::to_owned).collect()
}

/// Whether `near` sends what `far`, which is at `place`, expects.
fn fit(near: &Negotiated, far: &Negotiated, place: Local) {
    assert_eq!((near.audio.is_some(), near.video.is_some()), (far.audio.is_some(), far.video.is_some()));
    if let (Some(near), Some(far)) = (&near.audio, &far.audio) {
        assert_eq!(near.direction, far.direction.reversed());
        assert_eq!(near.codec, far.codec);
        assert!(far.recv_pts.contains(&(near.send_pt, near.codec)), "{near:?} {far:?}");
        assert!(near.dtmf_send_pt.is_none_or(|pt| far.dtmf_recv_pts.contains(&pt)), "{near:?} {far:?}");
        assert_eq!((near.rtcp_mux, near.remote), (far.rtcp_mux, SocketAddr::new(place.address, place.audio_port)));
    }
    if let (Some(near), Some(far)) = (&near.video, &far.video) {
        assert_eq!(near.direction, far.direction.reversed());
        assert_eq!((near.codec, near.packetization_mode), (far.codec, far.packetization_mode));
        assert!(far.recv_pts.contains(&(near.send_pt, near.codec)), "{near:?} {far:?}");
        assert_eq!((near.rtcp_mux, near.remote), (far.rtcp_mux, SocketAddr::new(place.address, place.video_port)));
        assert_eq!(near.feedback, Feedback { pli: true, fir: true });
    }
}

#[test]
fn any_sequence_of_offers_ends_in_an_agreement() {
    for seed in 0..1_000u64 {
        let mut rng = StdRng::seed_from_u64(seed);
        let (mut sides, places): (Vec<_>, Vec<_>) = [side(&mut rng, 1), side(&mut rng, 2)].into_iter().unzip();
        let mut lines: Vec<String> = Vec::new();
        let mut versions = [0, 0];
        for turn in 0..12 {
            let near = rng.random_range(0..2);
            let far = 1 - near;
            let offer = text(sides[near].create_offer(wish(&mut rng)));
            assert!(version(&offer) > 0 && version(&offer) >= versions[near], "seed {seed}");
            versions[near] = version(&offer);
            if turn > 0 && rng.random_bool(0.2) {
                // Refused (488), or lost in a collision (491): nothing has happened.
                continue;
            }
            let (answer, theirs) =
                sides[far].handle_offer(offer.as_bytes(), wish(&mut rng)).expect("PCMU is in common");
            let answer = text(answer);
            assert!(version(&answer) >= versions[far], "seed {seed}");
            versions[far] = version(&answer);
            let ours = sides[near].handle_answer(answer.as_bytes()).expect("PCMU is in common");
            assert_eq!(kinds(&answer), kinds(&offer), "seed {seed}");
            assert!(kinds(&answer).starts_with(&lines), "seed {seed}: lines never move: {lines:?} {answer}");
            lines = kinds(&answer);
            // The answer may come twice.
            assert_eq!(sides[near].handle_answer(answer.as_bytes()).as_ref(), Ok(&ours), "seed {seed}");
            let shown = std::panic::catch_unwind(|| {
                fit(&ours, &theirs, places[far]);
                fit(&theirs, &ours, places[near]);
            });
            assert!(shown.is_ok(), "seed {seed}, turn {turn}:\n{offer}\n{answer}");
        }
    }
}
