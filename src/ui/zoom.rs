//! How large everything is drawn: `display.scale`, in force at once.
//!
//! The pages need [`LEAST`] of their own pixels. On a screen that has no more than that they are drawn no larger, and on
//! one that has less they are drawn smaller, so that nothing ever lies beyond its edge.

use std::cell::Cell;

use slint::platform::WindowEvent;
use slint::{LogicalSize, PhysicalSize, Window};

use super::photograph::photograph;
use crate::config::{Rotation, Scale};

/// Width and height that the pages need, in their own pixels.
const LEAST: (f32, f32) = (800.0, 480.0);

/// Scales the window.
#[derive(Default)]
pub(super) struct Zoom {
    /// The scale factor of the display itself; none before the window is shown.
    display: Cell<Option<f32>>,
    /// How the screen is turned.
    rotation: Cell<Rotation>,
}

impl Zoom {
    /// The window is shown, on a screen that is turned like this: from now on it can be scaled.
    pub(super) fn open(&self, window: &Window, rotation: Rotation) {
        self.display.set(Some(window.scale_factor()));
        self.rotation.set(rotation);
    }

    /// How the screen is turned.
    pub(super) fn rotation(&self) -> Rotation {
        self.rotation.get()
    }

    /// Draws the window at this scale from now on, or as near to it as there is room.
    pub(super) fn apply(&self, window: &Window, scale: Scale) {
        let Some(display) = self.display.get() else { return };
        let PhysicalSize { width, height, .. } = window.size();
        let factor = factor(display * scale.factor(), (width, height));
        if (factor - window.scale_factor()).abs() < 0.001 {
            return;
        }
        let size = LogicalSize::new(logical(width, factor), logical(height, factor));
        for event in [WindowEvent::ScaleFactorChanged { scale_factor: factor }, WindowEvent::Resized { size }] {
            if let Err(error) = window.dispatch_event_with_result(event) {
                tracing::debug!("the window cannot be scaled: {error}");
            }
        }
        // What has not moved in the pages' own pixels would be left as it is; drawn aside once, all of it counts as new.
        // A screen on its side goes without: through DRM all is drawn each time, on the framebuffer at the next page.
        if let Err(error) = photograph(window, self.rotation.get()) {
            tracing::debug!("the window is not drawn anew: {error}");
        }
        window.request_redraw();
    }
}

/// The scale factor that is wanted, if the pages find room on a screen of this size.
fn factor(wanted: f32, (width, height): (u32, u32)) -> f32 {
    let room = (width as f32 / LEAST.0).min(height as f32 / LEAST.1);
    // A window that has no size yet has no room either; it will have.
    if room > 0.0 { wanted.min(room) } else { wanted }
}

/// The pages' own pixels of so many pixels of the screen: never so few that a line at the edge is left undrawn.
fn logical(pixels: u32, factor: f32) -> f32 {
    let own = pixels as f32 / factor;
    if own * factor < pixels as f32 { own.next_up() } else { own }
}

#[cfg(test)]
mod tests {
    use slint::ComponentHandle;

    use super::*;
    use crate::ui::shots;
    use screens as ui;

    #[test]
    fn the_scale_is_the_one_that_is_set_as_far_as_there_is_room() {
        assert_eq!(factor(1.0, (1024, 600)), 1.0);
        assert_eq!(factor(1.5, (1280, 800)), 1.6_f32.min(1.5));
        assert_eq!(factor(3.0, (1280, 800)), 1.6);
        assert_eq!(factor(2.0, (800, 480)), 1.0);
        // Smaller than the pages, and a glass on its side.
        assert_eq!(factor(1.0, (640, 480)), 0.8);
        assert_eq!(factor(1.0, (600, 1024)), 0.75);
        assert_eq!(factor(1.5, (0, 0)), 1.5);
    }

    #[test]
    fn no_line_at_the_edge_is_lost_by_rounding() {
        for pixels in [480, 600, 720, 800, 1024, 1080, 1280, 1366, 1920, 2560, 3840] {
            for word in Scale::WORDS {
                let factor = Scale::from_word(word).map_or(1.0, Scale::factor);
                assert_eq!((logical(pixels, factor) * factor) as u32, pixels, "{pixels} at {word} %");
            }
        }
    }

    #[test]
    fn the_pages_have_fewer_pixels_of_their_own_and_the_picture_as_many_as_before() {
        let window = shots::window(1280, 800);
        let pages = |window: &ui::AppWindow| {
            let theme = window.global::<ui::Theme>();
            slint::platform::update_timers_and_animations();
            (theme.get_screen_width(), theme.get_screen_height())
        };
        let zoom = Zoom::default();
        zoom.apply(window.window(), Scale::P150);
        assert_eq!(window.window().scale_factor(), 1.0, "the window is not open yet");
        zoom.open(window.window(), Rotation::None);
        let plain = window.window().take_snapshot().expect("a picture");
        zoom.apply(window.window(), Scale::P150);
        let large = window.window().take_snapshot().expect("a picture");
        assert_eq!((large.width(), large.height()), (1280, 800));
        let (width, height) = pages(&window);
        assert!((width - 1280.0 / 1.5).abs() < 0.01 && (height - 800.0 / 1.5).abs() < 0.01, "{width} × {height}");
        assert!(large.as_bytes() != plain.as_bytes());
        // Nothing beyond the edge: the last column and the last line are drawn too.
        let edges = (0..800).map(|y| (1279, y)).chain((0..1280).map(|x| (x, 799)));
        for (x, y) in edges {
            assert_eq!(large.as_slice()[y * 1280 + x].a, 255, "{x}, {y}");
        }
        zoom.apply(window.window(), Scale::Normal);
        assert_eq!(pages(&window), (1280.0, 800.0));
        assert!(window.window().take_snapshot().expect("a picture").as_bytes() == plain.as_bytes());
    }
}
