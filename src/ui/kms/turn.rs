//! Turns what is touched along with the picture. Slint's linuxkms backend turns the picture only.
//!
//! Each event of libinput is looked at before Slint gets it. On a turned screen a touch, and whatever else points at a place
//! (the tablet of a virtual machine), is kept from Slint, and given to the window at the place in the picture that is drawn
//! there. A mouse says only how far it moved, as whoever holds it sees the picture, and is left to Slint.
//!
//! ```text
//!  libinput ─▶ Turned::take ─▶ Input, in parts of the glass ─▶ Hand ─▶ events of the window, in its own pixels
//! ```
//! libinput could turn its devices itself, each by a matrix. But it announces a device to Slint along with the device's first
//! event, whose place is worked out by then: the first touch after each start would go astray.

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

use input::event::pointer::ButtonState;
use input::event::touch::{TouchEventPosition, TouchEventSlot};
use input::event::{DeviceEvent, EventTrait, PointerEvent, TouchEvent};
use input::{DeviceCapability, Event};
use screens as ui;
use slint::platform::{PointerEventButton, WindowEvent};
use slint::{ComponentHandle, LogicalPosition, LogicalSize, Weak};

use crate::config::Rotation;

/// A place on the glass or in the picture, from 0 to 1 from its upper left corner.
type Place = (f32, f32);

/// How finely libinput is asked for a place.
const STEPS: u32 = 1 << 16;

/// Stands between libinput and Slint.
pub(in crate::ui) struct Turned {
    rotation: Rotation,
    window: OnceCell<Weak<ui::AppWindow>>,
    hand: RefCell<Hand>,
}

impl Turned {
    /// For a screen that is turned like this.
    pub(in crate::ui) fn new(rotation: Rotation) -> Rc<Self> {
        Rc::new(Self { rotation, window: OnceCell::new(), hand: RefCell::new(Hand::new(rotation)) })
    }

    /// The window that is touched.
    pub(in crate::ui) fn show(&self, window: &ui::AppWindow) {
        self.window.set(window.as_weak()).unwrap_or_else(|_| unreachable!("there is one window on such a screen"));
    }

    /// Takes what libinput says; true keeps it from Slint.
    pub(in crate::ui) fn take(&self, event: &Event) -> bool {
        let rotation = self.rotation;
        if let Event::Device(DeviceEvent::Added(added)) = event {
            let device = added.device();
            let name = device.name();
            if device.has_capability(DeviceCapability::Touch) || device.has_capability(DeviceCapability::Pointer) {
                tracing::info!("touch: {name}, rotated by {rotation}°");
            }
        }
        if rotation == Rotation::None {
            return false;
        }
        let Some(input) = Input::of(event) else { return false };
        let Some(window) = self.window.get().and_then(Weak::upgrade) else { return false };
        let window = window.window();
        let size = window.size().to_logical(window.scale_factor());
        let Some(events) = self.hand.borrow_mut().feel(input, size) else { return false };
        for event in events {
            if let Err(error) = window.dispatch_event_with_result(event) {
                tracing::debug!("a touch was not taken: {error}");
            }
        }
        true
    }
}

/// What libinput says of places, in parts of the glass.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Input {
    /// A finger, by its number, touches the glass.
    Down(u32, Place),
    /// It moves.
    Drag(u32, Place),
    /// It has left the glass.
    Up(u32),
    /// It was none: a palm, or the edge of one.
    Cancelled(u32),
    /// A pointer is at a place.
    Point(Place),
    /// A pointer was moved from where it was.
    Push,
    /// A button of a pointer is pressed, or let go.
    Button(PointerEventButton, ButtonState),
}

