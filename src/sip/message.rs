//! Requests and responses as the rest of the core sees them; the only file that names `rsip`.
//!
//! rsip is the model of what we say: its [`rsip::Header`]s, in their order, are the lines of a head that we make or change. It
//! never reads from the network nor writes to it, since it knows neither compact names nor folding, IPv6, unknown methods
//! and binary bodies: [`super::wire`] does that, and a head that came stays the text that it was, with its lines marked.

use std::fmt::{self, Write};

use rsip::Header;
use rsip::headers::UntypedHeader;

pub use super::wire::body::Unreadable;
use super::wire::lines;
use super::wire::names::Field;
pub use super::wire::phrase::reason_phrase;
pub use super::wire::{Host, Method, NameAddr, Params, Reject, Uri, Via};
use super::wire::{body, names, scan, serialise};

/// The media type of session descriptions.
const SDP: &str = "application/sdp";

/// A message of either kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Somebody asks for something.
    Request(Request),
    /// An answer.
    Response(Response),
}

/// The parser lets no message pass without one, and a request of ours gets one before anybody asks.
const HAS_A_VIA: &str = "every message has a Via";

/// What every message has, read once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Core {
    /// The topmost hop; the others are lines. None in a request of ours that nobody has sent yet.
    pub(super) via: Option<Via>,
    pub(super) from: NameAddr,
    pub(super) to: NameAddr,
    pub(super) cseq: (u32, Method),
}

/// The part that requests and responses have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Head {
    core: Box<Core>,
    lines: Lines,
    body: Vec<u8>,
}

/// About how long a start line and a Via of ours are, in bytes.
const FIRST_LINES: usize = 160;

/// Header lines but for the topmost Via and Content-Length, which are written anew.
#[derive(Debug, Clone)]
enum Lines {
    /// As they came.
    Read(lines::Lines<'static>),
    /// As we say them.
    Ours(Vec<Header>),
}

impl Lines {
    /// Name, in full, and value of a line.
    fn at(&self, index: usize) -> Option<(&str, &str)> {
        match self {
            Lines::Read(lines) => lines.at(index),
            Lines::Ours(lines) => lines.get(index).map(parts),
        }
    }

    fn iter(&self) -> impl Iterator<Item = (&str, &str)> + Clone {
        (0..).map_while(|index| self.at(index))
    }

    /// The Call-ID; no message is without one.
    fn call_id(&self) -> &str {
        let value = match self {
            Lines::Read(lines) => lines.get(Field::CallId),
            Lines::Ours(lines) => lines.iter().map(parts).find(|(name, _)| *name == "Call-ID").map(|(_, value)| value),
        };
        value.unwrap_or_default()
    }

    /// Writes all lines behind the end of the line before them.
    fn write(&self, to: &mut String) {
        match self {
            Lines::Read(lines) => lines.write(to),
            Lines::Ours(lines) => serialise::lines(to, lines.iter().map(parts)),
        }
    }

    /// About how long the whole head is, in bytes.
    fn head_len(&self) -> usize {
        match self {
            Lines::Read(lines) => lines.head_len(),
            Lines::Ours(lines) => {
                let len = |line| parts(line).0.len() + parts(line).1.len() + 4;
                FIRST_LINES + lines.iter().map(len).sum::<usize>()
            }
        }
    }

    /// The same lines, to be changed.
    fn ours(&mut self) -> &mut Vec<Header> {
        if let Lines::Read(_) = self {
            *self = Lines::Ours(self.iter().map(|(name, value)| line(name, value.to_owned())).collect());
        }
        match self {
            Lines::Ours(lines) => lines,
            Lines::Read(_) => unreachable!("they are ours by now"),
        }
    }
}

/// Equal when they say the same, whoever made them.
impl PartialEq for Lines {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Lines {}

/// One look-up both ways between names and rsip's variants, which hold a value without its name.
macro_rules! known_lines {
    ($($variant:ident = $name:literal),* $(,)?) => {
        /// A header line. Names are compared with regard to case, so that any other spelling is kept as it is.
        fn line(name: &str, value: String) -> Header {
            match name {
                $($name => Header::$variant(value.into()),)*
                _ => Header::Other(name.to_owned(), value),
            }
        }

        /// The name and the value of a line.
        fn parts(line: &Header) -> (&str, &str) {
            match line {
                $(Header::$variant(line) => ($name, line.value()),)*
                Header::Other(name, value) => (name, value),
                // `line` makes no others.
                _ => ("", ""),
            }
        }
    };
}

known_lines! {
    Via = "Via",
    From = "From",
    To = "To",
    CallId = "Call-ID",
    CSeq = "CSeq",
    MaxForwards = "Max-Forwards",
    Contact = "Contact",
    Route = "Route",
    RecordRoute = "Record-Route",
    ContentType = "Content-Type",
    ContentDisposition = "Content-Disposition",
    ContentEncoding = "Content-Encoding",
    Accept = "Accept",
    Allow = "Allow",
    Supported = "Supported",
    Require = "Require",
    Unsupported = "Unsupported",
    UserAgent = "User-Agent",
    Server = "Server",
    Expires = "Expires",
    Date = "Date",
    Subject = "Subject",
    Timestamp = "Timestamp",
    RetryAfter = "Retry-After",
    Warning = "Warning",
    Authorization = "Authorization",
    ProxyAuthorization = "Proxy-Authorization",
    WwwAuthenticate = "WWW-Authenticate",
    ProxyAuthenticate = "Proxy-Authenticate",
}

impl Head {
    fn read(core: Box<Core>, lines: lines::Lines<'_>, body: Vec<u8>) -> Self {
        Head { core, lines: Lines::Read(lines.without_top_via_and_length().into_owned()), body }
    }

