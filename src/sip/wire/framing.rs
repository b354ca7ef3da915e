//! Where one message of a stream ends and the next begins: by Content-Length (RFC 3261 18.3), with the keep-alive of
//! RFC 5626 4.4.1 between messages.
//!
//! ```text
//!  line ends ─▶ ping, pong or nothing      head ─▶ its length ─▶ body ─▶ Message
//!                                            └─ no end, no length, not SIP ─▶ Unframed, then closed
//! ```

use super::lines::{self, head_end};
use super::{MAX_MESSAGE, scan, text};

/// Most pings that are heard of those that come together: no sender has reason for more, and each costs an answer.
const MAX_PINGS: usize = 8;

/// What came whole out of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Framed {
    /// The bytes of one message, for [`super::parse_datagram`].
    Message(Vec<u8>),
    /// What there is of a message whose end nobody can tell, for [`super::refuse_unframed`]. Nothing but an error comes
    /// behind it.
    Unframed(Vec<u8>, FramingError),
    /// A double CRLF: to be answered with one CRLF.
    KeepAlivePing,
    /// A single CRLF: the answer to a double one of ours.
    KeepAlivePong,
}

impl Framed {
    /// The bytes of a message, if it is one.
    pub fn message(&self) -> Option<&[u8]> {
        match self {
            Framed::Message(bytes) => Some(bytes),
            _ => None,
        }
    }
}

/// Why a stream can be read no further: nobody can tell where its next message begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FramingError {
    /// A head that does not end within the limit.
    #[error("a head over {MAX_MESSAGE} bytes")]
    HeadTooLong,
    /// A message that is longer than the limit because of its body.
    #[error("a message over {MAX_MESSAGE} bytes")]
    BodyTooLong,
    /// A Content-Length that is no number, or several of them.
    #[error("a Content-Length that says nothing")]
    Length,
    /// A Content-Type, hence a body, but no Content-Length (RFC 3261 18.3).
    #[error("a body without Content-Length")]
    NoLength,
    /// A first line of something else.
    #[error("no SIP")]
    NotSip,
}

/// Cuts the bytes of one connection into messages. It keeps no more than one unfinished message and the last push.
#[derive(Debug, Default)]
pub struct StreamFramer {
    buffer: Vec<u8>,
    /// How much of the buffer was given out already.
    start: usize,
    state: State,
    /// Whether all that was seen since the last message is a single CRLF, which may be the first half of a ping.
    half_ping: bool,
    /// How many pings were found together and are to be given out.
    pings: usize,
    pong_expected: bool,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// The head is not whole; so much of it was searched for its end.
    Head { searched: usize },
    /// The message will be that long.
    Body { len: usize },
    /// Nothing more is read.
    Broken(FramingError),
}

impl Default for State {
    fn default() -> Self {
        State::Head { searched: 0 }
    }
}

