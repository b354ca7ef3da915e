//! Floods of calls and garbage: a call goes on untouched, a visitor rings, and afterwards all is as before.

use std::net::IpAddr;
use std::time::Duration;

use vestibule::channel::{CallResult, CallState, Command};

use crate::common::{House, ONE, OTHER, PANEL, ms, outside, s};

/// The step of a flood: in each, one INVITE and one datagram of garbage.
const STEP: Duration = Duration::from_millis(5);
/// Longest time from the bell to the ringing that the visitor hears.
const IN_TIME: Duration = Duration::from_millis(300);

/// 200 new INVITEs and 200 datagrams of garbage a second.
struct Flood {
    /// From so many addresses in turn.
    sources: u32,
    sent: u32,
}

impl Flood {
    fn from(sources: u32) -> Self {
        Self { sources, sent: 0 }
    }

    fn run(&mut self, house: &mut House, span: Duration) {
        let until = house.now.instant + span;
        while house.now.instant < until {
            let source = outside((self.sent % self.sources) as u16);
            house.inject(source, invite(self.sent, &source.to_string()));
            house.inject(source, format!("INVITE nothing {}", self.sent).into_bytes());
            self.sent += 1;
            house.run(STEP);
        }
    }
}

fn invite(number: u32, from: &str) -> Vec<u8> {
    invite_with(number, from, "0")
}

/// One that offers the sound of this payload type alone.
fn invite_with(number: u32, from: &str, format: &str) -> Vec<u8> {
    let offer = format!(
        "v=0\r\no=- 1 1 IN IP4 {from}\r\ns=-\r\nc=IN IP4 {from}\r\nt=0 0\r\nm=audio 30000 RTP/AVP {format}\r\na=sendrecv\r\n"
    );
    format!(
        "INVITE sip:10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {from}:5060;branch=z9hG4bK{number};rport\r\nMax-Forwards: 70\r\n\
         From: <sip:x@{from}>;tag={number}\r\nTo: <sip:10.0.0.1>\r\nCall-ID: flood{number}@{from}\r\nCSeq: 1 INVITE\r\n\
         Contact: <sip:x@{from}>\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{offer}",
        offer.len()
    )
    .into_bytes()
}

/// The visitor rings at this moment of a flood: the panel rings in time, and the visitor leaves again.
fn visit(house: &mut House, flood: &mut Flood, what: &str) {
    house.door.heard.clear();
    house.door.ring(house.now);
    flood.run(house, IN_TIME);
    assert_eq!(house.door.heard, ["183"], "{what}");
    let here = |house: &House| house.panels[PANEL].phone.calls().iter().any(|call| call.remote == "sip:door@10.0.0.3");
    assert!(here(house), "{what}");
    flood.run(house, s(1));
    assert!(here(house), "{what}: nobody takes its place");
    let now = house.now;
    house.door.end(now, 0);
    flood.run(house, s(1));
    assert!(!here(house), "{what}");
}

/// A call with the other panel is up and answers to both sides.
fn check_call(house: &mut House, flood: &mut Flood) {
    for (command, held) in [(Command::Hold(None), true), (Command::Resume(None), false)] {
        let call = house.call(OTHER).call;
        assert_eq!(house.press(OTHER, with(command, call)), Ok(vestibule::channel::Done::Ok));
        flood.run(house, ms(100));
        let theirs = house.panels[PANEL].phone.calls().into_iter().find(|call| call.remote.contains("10.0.0.2"));
        let theirs = theirs.expect("the call goes on");
        assert_eq!((theirs.state, theirs.held_by_remote), (CallState::Confirmed, held));
    }
}

fn with(command: Command, call: vestibule::channel::CallHandle) -> Command {
    match command {
        Command::Hold(_) => Command::Hold(Some(call)),
        _ => Command::Resume(Some(call)),
    }
}

/// Sessions, transactions and sources stay within their bounds.
fn check_bounds(house: &House) {
    let load = house.panels[PANEL].phone.load();
    assert!(load.sessions <= 64 && load.transactions <= 64 + 256 && load.sources <= 1024, "{load:?}");
    assert!(house.panels[PANEL].phone.calls().len() <= vestibule::phone::LINES);
}

