//! Comes with its room.
