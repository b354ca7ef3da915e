//! What the panel is tried against, started by a test on free ports of loopback and ended with it: telephones and
//! servers of somebody else, certificates made on the spot, and the panel itself with ears and eyes.

// Each test target uses its own part of this.
#![allow(dead_code)]

pub mod accounts;
pub mod baresip;
pub mod certificates;
pub mod digest;
pub mod dnsmasq;
pub mod flat;
pub mod kamailio;
pub mod process;
pub mod pulse;
pub mod relay;
pub mod scripted;
pub mod sipvicious;
pub mod wav;

use std::fmt;

/// What carries SIP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    Udp,
    Tcp,
    Tls,
}

/// As `status` says it: `udp`, `tcp`, `tls`.
impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        })
    }
}

impl Transport {
    /// What is appended to a URI that asks for it.
    pub fn parameter(self) -> &'static str {
        match self {
            Self::Udp => "",
            Self::Tcp => ";transport=tcp",
            Self::Tls => ";transport=tls",
        }
    }
}
