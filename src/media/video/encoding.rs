//! The sending pipeline, from pictures to RTP payloads.
//!
//! ```text
//!  appsrc (painted)  ─┐
//!                     ├▶ videoconvertscale ─▶ I420 ─▶ queue ─▶ encoder ─▶ payloader ─▶ appsink ─▶ on_payload
//!  v4l2src, videorate ┘                               leaky, 1            no packet over 1200 bytes
//! ```

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use gstreamer_video as gst_video;

use super::decoding::tune;
use super::{Payload, VideoError, plugins};
use crate::sdp::VideoCodec;

/// The largest RTP packet, header included, in bytes: fits through a VPN.
const MTU: u32 = 1200;
/// The largest packet where units must stay whole (RFC 6184 5.6): what UDP carries, less some room for headers.
const LARGEST_UNIT: u32 = 65_000;
/// Seconds between two key frames that nobody asked for.
const KEY_SECONDS: u32 = 4;

/// Where the pictures come from.
pub enum Input<'a> {
    /// They are handed in, RGBA, this large.
    Painted(u32, u32),
    /// A device file.
    Camera(&'a str),
}

/// What a pipeline is built from.
pub struct LineParams<'a> {
    /// The source.
    pub input: Input<'a>,
    /// How they are encoded.
    pub codec: VideoCodec,
    /// Pictures a second.
    pub fps: u32,
    /// Kilobits a second.
    pub bitrate_kbps: u32,
    /// Whether each packet of H.264 is one whole NAL unit.
    pub whole_units: bool,
}

/// A running pipeline. Dropping it takes it down, which may block.
pub struct Line {
    pipeline: gst::Pipeline,
    source: Option<(gst_app::AppSrc, gst::BufferPool)>,
    encoder: gst::Element,
    name: &'static str,
}

impl Line {
    /// Builds and starts a pipeline. Slow, as plug-ins are loaded. `on_payload` is called from its thread, `on_error` too.
    ///
    /// # Errors
    /// [`VideoError::Missing`] or [`VideoError::Pipeline`].
    pub fn start(
        params: &LineParams<'_>,
        on_payload: impl FnMut(Payload) + Send + 'static,
        on_error: impl Fn(String) + Send + Sync + 'static,
    ) -> Result<Self, VideoError> {
        let make = |name| make(name, params.codec);
        let failed = |error: gst::glib::BoolError| VideoError::Pipeline(error.to_string());
        let mut chain = Vec::new();
        let mut source = None;
        match params.input {
            Input::Painted(width, height) => {
                let (appsrc, pool) = painted(width, height, params.fps).map_err(failed)?;
                chain.push(appsrc.clone().upcast());
                source = Some((appsrc, pool));
            }
            Input::Camera(device) => {
                let camera = make("v4l2src")?;
                camera.set_property("device", device);
                let rate = make("videorate")?;
                tune(&rate, "drop-only", "true");
                chain.extend([camera, rate]);
            }
        }
        let raw = make("capsfilter")?;
        raw.set_property("caps", raw_caps(params));
        let queue = make("queue")?;
        queue.set_property_from_str("leaky", "downstream");
        queue.set_property("max-size-buffers", 1u32);
        let name = plugins::encoder(params.codec)?;
        let encoder = make(name)?;
        set_up_encoder(&encoder, name, params);
        let coded = make("capsfilter")?;
        if params.codec == VideoCodec::H264 {
            let caps = gst::Caps::builder("video/x-h264").field("profile", "constrained-baseline").build();
            coded.set_property("caps", caps);
        }
        let payloader = make(plugins::elements(params.codec).payloader.0)?;
        // One unit that does not fit a packet of the network is cut by IP, where nothing else may cut it.
        let whole = params.whole_units && params.codec == VideoCodec::H264;
        payloader.set_property("mtu", if whole { LARGEST_UNIT } else { MTU });
        payloader.set_property("timestamp-offset", 0u32);
        tune(&payloader, "config-interval", "-1");
        tune(&payloader, "aggregate-mode", if whole { "none" } else { "zero-latency" });
        let sink = gst_app::AppSink::builder().sync(false).enable_last_sample(false).build();
        deliver(&sink, params.fps, on_payload);
        chain.extend([make("videoconvertscale")?, raw, queue, encoder.clone(), coded, payloader, sink.upcast()]);

        let pipeline = gst::Pipeline::new();
        pipeline.add_many(&chain).map_err(failed)?;
        gst::Element::link_many(&chain).map_err(failed)?;
        if let Some(bus) = pipeline.bus() {
            bus.set_sync_handler(move |_, message| {
                if let gst::MessageView::Error(error) = message.view() {
                    tracing::warn!(error = %error.error(), debug = ?error.debug(), "camera pipeline");
                    on_error(error.error().to_string());
                }
                gst::BusSyncReply::Drop
            });
        }
        let line = Self { pipeline, source, encoder, name };
        line.pipeline.set_state(gst::State::Playing).map_err(|error| VideoError::Pipeline(error.to_string()))?;
        Ok(line)
    }

