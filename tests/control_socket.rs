//! The command line and the control socket of a running panel, as control.md promises them.

mod panel;

use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use panel::{PATIENCE, Panel, free_port, poll, vestibule};
use serde_json::{Value, json};

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn ctl_prints_the_state_and_leaves_with_the_promised_codes() {
    let mut panel = Panel::start("");
    let mode = std::fs::metadata(panel.file("control.sock")).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let printed = panel.ctl(&["status"]);
    assert!(printed.status.success());
    let status: Value = serde_json::from_slice(&printed.stdout).expect("it is JSON");
    for field in ["version", "screen", "dnd", "direct_ip", "accounts", "calls", "missed"] {
        assert!(status.get(field).is_some(), "the status lacks {field}");
    }
    assert_eq!((&status["screen"], &status["dnd"], &status["missed"]), (&json!("home"), &json!("off"), &json!(0)));
    assert_eq!(status["accounts"][1]["account"], 2);
    let listening = &status["direct_ip"]["listening"];
    assert_eq!(listening[0], format!("udp:0.0.0.0:{}", panel.port));
    assert_eq!(listening[1], format!("tcp:0.0.0.0:{}", panel.port));

    for words in [&["answer"][..], &["end", "7"], &["dial", "300✳1✳1✳1"], &["press", "Dial"], &["screenshot", "a.png"]]
    {
        let refused = panel.ctl(words);
        assert_eq!(refused.status.code(), Some(1), "{words:?}");
        assert!(text(&refused.stderr).starts_with("vestibule: "), "{words:?}: {}", text(&refused.stderr));
    }
    assert!(text(&panel.ctl(&["press", "Dial"]).stderr).contains("without a screen"));
    assert!(text(&panel.ctl(&["dial", "300✳1✳1✳1"]).stderr).contains("300"));
    assert_eq!(panel.ctl(&["volume", "101"]).status.code(), Some(2));
    assert_eq!(panel.ctl(&["fly"]).status.code(), Some(2));

    assert!(panel.ctl(&["quit"]).status.success());
    assert!(panel.wait_for_end().success());
    assert!(!panel.file("control.sock").exists());
    let nobody = panel.ctl(&["status"]);
    assert_eq!(nobody.status.code(), Some(1));
    assert!(text(&nobody.stderr).contains("no panel runs"));
}

#[test]
fn ctl_keeps_the_dial_plan() {
    let mut panel = Panel::start("");
    let rules = |panel: &Panel, words: &[&str]| panel.ctl(&[&["rules"][..], words].concat());
    assert!(rules(&panel, &["add", "9", "101", "127✳0✳0✳1", "--name", "All", "--account", "2"]).status.success());
    let twice = rules(&panel, &["add", "9", "102"]);
    assert_eq!(twice.status.code(), Some(1));
    assert!(text(&twice.stderr).contains("prefix: 9 has a rule already"), "{}", text(&twice.stderr));
    let itself = text(&rules(&panel, &["add", "8", "8"]).stderr);
    assert!(itself.contains("replace: 8 would replace itself"), "{itself}");
    let six = text(&rules(&panel, &["add", "8", "1", "2", "3", "4", "5", "6"]).stderr);
    assert!(six.contains("6 numbers are too many: 1–5"), "{six}");
    assert_eq!(text(&rules(&panel, &["list"]).stdout), "9 → 101, 127✳0✳0✳1  account 2  (All)\n");

    // The good lines come in, the bad ones are listed by line and reason.
    let (table, exported) = (panel.file("rules.csv"), panel.file("exported.csv"));
    std::fs::write(
        &table,
        "name,prefix,replace1,account\nRoof,7,103,auto\nBad,x,1,auto\n,6,300.1.1.1,auto\n,5,104,1\n",
    )
    .expect("written");
    let path = |file: &std::path::Path| file.display().to_string();
    let imported = rules(&panel, &["import", &path(&table)]);
    assert_eq!(imported.status.code(), Some(1));
    assert!(text(&imported.stderr).contains("2 lines were not taken over"), "{}", text(&imported.stderr));
    let said = text(&imported.stdout);
    assert!(
        said.starts_with(
            "2 added, 0 changed, 0 as they were\nline 3: prefix: 'x' cannot stand in it\nline 4: replace: "
        ),
        "{said}"
    );
    assert!(rules(&panel, &["remove", "5"]).status.success());
    assert_eq!(rules(&panel, &["remove", "5"]).status.code(), Some(1));
    assert_eq!(rules(&panel, &["import", "/nonexistent.csv"]).status.code(), Some(1));

    assert!(rules(&panel, &["export", &path(&exported)]).status.success());
    let csv = std::fs::read_to_string(&exported).expect("it is there");
    assert_eq!(csv.lines().nth(1), Some("Roof,7,103,,,,,auto"), "{csv}");
    // It was durable before ctl came back.
    panel.kill();
    panel.restart();
    let listed: Value = serde_json::from_slice(&rules(&panel, &["list", "--json"]).stdout).expect("it is JSON");
    let all = json!({"name": "All", "prefix": "9", "replace": ["101", "127✳0✳0✳1"], "account": "2"});
    assert_eq!(listed, json!([{"name": "Roof", "prefix": "7", "replace": ["103"], "account": "auto"}, all]));
}

