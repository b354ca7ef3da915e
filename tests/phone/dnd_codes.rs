//! Do not disturb is told to the servers of the accounts: by which calls, when, and what comes of them.

use std::net::IpAddr;

use vestibule::channel::{CallState, Command, DndMode, DndServerState, DndTerm, Event, RegistrationState};

use crate::common::{House, NodeName, PANEL, PBX, PBX_2, Pbx, TWO, ms, s};

const ONE: &[(&str, &str)] = &[
    ("account1.basic.server", "10.0.0.4"),
    ("account1.basic.register_name", "101"),
    ("account1.basic.display_name", "Flat 3"),
    ("account1.active", "on"),
];

fn both() -> House {
    House::with_servers(&[ONE, TWO].concat())
}

fn switch(house: &mut House, mode: DndMode) {
    house.must(PANEL, Command::Dnd(mode, DndTerm::Open));
}

/// How it stands with the server of an account, as `status` says it.
fn told(house: &House, account: usize) -> String {
    let view = house.panels[PANEL].phone.dnd_servers()[account - 1].clone();
    match view.state {
        DndServerState::None => "none".to_owned(),
        DndServerState::Failed { fault, again } => {
            format!("{} failed ({fault}){}", view.code, if again { ", again" } else { "" })
        }
        state => format!("{} {}", view.code, state.name()),
    }
}

/// The codes that a server was called with, in order.
fn called(house: &House, pbx: NodeName) -> Vec<String> {
    let host = if pbx == PBX { "10.0.0.4" } else { "10.0.0.5" };
    let mut codes: Vec<String> = Vec::new();
    let mut seen: Vec<String> = Vec::new();
    for (node, _, text) in &house.sent {
        let code = text.strip_prefix("INVITE sip:").and_then(|rest| rest.split_once('@'));
        let Some((code, _)) = code.filter(|(_, rest)| *node == PANEL && rest.starts_with(host)) else { continue };
        let call_id = text.lines().find(|line| line.starts_with("Call-ID:")).expect("every request has one");
        if !seen.iter().any(|known| known == call_id) {
            seen.push(call_id.to_owned());
            codes.push(code.to_owned());
        }
    }
    codes
}

/// The server takes the call that is there.
fn accept(house: &mut House, pbx: NodeName) {
    let now = house.now;
    house.pbx(pbx).phone.accept(now);
    house.run(ms(20));
}

fn refuse(house: &mut House, pbx: NodeName, status: u16) {
    let now = house.now;
    house.pbx(pbx).phone.end(now, status);
    house.run(ms(20));
}

/// Nothing of the calls of codes is left, and nothing of them is seen where calls are seen.
fn expect_nothing_of_a_call(house: &mut House) {
    let panel = &house.panels[PANEL];
    assert!(panel.phone.calls().is_empty() && panel.phone.current().is_none() && panel.phone.log().is_empty());
    assert!(!panel.events.iter().any(|event| matches!(event, Event::Call(_))));
    house.run(s(40));
    assert_eq!(house.panels[PANEL].phone.load().sessions, 0);
}

#[test]
fn each_code_is_called_on_the_server_of_each_chosen_account() {
    let mut house = both();
    for (mode, code) in [(DndMode::Silent, "78"), (DndMode::Off, "79")] {
        switch(&mut house, mode);
        assert_eq!((told(&house, 1), told(&house, 2)), (format!("{code} calling"), format!("{code} calling")));
        house.run(s(1));
        for (pbx, host) in [(PBX, "10.0.0.4"), (PBX_2, "10.0.0.5")] {
            assert_eq!(house.count_to(pbx, &format!("INVITE sip:{code}@{host} ")), 1);
            accept(&mut house, pbx);
        }
        assert_eq!((told(&house, 1), told(&house, 2)), (format!("{code} done"), format!("{code} done")));
        // It stays for a moment, then it hangs up.
        let byes = house.count(PANEL, "BYE ");
        house.run(s(2));
        assert_eq!(house.count(PANEL, "BYE "), byes);
        house.run(s(2));
        assert_eq!(house.count(PANEL, "BYE "), byes + 2);
        assert!(house.pbx(PBX).phone.heard.ends_with(&["ack".to_owned(), "bye".to_owned()]));
    }
    expect_nothing_of_a_call(&mut house);
}

