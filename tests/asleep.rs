//! A screen that sleeps, and one at night: the binary itself, pressed and photographed through its socket.

mod panel;

use std::fs::File;
use std::io::BufReader;

use panel::Panel;
use serde_json::{Value, json};

/// Never by itself.
const AWAKE: &str = "[display]\nlanguage = \"en\"\nidle_after = 0\nsleep_after = 0\n";

fn ask(panel: &Panel, request: &Value) {
    let answer = panel.ask(request);
    assert_eq!(answer["ok"], true, "{request}: {answer}");
}

fn set(panel: &Panel, key: &str, value: &str) {
    ask(panel, &json!({"do": "set", "key": key, "value": value}));
}

/// The screen as it is, as red, green and blue of each pixel.
fn picture(panel: &Panel) -> Vec<[u8; 3]> {
    let file = panel.file("now.png");
    ask(panel, &json!({"do": "screenshot", "file": file}));
    let decoder = png::Decoder::new(BufReader::new(File::open(file).expect("it was written")));
    let mut reader = decoder.read_info().expect("it is a PNG file");
    let mut pixels = vec![0; reader.output_buffer_size().expect("it fits into memory")];
    let info = reader.next_frame(&mut pixels).expect("a picture");
    pixels.truncate(info.buffer_size());
    pixels.chunks_exact(4).map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect()
}

fn is_black(panel: &Panel) -> bool {
    picture(panel).iter().all(|pixel| *pixel == [0; 3])
}

#[test]
fn the_first_touch_only_wakes_and_the_screen_was_black() {
    let panel = Panel::start_offscreen(AWAKE);
    panel.wait("it is awake", |status| status["light"] == json!({"asleep": false, "night": false, "backlight": 80}));
    assert!(!is_black(&panel));
    let mut events = panel.connect();
    events.ask(&json!({"do": "events"}));

    assert!(panel.ctl(&["sleep"]).status.success());
    panel.wait("it sleeps", |status| status["light"]["asleep"] == true && status["light"]["backlight"] == 0);
    assert!(is_black(&panel));
    let mut lines = std::iter::repeat_with(|| events.line()).take_while(|line| !line.is_null());
    let told = lines.find(|line| line["event"] == "light").expect("it is told");
    assert_eq!(told["light"], json!({"asleep": true, "night": false, "backlight": 0}));

    // A finger where the tile is: it wakes, and no page is opened.
    ask(&panel, &json!({"do": "press", "label": "Dial"}));
    panel.wait("it is awake", |status| status["light"]["asleep"] == false);
    assert_eq!(panel.status()["screen"], "home");
    assert!(!is_black(&panel));
    ask(&panel, &json!({"do": "press", "label": "Dial"}));
    panel.wait("the second touch counts", |status| status["screen"] == "dial");

    // What is typed wakes it, too, and is not taken.
    ask(&panel, &json!({"do": "sleep"}));
    panel.wait("it sleeps", |status| status["light"]["asleep"] == true);
    ask(&panel, &json!({"do": "back"}));
    panel.wait("it is awake", |status| status["light"]["asleep"] == false);
    assert_eq!(panel.status()["screen"], "dial");
    ask(&panel, &json!({"do": "sleep"}));
    assert!(panel.ctl(&["wake"]).status.success());
    panel.wait("it is awake", |status| status["light"]["asleep"] == false);

    // By itself, where that is wanted of a screen that is not the panel's own.
    set(&panel, "display.sleep_after", "1");
    set(&panel, "display.sleep_in_window", "on");
    panel.wait("it sleeps by itself", |status| status["light"]["asleep"] == true);
    assert!(is_black(&panel));
}

#[test]
fn at_night_the_clock_is_amber_on_black() {
    let panel =
        Panel::start_offscreen("[display]\nlanguage = \"en\"\nidle_after = 1\nsleep_after = 0\ntheme = \"light\"\n");
    panel.wait("the clock is there", |status| status["screen"] == "idle");
    let bright = |pixels: &[[u8; 3]]| pixels.iter().filter(|[r, g, b]| r.max(g).max(b) > &100).count();
    let by_day = picture(&panel);
    assert!(bright(&by_day) > by_day.len() * 9 / 10, "the light look");
    // All day but one minute, and all day but another, should it be that minute now.
    set(&panel, "display.night.from", "00:01");
    set(&panel, "display.night.to", "00:00");
    set(&panel, "display.night.mode", "schedule");
    if panel.status()["light"]["night"] == false {
        set(&panel, "display.night.from", "12:00");
        set(&panel, "display.night.to", "11:59");
    }
    panel.wait("it is night", |status| status["light"] == json!({"asleep": false, "night": true, "backlight": 10}));
    let at_night = picture(&panel);
    let lit = bright(&at_night);
    assert!(lit > 0 && lit < at_night.len() / 4, "{lit} of {} pixels", at_night.len());
    let grey = at_night.iter().filter(|[r, _, b]| *r > 60 && *b > *r / 2).count();
    assert_eq!(grey, 0, "amber has little blue in it");
    set(&panel, "display.night.mode", "off");
    panel.wait("it is day", |status| status["light"]["night"] == false);
    let by_day = picture(&panel);
    assert!(bright(&by_day) > by_day.len() * 9 / 10, "the light look again");
}

#[test]
fn the_night_comes_by_the_clocks_of_the_zone_that_is_set() {
    let panel = Panel::start_offscreen(AWAKE);
    set(&panel, "display.night.from", "00:00");
    set(&panel, "display.night.to", "12:00");
    set(&panel, "display.night.mode", "schedule");
    // It is night in one of two places that are half a day apart, and day in the other.
    let night = |zone: &str| {
        set(&panel, "display.time_zone", zone);
        panel.status()["light"]["night"] == true
    };
    assert_ne!(night("Etc/GMT-6"), night("Etc/GMT+6"));
    let refused = panel.ask(&json!({"do": "set", "key": "display.time_zone", "value": "Europe/Atlantis"}));
    let error = refused["error"].as_str().expect("it is refused");
    assert!(error.contains("display.time_zone") && error.contains("Europe/Atlantis"), "{error}");
}
