//! How long injected waits are: a distribution as an operator writes it, and the wait at each fraction of it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

/// The longest wait that can be injected; every deadline is over by then.
pub const LATENCY_MAX: Duration = Duration::from_secs(60);
/// How many percentiles one distribution may name.
pub const PERCENTILES_MAX: usize = 16;

/// A distribution of waits: `250ms`, evenly from `400ms..620ms`, or through its percentiles `p50=20ms,p99=900ms`.
///
/// Between two percentiles it is linear, as Prometheus reads a histogram; before the first and after the last it is level.
/// So each percentile named is exact, no wait is longer than the last, and more percentiles make any other curve.
#[derive(Clone, Debug, PartialEq)]
pub struct Latency {
    /// Ascending in both; a fixed wait has one at 0, an even range one at 0 and one at 100.
    points: Box<[Point]>,
}

impl Latency {
    /// Returns the wait that this fraction (in `[0, 1]`) of all waits is no longer than.
    #[must_use]
    pub fn at(&self, fraction: f64) -> Duration {
        let percent = fraction * 100.0;
        let (before, after) = self.points.split_at(self.points.partition_point(|point| point.percent <= percent));
        match (before.last(), after.first()) {
            (Some(from), Some(to)) => {
                let share = (percent - from.percent) / (to.percent - from.percent);
                from.wait + (to.wait - from.wait).mul_f64(share)
            }
            (Some(level), None) | (None, Some(level)) => level.wait,
            (None, None) => Duration::ZERO,
        }
    }

    /// Tells whether it has anybody wait.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.points.iter().all(|point| point.wait.is_zero())
    }

    fn fixed(wait: Duration) -> Self {
        Self { points: Box::new([Point { percent: 0.0, wait }]) }
    }
}

impl Default for Latency {
    /// No wait.
    fn default() -> Self {
        Self::fixed(Duration::ZERO)
    }
}

impl FromStr for Latency {
    type Err = LatencyError;

    fn from_str(text: &str) -> Result<Self, LatencyError> {
        let refused = |unfit| LatencyError { text: text.to_owned(), unfit };
        let points = points(text).ok_or_else(|| refused(Unfit::Unreadable))?;
        let points: Box<[Point]> = points.into_iter().take(PERCENTILES_MAX + 1).collect();
        let unfit = match &points[..] {
            many if many.len() > PERCENTILES_MAX => Some(Unfit::TooMany),
            points if !points.iter().all(|point| (0.0..=100.0).contains(&point.percent)) => Some(Unfit::NoPercentile),
            points if !points.is_sorted_by(Point::is_below) => Some(Unfit::Unsorted),
            points if points.iter().any(|point| point.wait > LATENCY_MAX) => Some(Unfit::TooLong),
            _ => None,
        };
        unfit.map_or(Ok(Self { points }), |unfit| Err(refused(unfit)))
    }
}

impl fmt::Display for Latency {
    /// Writes it so that it is read back the same.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.points[..] {
            [Point { percent: 0.0, wait }] => write!(f, "{}ms", wait.as_millis()),
            [Point { percent: 0.0, wait: from }, Point { percent: 100.0, wait: to }] => {
                write!(f, "{}ms..{}ms", from.as_millis(), to.as_millis())
            }
            points => points.iter().enumerate().try_for_each(|(index, Point { percent, wait })| {
                let comma = if index > 0 { "," } else { "" };
                write!(f, "{comma}p{percent}={}ms", wait.as_millis())
            }),
        }
    }
}

/// Why a text is no distribution of waits.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("latency {text:?}: {unfit}")]
pub struct LatencyError {
    text: String,
    unfit: Unfit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
enum Unfit {
    #[error("it is written as 250ms, 400ms..620ms or p50=20ms,p99=900ms, in whole ms, s, m or h")]
    Unreadable,
    #[error("a percentile is from 0 to 100")]
    NoPercentile,
    #[error("at most {PERCENTILES_MAX} percentiles")]
    TooMany,
    #[error("percentiles rise, and waits do not fall")]
    Unsorted,
    #[error("a wait is at most {LATENCY_MAX:?}")]
    TooLong,
}

/// Reads a duration as operators write it: whole milliseconds, seconds, minutes or hours, as in `250ms`, `60s`, `5m`, `1h`.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    let (count, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let unit_ms = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    count.parse::<u64>().ok()?.checked_mul(unit_ms).map(Duration::from_millis)
}

/// The wait that a percentage of all waits is no longer than.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Point {
    percent: f64,
    wait: Duration,
}

impl Point {
    fn is_below(&self, other: &Self) -> bool {
        self.percent < other.percent && self.wait <= other.wait
    }
}

