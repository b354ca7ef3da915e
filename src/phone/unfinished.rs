//! Calls that are not over, noted so that another run of the program can end them when this one dies: the other side is told
//! the end that it would wait for, and the call has its line in the log.

use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use super::account;
use super::call::Call;
use super::output::Output;
use super::{Now, Phone, finish};
use crate::channel::{EndReason, LogEntry};
use crate::config::Account;
use crate::sip::{Farewell, Path, Transport};

/// So long after the start, last words wait for a way to go.
const PATIENCE: Duration = Duration::from_secs(30);

/// An answered call is not taken to have lasted any longer: the program was away for a while, nobody knows how long.
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// A call that is not over, as another run of the program needs to know it.
#[derive(Clone, Debug, PartialEq)]
pub struct Unfinished {
    /// Its line in the call log, as if it were lost now.
    pub entry: LogEntry,
    /// When it was answered.
    pub answered: Option<SystemTime>,
    /// What ends it for the other side, one for each that was called.
    pub words: Vec<LastWord>,
}

/// A whole SIP message that ends a session, and where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastWord {
    /// The account that it goes through; none for a direct call.
    pub account: Option<Account>,
    /// By what.
    pub transport: Transport,
    /// Where to.
    pub remote: SocketAddr,
    /// The message.
    pub bytes: Vec<u8>,
}

/// What is noted, and what is to be said for the run before.
#[derive(Debug, Default)]
pub(super) struct LastWords {
    noted: Vec<Unfinished>,
    unsaid: Vec<LastWord>,
    until: Option<Instant>,
}

impl LastWords {
    /// Of how many calls there is a note.
    pub fn noted(&self) -> usize {
        self.noted.len()
    }
}

impl Unfinished {
    /// The line of the call log, `now` that it is known to be over.
    fn into_entry(self, now: Now) -> LogEntry {
        let lasted = self.answered.and_then(|answered| now.wall.duration_since(answered).ok());
        LogEntry { duration: lasted.filter(|lasted| *lasted <= LONGEST).unwrap_or_default(), ..self.entry }
    }

    /// Whether another note would say the same.
    fn says(&self, other: &Self) -> bool {
        (self.answered, &self.words, self.entry.result, self.entry.unlocked)
            == (other.answered, &other.words, other.entry.result, other.entry.unlocked)
    }
}

impl Phone {
    /// The run before has left these calls.
    pub(super) fn inherit(&mut self, now: Now, left: Vec<Unfinished>) {
        for call in &left {
            let entry = call.clone().into_entry(now);
            if !self.log.holds(&entry) {
                self.append_log(entry);
            }
        }
        self.last_words.unsaid = left.iter().flat_map(|call| call.words.clone()).collect();
        self.last_words.until = Some(now.instant + PATIENCE);
        self.last_words.noted = left;
    }

    /// Says what the run before could not, as soon as there is a way.
    pub(super) fn say_last_words(&mut self, now: Now) {
        if self.last_words.unsaid.is_empty() {
            return;
        }
        let is_late = self.last_words.until.is_none_or(|until| until <= now.instant);
        for word in std::mem::take(&mut self.last_words.unsaid) {
            match self.way_of(&word) {
                Some(path) => {
                    let account = word.account.map(account::key);
                    self.endpoint.say_farewell(now.instant, Farewell { account, path, bytes: word.bytes });
                }
                None if is_late => {}
                None => self.last_words.unsaid.push(word),
            }
        }
    }

    /// The way of last words as it is in this run.
    fn way_of(&self, word: &LastWord) -> Option<Path> {
        let Some(account) = word.account else {
            let local = self.routes.local_for(word.remote.ip()).filter(|_| self.listening.is_open())?;
            let local = SocketAddr::new(local, self.direct_port());
            return Some(Path { transport: word.transport, local, remote: word.remote, flow: None });
        };
        let way = self.registered_way(account)?;
        let by_datagrams = way.transport == Transport::Udp && word.transport == Transport::Udp;
        Some(if by_datagrams { Path { remote: word.remote, ..way } } else { way })
    }

    /// Notes the calls that are not over, where that has changed.
    pub(super) fn note_unfinished(&mut self, now: Now) {
        let unfinished: Vec<_> = self.calls.values().map(|call| self.unfinished(now, call)).collect();
        let noted = &mut self.last_words.noted;
        if noted.len() == unfinished.len() && noted.iter().zip(&unfinished).all(|(noted, call)| noted.says(call)) {
            return;
        }
        noted.clone_from(&unfinished);
        self.outputs.push_back(Output::NoteUnfinished(unfinished));
    }

    fn unfinished(&self, now: Now, call: &Call) -> Unfinished {
        let said = call.sessions().into_iter().filter_map(|session| self.endpoint.farewell(session));
        let words = said.map(|Farewell { account, path, bytes }| LastWord {
            account: Account::ALL.into_iter().find(|ours| account == Some(account::key(*ours))),
            transport: path.transport,
            remote: path.remote,
            bytes,
        });
        Unfinished {
            words: words.collect(),
            answered: call.talking().map(|talking| talking.since.wall),
            entry: finish::entry(call, now, if call.rings_here() { EndReason::Missed } else { EndReason::Lost }),
        }
    }
}
