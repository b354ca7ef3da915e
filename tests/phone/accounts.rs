//! Two accounts: registered, kept, tried again, failed over, and which of them places a call.

use vestibule::channel::{
    Account, AccountChoice, CallState, Command, EndReason, Event, ProxyInUse, Refusal, RegistrationState,
    RegistrationView, SessionTimerView, TlsFault,
};
use vestibule::sip::locate::{Answer, Question, Record, RecordKind};

use crate::common::{House, ONE, PANEL, PBX, PBX_2, Registrar, TWO, ms, s};

fn both() -> Vec<(&'static str, &'static str)> {
    [ONE, TWO].concat()
}

pub fn with(more: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    // Before it is switched on, so that nothing begins twice.
    [more, ONE].concat()
}

pub fn view(house: &House, account: usize) -> RegistrationView {
    house.panels[PANEL].phone.registrations()[account - 1].clone()
}

pub fn reason(house: &House) -> String {
    view(house, 1).fault.map(|fault| fault.to_string()).unwrap_or_default()
}

pub fn is_registered(house: &House) -> bool {
    view(house, 1).state == RegistrationState::Registered
}

pub fn dial(house: &mut House, text: &str, account: AccountChoice) -> Result<vestibule::channel::Done, Refusal> {
    house.press(PANEL, Command::Dial { text: text.to_owned(), account })
}

/// What a trial of Account 1 comes to.
fn outcome(house: &mut House) -> Result<(), String> {
    house.must(PANEL, Command::TestAccount(Account::One));
    house.run(s(10));
    let last = house.panel().events.iter().rev().find_map(|event| match event {
        Event::AccountTest(view) => Some(view.clone()),
        _ => None,
    });
    let outcome = last.expect("it is told").outcome.expect("it is over");
    outcome.map_err(|fault| fault.to_string())
}

#[test]
fn an_account_registers_as_it_is_set_and_takes_its_binding_back() {
    let mut house = House::with_servers(&with(&[
        ("account1.basic.display_name", "Flat 3"),
        ("account1.basic.registration_period", "600"),
    ]));
    let view = view(&house, 1);
    assert_eq!((view.state, view.fault), (RegistrationState::Registered, None));
    assert_eq!(view.server.as_deref(), Some("10.0.0.4:5060"));
    assert_eq!(view.via.as_deref(), Some("udp:10.0.0.4:5060"));
    assert_eq!(view.proxy, ProxyInUse::None);
    let asked = house.pbx(PBX).asked[0].1.clone();
    assert!(asked.starts_with("REGISTER sip:10.0.0.4 SIP/2.0\r\n"), "{asked}");
    assert!(asked.contains("From: \"Flat 3\" <sip:101@10.0.0.4>"), "{asked}");
    assert!(asked.contains("+sip.instance=\"<urn:uuid:"), "{asked}");
    assert!(asked.contains("600"), "{asked}");
    assert!(house.pbx(PBX).bindings["101"].contact.starts_with("sip:101@10.0.0.1:7"), "a port of its own");
    house.set("account1.active", "off");
    house.run(s(1));
    assert!(house.pbx(PBX).bindings.is_empty());
    assert_eq!(self::view(&house, 1).state, RegistrationState::Disabled);
}

#[test]
fn leaving_takes_the_bindings_back_in_time() {
    let mut house = House::with_servers(&both());
    house.must(PANEL, Command::Quit);
    house.run(s(1));
    assert!(house.panel().finished);
    assert!(house.pbx(PBX).bindings.is_empty() && house.pbx(PBX_2).bindings.is_empty());
}

#[test]
fn what_is_missing_is_said_and_nothing_is_sent() {
    let mut house = House::with_servers(&[("account1.active", "on")]);
    assert_eq!((view(&house, 1).state, reason(&house)), (RegistrationState::Failed, "basic.server is not set".into()));
    house.set("account1.basic.server", "10.0.0.4");
    assert_eq!(reason(&house), "basic.register_name is not set");
    house.set("account1.basic.register_name", "101");
    house.run(s(1));
    assert!(is_registered(&house), "at once, when it is there");
}

#[test]
fn a_registration_is_renewed_in_time_and_a_shorter_one_obeyed() {
    let mut house = House::with_servers(&[]);
    house.pbx(PBX).longest = s(60);
    for (key, value) in ONE {
        house.set(key, value);
    }
    house.set("account1.basic.check_interval", "0");
    for _ in 0..20 {
        house.run(s(30));
        let now = house.now.instant;
        assert!(house.pbx(PBX).bindings["101"].until > now, "it never runs out");
    }
    let registers = house.pbx(PBX).registers();
    assert!((10..=22).contains(&registers), "{registers} in 600 s");
}

