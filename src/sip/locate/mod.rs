//! The way to a SIP server: from its name to the transports and addresses to try, in order (RFC 3263 4, RFC 2782).
//!
//! ```text
//!  UDP, TCP, TLS ───────────────────────────────▶ A and AAAA, the port that is set
//!  SRV over one transport ──▶ SRV ──▶ A and AAAA of each of its targets
//!                              └ none ──────────▶ A and AAAA, the transport's port
//!  Auto ──▶ NAPTR ──▶ SRV ──▶ A and AAAA of each
//!             └ none ──▶ SRV over UDP, TCP, TLS ──▶ A and AAAA of each
//!                          └ none ──────────────▶ A and AAAA, UDP, port 5060
//! ```
//! Whoever owns a [`Locator`] carries its questions to a name server and the answers back. What comes from there is anybody's
//! word: names are checked, and questions, chains and targets are counted.

mod order;
mod walk;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rand::Rng;

use self::walk::Walk;
use super::path::Transport;

/// Most targets that one search gives.
pub const MAX_TARGETS: usize = 32;
/// Most questions that one search asks.
pub const MAX_QUESTIONS: usize = 64;
/// Most questions of one search that wait for their answers at the same time.
pub const MAX_OPEN: usize = 16;

/// What was found is used for no shorter time, whatever the name server says.
pub const SHORTEST: Duration = Duration::from_secs(5);
/// What was found is used for no longer time.
pub const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a list is used from which something is missing because a name server did not answer.
pub const PARTIAL: Duration = Duration::from_secs(30);

/// How the transport is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wish {
    /// By datagrams, to the port that is set.
    Udp,
    /// By TCP, to the port that is set.
    Tcp,
    /// By TLS, to the port that is set.
    Tls,
    /// DNS-SRV as the domain recommends: NAPTR, then SRV.
    Auto,
    /// DNS-SRV over one transport: SRV alone.
    Srv(Transport),
}

/// Whom to look for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Destination {
    /// A name, or an address; one of IPv6 without brackets.
    pub host: String,
    /// The port that is set; it does not count with [`Wish::Auto`] and [`Wish::Srv`].
    pub port: Option<u16>,
    /// How.
    pub wish: Wish,
}

/// To which kinds of address a route leads. An address that is given instead of a name is taken without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Families {
    /// A records are of use.
    pub v4: bool,
    /// AAAA records are.
    pub v6: bool,
}

/// What a name server is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordKind {
    /// Which transports a domain recommends.
    Naptr,
    /// Which hosts and ports offer a service.
    Srv,
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
}

/// One question to a name server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Question {
    /// In lower case, without the dot at its end; letters, digits, `-` and `_` in labels of at most 63.
    pub name: String,
    /// What about it.
    pub kind: RecordKind,
}

/// One record of an answer. Names may be in upper case and end with a dot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// RFC 3403; those that rewrite by a regular expression have no place here (RFC 3263 4.1).
    Naptr {
        /// Lowest first.
        order: u16,
        /// Lowest first among those of one order.
        preference: u16,
        /// `s`, `a`, or nothing where another NAPTR follows.
        flags: String,
        /// `SIP+D2U` …
        service: String,
        /// The next name.
        replacement: String,
    },
    /// RFC 2782.
    Srv {
        /// Lowest first.
        priority: u16,
        /// How often it comes first among those of one priority.
        weight: u16,
        /// Where the service listens.
        port: u16,
        /// The host; `.` says that there is no such service.
        target: String,
    },
    /// A or AAAA.
    Address(IpAddr),
}

/// What a name server said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Those that were asked for, at the end of all aliases.
    pub records: Vec<Record>,
    /// How long the shortest-lived of them, and of the aliases, may be used.
    pub ttl: Duration,
}

/// Why there are no records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DnsFault {
    /// There is no such name, or it has no such records.
    NotFound,
    /// No name server could or would say.
    NoAnswer,
}

