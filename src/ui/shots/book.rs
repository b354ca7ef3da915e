//! The contacts in all states, filled by their twins.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use i_slint_backend_testing::ElementQuery;
use slint::{ComponentHandle, Model};

use super::ui;
use crate::channel::ContactsImported;
use crate::config::book::{Read, Tally};
use crate::config::{AccountChoice, Config, Door, DoorUnlock, PhonebookEntry};
use crate::ui::contacts::{self, Contacts, Draft, Transfer};
use crate::ui::finger;
use crate::ui::panel::State;

fn entry(name: &str, numbers: &[&str]) -> PhonebookEntry {
    let numbers = numbers.iter().map(|number| (*number).to_owned()).collect();
    PhonebookEntry { name: name.to_owned(), numbers, ..PhonebookEntry::default() }
}

fn anna() -> PhonebookEntry {
    PhonebookEntry {
        favourite: true,
        may_call: true,
        account: AccountChoice::Account2,
        ..entry(
            "Anna-Katharina Schwarzenberger",
            &["0171 1234567", "sip:anna.schwarzenberger@telefonanlage.example.org"],
        )
    }
}

fn front_door() -> PhonebookEntry {
    PhonebookEntry {
        emergency: true,
        door: Some(Door { unlock: Some(DoorUnlock::Info), code: Some("12#".into()), ..Door::default() }),
        ..entry("Haustür Hofseite", &["192.168.1.20"])
    }
}

fn book() -> Vec<PhonebookEntry> {
    let names =
        "Adler Bäcker Césaire Dvořák Egger Fuchs Ágnes Haas Ivanović Jäger König Łuczak Müller Nagy Öztürk Peters";
    let mut book: Vec<_> = names.split(' ').enumerate().map(|(n, name)| entry(name, &[&format!("10{n}")])).collect();
    book.push(PhonebookEntry { blocked: true, ..entry("Callcenter", &["0900 123456"]) });
    book.extend([anna(), front_door()]);
    book
}

fn show(window: &ui::AppWindow, contacts: Contacts) {
    let config = Config { contacts: book().into(), ..Config::default() };
    let config = config.set("account2.basic.display_label", "Familie Schwarzenberger").expect("a label");
    let theme = window.global::<ui::Theme>();
    let room = window.window().size().height as f32 - theme.get_page_bar();
    let contacts = Contacts { places: (room / theme.get_touch()) as usize, ..contacts };
    let state = State { config: Arc::new(config), contacts, ..State::default() };
    super::scenes::both_accounts(window);
    contacts::apply_list(window, &state);
    contacts::apply(window, &state);
}

fn opened(entry: PhonebookEntry) -> Contacts {
    Contacts { opened: Some(Box::new(entry)), ..Contacts::default() }
}

fn drafted(draft: Draft) -> Contacts {
    Contacts { draft: Some(draft), ..opened(anna()) }
}

pub(super) fn many(window: &ui::AppWindow) {
    show(window, Contacts::default());
}

pub(super) fn favourites(window: &ui::AppWindow) {
    show(window, Contacts { tab: ui::ContactTab::Favourites, ..Contacts::default() });
}

pub(super) fn no_doors(window: &ui::AppWindow) {
    let state = State::default();
    contacts::apply_list(window, &state);
    window.global::<ui::ContactsAdapter>().set_tab(ui::ContactTab::Doors);
}

pub(super) fn search(window: &ui::AppWindow) {
    show(window, Contacts::looking_for("ca"));
}

pub(super) fn search_nobody(window: &ui::AppWindow) {
    show(window, Contacts::looking_for("nobody"));
}

pub(super) fn contact(window: &ui::AppWindow) {
    show(window, opened(anna()));
}

pub(super) fn door(window: &ui::AppWindow) {
    show(window, opened(front_door()));
}

pub(super) fn new(window: &ui::AppWindow) {
    show(window, drafted(Draft::of(None)));
}

/// A new contact, as the call log begins it.
pub(super) fn from_log(window: &ui::AppWindow) {
    let contact = PhonebookEntry { account: AccountChoice::Account1, ..entry("Familie Schwarzenberger", &["102"]) };
    show(window, Contacts { draft: Some(Draft::beginning_with(contact)), ..Contacts::default() });
}

pub(super) fn edit(window: &ui::AppWindow) {
    show(window, drafted(Draft::of(Some(anna()))));
}

