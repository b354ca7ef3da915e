//! Registration against a registrar on the simulated network.

use std::time::Duration;

use crate::sip::message::{Method, Request, Uri};
use crate::sip::registration::{Register, RegistrationEvent};
use crate::sip::testing::demand::{PASSWORD, param};
use crate::sip::testing::{ACCOUNT, CALLER, Demand, World, credentials, ms};

const DEVICE: &str = "urn:uuid:3f7d6f4a-1b1e-4c55-9f1b-6a4f2f0f9b01";

fn secs(span: u64) -> Duration {
    Duration::from_secs(span)
}

/// A phone and a registrar that wants a password.
fn home() -> World {
    let mut world = World::new(5, 0.0);
    world.at(CALLER).set_credentials(ACCOUNT, Some(credentials(PASSWORD)));
    world.add_registrar().gate.demands = vec![Demand::new("home.example", false)];
    world
}

/// The REGISTERs that a registrar has heard.
fn heard(world: &World, registrar: usize) -> Vec<&Request> {
    let heard = world.registrars[registrar].heard.iter().map(|(_, request)| request);
    heard.filter(|request| *request.method() == Method::Register).collect()
}

fn expires(event: RegistrationEvent) -> u64 {
    match event {
        RegistrationEvent::Registered { expires, .. } => expires.as_secs(),
        other => panic!("not registered: {other:?}"),
    }
}

fn is_quiet(world: &mut World) -> bool {
    world.run(ms(1));
    world.phones[CALLER].registrations.is_empty()
}

#[test]
fn a_binding_is_made_with_the_password_and_refreshed_in_time() {
    let mut world = home();
    let order = world.order(0);
    world.register(order);
    world.run(ms(200));
    assert_eq!(expires(world.registration()), 600);
    assert_eq!(heard(&world, 0).len(), 2);
    for _ in 0..72 {
        world.run(secs(100));
        let now = world.now;
        assert_eq!(world.registrars[0].bound(now).len(), 1, "never without a binding");
    }
    let requests = heard(&world, 0);
    let refreshes = requests.len() - 2;
    // 7,200 s by refreshes after 486 to 540 s.
    assert!((13..=15).contains(&refreshes), "{refreshes}");
    for two in requests.windows(2) {
        assert_eq!(two[0].call_id(), two[1].call_id());
        assert_eq!(two[0].from().tag(), two[1].from().tag());
        assert_eq!(two[0].cseq().0 + 1, two[1].cseq().0);
    }
    let first = requests[0];
    assert_eq!(first.uri().to_string(), "sip:home.example");
    assert_eq!((first.to().to_string(), first.header("Expires")), ("<sip:501@home.example>".to_owned(), Some("600")));
    assert_eq!(first.header("Supported"), Some("path"));
    let counts = requests.iter().filter_map(|request| request.header("Authorization")).map(|value| param(value, "nc"));
    let counts: Vec<String> = counts.collect();
    assert_eq!((counts[0].as_str(), counts[9].as_str()), ("00000001", "0000000a"), "no challenge again");
}

#[test]
fn a_wrong_password_is_told_and_not_tried_again() {
    let mut world = home();
    world.at(CALLER).set_credentials(ACCOUNT, Some(credentials("wrong")));
    let order = world.order(0);
    let registration = world.register(order);
    world.run(secs(3600));
    let RegistrationEvent::Refused { status, phrase, tried_password, stale: false, realm, retry_after, min_expires } =
        world.registration()
    else {
        panic!("not refused");
    };
    assert_eq!((status, phrase.as_str(), tried_password), (401, "Unauthorized", true));
    assert_eq!((retry_after, min_expires), (None, None));
    assert!(realm.is_some_and(|realm| !realm.is_empty()));
    assert_eq!(heard(&world, 0).len(), 2);
    assert!(world.at(CALLER).is_password_refused(ACCOUNT) && is_quiet(&mut world));
    // Put right by a person.
    world.at(CALLER).set_credentials(ACCOUNT, Some(credentials(PASSWORD)));
    let now = world.now;
    world.at(CALLER).refresh_now(now, registration);
    world.run(ms(200));
    assert_eq!(expires(world.registration()), 600);
    assert!(!world.at(CALLER).is_password_refused(ACCOUNT));
}