/// One place to try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// By which transport.
    pub transport: Transport,
    /// Where.
    pub address: SocketAddr,
    /// The name, or address, that was looked for. With TLS the certificate must be for it, not for a name that came from a
    /// name server (RFC 5922 4).
    pub host: String,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// The first is the best; at least one, at most [`MAX_TARGETS`], none twice.
    pub targets: Vec<Target>,
    /// From [`SHORTEST`] to [`LONGEST`].
    pub valid_for: Duration,
}

/// Why nothing was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LocateFault {
    /// There is no such name, or nothing that leads from it to an address.
    #[error("host not found")]
    NotFound,
    /// The domain says that it offers no such service (RFC 2782, the target `.`).
    #[error("the domain does not offer SIP by such a transport")]
    NotOffered,
    /// No name server could or would say.
    #[error("no name server answers")]
    NoAnswer,
    /// Addresses of no kind can be reached from here.
    #[error("there is no route to anywhere")]
    NoRoute,
}

/// What is known about a question that was asked or will be.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Reply {
    Awaited,
    Came(Answer),
    Failed(DnsFault),
}

/// One search. Drain `poll_question` at the beginning and after each `handle_answer`, until there is an `outcome`.
#[derive(Debug)]
pub struct Locator {
    destination: Destination,
    families: Families,
    replies: BTreeMap<Question, Reply>,
    queue: VecDeque<Question>,
    /// Questions that were given out and not answered.
    open: usize,
    outcome: Option<Result<Located, LocateFault>>,
}

impl Locator {
    /// Begins a search. An address needs no questions and is found at once.
    pub fn new(destination: Destination, families: Families) -> Self {
        let mut this =
            Locator { destination, families, replies: BTreeMap::new(), queue: VecDeque::new(), open: 0, outcome: None };
        this.go_on();
        this
    }

    /// Takes an answer. In what order targets of equal priority come is up to the dice (RFC 2782). An answer to what was not
    /// asked, or is not needed any more, is passed over.
    pub fn handle_answer(&mut self, question: &Question, answer: Result<Answer, DnsFault>, dice: &mut impl Rng) {
        if self.outcome.is_some() || self.queue.contains(question) {
            return;
        }
        let Some(reply @ Reply::Awaited) = self.replies.get_mut(question) else { return };
        *reply = match answer.map(|answer| order::arrange(question.kind, answer, dice)) {
            Ok(answer) if answer.records.is_empty() => Reply::Failed(DnsFault::NotFound),
            Ok(answer) => Reply::Came(answer),
            Err(fault) => Reply::Failed(fault),
        };
        self.open -= 1;
        self.go_on();
    }

    /// The next question for a name server. Those that are there at the same time are asked at the same time.
    pub fn poll_question(&mut self) -> Option<Question> {
        if self.open >= MAX_OPEN {
            return None;
        }
        let question = self.queue.pop_front()?;
        self.open += 1;
        Some(question)
    }

    /// What came of it; `None` while questions are open.
    pub fn outcome(&self) -> Option<Result<Located, LocateFault>> {
        self.outcome.clone()
    }

    /// Walks again with what is known now.
    fn go_on(&mut self) {
        let walk = Walk::through(&self.destination, self.families, &self.replies);
        let (outcome, wanted) = (walk.outcome(), walk.wanted);
        self.replies.extend(wanted.iter().map(|question| (question.clone(), Reply::Awaited)));
        self.queue.extend(wanted);
        self.outcome = outcome;
        if self.outcome.is_some() {
            // What is left was only to be asked in case it should be needed.
            self.queue.clear();
        }
    }
}

/// A name as it is asked for: in lower case, without the dot at its end. `None` if no host can be called so.
fn plain(name: &str) -> Option<String> {
    let name = name.strip_suffix('.').unwrap_or(name);
    let good = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    (name.len() <= 253 && name.split('.').all(good)).then(|| name.to_ascii_lowercase())
}

impl RecordKind {
    /// `NAPTR`, `SRV`, `A`, `AAAA`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Naptr => "NAPTR",
            Self::Srv => "SRV",
            Self::A => "A",
            Self::Aaaa => "AAAA",
        }
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.name(), self.name)
    }
}

#[cfg(test)]
mod tests;