#[test]
fn a_second_panel_on_the_same_socket_says_so_and_leaves_with_2() {
    let panel = Panel::start("");
    let second = panel.another().output().expect("it runs");
    assert_eq!(second.status.code(), Some(2));
    assert!(text(&second.stderr).contains("already runs"), "{}", text(&second.stderr));
    assert_eq!(panel.status()["screen"], "home", "the first one goes on");
}

#[test]
fn a_setting_is_checked_takes_effect_at_once_and_outlives_a_kill() {
    let mut panel = Panel::start("");
    let mut events = panel.connect();
    assert_eq!(events.ask(&json!({"id": 1, "do": "events"})), json!({"id": 1, "ok": true, "result": {}}));

    let port = free_port();
    let wrong = panel.ask(&json!({"id": 2, "do": "set", "key": "phone.direct_ip.port", "value": "70000"}));
    assert_eq!((&wrong["id"], &wrong["ok"]), (&json!(2), &json!(false)));
    for word in ["phone.direct_ip.port", "70000", "65535"] {
        assert!(wrong["error"].as_str().is_some_and(|error| error.contains(word)), "{wrong}");
    }
    assert!(panel.ctl(&["set", "phone.direct_ip.port", &port.to_string()]).status.success());
    // It was durable before ctl came back.
    panel.kill();
    let heard = std::iter::from_fn(|| Some(events.line()).filter(|line| !line.is_null())).collect::<Vec<_>>();
    let listens = |line: &Value| {
        line["event"] == "direct_ip" && line["direct_ip"]["listening"][0] == format!("udp:0.0.0.0:{port}")
    };
    assert!(heard.iter().any(listens), "{heard:?}");
    assert!(heard.iter().any(|line| line["event"] == "settings"), "{heard:?}");

    panel.restart();
    assert_eq!(text(&panel.ctl(&["get", "phone.direct_ip.port"]).stdout).trim(), port.to_string());
    assert_eq!(panel.ctl(&["get", "no.such"]).status.code(), Some(1));
}