fn flooded(sources: u32, contacts: &str, first_visit: Duration, seconds: u64) {
    let mut house = House::knowing(&[], contacts);
    house.connect_panels();
    let mut flood = Flood::from(sources);
    flood.run(&mut house, first_visit);
    let began = house.now.instant;
    let mut visits = 0;
    while house.now.instant < began + s(seconds) {
        visits += 1;
        visit(&mut house, &mut flood, &format!("{sources} sources, visit {visits}"));
        check_call(&mut house, &mut flood);
        check_bounds(&house);
        flood.run(&mut house, ms(777));
    }
    assert!(visits as u64 >= seconds / 4);

    // Afterwards all is as before.
    let log = house.panel().log();
    assert!(log.len() < 150, "{} lines in the call log", log.len());
    assert!(log.iter().filter(|line| line.remote == "sip:door@10.0.0.3").count() == visits, "no visit is lost");
    // Who still rings is missed after a minute, and forgotten half a minute later.
    house.run(s(100));
    assert_eq!(house.call(PANEL).remote, "sip:10.0.0.2", "nothing but the call");
    let load = house.panels[PANEL].phone.load();
    assert_eq!((load.sessions, load.transactions), (1, 0), "{load:?}");
    assert!(house.panel().floods.len() <= 18, "{:#?}", house.panel().floods);
    let ends = house.panel().floods.iter().filter(|said| said.starts_with("dropped ")).count();
    let begins = house.panel().floods.iter().filter(|said| said.starts_with("more messages")).count();
    assert_eq!(begins, ends, "{:#?}", house.panel().floods);
    house.inject(outside(0), invite(1_000_000, &outside(0).to_string()));
    house.run(ms(10));
    assert_eq!(house.panels[PANEL].phone.calls().len(), 2, "who has stopped is heard again");
    house.must(OTHER, Command::End(None));
    house.run(ms(20));
    assert_eq!(house.panel().log()[0].result, CallResult::Answered);
}

#[test]
fn a_flood_from_one_address_stops_neither_the_call_nor_the_visitor() {
    flooded(1, "", ms(1000), 30);
    for first_visit in [0, 5, 20, 50, 100, 400] {
        flooded(1, "", ms(first_visit), 4);
    }
}

#[test]
fn nor_does_one_from_fifty_addresses() {
    // Until the third call of each they are visitors like any other.
    flooded(50, "", ms(1000), 30);
    for first_visit in [600, 777, 1000, 2000, 3000] {
        flooded(50, "", ms(first_visit), 4);
    }
}

#[test]
fn nor_does_one_from_so_many_that_their_refusals_fill_every_table() {
    flooded(300, "", s(7), 8);
}

#[test]
fn a_door_in_the_address_book_rings_from_the_first_moment() {
    let contacts = "[[contact]]\nname = \"Front door\"\nnumbers = [\"10✳0✳0✳3\"]\n[contact.door]\ncode = \"1\"\n";
    // The last are more than there is room to remember, as if each datagram bore a forged address.
    for sources in [1, 50, 1000, 60_000] {
        flooded(sources, contacts, ms(30), 8);
    }
}

