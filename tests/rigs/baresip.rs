//! Debian's baresip as the other side: a directory of settings, its process, and its control port.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};

use super::Transport;
use super::flat::Photograph;
use super::process::{Program, is_free, quiet_port};
use super::wav;
use crate::real_panel::{PATIENCE, free_port, poll};

/// What kind of device baresip plays.
#[derive(Clone, Copy, Debug)]
pub struct Role {
    /// Who it is. Only with an empty name does it take calls to its address alone, as the dial pad makes them.
    pub user: &'static str,
    /// Modules of its sound formats.
    pub codecs: &'static [&'static str],
    /// Whether it has a camera that sends H.264.
    pub camera: bool,
    /// Whether it takes calls by itself.
    pub answers: bool,
    /// Whether it prints all SIP.
    pub traced: bool,
}

impl Role {
    /// A door station: speech as PCMU, a camera, takes calls.
    pub const DOOR: Self = Self { user: "door", codecs: &["g711"], camera: true, answers: true, traced: false };
    /// The same without a name.
    pub const NAMELESS: Self = Self { user: "", ..Self::DOOR };
}

/// At which registrar it registers, and as whom.
#[derive(Clone, Debug)]
pub struct Account<'a> {
    /// `127.0.0.1:5060`.
    pub registrar: &'a str,
    /// The user of the address of record.
    pub name: &'a str,
    /// The user name that goes with the password.
    pub auth_user: &'a str,
    pub password: &'a str,
    /// A proxy, `127.0.0.1:5080`, through which everything goes.
    pub outbound: Option<&'a str>,
    /// Seconds for which it registers.
    pub period: u32,
    /// The name server that knows the registrar, `127.0.0.1:53`.
    pub name_server: Option<&'a str>,
}

impl<'a> Account<'a> {
    /// Straight at the registrar, for ten minutes.
    pub fn new(registrar: &'a str, name: &'a str, password: &'a str) -> Self {
        Self { registrar, name, auth_user: name, password, outbound: None, period: 600, name_server: None }
    }

    /// The line of the file `accounts`.
    fn line(&self, transport: Transport, parameters: &str) -> String {
        let Self { registrar, name, auth_user, password, outbound, period, .. } = self;
        let over = transport.parameter();
        let outbound = outbound.map(|proxy| format!(";outbound=\"sip:{proxy}{over}\"")).unwrap_or_default();
        format!(
            "<sip:{name}@{registrar}{over}>;auth_user={auth_user};auth_pass={password};regint={period}{outbound}{parameters}\n"
        )
    }
}

/// A running baresip.
pub struct Baresip {
    // Ended before its directory is taken away.
    process: Program,
    directory: tempfile::TempDir,
    control: TcpStream,
    received: Vec<u8>,
    events: VecDeque<Value>,
    answers: VecDeque<Value>,
    /// Where it awaits calls, on 127.0.0.1.
    pub port: u16,
    /// When its process was started.
    pub begun: SystemTime,
}

/// On which network baresip is.
#[derive(Clone, Copy, Debug)]
pub struct Network<'a> {
    /// Its interface, or its address.
    pub interface: &'a str,
    pub address: &'a str,
    /// Lines of settings that come before all others, and so hold.
    pub settings: &'a str,
}

impl Network<'static> {
    /// Where both sides are on this machine.
    pub const LOOPBACK: Self = Self { interface: "127.0.0.1", address: "127.0.0.1", settings: "" };
}

impl Baresip {
    /// Starts one that says [`wav::VISITOR`], records what it hears, and registers nowhere.
    pub fn start(role: Role, transport: Transport) -> Self {
        Self::start_on(Network::LOOPBACK, role, transport)
    }

    /// The same on another network.
    pub fn start_on(network: Network<'_>, role: Role, transport: Transport) -> Self {
        Self::start_with(network, role, "", &|port, parameters| {
            let (name, address) = (role.user, network.address);
            format!("<sip:{name}@{address}:{port}{}>;regint=0{parameters}\n", transport.parameter())
        })
    }

