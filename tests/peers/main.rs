//! The panel against somebody else's telephone, on loopback, by UDP and by TCP: Debian's baresip, of the packages
//! baresip-core and baresip-ffmpeg, and PJSIP, whose Python module `./dev test` fetches.

#[path = "../panel/mod.rs"]
mod real_panel;

#[path = "../rigs/mod.rs"]
mod rigs;

mod dialled;
mod door;
mod pjsip;
mod pjsua;
mod relay;
mod visitors;
