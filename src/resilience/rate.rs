//! Limits how often each key may come: a token bucket for every key, and a bounded number of keys.
//!
//! Exact: time is counted in parts of a nanosecond of which a token costs a whole number. Nobody waits: who comes too
//! early has taken nothing and is told when the next token is there. The key that is forgotten to make room is the one
//! with the fullest bucket; a full one is what every new key has, so nothing is lost with it.

use std::cmp::Reverse;
use std::collections::binary_heap::PeekMut;
use std::collections::{BinaryHeap, HashMap};
use std::fmt;
use std::hash::Hash;
use std::time::Duration;

use parking_lot::Mutex;
use thiserror::Error;
use tokio::time::Instant;

use super::outcome::{NotExecuted, Reason};

/// A token bucket for every key.
///
/// ```
/// use std::time::Duration;
/// use resurgam::clock::Clock;
/// use resurgam::resilience::{RateLimit, RatePolicy};
///
/// let now = Clock::system().now();
/// let limit = RateLimit::new(RatePolicy { per_second: 10, burst: 1, keys_max: 100 }, now)?;
/// assert!(limit.try_take("ann", now).is_ok());
/// let early = limit.try_take("ann", now).expect_err("her bucket is empty");
/// assert_eq!(early.retry_after, Duration::from_millis(100));
/// assert!(limit.try_take("bob", now).is_ok(), "his is not");
/// # Ok::<(), resurgam::resilience::RateError>(())
/// ```
pub struct RateLimit<K> {
    policy: RatePolicy,
    /// Where time is counted from.
    zero: Instant,
    buckets: Mutex<Buckets<K>>,
}

impl<K: Copy + Eq + Hash + Ord> RateLimit<K> {
    /// Creates a limit under which every bucket is full; time counts from `zero` on.
    ///
    /// # Errors
    /// When the policy would let nothing pass.
    pub fn new(policy: RatePolicy, zero: Instant) -> Result<Self, RateError> {
        policy.check()?;
        let buckets = Buckets { full_at: HashMap::new(), fullest: BinaryHeap::new() };
        Ok(Self { policy, zero, buckets: Mutex::new(buckets) })
    }

    /// Takes a token of `key` at `now`; never waits.
    ///
    /// # Errors
    /// When the bucket is empty; nothing is taken, and `retry_after` is exactly when the next token is there.
    pub fn try_take(&self, key: K, now: Instant) -> Result<Allowance, NotExecuted> {
        let now = self.ticks(now);
        let capacity = TOKEN * u128::from(self.policy.burst);
        let mut buckets = self.buckets.lock();
        let full_at = buckets.full_at.get(&key).map_or(now, |full_at| now.max(*full_at));
        let missing = full_at - now + TOKEN;
        if missing > capacity {
            return Err(NotExecuted { reason: Reason::ClientRate, retry_after: self.duration(missing - capacity) });
        }
        buckets.put(key, full_at + TOKEN, self.policy.keys_max);
        let left = capacity - missing;
        let tokens = u32::try_from(left / TOKEN).expect("no more than the burst");
        Ok(Allowance { tokens, next_in: self.duration(TOKEN - left % TOKEN) })
    }

    /// Returns the policy given at creation.
    pub fn policy(&self) -> RatePolicy {
        self.policy
    }

    /// Returns how many keys are remembered.
    pub fn keys(&self) -> usize {
        self.buckets.lock().full_at.len()
    }

    /// A nanosecond has as many ticks as a second brings tokens.
    fn ticks(&self, at: Instant) -> u128 {
        at.saturating_duration_since(self.zero).as_nanos() * u128::from(self.policy.per_second)
    }

    fn duration(&self, ticks: u128) -> Duration {
        let nanos = ticks.div_ceil(u128::from(self.policy.per_second));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

impl<K> fmt::Debug for RateLimit<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.policy.fmt(f)
    }
}

/// What a key may still do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Tokens that are left.
    pub tokens: u32,
    /// When there is one more.
    pub next_in: Duration,
}

/// How often each key may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RatePolicy {
    /// Tokens a second brings.
    pub per_second: u32,
    /// Tokens a full bucket has.
    pub burst: u32,
    /// Keys that are remembered.
    pub keys_max: usize,
}