    fn lines_of(&self, name: &str) -> impl Iterator<Item = &str> {
        self.lines.iter().filter(move |(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        let is_list = names::is_list(name);
        self.lines_of(name).flat_map(move |value| {
            let elements = is_list.then(|| scan::split_outside(value, b',').filter(|element| !element.is_empty()));
            elements.into_iter().flatten().chain((!is_list).then_some(value))
        })
    }

    fn addresses(&self, name: &str) -> Vec<NameAddr> {
        self.values(name).filter_map(|value| NameAddr::parse(value).ok()).collect()
    }

    fn push(&mut self, name: &str, value: &str) {
        let name = serialise::one_line(name);
        self.lines.ours().push(line(names::full_name(&name), serialise::one_line(value).into_owned()));
    }

    fn remove(&mut self, name: &str) {
        self.lines.ours().retain(|line| !parts(line).0.eq_ignore_ascii_case(name));
    }

    /// Replaces the value of the first line of that name.
    fn replace_first(&mut self, name: &str, value: &str) {
        if let Some(old) = self.lines.ours().iter_mut().find(|line| parts(line).0 == name) {
            *old = line(name, serialise::one_line(value).into_owned());
        }
    }

    fn find_body(&self, kinds: &[&str]) -> Result<Option<&[u8]>, Unreadable> {
        if self.body.is_empty() {
            return Ok(None);
        }
        let is_plain = self.values("Content-Encoding").all(|coding| coding.eq_ignore_ascii_case("identity"));
        let content_type = self.lines_of("Content-Type").next();
        let found = if is_plain { body::find(content_type, &self.body, kinds) } else { Err(Unreadable::Type) };
        let disposition = self.lines_of("Content-Disposition").next();
        let is_optional = || disposition.is_some_and(|disposition| body::has_handling(disposition, "optional"));
        match found {
            Err(_) if is_optional() => Ok(None),
            found => found.map(Some),
        }
    }

    fn set_body(&mut self, content_type: &str, body: Vec<u8>) {
        self.remove("Content-Type");
        if !body.is_empty() {
            self.push("Content-Type", content_type);
        }
        self.body = body;
    }

    fn bytes(&self, first_line: impl FnOnce(&mut String) -> fmt::Result) -> Vec<u8> {
        let lines = |head: &mut String| self.lines.write(head);
        serialise::message(first_line, self.core.via.as_ref(), lines, self.lines.head_len(), &self.body)
    }
}

/// The accessors that requests and responses share.
macro_rules! accessors {
    () => {
        /// The topmost hop.
        pub fn top_via(&self) -> &Via {
            self.head.core.via.as_ref().expect(HAS_A_VIA)
        }

        /// The hops below the topmost, as they came: they are others' to read.
        pub fn lower_vias(&self) -> impl Iterator<Item = &str> {
            self.head.values("Via")
        }

        /// Who began the transaction.
        pub fn from(&self) -> &NameAddr {
            &self.head.core.from
        }

        /// Whom the transaction is for.
        pub fn to(&self) -> &NameAddr {
            &self.head.core.to
        }

        /// The Call-ID, compared byte for byte (RFC 3261 20.8).
        pub fn call_id(&self) -> &str {
            self.head.lines.call_id()
        }

        /// Sequence number and method (RFC 3261 20.16).
        pub fn cseq(&self) -> (u32, Method) {
            self.head.core.cseq.clone()
        }

        /// The value of the first line of this name, compact names included. For Via see [`Self::top_via`].
        pub fn header(&self, name: &str) -> Option<&str> {
            self.head.lines_of(name).next()
        }

        /// All values of this name: each line, and where the grammar says list, each element of it (RFC 3261 7.3.1).
        pub fn headers(&self, name: &str) -> impl Iterator<Item = &str> {
            self.head.values(name)
        }

        /// The first Contact that is an address; none for `*` or a broken one.
        pub fn contact(&self) -> Option<NameAddr> {
            self.head.values("Contact").next().and_then(|value| NameAddr::parse(value).ok())
        }

        /// The Record-Route set in the order of the wire.
        pub fn record_routes(&self) -> Vec<NameAddr> {
            self.head.addresses("Record-Route")
        }

        /// The Route set in the order of the wire.
        pub fn routes(&self) -> Vec<NameAddr> {
            self.head.addresses("Route")
        }

        /// The media type of the body, parameters included.
        pub fn content_type(&self) -> Option<&str> {
            self.header("Content-Type")
        }

        /// The body, as many bytes as Content-Length said.
        pub fn body(&self) -> &[u8] {
            &self.head.body
        }

        /// The session description in the body, alone or in a multipart body; none when the body is empty, or declared
        /// dispensable (`handling=optional`, RFC 3261 20.11) and of another type.
        ///
        /// # Errors
        /// Why a body that matters cannot be read.
        pub fn session_description(&self) -> Result<Option<&[u8]>, Unreadable> {
            self.find_body(&[SDP])
        }

        /// The same of a body of one of these kinds, in lower case.
        ///
        /// # Errors
        /// Why a body that matters cannot be read.
        pub fn find_body(&self, kinds: &[&str]) -> Result<Option<&[u8]>, Unreadable> {
            self.head.find_body(kinds)
        }

        /// Adds a header line at the end. Line ends in the value become spaces.
        pub fn push_header(&mut self, name: &str, value: &str) {
            self.head.push(name, value);
        }

        /// Sets the body and its type; an empty body takes the type away.
        pub fn set_body(&mut self, content_type: &str, body: Vec<u8>) {
            self.head.set_body(content_type, body);
        }
    };
}

/// Somebody asks for something (RFC 3261 7.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    method: Method,
    uri: Uri,
    head: Head,
}

impl Request {
    /// A request of ours with the headers that every one has (RFC 3261 8.1.1) but for Via, which its transaction adds.
    ///
    /// Headers in the URI are left out: a Contact may have them, a Request-URI may not (19.1.1).
    pub fn new(method: Method, uri: Uri, from: &NameAddr, to: &NameAddr, call_id: &str, cseq: u32) -> Self {
        let uri = uri.without_headers();
        let core = Box::new(Core { via: None, from: from.clone(), to: to.clone(), cseq: (cseq, method.clone()) });
        let mut head = Head { core, lines: Lines::Ours(Vec::with_capacity(12)), body: Vec::new() };
        head.push("Max-Forwards", "70");
        head.push("From", &from.to_string());
        head.push("To", &to.to_string());
        head.push("Call-ID", call_id);
        head.push("CSeq", &format!("{cseq} {method}"));
        Request { method, uri, head }
    }

