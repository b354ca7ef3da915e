//! A rule of the dial plan calls several at once: the first to answer has the call.

use std::net::IpAddr;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use vestibule::channel::{
    AccountChoice, CallResult, CallState, CallView, Command, Done, EndReason, Refusal, RuleChange,
};
use vestibule::config::DialRule;
use vestibule::phone::Tone;
use vestibule::sip::locate::{Answer, DnsFault, Question, Record, RecordKind};
use vestibule::sip::message::{Message, Response};
use vestibule::sip::wire::parse_datagram;
use vestibule::sip::{Path, Transport};

use crate::common::{DOOR, Door, House, ONE, OTHER, PANEL, PBX, PBX_2, Pbx, TWO, ms, s};

const ELSEWHERE: &str = "Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\n";

/// The other panel, the door, and the first of the telephones.
const THREE: &[&str] = &["10.0.0.2", "10.0.0.3", "10.0.0.4"];

fn rule(prefix: &str, replace: &[&str], account: AccountChoice) -> DialRule {
    DialRule {
        name: "Neighbours".to_owned(),
        prefix: prefix.to_owned(),
        replace: replace.iter().map(|number| (*number).to_owned()).collect(),
        account,
        ..DialRule::default()
    }
}

fn add_rule(house: &mut House, replace: &[&str], account: AccountChoice) {
    house.must(PANEL, Command::Rules(RuleChange::Add(rule("9", replace, account))));
}

/// A house with telephones at 10.0.0.4 and on, and the rule for 9.
fn house(seed: u64, settings: &[(&str, &str)], telephones: u8, replace: &[&str]) -> House {
    let mut house = House::seeded(seed, settings, "");
    house.pbxs = (0..telephones).map(|at| Pbx::new(IpAddr::from([10, 0, 0, 4 + at]), [at; 32])).collect();
    add_rule(&mut house, replace, AccountChoice::Auto);
    house
}

/// The same after 9 was dialled, and everybody rings.
fn ringing(telephones: u8, replace: &[&str]) -> House {
    let mut house = house(1, &[], telephones, replace);
    assert!(matches!(house.dial("9"), Ok(Done::Call(_))));
    house.run(ms(20));
    for last in 3..4 + telephones {
        if phone(&mut house, last).session.is_some() {
            alert(&mut house, last, false);
        }
    }
    house
}

fn has_heard(heard: &[String], what: &str) -> bool {
    heard.iter().any(|it| it == what)
}

/// The telephone at `10.0.0.LAST`: the door, or one of the others.
fn phone(house: &mut House, last: u8) -> &mut Door {
    match last {
        3 => &mut house.door,
        last => &mut house.pbxs[usize::from(last - 4)].phone,
    }
}

fn alert(house: &mut House, last: u8, early: bool) {
    let now = house.now;
    phone(house, last).alert(now, early);
    house.run(ms(20));
}

fn accept(house: &mut House, last: u8) {
    let now = house.now;
    phone(house, last).accept(now);
    house.run(ms(50));
}

fn refuse(house: &mut House, last: u8, status: u16) {
    let now = house.now;
    phone(house, last).end(now, status);
    house.run(ms(20));
}

/// All that was said to `10.0.0.LAST`, beginning so.
fn said_to(house: &House, last: u8, start: &str) -> Vec<String> {
    let to = format!("{start} sip:10.0.0.{last}");
    house.sent.iter().filter(|(of, _, text)| *of == PANEL && text.starts_with(&to)).map(|(.., it)| it.clone()).collect()
}

fn only_entry(house: &mut House) -> (String, String, CallResult, Option<EndReason>) {
    let log = house.panel().log();
    assert_eq!(log.len(), 1, "one entry for all of them: {log:#?}");
    (log[0].name.clone(), log[0].remote.clone(), log[0].result, log[0].why)
}

