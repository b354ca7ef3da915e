//! The panel registers at real registrars, two at once, by every transport, and lets itself be challenged.

use std::time::Duration;

use serde_json::Value;

use crate::real_panel::{Panel, free_port, poll};
use crate::rigs::Transport;
use crate::rigs::accounts::{AccountSettings, account as status_of, set, wait_until_registered, within};
use crate::rigs::baresip::{Account, Baresip, Role};
use crate::rigs::certificates::Authority;
use crate::rigs::digest::Challenge;
use crate::rigs::kamailio::{Kamailio, ServerTls, Setup, Subscriber};
use crate::rigs::scripted::{Answer, Scripted};

const FLAT: (&str, &str) = ("101", "fl4T-1");

/// A registrar at which the flat may register.
fn registrar() -> Setup {
    Setup::registrar(&[FLAT])
}

fn settings(number: u8, registrar: &str, transport: Transport) -> AccountSettings {
    AccountSettings::new(number, FLAT.0, FLAT.1, registrar, transport)
}

/// Both accounts, each at a registrar of its own; one is switched off, then the panel leaves.
fn two_registrars(transport: Transport) {
    let authority = Authority::new();
    let pair = authority.server(&["IP:127.0.0.1"]);
    let tls = ServerTls { pair, authority: authority.certificate(), wants_certificates: false };
    let setup = Setup { tls: (transport == Transport::Tls).then_some(tls), ..registrar() };
    let kamailios = [Kamailio::start(&setup), Kamailio::start(&setup)];
    let one = settings(1, &kamailios[0].host_port(transport), transport).with("basic.registration_period", 120);
    let two = settings(2, &kamailios[1].host_port(transport), transport).with("basic.registration_period", 240);
    let ca = authority.certificate().display().to_string();
    let mut panel = Panel::start(&format!("{}{}", one.with("tls.ca", ca.as_str()), two.with("tls.ca", ca.as_str())));

    for (number, period) in [(1, 120), (2, 240)] {
        let account = wait_until_registered(&panel, number);
        let target = kamailios[number - 1].host_port(transport);
        assert_eq!(account["server"], target);
        assert_eq!(account["via"], format!("{transport}:{target}"));
        assert_eq!(account["proxy"], "none");
        assert_eq!(account["reason"], Value::Null);
        let left = account["expires_in_s"].as_i64().expect("it runs out");
        assert!((period - 10..=period).contains(&left), "{account}");
        let bindings = kamailios[number - 1].bindings(FLAT.0);
        assert_eq!(bindings.len(), 1, "{bindings:?}");
        assert!((period - 10..=period).contains(&bindings[0].expires_s), "{bindings:?}");
    }

    let before = kamailios[1].count("REGISTER");
    set(&panel, "account1.active", "off");
    kamailios[0].wait_for_bindings(FLAT.0, <[_]>::is_empty);
    assert_eq!(status_of(&panel, 1)["state"], "disabled");
    assert_eq!(status_of(&panel, 2)["state"], "registered");
    assert_eq!(kamailios[1].count("REGISTER"), before, "the other account is left alone");

    assert!(panel.terminate().success());
    kamailios[1].wait_for_bindings(FLAT.0, <[_]>::is_empty);
}

#[test]
fn both_accounts_are_registered_at_once_and_leave_by_udp() {
    two_registrars(Transport::Udp);
}

#[test]
fn both_accounts_are_registered_at_once_and_leave_by_tcp() {
    two_registrars(Transport::Tcp);
}

#[test]
fn both_accounts_are_registered_at_once_and_leave_by_tls() {
    two_registrars(Transport::Tls);
}

#[test]
fn what_the_registrar_grants_is_renewed_in_time_and_a_stale_nonce_is_no_obstacle() {
    let kamailio = Kamailio::start(&Setup { max_expires: 6, nonce_expire: 2, ..registrar() });
    let panel = Panel::start(&settings(1, &kamailio.host_port(Transport::Udp), Transport::Udp).to_string());
    let account = wait_until_registered(&panel, 1);
    assert!(account["expires_in_s"].as_i64().is_some_and(|left| left <= 6), "{account}");
    let before = kamailio.count("REGISTER");
    // Three lives of the registration: without a break it was renewed at least twice.
    let begun = std::time::Instant::now();
    while begun.elapsed() < Duration::from_secs(18) {
        assert_eq!(kamailio.bindings(FLAT.0).len(), 1, "{}", kamailio.log());
        std::thread::sleep(Duration::from_millis(100));
    }
    let renewed = kamailio.count("REGISTER") - before;
    assert!((2..=20).contains(&renewed), "{renewed} REGISTER in 18 s");
    assert_eq!(status_of(&panel, 1)["state"], "registered");
}

