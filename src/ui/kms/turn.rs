//! Turns what is touched along with the picture. Slint turns the picture only; libinput turns what its devices say, each by
//! a matrix of its own, from the moment it finds the device.
//!
//! A finger's place goes through the matrix in parts of the glass, from 0 to 1 from its upper left corner:
//!
//! ```text
//!  x' = a·x + b·y + c        [a b c d e f]
//!  y' = d·x + e·y + f
//! ```
//! This holds for touchscreens and for whatever else points at a place (the tablet of a virtual machine). A mouse says only
//! how far it moved, as whoever holds it sees the picture, and is not turned.

use input::event::{DeviceEvent, EventTrait};
use input::{Device, DeviceCapability, Event};

use crate::config::Rotation;

/// Takes what libinput says before Slint does. True is to keep it from Slint: never.
pub(in crate::ui) fn turn_devices(rotation: Rotation, event: &Event) -> bool {
    if let Event::Device(DeviceEvent::Added(added)) = event {
        turn(added.device(), rotation);
    }
    false
}

fn turn(mut device: Device, rotation: Rotation) {
    let points = device.has_capability(DeviceCapability::Touch) || device.has_capability(DeviceCapability::Pointer);
    let name = device.name().into_owned();
    if !points {
        return;
    }
    if !device.config_calibration_has_matrix() {
        tracing::debug!("{name} points at no place and is not turned");
        return;
    }
    // How the sensor lies on the glass, if udev knows; the picture is turned on top of that.
    let sensor = device.config_calibration_default_matrix().unwrap_or(UPRIGHT);
    match device.config_calibration_set_matrix(behind(matrix(rotation), sensor)) {
        Ok(()) => tracing::info!("touch: {name}, rotated by {rotation}°"),
        Err(error) => tracing::warn!("touch: {name} cannot be rotated: {error:?}"),
    }
}

const UPRIGHT: [f32; 6] = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0];

/// From a place on the glass to the place in the picture that is drawn there.
fn matrix(rotation: Rotation) -> [f32; 6] {
    match rotation {
        Rotation::None => UPRIGHT,
        Rotation::Right => [0.0, 1.0, 0.0, -1.0, 0.0, 1.0],
        Rotation::Half => [-1.0, 0.0, 1.0, 0.0, -1.0, 1.0],
        Rotation::Left => [0.0, -1.0, 1.0, 1.0, 0.0, 0.0],
    }
}

