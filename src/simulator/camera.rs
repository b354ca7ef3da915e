//! The camera: the painted scene, for the call and for whoever looks at the door station's window.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::scene::Scene;
use crate::frame::{Frame, FrameSlot, Pixels};
use crate::media::video::Painter;

/// Width and height in pixels.
const SIZE: (u32, u32) = (848, 480);
/// Pictures a second, in a call and in the window.
pub(super) const FPS: u32 = 20;

/// What the loop tells the painting thread of a call.
#[derive(Default)]
struct Shared {
    speaking: AtomicBool,
}

/// The camera as the loop holds it.
pub(super) struct Camera {
    shared: Arc<Shared>,
    began: Instant,
    /// Where pictures go to be looked at beside the panel, if somebody does.
    preview: Option<FrameSlot>,
    /// Paints while no call does.
    scene: Option<Scene>,
}

impl Camera {
    pub(super) fn new(began: Instant, preview: Option<FrameSlot>) -> Self {
        Self { shared: Arc::default(), began, preview, scene: None }
    }

    /// Whether the visitor's mouth moves.
    pub(super) fn set_speaking(&self, speaking: bool) {
        self.shared.speaking.store(speaking, Ordering::Relaxed);
    }

    /// A painter for a call; its pictures are looked at as well.
    pub(super) fn painter(&self) -> Box<dyn Painter> {
        let offset = self.began.elapsed();
        let (shared, preview) = (self.shared.clone(), self.preview.clone());
        Box::new(Eye { scene: Scene::new(SIZE.0, SIZE.1), shared, offset, preview })
    }

    /// Whether pictures are wanted outside calls.
    pub(super) fn is_watched(&self) -> bool {
        self.preview.is_some()
    }

    /// Paints a picture for the window.
    pub(super) fn show(&mut self, now: Instant) {
        let Some(slot) = &self.preview else { return };
        let scene = self.scene.get_or_insert_with(|| Scene::new(SIZE.0, SIZE.1));
        scene.set_speaking(self.shared.speaking.load(Ordering::Relaxed));
        put(slot, scene.frame(now.saturating_duration_since(self.began), time_of_day()));
    }
}

/// The camera as the sender of a call holds it.
struct Eye {
    scene: Scene,
    shared: Arc<Shared>,
    offset: Duration,
    preview: Option<FrameSlot>,
}

impl Painter for Eye {
    fn size(&self) -> (u32, u32) {
        SIZE
    }

    fn paint(&mut self, at: Duration, rgba: &mut [u8]) {
        self.scene.set_speaking(self.shared.speaking.load(Ordering::Relaxed));
        let picture = self.scene.frame(self.offset + at, time_of_day());
        rgba.copy_from_slice(picture);
        if let Some(slot) = &self.preview {
            put(slot, picture);
        }
    }
}

fn put(slot: &FrameSlot, picture: &[u8]) {
    let pixels = Pixels::Rgba(picture.to_vec());
    slot.put(Frame { width: SIZE.0, height: SIZE.1, pixels, decoded_at: Instant::now() });
}

/// Hours, minutes and seconds by the clock on the wall.
fn time_of_day() -> (u8, u8, u8) {
    let part = |value: i8| u8::try_from(value).unwrap_or(0);
    let now = jiff::ZonedDateTime::now();
    (part(now.hour()), part(now.minute()), part(now.second()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_call_sees_is_seen_beside_the_panel_too() {
        let slot = FrameSlot::new();
        let mut camera = Camera::new(Instant::now(), Some(slot.clone()));
        camera.show(Instant::now());
        let idle = slot.take().expect("painted outside a call");
        assert_eq!((idle.width, idle.height), SIZE);
        let mut painter = camera.painter();
        let mut rgba = vec![0; SIZE.0 as usize * SIZE.1 as usize * 4];
        painter.paint(Duration::from_secs(1), &mut rgba);
        let frame = slot.take().expect("painted in a call");
        let (Pixels::Rgba(idle), Pixels::Rgba(seen)) = (idle.pixels, frame.pixels) else { panic!("it is painted") };
        assert!(seen == rgba && seen != idle);
    }

    #[test]
    fn a_camera_that_nobody_watches_paints_for_calls_only() {
        let mut camera = Camera::new(Instant::now(), None);
        camera.show(Instant::now());
        assert!(!camera.is_watched() && camera.scene.is_none());
    }
}
