//! Sound devices, the camera, and the plug-ins of GStreamer.

use std::path::Path;

use super::super::screen::opening;
use super::Finding;
use crate::config::{DeviceFault, FileFault};
use crate::media::video::camera::CameraFault;
use crate::media::video::{Disabled, MissingPlugin, VideoCapabilities};

/// A microphone or a loudspeaker of the settings.
pub(super) struct Device<'a> {
    pub(super) check: &'static str,
    /// The setting that names it.
    pub(super) key: &'static str,
    pub(super) name: &'a str,
    /// The devices there are.
    pub(super) others: &'a [String],
    pub(super) found: Result<(), DeviceFault>,
}

/// Whether a sound device is there. What a running panel has open may look closed from here.
pub(super) fn device(device: &Device<'_>, panel_runs: bool) -> Finding {
    let &Device { check, key, name, others, ref found } = device;
    let Err(fault) = found else { return Finding::ok(check, name) };
    let what = format!("{name}: {fault}");
    let there = if others.is_empty() { String::new() } else { format!(" to one of: {}", others.join(", ")) };
    let remedy = match fault {
        // The default device of ALSA has a name even where there is no card behind it.
        DeviceFault::None | DeviceFault::Gone => format!(
            "connect a sound card, add the panel's user to the group audio, or change the setting {key}, null for none"
        ),
        DeviceFault::NotNamed(_) => format!("connect it, or change the setting {key}{there}"),
        DeviceFault::Denied => opening(&FileFault::NotAllowed, "audio"),
        DeviceFault::Busy => opening(&FileFault::Busy, "audio"),
        DeviceFault::NoAnswer => "start PulseAudio or PipeWire for the panel's user, or take it away".to_owned(),
        DeviceFault::File(_) | DeviceFault::NotWav(_) => format!("change the setting {key}"),
        DeviceFault::Unusable(_) | DeviceFault::Stalled | DeviceFault::System(_) => {
            format!("try it with aplay or arecord of alsa-utils, or change the setting {key}{there}")
        }
    };
    let held = matches!(fault, DeviceFault::Busy | DeviceFault::Unusable(_) | DeviceFault::System(_));
    if panel_runs && held {
        return Finding::warning(check, format!("{what}, perhaps because the panel runs"), remedy);
    }
    Finding::problem(check, what, remedy)
}

/// Whether the camera of the settings takes pictures.
pub(super) fn camera(device: &Path, found: Result<String, CameraFault>) -> Finding {
    match found {
        Ok(name) => Finding::ok("camera", format!("{} ({name})", device.display())),
        Err(CameraFault::Closed(error)) if error.fault == FileFault::Missing => {
            Finding::problem("camera", error, "connect it, or change the setting video.camera, none for none")
        }
        Err(CameraFault::Closed(error)) => {
            let remedy = opening(&error.fault, "video");
            Finding::problem("camera", error, remedy)
        }
        Err(fault @ (CameraFault::NoVideo(_) | CameraFault::NoCapture { .. })) => Finding::problem(
            "camera",
            fault,
            "change the setting video.camera: v4l2-ctl --list-devices of v4l-utils names them",
        ),
    }
}

/// An element that the camera lacks.
pub(super) fn camera_plugin(missing: &MissingPlugin) -> Finding {
    let MissingPlugin { element, package, disables } = missing;
    Finding::problem("camera", format!("{disables} without {element}"), format!("install {package}"))
}

