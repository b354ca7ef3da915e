//! Contacts as comma-separated values (RFC 4180): a line that names the columns, then one line for each contact.
//!
//! Read with comma, semicolon or tab, with the columns in any order and under the names that address books give them. Columns
//! that are not known do not matter. A line that cannot be read costs only itself.

use super::super::csv as table;
use super::PhonebookEntry;
use super::field::Field;
use super::reading::{Incoming, LineFault, Read, Unusable};

/// A quoted value that goes on for more bytes is one whose end is missing.
const LONGEST_QUOTED: usize = 4096;
/// More columns than this are not looked at.
const MOST_COLUMNS: usize = 256;

/// The first characters of the names of columns with numbers, in small letters.
const NUMBERS: &[&str] =
    &["number", "phone", "telephone", "tel", "mobile", "sip", "ip", "nummer", "telefon", "rufnummer", "mobil"];

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Field(Field),
    GivenName,
    FamilyName,
    Ignored,
}

impl Column {
    fn of(title: &str) -> Self {
        let plain: String = title.to_lowercase().chars().map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect();
        let plain = plain.split_whitespace().collect::<Vec<_>>().join(" ");
        let plain = plain.strip_prefix("door ").unwrap_or(&plain);
        if let Some(field) = Field::from_word(&plain.replace(' ', "_")) {
            return Self::Field(field);
        }
        match plain {
            "full name" | "display name" | "fn" | "contact" | "kontakt" => return Self::Field(Field::Name),
            "first name" | "given name" | "vorname" => return Self::GivenName,
            "last name" | "family name" | "surname" | "nachname" => return Self::FamilyName,
            "address" | "adresse" => return Self::Field(Field::Numbers),
            "konto" => return Self::Field(Field::Account),
            "favorite" | "favorit" => return Self::Field(Field::Favourite),
            "blockiert" | "gesperrt" => return Self::Field(Field::Blocked),
            "notfall" => return Self::Field(Field::Emergency),
            "ring tone" | "klingelton" => return Self::Field(Field::Ringtone),
            _ => {}
        }
        // Google and Outlook put the kind of a number beside it.
        let is_kind = ["type", "label", "typ"].iter().any(|kind| plain.ends_with(kind));
        let first = plain.split(' ').next().unwrap_or_default().trim_end_matches(|c: char| c.is_ascii_digit());
        let second = plain.split(' ').nth(1).unwrap_or_default();
        let is_number = NUMBERS.contains(&first) || matches!(second, "phone" | "number" | "telefon");
        if is_number && !is_kind { Self::Field(Field::Numbers) } else { Self::Ignored }
    }
}

/// Understands a text. Bad lines are told in what is given back.
///
/// # Errors
/// When the first line does not name the columns, so that nothing can be read.
pub fn read(text: &str) -> Result<Read, Unusable> {
    let separator = separator(text);
    let mut records = Records { text, at: 0, line: 1, separator };
    let titles = loop {
        match records.next() {
            None => return Err(Unusable::Empty),
            Some((_, Ok(titles))) if titles.iter().all(|title| title.trim().is_empty()) => {}
            Some((_, Ok(titles))) => break titles,
            Some((_, Err(_))) => return Err(Unusable::NoColumns),
        }
    };
    let columns: Vec<Column> = titles.iter().take(MOST_COLUMNS).map(|title| Column::of(title)).collect();
    let has = |wanted: &[Column]| columns.iter().any(|column| wanted.contains(column));
    let names = [Column::Field(Field::Name), Column::GivenName, Column::FamilyName];
    let reached = [Column::Field(Field::Numbers), Column::Field(Field::Url), Column::Field(Field::Monitor)];
    if !has(&names) || !has(&reached) {
        return Err(Unusable::NoColumns);
    }
    let mut read = Read::default();
    while let Some((line, record)) = records.next() {
        match record {
            Ok(cells) if cells.iter().all(|cell| cell.trim().is_empty()) => {}
            Ok(cells) => match contact(line, &columns, &cells) {
                Ok(incoming) => read.contacts.push(incoming),
                Err((name, fault)) => read.blame(line, &name, fault),
            },
            Err(fault) => read.blame(line, "", fault),
        }
    }
    Ok(read)
}

fn contact(line: usize, columns: &[Column], cells: &[String]) -> Result<Incoming, (String, LineFault)> {
    let of = |wanted: Column| {
        let named = columns.iter().zip(cells).filter(|(column, _)| **column == wanted);
        named.map(|(_, cell)| cell.trim()).find(|cell| !cell.is_empty()).unwrap_or_default()
    };
    let name = match of(Column::Field(Field::Name)) {
        "" => format!("{} {}", of(Column::GivenName), of(Column::FamilyName)).trim().to_owned(),
        name => name.to_owned(),
    };
    let mut entry = PhonebookEntry::default();
    let mut given = Vec::new();
    let mut put =
        |field: Field, text: &str| field.set(&mut entry, text).map_err(|error| (name.clone(), LineFault::from(error)));
    put(Field::Name, &name)?;
    for (column, cell) in columns.iter().zip(cells) {
        let Column::Field(field) = column else { continue };
        if *field == Field::Name || cell.trim().is_empty() {
            continue;
        }
        put(*field, cell)?;
        if !given.contains(field) {
            given.push(*field);
        }
    }
    // Whatever the order of the columns: who is no door has nothing of one.
    if given.contains(&Field::Door) && columns.iter().zip(cells).any(|(column, cell)| no_door(*column, cell)) {
        entry.door = None;
        given.retain(|field| !field.is_of_door());
    }
    entry.check().map_err(|error| (name, LineFault::from(error)))?;
    Ok(Incoming { line, entry, given })
}

