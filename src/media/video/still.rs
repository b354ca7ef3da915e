//! Single pictures: one of a stream is taken aside, written as JPEG, and read again as large as it is shown.
//!
//! ```text
//!  sample ─▶ appsrc ─▶ videoconvertscale ─▶ I420, no larger than wanted ─▶ jpegenc ─▶ appsink ─▶ bytes
//!  bytes ─▶ appsrc ─▶ jpegdec ─▶ videoconvertscale ─▶ RGB, as large as wanted ─▶ appsink ─▶ rows without padding
//! ```
//! Writing and reading block for some milliseconds: they are for threads of their own.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use gstreamer_video as gst_video;
use gstreamer_video::prelude::*;

use super::{VideoError, plugins};

/// The picture is taken so long after the first one: by then the exposure has settled and a face is there.
pub const SETTLED: Duration = Duration::from_millis(1500);
/// The quality of JPEG, 0–100: some 40 KB for 640×480.
const QUALITY: i32 = 85;
/// Writing or reading one picture takes no longer, or fails.
const PATIENCE: gst::ClockTime = gst::ClockTime::from_seconds(5);
/// The largest picture that is read, in pixels each way: ours are smaller.
const LARGEST: i32 = 4096;

/// One decoded picture, in the memory in which it was decoded; nothing is copied.
#[derive(Clone)]
pub struct Still(gst::Sample);

impl Still {
    pub(super) fn new(sample: &gst::Sample) -> Self {
        Self(sample.clone())
    }
}

impl std::fmt::Debug for Still {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Still")
    }
}

type Taken = Box<dyn Fn(Still) + Send + Sync>;

/// Takes one picture of a stream aside: the first one that comes [`SETTLED`] after the very first, or the last one there was.
pub struct Portrait {
    state: Mutex<State<Still>>,
    taken: Taken,
}

impl Portrait {
    /// `taken` gets the picture, once, from the thread that decodes or the one that calls [`finish`](Self::finish); it must not block.
    pub fn new(taken: impl Fn(Still) + Send + Sync + 'static) -> Self {
        Self { state: Mutex::new(State::Waiting), taken: Box::new(taken) }
    }

    /// A picture was decoded.
    pub(super) fn offer(&self, at: Instant, still: impl FnOnce() -> Still) {
        let due = self.state.lock().unwrap_or_else(PoisonError::into_inner).offer(at, still);
        if let Some(still) = due {
            (self.taken)(still);
        }
    }

    /// No more pictures come: the last one is taken, if there was any and none was taken before.
    pub fn finish(&self) {
        let last = self.state.lock().unwrap_or_else(PoisonError::into_inner).finish();
        if let Some(still) = last {
            (self.taken)(still);
        }
    }
}

/// Which picture is taken.
#[derive(Debug)]
enum State<T> {
    /// None has come.
    Waiting,
    /// Some have.
    Settling {
        /// When the first came.
        since: Instant,
        /// The last one.
        newest: T,
    },
    /// It was taken.
    Done,
}

impl<T> State<T> {
    fn offer(&mut self, at: Instant, still: impl FnOnce() -> T) -> Option<T> {
        match self {
            Self::Done => None,
            Self::Waiting => {
                *self = Self::Settling { since: at, newest: still() };
                None
            }
            Self::Settling { since, .. } if at.saturating_duration_since(*since) >= SETTLED => {
                *self = Self::Done;
                Some(still())
            }
            Self::Settling { newest, .. } => {
                *newest = still();
                None
            }
        }
    }

    fn finish(&mut self) -> Option<T> {
        match std::mem::replace(self, Self::Done) {
            Self::Settling { newest, .. } => Some(newest),
            Self::Waiting | Self::Done => None,
        }
    }
}

/// The picture as JPEG, made smaller where it is larger than `most` pixels, its shape kept.
///
/// # Errors
/// [`VideoError::Missing`] without the encoder, [`VideoError::Pipeline`] when it fails.
pub fn to_jpeg(still: &Still, most: (u32, u32)) -> Result<Vec<u8>, VideoError> {
    plugins::init()?;
    let broken = || VideoError::Pipeline("a picture without a form".to_owned());
    let (caps, buffer) = still.0.caps_owned().zip(still.0.buffer_owned()).ok_or_else(broken)?;
    let side = |most: u32| gst::IntRange::new(1, i32::try_from(most).unwrap_or(LARGEST).max(2));
    let wanted = picture("I420").field("width", side(most.0)).field("height", side(most.1)).build();
    let encoder = make("jpegenc")?;
    encoder.set_property("quality", QUALITY);
    let sample = convert(&caps, buffer, &[make("videoconvertscale")?, filter(&wanted)?, encoder])?;
    let bytes = sample.buffer().and_then(|buffer| buffer.map_readable().ok().map(|bytes| bytes.to_vec()));
    bytes.ok_or_else(broken)
}