#[test]
fn the_first_to_answer_has_it_and_the_others_are_told_so() {
    let mut house = ringing(1, THREE);
    let call = house.call(PANEL);
    assert_eq!(
        (call.state, call.legs, call.name.as_str(), call.remote.as_str()),
        (CallState::Ringing, 3, "Neighbours", "9")
    );
    assert_eq!((call.can_unlock, call.audio), (false, None));
    assert_eq!(house.panel().tone(), Some(Tone::Ringback));
    assert_eq!(house.call(OTHER).state, CallState::Ringing);

    accept(&mut house, 3);
    let CallView { state, legs, name, remote, .. } = house.call(PANEL);
    assert_eq!((state, legs), (CallState::Confirmed, 1));
    assert_eq!((name.as_str(), remote.as_str()), ("10.0.0.3", "sip:10.0.0.3"));
    assert_eq!(house.call(PANEL).audio.expect("sound").direction, "sendrecv");
    assert_eq!(house.panel().tone(), None);
    for last in [2, 4] {
        let cancels = said_to(&house, last, "CANCEL");
        assert!(cancels.len() == 1 && cancels[0].contains(ELSEWHERE), "10.0.0.{last}: {cancels:?}");
    }
    assert!(said_to(&house, 3, "CANCEL").is_empty());
    // There it is no missed call.
    assert!(house.panels[OTHER].phone.calls().is_empty());
    assert_eq!(house.panels[OTHER].phone.missed(), 0);
    assert_eq!(house.panels[OTHER].log()[0].result, CallResult::AnsweredElsewhere);
    assert!(has_heard(&house.pbx(PBX).phone.heard, "cancelled"));

    house.must(PANEL, Command::End(None));
    house.run(ms(50));
    assert!(has_heard(&house.door.heard, "bye"));
    let (name, remote, result, why) = only_entry(&mut house);
    assert_eq!((name.as_str(), remote.as_str()), ("Neighbours · 10.0.0.3", "sip:10.0.0.3"));
    assert_eq!((result, why), (CallResult::Answered, None));
}

#[test]
fn the_first_is_the_first_however_much_is_lost() {
    for (loss, seeds) in [(0.1, 20), (0.3, 20)] {
        for seed in 0..seeds {
            let mut house = house(seed, &[], 2, &["10.0.0.3", "10.0.0.4", "10.0.0.5"]);
            house.loss = loss;
            house.dial("9").expect("dialled");
            house.run(s(20));
            accept(&mut house, 4);
            house.run(s(20));
            assert_eq!(house.call(PANEL).state, CallState::Confirmed, "loss {loss}, seed {seed}");
            assert_eq!(house.call(PANEL).remote, "sip:10.0.0.4", "loss {loss}, seed {seed}");
            for heard in [&house.door.heard, &house.pbxs[1].phone.heard] {
                assert!(has_heard(heard, "cancelled"), "loss {loss}, seed {seed}: {heard:?}");
            }
        }
    }
}

#[test]
fn of_two_that_answer_at_once_one_is_thanked_and_sent_away() {
    let mut house = ringing(1, &["10.0.0.3", "10.0.0.4"]);
    let now = house.now;
    house.door.accept(now);
    house.pbx(PBX).phone.accept(now);
    house.run(ms(200));
    let call = house.call(PANEL);
    assert_eq!(call.state, CallState::Confirmed);
    let winner = if call.remote == "sip:10.0.0.3" { 3 } else { 4 };
    for (last, heard) in [(3, house.door.heard.clone()), (4, house.pbx(PBX).phone.heard.clone())] {
        assert!(has_heard(&heard, "ack"), "10.0.0.{last}: {heard:?}");
        assert_eq!(has_heard(&heard, "bye"), last != winner, "10.0.0.{last}: {heard:?}");
    }
    assert_eq!((house.count(PANEL, "ACK "), house.count(PANEL, "BYE ")), (2, 1));
    house.run(s(40));
    assert_eq!(house.call(PANEL).state, CallState::Confirmed);
}

#[test]
fn when_all_fail_the_reason_that_says_most_is_told() {
    let mut house = house(1, &[], 2, &["10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.9"]);
    house.must(OTHER, Command::Set { key: "phone.dnd.mode".to_owned(), value: "reject".to_owned() });
    house.dial("9").expect("dialled");
    house.run(ms(20));
    // One is busy, one is nowhere; two are left.
    assert_eq!(house.call(PANEL).legs, 2);
    refuse(&mut house, 3, 404);
    assert_eq!((house.call(PANEL).legs, house.call(PANEL).name.as_str()), (1, "Neighbours"));
    refuse(&mut house, 4, 480);
    assert!(house.panels[PANEL].phone.calls().is_empty());
    assert_eq!(house.panel().last_view().end_reason, Some(EndReason::Busy));
    let (name, remote, result, why) = only_entry(&mut house);
    assert_eq!((name.as_str(), remote.as_str()), ("Neighbours", "9"), "what calls them all again");
    assert_eq!((result, why), (CallResult::Failed, Some(EndReason::Busy)));
}

