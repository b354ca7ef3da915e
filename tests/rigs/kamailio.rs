//! Debian's kamailio as registrar and proxy: no database, everything in memory, a few processes, ready in 30 ms.
//!
//! How it behaves stands in `kamailio.cfg`. It can be killed and started again with an empty table, paused (it then accepts
//! connections and says nothing), and told to answer otherwise; it can be asked what it knows.

use std::cell::Cell;
use std::fmt::Write;
use std::net::SocketAddr;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::Transport;
use super::certificates::Pair;
use super::process::{Program, is_free, quiet_port};
use crate::real_panel::poll;

/// What all of them do.
const BEHAVIOUR: &str = include_str!("kamailio.cfg");
/// The realm of its challenges, as long as no other is set.
pub const REALM: &str = "vestibule.test";
/// How often it is started on other ports if somebody else took those that were free a moment ago.
const TRIES: usize = 5;

/// Who may register.
#[derive(Clone, Debug)]
pub struct Subscriber {
    /// The user of the address of record.
    pub name: String,
    /// The user name that goes with the password.
    pub auth_user: String,
    pub password: String,
}

impl Subscriber {
    /// One whose two names are the same.
    pub fn new(name: &str, password: &str) -> Self {
        Self { name: name.into(), auth_user: name.into(), password: password.into() }
    }
}

/// What it has for TLS.
#[derive(Clone, Debug)]
pub struct ServerTls {
    /// What it shows.
    pub pair: Pair,
    /// Whom it trusts to sign the certificates of its clients.
    pub authority: PathBuf,
    /// Whether it turns away who shows none.
    pub wants_certificates: bool,
}

/// How it is started.
#[derive(Clone, Debug)]
pub struct Setup {
    pub subscribers: Vec<Subscriber>,
    /// For a proxy before a registrar, with neither table nor passwords: where that registrar is, by UDP.
    pub registrar: Option<SocketAddr>,
    /// Listens on [::1] as well.
    pub ipv6: bool,
    /// Listens by TLS as well.
    pub tls: Option<ServerTls>,
    /// A shorter registration is answered 423, in seconds.
    pub min_expires: u32,
    /// A longer registration is shortened to this, in seconds.
    pub max_expires: u32,
    /// MD5 or SHA-256.
    pub algorithm: &'static str,
    /// After this many seconds a nonce is stale.
    pub nonce_expire: u32,
    /// A call with a shorter session timer is answered 422, in seconds.
    pub min_se: u32,
}

impl Setup {
    /// A registrar for these names and passwords.
    pub fn registrar(subscribers: &[(&str, &str)]) -> Self {
        Self {
            subscribers: subscribers.iter().map(|(name, password)| Subscriber::new(name, password)).collect(),
            registrar: None,
            ipv6: false,
            tls: None,
            min_expires: 1,
            max_expires: 3600,
            algorithm: "MD5",
            nonce_expire: 300,
            min_se: 90,
        }
    }

    /// A proxy before that registrar.
    pub fn proxy(registrar: &Kamailio) -> Self {
        Self { registrar: Some(([127, 0, 0, 1], registrar.port).into()), ..Self::registrar(&[]) }
    }
}

/// One registration that it holds.
#[derive(Clone, Debug)]
pub struct Binding {
    /// The URI of the Contact.
    pub contact: String,
    /// Seconds until it runs out.
    pub expires_s: i64,
    /// Where it came from: `sip:127.0.0.1:40000;transport=TCP`.
    pub received: String,
    /// The proxies in between.
    pub path: String,
}

/// A running kamailio.
pub struct Kamailio {
    // Ended before its directory is taken away.
    process: Option<Program>,
    directory: tempfile::TempDir,
    control: UnixDatagram,
    /// Counts the commands, so that an answer that comes too late is not taken for that to another.
    commands: Cell<u64>,
    /// Where it listens by UDP and TCP.
    pub port: u16,
    /// Where it listens by TLS, if it does.
    pub tls_port: u16,
}

