//! The sound and the pictures that the caller sends, made once at the start so that making them costs nothing later.

use std::sync::Arc;

use gstreamer::prelude::*;
use gstreamer_app::AppSink;

use crate::rtp::Picture;

/// Pictures between two key frames: 5 s. A caller that starts at [`MIDWAY`] sends none for 4 s unless asked.
const PICTURES: usize = 125;
/// Where a call joins.
pub const MIDWAY: usize = 25;
/// Loud enough to be found, far from clipping.
const PEAK: f64 = 12_000.0;

/// All clips.
pub struct Clips {
    pub pcmu: Arc<Vec<Vec<u8>>>,
    pub opus: Arc<Vec<Vec<u8>>>,
    /// Silence with a short tone at the start of each [`PULSE_EVERY`]th packet.
    pub pulses: Arc<Vec<Vec<u8>>>,
    pub pictures: Arc<Vec<Picture>>,
    /// What made the pictures.
    pub encoder: &'static str,
}

/// Packets from one pulse to the next: 0.34 s, which no phone's own rhythm divides.
pub const PULSE_EVERY: u32 = 17;

impl Clips {
    pub fn make() -> Result<Self, String> {
        gstreamer::init().map_err(|error| error.to_string())?;
        let encoders = [
            (
                "openh264enc",
                "openh264enc gop-size=125 bitrate=1000000 rate-control=bitrate scene-change-detection=false",
            ),
            (
                "x264enc",
                "x264enc tune=zerolatency speed-preset=veryfast key-int-max=125 bitrate=1000 option-string=scenecut=0",
            ),
        ];
        let found = encoders.iter().find(|(name, _)| gstreamer::ElementFactory::find(name).is_some());
        let (encoder, words) = found.ok_or("neither openh264enc nor x264enc is installed: no pictures can be made")?;
        Ok(Self {
            pcmu: Arc::new(saw()),
            opus: Arc::new(opus()?),
            pulses: Arc::new(pulses()),
            pictures: Arc::new(pictures(words)?),
            encoder,
        })
    }
}

/// What a pipeline makes, until it was `enough`. Stopped in full run: some encoders complain when they are drained.
fn collect(pipeline: &str, mut enough: impl FnMut(&[Vec<u8>]) -> bool) -> Result<Vec<Vec<u8>>, String> {
    let words = |error: gstreamer::glib::Error| error.to_string();
    let pipeline = format!("{pipeline} ! appsink name=out sync=false max-buffers=8");
    let pipeline = gstreamer::parse::launch(&pipeline).map_err(words)?;
    let bin = pipeline.clone().downcast::<gstreamer::Bin>().map_err(|_| "not a pipeline")?;
    let sink = bin.by_name("out").and_then(|sink| sink.downcast::<AppSink>().ok()).ok_or("no appsink")?;
    pipeline.set_state(gstreamer::State::Playing).map_err(|error| error.to_string())?;
    let mut buffers = Vec::new();
    while !enough(&buffers) {
        let sample =
            sink.try_pull_sample(gstreamer::ClockTime::from_seconds(10)).ok_or("a clip was not made in time")?;
        let map = sample.buffer().and_then(|buffer| buffer.map_readable().ok());
        buffers.extend(map.map(|map| map.as_slice().to_vec()));
    }
    pipeline.set_state(gstreamer::State::Null).map_err(|error| error.to_string())?;
    Ok(buffers)
}

/// Whether an RTP packet is the last one of its picture.
fn is_last(packet: &[u8]) -> bool {
    packet.get(1).is_some_and(|second| second & 0x80 != 0)
}

/// 640×480@25 at 1 Mbit/s in which everything moves, as RTP payloads by picture.
fn pictures(encoder: &str) -> Result<Vec<Picture>, String> {
    let pipeline = format!(
        "videotestsrc pattern=smpte horizontal-speed=2 ! video/x-raw,format=I420,width=640,height=480,framerate=25/1 \
         ! {encoder} ! video/x-h264,profile=constrained-baseline ! h264parse config-interval=-1 \
         ! rtph264pay mtu=1200 aggregate-mode=none"
    );
    let packets = collect(&pipeline, |packets| packets.iter().filter(|packet| is_last(packet)).count() == PICTURES)?;
    let payloads =
        |picture: &[Vec<u8>]| picture.iter().filter_map(|packet| packet.get(12..)).map(<[u8]>::to_vec).collect();
    Ok(packets.split_inclusive(|packet| is_last(packet)).map(payloads).collect())
}

/// Two seconds of a buzz like a voice's, 150 Hz with all its harmonics.
fn opus() -> Result<Vec<Vec<u8>>, String> {
    let pipeline = "audiotestsrc samplesperbuffer=960 wave=saw freq=150 volume=0.3 ! audio/x-raw,rate=48000,channels=1 \
                    ! opusenc bitrate=32000 audio-type=voice frame-size=20";
    let mut packets = collect(pipeline, |packets| packets.len() == 102)?;
    packets.retain(|packet| !packet.starts_with(b"Opus"));
    Ok(packets)
}

/// The same buzz in G.711: 50 packets hold 150 whole periods.
fn saw() -> Vec<Vec<u8>> {
    let sample = |index: usize| {
        let turns = 150.0 * index as f64 / 8000.0;
        encode(((turns.fract() * 2.0 - 1.0) * PEAK) as i16)
    };
    (0..50).map(|packet| (0..160).map(|index| sample(packet * 160 + index)).collect()).collect()
}

fn pulses() -> Vec<Vec<u8>> {
    let silence = vec![encode(0); 160];
    let tone = |index: usize| (index as f64 * std::f64::consts::TAU / 8.0).cos() * PEAK;
    let pulse = (0..160).map(|index| if index < 80 { encode(tone(index) as i16) } else { encode(0) }).collect();
    std::iter::once(pulse).chain(std::iter::repeat_n(silence, PULSE_EVERY as usize - 1)).collect()
}

/// G.711 µ-law.
fn encode(sample: i16) -> u8 {
    let sign = if sample < 0 { 0x80 } else { 0 };
    let level = sample.unsigned_abs().min(32_635) + 132;
    let exponent = 15 - level.leading_zeros() as u16 - 7;
    !(sign | ((exponent << 4) | ((level >> (exponent + 3)) & 0x0F)) as u8)
}

/// How far a µ-law sample is from silence.
pub fn loudness(byte: u8) -> i32 {
    let bits = !byte;
    let exponent = i32::from((bits >> 4) & 7);
    let mantissa = i32::from(bits & 0x0F);
    (((mantissa << 3) + 132) << exponent) - 132
}

/// From here on it is the pulse and not what filters and codecs make of silence.
pub const PULSE_HEARD: i32 = (PEAK / 4.0) as i32;
