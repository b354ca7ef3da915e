//! Names of header fields: compact and full, in any spelling.

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
        const NAMES: &[&str] = &[$($name,)*];
        /// Those that may stand only once: a bit for each.
        const SINGLE: u64 = $((HowOften::$how_often as u64) << Field::$variant as u32)|*;
    };
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
    To = "To" Once,
    Via = "Via" Many,
    From = "From" Once,
    CSeq = "CSeq" Once,
    RSeq = "RSeq" Once,
    RAck = "RAck" Once,
    Route = "Route" Many,
    Event = "Event" Once,
    MinSe = "Min-SE" Once,
    CallId = "Call-ID" Once,
    Contact = "Contact" Many,
    Expires = "Expires" Once,
    Subject = "Subject" Many,
    Identity = "Identity" Many,
    ReferTo = "Refer-To" Once,
    Replaces = "Replaces" Once,
    Supported = "Supported" Many,
    MinExpires = "Min-Expires" Once,
    ReferredBy = "Referred-By" Many,
    RetryAfter = "Retry-After" Once,
    AllowEvents = "Allow-Events" Many,
    ContentType = "Content-Type" Once,
    MaxForwards = "Max-Forwards" Once,
    RecordRoute = "Record-Route" Many,
    IdentityInfo = "Identity-Info" Many,
    AcceptContact = "Accept-Contact" Many,
    ContentLength = "Content-Length" Once,
    RejectContact = "Reject-Contact" Many,
    SessionExpires = "Session-Expires" Once,
    ContentEncoding = "Content-Encoding" Many,
    ContentDisposition = "Content-Disposition" Once,
    RequestDisposition = "Request-Disposition" Many,
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

impl Field {
    /// The field of a name, compact or full, in any spelling.
    pub(super) fn of(name: &str) -> Option<Self> {
        let first = match name.as_bytes() {
            [] => return None,
            [letter] => return Field::of_letter(*letter),
            [first, ..] => *first,
        };
        let (start, end) = (*FROM_LENGTH.get(name.len())?, *FROM_LENGTH.get(name.len() + 1)?);
        let alike = &NAMES[start..end];
        let as_usual = alike.iter().position(|own| own.as_bytes()[0] == first && *own == name);
        let at = as_usual.or_else(|| alike.iter().position(|own| own.eq_ignore_ascii_case(name)))?;
        Some(FIELDS[start + at])
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
                assert_eq!(Field::of(&name), Some(*field), "they stand by their length");
            }
        }
        assert_eq!((Field::of("T"), Field::of("k")), (Some(Field::To), Some(Field::Supported)));
        let unknown = ["", "q", "X-Own", "Too", "Content-Dispositions", "A-Name-That-Is-Longer-Than-All"];
        assert!(unknown.into_iter().all(|name| Field::of(name).is_none()));
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