impl Input {
    fn of(event: &Event) -> Option<Self> {
        let finger = |slot: Option<u32>| slot.unwrap_or(0);
        let part = |steps: f64| (steps / f64::from(STEPS)) as f32;
        let touched = |event: &dyn Fn(u32) -> (f64, f64)| {
            let (x, y) = event(STEPS);
            (part(x), part(y))
        };
        Some(match event {
            Event::Touch(TouchEvent::Down(it)) => {
                let at = touched(&|steps| (it.x_transformed(steps), it.y_transformed(steps)));
                Self::Down(finger(it.slot()), at)
            }
            Event::Touch(TouchEvent::Motion(it)) => {
                let at = touched(&|steps| (it.x_transformed(steps), it.y_transformed(steps)));
                Self::Drag(finger(it.slot()), at)
            }
            Event::Touch(TouchEvent::Up(it)) => Self::Up(finger(it.slot())),
            Event::Touch(TouchEvent::Cancel(it)) => Self::Cancelled(finger(it.slot())),
            Event::Pointer(PointerEvent::MotionAbsolute(it)) => {
                Self::Point(touched(&|steps| (it.absolute_x_transformed(steps), it.absolute_y_transformed(steps))))
            }
            Event::Pointer(PointerEvent::Motion(_)) => Self::Push,
            Event::Pointer(PointerEvent::Button(it)) => {
                // The codes of linux/input-event-codes.h.
                let button = match it.button() {
                    0x110 => PointerEventButton::Left,
                    0x111 => PointerEventButton::Right,
                    0x112 => PointerEventButton::Middle,
                    _ => PointerEventButton::Other,
                };
                Self::Button(button, it.button_state())
            }
            _ => return None,
        })
    }
}

/// The one finger that counts, and where the pointer is. Whatever other fingers do meanwhile is nothing.
#[derive(Debug)]
struct Hand {
    rotation: Rotation,
    finger: Option<(u32, LogicalPosition)>,
    pointer: Option<LogicalPosition>,
}

impl Hand {
    fn new(rotation: Rotation) -> Self {
        Self { rotation, finger: None, pointer: None }
    }

    /// What the window, which is so large, is to be told; `None` leaves it to Slint.
    fn feel(&mut self, input: Input, size: LogicalSize) -> Option<Vec<WindowEvent>> {
        let at = |place: Place| {
            let (x, y) = in_picture(self.rotation, place);
            LogicalPosition::new(x * size.width, y * size.height)
        };
        let is_it = |finger: u32| matches!(self.finger, Some((first, _)) if first == finger);
        let button = PointerEventButton::Left;
        Some(match input {
            Input::Down(finger, place) if self.finger.is_none() => {
                let position = at(place);
                self.finger = Some((finger, position));
                vec![WindowEvent::PointerMoved { position }, WindowEvent::PointerPressed { position, button }]
            }
            Input::Drag(finger, place) if is_it(finger) => {
                let position = at(place);
                self.finger = Some((finger, position));
                vec![WindowEvent::PointerMoved { position }]
            }
            Input::Up(finger) if is_it(finger) => {
                let (_, position) = self.finger.take()?;
                vec![WindowEvent::PointerReleased { position, button }, WindowEvent::PointerExited]
            }
            Input::Cancelled(finger) if is_it(finger) => {
                self.finger = None;
                vec![WindowEvent::PointerExited]
            }
            Input::Down(..) | Input::Drag(..) | Input::Up(_) | Input::Cancelled(_) => Vec::new(),
            Input::Point(place) => {
                let position = at(place);
                self.pointer = Some(position);
                vec![WindowEvent::PointerMoved { position }]
            }
            Input::Push => {
                self.pointer = None;
                return None;
            }
            Input::Button(button, state) => {
                let position = self.pointer?;
                vec![match state {
                    ButtonState::Pressed => WindowEvent::PointerPressed { position, button },
                    ButtonState::Released => WindowEvent::PointerReleased { position, button },
                }]
            }
        })
    }
}

/// The place in the picture that is drawn at this place on the glass.
fn in_picture(rotation: Rotation, (x, y): Place) -> Place {
    match rotation {
        Rotation::None => (x, y),
        Rotation::Right => (y, 1.0 - x),
        Rotation::Half => (1.0 - x, 1.0 - y),
        Rotation::Left => (1.0 - y, x),
    }
}

#[cfg(test)]
mod tests {
    use slint::platform::software_renderer::{
        MinimalSoftwareWindow, PremultipliedRgbaColor, RenderingRotation, RepaintBufferType,
    };
    use slint::platform::{Platform, WindowAdapter};
    use slint::{PhysicalSize, PlatformError};

    use super::*;

    const ALL: [Rotation; 4] = [Rotation::None, Rotation::Right, Rotation::Half, Rotation::Left];
    const LEFT: PointerEventButton = PointerEventButton::Left;

