//! Where our own pictures come from: a table of names, the way of the settings to a camera, and a picture for tests.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::barcode::{self, Barcode};

/// Paints pictures, one after another, at the pace of the sender.
pub trait Painter: Send {
    /// Width and height of every picture in pixels, both even.
    fn size(&self) -> (u32, u32);

    /// Paints the picture of this moment since the start into `rgba`: `width * height * 4` bytes, top row first.
    fn paint(&mut self, at: Duration, rgba: &mut [u8]);
}

/// A source of pictures to send.
#[derive(Default)]
pub enum CameraSource {
    /// No camera: nothing is sent.
    #[default]
    None,
    /// A moving picture with a readable [`Barcode`].
    Test,
    /// A camera of the system, by its device file.
    V4l2(PathBuf),
    /// Pictures painted by the program, as by the simulated door station.
    Frames(Box<dyn Painter>),
}

/// How a source is written in the settings, and what it is.
pub const NAMES: &[(&str, &str)] =
    &[("none", "no camera"), ("test", "a test picture"), ("v4l2:/dev/video0", "a camera of the system")];

/// A name that stands for no camera.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no camera; write none, test or v4l2:/dev/video0")]
pub struct UnknownCamera(pub String);

impl CameraSource {
    /// The source that a setting names.
    ///
    /// # Errors
    /// [`UnknownCamera`] when it names none.
    pub fn parse(name: &str) -> Result<Self, UnknownCamera> {
        match name.split_once(':') {
            None if name == "none" => Ok(Self::None),
            None if name == "test" => Ok(Self::Test),
            Some(("v4l2", device)) if device.starts_with('/') => Ok(Self::V4l2(device.into())),
            _ => Err(UnknownCamera(name.into())),
        }
    }
}

/// The test picture: a slow colour field, a ball that bounces, and the [`Barcode`] of the moment, its clock in microseconds of the system's time.
pub struct TestPicture {
    width: u32,
    height: u32,
    counter: u32,
}

impl TestPicture {
    /// A test picture of this size in pixels.
    pub fn new(width: u32, height: u32) -> Self {
        Self { width, height, counter: 0 }
    }

    /// The clock that the barcode carries.
    pub fn clock() -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        since.as_micros() as u64 & ((1 << 48) - 1)
    }
}

impl Painter for TestPicture {
    fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    fn paint(&mut self, at: Duration, rgba: &mut [u8]) {
        let (width, height) = (self.width as usize, self.height as usize);
        let seconds = at.as_secs_f32();
        let radius = height as f32 / 10.0;
        let swing = |speed: f32, from: f32, to: f32| from + (to - from) * (0.5 - 0.5 * (seconds * speed).cos());
        let top = barcode::height(self.width) as f32 + radius;
        let ball = (swing(1.3, radius, width as f32 - radius), swing(2.1, top, height as f32 - radius));
        let drift = (seconds * 24.0) as usize;
        for (y, line) in rgba.chunks_exact_mut(width * 4).enumerate() {
            let green = (60 + y * 90 / height) as u8;
            for (x, pixel) in line.chunks_exact_mut(4).enumerate() {
                // Bands of 64 pixels that drift to the left.
                let band = ((x + drift) / 64 % 2) as u8 * 30;
                pixel.copy_from_slice(&[70 + band, green + band / 2, 120, 255]);
            }
            let dy = y as f32 - ball.1;
            if dy.abs() < radius {
                let half = (radius * radius - dy * dy).sqrt();
                let (from, to) = ((ball.0 - half).max(0.0) as usize, ((ball.0 + half) as usize).min(width));
                line[from * 4..to * 4]
                    .chunks_exact_mut(4)
                    .for_each(|pixel| pixel.copy_from_slice(&[245, 165, 36, 255]));
            }
        }
        Barcode { clock: Self::clock(), counter: self.counter }.draw(rgba, self.width, self.height);
        self.counter = self.counter.wrapping_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_the_table_is_a_camera() {
        for (name, _) in NAMES {
            assert!(CameraSource::parse(name).is_ok(), "{name}");
        }
        assert!(
            matches!(CameraSource::parse("v4l2:/dev/video7"), Ok(CameraSource::V4l2(path)) if path.as_os_str() == "/dev/video7")
        );
        for wrong in ["", "v4l2", "v4l2:", "v4l2:video0", "Test", "rtsp://x"] {
            assert_eq!(CameraSource::parse(wrong).err(), Some(UnknownCamera(wrong.into())));
        }
    }

    #[test]
    fn the_test_picture_counts_and_moves() {
        let mut picture = TestPicture::new(320, 240);
        let (mut first, mut second) = (vec![0; 320 * 240 * 4], vec![0; 320 * 240 * 4]);
        picture.paint(Duration::ZERO, &mut first);
        picture.paint(Duration::from_millis(500), &mut second);
        assert_eq!(Barcode::read(&first, 320, 240).map(|code| code.counter), Some(0));
        assert_eq!(Barcode::read(&second, 320, 240).map(|code| code.counter), Some(1));
        let below = 320 * 4 * barcode::height(320) as usize;
        assert!(first[below..] != second[below..]);
    }
}
