//! `docs/requirements.md` names a test for everything that is asked for, and every setting that is asked for is declared with
//! its default and its range.

#![allow(clippy::unwrap_used, reason = "a test may stop where it stands")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use vestibule::config;

/// What is asked for, by its numbers.
const NUMBERS: &[&[u32]] = &[
    // Calling by IP address.
    &[1, 2, 3, 4, 5, 6],
    // Accounts.
    &[8, 9, 10, 11, 12, 13, 15, 16, 17, 18, 19, 21, 22, 23, 30, 31, 32, 33, 34, 35, 36, 37, 38],
    // Do not disturb.
    &[24, 25, 26, 27, 28, 29],
    // Prevent SIP Hacking.
    &[39, 40],
    // Session timer.
    &[41, 42, 43],
];

/// Key, default and range of each setting that is asked for.
const SETTINGS: &[(&str, &str, &str)] = &[
    ("phone.direct_ip.enabled", "on", "on, off"),
    ("phone.direct_ip.port", "5060", "1–65535"),
    ("phone.direct_ip.prevent_sip_hacking", "off", "on, off"),
    ("phone.dnd.mode", "off", "off, silent, reject"),
    ("phone.dnd.accounts", "1, 2, ip", "any of 1, 2, ip, separated by commas"),
    ("phone.dnd.return_code", "486", "404, 480, 486, 603"),
    ("phone.dnd.on_code", "78", "up to 16 of 0–9, *, #"),
    ("phone.dnd.off_code", "79", "up to 16 of 0–9, *, #"),
    ("phone.call.return_code_when_refused", "486", "404, 480, 486, 603"),
    ("phone.call.max_call_time", "30", "0–1440"),
    ("phone.call.max_dial_in_time", "60", "1–600"),
    ("phone.call.max_dial_out_time", "60", "1–600"),
    ("phone.call_log.pictures", "off", "on, off"),
    ("phone.call_log.picture_days", "30", "1–365"),
    ("phone.call_log.delete_if_answered", "on", "on, off"),
    ("phone.auto_answer.enabled", "off", "on, off"),
    ("phone.auto_answer.delay", "0", "0–30"),
    ("phone.auto_answer.only", "", "up to 100, separated by commas"),
    ("phone.auto_answer.video", "off", "on, off"),
    ("display.sleep_after", "120", "0–3600"),
    ("display.sleep_in_window", "off", "on, off"),
    ("display.brightness", "80", "5–100"),
    ("display.auto_brightness", "off", "on, off"),
    ("display.least_brightness", "20", "5–100"),
    ("display.night.mode", "off", "off, schedule"),
    ("display.night.from", "22:00", "00:00–23:59"),
    ("display.night.to", "06:30", "00:00–23:59"),
    ("display.night.brightness", "10", "5–100"),
    ("display.time_zone", "", "up to 64 characters"),
    ("board.relay.chip", "", "up to 100 characters"),
    ("board.relay.line", "0", "0–1023"),
    ("board.relay.pulse", "3000", "100–10000"),
    ("board.relay.active_low", "off", "on, off"),
    ("board.door_contact.chip", "", "up to 100 characters"),
    ("board.door_contact.line", "0", "0–1023"),
    ("board.door_contact.active_low", "off", "on, off"),
    ("display.scale", "100", "100, 125, 150, 175, 200, 250, 300"),
    ("display.rotation", "0", "0, 90, 180, 270"),
    ("display.output", "", "up to 32 characters"),
];

/// Those of each account.
const OF_ACCOUNT: &[(&str, &str, &str)] = &[
    ("active", "off", "on, off"),
    ("basic.display_label", "", "up to 64 characters"),
    ("basic.display_name", "", "up to 64 characters"),
    ("basic.register_name", "", "up to 64 characters"),
    ("basic.user_name", "", "up to 64 characters"),
    ("basic.password", "", "up to 128 characters"),
    ("basic.server", "", "up to 255 characters"),
    ("basic.port", "5060", "1–65535"),
    ("basic.registration_period", "1800", "30–65535"),
    ("outbound_proxy.active", "off", "on, off"),
    ("outbound_proxy.server", "", "up to 255 characters"),
    ("outbound_proxy.port", "5060", "1–65535"),
    ("outbound_proxy.backup_server", "", "up to 255 characters"),
    ("outbound_proxy.backup_port", "5060", "1–65535"),
    ("basic.transport", "udp", "udp, tcp, tls, dns-srv"),
    ("basic.srv_over", "auto", "auto, udp, tcp, tls"),
    ("tls.verify", "on", "on, off"),
    ("tls.ca", "", "up to 255 characters"),
    ("tls.certificate", "", "up to 255 characters"),
    ("tls.key", "", "up to 255 characters"),
    ("tls.fingerprint", "", "up to 128 characters"),
    ("call.prevent_sip_hacking", "off", "on, off"),
    ("session_timer.active", "off", "on, off"),
    ("session_timer.expires", "1800", "90–7200"),
    ("session_timer.refresher", "uac", "uac, uas"),
];

