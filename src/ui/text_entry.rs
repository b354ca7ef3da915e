//! Twin of the on-screen keyboard: its keys go through the window like those of a real one.

use slint::ComponentHandle;

use super::{finger, generated as ui};

/// Joins the keys.
pub(super) fn connect(window: &ui::AppWindow) {
    let weak = window.as_weak();
    window.global::<ui::KeyboardAdapter>().on_key(move |key| {
        if let Some(window) = weak.upgrade() {
            finger::type_text(&window, &key);
        }
    });
}
