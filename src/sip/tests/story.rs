//! A story on a network that loses, repeats and reorders: what the people of a call do at moments of chance, and what each phone
//! knows of it. Used by the files that play one for many seeds.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::sip::path::Transport;
use crate::sip::session::{EndCause, Rejection, SessionEvent, SessionHandle};
use crate::sip::testing::{CALLED, CALLER, DECLINE, World, ms, sdp};

/// How many seeds each story is played for.
pub const SEEDS: u64 = 1_000;

/// What one phone knows of the call.
#[derive(Debug, Default)]
pub struct Known {
    pub session: Option<SessionHandle>,
    pub up: bool,
    pub end: Option<EndCause>,
    /// The answer in force.
    pub agreed: Option<Vec<u8>>,
    /// What became of the offers it made.
    pub results: Vec<Result<(), u16>>,
    /// How often it rang with a description.
    pub described: usize,
    /// How it refuses offers; none takes them.
    pub refuses: Option<u16>,
    /// What INFOs told it.
    pub infos: Vec<Vec<u8>>,
    /// What became of its own.
    pub told: Vec<Result<(), u16>>,
}

/// A story in the making.
pub struct Story {
    pub world: World,
    pub known: Vec<Known>,
    pub label: String,
    pub dice: StdRng,
    /// The caller lets the called side offer.
    pub late: bool,
}

impl Story {
    pub fn new(name: &str, seed: u64) -> Self {
        let loss = [0.0, 0.1, 0.2, 0.3][(seed % 4) as usize];
        let mut world = World::new(seed, loss);
        world.duplication = [0.0, 0.2][(seed / 4 % 2) as usize];
        world.reordering = [0.0, 0.2][(seed / 8 % 2) as usize];
        let label = format!("{name}, seed {seed}, loss {loss}, {} twice, {} late", world.duplication, world.reordering);
        let known = vec![Known::default(), Known::default()];
        Story { world, known, label, dice: StdRng::seed_from_u64(seed), late: false }
    }

    pub fn call(&mut self, lines: &[(&str, &str)]) {
        let offer = (!self.late).then_some("offer");
        self.known[CALLER].session = Some(self.world.call_with(Transport::Udp, offer, lines));
    }

    /// Reads all events; offers are answered at once.
    pub fn listen(&mut self) {
        for phone in 0..self.known.len() {
            for event in std::mem::take(&mut self.world.phones[phone].events) {
                self.hear(phone, event);
            }
        }
    }

    pub fn hear(&mut self, phone: usize, event: SessionEvent) {
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
            SessionEvent::Answered { session, body } => {
                assert!(!std::mem::replace(&mut known.up, true), "{label}: up twice");
                match body {
                    // It called without an offer.
                    Some(offer) if self.late => {
                        known.agreed = Some(offer.bytes.clone());
                        self.world.at(phone).answer_offer(now, session, Ok(offer));
                    }
                    body => known.agreed = body.map(|body| body.bytes).or(known.agreed.take()),
                }
            }
            SessionEvent::Confirmed { body, .. } => {
                assert!(!std::mem::replace(&mut known.up, true), "{label}: up twice");
                known.agreed = body.map(|body| body.bytes).or(known.agreed.take());
            }
            SessionEvent::Offer { session, .. } if known.refuses.is_some() => {
                let refusal = known.refuses.unwrap_or_default();
                self.world.at(phone).answer_offer(now, session, Err(Rejection::from(refusal)));
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
            SessionEvent::Info { body, .. } => known.infos.push(body.expect("something").bytes),
            SessionEvent::InfoAnswered { result, .. } => known.told.push(result),
            SessionEvent::Ended { why, .. } => known.end = Some(why),
            _ => {}
        }
    }

    pub fn run(&mut self, span: u64) {
        self.world.run(ms(span));
        self.listen();
    }

    /// A moment of chance passes.
    pub fn pause(&mut self, longest: u64) {
        let span = self.dice.random_range(0..longest);
        self.run(span);
    }

    pub fn run_until(&mut self, done: impl Fn(&[Known]) -> bool) {
        for _ in 0..36_000 {
            self.listen();
            if done(&self.known) {
                return;
            }
            self.world.run(ms(100));
        }
        panic!("{}: never happened", self.label);
    }

    pub fn accept(&mut self, phone: usize, answer: &str) {
        let (now, session) = (self.world.now, self.known[phone].session.expect("a call"));
        self.known[phone].agreed = Some(answer.as_bytes().to_vec());
        self.world.at(phone).accept(now, session, sdp(answer));
    }

    /// Both sides are up; false when the call came to nothing first.
    pub fn connect(&mut self) -> bool {
        if self.meet(&[]) {
            self.accept(CALLED, "answer");
            self.run_until(|known| known.iter().all(|phone| phone.up) || known.iter().any(|phone| phone.end.is_some()));
        }
        self.is_up()
    }

    /// Both sides are in the call.
    pub fn is_up(&self) -> bool {
        self.known.iter().all(|phone| phone.up && phone.end.is_none())
    }

    /// A phone that is in a call offers a change, by re-INVITE or by UPDATE.
    pub fn offer(&mut self, phone: usize, offer: &str, by_update: bool) {
        if let (None, Some(session)) = (self.ended(phone), self.known[phone].session) {
            let (now, offer) = (self.world.now, sdp(offer));
            match by_update {
                false => self.world.at(phone).reinvite(now, session, offer),
                true => self.world.at(phone).update(now, session, offer),
            }
        }
    }

    pub fn hang_up(&mut self, phone: usize) {
        if let Some(session) = self.known[phone].session {
            let now = self.world.now;
            self.world.at(phone).end(now, session, DECLINE);
        }
    }

    /// Both have met; false when the call came to nothing first.
    pub fn meet(&mut self, lines: &[(&str, &str)]) -> bool {
        self.call(lines);
        self.run_until(|known| known[CALLED].session.is_some() || known[CALLER].end.is_some());
        self.known[CALLED].session.is_some()
    }

    /// Everybody who took part has come to an end, and nothing is left.
    pub fn close(mut self) {
        self.run_until(|known| known.iter().all(|phone| phone.session.is_none() || phone.end.is_some()));
        self.run(110_000);
        self.world.assert_empty();
    }

    /// As long as both are up they have the same answer.
    pub fn assert_agreement(&self) {
        if self.known.iter().all(|phone| phone.up && phone.end.is_none()) {
            assert_eq!(self.known[CALLER].agreed, self.known[CALLED].agreed, "{}", self.label);
        }
    }

    pub fn ended(&self, phone: usize) -> Option<&EndCause> {
        self.known[phone].end.as_ref()
    }
}
