//! A display of one's own, without a window manager, and a mouse on it: Xvfb and xdotool.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::picture::{Picture, Place};
use crate::real_panel::poll;

/// Both windows fit beside each other.
const SCREEN: &str = "1600x800x24";

/// A running X server, with a number that nobody else has.
pub struct Desktop {
    child: Child,
    /// Holds what the screen shows, as the server keeps it.
    directory: tempfile::TempDir,
    number: String,
}

impl Desktop {
    /// Starts it; comes back when it takes clients.
    pub fn start() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let mut child = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", SCREEN, "-nolisten", "tcp", "-noreset", "-fbdir"])
            .arg(directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb starts: it is in Debian's package xvfb");
        let mut number = String::new();
        let out = child.stdout.take().expect("a pipe");
        BufReader::new(out).read_line(&mut number).expect("Xvfb says which number it has");
        assert!(!number.trim().is_empty(), "Xvfb leaves at once");
        Self { child, directory, number: format!(":{}", number.trim()) }
    }

    /// What clients find it by.
    pub fn display(&self) -> &str {
        &self.number
    }

    /// Waits for the window of that title, and says where it has opened by itself.
    pub fn find(&self, title: &str) -> Place {
        let title = format!("^{title}$");
        let found = poll(|| {
            let id = self.xdotool(&["search", "--onlyvisible", "--name", &title])?;
            let text = self.xdotool(&["getwindowgeometry", "--shell", &id])?;
            let value =
                |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=')?.parse().ok());
            Some(Place { x: value("X")?, y: value("Y")?, width: value("WIDTH")?, height: value("HEIGHT")? })
        });
        found.unwrap_or_else(|| panic!("no window is called {title}"))
    }

    /// Presses the left button of the mouse at that point, and lets go after a moment.
    pub fn click(&self, (x, y): (usize, usize)) {
        let (x, y) = (x.to_string(), y.to_string());
        let words = ["mousemove", &x, &y, "sleep", "0.03", "mousedown", "1", "sleep", "0.06", "mouseup", "1"];
        assert!(self.xdotool(&words).is_some(), "the mouse works");
    }

    /// The screen as it is now.
    pub fn picture(&self) -> Picture {
        let bytes = std::fs::read(self.directory.path().join("Xvfb_screen0")).expect("the server shows its memory");
        Picture::of_dump(bytes)
    }

    /// What xdotool prints; nothing when it fails.
    fn xdotool(&self, words: &[&str]) -> Option<String> {
        let mut command = Command::new("xdotool");
        let done = command.args(words).env("DISPLAY", &self.number).stderr(Stdio::null()).output();
        let output = done.expect("xdotool runs: it is in Debian's package xdotool");
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        // It takes its lock and its socket away before it leaves.
        leave(&mut self.child);
    }
}

/// Asks a process to leave, and makes it if it does not.
pub fn leave(child: &mut Child) {
    let asked = Command::new("sh").args(["-c", &format!("kill -TERM {}", child.id())]).status();
    let left = asked.is_ok_and(|status| status.success()) && poll(|| child.try_wait().ok()?).is_some();
    if !left {
        // It may have left meanwhile.
        let _ = child.kill();
        let _ = child.wait();
    }
}
