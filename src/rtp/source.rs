//! The other side's sender as seen from here: order, loss and jitter (RFC 3550 A.1, A.3, A.8), and its successors.

use std::time::{Duration, Instant};

/// A jump forward up to this is loss (RFC 3550 A.1).
const MAX_DROPOUT: u16 = 3000;
/// A jump back up to this is reordering (RFC 3550 A.1).
const MAX_MISORDER: u16 = 100;
/// How near to each other two packets of a new count or a new source must be to be believed. The RFC wants them in a row,
/// which a network that reorders may not bring for long.
const NEAR: u16 = 5;
/// A difference of transit times beyond this is a new timeline, not jitter.
const MAX_TRANSIT_CHANGE: Duration = Duration::from_secs(5);

/// What a sequence number means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Take it: its place with the rollovers counted.
    Taken(u64),
    /// It was there before.
    Duplicate,
    /// Far out of order; believed when another one comes from near it.
    Stray,
    /// Of the count before the present one, overtaken by it.
    Straggler,
    /// The sender began anew; take it.
    Restarted(u64),
}

/// A sender.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub ssrc: u32,
    /// Highest place so far, and the first one.
    highest: u64,
    base: u64,
    received: u64,
    /// Which of the 128 places up to the highest have come, the highest in bit 0.
    seen: u128,
    /// A stray one, to be believed when another comes from near it.
    stray: Option<u16>,
    /// The highest number of the count before a restart.
    former: Option<u16>,
    /// Losses of timelines that ended by a restart.
    lost_before: i64,
    /// Expected and received at the last report.
    reported: (u64, u64),
    fraction: u8,
    transit: Option<i64>,
    /// In 1/16 clock units.
    jitter: u64,
    /// Middle 32 bits of the last sender report's NTP time, and when it came.
    pub last_report: Option<(u32, Instant)>,
}

impl Source {
    /// A sender whose first packet has this sequence number.
    pub fn new(ssrc: u32, sequence: u16) -> Self {
        // One rollover is taken as given, so that an earlier packet that comes late still has a place.
        let first = 0x1_0000 | u64::from(sequence);
        Self {
            ssrc,
            highest: first,
            base: first,
            received: 1,
            seen: 1,
            stray: None,
            former: None,
            lost_before: 0,
            reported: (0, 0),
            fraction: 0,
            transit: None,
            jitter: 0,
            last_report: None,
        }
    }

    /// The place of the highest packet, for the reports (RFC 3550 6.4.1).
    pub fn highest(&self) -> u64 {
        self.highest
    }

    /// Puts a sequence number in order and counts it (RFC 3550 A.1).
    pub fn order(&mut self, sequence: u16) -> Order {
        let ahead = sequence.wrapping_sub(self.highest as u16);
        if ahead == 0 {
            return Order::Duplicate;
        }
        if ahead < MAX_DROPOUT {
            self.highest += u64::from(ahead);
            self.seen = if ahead < 128 { self.seen << ahead | 1 } else { 1 };
            self.received += 1;
            self.stray = None;
            return Order::Taken(self.highest);
        }
        let behind = ahead.wrapping_neg();
        if behind <= MAX_MISORDER {
            let bit = 1u128 << behind;
            if self.seen & bit != 0 {
                return Order::Duplicate;
            }
            self.seen |= bit;
            self.received += 1;
            let place = self.highest - u64::from(behind);
            self.base = self.base.min(place);
            return Order::Taken(place);
        }
        if self.former.is_some_and(|former| former.wrapping_sub(sequence) <= MAX_MISORDER) {
            return Order::Straggler;
        }
        if !self.stray.replace(sequence).is_some_and(|stray| are_near(stray, sequence)) {
            return Order::Stray;
        }
        let lost_before = self.lost();
        let former = Some(self.highest as u16);
        let next = (self.highest | 0xffff) + 1;
        let first = next | u64::from(sequence);
        *self = Self { lost_before, former, last_report: self.last_report, ..Self::new(self.ssrc, sequence) };
        (self.highest, self.base) = (first, first);
        Order::Restarted(first)
    }

    /// Packets that never came; negative when more came than should have (RFC 3550 A.3).
    pub fn lost(&self) -> i64 {
        self.lost_before + (self.expected() as i64 - self.received as i64)
    }

    fn expected(&self) -> u64 {
        self.highest - self.base + 1
    }

    /// The share of packets lost between the last two renewals, in 1/256 (RFC 3550 A.3).
    pub fn fraction_lost(&mut self, renew: bool) -> u8 {
        if !renew {
            return self.fraction;
        }
        let (expected, received) = (self.expected(), self.received);
        let (expected_before, received_before) = std::mem::replace(&mut self.reported, (expected, received));
        let due = expected.saturating_sub(expected_before);
        let lost = due.saturating_sub(received.saturating_sub(received_before));
        self.fraction = (lost * 256).checked_div(due).unwrap_or(0).min(255) as u8;
        self.fraction
    }

