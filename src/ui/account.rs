//! Twin of the accounts wherever they are shown: their labels, their page in the settings with its live status, a trial,
//! and the question whether a call is to go through the other one.

use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};

use screens as ui;
use slint::ComponentHandle;

use super::convert;
use super::panel::{Panel, State};
use crate::channel::{AccountFault, AccountTestView, Command, RegistrationState, RegistrationView, TestStep};
use crate::config::Account;

/// The end of our own certificate is said so many days before.
const CERTIFICATE_WARNED: i64 = 30;

const DAY_S: i64 = 24 * 60 * 60;

/// A trial that somebody looks at.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Trial {
    account: Account,
    /// As the worker reported it; nothing before it has.
    view: Option<AccountTestView>,
}

/// The account whose page a group is.
pub(super) fn account_of(group: ui::SettingsGroup) -> Option<Account> {
    match group {
        ui::SettingsGroup::Account1 => Some(Account::One),
        ui::SettingsGroup::Account2 => Some(Account::Two),
        _ => None,
    }
}

/// Joins the Test key and the answers about the other account.
pub(super) fn connect(window: &ui::AppWindow, panel: &Rc<Panel>) {
    let adapter = window.global::<ui::SettingsAdapter>();
    let here = panel.clone();
    adapter.on_test(move || {
        here.touched();
        let account = account_of(here.state.borrow().group);
        if let Some(account) = account {
            here.change(|state| state.trial = Some(Trial { account, view: None }));
            here.send(Command::TestAccount(account));
        }
    });
    let here = panel.clone();
    adapter.on_test_seen(move || {
        here.touched();
        here.change(|state| state.trial = None);
    });
    let here = panel.clone();
    adapter.on_tick(move || {
        if let Some(window) = here.window.upgrade() {
            apply(&window, &here.state.borrow());
        }
    });
    let notices = window.global::<ui::NoticesAdapter>();
    let here = panel.clone();
    notices.on_call_other(move || {
        here.touched();
        let (text, unregistered) = {
            let state = here.state.borrow();
            (state.dialled.clone(), state.unregistered)
        };
        here.change(|state| state.unregistered = None);
        if let (Some(text), Some(unregistered)) = (text, unregistered) {
            here.send(Command::Dial { text, account: convert::choice_of(unregistered.other()) });
        }
    });
    let here = panel.clone();
    notices.on_call_nobody(move || {
        here.touched();
        here.change(|state| state.unregistered = None);
    });
}

/// Takes a report about a trial; one that nobody looks at is left alone.
pub(super) fn handle_test(state: &mut State, view: AccountTestView) {
    if let Some(trial) = state.trial.as_mut().filter(|trial| trial.account.number() == view.account) {
        trial.view = Some(view);
    }
}

/// Labels, status and trial.
pub(super) fn apply(window: &ui::AppWindow, state: &State) {
    let labels = window.global::<ui::Accounts>();
    let [first, second] = &state.registrations;
    labels.set_first(first.label.trim().into());
    labels.set_second(second.label.trim().into());
    let adapter = window.global::<ui::SettingsAdapter>();
    if let Some(account) = account_of(state.group)
        && let Some(view) = state.registrations.get(account.index())
    {
        let status = status(view, Instant::now(), SystemTime::now());
        if adapter.get_status() != status {
            adapter.set_status(status);
        }
    }
    let trial = state.trial.as_ref().filter(|trial| account_of(state.group) == Some(trial.account));
    adapter.set_testing(trial.is_some() && !state.pin.guards(state.group));
    adapter.set_trial(trial.map(|trial| test(trial.view.as_ref())).unwrap_or_default());
    let notices = window.global::<ui::NoticesAdapter>();
    notices.set_unregistered(state.unregistered.map_or(0, |account| i32::from(account.number())));
}

fn status(view: &RegistrationView, now: Instant, wall: SystemTime) -> ui::AccountStatus {
    let left = |at: Option<Instant>| at.map(|at| at.saturating_duration_since(now));
    let seconds = |left: Duration| i32::try_from(left.as_millis().div_ceil(1000)).unwrap_or(i32::MAX);
    let minutes = |left: Duration| i32::try_from(left.as_secs().div_ceil(60)).unwrap_or(i32::MAX);
    let registered = view.state == RegistrationState::Registered;
    let days = view.certificate_expires.map(|at| days_until(at, wall));
    ui::AccountStatus {
        state: convert::registration_state(view.state),
        fault: view.fault.as_ref().map(convert::account_fault).unwrap_or_default(),
        minutes: left(view.expires_at).filter(|_| registered).map_or(0, minutes),
        next_try: left(view.next_try_at).filter(|_| view.state == RegistrationState::Failed).map_or(-1, seconds),
        via: view.via.clone().unwrap_or_default().into(),
        proxy: convert::proxy(view.proxy),
        certificate_ends: days.is_some_and(|days| days <= CERTIFICATE_WARNED),
        certificate_days: days.and_then(|days| i32::try_from(days).ok()).unwrap_or(0),
    }
}