    #[test]
    fn the_corners_of_the_glass_are_those_of_the_turned_picture() {
        let upper_left = |rotation| in_picture(rotation, (0.0, 0.0));
        assert_eq!(ALL.map(upper_left), [(0.0, 0.0), (0.0, 1.0), (1.0, 1.0), (1.0, 0.0)]);
        let upper_right = |rotation| in_picture(rotation, (1.0, 0.0));
        assert_eq!(ALL.map(upper_right), [(1.0, 0.0), (0.0, 0.0), (0.0, 1.0), (1.0, 1.0)]);
        assert_eq!(ALL.map(|rotation| in_picture(rotation, (0.5, 0.5))), [(0.5, 0.5); 4]);
    }

    /// What a picture of 400 × 800, turned to the right on its glass, is told.
    fn told(inputs: &[Input]) -> Vec<Option<Vec<WindowEvent>>> {
        let mut hand = Hand::new(Rotation::Right);
        inputs.iter().map(|input| hand.feel(*input, LogicalSize::new(400.0, 800.0))).collect()
    }

    fn moved(x: f32, y: f32) -> WindowEvent {
        WindowEvent::PointerMoved { position: LogicalPosition::new(x, y) }
    }

    fn pressed(x: f32, y: f32) -> WindowEvent {
        WindowEvent::PointerPressed { position: LogicalPosition::new(x, y), button: LEFT }
    }

    fn released(x: f32, y: f32) -> WindowEvent {
        WindowEvent::PointerReleased { position: LogicalPosition::new(x, y), button: LEFT }
    }

    #[test]
    fn a_finger_presses_moves_and_leaves_where_it_is_seen() {
        let events = told(&[Input::Down(3, (0.25, 0.5)), Input::Drag(3, (0.5, 0.5)), Input::Up(3)]);
        assert_eq!(
            events,
            [
                Some(vec![moved(200.0, 600.0), pressed(200.0, 600.0)]),
                Some(vec![moved(200.0, 400.0)]),
                Some(vec![released(200.0, 400.0), WindowEvent::PointerExited]),
            ]
        );
    }

    #[test]
    fn a_second_finger_is_nothing_and_the_next_touch_counts_again() {
        let events = told(&[
            Input::Down(0, (0.0, 0.0)),
            Input::Down(1, (0.5, 0.5)),
            Input::Drag(1, (0.6, 0.5)),
            Input::Up(1),
            Input::Up(0),
            Input::Down(1, (0.5, 0.5)),
        ]);
        assert_eq!(events[1..4], [Some(vec![]), Some(vec![]), Some(vec![])]);
        assert_eq!(events[4], Some(vec![released(0.0, 800.0), WindowEvent::PointerExited]));
        assert_eq!(events[5], Some(vec![moved(200.0, 400.0), pressed(200.0, 400.0)]));
    }

    #[test]
    fn a_touch_that_was_none_presses_nothing() {
        let events = told(&[Input::Down(0, (0.0, 0.0)), Input::Cancelled(0), Input::Up(0)]);
        assert_eq!(events[1..], [Some(vec![WindowEvent::PointerExited]), Some(vec![])]);
    }

    #[test]
    fn a_tablet_is_turned_and_a_mouse_is_left_to_slint() {
        let down = Input::Button(LEFT, ButtonState::Pressed);
        let up = Input::Button(LEFT, ButtonState::Released);
        let events = told(&[down, Input::Point((0.25, 0.5)), down, up, Input::Push, down, up]);
        assert_eq!(events[0], None, "nothing has pointed anywhere yet");
        assert_eq!(events[1], Some(vec![moved(200.0, 600.0)]));
        assert_eq!(events[2..4], [Some(vec![pressed(200.0, 600.0)]), Some(vec![released(200.0, 600.0)])]);
        assert_eq!(events[4..], [None, None, None]);
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

    /// Slint draws a spot on a turned glass, a finger touches where it is seen, and that is where it lies in the picture.
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
            let (x, y) = in_picture(rotation, seen);
            let (x, y) = (x * picture.0 as f32, y * picture.1 as f32);
            assert!((x - 14.0).abs() < 0.01 && (y - 34.0).abs() < 0.01, "{rotation}: {x}, {y}");
        }
    }
}
