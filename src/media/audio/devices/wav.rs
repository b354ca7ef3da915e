//! WAV files as microphone and loudspeaker.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::thread::JoinHandle;
use std::time::Duration;

use hound::{SampleFormat, WavReader, WavSpec, WavWriter};
use rtrb::{Consumer, Producer, RingBuffer};

use super::super::resample::Resampler;
use super::super::{FRAME, RATE};
use super::{Sink, Source};
use crate::config::{DeviceFault, FileFault};

/// How often a recording is written out; what a sudden death costs at most.
const FLUSH_EVERY: Duration = Duration::from_millis(100);
/// Seconds that the disk may stand still before something is lost.
const RING_SECONDS: usize = 5;

/// Plays a file over and over.
pub(super) struct WavSource {
    sound: Vec<f32>,
    at: usize,
}

impl WavSource {
    /// Reads the whole file; channels are mixed to one.
    pub(super) fn open(file: &Path) -> Result<Self, DeviceFault> {
        let wrong = |error| DeviceFault::of_wav(file, error);
        let reader = WavReader::open(file).map_err(wrong)?;
        let spec = reader.spec();
        let samples: Vec<f32> = match spec.sample_format {
            SampleFormat::Float => reader.into_samples::<f32>().collect::<Result<_, _>>().map_err(wrong)?,
            SampleFormat::Int => {
                let full = (1u64 << (spec.bits_per_sample.clamp(1, 32) - 1)) as f32;
                reader
                    .into_samples::<i32>()
                    .map(|sample| sample.map(|sample| sample as f32 / full))
                    .collect::<Result<_, _>>()
                    .map_err(wrong)?
            }
        };
        let channels = usize::from(spec.channels.max(1));
        let mono: Vec<f32> =
            samples.chunks_exact(channels).map(|frame| frame.iter().sum::<f32>() / channels as f32).collect();
        let useless = || DeviceFault::NotWav(file.to_owned());
        let sound = Resampler::convert(&mono, spec.sample_rate, RATE).map_err(|_| useless())?;
        if sound.is_empty() {
            return Err(useless());
        }
        Ok(Self { sound, at: 0 })
    }
}

impl Source for WavSource {
    fn ready(&mut self, due: usize) -> usize {
        due
    }

    fn read(&mut self, frame: &mut [f32; FRAME]) {
        for sample in frame.iter_mut() {
            *sample = self.sound[self.at];
            self.at = (self.at + 1) % self.sound.len();
        }
    }
}

/// Records what is played, through a ring and a thread of its own.
pub(super) struct WavSink {
    ring: Producer<i16>,
    writer: Option<JoinHandle<()>>,
}

impl WavSink {
    /// Begins a file, or continues it if `again`.
    pub(super) fn open(file: &Path, again: bool) -> Result<Self, DeviceFault> {
        let wrong = |error| DeviceFault::of_wav(file, error);
        let spec = WavSpec { channels: 1, sample_rate: RATE, bits_per_sample: 16, sample_format: SampleFormat::Int };
        let mut out = if again && file.exists() {
            WavWriter::append(file).map_err(wrong)?
        } else {
            WavWriter::create(file, spec).map_err(wrong)?
        };
        // From here on the file is a valid WAV, if a short one.
        out.flush().map_err(wrong)?;
        let (ring, sound) = RingBuffer::new(RATE as usize * RING_SECONDS);
        let writer = std::thread::Builder::new()
            .name("wav-writer".to_owned())
            .spawn(move || write(out, sound))
            .map_err(|error| FileFault::from(error).of(file))?;
        Ok(Self { ring, writer: Some(writer) })
    }
}

impl Sink for WavSink {
    fn wants(&mut self, due: usize) -> usize {
        due
    }

    fn write(&mut self, frame: &[f32; FRAME]) {
        let Ok(chunk) = self.ring.write_chunk_uninit(FRAME) else {
            // The disk has stood still for seconds; the recording has a hole.
            return;
        };
        chunk.fill_from_iter(frame.iter().map(|s| (s * 32_767.0) as i16));
    }
}

