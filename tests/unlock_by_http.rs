//! A door that is opened by HTTP: the panel, the binary itself, with its screen, and a web server that is played here.

mod panel;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use panel::{PATIENCE, Panel, poll};
use serde_json::{Value, json};

/// As it stands in the address, and as it is.
const PASSWORD: [&str; 2] = ["s3cret%21", "s3cret!"];

/// The web server of a door. Each request waits for its answer.
struct Door {
    port: u16,
    requests: Receiver<(String, TcpStream)>,
}

impl Door {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
        let port = listener.local_addr().expect("it is bound").port();
        let (sender, requests) = channel();
        // Ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|count| count > 0) {
                    head.push(byte[0]);
                }
                if sender.send((String::from_utf8_lossy(&head).into_owned(), stream)).is_err() {
                    return;
                }
            }
        });
        Self { port, requests }
    }

    /// The next request, which waits for [`answer`].
    fn request(&self) -> (String, TcpStream) {
        self.requests.recv_timeout(PATIENCE).expect("the door is asked")
    }

    fn was_left_alone(&self) -> bool {
        self.requests.recv_timeout(Duration::from_millis(300)).is_err()
    }

    /// The settings of a panel that knows it.
    fn settings(&self) -> String {
        format!(
            "[phone.unlock]\nopen_time = 60\n[display]\nlanguage = \"en\"\nidle_after = 0\n\
             [[contact]]\nname = \"Gate\"\nnumbers = [\"127.0.0.1\"]\n[contact.door]\nunlock = \"http\"\n\
             url = \"http://ali:{}@127.0.0.1:{}/open?door=1\"\n",
            PASSWORD[0], self.port
        )
    }
}

fn answer(mut stream: TcpStream, status: &str) {
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").expect("the panel is there");
}

fn press(panel: &Panel, label: &str) -> bool {
    panel.ask(&json!({"do": "press", "label": label}))["ok"] == true
}

/// Whether the Unlock key says that the door is open, by pressing it.
fn says_open(panel: &Panel) -> bool {
    (40..=60).rev().any(|seconds| press(panel, &format!("Door open, closes in {seconds} s")))
}

fn is_right(head: &str) -> bool {
    // ali:s3cret!
    let authorization =
        head.to_ascii_lowercase().contains("authorization: basic ") && head.contains("YWxpOnMzY3JldCE=");
    head.starts_with("GET /open?door=1 HTTP/1.1\r\n") && authorization
}

#[test]
fn whoever_rings_is_let_in_by_one_request_and_the_screen_says_so() {
    let door = Door::new();
    let panel = Panel::start_offscreen(&door.settings());
    let outside = Panel::start("");
    assert!(outside.ctl(&["dial", &format!("127✳0✳0✳1✳{}", panel.port)]).status.success());
    let is_ringing = |status: &Value| status["screen"] == "ringing" && status["calls"][0]["can_unlock"] == true;
    let status = panel.wait("the gate rings", is_ringing);
    assert_eq!((&status["calls"][0]["name"], &status["calls"][0]["unlock"]), (&json!("Gate"), &json!("idle")));

    // The screen is deaf to fingers for the first moment.
    let sending = poll(|| {
        press(&panel, "Unlock");
        (panel.status()["calls"][0]["unlock"] == "sending").then_some(())
    });
    assert!(sending.is_some(), "{:#}", panel.status());
    let (head, stream) = door.request();
    assert!(is_right(&head), "{head}");
    assert!(press(&panel, "Unlock"));
    assert!(door.was_left_alone(), "a second tap changes nothing");
    answer(stream, "200 OK");
    panel.wait("the door is open", |status| status["calls"][0]["unlock"] == "opened");
    assert!(door.was_left_alone(), "it was asked once");
    assert!(poll(|| says_open(&panel).then_some(())).is_some(), "the screen says so");
    // Which is one more press.
    let (_, stream) = door.request();
    answer(stream, "404 Not Found");
    panel.wait("it is said why it did not open", |status| {
        let call = &status["calls"][0];
        call["unlock"] == "failed" && call["unlock_reason"] == "the door does not know this web address (404)"
    });
    assert!(poll(|| press(&panel, "Unlock, Unknown address (404)").then_some(())).is_some());
}

