//! A head as lines: where it ends, how folded lines are joined, what each is called (RFC 3261 7.3.1).
//!
//! Both readers of a head, the one that frames a stream and the one that parses, use these lines, so that they never
//! disagree on what a message says.

use std::borrow::Cow;
use std::ops::Range;

use super::names::Field;
use super::{Malformed, scan, serialise};

/// Where the head that `bytes` begin with ends: behind its first empty line. A bare LF ends a line, too. The first
/// `searched` bytes were looked through before, without success.
pub(super) fn head_end(bytes: &[u8], searched: usize) -> Option<usize> {
    // The line end before the empty line may lie up to two bytes before what was searched.
    let mut at = searched.saturating_sub(2);
    while let Some(found) = scan::find(bytes.get(at..)?, b'\n') {
        at += found + 1;
        match bytes.get(at..)? {
            [b'\n', ..] => return Some(at + 1),
            [b'\r', b'\n', ..] => return Some(at + 2),
            _ => {}
        }
    }
    None
}

/// A head whose lines stand each on one line: continuation lines are joined by one space, and a CR that ends no line is a
/// space, as it is when written, so that a value ends where it ends for everybody. Most heads are so already.
pub(super) fn unfold(head: Cow<'_, str>) -> Cow<'_, str> {
    let bytes = head.as_bytes();
    // Without a way out in between, so that many bytes are looked at in one step.
    let is_odd = bytes.iter().zip(bytes.iter().skip(1)).fold(bytes.last() == Some(&b'\r'), |is_odd, (one, next)| {
        let folds = (*one == b'\n') & ((*next == b' ') | (*next == b'\t'));
        let ends_no_line = (*one == b'\r') & (*next != b'\n');
        is_odd | folds | ends_no_line
    });
    if !is_odd {
        return head;
    }
    let mut unfolded = String::with_capacity(head.len());
    for (index, line) in head.lines().enumerate() {
        if index > 0 && line.starts_with(scan::is_space) {
            unfolded.truncate(unfolded.trim_end_matches(scan::is_space).len());
            unfolded.push(' ');
            unfolded.push_str(scan::trim(&serialise::one_line(line)));
        } else {
            if index > 0 {
                unfolded.push('\n');
            }
            unfolded.push_str(&serialise::one_line(line));
        }
    }
    Cow::Owned(unfolded)
}

/// The places of the lines of an unfolded head, without what ends them.
pub(super) fn each(head: &str) -> impl Iterator<Item = Range<usize>> {
    let mut next = 0;
    std::iter::from_fn(move || {
        let start = next;
        let rest = head.as_bytes().get(start..).filter(|rest| !rest.is_empty())?;
        let line = match scan::find(rest, b'\n') {
            Some(end) => {
                next += end + 1;
                rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end])
            }
            None => {
                next = head.len();
                rest
            }
        };
        Some(start..start + line.len())
    })
}

/// A header line in its parts: places in it.
struct Parts {
    name: Range<usize>,
    /// What is known of the name.
    field: Option<Field>,
    value: Range<usize>,
}

/// Takes a header line apart. White space before the colon is let pass.
fn split(line: &str) -> Result<Parts, Malformed> {
    let colon = scan::find(line.as_bytes(), b':').ok_or(Malformed("header line without a colon"))?;
    let name = scan::trimmed(&line[..colon]);
    let field = Field::of(&line[name.clone()]);
    if field.is_none() && !scan::is_token(&line[name.clone()]) {
        return Err(Malformed("header name that is none"));
    }
    let value = scan::trimmed(&line[colon + 1..]);
    Ok(Parts { name, field, value: colon + 1 + value.start..colon + 1 + value.end })
}

/// One header line by itself: its name, in full and in the usual spelling where it is known, and its value.
pub(super) fn read(line: &str) -> Result<(&str, &str), Malformed> {
    let Parts { name, field, value } = split(line)?;
    Ok((field.map_or(&line[name], |field| field.name()), &line[value]))
}

/// A head in its lines: the text as it came, and where in it each line has its name and its value.
#[derive(Debug, Clone)]
pub(in crate::sip) struct Lines<'a> {
    head: Cow<'a, str>,
    start_line: Place,
    lines: Vec<Line>,
}

#[derive(Debug, Clone, Copy)]
struct Line {
    name: Name,
    value: Place,
}

#[derive(Debug, Clone, Copy)]
enum Name {
    Known(Field),
    /// As it came.
    Other(Place),
}

/// From here to there in a head, which is far shorter than 4 GiB.
#[derive(Debug, Clone, Copy)]
struct Place(u32, u32);

impl Place {
    #[inline]
    fn new(base: usize, place: Range<usize>) -> Self {
        Place((base + place.start) as u32, (base + place.end) as u32)
    }

    #[inline]
    fn of(self, head: &str) -> &str {
        &head[self.0 as usize..self.1 as usize]
    }
}

impl<'a> Lines<'a> {
    /// An unfolded head with this start line, and no header line yet.
    pub(super) fn new(head: Cow<'a, str>, start_line: Range<usize>) -> Self {
        Lines { head, start_line: Place::new(0, start_line), lines: Vec::with_capacity(24) }
    }