/// How large a picture is read; its shape is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// So many pixels wide.
    Width(u32),
    /// No more pixels wide and high than that.
    Within(u32, u32),
    /// As it is.
    Whole,
}

/// The picture of a JPEG: its width and height, and red, green and blue of each pixel, top row first, without padding.
///
/// # Errors
/// [`VideoError::Missing`] without the decoder, [`VideoError::Pipeline`] for what is no JPEG or a broken one.
pub fn from_jpeg(bytes: Vec<u8>, fit: Fit) -> Result<(u32, u32, Vec<u8>), VideoError> {
    plugins::init()?;
    let broken = |_| VideoError::Pipeline("a picture without a form".to_owned());
    let up_to = |most: u32| gst::IntRange::new(1, i32::try_from(most).unwrap_or(LARGEST).clamp(2, LARGEST));
    let any = gst::IntRange::new(1, LARGEST);
    let wanted = picture("RGB");
    let wanted = match fit {
        Fit::Width(width) => {
            wanted.field("width", i32::try_from(width).unwrap_or(LARGEST).clamp(1, LARGEST)).field("height", any)
        }
        Fit::Within(width, height) => wanted.field("width", up_to(width)).field("height", up_to(height)),
        Fit::Whole => wanted.field("width", any).field("height", any),
    };
    let wanted = wanted.build();
    let caps = gst::Caps::new_empty_simple("image/jpeg");
    let scale = [make("jpegdec")?, make("videoconvertscale")?, filter(&wanted)?];
    let sample = convert(&caps, gst::Buffer::from_mut_slice(bytes), &scale)?;
    let (caps, buffer) = sample.caps().zip(sample.buffer_owned()).ok_or(()).map_err(broken)?;
    let info = gst_video::VideoInfo::from_caps(caps).map_err(|_| broken(()))?;
    let frame = gst_video::VideoFrame::from_buffer_readable(buffer, &info).map_err(|_| broken(()))?;
    let row = frame.width() as usize * 3;
    let stride = usize::try_from(frame.plane_stride().first().copied().unwrap_or(0)).unwrap_or(0);
    let data = frame.plane_data(0).map_err(|_| broken(()))?;
    if stride < row || data.len() < stride * (frame.height() as usize).saturating_sub(1) + row {
        return Err(broken(()));
    }
    let rows = data.chunks(stride).take(frame.height() as usize);
    Ok((frame.width(), frame.height(), rows.flat_map(|line| &line[..row]).copied().collect()))
}

fn picture(format: &str) -> gst::caps::Builder<gst::caps::NoFeature> {
    gst::Caps::builder("video/x-raw").field("format", format).field("pixel-aspect-ratio", gst::Fraction::new(1, 1))
}

fn make(name: &'static str) -> Result<gst::Element, VideoError> {
    let missing = |_| VideoError::Missing(plugins::missing(name, plugins::Disabled::Keeping));
    gst::ElementFactory::make(name).build().map_err(missing)
}

fn filter(caps: &gst::Caps) -> Result<gst::Element, VideoError> {
    let filter = make("capsfilter")?;
    filter.set_property("caps", caps);
    Ok(filter)
}

/// Sends one buffer through these elements; what comes out of the last.
fn convert(caps: &gst::Caps, buffer: gst::Buffer, elements: &[gst::Element]) -> Result<gst::Sample, VideoError> {
    let source = gst_app::AppSrc::builder().caps(caps).format(gst::Format::Time).build();
    let sink = gst_app::AppSink::builder().sync(false).max_buffers(1).build();
    let pipeline = Pipeline(gst::Pipeline::new());
    let mut chain = vec![source.clone().upcast::<gst::Element>()];
    chain.extend(elements.iter().cloned());
    chain.push(sink.clone().upcast());
    let failed = |error: gst::glib::BoolError| VideoError::Pipeline(error.to_string());
    pipeline.0.add_many(&chain).map_err(failed)?;
    gst::Element::link_many(&chain).map_err(failed)?;
    let started = pipeline.0.set_state(gst::State::Playing);
    started.map_err(|error| VideoError::Pipeline(error.to_string()))?;
    // A pipeline that refuses them says why on its bus, or gives nothing.
    let _ = source.push_buffer(buffer);
    let _ = source.end_of_stream();
    sink.try_pull_sample(PATIENCE).ok_or_else(|| VideoError::Pipeline(pipeline.complaint()))
}

