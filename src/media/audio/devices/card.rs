//! Sound cards, through cpal: PulseAudio (or PipeWire in its place) where one answers, else ALSA.
//!
//! A callback moves samples between a ring and the card and counts; everything else is done elsewhere. The stream runs at
//! the card's own rate, and the audio thread converts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
use cpal::{
    BufferSize, ErrorKind, FromSample, Sample, SampleFormat, SizedSample, StreamConfig, SupportedBufferSize,
    SupportedStreamConfigRange,
};
use rtrb::{Consumer, Producer, RingBuffer};

use super::super::resample::{Resampler, Steady};
use super::super::{FRAME, RATE};
use super::{Opened, Sink, Source};
use crate::config::DeviceFault;

/// Sound that a card takes at a time, in ms. With 10 a PulseAudio server on a busy machine stumbles.
const PERIOD_MS: u32 = 20;
/// Frames that ALSA's mixer of several programs (dmix, dsnoop) takes at a time whatever is asked for, unless its settings
/// say otherwise: it is what a card without PulseAudio is reached through.
const MIXED_PERIOD: u32 = 1024;
/// How long a stream may take to be set up.
const SETUP: Duration = Duration::from_secs(3);
/// Sound that fits in a ring, in ms.
const RING_MS: u32 = 500;
/// Microphone sound older than this is thrown away, in ms.
const OLDEST_MS: u32 = 100;
/// The loudspeaker's ring grows with underruns up to so much, in ms.
const MOST_AHEAD_MS: u32 = 80;
/// Errors without a name that a stream survives between two looks of the supervisor.
const ERRORS_BORNE: u32 = 20;

/// What a stream's callbacks leave behind for others to see.
#[derive(Default)]
pub(super) struct Health {
    callbacks: AtomicU64,
    underruns: AtomicU32,
    /// Samples of the largest callback, for one channel.
    largest: AtomicU32,
    /// Errors without a name since the last look.
    errors: AtomicU32,
    /// 0, or why the stream has ended: an index into [`ENDINGS`] plus one.
    ended: AtomicU32,
}

/// The errors that end a stream.
const ENDINGS: [ErrorKind; 4] = [
    ErrorKind::DeviceNotAvailable,
    ErrorKind::StreamInvalidated,
    ErrorKind::HostUnavailable,
    ErrorKind::PermissionDenied,
];

impl Health {
    fn moved(&self, samples: usize) {
        self.callbacks.fetch_add(1, Ordering::Relaxed);
        self.largest.fetch_max(samples as u32, Ordering::Relaxed);
    }

    /// Called from a card's thread, perhaps 200,000 times a second: counts and no more.
    fn failed(&self, kind: ErrorKind) {
        match kind {
            ErrorKind::Xrun | ErrorKind::DeviceChanged | ErrorKind::RealtimeDenied => {}
            _ => match ENDINGS.iter().position(|ending| *ending == kind) {
                Some(at) => self.ended.store(at as u32 + 1, Ordering::Relaxed),
                None => {
                    self.errors.fetch_add(1, Ordering::Relaxed);
                }
            },
        }
    }

    /// Callbacks so far.
    pub(super) fn callbacks(&self) -> u64 {
        self.callbacks.load(Ordering::Relaxed)
    }

    /// Why the stream must be built anew, if it must.
    pub(super) fn trouble(&self) -> Option<DeviceFault> {
        let ended = self.ended.load(Ordering::Relaxed) as usize;
        if let Some(kind) = ended.checked_sub(1).and_then(|at| ENDINGS.get(at)) {
            return DeviceFault::of_ending(*kind);
        }
        (self.errors.swap(0, Ordering::Relaxed) > ERRORS_BORNE).then_some(DeviceFault::Stalled)
    }
}

/// Keeps a stream of a sound card open.
pub(super) struct Card {
    stream: Option<cpal::Stream>,
    pub(super) health: Arc<Health>,
}