#[test]
fn a_wrong_password_is_called_that_and_not_tried_for_ever() {
    let mut house = House::with_servers(&[]);
    house.pbx(PBX).registrar = Registrar::Distrusts;
    for (key, value) in ONE {
        house.set(key, value);
    }
    house.run(s(1));
    assert_eq!(reason(&house), "401 wrong user name or password for the realm pbx");
    let next = view(&house, 1).next_try_at.expect("it is tried again");
    assert!(next >= house.now.instant + s(20), "not soon");
    assert!(house.pbx(PBX).registers() <= 3);
    // A new password is tried at once.
    house.pbx(PBX).registrar = Registrar::Challenges;
    house.set("account1.basic.password", "better");
    house.run(s(1));
    assert!(is_registered(&house));
}

#[test]
fn each_refusal_has_its_words() {
    let cases = [
        (403, vec![], "403 the server does not allow this account"),
        (404, vec![], "404 the server does not know this Register Name"),
        (400, vec![], "400 Bad Request"),
        (302, vec![("Contact", "<sip:10.0.0.9>".into())], "302 the server sends to another place: sip:10.0.0.9"),
        (305, vec![], "305 the server sends to another place"),
        (503, vec![("Retry-After", "20".into())], "503 the server is not available now"),
        (423, vec![], "423 the server refuses this Registration Period"),
    ];
    for (status, lines, words) in cases {
        let mut house = House::with_servers(&[]);
        house.pbx(PBX).registrar = Registrar::Says(status, lines);
        for (key, value) in ONE {
            house.set(key, value);
        }
        house.run(s(2));
        assert_eq!(reason(&house), words);
        let wait = view(&house, 1).next_try_at.expect("a next try") - house.now.instant;
        assert!(status != 503 || wait >= s(15), "Retry-After is obeyed: {wait:?}");
    }
}

#[test]
fn a_registration_that_is_taken_and_not_listed_is_called_that_and_asked_for_in_peace() {
    let words = "the server took the registration and does not list it";
    for lines in [
        vec![("Contact", "<sip:flat@1.2.3.4>;+sip.instance=\"<urn:uuid:1>\";expires=99".to_owned())],
        vec![("Contact", "*".to_owned())],
        vec![("Expires", "0".to_owned())],
    ] {
        let mut house = House::with_servers(&[]);
        house.pbx(PBX).registrar = Registrar::Says(200, lines);
        ONE.iter().for_each(|(key, value)| house.set(key, value));
        house.run(s(20));
        assert_eq!((view(&house, 1).state, reason(&house).as_str()), (RegistrationState::Failed, words));
        assert_eq!(house.pbx(PBX).registers(), 1);
        house.run(s(600));
        assert!(house.pbx(PBX).registers() <= 10, "{} in ten minutes", house.pbx(PBX).registers());
        // A trial that asks and binds nothing cannot see it, and does not say that all is well.
        assert_eq!(outcome(&mut house), Err(words.to_owned()));
        assert_eq!(reason(&house), words);
        house.pbx(PBX).registrar = Registrar::Open;
        assert_eq!(outcome(&mut house), Err(words.to_owned()), "what was known last");
        assert!(is_registered(&house), "and it was tried at once");
        assert_eq!(outcome(&mut house), Ok(()));
    }
}

#[test]
fn a_contact_that_is_written_anew_on_the_way_is_registered() {
    let mut house = House::with_servers(&[]);
    let rewritten = ("Contact", "<sip:4711-x7@10.0.0.1:5060;ob>;expires=120".to_owned());
    house.pbx(PBX).registrar = Registrar::Says(200, vec![rewritten]);
    ONE.iter().for_each(|(key, value)| house.set(key, value));
    house.run(s(3));
    assert!(is_registered(&house), "{}", reason(&house));
    assert_eq!(house.pbx(PBX).registers(), 1);
    house.run(s(600));
    assert!(is_registered(&house), "{}", reason(&house));
    let registers = house.pbx(PBX).registers();
    assert!(registers <= 22, "renewed and looked after, and no more: {registers} in ten minutes");
}

#[test]
fn a_trial_that_works_ends_the_wait_of_its_account() {
    let mut house = House::with_servers(&[]);
    house.pbx(PBX).registrar = Registrar::Distrusts;
    ONE.iter().for_each(|(key, value)| house.set(key, value));
    house.run(s(200));
    let waits = |house: &House| view(house, 1).next_try_at.map(|at| at.saturating_duration_since(house.now.instant));
    assert!(waits(&house).is_some_and(|wait| wait > s(2)), "{:?}", waits(&house));
    let before = house.pbx(PBX).registers();
    house.must(PANEL, Command::TestAccount(Account::One));
    house.run(s(1));
    assert!(!is_registered(&house), "a trial that does not work changes nothing");
    assert_eq!(house.pbx(PBX).registers(), before + 2);
    house.pbx(PBX).registrar = Registrar::Challenges;
    house.must(PANEL, Command::TestAccount(Account::One));
    house.run(s(1));
    assert!(is_registered(&house), "{}", reason(&house));
}

