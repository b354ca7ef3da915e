//! A PulseAudio server of the test's own, with two sinks that lead nowhere: what is played into `mic` can be recorded from
//! its monitor by somebody who takes it for a microphone, and what somebody plays into `speaker` is recorded here.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::process::Program;
use super::wav;
use crate::real_panel::poll;

/// A running server.
pub struct Pulse {
    // Ended before its directory is taken away.
    _speech: Program,
    _recorder: Program,
    _server: Program,
    directory: tempfile::TempDir,
}

impl Pulse {
    /// Starts it; into the microphone goes a WAV file that `write` fills, over and over.
    pub fn start(write: impl FnOnce(&Path)) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let at = |name: &str| directory.path().join(name);
        let script = format!(
            "load-module module-native-protocol-unix auth-anonymous=1 socket={}\n\
             load-module module-null-sink sink_name=mic rate=48000 channels=1 format=s16le\n\
             load-module module-null-sink sink_name=speaker rate=48000 channels=1 format=s16le\n",
            at("native").display()
        );
        std::fs::write(at("pulse.pa"), script).expect("written");
        let log = at("log");
        let home = format!("HOME={}", directory.path().display());
        let runtime = format!("XDG_RUNTIME_DIR={}", directory.path().display());
        let start = |words: &[&str]| {
            let words = [&[home.as_str(), runtime.as_str()], words].concat();
            let words: Vec<&Path> = words.iter().map(Path::new).collect();
            Program::start("env", "pulseaudio", &words, &log)
        };
        let script = at("pulse.pa").display().to_string();
        let server = start(&[
            "pulseaudio",
            "-n",
            "-F",
            &script,
            "--daemonize=no",
            "--exit-idle-time=-1",
            "--disallow-exit",
            "--use-pid-file=no",
            "--realtime=no",
            "--high-priority=no",
        ]);
        let address = address(directory.path());
        let answers =
            || Command::new("pactl").args(["-s", &address, "info"]).output().is_ok_and(|out| out.status.success());
        poll(|| answers().then_some(())).expect("pulseaudio, of the package of that name, answers");
        let speech = at("speech.wav");
        write(&speech);
        let again = format!("while paplay -s {address} -d mic {}; do :; done", speech.display());
        let speech = start(&["sh", "-c", &again]);
        let heard = heard(directory.path()).display().to_string();
        let recorder = start(&[
            "parec",
            "-s",
            &address,
            "-d",
            "speaker.monitor",
            "--rate=48000",
            "--channels=1",
            "--format=s16le",
            "--raw",
            &heard,
        ]);
        Self { _speech: speech, _recorder: recorder, _server: server, directory }
    }

    /// The words of QEMU's `-audiodev` that lead here.
    pub fn audiodev(&self) -> String {
        format!(
            "pa,server={},in.name=mic.monitor,out.name=speaker,out.frequency=48000,in.frequency=48000",
            address(self.directory.path())
        )
    }

    /// How much the loudspeaker has played so far, in bytes.
    pub fn so_far(&self) -> usize {
        std::fs::metadata(heard(self.directory.path())).map_or(0, |file| usize::try_from(file.len()).unwrap_or(0))
    }

    /// What the loudspeaker has played since then.
    pub fn heard_since(&self, so_far: usize) -> Option<Vec<f32>> {
        wav::growing(&heard(self.directory.path()), so_far & !1, 48_000)
    }
}

fn address(directory: &Path) -> String {
    format!("unix:{}/native", directory.display())
}

fn heard(directory: &Path) -> PathBuf {
    directory.join("heard.raw")
}