#[test]
fn the_settings_verb_goes_through_the_panel_or_to_the_file() {
    let panel = Panel::start("");
    let settings = |words: &[&str]| {
        let output = vestibule()
            .arg("settings")
            .args(words)
            .args(["--config".as_ref(), panel.file("config.toml").as_os_str()])
            .output();
        output.expect("it runs")
    };
    assert_eq!(text(&settings(&["get", "phone.direct_ip.port"]).stdout).trim(), panel.port.to_string());
    let listed: Value = serde_json::from_slice(&settings(&["list", "--json"]).stdout).expect("it is JSON");
    assert!(listed.as_array().is_some_and(|list| list.iter().any(|row| row["key"] == "phone.direct_ip.enabled")));
    assert!(settings(&["check"]).status.success());
    let wrong = settings(&["set", "phone.direct_ip.port", "0"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(text(&wrong.stderr).contains("1–65535"), "{}", text(&wrong.stderr));

    let through_panel = |volume: &str| {
        let mut set = vestibule();
        set.args(["settings", "set", "audio.volume", volume, "--socket"]).arg(panel.file("control.sock"));
        set.output().expect("it runs")
    };
    let done = through_panel("33");
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert_eq!(text(&panel.ctl(&["get", "audio.volume"]).stdout).trim(), "33");
    assert_eq!(through_panel("101").status.code(), Some(2), "a wrong value");
    // In the place of what is written beside the file.
    std::fs::create_dir(panel.file("config.toml.new")).expect("made");
    let unsaved = through_panel("34");
    let words = text(&unsaved.stderr);
    assert_eq!(unsaved.status.code(), Some(1), "{words}");
    assert!(words.contains("it is in force, but cannot be saved: "), "{words}");
}

#[test]
fn a_taken_port_is_said_and_the_rest_works() {
    let taken = UdpSocket::bind("0.0.0.0:0").expect("a socket");
    let port = taken.local_addr().expect("bound").port();
    let panel = Panel::start_on(port, "");
    let status = panel.status();
    let listening = status["direct_ip"]["listening"].to_string();
    assert!(!listening.contains("udp:0.0.0.0") && listening.contains("tcp:0.0.0.0"), "{listening}");
    assert_eq!(status["direct_ip"]["error"], format!("UDP port {port} is taken by another program"));
    assert!(status["notices"][0]["text"].as_str().is_some_and(|words| words.contains(&port.to_string())), "{status}");
    assert!(panel.ctl(&["set", "phone.direct_ip.port", &free_port().to_string()]).status.success());
    let status = panel.wait("it listens elsewhere", |status| status["direct_ip"]["error"].is_null());
    assert_eq!(status["notices"], json!([]));
}

#[test]
fn a_damaged_settings_file_is_told_and_stops_nothing() {
    let panel = Panel::start("[phone.call]\nmax_call_time = \"never\"\n");
    let status = panel.status();
    let notices = status["notices"].to_string();
    assert!(notices.contains("phone.call.max_call_time") && notices.contains("damaged-1"), "{notices}");
    assert!(panel.file("config.toml.damaged-1").exists());
}

#[test]
fn a_data_folder_that_takes_nothing_is_told_at_once() {
    let mut panel = Panel::start("");
    assert_eq!(panel.status()["notices"], json!([]));
    panel.kill();
    let data = panel.file("data");
    std::fs::remove_dir_all(&data).expect("removed");
    std::fs::write(&data, "").expect("a plain file in its place");
    panel.restart();
    let notices = panel.status()["notices"].to_string();
    assert!(notices.contains("call log cannot be saved") && notices.contains("calls.jsonl"), "{notices}");

    let nobody = free_port();
    assert!(panel.ctl(&["dial", &format!("127✳0✳0✳1✳{nobody}")]).status.success());
    panel.wait("the call has failed", |status| status["calls"] == json!([]));
    std::fs::remove_file(&data).expect("it was there");
    panel.wait("it is saved as soon as it can be", |status| status["notices"] == json!([]));
    panel.kill();
    let log = std::fs::read_to_string(data.join("calls.jsonl")).expect("a call log");
    assert!(log.contains(&format!("127.0.0.1:{nobody}")), "{log}");
}

#[test]
fn sigterm_ends_a_call_and_the_panel_within_two_seconds() {
    let other = Panel::start("");
    let mut panel = Panel::start("");
    assert!(panel.ctl(&["dial", &format!("127✳0✳0✳1✳{}", other.port)]).status.success());
    other.wait_for_call("ringing");
    assert!(other.ctl(&["answer"]).status.success());
    panel.wait_for_call("confirmed");
    let begun = Instant::now();
    assert!(panel.terminate().success());
    assert!(begun.elapsed() < Duration::from_secs(2), "it took {:?}", begun.elapsed());
    other.wait("the other side heard it", |status| status["calls"] == json!([]));
}

#[test]
fn peers_that_say_nothing_or_little_hurt_nobody() {
    let panel = Panel::start("");
    let mut silent: Vec<TcpStream> =
        (0..8).map(|_| TcpStream::connect(("127.0.0.1", panel.port)).expect("it listens")).collect();
    for (count, peer) in silent.iter_mut().enumerate() {
        peer.write_all(&b"OPTIONS sip"[..count]).expect("written");
    }
    let mut ninth = TcpStream::connect(("127.0.0.1", panel.port)).expect("the system takes it");
    ninth.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
    assert_eq!(ninth.read(&mut [0; 1]).unwrap_or(0), 0, "it is closed, eight are the share of one address");

    let peer = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let answer = poll(|| options(&peer, panel.port)).expect("the panel answers others");
    assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
    assert_eq!(panel.status()["screen"], "home");
}

/// Asks by UDP what the panel can do.
fn options(peer: &UdpSocket, port: u16) -> Option<String> {
    peer.set_read_timeout(Some(Duration::from_secs(1))).expect("a time-out can be set");
    let own = peer.local_addr().expect("bound");
    let request = format!(
        "OPTIONS sip:panel@127.0.0.1:{port} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bK1;rport\r\nMax-Forwards: 70\r\n\
        From: <sip:test@{own}>;tag=1\r\nTo: <sip:panel@127.0.0.1:{port}>\r\nCall-ID: 1@test\r\nCSeq: 1 OPTIONS\r\n\
        Content-Length: 0\r\n\r\n"
    );
    peer.send_to(request.as_bytes(), ("127.0.0.1", port)).expect("sent");
    let mut buffer = [0; 4096];
    let count = peer.recv(&mut buffer).ok()?;
    Some(text(&buffer[..count]))
}

#[test]
fn the_sip_trace_has_both_ways() {
    let panel = Panel::start("");
    let peer = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    poll(|| options(&peer, panel.port)).expect("the panel answers");
    let trace = poll(|| {
        let trace = std::fs::read_to_string(panel.file("sip.txt")).ok()?;
        trace.contains("SIP/2.0 200").then_some(trace)
    });
    let trace = trace.expect("it is written");
    assert!(
        trace.contains("OPTIONS sip:panel@127.0.0.1") && trace.contains(" <- ") && trace.contains(" -> "),
        "{trace}"
    );
    let mode = std::fs::metadata(panel.file("sip.txt")).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_row_below_the_fold_is_pressed_as_one_in_sight_and_what_is_on_another_page_is_not() {
    let panel = Panel::start_offscreen("");
    let press = |label: &str| panel.ctl(&["press", label]);
    assert!(press("Settings").status.success());
    panel.wait("the settings are shown", |status| status["screen"] == "settings");
    // The first row, the last one, and one above it again.
    for key in ["phone.dnd.mode", "phone.call.max_dial_out_time", "phone.auto_answer.enabled"] {
        let pressed = press(key);
        assert!(pressed.status.success(), "{key}: {}", text(&pressed.stderr));
        if key != "phone.auto_answer.enabled" {
            // Its sheet is open.
            assert!(press("Cancel").status.success(), "{key}");
        }
    }
    let switched_on = || text(&panel.ctl(&["get", "phone.auto_answer.enabled"]).stdout).trim() == "on";
    assert!(poll(|| switched_on().then_some(())).is_some(), "the finger has reached the switch");
    let elsewhere = press("audio.key_tones");
    assert_eq!(elsewhere.status.code(), Some(1));
    let said = text(&elsewhere.stderr);
    assert!(said.contains("nothing on the screen is called 'audio.key_tones'"), "{said}");
}
