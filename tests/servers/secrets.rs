//! What nobody gets to see: the password anywhere, and by TLS not even the numbers on the wire.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::json;

use crate::real_panel::{Panel, vestibule};
use crate::rigs::Transport;
use crate::rigs::accounts::{AccountSettings, set, wait_for_reason, wait_until_registered};
use crate::rigs::baresip::{Account, Baresip, Role};
use crate::rigs::certificates::Authority;
use crate::rigs::kamailio::{Kamailio, ServerTls, Setup};
use crate::rigs::relay::Relay;

/// Long and strange enough to be found wherever they are.
const FLAT: (&str, &str) = ("8811447", "Zw0elf-Boxkaempfer");
const DOOR: (&str, &str) = ("9922558", "Jagen-Viktor");
const WRONG: &str = "Quer-ueber-den-Sylter-Deich";

fn contains(bytes: &[u8], word: &str) -> bool {
    bytes.windows(word.len()).any(|window| window == word.as_bytes())
}

#[test]
fn by_tls_neither_password_nor_number_nor_method_is_on_the_wire() {
    let authority = Authority::new();
    let pair = authority.server(&["IP:127.0.0.1"]);
    let tls = ServerTls { pair, authority: authority.certificate(), wants_certificates: false };
    let kamailio = Kamailio::start(&Setup { tls: Some(tls), ..Setup::registrar(&[FLAT, DOOR]) });
    let host = kamailio.host_port(Transport::Udp);
    let mut door = Baresip::start_registered(Role::DOOR, Transport::Udp, &Account::new(&host, DOOR.0, DOOR.1));
    kamailio.wait_for_bindings(DOOR.0, |bindings| bindings.len() == 1);
    let relay = Relay::to(kamailio.tls_port);
    let one = AccountSettings::new(1, FLAT.0, FLAT.1, &format!("127.0.0.1:{}", relay.port), Transport::Tls);
    let one = one.with("tls.ca", authority.certificate().display().to_string());
    let panel = Panel::start(&one.to_string());
    wait_until_registered(&panel, 1);
    assert_eq!(panel.ask(&json!({"do": "dial", "text": DOOR.0, "account": 1}))["ok"], true);
    door.event("CALL_ESTABLISHED");
    panel.wait_for_call("confirmed");
    assert_eq!(panel.ask(&json!({"do": "end"}))["ok"], true);
    door.closed();
    let recorded = relay.recorded();
    assert!(recorded.len() > 4000, "a registration and a call went this way: {} bytes", recorded.len());
    for word in [FLAT.0, FLAT.1, DOOR.0, "REGISTER", "INVITE", "SIP/2.0", "Digest"] {
        assert!(!contains(&recorded, word), "{word} is on the wire");
    }
}

/// All files below a directory.
fn files(directory: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(directory).expect("it can be read");
    let paths = entries.map(|entry| entry.expect("it can be read").path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn a_password_is_in_the_settings_file_and_nowhere_else() {
    let kamailio = Kamailio::start(&Setup::registrar(&[FLAT]));
    let one = AccountSettings::new(1, FLAT.0, FLAT.1, &kamailio.host_port(Transport::Udp), Transport::Udp);
    let panel = Panel::start_talkative(&one.to_string());
    let mut events = panel.connect();
    events.ask(&json!({"do": "events"}));
    wait_until_registered(&panel, 1);
    // Changed, refused, changed back: all that can be told of it is told.
    set(&panel, "account1.basic.password", WRONG);
    wait_for_reason(&panel, 1, "401 wrong user name or password");
    set(&panel, "account1.basic.password", FLAT.1);
    wait_until_registered(&panel, 1);

    let mut told = vec![("status", panel.status().to_string())];
    for words in [&["get", "account1.basic.password"][..], &["status"]] {
        let output = panel.ctl(words);
        told.push(("ctl", String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()));
    }
    for words in [&["list"][..], &["list", "--json"], &["get", "account1.basic.password"], &["check"]] {
        let config = panel.file("config.toml");
        let output = vestibule().arg("settings").args(words).arg("--config").arg(&config).output().expect("it runs");
        told.push(("settings", String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()));
    }
    assert_eq!(panel.ask(&json!({"do": "quit"}))["ok"], true);
    loop {
        let line = events.line();
        if line.is_null() {
            break;
        }
        told.push(("events", line.to_string()));
    }
    for (by, text) in &told {
        for password in [FLAT.1, WRONG] {
            assert!(!text.contains(password), "{by} tells the password: {text}");
        }
    }

    let config = panel.file("config.toml");
    let mut traced = false;
    for file in files(config.parent().expect("it is in a directory")) {
        let bytes = std::fs::read(&file).unwrap_or_default();
        traced |= contains(&bytes, "REGISTER sip:");
        assert!(!contains(&bytes, WRONG), "{} has a password that is no longer one", file.display());
        assert_eq!(contains(&bytes, FLAT.1), file == config, "{}", file.display());
    }
    assert!(traced, "the trace is there to be looked at");
    let mode = config.metadata().expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

/// The pages of the account, photographed and asked for: the password can be typed, not read.
#[test]
fn no_page_bears_the_password() {
    let kamailio = Kamailio::start(&Setup::registrar(&[FLAT]));
    let one = AccountSettings::new(1, FLAT.0, FLAT.1, &kamailio.host_port(Transport::Udp), Transport::Udp);
    let panel = Panel::start_talkative(&one.to_string());
    wait_until_registered(&panel, 1);
    for label in ["Settings", "Account 1", "Basic"] {
        let pressed = crate::real_panel::poll(|| {
            Some(panel.ask(&json!({"do": "press", "label": label}))).filter(|answer| answer["ok"] == true)
        });
        assert!(pressed.is_some(), "{label} cannot be pressed; {}", panel.status());
    }
    let refused = panel.ask(&json!({"do": "press", "label": FLAT.1}));
    assert_eq!(refused["ok"], false, "something bears the password as its label");
    assert!(!panel.log().contains(FLAT.1));
}