#[test]
fn the_call_is_one_of_the_account_and_only_listens() {
    let mut house = both();
    switch(&mut house, DndMode::Reject);
    house.run(s(1));
    let invite = house
        .sent
        .iter()
        .find(|(node, _, text)| *node == PANEL && text.starts_with("INVITE sip:78@10.0.0.4"))
        .map(|(_, _, text)| text.clone())
        .expect("it is called");
    assert!(invite.contains("From: \"Flat 3\" <sip:101@10.0.0.4>"), "{invite}");
    assert!(invite.contains("m=audio ") && invite.contains("a=recvonly"), "{invite}");
    assert!(!invite.contains("m=video"), "{invite}");
    let ports = |line: u16| format!("m=audio {} ", 20_000 + line * 4);
    assert!((0..4).all(|line| !invite.contains(&ports(line))), "on no port of a line: {invite}");
}

#[test]
fn whatever_switches_it_it_is_told() {
    let mut house = both();
    house.set("phone.dnd.mode", "reject");
    house.run(s(1));
    accept(&mut house, PBX);
    house.run(s(5));
    house.must(PANEL, Command::Dnd(DndMode::Off, DndTerm::Open));
    house.run(s(1));
    accept(&mut house, PBX);
    house.run(s(5));
    house.must(PANEL, Command::Dnd(DndMode::Silent, DndTerm::For(s(60))));
    house.run(s(1));
    accept(&mut house, PBX);
    house.run(s(62));
    assert_eq!(called(&house, PBX), ["78", "79", "78", "79"], "the last one because the minute was over");
}

#[test]
fn the_server_may_hang_up_first() {
    let mut house = both();
    switch(&mut house, DndMode::Silent);
    house.run(s(1));
    accept(&mut house, PBX);
    refuse(&mut house, PBX, 0);
    house.run(s(10));
    assert_eq!((told(&house, 1), house.count_to(PBX, "BYE ")), ("78 done".into(), 0));
}

#[test]
fn what_the_server_refuses_is_said_and_here_it_stands_all_the_same() {
    for (status, words) in [
        (404, "404 not found there"),
        (486, "486 busy"),
        (403, "not allowed there (403)"),
        (603, "603 declined by the other side"),
        (500, "failed (500)"),
        (503, "failed (503)"),
    ] {
        let mut house = both();
        switch(&mut house, DndMode::Silent);
        house.run(s(1));
        refuse(&mut house, PBX, status);
        assert_eq!(told(&house, 1), format!("78 failed ({words})"));
        assert_eq!(told(&house, 2), "78 calling", "the other server has its own say");
        house.run(s(30));
        assert_eq!(told(&house, 2), "78 failed (no answer)");
        assert_eq!(called(&house, PBX), ["78"], "it is not called again");
        house.bell();
        assert!(house.call(PANEL).silent);
    }
}

#[test]
fn a_server_that_never_answers_is_given_up() {
    let mut house = both();
    switch(&mut house, DndMode::Silent);
    house.run(s(19));
    assert_eq!((told(&house, 1), house.count(PANEL, "CANCEL ")), ("78 calling".into(), 0));
    house.run(s(2));
    assert_eq!((told(&house, 1), house.count(PANEL, "CANCEL ")), ("78 failed (no answer)".into(), 2));
    assert_eq!(house.pbx(PBX).phone.heard.last().map(String::as_str), Some("cancelled"));
    expect_nothing_of_a_call(&mut house);
}

#[test]
fn an_account_that_is_not_registered_is_told_once_it_is() {
    let mut house = House::with_servers(&[]);
    house.pbx(PBX).stop();
    for (key, value) in ONE {
        house.set(key, value);
    }
    house.run(s(5));
    switch(&mut house, DndMode::Silent);
    house.run(s(60));
    assert_eq!(told(&house, 1), "78 failed (not registered), again");
    assert_eq!(called(&house, PBX), [""; 0]);
    house.pbx(PBX).runs = true;
    house.run(s(6));
    assert_eq!((told(&house, 1), called(&house, PBX)), ("78 calling".into(), vec!["78".to_owned()]));
    refuse(&mut house, PBX, 486);
    house.pbx(PBX).stop();
    house.run(s(200));
    house.pbx(PBX).runs = true;
    house.run(s(60));
    assert_eq!(called(&house, PBX), ["78"], "once, whatever came of it");
}

