//! Descriptions that nobody meant to write: whatever comes, there is an answer or an error.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;

/// Bytes that matter in SDP, and some that should not.
const INTERESTING: &[u8] = b"=:/; \r\n\0vocbma0123456789*-,\xff\x80";

fn mutate(rng: &mut StdRng, body: &str) -> Vec<u8> {
    let mut bytes = body.as_bytes().to_vec();
    for _ in 0..rng.random_range(1..8) {
        if bytes.is_empty() {
            break;
        }
        let at = rng.random_range(0..bytes.len());
        match rng.random_range(0..5) {
            0 => bytes[at] = INTERESTING[rng.random_range(0..INTERESTING.len())],
            1 => bytes[at] = rng.random(),
            2 => drop(bytes.drain(at..(at + rng.random_range(1..40)).min(bytes.len()))),
            3 => {
                let piece = bytes[at..(at + rng.random_range(1..200)).min(bytes.len())].to_vec();
                bytes.splice(at..at, piece);
            }
            _ => bytes.insert(at, INTERESTING[rng.random_range(0..INTERESTING.len())]),
        }
    }
    bytes
}

#[test]
fn no_bytes_break_an_offer_or_an_answer() {
    let mut rng = StdRng::seed_from_u64(3264);
    let (mut taken, mut refused) = (0, 0);
    for round in 0..1_500 {
        let bytes = mutate(&mut rng, bodies::ALL[round % bodies::ALL.len()]);
        let mut called = negotiation();
        match called.handle_offer(&bytes, WISH) {
            Ok((answer, negotiated)) => {
                taken += 1;
                let offered = description::read(&bytes, None).expect("it was answered");
                let answered = description::read(&answer, None).expect("what we write can be read");
                assert_eq!(answered.media.len(), offered.media.len(), "as many lines as the offer");
                let live = answered.media.iter().filter(|line| line.port != 0).count();
                assert_eq!(live, usize::from(negotiated.audio.is_some()) + usize::from(negotiated.video.is_some()));
                let again = called.create_offer(WISH);
                assert!(description::read(&again, None).is_ok(), "a further offer can be read");
            }
            Err(error) => {
                refused += 1;
                assert!([400, 413, 488].contains(&error.status()) && !error.to_string().is_empty());
            }
        }
        let mut caller = negotiation();
        caller.create_offer(WISH);
        if caller.handle_answer(&bytes).is_ok() {
            caller.create_offer(WISH);
        }
    }
    assert!(taken > 500 && refused > 50, "taken {taken}, refused {refused}: the mutations are worth something");
}

#[test]
fn noise_is_refused() {
    let mut rng = StdRng::seed_from_u64(4566);
    for _ in 0..500 {
        let noise: Vec<u8> = (0..rng.random_range(0..300)).map(|_| rng.random()).collect();
        assert!(negotiation().handle_offer(&noise, WISH).is_err());
    }
}

#[test]
fn the_worst_of_the_largest_is_read_in_good_time() {
    let mut body = String::from("v=0\r\nc=IN IP4 10.0.0.1\r\nm=audio 5004 RTP/AVP");
    (0..128).for_each(|pt| body.push_str(&format!(" {pt}")));
    (0..MAX_ATTRIBUTES).for_each(|_| body.push_str("\r\na=rtpmap:1 x/1"));
    while body.len() < MAX_BYTES - 40 {
        body.push_str("\r\nc=IN IP4 10.0.0.1\r\nb=AS:1");
    }
    assert!(negotiation().handle_offer(body.as_bytes(), WISH).is_ok());
}

#[test]
fn a_call_of_a_thousand_offers_grows_no_further_than_the_numbers_there_are() {
    let mut rng = StdRng::seed_from_u64(8866);
    let mut called = negotiation();
    let (mut lines, mut longest) = (1, 0);
    let count = |said: &[u8]| description::read(said, None).expect("what we write can be read").media.len();
    for round in 0..1_000 {
        let bytes = mutate(&mut rng, bodies::ALL[round % bodies::ALL.len()]);
        if let Ok((answer, _)) = called.handle_offer(&bytes, WISH) {
            lines = lines.max(count(&answer));
        }
        // Every number in turn becomes a codec that we know. No line may be left out that was there before.
        let pt = 96 + round % 32;
        let body = format!("v=0\r\nc=IN IP4 10.0.0.1\r\nm=audio 5004 RTP/AVP {pt}\r\na=rtpmap:{pt} opus/48000\r\n");
        let rest = "m=video 0 RTP/AVP 96\r\n".repeat(lines - 1);
        called.handle_offer(format!("{body}{rest}").as_bytes(), WISH).expect("an offer");
        let ours = called.create_offer(WISH);
        lines = lines.max(count(&ours));
        let ours = String::from_utf8(ours).expect("we write UTF-8");
        let live = ours.split("m=").filter(|line| line.split(' ').nth(1) != Some("0"));
        longest = longest.max(live.map(str::len).sum());
        let _ = called.handle_answer(&bytes);
    }
    assert!(longest < 4_000, "{longest}");
}

#[test]
fn when_all_numbers_are_taken_what_has_none_is_not_offered() {
    let numbers: Vec<String> = (96..=127).map(|pt| pt.to_string()).collect();
    let maps: String = (96..=127).map(|pt| format!("a=rtpmap:{pt} iLBC/8000\r\n")).collect();
    let body = format!("v=0\r\nc=IN IP4 10.0.0.1\r\nm=audio 5004 RTP/AVP 0 {}\r\n{maps}", numbers.join(" "));
    let mut called = negotiation();
    called.handle_offer(body.as_bytes(), WISH).expect("an offer");
    let ours = String::from_utf8(called.create_offer(WISH)).expect("we write UTF-8");
    assert_eq!(section(&ours, 0)[0], "m=audio 4000 RTP/AVP 0 9 8");
}