#[test]
fn a_server_that_wants_to_be_left_alone_for_days_is_asked_again_after_ten_minutes() {
    let mut house = House::with_servers(&[]);
    house.pbx(PBX).registrar = Registrar::Says(503, vec![("Retry-After", "4000000000".into())]);
    ONE.iter().for_each(|(key, value)| house.set(key, value));
    house.run(s(1));
    house.pbx(PBX).registrar = Registrar::Open;
    house.run(s(590));
    assert!(!is_registered(&house), "it is obeyed so long");
    house.run(s(70));
    assert!(is_registered(&house), "{}", reason(&house));
}

#[test]
fn a_sips_uri_is_called_by_tls_alone() {
    let by_tls = with(&[("account1.basic.transport", "tls"), ("account1.basic.port", "5060")]);
    let mut house = House::with_servers(&[TWO, &by_tls[..]].concat());
    assert!(is_registered(&house), "{}", reason(&house));
    let bob = "sips:bob@10.0.0.9";
    dial(&mut house, bob, AccountChoice::Auto).expect("Account 1 is registered by TLS");
    house.run(ms(20));
    let invite = house.last(PANEL, "INVITE ").to_owned();
    for line in ["INVITE sips:bob@10.0.0.9 SIP/2.0\r\n", "To: <sips:bob@10.0.0.9>", "Contact: <sips:101@10.0.0.1:"] {
        assert!(invite.contains(line), "{line} in {invite}");
    }
    assert!(invite.contains("Via: SIP/2.0/TLS ") && !invite.contains("transport="), "{invite}");
    assert_eq!((house.count_to(PBX, "INVITE"), house.call(PANEL).account), (1, 1));
    house.must(PANEL, Command::End(None));
    house.run(s(1));
    let refusal = |house: &mut House, account| dial(house, bob, account).expect_err("it is by UDP").to_string();
    let words = "a sips: address is called through an account that is registered by TLS, which Account 2 is not";
    assert_eq!(refusal(&mut house, AccountChoice::Account2), words);
    // The connection is lost, and only the account by UDP is left.
    house.pbx(PBX).stop();
    house.cut(PBX);
    house.run(ms(10));
    dial(&mut house, bob, AccountChoice::Auto).expect("it may be back in a moment");
    house.run(s(10));
    assert_eq!(house.panel().log()[0].why, Some(EndReason::Unreachable));
    assert_eq!(house.count_to(PBX_2, "INVITE"), 0);
    assert_eq!(refusal(&mut house, AccountChoice::Auto), words.replace("Account 2 is not", "none is"));
}

#[test]
fn a_certificate_that_is_refused_is_asked_for_in_peace_and_at_once_when_something_changes() {
    let by_tls = with(&[("account1.basic.transport", "tls"), ("account1.basic.port", "5060")]);
    let refused = || {
        let mut house = House::with_servers(&[]);
        house.pbx(PBX).tls = Some(TlsFault::Expired);
        by_tls.iter().for_each(|(key, value)| house.set(key, value));
        house.run(s(600));
        assert_eq!(reason(&house), "certificate has expired");
        let greeted = house.pbx(PBX).greeted;
        assert!((3..=9).contains(&greeted), "{greeted} in ten minutes");
        house.pbx(PBX).tls = None;
        house.run(s(1));
        assert!(!is_registered(&house), "it is not its turn");
        house
    };
    let mut house = refused();
    house.set("account1.tls.verify", "off");
    house.run(s(1));
    assert!(is_registered(&house), "{}", reason(&house));
    let mut house = refused();
    let now = house.now;
    house.panel().phone.handle_certificate_file(now, Account::One);
    house.run(s(1));
    assert!(is_registered(&house), "{}", reason(&house));
    // A clock is set by itself.
    house.pbx(PBX).tls = Some(TlsFault::NotYetValid);
    house.cut(PBX);
    house.run(s(60));
    house.pbx(PBX).tls = None;
    house.run(s(6));
    assert!(is_registered(&house), "{}", reason(&house));
}

#[test]
fn a_server_that_is_away_is_back_within_five_seconds() {
    for program_only in [true, false] {
        let mut house = House::with_servers(ONE);
        let begun = house.now.instant;
        if program_only {
            house.pbx(PBX).stop();
        } else {
            house.off.push(PBX);
        }
        house.run(s(100));
        let words = if program_only { "nobody listens at 10.0.0.4:5060" } else { "no answer from 10.0.0.4:5060" };
        assert_eq!(reason(&house), words);
        assert!(!is_registered(&house), "noticed in {:?}", house.now.instant - begun);
        house.pbx(PBX).runs = true;
        house.off.clear();
        house.run(s(5));
        assert!(is_registered(&house), "{}", reason(&house));
    }
}

