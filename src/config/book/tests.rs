use super::super::choices::{AccountChoice, DoorUnlock, Ringtone};
use super::super::contacts::{self, Door};
use super::*;

fn contact(name: &str, numbers: &[&str]) -> PhonebookEntry {
    let numbers = numbers.iter().map(|number| (*number).to_owned()).collect();
    PhonebookEntry { name: name.to_owned(), numbers, ..PhonebookEntry::default() }
}

/// Everything that a contact can have.
fn everything() -> Vec<PhonebookEntry> {
    vec![
        PhonebookEntry {
            account: AccountChoice::Account2,
            favourite: true,
            may_call: true,
            emergency: true,
            ringtone: Some(Ringtone::Soft),
            ..contact(
                "Müller, Anna; \"A\\B\" & Söhne 12",
                &["0171 123-45", "sip:anna@pbx.test;transport=tcp", "10✳0✳0✳2"],
            )
        },
        PhonebookEntry {
            door: Some(Door {
                unlock: Some(DoorUnlock::Http),
                code: Some("12#".into()),
                url: Some("http://10.0.0.3/open?a=1,2;b".into()),
                monitor: Some("rtsp://10.0.0.3/stream".into()),
                ..Door::default()
            }),
            ..contact("Front door", &["anna@pbx.test", "[2001:db8::1]:5070", "tel:101"])
        },
        PhonebookEntry { blocked: true, ..contact("N", &["5"]) },
        PhonebookEntry { door: Some(Door::default()), ..contact("Side door", &["sip:door@10.0.0.4"]) },
    ]
}

fn lines(read: &Read) -> Vec<String> {
    read.bad.iter().map(ToString::to_string).collect()
}

fn contacts(read: &Read) -> Vec<PhonebookEntry> {
    read.contacts.iter().map(|incoming| incoming.entry.clone()).collect()
}

fn parse(text: &str) -> Read {
    Read::parse(text.as_bytes()).expect("it can be read")
}

#[test]
fn an_export_that_is_imported_again_loses_nothing() {
    for text in [write_csv(&everything()), write_vcard(&everything())] {
        for text in [text.clone(), format!("\u{feff}{text}"), text.replace("\r\n", "\n")] {
            let read = parse(&text);
            assert_eq!(lines(&read), Vec::<String>::new(), "{text}");
            assert_eq!(contacts(&read), everything(), "{text}");
            let (book, tally, bad) = Book::default().merged(&read.contacts).expect("room");
            assert_eq!((tally, bad.len()), (Tally { added: 4, ..Tally::default() }, 0));
            assert_eq!(book.to_vec(), everything());
            let (again, tally, _) = book.merged(&read.contacts).expect("room");
            assert_eq!(tally, Tally { unchanged: 4, ..Tally::default() });
            assert!(again.is_same(&book));
        }
    }
    let written = write_vcard(&everything());
    assert!(written.lines().all(|line| line.len() <= 75), "{written}");
}

#[test]
fn a_broken_line_costs_only_itself() {
    let text = "Name;Phone 1 - Type;Phone 1 - Value;Colour;may call\r\n\
                Anna;Mobile;12;red;yes\r\n\
                ;;13;;\r\n\
                \"Bert;;14;;\r\n\
                Carl;;300.1.1.1;;\r\n\
                \"Dora\"x;;15;;\r\n\
                \r\n\
                Emil;;16;;perhaps\r\n\
                \"Fritz \"\"F\"\"\";;17\r\n\
                Gina;;;;\r\n\
                \u{fffd};;18;;\r\n";
    let read = parse(text);
    let names: Vec<_> = read.contacts.iter().map(|it| (it.line, it.entry.name.as_str(), it.entry.may_call)).collect();
    assert_eq!(names, [(2, "Anna", true), (9, "Fritz \"F\"", false)]);
    assert_eq!(
        lines(&read),
        [
            "line 3: name: nothing was given: 1–64 characters",
            "line 4: a quotation mark is not closed",
            "line 5 (Carl): numbers: '300.1.1.1' cannot be dialled: not a valid address: 300 is over 255",
            "line 6: something stands behind a closing quotation mark",
            "line 8 (Emil): may_call: 'perhaps' is not one of yes, no",
            "line 10 (Gina): numbers: nothing was given: 1–10 numbers",
            "line 11 (\u{fffd}): name: '\u{fffd}' must not stand in it",
        ]
    );
}