#[test]
fn end_ends_all_of_them_in_every_state() {
    let quiet = |house: &mut House, what: &str| {
        house.must(PANEL, Command::End(None));
        assert!(house.panels[PANEL].phone.calls().is_empty(), "{what}: at once on the screen");
        house.off.clear();
        house.run(s(70));
        assert!(house.panels[OTHER].phone.calls().is_empty(), "{what}");
        for (last, phone) in [(3, &house.door), (4, &house.pbxs[0].phone)] {
            assert_eq!(phone.endpoint.busy_sessions(), 0, "{what}: 10.0.0.{last} {:?}", phone.heard);
            let is_over =
                phone.heard.is_empty() || has_heard(&phone.heard, "cancelled") || has_heard(&phone.heard, "bye");
            assert!(is_over, "{what}: 10.0.0.{last} {:?}", phone.heard);
        }
        let cancels = house.sent.iter().filter(|(.., text)| text.starts_with("CANCEL "));
        assert!(cancels.filter(|(.., text)| text.contains("Reason:")).count() == 0, "{what}: nobody has answered");
        assert_eq!(only_entry(house).3, Some(EndReason::Local), "{what}");
    };
    let mut silent = house(1, &[], 1, THREE);
    silent.off = vec![OTHER, DOOR, PBX];
    silent.dial("9").expect("dialled");
    silent.run(s(2));
    assert_eq!(silent.call(PANEL).state, CallState::Calling);
    quiet(&mut silent, "calling");

    let mut ringing = ringing(1, THREE);
    quiet(&mut ringing, "ringing");

    let mut early = house(1, &[], 1, THREE);
    early.dial("9").expect("dialled");
    early.run(ms(20));
    alert(&mut early, 3, true);
    assert_eq!(early.call(PANEL).state, CallState::Ringing);
    quiet(&mut early, "early");

    let mut partly = house(1, &[], 1, THREE);
    partly.off = vec![DOOR];
    partly.dial("9").expect("dialled");
    partly.run(ms(20));
    quiet(&mut partly, "one of them unheard");

    let mut answered = self::ringing(1, THREE);
    accept(&mut answered, 3);
    answered.must(PANEL, Command::End(None));
    answered.run(s(40));
    assert!(has_heard(&answered.door.heard, "bye"));
    assert_eq!(answered.door.endpoint.busy_sessions(), 0);
}

#[test]
fn early_sound_is_that_of_the_last_one_left() {
    let mut house = house(1, &[], 1, &["10.0.0.3", "10.0.0.4"]);
    house.dial("9").expect("dialled");
    house.run(ms(20));
    let call = house.call(PANEL).call;
    alert(&mut house, 3, true);
    alert(&mut house, 4, true);
    assert_eq!((house.call(PANEL).state, house.call(PANEL).audio), (CallState::Ringing, None));
    assert_eq!((house.panel().media(call), house.panel().tone()), (None, Some(Tone::Ringback)));
    let refused = house.press(PANEL, Command::Dtmf("1".to_owned()));
    assert_eq!(refused, Err(Refusal::WrongState(CallState::Ringing)), "to whom?");

    refuse(&mut house, 4, 486);
    assert_eq!((house.call(PANEL).state, house.call(PANEL).legs), (CallState::Early, 1));
    assert_eq!(house.panel().media(call), Some((false, true, false)));
    accept(&mut house, 3);
    assert_eq!(house.call(PANEL).state, CallState::Confirmed);
    assert_eq!(house.panel().media(call).map(|(sends, plays, _)| (sends, plays)), Some((true, true)));
}

