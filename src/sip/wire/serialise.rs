//! Messages to bytes. No value can add a line: whatever would end one is written as a space (RFC 3261 7.3.1).

use std::borrow::Cow;
use std::fmt::{self, Write};

use super::{Via, scan, text};

/// Room for Content-Length and for names that are written longer than they came, in bytes; more is made when needed.
const SPARE: usize = 32;

/// Writes the first line, the topmost hop, the header lines in their order, Content-Length, an empty line and the body.
/// Nothing in the header lines ends a line: they were read as lines, or went through [`one_line`]. All lines together are
/// about `head_len` bytes.
pub(in crate::sip) fn message<'a>(
    first_line: impl FnOnce(&mut String) -> fmt::Result,
    via: Option<&Via>,
    lines: impl Iterator<Item = (&'a str, &'a str)>,
    head_len: usize,
    body: &[u8],
) -> Vec<u8> {
    let mut head = String::with_capacity(SPARE + head_len + body.len());
    write(&mut head, first_line);
    if let Some(via) = via {
        head.push_str("\r\nVia: ");
        write(&mut head, |head| via.write(head));
    }
    for (name, value) in lines.filter(|(name, _)| !name.eq_ignore_ascii_case("Content-Length")) {
        debug_assert!(one_line(name) == name && one_line(value) == value, "{name}: {value}");
        head.push_str("\r\n");
        head.push_str(name);
        head.push_str(": ");
        head.push_str(value);
    }
    write!(head, "\r\nContent-Length: {}\r\n\r\n", body.len()).expect("a String takes everything");
    let mut bytes = text::into_bytes(head);
    bytes.extend_from_slice(body);
    bytes
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
    use super::*;

    #[test]
    fn no_value_can_add_a_line() {
        let first_line = |head: &mut String| head.write_str("OPTIONS sip:a\r\nEvil: 1 SIP/2.0");
        let subject = one_line("x\r\nRoute: <sip:b>\r\n\r\nbody");
        let bytes = message(first_line, None, [("Subject", &*subject)].into_iter(), 0, b"");
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(
            text,
            "OPTIONS sip:a  Evil: 1 SIP/2.0\r\nSubject: x  Route: <sip:b>    body\r\nContent-Length: 0\r\n\r\n"
        );
    }

    #[test]
    fn the_length_is_that_of_the_body() {
        let first_line = |head: &mut String| head.write_str("SIP/2.0 200 OK");
        let bytes = message(first_line, None, [("Content-Length", "7")].into_iter(), 0, b"\xFF\0ab");
        assert_eq!(bytes, b"SIP/2.0 200 OK\r\nContent-Length: 4\r\n\r\n\xFF\0ab");
    }
}