#[test]
fn columns_come_in_any_order_and_under_other_names() {
    for text in [
        "tel,emergency,First name,Last name\n0171 5,yes,Anna,Schwarz\n",
        "Telefon\tNotfall\tVorname\tNachname\n0171 5\tx\tAnna\tSchwarz",
        "emergency,display name,sip\n1,Anna Schwarz,0171 5\n",
        "Name,Mobile Phone,Emergency\n\"Anna Schwarz\" ,\"0171 5\",TRUE\n",
    ] {
        let read = parse(text);
        let wanted = PhonebookEntry { emergency: true, ..contact("Anna Schwarz", &["0171 5"]) };
        assert_eq!((contacts(&read), lines(&read)), (vec![wanted], Vec::new()), "{text}");
    }
    assert_eq!(Read::parse(b"\xEF\xBB\xBF \n"), Err(Unusable::Empty));
    assert_eq!(Read::parse(b"Anna,12\nBert,13\n"), Err(Unusable::NoColumns));
    assert_eq!(Read::parse(b"\x89PNG\r\n\x1a\n\0\0"), Err(Unusable::NoColumns));
}

#[test]
fn who_is_no_door_keeps_nothing_of_one() {
    let read = parse("name,number,code,door\nAnna,12,1#,no\nDoor,13,2#,\n");
    assert_eq!(read.contacts[0].entry.door, None);
    assert_eq!(read.contacts[1].entry.door.as_ref().and_then(|door| door.code.as_deref()), Some("2#"));
}

#[test]
fn a_vcard_of_another_program_comes_in() {
    let text = "BEGIN:VCARD\r\nVERSION:3.0\r\nPRODID:-//x//y\r\nN:Schwarz;Anna;;Dr.;\r\nFN:Anna\\, Schwarz\r\n\
                ORG:House\\; Co;Flat\r\nitem1.TEL;type=CELL;type=VOICE:+49 171 5\r\nTEL;TYPE=fax:99\r\n\
                TEL;VALUE=uri;PREF=1;TYPE=\"voice,home\":tel:+49-30-1;ext=5\r\nIMPP;X-SERVICE-TYPE=x:xmpp:a@b\r\n\
                IMPP:sip:anna@pbx.test\r\nX-SIP:anna@other.test\r\nNOTE:a long\r\n  note\\n that goes on\r\n\
                PHOTO;ENCODING=b:AAAA\r\n AAAA\r\nEND:VCARD\r\n\
                BEGIN:VCARD\nVERSION:4.0\nN:Only;;;;\nTEL:7\nTEL:x y\nEND:VCARD\n\
                begin:vcard\nversion:4.0\nORG:Porter\\, House;x\nTEL:8\nend:vcard\n";
    let read = parse(text);
    assert_eq!(
        contacts(&read),
        [
            contact("Anna, Schwarz", &["+49-30-1", "+49 171 5", "sip:anna@pbx.test", "anna@other.test"]),
            contact("Only", &["7"]),
            contact("Porter, House", &["8"]),
        ]
    );
    assert_eq!(lines(&read), ["line 22 (Only): numbers: 'x y' cannot be dialled: ' ' cannot be dialled"]);
}

#[test]
fn what_is_wrong_with_a_vcard_is_said_by_its_line() {
    let text = "BEGIN:VCARD\nVERSION:2.1\nFN:Old\nTEL:1\nEND:VCARD\n\
                BEGIN:VCARD\nVERSION:4.0\nFN:Open\nTEL:2\n\
                BEGIN:VCARD\nVERSION:4.0\nFN:Nobody\nEND:VCARD\n\
                BEGIN:VCARD\nVERSION:4.0\nFN:Good\nTEL:3\nno colon here\nX-VESTIBULE-CODE:1x\nEND:VCARD\n\
                BEGIN:VCARD\nVERSION:4.0\nFN:Cut\nTEL:4";
    let read = parse(text);
    assert_eq!(contacts(&read), [contact("Good", &["3"])]);
    assert_eq!(
        lines(&read),
        [
            "line 1 (Old): version 2.1 is not read: 3.0 and 4.0",
            "line 6 (Open): END:VCARD is missing",
            "line 10 (Nobody): numbers: nothing was given: 1–10 numbers",
            "line 18 (Good): a line without a colon",
            "line 19 (Good): door.code: '1x' is not 1–16 of 0–9, *, #, A–D",
            "line 21 (Cut): END:VCARD is missing",
        ]
    );
}

