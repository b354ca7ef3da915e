//! The only IO of SIP and RTP.

pub mod control;
pub mod files;
pub mod media;
pub mod net;
#[cfg(test)]
mod testing;
pub mod trace;
