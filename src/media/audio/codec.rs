//! One face for G.711, G.722 and Opus: samples in and bytes out, and back.

use audio_codec::{Decoder as _, Encoder as _, g722, pcma, pcmu};
use opus::{Application, Bitrate, Channels, Signal};

use crate::sdp::AudioCodec;

/// Bits per second of Opus: wide-band speech with room for the redundancy of in-band FEC.
const OPUS_BITRATE: i32 = 32_000;
/// Opus spends CPU by this, 0–10; beyond 5 speech gains nothing that is heard.
const OPUS_COMPLEXITY: i32 = 4;
/// Loss that the Opus encoder prepares for, in percent; without some, it leaves FEC out.
const OPUS_EXPECTED_LOSS: i32 = 10;
/// Largest Opus packet that is sent, in bytes.
const OPUS_MAX_BYTES: usize = 1_275;
/// Longest packet that is decoded, in ms (RFC 6716 2.1.4).
const MAX_PACKET_MS: usize = 120;

enum Encoding {
    Pcmu(pcmu::PcmuEncoder),
    Pcma(pcma::PcmaEncoder),
    G722(Box<g722::G722Encoder>),
    Opus(opus::Encoder),
}

/// Turns packets of samples into payloads.
pub(super) struct Encoder {
    codec: AudioCodec,
    ptime_ms: u32,
    encoding: Encoding,
    bytes: Vec<u8>,
}

impl Encoder {
    /// An encoder for packets of `ptime_ms`, brought to what the codec can do.
    pub(super) fn new(codec: AudioCodec, ptime_ms: u32) -> Result<Self, String> {
        let encoding = match codec {
            AudioCodec::Pcmu => Encoding::Pcmu(pcmu::PcmuEncoder::new()),
            AudioCodec::Pcma => Encoding::Pcma(pcma::PcmaEncoder::new()),
            AudioCodec::G722 => Encoding::G722(Box::new(g722::G722Encoder::new())),
            AudioCodec::Opus => Encoding::Opus(opus_encoder().map_err(|e| e.to_string())?),
        };
        Ok(Self { codec, ptime_ms: usable_ptime(codec, ptime_ms), encoding, bytes: vec![0; OPUS_MAX_BYTES] })
    }

    /// Whether this encoder does what a plan with this codec and packet length asks.
    pub(super) fn serves(&self, codec: AudioCodec, ptime_ms: u32) -> bool {
        self.codec == codec && self.ptime_ms == usable_ptime(codec, ptime_ms)
    }

    /// Sample rate wanted, in Hz.
    pub(super) fn rate(&self) -> u32 {
        self.codec.sample_rate()
    }

    /// Samples of one packet.
    pub(super) fn frame(&self) -> usize {
        (self.rate() * self.ptime_ms / 1_000) as usize
    }

    /// Duration of one packet on the RTP clock.
    pub(super) fn rtp_samples(&self) -> u32 {
        self.codec.rtp_clock() * self.ptime_ms / 1_000
    }

    /// Encodes one packet of [`Encoder::frame`] samples; `None` if the codec refuses it.
    pub(super) fn encode(&mut self, pcm: &[i16]) -> Option<&[u8]> {
        let len = match &mut self.encoding {
            Encoding::Pcmu(encoder) => encoder.encode_into(pcm, &mut self.bytes).ok(),
            Encoding::Pcma(encoder) => encoder.encode_into(pcm, &mut self.bytes).ok(),
            Encoding::G722(encoder) => encoder.encode_into(pcm, &mut self.bytes).ok(),
            Encoding::Opus(encoder) => encoder.encode(pcm, &mut self.bytes).ok(),
        }?;
        self.bytes.get(..len)
    }
}

fn opus_encoder() -> opus::Result<opus::Encoder> {
    let mut encoder = opus::Encoder::new(48_000, Channels::Mono, Application::Voip)?;
    encoder.set_bitrate(Bitrate::Bits(OPUS_BITRATE))?;
    encoder.set_complexity(OPUS_COMPLEXITY)?;
    encoder.set_signal(Signal::Voice)?;
    encoder.set_inband_fec(true)?;
    encoder.set_packet_loss_perc(OPUS_EXPECTED_LOSS)?;
    Ok(encoder)
}

/// The nearest packet length that the codec knows, not above the one wished for (but at least 10 ms).
fn usable_ptime(codec: AudioCodec, wish_ms: u32) -> u32 {
    let tens = wish_ms.clamp(10, 60) / 10 * 10;
    match (codec, tens) {
        // RFC 6716 2.1.4 has frames of 10, 20, 40 and 60 ms.
        (AudioCodec::Opus, 30) => 20,
        (AudioCodec::Opus, 50) => 40,
        _ => tens,
    }
}

