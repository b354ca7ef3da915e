//! PJSIP as the other side, by its Python module pjsua2: its process and what it tells.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use crate::real_panel::{PATIENCE, free_port};
use crate::rigs::Transport;
use crate::rigs::wav;

/// What the telephone is made of.
const SCRIPT: &str = include_str!("pjsua.py");
/// The Python that has the module: `./dev test` sees to it.
const PYTHON: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/../pjsua2/bin/python");

/// A running telephone.
pub struct Pjsua {
    child: Child,
    orders: ChildStdin,
    told: Receiver<String>,
    directory: tempfile::TempDir,
    /// Where it awaits calls, on 127.0.0.1.
    pub port: u16,
}

impl Pjsua {
    /// Starts one that says [`wav::VISITOR`] and records what it hears.
    pub fn start(transport: Transport) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let speech = directory.path().join("speech.wav");
        wav::VISITOR.write(&speech, 8000);
        let port = free_port();
        let errors = std::fs::File::create(directory.path().join("errors")).expect("a file");
        let mut child = Command::new(PYTHON)
            .args(["-c", SCRIPT, if transport == Transport::Udp { "udp" } else { "tcp" }, &port.to_string()])
            .args([speech, directory.path().join("heard.wav")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .expect("Python starts: ./dev test makes the place where it has pjsua2");
        let orders = child.stdin.take().expect("a pipe");
        let out = BufReader::new(child.stdout.take().expect("a pipe"));
        let (tell, told) = channel();
        // Ends with the process. Nobody may be listening any longer.
        std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
        let phone = Self { child, orders, told, directory, port };
        phone.expect("ready");
        phone
    }

    /// Has something done.
    pub fn order(&mut self, order: &str) {
        writeln!(self.orders, "{order}").unwrap_or_else(|error| panic!("{order}: {error}\n{}", self.log()));
    }

    /// Waits until it tells this, passing over what else it tells.
    pub fn expect(&self, words: &str) {
        loop {
            match self.told.recv_timeout(PATIENCE) {
                Ok(line) if line == words => return,
                Ok(_) => {}
                Err(error) => panic!("'{words}' is never told: {error}\n{}", self.log()),
            }
        }
    }

    /// Has it leave, and gives the recording of what it heard.
    pub fn leave(&mut self) -> PathBuf {
        self.order("quit");
        self.expect("left");
        self.directory.path().join("heard.wav")
    }

    /// What it has written down.
    fn log(&self) -> String {
        let read = |name: &str| {
            let bytes = std::fs::read(self.directory.path().join(name)).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        read("errors") + &read("heard.wav.log")
    }
}

impl Drop for Pjsua {
    fn drop(&mut self) {
        // It may have left already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
