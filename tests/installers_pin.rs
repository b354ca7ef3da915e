//! The installer's PIN, at the real screen: it guards the accounts, is kept as a hash, locks, and lets a bell through.

mod panel;

use panel::Panel;
use serde_json::{Value, json};

/// Presses what bears these names, one after the other.
fn press(panel: &Panel, names: &[&str]) {
    let mut connection = panel.connect();
    for name in names {
        let answer = connection.ask(&json!({"do": "press", "label": name}));
        assert_eq!(answer["ok"], true, "{name}: {answer}");
    }
}

fn is_on_screen(panel: &Panel, name: &str) -> bool {
    panel.ask(&json!({"do": "press", "label": name}))["ok"] == true
}

fn pin(panel: &Panel, what: &str, is_so: impl Fn(&Value) -> bool) {
    panel.wait(what, |status| is_so(&status["pin"]));
}

#[test]
fn the_accounts_open_by_the_pin_and_lock_after_five_wrong_ones_over_a_restart() {
    let mut panel = Panel::start_offscreen("");
    press(&panel, &["Settings", "Account 1", "Test", "Close"]);
    assert!(panel.ctl(&["set", "security.pin", "4711"]).status.success());
    let text = std::fs::read_to_string(panel.file("config.toml")).expect("the settings were saved");
    assert!(text.contains("$argon2id$") && !text.contains("4711"), "only a hash is kept: {text}");
    pin(&panel, "there is a PIN", |pin| pin["set"] == true && pin["open"] == false);
    assert!(!panel.ctl(&["get", "security.pin"]).status.success(), "nobody gets to see even the hash");

    // The page that was open is closed: its key is covered by the pad.
    press(&panel, &["4", "7", "1", "2", "Enter"]);
    pin(&panel, "a wrong one costs a try", |pin| pin["answer"] == "wrong" && pin["tries_left"] == 4);
    press(&panel, &["4", "7", "1", "1", "Enter"]);
    pin(&panel, "the right one opens", |pin| pin["open"] == true && pin["tries_left"] == 5);
    press(&panel, &["Outbound Proxy Server", "account1.outbound_proxy.active"]);
    panel.wait("the setting is in force", |_| {
        panel.ask(&json!({"do": "get", "key": "account1.outbound_proxy.active"}))["result"]["value"] == "on"
    });

    assert!(panel.ctl(&["back"]).status.success());
    press(&panel, &["Settings", "Account 2"]);
    assert!(is_on_screen(&panel, "Test"), "it stays open for a while");
    press(&panel, &["Close"]);
    let mut line = panel.connect();
    for _ in 0..5 {
        // From elsewhere, so that the pad is shown again and again.
        assert_eq!(line.ask(&json!({"do": "set", "key": "security.pin", "value": "4711"}))["ok"], true);
        pin(&panel, "another hash closes the pages", |pin| pin["open"] == false);
        let left = panel.status()["pin"]["tries_left"].as_u64().expect("a number");
        press(&panel, &["0", "0", "0", "0", "Enter"]);
        pin(&panel, "the try is counted", |pin| pin["answer"] == "wrong" && pin["tries_left"] == left - 1);
    }
    pin(&panel, "it is locked", |pin| pin["locked_s"].as_u64().is_some_and(|left| (1..=300).contains(&left)));
    assert!(!is_on_screen(&panel, "1"), "nothing is taken");
    panel.kill();
    panel.restart();
    pin(&panel, "it is locked still", |pin| pin["locked_s"].as_u64().is_some_and(|left| left > 0));
    assert!(panel.status()["pin"]["tries_left"] == 0);
}

#[test]
fn a_bell_comes_over_the_pin_and_leaves_what_was_typed() {
    let panel = Panel::start_offscreen("[security]\npin = \"2468\"\n[display]\nidle_after = 0\n");
    pin(&panel, "digits in the file are hashed at the start", |pin| pin["set"] == true);
    panel.wait("the file holds the hash", |_| {
        std::fs::read_to_string(panel.file("config.toml")).is_ok_and(|text| text.contains("$argon2id$"))
    });
    press(&panel, &["Settings", "Security", "2", "4"]);
    let door = Panel::start("");
    assert!(door.ctl(&["dial", &format!("127.0.0.1:{}", panel.port)]).status.success());
    panel.wait("it rings", |status| status["screen"] == "ringing");
    door.ctl(&["end"]);
    panel.wait("the bell is over", |status| status["screen"] == "settings");
    press(&panel, &["6", "8", "Enter"]);
    pin(&panel, "the four digits were kept", |pin| pin["open"] == true);
    press(&panel, &["Lock now"]);
    pin(&panel, "it is closed by hand", |pin| pin["open"] == false);
}

#[test]
fn a_pin_is_set_changed_and_taken_away_on_the_screen() {
    let panel = Panel::start_offscreen("");
    let digits = |text: &'static str| text.split("").filter(|digit| !digit.is_empty()).collect::<Vec<_>>();
    let type_in = |text| {
        press(&panel, &digits(text));
        press(&panel, &["Enter"]);
    };
    press(&panel, &["Settings", "Security", "Change PIN"]);
    for pin in ["1357", "1357"] {
        type_in(pin);
    }
    pin(&panel, "there is one", |pin| pin["set"] == true && pin["answer"] == "changed");
    press(&panel, &["Change PIN"]);
    for pin in ["1357", "86420", "86420"] {
        type_in(pin);
    }
    panel.wait("it was changed", |status| status["pin"]["answer"] == "changed" && status["pin"]["set"] == true);
    press(&panel, &["Lock now", "Security"]);
    type_in("1357");
    pin(&panel, "the old one is wrong now", |pin| pin["answer"] == "wrong");
    type_in("86420");
    pin(&panel, "the new one is right", |pin| pin["open"] == true);
    press(&panel, &["Remove PIN"]);
    type_in("86420");
    pin(&panel, "there is none", |pin| pin["set"] == false);
}