impl RatePolicy {
    /// Checks that something can pass.
    ///
    /// # Errors
    /// Names the first field that forbids it.
    pub fn check(&self) -> Result<(), RateError> {
        match self {
            Self { per_second: 0, .. } => Err(RateError::ZeroPerSecond),
            Self { burst: 0, .. } => Err(RateError::ZeroBurst),
            Self { keys_max: 0, .. } => Err(RateError::ZeroKeysMax),
            Self { .. } => Ok(()),
        }
    }
}

/// A policy that would let nothing pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RateError {
    /// No token would ever come back.
    #[error("per_second must be greater than zero")]
    ZeroPerSecond,
    /// No bucket would hold a token.
    #[error("burst must be greater than zero")]
    ZeroBurst,
    /// No key would be remembered.
    #[error("keys_max must be greater than zero")]
    ZeroKeysMax,
}

struct Buckets<K> {
    /// When each key's bucket is full again, in ticks; a key that is not here has a full one.
    full_at: HashMap<K, u128>,
    /// Each of these keys once, the fullest first, with when its bucket was to be full when it was last looked at: by now
    /// that may be later, never earlier.
    fullest: BinaryHeap<Reverse<(u128, K)>>,
}

impl<K: Copy + Eq + Hash + Ord> Buckets<K> {
    fn put(&mut self, key: K, full_at: u128, keys_max: usize) {
        if let Some(known) = self.full_at.get_mut(&key) {
            *known = full_at;
            return;
        }
        if self.full_at.len() >= keys_max {
            self.forget_fullest();
        }
        self.full_at.insert(key, full_at);
        self.fullest.push(Reverse((full_at, key)));
    }

    fn forget_fullest(&mut self) {
        while let Some(mut first) = self.fullest.peek_mut() {
            let Reverse((noted, key)) = *first;
            let full_at = self.full_at[&key];
            if full_at == noted {
                PeekMut::pop(first);
                self.full_at.remove(&key);
                return;
            }
            // Used since: it goes back to where it belongs now. Each use is paid for once.
            *first = Reverse((full_at, key));
        }
    }
}