#[test]
fn a_period_that_is_too_short_for_the_registrar_is_made_longer() {
    let kamailio = Kamailio::start(&Setup { min_expires: 90, ..registrar() });
    let one = settings(1, &kamailio.host_port(Transport::Udp), Transport::Udp).with("basic.registration_period", 30);
    let panel = Panel::start(&one.to_string());
    let account = wait_until_registered(&panel, 1);
    assert!(account["expires_in_s"].as_i64().is_some_and(|left| (80..=90).contains(&left)), "{account}");
}

#[test]
fn kamailio_takes_a_proof_by_sha_256_and_another_user_name() {
    let subscriber = Subscriber { auth_user: "installer".into(), ..Subscriber::new(FLAT.0, FLAT.1) };
    let setup = Setup { algorithm: "SHA-256", subscribers: vec![subscriber], ..registrar() };
    let kamailio = Kamailio::start(&setup);
    let one = settings(1, &kamailio.host_port(Transport::Tcp), Transport::Tcp).with("basic.user_name", "installer");
    let panel = Panel::start(&one.to_string());
    wait_until_registered(&panel, 1);
    assert_eq!(kamailio.bindings(FLAT.0).len(), 1);
}

#[test]
fn a_registrar_with_an_ipv6_address_is_as_good() {
    let kamailio = Kamailio::start(&Setup { ipv6: true, ..registrar() });
    for transport in [Transport::Udp, Transport::Tcp] {
        let panel = Panel::start(&settings(1, &format!("[::1]:{}", kamailio.port), transport).to_string());
        let account = wait_until_registered(&panel, 1);
        assert_eq!(account["via"], format!("{transport}:[::1]:{}", kamailio.port));
        let bindings = kamailio.bindings(FLAT.0);
        assert!(bindings.iter().any(|one| one.received.contains("[::1]")), "{bindings:?}");
    }
}

#[test]
fn another_device_of_the_same_name_stays_registered() {
    let kamailio = Kamailio::start(&registrar());
    let host = kamailio.host_port(Transport::Udp);
    let _other = Baresip::start_registered(Role::DOOR, Transport::Udp, &Account::new(&host, FLAT.0, FLAT.1));
    kamailio.wait_for_bindings(FLAT.0, |bindings| bindings.len() == 1);
    let one = settings(1, &host, Transport::Udp).with("basic.registration_period", 1234);
    let mut panel = Panel::start(&one.to_string());
    let account = wait_until_registered(&panel, 1);
    let left = account["expires_in_s"].as_i64();
    assert!(left.is_some_and(|left| (1200..=1234).contains(&left)), "its own time, not the other's: {account}");
    kamailio.wait_for_bindings(FLAT.0, |bindings| bindings.len() == 2);
    assert!(panel.terminate().success());
    let left = kamailio.wait_for_bindings(FLAT.0, |bindings| bindings.len() == 1);
    assert!(left[0].expires_s <= 600, "{left:?}");
}

/// The first requests of a panel at a registrar that challenges this way: the proof is right.
fn prove(challenge: Challenge) {
    let asked = challenge.clone();
    let scripted = Scripted::start(move |request| {
        Some(match asked.proof(request) {
            Some(_) => Answer::registered(request, 300),
            None => asked.answer(),
        })
    });
    let panel = Panel::start(&settings(1, &scripted.host_port(), Transport::Udp).to_string());
    wait_until_registered(&panel, 1);
    let heard = scripted.heard("REGISTER");
    assert_eq!(heard.len(), 2, "{heard:#?}");
    let proof = challenge.check(&heard[1], FLAT.0, FLAT.1).unwrap_or_else(|wrong| panic!("{wrong} in {:#?}", heard[1]));
    assert_eq!(proof.count(), u32::from(challenge.qop.is_some()));
}

#[test]
fn each_algorithm_of_rfc_8760_is_proved() {
    for algorithm in ["MD5", "MD5-sess", "SHA-256", "SHA-256-sess", "SHA-512-256", "SHA-512-256-sess"] {
        prove(Challenge::new(algorithm));
    }
}

#[test]
fn each_quality_of_protection_is_proved() {
    prove(Challenge { qop: Some("auth-int"), ..Challenge::new("SHA-256") });
    prove(Challenge { qop: Some("auth,auth-int"), ..Challenge::new("MD5") });
    prove(Challenge { qop: None, opaque: None, algorithm: None, ..Challenge::new("MD5") });
    prove(Challenge { proxy: true, ..Challenge::new("SHA-256") });
}

