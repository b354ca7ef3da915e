//! Bodies of several parts (RFC 2046 5.1, RFC 5621): where in one the part lies that a user agent can read.

use super::lines::{self, head_end};
use super::{Params, scan, text};

/// How deep parts may lie in parts.
pub const MAX_DEPTH: usize = 4;
/// The most parts looked at in one body, at all depths together.
pub const MAX_PARTS: usize = 32;

/// Why there is nothing to read in a body that is not empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    /// Of another type, coded in a way that we do not know, or nested too deep: 415.
    Type,
    /// Encrypted, to a key that we do not have: 493 (RFC 3261 23.4).
    Encrypted,
}

/// The media type without its parameters, in lower case.
fn kind_of(content_type: &str) -> String {
    scan::trim(content_type.split(';').next().unwrap_or_default()).to_ascii_lowercase()
}

/// What `body` has of the types `wanted` (in lower case): the body itself, or a part of it. In `multipart/mixed` and its
/// like the first such part counts, in `multipart/alternative` the last, which its sender likes best; where another part says of
/// itself that it must be understood (`handling=required`, RFC 5621 3.3) and is not, there is none. `body` without a `content_type`
/// is of a type wanted.
///
/// # Errors
/// Why there is none.
pub fn find<'a>(content_type: Option<&str>, body: &'a [u8], wanted: &[&str]) -> Result<&'a [u8], Unreadable> {
    let mut search = Search { wanted, parts: 0, encrypted: false, not_understood: false };
    let Some(content_type) = content_type else {
        return Ok(body);
    };
    match search.look(content_type, body, 0) {
        Some(found) if !search.not_understood => Ok(found),
        _ if search.encrypted => Err(Unreadable::Encrypted),
        _ => Err(Unreadable::Type),
    }
}

/// Whether a Content-Disposition says this about who does not understand the body: `required`, `optional` (RFC 3261 20.11).
pub fn has_handling(disposition: &str, wanted: &str) -> bool {
    let params = disposition.split_once(';').and_then(|(_, params)| Params::parse(params).ok());
    params.is_some_and(|params| params.get("handling").is_some_and(|handling| handling.eq_ignore_ascii_case(wanted)))
}

struct Search<'w> {
    wanted: &'w [&'w str],
    parts: usize,
    encrypted: bool,
    /// A part that must be understood is not.
    not_understood: bool,
}

impl Search<'_> {
    fn look<'a>(&mut self, content_type: &str, body: &'a [u8], depth: usize) -> Option<&'a [u8]> {
        let kind = kind_of(content_type);
        if self.wanted.contains(&kind.as_str()) {
            return Some(body);
        }
        self.encrypted |= matches!(kind.as_str(), "application/pkcs7-mime" | "multipart/encrypted");
        let subtype = kind.strip_prefix("multipart/").filter(|subtype| *subtype != "encrypted")?;
        let boundary = boundary_of(content_type)?;
        if depth >= MAX_DEPTH {
            return None;
        }
        let mut found = None;
        for part in parts(body, &boundary) {
            self.parts += 1;
            if self.parts > MAX_PARTS {
                break;
            }
            let Part { content_type, body, is_required } = read_part(part);
            if subtype == "alternative" {
                found = content_type.and_then(|kind| self.look(&kind, body, depth + 1)).or(found);
            } else if found.is_none() || is_required {
                let here = content_type.and_then(|kind| self.look(&kind, body, depth + 1));
                self.not_understood |= is_required && here.is_none();
                found = found.or(here);
            }
        }
        found
    }
}

/// The boundary that a multipart type names; at most 70 characters (RFC 2046 5.1.1).
fn boundary_of(content_type: &str) -> Option<Vec<u8>> {
    let params = Params::parse(content_type.split_once(';')?.1).ok()?;
    let boundary = params.unquoted("boundary").filter(|boundary| (1..=70).contains(&boundary.len()))?;
    Some([b"--".as_slice(), &text::to_bytes(&boundary)].concat())
}