impl Drop for Card {
    /// Closes the stream on a thread of its own: where the device has gone, cpal may wait for an answer for ever.
    fn drop(&mut self) {
        let stream = self.stream.take();
        let thread = std::thread::Builder::new().name("audio-close".to_owned());
        if let Err(error) = thread.spawn(move || drop(stream)) {
            tracing::warn!("a sound device was closed in haste: {error}");
        }
    }
}

/// The sound devices there are, by the names that the settings take.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceNames {
    /// Microphones.
    pub inputs: Vec<String>,
    /// Loudspeakers.
    pub outputs: Vec<String>,
}

/// Asks the sound system for its devices. May block for seconds.
pub fn list() -> DeviceNames {
    let _quiet = quiet();
    let Ok(devices) = cpal::default_host().devices() else {
        return DeviceNames::default();
    };
    let mut names = DeviceNames::default();
    for device in devices {
        let Some(name) = own_name(&device) else {
            continue;
        };
        if device.supports_input() {
            names.inputs.push(name.clone());
        }
        if device.supports_output() {
            names.outputs.push(name);
        }
    }
    names
}

/// The name that stays the same from one start to the next.
fn own_name(device: &cpal::Device) -> Option<String> {
    device.id().ok().map(|id| id.id().to_owned())
}

/// Keeps libasound from writing to standard error on this thread. It says there what cpal returns as an error.
fn quiet() -> Option<impl Sized> {
    alsa::Output::local_error_handler().ok()
}

fn find(
    name: &str,
    default: Option<cpal::Device>,
    host: &cpal::Host,
    fits: fn(&cpal::Device) -> bool,
) -> Result<cpal::Device, DeviceFault> {
    if name == "default" {
        return default.ok_or(DeviceFault::None);
    }
    let wanted = |device: &cpal::Device| own_name(device).is_some_and(|own| own == name) || device.to_string() == name;
    host.devices()?.find(|device| wanted(device) && fits(device)).ok_or_else(|| DeviceFault::NotNamed(name.to_owned()))
}

fn microphone(name: &str) -> Result<cpal::Device, DeviceFault> {
    let host = cpal::default_host();
    find(name, host.default_input_device(), &host, DeviceTrait::supports_input)
}

fn loudspeaker(name: &str) -> Result<cpal::Device, DeviceFault> {
    let host = cpal::default_host();
    find(name, host.default_output_device(), &host, DeviceTrait::supports_output)
}

/// The sound system that is asked: PulseAudio (or PipeWire in its place), or ALSA.
pub fn system() -> &'static str {
    let _quiet = quiet();
    cpal::default_host().id().name()
}

/// Whether this microphone is there and can be run.
pub(super) fn find_input(name: &str) -> Result<(), DeviceFault> {
    let _quiet = quiet();
    let device = microphone(name)?;
    let ways = device.supported_input_configs()?;
    choose(ways).map(drop).ok_or_else(|| DeviceFault::Unusable(name.to_owned()))
}

/// Whether this loudspeaker is there and can be run.
pub(super) fn find_output(name: &str) -> Result<(), DeviceFault> {
    let _quiet = quiet();
    let device = loudspeaker(name)?;
    let ways = device.supported_output_configs()?;
    choose(ways).map(drop).ok_or_else(|| DeviceFault::Unusable(name.to_owned()))
}

/// The way of running a device that costs least: 48 kHz, few channels, a common sample format.
fn choose(ranges: impl Iterator<Item = SupportedStreamConfigRange>) -> Option<(StreamConfig, SampleFormat)> {
    let best = ranges
        .filter_map(|range| {
            let format = match range.sample_format() {
                SampleFormat::F32 => 0,
                SampleFormat::I16 => 1,
                SampleFormat::I32 => 2,
                _ => return None,
            };
            let rate = RATE.clamp(range.min_sample_rate(), range.max_sample_rate());
            let channels = range.channels();
            (channels > 0).then_some(((rate.abs_diff(RATE), channels, format), range, rate))
        })
        .min_by_key(|(cost, ..)| *cost)?;
    let (_, range, rate) = best;
    let period = rate * PERIOD_MS / 1_000;
    let buffer_size = match range.buffer_size() {
        SupportedBufferSize::Range { min, max } if (*min..=*max).contains(&period) => BufferSize::Fixed(period),
        _ => BufferSize::Default,
    };
    let config = StreamConfig { channels: range.channels(), sample_rate: rate, buffer_size };
    Some((config, range.sample_format()))
}

