//! When a callee says it may be tried again. What cannot be read is no hint: a computed delay is a safe answer to it.

use std::time::Duration;

use crate::resilience::outcome::CallError;

/// What a callee said about another try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// Not before this long.
    After(Duration),
    /// Not at all.
    Never,
}

impl Hint {
    /// Returns the hint in a failure; an unknown outcome has none, and neither has a rejection that knows no time.
    #[must_use]
    pub fn of(error: &CallError) -> Option<Self> {
        match error {
            CallError::NotExecuted(rejection) if rejection.retry_after.is_zero() => None,
            CallError::NotExecuted(rejection) => Some(Self::After(rejection.retry_after)),
            CallError::Unknown(_) => None,
        }
    }

    /// Reads a `Retry-After`: whole seconds, or an HTTP date, of which the past means at once. A negative number means
    /// never, as a push-back does in gRPC. The two obsolete forms of dates are not read.
    #[must_use]
    pub fn parse(text: &str, wall_ms: u64) -> Option<Self> {
        let text = text.trim();
        if is_number(text) {
            // More seconds than can be counted are still a number, and longer than anybody waits.
            return Some(Self::After(Duration::from_secs(text.parse().unwrap_or(u64::MAX))));
        }
        if text.strip_prefix('-').is_some_and(is_number) {
            return Some(Self::Never);
        }
        let at_ms = date_secs(text)? * 1_000;
        Some(Self::After(Duration::from_millis(at_ms.saturating_sub(wall_ms))))
    }
}

/// Reads `Sun, 06 Nov 1994 08:49:37 GMT` as seconds since 1970; what is before is taken as that. The day of the week is
/// redundant and not checked.
fn date_secs(text: &str) -> Option<u64> {
    let mut words = text.split(' ');
    let mut word = || words.next();
    let (_weekday, day, month, year, time, zone) = (word()?, word()?, word()?, word()?, word()?, word()?);
    if zone != "GMT" || word().is_some() {
        return None;
    }
    let month = MONTHS.iter().position(|name| *name == month)? as u64;
    let days = days_since_1970(number(year, 4, 9_999)?, month, number(day, 2, 31)?);
    let mut parts = time.split(':');
    let mut part = |max| number(parts.next()?, 2, max);
    // A leap second is written as the sixtieth.
    let (hours, minutes, seconds) = (part(23)?, part(59)?, part(60)?);
    parts.next().is_none().then_some(((days * 24 + hours) * 60 + minutes) * 60 + seconds)
}

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Counts the days of the Gregorian calendar; `month` counts from zero, `day` from one.
fn days_since_1970(year: u64, month: u64, day: u64) -> u64 {
    // Years that begin in March have their leap day, and their one short month, at the end.
    let (year, month) = if month < 2 { (year.saturating_sub(1), month + 10) } else { (year, month - 2) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day;
    days.saturating_sub(DAYS_BEFORE_1970)
}

const DAYS_BEFORE_1970: u64 = 719_469;

fn number(digits: &str, len: usize, max: u64) -> Option<u64> {
    let number = (digits.len() == len && is_number(digits)).then(|| digits.parse().ok())?;
    number.filter(|number| *number <= max)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use jiff::fmt::rfc2822::DateTimePrinter;
    use proptest::prelude::*;

    use super::*;
    use crate::resilience::outcome::{NotExecuted, Reason, Unknown};

    /// 6 November 1994, 08:49:37, the example of the standard.
    const EXAMPLE_MS: u64 = 784_111_777_000;

    fn secs(seconds: u64) -> Option<Hint> {
        Some(Hint::After(Duration::from_secs(seconds)))
    }

    #[test]
    fn seconds_are_read_as_they_stand_however_many() {
        assert_eq!(Hint::parse("120", EXAMPLE_MS), secs(120));
        assert_eq!(Hint::parse(" 0 ", EXAMPLE_MS), secs(0));
        assert_eq!(Hint::parse("99999999999999999999", EXAMPLE_MS), secs(u64::MAX));
    }

    // Case 79.
    #[test]
    fn a_negative_push_back_forbids_another_try() {
        assert_eq!(Hint::parse("-1", EXAMPLE_MS), Some(Hint::Never));
    }

    // Case 79.
    #[test]
    fn a_date_is_the_time_until_then_and_zero_once_past() {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        assert_eq!(Hint::parse(date, EXAMPLE_MS - 90_000), secs(90));
        assert_eq!(Hint::parse(date, EXAMPLE_MS), secs(0));
        assert_eq!(Hint::parse(date, EXAMPLE_MS + 1), secs(0));
        assert_eq!(Hint::parse("Thu, 01 Jan 0000 00:00:00 GMT", 0), secs(0));
    }

    // Case 79.
    #[test]
    fn garbage_is_no_hint() {
        for garbage in [
            "",
            " ",
            "-",
            "--1",
            "+1",
            "1.5",
            "1 s",
            "soon",
            "NaN",
            "٣",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 GMT x",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 06 nov 1994 08:49:37 GMT",
            "Sun, 32 Nov 1994 08:49:37 GMT",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 94 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:49:37 GMT",
            "Sun, 06 Nov 1994 08:60:37 GMT",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 06 Nov 1994 08:49:37:00 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(Hint::parse(garbage, 0), None, "{garbage:?}");
        }
    }

    #[test]
    fn a_rejection_hints_at_its_retry_after_unless_it_knows_none() {
        let rejection = |retry_after| CallError::from(NotExecuted { reason: Reason::BreakerOpen, retry_after });
        assert_eq!(Hint::of(&rejection(Duration::from_secs(5))), secs(5));
        assert_eq!(Hint::of(&rejection(Duration::ZERO)), None);
        assert_eq!(Hint::of(&Unknown::AttemptTimeout.into()), None);
    }

    proptest! {
        #[test]
        fn every_date_since_1970_is_read_as_it_was_written(second in 0_u64..253_402_300_800) {
            let timestamp = Timestamp::from_second(second as i64).expect("a time jiff can tell");
            let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&timestamp).expect("a time HTTP can tell");
            prop_assert_eq!(Hint::parse(&date, 0), secs(second));
        }

        #[test]
        fn nothing_that_arrives_makes_the_reader_panic(text: String, wall_ms: u64) {
            let _ = Hint::parse(&text, wall_ms);
        }
    }
}
