//! Our own certificates: until when they hold, and the warning before they do no longer.

use std::time::{Duration, SystemTime};

use super::{Now, Phone};
use crate::channel::NoticeKind;
use crate::config::Account;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// From when on it is warned, in days.
const WARNED: u32 = 30;

impl Phone {
    /// It was looked until when the client certificate of an account holds; nothing if there is none that can be read. To be
    /// called at the start, once a day, and when another one is set.
    pub fn handle_certificate(&mut self, now: Now, account: Account, expires: Option<SystemTime>) {
        self.certificates[account.index()] = expires;
        let due = expires.map(|at| days_until(now.wall, at)).filter(|days| *days <= WARNED);
        let warning = due.map(|days| NoticeKind::CertificateExpires { account, days });
        self.clear_notices(|kind| {
            matches!(kind, NoticeKind::CertificateExpires { account: of, .. } if *of == account)
                && warning.as_ref() != Some(kind)
        });
        if let Some(warning) = warning {
            self.notice(warning);
        }
        self.tell_accounts();
        self.settle(now);
    }
}

/// How many days are left, the last one counted; 0 once it is over.
fn days_until(now: SystemTime, at: SystemTime) -> u32 {
    let left = at.duration_since(now).unwrap_or_default();
    let days = left.as_secs().div_ceil(DAY.as_secs());
    u32::try_from(days).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_day_counts_and_what_is_over_is_over() {
        let at = SystemTime::UNIX_EPOCH + 100 * DAY;
        let second = Duration::from_secs(1);
        assert_eq!(days_until(at - 30 * DAY, at), 30);
        assert_eq!(days_until(at - 30 * DAY - second, at), 31);
        assert_eq!(days_until(at - second, at), 1);
        assert_eq!((days_until(at, at), days_until(at + DAY, at)), (0, 0));
        assert_eq!(days_until(SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH + DAY * 4_000_000), 4_000_000);
    }
}
