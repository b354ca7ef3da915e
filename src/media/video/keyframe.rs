//! When to ask for a key frame, and when to give one.
//!
//! A lost packet breaks every picture until the next key frame, which a door station may send only every ten seconds. So one is asked for at once and
//! again until it comes: the first picture then shows after about 110 ms instead of seconds.

use std::time::{Duration, Instant};

/// Between two requests.
const REPEAT: Duration = Duration::from_millis(400);
/// After so long without a key frame, damaged pictures are shown: some picture beats none.
const PATIENCE: Duration = Duration::from_secs(1);
/// For so long after patience ran out, the link counts as poor: nothing is waited for at the next loss.
const POOR_LINK: Duration = Duration::from_secs(10);
/// After so long the far end evidently does not listen, and is asked less often.
const GIVE_UP: Duration = Duration::from_secs(10);
/// Between two requests after [`GIVE_UP`].
const SLOW_REPEAT: Duration = Duration::from_secs(2);

/// The receiver's side. Call [`want`](Self::want) when something needs a key frame, [`arrived`](Self::arrived) when one came, and
/// [`handle_timeout`](Self::handle_timeout) after each and at [`poll_timeout`](Self::poll_timeout).
#[derive(Debug, Default)]
pub struct Wanted {
    since: Option<Instant>,
    asked: Option<Instant>,
    poor_until: Option<Instant>,
}

impl Wanted {
    /// A key frame is needed from now on.
    pub fn want(&mut self, now: Instant) {
        self.since.get_or_insert(now);
    }

    /// A key frame came out of the depayloader.
    pub fn arrived(&mut self) {
        self.since = None;
    }

    /// Whether to ask now: for how long one has been wanted, if so.
    pub fn handle_timeout(&mut self, now: Instant) -> Option<Duration> {
        if now < self.poll_timeout()? {
            return None;
        }
        self.asked = Some(now);
        Some(now.saturating_duration_since(self.since?))
    }

    /// When to ask next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let since = self.since?;
        let Some(asked) = self.asked else { return Some(since) };
        let pause = if asked.saturating_duration_since(since) < GIVE_UP { REPEAT } else { SLOW_REPEAT };
        Some((asked + pause).max(since))
    }

    /// Whether damaged pictures are to be shown, because waiting for a key frame took too long, now or a short while ago:
    /// where every second picture loses a packet, whoever waits each time sees a visitor twice in ten seconds.
    pub fn impatient(&mut self, now: Instant) -> bool {
        let Some(since) = self.since else { return false };
        if now.saturating_duration_since(since) >= PATIENCE {
            self.poor_until = Some(now + POOR_LINK);
        }
        self.poor_until.is_some_and(|until| now < until)
    }

    /// Another stream begins: what the one before it lost says nothing about its pictures.
    pub fn begin_stream(&mut self) {
        self.poor_until = None;
    }
}

/// Between two key frames that the far end asked for.
const GIVE_PAUSE: Duration = Duration::from_secs(1);
/// Key frames that are sent unasked after the start: the first one is often lost while the far end still sets up.
const UNASKED: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(4)];

/// The sender's side: honours the first request at once, a flood once a second, and gives two more after the start.
#[derive(Debug)]
pub struct Given {
    started: Instant,
    unasked: usize,
    asked: bool,
    last: Option<Instant>,
}

impl Given {
    /// The encoder starts now; its first picture is a key frame anyway.
    pub fn new(now: Instant) -> Self {
        Self { started: now, unasked: 0, asked: false, last: None }
    }

    /// The far end wants a key frame.
    pub fn ask(&mut self) {
        self.asked = true;
    }

    /// Whether the encoder is to make a key frame now.
    pub fn handle_timeout(&mut self, now: Instant) -> bool {
        if self.poll_timeout().is_none_or(|at| now < at) {
            return false;
        }
        while UNASKED.get(self.unasked).is_some_and(|after| now >= self.started + *after) {
            self.unasked += 1;
        }
        self.asked = false;
        self.last = Some(now);
        true
    }