    /// Adds the header line in this place of the head; gives what is known of its name.
    pub(super) fn add(&mut self, place: Range<usize>) -> Result<Option<Field>, Malformed> {
        let Parts { name, field, value } = split(&self.head[place.clone()])?;
        let name = field.map_or_else(|| Name::Other(Place::new(place.start, name)), Name::Known);
        self.lines.push(Line { name, value: Place::new(place.start, value) });
        Ok(field)
    }

    /// The first line of the message, which is no header line.
    pub(super) fn start_line(&self) -> &str {
        self.start_line.of(&self.head)
    }

    /// How long the head was as it came, in bytes.
    pub(in crate::sip) fn head_len(&self) -> usize {
        self.head.len()
    }

    /// How many header lines there are.
    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    /// Name, in full and in the usual spelling where it is known, and value of a line.
    #[inline]
    pub(in crate::sip) fn at(&self, index: usize) -> Option<(&str, &str)> {
        self.lines.get(index).map(|line| (self.name(line), line.value.of(&self.head)))
    }

    /// All lines, as [`at`](Self::at) gives them.
    pub(in crate::sip) fn iter(&self) -> impl Iterator<Item = (&str, &str)> + Clone {
        (0..).map_while(|index| self.at(index))
    }

    /// The lines of the fields that are known, and their values.
    pub(super) fn fields(&self) -> impl Iterator<Item = (Field, &str)> {
        self.lines.iter().filter_map(|line| match line.name {
            Name::Known(field) => Some((field, line.value.of(&self.head))),
            Name::Other(_) => None,
        })
    }

    /// The value of the first line of this field.
    pub(super) fn get(&self, field: Field) -> Option<&str> {
        self.fields().find(|(own, _)| *own == field).map(|(_, value)| value)
    }

    /// Leaves out what is kept elsewhere once it was read: the topmost hop, and the length of the body.
    pub(in crate::sip) fn without_top_via_and_length(mut self) -> Self {
        let mut below_top = false;
        let head = &self.head;
        self.lines.retain_mut(|Line { name, value }| match name {
            Name::Known(Field::ContentLength) => false,
            Name::Known(Field::Via) if !std::mem::replace(&mut below_top, true) => {
                value.0 += scan::behind_first(value.of(head)) as u32;
                value.0 < value.1
            }
            _ => true,
        });
        self
    }

    /// The same, with a text of its own.
    pub(in crate::sip) fn into_owned(self) -> Lines<'static> {
        Lines { head: Cow::Owned(self.head.into_owned()), start_line: self.start_line, lines: self.lines }
    }

    #[inline]
    fn name(&self, line: &Line) -> &str {
        match line.name {
            Name::Known(field) => field.name(),
            Name::Other(place) => place.of(&self.head),
        }
    }
}

/// Equal when they say the same, wherever in a text that stands.
impl PartialEq for Lines<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Lines<'_> {}

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
        let lines = |head: &str| {
            let head = unfold(Cow::Borrowed(head));
            each(&head).map(|place| head[place].to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(lines("A: 1\r\n\t 2  \r\n  \r\n 3\r\nB: x\ry\nC:\n"), ["A: 1 2 3", "B: x y", "C:"]);
        assert_eq!(lines("A\r\r\nB\n\nC\r"), ["A ", "B", "", "C "]);
        assert_eq!(lines(" A\n\n B"), [" A", " B"]);
        let plain = unfold(Cow::Borrowed("A: 1\r\n\r\n"));
        assert!(matches!(plain, Cow::Borrowed(_)));
        assert_eq!(lines(&plain), ["A: 1", ""]);
    }

    #[test]
    fn names_are_full_and_values_trimmed() {
        assert_eq!(read("l \t:\t 5 "), Ok(("Content-Length", "5")));
        assert_eq!(read("cOnTaCt:"), Ok(("Contact", "")));
        assert_eq!(read("K: timer"), Ok(("Supported", "timer")));
        assert_eq!(read("X-Own: a:b"), Ok(("X-Own", "a:b")));
        for line in ["", "no colon", ": x", "a b: x", "\u{e9}: x"] {
            assert!(read(line).is_err(), "{line:?}");
        }
    }

    #[test]
    fn what_was_read_elsewhere_is_left_out() {
        let head = "R\nVia: SIP/2.0/UDP a ,  SIP/2.0/UDP b\nl: 5\nX-A: 1\nVia: SIP/2.0/UDP c\n";
        let rest = |head: &'static str| {
            let mut places = each(head);
            let mut lines = Lines::new(Cow::Borrowed(head), places.next().unwrap());
            places.for_each(|place| {
                lines.add(place).unwrap();
            });
            lines.without_top_via_and_length().into_owned()
        };
        let lines = rest(head);
        let expected = [("Via", "SIP/2.0/UDP b"), ("X-A", "1"), ("Via", "SIP/2.0/UDP c")];
        assert_eq!(lines.iter().collect::<Vec<_>>(), expected);
        assert_eq!((lines.start_line(), lines.len(), lines.get(Field::Via)), ("R", 3, Some("SIP/2.0/UDP b")));
        assert_eq!(rest("S\nv: SIP/2.0/UDP a\nX-A: 1"), rest("S\nl: 2\nVia: SIP/2.0/UDP b\nX-A:1"));
        assert_ne!(rest("S\nX-A: 1"), rest("S\nX-A: 2"));
    }
}
