//! The sockets of SIP: datagrams and connections on the Direct IP Port, and what the routing table says.
//!
//! Nothing here understands a message; bytes go to the phone and come from it.

pub mod direct;
pub mod roster;
pub mod routes;
pub mod tcp;
mod undelivered;