#[test]
fn every_setting_that_is_asked_for_is_declared_with_its_default_and_range() {
    let of_accounts = ["account1", "account2"].into_iter().flat_map(|account| {
        OF_ACCOUNT.iter().map(move |(key, default, range)| (format!("{account}.{key}"), *default, *range))
    });
    let all = SETTINGS.iter().map(|(key, default, range)| ((*key).to_owned(), *default, *range)).chain(of_accounts);
    let fresh = config::Config::default();
    for (key, default, range) in all {
        let declared = config::setting(&key).unwrap_or_else(|| panic!("{key} is not declared"));
        assert_eq!(declared.default, default, "the default of {key}");
        assert_eq!(declared.kind.range(), range, "the range of {key}");
        assert_eq!(fresh.get(&key).unwrap(), default, "{key} without a file");
    }
    // With TLS the port is another one, until it is set.
    let tls = fresh.set("account1.basic.transport", "tls").unwrap();
    assert_eq!(tls.get("account1.basic.port").unwrap(), "5061");
}

/// The interfaces of the manual, and what it says stands on each, in that order.
const MANUAL: &[(&str, &[&str])] = &[
    ("Phone > Call Feature > Direct IP", &["Direct IP Port"]),
    ("Phone > Call Feature > DND", &["Account", "Return Code When DND", "DND On Code", "DND Off Code"]),
    (
        "Account > Basic",
        &[
            "Display Label",
            "Display Name",
            "Register Name",
            "User Name",
            "Password",
            "Server IP",
            "Port",
            "Registration Period",
        ],
    ),
    ("Account > Basic > Outbound Proxy Server", &["Server IP", "Port", "Backup Server IP", "Port"]),
    ("Account > Basic > Transport Type", &["Transport Type"]),
    ("Account > Advanced > Call", &["Prevent SIP Hacking"]),
    ("Account > Advanced > Session Timer", &["Active", "Session Expire", "Session Refresher"]),
];

#[test]
fn what_the_manual_names_is_found_under_its_name_and_path() {
    for (path, labels) in MANUAL {
        let here = config::SETTINGS.iter().filter(|it| it.path == *path && !it.key.starts_with("account2."));
        let mut declared = here.map(|setting| setting.label);
        for label in *labels {
            assert!(declared.any(|it| it == *label), "{path} has no {label}, or not in this place");
        }
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The rows of the table: the number, what it is, and the tests behind it.
fn rows(text: &str) -> BTreeMap<u32, (String, Vec<String>)> {
    let mut rows = BTreeMap::new();
    for line in text.lines() {
        let Some(cells) = line.strip_prefix("| S") else { continue };
        let [number, what, tests] = cells.trim_end_matches([' ', '|']).split(" | ").collect::<Vec<_>>()[..] else {
            panic!("three cells: {line}")
        };
        let tests = tests.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        let before = rows.insert(number.parse().unwrap(), (what.to_owned(), tests));
        assert!(before.is_none(), "S{number} stands there twice");
    }
    rows
}

/// The rows of the other table: the key of a setting, and a number or the tests behind it.
fn settings(text: &str) -> BTreeMap<String, String> {
    let rows =
        text.lines().filter_map(|line| line.strip_prefix("| `")?.trim_end_matches([' ', '|']).split_once("` | "));
    rows.map(|(key, shown)| (key.to_owned(), shown.to_owned())).collect()
}

/// Whether the file has a test of this name, and not just a function.
fn has_test(file: &Path, name: &str) -> bool {
    let Ok(text) = fs::read_to_string(file) else { return false };
    let Some((before, _)) = text.split_once(&format!("fn {name}()")) else { return false };
    let attributes = before.trim_end().lines().rev().map(str::trim).take_while(|line| !line.is_empty() && *line != "}");
    attributes.take(4).any(|line| line == "#[test]")
}

fn assert_is_there(what: &str, test: &str) {
    let (file, name) = test.split_once("::").unwrap_or_else(|| panic!("{what}: {test}"));
    assert!(has_test(&root().join(file), name), "{what}: there is no test {test}");
}

#[test]
fn each_number_has_its_line_and_each_test_that_is_named_is_there() {
    let rows = rows(&fs::read_to_string(root().join("docs/requirements.md")).unwrap());
    let asked: Vec<u32> = NUMBERS.concat();
    for number in &asked {
        assert!(rows.contains_key(number), "docs/requirements.md has no line for S{number}");
    }
    for (number, (what, tests)) in &rows {
        assert!(asked.contains(number), "nobody asks for S{number}");
        assert!(!what.is_empty() && !tests.is_empty(), "S{number} says nothing, or nothing shows it");
        for test in tests {
            assert_is_there(&format!("S{number}"), test);
        }
    }
}

#[test]
fn each_setting_that_is_asked_for_is_seen_to_take_effect() {
    let text = fs::read_to_string(root().join("docs/requirements.md")).unwrap();
    let (rows, settings) = (rows(&text), settings(&text));
    let keys = SETTINGS.iter().map(|(key, ..)| (*key).to_owned());
    let keys: Vec<_> = keys.chain(OF_ACCOUNT.iter().map(|(key, ..)| format!("accountN.{key}"))).collect();
    assert_eq!(settings.keys().cloned().collect::<BTreeSet<_>>(), keys.into_iter().collect::<BTreeSet<_>>());
    for (key, shown) in settings {
        match shown.strip_prefix('S') {
            Some(number) => assert!(rows.contains_key(&number.parse().unwrap()), "{key}: there is no {shown}"),
            None => shown.split('`').skip(1).step_by(2).for_each(|test| assert_is_there(&key, test)),
        }
    }
}

#[test]
fn what_is_no_test_is_not_taken_for_one() {
    let here = root().join(file!());
    assert!(has_test(&here, "what_is_no_test_is_not_taken_for_one"));
    assert!(!has_test(&here, "root"), "it is a function");
    assert!(!has_test(&here, "no_such_test"));
    assert!(!has_test(&root().join("tests/no_such_file.rs"), "root"));
}