    /// The same, registered.
    pub fn start_registered(role: Role, transport: Transport, account: &Account<'_>) -> Self {
        let name_server = account.name_server.map(|at| format!("dns_server {at}\n")).unwrap_or_default();
        Self::start_with(Network::LOOPBACK, role, &name_server, &|_, parameters| account.line(transport, parameters))
    }

    /// With more lines of settings. The account is made of the port and of what goes behind its address.
    fn start_with(network: Network<'_>, role: Role, more: &str, account: &dyn Fn(u16, &str) -> String) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let (port, control_port) = (two_ports(), free_port());
        let more = format!(
            "{}net_interface {}\nsip_listen {}:{port}\nctrl_tcp_listen 127.0.0.1:{control_port}\n{more}",
            network.settings, network.interface, network.address
        );
        write_settings(directory.path(), role, &more);
        let parameters = if role.answers { ";answermode=auto" } else { "" };
        write_file(directory.path(), "accounts", &account(port, parameters));
        let log = directory.path().join("log");
        let trace: &[&Path] = if role.traced { &[Path::new("-s")] } else { &[] };
        let arguments = [trace, &[Path::new("-v"), Path::new("-f"), directory.path()]].concat();
        let begun = SystemTime::now();
        let mut process = Program::start("baresip", "baresip-core", &arguments, &log);
        let control = poll(|| {
            let connected = TcpStream::connect(("127.0.0.1", control_port)).ok();
            if process.has_left() { Some(None) } else { connected.map(Some) }
        });
        let control = control.flatten();
        let control = control.unwrap_or_else(|| panic!("baresip does not come up:\n{}", log_of(directory.path())));
        control.set_read_timeout(Some(Duration::from_millis(20))).expect("a time-out can be set");
        let (events, answers) = (VecDeque::new(), VecDeque::new());
        Self { process, directory, control, received: Vec::new(), events, answers, port, begun }
    }

    /// Kills it, as a power cut would.
    pub fn kill(&self) {
        self.process.signal("KILL");
    }

    /// Has a command carried out.
    pub fn order(&mut self, command: &str, parameters: &str) {
        let text = json!({"command": command, "params": parameters, "token": "t"}).to_string();
        write!(self.control, "{}:{text},", text.len()).expect("baresip takes commands");
        let answer = self.wait(|baresip| baresip.answers.pop_front());
        let answer = answer.unwrap_or_else(|| panic!("no answer to {command}:\n{}", self.log()));
        assert_eq!(answer["ok"], true, "{command} {parameters}: {answer}\n{}", self.log());
    }

    /// Waits for the next event of a type, passing over others.
    pub fn event(&mut self, kind: &str) -> Value {
        let found =
            self.wait(|baresip| std::iter::from_fn(|| baresip.events.pop_front()).find(|event| event["type"] == kind));
        found.unwrap_or_else(|| panic!("{kind} never comes:\n{}", self.log()))
    }

    /// The call is over: why, in the words of baresip.
    pub fn closed(&mut self) -> String {
        self.event("CALL_CLOSED")["param"].as_str().unwrap_or_default().to_owned()
    }

    /// The recording of what it heard, the longest if there are several.
    pub fn heard(&self) -> Option<PathBuf> {
        let files = std::fs::read_dir(self.directory.path().join("heard")).ok()?;
        files
            .filter_map(|file| Some(file.ok()?.path()))
            .filter(|path| path.to_string_lossy().ends_with("-dec.wav"))
            .max_by_key(|path| path.metadata().map_or(0, |data| data.len()))
    }

