//! The window as a picture.
//!
//! Slint draws the window aside for that, with a renderer that still turns it as it does for the screen: upside down comes
//! out upside down, and on its side the renderer breaks off the program, because it finds the lines of the picture too short.

use slint::{Rgba8Pixel, SharedPixelBuffer, Window};

use crate::config::Rotation;

/// Photographs a window whose screen is turned like this.
///
/// # Errors
/// What the renderer says, or that the screen is on its side.
pub(super) fn photograph(window: &Window, rotation: Rotation) -> Result<SharedPixelBuffer<Rgba8Pixel>, String> {
    if rotation.is_on_its_side() {
        return Err("no picture of the screen: it cannot be had while display.rotation is 90 or 270".into());
    }
    let mut picture = window.take_snapshot().map_err(|error| format!("no picture of the screen: {error}"))?;
    if rotation == Rotation::Half {
        picture.make_mut_slice().reverse();
    }
    Ok(picture)
}

#[cfg(test)]
mod tests {
    use slint::ComponentHandle;

    use super::*;
    use crate::ui::shots;

    #[test]
    fn a_window_is_photographed_upright_and_on_its_side_not_at_all() {
        let window = shots::window(1024, 600);
        let upright = photograph(window.window(), Rotation::None).expect("a picture");
        let half = photograph(window.window(), Rotation::Half).expect("a picture");
        assert!(upright.as_slice().iter().eq(half.as_slice().iter().rev()), "it is turned back");
        for rotation in [Rotation::Right, Rotation::Left] {
            assert!(photograph(window.window(), rotation).is_err());
        }
    }
}