#[test]
fn what_was_agreed_early_with_the_one_that_answers_holds() {
    let mut house = house(1, &[], 1, &["10.0.0.3", "10.0.0.4"]);
    house.dial("9").expect("dialled");
    house.run(ms(20));
    // Both describe themselves with the ringing; the other one speaks last.
    alert(&mut house, 3, true);
    alert(&mut house, 4, true);
    accept(&mut house, 3);
    let start = house.panel().orders.iter().rev().find_map(|order| match order {
        vestibule::phone::MediaOrder::Start { streams, .. } => streams.audio.as_ref().map(|audio| audio.remote),
        _ => None,
    });
    assert_eq!(start.map(|remote| remote.ip()), Some(IpAddr::from([10, 0, 0, 3])));
}

#[test]
fn the_longest_dial_out_time_counts_for_all() {
    let mut house = ringing(1, THREE);
    house.run(s(61));
    assert!(house.panels[PANEL].phone.calls().is_empty());
    assert_eq!(house.panel().last_view().end_reason, Some(EndReason::NoAnswer));
    house.run(s(40));
    assert!(has_heard(&house.door.heard, "cancelled") && has_heard(&house.pbx(PBX).phone.heard, "cancelled"));

    let mut silent = self::house(1, &[], 1, &["10.0.0.3", "10.0.0.4"]);
    silent.off = vec![DOOR, PBX];
    silent.dial("9").expect("dialled");
    silent.run(s(70));
    assert_eq!(silent.panel().last_view().end_reason, Some(EndReason::NoResponse));
}

/// Answers this INVITE of the panel in the place of `10.0.0.LAST`, which is switched off.
fn answer(house: &mut House, invite: &str, last: u8, status: u16, (name, value): (&str, &str)) {
    let Ok(Message::Request(request)) = parse_datagram(invite.as_bytes()) else { panic!("an INVITE") };
    let mut response = Response::answer(&request, status);
    response.set_to_tag("there");
    response.push_header(name, value);
    let via = invite.split("Via: SIP/2.0/UDP ").nth(1).and_then(|via| via.split(';').next()).expect("a Via");
    let address = |text: &str| text.parse().expect("an address");
    let (local, remote) = (address(via), address(&format!("10.0.0.{last}:5060")));
    let path = Path { transport: Transport::Udp, local, remote, flow: None };
    let now = house.now;
    house.panel().phone.handle_datagram(now, path, &response.to_bytes());
    house.run(ms(50));
}

#[test]
fn a_leg_that_is_sent_on_goes_there() {
    let mut house = house(1, &[], 1, &["10.0.0.3", "10.0.0.4"]);
    house.off.push(DOOR);
    house.dial("9").expect("dialled");
    house.run(ms(20));
    let invite = house.last(PANEL, "INVITE sip:10.0.0.3").to_owned();
    answer(&mut house, &invite, 3, 302, ("Contact", "<sip:10.0.0.2:5060>"));
    assert_eq!(house.call(PANEL).legs, 2);
    assert_eq!(house.call(OTHER).state, CallState::Ringing);
    house.must(OTHER, Command::Answer(None));
    house.run(ms(50));
    assert_eq!(house.call(PANEL).state, CallState::Confirmed);
    assert!(has_heard(&house.pbx(PBX).phone.heard, "cancelled"));
    house.must(PANEL, Command::End(None));
    house.run(ms(50));
    assert!(house.panels[OTHER].phone.calls().is_empty());
}

#[test]
fn a_leg_that_is_challenged_proves_its_password() {
    let mut house = House::with_servers(ONE);
    add_rule(&mut house, &["55", "10.0.0.3"], AccountChoice::Auto);
    house.off.push(PBX);
    house.dial("9").expect("dialled");
    house.run(ms(20));
    let invite = house.last(PANEL, "INVITE sip:55@").to_owned();
    let asks = "Digest realm=\"pbx\", nonce=\"n1\", qop=\"auth\", algorithm=MD5";
    house.off.clear();
    answer(&mut house, &invite, 4, 407, ("Proxy-Authenticate", asks));
    assert!(house.last(PANEL, "INVITE sip:55@").contains("Proxy-Authorization: Digest username=\"101\""));
    assert_eq!((house.call(PANEL).legs, house.call(PANEL).account), (2, 0));
    accept(&mut house, 4);
    let call = house.call(PANEL);
    assert_eq!((call.state, call.account, call.remote.as_str()), (CallState::Confirmed, 1, "sip:55@10.0.0.4"));
    assert!(has_heard(&house.door.heard, "cancelled"));
}