#[test]
fn a_server_that_has_forgotten_us_is_noticed_by_udp_within_the_interval() {
    let mut house = House::with_servers(ONE);
    house.run(s(10));
    house.pbx(PBX).bindings.clear();
    house.run(s(61));
    assert!(house.pbx(PBX).bindings.contains_key("101"));
    let quiet = house.pbx(PBX).asked.len();
    house.run(s(600));
    let more = house.pbx(PBX).asked.len() - quiet;
    assert!(more <= 14, "it costs the server little: {more} requests in ten minutes");
}

#[test]
fn a_server_that_cuts_each_connection_behind_its_answer_is_not_asked_without_end() {
    let mut house = House::with_servers(&with(&[("account1.basic.transport", "tcp")]));
    let cut_for = |house: &mut House, seconds: u32| {
        let before = house.pbx(PBX).registers();
        for _ in 0..seconds * 20 {
            if is_registered(house) {
                house.cut(PBX);
            }
            house.run(ms(50));
        }
        house.pbx(PBX).registers() - before
    };
    let (first, second) = (cut_for(&mut house, 60), cut_for(&mut house, 60));
    assert!(first <= 60 && second <= 40, "{first} in the first minute, {second} in the second");
    house.run(s(30));
    assert!(is_registered(&house), "{}", reason(&house));
    house.cut(PBX);
    house.run(ms(100));
    assert!(is_registered(&house), "what has stood comes back at once: {}", reason(&house));
}

#[test]
fn a_connection_that_is_cut_is_made_again_at_once() {
    let mut house = House::with_servers(&with(&[("account1.basic.transport", "tcp")]));
    assert!(is_registered(&house), "{}", reason(&house));
    let contact = house.pbx(PBX).bindings["101"].contact.clone();
    assert!(contact.ends_with(";transport=tcp"), "{contact}");
    house.pbx(PBX).bindings.clear();
    house.cut(PBX);
    house.run(s(2));
    assert!(house.pbx(PBX).bindings.contains_key("101"));
    assert!(is_registered(&house));
}

#[test]
fn the_backup_proxy_takes_over_and_gives_back() {
    let settings = with(&[
        ("account1.outbound_proxy.active", "on"),
        ("account1.outbound_proxy.server", "10.0.0.4"),
        ("account1.outbound_proxy.backup_server", "10.0.0.5"),
        ("account1.basic.check_interval", "30"),
    ]);
    for program_only in [true, false] {
        let mut house = House::with_servers(&settings);
        assert_eq!(view(&house, 1).proxy, ProxyInUse::Main);
        let asked = house.pbx(PBX).asked[0].1.clone();
        assert!(asked.contains("Route: <sip:10.0.0.4:5060;lr>"), "{asked}");
        if program_only {
            house.pbx(PBX).stop();
        } else {
            house.off.push(PBX);
        }
        // The next thing that is asked finds out.
        let done = dial(&mut house, "102", AccountChoice::Auto);
        assert!(done.is_ok(), "{done:?}");
        house.run(s(5));
        assert_eq!(house.count_to(PBX_2, "INVITE sip:102@10.0.0.4"), 1, "the call goes on by the backup");
        assert_eq!(view(&house, 1).proxy, ProxyInUse::Backup);
        assert!(is_registered(&house) && house.pbx(PBX_2).bindings.contains_key("101"));
        house.must(PANEL, Command::End(None));
        house.pbx(PBX).runs = true;
        house.off.clear();
        house.run(s(50));
        assert_eq!(view(&house, 1).proxy, ProxyInUse::Backup, "not before it has answered for a minute");
        house.run(s(40));
        assert_eq!(view(&house, 1).proxy, ProxyInUse::Main);
        assert!(is_registered(&house) && house.pbx(PBX).bindings.contains_key("101"));
    }
}

#[test]
fn a_proxy_that_answers_and_registers_nobody_is_gone_back_to_ever_more_seldom_and_no_call_is_lost_for_it() {
    for transport in ["udp", "tcp"] {
        let mut house = House::with_servers(&with(&[
            ("account1.basic.transport", transport),
            ("account1.basic.check_interval", "10"),
            ("account1.outbound_proxy.active", "on"),
            ("account1.outbound_proxy.server", "10.0.0.4"),
            ("account1.outbound_proxy.backup_server", "10.0.0.5"),
            ("phone.direct_ip.enabled", "off"),
        ]));
        house.pbx(PBX).registrar = Registrar::Mute;
        house.cut(PBX);
        house.run(s(20));
        assert_eq!((view(&house, 1).proxy, is_registered(&house)), (ProxyInUse::Backup, true), "{transport}");
        let mut gone_back = 0;
        let mut was_registered = true;
        for _ in 0..1200 {
            house.run(ms(500));
            let is_in_force = is_registered(&house);
            if was_registered && !is_in_force {
                gone_back += 1;
                // Who is still bound by the backup is called by it.
                let now = house.now;
                house.pbx(PBX_2).ring(now, "101");
                house.run(ms(20));
                let accounts: Vec<u8> = house.panel().phone.calls().iter().map(|call| call.account).collect();
                assert_eq!(accounts, [1], "{transport}, for the {gone_back}. time");
                house.press(PANEL, Command::Decline(None)).ok();
            }
            was_registered = is_in_force;
        }
        assert!((1..=4).contains(&gone_back), "{transport}: {gone_back} times in ten minutes");
    }
}

