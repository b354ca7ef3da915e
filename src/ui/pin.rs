//! Twin of the pad for the installer's PIN: what is typed stays here, and goes to the worker once it is whole.

use std::rc::Rc;
use std::time::{Duration, Instant};

use screens as ui;
use slint::ComponentHandle;

use super::panel::{Panel, State};
use super::settings;
use crate::channel::{Command, PinAnswer, PinView};
use crate::config::{Secret, is_pin};

/// The pages close so long after the last touch.
pub(super) const OPEN: Duration = Duration::from_secs(5 * 60);
/// The most digits of a PIN.
const MOST: usize = 12;

/// What somebody wants of the PIN, other than to come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Another one.
    Change,
    /// None.
    DoWithout,
}

/// What is known of the PIN, and what is typed.
#[derive(Default)]
pub(super) struct PinPad {
    view: PinView,
    purpose: Option<Purpose>,
    /// The digits that are being typed.
    entry: String,
    /// The PIN in force, as typed for a change.
    old: Option<String>,
    /// The new one, as typed the first time.
    new: Option<String>,
    /// Something was sent and not answered yet.
    waits: bool,
    message: ui::PinMessage,
}

impl PinPad {
    /// As after a report of the worker.
    #[cfg(test)]
    pub(super) fn with(view: PinView) -> Self {
        Self { view, ..Self::default() }
    }

    /// Whether there is one.
    pub(super) fn is_set(&self) -> bool {
        self.view.set
    }

    /// Whether the pages of this group are closed.
    pub(super) fn guards(&self, group: ui::SettingsGroup) -> bool {
        use ui::SettingsGroup as G;
        self.view.set && !self.view.open && matches!(group, G::Account1 | G::Account2 | G::Security)
    }

    /// Whether the pages stand open because somebody entered it.
    pub(super) fn is_open(&self) -> bool {
        self.view.set && self.view.open
    }

    /// Whether the pad is shown while `group` is open.
    pub(super) fn asks(&self, group: ui::SettingsGroup) -> bool {
        self.stage(group) != ui::PinStage::None
    }

    /// What the pad asks for while `group` is open.
    fn stage(&self, group: ui::SettingsGroup) -> ui::PinStage {
        match self.purpose {
            _ if self.guards(group) => ui::PinStage::Open,
            Some(_) if self.view.set && self.old.is_none() => ui::PinStage::Old,
            Some(Purpose::DoWithout) => ui::PinStage::Old,
            Some(Purpose::Change) if self.new.is_none() => ui::PinStage::New,
            Some(Purpose::Change) => ui::PinStage::Again,
            None => ui::PinStage::None,
        }
    }

    /// Forgets what was typed.
    pub(super) fn clear(&mut self) {
        *self = Self { view: std::mem::take(&mut self.view), waits: self.waits, ..Self::default() };
    }

    fn locked(&self, now: Instant) -> Duration {
        self.view.locked_until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now))
    }

    fn key(&mut self, digit: &str) {
        if self.entry.len() < MOST && digit.bytes().all(|byte| byte.is_ascii_digit()) {
            self.entry.push_str(digit);
            self.message = ui::PinMessage::None;
        }
    }

    /// What was typed is whole: what is to be sent for it, if anything.
    fn enter(&mut self, group: ui::SettingsGroup) -> Option<Command> {
        let stage = self.stage(group);
        if self.waits || !is_pin(&self.entry) || stage == ui::PinStage::None {
            return None;
        }
        let typed = std::mem::take(&mut self.entry);
        self.message = ui::PinMessage::None;
        let secret = Secret::from;
        let command = match stage {
            ui::PinStage::None => return None,
            ui::PinStage::Open => Command::EnterPin(secret(typed)),
            ui::PinStage::Old if self.purpose == Some(Purpose::DoWithout) => {
                Command::SetPin { old: Some(secret(typed)), new: Secret::default() }
            }
            ui::PinStage::Old => {
                self.old = Some(typed);
                return None;
            }
            ui::PinStage::New => {
                self.new = Some(typed);
                return None;
            }
            ui::PinStage::Again if self.new.as_ref() != Some(&typed) => {
                self.new = None;
                self.message = ui::PinMessage::Different;
                return None;
            }
            ui::PinStage::Again => Command::SetPin { old: self.old.clone().map(secret), new: secret(typed) },
        };
        self.waits = true;
        Some(command)
    }

    /// Takes a report of the worker.
    fn handle(&mut self, view: PinView) {
        let answer = view.answer;
        self.view = view;
        if !self.waits || answer == PinAnswer::Checking {
            return;
        }
        self.waits = false;
        (self.old, self.new) = (None, None);
        self.message = match answer {
            PinAnswer::Wrong => ui::PinMessage::Wrong,
            PinAnswer::Failed => ui::PinMessage::Failed,
            PinAnswer::None | PinAnswer::Checking | PinAnswer::Right => ui::PinMessage::None,
            PinAnswer::Changed => {
                self.purpose = None;
                ui::PinMessage::None
            }
        };
    }
}