/// A pipeline that is taken down with its owner.
struct Pipeline(gst::Pipeline);

impl Pipeline {
    /// What it says of its failure.
    fn complaint(&self) -> String {
        let message = self.0.bus().and_then(|bus| bus.pop_filtered(&[gst::MessageType::Error]));
        match message.as_ref().map(|message| message.view()) {
            Some(gst::MessageView::Error(error)) => error.error().to_string(),
            _ => "no picture comes out".to_owned(),
        }
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        let _ = self.0.set_state(gst::State::Null);
    }
}

/// A picture for tests.
#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    /// Left half red, right half blue.
    pub fn still(width: u32, height: u32) -> Still {
        plugins::init().expect("GStreamer starts");
        let info = gst_video::VideoInfo::builder(gst_video::VideoFormat::Rgb, width, height).build().expect("a form");
        let stride = info.stride()[0] as usize;
        let mut bytes = vec![0; info.size()];
        for row in bytes.chunks_mut(stride) {
            for (x, pixel) in row.chunks_exact_mut(3).take(width as usize).enumerate() {
                pixel.copy_from_slice(if x < width as usize / 2 { &[255, 0, 0] } else { &[0, 0, 255] });
            }
        }
        let caps = info.to_caps().expect("caps");
        Still(gst::Sample::builder().buffer(&gst::Buffer::from_mut_slice(bytes)).caps(&caps).build())
    }
}

#[cfg(test)]
mod tests {
    use super::testing::still;
    use super::*;

    #[test]
    fn the_picture_is_one_that_has_settled_or_the_last_there_was() {
        let begun = Instant::now();
        let at = |ms| begun + Duration::from_millis(ms);
        let mut state = State::Waiting;
        assert!([0, 40, 1499].into_iter().all(|ms| state.offer(at(ms), || ms).is_none()));
        assert_eq!(state.offer(at(1500), || 1500), Some(1500));
        assert_eq!((state.offer(at(1540), || 1540), state.finish()), (None, None), "one and no more");

        let mut state = State::Waiting;
        state.offer(at(0), || 0);
        state.offer(at(40), || 40);
        assert_eq!(state.finish(), Some(40));
        assert_eq!((state.finish(), state.offer(at(80), || 80)), (None, None));
        assert_eq!(State::<u64>::Waiting.finish(), None, "nobody was seen");
    }

    #[test]
    fn a_picture_is_written_small_and_read_again_as_it_was() {
        let jpeg = to_jpeg(&still(1282, 722), (640, 480)).expect("it is written");
        assert!(jpeg.len() < 60_000, "{} bytes", jpeg.len());
        let (width, height, rgb) = from_jpeg(jpeg.clone(), Fit::Whole).expect("it is read");
        assert_eq!((width, rgb.len()), (640, (width * height * 3) as usize));
        assert!(height.abs_diff(360) <= 1, "{height}");
        let pixel = |x: u32, y: u32| {
            let at = ((y * width + x) * 3) as usize;
            [rgb[at], rgb[at + 1], rgb[at + 2]]
        };
        assert!(pixel(100, 300)[0] > 200 && pixel(100, 300)[2] < 60, "{:?}", pixel(100, 300));
        assert!(pixel(500, 20)[2] > 200 && pixel(500, 20)[0] < 60, "{:?}", pixel(500, 20));

        let (width, height, _) = from_jpeg(jpeg.clone(), Fit::Within(320, 90)).expect("it is read");
        assert!(width.abs_diff(160) <= 1 && height == 90, "{width}×{height}");
        let (width, height, rgb) = from_jpeg(jpeg, Fit::Width(115)).expect("it is read");
        assert_eq!((width, rgb.len()), (115, (115 * height * 3) as usize));
        assert!(height.abs_diff(65) <= 1, "{height}");
    }

    #[test]
    fn a_small_picture_stays_as_it_is() {
        let jpeg = to_jpeg(&still(320, 240), (640, 480)).expect("it is written");
        let (width, height, _) = from_jpeg(jpeg, Fit::Whole).expect("it is read");
        assert_eq!((width, height), (320, 240));
    }

    #[test]
    fn what_is_no_picture_is_an_error() {
        let jpeg = to_jpeg(&still(320, 240), (640, 480)).expect("it is written");
        for bytes in [Vec::new(), b"no picture at all".to_vec(), jpeg[..20].to_vec()] {
            assert!(from_jpeg(bytes, Fit::Whole).is_err());
        }
    }
}
