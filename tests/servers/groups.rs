//! A rule of the dial plan rings five telephones at the same time: the first to answer has the call, the others fall silent and
//! are told why.

use serde_json::json;

use crate::real_panel::Panel;
use crate::rigs::Transport;
use crate::rigs::accounts::{AccountSettings, wait_until_registered};
use crate::rigs::baresip::{Account, Baresip, Role};
use crate::rigs::kamailio::{Kamailio, Setup};

const FLAT: (&str, &str) = ("101", "fl4T-1");
const NEIGHBOURS: [(&str, &str); 5] =
    [("201", "d00R-1"), ("202", "d00R-2"), ("203", "d00R-3"), ("204", "d00R-4"), ("205", "d00R-5")];

/// A telephone that waits for a finger.
const TELEPHONE: Role = Role { answers: false, camera: false, traced: true, ..Role::DOOR };

/// Lines of the settings file.
fn rule(numbers: &[String], account: &str) -> String {
    format!(
        "[[dial_rule]]\nname = \"Neighbours\"\nprefix = \"9\"\nreplace = {}\naccount = \"{account}\"\n",
        json!(numbers)
    )
}

/// All five ring; the one in the middle answers.
fn ring_and_answer(panel: &Panel, telephones: &mut [Baresip], account: u8) {
    let dialled = panel.ask(&json!({"do": "dial", "text": "9"}));
    assert_eq!(dialled["ok"], true, "{dialled}");
    for telephone in &mut *telephones {
        telephone.event("CALL_INCOMING");
    }
    let status = panel.wait("it rings there", |status| status["calls"][0]["state"] == "ringing");
    let calls = status["calls"].as_array().cloned().unwrap_or_default();
    assert_eq!(calls.len(), 1, "one call for all of them: {status}");
    assert_eq!((&calls[0]["legs"], &calls[0]["name"]), (&json!(5), &json!("Neighbours")), "{status}");
    assert_eq!(calls[0]["account"], account, "{status}");

    let winner = telephones.len() / 2;
    telephones[winner].order("accept", "");
    telephones[winner].event("CALL_ESTABLISHED");
    let call = panel.wait_for_call("confirmed");
    assert_eq!(call["legs"], 1, "{call}");
    panel.wait("there is sound both ways", |status| {
        ["packets_in", "packets_out"].iter().all(|which| status["calls"][0]["audio"][which].as_u64() > Some(20))
    });
    for (at, telephone) in telephones.iter_mut().enumerate().filter(|(at, _)| *at != winner) {
        telephone.closed();
        let log = telephone.log();
        let told = log.contains("cause=200") && log.contains("Call completed elsewhere");
        assert!(told, "telephone {at} is not told that another one has the call:\n{log}");
    }
    assert_eq!(panel.ask(&json!({"do": "end"}))["ok"], true);
    telephones[winner].closed();
}

#[test]
fn five_telephones_ring_by_their_addresses_and_one_has_the_call() {
    let nameless = Role { user: "", ..TELEPHONE };
    let mut telephones: Vec<Baresip> = (0..5).map(|_| Baresip::start(nameless, Transport::Udp)).collect();
    let numbers: Vec<String> = telephones.iter().map(|it| format!("127✳0✳0✳1✳{}", it.port)).collect();
    let panel = Panel::start(&rule(&numbers, "auto"));
    ring_and_answer(&panel, &mut telephones, 0);
}

#[test]
fn five_telephones_ring_through_a_registrar_and_one_has_the_call() {
    let subscribers: Vec<(&str, &str)> = NEIGHBOURS.into_iter().chain([FLAT]).collect();
    let kamailio = Kamailio::start(&Setup::registrar(&subscribers));
    let registrar = kamailio.host_port(Transport::Udp);
    let mut telephones: Vec<Baresip> = NEIGHBOURS
        .iter()
        .map(|(name, password)| {
            let account = Account::new(&registrar, name, password);
            let telephone = Baresip::start_registered(Role { user: name, ..TELEPHONE }, Transport::Udp, &account);
            kamailio.wait_for_bindings(name, |bindings| bindings.len() == 1);
            telephone
        })
        .collect();
    let account = AccountSettings::new(1, FLAT.0, FLAT.1, &registrar, Transport::Udp);
    let numbers: Vec<String> = NEIGHBOURS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let panel = Panel::start(&format!("{account}{}", rule(&numbers, "1")));
    wait_until_registered(&panel, 1);
    ring_and_answer(&panel, &mut telephones, 1);
    // The registrar passes on what the panel said.
    assert_eq!(kamailio.count("CANCEL"), 4);
}