#[test]
fn bad_lines_are_bounded_and_counted() {
    let read = parse(&format!("name,number\n{}", ",1\n".repeat(250)));
    assert_eq!((read.bad.len(), read.more_bad), (MOST_BAD_LINES, 150));
}

#[test]
fn a_value_that_cannot_stand_there_names_field_value_and_limit() {
    let mut entry = contact("Anna", &["12"]);
    let before = entry.clone();
    let mut refused = |field: Field, text: &str| field.set(&mut entry, text).expect_err(text).to_string();
    assert_eq!(refused(Field::Name, "  "), "name: nothing was given: 1–64 characters");
    assert!(refused(Field::Name, &"x".repeat(65)).ends_with("…' has 65 characters, the limit is 64"));
    assert_eq!(refused(Field::Name, "a\tb"), "name: '\\t' must not stand in it");
    assert_eq!(refused(Field::Numbers, "a b"), "numbers: 'a b' cannot be dialled: ' ' cannot be dialled");
    assert_eq!(refused(Field::Account, "3"), "account: '3' is not one of auto, 1, 2");
    assert_eq!(refused(Field::Code, "1x"), "door.code: '1x' is not 1–16 of 0–9, *, #, A–D");
    assert!(refused(Field::Code, &"1".repeat(17)).contains("1–16"));
    assert_eq!(
        refused(Field::Url, "rtsp://x"),
        "door.url: 'rtsp://x' does not begin with http:// or https:// and the name of a host"
    );
    assert!(refused(Field::Monitor, "http:///x").contains("rtsp:// or http://"));
    assert!(refused(Field::Monitor, &format!("rtsp://{}", "x".repeat(1020))).contains("the limit is 1024"));
    assert_eq!(entry, before, "what was there stays");
    for number in 2..=10 {
        Field::Numbers.set(&mut entry, &number.to_string()).expect("room for ten");
    }
    assert_eq!(
        Field::Numbers.set(&mut entry, "11").expect_err("ten are there").to_string(),
        "numbers: 11 numbers are too many, the limit is 10"
    );
}

#[test]
fn fields_that_contradict_each_other_are_named() {
    let mut entry = PhonebookEntry { blocked: true, may_call: true, ..contact("Anna", &["12"]) };
    let said = |entry: &PhonebookEntry| entry.check().expect_err("it contradicts itself").to_string();
    assert_eq!(said(&entry), "may_call: 'yes' cannot be together with blocked 'yes'");
    entry.may_call = false;
    entry.emergency = true;
    assert_eq!(said(&entry), "emergency: 'yes' cannot be together with blocked 'yes'");
    entry.emergency = false;
    entry.door = Some(Door { unlock: Some(DoorUnlock::Http), ..Door::default() });
    assert_eq!(said(&entry), "door.unlock: 'http' needs the web address that opens the door, door.url");
    Field::Url.set(&mut entry, "http://10.0.0.2/open").expect("a web address");
    assert_eq!(entry.check(), Ok(()));
    entry.numbers.clear();
    assert_eq!(entry.check(), Ok(()), "what is opened by a web address alone need not be called");
}

#[test]
fn contacts_are_added_changed_and_removed_one_by_one() {
    let book: Book = vec![contact("Anna", &["12"]), contact("Bert", &["13"])].into();
    let added = book.with_added(contact("Carl", &["14"])).expect("good");
    assert_eq!((book.len(), added.len()), (2, 3));
    assert_eq!(added.find(Party { user: Some("14"), host: "x", port: None }).expect("found").name, "Carl");
    assert_eq!(
        added.with_added(contact(" ANNA", &["15"])).expect_err("there is one").to_string(),
        "contact ' ANNA': name: there is a contact ' ANNA' already"
    );
    let exactly = |entry: PhonebookEntry| Which::Exactly(Box::new(entry));
    let changed = added.with_changed(&exactly(contact("Bert", &["13"])), contact("BERT", &["16"])).expect("good");
    assert_eq!(changed.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["Anna", "BERT", "Carl"]);
    assert_eq!(
        changed.with_changed(&exactly(contact("Bert", &["13"])), contact("B", &["1"])),
        Err(BookError::Changed("Bert".into()))
    );
    assert!(changed.with_changed(&Which::Named("carl".into()), contact("Anna", &["1"])).is_err(), "the name is taken");
    assert_eq!(changed.without(&Which::Named("anna ".into())).expect("she is there").len(), 2);
    assert_eq!(changed.without(&Which::Named("Dora".into())), Err(BookError::Unknown("Dora".into())));
}

