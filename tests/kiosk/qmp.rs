//! The virtual machine from outside: its glass touched and photographed, its power cut.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::real_panel::{PATIENCE, poll};
use crate::rigs::flat::Photograph;

/// How long a finger stays on the glass.
const TOUCH: Duration = Duration::from_millis(90);
/// Positions of QEMU's tablet go from 0 to this.
const EDGE: u64 = 0x7fff;

/// Both ways of one of QEMU's sockets, as soon as it is there; longer than `patience` nobody waits for an answer.
pub fn socket_of_qemu(socket: &Path, patience: Duration) -> (UnixStream, BufReader<UnixStream>) {
    let stream = poll(|| UnixStream::connect(socket).ok()).expect("QEMU listens");
    stream.set_read_timeout(Some(patience)).expect("a time-out can be set");
    let reader = BufReader::new(stream.try_clone().expect("a second handle"));
    (stream, reader)
}

/// QEMU's machine protocol.
pub struct Qmp {
    stream: UnixStream,
    reader: BufReader<UnixStream>,
}

impl Qmp {
    /// Waits for QEMU to come up.
    pub fn connect(socket: &Path) -> Self {
        let (stream, reader) = socket_of_qemu(socket, PATIENCE);
        let mut qmp = Self { stream, reader };
        assert!(qmp.line()["QMP"].is_object(), "QEMU greets");
        qmp.run("qmp_capabilities", json!({}));
        qmp
    }

    /// Has a command carried out.
    pub fn run(&mut self, command: &str, arguments: Value) -> Value {
        let request = json!({"execute": command, "arguments": arguments});
        writeln!(self.stream, "{request}").expect("QEMU takes commands");
        loop {
            let mut line = self.line();
            assert!(line["error"].is_null(), "{request}: {line}");
            if line.get("return").is_some() {
                return line["return"].take();
            }
        }
    }

    fn line(&mut self) -> Value {
        let mut line = String::new();
        self.reader.read_line(&mut line).expect("QEMU answers");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("QEMU does not speak JSON ({error}): {line}"))
    }

    /// What is on the screen.
    pub fn photograph(&mut self, file: &Path) -> Photograph {
        self.run("screendump", json!({"filename": file, "format": "png"}));
        Photograph::read(file)
    }

    /// Touches the glass at a point of a screen of this size.
    pub fn touch(&mut self, (x, y): (u32, u32), (width, height): (u32, u32)) {
        let place = |at: u32, of: u32| u64::from(2 * at + 1) * EDGE / u64::from(2 * of);
        let axis = |axis: &str, value: u64| json!({"type": "abs", "data": {"axis": axis, "value": value}});
        let finger = |down: bool| json!([{"type": "btn", "data": {"button": "left", "down": down}}]);
        self.run("input-send-event", json!({"events": [axis("x", place(x, width)), axis("y", place(y, height))]}));
        self.run("input-send-event", json!({"events": finger(true)}));
        std::thread::sleep(TOUCH);
        self.run("input-send-event", json!({"events": finger(false)}));
    }
}
