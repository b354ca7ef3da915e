//! Names of header fields: compact and full, in any spelling.

use std::ops::Range;

macro_rules! fields {
    ($($variant:ident = $name:literal $how_often:ident,)*) => {
        /// A header field whose name has a compact form or that the parser itself looks for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(in crate::sip) enum Field {
            $($variant,)*
        }

        /// All of them.
        const FIELDS: &[Field] = &[$(Field::$variant,)*];
        /// Their full names in the usual spelling.
        const NAMES: &[&str] = &[$(text($name),)*];
        /// Those that may stand only once: a bit for each.
        const SINGLE: u64 = $((HowOften::$how_often as u64) << Field::$variant as u32)|*;

        impl Field {
            /// The field of a full name in the usual spelling.
            #[inline]
            pub(super) fn of_usual(name: &[u8]) -> Option<Self> {
                match name {
                    $($name => Some(Field::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

/// A name as text.
const fn text(name: &'static [u8]) -> &'static str {
    match str::from_utf8(name) {
        Ok(name) => name,
        Err(_) => panic!("names are ASCII"),
    }
}

/// How often a field may stand in a message.
enum HowOften {
    /// As often as one likes, or it does not matter to this program.
    Many,
    /// It means something to this program (RFC 3261 7.3.1): twice, it could be read in two ways.
    Once,
}

// By the length of their names.
fields! {
    To = b"To" Once,
    Via = b"Via" Many,
    From = b"From" Once,
    CSeq = b"CSeq" Once,
    RSeq = b"RSeq" Once,
    RAck = b"RAck" Once,
    Route = b"Route" Many,
    Event = b"Event" Once,
    MinSe = b"Min-SE" Once,
    CallId = b"Call-ID" Once,
    Contact = b"Contact" Many,
    Expires = b"Expires" Once,
    Subject = b"Subject" Many,
    Identity = b"Identity" Many,
    ReferTo = b"Refer-To" Once,
    Replaces = b"Replaces" Once,
    Supported = b"Supported" Many,
    MinExpires = b"Min-Expires" Once,
    ReferredBy = b"Referred-By" Many,
    RetryAfter = b"Retry-After" Once,
    AllowEvents = b"Allow-Events" Many,
    ContentType = b"Content-Type" Once,
    MaxForwards = b"Max-Forwards" Once,
    RecordRoute = b"Record-Route" Many,
    IdentityInfo = b"Identity-Info" Many,
    AcceptContact = b"Accept-Contact" Many,
    ContentLength = b"Content-Length" Once,
    RejectContact = b"Reject-Contact" Many,
    SessionExpires = b"Session-Expires" Once,
    ContentEncoding = b"Content-Encoding" Many,
    ContentDisposition = b"Content-Disposition" Once,
    RequestDisposition = b"Request-Disposition" Many,
}

/// Where among them those begin whose names are so long or longer.
const FROM_LENGTH: [usize; 21] = {
    let mut starts = [0; 21];
    let mut length = 0;
    while length < starts.len() {
        let mut start = 0;
        while start < NAMES.len() && NAMES[start].len() < length {
            start += 1;
        }
        starts[length] = start;
        length += 1;
    }
    starts
};

/// Where among them those stand whose names are as long as this one.
#[inline]
fn alike(name: &[u8]) -> Option<Range<usize>> {
    Some(*FROM_LENGTH.get(name.len())?..*FROM_LENGTH.get(name.len() + 1)?)
}

impl Field {
    /// The field of a name, compact or full, in any spelling.
    pub(super) fn of(name: &[u8]) -> Option<Self> {
        if let [letter] = name {
            return Field::of_letter(*letter);
        }
        let alike = FIELDS.get(alike(name)?)?;
        alike.iter().copied().find(|field| field.name().as_bytes().eq_ignore_ascii_case(name))
    }

    /// The field behind a compact name (RFC 3261 7.3.3 and the registry of header fields).
    fn of_letter(letter: u8) -> Option<Self> {
        Some(match letter.to_ascii_lowercase() {
            b'a' => Field::AcceptContact,
            b'b' => Field::ReferredBy,
            b'c' => Field::ContentType,
            b'd' => Field::RequestDisposition,
            b'e' => Field::ContentEncoding,
            b'f' => Field::From,
            b'i' => Field::CallId,
            b'j' => Field::RejectContact,
            b'k' => Field::Supported,
            b'l' => Field::ContentLength,
            b'm' => Field::Contact,
            b'n' => Field::IdentityInfo,
            b'o' => Field::Event,
            b'r' => Field::ReferTo,
            b's' => Field::Subject,
            b't' => Field::To,
            b'u' => Field::AllowEvents,
            b'v' => Field::Via,
            b'x' => Field::SessionExpires,
            b'y' => Field::Identity,
            _ => return None,
        })
    }

    /// The full name in the usual spelling.
    #[inline]
    pub(super) fn name(self) -> &'static str {
        NAMES[self as usize]
    }

    /// A bit of its own, if it may stand only once; else none.
    pub(super) fn single_bit(self) -> u64 {
        SINGLE & 1 << self as u32
    }
}

/// The full name behind a compact one; any other name is its own.
pub fn full_name(name: &str) -> &str {
    match name.as_bytes() {
        [letter] => Field::of_letter(*letter).map_or(name, |field| field.name()),
        _ => name,
    }
}

/// Whether the grammar of the header is a comma list, so that several lines mean the same as one (RFC 3261 7.3.1).
/// Challenges and credentials are not: their commas separate parameters.
pub fn is_list(name: &str) -> bool {
    const LISTS: &[&str] = &[
        "Accept",
        "Accept-Contact",
        "Accept-Encoding",
        "Accept-Language",
        "Alert-Info",
        "Allow",
        "Allow-Events",
        "Call-Info",
        "Contact",
        "Content-Encoding",
        "Content-Language",
        "Error-Info",
        "History-Info",
        "In-Reply-To",
        "P-Asserted-Identity",
        "P-Associated-URI",
        "P-Preferred-Identity",
        "Path",
        "Proxy-Require",
        "Reason",
        "Record-Route",
        "Reject-Contact",
        "Request-Disposition",
        "Require",
        "Route",
        "Service-Route",
        "Supported",
        "Unsupported",
        "Via",
        "Warning",
    ];
    LISTS.iter().any(|list| list.eq_ignore_ascii_case(full_name(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_all_its_names() {
        for (field, name) in FIELDS.iter().zip(NAMES) {
            for name in [name.to_string(), name.to_uppercase(), name.to_lowercase()] {
                assert_eq!(Field::of(name.as_bytes()), Some(*field), "they stand by their length");
                assert_eq!(Field::of_usual(name.as_bytes()).is_some(), name == field.name());
            }
            assert_eq!(Field::of_usual(field.name().as_bytes()), Some(*field));
        }
        assert_eq!((Field::of(b"T"), Field::of(b"k")), (Some(Field::To), Some(Field::Supported)));
        let unknown = ["", "q", "X-Own", "Too", "Content-Dispositions", "A-Name-That-Is-Longer-Than-All"];
        assert!(unknown.into_iter().all(|name| Field::of(name.as_bytes()).is_none()));
        assert_eq!((full_name("L"), full_name("q")), ("Content-Length", "q"));
    }

    #[test]
    fn what_may_stand_once_has_a_bit_of_its_own() {
        assert_eq!(Field::To.single_bit() | Field::CallId.single_bit(), 1 | 1 << 9);
        assert_eq!(Field::Via.single_bit() | Field::Supported.single_bit() | Field::Subject.single_bit(), 0);
    }

    #[test]
    fn lists_by_any_name() {
        assert!(is_list("m") && is_list("RECORD-ROUTE") && !is_list("WWW-Authenticate"));
    }
}
