//! `simulate`: the panel and a door station beside it, on this machine alone.
//!
//! Unless files are named, everything lies in a fresh folder, so that trying never touches the panel of this user.
//! With a display both windows are left to the person; without one a [`visit`](super::visit) is played.

use std::fs::DirBuilder;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use tokio::sync::mpsc::unbounded_channel;

use super::Failure;
use super::args::{Common, Look, ScreenKind};
use super::panel::{self, Beside};
use super::screen;
use super::visit::{self, Visit};
use crate::channel::DoorView;
use crate::config::store::Store;
use crate::config::{Config, Door, DoorUnlock, PhonebookEntry};
use crate::frame::FrameSlot;
use crate::media::video::{self, VideoCapabilities};
use crate::simulator::{DoorOptions, DoorStation};
use crate::ui::DoorPort;

/// What the door station is called, by itself and by the panel.
const NAME: &str = "Front door";
/// The keys that open it.
const CODE: &str = "#";
/// The port that the door station would like; a contact of the user's own settings can name it.
const DOOR_PORT: u16 = 5070;
/// Names that are tried for a fresh folder, and ports for the panel.
const TRIES: u32 = 100;

/// Plays until the windows are closed, or one visit.
pub(super) fn run(common: &Common, look: &Look) -> Result<(), Failure> {
    let windows = match look.screen {
        Some(ScreenKind::Window) => true,
        Some(ScreenKind::Offscreen) => false,
        Some(ScreenKind::Kms | ScreenKind::Fb | ScreenKind::None) => {
            return Err(Failure::wrong_use("simulate knows --screen window and --screen offscreen"));
        }
        None => screen::has_desktop(),
    };
    let screen = if windows { ScreenKind::Window } else { ScreenKind::Offscreen };
    let look = Look { screen: Some(screen), ..look.clone() };
    let folder = fresh_folder().map_err(Failure::at_run_time)?;
    let done = in_folder(common, &look, &folder, windows);
    if windows && let Err(error) = std::fs::remove_dir_all(&folder) {
        tracing::debug!("{}: {error}", folder.display());
    }
    done
}

fn in_folder(common: &Common, look: &Look, folder: &Path, windows: bool) -> Result<(), Failure> {
    let file = common.config.clone().unwrap_or_else(|| folder.join("config.toml"));
    let is_fresh = !file.exists();
    let (mut store, opened) = Store::open(&file);
    let port = Reserved::new(opened.config.direct_ip_port).map_err(Failure::at_run_time)?;

    let pictures = video::probe();
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(Failure::at_run_time)?;
    let options = DoorOptions {
        panel: SocketAddr::from((Ipv4Addr::LOCALHOST, port.port)),
        port: DOOR_PORT,
        name: NAME.to_owned(),
        code: CODE.to_owned(),
        video: pictures.encode.clone(),
        early_sound: false,
        preview: windows,
        seed,
    };
    let (views, events) = unbounded_channel::<DoorView>();
    let frames = FrameSlot::new();
    let station = DoorStation::start(options, views, frames.clone()).map_err(Failure::at_run_time)?;

    if is_fresh {
        store.save(&settings(opened.config, station.address(), windows)?).map_err(Failure::at_run_time)?;
    }
    let common = Common {
        config: Some(file),
        data: Some(common.data.clone().unwrap_or_else(|| folder.join("data"))),
        socket: Some(socket(common, folder, windows)),
        log: common.log.clone(),
    };
    if windows {
        let door = DoorPort { commands: station.commands(), events, frames };
        return panel::run_beside(&common, look, Beside { port: Some(port), door: Some(door) });
    }
    let visit = Visit {
        socket: common.socket_of_started(),
        commands: station.commands(),
        views: events,
        folder: folder.to_owned(),
        pictures: can_be_seen(&pictures),
    };
    let playing = visit::start(visit).map_err(Failure::at_run_time)?;
    let shown = panel::run_beside(&common, look, Beside { port: Some(port), door: None });
    let played = playing.finish();
    shown.and(played)
}

