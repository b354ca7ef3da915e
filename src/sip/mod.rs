//! The sans-IO core of the RFC 3261 user agent: given bytes, the time and a seed, it decides; sockets are elsewhere.
//!
//! ```text
//!   bytes ─▶ wire ─▶ endpoint ─▶ transaction ─▶ session ─▶ SessionEvent
//!   bytes ◀─ wire ◀─────────────── transaction ◀─ session ◀─ commands
//!                                                  └─ dialog: who, where, which number
//! ```
//! `message` and `wire` turn bytes into messages and back; `transaction` makes requests reliable; `dialog` remembers the
//! other end; `session` is a call; `guard` drops what is too much; `endpoint` is the whole user agent and the only door.
//! Registration and digest come beside `session`, session timers inside it.

pub mod dialog;
pub mod endpoint;
pub mod guard;
pub mod message;
pub mod path;
pub mod session;
pub mod timing;
pub mod transaction;
pub mod wire;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use endpoint::{Endpoint, EndpointConfig};
pub use guard::{Bucket, Flood, Rate, Source};
pub use message::{NameAddr, Uri};
pub use path::{FlowId, Path, Transmit, Transport};
pub use session::uac::Invite;
pub use session::{Body, End, EndCause, IncomingCall, SessionEvent, SessionHandle};
pub use timing::TimerReason;
