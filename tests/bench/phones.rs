//! The phones that are measured, each a process of its own: the panel and Debian's baresip.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// How long a phone may take to start, and the panel to say something.
const PATIENCE: Duration = Duration::from_secs(10);

/// What all phones have.
pub trait Phone {
    /// Where it is called.
    fn address(&self) -> SocketAddr;
    fn pid(&self) -> u32;
    /// Lets it answer by itself, or only ring; whom to call then.
    fn answer_by_itself(&self, on: bool) -> Result<&'static str, String>;
}

/// A child that ends with this.
struct Process(Child);

impl Process {
    fn start(command: &mut Command) -> Result<Self, String> {
        let name = command.get_program().to_string_lossy().into_owned();
        command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().map(Self).map_err(|error| format!("{name}: {error}"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have left by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A line that the panel wrote, and when it came.
struct Line {
    at: Instant,
    text: String,
}

/// The panel, drawn into memory, its loudspeaker looped to its microphone.
pub struct Panel {
    process: Process,
    port: u16,
    socket: PathBuf,
    events: Receiver<Line>,
    log: Receiver<Line>,
    /// When its process was started.
    pub begun: Instant,
}

impl Panel {
    /// Starts it with a directory that outlives it, so that only its very first start is a first start.
    pub fn start(binary: &Path, directory: &Path) -> Result<Self, String> {
        Self::start_with(binary, directory, "")
    }

    /// The same with more lines in its settings file.
    pub fn start_with(binary: &Path, directory: &Path, more: &str) -> Result<Self, String> {
        let port = free_port()?;
        let (config, socket) = (directory.join("config.toml"), directory.join("control.sock"));
        let settings = format!(
            "[phone.direct_ip]\nport = {port}\n[audio]\ninput = \"loop\"\noutput = \"loop\"\n[display]\nidle_after = 1\n{more}"
        );
        std::fs::write(&config, settings).map_err(|error| error.to_string())?;
        let mut command = Command::new(binary);
        command.args(["run", "--screen", "offscreen", "--size", "1024x600"]);
        command.args(["--log", "info,vestibule::worker::media=debug"]);
        command.arg("--config").arg(config).arg("--data").arg(directory.join("data")).arg("--socket").arg(&socket);
        let begun = Instant::now();
        let mut process = Process::start(command.stderr(Stdio::piped()))?;
        let log = process.0.stderr.take().ok_or("no pipe for the log")?;
        let events = loop {
            match UnixStream::connect(&socket) {
                Ok(stream) => break stream,
                Err(error) if begun.elapsed() > PATIENCE => return Err(format!("the control socket: {error}")),
                Err(_) => std::thread::sleep(Duration::from_millis(1)),
            }
        };
        (&events).write_all(b"{\"do\":\"events\"}\n").map_err(|error| error.to_string())?;
        Ok(Self { process, port, socket, events: lines(events), log: lines(log), begun })
    }

    /// Waits until the screen shows one of these pages; when that was said.
    pub fn shows(&self, pages: &[&str]) -> Result<Instant, String> {
        let event = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
        let shown = |line: &Line| event(&line.text)["screen"].as_str().is_some_and(|page| pages.contains(&page));
        until(&self.events, shown).ok_or_else(|| format!("the screen never showed {pages:?}"))
    }

    /// Waits until the screen is told of a call from this address that rings; when that was.
    pub fn rings_for(&self, address: &str) -> Result<Instant, String> {
        let rings = |line: &Line| {
            let event = serde_json::from_str::<Value>(&line.text).unwrap_or_default();
            let word = |key: &str| event["call"][key].as_str().unwrap_or_default().to_owned();
            word("remote").contains(address) && ["ringing", "early"].contains(&word("state").as_str())
        };
        until(&self.events, rings).ok_or_else(|| format!("the screen never heard of a call from {address}"))
    }

    /// Waits until a call is in this state; when that was said.
    pub fn call_is(&self, state: &str) -> Result<Instant, String> {
        let is = |line: &Line| serde_json::from_str::<Value>(&line.text).unwrap_or_default()["call"]["state"] == state;
        until(&self.events, is).ok_or_else(|| format!("no call was ever {state}"))
    }

    /// Waits until the log says this; when that was.
    pub fn says(&self, words: &str) -> Result<Instant, String> {
        until(&self.log, |line| line.text.contains(words)).ok_or_else(|| format!("the log never said '{words}'"))
    }

    /// Forgets what it has said and shown until now.
    pub fn forget(&self) {
        self.events.try_iter().chain(self.log.try_iter()).for_each(drop);
    }

    /// Its state.
    pub fn status(&self) -> Result<Value, String> {
        self.ask(&json!({"do": "status"}))
    }

    /// The page that it shows now.
    pub fn page(&self) -> Result<String, String> {
        Ok(self.status()?["screen"].as_str().unwrap_or_default().to_owned())
    }

    /// One question to its control socket, and the answer.
    pub fn ask(&self, request: &Value) -> Result<Value, String> {
        let stream = UnixStream::connect(&self.socket).map_err(|error| error.to_string())?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(|error| error.to_string())?;
        (&stream).write_all(format!("{request}\n").as_bytes()).map_err(|error| error.to_string())?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).map_err(|error| error.to_string())?;
        let mut answer: Value = serde_json::from_str(&line).map_err(|error| error.to_string())?;
        if answer["ok"] == true { Ok(answer["result"].take()) } else { Err(format!("{request}: {}", answer["error"])) }
    }
}

impl Phone for Panel {
    fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    fn pid(&self) -> u32 {
        self.process.0.id()
    }

    fn answer_by_itself(&self, on: bool) -> Result<&'static str, String> {
        let value = if on { "on" } else { "off" };
        self.ask(&json!({"do": "set", "key": "phone.auto_answer.enabled", "value": value}))?;
        Ok("panel")
    }
}

/// The time of the first line that is `wanted`.
fn until(lines: &Receiver<Line>, wanted: impl Fn(&Line) -> bool) -> Option<Instant> {
    let begun = Instant::now();
    while let Some(left) = PATIENCE.checked_sub(begun.elapsed()) {
        let line = lines.recv_timeout(left).ok()?;
        if wanted(&line) {
            return Some(line.at);
        }
    }
    None
}

/// Lines with the time of their arrival; the thread ends with the stream.
fn lines(stream: impl std::io::Read + Send + 'static) -> Receiver<Line> {
    let (sender, lines) = mpsc::channel();
    std::thread::spawn(move || {
        for text in BufReader::new(stream).lines().map_while(Result::ok) {
            if sender.send(Line { at: Instant::now(), text }).is_err() {
                return;
            }
        }
    });
    lines
}

/// Debian's baresip with its defaults: the audio bridge loops its sound, the fake display throws its pictures away.
pub struct Baresip {
    process: Process,
    port: u16,
    /// When its process was started.
    pub begun: Instant,
}

impl Baresip {
    pub fn start(directory: &Path) -> Result<Self, String> {
        let port = free_port()?;
        let config = format!(
            "poll_method epoll\nsip_listen 127.0.0.1:{port}\ncall_max_calls 4\naudio_player aubridge,loop\n\
             audio_source aubridge,loop\naudio_alert aubridge,bell\naudio_path /nonexistent\nvideo_display fakevideo,nil\n\
             module_path /usr/lib/baresip/modules\nmodule g711.so\nmodule opus.so\nmodule aubridge.so\n\
             module avcodec.so\nmodule fakevideo.so\nmodule_app account.so\nmodule_app menu.so\n"
        );
        let accounts =
            "<sip:ring@127.0.0.1>;regint=0;answermode=manual\n<sip:talk@127.0.0.1>;regint=0;answermode=auto\n";
        for (name, text) in [("config", config.as_str()), ("accounts", accounts), ("contacts", "")] {
            std::fs::write(directory.join(name), text).map_err(|error| error.to_string())?;
        }
        let begun = Instant::now();
        let process = Process::start(Command::new("baresip").arg("-f").arg(directory).stderr(Stdio::null()))?;
        Ok(Self { process, port, begun })
    }
}

impl Phone for Baresip {
    fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    fn pid(&self) -> u32 {
        self.process.0.id()
    }

    fn answer_by_itself(&self, on: bool) -> Result<&'static str, String> {
        Ok(if on { "talk" } else { "ring" })
    }
}

/// A port that nobody has, neither by UDP nor by TCP.
fn free_port() -> Result<u16, String> {
    for _ in 0..100 {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).map_err(|error| error.to_string())?;
        let port = listener.local_addr().map_err(|error| error.to_string())?.port();
        if UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok() {
            return Ok(port);
        }
    }
    Err("no port is free".into())
}
