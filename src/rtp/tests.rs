//! A session on a bad network.
