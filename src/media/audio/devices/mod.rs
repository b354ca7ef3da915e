//! Microphones and loudspeakers by name.
//!
//! | name        | as input                       | as output                        | file         |
//! |-------------|--------------------------------|----------------------------------|--------------|
//! | `null`      | silence                        | nowhere                          | `plain`      |
//! | `tone`      | 440 Hz                         | refused                          | `plain`      |
//! | `loop`      | what the loudspeaker plays     | nowhere                          | `plain`      |
//! | `wav:FILE`  | the file, over and over        | everything played is recorded    | `wav`        |
//! | `default`   | the system's microphone        | the system's loudspeaker         | `card`       |
//! | other       | the sound card of this name    | the sound card of this name      | `card`       |
//!
//! The audio thread holds one [`Source`] and one [`Sink`] and asks them every 10 ms how many frames they are ready for.
//! Those without hardware answer with the ticks of the engine's own clock, so that they neither drift nor burst; a sound card
//! answers by the fill of its ring, so that its own clock sets the pace. `supervisor` opens, watches and rebuilds.

mod card;
mod fault;
mod plain;
pub(super) mod supervisor;
mod wav;

use std::path::Path;

pub use card::{DeviceNames, list, system};
pub(super) use plain::Null;

use super::FRAME;
use crate::config::{DeviceFault, FileFault};

/// Why a device name can never work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeviceRefused {
    /// The name is empty.
    #[error("a sound device needs a name; `default` is the system's own")]
    Empty,
    /// `wav:` without a file.
    #[error("`wav:` needs the name of a file after it")]
    NoFile,
    /// `tone` as output.
    #[error("`tone` is a microphone; as a loudspeaker there is `null`")]
    ToneOutput,
}

/// Where microphone sound comes from: the audio thread's end.
pub(super) trait Source: Send {
    /// Frames that can be read now, `due` ticks of the engine's clock after the last question.
    fn ready(&mut self, due: usize) -> usize;

    /// The next frame.
    fn read(&mut self, frame: &mut [f32; FRAME]);

    /// Hears what the loudspeaker plays.
    fn played(&mut self, _frame: &[f32; FRAME]) {}
}

/// Where sound to be heard goes: the audio thread's end.
pub(super) trait Sink: Send {
    /// Frames that should be written now, `due` ticks of the engine's clock after the last question.
    fn wants(&mut self, due: usize) -> usize;

    /// Takes a frame.
    fn write(&mut self, frame: &[f32; FRAME]);

    /// Whether the engine's clock sets the pace.
    fn by_engine_clock(&self) -> bool {
        true
    }
}

/// What a device name means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Named<'a> {
    Null,
    Tone,
    Loop,
    Wav(&'a Path),
    Card(&'a str),
}

fn named(name: &str) -> Result<Named<'_>, DeviceRefused> {
    match name {
        "" => Err(DeviceRefused::Empty),
        "null" => Ok(Named::Null),
        "tone" => Ok(Named::Tone),
        "loop" => Ok(Named::Loop),
        _ => match name.strip_prefix("wav:") {
            Some("") => Err(DeviceRefused::NoFile),
            Some(file) => Ok(Named::Wav(Path::new(file))),
            None => Ok(Named::Card(name)),
        },
    }
}

/// Checks the name of a microphone without opening it.
///
/// # Errors
/// The name can never work; whether a device bears it now is another matter.
pub fn check_input(name: &str) -> Result<(), DeviceRefused> {
    named(name).map(|_| ())
}

/// Checks the name of a loudspeaker without opening it.
///
/// # Errors
/// The name can never work; whether a device bears it now is another matter.
pub fn check_output(name: &str) -> Result<(), DeviceRefused> {
    match named(name)? {
        Named::Tone => Err(DeviceRefused::ToneOutput),
        _ => Ok(()),
    }
}

/// Whether a microphone of this name is there, without starting it. May block for seconds.
///
/// # Errors
/// Why it cannot be used.
pub fn find_input(name: &str) -> Result<(), DeviceFault> {
    match named(name).map_err(|_| DeviceFault::Unusable(name.to_owned()))? {
        Named::Null | Named::Tone | Named::Loop => Ok(()),
        Named::Wav(file) => wav::WavSource::open(file).map(drop),
        Named::Card(name) => card::find_input(name),
    }
}

