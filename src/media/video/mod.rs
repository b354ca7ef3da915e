//! Moving pictures: RTP in, RGBA frames out, and our own camera the other way. GStreamer does the work; this room decides.
//!
//! ```text
//!  push() ─▶ inbox ─▶ thread "video-in" ─▶ appsrc ─▶ rtpjitterbuffer ─▶ depay ─▶ parse ─▶ decoder ─▶ leaky queue ─▶ RGBA ─▶ FrameSlot
//!            (bounded)   whole packets, continuity, key frames, watchdog  ◀── lost packets, key frames, frames, errors ──┘
//!
//!  painter or v4l2 ─▶ encoder ─▶ payloader ─▶ on_payload(bytes, marker, timestamp)         thread "video-out": pace, key frames
//! ```
//!
//! * Everything slow (building a pipeline, loading a plug-in, taking one down) happens on the threads named above, never on the caller's.
//! * What is decided is pure and tested without GStreamer: [`continuity`] (one stream whatever the far end does), [`keyframe`] (when
//!   to ask, when to stop waiting), [`watchdog`] (RTP comes, but no picture), [`rate`] (how much our own picture may cost).
//! * Elements of GStreamer see only packets that [`payload`](crate::rtp::payload) calls whole: some have crashed over others.
//! * [`camera`] looks whether a camera of the system can be used, without starting it.
//! * [`still`] takes one picture aside, and writes and reads it as JPEG.
//! * Sequence numbers and SSRC of what we send belong to the RTP session; this room hands out payloads only.

pub mod barcode;
pub mod camera;
mod continuity;
mod decoding;
mod encoding;
mod inbox;
mod keyframe;
mod meter;
pub mod plugins;
mod rate;
mod receiver;
mod sender;
pub mod source;
pub mod still;
mod watchdog;

#[cfg(test)]
mod tests;

use std::time::Duration;

pub use plugins::{Disabled, MissingPlugin, VideoCapabilities, init, probe, probe_camera, use_registry, warm_up};
pub use receiver::{Receiver, ReceiverParams};
pub use sender::{Payload, Sender, SenderParams};
pub use source::{CameraSource, Painter};
pub use still::{Portrait, Still};

/// What the receiver tells whoever owns it. It is called from a thread of this room and must not block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VideoEvent {
    /// The first picture is in the slot, so long after the first packet.
    FirstFrame {
        /// From the first RTP packet to the first decoded picture.
        after: Duration,
    },
    /// The picture has this size from now on, in pixels, as it is in the slot.
    Resolution(u32, u32),
    /// The far end is to be asked for a key frame (PLI, FIR or INFO: the caller knows which). Repeated until one comes.
    KeyframeWanted {
        /// For how long one has been wanted; from one second on, asking by INFO beside RTCP makes sense.
        waited: Duration,
    },
    /// No picture for two seconds.
    Stalled {
        /// Whether RTP still arrives: then the stream cannot be decoded, else the far end is silent.
        rtp_alive: bool,
    },
    /// Pictures come again after [`Stalled`](Self::Stalled).
    Recovered,
    /// The stream cannot be shown, in words. The receiver goes on trying.
    Failed(String),
}

/// What the receiver has counted so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VideoStats {
    /// Pictures put into the slot.
    pub frames: u64,
    /// Pictures a second over the last two seconds.
    pub fps: f32,
    /// Width of the last picture in pixels, 0 before the first.
    pub width: u32,
    /// Height of the last picture in pixels, 0 before the first.
    pub height: u32,
    /// From the first packet to the first picture, in milliseconds.
    pub first_frame_ms: Option<u32>,
    /// Key frames asked for.
    pub keyframe_requests: u32,
    /// Packets that the jitter buffer gave up waiting for.
    pub lost: u64,
    /// Packets that are not whole and were kept from the pipeline; among the lost ones as well, once others follow.
    pub broken: u64,
    /// Packets that found the inbox full.
    pub overrun: u64,
    /// Whether the last word was [`VideoEvent::Stalled`].
    pub stalled: bool,
    /// The decoder at work, empty before there is one.
    pub decoder: &'static str,
}

/// Why a picture cannot be received or sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VideoError {
    /// An element that nothing can replace is not installed.
    #[error("{0}")]
    Missing(MissingPlugin),
    /// GStreamer itself does not start.
    #[error("GStreamer does not start: {0}")]
    Init(String),
    /// The pipeline cannot be put together or started.
    #[error("the video pipeline does not start: {0}")]
    Pipeline(String),
    /// The registry cannot be placed any more.
    #[error("the registry of GStreamer cannot be placed: {0}")]
    Registry(&'static str),
}
