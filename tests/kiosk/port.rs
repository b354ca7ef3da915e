//! The panel's control socket, through a serial port of the virtual machine.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use serde_json::Value;

use super::machine::PATIENCE;
use super::qmp::socket_of_qemu;

/// Requests go in, and an answer to each comes out.
pub struct Port {
    stream: UnixStream,
    reader: BufReader<UnixStream>,
}

impl Port {
    /// Waits until QEMU has the port. Who reads on the other side comes later.
    pub fn connect(socket: &Path) -> Self {
        let (stream, reader) = socket_of_qemu(socket, PATIENCE);
        Self { stream, reader }
    }

    /// The answer of the panel; null while there is none.
    pub fn ask(&mut self, request: &Value) -> Value {
        self.send(request);
        self.answer().unwrap_or_else(|| panic!("{request}: the machine has gone"))
    }

    /// A request whose answer is not waited for yet.
    pub fn send(&mut self, request: &Value) {
        writeln!(self.stream, "{request}").expect("the port takes requests");
    }

    /// The next answer. Nothing once the power was cut, in the midst of an answer too.
    pub fn answer(&mut self) -> Option<Value> {
        let mut line = Vec::new();
        match self.reader.read_until(b'\n', &mut line) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => panic!("the panel does not answer"),
            // A connection that was torn down ends as well as one that was closed.
            _ => serde_json::from_slice(line.strip_suffix(b"\n")?).ok(),
        }
    }
}