#[test]
fn a_leg_goes_by_tcp_where_nobody_takes_datagrams() {
    let mut house = house(1, &[], 1, &["10.0.0.3", "sip:10.0.0.4;transport=tcp"]);
    house.door.refuses_udp = true;
    house.dial("9").expect("dialled");
    house.run(ms(50));
    assert_eq!(house.call(PANEL).legs, 2);
    alert(&mut house, 3, false);
    alert(&mut house, 4, false);
    accept(&mut house, 3);
    assert_eq!((house.call(PANEL).state, house.call(PANEL).remote.as_str()), (CallState::Confirmed, "sip:10.0.0.3"));
    assert!(has_heard(&house.pbx(PBX).phone.heard, "cancelled"));
    assert!(house.last(PANEL, "CANCEL ").contains(ELSEWHERE));
}

#[test]
fn the_account_of_the_rule_is_used_and_no_other() {
    let mut house = House::with_servers(&[ONE, TWO].concat());
    add_rule(&mut house, &["55", "56"], AccountChoice::Account2);
    house.dial("9").expect("dialled");
    house.run(ms(20));
    assert_eq!((house.count_to(PBX, "INVITE"), house.count_to(PBX_2, "INVITE")), (0, 2));
    assert_eq!((house.call(PANEL).account, house.call(PANEL).legs), (2, 2));
    house.must(PANEL, Command::End(None));
    house.run(s(1));

    // Its server does not know it any more.
    house.set("account2.active", "off");
    house.run(s(1));
    let refused = house.dial("9");
    let account = vestibule::config::Account::Two;
    assert_eq!(refused, Err(Refusal::NotRegistered { account, other_is: true }), "not switched silently");
    assert_eq!((house.count_to(PBX, "INVITE"), house.count_to(PBX_2, "INVITE")), (0, 2));
    // A person who says so may take the other one.
    house.press(PANEL, Command::Dial { text: "9".to_owned(), account: AccountChoice::Account1 }).expect("dialled");
    house.run(ms(20));
    assert_eq!(house.count_to(PBX, "INVITE"), 2);
}

#[test]
fn what_cannot_be_called_at_all_is_left_out() {
    let mut house = house(1, &[], 1, &["55", "10.0.0.3", "192.168.7.7"]);
    house.dial("9").expect("dialled");
    house.run(ms(20));
    assert_eq!(house.call(PANEL).legs, 1, "no account, and no route");
    accept(&mut house, 3);
    assert_eq!(house.call(PANEL).state, CallState::Confirmed);
    let refused = Command::Rules(RuleChange::Add(rule("8", &["55", "56"], AccountChoice::Auto)));
    house.must(PANEL, refused);
    assert_eq!(house.dial("8"), Err(Refusal::NoAccount));
}

#[test]
fn what_follows_the_prefix_is_dialled_behind_each_number() {
    let mut house = House::with_servers(ONE);
    add_rule(&mut house, &["030", "031", "10.0.0.3"], AccountChoice::Auto);
    house.dial("9-12").expect("dialled");
    house.run(ms(20));
    assert_eq!((house.count(PANEL, "INVITE sip:03012@"), house.count(PANEL, "INVITE sip:03112@")), (1, 1));
    assert_eq!(house.count_to(DOOR, "INVITE"), 0);
    assert_eq!(house.call(PANEL).remote, "912");
}

#[test]
fn a_rule_with_one_number_is_a_call_like_any_other() {
    let contacts = "[[contact]]\nname = \"Front door\"\nnumbers = [\"10.0.0.3\"]\n\
                    [[dial_rule]]\nname = \"Doors\"\nprefix = \"9\"\nreplace = [\"10.0.0.3\"]\n";
    let mut house = House::knowing(&[], contacts);
    house.dial("9").expect("dialled");
    house.run(ms(20));
    let call = house.call(PANEL);
    assert_eq!((call.legs, call.name.as_str(), call.remote.as_str()), (1, "Front door", "sip:10.0.0.3"));
    alert(&mut house, 3, true);
    assert_eq!(house.call(PANEL).state, CallState::Early);
}