impl Drop for WavSink {
    fn drop(&mut self) {
        // Putting another ring in place abandons the old one, which tells the writer to finish.
        self.ring = RingBuffer::new(1).0;
        if let Some(writer) = self.writer.take() {
            writer.thread().unpark();
            // A panic of the writer has already been printed by its hook.
            let _ = writer.join();
        }
    }
}

fn write(mut out: WavWriter<BufWriter<File>>, mut sound: Consumer<i16>) {
    loop {
        let last = sound.is_abandoned();
        let mut some = false;
        while let Ok(sample) = sound.pop() {
            if let Err(error) = out.write_sample(sample) {
                tracing::warn!("recording stopped: {error}");
                return;
            }
            some = true;
        }
        // Flushing also brings the lengths in the header up to date.
        if some && let Err(error) = out.flush() {
            tracing::warn!("recording stopped: {error}");
            return;
        }
        if last {
            break;
        }
        std::thread::park_timeout(FLUSH_EVERY);
    }
    if let Err(error) = out.finalize() {
        tracing::warn!("recording not finished: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::audio::tests::level;

    fn write_tone(file: &Path, rate: u32, channels: u16) {
        let spec = WavSpec { channels, sample_rate: rate, bits_per_sample: 16, sample_format: SampleFormat::Int };
        let mut out = WavWriter::create(file, spec).expect("a writable directory");
        for i in 0..rate {
            let sample = (i as f32 * 500.0 * std::f32::consts::TAU / rate as f32).sin() * 16_000.0;
            for _ in 0..channels {
                out.write_sample(sample as i16).expect("room on the disk");
            }
        }
        out.finalize().expect("room on the disk");
    }

    #[test]
    fn a_file_of_any_rate_is_played_over_and_over() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        for (rate, channels) in [(8_000, 1), (44_100, 2), (48_000, 1)] {
            let file = dir.path().join("in.wav");
            write_tone(&file, rate, channels);
            let mut source = WavSource::open(&file).expect("a good file");
            let mut sound = Vec::new();
            for _ in 0..source.ready(250) {
                let mut frame = [0.0; FRAME];
                source.read(&mut frame);
                sound.extend_from_slice(&frame);
            }
            let loudness = level(&sound[100_000..118_000], RATE, 500.0);
            assert!((loudness - 0.488).abs() < 0.03, "{rate}: {loudness}");
        }
    }

    #[test]
    fn what_is_no_sound_is_refused_with_the_name_of_the_file() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let file = dir.path().join("text.wav");
        std::fs::write(&file, "no sound at all").expect("a writable directory");
        let error = WavSource::open(&file).err().expect("it is refused");
        assert!(error.to_string().contains("text.wav"), "{error}");
        assert!(WavSource::open(&dir.path().join("none.wav")).is_err());
    }

    #[test]
    fn a_recording_is_valid_while_it_is_made_and_can_be_continued() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let file = dir.path().join("out.wav");
        let mut sink = WavSink::open(&file, false).expect("a writable directory");
        assert_eq!(WavReader::open(&file).expect("already valid").len(), 0);
        for _ in 0..10 {
            sink.write(&[0.5; FRAME]);
        }
        let patience = std::time::Instant::now() + Duration::from_secs(20);
        while WavReader::open(&file).map_or(0, |wav| wav.len()) < 4_800 {
            assert!(std::time::Instant::now() < patience, "never flushed");
            std::thread::yield_now();
        }
        drop(sink);
        let mut sink = WavSink::open(&file, true).expect("a writable directory");
        sink.write(&[-0.5; FRAME]);
        drop(sink);
        let mut wav = WavReader::open(&file).expect("a valid file");
        let samples: Vec<i16> = wav.samples().collect::<Result<_, _>>().expect("whole samples");
        assert_eq!(samples.len(), 11 * FRAME);
        assert_eq!((samples[0], samples[10 * FRAME]), (16_383, -16_383));
        drop(WavSink::open(&file, false).expect("a writable directory"));
        assert_eq!(WavReader::open(&file).expect("a valid file").len(), 0);
    }
}
