//! Messages to bytes. No value can add a line: whatever would end one is written as a space (RFC 3261 7.3.1).

use super::text;

/// Writes the first line, the header lines in their order, Content-Length, an empty line and the body.
pub(in crate::sip) fn message<'a>(
    first: &str,
    lines: impl Iterator<Item = (&'a str, &'a str)>,
    body: &[u8],
) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1024 + body.len());
    push(&mut bytes, first);
    for (name, value) in lines {
        if name.eq_ignore_ascii_case("Content-Length") {
            continue;
        }
        bytes.extend_from_slice(b"\r\n");
        push(&mut bytes, name);
        bytes.extend_from_slice(b": ");
        push(&mut bytes, value);
    }
    bytes.extend_from_slice(b"\r\nContent-Length: ");
    bytes.extend_from_slice(body.len().to_string().as_bytes());
    bytes.extend_from_slice(b"\r\n\r\n");
    bytes.extend_from_slice(body);
    bytes
}

/// Writes `text` without anything that ends a line.
fn push(bytes: &mut Vec<u8>, text: &str) {
    let start = bytes.len();
    bytes.extend_from_slice(&text::to_bytes(text));
    for byte in &mut bytes[start..] {
        if matches!(byte, b'\r' | b'\n') {
            *byte = b' ';
        }
    }
}

/// `text` without anything that ends a line.
pub(in crate::sip) fn one_line(text: &str) -> std::borrow::Cow<'_, str> {
    let ends_a_line = |c: char| matches!(c, '\r' | '\n');
    if text.contains(ends_a_line) { text.replace(ends_a_line, " ").into() } else { text.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_can_add_a_line() {
        let bytes = message(
            "OPTIONS sip:a\r\nEvil: 1 SIP/2.0",
            [("Subject", "x\r\nRoute: <sip:b>\r\n\r\nbody")].into_iter(),
            b"",
        );
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(
            text,
            "OPTIONS sip:a  Evil: 1 SIP/2.0\r\nSubject: x  Route: <sip:b>    body\r\nContent-Length: 0\r\n\r\n"
        );
    }

    #[test]
    fn the_length_is_that_of_the_body() {
        let bytes = message("SIP/2.0 200 OK", [("Content-Length", "7")].into_iter(), b"\xFF\0ab");
        assert_eq!(bytes, b"SIP/2.0 200 OK\r\nContent-Length: 4\r\n\r\n\xFF\0ab");
    }
}
