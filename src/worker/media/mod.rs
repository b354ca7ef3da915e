//! Sound and picture of the calls.

pub mod ports;
