//! Twin of the on-screen keyboard: its keys go through the window like those of a real one.

use std::rc::Rc;

use screens as ui;
use slint::ComponentHandle;

use super::finger;
use super::panel::Panel;

/// Joins the keys.
pub(super) fn connect(window: &ui::AppWindow, panel: &Rc<Panel>) {
    let here = panel.clone();
    window.global::<ui::KeyboardAdapter>().on_key(move |key| {
        here.touched();
        if let Some(window) = here.window.upgrade() {
            finger::type_text(&window, &key);
        }
    });
}
