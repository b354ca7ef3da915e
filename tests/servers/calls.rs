//! Calls through accounts: a door that is registered at the same registrar calls and is called, is seen, heard and let in;
//! and which account is taken.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::real_panel::Panel;
use crate::rigs::Transport;
use crate::rigs::accounts::{AccountSettings, account, wait_for_account, wait_until_registered, within};
use crate::rigs::baresip::{Account, Baresip, Role};
use crate::rigs::certificates::Authority;
use crate::rigs::flat::Flat;
use crate::rigs::kamailio::{Kamailio, ServerTls, Setup};
use crate::rigs::wav;

const FLAT: (&str, &str) = ("101", "fl4T-1");
const DOOR: (&str, &str) = ("201", "d00R-2");

/// A registrar of the flat and of the door.
fn registrar() -> Setup {
    Setup::registrar(&[FLAT, DOOR])
}

fn settings(number: u8, kamailio: &Kamailio, transport: Transport) -> AccountSettings {
    AccountSettings::new(number, FLAT.0, FLAT.1, &kamailio.host_port(transport), transport)
}

/// A door that is registered.
fn door(kamailio: &Kamailio, transport: Transport) -> Baresip {
    let registrar = kamailio.host_port(transport);
    let door = Baresip::start_registered(Role::DOOR, transport, &Account::new(&registrar, DOOR.0, DOOR.1));
    kamailio.wait_for_bindings(DOOR.0, |bindings| bindings.len() == 1);
    door
}

/// A visit through each of two accounts, which are registered at two registrars at once.
fn visits(transport: Transport) {
    let authority = Authority::new();
    let pair = authority.server(&["IP:127.0.0.1"]);
    let tls = ServerTls { pair, authority: authority.certificate(), wants_certificates: false };
    let setup = Setup { tls: (transport == Transport::Tls).then_some(tls), ..registrar() };
    let kamailios = [Kamailio::start(&setup), Kamailio::start(&setup)];
    let ca = authority.certificate().display().to_string();
    let lines = [1, 2].map(|number| {
        let account = settings(number, &kamailios[usize::from(number) - 1], transport);
        account.with("tls.ca", ca.as_str()).with("basic.display_name", format!("Flat {number}")).to_string()
    });
    let flat = Flat::start_with("pcmu", &lines.concat());
    for (number, kamailio) in (1..).zip(&kamailios) {
        wait_until_registered(&flat.panel, number);
        visit(&flat, number, kamailio, &mut door(kamailio, transport), transport);
    }
    flat.expect_carried_by(transport);
}

fn visit(flat: &Flat, number: usize, kamailio: &Kamailio, door: &mut Baresip, transport: Transport) {
    let uri = |user: &str| format!("sip:{user}@{}{}", kamailio.host_port(transport), transport.parameter());
    door.order("dial", &uri(FLAT.0));
    let status = flat.panel.wait("the door is seen on the ringing screen", |status| {
        status["screen"] == "ringing" && status["calls"][0]["video"]["frames"].as_u64() > Some(0)
    });
    assert_eq!(status["calls"][0]["account"], number, "{status}");
    flat.press_until("Answer", |status| status["calls"][0]["state"] == "confirmed");
    door.event("CALL_ESTABLISHED");
    flat.press_until("Unlock", |status| status["calls"][0]["unlock"] == "opened");
    assert_eq!(door.event("CALL_DTMF_START")["param"], "#");
    flat.wait_for_talk();
    door.order("hangup", "");
    assert_eq!(flat.wait_for_end(), "ended by the other side");
    door.closed();

    let dialled = flat.panel.ask(&json!({"do": "dial", "text": DOOR.0, "account": number}));
    assert_eq!(dialled["ok"], true, "{dialled}");
    let taken = door.event("CALL_ESTABLISHED");
    assert_eq!(taken["peerdisplayname"], format!("Flat {number}"), "{taken}");
    let status = flat.panel.wait("the door has taken the call", |status| {
        let call = &status["calls"][0];
        call["state"] == "confirmed" && call["direction"] == "out"
    });
    assert_eq!(status["calls"][0]["account"], number, "{status}");
    flat.wait_for_talk();
    flat.hang_up();
    assert_eq!(flat.wait_for_end(), "ended here");
    door.closed();
    wav::VISITOR.expect_in("what the panel played", || Some(flat.heard()));
    wav::RESIDENT.expect_in("what the door heard", || door.heard());
}

#[test]
fn a_door_calls_and_is_called_through_each_account_by_udp() {
    visits(Transport::Udp);
}

#[test]
fn a_door_calls_and_is_called_through_each_account_by_tcp() {
    visits(Transport::Tcp);
}

#[test]
fn a_door_calls_and_is_called_through_each_account_by_tls() {
    visits(Transport::Tls);
}

/// Two registrars, the door at both, the panel with an account at each.
struct House {
    kamailios: [Kamailio; 2],
    doors: [Baresip; 2],
    panel: Panel,
}

impl House {
    fn build() -> Self {
        let kamailios = [Kamailio::start(&registrar()), Kamailio::start(&registrar())];
        let doors = [door(&kamailios[0], Transport::Udp), door(&kamailios[1], Transport::Udp)];
        // By TCP an account knows at once that its registrar has gone.
        let lines = [settings(1, &kamailios[0], Transport::Tcp), settings(2, &kamailios[1], Transport::Tcp)];
        let panel = Panel::start(&lines.map(|account| account.to_string()).concat());
        for number in [1, 2] {
            wait_until_registered(&panel, number);
        }
        Self { kamailios, doors, panel }
    }

