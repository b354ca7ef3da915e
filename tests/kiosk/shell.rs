//! A shell inside the virtual machine, on a serial port.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use super::qmp::socket_of_qemu;

/// From power-on to a shell, on a busy machine without KVM.
const START: Duration = Duration::from_secs(150);

/// The shell of root.
pub struct Shell {
    stream: UnixStream,
    reader: BufReader<UnixStream>,
    next: u32,
}

impl Shell {
    /// Waits until QEMU has the port. Who reads on the other side comes later.
    pub fn connect(socket: &Path) -> Self {
        let (stream, reader) = socket_of_qemu(socket, START);
        Self { stream, reader, next: 0 }
    }

    /// Waits until the machine has come so far that it has a shell.
    pub fn wait(&mut self) {
        self.patience(START);
        assert_eq!(self.run("echo there"), "there");
        self.patience(super::machine::PATIENCE);
    }

    fn patience(&self, time: Duration) {
        self.stream.set_read_timeout(Some(time)).expect("a time-out can be set");
    }

    /// Runs a line of shell that has to succeed, and gives what it prints.
    pub fn run(&mut self, line: &str) -> String {
        let (status, out) = self.attempt(line);
        assert_eq!(status, 0, "{line}: {out}");
        out
    }

    /// Runs a line of shell; its exit status and what it prints.
    pub fn attempt(&mut self, line: &str) -> (i32, String) {
        let begun = Instant::now();
        self.next += 1;
        let mark = format!("<{}>", self.next);
        // Written in two halves, so that an echo of the line is not taken for its end.
        writeln!(self.stream, "{{ {line}\n}} </dev/null; status=$?; echo; echo \"<\"\"{}>$status\"", self.next)
            .expect("the shell reads");
        let mut out = String::new();
        loop {
            let mut next = Vec::new();
            let count = self.reader.read_until(b'\n', &mut next);
            let count =
                count.unwrap_or_else(|error| panic!("{line}: {error} after {:?}; so far: {out}", begun.elapsed()));
            assert!(count > 0, "{line}: the machine has gone; so far: {out}");
            let next = String::from_utf8_lossy(&next);
            if let Some(status) = next.trim().strip_prefix(&mark) {
                return (status.parse().expect("a shell gives a number"), out.trim().to_owned());
            }
            out.push_str(&next);
        }
    }
}