/// What lies between the delimiter lines. A last part whose end is missing runs to the end of the body.
fn parts<'a>(body: &'a [u8], delimiter: &[u8]) -> impl Iterator<Item = &'a [u8]> {
    let mut rest = next_delimiter(body, delimiter).map(|(_, rest)| rest);
    std::iter::from_fn(move || {
        let here = rest.take()?;
        match next_delimiter(here, delimiter) {
            Some((part, behind)) => {
                rest = Some(behind);
                Some(part)
            }
            None => Some(here),
        }
    })
    // What follows the closing delimiter is no part.
    .take_while(|part| !part.starts_with(b"--"))
    // The rest of the delimiter line: white space only.
    .filter_map(|part| {
        let line_end = part.iter().position(|byte| *byte == b'\n')?;
        let padding = part[..line_end].iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r'));
        padding.then(|| &part[line_end + 1..])
    })
}

/// What is before the next delimiter that begins a line, and what is behind it. The line end before it belongs to it.
fn next_delimiter<'a>(bytes: &'a [u8], delimiter: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let mut line_start = 0;
    loop {
        let line = &bytes[line_start..];
        if let Some(behind) = line.strip_prefix(delimiter)
            && behind.first().is_none_or(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'-'))
        {
            let before = &bytes[..line_start];
            let before = before.strip_suffix(b"\n").map_or(before, |text| text.strip_suffix(b"\r").unwrap_or(text));
            return Some((before, behind));
        }
        line_start += line.iter().position(|byte| *byte == b'\n')? + 1;
    }
}

/// One of several parts.
struct Part<'a> {
    /// None when the part is coded in a way that we do not read; `text/plain` when it names none.
    content_type: Option<String>,
    body: &'a [u8],
    /// It says that it must be understood.
    is_required: bool,
}

