//! The address book is changed while the panel runs: in force at once for calls and callers, and saved.

use vestibule::channel::{AccountChoice, CallResult, Command, Event, Refusal, UnlockState};
use vestibule::config::book::{Read, Which};
use vestibule::config::{Door, PhonebookEntry, Ringtone};
use vestibule::phone::{MediaOrder, Tone};

use crate::common::{Disk, House, ONE, PANEL, PBX, PBX_2, TWO, ms, s};

fn contact(name: &str, number: &str) -> PhonebookEntry {
    PhonebookEntry { name: name.into(), numbers: vec![number.into()], ..PhonebookEntry::default() }
}

fn add(house: &mut House, entry: PhonebookEntry) -> Result<(), String> {
    let added = house.press(PANEL, Command::AddContact(Box::new(entry)));
    added.map(drop).map_err(|refusal| refusal.to_string())
}

fn change(house: &mut House, name: &str, entry: PhonebookEntry) {
    house.must(PANEL, Command::ChangeContact { which: Which::Named(name.into()), entry: Box::new(entry) });
}

fn shown(house: &House) -> Vec<String> {
    let books = house.panels[PANEL].events.iter().rev().find_map(|event| match event {
        Event::Settings(config) => Some(config.contacts.clone()),
        _ => None,
    });
    books.map(|book| book.iter().map(|entry| entry.name.clone()).collect()).unwrap_or_default()
}

#[test]
fn a_new_contact_names_the_next_caller_rings_with_its_own_bell_and_is_saved() {
    let mut house = House::new(&[]);
    add(&mut house, PhonebookEntry { ringtone: Some(Ringtone::Soft), ..contact("Front door", "10✳0✳0✳3") })
        .expect("good");
    assert_eq!(shown(&house), ["Front door"]);
    assert_eq!(house.panel().saved_settings.last().expect("saved").contacts.len(), 1);
    house.bell();
    assert_eq!(house.call(PANEL).name, "Front door");
    assert_eq!(house.panel().tone(), Some(Tone::Ring(Ringtone::Soft)));
    house.must(PANEL, Command::Decline(None));
    house.run(ms(20));
    change(&mut house, "front door", PhonebookEntry { blocked: true, ..contact("Front door", "10✳0✳0✳3") });
    house.bell();
    assert_eq!(house.panel().log()[0].result, CallResult::Blocked, "at once");
    house.must(PANEL, Command::RemoveContact(Which::Named("Front door".into())));
    house.bell();
    assert_eq!(
        house.panel().tone(),
        Some(Tone::Ring(Ringtone::Chime)),
        "a stranger again, with the bell of the settings"
    );
    assert_eq!(shown(&house), Vec::<String>::new());
}

#[test]
fn a_contact_that_cannot_be_leaves_everything_as_it_was() {
    let mut house = House::new(&[]);
    add(&mut house, contact("Anna", "12")).expect("good");
    let saved = house.panel().saved_settings.len();
    for (entry, error) in [
        (contact(" ", "13"), "contact ' ': name: nothing was given: 1–64 characters"),
        (
            contact("Bert", "1.2.3.999"),
            "contact 'Bert': numbers: '1.2.3.999' cannot be dialled: not a valid address: 999 is over 255",
        ),
        (contact("anna", "13"), "contact 'anna': name: there is a contact 'anna' already"),
    ] {
        assert_eq!(add(&mut house, entry), Err(error.to_owned()));
    }
    let gone = house.press(PANEL, Command::RemoveContact(Which::Named("Bert".into())));
    assert!(matches!(gone, Err(Refusal::Book(_))), "{gone:?}");
    let stale = Command::ChangeContact {
        which: Which::Exactly(Box::new(contact("Anna", "99"))),
        entry: Box::new(contact("Anna", "13")),
    };
    let error = house.press(PANEL, stale).expect_err("she is another now").to_string();
    assert_eq!(error, "contact 'Anna' was changed or removed by somebody else meanwhile");
    assert_eq!(house.panel().saved_settings.len(), saved);
    assert_eq!(house.panel().phone.config().contacts.to_vec(), [contact("Anna", "12")]);
}