/// What pictures can be shown and sent. `wanted` is whether any are to be shown.
pub(super) fn plugins(found: &VideoCapabilities, wanted: bool) -> Vec<Finding> {
    let mut groups: Vec<(Disabled, Vec<&str>, Vec<&str>)> = Vec::new();
    for MissingPlugin { element, package, disables } in &found.missing {
        let place = groups.iter().position(|(of, ..)| of == disables).unwrap_or(groups.len());
        if place == groups.len() {
            groups.push((*disables, Vec::new(), Vec::new()));
        }
        let (_, elements, packages) = &mut groups[place];
        elements.push(element);
        if !packages.contains(package) {
            packages.push(package);
        }
    }
    let mut findings: Vec<Finding> = Vec::new();
    for (disables, elements, packages) in groups {
        let (what, remedy) =
            (format!("{disables} without {}", elements.join(", ")), format!("install {}", packages.join(" ")));
        // One codec in common with the door is enough.
        findings.push(if wanted && found.decode.is_empty() {
            Finding::problem("plug-ins", what, remedy)
        } else {
            Finding::warning("plug-ins", what, remedy)
        });
    }
    if findings.is_empty() && found.decode.is_empty() {
        findings.push(Finding::problem(
            "plug-ins",
            "GStreamer does not start",
            "install libgstreamer1.0-0 and gstreamer1.0-plugins-base, -good and -bad",
        ));
    }
    if !found.decode.is_empty() {
        let shown = found.decode.iter().map(|codec| codec.name()).collect::<Vec<_>>().join(", ");
        let sent = found.encode.iter().map(|codec| codec.name()).collect::<Vec<_>>().join(", ");
        let sent = if sent.is_empty() { "none can be sent".to_owned() } else { format!("{sent} can be sent") };
        findings.push(Finding::ok("plug-ins", format!("{shown} can be shown, {sent}")));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;
    use crate::sdp::VideoCodec;

    fn of(found: Result<(), DeviceFault>, panel_runs: bool) -> Finding {
        let others = ["hw:0".to_owned(), "hw:1".to_owned()];
        let microphone = Device { check: "microphone", key: "audio.input", name: "mic", others: &others, found };
        device(&microphone, panel_runs)
    }

    #[test]
    fn a_sound_device_that_is_not_there_says_what_could_be() {
        assert_eq!(of(Ok(()), false), Finding::ok("microphone", "mic"));
        let file = FileFault::Missing.of("/a.wav");
        for (fault, remedy) in [
            (DeviceFault::None, "group audio"),
            (DeviceFault::NotNamed("mic".into()), "audio.input to one of: hw:0, hw:1"),
            (DeviceFault::Denied, "usermod -aG audio"),
            (DeviceFault::Busy, "end the program"),
            (DeviceFault::NoAnswer, "PulseAudio"),
            (DeviceFault::File(file), "audio.input"),
            (DeviceFault::NotWav("/a.wav".into()), "audio.input"),
            (DeviceFault::Unusable("mic".into()), "alsa-utils"),
            (DeviceFault::Gone, "connect a sound card"),
            (DeviceFault::Stalled, "alsa-utils"),
            (DeviceFault::System("odd".into()), "alsa-utils"),
        ] {
            let finding = of(Err(fault.clone()), false);
            assert_eq!(finding.verdict, Verdict::Problem, "{fault:?}");
            assert!(finding.remedy.contains(remedy), "{fault:?}: {}", finding.remedy);
            assert!(finding.what.contains(&fault.to_string()), "{fault:?}: {}", finding.what);
        }
    }

    #[test]
    fn a_device_that_a_running_panel_may_hold_is_no_problem() {
        assert_eq!(of(Err(DeviceFault::Busy), true).verdict, Verdict::Warning);
        assert_eq!(of(Err(DeviceFault::System("busy".into())), true).verdict, Verdict::Warning);
        assert_eq!(of(Err(DeviceFault::None), true).verdict, Verdict::Problem);
    }

    #[test]
    fn a_camera_that_cannot_be_used_is_named() {
        let path = Path::new("/dev/video0");
        assert_eq!(camera(path, Ok("vivid".into())), Finding::ok("camera", "/dev/video0 (vivid)"));
        let none = CameraFault::NoCapture { device: path.into(), name: "out".into() };
        for (fault, remedy) in [
            (CameraFault::Closed(FileFault::Missing.of(path)), "connect it"),
            (CameraFault::Closed(FileFault::NotAllowed.of(path)), "group video"),
            (CameraFault::Closed(FileFault::Busy.of(path)), "end the program"),
            (CameraFault::NoVideo(path.into()), "v4l2-ctl"),
            (none, "v4l2-ctl"),
        ] {
            let finding = camera(path, Err(fault));
            assert_eq!(finding.verdict, Verdict::Problem);
            assert!(finding.what.contains("/dev/video0") && finding.remedy.contains(remedy), "{finding:?}");
        }
        let lacking = MissingPlugin { element: "v4l2src", package: "good", disables: Disabled::Camera };
        assert_eq!(
            camera_plugin(&lacking).line(),
            "problem  camera: the camera cannot be used without v4l2src: install good"
        );
    }

    #[test]
    fn one_codec_is_enough_and_none_is_a_problem_where_pictures_are_wanted() {
        let missing = |disables| MissingPlugin { element: "h264parse", package: "bad", disables };
        let vp8 = VideoCapabilities {
            decode: vec![VideoCodec::Vp8],
            encode: vec![],
            missing: vec![missing(Disabled::Showing(VideoCodec::H264))],
        };
        let found = plugins(&vp8, true);
        assert_eq!(found[0].line(), "warning  plug-ins: H264 pictures cannot be shown without h264parse: install bad");
        assert_eq!(found[1], Finding::ok("plug-ins", "VP8 can be shown, none can be sent"));
        let none = VideoCapabilities { decode: vec![], ..vp8 };
        let more = MissingPlugin { element: "rtph264depay", package: "good", disables: none.missing[0].disables };
        let both = VideoCapabilities { missing: [none.missing.clone(), vec![more]].concat(), ..none.clone() };
        assert_eq!(
            plugins(&both, true)[0].line(),
            "problem  plug-ins: H264 pictures cannot be shown without h264parse, rtph264depay: install bad good"
        );
        assert_eq!(plugins(&none, true)[0].verdict, Verdict::Problem);
        assert_eq!(plugins(&none, false)[0].verdict, Verdict::Warning);
        let dead = plugins(&VideoCapabilities::default(), true);
        assert_eq!((dead.len(), dead[0].verdict), (1, Verdict::Problem));
        let all = VideoCapabilities { decode: vec![VideoCodec::H264], encode: vec![VideoCodec::H264], missing: vec![] };
        assert_eq!(plugins(&all, true), [Finding::ok("plug-ins", "H264 can be shown, H264 can be sent")]);
    }
}
