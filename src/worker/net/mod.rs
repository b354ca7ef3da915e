//! The sockets of SIP: datagrams and connections on the Direct IP Port and for the accounts, names, what the routing table
//! says, and when it changes.
//!
//! Nothing here understands a message; bytes go to the phone and come from it.

pub mod direct;
pub mod dns;
pub mod roster;
pub mod routes;
pub mod tcp;
pub mod tls;
mod undelivered;
pub mod watch;
