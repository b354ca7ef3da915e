//! Twin of the dark page: the screen sleeps, it is woken by a touch, and at night it has other colours.

use std::rc::Rc;

use screens as ui;
use slint::ComponentHandle;

use super::pages;
use super::panel::Panel;
use crate::channel::LightView;

/// Joins the touch that wakes.
pub(super) fn connect(window: &ui::AppWindow, panel: &Rc<Panel>) {
    let here = panel.clone();
    window.global::<ui::SleepAdapter>().on_wake(move || here.touched());
}

/// Takes what the worker reports of the light.
pub(super) fn handle(panel: &Panel, window: &ui::AppWindow, view: LightView) {
    let before = std::mem::replace(&mut panel.state.borrow_mut().light, view);
    if before.night != view.night {
        pages::apply_look(window, &panel.state.borrow());
    }
    let adapter = window.global::<ui::SleepAdapter>();
    // How the dark goes away depends on the night.
    adapter.set_night(view.night);
    adapter.set_asleep(view.asleep);
}