#[test]
fn the_ten_thousand_and_first_contact_is_refused() {
    let many: Vec<_> = (0..MOST_CONTACTS).map(|n| contact(&format!("Contact {n}"), &[&n.to_string()])).collect();
    let book: Book = many.into();
    let error = book.with_added(contact("One more", &["1"])).expect_err("it is full");
    assert_eq!(error.to_string(), "10001 contacts are too many, the limit is 10000");
    let read = parse("name,number\nContact 5,5\nOne more,6\n");
    assert_eq!(book.merged(&read.contacts).expect_err("it is full"), BookError::TooMany { count: 10_001 });
    let (same, tally, _) = book.merged(&read.contacts[..1]).expect("nothing new");
    assert!(same.is_same(&book) && tally.unchanged == 1);
    let large: Vec<_> = (0..3000)
        .map(|n| PhonebookEntry {
            door: Some(Door {
                url: Some(format!("http://x/{}", "y".repeat(1000))),
                monitor: Some(format!("http://x/{}", "y".repeat(1000))),
                ..Door::default()
            }),
            ..contact(&format!("Door {n}"), &["1"])
        })
        .collect();
    let error = Book::from(large).with_added(contact("One more", &["1"])).expect_err("too much for the file");
    assert!(error.to_string().ends_with("the limit is 6291456"), "{error}");
}

#[test]
fn a_full_book_fits_the_settings_file() {
    let texts = |n: usize| {
        let door = Door { url: Some(format!("http://10.0.0.1/{}", "y".repeat(90))), ..Door::default() };
        let name = format!("{n} {}", "ä".repeat(58));
        PhonebookEntry {
            may_call: true,
            favourite: true,
            emergency: true,
            account: AccountChoice::Account2,
            ringtone: Some(Ringtone::Chime),
            door: Some(door),
            ..contact(&name, &["0171 1234567890", "sip:somebody@somewhere.example.org"])
        }
    };
    let entries: Vec<_> = (0..MOST_CONTACTS).map(texts).collect();
    let estimate: usize = entries.iter().map(PhonebookEntry::bytes).sum();
    let book: Book = entries.into();
    let config = crate::config::Config { contacts: book, ..Default::default() };
    let written = crate::config::write(&config, &crate::config::Rest::default());
    assert!(written.len() <= estimate, "{} bytes were estimated at {estimate}", written.len());
    assert_eq!(crate::config::read(&written).config.contacts.len(), MOST_CONTACTS);
}

#[test]
fn who_is_there_already_is_merged_by_name() {
    let known = PhonebookEntry { may_call: true, account: AccountChoice::Account1, ..contact("Anna", &["0171 5"]) };
    let book: Book = vec![known].into();
    let read = parse("name,number,number,account,may_call,favourite\nANNA,01715,18,2,no,\nanna,19,,,,yes\n");
    let (book, tally, bad) = book.merged(&read.contacts).expect("room");
    assert_eq!((tally, bad.len()), (Tally { changed: 2, ..Tally::default() }, 0));
    let wanted = PhonebookEntry {
        account: AccountChoice::Account2,
        favourite: true,
        ..contact("Anna", &["0171 5", "18", "19"])
    };
    assert_eq!(book.to_vec(), [wanted]);
    let blocked: Book = vec![PhonebookEntry { blocked: true, ..contact("Anna", &["1"]) }].into();
    let read = parse("name,number,may_call\nAnna,1,yes\nBert,2,\n");
    let (book, tally, bad) = blocked.merged(&read.contacts).expect("room");
    assert_eq!((book.len(), tally.added), (2, 1));
    assert_eq!(bad[0].to_string(), "line 2 (Anna): may_call: 'yes' cannot be together with blocked 'yes'");
}

