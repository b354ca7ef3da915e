//! Whether a camera of the system is there and takes pictures, without starting it.

use std::fs::OpenOptions;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use crate::config::{FileError, FileFault};

/// `VIDIOC_QUERYCAP`: what a device is and can do. It reads a [`Capability`].
const QUERY: libc::Ioctl = 0x8068_5600;
/// It gives pictures, each in one piece.
const CAPTURE: u32 = 0x0000_0001;
/// It gives pictures, each in several planes.
const CAPTURE_PLANES: u32 = 0x0000_1000;
/// What this node can do stands beside what the whole device can.
const OF_NODE: u32 = 0x8000_0000;

/// `struct v4l2_capability`.
#[repr(C)]
#[derive(Default)]
struct Capability {
    driver: [u8; 16],
    card: [u8; 32],
    bus: [u8; 32],
    version: u32,
    of_device: u32,
    of_node: u32,
    reserved: [u32; 3],
}

/// Why a device file is no camera that can be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CameraFault {
    /// It cannot be opened.
    #[error(transparent)]
    Closed(#[from] FileError),
    /// It does not speak V4L2.
    #[error("{} is no video device", .0.display())]
    NoVideo(PathBuf),
    /// It shows pictures, or says something about them, and takes none.
    #[error("{} ({name}) takes no pictures", .device.display())]
    NoCapture {
        /// The device file.
        device: PathBuf,
        /// What it calls itself.
        name: String,
    },
}

/// What the camera with this device file calls itself.
///
/// # Errors
/// Why it cannot be used.
pub fn look(device: &Path) -> Result<String, CameraFault> {
    let capability = query(device)?;
    let name = text(&capability.card);
    if takes_pictures(capability.of_device, capability.of_node) {
        Ok(name)
    } else {
        Err(CameraFault::NoCapture { device: device.to_owned(), name })
    }
}

#[allow(unsafe_code)]
fn query(device: &Path) -> Result<Capability, CameraFault> {
    let file = OpenOptions::new().read(true).write(true).open(device);
    let file = file.map_err(|error| FileFault::from(error).of(device))?;
    let mut capability = Capability::default();
    // SAFETY: the file is open while it is borrowed, and the call fills a structure of exactly this layout.
    let outcome = unsafe { libc::ioctl(file.as_raw_fd(), QUERY, &raw mut capability) };
    if outcome == 0 { Ok(capability) } else { Err(CameraFault::NoVideo(device.to_owned())) }
}

fn takes_pictures(of_device: u32, of_node: u32) -> bool {
    let can = if of_device & OF_NODE == 0 { of_device } else { of_node };
    can & (CAPTURE | CAPTURE_PLANES) != 0
}

/// The text before the first zero, without what cannot be printed.
fn text(bytes: &[u8]) -> String {
    let length = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..length]).chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_structure_is_that_of_the_kernel() {
        // The size is part of the number of the call.
        assert_eq!(size_of::<Capability>() as libc::Ioctl, (QUERY >> 16) & 0x3fff);
    }

    #[test]
    fn what_is_no_camera_is_told_apart() {
        let missing = Path::new("/nonexistent/video0");
        assert_eq!(look(missing), Err(CameraFault::Closed(FileFault::Missing.of(missing))));
        let null = Path::new("/dev/null");
        assert_eq!(look(null), Err(CameraFault::NoVideo(null.into())));
        assert_eq!(look(null).map_err(|fault| fault.to_string()), Err("/dev/null is no video device".to_owned()));
    }

    #[test]
    fn what_the_node_can_do_counts_where_it_is_said() {
        assert!(takes_pictures(CAPTURE, 0));
        assert!(takes_pictures(OF_NODE, CAPTURE_PLANES));
        // The second node of a camera, which only describes the pictures of the first.
        assert!(!takes_pictures(OF_NODE | CAPTURE, 0x0080_0000));
        assert!(!takes_pictures(2, 0));
    }

    #[test]
    fn a_name_ends_at_its_zero_and_is_printable() {
        assert_eq!(text(b"USB\x07 camera\0\0junk"), "USB camera");
        assert_eq!(text(b"vivid"), "vivid");
    }
}
