//! How much our picture may cost, by what the far end says of it.
//!
//! A link that loses packets loses those of a key frame first, because it has most of them; and without a key frame nothing is seen at all. A smaller
//! picture is cut into fewer packets. So the rate goes down by halves while much is lost, and back up in steps: what RFC 3550 (6.4.4) has reports for.

/// Share of lost packets from which the rate goes down, in 1/256: one in twenty.
const MUCH: u8 = 256_u32.div_ceil(20) as u8;
/// Share of lost packets up to which it goes up again, in 1/256: one in a hundred.
const LITTLE: u8 = 256_u32.div_ceil(100) as u8;
/// The least, in kilobits a second: a small picture of a face is still to be made out.
const LEAST: u32 = 150;

/// The rate of one sender, in kilobits a second.
#[derive(Debug)]
pub struct Rate {
    most: u32,
    now: u32,
}

impl Rate {
    /// Begins with the most that was agreed upon.
    pub fn new(most: u32) -> Self {
        Self { most, now: most }
    }

    /// The far end reports what it lost since its last report, in 1/256 (RFC 3550 6.4.1). The new rate, if that changes it.
    pub fn handle_report(&mut self, lost: u8) -> Option<u32> {
        let next = match lost {
            MUCH.. => (self.now / 2).max(LEAST.min(self.most)),
            ..=LITTLE => self.now.saturating_add(self.now / 4).min(self.most),
            _ => self.now,
        };
        (std::mem::replace(&mut self.now, next) != next).then_some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn much_loss_halves_it_to_the_least_and_a_good_link_brings_it_back() {
        let mut rate = Rate::new(800);
        assert_eq!(rate.handle_report(0), None, "never more than was agreed upon");
        let down: Vec<_> = std::iter::repeat_with(|| rate.handle_report(26)).take(4).collect();
        assert_eq!(down, [Some(400), Some(200), Some(150), None]);
        assert_eq!(rate.handle_report(7), None, "neither good nor bad");
        let up: Vec<_> = std::iter::repeat_with(|| rate.handle_report(2)).take(9).collect();
        assert_eq!(up[..3], [Some(187), Some(233), Some(291)]);
        assert_eq!(up[7..], [Some(800), None]);
    }

    #[test]
    fn a_rate_agreed_below_the_least_is_kept() {
        let mut rate = Rate::new(64);
        assert_eq!((rate.handle_report(255), rate.handle_report(0)), (None, None));
    }
}
