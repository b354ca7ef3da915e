//! The receiving pipeline, from RTP packets to pictures in the slot.
//!
//! ```text
//!  appsrc ─▶ rtpjitterbuffer ─▶ depay ─▶ [h264parse] ─▶ gate ─▶ decoder ─▶ videoconvertscale ─▶ I420 ─▶ appsink ─▶ slot
//!    ▲ ForceKeyUnit  │ GstRTPPacketLost closes the gate  │ opens at a key frame                                sync=false, newest
//! ```
//!
//! * The jitter buffer waits 100 ms for a missing packet and adds nothing to packets in order, as the sink does not wait for the clock.
//!   `drop-on-latency` stays off: on, it loses whole pictures in a burst without saying so.
//! * What leaks is behind the decoder, in the sink and the slot: before it, each dropped picture would break all that follow.
//! * A decoder in software gives I420, which passes the converter untouched: the picture stays where it was decoded until the screen draws it. Only
//!   other formats and pictures larger than the screen cost a conversion here.
//! * The gate is ours, because the depayloaders' own `wait-for-keyframe` cannot be let go once it waits, and some have none.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use gstreamer_video as gst_video;
use gstreamer_video::prelude::*;

use super::inbox::Inbox;
use super::still::{Portrait, Still};
use super::{VideoError, continuity, plugins};
use crate::frame::{Colour, Frame, FrameSlot, Matrix, Pixels, Planes};
use crate::sdp::VideoCodec;

/// How long a missing packet is waited for, in milliseconds.
const LATENCY_MS: u32 = 100;
/// Packets that may wait in the pipeline, in bytes; the oldest go first.
const BACKLOG_BYTES: u64 = 4 << 20;

/// The way into the slot, which can be shut: nothing is shown after that.
pub struct Outlet {
    slot: FrameSlot,
    open: Mutex<bool>,
    /// Who takes one picture aside, if anybody.
    portrait: Option<Arc<Portrait>>,
}

impl Outlet {
    /// An open way into this slot, past whoever takes one picture aside.
    pub fn new(slot: FrameSlot, portrait: Option<Arc<Portrait>>) -> Self {
        Self { slot, open: Mutex::new(true), portrait }
    }

    /// Shuts it. After this returns, no picture of this receiver enters the slot.
    pub fn shut(&self) {
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = false;
    }

    fn put(&self, frame: Frame) {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if *open {
            self.slot.put(frame);
        }
    }
}

/// What a pipeline is built from.
pub struct LineParams<'a> {
    /// The codec of the packets.
    pub codec: VideoCodec,
    /// The decoder's element.
    pub decoder: &'static str,
    /// `sprop-parameter-sets` of the SDP (RFC 6184 8.1), for a stream that does not carry them.
    pub sprop: Option<&'a str>,
    /// The largest picture that is wanted, in pixels; a larger one is made smaller.
    pub max_size: Option<(u32, u32)>,
    /// Goes with each error, so that one of a pipeline that was given up is not taken for news.
    pub generation: u32,
}

/// A running pipeline. Dropping it takes it down, which may block.
pub struct Line {
    pipeline: gst::Pipeline,
    source: gst_app::AppSrc,
    gate: Arc<Gate>,
}

/// Holds pictures back until a key frame comes.
#[derive(Default)]
struct Gate {
    shut: AtomicBool,
    lenient: AtomicBool,
}

impl Line {
    /// Builds and starts a pipeline. Slow: plug-ins are loaded when they are used for the first time.
    ///
    /// # Errors
    /// [`VideoError::Missing`] or [`VideoError::Pipeline`].
    pub fn start(params: &LineParams<'_>, inbox: &Arc<Inbox>, outlet: &Arc<Outlet>) -> Result<Self, VideoError> {
        let source = gst_app::AppSrc::builder()
            .caps(&rtp_caps(params))
            .format(gst::Format::Time)
            .is_live(true)
            .do_timestamp(true)
            .max_bytes(BACKLOG_BYTES)
            .leaky_type(gst_app::AppLeakyType::Downstream)
            .build();
        let make = |name| make(name, params.codec);
        let jitter = make("rtpjitterbuffer")?;
        jitter.set_property("latency", LATENCY_MS);
        jitter.set_property("do-lost", true);
        jitter.set_property("drop-on-latency", false);
        let codec = plugins::elements(params.codec)
            .receive
            .iter()
            .map(|(name, _)| make(name))
            .collect::<Result<Vec<_>, _>>()?;
        let decoder = make(params.decoder)?;
        tune(&decoder, "max-threads", "1");
        tune(&decoder, "automatic-request-sync-points", "true");
        // What is left out between a loss and the key frame is the gate's affair; behind it things are only marked.
        tune(&decoder, "automatic-request-sync-point-flags", "corrupt-output");
        let convert = make("videoconvertscale")?;
        let sink = gst_app::AppSink::builder()
            .caps(&picture_caps(params.max_size))
            .sync(false)
            .max_buffers(1)
            .drop(true)
            .enable_last_sample(false)
            .build();

        let pipeline = gst::Pipeline::new();
        let mut chain: Vec<gst::Element> = vec![source.clone().upcast(), jitter.clone()];
        chain.extend(codec.iter().cloned());
        chain.extend([decoder, convert, sink.clone().upcast()]);
        let failed = |error: gst::glib::BoolError| VideoError::Pipeline(error.to_string());
        pipeline.add_many(&chain).map_err(failed)?;
        gst::Element::link_many(&chain).map_err(failed)?;

        let gate = Arc::new(Gate::default());
        gate.shut.store(true, Ordering::Relaxed);
        watch_requests(source.upcast_ref(), inbox);
        watch_losses(&jitter, inbox, &gate);
        if let Some(last) = codec.last() {
            watch_pictures(last, inbox, &gate);
        }
        watch_errors(&pipeline, inbox, params.generation);
        deliver(&sink, inbox, outlet);

        let line = Self { pipeline, source, gate };
        line.pipeline.set_state(gst::State::Playing).map_err(|error| VideoError::Pipeline(error.to_string()))?;
        Ok(line)
    }