/// Somebody takes all lines so slowly that no rate is ever too high, with or without a call in progress.
#[test]
fn nor_does_one_who_takes_all_lines_slowly() {
    for (talks, gap) in [(false, ms(0)), (false, s(1)), (false, s(5)), (true, ms(0)), (true, s(3))] {
        for quiet in [ms(200), s(4), s(15)] {
            let what = format!("in a call: {talks}, one INVITE each {gap:?}, then {quiet:?} of nothing");
            let mut house = House::new(&[]);
            if talks {
                house.connect_panels();
            }
            let lines = vestibule::phone::LINES - usize::from(talks);
            for number in 0..lines {
                house.inject(outside(0), invite(number as u32, &outside(0).to_string()));
                house.run(ms(20));
                house.run(gap);
            }
            house.run(quiet);
            assert_eq!(house.panels[PANEL].phone.calls().len(), vestibule::phone::LINES, "{what}");
            // Visitors who ring one after the other, and each once: there is a line for the first, and for the next.
            for visitor in [1, 2] {
                let before = house.count(PANEL, "SIP/2.0 180");
                house.inject(outside(visitor), invite(100 + u32::from(visitor), &outside(visitor).to_string()));
                house.run(ms(50));
                assert_eq!(house.count(PANEL, "SIP/2.0 180"), before + 1, "{what}: visitor {visitor}");
            }
            let remotes: Vec<String> = house.panels[PANEL].phone.calls().into_iter().map(|call| call.remote).collect();
            assert_eq!(remotes.iter().filter(|remote| remote.contains(&outside(0).to_string())).count(), lines - 2);
        }
    }
}

/// Somebody outside who presses a bell again and again: each press is a call of its own.
struct Visitor {
    address: IpAddr,
    pressed: u32,
}

impl Visitor {
    fn at(address: IpAddr) -> Self {
        Self { address, pressed: 0 }
    }

    fn press(&mut self, house: &mut House) {
        self.pressed += 1;
        house.inject(self.address, invite(self.number(), &self.address.to_string()));
        house.run(ms(50));
    }

    fn give_up(&self, house: &mut House) {
        let (number, address) = (self.number(), self.address);
        let cancel = format!(
            "CANCEL sip:10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {address}:5060;branch=z9hG4bK{number};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:x@{address}>;tag={number}\r\nTo: <sip:10.0.0.1>\r\n\
             Call-ID: flood{number}@{address}\r\nCSeq: 1 CANCEL\r\nContent-Length: 0\r\n\r\n"
        );
        house.inject(address, cancel.into_bytes());
        house.run(ms(50));
    }

    fn number(&self) -> u32 {
        let IpAddr::V4(v4) = self.address else { unreachable!("visitors have IPv4") };
        u32::from(v4.octets()[3]) * 1000 + self.pressed
    }

    /// How many lines it has.
    fn lines(&self, house: &House) -> usize {
        let name = format!("@{}", self.address);
        house.panels[PANEL].phone.calls().iter().filter(|call| call.remote.ends_with(&name)).count()
    }
}

const DOOR: &str = "[[contact]]\nname = \"Front door\"\nnumbers = [\"10✳0✳0✳3\"]\n[contact.door]\ncode = \"1\"\n";

/// A house with a stranger who has taken so many lines, slowly.
fn besieged(lines: usize) -> (House, Visitor) {
    let mut house = House::knowing(&[], DOOR);
    let mut stranger = Visitor::at(outside(1));
    for _ in 0..lines {
        stranger.press(&mut house);
        house.run(s(4));
    }
    house.run(s(8));
    assert_eq!(stranger.lines(&house), lines);
    (house, stranger)
}

#[test]
fn a_visitor_who_presses_often_keeps_its_line_from_who_has_three() {
    let (mut house, mut stranger) = besieged(3);
    let mut visitor = Visitor::at(outside(2));
    for press in 1..=3 {
        visitor.press(&mut house);
        assert_eq!(visitor.lines(&house), 1, "press {press}");
        if press < 3 {
            visitor.give_up(&mut house);
            house.run(s(1));
        }
    }
    stranger.press(&mut house);
    assert_eq!((visitor.lines(&house), stranger.lines(&house)), (1, 3));
    // Another visitor and the door of the house take those of who has most.
    let mut other = Visitor::at(outside(3));
    other.press(&mut house);
    house.door.ring(house.now);
    house.run(ms(50));
    let lines = [&visitor, &other, &stranger].map(|who| who.lines(&house));
    assert_eq!((lines, house.door.heard.clone()), ([1, 1, 1], vec!["183".to_owned()]));
}

