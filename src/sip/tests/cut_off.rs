//! Calls by TCP in pieces of any size, on connections that break at moments of chance, while strangers bring garbage, trickle,
//! or say nothing on theirs.

use std::net::SocketAddr;

use rand::RngExt;

use super::Text;
use super::story::{SEEDS, Story};
use crate::sip::path::{FlowId, Path, Transport};
use crate::sip::testing::{CALLED, CALLER};

/// Somebody else's connection to the called phone.
fn stranger(number: u64) -> Path {
    let local = SocketAddr::from(([192, 0, 2, 2], 5060));
    let remote = SocketAddr::from(([198, 51, 100, 7], 40_000 + number as u16));
    Path { transport: Transport::Tcp, local, remote, flow: Some(FlowId(1 << 32 | number)) }
}

/// What a stranger brings on its connection at one moment.
fn disturb(story: &mut Story, number: u64) {
    let options = Text::new("OPTIONS", "z9hG4bKstream").text().replace('\n', "\r\n");
    let bytes = match story.dice.random_range(0..5) {
        0 => (0..story.dice.random_range(1..400)).map(|_| story.dice.random()).collect(),
        1 => options.as_bytes()[..story.dice.random_range(1..options.len())].to_vec(),
        2 => options.repeat(3).into_bytes(),
        3 => b"\r\n\r\n".to_vec(),
        _ => b"I".to_vec(),
    };
    let now = story.world.now;
    story.world.at(CALLED).handle_stream(now, stranger(number), &bytes);
    close_what_is_given_back(story);
}

fn close_what_is_given_back(story: &mut Story) {
    let now = story.world.now;
    while let Some(flow) = story.world.at(CALLED).poll_close() {
        story.world.at(CALLED).handle_flow_closed(now, flow);
    }
}

fn cut_off(seed: u64) {
    let mut story = Story::new("cut off", seed);
    let cuts = seed.is_multiple_of(2);
    story.known[CALLER].session = Some(story.world.call(Transport::Tcp, Some("offer")));
    for number in 0..4 {
        disturb(&mut story, number);
        story.pause(300);
    }
    story.run_until(|known| known[CALLED].session.is_some() || known[CALLER].end.is_some());
    if story.known[CALLED].session.is_some() {
        story.accept(CALLED, "answer");
        story.pause(200);
    }
    for round in 0..4 {
        if cuts {
            story.world.cut_connections();
        }
        let phone = story.dice.random_range(CALLER..=CALLED);
        let by_update = story.dice.random_bool(0.5);
        if story.known[phone].up {
            story.offer(phone, &format!("change {round}"), by_update);
        }
        for number in 0..3 {
            disturb(&mut story, 10 * round + number);
        }
        story.pause(6_000);
    }
    story.run(15_000);
    if !cuts {
        assert!(story.is_up(), "{}: {:?}", story.label, story.known);
        let mut results = story.known.iter().flat_map(|phone| &phone.results);
        assert!(results.all(|result| matches!(result, Ok(()) | Err(491))), "{}: {:?}", story.label, story.known);
        story.assert_agreement();
    }
    let first = story.dice.random_range(CALLER..=CALLED);
    story.hang_up(first);
    story.run(40_000);
    story.hang_up(1 - first);
    // Whoever trickles is given back in time.
    story.run(130_000);
    close_what_is_given_back(&mut story);
    story.close();
}

#[test]
fn calls_by_connections_that_break_end_on_both_sides() {
    (0..SEEDS).for_each(cut_off);
}