/// Whole days until `at`; less than none when it is over.
pub(super) fn days_until(at: SystemTime, wall: SystemTime) -> i64 {
    let seconds = match at.duration_since(wall) {
        Ok(left) => i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
        Err(over) => -i64::try_from(over.duration().as_secs()).unwrap_or(i64::MAX).max(1),
    };
    seconds.div_euclid(DAY_S)
}

fn test(view: Option<&AccountTestView>) -> ui::AccountTestView {
    let Some(view) = view else { return ui::AccountTestView { step: -1, ..Default::default() } };
    let step = match &view.outcome {
        Some(Err(fault)) => view.step.min(step_of(fault)),
        _ => view.step,
    };
    ui::AccountTestView {
        step: step as i32,
        over: view.outcome.is_some(),
        works: view.outcome == Some(Ok(())),
        fault: match &view.outcome {
            Some(Err(fault)) => convert::account_fault(fault),
            _ => ui::AccountFaultView::default(),
        },
    }
}

/// The step at which this can go wrong at the latest: a trial that is over is reported as having come to its end.
fn step_of(fault: &AccountFault) -> TestStep {
    use AccountFault as F;
    match fault {
        F::NotSet(_) | F::HostNotFound(_) | F::NoNameServer(_) | F::NotOffered(_) => TestStep::Finding,
        F::NoRoute(_) | F::NobodyListens(_) | F::Tls(_) => TestStep::Connecting,
        _ => TestStep::Asking,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::ProxyInUse;

    #[test]
    fn the_countdown_ends_at_one_second_and_then_it_is_tried_again() {
        let now = Instant::now();
        let next_try = |left: u64| {
            let view = RegistrationView {
                state: RegistrationState::Failed,
                next_try_at: Some(now + Duration::from_millis(left)),
                ..RegistrationView::default()
            };
            status(&view, now, SystemTime::now()).next_try
        };
        assert_eq!((next_try(2_100), next_try(10), next_try(0)), (3, 1, 0));
        let registered = RegistrationView {
            state: RegistrationState::Registered,
            expires_at: Some(now + Duration::from_secs(1_441)),
            proxy: ProxyInUse::Backup,
            ..RegistrationView::default()
        };
        let status = status(&registered, now, SystemTime::now());
        assert_eq!((status.minutes, status.next_try, status.proxy), (25, -1, ui::ProxyInUse::Backup));
    }

    #[test]
    fn our_certificate_is_spoken_of_only_near_its_end() {
        let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000 * DAY_S.unsigned_abs());
        let at = |days: i64| {
            let at = wall + Duration::from_secs((days * DAY_S).unsigned_abs()) - Duration::from_secs(60);
            let view = RegistrationView { certificate_expires: Some(at), ..RegistrationView::default() };
            let status = status(&view, Instant::now(), wall);
            (status.certificate_ends, status.certificate_days)
        };
        assert!(!at(40).0);
        assert_eq!(at(31), (true, 30));
        assert_eq!(at(1), (true, 0));
        assert_eq!(at(0), (true, -1));
    }

    #[test]
    fn a_trial_shows_what_was_reported_for_its_account() {
        let mut state = State { trial: Some(Trial { account: Account::Two, view: None }), ..State::default() };
        assert_eq!(test(None).step, -1);
        let fault = AccountFault::WrongPassword { status: 401, realm: Some("elsewhere.test".to_owned()) };
        let view = |account| AccountTestView { account, step: TestStep::Asking, outcome: Some(Err(fault.clone())) };
        handle_test(&mut state, view(1));
        assert_eq!(state.trial.as_ref().expect("still there").view, None);
        handle_test(&mut state, view(2));
        let shown = test(state.trial.expect("still there").view.as_ref());
        assert_eq!((shown.step, shown.over, shown.works), (2, true, false));
        assert_eq!((shown.fault.kind, shown.fault.code), (ui::AccountFault::WrongPassword, 401));
        assert_eq!(shown.fault.text, "elsewhere.test");
        let lost = AccountFault::HostNotFound("pbx.test".into());
        let view = AccountTestView { account: 2, step: TestStep::Asking, outcome: Some(Err(lost)) };
        assert_eq!(test(Some(&view)).step, 0, "who was not found was not asked");
    }
}
