//! The lock: keys come in, by RFC 4733 or by INFO, and the right ones open the door for a while.

use std::time::{Duration, Instant};

/// How long the door stands open.
pub(super) const OPEN: Duration = Duration::from_secs(5);
/// Keys that are further apart belong to different codes.
const PAUSE: Duration = Duration::from_secs(5);

/// What a key did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Turned {
    /// The code may still become the right one.
    NotYet,
    /// The door is open.
    Opened,
    /// These keys are not the code.
    Wrong(String),
}

/// The lock of the door.
#[derive(Debug)]
pub(super) struct Lock {
    code: String,
    typed: String,
    last: Option<Instant>,
    open_until: Option<Instant>,
}

impl Lock {
    pub(super) fn new(code: &str) -> Self {
        Self { code: code.to_owned(), typed: String::new(), last: None, open_until: None }
    }

    pub(super) fn open_until(&self) -> Option<Instant> {
        self.open_until
    }

    /// Closes the door when its time has come; whether it did.
    pub(super) fn handle_timeout(&mut self, now: Instant) -> bool {
        let due = self.open_until.is_some_and(|until| until <= now);
        if due {
            self.open_until = None;
        }
        due
    }

    /// A key was pressed.
    pub(super) fn handle_key(&mut self, now: Instant, key: char) -> Turned {
        if self.last.is_some_and(|last| now.saturating_duration_since(last) > PAUSE) {
            self.typed.clear();
        }
        self.last = Some(now);
        self.typed.push(key.to_ascii_uppercase());
        if !self.code.is_empty() && self.typed.ends_with(&self.code) {
            self.typed.clear();
            self.open_until = Some(now + OPEN);
            return Turned::Opened;
        }
        if self.typed.len() < self.code.len() {
            return Turned::NotYet;
        }
        Turned::Wrong(std::mem::take(&mut self.typed))
    }
}

/// The keys of an INFO: `Signal=#` of `application/dtmf-relay`, or the bare key of `application/dtmf`.
pub(super) fn keys_of_info(content_type: &str, body: &[u8]) -> Vec<char> {
    let Ok(text) = std::str::from_utf8(body) else {
        return Vec::new();
    };
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    let is_key = |key: &char| matches!(key.to_ascii_uppercase(), '0'..='9' | '*' | '#' | 'A'..='D');
    if kind.eq_ignore_ascii_case("application/dtmf-relay") {
        let lines = text.lines().filter_map(|line| line.split_once('='));
        let signals = lines.filter(|(name, _)| name.trim().eq_ignore_ascii_case("signal"));
        // Some devices write the number of the event instead of the key.
        let key = |value: &str| match value {
            "10" => Some('*'),
            "11" => Some('#'),
            _ => value.chars().next(),
        };
        return signals.filter_map(|(_, value)| key(value.trim())).filter(is_key).collect();
    }
    if kind.eq_ignore_ascii_case("application/dtmf") {
        return text.trim().chars().filter(is_key).collect();
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(lock: &mut Lock, now: Instant, keys: &str) -> Vec<Turned> {
        keys.chars().map(|key| lock.handle_key(now, key)).collect()
    }

    #[test]
    fn the_code_opens_for_five_seconds() {
        let now = Instant::now();
        let mut lock = Lock::new("#");
        assert_eq!(press(&mut lock, now, "#"), [Turned::Opened]);
        assert_eq!(lock.open_until(), Some(now + OPEN));
        assert!(!lock.handle_timeout(now + OPEN - Duration::from_millis(1)));
        assert!(lock.handle_timeout(now + OPEN));
        assert_eq!(lock.open_until(), None);
    }

    #[test]
    fn a_longer_code_needs_all_its_keys_in_time() {
        let now = Instant::now();
        let mut lock = Lock::new("12A");
        assert_eq!(press(&mut lock, now, "12a"), [Turned::NotYet, Turned::NotYet, Turned::Opened]);
        assert_eq!(press(&mut lock, now, "129")[2], Turned::Wrong("129".into()));
        press(&mut lock, now, "12");
        assert_eq!(press(&mut lock, now + Duration::from_secs(6), "A"), [Turned::NotYet]);
    }

    #[test]
    fn a_wrong_key_is_named_and_opens_nothing() {
        let now = Instant::now();
        let mut lock = Lock::new("#");
        assert_eq!(press(&mut lock, now, "5"), [Turned::Wrong("5".into())]);
        assert_eq!(lock.open_until(), None);
    }

    #[test]
    fn keys_come_by_info_too() {
        assert_eq!(keys_of_info("application/dtmf-relay", b"Signal=#\r\nDuration=160\r\n"), ['#']);
        assert_eq!(keys_of_info("Application/DTMF-Relay; x=y", b"signal = 11"), ['#']);
        assert_eq!(keys_of_info("application/dtmf", b" 5\r\n"), ['5']);
        assert!(keys_of_info("application/dtmf-relay", b"Signal=\xff").is_empty());
        assert!(keys_of_info("application/dtmf-relay", b"Signal=x\r\nDuration=1").is_empty());
        assert!(keys_of_info("text/plain", b"#").is_empty());
    }
}