#[test]
fn a_challenge_without_a_password_is_no_wrong_password() {
    let mut world = home();
    world.at(CALLER).set_credentials(ACCOUNT, None);
    let order = world.order(0);
    world.register(order);
    world.run(secs(60));
    let event = world.registration();
    assert!(matches!(event, RegistrationEvent::Refused { status: 401, tried_password: false, .. }), "{event:?}");
}

#[test]
fn stale_nonces_two_realms_and_a_registrar_that_forgets_are_no_obstacle() {
    for says_stale in [true, false] {
        let mut world = home();
        world.registrars[0].gate.demands = vec![
            Demand { uses: 1, says_stale, qop: "auth-int", algorithm: "SHA-256", ..Demand::new("home.example", false) },
            Demand { uses: 2, says_stale, ..Demand::new("proxy.example", true) },
        ];
        let order = world.order(0);
        let registration = world.register(order);
        for _ in 0..5 {
            world.run(ms(200));
            assert_eq!(expires(world.registration()), 600);
            let now = world.now;
            world.at(CALLER).refresh_now(now, registration);
        }
        assert_eq!(heard(&world, 0).len(), 10, "one challenge each time, however many realms it names");
    }
}

#[test]
fn a_registrar_to_which_each_answer_is_too_old_does_not_call_the_password_wrong() {
    let mut world = home();
    let challenge = "Digest realm=\"home.example\", nonce=\"1\", stale=true".to_owned();
    world.registrars[0].refuses = Some((401, vec![("WWW-Authenticate", challenge)]));
    let order = world.order(0);
    world.register(order);
    world.run(secs(600));
    let event = world.registration();
    assert!(
        matches!(event, RegistrationEvent::Refused { status: 401, tried_password: true, stale: true, .. }),
        "{event:?}"
    );
    assert!(heard(&world, 0).len() <= 4 && is_quiet(&mut world));
}

#[test]
fn a_shorter_time_is_obeyed_and_that_of_the_contact_comes_first() {
    let mut world = home();
    world.registrars[0].most = 90;
    world.registrars[0].adds = vec![("Expires", "3000".to_owned())];
    let order = world.order(0);
    world.register(order);
    world.run(ms(200));
    assert_eq!(expires(world.registration()), 90);
    for _ in 0..60 {
        world.run(secs(10));
        let now = world.now;
        assert_eq!(world.registrars[0].bound(now).len(), 1);
    }
}

#[test]
fn too_short_a_time_is_raised_once_and_then_told() {
    let mut world = home();
    world.registrars[0].least = 1800;
    let order = world.order(0);
    let registration = world.register(order);
    world.run(ms(200));
    assert_eq!(expires(world.registration()), 1800);
    let raised = heard(&world, 0).last().map(|request| request.header("Expires").map(str::to_owned));
    assert_eq!(raised, Some(Some("1800".to_owned())));
    // What was raised is asked for from then on.
    let now = world.now;
    world.at(CALLER).refresh_now(now, registration);
    world.run(ms(200));
    assert_eq!(expires(world.registration()), 1800);
    let before = heard(&world, 0).len();
    // A registrar that is never content.
    world.registrars[0].refuses = Some((423, vec![("Min-Expires", "9000".to_owned())]));
    let now = world.now;
    world.at(CALLER).refresh_now(now, registration);
    world.run(secs(600));
    let event = world.registration();
    let least = Some(secs(9000));
    assert!(
        matches!(event, RegistrationEvent::Refused { status: 423, min_expires, .. } if min_expires == least),
        "{event:?}"
    );
    assert_eq!(heard(&world, 0).len(), before + 2);
    assert!(is_quiet(&mut world));
}