#[test]
fn a_call_that_is_dialled_while_a_way_is_looked_for_waits_for_it() {
    // By the backup, when the main proxy has vanished without a word.
    let mut house = House::with_servers(&with(&[
        ("account1.basic.transport", "tcp"),
        ("account1.outbound_proxy.active", "on"),
        ("account1.outbound_proxy.server", "10.0.0.4"),
        ("account1.outbound_proxy.backup_server", "10.0.0.5"),
    ]));
    house.off.push(PBX);
    house.cut(PBX);
    house.run(ms(10));
    assert_eq!(view(&house, 1).state, RegistrationState::Registering);
    dial(&mut house, "102", AccountChoice::Account1).expect("it is there in a moment");
    assert_eq!(house.call(PANEL).state, CallState::Calling);
    house.run(s(5));
    assert_eq!(house.count_to(PBX_2, "INVITE sip:102@10.0.0.4"), 1);
    assert_eq!(house.call(PANEL).account, 1, "one call, whatever way it takes");

    // By the same server, which is only started anew.
    let mut house = House::with_servers(&with(&[("account1.basic.transport", "tcp")]));
    house.pbx(PBX).stop();
    house.cut(PBX);
    house.run(s(1));
    dial(&mut house, "102", AccountChoice::Account1).expect("it may be back in a moment");
    house.run(s(1));
    house.pbx(PBX).runs = true;
    house.run(s(3));
    assert_eq!(house.count_to(PBX, "INVITE sip:102@10.0.0.4"), 1);
}

#[test]
fn a_call_that_finds_no_way_ends_within_five_seconds_or_goes_by_the_other_account() {
    let by_tcp = [&[("account1.basic.transport", "tcp")], ONE].concat();
    for other in [false, true] {
        let mut house = House::with_servers(&by_tcp);
        if other {
            TWO.iter().for_each(|(key, value)| house.set(key, value));
            house.run(s(1));
        }
        house.pbx(PBX).stop();
        house.cut(PBX);
        house.run(ms(10));
        dial(&mut house, "102", AccountChoice::Auto).expect("it may be back in a moment");
        house.run(s(5));
        assert_eq!(house.count_to(PBX_2, "INVITE sip:102@10.0.0.5"), usize::from(other));
        if !other {
            let log = house.panel().log();
            assert_eq!(log[0].why, Some(EndReason::Unreachable), "{log:#?}");
        }
    }
}

#[test]
fn once_a_server_is_known_to_be_stuck_auto_does_not_wait_for_it_again() {
    for transport in ["udp", "tcp"] {
        let by = [&[("account1.basic.transport", transport)], ONE, TWO].concat();
        let mut house = House::with_servers(&by);
        house.pbx(PBX).stuck = true;
        // The first finds out.
        dial(&mut house, "102", AccountChoice::Auto).expect("nobody knows yet");
        house.run(s(5));
        assert_eq!(house.count_to(PBX_2, "INVITE sip:102@10.0.0.5"), 1, "{transport}");
        for call in 2..8 {
            house.must(PANEL, Command::End(None));
            house.run(ms(600 * call));
            dial(&mut house, "102", AccountChoice::Auto).expect("Account 2 is registered");
            house.run(s(1));
            assert_eq!(house.count_to(PBX_2, "INVITE sip:102@10.0.0.5"), call as usize, "{transport}");
            assert_eq!(house.call(PANEL).account, 2);
        }
        assert_eq!(house.count_to(PBX, "INVITE"), 1, "{transport}");
    }
}

#[test]
fn a_call_waits_for_a_way_for_five_seconds_and_not_from_try_to_try() {
    for machine_is_off in [false, true] {
        for other in [&[][..], TWO] {
            let mut house = House::with_servers(&[&[("account1.basic.transport", "tcp")], ONE, other].concat());
            house.pbx(PBX).stuck = true;
            if machine_is_off {
                house.off.push(PBX);
            }
            house.cut(PBX);
            house.run(ms(10));
            dial(&mut house, "102", AccountChoice::Account1).expect("it may be back in a moment");
            house.run(s(5));
            let log = house.panel().log();
            assert!(!log.is_empty(), "it waits still, machine off: {machine_is_off}, other: {other:?}");
            assert_eq!(house.count_to(PBX_2, "INVITE"), 0, "a named account is never switched");
        }
    }
}

#[test]
fn a_call_that_an_only_server_does_not_hear_ends_within_five_seconds_and_says_so() {
    let mut house = House::with_servers(&with(&[]));
    house.off.push(PBX);
    dial(&mut house, "102", AccountChoice::Account1).expect("nobody knows yet");
    house.run(s(5));
    assert_eq!(house.panel().log()[0].why, Some(EndReason::NoResponse));
    assert_eq!(reason(&house), "no answer from 10.0.0.4:5060");
}

