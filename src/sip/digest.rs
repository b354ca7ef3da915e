//! Digest authentication of our requests (RFC 3261 22, RFC 2617, RFC 7616, RFC 8760), without IO and without a session.
//!
//! ```text
//!  WWW-/Proxy-Authenticate ─▶ challenge ─▶ keyring (realms, nonces, counts) ─▶ Authorization, Proxy-Authorization
//!                                             └─ answer (hashes: algorithm)
//! ```
//! `challenge` reads what a proxy or registrar demands, `answer` computes what it wants to hear, `keyring` keeps for one
//! account what was demanded last, and `keyrings` which requests of ours may still be challenged. `lone` answers for a request
//! of another protocol, which has no account.

mod algorithm;
mod answer;
mod challenge;
mod keyring;
mod keyrings;
mod lone;

use std::fmt;

use super::message::Response;
use challenge::Challenge;
pub(in crate::sip) use keyrings::{Keyrings, Sent, Verdict};
pub use lone::{LoneAnswer, answer_lone};

/// What of a realm is told to people.
const LONGEST_REALM: usize = 64;

/// Names an account of the endpoint's owner: requests that go through it answer challenges with its password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountKey(pub u8);

/// Who we are to a proxy or registrar, and how we prove it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The digest user name, which need not be the user part of the address of record.
    pub name: String,
    /// The password.
    pub password: Password,
}

/// A password: never shown, not even by `{:?}`.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// The password as it was entered.
    pub fn new(text: impl Into<String>) -> Self {
        Password(text.into())
    }

    /// For hashing alone.
    fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// The realm for which a response demands a password, the first that can be answered; at most `LONGEST_REALM` characters.
pub(in crate::sip) fn realm_of(response: &Response) -> Option<String> {
    let lines = response.headers("WWW-Authenticate").chain(response.headers("Proxy-Authenticate"));
    let realm = lines.flat_map(Challenge::read_all).next()?.realm;
    Some(realm.chars().filter(|c| !c.is_control()).take(LONGEST_REALM).collect())
}

/// Whether a response calls the nonce of an answer too old, and so finds nothing wrong with the password (RFC 7616 3.3).
pub(in crate::sip) fn is_stale(response: &Response) -> bool {
    let lines = response.headers("WWW-Authenticate").chain(response.headers("Proxy-Authenticate"));
    lines.flat_map(Challenge::read_all).any(|challenge| challenge.stale)
}

/// Who demands a password. Each has headers of its own, so that both can be answered in one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::sip) enum Side {
    /// A registrar or another user agent: 401, WWW-Authenticate, Authorization (RFC 3261 22.2).
    Agent,
    /// A proxy: 407, Proxy-Authenticate, Proxy-Authorization (RFC 3261 22.3).
    Proxy,
}

impl Side {
    const BOTH: [Side; 2] = [Side::Agent, Side::Proxy];

    fn challenge_header(self) -> &'static str {
        match self {
            Side::Agent => "WWW-Authenticate",
            Side::Proxy => "Proxy-Authenticate",
        }
    }

    pub(in crate::sip) fn answer_header(self) -> &'static str {
        match self {
            Side::Agent => "Authorization",
            Side::Proxy => "Proxy-Authorization",
        }
    }

    fn info_header(self) -> &'static str {
        match self {
            Side::Agent => "Authentication-Info",
            Side::Proxy => "Proxy-Authentication-Info",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_shown() {
        let credentials = Credentials { name: "501".to_owned(), password: Password::new("s3cret") };
        assert_eq!(format!("{credentials:?}"), r#"Credentials { name: "501", password: Password(…) }"#);
    }
}
