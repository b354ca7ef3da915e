//! Wrong tries: counted, followed by a time in which nothing is accepted, and remembered over restarts.

use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::config::write_atomically;

/// Wrong tries before nothing is accepted for a while.
pub(super) const TRIES: u8 = 5;
/// How long nothing is accepted for the first time; each further time twice as long.
const FIRST_LOCK: Duration = Duration::from_secs(5 * 60);
/// The longest time in which nothing is accepted.
const LONGEST_LOCK: Duration = Duration::from_secs(60 * 60);

/// What is remembered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Tries {
    /// Wrong ones since the last right one, or since the last lock.
    wrong: u8,
    /// Locks since the last right one.
    locks: u32,
    /// When the last lock began.
    locked_at: Option<SystemTime>,
}

impl Tries {
    /// Reads what a former run remembered. What cannot be read is said in the log, and counts from nothing.
    pub(super) fn load(file: &Path) -> Self {
        let read = std::fs::read(file).and_then(|bytes| serde_json::from_slice(&bytes).map_err(io::Error::other));
        match read {
            Ok(tries) => tries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::default(),
            Err(error) => {
                tracing::warn!("{}: {error}", file.display());
                Self::default()
            }
        }
    }

    /// Makes it durable.
    pub(super) fn save(&self, file: &Path) -> io::Result<()> {
        write_atomically(file, &serde_json::to_vec(self)?)
    }

    /// A try begins. It counts as wrong until [`Tries::right`] says otherwise, so that pulling the plug while it is
    /// checked wins nothing.
    pub(super) fn begin(&mut self, now: SystemTime) {
        self.wrong += 1;
        if self.wrong >= TRIES {
            *self = Self { wrong: 0, locks: self.locks.saturating_add(1), locked_at: Some(now) };
        }
    }

    /// The try was right: everything is forgotten.
    pub(super) fn right(&mut self) {
        *self = Self::default();
    }

    /// Tries that are left while nothing is locked.
    pub(super) fn left(&self) -> u8 {
        TRIES.saturating_sub(self.wrong)
    }

    /// For how long nothing is accepted from `now` on. A clock that was set back begins the time anew.
    pub(super) fn locked_for(&self, now: SystemTime) -> Option<Duration> {
        let doublings = self.locks.saturating_sub(1).min(16);
        let whole = FIRST_LOCK.saturating_mul(1 << doublings).min(LONGEST_LOCK);
        let passed = now.duration_since(self.locked_at?).unwrap_or_default();
        whole.checked_sub(passed).filter(|left| !left.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn at(minutes: u32) -> SystemTime {
        SystemTime::UNIX_EPOCH + MINUTE * (1_000_000 + minutes)
    }

    fn wrong(tries: &mut Tries, now: SystemTime) {
        (0..TRIES).for_each(|_| tries.begin(now));
    }

    #[test]
    fn the_fifth_wrong_try_locks_and_each_lock_is_twice_as_long_up_to_an_hour() {
        let mut tries = Tries::default();
        (1..TRIES).for_each(|_| tries.begin(at(0)));
        assert_eq!((tries.left(), tries.locked_for(at(0))), (1, None));
        tries.begin(at(0));
        assert_eq!(tries.locked_for(at(0)), Some(5 * MINUTE));
        assert_eq!(tries.locked_for(at(4)), Some(MINUTE));
        assert_eq!((tries.left(), tries.locked_for(at(5))), (TRIES, None));
        for (now, minutes) in [(10, 10), (30, 20), (60, 40), (120, 60), (200, 60)] {
            wrong(&mut tries, at(now));
            assert_eq!(tries.locked_for(at(now)), Some(MINUTE * minutes));
        }
        tries.right();
        assert_eq!(tries, Tries::default());
    }

    #[test]
    fn a_lock_outlives_a_restart_and_a_clock_that_is_wrong() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("deep/tries.json");
        assert_eq!(Tries::load(&file), Tries::default());
        let mut tries = Tries::default();
        wrong(&mut tries, at(0));
        tries.save(&file).expect("saved");
        let again = Tries::load(&file);
        assert_eq!(again.locked_for(at(1)), Some(4 * MINUTE));
        assert_eq!(again.locked_for(SystemTime::UNIX_EPOCH), Some(5 * MINUTE), "no more than the whole time");
        std::fs::write(&file, "{").expect("written");
        assert_eq!(Tries::load(&file), Tries::default());
    }
}