#[test]
fn a_contact_with_the_number_of_a_rule_calls_them_all() {
    let contacts = "[[contact]]\nname = \"Family\"\nnumbers = [\"9\"]\n\
                    [[dial_rule]]\nprefix = \"9\"\nreplace = [\"10.0.0.2\", \"10.0.0.3\"]\n";
    let mut house = House::knowing(&[], contacts);
    house.dial("family").expect("dialled");
    house.run(ms(20));
    assert_eq!((house.call(PANEL).legs, house.call(PANEL).name.as_str()), (2, "Family"));
}

#[test]
fn names_are_looked_up_for_each_leg() {
    let mut house = house(1, &[], 1, &["sip:a@one.test", "sip:b@two.test", "sip:c@nowhere.test"]);
    for (name, last) in [("one.test", 3), ("two.test", 4)] {
        let question = Question { name: name.to_owned(), kind: RecordKind::A };
        let records = vec![Record::Address(IpAddr::from([10, 0, 0, last]))];
        house.panel().names.insert(question, Ok(Answer { records, ttl: s(300) }));
    }
    let question = Question { name: "nowhere.test".to_owned(), kind: RecordKind::A };
    house.panel().names.insert(question, Err(DnsFault::NotFound));
    house.dial("9").expect("dialled");
    house.run(ms(50));
    assert_eq!(house.call(PANEL).legs, 2, "one of them is nowhere");
    accept(&mut house, 4);
    assert_eq!((house.call(PANEL).state, house.call(PANEL).remote.as_str()), (CallState::Confirmed, "sip:b@two.test"));
    assert!(has_heard(&house.door.heard, "cancelled"));
}

#[test]
fn a_group_takes_one_line_and_one_set_of_ports() {
    let mut house = ringing(3, &["10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6"]);
    assert_eq!((house.panels[PANEL].phone.calls().len(), house.call(PANEL).legs), (1, 5));
    let offered: Vec<String> = house
        .sent
        .iter()
        .filter(|(of, _, text)| *of == PANEL && text.starts_with("INVITE "))
        .filter_map(|(.., text)| text.lines().find(|line| line.starts_with("m=audio")).map(str::to_owned))
        .collect();
    assert_eq!(offered.len(), 5);
    assert!(offered.iter().all(|line| line.starts_with("m=audio 20000 ")), "{offered:?}");
    for _ in 0..3 {
        house.dial("10.0.0.9").expect("there are three lines more");
    }
    assert_eq!(house.dial("9"), Err(Refusal::NoLine));
}

#[test]
fn rules_come_in_as_a_table_and_are_saved_at_once() {
    let mut house = House::new(&[]);
    let table = "All,9,10.0.0.2,10.0.0.3\nBroken,x,1\n,8,10.0.0.3\n";
    let done = house.press(PANEL, Command::Rules(RuleChange::Import(table.to_owned())));
    let Ok(Done::Rules(import)) = done else { panic!("{done:?}") };
    assert_eq!((import.added, import.refused), (2, 1));
    assert_eq!((import.bad[0].line, import.bad[0].reason.as_str()), (2, "prefix: 'x' cannot stand in it"));
    let saved = house.panel().saved_settings.pop().expect("saved once");
    assert!(house.panel().saved_settings.is_empty());
    assert_eq!(saved.dial_plan.rules().map(|rule| rule.prefix.as_str()).collect::<Vec<_>>(), ["8", "9"]);
    house.dial("9").expect("dialled");
    assert_eq!((house.call(PANEL).legs, house.call(PANEL).name.as_str()), (2, "All"));
    house.must(PANEL, Command::End(None));

    let twice = rule("9", &["1"], AccountChoice::Auto);
    let refused = house.press(PANEL, Command::Rules(RuleChange::Add(twice.clone())));
    assert_eq!(refused.map_err(|refusal| refusal.to_string()).err().as_deref(), Some("prefix: 9 has a rule already"));
    house.must(PANEL, Command::Rules(RuleChange::Change { prefix: "9".to_owned(), rule: twice }));
    house.must(PANEL, Command::Rules(RuleChange::Remove("8".to_owned())));
    let saved = house.panel().saved_settings.pop().expect("saved");
    assert_eq!(saved.dial_plan.rules().map(|rule| rule.replace.len()).collect::<Vec<_>>(), [1]);
}

