//! Tables as text, RFC 4180: records of fields between commas, a field in quotes where it holds a comma, a quote or a line
//! end. Pure, and bounded: a record is at most [`LONGEST`] bytes long.
//!
//! What spreadsheets make of it is read too: a byte order mark in front, lines that end in LF alone, and semicolons where the
//! first line has no comma, as they are written where the comma is the decimal point. A record that cannot be read costs only
//! the line that it begins in: reading goes on with the next one.

use std::borrow::Cow;
use std::str::CharIndices;

/// The longest record, in bytes.
pub const LONGEST: usize = 16 << 10;

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The line that it begins in, counted from 1.
    pub line: usize,
    /// Its fields, without quotes; never empty.
    pub fields: Vec<String>,
}

/// A record that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {fault}")]
pub struct BadLine {
    /// The line that it begins in, counted from 1.
    pub line: usize,
    /// Why.
    pub fault: CsvFault,
}

/// Why a record cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CsvFault {
    /// A field begins with a quote, and none ends it.
    #[error("a quote is opened and not closed")]
    Unclosed,
    /// A quote in a field that is not in quotes.
    #[error("a quote stands in the middle of a field")]
    StrayQuote,
    /// Behind the closing quote of a field comes neither a separator nor the end of the line.
    #[error("something stands behind a closing quote")]
    BehindQuote,
    /// More than [`LONGEST`] bytes.
    #[error("it is longer than {LONGEST} bytes")]
    TooLong,
}

/// The records of a text, one after the other; lines with nothing in them are passed over.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    rest: &'a str,
    line: usize,
    separator: char,
}

/// Reads a table.
pub fn read(text: &str) -> Records<'_> {
    let rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    let first = rest.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let separator = if first.contains(';') && !first.contains(',') { ';' } else { ',' };
    Records { rest, line: 1, separator }
}

impl Iterator for Records<'_> {
    type Item = Result<Record, BadLine>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if self.rest.is_empty() {
                return None;
            }
            let line = self.line;
            let (end, fields) = match fields(self.rest, self.separator) {
                Ok((end, fields)) => (end, Ok(fields)),
                // The next line may be a good one.
                Err(fault) => (self.rest.find('\n').map_or(self.rest.len(), |at| at + 1), Err(fault)),
            };
            let (read, rest) = self.rest.split_at(end);
            self.line += read.bytes().filter(|byte| *byte == b'\n').count();
            self.rest = rest;
            match fields {
                Ok(fields) if fields.iter().all(|field| field.trim().is_empty()) => {}
                Ok(fields) => return Some(Ok(Record { line, fields })),
                Err(fault) => return Some(Err(BadLine { line, fault })),
            }
        }
    }
}

/// The fields of the first record, and where the next one begins.
fn fields(text: &str, separator: char) -> Result<(usize, Vec<String>), CsvFault> {
    let mut chars = text.char_indices();
    let mut fields = Vec::new();
    loop {
        let (field, end) = field(text, &mut chars, separator)?;
        fields.push(field);
        if let End::Record = end {
            let end = chars.offset();
            return if end > LONGEST { Err(CsvFault::TooLong) } else { Ok((end, fields)) };
        }
    }
}

/// What comes behind a field.
enum End {
    Field,
    Record,
}

fn field(text: &str, chars: &mut CharIndices<'_>, separator: char) -> Result<(String, End), CsvFault> {
    let start = chars.offset();
    if text[start..].starts_with('"') {
        chars.next();
        return quoted(chars, separator);
    }
    for (at, c) in chars.by_ref() {
        match c {
            c if c == separator => return Ok((text[start..at].to_owned(), End::Field)),
            '\n' => return Ok((text[start..at].trim_end_matches('\r').to_owned(), End::Record)),
            '"' => return Err(CsvFault::StrayQuote),
            _ if at > LONGEST => return Err(CsvFault::TooLong),
            _ => {}
        }
    }
    Ok((text[start..].trim_end_matches('\r').to_owned(), End::Record))
}

/// A field behind its opening quote; two quotes in it stand for one.
fn quoted(chars: &mut CharIndices<'_>, separator: char) -> Result<(String, End), CsvFault> {
    let mut field = String::new();
    while let Some((at, c)) = chars.next() {
        if at > LONGEST {
            return Err(CsvFault::TooLong);
        }
        if c != '"' {
            field.push(c);
            continue;
        }
        match chars.next().map(|(_, c)| c) {
            Some('"') => field.push('"'),
            Some(c) if c == separator => return Ok((field, End::Field)),
            None | Some('\n') => return Ok((field, End::Record)),
            Some('\r') if chars.as_str().is_empty() => return Ok((field, End::Record)),
            Some('\r') if chars.as_str().starts_with('\n') => {
                chars.next();
                return Ok((field, End::Record));
            }
            Some(_) => return Err(CsvFault::BehindQuote),
        }
    }
    Err(CsvFault::Unclosed)
}

