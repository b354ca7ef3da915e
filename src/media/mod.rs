//! Sound and pictures: devices, codecs and the threads that run them.

pub mod video;