/// The one matrix that does what `first` does and then what `then` does.
fn behind(then: [f32; 6], first: [f32; 6]) -> [f32; 6] {
    let [a, b, c, d, e, f] = then;
    let [p, q, r, s, t, u] = first;
    [a * p + b * s, a * q + b * t, a * r + b * u + c, d * p + e * s, d * q + e * t, d * r + e * u + f]
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use slint::platform::software_renderer::{
        MinimalSoftwareWindow, PremultipliedRgbaColor, RenderingRotation, RepaintBufferType,
    };
    use slint::platform::{Platform, WindowAdapter};
    use slint::{ComponentHandle, PhysicalSize, PlatformError};

    use super::*;

    const ALL: [Rotation; 4] = [Rotation::None, Rotation::Right, Rotation::Half, Rotation::Left];

    fn through([a, b, c, d, e, f]: [f32; 6], (x, y): (f32, f32)) -> (f32, f32) {
        (a * x + b * y + c, d * x + e * y + f)
    }

    #[test]
    fn the_corners_of_the_glass_are_those_of_the_turned_picture() {
        let upper_left = |rotation| through(matrix(rotation), (0.0, 0.0));
        assert_eq!(ALL.map(upper_left), [(0.0, 0.0), (0.0, 1.0), (1.0, 1.0), (1.0, 0.0)]);
        let upper_right = |rotation| through(matrix(rotation), (1.0, 0.0));
        assert_eq!(ALL.map(upper_right), [(1.0, 0.0), (0.0, 0.0), (0.0, 1.0), (1.0, 1.0)]);
        assert_eq!(ALL.map(|rotation| through(matrix(rotation), (0.5, 0.5))), [(0.5, 0.5); 4]);
    }

    #[test]
    fn two_turns_are_one_and_a_sensor_that_lies_askew_stays_so() {
        for rotation in ALL {
            assert_eq!(behind(matrix(rotation), UPRIGHT), matrix(rotation));
            assert_eq!(behind(UPRIGHT, matrix(rotation)), matrix(rotation));
        }
        assert_eq!(behind(matrix(Rotation::Right), matrix(Rotation::Left)), UPRIGHT);
        assert_eq!(behind(matrix(Rotation::Half), matrix(Rotation::Half)), UPRIGHT);
        assert_eq!(behind(matrix(Rotation::Right), matrix(Rotation::Right)), matrix(Rotation::Half));
        // A sensor twice as large as the glass, mounted to its left.
        let sensor = [2.0, 0.0, -1.0, 0.0, 1.0, 0.0];
        for rotation in ALL {
            let at = (0.75, 0.25);
            let expected = through(matrix(rotation), through(sensor, at));
            assert_eq!(through(behind(matrix(rotation), sensor), at), expected, "{rotation}");
        }
    }

    #[allow(missing_docs, unreachable_pub, unused, clippy::all, clippy::todo, clippy::unwrap_used)]
    mod drawn {
        slint::slint! {
            export component Spot inherits Window {
                background: black;
                Rectangle { x: 10px; y: 30px; width: 8px; height: 8px; background: white; }
            }
        }
    }

    struct Glass(Rc<MinimalSoftwareWindow>);

    impl Platform for Glass {
        fn create_window_adapter(&self) -> Result<Rc<dyn WindowAdapter>, PlatformError> {
            Ok(self.0.clone())
        }
    }

    /// The middle of what is white on a glass of `width` × `height`, in parts of it.
    fn white(window: &MinimalSoftwareWindow, rotation: RenderingRotation, (width, height): (u32, u32)) -> (f32, f32) {
        let mut glass = vec![PremultipliedRgbaColor::default(); (width * height) as usize];
        window.request_redraw();
        let drawn = window.draw_if_needed(|renderer| {
            renderer.set_rendering_rotation(rotation);
            renderer.render(&mut glass, width as usize);
        });
        assert!(drawn);
        let lit = glass.iter().enumerate().filter(|(_, pixel)| pixel.red > 128).map(|(at, _)| at as u32);
        let (mut x, mut y, mut count) = (0.0, 0.0, 0.0);
        for at in lit {
            x += (at % width) as f32 + 0.5;
            y += (at / width) as f32 + 0.5;
            count += 1.0;
        }
        assert_eq!(count, 64.0, "the spot is drawn whole");
        (x / count / width as f32, y / count / height as f32)
    }

    /// Slint draws a spot on a turned glass, a finger touches where it is seen, and the matrix leads back to where it
    /// lies in the picture.
    #[test]
    fn a_finger_on_the_turned_picture_of_slint_meets_what_it_sees() {
        let window = MinimalSoftwareWindow::new(RepaintBufferType::NewBuffer);
        slint::platform::set_platform(Box::new(Glass(window.clone()))).expect("this thread has none yet");
        let spot = drawn::Spot::new().expect("a window");
        spot.show().expect("shown");
        let glass = (100, 60);
        for (rotation, slints) in ALL.into_iter().zip([
            RenderingRotation::NoRotation,
            RenderingRotation::Rotate90,
            RenderingRotation::Rotate180,
            RenderingRotation::Rotate270,
        ]) {
            let picture = if rotation.is_on_its_side() { (glass.1, glass.0) } else { glass };
            window.set_size(PhysicalSize::new(picture.0, picture.1));
            let seen = white(&window, slints, glass);
            let (x, y) = through(matrix(rotation), seen);
            let (x, y) = (x * picture.0 as f32, y * picture.1 as f32);
            assert!((x - 14.0).abs() < 0.01 && (y - 34.0).abs() < 0.01, "{rotation}: {x}, {y}");
        }
    }
}
