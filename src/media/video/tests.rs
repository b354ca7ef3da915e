//! Sender and receiver against each other, without a network.
