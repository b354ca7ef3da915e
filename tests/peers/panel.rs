//! The panel with a screen in memory, a microphone that says a known speech, and a recorder as its loudspeaker.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::real_panel::{PATIENCE, Panel};
use crate::wav;

/// A press that did nothing is repeated after this, as a person would.
const AGAIN: Duration = Duration::from_millis(700);
/// How often the panel is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// A panel that can be seen, pressed, heard and spoken to.
pub struct Flat {
    /// The panel itself.
    pub panel: Panel,
    sounds: tempfile::TempDir,
}

impl Flat {
    /// Starts the panel; its microphone says [`wav::RESIDENT`].
    pub fn start(codec: &str) -> Self {
        let sounds = tempfile::tempdir().expect("a temporary directory");
        let microphone = sounds.path().join("microphone.wav");
        wav::RESIDENT.write(&microphone, 48_000);
        let settings = format!(
            "[audio]\ninput = \"wav:{}\"\noutput = \"wav:{}\"\ncodecs = [\"{codec}\"]\nvolume = 100\n\
             [display]\nlanguage = \"en\"\nidle_after = 0\n",
            microphone.display(),
            sounds.path().join("loudspeaker.wav").display()
        );
        let flat = Self { panel: Panel::start_offscreen(&settings), sounds };
        flat.panel.wait("the home screen is shown", |status| status["screen"] == "home");
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

    /// Presses once what bears the label.
    pub fn press(&self, label: &str) {
        let answer = self.panel.ask(&json!({"do": "press", "label": label}));
        assert_eq!(answer["ok"], true, "{label} is not pressed: {answer}");
    }

    /// Waits until the call is over, and gives the last that was seen of it.
    pub fn wait_for_end(&self) -> Value {
        let over = self.panel.wait("the call is over", |status| {
            status["calls"].as_array().is_some_and(|calls| calls.iter().all(|call| call["state"] == "ended"))
        });
        over["calls"][0].clone()
    }

    /// The screen as it is now.
    pub fn photograph(&self) -> Photograph {
        let file = self.sounds.path().join("screen.png");
        let answer = self.panel.ask(&json!({"do": "screenshot", "file": file}));
        assert_eq!(answer["ok"], true, "no photograph: {answer}");
        Photograph::read(&file)
    }
}

/// A picture of the screen.
pub struct Photograph {
    width: usize,
    /// Bytes of a pixel.
    depth: usize,
    bytes: Vec<u8>,
}

impl Photograph {
    fn read(file: &std::path::Path) -> Self {
        let opened = std::io::BufReader::new(std::fs::File::open(file).expect("the photograph is there"));
        let mut reader = png::Decoder::new(opened).read_info().expect("it is a PNG");
        let mut bytes = vec![0; reader.output_buffer_size().expect("it has a size")];
        let info = reader.next_frame(&mut bytes).expect("it is whole");
        assert_eq!(info.bit_depth, png::BitDepth::Eight);
        Self { width: info.width as usize, depth: info.color_type.samples(), bytes }
    }

    /// Red, green and blue of a point.
    pub fn at(&self, x: usize, y: usize) -> [u8; 3] {
        let from = (y * self.width + x) * self.depth;
        [self.bytes[from], self.bytes[from + 1], self.bytes[from + 2]]
    }
}
