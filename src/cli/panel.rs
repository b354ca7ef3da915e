//! `run` and `simulate`: loads what is on disk, starts the worker, shows the screen, waits until both have left.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use super::args::{Common, Look, Size};
use super::simulate::Reserved;
use super::{Failure, logging, screen};
use crate::channel::NoticeKind;
use crate::config::Problem;
use crate::config::store::{Places, Store};
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
    let registry = video::use_registry(&common.started()?.data.join("gstreamer-registry.bin"));
    logging::start(&common.log)?;
    if let Err(error) = registry {
        tracing::debug!("{error}");
    }
    run_beside(common, look, Beside::default())
}

/// Runs the panel with a door station beside it. Logging has been started.
pub(super) fn run_beside(common: &Common, look: &Look, beside: Beside) -> Result<(), Failure> {
    let control = control(common)?;
    let trace = look.sip_trace.as_deref().map(trace).transpose()?;
    let Places { config, data } = common.started()?;
    let (store, mut opened) = Store::open(&config);
    // Before the first thread starts, and before anybody is called: without a screen there is no panel.
    let screen = screen::prepare(look.screen.unwrap_or_else(screen::default_kind), &opened.config)?;
    if let Err(error) = DirBuilder::new().recursive(true).mode(0o700).create(&data) {
        tracing::warn!("{}: {error}", data.display());
    }
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
    let has_screen = screen.is_some();
    let own_screen = screen.as_ref().is_some_and(|screen| screen.surface().is_own());
    let scale = opened.config.display_scale;
    let options = Options { config: opened.config, files, data, log, notices, control, trace, has_screen, own_screen };
    // From here on the port is the panel's.
    drop(beside.port);
    let (worker, ends) = Worker::start(options).map_err(Failure::at_run_time)?;
    let shown = match screen {
        Some(screen) => {
            let Size { width, height } = look.size.unwrap_or(Size::DEFAULT);
            let ends =
                ui::Ends { commands: ends.commands, events: ends.events, frames: ends.frames, door: beside.door };
            let own = screen.surface().is_own();
            let shown = ui::run(ui::Options { screen, size: (width, height), scale }, ends);
            shown.map_err(|error| screen::lost(&error, own))
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

/// The control socket. Where no place was named, a panel that cannot have one works without.
fn control(common: &Common) -> Result<Option<ControlSocket>, Failure> {
    match ControlSocket::bind(&common.socket_of_started()) {
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

#[cfg(test)]
mod tests {
    use super::*;

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
