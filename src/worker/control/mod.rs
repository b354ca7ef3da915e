//! The control socket: home automation, scripts and the acceptance tests speak to the panel through it.
//!
//! ```text
//! client ─line─▶ serve (one task a connection) ─protocol─▶ Call ─▶ the worker's loop ─▶ phone, or the screen
//!        ◀─line─ serve                         ◀─Outcome──────────┘        └─ status, events
//! ```

pub mod contacts;
pub mod events;
pub mod protocol;
pub mod serve;
pub mod socket;
pub mod status;