#[test]
fn of_several_challenges_the_first_that_is_known_is_proved() {
    let known = Challenge::new("SHA-256");
    let unknown = Challenge { algorithm: Some("SHA3-999"), ..known.clone() };
    let old = Challenge::new("MD5");
    let (asked, headers) = (known.clone(), [unknown.header(), known.header(), old.header()]);
    let scripted = Scripted::start(move |request| {
        Some(match asked.proof(request) {
            Some(_) => Answer::registered(request, 300),
            None => headers.iter().fold(Answer::new(401, "Unauthorized"), |answer, header| answer.with(header)),
        })
    });
    let panel = Panel::start(&settings(1, &scripted.host_port(), Transport::Udp).to_string());
    wait_until_registered(&panel, 1);
    let heard = scripted.heard("REGISTER");
    known.check(&heard[1], FLAT.0, FLAT.1).expect("the better of the two that are known");
}

#[test]
fn a_proxy_and_a_registrar_that_both_challenge_get_both_proofs() {
    let proxy = Challenge { proxy: true, realm: "proxy.test", ..Challenge::new("MD5") };
    let registrar = Challenge::new("SHA-256");
    let (outer, inner) = (proxy.clone(), registrar.clone());
    let scripted = Scripted::start(move |request| {
        Some(match (outer.proof(request), inner.proof(request)) {
            (None, _) => outer.answer(),
            (_, None) => inner.answer(),
            _ => Answer::registered(request, 300),
        })
    });
    let panel = Panel::start(&settings(1, &scripted.host_port(), Transport::Tcp).to_string());
    wait_until_registered(&panel, 1);
    let heard = scripted.heard("REGISTER");
    assert_eq!(heard.len(), 3, "{heard:#?}");
    for challenge in [proxy, registrar] {
        challenge.check(&heard[2], FLAT.0, FLAT.1).expect("both are proved in one request");
    }
}

#[test]
fn a_nonce_is_used_again_with_a_higher_count_until_it_is_stale() {
    let first = Challenge::new("SHA-256");
    let second = Challenge { nonce: "another-nonce".into(), stale: true, ..first.clone() };
    let (mut asked, fresh, mut served) = (first.clone(), second.clone(), 0);
    let scripted = Scripted::start(move |request| {
        let proof = asked.proof(request).filter(|proof| proof.get("nonce") == Some(asked.nonce.as_str()));
        if proof.is_none() {
            return Some(asked.answer());
        }
        served += 1;
        if served == 3 {
            asked = fresh.clone();
            return Some(asked.answer());
        }
        Some(Answer::registered(request, 2))
    });
    let _panel = Panel::start(&settings(1, &scripted.host_port(), Transport::Udp).to_string());
    let heard = scripted.wait_for("REGISTER", 6);
    let counts: Vec<(String, u32)> = heard
        .iter()
        .filter_map(|request| first.proof(request))
        .map(|proof| (proof.get("nonce").unwrap_or_default().to_owned(), proof.count()))
        .collect();
    let (one, two) = (first.nonce.as_str(), second.nonce.as_str());
    let expected = [(one, 1), (one, 2), (one, 3), (two, 1), (two, 2)].map(|(nonce, count)| (nonce.to_owned(), count));
    assert_eq!(counts[..5], expected);
    for (number, challenge) in [(1, &first), (2, &first), (3, &first), (4, &second), (5, &second)] {
        challenge.check(&heard[number], FLAT.0, FLAT.1).unwrap_or_else(|wrong| panic!("request {number}: {wrong}"));
    }
}

#[test]
fn a_setting_that_changes_takes_effect_at_once() {
    let kamailios = [Kamailio::start(&registrar()), Kamailio::start(&registrar())];
    let panel = Panel::start(&settings(1, &kamailios[0].host_port(Transport::Udp), Transport::Udp).to_string());
    wait_until_registered(&panel, 1);
    set(&panel, "account1.basic.port", kamailios[1].port.to_string());
    let limit = Duration::from_secs(2);
    within(limit, "the panel registers at the other port", || {
        Some(kamailios[1].bindings(FLAT.0)).filter(|b| b.len() == 1)
    });
    kamailios[0].wait_for_bindings(FLAT.0, <[_]>::is_empty);
    set(&panel, "account1.basic.transport", "tcp");
    within(limit, "the panel registers by TCP", || {
        kamailios[1].bindings(FLAT.0).iter().any(|one| one.received.to_lowercase().contains("tcp")).then_some(())
    });
}

#[test]
fn a_panel_without_accounts_asks_nobody() {
    let scripted = Scripted::start(|_| None);
    let inactive = settings(1, &scripted.host_port(), Transport::Udp).with("active", false);
    let panel = Panel::start_on(free_port(), &inactive.to_string());
    let shown = poll(|| Some(status_of(&panel, 1)).filter(|account| account["state"] == "disabled"));
    assert!(shown.is_some(), "{}", status_of(&panel, 1));
    assert_eq!(scripted.heard("REGISTER").len(), 0);
}
