//! Longer stories on a network that loses, repeats and reorders: offers that meet, reliable ringing, forks. Both sides
//! end, in agreement about the media as long as both are up, and nothing leaks.

use rand::RngExt;

use super::story::{Known, SEEDS, Story};
use crate::sip::testing::{ALSO_CALLED, CALLED, CALLER, keys, sdp};

/// Both offer at about the same time, by re-INVITE or by UPDATE.
fn offers_meet(seed: u64) {
    let mut story = Story::new("offers meet", seed);
    if !story.connect() {
        story.hang_up(CALLER);
        return story.close();
    }
    let first = story.dice.random_range(CALLER..=CALLED);
    for phone in [first, 1 - first] {
        let by_update = story.dice.random_bool(0.5);
        story.offer(phone, &format!("offer of {phone}"), by_update);
        story.pause(600);
    }
    story.run_until(|known| {
        known.iter().all(|phone| phone.results.len() == 1) || known.iter().any(|phone| phone.end.is_some())
    });
    story.assert_agreement();
    story.hang_up(CALLER);
    story.run_until(|known| known.iter().all(|phone| phone.end.is_some()));
    for known in &story.known {
        assert!(known.results.len() <= 1, "{}: {:?}", story.label, known.results);
    }
    story.close();
}

/// The caller demands reliable ringing; the called side describes itself, rings, and answers at a moment of chance.
fn reliable_ringing(seed: u64, gives_up: bool) {
    let mut story = Story::new("reliable ringing", seed);
    if !story.meet(&[("Require", "100rel")]) {
        return story.close();
    }
    let theirs = story.known[CALLED].session.expect("a call");
    let ours = story.known[CALLER].session.expect("a call");
    for body in [None, Some(sdp("early")), None] {
        let now = story.world.now;
        story.world.at(CALLED).ring(now, theirs, body);
        story.pause(800);
        // A key pressed meanwhile may overtake a PRACK.
        let now = story.world.now;
        story.world.at(CALLER).info(now, ours, &keys("key"));
    }
    if gives_up {
        story.hang_up(CALLER);
        story.pause(2_000);
    }
    if story.ended(CALLED).is_none() {
        story.accept(CALLED, "early");
    }
    story.run_until(|known| {
        known[CALLER].end.is_some() || known[CALLED].end.is_some() || known.iter().all(|phone| phone.up)
    });
    story.run(5_000);
    story.assert_agreement();
    assert!(story.known[CALLER].described <= 1, "{}: described twice", story.label);
    story.hang_up(CALLED);
    story.hang_up(CALLER);
    story.close();
}

/// A proxy calls two phones and both answer: one keeps the call, the other is told that it is over.
fn forked(seed: u64) {
    let mut story = Story::new("forked", seed);
    story.world.fork();
    story.known.push(Known::default());
    if !story.meet(&[]) {
        return story.close();
    }
    story.pause(1_500);
    let first = story.dice.random_range(CALLED..=ALSO_CALLED);
    for phone in [first, CALLED + ALSO_CALLED - first] {
        if story.known[phone].session.is_some() && story.ended(phone).is_none() {
            let now = story.world.now;
            let session = story.known[phone].session.expect("a call");
            story.world.at(phone).ring(now, session, Some(sdp(&format!("answer of {phone}"))));
            story.pause(300);
        }
    }
    // The second time for the one whose INVITE was late.
    for phone in [first, CALLED + ALSO_CALLED - first, CALLED, ALSO_CALLED] {
        let known = &story.known[phone];
        if known.session.is_some() && known.end.is_none() && known.agreed.is_none() {
            story.accept(phone, &format!("answer of {phone}"));
            story.pause(200);
        }
        if phone != first {
            story.run(1_000);
        }
    }
    story.run_until(|known| known[CALLER].up || known[CALLER].end.is_some());
    story.run(80_000);
    // One phone at most is still in the call, and has described what the caller hears.
    let left: Vec<&Known> =
        story.known[CALLED..].iter().filter(|phone| phone.session.is_some() && phone.end.is_none()).collect();
    assert!(left.len() <= 1, "{}: {left:?}", story.label);
    if let (Some(left), None) = (left.first(), story.ended(CALLER)) {
        assert_eq!(left.agreed, story.known[CALLER].agreed, "{}", story.label);
    }
    story.hang_up(CALLER);
    story.close();
}

/// Before the answer, when the first offer is settled for certain, both sides want to change it: at moments of chance, so that
/// the changes meet each other, PRACKs and the answer.
fn early_changes(seed: u64) {
    let mut story = Story::new("early changes", seed);
    if !story.meet(&[("Require", "100rel")]) {
        return story.close();
    }
    let theirs = story.known[CALLED].session.expect("a call");
    let now = story.world.now;
    story.world.at(CALLED).ring(now, theirs, Some(sdp("early")));
    story.known[CALLED].agreed = Some(b"early".to_vec());
    for change in 0..4 {
        let phone = story.dice.random_range(CALLER..=CALLED);
        story.offer(phone, &format!("change {change} of {phone}"), true);
        story.pause([200, 1_500][(seed % 2) as usize]);
    }
    if story.ended(CALLED).is_none() {
        // What was agreed early stands; the body is there for whoever has heard nothing of it.
        let now = story.world.now;
        story.world.at(CALLED).accept(now, theirs, sdp("early"));
    }
    story.run_until(|known| known.iter().any(|phone| phone.end.is_some()) || known.iter().all(|phone| phone.up));
    story.run(60_000);
    let failed = |phone: &Known| phone.results.iter().any(|result| !matches!(result, Ok(()) | Err(491)));
    if !story.known.iter().any(failed) {
        story.assert_agreement();
    }
    let offers: usize = story.known.iter().map(|phone| phone.results.len()).sum();
    assert!(offers <= 4, "{}: {:?}", story.label, story.known);
    if story.is_up() {
        assert_eq!(offers, 4, "{}: {:?}", story.label, story.known);
    }
    story.hang_up(CALLED);
    story.hang_up(CALLER);
    story.close();
}

#[test]
fn offers_that_meet_come_to_one_agreement() {
    (0..SEEDS).for_each(offers_meet);
}

#[test]
fn reliable_ringing_comes_through() {
    (0..SEEDS).for_each(|seed| reliable_ringing(seed, false));
}

#[test]
fn reliable_ringing_is_given_up() {
    (0..SEEDS).for_each(|seed| reliable_ringing(seed, true));
}

#[test]
fn of_two_phones_one_keeps_the_call() {
    (0..SEEDS).for_each(forked);
}

#[test]
fn changes_before_the_answer_come_to_one_agreement() {
    (0..SEEDS).for_each(early_changes);
}
