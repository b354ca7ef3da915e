//! The sender of one call: a thread that paces the painter, keeps the key-frame policy, and owns the pipeline.

use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::encoding::{Input, Line, LineParams};
use super::keyframe::Given;
use super::rate::Rate;
use super::source::{CameraSource, Painter, TestPicture};
use super::{VideoError, plugins};
use crate::sdp::VideoCodec;

/// One RTP payload to send; sequence number and SSRC are the RTP session's affair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// What follows the RTP header.
    pub bytes: Vec<u8>,
    /// Whether it ends a picture.
    pub marker: bool,
    /// Since the start of the sender, in units of 1/90000 s.
    pub timestamp: u32,
    /// How far a session that advances its timestamp by itself is to advance it after this packet; follows `timestamp` within one picture.
    pub samples: u32,
}

/// What a sender is started with.
pub struct SenderParams {
    /// Where the pictures come from.
    pub source: CameraSource,
    /// How they are encoded.
    pub codec: VideoCodec,
    /// Kilobits a second, at most.
    pub bitrate_kbps: u32,
    /// Pictures a second, 1 to 60.
    pub fps: u32,
    /// Whether each packet of H.264 must be one whole NAL unit (`packetization-mode` 0, RFC 6184 6.2).
    pub whole_units: bool,
}

/// A running sender. Dropping it stops it without waiting.
pub struct Sender {
    control: Arc<Control>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Orders {
    keyframe: bool,
    lost: Option<u8>,
    error: Option<String>,
    closed: bool,
}

#[derive(Default)]
struct Control {
    orders: Mutex<Orders>,
    bell: Condvar,
}

impl Control {
    fn order(&self, change: impl FnOnce(&mut Orders)) {
        change(&mut self.orders.lock().unwrap_or_else(PoisonError::into_inner));
        self.bell.notify_one();
    }

    /// Waits for an order or until the time has come, and takes all there is.
    fn wait(&self, until: Option<Instant>) -> Orders {
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        while !(orders.keyframe || orders.lost.is_some() || orders.error.is_some() || orders.closed) {
            let Some(until) = until else {
                orders = self.bell.wait(orders).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            orders = self.bell.wait_timeout(orders, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        std::mem::take(&mut orders)
    }
}

impl Sender {
    /// Starts a sender; returns at once. Payloads go to `on_payload` and what goes wrong to `on_error`, from threads of the sender;
    /// neither may block. A [`CameraSource::None`] sends nothing.
    ///
    /// # Errors
    /// [`VideoError::Pipeline`] when the system gives no thread.
    pub fn start(
        params: SenderParams,
        on_payload: impl FnMut(Payload) + Send + 'static,
        on_error: impl Fn(VideoError) + Send + 'static,
    ) -> Result<Self, VideoError> {
        let control = Arc::new(Control::default());
        let thread = std::thread::Builder::new()
            .name("video-out".into())
            .spawn({
                let control = control.clone();
                move || {
                    if let Err(error) = run(params, &control, on_payload) {
                        on_error(error);
                    }
                }
            })
            .map_err(|error| VideoError::Pipeline(error.to_string()))?;
        Ok(Self { control, thread: Some(thread) })
    }

    /// The far end wants a key frame: the first request is honoured at once, a flood of them once a second.
    pub fn force_keyframe(&self) {
        self.control.order(|orders| orders.keyframe = true);
    }

    /// The far end reports what it lost of this since its last report, in 1/256 (RFC 3550 6.4.1): where much is lost, less is sent.
    pub fn handle_report(&self, lost: u8) {
        self.control.order(|orders| orders.lost = Some(lost));
    }

    /// Stops it and waits until nothing of it is left. To stop without waiting, drop it.
    pub fn stop(mut self) {
        self.control.order(|orders| orders.closed = true);
        if let Some(thread) = self.thread.take() {
            // A panic in the thread has already been reported by the panic hook.
            let _ = thread.join();
        }
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.control.order(|orders| orders.closed = true);
    }
}

fn run(
    params: SenderParams,
    control: &Arc<Control>,
    on_payload: impl FnMut(Payload) + Send + 'static,
) -> Result<(), VideoError> {
    let fps = params.fps.clamp(1, 60);
    let (mut painter, device): (Option<Box<dyn Painter>>, _) = match params.source {
        CameraSource::None => return Ok(()),
        CameraSource::Test => (Some(Box::new(TestPicture::new(640, 480))), None),
        CameraSource::Frames(painter) => (Some(painter), None),
        CameraSource::V4l2(device) => (None, Some(device)),
    };
    plugins::init()?;
    let input = match (&painter, device.as_deref().and_then(Path::to_str)) {
        (Some(painter), _) => {
            let (width, height) = painter.size();
            Input::Painted(width, height)
        }
        (None, Some(device)) => Input::Camera(device),
        (None, None) => return Err(VideoError::Pipeline("the camera's path is not UTF-8".into())),
    };
    let SenderParams { codec, bitrate_kbps, whole_units, .. } = params;
    let params = LineParams { input, codec, fps, bitrate_kbps, whole_units };
    let line = Line::start(&params, on_payload, {
        let control = control.clone();
        move |error| control.order(|orders| orders.error = Some(error))
    })?;

    let start = Instant::now();
    let step = Duration::from_secs(1) / fps;
    let mut given = Given::new(start);
    let mut rate = Rate::new(bitrate_kbps);
    let mut next = painter.is_some().then_some(start);
    loop {
        let orders = control.wait([next, given.poll_timeout()].into_iter().flatten().min());
        if orders.closed {
            return Ok(());
        }
        if let Some(error) = orders.error {
            return Err(VideoError::Pipeline(error));
        }
        if let Some(kbps) = orders.lost.and_then(|lost| rate.handle_report(lost)) {
            tracing::debug!(kbps, "the picture's rate follows the reports");
            line.set_bitrate(kbps);
        }
        if orders.keyframe {
            given.ask();
        }
        let now = Instant::now();
        if given.handle_timeout(now) {
            line.force_keyframe();
        }
        if let (Some(painter), Some(due)) = (&mut painter, next)
            && now >= due
        {
            line.push(|rgba| painter.paint(now - start, rgba));
            // A machine that was held up goes on from now instead of catching up in a burst.
            next = Some((due + step).max(now));
        }
    }
}