    /// When to make the next one.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let asked = self.asked.then(|| self.last.map_or(self.started, |last| last + GIVE_PAUSE));
        let unasked = UNASKED.get(self.unasked).map(|after| self.started + *after);
        [asked, unasked].into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// The milliseconds at which requests go out in the first `for_ms`, asked once at 0.
    fn requests(wanted: &mut Wanted, start: Instant, for_ms: u32) -> Vec<u32> {
        (0..for_ms).filter(|ms| wanted.handle_timeout(start + *ms * MS).is_some()).collect()
    }

    #[test]
    fn it_is_asked_at_once_and_again_until_one_comes() {
        let (mut wanted, start) = (Wanted::default(), Instant::now());
        assert_eq!(requests(&mut wanted, start, 1000), Vec::<u32>::new());
        wanted.want(start);
        assert_eq!(requests(&mut wanted, start, 1000), [0, 400, 800]);
        wanted.arrived();
        assert_eq!(wanted.poll_timeout(), None);
        assert_eq!(requests(&mut wanted, start + 1000 * MS, 1000), Vec::<u32>::new());
    }

    #[test]
    fn a_new_loss_right_after_a_key_frame_keeps_the_pause() {
        let (mut wanted, start) = (Wanted::default(), Instant::now());
        wanted.want(start);
        assert!(wanted.handle_timeout(start).is_some());
        wanted.arrived();
        wanted.want(start + 100 * MS);
        assert_eq!(requests(&mut wanted, start, 1000), [400, 800]);
    }

    #[test]
    fn a_deaf_far_end_is_asked_less_often() {
        let (mut wanted, start) = (Wanted::default(), Instant::now());
        wanted.want(start);
        let asked = requests(&mut wanted, start, 20_000);
        assert_eq!(asked.iter().filter(|ms| **ms > 10_000).count(), 4, "{asked:?}");
    }

    #[test]
    fn patience_ends_after_a_second() {
        let (mut wanted, start) = (Wanted::default(), Instant::now());
        wanted.want(start);
        assert!(!wanted.impatient(start + 999 * MS));
        assert!(wanted.impatient(start + 1000 * MS));
        wanted.arrived();
        assert!(!wanted.impatient(start + 2000 * MS));
    }

    #[test]
    fn on_a_poor_link_the_next_loss_is_not_waited_for() {
        let (mut wanted, start) = (Wanted::default(), Instant::now());
        wanted.want(start);
        assert!(wanted.impatient(start + 1000 * MS));
        wanted.arrived();
        wanted.want(start + 1500 * MS);
        assert!(wanted.impatient(start + 1500 * MS), "patience ran out half a second ago");
        wanted.arrived();
        wanted.want(start + 11_600 * MS);
        assert!(!wanted.impatient(start + 11_600 * MS), "ten seconds went well");
        assert!(wanted.impatient(start + 12_600 * MS));
        wanted.begin_stream();
        wanted.arrived();
        wanted.want(start + 12_700 * MS);
        assert!(!wanted.impatient(start + 12_700 * MS), "another stream");
    }

    #[test]
    fn the_first_request_is_honoured_at_once_and_a_flood_once_a_second() {
        let start = Instant::now();
        let mut given = Given::new(start);
        let mut made = Vec::new();
        for ms in 0..1900 {
            if (100..1500).contains(&ms) {
                given.ask();
            }
            if given.handle_timeout(start + ms * MS) {
                made.push(ms);
            }
        }
        assert_eq!(made, [100, 1100]);
    }

    #[test]
    fn two_key_frames_are_given_unasked() {
        let start = Instant::now();
        let mut given = Given::new(start);
        let made: Vec<u32> = (0..9000).filter(|ms| given.handle_timeout(start + *ms * MS)).collect();
        assert_eq!(made, [2000, 4000]);
    }
}