/// Opens a stream with the period that was chosen, or where the card takes no such thing after all with the mixer's, or with
/// what it likes: ALSA says what it can do before it knows what it does.
fn with_a_period<T>(
    config: StreamConfig,
    open: impl Fn(StreamConfig) -> Result<T, cpal::Error>,
) -> Result<T, cpal::Error> {
    let mut outcome = open(config);
    for buffer_size in [BufferSize::Fixed(MIXED_PERIOD), BufferSize::Default] {
        match &outcome {
            Err(error) if error.kind() == ErrorKind::UnsupportedConfig => {}
            _ => break,
        }
        outcome = open(StreamConfig { buffer_size, ..config });
    }
    outcome
}

/// Opens a microphone.
pub(super) fn open_input(name: &str) -> Result<Opened<dyn Source>, DeviceFault> {
    let _quiet = quiet();
    let device = microphone(name)?;
    let (config, format) =
        device.supported_input_configs().ok().and_then(choose).ok_or_else(|| DeviceFault::Unusable(name.to_owned()))?;
    let health = Arc::new(Health::default());
    let build = match format {
        SampleFormat::F32 => build_input::<f32>,
        SampleFormat::I16 => build_input::<i16>,
        _ => build_input::<i32>,
    };
    let (stream, from) = with_a_period(config, |config| {
        let (to, from) = RingBuffer::new((config.sample_rate * RING_MS / 1_000) as usize);
        Ok((build(&device, config, to, health.clone())?, from))
    })?;
    stream.play()?;
    let source = CardSource {
        ring: from,
        resampler: Resampler::new(config.sample_rate, RATE, Steady::Output(FRAME)).map_err(DeviceFault::System)?,
        portion: Vec::with_capacity(FRAME * 2),
        oldest: (config.sample_rate * OLDEST_MS / 1_000) as usize,
    };
    Ok(Opened { end: Box::new(source), card: Some(Card { stream: Some(stream), health }) })
}

fn build_input<T: SizedSample>(
    device: &cpal::Device,
    config: StreamConfig,
    mut ring: Producer<f32>,
    health: Arc<Health>,
) -> Result<cpal::Stream, cpal::Error>
where
    f32: FromSample<T>,
{
    let channels = usize::from(config.channels);
    let share = 1.0 / f32::from(config.channels);
    let (seen, failed) = (health.clone(), health);
    device.build_input_stream(
        config,
        move |sound: &[T], _| {
            let frames = sound.len() / channels;
            seen.moved(frames);
            let room = frames.min(ring.slots());
            if let Ok(chunk) = ring.write_chunk_uninit(room) {
                chunk.fill_from_iter(
                    sound
                        .chunks_exact(channels)
                        .map(|frame| frame.iter().map(|s| f32::from_sample(*s)).sum::<f32>() * share),
                );
            }
        },
        move |error| failed.failed(error.kind()),
        Some(SETUP),
    )
}

