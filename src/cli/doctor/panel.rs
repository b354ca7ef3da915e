//! A panel that runs already, and the port that it or the next one listens on.

use std::io::{BufReader, ErrorKind};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::ctl;
use super::Finding;
use crate::channel::{PortFault, PortTrouble};
use crate::config::Config;
use crate::worker::net::direct::Direct;

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

    /// Where the panel listens for direct calls on this port, and what it says that is wrong with it; `None` for a panel that
    /// does not.
    fn listens_on(&self, port: u16) -> Option<(String, Option<&str>)> {
        let Self::Yes(status) = self else { return None };
        let direct = &status["direct_ip"];
        let places: Vec<&str> = direct["listening"].as_array()?.iter().filter_map(Value::as_str).collect();
        (direct["port"] == port && !places.is_empty()).then(|| (places.join(", "), direct["error"].as_str()))
    }
}

/// What of a port can be had.
#[derive(Debug, Default)]
pub(super) struct Free {
    /// `udp:0.0.0.0:5060`, …
    on: Vec<String>,
    /// The first thing that cannot.
    fault: Option<PortFault>,
}

/// Listens on the port for a moment, as a panel does: by UDP and TCP, IPv4 and IPv6.
///
/// # Errors
/// When the system has no room for one more program that listens.
pub(super) fn listen(port: u16) -> std::io::Result<Free> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let _inside = runtime.enter();
    let listening = Direct::default().listen(port, &[]);
    Ok(Free { on: listening.on, fault: listening.fault })
}

/// Whether the Direct IP Port is free, or our own panel's.
pub(super) fn port(config: &Config, free: &Free, running: &Running) -> Finding {
    let port = config.direct_ip_port;
    if !config.direct_ip_enabled {
        return Finding::ok("port", "direct calls are switched off");
    }
    let change = "change the setting phone.direct_ip.port";
    match running.listens_on(port) {
        Some((on, None)) => return Finding::ok("port", format!("{port} is that of the panel that runs: {on}")),
        Some((on, Some(error))) => {
            let what = format!("the panel that runs has {on} alone: {error}");
            return Finding::problem("port", what, format!("see what ss -lnptu names, or {change}"));
        }
        None => {}
    }
    let Some(fault) = &free.fault else {
        return Finding::ok("port", format!("{port} is free: {}", free.on.join(", ")));
    };
    let but = if free.on.is_empty() { String::new() } else { format!("; free is {}", free.on.join(", ")) };
    let remedy = match fault.trouble {
        PortTrouble::Taken => format!("end the program that has it (ss -lnptu names it), or {change}"),
        PortTrouble::NotAllowed => format!("{change} to one from 1024 on"),
        PortTrouble::System(_) => change.to_owned(),
    };
    Finding::problem("port", format!("{fault}{but}"), remedy)
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, Write};
    use std::net::{Ipv6Addr, SocketAddr, UdpSocket};
    use std::os::unix::net::UnixListener;

    use socket2::{Domain, Socket, Type};

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
        let free = |on: &[&str], trouble: Option<PortTrouble>| Free {
            on: on.iter().map(|place| (*place).to_owned()).collect(),
            fault: trouble.map(|trouble| PortFault { transport: "TCP", port: 5060, trouble }),
        };
        let of = |trouble: PortTrouble, running: &Running| port(&config, &free(&[], Some(trouble)), running);
        let good = port(&config, &free(&["udp:0.0.0.0:5060", "tcp:0.0.0.0:5060"], None), &Running::No);
        assert_eq!(good, Finding::ok("port", "5060 is free: udp:0.0.0.0:5060, tcp:0.0.0.0:5060"));
        assert_eq!(of(PortTrouble::Taken, &runs(5060)).verdict, Verdict::Ok);
        let other = of(PortTrouble::Taken, &runs(5070));
        assert_eq!(other.verdict, Verdict::Problem);
        assert!(other.remedy.contains("phone.direct_ip.port"), "{}", other.remedy);
        assert_eq!(of(PortTrouble::Taken, &Running::No).verdict, Verdict::Problem);
        assert!(of(PortTrouble::NotAllowed, &Running::No).remedy.contains("1024"));
        assert_eq!(of(PortTrouble::System("odd".into()), &Running::No).verdict, Verdict::Problem);
        let in_part = port(&config, &free(&["udp:[::]:5060"], Some(PortTrouble::Taken)), &Running::No);
        assert_eq!(in_part.verdict, Verdict::Problem);
        assert!(in_part.what.ends_with("; free is udp:[::]:5060"), "{}", in_part.what);
        let off = config.set("phone.direct_ip.enabled", "off").expect("a switch");
        assert_eq!(port(&off, &free(&[], Some(PortTrouble::Taken)), &Running::No).verdict, Verdict::Ok);
    }

    #[test]
    fn a_panel_that_has_its_port_in_part_is_a_problem() {
        let Running::Yes(mut status) = runs(5060) else { panic!("it runs") };
        status["direct_ip"]["error"] = json!("TCP port 5060 is taken by another program");
        let finding = port(&Config::default(), &Free::default(), &Running::Yes(status));
        assert_eq!(finding.verdict, Verdict::Problem);
        assert!(finding.what.contains("TCP port 5060 is taken"), "{}", finding.what);
    }

    #[test]
    fn a_port_is_taken_whoever_has_which_part_of_it() {
        // Other tests take ports meanwhile.
        let number = (0..20).find_map(|_| {
            let number = UdpSocket::bind(("0.0.0.0", 0)).and_then(|socket| socket.local_addr()).expect("bound").port();
            let free = listen(number).expect("there is room");
            (free.on.len() == 4 && free.fault.is_none()).then_some(number)
        });
        let number = number.expect("a port that is free for UDP and TCP, IPv4 and IPv6");
        let taken = Socket::new(Domain::IPV6, Type::STREAM, None).expect("a socket");
        taken.set_only_v6(true).expect("IPv6 alone");
        taken.bind(&SocketAddr::from((Ipv6Addr::UNSPECIFIED, number)).into()).expect("free");
        taken.listen(1).expect("it listens");
        let free = listen(number).expect("there is room");
        assert_eq!(
            free.fault.as_ref().map(|fault| (fault.transport, &fault.trouble)),
            Some(("TCP", &PortTrouble::Taken))
        );
        assert!(free.on.contains(&format!("tcp:0.0.0.0:{number}")), "{free:?}");
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
