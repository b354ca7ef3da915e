//! A panel that runs already, and the port that it or the next one listens on.

use std::io::{self, BufReader, ErrorKind};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::ctl;
use super::Finding;
use crate::config::Config;

/// How long a panel may take to answer.
const ANSWER_TIME: Duration = Duration::from_secs(5);

/// What answers at the control socket.
#[derive(Debug)]
pub(super) enum Running {
    /// Nobody.
    No,
    /// A panel, with its state.
    Yes(Value),
    /// Somebody who does not answer as a panel does.
    Silent(String),
}

impl Running {
    /// Asks.
    pub(super) fn ask(socket: &Path) -> Self {
        let stream = match UnixStream::connect(socket) {
            Ok(stream) => stream,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {
                return Self::No;
            }
            Err(error) => return Self::Silent(error.to_string()),
        };
        if let Err(error) = stream.set_read_timeout(Some(ANSWER_TIME)) {
            return Self::Silent(error.to_string());
        }
        match ctl::ask(&stream, &mut BufReader::new(&stream), &json!({"do": "status"})) {
            Ok(status) => Self::Yes(status),
            Err(failure) => Self::Silent(failure.words),
        }
    }

    /// Whether a panel runs.
    pub(super) fn is_there(&self) -> bool {
        matches!(self, Self::Yes(_))
    }

    pub(super) fn finding(&self, socket: &Path) -> Finding {
        let path = socket.display();
        match self {
            Self::No => Finding::ok("panel", format!("none runs on {path}")),
            Self::Yes(status) => {
                let word = |key: &str| status[key].as_str().unwrap_or("?").to_owned();
                Finding::ok("panel", format!("{} runs on {path} and shows {}", word("version"), word("screen")))
            }
            Self::Silent(words) => Finding::warning(
                "panel",
                format!("{path}: {words}"),
                "ask as the panel's user, or start the panel anew if it hangs",
            ),
        }
    }

    /// Whether the panel listens for direct calls on this port.
    fn listens_on(&self, port: u16) -> bool {
        let Self::Yes(status) = self else { return false };
        let direct = &status["direct_ip"];
        let somewhere = direct["listening"].as_array().is_some_and(|list| !list.is_empty());
        somewhere && direct["port"] == port
    }
}

/// Takes the port for a moment, for UDP and for TCP.
pub(super) fn bind(port: u16) -> io::Result<()> {
    let udp = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port))?;
    let tcp = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port))?;
    drop((udp, tcp));
    Ok(())
}

/// Whether the Direct IP Port is free, or our own panel's.
pub(super) fn port(config: &Config, taken: io::Result<()>, running: &Running) -> Finding {
    let port = config.direct_ip_port;
    if !config.direct_ip_enabled {
        return Finding::ok("port", "direct calls are switched off");
    }
    let change = "change the setting phone.direct_ip.port";
    match taken {
        Ok(()) => Finding::ok("port", format!("{port} is free for UDP and TCP")),
        Err(error) if error.kind() == ErrorKind::AddrInUse && running.listens_on(port) => {
            Finding::ok("port", format!("{port} is that of the panel that runs"))
        }
        Err(error) if error.kind() == ErrorKind::AddrInUse => Finding::problem(
            "port",
            format!("another program has {port}"),
            format!("end it (ss -lnptu names it), or {change}"),
        ),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            Finding::problem("port", format!("{port} is kept for root"), format!("{change} to one from 1024 on"))
        }
        Err(error) => Finding::problem("port", format!("{port}: {error}"), change),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, Write};
    use std::os::unix::net::UnixListener;

    use super::super::Verdict;
    use super::*;

    fn runs(port: u16) -> Running {
        Running::Yes(json!({
            "version": "0.1.0",
            "screen": "home",
            "direct_ip": {"port": port, "listening": ["udp:0.0.0.0:5060"], "error": null},
        }))
    }

    #[test]
    fn the_port_is_free_or_ours_or_somebody_elses() {
        let config = Config::default();
        let of = |kind: ErrorKind, running: &Running| port(&config, Err(io::Error::from(kind)), running);
        assert_eq!(port(&config, Ok(()), &Running::No).verdict, Verdict::Ok);
        assert_eq!(of(ErrorKind::AddrInUse, &runs(5060)).verdict, Verdict::Ok);
        let other = of(ErrorKind::AddrInUse, &runs(5070));
        assert_eq!(other.verdict, Verdict::Problem);
        assert!(other.remedy.contains("phone.direct_ip.port"), "{}", other.remedy);
        assert_eq!(of(ErrorKind::AddrInUse, &Running::No).verdict, Verdict::Problem);
        assert!(of(ErrorKind::PermissionDenied, &Running::No).remedy.contains("1024"));
        assert_eq!(of(ErrorKind::Unsupported, &Running::No).verdict, Verdict::Problem);
        let off = config.set("phone.direct_ip.enabled", "off").expect("a switch");
        let refused = Err(io::Error::from(ErrorKind::AddrInUse));
        assert_eq!(port(&off, refused, &Running::No).verdict, Verdict::Ok);
    }

    #[test]
    fn a_port_that_somebody_has_cannot_be_taken() {
        let taken = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("a socket");
        let port = taken.local_addr().expect("bound").port();
        assert_eq!(bind(port).map_err(|error| error.kind()), Err(ErrorKind::AddrInUse));
    }

    #[test]
    fn a_panel_is_asked_and_somebody_else_is_told_from_it() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let socket = folder.path().join("control.sock");
        let none = Running::ask(&socket);
        assert!(!none.is_there() && none.finding(&socket).verdict == Verdict::Ok);
        for (answer, is_panel) in [("{\"ok\":true,\"result\":{\"version\":\"0.1.0\"}}\n", true), ("hello\n", false)] {
            let listener = UnixListener::bind(&socket).expect("free");
            let panel = std::thread::spawn(move || {
                let (mut stream, _) = listener.accept().expect("asked");
                let mut line = String::new();
                BufReader::new(&stream).read_line(&mut line).expect("a line");
                stream.write_all(answer.as_bytes()).expect("heard");
                line
            });
            let running = Running::ask(&socket);
            assert!(panel.join().expect("it ended").contains("status"));
            assert_eq!(running.is_there(), is_panel, "{running:?}");
            let finding = running.finding(&socket);
            assert_eq!(finding.verdict, if is_panel { Verdict::Ok } else { Verdict::Warning }, "{finding:?}");
            std::fs::remove_file(&socket).expect("there");
        }
    }
}