enum Decoding {
    Pcmu(pcmu::PcmuDecoder),
    Pcma(pcma::PcmaDecoder),
    G722(Box<g722::G722Decoder>),
    Opus(opus::Decoder),
}

/// Turns payloads into samples, and fills gaps where the codec knows how.
pub(super) struct Decoder {
    codec: AudioCodec,
    decoding: Decoding,
    pcm: Vec<i16>,
}

impl Decoder {
    pub(super) fn new(codec: AudioCodec) -> Result<Self, String> {
        let decoding = match codec {
            AudioCodec::Pcmu => Decoding::Pcmu(pcmu::PcmuDecoder::new()),
            AudioCodec::Pcma => Decoding::Pcma(pcma::PcmaDecoder::new()),
            AudioCodec::G722 => Decoding::G722(Box::new(g722::G722Decoder::new())),
            AudioCodec::Opus => Decoding::Opus(opus::Decoder::new(48_000, Channels::Mono).map_err(|e| e.to_string())?),
        };
        Ok(Self { codec, decoding, pcm: vec![0; codec.sample_rate() as usize * MAX_PACKET_MS / 1_000] })
    }

    pub(super) fn codec(&self) -> AudioCodec {
        self.codec
    }

    /// Sample rate of what comes out, in Hz.
    pub(super) fn rate(&self) -> u32 {
        self.codec.sample_rate()
    }

    /// Samples in one unit of the RTP clock (2 for G.722, RFC 3551 4.5.2).
    pub(super) fn samples_per_tick(&self) -> i64 {
        i64::from(self.codec.sample_rate() / self.codec.rtp_clock())
    }

    /// Samples a payload holds, without decoding it; 0 when it makes no sense or is longer than 120 ms.
    pub(super) fn duration(&self, payload: &[u8]) -> usize {
        let samples = match &self.decoding {
            Decoding::Pcmu(_) | Decoding::Pcma(_) => payload.len(),
            Decoding::G722(_) => payload.len() * 2,
            // An empty slice would ask libopus for concealment.
            Decoding::Opus(_) if payload.is_empty() => 0,
            Decoding::Opus(decoder) => decoder.get_nb_samples(payload).unwrap_or(0),
        };
        if samples > self.pcm.len() { 0 } else { samples }
    }

    /// Decodes a payload; `None` when it makes no sense.
    pub(super) fn decode(&mut self, payload: &[u8]) -> Option<&[i16]> {
        if self.duration(payload) == 0 {
            return None;
        }
        let len = match &mut self.decoding {
            Decoding::Pcmu(decoder) => decoder.decode_into(payload, &mut self.pcm).ok(),
            Decoding::Pcma(decoder) => decoder.decode_into(payload, &mut self.pcm).ok(),
            Decoding::G722(decoder) => decoder.decode_frame_into(payload, &mut self.pcm).ok(),
            Decoding::Opus(decoder) => decoder.decode(payload, &mut self.pcm, false).ok(),
        }?;
        self.pcm.get(..len)
    }

    /// Whether a packet can carry a copy of the one before it.
    pub(super) fn has_fec(&self) -> bool {
        matches!(self.decoding, Decoding::Opus(_))
    }

    /// Sound for a gap by the codec's own concealment; `None` when it has none. Opus works in steps of 2.5 ms, so that
    /// up to 2.5 ms more than `samples` may come back.
    pub(super) fn conceal(&mut self, samples: usize) -> Option<&[i16]> {
        let Decoding::Opus(decoder) = &mut self.decoding else {
            return None;
        };
        let room = samples.next_multiple_of(120).min(self.pcm.len());
        let len = decoder.decode(&[], &mut self.pcm[..room], false).ok()?;
        self.pcm.get(..len)
    }

