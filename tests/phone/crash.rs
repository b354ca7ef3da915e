//! The program dies in a call: the next run ends the call for the others, and the log has it.

use std::time::Duration;

use vestibule::channel::{CallResult, Command, EndReason};

use crate::common::{DOOR, House, ONE, OTHER, PANEL, PBX, ms, s};

fn left(house: &House) -> usize {
    house.panels[PANEL].unfinished.len()
}

/// Whether the door heard its call end, and how often.
fn byes(house: &House) -> usize {
    house.door.heard.iter().filter(|heard| *heard == "bye").count()
}

#[test]
fn a_door_that_speaks_hears_the_end_and_the_log_has_the_call() {
    let mut house = House::new(&[]);
    house.connect_door();
    // What was asked since counts on: the BYE is behind all of it.
    for key in ["1", "2", "3"] {
        house.must(PANEL, Command::Dtmf(key.to_owned()));
    }
    house.run(s(10));
    assert_eq!(left(&house), 1);
    house.crash();
    assert_eq!((byes(&house), house.panel().phone.calls().len()), (0, 0));
    house.run(s(1));
    assert_eq!(byes(&house), 1);
    assert_eq!(house.count(PANEL, "BYE "), 1, "it is answered, and said no more");
    let line = house.panel().log()[0].clone();
    assert_eq!((line.result, line.outgoing, line.unseen), (CallResult::Answered, false, false));
    assert!((s(11)..s(14)).contains(&line.duration), "{:?}", line.duration);
    assert_eq!((left(&house), house.panel().saved_log.len()), (0, 1));
    // Dying again brings nothing back.
    house.crash();
    house.run(s(40));
    assert_eq!((byes(&house), house.panel().log().len()), (1, 1));
    house.bell();
    assert_eq!(house.call(PANEL).direction, vestibule::channel::CallDirection::In, "the door rings as ever");
}

#[test]
fn a_bell_that_nobody_could_answer_any_more_is_missed_and_the_door_rings_no_longer() {
    let mut house = House::new(&[]);
    house.bell();
    house.crash();
    house.run(ms(50));
    assert_eq!(house.door.heard.last().expect("an answer"), "rejected 480");
    let line = house.panel().log()[0].clone();
    assert_eq!((line.result, line.unseen, line.duration), (CallResult::Missed, true, Duration::ZERO));
    assert_eq!(house.panel().phone.missed(), 1);
}

#[test]
fn whoever_is_being_called_is_called_no_longer() {
    let mut house = House::new(&[]);
    house.dial("10✳0✳0✳2").expect("dialled");
    house.run(ms(20));
    assert!(house.call(OTHER).end_reason.is_none());
    house.crash();
    house.run(ms(50));
    assert_eq!(house.panels[OTHER].last_view().end_reason, Some(EndReason::Missed));
    let line = house.panel().log()[0].clone();
    assert_eq!((line.result, line.why, line.outgoing), (CallResult::Failed, Some(EndReason::Lost), true));
}

#[test]
fn a_call_through_an_account_is_ended_once_it_is_registered_again() {
    for transport in ["udp", "tcp", "tls"] {
        let mut house = House::with_servers(
            &[&[("account1.basic.transport", transport), ("account1.basic.port", "5060")], ONE].concat(),
        );
        let now = house.now;
        house.pbx(PBX).ring(now, "101");
        house.run(ms(20));
        house.must(PANEL, Command::Answer(None));
        house.run(s(1));
        house.crash();
        house.run(s(2));
        assert_eq!(house.pbx(PBX).phone.heard.last().expect("something"), "bye", "{transport}");
        assert_eq!(house.panel().log()[0].account, 1);
    }
}

#[test]
fn last_words_are_repeated_until_they_are_heard_and_given_up_in_the_end() {
    let mut house = House::new(&[]);
    house.connect_door();
    house.off.push(DOOR);
    house.crash();
    house.run(s(40));
    assert!((2..=12).contains(&house.count(PANEL, "BYE ")), "{}", house.count(PANEL, "BYE "));
}

#[test]
fn nothing_is_left_of_a_call_that_ended_and_its_note_is_written_when_it_changes_only() {
    let mut house = House::new(&[]);
    house.connect_door();
    let note = house.panel().unfinished.clone();
    house.report(5, |second| second * 50);
    assert_eq!(house.panel().unfinished, note, "what is counted each second is not noted");
    house.must(PANEL, Command::End(None));
    assert_eq!(left(&house), 0);
    house.crash();
    house.run(s(1));
    assert_eq!(house.panel().log().len(), 1);
}