    /// Lets `paint` fill the next picture and hands it in. A pipeline that still works on the former ones is left alone: the picture is skipped.
    pub fn push(&self, paint: impl FnOnce(&mut [u8])) {
        let Some((source, pool)) = &self.source else { return };
        let now_or_never = gst::BufferPoolAcquireParams::with_flags(gst::BufferPoolAcquireFlags::DONTWAIT);
        let Ok(mut buffer) = pool.acquire_buffer(Some(&now_or_never)) else { return };
        if let Some(buffer) = buffer.get_mut()
            && let Ok(mut map) = buffer.map_writable()
        {
            paint(map.as_mut_slice());
        }
        // Refused only while the pipeline stops.
        let _ = source.push_buffer(buffer);
    }

    /// Makes the next picture a key frame.
    pub fn force_keyframe(&self) {
        if let Some(pad) = self.encoder.static_pad("src") {
            pad.send_event(gst_video::UpstreamForceKeyUnitEvent::builder().all_headers(true).build());
        }
    }

    /// Changes the rate while running.
    pub fn set_bitrate(&self, kbps: u32) {
        set_bitrate(&self.encoder, self.name, kbps);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
        if let Some((_, pool)) = &self.source {
            let _ = pool.set_active(false);
        }
    }
}

fn make(name: &'static str, codec: VideoCodec) -> Result<gst::Element, VideoError> {
    let missing = |_| VideoError::Missing(plugins::missing(name, plugins::Disabled::Sending(codec)));
    gst::ElementFactory::make(name).build().map_err(missing)
}

/// The source for painted pictures, and the pool that their buffers come from and go back to.
fn painted(width: u32, height: u32, fps: u32) -> Result<(gst_app::AppSrc, gst::BufferPool), gst::glib::BoolError> {
    let info = gst_video::VideoInfo::builder(gst_video::VideoFormat::Rgba, width, height)
        .fps(gst::Fraction::new(fps as i32, 1))
        .build()?;
    let caps = info.to_caps()?;
    let pool = gst::BufferPool::new();
    let mut config = pool.config();
    config.set_params(Some(&caps), info.size() as u32, 0, 4);
    pool.set_config(config)?;
    pool.set_active(true)?;
    let source =
        gst_app::AppSrc::builder().caps(&caps).format(gst::Format::Time).is_live(true).do_timestamp(true).build();
    Ok((source, pool))
}

fn raw_caps(params: &LineParams<'_>) -> gst::Caps {
    let caps = gst::Caps::builder("video/x-raw").field("format", "I420");
    match params.input {
        Input::Painted(..) => caps.build(),
        Input::Camera(_) => caps
            .field("width", 640i32)
            .field("height", 480i32)
            .field("framerate", gst::Fraction::new(params.fps as i32, 1))
            .build(),
    }
}

fn set_up_encoder(encoder: &gst::Element, name: &str, params: &LineParams<'_>) {
    let key_pictures = (params.fps * KEY_SECONDS).to_string();
    let settings: &[(&str, &str)] = match name {
        "openh264enc" => &[
            ("usage-type", "camera"),
            ("complexity", "low"),
            ("rate-control", "bitrate"),
            ("multi-thread", "1"),
            ("gop-size", &key_pictures),
        ],
        "x264enc" => {
            &[("tune", "zerolatency"), ("speed-preset", "ultrafast"), ("threads", "1"), ("key-int-max", &key_pictures)]
        }
        _ => &[
            ("deadline", "1"),
            ("cpu-used", "8"),
            ("end-usage", "cbr"),
            ("threads", "1"),
            ("keyframe-max-dist", &key_pictures),
        ],
    };
    for (property, value) in settings {
        tune(encoder, property, value);
    }
    set_bitrate(encoder, name, params.bitrate_kbps);
}

