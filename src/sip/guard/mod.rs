//! The guard before the endpoint: what is heard when more comes than can be meant.
//!
//! ```text
//!  message ─▶ a known door, or the other end of a call that we made or answered? ─▶ a wide bucket of its own
//!          ─▶ never seen? so many new sources a second and no more
//!          ─▶ shut? dropped unread
//!          ─▶ a small share for each stranger, which nobody else can use up
//!          ─▶ beyond it, what is spare for all strangers together
//!          ─▶ all used up: read, if its sender has a call here or has asked something, and heard if it is inside that
//!          ─▶ dropped
//!
//!  a new INVITE ─▶ a bucket of calls for each source ─▶ the first two lately: a pool for newcomers
//!                                                    ─▶ further ones: a pool for the rest ─▶ 503
//!               ─▶ a place in the tables: a share for each source, the last ones kept for those who have few and for the known
//! ```
//! A source whose calls are refused again and again is shut: nothing of it is read until it has stopped for a while.
//! Everything is counted by source ([`Source`]), and the number of sources that are remembered is bounded.
//!
//! Whoever forges the address of a known door is taken for it (UDP proves nothing); it gets no more than a door gets, and
//! cannot end or change the door's call, whose tags it does not know. Whoever forges a new address for each datagram uses up
//! what is there for new sources: then the known are heard, whoever is in the midst of something, and few others.

mod bucket;
mod source;
mod tally;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::{Duration, Instant};

pub use self::bucket::{Bucket, Rate};
pub use self::source::Source;
pub use self::tally::Flood;

use self::source::Account;
use self::tally::Tally;

/// A visitor who calls, gives up and calls again holds so many places for a while.
pub const FEW: usize = 2;

/// Most sources that are remembered; the one that was quiet for longest is forgotten for a new one.
pub const MAX_SOURCES: usize = 1024;

/// Messages of a known source.
const KNOWN: Rate = Rate::per_second(100, 300);
/// Messages beyond its share of whoever is in the midst of something, inside that: a BYE, an ACK, a repetition.
const INSIDE: Rate = Rate::per_second(50, 200);
/// Messages of a stranger that nobody else can use up: more than a call takes to set up, alter and end.
const FIRM: Rate = Rate::per_second(4, 100);
/// Messages of a stranger beyond that.
const SPARE: Rate = Rate::per_second(20, 200);
/// Strangers that were never seen, or are forgotten.
const NEW_SOURCES: Rate = Rate::per_second(200, 400);
/// What is beyond their shares, of all strangers together.
const ALL_SPARE: Rate = Rate::per_second(100, 400);

/// Calls of a known source.
const KNOWN_CALLS: Rate = Rate::per_second(4, 40);
/// Calls of a stranger.
const CALLS: Rate = Rate::one_in(1, 12);
/// The first two calls of strangers lately, all together.
const ALL_FIRST_CALLS: Rate = Rate::per_second(100, 512);
/// Further calls of strangers, all together.
const ALL_FURTHER_CALLS: Rate = Rate::per_second(2, 24);
/// How long a call is remembered as one of lately; at most 12 are counted.
const CLAIMS: Rate = Rate::one_in(5, 12);

/// So many refused calls shut a source.
const REFUSALS_TO_SHUT: u32 = 12;
/// A source that is shut has to keep quiet for so long to be heard again.
const SHUT: Duration = Duration::from_secs(10);

/// What a source is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// A known door, or the other end of a call that we made or answered.
    Known,
    /// Anybody else.
    Stranger,
}

/// Who is heard. Ask with `admit_*` about each thing that comes, then drain `poll_flood`; `poll_timeout` tells when to
/// call `handle_timeout`.
#[derive(Debug)]
pub struct Guard {
    known: BTreeSet<Source>,
    accounts: BTreeMap<Source, Account>,
    all: Option<Pools>,
    tally: Tally,
}

/// What all strangers share.
#[derive(Debug, Clone, Copy)]
struct Pools {
    new_sources: Bucket,
    spare: Bucket,
    first_calls: Bucket,
    further_calls: Bucket,
}

impl Guard {
    /// A guard that has seen nobody.
    pub fn new() -> Self {
        Guard { known: BTreeSet::new(), accounts: BTreeMap::new(), all: None, tally: Tally::default() }
    }

    /// These addresses are known from here on, and no others.
    pub fn set_known(&mut self, known: impl IntoIterator<Item = IpAddr>) {
        self.known = known.into_iter().map(Source::exactly).collect();
    }

    /// What this address is to us, apart from the calls that there are.
    pub fn standing(&self, address: IpAddr) -> Standing {
        if self.known.contains(&Source::exactly(address)) { Standing::Known } else { Standing::Stranger }
    }

    /// Whether a message from this address is read.
    pub fn admit_message(&mut self, now: Instant, address: IpAddr, standing: Standing) -> bool {
        self.admit_message_or(now, address, standing, || false)
    }

    /// The same; when the message is too much, `is_inside` is asked whether it belongs to a dialog or transaction that
    /// exists, and then it is admitted all the same, within bounds of its own.
    pub fn admit_message_or(
        &mut self,
        now: Instant,
        address: IpAddr,
        standing: Standing,
        is_inside: impl FnOnce() -> bool,
    ) -> bool {
        let source = source(address, standing);
        let passes = self.has_share(now, source, standing)
            || (is_inside() && pass(now, (&mut self.account(now, source).inside, INSIDE), None));
        if !passes {
            self.tally.count(now, source);
        }
        passes
    }