/// Joins the keys of the pad.
pub(super) fn connect(window: &ui::AppWindow, panel: &Rc<Panel>) {
    let adapter = window.global::<ui::PinAdapter>();
    /// One key that changes what is typed.
    macro_rules! typed {
        ($on:ident, |$pad:ident $(, $argument:ident)?| $change:expr) => {
            let here = panel.clone();
            adapter.$on(move |$($argument)?| {
                here.touched();
                {
                    let $pad = &mut here.state.borrow_mut().pin;
                    $change;
                }
                show(&here);
            });
        };
    }
    typed!(on_key, |pad, digit| pad.key(&digit));
    typed!(on_delete, |pad| pad.entry.pop());
    typed!(on_clear, |pad| pad.entry.clear());
    let here = panel.clone();
    adapter.on_enter(move || {
        here.touched();
        let command = {
            let mut state = here.state.borrow_mut();
            let group = state.group;
            state.pin.enter(group)
        };
        if let Some(command) = command {
            here.send(command);
        }
        show(&here);
    });
    let here = panel.clone();
    adapter.on_cancel(move || cancel(&here));
    let here = panel.clone();
    adapter.on_tick(move || show(&here));
}

/// Somebody wants another PIN, or none.
pub(super) fn begin(panel: &Rc<Panel>, purpose: Purpose) {
    {
        let pad = &mut panel.state.borrow_mut().pin;
        pad.clear();
        pad.purpose = Some(purpose);
    }
    show(panel);
}

/// The pad is put away; from closed pages that leads to open ones.
pub(super) fn cancel(panel: &Rc<Panel>) {
    panel.touched();
    let guarded = {
        let mut state = panel.state.borrow_mut();
        state.pin.clear();
        state.pin.guards(state.group)
    };
    if guarded {
        settings::choose_group(panel, ui::SettingsGroup::Calls);
    }
    show(panel);
}

/// Takes a report of the worker.
pub(super) fn handle(panel: &Rc<Panel>, view: PinView) {
    let closed = {
        let mut state = panel.state.borrow_mut();
        let was_open = state.pin.is_open();
        state.pin.handle(view);
        was_open && !state.pin.is_open()
    };
    if closed {
        forget_drafts(&mut panel.state.borrow_mut());
    }
    if let Some(window) = panel.window.upgrade() {
        settings::apply(&window, &panel.state.borrow());
    }
    show(panel);
    // From here on the time counts after which the pages close.
    panel.touched();
}

/// What was half typed on pages that are closed now is not left for the next person.
fn forget_drafts(state: &mut State) {
    if state.pin.guards(state.group) {
        state.editing = None;
        state.trial = None;
        state.fault = None;
    }
}

/// Nobody is there any longer: what was typed is forgotten, the pages close.
pub(super) fn leave(panel: &Rc<Panel>) {
    let open = {
        let pad = &mut panel.state.borrow_mut().pin;
        pad.clear();
        pad.is_open()
    };
    if open {
        panel.send(Command::LockPin);
    }
    show(panel);
}

/// Shows the pad, or takes it away.
pub(super) fn show(panel: &Panel) {
    if let Some(window) = panel.window.upgrade() {
        apply(&window, &panel.state.borrow());
    }
}

fn apply(window: &ui::AppWindow, state: &State) {
    let adapter = window.global::<ui::PinAdapter>();
    let pad = &state.pin;
    adapter.set_stage(pad.stage(state.group));
    adapter.set_count(i32::try_from(pad.entry.len()).unwrap_or(i32::MAX));
    adapter.set_checking(pad.waits);
    adapter.set_message(pad.message);
    adapter.set_tries_left(i32::from(pad.view.tries_left));
    let locked = pad.locked(Instant::now()).as_millis().div_ceil(1000);
    adapter.set_locked(i32::try_from(locked).unwrap_or(i32::MAX));
}

#[cfg(test)]
mod tests {
    use super::*;
    use ui::{PinMessage, PinStage, SettingsGroup};