/// x264 counts in kilobits, the others in bits.
fn set_bitrate(encoder: &gst::Element, name: &str, kbps: u32) {
    match name {
        "openh264enc" => tune(encoder, "bitrate", &(kbps * 1000).to_string()),
        "x264enc" => tune(encoder, "bitrate", &kbps.to_string()),
        _ => tune(encoder, "target-bitrate", &(kbps * 1000).to_string()),
    }
}

/// Takes each RTP packet apart: sequence number and SSRC are the RTP session's affair.
fn deliver(sink: &gst_app::AppSink, fps: u32, mut on_payload: impl FnMut(Payload) + Send + 'static) {
    let mut clock = SendClock { stated: None, nominal: 90_000 / fps.max(1) };
    let on_sample = move |sink: &gst_app::AppSink| {
        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        let mut unpack = |buffer: &gst::BufferRef| {
            if let Ok(map) = buffer.map_readable()
                && let Some((payload, marker, timestamp)) = take_apart(map.as_slice())
            {
                let samples = clock.advance(timestamp, marker);
                on_payload(Payload { bytes: payload.to_vec(), marker, timestamp, samples });
            }
        };
        if let Some(list) = sample.buffer_list() {
            list.iter().for_each(&mut unpack);
        }
        if let Some(buffer) = sample.buffer() {
            unpack(buffer);
        }
        Ok(gst::FlowSuccess::Ok)
    };
    sink.set_callbacks(gst_app::AppSinkCallbacks::builder().new_sample(on_sample).build());
}

/// Payload, marker and timestamp of an RTP packet (RFC 3550 5.1). The payloaders add neither padding nor extension, but CSRCs are cheap to skip.
fn take_apart(packet: &[u8]) -> Option<(&[u8], bool, u32)> {
    let header = 12 + 4 * usize::from(packet.first()? & 0x0f);
    let timestamp = u32::from_be_bytes(packet.get(4..8)?.try_into().ok()?);
    Some((packet.get(header..)?, packet[1] & 0x80 != 0, timestamp))
}

/// Says after each packet how far the RTP session's timestamp is to advance. The time of the next picture is not known yet, so the usual step is
/// taken, and what was wrong with the last one is made good.
struct SendClock {
    stated: Option<u32>,
    nominal: u32,
}

impl SendClock {
    fn advance(&mut self, timestamp: u32, marker: bool) -> u32 {
        let stated = *self.stated.get_or_insert(timestamp);
        if !marker {
            return 0;
        }
        let behind = timestamp.wrapping_sub(stated) as i32;
        let step = (self.nominal as i32).saturating_add(behind).clamp(1, 90_000 * 10) as u32;
        self.stated = Some(stated.wrapping_add(step));
        step
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_taken_apart() {
        let mut packet = vec![0x81, 0xe0, 0, 1, 0, 0, 0x0e, 0x10, 9, 9, 9, 9, 1, 2, 3, 4];
        packet.extend([7, 8]);
        assert_eq!(take_apart(&packet), Some((&[7, 8][..], true, 3600)));
        assert_eq!(take_apart(&packet[..11]), None);
        assert_eq!(take_apart(&[]), None);
    }

    #[test]
    fn the_stated_time_follows_the_true_one() {
        let mut clock = SendClock { stated: None, nominal: 3600 };
        assert_eq!(clock.advance(1000, false), 0, "within a picture nothing advances");
        assert_eq!(clock.advance(1000, true), 3600);
        assert_eq!(clock.advance(4600, true), 3600);
        // One picture is left out; the one after it is stated early, and the next step makes it good.
        assert_eq!(clock.advance(11_800, true), 7200);
        assert_eq!(clock.advance(15_400, true), 3600);
        assert_eq!(clock.advance(15_000, true), 1);
    }
}
