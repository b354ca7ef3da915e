//! What goes into the sound engine and what comes out: settings, plans, packets, events.

use std::time::Instant;

use crate::config::DeviceFault;
use crate::media::CallKey;
use crate::sdp::AudioCodec;

/// What the owner of the panel chose for sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudioSettings {
    /// Microphone: `default`, a device's own name, `null`, `loop`, `wav:FILE` or `tone`.
    pub input: String,
    /// Loudspeaker: `default`, a device's own name, `null`, `loop` or `wav:FILE`.
    pub output: String,
    /// Loudness of speech, ringback and busy, 0 (silent) to 100 (unchanged). Above 100 counts as 100.
    pub volume: u8,
    /// Loudness of the ring tone and of the keys, 0 to 100.
    pub ring_volume: u8,
    /// How a visitor is announced.
    pub ringtone: Ringtone,
    /// Whether a pressed key sounds.
    pub key_tones: bool,
}

impl Default for AudioSettings {
    fn default() -> Self {
        Self {
            input: "default".to_owned(),
            output: "default".to_owned(),
            volume: 80,
            ring_volume: 80,
            ringtone: Ringtone::Chime,
            key_tones: true,
        }
    }
}

/// The ring tones, all made in code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ringtone {
    /// Two struck tones a major third apart: ding, dong.
    #[default]
    Chime,
    /// The warble of an old telephone bell.
    Bell,
    /// Two low notes that swell and fade.
    Soft,
}

impl Ringtone {
    /// Every ring tone, in the order of the settings page.
    pub const ALL: [Self; 3] = [Self::Chime, Self::Bell, Self::Soft];

    /// The name in the settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Chime => "chime",
            Self::Bell => "bell",
            Self::Soft => "soft",
        }
    }

    /// The ring tone with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tone| tone.name() == name)
    }
}

/// A tone that sounds until another takes its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// A visitor is calling.
    Ring,
    /// The other side is being rung (ETSI: 425 Hz, 1 s in 5).
    Ringback,
    /// The other side is busy or has gone (ETSI: 425 Hz, half a second in every second).
    Busy,
}

/// How one call sends and plays sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudioPlan {
    /// Codec of the packets sent.
    pub codec: AudioCodec,
    /// Payload type of the packets sent.
    pub send_pt: u8,
    /// Payload types that may arrive, with their codecs.
    pub recv_pts: Vec<(u8, AudioCodec)>,
    /// Length of a packet sent, in ms; brought to a multiple of 10 in 10–60 that the codec knows (Opus: 10, 20, 40, 60).
    pub ptime_ms: u32,
    /// Whether the microphone is sent.
    pub send: bool,
    /// Whether what arrives is played.
    pub play: bool,
}

/// One RTP packet of sound that arrived.
#[derive(Clone, Debug)]
pub struct AudioPacket {
    /// RTP payload type.
    pub payload_type: u8,
    /// RTP sequence number.
    pub sequence: u16,
    /// RTP timestamp, on the RTP clock of the codec.
    pub timestamp: u32,
    /// RTP marker: first packet after silence. The buffer does not depend on it.
    pub marker: bool,
    /// RTP synchronisation source; a new one starts a new stream.
    pub ssrc: u32,
    /// The codec's bytes.
    pub payload: Vec<u8>,
    /// When it arrived.
    pub arrived: Instant,
}

/// What became of the packets of one call. All counts are since the call's first plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AudioStats {
    /// Sound invented to fill gaps, in ms. What Opus FEC restored and what silence suppression left out do not count.
    pub concealed_ms: u32,
    /// How long a sample waits at present between its arrival and its turn, in ms: the delay of the jitter buffer.
    pub buffer_ms: u32,
    /// Delay the buffer aims at, in ms.
    pub target_ms: u32,
    /// Sound handed to the loudspeaker that came out of packets, in ms.
    pub played_ms: u64,
    /// Packets that were put into the buffer.
    pub received: u64,
    /// Packets that came after their turn and were thrown away.
    pub late: u64,
    /// Packets that came twice.
    pub duplicate: u64,
    /// Sound that Opus FEC restored, in ms.
    pub recovered_ms: u32,
    /// Sound added by stretching, in ms.
    pub stretched_ms: u32,
    /// Sound taken out by shrinking, in ms.
    pub shrunk_ms: u32,
    /// Packets sent.
    pub sent: u64,
}

/// How a device is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceState {
    /// Not open: nothing sounds and no call is up.
    Closed,
    /// Open and running.
    Ok,
    /// Not there; silence stands in for it and it is tried again.
    Missing(DeviceFault),
}

/// What the engine reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AudioEvent {
    /// A packet of microphone sound to be sent now.
    Packet {
        /// The call it belongs to.
        call: CallKey,
        /// RTP payload type.
        payload_type: u8,
        /// Duration on the RTP clock of the codec.
        samples: u32,
        /// RTP marker: the first packet of a spurt.
        marker: bool,
        /// The codec's bytes.
        payload: Vec<u8>,
    },
    /// The devices changed state.
    Device {
        /// The microphone.
        input: DeviceState,
        /// The loudspeaker.
        output: DeviceState,
    },
    /// Nothing has arrived for a call that should play for five seconds. Said once a silence.
    RemoteSilent {
        /// The call.
        call: CallKey,
    },
}
