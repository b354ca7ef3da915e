//! Between bytes and messages: everything that SIP text can be, read tolerantly and written strictly.
//!
//! ```text
//! datagram ─────────────────────────▶ parse::parse_datagram ─▶ Message
//! stream ──▶ framing::StreamFramer ──▶     │         (lines, checks)
//!                      └─ Unframed ───────▶└─ Reject ─▶ 400, 413, 414, 505, 513 or silence
//! Message ─▶ serialise ─▶ bytes
//! ```
//!
//! Bytes become text once, in [`text`]; the grammar's pieces ([`scan`], [`params`], [`uri`], [`names`], [`headers`]) work on
//! `&str` from there on. What a person or a device may send wrongly and still be understood is read: folding, bare
//! LF, spaces before the colon, compact names, unknown methods and schemes, IPv6, unquoted display names. What makes
//! a message ambiguous is refused: repeated single headers and parameters, lengths that contradict, unbalanced quotes,
//! numbers out of range, addresses to act on that cannot be read.

pub mod body;
mod checks;
pub mod framing;
pub mod headers;
pub(in crate::sip) mod lines;
pub mod method;
pub mod names;
pub mod params;
pub mod parse;
pub(in crate::sip) mod phrase;
pub mod reject;
pub(in crate::sip) mod scan;
pub(in crate::sip) mod serialise;
pub mod text;
#[cfg(test)]
mod torture;
pub mod uri;

pub use framing::{Framed, FramingError, StreamFramer};
pub use headers::{NameAddr, Via};
pub use method::Method;
pub use params::Params;
pub use parse::{parse_datagram, refuse_unframed};
pub use reject::Reject;
pub use uri::{Host, Uri};

/// The longest message read, head and body, in bytes. A datagram cannot be longer; a stream could be.
pub const MAX_MESSAGE: usize = 64 * 1024;
/// The most header lines read in one message, folded lines counted once.
pub const MAX_HEADER_LINES: usize = 256;
/// The longest header line read, in bytes, after unfolding and with its name.
pub const MAX_HEADER_LINE: usize = 8 * 1024;
/// The longest URI read, in bytes; a request for a longer one is answered 414.
pub const MAX_URI: usize = 4 * 1024;

/// What a piece of text lacks to be what its grammar asks for, in a few English words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub &'static str);