#[test]
fn an_only_server_that_is_busy_is_called_so_and_stays_registered() {
    let mut house = House::with_servers(ONE);
    dial(&mut house, "102", AccountChoice::Account1).expect("it is registered");
    house.run(ms(20));
    let now = house.now;
    house.pbx(PBX).phone.end(now, 503);
    house.run(ms(20));
    assert_eq!(house.panel().log()[0].why, Some(EndReason::Failed(503)));
    assert!(is_registered(&house));
    assert_eq!(house.pbx(PBX).registers(), 1);
}

#[test]
fn a_call_goes_to_each_of_two_busy_servers_once() {
    let mut house = House::with_servers(&both());
    dial(&mut house, "102", AccountChoice::Auto).expect("both are registered");
    let mut ended = [0; 2];
    for _ in 0..10 {
        house.run(ms(20));
        for (node, ended) in [PBX, PBX_2].into_iter().zip(&mut ended) {
            if house.count_to(node, "INVITE ") > *ended {
                *ended += 1;
                let now = house.now;
                house.pbx(node).phone.end(now, 503);
            }
        }
    }
    assert_eq!((house.count_to(PBX, "INVITE "), house.count_to(PBX_2, "INVITE ")), (1, 1));
    assert_eq!(house.panel().log()[0].why, Some(EndReason::Failed(503)));
}

#[test]
fn a_call_that_the_other_account_takes_is_one_to_the_other_server() {
    let mut house = House::with_servers(&both());
    house.pbx(PBX).stop();
    dial(&mut house, "102", AccountChoice::Auto).expect("dialled");
    house.run(s(1));
    let call = house.call(PANEL);
    assert_eq!((call.account, call.remote.as_str()), (2, "sip:102@10.0.0.5"));
}

#[test]
fn a_call_that_waits_for_a_way_can_be_ended() {
    let mut house = House::with_servers(&with(&[("account1.basic.transport", "tcp")]));
    house.pbx(PBX).stop();
    house.cut(PBX);
    house.run(ms(10));
    dial(&mut house, "102", AccountChoice::Account1).expect("it may be back in a moment");
    house.must(PANEL, Command::End(None));
    house.pbx(PBX).runs = true;
    house.run(s(30));
    assert!(is_registered(&house));
    assert_eq!(house.count_to(PBX, "INVITE"), 0);
    assert_eq!(house.panel().log()[0].why, Some(EndReason::Local));
}

#[test]
fn a_refusal_is_no_reason_for_the_backup() {
    let mut house = House::with_servers(&[]);
    house.pbx(PBX).registrar = Registrar::Says(403, vec![]);
    for (key, value) in with(&[
        ("account1.outbound_proxy.active", "on"),
        ("account1.outbound_proxy.server", "10.0.0.4"),
        ("account1.outbound_proxy.backup_server", "10.0.0.5"),
    ]) {
        house.set(key, value);
    }
    house.run(s(20));
    assert_eq!(house.pbx(PBX_2).registers(), 0);
}

#[test]
fn the_second_target_of_srv_takes_over() {
    let mut house = House::with_servers(&[]);
    let question = |name: &str, kind| Question { name: name.to_owned(), kind };
    let srv = |priority, target: &str| Record::Srv { priority, weight: 0, port: 5060, target: target.to_owned() };
    let answer = |records| Ok(Answer { records, ttl: s(300) });
    let names = &mut house.panel().names;
    names.insert(
        question("_sip._udp.pbx.test", RecordKind::Srv),
        answer(vec![srv(20, "two.pbx.test"), srv(10, "one.pbx.test")]),
    );
    for (name, last) in [("one.pbx.test", 4), ("two.pbx.test", 5)] {
        let address = std::net::IpAddr::from([10, 0, 0, last]);
        names.insert(question(name, RecordKind::A), answer(vec![Record::Address(address)]));
    }
    for (key, value) in [
        ("account1.basic.server", "pbx.test"),
        ("account1.basic.register_name", "101"),
        ("account1.basic.transport", "dns-srv"),
        ("account1.active", "on"),
    ] {
        house.set(key, value);
    }
    house.run(s(1));
    assert_eq!(view(&house, 1).via.as_deref(), Some("udp:10.0.0.4:5060"), "{}", reason(&house));
    house.pbx(PBX).stop();
    house.set("account1.basic.check_interval", "10");
    house.run(s(15));
    assert_eq!(view(&house, 1).via.as_deref(), Some("udp:10.0.0.5:5060"), "{}", reason(&house));
    assert!(is_registered(&house));
}

