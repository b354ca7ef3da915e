//! A door at the panel's own relay and contact, without a wire: the binary itself with its door in memory.

mod panel;

use panel::Panel;
use serde_json::{Value, json};

const SETTINGS: &str = "[display]\nlanguage = \"en\"\nidle_after = 0\nsleep_after = 0\n\
                        [board.relay]\nchip = \"test\"\npulse = 2500\n[board.door_contact]\nchip = \"test\"\n\
                        [[contact]]\nname = \"Front door\"\nnumbers = [\"127✳0✳0✳1\"]\n[contact.door]\nunlock = \"relay\"\n";

fn ask(panel: &Panel, request: &Value) {
    let answer = panel.ask(request);
    assert_eq!(answer["ok"], true, "{request}: {answer}");
}

#[test]
fn unlock_on_the_home_screen_switches_the_relay_and_the_contact_tells_of_it() {
    let panel = Panel::start_offscreen(SETTINGS);
    panel.wait("the contact is seen", |status| status["door"]["open"] == false);
    let mut events = panel.connect();
    events.ask(&json!({"do": "events"}));
    ask(&panel, &json!({"do": "press", "label": "Unlock"}));
    for open in [true, false] {
        let is_it = |line: &Value| line["event"] == "door" && line["open"] == open;
        let told = std::iter::repeat_with(|| events.line()).take_while(|line| !line.is_null()).find(is_it);
        assert!(told.is_some(), "open: {open}");
    }
    let key = |status: &Value| status["doors"][0]["unlock"].clone();
    panel.wait("the key goes back", |status| status["door"] == json!({"open": false}) && key(status) == "idle");

    // The contact is no longer wanted, then a chip is named that is not there: that is said, and all else works.
    ask(&panel, &json!({"do": "set", "key": "board.door_contact.chip", "value": ""}));
    panel.wait("nothing is known of the door", |status| status["door"]["open"].is_null());
    ask(&panel, &json!({"do": "set", "key": "board.relay.chip", "value": "/dev/gpiochip-of-nobody"}));
    let words = "board.relay.chip: /dev/gpiochip-of-nobody: there is no such file or folder";
    panel.wait("the notice names setting and file", |status| status["notices"].to_string().contains(words));
    ask(&panel, &json!({"do": "press", "label": "Unlock"}));
    panel.wait("it has failed", |status| key(status) == "failed");
    ask(&panel, &json!({"do": "set", "key": "board.relay.chip", "value": "test"}));
    panel.wait("nothing is wrong any longer", |status| !status["notices"].to_string().contains("board."));
}
