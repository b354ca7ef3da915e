//! Where one message of a stream ends and the next begins: by Content-Length (RFC 3261 18.3), with the keep-alive of
//! RFC 5626 4.4.1 between messages.

use super::{MAX_HEADER_LINE, MAX_HEADER_LINES, MAX_MESSAGE, headers, scan};

/// What came whole out of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Framed {
    /// The bytes of one message, for [`super::parse_datagram`].
    Message(Vec<u8>),
    /// A double CRLF: to be answered with one CRLF.
    KeepAlivePing,
    /// A single CRLF: the answer to our double one.
    KeepAlivePong,
}

/// Why a stream can be read no further: nobody can tell where its next message begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FramingError {
    /// A head or a body over the limit.
    #[error("a message over {MAX_MESSAGE} bytes")]
    TooLong,
    /// A Content-Length that is no number, or several that differ.
    #[error("a Content-Length that says nothing")]
    Length,
}

/// Cuts the bytes of one connection into messages. It keeps no more than one unfinished message.
#[derive(Debug, Default)]
pub struct StreamFramer {
    buffer: Vec<u8>,
    /// How much of the buffer was searched for the end of the head already.
    searched: usize,
    /// Whether the last thing seen was a single CRLF between messages, which may be the first half of a ping.
    half_ping: bool,
    broken: Option<FramingError>,
}

impl StreamFramer {
    /// The framer of a new connection.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes what was read from the connection.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.broken.is_none() {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// The next whole thing; none until more is pushed. After an error the connection is to be closed.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Option<Result<Framed, FramingError>> {
        if let Some(error) = self.broken {
            return Some(Err(error));
        }
        if let Some(keep_alive) = self.keep_alive() {
            return Some(Ok(keep_alive));
        }
        match self.message_len() {
            Ok(Some(len)) if len <= self.buffer.len() => {
                let rest = self.buffer.split_off(len);
                let message = std::mem::replace(&mut self.buffer, rest);
                self.searched = 0;
                Some(Ok(Framed::Message(message)))
            }
            Ok(_) => None,
            Err(error) => {
                self.broken = Some(error);
                self.buffer = Vec::new();
                Some(Err(error))
            }
        }
    }

    /// Takes line ends that stand between messages. The two halves of a ping may come in two pieces: then the first
    /// is reported as a pong, which nobody misses.
    fn keep_alive(&mut self) -> Option<Framed> {
        if self.half_ping && self.buffer.starts_with(b"\r\n") {
            self.take(2);
            self.half_ping = false;
            return Some(Framed::KeepAlivePing);
        }
        if self.buffer.starts_with(b"\r\n\r\n") {
            self.take(4);
            return Some(Framed::KeepAlivePing);
        }
        if self.buffer.starts_with(b"\r\n") {
            self.half_ping = self.buffer.len() <= 3;
            self.take(2);
            return Some(Framed::KeepAlivePong);
        }
        if self.buffer.first().is_some_and(|byte| !matches!(byte, b'\r' | b'\n')) {
            self.half_ping = false;
        }
        None
    }

    fn take(&mut self, count: usize) {
        self.buffer.drain(..count);
        self.searched = 0;
    }

    /// The length of the message that the buffer begins with, once its head is there.
    fn message_len(&mut self) -> Result<Option<usize>, FramingError> {
        // The end of the head may begin up to three bytes before what was searched already.
        let from = self.searched.saturating_sub(3);
        let end = self.buffer[from..].windows(4).position(|four| four == b"\r\n\r\n").map(|at| from + at + 4);
        self.searched = self.buffer.len();
        let Some(head) = end else {
            return if self.buffer.len() > MAX_MESSAGE { Err(FramingError::TooLong) } else { Ok(None) };
        };
        // Found again at the next call, until the body is whole.
        self.searched = head - 4;
        let len = head.checked_add(content_length(&self.buffer[..head])?).ok_or(FramingError::TooLong)?;
        if len > MAX_MESSAGE { Err(FramingError::TooLong) } else { Ok(Some(len)) }
    }
}

/// What the head says about the length of the body, in any spelling of the name; 0 when it says nothing.
fn content_length(head: &[u8]) -> Result<usize, FramingError> {
    let mut length = None;
    for line in head.split(|byte| *byte == b'\n').take(MAX_HEADER_LINES) {
        let line = &line[..line.len().min(MAX_HEADER_LINE)];
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let Ok(name) = std::str::from_utf8(&line[..colon]) else { continue };
        if !headers::full_name(scan::trim(name)).eq_ignore_ascii_case("Content-Length") {
            continue;
        }
        let value = std::str::from_utf8(&line[colon + 1..]).map_err(|_| FramingError::Length)?;
        let value = scan::digits::<usize>(scan::trim(value.trim_end_matches('\r'))).ok_or(FramingError::Length)?;
        if length.replace(value).is_some_and(|other| other != value) {
            return Err(FramingError::Length);
        }
    }
    Ok(length.unwrap_or(0))
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

    const ONE: &[u8] = b"OPTIONS sip:a SIP/2.0\r\nContent-Length : 5\r\n\r\nhello";
    const TWO: &[u8] = b"OPTIONS sip:b SIP/2.0\r\nl: 0\r\n\r\n";

    #[test]
    fn glued_and_split_anywhere_the_messages_are_the_same() {
        let stream = [b"\r\n\r\n".as_slice(), ONE, TWO, b"\r\n", ONE].concat();
        for cut in 0..stream.len() {
            let mut framer = StreamFramer::new();
            framer.push(&stream[..cut]);
            let mut found = all(&mut framer);
            framer.push(&stream[cut..]);
            found.extend(all(&mut framer));
            let messages: Vec<_> =
                found.into_iter().flatten().filter(|one| matches!(one, Framed::Message(_))).collect();
            let expected = [ONE, TWO, ONE].map(|message| Framed::Message(message.to_vec()));
            assert_eq!(messages, expected, "cut at {cut}");
        }
    }

    #[test]
    fn pings_and_pongs_whole_and_halved() {
        let mut framer = StreamFramer::new();
        framer.push(b"\r\n\r\n");
        assert_eq!(all(&mut framer), [Ok(Framed::KeepAlivePing)]);
        framer.push(b"\r\n");
        assert_eq!(all(&mut framer), [Ok(Framed::KeepAlivePong)]);
        framer.push(b"\r\n");
        assert_eq!(all(&mut framer), [Ok(Framed::KeepAlivePing)]);
    }

    #[test]
    fn what_cannot_be_framed_ends_the_stream() {
        for (bytes, error) in [
            (b"A sip:a SIP/2.0\r\nContent-Length: -1\r\n\r\n".to_vec(), FramingError::Length),
            (b"A sip:a SIP/2.0\r\nl: 1\r\nContent-Length: 2\r\n\r\n".to_vec(), FramingError::Length),
            (b"A sip:a SIP/2.0\r\nl: 18446744073709551615\r\n\r\n".to_vec(), FramingError::TooLong),
            (vec![b'x'; MAX_MESSAGE + 1], FramingError::TooLong),
        ] {
            let mut framer = StreamFramer::new();
            framer.push(&bytes);
            assert_eq!(framer.next(), Some(Err(error)));
            framer.push(ONE);
            assert_eq!(framer.next(), Some(Err(error)));
        }
    }
}
