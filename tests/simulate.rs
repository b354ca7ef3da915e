//! `vestibule simulate` without a display: one visit by the real program, through the real control socket.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A slow machine may take so long for the whole visit.
const PATIENCE: Duration = Duration::from_secs(240);

/// The pictures of a visit, and how many colours each has at least: more where the visitor is seen.
const PICTURES: [(&str, usize); 10] = [
    ("01_home.png", 20),
    ("02_ringing.png", 2000),
    ("03_in_call.png", 2000),
    ("04_door_open.png", 2000),
    ("05_home_after.png", 2000),
    ("06_dial.png", 20),
    ("07_contacts.png", 20),
    ("08_log.png", 20),
    ("09_settings.png", 20),
    ("10_idle.png", 20),
];

const STEPS: [&str; 11] = [
    "The bell is pressed",
    "The panel rings",
    "The visitor is seen, ",
    "Answer was pressed: both can talk",
    "They talk by ",
    "Unlock was pressed: the door is open",
    "End was pressed: the call is over on both sides",
    "127✳0✳0✳1 is typed on the dial pad",
    "The contacts, the call log and the settings were opened",
    "Nobody is there: the clock",
    "The visit is over",
];

struct Outcome {
    code: Option<i32>,
    out: String,
    error: String,
}

/// Runs the program with folders of its own for everything but the list of GStreamer's plug-ins, which takes seconds to make.
fn simulate(folder: &Path, arguments: &[&str]) -> Outcome {
    let mut child = Command::new(env!("CARGO_BIN_EXE_vestibule"))
        .arg("simulate")
        .args(arguments)
        .env("TMPDIR", folder)
        .env("XDG_CONFIG_HOME", folder.join("config"))
        .env("XDG_DATA_HOME", folder.join("data"))
        .env("XDG_RUNTIME_DIR", folder.join("run"))
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let reader = |mut pipe: Box<dyn Read + Send>| {
        std::thread::spawn(move || {
            let mut text = String::new();
            pipe.read_to_string(&mut text).expect("it writes UTF-8");
            text
        })
    };
    let out = reader(Box::new(child.stdout.take().expect("a pipe")));
    let error = reader(Box::new(child.stderr.take().expect("a pipe")));
    let from = Instant::now();
    let code = loop {
        if let Some(status) = child.try_wait().expect("it is our child") {
            break status.code();
        }
        if from.elapsed() > PATIENCE {
            child.kill().expect("it is our child");
            child.wait().expect("it is our child");
            break None;
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    Outcome { code, out: out.join().expect("read"), error: error.join().expect("read") }
}

/// Width, height, and how many colours a picture has.
fn look(file: &Path) -> (u32, u32, usize) {
    let decoder = png::Decoder::new(std::io::BufReader::new(fs::File::open(file).expect("the picture is there")));
    let mut reader = decoder.read_info().expect("a PNG");
    let mut pixels = vec![0; reader.output_buffer_size().expect("a picture of this size fits")];
    let info = reader.next_frame(&mut pixels).expect("a whole PNG");
    let mut colours: Vec<&[u8]> = pixels.chunks_exact(4).collect();
    colours.sort_unstable();
    colours.dedup();
    (info.width, info.height, colours.len())
}

#[test]
fn one_visit_is_played_and_every_screen_is_photographed() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let outcome = simulate(folder.path(), &["--size", "1024x600"]);
    let told = format!("{}\n{}", outcome.out, outcome.error);
    assert_eq!(outcome.code, Some(0), "{told}");
    let mut lines = outcome.out.lines();
    for step in STEPS {
        let line = lines.find(|line| line.split_once(" s  ").is_some_and(|(_, words)| words.starts_with(step)));
        let line = line.unwrap_or_else(|| panic!("'{step}' is not told, or not in its turn:\n{told}"));
        let seconds = line.split_once(" s  ").and_then(|(seconds, _)| seconds.trim().parse::<f64>().ok());
        assert!(seconds.is_some_and(|seconds| seconds >= 0.0), "{line}");
    }
    let pictures = outcome.out.lines().find_map(|line| line.strip_prefix("Pictures of every screen: "));
    let pictures = PathBuf::from(pictures.unwrap_or_else(|| panic!("the folder is not named:\n{told}")));
    assert!(pictures.starts_with(folder.path()));
    for (name, least) in PICTURES {
        let (width, height, colours) = look(&pictures.join(name));
        assert_eq!((width, height), (1024, 600), "{name}");
        assert!(colours >= least, "{name} has {colours} colours");
    }
    for place in ["config", "data", "run"] {
        assert!(!folder.path().join(place).exists(), "{place} of the user was touched");
    }
}

#[test]
fn a_visit_that_fails_names_the_step_and_exits_with_1() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let settings = folder.path().join("settings.toml");
    fs::write(&settings, "[phone.dnd]\nmode = \"reject\"\n[audio]\ninput = \"null\"\noutput = \"null\"\n")
        .expect("written");
    let file = settings.to_str().expect("UTF-8");
    let outcome = simulate(folder.path(), &["--screen", "offscreen", "--config", file]);
    assert_eq!(outcome.code, Some(1), "{}\n{}", outcome.out, outcome.error);
    assert!(outcome.error.contains("the panel rings"), "{}", outcome.error);
    assert!(outcome.error.contains("declined, or is busy"), "{}", outcome.error);
    let text = fs::read_to_string(&settings).expect("still there");
    assert!(!text.contains("Front door"), "settings that were named are left alone: {text}");
}

#[test]
fn a_screen_that_cannot_be_simulated_is_wrong_use() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let outcome = simulate(folder.path(), &["--screen", "none"]);
    assert_eq!(outcome.code, Some(2), "{}", outcome.error);
    assert!(outcome.error.contains("--screen"), "{}", outcome.error);
}