    pub(super) fn read(method: Method, uri: Uri, core: Box<Core>, lines: lines::Lines<'_>, body: Vec<u8>) -> Self {
        Request { method, uri, head: Head::read(core, lines, body) }
    }

    accessors!();

    /// What is asked for.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The Request-URI.
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// How many hops it may still go; 70 when it does not say (RFC 3261 16.6).
    pub fn max_forwards(&self) -> u8 {
        self.header("Max-Forwards").and_then(scan::digits).unwrap_or(70)
    }

    /// The topmost hop, to note in it where the request came from.
    pub fn top_via_mut(&mut self) -> &mut Via {
        self.head.core.via.as_mut().expect(HAS_A_VIA)
    }

    /// Puts the hop on a request of ours, which has none yet.
    pub fn push_via(&mut self, via: Via) {
        self.head.core.via = Some(via);
    }

    /// The same request as it goes again under another number: without Via.
    pub fn with_number(&self, number: u32) -> Self {
        let mut again = self.clone();
        again.head.core.via = None;
        again.head.core.cseq.0 = number;
        again.head.replace_first("CSeq", &format!("{number} {}", self.method));
        again
    }

    /// The bytes for the wire.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.head.bytes(|to| {
            to.write_str(self.method.as_str())?;
            to.write_str(" ")?;
            self.uri.write(to)?;
            to.write_str(" SIP/2.0")
        })
    }
}

/// An answer (RFC 3261 7.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    status: u16,
    reason: String,
    head: Head,
}

