//! Calls that do not go straight, on a network that loses, repeats and reorders: sent elsewhere, put off, refused in the midst,
//! offered late, spoken in, too large for a datagram.

use rand::RngExt;

use super::story::{Known, SEEDS, Story};
use crate::sip::message::{Method, Response};
use crate::sip::path::Transport;
use crate::sip::session::EndCause;
use crate::sip::testing::{ALSO_CALLED, CALLED, CALLER, keys};

/// The called phone is said to be elsewhere, and the call goes there.
fn sent_elsewhere(seed: u64) {
    let mut story = Story::new("sent elsewhere", seed);
    story.world.add_phone();
    story.known.push(Known::default());
    story.world.follow = 1;
    story.world.doorman = Box::new(|request| {
        (*request.method() == Method::Invite).then(|| {
            let mut response = Response::answer(request, 302);
            response.set_to_tag("doorman");
            response.push_header("Contact", "<sip:panel@192.0.2.3>");
            response
        })
    });
    story.call(&[]);
    story.run_until(|known| known[ALSO_CALLED].session.is_some() || known[CALLER].end.is_some());
    if story.known[ALSO_CALLED].session.is_none() {
        assert_eq!(story.ended(CALLER), Some(&EndCause::TimedOut), "{}", story.label);
        return story.close();
    }
    story.pause(1_000);
    story.accept(ALSO_CALLED, "answer");
    story.run_until(|known| known[ALSO_CALLED].end.is_some() || (known[CALLER].up && known[ALSO_CALLED].up));
    assert!(story.known[CALLED].session.is_none(), "{}: nobody rings at the old place", story.label);
    assert_eq!(story.known[CALLER].agreed, story.known[ALSO_CALLED].agreed, "{}", story.label);
    let first = if story.dice.random_bool(0.5) { CALLER } else { ALSO_CALLED };
    story.hang_up(first);
    story.close();
}

/// A change is not possible now and is asked for again when it was said to be.
fn put_off(seed: u64) {
    let mut story = Story::new("put off", seed);
    if !story.connect() {
        story.hang_up(CALLER);
        return story.close();
    }
    let (status, by_update) = ([480, 500, 503][(seed % 3) as usize], seed.is_multiple_of(2));
    let mut first = None;
    story.world.doorman = Box::new(move |request| {
        let changes = matches!(request.method(), Method::Invite | Method::Update) && request.to().tag().is_some();
        let is_first = changes && *first.get_or_insert(request.cseq().0) == request.cseq().0;
        is_first.then(|| {
            let mut response = Response::answer(request, status);
            response.push_header("Retry-After", "2");
            response
        })
    });
    let asked = story.world.now;
    story.offer(CALLER, "change", by_update);
    story.run_until(|known| !known[CALLER].results.is_empty() || known[CALLER].end.is_some());
    if story.known[CALLER].results == [Ok(())] {
        assert!((story.world.now - asked).as_millis() >= 2_000, "{}", story.label);
        story.assert_agreement();
        assert_eq!(story.known[CALLER].agreed.as_deref(), Some(&b"yes to change"[..]), "{}", story.label);
    } else {
        // Whoever hears nothing at all takes the call for lost.
        assert_eq!(story.known[CALLER].results, [Err(408)], "{}", story.label);
    }
    story.hang_up(CALLER);
    story.close();
}

/// A change is refused and everything stays as it was; the next one is taken.
fn refused_in_the_midst(seed: u64) {
    let mut story = Story::new("refused in the midst", seed);
    if !story.connect() {
        story.hang_up(CALLER);
        return story.close();
    }
    let asks = story.dice.random_range(CALLER..=CALLED);
    let by_update = story.dice.random_bool(0.5);
    story.known[1 - asks].refuses = Some(488);
    story.offer(asks, "change", by_update);
    story.run_until(|known| known[asks].results.len() == 1 || known[asks].end.is_some());
    if story.is_up() {
        assert_eq!(story.known[asks].results, [Err(488)], "{}", story.label);
        assert_eq!(story.known[asks].agreed.as_deref(), Some(&b"answer"[..]), "{}", story.label);
        story.assert_agreement();
        story.known[1 - asks].refuses = None;
        story.offer(asks, "other", !by_update);
        story.run_until(|known| known[asks].results.len() == 2 || known[asks].end.is_some());
        story.run(3_000);
        story.assert_agreement();
    }
    story.hang_up(asks);
    story.close();
}

