//! Whose settings, data and control socket are meant.
//!
//! A panel that is started has those of its user. Spoken of (`ctl`, `settings`, `doctor`) is the user's own panel as well, or
//! the one that the machine itself is by the Debian package, whose user nobody logs in as.

use std::path::{Path, PathBuf};

use super::Failure;
use super::args::Common;
use crate::config::store::Places;
use crate::worker::control::socket;

/// The user that vestibule.service runs as.
pub(super) const MACHINES_USER: &str = "vestibule";
/// Its control socket.
const MACHINES_SOCKET: &str = "/run/vestibule/control.sock";

/// Where vestibule.service has its files.
fn of_machine() -> Places {
    let data = PathBuf::from("/var/lib/vestibule");
    Places { config: data.join("config.toml"), data }
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
        let (own, machines) = (Places::of_user(), of_machine());
        let is_machines =
            is_machines_meant(own.as_ref(), &socket::default_path(), &machines, Path::new(MACHINES_SOCKET));
        let places = self.named_or(if is_machines { Some(machines) } else { own })?;
        Ok(Meant { places, socket: self.socket_of_spoken_of(), is_machines })
    }

    /// The control socket of the panel that is spoken of.
    pub(super) fn socket_of_spoken_of(&self) -> PathBuf {
        if let Some(named) = &self.socket {
            return named.clone();
        }
        let (own, machines) = (socket::default_path(), PathBuf::from(MACHINES_SOCKET));
        let is_machines = is_machines_meant(Places::of_user().as_ref(), &own, &of_machine(), &machines);
        if is_machines { machines } else { own }
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

/// Whether the panel of the machine is meant where nothing is named: it is there, and the user has none that runs or, as long
/// as that of the machine does not run either, none that has settings.
fn is_machines_meant(own: Option<&Places>, own_socket: &Path, machines: &Places, machines_socket: &Path) -> bool {
    let has_settings = own.is_some_and(|own| own.config.exists());
    !own_socket.exists() && (machines_socket.exists() || (machines.data.is_dir() && !has_settings))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_panel_of_the_machine_is_meant_where_the_user_has_none() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let of = |name: &str| {
            let data = folder.path().join(name);
            (data.join("control.sock"), Places { config: data.join("config.toml"), data })
        };
        let ((own_socket, own), (socket, machines)) = (of("own"), of("machines"));
        let meant = |own| is_machines_meant(own, &own_socket, &machines, &socket);
        let put = |file: &PathBuf| fs::write(file, "").expect("written");
        assert!(!meant(Some(&own)) && !meant(None), "there is none");
        fs::create_dir(&machines.data).expect("made");
        assert!(meant(Some(&own)) && meant(None), "it does not run, and its files are there");
        fs::create_dir(&own.data).expect("made");
        put(&own.config);
        assert!(!meant(Some(&own)), "the user has settings, and nothing runs");
        put(&socket);
        assert!(meant(Some(&own)), "it runs");
        put(&own_socket);
        assert!(!meant(Some(&own)), "the user's own runs");
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
        assert_eq!(named.named_or(Some(of_machine())), Ok(places));
        assert_eq!((named.socket_of_started(), named.socket_of_spoken_of()), ("/s".into(), "/s".into()));
        let failure = Common { data: None, ..named }.named_or(None).expect_err("there is no home");
        assert_eq!(failure.code, 2);
    }
}
