//! The sans-IO core of the RFC 3261 user agent: given bytes, the time and a seed, it decides; sockets are elsewhere.
//!
//! ```text
//!   bytes ─▶ wire ─▶ endpoint ─▶ transaction ─▶ session ─▶ SessionEvent
//!                       │ digest: 401, 407    └─▶ registration ─▶ RegistrationEvent, ProbeEvent
//!   bytes ◀─ wire ◀─────┴───────── transaction ◀─ session, registration ◀─ commands
//!                                                  └─ dialog: who, where, which number
//! ```
//! `message` and `wire` turn bytes into messages and back; `transaction` makes requests reliable; `dialog` remembers the
//! other end; `session` is a call, `registration` a binding at a registrar; `digest` answers whoever demands a password;
//! `guard` drops what is too much, `gate` what comes from nobody who may begin anything; `endpoint` is the whole user agent and the only door. Session timers come inside
//! `session`.

pub mod dialog;
pub mod digest;
pub mod endpoint;
pub mod gate;
pub mod guard;
pub mod locate;
pub mod message;
pub mod path;
pub mod registration;
pub mod session;
pub mod timing;
pub mod transaction;
pub mod wire;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use digest::{AccountKey, Credentials, Password};
pub use endpoint::{Endpoint, EndpointConfig, Farewell, Question};
pub use gate::{Claim, Gate, Guests, ShutOut};
pub use guard::{Bucket, Flood, Rate, Source};
pub use message::{NameAddr, Uri};
pub use path::{FlowId, Path, Transmit, Transport};
pub use registration::retry::{Obstacle, Retry, Turn};
pub use registration::{ProbeEvent, ProbeHandle, Register, RegistrationEvent, RegistrationHandle};
pub use session::timer::{Refresher, RunningTimer, SessionTimer};
pub use session::uac::Invite;
pub use session::{Body, End, EndCause, IncomingCall, InfoHandle, Rejection, SessionEvent, SessionHandle, Warning};
pub use timing::{GIVE_UP, TimerReason};
