//! Debian's dnsmasq as the name server of domains that a test makes up.

use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::time::Duration;

use super::process::{Program, quiet_port};
use crate::real_panel::poll;

/// What a name server knows: lines of dnsmasq's configuration.
#[derive(Clone, Default)]
pub struct Zone {
    lines: Vec<String>,
}

impl Zone {
    /// One that knows nothing; names below `.test` that are not in it do not exist. What has no time of its own holds for so
    /// many seconds.
    pub fn new(ttl: u32) -> Self {
        Self { lines: vec!["local=/test/".to_owned(), format!("local-ttl={ttl}")] }
    }

    fn line(mut self, line: String) -> Self {
        self.lines.push(line);
        self
    }

    /// A or AAAA records; each address a record.
    pub fn host(self, name: &str, addresses: &[&str]) -> Self {
        addresses.iter().fold(self, |zone, address| zone.line(format!("host-record={name},{address}")))
    }

    /// The same with a time of its own, in seconds.
    pub fn host_for(self, name: &str, address: &str, ttl: u32) -> Self {
        self.line(format!("host-record={name},{address},{ttl}"))
    }

    /// A SRV record.
    pub fn srv(self, service: &str, target: &str, port: u16, priority: u16, weight: u16) -> Self {
        self.line(format!("srv-host={service},{target},{port},{priority},{weight}"))
    }

    /// A SRV record that says that there is no such service.
    pub fn no_srv(self, service: &str) -> Self {
        self.line(format!("srv-host={service}"))
    }

    /// A NAPTR record with the flag `s`.
    pub fn naptr(self, name: &str, order: u16, preference: u16, service: &str, replacement: &str) -> Self {
        self.line(format!("naptr-record={name},{order},{preference},s,{service},,{replacement}"))
    }

    /// A CNAME record; what it leads to must be in the zone.
    pub fn alias(self, name: &str, to: &str) -> Self {
        self.line(format!("cname={name},{to}"))
    }
}

/// A running dnsmasq on 127.0.0.1, ended with the test.
pub struct Dnsmasq {
    // Ended before its directory is taken away.
    process: Option<Program>,
    directory: tempfile::TempDir,
    /// Where it answers, by UDP and TCP.
    pub address: SocketAddr,
}

impl Dnsmasq {
    /// Starts one with what it knows. Comes back when it answers.
    pub fn start(zone: &Zone) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let address = SocketAddr::from(([127, 0, 0, 1], quiet_port()));
        let mut dnsmasq = Self { process: None, directory, address };
        dnsmasq.launch(zone);
        dnsmasq
    }

    /// Ends it and starts another in its place that knows something else.
    pub fn replace(&mut self, zone: &Zone) {
        self.end();
        self.launch(zone);
    }

    /// Ends it.
    pub fn end(&mut self) {
        self.process = None;
    }

    fn launch(&mut self, zone: &Zone) {
        let at = |name: &str| self.directory.path().join(name);
        let own = format!("port={}\nlisten-address={}\nbind-interfaces\n", self.address.port(), self.address.ip());
        let text = own + "no-resolv\nno-hosts\npid-file=\n" + &zone.lines.join("\n") + "\n";
        std::fs::write(at("dnsmasq.conf"), text).expect("the zone is written");
        let arguments = [Path::new("--no-daemon"), Path::new("-C"), &at("dnsmasq.conf")];
        let program = Program::start("/usr/sbin/dnsmasq", "dnsmasq-base", &arguments, &at("log"));
        self.process = Some(program);
        let log = || std::fs::read_to_string(at("log")).unwrap_or_default();
        assert!(poll(|| self.answers().then_some(())).is_some(), "dnsmasq does not answer:\n{}", log());
    }

    /// Whether it says anything about `test`.
    fn answers(&self) -> bool {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.set_read_timeout(Some(Duration::from_millis(200))).expect("a time-out can be set");
        let query = b"\0\x07\x01\0\0\x01\0\0\0\0\0\0\x04test\0\0\x01\0\x01";
        socket.send_to(query, self.address).is_ok() && socket.recv(&mut [0; 512]).is_ok()
    }
}
