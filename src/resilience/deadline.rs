//! The instant by which a call must have ended. Absolute and monotonic, so passing it inwards never lengthens it and a
//! jump of the wall clock changes nothing.

use std::time::Duration;

use tokio::time::Instant;

use crate::clock::Clock;

/// The instant after which nobody waits for the answer any more.
///
/// ```
/// use std::time::Duration;
/// use resurgam::clock::Clock;
/// use resurgam::resilience::Deadline;
///
/// let clock = Clock::system();
/// let client = Deadline::after(&clock, Duration::from_secs(5));
/// let attempt = client.capped(&clock, Duration::from_millis(610));
/// assert!(attempt.remaining(&clock) <= Duration::from_millis(610));
/// assert_eq!(attempt.earlier_of(client), attempt);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    /// Returns the deadline that lies `timeout` ahead; one too far to count is taken as [`TIMEOUT_MAX`].
    pub fn after(clock: &Clock, timeout: Duration) -> Self {
        Self(clock.now() + timeout.min(TIMEOUT_MAX))
    }

    /// Returns the deadline at this instant.
    pub const fn at_instant(at: Instant) -> Self {
        Self(at)
    }

    /// Returns the instant itself.
    pub fn at(self) -> Instant {
        self.0
    }

    /// Returns the time left, zero once expired.
    pub fn remaining(self, clock: &Clock) -> Duration {
        self.0.saturating_duration_since(clock.now())
    }

    /// Tells whether the instant has come.
    pub fn is_expired(self, clock: &Clock) -> bool {
        self.0 <= clock.now()
    }

    /// Returns whichever of the two comes first.
    #[must_use]
    pub fn earlier_of(self, other: Self) -> Self {
        self.min(other)
    }

    /// Returns this deadline, or the one `timeout` ahead if that comes first.
    #[must_use]
    pub fn capped(self, clock: &Clock, timeout: Duration) -> Self {
        self.earlier_of(Self::after(clock, timeout))
    }
}

/// The longest timeout that is told from forever: ten years.
pub const TIMEOUT_MAX: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn clock() -> Clock {
        Clock::manual(0, 1)
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_left_runs_down_to_zero_and_stays_there() {
        let clock = clock();
        let deadline = Deadline::after(&clock, Duration::from_millis(100));
        advance(Duration::from_millis(99)).await;
        assert_eq!(deadline.remaining(&clock), Duration::from_millis(1));
        assert!(!deadline.is_expired(&clock));
        advance(Duration::from_millis(1)).await;
        assert!(deadline.is_expired(&clock));
        advance(Duration::from_secs(1)).await;
        assert_eq!(deadline.remaining(&clock), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_cap_shortens_a_deadline_and_never_lengthens_it() {
        let clock = clock();
        let deadline = Deadline::after(&clock, Duration::from_secs(1));
        let shorter = deadline.capped(&clock, Duration::from_millis(10));
        assert_eq!(shorter.remaining(&clock), Duration::from_millis(10));
        assert_eq!(deadline.capped(&clock, Duration::from_secs(9)), deadline);
        assert_eq!(deadline.earlier_of(shorter), shorter);
        assert_eq!(shorter.earlier_of(deadline), shorter);
    }

    #[tokio::test(start_paused = true)]
    async fn the_longest_duration_is_a_far_deadline_and_no_overflow() {
        let clock = clock();
        let forever = Deadline::after(&clock, Duration::MAX);
        assert_eq!(forever.remaining(&clock), TIMEOUT_MAX);
        assert_eq!(forever.capped(&clock, Duration::MAX), forever);
    }

    #[test]
    fn the_longest_timeout_is_ten_years() {
        assert_eq!(TIMEOUT_MAX, Duration::from_secs(315_360_000));
    }

    // Case 100.
    #[tokio::test(start_paused = true)]
    async fn the_wall_clock_does_not_touch_a_deadline() {
        let clock = clock();
        let deadline = Deadline::after(&clock, Duration::from_secs(1));
        clock.advance_wall(Duration::from_secs(3_600));
        assert_eq!(deadline.remaining(&clock), Duration::from_secs(1));
    }
}
