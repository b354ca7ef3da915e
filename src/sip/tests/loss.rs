//! Whole calls on a network that loses, repeats and reorders, over many seeds: both sides end in the same state and
//! nothing leaks.

use crate::sip::path::Transport;
use crate::sip::session::{EndCause, SessionEvent, SessionHandle};
use crate::sip::testing::{CALLED, CALLER, DECLINE, World, ms, sdp};

const SEEDS: u64 = 1_000;

/// What the two people of a story do.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Story {
    CallerHangsUp,
    CalledHangsUp,
    CallerGivesUp,
    CalledDeclines,
    HoldThenHangUp,
    AnswerMeetsCancel,
}

/// What one phone knows of the call.
#[derive(Debug, Default)]
struct Known {
    up: bool,
    held: Option<bool>,
    end: Option<EndCause>,
}

/// Reads all events; offers are answered at once.
fn listen(world: &mut World, known: &mut [Known; 2], incoming: &mut Option<SessionHandle>) {
    for phone in [CALLER, CALLED] {
        for event in std::mem::take(&mut world.phones[phone].events) {
            assert!(known[phone].end.is_none(), "told after the end: {event:?}");
            let now = world.now;
            match event {
                SessionEvent::Incoming { session, .. } => {
                    assert!(incoming.replace(session).is_none(), "rang twice");
                }
                SessionEvent::Answered { .. } | SessionEvent::Confirmed { .. } => {
                    assert!(!std::mem::replace(&mut known[phone].up, true), "up twice");
                }
                SessionEvent::Offer { session, .. } => world.at(phone).answer_offer(now, session, Ok(sdp("held"))),
                SessionEvent::OfferAnswered { result, .. } => known[phone].held = Some(result.is_ok()),
                SessionEvent::Ended { why, .. } => known[phone].end = Some(why),
                _ => {}
            }
        }
    }
}

fn play(story: Story, seed: u64) {
    let loss = [0.0, 0.1, 0.2, 0.3][(seed % 4) as usize];
    let mut world = World::new(seed, loss);
    world.duplication = [0.0, 0.2][(seed / 4 % 2) as usize];
    world.reordering = [0.0, 0.2][(seed / 8 % 2) as usize];
    let label = format!("{story:?}, seed {seed}, loss {loss}, {} twice, {} late", world.duplication, world.reordering);
    let mut known = [Known::default(), Known::default()];
    let mut incoming = None;
    let ours = world.call(Transport::Udp, Some("offer"));
    let over = |known: &[Known; 2]| known.iter().all(|phone| phone.end.is_some());

    world.run_until(&label, |world| {
        listen(world, &mut known, &mut incoming);
        incoming.is_some() || known[CALLER].end.is_some()
    });
    let Some(theirs) = incoming else {
        // Not one INVITE came through.
        assert_eq!(known[CALLER].end, Some(EndCause::TimedOut), "{label}");
        return;
    };
    let now = world.now;
    world.at(CALLED).ring(now, theirs, None);
    world.run(ms(3_000));
    listen(&mut world, &mut known, &mut incoming);
    let now = world.now;
    match story {
        Story::CallerGivesUp => world.at(CALLER).end(now, ours, DECLINE),
        Story::CalledDeclines => world.at(CALLED).end(now, theirs, DECLINE),
        Story::AnswerMeetsCancel => {
            world.at(CALLED).accept(now, theirs, sdp("answer"));
            world.at(CALLER).end(now, ours, DECLINE);
        }
        _ => world.at(CALLED).accept(now, theirs, sdp("answer")),
    }
    if matches!(story, Story::CallerHangsUp | Story::CalledHangsUp | Story::HoldThenHangUp) {
        world.run_until(&label, |world| {
            listen(world, &mut known, &mut incoming);
            (known[CALLER].up && known[CALLED].up) || known.iter().any(|phone| phone.end.is_some())
        });
        if story == Story::HoldThenHangUp && !over(&known) {
            let now = world.now;
            world.at(CALLER).reinvite(now, ours, sdp("hold"));
            world.run_until(&label, |world| {
                listen(world, &mut known, &mut incoming);
                known[CALLER].held.is_some() || known.iter().any(|phone| phone.end.is_some())
            });
        }
        let now = world.now;
        match story {
            Story::CalledHangsUp => world.at(CALLED).end(now, theirs, DECLINE),
            _ => world.at(CALLER).end(now, ours, DECLINE),
        }
    }
    world.run_until(&label, |world| {
        listen(world, &mut known, &mut incoming);
        over(&known)
    });
    world.run(ms(70_000));
    listen(&mut world, &mut known, &mut incoming);
    world.assert_empty();
    check(story, &known, &label);
}

/// Loss may turn an end into a missing ACK, never into a session that one side believes in and the other does not.
fn check(story: Story, known: &[Known; 2], label: &str) {
    let (caller, called) = (known[CALLER].end.clone(), known[CALLED].end.clone());
    match story {
        Story::CallerHangsUp | Story::HoldThenHangUp => {
            assert_eq!((caller, called), (Some(EndCause::Local), Some(EndCause::Remote)), "{label}");
        }
        Story::CalledHangsUp => {
            assert_eq!((caller, called), (Some(EndCause::Remote), Some(EndCause::Local)), "{label}");
        }
        Story::CallerGivesUp => {
            assert_eq!(caller, Some(EndCause::Local), "{label}");
            assert_eq!(called, Some(EndCause::Cancelled { completed_elsewhere: false }), "{label}");
        }
        Story::CalledDeclines => {
            assert!(matches!(caller, Some(EndCause::Rejected(603, _))), "{label}: {caller:?}");
            assert_eq!(called, Some(EndCause::Local), "{label}");
        }
        Story::AnswerMeetsCancel => {
            assert_eq!((caller, called), (Some(EndCause::Local), Some(EndCause::Remote)), "{label}");
        }
    }
}

/// A story over all seeds, at 0, 10, 20 and 30 % loss, with and without repetition and reordering.
fn play_all(story: Story) {
    for seed in 0..SEEDS {
        play(story, seed);
    }
}

#[test]
fn the_caller_hangs_up() {
    play_all(Story::CallerHangsUp);
}

#[test]
fn the_called_side_hangs_up() {
    play_all(Story::CalledHangsUp);
}

#[test]
fn the_caller_gives_up() {
    play_all(Story::CallerGivesUp);
}

#[test]
fn the_called_side_declines() {
    play_all(Story::CalledDeclines);
}

#[test]
fn a_call_is_held_and_ended() {
    play_all(Story::HoldThenHangUp);
}

#[test]
fn the_answer_meets_the_cancel() {
    play_all(Story::AnswerMeetsCancel);
}
