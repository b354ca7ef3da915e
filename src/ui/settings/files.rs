//! A certificate or a key is taken over from a USB stick: the files that were found, and what came of the one that was
//! chosen.

use std::path::PathBuf;
use std::rc::Rc;

use slint::ComponentHandle;

use super::{apply, ui};
use crate::channel::{CertificateProblem, CertificateRole, Command};
use crate::config::Account;
use crate::ui::panel::{Panel, State};
use crate::ui::{convert, notices, pages};

/// The files that a certificate can be taken from.
#[derive(Default)]
pub(in crate::ui) struct Files {
    found: Vec<PathBuf>,
    /// They are looked for, or one is being taken over.
    busy: bool,
    /// What was wrong with the one that was chosen last.
    fault: Option<CertificateProblem>,
}

#[cfg(test)]
impl Files {
    pub(in crate::ui) fn found(found: Vec<PathBuf>) -> Self {
        Self { found, ..Self::default() }
    }

    pub(in crate::ui) fn refused(found: Vec<PathBuf>, fault: CertificateProblem) -> Self {
        Self { found, fault: Some(fault), ..Self::default() }
    }
}

/// Whose file a setting names, and what it is used as.
pub(super) fn role(key: &str) -> Option<(Account, CertificateRole)> {
    let (chapter, rest) = key.split_once('.')?;
    let account = Account::ALL.into_iter().find(|account| chapter == format!("account{}", account.number()))?;
    let role = CertificateRole::ALL.into_iter().find(|role| role.key() == rest)?;
    Some((account, role))
}

/// Joins the keys of the sheet.
pub(super) fn connect(window: &ui::AppWindow, panel: &Rc<Panel>) {
    let adapter = window.global::<ui::SettingsAdapter>();
    let here = panel.clone();
    adapter.on_look(move || look(&here));
    let here = panel.clone();
    adapter.on_take(move |place| take(&here, place));
}

/// Looks for files that can be taken over.
pub(super) fn look(panel: &Rc<Panel>) {
    panel.touched();
    panel.state.borrow_mut().files = Files { busy: true, ..Files::default() };
    panel.send(Command::ListCertificateFiles);
    show(panel);
}

fn take(panel: &Rc<Panel>, place: i32) {
    panel.touched();
    let command = {
        let mut state = panel.state.borrow_mut();
        let role = state.editing.as_deref().and_then(role);
        let file = usize::try_from(place).ok().and_then(|at| state.files.found.get(at).cloned());
        role.zip(file).map(|((account, role), file)| {
            state.files.busy = true;
            state.files.fault = None;
            Command::ImportCertificate { account, role, file }
        })
    };
    if let Some(command) = command {
        panel.send(command);
    }
    show(panel);
}

/// The files that were found.
pub(in crate::ui) fn handle_files(panel: &Rc<Panel>, found: Vec<PathBuf>) {
    panel.state.borrow_mut().files = Files { found, ..Files::default() };
    show(panel);
}

/// The file that was chosen cannot be used; false if none was.
pub(in crate::ui) fn handle_refused_file(panel: &Rc<Panel>, problem: &CertificateProblem) -> bool {
    {
        let mut state = panel.state.borrow_mut();
        if !state.files.busy {
            return false;
        }
        state.files.busy = false;
        state.files.fault = Some(problem.clone());
    }
    show(panel);
    true
}

/// Other settings are in force: a file that was taken over is among them.
pub(in crate::ui) fn handle_change(state: &mut State) {
    let taken = state.files.busy && !state.files.found.is_empty();
    if taken && state.editing.as_deref().is_some_and(|key| role(key).is_some()) {
        state.editing = None;
        state.files = Files::default();
    }
}

fn show(panel: &Panel) {
    if let Some(window) = panel.window.upgrade() {
        apply(&window, &panel.state.borrow());
    }
}

/// The files, as the sheet shows them.
pub(super) fn apply_files(adapter: &ui::SettingsAdapter<'_>, files: &Files) {
    let rows = files.found.iter().map(|file| convert::file_row(file));
    pages::replace(&adapter.get_files(), rows, |rows| adapter.set_files(rows));
    adapter.set_file_busy(files.busy);
    adapter.set_file_fault(files.fault.as_ref().map(notices::certificate_reason).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_of_an_account_has_its_role() {
        assert_eq!(role("account2.tls.key"), Some((Account::Two, CertificateRole::Key)));
        assert_eq!(role("account1.tls.ca"), Some((Account::One, CertificateRole::Authority)));
        assert_eq!(role("account1.tls.verify"), None);
        assert_eq!(role("network.dns_servers"), None);
    }

    #[test]
    fn the_sheet_closes_once_the_file_is_in_force() {
        let mut state = State { editing: Some("account1.tls.ca".into()), ..State::default() };
        state.files = Files { busy: true, ..Files::default() };
        handle_change(&mut state);
        assert!(state.editing.is_some(), "files are still being looked for");
        state.files = Files { busy: true, ..Files::found(vec!["/media/a.pem".into()]) };
        handle_change(&mut state);
        assert_eq!(state.editing, None);
    }
}
