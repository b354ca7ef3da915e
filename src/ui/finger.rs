//! A finger for scripts: presses what bears a label, types, and photographs the screen.
//!
//! A press goes through the window as a pointer event at the middle of the element, so what a finger could not reach is
//! not pressed either.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::time::Duration;

use i_slint_backend_testing::{AccessibleRole, ElementHandle, ElementRoot};
use slint::platform::{PointerEventButton, WindowEvent};
use slint::{ComponentHandle, LogicalPosition, Timer};

/// How long the finger stays down: long enough to be seen, too short for a long press.
const TOUCH: Duration = Duration::from_millis(40);

/// Presses the element on the screen whose accessible label, or whose English name, is `label`, and calls `lifted` when
/// the finger has left it again.
///
/// # Errors
/// A sentence when nothing on the screen bears the label, or when it is switched off; `lifted` is not called then.
pub(super) fn press<C: ComponentHandle + ElementRoot + 'static>(
    component: &C,
    label: &str,
    lifted: impl FnOnce() + 'static,
) -> Result<(), String> {
    let at = target(component, label)?;
    let window = component.window();
    send(window, WindowEvent::PointerMoved { position: at });
    send(window, WindowEvent::PointerPressed { position: at, button: PointerEventButton::Left });
    let weak = component.as_weak();
    Timer::single_shot(TOUCH, move || {
        if let Some(component) = weak.upgrade() {
            let window = component.window();
            send(window, WindowEvent::PointerReleased { position: at, button: PointerEventButton::Left });
            send(window, WindowEvent::PointerExited);
        }
        lifted();
    });
    Ok(())
}

/// Where to press for `label`.
fn target<C: ComponentHandle + ElementRoot>(component: &C, label: &str) -> Result<LogicalPosition, String> {
    let window = component.window();
    let size = window.size().to_logical(window.scale_factor());
    let on_screen = |element: &ElementHandle| {
        let (at, extent) = (element.absolute_position(), element.size());
        let middle = LogicalPosition::new(at.x + extent.width / 2.0, at.y + extent.height / 2.0);
        let inside = middle.x >= 0.0 && middle.y >= 0.0 && middle.x < size.width && middle.y < size.height;
        (inside && extent.width > 0.0 && extent.height > 0.0 && element.computed_opacity() > 0.0).then_some(middle)
    };
    let mut found = ElementHandle::find_by_accessible_label(component, label).collect::<Vec<_>>();
    if found.is_empty() {
        let name = label.to_owned();
        found = i_slint_backend_testing::ElementQuery::from_root(component)
            .match_descendants()
            .match_predicate(move |element| element.accessible_id().is_some_and(|id| id == name))
            .find_all();
    }
    // The word on a key bears the key's label too, but is no key itself: it knows nothing of being switched off.
    let is_something = |element: &ElementHandle| element.accessible_role() != Some(AccessibleRole::None);
    if found.iter().any(is_something) {
        found.retain(is_something);
    }
    let mut disabled = false;
    for element in &found {
        if element.accessible_enabled() == Some(false) {
            disabled = true;
        } else if let Some(middle) = on_screen(element) {
            return Ok(middle);
        }
    }
    Err(if disabled {
        format!("'{label}' cannot be pressed now")
    } else {
        format!("nothing on the screen is called '{label}'")
    })
}

/// Types `text` as a keyboard would.
pub(super) fn type_text(component: &impl ComponentHandle, text: &str) {
    for key in text.chars() {
        let text = slint::SharedString::from(key);
        send(component.window(), WindowEvent::KeyPressed { text: text.clone() });
        send(component.window(), WindowEvent::KeyReleased { text });
    }
}

/// Writes the window as it is now to a PNG file.
///
/// # Errors
/// What the renderer or the file system says.
pub(super) fn screenshot(component: &impl ComponentHandle, file: &Path) -> Result<(), String> {
    let picture = component.window().take_snapshot().map_err(|e| format!("no picture of the screen: {e}"))?;
    let named = |e: &dyn std::fmt::Display| format!("{}: {e}", file.display());
    let sink = BufWriter::new(File::create(file).map_err(|e| named(&e))?);
    let mut encoder = png::Encoder::new(sink, picture.width(), picture.height());
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(|e| named(&e))?;
    writer.write_image_data(picture.as_bytes()).map_err(|e| named(&e))?;
    writer.finish().map_err(|e| named(&e))
}

/// A window that closes meanwhile takes no events; then there is nobody to tell.
fn send(window: &slint::Window, event: WindowEvent) {
    if let Err(error) = window.dispatch_event_with_result(event) {
        tracing::debug!("pointer event not taken: {error}");
    }
}
