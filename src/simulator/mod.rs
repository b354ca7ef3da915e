//! The door station of the desktop simulator.

pub mod scene;
