//! A head as lines: where it ends, how folded lines are joined, what each is called (RFC 3261 7.3.1).
//!
//! Both readers of a head, the one that frames a stream and the one that parses, use these lines, so that they never
//! disagree on what a message says.

use std::borrow::Cow;

use super::{Malformed, headers, scan, serialise};

/// Where the head that `bytes` begin with ends: behind its first empty line. A bare LF ends a line, too. The first
/// `searched` bytes were looked through before, without success.
pub(super) fn head_end(bytes: &[u8], searched: usize) -> Option<usize> {
    // The line end before the empty line may lie up to two bytes before what was searched.
    let mut at = searched.saturating_sub(2);
    while let Some(found) = bytes.get(at..)?.iter().position(|byte| *byte == b'\n') {
        at += found + 1;
        match bytes.get(at..)? {
            [b'\n', ..] => return Some(at + 1),
            [b'\r', b'\n', ..] => return Some(at + 2),
            _ => {}
        }
    }
    None
}

/// The lines of a head, each with its folded continuation lines joined by one space. A CR that ends no line is a space
/// here, as it is when written, so that a value ends where it ends for everybody.
pub(super) fn unfold(head: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let mut lines = head.lines().peekable();
    std::iter::from_fn(move || {
        let mut line = serialise::one_line(lines.next()?);
        while let Some(more) = lines.next_if(|next| next.starts_with(scan::is_space)) {
            let joined = line.to_mut();
            joined.truncate(joined.trim_end_matches(scan::is_space).len());
            joined.push(' ');
            joined.push_str(scan::trim(&serialise::one_line(more)));
        }
        Some(line)
    })
}

/// One header line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sip) struct Line<'a> {
    /// The usual spelling of the full name; as it came when the name is not known.
    pub(in crate::sip) name: Cow<'a, str>,
    /// The place of the name among those that may stand only once.
    pub(super) single: Option<usize>,
    /// What follows the colon, without the white space around it.
    pub(in crate::sip) value: Cow<'a, str>,
}

impl<'a> Line<'a> {
    /// Reads a line that is unfolded.
    pub(super) fn read(line: Cow<'a, str>) -> Result<Self, Malformed> {
        match line {
            Cow::Borrowed(line) => {
                let (name, single, value) = split(line)?;
                Ok(Line { name: Cow::Borrowed(name), single, value: Cow::Borrowed(value) })
            }
            Cow::Owned(line) => {
                let (name, single, value) = split(&line)?;
                Ok(Line { name: Cow::Owned(name.to_owned()), single, value: Cow::Owned(value.to_owned()) })
            }
        }
    }
}

/// Name, its place among those that may stand only once, and value. White space before the colon is let pass.
fn split(line: &str) -> Result<(&str, Option<usize>, &str), Malformed> {
    let (name, value) = line.split_once(':').ok_or(Malformed("header line without a colon"))?;
    let name = scan::trim(name);
    if !scan::is_token(name) {
        return Err(Malformed("header name that is none"));
    }
    let (name, single) = headers::canonical(name);
    Ok((name, single, scan::trim(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_ends_at_its_first_empty_line_however_it_comes() {
        for (text, end) in [
            ("a\r\n\r\nb", Some(5)),
            ("a\n\nb", Some(3)),
            ("a\n\r\nb", Some(4)),
            ("a\r\n\nb", Some(4)),
            ("a\r\n \r\nb", None),
            ("a\r\n\r", None),
            ("a\r\r", None),
            ("", None),
        ] {
            assert_eq!(head_end(text.as_bytes(), 0), end, "{text:?}");
            // In two pieces: nothing is found in the first, and the second is searched from there.
            for cut in (0..text.len()).filter(|cut| end.is_none_or(|end| *cut < end)) {
                assert_eq!(head_end(&text.as_bytes()[..cut], 0), None);
                assert_eq!(head_end(text.as_bytes(), cut), end, "{text:?} at {cut}");
            }
        }
    }

    #[test]
    fn folded_lines_become_one() {
        let lines: Vec<_> = unfold("A: 1\r\n\t 2  \r\n  \r\n 3\r\nB: x\ry\nC:\n").collect();
        assert_eq!(lines, ["A: 1 2 3", "B: x y", "C:"]);
        assert!(matches!(lines[2], Cow::Borrowed(_)));
    }

    #[test]
    fn names_are_full_and_values_trimmed() {
        let read = |line: &'static str| Line::read(Cow::Borrowed(line)).map(|line| (line.name, line.value));
        assert_eq!(read("l \t:\t 5 "), Ok(("Content-Length".into(), "5".into())));
        assert_eq!(read("cOnTaCt:"), Ok(("Contact".into(), "".into())));
        assert_eq!(read("X-Own: a:b"), Ok(("X-Own".into(), "a:b".into())));
        for line in ["", "no colon", ": x", "a b: x", "\u{e9}: x"] {
            assert!(read(line).is_err(), "{line:?}");
        }
    }
}
