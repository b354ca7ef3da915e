//! What is told of GStreamer plug-ins that are missing.

use crate::channel::NoticeKind;
use crate::media::video::{Disabled, MissingPlugin};

/// The one notice about all that is missing; the camera's plug-ins concern nobody who has none.
pub(super) fn without(missing: &[MissingPlugin], has_camera: bool) -> Option<NoticeKind> {
    let (mut show, mut send, mut packages) = (Vec::new(), Vec::new(), Vec::new());
    for plugin in missing {
        let (formats, codec) = match plugin.disables {
            Disabled::Showing(codec) => (&mut show, codec),
            Disabled::Sending(codec) if has_camera => (&mut send, codec),
            Disabled::Sending(_) | Disabled::Keeping | Disabled::Camera => continue,
        };
        if !formats.contains(&codec.name()) {
            formats.push(codec.name());
        }
        if !packages.contains(&plugin.package) {
            packages.push(plugin.package);
        }
    }
    (!packages.is_empty()).then_some(NoticeKind::MissingPlugins { show, send, packages })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sdp::VideoCodec;

    #[test]
    fn a_gstreamer_without_plugins_is_one_notice() {
        let lacks = |package, disables| MissingPlugin { element: "any", package, disables };
        let missing = [
            lacks("good", Disabled::Showing(VideoCodec::H264)),
            lacks("bad", Disabled::Showing(VideoCodec::H264)),
            lacks("ugly", Disabled::Sending(VideoCodec::H264)),
            lacks("good", Disabled::Showing(VideoCodec::Vp8)),
            lacks("good", Disabled::Sending(VideoCodec::Vp8)),
        ];
        let words = |missing, has_camera| without(missing, has_camera).map(|notice| notice.to_string());
        assert_eq!(
            words(&missing, true).as_deref(),
            Some(
                "H264 and VP8 pictures cannot be shown, H264 and VP8 pictures cannot be sent: install good, bad, ugly"
            )
        );
        assert_eq!(words(&missing, false).as_deref(), Some("H264 and VP8 pictures cannot be shown: install good, bad"));
        assert_eq!(words(&missing[4..], false), None);
    }
}
