//! TLS to a real registrar: what is good is taken, what is not is refused in words that say what is wrong with it.

use serde_json::Value;

use crate::real_panel::Panel;
use crate::rigs::Transport;
use crate::rigs::accounts::{AccountSettings, set, wait_for_account, wait_for_reason, wait_until_registered};
use crate::rigs::certificates::{Authority, KeyForm, Pair, Validity};
use crate::rigs::kamailio::{Kamailio, ServerTls, Setup};

const FLAT: (&str, &str) = ("101", "fl4T-1");

/// A registrar with this certificate, and what a panel is told that trusts the authority.
fn registrar(authority: &Authority, pair: &Pair, wants_certificates: bool) -> (Kamailio, AccountSettings) {
    let tls = ServerTls { pair: pair.clone(), authority: authority.certificate(), wants_certificates };
    let kamailio = Kamailio::start(&Setup { tls: Some(tls), ..Setup::registrar(&[FLAT]) });
    let host = kamailio.host_port(Transport::Tls);
    let settings = AccountSettings::new(1, FLAT.0, FLAT.1, &host, Transport::Tls);
    (kamailio, settings.with("tls.ca", path(&authority.certificate())))
}

fn path(file: &std::path::Path) -> Value {
    file.display().to_string().into()
}

/// A panel at a registrar with this certificate is not registered, for this reason, and has told it nothing.
fn refused(authority: &Authority, pair: &Pair, words: &str) {
    let (kamailio, settings) = registrar(authority, pair, false);
    let panel = Panel::start(&settings.to_string());
    wait_for_reason(&panel, 1, words);
    assert_eq!(kamailio.count("REGISTER"), 0);
}

#[test]
fn a_trusted_certificate_for_the_address_is_taken() {
    let authority = Authority::new();
    let (kamailio, settings) = registrar(&authority, &authority.server(&["IP:127.0.0.1"]), false);
    let panel = Panel::start(&settings.to_string());
    let account = wait_until_registered(&panel, 1);
    assert_eq!(account["via"], format!("tls:127.0.0.1:{}", kamailio.tls_port));
}

#[test]
fn a_certificate_of_an_unknown_authority_is_refused() {
    let (known, stranger) = (Authority::new(), Authority::new());
    refused(&known, &stranger.server(&["IP:127.0.0.1"]), "certificate not trusted: unknown authority");
}

#[test]
fn a_self_signed_certificate_is_refused() {
    let authority = Authority::new();
    refused(&authority, &authority.self_signed(&["IP:127.0.0.1"]), "certificate not trusted: self-signed");
}

#[test]
fn a_certificate_for_another_name_or_address_is_refused() {
    let authority = Authority::new();
    for (name, bears) in [("DNS:pbx.test", "pbx.test"), ("IP:127.0.0.2", "127.0.0.2")] {
        let words = format!("certificate for another name: 127.0.0.1 is expected, this one is for {bears}");
        refused(&authority, &authority.server(&[name]), &words);
    }
}

#[test]
fn an_expired_certificate_is_refused() {
    let authority = Authority::new();
    let pair = authority.server_valid(&["IP:127.0.0.1"], Validity::expired());
    refused(&authority, &pair, "certificate has expired");
}

#[test]
fn a_certificate_from_tomorrow_is_refused() {
    let authority = Authority::new();
    let pair = authority.server_valid(&["IP:127.0.0.1"], Validity::not_yet());
    refused(&authority, &pair, "certificate is not valid yet: check the clock");
}

#[test]
fn who_does_not_verify_takes_all_of_them() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    for pair in [
        authority.self_signed(&["DNS:other.test"]),
        authority.server_valid(&["IP:127.0.0.1"], Validity::expired()),
        stranger.server(&["DNS:pbx.test"]),
    ] {
        let (_kamailio, settings) = registrar(&authority, &pair, false);
        let panel = Panel::start(&settings.with("tls.verify", false).to_string());
        wait_until_registered(&panel, 1);
    }
}

