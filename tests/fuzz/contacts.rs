//! Files of contacts, CSV and vCard: whatever comes in is good and can be written and read again.

use vestibule::config::book::{Book, MOST_BAD_LINES, Read, write_csv, write_vcard};

use crate::mutator::Mutator;
use crate::{fuzz, seeds};

const WORDS: &[&[u8]] = &[
    b"\"",
    b"\"\"",
    b",",
    b";",
    b"\t",
    b"\r\n",
    b"\n ",
    b"\xEF\xBB\xBF",
    b"\\",
    b"\\n",
    b"\\;",
    b"name,number\n",
    b"BEGIN:VCARD\r\n",
    b"END:VCARD\r\n",
    b"VERSION:4.0\r\n",
    b"FN:",
    b"TEL;TYPE=pref:",
    b"IMPP:sip:",
    b"X-VESTIBULE-DOOR:yes\r\n",
    b"X-VESTIBULE-UNLOCK:http\r\n",
    b"x",
    b"yes",
    b"192.168.1.20",
    b"sip:a@[::1]:5060",
    "ä".as_bytes(),
    "e\u{301}".as_bytes(),
    b"\xFF",
    b"\0",
];

/// True if there is a contact in it.
fn check(input: &[u8]) -> bool {
    let Ok(read) = Read::parse(input) else { return false };
    let lines = input.iter().filter(|byte| **byte == b'\n' || **byte == b'\r').count() + 1;
    assert!(read.bad.len() <= MOST_BAD_LINES);
    assert!(read.bad.iter().all(|bad| (1..=lines).contains(&bad.line) && bad.to_string().chars().count() < 400));
    let (book, tally, bad) = Book::default().merged(&read.contacts).expect("no input holds so many");
    assert_eq!(tally.added + tally.changed + tally.unchanged + bad.len(), read.contacts.len());
    for entry in &book {
        assert_eq!(entry.check(), Ok(()));
        assert!(book.matching(&entry.name).iter().any(|place| book[*place] == *entry), "{entry:?}");
    }
    for text in [write_csv(&book), write_vcard(&book)] {
        let again = Read::parse(text.as_bytes());
        let again: Vec<_> = again.map(|read| read.contacts).unwrap_or_default();
        assert!(book.is_empty() || again.iter().map(|incoming| &incoming.entry).eq(book.iter()), "{text}\n{again:#?}");
    }
    !book.is_empty()
}

#[test]
fn contacts() {
    fuzz("contacts", 5_000, 16 << 20, Mutator::new(seeds("corpus/contacts"), WORDS, |_| ()), check);
}
