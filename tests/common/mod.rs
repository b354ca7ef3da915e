//! Two panels and a door station on a simulated network: seeded, lossy if wanted, with a virtual clock. Nothing here
//! sleeps, opens a socket or asks the system for anything.

mod door;
mod house;
pub mod lies;
mod panel;
mod pbx;
mod talk;

pub use door::Door;
pub use house::{DOOR, House, Node, NodeName, ONE, OTHER, PANEL, PBX, PBX_2, TWO, address, outside};
pub use panel::{Disk, Panel};
pub use pbx::{Pbx, Registrar};
pub use talk::{FRAME, Talk};

use std::time::Duration;

/// Milliseconds.
pub fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// Seconds.
pub fn s(count: u64) -> Duration {
    Duration::from_secs(count)
}
