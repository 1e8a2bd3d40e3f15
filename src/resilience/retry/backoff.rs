//! How long to wait before a retry. A function of its arguments, chance included.
//!
//! Every delay is drawn under the cap. Cutting a drawn delay at the cap would make most of the late ones equal to it, and
//! callers that failed together would come back together.

use std::time::Duration;

/// Delays that double from retry to retry up to a cap, spread by chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The first delay, before jitter.
    pub first: Duration,
    /// The cap: no delay is longer.
    pub max: Duration,
    /// How delays are spread.
    pub jitter: Jitter,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_millis(20), max: Duration::from_millis(500), jitter: Jitter::Full }
    }
}

impl Backoff {
    /// Returns the delay before a retry, counted from one, given the delay before the last one (zero if there was none)
    /// and 64 random bits. Never overflows and never exceeds [`Backoff::max`].
    #[must_use]
    pub fn delay(&self, retry: u32, previous: Duration, random: u64) -> Duration {
        let (first_ns, max_ns) = (nanos(self.first), nanos(self.max));
        let doubled = 1_u64.checked_shl(retry.saturating_sub(1)).unwrap_or(u64::MAX);
        let ceiling_ns = first_ns.saturating_mul(doubled).min(max_ns);
        let delay_ns = match self.jitter {
            Jitter::None => ceiling_ns,
            Jitter::Full => draw(0, ceiling_ns, random),
            Jitter::Equal => draw(ceiling_ns / 2, ceiling_ns, random),
            Jitter::Decorrelated => {
                let tripled_ns = nanos(previous).max(first_ns).saturating_mul(3);
                draw(first_ns.min(max_ns), tripled_ns.min(max_ns), random)
            }
        };
        Duration::from_nanos(delay_ns)
    }
}

/// How delays are spread, so that callers that failed together do not come back together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jitter {
    /// Not at all.
    None,
    /// Evenly from zero to the doubled delay.
    Full,
    /// Evenly over the upper half of that.
    Equal,
    /// Evenly from the first delay to three times the previous one.
    Decorrelated,
}

/// Lengthens a delay by a random part of itself, at most a tenth.
pub(super) fn lengthened(delay: Duration, random: u64) -> Duration {
    delay.saturating_add(Duration::from_nanos(draw(0, nanos(delay) / 10, random)))
}

/// Takes the value from `low` to `high`, both included, that lies where `random` lies among all of its values.
fn draw(low: u64, high: u64, random: u64) -> u64 {
    let values = u128::from(high - low) + 1;
    low + ((u128::from(random) * values) >> 64) as u64
}

/// More than 584 years are taken as that.
fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::clock::Clock;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn backoff(jitter: Jitter) -> Backoff {
        Backoff { first: ms(100), max: ms(1_000), jitter }
    }

    fn delays_at(backoff: Backoff, retry: u32) -> Vec<Duration> {
        let clock = Clock::manual(0, 7);
        (0..10_000).map(|_| backoff.delay(retry, Duration::ZERO, clock.random())).collect()
    }

    fn mean(delays: &[Duration]) -> Duration {
        delays.iter().sum::<Duration>() / delays.len() as u32
    }

    // Case 73.
    #[test]
    fn without_jitter_delays_double_up_to_the_cap() {
        let delays = (1..=6).map(|retry| backoff(Jitter::None).delay(retry, Duration::ZERO, u64::MAX));
        assert!(delays.eq([100, 200, 400, 800, 1_000, 1_000].map(ms)));
    }

    // Case 74.
    #[test]
    fn full_jitter_spreads_delays_evenly_under_the_cap_and_not_onto_it() {
        let delays = delays_at(backoff(Jitter::Full), 10);
        assert!(delays.iter().all(|delay| *delay <= ms(1_000)));
        assert!((ms(485)..=ms(515)).contains(&mean(&delays)), "mean {:?}", mean(&delays));
        assert!(delays.iter().filter(|delay| **delay == ms(1_000)).count() < 10);
    }

    #[test]
    fn equal_jitter_spreads_delays_evenly_over_the_upper_half() {
        let delays = delays_at(backoff(Jitter::Equal), 2);
        assert!(delays.iter().all(|delay| (ms(100)..=ms(200)).contains(delay)));
        assert!((ms(147)..=ms(153)).contains(&mean(&delays)), "mean {:?}", mean(&delays));
    }

    #[test]
    fn chance_reaches_both_ends_of_the_range() {
        for (jitter, previous_ms, low_ms, high_ms) in [
            (Jitter::Full, 0, 0, 200),
            (Jitter::Equal, 0, 100, 200),
            (Jitter::Decorrelated, 0, 100, 300),
            (Jitter::Decorrelated, 250, 100, 750),
            (Jitter::Decorrelated, 900, 100, 1_000),
        ] {
            let delay = |random| backoff(jitter).delay(2, ms(previous_ms), random);
            assert_eq!((delay(0), delay(u64::MAX)), (ms(low_ms), ms(high_ms)), "{jitter:?} after {previous_ms} ms");
        }
    }

    #[test]
    fn decorrelated_delays_at_the_cap_still_differ() {
        let delays = delays_at(Backoff { first: ms(400), ..backoff(Jitter::Decorrelated) }, 1);
        assert!(delays.iter().filter(|delay| **delay == ms(1_000)).count() < 10);
    }

    #[test]
    fn the_default_waits_up_to_twenty_and_at_last_five_hundred_milliseconds() {
        let longest = |retry| Backoff::default().delay(retry, Duration::ZERO, u64::MAX);
        assert_eq!((longest(1), longest(2), longest(100)), (ms(20), ms(40), ms(500)));
    }

    fn jitter() -> impl Strategy<Value = Jitter> {
        prop_oneof![Just(Jitter::None), Just(Jitter::Full), Just(Jitter::Equal), Just(Jitter::Decorrelated)]
    }

    fn duration() -> impl Strategy<Value = Duration> {
        prop_oneof![
            (0_u64..10_000_000_000).prop_map(Duration::from_nanos),
            (any::<u64>(), 0_u32..1_000_000_000).prop_map(|(secs, nanos)| Duration::new(secs, nanos)),
            Just(Duration::MAX),
        ]
    }

    proptest! {
        // Case 75.
        #[test]
        fn each_decorrelated_delay_lies_between_the_first_and_three_times_the_previous(seed: u64) {
            let (backoff, clock) = (backoff(Jitter::Decorrelated), Clock::manual(0, seed));
            let mut previous = backoff.first;
            for retry in 1..100 {
                let delay = backoff.delay(retry, previous, clock.random());
                prop_assert!((backoff.first..=backoff.max.min(previous * 3)).contains(&delay));
                previous = delay;
            }
        }

        // Case 76.
        #[test]
        fn no_delay_overflows_or_exceeds_the_cap(
            first in duration(), max in duration(), jitter in jitter(), previous in duration(), random: u64, retry: u32,
        ) {
            for retry in [0, 1, 64, 65, 1_000, u32::MAX, retry] {
                let delay = Backoff { first, max, jitter }.delay(retry, previous, random);
                prop_assert!(delay <= max);
            }
        }

        #[test]
        fn a_delay_is_lengthened_by_a_tenth_at_most_and_never_shortened(delay in duration(), random: u64) {
            let lengthened = lengthened(delay, random);
            prop_assert!(delay <= lengthened && lengthened <= delay.saturating_add(delay / 10));
        }
    }
}
