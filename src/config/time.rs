//! Times in the settings: a time of the day, `07:00`, and a moment, `2026-11-29T07:00:00Z`.

use std::fmt;
use std::time::{Duration, SystemTime};

use super::setting::{Field, Value};

const DAY: u64 = 24 * 60 * 60;

/// A time of the day as the clocks here show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeOfDay {
    /// 0–23.
    pub hour: u8,
    /// 0–59.
    pub minute: u8,
}

impl TimeOfDay {
    /// `7:00`, `07:00`, and `07:00:00` as TOML has it.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(':').map(|part| number(part, 1, 2));
        let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next().unwrap_or(Some(0))?);
        let good = parts.next().is_none() && hour < 24 && minute < 60 && second == 0;
        good.then_some(Self { hour: u8::try_from(hour).ok()?, minute: u8::try_from(minute).ok()? })
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.hour, self.minute)
    }
}

impl Field for TimeOfDay {
    fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Text(text) => Self::parse(text),
            _ => None,
        }
    }

    fn value(&self) -> Value {
        Value::Text(self.to_string())
    }
}

impl Field for Option<SystemTime> {
    fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Text(text) if text.is_empty() => Some(None),
            Value::Text(text) => moment(text).map(Some),
            _ => None,
        }
    }

    fn value(&self) -> Value {
        Value::Text(self.map(moment_text).unwrap_or_default())
    }
}

/// The moment that `2026-11-29T07:00:00Z` names; only whole seconds of UTC from 1970 to 9999 (RFC 3339).
pub fn moment(text: &str) -> Option<SystemTime> {
    let (date, time) = text.strip_suffix(['Z', 'z'])?.split_once(['T', 't', ' '])?;
    let mut date = date.split('-').zip([4, 2, 2]).map(|(part, digits)| number(part, digits, digits));
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let mut time = time.split(':').map(|part| number(part, 2, 2));
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    if time.next().is_some() || year < 1970 || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = day_number(year, month, day)? * DAY + hour * 3600 + minute * 60 + second;
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    // Whatever is no date of the calendar comes back as another one.
    moment_text(at).eq_ignore_ascii_case(&text.replacen(' ', "T", 1)).then_some(at)
}

/// `2026-11-29T07:00:00Z`: UTC, whole seconds.
pub fn moment_text(at: SystemTime) -> String {
    let seconds = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let (year, month, day) = date(seconds / DAY);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Days from 1970 to a day of the calendar of Gregory. Years are counted from March, so that the leap day comes last.
fn day_number(year: u64, month: u64, day: u64) -> Option<u64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let years = if month > 2 { year } else { year.checked_sub(1)? };
    let in_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    (years * 365 + years / 4 - years / 100 + years / 400 + in_year).checked_sub(DAYS_BEFORE_1970)
}

/// From the first of March of the year 0.
const DAYS_BEFORE_1970: u64 = 719_468;

/// The day of the calendar so many days after the beginning of 1970.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + DAYS_BEFORE_1970;
    let (era, in_era) = (days / 146_097, days % 146_097);
    let years = (in_era - in_era / 1460 + in_era / 36_524 - in_era / 146_096) / 365;
    let in_year = in_era - (365 * years + years / 4 - years / 100);
    let from_march = (5 * in_year + 2) / 153;
    let day = in_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + years + u64::from(month <= 2), month, day)
}

/// A number of `least` to `most` digits and nothing else.
fn number(text: &str, least: usize, most: usize) -> Option<u64> {
    let fits = (least..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    fits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn moments_are_read_as_they_are_written() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T23:59:59Z", 951_868_799),
            ("2026-11-29T07:00:00Z", 1_795_935_600),
            ("2100-03-01T00:00:00Z", 4_107_542_400),
            ("9999-12-31T23:59:59Z", 253_402_300_799),
        ] {
            assert_eq!((moment(text), moment_text(at(seconds))), (Some(at(seconds)), text.to_owned()));
        }
        for day in (0..200_000).step_by(17) {
            assert_eq!(moment(&moment_text(at(day * DAY))), Some(at(day * DAY)), "day {day}");
        }
        assert_eq!(moment("2026-11-29 07:00:00Z"), moment("2026-11-29T07:00:00Z"), "as TOML may have it");
    }

    #[test]
    fn what_is_no_moment_is_none() {
        for text in [
            "",
            "tomorrow",
            "2026-11-29",
            "2026-11-29T07:00:00",
            "2026-11-29T07:00:00+01:00",
            "2026-02-29T07:00:00Z",
            "2026-13-01T07:00:00Z",
            "2026-00-10T07:00:00Z",
            "2026-11-31T07:00:00Z",
            "2026-11-29T24:00:00Z",
            "2026-11-29T07:00:60Z",
            "1969-12-31T23:59:59Z",
            "99999-01-01T00:00:00Z",
            "2026-11-29T07:00:00:00Z",
            "+026-11-29T07:00:00Z",
        ] {
            assert_eq!(moment(text), None, "{text}");
        }
    }

    #[test]
    fn a_time_of_the_day_has_hours_and_minutes() {
        assert_eq!(TimeOfDay::parse("7:05").map(|time| time.to_string()).as_deref(), Some("07:05"));
        assert_eq!(TimeOfDay::parse("23:59:00"), Some(TimeOfDay { hour: 23, minute: 59 }));
        for text in ["", "7", "24:00", "07:60", "07:00:01", "7:0:0:0", "a:b", "-1:00", "007:00"] {
            assert_eq!(TimeOfDay::parse(text), None, "{text}");
        }
    }
}
