//! A phone under a flood, on a network that loses, repeats and reorders: the call that is up goes on and ends as it is told to,
//! a known door rings, and afterwards nothing is left.

use std::net::{IpAddr, SocketAddr};

use rand::RngExt;

use super::Text;
use super::story::{Known, SEEDS, Story};
use crate::sip::endpoint::MAX_SESSIONS;
use crate::sip::guard::MAX_SOURCES;
use crate::sip::path::{Path, Transport};
use crate::sip::session::SessionEvent;
use crate::sip::testing::{CALLED, CALLER, keys, ms};

/// Messages of the flood at its first moment: more than any bucket of a stranger, or of all new ones, holds.
const AT_ONCE: u32 = 450;
/// Messages in each step of ten milliseconds afterwards: more than any bucket fills with.
const IN_A_STEP: u32 = 4;

/// Where a flood comes from, or says that it comes from.
#[derive(Debug, Clone, Copy)]
enum Origin {
    /// One address.
    One,
    /// Fifty addresses in turn.
    Crowd,
    /// An address of its own for each datagram.
    Anywhere,
    /// The address of the other end of the call, which is a known door.
    TheDoor,
}

/// A flood: new calls, garbage, and what is guessed of the call that is up.
struct Flood {
    origin: Origin,
    sent: u32,
}

impl Flood {
    /// Where the next datagram claims to come from.
    fn source(&self, story: &mut Story) -> SocketAddr {
        let number: u32 = match self.origin {
            Origin::One => 0,
            Origin::Crowd => self.sent % 50,
            Origin::Anywhere => story.dice.random_range(0..0xFFFF),
            Origin::TheDoor => return story.world.phones[CALLER].address,
        };
        let [_, _, high, low] = number.to_be_bytes();
        SocketAddr::new(IpAddr::from([198, 18, high, low]), 5060)
    }

    /// What it says: mostly garbage, now and then a call of its own or a guess at ours.
    fn text(&self) -> String {
        let text = match self.sent % 8 {
            0 => Text::new("INVITE", "z9hG4bKflood").body("offer").text(),
            1 => Text::new("BYE", "z9hG4bKflood").inside("guessed").cseq(self.sent).text(),
            _ => return format!("garbage {}", self.sent),
        };
        let own = |word: &str| format!("{word}{}", self.sent);
        text.replace("z9hG4bKflood", &own("z9hG4bKflood")).replace("a-call", &own("flood")).replace('\n', "\r\n")
    }

    /// So many datagrams arrive now.
    fn pour(&mut self, story: &mut Story, count: u32) {
        for _ in 0..count {
            self.sent += 1;
            let (now, local, remote) = (story.world.now, story.world.phones[CALLED].address, self.source(story));
            let path = Path { transport: Transport::Udp, local, remote, flow: None };
            story.world.at(CALLED).handle_datagram(now, path, self.text().as_bytes());
        }
        turn_away(story);
    }

    /// Lets it go on for so many steps.
    fn rage(&mut self, story: &mut Story, steps: u32) {
        for _ in 0..steps {
            self.pour(story, IN_A_STEP);
            story.run(10);
        }
    }
}

/// The calls of the flood ring nobody: they are met with silence.
fn turn_away(story: &mut Story) {
    story.world.run(ms(0));
    let is_of_flood = |event: &SessionEvent| match event {
        SessionEvent::Incoming { request, .. } => request.call_id.starts_with("flood"),
        _ => false,
    };
    let now = story.world.now;
    let events = std::mem::take(&mut story.world.phones[CALLED].events);
    let (flood, others): (Vec<_>, Vec<_>) = events.into_iter().partition(is_of_flood);
    for event in flood {
        story.world.at(CALLED).drop_silently(now, event.session());
    }
    story.world.phones[CALLED].events = others;
}

fn besieged(seed: u64) {
    let mut story = Story::new("besieged", seed);
    let origin = [Origin::One, Origin::Crowd, Origin::Anywhere, Origin::TheDoor][(seed / 16 % 4) as usize];
    story.label = format!("{}, {origin:?}", story.label);
    let door = story.world.phones[CALLER].address.ip();
    if matches!(origin, Origin::TheDoor) || seed.is_multiple_of(2) {
        story.world.at(CALLED).set_known([door]);
    }
    if !story.connect() {
        story.hang_up(CALLER);
        return story.close();
    }
    let mut flood = Flood { origin, sent: 0 };
    flood.pour(&mut story, AT_ONCE);

    // Each side says something and changes something in the midst of it.
    for phone in [CALLER, CALLED] {
        let (now, session) = (story.world.now, story.known[phone].session.expect("a call"));
        story.world.at(phone).info(now, session, &keys("something"));
        story.offer(phone, &format!("change of {phone}"), seed.is_multiple_of(3));
        flood.rage(&mut story, 15);
        assert!(story.is_up(), "{}: {:?}", story.label, story.known);
    }
    let (sessions, transactions) = (story.world.at(CALLED).busy_sessions(), story.world.at(CALLED).transactions());
    assert!(sessions <= MAX_SESSIONS && transactions <= 64 + 256, "{}: {sessions}, {transactions}", story.label);
    assert!(story.world.at(CALLED).sources() <= MAX_SOURCES, "{}", story.label);
    let done = |phone: &Known| phone.told.len() == 1 && phone.results.len() == 1;
    for _ in 0..400 {
        if story.known.iter().all(done) || !story.is_up() {
            break;
        }
        flood.pour(&mut story, 1);
        story.run(100);
    }
    if story.is_up() {
        assert!(story.known.iter().all(done), "{}: {:?}", story.label, story.known);
        story.assert_agreement();
    }
    let first = story.dice.random_range(CALLER..=CALLED);
    story.hang_up(first);
    flood.rage(&mut story, 10);
    story.run_until(|known| known.iter().all(|phone| phone.end.is_some()));

    // The door calls again, and rings while the flood goes on.
    story.known = vec![Known::default(), Known::default()];
    story.call(&[]);
    flood.rage(&mut story, 30);
    let known = story.world.at(CALLED).knows(door) && !matches!(origin, Origin::TheDoor);
    if known && story.world.loss == 0.0 && story.world.reordering == 0.0 {
        assert!(story.known[CALLED].session.is_some(), "{}: it does not ring in time", story.label);
    }
    for _ in 0..80 {
        flood.pour(&mut story, IN_A_STEP);
        story.run(100);
        if story.known[CALLED].session.is_some() {
            break;
        }
    }
    // Only who forges the door's own address can keep it waiting for longer than a lost datagram does.
    if known && story.world.loss < 0.3 {
        assert!(story.known[CALLED].session.is_some(), "{}: it does not ring", story.label);
    }
    story.hang_up(CALLER);
    story.run(130_000);
    // A stranger who was refused for want of room may ring all the same, by a copy of its INVITE that came later: in a flood
    // nobody remembers whom he refused.
    story.hang_up(CALLED);
    story.close();
}

#[test]
fn a_call_under_a_flood_goes_on_and_a_known_door_rings() {
    (0..SEEDS).for_each(besieged);
}