impl StreamFramer {
    /// The framer of a new connection.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes what was read from the connection.
    pub fn push(&mut self, bytes: &[u8]) {
        if !matches!(self.state, State::Broken(_)) {
            self.buffer.drain(..self.start);
            self.start = 0;
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// We have sent a ping: the next single CRLF is its pong. Without this call a single CRLF is half a ping, or nothing.
    pub fn expect_pong(&mut self) {
        self.pong_expected = true;
    }

    /// The next whole thing; none until more is pushed. After an error the connection is to be closed.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Option<Result<Framed, FramingError>> {
        if let Some(fewer) = self.pings.checked_sub(1) {
            self.pings = fewer;
            return Some(Ok(Framed::KeepAlivePing));
        }
        if let State::Head { searched: 0 } = self.state {
            if let Some(keep_alive) = self.line_ends() {
                return Some(Ok(keep_alive));
            }
            // Nothing, or half a line end.
            self.rest().first().filter(|byte| **byte != b'\r')?;
        }
        if let State::Head { searched } = self.state {
            match self.message_len(searched) {
                Ok(Some(len)) => self.state = State::Body { len },
                Ok(None) => self.state = State::Head { searched: self.rest().len() },
                Err(error) => return Some(Ok(self.break_off(error))),
            }
        }
        match self.state {
            State::Broken(error) => Some(Err(error)),
            State::Body { len } => {
                let message = self.rest().get(..len)?.to_vec();
                self.start += len;
                self.state = State::default();
                Some(Ok(Framed::Message(message)))
            }
            State::Head { .. } => None,
        }
    }

    /// True when nothing of an unfinished message is kept.
    pub fn is_empty(&self) -> bool {
        self.rest().is_empty()
    }

    fn rest(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    /// Takes the line ends that stand between messages: each two are a ping (RFC 5626 3.5.1), and an odd one is the pong that
    /// is awaited, or half a ping.
    fn line_ends(&mut self) -> Option<Framed> {
        let rest = self.rest();
        let run = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let whole = rest[..run].windows(2).filter(|two| two == b"\r\n").count();
        let ends_the_read = run == rest.len();
        // A CR may be half of a line end.
        let half_line_end = ends_the_read && rest.last() == Some(&b'\r');
        self.start += run - usize::from(half_line_end);
        let half_ping = std::mem::replace(&mut self.half_ping, false);
        let is_pong = self.pong_expected && whole % 2 == 1;
        self.pong_expected &= !is_pong;
        let halves = if is_pong { whole - 1 } else { whole + usize::from(half_ping) };
        self.half_ping = ends_the_read && halves % 2 == 1;
        self.pings = (halves / 2).min(MAX_PINGS);
        if is_pong {
            return Some(Framed::KeepAlivePong);
        }
        self.pings = self.pings.checked_sub(1)?;
        Some(Framed::KeepAlivePing)
    }

    /// The length of the message that is next, once its head is there.
    fn message_len(&self, searched: usize) -> Result<Option<usize>, FramingError> {
        let rest = self.rest();
        let Some(head) = head_end(rest, searched) else {
            return if rest.len() > MAX_MESSAGE { Err(FramingError::HeadTooLong) } else { Ok(None) };
        };
        if head > MAX_MESSAGE {
            return Err(FramingError::HeadTooLong);
        }
        let body = body_len(&rest[..head])?;
        match head.checked_add(body) {
            Some(len) if len <= MAX_MESSAGE => Ok(Some(len)),
            _ => Err(FramingError::BodyTooLong),
        }
    }

    /// Gives out what there is of the head and reads no further.
    fn break_off(&mut self, error: FramingError) -> Framed {
        self.state = State::Broken(error);
        let mut head = std::mem::take(&mut self.buffer).split_off(self.start);
        self.start = 0;
        head.truncate(head_end(&head, 0).unwrap_or(MAX_MESSAGE).min(MAX_MESSAGE));
        Framed::Unframed(head, error)
    }
}

/// What the head says about the length of its body. A message of neither length nor type has no body: one with a body
/// says of which type it is (RFC 3261 20.15), and senders that leave out `Content-Length: 0` are met.
fn body_len(head: &[u8]) -> Result<usize, FramingError> {
    let head = lines::unfold(text::from_bytes(head));
    let mut places = lines::each(&head);
    if !is_sip(&head[places.next().unwrap_or_default()]) {
        return Err(FramingError::NotSip);
    }
    let (mut length, mut has_type) = (None, false);
    for (name, value) in places.filter_map(|line| lines::read(&head[line]).ok()) {
        match name {
            "Content-Type" => has_type = true,
            "Content-Length" => {
                let value = scan::digits::<usize>(value).ok_or(FramingError::Length)?;
                if length.replace(value).is_some_and(|other| other != value) {
                    return Err(FramingError::Length);
                }
            }
            _ => {}
        }
    }
    match length {
        Some(length) => Ok(length),
        None if has_type => Err(FramingError::NoLength),
        None => Ok(0),
    }
}

/// Whether a first line is that of a request or a response, of any version.
fn is_sip(first: &str) -> bool {
    let begins = |text: &str| text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("SIP/"));
    begins(first) || scan::trim(first).rsplit(' ').next().is_some_and(begins)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(framer: &mut StreamFramer) -> Vec<Result<Framed, FramingError>> {
        let mut found = Vec::new();
        while let Some(next) = framer.next() {
            let stop = next.is_err();
            found.push(next);
            if stop {
                break;
            }
        }
        found
    }

    fn framed(bytes: &[u8]) -> Vec<Result<Framed, FramingError>> {
        let mut framer = StreamFramer::new();
        framer.push(bytes);
        all(&mut framer)
    }

    fn message(bytes: &[u8]) -> Result<Framed, FramingError> {
        Ok(Framed::Message(bytes.to_vec()))
    }

    const ONE: &[u8] = b"OPTIONS sip:a SIP/2.0\r\nContent-Length : 5\r\n\r\nhello";
    const TWO: &[u8] = b"OPTIONS sip:b SIP/2.0\r\nl: 0\r\n\r\n";
    const BARE: &[u8] = b"OPTIONS sip:b SIP/2.0\nl: 2\n\n\r\n";
    const FOLDED: &[u8] = b"OPTIONS sip:b SIP/2.0\r\nContent-Length:\r\n\t 5\r\n\r\nhello";

    #[test]
    fn glued_and_split_anywhere_the_messages_are_the_same() {
        let stream = [b"\r\n\r\n".as_slice(), ONE, BARE, TWO, b"\r\n", FOLDED, b"\n\n", ONE].concat();
        for cut in 0..stream.len() {
            let mut framer = StreamFramer::new();
            framer.push(&stream[..cut]);
            let mut found = all(&mut framer);
            framer.push(&stream[cut..]);
            found.extend(all(&mut framer));
            let ping = Ok(Framed::KeepAlivePing);
            let expected = [ping, message(ONE), message(BARE), message(TWO), message(FOLDED), message(ONE)];
            assert_eq!(found, expected, "cut at {cut}");
        }
        let mut framer = StreamFramer::new();
        let mut found = Vec::new();
        for byte in &stream {
            framer.push(&[*byte]);
            found.extend(all(&mut framer));
        }
        assert_eq!(found.len(), 6);
    }

    #[test]
    fn a_ping_in_halves_is_one_ping_and_a_pong_is_one_that_was_asked_for() {
        let mut framer = StreamFramer::new();
        let mut heard = |bytes: &[u8], asked: bool| {
            if asked {
                framer.expect_pong();
            }
            framer.push(bytes);
            all(&mut framer).into_iter().flatten().collect::<Vec<_>>()
        };
        assert_eq!(heard(b"\r\n\r\n", false), [Framed::KeepAlivePing]);
        assert_eq!(heard(b"\r\n", false), []);
        assert_eq!(heard(b"\r\n", false), [Framed::KeepAlivePing]);
        for (byte, found) in [(b"\r", 0), (b"\n", 0), (b"\r", 0), (b"\n", 1), (b"\r", 0)] {
            assert_eq!(heard(byte, false).len(), found);
        }
        assert_eq!(heard(b"\n", true), [Framed::KeepAlivePong]);
        // Nobody asked for another one: a half, made whole by what comes next.
        assert_eq!(heard(b"\r\n", false), []);
        assert_eq!(heard(b"\r\n", false), [Framed::KeepAlivePing]);
        // A half before a message was nothing but a line end.
        assert_eq!(heard(&[b"\r\n", TWO].concat(), false), [Framed::Message(TWO.to_vec())]);
        assert_eq!(heard(b"\r\n", false), []);
    }

    #[test]
    fn pings_that_come_together_are_heard_one_by_one() {
        let ping = || Ok(Framed::KeepAlivePing);
        assert_eq!(framed(b"\r\n\r\n\r\n\r\n"), [ping(), ping()]);
        assert_eq!(framed(&[b"\r\n\r\n\r\n\r\n".as_slice(), TWO].concat()), [ping(), ping(), message(TWO)]);
        // Two and a half, and the other half.
        let mut framer = StreamFramer::new();
        framer.push(&b"\r\n".repeat(5));
        assert_eq!(all(&mut framer), [ping(), ping()]);
        framer.push(b"\r\n");
        assert_eq!(all(&mut framer), [ping()]);
        // With the pong that is awaited.
        framer.expect_pong();
        framer.push(&b"\r\n".repeat(3));
        assert_eq!(all(&mut framer), [Ok(Framed::KeepAlivePong), ping()]);
        framer.push(b"\r\n");
        assert_eq!(all(&mut framer), []);
    }

    #[test]
    fn a_flood_of_line_ends_is_a_few_pings_a_read() {
        assert_eq!(framed(&b"\r\n".repeat(20_000)).len(), MAX_PINGS);
        assert_eq!(framed(&b"\n\r".repeat(20_000)).len(), MAX_PINGS);
        assert_eq!(framed(&b"\n".repeat(2_000)), []);
    }

    #[test]
    fn without_a_length_only_a_message_without_a_body_can_be_framed() {
        let none = b"BYE sip:a SIP/2.0\r\nVia: x\r\n\r\n".as_slice();
        assert_eq!(framed(&[none, ONE].concat()), [message(none), message(ONE)]);
        let body = b"INVITE sip:a SIP/2.0\r\nc: application/sdp\r\n\r\n".to_vec();
        let found = framed(&[&body, b"v=0\r\n".as_slice()].concat());
        let error = FramingError::NoLength;
        assert_eq!(found, [Ok(Framed::Unframed(body, error)), Err(error)]);
    }

    #[test]
    fn what_cannot_be_framed_ends_the_stream() {
        let head = |length: &str| format!("A sip:a SIP/2.0\r\n{length}\r\n\r\n").into_bytes();
        for (bytes, error) in [
            (head("Content-Length: -1"), FramingError::Length),
            (head("Content-Length: 5, 5"), FramingError::Length),
            (head("Content-Length:\r\n 5\r\n 6"), FramingError::Length),
            (head("Content-Length: 99999999999999999999999"), FramingError::Length),
            (head("l: 1\r\nContent-Length: 2"), FramingError::Length),
            // However far down it stands, it is seen.
            (head(&format!("{}l: x", "X: y\r\n".repeat(1_000))), FramingError::Length),
            (head("l: 18446744073709551615"), FramingError::BodyTooLong),
            (head(&format!("l: {MAX_MESSAGE}")), FramingError::BodyTooLong),
            (vec![b'x'; MAX_MESSAGE + 1], FramingError::HeadTooLong),
            (b"GET / HTTP/1.1\r\nHost: panel\r\n\r\n".to_vec(), FramingError::NotSip),
            (b"\x16\x03\x01\n\n".to_vec(), FramingError::NotSip),
        ] {
            let mut framer = StreamFramer::new();
            framer.push(&bytes);
            let head = bytes[..bytes.len().min(MAX_MESSAGE)].to_vec();
            assert_eq!(framer.next(), Some(Ok(Framed::Unframed(head, error))));
            assert_eq!(framer.next(), Some(Err(error)));
            framer.push(ONE);
            assert_eq!(framer.next(), Some(Err(error)));
            assert!(framer.buffer.is_empty(), "nothing is kept of a stream that is read no further");
        }
    }

    #[test]
    fn a_whole_message_of_the_greatest_size_passes() {
        let head = |len: usize| format!("A sip:a SIP/2.0\r\nl: {len}\r\n\r\n").into_bytes();
        let mut bytes = head(MAX_MESSAGE - head(MAX_MESSAGE).len());
        bytes.resize(MAX_MESSAGE, b'x');
        assert_eq!(framed(&bytes), [message(&bytes)]);
    }

    /// A byte at a time, a message of the greatest size costs about what it costs at once.
    #[test]
    fn a_trickle_costs_no_more_than_a_flood() {
        let bytes = [b"A sip:a SIP/2.0\r\n".as_slice(), &b"X: 1\r\n".repeat(9_000), b"l: 9000\r\n\r\n"].concat();
        let began = std::time::Instant::now();
        let mut framer = StreamFramer::new();
        for byte in bytes.iter().chain(&[b'x'; 9_000]) {
            framer.push(&[*byte]);
            assert_eq!(framer.next().is_some(), framer.rest().is_empty() && framer.buffer.len() > 60_000);
        }
        // Searched anew with every byte, that would be two thousand million bytes.
        assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
    }
}
