//! The walls of the house: which room may know which, and who may name which crate.

#![allow(clippy::unwrap_used, reason = "a test may stop where it stands")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// One row of the table in `src/lib.rs`: a room, the rooms that it may know, the crates that it may name.
struct Room {
    path: &'static str,
    rooms: &'static [&'static str],
    crates: &'static [&'static str],
}

/// Small vocabulary crates that every room may use.
const EVERYWHERE: &[&str] = &["std", "core", "thiserror", "tracing", "serde"];

const ROOMS: &[Room] = &[
    Room { path: "channel", rooms: &["config", "dial"], crates: &[] },
    Room { path: "dial.rs", rooms: &[], crates: &[] },
    Room { path: "frame.rs", rooms: &[], crates: &[] },
    Room {
        path: "config",
        rooms: &["dial", "channel"],
        crates: &["toml", "directories", "serde_json", "libc", "jiff"],
    },
    Room { path: "sip", rooms: &[], crates: &["rand", "bytes", "rsip", "md5", "sha2"] },
    Room { path: "sdp", rooms: &[], crates: &["sdp_types"] },
    Room { path: "rtp", rooms: &[], crates: &["rand", "rtp_types", "rtcp_types"] },
    Room { path: "phone", rooms: &["sip", "sdp", "config", "dial", "channel"], crates: &["rand"] },
    Room {
        path: "media",
        rooms: &["sdp", "rtp", "config", "frame"],
        crates: &[
            "cpal",
            "opus",
            "audio_codec",
            "rubato",
            "rtrb",
            "hound",
            "gstreamer",
            "gstreamer_app",
            "gstreamer_video",
            "alsa",
            "libc",
        ],
    },
    Room {
        path: "worker",
        rooms: &["phone", "sip", "sdp", "rtp", "config", "dial", "channel", "frame", "media"],
        crates: &[
            "tokio",
            "socket2",
            "bytes",
            "serde_json",
            "getrandom",
            "libc",
            "rand",
            "jiff",
            "argon2",
            "hickory_resolver",
            "netlink_sys",
            "rustls",
            "tokio_rustls",
            "rustls_native_certs",
            "ring",
            "x509_parser",
            "data_encoding",
            "sd_notify",
            "gpiocdev",
            "hyper",
            "hyper_util",
        ],
    },
    Room {
        path: "cli",
        rooms: &["worker", "ui", "config", "channel", "frame", "media", "simulator"],
        crates: &["clap", "serde_json", "tracing_subscriber", "tokio", "getrandom"],
    },
    Room {
        path: "ui",
        rooms: &["channel", "config", "dial", "frame"],
        crates: &[
            "screens",
            "slint",
            "i_slint_backend_testing",
            "input",
            "png",
            "read_fonts",
            "rustix",
            "yuv",
            "jiff",
            "tokio",
        ],
    },
    Room {
        path: "simulator",
        rooms: &["sip", "sdp", "rtp", "media", "channel", "frame"],
        crates: &["tokio", "tiny_skia", "rand", "hound", "jiff"],
    },
];

fn sources(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_path_buf()];
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(path).unwrap_or_else(|e| panic!("{}: {e}", path.display())) {
        let entry = entry.unwrap().path();
        if entry.is_dir() && !is_test(&entry) {
            found.extend(sources(&entry));
        } else if entry.extension().is_some_and(|e| e == "rs") && !is_test(&entry) {
            found.push(entry);
        }
    }
    found
}

/// Whether a file or folder is compiled for the tests alone: these may use what their room may not.
fn is_test(path: &Path) -> bool {
    let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
    matches!(name, "tests" | "testing" | "torture" | "shots")
}

