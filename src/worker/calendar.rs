//! The clocks of the place where the panel hangs, by the time zone of the settings or of the system.

use std::time::SystemTime;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::config::TimeOfDay;
use crate::phone::Calendar;

/// The time zones that the system knows.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemCalendar;

impl Calendar for SystemCalendar {
    fn next(&self, zone: &str, time: TimeOfDay, after: SystemTime) -> Option<SystemTime> {
        next_in(&named(zone), time, after)
    }
}

/// The zone of this name; that of the system for none, and for one that has gone from the machine since it was set.
fn named(zone: &str) -> TimeZone {
    match zone {
        "" => TimeZone::system(),
        zone => TimeZone::get(zone).unwrap_or_else(|_| TimeZone::system()),
    }
}

/// A time that the clocks leave out in spring comes when they have been put forward; one that they show twice in autumn
/// comes the first time.
fn next_in(zone: &TimeZone, time: TimeOfDay, after: SystemTime) -> Option<SystemTime> {
    let after = Timestamp::try_from(after).ok()?;
    let today = after.to_zoned_datetime(zone.clone()).date();
    let hour = i8::try_from(time.hour).ok()?;
    let minute = i8::try_from(time.minute).ok()?;
    // The second day, where a whole day is left out of the calendar.
    (0..3_i32).find_map(|days| {
        let day = today.checked_add(days.days()).ok()?;
        let at = day.at(hour, minute, 0, 0).to_zoned_datetime(zone.clone()).ok()?.timestamp();
        if at > after { SystemTime::try_from(at).ok() } else { None }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(zone: &str, time: &str, after: &str) -> String {
        let zone = TimeZone::posix(zone).expect("a time zone");
        let after: Timestamp = after.parse().expect("a moment");
        let time = TimeOfDay::parse(time).expect("a time of the day");
        let at = next_in(&zone, time, SystemTime::try_from(after).expect("in range")).expect("it comes");
        Timestamp::try_from(at).expect("in range").to_string()
    }

    /// Central Europe.
    const BERLIN: &str = "CET-1CEST,M3.5.0,M10.5.0/3";

    #[test]
    fn morning_is_the_next_one_by_the_clocks_here() {
        assert_eq!(next(BERLIN, "07:00", "2026-11-28T22:00:00Z"), "2026-11-29T06:00:00Z", "tomorrow");
        assert_eq!(next(BERLIN, "07:00", "2026-11-29T01:00:00Z"), "2026-11-29T06:00:00Z", "in the night");
        assert_eq!(next(BERLIN, "07:00", "2026-11-29T06:00:00Z"), "2026-11-30T06:00:00Z", "not this very moment");
        assert_eq!(next(BERLIN, "00:00", "2026-12-31T22:59:59Z"), "2026-12-31T23:00:00Z");
        assert_eq!(next("UTC0", "07:00", "2028-02-28T08:00:00Z"), "2028-02-29T07:00:00Z");
    }

    #[test]
    fn a_zone_that_is_named_counts_and_not_that_of_the_system() {
        let after: Timestamp = "2026-11-28T22:30:00Z".parse().expect("a moment");
        let morning = TimeOfDay { hour: 7, minute: 0 };
        let next = |zone| {
            let at = SystemCalendar.next(zone, morning, SystemTime::try_from(after).expect("in range"));
            Timestamp::try_from(at.expect("it comes")).expect("in range").to_string()
        };
        assert_eq!(next("Asia/Tokyo"), "2026-11-29T22:00:00Z", "it is 07:30 there");
        assert_eq!(next("America/New_York"), "2026-11-29T12:00:00Z");
        assert_eq!(next(""), next("Europe/Atlantis"), "that of the system");
    }

    #[test]
    fn it_follows_the_clocks_when_they_are_changed() {
        // Put forward in the night to 2027-03-28, back in the night to 2026-10-25.
        assert_eq!(next(BERLIN, "07:00", "2027-03-27T21:00:00Z"), "2027-03-28T05:00:00Z");
        assert_eq!(next(BERLIN, "07:00", "2026-10-24T21:00:00Z"), "2026-10-25T06:00:00Z");
        assert_eq!(
            next(BERLIN, "02:30", "2027-03-27T21:00:00Z"),
            "2027-03-28T01:30:00Z",
            "03:30, as 02:30 is left out"
        );
        assert_eq!(next(BERLIN, "02:30", "2026-10-24T21:00:00Z"), "2026-10-25T00:30:00Z", "the first of the two");
    }
}
