//! Session timers: a session that is not refreshed in its time ends (RFC 4028).
//!
//! ```text
//!  INVITE Session-Expires, refresher ──▶ 2xx Session-Expires, refresher ──▶ runs
//!     ▲ longer                 422 Min-SE ──┘                               │
//!     └────────────────────────────┘                                        ▼
//!  we refresh:   at half the interval, by UPDATE, or re-INVITE where they take no UPDATE ─▶ 2xx: runs anew
//!  they refresh: by a request of theirs with a 2xx of ours                               ─▶ runs anew
//!  nobody did:   BYE, a third of the interval before its end, 32 s at most (10)
//! ```
//! Who refreshes is said from the view of one request: `uac` is whoever sent it.

use std::time::{Duration, Instant};

use crate::sip::message::{Request, Response};
use crate::sip::timing::{Deadline, GIVE_UP, TimerReason, earlier};
use crate::sip::transaction::ClientKey;
use crate::sip::wire::scan;

/// The option tag.
pub const TIMER: &str = "timer";
/// The shortest interval that anybody may ask for, in seconds (RFC 4028 4).
pub const SHORTEST: u32 = 90;
/// The longest one that is given in to, in seconds: a day.
const LONGEST: u32 = 86_400;
/// How often an INVITE is sent again because its interval was too short: there may be several proxies.
pub const MAX_RAISES: u8 = 4;
/// However short the interval, a refresh of ours comes no sooner after the last, in seconds.
const CALM: u32 = 5;
/// A refresh that came to nothing is tried again after this long.
const AGAIN: Duration = Duration::from_secs(5);

/// Who refreshes a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refresher {
    /// Whoever sent the request: in an INVITE the caller.
    Uac,
    /// Whoever answered it.
    Uas,
}

impl Refresher {
    fn word(self) -> &'static str {
        match self {
            Refresher::Uac => "uac",
            Refresher::Uas => "uas",
        }
    }
}

/// The session timer that an account wishes for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionTimer {
    /// The interval in seconds, 90 to 7200.
    pub expires: u32,
    /// Who is to refresh.
    pub refresher: Refresher,
}

/// A session timer that was agreed upon and runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunningTimer {
    /// The interval in seconds, as it was stated.
    pub expires: u32,
    /// Whether we refresh, and not the other end.
    pub we_refresh: bool,
}

/// What our INVITE asks for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asked {
    wish: Option<SessionTimer>,
    /// The largest Min-SE that somebody on the way has demanded; 0 for none.
    least: u32,
    raises: u8,
}

impl Asked {
    /// Asks for what the account wishes, or for nothing.
    pub fn new(wish: Option<SessionTimer>) -> Self {
        Asked { wish, least: 0, raises: 0 }
    }

    fn seconds(&self) -> Option<u32> {
        match self.wish {
            Some(wish) => Some(wish.expires.max(self.least)),
            None => (self.least > 0).then_some(self.least),
        }
    }

    /// Adds it to an INVITE.
    pub fn write(&self, invite: &mut Request) {
        if let Some(seconds) = self.seconds() {
            write(invite, seconds, self.wish.map(|wish| wish.refresher), self.least);
        }
    }

    /// A 422 came: whether the INVITE goes again, with a longer interval (7.3).
    pub fn raise(&mut self, response: &Response) -> bool {
        match min_se(response.header("Min-SE")) {
            Some(least) if least > self.least && least <= LONGEST && self.raises < MAX_RAISES => {
                (self.least, self.raises) = (least, self.raises + 1);
                true
            }
            _ => false,
        }
    }
}

/// What a Session-Expires says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stated {
    seconds: u32,
    refresher: Option<Refresher>,
}

fn stated(value: Option<&str>) -> Option<Stated> {
    let mut pieces = value?.split(';').map(str::trim);
    let seconds = scan::digits::<u32>(pieces.next()?)?.min(LONGEST);
    let refresher = pieces.find_map(|piece| {
        let (name, value) = piece.split_once('=')?;
        let is = |word: &str| value.trim().eq_ignore_ascii_case(word);
        let known = [Refresher::Uac, Refresher::Uas].into_iter().find(|refresher| is(refresher.word()));
        known.filter(|_| name.trim().eq_ignore_ascii_case("refresher"))
    });
    Some(Stated { seconds, refresher })
}