/// Ticks a token costs: a second has so many for each token it brings.
const TOKEN: u128 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::thread;

    use proptest::prelude::*;

    use super::*;
    use crate::clock::Clock;

    fn zero() -> Instant {
        Clock::manual(0, 1).now()
    }

    fn limit(per_second: u32, burst: u32, keys_max: usize, zero: Instant) -> RateLimit<u32> {
        RateLimit::new(RatePolicy { per_second, burst, keys_max }, zero).expect("the policy is sound")
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn too_early(wait: Duration) -> Result<Allowance, NotExecuted> {
        Err(NotExecuted { reason: Reason::ClientRate, retry_after: wait })
    }

    // Case 101.
    #[test]
    fn ten_a_second_are_ten_at_once_and_then_exactly_one_each_tenth_of_a_second() {
        let now = zero();
        let limit = limit(10, 10, 1, now);
        for left in (0..10).rev() {
            assert_eq!(limit.try_take(1, now), Ok(Allowance { tokens: left, next_in: ms(100) }));
        }
        assert_eq!(limit.try_take(1, now), too_early(ms(100)));
        let (early, due) = (now + ms(100) - Duration::from_nanos(1), now + ms(100));
        assert_eq!(limit.try_take(1, early), too_early(Duration::from_nanos(1)));
        assert_eq!(limit.try_take(1, due), Ok(Allowance { tokens: 0, next_in: ms(100) }));
        assert_eq!(limit.try_take(1, due), too_early(ms(100)));
    }

    // Cases 102 and 103. Nobody waits, so nobody leaves a reservation behind.
    #[test]
    fn who_is_turned_away_is_told_at_once_and_has_taken_nothing() {
        let now = zero();
        let limit = limit(2, 1, 1, now);
        assert!(limit.try_take(1, now).is_ok());
        for _ in 0..1_000 {
            assert_eq!(limit.try_take(1, now), too_early(ms(500)));
        }
        assert!(limit.try_take(1, now + ms(500)).is_ok());
    }

    #[test]
    fn a_token_on_its_way_comes_the_sooner_the_longer_it_is_on_it() {
        let now = zero();
        let limit = limit(10, 3, 1, now);
        assert_eq!(limit.try_take(1, now), Ok(Allowance { tokens: 2, next_in: ms(100) }));
        assert_eq!(limit.try_take(1, now + ms(40)), Ok(Allowance { tokens: 1, next_in: ms(60) }));
    }

    #[test]
    fn a_rate_that_no_clock_can_divide_is_kept_exactly() {
        let now = zero();
        let limit = limit(3, 3, 1, now);
        let hour = (0..3_600_000_u64).filter(|at| limit.try_take(1, now + ms(*at)).is_ok()).count();
        assert_eq!(hour, 3 + 3 * 3_600 - 1, "the burst, and three each second up to the last millisecond");
        assert!(limit.try_take(1, now + ms(3_600_000)).is_ok());
    }

    #[test]
    fn the_key_with_the_fullest_bucket_is_forgotten_first() {
        let now = zero();
        let limit = limit(1, 3, 3, now);
        let take = |key, count| (0..count).for_each(|_| assert!(limit.try_take(key, now).is_ok()));
        take(1, 1);
        take(2, 1);
        take(3, 2);
        // The first to come has taken most meanwhile.
        take(1, 2);
        take(4, 1);
        assert_eq!(limit.keys(), 3);
        assert_eq!(limit.try_take(1, now), too_early(ms(1_000)), "remembered");
        assert_eq!(limit.try_take(3, now).map(|left| left.tokens), Ok(0), "remembered");
        assert_eq!(limit.try_take(2, now).map(|left| left.tokens), Ok(2), "forgotten");
    }

    #[test]
    fn a_flood_of_keys_takes_no_more_memory_and_gives_nobody_a_token_too_many() {
        let now = zero();
        let limit = limit(1, 2, 100, now);
        let flooder = 0;
        (0..2).for_each(|_| assert!(limit.try_take(flooder, now).is_ok()));
        for key in 1..=10_000 {
            assert!(limit.try_take(key, now).is_ok());
            assert!(limit.keys() <= 100);
            assert_eq!(limit.try_take(flooder, now), too_early(ms(1_000)), "a flood does not empty a memory of a key");
        }
        assert_eq!(limit.buckets.lock().fullest.len(), 100);
    }

    #[test]
    fn many_threads_are_given_the_burst_between_them_and_not_one_more() {
        let now = zero();
        let (limit, taken) = (limit(1, 50, 1, now), AtomicU32::new(0));
        thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| {
                    let passed = (0..100).filter(|_| limit.try_take(1, now).is_ok()).count();
                    taken.fetch_add(u32::try_from(passed).expect("few"), Ordering::Relaxed);
                });
            }
        });
        assert_eq!(taken.into_inner(), 50);
    }

    #[test]
    fn a_policy_that_would_let_nothing_pass_is_refused_by_name() {
        let sound = RatePolicy { per_second: 1, burst: 1, keys_max: 1 };
        for (policy, message) in [
            (RatePolicy { per_second: 0, ..sound }, "per_second must be greater than zero"),
            (RatePolicy { burst: 0, ..sound }, "burst must be greater than zero"),
            (RatePolicy { keys_max: 0, ..sound }, "keys_max must be greater than zero"),
        ] {
            let refused = RateLimit::<u32>::new(policy, zero()).expect_err("it lets nothing pass");
            assert_eq!(refused.to_string(), message);
        }
        assert!(RateLimit::<u32>::new(sound, zero()).is_ok());
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_bucket_that_is_filled_step_by_step(
            per_second in 1_u32..5_000_000,
            burst in 1_u32..20,
            steps in prop::collection::vec((0_u32..4, 0_u64..1_000_000_000), 1..300),
        ) {
            let mut now = zero();
            let limit = limit(per_second, burst, 4, now);
            let full = TOKEN * u128::from(burst);
            let mut buckets = [full; 4];
            for (key, nanos) in steps {
                now += Duration::from_nanos(nanos);
                for bucket in &mut buckets {
                    *bucket = full.min(*bucket + u128::from(nanos) * u128::from(per_second));
                }
                let bucket = &mut buckets[key as usize];
                match limit.try_take(key, now) {
                    Ok(left) => {
                        *bucket = bucket.checked_sub(TOKEN).expect("a whole token was there");
                        prop_assert_eq!(u128::from(left.tokens), *bucket / TOKEN);
                    }
                    Err(rejected) => {
                        let wait = rejected.retry_after.as_nanos() * u128::from(per_second);
                        prop_assert!(*bucket + wait >= TOKEN, "the wait is long enough");
                        prop_assert!(*bucket + wait - u128::from(per_second) < TOKEN, "and no longer");
                    }
                }
            }
        }
    }
}
