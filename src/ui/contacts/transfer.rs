//! Contacts come from a file on a USB stick, or go to one; then what came of it.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use screens as ui;
use slint::ComponentHandle;

use super::edit::blame;
use super::turn;
use crate::channel::{Command, ContactsImported};
use crate::config::book::{BadLine, LineFault, Unusable};
use crate::ui::panel::Panel;
use crate::ui::{convert, notices, pages};

/// The names of the files that are written.
const WRITTEN: [&str; 2] = ["vestibule-contacts.vcf", "vestibule-contacts.csv"];

/// Import or export, as far as it has come.
#[derive(Default)]
pub(in crate::ui) struct Transfer {
    kind: ui::ContactFiles,
    /// Those that can be read, or written.
    files: Vec<PathBuf>,
    /// They are looked for, or one of them is being read or written.
    busy: bool,
    /// What was wrong with the last one.
    fault: ui::Reason,
    told: Option<Told>,
}

/// What came of it.
struct Told {
    view: ui::TransferView,
    bad: Vec<ui::BadLineRow>,
}

impl Transfer {
    /// The files that were found.
    #[cfg(test)]
    pub(in crate::ui) fn found(kind: ui::ContactFiles, files: Vec<PathBuf>) -> Self {
        Self { kind, files, ..Self::default() }
    }

    /// What came of an import.
    pub(in crate::ui) fn imported(imported: &ContactsImported) -> Self {
        let count = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
        let view = ui::TransferView {
            file: imported.file.display().to_string().into(),
            added: count(imported.tally.added),
            changed: count(imported.tally.changed),
            unchanged: count(imported.tally.unchanged),
            more: count(imported.more_bad),
            ..Default::default()
        };
        Self { told: Some(Told { view, bad: imported.bad.iter().map(bad_line).collect() }), ..Self::default() }
    }

    pub(super) fn is_open(&self) -> bool {
        self.told.is_some() || self.kind != ui::ContactFiles::None
    }
}

/// Joins the menu and the keys of the sheets.
pub(super) fn connect(window: &ui::AppWindow, panel: &Rc<Panel>) {
    let adapter = window.global::<ui::ContactsAdapter>();
    let here = panel.clone();
    adapter.on_show_menu(move |shown| turn(&here, |state| state.contacts.menu = shown));
    let here = panel.clone();
    adapter.on_show_files(move |kind| {
        turn(&here, |state| {
            state.contacts.menu = false;
            state.contacts.transfer = Transfer { kind, ..Transfer::default() };
        });
        if kind != ui::ContactFiles::None {
            look(&here);
        }
    });
    let here = panel.clone();
    adapter.on_look(move || look(&here));
    let here = panel.clone();
    adapter.on_take(move |place| take(&here, place));
    let here = panel.clone();
    adapter.on_seen(move || turn(&here, |state| state.contacts.transfer = Transfer::default()));
}

fn look(panel: &Rc<Panel>) {
    turn(panel, |state| {
        let kind = state.contacts.transfer.kind;
        state.contacts.transfer = Transfer { kind, busy: true, ..Transfer::default() };
    });
    panel.send(Command::ListContactFiles);
}

fn take(panel: &Rc<Panel>, place: i32) {
    let mut command = None;
    turn(panel, |state| {
        let transfer = &mut state.contacts.transfer;
        let file = usize::try_from(place).ok().and_then(|at| transfer.files.get(at).cloned());
        command = file.map(|file| match transfer.kind {
            ui::ContactFiles::Export => Command::ExportContacts(file),
            _ => Command::ImportContacts(file),
        });
        transfer.busy = command.is_some();
        transfer.fault = ui::Reason::default();
    });
    if let Some(command) = command {
        panel.send(command);
    }
}

/// What is on the sticks.
pub(in crate::ui) fn handle_files(panel: &Rc<Panel>, files: Vec<PathBuf>, folders: &[PathBuf]) {
    turn(panel, |state| {
        let transfer = &mut state.contacts.transfer;
        transfer.busy = false;
        transfer.files = match transfer.kind {
            ui::ContactFiles::Import => files,
            _ => folders.iter().flat_map(|folder| WRITTEN.map(|name| folder.join(name))).collect(),
        };
    });
}

/// Contacts came in.
pub(in crate::ui) fn handle_imported(panel: &Rc<Panel>, imported: &ContactsImported) {
    turn(panel, |state| state.contacts.transfer = Transfer::imported(imported));
}

/// Contacts went out.
pub(in crate::ui) fn handle_exported(panel: &Rc<Panel>, file: &Path, count: usize) {
    let count = i32::try_from(count).unwrap_or(i32::MAX);
    let view =
        ui::TransferView { exported: true, count, file: file.display().to_string().into(), ..Default::default() };
    turn(panel, |state| {
        state.contacts.transfer = Transfer { told: Some(Told { view, bad: Vec::new() }), ..Transfer::default() };
    });
}

/// The file that was chosen cannot be used; false if none was.
pub(in crate::ui) fn handle_refused_file(panel: &Rc<Panel>, file: &Path, fault: &Unusable) -> bool {
    let mut was_busy = false;
    turn(panel, |state| {
        let transfer = &mut state.contacts.transfer;
        was_busy = std::mem::take(&mut transfer.busy);
        if was_busy {
            transfer.fault = notices::contacts_reason(file, fault);
        }
    });
    was_busy
}

/// The files and what came of them, as the sheets show them.
pub(super) fn apply(adapter: &ui::ContactsAdapter<'_>, transfer: &Transfer) {
    let rows = transfer.files.iter().map(|file| convert::file_row(file));
    pages::replace(&adapter.get_files(), rows, |rows| adapter.set_files(rows));
    adapter.set_file_busy(transfer.busy);
    adapter.set_file_fault(transfer.fault.clone());
    adapter.set_files_for(transfer.kind);
    if let Some(told) = &transfer.told {
        adapter.set_transfer(told.view.clone());
        pages::replace(&adapter.get_bad_lines(), told.bad.iter().cloned(), |rows| adapter.set_bad_lines(rows));
    }
    adapter.set_told(transfer.told.is_some());
}

fn bad_line(bad: &BadLine) -> ui::BadLineRow {
    use ui::LineFault as F;
    let mut row = ui::BadLineRow {
        line: i32::try_from(bad.line).unwrap_or(i32::MAX),
        name: bad.name.as_str().into(),
        ..Default::default()
    };
    row.fault = match &bad.fault {
        LineFault::Contact(error) => {
            row.value.name = format!("contact.{}", error.field.word()).into();
            blame(&mut row.value, error);
            F::Value
        }
        LineFault::OpenQuote => F::OpenQuote,
        LineFault::AfterQuote => F::AfterQuote,
        LineFault::Version(version) => {
            row.text = version.as_str().into();
            F::Version
        }
        LineFault::NoEnd => F::NoEnd,
        LineFault::NoColon => F::NoColon,
    };
    row
}
