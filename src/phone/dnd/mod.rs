//! Do not disturb beyond the question who may ring (`admission`): what switching it does, when it ends by itself, and what
//! is called on the servers of the accounts for it.
//!
//! ```text
//!  key, page, ctl, setting ─┐              ┌─▶ bells fall silent
//!                           ├─▶ settings ──┼─▶ `ending`: the time at which it switches itself off ─┐
//!  the end has come ────────┘              └─▶ `codes`: a call to each chosen account's server     │
//!         ▲────────────────────────────────────────────────────────────────────────────────────────┘
//! ```

mod codes;
mod ending;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use self::codes::Codes;
use self::ending::Ending;
use super::{Now, Phone};
use crate::channel::{DndServerView, DndTerm, Done};
use crate::config::{Account, Config, DndMode, PhonebookEntry, TimeOfDay};

pub(super) use self::codes::CALLS;

/// The calendar and the clocks of the place where the panel hangs: asked, never waited for.
pub trait Calendar: Send {
    /// The first moment after `after` at which the clocks of `zone` show this time; `None` when there is none. A zone without a
    /// name is that of the system.
    fn next(&self, zone: &str, time: TimeOfDay, after: SystemTime) -> Option<SystemTime>;
}

/// What do not disturb waits for.
#[derive(Debug, Default)]
pub(super) struct Dnd {
    ending: Option<Ending>,
    codes: Codes,
}

/// Whether calls through `account`, or direct ones, are kept away.
pub(super) fn is_on(config: &Config, account: Option<Account>) -> bool {
    config.dnd_mode != DndMode::Off && config.dnd_accounts.has(account)
}

/// Settings that make sense together: what is off has no end.
pub(super) fn settled(mut config: Config) -> Config {
    if config.dnd_mode == DndMode::Off {
        config.dnd_until = None;
    }
    config
}

impl Phone {
    /// What the servers of the accounts say to do not disturb.
    pub fn dnd_servers(&self) -> [DndServerView; 2] {
        self.dnd.codes.views()
    }

    /// The settings are loaded: an end that has passed meanwhile is due at once.
    pub(super) fn start_dnd(&mut self, now: Now) {
        self.dnd.ending = Ending::of(&self.config, now);
    }

    /// Switches it, for so long.
    pub(super) fn switch_dnd(&mut self, now: Now, mode: DndMode, term: DndTerm) -> Done {
        let until = match term {
            DndTerm::Open => None,
            DndTerm::For(span) => now.wall.checked_add(span).and_then(whole_second),
            DndTerm::Morning => self.calendar.next(&self.config.time_zone, self.config.dnd_morning, now.wall),
        };
        let mut config = (*self.config).clone();
        (config.dnd_mode, config.dnd_until) = (mode, until);
        self.put_in_force(now, settled(config));
        Done::Ok
    }

    /// The settings have changed, whoever changed them.
    pub(super) fn change_dnd(&mut self, now: Now, before: &Config) {
        let config = self.config.clone();
        if (before.dnd_mode, before.dnd_until) != (config.dnd_mode, config.dnd_until) {
            self.dnd.ending = Ending::of(&config, now);
        }
        // A bell that sounds now falls silent too.
        let quiet = |contact: &PhonebookEntry| !contact.emergency;
        for call in self.calls.values_mut().filter(|call| call.rings_here()) {
            if is_on(&config, call.account) && !is_on(before, call.account) {
                call.silent |= call.remote.contact.as_ref().is_none_or(quiet);
            }
        }
        self.order_codes(now, before);
    }

    /// When something is due.
    pub(super) fn dnd_timeout(&self) -> Option<Instant> {
        self.dnd.ending.iter().map(Ending::look).chain(self.dnd.codes.poll_timeout()).min()
    }

    /// Does what is due.
    pub(super) fn tend_dnd(&mut self, now: Now) {
        if let Some(ending) = &mut self.dnd.ending
            && ending.is_over(now)
        {
            let mut config = (*self.config).clone();
            config.dnd_mode = DndMode::Off;
            self.put_in_force(now, settled(config));
        }
        self.tend_codes(now);
    }

    fn put_in_force(&mut self, now: Now, config: Config) {
        if config != *self.config {
            self.apply(now, Arc::new(config));
        }
    }
}

/// The moment, or the whole second that follows it: the settings know no fractions.
fn whole_second(at: SystemTime) -> Option<SystemTime> {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    let up = u64::from(since.subsec_nanos() > 0);
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(since.as_secs().checked_add(up)?))
}