#[test]
fn what_was_switched_back_before_the_account_was_registered_is_not_told() {
    let mut house = House::with_servers(&[]);
    house.pbx(PBX).stop();
    for (key, value) in ONE {
        house.set(key, value);
    }
    switch(&mut house, DndMode::Silent);
    house.run(s(5));
    switch(&mut house, DndMode::Off);
    house.run(s(5));
    house.pbx(PBX).runs = true;
    house.run(s(60));
    assert_eq!(called(&house, PBX), ["79"]);
}

#[test]
fn a_server_that_has_heard_nothing_is_told_when_it_is_back() {
    let mut house = House::with_servers(ONE);
    house.off.push(PBX);
    switch(&mut house, DndMode::Silent);
    house.run(s(10));
    assert_eq!(told(&house, 1), "78 failed (the device does not respond), again");
    house.run(s(50));
    house.off.clear();
    house.run(s(6));
    assert_eq!(called(&house, PBX), ["78", "78"]);
    accept(&mut house, PBX);
    assert_eq!(told(&house, 1), "78 done");
}

#[test]
fn the_backup_takes_the_code_too() {
    let mut house = House::with_servers(
        &[
            &[
                ("account1.outbound_proxy.active", "on"),
                ("account1.outbound_proxy.server", "10.0.0.4"),
                ("account1.outbound_proxy.backup_server", "10.0.0.5"),
            ],
            ONE,
        ]
        .concat(),
    );
    house.pbx(PBX).stop();
    switch(&mut house, DndMode::Silent);
    house.run(s(6));
    assert_eq!(house.count_to(PBX_2, "INVITE sip:78@10.0.0.4 "), 1);
    accept(&mut house, PBX_2);
    assert_eq!(told(&house, 1), "78 done");
}

#[test]
fn back_and_forth_tells_the_last_state_only() {
    let mut house = both();
    for mode in [DndMode::Silent, DndMode::Off, DndMode::Reject, DndMode::Off, DndMode::Silent] {
        switch(&mut house, mode);
        house.run(ms(100));
    }
    house.run(s(1));
    assert_eq!(called(&house, PBX), ["78"]);
    // While that call is out.
    switch(&mut house, DndMode::Off);
    house.run(s(1));
    switch(&mut house, DndMode::Silent);
    house.run(s(1));
    switch(&mut house, DndMode::Off);
    house.run(s(1));
    assert_eq!((called(&house, PBX), told(&house, 1)), (vec!["78".to_owned()], "79 calling".into()));
    accept(&mut house, PBX);
    assert_eq!(told(&house, 1), "79 calling", "that the other was done says nothing any more");
    house.run(s(4));
    assert_eq!(called(&house, PBX), ["78", "79"]);
    accept(&mut house, PBX);
    house.run(s(10));
    assert_eq!((called(&house, PBX), told(&house, 1)), (vec!["78".to_owned(), "79".to_owned()], "79 done".into()));
}

#[test]
fn who_comes_back_to_what_is_being_told_tells_it_once() {
    let mut house = both();
    switch(&mut house, DndMode::Silent);
    house.run(s(1));
    switch(&mut house, DndMode::Off);
    house.run(s(1));
    switch(&mut house, DndMode::Silent);
    house.run(s(1));
    accept(&mut house, PBX);
    house.run(s(10));
    assert_eq!((called(&house, PBX), told(&house, 1)), (vec!["78".to_owned()], "78 done".into()));
}

#[test]
fn silent_and_reject_are_the_same_to_a_server() {
    let mut house = both();
    switch(&mut house, DndMode::Silent);
    house.run(s(1));
    accept(&mut house, PBX);
    house.run(s(5));
    switch(&mut house, DndMode::Reject);
    house.must(PANEL, Command::Dnd(DndMode::Reject, DndTerm::Morning));
    house.run(s(30));
    assert_eq!(called(&house, PBX), ["78"]);
}