impl Response {
    /// An answer to `request`: byte for byte its Via lines (the topmost hop part for part), From, To, Call-ID, CSeq and, in
    /// a 100, its Timestamp (RFC 3261 8.2.6). The To tag is the caller's to set.
    pub fn answer(request: &Request, status: u16) -> Self {
        let is_repeated = |name: &str| {
            matches!(name, "Via" | "From" | "To" | "Call-ID" | "CSeq")
                || (status == 100 && name.eq_ignore_ascii_case("Timestamp"))
        };
        let repeated = request.head.lines.iter().filter(|(name, _)| is_repeated(name));
        let lines = Lines::Ours(repeated.map(|(name, value)| line(name, value.to_owned())).collect());
        let head = Head { core: request.head.core.clone(), lines, body: Vec::new() };
        Response { status, reason: reason_phrase(status).to_owned(), head }
    }

    pub(super) fn read(status: u16, reason: String, core: Box<Core>, lines: lines::Lines<'_>, body: Vec<u8>) -> Self {
        Response { status, reason, head: Head::read(core, lines, body) }
    }

    accessors!();

    /// 100–699.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The phrase as it came; for people, never for decisions.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Says in the phrase what is wrong with the request (RFC 3261 21.4.1).
    pub fn add_to_reason(&mut self, why: &str) {
        self.reason = format!("{} ({})", self.reason, serialise::one_line(why));
    }

    /// Gives To this tag if it has none.
    pub fn set_to_tag(&mut self, tag: &str) {
        let to = &mut self.head.core.to;
        if to.tag().is_none() {
            let text = self.head.lines.iter().find(|(name, _)| *name == "To").map(|(_, value)| value);
            let text = text.map_or_else(|| to.to_string(), |text| to.text_with_tag(text, tag));
            to.set_tag(tag);
            self.head.replace_first("To", &text);
        }
    }

    /// The bytes for the wire.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.head.bytes(|to| write!(to, "SIP/2.0 {} {}", self.status, self.reason))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::wire::parse_datagram;

    fn invite(via: &str) -> Request {
        let text = format!(
            "INVITE sip:b@h SIP/2.0\r\nVia: {via}\r\nVia: SIP/2.0/UDP  second.example ; branch=z9hG4bK2\r\nMax-Forwards: 0\r\n\
             From: Anna  <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: c\r\nCSeq: 7 INVITE\r\nRequire: a, b\r\nk: timer,100rel\r\n\
             Record-Route: <sip:p1;lr>, <sip:p2;lr>\r\nTimestamp: 54\r\nContent-Length: 0\r\n\r\n"
        );
        let Message::Request(request) = parse_datagram(text.as_bytes()).unwrap() else { panic!() };
        request
    }

    #[test]
    fn an_answer_repeats_byte_for_byte_what_it_must() {
        let request = invite("SIP/2.0/UDP h;branch=z9hG4bK1");
        let mut response = Response::answer(&request, 100);
        response.set_to_tag("x");
        let text = String::from_utf8(response.to_bytes()).unwrap();
        assert_eq!(
            text,
            "SIP/2.0 100 Trying\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nVia: SIP/2.0/UDP  second.example ; branch=z9hG4bK2\r\n\
             From: Anna  <sip:a@h>;tag=1\r\nTo: <sip:b@h>;tag=x\r\nCall-ID: c\r\nCSeq: 7 INVITE\r\nTimestamp: 54\r\n\
             Content-Length: 0\r\n\r\n"
        );
    }

    #[test]
    fn a_request_uri_has_no_headers() {
        let them = NameAddr::parse("<sip:b@h;lr?Subject=x>").unwrap();
        let request = Request::new(Method::Bye, them.uri.clone(), &them, &them, "c", 1);
        assert!(request.to_bytes().starts_with(b"BYE sip:b@h;lr SIP/2.0\r\n"));
    }

    #[test]
    fn lists_and_compact_names() {
        let request = invite("SIP/2.0/UDP h;branch=z9hG4bK1");
        assert_eq!(request.headers("Require").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(request.headers("Supported").collect::<Vec<_>>(), ["timer", "100rel"]);
        assert_eq!(request.record_routes().len(), 2);
        assert_eq!(request.max_forwards(), 0);
    }

    #[test]
    fn a_header_cannot_be_slipped_in() {
        let request = invite("SIP/2.0/UDP h;branch=z9hG4bK1");
        let mut response = Response::answer(&request, 200);
        response.push_header("Subject", "x\r\nContact: <sip:evil>");
        assert_eq!(response.contact(), None);
        let Message::Response(read) = parse_datagram(&response.to_bytes()).unwrap() else { panic!() };
        assert_eq!(read.contact(), None);
    }
}