#[test]
fn a_visitor_rings_at_each_press_however_often_the_hole_is_filled() {
    let (mut house, mut stranger) = besieged(4);
    let mut visitor = Visitor::at(outside(2));
    for press in 1..=6 {
        visitor.press(&mut house);
        assert_eq!(visitor.lines(&house), 1, "press {press}");
        visitor.give_up(&mut house);
        stranger.press(&mut house);
        house.run(s(3));
    }
}

#[test]
fn a_call_that_cannot_be_taken_silences_no_bell() {
    let (mut house, stranger) = besieged(4);
    let before: Vec<_> = house.panels[PANEL].phone.calls().iter().map(|call| call.call).collect();
    let other = outside(2);
    // GSM, which the panel does not have.
    house.inject(other, invite_with(2001, &other.to_string(), "3"));
    house.run(ms(50));
    assert!(house.last(PANEL, "SIP/2.0 488 ").contains("flood2001@"));
    let now: Vec<_> = house.panels[PANEL].phone.calls().iter().map(|call| call.call).collect();
    assert_eq!((stranger.lines(&house), now), (4, before));
}

#[test]
fn what_was_answered_counts_as_a_line_too() {
    let (mut house, stranger) = besieged(4);
    for visitor in 2..=4 {
        let call = house.panels[PANEL].phone.calls()[0].call;
        if visitor == 2 {
            house.must(PANEL, Command::Answer(Some(call)));
        }
        let mut visitor = Visitor::at(outside(visitor));
        visitor.press(&mut house);
        assert_eq!(visitor.lines(&house), 1);
    }
    assert_eq!(stranger.lines(&house), 1, "the call that was answered");
}

/// A door that forgets its calls when it starts again.
#[test]
fn a_known_door_shuts_nobody_out_either() {
    let contacts = format!("{DOOR}[[contact]]\nname = \"Yard\"\nnumbers = [\"{}\"]\n", outside(1));
    let mut house = House::knowing(&[], &contacts);
    let mut yard = Visitor::at(outside(1));
    for _ in 0..4 {
        yard.press(&mut house);
        house.run(s(1));
    }
    assert_eq!(yard.lines(&house), 4);
    let mut visitor = Visitor::at(outside(2));
    visitor.press(&mut house);
    house.door.ring(house.now);
    house.run(ms(50));
    assert_eq!((yard.lines(&house), visitor.lines(&house)), (2, 1));
    assert_eq!(house.door.heard, ["183"]);
    // Two bells behind one known address ring in peace.
    let mut another = Visitor::at(outside(3));
    another.press(&mut house);
    assert_eq!((yard.lines(&house), visitor.lines(&house), another.lines(&house)), (2, 1, 0));
}

#[test]
fn the_resident_can_always_call() {
    let (mut house, stranger) = besieged(4);
    house.dial("10✳0✳0✳2").expect("a line is found");
    assert_eq!(stranger.lines(&house), 3);
    house.run(ms(50));
    assert_eq!(house.panels[OTHER].phone.calls().len(), 1, "it rings there");
}

/// Somebody calls at the port of Account 1, under this name.
fn call_at_account(house: &mut House, from: IpAddr, name: &str, number: u32) {
    let port = house.panels[PANEL].port();
    let text = String::from_utf8(invite(number, &from.to_string())).expect("it is text");
    let text = text.replacen(&format!("From: <sip:x@{from}>"), &format!("From: <sip:{name}>"), 1);
    house.inject_at(port, from, None, text.into_bytes());
    house.run(ms(50));
}

#[test]
fn nobody_becomes_a_contact_by_what_it_writes_to_the_port_of_an_account() {
    let mut house = House::with_servers_knowing(ONE, DOOR);
    house.run(s(1));
    call_at_account(&mut house, outside(1), "door@10.0.0.3", 1);
    let call = house.call(PANEL);
    assert_eq!(call.remote, format!("sip:{}:5060", outside(1)), "where it comes from, and nobody's name");
    assert_ne!(call.name, "Front door");
}