    /// Takes a packet into the jitter (RFC 3550 A.8). `since` is its arrival after any fixed moment.
    pub fn arrived(&mut self, since: Duration, timestamp: u32, clock_rate: u32) {
        let units = |time: Duration| (time.as_micros() * u128::from(clock_rate) / 1_000_000) as i64;
        // Timestamps wrap, so transit is kept modulo 2^32 and differences are taken in the nearer direction.
        let transit = units(since).wrapping_sub(i64::from(timestamp)) & 0xffff_ffff;
        if let Some(before) = self.transit.replace(transit) {
            let change = u64::from((transit.wrapping_sub(before) as i32).unsigned_abs());
            if change < units(MAX_TRANSIT_CHANGE) as u64 {
                self.jitter = self.jitter + change - ((self.jitter + 8) >> 4);
            }
        }
    }

    /// Forgets the timeline, not the jitter: the clock rate changed.
    pub fn new_clock(&mut self) {
        self.transit = None;
        self.jitter = 0;
    }

    /// Interarrival jitter in clock units.
    pub fn jitter(&self) -> u32 {
        u32::try_from(self.jitter >> 4).unwrap_or(u32::MAX)
    }
}

/// Whether two different packets lie near each other.
fn are_near(one: u16, other: u16) -> bool {
    let ahead = other.wrapping_sub(one);
    (1..=NEAR).contains(&ahead) || (1..=NEAR).contains(&ahead.wrapping_neg())
}

/// Why a packet is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dropped {
    /// It was there before.
    Duplicate,
    /// Far out of order.
    Stray,
    /// Of another source, which has not proved itself yet.
    Probation,
    /// Of the source or the count before, overtaken by its successor or by its leave.
    Straggler,
}

/// The sender that is listened to, and the one that may take its place.
#[derive(Clone, Debug, Default)]
pub(super) struct Sources {
    present: Option<Source>,
    /// Another SSRC and its last sequence number: it takes over when another from near that comes before the present
    /// source speaks.
    candidate: Option<(u32, u16)>,
    /// Whether the present source, or its new count, is yet to be announced.
    unannounced: bool,
    /// Losses of sources that are gone.
    lost_before: u64,
    /// The source before the present one and its highest sequence number: its stragglers are not its return.
    former: Option<(u32, u16)>,
    /// The other side has moved: whoever speaks next is believed at once.
    moved: bool,
}

impl Sources {
    /// The sender that is listened to.
    pub fn present(&self) -> Option<&Source> {
        self.present.as_ref()
    }

    /// The same, to be changed.
    pub fn present_mut(&mut self) -> Option<&mut Source> {
        self.present.as_mut()
    }

    /// Puts a packet into the order of its source. The first source is believed at once, because its first packet may
    /// be the begin of a key frame, and so is the first after a move; a further one after two near each other with
    /// nothing from the present one between them (RFC 3550 A.1, probation).
    pub fn place(&mut self, ssrc: u32, sequence: u16) -> Result<u64, Dropped> {
        if let Some((_, highest)) = self.former.filter(|(former, _)| *former == ssrc)
            && highest.wrapping_sub(sequence) <= MAX_MISORDER
        {
            return Err(Dropped::Straggler);
        }
        let moved = std::mem::take(&mut self.moved);
        match &mut self.present {
            None => Ok(self.begin(ssrc, sequence)),
            Some(source) if source.ssrc == ssrc => {
                self.candidate = None;
                match source.order(sequence) {
                    Order::Taken(place) => Ok(place),
                    Order::Restarted(place) => {
                        self.unannounced = true;
                        Ok(place)
                    }
                    Order::Duplicate => Err(Dropped::Duplicate),
                    Order::Stray => Err(Dropped::Stray),
                    Order::Straggler => Err(Dropped::Straggler),
                }
            }
            Some(_) if moved || self.candidate.is_some_and(|(of, at)| of == ssrc && are_near(at, sequence)) => {
                self.forget();
                Ok(self.begin(ssrc, sequence))
            }
            Some(_) => {
                self.candidate = Some((ssrc, sequence));
                Err(Dropped::Probation)
            }
        }
    }

    /// The other side is to be heard from elsewhere from now on, perhaps from another device.
    pub fn expect_move(&mut self) {
        self.moved = true;
    }

    /// The present source has left; the next is believed at once.
    pub fn forget(&mut self) {
        if let Some(source) = self.present.take() {
            self.lost_before += u64::try_from(source.lost()).unwrap_or(0);
            self.former = Some((source.ssrc, source.highest() as u16));
        }
        self.candidate = None;
    }

    /// True once for each new source or new count.
    pub fn announce(&mut self) -> bool {
        std::mem::take(&mut self.unannounced)
    }

    /// Packets that never came, of all sources.
    pub fn lost(&self) -> u64 {
        self.lost_before + self.present.as_ref().map_or(0, |source| u64::try_from(source.lost()).unwrap_or(0))
    }

    fn begin(&mut self, ssrc: u32, sequence: u16) -> u64 {
        let source = Source::new(ssrc, sequence);
        let place = source.highest();
        self.present = Some(source);
        self.candidate = None;
        self.former = self.former.filter(|(former, _)| *former != ssrc);
        self.unannounced = true;
        place
    }
}
