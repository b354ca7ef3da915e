//! The panel with a screen in memory, a microphone that says a known speech, and a recorder as its loudspeaker.

use std::cell::RefCell;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Transport;
use super::wav;
use crate::real_panel::{Connection, PATIENCE, Panel};

/// A press that did nothing is repeated after this, as a person would.
const AGAIN: Duration = Duration::from_millis(700);
/// Packets of 20 ms: four seconds, enough sound for the comparison, which looks at two of them.
const TALK: u64 = 200;
/// How often the panel is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// A panel that can be seen, pressed, heard and spoken to.
pub struct Flat {
    /// The panel itself.
    pub panel: Panel,
    events: RefCell<Connection>,
    sounds: tempfile::TempDir,
}

impl Flat {
    /// Starts the panel; its microphone says [`wav::RESIDENT`].
    pub fn start(codec: &str) -> Self {
        Self::start_with(codec, "")
    }

    /// The same with more lines in its settings file.
    pub fn start_with(codec: &str, more: &str) -> Self {
        let sounds = tempfile::tempdir().expect("a temporary directory");
        let microphone = sounds.path().join("microphone.wav");
        wav::RESIDENT.write(&microphone, 48_000);
        let settings = format!(
            "[audio]\ninput = \"wav:{}\"\noutput = \"wav:{}\"\ncodecs = [\"{codec}\"]\nvolume = 100\n\
             [display]\nlanguage = \"en\"\nidle_after = 0\n{more}",
            microphone.display(),
            sounds.path().join("loudspeaker.wav").display()
        );
        let panel = Panel::start_offscreen(&settings);
        let mut events = panel.connect();
        events.write(b"{\"do\":\"events\"}\n");
        let flat = Self { panel, events: RefCell::new(events), sounds };
        flat.panel.wait("the home screen is shown and it is known which pictures can be", |status| {
            status["screen"] == "home" && (status["shows"].is_array())
        });
        flat
    }

    /// What the loudspeaker has played.
    pub fn heard(&self) -> PathBuf {
        self.sounds.path().join("loudspeaker.wav")
    }

    /// The first call of the status; null without one.
    pub fn call(&self) -> Value {
        self.panel.status()["calls"][0].take()
    }

    /// Presses what bears the label until something comes of it: for the first moment a screen is deaf to fingers.
    pub fn press_until(&self, label: &str, done: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        let mut pressed: Option<Instant> = None;
        let mut last_answer = Value::Null;
        loop {
            if pressed.is_none_or(|at| at.elapsed() > AGAIN) {
                last_answer = self.panel.ask(&json!({"do": "press", "label": label}));
                pressed = Some(Instant::now());
            }
            let status = self.panel.status();
            if done(&status) {
                return status;
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "pressing {label} came to nothing; the last answer was {last_answer}, the status is {status:#}"
            );
            std::thread::sleep(LOOK);
        }
    }

    /// Calls from the dial page: the keys one by one, then Call.
    pub fn dial(&self, keys: &str) {
        self.press_until("Dial", |status| status["screen"] == "dial");
        for key in keys.chars() {
            self.do_now(&json!({"do": "press", "label": key.to_string()}));
        }
        self.do_now(&json!({"do": "press", "label": "Call"}));
    }

    /// Calls what cannot be typed on the pad.
    pub fn dial_uri(&self, uri: &str) {
        self.do_now(&json!({"do": "dial", "text": uri}));
    }

    fn do_now(&self, request: &Value) {
        let answer = self.panel.ask(request);
        assert_eq!(answer["ok"], true, "{request} is not done: {answer}");
    }

    /// Waits until both sides have talked for a while, from now on.
    pub fn wait_for_talk(&self) {
        let before = self.call();
        self.panel.wait("both have talked", |status| {
            ["packets_in", "packets_out"].iter().all(|which| {
                let count = |call: &Value| call["audio"][which].as_u64().unwrap_or(0);
                count(&status["calls"][0]) >= count(&before) + TALK
            })
        });
    }

    /// All SIP so far went this way.
    pub fn expect_carried_by(&self, transport: Transport) {
        let trace = std::fs::read_to_string(self.panel.file("sip.txt")).expect("the panel writes all SIP down");
        let lines = |word: &str| trace.lines().filter(|line| line.ends_with(" bytes") && line.contains(word)).count();
        for (word, carrier) in [(" udp ", Transport::Udp), (" tcp ", Transport::Tcp), (" tls ", Transport::Tls)] {
            assert_eq!(lines(word) > 0, carrier == transport, "{word}: {trace}");
        }
    }

    /// Presses End, until the panel says that the call is over.
    pub fn hang_up(&self) {
        self.press_until("End", over);
    }

    /// Waits for the end of the first call, and gives the reason.
    pub fn wait_for_end(&self) -> String {
        let mut events = self.events.borrow_mut();
        let ended =
            std::iter::repeat_with(|| events.line()).find(|event| event["call"]["state"] == "ended" || event.is_null());
        let reason = ended.as_ref().and_then(|event| event["call"]["end_reason"].as_str());
        reason.expect("the panel is there and says why").to_owned()
    }

    /// The screen as it is now.
    pub fn photograph(&self) -> Photograph {
        let file = self.sounds.path().join("screen.png");
        self.do_now(&json!({"do": "screenshot", "file": file}));
        Photograph::read(&file)
    }
}

fn over(status: &Value) -> bool {
    status["calls"].as_array().is_some_and(|calls| calls.iter().all(|call| call["state"] == "ended"))
}

/// A picture of a screen.
#[derive(Clone)]
pub struct Photograph {
    width: usize,
    height: usize,
    /// Bytes of a pixel.
    depth: usize,
    bytes: Vec<u8>,
}

impl Photograph {
    /// Reads a PNG with eight bits a colour.
    pub fn read(file: &std::path::Path) -> Self {
        let opened = std::io::BufReader::new(std::fs::File::open(file).expect("the photograph is there"));
        let mut reader = png::Decoder::new(opened).read_info().expect("it is a PNG");
        let mut bytes = vec![0; reader.output_buffer_size().expect("it has a size")];
        let info = reader.next_frame(&mut bytes).expect("it is whole");
        assert_eq!(info.bit_depth, png::BitDepth::Eight);
        Self { width: info.width as usize, height: info.height as usize, depth: info.color_type.samples(), bytes }
    }

    /// Width and height in pixels.
    pub fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    /// The same turned to the left by 90°.
    pub fn turned_left(&self) -> Self {
        let (width, height) = (self.height, self.width);
        let points = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        let bytes = points.flat_map(|(x, y)| self.at(self.width - 1 - y, x)).collect();
        Self { width, height, depth: 3, bytes }
    }

    /// The share of pixels whose colours differ by more than `most` from those of another picture; 1 where the sizes differ.
    pub fn unlike(&self, other: &Self, most: u8) -> f64 {
        if self.size() != other.size() {
            return 1.0;
        }
        let points = (0..self.height).flat_map(|y| (0..self.width).map(move |x| (x, y)));
        let differs = |(x, y)| self.at(x, y).iter().zip(other.at(x, y)).any(|(a, b)| a.abs_diff(b) > most);
        points.filter(|point| differs(*point)).count() as f64 / (self.width * self.height) as f64
    }

    /// Red, green and blue of a point.
    pub fn at(&self, x: usize, y: usize) -> [u8; 3] {
        let from = (y * self.width + x) * self.depth;
        [self.bytes[from], self.bytes[from + 1], self.bytes[from + 2]]
    }
}