    /// Takes a message from the shares of its source, if one is left.
    fn has_share(&mut self, now: Instant, source: Source, standing: Standing) -> bool {
        let mut pools = self.pools(now);
        if standing == Standing::Stranger && !self.accounts.contains_key(&source) {
            if !pools.new_sources.has_token(now, NEW_SOURCES) {
                return false;
            }
            pools.new_sources.take(now, NEW_SOURCES);
        }
        let account = self.account(now, source);
        account.last = now;
        let passes = match standing {
            Standing::Known => pass(now, (&mut account.known, KNOWN), None),
            Standing::Stranger if account.is_shut(now) => {
                account.shut_until = Some(now + SHUT);
                false
            }
            Standing::Stranger => {
                pass(now, (&mut account.firm, FIRM), None)
                    || pass(now, (&mut account.spare, SPARE), Some((&mut pools.spare, ALL_SPARE)))
            }
        };
        self.all = Some(pools);
        passes
    }

    /// Whether a new INVITE from this address may become a call; if not, it is refused.
    pub fn admit_call(&mut self, now: Instant, address: IpAddr, standing: Standing) -> bool {
        let source = source(address, standing);
        let mut pools = self.pools(now);
        let account = self.account(now, source);
        if account.claims.is_full(now) {
            account.refused = 0;
        }
        let is_first = account.claims.taken(now, CLAIMS) < 2;
        account.claims.take(now, CLAIMS);
        let passes = match standing {
            Standing::Known => pass(now, (&mut account.known_calls, KNOWN_CALLS), None),
            Standing::Stranger if is_first => {
                pass(now, (&mut account.calls, CALLS), Some((&mut pools.first_calls, ALL_FIRST_CALLS)))
            }
            Standing::Stranger => {
                pass(now, (&mut account.calls, CALLS), Some((&mut pools.further_calls, ALL_FURTHER_CALLS)))
            }
        };
        let mut shuts = false;
        if !passes && standing == Standing::Stranger {
            account.refused = account.refused.saturating_add(1);
            if account.refused >= REFUSALS_TO_SHUT {
                account.refused = 0;
                account.shut_until = Some(now + SHUT);
                shuts = true;
            }
        }
        self.all = Some(pools);
        if !passes {
            self.tally.count(now, source);
        }
        if shuts {
            self.tally.shut(source);
        }
        passes
    }

    /// How often somebody has called from there lately, 0 to 12: each call is forgotten after 5 s, one after the other.
    pub fn calls_lately(&self, now: Instant, address: IpAddr, standing: Standing) -> u32 {
        self.accounts.get(&source(address, standing)).map_or(0, |account| account.claims.taken(now, CLAIMS))
    }

    /// The next thing to say.
    pub fn poll_flood(&mut self) -> Option<Flood> {
        self.tally.poll()
    }

    /// When `handle_timeout` is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.tally.poll_timeout()
    }

    /// Fires what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.tally.handle_timeout(now);
    }

    /// How many sources are remembered: for tests and statistics, at most [`MAX_SOURCES`].
    pub fn sources(&self) -> usize {
        self.accounts.len()
    }

    fn pools(&self, now: Instant) -> Pools {
        let full = Bucket::full(now);
        self.all.unwrap_or(Pools { new_sources: full, spare: full, first_calls: full, further_calls: full })
    }

    fn account(&mut self, now: Instant, source: Source) -> &mut Account {
        if self.accounts.len() >= MAX_SOURCES && !self.accounts.contains_key(&source) {
            let quietest = self.accounts.iter().min_by_key(|(_, account)| (!account.is_idle(now), account.last));
            if let Some(quietest) = quietest.map(|(source, _)| *source) {
                self.accounts.remove(&quietest);
            }
        }
        self.accounts.entry(source).or_insert_with(|| Account::new(now))
    }
}

impl Default for Guard {
    fn default() -> Self {
        Guard::new()
    }
}

/// Whether a table of `most` places has one more for somebody who holds `own` of the `taken` ones. A stranger gets a quarter
/// of them, the last quarter is for who has hardly any (at most [`FEW`]), and the last eighth for the known.
pub fn has_place(standing: Standing, own: usize, taken: usize, most: usize) -> bool {
    match standing {
        Standing::Known => taken < most,
        Standing::Stranger if own <= FEW => taken < most - most / 8,
        Standing::Stranger => own < most / 4 && taken < most - most / 4,
    }
}

/// Takes a token from each, if each has one.
fn pass(now: Instant, (own, rate): (&mut Bucket, Rate), all: Option<(&mut Bucket, Rate)>) -> bool {
    let passes = own.has_token(now, rate) && all.as_ref().is_none_or(|(pool, rate)| pool.has_token(now, *rate));
    if passes {
        own.take(now, rate);
        if let Some((pool, rate)) = all {
            pool.take(now, rate);
        }
    }
    passes
}

fn source(address: IpAddr, standing: Standing) -> Source {
    match standing {
        Standing::Known => Source::exactly(address),
        Standing::Stranger => Source::of(address),
    }
}

#[cfg(test)]
mod tests;