#[test]
fn others_are_counted_and_our_own_is_known_however_it_is_spelt() {
    let mut world = home();
    let until = world.now + secs(10_000);
    world.registrars[0].bindings = vec![
        ("<sip:501@192.0.2.77:5060>;q=0.7".to_owned(), until),
        ("\"Kitchen\" <sip:kitchen@192.0.2.78>;+sip.instance=\"<urn:uuid:1>\"".to_owned(), until),
    ];
    let order = world.order(0);
    let registration = world.register(order);
    world.run(ms(200));
    let event = world.registration();
    assert!(matches!(event, RegistrationEvent::Registered { others: 2, .. }), "{event:?}");
    // The registrar writes ours anew, in another order, with more in it.
    let ours = world.registrars[0].bindings.pop().expect("ours").1;
    world.registrars[0].bindings.insert(0, ("<sip:501@192.0.2.1;x=1>;received=\"sip:1.2.3.4\";q=1".to_owned(), ours));
    let now = world.now;
    world.at(CALLER).query(now, registration);
    world.run(ms(200));
    assert_eq!(world.registration(), RegistrationEvent::Present);
    // And then forgets it, but not the others.
    world.registrars[0].bindings.remove(0);
    let now = world.now;
    world.at(CALLER).query(now, registration);
    world.run(ms(200));
    assert_eq!(world.registration(), RegistrationEvent::Missing);
    let query = heard(&world, 0).pop().expect("a query");
    assert_eq!((query.header("Contact"), query.header("Expires")), (None, None));
    let now = world.now;
    assert_eq!(world.registrars[0].bound(now).len(), 2, "a query registers nothing");
}

#[test]
fn a_rewritten_contact_is_recognised_later_too() {
    let mut world = home();
    let order = world.order(0);
    let registration = world.register(order);
    world.registrars[0].gate.demands.clear();
    // Something on the way writes another address into our Contact, and does not undo that in the answer.
    world.registrars[0].refuses = Some((200, vec![("Contact", "<sip:501@198.51.100.1:31337>;expires=300".to_owned())]));
    world.run(ms(200));
    assert_eq!(expires(world.registration()), 300);
    let now = world.now;
    world.at(CALLER).query(now, registration);
    world.run(ms(200));
    assert_eq!(world.registration(), RegistrationEvent::Present);
}

#[test]
fn a_registrar_that_lists_nothing_is_believed() {
    let mut world = home();
    world.registrars[0].refuses = Some((200, vec![("Expires", "120".to_owned())]));
    let order = world.order(0);
    world.register(order);
    world.run(ms(200));
    assert_eq!(expires(world.registration()), 120);
}

#[test]
fn a_contact_that_something_on_the_way_writes_anew_is_ours_while_it_may_be() {
    let rewritten = "<sip:4711-x7@10.0.0.1:5060;ob>;expires=120";
    let other_device = "<sip:flat@1.2.3.4>;+sip.instance=\"<urn:uuid:1>\";expires=99";
    let cases = [
        (vec![("Contact", rewritten)], 120, 0),
        (vec![("Contact", "<sip:4711-x7@10.0.0.1>"), ("Expires", "90")], 90, 0),
        (vec![("Contact", "<sip:4711-x7@10.0.0.1>;expires=soon")], 600, 0),
        (vec![("Contact", other_device), ("Contact", rewritten)], 120, 1),
        // Which of two is ours nobody says, but how long ours lasts is said.
        (vec![("Contact", rewritten), ("Contact", "<sip:502@10.0.0.1>;expires=9"), ("Expires", "300")], 300, 1),
    ];
    for (lines, lasts, others) in cases {
        let mut world = home();
        let said = lines.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        world.registrars[0].refuses = Some((200, said));
        let mut order = world.order(0);
        order.instance = Some(DEVICE.to_owned());
        let registration = world.register(order);
        world.run(ms(200));
        let event = world.registration();
        assert!(
            matches!(event, RegistrationEvent::Registered { others: counted, .. } if counted == others),
            "{lines:?}: {event:?}"
        );
        assert_eq!(expires(event), lasts, "{lines:?}");
        if others == 0 {
            // From here on it is known.
            let now = world.now;
            world.at(CALLER).query(now, registration);
            world.run(ms(200));
            assert_eq!(world.registration(), RegistrationEvent::Present, "{lines:?}");
        }
        world.run(secs(lasts / 3));
        assert!(is_quiet(&mut world));
        assert!(heard(&world, 0).len() <= 2, "asked again only in its time");
    }
}

