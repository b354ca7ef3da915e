//! Whether there is a desktop to open a window on.

use std::ffi::OsString;
use std::net::{TcpStream, ToSocketAddrs};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::path::PathBuf;
use std::time::Duration;

/// How long a display on another machine may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// Where X listens on its own machine; the number of the display follows.
const X_SOCKET: &str = "/tmp/.X11-unix/X";
/// The TCP port of display 0.
const X_PORT: u16 = 6000;

/// A desktop, as the environment names it. Wayland goes first, as it does for the window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Desktop {
    /// `DISPLAY=:0`.
    pub name: String,
    place: Place,
}

/// Where it listens.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// A socket in the file system, or the abstract one of the same name.
    Socket(PathBuf),
    /// A host and a port.
    Host(String, u16),
    /// Elsewhere: whether it is there is seen by opening a window.
    Unknown,
}

impl Desktop {
    /// The one that these environment variables name; none where there is none.
    pub fn named(variable: impl Fn(&str) -> Option<OsString>) -> Option<Self> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let says = |name: &str, value: &OsString| format!("{name}={}", value.to_string_lossy());
        if let Some(value) = set("WAYLAND_SOCKET") {
            return Some(Self { name: says("WAYLAND_SOCKET", &value), place: Place::Unknown });
        }
        if let Some(value) = set("WAYLAND_DISPLAY") {
            // A whole path stands for itself.
            let socket = set("XDG_RUNTIME_DIR").map(|folder| PathBuf::from(folder).join(&value));
            let place = socket.map_or(Place::Unknown, Place::Socket);
            return Some(Self { name: says("WAYLAND_DISPLAY", &value), place });
        }
        let value = set("DISPLAY")?;
        Some(Self { name: says("DISPLAY", &value), place: of_x(&value.to_string_lossy()) })
    }

    /// Whether somebody listens there.
    pub fn answers(&self) -> bool {
        match &self.place {
            Place::Socket(path) => {
                let hidden = SocketAddr::from_abstract_name(path.as_os_str().as_encoded_bytes());
                UnixStream::connect(path).is_ok() || hidden.is_ok_and(|name| UnixStream::connect_addr(&name).is_ok())
            }
            Place::Host(host, port) => {
                let mut addresses = (host.as_str(), *port).to_socket_addrs().into_iter().flatten();
                addresses.any(|address| TcpStream::connect_timeout(&address, PATIENCE).is_ok())
            }
            Place::Unknown => true,
        }
    }
}

/// `host:display.screen`, X(7) "Display names".
fn of_x(display: &str) -> Place {
    let Some((host, rest)) = display.rsplit_once(':') else { return Place::Unknown };
    let number = rest.split('.').next().unwrap_or_default();
    match (host, number.parse::<u16>()) {
        ("" | "unix", Ok(number)) => Place::Socket(format!("{X_SOCKET}{number}").into()),
        (host, Ok(number)) if !host.contains(['/', ':']) && number <= u16::MAX - X_PORT => {
            Place::Host(host.to_owned(), X_PORT + number)
        }
        _ => Place::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::os::unix::net::UnixListener;

    use super::*;

    fn named(variables: &[(&str, &str)]) -> Option<Desktop> {
        Desktop::named(|name| variables.iter().find(|(of, _)| *of == name).map(|(_, value)| value.into()))
    }

    #[test]
    fn the_environment_names_it() {
        assert_eq!(named(&[]), None);
        assert_eq!(named(&[("DISPLAY", ""), ("WAYLAND_DISPLAY", "")]), None);
        let both = named(&[("DISPLAY", ":0"), ("WAYLAND_DISPLAY", "wayland-0"), ("XDG_RUNTIME_DIR", "/run/user/7")]);
        let wayland = Place::Socket("/run/user/7/wayland-0".into());
        assert_eq!(both, Some(Desktop { name: "WAYLAND_DISPLAY=wayland-0".into(), place: wayland }));
        let x = named(&[("DISPLAY", ":3.1")]).expect("it is named");
        assert_eq!((x.name.as_str(), x.place), ("DISPLAY=:3.1", Place::Socket("/tmp/.X11-unix/X3".into())));
    }

    #[test]
    fn a_display_is_on_this_machine_or_on_another_or_somewhere_else() {
        let host = |host: &str, port| Place::Host(host.to_owned(), port);
        assert_eq!(of_x("unix:0"), Place::Socket("/tmp/.X11-unix/X0".into()));
        assert_eq!(of_x("localhost:10.0"), host("localhost", 6010));
        assert_eq!(of_x("10.0.0.7:2"), host("10.0.0.7", 6002));
        for odd in ["", "0", ":", ":x", "/private/tmp/x:0", "decnet::0", "host:65000"] {
            assert_eq!(of_x(odd), Place::Unknown, "{odd}");
        }
    }

    #[test]
    fn it_answers_where_somebody_listens() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let socket = folder.path().join("wayland-0");
        let at = |place: Place| Desktop { name: String::new(), place };
        assert!(!at(Place::Socket(socket.clone())).answers());
        let _listener = UnixListener::bind(&socket).expect("free");
        assert!(at(Place::Socket(socket)).answers());
        let hidden = folder.path().join("X0");
        let name = SocketAddr::from_abstract_name(hidden.as_os_str().as_encoded_bytes()).expect("a name");
        let _hidden = UnixListener::bind_addr(&name).expect("free");
        assert!(at(Place::Socket(hidden)).answers(), "the abstract one");
        let tcp = TcpListener::bind(("127.0.0.1", 0)).expect("free");
        let port = tcp.local_addr().expect("bound").port();
        assert!(at(Place::Host("127.0.0.1".into(), port)).answers());
        drop(tcp);
        assert!(!at(Place::Host("127.0.0.1".into(), port)).answers());
        assert!(at(Place::Unknown).answers(), "a window finds out");
    }
}
