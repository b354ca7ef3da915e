//! Vestibule: the touchscreen inside a flat that answers the door.

pub mod channel;
pub mod cli;
pub mod config;
pub mod dial;
pub mod frame;
pub mod media;
pub mod phone;
pub mod rtp;
pub mod sdp;
pub mod simulator;
pub mod sip;
pub mod ui;
pub mod worker;