impl Kamailio {
    /// Starts one. Comes back when it answers.
    pub fn start(setup: &Setup) -> Self {
        for _ in 0..TRIES {
            let directory = tempfile::tempdir().expect("a temporary directory");
            let (port, tls_port) = (quiet_port(), quiet_port());
            let text = configuration(setup, &directory, port, tls_port);
            std::fs::write(directory.path().join("kamailio.cfg"), text).expect("the configuration is written");
            let control = UnixDatagram::bind(directory.path().join("answers")).expect("a socket for its answers");
            control.set_read_timeout(Some(Duration::from_millis(200))).expect("a time-out can be set");
            let mut kamailio = Self { process: None, directory, control, commands: Cell::new(0), port, tls_port };
            if kamailio.launch() {
                return kamailio;
            }
            let log = kamailio.log();
            assert!(log.contains("in use"), "kamailio does not come up:\n{log}");
        }
        panic!("kamailio finds no free ports");
    }

    /// Whether it came up.
    fn launch(&mut self) -> bool {
        let file = |name: &str| self.directory.path().join(name);
        let (configuration, log) = (file("kamailio.cfg"), file("log"));
        // Left by one that was killed.
        let _ = std::fs::remove_file(file("control"));
        let words: Vec<&std::path::Path> = ["-DD", "-E", "-m", "32", "-M", "4", "-f"].map(std::path::Path::new).into();
        let arguments = [&words[..], &[configuration.as_path()]].concat();
        let mut process = Program::start("/usr/sbin/kamailio", "kamailio", &arguments, &log);
        let up = poll(|| if process.has_left() { Some(false) } else { self.ask("core.version", &[]).map(|_| true) });
        self.process = Some(process);
        up == Some(true)
    }

    /// Kills it, as a power cut would.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Starts it again on its ports, with an empty table and answering as at first.
    pub fn start_again(&mut self) {
        self.kill();
        let free = poll(|| (is_free(self.port) && is_free(self.tls_port)).then_some(()));
        assert!(free.is_some() && self.launch(), "kamailio does not come back:\n{}", self.log());
    }

    /// From now on it accepts connections and datagrams, and says nothing.
    pub fn pause(&self) {
        self.running().signal("STOP");
    }

    /// Goes on, beginning with all that has come in the meantime.
    pub fn resume(&self) {
        self.running().signal("CONT");
    }

    fn running(&self) -> &Program {
        self.process.as_ref().expect("it was not killed")
    }

    /// Answers every request of this method with this status and phrase, perhaps with a header, instead of serving it.
    pub fn refuse(&self, method: &str, answer: &str, header: Option<&str>) {
        match header {
            Some(header) => self.order("htable.sets", &["headers", method, header]),
            None => self.order("htable.delete", &["headers", method]),
        }
        self.order("htable.sets", &["answers", method, answer]);
    }

    /// Serves such requests again.
    pub fn serve(&self, method: &str) {
        self.order("htable.delete", &["answers", method]);
    }

    /// Challenges in this realm; what is right for another realm is no proof any longer.
    pub fn set_realm(&self, challenged: &str, proved: &str) {
        self.order("htable.sets", &["switches", "realm", challenged]);
        self.order("htable.sets", &["switches", "proof", proved]);
    }

    /// Forgets a registration, as if it had never come.
    pub fn forget(&self, name: &str) {
        self.order("ul.rm", &["location", name]);
    }

    /// How many requests of this method have come since its start.
    pub fn count(&self, method: &str) -> u64 {
        let answer = self.expect_answer("htable.get", &["counts", method]);
        answer["result"]["item"]["value"].as_u64().unwrap_or(0)
    }

    /// What is registered under a name.
    pub fn bindings(&self, name: &str) -> Vec<Binding> {
        let answer = self.expect_answer("ul.lookup", &["location", name]);
        let contacts = answer["result"]["Contacts"].as_array().cloned().unwrap_or_default();
        let binding = |entry: &Value| {
            let contact = &entry["Contact"];
            let text = |key: &str| contact[key].as_str().unwrap_or_default().to_owned();
            Binding {
                contact: text("Address"),
                expires_s: contact["Expires"].as_i64().unwrap_or(0),
                received: text("Received"),
                path: text("Path"),
            }
        };
        contacts.iter().map(binding).collect()
    }

    /// When a registration of a name was first taken, renewed or taken back since a moment; nothing if it was not.
    pub fn saved_since(&self, name: &str, moment: SystemTime) -> Option<SystemTime> {
        let mark = format!("saved {name} ");
        let log = self.log();
        let times = log.lines().filter_map(|line| line.split_once(&mark)?.1.trim().parse::<f64>().ok());
        times.map(|seconds| UNIX_EPOCH + Duration::from_secs_f64(seconds)).find(|at| *at >= moment)
    }

