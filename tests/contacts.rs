//! The address book of a running panel: through `ctl`, through files, and on its screen.

mod panel;

use panel::{Panel, poll};
use serde_json::{Value, json};

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What `ctl contacts` says; a failure is its words behind its code.
fn contacts(panel: &Panel, words: &[&str]) -> String {
    let output = panel.ctl(&[&["contacts"], words].concat());
    match output.status.code() {
        Some(0) => text(&output.stdout).trim_end().to_owned(),
        code => format!("{}: {}", code.unwrap_or_default(), text(&output.stderr).trim_end()),
    }
}

fn listed(panel: &Panel) -> Value {
    serde_json::from_str(&contacts(panel, &["list", "--json"])).expect("it is JSON")
}

#[test]
fn contacts_are_added_listed_and_removed_and_outlive_a_kill() {
    let mut panel = Panel::start("");
    assert_eq!(contacts(&panel, &["list"]), "");
    assert_eq!(contacts(&panel, &["add", "Anna", "12", "sip:anna@pbx.test", "--account", "2", "--favourite"]), "");
    let door =
        ["add", "Front door", "192✳168✳1✳20", "--may-call", "--ringtone", "bell", "--unlock", "info", "--code", "12#"];
    assert_eq!(contacts(&panel, &door), "");
    assert_eq!(contacts(&panel, &["list"]), "Anna\t12, sip:anna@pbx.test\nFront door\t192✳168✳1✳20");
    assert_eq!(
        listed(&panel)["contacts"][1],
        json!({
            "name": "Front door", "numbers": ["192✳168✳1✳20"], "account": "auto", "may_call": true, "blocked": false,
            "favourite": false, "emergency": false, "ringtone": "bell",
            "door": {"unlock": "info", "code": "12#", "url": null, "monitor": null},
        })
    );
    for (words, error) in [
        (&["add", "anna", "13"][..], "contact 'anna': name: there is a contact 'anna' already"),
        (&["add", "Bert", "a b"], "numbers: 'a b' cannot be dialled: ' ' cannot be dialled"),
        (&["add", "Bert"], "contact 'Bert': numbers: nothing was given: 1–10 numbers"),
        (&["add", "Bert", "1", "--code", "1x"], "door.code: '1x' is not 1–16 of 0–9, *, #, A–D"),
        (
            &["add", "Bert", "1", "--unlock", "http"],
            "contact 'Bert': door.unlock: 'http' needs the web address that opens the door, door.url",
        ),
        (&["remove", "Bert"], "there is no contact 'Bert'"),
    ] {
        assert_eq!(contacts(&panel, words), format!("1: vestibule: {error}"));
    }
    // What was added was on the disk before ctl came back.
    panel.kill();
    panel.restart();
    assert_eq!(listed(&panel)["contacts"].as_array().map(Vec::len), Some(2));
    assert_eq!(contacts(&panel, &["remove", "ANNA"]), "");
    assert_eq!(contacts(&panel, &["list"]), "Front door\t192✳168✳1✳20");
}

#[test]
fn files_come_in_line_by_line_and_go_out_whole() {
    let panel = Panel::start("");
    let file = |name: &str| panel.file(name).display().to_string();
    let broken = "Name;Telefon;emergency\nAnna;12;ja\n;13;\n\"Bert;14;\nCarl;15;yes\nCarl;16;yes\n";
    std::fs::write(file("in.csv"), format!("\u{feff}{broken}")).expect("written");
    assert_eq!(
        contacts(&panel, &["import", &file("in.csv")]),
        "1 added, 1 changed, 0 as before\n\
         line 2 (Anna): emergency: 'ja' is not one of yes, no\n\
         line 3: name: nothing was given: 1–64 characters\n\
         line 4: a quotation mark is not closed"
    );
    assert_eq!(contacts(&panel, &["list"]), "Carl\t15, 16");
    for name in ["out.csv", "out.vcf"] {
        assert_eq!(contacts(&panel, &["export", &file(name)]), json!({"contacts": 1, "file": file(name)}).to_string());
        assert_eq!(contacts(&panel, &["import", &file(name)]), "0 added, 0 changed, 1 as before");
    }
    let before = listed(&panel);
    assert_eq!(contacts(&panel, &["remove", "Carl"]), "");
    assert_eq!(contacts(&panel, &["import", &file("out.vcf")]), "1 added, 0 changed, 0 as before");
    assert_eq!(listed(&panel), before);

    let huge = std::fs::File::create(panel.file("huge.vcf")).expect("created");
    huge.set_len(50 << 20).expect("a file full of holes");
    std::fs::write(file("picture.png"), b"\x89PNG\r\n\x1a\n").expect("written");
    for (name, error) in [
        ("huge.vcf", "it is larger than 16 MiB"),
        ("none.csv", "there is no such file or folder"),
        (
            "picture.png",
            "it is neither a vCard nor a CSV file whose first line names the columns, name and number among them",
        ),
    ] {
        let name = file(name);
        assert_eq!(contacts(&panel, &["import", &name]), format!("1: vestibule: {name}: {error}"));
    }
    let many: String = (0..10_001).map(|n| format!("Contact {n},{n}\n")).collect();
    std::fs::write(file("many.csv"), format!("name,number\n{many}")).expect("written");
    assert_eq!(
        contacts(&panel, &["import", &file("many.csv")]),
        "1: vestibule: 10002 contacts are too many, the limit is 10000"
    );
    assert_eq!(listed(&panel), before, "the old ones stay");
}

