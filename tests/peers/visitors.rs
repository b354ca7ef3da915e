//! baresip is a door station with a camera whose visitors are kept in the call log: missed ones with a picture, others without.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use serde_json::{Value, json};
use vestibule::media::video::still::{Fit, from_jpeg};

use crate::real_panel::poll;
use crate::rigs::Transport;
use crate::rigs::baresip::{Baresip, Role};
use crate::rigs::flat::Flat;

const ON: &str = "[phone.call_log]\npictures = true\n";
const STAYS: &str = "[phone.call_log]\npictures = true\ndelete_if_answered = false\n";

fn ring(flat: &Flat, door: &mut Baresip) {
    door.order("dial", &format!("sip:panel@127.0.0.1:{}", flat.panel.port));
    flat.panel.wait("the door is seen", |status| {
        status["screen"] == "ringing" && status["calls"][0]["video"]["frames"].as_u64() > Some(0)
    });
}

fn leave(flat: &Flat, door: &mut Baresip) {
    door.order("hangup", "");
    assert_eq!(flat.wait_for_end(), "missed");
    door.closed();
}

fn folder(flat: &Flat) -> PathBuf {
    flat.panel.file("data").join("pictures")
}

/// The files that are kept.
fn files(flat: &Flat) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder(flat)).map(|entries| entries.flatten().map(|entry| entry.path()).collect());
    entries.unwrap_or_default()
}