#[test]
fn a_known_door_at_the_port_of_an_account_is_one_door_under_all_its_names() {
    let contacts = format!("{DOOR}[[contact]]\nname = \"Yard\"\nnumbers = [\"{}\"]\n", outside(1));
    let mut house = House::with_servers_knowing(ONE, &contacts);
    house.run(s(1));
    for number in 0..4 {
        call_at_account(&mut house, outside(1), &format!("x{number}@{}", outside(1)), number);
        house.run(s(1));
    }
    let mut visitor = Visitor::at(outside(2));
    visitor.press(&mut house);
    assert_eq!(visitor.lines(&house), 1);
    house.dial("10✳0✳0✳2").expect("a line is found");
}

/// At the port of an account anybody can write anybody's name; only its server names a caller.
#[test]
fn a_stranger_at_the_port_of_an_account_is_one_stranger_under_all_its_names() {
    let mut house = House::with_servers_knowing(ONE, DOOR);
    house.run(s(1));
    let call = |house: &mut House, from: IpAddr, name: &str, number: u32| {
        call_at_account(house, from, &format!("{name}@10.0.0.4"), number);
    };
    let names =
        |house: &House| house.panels[PANEL].phone.calls().into_iter().map(|call| call.remote).collect::<Vec<_>>();
    for number in 0..4 {
        call(&mut house, outside(1), "202", number);
        house.run(s(4));
    }
    house.run(s(8));
    assert_eq!(names(&house).len(), 4);
    let mut visitor = Visitor::at(outside(2));
    visitor.press(&mut house);
    assert_eq!(visitor.lines(&house), 1);
    // The one whose name it bears comes through the server.
    let server = IpAddr::from([10, 0, 0, 4]);
    call(&mut house, server, "202", 10);
    assert_eq!((names(&house).len(), visitor.lines(&house)), (4, 1));
    assert_eq!(house.count(PANEL, "SIP/2.0 180"), 6, "four, the visitor, and the friend");
    // Callers of the server that nobody knows do not shut out the door of the house, nor the resident.
    for (number, name) in ["301", "302", "303", "304"].into_iter().enumerate() {
        call(&mut house, server, name, 20 + number as u32);
    }
    house.door.ring(house.now);
    house.run(ms(50));
    assert_eq!(house.door.heard, ["183"]);
    house.dial("10✳0✳0✳2").expect("a line is found");
}

/// A door that asks, calls, is answered by itself and hangs up at once, over and over.
#[test]
fn a_lively_door_is_answered_each_time() {
    let contacts = "[[contact]]\nname = \"Front door\"\nnumbers = [\"10✳0✳0✳3\"]\n[contact.door]\ncode = \"1\"\n";
    for contacts in ["", contacts] {
        let mut house = House::knowing(&[("phone.auto_answer.enabled", "on")], contacts);
        for call in 0..10 {
            for question in 0..3 {
                house.inject(IpAddr::from([10, 0, 0, 3]), options(10 * call + question));
            }
            house.door.heard.clear();
            house.door.ring(house.now);
            house.run(ms(100));
            assert!(house.door.heard.iter().any(|heard| heard == "200"), "call {call}: {:?}", house.door.heard);
            let now = house.now;
            house.door.end(now, 0);
            house.run(ms(50));
            assert_eq!(house.panels[PANEL].phone.calls(), [], "call {call}: it is over here, too");
        }
        let answered = "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.0.0.3:5060;branch=z9hG4bKasks";
        assert_eq!(house.count(PANEL, answered), 30, "to each OPTIONS");
        assert!(house.panel().floods.is_empty(), "{:?}", house.panel().floods);
    }
}

fn options(number: u32) -> Vec<u8> {
    format!(
        "OPTIONS sip:10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.3:5060;branch=z9hG4bKasks{number}\r\nMax-Forwards: 70\r\n\
         From: <sip:door@10.0.0.3>;tag={number}\r\nTo: <sip:10.0.0.1>\r\nCall-ID: asks{number}\r\nCSeq: 1 OPTIONS\r\n\
         Content-Length: 0\r\n\r\n"
    )
    .into_bytes()
}
