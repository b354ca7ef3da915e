//! A real panel, the binary itself, in a directory of its own; ended with the test.

// Each test file uses its own part of this.
#![allow(dead_code)]

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, UdpSocket};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Longer than anything here may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A running panel.
pub struct Panel {
    child: Child,
    directory: tempfile::TempDir,
    manner: Manner,
    /// Its Direct IP Port.
    pub port: u16,
}

/// How it is started.
#[derive(Clone, Copy, Debug)]
struct Manner {
    /// `--screen`.
    screen: &'static str,
    /// `--log`.
    log: &'static str,
}

impl Panel {
    /// A panel with these lines in its settings file besides the port; without sound devices unless they name some.
    pub fn start(settings: &str) -> Self {
        Self::start_on(free_port(), settings)
    }

    /// The same on a port of the caller's choice. Comes back when the panel knows whether it listens.
    pub fn start_on(port: u16, settings: &str) -> Self {
        Self::start_with(Manner { screen: "none", log: "info" }, port, settings)
    }

    /// One whose screen can be pressed and photographed.
    pub fn start_offscreen(settings: &str) -> Self {
        Self::start_with(Manner { screen: "offscreen", log: "info" }, free_port(), settings)
    }

    /// The same, telling of all that it does.
    pub fn start_talkative(settings: &str) -> Self {
        Self::start_with(Manner { screen: "offscreen", log: "trace" }, free_port(), settings)
    }

    fn start_with(manner: Manner, port: u16, settings: &str) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let sound = if settings.contains("[audio]") { "" } else { "[audio]\ninput = \"null\"\noutput = \"null\"\n" };
        let text = format!("[phone.direct_ip]\nport = {port}\n{sound}{settings}");
        std::fs::write(directory.path().join("config.toml"), text).expect("the settings are written");
        let child = Self::spawn(&directory, manner);
        let panel = Self { child, directory, manner, port };
        panel.wait("the panel listens", |status| {
            let direct_ip = &status["direct_ip"];
            direct_ip["error"].is_string() || direct_ip["listening"].as_array().is_some_and(|list| !list.is_empty())
        });
        panel
    }

    /// The command that starts another panel in the same directory, on the same socket.
    pub fn another(&self) -> Command {
        Self::command(&self.directory, self.manner)
    }

    /// What it logs goes to a file of its directory, behind what is there.
    fn spawn(directory: &tempfile::TempDir, manner: Manner) -> Child {
        let log = std::fs::File::options().create(true).append(true).open(directory.path().join("log"));
        let mut command = Self::command(directory, manner);
        command.stderr(log.expect("a log")).spawn().expect("the panel starts")
    }

    fn command(directory: &tempfile::TempDir, manner: Manner) -> Command {
        let mut command = vestibule();
        let at = |name: &str| directory.path().join(name);
        command
            .args(["run", "--screen", manner.screen, "--log", manner.log])
            .args(["--config".as_ref(), at("config.toml").as_os_str()])
            .args(["--data".as_ref(), at("data").as_os_str()])
            .args(["--socket".as_ref(), at("control.sock").as_os_str()])
            .args(["--sip-trace".as_ref(), at("sip.txt").as_os_str()])
            // Shared by all panels of all tests: looking through all plug-ins takes seconds.
            .env("GST_REGISTRY", concat!(env!("CARGO_TARGET_TMPDIR"), "/gstreamer-registry.bin"));
        command
    }

    /// A file of its directory.
    pub fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        let text = std::fs::read(self.file("log")).unwrap_or_default();
        String::from_utf8_lossy(&text).into_owned()
    }

    /// The number of its process.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// `vestibule ctl`.
    pub fn ctl(&self, words: &[&str]) -> Output {
        let mut command = vestibule();
        command.args(["ctl".as_ref(), "--socket".as_ref(), self.file("control.sock").as_os_str()]).args(words);
        command.output().expect("ctl runs")
    }

    /// A connection to the control socket.
    pub fn connect(&self) -> Connection {
        Connection::to(&self.file("control.sock")).expect("the control socket answers")
    }

    /// One question and its answer.
    pub fn ask(&self, request: &Value) -> Value {
        self.connect().ask(request)
    }

    /// The answer to `status`.
    pub fn status(&self) -> Value {
        self.ask(&json!({"do": "status"}))["result"].take()
    }

    /// Waits until the status is as it should be, and gives it.
    pub fn wait(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let found = poll(|| {
            let mut connection = Connection::to(&self.file("control.sock"))?;
            last = connection.ask(&json!({"do": "status"}))["result"].take();
            is_so(&last).then(|| last.clone())
        });
        found.unwrap_or_else(|| panic!("it never came true that {what}; the status is {last:#}"))
    }

    /// Waits until its first call is in this state, and gives the call.
    pub fn wait_for_call(&self, state: &str) -> Value {
        self.wait(&format!("the call is {state}"), |status| status["calls"][0]["state"] == state)["calls"][0].take()
    }

    /// Sends SIGTERM and waits for the end.
    pub fn terminate(&mut self) -> ExitStatus {
        let kill = format!("kill -TERM {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().expect("there is a shell").success());
        self.wait_for_end()
    }

    /// Kills it as a power cut would.
    pub fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.wait_for_end();
    }

    /// Starts it again where it left off.
    pub fn restart(&mut self) {
        self.child = Self::spawn(&self.directory, self.manner);
        self.wait("the panel is back", |_| true);
    }

    /// Waits until it has left by itself.
    pub fn wait_for_end(&mut self) -> ExitStatus {
        poll(|| self.child.try_wait().expect("it is our child")).expect("the panel leaves")
    }
}

impl Drop for Panel {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("what the panel logged:\n{}", self.log());
        }
        // It may have left already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A connection to a control socket.
pub struct Connection {
    stream: UnixStream,
    reader: BufReader<UnixStream>,
}

impl Connection {
    /// To the socket at this path; nothing while nobody listens there.
    pub fn to(path: &std::path::Path) -> Option<Self> {
        let stream = UnixStream::connect(path).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
        let reader = BufReader::new(stream.try_clone().expect("a second handle"));
        Some(Self { stream, reader })
    }

    /// Writes bytes as they are.
    pub fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("written");
    }

    /// The next line; null at the end.
    pub fn line(&mut self) -> Value {
        let mut line = String::new();
        self.reader.read_line(&mut line).expect("a line comes");
        serde_json::from_str(&line).unwrap_or(Value::Null)
    }

    /// One question and its answer.
    pub fn ask(&mut self, request: &Value) -> Value {
        self.write(format!("{request}\n").as_bytes());
        self.line()
    }
}

/// The program.
pub fn vestibule() -> Command {
    Command::new(env!("CARGO_BIN_EXE_vestibule"))
}

/// A port that is free for UDP and TCP at this moment.
pub fn free_port() -> u16 {
    loop {
        let listener = TcpListener::bind("0.0.0.0:0").expect("the system has a port");
        let port = listener.local_addr().expect("it is bound").port();
        if UdpSocket::bind(("0.0.0.0", port)).is_ok() {
            return port;
        }
    }
}

/// Tries until there is something, for as long as patience lasts.
pub fn poll<T>(mut attempt: impl FnMut() -> Option<T>) -> Option<T> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if let Some(found) = attempt() {
            return Some(found);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    None
}
