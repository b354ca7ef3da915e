//! Transactions: the layer that makes one request and its responses reliable (RFC 3261 17).
//!
//! Four machines, each in its own file beside the figure it implements; `key` tells which one a message belongs to,
//! `table` holds them, bounded, and `reply` knows where responses go. A machine never waits and never asks the time:
//! it is given `now`, puts what leaves into the outbox, and says what its user must hear.

pub mod client;
pub mod invite_client;
pub mod invite_server;
pub mod key;
pub mod reply;
pub mod server;
pub mod table;

use std::collections::VecDeque;

pub use key::{ClientKey, ServerKey};
pub use reply::ReplyPath;
pub use table::{Owner, Transactions};

use crate::sip::path::Transmit;

/// What is to leave, in order.
pub type Outbox = VecDeque<Transmit>;

/// Whether the user of a transaction hears of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// New: the user decides.
    ToUser,
    /// A repetition, or too late: the transaction has dealt with it.
    Absorbed,
}

/// Why a client transaction ended without a final response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// Timer B or F: as if 408 had come (RFC 3261 8.1.3.1).
    TimedOut,
    /// The network refused: as if 503 had come (8.1.3.1).
    Transport,
}

impl Failure {
    /// The status that stands for it (RFC 3261 8.1.3.1).
    pub fn status(self) -> u16 {
        match self {
            Failure::TimedOut => 408,
            Failure::Transport => 503,
        }
    }
}
