//! Messages to bytes. No value can add a line: whatever would end one is written as a space (RFC 3261 7.3.1).

use std::borrow::Cow;
use std::fmt;

use super::{Via, scan, text};

/// Room for Content-Length and for names that are written longer than they came, in bytes; more is made when needed.
const SPARE: usize = 32;

/// Writes the first line, the topmost hop, the header lines, Content-Length, an empty line and the body. Nothing in the header
/// lines ends a line: they were read as lines, or went through [`one_line`]. All lines together are about `head_len` bytes.
pub(in crate::sip) fn message(
    first_line: impl FnOnce(&mut String) -> fmt::Result,
    via: Option<&Via>,
    lines: impl FnOnce(&mut String),
    head_len: usize,
    body: &[u8],
) -> Vec<u8> {
    let mut head = String::with_capacity(SPARE + head_len + body.len());
    write(&mut head, first_line);
    if let Some(via) = via {
        head.push_str("\r\nVia: ");
        write(&mut head, |head| via.write(head));
    }
    lines(&mut head);
    head.push_str("\r\nContent-Length: ");
    decimal(&mut head, body.len()).expect("a String takes everything");
    head.push_str("\r\n\r\n");
    let mut bytes = text::into_bytes(head);
    bytes.extend_from_slice(body);
    bytes
}

/// Writes header lines in their order, each behind the end of the line before it. Content-Length is left out:
/// [`message`] knows it.
pub(in crate::sip) fn lines<'a>(head: &mut String, lines: impl Iterator<Item = (&'a str, &'a str)>) {
    for (name, value) in lines.filter(|(name, _)| !name.eq_ignore_ascii_case("Content-Length")) {
        line(head, name, value);
    }
}

/// Writes a header line behind the end of the line before it.
pub(super) fn line(head: &mut String, name: &str, value: &str) {
    debug_assert!(one_line(name) == name && one_line(value) == value, "{name}: {value}");
    for piece in ["\r\n", name, ": ", value] {
        head.push_str(piece);
    }
}

/// Writes a number in decimal digits, without the detour by way of [`fmt::Arguments`].
pub(super) fn decimal(to: &mut impl fmt::Write, number: usize) -> fmt::Result {
    if number >= 10 {
        decimal(to, number / 10)?;
    }
    to.write_char(char::from(b'0' + (number % 10) as u8))
}

/// Writes a piece of a line without anything that ends one.
fn write(head: &mut String, piece: impl FnOnce(&mut String) -> fmt::Result) {
    let start = head.len();
    piece(head).expect("a String takes everything");
    let cleaned = match one_line(&head[start..]) {
        Cow::Borrowed(_) => None,
        Cow::Owned(cleaned) => Some(cleaned),
    };
    if let Some(cleaned) = cleaned {
        head.replace_range(start.., &cleaned);
    }
}

/// `text` without anything that ends a line.
pub(in crate::sip) fn one_line(text: &str) -> Cow<'_, str> {
    let ends = |byte| scan::find(text.as_bytes(), byte).is_some();
    if ends(b'\r') || ends(b'\n') { text.replace(['\r', '\n'], " ").into() } else { text.into() }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    #[test]
    fn no_value_can_add_a_line() {
        let first_line = |head: &mut String| head.write_str("OPTIONS sip:a\r\nEvil: 1 SIP/2.0");
        let subject = one_line("x\r\nRoute: <sip:b>\r\n\r\nbody");
        let bytes = message(first_line, None, |head| lines(head, [("Subject", &*subject)].into_iter()), 0, b"");
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(
            text,
            "OPTIONS sip:a  Evil: 1 SIP/2.0\r\nSubject: x  Route: <sip:b>    body\r\nContent-Length: 0\r\n\r\n"
        );
    }

    #[test]
    fn the_length_is_that_of_the_body() {
        let first_line = |head: &mut String| head.write_str("SIP/2.0 200 OK");
        let length = |head: &mut String| lines(head, [("Content-Length", "7")].into_iter());
        let bytes = message(first_line, None, length, 0, b"\xFF\0ab");
        assert_eq!(bytes, b"SIP/2.0 200 OK\r\nContent-Length: 4\r\n\r\n\xFF\0ab");
    }
}
