//! Calls that were not let in, in the call log: one line for each caller an hour, which says how often, and one tap makes a
//! contact of it.
//!
//! Whoever calls a thousand times a second fills neither the log nor the disk: attempts are counted here, and the count goes
//! into the line once a minute; lines are few for callers who are new, all others share one; and of all lines the log keeps
//! the newest of these up to a bound, so that no visit is pushed out by them.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

use super::output::Output;
use super::{Now, Phone};
use crate::channel::{Allowed, CallQuality, CallResult, Done, EndReason, LogEntry, Refusal};
use crate::config::book::{BookError, Which};
use crate::config::{Account, AccountChoice, Book, PhonebookEntry};
use crate::dial::{self, DialTarget};
use crate::sip::{Bucket, Rate, Source};

/// For so long all attempts of a caller go into one line.
const TOGETHER: Duration = Duration::from_secs(3600);
/// How soon a count is in the log.
const WRITTEN_IN: Duration = Duration::from_secs(60);
/// Callers whose attempts are counted, each in a line.
const CALLERS: usize = 64;
/// Lines for callers who have none yet.
const LINES: Rate = Rate::one_in(10, 20);

/// A call that was not let in.
#[derive(Clone, Debug)]
pub(super) struct Refused {
    /// Where it came from.
    pub source: Source,
    /// Who called through an account, when it came from the account's server.
    pub number: Option<String>,
    /// Whose call it would have been.
    pub account: Option<Account>,
    /// Its URI, for the log.
    pub uri: String,
    /// Its name, for the log.
    pub name: String,
    /// Why.
    pub why: EndReason,
    /// What a contact needs as its number to let it in.
    pub allow: Option<String>,
    /// By which a repetition is told from another call; none when it was not read.
    pub call_id: Option<String>,
}

/// Who calls, as far as attempts are counted together.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Caller {
    One {
        source: Source,
        account: Option<Account>,
        number: Option<String>,
    },
    /// All for whom there is no line.
    Others,
}

/// The attempts of one caller.
#[derive(Debug)]
struct Tally {
    caller: Caller,
    /// Its line, with the count so far.
    line: LogEntry,
    /// The last call, by its Call-ID.
    last: Option<u64>,
    /// The log has an older count.
    changed: bool,
    until: Instant,
}

/// The callers of the last hour.
#[derive(Debug)]
pub(super) struct Blocked {
    tallies: Vec<Tally>,
    lines: Bucket,
    /// When counts go into the log.
    write_at: Option<Instant>,
}

impl Blocked {
    /// Nobody has called.
    pub fn new(now: Instant) -> Self {
        Self { tallies: Vec::new(), lines: Bucket::full(now), write_at: None }
    }

    /// When counts are due in the log.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.write_at
    }

    /// The log was cleared: whoever calls again has a new line.
    pub fn clear(&mut self) {
        self.tallies.clear();
        self.write_at = None;
    }

    /// Counts a call; a line that is new.
    fn count(&mut self, now: Now, refused: Refused) -> Option<LogEntry> {
        self.tallies.retain(|tally| tally.changed || tally.until > now.instant);
        let Refused { source, account, number, .. } = &refused;
        let one = Caller::One { source: *source, account: *account, number: number.clone() };
        let last = refused.call_id.as_deref().map(|id| {
            let mut hasher = DefaultHasher::new();
            (source, id).hash(&mut hasher);
            hasher.finish()
        });
        let mut caller = one;
        loop {
            if let Some(tally) =
                self.tallies.iter_mut().find(|tally| tally.caller == caller && tally.until > now.instant)
            {
                if last.is_none() || tally.last != last {
                    tally.last = last;
                    tally.line.attempts = tally.line.attempts.saturating_add(1);
                    tally.changed = true;
                    self.write_at.get_or_insert(now.instant + WRITTEN_IN);
                }
                return None;
            }
            let has_line = caller == Caller::Others || self.lines.has_token(now.instant, LINES);
            if has_line {
                break;
            }
            caller = Caller::Others;
        }
        let line = match caller {
            Caller::One { .. } => {
                self.lines.take(now.instant, LINES);
                line(now, refused)
            }
            Caller::Others => {
                LogEntry { remote: String::new(), name: String::new(), account: 0, allow: None, ..line(now, refused) }
            }
        };
        if self.tallies.len() >= CALLERS {
            // The oldest whose count is in the log, if there is one; not that of all others.
            let one = |tally: &Tally| tally.caller != Caller::Others;
            let settled = self.tallies.iter().position(|tally| one(tally) && !tally.changed);
            if let Some(oldest) = settled.or_else(|| self.tallies.iter().position(one)) {
                self.tallies.remove(oldest);
            }
        }
        let until = now.instant + TOGETHER;
        self.tallies.push(Tally { caller, line: line.clone(), last, changed: false, until });
        Some(line)
    }

    /// The lines whose counts are due in the log.
    fn take_changed(&mut self) -> Vec<LogEntry> {
        self.write_at = None;
        let tallies = self.tallies.iter_mut();
        tallies.filter_map(|tally| std::mem::take(&mut tally.changed).then(|| tally.line.clone())).collect()
    }
}

