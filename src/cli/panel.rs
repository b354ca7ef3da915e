//! `run` and `simulate`: loads what is on disk, starts the worker, shows the screen, waits until both have left.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::args::{Common, Look, ScreenKind, Size};
use super::simulate::Reserved;
use super::{Failure, logging, settings};
use crate::channel::NoticeKind;
use crate::config::Problem;
use crate::config::store::Store;
use crate::media::video;
use crate::ui;
use crate::worker::control::socket::{ControlSocket, SocketError};
use crate::worker::files::Files;
use crate::worker::trace::Trace;
use crate::worker::{Options, Worker};

/// What stands beside a simulated panel; nothing beside a real one.
#[derive(Default)]
pub(super) struct Beside {
    /// The Direct IP Port in the place of the one in the settings.
    pub(super) port: Option<Reserved>,
    /// The door station whose window is opened.
    pub(super) door: Option<ui::DoorPort>,
}

/// Runs the panel until somebody ends it.
pub(super) fn run(common: &Common, look: &Look) -> Result<(), Failure> {
    // Before anything else: the environment can only be changed while there is one thread.
    let registry = video::use_registry(&data(common)?.join("gstreamer-registry.bin"));
    logging::start(&common.log)?;
    if let Err(error) = registry {
        tracing::debug!("{error}");
    }
    run_beside(common, look, Beside::default())
}

/// Runs the panel with a door station beside it. Logging has been started.
pub(super) fn run_beside(common: &Common, look: &Look, beside: Beside) -> Result<(), Failure> {
    let data = data(common)?;
    if let Err(error) = DirBuilder::new().recursive(true).mode(0o700).create(&data) {
        tracing::warn!("{}: {error}", data.display());
    }

    let control = control(common)?;
    let trace = look.sip_trace.as_deref().map(trace).transpose()?;
    let (store, mut opened) = Store::open(&settings::file(common)?);
    if let Some(reserved) = &beside.port {
        opened.config.direct_ip_port = reserved.port;
    }
    let mut notices = notices(&opened.problems, opened.kept_as.as_deref());
    let (files, log, problem) = Files::open(store, &data);
    if let Some(problem) = problem {
        tracing::warn!("{problem}");
    }
    // Said now, and not only when the first call is lost.
    if let Err(problem) = files.log.check() {
        let notice = NoticeKind::LogNotSaved(problem);
        tracing::warn!("{notice}");
        notices.push(notice);
    }
    let screen = look.screen.unwrap_or_else(default_screen);
    let has_screen = screen != ScreenKind::None;
    let own_screen = screen == ScreenKind::Kms;
    let options = Options { config: opened.config, files, data, log, notices, control, trace, has_screen, own_screen };
    // From here on the port is the panel's.
    drop(beside.port);
    let (worker, ends) = Worker::start(options).map_err(Failure::at_run_time)?;
    let shown = match display(screen) {
        Some(display) => {
            let Size { width, height } = look.size.unwrap_or(Size::DEFAULT);
            let ends =
                ui::Ends { commands: ends.commands, events: ends.events, frames: ends.frames, door: beside.door };
            ui::run(ui::Options { display, size: (width, height) }, ends).map_err(Failure::at_run_time)
        }
        None => {
            // Nobody reads the events; the commands stay open until the worker has left by itself.
            let (_commands, events) = (ends.commands, ends.events);
            drop(events);
            return left(worker);
        }
    };
    left(worker)?;
    shown
}

fn left(worker: Worker) -> Result<(), Failure> {
    if worker.join() { Ok(()) } else { Err(Failure::at_run_time("the worker failed; the log says where")) }
}

/// The directory of the call log: the one named, or the user's own.
fn data(common: &Common) -> Result<PathBuf, Failure> {
    match &common.data {
        Some(data) => Ok(data.clone()),
        None => Ok(settings::places()?.data),
    }
}

/// The control socket. Where no place was named, a panel that cannot have one works without.
fn control(common: &Common) -> Result<Option<ControlSocket>, Failure> {
    match ControlSocket::bind(&common.socket_path()) {
        Ok(socket) => Ok(Some(socket)),
        Err(error @ SocketError::Taken(_)) => Err(Failure::wrong_use(error)),
        Err(error) if common.socket.is_some() => Err(Failure::wrong_use(error)),
        Err(error) => {
            tracing::warn!("no control socket: {error}");
            Ok(None)
        }
    }
}

fn trace(file: &Path) -> Result<Trace, Failure> {
    Trace::open(file).map_err(|error| Failure::wrong_use(format!("--sip-trace {}: {error}", file.display())))
}

/// What the settings file has to say, in the log and on the screen.
fn notices(problems: &[Problem], kept_as: Option<&Path>) -> Vec<NoticeKind> {
    let lines = problems.iter().cloned().map(NoticeKind::SettingsLine);
    let kept = kept_as.map(|file| NoticeKind::SettingsDamaged(file.display().to_string()));
    lines.chain(kept).inspect(|notice| tracing::warn!("{notice}")).collect()
}

fn display(screen: ScreenKind) -> Option<ui::Display> {
    match screen {
        ScreenKind::Window => Some(ui::Display::Window),
        ScreenKind::Kms => Some(ui::Display::Kms),
        ScreenKind::Offscreen => Some(ui::Display::Offscreen),
        ScreenKind::None => None,
    }
}

/// A window where there is a display, the whole screen where there is one without a display, else memory.
fn default_screen() -> ScreenKind {
    let graphics = ["/dev/dri/card0", "/dev/dri/card1", "/dev/fb0"].iter().any(|device| Path::new(device).exists());
    choose(has_display(), graphics)
}

/// Whether there is a desktop to open windows on.
pub(super) fn has_display() -> bool {
    let named = |variable: &str| std::env::var_os(variable).is_some_and(|value| !value.is_empty());
    named("DISPLAY") || named("WAYLAND_DISPLAY")
}

fn choose(display: bool, graphics: bool) -> ScreenKind {
    match (display, graphics) {
        (true, _) => ScreenKind::Window,
        (false, true) => ScreenKind::Kms,
        (false, false) => ScreenKind::Offscreen,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_screen_is_where_there_is_one() {
        assert_eq!(choose(true, true), ScreenKind::Window);
        assert_eq!(choose(false, true), ScreenKind::Kms);
        assert_eq!(choose(false, false), ScreenKind::Offscreen);
    }

    #[test]
    fn a_second_panel_is_wrong_use_and_so_is_a_named_place_that_cannot_be_had() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let at = |name: &str| Common { socket: Some(directory.path().join(name)), ..Common::default() };
        let first = control(&at("s")).expect("free");
        assert!(first.is_some());
        let second = control(&at("s")).expect_err("taken");
        assert_eq!(second.code, 2);
        assert!(second.words.contains("already runs"), "{second:?}");
        std::fs::write(directory.path().join("file"), "").expect("written");
        assert_eq!(control(&at("file/s")).expect_err("no directory").code, 2);
    }

    #[test]
    fn what_is_wrong_with_the_settings_is_a_notice_each() {
        let found = notices(&[Problem::NotUtf8], Some(Path::new("/c.damaged-1")));
        assert_eq!(found.len(), 2);
        assert_eq!(found[1].to_string(), "settings file damaged, kept as /c.damaged-1");
    }
}
