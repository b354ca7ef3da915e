//! Where the places of an account are all silent, or all but the one that nobody thinks of.

use vestibule::sip::locate::{Answer, Question, Record, RecordKind};

use super::accounts::{is_registered, reason, view};
use crate::common::{House, PBX, PBX_2, Registrar, ms, s};

/// The panel at the first of the places of its server.
fn register(house: &mut House, transport: &str) {
    for (key, value) in [
        ("account1.basic.server", "pbx.test"),
        ("account1.basic.register_name", "101"),
        ("account1.basic.transport", "dns-srv"),
        ("account1.basic.srv_over", transport),
        ("account1.basic.check_interval", "10"),
        ("account1.active", "on"),
    ] {
        house.set(key, value);
    }
    house.run(s(1));
    assert_eq!(view(house, 1).via, Some(format!("{transport}:10.0.0.4:5060")), "{}", reason(house));
}

/// A panel whose server has three places, one of them on a machine that was never there. All are silent for so long.
fn all_silent(transport: &'static str, interval: &'static str, silence: std::time::Duration) -> House {
    let mut house = House::with_servers(&[]);
    let question = |name: &str, kind| Question { name: name.to_owned(), kind };
    let srv = |priority, target: &str| Record::Srv { priority, weight: 0, port: 5060, target: target.to_owned() };
    let answer = |records| Ok(Answer { records, ttl: s(3600) });
    let list = vec![srv(10, "one.pbx.test"), srv(20, "none.pbx.test"), srv(30, "two.pbx.test")];
    let names = &mut house.panel().names;
    names.insert(question(&format!("_sip._{transport}.pbx.test"), RecordKind::Srv), answer(list));
    for (name, address) in [("one", [10, 0, 0, 4]), ("none", [198, 18, 0, 1]), ("two", [10, 0, 0, 5])] {
        let record = Record::Address(address.into());
        names.insert(question(&format!("{name}.pbx.test"), RecordKind::A), answer(vec![record]));
    }
    house.set("account1.basic.retry_interval", interval);
    register(&mut house, transport);
    house.off.extend([PBX, PBX_2]);
    house.cut(PBX);
    house.run(silence);
    assert!(!is_registered(&house));
    house
}

#[test]
fn of_several_places_that_are_silent_the_one_that_comes_back_is_noticed_within_five_seconds() {
    for transport in ["udp", "tcp"] {
        for back in [PBX, PBX_2] {
            // Whatever the walk along the list is doing.
            for silence in 20..34 {
                let mut house = all_silent(transport, "4", s(silence));
                house.off.retain(|node| *node != back);
                house.run(s(5));
                let words = reason(&house);
                assert!(is_registered(&house), "{transport} {back} after {silence} s: {words}");
                let name = house.pbx(back).bindings.contains_key("101");
                assert!(name, "{transport} {back} after {silence} s");
            }
        }
    }
}

#[test]
fn silent_places_are_asked_side_by_side_now_and_then_and_by_few_panels_alone() {
    let mut house = all_silent("udp", "4", s(20));
    let before = house.count_to(PBX_2, "OPTIONS");
    house.run(s(60));
    let asked = house.count_to(PBX_2, "OPTIONS") - before;
    assert!((8..=16).contains(&asked), "{asked} in a minute");
    let mut house = all_silent("udp", "60", s(60));
    house.run(s(60));
    assert_eq!(house.count_to(PBX_2, "OPTIONS"), 0, "a server of many panels is left alone");
}

#[test]
fn a_place_that_is_there_and_does_not_serve_is_not_asked_again_and_again() {
    let mut house = all_silent("udp", "4", s(20));
    house.pbx(PBX_2).registrar = Registrar::Says(503, vec![("Retry-After", "120".into())]);
    house.off.retain(|node| *node != PBX_2);
    house.run(s(60));
    let registers = house.pbx(PBX_2).registers();
    assert!((1..=3).contains(&registers), "{registers} in a minute");
    // That is no reason to miss the return of another one.
    house.off.clear();
    house.run(s(5));
    assert!(is_registered(&house) && house.pbx(PBX).bindings.contains_key("101"), "{}", reason(&house));
}

/// What the machines of a list do that are not the last.
#[derive(Clone, Copy, Debug)]
enum Others {
    Silent,
    /// They answer OPTIONS and leave each REGISTER alone.
    Mute,
}

/// A panel whose server has so many places, all of them good.
fn long_list(transport: &'static str, places: usize) -> House {
    let mut house = House::with_servers(&[]);
    house.add_servers(places - 2);
    let question = |name: String, kind| Question { name, kind };
    let answer = |records| Ok(Answer { records, ttl: s(3600) });
    let mut list = Vec::new();
    for place in 0..places {
        let target = format!("p{place}.pbx.test");
        let address = Record::Address([10, 0, 0, 4 + place as u8].into());
        house.panel().names.insert(question(target.clone(), RecordKind::A), answer(vec![address]));
        list.push(Record::Srv { priority: place as u16, weight: 0, port: 5060, target });
    }
    house.panel().names.insert(question(format!("_sip._{transport}.pbx.test"), RecordKind::Srv), answer(list));
    register(&mut house, transport);
    house
}

/// All of them but the last become so; the connection is cut.
fn spoil(house: &mut House, others: Others, places: usize) {
    for place in PBX..PBX + places - 1 {
        match others {
            Others::Silent => house.off.push(place),
            Others::Mute => house.pbx(place).registrar = Registrar::Mute,
        }
    }
    house.cut(PBX);
}

#[test]
fn of_many_places_the_last_is_found_as_soon_as_the_first_has_failed() {
    for transport in ["udp", "tcp"] {
        for places in [10, 20] {
            let mut house = long_list(transport, places);
            spoil(&mut house, Others::Silent, places);
            // The next check finds out: by UDP after its interval, and both after their patience.
            house.run(if transport == "udp" { s(10) } else { ms(0) });
            house.run(s(5));
            assert!(is_registered(&house), "{transport}, {places} places: {}", reason(&house));
            assert!(house.pbx(PBX + places - 1).bindings.contains_key("101"));
        }
    }
}

#[test]
fn places_that_answer_scouts_and_do_not_register_are_passed_by() {
    for transport in ["udp", "tcp"] {
        let places = 6;
        // The last is there all the time.
        let mut house = long_list(transport, places);
        spoil(&mut house, Others::Mute, places);
        house.run(if transport == "udp" { s(10) } else { ms(0) });
        house.run(s(10));
        assert!(is_registered(&house), "{transport}: {}", reason(&house));
        // It comes back, whatever the panel is doing with the others.
        for silence in 15..30 {
            let mut house = long_list(transport, places);
            spoil(&mut house, Others::Mute, places);
            house.off.push(PBX + places - 1);
            house.run(s(silence));
            house.off.clear();
            house.run(s(5));
            assert!(is_registered(&house), "{transport} after {silence} s: {}", reason(&house));
        }
    }
}