#[test]
fn an_answer_that_says_nowhere_that_we_are_bound_is_told_once_and_asked_for_no_more() {
    let cases = [
        vec![("Contact", "<sip:501@192.0.2.1>;expires=0")],
        vec![("Contact", "<sip:501@192.0.2.1>"), ("Expires", "0")],
        vec![("Expires", "0")],
        vec![("Contact", "*")],
        vec![("Contact", "<sip:501@1.2.3.4>;+sip.instance=\"<urn:uuid:1>\";expires=99")],
        vec![("Contact", "<sip:502@1.2.3.4>;expires=99"), ("Contact", "<sip:503@1.2.3.4>;expires=99")],
    ];
    for lines in cases {
        let mut world = home();
        let order = world.order(0);
        let order = Register { instance: Some(DEVICE.to_owned()), ..order };
        let registration = world.register(order);
        world.run(ms(200));
        assert_eq!(expires(world.registration()), 600);
        let before = heard(&world, 0).len();
        let said = lines.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        world.registrars[0].refuses = Some((200, said));
        let now = world.now;
        world.at(CALLER).refresh_now(now, registration);
        world.run(secs(3600));
        assert_eq!(world.registration(), RegistrationEvent::Unlisted, "{lines:?}");
        assert!(is_quiet(&mut world), "{lines:?}");
        assert_eq!(heard(&world, 0).len(), before + 1, "{lines:?}");
    }
}

#[test]
fn a_registrar_that_is_away_is_given_up_when_patience_ends() {
    let mut world = home();
    world.registrars[0].silent = true;
    let order = world.order(0);
    let registration = world.register(order);
    world.run(ms(3_999));
    assert!(world.phones[CALLER].registrations.is_empty());
    world.run(ms(2));
    assert_eq!(world.registration(), RegistrationEvent::TimedOut);
    let sent = world.count(CALLER, "REGISTER");
    assert_eq!(sent, 4, "at 0, 0.5, 1.5 and 3.5 s");
    world.run(secs(120));
    assert_eq!(world.count(CALLER, "REGISTER"), sent, "it is not repeated any longer");
    assert_eq!(world.at(CALLER).transactions(), 0);
    world.registrars[0].silent = false;
    let now = world.now;
    world.at(CALLER).refresh_now(now, registration);
    world.run(ms(200));
    assert_eq!(expires(world.registration()), 600);
}

#[test]
fn patience_ends_with_the_transaction_when_that_is_asked_for() {
    let mut world = home();
    world.registrars[0].silent = true;
    let mut order = world.order(0);
    order.patience = secs(60);
    world.register(order);
    world.run(ms(31_900));
    assert!(world.phones[CALLER].registrations.is_empty());
    world.run(ms(200));
    assert_eq!(world.registration(), RegistrationEvent::TimedOut);
}

#[test]
fn an_answer_that_is_lost_comes_with_the_repetition() {
    let mut world = home();
    let order = world.order(0);
    world.loss = 1.0;
    world.register(order);
    world.run(ms(1_000));
    world.loss = 0.0;
    world.run(ms(1_000));
    assert_eq!(expires(world.registration()), 600);
}