#[test]
fn only_chosen_and_active_accounts_are_told_and_only_where_there_is_a_code() {
    let mut house = House::with_servers(TWO);
    house.set("phone.dnd.accounts", "1, ip");
    switch(&mut house, DndMode::Silent);
    house.run(s(5));
    assert_eq!((told(&house, 1), told(&house, 2)), ("none".into(), "none".into()), "1 is not active, 2 not chosen");
    house.set("phone.dnd.accounts", "2");
    house.run(s(1));
    accept(&mut house, PBX_2);
    house.run(s(5));
    assert_eq!(told(&house, 2), "78 done", "now it is on for this account");
    house.set("phone.dnd.accounts", "ip");
    house.run(s(1));
    accept(&mut house, PBX_2);
    house.run(s(5));
    assert_eq!(called(&house, PBX_2), ["78", "79"], "and now it is off for it");
    house.set("phone.dnd.on_code", "");
    house.set("phone.dnd.accounts", "2");
    house.run(s(5));
    assert_eq!(told(&house, 2), "none");
    house.set("phone.dnd.off_code", "✳79#");
    switch(&mut house, DndMode::Off);
    house.run(s(1));
    assert_eq!(called(&house, PBX_2), ["78", "79", "*79%23"]);
    assert_eq!(called(&house, PBX), [""; 0]);
}

#[test]
fn an_account_that_is_switched_off_is_told_nothing_more() {
    let mut house = both();
    switch(&mut house, DndMode::Silent);
    house.run(s(1));
    house.set("account1.active", "off");
    house.run(s(1));
    assert_eq!(told(&house, 1), "none");
    assert_eq!(house.pbx(PBX).phone.heard.last().map(String::as_str), Some("cancelled"));
}

#[test]
fn neither_a_conversation_nor_a_line_is_taken_by_it() {
    let mut house = both();
    house.connect_door();
    let talk = house.call(PANEL);
    // The other three lines ring.
    for _ in 0..3 {
        let now = house.now;
        house.pbx(PBX_2).ring(now, "201");
        house.run(ms(20));
    }
    assert_eq!(house.panels[PANEL].phone.calls().len(), 4);
    house.must(PANEL, Command::Dnd(DndMode::Silent, DndTerm::Open));
    let orders = house.panels[PANEL].orders.len();
    house.run(s(1));
    assert_eq!((called(&house, PBX), called(&house, PBX_2)), (vec!["78".to_owned()], vec!["78".to_owned()]));
    accept(&mut house, PBX);
    house.run(s(5));
    assert_eq!(told(&house, 1), "78 done");
    assert_eq!(house.panels[PANEL].orders.len(), orders, "the engines hear nothing of it");
    let calls = house.panels[PANEL].phone.calls();
    assert_eq!(calls.len(), 4);
    let same = calls.iter().find(|call| call.call == talk.call).expect("it goes on");
    assert_eq!((same.state, house.panels[PANEL].phone.current()), (CallState::Confirmed, Some(talk.call)));
    assert_eq!(house.count(PANEL, "INVITE "), 2, "nobody was put on hold");
}

#[test]
fn leaving_ends_the_call_of_a_code() {
    let mut house = both();
    switch(&mut house, DndMode::Silent);
    house.run(s(1));
    accept(&mut house, PBX);
    house.must(PANEL, Command::Quit);
    house.run(s(1));
    assert!(house.panel().finished);
    assert_eq!(house.pbx(PBX).phone.heard.last().map(String::as_str), Some("bye"));
    assert_eq!(house.pbx(PBX_2).phone.heard.last().map(String::as_str), Some("cancelled"));
}

#[test]
fn a_restart_tells_nothing_again() {
    let mut house = House::new(&[&[("phone.dnd.mode", "silent")], ONE].concat());
    house.pbxs.push(Pbx::new(IpAddr::from([10, 0, 0, 4]), [7; 32]));
    house.run(s(120));
    assert_eq!(house.panels[PANEL].phone.registrations()[0].state, RegistrationState::Registered);
    assert_eq!((told(&house, 1), called(&house, PBX)), ("none".into(), Vec::new()));
}
