//! Longer stories on a network that loses, repeats and reorders: offers that meet, reliable ringing, forks. Both sides
//! end, in agreement about the media as long as both are up, and nothing leaks.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::sip::path::Transport;
use crate::sip::session::{EndCause, SessionEvent, SessionHandle};
use crate::sip::testing::{ALSO_CALLED, CALLED, CALLER, DECLINE, World, ms, sdp};

const SEEDS: u64 = 1_000;

/// What one phone knows of the call.
#[derive(Debug, Default)]
struct Known {
    session: Option<SessionHandle>,
    up: bool,
    end: Option<EndCause>,
    /// The answer in force.
    agreed: Option<Vec<u8>>,
    /// What became of the offers it made.
    results: Vec<Result<(), u16>>,
    /// How often it rang with a description.
    described: usize,
}

/// A story in the making.
struct Story {
    world: World,
    known: Vec<Known>,
    label: String,
    dice: StdRng,
}

impl Story {
    fn new(name: &str, seed: u64) -> Self {
        let loss = [0.0, 0.1, 0.2, 0.3][(seed % 4) as usize];
        let mut world = World::new(seed, loss);
        world.duplication = [0.0, 0.2][(seed / 4 % 2) as usize];
        world.reordering = [0.0, 0.2][(seed / 8 % 2) as usize];
        let label = format!("{name}, seed {seed}, loss {loss}, {} twice, {} late", world.duplication, world.reordering);
        let known = vec![Known::default(), Known::default()];
        Story { world, known, label, dice: StdRng::seed_from_u64(seed) }
    }

    fn call(&mut self, lines: &[(&str, &str)]) {
        self.known[CALLER].session = Some(self.world.call_with(Transport::Udp, Some("offer"), lines));
    }

    /// Reads all events; offers are answered at once.
    fn listen(&mut self) {
        for phone in 0..self.known.len() {
            for event in std::mem::take(&mut self.world.phones[phone].events) {
                self.hear(phone, event);
            }
        }
    }

    fn hear(&mut self, phone: usize, event: SessionEvent) {
        let (label, now, known) = (&self.label, self.world.now, &mut self.known[phone]);
        assert!(known.end.is_none(), "{label}: told after the end: {event:?}");
        match event {
            SessionEvent::Incoming { session, .. } => {
                assert!(known.session.replace(session).is_none(), "{label}: rang twice");
            }
            SessionEvent::Progress { body: Some(body), .. } => {
                known.described += 1;
                known.agreed = Some(body.bytes);
            }
            SessionEvent::Answered { body, .. } => {
                assert!(!std::mem::replace(&mut known.up, true), "{label}: up twice");
                known.agreed = body.map(|body| body.bytes).or(known.agreed.take());
            }
            SessionEvent::Confirmed { .. } => {
                assert!(!std::mem::replace(&mut known.up, true), "{label}: up twice");
            }
            SessionEvent::Offer { session, body } => {
                let answer = [b"yes to ", body.expect("an offer").bytes.as_slice()].concat();
                known.agreed = Some(answer.clone());
                let answer = Ok(sdp(std::str::from_utf8(&answer).expect("text")));
                self.world.at(phone).answer_offer(now, session, answer);
            }
            SessionEvent::OfferAnswered { result, .. } => {
                known.results.push(result.as_ref().map(|_| ()).map_err(|status| *status));
                if let Ok(body) = result {
                    known.agreed = Some(body.expect("an answer").bytes);
                }
            }
            SessionEvent::Ended { why, .. } => known.end = Some(why),
            _ => {}
        }
    }

    fn run(&mut self, span: u64) {
        self.world.run(ms(span));
        self.listen();
    }

    /// A moment of chance passes.
    fn pause(&mut self, longest: u64) {
        let span = self.dice.random_range(0..longest);
        self.run(span);
    }

    fn run_until(&mut self, done: impl Fn(&[Known]) -> bool) {
        for _ in 0..36_000 {
            self.listen();
            if done(&self.known) {
                return;
            }
            self.world.run(ms(100));
        }
        panic!("{}: never happened", self.label);
    }

    fn accept(&mut self, phone: usize, answer: &str) {
        let (now, session) = (self.world.now, self.known[phone].session.expect("a call"));
        self.known[phone].agreed = Some(answer.as_bytes().to_vec());
        self.world.at(phone).accept(now, session, sdp(answer));
    }

    fn hang_up(&mut self, phone: usize) {
        if let Some(session) = self.known[phone].session {
            let now = self.world.now;
            self.world.at(phone).end(now, session, DECLINE);
        }
    }

    /// Both have met; false when the call came to nothing first.
    fn meet(&mut self, lines: &[(&str, &str)]) -> bool {
        self.call(lines);
        self.run_until(|known| known[CALLED].session.is_some() || known[CALLER].end.is_some());
        self.known[CALLED].session.is_some()
    }

    /// Everybody who took part has come to an end, and nothing is left.
    fn close(mut self) {
        self.run_until(|known| known.iter().all(|phone| phone.session.is_none() || phone.end.is_some()));
        self.run(110_000);
        self.world.assert_empty();
    }

    /// As long as both are up they have the same answer.
    fn assert_agreement(&self) {
        if self.known.iter().all(|phone| phone.up && phone.end.is_none()) {
            assert_eq!(self.known[CALLER].agreed, self.known[CALLED].agreed, "{}", self.label);
        }
    }

    fn ended(&self, phone: usize) -> Option<&EndCause> {
        self.known[phone].end.as_ref()
    }
}

/// Both offer at about the same time, by re-INVITE or by UPDATE.
fn offers_meet(seed: u64) {
    let mut story = Story::new("offers meet", seed);
    if !story.meet(&[]) {
        return story.close();
    }
    story.accept(CALLED, "answer");
    story.run_until(|known| known.iter().all(|phone| phone.up) || known.iter().any(|phone| phone.end.is_some()));
    let first = story.dice.random_range(CALLER..=CALLED);
    for phone in [first, 1 - first] {
        if let (None, Some(session)) = (story.ended(phone), story.known[phone].session) {
            let now = story.world.now;
            let offer = sdp(&format!("offer of {phone}"));
            match story.dice.random_bool(0.5) {
                true => story.world.at(phone).reinvite(now, session, offer),
                false => story.world.at(phone).update(now, session, offer),
            }
        }
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
        story.world.at(CALLER).info(now, ours, &sdp("key"));
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
