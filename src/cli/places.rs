//! Whose settings, data and control socket are meant.
//!
//! A panel that is started has those of its user. Spoken of (`ctl`, `settings`, `doctor`) is the user's own panel as well, or
//! the one that the machine itself is by the Debian package, whose user nobody logs in as.

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use super::Failure;
use super::args::Common;
use crate::config::store::Places;
use crate::worker::control::socket;

/// The user that vestibule.service runs as.
pub(super) const MACHINES_USER: &str = "vestibule";

/// Where it keeps the list of GStreamer's plug-ins, which takes seconds to make.
pub(super) const MACHINES_REGISTRY: &str = "/var/cache/vestibule/gstreamer-registry.bin";

/// The panel that a machine is.
struct Machines {
    /// vestibule.service: where it is, the package is installed.
    unit: PathBuf,
    places: Places,
    socket: PathBuf,
}

impl Machines {
    /// Where the package has it.
    fn of_package() -> Self {
        let data = PathBuf::from("/var/lib/vestibule");
        Self {
            unit: "/lib/systemd/system/vestibule.service".into(),
            places: Places { config: data.join("config.toml"), data },
            socket: "/run/vestibule/control.sock".into(),
        }
    }

    /// Whether it is meant where nothing is named: it is there, and the user has none that runs or, as long as that of the
    /// machine does not run either, none that has settings.
    fn is_meant(&self, own: Option<&Places>, own_socket: &Path) -> bool {
        let has_settings = own.is_some_and(|own| own.config.exists());
        // A panel that was killed leaves its socket.
        UnixStream::connect(own_socket).is_err() && (self.socket.exists() || (self.unit.exists() && !has_settings))
    }
}

/// A panel that is spoken of.
#[derive(Debug)]
pub(super) struct Meant {
    pub(super) places: Places,
    pub(super) socket: PathBuf,
    /// It is the panel that the machine itself is.
    pub(super) is_machines: bool,
}

impl Common {
    /// Settings file and data of a panel that is started: those named, else the user's own.
    ///
    /// # Errors
    /// When one is not named, and the user has no home for it.
    pub(super) fn started(&self) -> Result<Places, Failure> {
        self.named_or(Places::of_user())
    }

    /// The control socket of a panel that is started.
    pub(super) fn socket_of_started(&self) -> PathBuf {
        self.socket.clone().unwrap_or_else(socket::default_path)
    }

    /// The panel that is spoken of.
    ///
    /// # Errors
    /// When a file is not named, and the user has no home for it.
    pub(super) fn spoken_of(&self) -> Result<Meant, Failure> {
        let (own, machines) = (Places::of_user(), Machines::of_package());
        let own_socket = socket::default_path();
        let is_machines = machines.is_meant(own.as_ref(), &own_socket);
        let (places, socket) = if is_machines { (Some(machines.places), machines.socket) } else { (own, own_socket) };
        Ok(Meant { places: self.named_or(places)?, socket: self.socket.clone().unwrap_or(socket), is_machines })
    }

    /// The control socket of the panel that is spoken of.
    pub(super) fn socket_of_spoken_of(&self) -> PathBuf {
        if let Some(named) = &self.socket {
            return named.clone();
        }
        let (own, machines) = (socket::default_path(), Machines::of_package());
        if machines.is_meant(Places::of_user().as_ref(), &own) { machines.socket } else { own }
    }

    fn named_or(&self, places: Option<Places>) -> Result<Places, Failure> {
        let (config, data) = places.map(|Places { config, data }| (config, data)).unzip();
        let pick = |named: &Option<PathBuf>, else_this: Option<PathBuf>| {
            named.clone().or(else_this).ok_or_else(|| {
                Failure::wrong_use("this user has no home: name the files with --config, --data and --socket")
            })
        };
        Ok(Places { config: pick(&self.config, config)?, data: pick(&self.data, data)? })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn the_panel_of_the_machine_is_meant_where_the_user_has_none() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let at = |name: &str| folder.path().join(name);
        let places = |name: &str| Places { config: at(name), data: at("data") };
        let machines = Machines { unit: at("unit"), places: places("machines.toml"), socket: at("machines.sock") };
        let (own, own_socket) = (places("own.toml"), at("own.sock"));
        let meant = |own| machines.is_meant(own, &own_socket);
        let put = |file: &PathBuf| fs::write(file, "").expect("written");
        put(&machines.places.config);
        assert!(!meant(Some(&own)) && !meant(None), "settings that a package has left when it was removed");
        put(&machines.unit);
        assert!(meant(Some(&own)) && meant(None), "the package is installed");
        put(&own.config);
        assert!(!meant(Some(&own)), "the user has settings, and nothing runs");
        put(&machines.socket);
        assert!(meant(Some(&own)), "it runs");
        let runs = UnixListener::bind(&own_socket).expect("free");
        assert!(!meant(Some(&own)), "the user's own runs");
        drop(runs);
        assert!(meant(Some(&own)), "it has left its socket");
    }

    #[test]
    fn what_is_named_is_meant_whoever_has_a_home() {
        let named = Common {
            config: Some("/c".into()),
            data: Some("/d".into()),
            socket: Some("/s".into()),
            ..Common::default()
        };
        let places = Places { config: "/c".into(), data: "/d".into() };
        assert_eq!(named.named_or(None), Ok(places.clone()));
        assert_eq!(named.named_or(Some(Machines::of_package().places)), Ok(places));
        assert_eq!((named.socket_of_started(), named.socket_of_spoken_of()), ("/s".into(), "/s".into()));
        let failure = Common { data: None, ..named }.named_or(None).expect_err("there is no home");
        assert_eq!(failure.code, 2);
    }
}
