//! The times of RFC 3261 17.1.1.1 and table 4, why a timer fires, and the doubling of retransmissions.

use std::time::{Duration, Instant};

/// Round trip estimate; the first retransmission comes after it.
pub const T1: Duration = Duration::from_millis(500);
/// Longest interval between retransmissions of a non-INVITE request or an INVITE response.
pub const T2: Duration = Duration::from_secs(4);
/// Longest time a message stays in the network.
pub const T4: Duration = Duration::from_secs(5);
/// 64*T1: how long a transaction tries before it gives up.
pub const GIVE_UP: Duration = Duration::from_secs(32);
/// How often a provisional response is repeated while a call rings, so that no proxy gives up (RFC 3261 13.3.1.1).
pub const REPEAT_PROVISIONAL: Duration = Duration::from_secs(60);

/// How often one is sent that is sure to arrive: only proxies need it (RFC 3262 3).
pub const REPEAT_RELIABLE: Duration = Duration::from_secs(150);

/// Why the next deadline of the endpoint is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TimerReason {
    /// Timer A: repeat an INVITE (RFC 3261 17.1.1.2).
    RepeatInvite,
    /// Timer B: no answer to an INVITE (17.1.1.2).
    InviteUnanswered,
    /// Timer D: forget an INVITE that was refused (17.1.1.2).
    ForgetRefusedInvite,
    /// Timer M: forget an INVITE that was accepted (RFC 6026 7.2).
    ForgetAcceptedInvite,
    /// Forget an INVITE without final response whose session is over.
    ForgetAbandonedInvite,
    /// Timer E: repeat a request other than INVITE (17.1.2.2).
    RepeatRequest,
    /// Timer F: no answer to such a request (17.1.2.2).
    RequestUnanswered,
    /// Timer K: forget such a request (17.1.2.2).
    ForgetRequest,
    /// Timer G: repeat the refusal of an INVITE (17.2.1).
    RepeatRefusal,
    /// Timer H: no ACK for a refusal (17.2.1).
    RefusalUnacknowledged,
    /// Timer I: forget a refused INVITE of theirs (17.2.1).
    ForgetRefusal,
    /// Timer L: forget an accepted INVITE of theirs (RFC 6026 7.1).
    ForgetAcceptance,
    /// Timer J: forget a request of theirs (17.2.2).
    ForgetTheirRequest,
    /// Forget a request of theirs that was not answered while they waited (17.1.2.2, their timer F).
    ForgetUnanswered,
    /// Repeat a 2xx to an INVITE until its ACK comes (13.3.1.4).
    RepeatAcceptance,
    /// No ACK for a 2xx: the session ends (13.3.1.4).
    AcceptanceUnacknowledged,
    /// Repeat a provisional response for the sake of proxies (13.3.1.1).
    RepeatProvisional,
    /// Repeat a reliable provisional response until its PRACK comes (RFC 3262 3).
    RepeatReliable,
    /// No PRACK for a reliable provisional response: the call ends (RFC 3262 3).
    ReliableUnacknowledged,
    /// Nothing was heard of an INVITE in the time that its user has for it.
    InviteUnheard,
    /// An INVITE has rung for too long, or a re-INVITE of ours waited too long for a decision: it is cancelled.
    InviteUndecided,
    /// An INVITE of theirs is good for no longer, by its own word (13.3.1).
    InviteExpired,
    /// No final response after a CANCEL (9.1).
    CancelUnanswered,
    /// Send a re-INVITE again that met theirs (14.1).
    RetryOffer,
    /// Our refresh of a session is due (RFC 4028 10).
    RefreshSession,
    /// Nobody has refreshed a session in its time (RFC 4028 10).
    SessionExpired,
    /// A message on a connection is not whole in time.
    MessageUnfinished,
    /// A connection of a call was quiet for some time: is it still there? (RFC 5626 4.4.1)
    Ping,
    /// The other end of a connection, which answers pings, did not answer one.
    PongMissing,
    /// A flood may be over, and its count is told.
    FloodOver,
    /// A binding is renewed before it runs out (10.2.4).
    RefreshBinding,
    /// Nothing was heard of a REGISTER or of a probe in the time that its user has for it.
    RequestUnheard,
}

/// A deadline and its reason; the earliest of several is what `poll_timeout` gives.
pub type Deadline = (Instant, TimerReason);

/// The earlier of two deadlines.
pub fn earlier(one: Option<Deadline>, other: Option<Deadline>) -> Option<Deadline> {
    match (one, other) {
        (Some(one), Some(other)) => Some(if other.0 < one.0 { other } else { one }),
        (one, other) => one.or(other),
    }
}

/// When something is repeated next, and the doubling interval behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// When the next repetition is due.
    pub at: Instant,
    interval: Duration,
    longest: Duration,
}

impl Backoff {
    /// First due after T1; intervals double up to `longest` (`Duration::MAX` for timer A, T2 for the others).
    pub fn new(now: Instant, longest: Duration) -> Self {
        Backoff { at: now + T1, interval: T1, longest }
    }

    /// True when a repetition is due.
    pub fn is_due(&self, now: Instant) -> bool {
        now >= self.at
    }

    /// Moves on to the next repetition, counted from now, so that a late wake-up sends one message and not a burst.
    pub fn advance(&mut self, now: Instant) {
        self.interval = (self.interval * 2).min(self.longest);
        self.at = now + self.interval;
    }

    /// Continues at the longest interval (timer E in the state Proceeding, RFC 3261 17.1.2.2).
    pub fn slow_down(&mut self) {
        self.interval = self.longest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repetitions(longest: Duration, until: Duration) -> Vec<u128> {
        let start = Instant::now();
        let mut backoff = Backoff::new(start, longest);
        let mut times = Vec::new();
        while backoff.at < start + until {
            let now = backoff.at;
            assert!(!backoff.is_due(now - Duration::from_millis(1)));
            assert!(backoff.is_due(now));
            backoff.advance(now);
            times.push((now - start).as_millis());
        }
        times
    }

    #[test]
    fn timer_a_doubles_without_end() {
        assert_eq!(repetitions(Duration::MAX, GIVE_UP), [500, 1500, 3500, 7500, 15500, 31500]);
    }

    #[test]
    fn timer_e_stops_doubling_at_t2() {
        let times = repetitions(T2, GIVE_UP);
        assert_eq!(times, [500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500]);
    }

    #[test]
    fn a_late_wake_up_repeats_once() {
        let start = Instant::now();
        let mut backoff = Backoff::new(start, T2);
        let late = start + Duration::from_secs(10);
        assert!(backoff.is_due(late));
        backoff.advance(late);
        assert!(!backoff.is_due(late));
        assert_eq!(backoff.at, late + Duration::from_secs(1));
    }

    #[test]
    fn the_earlier_deadline_wins_with_its_reason() {
        let now = Instant::now();
        let soon = (now, TimerReason::RepeatInvite);
        let late = (now + T1, TimerReason::ForgetRequest);
        assert_eq!(earlier(Some(late), Some(soon)), Some(soon));
        assert_eq!(earlier(None, Some(late)), Some(late));
        assert_eq!(earlier(None, None), None);
    }
}