/// The caller lets the called side offer, and answers in the ACK.
fn offered_late(seed: u64) {
    let mut story = Story::new("offered late", seed);
    story.late = true;
    if !story.meet(&[]) {
        return story.close();
    }
    story.pause(2_000);
    story.accept(CALLED, "offer of the called side");
    story.run_until(|known| known.iter().all(|phone| phone.up) || known.iter().any(|phone| phone.end.is_some()));
    story.assert_agreement();
    let first = story.dice.random_range(CALLER..=CALLED);
    story.hang_up(first);
    story.close();
}

/// Both sides say small things all the time: each is heard once, and heard by whom it was said to have been.
fn spoken_in(seed: u64) {
    let mut story = Story::new("spoken in", seed);
    if !story.connect() {
        story.hang_up(CALLER);
        return story.close();
    }
    for number in 0..6 {
        for phone in [CALLER, CALLED] {
            if let (None, Some(session)) = (story.ended(phone), story.known[phone].session) {
                let now = story.world.now;
                story.world.at(phone).info(now, session, &keys(&format!("{phone} says {number}")));
            }
        }
        story.pause(400);
    }
    let all_told = |known: &[Known]| known.iter().all(|phone| phone.told.len() == 6);
    story.run_until(|known| all_told(known) || known.iter().any(|phone| phone.end.is_some()));
    for phone in [CALLER, CALLED] {
        let mut heard = story.known[1 - phone].infos.clone();
        let count = heard.len();
        heard.sort();
        heard.dedup();
        assert_eq!(heard.len(), count, "{}: heard twice", story.label);
        let told = &story.known[phone].told;
        let confirmed = told.iter().filter(|result| result.is_ok()).count();
        assert!(confirmed <= count, "{}: {confirmed} of {count}", story.label);
        // What came late was overtaken by a later one, and refused (RFC 3261 12.2.2).
        let expected = |result: &Result<(), u16>| matches!(result, Ok(()) | Err(408 | 500));
        assert!(told.iter().all(expected), "{}: {told:?}", story.label);
    }
    story.hang_up(CALLED);
    story.hang_up(CALLER);
    story.close();
}

/// An INVITE that is too large for a datagram goes by TCP, and by UDP after all where nobody takes connections.
fn too_large(seed: u64) {
    let mut story = Story::new("too large", seed);
    let refuses = seed.is_multiple_of(2);
    if refuses {
        story.world.refuse_connections();
    }
    story.known[CALLER].session = Some(story.world.call(Transport::Udp, Some(&"offer ".repeat(400))));
    story.run_until(|known| known[CALLED].session.is_some() || known[CALLER].end.is_some());
    if story.known[CALLED].session.is_none() {
        assert!(refuses, "{}: TCP loses nothing", story.label);
        return story.close();
    }
    story.pause(1_000);
    story.accept(CALLED, "answer");
    story.run_until(|known| known.iter().all(|phone| phone.up) || known.iter().any(|phone| phone.end.is_some()));
    story.assert_agreement();
    let invites = story.world.phones[CALLER].sent.iter().filter(|(_, text)| text.starts_with("INVITE"));
    let (by_tcp, by_udp): (Vec<_>, Vec<_>) = invites.partition(|(_, text)| text.contains("\r\nVia: SIP/2.0/TCP "));
    assert_eq!((by_tcp.len(), by_udp.is_empty()), (1, !refuses), "{}", story.label);
    let first = story.dice.random_range(CALLER..=CALLED);
    story.hang_up(first);
    story.close();
}

#[test]
fn a_call_that_is_sent_elsewhere_arrives_there() {
    (0..SEEDS).for_each(sent_elsewhere);
}

#[test]
fn a_change_that_is_put_off_comes_at_the_time_that_was_said() {
    (0..SEEDS).for_each(put_off);
}

#[test]
fn a_change_that_is_refused_leaves_everything_as_it_was() {
    (0..SEEDS).for_each(refused_in_the_midst);
}

#[test]
fn an_offer_that_comes_late_is_answered() {
    (0..SEEDS).for_each(offered_late);
}

#[test]
fn what_is_said_in_a_call_is_heard_once() {
    (0..SEEDS).for_each(spoken_in);
}

#[test]
fn a_call_that_is_too_large_finds_its_way() {
    (0..SEEDS).for_each(too_large);
}