/// Writes one record behind `table`, with CRLF as RFC 4180 wants it.
pub fn write(table: &mut String, fields: impl IntoIterator<Item = impl AsRef<str>>) {
    for (at, field) in fields.into_iter().enumerate() {
        if at > 0 {
            table.push(',');
        }
        table.push_str(&as_field(field.as_ref()));
    }
    table.push_str("\r\n");
}

/// A field as it is written. One with a semicolon or a tab is put into quotes too, so that no reader takes it for a separator.
fn as_field(field: &str) -> Cow<'_, str> {
    let plain = !field.contains([',', ';', '\t', '"', '\r', '\n']) && field.trim() == field;
    if plain { Cow::Borrowed(field) } else { Cow::Owned(format!("\"{}\"", field.replace('"', "\"\""))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<Result<(usize, Vec<String>), String>> {
        read(text)
            .map(|record| record.map(|record| (record.line, record.fields)).map_err(|bad| bad.to_string()))
            .collect()
    }

    fn good(text: &str) -> Vec<(usize, Vec<String>)> {
        rows(text).into_iter().map(|row| row.expect("a good record")).collect()
    }

    fn row(line: usize, fields: &[&str]) -> (usize, Vec<String>) {
        (line, fields.iter().map(|field| (*field).to_owned()).collect())
    }

    #[test]
    fn the_examples_of_the_rfc() {
        assert_eq!(
            good("aaa,bbb,ccc\r\nzzz,yyy,xxx\r\n"),
            [row(1, &["aaa", "bbb", "ccc"]), row(2, &["zzz", "yyy", "xxx"])]
        );
        assert_eq!(good("aaa,bbb,ccc\r\nzzz,yyy,xxx").len(), 2, "the last line may have no end");
        assert_eq!(
            good("\"aaa\",\"b\r\nbb\",\"ccc\"\r\nzzz,yyy,\"x\"\"x\"\r\n"),
            [row(1, &["aaa", "b\r\nbb", "ccc"]), row(3, &["zzz", "yyy", "x\"x"])]
        );
        assert_eq!(good("\"\",,\"\"\"\"\n"), [row(1, &["", "", "\""])]);
    }

    #[test]
    fn what_spreadsheets_make_of_it() {
        assert_eq!(
            good("\u{feff}name;prefix\n\nAnna; 9 \n;;\n"),
            [row(1, &["name", "prefix"]), row(3, &["Anna", " 9 "])]
        );
        assert_eq!(good("a,b;c\n"), [row(1, &["a", "b;c"])]);
        assert_eq!(good("\"a\"\r"), [row(1, &["a"])]);
        assert_eq!(good(""), []);
        assert_eq!(good("\n\r\n \n"), []);
    }

    #[test]
    fn a_bad_line_costs_only_itself() {
        let text = "a,b\nx\"y,z\nc,d\n\"e\"f,g\nh,i\n\"never closed,j\nk,l\n";
        assert_eq!(
            rows(text),
            [
                Ok(row(1, &["a", "b"])),
                Err("line 2: a quote stands in the middle of a field".to_owned()),
                Ok(row(3, &["c", "d"])),
                Err("line 4: something stands behind a closing quote".to_owned()),
                Ok(row(5, &["h", "i"])),
                Err("line 6: a quote is opened and not closed".to_owned()),
                Ok(row(7, &["k", "l"])),
            ]
        );
    }

    #[test]
    fn a_record_is_bounded() {
        let fits = "x".repeat(LONGEST - 1);
        assert_eq!(good(&format!("{fits}\nb\n")).len(), 2);
        for long in ["x".repeat(LONGEST + 2), format!("\"{}\"", "x\n".repeat(LONGEST)), "x,".repeat(LONGEST)] {
            let rows = rows(&format!("{long}\nb\n"));
            assert_eq!(rows[0], Err(format!("line 1: it is longer than {LONGEST} bytes")));
            assert!(rows.last().is_some_and(Result::is_ok), "{rows:?}");
        }
    }

    #[test]
    fn what_is_written_is_read_as_it_was() {
        let fields = ["plain", "", "a,b", "c;d", "e\tf", "say \"hi\"", "two\r\nlines", " blank ", "ü✳"];
        let mut table = String::new();
        write(&mut table, fields);
        write(&mut table, ["9"]);
        assert_eq!(good(&table), [row(1, &fields), row(3, &["9"])]);
        assert!(table.starts_with("plain,,\"a,b\",\"c;d\",\"e\tf\",\"say \"\"hi\"\"\","), "{table}");
    }

    #[test]
    fn nothing_makes_it_stop_or_run_for_ever() {
        let mut state = 7u32;
        for _ in 0..2000 {
            let text: String = (0..40)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    ['"', '"', ',', '\n', '\r', 'a', ';', 'é'][(state >> 24) as usize % 8]
                })
                .collect();
            let lines = text.matches('\n').count() + 1;
            let records: Vec<_> = read(&text).collect();
            assert!(records.len() <= lines, "{text:?}");
        }
    }
}