/// Opens a loudspeaker.
pub(super) fn open_output(name: &str) -> Result<Opened<dyn Sink>, DeviceFault> {
    let _quiet = quiet();
    let device = loudspeaker(name)?;
    let (config, format) = device
        .supported_output_configs()
        .ok()
        .and_then(choose)
        .ok_or_else(|| DeviceFault::Unusable(name.to_owned()))?;
    let health = Arc::new(Health::default());
    let build = match format {
        SampleFormat::F32 => build_output::<f32>,
        SampleFormat::I16 => build_output::<i16>,
        _ => build_output::<i32>,
    };
    let (stream, to) = with_a_period(config, |config| {
        let (to, from) = RingBuffer::new((config.sample_rate * RING_MS / 1_000) as usize);
        Ok((build(&device, config, from, health.clone())?, to))
    })?;
    stream.play()?;
    let sink = CardSink {
        ring: to,
        resampler: Resampler::new(RATE, config.sample_rate, Steady::Input(FRAME)).map_err(DeviceFault::System)?,
        health: health.clone(),
        rate: config.sample_rate,
        spare_ms: 10,
        underruns: 0,
    };
    Ok(Opened { end: Box::new(sink), card: Some(Card { stream: Some(stream), health }) })
}

fn build_output<T: SizedSample + FromSample<f32>>(
    device: &cpal::Device,
    config: StreamConfig,
    mut ring: Consumer<f32>,
    health: Arc<Health>,
) -> Result<cpal::Stream, cpal::Error> {
    let channels = usize::from(config.channels);
    let (seen, failed) = (health.clone(), health);
    device.build_output_stream(
        config,
        move |sound: &mut [T], _| {
            let frames = sound.len() / channels;
            seen.moved(frames);
            let ready = frames.min(ring.slots());
            if ready < frames {
                seen.underruns.fetch_add(1, Ordering::Relaxed);
            }
            let mut frames = sound.chunks_exact_mut(channels);
            if let Ok(chunk) = ring.read_chunk(ready) {
                for (sample, frame) in chunk.into_iter().zip(&mut frames) {
                    frame.fill(T::from_sample(sample));
                }
            }
            for frame in frames {
                frame.fill(T::EQUILIBRIUM);
            }
        },
        move |error| failed.failed(error.kind()),
        Some(SETUP),
    )
}

/// A card's microphone, seen from the audio thread.
struct CardSource {
    ring: Consumer<f32>,
    resampler: Resampler,
    portion: Vec<f32>,
    oldest: usize,
}

impl Source for CardSource {
    fn ready(&mut self, _due: usize) -> usize {
        let waiting = self.ring.slots();
        if waiting > self.oldest
            && let Ok(chunk) = self.ring.read_chunk(waiting - self.oldest / 2)
        {
            chunk.commit_all();
        }
        self.ring.slots() / self.resampler.needed().max(1)
    }

    fn read(&mut self, frame: &mut [f32; FRAME]) {
        let needed = self.resampler.needed();
        self.portion.resize(needed, 0.0);
        if self.ring.pop_entire_slice(&mut self.portion).is_err() {
            frame.fill(0.0);
            return;
        }
        frame.copy_from_slice(self.resampler.process(&self.portion));
    }
}

/// A card's loudspeaker, seen from the audio thread.
struct CardSink {
    ring: Producer<f32>,
    resampler: Resampler,
    health: Arc<Health>,
    rate: u32,
    /// Kept in the ring beside what one callback takes, in ms; more after each underrun.
    spare_ms: u32,
    underruns: u32,
}

impl Sink for CardSink {
    fn wants(&mut self, _due: usize) -> usize {
        let waiting = self.ring.buffer().capacity() - self.ring.slots();
        let underruns = self.health.underruns.load(Ordering::Relaxed);
        if underruns != self.underruns {
            // The first callbacks come before the first frame and say nothing.
            if self.underruns != 0 {
                self.spare_ms = (self.spare_ms + 5).min(MOST_AHEAD_MS);
            }
            self.underruns = underruns;
        }
        let callback = self.health.largest.load(Ordering::Relaxed).min(self.rate / 10);
        let goal = (callback + self.rate * self.spare_ms / 1_000) as usize;
        let frame = (self.rate / 100) as usize;
        goal.saturating_sub(waiting).div_ceil(frame)
    }