fn read_part(part: &[u8]) -> Part<'_> {
    let plain = Part { content_type: Some("text/plain".to_owned()), body: b"", is_required: false };
    if let Some(body) = part.strip_prefix(b"\r\n").or_else(|| part.strip_prefix(b"\n")) {
        return Part { body, ..plain };
    }
    let Some(end) = head_end(part, 0) else {
        return plain;
    };
    let head = lines::unfold(text::from_bytes(&part[..end]));
    let mut read = Part { body: &part[end..], ..plain };
    let mut is_coded = false;
    for (name, value) in lines::each(&head).filter_map(|line| lines::read(&head[line]).ok()) {
        let is_plain = || ["binary", "8bit", "7bit", "identity"].iter().any(|plain| plain.eq_ignore_ascii_case(value));
        if name == "Content-Type" {
            read.content_type = Some(value.to_owned());
        } else if name.eq_ignore_ascii_case("Content-Disposition") {
            read.is_required = has_handling(value, "required");
        } else if ["Content-Transfer-Encoding", "Content-Encoding"]
            .iter()
            .any(|coding| coding.eq_ignore_ascii_case(name))
            && !is_plain()
        {
            is_coded = true;
        }
    }
    if is_coded { Part { content_type: None, ..read } } else { read }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SDP: &str = "application/sdp";

    fn found(content_type: &str, body: &str) -> Result<String, Unreadable> {
        find(Some(content_type), body.as_bytes(), &[SDP]).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    fn part(head: &str, body: &str) -> String {
        format!("--b\r\n{head}\r\n\r\n{body}\r\n")
    }

    #[test]
    fn a_body_that_is_what_is_wanted() {
        assert_eq!(found(" Application/SDP ;charset=x", "v=0").as_deref(), Ok("v=0"));
        assert_eq!(find(None, b"v=0", &[SDP]), Ok(b"v=0".as_slice()));
        assert_eq!(found("text/plain", "v=0"), Err(Unreadable::Type));
        assert_eq!(find(Some("text/plain"), b"hello", &[SDP, "text/plain"]), Ok(b"hello".as_slice()));
        assert_eq!(found("application/pkcs7-mime; smime-type=enveloped-data", "\0"), Err(Unreadable::Encrypted));
        assert_eq!(
            found("multipart/encrypted;boundary=b", &part("c: application/sdp", "v=0")),
            Err(Unreadable::Encrypted)
        );
    }

    #[test]
    fn a_part_that_is_what_is_wanted() {
        let other = part("Content-Type: application/xml", "<a/>");
        let one = part("c:application/sdp\r\nContent-Disposition: session", "v=0\r\no=1\r\n");
        let two = part("CONTENT-TYPE :\r\n application/sdp", "v=2");
        let body = format!("prologue\r\n{other}{one}{two}--b--\r\n{two}");
        assert_eq!(found("multipart/mixed;boundary=b", &body).as_deref(), Ok("v=0\r\no=1\r\n"));
        assert_eq!(found("multipart/alternative; x=y; boundary=\"b\"", &body).as_deref(), Ok("v=2"));
        // What must be understood and is not, before or behind; what may be ignored; what is understood.
        let unknown =
            |handling: &str| part(&format!("c: application/x\r\nContent-Disposition: signal;handling={handling}"), "x");
        let required = part("c: application/sdp\r\ncontent-disposition: session ; Handling=Required", "v=3");
        for (body, expected) in [
            (unknown("required") + &two, Err(Unreadable::Type)),
            (two.clone() + &unknown("REQUIRED"), Err(Unreadable::Type)),
            (unknown("optional") + &two + &unknown("optional"), Ok("v=2")),
            (required.clone() + &two, Ok("v=3")),
            (two.clone() + &required, Ok("v=2")),
        ] {
            let body = body + "--b--";
            assert_eq!(found("multipart/mixed;boundary=b", &body).as_deref(), expected.as_deref(), "{body}");
        }
        assert_eq!(
            found("multipart/alternative;boundary=b", &(unknown("required") + &two + "--b--")).as_deref(),
            Ok("v=2")
        );
        // Bare line feeds, padding, no end.
        assert_eq!(found("multipart/related;boundary=b", "--b \t\nc: application/sdp\n\nv=0").as_deref(), Ok("v=0"));
        // A boundary in another's beginning, and one that does not begin a line.
        let body = "--bb\r\n\r\nx\r\n --b\r\n--b\r\nc: application/sdp\r\n\r\nv=0 --b\r\n--b--";
        assert_eq!(found("multipart/mixed;boundary=b", body).as_deref(), Ok("v=0 --b"));
    }

    #[test]
    fn parts_that_cannot_be_read() {
        let coded = part("c: application/sdp\r\nContent-Transfer-Encoding: base64", "dj0w");
        assert_eq!(found("multipart/mixed;boundary=b", &coded), Err(Unreadable::Type));
        let binary = part("c: application/sdp\r\nContent-Transfer-Encoding: BINARY", "v=0");
        assert!(found("multipart/mixed;boundary=b", &binary).is_ok());
        let secret = part("c: application/pkcs7-mime", "\0");
        assert_eq!(found("multipart/mixed;boundary=b", &secret), Err(Unreadable::Encrypted));
        for (kind, body) in [
            ("multipart/mixed", binary.as_str()),
            ("multipart/mixed;boundary=", &binary),
            ("multipart/mixed;boundary=\"b", &binary),
            ("multipart/mixed;boundary=b", ""),
            ("multipart/mixed;boundary=b", "--b"),
            ("multipart/mixed;boundary=b", "--b--"),
            ("multipart/mixed;boundary=b", "--b\r\n"),
            ("multipart/mixed;boundary=b", "--b\r\n\r\nv=0\r\n--b--"),
            ("multipart/mixed;boundary=b", "--b x\r\nc: application/sdp\r\n\r\nv=0\r\n--b--"),
        ] {
            assert_eq!(found(kind, body), Err(Unreadable::Type), "{kind} {body}");
        }
    }

    #[test]
    fn nesting_and_number_are_limited() {
        let nested = |depth: usize| {
            let wrap = |(kind, body): (String, String), level: usize| {
                let inside = format!("--{level}\r\nc: {kind}\r\n\r\n{body}\r\n--{level}--\r\n");
                (format!("multipart/mixed;boundary={level}"), inside)
            };
            let (kind, body) = (0..depth).fold((SDP.to_owned(), "v=0".to_owned()), wrap);
            found(&kind, &body)
        };
        assert_eq!(nested(MAX_DEPTH).as_deref(), Ok("v=0"));
        assert_eq!(nested(MAX_DEPTH + 1), Err(Unreadable::Type));
        let crowd = |before: usize| part("c: a/b", "").repeat(before) + &part("c: application/sdp", "v=0");
        assert!(found("multipart/mixed;boundary=b", &crowd(MAX_PARTS - 1)).is_ok());
        assert!(found("multipart/mixed;boundary=b", &crowd(MAX_PARTS)).is_err());
        // The same boundary at every depth costs no more than the limit says.
        let mut body = String::new();
        for _ in 0..2_000 {
            body.push_str("--b\r\nc: multipart/mixed;boundary=b\r\n\r\n");
        }
        assert!(found("multipart/mixed;boundary=b", &body).is_err());
    }
}