    /// Waits until the registrations of a name are as they should be.
    pub fn wait_for_bindings(&self, name: &str, are_so: impl Fn(&[Binding]) -> bool) -> Vec<Binding> {
        let mut last = Vec::new();
        let found = poll(|| {
            last = self.bindings(name);
            are_so(&last).then(|| last.clone())
        });
        found.unwrap_or_else(|| panic!("{name} is registered as {last:?}:\n{}", self.log()))
    }

    /// `127.0.0.1:PORT` for this transport.
    pub fn host_port(&self, transport: Transport) -> String {
        let port = if transport == Transport::Tls { self.tls_port } else { self.port };
        format!("127.0.0.1:{port}")
    }

    /// What it has printed.
    pub fn log(&self) -> String {
        let text = std::fs::read(self.directory.path().join("log")).unwrap_or_default();
        String::from_utf8_lossy(&text).into_owned()
    }

    fn order(&self, method: &str, parameters: &[&str]) {
        self.expect_answer(method, parameters);
    }

    fn expect_answer(&self, method: &str, parameters: &[&str]) -> Value {
        let answer = poll(|| self.ask(method, parameters));
        answer.unwrap_or_else(|| panic!("no answer to {method} {parameters:?}:\n{}", self.log()))
    }

    /// One command and its answer; nothing while nobody answers.
    fn ask(&self, method: &str, parameters: &[&str]) -> Option<Value> {
        let number = self.commands.get() + 1;
        self.commands.set(number);
        let command = json!({"jsonrpc": "2.0", "id": number, "method": method, "params": parameters}).to_string();
        self.control.send_to(command.as_bytes(), self.directory.path().join("control")).ok()?;
        let mut some = vec![0; 65_536];
        loop {
            let length = self.control.recv(&mut some).ok()?;
            let answer: Value = serde_json::from_slice(&some[..length]).ok()?;
            if answer["id"] == number {
                return Some(answer);
            }
        }
    }
}

impl Drop for Kamailio {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("what kamailio on port {} printed:\n{}", self.port, self.log());
        }
    }
}

fn configuration(setup: &Setup, directory: &tempfile::TempDir, port: u16, tls_port: u16) -> String {
    let mut text = String::from("#!KAMAILIO\n");
    let mut line = |words: String| writeln!(text, "{words}").expect("a string takes all");
    line(format!("#!define CONTROL \"{}\"", directory.path().join("control").display()));
    line(format!("#!define MIN_EXPIRES {}", setup.min_expires));
    line(format!("#!define MAX_EXPIRES {}", setup.max_expires));
    line(format!("#!define ALGORITHM \"{}\"", setup.algorithm));
    line(format!("#!define NONCE_EXPIRE {}", setup.nonce_expire));
    line(format!("#!define MIN_SE {}", setup.min_se));
    if let Some(registrar) = setup.registrar {
        line("#!define EDGE".into());
        line(format!("#!define REGISTRAR_URI \"sip:{registrar}\""));
    }
    let hosts: &[&str] = if setup.ipv6 { &["127.0.0.1", "[::1]"] } else { &["127.0.0.1"] };
    for host in hosts {
        line(format!("listen=udp:{host}:{port}\nlisten=tcp:{host}:{port}"));
        if setup.tls.is_some() {
            line(format!("listen=tls:{host}:{tls_port}"));
        }
    }
    if let Some(tls) = &setup.tls {
        line("#!define WITH_TLS\nenable_tls=yes".into());
        line(format!("#!define CERTIFICATE \"{}\"", tls.pair.certificate.display()));
        line(format!("#!define PRIVATE_KEY \"{}\"", tls.pair.key.display()));
        line(format!("#!define AUTHORITY \"{}\"", tls.authority.display()));
        line(format!("#!define ASK_CLIENT {}", u8::from(tls.wants_certificates)));
    }
    line(BEHAVIOUR.into());
    line("event_route[htable:mod-init] {".into());
    for Subscriber { name, auth_user, password } in &setup.subscribers {
        line(format!(
            "    $sht(owners=>{name}) = \"{auth_user}\";\n    $sht(passwords=>{auth_user}) = \"{password}\";"
        ));
    }
    line(format!("    $sht(switches=>realm) = \"{REALM}\";\n    $sht(switches=>proof) = \"{REALM}\";\n}}"));
    text
}
