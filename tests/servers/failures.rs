//! Each way in which an account fails has its own words in the status, and its own next try: soon where it passes by
//! itself, seldom where a person must put it right.

use std::time::Duration;

use serde_json::Value;

use crate::real_panel::{Panel, poll};
use crate::rigs::Transport;
use crate::rigs::accounts::{AccountSettings, account, set, wait_for_reason, wait_until_registered, within};
use crate::rigs::digest::Challenge;
use crate::rigs::kamailio::{Kamailio, Setup};
use crate::rigs::process::quiet_port;
use crate::rigs::scripted::{Answer, Scripted};

const FLAT: (&str, &str) = ("101", "fl4T-1");
/// The Retry Interval as it is at first, in seconds.
const RETRY_INTERVAL: i64 = 4;
/// How soon a panel is registered again after what was wrong has passed.
const BACK: Duration = Duration::from_secs(5);

fn kamailio() -> Kamailio {
    Kamailio::start(&Setup::registrar(&[FLAT]))
}

fn settings(registrar: &str, transport: Transport) -> AccountSettings {
    AccountSettings::new(1, FLAT.0, FLAT.1, registrar, transport)
}

fn panel_at(registrar: &str, transport: Transport) -> Panel {
    Panel::start(&settings(registrar, transport).to_string())
}

/// It is tried again within the Retry Interval.
fn assert_soon(account: &Value) {
    let next = account["next_try_s"].as_i64();
    assert!(next.is_some_and(|next| (0..=RETRY_INTERVAL).contains(&next)), "{account}");
}

/// It is tried again after the better part of a minute at the earliest: nothing gets better by itself.
fn assert_seldom(account: &Value) {
    assert!(account["next_try_s"].as_i64().is_some_and(|next| next >= 20), "{account}");
}

fn is_registered_within(limit: Duration, panel: &Panel) {
    within(limit, "the panel registers", || (account(panel, 1)["state"] == "registered").then_some(()));
}

#[test]
fn a_wrong_password_is_called_so_tried_seldom_and_put_right_at_once() {
    let kamailio = kamailio();
    let host = kamailio.host_port(Transport::Udp);
    let panel = Panel::start(&settings(&host, Transport::Udp).with("basic.password", "wr0ng").to_string());
    let failed = wait_for_reason(&panel, 1, "401 wrong user name or password");
    assert_seldom(&failed);
    assert_eq!(
        kamailio.count("REGISTER"),
        2,
        "a challenge and a wrong proof, no more: who guesses is locked out elsewhere"
    );
    set(&panel, "account1.basic.password", FLAT.1);
    is_registered_within(Duration::from_secs(2), &panel);
}

#[test]
fn a_wrong_user_name_is_called_so() {
    let kamailio = kamailio();
    let one = settings(&kamailio.host_port(Transport::Tcp), Transport::Tcp).with("basic.user_name", "somebody");
    let panel = Panel::start(&one.to_string());
    assert_seldom(&wait_for_reason(&panel, 1, "401 wrong user name or password"));
}

#[test]
fn an_unknown_register_name_is_called_so() {
    let kamailio = kamailio();
    let one = settings(&kamailio.host_port(Transport::Udp), Transport::Udp).with("basic.register_name", "999");
    let panel = Panel::start(&one.to_string());
    assert_seldom(&wait_for_reason(&panel, 1, "404 the server does not know this Register Name"));
    assert_eq!(kamailio.count("REGISTER"), 1);
}

/// The registrar asks for one realm and checks for another, as one does that has been set up wrongly.
#[test]
fn a_wrong_realm_is_named_and_does_not_end_in_a_circle() {
    let kamailio = kamailio();
    kamailio.set_realm("elsewhere.test", "vestibule.test");
    let panel = panel_at(&kamailio.host_port(Transport::Udp), Transport::Udp);
    assert_seldom(&wait_for_reason(&panel, 1, "401 wrong user name or password for the realm elsewhere.test"));
    assert!(kamailio.count("REGISTER") <= 3, "{}", kamailio.log());
}

#[test]
fn a_registrar_that_is_busy_for_a_while_is_asked_again_soon() {
    let kamailio = kamailio();
    kamailio.refuse("REGISTER", "503 Service Unavailable", None);
    let panel = panel_at(&kamailio.host_port(Transport::Udp), Transport::Udp);
    assert_soon(&wait_for_reason(&panel, 1, "503 the server is not available now"));
    // Two more tries fail, so that the pace does not slacken.
    let asked = kamailio.count("REGISTER");
    let again = poll(|| (kamailio.count("REGISTER") >= asked + 2).then_some(()));
    assert!(again.is_some(), "{}", kamailio.log());
    kamailio.serve("REGISTER");
    is_registered_within(BACK, &panel);
}