#[test]
fn unregistering_takes_the_binding_away_and_ends_the_refreshes() {
    let mut world = home();
    let order = world.order(0);
    let registration = world.register(order);
    world.run(ms(200));
    world.registration();
    let now = world.now;
    world.at(CALLER).unregister(now, registration);
    world.run(ms(200));
    assert_eq!(world.registration(), RegistrationEvent::Unregistered);
    let now = world.now;
    assert!(world.registrars[0].bound(now).is_empty());
    let last = heard(&world, 0).pop().expect("a request");
    assert_eq!(last.header("Expires"), Some("0"));
    let sent = world.count(CALLER, "REGISTER");
    world.run(secs(7200));
    assert_eq!(world.count(CALLER, "REGISTER"), sent);
    assert!(is_quiet(&mut world));
}

#[test]
fn unregistering_overtakes_a_registration_under_way() {
    let mut world = home();
    world.registrars[0].gate.demands.clear();
    let order = world.order(0);
    let registration = world.register(order);
    let now = world.now;
    world.at(CALLER).unregister(now, registration);
    world.run(secs(60));
    assert_eq!(world.registration(), RegistrationEvent::Unregistered);
    assert!(is_quiet(&mut world));
}

#[test]
fn another_way_goes_on_with_the_same_numbers_and_takes_the_old_contact_away() {
    let mut world = home();
    world.add_registrar();
    let (first, second) = (world.order(0), world.order(1));
    let registration = world.register(first);
    world.run(ms(200));
    world.registration();
    let contact = Uri::parse("sip:501@192.0.2.1:5062").expect("a URI");
    let route = vec!["<sip:192.0.2.101;lr>".to_owned()];
    let now = world.now;
    world.at(CALLER).reroute(now, registration, second.way, contact.clone(), route.clone());
    world.run(ms(200));
    assert_eq!(expires(world.registration()), 600);
    let (before, after) = (heard(&world, 0), heard(&world, 1));
    assert_eq!(before[1].call_id(), after[0].call_id());
    assert_eq!(before[1].cseq().0 + 1, after[0].cseq().0);
    let contacts: Vec<&str> = after[0].headers("Contact").collect();
    assert_eq!(contacts, ["<sip:501@192.0.2.1:5062>", "<sip:501@192.0.2.1:5060>;expires=0"]);
    assert_eq!(after[0].headers("Route").collect::<Vec<_>>(), ["<sip:192.0.2.101;lr>"]);
    assert_eq!(after[0].header("Authorization"), None, "the answer to another");
    // Back, with the same contact: nothing is to be taken away.
    let (now, way) = (world.now, world.order(0).way);
    world.at(CALLER).reroute(now, registration, way, contact, Vec::new());
    world.run(ms(200));
    assert_eq!(expires(world.registration()), 600);
    let last = heard(&world, 0).pop().expect("a request");
    assert_eq!((last.headers("Contact").count(), last.headers("Route").count()), (1, 0));
}

#[test]
fn a_way_that_does_not_answer_is_left_at_once() {
    let mut world = home();
    world.add_registrar();
    world.registrars[0].silent = true;
    let (first, second) = (world.order(0), world.order(1));
    let registration = world.register(first);
    world.run(secs(1));
    let now = world.now;
    world.at(CALLER).reroute(now, registration, second.way, second.contact, Vec::new());
    world.run(secs(20));
    assert_eq!(expires(world.registration()), 600);
    assert!(is_quiet(&mut world), "of the first way nothing is told");
    assert_eq!(world.count(CALLER, "REGISTER"), 3, "twice to the first, once to the second");
}

