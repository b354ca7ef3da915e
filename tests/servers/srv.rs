//! Servers that are found by name: NAPTR, SRV by priority, addresses, from a real name server to real registrars; and what is
//! said of names that lead nowhere.

use std::time::Duration;

use crate::real_panel::Panel;
use crate::rigs::Transport;
use crate::rigs::accounts::{AccountSettings, account, wait_for_reason, wait_until_registered, within};
use crate::rigs::certificates::{Authority, Pair};
use crate::rigs::dnsmasq::{Dnsmasq, Zone};
use crate::rigs::kamailio::{Kamailio, ServerTls, Setup};
use crate::rigs::process::quiet_port;

const FLAT: (&str, &str) = ("101", "fl4T-1");
const DOMAIN: &str = "pbx.test";
/// How long the way to the second target may take.
const TAKES_OVER: Duration = Duration::from_secs(5);

fn registrar() -> Setup {
    Setup::registrar(&[FLAT])
}

/// The settings of an account in the domain, and the name servers that know it.
fn settings(dns: &Dnsmasq, transport: &str) -> String {
    let account = AccountSettings::new(1, FLAT.0, FLAT.1, &format!("{DOMAIN}:5060"), Transport::Udp);
    with_name_server(&account.with("basic.transport", transport), &dns.address.to_string())
}

fn with_name_server(account: &AccountSettings, name_server: &str) -> String {
    format!("{account}[network]\ndns_servers = [\"{name_server}\"]\n")
}

/// A domain with two registrars, one to be preferred.
fn two_targets(first: &Kamailio, second: &Kamailio, service: &str) -> Zone {
    let zone = Zone::new(60).host("a.pbx.test", &["127.0.0.1"]).host("b.pbx.test", &["127.0.0.1"]);
    let service = format!("{service}.{DOMAIN}");
    zone.srv(&service, "a.pbx.test", first.port, 10, 0).srv(&service, "b.pbx.test", second.port, 20, 0)
}

fn is_registered_at(panel: &Panel, transport: Transport, kamailio: &Kamailio, limit: Duration) {
    let target = format!("{transport}:{}", kamailio.host_port(transport));
    within(limit, &format!("the panel registers by {target}"), || {
        let now = account(panel, 1);
        (now["state"] == "registered" && now["via"] == target && kamailio.bindings(FLAT.0).len() == 1).then_some(())
    });
}

/// How the first target goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gone {
    Dead,
    Silent,
}

/// The panel is registered at the first target, which goes.
fn first_target_goes(transport: Transport, how: Gone) {
    let (mut first, second) = (Kamailio::start(&registrar()), Kamailio::start(&registrar()));
    let zone = two_targets(&first, &second, &format!("_sip._{transport}"));
    let dns = Dnsmasq::start(&zone);
    let text = settings(&dns, "dns-srv")
        .replace("[network]", "basic.srv_over = \"OVER\"\nbasic.check_interval = 2\n[network]");
    let panel = Panel::start(&text.replace("OVER", &transport.to_string()));
    is_registered_at(&panel, transport, &first, Duration::from_secs(30));
    match how {
        Gone::Dead => first.kill(),
        Gone::Silent => first.pause(),
    }
    // By UDP it is noticed by the check, which comes every two seconds.
    let notices = if transport == Transport::Udp { Duration::from_secs(2) } else { Duration::ZERO };
    is_registered_at(&panel, transport, &second, TAKES_OVER + notices);
}

#[test]
fn the_second_target_takes_over_from_a_dead_first_one_by_udp() {
    first_target_goes(Transport::Udp, Gone::Dead);
}

#[test]
fn the_second_target_takes_over_from_a_dead_first_one_by_tcp() {
    first_target_goes(Transport::Tcp, Gone::Dead);
}

#[test]
fn the_second_target_takes_over_from_a_silent_first_one_by_udp() {
    first_target_goes(Transport::Udp, Gone::Silent);
}

/// At the start there is only the second one.
#[test]
fn a_first_target_that_never_was_is_passed_over() {
    for how in [Gone::Dead, Gone::Silent] {
        for transport in [Transport::Udp, Transport::Tcp] {
            let (mut first, second) = (Kamailio::start(&registrar()), Kamailio::start(&registrar()));
            let dns = Dnsmasq::start(&two_targets(&first, &second, &format!("_sip._{transport}")));
            match how {
                Gone::Dead => first.kill(),
                Gone::Silent => first.pause(),
            }
            let text = settings(&dns, "dns-srv").replace("[network]", "basic.srv_over = \"OVER\"\n[network]");
            let panel = Panel::start(&text.replace("OVER", &transport.to_string()));
            is_registered_at(&panel, transport, &second, TAKES_OVER);
        }
    }
}