/// Whether this machine can send a picture that it can also show.
fn can_be_seen(pictures: &VideoCapabilities) -> Result<(), String> {
    if pictures.encode.iter().any(|codec| pictures.decode.contains(codec)) {
        return Ok(());
    }
    let packages: Vec<&str> = pictures.missing.iter().map(|missing| missing.package).collect();
    Err(format!("no picture can be sent and shown here; missing: {}", packages.join(", ")))
}

/// The settings where there are none: one door, and without a display sound that needs no device.
fn settings(config: Config, door: SocketAddr, windows: bool) -> Result<Config, Failure> {
    let mut config = config;
    if !windows {
        for (key, value) in [("audio.input", "tone"), ("audio.output", "null")] {
            config = config.set(key, value).map_err(Failure::at_run_time)?;
        }
    }
    config.contacts.push(PhonebookEntry {
        name: NAME.to_owned(),
        numbers: vec![door.to_string()],
        may_call: true,
        favourite: true,
        door: Some(Door { unlock: Some(DoorUnlock::Dtmf), code: Some(CODE.to_owned()), ..Door::default() }),
        ..PhonebookEntry::default()
    });
    Ok(config)
}

/// The control socket: the one named. Otherwise the usual one if a person plays and no panel lives there, else one in the
/// fresh folder: a visit must never speak to another panel.
fn socket(common: &Common, folder: &Path, windows: bool) -> PathBuf {
    match &common.socket {
        Some(socket) => socket.clone(),
        None if windows && UnixStream::connect(common.socket_of_started()).is_err() => common.socket_of_started(),
        None => folder.join("control.sock"),
    }
}

/// A port that is kept from everybody else until the panel takes it.
pub(super) struct Reserved {
    pub(super) port: u16,
    _udp: UdpSocket,
    _tcp: TcpListener,
}

impl Reserved {
    /// The port if nobody has it, else one that nobody has.
    fn new(wished: u16) -> io::Result<Self> {
        let mut reserved = Self::exactly(wished);
        for _ in 0..TRIES {
            if reserved.is_ok() {
                break;
            }
            reserved = Self::exactly(0);
        }
        reserved
    }

    fn exactly(port: u16) -> io::Result<Self> {
        let udp = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port))?;
        let port = udp.local_addr()?.port();
        let tcp = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port))?;
        Ok(Self { port, _udp: udp, _tcp: tcp })
    }
}

/// A folder that was not there before and that only this user can read.
fn fresh_folder() -> io::Result<PathBuf> {
    let place = std::env::temp_dir();
    let process = std::process::id();
    let mut last = io::Error::from(io::ErrorKind::AlreadyExists);
    for number in 0..TRIES {
        let folder = place.join(format!("vestibule-{process}-{number}"));
        match DirBuilder::new().mode(0o700).create(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) => last = error,
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_leads_to_another_one_that_nobody_else_gets() {
        let taken = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("a socket");
        let port = taken.local_addr().expect("bound").port();
        let other = Reserved::new(port).expect("there are others");
        assert_ne!(other.port, port);
        assert_ne!(Reserved::new(other.port).expect("there are others").port, other.port);
    }

    #[test]
    fn the_settings_of_a_try_have_the_door_and_need_no_sound_card() {
        let door = SocketAddr::from(([127, 0, 0, 1], 5070));
        let config = settings(Config::default(), door, false).expect("they are valid");
        assert_eq!((config.audio_input.as_str(), config.audio_output.as_str()), ("tone", "null"));
        assert_eq!(config.contacts[0].numbers, ["127.0.0.1:5070"]);
        let windows = settings(Config::default(), door, true).expect("they are valid");
        assert_eq!(windows.audio_input, Config::default().audio_input);
    }

    #[test]
    fn a_visit_never_speaks_to_the_panel_of_the_user() {
        let folder = Path::new("/somewhere");
        let common = Common::default();
        assert_eq!(socket(&common, folder, false), folder.join("control.sock"));
        let named = Common { socket: Some("/named".into()), ..Common::default() };
        assert_eq!(socket(&named, folder, false), Path::new("/named"));
    }
}