    const GROUP: SettingsGroup = SettingsGroup::Security;

    fn pad(set: bool, open: bool) -> PinPad {
        PinPad { view: PinView { set, open, tries_left: 5, ..PinView::default() }, ..PinPad::default() }
    }

    fn type_in(pad: &mut PinPad, digits: &str) -> Option<Command> {
        digits.chars().for_each(|digit| pad.key(&digit.to_string()));
        pad.enter(GROUP)
    }

    fn secret(digits: &str) -> Secret {
        Secret::from(digits.to_owned())
    }

    #[test]
    fn only_the_accounts_and_the_security_are_guarded_and_only_by_a_pin() {
        let closed = pad(true, false);
        for (group, guarded) in [
            (SettingsGroup::Calls, false),
            (SettingsGroup::Account1, true),
            (SettingsGroup::Account2, true),
            (SettingsGroup::Network, false),
            (SettingsGroup::Security, true),
        ] {
            assert_eq!(closed.guards(group), guarded, "{group:?}");
            assert!(!pad(false, false).guards(group) && !pad(true, true).guards(group), "{group:?}");
        }
    }

    #[test]
    fn a_wrong_pin_is_said_and_typed_anew() {
        let mut pad = pad(true, false);
        assert_eq!(type_in(&mut pad, "123"), None, "too short");
        assert_eq!(type_in(&mut pad, "4"), Some(Command::EnterPin(secret("1234"))));
        assert_eq!(type_in(&mut pad, "5678"), None, "the first is being checked");
        pad.entry.clear();
        pad.handle(PinView { set: true, tries_left: 4, answer: PinAnswer::Checking, ..PinView::default() });
        assert!(pad.waits);
        pad.handle(PinView { set: true, tries_left: 4, answer: PinAnswer::Wrong, ..PinView::default() });
        assert_eq!((pad.waits, pad.message, pad.entry.as_str()), (false, PinMessage::Wrong, ""));
        pad.key("1");
        assert_eq!(pad.message, PinMessage::None);
    }

    #[test]
    fn a_new_pin_is_typed_twice_and_needs_the_old_one() {
        let mut pad = pad(true, true);
        pad.purpose = Some(Purpose::Change);
        assert_eq!(pad.stage(GROUP), PinStage::Old);
        assert_eq!(type_in(&mut pad, "1111"), None);
        assert_eq!(pad.stage(GROUP), PinStage::New);
        assert_eq!(type_in(&mut pad, "2222"), None);
        assert_eq!(pad.stage(GROUP), PinStage::Again);
        assert_eq!(type_in(&mut pad, "2223"), None);
        assert_eq!((pad.stage(GROUP), pad.message), (PinStage::New, PinMessage::Different));
        type_in(&mut pad, "2222");
        let sent = type_in(&mut pad, "2222");
        assert_eq!(sent, Some(Command::SetPin { old: Some(secret("1111")), new: secret("2222") }));
        pad.handle(PinView { set: true, open: true, tries_left: 4, answer: PinAnswer::Wrong, ..PinView::default() });
        assert_eq!((pad.stage(GROUP), pad.message), (PinStage::Old, PinMessage::Wrong));
        for digits in ["1112", "2222", "2222"] {
            type_in(&mut pad, digits);
        }
        pad.handle(PinView { set: true, open: true, tries_left: 5, answer: PinAnswer::Changed, ..PinView::default() });
        assert_eq!(pad.stage(GROUP), PinStage::None);
    }

    #[test]
    fn the_first_pin_needs_none_before_it_and_doing_without_needs_the_last() {
        let mut first = pad(false, false);
        first.purpose = Some(Purpose::Change);
        assert_eq!(first.stage(GROUP), PinStage::New);
        type_in(&mut first, "4711");
        assert_eq!(type_in(&mut first, "4711"), Some(Command::SetPin { old: None, new: secret("4711") }));
        let mut last = pad(true, true);
        last.purpose = Some(Purpose::DoWithout);
        let sent = type_in(&mut last, "4711");
        assert_eq!(sent, Some(Command::SetPin { old: Some(secret("4711")), new: secret("") }));
    }

    #[test]
    fn no_more_digits_are_taken_than_a_pin_has() {
        let mut pad = pad(true, false);
        assert_eq!(type_in(&mut pad, "12345678901234"), Some(Command::EnterPin(secret("123456789012"))));
        pad.key("✳");
        assert_eq!(pad.entry, "");
    }
}
