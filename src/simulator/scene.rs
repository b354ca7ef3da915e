//! What the simulated door station's camera sees: two houses at dusk, a path between hedges, and a visitor with a parcel who is alive.
//!
//! Everything is drawn, nothing is loaded. The place is painted once and kept; the visitor is painted over a copy of it for each picture. All is
//! measured on a stage of 1280×720; a picture of another shape shows the middle of it.

mod backdrop;
mod brush;
mod clock;
mod visitor;

use std::time::Duration;

use tiny_skia::{Pixmap, PixmapPaint, Transform};

use brush::Brush;
use clock::Clock;

/// The stage's size, on which all is measured.
const STAGE: (f32, f32) = (1280.0, 720.0);
/// The smallest and the largest side of a picture, in pixels.
const SIDES: std::ops::RangeInclusive<u32> = 16..=4096;

/// A camera in front of the door. Set what happens by [`set_visitor`](Self::set_visitor) and [`set_speaking`](Self::set_speaking), then take
/// pictures with [`frame`](Self::frame).
pub struct Scene {
    place: Pixmap,
    picture: Pixmap,
    stage: Transform,
    clock: Clock,
    visitor: bool,
    speaking: bool,
}

impl Scene {
    /// A camera with pictures of this size in pixels, each side kept between 16 and 4096. The place is painted here, which takes some 20 ms.
    pub fn new(width: u32, height: u32) -> Self {
        let (width, height) = (width.clamp(*SIDES.start(), *SIDES.end()), height.clamp(*SIDES.start(), *SIDES.end()));
        let mut place = Pixmap::new(width, height).expect("sides are between 16 and 4096");
        let (wide, high) = (width as f32, height as f32);
        let scale = (wide / STAGE.0).max(high / STAGE.1);
        let stage = Transform::from_row(
            scale,
            0.0,
            0.0,
            scale,
            (wide - STAGE.0 * scale) / 2.0,
            // What does not fit is cut off above: the visitor's hands matter more than the sky.
            high - STAGE.1 * scale,
        );
        backdrop::paint(&mut Brush::new(&mut place, stage));
        Self { picture: place.clone(), place, stage, clock: Clock::new(scale), visitor: true, speaking: false }
    }

    /// Width and height of the pictures in pixels.
    pub fn size(&self) -> (u32, u32) {
        (self.picture.width(), self.picture.height())
    }

    /// Whether somebody stands at the door; at first somebody does.
    pub fn set_visitor(&mut self, there: bool) {
        self.visitor = there;
    }

    /// Whether the visitor speaks: the mouth moves.
    pub fn set_speaking(&mut self, speaking: bool) {
        self.speaking = speaking;
    }

    /// The picture of the moment `t` since the start, with this time of day (hours, minutes, seconds) in its corner: `width * height * 4` bytes of
    /// RGBA, top row first, valid until the next call.
    pub fn frame(&mut self, t: Duration, wall_clock: (u8, u8, u8)) -> &[u8] {
        self.picture.data_mut().copy_from_slice(self.place.data());
        if self.visitor {
            visitor::paint(&mut Brush::new(&mut self.picture, self.stage), t.as_secs_f32(), self.speaking);
        }
        let (face, at) = self.clock.face(wall_clock);
        self.picture.as_mut().draw_pixmap(at, at, face, &PixmapPaint::default(), Transform::identity(), None);
        self.picture.data()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: (u8, u8, u8) = (18, 42, 7);

    fn differing(a: &[u8], b: &[u8]) -> usize {
        a.chunks_exact(4).zip(b.chunks_exact(4)).filter(|(a, b)| a != b).count()
    }

    #[test]
    fn pictures_are_opaque_and_of_the_size_asked_for() {
        for (width, height) in [(640, 480), (1280, 720), (320, 240), (1, 9000)] {
            let mut scene = Scene::new(width, height);
            let (width, height) = scene.size();
            let picture = scene.frame(Duration::from_secs(3), TIME);
            assert_eq!(picture.len(), (width * height * 4) as usize);
            assert!(picture.chunks_exact(4).all(|pixel| pixel[3] == 255));
        }
    }

    #[test]
    fn the_visitor_moves_speaks_and_goes() {
        let mut scene = Scene::new(320, 240);
        let still = scene.frame(Duration::from_millis(1500), TIME).to_vec();
        let later = scene.frame(Duration::from_millis(2500), TIME).to_vec();
        assert!(differing(&still, &later) > 1000);
        scene.set_speaking(true);
        let mouths = (0..5).map(|n| scene.frame(Duration::from_millis(1500 + n * 40), TIME).to_vec());
        let quiet: Vec<_> = {
            let mut quiet = Scene::new(320, 240);
            (0..5).map(|n| quiet.frame(Duration::from_millis(1500 + n * 40), TIME).to_vec()).collect()
        };
        assert!(mouths.zip(&quiet).any(|(a, b)| differing(&a, b) > 5));
        scene.set_visitor(false);
        let alone = scene.frame(Duration::from_millis(1500), TIME).to_vec();
        assert!(differing(&still, &alone) > 10_000);
        assert_eq!(alone, scene.frame(Duration::from_secs(60), TIME));
    }

    #[test]
    fn the_clock_shows_the_time() {
        let mut scene = Scene::new(640, 480);
        scene.set_visitor(false);
        let one = scene.frame(Duration::ZERO, (18, 42, 7)).to_vec();
        let two = scene.frame(Duration::ZERO, (18, 42, 8)).to_vec();
        assert!((10..2000).contains(&differing(&one, &two)));
    }
}