    fn dial(&self, account: &Value) -> Value {
        self.panel.ask(&json!({"do": "dial", "text": DOOR.0, "account": account}))
    }

    /// The door at this registrar is called through this account; the call is ended.
    fn expect_call(&mut self, number: usize) {
        self.doors[number - 1].event("CALL_ESTABLISHED");
        let call = self.panel.wait_for_call("confirmed");
        assert_eq!(call["account"], number, "{call}");
        self.panel.ask(&json!({"do": "end"}));
        self.doors[number - 1].closed();
        self.panel.wait("the call is over", |status| {
            status["calls"].as_array().is_some_and(|calls| calls.iter().all(|call| call["state"] == "ended"))
        });
    }

    fn stop(&mut self, number: usize) {
        self.kamailios[number - 1].kill();
        // At first it might only have been started anew, and calls wait for it.
        wait_for_account(&self.panel, number, "has failed", |account| account["state"] == "failed");
    }
}

#[test]
fn auto_takes_account_1_then_account_2_then_says_that_none_is_registered() {
    let mut house = House::build();
    let auto = json!("auto");
    assert_eq!(house.dial(&auto)["ok"], true);
    house.expect_call(1);
    house.stop(1);
    let dialled = house.dial(&auto);
    assert_eq!(dialled["ok"], true, "{dialled}");
    house.expect_call(2);
    house.stop(2);
    let refused = house.dial(&auto);
    assert_eq!(refused["ok"], false, "{refused}");
    assert!(refused["error"].as_str().is_some_and(|words| words.contains("no account is registered")), "{refused}");
}

#[test]
fn a_named_account_is_taken_and_never_switched_silently() {
    let mut house = House::build();
    assert_eq!(house.dial(&json!(2))["ok"], true);
    house.expect_call(2);
    house.stop(1);
    let before = house.kamailios[1].count("INVITE");
    let refused = house.dial(&json!(1));
    assert_eq!(refused["ok"], false, "{refused}");
    let words = refused["error"].as_str().unwrap_or_default();
    assert!(words.contains("Account 1") && words.contains("not registered"), "{refused}");
    assert_eq!(house.panel.status()["calls"], json!([]));
    assert_eq!(house.kamailios[1].count("INVITE"), before, "nothing went through the other account");
    // It can be asked for by name.
    assert_eq!(house.dial(&json!(2))["ok"], true);
    house.expect_call(2);
}

#[test]
fn a_call_goes_on_when_the_registrar_of_the_other_account_goes() {
    let mut house = House::build();
    assert_eq!(house.dial(&json!(2))["ok"], true);
    house.doors[1].event("CALL_ESTABLISHED");
    let call = house.panel.wait_for_call("confirmed");
    house.stop(1);
    let before = call["audio"]["packets_in"].as_u64().unwrap_or(0);
    let later = house.panel.wait("the sound goes on", |status| {
        status["calls"][0]["audio"]["packets_in"].as_u64().is_some_and(|count| count > before + 100)
    });
    assert_eq!(later["calls"][0]["state"], "confirmed");
}

/// Both accounts are called in the same moment: the first rings, the second is shown as waiting, both with their account.
#[test]
fn both_accounts_ring() {
    let mut house = House::build();
    let calls: [&str; 2] = ["1", "2"];
    for number in [1, 2] {
        let registrar = house.kamailios[number - 1].host_port(Transport::Udp);
        house.doors[number - 1].order("dial", &format!("sip:{}@{registrar}", FLAT.0));
        house.panel.wait(&format!("account {} rings", calls[number - 1]), |status| {
            let all = status["calls"].as_array().cloned().unwrap_or_default();
            all.iter().any(|call| call["account"] == number && call["direction"] == "in" && call["state"] != "ended")
        });
    }
}

/// A proof is asked for every kind of request in a call, not only for the first.
#[test]
fn a_call_is_put_on_hold_and_resumed_through_a_registrar_by_tls() {
    let authority = Authority::new();
    let pair = authority.server(&["IP:127.0.0.1"]);
    let tls = ServerTls { pair, authority: authority.certificate(), wants_certificates: false };
    let kamailio = Kamailio::start(&Setup { tls: Some(tls), ..registrar() });
    let mut door = door(&kamailio, Transport::Udp);
    let account = settings(1, &kamailio, Transport::Tls).with("tls.ca", authority.certificate().display().to_string());
    let panel = Panel::start(&account.to_string());
    wait_until_registered(&panel, 1);
    let begun = Instant::now();
    assert_eq!(panel.ask(&json!({"do": "dial", "text": DOOR.0}))["ok"], true);
    door.event("CALL_ESTABLISHED");
    panel.wait_for_call("confirmed");
    assert!(begun.elapsed() < Duration::from_secs(5));
    for (verb, state) in [("hold", "held"), ("resume", "confirmed")] {
        assert_eq!(panel.ask(&json!({"do": verb}))["ok"], true);
        panel.wait_for_call(state);
    }
    assert_eq!(panel.ask(&json!({"do": "end"}))["ok"], true);
    door.closed();
    within(Duration::from_secs(5), "the account stays registered", || {
        (account_state(&panel) == "registered").then_some(())
    });
}

fn account_state(panel: &Panel) -> String {
    account(panel, 1)["state"].as_str().unwrap_or_default().to_owned()
}