impl Phone {
    /// A call was not let in: a line for the call log, or one more in a line.
    pub(super) fn log_blocked(&mut self, now: Now, refused: Refused) {
        if let Some(line) = self.blocked.count(now, refused) {
            self.append_log(line);
        }
    }

    /// Counts that are due go into the log.
    pub(super) fn tend_blocked(&mut self, now: Now) {
        if self.blocked.write_at.is_some_and(|at| at <= now.instant) {
            self.write_blocked();
        }
    }

    /// All counts go into the log.
    pub(super) fn write_blocked(&mut self) {
        let lines = self.blocked.take_changed();
        let change = self.log.recount(&lines);
        self.outputs.extend(change.map(Output::SaveLog));
    }

    /// Whoever was turned away in this line of the call log may call from here on.
    pub(super) fn allow_caller(&mut self, now: Now, at: std::time::SystemTime, remote: &str) -> Result<Done, Refusal> {
        let log = self.log.shown();
        let entry = log.iter().find(|entry| entry.at == at && entry.remote == remote).ok_or(Refusal::NoCaller)?;
        let number = entry.allow.as_ref().ok_or(Refusal::NoCaller)?;
        if !entry.is_allowed(&Allowed::by(&self.config.contacts)) {
            let caller = entry.as_contact(&self.config).ok_or(Refusal::NoCaller)?;
            let contacts = with_caller(&self.config.contacts, caller, number)?;
            self.put_book(now, contacts);
        }
        Ok(Done::Ok)
    }
}

/// The address book with this caller as a contact that may call: the one that has the number already, or this new one.
fn with_caller(contacts: &Book, caller: PhonebookEntry, number: &str) -> Result<Book, BookError> {
    let is_it = |contact: &&PhonebookEntry| {
        !contact.blocked
            && contact.numbers.iter().any(|theirs| is_same(theirs, number))
            && (contact.account == caller.account || contact.account == AccountChoice::Auto)
    };
    if let Some(contact) = contacts.iter().find(is_it) {
        let allowed = PhonebookEntry { may_call: true, ..contact.clone() };
        return contacts.with_changed(&Which::Exactly(Box::new(contact.clone())), allowed);
    }
    contacts.with_added(caller)
}

/// Whether two numbers tell the same caller; the port of an address does not matter.
fn is_same(one: &str, other: &str) -> bool {
    match (dial::parse(one), dial::parse(other)) {
        (Ok(DialTarget::Ip { address: one, .. }), Ok(DialTarget::Ip { address: other, .. })) => one == other,
        (Ok(one), Ok(other)) => one == other,
        (Err(_), _) | (_, Err(_)) => false,
    }
}

