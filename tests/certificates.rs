//! Certificates taken over by `ctl`: kept for the owner alone, set, listed, warned of; and refused in words.

mod panel;

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Output;

use panel::Panel;
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use serde_json::{Value, json};

/// A certificate of the panel that runs out with this year, and its key, as text.
fn certificate(year: i32) -> (String, String) {
    let key = KeyPair::generate().expect("the system has random bytes");
    let mut wanted = CertificateParams::new(vec!["panel.test".to_owned()]).expect("a name");
    wanted.not_before = date_time_ymd(2020, 1, 1);
    wanted.not_after = date_time_ymd(year + 1, 1, 1);
    let certificate = wanted.self_signed(&key).expect("it can sign");
    (certificate.pem(), key.serialize_pem())
}

fn import(panel: &Panel, account: &str, role: &str, file: &Path) -> Output {
    panel.ctl(&["certificate", "import", account, role, file.to_str().expect("it is UTF-8")])
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn set(panel: &Panel, key: &str) -> String {
    String::from_utf8_lossy(&panel.ctl(&["get", key]).stdout).trim().to_owned()
}

fn listed(panel: &Panel) -> Value {
    serde_json::from_slice(&panel.ctl(&["certificate", "list"]).stdout).expect("it is JSON")
}

#[test]
fn what_is_imported_is_in_force_and_outlives_a_kill() {
    let mut panel = Panel::start("");
    assert_eq!(listed(&panel)["files"], json!([]));
    let (certificate, key) = certificate(2089);
    fs::write(panel.file("door.crt"), &certificate).expect("written");
    fs::write(panel.file("door.key"), &key).expect("written");
    symlink("door.crt", panel.file("link.pem")).expect("it can be made");

    assert!(import(&panel, "2", "client", &panel.file("door.crt")).status.success());
    assert!(import(&panel, "2", "key", &panel.file("door.key")).status.success());
    let linked = import(&panel, "1", "authority", &panel.file("link.pem"));
    assert!(linked.status.success(), "who asks may follow his own links: {}", said(&linked));
    panel.kill();
    panel.restart();
    assert_eq!(set(&panel, "account2.tls.certificate"), "door.pem");
    assert_eq!(set(&panel, "account2.tls.key"), "door.key");
    assert_eq!(set(&panel, "account1.tls.ca"), "door.pem", "the same certificate is kept once");
    let folder = panel.file("data/certificates");
    assert_eq!(fs::metadata(&folder).expect("it is there").permissions().mode() & 0o777, 0o700);
    assert_eq!(fs::metadata(folder.join("door.key")).expect("it is there").permissions().mode() & 0o777, 0o600);

    let files = listed(&panel)["files"].take();
    let expires = "2090-01-01T00:00:00Z";
    assert_eq!((&files[0]["file"], &files[0]["used_by"]), (&json!("door.key"), &json!(["account2.tls.key"])));
    assert_eq!((&files[1]["file"], &files[1]["expires"]), (&json!("door.pem"), &json!(expires)));
    assert_eq!(files[1]["used_by"], json!(["account1.tls.ca", "account2.tls.certificate"]));
    panel.wait("its end is known", |status| status["accounts"][1]["certificate_expires"] == expires);
    assert_eq!(panel.status()["notices"], json!([]), "that is long to go");
}

#[test]
fn what_cannot_be_used_is_refused_with_file_and_role_and_the_old_value_stays() {
    let panel = Panel::start("");
    let (certificate, key) = certificate(2089);
    let (_, other) = self::certificate(2089);
    fs::write(panel.file("both.pem"), certificate.clone() + &key).expect("written");
    fs::write(panel.file("other.key"), other).expect("written");
    fs::write(panel.file("text.pem"), "hello").expect("written");
    assert!(import(&panel, "1", "client", &panel.file("both.pem")).status.success());
    for (role, file, words) in [
        ("client", "text.pem", "there is neither a certificate nor a key in it (PEM or DER)"),
        ("authority", "gone.pem", "there is no such file or folder"),
        ("key", "both.pem ", "there is no such file or folder"),
        ("key", "other.key", "it does not fit the certificate in both.pem: change the Client Certificate first"),
        ("client", "other.key", "there is a key in it, and no certificate"),
    ] {
        let refused = import(&panel, "1", role, &panel.file(file));
        let label = match role {
            "client" => "Client Certificate",
            "key" => "Client Key",
            _ => "Trusted CA",
        };
        assert_eq!(refused.status.code(), Some(1), "{role} {file}");
        let expected = format!("{} ({label}): {words}", panel.file(file).display());
        assert!(said(&refused).contains(&expected), "{} does not say: {expected}", said(&refused));
    }
    assert_eq!(panel.ctl(&["certificate", "import", "3", "client", "a.pem"]).status.code(), Some(2));
    assert_eq!(set(&panel, "account1.tls.certificate"), "both.pem");
    assert_eq!((set(&panel, "account1.tls.key"), set(&panel, "account1.tls.ca")), (String::new(), String::new()));
}

#[test]
fn a_certificate_that_has_run_out_is_a_notice_until_another_takes_its_place() {
    let panel = Panel::start("");
    let notice = |words: &Value| {
        words.as_array().is_some_and(|list| {
            list.iter().any(|notice| notice["text"] == "the client certificate of Account 1 has expired")
        })
    };
    for (year, is_over) in [(2023, true), (2089, false)] {
        let (certificate, key) = certificate(year);
        fs::write(panel.file("panel.pem"), certificate + &key).expect("written");
        assert!(import(&panel, "1", "client", &panel.file("panel.pem")).status.success());
        panel.wait("the notice is right", |status| notice(&status["notices"]) == is_over);
    }
    assert_eq!(set(&panel, "account1.tls.certificate"), "panel-2.pem");
}

#[test]
fn an_account_says_which_check_of_tls_failed() {
    let pbx = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let port = pbx.local_addr().expect("it is bound").port();
    let panel = Panel::start(&format!(
        "[account1]\nactive = true\nbasic.server = \"127.0.0.1\"\nbasic.port = {port}\nbasic.register_name = \"101\"\n\
         basic.transport = \"tls\"\ntls.certificate = \"gone.pem\"\n"
    ));
    let reason = |words: &'static str| {
        move |status: &Value| status["accounts"][0]["reason"].as_str().is_some_and(|reason| reason.contains(words))
    };
    panel.wait("the missing file is named", reason("gone.pem (Client Certificate): there is no such file or folder"));
    assert!(panel.ctl(&["set", "account1.tls.certificate", ""]).status.success());
    let (mut stream, _) = pbx.accept().expect("it connects");
    std::io::Write::write_all(&mut stream, b"SIP/2.0 400 Bad Request\r\n\r\n").expect("it is open");
    panel.wait("it is said that TLS is not spoken", reason("the other side does not speak TLS"));
}
