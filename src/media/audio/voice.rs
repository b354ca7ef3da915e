//! Speech without any device: what a peer made of memory says and hears, by the codecs of the real thing.

use super::codec::{Decoder, Encoder};
use super::resample::Resampler;
use crate::sdp::AudioCodec;

/// Sound below this counts as silence, in decibels of full scale.
pub const SILENCE_DBFS: f32 = -90.0;

/// Encodes a recording piece by piece.
pub struct Voice {
    encoder: Encoder,
    /// The recording at the rate of the codec.
    sound: Vec<i16>,
    piece: Vec<i16>,
}

impl Voice {
    /// A voice that speaks this recording (mono, `rate` in Hz) in packets of `ptime_ms`.
    ///
    /// # Errors
    /// What the codec or the converter of rates says, in words.
    pub fn new(codec: AudioCodec, ptime_ms: u32, recording: &[i16], rate: u32) -> Result<Self, String> {
        let encoder = Encoder::new(codec, ptime_ms)?;
        let float: Vec<f32> = recording.iter().map(|sample| f32::from(*sample) / 32_768.0).collect();
        let sound = Resampler::convert(&float, rate, encoder.rate())?;
        let sound = sound.iter().map(|sample| (sample * 32_767.0).clamp(-32_768.0, 32_767.0) as i16).collect();
        let piece = vec![0; encoder.frame()];
        Ok(Self { encoder, sound, piece })
    }

    /// Duration of one packet on the RTP clock.
    pub fn rtp_samples(&self) -> u32 {
        self.encoder.rtp_samples()
    }

    /// Duration of one packet, in ms.
    pub fn packet_ms(&self) -> u32 {
        self.encoder.frame() as u32 * 1_000 / self.encoder.rate()
    }

    /// Packets that hold the whole recording.
    pub fn packets(&self) -> usize {
        self.sound.len().div_ceil(self.encoder.frame())
    }

    /// Packet `index` of the recording, silence beyond its end; `None` if the codec refuses it. The codec remembers what
    /// went before, so ask in the order of sending.
    pub fn packet(&mut self, index: usize) -> Option<&[u8]> {
        let from = index.saturating_mul(self.piece.len()).min(self.sound.len());
        let rest = &self.sound[from..];
        let len = rest.len().min(self.piece.len());
        self.piece[..len].copy_from_slice(&rest[..len]);
        self.piece[len..].fill(0);
        self.encoder.encode(&self.piece)
    }
}

/// Decodes what arrives, only to know how loud it is.
#[derive(Default)]
pub struct Ear {
    decoder: Option<Decoder>,
}

impl Ear {
    /// Loudness of one packet in decibels of full scale (a full sine is −3), not below [`SILENCE_DBFS`]; `None` when it
    /// makes no sense.
    pub fn hear(&mut self, codec: AudioCodec, payload: &[u8]) -> Option<f32> {
        if self.decoder.as_ref().is_none_or(|decoder| decoder.codec() != codec) {
            self.decoder = Decoder::new(codec).ok();
        }
        let sound = self.decoder.as_mut()?.decode(payload)?;
        let power = sound.iter().map(|sample| (f64::from(*sample) / 32_768.0).powi(2)).sum::<f64>();
        let power = power / sound.len().max(1) as f64;
        Some((10.0 * power.log10()).max(f64::from(SILENCE_DBFS)) as f32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A second of 440 Hz at half of full scale, by 16,000 samples.
    fn hum() -> Vec<i16> {
        (0..16_000)
            .map(|i| ((f64::from(i) * 440.0 / 16_000.0 * std::f64::consts::TAU).sin() * 16_384.0) as i16)
            .collect()
    }

    #[test]
    fn what_a_voice_says_an_ear_hears_as_loud_as_it_was() {
        for codec in AudioCodec::ALL {
            let mut voice = Voice::new(codec, 20, &hum(), 16_000).expect("built in");
            assert_eq!((voice.packets(), voice.packet_ms()), (50, 20), "{codec:?}");
            assert_eq!(voice.rtp_samples(), codec.rtp_clock() / 50);
            let mut ear = Ear::default();
            let mut level = 0.0;
            for index in 0..25 {
                let packet = voice.packet(index).expect("whole packets").to_vec();
                level = ear.hear(codec, &packet).expect("our own packet");
            }
            // A sine at half of full scale: −3 − 6.
            assert!((-11.0..-7.0).contains(&level), "{codec:?}: {level} dBFS");
        }
    }

    #[test]
    fn behind_the_recording_is_silence_and_nonsense_is_no_sound() {
        let mut voice = Voice::new(AudioCodec::Pcmu, 20, &hum(), 16_000).expect("built in");
        let beyond = voice.packet(voice.packets() + 7).expect("whole packets").to_vec();
        let mut ear = Ear::default();
        assert!(ear.hear(AudioCodec::Pcmu, &beyond).expect("a packet") < -60.0);
        assert_eq!(ear.hear(AudioCodec::Pcmu, &[]), None);
        assert_eq!(ear.hear(AudioCodec::Opus, &[0xff; 3]), None);
    }
}