    /// The packet before `next`, `samples` long, from the redundancy in `next` (RFC 6716 2.1.7).
    pub(super) fn recover(&mut self, next: &[u8], samples: usize) -> Option<&[i16]> {
        let Decoding::Opus(decoder) = &mut self.decoding else {
            return None;
        };
        if next.is_empty() || samples == 0 || samples > self.pcm.len() {
            return None;
        }
        let len = decoder.decode(next, &mut self.pcm[..samples], true).ok()?;
        self.pcm.get(..len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn speechlike(rate: u32, samples: usize) -> Vec<i16> {
        (0..samples)
            .map(|i| {
                let t = i as f64 / f64::from(rate);
                let voice: f64 =
                    (1..8).map(|h| (t * 140.0 * f64::from(h) * std::f64::consts::TAU).sin() / f64::from(h)).sum();
                (voice * 5_000.0 * (0.6 + 0.4 * (t * 20.0).sin())) as i16
            })
            .collect()
    }

    /// Best ratio of signal to error over all shifts of up to 30 ms, in dB.
    fn snr(sent: &[i16], got: &[i16], rate: u32) -> f64 {
        let span = sent.len() / 2;
        let from = sent.len() / 4;
        (0..rate as usize * 30 / 1_000)
            .map(|shift| {
                let (mut signal, mut error) = (0.0, 1e-9);
                for i in from..from + span {
                    let (a, b) = (f64::from(sent[i]), f64::from(got[i + shift]));
                    signal += a * a;
                    error += (a - b) * (a - b);
                }
                10.0 * (signal / error).log10()
            })
            .fold(f64::MIN, f64::max)
    }

    fn round_trip(codec: AudioCodec, ptime: u32) -> f64 {
        let mut encoder = Encoder::new(codec, ptime).expect("codec is built in");
        let mut decoder = Decoder::new(codec).expect("codec is built in");
        let sent = speechlike(encoder.rate(), encoder.rate() as usize);
        let mut got = Vec::new();
        for packet in sent.chunks_exact(encoder.frame()) {
            let bytes = encoder.encode(packet).expect("a packet of the right length").to_vec();
            assert_eq!(decoder.duration(&bytes), encoder.frame());
            got.extend_from_slice(decoder.decode(&bytes).expect("our own bytes"));
        }
        snr(&sent, &got, encoder.rate())
    }

    #[test]
    fn every_codec_gives_back_what_it_was_given() {
        for (codec, ptime, floor) in [
            (AudioCodec::Pcmu, 20, 30.0),
            (AudioCodec::Pcma, 30, 30.0),
            (AudioCodec::G722, 20, 20.0),
            // Opus keeps the sound, not the wave form.
            (AudioCodec::Opus, 20, 5.0),
            (AudioCodec::Opus, 60, 5.0),
        ] {
            let snr = round_trip(codec, ptime);
            assert!(snr > floor, "{codec:?} at {ptime} ms: {snr:.1} dB");
        }
    }

    #[test]
    fn packet_lengths_are_brought_to_what_the_codec_knows() {
        assert_eq!(usable_ptime(AudioCodec::Pcmu, 0), 10);
        assert_eq!(usable_ptime(AudioCodec::Pcmu, 35), 30);
        assert_eq!(usable_ptime(AudioCodec::Pcmu, 200), 60);
        assert_eq!(usable_ptime(AudioCodec::Opus, 30), 20);
        assert_eq!(usable_ptime(AudioCodec::Opus, 50), 40);
    }

    #[test]
    fn senseless_payloads_are_refused() {
        let mut opus = Decoder::new(AudioCodec::Opus).expect("codec is built in");
        assert_eq!(opus.decode(&[]), None);
        assert_eq!(opus.decode(&[0xff; 3]), None);
        let mut pcmu = Decoder::new(AudioCodec::Pcmu).expect("codec is built in");
        assert_eq!(pcmu.decode(&[0; 4_000]), None, "half a second is no packet");
    }

    #[test]
    fn opus_restores_a_lost_packet_from_the_next_one() {
        let mut encoder = Encoder::new(AudioCodec::Opus, 20).expect("codec is built in");
        let sent = speechlike(48_000, 48_000);
        let packets: Vec<Vec<u8>> = sent
            .chunks_exact(encoder.frame())
            .map(|pcm| encoder.encode(pcm).expect("a whole packet").to_vec())
            .collect();
        let energy = |fec: bool| {
            let mut decoder = Decoder::new(AudioCodec::Opus).expect("codec is built in");
            let mut whole = Decoder::new(AudioCodec::Opus).expect("codec is built in");
            let mut error = 0.0;
            for (i, packet) in packets.iter().enumerate() {
                let truth = whole.decode(packet).expect("our own bytes").to_vec();
                let got = if i % 5 != 4 {
                    decoder.decode(packet).expect("our own bytes").to_vec()
                } else if let Some(next) = packets.get(i + 1).filter(|_| fec) {
                    decoder.recover(next, 960).expect("redundancy").to_vec()
                } else {
                    decoder.conceal(960).expect("Opus conceals").to_vec()
                };
                if i % 5 == 4 {
                    error += truth.iter().zip(&got).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum::<f64>();
                }
            }
            error
        };
        assert!(energy(true) < energy(false), "{} {}", energy(true), energy(false));
    }
}
