//! PulseAudio servers of the test's own.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::process::Program;
use super::wav;
use crate::real_panel::poll;

/// A running server that has no devices yet.
pub struct Server {
    // Ended before its directory is taken away.
    _program: Program,
    directory: tempfile::TempDir,
}

impl Server {
    /// Starts it. Comes back when it answers.
    pub fn start() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let at = |name: &str| directory.path().join(name);
        let load =
            format!("load-module module-native-protocol-unix auth-anonymous=1 socket={}\n", at("native").display());
        std::fs::write(at("pulse.pa"), load).expect("written");
        let place = directory.path().display();
        let words = [
            &format!("HOME={place}"),
            &format!("XDG_RUNTIME_DIR={place}"),
            "pulseaudio",
            "-n",
            "-F",
            &format!("{place}/pulse.pa"),
            "--daemonize=no",
            "--exit-idle-time=-1",
            "--disallow-exit",
            "--use-pid-file=no",
            "--realtime=no",
            "--high-priority=no",
        ];
        let program = Program::start("env", "pulseaudio", &words.map(Path::new), &at("log"));
        let server = Self { _program: program, directory };
        let control = server.control();
        let answers = || control.order(&["info"]).0.then_some(());
        poll(answers).expect("pulseaudio, of the package of that name, answers");
        server
    }

    /// Where orders are given to it.
    pub fn control(&self) -> Control {
        Control { address: format!("unix:{}/native", self.directory.path().display()) }
    }
}

/// Gives orders to a server.
pub struct Control {
    /// The server, in the form of `PULSE_SERVER`.
    pub address: String,
}

impl Control {
    /// Whether it was done, and what was said.
    pub fn order(&self, words: &[&str]) -> (bool, String) {
        let output = Command::new("pactl").args(["-s", &self.address]).args(words).output();
        let output = output.expect("pactl is in Debian's package pulseaudio-utils");
        (output.status.success(), String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Adds a sink that leads nowhere; returns the number to unload it by.
    pub fn add_sink(&self, name: &str) -> String {
        let sink = format!("sink_name={name}");
        let (done, number) =
            self.order(&["load-module", "module-null-sink", &sink, "rate=48000", "channels=1", "format=s16le"]);
        assert!(done, "no sink {name}");
        number
    }
}

/// A microphone into which somebody speaks, and a loudspeaker that is listened to: what is played into the sink `mic` can be
/// recorded from its monitor, and what somebody plays into `speaker` is recorded here.
pub struct Pulse {
    // Ended before the server.
    _speech: Program,
    _recorder: Program,
    server: Server,
}

impl Pulse {
    /// Starts both; into the microphone goes a WAV file that `write` fills, over and over.
    pub fn start(write: impl FnOnce(&Path)) -> Self {
        let server = Server::start();
        let control = server.control();
        control.add_sink("mic");
        control.add_sink("speaker");
        let at = |name: &str| server.directory.path().join(name);
        let start = |words: &[&str]| {
            let words: Vec<&Path> = words.iter().map(Path::new).collect();
            Program::start("env", "pulseaudio-utils", &words, &at("log"))
        };
        let speech = at("speech.wav");
        write(&speech);
        let again = format!("while paplay -s {} -d mic {}; do :; done", control.address, speech.display());
        let speech = start(&["sh", "-c", &again]);
        let heard = at(HEARD).display().to_string();
        let recorder = start(&[
            "parec",
            "-s",
            &control.address,
            "-d",
            "speaker.monitor",
            "--rate=48000",
            "--channels=1",
            "--format=s16le",
            "--raw",
            &heard,
        ]);
        Self { _speech: speech, _recorder: recorder, server }
    }

    /// The words of QEMU's `-audiodev` that lead here.
    pub fn audiodev(&self) -> String {
        format!(
            "pa,server={},in.name=mic.monitor,out.name=speaker,out.frequency=48000,in.frequency=48000",
            self.server.control().address
        )
    }

    /// How much the loudspeaker has played so far, in bytes.
    pub fn so_far(&self) -> usize {
        std::fs::metadata(self.heard()).map_or(0, |file| usize::try_from(file.len()).unwrap_or(0))
    }

    /// What the loudspeaker has played since then.
    pub fn heard_since(&self, so_far: usize) -> Option<Vec<f32>> {
        wav::growing(&self.heard(), so_far & !1, 48_000)
    }

    fn heard(&self) -> PathBuf {
        self.server.directory.path().join(HEARD)
    }
}

/// What the loudspeaker plays.
const HEARD: &str = "heard.raw";
