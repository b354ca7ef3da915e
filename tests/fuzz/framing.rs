//! Stream framing: however a stream is cut into reads, the same messages come out of it, and little is kept.

use rand::RngExt;
use vestibule::sip::wire::{Framed, FramingError, MAX_MESSAGE, StreamFramer, parse_datagram, refuse_unframed};

use crate::mutator::Mutator;
use crate::{fuzz, random_of, seeds, wire};

const WORDS: &[&[u8]] = &[
    b"\r\n",
    b"\n",
    b"\r",
    b"\r\n\r\n",
    b"\n\n",
    b"\r\n ",
    b"Content-Length: ",
    b"Content-Length: 0\r\n",
    b"l:5\r\n",
    b"l: 70000",
    b"Content-Type: a/b\r\n",
    b"SIP/2.0",
    b"BYE sip:a SIP/2.0\r\n\r\n",
    b"SIP/2.0 200 OK\r\nl: 1\r\n\r\nx",
    b"\0",
    b"\xFF",
    b":",
    b" ",
];

/// All that comes out of a stream but keep-alives, which are counted by the read.
fn framed<'a>(reads: impl Iterator<Item = &'a [u8]>, expect_pong: bool) -> Vec<Result<Framed, FramingError>> {
    let mut framer = StreamFramer::new();
    let mut found = Vec::new();
    for read in reads {
        if expect_pong {
            framer.expect_pong();
        }
        framer.push(read);
        let mut pings = 0;
        while let Some(next) = framer.next() {
            match next {
                Ok(Framed::KeepAlivePing | Framed::KeepAlivePong) => pings += 1,
                Err(_) => {
                    assert!(matches!(found.last(), Some(Ok(Framed::Unframed(..)) | Err(_))));
                    found.push(next);
                    return found;
                }
                Ok(_) => found.push(next),
            }
        }
        assert!(pings <= 1 + read.len() / 2, "a keep-alive has two bytes");
    }
    found
}

/// True if messages come out of it.
fn check(input: &[u8]) -> bool {
    let mut random = random_of(input);
    let whole = framed(std::iter::once(input), false);
    let most = [1, 7, 100, 1_400, 9_000][random.random_range(0..5)].max(input.len() / 2_000);
    let mut rest = input;
    let reads = std::iter::from_fn(|| {
        let (read, after) = rest.split_at(random.random_range(1..=most).min(rest.len()));
        rest = after;
        (!read.is_empty()).then_some(read)
    });
    assert_eq!(framed(reads, input.len().is_multiple_of(2)), whole, "cut into reads of at most {most} bytes");
    let mut bytes = 0;
    for next in &whole {
        match next {
            Ok(Framed::Message(message)) => {
                assert!(!message.is_empty() && message.len() <= MAX_MESSAGE);
                bytes += message.len();
                let _ = parse_datagram(message);
            }
            Ok(Framed::Unframed(head, error)) => {
                assert!(head.len() <= MAX_MESSAGE);
                bytes += head.len();
                let _ = refuse_unframed(head, *error).response(([192, 0, 2, 1], 5060).into(), "T");
            }
            _ => {}
        }
    }
    assert!(bytes <= input.len(), "nothing comes out that did not go in");
    matches!(whole.first(), Some(Ok(Framed::Message(_))))
}

#[test]
fn framing() {
    let mutator = Mutator::new([seeds("corpus/framing"), seeds("torture")].concat(), WORDS, wire::repair);
    fuzz("framing", 8_000, 2 << 20, mutator, check);
}