/// The code of a file without its comments, strings' contents left in, and without its unit tests.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// The names that follow `marker` in `code`: `crate::` gives rooms.
fn names_after(code: &str, marker: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (at, _) in code.match_indices(marker) {
        let rest = &code[at + marker.len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 1;
            let mut word = String::new();
            let mut at_name = true;
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    _ => {}
                }
                if depth == 1 && (c.is_alphanumeric() || c == '_') && at_name {
                    word.push(c);
                } else if depth == 1 && c == ',' {
                    names.insert(std::mem::take(&mut word));
                    at_name = true;
                } else if !word.is_empty() {
                    at_name = false;
                }
                if depth == 0 {
                    break;
                }
            }
            names.insert(word);
        } else {
            names.insert(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
        }
    }
    names.remove("");
    names
}

/// The crates of Cargo.toml, as code names them.
fn dependencies() -> Vec<String> {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let mut inside = false;
    let mut found = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line == "[dependencies]";
        } else if inside && let Some((name, _)) = line.split_once([' ', '.']).filter(|_| !line.starts_with('#')) {
            // The one whose library has another name than its package.
            found.push(if name == "md-5" { "md5".to_owned() } else { name.replace('-', "_") });
        }
    }
    found
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn names_crate(code: &str, name: &str) -> bool {
    code.match_indices(&format!("{name}::")).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
    })
}

#[test]
fn no_room_knows_more_than_the_table_allows() {
    let all: Vec<&str> = ROOMS.iter().map(|room| room.path.trim_end_matches(".rs")).collect();
    let crates = dependencies();
    let mut broken = Vec::new();
    for room in ROOMS {
        let own = room.path.trim_end_matches(".rs");
        for file in sources(&root().join("src").join(room.path)) {
            let code = code(&file);
            for known in names_after(&code, "crate::") {
                if all.contains(&known.as_str()) && known != own && !room.rooms.contains(&known.as_str()) {
                    broken.push(format!("{} knows the room {known}", file.display()));
                }
            }
            for name in &crates {
                let allowed = EVERYWHERE.contains(&name.as_str()) || room.crates.contains(&name.as_str());
                if !allowed && names_crate(&code, name) {
                    broken.push(format!("{} names the crate {name}", file.display()));
                }
            }
        }
    }
    assert!(broken.is_empty(), "walls broken:\n{}", broken.join("\n"));
}

#[test]
fn every_room_is_in_the_table() {
    let known: BTreeSet<&str> =
        ROOMS.iter().map(|room| room.path).chain(["lib.rs", "main.rs", "cli", "cli.rs"]).collect();
    for entry in fs::read_dir(root().join("src")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(known.contains(name.as_str()), "src/{name} is in no row of the table");
    }
}

#[test]
fn rsip_is_named_in_one_file() {
    for file in sources(&root().join("src")) {
        if !file.ends_with("sip/message.rs") {
            assert!(!names_crate(&code(&file), "rsip"), "{} names rsip", file.display());
        }
    }
}

#[test]
fn the_core_owns_no_clock_thread_socket_or_random_source() {
    let forbidden = [
        "Instant::now",
        "SystemTime::now",
        "thread::",
        "std::net::Udp",
        "std::net::Tcp",
        "UdpSocket",
        "TcpStream",
        "getrandom",
        "std::fs",
        "std::env",
    ];
    for room in ["sip", "sdp", "rtp", "phone", "dial.rs"] {
        for file in sources(&root().join("src").join(room)) {
            let code = code(&file);
            for word in forbidden {
                assert!(!code.contains(word), "{} uses {word}", file.display());
            }
        }
    }
}

#[test]
fn the_theme_holds_every_colour() {
    let pages = root().join("ui");
    for folder in ["pages", "widgets"] {
        for entry in fs::read_dir(pages.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let text = fs::read_to_string(&path).unwrap();
            for (number, line) in text.lines().enumerate() {
                let code = line.split("//").next().unwrap_or_default();
                let literal = code.split('#').skip(1).any(|rest| {
                    let digits = rest.chars().take_while(char::is_ascii_hexdigit).count();
                    matches!(digits, 3 | 4 | 6 | 8) && !rest[digits..].starts_with(|c: char| c.is_alphanumeric())
                });
                assert!(
                    !literal || code.contains('"'),
                    "{}:{}: a colour outside the theme",
                    path.display(),
                    number + 1
                );
            }
        }
    }
}