#[test]
fn whoever_was_missed_becomes_a_contact_that_can_be_called_by_its_name() {
    let panel = Panel::start_offscreen("");
    let caller = Panel::start("");
    assert!(caller.ctl(&["dial", &format!("127✳0✳0✳1✳{}", panel.port)]).status.success());
    panel.wait("it rings", |status| status["screen"] == "ringing");
    assert!(caller.ctl(&["end"]).status.success());
    panel.wait("it was missed", |status| status["screen"] == "home" && status["missed"] == 1);
    let press = |label: &str| {
        let pressed = poll(|| panel.ctl(&["press", label]).status.success().then_some(()));
        assert!(pressed.is_some(), "{label}: {}", text(&panel.ctl(&["press", label]).stderr));
    };
    for label in ["Call log", "Line", "Add to contacts", "contact.name"] {
        press(label);
    }
    assert!(panel.ctl(&["type", " next door"]).status.success());
    press("Save");
    press("Save contact");
    let found = poll(|| {
        let list = listed(&panel);
        list["contacts"][0]["name"].as_str().is_some_and(|name| name.ends_with("next door")).then_some(list)
    });
    let contact = found.expect("it is in the address book")["contacts"][0].take();
    assert_eq!(contact["numbers"], json!([format!("127.0.0.1:{}", caller.port)]));
    // Its key has gone with it; the contact is called where it called from.
    assert!(poll(|| (!panel.ctl(&["press", "Add to contacts"]).status.success()).then_some(())).is_some());
    let name = contact["name"].as_str().expect("it has a name");
    assert!(panel.ctl(&["dial", name]).status.success());
    caller.wait("it rings there", |status| status["calls"][0]["direction"] == "in");
}

#[test]
fn a_contact_is_written_on_the_screen_and_found_by_what_is_typed() {
    let panel = Panel::start_offscreen("");
    let press = |label: &str| {
        let pressed = poll(|| panel.ctl(&["press", label]).status.success().then_some(()));
        assert!(pressed.is_some(), "{label}: {}", text(&panel.ctl(&["press", label]).stderr));
    };
    let enter = |text: &str| {
        assert!(panel.ctl(&["type", text]).status.success());
        press("Save");
    };
    press("Contacts");
    panel.wait("the contacts are shown", |status| status["screen"] == "contacts");
    press("Add contact");
    press("Save contact");
    press("contact.name");
    enter("Müller");
    press("contact.numbers.0");
    enter("1.2.3.999");
    // It says why above the keyboard, and what was typed can be mended.
    assert!(panel.ctl(&["type", "\u{8}\u{8}\u{8}4"]).status.success());
    press("Save");
    press("contact.favourite");
    press("contact.door");
    press("Save contact");
    let found = poll(|| {
        let list = listed(&panel);
        (list["contacts"][0]["name"] == "Müller").then_some(list)
    });
    let contact = found.expect("it is in the address book")["contacts"][0].take();
    assert_eq!((&contact["numbers"], &contact["favourite"]), (&json!(["1.2.3.4"]), &json!(true)));
    assert!(contact["door"].is_object());

    press("Favourite");
    assert!(poll(|| (listed(&panel)["contacts"][0]["favourite"] == false).then_some(())).is_some());
    press("Close");
    press("Search");
    assert!(panel.ctl(&["type", "mull"]).status.success());
    press("Müller");
    press("Edit");
    press("Delete contact");
    press("Keep");
    press("Delete contact");
    press("Delete for good");
    assert!(poll(|| (listed(&panel)["contacts"] == json!([])).then_some(())).is_some(), "it is gone");
}