fn no_door(column: Column, cell: &str) -> bool {
    let mut probe = PhonebookEntry { door: Some(Default::default()), ..Default::default() };
    column == Column::Field(Field::Door)
        && !cell.trim().is_empty()
        && Field::Door.set(&mut probe, cell).is_ok()
        && probe.door.is_none()
}

/// What separates the values: what stands most often in the first line, outside of quotation marks.
fn separator(text: &str) -> char {
    let mut quoted = false;
    let mut counts = [(',', 0), (';', 0), ('\t', 0)];
    for c in text.trim_start().chars() {
        match c {
            '"' => quoted = !quoted,
            '\n' | '\r' if !quoted => break,
            c if !quoted => {
                counts.iter_mut().filter(|(separator, _)| *separator == c).for_each(|(_, count)| *count += 1);
            }
            _ => {}
        }
    }
    // The comma among equals.
    counts.into_iter().rev().max_by_key(|(_, count)| *count).map_or(',', |(separator, _)| separator)
}

/// Takes a text apart into its records.
struct Records<'a> {
    text: &'a str,
    at: usize,
    line: usize,
    separator: char,
}

impl<'a> Records<'a> {
    /// The next record, with the line in which it begins.
    fn next(&mut self) -> Option<(usize, Result<Vec<String>, LineFault>)> {
        let (start, line) = (self.at, self.line);
        if start >= self.text.len() {
            return None;
        }
        let record = self.record();
        if let Err(fault) = &record {
            // An open quotation mark has swallowed what follows: only its own line is given up.
            if *fault == LineFault::OpenQuote {
                (self.at, self.line) = (start, line);
            }
            self.skip_line();
        }
        Some((line, record))
    }

    fn record(&mut self) -> Result<Vec<String>, LineFault> {
        let mut cells = Vec::new();
        loop {
            let cell = self.cell()?;
            if cells.len() < MOST_COLUMNS {
                cells.push(cell);
            }
            match self.rest().chars().next() {
                Some(c) if c == self.separator => self.at += c.len_utf8(),
                _ => {
                    self.end_line();
                    return Ok(cells);
                }
            }
        }
    }

    /// One value; what ends it is left.
    fn cell(&mut self) -> Result<String, LineFault> {
        let separator = self.separator;
        let ends = move |c: char| c == separator || c == '\n' || c == '\r';
        let Some(quoted) = self.rest().strip_prefix('"') else {
            let end = self.rest().find(ends).unwrap_or(self.rest().len());
            let cell = self.rest()[..end].to_owned();
            self.at += end;
            return Ok(cell);
        };
        let mut cell = String::new();
        let mut rest = quoted;
        loop {
            let end = rest.find('"').filter(|end| cell.len() + end <= LONGEST_QUOTED).ok_or(LineFault::OpenQuote)?;
            cell.push_str(&rest[..end]);
            rest = &rest[end + 1..];
            match rest.strip_prefix('"') {
                Some(more) => {
                    cell.push('"');
                    rest = more;
                }
                None => break,
            }
        }
        let taken = self.rest().len() - rest.len();
        let lines = self.rest()[..taken].matches('\n').count();
        let behind = rest.trim_start_matches([' ', '\u{a0}']);
        if !behind.is_empty() && !behind.starts_with(ends) {
            // What closes it some lines further on was rather meant to open something there.
            return Err(if lines > 0 { LineFault::OpenQuote } else { LineFault::AfterQuote });
        }
        self.at += taken + rest.len() - behind.len();
        self.line += lines;
        Ok(cell)
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// Goes behind the end of the line, if it is here.
    fn end_line(&mut self) {
        let rest = self.rest();
        let end = if rest.starts_with("\r\n") { 2 } else { usize::from(!rest.is_empty()) };
        self.at += end;
        self.line += 1;
    }

    fn skip_line(&mut self) {
        let rest = self.rest();
        self.at += rest.find(['\n', '\r']).unwrap_or(rest.len());
        self.end_line();
    }
}

/// The contacts as a text that [`read`] understands without losing anything, and spreadsheets as well.
pub fn write(contacts: &[PhonebookEntry]) -> String {
    let columns = contacts.iter().map(|contact| contact.numbers.len()).max().unwrap_or(0).max(1);
    let mut text = String::new();
    let fields = || Field::ALL.into_iter().filter(|field| !matches!(field, Field::Name | Field::Numbers));
    let titles = (1..=columns).map(|number| format!("number {number}"));
    let titles = titles.chain(fields().map(|field| field.word().to_owned()));
    table::write(&mut text, std::iter::once("name".to_owned()).chain(titles));
    for contact in contacts {
        let numbers = (0..columns).map(|at| contact.numbers.get(at).cloned().unwrap_or_default());
        let rest = numbers.chain(fields().map(|field| field.text(contact)));
        table::write(&mut text, std::iter::once(contact.name.clone()).chain(rest));
    }
    text
}
