//! Which elements of GStreamer the pictures need, which Debian package brings each, and what works without which.
//!
//! A missing plug-in is found at start, named, and its codec is never offered; it is no surprise at the first ring.

use std::fmt;
use std::path::Path;

use gstreamer as gst;

use super::VideoError;
use crate::sdp::VideoCodec;

const BASE: &str = "gstreamer1.0-plugins-base";
const GOOD: &str = "gstreamer1.0-plugins-good";
const BAD: &str = "gstreamer1.0-plugins-bad";
const UGLY: &str = "gstreamer1.0-plugins-ugly";
const LIBAV: &str = "gstreamer1.0-libav";

/// An element and the Debian package that brings it.
type Element = (&'static str, &'static str);

/// What every receiver needs.
const RECEIVE: &[Element] = &[
    ("appsrc", BASE),
    ("rtpjitterbuffer", GOOD),
    ("capsfilter", "libgstreamer1.0-0"),
    ("videoconvertscale", BASE),
    ("appsink", BASE),
];

/// What a kept picture needs to be written and read.
const STILL: &[Element] = &[("jpegenc", GOOD), ("jpegdec", GOOD), ("videoconvertscale", BASE)];

/// What every sender needs; the camera's own elements come on top.
const SEND: &[Element] = &[
    ("appsrc", BASE),
    ("queue", "libgstreamer1.0-0"),
    ("capsfilter", "libgstreamer1.0-0"),
    ("videoconvertscale", BASE),
    ("appsink", BASE),
];

/// The elements of one codec.
pub(super) struct CodecElements {
    /// In the order of the stream: depayloader, then the parser if there is one.
    pub receive: &'static [Element],
    /// The best first; the first one that works is taken. What is recommended stands at [`Self::usual_decoder`].
    pub decoders: &'static [Element],
    /// The decoder that a Debian panel gets.
    pub usual_decoder: Element,
    /// The best first.
    pub encoders: &'static [Element],
    /// The payloader.
    pub payloader: Element,
}

/// Hardware first. Of the two in software, openh264dec is as quick as avdec_h264 and costs half the memory (28 MB against 59 MB of resident memory in
/// a 640×480 call); avdec_h264 stands behind it for the streams that openh264dec refuses.
const H264: CodecElements = CodecElements {
    receive: &[("rtph264depay", GOOD), ("h264parse", BAD)],
    decoders: &[
        ("v4l2slh264dec", BAD),
        ("v4l2h264dec", GOOD),
        ("vah264dec", BAD),
        ("openh264dec", BAD),
        ("avdec_h264", LIBAV),
    ],
    usual_decoder: ("openh264dec", BAD),
    encoders: &[("openh264enc", BAD), ("x264enc", UGLY)],
    payloader: ("rtph264pay", GOOD),
};

const VP8: CodecElements = CodecElements {
    receive: &[("rtpvp8depay", GOOD)],
    decoders: &[("v4l2slvp8dec", BAD), ("v4l2vp8dec", GOOD), ("vp8dec", GOOD)],
    usual_decoder: ("vp8dec", GOOD),
    encoders: &[("vp8enc", GOOD)],
    payloader: ("rtpvp8pay", GOOD),
};

/// The elements of a codec.
pub(super) fn elements(codec: VideoCodec) -> &'static CodecElements {
    match codec {
        VideoCodec::H264 => &H264,
        VideoCodec::Vp8 => &VP8,
    }
}

/// All codecs, the preferred one first.
const CODECS: [VideoCodec; 2] = [VideoCodec::H264, VideoCodec::Vp8];

/// An element that is not installed, what brings it, and what does not work without it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingPlugin {
    /// The name of the element.
    pub element: &'static str,
    /// The Debian package that brings it.
    pub package: &'static str,
    /// What it disables.
    pub disables: Disabled,
}

/// What does not work without some element. `Display` is the beginning of a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disabled {
    /// Pictures of this codec cannot be shown.
    Showing(VideoCodec),
    /// Our own camera cannot be sent in this codec.
    Sending(VideoCodec),
    /// Single pictures can be neither kept nor shown.
    Keeping,
    /// No camera of the system can be used.
    Camera,
}