#[test]
fn names_and_numbers_are_found_as_they_are_typed() {
    let book: Book = vec![
        contact("Zoë Müller", &["0171 123-45", "sip:zoe@pbx.test"]),
        contact("Front door", &["192.168.1.20:5070"]),
        contact("Łukasz Straße", &["101"]),
        contact("Jose\u{301} Nun\u{303}ez", &["*78"]),
    ]
    .into();
    let found = |typed: &str| book.matching(typed).into_iter().map(|at| book[at].name.as_str()).collect::<Vec<_>>();
    for (typed, name) in [
        ("muller", "Zoë Müller"),
        ("MUELLER zo", "Zoë Müller"),
        ("Müller", "Zoë Müller"),
        ("017112", "Zoë Müller"),
        ("0171 12345", "Zoë Müller"),
        ("zoe@", "Zoë Müller"),
        ("192✳168✳1", "Front door"),
        ("20.5070", "Front door"),
        ("lukasz strasse", "Łukasz Straße"),
        ("jose nunez", "Jose\u{301} Nun\u{303}ez"),
        ("*78", "Jose\u{301} Nun\u{303}ez"),
    ] {
        assert_eq!(found(typed), [name], "{typed}");
    }
    assert_eq!(found(""), ["Front door", "Jose\u{301} Nun\u{303}ez", "Łukasz Straße", "Zoë Müller"], "sorted by name");
    assert_eq!(found("nobody"), Vec::<&str>::new());
    let like = |typed: &str| book.numbers_like(typed, 3).into_iter().map(|(_, number)| number).collect::<Vec<_>>();
    assert_eq!(like("1"), ["192.168.1.20:5070", "101", "0171 123-45"], "those that begin so come first");
    assert_eq!(like("192✳168✳1✳20✳5070"), ["192.168.1.20:5070"]);
    assert_eq!(like("✳78"), ["*78"]);
    assert_eq!(['#', 'Z', 'L'], ["12", "Zoë", " łu"].map(initial));
}

#[test]
fn a_caller_is_found_in_ten_thousand_by_looking_at_a_handful() {
    let number = |n: u32| match n % 4 {
        0 => format!("{n}"),
        1 => format!("10.{}.{}.7:{}", n / 256, n % 256, 5060 + n % 3),
        2 => format!("sip:user{n}@pbx.test"),
        _ => format!("sip:host{n}.test"),
    };
    let entries: Vec<_> = (0..10_000).map(|n| contact(&format!("Contact {n}"), &[&number(n)])).collect();
    let book: Book = entries.into();
    for n in [0, 1, 2, 3, 4996, 4997, 4998, 4999, 9996, 9997, 9998, 9999] {
        let target = crate::dial::parse(&number(n)).expect("it can be dialled");
        assert_eq!(book.dialled(&target).expect("it is there").name, format!("Contact {n}"));
        let (user, host, port) = match &target {
            DialTarget::Number(number) => (Some(number.clone()), "pbx.test".to_owned(), None),
            DialTarget::Ip { address, port } => (None, address.to_string(), *port),
            DialTarget::Uri(uri) => (uri.user.clone(), uri.host.to_uppercase(), Some(5060)),
        };
        let party = Party { user: user.as_deref(), host: &host, port };
        assert_eq!(book.find(party).expect("it is there").name, format!("Contact {n}"));
        assert!(book.index().work(party) <= 2, "{} numbers were looked at", book.index().work(party));
    }
    let copy = book.clone();
    assert!(copy.is_same(&book) && std::ptr::eq(copy.index(), book.index()), "a copy is prepared already");
}

#[test]
fn the_prepared_book_finds_whom_a_look_at_every_number_finds() {
    let hosts = ["10.0.0.2", "10.0.0.3", "pbx.test", "PBX.test", "::1"];
    let users = [None, Some("101"), Some("door"), Some("Door")];
    let ports = [None, Some(5060), Some(5070)];
    let mut numbers: Vec<String> = vec!["101".into(), "door".into(), "10✳0✳0✳2".into(), "[0:0::1]:5070".into()];
    for host in hosts {
        for user in users {
            for port in ports {
                let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
                let port = port.map(|port| format!(":{port}")).unwrap_or_default();
                numbers.push(format!("sip:{}{host}{port}", user.map(|user| format!("{user}@")).unwrap_or_default()));
            }
        }
    }
    for step in [1, 3, 7] {
        let entries: Vec<_> =
            numbers.iter().step_by(step).enumerate().map(|(n, number)| contact(&n.to_string(), &[number])).collect();
        let book: Book = entries.clone().into();
        for host in hosts {
            for user in users {
                for port in ports {
                    let party = Party { user, host, port };
                    let fits = entries.iter().enumerate().filter_map(|(at, entry)| {
                        Some((contacts::fit(&entry.numbers[0], party)?, std::cmp::Reverse(at)))
                    });
                    let wanted = fits.max().map(|(_, at)| entries[at.0].name.as_str());
                    assert_eq!(book.find(party).map(|entry| entry.name.as_str()), wanted, "{party:?}");
                }
            }
        }
    }
}