    /// The picture of the other side as baresip has decoded it, once there is one.
    pub fn seen(&mut self) -> Photograph {
        let begin = self.directory.path().join("seen");
        self.order("snapshot_recv", &begin.display().to_string());
        let file = self.directory.path();
        let taken = poll(|| {
            let files = std::fs::read_dir(file).ok()?.filter_map(|file| Some(file.ok()?.path()));
            let mut pictures = files.filter(|path| path.to_string_lossy().contains("/seen"));
            // It is whole once baresip says that it is written.
            pictures.next().filter(|_| log_of(file).contains("png: wrote"))
        });
        Photograph::read(&taken.unwrap_or_else(|| panic!("baresip sees nothing:\n{}", self.log())))
    }

    /// What it has printed.
    pub fn log(&self) -> String {
        log_of(self.directory.path())
    }

    fn wait<T>(&mut self, mut attempt: impl FnMut(&mut Self) -> Option<T>) -> Option<T> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if let Some(found) = attempt(self) {
                return Some(found);
            }
            self.receive();
        }
        None
    }

    /// Takes in what has come on the control port; waits a moment if nothing has.
    fn receive(&mut self) {
        let mut some = [0; 4096];
        match self.control.read(&mut some) {
            Ok(0) => panic!("baresip has left:\n{}", self.log()),
            Ok(count) => self.received.extend_from_slice(&some[..count]),
            Err(_) => return,
        }
        while let Some(message) = take_netstring(&mut self.received) {
            let value: Value = serde_json::from_slice(&message).expect("baresip speaks JSON");
            if value["event"] == true { self.events.push_back(value) } else { self.answers.push_back(value) }
        }
    }
}

impl Drop for Baresip {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("what baresip printed:\n{}", self.log());
        }
    }
}

/// A port that is free, and the next one, where it listens by TLS, whether anybody wants it or not.
fn two_ports() -> u16 {
    std::iter::repeat_with(quiet_port).find(|port| is_free(port + 1)).expect("it never ends")
}

/// `LENGTH:BYTES,`
fn take_netstring(received: &mut Vec<u8>) -> Option<Vec<u8>> {
    let colon = received.iter().position(|byte| *byte == b':')?;
    let length: usize = std::str::from_utf8(&received[..colon]).ok()?.parse().ok()?;
    let end = colon + 1 + length;
    if received.len() <= end {
        return None;
    }
    let message = received[colon + 1..end].to_vec();
    received.drain(..=end);
    Some(message)
}

fn write_settings(directory: &Path, role: Role, more: &str) {
    let (speech, heard) = (directory.join("speech.wav"), directory.join("heard"));
    std::fs::create_dir(&heard).expect("a directory for recordings");
    wav::VISITOR.write(&speech, 8000);
    let mut config = format!(
        "{more}poll_method epoll\ncall_local_timeout 60\ncall_max_calls 4\n\
         audio_path {}\naudio_player aubridge,nil\naudio_alert aubridge,alert\naudio_source aufile,{}\n\
         ausrc_channels 1\nauplay_channels 1\nvideo_source fakevideo,nil\nvideo_display fakevideo,nil\n\
         video_size 640x480\nvideo_bitrate 1000000\nvideo_fps 25\njitter_buffer_delay 1-5\n\
         module_path /usr/lib/baresip/modules\nsnd_path {}\n",
        directory.join("no-bell").display(),
        speech.display(),
        heard.display()
    );
    let camera: &[&str] = if role.camera { &["avcodec", "fakevideo", "snapshot"] } else { &[] };
    for module in role.codecs.iter().chain(&["aubridge", "aufile", "sndfile"]).chain(camera) {
        config.push_str(&format!("module {module}.so\n"));
    }
    for module in ["account", "menu", "ctrl_tcp"] {
        config.push_str(&format!("module_app {module}.so\n"));
    }
    write_file(directory, "config", &config);
    write_file(directory, "contacts", "");
}

fn write_file(directory: &Path, name: &str, text: &str) {
    std::fs::write(directory.join(name), text).expect("settings are written");
}

/// What was printed, without the bit rates that are written over and over into one line.
fn log_of(directory: &Path) -> String {
    let bytes = std::fs::read(directory.join("log")).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    text.split('\r').filter(|piece| !piece.contains("(bit/s)")).collect()
}