#[test]
fn a_knock_is_sent_once_and_answered_like_any_other() {
    let mut world = home();
    world.registrars[0].silent = true;
    let order = world.order(0);
    let registration = world.register(order.clone());
    world.run(secs(5));
    assert_eq!(world.registration(), RegistrationEvent::TimedOut);
    let sent = world.count(CALLER, "REGISTER");
    let now = world.now;
    world.at(CALLER).knock(now, registration, order.way, order.contact.clone(), Vec::new());
    world.run(secs(60));
    assert_eq!(world.registration(), RegistrationEvent::TimedOut);
    assert_eq!(world.count(CALLER, "REGISTER"), sent + 1);
    assert!(is_quiet(&mut world));
    world.registrars[0].silent = false;
    let now = world.now;
    world.at(CALLER).knock(now, registration, order.way, order.contact, Vec::new());
    world.run(ms(200));
    assert_eq!(expires(world.registration()), 600, "the challenge to it is answered");
}

#[test]
fn whoever_only_asks_binds_nothing() {
    for bound in [false, true] {
        let mut world = home();
        let order = world.order(0);
        if bound {
            let until = world.now + secs(100);
            world.registrars[0].bindings.push((format!("<{}>", order.contact), until));
        }
        let now = world.now;
        let asked = world.at(CALLER).ask_registrar(now, order);
        world.run(secs(3600));
        let expected = if bound { RegistrationEvent::Present } else { RegistrationEvent::Missing };
        assert_eq!(world.registration(), expected);
        assert!(is_quiet(&mut world));
        assert_eq!(heard(&world, 0).len(), 2);
        assert!(heard(&world, 0).iter().all(|request| request.header("Contact").is_none()));
        let now = world.now;
        world.at(CALLER).forget(now, asked);
        assert_eq!(world.at(CALLER).registrations(), 0);
    }
}

#[test]
fn never_two_at_a_time() {
    let mut world = home();
    let order = world.order(0);
    let registration = world.register(order);
    for _ in 0..3 {
        let now = world.now;
        world.at(CALLER).refresh_now(now, registration);
        world.at(CALLER).query(now, registration);
    }
    world.run(secs(10));
    assert_eq!(expires(world.registration()), 600);
    assert!(is_quiet(&mut world));
    assert_eq!(heard(&world, 0).len(), 2);
}

#[test]
fn what_the_registrar_says_of_the_account_is_told() {
    let mut world = home();
    let mut order = world.order(0);
    order.instance = Some(DEVICE.to_owned());
    world.registrars[0].adds = vec![
        ("Service-Route", "<sip:p1.example;lr>, <sip:p2.example;lr>".to_owned()),
        ("Service-Route", "<sip:p3.example;lr>".to_owned()),
        ("Path", "<sip:edge.example;lr;ob>".to_owned()),
    ];
    world.register(order);
    world.run(ms(200));
    let RegistrationEvent::Registered { service_route, gruu, .. } = world.registration() else { panic!() };
    assert_eq!(service_route, ["<sip:p1.example;lr>", "<sip:p2.example;lr>", "<sip:p3.example;lr>"]);
    assert_eq!(gruu, None);
    let first = heard(&world, 0)[0];
    assert_eq!(
        first.header("Contact"),
        Some(format!("<sip:501@192.0.2.1:5060>;+sip.instance=\"<{DEVICE}>\";reg-id=1").as_str())
    );
    assert_eq!(first.headers("Supported").collect::<Vec<_>>(), ["path", "outbound", "gruu"]);
}

#[test]
fn a_gruu_is_told() {
    let mut world = home();
    let mut order = world.order(0);
    order.instance = Some(DEVICE.to_owned());
    let contact = format!(
        "<sip:501@192.0.2.1>;reg-id=1;+sip.instance=\"<{}>\";pub-gruu=\"sip:501@home.example;gr={DEVICE}\";expires=99",
        DEVICE.to_uppercase()
    );
    world.registrars[0].refuses = Some((200, vec![("Contact", contact)]));
    world.register(order);
    world.run(ms(200));
    let RegistrationEvent::Registered { gruu: Some(gruu), expires, .. } = world.registration() else { panic!() };
    assert_eq!((gruu.to_string(), expires.as_secs()), (format!("sip:501@home.example;gr={DEVICE}"), 99));
}

