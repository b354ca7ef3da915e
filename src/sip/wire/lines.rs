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

/// Where the head that `bytes` begin with ends, if all its lines stand each on one line and [`unfold`] would leave it as it
/// is: what both look for is looked for at once.
pub(super) fn plain_head_end(bytes: &[u8]) -> Option<usize> {
    let may_not_be_plain = |one, next| ((one == b'\n') & (next <= b' ')) | ((one == b'\r') & (next != b'\n'));
    let at = scan::find_pair(bytes, may_not_be_plain)?;
    match bytes[at..] {
        [b'\n', b'\n', ..] => Some(at + 2),
        [b'\n', b'\r', b'\n', ..] => Some(at + 3),
        _ => None,
    }
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

/// One header line by itself: its name, in full and in the usual spelling where it is known, and its value.
pub(super) fn read(line: &str) -> Result<(&str, &str), Malformed> {
    let parts = Line::read(line.as_bytes(), 0)?;
    Ok((parts.name(line), parts.value.of(line)))
}

/// A head in its lines: the text as it came, and where in it each line has its name and its value.
#[derive(Debug, Clone)]
pub(in crate::sip) struct Lines<'a> {
    head: Cow<'a, str>,
    start_line: Place,
    lines: Vec<Line>,
}

/// A header line in its parts.
#[derive(Debug, Clone, Copy)]
struct Line {
    /// What is known of the name.
    field: Option<Field>,
    /// Whether the line came just as it is written.
    is_plain: bool,
    name: Place,
    value: Place,
}

impl Line {
    /// Takes the header line apart that begins at `base` in its head. White space before the colon is let pass.
    fn read(line: &[u8], base: usize) -> Result<Self, Malformed> {
        let colon = scan::find(line, b':').ok_or(Malformed("header line without a colon"))?;
        let (name, value) = (scan::trimmed(&line[..colon]), scan::trimmed(&line[colon + 1..]));
        let spelling = &line[name.clone()];
        let usual = Field::of_usual(spelling);
        let field = usual.or_else(|| Field::of(spelling));
        if field.is_none() && !scan::is_token_bytes(spelling) {
            return Err(Malformed("header name that is none"));
        }
        // One space behind the colon, and none elsewhere.
        let is_spaced = name.len() == colon && value.start == 1 && value.end == line.len() - colon - 1;
        let is_plain = is_spaced && line[colon + 1] == b' ' && usual.is_some() == field.is_some();
        Ok(Line { field, is_plain, name: Place::new(base, name), value: Place::new(base + colon + 1, value) })
    }

    /// The name, in full and in the usual spelling where it is known.
    #[inline]
    fn name<'a>(&self, head: &'a str) -> &'a str {
        self.field.map_or_else(|| self.name.of(head), |field| field.name())
    }
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

/// What ends a line, and with it a run of lines that are written as they came.
const LINE_END: &str = "\r\n";

impl<'a> Lines<'a> {
    /// An unfolded head with this start line, and no header line yet.
    pub(super) fn new(head: Cow<'a, str>, start_line: Range<usize>) -> Self {
        Lines { head, start_line: Place::new(0, start_line), lines: Vec::with_capacity(24) }
    }

    /// Adds the header line in this place of the head; gives what is known of its name.
    pub(super) fn add(&mut self, place: Range<usize>) -> Result<Option<Field>, Malformed> {
        let line = Line::read(&self.head.as_bytes()[place.clone()], place.start)?;
        self.lines.push(line);
        Ok(line.field)
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
        self.lines.get(index).map(|line| (line.name(&self.head), line.value.of(&self.head)))
    }

    /// All lines, as [`at`](Self::at) gives them.
    pub(in crate::sip) fn iter(&self) -> impl Iterator<Item = (&str, &str)> + Clone {
        (0..).map_while(|index| self.at(index))
    }

    /// The lines of such fields, and their values.
    #[inline]
    pub(super) fn of(&self, is_such: impl Fn(Field) -> bool) -> impl Iterator<Item = (Field, &str)> {
        let such = self.lines.iter().filter_map(move |line| Some((line.field.filter(|field| is_such(*field))?, line)));
        such.map(|(field, line)| (field, line.value.of(&self.head)))
    }

