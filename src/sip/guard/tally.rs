//! What is said of a flood: once when it begins, and a count when it is over.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::time::{Duration, Instant};

use super::source::Source;

/// So many sources have lines of their own at one time; what is beyond is told together.
const LINES: usize = 8;
/// A flood is over when nothing was dropped for so long.
const QUIET: Duration = Duration::from_secs(10);

/// What the guard has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flood {
    /// More comes from there than is taken.
    Began {
        /// From where; none for all that have no line of their own.
        source: Option<Source>,
    },
    /// It is over.
    Ended {
        /// From where; none for all that had no line of their own.
        source: Option<Source>,
        /// How many messages were dropped and calls refused.
        dropped: u64,
        /// From the first to the last of them.
        lasted: Duration,
    },
    /// So many calls came from there that nothing is heard of it for a while: calls of it that ring should end.
    Shut {
        /// From where.
        source: Source,
    },
}

impl fmt::Display for Flood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |source: &Option<Source>| source.map_or("other addresses".to_owned(), |source| source.to_string());
        match self {
            Flood::Began { source } => write!(f, "more messages than are taken come from {}", name(source)),
            Flood::Ended { source, dropped, lasted } => {
                let plural = if *dropped == 1 { "" } else { "s" };
                let seconds = lasted.as_secs_f32().ceil();
                write!(f, "dropped {dropped} message{plural} from {} in {seconds} s", name(source))
            }
            Flood::Shut { source } => write!(f, "{source} calls without end: nothing is heard of it until it stops"),
        }
    }
}

/// The floods that go on.
#[derive(Debug, Default)]
pub(super) struct Tally {
    lines: BTreeMap<Source, Line>,
    others: Option<Line>,
    said: VecDeque<Flood>,
}

#[derive(Debug, Clone, Copy)]
struct Line {
    dropped: u64,
    since: Instant,
    last: Instant,
}

impl Tally {
    /// A message from there was dropped, or a call refused.
    pub fn count(&mut self, now: Instant, source: Source) {
        let room = self.lines.len() < LINES || self.lines.contains_key(&source);
        let (line, name) =
            if room { (self.lines.get_mut(&source), Some(source)) } else { (self.others.as_mut(), None) };
        if let Some(line) = line {
            line.dropped += 1;
            line.last = now;
            return;
        }
        let line = Line { dropped: 1, since: now, last: now };
        match name {
            Some(source) => drop(self.lines.insert(source, line)),
            None => self.others = Some(line),
        }
        self.said.push_back(Flood::Began { source: name });
    }

    /// A source is not heard any longer.
    pub fn shut(&mut self, source: Source) {
        self.said.push_back(Flood::Shut { source });
    }

    /// Ends what is over.
    pub fn handle_timeout(&mut self, now: Instant) {
        let over = |line: &Line| line.last + QUIET <= now;
        let ended = |line: &Line| (line.dropped, line.last.saturating_duration_since(line.since));
        for (source, line) in self.lines.extract_if(.., |_, line| over(line)) {
            let (dropped, lasted) = ended(&line);
            self.said.push_back(Flood::Ended { source: Some(source), dropped, lasted });
        }
        if let Some(line) = self.others.take_if(|line| over(line)) {
            let (dropped, lasted) = ended(&line);
            self.said.push_back(Flood::Ended { source: None, dropped, lasted });
        }
    }

    /// When something may be over.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.lines.values().chain(&self.others).map(|line| line.last + QUIET).min()
    }

    /// The next thing to say.
    pub fn poll(&mut self) -> Option<Flood> {
        self.said.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    fn from(last: u8) -> Source {
        Source::of(IpAddr::from([10, 0, 0, last]))
    }

    fn all(tally: &mut Tally) -> Vec<String> {
        std::iter::from_fn(|| tally.poll()).map(|flood| flood.to_string()).collect()
    }

    #[test]
    fn a_flood_is_told_when_it_begins_and_when_it_is_over() {
        let start = Instant::now();
        let mut tally = Tally::default();
        for step in 0..5812 {
            tally.count(start + Duration::from_millis(step * 5), from(9));
        }
        assert_eq!(all(&mut tally), ["more messages than are taken come from 10.0.0.9"]);
        let end = start + Duration::from_millis(5811 * 5);
        assert_eq!(tally.poll_timeout(), Some(end + QUIET));
        tally.handle_timeout(end + QUIET - Duration::from_millis(1));
        assert!(all(&mut tally).is_empty());
        tally.handle_timeout(end + QUIET);
        assert_eq!(all(&mut tally), ["dropped 5812 messages from 10.0.0.9 in 30 s"]);
        assert_eq!(tally.poll_timeout(), None);
    }

    #[test]
    fn many_sources_make_few_lines() {
        let start = Instant::now();
        let mut tally = Tally::default();
        for round in 0..100 {
            for last in 0..200 {
                tally.count(start + Duration::from_millis(round), from(last));
            }
        }
        assert_eq!(all(&mut tally).len(), LINES + 1);
        tally.handle_timeout(start + Duration::from_secs(60));
        let said = all(&mut tally);
        assert_eq!(said.len(), LINES + 1);
        assert_eq!(said[LINES], "dropped 19200 messages from other addresses in 1 s");
    }
}