fn min_se(value: Option<&str>) -> Option<u32> {
    scan::digits::<u32>(value?.split(';').next()?.trim())
}

fn supports(request: &Request) -> bool {
    request.headers("Supported").chain(request.headers("Require")).any(|tag| tag.eq_ignore_ascii_case(TIMER))
}

/// Whether an INVITE or UPDATE asks for less than may be: 422 with Min-SE, if its sender understands that (9).
pub fn is_too_short(request: &Request) -> bool {
    supports(request) && stated(request.header("Session-Expires")).is_some_and(|stated| stated.seconds < SHORTEST)
}

fn write(request: &mut Request, seconds: u32, refresher: Option<Refresher>, least: u32) {
    let by = refresher.map(|refresher| format!(";refresher={}", refresher.word())).unwrap_or_default();
    request.push_header("Session-Expires", &format!("{seconds}{by}"));
    if least > SHORTEST {
        request.push_header("Min-SE", &least.to_string());
    }
}

/// What is known of the refreshing of a session when it is confirmed.
#[derive(Debug, Default)]
pub struct Refreshing {
    /// Its timer, if it has one.
    pub timer: Option<Running>,
    /// The other end takes UPDATE.
    pub takes_update: bool,
}

/// A session timer that runs.
#[derive(Debug)]
pub struct Running {
    seconds: u32,
    least: u32,
    we_refresh: bool,
    /// When our refresh is due; none while one is under way, or where they refresh.
    due_at: Option<Instant>,
    /// Our UPDATE that refreshes.
    asked: Option<ClientKey>,
    /// When the session ends, refreshed by nobody.
    ends_at: Instant,
}

impl Running {
    fn new(now: Instant, seconds: u32, we_refresh: bool, least: u32) -> Self {
        // What ends sooner than anybody may ask for is a mistake of theirs, and no reason to hang up.
        let whole = seconds.max(SHORTEST);
        let ends_at = now + Duration::from_secs(u64::from(whole)) - before_the_end(whole);
        let due_at = we_refresh.then(|| now + Duration::from_secs(u64::from((seconds / 2).max(CALM))));
        Running { seconds, least, we_refresh, due_at, asked: None, ends_at }
    }

    /// What a 2xx to our INVITE or refresh says. Who says nothing has no timers: if we asked for one, we refresh alone (7.2).
    pub fn after_answer(now: Instant, response: &Response, asked: Option<u32>, least: u32) -> Option<Self> {
        match stated(response.header("Session-Expires")) {
            Some(stated) => {
                let we_refresh = stated.refresher != Some(Refresher::Uas);
                Some(Running::new(now, stated.seconds, we_refresh, least))
            }
            None => Some(Running::new(now, asked?, true, least)),
        }
    }

    /// The same for the INVITE that asked for this.
    pub fn called(now: Instant, response: &Response, asked: &Asked) -> Option<Self> {
        Running::after_answer(now, response, asked.wish.and(asked.seconds()), asked.least)
    }

    /// Agrees with a request of theirs, as far as `wish` and the request go (9, table 2), and adds to our 2xx what was agreed.
    pub fn answer(
        now: Instant,
        request: &Request,
        response: &mut Response,
        wish: Option<SessionTimer>,
    ) -> Option<Self> {
        let supports = supports(request);
        let least = min_se(request.header("Min-SE")).unwrap_or(SHORTEST).clamp(SHORTEST, LONGEST);
        let theirs = stated(request.header("Session-Expires")).filter(|stated| stated.seconds >= SHORTEST);
        let (seconds, refresher) = match (theirs, wish) {
            (None, None) => return None,
            (None, Some(wish)) => (wish.expires.max(least), wish.refresher),
            (Some(theirs), wish) => {
                let seconds = wish.map_or(theirs.seconds, |wish| theirs.seconds.min(wish.expires.max(least)));
                let ours = wish.map_or(Refresher::Uac, |wish| wish.refresher);
                (seconds, theirs.refresher.unwrap_or(ours))
            }
        };
        let refresher = if supports { refresher } else { Refresher::Uas };
        response.push_header("Session-Expires", &format!("{seconds};refresher={}", refresher.word()));
        if refresher == Refresher::Uac {
            response.push_header("Require", TIMER);
        }
        Some(Running::new(now, seconds, refresher == Refresher::Uas, 0))
    }

