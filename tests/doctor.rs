//! `vestibule doctor`, the binary itself, and how a panel ends that has no screen.

mod panel;

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use panel::{Panel, free_port, poll, vestibule};

/// A command in this folder, which has no settings of anybody else.
fn command(folder: &Path, words: &[&str]) -> Command {
    let mut command = vestibule();
    let at = |name: &str| folder.join(name);
    command
        .args(words)
        .args(["--config".as_ref(), at("config.toml").as_os_str()])
        .args(["--data".as_ref(), at("data").as_os_str()])
        .args(["--socket".as_ref(), at("control.sock").as_os_str()])
        .env("GST_REGISTRY", concat!(env!("CARGO_TARGET_TMPDIR"), "/gstreamer-registry.bin"));
    command
}

fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

/// The verdicts of a check.
fn verdicts<'a>(report: &'a Value, check: &str) -> Vec<&'a str> {
    let checks = report["checks"].as_array().map(Vec::as_slice).unwrap_or_default();
    let of = checks.iter().filter(|it| it["check"] == check);
    of.map(|it| it["verdict"].as_str().unwrap_or_default()).collect()
}

/// What it says, once it has left by itself; it is ended if it does not.
fn ended(mut command: Command) -> Output {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let left = poll(|| child.try_wait().expect("it is our child"));
    if left.is_none() {
        child.kill().expect("it is our child");
    }
    let output = child.wait_with_output().expect("it is our child");
    assert!(left.is_some(), "it does not leave: {output:?}");
    output
}

#[test]
fn the_doctor_looks_at_everything_and_its_code_says_whether_there_is_a_problem() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let settings = format!(
        "[phone.direct_ip]\nport = {}\n[audio]\ninput = \"null\"\noutput = \"null\"\nvolume = 700\n[video]\ncamera = \"v4l2:/nonexistent/video0\"\n",
        free_port()
    );
    std::fs::write(folder.path().join("config.toml"), &settings).expect("written");
    let output = ended(command(folder.path(), &["doctor", "--json"]));
    let report = report(&output);
    for (check, verdict) in [
        ("settings", "warning"),
        ("panel", "ok"),
        ("port", "ok"),
        ("microphone", "ok"),
        ("loudspeaker", "ok"),
        ("camera", "problem"),
    ] {
        assert!(verdicts(&report, check).contains(&verdict), "{check}: {report:#}");
    }
    for check in ["user", "data", "screen", "fonts", "sound", "plug-ins", "clock"] {
        assert!(!verdicts(&report, check).is_empty(), "{check}: {report:#}");
    }
    assert_eq!((report["ok"].as_bool(), output.status.code()), (Some(false), Some(1)));
    assert!(report["problems"].as_u64() >= Some(1), "{report:#}");
    let text = ended(command(folder.path(), &["doctor"]));
    let lines = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(
        lines.contains("\nproblem  camera: /nonexistent/video0: there is no such file or folder: connect it"),
        "{lines}"
    );
    assert_eq!(std::fs::read_to_string(folder.path().join("config.toml")).expect("there"), settings);
    assert!(!folder.path().join("data").exists(), "it only looks");
}

#[test]
fn a_running_panel_is_met_and_its_port_is_its_own() {
    let panel = Panel::start("");
    let config = panel.file("config.toml");
    let output = ended(command(config.parent().expect("a folder"), &["doctor", "--json"]));
    let report = report(&output);
    assert_eq!((verdicts(&report, "panel"), verdicts(&report, "port")), (vec!["ok"], vec!["ok"]), "{report:#}");
    let said = report.to_string();
    assert!(said.contains(&format!("{} is that of the panel that runs: udp:", panel.port)), "{said}");
}

/// Slint itself would break off in the middle of the first picture.
#[test]
fn without_fonts_no_screen_is_opened_and_it_is_said_what_to_install() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    for screen in ["kms", "fb", "window", "offscreen"] {
        let mut panel = command(folder.path(), &["run", "--screen", screen]);
        panel.env("FONTCONFIG_FILE", "/nonexistent/fonts.conf");
        let output = ended(panel);
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{screen}: {words}");
        let said =
            "vestibule: no font: /nonexistent/fonts.conf is not there: install fontconfig-config and fonts-inter";
        assert!(words.contains(said) && !words.contains("panicked"), "{screen}: {words}");
    }
    assert!(!folder.path().join("data").exists(), "nothing was begun");
}

/// Neither fonts that nobody can draw nor a desktop that is not there end in the middle of a library.
#[test]
fn damaged_fonts_and_a_desktop_that_is_gone_are_said_in_words() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let at = |name: &str| folder.path().join(name);
    let settings = format!("<fontconfig><dir>{0}</dir><cachedir>{0}</cachedir></fontconfig>", folder.path().display());
    std::fs::write(at("fonts.conf"), settings).expect("written");
    std::fs::write(at("Inter.ttf"), "these are no letters").expect("written");
    let refused = |mut panel: Command, said: &str| {
        panel.env_remove("WAYLAND_DISPLAY").env("DISPLAY", ":54321.0");
        let output = ended(panel);
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{words}");
        assert!(words.contains(said) && !words.contains("panicked") && !words.contains(".rs"), "{words}");
    };
    for screen in ["window", "offscreen"] {
        let mut panel = command(folder.path(), &["run", "--screen", screen]);
        panel.env("FONTCONFIG_FILE", at("fonts.conf"));
        refused(panel, "Inter.ttf is damaged: install fonts-inter");
    }
    refused(command(folder.path(), &["run", "--screen", "window"]), "no desktop answers at DISPLAY=:54321.0: start it");
    let mut doctor = command(folder.path(), &["doctor", "--json"]);
    doctor.env("FONTCONFIG_FILE", at("fonts.conf")).env_remove("WAYLAND_DISPLAY").env("DISPLAY", ":54321.0");
    let report = report(&ended(doctor));
    assert_eq!(
        (verdicts(&report, "fonts"), verdicts(&report, "screen")),
        (vec!["problem"], vec!["problem"]),
        "{report:#}"
    );
}

#[test]
fn the_screen_that_was_found_is_named_in_the_log() {
    let panel = Panel::start_offscreen("[display]\nscale = \"125\"\nrotation = \"90\"\n");
    // Memory is never turned.
    let named = || panel.log().contains("screen: memory 1024×600, scale 125 %").then_some(());
    assert!(poll(named).is_some(), "the log says where the panel is shown");
    // Pressed where it is seen, at any scale.
    assert!(panel.ctl(&["press", "Dial"]).status.success());
    panel.wait("the dial pad is open", |status| status["screen"] == "dial");
    assert!(panel.ctl(&["set", "display.scale", "100"]).status.success());
    assert!(panel.ctl(&["press", "1"]).status.success());
    panel.wait("the panel still shows the dial pad", |status| status["screen"] == "dial");
}
