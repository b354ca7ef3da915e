//! `settings`: look at the settings file, check it, change it. With a panel running on the same settings the change goes
//! through the panel, which would otherwise write its own over it.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::args::{Common, CtlVerb, SettingsVerb};
use super::{Failure, ctl};
use crate::config::store::Store;
use crate::config::{self, Config, FileFault, Problem, SETTINGS};
use crate::worker::pin;

/// Does one verb.
pub(super) fn run(common: &Common, verb: &SettingsVerb) -> Result<(), Failure> {
    match verb {
        SettingsVerb::List { json } => {
            let config = open(&file(common)?)?.1;
            print(&if *json { pretty(&config)? } else { table(&config) })
        }
        SettingsVerb::Get { key } => {
            let config = open(&file(common)?)?.1;
            print(&shown(&config, key)?)
        }
        SettingsVerb::Set { key, value } => set(common, key, value),
        SettingsVerb::Check { file: None } => check(&file(common)?),
        SettingsVerb::Check { file: Some(file) } => check(file),
        SettingsVerb::Reference => print(config::reference().trim_end()),
    }
}

/// The settings file: the one named, or that of the panel which is spoken of.
fn file(common: &Common) -> Result<PathBuf, Failure> {
    match &common.config {
        Some(file) => Ok(file.clone()),
        None => Ok(common.spoken_of()?.places.config),
    }
}

/// The settings of a file. What is wrong in it goes to standard error and stops nothing.
///
/// # Errors
/// When it cannot be read: what is shown then would not be its settings.
fn open(file: &Path) -> Result<(Store, Config), Failure> {
    let (store, opened) = Store::open(file);
    for problem in &opened.problems {
        if let Problem::Unreadable(error) = problem {
            let hint = if error.fault == FileFault::NotAllowed { ": ask as root, or as its owner" } else { "" };
            return Err(Failure::at_run_time(format!("{error}{hint}")));
        }
        eprintln!("vestibule: {}: {problem}", file.display());
    }
    Ok((store, opened.config))
}

fn set(common: &Common, key: &str, value: &str) -> Result<(), Failure> {
    // What is written down is a hash, and what goes through a panel is one already.
    let kept;
    let value = if key == pin::KEY {
        kept = pin::kept(value).map_err(Failure::at_run_time)?;
        kept.as_str()
    } else {
        value
    };
    // A file that was named is meant; else a running panel is asked, because it is about to write its own settings.
    if common.config.is_none() {
        let verb = CtlVerb::Set { key: key.to_owned(), value: value.to_owned() };
        if let Some(answer) = ctl::setting(&common.socket_of_spoken_of(), &verb) {
            return answer.map(drop).map_err(|failure| {
                // The panel says in words alone whether the value is wrong or a disk is full.
                let config = file(common).and_then(|file| open(&file)).map(|(_, config)| config).unwrap_or_default();
                if config.set(key, value).is_err() { Failure::wrong_use(failure.words) } else { failure }
            });
        }
    }
    let file = file(common)?;
    let (mut store, config) = open(&file)?;
    let changed = config.set(key, value).map_err(Failure::wrong_use)?;
    store.save(&changed).map_err(Failure::at_run_time)
}

/// Says what is wrong with a file and changes nothing.
fn check(file: &Path) -> Result<(), Failure> {
    let name = file.display();
    let text = std::fs::read(file).map_err(|error| Failure::wrong_use(format!("{name}: {error}")))?;
    let Ok(text) = String::from_utf8(text) else {
        return Err(Failure::wrong_use(format!("{name}: the file is not UTF-8 text")));
    };
    let problems = config::read(&text).problems;
    if problems.is_empty() {
        return print(&format!("{name}: all right"));
    }
    let lines: Vec<String> = problems.iter().map(|problem| format!("{name}: {problem}")).collect();
    Err(Failure::wrong_use(lines.join("\nvestibule: ")))
}