/// Whether a loudspeaker of this name is there, without starting it. May block for seconds.
///
/// # Errors
/// Why it cannot be used.
pub fn find_output(name: &str) -> Result<(), DeviceFault> {
    let wanted = check_output(name).and_then(|()| named(name)).map_err(|_| DeviceFault::Unusable(name.to_owned()))?;
    match wanted {
        Named::Null | Named::Loop | Named::Tone => Ok(()),
        // What would be recorded over is left alone: only its folder is looked at.
        Named::Wav(file) => match file.parent() {
            Some(folder) if folder.as_os_str().is_empty() || folder.is_dir() => Ok(()),
            _ => Err(FileFault::Missing.of(file).into()),
        },
        Named::Card(name) => card::find_output(name),
    }
}

/// An open device: the end for the audio thread, and what keeps it open.
struct Opened<End: ?Sized> {
    end: Box<End>,
    card: Option<card::Card>,
}

/// Opens a microphone. May block for seconds.
fn open_input(name: &str) -> Result<Opened<dyn Source>, DeviceFault> {
    let plain = |end: Box<dyn Source>| Ok(Opened { end, card: None });
    match named(name).map_err(|_| DeviceFault::Unusable(name.to_owned()))? {
        Named::Null => plain(Box::new(Null)),
        Named::Tone => plain(Box::new(plain::TestTone::new())),
        Named::Loop => plain(Box::new(plain::Loop::new())),
        Named::Wav(file) => plain(Box::new(wav::WavSource::open(file)?)),
        Named::Card(name) => card::open_input(name),
    }
}

/// Opens a loudspeaker. May block for seconds. `again` continues a recording instead of beginning it.
fn open_output(name: &str, again: bool) -> Result<Opened<dyn Sink>, DeviceFault> {
    let plain = |end: Box<dyn Sink>| Ok(Opened { end, card: None });
    let wanted = check_output(name).and_then(|()| named(name)).map_err(|_| DeviceFault::Unusable(name.to_owned()))?;
    match wanted {
        Named::Null | Named::Loop | Named::Tone => plain(Box::new(Null)),
        Named::Wav(file) => plain(Box::new(wav::WavSink::open(file, again)?)),
        Named::Card(name) => card::open_output(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_mean_what_the_table_says() {
        assert_eq!(named("null"), Ok(Named::Null));
        assert_eq!(named("wav:/a b.wav"), Ok(Named::Wav(Path::new("/a b.wav"))));
        assert_eq!(named("Speakers (USB)"), Ok(Named::Card("Speakers (USB)")));
        assert_eq!(named("wav:"), Err(DeviceRefused::NoFile));
        assert_eq!(check_input("tone"), Ok(()));
        assert_eq!(check_output("tone"), Err(DeviceRefused::ToneOutput));
        assert_eq!(check_output(""), Err(DeviceRefused::Empty));
    }

    #[test]
    fn devices_that_need_no_hardware_are_always_there() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        for name in ["null", "tone", "loop"] {
            assert_eq!(find_input(name), Ok(()), "{name}");
        }
        assert_eq!(find_output("tone"), Err(DeviceFault::Unusable("tone".into())));
        let missing = folder.path().join("none.wav");
        let named = |file: &Path| format!("wav:{}", file.display());
        assert_eq!(find_input(&named(&missing)), Err(FileFault::Missing.of(&missing).into()));
        assert_eq!(find_output(&named(&missing)), Ok(()));
        assert!(!missing.exists(), "looking records nothing");
        let nowhere = folder.path().join("none/out.wav");
        assert_eq!(find_output(&named(&nowhere)), Err(FileFault::Missing.of(&nowhere).into()));
    }

    #[test]
    fn the_loop_gives_back_what_was_played_at_once_and_nothing_more() {
        let mut microphone = open_input("loop").expect("no hardware needed").end;
        assert_eq!(microphone.ready(1), 0);
        microphone.played(&[0.25; FRAME]);
        assert_eq!(microphone.ready(1), 1);
        let mut frame = [0.0; FRAME];
        microphone.read(&mut frame);
        assert_eq!(frame, [0.25; FRAME]);
        assert_eq!(microphone.ready(1), 0);
    }

    #[test]
    fn the_test_tone_is_440_hertz() {
        let mut microphone = open_input("tone").expect("no hardware needed").end;
        let mut sound = Vec::new();
        for _ in 0..microphone.ready(100) {
            let mut frame = [0.0; FRAME];
            microphone.read(&mut frame);
            sound.extend_from_slice(&frame);
        }
        assert_eq!(sound.len(), 48_000);
        assert!(crate::media::audio::tests::level(&sound, 48_000, 440.0) > 0.2);
    }
}
