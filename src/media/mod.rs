//! Sound and pictures: devices and the threads that serve them, each behind a small trait with a fake beside it.
//!
//! Nothing here knows what a call *means*: the worker starts, feeds and stops streams by a [`CallKey`] of its choosing.

pub mod agreed;
pub mod audio;
pub mod video;

/// Names one call to the media engines. The number is the caller's; it is only compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallKey(pub u32);