/// The value of a setting, unless it is a secret.
fn shown(config: &Config, key: &str) -> Result<String, Failure> {
    let value = config.get(key).map_err(Failure::wrong_use)?;
    let secret = config::setting(key).is_some_and(|setting| setting.is_secret());
    Ok(if secret && !value.is_empty() { "(set, not shown)".to_owned() } else { value })
}

/// `key = value`, one a line, in the order of the pages.
fn table(config: &Config) -> String {
    let lines = SETTINGS.iter().filter_map(|setting| {
        let value = shown(config, setting.key).ok()?;
        Some(format!("{} = {value}", setting.key))
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn pretty(config: &Config) -> Result<String, Failure> {
    serde_json::to_string_pretty(&config.to_json()).map_err(Failure::at_run_time)
}

fn print(text: &str) -> Result<(), Failure> {
    // A closed pipe is no failure.
    let _ = writeln!(std::io::stdout(), "{text}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn common(directory: &tempfile::TempDir) -> Common {
        Common { config: Some(directory.path().join("config.toml")), ..Common::default() }
    }

    #[test]
    fn a_change_is_checked_and_lands_in_the_file() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let common = common(&directory);
        set(&common, "phone.direct_ip.port", "5062").expect("in range");
        let config = open(&file(&common).expect("named")).expect("it can be read").1;
        assert_eq!(shown(&config, "phone.direct_ip.port"), Ok("5062".into()));
        let failure = set(&common, "phone.direct_ip.port", "70000").expect_err("out of range");
        assert_eq!(failure.code, 2);
        assert!(failure.words.contains("phone.direct_ip.port") && failure.words.contains("70000"), "{failure:?}");
        assert_eq!(set(&common, "no.such", "1").expect_err("unknown").code, 2);
    }

    #[test]
    fn a_pin_lands_in_the_file_as_a_hash() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let common = common(&directory);
        set(&common, "security.pin", "4711").expect("a PIN");
        let text = std::fs::read_to_string(file(&common).expect("named")).expect("written");
        assert!(text.contains("$argon2id$") && !text.contains("4711"), "{text}");
        let hash = open(&file(&common).expect("named")).expect("it can be read").1.pin.reveal().to_owned();
        set(&common, "security.pin", &hash).expect("a hash is taken as it is");
        assert_eq!(open(&file(&common).expect("named")).expect("it can be read").1.pin.reveal(), hash);
        assert_eq!(set(&common, "security.pin", "12").expect_err("too short").code, 2);
        set(&common, "security.pin", "").expect("none");
        assert!(open(&file(&common).expect("named")).expect("it can be read").1.pin.is_empty());
    }

    #[test]
    fn a_bad_file_is_named_with_every_problem_and_left_as_it_is() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("config.toml");
        let text = "[phone.direct_ip]\nport = 70000\nenabled = \"maybe\"\n";
        std::fs::write(&path, text).expect("written");
        let failure = check(&path).expect_err("two problems");
        assert_eq!(failure.code, 2);
        assert_eq!(failure.words.matches("config.toml: phone.direct_ip").count(), 2, "{failure:?}");
        assert_eq!(std::fs::read_to_string(&path).expect("there"), text);
        assert_eq!(std::fs::read_dir(directory.path()).expect("there").count(), 1);
        assert_eq!(check(Path::new("/nonexistent")).expect_err("no file").code, 2);
    }

    #[test]
    fn a_file_that_cannot_be_read_is_no_file_of_defaults() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let common = common(&directory);
        let path = file(&common).expect("named");
        std::fs::create_dir(&path).expect("a folder in the place of the file");
        for failure in [open(&path).map(drop), set(&common, "audio.volume", "3")] {
            let failure = failure.expect_err("it cannot be read");
            assert!(failure.code == 1 && failure.words.contains("config.toml"), "{failure:?}");
        }
        assert!(path.is_dir(), "it is left as it is");
    }

    #[test]
    fn the_list_has_every_setting() {
        assert_eq!(table(&Config::default()).lines().count(), SETTINGS.len());
    }
}