impl fmt::Display for Disabled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Showing(codec) => write!(f, "{} pictures cannot be shown", codec.name()),
            Self::Sending(codec) => write!(f, "{} pictures cannot be sent", codec.name()),
            Self::Keeping => f.write_str("pictures cannot be kept"),
            Self::Camera => f.write_str("the camera cannot be used"),
        }
    }
}

impl fmt::Display for MissingPlugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { element, package, disables } = self;
        write!(f, "{disables}: the GStreamer element {element} is missing, install the package {package}")
    }
}

/// What this installation can do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VideoCapabilities {
    /// Codecs that can be shown, the preferred one first.
    pub decode: Vec<VideoCodec>,
    /// Codecs that can be sent, the preferred one first.
    pub encode: Vec<VideoCodec>,
    /// What is not installed, each element once for each thing it disables.
    pub missing: Vec<MissingPlugin>,
}

/// Places the registry of GStreamer, the list of all plug-ins, in a file of ours, unless `GST_REGISTRY` places it already.
///
/// Building that list takes two seconds; it must lie where it outlives a restart. Call this first in `main`: an environment can only be changed
/// while nothing else may read it.
///
/// # Errors
/// [`VideoError::Registry`] when another thread already runs; GStreamer then uses its usual place.
#[allow(unsafe_code)]
pub fn use_registry(file: &Path) -> Result<(), VideoError> {
    if std::env::var_os("GST_REGISTRY").is_some() {
        return Ok(());
    }
    let threads = std::fs::read_dir("/proc/self/task").map(Iterator::count);
    if !matches!(threads, Ok(1)) {
        return Err(VideoError::Registry("other threads run already"));
    }
    // SAFETY: this is the only thread of the process, as just counted, so nothing reads the environment meanwhile.
    unsafe { std::env::set_var("GST_REGISTRY", file) };
    Ok(())
}

/// Starts GStreamer; more than once does no harm. Takes two seconds when the registry is not there yet, so not for the screen's thread.
///
/// # Errors
/// [`VideoError::Init`] when GStreamer refuses.
pub fn init() -> Result<(), VideoError> {
    gst::init().map_err(|error| VideoError::Init(error.to_string()))
}

/// Looks at what is installed. Blocks as [`init`] does.
pub fn probe() -> VideoCapabilities {
    match init() {
        Ok(()) => probe_with(installed),
        Err(error) => {
            tracing::error!(%error, "no video");
            VideoCapabilities::default()
        }
    }
}

/// Loads the plug-ins of these codecs' receivers, so that the first ring does not wait for them. Blocks; give it a thread of its own.
pub fn warm_up(codecs: &[VideoCodec]) {
    if init().is_err() {
        return;
    }
    for codec in codecs {
        let wanted = RECEIVE.iter().chain(elements(*codec).receive).map(|(name, _)| *name);
        for name in wanted.chain(decoders(*codec, None).first().copied()) {
            if let Some(factory) = gst::ElementFactory::find(name) {
                // Making one also runs what the plug-in does on first use; it is not started.
                drop(factory.create().build());
            }
        }
    }
}

/// The installed decoders of a codec, the best first; `preferred` goes to the front when it is one of them.
pub(super) fn decoders(codec: VideoCodec, preferred: Option<&str>) -> Vec<&'static str> {
    let mut names: Vec<_> =
        elements(codec).decoders.iter().map(|(name, _)| *name).filter(|name| installed(name)).collect();
    names.sort_by_key(|name| Some(*name) != preferred);
    names
}

/// The best installed encoder of a codec.
///
/// # Errors
/// [`VideoError::Missing`] when there is none.
pub(super) fn encoder(codec: VideoCodec) -> Result<&'static str, VideoError> {
    let encoders = elements(codec).encoders;
    let found = encoders.iter().map(|(name, _)| *name).find(|name| installed(name));
    found.ok_or_else(|| VideoError::Missing(missing(encoders[0].0, Disabled::Sending(codec))))
}

/// The words for an element that could not be made.
pub(super) fn missing(element: &'static str, disables: Disabled) -> MissingPlugin {
    let codecs = CODECS.iter().map(|codec| elements(*codec));
    let all = codecs.flat_map(|e| e.receive.iter().chain(e.decoders).chain(e.encoders).chain([&e.payloader]));
    let package = RECEIVE.iter().chain(SEND).chain(STILL).chain(all).chain(CAMERA).find(|(name, _)| *name == element);
    MissingPlugin { element, package: package.map_or("gstreamer1.0-plugins-bad", |(_, package)| *package), disables }
}

