//! What the visitor says: one recording, again and again with pauses, cut into packets at their time.

use std::io::Cursor;
use std::time::{Duration, Instant};

use crate::media::audio::Voice;
use crate::sdp::AudioCodec;

/// 'Hello! I have a parcel for you. Could you open the door, please?', 16 kHz mono, made with
/// `espeak-ng -v en-gb+f4 -s 140 -p 52` and `sox - -r 16000 -c 1 -b 16 … norm -6 fade 0.02 -0 0.05`.
const GREETING: &[u8] = include_bytes!("../../assets/door_greeting.wav");
/// Between two times of the recording.
const PAUSE: Duration = Duration::from_secs(3);
/// A loop that was held up for longer than this begins anew instead of catching up.
const LATEST: Duration = Duration::from_millis(200);

/// One packet of speech.
pub(super) struct Spoken {
    /// Duration on the RTP clock.
    pub(super) samples: u32,
    /// Whether it is the first after a pause.
    pub(super) marker: bool,
    /// The codec's bytes; `None` in a pause, when nothing is sent.
    pub(super) payload: Option<Vec<u8>>,
}

/// The visitor's voice in one call.
pub(super) struct Speech {
    codec: AudioCodec,
    ptime_ms: u32,
    voice: Voice,
    index: usize,
    /// Packets from one beginning to the next.
    round: usize,
    next: Instant,
}

impl Speech {
    /// Speech that begins now.
    ///
    /// # Errors
    /// What is wrong with the recording or the codec, in words.
    pub(super) fn new(now: Instant, codec: AudioCodec, ptime_ms: u32) -> Result<Self, String> {
        let (recording, rate) = greeting()?;
        let voice = Voice::new(codec, ptime_ms, &recording, rate)?;
        let pause = PAUSE.as_millis() as usize / voice.packet_ms().max(1) as usize;
        Ok(Self { codec, ptime_ms, round: voice.packets() + pause, voice, index: 0, next: now })
    }

    /// Whether this speech serves an agreement on this codec and packet length.
    pub(super) fn serves(&self, codec: AudioCodec, ptime_ms: u32) -> bool {
        self.codec == codec && self.ptime_ms == ptime_ms
    }

    /// Whether words are being said, not a pause kept.
    pub(super) fn is_speaking(&self) -> bool {
        self.index < self.voice.packets()
    }

    /// When the next packet is due.
    pub(super) fn poll_timeout(&self) -> Instant {
        self.next
    }

    /// The packet that is due, if it is.
    pub(super) fn handle_timeout(&mut self, now: Instant) -> Option<Spoken> {
        if now < self.next {
            return None;
        }
        let step = Duration::from_millis(u64::from(self.voice.packet_ms()));
        self.next += step;
        if now.saturating_duration_since(self.next) > LATEST {
            self.next = now + step;
        }
        let payload = if self.is_speaking() { self.voice.packet(self.index).map(<[u8]>::to_vec) } else { None };
        let spoken = Spoken { samples: self.voice.rtp_samples(), marker: self.index == 0, payload };
        self.index = (self.index + 1) % self.round;
        Some(spoken)
    }
}

/// The recording and its rate in Hz.
fn greeting() -> Result<(Vec<i16>, u32), String> {
    let reader = hound::WavReader::new(Cursor::new(GREETING)).map_err(|error| error.to_string())?;
    let rate = reader.spec().sample_rate;
    let samples: Result<Vec<i16>, _> = reader.into_samples::<i16>().collect();
    Ok((samples.map_err(|error| error.to_string())?, rate))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::audio::Ear;

    #[test]
    fn the_recording_is_a_few_seconds_of_mono() {
        let (samples, rate) = greeting().expect("the recording is in the program");
        assert_eq!(rate, 16_000);
        assert!((3 * rate as usize..=6 * rate as usize).contains(&samples.len()));
    }

    #[test]
    fn it_speaks_pauses_and_begins_again() {
        let begin = Instant::now();
        let mut speech = Speech::new(begin, AudioCodec::Pcmu, 20).expect("built in");
        let mut ear = Ear::default();
        let (mut spoken, mut silent, mut beginnings, mut loudest) = (0, 0, 0, f32::MIN);
        for step in 0..900 {
            let now = begin + Duration::from_millis(20 * step);
            let packet = speech.handle_timeout(now).expect("one is due every 20 ms");
            assert!(speech.handle_timeout(now).is_none());
            assert_eq!(packet.samples, 160);
            beginnings += u32::from(packet.marker);
            match packet.payload {
                Some(payload) => {
                    spoken += 1;
                    loudest = loudest.max(ear.hear(AudioCodec::Pcmu, &payload).expect("our own packet"));
                }
                None => silent += 1,
            }
        }
        assert_eq!(beginnings, 3, "18 s hold two rounds of 8.4 s and the begin of a third");
        assert!(spoken > 500 && silent == 300, "{spoken} {silent}");
        assert!(loudest > -20.0, "{loudest} dBFS");
    }

    #[test]
    fn a_loop_that_stood_still_does_not_speak_in_a_burst() {
        let begin = Instant::now();
        let mut speech = Speech::new(begin, AudioCodec::Opus, 20).expect("built in");
        let later = begin + Duration::from_secs(10);
        assert!(speech.handle_timeout(later).is_some());
        assert!(speech.handle_timeout(later).is_none());
    }
}