#[test]
fn a_name_that_nobody_knows_is_called_that() {
    let mut house = House::with_servers(&[]);
    for (key, value) in
        [("account1.basic.server", "nowhere.test"), ("account1.basic.register_name", "101"), ("account1.active", "on")]
    {
        house.set(key, value);
    }
    house.run(s(1));
    assert_eq!(reason(&house), "host not found: nowhere.test");
}

#[test]
fn a_number_goes_through_the_account_and_a_call_comes_in_through_it() {
    let mut house =
        House::with_servers(&[("account1.basic.display_label", "House"), ("phone.direct_ip.enabled", "off")]);
    for (key, value) in both() {
        house.set(key, value);
    }
    house.run(s(1));
    dial(&mut house, "*78", AccountChoice::Account2).expect("dialled");
    house.run(ms(20));
    assert_eq!(house.count_to(PBX_2, "INVITE sip:*78@10.0.0.5 SIP/2.0"), 1);
    assert_eq!(house.call(PANEL).account, 2);
    let now = house.now;
    house.pbx(PBX_2).phone.alert(now, false);
    house.pbx(PBX_2).phone.accept(now);
    house.run(ms(20));
    assert_eq!(house.call(PANEL).state, CallState::Confirmed);
    house.must(PANEL, Command::End(None));
    house.run(s(1));
    assert!(house.pbx(PBX_2).phone.heard.contains(&"bye".to_owned()));
    let now = house.now;
    house.pbx(PBX).ring(now, "101");
    house.run(ms(20));
    let call = house.call(PANEL);
    assert_eq!((call.account, call.remote.as_str()), (1, "sip:102@10.0.0.4"), "it rings although direct calls are off");
    house.must(PANEL, Command::Answer(None));
    house.run(ms(20));
    assert_eq!(house.call(PANEL).state, CallState::Confirmed);
    house.must(PANEL, Command::End(None));
    house.run(s(1));
    assert_eq!(house.panel().log()[0].account, 1);
}

#[test]
fn a_caller_who_calls_himself_by_a_bare_number_is_known_by_it() {
    let mut house = House::with_servers(&both());
    let now = house.now;
    house.pbx(PBX).name = "tel:+49-170-1234567".to_owned();
    house.pbx(PBX).ring(now, "101");
    house.run(ms(20));
    let call = house.call(PANEL);
    assert_eq!((call.name.as_str(), call.remote.as_str()), ("+491701234567", "sip:+491701234567@10.0.0.4"));
    house.must(PANEL, Command::Decline(None));
    assert_eq!(house.panel().log()[0].name, "+491701234567");
}

#[test]
fn each_account_has_a_connection_of_its_own_and_its_calls_come_by_it() {
    for transport in ["tcp", "tls"] {
        let both_there = [
            ("account1.basic.transport", transport),
            ("account1.basic.port", "5060"),
            ("account2.basic.transport", transport),
            ("account2.basic.port", "5060"),
            ("account2.basic.server", "10.0.0.4"),
            ("account2.basic.register_name", "201"),
            ("account2.active", "on"),
        ];
        let mut house = House::with_servers(&[&both_there, ONE].concat());
        // Registered again while the connection from before is open still.
        house.set("account1.active", "off");
        house.set("account1.active", "on");
        house.set("account2.basic.registration_period", "900");
        house.run(s(1));
        for (name, account) in [("101", 1), ("201", 2)] {
            let now = house.now;
            house.pbx(PBX).ring(now, name);
            house.run(ms(20));
            assert_eq!(house.call(PANEL).account, account, "{name} by {transport}");
            house.must(PANEL, Command::Decline(None));
            house.run(s(1));
        }
    }
}

#[test]
fn auto_takes_the_first_that_is_registered_and_a_named_one_is_never_switched() {
    let mut house = House::with_servers(&both());
    assert_eq!(dial(&mut house, "102", AccountChoice::Auto).map(|_| house.call(PANEL).account), Ok(1));
    house.must(PANEL, Command::End(None));
    // The server of Account 1 stops, and nobody has noticed yet: Auto goes on with Account 2.
    house.pbx(PBX).stop();
    dial(&mut house, "102", AccountChoice::Auto).expect("dialled");
    house.run(s(5));
    assert_eq!(house.call(PANEL).account, 2);
    assert_eq!(house.count_to(PBX_2, "INVITE sip:102@10.0.0.5"), 1);
    house.must(PANEL, Command::End(None));
    house.run(s(1));
    let refused = dial(&mut house, "102", AccountChoice::Account1).expect_err("it is not registered");
    assert_eq!(refused.to_string(), "Account 1 is not registered; the other account is");
    assert_eq!(house.pbx(PBX_2).phone.heard.iter().filter(|heard| heard.starts_with("offer")).count(), 1);
    house.pbx(PBX_2).stop();
    dial(&mut house, "102", AccountChoice::Account2).expect("nobody knows yet");
    house.run(s(6));
    let log = house.panel().log();
    assert_eq!(log[0].why, Some(EndReason::Unreachable), "{log:#?}");
    assert_eq!(dial(&mut house, "102", AccountChoice::Auto), Err(Refusal::NoAccount));
}