#[test]
fn refusals_say_what_is_needed_to_go_on() {
    let mut world = home();
    world.registrars[0].refuses = Some((503, vec![("Retry-After", "17 (tea)".to_owned())]));
    let order = world.order(0);
    let registration = world.register(order);
    world.run(secs(600));
    let event = world.registration();
    let wait = Some(secs(17));
    assert!(
        matches!(event, RegistrationEvent::Refused { status: 503, retry_after, .. } if retry_after == wait),
        "{event:?}"
    );
    assert_eq!(heard(&world, 0).len(), 1, "nothing is tried again by itself");
    let contacts = "<sip:old.example>;q=0.2, <sip:new.example:5070>";
    world.registrars[0].refuses = Some((302, vec![("Contact", contacts.to_owned())]));
    let now = world.now;
    world.at(CALLER).refresh_now(now, registration);
    world.run(secs(600));
    let RegistrationEvent::Moved { status: 302, contacts } = world.registration() else { panic!() };
    assert_eq!(contacts.iter().map(Uri::to_string).collect::<Vec<_>>(), ["sip:new.example:5070", "sip:old.example"]);
    world.registrars[0].refuses = Some((301, Vec::new()));
    let now = world.now;
    world.at(CALLER).refresh_now(now, registration);
    world.run(secs(600));
    assert!(matches!(world.registration(), RegistrationEvent::Refused { status: 301, .. }));
}

#[test]
fn what_is_forgotten_tells_nothing_more() {
    let mut world = home();
    let order = world.order(0);
    let registration = world.register(order);
    world.run(ms(5));
    let now = world.now;
    world.at(CALLER).forget(now, registration);
    world.run(secs(7200));
    assert!(is_quiet(&mut world));
    world.assert_empty();
}

#[test]
fn a_query_that_fails_leaves_the_refreshes_alone() {
    let mut world = home();
    let order = world.order(0);
    let registration = world.register(order);
    world.run(ms(200));
    world.registration();
    world.registrars[0].silent = true;
    let now = world.now;
    world.at(CALLER).query(now, registration);
    world.run(secs(10));
    assert_eq!(world.registration(), RegistrationEvent::TimedOut);
    world.registrars[0].silent = false;
    world.run(secs(600));
    assert_eq!(expires(world.registration()), 600);
}

#[test]
fn a_registration_gets_through_a_network_that_loses() {
    for seed in 0..200 {
        let mut world = home();
        world.loss = [0.1, 0.2, 0.3][(seed % 3) as usize];
        world.duplication = 0.2;
        world.random_seed(seed);
        let mut order = world.order(0);
        order.patience = secs(40);
        order.expires = secs(120);
        let registration = world.register(order);
        let mut failures = 0;
        for _ in 0..30 {
            world.run(secs(20));
            for event in std::mem::take(&mut world.phones[CALLER].registrations) {
                match event {
                    RegistrationEvent::Registered { expires, .. } => assert!(expires <= secs(120)),
                    RegistrationEvent::TimedOut => {
                        failures += 1;
                        let now = world.now;
                        world.at(CALLER).refresh_now(now, registration);
                    }
                    other => panic!("seed {seed}: {other:?}"),
                }
            }
        }
        assert!(failures <= 1, "seed {seed}: {failures} failures");
        world.loss = 0.0;
        let now = world.now;
        world.at(CALLER).unregister(now, registration);
        world.run(secs(60));
        assert_eq!(world.phones[CALLER].registrations.pop(), Some(RegistrationEvent::Unregistered), "seed {seed}");
        let now = world.now;
        world.at(CALLER).forget(now, registration);
        world.run(secs(60));
        world.assert_empty();
    }
}
