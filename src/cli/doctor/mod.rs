//! `doctor`: looks at all that a panel needs of its machine, and says for each thing whether it is right, and else what to
//! install or to change.
//!
//! ```text
//! screen, touch ─ ui::kms ──┐
//! sound, camera ─ media ────┼─▶ what was found ─▶ a pure check each ─▶ Finding ─▶ a line, or JSON
//! port, board, TLS ─ worker ┘
//! ```
//! It changes nothing: what is wrong with a file is said and left to whoever runs the panel.

mod accounts;
mod board;
mod files;
mod machine;
mod media;
mod panel;

use std::io::Write;
use std::path::Path;
use std::time::SystemTime;

use serde_json::{Value, json};

use self::panel::Running;
use super::args::Common;
use super::places::{MACHINES_REGISTRY, MACHINES_USER, Meant};
use super::{Failure, screen};
use crate::config::Account;
use crate::config::store::Places;
use crate::media::audio;
use crate::media::video::{self, CameraSource, camera};
use crate::worker::board::look as look_at_board;
use crate::worker::machine::is_clock_kept;

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// It is right.
    Ok,
    /// The panel works, but not as well as it could.
    Warning,
    /// Something that the panel is for does not work.
    Problem,
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }
}

/// What came of one check.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Finding {
    verdict: Verdict,
    /// What was looked at, in one word.
    check: &'static str,
    /// What was found.
    what: String,
    /// What to install or to change; nothing where all is right.
    remedy: String,
}

impl Finding {
    fn ok(check: &'static str, what: impl ToString) -> Self {
        Self { verdict: Verdict::Ok, check, what: what.to_string(), remedy: String::new() }
    }

    fn warning(check: &'static str, what: impl ToString, remedy: impl ToString) -> Self {
        Self { verdict: Verdict::Warning, check, what: what.to_string(), remedy: remedy.to_string() }
    }

    fn problem(check: &'static str, what: impl ToString, remedy: impl ToString) -> Self {
        Self { verdict: Verdict::Problem, check, what: what.to_string(), remedy: remedy.to_string() }
    }

    fn line(&self) -> String {
        let Self { verdict, check, what, remedy } = self;
        let end = if remedy.is_empty() { String::new() } else { format!(": {remedy}") };
        format!("{:<8} {check}: {what}{end}", verdict.word())
    }

    fn json(&self) -> Value {
        let remedy = if self.remedy.is_empty() { Value::Null } else { self.remedy.as_str().into() };
        json!({"check": self.check, "verdict": self.verdict.word(), "what": self.what, "remedy": remedy})
    }
}

/// Looks at everything and prints what it found.
///
/// # Errors
/// When there is a problem, so that the program ends with 1.
pub(super) fn run(common: &Common, as_json: bool) -> Result<(), Failure> {
    let findings = look(common)?;
    let count = |verdict| findings.iter().filter(|finding| finding.verdict == verdict).count();
    let (warnings, problems) = (count(Verdict::Warning), count(Verdict::Problem));
    let text = if as_json {
        let checks: Vec<Value> = findings.iter().map(Finding::json).collect();
        let version = env!("CARGO_PKG_VERSION");
        let report = json!({"version": version, "ok": problems == 0, "warnings": warnings, "problems": problems, "checks": checks});
        serde_json::to_string_pretty(&report).map_err(Failure::at_run_time)?
    } else {
        findings.iter().map(Finding::line).collect::<Vec<_>>().join("\n")
    };
    // A closed pipe is no failure.
    let _ = writeln!(std::io::stdout(), "{text}");
    match problems {
        0 => Ok(()),
        1 => Err(Failure::at_run_time("there is a problem")),
        _ => Err(Failure::at_run_time(format!("there are {problems} problems"))),
    }
}

fn look(common: &Common) -> Result<Vec<Finding>, Failure> {
    let Meant { places: Places { config: file, data }, socket, is_machines } = common.spoken_of()?;
    if is_machines && let Err(error) = video::use_registry(Path::new(MACHINES_REGISTRY)) {
        tracing::debug!("{error}");
    }
    let mut findings = look_at(&file, &data, &socket, is_machines || !screen::has_desktop())?;
    if is_machines {
        // Its user has a name.
        for finding in &mut findings {
            finding.remedy = finding.remedy.replace(USER, MACHINES_USER);
        }
    }
    Ok(findings)
}

/// Stands in remedies for the name of the panel's user.
const USER: &str = "USER";

fn look_at(file: &Path, data: &Path, socket: &Path, own_screen: bool) -> Result<Vec<Finding>, Failure> {
    let now = SystemTime::now();
    let mut findings = vec![machine::user(machine::own_user())];
    let (config, of_settings) = files::settings(file);
    findings.extend(of_settings);
    findings.extend(files::data(data));
    let running = Running::ask(socket);
    findings.push(running.finding(socket));
    let free = panel::listen(config.direct_ip_port).map_err(Failure::at_run_time)?;
    findings.push(panel::port(&config, &free, &running));

    findings.extend(machine::screen(&config, own_screen));
    findings.extend(look_at_board(&config, own_screen).iter().map(|look| board::device(look, running.is_there())));

    let mut names = audio::list();
    let system = audio::system();
    if system == "ALSA" {
        // Without a colon it is no card but a way of treating sound.
        names.inputs.retain(|name| name.contains(':'));
        names.outputs.retain(|name| name.contains(':'));
    }
    findings.push(Finding::ok("sound", format!("{system} is asked")));
    let microphone = media::Device {
        check: "microphone",
        key: "audio.input",
        name: &config.audio_input,
        others: &names.inputs,
        found: audio::find_input(&config.audio_input),
    };
    let loudspeaker = media::Device {
        check: "loudspeaker",
        key: "audio.output",
        name: &config.audio_output,
        others: &names.outputs,
        found: audio::find_output(&config.audio_output),
    };
    findings.extend([microphone, loudspeaker].iter().map(|device| media::device(device, running.is_there())));

    if let Ok(CameraSource::V4l2(device)) = CameraSource::parse(&config.video_camera) {
        findings.push(media::camera(&device, camera::look(&device)));
        findings.extend(video::probe_camera().iter().map(media::camera_plugin));
    } else {
        findings.push(Finding::ok("camera", format!("{}, as the settings say", config.video_camera)));
    }
    findings.extend(media::plugins(&video::probe(), config.video_receive));

    findings.extend(Account::ALL.into_iter().filter_map(|account| {
        let place = data.join("certificates");
        accounts::certificates(account, config.account(account), &place, now)
    }));
    let built = std::env::current_exe().and_then(std::fs::metadata).and_then(|file| file.modified());
    findings.push(machine::clock(now, built.ok(), is_clock_kept().ok()));
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_one_line_and_one_object() {
        let good = Finding::ok("screen", "DRM");
        assert_eq!(good.line(), "ok       screen: DRM");
        assert_eq!(good.json(), json!({"check": "screen", "verdict": "ok", "what": "DRM", "remedy": null}));
        let bad = Finding::problem("fonts", "no font", "install fonts-inter");
        assert_eq!(bad.line(), "problem  fonts: no font: install fonts-inter");
        assert_eq!(bad.json()["remedy"], "install fonts-inter");
        assert_eq!(Finding::warning("clock", "off", "set it").json()["verdict"], "warning");
    }
}