/// What a telephone does with the call.
#[derive(Clone, Copy, Debug)]
enum Habit {
    /// It is switched off.
    Off,
    Rings,
    /// It rings with sound.
    RingsEarly,
    AnswersAfter(u64),
    RefusesAfter(u64, u16),
}

fn habit(random: &mut StdRng) -> Habit {
    let after = random.random_range(0..6000);
    match random.random_range(0..10) {
        0 => Habit::Off,
        1 => Habit::Rings,
        2 => Habit::RingsEarly,
        3..=5 => Habit::RefusesAfter(after, [404, 480, 486, 500, 603][random.random_range(0..5)]),
        // Often in the same instant as another one.
        _ => Habit::AnswersAfter(after / 1000 * 1000),
    }
}

/// One call to up to five, with everything that can come between; nobody is left behind.
fn story(seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let count = random.random_range(2..=5usize);
    let addresses: Vec<String> = (0..count).map(|at| format!("10.0.0.{}", 4 + at)).collect();
    let replace: Vec<&str> = addresses.iter().map(String::as_str).collect();
    let mut house = house(seed, &[], 5, &replace);
    house.loss = [0.0, 0.0, 0.1, 0.25][random.random_range(0..4)];
    let habits: Vec<Habit> = (0..count).map(|_| habit(&mut random)).collect();
    let ended_after: Option<u64> = random.random_bool(0.3).then(|| random.random_range(0..7000));
    house.off = (0..count).filter(|at| matches!(habits[*at], Habit::Off)).map(|at| PBX + at).collect();
    house.dial("9").expect("dialled");
    let mut acted = vec![false; count];
    for step in 0..35 {
        if ended_after.is_some_and(|after| after / 200 == step) {
            // It may be over already.
            let _ = house.press(PANEL, Command::End(None));
        }
        let now = house.now;
        for ((pbx, habit), acted) in house.pbxs.iter_mut().zip(&habits).zip(&mut acted) {
            let phone = &mut pbx.phone;
            let rings = phone.session.is_some() && !has_heard(&phone.heard, "cancelled");
            if *acted || !rings {
                continue;
            }
            let is_due = |after: u64| after <= step * 200;
            *acted = match *habit {
                Habit::Off => true,
                Habit::Rings => {
                    phone.alert(now, false);
                    true
                }
                Habit::RingsEarly => {
                    phone.alert(now, true);
                    true
                }
                Habit::AnswersAfter(after) if is_due(after) => {
                    phone.accept(now);
                    true
                }
                Habit::RefusesAfter(after, status) if is_due(after) => {
                    phone.end(now, status);
                    true
                }
                Habit::AnswersAfter(_) | Habit::RefusesAfter(..) => false,
            };
        }
        house.run(ms(200));
    }
    house.run(s(140));
    let label = format!("seed {seed}: {habits:?}, ended {ended_after:?}, loss {}", house.loss);
    let calls = house.panels[PANEL].phone.calls();
    let spoken_with = calls.first().map(|call| call.remote.clone());
    assert!(calls.iter().all(|call| call.state == CallState::Confirmed), "{label}: {calls:#?}");
    for (address, pbx) in addresses.iter().zip(&house.pbxs) {
        let talks = spoken_with == Some(format!("sip:{address}"));
        assert_eq!(pbx.phone.endpoint.busy_sessions(), usize::from(talks), "{label}: {address} {:?}", pbx.phone.heard);
    }
    if spoken_with.is_some() {
        house.must(PANEL, Command::End(None));
        house.run(Duration::from_secs(40));
    }
    assert_eq!(house.panel().log().len(), 1, "{label}: one entry for all of them");
    assert!(house.panels[PANEL].phone.calls().is_empty(), "{label}");
    for pbx in &house.pbxs {
        assert_eq!(pbx.phone.endpoint.busy_sessions(), 0, "{label}: {:?}", pbx.phone.heard);
    }
}

#[test]
fn a_thousand_groups_leave_nobody_behind() {
    (0..1000).for_each(story);
}
