//! Twin of the simulated door station's window, beside the panel on a desk.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use screens as ui;
use slint::{ComponentHandle, PhysicalPosition, PlatformError, Timer, TimerMode};
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

use super::picture::Canvas;
use crate::channel::{DoorCommand, DoorFault, DoorPhase, DoorView};
use crate::frame::FrameSlot;

/// Between the panel's window and this one, in pixels.
const APART: i32 = 8;

/// The way to the simulated door station.
pub struct DoorPort {
    /// What a person does there.
    pub commands: UnboundedSender<DoorCommand>,
    /// What it reports.
    pub events: UnboundedReceiver<DoorView>,
    /// What its camera sees.
    pub frames: FrameSlot,
}

/// The window, alive as long as this is.
pub(super) struct Door {
    window: ui::DoorWindow,
    commands: UnboundedSender<DoorCommand>,
    _closes: Rc<Timer>,
}

impl Drop for Door {
    fn drop(&mut self) {
        let _ = self.commands.send(DoorCommand::Quit);
        let _ = self.window.hide();
    }
}

/// Opens the window at the right of the panel, which is so many pixels wide. Without a display there is nobody to look at
/// it, and it is not shown.
pub(super) fn open(port: DoorPort, has_windows: bool, panel_width: u32) -> Result<Door, PlatformError> {
    let DoorPort { commands, mut events, frames } = port;
    let window = ui::DoorWindow::new()?;
    let adapter = window.global::<ui::DoorAdapter>();
    let send = commands.clone();
    adapter.on_bell(move || {
        let _ = send.send(DoorCommand::Bell);
    });
    let send = commands.clone();
    adapter.on_hang_up(move || {
        let _ = send.send(DoorCommand::HangUp);
    });
    let send = commands.clone();
    adapter.on_choose_fault(move |fault| {
        let _ = send.send(DoorCommand::Fault(chosen(fault)));
    });

    let closes = Rc::new(Timer::default());
    let timer = closes.clone();
    let weak = window.as_weak();
    let reports = async move {
        while let Some(view) = events.recv().await {
            let Some(window) = weak.upgrade() else { return };
            apply(&window, &view);
            if view.open_until.is_some() {
                let weak = weak.clone();
                let again = Rc::downgrade(&timer);
                timer.start(TimerMode::Repeated, Duration::from_millis(250), move || {
                    let Some(window) = weak.upgrade() else { return };
                    apply(&window, &view);
                    if view.open_until.is_none_or(|until| until <= Instant::now())
                        && let Some(timer) = again.upgrade()
                    {
                        timer.stop();
                    }
                });
            }
        }
    };
    slint::spawn_local(reports).map_err(|e| PlatformError::Other(e.to_string()))?;

    if has_windows {
        let arrived = Arc::new(Notify::new());
        let waker = arrived.clone();
        frames.set_waker(move || waker.notify_one());
        let weak = window.as_weak();
        let mut canvas = Canvas::default();
        let pictures = async move {
            loop {
                arrived.notified().await;
                let Some(window) = weak.upgrade() else { return };
                if let Some(picture) = frames.take().and_then(|frame| canvas.paint(&frame)) {
                    let adapter = window.global::<ui::DoorAdapter>();
                    adapter.set_picture(picture);
                    adapter.set_has_picture(true);
                }
            }
        };
        slint::spawn_local(pictures).map_err(|e| PlatformError::Other(e.to_string()))?;
        let beside = i32::try_from(panel_width).unwrap_or(i32::MAX).saturating_add(APART);
        window.window().set_position(PhysicalPosition::new(beside, 0));
        window.show()?;
    }
    Ok(Door { window, commands, _closes: closes })
}

fn apply(window: &ui::DoorWindow, view: &DoorView) {
    let adapter = window.global::<ui::DoorAdapter>();
    let left = view.open_until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()));
    adapter.set_open(!left.is_zero());
    adapter.set_open_seconds(i32::try_from(left.as_millis().div_ceil(1000)).unwrap_or(0));
    adapter.set_phase(match view.phase {
        DoorPhase::Idle => ui::DoorPhase::Idle,
        DoorPhase::Ringing => ui::DoorPhase::Ringing,
        DoorPhase::Talking => ui::DoorPhase::Talking,
    });
    adapter.set_fault(match view.fault {
        DoorFault::None => ui::DoorFault::None,
        DoorFault::AnswersLate => ui::DoorFault::Late,
        DoorFault::NoVideo => ui::DoorFault::NoVideo,
        DoorFault::PacketLoss => ui::DoorFault::PacketLoss,
        DoorFault::HangsUp => ui::DoorFault::HangsUp,
    });
    adapter.set_note(view.note.as_str().into());
}

fn chosen(fault: ui::DoorFault) -> DoorFault {
    match fault {
        ui::DoorFault::Late => DoorFault::AnswersLate,
        ui::DoorFault::NoVideo => DoorFault::NoVideo,
        ui::DoorFault::PacketLoss => DoorFault::PacketLoss,
        ui::DoorFault::HangsUp => DoorFault::HangsUp,
        ui::DoorFault::None => DoorFault::None,
    }
}