/// What a real camera needs.
const CAMERA: &[Element] = &[("v4l2src", GOOD), ("videorate", BASE)];

/// What is not installed of the elements that a camera of the system needs. Blocks as [`init`] does.
pub fn probe_camera() -> Vec<MissingPlugin> {
    if init().is_err() {
        // Said by `probe`.
        return Vec::new();
    }
    camera_with(installed)
}

fn camera_with(installed: impl Fn(&str) -> bool) -> Vec<MissingPlugin> {
    let lacking = CAMERA.iter().filter(|(name, _)| !installed(name));
    lacking.map(|(element, package)| MissingPlugin { element, package, disables: Disabled::Camera }).collect()
}

fn installed(name: &str) -> bool {
    gst::ElementFactory::find(name).is_some()
}

fn probe_with(installed: impl Fn(&str) -> bool) -> VideoCapabilities {
    let mut found = VideoCapabilities::default();
    for codec in CODECS {
        let e = elements(codec);
        let lack =
            |needed: &mut dyn Iterator<Item = &'static Element>, choice: &[Element], usual: Element, disables| {
                let mut lacking: Vec<_> = needed.filter(|(name, _)| !installed(name)).copied().collect();
                if !choice.iter().any(|(name, _)| installed(name)) {
                    lacking.push(usual);
                }
                lacking
                    .into_iter()
                    .map(|(element, package)| MissingPlugin { element, package, disables })
                    .collect::<Vec<_>>()
            };
        let receive = lack(&mut RECEIVE.iter().chain(e.receive), e.decoders, e.usual_decoder, Disabled::Showing(codec));
        if receive.is_empty() {
            found.decode.push(codec);
        }
        let send = lack(&mut SEND.iter().chain([&e.payloader]), e.encoders, e.encoders[0], Disabled::Sending(codec));
        if send.is_empty() {
            found.encode.push(codec);
        }
        found.missing.extend(receive.into_iter().chain(send));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_everything_there_nothing_is_missing() {
        let found = probe_with(|_| true);
        assert_eq!((found.decode.as_slice(), found.encode.as_slice()), (&CODECS[..], &CODECS[..]));
        assert!(found.missing.is_empty());
    }

    #[test]
    fn without_the_parser_only_h264_cannot_be_shown_and_the_package_is_named() {
        let found = probe_with(|name| name != "h264parse");
        assert_eq!(found.decode, [VideoCodec::Vp8]);
        assert_eq!(found.encode, CODECS);
        assert_eq!(
            found.missing.iter().map(ToString::to_string).collect::<Vec<_>>(),
            [
                "H264 pictures cannot be shown: the GStreamer element h264parse is missing, install the package gstreamer1.0-plugins-bad"
            ]
        );
    }

    #[test]
    fn any_decoder_will_do_and_the_usual_one_is_named_when_there_is_none() {
        assert!(probe_with(|name| !["openh264dec", "vah264dec"].contains(&name)).missing.is_empty());
        let found = probe_with(|name| !name.contains("h264dec") && !name.starts_with("avdec"));
        assert_eq!(found.missing.len(), 1);
        assert_eq!(found.missing[0].element, "openh264dec");
    }

    #[test]
    fn an_empty_registry_disables_all_and_names_each_package() {
        let found = probe_with(|_| false);
        assert!(found.decode.is_empty() && found.encode.is_empty());
        for package in [BASE, GOOD, BAD] {
            assert!(found.missing.iter().any(|m| m.package == package), "{package}");
        }
    }

    #[test]
    fn a_camera_needs_elements_of_its_own() {
        assert!(camera_with(|_| true).is_empty());
        let words: Vec<_> = camera_with(|name| name != "v4l2src").iter().map(ToString::to_string).collect();
        assert_eq!(
            words,
            [
                "the camera cannot be used: the GStreamer element v4l2src is missing, install the package gstreamer1.0-plugins-good"
            ]
        );
    }

    #[test]
    fn the_registry_is_not_moved_under_running_threads() {
        // The test's own thread is never the only one.
        let moved = use_registry(Path::new("/nonexistent/registry.bin"));
        assert!(std::env::var_os("GST_REGISTRY").is_some() || moved.is_err());
    }
}
