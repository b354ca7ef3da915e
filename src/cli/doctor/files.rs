//! The settings file and the data folder.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::Finding;
use crate::config::{self, Config, FileFault, size};
use crate::worker::machine::free_space;

/// With less room than this on the disk, in bytes, the call log cannot be kept for long.
const LITTLE: u64 = 64 << 20;
/// With less than this it cannot be kept at all.
const TOO_LITTLE: u64 = 4 << 20;

/// What is wrong with the settings file; the settings in force.
pub(super) fn settings(file: &Path) -> (Config, Vec<Finding>) {
    let name = file.display();
    let check = "settings";
    let (config, mut findings) = match fs::read(file).map(String::from_utf8) {
        Ok(Ok(text)) => {
            let loaded = config::read(&text);
            let remedy = format!("mend it: vestibule settings check {name}");
            let wrong = loaded.problems.iter().map(|problem| {
                // The panel runs all the same, without that line.
                Finding::warning(check, format!("{name}: {problem}"), &remedy)
            });
            (loaded.config, wrong.collect())
        }
        Ok(Err(_)) => {
            let what = format!("{name} is not UTF-8 text, the defaults are in force");
            (Config::default(), vec![Finding::warning(check, what, "write it anew")])
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => (Config::default(), Vec::new()),
        Err(error) => {
            let what = FileFault::from(error).of(file);
            (
                Config::default(),
                vec![Finding::problem(check, what, "ask as the panel's user, or give it to that user: chown USER")],
            )
        }
    };
    // It is replaced by another one whenever it changes, so what counts is its folder.
    findings.extend(folder(check, file.parent().unwrap_or(Path::new("/"))));
    if findings.is_empty() {
        let state = if file.exists() { "can be read and changed" } else { "is not there yet, and can be made" };
        findings.push(Finding::ok(check, format!("{name} {state}")));
    }
    (config, findings)
}

/// Whether the call log and the pictures have a place.
pub(super) fn data(data: &Path) -> Vec<Finding> {
    let name = data.display();
    let mut findings: Vec<Finding> = folder("data", data).into_iter().collect();
    findings.extend(match free_space(&existing(data)) {
        Ok(free) => room(data, free),
        Err(error) => Some(Finding::warning("data", format!("{name}: {error}"), "see how full its disk is: df")),
    });
    if findings.is_empty() {
        findings.push(Finding::ok("data", format!("{name} can be written to")));
    }
    findings
}

fn room(data: &Path, free: u64) -> Option<Finding> {
    let what = format!("{} has {} left", data.display(), size(free & !0x3ff));
    let remedy = "make room on its disk";
    match free {
        0..TOO_LITTLE => Some(Finding::problem("data", what, remedy)),
        TOO_LITTLE..LITTLE => Some(Finding::warning("data", what, remedy)),
        _ => None,
    }
}

/// What is wrong with a folder that is to be written to. One that is not there yet is made by the panel.
fn folder(check: &'static str, folder: &Path) -> Option<Finding> {
    let there = existing(folder);
    let error = write_into(&there).err()?;
    let what = FileFault::from(error).of(there);
    let remedy = match what.fault {
        FileFault::NoRoom => "make room on its disk".to_owned(),
        FileFault::ReadOnly => "mount its disk for writing".to_owned(),
        _ => format!("give the panel's user a folder of its own: install -d -o USER {}", folder.display()),
    };
    Some(Finding::problem(check, what, remedy))
}

/// The folder, or the innermost one around it that is there.
fn existing(folder: &Path) -> PathBuf {
    let mut around = folder.ancestors().filter(|folder| !folder.as_os_str().is_empty());
    around.find(|folder| folder.exists()).map_or_else(|| PathBuf::from("."), Path::to_owned)
}

/// Writes a file and takes it away again: nothing else tells whether a disk takes one.
fn write_into(folder: &Path) -> io::Result<()> {
    let file = folder.join(format!(".vestibule-doctor-{}", std::process::id()));
    OpenOptions::new().write(true).create_new(true).open(&file)?;
    fs::remove_file(&file)
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn settings_that_are_right_or_not_there_yet_are_fine() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let file = folder.path().join("deep/config.toml");
        let (config, findings) = settings(&file);
        assert_eq!((config, findings[0].verdict), (Config::default(), Verdict::Ok));
        assert!(findings[0].what.contains("not there yet"), "{findings:?}");
        fs::create_dir(folder.path().join("deep")).expect("made");
        fs::write(&file, "[audio]\nvolume = 20\n").expect("written");
        let (config, findings) = settings(&file);
        assert_eq!((config.audio_volume, findings.len(), findings[0].verdict), (20, 1, Verdict::Ok));
        let names: Vec<_> = fs::read_dir(folder.path().join("deep")).expect("there").flatten().collect();
        assert_eq!(names.len(), 1, "nothing is left lying about");
    }

    #[test]
    fn each_line_that_does_not_count_is_a_warning_and_the_file_is_left_as_it_is() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let file = folder.path().join("config.toml");
        let text = "[audio]\nvolume = 700\n[display]\ntheme = \"pink\"\n";
        fs::write(&file, text).expect("written");
        let (_, findings) = settings(&file);
        let verdicts: Vec<_> = findings.iter().map(|finding| finding.verdict).collect();
        assert_eq!(verdicts, [Verdict::Warning, Verdict::Warning]);
        assert!(findings.iter().any(|finding| finding.what.contains("audio.volume")), "{findings:?}");
        assert_eq!(fs::read_to_string(&file).expect("there"), text);
        fs::write(&file, b"x = \"\xff\"").expect("written");
        assert_eq!(settings(&file).1[0].verdict, Verdict::Warning);
    }

    #[test]
    fn a_file_that_cannot_be_read_and_a_folder_that_cannot_be_written_to_are_problems() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let file = folder.path().join("config.toml");
        fs::create_dir(&file).expect("a folder in the place of the file");
        let (_, findings) = settings(&file);
        assert_eq!(findings[0].verdict, Verdict::Problem, "{findings:?}");
        // A file in the place of the folder: even root cannot write into it.
        let below = folder.path().join("file");
        fs::write(&below, "").expect("written");
        assert_eq!(settings(&below.join("config.toml")).1[0].verdict, Verdict::Problem);
        let data = data(&below.join("data"));
        assert_eq!(data[0].verdict, Verdict::Problem, "{data:?}");
        assert!(data[0].remedy.contains("install -d"), "{data:?}");
    }

    #[test]
    fn a_folder_that_the_panel_will_make_is_fine() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let findings = data(&folder.path().join("a/b"));
        // A test must not fail because somebody's disk is nearly full.
        assert!(findings.iter().all(|finding| finding.what.contains("left") || finding.verdict == Verdict::Ok));
        assert!(!folder.path().join("a").exists(), "looking makes nothing");
    }

    #[test]
    fn little_room_is_a_warning_and_none_a_problem() {
        let of = |free| room(Path::new("/data"), free).map(|finding| (finding.verdict, finding.what));
        assert_eq!(of(1 << 30), None);
        assert_eq!(of(LITTLE), None);
        assert_eq!(of(32 << 20), Some((Verdict::Warning, "/data has 32 MiB left".to_owned())));
        assert_eq!(of(0), Some((Verdict::Problem, "/data has 0 bytes left".to_owned())));
    }
}
