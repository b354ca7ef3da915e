//! Do not disturb and real registrars: the codes arrive there as calls, what comes of them is on the screen, and one account
//! is quiet while the other rings.

use serde_json::{Value, json};

use crate::real_panel::Panel;
use crate::rigs::Transport;
use crate::rigs::accounts::{AccountSettings, set, wait_until_registered};
use crate::rigs::baresip::{Account, Baresip, Role};
use crate::rigs::kamailio::{Kamailio, Setup};

const FLAT: (&str, &str) = ("101", "fl4T-1");
const DOOR: (&str, &str) = ("201", "d00R-2");
/// The telephones that take the codes: in a real PBX, the program behind them.
const ON: (&str, &str) = ("78", "c0dE-on");
const OFF: (&str, &str) = ("79", "c0dE-off");

/// Takes calls with sound alone, by itself.
const ANNOUNCEMENT: Role = Role { user: "", codecs: &["g711"], camera: false, answers: true, traced: false };

fn registrar() -> Kamailio {
    Kamailio::start(&Setup::registrar(&[FLAT, DOOR, ON, OFF]))
}

fn settings(number: u8, kamailio: &Kamailio) -> AccountSettings {
    AccountSettings::new(number, FLAT.0, FLAT.1, &kamailio.host_port(Transport::Udp), Transport::Udp)
}

/// A telephone that is registered under this name.
fn telephone(role: Role, kamailio: &Kamailio, who: (&str, &str)) -> Baresip {
    let registrar = kamailio.host_port(Transport::Udp);
    let telephone = Baresip::start_registered(role, Transport::Udp, &Account::new(&registrar, who.0, who.1));
    kamailio.wait_for_bindings(who.0, |bindings| bindings.len() == 1);
    telephone
}

/// Waits until the server of an account has been told, or not, and gives what `status` says of it.
fn wait_for_server(panel: &Panel, account: usize, code: &str, state: &str) -> Value {
    let what = format!("{code} on the server of account {account} is {state}");
    let status = panel.wait(&what, |status| {
        let server = &status["dnd_servers"][account - 1];
        server["code"] == code && server["state"] == state
    });
    status["dnd_servers"][account - 1].clone()
}

fn press(panel: &Panel, label: &str) {
    let answer = panel.ask(&json!({"do": "press", "label": label}));
    assert_eq!(answer["ok"], true, "{label}: {answer}");
}

/// The code came as a call of the flat, lasts for a moment, and is hung up by the panel.
fn expect_call_of_flat(telephone: &mut Baresip) {
    let taken = telephone.event("CALL_ESTABLISHED");
    assert!(taken["peeruri"].as_str().is_some_and(|uri| uri.contains("sip:101@")), "{taken}");
    telephone.closed();
}

#[test]
fn the_codes_arrive_as_calls_and_what_came_of_them_is_on_the_screen() {
    let kamailio = registrar();
    let mut on = telephone(ANNOUNCEMENT, &kamailio, ON);
    let mut off = telephone(ANNOUNCEMENT, &kamailio, OFF);
    let panel = Panel::start_offscreen(&settings(1, &kamailio).to_string());
    wait_until_registered(&panel, 1);

    press(&panel, "Do not disturb");
    press(&panel, "Silent");
    assert_eq!(wait_for_server(&panel, 1, "78", "done")["reason"], Value::Null);
    assert_eq!(panel.status()["dnd"], "silent");
    press(&panel, "Account 1, server: done");
    expect_call_of_flat(&mut on);
    press(&panel, "Off");
    wait_for_server(&panel, 1, "79", "done");
    assert_eq!(panel.status()["dnd"], "off");
    expect_call_of_flat(&mut off);
    assert_eq!(panel.status()["calls"], json!([]), "no call of the panel's");

    // A server that knows no such number, and one that is busy.
    set(&panel, "phone.dnd.on_code", "*77");
    press(&panel, "Reject");
    let failed = wait_for_server(&panel, 1, "*77", "failed");
    assert_eq!(failed["reason"], "404 not found there");
    press(&panel, "Account 1, server: failed (404: Nobody of that name or number there)");
    kamailio.refuse("INVITE", "486 Busy Here", None);
    press(&panel, "Off");
    assert_eq!(wait_for_server(&panel, 1, "79", "failed")["reason"], "486 busy");
    press(&panel, "Account 1, server: failed (486: Busy)");
    let status = panel.status();
    assert_eq!((&status["dnd"], &status["screen"]), (&json!("off"), &json!("home")), "here it stands all the same");
    press(&panel, "Close");
    press(&panel, "Settings");
    press(&panel, "Server of Account 1");
}

#[test]
fn one_account_is_quiet_and_the_other_rings() {
    let kamailios = [registrar(), registrar()];
    let mut doors = [telephone(Role::DOOR, &kamailios[0], DOOR), telephone(Role::DOOR, &kamailios[1], DOOR)];
    let mut on = telephone(ANNOUNCEMENT, &kamailios[0], ON);
    let lines = [settings(1, &kamailios[0]).to_string(), settings(2, &kamailios[1]).to_string()].concat();
    let panel = Panel::start(&lines);
    for number in [1, 2] {
        wait_until_registered(&panel, number);
    }
    set(&panel, "phone.dnd.accounts", "1");
    let before = kamailios[1].count("INVITE");
    assert!(panel.ctl(&["dnd", "reject", "--for", "90"]).status.success());
    wait_for_server(&panel, 1, "78", "done");
    expect_call_of_flat(&mut on);
    let status = panel.status();
    assert!(status["dnd_until"].is_string(), "{status}");
    assert_eq!(status["dnd_servers"][1]["state"], "none");
    assert_eq!(kamailios[1].count("INVITE"), before, "the other server is told nothing");

    for (code, words) in [("480", "480 Temporarily Unavailable"), ("603", "603 Decline")] {
        set(&panel, "phone.dnd.return_code", code);
        doors[0].order("dial", &format!("sip:{}@{}", FLAT.0, kamailios[0].host_port(Transport::Udp)));
        assert_eq!(doors[0].closed(), words);
    }
    assert_eq!(panel.status()["calls"], json!([]));
    doors[1].order("dial", &format!("sip:{}@{}", FLAT.0, kamailios[1].host_port(Transport::Udp)));
    let status = panel.wait("the other account rings", |status| status["calls"][0]["direction"] == "in");
    assert_eq!((&status["calls"][0]["account"], &status["calls"][0]["silent"]), (&json!(2), &json!(false)));
    doors[1].order("hangup", "");
    doors[1].closed();
}