pub(super) fn edit_door(window: &ui::AppWindow) {
    show(window, Contacts { draft: Some(Draft::of(Some(front_door()))), ..opened(front_door()) });
    finger::reach(window, "contact.monitor").expect("it is the last row");
}

pub(super) fn refused(window: &ui::AppWindow) {
    show(window, drafted(Draft::of(Some(anna())).trying("contact.numbers.0", "300.1.1.1")));
}

pub(super) fn number(window: &ui::AppWindow) {
    let draft = Draft::of(Some(anna())).trying("contact.numbers.0", "300.1.1.1").entering("contact.numbers.0");
    show(window, drafted(draft));
    window.global::<ui::ContactsAdapter>().set_draft("300.1.1.1".into());
}

pub(super) fn ringtone(window: &ui::AppWindow) {
    show(window, drafted(Draft::of(Some(anna())).entering("contact.ringtone")));
}

pub(super) fn delete(window: &ui::AppWindow) {
    show(window, drafted(Draft::of(Some(anna())).asking()));
}

pub(super) fn menu(window: &ui::AppWindow) {
    show(window, Contacts { menu: true, ..Contacts::default() });
}

fn transfer(window: &ui::AppWindow, transfer: Transfer) {
    show(window, Contacts { transfer, ..Contacts::default() });
}

pub(super) fn import_none(window: &ui::AppWindow) {
    transfer(window, Transfer::found(ui::ContactFiles::Import, Vec::new()));
}

pub(super) fn import(window: &ui::AppWindow) {
    let files = ["/media/usb0/kontakte-der-hausverwaltung.csv", "/media/usb0/telefon/contacts.vcf"];
    transfer(window, Transfer::found(ui::ContactFiles::Import, files.map(PathBuf::from).into()));
}

pub(super) fn export(window: &ui::AppWindow) {
    let files = ["/media/usb0/vestibule-contacts.vcf", "/media/usb0/vestibule-contacts.csv"];
    transfer(window, Transfer::found(ui::ContactFiles::Export, files.map(PathBuf::from).into()));
}

pub(super) fn imported(window: &ui::AppWindow) {
    let text = "name,number,code,emergency\nAnna,300.1.1.1\n,12\n\"Bert,13\nCarl,14,1x\nDora,15,,perhaps\nEmil\n";
    let read = Read::parse(text.as_bytes()).expect("it names its columns");
    let tally = Tally { added: 118, changed: 3, unchanged: 12 };
    let imported = ContactsImported { file: "/media/usb0/a.csv".into(), tally, bad: read.bad, more_bad: 17 };
    transfer(window, Transfer::imported(&imported));
}

#[test]
fn of_ten_thousand_contacts_only_those_in_sight_are_made() {
    let window = super::window(1024, 600);
    window.global::<ui::Nav>().set_page(ui::Page::Contacts);
    let letter = |n: usize| char::from(b'A' + u8::try_from(n % 26).expect("a letter"));
    let book: Vec<_> = (0..10_000).map(|n| entry(&format!("{} Contact {n}", letter(n)), &[&n.to_string()])).collect();
    let config = Arc::new(Config { contacts: book.into(), ..Config::default() });
    let mut state = State { config, ..State::default() };
    contacts::apply_list(&window, &state);
    let made = || ElementQuery::from_root(&window).match_descendants().match_type_name("ContactLine").find_all();
    // What a row is made of counts as well, under its name.
    let names = || made().iter().filter_map(|row| Some(row.accessible_label()?.to_string())).collect::<BTreeSet<_>>();
    let adapter = window.global::<ui::ContactsAdapter>();
    assert_eq!(adapter.get_rows().row_count(), 10_000);
    assert_eq!(adapter.get_rail().row_count(), 7, "as many keys as fit");
    window.window().take_snapshot().expect("a picture");
    assert!(names().len() <= 8 && names().contains("A Contact 0"), "{:?}", names());
    finger::press(&window, "Letters W–Z", || {}).expect("the last key");
    i_slint_backend_testing::mock_elapsed_time(Duration::from_millis(500));
    window.window().take_snapshot().expect("a picture");
    assert!(names().len() <= 8 && names().contains("W Contact 100"), "{:?}", names());
    state.contacts = Contacts::looking_for("contact 9999");
    contacts::apply_list(&window, &state);
    assert_eq!(adapter.get_rows().row_count(), 1);
}
