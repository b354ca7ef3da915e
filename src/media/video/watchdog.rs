//! Finds a stream that shows nothing: GStreamer reports neither a stream without parameter sets nor a frozen camera.

use std::time::{Duration, Instant};

/// How long a picture may stay away.
pub const LIMIT: Duration = Duration::from_secs(2);

/// What the watchdog says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bark {
    /// No picture for [`LIMIT`].
    Stalled {
        /// Whether packets still arrive.
        rtp_alive: bool,
    },
    /// A picture came after all.
    Recovered,
}

/// Watches one stream. It begins to watch at the first packet.
#[derive(Debug, Default)]
pub struct Watchdog {
    packet: Option<Instant>,
    /// The last picture, or the first packet while there is none.
    picture: Option<Instant>,
    stalled: bool,
}

impl Watchdog {
    /// A packet came.
    pub fn packet(&mut self, now: Instant) {
        // After a silence the two seconds begin anew: the picture cannot be older than the packets.
        if self.packet.is_none_or(|last| now.saturating_duration_since(last) >= LIMIT) && !self.stalled {
            self.picture = Some(now);
        }
        self.packet = Some(now);
    }

    /// A picture came.
    pub fn picture(&mut self, now: Instant) -> Option<Bark> {
        self.picture = Some(now);
        std::mem::take(&mut self.stalled).then_some(Bark::Recovered)
    }

    /// Looks at the clock; call it at [`poll_timeout`](Self::poll_timeout).
    pub fn handle_timeout(&mut self, now: Instant) -> Option<Bark> {
        if self.poll_timeout().is_none_or(|at| now < at) {
            return None;
        }
        self.stalled = true;
        let rtp_alive = self.packet.is_some_and(|last| now.saturating_duration_since(last) < LIMIT);
        Some(Bark::Stalled { rtp_alive })
    }

    /// When a picture is overdue; `None` while there is nothing to watch or the alarm was given.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.picture.filter(|_| !self.stalled).map(|last| last + LIMIT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn packets_without_a_picture_bark_once_and_a_picture_ends_it() {
        let (mut dog, start) = (Watchdog::default(), Instant::now());
        assert_eq!(dog.poll_timeout(), None, "nothing came yet");
        let mut barks = Vec::new();
        for ms in (0..5000).step_by(20) {
            dog.packet(start + ms * MS);
            barks.extend(dog.handle_timeout(start + ms * MS).map(|bark| (ms, bark)));
        }
        assert_eq!(barks, [(2000, Bark::Stalled { rtp_alive: true })]);
        assert_eq!(dog.picture(start + 5000 * MS), Some(Bark::Recovered));
        assert_eq!(dog.picture(start + 5040 * MS), None);
    }

    #[test]
    fn a_silent_far_end_is_told_apart() {
        let (mut dog, start) = (Watchdog::default(), Instant::now());
        dog.packet(start);
        assert_eq!(dog.picture(start + 100 * MS), None);
        assert_eq!(dog.poll_timeout(), Some(start + 2100 * MS));
        assert_eq!(dog.handle_timeout(start + 2100 * MS), Some(Bark::Stalled { rtp_alive: false }));
        assert_eq!(dog.poll_timeout(), None, "an alarm that stands needs no clock");
    }
}
