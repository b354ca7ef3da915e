//! The keyrings of all accounts, and the requests of ours that may still be challenged.

use std::collections::BTreeMap;

use super::keyring::{Given, Keyring};
use super::{AccountKey, Credentials};
use crate::sip::message::{Method, Request, Response};
use crate::sip::path::Path;
use crate::sip::transaction::ClientKey;

/// How often one request goes again, whatever is demanded: each of two realms may be stale twice.
const MAX_AGAIN: u8 = 6;

/// All passwords of an endpoint.
#[derive(Debug, Default)]
pub(in crate::sip) struct Keyrings {
    rings: BTreeMap<AccountKey, Keyring>,
    sent: BTreeMap<ClientKey, Sent>,
    /// Whose the INVITEs are that have their final response: a branch may still accept.
    invites: BTreeMap<ClientKey, AccountKey>,
}

/// A request that went through an account and has no final response.
#[derive(Debug)]
pub(in crate::sip) struct Sent {
    account: AccountKey,
    /// As it was before any challenge was answered in it.
    request: Request,
    path: Path,
    given: Vec<Given>,
    again: u8,
}

impl Sent {
    /// The request, without answers to challenges.
    pub(in crate::sip) fn request(&self) -> &Request {
        &self.request
    }

    /// Where it went.
    pub(in crate::sip) fn path(&self) -> Path {
        self.path
    }
}

/// What becomes of a final response.
#[derive(Debug)]
pub(in crate::sip) enum Verdict {
    /// A challenge that can be answered: the request goes again, by [`Keyrings::resend`].
    Again(Box<Sent>),
    /// It is the user's.
    Final {
        /// The request had carried our password's answer.
        tried_password: bool,
    },
}

impl Keyrings {
    /// Sets the credentials of an account, or takes them away. The same again change nothing.
    pub(in crate::sip) fn set(&mut self, account: AccountKey, credentials: Option<Credentials>) {
        match credentials {
            Some(credentials) if self.rings.get(&account).is_some_and(|ring| *ring.credentials() == credentials) => {}
            Some(credentials) => {
                self.rings.insert(account, Keyring::new(credentials));
            }
            None => {
                self.rings.remove(&account);
            }
        }
    }

    /// True when the account's password was refused last.
    pub(in crate::sip) fn is_refused(&self, account: AccountKey) -> bool {
        self.rings.get(&account).is_some_and(Keyring::is_refused)
    }

    /// A request with a Via is about to go along `path`: it gets the answers to challenges that are known, and is remembered
    /// for those that are not.
    pub(in crate::sip) fn send(&mut self, account: AccountKey, request: &mut Request, path: Path, cnonce: &str) {
        let Some(ring) = self.rings.get_mut(&account) else {
            return;
        };
        let bare = request.clone();
        let given = ring.answer_unasked(request, path.remote.ip(), cnonce);
        self.sent.insert(ClientKey::of_request(request), Sent { account, request: bare, path, given, again: 0 });
    }

    /// `request`, which is that of `sent` with a new number and Via, is about to go: it gets the answers.
    pub(in crate::sip) fn resend(&mut self, sent: Sent, request: &mut Request, cnonce: &str) {
        let sent = Sent { request: request.clone(), again: sent.again + 1, ..sent };
        if let Some(ring) = self.rings.get_mut(&sent.account) {
            ring.answer(request, sent.path.remote.ip(), cnonce, &sent.given);
        }
        self.sent.insert(ClientKey::of_request(request), sent);
    }

    /// A final response came.
    pub(in crate::sip) fn take_note(&mut self, key: &ClientKey, response: &Response) -> Verdict {
        let Some(mut sent) = self.sent.remove(key) else {
            return Verdict::Final { tried_password: false };
        };
        if key.is(&Method::Invite) {
            self.invites.insert(key.clone(), sent.account);
        }
        let (tried_password, hop) = (!sent.given.is_empty(), sent.path.remote.ip());
        let verdict = Verdict::Final { tried_password };
        let Some(ring) = self.rings.get_mut(&sent.account) else {
            return verdict;
        };
        match response.status() {
            401 | 407 if sent.again < MAX_AGAIN && ring.take_note(response, &sent.request, hop, &mut sent.given) => {
                return Verdict::Again(Box::new(sent));
            }
            200..=299 if tried_password => ring.take_note_of_success(response, hop, &sent.given),
            _ => {}
        }
        verdict
    }

    /// A request will have no response.
    pub(in crate::sip) fn forget(&mut self, key: &ClientKey) {
        self.sent.remove(key);
    }

    /// Forgets the INVITEs that have ended, as `lives` says.
    pub(in crate::sip) fn forget_invites(&mut self, mut lives: impl FnMut(&ClientKey) -> bool) {
        self.invites.retain(|key, _| lives(key));
        self.sent.retain(|key, _| !key.is(&Method::Invite) || lives(key));
    }

    /// The account of an INVITE whose session is over.
    pub(in crate::sip) fn account_of(&self, invite: &ClientKey) -> Option<AccountKey> {
        self.invites.get(invite).copied().or_else(|| self.sent.get(invite).map(|sent| sent.account))
    }

    /// How many requests are remembered: for tests.
    #[cfg(test)]
    pub(in crate::sip) fn remembered(&self) -> usize {
        self.sent.len() + self.invites.len()
    }
}