#[test]
fn a_change_of_one_account_leaves_the_other_and_the_calls_alone() {
    let mut house = House::with_servers(&both());
    let before = house.pbx(PBX).asked.len();
    dial(&mut house, "102", AccountChoice::Account2).expect("dialled");
    house.run(ms(20));
    let now = house.now;
    house.pbx(PBX_2).phone.accept(now);
    house.run(ms(20));
    house.set("account2.basic.register_name", "202");
    house.run(s(30));
    assert_eq!(house.call(PANEL).state, CallState::Confirmed);
    assert!(house.pbx(PBX_2).bindings.contains_key("202") && !house.pbx(PBX_2).bindings.contains_key("201"));
    assert_eq!(house.pbx(PBX).asked.len(), before);
    house.must(PANEL, Command::End(None));
    house.run(s(1));
    assert!(house.pbx(PBX_2).phone.heard.contains(&"bye".to_owned()));
    // A label is no business of the server's.
    let asked = house.pbx(PBX_2).asked.len();
    house.set("account2.basic.display_label", "Porter");
    house.run(s(1));
    assert_eq!(house.pbx(PBX_2).asked.len(), asked);
    assert_eq!(view(&house, 2).label, "Porter");
}

#[test]
fn a_trial_says_what_is_wrong_and_registers_nothing() {
    let mut house = House::with_servers(&[
        ("account1.basic.server", "10.0.0.4"),
        ("account1.basic.register_name", "101"),
        ("account1.basic.password", "secret"),
    ]);
    house.pbx(PBX).registrar = Registrar::Challenges;
    assert_eq!(outcome(&mut house), Ok(()));
    assert!(house.pbx(PBX).bindings.is_empty());
    assert_eq!(view(&house, 1).state, RegistrationState::Disabled);
    house.pbx(PBX).registrar = Registrar::Distrusts;
    assert_eq!(outcome(&mut house), Err("401 wrong user name or password for the realm pbx".to_owned()));
    house.pbx(PBX).stop();
    assert_eq!(outcome(&mut house), Err("nobody listens at 10.0.0.4:5060".to_owned()));
    house.off.push(PBX);
    assert_eq!(outcome(&mut house), Err("no answer from 10.0.0.4:5060".to_owned()));
    house.run(s(10));
    assert!(house.panel().listens_for_accounts.is_empty(), "its socket is closed");
}

#[test]
fn calls_through_an_account_are_refreshed_as_it_is_set() {
    let timer = [
        ("account1.session_timer.active", "on"),
        ("account1.session_timer.expires", "90"),
        ("account1.session_timer.refresher", "uac"),
    ];
    let mut house = House::with_servers(&with(&timer));
    dial(&mut house, "102", AccountChoice::Auto).expect("dialled");
    house.run(ms(20));
    assert!(house.last(PANEL, "INVITE ").contains("Session-Expires: 90;refresher=uac\r\n"));
    let now = house.now;
    house.pbx(PBX).phone.alert(now, false);
    house.pbx(PBX).phone.accept(now);
    house.run(s(140));
    assert_eq!(house.count_to(PBX, "UPDATE"), 3);
    assert_eq!(house.call(PANEL).state, CallState::Confirmed);
    assert_eq!(house.call(PANEL).session_timer, Some(SessionTimerView { expires_s: 90, by_us: true }));
    // The next call goes by what is set now; the registration is left alone.
    let registers = house.pbx(PBX).registers();
    house.set("account1.session_timer.refresher", "uas");
    house.set("account1.session_timer.expires", "120");
    assert_eq!(house.pbx(PBX).registers(), registers);
    house.must(PANEL, Command::End(None));
    house.run(s(1));
    dial(&mut house, "102", AccountChoice::Auto).expect("dialled");
    house.run(ms(20));
    assert!(house.last(PANEL, "INVITE ").contains("Session-Expires: 120;refresher=uas\r\n"));
    house.set("account1.session_timer.active", "off");
    house.must(PANEL, Command::End(None));
    house.run(s(1));
    dial(&mut house, "102", AccountChoice::Auto).expect("dialled");
    house.run(ms(20));
    assert!(!house.last(PANEL, "INVITE ").contains("Session-Expires"));
}

#[test]
fn a_call_whose_other_end_has_vanished_ends_by_itself() {
    let timer = [("account1.session_timer.active", "on"), ("account1.session_timer.expires", "90")];
    let mut house = House::with_servers(&with(&timer));
    let now = house.now;
    house.pbx(PBX).ring(now, "101");
    house.run(ms(20));
    house.must(PANEL, Command::Answer(None));
    house.run(s(100));
    assert_eq!(house.call(PANEL).state, CallState::Confirmed, "it is refreshed");
    house.loss = 1.0;
    house.run(s(90));
    assert_eq!(house.panel().last_view().end_reason, Some(EndReason::Lost));
}