/// The one file, whole.
fn kept(flat: &Flat) -> PathBuf {
    let found = poll(|| match files(flat).as_slice() {
        [one] if one.extension().is_some_and(|ending| ending == "jpg") => Some(one.clone()),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("no picture is kept: {:?}", files(flat)))
}

/// The newest line of the call log.
fn line(flat: &Flat) -> Value {
    let answer = flat.panel.ask(&json!({"do": "log"}));
    answer["result"]["entries"].get(0).cloned().unwrap_or_default()
}

/// The newest line once it has a picture.
fn line_with_picture(flat: &Flat) -> Value {
    let found = poll(|| Some(line(flat)).filter(|line| line["picture"].is_string()));
    found.unwrap_or_else(|| panic!("no picture is in the log: {:#}", line(flat)))
}

/// The camera shows three bars, red, green and blue: the colours in the middle of each.
fn bars(file: &PathBuf) -> Vec<[u8; 3]> {
    let (width, height, rgb) = from_jpeg(fs::read(file).expect("it is there"), Fit::Whole).expect("it is a picture");
    let at = |third: u32| {
        let from = ((height / 2 * width + width * (2 * third + 1) / 6) * 3) as usize;
        [rgb[from], rgb[from + 1], rgb[from + 2]]
    };
    [0, 1, 2].map(at).into()
}

fn are_bars(seen: &[[u8; 3]]) -> bool {
    let wanted = [[255, 0, 0], [0, 255, 0], [0, 0, 255]];
    seen.iter().flatten().zip(wanted.iter().flatten()).all(|(is, should)| is.abs_diff(*should) <= 60)
}

#[test]
fn a_missed_visitor_is_in_the_call_log_with_the_picture_of_the_door() {
    let mut flat = Flat::start_with("pcmu", ON);
    let mut door = Baresip::start(Role::DOOR, Transport::Udp);
    ring(&flat, &mut door);
    let file = kept(&flat);
    assert_eq!(fs::metadata(&file).expect("it is there").permissions().mode() & 0o777, 0o600);
    assert!(are_bars(&bars(&file)), "{:?}", bars(&file));
    leave(&flat, &mut door);
    let missed = line_with_picture(&flat);
    assert_eq!((&missed["result"], &missed["direction"]), (&json!("missed"), &json!("in")));
    assert_eq!(missed["picture"].as_str(), file.file_name().and_then(|name| name.to_str()));
    assert!(missed["video"]["packets"].as_u64() > Some(0) && missed["video"]["codec"] == "H264", "{missed:#}");

    // On the screen: the row of the visitor, then the visitor alone.
    flat.press_until("Call log", |status| status["screen"] == "log");
    let row = || [38, 70, 102].map(|x| flat.photograph().at(x, 122));
    assert!(poll(|| are_bars(&row()).then_some(())).is_some(), "the row shows {:?}", row());
    assert_eq!(flat.panel.ask(&json!({"do": "press", "label": "Line"}))["ok"], true);
    let large = || [100, 260, 420].map(|x| flat.photograph().at(x, 300));
    assert!(poll(|| are_bars(&large()).then_some(())).is_some(), "the line shows {:?}", large());

    // A power cut leaves the line with its picture, and no file that no line has.
    flat.panel.kill();
    fs::write(folder(&flat).join("17-1.jpg"), "torn").expect("written");
    fs::write(folder(&flat).join("18-1.jpg.new"), "torn").expect("written");
    flat.panel.restart();
    assert_eq!(line(&flat)["picture"], missed["picture"]);
    assert_eq!(files(&flat), [file]);

    // Deleted by a person, it goes from the disk and the line stays.
    flat.press_until("Call log", |status| status["screen"] == "log");
    for label in ["Line", "Delete picture", "Delete for good"] {
        let pressed = poll(|| (flat.panel.ask(&json!({"do": "press", "label": label}))["ok"] == true).then_some(()));
        assert!(pressed.is_some(), "{label}");
    }
    assert!(poll(|| files(&flat).is_empty().then_some(())).is_some(), "{:?}", files(&flat));
    assert_eq!((line(&flat)["picture"].clone(), line(&flat)["result"].clone()), (Value::Null, json!("missed")));
}

#[test]
fn the_picture_of_a_visitor_who_is_let_in_goes_unless_it_is_to_stay() {
    for (settings, stays) in [(ON, false), (STAYS, true)] {
        let flat = Flat::start_with("pcmu", settings);
        let mut door = Baresip::start(Role::DOOR, Transport::Udp);
        ring(&flat, &mut door);
        kept(&flat);
        flat.press_until("Answer", |status| status["calls"][0]["state"] == "confirmed");
        if !stays {
            assert!(poll(|| files(&flat).is_empty().then_some(())).is_some(), "{:?}", files(&flat));
        }
        flat.wait_for_talk();
        flat.hang_up();
        let line = poll(|| Some(line(&flat)).filter(|line| line["result"] == "answered")).expect("it is in the log");
        assert_eq!((line["picture"].is_string(), files(&flat).len()), (stays, usize::from(stays)), "{line:#}");
        assert_eq!(line["audio"]["codec"], "pcmu");
        assert!(line["audio"]["packets"].as_u64() > Some(100) && line["audio"]["loss_percent"].is_number(), "{line:#}");
        door.closed();
    }
}

#[test]
fn nobody_is_kept_unless_the_owner_wants_it() {
    let flat = Flat::start_with("pcmu", "");
    let mut door = Baresip::start(Role::DOOR, Transport::Udp);
    ring(&flat, &mut door);
    // Longer than a picture would take.
    flat.panel.wait("the visitor is seen for some seconds", |status| {
        status["calls"][0]["video"]["frames"].as_u64() > Some(80)
    });
    leave(&flat, &mut door);
    let line = poll(|| Some(line(&flat)).filter(|line| line["result"] == "missed")).expect("it is in the log");
    assert_eq!(line["picture"], Value::Null);
    assert!(!folder(&flat).exists(), "no folder is made for nothing");
}

#[test]
fn a_folder_that_takes_no_picture_is_said_and_holds_up_nothing() {
    let flat = Flat::start_with("pcmu", ON);
    // A plain file stands where the folder should be: nobody can write there, whoever it is.
    fs::write(folder(&flat), "").expect("written");
    let mut door = Baresip::start(Role::DOOR, Transport::Udp);
    ring(&flat, &mut door);
    let is_told = |status: &Value| status["notices"].to_string().contains("pictures of visitors cannot be kept");
    let status = flat.panel.wait("it is said", is_told);
    assert_eq!(status["screen"], "ringing", "the visitor rings on");
    leave(&flat, &mut door);
    let line = poll(|| Some(line(&flat)).filter(|line| line["result"] == "missed")).expect("it is in the log");
    assert_eq!(line["picture"], Value::Null);

    // The next visitor is kept, although gone at once, and the notice goes.
    fs::remove_file(folder(&flat)).expect("it was there");
    ring(&flat, &mut door);
    leave(&flat, &mut door);
    line_with_picture(&flat);
    assert!(are_bars(&bars(&kept(&flat))));
    flat.panel.wait("the notice has gone", |status| !is_told(status));
}