#[test]
fn a_first_target_that_is_busy_is_passed_over() {
    let (first, second) = (Kamailio::start(&registrar()), Kamailio::start(&registrar()));
    first.refuse("REGISTER", "503 Service Unavailable", None);
    let dns = Dnsmasq::start(&two_targets(&first, &second, "_sip._udp"));
    let panel = Panel::start(&settings(&dns, "dns-srv"));
    is_registered_at(&panel, Transport::Udp, &second, TAKES_OVER);
}

#[test]
fn the_name_server_says_which_transport_is_preferred() {
    let kamailio = Kamailio::start(&registrar());
    let zone = Zone::new(60)
        .naptr(DOMAIN, 10, 10, "SIP+D2T", "_sip._tcp.pbx.test")
        .naptr(DOMAIN, 20, 10, "SIP+D2U", "_sip._udp.pbx.test")
        .srv("_sip._tcp.pbx.test", "a.pbx.test", kamailio.port, 10, 0)
        .srv("_sip._udp.pbx.test", "a.pbx.test", quiet_port(), 10, 0)
        .host("a.pbx.test", &["127.0.0.1"]);
    let dns = Dnsmasq::start(&zone);
    let panel = Panel::start(&settings(&dns, "dns-srv"));
    is_registered_at(&panel, Transport::Tcp, &kamailio, Duration::from_secs(30));
}

/// A registrar by TLS with this certificate in the domain; the panel is told its name.
fn by_tls(authority: &Authority, pair: Pair, transport: &str) -> (Kamailio, Dnsmasq, Panel) {
    let tls = ServerTls { pair, authority: authority.certificate(), wants_certificates: false };
    let kamailio = Kamailio::start(&Setup { tls: Some(tls), ..registrar() });
    let zone = Zone::new(60)
        .srv("_sips._tcp.pbx.test", "a.pbx.test", kamailio.tls_port, 10, 0)
        .host("a.pbx.test", &["127.0.0.1"])
        .host(DOMAIN, &["127.0.0.1"]);
    let dns = Dnsmasq::start(&zone);
    let host = format!("{DOMAIN}:{}", kamailio.tls_port);
    let one = AccountSettings::new(1, FLAT.0, FLAT.1, &host, Transport::Tls).with("basic.transport", transport);
    let one = one.with("basic.srv_over", "tls").with("tls.ca", authority.certificate().display().to_string());
    let panel = Panel::start(&with_name_server(&one, &dns.address.to_string()));
    (kamailio, dns, panel)
}

/// RFC 5922 4: the certificate is for the domain that was asked for, not for the machine that the name server names.
#[test]
fn by_tls_the_certificate_must_be_for_the_domain() {
    let authority = Authority::new();
    for transport in ["tls", "dns-srv"] {
        let (kamailio, _dns, panel) = by_tls(&authority, authority.server(&["DNS:pbx.test"]), transport);
        is_registered_at(&panel, Transport::Tls, &kamailio, Duration::from_secs(30));
        let (kamailio, _dns, panel) = by_tls(&authority, authority.server(&["DNS:a.pbx.test"]), transport);
        wait_for_reason(&panel, 1, "certificate for another name: pbx.test is expected");
        assert_eq!(kamailio.count("REGISTER"), 0);
    }
}

#[test]
fn a_name_that_does_not_exist_is_called_so() {
    let dns = Dnsmasq::start(&Zone::new(60));
    for transport in ["udp", "tcp", "dns-srv"] {
        let panel = Panel::start(&settings(&dns, transport));
        wait_for_reason(&panel, 1, "host not found: pbx.test");
    }
}

#[test]
fn a_name_server_that_is_not_there_is_called_so_and_the_other_account_does_not_wait() {
    let kamailio = Kamailio::start(&registrar());
    let one = AccountSettings::new(1, FLAT.0, FLAT.1, &format!("{DOMAIN}:5060"), Transport::Udp);
    let two = AccountSettings::new(2, FLAT.0, FLAT.1, &kamailio.host_port(Transport::Udp), Transport::Udp);
    let name_server = format!("127.0.0.1:{}", quiet_port());
    let panel = Panel::start(&format!("{two}{}", with_name_server(&one, &name_server)));
    wait_until_registered(&panel, 2);
    wait_for_reason(&panel, 1, "no name server answers for pbx.test");
}