#[test]
fn the_home_screen_opens_a_door_without_a_call_and_its_password_is_nowhere_to_be_read() {
    let door = Door::new();
    let mut panel = Panel::start_talkative(&door.settings());
    let key = |panel: &Panel| panel.status()["doors"][0].clone();
    panel.wait("the home screen is there", |status| status["screen"] == "home");
    assert_eq!(key(&panel), json!({"name": "Gate", "can_unlock": true, "unlock": "idle", "unlock_reason": null}));
    assert!(poll(|| press(&panel, "Unlock Gate").then_some(())).is_some(), "its card has a key");
    let (head, stream) = door.request();
    assert!(is_right(&head), "{head}");
    assert_eq!(key(&panel)["unlock"], "sending");
    answer(stream, "204 No Content");
    panel.wait("the door is open", |status| status["doors"][0]["unlock"] == "opened");
    assert!(door.was_left_alone(), "it was asked once");
    // Whatever it says meanwhile, its name is the same.
    assert!(press(&panel, "Unlock Gate"));
    let (_, stream) = door.request();
    answer(stream, "401 Unauthorized");
    panel.wait("it is said why it did not open", |status| {
        status["doors"][0]["unlock_reason"] == "wrong name or password (401)"
    });
    assert!(press(&panel, "Unlock"), "there is one alone");
    let (_, stream) = door.request();
    drop(stream);
    panel.wait("nothing came back", |status| status["doors"][0]["unlock_reason"] == "the door did not answer");

    let by_hand = panel.ctl(&["unlock", "--door", "Gate"]);
    assert!(by_hand.status.success(), "{by_hand:?}");
    let (head, stream) = door.request();
    assert!(is_right(&head), "{head}");
    answer(stream, "200 OK");
    panel.wait("the door is open", |status| status["doors"][0]["unlock"] == "opened");
    assert!(!panel.ctl(&["unlock", "--door", "Attic"]).status.success());

    let listed = String::from_utf8(panel.ctl(&["contacts", "list", "--json"]).stdout).expect("it is text");
    assert!(listed.contains("http://ali:•••@127.0.0.1:"), "{listed}");
    // What was shown comes back, and the password stays.
    let mut contact: Value = serde_json::from_str::<Value>(&listed).expect("it is JSON")["contacts"][0].take();
    contact["favourite"] = json!(true);
    let changed = panel.ask(&json!({"do": "change_contact", "name": "Gate", "contact": contact}));
    assert_eq!(changed["ok"], true, "{changed}");
    contact["door"]["url"] = json!(format!("http://ali:•••@127.0.0.2:{}/open", door.port));
    let elsewhere = panel.ask(&json!({"do": "change_contact", "name": "Gate", "contact": contact}));
    assert_eq!(elsewhere["error"], "contact 'Gate': door.url: '•' must not stand in it");
    let bad = panel.ctl(&["contacts", "add", "Shed", "1", "--url", &format!("htp://ali:{}@shed", PASSWORD[0])]);
    let bad = String::from_utf8_lossy(&bad.stderr).into_owned();
    assert!(bad.contains("'htp://ali:•••@shed' does not begin with http://"), "{bad}");
    let saved = std::fs::read_to_string(panel.file("config.toml")).expect("the settings were saved");
    assert!(saved.contains(PASSWORD[0]) && saved.contains("favourite = true"), "{saved}");

    let told = format!("{listed}{bad}{:#}", panel.status());
    panel.terminate();
    let log = panel.log();
    for secret in PASSWORD.into_iter().chain(["YWxpOnMzY3JldCE="]) {
        assert!(!told.contains(secret), "{secret} was told: {told}");
        assert!(!log.contains(secret), "{secret} is in the log");
    }
    assert!(log.contains("door Gate: the door opened"), "{log}");
}