    /// What runs, as the wish for the next request of theirs: the roles stay.
    pub fn as_wish(&self) -> SessionTimer {
        let refresher = if self.we_refresh { Refresher::Uas } else { Refresher::Uac };
        SessionTimer { expires: self.seconds.max(SHORTEST), refresher }
    }

    /// Adds to a request of ours in the dialog what it refreshes: the roles stay (7.4).
    pub fn write(&self, request: &mut Request) {
        let refresher = if self.we_refresh { Refresher::Uac } else { Refresher::Uas };
        write(request, self.seconds.max(SHORTEST), Some(refresher), self.least);
    }

    /// Our request was accepted: it runs anew.
    pub fn refreshed(&mut self, now: Instant, response: &Response) {
        if let Some(anew) = Running::after_answer(now, response, Some(self.seconds), self.least) {
            *self = anew;
        }
    }

    /// A 422 came to a refresh of ours; true when the interval is longer now.
    pub fn raise(&mut self, response: &Response) -> bool {
        match min_se(response.header("Min-SE")) {
            Some(least) if least > self.seconds && least <= LONGEST => {
                (self.seconds, self.least) = (least, least);
                true
            }
            _ => false,
        }
    }

    /// What was agreed upon.
    pub fn agreed(&self) -> RunningTimer {
        RunningTimer { expires: self.seconds, we_refresh: self.we_refresh }
    }

    /// Whether our refresh is due now.
    pub fn is_due(&self, now: Instant) -> bool {
        self.due_at.is_some_and(|at| at <= now)
    }

    /// Whether nobody has refreshed in time.
    pub fn is_over(&self, now: Instant) -> bool {
        self.ends_at <= now
    }

    /// Our UPDATE is under way.
    pub fn ask(&mut self, key: ClientKey) {
        (self.due_at, self.asked) = (None, Some(key));
    }

    /// Whether this is the UPDATE.
    pub fn has_asked(&self, key: &ClientKey) -> bool {
        self.asked.as_ref() == Some(key)
    }

    /// The UPDATE has gone again, challenged.
    pub fn handle_resent(&mut self, old: &ClientKey, new: ClientKey) {
        if self.has_asked(old) {
            self.asked = Some(new);
        }
    }

    /// A refresh came to nothing, or has to wait: the next is due after this long, or after a while.
    pub fn put_off(&mut self, now: Instant, wait: Option<Duration>) {
        self.asked = None;
        if self.we_refresh {
            self.due_at = Some(now + wait.unwrap_or(AGAIN));
        }
    }

    /// The next deadline and why.
    pub fn poll_timeout(&self) -> Option<Deadline> {
        let due = self.due_at.map(|at| (at, TimerReason::RefreshSession));
        earlier(due, Some((self.ends_at, TimerReason::SessionExpired)))
    }
}

/// How long before the end of the interval a session that nobody has refreshed gets its BYE (10).
fn before_the_end(seconds: u32) -> Duration {
    GIVE_UP.min(Duration::from_secs(u64::from(seconds)) / 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_session_expires_may_say() {
        let says = |text: &str| stated(Some(text)).map(|stated| (stated.seconds, stated.refresher));
        assert_eq!(says("1800"), Some((1800, None)));
        assert_eq!(says(" 90 ; x=y ; Refresher = UAS "), Some((90, Some(Refresher::Uas))));
        assert_eq!(says("4000000000;refresher=uac"), Some((LONGEST, Some(Refresher::Uac))));
        assert_eq!(says("90;refresher=both"), Some((90, None)));
        for nonsense in ["", ";refresher=uac", "-1", "1e3", "soon"] {
            assert_eq!(says(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn the_bye_comes_a_third_before_the_end_and_no_more_than_32_seconds() {
        assert_eq!(before_the_end(90), Duration::from_secs(30));
        assert_eq!(before_the_end(96), Duration::from_secs(32));
        assert_eq!(before_the_end(1800), Duration::from_secs(32));
    }

    #[test]
    fn a_peer_that_states_a_second_is_neither_asked_each_second_nor_hung_up() {
        let now = Instant::now();
        let running = Running::new(now, 1, true, 0);
        assert!(!running.is_due(now + Duration::from_secs(4)) && running.is_due(now + Duration::from_secs(5)));
        assert!(!running.is_over(now + Duration::from_secs(59)) && running.is_over(now + Duration::from_secs(60)));
    }
}
