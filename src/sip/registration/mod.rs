//! Registration: one binding of an address of record at one registrar, over one way (RFC 3261 10), and probes.
//!
//! ```text
//!  register, reroute, refresh_now ─▶ REGISTER ─2xx─▶ Registered ── refreshed in time ──▶ REGISTER …
//!                                       │ 401, 407: answered by the endpoint   423: once more, for longer
//!                                       └─▶ Unlisted, Refused, Moved, TimedOut, TransportError: the user decides what is tried next
//!  query ─▶ REGISTER without Contact ─▶ Present, Missing         unregister ─▶ Unregistered
//! ```
//! `usage` is the binding's life, `bindings` reads what a registrar lists, `probe` asks whether somebody is there, and
//! `retry` says when a failure is followed by the next try.

mod bindings;
pub mod probe;
pub mod retry;
pub mod usage;

use std::time::Duration;

pub use probe::{ProbeEvent, ProbeHandle};
pub use usage::Registration;

use crate::sip::digest::AccountKey;
use crate::sip::message::{NameAddr, Uri};
use crate::sip::path::Path;

/// Names a registration of one endpoint; never used again for another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegistrationHandle(pub(crate) u32);

/// What to bind, and where.
#[derive(Debug, Clone)]
pub struct Register {
    /// Whose password answers a challenge.
    pub account: AccountKey,
    /// The way the REGISTER goes: to the registrar, or to the outbound proxy in front of it.
    pub way: Path,
    /// The request URI: the registrar's domain, without a user part (10.2).
    pub registrar: Uri,
    /// The address of record: From and To.
    pub aor: NameAddr,
    /// Where we want to be called.
    pub contact: Uri,
    /// Route values in order, the outbound proxy as a loose route; empty without one.
    pub route: Vec<String>,
    /// What this device is called for ever, `urn:uuid:…`; with it the registrar is offered outbound and GRUU (RFC 5626,
    /// RFC 5627).
    pub instance: Option<String>,
    /// How long the binding is asked for.
    pub expires: Duration,
    /// How long a REGISTER goes on of which nothing at all is heard; at most 64*T1.
    pub patience: Duration,
}

/// Something happened to a registration. After a failure nothing is tried again before its user says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegistrationEvent {
    /// We are bound; told again with every refresh.
    Registered {
        /// What the registrar grants.
        expires: Duration,
        /// Route values for the calls of this account (RFC 3608); empty when the registrar names none.
        service_route: Vec<String>,
        /// The address by which this device, and no other of the same account, can be called from anywhere (RFC 5627).
        gruu: Option<Uri>,
        /// How many other devices are bound to the address of record.
        others: usize,
    },
    /// The registrar answered a query, and lists our binding.
    Present,
    /// The registrar answered a query, and our binding is not among those that it lists.
    Missing,
    /// The registrar took what we wanted to be bound by, and nothing in its answer says that we are: it lists others alone,
    /// or grants no time.
    Unlisted,
    /// 300, 301, 302 or 305: we are to register elsewhere.
    Moved {
        /// 301 means for good, 302 for now, 305 through that place.
        status: u16,
        /// Where, the best first.
        contacts: Vec<Uri>,
    },
    /// The registrar refused.
    Refused {
        /// 300 to 699.
        status: u16,
        /// The phrase as it came, for people.
        phrase: String,
        /// How long we are asked to wait.
        retry_after: Option<Duration>,
        /// The request carried an answer made from our password: with 401, 407 or 403 it is wrong.
        tried_password: bool,
        /// It calls each answer too old, however often it is given anew: then nothing is said of the password.
        stale: bool,
        /// For which realm the registrar demands a password, if it does (RFC 3261 22.1).
        realm: Option<String>,
        /// With 423 the shortest time that the registrar grants.
        min_expires: Option<Duration>,
    },
    /// Nothing was heard.
    TimedOut,
    /// The network could not deliver the request, or the connection that we are bound by has gone.
    TransportError,
    /// Our binding is taken away.
    Unregistered,
}