fn line(now: Now, refused: Refused) -> LogEntry {
    LogEntry {
        at: now.wall,
        outgoing: false,
        remote: refused.uri,
        name: refused.name,
        account: refused.account.map_or(0, Account::number),
        result: CallResult::Blocked,
        why: Some(refused.why),
        duration: Duration::ZERO,
        unlocked: false,
        unseen: false,
        attempts: 1,
        allow: refused.allow,
        picture: None,
        quality: CallQuality::default(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::time::SystemTime;

    use super::*;
    use crate::config::Config;

    fn now(begun: Instant, seconds: u64) -> Now {
        let since = Duration::from_secs(seconds);
        Now { instant: begun + since, wall: SystemTime::UNIX_EPOCH + since }
    }

    fn call(last: u8, id: Option<&str>) -> Refused {
        Refused {
            source: Source::of(IpAddr::from([192, 0, 2, last])),
            number: None,
            account: None,
            uri: format!("sip:100@192.0.2.{last}"),
            name: format!("100@192.0.2.{last}"),
            why: EndReason::UnknownSource,
            allow: Some(format!("192.0.2.{last}")),
            call_id: id.map(str::to_owned),
        }
    }

    #[test]
    fn a_caller_has_one_line_an_hour_and_repetitions_are_no_attempts() {
        let begun = Instant::now();
        let mut blocked = Blocked::new(begun);
        let line = blocked.count(now(begun, 0), call(1, Some("a"))).expect("a line");
        assert_eq!((line.attempts, line.name.as_str()), (1, "100@192.0.2.1"));
        assert_eq!(blocked.poll_timeout(), None);
        for id in ["a", "a", "b", "b", "c"] {
            assert_eq!(blocked.count(now(begun, 1), call(1, Some(id))), None);
        }
        assert_eq!(blocked.count(now(begun, 2), call(1, None)), None, "one that was not read");
        assert_eq!(blocked.poll_timeout(), Some(begun + Duration::from_secs(61)));
        let counted = blocked.take_changed();
        assert_eq!(counted.iter().map(|line| line.attempts).collect::<Vec<_>>(), [4]);
        assert!(blocked.take_changed().is_empty() && blocked.poll_timeout().is_none());
        assert!(blocked.count(now(begun, 3599), call(1, Some("d"))).is_none());
        assert!(blocked.count(now(begun, 3600), call(1, Some("e"))).is_some(), "an hour later");
    }

    #[test]
    fn those_for_whom_there_is_no_line_share_one() {
        let begun = Instant::now();
        let mut blocked = Blocked::new(begun);
        let mut lines: Vec<LogEntry> = Vec::new();
        for last in 0..200 {
            lines.extend(blocked.count(now(begun, 0), call(last, Some("a"))));
        }
        assert_eq!(lines.len(), 21);
        let others = lines.last().expect("the last");
        assert_eq!((others.remote.as_str(), others.name.as_str(), &others.allow), ("", "", &None));
        assert_eq!(blocked.take_changed().iter().map(|line| line.attempts).sum::<u32>(), 180);
        let more =
            (0..1000).filter_map(|second| blocked.count(now(begun, second), call((second % 250) as u8, Some("b"))));
        assert!(more.count() <= 101, "one in ten seconds");
        assert!(blocked.tallies.len() <= CALLERS);
    }

    #[test]
    fn a_contact_that_has_the_number_is_let_in_and_no_second_one_made() {
        let entry = line(now(Instant::now(), 0), call(1, None));
        let known = PhonebookEntry {
            name: "Anna".to_owned(),
            numbers: vec!["101".to_owned(), "192✳0✳2✳1✳5070".to_owned()],
            ..PhonebookEntry::default()
        };
        let allowed = |contacts: Vec<PhonebookEntry>| {
            let config = Config { contacts: contacts.into(), ..Config::default() };
            let caller = entry.as_contact(&config).expect("a contact helps");
            with_caller(&config.contacts, caller, "192.0.2.1").expect("there is room")
        };
        let contacts = allowed(vec![known.clone()]);
        assert_eq!(contacts[..], [PhonebookEntry { may_call: true, ..known.clone() }]);
        assert!(entry.is_allowed(&Allowed::by(&contacts)));
        let blocked = PhonebookEntry { blocked: true, ..known };
        let contacts = allowed(vec![blocked.clone()]);
        assert_eq!(contacts.len(), 2, "who is blocked stays so");
        assert_eq!((&contacts[0], contacts[1].name.as_str()), (&blocked, "100@192.0.2.1"));
        let namesake = PhonebookEntry { name: "100@192.0.2.1".to_owned(), ..PhonebookEntry::default() };
        assert_eq!(allowed(vec![namesake])[1].name, "100@192.0.2.1 (192.0.2.1)");
    }
}
