//! The panel against somebody else's telephone, on loopback, by UDP and by TCP: Debian's baresip, of the packages
//! baresip-core and baresip-ffmpeg, and PJSIP, whose Python module `./dev test` fetches.

#[path = "../panel/mod.rs"]
mod real_panel;

mod baresip;
mod dialled;
mod door;
mod panel;
mod pjsip;
mod pjsua;
mod relay;
mod wav;

/// What carries SIP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transport {
    Udp,
    Tcp,
}

impl Transport {
    /// What is appended to a URI that asks for it.
    fn parameter(self) -> &'static str {
        match self {
            Self::Udp => "",
            Self::Tcp => ";transport=tcp",
        }
    }
}