fn points(text: &str) -> Option<Vec<Point>> {
    let point = |percent, wait| Some(Point { percent, wait: parse_duration(wait)? });
    if let Some((from, to)) = text.split_once("..") {
        return Some(vec![point(0.0, from)?, point(100.0, to)?]);
    }
    if !text.starts_with('p') {
        return Some(vec![point(0.0, text)?]);
    }
    let named = text.split(',').map(|named| {
        let (percent, wait) = named.trim().strip_prefix('p')?.split_once('=')?;
        point(percent.parse().ok()?, wait)
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn latency(text: &str) -> Latency {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[track_caller]
    fn check(text: &str, waits: &[(f64, u64)]) {
        let latency = latency(text);
        for (fraction, wait_ms) in waits {
            assert_eq!(latency.at(*fraction), ms(*wait_ms), "{text} at {fraction}");
        }
    }

    #[test]
    fn a_fixed_wait_is_always_the_same() {
        check("250ms", &[(0.0, 250), (0.5, 250), (1.0, 250)]);
        check("2s", &[(0.3, 2_000)]);
        check("1m", &[(0.3, 60_000)]);
    }

    #[test]
    fn an_even_range_is_linear_from_end_to_end() {
        check("400ms..620ms", &[(0.0, 400), (0.5, 510), (1.0, 620)]);
    }

    #[test]
    fn named_percentiles_are_exact_with_lines_between_them_and_level_ends() {
        let waits = [(0.0, 20), (0.25, 20), (0.5, 20), (0.7, 100), (0.9, 180), (0.99, 900), (1.0, 900)];
        check("p50=20ms,p90=180ms,p99=900ms", &waits);
        check("p0=10ms, p50=30ms, p100=1s", &[(0.0, 10), (0.25, 20), (1.0, 1_000)]);
    }

    #[test]
    fn what_is_no_distribution_is_refused_with_the_reason() {
        for (text, why) in [
            ("", "written as"),
            ("fast", "written as"),
            ("250", "written as"),
            ("-1ms", "written as"),
            ("1.5s", "written as"),
            ("99999999999999999999h", "written as"),
            ("400ms..", "written as"),
            ("p50", "written as"),
            ("p50=20ms,", "written as"),
            ("p101=20ms", "a percentile is from 0 to 100"),
            ("pnan=20ms", "a percentile is from 0 to 100"),
            ("620ms..400ms", "percentiles rise, and waits do not fall"),
            ("p99=20ms,p50=10ms", "percentiles rise"),
            ("p50=20ms,p50=20ms", "percentiles rise"),
            ("61s", "a wait is at most 60s"),
        ] {
            let refused = text.parse::<Latency>().expect_err(text).to_string();
            assert!(refused.starts_with(&format!("latency {text:?}: ")) && refused.contains(why), "{refused}");
        }
        let many: Vec<_> = (0..=PERCENTILES_MAX).map(|percent| format!("p{percent}=1ms")).collect();
        let refused = many.join(",").parse::<Latency>().expect_err("too many").to_string();
        assert!(refused.ends_with("at most 16 percentiles"), "{refused}");
    }

    #[test]
    fn as_many_percentiles_as_may_be_named_are_all_kept() {
        let named: Vec<_> = (1..=PERCENTILES_MAX).map(|percent| format!("p{percent}={percent}ms")).collect();
        assert_eq!(latency(&named.join(",")).at(1.0), ms(16));
    }

    #[test]
    fn a_duration_is_a_whole_number_with_its_unit() {
        assert_eq!(
            ["250ms", "60s", "5m", "1h"].map(parse_duration),
            [250, 60_000, 300_000, 3_600_000].map(|it| Some(ms(it)))
        );
        for text in ["", "s", "60", "1d", "1 s", "+1s", "1e3ms", "18446744073709551615h"] {
            assert_eq!(parse_duration(text), None, "{text:?}");
        }
    }

    fn any_latency() -> impl Strategy<Value = Latency> {
        let sorted = |count| {
            let percents = prop::collection::btree_set(0_u16..=1_000, count);
            (percents, prop::collection::vec(0_u64..=60_000, count))
        };
        (1..=PERCENTILES_MAX).prop_flat_map(sorted).prop_map(|(percents, mut waits)| {
            waits.sort_unstable();
            let points = percents.iter().zip(waits);
            let points = points.map(|(percent, wait)| Point { percent: f64::from(*percent) / 10.0, wait: ms(wait) });
            Latency { points: points.collect() }
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back_the_same(latency in any_latency()) {
            prop_assert_eq!(latency.to_string().parse::<Latency>(), Ok(latency));
        }

        #[test]
        fn waits_never_fall_and_never_leave_their_bounds(latency in any_latency(), a in 0.0..=1.0, b in 0.0..=1.0) {
            let (lower, upper) = (f64::min(a, b), f64::max(a, b));
            prop_assert!(latency.at(lower) <= latency.at(upper));
            prop_assert!(latency.at(0.0) <= latency.at(lower) && latency.at(upper) <= latency.at(1.0));
        }
    }
}