#[test]
fn a_registrar_that_says_how_long_it_is_busy_is_left_alone_for_so_long() {
    let kamailio = kamailio();
    kamailio.refuse("REGISTER", "503 Service Unavailable", Some("Retry-After: 40"));
    let panel = panel_at(&kamailio.host_port(Transport::Udp), Transport::Udp);
    let failed = wait_for_reason(&panel, 1, "503 the server is not available now");
    assert!(failed["next_try_s"].as_i64().is_some_and(|next| (35..=50).contains(&next)), "{failed}");
}

/// What one answer makes of the account, whoever gives it.
fn answered(answer: Answer, words: &str) -> Value {
    let scripted = Scripted::start(move |_| Some(answer.clone()));
    let panel = panel_at(&scripted.host_port(), Transport::Udp);
    wait_for_reason(&panel, 1, words)
}

#[test]
fn other_refusals_have_their_own_words() {
    assert_seldom(&answered(Answer::new(400, "Kaput"), "400 Kaput"));
    assert_seldom(&answered(Answer::new(403, "No"), "403 the server does not allow this account"));
    assert_seldom(&answered(Answer::new(423, "Interval Too Brief"), "423 the server refuses this Registration Period"));
    assert_seldom(&answered(Answer::new(606, "Not Acceptable"), "606 Not Acceptable"));
    assert_soon(&answered(Answer::new(500, "Oops"), "500 the server is not available now"));
    answered(Answer::new(302, "Moved"), "302 the server sends to another place");
}

#[test]
fn a_proof_that_is_not_known_is_called_so() {
    let strange = Challenge { algorithm: Some("SHA3-999"), ..Challenge::new("MD5") };
    assert_seldom(&answered(strange.answer(), "401 the server asks for a proof that this panel does not know"));
}

/// The registrar takes what it gets and says nothing; then it goes on.
fn silence(transport: Transport) {
    let kamailio = kamailio();
    kamailio.pause();
    let host = kamailio.host_port(transport);
    let panel = panel_at(&host, transport);
    assert_soon(&wait_for_reason(&panel, 1, &format!("no answer from {host}")));
    kamailio.resume();
    is_registered_within(BACK, &panel);
}

#[test]
fn a_registrar_that_takes_datagrams_and_says_nothing_is_called_so() {
    silence(Transport::Udp);
}

#[test]
fn a_registrar_that_accepts_connections_and_says_nothing_is_called_so() {
    silence(Transport::Tcp);
}

/// Nobody is there at first; then somebody is.
fn nobody(transport: Transport) {
    let port = quiet_port();
    let panel = panel_at(&format!("127.0.0.1:{port}"), transport);
    assert_soon(&wait_for_reason(&panel, 1, &format!("nobody listens at 127.0.0.1:{port}")));
    let _scripted = Scripted::start_on(port, |request| Some(Answer::registered(request, 300)));
    is_registered_within(BACK, &panel);
}

#[test]
fn where_nobody_listens_by_udp_the_status_says_so() {
    nobody(Transport::Udp);
}

#[test]
fn where_nobody_listens_by_tcp_the_status_says_so() {
    nobody(Transport::Tcp);
}

#[test]
fn what_is_not_set_is_named_and_nothing_is_tried() {
    let one = settings("127.0.0.1:5060", Transport::Udp).with("basic.server", "");
    let panel = Panel::start(&one.to_string());
    let failed = wait_for_reason(&panel, 1, "basic.server is not set");
    assert_eq!(failed["next_try_s"], Value::Null, "{failed}");
    let scripted = Scripted::start(|request| Some(Answer::registered(request, 300)));
    let nameless = settings(&scripted.host_port(), Transport::Udp).with("basic.register_name", "");
    let panel = Panel::start(&nameless.to_string());
    wait_for_reason(&panel, 1, "basic.register_name is not set");
    set(&panel, "account1.basic.register_name", FLAT.0);
    wait_until_registered(&panel, 1);
}

/// One account fails all the time; the other does not notice.
#[test]
fn an_account_that_fails_leaves_the_other_one_alone() {
    let kamailio = kamailio();
    let broken = settings(&format!("127.0.0.1:{}", quiet_port()), Transport::Tcp);
    let two = AccountSettings::new(2, FLAT.0, FLAT.1, &kamailio.host_port(Transport::Udp), Transport::Udp);
    let panel = Panel::start(&format!("{broken}{two}"));
    wait_until_registered(&panel, 2);
    wait_for_reason(&panel, 1, "nobody listens");
    assert_eq!(account(&panel, 2)["state"], "registered");
}
