//! The screen. The only room that says slint: [`run`] opens the window, shows what the worker reports and sends it what
//! a person does.
//!
//! [`Panel`] holds what is known; each page has a twin with `connect` (taps become commands) and `apply` (what is known
//! becomes properties). Nothing is shown that the worker has not reported.

mod account;
mod call;
mod contacts;
mod convert;
mod dial;
mod door;
mod finger;
mod gallery;
mod home;
pub mod kms;
mod light;
mod locale;
mod log;
mod notices;
mod offscreen;
mod pages;
mod panel;
mod photograph;
mod picture;
mod pin;
mod rules;
mod settings;
#[cfg(test)]
mod shots;
mod state;
mod text_entry;
mod unlock;
mod zoom;

use std::rc::Rc;

use slint::{BackendSelector, ComponentHandle, PhysicalPosition, PhysicalSize, PlatformError};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

use crate::channel::{Command, Event};
use crate::config::Scale;
use crate::frame::FrameSlot;
use kms::{Screen, Surface, Turned};
use panel::Panel;

pub use door::DoorPort;

/// How the screen is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// The screen that was found.
    pub screen: Screen,
    /// Width and height in pixels; the panel's own screen has its own size.
    pub size: (u32, u32),
    /// How large everything is drawn at first.
    pub scale: Scale,
}

/// Why the screen could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("the screen cannot be opened: {0}")]
pub struct UiError(#[from] PlatformError);

/// The ends of the channels that the screen holds.
pub struct Ends {
    /// What a person does.
    pub commands: UnboundedSender<Command>,
    /// What the worker reports.
    pub events: UnboundedReceiver<Event>,
    /// The picture of the call on the screen.
    pub frames: FrameSlot,
    /// The simulated door station beside the panel, if there is one.
    pub door: Option<DoorPort>,
}

/// Shows the panel until the worker has left or the window is closed.
///
/// # Errors
/// When there is no such display, or its renderer fails.
pub fn run(options: Options, ends: Ends) -> Result<(), UiError> {
    let panel_slot = Rc::new(std::cell::OnceCell::<Rc<Panel>>::new());
    let Options { screen, size, scale } = options;
    let software = || BackendSelector::new().renderer_name("software".into());
    let turned = Turned::new(screen.rotation);
    match screen.surface {
        Surface::Window => software().backend_name("winit".into()).select()?,
        Surface::Drm { .. } | Surface::Framebuffer { .. } => {
            let turned = turned.clone();
            software()
                .backend_name("linuxkms".into())
                .with_libinput_event_hook(move |event| turned.take(event))
                .select()?;
        }
        Surface::Memory => {
            let drawn = panel_slot.clone();
            let platform = offscreen::Offscreen::new(move || {
                if let Some(panel) = drawn.get() {
                    panel.drawn();
                }
            });
            slint::platform::set_platform(Box::new(platform)).map_err(|e| PlatformError::Other(e.to_string()))?;
        }
    }
    let window = screens::AppWindow::new()?;
    turned.show(&window);
    if !screen.surface.is_own() {
        window.window().set_size(PhysicalSize::new(size.0, size.1));
    }
    if screen.surface == Surface::Window && ends.door.is_some() {
        // Where nobody arranges windows they would lie on top of each other.
        window.window().set_position(PhysicalPosition::new(0, 0));
    }
    let panel = Panel::new(&window, ends.commands, screen.surface == Surface::Memory);
    panel_slot.set(panel.clone()).unwrap_or_else(|_| unreachable!("set once, here"));
    panel.connect();
    panel.watch_frames(ends.frames);
    let listener =
        slint::spawn_local(listen(panel.clone(), ends.events)).map_err(|e| PlatformError::Other(e.to_string()))?;
    let has_windows = screen.surface == Surface::Window;
    let door_window = ends.door.map(|port| door::open(port, has_windows, size.0)).transpose()?;
    window.show()?;
    panel.zoom.open(window.window(), screen.rotation);
    panel.zoom.apply(window.window(), scale);
    let shown = window.window().size();
    screen.log((shown.width, shown.height), window.window().scale_factor());
    slint::run_event_loop_until_quit()?;
    listener.abort();
    panel.leave();
    drop(door_window);
    window.hide()?;
    Ok(())
}

/// Takes what the worker reports until it has left.
async fn listen(panel: Rc<Panel>, mut events: UnboundedReceiver<Event>) {
    while let Some(event) = events.recv().await {
        if matches!(event, Event::Bye) {
            break;
        }
        panel.handle_event(event);
    }
    if let Err(error) = slint::quit_event_loop() {
        tracing::debug!("the event loop has ended already: {error}");
    }
}
