//! What was found, for as long as it may be used.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::{Destination, LONGEST, LocateFault, Located};

/// Most destinations that are remembered; the one that ended or ends first is forgotten for a new one.
pub const MAX_DESTINATIONS: usize = 32;

/// What came of earlier searches. What is fresh saves a search. What is stale is better than nothing while a new search goes
/// on, or after it met silence (RFC 8767): a name server that is away takes no account off the network.
#[derive(Debug, Default)]
pub struct Cache {
    entries: BTreeMap<Destination, Entry>,
}

#[derive(Debug)]
struct Entry {
    /// The last that was found.
    located: Option<Located>,
    /// What a later search failed of.
    fault: Option<LocateFault>,
    /// How long the later of both holds.
    fresh_until: Instant,
    /// How long the last that was found may stand in.
    stale_until: Instant,
}

impl Cache {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Remembers what came of a search. That a name is gone replaces what was found for it; silence does not.
    pub fn put(&mut self, now: Instant, destination: &Destination, outcome: &Result<Located, LocateFault>) {
        let before = self.entries.remove(destination);
        let entry = match outcome {
            Ok(located) => {
                let fresh_until = now + located.valid_for;
                Entry { located: Some(located.clone()), fault: None, fresh_until, stale_until: fresh_until + LONGEST }
            }
            Err(fault) => {
                let fresh_until = now + fault.valid_for();
                let silence = fault.valid_for() == Duration::ZERO;
                let before = before.filter(|before| silence && before.stale_until > now);
                let stale_until = before.as_ref().map_or(fresh_until, |before| before.stale_until);
                let located = before.and_then(|before| before.located);
                Entry { located, fault: Some(*fault), fresh_until, stale_until }
            }
        };
        if self.entries.len() >= MAX_DESTINATIONS {
            let first = self.entries.iter().min_by_key(|(_, entry)| (entry.fresh_until, entry.stale_until));
            if let Some(first) = first.map(|(destination, _)| destination.clone()) {
                self.entries.remove(&first);
            }
        }
        self.entries.insert(destination.clone(), entry);
    }

    /// What came of the last search, while it holds.
    pub fn fresh(&self, now: Instant, destination: &Destination) -> Option<Result<&Located, LocateFault>> {
        let entry = self.entries.get(destination).filter(|entry| now < entry.fresh_until)?;
        match entry.fault {
            Some(fault) => Some(Err(fault)),
            None => entry.located.as_ref().map(Ok),
        }
    }

    /// The last that was found, at most a day after its time.
    pub fn stale(&self, now: Instant, destination: &Destination) -> Option<&Located> {
        self.entries.get(destination).filter(|entry| now < entry.stale_until)?.located.as_ref()
    }

    /// Forgets all: the network or its name servers are others.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// How many destinations are remembered, at most [`MAX_DESTINATIONS`].
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}