    /// The value of the first line of this field.
    #[inline]
    pub(in crate::sip) fn get(&self, field: Field) -> Option<&str> {
        self.of(|own| own == field).next().map(|(_, value)| value)
    }

    /// Writes all lines behind the end of the line before them. Those that stand together and came just as they are
    /// written are copied together.
    pub(in crate::sip) fn write(&self, to: &mut String) {
        let mut rest = self.lines.iter().peekable();
        while let Some(line) = rest.next() {
            if !line.is_plain {
                serialise::line(to, line.name(&self.head), line.value.of(&self.head));
                continue;
            }
            let mut run = Place(line.name.0, line.value.1);
            let follows = |end, next: &Line| next.is_plain && Place(end, next.name.0).of(&self.head) == LINE_END;
            while let Some(next) = rest.next_if(|next| follows(run.1, next)) {
                run.1 = next.value.1;
            }
            to.push_str(LINE_END);
            to.push_str(run.of(&self.head));
        }
    }

    /// Leaves out what is kept elsewhere once it was read: the topmost hop, and the length of the body.
    pub(in crate::sip) fn without_top_via_and_length(mut self) -> Self {
        let mut below_top = false;
        let head = &self.head;
        self.lines.retain_mut(|Line { field, is_plain, value, .. }| match field {
            Some(Field::ContentLength) => false,
            Some(Field::Via) if !std::mem::replace(&mut below_top, true) => {
                value.0 += scan::behind_first(value.of(head)) as u32;
                *is_plain = false;
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
            if let Some(plain_end) = plain_head_end(text.as_bytes()) {
                assert_eq!(Some(plain_end), end, "{text:?}");
            }
            // In two pieces: nothing is found in the first, and the second is searched from there.
            for cut in (0..text.len()).filter(|cut| end.is_none_or(|end| *cut < end)) {
                assert_eq!(head_end(&text.as_bytes()[..cut], 0), None);
                assert_eq!(head_end(text.as_bytes(), cut), end, "{text:?} at {cut}");
            }
        }
    }

    #[test]
    fn a_head_is_plain_when_nothing_in_it_is_to_be_unfolded() {
        for len in 1..200 {
            let line = "x".repeat(len);
            let plain = format!("A: {line}\r\nB: 1\r\n\r\nbody\r\n folded\rodd");
            assert_eq!(plain_head_end(plain.as_bytes()), head_end(plain.as_bytes(), 0));
            for odd in ["\r\n ", "\n\t", "\r", "\r\r\n"] {
                let head = format!("A: {line}{odd}x\r\nB: 1\r\n\r\n");
                assert_eq!(plain_head_end(head.as_bytes()), None, "{head:?}");
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

    #[test]
    fn every_line_is_written_in_one_way_however_it_came() {
        let head = "R\r\nVia: SIP/2.0/UDP a,SIP/2.0/UDP b\r\nX-A: 1\r\nX-B: 2\r\nk: 3\r\nX-C:4\r\nX-D : 5\r\nX-E:  6\r\n\
            X-F: 7 \r\n X-G: 8\r\nl: 9\r\nX-H: \r\nX-I:\r\nCALL-ID: 10\r\nTo: 11\nFrom: 12\nX-J: 13\r\nX-K: 14";
        let mut places = each(head);
        let mut lines = Lines::new(Cow::Borrowed(head), places.next().unwrap());
        places.for_each(|place| assert!(lines.add(place).is_ok()));
        let mut written = String::new();
        lines.without_top_via_and_length().write(&mut written);
        assert_eq!(
            written,
            "\r\nVia: SIP/2.0/UDP b\r\nX-A: 1\r\nX-B: 2\r\nSupported: 3\r\nX-C: 4\r\nX-D: 5\r\nX-E: 6\r\nX-F: 7\r\nX-G: 8\r\n\
             X-H: \r\nX-I: \r\nCall-ID: 10\r\nTo: 11\r\nFrom: 12\r\nX-J: 13\r\nX-K: 14"
        );
    }
}