    /// Hands in a whole RTP packet; never blocks.
    pub fn push(&self, packet: Vec<u8>) {
        // A pipeline that is being given up refuses; its error comes by the bus.
        let _ = self.source.push_buffer(gst::Buffer::from_mut_slice(packet));
    }

    /// Holds all back until the next key frame, unless leniency is on.
    pub fn await_keyframe(&self) {
        self.gate.shut();
    }

    /// Whether pictures may pass although a key frame is missing.
    pub fn be_lenient(&self, lenient: bool) {
        self.gate.lenient.store(lenient, Ordering::Relaxed);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

impl Gate {
    fn shut(&self) {
        self.shut.store(true, Ordering::Relaxed);
    }

    /// Whether a coded picture may pass; a key frame opens the gate.
    fn lets_pass(&self, key: bool) -> bool {
        if key {
            self.shut.store(false, Ordering::Relaxed);
        }
        key || !self.shut.load(Ordering::Relaxed) || self.lenient.load(Ordering::Relaxed)
    }
}

fn make(name: &'static str, codec: VideoCodec) -> Result<gst::Element, VideoError> {
    let missing = |_| VideoError::Missing(plugins::missing(name, plugins::Disabled::Showing(codec)));
    gst::ElementFactory::make(name).build().map_err(missing)
}

/// Sets a property that not every element of its kind has.
pub(super) fn tune(element: &gst::Element, name: &str, value: &str) {
    if element.has_property(name) {
        element.set_property_from_str(name, value);
    }
}

fn rtp_caps(params: &LineParams<'_>) -> gst::Caps {
    let caps = gst::Caps::builder("application/x-rtp")
        .field("media", "video")
        .field("clock-rate", 90_000i32)
        .field("encoding-name", params.codec.name())
        .field("payload", i32::from(continuity::PAYLOAD_TYPE));
    match params.sprop.filter(|_| params.codec == VideoCodec::H264) {
        Some(sprop) => caps.field("sprop-parameter-sets", sprop).build(),
        None => caps.build(),
    }
}

fn picture_caps(max_size: Option<(u32, u32)>) -> gst::Caps {
    let caps =
        gst::Caps::builder("video/x-raw").field("format", "I420").field("pixel-aspect-ratio", gst::Fraction::new(1, 1));
    match max_size {
        Some((width, height)) => {
            let side = |most: u32| gst::IntRange::new(1, i32::try_from(most).unwrap_or(i32::MAX).max(2));
            caps.field("width", side(width)).field("height", side(height)).build()
        }
        None => caps.build(),
    }
}

/// A decoder that cannot go on asks upstream for a key frame.
fn watch_requests(source: &gst::Element, inbox: &Arc<Inbox>) {
    let inbox = inbox.clone();
    let Some(pad) = source.static_pad("src") else { return };
    pad.add_probe(gst::PadProbeType::EVENT_UPSTREAM, move |_, info| {
        if let Some(gst::PadProbeData::Event(event)) = &info.data
            && gst_video::UpstreamForceKeyUnitEvent::parse(event).is_ok()
        {
            inbox.signal(|signals| signals.keyframe_wanted = true);
        }
        gst::PadProbeReturn::Ok
    });
}

fn watch_losses(jitter: &gst::Element, inbox: &Arc<Inbox>, gate: &Arc<Gate>) {
    let (inbox, gate) = (inbox.clone(), gate.clone());
    let Some(pad) = jitter.static_pad("src") else { return };
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        if let Some(gst::PadProbeData::Event(event)) = &info.data
            && event.structure().is_some_and(|s| s.name() == "GstRTPPacketLost")
        {
            gate.shut();
            inbox.signal(|signals| signals.lost += 1);
        }
        gst::PadProbeReturn::Ok
    });
}

