//! The package on a machine of its own: Debian's kernel and systemd in QEMU, a screen, a touchscreen, a camera (vivid), a
//! sound card (intel-hda), and beside it, on the host, somebody else's telephone. Only what the machine shows is looked at,
//! and only its glass is touched.
//!
//! ```text
//!  QMP screendump ◀── bochs-display ◀── DRM ◀── vestibule ──▶ hda ──▶ PulseAudio on the host, compared with what was said
//!  QMP input ──▶ usb-tablet ──▶ evdev, libinput ──▶ │ ◀── vivid
//!  baresip on the host (10.0.2.2) ◀── SIP, RTP ──▶ virtio-net (10.0.2.15)
//! ```
//!
//! `./dev kiosk-test` makes the package and the disk (`packaging/image`, which also sees to it that the package installs and
//! goes as it should), gives the tests a network of their own, and runs them one after the other.

#[path = "../panel/mod.rs"]
mod real_panel;

#[path = "../rigs/mod.rs"]
mod rigs;

mod day;
mod machine;
mod port;
mod power;
mod qmp;
mod screens;
mod shell;
