//! Connections that are cut, registrars that come back with an empty table: the panel notices, and is registered again.

use std::time::Duration;

use crate::real_panel::Panel;
use crate::rigs::Transport;
use crate::rigs::accounts::{AccountSettings, account, wait_until_registered, within};
use crate::rigs::certificates::Authority;
use crate::rigs::kamailio::{Kamailio, ServerTls, Setup};
use crate::rigs::relay::Relay;

const FLAT: (&str, &str) = ("101", "fl4T-1");
/// After a connection is cut, or a registrar is back that a connection tells of.
const NOTICED: Duration = Duration::from_secs(2);

/// A registrar with TLS, and an authority that must live as long as its files are read.
fn registrar() -> (Kamailio, Authority) {
    let authority = Authority::new();
    let pair = authority.server(&["IP:127.0.0.1"]);
    let tls = ServerTls { pair, authority: authority.certificate(), wants_certificates: false };
    (Kamailio::start(&Setup { tls: Some(tls), ..Setup::registrar(&[FLAT]) }), authority)
}

fn settings(registrar: &str, transport: Transport, authority: &Authority) -> AccountSettings {
    let account = AccountSettings::new(1, FLAT.0, FLAT.1, registrar, transport);
    account.with("tls.ca", authority.certificate().display().to_string())
}

/// The connection is cut again and again; each time there is a new one, and one registration.
fn cut(transport: Transport) {
    let (kamailio, authority) = registrar();
    let relay = Relay::to(if transport == Transport::Tls { kamailio.tls_port } else { kamailio.port });
    let panel = Panel::start(&settings(&format!("127.0.0.1:{}", relay.port), transport, &authority).to_string());
    wait_until_registered(&panel, 1);
    assert_eq!(relay.accepted(), 1, "one connection is kept");
    for times in 2..=4 {
        let before = kamailio.count("REGISTER");
        relay.cut();
        within(NOTICED, "the panel registers again", || {
            let again = kamailio.count("REGISTER") > before && relay.accepted() == times;
            (again && account(&panel, 1)["state"] == "registered").then_some(())
        });
        let bindings = kamailio.wait_for_bindings(FLAT.0, |bindings| bindings.len() == 1);
        assert!(bindings[0].expires_s > 1000, "{bindings:?}");
    }
}

#[test]
fn a_cut_connection_is_followed_by_another_by_tcp() {
    cut(Transport::Tcp);
}

#[test]
fn a_cut_connection_is_followed_by_another_by_tls() {
    cut(Transport::Tls);
}

/// The registrar falls and is back at once; its table is empty.
fn restarted(transport: Transport, limit: Duration) {
    let (mut kamailio, authority) = registrar();
    let host = kamailio.host_port(transport);
    let one = settings(&host, transport, &authority).with("basic.check_interval", 3);
    let panel = Panel::start(&one.to_string());
    wait_until_registered(&panel, 1);
    kamailio.start_again();
    within(limit, "the panel is in the table again", || (kamailio.bindings(FLAT.0).len() == 1).then_some(()));
    wait_until_registered(&panel, 1);
}

#[test]
fn a_registrar_with_an_empty_table_is_noticed_at_once_by_tcp() {
    restarted(Transport::Tcp, NOTICED);
}

#[test]
fn a_registrar_with_an_empty_table_is_noticed_at_once_by_tls() {
    restarted(Transport::Tls, NOTICED);
}

#[test]
fn a_registrar_with_an_empty_table_is_noticed_within_the_check_interval_by_udp() {
    restarted(Transport::Udp, Duration::from_secs(6));
}

/// The check costs the registrar little, and nothing where it is switched off.
#[test]
fn checks_by_udp_are_as_rare_as_the_setting_says() {
    let (kamailio, authority) = registrar();
    let host = kamailio.host_port(Transport::Udp);
    let all = || ["REGISTER", "OPTIONS"].iter().map(|method| kamailio.count(method)).sum::<u64>();
    for (interval, most, least) in [(0, 0, 0), (4, 6, 2)] {
        let one = settings(&host, Transport::Udp, &authority).with("basic.check_interval", interval);
        let panel = Panel::start(&one.to_string());
        wait_until_registered(&panel, 1);
        let before = all();
        std::thread::sleep(Duration::from_secs(13));
        let asked = all() - before;
        assert!((least..=most).contains(&asked), "{asked} requests in 13 s at an interval of {interval} s");
    }
}

/// Gone for longer than a few tries, then back: the panel is there within five seconds.
#[test]
fn a_registrar_that_was_gone_for_half_a_minute_is_found_again() {
    let (mut kamailio, authority) = registrar();
    for transport in [Transport::Udp, Transport::Tls] {
        let one = settings(&kamailio.host_port(transport), transport, &authority).with("basic.check_interval", 3);
        let panel = Panel::start(&one.to_string());
        wait_until_registered(&panel, 1);
        kamailio.kill();
        std::thread::sleep(Duration::from_secs(30));
        assert_ne!(account(&panel, 1)["state"], "registered");
        kamailio.start_again();
        within(Duration::from_secs(5), "the panel is in the table again", || {
            (kamailio.bindings(FLAT.0).len() == 1).then_some(())
        });
    }
}
