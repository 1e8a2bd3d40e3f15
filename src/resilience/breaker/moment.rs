//! The breaker's own time: monotonic, and handed in by whoever asks.

use std::time::Duration;

/// A point in time, in nanoseconds since an origin that all callers of one breaker share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(u64);

impl Moment {
    /// Returns the moment that lies `since` after the origin; 584 years at most.
    #[must_use]
    pub fn new(since: Duration) -> Self {
        Self(nanos(since))
    }

    /// Returns the moment `by` later; one too far to count is the last there is.
    #[must_use]
    pub fn after(self, by: Duration) -> Self {
        Self(self.0.saturating_add(nanos(by)))
    }

    /// Returns the time since an earlier moment, zero when it is a later one.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// Returns the nanoseconds since the origin.
    #[must_use]
    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// Returns the moment so many nanoseconds after the origin.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }
}

/// Returns a duration in nanoseconds, the largest number there is for one too long.
pub(super) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
