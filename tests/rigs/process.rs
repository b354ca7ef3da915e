//! Programs that end with the test, and by themselves if the test cannot see to it.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::{Ipv6Addr, TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::real_panel::poll;

/// Longer than any test or bench needs a program, in seconds.
const BOUND: &str = "1200";
/// Ports that nobody takes unasked: the system gives out those from 32768, telephones take theirs for RTP from 10000.
const QUIET_PORTS: std::ops::Range<u16> = 7_000..10_000;

/// A program with all its children, in a process group of their own.
pub struct Program(Child);

impl Program {
    /// Starts a program of a Debian package; what it prints is appended to a file.
    pub fn start(name: &str, package: &str, arguments: &[&Path], log: &Path) -> Self {
        let file = std::fs::File::options().create(true).append(true).open(log).expect("a log");
        let errors = file.try_clone().expect("a second handle");
        let child = Command::new("timeout")
            .args(["-s", "KILL", BOUND, name])
            .args(arguments)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(errors)
            .spawn()
            .expect("timeout is in every Debian");
        let mut program = Self(child);
        // What timeout says of a program that there is not, right after its start.
        if let Some(status) = program.0.try_wait().expect("it is our child") {
            assert_ne!(status.code(), Some(127), "{name} is not there: it is in Debian's package {package}");
        }
        program
    }

    /// Sends a signal, by its name without SIG, to the program and its children.
    pub fn signal(&self, name: &str) {
        let kill = format!("kill -{name} -- -{}", self.0.id());
        // It may have left already.
        let _ = Command::new("bash").args(["-c", &kill]).stderr(Stdio::null()).status();
    }

    /// Whether it has left by itself.
    pub fn has_left(&mut self) -> bool {
        self.0.try_wait().expect("it is our child").is_some()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.signal("KILL");
        // As above.
        let _ = self.0.wait();
    }
}

/// A port of loopback, free for UDP and TCP, that stays free while the server on it is away: the system gives it to nobody
/// else, and a TCP connection to it cannot become its own other end.
pub fn quiet_port() -> u16 {
    let free = poll(|| {
        let dice = RandomState::new().build_hasher().finish();
        let span = u64::from(QUIET_PORTS.end - QUIET_PORTS.start);
        let port = QUIET_PORTS.start + u16::try_from(dice % span).expect("less than the span");
        (claim(port) && is_free(port)).then_some(port)
    });
    free.expect("one of three thousand ports is free")
}

/// Claims a port for this test until it ends, although nobody may listen on it; false when another has claimed it.
fn claim(port: u16) -> bool {
    let name = SocketAddr::from_abstract_name(format!("vestibule-test-port-{port}")).expect("a short name");
    UnixListener::bind_addr(&name).map(std::mem::forget).is_ok()
}

/// Whether nobody has this port, by UDP and TCP, IPv4 and (where there is one) IPv6.
pub fn is_free(port: u16) -> bool {
    let v4 = UdpSocket::bind(("0.0.0.0", port)).is_ok() && TcpListener::bind(("0.0.0.0", port)).is_ok();
    let v6 = || {
        TcpListener::bind((Ipv6Addr::LOCALHOST, port)).is_ok() && UdpSocket::bind((Ipv6Addr::LOCALHOST, port)).is_ok()
    };
    let has_v6 = UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_ok();
    v4 && (!has_v6 || v6())
}