/// Watches whole coded pictures, behind the parser: key frames, changes of size, and the gate.
fn watch_pictures(element: &gst::Element, inbox: &Arc<Inbox>, gate: &Arc<Gate>) {
    let (inbox, gate) = (inbox.clone(), gate.clone());
    let size = AtomicU64::new(0);
    let Some(pad) = element.static_pad("src") else { return };
    let types = gst::PadProbeType::EVENT_DOWNSTREAM | gst::PadProbeType::BUFFER;
    pad.add_probe(types, move |_, info| match &info.data {
        Some(gst::PadProbeData::Buffer(buffer)) => {
            let key = !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
            if key {
                inbox.signal(|signals| signals.keyframe_arrived = true);
            }
            if gate.lets_pass(key) { gst::PadProbeReturn::Ok } else { gst::PadProbeReturn::Drop }
        }
        Some(gst::PadProbeData::Event(event)) => {
            if let gst::EventView::Caps(caps) = event.view()
                && let Some(structure) = caps.caps().structure(0)
                && let (Ok(width), Ok(height)) = (structure.get::<i32>("width"), structure.get::<i32>("height"))
            {
                let now = (width as u64) << 32 | height as u64;
                let before = size.swap(now, Ordering::Relaxed);
                if before != 0 && before != now {
                    inbox.signal(|signals| signals.caps_changed = true);
                }
            }
            gst::PadProbeReturn::Ok
        }
        _ => gst::PadProbeReturn::Ok,
    });
}

fn watch_errors(pipeline: &gst::Pipeline, inbox: &Arc<Inbox>, generation: u32) {
    let inbox = inbox.clone();
    let Some(bus) = pipeline.bus() else { return };
    bus.set_sync_handler(move |_, message| {
        match message.view() {
            gst::MessageView::Error(error) => {
                let from = message.src().map_or_else(String::new, |source| source.name().to_string());
                tracing::warn!(from, error = %error.error(), debug = ?error.debug(), "video pipeline");
                let words = format!("{from}: {}", error.error());
                inbox.signal(|signals| signals.error = Some((generation, words)));
            }
            gst::MessageView::Warning(warning) => {
                tracing::debug!(warning = %warning.error(), debug = ?warning.debug(), "video pipeline");
            }
            _ => {}
        }
        gst::BusSyncReply::Drop
    });
}

/// Puts each picture into the slot, in the memory in which it was decoded.
fn deliver(sink: &gst_app::AppSink, inbox: &Arc<Inbox>, outlet: &Arc<Outlet>) {
    let (inbox, outlet) = (inbox.clone(), outlet.clone());
    let on_sample = move |sink: &gst_app::AppSink| {
        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        let (buffer, caps) = sample.buffer_owned().zip(sample.caps()).ok_or(gst::FlowError::Error)?;
        let info = gst_video::VideoInfo::from_caps(caps).map_err(|_| gst::FlowError::NotNegotiated)?;
        let picture = gst_video::VideoFrame::from_buffer_readable(buffer, &info).map_err(|_| gst::FlowError::Error)?;
        let (width, height, decoded_at) = (info.width(), info.height(), Instant::now());
        if let Some(portrait) = &outlet.portrait
            && !picture.buffer().flags().contains(gst::BufferFlags::CORRUPTED)
        {
            portrait.offer(decoded_at, || Still::new(&sample));
        }
        let pixels = Pixels::Yuv420(Box::new(Decoded(picture)), colour(&info.colorimetry()));
        outlet.put(Frame { width, height, pixels, decoded_at });
        inbox.signal(|signals| signals.pictures.push_back((decoded_at, width, height)));
        Ok(gst::FlowSuccess::Ok)
    };
    sink.set_callbacks(gst_app::AppSinkCallbacks::builder().new_sample(on_sample).build());
}

/// A picture in the decoder's memory, which gets it back when this goes.
struct Decoded(gst_video::VideoFrame<gst_video::video_frame::Readable>);

impl Planes for Decoded {
    fn plane(&self, index: u32) -> (&[u8], u32) {
        let stride = self.0.plane_stride().get(index as usize).copied().unwrap_or(0);
        (self.0.plane_data(index).unwrap_or_default(), u32::try_from(stride).unwrap_or(0))
    }
}

/// What a stream says of its colours; what it leaves open is taken as standard definition.
fn colour(colorimetry: &gst_video::VideoColorimetry) -> Colour {
    let matrix = match colorimetry.matrix() {
        gst_video::VideoColorMatrix::Bt709 => Matrix::Bt709,
        gst_video::VideoColorMatrix::Bt2020 => Matrix::Bt2020,
        _ => Matrix::Bt601,
    };
    Colour { matrix, full_range: colorimetry.range() == gst_video::VideoColorRange::Range0_255 }
}