    fn write(&mut self, frame: &[f32; FRAME]) {
        let sound = self.resampler.process(frame);
        // A full ring means that the card stands still; the supervisor will see to it.
        let _ = self.ring.push_partial_slice(sound);
    }

    fn by_engine_clock(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_ends_by_name_or_by_a_flood_of_errors() {
        let health = Health::default();
        for _ in 0..1_000 {
            health.failed(ErrorKind::Xrun);
        }
        assert_eq!(health.trouble(), None);
        for _ in 0..ERRORS_BORNE {
            health.failed(ErrorKind::BackendError);
        }
        assert_eq!(health.trouble(), None, "a few errors are borne");
        for _ in 0..=ERRORS_BORNE {
            health.failed(ErrorKind::BackendError);
        }
        assert!(health.trouble().is_some());
        health.failed(ErrorKind::DeviceNotAvailable);
        assert_eq!(health.trouble(), Some(DeviceFault::Gone));
    }

    #[test]
    fn the_cheapest_way_of_running_a_device_is_chosen() {
        let range = |channels, low, high, format| {
            let size = SupportedBufferSize::Range { min: 64, max: 8_192 };
            SupportedStreamConfigRange::new(channels, low, high, size, format)
        };
        let chosen = choose(
            [
                range(2, 44_100, 44_100, SampleFormat::F32),
                range(2, 8_000, 192_000, SampleFormat::I32),
                range(2, 8_000, 192_000, SampleFormat::I16),
                range(1, 8_000, 192_000, SampleFormat::U8),
            ]
            .into_iter(),
        );
        let (config, format) = chosen.expect("three of them will do");
        assert_eq!((config.channels, config.sample_rate, format), (2, 48_000, SampleFormat::I16));
        assert_eq!(config.buffer_size, BufferSize::Fixed(960));
    }

    #[test]
    fn a_card_that_takes_no_such_period_after_all_is_asked_again() {
        let config = StreamConfig { channels: 2, sample_rate: RATE, buffer_size: BufferSize::Fixed(960) };
        let refused = |kind| Err::<BufferSize, _>(cpal::Error::with_message(kind, "refused"));
        let mixer = |config: StreamConfig| match config.buffer_size {
            BufferSize::Fixed(MIXED_PERIOD) => Ok(config.buffer_size),
            _ => refused(ErrorKind::UnsupportedConfig),
        };
        assert_eq!(with_a_period(config, mixer).ok(), Some(BufferSize::Fixed(MIXED_PERIOD)));
        let odd = |config: StreamConfig| match config.buffer_size {
            BufferSize::Fixed(_) => refused(ErrorKind::UnsupportedConfig),
            BufferSize::Default => Ok(config.buffer_size),
        };
        assert_eq!(with_a_period(config, odd).ok(), Some(BufferSize::Default));
        let gone = |config: StreamConfig| match config.buffer_size {
            BufferSize::Fixed(960) => refused(ErrorKind::DeviceNotAvailable),
            _ => Ok(config.buffer_size),
        };
        assert!(with_a_period(config, gone).is_err(), "what has gone is not asked again");
    }

    #[test]
    fn the_ring_of_a_loudspeaker_is_filled_no_further_than_needed() {
        let (ring, _card) = RingBuffer::new(24_000);
        let health = Arc::new(Health::default());
        health.moved(480);
        let mut sink = CardSink {
            ring,
            resampler: Resampler::new(RATE, RATE, Steady::Input(FRAME)).expect("rates are sound"),
            health: health.clone(),
            rate: RATE,
            spare_ms: 10,
            underruns: 0,
        };
        assert_eq!(sink.wants(1), 2);
        sink.write(&[0.0; FRAME]);
        sink.write(&[0.0; FRAME]);
        assert_eq!(sink.wants(1), 0);
        for underrun in 1..=3 {
            health.underruns.store(underrun, Ordering::Relaxed);
            sink.wants(1);
        }
        assert_eq!(sink.wants(1), 1, "two underruns ask for 10 ms more");
    }
}