#[test]
fn a_pinned_certificate_is_the_only_one_that_is_taken() {
    let authority = Authority::new();
    let pinned = authority.self_signed(&["DNS:pbx.test"]);
    let (_kamailio, settings) = registrar(&authority, &pinned, false);
    let with = settings.with("tls.fingerprint", pinned.fingerprint());
    let panel = Panel::start(&with.to_string());
    wait_for_reason(&panel, 1, "certificate not trusted: self-signed");
    // Where nobody needs to have signed it, the fingerprint alone counts.
    set(&panel, "account1.tls.verify", "off");
    wait_until_registered(&panel, 1);

    let good = authority.server(&["IP:127.0.0.1"]);
    let (kamailio, settings) = registrar(&authority, &good, false);
    let panel = Panel::start(&settings.with("tls.fingerprint", pinned.fingerprint()).to_string());
    wait_for_reason(&panel, 1, "certificate does not have the fingerprint that is set");
    assert_eq!(kamailio.count("REGISTER"), 0);
    set(&panel, "account1.tls.fingerprint", good.fingerprint().replace(':', "").to_lowercase());
    wait_until_registered(&panel, 1);
}

#[test]
fn a_registrar_that_wants_a_certificate_gets_it_with_each_kind_of_key() {
    let authority = Authority::new();
    let (kamailio, settings) = registrar(&authority, &authority.server(&["IP:127.0.0.1"]), true);
    let panel = Panel::start(&settings.to_string());
    wait_for_reason(&panel, 1, "the server refuses our certificate, or wants one");
    assert_eq!(kamailio.count("REGISTER"), 0);
    drop(panel);

    for form in [KeyForm::Pkcs8, KeyForm::Sec1, KeyForm::Pkcs1] {
        let pair = authority.client("panel", form, Validity::days(10));
        let with = settings.clone().with("tls.certificate", path(&pair.certificate)).with("tls.key", path(&pair.key));
        let panel = Panel::start(&with.to_string());
        wait_until_registered(&panel, 1);
        let notices = panel.status()["notices"].to_string();
        assert!(notices.contains("certificate"), "it has only ten days to go: {notices}");
    }
    let stranger = Authority::new();
    let pair = stranger.client("panel", KeyForm::Pkcs8, Validity::days(90));
    let with = settings.with("tls.certificate", path(&pair.certificate)).with("tls.key", path(&pair.key));
    let panel = Panel::start(&with.to_string());
    wait_for_reason(&panel, 1, "the server refuses our certificate, or wants one");
}

#[test]
fn files_that_are_not_there_or_are_no_certificates_are_named() {
    let authority = Authority::new();
    let (kamailio, settings) = registrar(&authority, &authority.server(&["IP:127.0.0.1"]), false);
    let panel = Panel::start(&settings.clone().with("tls.ca", "/nowhere/authority.pem").to_string());
    let failed = wait_for_reason(&panel, 1, "certificate file: ");
    assert!(failed["reason"].as_str().is_some_and(|reason| reason.contains("authority.pem")), "{failed}");
    let pair = authority.client("panel", KeyForm::Pkcs8, Validity::days(90));
    // The key where the certificate should be.
    let with = settings.with("tls.certificate", path(&pair.key)).with("tls.key", path(&pair.key));
    let panel = Panel::start(&with.to_string());
    wait_for_reason(&panel, 1, "certificate file: ");
    assert_eq!(kamailio.count("REGISTER"), 0);
}

#[test]
fn a_server_that_speaks_no_tls_is_called_so() {
    let kamailio = Kamailio::start(&Setup::registrar(&[FLAT]));
    let plain = kamailio.host_port(Transport::Tcp);
    let panel = Panel::start(&AccountSettings::new(1, FLAT.0, FLAT.1, &plain, Transport::Tls).to_string());
    // The server understands nothing and closes, or waits: both are no TLS.
    let failed = wait_for_account(&panel, 1, "has failed", |account| account["state"] == "failed");
    let reason = failed["reason"].as_str().unwrap_or_default();
    let known = ["no TLS connection", "was lost", "no answer from"];
    assert!(known.iter().any(|words| reason.contains(words)), "{reason}");
}