#[test]
fn a_door_that_gets_another_code_is_opened_with_it_in_the_call_that_is_going_on() {
    let door = |code: &str| PhonebookEntry {
        door: Some(Door { code: Some(code.into()), ..Door::default() }),
        ..contact("Front door", "10✳0✳0✳3")
    };
    let mut house = House::new(&[]);
    add(&mut house, door("1#")).expect("good");
    house.bell();
    change(&mut house, "Front door", PhonebookEntry { name: "Gate".into(), ..door("22#") });
    assert_eq!(house.call(PANEL).name, "Gate");
    house.must(PANEL, Command::Unlock(None));
    assert_eq!(house.call(PANEL).unlock, UnlockState::Sending);
    let sent = house.panels[PANEL].orders.iter().find_map(|order| match order {
        MediaOrder::Dtmf { digits, .. } => Some(digits.clone()),
        _ => None,
    });
    assert_eq!(sent.as_deref(), Some("22#"));
}

#[test]
fn what_a_file_holds_comes_in_at_once_or_not_at_all() {
    let mut house = House::knowing(&[], "[[contact]]\nname = \"Anna\"\nnumbers = [\"12\"]\nblocked = true\n");
    let read = Read::parse("name,number,may_call\nFront door,10.0.0.3,yes\nAnna,12,yes\nANNA,13,\n".as_bytes());
    let read = read.expect("it names its columns");
    let now = house.now;
    let (tally, bad) = house.panel().phone.merge_contacts(now, &read.contacts).expect("room");
    house.run(ms(1));
    assert_eq!((tally.added, tally.changed, tally.unchanged), (1, 1, 0));
    assert_eq!(
        bad.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["line 3 (Anna): may_call: 'yes' cannot be together with blocked 'yes'"]
    );
    assert_eq!(shown(&house), ["Anna", "Front door"]);
    house.bell();
    assert_eq!(house.call(PANEL).name, "Front door");
}

#[test]
fn a_contact_is_shown_only_once_it_is_on_the_disk() {
    let mut house = House::new(&[]);
    house.panel().disk = Disk::Slow;
    add(&mut house, contact("Anna", "12")).expect("good");
    assert_eq!(shown(&house), Vec::<String>::new());
    let now = house.now;
    house.panel().let_disk_work(now);
    house.run(ms(1));
    assert_eq!(shown(&house), ["Anna"]);
}

#[test]
fn a_contact_is_called_through_its_account_which_is_never_switched() {
    let mut house = House::with_servers(&[ONE, TWO].concat());
    house.run(s(1));
    add(&mut house, PhonebookEntry { account: AccountChoice::Account2, ..contact("Anna", "555") }).expect("good");
    for entry in ["555", "anna"] {
        house.dial(entry).expect("dialled");
        house.run(ms(20));
        assert_eq!(house.call(PANEL).account, 2, "{entry}");
        house.must(PANEL, Command::End(None));
        house.run(s(1));
    }
    assert_eq!(house.count_to(PBX_2, "INVITE sip:555@10.0.0.5 SIP/2.0"), 2);
    house.set("account2.active", "off");
    house.run(s(1));
    let refused = house.dial("555").expect_err("its account is not registered");
    assert_eq!(refused.to_string(), "Account 2 is not registered; the other account is");
    change(&mut house, "Anna", contact("Anna", "555"));
    house.dial("555").expect("any account will do now");
    assert_eq!(house.call(PANEL).account, 1);
}

/// A visitor can call itself what it likes, and becomes a contact by one tap.
#[test]
fn nobody_gets_the_calls_to_a_number_by_having_it_for_a_name() {
    let mut house = House::with_servers(ONE);
    house.run(s(1));
    for entry in [contact("Police", "110"), contact("110", "667"), contact("112", "668"), contact("*78", "669")] {
        add(&mut house, entry).expect("good");
    }
    for entry in ["110", "112", "*78", "Police"] {
        house.dial(entry).expect("dialled");
        house.run(ms(20));
        house.must(PANEL, Command::End(None));
        house.run(s(1));
    }
    let asked = |user: &str| house.count_to(PBX, &format!("INVITE sip:{user}@10.0.0.4 SIP/2.0"));
    assert_eq!(["110", "112", "*78", "667", "668", "669"].map(asked), [2, 1, 1, 0, 0, 0]);
}

/// A name that is another contact's number is that number.
#[test]
fn a_number_of_letters_is_a_number_first() {
    let mut house = House::with_servers(ONE);
    house.run(s(1));
    add(&mut house, contact("Porter", "reception")).expect("good");
    add(&mut house, contact("reception", "668")).expect("good");
    house.dial("reception").expect("dialled");
    house.run(ms(20));
    assert_eq!(house.count_to(PBX, "INVITE sip:reception@10.0.0.4 SIP/2.0"), 1);
}
